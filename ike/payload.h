/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed views of IKE payloads (RFC 7296 section 3). A view points into the message it was parsed from and
 * lives no longer; parsing allocates nothing, decides nothing and reports faults as data.
 */
#ifndef CW_IKE_PAYLOAD_H
#define CW_IKE_PAYLOAD_H

#include "base/cursor.h"
#include "ike/ike.h"
#include "ike/wire.h"

struct ike_span {
	const uint8_t *data; /* NULL: the payload is not there */
	size_t len;
};

struct ike_notify {
	uint16_t type; /* enum ike_notify_type, or one we do not know */
	uint8_t protocol;
	struct ike_span spi;
	struct ike_span data;
};

struct ike_delete {
	uint8_t protocol;
	uint8_t spi_len;
	unsigned n; /* SPIs that follow */
	struct ike_span spis;
};

/* What a chain of payloads may turn out to be. */
enum ike_fault {
	IKE_FAULT_NONE,
	IKE_FAULT_SYNTAX,   /* lengths or contents make no sense: INVALID_SYNTAX (RFC 7296 2.21) */
	IKE_FAULT_CRITICAL, /* an unknown payload with the critical bit: UNSUPPORTED_CRITICAL_PAYLOAD (2.5) */
	IKE_FAULT_RULES,    /* payloads that do not belong here, or are missing: INVALID_SYNTAX */
};

/* The payloads of one message, each by its bare body (without generic header). */
struct ike_payloads {
	enum ike_fault fault;
	uint8_t critical_type; /* with IKE_FAULT_CRITICAL */
	struct ike_span sa, ke, nonce, idi, idr, auth, tsi, tsr, eap, sk, skf;
	struct ike_span cert[IKE_CERTS_MAX]; /* encoding and data each, in their order */
	unsigned n_cert;
	uint8_t sk_first; /* type of the first payload inside SK or SKF */
	struct ike_notify notify[IKE_NOTIFIES_MAX];
	unsigned n_notify;
	struct ike_delete del[IKE_DELETES_MAX];
	unsigned n_del;
	uint8_t seen[IKE_P_LAST_KNOWN - IKE_P_FIRST_KNOWN + 1]; /* how often each known type came */
	uint8_t order[4]; /* the first types, to see that COOKIE came first */
	unsigned n;
};

/* Walks the chain in r, whose first payload has the type `first`. 0, or -1 with ret->fault set. */
int ike_payloads_parse(struct rd r, uint8_t first, struct ike_payloads *ret);
/* Stands for an exchange type in ike_payloads_check: IKE_AUTH after its first message each way (RFC
 * 7296 2.16). */
#define IKE_X_AUTH_MORE 255
/* Does the message have what its exchange needs and nothing that it must not have? Sets ->fault and gives -1.
 */
int ike_payloads_check(struct ike_payloads *p, uint8_t exchange, bool response);
/* The first notification of this type, or NULL. */
const struct ike_notify *ike_notify_find(const struct ike_payloads *p, uint16_t type);
/* The first error notification, or NULL. */
const struct ike_notify *ike_notify_error(const struct ike_payloads *p);
/* "NO_PROPOSAL_CHOSEN", or "notification 8192". */
const char *ike_notify_name(uint16_t type, char *buf, size_t cap);

struct ike_ke_view {
	uint16_t group;
	struct ike_span data;
};
int ike_ke_parse(struct ike_span body, struct ike_ke_view *ret);
struct ike_auth_view {
	uint8_t method;
	struct ike_span data;
};
int ike_auth_parse(struct ike_span body, struct ike_auth_view *ret);
int ike_id_parse(struct ike_span body, struct ike_identity *ret);
/* One EAP packet (RFC 3748 4): its code; the length field must be the payload's. */
int ike_eap_parse(struct ike_span body, uint8_t *ret_code);
/* One 4-octet SPI of a Delete payload; i < n. */
uint32_t ike_delete_spi(const struct ike_delete *d, unsigned i);

/* Traffic selectors of one payload; those of unknown types are passed over. */
struct ike_ts_list {
	struct ike_ts list[IKE_TS_OFFER_MAX];
	unsigned n;
};
int ike_ts_parse(struct ike_span body, struct ike_ts_list *ret);

/* --- building --- */
/*
 * A chain of payloads under construction. ike_build_payload closes the payload before (its length is
 * patched), names the new one there, and leaves the cursor w at the new body. One sticky error, asked once at
 * the end.
 */
struct ike_build {
	struct wr w;
	uint8_t first; /* type of the first payload */
	size_t next;   /* offset of the last payload's next-payload field; valid when open */
	size_t start;  /* offset of the last payload */
	bool open;
};
struct ike_build ike_build_init(void *buf, size_t cap);
void ike_build_payload(struct ike_build *b, uint8_t type);
/* Closes the last payload. 0 and the length, or -1 when something did not fit. */
int ike_build_finish(struct ike_build *b, size_t *ret_len);

void ike_build_notify(struct ike_build *b, uint8_t protocol, const struct chunk *spi, uint16_t type,
    const void *data, size_t len);
void ike_build_ke(struct ike_build *b, uint16_t group, const uint8_t *data, size_t len);
void ike_build_nonce(struct ike_build *b, const uint8_t *data, size_t len);
void ike_build_id(struct ike_build *b, uint8_t type, const struct ike_identity *id);
void ike_build_auth(struct ike_build *b, uint8_t method, const uint8_t *data, size_t len);
void ike_build_eap(struct ike_build *b, const uint8_t *packet, size_t len);
void ike_build_ts(struct ike_build *b, uint8_t type, const struct ike_ts *ts, unsigned n);
void ike_build_delete_ike(struct ike_build *b);
void ike_build_delete_esp(struct ike_build *b, const uint32_t *spis, unsigned n);

#endif

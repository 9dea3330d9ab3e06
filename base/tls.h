/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS 1.2 and 1.3 as a machine of bytes, for EAP-TLS (RFC 5216, RFC 9190): records in, records out, a key in
 * the end. Both sides show a certificate. OpenSSL's libssl on memory; no session is ever resumed and no
 * ticket given.
 *
 * TLS 1.2 is spoken with an ephemeral key on a curve and AEAD only (ECDHE with AES-GCM or ChaCha20), unless
 * the credentials are legacy: then by whatever the library knows.
 *
 * A step takes milliseconds (signatures), and the one that ends the handshake up to CREDENTIALS_FETCH_SECONDS
 * (revocation): run it as a job. Its randomness is the library's own, which can't
 * be given from outside: the one exception to base/rng.h, so a run with TLS does not replay bit for bit.
 */
#ifndef CW_BASE_TLS_H
#define CW_BASE_TLS_H

#include "base/credentials.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_NAMES_MAX 16  /* of a certificate, that are looked at */
#define TLS_NAME_MAX  256 /* octets of each */

struct tls;
/*
 * One handshake with these credentials: our chain and key, our anchors and CRLs, and their world's clock.
 * Takes a reference. only_12: not TLS 1.3, for the other side that fails with it. NULL: out of memory, or
 * there is no chain, key or anchor.
 */
struct tls *tls_new(const struct credentials *c, bool server, bool only_12);
void tls_free(struct tls *t);

enum tls_state {
	TLS_ON_THE_WAY,
	TLS_ESTABLISHED, /* both sides are authenticated, and the client knows that the server thinks so too
	                  */
	TLS_BROKEN,      /* tls_why says why; an alert may be in the output */
};
/* Takes the other side's records (none: a client begins) and goes as far as it gets. */
enum tls_state tls_step(struct tls *t, const uint8_t *in, size_t len);
/* What is to be sent: takes up to cap octets of it. */
size_t tls_pending(const struct tls *t);
size_t tls_take(struct tls *t, uint8_t *out, size_t cap);
/* After TLS_ESTABLISHED: the key of EAP-TLS, by the exporter of the version that was negotiated. 0 or -1. */
int tls_eap_key(struct tls *t, uint8_t *ret_key, size_t len);
bool tls_is_13(const struct tls *t);

enum tls_fault {
	TLS_FAULT_NONE,
	TLS_FAULT_EXPIRED,   /* the other's certificate is not valid at this time */
	TLS_FAULT_UNTRUSTED, /* nor issued by whom we trust, or otherwise wrong */
	TLS_FAULT_REFUSED,   /* the other side sent an alert */
	TLS_FAULT_PROTOCOL,
};
enum tls_fault tls_why(const struct tls *t, const char **ret_text);
/* With TLS_FAULT_REFUSED: the alert that the other side sent, by its number (RFC 8446 6). Else 0. */
unsigned tls_alert(const struct tls *t);
/* After TLS_ESTABLISHED: what deserves to be told nevertheless (whether the other's certificate was revoked
 * is not known); unset: nothing. */
const struct reason *tls_warning(const struct tls *t);

/* ... and how long the other's chain will be valid, in seconds. */
int64_t tls_valid_for(const struct tls *t);

/* The other's certificate carries this name: its subject's common name, or one of its alternative names (DNS,
 * mail, user principal). Letter case does not count. */
bool tls_peer_is(const struct tls *t, const char *name);
/* The i-th of those names; NULL behind the last. */
const char *tls_peer_name(const struct tls *t, unsigned i);

#endif

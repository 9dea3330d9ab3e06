/* SPDX-License-Identifier: Apache-2.0 */
/*
 * X.509 certificates (RFC 5280) as IKE uses them (RFC 4945): parse, facts, names, and whether a chain leads
 * to one of our anchors at a given time. No clock, no file, no network: bytes and the time are handed in.
 *
 * A struct cert is immutable and shared by reference; a struct cert_store isn't changed once it is in use.
 * All functions may run on any thread.
 */
#ifndef CW_BASE_CERT_H
#define CW_BASE_CERT_H

#include "base/sign.h"

#define CERT_DER_MAX     16384 /* bytes of one certificate */
#define CERT_CHAIN_MAX   10    /* certificates of one chain, ours or a peer's */
#define CERT_ANCHORS_MAX 512   /* trust anchors of one file: a whole system's bundle fits */
#define CERT_CRLS_MAX    64
#define CERT_CRL_MAX     (8 << 20) /* bytes of one CRL */
#define CERT_URLS_MAX    4
#define CERT_URL_MAX     256

struct cert;

struct cert *cert_parse(const uint8_t *der, size_t len); /* NULL: malformed, too large, no memory */
struct cert *cert_ref(const struct cert *c);
void cert_unref(struct cert *c);
/* Its DER; lives as long as the certificate. */
const uint8_t *cert_der(const struct cert *c, size_t *ret_len);
/* A new reference to its public key; NULL when its kind isn't known. */
struct sig_key *cert_key(const struct cert *c);
bool cert_self_issued(const struct cert *c);
/* Is this certificate `issuer`'s work, by names and signature? */
bool cert_issued_by(const struct cert *c, const struct cert *issuer);
/* SHA-1 of its SubjectPublicKeyInfo, by which CERTREQ names a CA (RFC 7296 3.7). 0 or -1. */
int cert_spki_sha1(const struct cert *c, uint8_t out[20]);
/* Its subject as DER. -1: it doesn't fit. */
int cert_subject(const struct cert *c, uint8_t *out, size_t cap, size_t *ret_len);

struct cert_info {
	char subject[256], issuer[256]; /* "C=DE, O=Example, CN=gw" */
	char serial[64];                /* hex */
	char sha256[65];                /* fingerprint, hex */
	char key[24];                   /* "RSA 2048" */
	int64_t not_before, not_after;  /* seconds since 1970 */
};
int cert_info(const struct cert *c, struct cert_info *ret_info);
/* Seconds since 1970; 0 where its date is none. */
int64_t cert_not_after(const struct cert *c);
/* "2026-11-21 15:04:05 UTC" */
const char *cert_time_str(int64_t t, char *buf, size_t cap);

/*
 * The certificates of a PEM text, in its order; text between them is passed over. -1 with a reason that
 * begins with `name`: none there, one unreadable (it says which), more than max.
 */
int cert_read_pem(const void *pem, size_t len, const char *name, unsigned max, struct cert *ret_list[],
    unsigned *ret_n, struct reason *ret_reason);
void cert_unref_all(struct cert *list[], unsigned n);

/* What kind of name an identity is (RFC 4945 3.1). */
enum cert_name { CERT_NAME_DN, CERT_NAME_DNS, CERT_NAME_EMAIL, CERT_NAME_IP, CERT_NAME_KEYID };
/*
 * Does the certificate say that its holder has this name? DN (DER): the subject or a directoryName. DNS,
 * EMAIL, IP (4 or 16 bytes): a subjectAltName, without wildcards; where there is none of that kind, the
 * subject's CN (or emailAddress), as users of strongSwan and libreswan are used to. KEYID: the
 * subjectKeyIdentifier.
 */
bool cert_has_name(const struct cert *c, enum cert_name kind, const uint8_t *data, size_t len);

/* --- distinguished names --- */
/* "C=DE, O=Example, CN=gw" or "/C=DE/O=Example/CN=gw", in the order of the certificate, to DER. A comma in a
 * value is written "\,". 0 or -1: unknown attribute, no room. */
int cert_dn_parse(const char *text, uint8_t *out, size_t cap, size_t *ret_len);
/* Always terminated; "?" when it isn't a name. */
const char *cert_dn_str(const uint8_t *der, size_t len, char *buf, size_t cap);
/* By RFC 5280 7.1: kinds of strings, case and runs of blanks don't matter. */
bool cert_dn_eq(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);
/* A number that equal names share; 0: it isn't a name, or no memory. */
uint32_t cert_dn_key(const uint8_t *der, size_t len);

/* --- verification --- */
struct cert_store; /* trust anchors and CRLs */
/* Takes references. legacy: SHA-1 signatures and RSA below 2048 bits pass. NULL: no memory. */
struct cert_store *cert_store_new(struct cert *const anchors[], unsigned n, bool legacy);
void cert_store_free(struct cert_store *s);
/* All CRLs of a PEM or DER file. -1 with a reason that begins with `name`: none there, too many, one that is
 * too weak for what `legacy` says, one without the date of its next update: nobody could tell when it is old.
 */
int cert_store_add_crls(
    struct cert_store *s, const void *data, size_t len, const char *name, struct reason *ret_reason);

#define CERT_ANY_TIME                                                                                        \
	INT64_MIN /* for `at`: dates are passed over. To tell what else is wrong, never to trust */

struct cert_verdict {
	struct cert *chain[CERT_CHAIN_MAX + 1]; /* from the leaf to the anchor; references */
	unsigned n;
	bool revocation_unknown[CERT_CHAIN_MAX + 1]; /* no CRL that is good now says anything of this one */
};
void cert_verdict_clear(struct cert_verdict *v);
/*
 * Is list[0] good at `at` (seconds since 1970), with the rest of list to build its chain from? Validity,
 * signatures, basic constraints, path lengths, name constraints, key usage (RFC 4945 5.1.3) and strength of
 * each, and what our CRLs say when asked. *ret_verdict is set on success. -1 with one of:
 * certificate-expired, -not-yet-valid, -untrusted, -revoked, -weak, -usage, -invalid.
 */
int cert_store_verify(const struct cert_store *s, struct cert *const list[], unsigned n, int64_t at,
    bool revocation, struct cert_verdict *ret_verdict, struct reason *ret_reason);
/*
 * What the store's lists say of a certificate whose issuer is the store's anchor. -1: certificate-revoked, or
 * it isn't that issuer's. *ret_unknown: they say nothing that counts now.
 */
int cert_store_check_crl(
    const struct cert_store *s, struct cert *c, int64_t at, bool *ret_unknown, struct reason *ret_reason);

#endif

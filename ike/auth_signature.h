/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proof by certificate (RFC 7296 2.15, RFC 7427, RFC 4754, RFC 8420): what a job takes along to sign our
 * octets or to judge the peer's signature and the certificates it sent. Everything is copied or counted, so
 * that the connection may change or go while the job runs.
 */
#ifndef CW_IKE_AUTH_SIGNATURE_H
#define CW_IKE_AUTH_SIGNATURE_H

#include "base/credentials.h"
#include "ike/sa.h"

struct ike_signature {
	struct credentials *cred;
	struct ike_bytes octets;
	uint8_t method;         /* of the AUTH payload; out when signing, in when verifying */
	struct ike_bytes proof; /* its data, likewise */
	/* signing: bit i: the peer knows hash i by SIGNATURE_HASH_ALGORITHMS; 0: it said nothing (no RFC
	 * 7427) */
	uint16_t hashes;
	/* verifying: DER of the peer's certificates, one behind the other, the leaf first */
	struct ike_bytes certs;
	size_t cert_len[IKE_CERTS_MAX];
	unsigned n_certs;
	struct ike_cert_facts facts;
	struct ike_identity id; /* what the leaf must say */
	struct reason why;      /* of a failure */
	int64_t valid_for;      /* of a success: how long the peer's chain will be valid, in seconds */
	struct reason warning;  /* of a success that deserves one: not known whether revoked */
};
void ike_signature_free(struct ike_signature *s);
/* On any thread; slow. false: s->why says why. */
bool ike_signature_sign(struct ike_signature *s);
bool ike_signature_verify(struct ike_signature *s);

/* cert_facts.c: what there is to tell of this chain, the leaf first; the rest of f stays. On any thread. */
void ike_cert_facts_note(
    struct ike_cert_facts *f, const struct credentials *cred, struct cert *const list[], unsigned n);

/* The hashes that we announce, and those of a peer's SIGNATURE_HASH_ALGORITHMS (RFC 7427 4) as bits. */
void ike_signature_build_hashes(struct ike_build *b);
uint16_t ike_signature_parse_hashes(const struct ike_payloads *p);
/* CERT payloads of our chain, and a CERTREQ that names our anchors. */
void ike_signature_build_certs(struct ike_build *b, const struct credentials *cred);
void ike_signature_build_certreq(struct ike_build *b, const struct credentials *cred);
/* For verifying: takes the peer's certificates and its proof. -1: none usable, with a reason; no memory. */
struct ike_signature *ike_signature_of_peer(
    struct ike_sa *sa, const struct ike_payloads *p, const struct ike_auth_view *auth, struct reason *why);

#endif

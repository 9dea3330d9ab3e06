/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures in AUTH.
 *
 * Which method: Digital Signature (14, RFC 7427) where the peer announced hashes; RSA then by PSS, which RFC
 * 8247 4.2 asks for. Without that, ECDSA has a method for each curve (9 to 11, RFC 4754), and RSA method 1,
 * whose hash is SHA-1: only where the connection is switched to legacy. EdDSA needs the peer to know
 * "identity" (RFC 8420).
 *
 * How a peer is judged, cheapest and surest first: certificates parse, the chain leads to an anchor, the leaf
 * says what the peer's ID says, the signature is right; only then, since documents may have to be fetched for
 * somebody, whether anything has been revoked.
 */
#include "ike/auth_signature.h"

#include "base/crypto.h"
#include "ike/auth.h"
#include "ike/engine.h"
#include "ike/identity.h"
#include "ike/reasons.h"

#include <stdlib.h>
#include <string.h>

void ike_signature_free(struct ike_signature *s)
{
	if (!s)
		return;
	credentials_unref(s->cred);
	ike_bytes_clear(&s->octets);
	ike_bytes_clear(&s->proof);
	ike_bytes_clear(&s->certs);
	free(s);
}

/* --- what goes into messages --- */

void ike_signature_build_hashes(struct ike_build *b)
{
	static const enum sig_hash ours[] = { SIG_HASH_SHA256, SIG_HASH_SHA384, SIG_HASH_SHA512,
		SIG_HASH_IDENTITY };
	uint8_t data[2 * sizeof(ours) / sizeof(ours[0])];
	struct wr w = wr_init(data, sizeof(data));

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		wr_u16(&w, (uint16_t)ours[i]);
	ike_build_notify(b, IKE_PROTO_NONE, NULL, IKE_N_SIGNATURE_HASH_ALGORITHMS, data, wr_len(&w));
}

uint16_t ike_signature_parse_hashes(const struct ike_payloads *p)
{
	const struct ike_notify *n = ike_notify_find(p, IKE_N_SIGNATURE_HASH_ALGORITHMS);
	uint16_t bits = 0;

	if (!n)
		return 0;
	for (struct rd r = rd_init(n->data.data, n->data.len); rd_left(&r) >= 2;) {
		uint16_t hash = rd_u16(&r);

		if (hash && hash <= SIG_HASH_IDENTITY)
			bits |= (uint16_t)(1u << hash);
	}
	return bits;
}

void ike_signature_build_certs(struct ike_build *b, const struct credentials *cred)
{
	unsigned n;
	struct cert *const *chain = credentials_chain(cred, &n);

	/* A peer that trusts a root has it: it isn't sent, unless it is all there is. */
	for (unsigned i = 0; i < n && (!i || !cert_self_issued(chain[i])); i++) {
		size_t len;
		const uint8_t *der = cert_der(chain[i], &len);

		ike_build_payload(b, IKE_P_CERT);
		wr_u8(&b->w, IKE_CERT_X509_SIGNATURE);
		wr_bytes(&b->w, der, len);
	}
}

void ike_signature_build_certreq(struct ike_build *b, const struct credentials *cred)
{
	uint8_t hashes[CREDENTIALS_CA_HASHES_MAX][20];
	unsigned n = credentials_ca_hashes(cred, hashes);

	ike_build_payload(b, IKE_P_CERTREQ);
	wr_u8(&b->w, IKE_CERT_X509_SIGNATURE);
	wr_bytes(&b->w, hashes, n * sizeof(hashes[0]));
}

/* --- signing --- */

static bool knows(const struct ike_signature *s, enum sig_hash h)
{
	return s->hashes & (1u << h);
}

/* The hash that suits the strength of the key, or the best that the peer knows. */
static enum sig_hash choose_hash(const struct ike_signature *s, const struct sig_key *k)
{
	static const enum sig_hash order[] = { SIG_HASH_SHA256, SIG_HASH_SHA384, SIG_HASH_SHA512 };
	enum sig_key_kind kind = sig_key_kind(k);
	unsigned first = 0;

	if (kind == SIG_KEY_P521 || (kind == SIG_KEY_RSA && sig_key_bits(k) > 7680))
		first = 2;
	else if (kind == SIG_KEY_P384 || (kind == SIG_KEY_RSA && sig_key_bits(k) > 3072))
		first = 1;
	for (unsigned i = 0; i < 3; i++)
		if (knows(s, order[(first + i) % 3]))
			return order[(first + i) % 3];
	return SIG_HASH_NONE;
}

/* Method and algorithm for our key and this peer. -1 with a reason. */
static int choose_method(struct ike_signature *s, const struct sig_key *k, struct sig_alg *alg)
{
	s->method = IKE_AUTH_SIGNATURE;
	switch (sig_key_kind(k)) {
	case SIG_KEY_ED25519:
	case SIG_KEY_ED448:
		*alg = (struct sig_alg){ SIG_EDDSA, SIG_HASH_IDENTITY };
		if (knows(s, SIG_HASH_IDENTITY))
			return 0;
		return reason_set(&s->why, "ike-auth-method",
		    "the peer does not take EdDSA signatures (RFC 8420), but that is what our certificate's "
		    "key makes. Use a "
		    "certificate with an RSA or ECDSA key.");
	case SIG_KEY_RSA:
		*alg = (struct sig_alg){ SIG_RSA_PSS, choose_hash(s, k) };
		if (alg->hash != SIG_HASH_NONE)
			return 0;
		s->method = IKE_AUTH_RSA;
		*alg = (struct sig_alg){ SIG_RSA_PKCS1, SIG_HASH_SHA1 };
		if (credentials_legacy(s->cred))
			return 0;
		return reason_set(&s->why, "ike-auth-method",
		    "the peer knows RSA signatures only with SHA-1 (it does not announce RFC 7427), which "
		    "this tunnel "
		    "does not use. Use an ECDSA certificate, or the profile's legacy twin.");
	case SIG_KEY_P256:
	case SIG_KEY_P384:
	case SIG_KEY_P521: break;
	}
	*alg = (struct sig_alg){ SIG_ECDSA, choose_hash(s, k) };
	if (alg->hash != SIG_HASH_NONE)
		return 0;
	s->method = sig_key_kind(k) == SIG_KEY_P256   ? IKE_AUTH_ECDSA_256
	            : sig_key_kind(k) == SIG_KEY_P384 ? IKE_AUTH_ECDSA_384
	                                              : IKE_AUTH_ECDSA_521;
	alg->hash = sig_key_kind(k) == SIG_KEY_P256   ? SIG_HASH_SHA256
	            : sig_key_kind(k) == SIG_KEY_P384 ? SIG_HASH_SHA384
	                                              : SIG_HASH_SHA512;
	return 0;
}

bool ike_signature_sign(struct ike_signature *s)
{
	const struct sig_key *k = credentials_key(s->cred);
	struct cert *const *chain;
	unsigned n;
	uint8_t out[1 + SIG_ALG_MAX + SIG_MAX], der[SIG_ALG_MAX];
	struct wr w = wr_init(out, sizeof(out));
	size_t der_len, sig_len;
	uint8_t sig[SIG_MAX];
	struct sig_alg alg;

	if (!k) {
		ike_reason_internal(&s->why, "there is no key to sign with");
		return false;
	}
	chain = credentials_chain(s->cred, &n);
	s->facts.ours = true;
	ike_cert_facts_note(&s->facts, s->cred, chain, n);
	if (credentials_check_own(s->cred, s->facts.now, &s->why) || choose_method(s, k, &alg))
		return false;
	if (s->method == IKE_AUTH_SIGNATURE) { /* RFC 7427 3: length and AlgorithmIdentifier in front */
		if (sig_alg_build(&alg, k, der, sizeof(der), &der_len)) {
			ike_reason_internal(&s->why, "our key has no AlgorithmIdentifier");
			return false;
		}
		wr_u8(&w, (uint8_t)der_len);
		wr_bytes(&w, der, der_len);
	}
	if (sig_sign(k, &alg, s->method != IKE_AUTH_SIGNATURE, s->octets.data, s->octets.len, sig,
	        sizeof(sig), &sig_len)) {
		ike_reason_internal(&s->why, "the crypto library could not sign with our key");
		return false;
	}
	wr_bytes(&w, sig, sig_len);
	if (!wr_ok(&w) || ike_bytes_set(&s->proof, out, wr_len(&w))) {
		ike_reason_internal(&s->why, "out of memory");
		return false;
	}
	return true;
}

/* --- verifying --- */

/* Method 1 doesn't say its hash; SHA-1 is what the RFC means, SHA-2 what some send. */
static int verify_rsa(struct ike_signature *s, const struct sig_key *k)
{
	for (enum sig_hash h = credentials_legacy(s->cred) ? SIG_HASH_SHA1 : SIG_HASH_SHA256;
	     h <= SIG_HASH_SHA512; h++) {
		struct sig_alg alg = { SIG_RSA_PKCS1, h };

		if (!sig_verify(k, &alg, true, s->octets.data, s->octets.len, s->proof.data, s->proof.len))
			return 0;
	}
	if (credentials_legacy(s->cred))
		return -1;
	struct sig_alg sha1 = { SIG_RSA_PKCS1, SIG_HASH_SHA1 };
	if (!sig_verify(k, &sha1, true, s->octets.data, s->octets.len, s->proof.data, s->proof.len))
		reason_set(&s->why, "ike-auth-method",
		    "it signs with RSA and SHA-1 (method 1), which this tunnel does not accept. Let it use "
		    "RFC 7427 or an "
		    "ECDSA certificate, or switch to the profile's legacy twin.");
	return -1;
}

static int verify_ecdsa(
    struct ike_signature *s, const struct sig_key *k, enum sig_key_kind kind, enum sig_hash h)
{
	struct sig_alg alg = { SIG_ECDSA, h };

	return sig_key_kind(k) == kind
	           ? sig_verify(k, &alg, true, s->octets.data, s->octets.len, s->proof.data, s->proof.len)
	           : -1;
}

static int verify_7427(struct ike_signature *s, const struct sig_key *k)
{
	struct rd r = rd_init(s->proof.data, s->proof.len);
	size_t der_len = rd_u8(&r), len;
	const uint8_t *der = rd_skip(&r, der_len), *sig;
	struct sig_alg alg;

	if (!rd_ok(&r) || sig_alg_parse(der, der_len, &alg))
		return reason_set(&s->why, "ike-auth-method",
		    "it signs by an algorithm that is not known here (RFC 7427: RSA, RSA-PSS, ECDSA with "
		    "SHA-2, EdDSA are)");
	if (alg.hash == SIG_HASH_SHA1 && !credentials_legacy(s->cred))
		return reason_set(&s->why, "ike-auth-method",
		    "it signs with SHA-1, which this tunnel does not accept; we announced SHA-2 only");
	len = rd_left(&r);
	sig = rd_skip(&r, len);
	return sig_verify(k, &alg, false, s->octets.data, s->octets.len, sig, len);
}

static int verify_signature(struct ike_signature *s, const struct cert *leaf)
{
	struct sig_key *k = cert_key(leaf);
	int rc = -1;

	if (k)
		switch (s->method) {
		case IKE_AUTH_SIGNATURE: rc = verify_7427(s, k); break;
		case IKE_AUTH_RSA: rc = verify_rsa(s, k); break;
		case IKE_AUTH_ECDSA_256: rc = verify_ecdsa(s, k, SIG_KEY_P256, SIG_HASH_SHA256); break;
		case IKE_AUTH_ECDSA_384: rc = verify_ecdsa(s, k, SIG_KEY_P384, SIG_HASH_SHA384); break;
		case IKE_AUTH_ECDSA_521: rc = verify_ecdsa(s, k, SIG_KEY_P521, SIG_HASH_SHA512); break;
		default:
			reason_set(&s->why, "ike-auth-method",
			    "it authenticates by method %u, which is not known here", s->method);
		}
	sig_key_unref(k);
	if (rc && !reason_is_set(&s->why))
		reason_set(&s->why, "ike-auth-failed",
		    "its signature is wrong: it does not hold the key of the certificate that it sends, or "
		    "the messages "
		    "were changed on the way");
	return rc;
}

static int parse_certs(struct ike_signature *s, struct cert *list[])
{
	struct rd r = rd_init(s->certs.data, s->certs.len);

	for (unsigned i = 0; i < s->n_certs; i++) {
		list[i] = cert_parse(rd_skip(&r, s->cert_len[i]), s->cert_len[i]);
		if (!list[i])
			return reason_set(&s->why, "certificate-invalid",
			    "certificate %u that it sent can't be read", i + 1);
	}
	return 0;
}

static int judge(struct ike_signature *s, struct cert *const list[])
{
	struct cert_verdict v = { 0 };
	char id[IKE_ID_MAX];
	struct cert_info info = { 0 };
	int rc;

	if (credentials_verify(s->cred, list, s->n_certs, &v, &s->why))
		return -1;
	if (!ike_identity_in_cert(&s->id, list[0])) {
		cert_info(list[0], &info);
		rc = reason_set(&s->why, "certificate-wrong-name",
		    "it calls itself \"%.120s\", but its certificate \"%s\" says that neither in the subject "
		    "nor in a "
		    "subjectAltName. Set the gateway's identity to a name of its certificate, or issue one "
		    "with that name.",
		    ike_identity_str(&s->id, id, sizeof(id)), info.subject);
	} else {
		rc = verify_signature(s, list[0]);
	}
	if (!rc)
		rc = credentials_verify_revocation(s->cred, &v, &s->why, &s->warning);
	s->valid_for = credentials_valid_for(s->cred, &v);
	cert_verdict_clear(&v);
	return rc;
}

/* It was refused; what else there is to know of it rules other causes out. */
static void look_closer(struct ike_signature *s, struct cert *const list[])
{
	struct reason why = s->why;

	ike_cert_facts_note(&s->facts, s->cred, list, s->n_certs);
	s->facts.named = ike_identity_in_cert(&s->id, list[0]);
	s->facts.holds_key = !verify_signature(s, list[0]);
	s->why = why;
}

bool ike_signature_verify(struct ike_signature *s)
{
	struct cert *list[IKE_CERTS_MAX] = { NULL };
	bool readable = !parse_certs(s, list), ok = readable && !judge(s, list);

	if (readable && !ok)
		look_closer(s, list);
	cert_unref_all(list, IKE_CERTS_MAX);
	return ok;
}

struct ike_signature *ike_signature_of_peer(
    struct ike_sa *sa, const struct ike_payloads *p, const struct ike_auth_view *auth, struct reason *why)
{
	struct ike_signature *s = calloc(1, sizeof(*s));
	size_t total = 0;
	struct wr w;

	ike_reason_internal(why, "out of memory");
	if (!s)
		return NULL;
	for (unsigned i = 0; i < p->n_cert; i++)
		total += p->cert[i].len;
	s->certs.data = total ? malloc(total) : NULL;
	s->certs.len = total;
	w = wr_init(s->certs.data, s->certs.data ? total : 0);
	for (unsigned i = 0; i < p->n_cert; i++) {
		struct rd r = rd_init(p->cert[i].data, p->cert[i].len);
		uint8_t encoding = rd_u8(&r);
		size_t len = rd_left(&r);

		if (encoding != IKE_CERT_X509_SIGNATURE || !len)
			continue; /* hash-and-URL, CRLs, OCSP: not asked for */
		wr_bytes(&w, rd_skip(&r, len), len);
		s->cert_len[s->n_certs++] = len;
	}
	if (!s->n_certs) {
		reason_set(why, p->n_cert ? "certificate-encoding" : "certificate-missing",
		    p->n_cert ? "%s sends its certificate in an encoding that is not supported (a hash and a "
		                "URL, say). Let it "
		                "send X.509 certificates."
		              : "%s signs, but sends no certificate. Let it send one (strongSwan: send_cert "
		                "= always).",
		    endpoint_str(&sa->remote));
		ike_signature_free(s);
		return NULL;
	}
	s->cred = credentials_ref(sa->conn->cred);
	s->method = auth->method;
	s->id = sa->remote_id;
	if (!wr_ok(&w) || ike_auth_octets(sa, false, &s->octets) ||
	    ike_bytes_set(&s->proof, auth->data.data, auth->data.len)) {
		ike_signature_free(s);
		return NULL;
	}
	return s;
}

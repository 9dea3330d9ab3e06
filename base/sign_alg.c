/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AlgorithmIdentifiers of signatures: as RFC 7427 appendix A and RFC 8420 appendix A print them, byte for
 * byte, one table for both ways. A peer may write the same thing a little differently (no NULL after an RSA
 * object identifier, the PSS trailer although it is the default): such are taken apart by the library's
 * parser.
 */
#include "base/sign_internal.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

/* SHA-2 with its parameters NULL, and MGF1 over it, as the parameters of RSASSA-PSS have them: RFC 7427
 * A.4.3. */
#define OID_SHA2(last)                                                                                       \
	0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last, 0x05, 0x00
#define PSS(last, salt)                                                                                      \
	0x30, 0x41, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, 0x34, 0xa0,      \
	    0x0f, OID_SHA2(last), 0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,    \
	    0x01, 0x01, 0x08, OID_SHA2(last), 0xa2, 0x03, 0x02, 0x01, salt
#define PKCS1(last)      0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last, 0x05, 0x00
#define ECDSA_SHA2(last) 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, last

static const struct row {
	struct sig_alg alg;
	uint8_t len;
	uint8_t der[72];
} rows[] = {
	{ { SIG_RSA_PKCS1, SIG_HASH_SHA1 }, 15, { PKCS1(0x05) } },
	{ { SIG_RSA_PKCS1, SIG_HASH_SHA256 }, 15, { PKCS1(0x0b) } },
	{ { SIG_RSA_PKCS1, SIG_HASH_SHA384 }, 15, { PKCS1(0x0c) } },
	{ { SIG_RSA_PKCS1, SIG_HASH_SHA512 }, 15, { PKCS1(0x0d) } },
	{ { SIG_RSA_PSS, SIG_HASH_SHA256 }, 67, { PSS(0x01, 32) } },
	{ { SIG_RSA_PSS, SIG_HASH_SHA384 }, 67, { PSS(0x02, 48) } },
	{ { SIG_RSA_PSS, SIG_HASH_SHA512 }, 67, { PSS(0x03, 64) } },
	{ { SIG_ECDSA, SIG_HASH_SHA1 }, 11,
	    { 0x30, 0x09, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01 } },
	{ { SIG_ECDSA, SIG_HASH_SHA256 }, 12, { ECDSA_SHA2(0x02) } },
	{ { SIG_ECDSA, SIG_HASH_SHA384 }, 12, { ECDSA_SHA2(0x03) } },
	{ { SIG_ECDSA, SIG_HASH_SHA512 }, 12, { ECDSA_SHA2(0x04) } },
};
/* RFC 8420: the key decides which of the two; both are one scheme here. */
static const uint8_t ed25519_der[] = { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70 };
static const uint8_t ed448_der[] = { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x71 };

int sig_alg_build(
    const struct sig_alg *alg, const struct sig_key *k, uint8_t *out, size_t cap, size_t *ret_len)
{
	const uint8_t *der = NULL;
	size_t len = 0;

	if (alg->scheme == SIG_EDDSA) {
		der = sig_key_kind(k) == SIG_KEY_ED448 ? ed448_der : ed25519_der;
		len = sizeof(ed25519_der);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].alg.scheme == alg->scheme && rows[i].alg.hash == alg->hash) {
			der = rows[i].der;
			len = rows[i].len;
		}
	if (!der || len > cap)
		return -1;
	memcpy(out, der, len);
	*ret_len = len;
	return 0;
}

static enum sig_hash hash_of_nid(int nid)
{
	switch (nid) {
	case NID_sha1: return SIG_HASH_SHA1;
	case NID_sha256: return SIG_HASH_SHA256;
	case NID_sha384: return SIG_HASH_SHA384;
	case NID_sha512: return SIG_HASH_SHA512;
	default: return SIG_HASH_NONE;
	}
}

static int nid_of(const X509_ALGOR *a)
{
	const ASN1_OBJECT *oid;

	if (!a)
		return NID_undef;
	X509_ALGOR_get0(&oid, NULL, NULL, a);
	return OBJ_obj2nid(oid);
}

/* Only what sets nothing aside: one hash for both, its length of salt (RFC 7427 A.4, RFC 8247 4.2). */
static int parse_pss(const X509_ALGOR *a, struct sig_alg *ret_alg)
{
	static const long salt[] = { [SIG_HASH_SHA256] = 32, [SIG_HASH_SHA384] = 48, [SIG_HASH_SHA512] = 64 };
	const ASN1_OBJECT *oid;
	int type, rc = -1;
	const void *value;
	RSA_PSS_PARAMS *p;
	X509_ALGOR *mgf_hash;
	enum sig_hash h;

	X509_ALGOR_get0(&oid, &type, &value, a);
	p = type == V_ASN1_SEQUENCE ? ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), a->parameter)
	                            : NULL;
	if (!p)
		return -1;
	h = hash_of_nid(nid_of(p->hashAlgorithm));
	mgf_hash = nid_of(p->maskGenAlgorithm) == NID_mgf1 && p->maskGenAlgorithm->parameter
	               ? ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR), p->maskGenAlgorithm->parameter)
	               : NULL;
	if (h >= SIG_HASH_SHA256 && hash_of_nid(nid_of(mgf_hash)) == h && p->saltLength &&
	    ASN1_INTEGER_get(p->saltLength) == salt[h] &&
	    (!p->trailerField || ASN1_INTEGER_get(p->trailerField) == 1)) {
		*ret_alg = (struct sig_alg){ SIG_RSA_PSS, h };
		rc = 0;
	}
	X509_ALGOR_free(mgf_hash);
	RSA_PSS_PARAMS_free(p);
	return rc;
}

static int parse_other(const uint8_t *der, size_t len, struct sig_alg *ret_alg)
{
	const uint8_t *p = der;
	X509_ALGOR *a = d2i_X509_ALGOR(NULL, &p, (long)len);
	int rc = -1, nid = a && p == der + len ? nid_of(a) : NID_undef;

	switch (nid) {
	case NID_rsassaPss: rc = parse_pss(a, ret_alg); break;
	case NID_ED25519:
	case NID_ED448:
		*ret_alg = (struct sig_alg){ SIG_EDDSA, SIG_HASH_IDENTITY };
		rc = 0;
		break;
	default:
		for (size_t i = 0; nid != NID_undef && i < sizeof(rows) / sizeof(rows[0]); i++) {
			const uint8_t *q = rows[i].der;
			X509_ALGOR *known = d2i_X509_ALGOR(NULL, &q, rows[i].len);

			if (nid_of(known) == nid) {
				*ret_alg = rows[i].alg;
				rc = 0;
			}
			X509_ALGOR_free(known);
		}
	}
	X509_ALGOR_free(a);
	ERR_clear_error();
	return rc;
}

int sig_alg_parse(const uint8_t *der, size_t len, struct sig_alg *ret_alg)
{
	if (len > SIG_ALG_MAX)
		return -1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].len == len && !memcmp(rows[i].der, der, len)) {
			*ret_alg = rows[i].alg;
			return 0;
		}
	return parse_other(der, len, ret_alg);
}

const char *sig_alg_str(const struct sig_alg *alg, char *buf, size_t cap)
{
	static const char *const schemes[] = { "RSA PKCS#1 v1.5", "RSA-PSS", "ECDSA", "EdDSA" };
	static const char *const hashes[] = { "?", "SHA-1", "SHA-256", "SHA-384", "SHA-512", "identity" };

	if (alg->scheme == SIG_EDDSA)
		snprintf(buf, cap, "%s", schemes[alg->scheme]);
	else
		snprintf(buf, cap, "%s with %s", schemes[alg->scheme], hashes[alg->hash]);
	return buf;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys, and signing with them. Which key may do what is one function (sig_alg_fits), asked before every
 * operation, so a peer's AlgorithmIdentifier can't make a key do something else. RFC 4754's plain r|s is
 * converted to the DER that the library speaks, with a fixed length on the wire.
 */
#include "base/sign_internal.h"

#include "base/secret.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Which kind is it? -1: none that we know. */
static int kind_of(const EVP_PKEY *p, enum sig_key_kind *ret_kind)
{
	static const struct {
		const char *group;
		enum sig_key_kind kind;
	} curves[] = { { "prime256v1", SIG_KEY_P256 }, { "secp384r1", SIG_KEY_P384 },
		{ "secp521r1", SIG_KEY_P521 } };
	char group[32];

	switch (EVP_PKEY_get_base_id(p)) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS: *ret_kind = SIG_KEY_RSA; return 0;
	case EVP_PKEY_ED25519: *ret_kind = SIG_KEY_ED25519; return 0;
	case EVP_PKEY_ED448: *ret_kind = SIG_KEY_ED448; return 0;
	case EVP_PKEY_EC: break;
	default: return -1;
	}
	if (EVP_PKEY_get_group_name(p, group, sizeof(group), NULL) != 1)
		return -1;
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (!strcmp(curves[i].group, group)) {
			*ret_kind = curves[i].kind;
			return 0;
		}
	return -1;
}

struct sig_key *sig_key_wrap(EVP_PKEY *pkey)
{
	struct sig_key *k = pkey ? calloc(1, sizeof(*k)) : NULL;

	if (!k || kind_of(pkey, &k->kind)) {
		EVP_PKEY_free(pkey);
		free(k);
		ERR_clear_error();
		return NULL;
	}
	k->refs = 1;
	k->pkey = pkey;
	return k;
}

/* A passphrase is asked for: that there is one to ask for is all that is kept. */
static int no_passphrase(char *buf, int size, int rwflag, void *asked)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	*(bool *)asked = true;
	return -1;
}

struct sig_key *sig_key_private(const void *pem, size_t len, const char *name, struct reason *ret_reason)
{
	BIO *bio = len && len <= INT32_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
	bool asked = false;
	EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked) : NULL;
	struct sig_key *k;

	BIO_free(bio);
	ERR_clear_error();
	if (!pkey) {
		if (asked)
			reason_set(ret_reason, "certificate-key-encrypted",
			    "%s: the private key is protected by a passphrase, and nobody is there to type "
			    "it when "
			    "the daemon starts. Store it without one (openssl pkey -in OLD -out NEW), "
			    "readable by its "
			    "owner only.",
			    name);
		else
			reason_set(ret_reason, "certificate-key-unreadable",
			    "%s: no private key in PEM form (\"-----BEGIN PRIVATE KEY-----\") is in it",
			    name);
		return NULL;
	}
	k = sig_key_wrap(pkey);
	if (!k)
		reason_set(ret_reason, "certificate-key-unreadable",
		    "%s: the key is of a kind that is not supported; use RSA, ECDSA on P-256, P-384 or "
		    "P-521, "
		    "Ed25519 or Ed448",
		    name);
	return k;
}

struct sig_key *sig_key_public(const uint8_t *der, size_t len)
{
	const uint8_t *p = der;
	EVP_PKEY *pkey = len && len <= INT32_MAX ? d2i_PUBKEY(NULL, &p, (long)len) : NULL;

	ERR_clear_error();
	return sig_key_wrap(pkey);
}

struct sig_key *sig_key_ref(const struct sig_key *k)
{
	struct sig_key *shared = (struct sig_key *)k;

	if (shared)
		__atomic_add_fetch(&shared->refs, 1, __ATOMIC_RELAXED);
	return shared;
}

void sig_key_unref(struct sig_key *k)
{
	if (!k || __atomic_sub_fetch(&k->refs, 1, __ATOMIC_ACQ_REL))
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

enum sig_key_kind sig_key_kind(const struct sig_key *k)
{
	return k->kind;
}

unsigned sig_key_bits(const struct sig_key *k)
{
	return (unsigned)EVP_PKEY_get_bits(k->pkey);
}

const char *sig_key_str(const struct sig_key *k, char *buf, size_t cap)
{
	switch (k->kind) {
	case SIG_KEY_RSA: snprintf(buf, cap, "RSA %u", sig_key_bits(k)); break;
	case SIG_KEY_P256: snprintf(buf, cap, "ECDSA P-256"); break;
	case SIG_KEY_P384: snprintf(buf, cap, "ECDSA P-384"); break;
	case SIG_KEY_P521: snprintf(buf, cap, "ECDSA P-521"); break;
	case SIG_KEY_ED25519: snprintf(buf, cap, "Ed25519"); break;
	case SIG_KEY_ED448: snprintf(buf, cap, "Ed448"); break;
	}
	return buf;
}

bool sig_key_same(const struct sig_key *a, const struct sig_key *b)
{
	bool same = EVP_PKEY_eq(a->pkey, b->pkey) == 1;

	ERR_clear_error();
	return same;
}

bool sig_alg_fits(const struct sig_alg *alg, const struct sig_key *k)
{
	switch (k->kind) {
	case SIG_KEY_RSA:
		if (alg->scheme == SIG_RSA_PKCS1) /* a key that says "PSS only" is believed */
			return alg->hash != SIG_HASH_IDENTITY &&
			       EVP_PKEY_get_base_id(k->pkey) == EVP_PKEY_RSA;
		return alg->scheme == SIG_RSA_PSS && alg->hash != SIG_HASH_IDENTITY;
	case SIG_KEY_P256:
	case SIG_KEY_P384:
	case SIG_KEY_P521: return alg->scheme == SIG_ECDSA && alg->hash != SIG_HASH_IDENTITY;
	case SIG_KEY_ED25519:
	case SIG_KEY_ED448: return alg->scheme == SIG_EDDSA && alg->hash == SIG_HASH_IDENTITY;
	}
	return false;
}

static const EVP_MD *md_of(enum sig_hash h)
{
	switch (h) {
	case SIG_HASH_SHA1: return EVP_sha1();
	case SIG_HASH_SHA256: return EVP_sha256();
	case SIG_HASH_SHA384: return EVP_sha384();
	case SIG_HASH_SHA512: return EVP_sha512();
	case SIG_HASH_IDENTITY:
	case SIG_HASH_NONE: break;
	}
	return NULL;
}

/* The padding. The salt has the hash's length, when signing and when verifying. */
static int set_padding(EVP_PKEY_CTX *pctx, const struct sig_alg *alg)
{
	if (alg->scheme == SIG_RSA_PKCS1)
		return EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PADDING) == 1 ? 0 : -1;
	if (alg->scheme == SIG_RSA_PSS)
		return EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		               EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1
		           ? 0
		           : -1;
	return 0;
}

static size_t plain_half(const struct sig_key *k)
{
	return (sig_key_bits(k) + 7) / 8;
}

/* DER to r|s. */
static int to_plain(
    const struct sig_key *k, const uint8_t *der, size_t der_len, uint8_t *out, size_t cap, size_t *ret_len)
{
	const uint8_t *p = der;
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)der_len);
	size_t half = plain_half(k);
	int rc = -1;

	if (s && 2 * half <= cap && BN_bn2binpad(ECDSA_SIG_get0_r(s), out, (int)half) == (int)half &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(s), out + half, (int)half) == (int)half) {
		*ret_len = 2 * half;
		rc = 0;
	}
	ECDSA_SIG_free(s);
	return rc;
}

/* r|s to DER. */
static int from_plain(
    const struct sig_key *k, const uint8_t *sig, size_t len, uint8_t *out, size_t cap, size_t *ret_len)
{
	size_t half = plain_half(k);
	ECDSA_SIG *s = len == 2 * half ? ECDSA_SIG_new() : NULL;
	BIGNUM *r = s ? BN_bin2bn(sig, (int)half, NULL) : NULL;
	BIGNUM *t = s ? BN_bin2bn(sig + half, (int)half, NULL) : NULL;
	uint8_t *p = out;
	int n, rc = -1;

	if (r && t && ECDSA_SIG_set0(s, r, t) == 1) {
		r = t = NULL;
		n = i2d_ECDSA_SIG(s, NULL);
		if (n > 0 && (size_t)n <= cap) {
			*ret_len = (size_t)i2d_ECDSA_SIG(s, &p);
			rc = 0;
		}
	}
	BN_free(r);
	BN_free(t);
	ECDSA_SIG_free(s);
	return rc;
}

int sig_sign(const struct sig_key *k, const struct sig_alg *alg, bool plain, const uint8_t *msg,
    size_t msg_len, uint8_t *out, size_t cap, size_t *ret_len)
{
	EVP_MD_CTX *c = sig_alg_fits(alg, k) ? EVP_MD_CTX_new() : NULL;
	EVP_PKEY_CTX *pctx = NULL;
	uint8_t sig[SIG_MAX];
	size_t len = sizeof(sig);
	int rc = -1;

	if (c && EVP_DigestSignInit(c, &pctx, md_of(alg->hash), NULL, k->pkey) == 1 &&
	    !set_padding(pctx, alg) && EVP_DigestSign(c, NULL, &len, msg, msg_len) == 1 &&
	    len <= sizeof(sig) && EVP_DigestSign(c, sig, &len, msg, msg_len) == 1) {
		if (plain && alg->scheme == SIG_ECDSA) {
			rc = to_plain(k, sig, len, out, cap, ret_len);
		} else if (len <= cap) {
			memcpy(out, sig, len);
			*ret_len = len;
			rc = 0;
		}
	}
	EVP_MD_CTX_free(c);
	ERR_clear_error();
	return rc;
}

int sig_verify(const struct sig_key *k, const struct sig_alg *alg, bool plain, const uint8_t *msg,
    size_t msg_len, const uint8_t *sig, size_t sig_len)
{
	EVP_MD_CTX *c = sig_alg_fits(alg, k) && sig_len && sig_len <= SIG_MAX ? EVP_MD_CTX_new() : NULL;
	EVP_PKEY_CTX *pctx = NULL;
	uint8_t der[SIG_MAX];
	int rc = -1;

	if (c && plain && alg->scheme == SIG_ECDSA) {
		if (from_plain(k, sig, sig_len, der, sizeof(der), &sig_len))
			sig_len = 0;
		sig = der;
	}
	if (c && sig_len && EVP_DigestVerifyInit(c, &pctx, md_of(alg->hash), NULL, k->pkey) == 1 &&
	    !set_padding(pctx, alg) && EVP_DigestVerify(c, sig, sig_len, msg, msg_len) == 1)
		rc = 0;
	EVP_MD_CTX_free(c);
	ERR_clear_error();
	return rc;
}

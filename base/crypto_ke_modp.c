/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MODP groups (RFC 2409 6.2, RFC 3526): g = 2 modulo a safe prime. Values are padded with leading zeros
 * to the prime's length, both on the wire (RFC 7296 3.4) and in g^ir (2.14); forgetting it breaks one
 * exchange in 256.
 *
 * RFC 6989 2.1: a peer's value r must satisfy 1 < r < p-1; for safe primes that is all there is to check.
 */
#include "base/crypto.h"
#include "base/crypto_internal.h"

#define MODP_GENERATOR 2

/* Bytes of a private exponent: twice the second strength estimate of RFC 3526 8, rounded up. */
static size_t exponent_len(enum ke_id id)
{
	static const struct {
		enum ke_id id;
		size_t len;
	} lens[] = { { KE_MODP_3072, 53 }, { KE_MODP_4096, 60 } };

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		if (lens[i].id == id)
			return lens[i].len;
	return 40;
}

int ke_modp_draw(struct ke *k, const struct rng *rng)
{
	if (secret_set(&k->priv, NULL, exponent_len(k->id)) < 0)
		return -1;
	rng_fill(rng, k->priv.data, k->priv.len);
	k->priv.data[0] |= 0x80; /* of full length, and never 0 */
	return 0;
}

/* out = base ^ priv mod p, padded; constant in time with regard to priv. */
static int power(const struct ke *k, const BIGNUM *base, uint8_t *out, size_t out_len)
{
	const BIGNUM *p = crypto_modp_prime(k->id);
	BIGNUM *x = BN_bin2bn(k->priv.data, (int)k->priv.len, NULL), *r = BN_new();
	BN_CTX *ctx = BN_CTX_new();
	int err = -1;

	if (x)
		BN_set_flags(x, BN_FLG_CONSTTIME);
	if (x && r && ctx && !BN_is_zero(x) && BN_cmp(x, p) < 0 &&
	    BN_mod_exp_mont_consttime(r, base, x, p, ctx, NULL) == 1 &&
	    BN_bn2binpad(r, out, (int)out_len) == (int)out_len)
		err = 0;
	BN_clear_free(x);
	BN_clear_free(r);
	BN_CTX_free(ctx);
	return err;
}

int ke_modp_public(struct ke *k)
{
	BIGNUM *g = BN_new();
	int err = -1;

	if (g && BN_set_word(g, MODP_GENERATOR) == 1)
		err = power(k, g, k->pub, k->pub_len);
	BN_free(g);
	return err;
}

/* 1 < r < p - 1 */
static bool in_range(const BIGNUM *r, const BIGNUM *p)
{
	BIGNUM *top = BN_dup(p);
	bool ok;

	ok = top && BN_sub_word(top, 1) == 1 && !BN_is_zero(r) && !BN_is_one(r) && BN_cmp(r, top) < 0;
	BN_free(top);
	return ok;
}

int ke_modp_secret(const struct ke *k, const uint8_t *peer, uint8_t *out, size_t out_len)
{
	BIGNUM *r = BN_bin2bn(peer, (int)k->pub_len, NULL);
	int err = -1;

	if (r && in_range(r, crypto_modp_prime(k->id)))
		err = power(k, r, out, out_len);
	BN_free(r);
	return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ECP groups (RFC 5903): NIST's curves over prime fields. The KE payload is x | y, each as long as the
 * field; the shared secret is x alone.
 *
 * RFC 6989 2.3: a peer's point must have both coordinates below p and lie on the curve. The curves have
 * cofactor 1, so no other check is needed; x | y cannot name the point at infinity.
 */
#include "base/crypto.h"
#include "base/crypto_internal.h"

#include <string.h>

#define EC_UNCOMPRESSED 0x04
#define EC_MAX_COORD    66
#define EC_DRAW_TRIES                                                                                        \
	64 /* the orders are just below a power of two: a first draw fails one time in 2^32 at most */

/* A private key is in [1, n-1]. */
static bool scalar_ok(const BIGNUM *x, const EC_GROUP *group)
{
	return x && !BN_is_zero(x) && BN_cmp(x, EC_GROUP_get0_order(group)) < 0;
}

int ke_ec_draw(struct ke *k, const struct rng *rng)
{
	const EC_GROUP *group = crypto_ec_group(k->id);
	int bits = EC_GROUP_order_bits(group);
	bool ok = false;

	if (secret_set(&k->priv, NULL, (size_t)(bits + 7) / 8) < 0)
		return -1;
	for (unsigned i = 0; !ok && i < EC_DRAW_TRIES; i++) {
		BIGNUM *x;

		rng_fill(rng, k->priv.data, k->priv.len);
		if (bits % 8)
			k->priv.data[0] &= (uint8_t)((1u << bits % 8) - 1);
		x = BN_bin2bn(k->priv.data, (int)k->priv.len, NULL);
		ok = scalar_ok(x, group);
		BN_clear_free(x);
	}
	return ok ? 0 : -1;
}

/* priv * point, or priv * G when point is NULL. */
static int multiply(const struct ke *k, const EC_POINT *point, EC_POINT *ret, BN_CTX *ctx)
{
	const EC_GROUP *group = crypto_ec_group(k->id);
	BIGNUM *x = BN_bin2bn(k->priv.data, (int)k->priv.len, NULL);
	int ok = 0;

	if (scalar_ok(x, group)) {
		BN_set_flags(x, BN_FLG_CONSTTIME);
		ok = point ? EC_POINT_mul(group, ret, NULL, point, x, ctx)
		           : EC_POINT_mul(group, ret, x, NULL, NULL, ctx);
	}
	BN_clear_free(x);
	return ok == 1 && !EC_POINT_is_at_infinity(group, ret) ? 0 : -1;
}

/* The point as 04 | x | y; len is 1 + 2 * coord. */
static int point_bytes(const struct ke *k, const EC_POINT *point, uint8_t *out, size_t len, BN_CTX *ctx)
{
	size_t got =
	    EC_POINT_point2oct(crypto_ec_group(k->id), point, POINT_CONVERSION_UNCOMPRESSED, out, len, ctx);

	return got == len ? 0 : -1;
}

int ke_ec_public(struct ke *k)
{
	EC_POINT *r = EC_POINT_new(crypto_ec_group(k->id));
	uint8_t bytes[1 + 2 * EC_MAX_COORD];
	BN_CTX *ctx = BN_CTX_new();
	int err = -1;

	if (r && ctx && multiply(k, NULL, r, ctx) == 0 &&
	    point_bytes(k, r, bytes, 1 + k->pub_len, ctx) == 0) {
		memcpy(k->pub, bytes + 1, k->pub_len);
		err = 0;
	}
	EC_POINT_free(r);
	BN_CTX_free(ctx);
	return err;
}

int ke_ec_secret(const struct ke *k, const uint8_t *peer, uint8_t *out, size_t out_len)
{
	const EC_GROUP *group = crypto_ec_group(k->id);
	EC_POINT *q = EC_POINT_new(group), *r = EC_POINT_new(group);
	uint8_t bytes[1 + 2 * EC_MAX_COORD] = { EC_UNCOMPRESSED };
	BN_CTX *ctx = BN_CTX_new();
	int err = -1;

	memcpy(bytes + 1, peer, k->pub_len);
	/* EC_POINT_oct2point refuses coordinates of p and above, and points off the curve. */
	if (q && r && ctx && EC_POINT_oct2point(group, q, bytes, 1 + k->pub_len, ctx) == 1 &&
	    EC_POINT_is_on_curve(group, q, ctx) == 1 && multiply(k, q, r, ctx) == 0 &&
	    point_bytes(k, r, bytes, 1 + k->pub_len, ctx) == 0) {
		memcpy(out, bytes + 1, out_len);
		err = 0;
	}
	cleanse(bytes, sizeof(bytes));
	EC_POINT_free(q);
	EC_POINT_clear_free(r);
	BN_CTX_free(ctx);
	return err;
}

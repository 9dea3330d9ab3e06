/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key exchange: what all groups share. A struct ke is a private key, its group and the public value, which is
 * computed at once: an initiator needs it anyway, and a key that can't give one is of no use. The
 * arithmetic of each kind of group is in crypto_ke_modp.c, crypto_ke_ec.c and crypto_ke_x25519.c.
 */
#include "base/crypto.h"
#include "base/crypto_internal.h"

#include <stdlib.h>
#include <string.h>

struct ke_ops {
	int (*draw)(struct ke *k, const struct rng *rng);
	int (*public)(struct ke *k);
	int (*secret)(const struct ke *k, const uint8_t *peer, uint8_t *out, size_t out_len);
};
static const struct ke_ops modp_ops = { ke_modp_draw, ke_modp_public, ke_modp_secret };
static const struct ke_ops ec_ops = { ke_ec_draw, ke_ec_public, ke_ec_secret };
static const struct ke_ops x25519_ops = { ke_x25519_draw, ke_x25519_public, ke_x25519_secret };

static const struct ke_ops *ops_of(enum ke_id id)
{
	if (id == KE_CURVE25519)
		return &x25519_ops;
	return crypto_ec_group(id) ? &ec_ops : crypto_modp_prime(id) ? &modp_ops : NULL;
}

static struct ke *ke_alloc(enum ke_id id)
{
	struct ke_info info;
	struct ke *k;

	if (!ke_info(id, &info) || !ops_of(id))
		return NULL;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->id = id;
	k->pub_len = info.public_len;
	return k;
}

struct ke *ke_new(enum ke_id id, const struct rng *rng)
{
	struct ke *k = ke_alloc(id);

	if (k && (ops_of(id)->draw(k, rng) < 0 || ops_of(id)->public(k) < 0)) {
		ke_free(k);
		return NULL;
	}
	return k;
}

struct ke *ke_from_private(enum ke_id id, const uint8_t *priv, size_t len)
{
	struct ke *k = ke_alloc(id);

	if (k && (secret_set(&k->priv, priv, len) < 0 || ops_of(id)->public(k) < 0)) {
		ke_free(k);
		return NULL;
	}
	return k;
}

void ke_free(struct ke *k)
{
	if (!k)
		return;
	secret_clear(&k->priv);
	free(k);
}

enum ke_id ke_group(const struct ke *k)
{
	return k->id;
}

int ke_public(const struct ke *k, uint8_t *out, size_t cap, size_t *ret_len)
{
	if (cap < k->pub_len)
		return -1;
	memcpy(out, k->pub, k->pub_len);
	*ret_len = k->pub_len;
	return 0;
}

int ke_secret(const struct ke *k, const uint8_t *peer, size_t peer_len, struct secret *ret_secret)
{
	struct secret s = { 0 };
	struct ke_info info;

	if (!ke_info(k->id, &info) || peer_len != info.public_len ||
	    secret_set(&s, NULL, info.secret_len) < 0)
		return -1;
	if (ops_of(k->id)->secret(k, peer, s.data, s.len) < 0) {
		secret_clear(&s);
		return -1;
	}
	*ret_secret = s;
	return 0;
}

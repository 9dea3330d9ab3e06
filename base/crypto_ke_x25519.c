/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Curve25519 for IKE (RFC 8031, RFC 7748): 32 little-endian bytes each way. Any string is a legal public
 * value; what must be refused is a result of all zeros, which a peer of small order forces (RFC 7748 6.1).
 */
#include "base/crypto.h"
#include "base/crypto_internal.h"

#define X25519_LEN 32

int ke_x25519_draw(struct ke *k, const struct rng *rng)
{
	if (secret_set(&k->priv, NULL, X25519_LEN) < 0)
		return -1;
	rng_fill(rng, k->priv.data, k->priv.len);
	return 0;
}

static EVP_PKEY *private_key(const struct ke *k)
{
	if (k->priv.len != X25519_LEN)
		return NULL;
	return EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, k->priv.data, k->priv.len);
}

int ke_x25519_public(struct ke *k)
{
	EVP_PKEY *key = private_key(k);
	size_t len = k->pub_len;
	bool ok;

	ok = key && EVP_PKEY_get_raw_public_key(key, k->pub, &len) == 1 && len == X25519_LEN;
	EVP_PKEY_free(key);
	return ok ? 0 : -1;
}

int ke_x25519_secret(const struct ke *k, const uint8_t *peer, uint8_t *out, size_t out_len)
{
	static const uint8_t zeros[X25519_LEN];
	EVP_PKEY *key = private_key(k),
	         *pub = EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, peer, X25519_LEN);
	EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
	size_t len = out_len;
	bool ok;

	ok = ctx && pub && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, pub) == 1 &&
	     EVP_PKEY_derive(ctx, out, &len) == 1 && len == X25519_LEN &&
	     !bytes_eq_ct(out, zeros, sizeof(zeros));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pub);
	EVP_PKEY_free(key);
	return ok ? 0 : -1;
}

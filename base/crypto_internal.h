/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the OpenSSL wrapper share: the algorithms that crypto_init fetched, and HMAC. Included by
 * base/crypto_*.c only.
 */
#ifndef CW_BASE_CRYPTO_INTERNAL_H
#define CW_BASE_CRYPTO_INTERNAL_H

#include "base/crypto.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#define HMAC_MAX_BLOCK 128 /* of SHA-384 and SHA-512 */

/* The fetched objects; NULL before crypto_init and for what the library lacks. Read-only once fetched. */
const EVP_MD *crypto_md_of_prf(enum prf_id id);
const EVP_MD *crypto_md_of_integ(enum integ_id id);
const EVP_MD *crypto_md_sha1(void);
const EVP_CIPHER *crypto_cipher(enum encr_id id, unsigned key_bits);
const BIGNUM *crypto_modp_prime(enum ke_id id);
const EC_GROUP *crypto_ec_group(enum ke_id id);

/*
 * HMAC (RFC 2104), keyed once and restarted per message without allocating: the two pads are kept as blocks
 * and hashed again for each message, because duplicating an EVP digest context allocates.
 */
struct hmac {
	const EVP_MD *md;
	EVP_MD_CTX *ctx;
	size_t block, out_len;
	uint8_t inner_pad[HMAC_MAX_BLOCK], outer_pad[HMAC_MAX_BLOCK];
};
int hmac_init(struct hmac *h, const EVP_MD *md, const uint8_t *key, size_t key_len);
int hmac_start(struct hmac *h);
int hmac_add(struct hmac *h, const void *data, size_t len);
int hmac_finish(struct hmac *h, uint8_t out[CRYPTO_MAX_HASH]); /* out_len bytes are set */
void hmac_clear(struct hmac *h);                               /* legal on a zeroed one */

/* Group-specific halves of struct ke (crypto_ke.c). */
struct ke {
	enum ke_id id;
	struct secret priv; /* big endian; little endian for curve25519 */
	uint8_t pub[CRYPTO_MAX_KE_PUBLIC];
	size_t pub_len;
};
/* Draws a private key into k->priv. */
int ke_modp_draw(struct ke *k, const struct rng *rng);
int ke_ec_draw(struct ke *k, const struct rng *rng);
int ke_x25519_draw(struct ke *k, const struct rng *rng);
/* Checks k->priv and computes k->pub; k->pub_len is set by the caller. */
int ke_modp_public(struct ke *k);
int ke_ec_public(struct ke *k);
int ke_x25519_public(struct ke *k);
/* peer has the group's public length; out has the group's secret length. */
int ke_modp_secret(const struct ke *k, const uint8_t *peer, uint8_t *out, size_t out_len);
int ke_ec_secret(const struct ke *k, const uint8_t *peer, uint8_t *out, size_t out_len);
int ke_x25519_secret(const struct ke *k, const uint8_t *peer, uint8_t *out, size_t out_len);

#endif

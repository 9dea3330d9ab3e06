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
#include <openssl/md5.h>
#include <openssl/sha.h>

enum hash { HASH_MD5, HASH_SHA1, HASH_SHA256, HASH_SHA384, HASH_SHA512 };

/* The fetched objects; NULL before crypto_init and for what the library lacks. Read-only once fetched. */
bool crypto_hash_of_prf(enum prf_id id, enum hash *ret_hash);
bool crypto_hash_of_integ(enum integ_id id, enum hash *ret_hash);
const EVP_CIPHER *crypto_cipher(enum encr_id id, unsigned key_bits);
const BIGNUM *crypto_modp_prime(enum ke_id id);
const EC_GROUP *crypto_ec_group(enum ke_id id);

/* A hash under way: plain data that may be copied to go on twice from the same point (crypto_hash.c). */
struct hash_state {
	enum hash hash;
	union {
		MD5_CTX md5;
		SHA_CTX sha1;
		SHA256_CTX sha256;
		SHA512_CTX sha512; /* SHA-384 too */
	} u;
};
#define HASH_MAX_BLOCK 128 /* bytes; of SHA-384 and SHA-512 */
size_t hash_block_len(enum hash h);
size_t hash_out_len(enum hash h);
void hash_start(struct hash_state *s, enum hash h);
void hash_add(struct hash_state *s, const void *data, size_t len);
void hash_finish(struct hash_state *s, uint8_t out[CRYPTO_MAX_HASH]); /* hash_out_len bytes are set */

/*
 * HMAC (RFC 2104), keyed once: the states after both pads are kept, and a message starts from a copy of the
 * inner one. Nothing is allocated, and nothing can fail.
 */
struct hmac {
	struct hash_state inner, outer, now;
};
void hmac_init(struct hmac *h, enum hash hash, const uint8_t *key, size_t key_len);
void hmac_start(struct hmac *h);
void hmac_add(struct hmac *h, const void *data, size_t len);
void hmac_finish(struct hmac *h, uint8_t out[CRYPTO_MAX_HASH]); /* hash_out_len bytes are set */

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

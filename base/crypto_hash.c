/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MD5, SHA-1 and SHA-2 as plain values, and HMAC on top of them.
 *
 * OpenSSL 3's EVP interface allocates a fresh state at every restart of a digest and every copy of one, which
 * the data path can't afford (crypto.h promises that a packet costs no allocation). The functions used here
 * are the same code underneath, work on memory of the caller and can't fail; OpenSSL marks them as deprecated
 * in favour of EVP, hence the define. This is the only file that uses them. FIPS 180-4, RFC 1321, RFC 2104.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/crypto_internal.h"

#include <string.h>

#define HMAC_INNER_BYTE 0x36
#define HMAC_OUTER_BYTE 0x5c

size_t hash_block_len(enum hash h)
{
	return h == HASH_SHA384 || h == HASH_SHA512 ? SHA512_CBLOCK : SHA_CBLOCK;
}

size_t hash_out_len(enum hash h)
{
	switch (h) {
	case HASH_MD5: return MD5_DIGEST_LENGTH;
	case HASH_SHA1: return SHA_DIGEST_LENGTH;
	case HASH_SHA256: return SHA256_DIGEST_LENGTH;
	case HASH_SHA384: return SHA384_DIGEST_LENGTH;
	case HASH_SHA512: return SHA512_DIGEST_LENGTH;
	}
	return 0;
}

void hash_start(struct hash_state *s, enum hash h)
{
	s->hash = h;
	switch (h) {
	case HASH_MD5: MD5_Init(&s->u.md5); return;
	case HASH_SHA1: SHA1_Init(&s->u.sha1); return;
	case HASH_SHA256: SHA256_Init(&s->u.sha256); return;
	case HASH_SHA384: SHA384_Init(&s->u.sha512); return;
	case HASH_SHA512: SHA512_Init(&s->u.sha512); return;
	}
}

void hash_add(struct hash_state *s, const void *data, size_t len)
{
	if (!len)
		return;
	switch (s->hash) {
	case HASH_MD5: MD5_Update(&s->u.md5, data, len); return;
	case HASH_SHA1: SHA1_Update(&s->u.sha1, data, len); return;
	case HASH_SHA256: SHA256_Update(&s->u.sha256, data, len); return;
	case HASH_SHA384: SHA384_Update(&s->u.sha512, data, len); return;
	case HASH_SHA512: SHA512_Update(&s->u.sha512, data, len); return;
	}
}

void hash_finish(struct hash_state *s, uint8_t out[CRYPTO_MAX_HASH])
{
	switch (s->hash) {
	case HASH_MD5: MD5_Final(out, &s->u.md5); return;
	case HASH_SHA1: SHA1_Final(out, &s->u.sha1); return;
	case HASH_SHA256: SHA256_Final(out, &s->u.sha256); return;
	case HASH_SHA384: SHA384_Final(out, &s->u.sha512); return;
	case HASH_SHA512: SHA512_Final(out, &s->u.sha512); return;
	}
}

static void start_padded(
    struct hash_state *s, enum hash hash, const uint8_t block[HASH_MAX_BLOCK], uint8_t with)
{
	uint8_t pad[HASH_MAX_BLOCK];

	for (size_t i = 0; i < HASH_MAX_BLOCK; i++)
		pad[i] = block[i] ^ with;
	hash_start(s, hash);
	hash_add(s, pad, hash_block_len(hash));
	cleanse(pad, sizeof(pad));
}

void hmac_init(struct hmac *h, enum hash hash, const uint8_t *key, size_t key_len)
{
	uint8_t block[HASH_MAX_BLOCK] = { 0 };

	memset(h, 0, sizeof(*h));
	if (key_len > hash_block_len(hash)) { /* RFC 2104 2 */
		hash_start(&h->now, hash);
		hash_add(&h->now, key, key_len);
		hash_finish(&h->now, block);
	} else if (key_len) {
		memcpy(block, key, key_len);
	}
	start_padded(&h->inner, hash, block, HMAC_INNER_BYTE);
	start_padded(&h->outer, hash, block, HMAC_OUTER_BYTE);
	cleanse(block, sizeof(block));
}

void hmac_start(struct hmac *h)
{
	h->now = h->inner;
}

void hmac_add(struct hmac *h, const void *data, size_t len)
{
	hash_add(&h->now, data, len);
}

void hmac_finish(struct hmac *h, uint8_t out[CRYPTO_MAX_HASH])
{
	uint8_t inner[CRYPTO_MAX_HASH];

	hash_finish(&h->now, inner);
	h->now = h->outer;
	hash_add(&h->now, inner, hash_out_len(h->outer.hash));
	hash_finish(&h->now, out);
}

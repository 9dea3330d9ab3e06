/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What IKE makes of HMAC: prf, prf+ and the truncated MAC of the SK payload; and SHA-1 for the NAT detection
 * hashes, which protect nothing. RFC 7296 2.13 (prf, prf+), 2.23 (NAT detection), RFC 4868 (truncation).
 */
#include "base/crypto.h"
#include "base/crypto_internal.h"

#include <string.h>

#define PRF_PLUS_MAX_BLOCKS 255

/* One whole HMAC, cut to out_len. */
static void hmac_parts(enum hash hash, const uint8_t *key, size_t key_len, const struct chunk parts[],
    size_t n, uint8_t *out, size_t out_len)
{
	uint8_t full[CRYPTO_MAX_HASH];
	struct hmac h;

	hmac_init(&h, hash, key, key_len);
	hmac_start(&h);
	for (size_t i = 0; i < n; i++)
		hmac_add(&h, parts[i].data, parts[i].len);
	hmac_finish(&h, full);
	memcpy(out, full, out_len);
	cleanse(full, sizeof(full));
	cleanse(&h, sizeof(h));
}

int prf(
    enum prf_id id, const uint8_t *key, size_t key_len, const struct chunk parts[], size_t n, uint8_t *out)
{
	struct prf_info info;
	enum hash hash;

	if (!prf_info(id, &info) || !crypto_hash_of_prf(id, &hash))
		return -1;
	hmac_parts(hash, key, key_len, parts, n, out, info.out_len);
	return 0;
}

int integ(
    enum integ_id id, const uint8_t *key, size_t key_len, const struct chunk parts[], size_t n, uint8_t *out)
{
	struct integ_info info;
	enum hash hash;

	if (!integ_info(id, &info) || !crypto_hash_of_integ(id, &hash))
		return -1;
	hmac_parts(hash, key, key_len, parts, n, out, info.icv_len);
	return 0;
}

/* T(i) = prf(K, T(i-1) | S | i), T(0) empty. */
static void prf_plus_block(struct hmac *h, const uint8_t *last, size_t last_len, const struct chunk seed[],
    size_t n, uint8_t counter, uint8_t out[CRYPTO_MAX_HASH])
{
	hmac_start(h);
	hmac_add(h, last, last_len);
	for (size_t i = 0; i < n; i++)
		hmac_add(h, seed[i].data, seed[i].len);
	hmac_add(h, &counter, 1);
	hmac_finish(h, out);
}

int prf_plus(enum prf_id id, const uint8_t *key, size_t key_len, const struct chunk seed[], size_t n,
    uint8_t *out, size_t out_len)
{
	uint8_t t[CRYPTO_MAX_HASH], last_len = 0;
	struct prf_info info;
	struct hmac h;
	enum hash hash;
	size_t done = 0;

	if (!prf_info(id, &info) || !crypto_hash_of_prf(id, &hash) ||
	    out_len > (size_t)PRF_PLUS_MAX_BLOCKS * info.out_len)
		return -1;
	hmac_init(&h, hash, key, key_len);
	for (unsigned counter = 1; done < out_len; counter++) {
		size_t take = out_len - done < info.out_len ? out_len - done : info.out_len;

		prf_plus_block(&h, t, last_len, seed, n, (uint8_t)counter, t);
		memcpy(out + done, t, take);
		done += take;
		last_len = info.out_len;
	}
	cleanse(t, sizeof(t));
	cleanse(&h, sizeof(h));
	return 0;
}

int sha1(const struct chunk parts[], size_t n, uint8_t out[20])
{
	struct hash_state s;
	uint8_t full[CRYPTO_MAX_HASH];

	hash_start(&s, HASH_SHA1);
	for (size_t i = 0; i < n; i++)
		hash_add(&s, parts[i].data, parts[i].len);
	hash_finish(&s, full);
	memcpy(out, full, hash_out_len(HASH_SHA1));
	return 0;
}

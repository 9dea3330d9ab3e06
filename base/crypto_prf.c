/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HMAC and what IKE makes of it: prf, prf+ and the truncated MAC of the SK payload; and SHA-1 for the NAT
 * detection hashes, which protect nothing.
 *
 * HMAC is RFC 2104 over an EVP digest, so that a context can be restarted per packet without allocation and
 * without keying it anew. RFC 7296 2.13 (prf, prf+), 2.23 (NAT detection), RFC 4868 (truncation).
 */
#include "base/crypto.h"
#include "base/crypto_internal.h"

#include <string.h>

#define HMAC_INNER_BYTE     0x36
#define HMAC_OUTER_BYTE     0x5c
#define PRF_PLUS_MAX_BLOCKS 255

static int md_once(EVP_MD_CTX *ctx, const EVP_MD *md, const uint8_t *data, size_t len, uint8_t *out)
{
	return EVP_DigestInit_ex2(ctx, md, NULL) == 1 && EVP_DigestUpdate(ctx, data, len) == 1 &&
	               EVP_DigestFinal_ex(ctx, out, NULL) == 1
	           ? 0
	           : -1;
}

int hmac_init(struct hmac *h, const EVP_MD *md, const uint8_t *key, size_t key_len)
{
	uint8_t block[HMAC_MAX_BLOCK] = { 0 };
	int err = 0;

	memset(h, 0, sizeof(*h));
	if (!md)
		return -1;
	h->md = md;
	h->block = (size_t)EVP_MD_get_block_size(md);
	h->out_len = (size_t)EVP_MD_get_size(md);
	if (h->block > HMAC_MAX_BLOCK || h->out_len > CRYPTO_MAX_HASH)
		return -1;
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx)
		return -1;
	if (key_len > h->block)
		err = md_once(h->ctx, md, key, key_len, block);
	else if (key_len)
		memcpy(block, key, key_len);
	for (size_t i = 0; i < h->block; i++) {
		h->inner_pad[i] = block[i] ^ HMAC_INNER_BYTE;
		h->outer_pad[i] = block[i] ^ HMAC_OUTER_BYTE;
	}
	cleanse(block, sizeof(block));
	if (err < 0)
		hmac_clear(h);
	return err;
}

int hmac_start(struct hmac *h)
{
	return EVP_DigestInit_ex2(h->ctx, h->md, NULL) == 1 &&
	               EVP_DigestUpdate(h->ctx, h->inner_pad, h->block) == 1
	           ? 0
	           : -1;
}

int hmac_add(struct hmac *h, const void *data, size_t len)
{
	return !len || EVP_DigestUpdate(h->ctx, data, len) == 1 ? 0 : -1;
}

int hmac_finish(struct hmac *h, uint8_t out[CRYPTO_MAX_HASH])
{
	uint8_t inner[CRYPTO_MAX_HASH];
	bool ok;

	ok = EVP_DigestFinal_ex(h->ctx, inner, NULL) == 1 && EVP_DigestInit_ex2(h->ctx, h->md, NULL) == 1 &&
	     EVP_DigestUpdate(h->ctx, h->outer_pad, h->block) == 1 &&
	     EVP_DigestUpdate(h->ctx, inner, h->out_len) == 1 && EVP_DigestFinal_ex(h->ctx, out, NULL) == 1;
	return ok ? 0 : -1;
}

void hmac_clear(struct hmac *h)
{
	EVP_MD_CTX_free(h->ctx);
	cleanse(h, sizeof(*h));
}

/* One whole HMAC into full, which has room for the longest. */
static int hmac_parts(const EVP_MD *md, const uint8_t *key, size_t key_len, const struct chunk parts[],
    size_t n, uint8_t full[CRYPTO_MAX_HASH])
{
	struct hmac h;
	int err;

	if (hmac_init(&h, md, key, key_len) < 0)
		return -1;
	err = hmac_start(&h);
	for (size_t i = 0; !err && i < n; i++)
		err = hmac_add(&h, parts[i].data, parts[i].len);
	if (!err)
		err = hmac_finish(&h, full);
	hmac_clear(&h);
	return err;
}

int prf(
    enum prf_id id, const uint8_t *key, size_t key_len, const struct chunk parts[], size_t n, uint8_t *out)
{
	uint8_t full[CRYPTO_MAX_HASH];
	struct prf_info info;

	if (!prf_info(id, &info) || hmac_parts(crypto_md_of_prf(id), key, key_len, parts, n, full) < 0)
		return -1;
	memcpy(out, full, info.out_len);
	cleanse(full, sizeof(full));
	return 0;
}

int integ(
    enum integ_id id, const uint8_t *key, size_t key_len, const struct chunk parts[], size_t n, uint8_t *out)
{
	uint8_t full[CRYPTO_MAX_HASH];
	struct integ_info info;

	if (!integ_info(id, &info) || hmac_parts(crypto_md_of_integ(id), key, key_len, parts, n, full) < 0)
		return -1;
	memcpy(out, full, info.icv_len);
	cleanse(full, sizeof(full));
	return 0;
}

/* T(i) = prf(K, T(i-1) | S | i), T(0) empty. */
static int prf_plus_block(struct hmac *h, const uint8_t *last, size_t last_len, const struct chunk seed[],
    size_t n, uint8_t counter, uint8_t out[CRYPTO_MAX_HASH])
{
	int err = hmac_start(h);

	if (!err)
		err = hmac_add(h, last, last_len);
	for (size_t i = 0; !err && i < n; i++)
		err = hmac_add(h, seed[i].data, seed[i].len);
	if (!err)
		err = hmac_add(h, &counter, 1);
	return err ? err : hmac_finish(h, out);
}

int prf_plus(enum prf_id id, const uint8_t *key, size_t key_len, const struct chunk seed[], size_t n,
    uint8_t *out, size_t out_len)
{
	uint8_t t[CRYPTO_MAX_HASH], last_len = 0;
	struct prf_info info;
	struct hmac h;
	size_t done = 0;
	int err = 0;

	if (!prf_info(id, &info) || out_len > (size_t)PRF_PLUS_MAX_BLOCKS * info.out_len)
		return -1;
	if (hmac_init(&h, crypto_md_of_prf(id), key, key_len) < 0)
		return -1;
	for (unsigned counter = 1; !err && done < out_len; counter++) {
		size_t take = out_len - done < info.out_len ? out_len - done : info.out_len;

		err = prf_plus_block(&h, t, last_len, seed, n, (uint8_t)counter, t);
		if (!err)
			memcpy(out + done, t, take);
		done += take;
		last_len = info.out_len;
	}
	if (err)
		cleanse(out, out_len);
	cleanse(t, sizeof(t));
	hmac_clear(&h);
	return err;
}

int sha1(const struct chunk parts[], size_t n, uint8_t out[20])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok;

	ok = ctx && crypto_md_sha1() && EVP_DigestInit_ex2(ctx, crypto_md_sha1(), NULL) == 1;
	for (size_t i = 0; ok && i < n; i++)
		ok = !parts[i].len || EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -1;
}

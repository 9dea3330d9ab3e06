/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing and opening: one-shot AES-CBC, and the keyed contexts of the data path. A context is either AES-GCM
 * with a 16-byte tag (RFC 4106, RFC 5282) or CBC then HMAC (RFC 3602, RFC 4868; of old RFC 2451, RFC 2403 and
 * RFC 2404), and holds both keys expanded: a packet costs a new IV and a restarted HMAC, and no allocation.
 *
 * Opening checks before it reveals: encrypt-then-MAC compares the ICV before it decrypts; GCM decrypts
 * as it checks, so text that failed is cleansed.
 */
#include "base/crypto.h"
#include "base/crypto_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define GCM_NONCE_LEN 12
#define GCM_SALT_LEN  4
#define GCM_IV_LEN    8
#define GCM_TAG_LEN   16

struct aead_ctx {
	bool seal;
	struct encr_info encr;
	EVP_CIPHER_CTX *cipher;
	uint8_t salt[GCM_SALT_LEN];
	struct hmac mac; /* encrypt-then-MAC only */
	uint8_t icv_len;
};

int cbc_crypt(bool encrypt, unsigned key_bits, const uint8_t *key, const uint8_t iv[16], const uint8_t *in,
    size_t len, uint8_t *out)
{
	const EVP_CIPHER *cipher = crypto_cipher(ENCR_AES_CBC, key_bits);
	EVP_CIPHER_CTX *ctx;
	int got = 0;
	bool ok;

	if (!cipher || len % CRYPTO_MAX_BLOCK || len > INT_MAX)
		return -1;
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx && EVP_CipherInit_ex2(ctx, cipher, key, iv, encrypt, NULL) == 1 &&
	     EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	     (!len || EVP_CipherUpdate(ctx, out, &got, in, (int)len) == 1) && (size_t)got == len;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -1;
}

struct aead_ctx *aead_new(bool seal, enum encr_id encr, unsigned key_bits, const uint8_t *encr_key,
    enum integ_id integ_alg, const uint8_t *integ_key)
{
	const EVP_CIPHER *cipher = crypto_cipher(encr, key_bits);
	struct integ_info mac = { 0 };
	struct encr_info info;
	struct aead_ctx *c;
	enum hash hash;
	bool ok;

	if (!cipher || !encr_info(encr, key_bits, &info))
		return NULL;
	if (info.aead ? integ_alg != INTEG_NONE : !integ_key || !integ_info(integ_alg, &mac))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->seal = seal;
	c->encr = info;
	c->icv_len = info.aead ? info.icv_len : mac.icv_len;
	memcpy(c->salt, encr_key + info.key_len, info.salt_len);
	c->cipher = EVP_CIPHER_CTX_new();
	ok = c->cipher && EVP_CipherInit_ex2(c->cipher, cipher, encr_key, NULL, seal, NULL) == 1;
	if (ok && !info.aead) {
		ok = EVP_CIPHER_CTX_set_padding(c->cipher, 0) == 1 && crypto_hash_of_integ(integ_alg, &hash);
		if (ok)
			hmac_init(&c->mac, hash, integ_key, mac.key_len);
	}
	if (!ok) {
		aead_free(c);
		return NULL;
	}
	return c;
}

void aead_free(struct aead_ctx *c)
{
	if (!c)
		return;
	EVP_CIPHER_CTX_free(c->cipher);
	cleanse(c, sizeof(*c));
	free(c);
}

static void gcm_nonce(const struct aead_ctx *c, const uint8_t *iv, uint8_t nonce[GCM_NONCE_LEN])
{
	memcpy(nonce, c->salt, GCM_SALT_LEN);
	memcpy(nonce + GCM_SALT_LEN, iv, GCM_IV_LEN);
}

/* Starts a message and runs aad and text through the cipher, in place. */
static bool gcm_run(
    struct aead_ctx *c, const uint8_t *aad, size_t aad_len, const uint8_t *iv, uint8_t *text, size_t text_len)
{
	uint8_t nonce[GCM_NONCE_LEN];
	int got = 0;

	gcm_nonce(c, iv, nonce);
	return EVP_CipherInit_ex2(c->cipher, NULL, NULL, nonce, -1, NULL) == 1 &&
	       (!aad_len || EVP_CipherUpdate(c->cipher, NULL, &got, aad, (int)aad_len) == 1) &&
	       (!text_len || EVP_CipherUpdate(c->cipher, text, &got, text, (int)text_len) == 1);
}

static int gcm_seal(struct aead_ctx *c, const uint8_t *aad, size_t aad_len, const uint8_t *iv, uint8_t *text,
    size_t text_len, uint8_t *icv)
{
	uint8_t none[CRYPTO_MAX_BLOCK];
	int got = 0;

	if (!gcm_run(c, aad, aad_len, iv, text, text_len) || EVP_CipherFinal_ex(c->cipher, none, &got) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c->cipher, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_LEN, icv) != 1)
		return -1;
	return 0;
}

static int gcm_open(struct aead_ctx *c, const uint8_t *aad, size_t aad_len, const uint8_t *iv, uint8_t *text,
    size_t text_len, const uint8_t *icv)
{
	uint8_t none[CRYPTO_MAX_BLOCK], tag[GCM_TAG_LEN];
	int got = 0;

	memcpy(tag, icv, sizeof(tag));
	if (!gcm_run(c, aad, aad_len, iv, text, text_len) ||
	    EVP_CIPHER_CTX_ctrl(c->cipher, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_LEN, tag) != 1 ||
	    EVP_CipherFinal_ex(c->cipher, none, &got) != 1) {
		cleanse(text, text_len);
		return -1;
	}
	return 0;
}

static bool cbc_run(struct aead_ctx *c, const uint8_t *iv, uint8_t *text, size_t text_len)
{
	int got = 0;

	return EVP_CipherInit_ex2(c->cipher, NULL, NULL, iv, -1, NULL) == 1 &&
	       (!text_len || EVP_CipherUpdate(c->cipher, text, &got, text, (int)text_len) == 1) &&
	       (size_t)got == text_len;
}

/* The whole HMAC over aad | iv | text | tail; the caller truncates. */
static void mac_run(struct aead_ctx *c, const uint8_t *aad, size_t aad_len, const uint8_t *iv,
    const uint8_t *text, size_t text_len, const uint8_t *tail, size_t tail_len, uint8_t full[CRYPTO_MAX_HASH])
{
	hmac_start(&c->mac);
	hmac_add(&c->mac, aad, aad_len);
	hmac_add(&c->mac, iv, c->encr.iv_len);
	hmac_add(&c->mac, text, text_len);
	hmac_add(&c->mac, tail, tail_len);
	hmac_finish(&c->mac, full);
}

static bool lengths_ok(const struct aead_ctx *c, size_t aad_len, size_t text_len)
{
	return aad_len <= INT_MAX && text_len <= INT_MAX && text_len % c->encr.block == 0;
}

int aead_seal(struct aead_ctx *c, const uint8_t *aad, size_t aad_len, const uint8_t *iv, uint8_t *text,
    size_t text_len, const uint8_t *tail, size_t tail_len, uint8_t *icv)
{
	uint8_t full[CRYPTO_MAX_HASH];

	if (!c->seal || !lengths_ok(c, aad_len, text_len))
		return -1;
	if (c->encr.aead)
		return gcm_seal(c, aad, aad_len, iv, text, text_len, icv);
	if (!cbc_run(c, iv, text, text_len))
		return -1;
	mac_run(c, aad, aad_len, iv, text, text_len, tail, tail_len, full);
	memcpy(icv, full, c->icv_len);
	return 0;
}

int aead_open(struct aead_ctx *c, const uint8_t *aad, size_t aad_len, const uint8_t *iv, uint8_t *text,
    size_t text_len, const uint8_t *tail, size_t tail_len, const uint8_t *icv)
{
	uint8_t full[CRYPTO_MAX_HASH];

	if (c->seal || !lengths_ok(c, aad_len, text_len))
		return -1;
	if (c->encr.aead)
		return gcm_open(c, aad, aad_len, iv, text, text_len, icv);
	mac_run(c, aad, aad_len, iv, text, text_len, tail, tail_len, full);
	if (!bytes_eq_ct(full, icv, c->icv_len))
		return -1;
	return cbc_run(c, iv, text, text_len) ? 0 : -1;
}

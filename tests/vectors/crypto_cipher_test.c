/* SPDX-License-Identifier: Apache-2.0 */
/* AES-CBC and AES-GCM: RFC 3602, the GCM specification's first cases, Wycheproof; and what an open must
 * refuse. */
#include "base/crypto.h"
#include "tests/support/crypto_group.h"
#include "tests/support/rsp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MAX_BYTES 4096

static void check_cbc(const uint8_t *key, size_t key_len, const uint8_t iv[16], const uint8_t *pt,
    const uint8_t *ct, size_t len)
{
	static uint8_t out[MAX_BYTES];

	assert_int_equal(cbc_crypt(true, (unsigned)key_len * 8, key, iv, pt, len, out), 0);
	assert_memory_equal(out, ct, len);
	assert_int_equal(cbc_crypt(false, (unsigned)key_len * 8, key, iv, out, len, out), 0); /* in place */
	assert_memory_equal(out, pt, len);
}

static void test_cbc_typed_in(void **state)
{
	uint8_t key[32], iv[16], pt[32], ct[32];

	(void)state;
	hex("06a9214036b8a15b512e03d534120006", key, 32); /* RFC 3602 4, case 1 */
	hex("3dafba429d9eb430b422da802c9fac41", iv, 16);
	hex("e353779c1079aeb82708942dbe77181a", ct, 32);
	check_cbc(key, 16, iv, (const uint8_t *)"Single block msg", ct, 16);
	hex("c286696d887c9aa0611bbb3e2025a45a", key, 32); /* case 2 */
	hex("562e17996d093d28ddb3ba695a2e6f58", iv, 16);
	hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", pt, 32);
	hex("d296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1", ct, 32);
	check_cbc(key, 16, iv, pt, ct, 32);
	assert_int_equal(cbc_crypt(true, 128, key, iv, pt, 17, ct), -1);
	assert_int_equal(cbc_crypt(true, 160, key, iv, pt, 16, ct), -1);
	assert_int_equal(cbc_crypt(true, 128, key, iv, pt, 0, ct), 0);
}

/*
 * 3DES in CBC (RFC 2451): the blocks of NIST SP 800-67's example under its three keys. With an IV of zeros
 * CBC's first block is the bare cipher's; the second one is made so that what is chained cancels.
 */
static void test_3des(void **state)
{
	static const char *const plain[] = { "5468652071756663", "6b2062726f776e20", "666f78206a756d70" };
	static const char *const cipher[] = { "a826fd8ce53b855f", "cce21c8112256fe6", "68d5c05dd9b6b900" };
	uint8_t key[24], mac[20] = { 1 }, aad[8] = { 2 }, iv[8] = { 0 }, want[16], text[16], icv[12];
	struct aead_ctx *seal, *open;

	(void)state;
	hex("0123456789abcdef23456789abcdef01456789abcdef0123", key, 24);
	seal = aead_new(true, ENCR_3DES, 0, key, INTEG_HMAC_SHA1_96, mac);
	open = aead_new(false, ENCR_3DES, 0, key, INTEG_HMAC_SHA1_96, mac);
	assert_true(seal && open);
	for (unsigned i = 0; i < 3; i++) {
		uint8_t next[8];

		hex(plain[i], text, 8);
		hex(plain[(i + 1) % 3], next, 8);
		hex(cipher[i], want, 8);
		hex(cipher[(i + 1) % 3], want + 8, 8);
		for (unsigned k = 0; k < 8; k++)
			text[8 + k] = next[k] ^ want[k];
		assert_int_equal(aead_seal(seal, aad, 8, iv, text, 16, NULL, 0, icv), 0);
		assert_memory_equal(text, want, 16);
		icv[11] ^= 1;
		assert_int_equal(aead_open(open, aad, 8, iv, text, 16, NULL, 0, icv), -1);
		icv[11] ^= 1;
		assert_int_equal(aead_open(open, aad, 8, iv, text, 16, NULL, 0, icv), 0);
		hex(plain[i], want, 8);
		assert_memory_equal(text, want, 8);
	}
	assert_int_equal(aead_seal(seal, aad, 8, iv, text, 12, NULL, 0, icv), -1); /* no whole blocks */
	assert_null(aead_new(true, ENCR_3DES, 192, key, INTEG_HMAC_SHA1_96, mac));
	aead_free(seal);
	aead_free(open);
}

static void test_cbc_rfc3602(void **state)
{
	uint8_t key[32], iv[16], pt[128], ct[128];
	struct rsp r;

	(void)state;
	if (!rsp_open(&r, "rfc/rfc3602-aes-cbc.rsp"))
		return;
	while (rsp_next(&r)) {
		size_t key_len = rsp_hex(&r, "key", key, 32), len = rsp_hex(&r, "ct", ct, 128);

		rsp_hex(&r, "iv", iv, 16);
		assert_int_equal(rsp_hex(&r, "pt", pt, 128), len);
		check_cbc(key, key_len, iv, pt, ct, len);
	}
	rsp_close(&r);
}

/* PKCS#5 padding is not ours: the valid cases, padded by hand. */
static void test_cbc_wycheproof(void **state)
{
	static uint8_t msg[MAX_BYTES], ct[MAX_BYTES];
	uint8_t key[32], iv[16];
	unsigned n = 0;
	struct rsp r;

	(void)state;
	if (!rsp_open(&r, "wycheproof/aes_cbc_pkcs5.rsp"))
		return;
	while (rsp_next(&r)) {
		size_t key_len = rsp_hex(&r, "key", key, 32), len = rsp_hex(&r, "msg", msg, MAX_BYTES - 16);
		size_t pad = 16 - len % 16;

		if (strcmp(rsp_text(&r, "result"), "valid") != 0)
			continue;
		rsp_hex(&r, "iv", iv, 16);
		memset(msg + len, (int)pad, pad);
		assert_int_equal(rsp_hex(&r, "ct", ct, MAX_BYTES), len + pad);
		check_cbc(key, key_len, iv, msg, ct, len + pad);
		n++;
	}
	assert_true(n > 20);
	rsp_close(&r);
}

struct gcm_case {
	uint8_t key[32 + 4], nonce[12], aad[MAX_BYTES], msg[MAX_BYTES], ct[MAX_BYTES], tag[16];
	size_t key_len, aad_len, len;
};

/* Seals and opens one case; when it is no valid one, opening must fail and leave no text behind. */
static void check_gcm(struct gcm_case *c, bool valid)
{
	static uint8_t text[MAX_BYTES], zeros[MAX_BYTES];
	struct aead_ctx *s, *o;
	uint8_t tag[16];

	memcpy(c->key + c->key_len, c->nonce, 4); /* the salt */
	s = aead_new(true, ENCR_AES_GCM_16, (unsigned)c->key_len * 8, c->key, INTEG_NONE, NULL);
	o = aead_new(false, ENCR_AES_GCM_16, (unsigned)c->key_len * 8, c->key, INTEG_NONE, NULL);
	assert_non_null(s);
	assert_non_null(o);
	for (unsigned round = 0; round < 2; round++) { /* a context is used again and again */
		if (valid) {
			memcpy(text, c->msg, c->len);
			assert_int_equal(
			    aead_seal(s, c->aad, c->aad_len, c->nonce + 4, text, c->len, NULL, 0, tag), 0);
			assert_memory_equal(text, c->ct, c->len);
			assert_memory_equal(tag, c->tag, 16);
		}
		memcpy(text, c->ct, c->len);
		assert_int_equal(
		    aead_open(o, c->aad, c->aad_len, c->nonce + 4, text, c->len, NULL, 0, c->tag),
		    valid ? 0 : -1);
		assert_memory_equal(text, valid ? c->msg : zeros, c->len);
	}
	assert_int_equal(aead_open(s, c->aad, c->aad_len, c->nonce + 4, text, c->len, NULL, 0, c->tag), -1);
	assert_int_equal(aead_seal(o, c->aad, c->aad_len, c->nonce + 4, text, c->len, NULL, 0, tag), -1);
	aead_free(s);
	aead_free(o);
}

static void test_gcm_typed_in(void **state)
{
	static struct gcm_case c; /* McGrew and Viega, test cases 1, 2 and 14: all zeros */

	(void)state;
	c.key_len = 16;
	hex("58e2fccefa7e3061367f1d57a4e7455a", c.tag, 16);
	check_gcm(&c, true);
	c.len = 16;
	hex("0388dace60b6a392f328c2b971b2fe78", c.ct, 16);
	hex("ab6e47d42cec13bdf53a67b21257bddf", c.tag, 16);
	check_gcm(&c, true);
	c.tag[15] ^= 1;
	check_gcm(&c, false);
	memset(c.key, 0, sizeof(c.key));
	c.key_len = 32;
	hex("cea7403d4d606b6e074ec5d3baf39d18", c.ct, 16);
	hex("d0d1c8a799996bf0265b98b5d48ab919", c.tag, 16);
	check_gcm(&c, true);
}

static void test_gcm_wycheproof(void **state)
{
	static struct gcm_case c;
	unsigned n = 0;
	struct rsp r;

	(void)state;
	if (!rsp_open(&r, "wycheproof/aes_gcm.rsp"))
		return;
	while (rsp_next(&r)) {
		if (rsp_int(&r, "ivSize") != 96 || rsp_int(&r, "tagSize") != 128)
			continue;
		c.key_len = rsp_hex(&r, "key", c.key, 32);
		c.aad_len = rsp_hex(&r, "aad", c.aad, MAX_BYTES);
		c.len = rsp_hex(&r, "ct", c.ct, MAX_BYTES);
		rsp_hex(&r, "msg", c.msg, MAX_BYTES);
		rsp_hex(&r, "iv", c.nonce, 12);
		rsp_hex(&r, "tag", c.tag, 16);
		check_gcm(&c, strcmp(rsp_text(&r, "result"), "valid") == 0);
		n++;
	}
	assert_true(n > 50);
	rsp_close(&r);
}

/* Encrypt-then-MAC against its parts: AES-CBC, then the truncated HMAC over aad | iv | text | tail. */
static void test_etm(void **state)
{
	static const enum integ_id macs[] = { INTEG_HMAC_SHA1_96, INTEG_HMAC_SHA2_256_128,
		INTEG_HMAC_SHA2_384_192, INTEG_HMAC_SHA2_512_256 };
	const uint8_t aad[8] = "spi-seq", iv[16] = "fifteen-letters", tail[4] = { 0, 0, 0, 7 };
	uint8_t key[32], mac_key[64], text[64], plain[64], want[64], icv[32], want_icv[32];

	(void)state;
	memset(key, 0x11, sizeof(key));
	memset(mac_key, 0x22, sizeof(mac_key));
	memset(plain, 0x33, sizeof(plain));
	for (unsigned i = 0; i < 8; i++) {
		enum integ_id mac = macs[i % 4];
		size_t tail_len = i >= 4 ? 4 : 0;
		struct aead_ctx *s = aead_new(true, ENCR_AES_CBC, 256, key, mac, mac_key);
		struct aead_ctx *o = aead_new(false, ENCR_AES_CBC, 256, key, mac, mac_key);
		const struct chunk parts[] = { { aad, 8 }, { iv, 16 }, { want, 64 }, { tail, tail_len } };
		struct integ_info info;

		assert_non_null(s);
		assert_non_null(o);
		assert_true(integ_info(mac, &info));
		memcpy(text, plain, 64);
		assert_int_equal(aead_seal(s, aad, 8, iv, text, 64, tail, tail_len, icv), 0);
		assert_int_equal(cbc_crypt(true, 256, key, iv, plain, 64, want), 0);
		assert_memory_equal(text, want, 64);
		assert_int_equal(integ(mac, mac_key, info.key_len, parts, 4, want_icv), 0);
		assert_memory_equal(icv, want_icv, info.icv_len);
		icv[info.icv_len - 1] ^= 0x80;
		assert_int_equal(aead_open(o, aad, 8, iv, text, 64, tail, tail_len, icv), -1);
		assert_memory_equal(text, want, 64); /* nothing was decrypted */
		icv[info.icv_len - 1] ^= 0x80;
		assert_int_equal(aead_open(o, aad, 8, iv, text, 64, tail, tail_len, icv), 0);
		assert_memory_equal(text, plain, 64);
		assert_int_equal(aead_seal(s, aad, 8, iv, text, 63, tail, tail_len, icv), -1);
		aead_free(s);
		aead_free(o);
	}
}

static void test_combinations(void **state)
{
	uint8_t key[64] = { 0 };

	(void)state;
	assert_null(aead_new(true, ENCR_AES_CBC, 256, key, INTEG_NONE, NULL));
	assert_null(aead_new(true, ENCR_AES_CBC, 256, key, INTEG_HMAC_SHA2_256_128, NULL));
	assert_null(aead_new(true, ENCR_AES_GCM_16, 256, key, INTEG_HMAC_SHA2_256_128, key));
	assert_null(aead_new(true, ENCR_AES_GCM_16, 512, key, INTEG_NONE, NULL));
	assert_null(aead_new(true, ENCR_NULL, 0, key, INTEG_HMAC_SHA2_256_128, key));
	aead_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cbc_typed_in), cmocka_unit_test(test_3des),
		cmocka_unit_test(test_cbc_rfc3602), cmocka_unit_test(test_cbc_wycheproof),
		cmocka_unit_test(test_gcm_typed_in), cmocka_unit_test(test_gcm_wycheproof),
		cmocka_unit_test(test_etm), cmocka_unit_test(test_combinations) };

	return cmocka_run_group_tests(tests, crypto_group_setup, crypto_group_teardown);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The data path's promise: sealing and opening a packet allocates nothing, not even inside OpenSSL. */
#include "base/crypto.h"

#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static unsigned long allocations;

static void *count_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	allocations++;
	return malloc(n);
}

static void *count_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	allocations++;
	return realloc(p, n);
}

static void count_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static void check(enum encr_id encr, unsigned bits, enum integ_id mac)
{
	uint8_t key[64] = { 1 }, aad[8] = { 2 }, iv[16] = { 3 }, text[1408] = { 4 }, tail[4] = { 0 }, icv[32];
	struct aead_ctx *s = aead_new(true, encr, bits, key, mac, mac ? key : NULL);
	struct aead_ctx *o = aead_new(false, encr, bits, key, mac, mac ? key : NULL);
	unsigned long before;

	assert_non_null(s);
	assert_non_null(o);
	before = allocations;
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(aead_seal(s, aad, 8, iv, text, sizeof(text), tail, mac ? 4 : 0, icv), 0);
		assert_int_equal(aead_open(o, aad, 8, iv, text, sizeof(text), tail, mac ? 4 : 0, icv), 0);
	}
	assert_int_equal(allocations, before);
	aead_free(s);
	aead_free(o);
}

static void test_no_allocation(void **state)
{
	(void)state;
	assert_int_equal(crypto_init(), 0);
	assert_true(allocations > 0); /* we do count */
	check(ENCR_AES_CBC, 256, INTEG_HMAC_SHA2_256_128);
	check(ENCR_AES_CBC, 128, INTEG_HMAC_SHA2_512_256);
	check(ENCR_AES_GCM_16, 256, INTEG_NONE);
	check(ENCR_AES_GCM_16, 128, INTEG_NONE);
	crypto_fini();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_no_allocation) };

	if (!CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

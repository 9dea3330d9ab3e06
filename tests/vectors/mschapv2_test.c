/* SPDX-License-Identifier: Apache-2.0 */
/* MS-CHAP-V2: the figures of RFC 2759 9.2 and RFC 3079 3.5.3; DES and MD4 by those of FIPS 81 and RFC 1320.
 */
#include "base/crypto.h"
#include "base/crypto_legacy.h"
#include "ike/mschapv2.h"
#include "tests/support/rsp.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static const struct mschapv2_exchange rfc2759 = {
	.authenticator = { 0x5B, 0x5D, 0x7C, 0x7D, 0x7B, 0x3F, 0x2F, 0x3E, 0x3C, 0x2C, 0x60, 0x21, 0x32, 0x26,
	    0x26, 0x28 },
	.peer = { 0x21, 0x40, 0x23, 0x24, 0x25, 0x5E, 0x26, 0x2A, 0x28, 0x29, 0x5F, 0x2B, 0x3A, 0x33, 0x7C,
	    0x7E },
	.user = "User",
	.user_len = 4,
};
static const char rfc2759_hash[] = "44EBBA8D5312B8D611474411F56989AE";
static const char rfc2759_response[] = "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF";
static const char rfc2759_proof[] = "407A5589115FD0D6209F510FE9C04566932CDA56";

static void expect(const void *got, size_t len, const char *want)
{
	uint8_t bytes[128];

	assert_int_equal(hex(want, bytes, sizeof(bytes)), len);
	assert_memory_equal(got, bytes, len);
}

static int password_hash(const char *text, uint8_t hash[MSCHAPV2_HASH_LEN])
{
	struct secret s = { 0 };
	int rc;

	assert_int_equal(secret_set(&s, text, strlen(text)), 0);
	rc = mschapv2_password_hash(&s, hash);
	secret_clear(&s);
	return rc;
}

static void test_md4(void **state)
{
	uint8_t out[16];

	(void)state;
	md4("", 0, out);
	expect(out, 16, "31d6cfe0d16ae931b73c59d7e0c089c0");
	md4("message digest", 14, out);
	expect(out, 16, "d9130a8164549fe818874806e1c7014b");
}

static void test_des(void **state)
{
	static const uint8_t zero[8] = { 0 };
	uint8_t key[8], clear[8], out[8];

	(void)state;
	/* RFC 2759 9.3: the hash's first 7 octets, and with parity FCE45CDC..., are not tabled; its 9.2 is
	 * below. */
	hex("00000000000000", key, sizeof(key));
	des_encrypt(zero, key, out);
	expect(out, 8, "8CA64DE9C1B123A7");
	/* FIPS 81 appendix B: key 0123456789abcdef without parity, "Now is t". */
	hex("00451338957377", key, sizeof(key));
	hex("4e6f772069732074", clear, sizeof(clear));
	des_encrypt(clear, key, out);
	expect(out, 8, "3fa40e8a984d4815");
}

static void test_rfc2759(void **state)
{
	uint8_t hash[MSCHAPV2_HASH_LEN], response[MSCHAPV2_NT_RESPONSE_LEN], proof[MSCHAPV2_PROOF_LEN];
	struct mschapv2_exchange domain = rfc2759;

	(void)state;
	assert_int_equal(password_hash("clientPass", hash), 0);
	expect(hash, sizeof(hash), rfc2759_hash);
	assert_int_equal(mschapv2_nt_response(&rfc2759, hash, response), 0);
	expect(response, sizeof(response), rfc2759_response);
	assert_int_equal(mschapv2_authenticator_response(&rfc2759, hash, response, proof), 0);
	expect(proof, sizeof(proof), rfc2759_proof);
	/* RFC 2759 4: the domain in front does not count. */
	domain.user = "BIGCO\\User";
	domain.user_len = strlen(domain.user);
	assert_int_equal(mschapv2_nt_response(&domain, hash, response), 0);
	expect(response, sizeof(response), rfc2759_response);
}

static void test_rfc3079(void **state)
{
	uint8_t hash[MSCHAPV2_HASH_LEN], response[MSCHAPV2_NT_RESPONSE_LEN], msk[EAP_MSK_LEN];

	(void)state;
	hex(rfc2759_hash, hash, sizeof(hash));
	hex(rfc2759_response, response, sizeof(response));
	assert_int_equal(mschapv2_msk(hash, response, msk), 0);
	/* 3.5.3: the server's SendStartKey128; the client sends with the other, which other code computed. */
	expect(msk + 16, 16, "8B7CDC149B993A1BA118CB153F56DCCB");
	expect(msk, 16, "D5F0E9521E3EA9589645E86051C82226");
	for (unsigned i = 32; i < sizeof(msk); i++)
		assert_int_equal(msk[i], 0);
}

static void test_passwords(void **state)
{
	static const char *const bad[] = { "\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
		"a\x80", "\xe2\x82", "\xf8\x88\x80\x80\x80" };
	uint8_t hash[MSCHAPV2_HASH_LEN];
	char text[2 * MSCHAPV2_PASSWORD_MAX];

	(void)state;
	/* "Gr\u00fc\u00dfe \U0001f600" in UTF-16LE by other code. */
	assert_int_equal(password_hash("Gr\xc3\xbc\xc3\x9f"
	                               "e \xf0\x9f\x98\x80",
	                     hash),
	    0);
	expect(hash, sizeof(hash), "ae70f30217acb83b6997ac3d2e824beb");
	assert_int_equal(password_hash("", hash), 0);
	expect(hash, sizeof(hash), "31d6cfe0d16ae931b73c59d7e0c089c0");
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(password_hash(bad[i], hash), -1);
	memset(text, 'a', sizeof(text));
	text[MSCHAPV2_PASSWORD_MAX] = '\0';
	assert_int_equal(password_hash(text, hash), 0);
	text[MSCHAPV2_PASSWORD_MAX] = 'a';
	text[MSCHAPV2_PASSWORD_MAX + 1] = '\0';
	assert_int_equal(password_hash(text, hash), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_md4),
		cmocka_unit_test(test_des),
		cmocka_unit_test(test_rfc2759),
		cmocka_unit_test(test_rfc3079),
		cmocka_unit_test(test_passwords),
	};

	if (crypto_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures: AlgorithmIdentifiers as RFC 7427 appendix A and RFC 8420 appendix A print them, every kind of
 * key both ways, keys that must not do what an AlgorithmIdentifier asks, and published sets of signatures
 * where they are at hand.
 */
#include "tests/support/test_ca.h"

#include "base/crypto.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t unhex(const char *text, uint8_t *out, size_t cap)
{
	size_t n = 0;

	for (; text[0] && text[1] && n < cap; text += 2, n++) {
		char byte[3] = { text[0], text[1], 0 };

		out[n] = (uint8_t)strtoul(byte, NULL, 16);
	}
	assert_true(!text[0]);
	return n;
}

#define NULL_SHA(last) "300d060960864801650304020" last "0500"
static const struct {
	struct sig_alg alg;
	const char *der;
} identifiers[] = {
	{ { SIG_RSA_PKCS1, SIG_HASH_SHA1 }, "300d06092a864886f70d0101050500" },   /* A.1.1 */
	{ { SIG_RSA_PKCS1, SIG_HASH_SHA256 }, "300d06092a864886f70d01010b0500" }, /* A.1.2 */
	{ { SIG_RSA_PKCS1, SIG_HASH_SHA384 }, "300d06092a864886f70d01010c0500" }, /* A.1.3 */
	{ { SIG_RSA_PKCS1, SIG_HASH_SHA512 }, "300d06092a864886f70d01010d0500" }, /* A.1.4 */
	{ { SIG_ECDSA, SIG_HASH_SHA1 }, "300906072a8648ce3d0401" },               /* A.3.1 */
	{ { SIG_ECDSA, SIG_HASH_SHA256 }, "300a06082a8648ce3d040302" },           /* A.3.2 */
	{ { SIG_ECDSA, SIG_HASH_SHA384 }, "300a06082a8648ce3d040303" },           /* A.3.3 */
	{ { SIG_ECDSA, SIG_HASH_SHA512 }, "300a06082a8648ce3d040304" },           /* A.3.4 */
	{ { SIG_RSA_PSS, SIG_HASH_SHA256 },
	    "304106092a864886f70d01010a3034a00f" NULL_SHA("1") "a11c301a06092a864886f70d010108" NULL_SHA(
	        "1") "a203020120" }, /* A.4.3 */
	{ { SIG_EDDSA, SIG_HASH_IDENTITY }, "300506032b6570" },
};
static const char *const others[] = {
	/* the same said otherwise */
	"300b06092a864886f70d01010b",
	"304606092a864886f70d01010a3039a00f" NULL_SHA("1") "a11c301a06092a864886f70d010108" NULL_SHA(
	    "1") "a203020120"
	         "a303020101",
};
static const char *const refused[] = {
	"",
	"3000",
	"300d06092a864886f70d0101040500", /* RSA with MD5 */
	"300f06092a864886f70d01010a3000" /* PSS with the defaults: SHA-1 (RFC 8247 4.2) */,
	"300d06092a864886f70d01010a3000",   /* the same, well formed */
	"300d06092a864886f70d01010b050000", /* a byte behind it */
	"304106092a864886f70d01010a3034a00f" NULL_SHA("1") "a11c301a06092a864886f70d010108" NULL_SHA(
	    "2") "a203020120",
	"304106092a864886f70d01010a3034a00f" NULL_SHA("1") "a11c301a06092a864886f70d010108" NULL_SHA(
	    "1") "a203020114",
};

static void test_identifiers(void **state)
{
	struct test_spec spec = { .subject = "CN=x", .key = TEST_KEY_ED25519 };
	char *pem = test_ca_key(&spec, NULL);
	struct sig_key *k = sig_key_private(pem, strlen(pem), "key", NULL);
	uint8_t der[SIG_ALG_MAX], out[SIG_ALG_MAX];
	struct sig_alg alg;
	size_t len, n;

	(void)state;
	for (size_t i = 0; i < sizeof(identifiers) / sizeof(identifiers[0]); i++) {
		n = unhex(identifiers[i].der, der, sizeof(der));
		assert_int_equal(sig_alg_build(&identifiers[i].alg, k, out, sizeof(out), &len), 0);
		assert_int_equal(len, n);
		assert_memory_equal(out, der, n);
		assert_int_equal(sig_alg_build(&identifiers[i].alg, k, out, n - 1, &len), -1);
		assert_int_equal(sig_alg_parse(der, n, &alg), 0);
		assert_true(alg.scheme == identifiers[i].alg.scheme && alg.hash == identifiers[i].alg.hash);
		for (size_t cut = 0; cut < n; cut++)
			assert_int_equal(sig_alg_parse(der, cut, &alg), -1);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		n = unhex(others[i], der, sizeof(der));
		assert_int_equal(sig_alg_parse(der, n, &alg), 0);
		assert_int_equal(alg.hash, SIG_HASH_SHA256);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		n = unhex(refused[i], der, sizeof(der));
		if (!sig_alg_parse(der, n, &alg))
			fail_msg("\"%s\" is taken", refused[i]);
	}
	free(pem);
	sig_key_unref(k);
}

static void test_both_ways(void **state)
{
	static const struct {
		enum test_key key;
		struct sig_alg alg;
		bool plain;
		size_t len; /* 0: varies */
	} cases[] = {
		{ TEST_KEY_RSA, { SIG_RSA_PKCS1, SIG_HASH_SHA256 }, false, 256 },
		{ TEST_KEY_RSA, { SIG_RSA_PSS, SIG_HASH_SHA384 }, false, 256 },
		{ TEST_KEY_RSA_PSS, { SIG_RSA_PSS, SIG_HASH_SHA256 }, false, 256 },
		{ TEST_KEY_P256, { SIG_ECDSA, SIG_HASH_SHA256 }, false, 0 },
		{ TEST_KEY_P256, { SIG_ECDSA, SIG_HASH_SHA256 }, true, 64 },
		{ TEST_KEY_P384, { SIG_ECDSA, SIG_HASH_SHA384 }, true, 96 },
		{ TEST_KEY_P521, { SIG_ECDSA, SIG_HASH_SHA512 }, true, 132 },
		{ TEST_KEY_P521, { SIG_ECDSA, SIG_HASH_SHA512 }, false, 0 },
		{ TEST_KEY_ED25519, { SIG_EDDSA, SIG_HASH_IDENTITY }, false, 64 },
		{ TEST_KEY_ED448, { SIG_EDDSA, SIG_HASH_IDENTITY }, false, 114 },
	};
	uint8_t msg[100] = { 1, 2, 3 }, sig[SIG_MAX];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_spec spec = { .subject = "CN=x", .key = cases[i].key };
		char *pem = test_ca_key(&spec, NULL);
		struct sig_key *k = sig_key_private(pem, strlen(pem), "key", NULL);

		assert_non_null(k);
		assert_int_equal(
		    sig_sign(k, &cases[i].alg, cases[i].plain, msg, 100, sig, sizeof(sig), &len), 0);
		assert_true(!cases[i].len || cases[i].len == len);
		assert_int_equal(sig_verify(k, &cases[i].alg, cases[i].plain, msg, 100, sig, len), 0);
		assert_int_equal(sig_verify(k, &cases[i].alg, cases[i].plain, msg, 99, sig, len), -1);
		assert_int_equal(sig_verify(k, &cases[i].alg, cases[i].plain, msg, 100, sig, len - 1), -1);
		sig[len - 1] ^= 1;
		assert_int_equal(sig_verify(k, &cases[i].alg, cases[i].plain, msg, 100, sig, len), -1);
		assert_int_equal(sig_sign(k, &cases[i].alg, cases[i].plain, msg, 100, sig, 10, &len), -1);
		/* No algorithm of another kind of key. */
		for (size_t j = 0; j < sizeof(cases) / sizeof(cases[0]); j++)
			if (sig_alg_fits(&cases[j].alg, k))
				assert_true(
				    cases[i].alg.scheme == cases[j].alg.scheme ||
				    (cases[i].key == TEST_KEY_RSA && cases[j].alg.scheme <= SIG_RSA_PSS));
			else
				assert_int_equal(
				    sig_sign(k, &cases[j].alg, false, msg, 100, sig, sizeof(sig), &len), -1);
		free(pem);
		sig_key_unref(k);
	}
}

/* Wycheproof's ECDSA, EdDSA and RSA sets. What this project's rules refuse beyond the set's own must stay
 * refused. */
static unsigned run_set(const char *file, struct sig_alg alg, bool plain)
{
	char path[512];
	json_t *root, *group, *test;
	size_t i, j;
	unsigned n = 0;

	snprintf(path, sizeof(path), "%s/wycheproof/%s", CW_VECTORS_DIR, file);
	if (access(path, R_OK))
		return 0;
	root = json_load_file(path, 0, NULL);
	json_array_foreach(json_object_get(root, "testGroups"), i, group)
	{
		uint8_t der[2048], msg[4096], sig[SIG_MAX];
		const char *spki = json_string_value(json_object_get(group, "publicKeyDer"));
		struct sig_key *k;

		assert_non_null(spki);
		k = sig_key_public(der, unhex(spki, der, sizeof(der)));
		if (!k)
			continue;
		json_array_foreach(json_object_get(group, "tests"), j, test)
		{
			const char *result = json_string_value(json_object_get(test, "result"));
			const char *m = json_string_value(json_object_get(test, "msg"));
			const char *s = json_string_value(json_object_get(test, "sig"));
			size_t msg_len, sig_len;
			int rc;

			if (strlen(s) / 2 > sizeof(sig) || strlen(m) / 2 > sizeof(msg))
				continue;
			msg_len = unhex(m, msg, sizeof(msg));
			sig_len = unhex(s, sig, sizeof(sig));
			rc = sig_verify(k, &alg, plain, msg, msg_len, sig, sig_len);
			if ((!strcmp(result, "valid") && rc) || (!strcmp(result, "invalid") && !rc))
				fail_msg("%s: test %d is %s", file,
				    (int)json_integer_value(json_object_get(test, "tcId")), result);
			n++;
		}
		sig_key_unref(k);
	}
	json_decref(root);
	return n;
}

static void test_sets(void **state)
{
	static const struct {
		const char *file;
		struct sig_alg alg;
		bool plain;
	} sets[] = {
		{ "ecdsa_secp256r1_sha256.json", { SIG_ECDSA, SIG_HASH_SHA256 }, false },
		{ "ecdsa_secp384r1_sha384.json", { SIG_ECDSA, SIG_HASH_SHA384 }, false },
		{ "ecdsa_secp521r1_sha512.json", { SIG_ECDSA, SIG_HASH_SHA512 }, false },
		{ "ed25519.json", { SIG_EDDSA, SIG_HASH_IDENTITY }, false },
		{ "rsa_signature_2048_sha256.json", { SIG_RSA_PKCS1, SIG_HASH_SHA256 }, false },
		{ "rsa_signature_3072_sha384.json", { SIG_RSA_PKCS1, SIG_HASH_SHA384 }, false },
		{ "rsa_signature_4096_sha512.json", { SIG_RSA_PKCS1, SIG_HASH_SHA512 }, false },
		{ "rsa_pss_2048_sha256_mgf1_32.json", { SIG_RSA_PSS, SIG_HASH_SHA256 }, false },
		{ "rsa_pss_3072_sha256_mgf1_32.json", { SIG_RSA_PSS, SIG_HASH_SHA256 }, false },
		{ "rsa_pss_4096_sha512_mgf1_64.json", { SIG_RSA_PSS, SIG_HASH_SHA512 }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		printf("%s: %u\n", sets[i].file, run_set(sets[i].file, sets[i].alg, sets[i].plain));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identifiers),
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_sets),
	};
	int rc;

	if (crypto_init())
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	test_ca_free();
	return rc;
}

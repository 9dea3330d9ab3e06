/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key exchange: RFC 3526, RFC 5903, RFC 5114, RFC 7748 and Wycheproof's attacks; leading zeros; and the
 * public values that RFC 6989 refuses.
 */
#include "base/crypto.h"
#include "tests/support/crypto_group.h"
#include "tests/support/rng_seeded.h"
#include "tests/support/rsp.h"

#include <openssl/bn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MAX_BYTES 1024

static const enum ke_id groups[] = { KE_MODP_768, KE_MODP_1024, KE_MODP_2048, KE_MODP_3072, KE_MODP_4096,
	KE_ECP_256, KE_ECP_384, KE_ECP_521, KE_CURVE25519 };
#define N_GROUPS (sizeof(groups) / sizeof(groups[0]))

/* The private key gives this public value, and with the peer's this secret. */
static void check(enum ke_id id, const uint8_t *priv, size_t priv_len, const uint8_t *pub,
    const uint8_t *peer, const uint8_t *want)
{
	struct ke *k = ke_from_private(id, priv, priv_len);
	uint8_t out[CRYPTO_MAX_KE_PUBLIC];
	struct secret s = { 0 };
	struct ke_info info;
	size_t len;

	assert_true(ke_info(id, &info));
	assert_non_null(k);
	assert_int_equal(ke_group(k), id);
	assert_int_equal(ke_public(k, out, sizeof(out), &len), 0);
	assert_int_equal(len, info.public_len);
	if (pub)
		assert_memory_equal(out, pub, len);
	assert_int_equal(ke_public(k, out, info.public_len - 1u, &len), -1);
	assert_int_equal(ke_secret(k, peer, info.public_len, &s), 0);
	assert_int_equal(s.len, info.secret_len);
	assert_memory_equal(s.data, want, s.len);
	secret_clear(&s);
	ke_free(k);
}

static void test_typed_in(void **state)
{
	uint8_t i[64], r[64], gi[64], gr[64], want[64];

	(void)state;
	/* RFC 5903 8.1 */
	hex("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433", i, 64);
	hex("dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
	    "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
	    gi, 64);
	hex("c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53", r, 64);
	hex("d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
	    "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
	    gr, 64);
	hex("d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de", want, 64);
	check(KE_ECP_256, i, 32, gi, gr, want);
	check(KE_ECP_256, r, 32, gr, gi, want);
	/* RFC 7748 6.1 */
	hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", i, 64);
	hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a", gi, 64);
	hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", r, 64);
	hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f", gr, 64);
	hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742", want, 64);
	check(KE_CURVE25519, i, 32, gi, gr, want);
	check(KE_CURVE25519, r, 32, gr, gi, want);
}

/* With exponents this small the secret is a power of two far below p: 2^(5*8) modulo p, all zeros in front.
 */
static void test_leading_zeros(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		uint8_t peer[CRYPTO_MAX_KE_PUBLIC] = { 0 }, pub[CRYPTO_MAX_KE_PUBLIC] = { 0 };
		uint8_t want[CRYPTO_MAX_KE_PUBLIC] = { 0 };
		struct ke_info info;
		uint8_t priv = 5;

		assert_true(ke_info(groups[i], &info));
		peer[info.public_len - 2] = 1; /* 2^8 */
		pub[info.public_len - 1] = 32; /* 2^5 */
		want[info.public_len - 6] = 1; /* 2^40 */
		check(groups[i], &priv, 1, pub, peer, want);
	}
}

static void test_rfc3526(void **state)
{
	static uint8_t a[MAX_BYTES], b[MAX_BYTES], ga[MAX_BYTES], gb[MAX_BYTES], want[MAX_BYTES];
	unsigned n = 0;
	struct rsp r;

	(void)state;
	if (!rsp_open(&r, "rfc/rfc3526-modp.rsp"))
		return;
	while (rsp_next(&r)) {
		enum ke_id id = (enum ke_id)rsp_int(&r, "group");
		struct ke_info info;
		size_t a_len, b_len;

		if (!ke_info(id, &info))
			continue;
		a_len = rsp_hex(&r, "priv_a", a, MAX_BYTES);
		b_len = rsp_hex(&r, "priv_b", b, MAX_BYTES);
		assert_int_equal(rsp_hex(&r, "pub_a", ga, MAX_BYTES), info.public_len);
		assert_int_equal(rsp_hex(&r, "pub_b", gb, MAX_BYTES), info.public_len);
		assert_int_equal(rsp_hex(&r, "shared_secret", want, MAX_BYTES), info.secret_len);
		check(id, a, a_len, ga, gb, want);
		check(id, b, b_len, gb, ga, want);
		n++;
	}
	assert_true(n >= 3);
	rsp_close(&r);
}

static size_t two(const struct rsp *r, const char *x, const char *y, uint8_t *out)
{
	size_t n = rsp_hex(r, x, out, MAX_BYTES / 2);

	return n + rsp_hex(r, y, out + n, MAX_BYTES / 2);
}

static void test_ecp_rfcs(void **state)
{
	static uint8_t a[MAX_BYTES], b[MAX_BYTES], ga[MAX_BYTES], gb[MAX_BYTES], want[MAX_BYTES];
	struct rsp r;

	(void)state;
	if (!rsp_open(&r, "rfc/rfc5903-ecp-ke.rsp"))
		return;
	while (rsp_next(&r)) {
		enum ke_id id = (enum ke_id)rsp_int(&r, "group");
		size_t a_len = rsp_hex(&r, "i", a, MAX_BYTES), b_len = rsp_hex(&r, "r", b, MAX_BYTES);

		two(&r, "gix", "giy", ga);
		two(&r, "grx", "gry", gb);
		rsp_hex(&r, "girx", want, MAX_BYTES);
		check(id, a, a_len, ga, gb, want);
		check(id, b, b_len, gb, ga, want);
	}
	rsp_close(&r);
	if (!rsp_open(&r, "rfc/rfc5114-ecp.rsp"))
		return;
	while (rsp_next(&r)) {
		enum ke_id id = (enum ke_id)rsp_int(&r, "group");
		size_t a_len = rsp_hex(&r, "dA", a, MAX_BYTES), b_len = rsp_hex(&r, "dB", b, MAX_BYTES);

		two(&r, "x_qA", "y_qA", ga);
		two(&r, "x_qB", "y_qB", gb);
		rsp_hex(&r, "x_Z", want, MAX_BYTES);
		check(id, a, a_len, ga, gb, want);
		check(id, b, b_len, gb, ga, want);
	}
	rsp_close(&r);
}

static void test_rfc7748(void **state)
{
	uint8_t scalar[32], u[32], want[32];
	struct rsp r;

	(void)state;
	if (!rsp_open(&r, "rfc/rfc7748-x25519-x448.rsp"))
		return;
	while (rsp_next(&r)) {
		if (strcmp(rsp_text(&r, "alg"), "X25519") != 0 || !rsp_has(&r, "scalar"))
			continue;
		rsp_hex(&r, "scalar", scalar, 32);
		rsp_hex(&r, "u", u, 32);
		rsp_hex(&r, "out", want, 32);
		check(KE_CURVE25519, scalar, 32, NULL, u, want);
	}
	rsp_close(&r);
}

/* Runs one case; true when a secret came out and is the right one. A wrong one fails the test. */
static bool agrees(enum ke_id id, const struct rsp *r, const uint8_t *peer, size_t peer_len)
{
	uint8_t priv[MAX_BYTES], want[MAX_BYTES];
	size_t priv_len = rsp_hex(r, "private", priv, MAX_BYTES),
	       want_len = rsp_hex(r, "shared", want, MAX_BYTES);
	struct ke *k = ke_from_private(id, priv, priv_len);
	struct secret s = { 0 };
	bool ok;

	assert_non_null(k);
	ok = ke_secret(k, peer, peer_len, &s) == 0;
	if (ok && (s.len != want_len || memcmp(s.data, want, want_len) != 0))
		fail_msg("tcId %s: a wrong secret", rsp_text(r, "tcId"));
	secret_clear(&s);
	ke_free(k);
	return ok;
}

static void wycheproof_ecdh(const char *file, enum ke_id id)
{
	uint8_t point[MAX_BYTES];
	struct rsp r;

	if (!rsp_open(&r, file))
		return;
	while (rsp_next(&r)) {
		size_t len = rsp_hex(&r, "public", point, MAX_BYTES);
		const char *result = rsp_text(&r, "result");
		struct ke_info info;
		bool ok;

		assert_true(ke_info(id, &info));
		/* IKE has only 04 | x | y, without the 04; all other forms are of a wrong length. */
		ok = len == info.public_len + 1u && point[0] == 4 && agrees(id, &r, point + 1, len - 1);
		if (strcmp(result, "valid") == 0 ? !ok : strcmp(result, "invalid") == 0 && ok)
			fail_msg("%s: tcId %s is %s", file, rsp_text(&r, "tcId"), result);
	}
	rsp_close(&r);
}

static void test_wycheproof_ecdh(void **state)
{
	(void)state;
	wycheproof_ecdh("wycheproof/ecdh_secp256r1_ecpoint.rsp", KE_ECP_256);
	wycheproof_ecdh("wycheproof/ecdh_secp384r1_ecpoint.rsp", KE_ECP_384);
	wycheproof_ecdh("wycheproof/ecdh_secp521r1_ecpoint.rsp", KE_ECP_521);
}

static void test_wycheproof_x25519(void **state)
{
	unsigned n = 0, zero = 0;
	uint8_t point[32];
	struct rsp r;

	(void)state;
	if (!rsp_open(&r, "wycheproof/x25519.rsp"))
		return;
	for (; rsp_next(&r); n++) {
		bool zeros = strstr(rsp_text(&r, "flags"), "ZeroSharedSecret") != NULL;

		rsp_hex(&r, "public", point, 32);
		if (agrees(KE_CURVE25519, &r, point, 32) == zeros)
			fail_msg("tcId %s", rsp_text(&r, "tcId"));
		zero += zeros;
	}
	assert_true(n > 100 && zero > 10);
	rsp_close(&r);
}

/* Two fresh keys agree in every group; a replayed seed gives the same key. */
static void test_fresh(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_GROUPS; i++) {
		uint64_t seed_a = 1, seed_b = 2, seed_c = 1;
		struct rng ra = rng_seeded(&seed_a), rb = rng_seeded(&seed_b), rc = rng_seeded(&seed_c);
		struct ke *a = ke_new(groups[i], &ra), *b = ke_new(groups[i], &rb),
		          *c = ke_new(groups[i], &rc);
		uint8_t ga[CRYPTO_MAX_KE_PUBLIC], gb[CRYPTO_MAX_KE_PUBLIC], gc[CRYPTO_MAX_KE_PUBLIC];
		struct secret sa = { 0 }, sb = { 0 };
		size_t la, lb, lc;

		assert_true(a && b && c);
		assert_int_equal(ke_public(a, ga, sizeof(ga), &la) | ke_public(b, gb, sizeof(gb), &lb), 0);
		assert_int_equal(ke_public(c, gc, sizeof(gc), &lc), 0);
		assert_memory_equal(ga, gc, la);
		assert_memory_not_equal(ga, gb, la);
		assert_int_equal(ke_secret(a, gb, lb, &sa) | ke_secret(b, ga, la, &sb), 0);
		assert_true(secret_eq(&sa, &sb));
		assert_int_equal(ke_secret(a, gb, lb - 1, &sa), -1); /* untouched on failure */
		assert_true(secret_eq(&sa, &sb));
		secret_clear(&sa);
		secret_clear(&sb);
		ke_free(a);
		ke_free(b);
		ke_free(c);
	}
}

/* RFC 6989 2.1: 0, 1, p-1, p and what is above. */
static void test_modp_refusals(void **state)
{
	static BIGNUM *(*const primes[])(BIGNUM *) = { BN_get_rfc2409_prime_768, BN_get_rfc2409_prime_1024,
		BN_get_rfc3526_prime_2048, BN_get_rfc3526_prime_3072, BN_get_rfc3526_prime_4096 };
	static const int delta[] = { -1, 0, 1 };
	uint8_t peer[CRYPTO_MAX_KE_PUBLIC];

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		uint64_t seed = 3;
		struct rng rng = rng_seeded(&seed);
		struct ke *k = ke_new(groups[i], &rng);
		BIGNUM *p = primes[i](NULL);
		struct secret s = { 0 };
		struct ke_info info;

		assert_true(k && p && ke_info(groups[i], &info));
		for (unsigned v = 0; v < 2; v++) {
			memset(peer, 0, sizeof(peer));
			peer[info.public_len - 1] = (uint8_t)v;
			assert_int_equal(ke_secret(k, peer, info.public_len, &s), -1);
		}
		for (unsigned d = 0; d < 3; d++) {
			assert_int_equal(BN_bn2binpad(p, peer, info.public_len), info.public_len);
			peer[info.public_len - 1] =
			    (uint8_t)(peer[info.public_len - 1] + delta[d]); /* p ends in ff */
			if (delta[d] > 0)
				memset(peer, 0xff, info.public_len);
			assert_int_equal(ke_secret(k, peer, info.public_len, &s), -1);
		}
		assert_int_equal(BN_bn2binpad(p, peer, info.public_len), info.public_len);
		peer[info.public_len - 1] -= 2; /* p - 2 is the last good one */
		assert_int_equal(ke_secret(k, peer, info.public_len, &s), 0);
		secret_clear(&s);
		BN_free(p);
		ke_free(k);
	}
}

/* Private keys out of range give no key, and unknown groups none either. */
static void test_private_refusals(void **state)
{
	uint8_t priv[32] = { 0 };
	uint64_t seed = 4;
	struct rng rng = rng_seeded(&seed);

	(void)state;
	assert_null(ke_from_private(KE_ECP_256, priv, 32));
	assert_null(ke_from_private(KE_MODP_2048, priv, 32));
	memset(priv, 0xff, 32);
	assert_null(ke_from_private(KE_ECP_256, priv, 32));
	assert_null(ke_from_private(KE_CURVE25519, priv, 31));
	assert_null(ke_new(KE_NONE, &rng));
	assert_null(ke_new((enum ke_id)5, &rng));
	ke_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_typed_in),
		cmocka_unit_test(test_leading_zeros), cmocka_unit_test(test_rfc3526),
		cmocka_unit_test(test_ecp_rfcs), cmocka_unit_test(test_rfc7748),
		cmocka_unit_test(test_wycheproof_ecdh), cmocka_unit_test(test_wycheproof_x25519),
		cmocka_unit_test(test_fresh), cmocka_unit_test(test_modp_refusals),
		cmocka_unit_test(test_private_refusals) };

	return cmocka_run_group_tests(tests, crypto_group_setup, crypto_group_teardown);
}

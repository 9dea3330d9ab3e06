/* SPDX-License-Identifier: Apache-2.0 */
/* PRFs, MACs and IKEv2's key derivation: RFC 4231, RFC 4868, NIST's IKEv2 KDF chains, Wycheproof. */
#include "base/crypto.h"
#include "tests/support/rsp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MAX_BYTES 4096

static const struct {
	enum prf_id prf;
	const char *key, *data, *out;
} rfc4231[] = {
	/* RFC 2202, cases 1, 2 and 5 (RFC 2403 and RFC 2404 name them) */
	{ PRF_HMAC_MD5, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	    "9294727a3638bb1c13f48ef8158bfc9d" },
	{ PRF_HMAC_MD5, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	    "750c783e6ab0b503eaa86e310a5db738" },
	{ PRF_HMAC_MD5, "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c", "546573742057697468205472756e636174696f6e",
	    "56461ef2342edc00f9bab995690efd4c" },
	{ PRF_HMAC_SHA1, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	    "b617318655057264e28bc0b6fb378c8ef146be00" },
	{ PRF_HMAC_SHA1, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	    "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
	{ PRF_HMAC_SHA1, "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c",
	    "546573742057697468205472756e636174696f6e", "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04" },
	{ PRF_HMAC_SHA2_256, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ PRF_HMAC_SHA2_384, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	    "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb"
	    "6" },
	{ PRF_HMAC_SHA2_512, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	    "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
	    "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854" },
	{ PRF_HMAC_SHA2_256, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
};

/* One PRF, its data in one part and cut in three. */
static void check_prf(enum prf_id id, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len,
    const uint8_t *want, size_t want_len)
{
	const struct chunk whole = { data, len };
	const struct chunk parts[] = { { data, len / 3 }, { NULL, 0 }, { data + len / 3, len - len / 3 } };
	uint8_t out[CRYPTO_MAX_HASH];

	assert_int_equal(prf(id, key, key_len, &whole, 1, out), 0);
	assert_memory_equal(out, want, want_len);
	assert_int_equal(prf(id, key, key_len, parts, 3, out), 0);
	assert_memory_equal(out, want, want_len);
}

static void test_typed_in(void **state)
{
	uint8_t key[64], data[64], want[64], out[CRYPTO_MAX_HASH];
	struct chunk part;

	(void)state;
	for (size_t i = 0; i < sizeof(rfc4231) / sizeof(rfc4231[0]); i++) {
		size_t k = hex(rfc4231[i].key, key, 64), d = hex(rfc4231[i].data, data, 64);

		check_prf(rfc4231[i].prf, key, k, data, d, want, hex(rfc4231[i].out, want, 64));
	}
	/* RFC 2202, case 5: truncated to 96 bits. */
	memset(key, 0x0c, 20);
	part = (struct chunk){ (const uint8_t *)"Test With Truncation", 20 };
	assert_int_equal(integ(INTEG_HMAC_MD5_96, key, 16, &part, 1, out), 0);
	hex("56461ef2342edc00f9bab995", want, 64);
	assert_memory_equal(out, want, 12);
	assert_int_equal(integ(INTEG_HMAC_SHA1_96, key, 20, &part, 1, out), 0);
	hex("4c1a03424b55e07fe7f27be1", want, 64);
	assert_memory_equal(out, want, 12);
	/* RFC 4868 2.7.2.1, AUTH256-1: truncated to 128 bits. */
	memset(key, 0x0b, 32);
	part = (struct chunk){ (const uint8_t *)"Hi There", 8 };
	assert_int_equal(integ(INTEG_HMAC_SHA2_256_128, key, 32, &part, 1, out), 0);
	hex("198a607eb44bfbc69903a0f1cf2bbdc5", want, 64);
	assert_memory_equal(out, want, 16);
	/* FIPS 180: SHA-1 of "abc". */
	part = (struct chunk){ (const uint8_t *)"abc", 3 };
	assert_int_equal(sha1(&part, 1, out), 0);
	hex("a9993e364706816aba3e25717850c26c9cd0d89d", want, 64);
	assert_memory_equal(out, want, 20);
}

static void test_rfc4231(void **state)
{
	static const struct {
		enum prf_id id;
		const char *field;
	} prfs[] = { { PRF_HMAC_SHA2_256, "hmac_sha256" }, { PRF_HMAC_SHA2_384, "hmac_sha384" },
		{ PRF_HMAC_SHA2_512, "hmac_sha512" } };
	uint8_t key[256], data[256], want[64];
	struct rsp r;

	(void)state;
	if (!rsp_open(&r, "rfc/rfc4231-hmac-sha2.rsp"))
		return;
	while (rsp_next(&r))
		for (unsigned i = 0; i < 3; i++) {
			size_t k = rsp_hex(&r, "key", key, 256), d = rsp_hex(&r, "data", data, 256);

			check_prf(prfs[i].id, key, k, data, d, want, rsp_hex(&r, prfs[i].field, want, 64));
		}
	rsp_close(&r);
}

static void test_rfc4868(void **state)
{
	static const struct {
		enum integ_id id;
		enum prf_id prf;
		const char *auth, *full;
	} algs[] = {
		{ INTEG_HMAC_SHA2_256_128, PRF_HMAC_SHA2_256, "auth_hmac_sha_256_128", "prf_hmac_sha_256" },
		{ INTEG_HMAC_SHA2_384_192, PRF_HMAC_SHA2_384, "auth_hmac_sha_384_192", "prf_hmac_sha_384" },
		{ INTEG_HMAC_SHA2_512_256, PRF_HMAC_SHA2_512, "auth_hmac_sha_512_256", "prf_hmac_sha_512" },
	};
	uint8_t key[256], data[256], want[64], out[CRYPTO_MAX_HASH];
	unsigned checked = 0;
	struct rsp r;

	(void)state;
	if (!rsp_open(&r, "rfc/rfc4868-hmac-sha2-ipsec.rsp"))
		return;
	while (rsp_next(&r))
		for (unsigned i = 0; i < 3; i++) {
			struct chunk part = { data, rsp_hex(&r, "data", data, 256) };
			size_t k = rsp_hex(&r, "key", key, 256);

			if (rsp_has(&r, algs[i].full))
				check_prf(algs[i].prf, key, k, data, part.len, want,
				    rsp_hex(&r, algs[i].full, want, 64));
			if (!rsp_has(&r, algs[i].auth))
				continue;
			assert_int_equal(integ(algs[i].id, key, k, &part, 1, out), 0);
			assert_memory_equal(out, want, rsp_hex(&r, algs[i].auth, want, 64));
			checked++;
		}
	assert_true(checked >= 10);
	rsp_close(&r);
}

/* The whole chain of RFC 7296 2.14, 2.17, 2.18, or as much of it as a record has. */
static void check_kdf(const struct rsp *r)
{
	static uint8_t ni[MAX_BYTES], key[MAX_BYTES], g[MAX_BYTES], want[MAX_BYTES], out[MAX_BYTES];
	enum prf_id id = (enum prf_id)rsp_int(r, "prf_id");
	uint8_t spi_i[8], spi_r[8], nr[512];
	struct prf_info info;
	size_t ni_len = rsp_hex(r, "Ni", ni, MAX_BYTES), nr_len = rsp_hex(r, "Nr", nr, sizeof(nr)), len,
	       key_len;
	struct chunk secret = { g, rsp_hex(r, "g_ir", g, MAX_BYTES) };

	assert_true(prf_info(id, &info));
	if (rsp_has(r, "NiNr")) {
		key_len = rsp_hex(r, "NiNr", key, MAX_BYTES);
	} else {
		memcpy(key, ni, ni_len);
		memcpy(key + ni_len, nr, nr_len);
		key_len = ni_len + nr_len;
	}
	assert_int_equal(prf(id, key, key_len, &secret, 1, out), 0);
	len = rsp_hex(r, "SKEYSEED", want, MAX_BYTES);
	assert_int_equal(len, info.out_len);
	assert_memory_equal(out, want, len);
	if (!rsp_has(r, "DKM"))
		return;
	rsp_hex(r, "SPIi", spi_i, 8);
	rsp_hex(r, "SPIr", spi_r, 8);
	memcpy(key, out, len);
	const struct chunk seed[] = { { ni, ni_len }, { nr, nr_len }, { spi_i, 8 }, { spi_r, 8 } };
	size_t dkm_len = rsp_hex(r, "DKM", want, MAX_BYTES);
	assert_int_equal(prf_plus(id, key, len, seed, 4, out, dkm_len), 0);
	assert_memory_equal(out, want, dkm_len);
	memcpy(key, want, info.out_len); /* SK_d comes first */
	len = rsp_hex(r, "KEYMAT_child", want, MAX_BYTES);
	assert_int_equal(prf_plus(id, key, info.out_len, seed, 2, out, len), 0);
	assert_memory_equal(out, want, len);
	const struct chunk pfs[] = { { g, rsp_hex(r, "g_ir_new", g, MAX_BYTES) }, { ni, ni_len },
		{ nr, nr_len } };
	len = rsp_hex(r, "KEYMAT_child_pfs", want, MAX_BYTES);
	assert_int_equal(prf_plus(id, key, info.out_len, pfs, 3, out, len), 0);
	assert_memory_equal(out, want, len);
	len = rsp_hex(r, "SKEYSEED_rekey", want, MAX_BYTES);
	assert_int_equal(prf(id, key, info.out_len, pfs, 3, out), 0);
	assert_memory_equal(out, want, len);
}

static void test_nist_kdf(void **state)
{
	unsigned n = 0, chains = 0;
	struct rsp r;

	(void)state;
	if (!rsp_open(&r, "nist/ikev2-kdf.rsp"))
		return;
	while (rsp_next(&r)) {
		static uint8_t key[MAX_BYTES], data[MAX_BYTES], want[MAX_BYTES], out[MAX_BYTES];

		n++;
		if (rsp_has(&r, "SKEYSEED")) {
			check_kdf(&r);
			chains += rsp_has(&r, "DKM");
			continue;
		}
		/* The others are plain prf+ of a key and a seed. */
		enum prf_id id = (enum prf_id)rsp_int(&r, "prf_id");
		struct chunk seed = { data, rsp_hex(&r, "S", data, MAX_BYTES) };
		size_t key_len = rsp_hex(&r, "K", key, MAX_BYTES), len = rsp_hex(&r, "OKM", want, MAX_BYTES);

		assert_true(key_len > 0 && len > 0);
		assert_int_equal(prf_plus(id, key, key_len, &seed, 1, out, len), 0);
		assert_memory_equal(out, want, len);
	}
	assert_true(n >= 10 && chains >= 1);
	rsp_close(&r);
}

static void wycheproof(const char *file, enum prf_id id)
{
	static uint8_t key[MAX_BYTES], msg[MAX_BYTES], tag[64], out[CRYPTO_MAX_HASH];
	unsigned n = 0;
	struct rsp r;

	if (!rsp_open(&r, file))
		return;
	for (; rsp_next(&r); n++) {
		struct chunk part = { msg, rsp_hex(&r, "msg", msg, MAX_BYTES) };
		size_t tag_len = rsp_hex(&r, "tag", tag, sizeof(tag)),
		       key_len = rsp_hex(&r, "key", key, MAX_BYTES);
		bool equal;

		assert_int_equal(prf(id, key, key_len, &part, 1, out), 0);
		equal = memcmp(out, tag, tag_len) == 0;
		if (equal != (strcmp(rsp_text(&r, "result"), "valid") == 0))
			fail_msg("%s: tcId %s", file, rsp_text(&r, "tcId"));
	}
	assert_true(n > 100);
	rsp_close(&r);
}

static void test_wycheproof(void **state)
{
	(void)state;
	wycheproof("wycheproof/hmac_sha1.rsp", PRF_HMAC_SHA1);
	wycheproof("wycheproof/hmac_sha256.rsp", PRF_HMAC_SHA2_256);
	wycheproof("wycheproof/hmac_sha384.rsp", PRF_HMAC_SHA2_384);
	wycheproof("wycheproof/hmac_sha512.rsp", PRF_HMAC_SHA2_512);
}

/* prf+ by its definition: T1 = prf(K, S|1), T2 = prf(K, T1|S|2), ..., for every length; and its end. */
static void test_prf_plus_definition(void **state)
{
	static uint8_t want[256 * 32], out[256 * 32];
	const uint8_t seed_bytes[] = "seed", key[] = "key";
	const struct chunk seed = { seed_bytes, 4 };

	(void)state;
	for (unsigned i = 1; i <= 255; i++) {
		uint8_t counter = (uint8_t)i;
		const struct chunk parts[] = { { want + (i - 2) * 32 * (i > 1), i > 1 ? 32 : 0 }, seed,
			{ &counter, 1 } };

		assert_int_equal(prf(PRF_HMAC_SHA2_256, key, 3, parts, 3, want + (i - 1) * 32), 0);
	}
	for (size_t len = 0; len <= 255 * 32; len += len < 100 ? 1 : 997) {
		assert_int_equal(prf_plus(PRF_HMAC_SHA2_256, key, 3, &seed, 1, out, len), 0);
		assert_memory_equal(out, want, len);
	}
	assert_int_equal(prf_plus(PRF_HMAC_SHA2_256, key, 3, &seed, 1, out, 255 * 32), 0);
	assert_memory_equal(out, want, 255 * 32);
	assert_int_equal(prf_plus(PRF_HMAC_SHA2_256, key, 3, &seed, 1, out, 255 * 32 + 1), -1);
}

static void test_unknown(void **state)
{
	struct chunk part = { NULL, 0 };
	struct encr_info encr;
	struct integ_info mac;
	struct prf_info p;
	uint8_t out[64] = { 0 };

	(void)state;
	assert_int_equal(prf((enum prf_id)4, out, 1, &part, 1, out), -1);
	assert_int_equal(integ(INTEG_NONE, out, 1, &part, 1, out), -1);
	assert_false(encr_info(ENCR_AES_CBC, 160, &encr));
	assert_false(encr_info(ENCR_NULL, 0, &encr));
	assert_false(integ_info((enum integ_id)5, &mac));
	assert_false(prf_info(PRF_NONE, &p));
}

static int setup(void **state)
{
	(void)state;
	return crypto_init() || crypto_init();
}

static int teardown(void **state)
{
	(void)state;
	crypto_fini();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_typed_in), cmocka_unit_test(test_rfc4231),
		cmocka_unit_test(test_rfc4868), cmocka_unit_test(test_nist_kdf),
		cmocka_unit_test(test_wycheproof), cmocka_unit_test(test_prf_plus_definition),
		cmocka_unit_test(test_unknown) };

	return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key derivation, AUTH, NAT hashes and the SK payload: NIST's figures for the IKEv2 KDF (SP 800-135), and
 * figures of our own that another implementation (Python's hmac and cryptography) computed from the RFC's
 * formulas.
 */
#include "ike/auth.h"
#include "ike/keymat.h"
#include "ike/message.h"
#include "ike/nat.h"
#include "tests/support/rsp.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define SPI_I 0x0102030405060708u
#define SPI_R 0x1112131415161718u

static const char cbc_skeyseed[] = "36c11ede218671801b89614cfae7ede651c910ccb6301195e747d271a0d78711";
static const char cbc_sk_d[] = "38dccb0c9f9ea9d48a9947fd68690e03c66aff064350030a961d65717033d969";
static const char cbc_sk_pi[] = "883615f8197e3560de1f7b7ee508f9c42d8737c9c51952c8da61070a2f39b311";
static const char cbc_sk_pr[] = "cc727f1dc3f4bef55eff5a672d408c81ff3300b8328175ea4c3e06355bc9824b";
static const char cbc_sealed[] =
    "010203040506070811121314151617182e202508000000050000005029000034a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
    "f8b8114b342a0a00fea6edb510b5325b465b93297a26d4ba243f05bdd0b747f7";
static const char cbc_keymat[] =
    "6fbad99d4df75e1e882b05c741cd5416c96fabe071d8d8d2fd2aa913ba6682af8deedbff5e42bfaaa683334cbcc0209a"
    "4bdc4fb579362c8d68987b55bf1404a74c83bee164305c3f3642bf12e81c19252fa19660d86b7362643c9c0ccefe174e"
    "33461aa2ac935699d725fafe42c25c145ac988a91637f18e2b925b18f767306f";
static const char cbc_keymat_pfs[] =
    "d5872b7ed500c29357848acaa81ae72f3bf2d7c3c4d3bcc4db1c5c96a90f9c08af5b62b0b57d00658223f4b6bb921897"
    "07cdd8c7e5515dc7e9b175e8df2fea1069ab6e693f0c0215fc5398bd8f58fd84a51b34ddc22bda1cfab7e916951456aa"
    "63c115ca51a7d73cf716fa469329ed8211c96302b1032ef008d193f5f66bd0eb";
static const char cbc_rekey_skeyseed[] = "fd493f1a6d45227a8e6e78b9bdcfb493475a798307265cef47d47e2123a765a5";
static const char cbc_auth_i[] = "f47f6237ebbd901e7a3e3a9e70bb706e115b3bb952c9d7b87a1bb8e1d53bb74a";
static const char gcm_skeyseed[] =
    "7e39d316108052362f7e7b1aa8cccab1963a09e70c93339538fa0eec27d56239e4745ca7800694f44421f555f3b1f01c";
static const char gcm_sk_d[] =
    "c703b5149b2731a23b98741a45fb7caaf09ce1ccfdaa917366e7054410534330b5dfaaa3ed7c21a94916e59193d154b7";
static const char gcm_sk_pi[] =
    "75442bbedd2bbaafc9d2342af5a63ac1e410cb04cd25e0626c75c81cd3e3ab6e58b7eb72896f474ada050ec7b1cb46e2";
static const char gcm_sk_pr[] =
    "255b47f35f70b9739313e0af773f272e61afe3d7822d979fdceab0ad4cf8d9bfc0bba24bd0f28e5e45fff44212df9d1b";
static const char gcm_sealed[] =
    "010203040506070811121314151617182e20250800000005000000412900002500000000000000001fa72d600ce4c816"
    "718313581c5a5bb154553c058b14775f06";
static const char gcm_keymat[] =
    "3296c9590fb573e10617b114f2f87478ead09692797a3e2aa30e332cb21f10322a3067be371b88e034aea861c82b4127"
    "7aa56a7b5574c8d021f397b7394985587bc92030eadf2c12";
static const char gcm_keymat_pfs[] =
    "7ed4e2998e82510706ac814486a94ebab62405632021cec34ba32c3a3f41aa3a7e66f70b936bc7b54f79d1ba90444143"
    "f2f4e06c00230f63aa156f9d42e459bc0bef56d345720728";
static const char gcm_rekey_skeyseed[] =
    "232a4243eb0ca780b6e2a4f4b9198e7c17911b9b7c27d1bb91fc4fe1ab7a51a7aeaf6d7e4fcf7ac84985fbbd77c664c2";
static const char gcm_auth_i[] =
    "b1c5954e49ef4532222d4abcc735ff9cd72eee5fa5b58dc5d5560f830d7a63395720a247d64cd2b226fc18ea4b0792f1";
static const char nat_hash[] = "d798d986143f878f70765e0e869c80bbc375f701";

static size_t unhex(const char *text, uint8_t *out, size_t cap)
{
	size_t n = strlen(text) / 2;

	assert_true(n <= cap);
	for (size_t i = 0; i < n; i++) {
		unsigned v;

		assert_int_equal(sscanf(text + 2 * i, "%2x", &v), 1);
		out[i] = (uint8_t)v;
	}
	return n;
}

static void assert_hex(const uint8_t *got, const char *want)
{
	uint8_t buf[512];
	size_t n = unhex(want, buf, sizeof(buf));

	assert_memory_equal(got, buf, n);
}

struct figures {
	struct ike_suite suite;
	const char *skeyseed, *sk_d, *sk_pi, *sk_pr, *sealed, *keymat, *keymat_pfs, *rekey, *auth;
};
static const struct figures figures[] = {
	{ { ENCR_AES_CBC, 256, PRF_HMAC_SHA2_256, INTEG_HMAC_SHA2_256_128, KE_MODP_2048, false },
	    cbc_skeyseed, cbc_sk_d, cbc_sk_pi, cbc_sk_pr, cbc_sealed, cbc_keymat, cbc_keymat_pfs,
	    cbc_rekey_skeyseed, cbc_auth_i },
	{ { ENCR_AES_GCM_16, 256, PRF_HMAC_SHA2_384, INTEG_NONE, KE_MODP_2048, false }, gcm_skeyseed,
	    gcm_sk_d, gcm_sk_pi, gcm_sk_pr, gcm_sealed, gcm_keymat, gcm_keymat_pfs, gcm_rekey_skeyseed,
	    gcm_auth_i },
};

static struct ike_nonce sequence(uint8_t from)
{
	struct ike_nonce n = { .len = 32 };

	for (unsigned i = 0; i < 32; i++)
		n.data[i] = (uint8_t)(from + i);
	return n;
}

static void fixed_iv(void *ctx, void *out, size_t len)
{
	uint8_t *p = out;

	(void)ctx;
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(0xa0 + i);
}

/* The parts of KEYMAT, in its order. */
static void assert_keymat(const struct ike_child_keys *k, const struct ike_suite *s, const char *want)
{
	size_t encr = s->encr == ENCR_AES_GCM_16 ? 36 : s->key_bits / 8;
	size_t integ_len = s->integ == INTEG_HMAC_SHA2_256_128 ? 32 : s->integ == INTEG_HMAC_SHA1_96 ? 20 : 0;
	uint8_t got[256];
	struct wr w = wr_init(got, sizeof(got));

	wr_bytes(&w, k->encr_i, encr);
	wr_bytes(&w, k->integ_i, integ_len);
	wr_bytes(&w, k->encr_r, encr);
	wr_bytes(&w, k->integ_r, integ_len);
	assert_true(strlen(want) / 2 >= wr_len(&w));
	uint8_t buf[512];
	unhex(want, buf, sizeof(buf));
	assert_memory_equal(got, buf, wr_len(&w));
}

static void check_sealed(struct ike_keys *i, struct ike_keys *r, const char *want)
{
	struct ike_header h = { .spi_i = SPI_I,
		.spi_r = SPI_R,
		.exchange = IKE_X_INFORMATIONAL,
		.from_initiator = true,
		.msg_id = 5 };
	const struct rng rng = { fixed_iv, NULL };
	uint8_t body[64], msg[256], copy[256], first;
	struct ike_build b = ike_build_init(body, sizeof(body));
	size_t body_len, len;
	struct rd inner;

	ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_INITIAL_CONTACT, NULL, 0);
	assert_int_equal(ike_build_finish(&b, &body_len), 0);
	assert_int_equal(
	    ike_message_seal(&i->seal, &rng, &h, b.first, body, body_len, msg, sizeof(msg), &len), 0);
	assert_int_equal(len, strlen(want) / 2);
	assert_hex(msg, want);
	memcpy(copy, msg, len);
	assert_int_equal(ike_message_open(&r->open, copy, len, &first, &inner), 0);
	assert_int_equal(first, IKE_P_NOTIFY);
	assert_int_equal(rd_left(&inner), body_len);
	assert_memory_equal(rd_skip(&inner, body_len), body, body_len);
	/* No octet may differ, none may be missing. */
	for (size_t at = 0; at < len; at++) {
		memcpy(copy, msg, len);
		copy[at] ^= 0x10;
		assert_int_equal(ike_message_open(&r->open, copy, len, &first, &inner), -1);
		memcpy(copy, msg, len);
		assert_int_equal(ike_message_open(&r->open, copy, at, &first, &inner), -1);
	}
	assert_int_equal(
	    ike_message_seal(&i->seal, &rng, &h, b.first, body, body_len, msg, len - 1, &len), -1);
}

static void test_figures(void **state)
{
	struct ike_nonce ni = sequence(0x10), nr = sequence(0x50);
	struct secret g_ir = { 0 }, g_short = { 0 };
	static const uint8_t psk_text[] = "secret";
	struct secret psk = { 0 };
	uint8_t message[100], id[8] = { 1, 0, 0, 0, 192, 0, 2, 1 };

	(void)state;
	assert_int_equal(secret_set(&g_ir, NULL, 256), 0);
	for (unsigned i = 0; i < 256; i++)
		g_ir.data[i] = (uint8_t)(7 * i + 1);
	assert_int_equal(secret_set(&g_short, g_ir.data, 32), 0);
	assert_int_equal(secret_set(&psk, psk_text, 6), 0);
	for (unsigned i = 0; i < 100; i++)
		message[i] = (uint8_t)i;
	for (unsigned f = 0; f < 2; f++) {
		const struct figures *fig = &figures[f];
		struct ike_keys ki, kr;
		struct ike_child_keys ck;
		uint8_t out[CRYPTO_MAX_HASH];

		assert_int_equal(ike_skeyseed(fig->suite.prf, &ni, &nr, &g_ir, out), 0);
		assert_hex(out, fig->skeyseed);
		assert_int_equal(ike_keys_derive(&fig->suite, true, out, strlen(fig->skeyseed) / 2, &ni, &nr,
		                     SPI_I, SPI_R, &ki),
		    0);
		assert_int_equal(ike_keys_derive(&fig->suite, false, out, strlen(fig->skeyseed) / 2, &ni, &nr,
		                     SPI_I, SPI_R, &kr),
		    0);
		assert_hex(ki.sk_d, fig->sk_d);
		assert_hex(ki.sk_pi, fig->sk_pi);
		assert_hex(kr.sk_pr, fig->sk_pr);
		check_sealed(&ki, &kr, fig->sealed);
		assert_int_equal(ike_child_keymat(&ki, &fig->suite, &ni, &nr, NULL, &ck), 0);
		assert_keymat(&ck, &fig->suite, fig->keymat);
		assert_int_equal(ike_child_keymat(&kr, &fig->suite, &ni, &nr, &g_short, &ck), 0);
		assert_keymat(&ck, &fig->suite, fig->keymat_pfs);
		assert_int_equal(ike_skeyseed_rekey(&ki, &ni, &nr, &g_short, out), 0);
		assert_hex(out, fig->rekey);
		assert_int_equal(
		    ike_auth_shared(&ki, ki.sk_pi, &psk, (struct ike_span){ message, sizeof(message) }, &nr,
		        (struct ike_span){ id, sizeof(id) }, out),
		    0);
		assert_hex(out, fig->auth);
		ike_keys_clear(&ki);
		ike_keys_clear(&kr);
	}
	secret_clear(&g_ir);
	secret_clear(&g_short);
	secret_clear(&psk);
}

static void test_nat_figure(void **state)
{
	struct endpoint e = { addr_v4(0xc0000201), 500 };
	uint8_t out[IKE_NAT_HASH_LEN];

	(void)state;
	assert_int_equal(ike_nat_hash(SPI_I, SPI_R, &e, out), 0);
	assert_hex(out, nat_hash);
}

static struct ike_nonce rsp_nonce(const struct rsp *r, const char *name)
{
	struct ike_nonce n = { 0 };

	n.len = (uint16_t)rsp_hex(r, name, n.data, sizeof(n.data));
	return n;
}

static void rsp_secret(const struct rsp *r, const char *name, struct secret *s)
{
	uint8_t buf[1024];
	size_t len = rsp_hex(r, name, buf, sizeof(buf));

	assert_int_equal(secret_set(s, buf, len), 0);
}

/* One exchange from nonces to child keys, and the rekey. */
static void check_chain(const struct rsp *r)
{
	struct ike_suite suite = { ENCR_AES_CBC, 128, (enum prf_id)rsp_int(r, "prf_id"), INTEG_HMAC_SHA1_96,
		KE_MODP_2048, false };
	struct ike_nonce ni = rsp_nonce(r, "Ni"), nr = rsp_nonce(r, "Nr");
	uint8_t skeyseed[CRYPTO_MAX_HASH], want[1024], spi[8];
	struct secret g_ir = { 0 }, g_new = { 0 };
	struct ike_child_keys ck;
	struct ike_keys k;
	struct rd ri, rr;
	size_t n;

	rsp_secret(r, "g_ir", &g_ir);
	rsp_secret(r, "g_ir_new", &g_new);
	assert_int_equal(ike_skeyseed(suite.prf, &ni, &nr, &g_ir, skeyseed), 0);
	n = rsp_hex(r, "SKEYSEED", want, sizeof(want));
	assert_memory_equal(skeyseed, want, n);
	rsp_hex(r, "SPIi", spi, sizeof(spi));
	ri = rd_init(spi, sizeof(spi));
	uint64_t spi_i = rd_u64(&ri);
	rsp_hex(r, "SPIr", spi, sizeof(spi));
	rr = rd_init(spi, sizeof(spi));
	assert_int_equal(ike_keys_derive(&suite, true, skeyseed, n, &ni, &nr, spi_i, rd_u64(&rr), &k), 0);
	rsp_hex(r, "DKM", want, sizeof(want));
	assert_memory_equal(k.sk_d, want, n);
	assert_memory_equal(k.sk_pi, want + n + 40 + 32, n);
	assert_memory_equal(k.sk_pr, want + n + 40 + 32 + n, n);
	assert_int_equal(ike_child_keymat(&k, &suite, &ni, &nr, NULL, &ck), 0);
	assert_keymat(&ck, &suite, rsp_text(r, "KEYMAT_child"));
	assert_int_equal(ike_child_keymat(&k, &suite, &ni, &nr, &g_new, &ck), 0);
	assert_keymat(&ck, &suite, rsp_text(r, "KEYMAT_child_pfs"));
	assert_int_equal(ike_skeyseed_rekey(&k, &ni, &nr, &g_new, skeyseed), 0);
	n = rsp_hex(r, "SKEYSEED_rekey", want, sizeof(want));
	assert_memory_equal(skeyseed, want, n);
	ike_keys_clear(&k);
	secret_clear(&g_ir);
	secret_clear(&g_new);
}

static void check_skeyseed(const struct rsp *r)
{
	uint8_t both[1024], got[CRYPTO_MAX_HASH], want[CRYPTO_MAX_HASH];
	struct ike_nonce ni = { 0 }, nr = { 0 };
	struct secret g_ir = { 0 };
	size_t n = rsp_hex(r, "NiNr", both, sizeof(both)), half = n / 2;

	/* Where Ni ends doesn't matter to the PRF's key. */
	assert_true(half <= sizeof(ni.data) && n - half <= sizeof(nr.data));
	ni.len = (uint16_t)half;
	nr.len = (uint16_t)(n - half);
	memcpy(ni.data, both, half);
	memcpy(nr.data, both + half, n - half);
	rsp_secret(r, "g_ir", &g_ir);
	assert_int_equal(ike_skeyseed((enum prf_id)rsp_int(r, "prf_id"), &ni, &nr, &g_ir, got), 0);
	n = rsp_hex(r, "SKEYSEED", want, sizeof(want));
	assert_memory_equal(got, want, n);
	secret_clear(&g_ir);
}

static void test_nist(void **state)
{
	unsigned chains = 0, seeds = 0;
	struct rsp r;

	(void)state;
	if (!rsp_open(&r, "nist/ikev2-kdf.rsp")) {
		printf("vectors missing: nist/ikev2-kdf.rsp; only the typed-in figures were checked\n");
		return;
	}
	while (rsp_next(&r)) {
		if (rsp_has(&r, "DKM")) {
			check_chain(&r);
			chains++;
		} else if (rsp_has(&r, "NiNr")) {
			check_skeyseed(&r);
			seeds++;
		}
	}
	rsp_close(&r);
	assert_int_equal(chains, 1);
	assert_int_equal(seeds, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_nat_figure),
		cmocka_unit_test(test_nist),
	};

	if (crypto_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

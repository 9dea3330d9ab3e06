/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole ESP packets that others published: AES-GCM ones of draft-mcgrew-gcm-test-01, with and without ESN,
 * opened to the inner packet and sealed again to the same bytes; and the tunnel-mode samples of RFC 3602 4,
 * whose missing ICV is added here.
 */
#include "base/cursor.h"
#include "esp/open.h"
#include "esp/seal.h"
#include "tests/support/crypto_group.h"
#include "tests/support/rsp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MAX_BYTES 512

static void any_ts(struct esp_sa_params *p)
{
	const struct esp_ts any[2] = { { { 4, { 0 } }, { 4, { 255, 255, 255, 255 } }, 0, 0, 65535 },
		{ { 6, { 0 } }, { 6, { 0xff } }, 0, 0, 65535 } };

	memcpy(p->ts_local, any, sizeof(any));
	memcpy(p->ts_remote, any, sizeof(any));
	p->n_ts_local = p->n_ts_remote = 2;
}

static void no_random(void *ctx, void *out, size_t len)
{
	memcpy(out, ctx, len < ESP_MAX_IV ? len : ESP_MAX_IV);
}

struct sample {
	struct esp_sa_params params;
	uint8_t key[36], iv[16], plain[MAX_BYTES], esp[MAX_BYTES];
	size_t plain_len, esp_len; /* plain: with padding and trailer */
	uint64_t seq;
};

/* Opens the packet with an SA whose window stands where this number is next. */
static void check_open(struct sample *s, size_t inner_len)
{
	uint8_t buf[MAX_BYTES];
	struct esp_pkt pkt = { .buf = buf, .cap = sizeof(buf), .len = s->esp_len };

	s->params.inbound = true;
	pkt.sa = esp_sa_new(&s->params);
	assert_non_null(pkt.sa);
	pkt.sa->replay.top = s->seq - 1;
	memcpy(buf, s->esp, s->esp_len);
	esp_open(&pkt, 1);
	assert_int_equal(pkt.verdict, ESP_OK);
	assert_int_equal(pkt.seq, s->seq);
	assert_int_equal(pkt.len, inner_len);
	assert_memory_equal(&buf[pkt.off], s->plain, inner_len);
	esp_sa_free(pkt.sa);
}

/* Seals the inner packet with the same number and IV; it must give the same packet. */
static void check_seal(struct sample *s, size_t inner_len)
{
	uint8_t buf[MAX_BYTES];
	struct esp_pkt pkt = { .buf = buf, .cap = sizeof(buf), .off = ESP_HEADROOM, .len = inner_len };
	const struct rng fixed = { no_random, s->iv };

	s->params.inbound = false;
	pkt.sa = esp_sa_new(&s->params);
	assert_non_null(pkt.sa);
	pkt.sa->seq = s->seq - 1;
	memcpy(&buf[pkt.off], s->plain, inner_len);
	esp_seal(&fixed, &pkt, 1);
	assert_int_equal(pkt.verdict, ESP_OK);
	assert_int_equal(pkt.len, s->esp_len);
	assert_memory_equal(&buf[pkt.off], s->esp, s->esp_len);
	esp_sa_free(pkt.sa);
}

static void gcm_sample(struct sample *s, const struct rsp *r)
{
	size_t key_len = rsp_hex(r, "key", s->key, 32), n;
	uint8_t number[8];
	struct rd rd;

	s->params = (struct esp_sa_params){ .encr = ENCR_AES_GCM_16, .encr_key_bits = (unsigned)key_len * 8 };
	rsp_hex(r, "salt", s->key + key_len, 4);
	s->params.encr_key = s->key;
	s->params.esn = rsp_int(r, "esn") == 1;
	any_ts(&s->params);
	n = rsp_hex(r, "seq", number, 8);
	rd = rd_init(number, n);
	s->seq = n == 8 ? rd_u64(&rd) : rd_u32(&rd);
	s->plain_len = rsp_hex(r, "padded_plaintext", s->plain, MAX_BYTES);
	s->esp_len = rsp_hex(r, "esp", s->esp, MAX_BYTES);
	s->params.spi = esp_peek_spi(s->esp, s->esp_len);
}

/*
 * The draft's trailers name ICMP or nothing as the next header although a whole IP packet stands before them,
 * so we refuse to deliver them; what counts is that the ICV is right, with the number that ESN makes of it,
 * and the text is theirs.
 */
static void check_gcm(struct sample *s)
{
	uint8_t buf[MAX_BYTES];
	struct esp_pkt pkt = { .buf = buf, .cap = sizeof(buf), .len = s->esp_len };

	s->params.inbound = true;
	pkt.sa = esp_sa_new(&s->params);
	assert_non_null(pkt.sa);
	pkt.sa->replay.top = s->seq - 1;
	memcpy(buf, s->esp, s->esp_len);
	esp_open(&pkt, 1);
	assert_true(pkt.authenticated);
	assert_int_equal(pkt.seq, s->seq);
	assert_memory_equal(&buf[ESP_HEADER_LEN + 8], s->plain, s->plain_len);
	assert_true(pkt.verdict == ESP_MALFORMED || pkt.verdict == ESP_DUMMY || pkt.verdict == ESP_OK);
	esp_open(&pkt, 1); /* decrypted bytes are no packet any more, and the number was seen */
	assert_int_equal(pkt.verdict, ESP_REPLAY);
	esp_sa_free(pkt.sa);
}

static void test_gcm_draft(void **state)
{
	static struct sample s;
	unsigned n = 0, esn = 0;
	struct rsp r;

	(void)state;
	if (!rsp_open(&r, "rfc/draft-mcgrew-gcm-test-esp-aes-gcm.rsp"))
		return;
	for (; rsp_next(&r); n++) {
		gcm_sample(&s, &r);
		check_gcm(&s);
		esn += s.params.esn;
	}
	assert_true(n >= 10 && esn >= 1);
	rsp_close(&r);
}

/* The draft's first case, typed in. */
static void test_gcm_typed_in(void **state)
{
	static struct sample s;

	(void)state;
	hex("4c80cdefbb5d10da906ac73c3613a6342e443b68", s.key, 36); /* key and salt */
	s.params = (struct esp_sa_params){
		.encr = ENCR_AES_GCM_16, .encr_key_bits = 128, .encr_key = s.key, .esn = true, .spi = 0x4321
	};
	any_ts(&s.params);
	s.seq = UINT64_C(0x8765432100000000);
	s.plain_len = hex("45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000"
	                  "00000000045f736970045f756470037369700963796265726369747902646b00"
	                  "00210001"
	                  "01020201",
	    s.plain, MAX_BYTES);
	s.esp_len = hex("00004321000000004956ed7e3b244cfe"
	                "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34"
	                "cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce"
	                "61bc17d768fd9732"
	                "459018148f6cbe722fd04796562dfdb4",
	    s.esp, MAX_BYTES);
	check_gcm(&s);
}

/* The packet of RFC 3602 with the ICV that HMAC-SHA2-256-128 under mac_key gives it. */
static void cbc_sample(struct sample *s, const uint8_t mac_key[32])
{
	const struct chunk all = { s->esp, s->esp_len };

	assert_int_equal(integ(INTEG_HMAC_SHA2_256_128, mac_key, 32, &all, 1, s->esp + s->esp_len), 0);
	s->esp_len += 16;
	s->params = (struct esp_sa_params){ .encr = ENCR_AES_CBC,
		.encr_key_bits = 128,
		.integ = INTEG_HMAC_SHA2_256_128,
		.encr_key = s->key,
		.integ_key = mac_key,
		.spi = esp_peek_spi(s->esp, s->esp_len) };
	any_ts(&s->params);
}

static void test_cbc_typed_in(void **state)
{
	static struct sample s; /* RFC 3602 4, case 8: ping -p ff -s 40 */
	uint8_t mac_key[32] = { 1, 2, 3 };

	(void)state;
	hex("0123456789abcdef0123456789abcdef", s.key, 36);
	hex("85d47224b5f3dd5d2101d4ea8dffab22", s.iv, 16);
	hex("45000044090c00004001f990c0a87b03c0a87bc80800d63caa0a0200c69c083da3de0300"
	    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	    s.plain, MAX_BYTES);
	s.esp_len = hex("000087650000000585d47224b5f3dd5d2101d4ea8dffab22"
	                "15b92683819596a8047232cc00f7048fe45318e11f8a0f62ede3c3fc61203bb50f980a08c9843fd3"
	                "a1b06d5c07ff9639b7eb7dfb3512e5de435e7207ed971ef3d2726d9b5ef6affc6d17a0decbb13892",
	    s.esp, MAX_BYTES);
	s.seq = 5;
	cbc_sample(&s, mac_key);
	check_open(&s, 68);
	check_seal(&s, 68);
}

static void test_cbc_rfc3602(void **state)
{
	static struct sample s;
	uint8_t mac_key[32] = { 9 };
	unsigned n = 0;
	struct rsp r;

	(void)state;
	if (!rsp_open(&r, "rfc/rfc3602-esp-aes-cbc.rsp"))
		return;
	while (rsp_next(&r)) {
		uint8_t packet[MAX_BYTES];
		size_t len = rsp_hex(&r, "packet", packet, MAX_BYTES), inner;

		if (strcmp(rsp_text(&r, "mode"), "tunnel") != 0)
			continue;
		rsp_hex(&r, "key", s.key, 36);
		rsp_hex(&r, "iv", s.iv, 16);
		inner = rsp_hex(&r, "inner_packet", s.plain, MAX_BYTES);
		s.seq = (uint64_t)rsp_int(&r, "seq");
		s.esp_len = len - 20; /* the outer IPv4 header */
		memcpy(s.esp, packet + 20, s.esp_len);
		cbc_sample(&s, mac_key);
		check_open(&s, inner);
		check_seal(&s, inner);
		n++;
	}
	assert_int_equal(n, 2);
	rsp_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_gcm_typed_in),
		cmocka_unit_test(test_gcm_draft), cmocka_unit_test(test_cbc_typed_in),
		cmocka_unit_test(test_cbc_rfc3602) };

	return cmocka_run_group_tests(tests, crypto_group_setup, crypto_group_teardown);
}

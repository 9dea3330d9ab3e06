/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing and opening: every suite and size there and back, every byte of a packet tampered with, every
 * truncation, what an authenticated peer may send (TFC padding, dummies) and may not, sequence numbers at
 * their end.
 */
#include "base/cursor.h"
#include "esp/open.h"
#include "esp/seal.h"
#include "tests/support/crypto_group.h"
#include "tests/support/esp_packets.h"
#include "tests/support/rng_seeded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CAP     2048
#define CBC_256 6 /* in esp_suites */
#define GCM_256 11

static uint64_t seed = 1;

struct pair {
	struct esp_sa *out, *in;
};

static struct pair pair_new(const struct esp_suite *s, bool esn)
{
	struct esp_sa_params o = esp_test_params(s, false, esn), i = esp_test_params(s, true, esn);
	struct pair p = { esp_sa_new(&o), esp_sa_new(&i) };

	assert_true(p.out && p.in);
	return p;
}

static void pair_free(struct pair *p)
{
	esp_sa_free(p->out);
	esp_sa_free(p->in);
}

/* Seals one inner packet that lies at ESP_HEADROOM of buf. */
static struct esp_pkt seal(struct esp_sa *sa, uint8_t *buf, size_t cap, size_t len)
{
	struct esp_pkt pkt = { .buf = buf, .cap = cap, .off = ESP_HEADROOM, .len = len, .sa = sa };
	struct rng rng = rng_seeded(&seed);

	esp_seal(&rng, &pkt, 1);
	return pkt;
}

static enum esp_verdict open_copy(struct esp_sa *sa, const uint8_t *data, size_t len, struct esp_pkt *ret_pkt)
{
	static uint8_t buf[CAP];

	memcpy(buf, data, len);
	*ret_pkt = (struct esp_pkt){ .buf = buf, .cap = sizeof(buf), .len = len, .sa = sa };
	esp_open(ret_pkt, 1);
	return ret_pkt->verdict;
}

static void test_round_trip(void **state)
{
	static uint8_t inner[CAP], buf[CAP];

	(void)state;
	for (size_t s = 0; s < ESP_N_SUITES; s++)
		for (unsigned esn = 0; esn < 2; esn++) {
			struct pair p = pair_new(&esp_suites[s], esn);
			unsigned n = 0;

			for (size_t len = 20; len <= 1500; len++) {
				struct esp_pkt sealed, opened;
				bool v6 = len >= 40 && len & 1;

				v6 ? esp_test_ipv6(inner, len) : esp_test_ipv4(inner, len);
				memcpy(&buf[ESP_HEADROOM], inner, len);
				sealed = seal(p.out, buf, ESP_HEADROOM + len + ESP_TAILROOM, len);
				assert_int_equal(sealed.verdict, ESP_OK);
				assert_int_equal(sealed.seq, ++n);
				assert_int_equal(
				    (sealed.len - 8 - p.out->iv_len - p.out->icv_len) % p.out->align, 0);
				assert_int_equal(esp_peek_spi(&buf[sealed.off], sealed.len), 0x12345678);
				assert_int_equal(
				    open_copy(p.in, &buf[sealed.off], sealed.len, &opened), ESP_OK);
				assert_int_equal(opened.len, len);
				assert_memory_equal(&opened.buf[opened.off], inner, len);
				assert_true(opened.authenticated && opened.newest);
			}
			assert_int_equal(p.out->counters.packets, n);
			assert_int_equal(p.in->counters.packets, n);
			assert_true(p.in->counters.bytes == p.out->counters.bytes);
			pair_free(&p);
		}
}

/* Each bit of each byte wrong: never opened, and the SA works on as if nothing had been. */
static void test_tampering(void **state)
{
	static uint8_t buf[CAP], bad[CAP];

	(void)state;
	for (size_t s = 0; s < ESP_N_SUITES; s++)
		for (unsigned esn = 0; esn < 2; esn++) {
			struct pair p = pair_new(&esp_suites[s], esn);
			struct replay before = p.in->replay;
			struct esp_pkt sealed, opened;

			esp_test_ipv4(&buf[ESP_HEADROOM], 60);
			sealed = seal(p.out, buf, CAP, 60);
			for (size_t bit = 0; bit < sealed.len * 8; bit++) {
				enum esp_verdict v;

				memcpy(bad, &buf[sealed.off], sealed.len);
				bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
				v = open_copy(p.in, bad, sealed.len, &opened);
				if (bit < 32)
					assert_int_equal(v, ESP_NO_SA); /* not of this SA */
				else
					assert_true(v == ESP_AUTH || v == ESP_REPLAY); /* number 0 */
				assert_false(opened.authenticated);
				assert_memory_equal(&p.in->replay, &before, sizeof(before));
			}
			assert_int_equal(open_copy(p.in, &buf[sealed.off], sealed.len, &opened), ESP_OK);
			assert_int_equal(p.in->counters.packets, 1);
			pair_free(&p);
		}
}

/* Cut at every length, in exact heap memory for ASan; and with bytes added. */
static void test_truncation(void **state)
{
	static uint8_t buf[CAP];

	(void)state;
	for (size_t s = 0; s < ESP_N_SUITES; s++) {
		struct pair p = pair_new(&esp_suites[s], true);
		struct esp_pkt sealed, opened;

		esp_test_ipv4(&buf[ESP_HEADROOM], 100);
		sealed = seal(p.out, buf, CAP, 100);
		for (size_t len = 0; len < sealed.len + 20; len++) {
			uint8_t *copy = malloc(len ? len : 1);

			assert_non_null(copy);
			memcpy(copy, &buf[sealed.off], len);
			if (len != sealed.len) {
				opened = (struct esp_pkt){ .buf = copy, .cap = len, .len = len, .sa = p.in };
				esp_open(&opened, 1);
				assert_true(opened.verdict == ESP_MALFORMED || opened.verdict == ESP_AUTH);
				assert_false(opened.authenticated);
			}
			free(copy);
		}
		assert_int_equal(open_copy(p.in, &buf[sealed.off], sealed.len, &opened), ESP_OK);
		pair_free(&p);
	}
}

/* An ESP packet around any text (padding and trailer included), as a peer with our keys could make it. */
static size_t forge(
    const struct esp_suite *s, uint64_t seq, bool esn, const uint8_t *text, size_t len, uint8_t *out)
{
	struct esp_sa_params p = esp_test_params(s, false, esn);
	struct aead_ctx *c = aead_new(true, p.encr, p.encr_key_bits, p.encr_key, p.integ, p.integ_key);
	bool gcm = s->integ == INTEG_NONE;
	uint8_t aad[12], high[4];
	struct wr w = wr_init(out, CAP), a = wr_init(aad, sizeof(aad)), h = wr_init(high, sizeof(high));
	uint8_t *iv, *body, *icv;

	wr_u32(&w, p.spi);
	wr_u32(&w, (uint32_t)seq);
	iv = wr_skip(&w, gcm ? 8 : 16);
	memset(iv, 0x5a, gcm ? 8 : 16);
	body = wr_skip(&w, len);
	memcpy(body, text, len);
	icv = wr_skip(&w, 16);
	wr_u32(&a, p.spi);
	if (gcm && esn)
		wr_u64(&a, seq);
	else
		wr_u32(&a, (uint32_t)seq);
	wr_u32(&h, (uint32_t)(seq >> 32));
	assert_non_null(c);
	assert_int_equal(aead_seal(c, aad, wr_len(&a), iv, body, len, high, esn && !gcm ? 4 : 0, icv), 0);
	aead_free(c);
	return wr_len(&w);
}

static enum esp_verdict open_text(struct esp_sa *sa, const struct esp_suite *s, uint64_t seq,
    const uint8_t *text, size_t len, struct esp_pkt *ret_pkt)
{
	uint8_t packet[CAP];
	size_t n = forge(s, seq, false, text, len, packet);

	return open_copy(sa, packet, n, ret_pkt);
}

/* The text of an inner packet of `inner` bytes, `extra` bytes behind it, `pad` bytes of padding and a
 * trailer. */
static size_t make_text(uint8_t *text, size_t inner, size_t extra, size_t pad, uint8_t next)
{
	struct wr w = wr_init(text, CAP);

	esp_test_ipv4(wr_skip(&w, inner), inner);
	for (size_t i = 0; i < extra; i++)
		wr_u8(&w, 0xee);
	for (size_t i = 1; i <= pad; i++)
		wr_u8(&w, (uint8_t)i);
	wr_u8(&w, (uint8_t)pad);
	wr_u8(&w, next);
	return wr_len(&w);
}

static void test_tfc_and_padding(void **state)
{
	const struct esp_suite *suite;
	uint8_t text[CAP];
	struct esp_pkt pkt;
	size_t len;

	(void)state;
	for (unsigned gcm = 0; gcm < 2; gcm++) {
		suite = &esp_suites[gcm ? GCM_256 : CBC_256];
		struct pair p = pair_new(suite, false);
		uint64_t seq = 0;

		/* TFC padding behind the inner packet is cut off; more padding than needed is legal. */
		len = make_text(text, 40, 6, 0, ESP_PROTO_IPV4);
		assert_int_equal(open_text(p.in, suite, ++seq, text, len, &pkt), ESP_OK);
		assert_int_equal(pkt.len, 40);
		assert_memory_equal(&pkt.buf[pkt.off], text, 40);
		len = make_text(text, 40, 800 - 42, 0, ESP_PROTO_IPV4);
		assert_int_equal(open_text(p.in, suite, ++seq, text, len, &pkt), ESP_OK);
		assert_int_equal(pkt.len, 40);
		len = make_text(text, 47, 0, 255, ESP_PROTO_IPV4);
		assert_int_equal(open_text(p.in, suite, ++seq, text, len, &pkt), ESP_OK);
		assert_int_equal(pkt.len, 47);
		/* Padding that does not count, that is longer than the text, an inner packet cut short. */
		len = make_text(text, 40, 0, 6, ESP_PROTO_IPV4);
		text[43] ^= 1;
		assert_int_equal(open_text(p.in, suite, ++seq, text, len, &pkt), ESP_MALFORMED);
		assert_true(pkt.authenticated); /* the peer is alive, odd as it is */
		len = make_text(text, 40, 0, 6, ESP_PROTO_IPV4);
		text[len - 2] = 200;
		assert_int_equal(open_text(p.in, suite, ++seq, text, len, &pkt), ESP_MALFORMED);
		len = make_text(text, 40, 0, 6, ESP_PROTO_IPV4);
		text[3] = 41;
		assert_int_equal(open_text(p.in, suite, ++seq, text, len, &pkt), ESP_MALFORMED);
		/* A next header that is not what is inside, or that tunnel mode does not know. */
		len = make_text(text, 40, 6, 0, ESP_PROTO_IPV6);
		assert_int_equal(open_text(p.in, suite, ++seq, text, len, &pkt), ESP_MALFORMED);
		len = make_text(text, 40, 6, 0, 6);
		assert_int_equal(open_text(p.in, suite, ++seq, text, len, &pkt), ESP_MALFORMED);
		/* Dummies: whatever is in them. */
		len = make_text(text, 40, 6, 0, ESP_PROTO_NONE);
		memset(text, 0xff, 46);
		assert_int_equal(open_text(p.in, suite, ++seq, text, len, &pkt), ESP_DUMMY);
		assert_true(pkt.authenticated && pkt.newest);
		assert_int_equal(p.in->counters.packets, 3);
		assert_int_equal(p.in->counters.verdicts[ESP_MALFORMED], 5);
		assert_int_equal(p.in->counters.verdicts[ESP_DUMMY], 1);
		assert_true(p.in->replay.top == seq); /* each of them was authentic and moved the window */
		pair_free(&p);
	}
}

/* The same packet twice in one batch, in both halves of the check; a batch of several SAs and of none. */
static void test_batches(void **state)
{
	static uint8_t bufs[ESP_BATCH][CAP];
	struct esp_pkt pkts[ESP_BATCH];
	struct rng rng = rng_seeded(&seed);
	struct pair p[2];

	(void)state;
	for (unsigned esn = 0; esn < 2; esn++) {
		p[0] = pair_new(&esp_suites[CBC_256], esn);
		p[1] = pair_new(&esp_suites[GCM_256], esn);
		for (unsigned i = 0; i < ESP_BATCH; i++) {
			esp_test_ipv4(&bufs[i][ESP_HEADROOM], 20 + i * 10);
			pkts[i] = (struct esp_pkt){
				.buf = bufs[i], .cap = CAP, .off = ESP_HEADROOM, .len = 20 + i * 10
			};
			pkts[i].sa = i % 3 == 2 ? NULL : p[i % 3].out;
		}
		esp_seal(&rng, pkts, ESP_BATCH);
		for (unsigned i = 0; i < ESP_BATCH; i++) {
			assert_int_equal(pkts[i].verdict, i % 3 == 2 ? ESP_NO_SA : ESP_OK);
			if (i % 3 != 2)
				assert_int_equal(pkts[i].seq, i / 3 + 1);
			pkts[i].sa = i % 3 == 2 ? NULL : p[i % 3].in;
		}
		memcpy(bufs[63], bufs[0], CAP); /* once more what is first */
		pkts[63] = pkts[0];
		pkts[63].buf = bufs[63];
		esp_open(pkts, ESP_BATCH);
		for (unsigned i = 0; i < 63; i++)
			assert_int_equal(pkts[i].verdict, i % 3 == 2 ? ESP_NO_SA : ESP_OK);
		assert_int_equal(pkts[63].verdict, ESP_REPLAY);
		assert_false(pkts[63].authenticated);
		assert_int_equal(p[0].in->counters.verdicts[ESP_REPLAY], 1);
		pair_free(&p[0]);
		pair_free(&p[1]);
	}
	esp_seal(&rng, pkts, 0);
	esp_open(pkts, 0);
}

/* RFC 4303 3.3.3: the last number is used, none after it; at three quarters the SA says so. */
static void test_exhaustion(void **state)
{
	static uint8_t buf[CAP];

	(void)state;
	for (unsigned esn = 0; esn < 2; esn++) {
		uint64_t max = esn ? UINT64_MAX : UINT32_MAX;
		struct pair p = pair_new(&esp_suites[GCM_256], esn);
		struct esp_pkt pkt, opened;

		p.out->seq = max / 4 * 3 - 2;
		esp_test_ipv4(&buf[ESP_HEADROOM], 60);
		assert_int_equal(seal(p.out, buf, CAP, 60).verdict, ESP_OK);
		assert_false(p.out->near_end);
		esp_test_ipv4(&buf[ESP_HEADROOM], 60);
		assert_int_equal(seal(p.out, buf, CAP, 60).verdict, ESP_OK);
		assert_true(p.out->near_end);
		p.out->seq = max - 1;
		p.in->replay.top = max - 1;
		esp_test_ipv4(&buf[ESP_HEADROOM], 60);
		pkt = seal(p.out, buf, CAP, 60);
		assert_int_equal(pkt.verdict, ESP_OK);
		assert_true(pkt.seq == max);
		assert_int_equal(open_copy(p.in, &buf[pkt.off], pkt.len, &opened), ESP_OK);
		for (unsigned i = 0; i < 3; i++) {
			esp_test_ipv4(&buf[ESP_HEADROOM], 60);
			assert_int_equal(seal(p.out, buf, CAP, 60).verdict, ESP_SEQ_EXHAUSTED);
		}
		assert_true(p.out->seq == max);
		assert_int_equal(p.out->counters.verdicts[ESP_SEQ_EXHAUSTED], 3);
		pair_free(&p);
	}
}

/* With ESN the same low half in the wrong subspace does not authenticate. */
static void test_esn_high_half(void **state)
{
	uint8_t text[CAP], packet[CAP];
	struct esp_pkt pkt;
	size_t len, n;

	(void)state;
	for (unsigned gcm = 0; gcm < 2; gcm++) {
		const struct esp_suite *suite = &esp_suites[gcm ? GCM_256 : CBC_256];
		struct pair p = pair_new(suite, true);
		const uint64_t one = UINT64_C(1) << 32;

		p.in->replay.top = 3 * one + 5000;
		len = make_text(text, 40, 0, 6, ESP_PROTO_IPV4);
		n = forge(suite, 2 * one + 5001, true, text, len, packet);
		assert_int_equal(open_copy(p.in, packet, n, &pkt), ESP_AUTH);
		n = forge(suite, 3 * one + 5001, true, text, len, packet);
		assert_int_equal(open_copy(p.in, packet, n, &pkt), ESP_OK);
		n = forge(suite, 4 * one + 17, true, text, len, packet);
		assert_int_equal(open_copy(p.in, packet, n, &pkt), ESP_OK);
		assert_true(p.in->replay.top == 4 * one + 17);
		n = forge(suite, 4 * one - 17, true, text, len, packet); /* late, from the subspace before */
		assert_int_equal(open_copy(p.in, packet, n, &pkt), ESP_OK);
		assert_false(pkt.newest);
		pair_free(&p);
	}
}

static void test_room(void **state)
{
	static uint8_t buf[CAP];
	struct pair p = pair_new(&esp_suites[CBC_256], false);
	struct rng rng = rng_seeded(&seed);
	struct esp_pkt pkt;

	(void)state;
	esp_test_ipv4(&buf[ESP_HEADROOM], 60);
	assert_int_equal(seal(p.out, buf, ESP_HEADROOM + 60, 60).verdict, ESP_TOO_BIG); /* nothing behind */
	pkt = (struct esp_pkt){
		.buf = &buf[ESP_HEADROOM - 4], .cap = CAP / 2, .off = 4, .len = 60, .sa = p.out
	};
	esp_seal(&rng, &pkt, 1); /* too little in front */
	assert_int_equal(pkt.verdict, ESP_TOO_BIG);
	pkt = (struct esp_pkt){ .buf = buf, .cap = 10, .off = 24, .len = 60, .sa = p.out };
	esp_seal(&rng, &pkt, 1);
	assert_int_equal(pkt.verdict, ESP_TOO_BIG);
	assert_true(p.out->seq == 0);
	assert_int_equal(seal(p.out, buf, CAP, 19).verdict, ESP_MALFORMED);
	pair_free(&p);
}

/* IVs of CBC are never the same, and those of GCM count. */
static void test_ivs(void **state)
{
	static uint8_t buf[CAP], ivs[64][16];
	struct pair cbc = pair_new(&esp_suites[CBC_256], false), gcm = pair_new(&esp_suites[GCM_256], false);

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		struct esp_pkt pkt;

		esp_test_ipv4(&buf[ESP_HEADROOM], 60);
		pkt = seal(cbc.out, buf, CAP, 60);
		memcpy(ivs[i], &buf[pkt.off + 8], 16);
		for (unsigned k = 0; k < i; k++)
			assert_memory_not_equal(ivs[i], ivs[k], 16);
		esp_test_ipv4(&buf[ESP_HEADROOM], 60);
		pkt = seal(gcm.out, buf, CAP, 60);
		assert_int_equal(buf[pkt.off + 8 + 7], i + 1);
	}
	pair_free(&cbc);
	pair_free(&gcm);
}

/* The arithmetic of the MTU against what sealing really makes: the largest that fits, and not one byte more.
 */
static void test_mtu(void **state)
{
	static uint8_t buf[CAP];

	(void)state;
	for (size_t s = 0; s < ESP_N_SUITES; s++)
		for (unsigned path = 576; path <= 1500; path += 11) {
			const struct esp_suite *suite = &esp_suites[s];
			struct pair p = pair_new(suite, false);
			unsigned mtu = esp_inner_mtu(path, 4, true, suite->encr, suite->bits, suite->integ);

			esp_test_ipv4(&buf[ESP_HEADROOM], mtu);
			assert_true(seal(p.out, buf, CAP, mtu).len + 28 <= path);
			esp_test_ipv4(&buf[ESP_HEADROOM], mtu + 1);
			assert_true(seal(p.out, buf, CAP, mtu + 1).len + 28 > path);
			pair_free(&p);
		}
	/* Azure's usual suite in UDP over 1500: 20 + 8 + 8 + 16 + text + 16. */
	assert_int_equal(esp_inner_mtu(1500, 4, true, ENCR_AES_CBC, 256, INTEG_HMAC_SHA2_256_128), 1422);
	assert_int_equal(esp_inner_mtu(1500, 4, true, ENCR_AES_GCM_16, 256, INTEG_NONE), 1438);
	assert_int_equal(esp_inner_mtu(1500, 6, false, ENCR_AES_GCM_16, 256, INTEG_NONE), 1426);
	assert_int_equal(esp_inner_mtu(60, 4, true, ENCR_AES_CBC, 256, INTEG_HMAC_SHA2_256_128), 0);
	assert_int_equal(esp_inner_mtu(1500, 4, true, ENCR_NULL, 0, INTEG_NONE), 0);
}

/* What lies beyond a batch is neither sealed nor opened, and nobody is told that it was. */
static void test_beyond_batch(void **state)
{
	static uint8_t buf[CAP];
	struct pair p = pair_new(&esp_suites[CBC_256], false);
	struct esp_pkt pkts[ESP_BATCH + 2];
	struct rng rng = rng_seeded(&seed);

	(void)state;
	for (unsigned seal = 0; seal < 2; seal++) {
		memset(pkts, 0, sizeof(pkts)); /* verdict ESP_OK, if nobody writes another */
		for (unsigned i = ESP_BATCH; i < ESP_BATCH + 2; i++)
			pkts[i] = (struct esp_pkt){ .buf = buf,
				.cap = CAP,
				.off = ESP_HEADROOM,
				.len = 60,
				.sa = seal ? p.out : p.in };
		if (seal)
			esp_seal(&rng, pkts, ESP_BATCH + 2);
		else
			esp_open(pkts, ESP_BATCH + 2);
		for (unsigned i = 0; i < ESP_BATCH + 2; i++)
			assert_int_equal(pkts[i].verdict, ESP_NO_SA);
	}
	assert_int_equal(p.out->seq, 0);
	pair_free(&p);
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned v = 0; v < ESP_VERDICT_COUNT; v++)
		assert_string_not_equal(esp_verdict_name((enum esp_verdict)v), "?");
	assert_int_equal(esp_peek_spi((const uint8_t *)"abc", 3), 0);
	esp_sa_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_tampering), cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_tfc_and_padding), cmocka_unit_test(test_batches),
		cmocka_unit_test(test_exhaustion), cmocka_unit_test(test_esn_high_half),
		cmocka_unit_test(test_room), cmocka_unit_test(test_ivs), cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_beyond_batch), cmocka_unit_test(test_names) };

	return cmocka_run_group_tests(tests, crypto_group_setup, crypto_group_teardown);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TOS octet through a tunnel: RFC 6040 figure 4 row by row; what inner headers say; the ECN field written
 * in place with a right checksum; and both as sealing and opening do it.
 */
#include "esp/tos.h"

#include "esp/open.h"
#include "esp/seal.h"
#include "tests/support/esp_packets.h"
#include "tests/support/rng_seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

/* RFC 6040 figure 4: inner, outer, what leaves. -1: drop. */
static const struct {
	enum ecn inner, outer;
	int out;
} figure4[] = {
	{ ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT },
	{ ECN_NOT_ECT, ECN_ECT_0, ECN_NOT_ECT },
	{ ECN_NOT_ECT, ECN_ECT_1, ECN_NOT_ECT },
	{ ECN_NOT_ECT, ECN_CE, -1 },
	{ ECN_ECT_0, ECN_NOT_ECT, ECN_ECT_0 },
	{ ECN_ECT_0, ECN_ECT_0, ECN_ECT_0 },
	{ ECN_ECT_0, ECN_ECT_1, ECN_ECT_1 },
	{ ECN_ECT_0, ECN_CE, ECN_CE },
	{ ECN_ECT_1, ECN_NOT_ECT, ECN_ECT_1 },
	{ ECN_ECT_1, ECN_ECT_0, ECN_ECT_1 },
	{ ECN_ECT_1, ECN_ECT_1, ECN_ECT_1 },
	{ ECN_ECT_1, ECN_CE, ECN_CE },
	{ ECN_CE, ECN_NOT_ECT, ECN_CE },
	{ ECN_CE, ECN_ECT_0, ECN_CE },
	{ ECN_CE, ECN_ECT_1, ECN_CE },
	{ ECN_CE, ECN_CE, ECN_CE },
};
#define ROWS (sizeof(figure4) / sizeof(figure4[0]))

static uint16_t header_sum(const uint8_t *h)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < 20; i += 2)
		sum += (uint32_t)h[i] << 8 | h[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void put_tos(uint8_t *pkt, bool v6, uint8_t tos)
{
	if (v6) {
		pkt[0] = (uint8_t)(0x60 | tos >> 4);
		pkt[1] = (uint8_t)((pkt[1] & 0x0f) | tos << 4);
		return;
	}
	pkt[1] = tos;
	pkt[10] = pkt[11] = 0;
	uint16_t sum = (uint16_t)~header_sum(pkt);
	pkt[10] = (uint8_t)(sum >> 8);
	pkt[11] = (uint8_t)sum;
}

static void make(uint8_t *pkt, bool v6, uint8_t tos)
{
	if (v6)
		esp_test_ipv6(pkt, 100);
	else
		esp_test_ipv4(pkt, 100);
	put_tos(pkt, v6, tos);
}

static void test_figure4(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROWS; i++)
		assert_int_equal(esp_ecn_combine(figure4[i].inner, figure4[i].outer), figure4[i].out);
}

static void test_says(void **state)
{
	uint8_t pkt[100];

	(void)state;
	for (unsigned tos = 0; tos < 256; tos++) {
		for (unsigned df = 0; df < 2; df++) {
			make(pkt, false, (uint8_t)tos);
			pkt[6] = df ? 0x40 : 0x00;
			assert_int_equal(esp_inner_says(pkt, 100).tos, tos);
			assert_int_equal(esp_inner_says(pkt, 100).df, df);
		}
		make(pkt, true, (uint8_t)tos);
		assert_int_equal(esp_inner_says(pkt, 100).tos, tos);
		assert_true(esp_inner_says(pkt, 100).df);
	}
}

/* Nothing but the field and the checksum changes, and that is right for every header. */
static void test_set(void **state)
{
	uint64_t seed = 3;
	struct rng rng = rng_seeded(&seed);

	(void)state;
	for (unsigned n = 0; n < 4000; n++) {
		uint8_t pkt[100], want[100];
		bool v6 = n & 1;
		uint8_t tos = (uint8_t)(n >> 1);

		make(pkt, v6, tos);
		rng_fill(&rng, &pkt[v6 ? 8 : 12], 8);
		put_tos(pkt, v6, tos);
		for (unsigned e = 0; e < 4; e++) {
			memcpy(want, pkt, sizeof(want));
			put_tos(want, v6, (uint8_t)((tos & DSCP_MASK) | e));
			esp_ecn_set(pkt, sizeof(pkt), (enum ecn)e);
			if (!v6)
				assert_int_equal(header_sum(pkt), 0xffff);
			pkt[10] = v6 ? pkt[10] : want[10]; /* +0 and -0 are the same */
			pkt[11] = v6 ? pkt[11] : want[11];
			assert_memory_equal(pkt, want, sizeof(want));
		}
	}
}

/* Through a pair of SAs: inner DSCP kept, outer told, each row of the figure, in both families. */
static void through(bool v6, bool ignore)
{
	struct esp_sa_params po = esp_test_params(&esp_suites[0], false, false),
	                     pi = esp_test_params(&esp_suites[0], true, false);
	uint64_t seed = 1, drops = 0;
	struct rng rng = rng_seeded(&seed);
	struct esp_sa *out, *in;

	assert_int_equal(crypto_init(), 0);
	pi.ignore_ecn = ignore;
	out = esp_sa_new(&po);
	in = esp_sa_new(&pi);
	for (unsigned i = 0; i < ROWS; i++) {
		uint8_t buf[400] = { 0 }, tos = (uint8_t)(0xb8 | figure4[i].inner); /* EF */
		struct esp_pkt p = { .buf = buf, .cap = sizeof(buf), .off = 64, .len = 100, .sa = out };
		int want = ignore ? (int)figure4[i].inner : figure4[i].out;

		make(&buf[64], v6, tos);
		esp_seal(&rng, &p, 1);
		assert_int_equal(p.verdict, ESP_OK);
		assert_int_equal(p.tos, tos);
		assert_int_equal(p.df, v6);
		p.sa = in;
		p.tos =
		    (uint8_t)(0x28 | figure4[i].outer); /* a router chose another DSCP: that stays outside */
		esp_open(&p, 1);
		drops += want < 0;
		assert_int_equal(p.verdict, want < 0 ? ESP_ECN : ESP_OK);
		assert_int_equal(in->counters.verdicts[ESP_ECN], drops);
		assert_true(p.authenticated);
		if (want >= 0)
			assert_int_equal(esp_inner_says(&buf[p.off], p.len).tos, 0xb8 | want);
		if (want >= 0 && !v6)
			assert_int_equal(header_sum(&buf[p.off]), 0xffff);
	}
	esp_sa_free(out);
	esp_sa_free(in);
}

static void test_through_a_tunnel(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++)
		through(i & 1, i & 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figure4),
		cmocka_unit_test(test_says),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_through_a_tunnel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

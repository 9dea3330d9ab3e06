/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inner headers and selectors: IPv4 and IPv6 with options, extension headers and fragments, every truncation;
 * ranges, protocols, ports, ICMP types, OPAQUE; and that both directions are checked.
 */
#include "base/cursor.h"
#include "esp/open.h"
#include "esp/seal.h"
#include "tests/support/crypto_group.h"
#include "tests/support/esp_packets.h"
#include "tests/support/rng_seeded.h"
#include "tests/support/rsp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CAP 2048

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

#define V6_ADDRS "fd000000000000000000000000000001fd000000000000000000000000000002"

static const struct {
	const char *packet;
	int result;
	uint8_t protocol;
	bool ports;
	uint16_t src, dst;
} headers[] = {
	/* TCP; with options; with padding behind */
	{ "4500001800000000400600000a0000010a00000203e807d0", 0, 6, true, 1000, 2000 },
	{ "4600001c00000000400600000a0000010a0000020101010003e807d0", 0, 6, true, 1000, 2000 },
	{ "4500001800000000401100000a0000010a00000203e807d0eeeeee", 0, 17, true, 1000, 2000 },
	/* ICMP echo: type and code on both sides */
	{ "4500001800000000400100000a0000010a00000208000000", 0, 1, true, 0x0800, 0x0800 },
	/* A first fragment has ports, a later one has none, DF is no fragment */
	{ "4500001800002000401100000a0000010a00000203e807d0", 0, 17, true, 1000, 2000 },
	{ "4500001800002001401100000a0000010a00000203e807d0", 0, 17, false, 0, 0 },
	{ "4500001800000001401100000a0000010a00000203e807d0", 0, 17, false, 0, 0 },
	{ "4500001800004000401100000a0000010a00000203e807d0", 0, 17, true, 1000, 2000 },
	/* A header alone; ports cut off; a protocol without ports */
	{ "4500001400000000400600000a0000010a000002", 0, 6, false, 0, 0 },
	{ "4500001700000000400600000a0000010a00000203e807", 0, 6, false, 0, 0 },
	{ "4500001800000000405900000a0000010a00000203e807d0", 0, 89, false, 0, 0 },
	/* Faults: header length below 20 or beyond the packet, total length below the header or beyond the
	   data, version */
	{ "4400001800000000400600000a0000010a00000203e807d0", -1, 0, false, 0, 0 },
	{ "4f00001800000000400600000a0000010a00000203e807d0", -1, 0, false, 0, 0 },
	{ "4500001300000000400600000a0000010a00000203e807d0", -1, 0, false, 0, 0 },
	{ "4500001900000000400600000a0000010a00000203e807d0", -1, 0, false, 0, 0 },
	{ "5500001800000000400600000a0000010a00000203e807d0", -1, 0, false, 0, 0 },
	{ "0000001800000000400600000a0000010a00000203e807d0", -1, 0, false, 0, 0 },
	{ "", -1, 0, false, 0, 0 },
	/* IPv6: UDP; behind hop-by-hop and destination options; ICMPv6 */
	{ "6000000000041140" V6_ADDRS "03e807d0", 0, 17, true, 1000, 2000 },
	{ "6000000000140040" V6_ADDRS "3c00000000000000" /**/ "1100000000000000" /**/ "03e807d0", 0, 17, true,
	    1000, 2000 },
	{ "6000000000043a40" V6_ADDRS "80000000", 0, 58, true, 0x8000, 0x8000 },
	/* AH counts in units of 4: 24 bytes here */
	{ "60000000001c3340" V6_ADDRS "110400000000000000000000000000000000000000000000" /**/ "03e807d0", 0,
	    17, true, 1000, 2000 },
	/* Fragments: the first with ports, a later one without, its protocol known */
	{ "60000000000c2c40" V6_ADDRS "1100000100000001" /**/ "03e807d0", 0, 17, true, 1000, 2000 },
	{ "60000000000c2c40" V6_ADDRS "1100000800000001" /**/ "03e807d0", 0, 17, false, 0, 0 },
	/* An extension header cut short: no whole chain, but a whole packet */
	{ "6000000000040040" V6_ADDRS "11000000", 0, 0, false, 0, 0 },
	/* Payload length beyond the data; none at all */
	{ "6000000000051140" V6_ADDRS "03e807d0", -1, 0, false, 0, 0 },
	{ "6000000000003b40" V6_ADDRS, 0, 59, false, 0, 0 },
};

static void test_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		uint8_t packet[256];
		size_t len = hex(headers[i].packet, packet, sizeof(packet));
		struct esp_flow f = { 0 };

		if (esp_flow_parse(packet, len, &f) != headers[i].result)
			fail_msg("%s", headers[i].packet);
		if (headers[i].result < 0)
			continue;
		if (f.protocol != headers[i].protocol || f.ports_known != headers[i].ports ||
		    f.src_port != headers[i].src || f.dst_port != headers[i].dst || f.total_len > len)
			fail_msg("%s: protocol %u ports %d %u %u", headers[i].packet, f.protocol,
			    f.ports_known, f.src_port, f.dst_port);
	}
}

/* Cut anywhere, in exact heap memory: parsed only when the IP packet is whole. */
static void test_truncations(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		uint8_t packet[256];
		size_t whole = hex(headers[i].packet, packet, sizeof(packet));

		for (size_t len = 0; len < whole; len++) {
			uint8_t *copy = malloc(len ? len : 1);
			struct esp_flow f;

			assert_non_null(copy);
			memcpy(copy, packet, len);
			if (esp_flow_parse(copy, len, &f) == 0)
				assert_true(f.total_len <= len);
			free(copy);
		}
	}
}

/* A chain of more extension headers than anyone needs is given up on, without ports. */
static void test_long_chain(void **state)
{
	uint8_t packet[40 + 200 * 8];
	struct wr w = wr_init(packet, sizeof(packet));
	struct esp_flow f;

	(void)state;
	wr_u32(&w, 0x60000000);
	wr_u16(&w, 200 * 8);
	wr_u8(&w, 60);
	wr_u8(&w, 64);
	wr_zero(&w, 32);
	for (unsigned i = 0; i < 200; i++) {
		wr_u8(&w, 60);
		wr_zero(&w, 7);
	}
	assert_int_equal(esp_flow_parse(packet, sizeof(packet), &f), 0);
	assert_false(f.ports_known);
	assert_int_equal(f.protocol, 60);
}

static void test_match(void **state)
{
	const struct esp_ts range = { addr("10.0.0.5"), addr("10.0.1.4"), 0, 0, 65535 };
	const struct esp_ts tcp = { addr("10.0.0.0"), addr("10.0.0.255"), 6, 0, 65535 };
	const struct esp_ts port = { addr("10.0.0.0"), addr("10.0.0.255"), 17, 100, 200 };
	const struct esp_ts opaque = { addr("10.0.0.0"), addr("10.0.0.255"), 17, 65535, 0 };
	const struct esp_ts six = { addr("fd00::"), addr("fd00::ffff"), 0, 0, 65535 };
	struct esp_flow udp = { .protocol = 17, .ports_known = true }, later = { .protocol = 17 };
	struct addr in = addr("10.0.0.5"), low = addr("10.0.0.4"), last = addr("10.0.1.4"),
	            high = addr("10.0.1.5");
	struct addr in6 = addr("fd00::1"), out6 = addr("fd01::1");

	(void)state;
	assert_false(esp_ts_match(&range, 0, &in, &udp, 1));
	assert_true(esp_ts_match(&range, 1, &in, &udp, 1) && esp_ts_match(&range, 1, &last, &later, 0));
	assert_false(esp_ts_match(&range, 1, &low, &udp, 1) || esp_ts_match(&range, 1, &high, &udp, 1));
	assert_false(esp_ts_match(&range, 1, &in6, &udp, 1));
	assert_true(esp_ts_match(&six, 1, &in6, &udp, 1));
	assert_false(esp_ts_match(&six, 1, &out6, &udp, 1) || esp_ts_match(&six, 1, &in, &udp, 1));
	assert_false(esp_ts_match(&tcp, 1, &in, &udp, 1));
	assert_true(esp_ts_match(&port, 1, &in, &udp, 100) && esp_ts_match(&port, 1, &in, &udp, 200));
	assert_false(esp_ts_match(&port, 1, &in, &udp, 99) || esp_ts_match(&port, 1, &in, &udp, 201));
	assert_false(esp_ts_match(&port, 1, &in, &later, 0)); /* RFC 4301 7.1: ports asked for, none to see */
	assert_true(esp_ts_match(&opaque, 1, &in, &later, 0));
	assert_false(esp_ts_match(&opaque, 1, &in, &udp, 100));
	const struct esp_ts several[] = { six, tcp, port };
	assert_true(esp_ts_match(several, 3, &in, &udp, 150));
	assert_false(esp_ts_match(several, 2, &in, &udp, 150));
}

/* One packet through a pair of SAs with the given selectors at each side. */
static void through(const struct esp_ts *local_a, const struct esp_ts *remote_b, enum esp_verdict sealed,
    enum esp_verdict opened)
{
	struct esp_sa_params a = esp_test_params(&esp_suites[11], false, false);
	struct esp_sa_params b = esp_test_params(&esp_suites[11], true, false);
	static uint8_t buf[CAP];
	struct esp_pkt pkt = { .buf = buf, .cap = CAP, .off = ESP_HEADROOM, .len = 60 };
	uint64_t seed = 1;
	struct rng rng = rng_seeded(&seed);

	a.ts_local[0] = *local_a;
	b.ts_remote[0] = *remote_b;
	a.n_ts_local = b.n_ts_remote = 1;
	struct esp_sa *out = esp_sa_new(&a), *in = esp_sa_new(&b);
	assert_true(out && in);
	esp_test_ipv4(&buf[ESP_HEADROOM], 60);
	pkt.sa = out;
	esp_seal(&rng, &pkt, 1);
	assert_int_equal(pkt.verdict, sealed);
	assert_int_equal(out->seq, sealed == ESP_OK); /* a refused packet costs no number */
	if (sealed == ESP_OK) {
		pkt.sa = in;
		esp_open(&pkt, 1);
		assert_int_equal(pkt.verdict, opened);
		assert_true(pkt.authenticated);
	}
	esp_sa_free(out);
	esp_sa_free(in);
}

static void test_both_directions(void **state)
{
	const struct esp_ts any = { addr("0.0.0.0"), addr("255.255.255.255"), 0, 0, 65535 };
	const struct esp_ts fits = { addr("10.0.0.1"), addr("10.0.0.1"), 17, 1000, 1000 };
	const struct esp_ts other = { addr("10.0.0.3"), addr("10.0.0.9"), 0, 0, 65535 };
	const struct esp_ts wrong_port = { addr("10.0.0.1"), addr("10.0.0.1"), 17, 2000, 2000 };

	(void)state;
	through(&any, &any, ESP_OK, ESP_OK);
	through(&fits, &fits, ESP_OK, ESP_OK);
	through(&other, &any, ESP_SELECTOR, ESP_OK);
	through(&any, &other, ESP_OK, ESP_SELECTOR);
	through(&wrong_port, &any, ESP_SELECTOR, ESP_OK);
	through(&any, &wrong_port, ESP_OK, ESP_SELECTOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_headers),
		cmocka_unit_test(test_truncations), cmocka_unit_test(test_long_chain),
		cmocka_unit_test(test_match), cmocka_unit_test(test_both_directions) };

	return cmocka_run_group_tests(tests, crypto_group_setup, crypto_group_teardown);
}

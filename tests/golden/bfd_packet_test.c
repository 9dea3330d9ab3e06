/* SPDX-License-Identifier: Apache-2.0 */
/* BFD Control packets as bytes, written down by hand from RFC 5880 4.1: built to the byte, read back, and
 * cut. */
#include "bfd/packet.h"
#include "tests/support/bgp_raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Version 1, diagnostic 3; Up, Poll, C; multiplier 5; 24 octets; both discriminators; 300 ms, 50 ms, no echo.
 */
#define UP_POLL "23 e8 05 18 01020304 0a0b0c0d 000493e0 0000c350 00000000"
/* Diagnostic 1; Down; multiplier 3; nothing known of the peer; a second, 300 ms, echoes of 50 ms. */
#define DOWN "21 40 03 18 ffffffff 00000000 000f4240 000493e0 0000c350"
/* Diagnostic 7; AdminDown, Final, Demand. */
#define ADMIN "27 12 01 18 00000001 00000002 00000001 00000000 00000000"

static const struct {
	const char *hex;
	struct bfd_packet p;
} golden[] = {
	{ UP_POLL, { .diag = 3,
	               .state = BFD_UP,
	               .poll = true,
	               .independent = true,
	               .multiplier = 5,
	               .my_discr = 0x01020304,
	               .your_discr = 0x0a0b0c0d,
	               .min_tx = 300000,
	               .min_rx = 50000 } },
	{ DOWN, { .diag = 1,
	            .state = BFD_DOWN,
	            .multiplier = 3,
	            .my_discr = 0xffffffff,
	            .min_tx = 1000000,
	            .min_rx = 300000,
	            .min_echo_rx = 50000 } },
	{ ADMIN, { .diag = 7,
	             .state = BFD_ADMIN_DOWN,
	             .final = true,
	             .demand = true,
	             .multiplier = 1,
	             .my_discr = 1,
	             .your_discr = 2,
	             .min_tx = 1 } },
};
#define N (sizeof(golden) / sizeof(golden[0]))

static void test_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < N; i++) {
		uint8_t want[64], built[64];
		size_t len = raw_hex(golden[i].hex, want, sizeof(want));
		struct wr w = wr_init(built, sizeof(built));
		struct bfd_packet p;

		assert_int_equal(len, BFD_PACKET_LEN);
		bfd_packet_build(&w, &golden[i].p);
		assert_int_equal(wr_len(&w), len);
		assert_memory_equal(built, want, len);
		memset(&p, 0, sizeof(p));
		assert_int_equal(bfd_packet_parse(rd_init(want, len), &p), BFD_ACCEPTED);
		w = wr_init(built, sizeof(built));
		bfd_packet_build(&w, &p);
		assert_memory_equal(built, want, len);
		assert_int_equal(p.state, golden[i].p.state);
		assert_int_equal(p.min_echo_rx, golden[i].p.min_echo_rx);
	}
}

static void test_truncations(void **state)
{
	(void)state;
	for (size_t i = 0; i < N; i++) {
		uint8_t bytes[64];
		size_t len = raw_hex(golden[i].hex, bytes, sizeof(bytes));
		struct bfd_packet p = { .my_discr = 77 };

		for (size_t cut = 0; cut < len; cut++)
			assert_int_equal(bfd_packet_parse(rd_init(bytes, cut), &p), BFD_TOO_SHORT);
		assert_int_equal(p.my_discr, 77); /* untouched */
	}
}

/* RFC 5880 6.8.6: what is wrong with it, in the order of the RFC. */
static void test_checks(void **state)
{
	static const struct {
		const char *hex;
		enum bfd_verdict v;
	} row[] = {
		{ "03 e8 05 18 01020304 0a0b0c0d 000493e0 0000c350 00000000", BFD_WRONG_VERSION },
		{ "43 e8 05 18 01020304 0a0b0c0d 000493e0 0000c350 00000000", BFD_WRONG_VERSION },
		{ "23 e8 05 17 01020304 0a0b0c0d 000493e0 0000c350 00000000", BFD_WRONG_LENGTH },
		{ "23 e8 05 19 01020304 0a0b0c0d 000493e0 0000c350 00000000", BFD_WRONG_LENGTH },
		{ "23 e8 00 18 01020304 0a0b0c0d 000493e0 0000c350 00000000", BFD_NO_MULTIPLIER },
		{ "23 e9 05 18 01020304 0a0b0c0d 000493e0 0000c350 00000000", BFD_MULTIPOINT },
		{ "23 e8 05 18 00000000 0a0b0c0d 000493e0 0000c350 00000000", BFD_NO_DISCRIMINATOR },
		{ "23 e8 05 18 01020304 00000000 000493e0 0000c350 00000000", BFD_WRONG_STATE },
		{ "23 a8 05 18 01020304 00000000 000493e0 0000c350 00000000", BFD_WRONG_STATE },
		{ "23 68 05 18 01020304 00000000 000493e0 0000c350 00000000", BFD_ACCEPTED },
		{ "23 28 05 18 01020304 00000000 000493e0 0000c350 00000000", BFD_ACCEPTED },
		/* with the A bit the least is 26 */
		{ "23 ec 05 18 01020304 0a0b0c0d 000493e0 0000c350 00000000", BFD_WRONG_LENGTH },
		{ "23 ec 05 19 01020304 0a0b0c0d 000493e0 0000c350 00000000 01", BFD_WRONG_LENGTH },
		{ "23 ec 05 1a 01020304 0a0b0c0d 000493e0 0000c350 00000000 0102", BFD_AUTHENTICATED },
		/* what the datagram holds behind the packet */
		{ "23 e8 05 18 01020304 0a0b0c0d 000493e0 0000c350 00000000 ffff", BFD_ACCEPTED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		uint8_t bytes[64];
		struct bfd_packet p;

		if (bfd_packet_parse(rd_init(bytes, raw_hex(row[i].hex, bytes, sizeof(bytes))), &p) !=
		    row[i].v)
			fail_msg("row %zu is not \"%s\"", i, bfd_verdict_text(row[i].v));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_truncations),
		cmocka_unit_test(test_checks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

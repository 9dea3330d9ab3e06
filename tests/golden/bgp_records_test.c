/* SPDX-License-Identifier: Apache-2.0 */
/* MRT records (RFC 6396) and BMP messages (RFC 7854) as bytes, written down by hand from the RFCs, and in too
 * little room. */
#include "bgp/bmp.h"
#include "bgp/mrt.h"
#include "tests/support/bgp_raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MARKER "ffffffffffffffffffffffffffffffff "
#define WHEN   0x60000000u

static uint8_t built[2048], golden[2048];

/* Each case is a function that builds into w; in less room than it needs it must fail, and write nothing
 * outside. */
static void check(void (*build)(struct wr *w), const char *hex)
{
	size_t want = raw_hex(hex, golden, sizeof(golden));
	struct wr w = wr_init(built, sizeof(built));

	build(&w);
	assert_true(wr_ok(&w));
	assert_int_equal(wr_len(&w), want);
	assert_memory_equal(built, golden, want);
	for (size_t cap = 0; cap < want; cap++) {
		memset(built, 0x5a, sizeof(built));
		w = wr_init(built, cap);
		build(&w);
		assert_false(wr_ok(&w));
		for (size_t i = cap; i < want; i++)
			assert_int_equal(built[i], 0x5a);
	}
}

static void build_index(struct wr *w)
{
	const struct mrt_peer peer[] = { { 0x0a64fffe, bnet_addr("10.100.255.254"), 65515 },
		{ 0, bnet_addr("2001:db8::2"), 4200000001u } };

	mrt_peer_index(w, WHEN, 0x0a00000a, "causeway", peer, 2);
}

static const uint8_t path[] = { 2, 2, 0, 0, 0xff, 0xeb, 0xfa, 0x56, 0xea, 0x01 };
static const uint8_t communities[] = { 0xfd, 0xe9, 0, 100 };

static struct attrs route_attrs(const char *nexthop)
{
	return (struct attrs){ .nexthop = bnet_addr(nexthop),
		.have_med = true,
		.med = 7,
		.as_path = { path, sizeof(path) },
		.communities = { communities, sizeof(communities) } };
}

static void build_rib4(struct wr *w)
{
	struct prefix p = bnet_prefix("10.100.0.0/16");
	struct attrs a = route_attrs("10.100.255.254");
	struct mrt_rib rib;

	mrt_rib_begin(w, &rib, WHEN, 3, &p, false);
	mrt_rib_entry(w, &rib, 1, WHEN - 1, 77, &a, false);
	mrt_rib_entry(w, &rib, 2, WHEN - 2, 0, &a, true);
	mrt_rib_end(w, &rib);
}

static void build_rib6(struct wr *w)
{
	struct prefix p = bnet_prefix("2001:db8:5::/48");
	struct attrs a = route_attrs("2001:db8::2");
	struct mrt_rib rib;

	a.have_med = false;
	mrt_rib_begin(w, &rib, WHEN, 4, &p, false);
	mrt_rib_entry(w, &rib, 0, WHEN, 0, &a, false);
	mrt_rib_end(w, &rib);
}

static void build_rib4_paths(struct wr *w)
{
	struct prefix p = bnet_prefix("10.100.0.0/16");
	struct attrs a = { .nexthop = bnet_addr("10.100.255.254") };
	struct mrt_rib rib;

	mrt_rib_begin(w, &rib, WHEN, 5, &p, true);
	mrt_rib_entry(w, &rib, 1, WHEN - 1, 7, &a, false);
	mrt_rib_entry(w, &rib, 1, WHEN - 1, 0x01020304, &a, false);
	mrt_rib_end(w, &rib);
}

static void build_rib6_paths(struct wr *w)
{
	struct prefix p = bnet_prefix("2001:db8:5::/48");
	struct attrs a = { .nexthop = bnet_addr("2001:db8::2") };
	struct mrt_rib rib;

	mrt_rib_begin(w, &rib, WHEN, 6, &p, true);
	mrt_rib_entry(w, &rib, 0, WHEN, 9, &a, false);
	mrt_rib_end(w, &rib);
}

#define ATTRS_4 "40 01 01 00  50 02 000a 02 02 0000ffeb fa56ea01  40 03 04 0a64fffe  80 04 04 00000007"

static void test_table(void **state)
{
	(void)state;
	check(build_index, "60000000 000d 0001 00000036  0a00000a 0008 6361757365776179 0002"
	                   "02 0a64fffe 0a64fffe 0000ffeb"
	                   "03 00000000 20010db8000000000000000000000002 fa56ea01");
	check(build_rib4, "60000000 000d 0002 0000006e  00000003 10 0a64 0002"
	                  "0001 5fffffff 0027 " ATTRS_4 " c0 08 04 fde90064"
	                  "0002 5ffffffe 002e " ATTRS_4 " 40 05 04 00000064 c0 08 04 fde90064");
	check(build_rib6,
	    "60000000 000d 0004 00000042  00000004 30 20010db80005 0001"
	    "0000 60000000 002d 40 01 01 00  50 02 000a 02 02 0000ffeb fa56ea01  c0 08 04 fde90064"
	    "80 0e 11 10 20010db8000000000000000000000002");
	/* RFC 8050 4: subtypes 8 and 10, a path identifier in each entry */
	check(build_rib4_paths, "60000000 000d 0008 0000003f  00000005 10 0a64 0002"
	                        "0001 5fffffff 00000007 000f 40 01 01 00  50 02 0000  40 03 04 0a64fffe"
	                        "0001 5fffffff 01020304 000f 40 01 01 00  50 02 0000  40 03 04 0a64fffe");
	check(build_rib6_paths, "60000000 000d 000a 00000035  00000006 30 20010db80005 0001"
	                        "0000 60000000 00000009 001c 40 01 01 00  50 02 0000  80 0e 11 10 "
	                        "20010db8000000000000000000000002");
}

static const struct mrt_session *session(bool four_octet, bool ipv6)
{
	static struct mrt_session s;

	s = (struct mrt_session){ .peer_as = 4200000001u,
		.local_as = 65001,
		.peer = bnet_addr(ipv6 ? "2001:db8::2" : "192.0.2.2"),
		.local = bnet_addr(ipv6 ? "2001:db8::1" : "192.0.2.1"),
		.four_octet_as = four_octet };
	return &s;
}

static size_t keepalive(uint8_t buf[BGP_HEADER_LEN])
{
	struct wr w = wr_init(buf, BGP_HEADER_LEN);

	keepalive_build(&w);
	return wr_len(&w);
}

static void build_message(struct wr *w)
{
	uint8_t m[BGP_HEADER_LEN];

	mrt_message(w, WHEN, session(true, false), m, keepalive(m));
}

static void build_message_old(struct wr *w)
{
	uint8_t m[BGP_HEADER_LEN];

	mrt_message(w, WHEN, session(false, true), m, keepalive(m));
}

/* An UPDATE of each family in sessions with path identifiers for one of them; and a KEEPALIVE there. */
#define UPDATE_4 MARKER "0017 02 0000 0000"
#define UPDATE_6 MARKER "001d 02 0000 0006 80 0f 03 0002 01"
static void build_paths(struct wr *w, const char *message, bool four_octet, bool ipv4, bool ipv6)
{
	struct mrt_session s = *session(four_octet, false);
	uint8_t m[64];
	size_t len = raw_hex(message, m, sizeof(m));

	s.path_ids[BGP_IPV4] = ipv4;
	s.path_ids[BGP_IPV6] = ipv6;
	mrt_message(w, WHEN, &s, m, len);
}

static void build_paths4(struct wr *w)
{
	build_paths(w, UPDATE_4, true, true, false);
}

static void build_paths4_old(struct wr *w)
{
	build_paths(w, UPDATE_4, false, true, false);
}

static void build_paths4_none(struct wr *w)
{
	build_paths(w, UPDATE_4, true, false, true);
}

static void build_paths6(struct wr *w)
{
	build_paths(w, UPDATE_6, true, false, true);
}

static void build_paths_keepalive(struct wr *w)
{
	build_paths(w, MARKER "0013 04", true, true, true);
}

static void build_change(struct wr *w)
{
	mrt_state_change(w, WHEN, session(false, false), 5, 6);
}

static void test_bgp4mp(void **state)
{
	(void)state;
	check(build_message,
	    "60000000 0010 0004 00000027 fa56ea01 0000fde9 0000 0001 c0000202 c0000201" MARKER "0013 04");
	check(build_message_old,
	    "60000000 0010 0001 0000003b 5ba0 fde9 0000 0002 20010db8000000000000000000000002"
	    "20010db8000000000000000000000001" MARKER "0013 04");
#define BOTH_ENDS "0000 0001 c0000202 c0000201"
	check(build_paths4, "60000000 0010 0009 0000002b fa56ea01 0000fde9 " BOTH_ENDS UPDATE_4);
	check(build_paths4_old, "60000000 0010 0008 00000027 5ba0 fde9 " BOTH_ENDS UPDATE_4);
	check(build_paths4_none, "60000000 0010 0004 0000002b fa56ea01 0000fde9 " BOTH_ENDS UPDATE_4);
	check(build_paths6, "60000000 0010 0009 00000031 fa56ea01 0000fde9 " BOTH_ENDS UPDATE_6);
	check(build_paths_keepalive,
	    "60000000 0010 0004 00000027 fa56ea01 0000fde9 " BOTH_ENDS MARKER "0013 04");
	check(build_change,
	    "60000000 0010 0005 00000018 fa56ea01 0000fde9 0000 0001 c0000202 c0000201 0005 0006");
}

/* --- BMP --- */
static const struct bmp_peer peer4 = { .address = { 4, { 192, 0, 2, 2 } },
	.as = 65515,
	.router_id = 0x0a64fffe,
	.when_us = (int64_t)WHEN * 1000000 + 250000 };
#define PEER4 "00 00 0000000000000000 000000000000000000000000c0000202 0000ffeb 0a64fffe 60000000 0003d090 "

static void build_initiation(struct wr *w)
{
	bmp_initiation(w, "edge", "causewayd");
}

static void build_termination(struct wr *w)
{
	bmp_termination(w, BMP_TERM_ADMIN);
}

static void build_monitoring(struct wr *w)
{
	struct bmp_peer p = peer4;
	uint8_t eor[BGP_UPDATE_MIN];
	struct wr e = wr_init(eor, sizeof(eor));

	eor_build(&e, BGP_IPV4);
	p.address = bnet_addr("2001:db8::2");
	p.post_policy = p.two_octet_as = true;
	bmp_route_monitoring(w, &p, eor, wr_len(&e));
}

static void build_up(struct wr *w)
{
	const struct endpoint local = { .addr = bnet_addr("192.0.2.1"), .port = 179 };
	uint8_t m[BGP_HEADER_LEN];
	size_t len = keepalive(m); /* whatever message it is: OPENs have golden bytes of their own */

	bmp_peer_up(w, &peer4, &local, 40000, m, len, m, len);
}

static void build_down(struct wr *w)
{
	const uint8_t event[] = { 0, 8 };

	bmp_peer_down(w, &peer4, BMP_DOWN_LOCAL, event, sizeof(event));
}

static void build_down_silent(struct wr *w)
{
	bmp_peer_down(w, &peer4, BMP_DOWN_REMOTE, NULL, 0);
}

static void build_stats(struct wr *w)
{
	const struct bmp_stat_value v[] = { { BMP_STAT_ADJ_RIB_IN, 70000 }, { BMP_STAT_ADJ_RIB_OUT, 1 } };

	bmp_stats(w, &peer4, v, 2);
}

static void test_bmp(void **state)
{
	(void)state;
	check(build_initiation, "03 0000001b 04  0001 0009 636175736577617964 0002 0004 65646765");
	check(build_termination, "03 0000000c 05  0001 0002 0000");
	check(build_monitoring, "03 00000047 00  00 e0 0000000000000000 20010db8000000000000000000000002 "
	                        "0000ffeb 0a64fffe 60000000 "
	                        "0003d090" MARKER "0017 02 0000 0000");
	check(build_up, "03 0000006a 03 " PEER4 "000000000000000000000000c0000201 00b3 9c40" MARKER
	                "0013 04" MARKER "0013 04");
	check(build_down, "03 00000033 02 " PEER4 "02 0008");
	check(build_down_silent, "03 00000031 02 " PEER4 "04");
	check(build_stats,
	    "03 0000004c 01 " PEER4 "00000002 0007 0008 0000000000011170 000f 0008 0000000000000001");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_bgp4mp),
		cmocka_unit_test(test_bmp),
	};

	return cmocka_run_group_tests_name("MRT and BMP", tests, NULL, NULL);
}

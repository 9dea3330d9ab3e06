/* SPDX-License-Identifier: Apache-2.0 */
/* BGP messages as bytes, written down by hand from the RFCs: built to the byte, and read back. */
#include "tests/support/bgp_raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MARKER "ffffffffffffffffffffffffffffffff "

static uint8_t built[BGP_MESSAGE_MAX], golden[BGP_MESSAGE_MAX];
static struct attr_scratch scratch;

static struct rd same(size_t len, const char *hex)
{
	size_t want = raw_hex(hex, golden, sizeof(golden));
	struct rd r = rd_init(golden, want);
	struct msg_header h;

	assert_int_equal(len, want);
	assert_memory_equal(built, golden, want);
	assert_int_equal(header_parse(&r, &h, NULL), 0);
	assert_int_equal(h.len, want);
	return r;
}

static void test_open(void **state)
{
	struct open_msg o = raw_open_msg(4200000001u, "10.0.0.10"), got;
	struct wr w = wr_init(built, sizeof(built));

	(void)state;
	o.caps.end_of_rib = true;
	open_build(&w, &o);
	assert_int_equal(
	    open_parse(same(wr_len(&w), MARKER "0037 01 04 5ba0 005a 0a00000a 1a"
	                                       "02 18 01 04 0001 00 01 01 04 0002 00 01 02 00 40 02 0000"
	                                       "41 04 fa56ea01"),
	        &got, NULL),
	    0);
	assert_int_equal(open_as(&got), 4200000001u);
	assert_int_equal(got.hold_time, 90);
}

static void test_small_ones(void **state)
{
	struct wr w = wr_init(built, sizeof(built));
	struct notify n = {
		.code = BGP_ERR_OPEN, .subcode = BGP_OPEN_VERSION, .data = { 0, 4 }, .data_len = 2
	};
	struct notification_msg nm;
	struct refresh_msg m = { .afi = BGP_AFI_IPV6, .safi = BGP_SAFI_UNICAST }, got;

	(void)state;
	keepalive_build(&w);
	same(wr_len(&w), MARKER "0013 04");
	w = wr_init(built, sizeof(built));
	notification_build(&w, &n);
	assert_int_equal(notification_parse(same(wr_len(&w), MARKER "0017 03 02 01 0004"), &nm), 0);
	assert_int_equal(nm.code, BGP_ERR_OPEN);
	assert_int_equal(nm.data_len, 2);
	w = wr_init(built, sizeof(built));
	refresh_build(&w, &m);
	assert_int_equal(refresh_parse(same(wr_len(&w), MARKER "0017 05 0002 00 01"), false, &got, NULL), 0);
	assert_int_equal(got.afi, BGP_AFI_IPV6);
	w = wr_init(built, sizeof(built));
	eor_build(&w, BGP_IPV4);
	same(wr_len(&w), MARKER "0017 02 0000 0000");
	w = wr_init(built, sizeof(built));
	eor_build(&w, BGP_IPV6);
	same(wr_len(&w), MARKER "001e 02 0000 0007 90 0f 0003 0002 01");
}

/* Every capability that we know: 8654, 9234, 4724 with 8538, 6793, 7313. */
static void test_capabilities(void **state)
{
	struct open_msg o = raw_open_msg(65001, "10.0.0.10"), got;
	struct wr w = wr_init(built, sizeof(built));

	(void)state;
	o.caps.enhanced_refresh = o.caps.extended_messages = o.caps.end_of_rib = o.caps.have_role = true;
	o.caps.role = BGP_ROLE_CODE_CUSTOMER;
	o.caps.restart = (struct restart_capability){ .restarting = true,
		.notification = true,
		.time = 120,
		.family = { true, true },
		.forwarding = { true, false } };
	open_build(&w, &o);
	assert_int_equal(
	    open_parse(same(wr_len(&w), MARKER "0046 01 04 fde9 005a 0a00000a 29"
	                                       "02 27 01 04 0001 00 01 01 04 0002 00 01 02 00 06 00"
	                                       "09 01 03 40 0a c078 0001 01 80 0002 01 00"
	                                       "41 04 0000fde9 46 00"),
	        &got, NULL),
	    0);
	assert_memory_equal(&got.caps, &o.caps, sizeof(o.caps));
}

static void test_notifications(void **state)
{
	struct wr w = wr_init(built, sizeof(built));
	struct notify n = { .code = BGP_ERR_CEASE, .subcode = BGP_CEASE_SHUTDOWN };
	struct refresh_msg m = {
		.afi = BGP_AFI_IPV4, .subtype = BGP_REFRESH_BEGIN, .safi = BGP_SAFI_UNICAST
	};
	struct rd whole;
	uint8_t data[32];

	(void)state;
	assert_int_equal(notify_shutdown_text(&n, "caf\xc3\xa9"), 0); /* RFC 9003 2 */
	notification_build(&w, &n);
	same(wr_len(&w), MARKER "001b 03 06 02 05 636166c3a9");
	notify_hard_reset(&n); /* RFC 8538 3.1 */
	w = wr_init(built, sizeof(built));
	notification_build(&w, &n);
	same(wr_len(&w), MARKER "001d 03 06 09 06 02 05 636166c3a9");
	notify_prefix_limit(&n, BGP_IPV6, 4000); /* RFC 4486 4 */
	w = wr_init(built, sizeof(built));
	notification_build(&w, &n);
	same(wr_len(&w), MARKER "001c 03 06 01 0002 01 00000fa0");
	w = wr_init(built, sizeof(built));
	refresh_build(&w, &m); /* BoRR, RFC 7313 3.2 */
	same(wr_len(&w), MARKER "0017 05 0001 01 01");
	/* An EoRR that is too long comes back whole, RFC 7313 5. */
	whole = rd_init(data, raw_hex("0001 02 01 ff", data, sizeof(data)));
	assert_int_equal(refresh_parse(whole, true, &m, &n), -1);
	w = wr_init(built, sizeof(built));
	notification_build(&w, &n);
	same(wr_len(&w), MARKER "002d 03 07 01" MARKER "0018 05 0001 02 01 ff");
	/* Of who does not know that RFC, and in a request: a header's fault, RFC 4271 6.1. */
	assert_int_equal(refresh_parse(whole, false, &m, &n), -1);
	assert_int_equal(n.code << 8 | n.subcode, BGP_ERR_HEADER << 8 | BGP_HEADER_BAD_LENGTH);
	assert_memory_equal(n.data, "\x00\x18", 2);
}

static struct attrs attrs_of(uint8_t *path, size_t cap, uint32_t second)
{
	struct wr w = wr_init(path, cap);

	wr_u8(&w, BGP_AS_SEQUENCE);
	wr_u8(&w, 2);
	wr_u32(&w, 65001);
	wr_u32(&w, second);
	return (struct attrs){ .as_path = { path, wr_len(&w) }, .nexthop = bnet_addr("10.0.0.10") };
}

static size_t build(
    enum bgp_family family, const struct attrs *a, const struct attr_context *ctx, const char *prefix)
{
	struct prefix p = bnet_prefix(prefix);
	struct update_builder b;

	assert_true(update_begin(&b, built, sizeof(built), family, a, ctx));
	assert_true(update_add(&b, &p));
	return update_end(&b);
}

static void test_updates(void **state)
{
	struct attr_context ctx = { .four_octet = true, .family = { true, true } };
	uint8_t path[32];
	struct attrs a = attrs_of(path, sizeof(path), 65515);
	struct update u;

	(void)state;
	a.have_med = true;
	a.med = 5;
	a.communities = (struct bytes){ (const uint8_t *)"\xfd\xe9\x00\x01", 4 };
	update_parse(same(build(BGP_IPV4, &a, &ctx, "10.200.0.0/16"), MARKER
	                 "0041 02 0000 0027 40 01 01 00 50 02 000a 02 02 0000fde9 0000ffeb 40 03 04 0a00000a"
	                 "80 04 04 00000005 c0 08 04 fde90001 10 0ac8"),
	    &ctx, &scratch, &u);
	assert_int_equal(u.a.faults.worst, REACT_NONE);
	assert_int_equal(u.a.attrs.med, 5);
	assert_int_equal(u.n_nlri, 1);

	same(build(BGP_IPV4, NULL, &ctx, "10.200.0.0/16"), MARKER "001a 02 0003 10 0ac8 0000");

	a = attrs_of(path, sizeof(path), 65515);
	a.nexthop = bnet_addr("2001:db8::1");
	update_parse(same(build(BGP_IPV6, &a, &ctx, "2001:db8:b::/48"),
	                 MARKER "0049 02 0000 0032"
	                        "90 0e 001c 0002 01 10 20010db8000000000000000000000001 00 30 20010db8000b"
	                        "40 01 01 00 50 02 000a 02 02 0000fde9 0000ffeb"),
	    &ctx, &scratch, &u);
	assert_int_equal(u.a.faults.worst, REACT_NONE);
	assert_int_equal(u.a.reach.n, 1);
	same(build(BGP_IPV6, NULL, &ctx, "2001:db8:b::/48"),
	    MARKER "0025 02 0000 000e 90 0f 000a 0002 01 30 20010db8000b");

	/* To a 2-octet speaker: AS_TRANS, and the truth in AS4_PATH. To an internal one: LOCAL_PREF. */
	ctx.four_octet = false;
	ctx.internal = true;
	a = attrs_of(path, sizeof(path), 70000);
	update_parse(same(build(BGP_IPV4, &a, &ctx, "10.200.0.0/16"),
	                 MARKER "0044 02 0000 002a 40 01 01 00 50 02 0006 02 02 fde9 5ba0 40 03 04 0a00000a"
	                        "40 05 04 00000064 d0 11 000a 02 02 0000fde9 00011170 10 0ac8"),
	    &ctx, &scratch, &u);
	assert_int_equal(u.a.faults.worst, REACT_NONE);
	assert_true(as_path_contains(u.a.attrs.as_path, 70000));
	assert_int_equal(u.a.attrs.local_pref, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_small_ones),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_notifications),
		cmocka_unit_test(test_updates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

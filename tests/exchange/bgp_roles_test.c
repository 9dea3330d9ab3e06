/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles (RFC 9234): which of them go together, and what they make of routes with and without OTC, coming in
 * and going out. `ours` is what we are to the peer.
 */
#include "bgp/nlri.h"
#include "tests/support/bgp_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NET_200    "10.200.0.0/16"
#define NET_201    "10.201.0.0/16"
#define OTC_PEER   "c0 23 04 0000ffeb " /* the peer's own AS, 65515 */
#define OTC_OTHER  "c0 23 04 0000fc00 "
#define N_ROLES    (BGP_ROLE_PEER + 1)
#define ROLE_NONE  BGP_ROLE_NONE
#define MISMATCHED (BGP_ERR_OPEN << 8 | BGP_OPEN_ROLE)

static struct lab lab_with(enum bgp_role ours, bool strict, const struct open_msg *o)
{
	struct bgp_peer_config c = lab_config();
	struct lab l;

	c.session.role = ours;
	c.session.strict_role = strict;
	l = lab_new(&c);
	bnet_raw_connect(l.net, l.x, LAB_THEIRS, LAB_OURS);
	lab_run_ms(&l, 200);
	raw_open(l.net, l.x, o);
	raw_keepalive(l.net, l.x);
	lab_run_ms(&l, 500);
	return l;
}

static struct open_msg open_as_role(enum bgp_role theirs)
{
	struct open_msg o = lab_open();

	o.caps.have_role = theirs != ROLE_NONE;
	o.caps.role = (uint8_t)(theirs ? theirs - 1 : 0);
	return o;
}

/* RFC 9234 4.2, table 2; no role on either side goes with everything. */
static void test_pairs(void **state)
{
	static const enum bgp_role partner[N_ROLES] = { [BGP_ROLE_PROVIDER] = BGP_ROLE_CUSTOMER,
		[BGP_ROLE_CUSTOMER] = BGP_ROLE_PROVIDER,
		[BGP_ROLE_RS] = BGP_ROLE_RS_CLIENT,
		[BGP_ROLE_RS_CLIENT] = BGP_ROLE_RS,
		[BGP_ROLE_PEER] = BGP_ROLE_PEER };

	(void)state;
	for (unsigned ours = 0; ours < N_ROLES; ours++)
		for (unsigned theirs = 0; theirs < N_ROLES; theirs++) {
			struct open_msg o = open_as_role((enum bgp_role)theirs);
			struct lab l = lab_with((enum bgp_role)ours, false, &o);
			bool good = !ours || !theirs || partner[ours] == (enum bgp_role)theirs;

			assert_int_equal(l.a->peer[1].state == BGP_ESTABLISHED, good);
			assert_int_equal(raw_notification(l.x), good ? 0 : MISMATCHED);
			if (good)
				assert_int_equal(bnet_view(l.a, 1).session.peer_role, theirs);
			bnet_free(l.net);
		}
}

static void test_strict_and_unknown(void **state)
{
	struct open_msg o = lab_open();
	struct lab l = lab_with(BGP_ROLE_CUSTOMER, true, &o);

	(void)state;
	assert_int_equal(raw_notification(l.x), MISMATCHED);
	assert_non_null(strstr(bnet_view(l.a, 1).last_error.text, "role-strict"));
	bnet_free(l.net);
	o.caps.have_role = true;
	o.caps.role = 200;
	l = lab_with(BGP_ROLE_CUSTOMER, false, &o);
	assert_int_equal(raw_notification(l.x), MISMATCHED);
	bnet_free(l.net);
}

/* Two roles in one OPEN, and the same one twice. */
static void test_twice(void **state)
{
	static const struct {
		const char *second;
		unsigned code;
	} row[] = { { "03", MISMATCHED }, { "00", 0 } };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct bgp_peer_config c = lab_config();
		struct lab l;
		char body[128];

		c.session.role = BGP_ROLE_CUSTOMER;
		l = lab_new(&c);
		bnet_raw_connect(l.net, l.x, LAB_THEIRS, LAB_OURS);
		lab_run_ms(&l, 200);
		snprintf(
		    body, sizeof(body), "04 ffeb 005a 0a64fffe 08 02 06 09 01 00 09 01 %s", row[i].second);
		raw_message(l.net, l.x, BGP_MSG_OPEN, body);
		lab_run_ms(&l, 200);
		assert_int_equal(raw_notification(l.x), row[i].code);
		bnet_free(l.net);
	}
}

/* --- coming in --- */
enum fate { TAKEN, MARKED, LEAK };

static void test_ingress(void **state)
{
	static const struct {
		enum bgp_role ours;
		enum fate plain, own, other; /* without OTC, with the peer's AS, with another's */
	} row[] = {
		{ ROLE_NONE, TAKEN, TAKEN, TAKEN },
		{ BGP_ROLE_PROVIDER, TAKEN, LEAK, LEAK },
		{ BGP_ROLE_RS, TAKEN, LEAK, LEAK },
		{ BGP_ROLE_CUSTOMER, MARKED, TAKEN, TAKEN },
		{ BGP_ROLE_RS_CLIENT, MARKED, TAKEN, TAKEN },
		{ BGP_ROLE_PEER, MARKED, TAKEN, LEAK },
	};
	static const char *const otc[] = { "", OTC_PEER, OTC_OTHER };

	(void)state;
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const enum fate fate[] = { row[i].plain, row[i].own, row[i].other };

		for (unsigned k = 0; k < 3; k++) {
			struct open_msg o = lab_open();
			struct lab l = lab_with(row[i].ours, false, &o);
			struct bgp_route_view v;
			char attrs[256];

			snprintf(attrs, sizeof(attrs), "%s%s", LAB_SOUND, otc[k]);
			lab_update(&l, attrs, LAB_NET_200);
			assert_int_equal(bnet_route(l.a, NET_200) != NULL, fate[k] != LEAK);
			if (fate[k] == LEAK) {
				assert_true(bnet_row(l.a, BGP_RIB_REJECTED, NET_200, 1, &v));
				assert_non_null(strstr(v.reason, "route leak"));
			}
			assert_int_equal(l.a->peer[1].falls, 0);
			bnet_free(l.net);
		}
	}
}

/* 5: malformed is treated as withdrawn, and no session falls for it. */
static void test_malformed(void **state)
{
	struct open_msg o = lab_open();
	struct lab l = lab_with(BGP_ROLE_CUSTOMER, false, &o);

	(void)state;
	lab_update(&l, LAB_SOUND "c0 23 03 00ffeb", LAB_NET_200);
	assert_null(bnet_route(l.a, NET_200));
	assert_int_equal(l.a->peer[1].state, BGP_ESTABLISHED);
	bnet_free(l.net);
}

/* --- going out --- */
/* What `to` (AS 65020) hears of 10.200/16, which had OTC, 10.201/16, which had none, and of our own network.
 */
struct heard {
	bool with, without, own;
	uint32_t otc_without, otc_own; /* 0: none */
};

static uint32_t otc_in(struct rd body)
{
	struct rd a = update_find_attr(body, BGP_ATTR_OTC);

	if (!rd_left(&a))
		return 0;
	assert_int_equal(rd_u8(&a), BGP_ATTR_FLAG_OPTIONAL | BGP_ATTR_FLAG_TRANSITIVE);
	(void)rd_u8(&a);
	assert_int_equal(rd_u8(&a), 4);
	return rd_u32(&a);
}

static struct heard hear(const struct bnet_node *to)
{
	static struct attr_scratch scratch;
	struct attr_context ctx = { .four_octet = true, .family = { true, true } };
	struct heard h = { 0 };
	struct rd body;

	for (unsigned i = 0; raw_received(to, BGP_MSG_UPDATE, i, &body); i++) {
		struct update u;
		struct prefix p;

		update_parse(body, &ctx, &scratch, &u);
		assert_int_equal(u.a.faults.worst, REACT_NONE);
		while (nlri_next(&u.nlri, 4, &p) > 0) {
			if (!strcmp(prefix_str(&p), NET_200)) {
				h.with = true;
				assert_int_equal(otc_in(body), 65515);
			} else if (!strcmp(prefix_str(&p), NET_201)) {
				h.without = true;
				h.otc_without = otc_in(body);
			} else {
				h.own = true;
				h.otc_own = otc_in(body);
			}
		}
	}
	return h;
}

static void test_egress(void **state)
{
	static const struct {
		enum bgp_role ours;
		bool goes_up; /* what has OTC goes there */
		bool marks;
	} row[] = {
		{ ROLE_NONE, true, false },
		{ BGP_ROLE_PROVIDER, true, true },
		{ BGP_ROLE_RS, true, true },
		{ BGP_ROLE_PEER, false, true },
		{ BGP_ROLE_CUSTOMER, false, false },
		{ BGP_ROLE_RS_CLIENT, false, false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct open_msg o = lab_open(), back = raw_open_msg(65020, "10.0.0.20");
		struct lab l = lab_with(ROLE_NONE, false, &o);
		struct bgp_peer_config lan =
		    bnet_peer_config("lan", BGP_PEER_LAN, LAB_OURS, "10.0.0.20", 65020);
		struct bnet_node *to = bnet_add(l.net, "to", "10.0.0.20", 0, NULL);
		struct bgp_route_view v;
		struct heard h;

		lan.mode = BGP_MODE_PASSIVE;
		lan.session.role = row[i].ours;
		bnet_peer_add(l.a, 2, &lan);
		bnet_peer_start(l.net, l.a, 2);
		bnet_announce(l.net, l.a, "10.0.0.0/16");
		lab_update(&l, LAB_SOUND OTC_PEER, LAB_NET_200);
		lab_update(&l, LAB_SOUND, LAB_NET_201);
		bnet_raw_connect(l.net, to, "10.0.0.20", LAB_OURS);
		lab_run_ms(&l, 200);
		raw_open(l.net, to, &back);
		raw_keepalive(l.net, to);
		lab_run_ms(&l, 2000);
		h = hear(to);
		assert_true(h.own && h.without);
		assert_int_equal(h.with, row[i].goes_up);
		assert_int_equal(h.otc_own, row[i].marks ? 65001 : 0);
		assert_int_equal(h.otc_without, row[i].marks ? 65001 : 0);
		if (!row[i].goes_up) {
			assert_true(bnet_row(l.a, BGP_RIB_WITHHELD, NET_200, 2, &v));
			assert_non_null(strstr(v.reason, "OTC"));
		}
		bnet_free(l.net);
	}
}

/* An aggregate of a part with OTC is one with OTC: told to nobody who may not hear the part. */
static void test_aggregate(void **state)
{
	static const struct {
		enum bgp_role ours;
		bool told;
	} row[] = { { ROLE_NONE, true }, { BGP_ROLE_PROVIDER, true }, { BGP_ROLE_PEER, false },
		{ BGP_ROLE_CUSTOMER, false } };

	(void)state;
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const struct bgp_aggregate whole = { .prefix = bnet_prefix("10.200.0.0/15") };
		struct open_msg o = lab_open(), back = raw_open_msg(65020, "10.0.0.20");
		struct lab l = lab_with(ROLE_NONE, false, &o);
		struct bgp_peer_config lan =
		    bnet_peer_config("lan", BGP_PEER_LAN, LAB_OURS, "10.0.0.20", 65020);
		struct bnet_node *to = bnet_add(l.net, "to", "10.0.0.20", 0, NULL);
		struct bgp_route_view v;
		struct heard h;

		lan.mode = BGP_MODE_PASSIVE;
		lan.session.role = row[i].ours;
		bnet_peer_add(l.a, 2, &lan);
		bnet_peer_start(l.net, l.a, 2);
		assert_int_equal(bgp_aggregates(l.a->bgp, &whole, 1, l.net->now), 0);
		lab_update(&l, LAB_SOUND OTC_PEER, LAB_NET_200);
		lab_update(&l, LAB_SOUND, LAB_NET_201);
		bnet_raw_connect(l.net, to, "10.0.0.20", LAB_OURS);
		lab_run_ms(&l, 200);
		raw_open(l.net, to, &back);
		raw_keepalive(l.net, to);
		lab_run_ms(&l, 2000);
		h = hear(to);
		assert_true(h.without);
		assert_int_equal(h.own, row[i].told);
		assert_int_equal(h.otc_own, row[i].told ? 65515 : 0);
		if (!row[i].told) {
			assert_true(bnet_row(l.a, BGP_RIB_WITHHELD, "10.200.0.0/15", 2, &v));
			assert_non_null(strstr(v.reason, "OTC"));
		}
		bnet_free(l.net);
	}
}

/* What a provider taught us, unmarked, is marked as it comes in: it goes to a customer, with the provider's
 * AS in it, and to no peer. */
static void test_no_valley(void **state)
{
	static const enum bgp_role to_role[] = { BGP_ROLE_PEER, BGP_ROLE_PROVIDER };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct open_msg o = lab_open(), back = raw_open_msg(65020, "10.0.0.20");
		struct lab l = lab_with(BGP_ROLE_CUSTOMER, false, &o);
		struct bgp_peer_config lan =
		    bnet_peer_config("lan", BGP_PEER_LAN, LAB_OURS, "10.0.0.20", 65020);
		struct bnet_node *to = bnet_add(l.net, "to", "10.0.0.20", 0, NULL);
		struct heard h;

		lan.mode = BGP_MODE_PASSIVE;
		lan.session.role = to_role[i];
		bnet_peer_add(l.a, 2, &lan);
		bnet_peer_start(l.net, l.a, 2);
		lab_update(&l, LAB_SOUND, LAB_NET_201);
		bnet_raw_connect(l.net, to, "10.0.0.20", LAB_OURS);
		lab_run_ms(&l, 200);
		raw_open(l.net, to, &back);
		raw_keepalive(l.net, to);
		lab_run_ms(&l, 2000);
		h = hear(to);
		assert_int_equal(h.without, to_role[i] == BGP_ROLE_PROVIDER);
		assert_int_equal(h.otc_without, h.without ? 65515 : 0);
		bnet_free(l.net);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_strict_and_unknown),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_ingress),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_egress),
		cmocka_unit_test(test_aggregate),
		cmocka_unit_test(test_no_valley),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people see of routes, and what they filter by: communities of every kind, numbers of the AS path,
 * prefixes exact, within and covering an address. The peer's UPDATEs are written byte by byte.
 */
#include "tests/support/bgp_raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PEER       7
#define ORIGIN_IGP "40 01 01 00 "
#define NEXT_HOP   "40 03 04 c0000202 "

struct lab {
	struct bnet *net;
	struct bnet_node *c, *raw;
};

static struct lab lab_new(void)
{
	struct lab l = { .net = bnet_new(3) };
	struct bgp_peer_config config =
	    bnet_peer_config("hq/t1", BGP_PEER_SITE, "192.0.2.1", "192.0.2.2", 65515);
	struct open_msg o = raw_open_msg(65515, "192.0.2.2");

	l.c = bnet_add(l.net, "c", "192.0.2.1", 65001, "10.0.0.10");
	l.raw = bnet_add(l.net, "raw", "192.0.2.2", 0, NULL);
	config.mode = BGP_MODE_PASSIVE;
	bnet_announce(l.net, l.c, "10.0.0.0/16");
	bnet_peer_add(l.c, PEER, &config);
	bnet_peer_start(l.net, l.c, PEER);
	bnet_raw_connect(l.net, l.raw, "192.0.2.2", "192.0.2.1");
	bnet_run(l.net, mdur_ms(200));
	raw_open(l.net, l.raw, &o);
	raw_keepalive(l.net, l.raw);
	assert_true(bnet_until_state(l.net, mdur_s(10), l.c, PEER, BGP_ESTABLISHED));
	/* 10.100/16: path 65515 65010, standard 65001:100 and no-export, large 65001:1:2, rt:65001:100 and
	 * one unknown */
	raw_update(l.net, l.raw, "",
	    ORIGIN_IGP "40 02 0a 02 02 0000ffeb 0000fdf2 " NEXT_HOP "c0 08 08 fde90064 ffffff01 "
	               "c0 10 10 0002fde900000064 4004000000000001 "
	               "c0 20 0c 0000fde9 00000001 00000002 ",
	    "10 0a64");
	/* 10.100.4.0/24: path 65515 {65020 65021} */
	raw_update(l.net, l.raw, "", ORIGIN_IGP "40 02 10 02 01 0000ffeb 01 02 0000fdfc 0000fdfd " NEXT_HOP,
	    "18 0a6404");
	/* 10.200/16: path 65515 65020 65010 */
	raw_update(
	    l.net, l.raw, "", ORIGIN_IGP "40 02 0e 02 03 0000ffeb 0000fdfc 0000fdf2 " NEXT_HOP, "10 0ac8");
	/* refused: 127/8 */
	raw_update(l.net, l.raw, "", ORIGIN_IGP "40 02 0a 02 02 0000ffeb 0000fdf2 " NEXT_HOP, "08 7f");
	assert_true(bnet_settle(l.net, mdur_s(10)));
	return l;
}

/* The prefixes that a query finds, as one text; each call may give few. */
static const char *found(const struct lab *l, struct bgp_route_query q)
{
	static char text[400];
	static struct bgp_route_view row[2];
	size_t n;

	text[0] = '\0';
	while (!q.done) {
		n = bgp_routes(l->c->bgp, &q, row, 2);
		for (size_t i = 0; i < n; i++) {
			strcat(text, *text ? " " : "");
			strcat(text, prefix_str(&row[i].prefix));
		}
	}
	return text;
}

/* What is used, and that it is judged anew when the rules change, with no UPDATE. */
static void test_what_is_used(void **state)
{
	struct lab l = lab_new();
	struct prefix in = bnet_prefix("10.100.0.0/16"), loop = bnet_prefix("127.0.0.0/8"),
	              none = bnet_prefix("10.101.0.0/16");
	struct bgp_route_view row;
	uint64_t judged = bgp_judged_anew(l.c->bgp);

	(void)state;
	assert_non_null(bgp_route_used(l.c->bgp, PEER, &in, 0));
	assert_null(bgp_route_used(l.c->bgp, PEER, &in, 1));
	assert_null(bgp_route_used(l.c->bgp, PEER + 1, &in, 0));
	assert_null(bgp_route_used(l.c->bgp, PEER, &loop, 0)); /* refused */
	assert_null(bgp_route_used(l.c->bgp, PEER, &none, 0));
	assert_true(bnet_row(l.c, BGP_RIB_RECEIVED, "10.100.0.0/16", PEER, &row) && row.used);
	assert_true(bnet_row(l.c, BGP_RIB_RECEIVED, "127.0.0.0/8", PEER, &row) && !row.used);
	assert_int_equal(bgp_connected(l.c->bgp, &none, 1, l.net->now), 0); /* concerns nothing */
	assert_int_equal(bgp_judged_anew(l.c->bgp), judged);
	assert_int_equal(bgp_connected(l.c->bgp, &in, 1, l.net->now), 0);
	assert_int_equal(bgp_judged_anew(l.c->bgp), judged + 2); /* it, and 10.100.4.0/24 */
	assert_null(bgp_route_used(l.c->bgp, PEER, &in, 0));
	bnet_free(l.net);
}

/* What waits for a peer that takes nothing, and what it takes itself. */
static void test_what_waits(void **state)
{
	struct lab l = lab_new();
	struct bgp_peer_view v = bnet_view(l.c, PEER);

	(void)state;
	assert_int_equal(v.tables.waiting, 0);
	assert_int_equal(v.advertised, 1);
	assert_true(v.tables.route_bytes >= 4 && v.tables.route_bytes % v.received == 0);
	assert_true(v.tables.advertised_bytes && v.tables.session_bytes);
	l.net->window = 0; /* what comes next is the last that the connection takes */
	bnet_announce(l.net, l.c, "10.1.0.0/16");
	bnet_run(l.net, mdur_s(1));
	bnet_announce(l.net, l.c, "10.2.0.0/16");
	bnet_announce(l.net, l.c, "10.3.0.0/16");
	bnet_unannounce(l.net, l.c, "10.0.0.0/16");
	bnet_run(l.net, mdur_s(1));
	v = bnet_view(l.c, PEER);
	assert_int_equal(v.tables.waiting, 3);
	assert_true(v.tables.waiting_bytes);
	bnet_unannounce(l.net, l.c, "10.3.0.0/16"); /* it never was told: nothing is to be */
	bnet_run(l.net, mdur_s(1));
	assert_int_equal(bnet_view(l.c, PEER).tables.waiting, 2);
	l.net->window = 65536;
	for (unsigned i = 0; i < 8; i++) { /* with our next KEEPALIVE there is room */
		raw_keepalive(l.net, l.raw);
		bnet_run(l.net, mdur_s(5));
	}
	v = bnet_view(l.c, PEER);
	assert_int_equal(v.tables.waiting, 0);
	assert_int_equal(v.advertised, 2);
	l.net->window = 0;
	bnet_announce(l.net, l.c, "10.3.0.0/16");
	bnet_run(l.net, mdur_s(1));
	bnet_announce(l.net, l.c, "10.4.0.0/16");
	bnet_run(l.net, mdur_s(1));
	assert_int_equal(bnet_view(l.c, PEER).tables.waiting, 1);
	bnet_raw_close(l.net, l.raw); /* and with the session it goes */
	bnet_run(l.net, mdur_s(1));
	v = bnet_view(l.c, PEER);
	assert_int_equal(v.tables.waiting, 0);
	assert_int_equal(v.tables.session_bytes, 0);
	bnet_free(l.net);
}

static void test_what_is_shown(void **state)
{
	struct lab l = lab_new();
	struct bgp_route_view v;

	(void)state;
	assert_true(bnet_row(l.c, BGP_RIB_BEST, "10.100.0.0/16", PEER, &v));
	assert_string_equal(v.as_path_text, "65515 65010");
	assert_int_equal(v.n_communities, 2);
	assert_int_equal(v.n_large, 1);
	assert_int_equal(v.large[0][0], 65001);
	assert_int_equal(v.large[0][2], 2);
	assert_int_equal(v.n_extended, 2);
	assert_true(v.extended[0] == 0x0002fde900000064ULL);
	assert_true(bnet_row(l.c, BGP_RIB_BEST, "10.100.4.0/24", PEER, &v));
	assert_string_equal(v.as_path_text, "65515 {65020,65021}");
	bnet_free(l.net);
}

static void test_filters_of_attributes(void **state)
{
	static const struct {
		const char *community;
		uint32_t as, origin_as, neighbour_as;
		const char *finds;
	} cases[] = {
		{ "65001:100", 0, 0, 0, "10.100.0.0/16" },
		{ "65001:*", 0, 0, 0, "10.100.0.0/16" },
		{ "65001:101", 0, 0, 0, "" },
		{ "no-export", 0, 0, 0, "10.100.0.0/16" },
		{ "65001:1:2", 0, 0, 0, "10.100.0.0/16" },
		{ "rt:65001:100", 0, 0, 0, "10.100.0.0/16" },
		{ "soo:65001:100", 0, 0, 0, "" },
		{ NULL, 65020, 0, 0, "10.100.4.0/24 10.200.0.0/16" },
		{ NULL, 0, 65010, 0, "10.100.0.0/16 10.200.0.0/16" },
		{ NULL, 0, 65020, 0, "10.100.4.0/24" }, /* a set at the end: either of it */
		{ NULL, 0, 65021, 0, "10.100.4.0/24" },
		{ NULL, 0, 0, 65515, "10.100.0.0/16 10.100.4.0/24 10.200.0.0/16" },
		{ NULL, 0, 0, 65020, "" },
		{ NULL, 65020, 65010, 65515, "10.200.0.0/16" },
		{ NULL, 0, 0, 0, "10.0.0.0/16 10.100.0.0/16 10.100.4.0/24 10.200.0.0/16" },
	};
	struct lab l = lab_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bgp_route_query q = { .rib = BGP_RIB_BEST };
		struct bgp_community c;
		struct bgp_community_list *list = NULL;

		if (cases[i].community) {
			assert_int_equal(bgp_community_parse(cases[i].community, &c), 0);
			list = bgp_community_list_new(&c, 1);
		}
		q.filter = (struct bgp_route_filter){ .communities = list,
			.have_as = cases[i].as,
			.as = cases[i].as,
			.have_origin_as = cases[i].origin_as,
			.origin_as = cases[i].origin_as,
			.have_neighbour_as = cases[i].neighbour_as,
			.neighbour_as = cases[i].neighbour_as };
		assert_string_equal(found(&l, q), cases[i].finds);
		bgp_community_list_put(list);
	}
	bnet_free(l.net);
}

static void test_prefixes(void **state)
{
	static const struct {
		enum bgp_rib rib;
		const char *within, *covering, *finds;
		bool exact;
	} cases[] = {
		{ BGP_RIB_BEST, "10.100.0.0/16", NULL, "10.100.0.0/16 10.100.4.0/24", false },
		{ BGP_RIB_BEST, "10.100.0.0/16", NULL, "10.100.0.0/16", true },
		{ BGP_RIB_BEST, "10.100.0.0/17", NULL, "", true },
		{ BGP_RIB_BEST, NULL, "10.100.4.9", "10.100.4.0/24", false },
		{ BGP_RIB_BEST, NULL, "10.100.5.9", "10.100.0.0/16", false },
		{ BGP_RIB_BEST, NULL, "10.0.1.1", "10.0.0.0/16", false },
		{ BGP_RIB_RECEIVED, NULL, "10.0.1.1", "", false }, /* ours, which nobody sent */
		{ BGP_RIB_BEST, NULL, "127.0.0.1", "", false },    /* refused */
		{ BGP_RIB_REJECTED, NULL, "127.0.0.1", "127.0.0.0/8", false },
		{ BGP_RIB_BEST, NULL, "192.0.2.1", "", false },
		{ BGP_RIB_BEST, NULL, "2001:db8::1", "", false },
	};
	struct lab l = lab_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bgp_route_query q = { .rib = cases[i].rib, .exact = cases[i].exact };

		if (cases[i].within)
			q.within = bnet_prefix(cases[i].within);
		if (cases[i].covering)
			q.covering = bnet_addr(cases[i].covering);
		assert_string_equal(found(&l, q), cases[i].finds);
	}
	bnet_free(l.net);
}

/* A filter that fits nothing looks at a bounded part of the table in one call. */
static void test_nothing_found_costs_little(void **state)
{
	struct lab l = lab_new();
	struct bgp_route_query q = { .rib = BGP_RIB_BEST, .filter = { .have_as = true, .as = 1 } };
	static struct bgp_route_view row[16];
	unsigned calls = 0;

	(void)state;
	for (unsigned i = 0; i < 9000; i += 100) {
		char nlri[100 * 12 + 16] = "";

		for (unsigned k = i; k < i + 100; k++)
			snprintf(nlri + strlen(nlri), 16, "18 14%02x%02x ", (uint8_t)(k >> 8), (uint8_t)k);
		raw_update(l.net, l.raw, "", ORIGIN_IGP "40 02 06 02 01 0000ffeb " NEXT_HOP, nlri);
	}
	assert_true(bnet_settle(l.net, mdur_s(30)));
	for (; !q.done; calls++)
		assert_int_equal(bgp_routes(l.c->bgp, &q, row, 16), 0);
	assert_true(calls >= 3);
	bnet_free(l.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_shown),
		cmocka_unit_test(test_what_is_used),
		cmocka_unit_test(test_what_waits),
		cmocka_unit_test(test_filters_of_attributes),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_nothing_found_costs_little),
	};

	return cmocka_run_group_tests_name("bgp views", tests, NULL, NULL);
}

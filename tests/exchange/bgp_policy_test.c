/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who hears what. An on-premises speaker `c` with two tunnels to one site, a second site, and two LAN
 * routers; each of them is a speaker of its own.
 */
#include "tests/support/bgp_net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { T1 = 1, T2, OTHER, LAN1, LAN2 }; /* c's peers; T1 and T2 are the site's two gateways */

struct lab {
	struct bnet *net;
	struct bnet_node *c, *far[LAN2 + 1];
	struct bgp_peer_config config[LAN2 + 1]; /* c's view */
};

static const struct {
	const char *name, *addr, *own;
	uint32_t as;
	enum bgp_kind kind;
	uint32_t site;
} who[LAN2 + 1] = {
	[T1] = { "azure/t1", "10.100.255.4", "10.100.0.0/16", 65515, BGP_PEER_SITE, 1 },
	[T2] = { "azure/t2", "10.100.255.5", "10.101.0.0/16", 65515, BGP_PEER_SITE, 1 },
	[OTHER] = { "aws/t1", "169.254.10.1", "10.110.0.0/16", 64512, BGP_PEER_SITE, 2 },
	[LAN1] = { "lan1", "192.168.1.1", "172.16.0.0/16", 65100, BGP_PEER_LAN, 0 },
	[LAN2] = { "lan2", "192.168.1.2", "172.17.0.0/16", 65200, BGP_PEER_LAN, 0 },
};

static void add_far(struct lab *l, unsigned i, uint32_t c_as)
{
	struct bgp_peer_config back = bnet_peer_config("c", BGP_PEER_LAN, who[i].addr, "10.0.0.10", c_as);

	l->far[i] = bnet_add(l->net, who[i].name, who[i].addr, who[i].as, who[i].addr);
	back.mode = BGP_MODE_PASSIVE;
	back.accept_default = true;
	back.transit = true;
	bnet_peer_add(l->far[i], 1, &back);
	bnet_announce(l->net, l->far[i], who[i].own);
	bnet_peer_start(l->net, l->far[i], 1);
	l->config[i] = bnet_peer_config(who[i].name, who[i].kind, "10.0.0.10", who[i].addr, who[i].as);
	l->config[i].site = who[i].site;
	bnet_peer_add(l->c, i, &l->config[i]);
	bnet_peer_start(l->net, l->c, i);
}

static void settle(struct lab *l)
{
	assert_true(bnet_settle(l->net, mdur_s(60)));
	bnet_run(l->net, mdur_s(1));
}

static struct lab lab_new(uint32_t seed)
{
	struct lab l = { .net = bnet_new(seed) };

	l.c = bnet_add(l.net, "c", "10.0.0.10", 65001, "10.0.0.10");
	bnet_announce(l.net, l.c, "10.0.0.0/16");
	for (unsigned i = T1; i <= LAN2; i++)
		add_far(&l, i, 65001);
	settle(&l);
	for (unsigned i = T1; i <= LAN2; i++)
		assert_int_equal(l.c->peer[i].state, BGP_ESTABLISHED);
	return l;
}

static bool hears(const struct lab *l, unsigned far, const char *prefix)
{
	bool told = bnet_route(l->far[far], prefix) != NULL;
	struct bgp_route_view v;

	assert_int_equal(bnet_row(l->c, BGP_RIB_ADVERTISED, prefix, far, &v), told);
	if (told)
		assert_int_equal(bnet_row(l->c, BGP_RIB_WITHHELD, prefix, far, &v), 0);
	return told;
}

static const char *withheld(const struct lab *l, unsigned far, const char *prefix)
{
	static struct bgp_route_view v;

	return bnet_row(l->c, BGP_RIB_WITHHELD, prefix, far, &v) ? v.reason : "";
}

static void test_matrix(void **state)
{
	struct lab l = lab_new(1);
	struct bgp_route_view v;
	struct addr self = bnet_addr("10.0.0.10");

	(void)state;
	for (unsigned to = T1; to <= LAN2; to++) {
		bool lan = who[to].kind == BGP_PEER_LAN;

		assert_true(hears(&l, to, "10.0.0.0/16"));
		for (unsigned from = T1; from <= LAN2; from++) {
			bool site = who[from].kind == BGP_PEER_SITE;

			assert_int_equal(
			    to != from && hears(&l, to, who[from].own), to != from && lan && site);
		}
	}
	assert_non_null(strstr(withheld(&l, T1, "10.110.0.0/16"), "a site is never told"));
	assert_non_null(strstr(withheld(&l, T1, "172.16.0.0/16"), "announce-from"));
	assert_non_null(strstr(withheld(&l, LAN1, "172.17.0.0/16"), "transit"));
	assert_non_null(strstr(withheld(&l, T1, "10.100.0.0/16"), "learned from this peer"));

	/* What a LAN router sees: our AS in front, ourselves as next hop, no foreign MED. */
	assert_true(bnet_row(l.far[LAN1], BGP_RIB_BEST, "10.100.0.0/16", 1, &v));
	assert_int_equal(v.n_as_path, 2);
	assert_int_equal(v.as_path[0], 65001);
	assert_int_equal(v.as_path[1], 65515);
	assert_true(addr_eq(&v.nexthop, &self));
	bnet_free(l.net);
}

static void test_announce_from_and_transit(void **state)
{
	struct lab l = lab_new(2);
	struct reason why = { 0 };

	(void)state;
	l.config[T1].announce_from[0] = LAN1;
	l.config[T1].n_announce_from = 1;
	l.config[LAN2].transit = true;
	assert_int_equal(bgp_peer_update(l.c->bgp, T1, &l.config[T1], l.net->now, &why), 0);
	assert_int_equal(bgp_peer_update(l.c->bgp, LAN2, &l.config[LAN2], l.net->now, &why), 0);
	settle(&l);
	assert_true(hears(&l, T1, "172.16.0.0/16"));
	assert_false(hears(&l, T1, "172.17.0.0/16"));
	assert_false(hears(&l, T2, "172.16.0.0/16"));
	assert_true(hears(&l, LAN2, "172.16.0.0/16"));
	assert_false(hears(&l, LAN1, "172.17.0.0/16"));
	l.config[T1].n_announce_from = 0;
	l.config[LAN2].transit = false;
	assert_int_equal(bgp_peer_update(l.c->bgp, T1, &l.config[T1], l.net->now, &why), 0);
	assert_int_equal(bgp_peer_update(l.c->bgp, LAN2, &l.config[LAN2], l.net->now, &why), 0);
	settle(&l);
	assert_false(hears(&l, T1, "172.16.0.0/16"));
	assert_false(hears(&l, LAN2, "172.16.0.0/16"));
	bnet_free(l.net);
}

static void test_announced_come_and_go(void **state)
{
	struct lab l = lab_new(3);

	(void)state;
	bnet_announce(l.net, l.c, "10.7.0.0/16");
	bnet_announce(l.net, l.c, "10.7.0.0/16");
	settle(&l);
	for (unsigned i = T1; i <= LAN2; i++)
		assert_true(hears(&l, i, "10.7.0.0/16"));
	assert_null(bnet_route(l.c, "10.7.0.0/16")); /* ours is not for the kernel */
	bnet_unannounce(l.net, l.c, "10.7.0.0/16");
	bnet_unannounce(l.net, l.c, "10.7.0.0/16");
	settle(&l);
	for (unsigned i = T1; i <= LAN2; i++)
		assert_false(hears(&l, i, "10.7.0.0/16"));
	bnet_free(l.net);
}

static void test_multipath(void **state)
{
	struct lab l = lab_new(4);
	const struct bgp_action *r;
	struct bgp_route_view v;

	(void)state;
	bnet_announce(l.net, l.far[T1], "10.150.0.0/16");
	bnet_announce(l.net, l.far[T2], "10.150.0.0/16");
	settle(&l);
	r = bnet_route(l.c, "10.150.0.0/16");
	assert_int_equal(r->route.n, 2);
	assert_int_equal(r->route.path[0].peer, T1); /* the lower router id */
	assert_int_equal(r->route.path[1].peer, T2);
	assert_true(bnet_row(l.c, BGP_RIB_BEST, "10.150.0.0/16", T2, &v));
	assert_true(v.best);
	/* A LAN router with the same prefix and as short a path, over another AS: no part of the set. */
	bnet_announce(l.net, l.far[LAN1], "10.150.0.0/16");
	settle(&l);
	r = bnet_route(l.c, "10.150.0.0/16");
	assert_int_equal(r->route.n, 2);
	/* One gateway fails: the other one's way stays, nothing else changes. */
	bnet_dark(l.net, l.c, l.far[T1], true);
	assert_true(bnet_until_state(l.net, mdur_s(40), l.c, T1, BGP_IDLE));
	r = bnet_route(l.c, "10.150.0.0/16");
	assert_int_equal(r->route.n, 1);
	assert_int_equal(r->route.path[0].peer, T2);
	settle(&l);
	assert_true(hears(&l, LAN2, "10.150.0.0/16"));
	bnet_free(l.net);
}

static void refused(const struct lab *l, const char *prefix, const char *because)
{
	struct bgp_route_view v;

	if (!bnet_row(l->c, BGP_RIB_REJECTED, prefix, 0, &v))
		fail_msg("%s is not refused", prefix);
	if (!strstr(v.reason, because))
		fail_msg("%s: \"%s\", not because of \"%s\"", prefix, v.reason, because);
	assert_null(bnet_route(l->c, prefix));
}

/* Our own routers may teach parts of what we announce: that is where it is. A site may not. */
static void test_parts_of_the_announced(void **state)
{
	struct lab l = lab_new(9);

	(void)state;
	bnet_announce(l.net, l.far[LAN1], "10.0.0.0/16");
	bnet_announce(l.net, l.far[LAN1], "10.0.5.0/24");
	bnet_announce(l.net, l.far[T1], "10.0.6.0/24");
	settle(&l);
	assert_non_null(bnet_route(l.c, "10.0.5.0/24"));
	refused(&l, "10.0.0.0/16", "announce ourselves");
	refused(&l, "10.0.6.0/24", "10.0.0.0/16");
	assert_false(hears(&l, T1, "10.0.5.0/24")); /* and without announce-from no site hears of the part */
	bnet_free(l.net);
}

static void test_import(void **state)
{
	static const char *const fine[] = { "192.168.77.0/24", "198.51.100.0/24", "100.64.0.0/16",
		"10.0.0.0/8", "128.0.0.0/1", "8.8.8.0/24" };
	static const char *const martian[] = { "0.1.0.0/16", "127.0.0.0/8", "127.0.0.1/32", "169.254.0.0/16",
		"169.254.10.0/30", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32" };
	struct lab l = lab_new(5);
	struct bgp_peer_config c = l.config[T1];
	struct prefix connected[] = { bnet_prefix("192.168.1.0/24"), bnet_prefix("192.0.2.0/24") };
	struct reason why = { 0 };

	(void)state;
	for (unsigned i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		bnet_announce(l.net, l.far[T1], fine[i]);
	for (unsigned i = 0; i < sizeof(martian) / sizeof(martian[0]); i++)
		bnet_announce(l.net, l.far[T1], martian[i]);
	bnet_announce(l.net, l.far[T1], "0.0.0.0/0");
	bnet_announce(l.net, l.far[T1], "10.0.0.0/16");
	bnet_announce(l.net, l.far[T1], "10.0.5.0/24");
	bnet_announce(l.net, l.far[T1], "192.0.2.128/25");
	settle(&l);
	for (unsigned i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		assert_non_null(bnet_route(l.c, fine[i]));
	for (unsigned i = 0; i < sizeof(martian) / sizeof(martian[0]); i++)
		refused(&l, martian[i], "never routed");
	refused(&l, "0.0.0.0/0", "default");
	refused(&l, "10.0.0.0/16", "announce ourselves");
	refused(&l, "10.0.5.0/24", "10.0.0.0/16");

	/* The facts change, and with them the judgement. */
	assert_non_null(bnet_route(l.c, "192.0.2.128/25"));
	assert_int_equal(bgp_connected(l.c->bgp, connected, 2, l.net->now), 0);
	bnet_pump(l.net, l.c);
	refused(&l, "192.0.2.128/25", "connected");
	assert_int_equal(bgp_connected(l.c->bgp, connected, 1, l.net->now), 0);
	bnet_pump(l.net, l.c);
	assert_non_null(bnet_route(l.c, "192.0.2.128/25"));
	bnet_announce(l.net, l.c, "192.0.2.0/24");
	refused(&l, "192.0.2.128/25", "192.0.2.0/24");
	bnet_unannounce(l.net, l.c, "192.0.2.0/24");
	assert_non_null(bnet_route(l.c, "192.0.2.128/25"));

	c.accept_default = true;
	assert_int_equal(bgp_peer_update(l.c->bgp, T1, &c, l.net->now, &why), 0);
	bnet_pump(l.net, l.c);
	assert_non_null(bnet_route(l.c, "0.0.0.0/0"));
	settle(&l);
	assert_false(hears(&l, LAN1, "0.0.0.0/0")); /* in use, and still not passed on */
	assert_non_null(strstr(withheld(&l, LAN1, "0.0.0.0/0"), "default"));
	/* A default of our own claims nothing but itself. */
	bnet_announce(l.net, l.c, "0.0.0.0/0");
	settle(&l);
	assert_true(hears(&l, LAN1, "0.0.0.0/0"));
	assert_non_null(bnet_route(l.c, "8.8.8.0/24"));
	refused(&l, "0.0.0.0/0", "announce ourselves");
	bnet_free(l.net);
}

/* A far end that has our AS in its path, and one that forgets its own, as route servers do. */
static void test_loops(void **state)
{
	struct lab l = { .net = bnet_new(6) };
	struct bgp_peer_config c =
	    bnet_peer_config("lan3", BGP_PEER_LAN, "192.168.1.1", "192.168.1.9", 65001);

	(void)state;
	l.c = bnet_add(l.net, "c", "10.0.0.10", 65001, "10.0.0.10");
	for (unsigned i = T1; i <= LAN1; i++)
		add_far(&l, i, 65001);
	/* LAN1 also has a peer in our AS, whose routes come to us with 65001 in their path. */
	struct bnet_node *x = bnet_add(l.net, "x", "192.168.1.9", 65001, "192.168.1.9");
	struct bgp_peer_config back =
	    bnet_peer_config("lan1", BGP_PEER_LAN, "192.168.1.9", "192.168.1.1", 65100);

	c.transit = true;
	bnet_peer_add(l.far[LAN1], 2, &c);
	bnet_peer_add(x, 1, &back);
	bnet_announce(l.net, x, "172.20.0.0/16");
	bnet_peer_start(l.net, l.far[LAN1], 2);
	bnet_peer_start(l.net, x, 1);
	bnet_run(l.net, mdur_s(60));
	settle(&l);
	assert_non_null(bnet_route(l.far[LAN1], "172.20.0.0/16"));
	assert_null(bnet_route(l.c, "172.20.0.0/16")); /* LAN1 sees our AS in the path and spares us */
	bnet_free(l.net);
}

static void test_ibgp(void **state)
{
	struct bnet *net = bnet_new(7);
	struct bnet_node *c = bnet_add(net, "c", "10.0.0.10", 65001, "10.0.0.10");
	struct bnet_node *r[3];
	static const char *const addr[] = { "192.168.1.1", "192.168.1.2", "10.100.255.4" };
	struct bgp_route_view v;

	(void)state;
	bnet_announce(net, c, "10.0.0.0/16");
	for (unsigned i = 0; i < 3; i++) {
		uint32_t as = i < 2 ? 65001 : 65515;
		struct bgp_peer_config out =
		    bnet_peer_config(addr[i], i < 2 ? BGP_PEER_LAN : BGP_PEER_SITE, "10.0.0.10", addr[i], as);
		struct bgp_peer_config back =
		    bnet_peer_config("c", BGP_PEER_LAN, addr[i], "10.0.0.10", 65001);
		char own[32];

		out.transit = true;
		r[i] = bnet_add(net, addr[i], addr[i], as, addr[i]);
		bnet_peer_add(c, i + 1, &out);
		bnet_peer_add(r[i], 1, &back);
		snprintf(own, sizeof(own), "172.%u.0.0/16", 16 + i);
		bnet_announce(net, r[i], own);
		bnet_peer_start(net, c, i + 1);
		bnet_peer_start(net, r[i], 1);
	}
	bnet_run(net, mdur_s(30));
	/* An internal router hears the site with LOCAL_PREF and without our AS; not the other internal one.
	 */
	assert_true(bnet_row(r[0], BGP_RIB_BEST, "172.18.0.0/16", 1, &v));
	assert_int_equal(v.n_as_path, 1);
	assert_int_equal(v.as_path[0], 65515);
	assert_int_equal(v.local_pref, 100);
	assert_null(bnet_route(r[0], "172.17.0.0/16"));
	assert_true(bnet_row(c, BGP_RIB_WITHHELD, "172.17.0.0/16", 1, &v));
	assert_non_null(strstr(v.reason, "iBGP"));
	assert_non_null(bnet_route(r[0], "10.0.0.0/16"));
	assert_non_null(bnet_route(c, "172.16.0.0/16"));
	bnet_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_announce_from_and_transit),
		cmocka_unit_test(test_announced_come_and_go),
		cmocka_unit_test(test_parts_of_the_announced),
		cmocka_unit_test(test_multipath),
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_loops),
		cmocka_unit_test(test_ibgp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

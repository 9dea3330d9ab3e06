/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is ours and stands on something: originated networks with attributes, and aggregates. A speaker `c`
 * with a site's gateway and two LAN routers; each is a speaker of its own.
 */
#include "tests/support/bgp_net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SITE = 1, OTHER, LAN1, LAN2 };

struct lab {
	struct bnet *net;
	struct bnet_node *c, *far[LAN2 + 1];
};

static const struct {
	const char *name, *addr;
	uint32_t as;
	enum bgp_kind kind;
} who[LAN2 + 1] = {
	[SITE] = { "azure/t1", "10.100.255.4", 65515, BGP_PEER_SITE },
	[OTHER] = { "aws/t1", "169.254.10.1", 64512, BGP_PEER_SITE },
	[LAN1] = { "lan1", "192.168.1.1", 65100, BGP_PEER_LAN },
	[LAN2] = { "lan2", "192.168.1.2", 65200, BGP_PEER_LAN },
};

static void settle(struct lab *l)
{
	assert_true(bnet_settle(l->net, mdur_s(60)));
	bnet_run(l->net, mdur_s(1));
}

/* The sites take what lan1 teaches us, and lan2 does not get it. */
static struct lab lab_new(void)
{
	struct lab l = { .net = bnet_new(7) };

	l.c = bnet_add(l.net, "c", "10.0.0.10", 65001, "10.0.0.10");
	for (unsigned i = SITE; i <= LAN2; i++) {
		struct bgp_peer_config back = bnet_peer_config(
		                           "c", BGP_PEER_LAN, who[i].addr, "10.0.0.10", 65001),
		                       to = bnet_peer_config(
		                           who[i].name, who[i].kind, "10.0.0.10", who[i].addr, who[i].as);

		l.far[i] = bnet_add(l.net, who[i].name, who[i].addr, who[i].as, who[i].addr);
		back.mode = BGP_MODE_PASSIVE;
		bnet_peer_add(l.far[i], 1, &back);
		bnet_peer_start(l.net, l.far[i], 1);
		to.site = i;
		to.announce_from[0] = LAN1;
		to.n_announce_from = i == SITE;
		bnet_peer_add(l.c, i, &to);
		bnet_peer_start(l.net, l.c, i);
	}
	settle(&l);
	return l;
}

static void aggregate(struct lab *l, const char *prefix, bool summary_only, bool as_set)
{
	struct bgp_aggregate a = {
		.prefix = bnet_prefix(prefix), .summary_only = summary_only, .as_set = as_set
	};

	assert_int_equal(bgp_aggregates(l->c->bgp, &a, 1, l->net->now), 0);
	bnet_pump(l->net, l->c);
	settle(l);
}

static void announce(struct lab *l, unsigned far, const char *prefix)
{
	bnet_announce(l->net, l->far[far], prefix);
	settle(l);
}

static void unannounce(struct lab *l, unsigned far, const char *prefix)
{
	bnet_unannounce(l->net, l->far[far], prefix);
	settle(l);
}

static bool hears(const struct lab *l, unsigned far, const char *prefix)
{
	return bnet_route(l->far[far], prefix) != NULL;
}

/* It is there while a part is, and told to those only who could be told a part. */
static void test_life(void **state)
{
	struct lab l = lab_new();
	struct bgp_route_view v;

	(void)state;
	aggregate(&l, "172.16.0.0/12", false, false);
	assert_false(hears(&l, SITE, "172.16.0.0/12"));
	announce(&l, LAN1, "172.16.5.0/24");
	assert_true(hears(&l, SITE, "172.16.0.0/12"));
	assert_true(hears(&l, SITE, "172.16.5.0/24"));
	assert_false(hears(&l, OTHER, "172.16.0.0/12")); /* its announce-from names nobody */
	assert_false(hears(&l, LAN2, "172.16.0.0/12"));  /* no transit between LAN routers */
	assert_false(hears(&l, LAN1, "172.16.0.0/12"));  /* nothing in it but its own */
	assert_true(bnet_row(l.far[SITE], BGP_RIB_BEST, "172.16.0.0/12", 1, &v));
	assert_int_equal(v.n_as_path, 1);
	assert_true(bnet_row(l.c, BGP_RIB_WITHHELD, "172.16.0.0/12", OTHER, &v));
	assert_non_null(strstr(v.reason, "none of its parts"));
	unannounce(&l, LAN1, "172.16.5.0/24");
	assert_false(hears(&l, SITE, "172.16.0.0/12"));
	bnet_free(l.net);
}

/* No transit by way of an aggregate: what a site taught us goes to no site, and to a LAN router. */
static void test_no_transit(void **state)
{
	struct lab l = lab_new();

	(void)state;
	announce(&l, SITE, "10.100.1.0/24");
	aggregate(&l, "10.100.0.0/16", false, false);
	assert_true(hears(&l, LAN1, "10.100.0.0/16"));
	assert_false(hears(&l, OTHER, "10.100.0.0/16"));
	assert_false(hears(&l, SITE, "10.100.0.0/16"));
	bnet_announce(l.net, l.c, "10.100.9.0/24"); /* a part of our own: everybody may hear of it */
	settle(&l);
	assert_true(hears(&l, OTHER, "10.100.0.0/16"));
	bnet_free(l.net);
}

/* summary-only withholds the parts from those who are told the whole, and from nobody else. */
static void test_summary_only(void **state)
{
	struct lab l = lab_new();
	struct bgp_route_view v;

	(void)state;
	announce(&l, LAN1, "172.16.5.0/24");
	announce(&l, SITE, "172.16.9.0/24");
	aggregate(&l, "172.16.0.0/12", true, false);
	assert_true(hears(&l, SITE, "172.16.0.0/12"));
	assert_false(hears(&l, SITE, "172.16.5.0/24"));
	assert_false(hears(&l, LAN2, "172.16.9.0/24"));
	assert_true(hears(&l, LAN2, "172.16.0.0/12"));
	assert_true(bnet_row(l.c, BGP_RIB_WITHHELD, "172.16.5.0/24", SITE, &v));
	assert_non_null(strstr(v.reason, "summary-only"));
	aggregate(&l, "172.16.0.0/12", false, false);
	assert_true(hears(&l, SITE, "172.16.5.0/24"));
	aggregate(&l, "172.16.0.0/12", true, false);
	assert_false(hears(&l, SITE, "172.16.5.0/24"));
	assert_int_equal(bgp_aggregates(l.c->bgp, NULL, 0, l.net->now), 0);
	bnet_pump(l.net, l.c);
	settle(&l);
	assert_true(hears(&l, SITE, "172.16.5.0/24"));
	assert_false(hears(&l, SITE, "172.16.0.0/12"));
	bnet_free(l.net);
}

/* Withheld it is told to nobody, and what it hides stays hidden. */
static void test_withheld(void **state)
{
	struct lab l = lab_new();
	struct bgp_aggregate a = {
		.prefix = bnet_prefix("172.16.0.0/12"), .summary_only = true, .withheld = true
	};

	(void)state;
	announce(&l, LAN1, "172.16.5.0/24");
	aggregate(&l, "172.16.0.0/12", true, false);
	assert_true(hears(&l, SITE, "172.16.0.0/12"));
	assert_int_equal(bgp_aggregates(l.c->bgp, &a, 1, l.net->now), 0);
	bnet_pump(l.net, l.c);
	settle(&l);
	assert_false(hears(&l, SITE, "172.16.0.0/12"));
	assert_false(hears(&l, SITE, "172.16.5.0/24"));
	announce(&l, LAN1, "172.16.6.0/24"); /* nor does a new part bring it back */
	assert_false(hears(&l, SITE, "172.16.0.0/12"));
	assert_false(hears(&l, SITE, "172.16.6.0/24"));
	aggregate(&l, "172.16.0.0/12", true, false);
	assert_true(hears(&l, SITE, "172.16.0.0/12"));
	assert_false(hears(&l, SITE, "172.16.6.0/24"));
	assert_int_equal(bgp_aggregates(l.c->bgp, &a, 1, l.net->now), 0);
	bnet_pump(l.net, l.c);
	settle(&l);
	bnet_announce(l.net, l.c, "172.16.0.0/12"); /* as a network of our own it is one all the same */
	settle(&l);
	assert_true(hears(&l, SITE, "172.16.0.0/12"));
	bnet_free(l.net);
}

static void test_as_set(void **state)
{
	struct lab l = lab_new();
	struct bgp_route_view v;

	(void)state;
	announce(&l, LAN1, "172.16.5.0/24");
	aggregate(&l, "172.16.0.0/12", false, true);
	assert_true(bnet_row(l.far[SITE], BGP_RIB_BEST, "172.16.0.0/12", 1, &v));
	assert_int_equal(v.n_as_path, 2);
	assert_int_equal(v.as_path[0], 65001);
	assert_int_equal(v.as_path[1], 65100);
	bnet_free(l.net);
}

/* The worst ORIGIN, and a policy's community. An originated network has attributes of its own, and announcing
 * it as well hides neither. */
static void test_attributes(void **state)
{
	struct lab l = lab_new();
	struct bgp_policy_chain none = { .n = 0 }, chain = { .n = 1 };
	struct bgp_community c;
	struct bgp_policy_rule rule = { .name = "r", .set = { .add = &c, .n_add = 1 } };
	struct prefix p = bnet_prefix("10.20.1.0/24");
	struct bgp_route_view v;

	(void)state;
	assert_int_equal(bgp_community_parse("65001:7", &c), 0);
	chain.policy[0] = bgp_policy_new("p", &rule, 1, BGP_POLICY_NEXT);
	assert_int_equal(bgp_originate(l.c->bgp, &p, 2, &chain, l.net->now), 0);
	aggregate(&l, "10.20.0.0/16", false, false);
	assert_true(bnet_row(l.far[OTHER], BGP_RIB_BEST, "10.20.1.0/24", 1, &v));
	assert_int_equal(v.origin, 2);
	assert_true(bnet_row(l.far[OTHER], BGP_RIB_BEST, "10.20.0.0/16", 1, &v));
	assert_int_equal(v.origin, 2);
	bnet_announce(l.net, l.c, "10.20.1.0/24");
	assert_int_equal(bgp_originate(l.c->bgp, &p, 0, &none, l.net->now), 0);
	bnet_pump(l.net, l.c);
	settle(&l);
	assert_true(bnet_row(l.far[OTHER], BGP_RIB_BEST, "10.20.0.0/16", 1, &v));
	assert_int_equal(v.origin, 0);
	bgp_unoriginate(l.c->bgp, &p, l.net->now);
	bnet_pump(l.net, l.c);
	settle(&l);
	assert_true(hears(&l, OTHER, "10.20.1.0/24")); /* announced still */
	bnet_unannounce(l.net, l.c, "10.20.1.0/24");
	settle(&l);
	assert_false(hears(&l, OTHER, "10.20.1.0/24"));
	assert_false(hears(&l, OTHER, "10.20.0.0/16"));
	bgp_policy_chain_put(&chain);
	bnet_free(l.net);
}

/* A policy that refuses it keeps it from being announced; martians and defaults are no aggregates. */
static void test_refused(void **state)
{
	struct lab l = lab_new();
	struct bgp_policy_chain chain = { { bgp_policy_new("p", NULL, 0, BGP_POLICY_REJECT) }, 1 },
	                        none = { .n = 0 };
	struct prefix p = bnet_prefix("10.20.1.0/24"), martian = bnet_prefix("127.0.0.0/16");
	struct bgp_aggregate bad[] = { { .prefix = bnet_prefix("0.0.0.0/0") },
		{ .prefix = bnet_prefix("10.0.0.1/32") } };

	(void)state;
	assert_int_equal(bgp_originate(l.c->bgp, &p, 0, &none, l.net->now), 0);
	assert_int_equal(bgp_originate(l.c->bgp, &p, 0, &chain, l.net->now), 1);
	assert_int_equal(bgp_originate(l.c->bgp, &martian, 0, &none, l.net->now), -1);
	bnet_pump(l.net, l.c);
	settle(&l);
	assert_false(hears(&l, SITE, "10.20.1.0/24"));
	assert_int_equal(bgp_aggregates(l.c->bgp, &bad[0], 1, l.net->now), -1);
	assert_int_equal(bgp_aggregates(l.c->bgp, &bad[1], 1, l.net->now), -1);
	bgp_policy_chain_put(&chain);
	bnet_free(l.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_no_transit),
		cmocka_unit_test(test_summary_only),
		cmocka_unit_test(test_withheld),
		cmocka_unit_test(test_as_set),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

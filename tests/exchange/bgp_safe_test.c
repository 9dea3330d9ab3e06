/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Safe from the first minute: without a word of policy, what is used and what is told is what the design's
 * list says, for both families and both ways; no policy undoes it. And the options that loosen a rule by
 * name.
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
	struct bgp_peer_config to[LAN2 + 1];
};

static const struct {
	const char *name, *addr;
	uint32_t as;
	enum bgp_kind kind;
} who[LAN2 + 1] = {
	[SITE] = { "azure/t1", "10.100.255.4", 65515, BGP_PEER_SITE },
	[OTHER] = { "azure2/t1", "10.100.255.5", 65515, BGP_PEER_SITE },
	[LAN1] = { "lan1", "192.168.1.1", 65100, BGP_PEER_LAN },
	[LAN2] = { "lan2", "192.168.1.2", 65200, BGP_PEER_LAN },
};

static void settle(struct lab *l)
{
	bnet_pump(l->net, l->c);
	assert_true(bnet_settle(l->net, mdur_s(60)));
	bnet_run(l->net, mdur_s(1));
}

static struct lab lab_new(void)
{
	struct lab l = { .net = bnet_new(21) };
	struct prefix connected[] = { bnet_prefix("10.3.0.0/16"), bnet_prefix("2001:db8:3::/48") };

	l.c = bnet_add(l.net, "c", "10.0.0.10", 65001, "10.0.0.10");
	for (unsigned i = SITE; i <= LAN2; i++) {
		struct bgp_peer_config back =
		    bnet_peer_config("c", BGP_PEER_LAN, who[i].addr, "10.0.0.10", 65001);

		l.far[i] = bnet_add(l.net, who[i].name, who[i].addr, who[i].as, who[i].addr);
		back.mode = BGP_MODE_PASSIVE;
		back.ipv4 = back.ipv6 = back.accept_default = true;
		back.policy.allow_own_as = 5;
		bnet_peer_add(l.far[i], 1, &back);
		bnet_peer_start(l.net, l.far[i], 1);
		l.to[i] = bnet_peer_config(who[i].name, who[i].kind, "10.0.0.10", who[i].addr, who[i].as);
		l.to[i].site = i;
		l.to[i].ipv4 = l.to[i].ipv6 = true;
		bnet_peer_add(l.c, i, &l.to[i]);
		bnet_peer_start(l.net, l.c, i);
	}
	assert_int_equal(bgp_connected(l.c->bgp, connected, 2, l.net->now), 0);
	bnet_announce(l.net, l.c, "10.0.0.0/16");
	bnet_announce(l.net, l.c, "2001:db8:1::/48");
	settle(&l);
	return l;
}

static void update(struct lab *l, unsigned peer)
{
	struct reason why;

	assert_int_equal(bgp_peer_update(l->c->bgp, peer, &l->to[peer], l->net->now, &why), 0);
	settle(l);
}

static const struct {
	const char *prefix;
	bool used;
} from_a_site[] = {
	{ "10.100.0.0/16", true },
	{ "2001:db8:100::/48", true },
	{ "192.168.7.0/24", true }, /* RFC 1918, 5737, 6598 space passes */
	{ "198.51.100.0/24", true },
	{ "100.64.0.0/10", true },
	{ "10.0.0.0/8", true }, /* covers what is ours */
	{ "2001:db8::/32", true },
	{ "0.0.0.0/0", false },
	{ "::/0", false },
	{ "0.0.0.0/8", false },
	{ "0.1.0.0/16", false },
	{ "127.0.0.0/8", false },
	{ "127.0.0.1/32", false },
	{ "169.254.0.0/16", false },
	{ "169.254.169.254/32", false },
	{ "224.0.0.0/4", false },
	{ "239.1.0.0/16", false },
	{ "240.0.0.0/4", false },
	{ "255.255.255.255/32", false },
	{ "::1/128", false },
	{ "::ffff:0:0/96", false },
	{ "fe80::/10", false },
	{ "fe80:1::/32", false },
	{ "ff00::/8", false },
	{ "ff02::1/128", false },
	{ "10.0.0.0/16", false }, /* announced */
	{ "10.0.5.0/24", false },
	{ "2001:db8:1::/48", false },
	{ "2001:db8:1:5::/64", false },
	{ "10.3.0.0/16", false }, /* connected */
	{ "10.3.1.1/32", false },
	{ "2001:db8:3:1::/64", false },
};

/* Also with a policy that accepts all: it comes behind the rules. */
static void test_import(void **state)
{
	struct lab l = lab_new();
	struct bgp_policy_chain all = { { bgp_policy_new("all", NULL, 0, BGP_POLICY_ACCEPT) }, 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(from_a_site) / sizeof(from_a_site[0]); i++)
		bnet_announce(l.net, l.far[SITE], from_a_site[i].prefix);
	settle(&l);
	for (int with_policy = 0; with_policy < 2; with_policy++) {
		for (size_t i = 0; i < sizeof(from_a_site) / sizeof(from_a_site[0]); i++) {
			bool used = bnet_route(l.c, from_a_site[i].prefix) != NULL;
			struct bgp_route_view v;

			if (used != from_a_site[i].used)
				fail_msg("%s is %sused", from_a_site[i].prefix, used ? "" : "not ");
			if (used != !bnet_row(l.c, BGP_RIB_REJECTED, from_a_site[i].prefix, SITE, &v))
				fail_msg("%s is not shown as refused", from_a_site[i].prefix);
		}
		l.to[SITE].policy.import = all;
		update(&l, SITE);
	}
	bgp_policy_chain_put(&all);
	bnet_free(l.net);
}

/* Nothing is told but what is announced, and what the sites teach us to the LAN; never a default or a
 * martian. */
static void test_export(void **state)
{
	struct lab l = lab_new();
	struct bgp_policy_chain all = { { bgp_policy_new("all", NULL, 0, BGP_POLICY_ACCEPT) }, 1 };

	(void)state;
	for (unsigned i = SITE; i <= LAN2; i++)
		l.to[i].accept_default = true; /* used here, and told to nobody all the same */
	for (unsigned i = SITE; i <= LAN2; i++) {
		char net[32], six[32];

		update(&l, i);
		snprintf(net, sizeof(net), "172.%u.0.0/16", 16 + i);
		snprintf(six, sizeof(six), "2001:db8:a%u::/48", i);
		bnet_announce(l.net, l.far[i], net);
		bnet_announce(l.net, l.far[i], six);
		bnet_announce(l.net, l.far[i], "0.0.0.0/0");
		bnet_announce(l.net, l.far[i], "::/0");
		bnet_announce(l.net, l.far[i], "169.254.7.0/24");
	}
	settle(&l);
	for (int with_policy = 0; with_policy < 2; with_policy++) {
		assert_int_equal(
		    bnet_count(l.c, BGP_RIB_ADVERTISED, SITE), 2); /* what we announce, no more */
		assert_int_equal(bnet_count(l.c, BGP_RIB_ADVERTISED, OTHER), 2);
		assert_int_equal(bnet_count(l.c, BGP_RIB_ADVERTISED, LAN1), 2 + 4);
		assert_int_equal(bnet_count(l.c, BGP_RIB_ADVERTISED, LAN2), 2 + 4);
		assert_non_null(bnet_route(l.c, "0.0.0.0/0"));
		for (unsigned i = SITE; i <= LAN2; i++) {
			struct bgp_route_view v;

			assert_false(bnet_row(l.c, BGP_RIB_ADVERTISED, "0.0.0.0/0", i, &v));
			l.to[i].policy.export = all;
			update(&l, i);
		}
	}
	bgp_policy_chain_put(&all);
	bnet_free(l.net);
}

/* Two sites of one AS behind us: the LAN's route is theirs to see with as-override, by allow-own-as of
 * theirs. */
static void test_path_options(void **state)
{
	struct lab l = lab_new();
	struct bgp_route_view v;

	(void)state;
	l.to[LAN1].policy.allow_own_as = 0;
	bnet_announce(l.net, l.far[SITE], "10.100.0.0/16"); /* path 65515 */
	settle(&l);
	assert_true(bnet_row(l.far[LAN1], BGP_RIB_BEST, "10.100.0.0/16", 1, &v));
	assert_int_equal(v.n_as_path, 2);
	l.to[LAN1].policy.remove_private_as = true;
	update(&l, LAN1);
	assert_true(bnet_row(l.far[LAN1], BGP_RIB_BEST, "10.100.0.0/16", 1, &v));
	assert_int_equal(v.n_as_path, 1); /* ours alone */
	assert_int_equal(v.as_path[0], 65001);
	bnet_free(l.net);
}

/* The peer's AS in a path: withheld, and told with ours in its place where as-override says so. */
static void test_as_override(void **state)
{
	struct lab l = lab_new();
	struct bgp_policy_rule rule = { .name = "r", .set = { .prepend = 1, .prepend_as = 65200 } };
	struct bgp_route_view v;

	(void)state;
	l.to[SITE].policy.import =
	    (struct bgp_policy_chain){ { bgp_policy_new("p", &rule, 1, BGP_POLICY_NEXT) }, 1 };
	update(&l, SITE);
	bnet_announce(l.net, l.far[SITE], "10.100.0.0/16"); /* path 65200 65515 here */
	settle(&l);
	assert_non_null(bnet_route(l.far[LAN1], "10.100.0.0/16"));
	assert_null(bnet_route(l.far[LAN2], "10.100.0.0/16"));
	assert_true(bnet_row(l.c, BGP_RIB_WITHHELD, "10.100.0.0/16", LAN2, &v));
	assert_non_null(strstr(v.reason, "AS is in the AS path"));
	l.to[LAN2].policy.as_override = true;
	update(&l, LAN2);
	assert_true(bnet_row(l.far[LAN2], BGP_RIB_BEST, "10.100.0.0/16", 1, &v));
	assert_int_equal(v.n_as_path, 3);
	assert_int_equal(v.as_path[1], 65001);
	bgp_policy_chain_put(&l.to[SITE].policy.import);
	bnet_free(l.net);
}

/* Our own AS in a path: a loop, unless that many are allowed. */
static void test_allow_own_as(void **state)
{
	struct lab l = lab_new();
	struct bgp_policy_rule rule = { .name = "r", .set = { .prepend = 1, .prepend_as = 65001 } };
	struct bgp_peer_config back = bnet_peer_config("c", BGP_PEER_LAN, who[SITE].addr, "10.0.0.10", 65001);
	struct reason why;

	(void)state;
	back.mode = BGP_MODE_PASSIVE;
	back.ipv4 = back.ipv6 = true;
	back.policy.export =
	    (struct bgp_policy_chain){ { bgp_policy_new("p", &rule, 1, BGP_POLICY_NEXT) }, 1 };
	assert_int_equal(bgp_peer_update(l.far[SITE]->bgp, 1, &back, l.net->now, &why), 0);
	bnet_announce(l.net, l.far[SITE], "10.100.0.0/16"); /* path 65515 65001 */
	settle(&l);
	assert_null(bnet_route(l.c, "10.100.0.0/16"));
	l.to[SITE].policy.allow_own_as = 1;
	update(&l, SITE);
	assert_non_null(bnet_route(l.c, "10.100.0.0/16"));
	l.to[SITE].policy.allow_own_as = 0;
	update(&l, SITE);
	assert_null(bnet_route(l.c, "10.100.0.0/16"));
	bgp_policy_chain_put(&back.policy.export);
	bnet_free(l.net);
}

/* Weight is ours: it beats the local preference, and nobody is told. A change of policy needs no session. */
static void test_weight(void **state)
{
	struct lab l = lab_new();
	struct bgp_policy_rule rule = { .name = "r", .set = { .have_weight = true, .weight = 10 } };
	struct bgp_policy_rule far = { .name = "f", .set = { .have_local_pref = true, .local_pref = 500 } };
	struct bgp_policy_chain heavy = { { bgp_policy_new("heavy", &rule, 1, BGP_POLICY_NEXT) }, 1 },
	                        preferred = { { bgp_policy_new("preferred", &far, 1, BGP_POLICY_NEXT) }, 1 };
	struct bgp_route_view v;

	(void)state;
	bnet_announce(l.net, l.far[SITE], "10.100.0.0/16");
	bnet_announce(l.net, l.far[OTHER], "10.100.0.0/16");
	l.to[OTHER].policy.import = preferred;
	update(&l, OTHER);
	assert_int_equal(bnet_route(l.c, "10.100.0.0/16")->route.path[0].peer, OTHER);
	l.to[SITE].policy.import = heavy;
	update(&l, SITE);
	assert_int_equal(bnet_route(l.c, "10.100.0.0/16")->route.path[0].peer, SITE);
	assert_true(bnet_row(l.c, BGP_RIB_BEST, "10.100.0.0/16", OTHER, &v));
	assert_non_null(strstr(v.reason, "lower weight"));
	assert_true(bnet_row(l.c, BGP_RIB_RECEIVED, "10.100.0.0/16", OTHER, &v));
	assert_int_equal(v.local_pref, 100);
	assert_int_equal(bnet_view(l.c, SITE).established_count, 1);
	bgp_policy_chain_put(&heavy);
	bgp_policy_chain_put(&preferred);
	bnet_free(l.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_export),
		cmocka_unit_test(test_path_options),
		cmocka_unit_test(test_as_override),
		cmocka_unit_test(test_allow_own_as),
		cmocka_unit_test(test_weight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

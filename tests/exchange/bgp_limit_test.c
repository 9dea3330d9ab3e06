/* SPDX-License-Identifier: Apache-2.0 */
/* How many prefixes a peer may send, and how many it bears: two speakers. */
#include "tests/support/bgp_net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct lab {
	struct bnet *net;
	struct bnet_node *a, *b;
	struct bgp_peer_config config; /* a's */
};

static void settle(struct lab *l)
{
	assert_true(bnet_settle(l->net, mdur_s(60)));
	bnet_run(l->net, mdur_s(1));
}

static struct lab lab_new(enum bgp_limit_action action, unsigned max_in, unsigned max_out)
{
	struct lab l = { .net = bnet_new(11) };
	struct bgp_peer_config back = bnet_peer_config("a", BGP_PEER_LAN, "10.0.0.2", "10.0.0.1", 65001);

	l.a = bnet_add(l.net, "a", "10.0.0.1", 65001, "10.0.0.1");
	l.b = bnet_add(l.net, "b", "10.0.0.2", 65002, "10.0.0.2");
	l.config = bnet_peer_config("b", BGP_PEER_SITE, "10.0.0.1", "10.0.0.2", 65002);
	l.config.max_prefixes = max_in;
	l.config.limits = (struct bgp_limits){ .action = action, .max_out = max_out, .restart = mdur_s(20) };
	bnet_peer_add(l.a, 1, &l.config);
	bnet_peer_add(l.b, 1, &back);
	bnet_peer_start(l.net, l.a, 1);
	bnet_peer_start(l.net, l.b, 1);
	settle(&l);
	return l;
}

static const char *net(unsigned i)
{
	static char text[4][32];
	static unsigned at;

	snprintf(text[++at % 4], sizeof(text[0]), "10.%u.0.0/16", 100 + i);
	return text[at % 4];
}

static void announce(struct lab *l, struct bnet_node *n, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		bnet_announce(l->net, n, net(i));
		settle(l);
	}
}

static void unannounce(struct lab *l, struct bnet_node *n, unsigned i)
{
	bnet_unannounce(l->net, n, net(i));
	settle(l);
}

static void update(struct lab *l)
{
	struct reason why;

	assert_int_equal(bgp_peer_update(l->a->bgp, 1, &l->config, l->net->now, &why), 0);
	bnet_pump(l->net, l->a);
	settle(l);
}

/* The newest wait, the oldest that waits goes when there is room, and the peer never has more than it bears.
 */
static void test_out(void **state)
{
	struct lab l = lab_new(BGP_LIMIT_RESET, 0, 5);
	struct bgp_route_view v;

	(void)state;
	announce(&l, l.a, 0, 3);
	assert_int_equal(l.a->peer[1].reports, 0);
	announce(&l, l.a, 3, 4);
	assert_string_equal(l.a->peer[1].report.id, "bgp-max-prefixes-out-near");
	announce(&l, l.a, 4, 8);
	assert_string_equal(l.a->peer[1].report.id, "bgp-max-prefixes-out");
	assert_int_equal(l.a->peer[1].reports, 2); /* once each */
	assert_int_equal(bnet_view(l.b, 1).received, 5);
	assert_int_equal(bnet_view(l.a, 1).held_back, 3);
	assert_true(bnet_row(l.a, BGP_RIB_WITHHELD, net(5), 1, &v));
	assert_non_null(strstr(v.reason, "bgp-out-limit"));
	unannounce(&l, l.a, 6); /* one of those that wait: makes no room */
	assert_int_equal(bnet_view(l.a, 1).held_back, 2);
	assert_null(bnet_route(l.b, net(5)));
	unannounce(&l, l.a, 2);
	assert_non_null(bnet_route(l.b, net(5))); /* the one that waited longest */
	assert_null(bnet_route(l.b, net(7)));
	assert_int_equal(bnet_view(l.b, 1).received, 5);
	assert_int_equal(bnet_view(l.a, 1).held_back, 1);
	bnet_free(l.net);
}

/* A limit that changes in a running session, both ways; and none. */
static void test_out_changes(void **state)
{
	struct lab l = lab_new(BGP_LIMIT_RESET, 0, 0);

	(void)state;
	announce(&l, l.a, 0, 6);
	assert_int_equal(bnet_view(l.b, 1).received, 6);
	l.config.limits.max_out = 4;
	update(&l);
	assert_int_equal(bnet_view(l.b, 1).received, 4);
	assert_int_equal(bnet_view(l.a, 1).held_back, 2);
	l.config.limits.max_out = 3;
	update(&l);
	assert_int_equal(bnet_view(l.b, 1).received, 3);
	assert_non_null(bnet_route(l.b, net(0)));
	l.config.limits.max_out = 5;
	update(&l);
	assert_int_equal(bnet_view(l.b, 1).received, 5);
	l.config.limits.max_out = 0;
	update(&l);
	assert_int_equal(bnet_view(l.b, 1).received, 6);
	assert_int_equal(bnet_view(l.a, 1).held_back, 0);
	assert_int_equal(bnet_view(l.a, 1).established_count, 1);
	bnet_free(l.net);
}

/* A new session starts with the same limit, and what an export policy refuses takes no room. */
static void test_out_again(void **state)
{
	struct lab l = lab_new(BGP_LIMIT_RESET, 0, 2);
	struct bgp_prefix_entry first = { bnet_prefix("10.100.0.0/16"), 16, 16, true },
	                        rest = { bnet_prefix("0.0.0.0/0"), 0, 32, false };
	struct bgp_prefix_entry e[2] = { first, rest };
	struct bgp_prefix_list *list = bgp_prefix_list_new(e, 2);
	struct bgp_policy_rule rule = { .name = "r", .match.prefixes = list };

	(void)state;
	announce(&l, l.a, 0, 4);
	bnet_reset(l.net, l.a, l.b);
	assert_true(bnet_until_state(l.net, mdur_s(60), l.a, 1, BGP_ESTABLISHED));
	settle(&l);
	assert_int_equal(bnet_view(l.b, 1).received, 2);
	l.config.policy.export =
	    (struct bgp_policy_chain){ { bgp_policy_new("p", &rule, 1, BGP_POLICY_NEXT) }, 1 };
	update(&l);
	assert_int_equal(bnet_view(l.b, 1).received, 2);
	assert_null(bnet_route(l.b, net(0)));
	assert_non_null(bnet_route(l.b, net(2)));
	assert_int_equal(bnet_view(l.a, 1).held_back, 1);
	bgp_policy_chain_put(&l.config.policy.export);
	bgp_prefix_list_put(list);
	bnet_free(l.net);
}

static void test_in_discard(void **state)
{
	struct lab l = lab_new(BGP_LIMIT_DISCARD, 5, 0);
	struct bgp_route_view v;

	(void)state;
	announce(&l, l.b, 0, 4);
	assert_string_equal(l.a->peer[1].report.id, "bgp-max-prefixes-near");
	announce(&l, l.b, 4, 7);
	assert_string_equal(l.a->peer[1].report.id, "bgp-max-prefixes-over");
	assert_int_equal(bnet_view(l.a, 1).received, 7);
	assert_int_equal(bnet_view(l.a, 1).accepted, 5);
	assert_true(bnet_row(l.a, BGP_RIB_REJECTED, net(6), 1, &v));
	assert_non_null(strstr(v.reason, "max-prefixes"));
	unannounce(&l, l.b, 0);
	assert_int_equal(bnet_view(l.a, 1).accepted, 5);
	assert_int_equal(bnet_view(l.a, 1).established_count, 1);
	l.config.max_prefixes = 0;
	update(&l);
	assert_int_equal(bnet_view(l.a, 1).accepted, 6);
	bnet_free(l.net);
}

/* Room that no withdrawal made: one of those accepted is refused from now on for another reason. */
static void test_in_room(void **state)
{
	struct lab l = lab_new(BGP_LIMIT_DISCARD, 3, 0);
	struct prefix p = bnet_prefix(net(0));

	(void)state;
	announce(&l, l.b, 0, 5);
	assert_int_equal(bnet_view(l.a, 1).accepted, 3);
	assert_int_equal(bgp_connected(l.a->bgp, &p, 1, l.net->now), 0);
	settle(&l);
	assert_int_equal(bnet_view(l.a, 1).accepted, 3);
	assert_null(bnet_route(l.a, net(0)));
	assert_non_null(bnet_route(l.a, net(3)));
	bnet_free(l.net);
}

static void test_in_warn(void **state)
{
	struct lab l = lab_new(BGP_LIMIT_WARN, 2, 0);

	(void)state;
	announce(&l, l.b, 0, 4);
	assert_string_equal(l.a->peer[1].report.id, "bgp-max-prefixes-over");
	assert_int_equal(bnet_view(l.a, 1).accepted, 4);
	assert_int_equal(l.a->peer[1].falls, 0);
	bnet_free(l.net);
}

/* The session is left alone for as long as it says. */
static void test_in_reset(void **state)
{
	struct lab l = lab_new(BGP_LIMIT_RESET, 2, 0);

	(void)state;
	announce(&l, l.b, 0, 2);
	bnet_announce(l.net, l.b, net(2));
	bnet_run(l.net, mdur_s(5));
	assert_int_equal(l.a->peer[1].falls, 1);
	assert_string_equal(l.a->peer[1].why.id, "bgp-max-prefixes");
	bnet_unannounce(l.net, l.b, net(2));
	assert_false(bnet_until_state(l.net, mdur_s(9), l.a, 1, BGP_ESTABLISHED));
	assert_true(bnet_until_state(l.net, mdur_s(40), l.a, 1, BGP_ESTABLISHED));
	bnet_free(l.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_out),
		cmocka_unit_test(test_out_changes),
		cmocka_unit_test(test_out_again),
		cmocka_unit_test(test_in_discard),
		cmocka_unit_test(test_in_room),
		cmocka_unit_test(test_in_warn),
		cmocka_unit_test(test_in_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

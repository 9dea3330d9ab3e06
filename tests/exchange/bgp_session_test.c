/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions between speakers: coming up, falling and coming back, under delays, cuts and crossings by seed. */
#include "tests/support/bgp_net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SEEDS 40

struct pair {
	struct bnet *net;
	struct bnet_node *a, *b; /* on-premises, cloud */
};

static struct bgp_peer_config config_a(void)
{
	struct bgp_peer_config c = bnet_peer_config("azure/t1", BGP_PEER_SITE, "10.0.0.10", "10.100.255.254", 65515);

	c.ipv4 = c.ipv6 = true;
	c.nexthop_v6 = bnet_addr("2001:db8:a::1");
	return c;
}

static struct bgp_peer_config config_b(void)
{
	struct bgp_peer_config c = bnet_peer_config("onprem", BGP_PEER_LAN, "10.100.255.254", "10.0.0.10", 65001);

	c.ipv4 = c.ipv6 = true;
	c.nexthop_v6 = bnet_addr("2001:db8:b::1");
	return c;
}

static struct pair pair_new(uint32_t seed, const struct bgp_peer_config *ca, const struct bgp_peer_config *cb)
{
	struct pair p = { .net = bnet_new(seed) };

	p.a = bnet_add(p.net, "a", "10.0.0.10", 65001, "10.0.0.10");
	p.b = bnet_add(p.net, "b", "10.100.255.254", 65515, "10.100.255.254");
	bnet_peer_add(p.a, 1, ca);
	bnet_peer_add(p.b, 1, cb);
	p.net->cut = seed % 3 ? 7 * (seed % 11) + 1 : 0;
	bnet_announce(p.net, p.a, "10.0.0.0/16");
	bnet_announce(p.net, p.a, "2001:db8:a::/48");
	bnet_announce(p.net, p.b, "10.100.0.0/16");
	bnet_announce(p.net, p.b, "2001:db8:b::/48");
	return p;
}

static struct pair pair_up(uint32_t seed)
{
	struct bgp_peer_config ca = config_a(), cb = config_b();
	struct pair p = pair_new(seed, &ca, &cb);

	bnet_peer_start(p.net, p.a, 1);
	bnet_peer_start(p.net, p.b, 1);
	return p;
}

static bool have_all(struct bnet *net, void *arg)
{
	const struct pair *p = arg;

	(void)net;
	return bnet_route(p->a, "10.100.0.0/16") && bnet_route(p->a, "2001:db8:b::/48") &&
	    bnet_route(p->b, "10.0.0.0/16") && bnet_route(p->b, "2001:db8:a::/48") && p->a->peer[1].eor[0] &&
	    p->a->peer[1].eor[1] && p->b->peer[1].eor[0] && p->b->peer[1].eor[1];
}

static void test_up(void **state)
{
	unsigned clean = 0;

	(void)state;
	for (uint32_t seed = 1; seed <= SEEDS; seed++) {
		struct pair p = pair_up(seed);
		const struct bgp_action *r;
		struct bgp_peer_view v;
		struct addr nh;
		unsigned falls;

		assert_true(bnet_until(p.net, mdur_s(30), have_all, &p));
		r = bnet_route(p.a, "10.100.0.0/16");
		nh = bnet_addr("10.100.255.254");
		assert_int_equal(r->route.n, 1);
		assert_int_equal(r->route.path[0].peer, 1);
		assert_true(addr_eq(&r->route.path[0].nexthop, &nh));
		r = bnet_route(p.a, "2001:db8:b::/48");
		nh = bnet_addr("2001:db8:b::1");
		assert_true(addr_eq(&r->route.path[0].nexthop, &nh));
		v = bnet_view(p.a, 1);
		assert_int_equal(v.state, BGP_ESTABLISHED);
		assert_int_equal(v.remote_as, 65515);
		assert_int_equal(mdur_to_s(v.hold_time), 30);
		assert_int_equal(v.received, 2);
		assert_int_equal(v.accepted, 2);
		assert_int_equal(v.advertised, 2);
		assert_true(v.four_octet_as && v.route_refresh && v.ipv4 && v.ipv6 && v.eor_in[0] && v.eor_in[1]);
		/* An hour of quiet: keepalives hold the session. (A collision may have cost a first one.) */
		falls = p.a->peer[1].falls + p.b->peer[1].falls;
		assert_true(falls <= 2);
		bnet_run(p.net, mdur_s(3600));
		assert_int_equal(p.a->peer[1].falls + p.b->peer[1].falls, falls);
		assert_int_equal(bnet_view(p.a, 1).state, BGP_ESTABLISHED);
		assert_int_equal(bnet_view(p.b, 1).state, BGP_ESTABLISHED);
		clean += falls == 0;
		bnet_free(p.net);
	}
	assert_true(clean > SEEDS * 3 / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storms: sessions that fall and come back by the thousand in every way there is, routes that flap, peers
 * that refuse again and again. Nothing grows, nothing is left behind, each change is used as soon as it is
 * there (damping is off unless configured), and attempts to connect keep their distance.
 */
#include "tests/support/bgp_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FALLS  5000
#define ROUTES 40

struct pair {
	struct bnet *net;
	struct bnet_node *a, *b, *c; /* the edge, its gateway, a router behind the edge */
};

static void link_up(struct pair *p, struct bnet_node *n, uint32_t id, struct bgp_peer_config c)
{
	c.ipv4 = true;
	bnet_peer_add(n, id, &c);
	bnet_peer_start(p->net, n, id);
}

static struct pair pair_new(void)
{
	struct pair p = { .net = bnet_new(1) };
	char text[32];

	p.a = bnet_add(p.net, "a", "10.0.0.10", 65001, "10.0.0.10");
	p.b = bnet_add(p.net, "b", "10.100.255.254", 65515, "10.100.255.254");
	p.c = bnet_add(p.net, "c", "192.168.0.1", 65100, "192.168.0.1");
	link_up(&p, p.a, 1, bnet_peer_config("b", BGP_PEER_SITE, "10.0.0.10", "10.100.255.254", 65515));
	link_up(&p, p.b, 1, bnet_peer_config("a", BGP_PEER_LAN, "10.100.255.254", "10.0.0.10", 65001));
	link_up(&p, p.a, 2, bnet_peer_config("c", BGP_PEER_LAN, "10.0.0.10", "192.168.0.1", 65100));
	link_up(&p, p.c, 1, bnet_peer_config("a", BGP_PEER_LAN, "192.168.0.1", "10.0.0.10", 65001));
	for (unsigned i = 0; i < ROUTES; i++) {
		snprintf(text, sizeof(text), "10.100.%u.0/24", i);
		bnet_announce(p.net, p.b, text);
	}
	return p;
}

static bool c_has_all(struct bnet *net, void *arg)
{
	const struct pair *p = arg;

	(void)net;
	return bnet_view(p->c, 1).received == ROUTES;
}

static struct bgp_memory memory(const struct bnet_node *n)
{
	struct bgp_memory m;

	bgp_memory(n->bgp, &m);
	return m;
}

static void fall(struct pair *p, unsigned how)
{
	switch (how % 5) {
	case 0: bnet_reset(p->net, p->a, p->b); break;
	case 1:
		bnet_break_after(p->net, p->a, p->b, how % 97);
		break; /* in the middle of a table, or an OPEN */
	case 2: bgp_peer_path_lost(p->a->bgp, 1, NULL, p->net->now); break;
	case 3: bgp_peer_stop(p->a->bgp, 1, BGP_CEASE_SHUTDOWN, NULL, p->net->now); break;
	case 4: bgp_peer_stop(p->b->bgp, 1, BGP_CEASE_RESET, NULL, p->net->now); break;
	}
	bnet_pump(p->net, p->a);
	bnet_pump(p->net, p->b);
}

static void test_sessions(void **state)
{
	struct pair p = pair_new();
	struct bgp_memory first = { 0 }, last;

	(void)state;
	assert_true(bnet_until(p.net, mdur_s(60), c_has_all, &p));
	for (unsigned i = 0; i < FALLS; i++) {
		fall(&p, i);
		bnet_run(p.net, mdur_ms(i % 300)); /* some fall again before they stand */
		bnet_peer_start(p.net, p.a, 1);
		bnet_peer_start(p.net, p.b, 1);
		if (i % 10)
			continue;
		if (!bnet_until(p.net, mdur_s(120), c_has_all, &p))
			fail_msg("fall %u: %u of %u routes came back", i, bnet_view(p.c, 1).received, ROUTES);
		if (i == 300) /* all kinds have been seen, and every table has its size */
			first = memory(p.a);
	}
	assert_true(bnet_until(p.net, mdur_s(120), c_has_all, &p));
	bnet_run(p.net, mdur_s(60));
	assert_true(c_has_all(p.net, &p));
	last = memory(p.a);
	assert_int_equal(last.prefixes, first.prefixes);
	assert_int_equal(last.routes, first.routes);
	assert_int_equal(last.attribute_sets, first.attribute_sets);
	assert_true(last.prefix_bytes <= first.prefix_bytes && last.route_bytes <= first.route_bytes);
	assert_true(last.advertised_bytes <= first.advertised_bytes);
	assert_int_equal(bnet_connections(p.net, p.a, p.b), 1);
	assert_int_equal(p.c->peer[1].falls, 0); /* nobody else has felt it */
	bnet_free(p.net);
}

/* A route that comes and goes by the thousand: used each time, and told on each time; what changes faster
 * than anybody looks is told as it is in the end. */
static void test_routes(void **state)
{
	struct pair p = pair_new();
	uint64_t told;

	(void)state;
	assert_true(bnet_until(p.net, mdur_s(60), c_has_all, &p));
	bnet_run(p.net, mdur_s(30));
	for (unsigned i = 0; i < 2000; i++) {
		bnet_announce(p.net, p.b, "10.101.0.0/16");
		bnet_run(p.net, mdur_ms(60)); /* two hops of at most 21 ms */
		if (!bnet_route(p.a, "10.101.0.0/16") || !bnet_route(p.c, "10.101.0.0/16"))
			fail_msg("flap %u: not used at once", i);
		bnet_unannounce(p.net, p.b, "10.101.0.0/16");
		bnet_run(p.net, mdur_ms(60));
		if (bnet_route(p.a, "10.101.0.0/16") || bnet_route(p.c, "10.101.0.0/16"))
			fail_msg("flap %u: used when it was gone", i);
	}
	assert_int_equal(p.a->peer[1].falls + p.a->peer[2].falls, 0);
	told = p.b->updates_out;
	for (unsigned i = 0; i < 500; i++) {
		bnet_announce(p.net, p.b, "10.101.0.0/16");
		bnet_unannounce(p.net, p.b, "10.101.0.0/16");
	}
	bnet_run(p.net, mdur_s(1));
	assert_true(p.b->updates_out - told <= 2);
	assert_null(bnet_route(p.c, "10.101.0.0/16"));
	bnet_free(p.net);
}

/* --- distance (RFC 4271 8.2.1.1, 10) --- */
/* Nobody listens there, or nothing answers at all: an attempt each connect-retry (5 s, of which jitter takes
 * a quarter at most). */
static void test_attempts(void **state)
{
	(void)state;
	for (unsigned silent = 0; silent < 2; silent++) {
		struct bgp_peer_config c = lab_config();
		struct bnet *net = bnet_new(3);
		struct bnet_node *a = bnet_add(net, "a", LAB_OURS, 65001, LAB_OURS),
		                 *x = bnet_add(net, "x", silent ? LAB_THEIRS : "192.0.2.1", 0, NULL);

		c.mode = BGP_MODE_BOTH;
		bnet_peer_add(a, 1, &c);
		bnet_dark(net, a, x, true);
		bnet_peer_start(net, a, 1);
		bnet_run(net, mdur_s(3600));
		assert_in_range(a->connects, 700, 970);
		assert_int_equal(a->peer[1].reports, silent);
		bnet_free(net);
	}
}

/* Each session ends with an error: farther and farther apart, 16 s at most, until one has stood for a minute.
 */
static void test_errors(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct lab l = lab_new(&c);
	struct open_msg o = lab_open();
	unsigned accepted = 0;

	(void)state;
	for (unsigned i = 0; i < 3600 * 2; i++) { /* x tries twice a second for an hour */
		unsigned opens = (unsigned)bnet_view(l.a, 1).msg_out[BGP_MSG_OPEN];

		bnet_raw_connect(l.net, l.x, LAB_THEIRS, LAB_OURS);
		lab_run_ms(&l, 100);
		if ((unsigned)bnet_view(l.a, 1).msg_out[BGP_MSG_OPEN] != opens) {
			accepted++;
			raw_message(l.net, l.x, BGP_MSG_OPEN, "04 ffea 005a 0a64fffe 00"); /* another AS */
		}
		lab_run_ms(&l, 400);
		raw_keepalive(l.net, l.x);
	}
	assert_in_range(accepted, 3600 / 17, 3600 / 12 + 10);
	lab_run_ms(&l, 20000);
	lab_establish(&l, &o);
	for (unsigned i = 0; i < 8; i++) {
		lab_run_ms(&l, 9000);
		raw_keepalive(l.net, l.x);
	}
	raw_message(l.net, l.x, BGP_MSG_UPDATE, "0004 0000"); /* a reset */
	lab_run_ms(&l, 1200);
	lab_establish(&l, &o); /* a second later again: the hour before is forgiven */
	bnet_free(l.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_attempts),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

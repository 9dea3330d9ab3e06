/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many routes: packing by attribute set, flow control, budgets, a peer that does not read, a table that goes
 * away at once. One far end is played by the test, so that its table can be as large as it likes.
 */
#include "bgp/nlri.h"
#include "tests/support/bgp_raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ROUTES    20000
#define SETS      100
#define SITE_ADDR "10.100.255.254"
#define PER_MSG   900

struct lab {
	struct bnet *net;
	struct bnet_node *c, *x, *lan1, *lan2;
};

static struct prefix nth(unsigned i)
{
	struct addr a = addr_v4(0x14000000u + (i << 8)); /* 20.0.0.0/24 and on */

	return (struct prefix){ .addr = a, .len = 24 };
}

static struct bnet_node *add_lan(struct lab *l, uint32_t id, const char *addr, uint32_t as)
{
	struct bgp_peer_config out = bnet_peer_config(addr, BGP_PEER_LAN, "10.0.0.10", addr, as);
	struct bgp_peer_config back = bnet_peer_config("c", BGP_PEER_LAN, addr, "10.0.0.10", 65001);
	struct bnet_node *n = bnet_add(l->net, addr, addr, as, addr);

	bnet_peer_add(l->c, id, &out);
	bnet_peer_add(n, 1, &back);
	bnet_peer_start(l->net, l->c, id);
	bnet_peer_start(l->net, n, 1);
	return n;
}

static struct lab lab_new(uint32_t seed, size_t window)
{
	struct bgp_peer_config site = bnet_peer_config("gw", BGP_PEER_SITE, "10.0.0.10", SITE_ADDR, 65515);
	struct open_msg o = raw_open_msg(65515, SITE_ADDR);
	struct lab l = { .net = bnet_new(seed) };

	l.net->window = window;
	l.net->delay_ms = 3;
	l.c = bnet_add(l.net, "c", "10.0.0.10", 65001, "10.0.0.10");
	l.x = bnet_add(l.net, "x", SITE_ADDR, 0, NULL);
	site.mode = BGP_MODE_PASSIVE;
	bnet_peer_add(l.c, 1, &site);
	bnet_peer_start(l.net, l.c, 1);
	l.lan1 = add_lan(&l, 2, "192.168.1.1", 65100);
	l.lan2 = add_lan(&l, 3, "192.168.1.2", 65200);
	bnet_run(l.net, mdur_s(10));
	o.hold_time = 0;
	bnet_raw_connect(l.net, l.x, SITE_ADDR, "10.0.0.10");
	bnet_run(l.net, mdur_ms(100));
	raw_open(l.net, l.x, &o);
	raw_keepalive(l.net, l.x);
	bnet_run(l.net, mdur_s(1));
	assert_int_equal(l.c->peer[1].state, BGP_ESTABLISHED);
	return l;
}

/* A message with `n` routes from `from` on, of attribute set `set`; attrs NULL: withdrawn. */
static void tell(struct lab *l, unsigned from, unsigned n, unsigned set, bool withdraw)
{
	uint8_t buf[BGP_MESSAGE_MAX], path[16];
	struct wr w = wr_init(path, sizeof(path));
	struct attrs a = { .nexthop = bnet_addr(SITE_ADDR), .have_med = true, .med = set };
	struct attr_context ctx = { .four_octet = true };
	struct update_builder b;

	as_path_prepend((struct bytes){ NULL, 0 }, 65515, &w);
	a.as_path = (struct bytes){ path, wr_len(&w) };
	a.communities = (struct bytes){ (const uint8_t *)"\xff\xeb\x00\x07", 4 };
	a.communities.len = set % 2 ? 4 : 0;
	a.origin = (uint8_t)(set % 3);
	assert_true(update_begin(&b, buf, sizeof(buf), BGP_IPV4, withdraw ? NULL : &a, &ctx));
	for (unsigned i = 0; i < n; i++) {
		struct prefix p = nth(from + i);

		assert_true(update_add(&b, &p));
	}
	bnet_raw_write(l->net, l->x, buf, update_end(&b));
}

static void tell_all(struct lab *l, bool withdraw)
{
	for (unsigned i = 0; i < ROUTES; i += PER_MSG)
		tell(l, i, ROUTES - i < PER_MSG ? ROUTES - i : PER_MSG, i / PER_MSG, withdraw);
}

static void check_all(const struct bnet_node *n, size_t want)
{
	assert_int_equal(ptrie_count(n->routes), want);
}

static void test_many(void **state)
{
	struct lab l = lab_new(1, 16384);
	struct bgp_memory memory;
	uint64_t updates;

	(void)state;
	tell_all(&l, false);
	assert_true(bnet_settle(l.net, mdur_s(60)));
	bnet_run(l.net, mdur_s(5));
	check_all(l.c, ROUTES);
	check_all(l.lan1, ROUTES);
	check_all(l.lan2, ROUTES);
	assert_int_equal(bnet_view(l.c, 2).advertised, ROUTES);
	assert_int_equal(bnet_count(l.c, BGP_RIB_ADVERTISED, 2), ROUTES);
	assert_int_equal(bnet_count(l.c, BGP_RIB_BEST, 0), ROUTES);
	assert_int_equal(bnet_count(l.lan1, BGP_RIB_RECEIVED, 1), ROUTES);
	/* MED stays behind, so no more than six attribute sets go on: messages are well filled. */
	assert_true(bnet_view(l.c, 2).msg_out[2] < 2 * ROUTES / PER_MSG + 12);

	/* What it takes is told, and little of it. */
	bgp_memory(l.c->bgp, &memory);
	assert_int_equal(memory.prefixes, ROUTES);
	assert_int_equal(memory.routes, ROUTES);
	assert_in_range(memory.attribute_sets, ROUTES / PER_MSG, 4 * (ROUTES / PER_MSG));
	assert_in_range(memory.prefix_bytes, ROUTES * 40, ROUTES * 60);
	assert_in_range(memory.route_bytes, ROUTES * 16, ROUTES * 20);
	assert_in_range(memory.advertised_bytes, 2 * ROUTES * 12, 2 * ROUTES * 16);

	/* A refresh says all of it again, and nothing more. */
	updates = bnet_view(l.c, 2).msg_out[2];
	assert_int_equal(bgp_peer_refresh(l.lan1->bgp, 1, l.net->now), 0);
	bnet_pump(l.net, l.lan1);
	bnet_run(l.net, mdur_s(5));
	assert_in_range(bnet_view(l.c, 2).msg_out[2] - updates, ROUTES / 1020, 2 * ROUTES / PER_MSG + 12);
	check_all(l.lan1, ROUTES);

	/* All gone at once, with the site's session. */
	bnet_raw_close(l.net, l.x);
	bnet_run(l.net, mdur_s(5));
	check_all(l.c, 0);
	check_all(l.lan1, 0);
	check_all(l.lan2, 0);
	assert_int_equal(bnet_view(l.c, 2).advertised, 0);
	bnet_free(l.net);
}

static void test_change_and_withdraw(void **state)
{
	struct lab l = lab_new(2, 65536);

	(void)state;
	tell_all(&l, false);
	tell_all(&l, true); /* on its heels */
	for (unsigned i = 0; i < SETS; i++)
		tell(&l, i, 1, i, false);
	bnet_run(l.net, mdur_s(10));
	check_all(l.c, SETS);
	check_all(l.lan1, SETS);
	check_all(l.lan2, SETS);
	/* The same again changes nothing and says nothing. */
	uint64_t updates = bnet_view(l.c, 2).msg_out[2], told = l.c->route_actions;

	for (unsigned i = 0; i < SETS; i++)
		tell(&l, i, 1, i, false);
	bnet_run(l.net, mdur_s(10));
	assert_int_equal(bnet_view(l.c, 2).msg_out[2], updates);
	assert_int_equal(l.c->route_actions, told);
	bnet_free(l.net);
}

/* One router stops reading: it holds nobody else up, what waits for it does not pile up in the queue, and in
 * the end it is let go (RFC 9687). */
static void test_stalled(void **state)
{
	struct lab l = lab_new(3, 16384);

	(void)state;
	bnet_stall(l.net, l.lan1, true);
	/* Its hold timer must not end it first. */
	tell_all(&l, false);
	bnet_run(l.net, mdur_s(10));
	check_all(l.lan2, ROUTES);
	assert_true(ptrie_count(l.lan1->routes) == 0);
	assert_true(bnet_view(l.c, 2).advertised < 65536 / 4 + 1024);
	assert_true(bgp_deadline(l.c->bgp).ns > l.net->now.ns); /* waits without spinning */
	bnet_stall(l.net, l.lan1, false);
	bnet_run(l.net, mdur_s(10));
	check_all(l.lan1, ROUTES);
	bnet_free(l.net);
}

static void test_send_hold(void **state)
{
	struct bgp_peer_config out = bnet_peer_config("lan", BGP_PEER_LAN, "10.0.0.10", "192.168.1.3", 65300);
	struct open_msg o = raw_open_msg(65300, "192.168.1.3");
	struct lab l = lab_new(4, 16384);
	struct bnet_node *deaf = bnet_add(l.net, "deaf", "192.168.1.3", 0, NULL);

	(void)state;
	out.mode = BGP_MODE_PASSIVE;
	bnet_peer_add(l.c, 4, &out);
	bnet_peer_start(l.net, l.c, 4);
	bnet_raw_connect(l.net, deaf, "192.168.1.3", "10.0.0.10");
	bnet_run(l.net, mdur_ms(100));
	o.hold_time = 0; /* so that only RFC 9687 can end it */
	raw_open(l.net, deaf, &o);
	raw_keepalive(l.net, deaf);
	bnet_run(l.net, mdur_s(1));
	assert_int_equal(l.c->peer[4].state, BGP_ESTABLISHED);
	bnet_stall(l.net, deaf, true);
	tell_all(&l, false);
	bnet_run(l.net, mdur_s(400));
	assert_int_equal(l.c->peer[4].state, BGP_ESTABLISHED);
	bnet_run(l.net, mdur_s(100));
	assert_true(l.c->peer[4].state < BGP_ESTABLISHED);
	assert_string_equal(l.c->peer[4].why.id, "bgp-send-hold-expired");
	bnet_free(l.net);
}

/* One call of bgp_timer does a bounded part of the work and says that there is more. */
static void test_budget(void **state)
{
	struct lab l = lab_new(5, 1 << 20);
	unsigned calls = 0;

	(void)state;
	bnet_dark(l.net, l.c, l.lan1, true); /* the lan nodes' own work is not counted */
	bnet_dark(l.net, l.c, l.lan2, true);
	tell_all(&l, false);
	while (ptrie_count(l.c->routes) < ROUTES) {
		bnet_run(l.net, mdur_ms(0));
		bnet_run(l.net, mdur_ms(1));
	}
	bgp_peer_path_lost(l.c->bgp, 1, NULL, l.net->now); /* everything has to be withdrawn */
	while (bgp_deadline(l.c->bgp).ns <= l.net->now.ns) {
		bgp_timer(l.c->bgp, l.net->now);
		bnet_pump(l.net, l.c);
		calls++;
		assert_true(calls < 1000);
	}
	check_all(l.c, 0);
	assert_true(calls >= ROUTES / 2000);
	bnet_free(l.net);
}

static size_t drain_routes(struct bgp *bgp)
{
	struct bgp_action a;
	size_t n = 0;

	while (bgp_next_action(bgp, &a))
		n += a.kind == BGP_ACT_ROUTE;
	return n;
}

/* With the session everything it brought is gone in the same call, though the table is walked in pieces. */
static void test_fall(void **state)
{
	struct lab l = lab_new(9, 1 << 20);
	struct open_msg o = raw_open_msg(65515, SITE_ADDR);
	struct bgp_route_view row;
	size_t told;

	(void)state;
	tell_all(&l, false);
	bnet_run(l.net, mdur_s(20));
	check_all(l.lan1, ROUTES);
	bgp_peer_path_lost(l.c->bgp, 1, NULL, l.net->now);
	assert_int_equal(bnet_view(l.c, 1).received, 0);
	assert_int_equal(bnet_count(l.c, BGP_RIB_BEST, 0), 0);
	assert_int_equal(bnet_count(l.c, BGP_RIB_RECEIVED, 0), 0);
	/* Who is asked about a prefix where the sweep has not been knows as well: nobody is told of it. */
	assert_false(bnet_row(l.c, BGP_RIB_BEST, "20.78.31.0/24", 0, &row));
	assert_true(bnet_row(l.c, BGP_RIB_ADVERTISED, "20.78.31.0/24", 2, &row));
	assert_string_equal(row.reason, "gone; the withdrawal waits to be sent");
	told = drain_routes(l.c->bgp);
	assert_in_range(told, 1, ROUTES / 2);
	/* Back before the sweep is through, with less. */
	bgp_peer_start(l.c->bgp, 1, l.net->now);
	o.hold_time = 0;
	bnet_raw_connect(l.net, l.x, SITE_ADDR, "10.0.0.10");
	bnet_run(l.net, mdur_ms(100));
	raw_open(l.net, l.x, &o);
	raw_keepalive(l.net, l.x);
	tell(&l, 500, 700, 1, false);
	bnet_run(l.net, mdur_s(20));
	assert_int_equal(bnet_view(l.c, 1).accepted, 700);
	assert_int_equal(bnet_count(l.c, BGP_RIB_RECEIVED, 0), 700);
	check_all(l.lan1, 700);
	check_all(l.lan2, 700);
	assert_int_equal(bnet_view(l.c, 2).advertised, 700);
	bnet_free(l.net);
}

/* All sessions stop in one call, and what follows costs no call more than a part of it: neither this one, nor
 * each peer's part of it, nor those after. */
static void test_all_stop(void **state)
{
	struct lab l = lab_new(9, 1 << 20);
	const struct prefix last = nth(ROUTES - 1);
	size_t told, calls = 0;

	(void)state;
	tell_all(&l, false);
	bnet_run(l.net, mdur_s(20));
	check_all(l.c, ROUTES);
	assert_true(bgp_in_use(l.c->bgp, &last));
	bgp_stop_all(l.c->bgp, BGP_CEASE_CONFIG_CHANGE, NULL, l.net->now);
	for (uint32_t id = 1; id <= 3; id++)
		assert_int_equal(bnet_view(l.c, id).state, BGP_IDLE);
	assert_int_equal(bnet_count(l.c, BGP_RIB_BEST, 0), 0);
	told = drain_routes(l.c->bgp);
	assert_in_range(told, 1, ROUTES / 4);
	assert_false(bgp_swept(l.c->bgp));
	while (!bgp_swept(l.c->bgp)) {
		size_t n;

		bgp_work(l.c->bgp, l.net->now);
		n = drain_routes(l.c->bgp);
		assert_in_range(n, 0, ROUTES / 4);
		told += n;
		assert_true(++calls < 100);
	}
	assert_int_equal(told, ROUTES);
	assert_false(bgp_in_use(l.c->bgp, &last));
	bnet_free(l.net);
}

/* A view is read in pieces while the table changes under it: what stays is seen once. */
static void test_view_resumes(void **state)
{
	struct lab l = lab_new(6, 65536);
	struct bgp_route_query q = { .rib = BGP_RIB_BEST };
	struct bgp_route_view rows[7];
	unsigned even = 0;
	struct prefix last = { 0 };

	(void)state;
	tell_all(&l, false);
	bnet_run(l.net, mdur_s(10));
	for (unsigned step = 0; !q.done; step++) {
		size_t n = bgp_routes(l.c->bgp, &q, rows, 7);

		for (size_t i = 0; i < n; i++) {
			assert_true(prefix_cmp(&last, &rows[i].prefix) < 0);
			last = rows[i].prefix;
			even += !(addr_to_v4(&rows[i].prefix.addr) >> 8 & 1);
		}
		if (step < 100) { /* odd ones go meanwhile */
			for (unsigned i = 0; i < 20; i++)
				tell(&l, 2 * (step * 20 + i) + 1, 1, 0, true);
			bnet_run(l.net, mdur_ms(20));
		}
	}
	assert_int_equal(even, ROUTES / 2);
	bnet_free(l.net);
}

/* A route whose attributes fill a message, and grow on their way: the peer is told nothing rather than
 * nonsense. */
static void tell_big(struct lab *l, unsigned communities)
{
	static uint8_t buf[BGP_MESSAGE_MAX], comm[4 * 1100];
	uint8_t path[16];
	struct wr w = wr_init(path, sizeof(path));
	struct attrs a = { .nexthop = bnet_addr(SITE_ADDR), .communities = { comm, 4ul * communities } };
	struct attr_context ctx = { .four_octet = true };
	struct prefix p = bnet_prefix("20.0.0.0/8");
	struct update_builder b;

	as_path_prepend((struct bytes){ NULL, 0 }, 65515, &w);
	a.as_path = (struct bytes){ path, wr_len(&w) };
	assert_true(update_begin(&b, buf, sizeof(buf), BGP_IPV4, &a, &ctx));
	assert_true(update_add(&b, &p));
	bnet_raw_write(l->net, l->x, buf, update_end(&b));
	bnet_run(l->net, mdur_s(1));
	assert_non_null(bnet_route(l->c, "20.0.0.0/8"));
}

static void test_too_long(void **state)
{
	struct lab l = lab_new(7, 65536);

	(void)state;
	tell_big(&l, 1010);
	assert_null(bnet_route(l.lan1, "20.0.0.0/8"));
	assert_string_equal(l.c->peer[2].report.id, "bgp-update-too-long");
	assert_int_equal(bnet_view(l.c, 2).advertised, 0);
	tell_big(&l, 1000);
	assert_non_null(bnet_route(l.lan1, "20.0.0.0/8"));
	tell_big(&l, 1010);
	assert_null(bnet_route(l.lan1, "20.0.0.0/8"));
	assert_int_equal(bnet_view(l.c, 2).advertised, 0);
	tell(&l, 0, 5, 0, false);
	bnet_run(l.net, mdur_s(1));
	check_all(l.lan1, 5);
	assert_true(bgp_deadline(l.c->bgp).ns > l.net->now.ns);
	bnet_free(l.net);
}

/* Refused routes cost memory too: with max_prefixes set, a peer can't send them without end. */
static void test_refused_flood(void **state)
{
	struct bgp_peer_config site = bnet_peer_config("gw", BGP_PEER_SITE, "10.0.0.10", SITE_ADDR, 65515);
	struct lab l = lab_new(8, 1 << 20);
	struct reason why = { 0 };

	(void)state;
	site.mode = BGP_MODE_PASSIVE;
	site.max_prefixes = 500;
	assert_int_equal(bgp_peer_update(l.c->bgp, 1, &site, l.net->now, &why), 0);
	bnet_announce(l.net, l.c, "0.0.0.0/1");
	for (unsigned i = 0; i < 2000; i += PER_MSG)
		tell(&l, i, 2000 - i < PER_MSG ? 2000 - i : PER_MSG, 0, false);
	bnet_run(l.net, mdur_s(1));
	assert_int_equal(l.c->peer[1].state, BGP_ESTABLISHED);
	assert_int_equal(bnet_view(l.c, 1).received, 2000);
	assert_int_equal(bnet_view(l.c, 1).accepted, 0);
	tell(&l, 2000, 1, 0, false);
	bnet_run(l.net, mdur_s(1));
	assert_int_equal(l.c->peer[1].state, BGP_IDLE);
	assert_string_equal(l.c->peer[1].why.id, "bgp-max-prefixes");
	assert_int_equal(bnet_view(l.c, 1).received, 0);
	bnet_free(l.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_change_and_withdraw),
		cmocka_unit_test(test_stalled),
		cmocka_unit_test(test_send_hold),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_fall),
		cmocka_unit_test(test_all_stop),
		cmocka_unit_test(test_view_resumes),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_refused_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

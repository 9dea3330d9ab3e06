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
	struct bgp_peer_config c =
	    bnet_peer_config("azure/t1", BGP_PEER_SITE, "10.0.0.10", "10.100.255.254", 65515);

	c.ipv4 = c.ipv6 = true;
	c.nexthop_v6 = bnet_addr("2001:db8:a::1");
	return c;
}

static struct bgp_peer_config config_b(void)
{
	struct bgp_peer_config c =
	    bnet_peer_config("onprem", BGP_PEER_LAN, "10.100.255.254", "10.0.0.10", 65001);

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
	       bnet_route(p->b, "10.0.0.0/16") && bnet_route(p->b, "2001:db8:a::/48") &&
	       p->a->peer[1].eor[0] && p->a->peer[1].eor[1] && p->b->peer[1].eor[0] && p->b->peer[1].eor[1];
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
		assert_true(
		    v.four_octet_as && v.route_refresh && v.ipv4 && v.ipv6 && v.eor_in[0] && v.eor_in[1]);
		/* An hour of quiet: keepalives hold the session. */
		falls = p.a->peer[1].falls + p.b->peer[1].falls;
		bnet_run(p.net, mdur_s(3600));
		assert_int_equal(p.a->peer[1].falls + p.b->peer[1].falls, falls);
		assert_int_equal(bnet_view(p.a, 1).state, BGP_ESTABLISHED);
		assert_int_equal(bnet_view(p.b, 1).state, BGP_ESTABLISHED);
		clean += falls == 0;
		bnet_free(p.net);
	}
	assert_int_equal(clean, SEEDS); /* they all cross, and none costs an established session */
}

/* --- falling and coming back --- */
static bool a_has(struct bnet *net, void *arg)
{
	const struct pair *p = arg;

	(void)net;
	return bnet_route(p->a, "10.100.0.0/16") && bnet_route(p->b, "10.0.0.0/16") &&
	       bnet_view(p->a, 1).state == BGP_ESTABLISHED && bnet_view(p->b, 1).state == BGP_ESTABLISHED;
}

static struct pair pair_ready(uint32_t seed)
{
	struct pair p = pair_up(seed);

	assert_true(bnet_until(p.net, mdur_s(30), have_all, &p));
	bnet_run(p.net, mdur_s(10));
	assert_true(a_has(p.net, &p));
	return p;
}

static void test_flaps(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= SEEDS / 2; seed++) {
		struct pair p = pair_ready(seed);

		for (unsigned i = 0; i < 5; i++) {
			bnet_reset(p.net, p.a, p.b);
			assert_true(bnet_until_state(p.net, mdur_s(1), p.a, 1, BGP_IDLE));
			assert_null(bnet_route(p.a, "10.100.0.0/16"));
			assert_string_equal(p.a->peer[1].why.id, "bgp-connection-closed");
			assert_true(bnet_until(p.net, mdur_s(120), a_has, &p));
			bnet_run(p.net, mdur_s(seed * 7));
		}
		assert_true(bnet_until(p.net, mdur_s(120), a_has, &p));
		bnet_free(p.net);
	}
}

static void test_hold_timer(void **state)
{
	struct pair p = pair_ready(3);
	mtime cut = p.net->now;
	unsigned falls = p.b->peer[1].falls;

	(void)state;
	bnet_dark(p.net, p.a, p.b, true);
	assert_true(bnet_until_state(p.net, mdur_s(31), p.a, 1, BGP_IDLE));
	assert_true(mtime_since(p.net->now, cut).ns >= mdur_s(19).ns);
	assert_string_equal(p.a->peer[1].why.id, "bgp-hold-timer-expired");
	assert_null(bnet_route(p.a, "10.100.0.0/16"));
	assert_null(bnet_route(p.a, "2001:db8:b::/48"));
	bnet_run(p.net, mdur_s(31)); /* b's turn; it may have been the first, and have started again */
	assert_int_equal(p.b->peer[1].falls, falls + 1);
	bnet_run(p.net, mdur_s(300));
	assert_true(p.a->peer[1].state < BGP_ESTABLISHED);
	bnet_dark(p.net, p.a, p.b, false);
	assert_true(bnet_until(p.net, mdur_s(300), a_has, &p));
	bnet_free(p.net);
}

static void test_modes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct bgp_peer_config ca = config_a(), cb = config_b();
		struct pair p;

		ca.mode = i ? BGP_MODE_PASSIVE : BGP_MODE_ACTIVE;
		cb.mode = i ? BGP_MODE_ACTIVE : BGP_MODE_PASSIVE;
		p = pair_new(i + 1, &ca, &cb);
		bnet_peer_start(p.net, p.a, 1);
		assert_int_equal(p.a->peer[1].state, i ? BGP_ACTIVE : BGP_CONNECT);
		bnet_run(p.net, mdur_s(20)); /* b is idle: it refuses */
		assert_true(p.a->peer[1].established == 0);
		bnet_peer_start(p.net, p.b, 1);
		assert_true(bnet_until(p.net, mdur_s(30), a_has, &p));
		assert_int_equal(p.a->peer[1].established, 1);
		/* Both passive: nobody comes. One of them may connect again: it does. */
		ca.mode = cb.mode = BGP_MODE_PASSIVE;
		assert_int_equal(bgp_peer_update(p.a->bgp, 1, &ca, p.net->now, NULL), 0);
		assert_int_equal(bgp_peer_update(p.b->bgp, 1, &cb, p.net->now, NULL), 0);
		assert_int_equal(bnet_view(p.a, 1).state, BGP_ESTABLISHED);
		bnet_reset(p.net, p.a, p.b);
		bnet_run(p.net, mdur_s(60));
		assert_int_equal(p.a->peer[1].state, BGP_ACTIVE);
		ca.mode = BGP_MODE_BOTH;
		assert_int_equal(bgp_peer_update(p.a->bgp, 1, &ca, p.net->now, NULL), 0);
		assert_true(bnet_until(p.net, mdur_s(10), a_has, &p));
		bnet_free(p.net);
	}
}

static void test_stop_and_path_lost(void **state)
{
	struct pair p = pair_ready(5);
	struct reason why = { 0 };
	uint64_t notifications = bnet_view(p.b, 1).msg_in[3];

	(void)state;
	bgp_peer_stop(p.a->bgp, 1, 2, NULL, p.net->now);
	bnet_pump(p.net, p.a);
	assert_null(bnet_route(p.a, "10.100.0.0/16"));
	assert_int_equal(p.a->peer[1].state, BGP_IDLE);
	assert_true(bnet_until_state(p.net, mdur_s(2), p.b, 1, BGP_IDLE));
	assert_int_equal(bnet_view(p.b, 1).msg_in[3], notifications + 1);
	assert_non_null(strstr(p.b->peer[1].why.text, "Administrative Shutdown"));
	bnet_run(p.net, mdur_s(60));
	assert_int_equal(p.a->peer[1].state, BGP_IDLE);
	bnet_peer_start(p.net, p.a, 1);
	assert_true(bnet_until(p.net, mdur_s(60), a_has, &p));

	notifications = bnet_view(p.a, 1).msg_out[3];
	reason_set(&why, "tunnel-down", "the tunnel fell");
	bgp_peer_path_lost(p.a->bgp, 1, &why, p.net->now);
	bnet_pump(p.net, p.a);
	assert_null(bnet_route(p.a, "10.100.0.0/16"));
	assert_string_equal(p.a->peer[1].why.id, "tunnel-down");
	assert_string_equal(bnet_view(p.a, 1).last_error.id, "tunnel-down");
	assert_int_equal(bnet_view(p.a, 1).msg_out[3], notifications);
	bnet_peer_start(p.net, p.a, 1);
	assert_true(bnet_until(p.net, mdur_s(60), a_has, &p));

	bgp_peer_remove(p.a->bgp, 1, p.net->now);
	bnet_pump(p.net, p.a);
	assert_null(bnet_route(p.a, "10.100.0.0/16"));
	assert_int_equal(bgp_peer_view(p.a->bgp, 1, &(struct bgp_peer_view){ 0 }), -1);
	assert_true(bnet_until_state(p.net, mdur_s(2), p.b, 1, BGP_IDLE));
	assert_non_null(strstr(p.b->peer[1].why.text, "De-configured"));
	bnet_run(p.net, mdur_s(60));
	bnet_free(p.net);
}

static void test_update_config(void **state)
{
	struct pair p = pair_ready(6);
	struct bgp_peer_config c = config_a();
	struct reason why = { 0 };

	(void)state;
	c.max_prefixes = 100;
	c.hold_time = mdur_s(60);
	assert_int_equal(bgp_peer_update(p.a->bgp, 1, &c, p.net->now, &why), 0);
	bnet_pump(p.net, p.a);
	assert_int_equal(p.a->peer[1].state, BGP_ESTABLISHED);
	c.ipv6 = false;
	assert_int_equal(bgp_peer_update(p.a->bgp, 1, &c, p.net->now, &why), 1);
	bnet_pump(p.net, p.a);
	assert_int_equal(p.a->peer[1].state, BGP_IDLE);
	assert_true(bnet_until(p.net, mdur_s(60), a_has, &p));
	bnet_run(p.net, mdur_s(5));
	assert_null(bnet_route(p.a, "2001:db8:b::/48"));
	assert_false(bnet_view(p.a, 1).ipv6);
	c.peer_as = 0;
	assert_int_equal(bgp_peer_update(p.a->bgp, 1, &c, p.net->now, &why), -1);
	assert_string_equal(why.id, "bgp-peer-invalid");
	c = config_a();
	c.max_prefixes = 1;
	c.ipv6 = false;
	assert_int_equal(bgp_peer_update(p.a->bgp, 1, &c, p.net->now, &why), 0);
	bnet_pump(p.net, p.a);
	bnet_announce(p.net, p.b, "10.101.0.0/16");
	assert_true(bnet_until_state(p.net, mdur_s(5), p.a, 1, BGP_IDLE));
	assert_string_equal(p.a->peer[1].why.id, "bgp-max-prefixes");
	assert_null(bnet_route(p.a, "10.100.0.0/16"));
	bnet_free(p.net);
}

static void test_wrong_as(void **state)
{
	struct bgp_peer_config ca = config_a(), cb = config_b();
	struct pair p;

	(void)state;
	ca.peer_as = 65000;
	p = pair_new(7, &ca, &cb);
	bnet_peer_start(p.net, p.a, 1);
	bnet_peer_start(p.net, p.b, 1);
	bnet_run(p.net, mdur_s(100));
	assert_int_equal(p.a->peer[1].established + p.b->peer[1].established, 0);
	assert_non_null(strstr(bnet_view(p.a, 1).last_error.text, "AS 65515"));
	assert_non_null(strstr(bnet_view(p.b, 1).last_error.text, "Bad Peer AS"));
	/* Later and later: no storm of attempts. */
	assert_true(bnet_view(p.a, 1).msg_out[1] < 40);
	bnet_free(p.net);
}

static void test_refresh(void **state)
{
	struct pair p = pair_ready(8);
	uint64_t updates = bnet_view(p.a, 1).msg_in[2];

	(void)state;
	assert_int_equal(bgp_peer_refresh(p.a->bgp, 1, p.net->now), 0);
	bnet_pump(p.net, p.a);
	bnet_run(p.net, mdur_s(2));
	assert_true(bnet_view(p.a, 1).msg_in[2] >= updates + 2);
	assert_int_equal(bnet_view(p.b, 1).msg_in[5], 2);
	assert_true(a_has(p.net, &p));
	assert_int_equal(bgp_peer_refresh(p.a->bgp, 9, p.net->now), -1);
	bnet_free(p.net);
}

static void test_four_octet_as(void **state)
{
	struct bgp_peer_config ca = config_a(), cb = config_b();
	struct pair p = { .net = bnet_new(9) };
	struct bgp_route_view v;

	(void)state;
	ca.peer_as = 4200000001u;
	cb.peer_as = 4200000002u;
	p.a = bnet_add(p.net, "a", "10.0.0.10", 4200000002u, "10.0.0.10");
	p.b = bnet_add(p.net, "b", "10.100.255.254", 4200000001u, "10.100.255.254");
	bnet_peer_add(p.a, 1, &ca);
	bnet_peer_add(p.b, 1, &cb);
	bnet_announce(p.net, p.a, "10.0.0.0/16");
	bnet_announce(p.net, p.b, "10.100.0.0/16");
	bnet_peer_start(p.net, p.a, 1);
	bnet_peer_start(p.net, p.b, 1);
	assert_true(bnet_until(p.net, mdur_s(30), a_has, &p));
	assert_true(bnet_row(p.a, BGP_RIB_BEST, "10.100.0.0/16", 1, &v));
	assert_int_equal(v.n_as_path, 1);
	assert_int_equal(v.as_path[0], 4200000001u);
	bnet_free(p.net);
}

/* --- time (RFC 4271 4.4, 8.1.3, RFC 9687) --- */
/* We were busy, or asleep: the peer's keepalives lie unread when our hold timer runs out. It is not the
 * peer's silence. */
static void test_busy(void **state)
{
	struct pair p = pair_ready(10);
	unsigned falls = p.a->peer[1].falls;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		bnet_stall(p.net, p.a, true);
		bnet_run(p.net, mdur_s(33));
		assert_int_equal(p.a->peer[1].state, BGP_ESTABLISHED);
		bnet_stall(p.net, p.a, false);
		bnet_run(p.net, mdur_s(7));
	}
	assert_int_equal(p.a->peer[1].falls, falls);
	/* But when there is nothing to read it is. */
	bnet_dark(p.net, p.a, p.b, true);
	bnet_run(p.net, mdur_s(31));
	assert_string_equal(p.a->peer[1].why.id, "bgp-hold-timer-expired");
	bnet_free(p.net);
}

static void test_keepalive_gaps(void **state)
{
	struct bgp_peer_config ca = config_a(), cb = config_b();
	struct pair p;
	struct bgp_peer_view v;

	(void)state;
	p = pair_ready(11);
	bnet_run(p.net, mdur_s(300));
	v = bnet_view(p.a, 1);
	assert_true(v.session.gap.n >= 30);
	/* 75 to 100 % of 10 s (RFC 4271 10), and what the network adds. */
	assert_in_range(mdur_to_ms(v.session.gap.min), 7400, 10100);
	assert_in_range(mdur_to_ms(v.session.gap.max), mdur_to_ms(v.session.gap.mean), 10100);
	assert_string_not_equal(p.a->peer[1].report.id, "bgp-keepalives-sparse");
	bnet_free(p.net);

	/* b's third of its own hold time is more than half of ours. */
	cb.hold_time = mdur_s(90);
	cb.keepalive = mdur_s(30);
	ca.hold_time = mdur_s(45);
	p = pair_new(12, &ca, &cb);
	bnet_peer_start(p.net, p.a, 1);
	bnet_peer_start(p.net, p.b, 1);
	bnet_run(p.net, mdur_s(600));
	assert_string_not_equal(
	    p.a->peer[1].report.id, "bgp-keepalives-sparse"); /* it heeds what was agreed */
	bnet_free(p.net);
}

/* A peer that takes nothing: our keepalives and routes pile up, and the send hold timer ends it (RFC 9687).
 */
static void test_send_hold(void **state)
{
	struct bgp_peer_config ca = config_a(), cb = config_b();
	struct pair p;
	char text[32];
	mtime stalled;

	(void)state;
	ca.session.send_hold = mdur_s(100);
	p = pair_new(13, &ca, &cb);
	p.net->window = 5000;
	bnet_peer_start(p.net, p.a, 1);
	bnet_peer_start(p.net, p.b, 1);
	assert_true(bnet_until(p.net, mdur_s(30), have_all, &p));
	bnet_stall(p.net, p.b, true);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "10.0.%u.0/24", i);
		bnet_announce(p.net, p.a, text);
		bnet_run(p.net, mdur_ms(50));
	}
	stalled = p.net->now;
	assert_true(bnet_until_state(p.net, mdur_s(200), p.a, 1, BGP_IDLE));
	assert_string_equal(p.a->peer[1].why.id, "bgp-send-hold-expired");
	assert_in_range(mdur_to_s(mtime_since(p.net->now, stalled)), 89, 101);
	bnet_free(p.net);
}

/* --- words (RFC 9003) --- */
static void test_words(void **state)
{
	struct pair p = pair_ready(14);
	struct reason why = { 0 };
	char longest[257];

	(void)state;
	memset(longest, 'w', sizeof(longest));
	longest[256] = '\0';
	assert_int_equal(bgp_peer_stop_saying(p.a->bgp, 1, 2, longest, NULL, p.net->now, &why), -1);
	assert_string_equal(why.id, "bgp-message-invalid");
	assert_int_equal(bgp_peer_stop_saying(p.a->bgp, 1, 2, "\xff", NULL, p.net->now, &why), -1);
	assert_int_equal(bgp_peer_stop_saying(p.a->bgp, 1, 3, "words", NULL, p.net->now, &why), -1);
	bnet_pump(p.net, p.a);
	assert_int_equal(p.a->peer[1].state, BGP_ESTABLISHED); /* nothing has happened */
	assert_int_equal(bgp_peer_stop_saying(
	                     p.a->bgp, 1, 2, "caf\xc3\xa9 closed \"till\" 22:00\n", NULL, p.net->now, &why),
	    0);
	bnet_pump(p.net, p.a);
	bnet_run(p.net, mdur_s(1));
	assert_non_null(strstr(bnet_view(p.b, 1).last_error.text,
	    "Administrative Shutdown: \"caf\xc3\xa9 closed \\x22till\\x22 22:00\\x0a\""));
	bnet_free(p.net);
}

/* Nobody answers: said once, with what may be the cause. */
static void test_unanswered(void **state)
{
	struct bgp_peer_config c = config_a(), b = config_b();
	struct pair p;

	(void)state;
	c.session.password = true;
	p = pair_new(15, &c, &b);
	bnet_dark(p.net, p.a, p.b, true);
	bnet_peer_start(p.net, p.a, 1);
	bnet_run(p.net, mdur_s(60));
	assert_int_equal(p.a->peer[1].reports, 1);
	assert_string_equal(p.a->peer[1].report.id, "bgp-connect-unanswered");
	assert_non_null(strstr(bnet_view(p.a, 1).last_error.text, "wrong password"));
	bnet_free(p.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up),
		cmocka_unit_test(test_flaps),
		cmocka_unit_test(test_hold_timer),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_stop_and_path_lost),
		cmocka_unit_test(test_update_config),
		cmocka_unit_test(test_wrong_as),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_four_octet_as),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_keepalive_gaps),
		cmocka_unit_test(test_send_hold),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_unanswered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

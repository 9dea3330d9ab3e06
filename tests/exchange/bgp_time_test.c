/* SPDX-License-Identifier: Apache-2.0 */
/* Keepalives: the peer's, measured; ours, on time whatever the peer pours over us. */
#include "tests/support/bgp_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_sparse(void **state)
{
	struct bgp_peer_config c = lab_config(); /* a hold time of 30 s */
	struct open_msg o = lab_open();
	struct lab l = lab_new(&c);
	struct bgp_peer_view v;

	(void)state;
	lab_establish(&l, &o);
	for (unsigned i = 0; i < 10; i++) {
		lab_run_ms(&l, 16000);
		raw_keepalive(l.net, l.x);
	}
	lab_run_ms(&l, 100);
	v = bnet_view(l.a, 1);
	assert_int_equal(v.session.gap.n, 10);
	assert_in_range(mdur_to_ms(v.session.gap.mean), 15500, 16600);
	assert_int_equal(l.a->peer[1].reports, 1); /* once */
	assert_string_equal(l.a->peer[1].report.id, "bgp-keepalives-sparse");
	bnet_free(l.net);

	l = lab_new(&c);
	lab_establish(&l, &o);
	for (unsigned i = 0; i < 10; i++) {
		lab_run_ms(&l, 14000);
		raw_keepalive(l.net, l.x);
	}
	lab_run_ms(&l, 100);
	assert_int_equal(bnet_view(l.a, 1).session.gap.n, 10);
	assert_int_equal(l.a->peer[1].reports, 0);
	bnet_free(l.net);
}

/* When our KEEPALIVE is due it leaves, however much waits to be read: 10 s less a quarter of jitter, 100 s
 * long. */
static void test_ours_under_load(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_open();
	struct lab l = lab_new(&c);
	unsigned before, after;
	char nlri[32];

	(void)state;
	lab_establish(&l, &o);
	before = raw_count(l.x, BGP_MSG_KEEPALIVE);
	for (unsigned i = 0; i < 1000; i++) {
		for (unsigned k = 0; k < 40; k++) {
			unsigned n = i * 40 + k;

			snprintf(
			    nlri, sizeof(nlri), "18 %02x%02x%02x", 11 + (n >> 16), n >> 8 & 0xff, n & 0xff);
			raw_update(l.net, l.x, "", LAB_SOUND, nlri);
		}
		lab_run_ms(&l, 100);
	}
	after = raw_count(l.x, BGP_MSG_KEEPALIVE);
	assert_in_range(after - before, 10, 14);
	assert_int_equal(l.a->peer[1].falls, 0); /* and UPDATEs alone are signs of life */
	assert_int_equal(bnet_view(l.a, 1).received, 40000);
	bnet_free(l.net);
}

/* Prefixes of 24 bits from 11.0.0.0 on, 40 an UPDATE. */
static void pour(struct lab *l, unsigned n)
{
	for (unsigned i = 0; i < n; i += 40) {
		char nlri[40 * 16];
		int len = 0;

		for (unsigned k = i; k < i + 40; k++)
			len += snprintf(&nlri[len], sizeof(nlri) - (size_t)len, "18 %02x %04x ",
			    (11 + (k >> 16)) & 0xffU, k & 0xffffU);
		raw_update(l->net, l->x, "", LAB_SOUND, nlri);
		if (i % 4000 == 0)
			lab_run_ms(l, 100);
	}
	lab_run_ms(l, 500);
	assert_int_equal(bnet_view(l->a, 1).received, n);
}

/* For a minute x says its KEEPALIVEs; ours come in time but for what the slice that runs takes. */
static void a_minute(struct lab *l, unsigned least)
{
	unsigned before = raw_count(l->x, BGP_MSG_KEEPALIVE);

	for (unsigned i = 0; i < 20; i++) {
		lab_run_ms(l, 3000);
		raw_keepalive(l->net, l->x);
	}
	assert_true(raw_count(l->x, BGP_MSG_KEEPALIVE) - before >= least);
}

/*
 * A machine so slow that each piece of work on the tables takes 2 s, with sessions of 9 s: all that concerns
 * 30,000 prefixes takes minutes, and no session falls, at either end.
 */
static void test_slow_machine(void **state)
{
	struct bgp_peer_config c = lab_config(),
	                       lan = bnet_peer_config("y", BGP_PEER_LAN, LAB_OURS, "192.168.1.1", 65100),
	                       back = bnet_peer_config("a", BGP_PEER_LAN, "192.168.1.1", LAB_OURS, 65001);
	struct open_msg o = lab_open();
	struct lab l;
	struct bnet_node *y;

	(void)state;
	c.hold_time = lan.hold_time = back.hold_time = mdur_s(9);
	c.keepalive = lan.keepalive = back.keepalive = mdur_s(3);
	l = lab_new(&c);
	y = bnet_add(l.net, "y", "192.168.1.1", 65100, "192.168.1.1");
	lab_establish(&l, &o);
	pour(&l, 30000);
	bnet_peer_add(l.a, 2, &lan);
	bnet_peer_add(y, 1, &back);
	l.a->slice = mdur_s(2);
	bnet_peer_start(l.net, l.a, 2);
	bnet_peer_start(l.net, y, 1);
	a_minute(&l, 60 / (3 + 2));
	for (unsigned i = 0; i < 4 && bnet_view(y, 1).received < 30000; i++)
		a_minute(&l, 60 / (3 + 2));
	assert_int_equal(bnet_view(y, 1).received, 30000);
	assert_int_equal(l.a->peer[1].falls + l.a->peer[2].falls + y->peer[1].falls, 0);
	/* And when all of it goes. */
	bnet_reset(l.net, l.a, l.x);
	lab_run_ms(&l, 300000);
	assert_int_equal(bnet_view(y, 1).received, 0);
	assert_int_equal(l.a->peer[1].falls, 1);
	assert_int_equal(l.a->peer[2].falls + y->peer[1].falls, 0);
	bnet_free(l.net);
}

/* 75 to 100 % of the interval, evenly (RFC 4271 10): speakers that started together don't speak together. */
static void test_jitter(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_open();
	struct lab l;
	mtime last = MTIME_NEVER;
	unsigned gaps[5] = { 0 };

	(void)state;
	l = lab_new(&c);
	lab_establish(&l, &o);
	l.net->delay_ms = 0;
	for (unsigned i = 1; i <= 40000; i++) { /* 2,000 s */
		l.x->raw_len = 0;
		lab_run_ms(&l, 50);
		if (i % 200 == 0)
			raw_keepalive(l.net, l.x);
		if (!raw_count(l.x, BGP_MSG_KEEPALIVE))
			continue;
		if (!mtime_is_never(last)) {
			int64_t ms = mdur_to_ms(mtime_since(l.net->now, last));

			assert_in_range(ms, 7400, 10100);
			gaps[(ms - 7400) / 541]++;
		}
		last = l.net->now;
	}
	for (unsigned i = 0; i < 5; i++)
		assert_in_range(gaps[i], 20, 80); /* of some 228 */
	bnet_free(l.net);
}

/* The send hold timer (RFC 9687): by default twice the hold time, 8 minutes at least; who reads ever so
 * little in time is not cut. */
static void test_slow_reader(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_open();
	struct lab l;
	char net[32];

	(void)state;
	for (unsigned hold = 90; hold <= 300; hold += 210) {
		c.hold_time = mdur_s(hold);
		o.hold_time = (uint16_t)hold;
		l = lab_new(&c);
		lab_establish(&l, &o);
		assert_int_equal(mdur_to_s(bnet_view(l.a, 1).session.send_hold), hold == 300 ? 600 : 480);
		bnet_free(l.net);
	}
	c = lab_config();
	o = lab_open();
	c.session.send_hold = mdur_s(60);
	l = lab_new(&c);
	l.net->window = 5000;
	lab_establish(&l, &o);
	bnet_announce(l.net, l.a, "10.99.0.0/16"); /* from here on there is room for 5000 */
	lab_run_ms(&l, 1000);
	bnet_stall(l.net, l.x, true);
	for (unsigned i = 0; i < 4000; i++) {
		snprintf(net, sizeof(net), "10.%u.%u.0/24", i / 250, i % 250);
		bnet_announce(l.net, l.a, net);
	}
	for (unsigned k = 0; k < 2; k++) { /* it reads a moment each 50 s: a message */
		for (unsigned t = 0; t < 5; t++) {
			lab_run_ms(&l, 10000);
			raw_keepalive(l.net, l.x);
		}
		bnet_stall(l.net, l.x, false);
		lab_run_ms(&l, 1);
		bnet_stall(l.net, l.x, true);
	}
	assert_in_range(bnet_view(l.a, 1).advertised, 2000, 3999); /* it never had it all */
	assert_int_equal(l.a->peer[1].falls, 0);
	bnet_free(l.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_ours_under_load),
		cmocka_unit_test(test_slow_machine),
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_slow_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

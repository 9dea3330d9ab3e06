/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Route flap damping (RFC 2439) in virtual time: what flaps is refused and comes back by itself, when the
 * figures say so and never later than max_suppress; what is no flap costs nothing; what is remembered is
 * bounded.
 */
#include "tests/support/bgp_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NET_200   "10.200.0.0/16"
#define NET_201   "10.201.0.0/16"
#define HALF_LIFE 900
#define LONGEST   3600
#define MED(hex)  LAB_SOUND "80 04 04 " hex " "

static struct bgp_peer_config damping_config(void)
{
	struct bgp_peer_config c = lab_config();

	c.damping = (struct bgp_damping_config){ .on = true,
		.half_life = mdur_s(HALF_LIFE),
		.reuse = 750,
		.suppress = 6000,
		.max_suppress = mdur_s(LONGEST) };
	return c;
}

static struct open_msg timeless(void)
{
	struct open_msg o = lab_open();

	o.hold_time = 0; /* hours pass without a keepalive */
	return o;
}

static struct lab damping_lab(const struct bgp_peer_config *c)
{
	struct open_msg o = timeless();
	struct lab l = lab_new(c);

	lab_establish(&l, &o);
	return l;
}

static struct bgp_damping_view seen(struct lab *l)
{
	return bnet_view(l->a, 1).damping;
}

static void withdraw(struct lab *l, const char *nlri)
{
	raw_update(l->net, l->x, nlri, "", "");
	lab_run_ms(l, 100);
}

/* n times to and fro, all within some seconds. */
static void storm(struct lab *l, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		withdraw(l, LAB_NET_200);
		lab_update(l, LAB_SOUND, LAB_NET_200);
	}
}

static void run_s(struct lab *l, int64_t s)
{
	bnet_run(l->net, mdur_s(s));
}

static bool in_use(struct lab *l, const char *prefix)
{
	return bnet_route(l->a, prefix) != NULL;
}

static void test_storm(void **state)
{
	struct bgp_peer_config c = damping_config();
	struct lab l = damping_lab(&c);
	struct bgp_route_view row;

	(void)state;
	lab_update(&l, LAB_SOUND, LAB_NET_200 " " LAB_NET_201);
	storm(&l, 6); /* 6000 less what has decayed */
	assert_true(in_use(&l, NET_200));
	assert_int_equal(seen(&l).history, 1);
	assert_int_equal(seen(&l).suppressed, 0);
	storm(&l, 1);
	assert_false(in_use(&l, NET_200));
	assert_true(in_use(&l, NET_201)); /* only what flaps */
	assert_true(bnet_row(l.a, BGP_RIB_REJECTED, NET_200, 1, &row));
	assert_non_null(strstr(row.reason, "refused: damped (RFC 2439): 7 flaps lately, a penalty of 69"));
	assert_non_null(strstr(row.reason, "reused in 2900 s, at 750"));
	assert_int_equal(seen(&l).suppressed, 1);
	assert_int_equal(bnet_view(l.a, 1).received, 2);
	assert_int_equal(bnet_view(l.a, 1).accepted, 1);
	/* 7000 to 750 takes 3.22 half-lives, 2900 s; withdrawn and told again meanwhile it is still refused.
	 */
	run_s(&l, 2880);
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	assert_false(in_use(&l, NET_200));
	run_s(&l, 25);
	assert_true(in_use(&l, NET_200)); /* nobody asked */
	assert_int_equal(seen(&l).suppressed, 0);
	assert_int_equal(seen(&l).history, 1);
	run_s(&l, HALF_LIFE + 10); /* half of it: forgotten */
	assert_int_equal(seen(&l).history, 0);
	assert_int_equal(seen(&l).suppressions, 1);
	bnet_free(l.net);
}

/* However long it flaps, max_suppress after the last flap it is back. */
static void test_longest(void **state)
{
	struct bgp_peer_config c = damping_config();
	struct lab l = damping_lab(&c);

	(void)state;
	assert_in_range(bgp_damping_ceiling(&c.damping), 11999, 12001);
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	storm(&l, 200);
	assert_false(in_use(&l, NET_200));
	run_s(&l, LONGEST - 10);
	assert_false(in_use(&l, NET_200));
	run_s(&l, 11);
	assert_true(in_use(&l, NET_200));
	/* Withdrawn for good: what is remembered goes by itself, and no route is there to come back. */
	storm(&l, 12);
	withdraw(&l, LAB_NET_200);
	run_s(&l, LONGEST + HALF_LIFE + 10);
	assert_false(in_use(&l, NET_200));
	assert_int_equal(seen(&l).history, 0);
	bnet_free(l.net);
}

static void test_changes(void **state)
{
	struct bgp_peer_config c = damping_config();
	struct lab l = damping_lab(&c);
	char attrs[200];

	(void)state;
	for (unsigned i = 0; i < 13; i++) { /* 12 changes, 6000 less what has decayed */
		snprintf(attrs, sizeof(attrs), MED("%08x"), i);
		lab_update(&l, attrs, LAB_NET_200);
		lab_update(&l, attrs, LAB_NET_200); /* the same again is none */
		assert_true(in_use(&l, NET_200));
	}
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	assert_false(in_use(&l, NET_200)); /* in the very call */
	assert_int_equal(seen(&l).suppressed, 1);
	bnet_free(l.net);
}

static void test_no_flaps(void **state)
{
	struct bgp_peer_config c = damping_config(), off = lab_config();
	struct open_msg o = timeless();
	struct lab l = damping_lab(&c);

	(void)state;
	for (unsigned i = 0; i < 10; i++) { /* sessions that fall */
		lab_update(&l, LAB_SOUND, LAB_NET_200);
		assert_true(in_use(&l, NET_200));
		bnet_raw_close(l.net, l.x);
		lab_run_ms(&l, 100);
		assert_false(in_use(&l, NET_200));
		run_s(&l, 400);
		lab_establish(&l, &o);
	}
	withdraw(&l, LAB_NET_200);
	/* Routes that we don't use: with our own AS in the path. */
	for (unsigned i = 0; i < 10; i++) {
		lab_update(&l, LAB_ORIGIN "40 02 0a 02 02 0000ffeb 0000fde9 " LAB_NEXTHOP, LAB_NET_200);
		withdraw(&l, LAB_NET_200);
	}
	assert_int_equal(seen(&l).history, 0);
	bnet_free(l.net);
	l = damping_lab(&off); /* off, as it is by default */
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	storm(&l, 100);
	assert_true(in_use(&l, NET_200));
	assert_false(seen(&l).on);
	assert_int_equal(seen(&l).history, 0);
	bnet_free(l.net);
}

static void test_a_fall_forgives_nothing(void **state)
{
	struct bgp_peer_config c = damping_config();
	struct open_msg o = timeless();
	struct lab l = damping_lab(&c);

	(void)state;
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	storm(&l, 8);
	bnet_raw_close(l.net, l.x);
	run_s(&l, 400);
	lab_establish(&l, &o);
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	assert_false(in_use(&l, NET_200));
	run_s(&l, LONGEST);
	assert_true(in_use(&l, NET_200));
	bnet_free(l.net);
}

static void test_configuration(void **state)
{
	struct bgp_peer_config c = damping_config(), off = lab_config(), bad;
	struct lab l = damping_lab(&c);
	struct reason why = { 0 };

	(void)state;
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	storm(&l, 8);
	assert_false(in_use(&l, NET_200));
	assert_int_equal(bgp_peer_update(l.a->bgp, 1, &off, l.net->now, &why), 0); /* no new session */
	lab_run_ms(&l, 100);
	assert_true(in_use(&l, NET_200));
	assert_int_equal(seen(&l).history, 0);
	assert_int_equal(bgp_peer_update(l.a->bgp, 1, &c, l.net->now, &why), 0);
	storm(&l, 8);
	assert_false(in_use(&l, NET_200));
	bad = c;
	bad.damping.max_suppress = mdur_s(HALF_LIFE); /* 1500 at most */
	assert_int_equal(bgp_peer_update(l.a->bgp, 1, &bad, l.net->now, &why), -1);
	assert_non_null(strstr(why.text, "never exceeds 1500"));
	bad = c;
	bad.damping.suppress = bad.damping.reuse;
	assert_int_equal(bgp_peer_update(l.a->bgp, 1, &bad, l.net->now, &why), -1);
	bad = c;
	bad.peer_as = 65001; /* internal */
	assert_int_equal(bgp_peer_update(l.a->bgp, 1, &bad, l.net->now, &why), -1);
	bgp_peer_remove(l.a->bgp, 1, l.net->now); /* with all that it remembers */
	bnet_free(l.net);
}

/* Paths that the peer tells apart share a penalty: what flaps is the prefix. */
static void test_paths(void **state)
{
	struct bgp_peer_config c = damping_config();
	struct open_msg o = timeless();
	struct lab l;

	(void)state;
	c.rib.add_path_receive = true;
	o.caps.add_path_send[BGP_IPV4] = o.caps.add_path_send[BGP_IPV6] = true;
	l = lab_new(&c);
	lab_establish(&l, &o);
	lab_update(&l, LAB_SOUND, "00000001 " LAB_NET_200);
	for (unsigned i = 2; i < 9; i++) { /* another identifier each time */
		char nlri[32];

		snprintf(nlri, sizeof(nlri), "%08x " LAB_NET_200, i);
		lab_update(&l, LAB_SOUND, nlri);
		assert_true(in_use(&l, NET_200));
		withdraw(&l, nlri);
	}
	assert_false(in_use(&l, NET_200)); /* the one that stood still, too */
	assert_int_equal(bnet_view(l.a, 1).received, 1);
	run_s(&l, LONGEST);
	assert_true(in_use(&l, NET_200));
	bnet_free(l.net);
}

/* --- more than is remembered --- */
#define MANY      (BGP_DAMPED_MAX + 10)
#define A_MESSAGE 900 /* prefixes */

static void tell_some(struct lab *l, unsigned from, unsigned to, bool announce)
{
	char *nlri = malloc(A_MESSAGE * 8 + 12);

	for (unsigned i = from; i < to; i += A_MESSAGE) {
		size_t len = 0;

		for (unsigned k = i; k < i + A_MESSAGE && k < to; k++)
			len += (size_t)snprintf(nlri + len, 12, "18%06x", (0x140000 + k) & 0xffffff);
		raw_update(
		    l->net, l->x, announce ? "" : nlri, announce ? LAB_SOUND : "", announce ? nlri : "");
		lab_run_ms(l, 50);
	}
	run_s(l, 5);
	free(nlri);
}

static void tell_many(struct lab *l, bool announce)
{
	tell_some(l, 0, MANY, announce);
}

static void test_bounded(void **state)
{
	struct bgp_peer_config c = damping_config();
	struct lab l = damping_lab(&c);

	(void)state;
	tell_many(&l, true);
	assert_int_equal(bnet_view(l.a, 1).accepted, MANY);
	tell_many(&l, false);
	assert_int_equal(bnet_view(l.a, 1).received, 0);
	assert_int_equal(seen(&l).history, BGP_DAMPED_MAX);
	assert_int_equal(seen(&l).unheeded, 10);
	assert_string_equal(l.a->peer[1].report.id, "bgp-damping-full");
	assert_int_equal(l.a->peer[1].reports, 1);
	run_s(&l, 2 * HALF_LIFE);
	assert_int_equal(seen(&l).history, 0);
	bnet_free(l.net);
}

/* A peer that stays near the bound is told of once, not with each prefix that makes room for another. */
static void test_told_once(void **state)
{
	struct bgp_peer_config c = damping_config();
	struct lab l = damping_lab(&c);
	unsigned most = BGP_DAMPED_MAX - BGP_DAMPED_MAX / 20;

	(void)state;
	tell_many(&l, true);
	tell_many(&l, false);
	assert_int_equal(l.a->peer[1].reports, 1);
	tell_many(&l, true);
	run_s(&l, HALF_LIFE);
	tell_some(&l, 0, most, false); /* these are remembered longer than the others */
	run_s(&l, HALF_LIFE * 3 / 4);
	assert_int_equal(seen(&l).history, most);
	tell_some(&l, most, MANY, false); /* ten more than there is room for */
	assert_int_equal(seen(&l).history, BGP_DAMPED_MAX);
	assert_int_equal(seen(&l).unheeded, 20);
	assert_int_equal(l.a->peer[1].reports, 1);
	run_s(&l, 3 * HALF_LIFE); /* calm, and again */
	assert_int_equal(seen(&l).history, 0);
	tell_many(&l, true);
	tell_many(&l, false);
	assert_int_equal(seen(&l).unheeded, 30);
	assert_int_equal(l.a->peer[1].reports, 2);
	bnet_free(l.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_no_flaps),
		cmocka_unit_test(test_a_fall_forgives_nothing),
		cmocka_unit_test(test_configuration),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Graceful restart with ourselves as the one that restarts (RFC 4724 4.1): what our OPEN says, that nothing
 * is decided nor told while tables are still to come, what ends the wait, and End-of-RIB behind our table.
 */
#include "tests/support/bgp_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NET_200 "10.200.0.0/16"
#define NET_OUR "10.0.0.0/16"

#define BACK_S 120
#define TOLD_S 360

static const bool ipv4_kept[2] = { true, false };

static struct open_msg helper(void)
{
	struct open_msg o = lab_open();

	o.caps.end_of_rib = true;
	return o;
}

/* We have just started again; the peer's session stood before. */
static struct lab restarted(enum bgp_restart_mode mode)
{
	struct bgp_peer_config c = lab_config();
	struct lab l;

	c.session.restart = mode;
	c.session.restart_time = mdur_s(90);
	l = lab_new(&c);
	bgp_restart_begin(l.a->bgp, mtime_add(l.net->now, mdur_s(BACK_S)),
	    mtime_add(l.net->now, mdur_s(TOLD_S)), l.net->now);
	bgp_peer_restarts(l.a->bgp, 1, ipv4_kept, l.net->now);
	bnet_announce(l.net, l.a, NET_OUR);
	return l;
}

static bool deferred(const struct lab *l)
{
	bool on = bgp_restarting(l->a->bgp);
	struct bgp_peer_view v;

	if (on) {
		assert_int_equal(l->a->route_actions, 0);
		for (uint32_t id = 1; id <= 2; id++)
			assert_true(bgp_peer_view(l->a->bgp, id, &v) || !v.msg_out[BGP_MSG_UPDATE]);
		assert_false(bgp_restart_settled(l->a->bgp, l->net->now));
	}
	return on;
}

static void is_over(struct lab *l)
{
	assert_false(deferred(l));
	lab_run_ms(l, 500);
	assert_true(bgp_restart_settled(l->a->bgp, l->net->now));
}

static void test_until_end_of_rib(void **state)
{
	struct lab l = restarted(BGP_RESTART_FULL);
	struct open_msg o = helper();
	struct open_msg said;
	struct bgp_peer_view v;
	struct notify n;
	struct rd body;

	(void)state;
	lab_establish(&l, &o);
	assert_true(raw_received(l.x, BGP_MSG_OPEN, 0, &body));
	assert_int_equal(open_parse(body, &said, &n), 0);
	assert_true(said.caps.restart.restarting && said.caps.restart.forwarding[BGP_IPV4]);
	v = bnet_view(l.a, 1);
	assert_true(v.session.our_restart.restarted);
	assert_int_equal(mdur_to_s(v.session.our_restart.time), 90);
	assert_true(v.session.our_restart.family[BGP_IPV4] && v.session.our_restart.family[BGP_IPV6]);
	assert_true(
	    v.session.our_restart.forwarding[BGP_IPV4] && !v.session.our_restart.forwarding[BGP_IPV6]);
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	assert_true(deferred(&l));
	assert_int_equal(bnet_count(l.a, BGP_RIB_RECEIVED, 1), 1);
	lab_eor(&l, false);
	assert_true(deferred(&l)); /* IPv6 is still to come */
	lab_eor(&l, true);
	is_over(&l);
	assert_non_null(bnet_route(l.a, NET_200));
	assert_int_equal(bnet_count(l.a, BGP_RIB_ADVERTISED, 1), 1);
	assert_int_equal(bnet_view(l.a, 1).msg_out[BGP_MSG_UPDATE], 3); /* the network, End-of-RIB twice */

	/* From then on it is a session like any other: R is for the start, and our forwarding stands. */
	bnet_reset(l.net, l.a, l.x);
	lab_run_ms(&l, 5000);
	lab_establish(&l, &o);
	v = bnet_view(l.a, 1);
	assert_false(v.session.our_restart.restarted);
	assert_true(v.session.our_restart.forwarding[BGP_IPV4] && v.session.our_restart.forwarding[BGP_IPV6]);
	bnet_free(l.net);
}

/* Nobody comes, or comes and does not tell its table. */
static void test_time(void **state)
{
	struct open_msg o = helper();
	struct lab l = restarted(BGP_RESTART_FULL);

	(void)state;
	lab_run_ms(&l, (BACK_S - 1) * 1000);
	assert_true(deferred(&l));
	lab_run_ms(&l, 2000);
	is_over(&l);
	bnet_free(l.net);

	l = restarted(BGP_RESTART_FULL);
	o.hold_time = 0; /* the test sends no KEEPALIVEs */
	lab_establish(&l, &o);
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	lab_run_ms(&l, (TOLD_S - 5) * 1000);
	assert_true(deferred(&l));
	lab_run_ms(&l, 6000);
	is_over(&l);
	assert_non_null(bnet_route(l.a, NET_200));
	bnet_free(l.net);
}

/* Two that have restarted don't wait long for each other; what was kept does, until the other one has told.
 */
static void test_both_restarted(void **state)
{
	struct lab l = restarted(BGP_RESTART_FULL);
	struct open_msg o = helper();

	(void)state;
	o.caps.restart.restarting = true;
	lab_establish(&l, &o);
	lab_run_ms(&l, 9000);
	assert_true(deferred(&l));
	lab_run_ms(&l, 2000);
	assert_false(deferred(&l));
	assert_int_equal(bnet_view(l.a, 1).msg_out[BGP_MSG_UPDATE], 3);
	assert_false(bgp_restart_settled(l.a->bgp, l.net->now));
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	lab_eor(&l, false);
	lab_eor(&l, true);
	is_over(&l);
	bnet_free(l.net);
}

/* Without the capability there is no End-of-RIB to wait for. */
static void test_no_graceful_restart(void **state)
{
	struct lab l = restarted(BGP_RESTART_FULL);
	struct open_msg o = lab_open();

	(void)state;
	lab_establish(&l, &o);
	lab_run_ms(&l, 2000);
	assert_true(deferred(&l)); /* its table is on its way */
	lab_run_ms(&l, 4000);
	is_over(&l);
	bnet_free(l.net);
}

static void test_given_up(void **state)
{
	struct reason broken = { 0 };
	struct lab l = restarted(BGP_RESTART_FULL);

	(void)state;
	bgp_peer_path_lost(l.a->bgp, 1, NULL, l.net->now);
	assert_true(deferred(&l)); /* its tunnel may come back */
	bgp_peer_start(l.a->bgp, 1, l.net->now);
	bgp_peer_stop(l.a->bgp, 1, BGP_CEASE_SHUTDOWN, NULL, l.net->now);
	is_over(&l);
	bnet_free(l.net);

	l = restarted(BGP_RESTART_FULL);
	assert_true(deferred(&l));
	bgp_peer_remove(l.a->bgp, 1, l.net->now);
	is_over(&l);
	bnet_free(l.net);

	/* BFD knows by itself that the path is broken. */
	l = restarted(BGP_RESTART_FULL);
	reason_set(&broken, "bfd-expired", "no packet for 900 ms");
	bgp_peer_bfd_down(l.a->bgp, 1, false, &broken, l.net->now);
	assert_true(deferred(&l));
	bgp_peer_bfd_down(l.a->bgp, 1, true, &broken, l.net->now);
	lab_run_ms(&l, 100);
	is_over(&l);
	bnet_free(l.net);

	l = restarted(BGP_RESTART_FULL);
	bgp_restart_end(l.a->bgp, l.net->now);
	is_over(&l);
	bnet_free(l.net);
}

/* A helper's OPEN names no families, so it claims to have kept none; off: not even R. A cold start: neither.
 */
static void test_what_is_said(void **state)
{
	struct open_msg o = helper();
	struct lab l = restarted(BGP_RESTART_HELPER);
	struct bgp_peer_config c = lab_config();
	struct bgp_peer_view v;

	(void)state;
	lab_establish(&l, &o);
	v = bnet_view(l.a, 1);
	assert_true(v.session.our_restart.restarted);
	assert_false(v.session.our_restart.family[BGP_IPV4] || v.session.our_restart.forwarding[BGP_IPV4]);
	bnet_free(l.net);

	c.session.restart = BGP_RESTART_FULL;
	l = lab_new(&c);
	lab_establish(&l, &o);
	v = bnet_view(l.a, 1);
	assert_false(v.session.our_restart.restarted);
	assert_true(v.session.our_restart.family[BGP_IPV4] && !v.session.our_restart.forwarding[BGP_IPV4]);
	bnet_free(l.net);
}

/* A second peer that is not back yet holds all; what the first one withdraws meanwhile is never told. */
static void test_two_peers(void **state)
{
	struct lab l = restarted(BGP_RESTART_FULL);
	struct bgp_peer_config c =
	    bnet_peer_config("other", BGP_PEER_SITE, LAB_OURS, "10.100.255.253", 65514);
	struct open_msg o = helper();

	(void)state;
	o.hold_time = 0;
	c.mode = BGP_MODE_PASSIVE;
	bnet_peer_add(l.a, 2, &c);
	bgp_peer_restarts(l.a->bgp, 2, ipv4_kept, l.net->now);
	bnet_peer_start(l.net, l.a, 2);
	lab_establish(&l, &o);
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	lab_update(&l, LAB_SOUND, LAB_NET_201);
	lab_eor(&l, false);
	lab_eor(&l, true);
	assert_true(deferred(&l));
	raw_update(l.net, l.x, LAB_NET_201, "", "");
	lab_run_ms(&l, (BACK_S - 10) * 1000);
	assert_true(deferred(&l));
	lab_run_ms(&l, 12000);
	is_over(&l);
	assert_non_null(bnet_route(l.a, NET_200));
	assert_null(bnet_route(l.a, "10.201.0.0/16"));
	bnet_free(l.net);
}

/* One that falls while we wait may come back, and is waited for again. */
static void test_a_fall(void **state)
{
	struct lab l = restarted(BGP_RESTART_FULL);
	struct open_msg o = helper();

	(void)state;
	lab_establish(&l, &o);
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	lab_eor(&l, false);
	bnet_reset(l.net, l.a, l.x);
	lab_run_ms(&l, 5000);
	assert_true(deferred(&l));
	lab_establish(&l, &o);
	lab_update(&l, LAB_SOUND, LAB_NET_201);
	lab_eor(&l, true);
	assert_true(deferred(&l)); /* what it said of IPv4 was before the fall */
	lab_eor(&l, false);
	is_over(&l);
	assert_null(bnet_route(l.a, NET_200));
	assert_non_null(bnet_route(l.a, "10.201.0.0/16"));
	bnet_free(l.net);
}

/* BFD breaks the session of one that is back: it is waited for again, unless BFD is independent. */
static void test_bfd_down(void **state)
{
	struct open_msg o = helper();
	struct reason why = { 0 };

	(void)state;
	reason_set(&why, "bfd-expired", "no packet for 900 ms");
	for (int independent = 0; independent < 2; independent++) {
		struct lab l = restarted(BGP_RESTART_FULL);

		lab_establish(&l, &o);
		lab_update(&l, LAB_SOUND, LAB_NET_200);
		bgp_peer_bfd_down(l.a->bgp, 1, independent, &why, l.net->now);
		bnet_pump(l.net, l.a);
		assert_int_equal(deferred(&l), !independent);
		assert_int_equal(l.a->peer[1].state, BGP_IDLE);
		assert_int_equal(bnet_count(l.a, BGP_RIB_RECEIVED, 1), 0);
		bnet_free(l.net);
	}
}

/* All is over when the tables were to be told, however long the sessions may take. */
static void test_the_sooner(void **state)
{
	struct lab l = restarted(BGP_RESTART_FULL);

	(void)state;
	bgp_restart_begin(l.a->bgp, mtime_add(l.net->now, mdur_s(TOLD_S)),
	    mtime_add(l.net->now, mdur_s(BACK_S)), l.net->now);
	lab_run_ms(&l, (BACK_S - 1) * 1000);
	assert_true(deferred(&l));
	lab_run_ms(&l, 2000);
	is_over(&l);
	bnet_free(l.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_until_end_of_rib),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_both_restarted),
		cmocka_unit_test(test_no_graceful_restart),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_what_is_said),
		cmocka_unit_test(test_two_peers),
		cmocka_unit_test(test_a_fall),
		cmocka_unit_test(test_bfd_down),
		cmocka_unit_test(test_the_sooner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

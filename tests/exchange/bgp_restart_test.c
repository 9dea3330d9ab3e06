/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Graceful restart with a peer that restarts (RFC 4724, RFC 8538): what stays, what goes and when, by how the
 * session ended, what the peer said before and says when it is back, and the two limits of time.
 */
#include "tests/support/bgp_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_back_in_time(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_restarter(false);
	struct lab l = lab_with_routes(&c, &o);
	struct bgp_route_view row;
	struct bgp_peer_view v;
	uint64_t told;

	(void)state;
	lab_drop(&l);
	assert_true(lab_all_there(&l));
	v = bnet_view(l.a, 1);
	assert_true(v.session.holding);
	assert_int_equal(v.session.stale[0], 2);
	assert_int_equal(v.session.stale[1], 1);
	assert_in_range(mdur_to_s(v.session.stale_left), 55, 60);
	assert_true(bnet_row(l.a, BGP_RIB_BEST, LAB_ROUTE_200, 1, &row) && row.stale);
	lab_run_ms(&l, 30000);
	o.caps.restart.restarting = true;
	told = l.a->route_actions;
	lab_establish(&l, &o);
	v = bnet_view(l.a, 1);
	assert_true(v.session.restart.restarted && !v.session.holding);
	assert_true(lab_all_there(&l));
	lab_run_ms(&l, 5000);
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	assert_int_equal(bnet_view(l.a, 1).session.stale[0], 1);
	assert_true(bnet_row(l.a, BGP_RIB_BEST, LAB_ROUTE_200, 1, &row) && !row.stale);
	assert_true(bnet_row(l.a, BGP_RIB_BEST, LAB_ROUTE_201, 1, &row) && row.stale);
	assert_int_equal(l.a->route_actions, told); /* nothing the kernel would have to hear */
	lab_eor(&l, false);
	assert_non_null(bnet_route(l.a, LAB_ROUTE_200));
	assert_null(bnet_route(l.a, LAB_ROUTE_201));    /* not told again */
	assert_non_null(bnet_route(l.a, LAB_ROUTE_V6)); /* its End-of-RIB is still to come */
	lab_update(&l, LAB_V6, "");
	lab_eor(&l, true);
	assert_non_null(bnet_route(l.a, LAB_ROUTE_V6));
	assert_int_equal(bnet_view(l.a, 1).session.stale[1], 0);
	assert_int_equal(bnet_view(l.a, 1).session.stale_left.ns, 0);
	bnet_free(l.net);
}

static void test_never_back(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_restarter(false);
	struct lab l = lab_with_routes(&c, &o);

	(void)state;
	lab_drop(&l);
	lab_run_ms(&l, 58000);
	assert_true(lab_all_there(&l));
	lab_run_ms(&l, 3000);
	assert_true(lab_none_there(&l));
	assert_string_equal(l.a->peer[1].report.id, "bgp-restart-expired");
	assert_int_equal(bnet_view(l.a, 1).received, 0);
	bnet_free(l.net);
}

/* Our own limit is less than the peer's. */
static void test_stale_time(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_restarter(false);
	struct lab l;

	(void)state;
	c.session.stale_time = mdur_s(20);
	l = lab_with_routes(&c, &o);
	lab_drop(&l);
	lab_run_ms(&l, 18000);
	assert_true(lab_all_there(&l));
	lab_run_ms(&l, 3000);
	assert_true(lab_none_there(&l));
	bnet_free(l.net);

	/* Back, but End-of-RIB does not come. */
	l = lab_with_routes(&c, &o);
	lab_drop(&l);
	lab_run_ms(&l, 5000);
	lab_establish(&l, &o);
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	lab_run_ms(&l, 10000);
	assert_true(lab_all_there(&l));
	raw_keepalive(l.net, l.x);
	lab_run_ms(&l, 6000);
	assert_non_null(bnet_route(l.a, LAB_ROUTE_200));
	assert_null(bnet_route(l.a, LAB_ROUTE_201));
	assert_null(bnet_route(l.a, LAB_ROUTE_V6));
	assert_string_equal(l.a->peer[1].report.id, "bgp-stale-expired");
	bnet_free(l.net);
}

/* What the peer says when it is back: F for IPv4 alone, then no capability at all. */
static void test_forwarding_lost(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_restarter(false);
	struct lab l = lab_with_routes(&c, &o);

	(void)state;
	lab_drop(&l);
	lab_run_ms(&l, 2000);
	o.caps.restart.forwarding[BGP_IPV6] = false;
	lab_establish(&l, &o);
	assert_non_null(bnet_route(l.a, LAB_ROUTE_200));
	assert_null(bnet_route(l.a, LAB_ROUTE_V6));
	lab_drop(&l); /* again, before End-of-RIB: what was stale from the first time goes */
	assert_true(lab_none_there(&l));
	bnet_free(l.net);

	o = lab_restarter(false);
	l = lab_with_routes(&c, &o);
	lab_drop(&l);
	lab_run_ms(&l, 2000);
	o = lab_open();
	lab_establish(&l, &o);
	assert_true(lab_none_there(&l));
	bnet_free(l.net);
}

/* Consecutive restarts (RFC 4724 4.2): only what the last session told is kept. */
static void test_consecutive(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_restarter(false);
	struct lab l = lab_with_routes(&c, &o);

	(void)state;
	lab_drop(&l);
	lab_run_ms(&l, 2000);
	lab_establish(&l, &o);
	lab_update(&l, LAB_SOUND, LAB_NET_201);
	lab_drop(&l);
	assert_null(bnet_route(l.a, LAB_ROUTE_200));
	assert_non_null(bnet_route(l.a, LAB_ROUTE_201));
	assert_null(bnet_route(l.a, LAB_ROUTE_V6));
	lab_run_ms(&l, 61000);
	assert_true(lab_none_there(&l));
	bnet_free(l.net);
}

/* How a session ends, and whether what the peer taught us stays then. */
static const struct {
	const char *what;
	bool notification; /* the peer knows RFC 8538 */
	enum { BY_PEER, BY_HOLD, BY_STOP, BY_PATH, BY_CLOSE } how;
	uint8_t code, subcode;
	bool stays;
} endings[] = {
	{ "the peer closes", false, BY_CLOSE, 0, 0, true },
	{ "a NOTIFICATION, RFC 4724", false, BY_PEER, BGP_ERR_CEASE, BGP_CEASE_RESET, false },
	{ "a NOTIFICATION, RFC 8538", true, BY_PEER, BGP_ERR_CEASE, BGP_CEASE_RESET, true },
	{ "an error of ours", true, BY_PEER, BGP_ERR_UPDATE, BGP_UPDATE_LENGTH, true },
	{ "a Hard Reset", true, BY_PEER, BGP_ERR_CEASE, BGP_CEASE_HARD_RESET, false },
	{ "a shutdown", true, BY_PEER, BGP_ERR_CEASE, BGP_CEASE_SHUTDOWN, false },
	{ "deconfigured", true, BY_PEER, BGP_ERR_CEASE, BGP_CEASE_DECONFIGURED, false },
	{ "hold timer, RFC 4724", false, BY_HOLD, 0, 0, false },
	{ "hold timer, RFC 8538", true, BY_HOLD, 0, 0, true },
	{ "a command", true, BY_STOP, 0, 0, false },
	{ "the tunnel", true, BY_PATH, 0, 0, false },
};

static void test_endings(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		struct bgp_peer_config c = lab_config();
		struct open_msg o = lab_restarter(endings[i].notification);
		struct lab l = lab_with_routes(&c, &o);

		switch (endings[i].how) {
		case BY_PEER: raw_notify(l.net, l.x, endings[i].code, endings[i].subcode); break;
		case BY_HOLD: lab_run_ms(&l, 30000); break;
		case BY_STOP: bgp_peer_stop(l.a->bgp, 1, BGP_CEASE_SHUTDOWN, NULL, l.net->now); break;
		case BY_PATH: bgp_peer_path_lost(l.a->bgp, 1, NULL, l.net->now); break;
		case BY_CLOSE: bnet_raw_close(l.net, l.x); break;
		}
		bnet_pump(l.net, l.a);
		lab_run_ms(&l, 500);
		assert_int_not_equal(l.a->peer[1].state, BGP_ESTABLISHED);
		if (endings[i].stays ? !lab_all_there(&l) : !lab_none_there(&l))
			fail_msg("%s", endings[i].what);
		bnet_free(l.net);
	}
}

/* Kept routes go at once when the peer is stopped, its tunnel falls or it is taken out, while nothing is
 * connected. */
static void test_forgotten(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_restarter(false);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct lab l = lab_with_routes(&c, &o);

		lab_drop(&l);
		assert_true(lab_all_there(&l));
		if (i == 0)
			bgp_peer_stop(l.a->bgp, 1, BGP_CEASE_SHUTDOWN, NULL, l.net->now);
		else if (i == 1)
			bgp_peer_path_lost(l.a->bgp, 1, NULL, l.net->now);
		else
			bgp_peer_remove(l.a->bgp, 1, l.net->now);
		bnet_pump(l.net, l.a);
		assert_true(lab_none_there(&l));
		bnet_free(l.net);
	}
}

static void test_off(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_restarter(true);
	struct lab l;

	(void)state;
	c.session.restart = BGP_RESTART_OFF;
	l = lab_with_routes(&c, &o);
	lab_drop(&l);
	assert_true(lab_none_there(&l));
	bnet_free(l.net);
}

/* The peer has restarted before we noticed: its new connection takes over with its OPEN, and not before. */
static void test_unnoticed(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_restarter(false);
	struct lab l = lab_with_routes(&c, &o);

	(void)state;
	bnet_raw_connect(l.net, l.x, LAB_THEIRS, LAB_OURS);
	lab_run_ms(&l, 300);
	assert_int_equal(l.a->peer[1].state, BGP_ESTABLISHED); /* a connection alone is nobody's word */
	raw_open(l.net, l.x, &o);
	raw_keepalive(l.net, l.x);
	lab_run_ms(&l, 300);
	assert_int_equal(l.a->peer[1].state, BGP_ESTABLISHED);
	assert_int_equal(l.a->peer[1].established, 2);
	assert_string_equal(l.a->peer[1].why.id, "bgp-peer-restarted");
	assert_true(lab_all_there(&l));
	assert_int_equal(bnet_view(l.a, 1).session.stale[0], 2);
	lab_eor(&l, false);
	lab_eor(&l, true);
	assert_true(lab_none_there(&l));
	bnet_free(l.net);

	/* One that can't restart keeps its session: the newcomer is turned away. */
	o = lab_open();
	l = lab_with_routes(&c, &o);
	bnet_raw_connect(l.net, l.x, LAB_THEIRS, LAB_OURS);
	lab_run_ms(&l, 300);
	assert_true(l.x->raw_closed);
	assert_int_equal(l.a->peer[1].state, BGP_ESTABLISHED);
	bnet_free(l.net);
}

/* The way a stale route goes on to others: not at all until it goes. */
static void test_others_hear_nothing(void **state)
{
	struct bgp_peer_config c = lab_config(),
	                       lan = bnet_peer_config("lan", BGP_PEER_LAN, "10.0.0.10", "10.0.0.20", 65020);
	struct bgp_peer_config back = bnet_peer_config("a", BGP_PEER_LAN, "10.0.0.20", "10.0.0.10", 65001);
	struct open_msg o = lab_restarter(false);
	struct lab l = lab_with_routes(&c, &o);
	struct bnet_node *b = bnet_add(l.net, "b", "10.0.0.20", 65020, "10.0.0.20");
	uint64_t heard;

	(void)state;
	bnet_peer_add(l.a, 2, &lan);
	bnet_peer_add(b, 1, &back);
	bnet_peer_start(l.net, l.a, 2);
	bnet_peer_start(l.net, b, 1);
	for (unsigned i = 0; i < 10; i++) {
		lab_run_ms(&l, 2000);
		raw_keepalive(l.net, l.x);
	}
	assert_non_null(bnet_route(b, LAB_ROUTE_200));
	heard = bnet_view(b, 1).msg_in[2];
	lab_drop(&l);
	lab_run_ms(&l, 3000);
	lab_establish(&l, &o);
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	lab_update(&l, LAB_SOUND, LAB_NET_201);
	lab_eor(&l, false);
	lab_run_ms(&l, 2000);
	assert_int_equal(bnet_view(b, 1).msg_in[2], heard);
	assert_non_null(bnet_route(b, LAB_ROUTE_201));
	bnet_free(l.net);
}

/* What we say of ourselves: as helper no family; with `full` ours, with F once a session has stood. */
static struct restart_capability our_capability(const struct lab *l)
{
	struct open_msg got;
	struct rd body;

	assert_true(raw_received(l->x, BGP_MSG_OPEN, 0, &body));
	assert_int_equal(open_parse(body, &got, NULL), 0);
	assert_true(got.caps.end_of_rib);
	return got.caps.restart;
}

static void test_ours(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_restarter(true);
	struct lab l = lab_with_routes(&c, &o);
	struct restart_capability r = our_capability(&l);

	(void)state;
	assert_true(r.notification && !r.family[0] && !r.family[1] && !r.restarting);
	bgp_peer_stop(l.a->bgp, 1, BGP_CEASE_SHUTDOWN, NULL, l.net->now);
	bnet_pump(l.net, l.a);
	lab_run_ms(&l, 200);
	assert_int_equal(
	    raw_notification(l.x), BGP_ERR_CEASE << 8 | BGP_CEASE_SHUTDOWN); /* nothing is kept for us */
	bnet_free(l.net);

	c.session.restart = BGP_RESTART_FULL;
	c.session.restart_time = mdur_s(90);
	l = lab_with_routes(&c, &o);
	r = our_capability(&l);
	assert_true(r.notification && r.family[0] && r.family[1] && !r.forwarding[0] && !r.restarting);
	assert_int_equal(r.time, 90);
	lab_drop(&l);
	lab_run_ms(&l, 2000);
	lab_establish(&l, &o);
	r = our_capability(&l);
	assert_true(r.forwarding[0] && r.forwarding[1] && !r.restarting);
	bgp_peer_stop(l.a->bgp, 1, BGP_CEASE_SHUTDOWN, NULL, l.net->now);
	bnet_pump(l.net, l.a);
	lab_run_ms(&l, 200);
	assert_int_equal(raw_notification(l.x), BGP_ERR_CEASE << 8 | BGP_CEASE_HARD_RESET);
	bnet_free(l.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_back_in_time),
		cmocka_unit_test(test_never_back),
		cmocka_unit_test(test_stale_time),
		cmocka_unit_test(test_forwarding_lost),
		cmocka_unit_test(test_consecutive),
		cmocka_unit_test(test_endings),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_unnoticed),
		cmocka_unit_test(test_others_hear_nothing),
		cmocka_unit_test(test_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BFD's word on the path, and what becomes of the BGP session (RFC 5882, RFC 9384): ended with Cease 10, its
 * routes gone at once even where graceful restart was agreed, started again by itself; and the C bit while a
 * peer restarts.
 */
#include "tests/support/bgp_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NET_200 "10.200.0.0/16"

static struct open_msg restarter(void)
{
	struct open_msg o = lab_open();

	o.caps.end_of_rib = true;
	o.caps.restart = (struct restart_capability){
		.notification = true, .time = 60, .family = { true, true }, .forwarding = { true, true }
	};
	return o;
}

static struct lab lab_up(void)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = restarter();
	struct lab l = lab_new(&c);

	lab_establish(&l, &o);
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	assert_non_null(bnet_route(l.a, NET_200));
	return l;
}

static void bfd_down(struct lab *l, bool independent)
{
	struct reason why = { 0 };

	reason_set(&why, "bfd-expired", "no packet for 900 ms");
	bgp_peer_bfd_down(l->a->bgp, 1, independent, &why, l->net->now);
	bnet_pump(l->net, l->a);
	lab_run_ms(l, 100);
}

static void test_down(void **state)
{
	struct lab l = lab_up();
	struct open_msg o;

	(void)state;
	bfd_down(&l, false);
	assert_int_equal(l.a->peer[1].state, BGP_IDLE);
	assert_null(bnet_route(l.a, NET_200));
	assert_string_equal(bnet_view(l.a, 1).last_error.id, "bgp-bfd-down");
	assert_non_null(strstr(bnet_view(l.a, 1).last_error.text, "no packet for 900 ms"));
	assert_int_equal(raw_notification(l.x), BGP_ERR_CEASE << 8 | BGP_CEASE_BFD_DOWN);
	/* Again by itself, whatever BFD says meanwhile. */
	lab_run_ms(&l, 3000);
	bfd_down(&l, false);
	assert_int_equal(l.a->peer[1].state, BGP_ACTIVE);
	o = restarter();
	lab_establish(&l, &o);
	assert_int_equal(l.a->peer[1].state, BGP_ESTABLISHED);
	bnet_free(l.net);
}

/* The peer restarts: its routes are kept, unless its BFD would have lived on. */
static void test_while_it_restarts(void **state)
{
	(void)state;
	for (int independent = 0; independent < 2; independent++) {
		struct lab l = lab_up();

		bnet_reset(l.net, l.a, l.x);
		lab_run_ms(&l, 100);
		assert_non_null(bnet_route(l.a, NET_200));
		bfd_down(&l, independent);
		assert_int_equal(bnet_route(l.a, NET_200) == NULL, independent);
		bnet_free(l.net);
	}
}

/* One that is stopped, or not there, has nothing to lose. */
static void test_stopped(void **state)
{
	struct lab l = lab_up();

	(void)state;
	assert_true(bgp_peer_started(l.a->bgp, 1));
	bgp_peer_stop(l.a->bgp, 1, BGP_CEASE_SHUTDOWN, NULL, l.net->now);
	assert_false(bgp_peer_started(l.a->bgp, 1));
	assert_false(bgp_peer_started(l.a->bgp, 2));
	bfd_down(&l, true);
	assert_string_equal(bnet_view(l.a, 1).last_error.id, "bgp-stopped");
	bnet_free(l.net);
}

/* Strict: nothing begins before BFD is up, and what began ends when it falls. */
static void test_strict(void **state)
{
	struct bgp_peer_config c = lab_config(), lax = lab_config();
	struct open_msg o = lab_open();
	struct lab l;

	(void)state;
	c.session.strict_bfd = true;
	l = lab_new(&c);
	bnet_raw_connect(l.net, l.x, LAB_THEIRS, LAB_OURS);
	lab_run_ms(&l, 60000);
	assert_int_equal(l.a->peer[1].state, BGP_IDLE);
	assert_int_equal(raw_count(l.x, BGP_MSG_OPEN), 0);
	assert_string_equal(bnet_view(l.a, 1).last_error.id, "bgp-bfd-waiting");
	bgp_peer_bfd_up(l.a->bgp, 1, l.net->now);
	bnet_pump(l.net, l.a);
	assert_int_equal(l.a->peer[1].state, BGP_ACTIVE);
	lab_establish(&l, &o);
	bgp_peer_bfd_up(l.a->bgp, 1, l.net->now); /* again: nothing new */
	bnet_pump(l.net, l.a);
	assert_int_equal(l.a->peer[1].state, BGP_ESTABLISHED);
	bfd_down(&l, false);
	lab_run_ms(&l, 120000); /* past the idle hold time */
	assert_int_equal(l.a->peer[1].state, BGP_IDLE);
	assert_string_equal(bnet_view(l.a, 1).last_error.id, "bgp-bfd-down");
	bgp_peer_bfd_up(l.a->bgp, 1, l.net->now);
	bnet_pump(l.net, l.a);
	assert_int_equal(l.a->peer[1].state, BGP_ACTIVE);
	lab_establish(&l, &o);
	/* BFD falls before the session is up. */
	bfd_down(&l, false);
	bgp_peer_bfd_up(l.a->bgp, 1, l.net->now);
	lab_run_ms(&l, 120000);
	bnet_raw_connect(l.net, l.x, LAB_THEIRS, LAB_OURS);
	lab_run_ms(&l, 200);
	assert_int_equal(l.a->peer[1].state, BGP_OPENSENT);
	bfd_down(&l, false);
	assert_int_equal(l.a->peer[1].state, BGP_IDLE);
	lab_run_ms(&l, 120000);
	assert_int_equal(l.a->peer[1].state, BGP_IDLE);
	/* Strict no more: it starts without BFD. */
	assert_int_equal(bgp_peer_update(l.a->bgp, 1, &lax, l.net->now, NULL), 0);
	bnet_pump(l.net, l.a);
	assert_int_equal(l.a->peer[1].state, BGP_ACTIVE);
	lab_establish(&l, &o);
	bnet_free(l.net);
}

/* A connection that was refused is tried again only while BFD is up. */
static void test_strict_retry(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct lab l;

	(void)state;
	c.session.strict_bfd = true;
	c.mode = BGP_MODE_ACTIVE;
	assert_int_equal(addr_parse("10.100.255.253", &c.remote), 0); /* nobody listens there */
	l = lab_new(&c);
	bgp_peer_bfd_up(l.a->bgp, 1, l.net->now);
	bnet_pump(l.net, l.a);
	lab_run_ms(&l, 500);
	assert_int_equal(l.a->peer[1].state, BGP_ACTIVE);
	bfd_down(&l, false);
	lab_run_ms(&l, 600000);
	assert_int_equal(l.a->peer[1].state, BGP_IDLE);
	bgp_peer_bfd_up(l.a->bgp, 1, l.net->now);
	bnet_pump(l.net, l.a);
	assert_int_not_equal(l.a->peer[1].state, BGP_IDLE);
	bnet_free(l.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_down),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_strict_retry),
		cmocka_unit_test(test_while_it_restarts),
		cmocka_unit_test(test_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

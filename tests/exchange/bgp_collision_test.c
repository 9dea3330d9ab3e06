/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two connections between the same speakers (RFC 4271 6.8): which one stays, for every order of the OPENs,
 * every relation of the identifiers and every state of the one that was first; and that two speakers that
 * both connect come to one session, whatever the network does to the order.
 */
#include "tests/support/bgp_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SEEDS 60

static struct lab lab_passive(void)
{
	struct bgp_peer_config c = lab_config();

	return lab_new(&c);
}

static struct lab lab_both(uint32_t peer_as)
{
	struct bgp_peer_config c = lab_config();

	c.peer_as = peer_as;
	c.mode = BGP_MODE_BOTH;
	return lab_new(&c);
}

static struct lab lab_up(void)
{
	struct lab l = lab_passive();
	struct open_msg o = lab_open();

	lab_establish(&l, &o);
	return l;
}

/* On the connection that raw_conn names. */
static void establish(struct lab *l, const struct open_msg *o)
{
	raw_open(l->net, l->x, o);
	raw_keepalive(l->net, l->x);
	lab_run_ms(l, 500);
	assert_int_equal(l->a->peer[1].state, BGP_ESTABLISHED);
}

/* --- the table --- */
enum { OURS, THEIRS }; /* who opened the connection */

/* How far the first connection has come when x's OPEN arrives on the second one. */
static void first_comes(struct lab *l, enum bgp_state state, uint64_t conn, const struct open_msg *o)
{
	if (state == BGP_OPENSENT)
		return;
	lab_run_ms(l, 6000); /* the second one has been silent too long for a rival */
	l->x->raw_conn = conn;
	raw_open(l->net, l->x, o);
	if (state == BGP_ESTABLISHED)
		raw_keepalive(l->net, l->x);
	lab_run_ms(l, 200);
	assert_int_equal(l->a->peer[1].state, state);
}

static void collide(
    const char *router_id, uint32_t peer_as, bool ours_dominates, enum bgp_state state, unsigned second)
{
	struct lab l = lab_both(peer_as);
	struct open_msg o = raw_open_msg(peer_as, router_id);
	uint64_t conn[2];
	unsigned stays = state == BGP_ESTABLISHED ? !second : ours_dominates ? OURS : THEIRS;

	lab_run_ms(&l, 200);
	conn[OURS] = l.x->raw_conn;
	assert_true(conn[OURS] != 0);
	bnet_raw_connect(l.net, l.x, LAB_THEIRS, LAB_OURS);
	conn[THEIRS] = l.x->raw_conn;
	lab_run_ms(&l, 200);
	first_comes(&l, state, conn[!second], &o);
	l.x->raw_len = 0; /* of both connections, from here on */
	l.x->raw_conn = conn[second];
	raw_open(l.net, l.x, &o);
	l.x->raw_conn = conn[!stays];
	lab_run_ms(&l, 200);
	if (!l.x->raw_closed || raw_notification(l.x) != (BGP_ERR_CEASE << 8 | BGP_CEASE_COLLISION))
		fail_msg("%s, %s, second by %s: notification %x", router_id, bgp_state_name(state),
		    second == OURS ? "us" : "them", raw_notification(l.x));
	/* Who loses is never told that it was confirmed: it could be established there (6.8). */
	assert_int_equal(raw_count(l.x, BGP_MSG_KEEPALIVE), second == stays && state != BGP_ESTABLISHED);
	l.x->raw_conn = conn[stays];
	l.x->raw_closed = false;
	if (state == BGP_OPENSENT && second != stays)
		raw_open(l.net, l.x, &o);
	raw_keepalive(l.net, l.x);
	lab_run_ms(&l, 500);
	assert_int_equal(l.a->peer[1].state, BGP_ESTABLISHED);
	assert_int_equal(l.a->peer[1].established, 1);
	assert_false(l.x->raw_closed);
	bnet_free(l.net);
}

static void test_table(void **state)
{
	static const struct {
		const char *router_id;
		uint32_t peer_as;
		bool ours_dominates;
	} row[] = {
		{ "10.0.0.9", 65515, true },      /* ours is higher: what we opened stays */
		{ "9.255.255.255", 65515, true }, /* as numbers, not octet by octet from the end */
		{ "10.0.0.11", 65515, false },
		{ "10.0.0.10", 65515, false }, /* equal: the higher AS (RFC 6286 2.3) */
		{ "10.0.0.10", 64999, true },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		for (int s = BGP_OPENSENT; s <= BGP_ESTABLISHED; s++)
			for (unsigned second = OURS; second <= THEIRS; second++)
				collide(row[i].router_id, row[i].peer_as, row[i].ours_dominates,
				    (enum bgp_state)s, second);
}

/* --- two speakers, both active --- */
static bool both_up(struct bnet *net, void *arg)
{
	(void)arg;
	return net->node[0].peer[1].state == BGP_ESTABLISHED && net->node[1].peer[1].state == BGP_ESTABLISHED;
}

static void meet(uint32_t seed, const char *id_b, uint32_t as_b)
{
	struct bgp_peer_config ca = bnet_peer_config("b", BGP_PEER_LAN, LAB_OURS, LAB_THEIRS, as_b),
	                       cb = bnet_peer_config("a", BGP_PEER_LAN, LAB_THEIRS, LAB_OURS, 65001);
	struct bnet *net = bnet_new(seed);
	struct bnet_node *a = bnet_add(net, "a", LAB_OURS, 65001, "10.0.0.10"),
	                 *b = bnet_add(net, "b", LAB_THEIRS, as_b, id_b);

	ca.ipv4 = cb.ipv4 = true;
	net->delay_ms = 1 + seed % 400;
	net->cut = seed % 3;
	bnet_peer_add(a, 1, &ca);
	bnet_peer_add(b, 1, &cb);
	bnet_announce(net, a, "10.0.0.0/16");
	bnet_peer_start(net, a, 1);
	bnet_run(net, mdur_ms(seed % 5 * 90));
	bnet_peer_start(net, b, 1);
	assert_true(bnet_until(net, mdur_s(30), both_up, NULL));
	bnet_run(net, mdur_s(60));
	/* One session, on one connection, that never fell. */
	assert_true(both_up(net, NULL));
	assert_int_equal(a->peer[1].established, 1);
	assert_int_equal(b->peer[1].established, 1);
	assert_int_equal(bnet_connections(net, a, b), 1);
	assert_non_null(bnet_route(b, "10.0.0.0/16"));
	bnet_free(net);
}

static void test_both_active(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= SEEDS; seed++) {
		meet(seed, "10.0.0.9", 65515);
		meet(seed, "10.0.0.11", 65515);
		meet(seed, "10.0.0.10", 65515); /* equal */
		meet(seed, "10.0.0.10", 64999);
		meet(seed, "10.0.0.11", 65001); /* internal */
	}
}

/* --- a second connection that is no rival --- */
/* One that has stood silent for long is no rival: its other end may be dead. */
static void test_silent_rival(void **state)
{
	struct lab l = lab_both(65515);
	struct open_msg o = raw_open_msg(65515, "10.0.0.11"); /* what x opens would win */
	uint64_t ours;

	(void)state;
	bnet_run(l.net, mdur_ms(200));
	ours = l.x->raw_conn;
	bnet_raw_connect(l.net, l.x, LAB_THEIRS, LAB_OURS);
	bnet_run(l.net, mdur_s(30));
	l.x->raw_conn = ours;
	establish(&l, &o);
	bnet_free(l.net);
}

/* A peer that died after connecting comes back: the next connection is taken, long before the first one's
 * four minutes are over. */
static void test_stale_incoming(void **state)
{
	struct lab l = lab_passive();
	struct open_msg o = raw_open_msg(65515, LAB_THEIRS);

	(void)state;
	bnet_raw_connect(l.net, l.x, LAB_THEIRS, LAB_OURS);
	bnet_run(l.net, mdur_s(2));
	bnet_raw_connect(l.net, l.x, LAB_THEIRS, LAB_OURS); /* too soon: the first may still speak */
	bnet_run(l.net, mdur_s(2));
	assert_int_equal(bnet_view(l.a, 1).msg_out[BGP_MSG_OPEN], 1);
	bnet_run(l.net, mdur_s(2));
	bnet_raw_connect(l.net, l.x, LAB_THEIRS, LAB_OURS);
	bnet_run(l.net, mdur_ms(300));
	assert_int_equal(bnet_view(l.a, 1).msg_out[BGP_MSG_OPEN], 2);
	establish(&l, &o);
	bnet_free(l.net);
}

/* A second connection is refused while the session stands, and harms nothing. */
static void test_second_when_established(void **state)
{
	struct lab l = lab_up();
	uint64_t first = l.x->raw_conn;

	(void)state;
	bnet_raw_connect(l.net, l.x, LAB_THEIRS, LAB_OURS);
	bnet_run(l.net, mdur_ms(300));
	assert_int_equal(l.a->peer[1].state, BGP_ESTABLISHED);
	l.x->raw_conn = first;
	raw_update(l.net, l.x, "", LAB_SOUND, LAB_NET_200);
	bnet_run(l.net, mdur_ms(300));
	assert_non_null(bnet_route(l.a, "10.200.0.0/16"));
	bnet_free(l.net);
}

/* The second one was open already, silent, when the first was established: its OPEN is answered with Cease.
 */
static void test_late_second(void **state)
{
	struct lab l = lab_both(65515);
	struct open_msg o = raw_open_msg(65515, LAB_THEIRS);
	uint64_t first, second;

	(void)state;
	bnet_run(l.net, mdur_ms(200));
	first = l.x->raw_conn;
	bnet_raw_connect(l.net, l.x, LAB_THEIRS, LAB_OURS);
	second = l.x->raw_conn;
	bnet_run(l.net, mdur_s(10)); /* too long for two that cross */
	l.x->raw_conn = first;
	establish(&l, &o);
	l.x->raw_conn = second;
	l.x->raw_len = 0;
	raw_open(l.net, l.x, &o);
	bnet_run(l.net, mdur_ms(300));
	assert_int_equal(raw_notification(l.x), BGP_ERR_CEASE << 8 | BGP_CEASE_COLLISION);
	assert_int_equal(l.a->peer[1].state, BGP_ESTABLISHED);
	bnet_free(l.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_both_active),
		cmocka_unit_test(test_silent_rival),
		cmocka_unit_test(test_stale_incoming),
		cmocka_unit_test(test_second_when_established),
		cmocka_unit_test(test_late_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

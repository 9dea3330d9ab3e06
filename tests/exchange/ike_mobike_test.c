/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MOBIKE (RFC 4555) between two cores: addresses change on either side, with traffic, NATs, loss, rekeys that
 * cross, and somebody who repeats or forges. Where all goes well the SAs keep their SPIs and both ends their
 * tunnel.
 */
#include "tests/support/ike_net.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#define IKE "aes256-sha256-ecp256"
#define ESP "aes256gcm16"

static const mdur tick = { 50 * (int64_t)1000000 };

/* A pair that is up, with traffic. */
static void start(struct ike_net *net, uint64_t seed, bool ours, bool theirs)
{
	struct ike_conn_config a, b;

	ike_net_init(net, seed, 2);
	a = ike_net_config(net, 0, 1, IKE, ESP);
	b = ike_net_config(net, 1, 0, IKE, ESP);
	b.role = IKE_ROLE_RESPOND;
	a.mobike = ours;
	b.mobike = theirs;
	/* Who moves is known by name, not by address. */
	a.local_id.type = IKE_ID_FQDN;
	a.local_id.len = 1;
	a.local_id.data[0] = 'a';
	b.remote_id = a.local_id;
	ike_net_add(net, 0, &a);
	ike_net_add(net, 1, &b);
	ike_net_start_pair(net);
	net->traffic = tick;
	net->next_traffic = net->now;
	ike_net_run(net, mdur_s(1));
}

/* Good until it is called for the same end again. */
static const struct ike_conn_view *view(const struct ike_net *net, unsigned i)
{
	static struct ike_conn_view v[2];

	assert_int_equal(ike_conn_view(net->peer[i].ike, IKE_NET_CONN, &v[i]), 0);
	return &v[i];
}

static void tell(struct ike_net *net, unsigned i, const struct addr *first, const struct addr *second)
{
	struct addr list[2] = { *first, second ? *second : (struct addr){ 0 } };

	ike_fact_locals(net->peer[i].ike, IKE_NET_CONN, list, second ? 2 : 1, net->now);
	ike_net_drain(net);
}

/* The old address of peer 0 is gone, it has another. */
static void move(struct ike_net *net, uint32_t to)
{
	net->peer[0].addr = addr_v4(to);
	tell(net, 0, &net->peer[0].addr, NULL);
}

/* Both ends send between these two, all SAs of both data planes, and nothing gets lost. */
static void assert_between(struct ike_net *net, const struct addr *a, const struct addr *b, bool udp)
{
	unsigned stray[2] = { net->peer[0].esp_stray, net->peer[1].esp_stray },
	         missed = net->peer[0].esp_missed;

	ike_net_assert(net, ike_net_check_rest(net, 0, 1));
	for (unsigned i = 0; i < 2; i++) {
		const struct ike_conn_view *v = view(net, i);

		if (!addr_eq(&v->local.addr, i ? b : a) || !addr_eq(&v->remote.addr, i ? a : b))
			fail_msg("seed %llu: end %u is %s", (unsigned long long)net->seed, i,
			    endpoint_str(&v->remote));
		assert_int_equal(v->udp_encap, udp);
		for (unsigned j = 0; j < IKE_NET_SAS; j++) {
			const struct ike_child_sa *sa = &net->peer[i].sa[j].sa;

			if (!net->peer[i].sa[j].used)
				continue;
			assert_true(endpoint_eq(&sa->local, &v->local));
			assert_true(endpoint_eq(&sa->remote, &v->remote));
			assert_int_equal(sa->udp_encap, udp);
		}
	}
	ike_net_run(net, mdur_s(1));
	assert_int_equal(net->peer[0].esp_stray, stray[0]);
	assert_int_equal(net->peer[1].esp_stray, stray[1]);
	assert_int_equal(net->peer[0].esp_missed, missed);
}

static void finish(struct ike_net *net)
{
	net->peer[0].dead = net->peer[1].dead = (struct addr){ 0 };
	ike_net_finish(net);
}

static void test_agreed(void **state)
{
	struct ike_net net;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		bool ours = i & 1, theirs = i & 2;

		start(&net, 100 + i, ours, theirs);
		assert_int_equal(view(&net, 0)->mobike, ours && theirs);
		assert_int_equal(view(&net, 1)->mobike, ours && theirs);
		assert_int_equal(view(&net, 0)->local.port, ours ? 4500 : 500); /* 3.3 */
		assert_false(view(&net, 0)->udp_encap);
		assert_false(view(&net, 1)->udp_encap);
		finish(&net);
	}
}

static void test_moves(void **state)
{
	struct ike_net net;
	uint32_t spi;

	(void)state;
	start(&net, 1, true, true);
	spi = net.peer[0].live_in;
	for (uint32_t to = 0xc0000210; to < 0xc0000214; to++) {
		unsigned moved = net.peer[0].moved, stray = net.peer[1].esp_stray;

		move(&net, to);
		ike_net_run(&net, mdur_ms(500));
		assert_between(&net, &net.peer[0].addr, &net.peer[1].addr, false);
		assert_int_equal(net.peer[0].moved, moved + 1);
		/* Two round trips of at most 60 ms until the peer's ESP follows. */
		assert_in_range(net.peer[1].esp_stray - stray, 1, 4);
	}
	assert_int_equal(net.peer[0].live_in, spi);
	assert_int_equal(net.peer[0].downs + net.peer[1].downs, 0);
	finish(&net);
}

/* Without MOBIKE at the peer nothing moves, and nothing is asked for. */
static void test_peer_without(void **state)
{
	struct ike_net net;

	(void)state;
	for (unsigned i = 1; i < 3; i++) {
		start(&net, 2, i & 1, i & 2);
		net.peer[0].more = addr_v4(0xc0000210);
		tell(&net, 0, &net.peer[0].more, NULL);
		ike_net_run(&net, mdur_s(1));
		assert_int_equal(net.peer[0].moved + net.peer[1].moved, 0);
		assert_between(&net, &net.peer[0].addr, &net.peer[1].addr, false);
		finish(&net);
	}
}

static void test_nat_comes_and_goes(void **state)
{
	struct ike_net net;

	(void)state;
	start(&net, 3, true, true);
	net.peer[0].nat = true;
	net.peer[0].nat_offset = 1000;
	move(&net, 0x0a000005);
	ike_net_run(&net, mdur_s(1));
	assert_int_equal(view(&net, 0)->nat_local, true);
	assert_int_equal(view(&net, 1)->nat_remote, true);
	assert_true(view(&net, 0)->udp_encap && view(&net, 1)->udp_encap);
	assert_true(addr_eq(&view(&net, 1)->remote.addr, &net.peer[0].public));
	assert_int_equal(view(&net, 1)->remote.port, 5500);

	/* The NAT gives another port: the next probe finds out (3.8). */
	net.traffic = MDUR_ZERO;
	net.peer[0].nat_offset = 2000;
	ike_net_run(&net, mdur_s(25));
	assert_int_equal(view(&net, 1)->remote.port, 6500);
	assert_int_equal(net.peer[0].downs + net.peer[1].downs, 0);

	net.peer[0].nat = false;
	net.peer[0].nat_offset = 0;
	move(&net, 0xc0000210);
	ike_net_run(&net, mdur_s(1));
	net.traffic = tick;
	net.next_traffic = net.now;
	assert_between(&net, &net.peer[0].addr, &net.peer[1].addr, false);
	finish(&net);
}

/* The responder never moves; but it tells of its other address, and that is found when the first is silent.
 */
static void test_other_address_of_peer(void **state)
{
	struct ike_conn_config b;
	struct ike_net net;
	struct reason why;

	(void)state;
	start(&net, 4, true, true);
	b = ike_net_config(&net, 1, 0, IKE, ESP);
	b.role = IKE_ROLE_RESPOND;
	b.mobike = true;
	b.local = (struct addr){ 0 };
	assert_int_equal(ike_conn_update(net.peer[1].ike, IKE_NET_CONN, &b, &why), 0);
	net.peer[1].more = addr_v4(0xc0000220);
	tell(&net, 1, &net.peer[1].addr, &net.peer[1].more);
	ike_net_run(&net, mdur_s(1));
	assert_int_equal(net.peer[0].moved + net.peer[1].moved, 0);

	net.peer[1].dead = net.peer[1].addr;
	ike_net_run(&net, mdur_s(25));
	assert_between(&net, &net.peer[0].addr, &net.peer[1].more, false);
	assert_int_equal(net.peer[0].downs + net.peer[1].downs, 0);
	finish(&net);
}

/* The same, but it won't have a tunnel there: what was tried in vain ends with a new tunnel. */
static void test_unacceptable(void **state)
{
	struct ike_net net;

	(void)state;
	start(&net, 5, true, true);
	net.peer[1].more = addr_v4(0xc0000220);
	tell(&net, 1, &net.peer[1].addr, &net.peer[1].more);
	ike_net_run(&net, mdur_s(1));
	net.peer[1].dead = net.peer[1].addr;
	ike_net_run(&net, mdur_s(25));
	assert_int_equal(net.peer[0].downs, 1);
	assert_string_equal(net.peer[0].why.id, "ike-refused");
	assert_non_null(strstr(net.peer[0].why.text, "UNACCEPTABLE_ADDRESSES"));
	net.peer[1].dead = (struct addr){ 0 };
	assert_true(ike_net_run_until(&net, mdur_s(60), ike_net_both_up));
	finish(&net);
}

/* Our first address is dead, though nobody says so: the second is found by trying. */
static void test_silent_path(void **state)
{
	struct ike_net net;

	(void)state;
	start(&net, 6, true, true);
	net.peer[0].more = addr_v4(0xc0000210);
	tell(&net, 0, &net.peer[0].addr, &net.peer[0].more);
	net.peer[0].dead = net.peer[0].addr;
	ike_net_run(&net, mdur_s(25));
	assert_between(&net, &net.peer[0].more, &net.peer[1].addr, false);
	assert_int_equal(net.peer[0].downs + net.peer[1].downs, 0);
	finish(&net);
}

struct capture {
	unsigned from;
	bool requests_blocked; /* what `from` asks is lost */
	bool broken;           /* a bit of what it sends is turned */
	uint8_t data[2000];    /* the last of its messages */
	size_t len;
};

static bool tap(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	struct capture *c = ctx;

	(void)net;
	if (from != c->from)
		return true;
	assert_true(*len <= sizeof(c->data));
	memcpy(c->data, data, *len);
	c->len = *len;
	if (c->broken)
		data[*len - 1] ^= 1;
	return !(c->requests_blocked && !(data[19] & 0x20));
}

/* An update that somebody changed, or repeats from elsewhere, moves nothing. */
static void test_forged(void **state)
{
	struct endpoint stranger = { addr_v4(0xcb007107), 4500 };
	struct capture c = { .from = 0, .broken = true };
	struct endpoint before;
	struct ike_net net;

	(void)state;
	start(&net, 7, true, true);
	before = view(&net, 1)->remote;
	net.tap = tap;
	net.tap_ctx = &c;
	move(&net, 0xc0000210);
	assert_true(c.len > 28); /* the update is on its way, and broken */
	ike_net_run(&net, mdur_ms(300));
	assert_true(endpoint_eq(&view(&net, 1)->remote, &before));
	assert_int_equal(net.peer[1].moved, 0);
	c.broken = false;
	ike_net_run(&net, mdur_s(3));
	assert_between(&net, &net.peer[0].addr, &net.peer[1].addr, false);

	net.tap = NULL;
	ike_net_inject(&net, 1, &stranger, true, c.data, c.len);
	ike_net_run(&net, mdur_ms(300));
	assert_between(&net, &net.peer[0].addr, &net.peer[1].addr, false);
	finish(&net);
}

/* ESP does not follow to an address that does not answer (3.7), and the SA ends. */
static void test_check_fails(void **state)
{
	struct capture c = { .from = 1, .requests_blocked = true };
	struct endpoint before;
	struct ike_net net;

	(void)state;
	start(&net, 8, true, true);
	net.tap = tap;
	net.tap_ctx = &c;
	before = view(&net, 1)->remote;
	move(&net, 0xc0000210);
	ike_net_run(&net, mdur_s(5));
	assert_true(addr_eq(&view(&net, 1)->remote.addr, &net.peer[0].addr)); /* IKE is there */
	assert_int_equal(net.peer[1].moved, 0);
	for (unsigned j = 0; j < IKE_NET_SAS; j++)
		if (net.peer[1].sa[j].used)
			assert_true(endpoint_eq(&net.peer[1].sa[j].sa.remote, &before));
	ike_net_run(&net, mdur_s(600));
	assert_in_range(net.peer[1].downs, 1, 100);
	net.tap = NULL;
	finish(&net);
}

/* It moves again while the check is under way: the first answer proves nothing about the second address. */
static void test_moves_during_check(void **state)
{
	struct capture c = { .from = 1, .requests_blocked = true };
	struct ike_net net;

	(void)state;
	start(&net, 9, true, true);
	net.tap = tap;
	net.tap_ctx = &c;
	move(&net, 0xc0000210);
	ike_net_run(&net, mdur_ms(300));
	c.requests_blocked = false;
	move(&net, 0xc0000211);
	ike_net_run(&net, mdur_s(2));
	assert_between(&net, &net.peer[0].addr, &net.peer[1].addr, false);
	assert_int_equal(net.peer[1].moved, 1);
	finish(&net);
}

/* Rekeys of both kinds, by either end, just before or just after the address changes. */
static void test_crosses_rekey(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		unsigned by = i & 1, ike = i & 2, first = i & 4, lossy = i & 8;
		struct ike_net net;

		start(&net, 1000 + i, true, true);
		net.loss = net.repeat = lossy ? 20 : 0;
		net.esp_lossless = true;
		if (!first)
			move(&net, 0xc0000210);
		if (i & 16)
			ike_net_run(&net, mdur_ms(i & 32 ? 25 : 45));
		assert_int_equal(ike ? ike_conn_rekey_ike(net.peer[by].ike, IKE_NET_CONN, net.now)
		                     : ike_conn_rekey_child(net.peer[by].ike, IKE_NET_CONN, net.now),
		    0);
		ike_net_drain(&net);
		if (first) {
			if (i & 16)
				ike_net_run(&net, mdur_ms(i & 32 ? 25 : 45));
			move(&net, 0xc0000210);
		}
		ike_net_run(&net, mdur_s(20));
		net.loss = net.repeat = 0;
		ike_net_run(&net, mdur_s(250)); /* what was replaced goes */
		assert_between(&net, &net.peer[0].addr, &net.peer[1].addr, false);
		if (net.peer[0].downs + net.peer[1].downs)
			fail_msg("seed %u: the tunnel was lost", 1000 + i);
		finish(&net);
	}
}

/* The successor of the IKE SA moves as its predecessor did, and as often; the child SA is the same all along.
 */
static void test_moves_after_ike_rekey(void **state)
{
	(void)state;
	for (unsigned by = 0; by < 2; by++) {
		struct ike_net net;
		uint32_t spi;

		start(&net, 3000 + by, true, true);
		spi = net.peer[0].live_in;
		for (uint32_t to = 0xc0000210; to < 0xc0000213; to++) {
			assert_int_equal(ike_conn_rekey_ike(net.peer[by].ike, IKE_NET_CONN, net.now), 0);
			ike_net_drain(&net);
			ike_net_run(&net, mdur_s(2));
			assert_int_equal(view(&net, 0)->mobike && view(&net, 1)->mobike, true);
			move(&net, to);
			ike_net_run(&net, mdur_ms(500));
			assert_between(&net, &net.peer[0].addr, &net.peer[1].addr, false);
		}
		assert_int_equal(net.peer[by].ike_rekeys, 3);
		assert_int_equal(net.peer[0].live_in, spi);
		assert_int_equal(net.peer[0].moved, 3);
		assert_int_equal(net.peer[0].downs + net.peer[1].downs, 0);
		finish(&net);
	}
}

/* Its update is lost, and meanwhile the peer has replaced the SA it was about: asked anew on the successor.
 */
static void test_update_outlived(void **state)
{
	struct capture c = { .from = 0, .requests_blocked = true };
	struct ike_net net;
	struct addr first;

	(void)state;
	start(&net, 11, true, true);
	first = net.peer[0].addr;
	net.tap = tap;
	net.tap_ctx = &c;
	net.peer[0].more = addr_v4(0xc0000210);
	tell(&net, 0, &net.peer[0].more, &first);
	assert_int_equal(ike_conn_rekey_ike(net.peer[1].ike, IKE_NET_CONN, net.now), 0);
	ike_net_drain(&net);
	ike_net_run(&net, mdur_ms(400));
	assert_int_equal(net.peer[1].ike_rekeys, 1);
	assert_true(addr_eq(&view(&net, 1)->remote.addr, &first)); /* it knows nothing yet */
	c.requests_blocked = false;
	ike_net_run(&net, mdur_s(10));
	assert_between(&net, &net.peer[0].more, &net.peer[1].addr, false);
	assert_int_equal(net.peer[0].downs + net.peer[1].downs, 0);
	finish(&net);
}

static struct addr v6(uint8_t last)
{
	uint8_t b[16] = { 0x20, 1, 0x0d, 0xb8 };

	b[15] = last;
	return addr_from_bytes(6, b);
}

/* From IPv4 to IPv6, for which the peer has told an address of its own (3.4), on to another one, and back. */
static void test_families(void **state)
{
	struct addr ours4, theirs4, theirs6 = v6(2);
	struct ike_conn_config b;
	struct ike_net net;
	struct reason why;
	uint32_t spi;

	(void)state;
	start(&net, 10, true, true);
	spi = net.peer[0].live_in;
	ours4 = net.peer[0].addr;
	theirs4 = net.peer[1].addr;
	b = ike_net_config(&net, 1, 0, IKE, ESP);
	b.role = IKE_ROLE_RESPOND;
	b.mobike = true;
	b.local = (struct addr){ 0 };
	assert_int_equal(ike_conn_update(net.peer[1].ike, IKE_NET_CONN, &b, &why), 0);
	net.peer[1].more = theirs6;
	tell(&net, 1, &theirs4, &theirs6);
	ike_net_run(&net, mdur_s(1));
	for (uint8_t i = 0; i < 2; i++) {
		net.peer[0].addr = v6((uint8_t)(0x10 + i));
		tell(&net, 0, &net.peer[0].addr, NULL);
		ike_net_run(&net, mdur_ms(500));
		assert_between(&net, &net.peer[0].addr, &theirs6, false);
	}
	/* The peer tells its other addresses anew: those that it isn't talked to at. */
	tell(&net, 1, &theirs6, &theirs4);
	ike_net_run(&net, mdur_s(1));
	net.peer[0].addr = ours4;
	tell(&net, 0, &ours4, NULL);
	ike_net_run(&net, mdur_ms(500));
	assert_between(&net, &ours4, &theirs4, false);
	assert_int_equal(net.peer[0].live_in, spi);
	assert_int_equal(net.peer[0].downs + net.peer[1].downs, 0);
	finish(&net);
}

/* 30 percent of all datagrams are lost, and it moves and moves. */
static void test_loss(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 25; i++) {
		struct ike_net net;

		start(&net, 2000 + i, true, true);
		net.loss = 30;
		net.repeat = net.reorder = 10;
		net.esp_lossless = true;
		for (unsigned j = 0; j < 5; j++) {
			move(&net, 0xc0000210 + j);
			ike_net_run(&net, mdur_ms((int64_t)(ike_net_random(&net) % 3000)));
		}
		ike_net_run(&net, mdur_s(15));
		net.loss = net.repeat = net.reorder = 0;
		ike_net_run(&net, mdur_s(20));
		assert_between(&net, &net.peer[0].addr, &net.peer[1].addr, false);
		if (net.peer[0].downs + net.peer[1].downs)
			fail_msg("seed %u: the tunnel was lost", 2000 + i);
		finish(&net);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agreed),
		cmocka_unit_test(test_moves),
		cmocka_unit_test(test_peer_without),
		cmocka_unit_test(test_nat_comes_and_goes),
		cmocka_unit_test(test_other_address_of_peer),
		cmocka_unit_test(test_unacceptable),
		cmocka_unit_test(test_silent_path),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_check_fails),
		cmocka_unit_test(test_moves_during_check),
		cmocka_unit_test(test_crosses_rekey),
		cmocka_unit_test(test_moves_after_ike_rekey),
		cmocka_unit_test(test_update_outlived),
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

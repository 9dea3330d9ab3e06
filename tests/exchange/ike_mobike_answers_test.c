/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MOBIKE notification by notification (RFC 4555 3.5 to 3.9): the test speaks with the peer's keys, from
 * whatever address it likes, as the end that moves or as the one that follows.
 */
#include "ike/nat.h"
#include "tests/support/ike_talk.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#define X IKE_X_INFORMATIONAL

static const struct endpoint elsewhere = { { 4, { 198, 51, 100, 7 } }, 4500 };

static void configure(struct ike_net *net, bool peer0_begins)
{
	struct reason why;

	for (unsigned i = 0; i < 2; i++) {
		struct ike_conn_config c =
		    ike_net_config(net, i, !i, "aes128-sha256-curve25519", "aes128gcm16");

		c.mobike = true;
		c.role = (i == 0) == peer0_begins ? IKE_ROLE_BOTH : IKE_ROLE_RESPOND;
		assert_int_equal(ike_conn_update(net->peer[i].ike, IKE_NET_CONN, &c, &why), 0);
	}
}

static void we_begin(struct ike_net *net)
{
	configure(net, true);
}

static void they_begin(struct ike_net *net)
{
	configure(net, false);
}

static void start(struct talk *t, bool ours)
{
	talk_start_with(t, "aes128gcm16", ours ? we_begin : they_begin);
	assert_true(t->ours->mobike.on && t->theirs->mobike.on);
	assert_int_equal(t->ours->origin.by_us, ours);
	t->from.port = 4500;
	t->natt = true;
}

static void put(struct talk *t, uint16_t type, const void *data, size_t len)
{
	ike_build_notify(&t->b, IKE_PROTO_NONE, NULL, type, data, len);
}

static const struct ike_notify *find(const struct ike_payloads *p, uint16_t type, size_t len)
{
	const struct ike_notify *n = ike_notify_find(p, type);

	assert_non_null(n);
	assert_int_equal(n->data.len, len);
	return n;
}

/* Peer 0 is elsewhere; its update, of which the COOKIE2 comes back. */
static void move(struct talk *t, uint32_t to, uint8_t cookie2[IKE_COOKIE2_LEN])
{
	struct addr a = addr_v4(to);
	struct ike_payloads p;

	t->net.peer[0].addr = a;
	ike_fact_locals(t->net.peer[0].ike, IKE_NET_CONN, &a, 1, t->net.now);
	ike_net_drain(&t->net);
	talk_request(t, X, &p);
	memcpy(cookie2, find(&p, IKE_N_COOKIE2, IKE_COOKIE2_LEN)->data.data, IKE_COOKIE2_LEN);
}

static void test_our_update(void **state)
{
	static struct talk t;
	struct addr a = addr_v4(0xc0000210);
	struct ike_payloads p;
	struct ike_nat_result nat;
	uint8_t cookie2[IKE_COOKIE2_LEN];
	uint32_t first;

	(void)state;
	start(&t, true);
	t.net.peer[0].addr = a;
	ike_fact_locals(t.net.peer[0].ike, IKE_NET_CONN, &a, 1, t.net.now);
	ike_net_drain(&t.net);
	assert_true(t.request.len);
	first = t.request.id;
	talk_request(&t, X, &p);
	find(&p, IKE_N_UPDATE_SA_ADDRESSES, 0);
	memcpy(cookie2, find(&p, IKE_N_COOKIE2, IKE_COOKIE2_LEN)->data.data, sizeof(cookie2));
	nat = ike_nat_detect(&p, t.ours->spi_i, t.ours->spi_r, &t.from, &(struct endpoint){ a, 4500 });
	assert_true(nat.supported && !nat.local && !nat.remote);
	assert_null(ike_notify_find(&p, IKE_N_NO_NATS_ALLOWED));

	/* While it is on its way another change: its answer says nothing, a new one follows. */
	a = addr_v4(0xc0000211);
	t.net.peer[0].addr = a;
	ike_fact_locals(t.net.peer[0].ike, IKE_NET_CONN, &a, 1, t.net.now);
	ike_net_drain(&t.net);
	assert_int_equal(t.request.id, first); /* the same again, from there */
	t.request.len = 0;
	put(&t, IKE_N_COOKIE2, cookie2, sizeof(cookie2));
	put(&t, IKE_N_UNACCEPTABLE_ADDRESSES, NULL, 0);
	talk_reply(&t, X);
	assert_int_equal(t.request.id, first + 1);
	talk_request(&t, X, &p);
	find(&p, IKE_N_UPDATE_SA_ADDRESSES, 0);
	assert_memory_not_equal(
	    find(&p, IKE_N_COOKIE2, IKE_COOKIE2_LEN)->data.data, cookie2, sizeof(cookie2));
	memcpy(cookie2, find(&p, IKE_N_COOKIE2, IKE_COOKIE2_LEN)->data.data, sizeof(cookie2));
	/* The answer says that a NAT is before us. */
	put(&t, IKE_N_COOKIE2, cookie2, sizeof(cookie2));
	ike_nat_build(&t.b, t.ours->spi_i, t.ours->spi_r, &t.from, &elsewhere, false, &t.net.peer[1].rng);
	talk_reply(&t, X);
	assert_true(t.ours->nat_local && !t.ours->nat_remote);
	assert_int_equal(t.ours->task.kind, IKE_TASK_NONE);
	assert_int_equal(t.net.peer[0].moved, 3); /* two addresses, then into UDP */
	assert_int_equal(t.net.peer[0].downs, 0);
	talk_finish(&t);
}

/* A COOKIE2 that is not ours, or none (3.7): the IKE SA is closed. */
static void test_cookie2_differs(void **state)
{
	static struct talk t;
	uint8_t cookie2[IKE_COOKIE2_LEN];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		start(&t, true);
		move(&t, 0xc0000210, cookie2);
		cookie2[5] ^= i == 0;
		if (i < 2)
			put(&t, IKE_N_COOKIE2, cookie2, sizeof(cookie2) - i);
		talk_reply(&t, X);
		assert_int_equal(t.net.peer[0].downs, 1);
		assert_non_null(strstr(t.net.peer[0].why.text, "COOKIE2"));
		assert_true(t.request.len);
		assert_int_equal(t.request.exchange, X);
		talk_finish(&t);
	}
}

static void test_nat_unexpected(void **state)
{
	static struct talk t;
	uint8_t cookie2[IKE_COOKIE2_LEN];
	struct ike_payloads p;

	(void)state;
	start(&t, true);
	move(&t, 0xc0000210, cookie2);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(t.net.peer[0].downs, 0);
		put(&t, IKE_N_COOKIE2, cookie2, sizeof(cookie2));
		put(&t, IKE_N_UNEXPECTED_NAT_DETECTED, NULL, 0);
		talk_reply(&t, X);
		if (i == 3)
			break;
		talk_request(&t, X, &p); /* once more (3.9) */
		memcpy(cookie2, find(&p, IKE_N_COOKIE2, IKE_COOKIE2_LEN)->data.data, sizeof(cookie2));
	}
	assert_int_equal(t.net.peer[0].downs, 1);
	assert_non_null(strstr(t.net.peer[0].why.text, "UNEXPECTED_NAT_DETECTED"));
	talk_finish(&t);
}

static void test_next_pair(void **state)
{
	static struct talk t;
	struct addr a[2] = { addr_v4(0xc0000210), addr_v4(0xc0000211) };
	struct ike_payloads p;
	const struct ike_notify *n;

	(void)state;
	start(&t, true);
	t.net.peer[0].more = a[1];
	t.net.peer[0].addr = a[0];
	ike_fact_locals(t.net.peer[0].ike, IKE_NET_CONN, a, 2, t.net.now);
	ike_net_drain(&t.net);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(addr_eq(&t.ours->local.addr, &a[i]));
		t.net.peer[0].addr = a[i]; /* where the answer arrives */
		talk_request(&t, X, &p);
		n = find(&p, IKE_N_COOKIE2, IKE_COOKIE2_LEN);
		put(&t, IKE_N_COOKIE2, n->data.data, n->data.len);
		if (!i)
			put(&t, IKE_N_UNACCEPTABLE_ADDRESSES, NULL, 0);
		talk_reply(&t, X);
	}
	assert_int_equal(t.net.peer[0].downs, 0);
	assert_int_equal(t.ours->task.kind, IKE_TASK_NONE);
	talk_finish(&t);
}

/* The peer's update; the answer repeats its COOKIE2. */
static void update(struct talk *t, const struct endpoint *from, struct ike_payloads *p)
{
	static const char cookie2[] = "8 octets";

	t->from = *from;
	put(t, IKE_N_COOKIE2, cookie2, 8);
	put(t, IKE_N_UPDATE_SA_ADDRESSES, NULL, 0);
	ike_nat_build(
	    &t->b, t->ours->spi_i, t->ours->spi_r, from, &t->ours->local, false, &t->net.peer[1].rng);
	assert_true(talk_ask(t, X, p));
	assert_memory_equal(find(p, IKE_N_COOKIE2, 8)->data.data, cookie2, 8);
}

static void test_their_update(void **state)
{
	static struct talk t;
	struct endpoint before;
	struct ike_payloads p;
	uint8_t cookie2[IKE_COOKIE2_LEN];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		start(&t, false);
		before = t.ours->remote;
		update(&t, &elsewhere, &p);
		assert_null(ike_notify_error(&p));
		assert_true(
		    ike_nat_detect(&p, t.ours->spi_i, t.ours->spi_r, &elsewhere, &t.ours->local).supported);
		assert_true(endpoint_eq(&t.ours->remote, &elsewhere));
		assert_true(endpoint_eq(&talk_live(&t)->out.remote, &before));
		assert_int_equal(t.net.peer[0].moved, 0);
		talk_request(&t, X, &p);
		memcpy(cookie2, find(&p, IKE_N_COOKIE2, IKE_COOKIE2_LEN)->data.data, IKE_COOKIE2_LEN);
		cookie2[0] ^= i;
		put(&t, IKE_N_COOKIE2, cookie2, IKE_COOKIE2_LEN);
		talk_reply(&t, X);
		assert_int_equal(t.net.peer[0].moved, !i);
		assert_int_equal(t.net.peer[0].downs, i);
		if (!i)
			assert_true(endpoint_eq(&talk_live(&t)->out.remote, &elsewhere));
		talk_finish(&t);
	}
}

/* Back to where it was before the check: nothing to prove, and ESP has never left. */
static void test_there_and_back(void **state)
{
	static struct talk t;
	struct endpoint before;
	struct ike_payloads p;
	uint8_t cookie2[IKE_COOKIE2_LEN];

	(void)state;
	start(&t, false);
	before = t.ours->remote;
	update(&t, &elsewhere, &p);
	talk_request(&t, X, &p);
	memcpy(cookie2, find(&p, IKE_N_COOKIE2, IKE_COOKIE2_LEN)->data.data, IKE_COOKIE2_LEN);
	update(&t, &before, &p);
	put(&t, IKE_N_COOKIE2, cookie2, IKE_COOKIE2_LEN);
	t.request.len = 0;
	talk_reply(&t, X);
	assert_int_equal(t.request.len, 0);
	assert_false(t.ours->mobike.unchecked);
	assert_true(endpoint_eq(&t.ours->remote, &before));
	assert_int_equal(t.net.peer[0].moved + t.net.peer[0].downs, 0);
	talk_finish(&t);
}

static void test_refused_updates(void **state)
{
	static const struct endpoint multicast = { { 4, { 239, 1, 2, 3 } }, 4500 };
	static const struct endpoint nobody = { { 4, { 0, 0, 0, 0 } }, 4500 };
	/* what it says: 192.0.2.2:4500 to 192.0.2.1:4500 */
	static const uint8_t no_nats[] = { 192, 0, 2, 2, 192, 0, 2, 1, 0x11, 0x94, 0x11, 0x94 };
	static struct talk t;
	struct ike_payloads p;
	struct endpoint before;

	(void)state;
	start(&t, false);
	before = t.ours->remote;
	update(&t, &multicast, &p);
	assert_int_equal(ike_notify_error(&p)->type, IKE_N_UNACCEPTABLE_ADDRESSES);
	update(&t, &nobody, &p);
	assert_int_equal(ike_notify_error(&p)->type, IKE_N_UNACCEPTABLE_ADDRESSES);
	put(&t, IKE_N_NO_NATS_ALLOWED, no_nats, sizeof(no_nats));
	update(&t, &elsewhere, &p);
	assert_int_equal(ike_notify_error(&p)->type, IKE_N_UNEXPECTED_NAT_DETECTED);
	put(&t, IKE_N_NO_NATS_ALLOWED, no_nats, sizeof(no_nats) - 1);
	update(&t, &before, &p);
	assert_int_equal(ike_notify_error(&p)->type, IKE_N_UNEXPECTED_NAT_DETECTED);
	assert_true(endpoint_eq(&t.ours->remote, &before));
	assert_int_equal(t.ours->mobike.moves, 0);
	put(&t, IKE_N_NO_NATS_ALLOWED, no_nats, sizeof(no_nats));
	update(&t, &before, &p);
	assert_null(ike_notify_error(&p));
	assert_int_equal(t.ours->mobike.moves, 1);
	assert_int_equal(t.net.peer[0].moved + t.net.peer[0].downs, 0);
	talk_finish(&t);

	start(&t, true); /* it is not for the responder to move */
	before = t.ours->remote;
	update(&t, &elsewhere, &p);
	assert_true(endpoint_eq(&t.ours->remote, &before));
	talk_finish(&t);
}

static void test_additional(void **state)
{
	static struct talk t;
	struct ike_payloads p;
	struct addr six;

	(void)state;
	start(&t, true);
	assert_int_equal(t.ours->mobike.n_peers, 0);
	assert_int_equal(addr_parse("2001:db8::7", &six), 0);
	put(&t, IKE_N_ADDITIONAL_IP6_ADDRESS, six.b, 16);
	put(&t, IKE_N_ADDITIONAL_IP4_ADDRESS, six.b, 16); /* passed over, as are these */
	put(&t, IKE_N_ADDITIONAL_IP4_ADDRESS, "\0\0\0", 4);
	put(&t, IKE_N_ADDITIONAL_IP4_ADDRESS, NULL, 0);
	for (uint8_t i = 1; i <= 2 * IKE_ADDITIONAL_MAX; i++) {
		uint8_t a[4] = { 192, 0, 2, i };

		put(&t, IKE_N_ADDITIONAL_IP4_ADDRESS, a, 4);
	}
	assert_true(talk_ask(&t, X, &p));
	assert_int_equal(p.n, 0);
	assert_int_equal(t.ours->mobike.n_peers, IKE_ADDITIONAL_MAX);
	assert_true(addr_eq(&t.ours->mobike.peers[0], &six));
	assert_string_equal(addr_str(&t.ours->mobike.peers[1]), "192.0.2.1");
	assert_true(talk_ask(&t, X, &p)); /* a probe changes nothing */
	assert_int_equal(t.ours->mobike.n_peers, IKE_ADDITIONAL_MAX);
	put(&t, IKE_N_NO_ADDITIONAL_ADDRESSES, NULL, 0);
	assert_true(talk_ask(&t, X, &p));
	assert_int_equal(t.ours->mobike.n_peers, 0);
	talk_finish(&t);
}

static void test_probes(void **state)
{
	static struct talk t;
	struct ike_nat_result nat;
	struct ike_payloads p;

	(void)state;
	start(&t, false);
	put(&t, IKE_N_COOKIE2, "7 bytes", 7); /* too short: none */
	assert_true(talk_ask(&t, X, &p));
	assert_int_equal(p.n, 0);
	/* A probe by another pair is answered there, and moves nothing (3.8, 3.10). */
	t.from = elsewhere;
	ike_nat_build(
	    &t.b, t.ours->spi_i, t.ours->spi_r, &elsewhere, &t.ours->local, false, &t.net.peer[1].rng);
	assert_true(talk_ask(&t, X, &p));
	assert_true(endpoint_eq(&t.ours->asked_from, &elsewhere));
	nat = ike_nat_detect(&p, t.ours->spi_i, t.ours->spi_r, &elsewhere, &t.ours->local);
	assert_true(nat.supported && !nat.local && !nat.remote);
	assert_true(addr_eq(&t.ours->remote.addr, &t.net.peer[1].addr));
	talk_finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_our_update),
		cmocka_unit_test(test_cookie2_differs),
		cmocka_unit_test(test_nat_unexpected),
		cmocka_unit_test(test_next_pair),
		cmocka_unit_test(test_their_update),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_refused_updates),
		cmocka_unit_test(test_additional),
		cmocka_unit_test(test_probes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

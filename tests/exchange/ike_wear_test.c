/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lifetimes in packets and sequence numbers, how long an old inbound SA drains, and the few answers that
 * strangers get (RFC 7296 2.5, 2.21.4).
 */
#include "ike/engine.h"
#include "tests/support/ike_net.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#define IKE_DEFAULT "aes128-sha256-curve25519"
#define ESP_DEFAULT "aes128gcm16"

static void start(struct ike_net *net, uint64_t packets, uint64_t bytes)
{
	struct ike_conn_config a;

	ike_net_pair(net, 3, IKE_DEFAULT, ESP_DEFAULT);
	a = ike_net_config(net, 0, 1, IKE_DEFAULT, ESP_DEFAULT);
	a.child_life_packets = packets;
	a.child_life_bytes = bytes;
	assert_int_equal(ike_conn_update(net->peer[0].ike, IKE_NET_CONN, &a, NULL), 0);
	net->esp_lossless = true;
	ike_net_start_pair(net);
	ike_net_run(net, mdur_s(1));
	net->traffic = mdur_ms(10);
	net->next_traffic = net->now;
}

static void test_packets_and_bytes(void **state)
{
	(void)state;
	for (unsigned bytes = 0; bytes < 2; bytes++) {
		struct ike_net net;

		start(&net, bytes ? 0 : 1000, bytes ? 1000 * IKE_NET_PACKET : 0);
		ike_net_run(&net, mdur_ms(7500)); /* 75 percent: not yet */
		assert_int_equal(net.peer[0].rekeys, 0);
		ike_net_run(&net, mdur_ms(2500));
		assert_int_equal(net.peer[0].rekeys, 1);
		assert_true(net.peer[0].how.by_us);
		assert_int_equal(net.peer[0].how.why, bytes ? IKE_REKEY_BYTES : IKE_REKEY_PACKETS);
		assert_int_equal(net.peer[1].how.why, IKE_REKEY_PEER);
		ike_net_run(&net, mdur_s(60)); /* and again and again, a thousand packets each */
		assert_in_range(net.peer[0].rekeys, 6, 8);
		assert_int_equal(net.peer[0].esp_missed + net.peer[1].esp_missed, 0);
		ike_net_finish(&net);
	}
}

static void test_sequence_numbers(void **state)
{
	struct ike_conn_view v;
	struct ike_net net;

	(void)state;
	start(&net, 0, 0);
	ike_conn_view(net.peer[1].ike, IKE_NET_CONN, &v);
	ike_fact_seq_near_end(net.peer[1].ike, IKE_NET_CONN, v.child_spi_out ^ 1, net.now); /* an old one */
	ike_net_run(&net, mdur_s(1));
	assert_int_equal(net.peer[1].rekeys, 0);
	ike_fact_seq_near_end(net.peer[1].ike, IKE_NET_CONN, v.child_spi_out, net.now);
	ike_net_run(&net, mdur_s(1));
	assert_int_equal(net.peer[1].how.why, IKE_REKEY_SEQ);
	ike_net_finish(&net);
}

/* When the SAs of the old pair have left peer i, after a rekey by peer 0. */
static mdur drained_after(struct ike_net *net, unsigned i)
{
	mtime from = net->now;

	assert_int_equal(ike_conn_rekey_child(net->peer[0].ike, IKE_NET_CONN, net->now), 0);
	ike_net_run(net, mdur_ms(600));
	assert_int_equal(net->peer[i].rekeys, 1);
	assert_int_equal(ike_net_count(net, i), 3);
	while (ike_net_count(net, i) == 3 && mtime_since(net->now, from).ns < mdur_s(60).ns)
		ike_net_run(net, mdur_ms(10));
	return mtime_since(net->now, from);
}

static void test_drain(void **state)
{
	struct ike_child *old;
	struct ike_net net;
	mdur took;

	(void)state;
	/* With traffic both ways: two seconds after the Delete. */
	start(&net, 0, 0);
	took = drained_after(&net, 0);
	assert_in_range(took.ns / 1000000, 2000, 2500);
	assert_int_equal(net.peer[0].esp_missed + net.peer[1].esp_missed, 0);
	ike_net_finish(&net);
	/* Nothing comes that would show that the peer has turned round: four. */
	start(&net, 0, 0);
	net.traffic = MDUR_ZERO;
	took = drained_after(&net, 0);
	assert_in_range(took.ns / 1000000, 4000, 4600);
	ike_net_finish(&net);
	/* Packets still come on the old one: while they do, and a second more. */
	start(&net, 0, 0);
	assert_int_equal(ike_conn_rekey_child(net.peer[0].ike, IKE_NET_CONN, net.now), 0);
	ike_net_run(&net, mdur_ms(600));
	old = list_first(&ike_conn_find(net.peer[0].ike, IKE_NET_CONN)->draining, struct ike_child, node);
	for (unsigned i = 0; i < 70; i++) {
		uint32_t spi = old->spi_in;

		ike_fact_usage(
		    net.peer[0].ike, IKE_NET_CONN, spi, &(struct ike_usage){ 1, 1, net.now }, net.now);
		ike_net_run(&net, mdur_ms(100));
		assert_int_equal(ike_net_count(&net, 0), 3);
	}
	ike_net_run(&net, mdur_ms(1500));
	assert_int_equal(ike_net_count(&net, 0), 2);
	ike_net_finish(&net);
}

/* --- strangers --- */

static unsigned answers;
static uint8_t last[64];

static bool count(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	(void)net;
	(void)from;
	(void)ctx;
	answers++;
	memcpy(last, data, *len < sizeof(last) ? *len : sizeof(last));
	return false;
}

static void test_strangers(void **state)
{
	/* INFORMATIONAL for an SA that isn't, message id 5, one empty payload of 12 bytes */
	uint8_t msg[40] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 46, 0x20, 37,
		0x08, [23] = 5, [27] = 40, [31] = 12 };
	struct endpoint from = { addr_v4(0xc6336401), 500 };
	struct ike_net net;

	(void)state;
	ike_net_pair(&net, 1, IKE_DEFAULT, ESP_DEFAULT);
	net.tap = count;
	answers = 0;
	ike_net_inject(&net, 0, &from, false, msg, sizeof(msg));
	assert_int_equal(answers, 1);
	assert_memory_equal(last, msg, 16);
	assert_int_equal(last[18], 37);
	assert_int_equal(last[19], 0x20); /* a response, by who did not begin that SA */
	assert_int_equal(last[23], 5);
	assert_int_equal(last[35], IKE_N_INVALID_IKE_SPI);
	msg[19] = 0x28; /* a response is not answered */
	ike_net_inject(&net, 0, &from, false, msg, sizeof(msg));
	assert_int_equal(answers, 1);
	msg[19] = 0x08;
	msg[17] = 0x30; /* version 3.0 */
	ike_net_inject(&net, 0, &from, false, msg, sizeof(msg));
	assert_int_equal(answers, 2);
	assert_int_equal(last[17], 0x20);
	assert_int_equal(last[35], IKE_N_INVALID_MAJOR_VERSION);
	msg[17] = 0x10; /* IKEv1 */
	ike_net_inject(&net, 0, &from, false, msg, sizeof(msg));
	assert_int_equal(answers, 2);
	msg[17] = 0x20;
	for (unsigned i = 0; i < 1000; i++) /* ten at once, ten a second */
		ike_net_inject(&net, 0, &from, false, msg, sizeof(msg));
	assert_int_equal(answers, 10);
	for (unsigned i = 0; i < 1000; i++) {
		ike_net_run(&net, mdur_ms(10));
		ike_net_inject(&net, 0, &from, false, msg, sizeof(msg));
	}
	assert_in_range(answers, 109, 111);
	net.tap = NULL;
	ike_net_finish(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets_and_bytes),
		cmocka_unit_test(test_sequence_numbers),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

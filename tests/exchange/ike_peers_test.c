/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that die, restart, and start at the same time; and hundreds of seeds of a network that loses and
 * repeats. */
#include "ike/engine.h"
#include "tests/support/ike_net.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IKE_DEFAULT "aes256-sha256-curve25519"
#define ESP_DEFAULT "aes256-sha256"

static bool peer0_down(struct ike_net *net)
{
	return !net->peer[0].up;
}

static void test_liveness(void **state)
{
	struct ike_conn_config a;
	struct ike_net net;
	mtime cut;

	(void)state;
	ike_net_pair(&net, 1, IKE_DEFAULT, ESP_DEFAULT);
	a = ike_net_config(&net, 0, 1, IKE_DEFAULT, ESP_DEFAULT);
	a.liveness_interval = mdur_s(5);
	a.liveness_timeout = mdur_s(10);
	ike_conn_update(net.peer[0].ike, IKE_NET_CONN, &a, NULL);
	ike_net_start_pair(&net);
	net.traffic = mdur_ms(100);
	ike_net_run(&net, mdur_s(60));
	assert_int_equal(net.peer[0].downs, 0);
	net.peer[1].cut = true;
	cut = net.now;
	assert_true(ike_net_run_until(&net, mdur_s(60), peer0_down));
	assert_in_range(mdur_to_ms(mtime_since(net.now, cut)), 14000, 16000);
	assert_string_equal(net.peer[0].why.id, "ike-liveness-lost");
	assert_int_equal(ike_net_count(&net, 0), 0);
	assert_int_equal(net.peer[0].phase, IKE_PHASE_CONNECTING); /* at once */
	ike_net_run(&net, mdur_s(30));
	net.peer[1].cut = false;
	assert_true(ike_net_run_until(&net, mdur_s(60), ike_net_both_up));
	ike_net_run(&net, mdur_s(30));
	ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	ike_net_finish(&net);
}

/* ESP from the peer is a sign of life: no probe is sent while it comes, one after the interval when it does
 * not. */
static void test_probes(void **state)
{
	struct ike_net net;
	unsigned sends;

	(void)state;
	ike_net_pair(&net, 2, IKE_DEFAULT, ESP_DEFAULT);
	ike_net_start_pair(&net);
	net.traffic = mdur_s(1);
	ike_net_run(&net, mdur_s(2));
	sends = net.peer[0].sends + net.peer[1].sends;
	ike_net_run(&net, mdur_s(300));
	assert_int_equal(net.peer[0].sends + net.peer[1].sends, sends);
	net.traffic = MDUR_ZERO;
	ike_net_run(&net, mdur_s(100));
	assert_in_range(net.peer[0].sends + net.peer[1].sends, sends + 16, sends + 40);
	ike_net_finish(&net);
}

/* One end crashes and comes back knowing nothing: INITIAL_CONTACT makes the other forget at once. */
static void test_restart(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		for (unsigned role = 0; role < 2; role++) {
			struct ike_conn_config c;
			struct ike_net net;

			ike_net_init(&net, i, 2);
			for (unsigned k = 0; k < 2; k++) {
				c = ike_net_config(&net, k, 1 - k, IKE_DEFAULT, ESP_DEFAULT);
				if (role && k == 1)
					c.role = IKE_ROLE_RESPOND;
				ike_net_add(&net, k, &c);
			}
			ike_net_start_pair(&net);
			ike_net_run(&net, mdur_s(45));
			ike_net_restart_peer(&net, i, NULL);
			c = ike_net_config(&net, i, 1 - i, IKE_DEFAULT, ESP_DEFAULT);
			if (role && i == 1)
				c.role = IKE_ROLE_RESPOND;
			ike_net_add(&net, i, &c);
			ike_net_up(&net, i);
			ike_net_run(&net, mdur_s(90)); /* a responder waits for the other's liveness */
			ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
			assert_int_equal(net.peer[1 - i].downs, 1);
			if (!(role && i == 1))
				assert_string_equal(net.peer[1 - i].report.id, "ike-peer-initial-contact");
			ike_net_finish(&net);
		}
}

/*
 * One end has left its SAs in the kernel and comes back without their IKE SA: it does not say that it has
 * forgotten them. The other end moves over to the new SAs without ever being down, and gives up the old ones
 * in time.
 */
static void test_continues(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct ike_conn_config c;
		struct ike_net net;

		ike_net_pair(&net, 2, IKE_DEFAULT, ESP_DEFAULT);
		ike_net_start_pair(&net);
		ike_net_run(&net, mdur_s(45));
		ike_net_restart_peer(&net, i, NULL);
		c = ike_net_config(&net, i, 1 - i, IKE_DEFAULT, ESP_DEFAULT);
		ike_net_add(&net, i, &c);
		ike_conn_continues(net.peer[i].ike, IKE_NET_CONN, true);
		ike_net_up(&net, i);
		ike_net_run(&net, mdur_s(240));
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		assert_int_equal(net.peer[1 - i].downs, 0);
		assert_int_equal(net.peer[1 - i].rekeys, 1);
		/* And only until then: after a fall it starts anew like anybody. */
		ike_conn_restart(net.peer[i].ike, IKE_NET_CONN, false, NULL, net.now);
		ike_net_run(&net, mdur_s(240));
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		assert_int_equal(net.peer[1 - i].downs, 1);
		assert_string_equal(net.peer[1 - i].report.id, "ike-peer-initial-contact");
		ike_net_finish(&net);
	}
}

/*
 * Also who continues has no SA before the peer has proved itself: its keys would be those of a key exchange
 * with anybody. None stands when the answer to IKE_AUTH leaves, and none is left of a peer that can't prove
 * itself.
 */
struct proof_seen {
	unsigned who;  /* that starts again */
	unsigned held; /* SAs in its data plane when the peer's IKE_AUTH answer left */
	bool answered;
};

static bool see_answer(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	struct proof_seen *seen = ctx;

	if (from != seen->who && *len > 19 && data[18] == IKE_X_AUTH && data[19] & IKE_FLAG_RESPONSE) {
		if (!seen->answered)
			seen->held = ike_net_count(net, seen->who);
		seen->answered = true;
	}
	return true;
}

static void test_continues_not_before_proof(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 4; n++) {
		bool refused = n / 2;
		struct proof_seen seen = { .who = n % 2 };
		unsigned i = seen.who;
		struct ike_conn_config c;
		struct ike_net net;

		ike_net_pair(&net, 2, IKE_DEFAULT, ESP_DEFAULT);
		ike_net_start_pair(&net);
		ike_net_run(&net, mdur_s(45));
		ike_net_restart_peer(&net, i, NULL);
		c = ike_net_config(&net, i, 1 - i, IKE_DEFAULT, ESP_DEFAULT);
		if (refused)
			c.psk = (const uint8_t *)"another", c.psk_len = 7;
		c.tries = 1;
		ike_net_add(&net, i, &c);
		ike_conn_continues(net.peer[i].ike, IKE_NET_CONN, true);
		net.tap = see_answer;
		net.tap_ctx = &seen;
		ike_net_up(&net, i);
		ike_net_run(&net, mdur_s(refused ? 20 : 240));
		assert_true(seen.answered);
		assert_int_equal(seen.held, 0);
		if (refused)
			assert_int_equal(ike_net_count(&net, i), 0);
		else
			ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		ike_net_finish(&net);
	}
}

/* Both start within one round trip of each other, under loss or not: one pair of SAs stays, and it never
 * flaps. */
static void test_simultaneous_start(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 150; seed++) {
		struct ike_conn_config a, b;
		struct ike_net net;

		ike_net_init(&net, seed, 2);
		a = ike_net_config(&net, 0, 1, IKE_DEFAULT, ESP_DEFAULT);
		b = ike_net_config(&net, 1, 0, IKE_DEFAULT, ESP_DEFAULT);
		ike_net_add(&net, 0, &a);
		ike_net_add(&net, 1, &b);
		net.loss = seed % 3 * 8; /* more would now and then cost a whole attempt */
		net.job_delay = mdur_ms(seed % 4 * 5);
		ike_net_up(&net, 0);
		ike_net_run(&net, mdur_ms(seed % 50 * 3));
		ike_net_up(&net, 1);
		net.traffic = mdur_ms(10);
		net.next_traffic = net.now;
		ike_net_run(&net, mdur_s(120));
		net.loss = 0;
		ike_net_run(&net, mdur_s(60));
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		if (net.peer[0].downs + net.peer[1].downs)
			fail_msg("seed %u flaps: %u and %u downs (%s, %s)", seed, net.peer[0].downs,
			    net.peer[1].downs, net.peer[0].report.text, net.peer[1].report.text);
		ike_net_finish(&net);
	}
}

/*
 * The far end is of another mind: like strongSwan with uniqueids it drops at once, and silently, any older SA
 * when one arrives with INITIAL_CONTACT. Modelled by a peer that restarts in the middle of a simultaneous
 * start.
 */
static void test_peer_forgets_midway(void **state)
{
	(void)state;
	for (unsigned ms = 0; ms < 300; ms += 10) {
		struct ike_conn_config a, b;
		struct ike_net net;

		ike_net_init(&net, ms, 2);
		a = ike_net_config(&net, 0, 1, IKE_DEFAULT, ESP_DEFAULT);
		b = ike_net_config(&net, 1, 0, IKE_DEFAULT, ESP_DEFAULT);
		ike_net_add(&net, 0, &a);
		ike_net_add(&net, 1, &b);
		ike_net_up(&net, 0);
		ike_net_up(&net, 1);
		ike_net_run(&net, mdur_ms(ms));
		ike_net_restart_peer(&net, 1, NULL);
		ike_net_add(&net, 1, &b);
		ike_net_up(&net, 1);
		ike_net_run(&net, mdur_s(180));
		net.inbound_missing =
		    0; /* answers that the first life sent may still bring up SAs whose other half is gone */
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		ike_net_finish(&net);
	}
}

/* The command to start anew, told and untold, by each end. */
static void test_restart_command(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct reason why;
		struct ike_net net;

		ike_net_pair(&net, i, IKE_DEFAULT, ESP_DEFAULT);
		ike_net_start_pair(&net);
		ike_net_run(&net, mdur_s(5));
		reason_set(&why, "test-restart", "the test said so");
		ike_conn_restart(net.peer[i & 1].ike, IKE_NET_CONN, i & 2, &why, net.now);
		ike_net_drain(&net);
		assert_false(net.peer[i & 1].up);
		ike_net_run(&net, mdur_s(90));
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		ike_net_finish(&net);
	}
}

/*
 * Everything at once: 25 % loss, repeats, reordering; rekeys of both kinds by both ends at random, now and
 * then a restart command. After peace returns there is one pair, and ESP, which is spared here, was never
 * missed by a rekey.
 */
static void test_storm(void **state)
{
	/* Other seeds: CW_STORM=first:count */
	const char *other = getenv("CW_STORM");
	unsigned first = 0, count = 240;

	(void)state;
	if (other && sscanf(other, "%u:%u", &first, &count) != 2)
		fail_msg("CW_STORM is first:count");
	for (unsigned seed = first; seed < first + count; seed++) {
		struct ike_conn_config c;
		struct ike_net net;

		ike_net_init(&net, 7000 + seed, 2);
		for (unsigned i = 0; i < 2; i++) {
			c = ike_net_config(&net, i, 1 - i, IKE_DEFAULT,
			    seed & 1 ? "aes256-sha256" : "aes128gcm16-curve25519");
			c.liveness_interval = mdur_s(20);
			if (seed & 2 && i)
				c.role = IKE_ROLE_RESPOND;
			if (seed & 4) {
				c.ike_lifetime = mdur_s(100);
				c.child_lifetime = mdur_s(40);
			}
			ike_net_add(&net, i, &c);
		}
		net.loss = 20 + seed % 11;
		net.repeat = 20;
		net.reorder = 20;
		net.job_delay = mdur_ms(seed % 3 * 10);
		net.esp_lossless = true;
		net.traffic = mdur_ms(200);
		ike_net_start_pair(&net);
		for (unsigned round = 0; round < 30; round++) {
			unsigned i = ike_net_random(&net) & 1;

			switch (ike_net_random(&net) % 8) {
			case 0:
			case 1:
			case 2: ike_conn_rekey_child(net.peer[i].ike, IKE_NET_CONN, net.now); break;
			case 3: ike_conn_rekey_ike(net.peer[i].ike, IKE_NET_CONN, net.now); break;
			case 4:
				ike_conn_rekey_child(net.peer[0].ike, IKE_NET_CONN, net.now);
				ike_conn_rekey_child(net.peer[1].ike, IKE_NET_CONN, net.now);
				break;
			case 5:
				ike_conn_rekey_ike(net.peer[0].ike, IKE_NET_CONN, net.now);
				ike_conn_rekey_ike(net.peer[1].ike, IKE_NET_CONN, net.now);
				break;
			case 6: /* a while of nothing */ break;
			case 7:
				if (seed % 5 == 0)
					ike_conn_restart(net.peer[i].ike, IKE_NET_CONN, true, NULL, net.now);
				break;
			}
			ike_net_run(&net, mdur_ms((int64_t)(ike_net_random(&net) % 6000)));
		}
		net.loss = net.repeat = net.reorder = 0;
		ike_net_run(&net, mdur_s(150));
		if (seed % 5 ==
		    0) /* a restart may overtake the answer to a rekey, whose other half is gone then */
			net.inbound_missing = 0;
		/* Let a rekey that is due just now end. */
		for (unsigned i = 0; i < 20 && ike_net_check_rest(&net, 0, 1); i++)
			ike_net_run(&net, mdur_ms(700));
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		ike_net_finish(&net);
	}
}

/* Deletes, and all else that is not a new SA, stay behind. */
static bool no_informational(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	(void)net;
	(void)from;
	(void)ctx;
	return *len < 19 || data[18] != IKE_X_INFORMATIONAL;
}

/* A peer that connects over and over, and never deletes what it had: so many, and no more. */
static void test_so_many(void **state)
{
	struct ike_net net;
	unsigned most = 0;

	(void)state;
	ike_net_pair(&net, 11, IKE_DEFAULT, ESP_DEFAULT);
	ike_net_start_pair(&net);
	net.tap = no_informational;
	for (unsigned i = 0; i < 3 * IKE_ESTABLISHED_MAX; i++) {
		struct ike_conn *conn = ike_conn_find(net.peer[0].ike, IKE_NET_CONN);
		struct ike_stats stats;

		ike_init_start(conn, net.now);
		ike_touch_conn(conn);
		ike_run(net.peer[0].ike, net.now);
		ike_net_run(&net, mdur_ms(300));
		ike_stats(net.peer[1].ike, &stats);
		assert_true(stats.established <= IKE_ESTABLISHED_MAX);
		most = stats.established > most ? stats.established : most;
	}
	assert_int_equal(most, IKE_ESTABLISHED_MAX);
	assert_true(net.peer[1].up);
	net.tap = NULL;
	ike_net_run(&net, mdur_s(120));
	ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	ike_net_finish(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_liveness),
		cmocka_unit_test(test_probes),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_continues),
		cmocka_unit_test(test_continues_not_before_proof),
		cmocka_unit_test(test_so_many),
		cmocka_unit_test(test_simultaneous_start),
		cmocka_unit_test(test_peer_forgets_midway),
		cmocka_unit_test(test_restart_command),
		cmocka_unit_test(test_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

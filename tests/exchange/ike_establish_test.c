/* SPDX-License-Identifier: Apache-2.0 */
/* Two IKE peers over the virtual network: how connections come up, in every suite, through cookies and NATs.
 */
#include "tests/support/ike_net.h"

#include "base/cursor.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define IKE_DEFAULT "aes256-sha256-curve25519"
#define ESP_DEFAULT "aes256-sha256"

static void test_smallest(void **state)
{
	struct ike_net net;
	struct ike_conn_view v;

	(void)state;
	ike_net_pair(&net, 1, "aes256-sha256-modp2048", ESP_DEFAULT);
	ike_net_start_pair(&net);
	ike_net_run(&net, mdur_s(30));
	ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	assert_int_equal(ike_conn_view(net.peer[0].ike, IKE_NET_CONN, &v), 0);
	assert_string_equal(v.ike_proposal, "aes256-sha256-modp2048");
	assert_int_equal(v.phase, IKE_PHASE_UP);
	assert_true(v.initiator);
	assert_false(v.nat_local || v.nat_remote || v.udp_encap);
	assert_false(reason_is_set(&v.last_error));
	assert_int_equal(net.peer[0].phase, IKE_PHASE_UP);
	assert_int_equal(net.peer[1].phase, IKE_PHASE_UP);
	ike_net_finish(&net);
}

static void test_suites(void **state)
{
	static const char *const encr[] = { "aes128-sha256", "aes256-sha384", "aes256-sha512",
		"aes128gcm16-prfsha256", "aes256gcm16-prfsha384", "aes192-sha1", "3des-md5" };
	static const char *const esp[] = { "aes128-sha256", "aes256-sha384-noesn", "aes256-sha512-esn",
		"aes128gcm16", "aes256gcm16-noesn", "aes192-sha1", "3des-md5" };
	static const char *const ke[] = { "modp768", "modp1024", "modp2048", "modp3072", "modp4096", "ecp256",
		"ecp384", "ecp521", "curve25519" };

	(void)state;
	for (unsigned i = 0; i < sizeof(encr) / sizeof(encr[0]); i++)
		for (unsigned j = 0; j < sizeof(ke) / sizeof(ke[0]); j++) {
			struct ike_net net;
			struct ike_conn_view v;
			char text[80];

			/* Every suite with the fast groups, every group with one suite. */
			if (i && ke[j][0] == 'm')
				continue;
			snprintf(text, sizeof(text), "%s-%s", encr[i], ke[j]);
			ike_net_pair(&net, i * 16 + j, text, esp[i]);
			ike_net_start_pair(&net);
			ike_net_run(&net, mdur_s(1));
			ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
			ike_conn_view(net.peer[1].ike, IKE_NET_CONN, &v);
			assert_string_equal(v.ike_proposal, text);
			assert_non_null(
			    strstr(esp[i], "noesn") ? v.esp_proposal : strstr(v.esp_proposal, "-esn"));
			ike_net_finish(&net);
		}
}

static void test_cookie(void **state)
{
	struct ike_limits limits = ike_default_limits;
	struct ike_conn_config b;
	struct ike_stats stats;
	struct ike_net net;

	(void)state;
	ike_net_pair(&net, 2, IKE_DEFAULT, ESP_DEFAULT);
	limits.cookie_threshold = 0;
	ike_net_restart_peer(&net, 1, &limits);
	b = ike_net_config(&net, 1, 0, IKE_DEFAULT, ESP_DEFAULT);
	ike_net_add(&net, 1, &b);
	b.role = IKE_ROLE_RESPOND;
	ike_conn_update(net.peer[1].ike, IKE_NET_CONN, &b, NULL);
	ike_net_start_pair(&net);
	ike_stats(net.peer[1].ike, &stats);
	assert_int_equal(stats.cookies_sent, 1);
	ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	ike_net_finish(&net);
}

/* The initiator's first group is not the responder's: INVALID_KE_PAYLOAD, with a cookie before and after. */
static void test_invalid_ke(void **state)
{
	struct ike_limits limits = ike_default_limits;
	struct ike_conn_config a, b;
	struct ike_conn_view v;
	struct ike_net net;

	(void)state;
	for (unsigned threshold = 0; threshold < 2; threshold++) {
		ike_net_init(&net, 3, 2);
		limits.cookie_threshold = threshold * 100;
		ike_net_restart_peer(&net, 1, &limits);
		a = ike_net_config(&net, 0, 1, "aes256-sha256-modp2048-ecp256-curve25519", ESP_DEFAULT);
		b = ike_net_config(&net, 1, 0, "aes256-sha256-curve25519", ESP_DEFAULT);
		b.role = IKE_ROLE_RESPOND;
		ike_net_add(&net, 0, &a);
		ike_net_add(&net, 1, &b);
		ike_net_start_pair(&net);
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		ike_conn_view(net.peer[0].ike, IKE_NET_CONN, &v);
		assert_string_equal(v.ike_proposal, "aes256-sha256-curve25519");
		ike_net_finish(&net);
	}
}

/* A forger answers every IKE_SA_INIT with INVALID_KE_PAYLOAD: the loop ends. */
static bool always_invalid_ke(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	unsigned *count = ctx;
	uint8_t answer[38];
	struct wr w = wr_init(answer, sizeof(answer));
	struct endpoint src = { net->peer[1].addr, 500 };

	if (from || data[18] != 34)
		return false;
	++*count;
	wr_bytes(&w, data, 8);
	wr_zero(&w, 8);
	wr_u8(&w, 41);
	wr_u8(&w, 0x20);
	wr_u8(&w, 34);
	wr_u8(&w, 0x20);
	wr_u32(&w, 0);
	wr_u32(&w, sizeof(answer));
	wr_u16(&w, 0);
	wr_u16(&w, 10);
	wr_u16(&w, 0);
	wr_u16(&w, 17);
	wr_u16(&w, *count & 1 ? 19 : 31);
	assert_true(wr_ok(&w));
	(void)len;
	ike_input(net->peer[0].ike, &(struct endpoint){ net->peer[0].addr, 500 }, &src, false, answer,
	    sizeof(answer), net->now);
	return false;
}

static void test_invalid_ke_loop(void **state)
{
	struct ike_net net;
	unsigned count = 0;

	(void)state;
	ike_net_pair(&net, 4, "aes256-sha256-curve25519-ecp256", ESP_DEFAULT);
	net.tap = always_invalid_ke;
	net.tap_ctx = &count;
	ike_net_up(&net, 0);
	ike_net_run(&net, mdur_ms(32200));
	assert_in_range(count, 5, 30);
	assert_int_equal(net.peer[0].phase, IKE_PHASE_DOWN);
	assert_string_equal(net.peer[0].why.id, "ike-invalid-ke");
	net.tap = NULL;
	ike_net_finish(&net);
}

/* ESP from a new mapping moves IKE as well: the rekey that the responder starts gets there, and nothing is
 * lost. */
static void check_esp_moved(struct ike_net *net)
{
	struct ike_conn_view v;
	struct endpoint seen;

	ike_conn_view(net->peer[1].ike, IKE_NET_CONN, &v);
	seen = v.remote;
	net->peer[0].nat_offset = 30000;
	seen.port = 34500;
	ike_fact_moved(net->peer[1].ike, IKE_NET_CONN, v.child_spi_in + 1, &seen); /* no SA of ours */
	ike_conn_view(net->peer[1].ike, IKE_NET_CONN, &v);
	assert_int_equal(v.remote.port, 24500);
	ike_fact_moved(net->peer[1].ike, IKE_NET_CONN, v.child_spi_in, &seen);
	assert_int_equal(ike_conn_rekey_child(net->peer[1].ike, IKE_NET_CONN, net->now), 0);
	ike_net_run(net, mdur_s(5));
	ike_conn_view(net->peer[1].ike, IKE_NET_CONN, &v);
	assert_int_equal(v.remote.port, 34500);
	assert_int_equal(net->peer[1].moved, 2);
	assert_int_equal(net->peer[1].rekeys, 1);
	/* The one behind the NAT follows nothing: its peer's address is fixed. */
	ike_conn_view(net->peer[0].ike, IKE_NET_CONN, &v);
	seen = v.remote;
	seen.port = 999;
	ike_fact_moved(net->peer[0].ike, IKE_NET_CONN, v.child_spi_in, &seen);
	ike_conn_view(net->peer[0].ike, IKE_NET_CONN, &v);
	assert_int_equal(v.remote.port, 4500);
}

static void check_nat(unsigned behind, bool force, uint64_t seed)
{
	struct ike_conn_config a, b;
	struct ike_conn_view va, vb;
	struct ike_net net;

	ike_net_init(&net, seed, 2);
	for (unsigned i = 0; i < 2; i++) {
		net.peer[i].nat = behind & 1u << i;
		net.peer[i].nat_offset =
		    i ? 0 : 10000; /* a responder behind a NAT needs its ports forwarded */
	}
	a = ike_net_config(&net, 0, 1, IKE_DEFAULT, ESP_DEFAULT);
	b = ike_net_config(&net, 1, 0, IKE_DEFAULT, ESP_DEFAULT);
	a.force_encap = force;
	b.role = IKE_ROLE_RESPOND;
	ike_net_add(&net, 0, &a);
	ike_net_add(&net, 1, &b);
	net.traffic = mdur_ms(100);
	ike_net_start_pair(&net);
	ike_net_run(&net, mdur_s(60));
	ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	ike_conn_view(net.peer[0].ike, IKE_NET_CONN, &va);
	ike_conn_view(net.peer[1].ike, IKE_NET_CONN, &vb);
	assert_int_equal(va.nat_local, behind & 1);
	assert_int_equal(va.nat_remote, behind >> 1 & 1);
	assert_int_equal(vb.nat_local, behind >> 1 & 1);
	assert_int_equal(vb.nat_remote, (behind & 1) || force);
	assert_int_equal(va.udp_encap, behind || force);
	assert_int_equal(vb.udp_encap, behind || force);
	assert_int_equal(va.remote.port, behind || force ? 4500 : 500);
	assert_int_equal(vb.remote.port, behind & 1 ? 14500 : behind || force ? 4500 : 500);
	assert_int_equal(net.peer[0].esp_missed + net.peer[1].esp_missed, 0);
	/* The NAT forgets: the next probe comes from a new port, and the responder follows. */
	if (behind == 1) {
		net.traffic = MDUR_ZERO;
		net.peer[0].nat_offset = 20000;
		ike_net_run(&net, mdur_s(30));
		ike_conn_view(net.peer[1].ike, IKE_NET_CONN, &vb);
		assert_int_equal(vb.remote.port, 24500);
		assert_int_equal(net.peer[1].moved, 1);
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		check_esp_moved(&net);
	}
	ike_net_finish(&net);
}

static void test_nat(void **state)
{
	(void)state;
	for (unsigned behind = 0; behind < 4; behind++)
		for (unsigned force = 0; force < 2; force++)
			check_nat(behind, force, behind * 2 + force);
}

static bool is_init_or_init_reply(const uint8_t *data)
{
	return data[18] == 34;
}

/* The local address comes from the route: nothing is configured, the identity is what the answer arrived on.
 */
static void test_no_local_address(void **state)
{
	struct ike_conn_config a, b;
	struct ike_conn_view v;
	struct ike_net net;
	char buf[64];

	(void)state;
	ike_net_init(&net, 6, 2);
	a = ike_net_config(&net, 0, 1, IKE_DEFAULT, ESP_DEFAULT);
	b = ike_net_config(&net, 1, 0, IKE_DEFAULT, ESP_DEFAULT);
	a.local = (struct addr){ 0 };
	b.role = IKE_ROLE_RESPOND;
	ike_identity_parse("192.0.2.1", &b.remote_id);
	ike_net_add(&net, 0, &a);
	ike_net_add(&net, 1, &b);
	ike_net_start_pair(&net);
	ike_conn_view(net.peer[1].ike, IKE_NET_CONN, &v);
	assert_string_equal(ike_identity_str(&v.remote_id, buf, sizeof(buf)), "192.0.2.1");
	/* Not knowing our address we could not deny a NAT, so the peer sees one: both must encapsulate then.
	 */
	assert_true(v.nat_remote && v.udp_encap);
	ike_conn_view(net.peer[0].ike, IKE_NET_CONN, &v);
	assert_true(v.udp_encap);
	assert_int_equal(v.remote.port, 4500);
	ike_net_finish(&net);
}

static bool drop_first_answers(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	unsigned *left = ctx;

	(void)net;
	(void)len;
	if (from == 1 && *left && (data[19] & 0x20) && (is_init_or_init_reply(data) || data[18] == 35)) {
		--*left;
		return false;
	}
	return true;
}

/* Lost answers: the requests are repeated, the answers are the same bytes, nothing is made twice. */
static void test_lost_answers(void **state)
{
	struct ike_stats stats;
	struct ike_net net;
	unsigned left = 4;

	(void)state;
	ike_net_pair(&net, 7, IKE_DEFAULT, ESP_DEFAULT);
	net.tap = drop_first_answers;
	net.tap_ctx = &left;
	ike_net_start_pair(&net);
	ike_stats(net.peer[1].ike, &stats);
	assert_int_equal(stats.repeats_answered, 4);
	ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	ike_net_finish(&net);
}

/* Several addresses of the peer: the first is dead, the second answers. */
static void test_remotes_in_turn(void **state)
{
	struct ike_conn_config a, b;
	struct ike_net net;

	(void)state;
	ike_net_init(&net, 8, 2);
	a = ike_net_config(&net, 0, 1, IKE_DEFAULT, ESP_DEFAULT);
	b = ike_net_config(&net, 1, 0, IKE_DEFAULT, ESP_DEFAULT);
	a.remote[1] = a.remote[0];
	a.remote[0] = addr_v4(0xc00002fe);
	a.n_remote = 2;
	a.retransmit_tries = 3;
	b.role = IKE_ROLE_RESPOND;
	ike_net_add(&net, 0, &a);
	ike_net_add(&net, 1, &b);
	ike_net_up(&net, 1);
	ike_net_up(&net, 0);
	assert_true(ike_net_run_until(&net, mdur_s(6), ike_net_both_up));
	ike_net_finish(&net);
}

/* At rest: nothing is started and the peer is answered. Up: it starts; at rest again after a loss: nothing.
 */
static void test_listen(void **state)
{
	struct ike_conn_config a, b;
	struct ike_net net;

	(void)state;
	ike_net_init(&net, 10, 2);
	a = ike_net_config(&net, 0, 1, IKE_DEFAULT, ESP_DEFAULT);
	b = ike_net_config(&net, 1, 0, IKE_DEFAULT, ESP_DEFAULT);
	ike_net_add(&net, 0, &a);
	ike_net_add(&net, 1, &b);
	ike_conn_listen(net.peer[0].ike, IKE_NET_CONN, net.now);
	ike_net_run(&net, mdur_s(60));
	assert_int_equal(net.peer[0].sends, 0);
	ike_net_up(&net, 1);
	assert_true(ike_net_run_until(&net, mdur_s(5), ike_net_both_up));
	/* The peer ends it: no attempt of ours follows. */
	ike_net_down(&net, 1);
	ike_net_run(&net, mdur_s(5));
	assert_false(net.peer[0].up);
	ike_conn_listen(net.peer[0].ike, IKE_NET_CONN, net.now);
	net.peer[0].sends = 0;
	ike_net_run(&net, mdur_s(120));
	assert_int_equal(net.peer[0].sends, 0);
	assert_int_equal(net.peer[0].phase, IKE_PHASE_DOWN);
	/* Wanted: with the peer listening, ours starts. */
	ike_conn_listen(net.peer[1].ike, IKE_NET_CONN, net.now);
	ike_net_up(&net, 0);
	assert_true(ike_net_run_until(&net, mdur_s(5), ike_net_both_up));
	/* Put to rest while up, it stays; an attempt that was under way ends. */
	ike_conn_listen(net.peer[0].ike, IKE_NET_CONN, net.now);
	ike_net_run(&net, mdur_s(5));
	assert_true(ike_net_both_up(&net));
	ike_net_down(&net, 0);
	ike_net_run(&net, mdur_s(5));
	net.peer[1].cut = true;
	ike_net_up(&net, 0);
	ike_net_run(&net, mdur_s(1));
	assert_int_equal(net.peer[0].phase, IKE_PHASE_CONNECTING);
	ike_conn_listen(net.peer[0].ike, IKE_NET_CONN, net.now);
	net.peer[0].sends = 0;
	ike_net_run(&net, mdur_s(60));
	assert_int_equal(net.peer[0].sends, 0);
	assert_int_equal(net.peer[0].phase, IKE_PHASE_DOWN);
	ike_net_finish(&net);
}

/* Slow jobs at both ends: repeats meanwhile change nothing. */
static void test_slow_jobs(void **state)
{
	struct ike_net net;

	(void)state;
	ike_net_pair(&net, 9, IKE_DEFAULT, ESP_DEFAULT);
	net.job_delay = mdur_ms(1800);
	ike_net_start_pair(&net);
	ike_net_run(&net, mdur_s(10));
	ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	ike_net_finish(&net);
}

/* Down and gone while a job runs, at every stage. */
static void test_down_during_jobs(void **state)
{
	(void)state;
	for (unsigned ms = 0; ms < 4000; ms += 100) {
		struct ike_net net;

		ike_net_pair(&net, ms, IKE_DEFAULT, "aes256-sha256-curve25519");
		net.job_delay = mdur_ms(700);
		ike_net_up(&net, 1);
		ike_net_up(&net, 0);
		ike_net_run(&net, mdur_ms(ms));
		ike_net_down(&net, ms / 100 % 2);
		ike_net_run(&net, mdur_s(5));
		ike_net_finish(&net);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smallest),
		cmocka_unit_test(test_suites),
		cmocka_unit_test(test_cookie),
		cmocka_unit_test(test_invalid_ke),
		cmocka_unit_test(test_invalid_ke_loop),
		cmocka_unit_test(test_nat),
		cmocka_unit_test(test_no_local_address),
		cmocka_unit_test(test_lost_answers),
		cmocka_unit_test(test_remotes_in_turn),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_slow_jobs),
		cmocka_unit_test(test_down_during_jobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

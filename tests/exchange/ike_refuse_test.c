/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused, what both ends say about it, and that refusals lose nothing. */
#include "tests/support/ike_net.h"

#include "ike/ts.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define IKE_DEFAULT "aes256-sha256-curve25519"
#define ESP_DEFAULT "aes256-sha256"

struct refusal {
	struct ike_net net;
	struct ike_conn_config a, b;
};

static void prepare(struct refusal *r, uint64_t seed)
{
	ike_net_init(&r->net, seed, 2);
	r->a = ike_net_config(&r->net, 0, 1, IKE_DEFAULT, ESP_DEFAULT);
	r->b = ike_net_config(&r->net, 1, 0, IKE_DEFAULT, ESP_DEFAULT);
	r->b.role = IKE_ROLE_RESPOND;
}

static void run(struct refusal *r)
{
	ike_net_add(&r->net, 0, &r->a);
	ike_net_add(&r->net, 1, &r->b);
	ike_net_up(&r->net, 1);
	ike_net_up(&r->net, 0);
	ike_net_run(&r->net, mdur_s(3));
}

/* Neither end is up; both say why; nothing is installed; a try is due. */
static void expect(struct refusal *r, const char *id_a, const char *id_b)
{
	struct ike_conn_view va, vb;

	ike_conn_view(r->net.peer[0].ike, IKE_NET_CONN, &va);
	ike_conn_view(r->net.peer[1].ike, IKE_NET_CONN, &vb);
	assert_false(r->net.peer[0].up || r->net.peer[1].up);
	assert_string_equal(va.last_error.id, id_a);
	assert_string_equal(r->net.peer[0].why.id, id_a);
	if (id_b) {
		assert_string_equal(vb.last_error.id, id_b);
		assert_string_equal(r->net.peer[1].last_warning.id, id_b);
	}
	assert_true(strlen(va.last_error.text) > 40);
	assert_true(va.attempts >= 1);
	assert_null(ike_net_check_empty(&r->net));
}

static void test_wrong_psk(void **state)
{
	static const uint8_t other[] = "another key";
	struct refusal r;

	(void)state;
	prepare(&r, 1);
	r.b.psk = other;
	r.b.psk_len = sizeof(other) - 1;
	run(&r);
	expect(&r, "ike-auth-failed", "ike-auth-failed");
	assert_non_null(strstr(r.net.peer[1].last_warning.text, "pre-shared keys differ"));
	ike_net_finish(&r.net);
}

static void test_no_proposal(void **state)
{
	struct refusal r;

	(void)state;
	prepare(&r, 2);
	ike_proposal_parse("aes256gcm16-prfsha384-ecp384", false, &r.b.ike_proposals.list[0], NULL);
	run(&r);
	expect(&r, "ike-no-proposal", "ike-no-proposal");
	assert_non_null(strstr(r.net.peer[0].why.text, "aes256-sha256-curve25519"));
	ike_net_finish(&r.net);
}

static void test_child_no_proposal(void **state)
{
	struct refusal r;

	(void)state;
	prepare(&r, 3);
	ike_proposal_parse("aes128gcm16", true, &r.b.esp_proposals.list[0], NULL);
	run(&r);
	expect(&r, "ike-child-no-proposal", "ike-child-no-proposal");
	ike_net_finish(&r.net);
}

static void test_wrong_identity(void **state)
{
	struct refusal r;

	(void)state;
	prepare(&r, 4); /* the responder wants another initiator */
	ike_identity_parse("gw.example.net", &r.b.remote_id);
	run(&r);
	expect(&r, "ike-auth-failed", "ike-wrong-identity");
	ike_net_finish(&r.net);
	prepare(&r, 5); /* the initiator wants another responder, and tells the responder to delete */
	ike_identity_parse("@gw", &r.a.remote_id);
	run(&r);
	expect(&r, "ike-wrong-identity", NULL);
	ike_net_finish(&r.net);
}

static struct ike_ts ts(const char *prefix)
{
	struct prefix p;

	assert_int_equal(prefix_parse(prefix, true, &p), 0);
	return ike_ts_from_prefix(&p);
}

static bool responder_established(struct ike_net *net)
{
	struct ike_conn_view v;

	return !ike_conn_view(net->peer[1].ike, IKE_NET_CONN, &v) && v.have_ike;
}

static void test_ts_refused(void **state)
{
	struct refusal r;

	(void)state;
	prepare(&r, 6);
	r.a.tsi[0] = ts("10.1.0.0/16");
	r.b.tsr[0] = ts("10.2.0.0/16");
	run(&r);
	expect(&r, "ike-ts-refused", "ike-ts-refused");
	ike_net_finish(&r.net);
}

/* An IKE SA whose child was refused waits for its initiator, but not for long. */
static void test_childless(void **state)
{
	struct ike_conn_view v;
	struct refusal r;

	(void)state;
	prepare(&r, 6);
	r.a.tsi[0] = ts("10.1.0.0/16");
	r.b.tsr[0] = ts("10.2.0.0/16");
	ike_net_add(&r.net, 0, &r.a);
	ike_net_add(&r.net, 1, &r.b);
	ike_net_up(&r.net, 1);
	ike_net_up(&r.net, 0);
	assert_true(ike_net_run_until(&r.net, mdur_s(5), responder_established));
	r.net.peer[0].cut = true;
	ike_net_run(&r.net, mdur_s(18));
	assert_true(responder_established(&r.net));
	ike_conn_view(r.net.peer[1].ike, IKE_NET_CONN, &v);
	assert_false(v.have_child);
	ike_net_run(&r.net, mdur_s(4));
	assert_false(responder_established(&r.net));
	assert_int_equal(ike_net_count(&r.net, 1), 0);
	r.net.peer[0].cut = false;
	ike_net_finish(&r.net);
}

static void test_narrowing(void **state)
{
	struct ike_conn_view va, vb;
	struct refusal r;
	struct ike_ts want;

	(void)state;
	prepare(&r, 7);
	r.b.tsr[0] = ts("10.2.0.0/16");
	r.b.tsi[0] = ts("10.100.0.0/16");
	run(&r);
	ike_net_assert(&r.net, ike_net_check_rest(&r.net, 0, 1));
	ike_conn_view(r.net.peer[0].ike, IKE_NET_CONN, &va);
	ike_conn_view(r.net.peer[1].ike, IKE_NET_CONN, &vb);
	want = ts("10.2.0.0/16");
	assert_true(ike_ts_eq(&va.ts_local[0], &want));
	assert_true(ike_ts_eq(&vb.ts_remote[0], &want));
	want = ts("10.100.0.0/16");
	assert_true(ike_ts_eq(&va.ts_remote[0], &want));
	assert_int_equal(va.n_ts_remote, 1);
	/* At rekey the same again. */
	assert_int_equal(ike_conn_rekey_child(r.net.peer[0].ike, IKE_NET_CONN, r.net.now), 0);
	ike_net_run(&r.net, mdur_s(5));
	ike_conn_view(r.net.peer[0].ike, IKE_NET_CONN, &va);
	assert_true(ike_ts_eq(&va.ts_remote[0], &want));
	ike_net_finish(&r.net);

	prepare(&r, 8); /* the same, but the initiator takes all or nothing */
	r.b.tsr[0] = ts("10.2.0.0/16");
	r.a.narrow = false;
	run(&r);
	assert_string_equal(r.net.peer[0].why.id, "ike-ts-refused");
	assert_false(r.net.peer[0].up);
	ike_net_finish(&r.net);
}

/* Nobody there, then a peer that isn't for us: attempts go on with growing pauses, and end after `tries`. */
static void test_no_answer(void **state)
{
	struct ike_conn_view v;
	struct refusal r;
	unsigned sends;

	(void)state;
	prepare(&r, 9);
	r.net.peer[1].cut = true;
	r.a.tries = 3;
	r.a.retransmit_tries = 3;
	run(&r);
	ike_net_run(&r.net, mdur_s(60));
	ike_conn_view(r.net.peer[0].ike, IKE_NET_CONN, &v);
	assert_int_equal(v.attempts, 3);
	assert_string_equal(v.last_error.id, "ike-no-answer");
	assert_true(mtime_is_never(v.next_attempt));
	assert_int_equal(v.phase, IKE_PHASE_DOWN);
	sends = r.net.peer[0].sends;
	assert_int_equal(sends, 9);
	ike_net_run(&r.net, mdur_s(600));
	assert_int_equal(r.net.peer[0].sends, sends);
	assert_non_null(strstr(v.last_error.text, "Gave up after 3 attempts"));
	r.net.peer[1].cut = false; /* up once more: it tries again */
	ike_net_up(&r.net, 0);
	assert_true(ike_net_run_until(&r.net, mdur_s(5), ike_net_both_up));
	ike_net_finish(&r.net);
}

/* A try is a round through all addresses. */
static void test_tries_are_rounds(void **state)
{
	struct ike_conn_view v;
	struct refusal r;

	(void)state;
	prepare(&r, 12);
	r.net.peer[1].cut = true;
	r.a.remote[1] = addr_v4(0xc00002fe);
	r.a.remote[2] = addr_v4(0xc00002fd);
	r.a.n_remote = 3;
	r.a.tries = 2;
	r.a.retransmit_tries = 2;
	run(&r);
	ike_net_run(&r.net, mdur_s(120));
	ike_conn_view(r.net.peer[0].ike, IKE_NET_CONN, &v);
	assert_int_equal(v.attempts, 6);
	assert_true(mtime_is_never(v.next_attempt));
	ike_net_finish(&r.net);
}

/* The key is corrected at the gateway: the next attempt comes up by itself. */
static void test_recovers(void **state)
{
	static const uint8_t other[] = "another key";
	struct refusal r;
	struct ike_conn_config good;

	(void)state;
	prepare(&r, 10);
	good = r.b;
	r.b.psk = other;
	r.b.psk_len = sizeof(other) - 1;
	run(&r);
	assert_int_equal(ike_conn_update(r.net.peer[1].ike, IKE_NET_CONN, &good, NULL), 0);
	assert_true(ike_net_run_until(&r.net, mdur_s(30), ike_net_both_up));
	ike_net_run(&r.net, mdur_s(1));
	ike_net_assert(&r.net, ike_net_check_rest(&r.net, 0, 1));
	ike_net_finish(&r.net);
}

/* Half-open floods: limits by source and in total, cookies from the threshold on; a real peer still gets in.
 */
static void test_flood(void **state)
{
	struct ike_limits limits = {
		.half_open_max = 40, .half_open_per_source = 4, .cookie_threshold = 20, .established_max = 9
	};
	struct ike_conn_config any;
	struct ike_stats stats;
	struct refusal r;
	uint8_t init[600];
	size_t len = 0;

	(void)state;
	prepare(&r, 11);
	ike_net_restart_peer(&r.net, 1, &limits);
	any = r.b;
	any.n_remote = 0;
	r.b = any;
	/* A well-formed request, taken from a peer that starts, with other SPIs and sources. */
	ike_net_add(&r.net, 0, &r.a);
	ike_net_add(&r.net, 1, &r.b);
	ike_net_up(&r.net, 1);
	ike_conn_up(r.net.peer[0].ike, IKE_NET_CONN, r.net.now);
	for (struct ike_action a; ike_next_action(r.net.peer[0].ike, &a);) {
		if (a.kind == IKE_ACT_JOB) {
			ike_job_run(a.job);
			ike_job_done(r.net.peer[0].ike, a.job, r.net.now);
		} else if (a.kind == IKE_ACT_SEND) {
			len = a.send.len;
			memcpy(init, a.send.data, len);
		}
	}
	assert_true(len > 100);
	for (unsigned i = 0; i < 2000; i++) {
		struct endpoint from = { addr_v4(0x0a000000 + i / 10), 500 };
		uint64_t spi = ike_net_random(&r.net) | 1;

		memcpy(init, &spi, sizeof(spi));
		ike_net_inject(&r.net, 1, &from, false, init, len);
		ike_stats(r.net.peer[1].ike, &stats);
		assert_true(stats.half_open <= 20);
	}
	assert_true(stats.cookies_sent > 1000);
	assert_int_equal(stats.half_open, 20);
	assert_true(ike_net_run_until(&r.net, mdur_s(10), ike_net_both_up));
	ike_net_run(&r.net, mdur_s(40));
	ike_stats(r.net.peer[1].ike, &stats);
	assert_int_equal(stats.half_open, 0);
	ike_net_assert(&r.net, ike_net_check_rest(&r.net, 0, 1));
	/* Where no cookie is demanded before, the limit itself holds, and is said once. */
	limits.half_open_max = 10;
	ike_net_restart_peer(&r.net, 1, &limits);
	ike_net_add(&r.net, 1, &r.b);
	ike_net_up(&r.net, 1);
	for (unsigned i = 0; i < 200; i++) {
		struct endpoint from = { addr_v4(0x0a000000 + i), 500 };

		memcpy(init, &(uint64_t){ ike_net_random(&r.net) | 1 }, sizeof(uint64_t));
		ike_net_inject(&r.net, 1, &from, false, init, len);
	}
	ike_stats(r.net.peer[1].ike, &stats);
	assert_int_equal(stats.half_open, 10);
	assert_int_equal(stats.dropped_half_open, 190);
	assert_int_equal(r.net.peer[1].reports, 1);
	assert_string_equal(r.net.peer[1].last_warning.id, "ike-half-open-limit");
	ike_net_finish(&r.net);
}

/* Damaged, truncated, random and replayed datagrams against live SAs change nothing. */
struct capture {
	uint8_t data[64][2048];
	size_t len[64];
	unsigned from[64], n;
};

static bool keep_copy(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	struct capture *c = ctx;

	(void)net;
	if (c->n < 64 && *len <= sizeof(c->data[0])) {
		memcpy(c->data[c->n], data, *len);
		c->len[c->n] = *len;
		c->from[c->n++] = from;
	}
	return true;
}

static void test_garbage(void **state)
{
	static struct capture c;
	struct refusal r;
	struct ike_conn_view before, after;

	(void)state;
	c.n = 0;
	prepare(&r, 12);
	r.net.tap = keep_copy;
	r.net.tap_ctx = &c;
	run(&r);
	ike_net_run(&r.net, mdur_s(60));
	r.net.tap = NULL;
	assert_true(c.n >= 8);
	ike_conn_view(r.net.peer[0].ike, IKE_NET_CONN, &before);
	for (unsigned i = 0; i < c.n; i++) {
		unsigned to = 1 - c.from[i];
		struct endpoint from = { r.net.peer[c.from[i]].addr, 500 };

		ike_net_inject(&r.net, to, &from, false, c.data[i], c.len[i]); /* replayed */
		for (size_t len = 0; len < c.len[i]; len += 1 + len / 40)
			ike_net_inject(&r.net, to, &from, false, c.data[i], len);
		for (unsigned k = 0; k < 60; k++) {
			uint8_t damaged[2048];
			size_t at = ike_net_random(&r.net) % c.len[i];

			memcpy(damaged, c.data[i], c.len[i]);
			damaged[at] ^= (uint8_t)(1u << (ike_net_random(&r.net) & 7));
			if (at >= 28 || c.data[i][18] != 34)
				ike_net_inject(&r.net, to, &from, false, damaged, c.len[i]);
		}
	}
	ike_net_run(&r.net, mdur_s(45));
	ike_conn_view(r.net.peer[0].ike, IKE_NET_CONN, &after);
	assert_int_equal(before.child_spi_in, after.child_spi_in);
	assert_int_equal(before.spi_i, after.spi_i);
	ike_net_assert(&r.net, ike_net_check_rest(&r.net, 0, 1));
	assert_int_equal(r.net.peer[0].downs + r.net.peer[1].downs, 0);
	ike_net_finish(&r.net);
}

/* The data plane refuses the inbound SA: the answer isn't sent, the peer is told, it is tried again. */
static void test_install_fails(void **state)
{
	struct refusal r;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		prepare(&r, 20 + i);
		r.net.peer[i].fail_inbound_add = true;
		run(&r);
		assert_string_equal(r.net.peer[i].last_warning.id, "ike-install-failed");
		assert_true(ike_net_run_until(&r.net, mdur_s(60), ike_net_both_up));
		ike_net_run(&r.net, mdur_s(30));
		ike_net_assert(&r.net, ike_net_check_rest(&r.net, 0, 1));
		ike_net_finish(&r.net);
	}
}

/* Two connections for one address: the identities choose. */
static void test_conn_by_identity(void **state)
{
	static const uint8_t other[] = "the key of the second";
	struct ike_conn_config second;
	struct ike_conn_view v;
	struct refusal r;

	(void)state;
	prepare(&r, 30);
	ike_identity_parse("one.example.net", &r.b.remote_id);
	second = r.b;
	ike_identity_parse("two.example.net", &second.remote_id);
	ike_identity_parse("two.example.net", &r.a.local_id);
	second.psk = r.a.psk = other;
	second.psk_len = r.a.psk_len = sizeof(other) - 1;
	assert_int_equal(ike_conn_add(r.net.peer[1].ike, 2, &second, NULL), 0);
	ike_conn_up(r.net.peer[1].ike, 2, r.net.now);
	run(&r);
	assert_true(r.net.peer[0].up);
	ike_conn_view(r.net.peer[1].ike, 2, &v);
	assert_int_equal(v.phase, IKE_PHASE_UP);
	ike_conn_view(r.net.peer[1].ike, IKE_NET_CONN, &v);
	assert_int_equal(v.phase, IKE_PHASE_DOWN);
	ike_conn_down(r.net.peer[1].ike, 2, r.net.now);
	ike_net_finish(&r.net);
}

static void test_bad_config(void **state)
{
	struct refusal r;
	struct reason why;

	(void)state;
	prepare(&r, 31);
	r.a.psk_len = 0;
	assert_int_equal(ike_conn_add(r.net.peer[0].ike, 1, &r.a, &why), -1);
	assert_string_equal(why.id, "ike-bad-config");
	r.a.psk_len = 4;
	r.a.n_remote = 0;
	assert_int_equal(ike_conn_add(r.net.peer[0].ike, 1, &r.a, &why), -1);
	r.a.role = IKE_ROLE_RESPOND;
	assert_int_equal(ike_conn_add(r.net.peer[0].ike, 1, &r.a, &why), 0);
	assert_int_equal(ike_conn_add(r.net.peer[0].ike, 1, &r.a, &why), -1);
	assert_int_equal(ike_conn_update(r.net.peer[0].ike, 7, &r.a, &why), -1);
	ike_conn_remove(r.net.peer[0].ike, 1);
	ike_net_finish(&r.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_psk),
		cmocka_unit_test(test_no_proposal),
		cmocka_unit_test(test_child_no_proposal),
		cmocka_unit_test(test_wrong_identity),
		cmocka_unit_test(test_ts_refused),
		cmocka_unit_test(test_childless),
		cmocka_unit_test(test_narrowing),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_tries_are_rounds),
		cmocka_unit_test(test_recovers),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_install_fails),
		cmocka_unit_test(test_conn_by_identity),
		cmocka_unit_test(test_bad_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

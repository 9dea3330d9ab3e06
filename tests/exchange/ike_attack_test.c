/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who forges a peer's address, repeats what it sent, or floods; and peers that keep to the standard in ways
 * of their own. What an attacker sends may cost a datagram, never the tunnel.
 */
#include "ike/engine.h"
#include "ike/others.h"
#include "ike/message.h"
#include "ike/sa_payload.h"
#include "tests/support/ike_net.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define IKE_DEFAULT "aes256-sha256-curve25519"
#define ESP_DEFAULT "aes256-sha256"

struct capture {
	uint8_t data[2048];
	size_t len;
	uint8_t exchange; /* keep the last of these, that is no answer */
};

static bool keep_requests(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	struct capture *c = ctx;

	(void)net;
	if (from || data[18] != c->exchange || data[19] & 0x20 || *len > sizeof(c->data))
		return true;
	memcpy(c->data, data, *len);
	c->len = *len;
	return true;
}

/* An IKE_SA_INIT of peer 0, which stays down. */
static void get_init(struct ike_net *net, struct capture *c)
{
	c->exchange = 34;
	net->tap = keep_requests;
	net->tap_ctx = c;
	ike_net_up(net, 0);
	ike_net_run(net, mdur_ms(5));
	ike_conn_down(net->peer[0].ike, IKE_NET_CONN, net->now);
	ike_net_run(net, mdur_s(40));
	net->tap = NULL;
	assert_true(c->len > 100);
}

static void inject_inits(struct ike_net *net, struct capture *c, unsigned n)
{
	struct endpoint from = { net->peer[0].addr, 500 };

	for (unsigned i = 0; i < n; i++) {
		uint64_t spi = ike_net_random(net) | 1;

		memcpy(c->data, &spi, sizeof(spi));
		ike_net_inject(net, 1, &from, false, c->data, c->len);
	}
}

/* Requests with the peer's own address as source: the peer still gets in, for it answers a cookie. */
static void test_forged_source(void **state)
{
	static struct capture c;
	struct ike_stats stats;
	struct ike_net net;

	(void)state;
	ike_net_pair(&net, 1, IKE_DEFAULT, ESP_DEFAULT);
	get_init(&net, &c);
	ike_net_up(&net, 1);
	inject_inits(&net, &c, 100);
	ike_stats(net.peer[1].ike, &stats);
	assert_in_range(stats.half_open, 1, ike_default_limits.half_open_per_source / 2);
	assert_true(stats.cookies_sent > 50);
	ike_net_up(&net, 0);
	assert_true(ike_net_run_until(&net, mdur_s(3), ike_net_both_up));
	ike_net_run(&net, mdur_s(40));
	ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	ike_net_finish(&net);
}

/* Who has an IPv6 address has its /64: all of that is one source, and another /64 is another one. */
static void test_one_source_is_a_64(void **state)
{
	static struct capture c;
	struct ike_conn_config any;
	struct ike_stats stats;
	struct ike_net net;
	const unsigned most = ike_default_limits.half_open_per_source / 2;

	(void)state;
	ike_net_pair(&net, 3, IKE_DEFAULT, ESP_DEFAULT);
	get_init(&net, &c);
	any = ike_net_config(&net, 1, 0, IKE_DEFAULT, ESP_DEFAULT);
	any.role = IKE_ROLE_RESPOND;
	any.n_remote = 0;
	any.local = (struct addr){ 0 };
	assert_int_equal(ike_conn_update(net.peer[1].ike, IKE_NET_CONN, &any, NULL), 0);
	ike_net_up(&net, 1);
	for (unsigned net64 = 1; net64 <= 3; net64++) {
		for (unsigned i = 0; i < 100; i++) {
			struct endpoint from = { .addr = { .family = 6, .b = { 0x20, 1, 0x0d, 0xb8 } },
				.port = 500 };
			uint64_t spi = ike_net_random(&net) | 1;

			from.addr.b[7] = (uint8_t)net64;
			from.addr.b[8] = (uint8_t)(i * 7);
			from.addr.b[15] = (uint8_t)i;
			memcpy(c.data, &spi, sizeof(spi));
			ike_net_inject(&net, 1, &from, false, c.data, c.len);
		}
		ike_stats(net.peer[1].ike, &stats);
		assert_int_equal(stats.half_open, net64 * most);
		assert_int_equal(stats.cookies_sent, net64 * (100 - most));
	}
	ike_net_run(&net, mdur_s(60));
	ike_net_finish(&net);
}

struct weighed {
	size_t longest, sum; /* what peer 1 sends */
};

static bool weigh(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	struct weighed *w = ctx;

	(void)net;
	(void)data;
	if (from == 1) {
		w->longest = *len > w->longest ? *len : w->longest;
		w->sum += *len;
	}
	return true;
}

/* IKE_SA_INIT of this suite and group with a KE payload of ke_len bytes and nothing that isn't needed. */
static size_t small_init(
    struct ike_net *net, const char *suite, unsigned group, size_t ke_len, uint8_t *out, size_t cap)
{
	static const uint8_t ke[512] = { 1 }, nonce[16] = { 1 };
	struct ike_proposals offer = { .n = 1 };
	uint8_t body[1024];
	struct ike_build b = ike_build_init(body, sizeof(body));
	struct ike_header h = {
		.spi_i = ike_net_random(net) | 1, .exchange = IKE_X_SA_INIT, .from_initiator = true
	};
	size_t body_len, len;

	assert_int_equal(ike_proposal_parse(suite, false, &offer.list[0], NULL), 0);
	ike_build_sa(&b, &offer, IKE_PROTO_IKE, NULL, true);
	ike_build_ke(&b, (uint16_t)group, ke, ke_len);
	ike_build_nonce(&b, nonce, sizeof(nonce));
	assert_int_equal(ike_build_finish(&b, &body_len), 0);
	assert_int_equal(ike_message_plain(&h, b.first, body, body_len, out, cap, &len), 0);
	return len;
}

/* Whoever forges a victim's address gets no more out of us than he puts in: errors and cookies are no longer
 * than the request, and a completed answer, which may be, is not repeated for ever. */
static void test_no_amplification(void **state)
{
	static const struct {
		const char *what, *suite;
		unsigned group;
		size_t ke_len;
		unsigned cookie_threshold;
		bool answered;
	} rows[] = {
		{ "NO_PROPOSAL_CHOSEN", "aes128-sha384-ecp256", KE_ECP_256, 64, 9, true },
		{ "INVALID_KE_PAYLOAD", IKE_DEFAULT, KE_ECP_256, 64, 9, true },
		{ "INVALID_KE_PAYLOAD, nearly no KE", IKE_DEFAULT, KE_CURVE25519, 1, 9, true },
		{ "COOKIE", IKE_DEFAULT, KE_CURVE25519, 32, 0, true },
		{ "COOKIE, nearly no KE", IKE_DEFAULT, KE_CURVE25519, 1, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ike_limits limits = ike_default_limits;
		struct weighed w = { 0 };
		struct ike_conn_config b;
		struct endpoint from;
		struct ike_net net;
		uint8_t init[1024];
		size_t len;

		limits.cookie_threshold = rows[i].cookie_threshold;
		ike_net_init(&net, 40 + i, 2);
		ike_net_restart_peer(&net, 1, &limits);
		b = ike_net_config(&net, 1, 0, IKE_DEFAULT, ESP_DEFAULT);
		b.role = IKE_ROLE_RESPOND;
		ike_net_add(&net, 1, &b);
		ike_net_up(&net, 1);
		net.tap = weigh;
		net.tap_ctx = &w;
		from = (struct endpoint){ net.peer[0].addr, 500 };
		len = small_init(&net, rows[i].suite, rows[i].group, rows[i].ke_len, init, sizeof(init));
		ike_net_inject(&net, 1, &from, false, init, len);
		ike_net_run(&net, mdur_ms(500));
		if (w.longest > len || (w.longest > 0) != rows[i].answered)
			fail_msg("%s: %zu for %zu", rows[i].what, w.longest, len);
		ike_net_finish(&net);
	}
}

/* No payloads at all but what parses: 60 bytes. A COOKIE would be longer, so there is none. */
static void test_tiny_request(void **state)
{
	struct ike_limits limits = ike_default_limits;
	struct weighed w = { 0 };
	struct ike_conn_config b;
	struct endpoint from;
	struct ike_net net;
	uint8_t init[1024], body[64];
	struct ike_build build = ike_build_init(body, sizeof(body));
	struct ike_header h = { .spi_i = 5, .exchange = IKE_X_SA_INIT, .from_initiator = true };
	size_t body_len, len;

	(void)state;
	limits.cookie_threshold = 0;
	ike_net_init(&net, 50, 2);
	ike_net_restart_peer(&net, 1, &limits);
	b = ike_net_config(&net, 1, 0, IKE_DEFAULT, ESP_DEFAULT);
	b.role = IKE_ROLE_RESPOND;
	ike_net_add(&net, 1, &b);
	ike_net_up(&net, 1);
	net.tap = weigh;
	net.tap_ctx = &w;
	ike_build_payload(&build, IKE_P_SA);
	ike_build_ke(&build, KE_CURVE25519, body, 1);
	ike_build_nonce(&build, (const uint8_t *)"0123456789abcdef", 16);
	assert_int_equal(ike_build_finish(&build, &body_len), 0);
	assert_int_equal(ike_message_plain(&h, build.first, body, body_len, init, sizeof(init), &len), 0);
	assert_true(len < 69);
	from = (struct endpoint){ net.peer[0].addr, 500 };
	ike_net_inject(&net, 1, &from, false, init, len);
	ike_net_run(&net, mdur_ms(500));
	assert_int_equal(w.longest, 0);
	ike_net_finish(&net);
}

/* The same good request again and again, as if the victim repeated it: few of the longer answers go out. */
static void test_repeated_init(void **state)
{
	static struct capture c;
	struct weighed w = { 0 };
	struct endpoint from;
	struct ike_net net;

	(void)state;
	ike_net_pair(&net, 60, IKE_DEFAULT, ESP_DEFAULT);
	get_init(&net, &c);
	ike_net_up(&net, 1);
	net.peer[0].cut = true;
	net.tap = weigh;
	net.tap_ctx = &w;
	from = (struct endpoint){ net.peer[0].addr, 500 };
	for (unsigned i = 0; i < 300; i++) {
		ike_net_inject(&net, 1, &from, false, c.data, c.len);
		ike_net_run(&net, mdur_ms(20));
	}
	assert_true(w.longest > 100);
	assert_in_range(w.sum, 2 * w.longest, 20 * w.longest); /* an honest peer's repeats are answered */
	ike_net_run(&net, mdur_s(40));
	net.peer[0].cut = false;
	ike_net_finish(&net);
}

/* Complaints about what anyone can send do not fill a log. */
static void test_complaints_are_few(void **state)
{
	static struct capture c;
	struct ike_conn_config b;
	struct ike_net net;
	unsigned before;

	(void)state;
	ike_net_pair(&net, 2, IKE_DEFAULT, ESP_DEFAULT);
	b = ike_net_config(&net, 1, 0, "aes128gcm16-prfsha384-ecp384", ESP_DEFAULT);
	b.role = IKE_ROLE_RESPOND;
	get_init(&net, &c);
	assert_int_equal(ike_conn_update(net.peer[1].ike, IKE_NET_CONN, &b, NULL), 0);
	ike_net_up(&net, 1);
	before = net.peer[1].reports;
	inject_inits(&net, &c, 1000);
	assert_int_equal(net.peer[1].reports, before + 1);
	ike_net_run(&net, mdur_s(11));
	inject_inits(&net, &c, 10);
	assert_int_equal(net.peer[1].reports, before + 2);
	ike_net_finish(&net);
}

/* Neither do different ones in turn; and the one that is new is heard when the span is over. */
static void test_complaints_in_turn(void **state)
{
	struct ike_conn *conn;
	struct ike_net net;
	struct ike_facts facts = { .any = true };
	struct reason why = { 0 };
	unsigned before;

	(void)state;
	ike_net_pair(&net, 3, IKE_DEFAULT, ESP_DEFAULT);
	conn = ike_conn_find(net.peer[1].ike, IKE_NET_CONN);
	before = net.peer[1].reports;
	for (unsigned i = 0; i < 1000; i++) {
		reason_set(&why, i % 2 ? "ike-one" : "ike-two", "a stranger came");
		ike_others_note(conn, &why, &facts, true, net.now);
		ike_net_drain(&net);
	}
	assert_int_equal(net.peer[1].reports, before + 2);
	for (unsigned i = 0; i < 1000; i++) {
		char id[20];

		snprintf(id, sizeof(id), "ike-%u", i % 10);
		reason_set(&why, id, "a stranger came");
		ike_others_note(conn, &why, &facts, true, net.now);
		ike_net_drain(&net);
	}
	assert_int_equal(net.peer[1].reports, before + IKE_WARNED_MAX);
	ike_net_run(&net, mdur_s(11));
	ike_others_note(conn, &why, &facts, true, net.now);
	ike_net_drain(&net);
	assert_int_equal(net.peer[1].reports, before + IKE_WARNED_MAX + 1);
	assert_string_equal(net.peer[1].last_warning.id, "ike-9");
	ike_net_finish(&net);
}

/* Everything arrives twice, the COOKIE too: the message that AUTH covers is the one the peer has answered. */
static void test_cookie_twice(void **state)
{
	struct ike_limits limits = ike_default_limits;
	struct ike_conn_config a, b;
	struct ike_conn_view v;
	struct ike_net net;

	(void)state;
	limits.cookie_threshold = 0;
	for (unsigned seed = 0; seed < 40; seed++) {
		ike_net_init(&net, seed, 2);
		ike_net_restart_peer(&net, 1, &limits);
		a = ike_net_config(&net, 0, 1, IKE_DEFAULT, ESP_DEFAULT);
		b = ike_net_config(&net, 1, 0, IKE_DEFAULT, ESP_DEFAULT);
		a.force_encap = true; /* what hides our address is random: no two requests are alike */
		b.role = IKE_ROLE_RESPOND;
		ike_net_add(&net, 0, &a);
		ike_net_add(&net, 1, &b);
		net.repeat = 100;
		net.delay_max = mdur_ms(150);
		ike_net_start_pair(&net);
		ike_conn_view(net.peer[0].ike, IKE_NET_CONN, &v);
		assert_false(reason_is_set(&net.peer[0].why) || reason_is_set(&net.peer[1].last_warning));
		ike_net_run(&net, mdur_s(1));
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		ike_net_finish(&net);
	}
}

/* Our first proposal has PFS, the peer takes one of ours without. */
static void test_peer_without_pfs(void **state)
{
	struct ike_conn_config a, b;
	struct ike_conn_view v;
	struct ike_net net;

	(void)state;
	ike_net_init(&net, 4, 2);
	a = ike_net_config(&net, 0, 1, IKE_DEFAULT, "aes256-sha256-ecp256");
	assert_int_equal(ike_proposal_parse("aes128-sha256-noesn", true, &a.esp_proposals.list[1], NULL), 0);
	a.esp_proposals.n = 2;
	b = ike_net_config(&net, 1, 0, IKE_DEFAULT, "aes128-sha256-noesn");
	b.role = IKE_ROLE_RESPOND;
	ike_net_add(&net, 0, &a);
	ike_net_add(&net, 1, &b);
	ike_net_start_pair(&net);
	for (unsigned i = 0; i < 2; i++) {
		ike_net_run(&net, mdur_s(1));
		assert_int_equal(ike_conn_rekey_child(net.peer[i].ike, IKE_NET_CONN, net.now), 0);
		ike_net_run(&net, mdur_s(5));
		ike_conn_view(net.peer[0].ike, IKE_NET_CONN, &v);
		assert_int_equal(v.child_rekeys, i + 1);
		assert_string_equal(v.esp_proposal, "aes128-sha256");
		assert_false(reason_is_set(&v.last_error));
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	}
	ike_net_finish(&net);
}

static bool peer1_down(struct ike_net *net)
{
	return !net->peer[1].up;
}

static void watchful(struct ike_net *net, uint64_t seed)
{
	struct ike_conn_config b;

	ike_net_pair(net, seed, IKE_DEFAULT, ESP_DEFAULT);
	b = ike_net_config(net, 1, 0, IKE_DEFAULT, ESP_DEFAULT);
	b.role = IKE_ROLE_RESPOND;
	b.liveness_interval = mdur_s(5);
	b.liveness_timeout = mdur_s(10);
	assert_int_equal(ike_conn_update(net->peer[1].ike, IKE_NET_CONN, &b, NULL), 0);
}

/* The peer is gone; someone repeats its last request again and again: it is dead all the same. */
static void test_repeats_are_no_life(void **state)
{
	static struct capture c;
	struct endpoint from;
	struct ike_stats stats;
	struct ike_net net;
	mtime cut;

	(void)state;
	watchful(&net, 5);
	c.exchange = 36;
	net.tap = keep_requests;
	net.tap_ctx = &c;
	ike_net_start_pair(&net);
	assert_int_equal(ike_conn_rekey_ike(net.peer[0].ike, IKE_NET_CONN, net.now), 0);
	assert_int_equal(ike_conn_rekey_child(net.peer[0].ike, IKE_NET_CONN, net.now), 0);
	ike_net_run(&net, mdur_ms(500));
	assert_int_equal(ike_conn_rekey_child(net.peer[0].ike, IKE_NET_CONN, net.now), 0);
	ike_net_run(&net, mdur_ms(100));
	assert_true(c.len > 0);
	net.tap = NULL;
	net.peer[0].cut = true;
	cut = net.now;
	from = (struct endpoint){ net.peer[0].addr, 500 };
	while (net.peer[1].up && mtime_since(net.now, cut).ns < mdur_s(60).ns) {
		ike_net_inject(&net, 1, &from, false, c.data, c.len);
		ike_net_run(&net, mdur_ms(200));
	}
	assert_in_range(mdur_to_ms(mtime_since(net.now, cut)), 12000, 17000);
	ike_stats(net.peer[1].ike, &stats);
	assert_true(stats.repeats_answered > 10);
	net.peer[0].cut = false;
	ike_net_finish(&net);
}

/* A rekey that the peer does not answer is a probe like any other. */
static void test_dead_during_rekey(void **state)
{
	struct ike_net net;
	mtime cut;

	(void)state;
	for (unsigned ike = 0; ike < 2; ike++) {
		watchful(&net, 6 + ike);
		ike_net_start_pair(&net);
		ike_net_run(&net, mdur_s(2));
		net.peer[0].cut = true;
		cut = net.now;
		if (ike)
			ike_conn_rekey_ike(net.peer[1].ike, IKE_NET_CONN, net.now);
		else
			ike_conn_rekey_child(net.peer[1].ike, IKE_NET_CONN, net.now);
		assert_true(ike_net_run_until(&net, mdur_s(60), peer1_down));
		assert_in_range(mdur_to_ms(mtime_since(net.now, cut)), 9000, 12000);
		net.peer[0].cut = false;
		ike_net_finish(&net);
	}
}

/* The peer never takes a rekey of the IKE SA: we ask now and then, not all the time. */
static void test_ike_rekey_refused(void **state)
{
	struct ike_conn_config b;
	struct ike_net net;

	(void)state;
	ike_net_pair(&net, 8, IKE_DEFAULT, ESP_DEFAULT);
	ike_net_start_pair(&net);
	b = ike_net_config(&net, 1, 0, "aes128gcm16-prfsha384-ecp384", ESP_DEFAULT);
	assert_int_equal(ike_conn_update(net.peer[1].ike, IKE_NET_CONN, &b, NULL), 0);
	assert_int_equal(ike_conn_rekey_ike(net.peer[0].ike, IKE_NET_CONN, net.now), 0);
	ike_net_run(&net, mdur_s(600));
	assert_in_range(net.peer[0].reports, 5, 16);
	assert_int_equal(net.peer[0].downs, 0);
	ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	ike_net_finish(&net);
}

static bool count_inits(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	unsigned *n = ctx;

	(void)net;
	(void)len;
	*n += !from && data[18] == 34;
	return true;
}

/* What comes up and fails at once, each time, is tried less and less often; once it stays up, that is
 * forgotten. */
static void test_flapping(void **state)
{
	struct ike_net net;
	unsigned n = 0, more;

	(void)state;
	ike_net_pair(&net, 9, IKE_DEFAULT, ESP_DEFAULT);
	net.tap = count_inits;
	net.tap_ctx = &n;
	net.peer[0].fail_inbound_add = true;
	ike_net_up(&net, 0);
	ike_net_up(&net, 1);
	for (unsigned i = 0; i < 1200; i++) {
		net.peer[0].fail_inbound_add = true;
		ike_net_run(&net, mdur_ms(100));
	}
	assert_in_range(n, 4, 12);
	net.peer[0].fail_inbound_add = false;
	assert_true(ike_net_run_until(&net, mdur_s(90), ike_net_both_up));
	ike_net_run(&net, mdur_s(61));
	more = n;
	ike_conn_restart(net.peer[1].ike, IKE_NET_CONN, true, NULL, net.now);
	assert_true(ike_net_run_until(&net, mdur_s(3), ike_net_both_up));
	assert_int_equal(n, more + 1);
	ike_net_finish(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forged_source),
		cmocka_unit_test(test_one_source_is_a_64),
		cmocka_unit_test(test_no_amplification),
		cmocka_unit_test(test_tiny_request),
		cmocka_unit_test(test_repeated_init),
		cmocka_unit_test(test_complaints_are_few),
		cmocka_unit_test(test_complaints_in_turn),
		cmocka_unit_test(test_cookie_twice),
		cmocka_unit_test(test_peer_without_pfs),
		cmocka_unit_test(test_repeats_are_no_life),
		cmocka_unit_test(test_dead_during_rekey),
		cmocka_unit_test(test_ike_rekey_refused),
		cmocka_unit_test(test_flapping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

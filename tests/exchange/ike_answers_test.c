/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an authenticated peer may ask for and is refused, by RFC 7296 2.21 and 2.25: the test speaks with the
 * peer's keys and reads our answers with them.
 */
#include "ike/engine.h"
#include "tests/support/ike_net.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

struct talk {
	struct ike_net net;
	struct ike_sa *ours, *theirs; /* the two ends of the live IKE SA; ours is under test */
	uint8_t body[2048];
	struct ike_build b;
	uint8_t answer[4096];
	size_t answer_len;
};

static bool keep_answer(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	struct talk *t = ctx;

	(void)net;
	if (from)
		return true;
	memcpy(t->answer, data, *len);
	t->answer_len = *len;
	return false;
}

static void start(struct talk *t, const char *esp)
{
	memset(t, 0, sizeof(*t));
	ike_net_pair(&t->net, 1, "aes128-sha256-curve25519", esp);
	ike_net_start_pair(&t->net);
	ike_net_run(&t->net, mdur_s(1));
	ike_net_assert(&t->net, ike_net_check_rest(&t->net, 0, 1));
	t->ours = list_first(&ike_conn_find(t->net.peer[0].ike, IKE_NET_CONN)->sas, struct ike_sa, node);
	t->theirs = list_first(&ike_conn_find(t->net.peer[1].ike, IKE_NET_CONN)->sas, struct ike_sa, node);
	t->net.tap = keep_answer;
	t->net.tap_ctx = t;
	t->b = ike_build_init(t->body, sizeof(t->body));
}

/* Sends what was built as the peer's next request; what peer 0 answers is opened into p. False: no answer. */
static bool ask(struct talk *t, uint8_t exchange, struct ike_payloads *p)
{
	struct ike_header h = { .spi_i = t->ours->spi_i,
		.spi_r = t->ours->spi_r,
		.exchange = exchange,
		.from_initiator = t->theirs->initiator,
		.msg_id = t->ours->next_peer };
	struct endpoint from = { t->net.peer[1].addr, 500 };
	size_t body_len, len;
	uint8_t msg[4096], first;
	struct rd inner;

	assert_int_equal(ike_build_finish(&t->b, &body_len), 0);
	assert_int_equal(ike_message_seal(&t->theirs->keys.seal, &t->net.peer[1].rng, &h, t->b.first, t->body,
	                     body_len, msg, sizeof(msg), &len),
	    0);
	t->answer_len = 0;
	ike_net_inject(&t->net, 0, &from, false, msg, len);
	ike_net_run(&t->net, mdur_ms(1)); /* jobs */
	t->b = ike_build_init(t->body, sizeof(t->body));
	if (!t->answer_len)
		return false;
	assert_int_equal(
	    ike_message_open(&t->theirs->keys.open, t->answer, t->answer_len, &first, &inner), 0);
	assert_int_equal(ike_payloads_parse(inner, first, p), 0);
	return true;
}

static void expect(struct talk *t, uint8_t exchange, uint16_t refusal)
{
	struct ike_payloads p;

	assert_true(ask(t, exchange, &p));
	assert_non_null(ike_notify_error(&p));
	assert_int_equal(ike_notify_error(&p)->type, refusal);
}

static void put_child(struct talk *t, const char *esp, const uint32_t *rekeys)
{
	static const uint8_t nonce[32] = { 1 }, spi[4] = { 9, 9, 9, 9 };
	struct chunk spi_chunk = { spi, 4 };
	uint8_t old[4];
	struct wr w = wr_init(old, sizeof(old));
	struct chunk old_chunk = { old, 4 };
	struct prefix any = { .addr.family = 4 };
	struct ike_ts ts = ike_ts_from_prefix(&any);
	struct ike_proposals offer = { .n = 1 };

	assert_int_equal(ike_proposal_parse(esp, true, &offer.list[0], NULL), 0);
	if (rekeys) {
		wr_u32(&w, *rekeys);
		ike_build_notify(&t->b, IKE_PROTO_ESP, &old_chunk, IKE_N_REKEY_SA, NULL, 0);
	}
	ike_build_sa(&t->b, &offer, IKE_PROTO_ESP, &spi_chunk, true);
	ike_build_nonce(&t->b, nonce, sizeof(nonce));
	ike_build_ts(&t->b, IKE_P_TSI, &ts, 1);
	ike_build_ts(&t->b, IKE_P_TSR, &ts, 1);
}

static void finish(struct talk *t)
{
	t->net.tap = NULL;
	ike_net_finish(&t->net);
}

static void test_children(void **state)
{
	static struct talk t;
	struct ike_payloads p;
	uint32_t spi, wrong = 0x01010101;

	(void)state;
	start(&t, "aes128gcm16");
	spi = t.net.peer[1].live_in;
	put_child(&t, "aes128gcm16", NULL); /* one more: we have one */
	expect(&t, IKE_X_CREATE_CHILD_SA, IKE_N_NO_ADDITIONAL_SAS);
	put_child(&t, "aes128gcm16", &wrong);
	expect(&t, IKE_X_CREATE_CHILD_SA, IKE_N_CHILD_SA_NOT_FOUND);
	put_child(&t, "aes256-sha256", &spi);
	expect(&t, IKE_X_CREATE_CHILD_SA, IKE_N_NO_PROPOSAL_CHOSEN);
	put_child(&t, "aes128gcm16-modp2048", &spi); /* PFS, but no KE payload */
	assert_true(ask(&t, IKE_X_CREATE_CHILD_SA, &p));
	assert_int_equal(ike_notify_error(&p)->type, IKE_N_INVALID_KE_PAYLOAD);
	assert_memory_equal(ike_notify_error(&p)->data.data, "\0\x0e", 2);
	assert_int_equal(ike_net_count(&t.net, 0), 2);
	put_child(&t, "aes128gcm16", &spi); /* a good one */
	assert_true(ask(&t, IKE_X_CREATE_CHILD_SA, &p));
	assert_null(ike_notify_error(&p));
	assert_int_equal(ike_net_count(&t.net, 0), 3);
	put_child(&t, "aes128gcm16", &spi); /* and once more: its successor is there */
	expect(&t, IKE_X_CREATE_CHILD_SA, IKE_N_TEMPORARY_FAILURE);
	ike_build_delete_esp(&t.b, &spi, 1); /* the old one goes: the new one comes into use */
	assert_true(ask(&t, IKE_X_INFORMATIONAL, &p));
	assert_int_equal(p.n_del, 1);
	assert_int_equal(t.net.peer[0].rekeys, 1);
	assert_int_equal(t.net.peer[0].downs, 0);
	finish(&t);
}

static void test_informational(void **state)
{
	static struct talk t;
	struct ike_payloads p;
	uint32_t unknown[2] = { 5, 6 };

	(void)state;
	start(&t, "aes128gcm16");
	assert_true(ask(&t, IKE_X_INFORMATIONAL, &p)); /* are you there? */
	assert_int_equal(p.n, 0);
	ike_build_notify(&t.b, IKE_PROTO_NONE, NULL, 40960, "private", 7);
	assert_true(ask(&t, IKE_X_INFORMATIONAL, &p));
	assert_int_equal(p.n, 0);
	ike_build_delete_esp(&t.b, unknown, 2);
	assert_true(ask(&t, IKE_X_INFORMATIONAL, &p));
	assert_int_equal(p.n, 0);
	ike_build_payload(&t.b, 99); /* unknown and not critical */
	assert_true(ask(&t, IKE_X_INFORMATIONAL, &p));
	assert_int_equal(p.n, 0);
	assert_int_equal(t.net.peer[0].downs, 0);
	finish(&t);
}

static void test_critical(void **state)
{
	static struct talk t;
	struct ike_payloads p;

	(void)state;
	start(&t, "aes128gcm16");
	ike_build_payload(&t.b, 99);
	t.body[1] = IKE_PAYLOAD_CRITICAL;
	assert_true(ask(&t, IKE_X_INFORMATIONAL, &p));
	assert_int_equal(ike_notify_error(&p)->type, IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD);
	assert_int_equal(ike_notify_error(&p)->data.len, 1);
	assert_int_equal(ike_notify_error(&p)->data.data[0], 99);
	assert_int_equal(t.net.peer[0].downs, 0);
	finish(&t);
}

/* The peer's child goes without a successor: routes go at once, the IKE SA a moment later, and we connect
 * anew. */
static void test_child_deleted(void **state)
{
	static struct talk t;
	struct ike_payloads p;
	uint32_t spi;

	(void)state;
	start(&t, "aes128gcm16");
	spi = t.net.peer[1].live_in;
	ike_build_delete_esp(&t.b, &spi, 1);
	assert_true(ask(&t, IKE_X_INFORMATIONAL, &p));
	assert_int_equal(t.net.peer[0].downs, 1);
	assert_int_equal(ike_net_count(&t.net, 0), 0);
	t.net.tap = NULL;
	ike_net_run(&t.net, mdur_s(60));
	assert_true(t.net.peer[0].up);
	ike_net_assert(&t.net, ike_net_check_rest(&t.net, 0, 1));
	finish(&t);
}

/* ... or it makes another one in the same IKE SA, which is welcome then. */
static void test_child_made_anew(void **state)
{
	static struct talk t;
	struct ike_payloads p;
	uint32_t spi;

	(void)state;
	start(&t, "aes128gcm16");
	spi = t.net.peer[1].live_in;
	ike_build_delete_esp(&t.b, &spi, 1);
	assert_true(ask(&t, IKE_X_INFORMATIONAL, &p));
	put_child(&t, "aes128gcm16", NULL);
	assert_true(ask(&t, IKE_X_CREATE_CHILD_SA, &p));
	assert_null(ike_notify_error(&p));
	assert_int_equal(t.net.peer[0].ups, 2);
	ike_net_run(&t.net, mdur_s(5));
	assert_true(t.net.peer[0].up);
	finish(&t);
}

static void test_syntax(void **state)
{
	static struct talk t;
	struct ike_payloads p;

	(void)state;
	start(&t, "aes128gcm16");
	ike_build_payload(&t.b, IKE_P_NOTIFY); /* without a body */
	assert_true(ask(&t, IKE_X_INFORMATIONAL, &p));
	assert_int_equal(ike_notify_error(&p)->type, IKE_N_INVALID_SYNTAX);
	assert_int_equal(t.net.peer[0].downs, 1); /* fatal (RFC 7296 2.21.3) */
	assert_string_equal(t.net.peer[0].why.id, "ike-bad-answer");
	finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_children),
		cmocka_unit_test(test_informational),
		cmocka_unit_test(test_critical),
		cmocka_unit_test(test_child_deleted),
		cmocka_unit_test(test_child_made_anew),
		cmocka_unit_test(test_syntax),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

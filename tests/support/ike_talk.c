/* SPDX-License-Identifier: Apache-2.0 */
/* Messages under the peer's keys, by the engine's own builder and parser. Its own counters are left alone. */
#include "tests/support/ike_talk.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static bool keep(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	struct talk *t = ctx;
	struct talk_message *m;
	struct ike_header h;
	struct rd rest;

	(void)net;
	if (from)
		return true;
	assert_int_equal(ike_header_parse(data, *len, &h, &rest), 0);
	m = h.response ? &t->answer : &t->request;
	assert_true(*len <= sizeof(m->data));
	memcpy(m->data, data, *len);
	m->len = *len;
	m->exchange = h.exchange;
	m->id = h.msg_id;
	m->spi_i = h.spi_i;
	m->spi_r = h.spi_r;
	return false;
}

void talk_join(struct talk *t, struct ike_sa *ours, struct ike_sa *theirs)
{
	t->ours = ours;
	t->theirs = theirs;
	t->net.tap = keep;
	t->net.tap_ctx = t;
	t->b = ike_build_init(t->body, sizeof(t->body));
	t->from = (struct endpoint){ t->net.peer[1].addr, 500 };
}

void talk_start_with(struct talk *t, const char *esp, void (*change)(struct ike_net *net))
{
	struct ike_conn *conn[2];

	memset(t, 0, sizeof(*t));
	ike_net_pair(&t->net, 1, "aes128-sha256-curve25519", esp);
	if (change)
		change(&t->net);
	ike_net_start_pair(&t->net);
	ike_net_run(&t->net, mdur_s(1));
	ike_net_assert(&t->net, ike_net_check_rest(&t->net, 0, 1));
	for (unsigned i = 0; i < 2; i++)
		conn[i] = ike_conn_find(t->net.peer[i].ike, IKE_NET_CONN);
	/* Neither end asks whether the other is there: it isn't, but for what the test says. */
	conn[0]->cfg.liveness_interval = conn[1]->cfg.liveness_interval = MDUR_ZERO;
	talk_join(t, list_first(&conn[0]->sas, struct ike_sa, node),
	    list_first(&conn[1]->sas, struct ike_sa, node));
}

void talk_start(struct talk *t, const char *esp)
{
	talk_start_with(t, esp, NULL);
}

static void send_built(struct talk *t, uint8_t exchange, bool response, uint32_t id)
{
	struct ike_header h = { .spi_i = t->ours->spi_i,
		.spi_r = t->ours->spi_r,
		.exchange = exchange,
		.from_initiator = t->theirs->initiator,
		.response = response,
		.msg_id = id };
	size_t body_len, len;
	uint8_t msg[4096];

	assert_int_equal(ike_build_finish(&t->b, &body_len), 0);
	assert_int_equal(ike_message_seal(&t->theirs->keys.seal, &t->net.peer[1].rng, &h, t->b.first, t->body,
	                     body_len, msg, sizeof(msg), &len),
	    0);
	t->b = ike_build_init(t->body, sizeof(t->body));
	ike_net_inject(&t->net, 0, &t->from, t->natt, msg, len);
	ike_net_run(&t->net, mdur_ms(1)); /* jobs */
}

static void open_message(struct talk *t, struct talk_message *m, struct ike_payloads *p)
{
	struct rd inner;
	uint8_t first;

	memcpy(m->opened, m->data, m->len);
	assert_int_equal(ike_message_open(&t->theirs->keys.open, m->opened, m->len, &first, &inner), 0);
	assert_int_equal(ike_payloads_parse(inner, first, p), 0);
	m->len = 0;
}

bool talk_ask(struct talk *t, uint8_t exchange, struct ike_payloads *p)
{
	t->answer.len = 0;
	send_built(t, exchange, false, t->ours->next_peer);
	if (!t->answer.len)
		return false;
	open_message(t, &t->answer, p);
	return true;
}

void talk_expect(struct talk *t, uint8_t exchange, uint16_t refusal)
{
	struct ike_payloads p;

	assert_true(talk_ask(t, exchange, &p));
	assert_int_equal(ike_notify_error(&p) ? ike_notify_error(&p)->type : 0, refusal);
}

void talk_request(struct talk *t, uint8_t exchange, struct ike_payloads *p)
{
	ike_net_run(&t->net, mdur_ms(1)); /* jobs */
	assert_true(t->request.len);
	assert_int_equal(t->request.exchange, exchange);
	open_message(t, &t->request, p);
}

void talk_reply(struct talk *t, uint8_t exchange)
{
	assert_non_null(t->ours->out.msg.data);
	send_built(t, exchange, true, t->ours->out.id);
}

void talk_reply_error(struct talk *t, uint8_t exchange, uint16_t type, const void *data, size_t len)
{
	ike_build_notify(&t->b, IKE_PROTO_NONE, NULL, type, data, len);
	talk_reply(t, exchange);
}

void talk_put_child(struct talk *t, const char *esp, const uint32_t *rekeys, uint8_t nonce_byte)
{
	uint8_t nonce[32], old[4], spi[4] = { 9, 9, 9, nonce_byte };
	struct chunk spi_chunk = { spi, 4 };
	struct wr w = wr_init(old, sizeof(old));
	struct chunk old_chunk = { old, 4 };
	struct prefix any = { .addr.family = 4 };
	struct ike_ts ts = ike_ts_from_prefix(&any);
	struct ike_proposals offer = { .n = 1 };

	memset(nonce, nonce_byte, sizeof(nonce));
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

void talk_put_ike(struct talk *t, uint8_t nonce_byte)
{
	uint8_t nonce[32], spi[8] = { 7, 7, 7, 7, 7, 7, 7, nonce_byte }, public[CRYPTO_MAX_KE_PUBLIC];
	struct chunk spi_chunk = { spi, 8 };
	struct ike_proposals offer = { .n = 1 };
	struct ke *ke;
	size_t len;

	memset(nonce, nonce_byte, sizeof(nonce));
	assert_int_equal(ike_proposal_parse("aes128-sha256-curve25519", false, &offer.list[0], NULL), 0);
	ke = ke_new(offer.list[0].ke[0], &t->net.peer[1].rng);
	assert_non_null(ke);
	assert_int_equal(ke_public(ke, public, sizeof(public), &len), 0);
	ke_free(ke);
	ike_build_sa(&t->b, &offer, IKE_PROTO_IKE, &spi_chunk, true);
	ike_build_nonce(&t->b, nonce, sizeof(nonce));
	ike_build_ke(&t->b, (uint16_t)offer.list[0].ke[0], public, len);
}

struct ike_child *talk_live(struct talk *t)
{
	return ike_conn_find(t->net.peer[0].ike, IKE_NET_CONN)->live;
}

void talk_finish(struct talk *t)
{
	t->net.tap = NULL;
	ike_net_finish(&t->net);
}

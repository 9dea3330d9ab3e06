/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message window (RFC 7296 2.1 to 2.3), of one request each way. A request of ours is kept until its
 * answer comes and is sent again, byte for byte, on an exponential schedule; an answer of ours is kept until
 * the peer's next request and repeated byte for byte. Giving up is decided here, what follows from it in
 * connect.c and ike_sa.c.
 */
#include "ike/engine.h"
#include "ike/mobike.h"
#include "ike/reasons.h"
#include "ike/trial.h"

#include <stdlib.h>
#include <string.h>

static const mdur wait_first = { 500 * (int64_t)1000000 };
static const mdur wait_max = { 8 * (int64_t)1000000000 };
/* With a peer that is there, the wire loses packets: the answer matters now (a rekey has its hour). */
static const mdur wait_max_established = { 3 * (int64_t)1000000000 };
/* How long an established SA's peer may be silent when no liveness timeout is configured. */
static const mdur patience_default = { 30 * (int64_t)1000000000 };
#define TRIES_DEFAULT          7
#define REPEATS_BEFORE_SMALLER 2 /* fragments lost this often are cut smaller (RFC 7383 2.5.2) */

void ike_out_clear(struct ike_sa *sa)
{
	ike_bytes_clear(&sa->out.msg);
	ike_text_clear(&sa->out.text);
	sa->out = (struct ike_out){ 0 };
}

void ike_task_clear(struct ike_sa *sa)
{
	ike_bytes_clear(&sa->task.reply);
	ke_free(sa->task.ke);
	ike_spi_release(sa->ike, &sa->reserved);
	sa->task = (struct ike_task){ 0 };
	ike_out_clear(sa);
}

static uint64_t send_by(
    struct ike_sa *sa, const struct ike_way *way, const struct ike_bytes *msg, uint64_t depends)
{
	struct rd all = rd_init(msg->data, msg->len), head;
	uint64_t action = 0;

	while (rd_left(&all)) { /* the header says where each message ends */
		size_t len;

		head = all;
		rd_skip(&head, IKE_HEADER_LEN - sizeof(uint32_t));
		len = rd_u32(&head);
		if (!rd_ok(&head) || len < IKE_HEADER_LEN || len > rd_left(&all))
			break;
		sa->ike->stats.fragments_out += len < msg->len;
		action = ike_act_send(sa->ike, sa->conn ? sa->conn->id : 0, way->local, way->remote,
		    way->natt, rd_skip(&all, len), len, depends);
	}
	return action;
}

uint64_t ike_send_raw(struct ike_sa *sa, const struct ike_bytes *msg, uint64_t depends)
{
	return send_by(sa, &(struct ike_way){ &sa->local, &sa->remote, sa->natt }, msg, depends);
}

/* With MOBIKE the peer may ask by a way that is not the one in use, to see whether it works (RFC 4555 3.10).
 */
static void send_answer(struct ike_sa *sa, const struct ike_bytes *msg, uint64_t depends)
{
	if (sa->mobike.on)
		send_by(
		    sa, &(struct ike_way){ &sa->asked_at, &sa->asked_from, sa->asked_natt }, msg, depends);
	else
		ike_send_raw(sa, msg, depends);
}

void ike_request_again(struct ike_sa *sa, const struct ike_way *other, mtime now)
{
	struct ike_out *o = &sa->out;

	if (!o->msg.data)
		return;
	sa->ike->stats.retransmits++;
	if (other) {
		send_by(sa, other, &o->msg, 0);
		return;
	}
	o->wait = sa->conn->cfg.retransmit_first.ns ? sa->conn->cfg.retransmit_first : wait_first;
	o->next = mtime_add(now, o->wait);
	o->action = ike_send_raw(sa, &o->msg, 0);
}

static struct ike_header header_of(const struct ike_sa *sa, uint8_t exchange, bool response, uint32_t id)
{
	return (struct ike_header){ .spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.exchange = exchange,
		.from_initiator = sa->initiator,
		.response = response,
		.msg_id = id };
}

static void count_sent(struct ike_sa *sa)
{
	sa->facts.sent_init += sa->task.kind == IKE_TASK_INIT;
	sa->facts.sent_auth += sa->task.kind == IKE_TASK_AUTH;
}

static int out_set(struct ike_sa *sa, uint8_t exchange, uint32_t id, size_t len, uint64_t depends, mtime now)
{
	struct ike_out *o = &sa->out;

	if (ike_bytes_set(&o->msg, sa->ike->msg, len))
		return -1;
	o->exchange = exchange;
	o->id = id;
	o->first_sent = now;
	o->sent = 1;
	o->wait = sa->conn->cfg.retransmit_first.ns ? sa->conn->cfg.retransmit_first : wait_first;
	o->next = mtime_add(now, o->wait);
	o->action = ike_send_raw(sa, &o->msg, depends);
	count_sent(sa);
	return 0;
}

int ike_request_send(struct ike_sa *sa, uint8_t exchange, struct ike_build *b, uint64_t depends, mtime now)
{
	struct ike_header h = header_of(sa, exchange, false, sa->next_req);
	struct ike *ike = sa->ike;
	size_t body_len, len;

	if (ike_build_finish(b, &body_len) || ike_seal(sa, &h, b->first, ike->body, body_len, &len) ||
	    out_set(sa, exchange, h.msg_id, len, depends, now))
		return -1;
	ike_text_keep(sa, &sa->out.text, exchange, b->first, ike->body, body_len);
	sa->next_req++;
	return 0;
}

int ike_request_send_plain(struct ike_sa *sa, uint8_t exchange, struct ike_build *b, mtime now)
{
	struct ike_header h = header_of(sa, exchange, false, 0);
	struct ike *ike = sa->ike;
	size_t body_len, len;

	h.spi_r = 0;
	if (ike_build_finish(b, &body_len) ||
	    ike_message_plain(&h, b->first, ike->body, body_len, ike->msg, IKE_MESSAGE_MAX, &len) ||
	    out_set(sa, exchange, 0, len, 0, now))
		return -1;
	sa->next_req = 1;
	return 0;
}

void ike_respond(struct ike_sa *sa, uint8_t exchange, uint32_t msg_id, struct ike_build *b, uint64_t depends)
{
	struct ike_header h = header_of(sa, exchange, true, msg_id);
	struct ike *ike = sa->ike;
	size_t body_len, len;

	ike_bytes_clear(&sa->kept);
	sa->kept_repeats = 0;
	sa->next_peer = msg_id + 1;
	if (ike_build_finish(b, &body_len) || ike_seal(sa, &h, b->first, ike->body, body_len, &len))
		return;
	ike_text_keep(sa, &sa->kept_text, exchange, b->first, ike->body, body_len);
	/* Without memory to keep it, it is sent this once. */
	ike_bytes_set(&sa->kept, ike->msg, len);
	send_answer(sa, &(struct ike_bytes){ ike->msg, len }, depends);
}

void ike_respond_notify(
    struct ike_sa *sa, uint8_t exchange, uint32_t msg_id, uint16_t type, const void *data, size_t len)
{
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));

	ike_build_notify(&b, IKE_PROTO_NONE, NULL, type, data, len);
	ike_respond(sa, exchange, msg_id, &b, 0);
}

void ike_respond_again(struct ike_sa *sa, const struct ike_way *way)
{
	struct ike_header h = header_of(sa, sa->kept_text.exchange, true, sa->next_peer - 1);

	if (!sa->kept.data)
		return;
	if (++sa->kept_repeats >= REPEATS_BEFORE_SMALLER)
		ike_text_smaller(sa, &sa->kept_text, &h, &sa->kept);
	sa->ike->stats.repeats_answered++;
	if (sa->mobike.on)
		send_by(sa, way, &sa->kept, 0);
	else
		ike_send_raw(sa, &sa->kept, 0);
}

int ike_park(
    struct ike_sa *sa, uint8_t exchange, uint32_t msg_id, uint8_t first, struct rd chain, uint64_t ticket)
{
	struct ike_parked *p = &sa->parked;
	size_t len = rd_left(&chain);

	if (!ticket || ike_bytes_set(&p->msg, rd_skip(&chain, len), len))
		return -1;
	p->ticket = ticket;
	p->exchange = exchange;
	p->id = msg_id;
	p->first = first;
	return 0;
}

int ike_park_request(struct ike_sa *sa, uint8_t exchange, uint32_t msg_id, uint8_t first, struct rd chain,
    enum ke_id group, struct ike_span peer_public)
{
	return ike_park(sa, exchange, msg_id, first, chain,
	    ike_job_start(sa, IKE_SLOT_REQUEST, group, NULL, peer_public));
}

int ike_keep_reply(struct ike_sa *sa, uint8_t first, struct rd chain, uint64_t ticket)
{
	struct ike_task *t = &sa->task;
	size_t len = rd_left(&chain);

	if (!ticket || ike_bytes_set(&t->reply, rd_skip(&chain, len), len))
		return -1;
	t->reply_first = first;
	t->ticket = ticket;
	return 0;
}

/* On an established SA every request of ours asks whether the peer is alive, a rekey as well as a probe. */
static bool timed(const struct ike_sa *sa)
{
	return sa->state == IKE_SA_ESTABLISHED && sa->conn->cfg.liveness_timeout.ns;
}

/*
 * Has the peer had its time? Before authentication by count, then by time; a sign of life since the request
 * (ESP that still arrives while IKE alone is silent) counts against giving up, but not for ever.
 */
static bool gave_up(const struct ike_sa *sa, mtime now)
{
	const struct ike_conn_config *cfg = &sa->conn->cfg;
	unsigned tries = cfg->retransmit_tries ? cfg->retransmit_tries : TRIES_DEFAULT;
	mtime since = mtime_max(sa->out.first_sent, sa->last_sign);
	mdur patience = patience_default;

	if (sa->state != IKE_SA_ESTABLISHED)
		return sa->out.sent >= tries;
	if (timed(sa))
		patience = cfg->liveness_timeout;
	return mtime_since(now, since).ns >= patience.ns ||
	       mtime_since(now, sa->out.first_sent).ns >= 10 * patience_default.ns;
}

static void peer_is_dead(struct ike_sa *sa, mtime now)
{
	struct ike_conn *conn = sa->conn;
	struct ike_sa *heir = ike_sa_by_serial(sa->ike, sa->heir);
	struct reason why = { 0 };

	switch (sa->state) {
	case IKE_SA_INITIATING:
		if (reason_is_set(&sa->hint))
			why = sa->hint;
		else
			ike_reason_no_answer(&why, sa);
		ike_attempt_failed(sa, &why, now);
		return;
	case IKE_SA_ESTABLISHED:
		if (heir && heir->state == IKE_SA_ESTABLISHED) {
			ike_sa_inherit(sa, heir, false, now);
			heir->want_probe = true;
			ike_sa_dead(sa);
			return;
		}
		if (ike_child_trial_only(sa)) { /* there is nothing to lose */
			ike_child_trial_end(sa, true, now);
			return;
		}
		ike_rehearsal_judge(sa);
		ike_reason_liveness(&why, sa, now);
		ike_sa_close(sa, false, &why, now);
		ike_conn_lost(conn, &why, true, now);
		return;
	case IKE_SA_REKEYED:
	case IKE_SA_CLOSING:
	case IKE_SA_HALF_OPEN:
	case IKE_SA_LINGERING:
	case IKE_SA_DEAD: ike_sa_dead(sa); return;
	}
}

void ike_retransmit(struct ike_sa *sa, mtime now)
{
	mdur most = sa->state == IKE_SA_ESTABLISHED ? wait_max_established : wait_max;
	struct ike_out *o = &sa->out;

	if (gave_up(sa, now)) {
		peer_is_dead(sa, now);
		return;
	}
	o->sent++;
	o->wait = mdur_mul(o->wait, 2, 1);
	if (o->wait.ns > most.ns)
		o->wait = most;
	o->next = mtime_add(now, o->wait);
	if (timed(sa)) {
		mtime since = mtime_max(o->first_sent, sa->last_sign);

		o->next = mtime_min(o->next, mtime_add(since, sa->conn->cfg.liveness_timeout));
		if (o->next.ns <= now.ns)
			o->next = mtime_add(now, mdur_ms(10));
	}
	sa->ike->stats.retransmits++;
	if (o->sent > REPEATS_BEFORE_SMALLER) {
		struct ike_header h = header_of(sa, o->exchange, false, o->id);

		ike_text_smaller(sa, &o->text, &h, &o->msg);
	}
	count_sent(sa);
	o->action = ike_send_raw(sa, &o->msg, 0);
	ike_mobike_try_others(sa, o->sent, now);
}

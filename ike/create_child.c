/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rekeying a child SA as initiator of the exchange (RFC 7296 1.3.3, 2.8, 2.17). Make before break: the answer
 * installs the new pair, the new outbound side is used from then on, and the old child is deleted a moment
 * later.
 *
 * When both ends rekey the same child at once (2.8.1) there are two successors. The one made with the lowest
 * of the four nonces is redundant; who made it deletes it, and whoever made the other deletes the old child.
 */
#include "ike/engine.h"
#include "ike/reasons.h"
#include "ike/ts.h"

#include <string.h>

static const mdur retry_soon = { 3 * (int64_t)1000000000 };
static const mdur retry_later = { 30 * (int64_t)1000000000 };

void ike_rekey_child_start(struct ike_sa *sa, struct ike_child *c, enum ke_id group, mtime now)
{
	struct ike_task *t = &sa->task;

	t->kind = IKE_TASK_REKEY_CHILD;
	t->child_spi_in = c->spi_in;
	t->spi_in = ike_task_new_spi(sa);
	t->group = group;
	t->nonce.len = IKE_NONCE_LEN;
	rng_fill(&sa->ike->rng, t->nonce.data, IKE_NONCE_LEN);
	c->want_rekey = false;
	if (group == KE_NONE) {
		ike_rekey_child_send(sa, now);
		return;
	}
	t->ticket = ike_job_start(sa, IKE_SLOT_TASK, group, NULL, (struct ike_span){ 0 });
	if (!t->ticket)
		ike_task_failed(sa, now);
}

void ike_rekey_child_send(struct ike_sa *sa, mtime now)
{
	const struct ike_conn_config *cfg = &sa->conn->cfg;
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));
	struct ike_task *t = &sa->task;
	struct ike_child *c = ike_child_by_in(sa, t->child_spi_in);
	uint8_t old_spi[IKE_SPI_LEN_ESP], new_spi[IKE_SPI_LEN_ESP];
	struct wr wo = wr_init(old_spi, sizeof(old_spi)), wn = wr_init(new_spi, sizeof(new_spi));
	struct chunk old_chunk = { old_spi, sizeof(old_spi) }, new_chunk = { new_spi, sizeof(new_spi) };

	/* While the key was made the child may have gone, or the peer may have replaced it. */
	if (sa->state != IKE_SA_ESTABLISHED || !c || c->state != IKE_CHILD_READY) {
		ike_task_clear(sa);
		return;
	}
	wr_u32(&wo, c->spi_in);
	wr_u32(&wn, t->spi_in);
	ike_build_notify(&b, IKE_PROTO_ESP, &old_chunk, IKE_N_REKEY_SA, NULL, 0);
	ike_build_sa(&b, &cfg->esp_proposals, IKE_PROTO_ESP, &new_chunk, t->group != KE_NONE);
	ike_build_nonce(&b, t->nonce.data, t->nonce.len);
	if (t->group != KE_NONE)
		ike_build_ke(&b, (uint16_t)t->group, t->ke_public, t->ke_public_len);
	ike_build_ts(&b, IKE_P_TSI, cfg->tsi, cfg->n_tsi);
	ike_build_ts(&b, IKE_P_TSR, cfg->tsr, cfg->n_tsr);
	if (ike_request_send(sa, IKE_X_CREATE_CHILD_SA, &b, 0, now))
		ike_task_failed(sa, now);
}

static void try_again(struct ike_sa *sa, struct ike_child *c, mdur in, mtime now)
{
	ike_task_clear(sa);
	if (c && c->state == IKE_CHILD_READY)
		c->rekey_at = mtime_add(now, ike_jitter(sa->ike, in, 40));
}

static void report(struct ike_sa *sa, const struct reason *why)
{
	sa->conn->last_error = *why;
	ike_act_report(sa->ike, sa->conn->id, IKE_REPORT_ERROR, why);
}

/* The peer refused the rekey. */
static void refused(struct ike_sa *sa, struct ike_child *c, const struct ike_notify *error, mtime now)
{
	struct ike_task *t = &sa->task;
	struct ike_conn *conn = sa->conn;
	struct reason why;
	enum ke_id group;

	if (c && ike_child_successor(c)) {
		ike_task_clear(sa); /* the peer's own rekey has replaced it meanwhile */
		return;
	}
	switch (error->type) {
	case IKE_N_TEMPORARY_FAILURE: try_again(sa, c, retry_soon, now); return;
	case IKE_N_INVALID_KE_PAYLOAD:
		group = ike_retry_group(t, &conn->cfg.esp_proposals, error);
		if (group != KE_NONE && c) {
			unsigned retries = t->ke_retries;

			ike_task_clear(sa);
			ike_rekey_child_start(sa, c, group, now);
			sa->task.ke_retries = retries;
			return;
		}
		ike_reason_invalid_ke(&why, sa, (unsigned)t->group);
		break;
	case IKE_N_CHILD_SA_NOT_FOUND:
		ike_task_clear(sa);
		if (c && conn->live == c) { /* what we use, the peer has not: nothing of it can work */
			ike_reason_child_lost(&why, sa);
			ike_sa_close(sa, true, &why, now);
			ike_conn_lost(conn, &why, true, now);
		} else if (c) {
			ike_child_remove(c, false, now);
		}
		return;
	case IKE_N_NO_PROPOSAL_CHOSEN: ike_reason_child_no_proposal(&why, sa, true, true); break;
	case IKE_N_TS_UNACCEPTABLE: ike_reason_ts_refused(&why, sa, true); break;
	default: ike_reason_refused(&why, sa, error->type, "the rekey of the child SA"); break;
	}
	report(sa, &why);
	try_again(sa, c, retry_later, now);
}

/* Reads the answer into n. 0, or -1 with a reason. */
static int read_answer(
    struct ike_sa *sa, const struct ike_payloads *p, struct ike_child_new *n, struct reason *why)
{
	const struct ike_conn_config *cfg = &sa->conn->cfg;
	enum ke_id group = sa->task.group;
	struct ike_ts_list tsi, tsr;
	struct ike_offer offer;
	struct rd r;

	if (ike_sa_parse(p->sa, &offer) || !ike_sa_is_answer(&offer) ||
	    ike_sa_select(&cfg->esp_proposals, &offer, IKE_PROTO_ESP, IKE_KE_LISTED, group, &n->choice) ||
	    (n->choice.suite.ke != group && n->choice.suite.ke != KE_NONE) ||
	    n->choice.spi.len != IKE_SPI_LEN_ESP || (n->choice.suite.ke != KE_NONE) != (p->ke.data != NULL)) {
		ike_reason_child_no_proposal(why, sa, false, true);
		return -1;
	}
	r = rd_init(n->choice.spi.data, n->choice.spi.len);
	n->spi_out = rd_u32(&r);
	if (!n->spi_out || !p->tsi.data || !p->tsr.data || p->nonce.len < IKE_NONCE_MIN ||
	    p->nonce.len > IKE_NONCE_MAX || ike_ts_parse(p->tsi, &tsi) || ike_ts_parse(p->tsr, &tsr)) {
		ike_reason_bad_answer(why, sa, "the answer to a rekey is malformed");
		return -1;
	}
	n->n_ts_local = ike_ts_narrow(tsi.list, tsi.n, cfg->tsi, cfg->n_tsi, n->ts_local);
	n->n_ts_remote = ike_ts_narrow(tsr.list, tsr.n, cfg->tsr, cfg->n_tsr, n->ts_remote);
	if (!n->n_ts_local || !n->n_ts_remote) {
		ike_reason_ts_refused(why, sa, false);
		return -1;
	}
	return 0;
}

/* The successor that the peer has made of the same child, if it rekeyed at the same time. */
static struct ike_child *find_rival(struct ike_sa *sa, const struct ike_child *fresh)
{
	list_for_each (&sa->children, struct ike_child, c, node)
		if (c != fresh && c->state == IKE_CHILD_READY && c->old_spi_in == fresh->old_spi_in &&
		    !c->created_by_us)
			return c;
	return NULL;
}

/* contested: the lower nonce of the peer's exchange. The child it made may have come and gone by now. */
static void settle(struct ike_sa *sa, struct ike_child *fresh, const struct ike_nonce *contested, mtime now)
{
	struct ike_child *old = ike_child_by_in(sa, fresh->old_spi_in);
	struct ike_child *rival = find_rival(sa, fresh);

	if (contested && ike_nonce_cmp(&fresh->low, contested) < 0) {
		/* Ours is redundant: we made it, we delete it. The peer deletes the old one. */
		fresh->want_delete = true;
		return;
	}
	/* On an IKE SA that lost to another (settle.c) nothing comes into use any more. */
	if (!sa->conn->live || sa->conn->live->sa == sa)
		ike_child_activate(fresh, now);
	if (old)
		ike_child_replaced(old, now, true);
	if (rival)
		ike_child_replaced(rival, now, false);
}

void ike_rekey_child_reply(
    struct ike_sa *sa, struct ike_payloads *p, uint8_t first, struct rd chain, struct ike_job *job, mtime now)
{
	struct ike_task *t = &sa->task;
	struct ike_child *old = ike_child_by_in(sa, t->child_spi_in), *fresh;
	const struct ike_notify *error = ike_notify_error(p);
	struct ike_child_new n = { .spi_in = t->spi_in, .we_initiate = true, .old_spi_in = t->child_spi_in };
	struct ike_nonce ni = t->nonce, nr = { 0 }, rival;
	bool contested;
	struct ike_ke_view ke;
	struct reason why;

	if (!p->sa.data && error) {
		refused(sa, old, error, now);
		return;
	}
	if (read_answer(sa, p, &n, &why) || (job && !job->ok)) {
		if (job && !job->ok)
			ike_reason_invalid_ke(&why, sa, (unsigned)t->group);
		report(sa, &why);
		try_again(sa, old, retry_later, now);
		return;
	}
	if (n.choice.suite.ke != KE_NONE && !job) {
		/* g^ir is a job; this answer is read again when it is there. */
		size_t len = rd_left(&chain);

		if (ike_ke_parse(p->ke, &ke) || ke.group != (unsigned)t->group ||
		    ike_bytes_set(&t->reply, rd_skip(&chain, len), len)) {
			try_again(sa, old, retry_later, now);
			return;
		}
		t->reply_first = first;
		t->waiting_secret = true;
		t->ticket = ike_job_start(sa, IKE_SLOT_TASK, t->group, t->ke, ke.data);
		t->ke = NULL;
		if (!t->ticket)
			try_again(sa, old, retry_later, now);
		return;
	}
	nr.len = (uint16_t)p->nonce.len;
	memcpy(nr.data, p->nonce.data, nr.len);
	n.ni = &ni;
	n.nr = &nr;
	n.g_ir = job ? &job->secret : NULL;
	fresh = ike_child_create(sa, &n, now);
	if (!fresh) {
		try_again(sa, old, retry_later, now);
		return;
	}
	rival = t->rival;
	contested = t->contested;
	ike_task_clear(sa);
	settle(sa, fresh, contested ? &rival : NULL, now);
}

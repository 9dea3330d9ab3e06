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
#define RETRY_DOUBLINGS_MAX 6

static void start(struct ike_sa *sa, struct ike_child *c, mtime now)
{
	struct ike_task *t = &sa->task;

	t->child_spi_in = c->spi_in;
	t->spi_in = ike_task_new_spi(sa);
	t->nonce.len = IKE_NONCE_LEN;
	rng_fill(&sa->ike->rng, t->nonce.data, IKE_NONCE_LEN);
	if (t->group == KE_NONE) {
		ike_rekey_child_send(sa, now);
		return;
	}
	t->ticket = ike_job_start(sa, IKE_SLOT_TASK, t->group, NULL, (struct ike_span){ 0 });
	if (!t->ticket)
		ike_task_failed(sa, now);
}

void ike_rekey_child_start(struct ike_sa *sa, struct ike_child *c, mtime now)
{
	sa->task = (struct ike_task){ .kind = IKE_TASK_REKEY_CHILD,
		.why = c->why_next,
		.pfs = sa->pfs,
		.group = ike_rekey_group(sa, sa->pfs) };
	c->want_rekey = false;
	start(sa, c, now);
}

/* The same rekey once more, with another offer; what was tried is remembered, so that it ends. */
static void start_again(struct ike_sa *sa, struct ike_child *c, enum ike_pfs pfs, enum ke_id group, mtime now)
{
	struct ike_task before = sa->task;

	ike_task_clear(sa);
	sa->task = (struct ike_task){ .kind = IKE_TASK_REKEY_CHILD,
		.why = before.why,
		.scratch = before.scratch,
		.pfs = pfs,
		.pfs_tried = before.pfs_tried,
		.group = group,
		.ke_retries = before.ke_retries };
	start(sa, c, now);
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
	struct ike_proposals offer;

	/* While the key was made the child may have gone, or the peer may have replaced it. */
	if (sa->state != IKE_SA_ESTABLISHED || !c || c->state != IKE_CHILD_READY) {
		ike_task_clear(sa);
		return;
	}
	wr_u32(&wo, c->spi_in);
	wr_u32(&wn, t->spi_in);
	ike_rekey_offer(cfg, t->pfs, t->group, &offer);
	if (!t->scratch)
		ike_build_notify(&b, IKE_PROTO_ESP, &old_chunk, IKE_N_REKEY_SA, NULL, 0);
	ike_build_sa(&b, &offer, IKE_PROTO_ESP, &new_chunk, t->group != KE_NONE);
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
	enum ike_rekey_why why = sa->task.why;

	ike_task_clear(sa);
	if (!c || c->state != IKE_CHILD_READY)
		return;
	c->why_next = why;
	c->retry_at = mtime_add(now, ike_jitter(sa->ike, in, 40));
}

static void report(struct ike_sa *sa, const struct reason *why, mtime now)
{
	sa->conn->last_error = *why;
	ike_facts_keep(sa, why, now);
	ike_act_report(sa->ike, sa->conn->id, IKE_REPORT_ERROR, why);
}

void ike_rehearsal_judge(struct ike_sa *sa)
{
	struct reason why;

	if (sa->task.kind != IKE_TASK_REKEY_CHILD || sa->task.why != IKE_REKEY_REHEARSAL)
		return;
	sa->conn->rehearsal_harms = true;
	ike_reason_rehearsal_harms(&why, sa);
	ike_act_report(sa->ike, sa->conn->id, IKE_REPORT_ERROR, &why);
}

/* Without what the peer has lost the tunnel is nothing: begin anew. */
static void child_lost(struct ike_sa *sa, mtime now)
{
	struct ike_conn *conn = sa->conn;
	struct reason why;

	ike_reason_child_lost(&why, sa);
	ike_task_clear(sa);
	ike_sa_close(sa, true, &why, now);
	ike_conn_lost(conn, &why, true, now);
}

/* The peer refuses for good: say so, and ask again ever more seldom. Until the child expires it serves. */
static void refused_for_good(struct ike_sa *sa, struct ike_child *c, const struct reason *why, mtime now)
{
	mdur in = retry_later;

	if (sa->task.scratch) {
		child_lost(sa, now);
		return;
	}
	report(sa, why, now);
	for (unsigned i = 0; c && i < c->refusals && i < RETRY_DOUBLINGS_MAX; i++)
		in = mdur_mul(in, 2, 1);
	if (c)
		c->refusals++;
	try_again(sa, c, in, now);
}

/* NO_PROPOSAL_CHOSEN or INVALID_KE_PAYLOAD: another choice of key exchange may pass. */
static void refused_offer(struct ike_sa *sa, struct ike_child *c, const struct ike_notify *error, mtime now)
{
	struct ike_task *t = &sa->task;
	bool wants_group = error->type == IKE_N_INVALID_KE_PAYLOAD;
	struct rd r = rd_init(error->data.data, error->data.len);
	unsigned wanted = wants_group ? rd_u16(&r) : 0;
	enum ke_id group = KE_NONE;
	struct ke_info info;
	enum ike_pfs next;
	struct reason why;

	if (wants_group)
		group = ike_retry_group(t, &sa->conn->cfg.esp_proposals, error);
	if (group != KE_NONE && c) {
		start_again(sa, c, IKE_PFS_LISTED, group, now);
		return;
	}
	t->pfs_tried |= 1u << t->pfs;
	if (wants_group && ke_info((enum ke_id)wanted, &info) && !ke_is_weak((enum ke_id)wanted)) {
		sa->pfs_group = (enum ke_id)wanted;
		if (t->pfs == IKE_PFS_ANY) /* of another group, then */
			t->pfs_tried &= ~(1u << IKE_PFS_WITH);
	}
	if (c && (ike_rekey_next_offer(sa, t->pfs_tried, &next) ||
	             (!wanted && !t->scratch && ike_rekey_next_trial(sa, t->pfs_tried, now, &next)))) {
		start_again(sa, c, next, ike_rekey_group(sa, next), now);
		return;
	}
	if (wanted)
		sa->facts.pfs_wanted = (uint16_t)wanted;
	if (wanted || t->pfs_tried & 1u << IKE_PFS_ANY_WEAK) /* else what was found before holds */
		sa->facts.pfs_none = !wanted;
	ike_reason_rekey_refused(&why, sa, t, wanted);
	sa->pfs = IKE_PFS_LISTED;
	sa->pfs_group = KE_NONE;
	refused_for_good(sa, c, &why, now);
}

/* RFC 7296 2.25: the peer has no such child. A new one is asked for, and meanwhile nothing is taken out. */
static void not_found(struct ike_sa *sa, struct ike_child *c, mtime now)
{
	struct ike_task *t = &sa->task;

	if (!c) { /* it went at both ends: a rekey and a Delete that crossed */
		ike_task_clear(sa);
	} else if (sa->conn->live != c) {
		ike_task_clear(sa);
		ike_child_remove(c, false, now);
	} else if (t->scratch) {
		child_lost(sa, now);
	} else {
		t->scratch = true;
		t->why = IKE_REKEY_LOST;
		start_again(sa, c, sa->pfs, ike_rekey_group(sa, sa->pfs), now);
	}
}

/* The peer refused the rekey. */
static void refused(struct ike_sa *sa, struct ike_child *c, const struct ike_notify *error, mtime now)
{
	struct reason why;

	if (c && ike_child_successor(c)) {
		ike_task_clear(sa); /* the peer's own rekey has replaced it meanwhile */
		return;
	}
	switch (error->type) {
	case IKE_N_TEMPORARY_FAILURE:
		if (!ike_put_off(sa, now))
			try_again(sa, c, retry_soon, now);
		return;
	case IKE_N_INVALID_KE_PAYLOAD:
	case IKE_N_NO_PROPOSAL_CHOSEN: refused_offer(sa, c, error, now); return;
	case IKE_N_CHILD_SA_NOT_FOUND: not_found(sa, c, now); return;
	case IKE_N_TS_UNACCEPTABLE: ike_reason_ts_refused(&why, sa, true); break;
	default: ike_reason_refused(&why, sa, error->type, "the rekey of the child SA"); break;
	}
	refused_for_good(sa, c, &why, now);
}

/* Of an answer that we can't take the peer has made a child: it must hear that there is none. */
static void answer_of_no_use(struct ike_sa *sa, struct ike_child *old, const struct reason *why, mtime now)
{
	sa->orphan_spi = sa->task.spi_in;
	if (why)
		refused_for_good(sa, old, why, now);
	else
		try_again(sa, old, retry_later, now);
}

/* The new SA may not have narrower selectors than the one it replaces (2.9.2). Where the configuration allows
 * less, the tunnel stays up with what the peer gives, and that is said. */
static int check_scope(
    struct ike_sa *sa, const struct ike_child *old, const struct ike_child_new *n, struct reason *why)
{
	if (!old ||
	    (ike_ts_all_within(old->in.ts_local, old->in.n_ts_local, n->ts_local, n->n_ts_local) &&
	        ike_ts_all_within(old->in.ts_remote, old->in.n_ts_remote, n->ts_remote, n->n_ts_remote)))
		return 0;
	ike_reason_ts_narrowed(why, sa, n->ts_remote, n->n_ts_remote);
	if (!sa->conn->cfg.narrow)
		return -1;
	ike_act_report(sa->ike, sa->conn->id, IKE_REPORT_WARN, why);
	return 0;
}

/*
 * Which proposal was chosen is said by the SA payload alone. libreswan (4.10), asked with a public value, and
 * choosing a proposal without a group, answers with a KE payload all the same: our group, and no value. There
 * is no shared secret then, so it says nothing.
 */
static bool has_public_value(const struct ike_payloads *p)
{
	return p->ke.len > IKE_KE_HEADER_LEN;
}

/* Reads the answer into n. 0, or -1 with a reason. */
static int read_answer(
    struct ike_sa *sa, const struct ike_payloads *p, struct ike_child_new *n, struct reason *why)
{
	const struct ike_conn_config *cfg = &sa->conn->cfg;
	enum ke_id group = sa->task.group;
	struct ike_ts_list tsi, tsr;
	struct ike_proposals ours;
	struct ike_offer offer;
	struct rd r;

	ike_rekey_offer(cfg, sa->task.pfs, group, &ours);
	if (ike_sa_parse(p->sa, &offer) || !ike_sa_is_answer(&offer) ||
	    ike_sa_select(&ours, &offer, IKE_PROTO_ESP, IKE_KE_LISTED, group, &n->choice) ||
	    (n->choice.suite.ke != group && n->choice.suite.ke != KE_NONE) ||
	    n->choice.spi.len != IKE_SPI_LEN_ESP) {
		ike_reason_child_no_proposal(why, sa, false, true);
		return -1;
	}
	if ((n->choice.suite.ke != KE_NONE) != has_public_value(p)) {
		ike_reason_bad_answer(why, sa,
		    "the answer to a rekey has a suite with PFS and no public value, or the other way round");
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
	if (!n->n_ts_local || !n->n_ts_remote || !ike_ts_all_within(tsi.list, tsi.n, cfg->tsi, cfg->n_tsi) ||
	    !ike_ts_all_within(tsr.list, tsr.n, cfg->tsr, cfg->n_tsr)) {
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

	fresh->how.collided = contested != NULL;
	if (rival)
		rival->how.collided = true;
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

/* g^ir is a job; the answer is read again when it is there. */
static void wait_for_secret(struct ike_sa *sa, const struct ike_payloads *p, uint8_t first, struct rd chain,
    struct ike_child *old, mtime now)
{
	struct ike_task *t = &sa->task;
	struct ike_ke_view ke;
	uint64_t ticket;

	if (ike_ke_parse(p->ke, &ke) || ke.group != (unsigned)t->group) {
		answer_of_no_use(sa, old, NULL, now);
		return;
	}
	ticket = ike_job_start(sa, IKE_SLOT_TASK, t->group, t->ke, ke.data);
	t->ke = NULL;
	t->waiting_secret = true;
	if (ike_keep_reply(sa, first, chain, ticket))
		answer_of_no_use(sa, old, NULL, now);
}

/* What the exchange has shown, for the next one. */
static void remember(struct ike_sa *sa, const struct ike_task *t)
{
	struct reason why;

	sa->put_off = MTIME_NEVER;
	if (ike_refuses_rekeys(&sa->conn->last_error))
		reason_clear(&sa->conn->last_error);
	if (t->pfs == IKE_PFS_ANY || t->pfs == IKE_PFS_ANY_WEAK)
		return; /* it took what it had refused before: nothing to go by */
	if (t->pfs != sa->pfs && t->pfs != IKE_PFS_LISTED) {
		ike_reason_other_pfs(&why, sa, t);
		ike_act_report(sa->ike, sa->conn->id, IKE_REPORT_INFO, &why);
	}
	sa->pfs = t->pfs;
	if (t->pfs == IKE_PFS_WITH)
		sa->pfs_group = t->group;
}

static void complete(struct ike_sa *sa, struct ike_child *fresh, mtime now)
{
	struct ike_child *old = ike_child_by_in(sa, fresh->old_spi_in);
	struct ike_nonce rival = sa->task.rival;
	bool contested = sa->task.contested, scratch = sa->task.scratch;

	fresh->how = (struct ike_rekeyed){ .why = sa->task.why, .by_us = true };
	remember(sa, &sa->task);
	ike_task_clear(sa);
	settle(sa, fresh, contested ? &rival : NULL, now);
	if (scratch && old && old->state == IKE_CHILD_REPLACED)
		ike_child_remove(old, true, now); /* the peer has none: nothing to tell */
}

void ike_rekey_child_reply(
    struct ike_sa *sa, struct ike_payloads *p, uint8_t first, struct rd chain, struct ike_job *job, mtime now)
{
	struct ike_task *t = &sa->task;
	struct ike_child *old = ike_child_by_in(sa, t->child_spi_in), *fresh;
	const struct ike_notify *error = ike_notify_error(p);
	struct ike_child_new n = { .spi_in = t->spi_in, .we_initiate = true, .old_spi_in = t->child_spi_in };
	struct ike_nonce ni = t->nonce, nr = { 0 };
	struct reason why;

	ike_facts_notifies(sa, p);
	if (!p->sa.data && error) {
		refused(sa, old, error, now);
		return;
	}
	if (read_answer(sa, p, &n, &why) || (!job && check_scope(sa, old, &n, &why))) {
		answer_of_no_use(sa, old, &why, now);
		return;
	}
	if (job && !job->ok) {
		ike_reason_invalid_ke(&why, sa, (unsigned)t->group);
		answer_of_no_use(sa, old, &why, now);
		return;
	}
	if (n.choice.suite.ke != KE_NONE && !job) {
		wait_for_secret(sa, p, first, chain, old, now);
		return;
	}
	nr.len = (uint16_t)p->nonce.len;
	memcpy(nr.data, p->nonce.data, nr.len);
	n.ni = &ni;
	n.nr = &nr;
	n.g_ir = job ? &job->secret : NULL;
	fresh = ike_child_create(sa, &n, now);
	if (fresh)
		complete(sa, fresh, now);
	else
		answer_of_no_use(sa, old, NULL, now);
}

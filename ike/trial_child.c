/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which ESP suite would pass? When the peer refuses the child SA of IKE_AUTH it names nothing, but the IKE SA
 * stands nevertheless (RFC 7296 1.2, 2.21.2). Before that is deleted, children with other suites are asked
 * for by CREATE_CHILD_SA (1.3.1), and what the peer makes is deleted at once. First everything strong, so
 * that its choice is a suite that passes; then ours with one kind of transform widened, to name what differs;
 * when nothing strong passes, weak algorithms, only to be able to say so. What is refused without PFS is
 * asked for with it.
 *
 * None of it ever carries a packet. Nothing is installed here, and at the peer the selectors of a trial are
 * ours with the protocol 59, "no next header" (RFC 8200 4.7), which nobody sends. A peer that refuses such
 * selectors is asked again with the configured ones, but then for strong suites only. A Causeway is told by a
 * notification that it is a trial, answers, and makes nothing.
 *
 * Bounded: one exchange at a time, at most EXCHANGES_MAX and `patience` a round, a round at most every ten
 * minutes a connection.
 */
#include "ike/engine.h"
#include "ike/reasons.h"
#include "ike/trial.h"

#include <stdlib.h>
#include <string.h>

#define EXCHANGES_MAX 10
static const mdur again_after = { 600 * (int64_t)1000000000 };
static const mdur patience = { 8 * (int64_t)1000000000 };
static const uint8_t protocol_of_nothing = 59;
static const uint8_t mark[] = "causeway: a trial"; /* type numbers of private use may mean anything */

struct ike_child_trial {
	enum ike_trial_kind kind;
	bool pfs;   /* offered with key exchange: without, nothing passed */
	bool plain; /* the peer takes no selectors of nothing */
	unsigned left;
	enum ke_id group; /* of the public value */
	struct ike_proposals offer;
};

/* --- what is offered --- */

static void offer_all(struct ike_proposals *o, bool pfs)
{
	struct ike_proposal p = { 0 };

	if (pfs)
		ike_trial_widen_ke(&p);
	ike_trial_set_encr(&p, ENCR_AES_GCM_16);
	ike_trial_add(o, &p);
	ike_trial_widen_integ(&p);
	ike_trial_set_encr(&p, ENCR_AES_CBC);
	ike_trial_add(o, &p);
}

static void offer_weak(struct ike_proposals *o, bool pfs)
{
	struct ike_proposal p = { .integ = { INTEG_HMAC_SHA2_256_128, INTEG_HMAC_SHA1_96, INTEG_HMAC_MD5_96 },
		.n_integ = 3 };

	if (pfs) {
		ike_trial_widen_ke(&p);
		p.ke[p.n_ke++] = KE_MODP_1024;
	}
	ike_trial_set_encr(&p, ENCR_AES_CBC);
	p.encr[p.n_encr++].id = ENCR_3DES;
	ike_trial_add(o, &p);
}

/* Ours with one kind widened, and the key exchange that the peer chose when it could. */
static void offer_ours(struct ike_proposals *o, const struct ike_conn *conn, enum ike_trial_kind kind)
{
	enum ke_id ke = conn->child_trial.suite[IKE_TRIAL_ALL].ke;

	for (unsigned i = 0; i < conn->cfg.esp_proposals.n; i++) {
		struct ike_proposal p = conn->cfg.esp_proposals.list[i];

		if (kind == IKE_TRIAL_ENCR)
			ike_trial_set_encr(&p, p.n_integ ? ENCR_AES_CBC : ENCR_AES_GCM_16);
		else if (p.n_integ)
			ike_trial_widen_integ(&p);
		p.n_ke = ke != KE_NONE;
		p.ke[0] = ke;
		ike_trial_add(o, &p);
	}
}

static void set_offer(struct ike_child_trial *t, const struct ike_conn *conn)
{
	t->offer = (struct ike_proposals){ 0 };
	switch (t->kind) {
	case IKE_TRIAL_ALL: offer_all(&t->offer, t->pfs); return;
	case IKE_TRIAL_WEAK: offer_weak(&t->offer, t->pfs); return;
	case IKE_TRIAL_ENCR:
	case IKE_TRIAL_INTEG: offer_ours(&t->offer, conn, t->kind); return;
	case IKE_TRIAL_KE:
	case IKE_TRIALS: return;
	}
}

/* --- what was learnt --- */

/* The one kind in which the nearest of ours is another suite; IKE_TRIALS: more than one, or none. */
static enum ike_trial_kind differs_in(const struct ike_proposals *ours, const struct ike_suite *s)
{
	for (unsigned i = 0; i < ours->n; i++) {
		const struct ike_proposal *p = &ours->list[i];
		bool aead_only_one = !p->n_integ != (s->integ == INTEG_NONE);

		if (ike_proposal_has_encr(p, s) && !ike_proposal_has_integ(p, s))
			return IKE_TRIAL_INTEG;
		if (!ike_proposal_has_encr(p, s) && (ike_proposal_has_integ(p, s) || aead_only_one))
			return IKE_TRIAL_ENCR;
	}
	return IKE_TRIALS;
}

static void learn(struct ike_conn *conn, enum ike_trial_kind kind, enum ike_trial_result result,
    const struct ike_suite *suite)
{
	conn->child_trial.result[kind] = result;
	if (result != IKE_TRIAL_ACCEPTED)
		return;
	conn->child_trial.suite[kind] = *suite;
	conn->child_trial.suite[kind].esn = false; /* both were offered: it keeps nothing apart */
}

/* What is to be tried after this result; IKE_TRIALS: nothing. */
static enum ike_trial_kind next_of(
    const struct ike_child_trial *t, enum ike_trial_result result, enum ike_trial_kind differs)
{
	bool accepted = result == IKE_TRIAL_ACCEPTED;

	if (result == IKE_TRIAL_SILENT)
		return IKE_TRIALS;
	switch (t->kind) {
	case IKE_TRIAL_ALL:
		if (!accepted)
			return t->plain ? IKE_TRIALS : IKE_TRIAL_WEAK;
		return differs == IKE_TRIALS ? IKE_TRIAL_ENCR : IKE_TRIALS;
	case IKE_TRIAL_ENCR: return accepted ? IKE_TRIALS : IKE_TRIAL_INTEG;
	case IKE_TRIAL_KE:
	case IKE_TRIAL_INTEG:
	case IKE_TRIAL_WEAK:
	case IKE_TRIALS: break;
	}
	return IKE_TRIALS;
}

static void over(struct ike_sa *sa, enum ike_trial_result result, const struct ike_suite *suite, mtime now)
{
	struct ike_child_trial *t = sa->child_trial;
	struct ike_conn *conn = sa->conn;
	enum ike_trial_kind differs = IKE_TRIALS;

	if (result == IKE_TRIAL_REFUSED && !t->pfs &&
	    (t->kind == IKE_TRIAL_ALL || t->kind == IKE_TRIAL_WEAK)) {
		t->pfs = true;
		set_offer(t, conn);
		return;
	}
	t->pfs = false;
	learn(conn, t->kind, result, suite);
	if (t->kind == IKE_TRIAL_ALL && result == IKE_TRIAL_ACCEPTED)
		differs = differs_in(&conn->cfg.esp_proposals, suite);
	if (differs != IKE_TRIALS)
		learn(conn, differs, result, suite);
	t->kind = next_of(t, result, differs);
	if (t->kind == IKE_TRIALS)
		ike_child_trial_end(sa, false, now);
	else
		set_offer(t, conn);
}

/* --- the exchanges --- */

bool ike_child_trial_start(struct ike_sa *sa, mtime now)
{
	struct ike_conn *conn = sa->conn;
	struct ike_child_trial *t;

	if (!conn->up || conn->live ||
	    (!mtime_is_never(conn->child_trial_at) &&
	        mtime_since(now, conn->child_trial_at).ns < again_after.ns))
		return false;
	t = calloc(1, sizeof(*t));
	if (!t)
		return false;
	conn->child_trial_at = now;
	conn->child_trial = (struct ike_trial_facts){ 0 };
	t->left = EXCHANGES_MAX;
	t->group = ike_rekey_group(sa, IKE_PFS_LISTED);
	if (t->group == KE_NONE || ke_is_weak(t->group))
		t->group = KE_ECP_256; /* the cheapest that everybody knows */
	set_offer(t, conn);
	sa->child_trial = t;
	ike_task_clear(sa);
	ike_sa_establish(sa, now);
	sa->childless_at = mtime_add(now, patience);
	return true;
}

void ike_child_trial_drop(struct ike_sa *sa)
{
	free(sa->child_trial);
	sa->child_trial = NULL;
}

bool ike_child_trial_only(struct ike_sa *sa)
{
	return sa->child_trial; /* a child that the peer makes ends the trials */
}

/* A public value of a group that is not offered would be malformed (RFC 7296 1.3). */
static enum ke_id group_of(const struct ike_child_trial *t)
{
	for (unsigned i = 0; i < t->offer.n; i++)
		for (unsigned j = 0; j < t->offer.list[i].n_ke; j++)
			if (t->offer.list[i].ke[j] == t->group)
				return t->group;
	return KE_NONE;
}

bool ike_child_trial_kick(struct ike_sa *sa, mtime now)
{
	struct ike_child_trial *t = sa->child_trial;

	if (!t)
		return false;
	if (sa->conn->live || !t->left--) {
		ike_child_trial_end(sa, false, now);
		return true;
	}
	sa->task = (struct ike_task){ .kind = IKE_TASK_TRIAL, .group = group_of(t) };
	sa->task.spi_in = ike_task_new_spi(sa);
	sa->task.nonce.len = IKE_NONCE_LEN;
	rng_fill(&sa->ike->rng, sa->task.nonce.data, IKE_NONCE_LEN);
	if (sa->task.group == KE_NONE) {
		ike_child_trial_send(sa, now);
		return true;
	}
	sa->task.ticket = ike_job_start(sa, IKE_SLOT_TASK, sa->task.group, NULL, (struct ike_span){ 0 });
	if (!sa->task.ticket)
		ike_task_failed(sa, now);
	return true;
}

static void build_selectors(
    struct ike_build *b, uint8_t type, const struct ike_ts *ts, unsigned n, bool plain)
{
	struct ike_ts list[IKE_TS_MAX];

	for (unsigned i = 0; i < n; i++) {
		list[i] = ts[i];
		if (!plain) {
			list[i].protocol = protocol_of_nothing;
			list[i].port_first = 0;
			list[i].port_last = UINT16_MAX;
		}
	}
	ike_build_ts(b, type, list, n);
}

void ike_child_trial_send(struct ike_sa *sa, mtime now)
{
	const struct ike_conn_config *cfg = &sa->conn->cfg;
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));
	const struct ike_child_trial *t = sa->child_trial;
	uint8_t spi[IKE_SPI_LEN_ESP];
	struct wr w = wr_init(spi, sizeof(spi));
	struct chunk spi_chunk = { spi, sizeof(spi) };

	if (!t || sa->state != IKE_SA_ESTABLISHED) {
		ike_task_clear(sa);
		return;
	}
	wr_u32(&w, sa->task.spi_in);
	ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_CAUSEWAY_TRIAL, mark, sizeof(mark) - 1);
	ike_build_sa(&b, &t->offer, IKE_PROTO_ESP, &spi_chunk, true);
	ike_build_nonce(&b, sa->task.nonce.data, sa->task.nonce.len);
	if (sa->task.group != KE_NONE)
		ike_build_ke(&b, (uint16_t)sa->task.group, sa->task.ke_public, sa->task.ke_public_len);
	build_selectors(&b, IKE_P_TSI, cfg->tsi, cfg->n_tsi, t->plain);
	build_selectors(&b, IKE_P_TSR, cfg->tsr, cfg->n_tsr, t->plain);
	if (ike_request_send(sa, IKE_X_CREATE_CHILD_SA, &b, 0, now))
		ike_task_failed(sa, now);
}

bool ike_child_trial_asked(const struct ike_payloads *p)
{
	const struct ike_notify *n = ike_notify_find(p, IKE_N_CAUSEWAY_TRIAL);

	return n && n->data.len == sizeof(mark) - 1 && !memcmp(n->data.data, mark, sizeof(mark) - 1);
}

/* The peer made none. */
static void refused(struct ike_sa *sa, const struct ike_notify *error, mtime now)
{
	struct ike_child_trial *t = sa->child_trial;
	enum ke_id group = KE_NONE;

	if (error->type == IKE_N_INVALID_KE_PAYLOAD)
		group = ike_retry_group(&sa->task, &t->offer, error);
	ike_task_clear(sa);
	if (group != KE_NONE) {
		t->group = group; /* of that group, once more; how often is bounded by t->left */
	} else if (error->type == IKE_N_NO_PROPOSAL_CHOSEN) {
		over(sa, IKE_TRIAL_REFUSED, NULL, now);
	} else if (error->type == IKE_N_TS_UNACCEPTABLE && !t->plain && t->kind != IKE_TRIAL_WEAK) {
		t->plain = true;
	} else {
		sa->conn->child_trial.refusal = error->type;
		over(sa, IKE_TRIAL_SILENT, NULL, now);
	}
}

void ike_child_trial_reply(struct ike_sa *sa, const struct ike_payloads *p, mtime now)
{
	const struct ike_notify *error = ike_notify_error(p);
	struct ike_offer answer;
	struct ike_choice c;

	if (!sa->child_trial) { /* dropped meanwhile; what was made nevertheless must go */
		if (p->sa.data)
			sa->orphan_spi = sa->task.spi_in;
		ike_task_clear(sa);
		return;
	}
	if (!p->sa.data && error) {
		refused(sa, error, now);
		return;
	}
	/* What it has made must go, whatever it is. */
	sa->orphan_spi = sa->task.spi_in;
	if (ike_sa_parse(p->sa, &answer) || !ike_sa_is_answer(&answer) ||
	    ike_sa_select(
	        &sa->child_trial->offer, &answer, IKE_PROTO_ESP, IKE_KE_LISTED, sa->task.group, &c)) {
		ike_task_clear(sa);
		over(sa, IKE_TRIAL_SILENT, NULL, now);
		return;
	}
	ike_task_clear(sa);
	over(sa, IKE_TRIAL_ACCEPTED, &c.suite, now);
}

void ike_child_trial_end(struct ike_sa *sa, bool gone, mtime now)
{
	struct ike_trial_facts *f = &sa->conn->child_trial;
	struct reason why;

	if (sa->child_trial->kind != IKE_TRIALS && f->result[sa->child_trial->kind] == IKE_TRIAL_UNTRIED)
		f->result[sa->child_trial->kind] = IKE_TRIAL_SILENT;
	f->gone = gone;
	ike_child_trial_drop(sa);
	if (ike_reason_trial(&why, sa, f, true))
		ike_act_report(sa->ike, sa->conn->id, IKE_REPORT_INFO, &why);
	ike_sa_close(sa, !gone, NULL, now); /* with it goes what the peer has made last */
}

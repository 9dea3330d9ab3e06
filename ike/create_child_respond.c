/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CREATE_CHILD_SA as responder (RFC 7296 1.3, 2.8, 2.25): the peer's rekey of a child, of the IKE SA (handed
 * to rekey_ike.c), or one more child, which is taken only when there is none. The new inbound side is
 * installed before the answer; the outbound side of a rekey waits until the peer is seen to use the new child
 * or deletes the old one.
 */
#include "ike/engine.h"
#include "ike/reasons.h"
#include "ike/trial.h"
#include "ike/ts.h"

#include <string.h>

#define X IKE_X_CREATE_CHILD_SA

/* Is something of ours under way that must come to its end first (RFC 7296 2.25.1, 2.25.2)? */
static bool busy(const struct ike_sa *sa)
{
	return sa->task.kind == IKE_TASK_REKEY_IKE || sa->heir;
}

/* Which child is meant. 0, or the notification that refuses. ret_old NULL: none, a new child is asked for. */
static uint16_t find_old(struct ike_sa *sa, const struct ike_payloads *p, struct ike_child **ret_old)
{
	const struct ike_notify *rekey = ike_notify_find(p, IKE_N_REKEY_SA);
	struct ike_child *c;
	unsigned n = 0;
	struct rd r;

	*ret_old = NULL;
	list_for_each (&sa->children, struct ike_child, o, node)
		n += o->state != IKE_CHILD_GONE;
	if (busy(sa) || n >= IKE_CHILDREN_MAX)
		return IKE_N_TEMPORARY_FAILURE;
	if (!rekey)
		return ike_child_ready(sa) ? IKE_N_NO_ADDITIONAL_SAS : 0;
	if (rekey->spi.len != IKE_SPI_LEN_ESP)
		return IKE_N_CHILD_SA_NOT_FOUND;
	r = rd_init(rekey->spi.data, rekey->spi.len);
	c = ike_child_by_out(sa, rd_u32(&r));
	if (!c)
		return IKE_N_CHILD_SA_NOT_FOUND;
	if (c->state != IKE_CHILD_READY || c->want_delete)
		return IKE_N_TEMPORARY_FAILURE;
	*ret_old = c;
	return 0;
}

/* Suite and selectors. 0, or the notification that refuses; INVALID_KE_PAYLOAD: the suite says which group.
 */
static uint16_t choose(struct ike_sa *sa, const struct ike_payloads *p, const struct ike_offer *offer,
    struct ike_child_new *n, struct ike_ke_view *ke, struct reason *why)
{
	const struct ike_conn_config *cfg = &sa->conn->cfg;
	struct ike_ts_list tsi, tsr;
	struct ke_info info;
	struct rd r;

	*ke = (struct ike_ke_view){ 0 };
	if (!p->tsi.data || !p->tsr.data || (p->ke.data && ike_ke_parse(p->ke, ke)) ||
	    p->nonce.len < IKE_NONCE_MIN || p->nonce.len > IKE_NONCE_MAX)
		return IKE_N_INVALID_SYNTAX;
	if (ike_sa_select(
	        &cfg->esp_proposals, offer, IKE_PROTO_ESP, IKE_KE_ANY, (enum ke_id)ke->group, &n->choice) ||
	    n->choice.spi.len != IKE_SPI_LEN_ESP) {
		ike_facts_offer(&sa->facts, &cfg->esp_proposals, offer, true);
		ike_reason_child_no_proposal(why, sa, false, true);
		return IKE_N_NO_PROPOSAL_CHOSEN;
	}
	if (n->choice.suite.ke != KE_NONE &&
	    (ke->group != (unsigned)n->choice.suite.ke || !ke_info(n->choice.suite.ke, &info) ||
	        ke->data.len != info.public_len))
		return IKE_N_INVALID_KE_PAYLOAD;
	r = rd_init(n->choice.spi.data, n->choice.spi.len);
	n->spi_out = rd_u32(&r);
	if (!n->spi_out)
		return IKE_N_INVALID_SYNTAX;
	if (!ike_ts_parse(p->tsi, &tsi) && !ike_ts_parse(p->tsr, &tsr)) {
		n->n_ts_remote = ike_ts_narrow(tsi.list, tsi.n, cfg->tsr, cfg->n_tsr, n->ts_remote);
		n->n_ts_local = ike_ts_narrow(tsr.list, tsr.n, cfg->tsi, cfg->n_tsi, n->ts_local);
	}
	if (!n->n_ts_local || !n->n_ts_remote) {
		ike_reason_ts_refused(why, sa, false);
		return IKE_N_TS_UNACCEPTABLE;
	}
	return 0;
}

static void refuse(struct ike_sa *sa, uint32_t msg_id, uint16_t type, const struct ike_payloads *p,
    const struct ike_child_new *n, const struct reason *why)
{
	const struct ike_notify *rekey = ike_notify_find(p, IKE_N_REKEY_SA);
	uint8_t group[2];
	struct wr w = wr_init(group, sizeof(group));

	if (reason_is_set(why)) {
		ike_act_report(sa->ike, sa->conn->id, IKE_REPORT_WARN, why);
		sa->conn->last_error = *why;
	}
	if (type == IKE_N_CHILD_SA_NOT_FOUND && rekey) { /* it names the SA that was meant (RFC 7296 2.25) */
		struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));
		struct chunk spi = { rekey->spi.data, rekey->spi.len };

		ike_build_notify(&b, IKE_PROTO_ESP, &spi, type, NULL, 0);
		ike_respond(sa, X, msg_id, &b, 0);
		return;
	}
	wr_u16(&w, (uint16_t)n->choice.suite.ke);
	ike_respond_notify(sa, X, msg_id, type, group, type == IKE_N_INVALID_KE_PAYLOAD ? sizeof(group) : 0);
}

static void respond(struct ike_sa *sa, uint32_t msg_id, const struct ike_child_new *n,
    const struct ike_child *c, const struct ike_job *job)
{
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));
	uint8_t spi[IKE_SPI_LEN_ESP];
	struct wr w = wr_init(spi, sizeof(spi));
	struct chunk spi_chunk = { spi, sizeof(spi) };

	wr_u32(&w, c->spi_in);
	ike_build_sa_choice(&b, &n->choice, IKE_PROTO_ESP, &spi_chunk);
	ike_build_nonce(&b, n->nr->data, n->nr->len);
	if (job)
		ike_build_ke(&b, (uint16_t)job->group, job->ke_public, job->ke_public_len);
	ike_build_ts(&b, IKE_P_TSI, n->ts_remote, n->n_ts_remote);
	ike_build_ts(&b, IKE_P_TSR, n->ts_local, n->n_ts_local);
	ike_respond(sa, X, msg_id, &b, c->add_in);
}

static void make_child(struct ike_sa *sa, uint32_t msg_id, const struct ike_payloads *p,
    struct ike_child_new *n, struct ike_child *old, const struct ike_job *job, mtime now)
{
	struct ike_nonce ni = { .len = (uint16_t)p->nonce.len }, nr = { .len = IKE_NONCE_LEN };
	struct ike_child *c;

	memcpy(ni.data, p->nonce.data, ni.len);
	rng_fill(&sa->ike->rng, nr.data, IKE_NONCE_LEN);
	n->spi_in = ike_child_new_spi(sa->ike);
	n->ni = &ni;
	n->nr = &nr;
	n->g_ir = job ? &job->secret : NULL;
	n->old_spi_in = old ? old->spi_in : 0;
	c = ike_child_create(sa, n, now);
	if (!c) {
		ike_respond_notify(sa, X, msg_id, IKE_N_TEMPORARY_FAILURE, NULL, 0);
		return;
	}
	ike_child_trial_drop(sa);
	c->answer_id = msg_id;
	sa->put_off = MTIME_NEVER;
	respond(sa, msg_id, n, c, job);
	if (old && sa->task.kind == IKE_TASK_REKEY_CHILD && sa->task.child_spi_in == old->spi_in) {
		sa->task.contested = c->how.collided = true;
		sa->task.rival = c->low;
	}
	if (old)
		ike_child_replaced(old, now, false);
	if (!sa->conn->live)
		ike_child_activate(c, now);
}

/* A trial of another Causeway's: what would be chosen, and nothing that it leaves behind. */
static void answer_trial(
    struct ike_sa *sa, uint32_t msg_id, const struct ike_payloads *p, const struct ike_offer *offer)
{
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));
	struct ike_facts facts = sa->facts; /* of the failure that it is about */
	uint8_t nonce[IKE_NONCE_LEN], spi[IKE_SPI_LEN_ESP], group[2];
	struct wr ws = wr_init(spi, sizeof(spi)), wg = wr_init(group, sizeof(group));
	struct chunk spi_chunk = { spi, sizeof(spi) };
	struct ike_child_new n = { 0 };
	struct ike_ke_view ke;
	struct reason why;
	uint16_t refusal = choose(sa, p, offer, &n, &ke, &why);

	sa->facts = facts;
	if (refusal) {
		wr_u16(&wg, (uint16_t)n.choice.suite.ke);
		ike_respond_notify(
		    sa, X, msg_id, refusal, group, refusal == IKE_N_INVALID_KE_PAYLOAD ? sizeof(group) : 0);
		return;
	}
	wr_u32(&ws, ike_child_new_spi(sa->ike));
	rng_fill(&sa->ike->rng, nonce, sizeof(nonce));
	ike_build_sa_choice(&b, &n.choice, IKE_PROTO_ESP, &spi_chunk);
	ike_build_nonce(&b, nonce, sizeof(nonce));
	ike_build_ts(&b, IKE_P_TSI, n.ts_remote, n.n_ts_remote);
	ike_build_ts(&b, IKE_P_TSR, n.ts_local, n.n_ts_local);
	ike_respond(sa, X, msg_id, &b, 0);
}

void ike_create_child_request(struct ike_sa *sa, uint32_t msg_id, struct ike_payloads *p, uint8_t first,
    struct rd chain, struct ike_job *job, mtime now)
{
	struct ike_child_new n = { 0 };
	struct ike_child *old;
	struct ike_ke_view ke;
	struct ike_offer offer;
	struct reason why = { 0 };
	uint16_t refusal;

	if (ike_sa_parse(p->sa, &offer)) {
		ike_respond_notify(sa, X, msg_id, IKE_N_INVALID_SYNTAX, NULL, 0);
		return;
	}
	if (offer.proposal[0].protocol == IKE_PROTO_IKE) {
		ike_rekey_ike_request(sa, msg_id, p, &offer, first, chain, job, now);
		return;
	}
	if (ike_child_trial_asked(p)) {
		answer_trial(sa, msg_id, p, &offer);
		return;
	}
	refusal = find_old(sa, p, &old);
	if (!refusal)
		refusal = choose(sa, p, &offer, &n, &ke, &why);
	if (!refusal && job && !job->ok)
		refusal = IKE_N_INVALID_SYNTAX; /* a public value that RFC 6989 forbids */
	if (refusal) {
		refuse(sa, msg_id, refusal, p, &n, &why);
		return;
	}
	if (n.choice.suite.ke != KE_NONE && !job) {
		if (ike_park_request(sa, X, msg_id, first, chain, n.choice.suite.ke, ke.data))
			ike_respond_notify(sa, X, msg_id, IKE_N_TEMPORARY_FAILURE, NULL, 0);
		return;
	}
	make_child(sa, msg_id, p, &n, old, job, now);
}

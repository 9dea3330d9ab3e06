/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE_AUTH as initiator (RFC 7296 1.2, 2.15, 2.16), in the frame of auth.h. The first answer counts only when
 * its AUTH proves the peer; until then neither its child SA, nor EAP, nor anything else in it is looked at.
 * With EAP rounds follow, and a last exchange that proves the key which EAP made. A peer that authenticates
 * but refuses the child SA leaves an IKE SA of no use: the attempt has failed with the peer's reason, and it
 * is deleted, at once or when other ESP proposals were tried on it (trial_child.c).
 *
 * What waits for a job waits in one of two ways: our own proof of the first request before anything is sent,
 * and an answer of the peer's, which is kept and read again.
 */
#include "ike/auth.h"
#include "ike/engine.h"
#include "ike/identity.h"
#include "ike/mobike.h"
#include "ike/ppk.h"
#include "ike/reasons.h"
#include "ike/trial.h"
#include "ike/ts.h"

#include <string.h>

/* Is something of this peer's half made? Then our INITIAL_CONTACT might hit what it is just making. */
static bool peer_is_connecting(const struct ike_sa *sa)
{
	list_for_each (&sa->conn->sas, struct ike_sa, o, node)
		if (o != sa && o->state == IKE_SA_ESTABLISHED)
			return true;
	list_for_each (&sa->conn->crowd, struct ike_sa, o, node)
		if (o->state == IKE_SA_HALF_OPEN)
			return true;
	return false;
}

static void fail(struct ike_sa *sa, const struct reason *why, mtime now)
{
	ike_sa_close(sa, true, why, now); /* tells a peer that has authenticated us */
	ike_attempt_failed(sa, why, now);
}

/* The responder is not who we want, or can't prove to be: it believes that all is well, and is told. */
static void disown(struct ike_sa *sa, const struct reason *why, mtime now)
{
	sa->disowned = true;
	fail(sa, why, now);
}

/* The first request: who we are, our proof unless EAP is to give one, and the child we want. */
static void send_first(struct ike_sa *sa, mtime now)
{
	const struct ike_conn_config *cfg = &sa->conn->cfg;
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));
	struct ike_auth *a = sa->auth;
	uint8_t spi[IKE_SPI_LEN_ESP];
	struct wr w = wr_init(spi, sizeof(spi));
	struct chunk spi_chunk = { spi, sizeof(spi) };

	wr_u32(&w, sa->task.spi_in);
	ike_build_payload(&b, IKE_P_IDI);
	wr_bytes(&b.w, a->id_mine.data, a->id_mine.len);
	if (cfg->local_auth == IKE_AUTH_KIND_CERT)
		ike_signature_build_certs(&b, sa->conn->cred);
	if (cfg->remote_auth == IKE_AUTH_KIND_CERT)
		ike_signature_build_certreq(&b, sa->conn->cred);
	if (cfg->remote_id.type != IKE_ID_NONE)
		ike_build_id(&b, IKE_P_IDR, &cfg->remote_id);
	if (!a->wants_eap) {
		ike_build_auth(&b, a->method, a->proof.data, a->proof.len);
		ike_ppk_build(sa, &b);
	}
	if (!peer_is_connecting(sa) && !sa->conn->continues)
		ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_INITIAL_CONTACT, NULL, 0);
	ike_build_sa(&b, &cfg->esp_proposals, IKE_PROTO_ESP, &spi_chunk, false);
	ike_build_ts(&b, IKE_P_TSI, cfg->tsi, cfg->n_tsi);
	ike_build_ts(&b, IKE_P_TSR, cfg->tsr, cfg->n_tsr);
	ike_mobike_offer(sa, &b);
	a->stage = IKE_AUTH_STAGE_IDLE;
	a->rounds = 1;
	a->told_all = !a->wants_eap;
	if (ike_request_send(sa, IKE_X_AUTH, &b, 0, now)) {
		ike_task_failed(sa, now);
		return;
	}
	if (!sa->conn->live) /* else it is up, and authenticates anew */
		ike_conn_phase(sa->conn, IKE_PHASE_AUTHENTICATING, NULL, MTIME_NEVER);
}

static void prove_first(struct ike_sa *sa, mtime now)
{
	struct reason why;

	switch (ike_ppk_prove(sa, &sa->task.ticket, &why)) {
	case IKE_AUTH_NOW: send_first(sa, now); break;
	case IKE_AUTH_LATER: sa->auth->stage = IKE_AUTH_STAGE_PROVING; break;
	case IKE_AUTH_FAILED: ike_attempt_failed(sa, &why, now); break;
	}
}

void ike_auth_start(struct ike_sa *sa, mtime now)
{
	struct ike_identity own = ike_own_identity(sa->conn, sa);
	struct reason why;

	sa->task.kind = IKE_TASK_AUTH;
	sa->task.spi_in = ike_task_new_spi(sa);
	ike_auth_free(sa->auth);
	sa->auth = ike_auth_new();
	if (!sa->auth || ike_auth_set_id(&sa->auth->id_mine, &own)) {
		ike_task_failed(sa, now);
		return;
	}
	sa->auth->wants_eap = ike_auth_is_eap(sa->conn->cfg.local_auth);
	if (sa->auth->wants_eap) {
		sa->auth->eap = ike_eap_new(sa->conn, false, &why);
		if (!sa->auth->eap)
			ike_attempt_failed(sa, &why, now);
		else
			send_first(sa, now);
		return;
	}
	prove_first(sa, now);
}

void ike_auth_job_done(struct ike_sa *sa, struct ike_job *job, mtime now)
{
	struct reason why;

	switch (ike_ppk_proved(sa, job, &why)) {
	case 0: send_first(sa, now); break;
	case 1: prove_first(sa, now); break;
	default: ike_attempt_failed(sa, &why, now); break;
	}
}

/* The peer's first answer: who it is, as it says. */
static int read_identity(struct ike_sa *sa, const struct ike_payloads *p, struct reason *why)
{
	if (!p->idr.data || ike_id_parse(p->idr, &sa->remote_id)) {
		ike_reason_bad_answer(why, sa, "IKE_AUTH without a readable identity");
		return -1;
	}
	if (ike_bytes_set(&sa->auth->id_peer, p->idr.data, p->idr.len)) {
		ike_reason_internal(why, "out of memory");
		return -1;
	}
	return 0;
}

/* The child that the answer makes: our selectors, possibly narrowed. */
static int take_child(
    struct ike_sa *sa, const struct ike_payloads *p, uint32_t spi_in, mtime now, struct reason *why)
{
	const struct ike_conn_config *cfg = &sa->conn->cfg;
	const struct ike_notify *error = ike_notify_error(p);
	struct ike_child_new n = { .spi_in = spi_in, .we_initiate = true, .ni = &sa->ni, .nr = &sa->nr };
	struct ike_ts_list tsi, tsr;
	struct ike_offer offer;
	struct rd r;

	if (!p->sa.data || !p->tsi.data || !p->tsr.data) {
		if (error && error->type == IKE_N_NO_PROPOSAL_CHOSEN)
			ike_reason_child_no_proposal(why, sa, true, false);
		else if (error && error->type == IKE_N_TS_UNACCEPTABLE)
			ike_reason_ts_refused(why, sa, true);
		else
			ike_reason_refused(why, sa, error ? error->type : 0, "the child SA");
		return -1;
	}
	if (ike_sa_parse(p->sa, &offer) || !ike_sa_is_answer(&offer) ||
	    offer.proposal[0].spi.len != IKE_SPI_LEN_ESP ||
	    ike_sa_select(&cfg->esp_proposals, &offer, IKE_PROTO_ESP, IKE_KE_NEVER, KE_NONE, &n.choice)) {
		ike_reason_child_no_proposal(why, sa, false, false);
		return -1;
	}
	r = rd_init(n.choice.spi.data, n.choice.spi.len);
	n.spi_out = rd_u32(&r);
	if (ike_ts_parse(p->tsi, &tsi) || ike_ts_parse(p->tsr, &tsr)) {
		ike_reason_bad_answer(why, sa, "its traffic selectors are malformed");
		return -1;
	}
	n.n_ts_local = ike_ts_narrow(tsi.list, tsi.n, cfg->tsi, cfg->n_tsi, n.ts_local);
	n.n_ts_remote = ike_ts_narrow(tsr.list, tsr.n, cfg->tsr, cfg->n_tsr, n.ts_remote);
	if (!n.n_ts_local || !n.n_ts_remote || !ike_ts_all_within(tsi.list, tsi.n, cfg->tsi, cfg->n_tsi) ||
	    !ike_ts_all_within(tsr.list, tsr.n, cfg->tsr, cfg->n_tsr)) {
		ike_facts_peer_ts(sa, &tsr, &tsi);
		ike_reason_ts_refused(why, sa, false);
		return -1;
	}
	if (!cfg->narrow && (!ike_ts_all_within(cfg->tsi, cfg->n_tsi, n.ts_local, n.n_ts_local) ||
	                        !ike_ts_all_within(cfg->tsr, cfg->n_tsr, n.ts_remote, n.n_ts_remote))) {
		ike_reason_ts_narrowed(why, sa, n.ts_remote, n.n_ts_remote);
		return -1;
	}
	if (!n.spi_out || !ike_child_create(sa, &n, now)) {
		ike_reason_internal(why, "the child SA could not be made");
		return -1;
	}
	return 0;
}

/* The next request of the conversation: an EAP packet, or our AUTH when EAP is over. */
static void send_next(struct ike_sa *sa, const struct ike_eap_turn *turn, mtime now)
{
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));
	struct ike_auth *a = sa->auth;

	if (turn)
		ike_build_eap(&b, turn->out, turn->out_len);
	else
		ike_build_auth(&b, a->method, a->proof.data, a->proof.len);
	ike_ppk_build(sa, &b);
	a->stage = IKE_AUTH_STAGE_IDLE;
	a->told_all = !turn;
	if (a->rounds++ >= IKE_AUTH_ROUNDS_MAX || ike_request_send(sa, IKE_X_AUTH, &b, 0, now))
		ike_task_failed(sa, now);
}

/* The EAP method has read what the peer sent. */
static void turned(struct ike_sa *sa, struct ike_job *job, mtime now)
{
	struct reason why = { 0 };
	uint64_t ticket;

	switch (ike_auth_turned(sa, job, &why)) {
	case IKE_EAP_GO_ON:
		if (reason_is_set(&why))
			sa->hint = why; /* what is said should no Failure come */
		send_next(sa, job->turn, now);
		return;
	case IKE_EAP_SUCCESS:
		ike_auth_turn_warn(sa, job);
		if (ike_ppk_prove(sa, &ticket, &why) == IKE_AUTH_NOW) {
			send_next(sa, NULL, now);
			return;
		}
		break;
	case IKE_EAP_WHO: /* only a server asks */
	case IKE_EAP_FAILURE: break;
	}
	fail(sa, &why, now);
}

/* No child. The IKE SA, which is of no use else, may tell which proposals would have passed. */
static void child_failed(struct ike_sa *sa, const struct ike_payloads *p, const struct reason *why, mtime now)
{
	const struct ike_notify *error = ike_notify_error(p);

	if (!p->sa.data && error && error->type == IKE_N_NO_PROPOSAL_CHOSEN && ike_child_trial_start(sa, now))
		ike_attempt_failed(sa, why, now);
	else
		fail(sa, why, now);
}

/* The peer has proved itself. What follows: EAP, or the child and with it the end. */
static void verified(
    struct ike_sa *sa, const struct ike_payloads *p, uint8_t first, struct rd chain, mtime now)
{
	struct ike_auth *a = sa->auth;
	struct ike_conn *conn = sa->conn;
	struct reason why;

	sa->facts.peer_proved = true;
	sa->facts.took_us = a->told_all;
	if (a->rounds == 1 && !ike_identity_accepts(&conn->cfg.remote_id, &sa->remote_id)) {
		ike_reason_wrong_identity(&why, sa, &sa->remote_id, &conn->cfg.remote_id);
		disown(sa, &why, now);
		return;
	}
	if (a->wants_eap && !a->eap_over) {
		a->stage = IKE_AUTH_STAGE_TURN;
		if (!p->eap.data) {
			ike_reason_bad_answer(&why, sa, "IKE_AUTH without EAP, which we asked for");
			fail(sa, &why, now);
		} else if (p->eap.len > IKE_EAP_PACKET_MAX) {
			ike_reason_eap_large(&why, sa, p->eap.len);
			fail(sa, &why, now);
		} else if (ike_keep_reply(sa, first, chain, ike_auth_turn(sa, p->eap))) {
			ike_task_failed(sa, now);
		}
		return;
	}
	ike_mobike_agreed(sa, p); /* of the IKE SA, whether or not there is a child */
	if (take_child(sa, p, sa->task.spi_in, now, &why)) {
		child_failed(sa, p, &why, now);
		return;
	}
	ike_ppk_settled(sa);
	ike_task_clear(sa);
	conn->attempt = NULL;
	ike_sa_establish(sa, now);
	ike_settle_established(sa, now);
}

/* An answer of the peer's, read for the first time. */
static void fresh_reply(
    struct ike_sa *sa, const struct ike_payloads *p, uint8_t first, struct rd chain, mtime now)
{
	struct ike_auth *a = sa->auth;
	struct reason why;
	uint64_t ticket = 0;

	if (a->rounds > 1 && !a->eap_over) { /* EAP goes on; nothing is to be verified */
		verified(sa, p, first, chain, now);
		return;
	}
	if (a->rounds == 1 && read_identity(sa, p, &why)) {
		fail(sa, &why, now);
		return;
	}
	if (ike_ppk_answered(sa, p, &why)) {
		fail(sa, &why, now);
		return;
	}
	switch (ike_auth_verify(sa, p, &ticket, &why)) {
	case IKE_AUTH_NOW: verified(sa, p, first, chain, now); break;
	case IKE_AUTH_LATER:
		a->stage = IKE_AUTH_STAGE_VERIFYING;
		if (ike_keep_reply(sa, first, chain, ticket))
			ike_task_failed(sa, now);
		break;
	case IKE_AUTH_FAILED:
		ike_ppk_blame(sa, p, &why);
		disown(sa, &why, now);
		break;
	}
}

/* The peer has refused: nothing is established there. */
static void refused(struct ike_sa *sa, const struct ike_notify *error, mtime now)
{
	struct ike_identity own = ike_own_identity(sa->conn, sa);
	struct reason why;

	ike_task_clear(sa);
	if (error->type == IKE_N_AUTHENTICATION_FAILED) {
		ike_reason_auth_refused(&why, sa, &own);
		if (sa->auth->ppk_mixed)
			ike_reason_ppk_maybe(&why, sa);
	} else if (error->type == IKE_N_NO_PROPOSAL_CHOSEN) {
		/* These two are of the child, but some end the IKE SA over them: nothing is left to try on.
		 */
		ike_reason_child_no_proposal(&why, sa, true, false);
		sa->facts.refused_whole = true;
	} else if (error->type == IKE_N_TS_UNACCEPTABLE) {
		ike_reason_ts_refused(&why, sa, true);
		sa->facts.refused_whole = true;
	} else {
		ike_reason_refused(&why, sa, error->type, "IKE_AUTH");
	}
	ike_attempt_failed(sa, &why, now);
}

void ike_auth_reply(
    struct ike_sa *sa, struct ike_payloads *p, uint8_t first, struct rd chain, struct ike_job *job, mtime now)
{
	const struct ike_notify *error = ike_notify_error(p);
	struct reason why;

	if (!sa->auth) {
		ike_task_failed(sa, now);
		return;
	}
	ike_facts_notifies(sa, p);
	sa->facts.auth_answered = true;
	if (error && !p->auth.data && !p->eap.data) {
		refused(sa, error, now);
		return;
	}
	switch (sa->auth->stage) {
	case IKE_AUTH_STAGE_PROVING:
	case IKE_AUTH_STAGE_IDLE: fresh_reply(sa, p, first, chain, now); return;
	case IKE_AUTH_STAGE_VERIFYING:
		if (ike_auth_verified(sa, job, &why))
			disown(sa, &why, now);
		else
			verified(sa, p, first, chain, now);
		return;
	case IKE_AUTH_STAGE_TURN: turned(sa, job, now); return;
	}
}

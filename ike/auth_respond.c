/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE_AUTH as responder (RFC 7296 1.2, 2.15, 2.16, 2.21.2), in the frame of auth.h. The connection was
 * guessed by address at IKE_SA_INIT; now the identities and the kind of proof choose it (choose.h). Only a
 * right AUTH makes anything: the SA established, the peer's INITIAL_CONTACT heeded, the child made. Its
 * inbound side is installed before the answer is sent. A refused child leaves the IKE SA (2.21.2), for a
 * while.
 *
 * One request runs through: verify the peer, prove ourselves, finish. With EAP the first proves us and starts
 * the conversation, and its payloads are kept, since the child is in them; the last one verifies and
 * finishes. A step that needs a job parks the request, which is read again with the result.
 */
#include "ike/auth.h"
#include "ike/choose.h"
#include "ike/engine.h"
#include "ike/mobike.h"
#include "ike/others.h"
#include "ike/ppk.h"
#include "ike/reasons.h"
#include "ike/ts.h"

#include <string.h>

static const mdur childless_patience = { 20 * (int64_t)1000000000 };

/* One request, and where it stands. */
struct request {
	uint32_t msg_id;
	struct ike_payloads *p;
	uint8_t first;
	struct rd chain;
};

static void complain(struct ike_sa *sa, const struct reason *why, mtime now)
{
	struct ike_facts facts = ike_facts_of(sa, now);

	ike_others_note(sa->conn, why, &facts, true, now);
	if (sa->auth)
		sa->auth->complained = true;
}

static void refuse(struct ike_sa *sa, uint32_t msg_id, uint16_t type, const struct reason *why, mtime now)
{
	complain(sa, why, now);
	ike_respond_notify(sa, IKE_X_AUTH, msg_id, type, NULL, 0);
	ike_sa_linger(sa, now);
}

static void no_memory(struct ike_sa *sa, const struct request *rq, mtime now)
{
	struct reason why;

	ike_reason_internal(&why, "out of memory while a peer was being authenticated");
	refuse(sa, rq->msg_id, IKE_N_TEMPORARY_FAILURE, &why, now);
}

/* Who is it, and which conn of ours does it mean? 0, or -1: the request has been refused. */
static int begin(struct ike_sa *sa, const struct request *rq, mtime now)
{
	const struct ike_payloads *p = rq->p;
	struct ike_identity idr = { 0 }, own;
	struct ike_auth_view auth = { 0 };
	struct ike_conn *conn;
	struct reason why;

	if (!p->idi.data || ike_id_parse(p->idi, &sa->remote_id) ||
	    (p->idr.data && ike_id_parse(p->idr, &idr)) || (p->auth.data && ike_auth_parse(p->auth, &auth))) {
		ike_reason_bad_answer(&why, sa, "an identity in IKE_AUTH is malformed");
		refuse(sa, rq->msg_id, IKE_N_INVALID_SYNTAX, &why, now);
		return -1;
	}
	conn = ike_choose_conn(sa, &idr, auth.method);
	if (!conn) {
		ike_reason_wrong_identity(&why, sa, &sa->remote_id, &sa->conn->cfg.remote_id);
		refuse(sa, rq->msg_id, IKE_N_AUTHENTICATION_FAILED, &why, now);
		return -1;
	}
	ike_sa_set_conn(sa, conn);
	if (!ike_auth_method_fits(conn->cfg.remote_auth, auth.method)) {
		ike_reason_auth_method(&why, sa, auth.method);
		refuse(sa, rq->msg_id, IKE_N_AUTHENTICATION_FAILED, &why, now);
		return -1;
	}
	if (conn->cfg.mobike && !ike_mobike_untranslated(p, &sa->local, &sa->remote)) {
		ike_reason_refused_nat(&why, sa);
		refuse(sa, rq->msg_id, IKE_N_UNEXPECTED_NAT_DETECTED, &why, now);
		return -1;
	}
	own = ike_own_identity(conn, sa);
	sa->auth = ike_auth_new();
	if (!sa->auth || ike_auth_set_id(&sa->auth->id_mine, &own) ||
	    ike_bytes_set(&sa->auth->id_peer, p->idi.data, p->idi.len)) {
		no_memory(sa, rq, now);
		return -1;
	}
	sa->auth->initial_contact = ike_notify_find(p, IKE_N_INITIAL_CONTACT);
	sa->auth->wants_eap = ike_auth_is_eap(conn->cfg.remote_auth);
	return 0;
}

/* Chooses suite and selectors for the child. 0, or the notification that refuses it. */
static uint16_t settle_child(
    struct ike_sa *sa, const struct ike_payloads *p, struct ike_child_new *n, struct reason *why)
{
	const struct ike_conn_config *cfg = &sa->conn->cfg;
	struct ike_ts_list tsi, tsr;
	struct ike_offer offer;
	struct rd r;

	if (ike_sa_parse(p->sa, &offer) ||
	    ike_sa_select(&cfg->esp_proposals, &offer, IKE_PROTO_ESP, IKE_KE_NEVER, KE_NONE, &n->choice) ||
	    n->choice.spi.len != IKE_SPI_LEN_ESP) {
		if (!ike_sa_parse(p->sa, &offer))
			ike_facts_offer(&sa->facts, &cfg->esp_proposals, &offer, false);
		ike_reason_child_no_proposal(why, sa, false, false);
		return IKE_N_NO_PROPOSAL_CHOSEN;
	}
	r = rd_init(n->choice.spi.data, n->choice.spi.len);
	n->spi_out = rd_u32(&r);
	n->spi_in = ike_child_new_spi(sa->ike);
	if (!ike_ts_parse(p->tsi, &tsi) && !ike_ts_parse(p->tsr, &tsr)) {
		n->n_ts_remote = ike_ts_narrow(tsi.list, tsi.n, cfg->tsr, cfg->n_tsr, n->ts_remote);
		n->n_ts_local = ike_ts_narrow(tsr.list, tsr.n, cfg->tsi, cfg->n_tsi, n->ts_local);
	}
	if (!n->spi_out || !n->n_ts_local || !n->n_ts_remote) {
		if (!ike_ts_parse(p->tsi, &tsi) && !ike_ts_parse(p->tsr, &tsr))
			ike_facts_peer_ts(sa, &tsi, &tsr);
		ike_reason_ts_refused(why, sa, false);
		return IKE_N_TS_UNACCEPTABLE;
	}
	return 0;
}

/* IDr in the first answer, and our proof where there is a new one. */
static void build_proof(struct ike_sa *sa, struct ike_build *b, const struct request *rq)
{
	struct ike_auth *a = sa->auth;

	if (rq->msg_id == 1) {
		ike_build_payload(b, IKE_P_IDR);
		wr_bytes(&b->w, a->id_mine.data, a->id_mine.len);
		if (sa->conn->cfg.local_auth == IKE_AUTH_KIND_CERT)
			ike_signature_build_certs(b, sa->conn->cred);
	}
	if (a->proof.data)
		ike_build_auth(b, a->method, a->proof.data, a->proof.len);
	ike_bytes_clear(&a->proof);
}

/* Answers the last request, with the child if there is one. */
static void respond(struct ike_sa *sa, const struct request *rq, const struct ike_payloads *offer,
    const struct ike_child_new *n, const struct ike_child *c, uint16_t refusal)
{
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));
	uint8_t spi[IKE_SPI_LEN_ESP];
	struct wr w = wr_init(spi, sizeof(spi));
	struct chunk spi_chunk = { spi, sizeof(spi) };

	build_proof(sa, &b, rq);
	ike_ppk_confirm(sa, &b);
	if (c) {
		wr_u32(&w, c->spi_in);
		ike_build_sa_choice(&b, &n->choice, IKE_PROTO_ESP, &spi_chunk);
		ike_build_ts(&b, IKE_P_TSI, n->ts_remote, n->n_ts_remote);
		ike_build_ts(&b, IKE_P_TSR, n->ts_local, n->n_ts_local);
	} else {
		ike_build_notify(&b, IKE_PROTO_NONE, NULL, refusal, NULL, 0);
	}
	ike_mobike_agreed(sa, offer);
	if (sa->mobike.on)
		ike_mobike_offer(sa, &b);
	ike_respond(sa, IKE_X_AUTH, rq->msg_id, &b, c ? c->add_in : 0);
}

/* Both are proved: the child that the first request asked for, and the SA is established. */
static void finish(struct ike_sa *sa, const struct request *rq, const struct ike_payloads *offer, mtime now)
{
	struct ike_child_new n = { .ni = &sa->ni, .nr = &sa->nr };
	struct ike_conn *conn = sa->conn;
	struct ike_child *c = NULL;
	struct reason why;
	uint16_t refusal;

	sa->facts.peer_proved = true;
	if (sa->auth->initial_contact)
		ike_settle_initial_contact(sa, now);
	refusal = settle_child(sa, offer, &n, &why);
	if (!refusal) {
		c = ike_child_create(sa, &n, now);
		if (!c) {
			refusal = IKE_N_TEMPORARY_FAILURE;
			ike_reason_internal(&why, "the child SA could not be made");
		}
	}
	respond(sa, rq, offer, &n, c, refusal);
	ike_ppk_settled(sa);
	ike_sa_establish(sa, now);
	if (c) {
		ike_settle_established(sa, now);
		return;
	}
	ike_act_report(sa->ike, conn->id, IKE_REPORT_ERROR, &why);
	if (!conn->live) {
		conn->last_error = why;
		ike_facts_keep(sa, &why, now);
	}
	sa->childless_at = mtime_add(now, childless_patience);
	ike_conn_lost(conn, &why, false, now); /* if the peer's INITIAL_CONTACT took what was there */
}

/* The method takes the peer's packet; none: it begins. */
static void turn(struct ike_sa *sa, const struct request *rq, struct ike_span packet, mtime now)
{
	sa->auth->stage = IKE_AUTH_STAGE_TURN;
	if (ike_park(sa, IKE_X_AUTH, rq->msg_id, rq->first, rq->chain, ike_auth_turn(sa, packet)))
		no_memory(sa, rq, now);
}

static void start_eap(struct ike_sa *sa, const struct request *rq, mtime now)
{
	struct ike_auth *a = sa->auth;
	struct rd chain = rq->chain;
	size_t len = rd_left(&chain);
	struct reason why;

	a->first_type = rq->first;
	a->eap = ike_eap_new(sa->conn, true, &why);
	if (!a->eap)
		refuse(sa, rq->msg_id, IKE_N_AUTHENTICATION_FAILED, &why, now);
	else if (ike_bytes_set(&a->first, rd_skip(&chain, len), len))
		no_memory(sa, rq, now);
	else
		turn(sa, rq, (struct ike_span){ 0 }, now);
}

/* Our proof is there: the conversation begins, or all is done. */
static void proved(struct ike_sa *sa, const struct request *rq, mtime now)
{
	struct ike_auth *a = sa->auth;
	struct ike_payloads offer;

	a->stage = IKE_AUTH_STAGE_IDLE;
	if (!a->wants_eap)
		finish(sa, rq, rq->p, now);
	else if (!a->eap_over)
		start_eap(sa, rq, now);
	else if (ike_payloads_parse(rd_init(a->first.data, a->first.len), a->first_type, &offer))
		no_memory(sa, rq, now); /* it was read once: can't be */
	else
		finish(sa, rq, &offer, now);
}

static void prove(struct ike_sa *sa, const struct request *rq, mtime now)
{
	struct reason why;
	uint64_t ticket = 0;

	switch (ike_auth_prove(sa, &ticket, &why)) {
	case IKE_AUTH_NOW: proved(sa, rq, now); break;
	case IKE_AUTH_LATER:
		sa->auth->stage = IKE_AUTH_STAGE_PROVING;
		if (ike_park(sa, IKE_X_AUTH, rq->msg_id, rq->first, rq->chain, ticket))
			no_memory(sa, rq, now);
		break;
	case IKE_AUTH_FAILED: refuse(sa, rq->msg_id, IKE_N_AUTHENTICATION_FAILED, &why, now); break;
	}
}

static void verify(struct ike_sa *sa, const struct request *rq, mtime now)
{
	struct reason why;
	uint64_t ticket = 0;

	if (ike_ppk_choose(sa, rq->p, &why)) {
		refuse(sa, rq->msg_id, IKE_N_AUTHENTICATION_FAILED, &why, now);
		return;
	}
	switch (ike_auth_verify(sa, rq->p, &ticket, &why)) {
	case IKE_AUTH_NOW: prove(sa, rq, now); break;
	case IKE_AUTH_LATER:
		sa->auth->stage = IKE_AUTH_STAGE_VERIFYING;
		if (ike_park(sa, IKE_X_AUTH, rq->msg_id, rq->first, rq->chain, ticket))
			no_memory(sa, rq, now);
		break;
	case IKE_AUTH_FAILED:
		ike_ppk_blame(sa, rq->p, &why);
		refuse(sa, rq->msg_id, IKE_N_AUTHENTICATION_FAILED, &why, now);
		break;
	}
}

/* The client has said who it is, and by that which conn it means. Who is nobody's is not told so. */
static void who(struct ike_sa *sa, const struct request *rq, mtime now)
{
	struct ike_conn *conn = ike_choose_by_name(sa);

	if (conn)
		ike_sa_set_conn(sa, conn);
	if (ike_eap_user(sa->auth->eap, sa->conn, conn))
		no_memory(sa, rq, now);
	else
		turn(sa, rq, (struct ike_span){ 0 }, now);
}

/* EAP-TLS has succeeded with whomever our trust anchors vouch for: whose certificate is it? */
static int certify(struct ike_sa *sa, struct reason *why)
{
	struct ike_conn *conn;

	if (ike_eap_certified(sa->auth->eap, sa->conn->cfg.eap.peer_user))
		return 0;
	conn = ike_choose_by_certificate(sa);
	if (conn) {
		ike_sa_set_conn(sa, conn);
		return 0;
	}
	ike_reason_eap_certificate(why, sa, ike_eap_certificate_name(sa->auth->eap));
	return -1;
}

/* The method has spoken: its packet goes out, the first one with who we are. Success waits for the peer's
 * AUTH. */
static void turned(struct ike_sa *sa, const struct request *rq, struct ike_job *job, mtime now)
{
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));
	struct reason why = { 0 };
	enum ike_eap_verdict verdict = ike_auth_turned(sa, job, &why);

	sa->auth->stage = IKE_AUTH_STAGE_IDLE;
	if (verdict == IKE_EAP_WHO) {
		who(sa, rq, now);
		return;
	}
	if ((verdict == IKE_EAP_SUCCESS && certify(sa, &why)) ||
	    (verdict == IKE_EAP_FAILURE && (!job->ok || !job->turn->out_len))) {
		refuse(sa, rq->msg_id, IKE_N_AUTHENTICATION_FAILED, &why, now);
		return;
	}
	if (verdict == IKE_EAP_GO_ON && reason_is_set(&why))
		complain(sa, &why, now);
	if (verdict == IKE_EAP_SUCCESS)
		ike_auth_turn_warn(sa, job);
	build_proof(sa, &b, rq);
	ike_build_eap(&b, job->turn->out, job->turn->out_len);
	ike_respond(sa, IKE_X_AUTH, rq->msg_id, &b, 0);
	if (verdict == IKE_EAP_FAILURE) {
		complain(sa, &why, now);
		ike_sa_linger(sa, now);
	}
}

/* A request that is read for the first time. */
static void fresh_request(struct ike_sa *sa, const struct request *rq, mtime now)
{
	struct ike_auth *a = sa->auth;
	struct reason why;

	if (rq->msg_id == 1 && a->wants_eap)
		prove(sa, rq, now);
	else if (rq->msg_id == 1 || (a->eap_over && rq->p->auth.data))
		verify(sa, rq, now);
	else if (!a->eap_over && a->eap && rq->p->eap.len > IKE_EAP_PACKET_MAX) {
		ike_reason_eap_large(&why, sa, rq->p->eap.len);
		refuse(sa, rq->msg_id, IKE_N_AUTHENTICATION_FAILED, &why, now);
	} else if (!a->eap_over && a->eap && rq->p->eap.data && ++a->rounds <= IKE_AUTH_ROUNDS_MAX)
		turn(sa, rq, rq->p->eap, now);
	else {
		ike_reason_bad_answer(&why, sa, "IKE_AUTH goes on with neither EAP nor the AUTH that is due");
		refuse(sa, rq->msg_id, IKE_N_AUTHENTICATION_FAILED, &why, now);
	}
}

void ike_auth_given_up(struct ike_sa *sa, uint32_t msg_id, const struct ike_payloads *p, mtime now)
{
	const struct ike_notify *error = ike_notify_error(p);
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));
	struct reason why;

	ike_respond(sa, IKE_X_INFORMATIONAL, msg_id, &b, 0);
	if (!sa->auth->complained) { /* else it is the answer to our refusal */
		ike_reason_refused(&why, sa, error ? error->type : 0, "to go on with EAP");
		complain(sa, &why, now);
	}
	ike_sa_linger(sa, now);
}

void ike_auth_request(struct ike_sa *sa, uint32_t msg_id, struct ike_payloads *p, uint8_t first,
    struct rd chain, struct ike_job *job, mtime now)
{
	struct request rq = { .msg_id = msg_id, .p = p, .first = first, .chain = chain };
	struct reason why;

	ike_facts_notifies(sa, p);
	sa->facts.auth_answered = true;
	if (!sa->auth && begin(sa, &rq, now))
		return;
	switch (sa->auth->stage) {
	case IKE_AUTH_STAGE_IDLE: fresh_request(sa, &rq, now); return;
	case IKE_AUTH_STAGE_VERIFYING:
		if (ike_auth_verified(sa, job, &why))
			refuse(sa, msg_id, IKE_N_AUTHENTICATION_FAILED, &why, now);
		else
			prove(sa, &rq, now);
		return;
	case IKE_AUTH_STAGE_PROVING:
		if (ike_auth_proved(sa, job, &why))
			refuse(sa, msg_id, IKE_N_TEMPORARY_FAILURE, &why, now);
		else
			proved(sa, &rq, now);
		return;
	case IKE_AUTH_STAGE_TURN: turned(sa, &rq, job, now); return;
	}
}

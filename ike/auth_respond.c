/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE_AUTH as responder (RFC 7296 1.2, 2.15, 2.21.2). The connection was guessed by address at IKE_SA_INIT;
 * now the identities choose it. Only a right AUTH makes anything: the SA established, the peer's
 * INITIAL_CONTACT heeded, the child made. Its inbound side is installed before the answer is sent. A refused
 * child leaves the IKE SA (2.21.2), for a while.
 */
#include "ike/auth.h"
#include "ike/engine.h"
#include "ike/identity.h"
#include "ike/reasons.h"
#include "ike/ts.h"

#include <string.h>

static const mdur childless_patience = { 20 * (int64_t)1000000000 };

/* Would this conn have agreed to the suite of the SA? */
static bool agrees(const struct ike_conn *conn, const struct ike_suite *s)
{
	const struct ike_proposals *ours = &conn->cfg.ike_proposals;

	for (unsigned i = 0; i < ours->n; i++) {
		const struct ike_proposal *p = &ours->list[i];
		bool encr = false, prf_ok = false, integ_ok = !p->n_integ && s->integ == INTEG_NONE,
		     ke_ok = false;

		for (unsigned j = 0; j < p->n_encr; j++)
			encr = encr || (p->encr[j].id == s->encr && p->encr[j].key_bits == s->key_bits);
		for (unsigned j = 0; j < p->n_prf; j++)
			prf_ok = prf_ok || p->prf[j] == s->prf;
		for (unsigned j = 0; j < p->n_integ; j++)
			integ_ok = integ_ok || p->integ[j] == s->integ;
		for (unsigned j = 0; j < p->n_ke; j++)
			ke_ok = ke_ok || p->ke[j] == s->ke;
		if (encr && prf_ok && integ_ok && ke_ok)
			return true;
	}
	return false;
}

/* How well a conn fits: by its address, and by what it says of identities. 0: not at all. */
static unsigned score(const struct ike_conn *conn, const struct ike_sa *sa, const struct ike_identity *idr)
{
	struct ike_identity own = ike_own_identity(conn, sa);
	unsigned s = 1;

	if (!ike_conn_serves(conn, &sa->local.addr, &sa->remote.addr) || !agrees(conn, &sa->suite))
		return 0;
	if (!ike_identity_accepts(&conn->cfg.remote_id, &sa->remote_id))
		return 0;
	if (conn->cfg.remote_id.type != IKE_ID_NONE)
		s += 8;
	if (conn->cfg.n_remote)
		s += 4;
	if (idr->type != IKE_ID_NONE && ike_identity_eq(idr, &own))
		s += 2;
	return s;
}

static struct ike_conn *choose_conn(const struct ike_sa *sa, const struct ike_identity *idr)
{
	struct ike_conn *best = NULL;
	unsigned best_score = 0;

	list_for_each (&sa->ike->conns, struct ike_conn, conn, node) {
		unsigned s = score(conn, sa, idr);

		if (s > best_score) {
			best = conn;
			best_score = s;
		}
	}
	return best;
}

static void refuse(struct ike_sa *sa, uint32_t msg_id, uint16_t type, const struct reason *why, mtime now)
{
	struct ike_conn *conn = sa->conn;

	ike_conn_warn(conn, why, now);
	if (!conn->live)
		conn->last_error = *why;
	ike_respond_notify(sa, IKE_X_AUTH, msg_id, type, NULL, 0);
	ike_sa_linger(sa, now);
}

static bool proves(struct ike_sa *sa, const struct ike_payloads *p, const struct ike_auth_view *auth)
{
	uint8_t want[CRYPTO_MAX_HASH];

	return !ike_auth_psk(&sa->keys, sa->keys.sk_pi, &sa->conn->psk,
	           (struct ike_span){ sa->init_peers.data, sa->init_peers.len }, &sa->nr, p->idi, want) &&
	       auth->data.len == sa->keys.prf_len && bytes_eq_ct(auth->data.data, want, sa->keys.prf_len);
}

/* 0 when the request proves a peer that a conn of ours wants; else it has been refused. */
static int verify_peer(struct ike_sa *sa, uint32_t msg_id, const struct ike_payloads *p, mtime now)
{
	struct ike_identity idr = { 0 };
	struct ike_auth_view auth = { 0 };
	struct ike_conn *conn;
	struct reason why;

	if (ike_id_parse(p->idi, &sa->remote_id) || (p->idr.data && ike_id_parse(p->idr, &idr)) ||
	    (p->auth.data && ike_auth_parse(p->auth, &auth))) {
		ike_reason_bad_answer(&why, sa, "an identity in IKE_AUTH is malformed");
		refuse(sa, msg_id, IKE_N_INVALID_SYNTAX, &why, now);
		return -1;
	}
	conn = choose_conn(sa, &idr);
	if (!conn) {
		ike_reason_wrong_identity(&why, sa, &sa->remote_id, &sa->conn->cfg.remote_id);
		refuse(sa, msg_id, IKE_N_AUTHENTICATION_FAILED, &why, now);
		return -1;
	}
	sa->conn = conn;
	if (auth.method != IKE_AUTH_PSK) { /* none: the peer wants EAP */
		ike_reason_auth_method(&why, sa, auth.method);
		refuse(sa, msg_id, IKE_N_AUTHENTICATION_FAILED, &why, now);
		return -1;
	}
	if (!proves(sa, p, &auth)) {
		ike_reason_psk_differs(&why, sa, &sa->remote_id);
		refuse(sa, msg_id, IKE_N_AUTHENTICATION_FAILED, &why, now);
		return -1;
	}
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
		ike_reason_ts_refused(why, sa, false);
		return IKE_N_TS_UNACCEPTABLE;
	}
	return 0;
}

/* IDr and AUTH, which begin every answer of success. */
static int build_proof(struct ike_sa *sa, struct ike_build *b)
{
	struct ike_identity own = ike_own_identity(sa->conn, sa);
	uint8_t auth[CRYPTO_MAX_HASH];
	struct ike_span id;
	size_t id_at;

	ike_build_id(b, IKE_P_IDR, &own);
	id_at = b->start + IKE_PAYLOAD_HEADER_LEN;
	id = (struct ike_span){ sa->ike->body + id_at, wr_len(&b->w) - id_at };
	if (ike_auth_psk(&sa->keys, sa->keys.sk_pr, &sa->conn->psk,
	        (struct ike_span){ sa->init_mine.data, sa->init_mine.len }, &sa->ni, id, auth))
		return -1;
	ike_build_auth(b, IKE_AUTH_PSK, auth, sa->keys.prf_len);
	cleanse(auth, sizeof(auth));
	return 0;
}

/* Answers, with the child if there is one. */
static void respond(struct ike_sa *sa, uint32_t msg_id, const struct ike_child_new *n,
    const struct ike_child *c, uint16_t refusal)
{
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));
	uint8_t spi[IKE_SPI_LEN_ESP];
	struct wr w = wr_init(spi, sizeof(spi));
	struct chunk spi_chunk = { spi, sizeof(spi) };

	if (build_proof(sa, &b))
		return;
	if (c) {
		wr_u32(&w, c->spi_in);
		ike_build_sa_choice(&b, &n->choice, IKE_PROTO_ESP, &spi_chunk);
		ike_build_ts(&b, IKE_P_TSI, n->ts_remote, n->n_ts_remote);
		ike_build_ts(&b, IKE_P_TSR, n->ts_local, n->n_ts_local);
	} else {
		ike_build_notify(&b, IKE_PROTO_NONE, NULL, refusal, NULL, 0);
	}
	ike_respond(sa, IKE_X_AUTH, msg_id, &b, c ? c->add_in : 0);
}

void ike_auth_request(struct ike_sa *sa, uint32_t msg_id, struct ike_payloads *p, mtime now)
{
	struct ike_child_new n = { .ni = &sa->ni, .nr = &sa->nr };
	struct ike_child *c = NULL;
	struct ike_conn *conn;
	struct reason why;
	uint16_t refusal;

	if (verify_peer(sa, msg_id, p, now))
		return;
	conn = sa->conn;
	if (ike_notify_find(p, IKE_N_INITIAL_CONTACT))
		ike_settle_initial_contact(sa, now);
	refusal = settle_child(sa, p, &n, &why);
	if (!refusal) {
		c = ike_child_create(sa, &n, now);
		if (!c) {
			refusal = IKE_N_TEMPORARY_FAILURE;
			ike_reason_internal(&why, "the child SA could not be made");
		}
	}
	respond(sa, msg_id, &n, c, refusal);
	ike_sa_establish(sa, now);
	if (c) {
		ike_settle_established(sa, now);
		return;
	}
	ike_act_report(sa->ike, conn->id, IKE_REPORT_ERROR, &why);
	if (!conn->live)
		conn->last_error = why;
	sa->childless_at = mtime_add(now, childless_patience);
	ike_conn_lost(conn, &why, false, now); /* if the peer's INITIAL_CONTACT took what was there */
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE_AUTH as initiator (RFC 7296 1.2, 2.15, 2.16 without EAP). The answer counts only when its AUTH proves
 * the peer; until then neither its child SA nor anything else in it is looked at. A peer that authenticates
 * but refuses the child SA leaves an IKE SA of no use: it is deleted, and the attempt has failed with the
 * peer's reason.
 */
#include "ike/auth.h"
#include "ike/engine.h"
#include "ike/identity.h"
#include "ike/reasons.h"
#include "ike/ts.h"

#include <string.h>

struct ike_identity ike_own_identity(const struct ike_conn *conn, const struct ike_sa *sa)
{
	if (conn->cfg.local_id.type != IKE_ID_NONE)
		return conn->cfg.local_id;
	if (!addr_is_none(&conn->cfg.local))
		return ike_identity_of_addr(&conn->cfg.local);
	return ike_identity_of_addr(&sa->local.addr);
}

/* Is something of this peer's half made? Then our INITIAL_CONTACT might hit what it is just making. */
static bool peer_is_connecting(const struct ike_sa *sa)
{
	list_for_each (&sa->ike->sas, struct ike_sa, o, node)
		if (o != sa && o->conn == sa->conn &&
		    (o->state == IKE_SA_HALF_OPEN || o->state == IKE_SA_ESTABLISHED))
			return true;
	return false;
}

void ike_auth_start(struct ike_sa *sa, mtime now)
{
	const struct ike_conn_config *cfg = &sa->conn->cfg;
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));
	struct ike_identity own = ike_own_identity(sa->conn, sa);
	uint8_t auth[CRYPTO_MAX_HASH], spi[IKE_SPI_LEN_ESP];
	struct wr w = wr_init(spi, sizeof(spi));
	struct chunk spi_chunk = { spi, sizeof(spi) };
	struct ike_span id;
	struct reason why;
	size_t id_at;

	sa->task.kind = IKE_TASK_AUTH;
	sa->task.spi_in = ike_child_new_spi(sa->ike);
	wr_u32(&w, sa->task.spi_in);
	ike_build_id(&b, IKE_P_IDI, &own);
	id_at = b.start + IKE_PAYLOAD_HEADER_LEN;
	id = (struct ike_span){ sa->ike->body + id_at, wr_len(&b.w) - id_at };
	if (cfg->remote_id.type != IKE_ID_NONE)
		ike_build_id(&b, IKE_P_IDR, &cfg->remote_id);
	if (ike_auth_psk(&sa->keys, sa->keys.sk_pi, &sa->conn->psk,
	        (struct ike_span){ sa->init_mine.data, sa->init_mine.len }, &sa->nr, id, auth)) {
		ike_reason_internal(&why, "AUTH could not be computed");
		ike_attempt_failed(sa, &why, now);
		return;
	}
	ike_build_auth(&b, IKE_AUTH_PSK, auth, sa->keys.prf_len);
	cleanse(auth, sizeof(auth));
	if (!peer_is_connecting(sa))
		ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_INITIAL_CONTACT, NULL, 0);
	ike_build_sa(&b, &cfg->esp_proposals, IKE_PROTO_ESP, &spi_chunk, false);
	ike_build_ts(&b, IKE_P_TSI, cfg->tsi, cfg->n_tsi);
	ike_build_ts(&b, IKE_P_TSR, cfg->tsr, cfg->n_tsr);
	if (ike_request_send(sa, IKE_X_AUTH, &b, 0, now)) {
		ike_task_failed(sa, now);
		return;
	}
	ike_conn_phase(sa->conn, IKE_PHASE_AUTHENTICATING, NULL, MTIME_NEVER);
}

/* 0 when the answer proves a peer that we want. */
static int verify_peer(struct ike_sa *sa, const struct ike_payloads *p, struct reason *why)
{
	const struct ike_conn *conn = sa->conn;
	uint8_t want[CRYPTO_MAX_HASH];
	struct ike_auth_view auth;

	if (!p->idr.data || !p->auth.data || ike_id_parse(p->idr, &sa->remote_id) ||
	    ike_auth_parse(p->auth, &auth)) {
		ike_reason_bad_answer(why, sa, "IKE_AUTH without a readable identity and proof");
		return -1;
	}
	if (auth.method != IKE_AUTH_PSK) {
		ike_reason_auth_method(why, sa, auth.method);
		return -1;
	}
	if (ike_auth_psk(&sa->keys, sa->keys.sk_pr, &conn->psk,
	        (struct ike_span){ sa->init_peers.data, sa->init_peers.len }, &sa->ni, p->idr, want) ||
	    auth.data.len != sa->keys.prf_len || !bytes_eq_ct(auth.data.data, want, sa->keys.prf_len)) {
		ike_reason_psk_differs(why, sa, &sa->remote_id);
		return -1;
	}
	if (!ike_identity_accepts(&conn->cfg.remote_id, &sa->remote_id)) {
		ike_reason_wrong_identity(why, sa, &sa->remote_id, &conn->cfg.remote_id);
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

void ike_auth_reply(struct ike_sa *sa, struct ike_payloads *p, mtime now)
{
	const struct ike_notify *error = ike_notify_error(p);
	struct ike_conn *conn = sa->conn;
	uint32_t spi_in = sa->task.spi_in;
	struct ike_identity own = ike_own_identity(conn, sa);
	struct reason why;

	ike_task_clear(sa);
	if (error && !p->auth.data) { /* refused: nothing is established at the peer */
		if (error->type == IKE_N_AUTHENTICATION_FAILED)
			ike_reason_auth_refused(&why, sa, &own);
		else
			ike_reason_refused(&why, sa, error->type, "IKE_AUTH");
		ike_attempt_failed(sa, &why, now);
		return;
	}
	sa->task.kind = IKE_TASK_AUTH; /* closing from here on tells the peer, which has authenticated us */
	if (verify_peer(sa, p, &why)) {
		ike_sa_close(sa, true, &why, now);
		ike_attempt_failed(sa, &why, now);
		return;
	}
	if (take_child(sa, p, spi_in, now, &why)) {
		ike_sa_close(sa, true, &why, now);
		ike_attempt_failed(sa, &why, now);
		return;
	}
	ike_task_clear(sa);
	conn->attempt = NULL;
	ike_sa_establish(sa, now);
	ike_settle_established(sa, now);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections: what is configured, and the commands on them. A configuration is checked once, here; the rest
 * of the engine trusts it. Commands set what is wanted; exchanges follow from that.
 */
#include "ike/auth.h"
#include "ike/choose.h"
#include "ike/engine.h"
#include "ike/others.h"
#include "ike/reasons.h"

#include <stdlib.h>
#include <string.h>

static bool needs(const struct ike_conn_config *c, enum ike_auth_kind kind)
{
	return c->local_auth == kind || c->remote_auth == kind;
}

/* EAP goes one way only (RFC 7296 2.16): the initiator signs on, the responder proves itself first. */
static int check_eap(const struct ike_conn_config *c, struct reason *why)
{
	static const char id[] = "ike-bad-config";
	bool local = ike_auth_is_eap(c->local_auth), remote = ike_auth_is_eap(c->remote_auth);
	unsigned chain = 0, anchors = 0;

	if (local && remote)
		return reason_set(why, id, "%s: only one side can sign on by EAP", c->name);
	if (local && (c->role != IKE_ROLE_INITIATE || !c->eap.user[0]))
		return reason_set(
		    why, id, "%s: local-auth by EAP needs role initiate and a user name (eap/user)", c->name);
	if (remote && (c->role != IKE_ROLE_RESPOND || !c->eap.peer_user[0]))
		return reason_set(why, id,
		    "%s: remote-auth by EAP needs role respond and the peer's user name (eap/peer-user)",
		    c->name);
	if ((c->local_auth == IKE_AUTH_KIND_EAP_MSCHAPV2 && !c->eap.secret_len) ||
	    (c->remote_auth == IKE_AUTH_KIND_EAP_MSCHAPV2 && !c->eap.peer_secret_len))
		return reason_set(why, id, "%s: EAP-MSCHAPv2 needs a password", c->name);
	if (needs(c, IKE_AUTH_KIND_EAP_TLS) && c->credentials) {
		credentials_chain(c->credentials, &chain);
		credentials_anchors(c->credentials, &anchors);
	}
	if (needs(c, IKE_AUTH_KIND_EAP_TLS) && (!chain || !anchors))
		return reason_set(why, id,
		    "%s: EAP-TLS needs a certificate of ours, its key, and a trust anchor for the peer's",
		    c->name);
	return 0;
}

/* A certificate for us needs a key and must say what our local-id says; one of the peer's needs somebody to
 * trust. */
static int check_certificate(const struct ike_conn_config *c, struct reason *why)
{
	static const char id[] = "ike-bad-config";
	struct cert_info info = { 0 };
	struct cert *const *chain;
	char own[IKE_ID_MAX];
	unsigned n = 0;

	if (c->local_auth != IKE_AUTH_KIND_CERT && c->remote_auth != IKE_AUTH_KIND_CERT)
		return 0;
	if (!c->credentials)
		return reason_set(why, id, "%s: authentication by certificate, but there is none", c->name);
	credentials_anchors(c->credentials, &n);
	if (c->remote_auth == IKE_AUTH_KIND_CERT && !n)
		return reason_set(why, id,
		    "%s: the peer authenticates by certificate, but there is no trust anchor", c->name);
	chain = credentials_chain(c->credentials, &n);
	if (c->local_auth != IKE_AUTH_KIND_CERT)
		return 0;
	if (!n)
		return reason_set(
		    why, id, "%s: we authenticate by certificate, but there is no chain", c->name);
	if (c->local_id.type == IKE_ID_NONE || ike_identity_in_cert(&c->local_id, chain[0]))
		return 0;
	cert_info(chain[0], &info);
	return reason_set(why, "certificate-wrong-name",
	    "%s: local-id \"%.120s\" is not a name of our certificate \"%s\": neither its subject nor a "
	    "subjectAltName. Leave local-id out (the subject is taken then), or set it to a name of the "
	    "certificate.",
	    c->name, ike_identity_str(&c->local_id, own, sizeof(own)), info.subject);
}

static int check_auth(const struct ike_conn_config *c, struct reason *why)
{
	static const char id[] = "ike-bad-config";

	if (needs(c, IKE_AUTH_KIND_PSK) && !c->psk_len)
		return reason_set(why, id, "%s: the pre-shared key is empty", c->name);
	if (c->ppk.id[0] && !c->ppk.key_len)
		return reason_set(why, id, "%s: the PPK is empty", c->name);
	return check_eap(c, why) || check_certificate(c, why) ? -1 : 0;
}

static int check_config(const struct ike_conn_config *c, struct reason *why)
{
	static const char id[] = "ike-bad-config";

	if (!c->ike_proposals.n || c->ike_proposals.n > IKE_PROPOSALS_MAX)
		return reason_set(
		    why, id, "%s: 1 to %d IKE proposals are needed", c->name, IKE_PROPOSALS_MAX);
	if (!c->esp_proposals.n || c->esp_proposals.n > IKE_PROPOSALS_MAX)
		return reason_set(
		    why, id, "%s: 1 to %d ESP proposals are needed", c->name, IKE_PROPOSALS_MAX);
	if (check_auth(c, why))
		return -1;
	if (c->n_remote > IKE_REMOTES_MAX)
		return reason_set(why, id, "%s: at most %d remote addresses", c->name, IKE_REMOTES_MAX);
	if (!c->n_remote && c->role != IKE_ROLE_RESPOND)
		return reason_set(
		    why, id, "%s: without a remote address it can only respond (role respond)", c->name);
	if (!c->n_tsi || !c->n_tsr || c->n_tsi > IKE_TS_MAX || c->n_tsr > IKE_TS_MAX)
		return reason_set(
		    why, id, "%s: 1 to %d traffic selectors are needed on each side", c->name, IKE_TS_MAX);
	for (unsigned i = 0; i < c->n_remote; i++)
		if (!addr_is_none(&c->local) && c->remote[i].family != c->local.family)
			return reason_set(why, id,
			    "%s: local address %s and remote address %s are of different families", c->name,
			    addr_str(&c->local), addr_str(&c->remote[i]));
	for (unsigned i = 0; i < c->ike_proposals.n; i++)
		if (!c->ike_proposals.list[i].n_ke || !c->ike_proposals.list[i].n_prf)
			return reason_set(why, id, "%s: IKE proposal %u lacks a key exchange method or a PRF",
			    c->name, i + 1);
	return 0;
}

static void secrets_clear(struct ike_conn *conn)
{
	secret_clear(&conn->psk);
	secret_clear(&conn->eap_secret);
	secret_clear(&conn->eap_peer_secret);
	secret_clear(&conn->ppk);
	credentials_unref(conn->cred);
	conn->cred = NULL;
}

static int config_set(struct ike_conn *conn, const struct ike_conn_config *config, struct reason *why)
{
	struct secret psk = { 0 }, eap = { 0 }, peer = { 0 }, ppk = { 0 };
	struct credentials *cred;

	if (check_config(config, why))
		return -1;
	if (secret_set(&psk, config->psk, config->psk_len) ||
	    secret_set(&eap, config->eap.secret, config->eap.secret_len) ||
	    secret_set(&peer, config->eap.peer_secret, config->eap.peer_secret_len) ||
	    secret_set(&ppk, config->ppk.key, config->ppk.key_len)) {
		secret_clear(&psk);
		secret_clear(&eap);
		secret_clear(&peer);
		return reason_set(why, "ike-internal", "out of memory");
	}
	cred = credentials_ref(config->credentials);
	secrets_clear(conn);
	conn->psk = psk;
	conn->eap_secret = eap;
	conn->eap_peer_secret = peer;
	conn->ppk = ppk;
	conn->cfg = *config;
	conn->cfg.psk = conn->cfg.eap.secret = conn->cfg.eap.peer_secret = conn->cfg.ppk.key = NULL;
	conn->cfg.psk_len = conn->cfg.eap.secret_len = conn->cfg.eap.peer_secret_len = conn->cfg.ppk.key_len =
	    0;
	conn->cred = cred;
	conn->cfg.credentials = NULL;
	ike_choose_prepare(conn);
	if (ike_index_conn(conn))
		return reason_set(why, "ike-internal", "out of memory");
	return 0;
}

int ike_conn_add(
    struct ike *ike, uint32_t id, const struct ike_conn_config *config, struct reason *ret_reason)
{
	struct ike_conn *conn;

	if (!id || ike_conn_find(ike, id))
		return reason_set(ret_reason, "ike-bad-config", "connection number %u is zero or in use", id);
	conn = calloc(1, sizeof(*conn));
	if (!conn)
		return reason_set(ret_reason, "ike-internal", "out of memory");
	conn->ike = ike;
	conn->id = id;
	conn->order = ++ike->next_order;
	list_init(&conn->sas);
	list_init(&conn->crowd);
	list_init(&conn->draining);
	if (config_set(conn, config, ret_reason)) {
		secrets_clear(conn);
		free(conn);
		return -1;
	}
	conn->next_attempt = conn->up_at = MTIME_NEVER;
	conn->trial_at = conn->child_trial_at = conn->pfs_trial_at = MTIME_NEVER;
	list_append(&ike->conns, &conn->node);
	return 0;
}

int ike_conn_update(
    struct ike *ike, uint32_t id, const struct ike_conn_config *config, struct reason *ret_reason)
{
	struct ike_conn *conn = ike_conn_find(ike, id);

	if (!conn)
		return reason_set(ret_reason, "ike-bad-config", "there is no connection %u", id);
	if (config_set(conn, config, ret_reason))
		return -1;
	conn->pfs_trial_at = MTIME_NEVER;
	conn->trial_at = conn->child_trial_at =
	    MTIME_NEVER; /* what was tried before may say nothing of these proposals */
	list_for_each (&conn->sas, struct ike_sa, sa, node) /* how often it is probed may have changed */
		timerq_set(&ike->sa_timers, &sa->timer, ike_sa_deadline(sa));
	return 0;
}

void ike_conn_remove(struct ike *ike, uint32_t id)
{
	struct ike_conn *conn = ike_conn_find(ike, id);

	if (conn)
		ike_conn_free(conn);
}

void ike_conn_free(struct ike_conn *conn)
{
	list_for_each (&conn->sas, struct ike_sa, sa, node)
		ike_sa_free(sa);
	list_for_each (&conn->crowd, struct ike_sa, sa, node)
		ike_sa_free(sa);
	list_for_each (&conn->draining, struct ike_child, c, node)
		ike_child_free(c);
	ike_others_forget(conn);
	ike_unindex_conn(conn);
	timerq_remove(&conn->ike->conn_timers, &conn->timer);
	list_remove(&conn->touched);
	list_remove(&conn->node);
	secrets_clear(conn);
	free(conn);
}

/* Up, but the tries that it had are used up. */
static bool gave_up(const struct ike_conn *conn)
{
	return !conn->live && !conn->attempt && conn->phase == IKE_PHASE_DOWN &&
	       mtime_is_never(conn->next_attempt);
}

void ike_conn_up(struct ike *ike, uint32_t id, mtime now)
{
	struct ike_conn *conn = ike_conn_find(ike, id);

	if (!conn || (conn->up && !conn->listening && !gave_up(conn)))
		return;
	conn->up = true;
	conn->rehearsal_harms = conn->listening = false;
	conn->attempts = conn->rounds = conn->failures = conn->remote_index = 0;
	reason_clear(&conn->last_error);
	ike_others_forget(conn);
	ike_touch_conn(conn); /* its timer, also when there is no memory for an SA */
	ike_connect_now(conn, now);
	ike_run(ike, now);
}

void ike_conn_continues(struct ike *ike, uint32_t id, bool does)
{
	struct ike_conn *conn = ike_conn_find(ike, id);

	if (conn)
		conn->continues = does;
}

void ike_conn_listen(struct ike *ike, uint32_t id, mtime now)
{
	struct ike_conn *conn = ike_conn_find(ike, id);

	if (!conn)
		return;
	conn->up = conn->listening = true;
	if (conn->attempt && !conn->live)
		ike_sa_close(conn->attempt, true, NULL, now);
	if (!conn->live && !conn->attempt)
		ike_conn_phase(conn, IKE_PHASE_DOWN, NULL, MTIME_NEVER);
	conn->next_attempt = MTIME_NEVER;
	ike_run(ike, now);
}

/* Ends every SA of the conn. */
static void close_all(struct ike_conn *conn, bool tell, const struct reason *why, mtime now)
{
	/* Those that are not live first, so that no child is handed from one to the next on the way down. */
	struct ike_sa *live = conn->live ? conn->live->sa : NULL;

	ike_touch_conn(conn);
	list_for_each (&conn->crowd, struct ike_sa, sa, node)
		ike_sa_close(sa, tell, why, now);
	for (int pass = 0; pass < 2; pass++)
		list_for_each (&conn->sas, struct ike_sa, sa, node)
			if ((sa == live) == (pass == 1))
				ike_sa_close(sa, tell, why, now);
	ike_drain_flush(conn, now, true);
}

void ike_conn_down(struct ike *ike, uint32_t id, mtime now)
{
	struct ike_conn *conn = ike_conn_find(ike, id);

	if (!conn)
		return;
	conn->up = false;
	conn->next_attempt = MTIME_NEVER;
	close_all(conn, true, NULL, now);
	ike_conn_phase(conn, IKE_PHASE_DOWN, NULL, MTIME_NEVER);
	ike_run(ike, now);
}

void ike_conn_restart(struct ike *ike, uint32_t id, bool tell, const struct reason *why, mtime now)
{
	struct ike_conn *conn = ike_conn_find(ike, id);

	if (!conn || !conn->up)
		return;
	close_all(conn, tell, why, now);
	ike_conn_lost(conn, why, true, now);
	ike_run(ike, now);
}

int ike_conn_rekey_child(struct ike *ike, uint32_t id, mtime now)
{
	struct ike_conn *conn = ike_conn_find(ike, id);

	if (!conn || !conn->live)
		return -1;
	if (conn->live->state != IKE_CHILD_READY)
		return 0; /* a successor is on its way already */
	ike_child_want_rekey(conn->live, IKE_REKEY_COMMAND);
	ike_run(ike, now);
	return 0;
}

int ike_conn_rekey_ike(struct ike *ike, uint32_t id, mtime now)
{
	struct ike_conn *conn = ike_conn_find(ike, id);

	if (!conn || !conn->live || conn->live->sa->state != IKE_SA_ESTABLISHED)
		return -1;
	ike_touch_conn(conn);
	conn->live->sa->want_rekey = true;
	conn->live->sa->why_next = IKE_REKEY_COMMAND;
	ike_run(ike, now);
	return 0;
}

void ike_fact_inbound(struct ike *ike, uint32_t id, mtime at)
{
	struct ike_conn *conn = ike_conn_find(ike, id);

	if (conn && conn->live && conn->live->sa->proven)
		conn->live->sa->last_sign = mtime_max(conn->live->sa->last_sign, at);
}

void ike_fact_first_packet(struct ike *ike, uint32_t id, uint32_t spi_in, mtime now)
{
	struct ike_child *c = ike_child_any(ike, id, spi_in);

	if (!c || c->state != IKE_CHILD_READY || c->sa->state != IKE_SA_ESTABLISHED)
		return;
	ike_touch_sa(c->sa);
	c->sa->last_sign = mtime_max(c->sa->last_sign, now);
	c->sa->proven = c->seen = true;
	if (c != c->sa->conn->live && !c->sa->redundant)
		ike_child_activate(c, now);
	ike_run(ike, now);
}

/* 80 to 95 percent of the limit, by SPI: both ends seldom start together. */
static bool worn(uint64_t used, uint64_t limit, uint32_t spi_in)
{
	return limit && used >= limit / 100 * (80 + spi_in % 16);
}

void ike_fact_usage(struct ike *ike, uint32_t id, uint32_t spi_in, const struct ike_usage *u, mtime now)
{
	struct ike_conn *conn = ike_conn_find(ike, id);
	struct ike_child *c = conn ? ike_child_any(ike, id, spi_in) : NULL;
	struct ike_child *drained = conn && !c ? ike_drain_find(conn, spi_in) : NULL;
	bool bytes;

	if (drained)
		drained->last_in = u->last_in;
	if (!c || c->state != IKE_CHILD_READY || c->worn)
		return;
	bytes = worn(u->bytes, conn->cfg.child_life_bytes, spi_in);
	if (!bytes && !worn(u->packets, conn->cfg.child_life_packets, spi_in))
		return;
	c->worn = true;
	ike_child_want_rekey(c, bytes ? IKE_REKEY_BYTES : IKE_REKEY_PACKETS);
	ike_run(ike, now);
}

void ike_fact_seq_near_end(struct ike *ike, uint32_t id, uint32_t spi_out, mtime now)
{
	struct ike_conn *conn = ike_conn_find(ike, id);

	if (!conn || !conn->live || conn->live->spi_out != spi_out || conn->live->state != IKE_CHILD_READY)
		return;
	ike_child_want_rekey(conn->live, IKE_REKEY_SEQ);
	ike_run(ike, now);
}

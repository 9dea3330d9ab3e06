/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The choice of a connection: the one that fits best, and of equals the one that was configured first. Walks
 * the connections that serve the peer's address; at each of them it compares numbers.
 */
#include "ike/choose.h"

#include "ike/auth.h"
#include "ike/eap_session.h"
#include "ike/engine.h"
#include "ike/identity.h"

/* Would this conn have agreed to the suite of the SA? */
static bool agrees(const struct ike_conn *conn, const struct ike_suite *s)
{
	const struct ike_proposals *ours = &conn->cfg.ike_proposals;

	for (unsigned i = 0; i < ours->n; i++) {
		const struct ike_proposal *p = &ours->list[i];
		bool prf_ok = false, ke_ok = false;

		for (unsigned j = 0; j < p->n_prf; j++)
			prf_ok = prf_ok || p->prf[j] == s->prf;
		for (unsigned j = 0; j < p->n_ke; j++)
			ke_ok = ke_ok || p->ke[j] == s->ke;
		if (prf_ok && ke_ok && ike_proposal_has_encr(p, s) && ike_proposal_has_integ(p, s))
			return true;
	}
	return false;
}

void ike_choose_prepare(struct ike_conn *conn)
{
	struct ike_identity own;

	conn->remote_key = ike_identity_key(&conn->cfg.remote_id);
	conn->own_key = ike_fixed_identity(conn, &own) ? ike_identity_key(&own) : 0;
}

/* What a message says, and the numbers of it. */
struct wish {
	const struct ike_identity *idr;
	uint8_t method;
	uint32_t remote_key, own_key;
};

static struct wish wish_of(const struct ike_sa *sa, const struct ike_identity *idr, uint8_t method)
{
	return (struct wish){ .idr = idr,
		.method = method,
		.remote_key = ike_identity_key(&sa->remote_id),
		.own_key = ike_identity_key(idr) };
}

static bool is_its_peer(const struct ike_conn *conn, const struct ike_sa *sa, const struct wish *w)
{
	if (conn->cfg.remote_id.type == IKE_ID_NONE)
		return true;
	/* 0: memory was out when it was configured. */
	if (conn->remote_key && conn->remote_key != w->remote_key)
		return false;
	return ike_identity_eq(&conn->cfg.remote_id, &sa->remote_id);
}

static bool is_its_own(const struct ike_conn *conn, const struct ike_sa *sa, const struct wish *w)
{
	struct ike_identity own;

	if (w->idr->type == IKE_ID_NONE || (conn->own_key && conn->own_key != w->own_key))
		return false;
	own = ike_own_identity(conn, sa);
	return ike_identity_eq(w->idr, &own);
}

/* How well a conn fits: by its address, the kind of proof, and what it says of identities. 0: not at all. */
static unsigned score(const struct ike_conn *conn, const struct ike_sa *sa, const struct wish *w)
{
	unsigned s = 1;

	if (!ike_conn_serves(conn, &sa->local.addr, &sa->remote.addr) || !is_its_peer(conn, sa, w) ||
	    !agrees(conn, &sa->suite))
		return 0;
	if (ike_auth_method_fits(conn->cfg.remote_auth, w->method))
		s += 16;
	if (conn->cfg.remote_id.type != IKE_ID_NONE)
		s += 8;
	if (conn->cfg.n_remote)
		s += 4;
	if (is_its_own(conn, sa, w))
		s += 2;
	return s;
}

typedef bool is_for_fn(const struct ike_eap *e, const struct ike_conn *conn);

/* The best, of those that is_for says it may be (NULL: of all). */
static struct ike_conn *best_of(const struct ike_sa *sa, const struct wish *w, is_for_fn *is_for)
{
	struct ike_conn *best = NULL;
	unsigned best_score = 0;

	for (struct ike_conn *conn = NULL; (conn = ike_conn_for(sa->ike, &sa->remote.addr, conn));) {
		unsigned s = is_for && !is_for(sa->auth->eap, conn) ? 0 : score(conn, sa, w);

		if (s > best_score || (s && s == best_score && conn->order < best->order)) {
			best = conn;
			best_score = s;
		}
	}
	return best;
}

struct ike_conn *ike_choose_conn(const struct ike_sa *sa, const struct ike_identity *idr, uint8_t method)
{
	struct wish w = wish_of(sa, idr, method);

	return best_of(sa, &w, NULL);
}

/* Is it this conn's peer, by its certificate? Only a conn that trusts whoever vouched for that may say so. */
static bool certified_for(const struct ike_eap *e, const struct ike_conn *conn)
{
	return conn->cfg.remote_auth == IKE_AUTH_KIND_EAP_TLS && ike_eap_trusted_by(e, conn) &&
	       ike_eap_certified(e, conn->cfg.eap.peer_user);
}

static bool named_for(const struct ike_eap *e, const struct ike_conn *conn)
{
	return ike_auth_is_eap(conn->cfg.remote_auth) &&
	       eap_name_is(conn->cfg.eap.peer_user, ike_eap_name(e));
}

/* A conn that this client may be of: as good as the one that was guessed, by address, suite and identity. */
static struct ike_conn *of_client(const struct ike_sa *sa, is_for_fn *is_for)
{
	struct ike_identity any = { 0 };
	struct wish w = wish_of(sa, &any, 0);

	return best_of(sa, &w, is_for);
}

struct ike_conn *ike_choose_by_name(const struct ike_sa *sa)
{
	return of_client(sa, named_for);
}

struct ike_conn *ike_choose_by_certificate(const struct ike_sa *sa)
{
	return of_client(sa, certified_for);
}

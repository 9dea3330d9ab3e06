/* SPDX-License-Identifier: Apache-2.0 */
/* Operational state as copies (ike_conn_view). */
#include "ike/engine.h"
#include "ike/others.h"
#include "ike/ts.h"

#include <string.h>

static const struct ike_sa *current(const struct ike_conn *conn)
{
	if (conn->live)
		return conn->live->sa;
	list_for_each (&conn->sas, struct ike_sa, sa, node)
		if (sa->state == IKE_SA_ESTABLISHED)
			return sa;
	return NULL;
}

/* Less than was asked for, in a family that passes at all? */
static bool less(const struct ike_ts *asked, unsigned n_asked, const struct ike_ts *got, unsigned n_got)
{
	for (unsigned i = 0; i < n_asked; i++)
		for (unsigned j = 0; j < n_got; j++)
			if (got[j].first.family == asked[i].first.family &&
			    !ike_ts_all_within(&asked[i], 1, got, n_got))
				return true;
	return false;
}

static void view_child(const struct ike_child *c, struct ike_conn_view *v)
{
	struct ike_proposal p = ike_suite_proposal(&c->suite, true);
	const struct ike_conn_config *cfg = &c->conn->cfg;

	v->have_child = true;
	v->child_spi_in = c->spi_in;
	v->child_spi_out = c->spi_out;
	ike_proposal_str(&p, true, v->esp_proposal, sizeof(v->esp_proposal));
	v->child_since = c->since;
	v->child_rekey_at = c->rekey_at;
	v->udp_encap = c->in.udp_encap;
	memcpy(v->ts_local, c->in.ts_local, sizeof(v->ts_local));
	memcpy(v->ts_remote, c->in.ts_remote, sizeof(v->ts_remote));
	v->n_ts_local = c->in.n_ts_local;
	v->n_ts_remote = c->in.n_ts_remote;
	v->ts_narrowed = less(cfg->tsi, cfg->n_tsi, v->ts_local, v->n_ts_local) ||
	                 less(cfg->tsr, cfg->n_tsr, v->ts_remote, v->n_ts_remote);
}

int ike_conn_view(const struct ike *ike, uint32_t id, struct ike_conn_view *ret_view)
{
	const struct ike_conn *conn = ike_conn_find(ike, id);
	const struct ike_sa *sa;
	struct ike_conn_view *v = ret_view;

	if (!conn)
		return -1;
	*v = (struct ike_conn_view){ .phase = conn->phase,
		.ike_rekeys = conn->ike_rekeys,
		.child_rekeys = conn->child_rekeys,
		.last_error = ike_others_stand(conn) ? conn->others->why : conn->last_error,
		.attempts = conn->attempts,
		.next_attempt = conn->next_attempt,
		.ike_rekey_at = MTIME_NEVER,
		.child_rekey_at = MTIME_NEVER };
	if (conn->others) {
		v->refused = conn->others->n;
		v->refused_why = conn->others->why;
	}
	sa = current(conn);
	if (sa) {
		struct ike_proposal p = ike_suite_proposal(&sa->suite, false);

		v->have_ike = true;
		v->initiator = sa->initiator;
		v->spi_i = sa->spi_i;
		v->spi_r = sa->spi_r;
		ike_proposal_str(&p, false, v->ike_proposal, sizeof(v->ike_proposal));
		v->ike_since = sa->established;
		v->ike_rekey_at = sa->rekey_at;
		v->nat_local = sa->nat_local;
		v->fragmentation = sa->fragmentation;
		v->mobike = sa->mobike.on;
		v->ppk = sa->ppk;
		v->nat_remote = sa->nat_remote;
		v->local = sa->local;
		v->remote = sa->remote;
		v->remote_id = sa->remote_id;
	} else if (conn->attempt) {
		v->local = conn->attempt->local;
		v->remote = conn->attempt->remote;
	}
	if (conn->live)
		view_child(conn->live, v);
	return 0;
}

unsigned ike_pending(const struct ike *ike)
{
	return ike->n_sas[IKE_SA_CLOSING];
}

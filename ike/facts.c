/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collecting the facts that a diagnosis is made of (diagnose.h). What the SA itself shows is read off it when
 * it is asked for; only what would be lost is noted on the way. Nothing here decides anything.
 */
#include "ike/engine.h"

#include "ike/offer_str.h"
#include "ike/others.h"
#include "ike/ts.h"

#include <stdio.h>
#include <string.h>

static void note(struct ike_facts *f, uint16_t type)
{
	for (unsigned i = 0; i < f->n_notify; i++)
		if (f->notify[i] == type)
			return;
	if (f->n_notify < IKE_FACT_NOTIFIES)
		f->notify[f->n_notify++] = type;
}

void ike_facts_notifies(struct ike_sa *sa, const struct ike_payloads *p)
{
	struct ike_facts *f = &sa->facts;

	for (unsigned i = 0; i < p->n_notify; i++) {
		const struct ike_notify *n = &p->notify[i];
		struct rd r = rd_init(n->data.data, n->data.len);

		if (n->type == IKE_N_COOKIE)
			f->cookie = true;
		else if (n->type == IKE_N_MS_STATUS && n->data.len >= sizeof(uint32_t))
			f->ms_status = rd_u32(&r);
		if (n->type < IKE_N_ERROR_LIMIT)
			note(f, n->type);
	}
}

void ike_facts_peer_ts(struct ike_sa *sa, const struct ike_ts_list *theirs, const struct ike_ts_list *ours)
{
	char a[70], b[70];

	snprintf(sa->facts.peer_ts, sizeof(sa->facts.peer_ts), "%s to %s",
	    ike_ts_str(theirs->list, theirs->n, a, sizeof(a)), ike_ts_str(ours->list, ours->n, b, sizeof(b)));
}

struct ike_facts ike_facts_of(const struct ike_sa *sa, mtime now)
{
	struct ike_facts f = sa->facts;

	f.any = true;
	f.initiator = sa->origin.created.ns ? sa->origin.by_us : sa->initiator;
	f.local = sa->local;
	f.remote = sa->remote;
	f.init_done = sa->keys.seal.ctx != NULL;
	f.suite = sa->suite;
	f.natt = sa->natt;
	f.nat_local = sa->nat_local;
	f.nat_remote = sa->nat_remote;
	f.peer_id = sa->remote_id;
	f.ppk = sa->auth && sa->auth->ppk_mixed;
	list_for_each (&sa->children, struct ike_child, c, node)
		f.child = true;
	if (!mtime_is_never(sa->established))
		f.lived = mtime_since(now, sa->established);
	return f;
}

void ike_facts_keep(struct ike_sa *sa, const struct reason *why, mtime now)
{
	struct ike_conn *conn = sa->conn;

	if (!conn || !why)
		return;
	if (conn->others)
		conn->others->newer = false;
	conn->failure = ike_facts_of(sa, now);
	snprintf(conn->failure.why, sizeof(conn->failure.why), "%s", why->id);
}

void ike_facts_offer(
    struct ike_facts *f, const struct ike_proposals *ours, const struct ike_offer *offer, bool with_ke)
{
	ike_offer_str(offer, f->peer_offer, sizeof(f->peer_offer));
	ike_offer_differs(ours, offer, with_ke, f->differs, sizeof(f->differs));
}

struct ike_facts ike_facts_stranger(const struct ike_conn *conn, const struct endpoint *local,
    const struct endpoint *remote, const struct ike_offer *offer)
{
	struct ike_facts f = { .any = true, .local = *local, .remote = *remote };

	ike_facts_offer(&f, &conn->cfg.ike_proposals, offer, true);
	return f;
}

static void undelivered(
    struct ike_conn *conn, const struct endpoint *remote, uint64_t spi_i, enum ike_undelivered why)
{
	list_for_each (&conn->sas, struct ike_sa, sa, node) {
		struct ike_facts *f = &sa->facts;

		/* Who does not see our packets does not know the SPI: with it, a forgery takes some effort.
		 */
		if (sa->state != IKE_SA_INITIATING || !endpoint_eq(&sa->remote, remote) ||
		    (spi_i && spi_i != sa->spi_i))
			continue;
		f->undelivered = why;
		f->undelivered_port = remote->port;
		f->n_undelivered++;
	}
}

void ike_fact_undelivered(
    struct ike *ike, const struct endpoint *remote, uint64_t spi_i, enum ike_undelivered why)
{
	for (struct ike_conn *conn = NULL; (conn = ike_conn_for(ike, &remote->addr, conn));)
		undelivered(conn, remote, spi_i, why);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operational state: read-only views of peers and RIBs. A table of any size is read in pieces; the query
 * itself says where the last piece ended, by prefix and peer, so nothing is pinned between two calls and
 * nothing is missed of what stayed. One call looks at a bounded number of destinations, even when none of
 * them has anything to show.
 */
#include "bgp/core.h"

#include <stdio.h>
#include <string.h>

#define SCAN_MAX 2000 /* destinations in one call */

static void view_restart(const struct peer *p, const struct session *s, struct bgp_session_view *v)
{
	const struct graceful *g = &p->graceful;
	mtime until = g->holding ? mtime_min(g->restart_by, g->stale_by) : g->stale_by;

	for (int f = 0; f < BGP_N_FAMILIES; f++) {
		v->stale[f] = p->stale[f].stale;
		if (!g->holding && mtime_is_never(until))
			until = mtime_min(until, p->stale[f].refresh_by);
	}
	v->holding = g->holding;
	if (!mtime_is_never(until) && v->stale[0] + v->stale[1])
		v->stale_left = mtime_since(until, p->bgp->now);
	if (!s)
		return;
	v->restart.said = s->theirs.caps.end_of_rib;
	v->restart.notification = s->terms.notification_restart;
	v->restart.restarted = s->theirs.caps.restart.restarting;
	v->restart.time = mdur_s(s->theirs.caps.restart.time);
	for (int f = 0; f < BGP_N_FAMILIES; f++) {
		v->restart.family[f] = s->theirs.caps.restart.family[f];
		v->restart.forwarding[f] = s->theirs.caps.restart.forwarding[f];
	}
}

static void view_session(const struct session *s, struct bgp_session_view *v)
{
	const struct keepalive_gaps *g = &s->gaps;

	v->enhanced_refresh = s->terms.enhanced_refresh;
	v->extended_messages = s->terms.extended_messages;
	v->send_hold = fsm_send_hold(s);
	v->gap.n = g->n;
	v->gap.min = g->min;
	v->gap.max = g->max;
	v->gap.mean = (mdur){ g->n ? g->sum.ns / g->n : 0 };
}

int bgp_peer_view(const struct bgp *bgp, uint32_t peer, struct bgp_peer_view *ret_view)
{
	const struct peer *p = peer_find(bgp, peer);
	const struct session *s;

	if (!p)
		return -1;
	*ret_view = (struct bgp_peer_view){
		.state = p->state,
		.since = p->since,
		.received = p->received,
		.accepted = p->accepted,
		.advertised = p->out.advertised,
		.established_count = p->established_count,
		.last_error = p->last_error,
		.last_message_in = p->last_message_in,
		.eor_in = { p->eor_in[BGP_IPV4], p->eor_in[BGP_IPV6] },
	};
	memcpy(ret_view->msg_in, p->msg_in, sizeof(p->msg_in));
	memcpy(ret_view->msg_out, p->msg_out, sizeof(p->msg_out));
	s = peer_session(p, SESSION_ESTABLISHED);
	if (!s)
		s = peer_session(p, SESSION_OPENCONFIRM);
	view_restart(p, s, &ret_view->session);
	if (!s)
		return 0;
	view_session(s, &ret_view->session);
	ret_view->remote_as = open_as(&s->theirs);
	ret_view->remote_router_id = s->theirs.router_id;
	ret_view->hold_time = s->hold;
	ret_view->keepalive = s->keepalive;
	ret_view->four_octet_as = s->terms.four_octet_as;
	ret_view->route_refresh = s->terms.route_refresh;
	ret_view->ipv4 = s->terms.family[BGP_IPV4];
	ret_view->ipv6 = s->terms.family[BGP_IPV6];
	return 0;
}

/* --- rows --- */
struct rows {
	const struct bgp *bgp;
	const struct bgp_route_query *q;
	struct bgp_route_view *out;
	size_t n, max;
	uint32_t after_peer; /* only rows of later peers, where `skip` */
	bool skip;
	bool full;
};

static bool row_wanted(const struct rows *r, uint32_t peer, const struct attr_set *set)
{
	return !(r->skip && peer <= r->after_peer) && (!r->q->peer || peer == r->q->peer) &&
	       view_filter(&r->q->filter, &set->a);
}

/* The next row, for this peer and with these attributes; NULL when it is not wanted, or there is no room. */
static struct bgp_route_view *row(
    struct rows *r, const struct dest *d, uint32_t peer, const struct attr_set *set)
{
	struct bgp_route_view *v;

	if (r->full || !row_wanted(r, peer, set))
		return NULL;
	if (r->n == r->max) {
		r->full = true;
		return NULL;
	}
	v = &r->out[r->n++];
	memset(v, 0, sizeof(*v));
	v->prefix = d->prefix;
	v->peer = peer;
	view_fill_attrs(v, &set->a);
	return v;
}

/* Why an accepted route is or is not in use. */
static void decision_text(
    const struct candidate *c, const struct route *best, unsigned ways, char *buf, size_t cap)
{
	if (c->step == DECIDE_BEST)
		snprintf(buf, cap, "best path%s", ways > 1 ? ", shared with equal ones" : "");
	else if (c->step == DECIDE_MULTIPATH || !best)
		snprintf(buf, cap, "%s", decide_step_text(c->step));
	else
		snprintf(
		    buf, cap, "not used: %s than %.96s", decide_step_text(c->step), best->peer->config.name);
	if (c->step == DECIDE_EXTERNAL && best)
		snprintf(
		    buf, cap, "not used: learned over iBGP, and %.80s over eBGP", best->peer->config.name);
}

static void announced_row(struct rows *r, const struct dest *d)
{
	struct bgp_route_view *v = d->announced ? row(r, d, 0, r->bgp->local_set) : NULL;

	if (!v)
		return;
	v->best = true;
	snprintf(v->reason, sizeof(v->reason), "announced by ourselves");
}

/* Policy's work shows in what is used, not in what was received. */
static struct attr_set *shown_set(const struct rows *r, const struct route *rt)
{
	return r->q->rib == BGP_RIB_BEST ? rt->attrs : attr_set_received(rt->attrs);
}

/* Before the decision is made again for its words, which is what costs. */
static bool any_learned(const struct rows *r, const struct dest *d, bool accepted, bool refused)
{
	for (const struct route *rt = d->routes; rt; rt = rt->next)
		if ((rt->refusal == REFUSE_NONE ? accepted : refused) &&
		    row_wanted(r, rt->peer->id, shown_set(r, rt)))
			return true;
	return false;
}

/* Accepted routes where `accepted`, refused ones where `refused`. */
static void learned_rows(struct rows *r, const struct dest *d, bool accepted, bool refused)
{
	struct candidate c[DECIDE_MAX];
	const struct route *route[DECIDE_MAX];
	unsigned ways, n, next = 0;

	if (!any_learned(r, d, accepted, refused))
		return;
	n = dest_candidates(r->bgp, d, c, route, &ways);
	for (const struct route *rt = d->routes; rt && !r->full; rt = rt->next) {
		bool ok = rt->refusal == REFUSE_NONE;
		const struct candidate *cand = ok && next < n ? &c[next++] : NULL;
		struct bgp_route_view *v =
		    (ok ? accepted : refused) ? row(r, d, rt->peer->id, shown_set(r, rt)) : NULL;

		if (!v)
			continue;
		v->best = rt->in_use;
		if (cand)
			decision_text(cand, d->best, ways, v->reason, sizeof(v->reason));
		else
			refusal_text(rt, v->reason, sizeof(v->reason));
	}
}

static void advertised_rows(struct rows *r, const struct dest *d)
{
	for (const struct out_entry *e = d->outs; e && !r->full; e = e->next) {
		struct bgp_route_view *v = e->sent ? row(r, d, e->peer->id, e->sent) : NULL;

		if (!v)
			continue;
		v->best = true;
		if (d->announced)
			snprintf(v->reason, sizeof(v->reason), "announced by ourselves");
		else if (d->best)
			snprintf(v->reason, sizeof(v->reason), "learned from %s", d->best->peer->config.name);
		else
			snprintf(v->reason, sizeof(v->reason), "gone; the withdrawal waits to be sent");
	}
}

static void withheld_rows(struct rows *r, const struct dest *d)
{
	const struct attr_set *set = d->announced ? r->bgp->local_set : d->best ? d->best->attrs : NULL;

	if (!set)
		return;
	list_for_each (&r->bgp->peers, const struct peer, p, node) {
		enum verdict verdict = p->state == BGP_ESTABLISHED ? export_judge(p, d) : EXPORT_OK;
		struct bgp_route_view *v = verdict != EXPORT_OK ? row(r, d, p->id, set) : NULL;
		char why[170];

		if (!v)
			continue;
		v->best = true;
		verdict_text(verdict, p, d, why, sizeof(why));
		snprintf(v->reason, sizeof(v->reason), "not announced: %s (%.24s)", why,
		    d->announced ? "our own" : d->best->peer->config.name);
	}
}

static void dest_rows(struct rows *r, const struct dest *d)
{
	switch (r->q->rib) {
	case BGP_RIB_BEST:
		announced_row(r, d);
		learned_rows(r, d, true, false);
		break;
	case BGP_RIB_RECEIVED: learned_rows(r, d, true, true); break;
	case BGP_RIB_REJECTED: learned_rows(r, d, false, true); break;
	case BGP_RIB_ADVERTISED: advertised_rows(r, d); break;
	case BGP_RIB_WITHHELD: withheld_rows(r, d); break;
	}
}

/* The first destination of the walk; where the last call stopped inside one, that one again. */
static bool first_dest(
    const struct bgp *bgp, const struct bgp_route_query *q, struct prefix *ret_prefix, void **ret_dest)
{
	if (q->started)
		return ptrie_from(bgp->dests, &q->after, ret_prefix, ret_dest);
	if (q->within.addr.family)
		return ptrie_from(bgp->dests, &q->within, ret_prefix, ret_dest);
	return ptrie_first(bgp->dests, ret_prefix, ret_dest);
}

static bool inside(const struct bgp_route_query *q, const struct prefix *p)
{
	if (!q->within.addr.family)
		return true;
	return q->exact ? prefix_eq(&q->within, p) : prefix_contains(&q->within, p);
}

/* From the longest prefix with this address to ever shorter ones, until one has a row; its rows are all there
 * are. */
static size_t covering_rows(struct rows *r, struct bgp_route_query *query)
{
	struct prefix p = query->started ? query->after : prefix_host(&query->covering);
	void *v = query->started ? ptrie_get(r->bgp->dests, &p) : ptrie_covering(r->bgp->dests, &p, &p);

	r->skip = query->started;
	r->after_peer = query->after_peer;
	while (v) {
		dest_rows(r, v);
		if (r->n || query->started || p.len == 0)
			break;
		p.len--;
		p = prefix_canonical(p);
		v = ptrie_covering(r->bgp->dests, &p, &p);
	}
	query->done = !r->full;
	if (r->n) {
		query->started = true;
		query->after = p;
		query->after_peer = r->out[r->n - 1].peer;
	}
	return r->n;
}

size_t bgp_routes(
    const struct bgp *bgp, struct bgp_route_query *query, struct bgp_route_view *out, size_t max)
{
	struct rows r = { .bgp = bgp, .q = query, .out = out, .max = max };
	struct prefix p;
	void *v;
	unsigned scanned = 0;
	bool more;

	if (query->covering.family)
		return query->done ? 0 : covering_rows(&r, query);
	more = !query->done && first_dest(bgp, query, &p, &v);
	while (more && inside(query, &p) && !r.full) {
		r.skip = query->started && prefix_eq(&p, &query->after);
		r.after_peer = query->after_peer;
		dest_rows(&r, v);
		if (r.full)
			break;
		query->started = true;
		query->after = p;
		query->after_peer = UINT32_MAX; /* all of it seen */
		if (++scanned >= SCAN_MAX)
			return r.n;
		more = ptrie_after(bgp->dests, &p, &p, &v);
	}
	if (!r.full) {
		query->done = true;
	} else if (r.n) {
		query->started = true;
		query->after = out[r.n - 1].prefix;
		query->after_peer = out[r.n - 1].peer;
	}
	return r.n;
}

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
		v->our_restart.family[f] = s->said.family[f];
		v->our_restart.forwarding[f] = s->said.forwarding[f];
	}
	v->our_restart.said = !p->without_caps;
	v->our_restart.restarted = s->said.restarting;
	v->our_restart.time = mdur_s(s->said.time);
}

static void view_session(const struct session *s, struct bgp_session_view *v)
{
	const struct keepalive_gaps *g = &s->gaps;

	v->enhanced_refresh = s->terms.enhanced_refresh;
	v->extended_messages = s->terms.extended_messages;
	v->peer_role = s->theirs.caps.have_role && s->theirs.caps.role <= BGP_ROLE_CODE_PEER
	                   ? (enum bgp_role)(s->theirs.caps.role + 1)
	                   : BGP_ROLE_NONE;
	v->send_hold = fsm_send_hold(s);
	v->gap.n = g->n;
	v->gap.min = g->min;
	v->gap.max = g->max;
	v->gap.mean = (mdur){ g->n ? g->sum.ns / g->n : 0 };
}

static void view_tables(const struct peer *p, const struct session *s, struct bgp_tables_view *v)
{
	v->waiting = p->out.waiting;
	v->paths_refused = p->paths.n;
	v->route_bytes = p->received * sizeof(struct route);
	v->advertised_bytes = p->out.advertised * sizeof(struct told);
	v->waiting_bytes = p->out.waiting * sizeof(struct pend);
	for (unsigned i = 0; i < 2; i++)
		if (p->session[i])
			v->session_bytes +=
			    sizeof(struct session) + (p->session[i]->extended ? BGP_EXTENDED_MAX : 0);
	for (int f = 0; s && f < BGP_N_FAMILIES; f++)
		if (s->terms.path_ids_in[f])
			v->paths += p->stale[f].received;
	v->unfinished = s ? s->in_len : 0;
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
		.held_back = limit_out_held(p),
		.established_count = p->established_count,
		.last_error = p->last_error,
		.last_message_in = p->last_message_in,
		.eor_in = { p->eor_in[BGP_IPV4], p->eor_in[BGP_IPV6] },
	};
	damping_view(p, &ret_view->damping);
	memcpy(ret_view->prefix_in, p->prefix_in, sizeof(p->prefix_in));
	memcpy(ret_view->prefix_out, p->prefix_out, sizeof(p->prefix_out));
	memcpy(ret_view->msg_in, p->msg_in, sizeof(p->msg_in));
	memcpy(ret_view->msg_out, p->msg_out, sizeof(p->msg_out));
	s = peer_session(p, SESSION_ESTABLISHED);
	if (!s)
		s = peer_session(p, SESSION_OPENCONFIRM);
	view_restart(p, s, &ret_view->session);
	view_tables(p, s, &ret_view->tables);
	if (!s)
		return 0;
	view_session(s, &ret_view->session);
	ret_view->remote_as = open_as(&s->theirs);
	ret_view->remote_router_id = s->theirs.router_id;
	ret_view->hold_time = s->hold;
	ret_view->keepalive = s->keepalive;
	ret_view->four_octet_as = s->terms.four_octet_as;
	ret_view->route_refresh = s->terms.route_refresh;
	memcpy(ret_view->path_ids_in, s->terms.path_ids_in, sizeof(ret_view->path_ids_in));
	ret_view->add_path_receive = s->terms.path_ids_in[BGP_IPV4] || s->terms.path_ids_in[BGP_IPV6];
	ret_view->ipv4 = s->terms.family[BGP_IPV4];
	ret_view->ipv6 = s->terms.family[BGP_IPV6];
	return 0;
}

void bgp_memory(const struct bgp *bgp, struct bgp_memory *ret_memory)
{
	const struct htab *sets = &bgp->sets.table, *ways = &bgp->ways.table;

	*ret_memory = (struct bgp_memory){
		.prefixes = ptab_count(bgp->dests),
		.routes = bgp->routes.count,
		.attribute_sets = sets->count,
		.prefix_bytes = slab_bytes(&bgp->dests4) + slab_bytes(&bgp->dests6) + ptab_bytes(bgp->dests),
		.route_bytes = slab_bytes(&bgp->routes),
		.advertised_bytes = slab_bytes(&bgp->tolds) + slab_bytes(&bgp->pends),
		.attribute_bytes = bgp->sets.bytes + (bgp->sets.ids.cap + sets->n_buckets) * sizeof(void *),
		.way_bytes = bgp->ways.bytes + (bgp->ways.ids.cap + ways->n_buckets) * sizeof(void *),
	};
}

const struct attrs *bgp_route_used(
    const struct bgp *bgp, uint32_t peer, const struct prefix *p, uint32_t path_id)
{
	const struct dest *d = dest_find(bgp, p);

	for (const struct route *r = d ? route_at(bgp, d->routes) : NULL; r; r = route_at(bgp, r->next))
		if (r->path_id == path_id && stale_counts(bgp, d, r) && route_peer(bgp, r)->id == peer)
			return r->refusal == REFUSE_NONE ? &route_attrs(bgp, r)->a : NULL;
	return NULL;
}

uint64_t bgp_judged_anew(const struct bgp *bgp)
{
	return bgp->judged_anew;
}

/* --- rows --- */
struct rows {
	const struct bgp *bgp;
	const struct bgp_route_query *q;
	struct bgp_route_view *out;
	size_t n, max;
	uint32_t after_peer, after_path; /* only rows of later peers and paths, where `skip` */
	bool skip;
	bool full;
};

static bool row_wanted(const struct rows *r, uint32_t peer, uint32_t path_id, const struct attr_set *set)
{
	bool seen = peer < r->after_peer || (peer == r->after_peer && path_id <= r->after_path);

	return !(r->skip && seen) && (!r->q->peer || peer == r->q->peer) &&
	       view_filter(&r->q->filter, &set->a);
}

/* The next row, for this peer and with these attributes; NULL when it is not wanted, or there is no room. */
static struct bgp_route_view *row(
    struct rows *r, const struct dest *d, uint32_t peer, uint32_t path_id, const struct attr_set *set)
{
	struct bgp_route_view *v;

	if (r->full || !row_wanted(r, peer, path_id, set))
		return NULL;
	if (r->n == r->max) {
		r->full = true;
		return NULL;
	}
	v = &r->out[r->n++];
	memset(v, 0, sizeof(*v));
	v->prefix = dest_prefix(d);
	v->peer = peer;
	v->path_id = path_id;
	view_fill_attrs(v, &set->a);
	return v;
}

/* Why an accepted route is or is not in use. */
static void decision_text(const struct candidate *c, const char *best, unsigned ways, char *buf, size_t cap)
{
	if (c->step == DECIDE_BEST)
		snprintf(buf, cap, "best path%s", ways > 1 ? ", shared with equal ones" : "");
	else if (c->step == DECIDE_MULTIPATH || !best)
		snprintf(buf, cap, "%s", decide_step_text(c->step));
	else
		snprintf(buf, cap, "not used: %s than %.96s", decide_step_text(c->step), best);
	if (c->step == DECIDE_EXTERNAL && best)
		snprintf(buf, cap, "not used: learned over iBGP, and %.80s over eBGP", best);
}

static void announced_row(struct rows *r, const struct dest *d)
{
	struct prefix p = dest_prefix(d);
	struct attr_set *set = d->announced ? network_set(r->bgp, &p) : NULL;
	struct bgp_route_view *v = set ? row(r, d, 0, 0, set) : NULL;

	if (!v)
		return;
	v->best = true;
	snprintf(v->reason, sizeof(v->reason), "announced by ourselves");
}

/* Policy's work shows in what is used, not in what was received. */
static struct attr_set *shown_set(const struct rows *r, const struct route *rt)
{
	struct attr_set *set = route_attrs(r->bgp, rt);

	return r->q->rib == BGP_RIB_BEST ? set : attr_set_received(set);
}

static bool learned_wanted(
    const struct rows *r, const struct dest *d, const struct route *rt, bool accepted, bool refused)
{
	return (rt->refusal == REFUSE_NONE ? accepted : refused) && stale_counts(r->bgp, d, rt) &&
	       row_wanted(r, route_peer(r->bgp, rt)->id, rt->path_id, shown_set(r, rt));
}

/* Before the decision is made again for its words, which is what costs. */
static bool any_learned(const struct rows *r, const struct dest *d, bool accepted, bool refused)
{
	for (const struct route *rt = route_at(r->bgp, d->routes); rt; rt = route_at(r->bgp, rt->next))
		if (learned_wanted(r, d, rt, accepted, refused))
			return true;
	return false;
}

/* Who taught the best of the candidates in the room. */
static const char *best_name(const struct bgp *bgp, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (bgp->choice->candidate[i].step == DECIDE_BEST)
			return route_peer(bgp, bgp->choice->route[i])->config.name;
	return NULL;
}

static const struct candidate *candidate_of(const struct bgp *bgp, const struct route *rt, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (bgp->choice->route[i] == rt)
			return &bgp->choice->candidate[i];
	return NULL;
}

/* And which rule let it in, where there is import policy. */
static void accepted_text(const struct bgp *bgp, const struct dest *d, const struct route *rt,
    const struct candidate *c, const char *best, unsigned ways, struct bgp_route_view *v)
{
	const struct peer *p = route_peer(bgp, rt);
	const struct prefix prefix = dest_prefix(d);
	struct policy_result result;
	size_t n;

	decision_text(c, best, ways, v->reason, sizeof(v->reason));
	n = strlen(v->reason);
	if (!p->config.policy.import.n || n + 3 >= sizeof(v->reason))
		return;
	import_policy(p, &prefix, &attr_set_received(route_attrs(bgp, rt))->a, &result);
	memcpy(v->reason + n, "; ", 3);
	policy_result_text(&p->config.policy.import, &result, v->reason + n + 2, sizeof(v->reason) - n - 2);
}

/* Accepted routes where `accepted`, refused ones where `refused`. */
static void learned_rows(struct rows *r, const struct dest *d, bool accepted, bool refused)
{
	const struct bgp *bgp = r->bgp;
	const char *best;
	unsigned ways, n;

	if (!any_learned(r, d, accepted, refused))
		return;
	n = dest_candidates(bgp, d, &ways);
	best = best_name(bgp, n);
	for (const struct route *rt = route_at(bgp, d->routes); rt && !r->full;
	     rt = route_at(bgp, rt->next)) {
		const struct candidate *c = candidate_of(bgp, rt, n);
		struct bgp_route_view *v;

		if (!learned_wanted(r, d, rt, accepted, refused))
			continue;
		v = row(r, d, route_peer(bgp, rt)->id, rt->path_id, shown_set(r, rt));
		if (!v)
			continue;
		v->best = c && (c->step == DECIDE_BEST || c->step == DECIDE_MULTIPATH);
		v->malformed = rt->refusal == REFUSE_MALFORMED;
		v->stale = stale_is(bgp, d, rt);
		v->used = rt->refusal == REFUSE_NONE ? &route_attrs(bgp, rt)->a : NULL;
		if (c)
			accepted_text(bgp, d, rt, c, best, ways, v);
		else
			refusal_text(bgp, d, rt, v->reason, sizeof(v->reason));
	}
}

static void advertised_rows(struct rows *r, const struct dest *d)
{
	const struct bgp *bgp = r->bgp;
	struct loc_route route;

	for (const struct told *t = rib_out_first(bgp, d); t && !r->full; t = rib_out_next(bgp, t)) {
		struct bgp_route_view *v =
		    row(r, d, bgp->slot[t->slot]->id, 0, attr_set_at(&bgp->sets, t->set));

		if (!v)
			continue;
		dest_view_route(bgp, d, &route);
		v->best = true;
		if (d->announced)
			snprintf(v->reason, sizeof(v->reason), "announced by ourselves");
		else if (route.from)
			snprintf(v->reason, sizeof(v->reason), "learned from %s", route.from->config.name);
		else
			snprintf(v->reason, sizeof(v->reason), "gone; the withdrawal waits to be sent");
	}
}

static enum verdict told_or_not(const struct peer *p, const struct loc_route *route)
{
	enum verdict v = p->state == BGP_ESTABLISHED ? export_judge(p, route) : EXPORT_OK;

	return v == EXPORT_OK && limit_out_holds(p, &route->prefix) ? EXPORT_LIMIT : v;
}

static void withheld_rows(struct rows *r, const struct dest *d)
{
	struct loc_route route;

	dest_view_route(r->bgp, d, &route);
	if (!route.attrs)
		return;
	list_for_each (&r->bgp->peers, const struct peer, p, node) {
		enum verdict verdict = told_or_not(p, &route);
		struct bgp_route_view *v = verdict != EXPORT_OK ? row(r, d, p->id, 0, route.attrs) : NULL;
		char why[170];

		if (!v)
			continue;
		v->best = true;
		verdict_text(verdict, p, &route, why, sizeof(why));
		snprintf(v->reason, sizeof(v->reason), "not announced: %s (%.24s)", why,
		    route.from ? route.from->config.name : "our own");
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
static bool first_dest(const struct bgp *bgp, const struct bgp_route_query *q, struct dest **ret_dest)
{
	return dest_from(bgp, q->started ? &q->after : &q->within, ret_dest);
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
	const struct dest *d = query->started ? dest_find(r->bgp, &p) : dest_covering(r->bgp, &p);

	r->skip = query->started;
	r->after_peer = query->after_peer;
	r->after_path = query->after_path;
	while (d) {
		p = dest_prefix(d);
		dest_rows(r, d);
		if (r->n || query->started || p.len == 0)
			break;
		p.len--;
		p = prefix_canonical(p);
		d = dest_covering(r->bgp, &p);
	}
	query->done = !r->full;
	if (r->n) {
		query->started = true;
		query->after = p;
		query->after_peer = r->out[r->n - 1].peer;
		query->after_path = r->out[r->n - 1].path_id;
	}
	return r->n;
}

size_t bgp_routes(
    const struct bgp *bgp, struct bgp_route_query *query, struct bgp_route_view *out, size_t max)
{
	struct rows r = { .bgp = bgp, .q = query, .out = out, .max = max };
	struct prefix p;
	struct dest *d;
	unsigned scanned = 0;
	bool more;

	if (query->covering.family)
		return query->done ? 0 : covering_rows(&r, query);
	more = !query->done && first_dest(bgp, query, &d);
	while (more && !r.full) {
		p = dest_prefix(d);
		if (!inside(query, &p))
			break;
		r.skip = query->started && prefix_eq(&p, &query->after);
		r.after_peer = query->after_peer;
		r.after_path = query->after_path;
		dest_rows(&r, d);
		if (r.full)
			break;
		query->started = true;
		query->after = p;
		query->after_peer = query->after_path = UINT32_MAX; /* all of it seen */
		if (++scanned >= SCAN_MAX)
			return r.n;
		more = dest_after(bgp, &p, &d);
	}
	if (!r.full) {
		query->done = true;
	} else if (r.n) {
		query->started = true;
		query->after = out[r.n - 1].prefix;
		query->after_peer = out[r.n - 1].peer;
		query->after_path = out[r.n - 1].path_id;
	}
	return r.n;
}

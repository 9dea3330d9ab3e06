/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adj-RIB-In: what each peer told us, accepted or refused, and what an UPDATE does to it (RFC 4271 9, RFC
 * 7606). The decision for a prefix is made in the same call that changed its routes: so when a call returns,
 * Loc-RIB is what the routes say. What follows from it for other peers is left to rib_out.c and its budget,
 * and what concerns all routes of a peer to sweep.c's.
 *
 * A route that was to be treated as withdrawn stays as a refused one, without use, so that people can see
 * why.
 */
#include "bgp/core.h"
#include "bgp/nlri.h"

#include <stdlib.h>
#include <string.h>

#define REFUSED_MIN 1000 /* refused routes that are kept however low max_prefixes is */
#define JUDGE_UNITS 4    /* of a budget: what judging a destination anew costs */

/* --- one route --- */
/* Also one that is gone, until the sweep takes it. */
static struct route *route_find(const struct dest *d, const struct peer *p, uint32_t path_id)
{
	struct route *r = route_at(p->bgp, d->routes);

	while (r && (r->slot != p->slot || r->path_id != path_id))
		r = route_at(p->bgp, r->next);
	return r;
}

static bool before(const struct bgp *bgp, const struct route *a, const struct peer *p, uint32_t path_id)
{
	uint32_t id = route_peer(bgp, a)->id;

	return id != p->id ? id < p->id : a->path_id < path_id;
}

static struct route *route_insert(struct dest *d, struct peer *p, uint32_t path_id)
{
	uint32_t id = slab_new(&p->bgp->routes), *link = &d->routes;
	struct route *r = route_at(p->bgp, id);

	if (!r)
		return NULL;
	while (*link && before(p->bgp, route_at(p->bgp, *link), p, path_id))
		link = &route_at(p->bgp, *link)->next;
	r->next = *link;
	*link = id;
	r->slot = p->slot;
	r->path_id = path_id;
	return r;
}

/* Out of its dest; decides nothing. */
static void unlink_route(struct bgp *bgp, struct dest *d, uint32_t *link)
{
	uint32_t id = *link;
	struct route *r = route_at(bgp, id);

	*link = r->next;
	stale_route_gone(route_peer(bgp, r), dest_family(d), r);
	attr_set_put(&bgp->sets, route_attrs(bgp, r));
	slab_del(&bgp->routes, id);
}

/* --- flaps (damping.c) --- */
/* Was it in use, or would have been if it didn't flap? Only that is counted. */
static bool counts_as_flap(const struct dest *d, const struct peer *p, const struct route *r)
{
	return p->config.damping.on && stale_counts(p->bgp, d, r) &&
	       (r->refusal == REFUSE_NONE || r->refusal == REFUSE_DAMPED);
}

static void rejudge_dest(struct bgp *bgp, struct dest *d);

/* Its other paths share the penalty. */
static void flap(struct peer *p, struct dest *d, const struct prefix *prefix, uint32_t path_id, enum flap f)
{
	if (damping_flap(p, prefix, f) && path_id)
		rejudge_dest(p->bgp, d);
}

static void flap_if_changed(
    struct peer *p, struct dest *d, const struct prefix *prefix, uint32_t path_id, struct attr_set *set)
{
	const struct route *r = route_find(d, p, path_id);

	if (r && counts_as_flap(d, p, r) &&
	    attr_set_received(route_attrs(p->bgp, r)) != attr_set_received(set))
		flap(p, d, prefix, path_id, FLAP_CHANGED);
}

static void withdraw(struct peer *p, const struct prefix *prefix, uint32_t path_id)
{
	struct dest *d = dest_find(p->bgp, prefix);
	struct route *r = d ? route_find(d, p, path_id) : NULL;
	uint32_t *link;
	bool counted, best, flaps;

	p->prefix_in[1]++;
	if (!r)
		return;
	flaps = counts_as_flap(d, p, r);
	counted = r->refusal == REFUSE_NONE;
	best = r->best;
	if (path_id)
		paths_leaves(p->bgp, d, p);
	for (link = &d->routes; route_at(p->bgp, *link) != r;)
		link = &route_at(p->bgp, *link)->next;
	unlink_route(p->bgp, d, link);
	if (counted)
		dest_decide(p->bgp, d, best);
	if (flaps)
		flap(p, d, prefix, path_id, FLAP_WITHDRAWN);
	dest_gc(p->bgp, d);
}

/* A path that is one too many of the peer's for this prefix, or of all peers' for what a decision looks at.
 * It is not stored: paths.c.
 */
static bool too_many(const struct bgp *bgp, const struct dest *d, const struct peer *p, uint32_t path_id)
{
	unsigned all = 0, of_peer = 0;

	if (!path_id)
		return false;
	for (const struct route *r = route_at(bgp, d->routes); r; r = route_at(bgp, r->next)) {
		if (!stale_counts(bgp, d, r))
			continue;
		if (r->slot == p->slot && r->path_id == path_id)
			return false;
		all++;
		of_peer += r->slot == p->slot;
	}
	return of_peer >= BGP_PATHS_MAX || all >= DECIDE_MAX - BGP_PEERS_MAX;
}

/* One that is gone and still there is a new one now. Says whether it was a candidate, as far as decided. */
static struct route *route_get(struct dest *d, struct peer *p, uint32_t path_id, bool *ret_was)
{
	struct route *r = route_find(d, p, path_id);

	*ret_was = r && r->refusal == REFUSE_NONE;
	if (r && stale_counts(p->bgp, d, r)) {
		stale_route_told(p, dest_family(d), r);
		return r;
	}
	if (!r)
		r = route_insert(d, p, path_id);
	if (!r)
		return NULL;
	r->refusal = REFUSE_MALFORMED; /* not counted as accepted until judged */
	stale_route_new(p, dest_family(d), r);
	return r;
}

/* Takes no reference of the caller's. -1 when memory is out. */
static int learn(struct peer *p, const struct prefix *prefix, uint32_t path_id, struct attr_set *set,
    enum refusal refusal, uint8_t detail)
{
	struct bgp *bgp = p->bgp;
	struct dest *d = dest_get(bgp, prefix);
	bool candidate = false;
	struct attr_set *was;
	struct route *r;

	p->prefix_in[0]++;
	if (d && too_many(bgp, d, p, path_id)) {
		paths_refuse(p);
		return 0;
	}
	if (d && p->config.damping.on)
		flap_if_changed(p, d, prefix, path_id, set);
	r = d ? route_get(d, p, path_id, &candidate) : NULL;
	if (!r) {
		if (d)
			dest_gc(bgp, d);
		return -1;
	}
	if (refusal == REFUSE_NONE && damping_suppresses(p, prefix))
		refusal = REFUSE_DAMPED;
	if (refusal == REFUSE_NONE && r->refusal != REFUSE_NONE && limit_in_full(p))
		refusal = REFUSE_LIMIT;
	was = route_attrs(bgp, r);
	if (was == set && r->refusal == (uint8_t)refusal && r->detail == detail &&
	    candidate == (refusal == REFUSE_NONE))
		return 0;
	r->set = attr_set_ref(set)->id;
	attr_set_put(&bgp->sets, was);
	stale_route_judged(p, dest_family(d), r, refusal);
	r->detail = detail;
	if (candidate || refusal == REFUSE_NONE)
		dest_decide(bgp, d, r->best);
	return 0;
}

/* --- judging anew --- */
/* Returns whether to decide. */
static bool rejudge(struct bgp *bgp, struct dest *d, struct route *r)
{
	enum refusal now, was = (enum refusal)r->refusal;
	struct attr_set *before = route_attrs(bgp, r), *after;
	struct peer *p = route_peer(bgp, r);
	struct prefix prefix = dest_prefix(d);
	bool changed;

	if (was == REFUSE_MALFORMED)
		return false;
	now = import_apply(p, &prefix, attr_set_received(before), NULL, &after);
	if (now == REFUSE_NONE && damping_suppresses(p, &prefix))
		now = REFUSE_DAMPED;
	if (now == REFUSE_NONE && was != REFUSE_NONE && limit_in_full(p))
		now = REFUSE_LIMIT;
	changed = (was == REFUSE_NONE || now == REFUSE_NONE) && (now != was || after != before);
	bgp->judged_anew += changed;
	r->set = after->id;
	stale_route_judged(p, dest_family(d), r, now);
	attr_set_put(&bgp->sets, before);
	return changed;
}

void rib_in_rejudge_peer(struct peer *p, enum rejudge how)
{
	if (p->rejudge < how)
		p->rejudge = how & 3;
	sweep_start(p->bgp);
}

static void rejudge_dest(struct bgp *bgp, struct dest *d)
{
	bool decide = false;

	for (struct route *r = route_at(bgp, d->routes); r; r = route_at(bgp, r->next))
		if (stale_counts(bgp, d, r))
			decide |= rejudge(bgp, d, r);
	if (decide)
		dest_decide(bgp, d, true);
}

void rib_in_rejudge_dest(struct bgp *bgp, const struct prefix *p)
{
	struct dest *d = dest_find(bgp, p);

	if (d)
		rejudge_dest(bgp, d);
}

/* In this call, as far as the budget goes; else all of the table is left to the sweep. */
void rib_in_rejudge_inside(struct bgp *bgp, const struct prefix *p)
{
	unsigned *budget = &bgp->sweep.at_once;
	struct dest *d;
	struct prefix at = *p;

	for (bool more = dest_from(bgp, p, &d); more; more = dest_after(bgp, &at, &d)) {
		at = dest_prefix(d);
		if (!prefix_contains(p, &at))
			return;
		if (*budget < JUDGE_UNITS) {
			bgp->sweep.rejudge = true;
			sweep_start(bgp);
			return;
		}
		*budget -= JUDGE_UNITS;
		rejudge_dest(bgp, d);
		if (p->len == 0) /* a default claims nothing but itself */
			return;
	}
}

void rib_in_flush(struct peer *p, int family)
{
	for (int f = 0; f < BGP_N_FAMILIES; f++)
		if (family < 0 || f == family)
			stale_flush(p, (enum bgp_family)f);
}

/* Of a route that stays. */
static bool sweep_route(struct bgp *bgp, struct dest *d, struct route *r, bool all)
{
	const struct peer *p = route_peer(bgp, r);
	bool decide = p->rejudging == REJUDGE_DECISION && r->refusal == REFUSE_NONE;

	if (all || p->rejudging != REJUDGE_NOT)
		decide |= rejudge(bgp, d, r);
	return decide;
}

bool rib_in_sweep(struct bgp *bgp, struct dest *d, bool all)
{
	uint32_t *link = &d->routes;
	bool decide = false;

	while (*link) {
		struct route *r = route_at(bgp, *link);

		if (!stale_counts(bgp, d, r)) {
			decide |= r->in_use || r->refusal == REFUSE_NONE; /* it may have been the backup */
			unlink_route(bgp, d, link);
			continue;
		}
		decide |= sweep_route(bgp, d, r, all);
		link = &r->next;
	}
	return decide;
}

void rib_in_clear(struct bgp *bgp, struct dest *d)
{
	while (d->routes)
		unlink_route(bgp, d, &d->routes);
}

/* --- an UPDATE --- */
static void withdraw_list(struct peer *p, struct rd list, enum bgp_family family, bool path_ids)
{
	uint8_t af = family == BGP_IPV4 ? 4 : 6;
	struct prefix prefix;
	uint32_t id;

	while (nlri_next_path(&list, af, path_ids, &prefix, &id) > 0)
		withdraw(p, &prefix, id);
}

static int learn_list(struct peer *p, struct rd list, enum bgp_family family, bool path_ids,
    const struct attrs *a, const struct attr_faults *f)
{
	uint8_t af = family == BGP_IPV4 ? 4 : 6;
	struct attr_set *set = attr_set_get(&p->bgp->sets, a);
	struct import_memo memo = { 0 };
	struct prefix prefix;
	uint32_t id;
	int result = set ? 0 : -1;

	while (result == 0 && nlri_next_path(&list, af, path_ids, &prefix, &id) > 0) {
		struct attr_set *used = set;
		enum refusal refusal = REFUSE_MALFORMED;

		if (f->withdraw == FAULT_NONE)
			refusal = import_apply(p, &prefix, set, &memo, &used);
		result = learn(
		    p, &prefix, id, used, refusal, refusal == REFUSE_MALFORMED ? (uint8_t)f->withdraw : 0);
		if (f->withdraw == FAULT_NONE)
			attr_set_put(&p->bgp->sets, used);
	}
	attr_set_put(&p->bgp->sets, memo.used);
	attr_set_put(&p->bgp->sets, set);
	return result;
}

static void report_faults(struct session *s, const struct attr_faults *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		const struct fault_info *info = fault_info(f->list[i].fault);

		if (!session_may_report(s))
			return;
		act_report(s->peer, info->reaction >= REACT_WITHDRAW, "bgp-update-fault",
		    "%s: UPDATE with %s%s%s: %s (%s)", s->peer->config.name, info->text,
		    f->list[i].type ? ", attribute " : "", f->list[i].type ? attr_name(f->list[i].type) : "",
		    reaction_name(info->reaction), info->rfc);
	}
}

/* RFC 4271 6.3: with most errors goes the attribute they are in, whole; with a broken list nothing does. */
static void reset(struct session *s, struct rd body, const struct attr_faults *f)
{
	const struct fault_info *info = fault_info(f->first_worst);
	struct rd attr = rd_init("", 0);
	struct notify n = { 0 };

	if (f->first_type && info->subcode != BGP_UPDATE_ATTR_LIST && info->subcode != BGP_UPDATE_NETWORK)
		attr = update_find_attr(body, f->first_type);
	notify_set(&n, BGP_ERR_UPDATE, info->subcode, attr.p, rd_left(&attr), "%s: UPDATE with %s (%s)",
	    s->peer->config.name, info->text, info->rfc);
	fsm_session(s, FSM_ERROR, &(struct fsm_fact){ .notify = &n });
}

static void disable_families(struct session *s, const struct attr_faults *f)
{
	for (int i = 0; i < BGP_N_FAMILIES; i++) {
		if (!f->disable[i] || s->disabled[i])
			continue;
		s->disabled[i] = true;
		rib_in_flush(s->peer, i);
	}
}

static bool wanted(const struct session *s, enum bgp_family family)
{
	return s->terms.family[family] && !s->disabled[family];
}

static int apply(struct session *s, struct update *u)
{
	const bool *path_ids = s->terms.path_ids_in;
	struct peer *p = s->peer;
	const struct attr_view *v = &u->a;
	struct attrs a = v->attrs;
	int result = 0;

	if (wanted(s, BGP_IPV4))
		withdraw_list(p, u->withdrawn, BGP_IPV4, path_ids[BGP_IPV4]);
	if (v->unreach.known && wanted(s, v->unreach.family))
		withdraw_list(p, v->unreach.prefixes, v->unreach.family, path_ids[v->unreach.family]);
	if (u->n_nlri && wanted(s, BGP_IPV4))
		result = learn_list(p, u->nlri, BGP_IPV4, path_ids[BGP_IPV4], &a, &v->faults);
	if (result == 0 && v->reach.n && v->reach.known && wanted(s, v->reach.family)) {
		a.nexthop = v->mp_nexthop;
		result = learn_list(
		    p, v->reach.prefixes, v->reach.family, path_ids[v->reach.family], &a, &v->faults);
	}
	return result;
}

static void cease(struct session *s, uint8_t subcode, const char *id, const char *text)
{
	struct notify n = { .code = BGP_ERR_CEASE, .subcode = subcode };
	bool v4 = s->terms.family[BGP_IPV4], v6 = s->terms.family[BGP_IPV6];

	/* The limit is one for both families; of one alone the peer is told what it is. */
	if (subcode == BGP_CEASE_MAX_PREFIXES && s->peer->config.max_prefixes && v4 != v6)
		notify_prefix_limit(&n, v4 ? BGP_IPV4 : BGP_IPV6, s->peer->config.max_prefixes);
	reason_set(&n.why, id, "%s: %s", s->peer->config.name, text);
	fsm_session(s, FSM_ERROR, &(struct fsm_fact){ .notify = &n });
}

/* Refused routes are kept for people to see, but no more than may be accepted: their attributes are as long.
 */
static uint32_t received_max(const struct peer *p)
{
	uint32_t max = p->config.max_prefixes;

	return max && max < (BGP_RECEIVED_MAX - REFUSED_MIN) / 2 ? 2 * max + REFUSED_MIN : BGP_RECEIVED_MAX;
}

void rib_in_check_limits(struct peer *p)
{
	struct session *s = peer_session(p, SESSION_ESTABLISHED);

	if (!s)
		return;
	if (limit_in_check(p))
		cease(s, BGP_CEASE_MAX_PREFIXES, "bgp-max-prefixes",
		    "more prefixes than max-prefixes allows; the peer is left alone for "
		    "max-prefixes-restart");
	else if (p->received > received_max(p))
		cease(s, BGP_CEASE_MAX_PREFIXES, "bgp-max-prefixes",
		    "more prefixes, most of them refused, than are kept; the peer is left alone for "
		    "max-prefixes-restart");
}

void rib_in_update(struct session *s, struct rd body)
{
	struct bgp *bgp = s->peer->bgp;
	struct update *u = bgp->update;
	struct attr_context ctx = { .four_octet = s->terms.four_octet_as,
		.internal = peer_internal(s->peer) };

	memcpy(ctx.family, s->terms.family, sizeof(ctx.family));
	memcpy(ctx.path_ids, s->terms.path_ids_in, sizeof(ctx.path_ids));
	update_parse(body, &ctx, bgp->scratch, u);
	report_faults(s, &u->a.faults);
	if (u->a.faults.worst == REACT_RESET) {
		reset(s, body, &u->a.faults);
		return;
	}
	disable_families(s, &u->a.faults);
	if (u->end_of_rib) {
		s->peer->eor_in[u->eor_family] = true;
		graceful_eor(s, u->eor_family);
		act_eor(s->peer, u->eor_family);
		restarting_look(bgp);
		return;
	}
	if (apply(s, u) < 0)
		cease(s, BGP_CEASE_RESOURCES, "bgp-out-of-memory", "no memory for the peer's routes");
	else
		rib_in_check_limits(s->peer);
}

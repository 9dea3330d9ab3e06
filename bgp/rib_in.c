/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adj-RIB-In: what each peer told us, accepted or refused, and what an UPDATE does to it (RFC 4271 9, RFC
 * 7606). The decision for a prefix is made in the same call that changed its routes: so when a call returns,
 * Loc-RIB is what the routes say. What follows from it for other peers is left to rib_out.c and its budget.
 *
 * A route that was to be treated as withdrawn stays as a refused one, without use, so that people can see
 * why.
 */
#include "bgp/core.h"
#include "bgp/nlri.h"

#include <stdlib.h>
#include <string.h>

#define REFUSED_MIN 1000 /* refused routes that are kept however low max_prefixes is */

/* --- one route --- */
static struct route *route_find(const struct dest *d, const struct peer *p)
{
	struct route *r = d->routes;

	while (r && r->peer->id < p->id)
		r = r->next;
	return r && r->peer == p ? r : NULL;
}

static struct route *route_insert(struct dest *d, struct peer *p)
{
	struct route *r = calloc(1, sizeof(*r)), **link = &d->routes;

	if (!r)
		return NULL;
	while (*link && (*link)->peer->id < p->id)
		link = &(*link)->next;
	r->next = *link;
	*link = r;
	r->dest = d;
	r->peer = p;
	list_append(&p->routes, &r->by_peer);
	p->received++;
	stale_route_new(r);
	return r;
}

void route_free(struct route *r)
{
	struct route **link = &r->dest->routes;

	while (*link != r)
		link = &(*link)->next;
	*link = r->next;
	if (r->dest->best == r)
		r->dest->best = NULL;
	list_remove(&r->by_peer);
	r->peer->received--;
	stale_route_gone(r);
	if (r->refusal == REFUSE_NONE)
		r->peer->accepted--;
	attr_set_put(&r->peer->bgp->sets, r->attrs);
	free(r);
}

static void withdraw(struct peer *p, const struct prefix *prefix)
{
	struct dest *d = dest_find(p->bgp, prefix);
	struct route *r = d ? route_find(d, p) : NULL;
	bool was;

	if (!r)
		return;
	was = r->refusal == REFUSE_NONE;
	route_free(r);
	if (was)
		dest_decide(p->bgp, d);
	dest_gc(p->bgp, d);
}

static void set_refusal(struct route *r, enum refusal refusal, uint8_t detail)
{
	if (r->refusal == REFUSE_NONE && refusal != REFUSE_NONE)
		r->peer->accepted--;
	else if (r->refusal != REFUSE_NONE && refusal == REFUSE_NONE)
		r->peer->accepted++;
	r->refusal = (uint8_t)refusal;
	r->detail = detail;
}

/* Takes no reference of the caller's. -1 when memory is out. */
static int learn(
    struct peer *p, const struct prefix *prefix, struct attr_set *set, enum refusal refusal, uint8_t detail)
{
	struct dest *d = dest_get(p->bgp, prefix);
	struct route *r = d ? route_find(d, p) : NULL;
	bool was;

	if (!d)
		return -1;
	if (!r) {
		r = route_insert(d, p);
		if (!r) {
			dest_gc(p->bgp, d);
			return -1;
		}
		r->refusal = REFUSE_MALFORMED; /* not counted as accepted until judged */
	}
	stale_route_told(r);
	was = r->refusal == REFUSE_NONE;
	if (r->attrs == set && r->refusal == refusal && r->detail == detail)
		return 0;
	attr_set_put(&p->bgp->sets, r->attrs);
	r->attrs = attr_set_ref(set);
	set_refusal(r, refusal, detail);
	if (was || refusal == REFUSE_NONE)
		dest_decide(p->bgp, d);
	return 0;
}

static void rejudge(struct route *r)
{
	enum refusal now, was = r->refusal;
	struct attr_set *attrs, *before = r->attrs;

	if (was == REFUSE_MALFORMED)
		return;
	now = import_apply(r->peer, &r->dest->prefix, attr_set_received(before), &attrs);
	r->attrs = attrs;
	if (now != was)
		set_refusal(r, now, 0);
	if ((was == REFUSE_NONE || now == REFUSE_NONE) && (now != was || attrs != before))
		dest_decide(r->peer->bgp, r->dest);
	attr_set_put(&r->peer->bgp->sets, before);
}

void rib_in_rejudge_peer(struct peer *p)
{
	list_for_each (&p->routes, struct route, r, by_peer)
		rejudge(r);
}

static void rejudge_dest(struct dest *d)
{
	for (struct route *r = d->routes; r; r = r->next)
		rejudge(r);
}

void rib_in_rejudge_inside(struct bgp *bgp, const struct prefix *p)
{
	struct prefix at;
	void *v;

	for (bool more = ptrie_from(bgp->dests, p, &at, &v); more && prefix_contains(p, &at);
	     more = ptrie_after(bgp->dests, &at, &at, &v)) {
		rejudge_dest(v);
		if (p->len == 0) /* a default claims nothing but itself */
			break;
	}
}

void rib_in_flush(struct peer *p, int family)
{
	list_for_each (&p->routes, struct route, r, by_peer) {
		struct dest *d = r->dest;
		bool was = r->refusal == REFUSE_NONE;

		if (family >= 0 && d->prefix.addr.family != (family == BGP_IPV4 ? 4 : 6))
			continue;
		route_free(r);
		if (was)
			dest_decide(p->bgp, d);
		dest_gc(p->bgp, d);
	}
}

void rib_in_sweep(struct peer *p, struct dest *d, uint8_t to)
{
	struct route *r = route_find(d, p);
	bool was = r && r->refusal == REFUSE_NONE;

	if (!r || !stale_before(r->round, to))
		return;
	route_free(r);
	if (was)
		dest_decide(p->bgp, d);
	dest_gc(p->bgp, d);
}

/* --- an UPDATE --- */
static void withdraw_list(struct peer *p, struct rd list, uint8_t family)
{
	struct prefix prefix;

	while (nlri_next(&list, family, &prefix) > 0)
		withdraw(p, &prefix);
}

static int learn_list(
    struct peer *p, struct rd list, uint8_t family, const struct attrs *a, const struct attr_faults *f)
{
	struct attr_set *set = attr_set_get(&p->bgp->sets, a);
	struct prefix prefix;
	int result = set ? 0 : -1;

	while (result == 0 && nlri_next(&list, family, &prefix) > 0) {
		struct attr_set *used = set;
		enum refusal refusal = REFUSE_MALFORMED;

		if (f->withdraw == FAULT_NONE)
			refusal = import_apply(p, &prefix, set, &used);
		result =
		    learn(p, &prefix, used, refusal, refusal == REFUSE_MALFORMED ? (uint8_t)f->withdraw : 0);
		if (f->withdraw == FAULT_NONE)
			attr_set_put(&p->bgp->sets, used);
	}
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
	struct peer *p = s->peer;
	const struct attr_view *v = &u->a;
	struct attrs a = v->attrs;
	int result = 0;

	if (wanted(s, BGP_IPV4))
		withdraw_list(p, u->withdrawn, 4);
	if (v->unreach.known && wanted(s, v->unreach.family))
		withdraw_list(p, v->unreach.prefixes, v->unreach.family == BGP_IPV4 ? 4 : 6);
	if (u->n_nlri && wanted(s, BGP_IPV4))
		result = learn_list(p, u->nlri, 4, &a, &v->faults);
	if (result == 0 && v->reach.n && v->reach.known && wanted(s, v->reach.family)) {
		a.nexthop = v->mp_nexthop;
		result =
		    learn_list(p, v->reach.prefixes, v->reach.family == BGP_IPV4 ? 4 : 6, &a, &v->faults);
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

static void check_limits(struct session *s)
{
	const struct peer *p = s->peer;

	if (p->config.max_prefixes && p->accepted > p->config.max_prefixes)
		cease(s, BGP_CEASE_MAX_PREFIXES, "bgp-max-prefixes",
		    "more prefixes than max-prefixes allows; the peer is left alone for five minutes");
	else if (p->received > received_max(p))
		cease(s, BGP_CEASE_MAX_PREFIXES, "bgp-max-prefixes",
		    "more prefixes, most of them refused, than are kept; the peer is left alone for five "
		    "minutes");
}

void rib_in_update(struct session *s, struct rd body)
{
	struct bgp *bgp = s->peer->bgp;
	struct update *u = bgp->update;
	struct attr_context ctx = { .four_octet = s->terms.four_octet_as,
		.internal = peer_internal(s->peer) };

	memcpy(ctx.family, s->terms.family, sizeof(ctx.family));
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
		return;
	}
	if (apply(s, u) < 0)
		cease(s, BGP_CEASE_RESOURCES, "bgp-out-of-memory", "no memory for the peer's routes");
	else
		check_limits(s);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregates (RFC 4271 9.2.2.2): a prefix of our own that stands on routes inside it, its parts. Parts are
 * our announced networks and the best routes of peers; not those that carry NO_EXPORT or NO_ADVERTISE, which
 * an aggregate must not undo.
 *
 * No safety rule is undone either: a peer is told an aggregate only if some part could be told to it, so an
 * aggregate of what one site taught us is not told to a site. That needs only the peers that parts come from,
 * not the parts.
 *
 * When something inside changes, the parts are counted anew: one walk by budget, then not again for a time
 * that grows with what it had to look at. The merged attributes: the worst ORIGIN; with as-set all AS numbers
 * in one AS_SET, else none; ATOMIC_AGGREGATE where that leaves something out; AGGREGATOR; all communities, as
 * far as there is room. A part's MED means nothing for the whole. Where a part is Only to Customer (RFC
 * 9234), so is the whole, with the part's AS if all such parts agree, else ours: who may not hear the part
 * may not hear it under a shorter name.
 */
#include "bgp/core.h"

#include <stdlib.h>
#include <string.h>

#define AGGREGATES_MAX  256
#define OTC_ROOM        16
#define SET_MAX         255 /* AS numbers of a segment */
#define COMMUNITIES_MAX 64
#define BYTES_PER_UNIT  8  /* two AS numbers or communities */
#define PARTS_PER_MS    10 /* looked at for each millisecond until the next count */

struct merge { /* what the parts say together */
	bool own, atomic, as_cut, otc;
	uint32_t otc_as;
	uint8_t origin;
	uint32_t from[BGP_PEERS_MAX]; /* peers that parts come from, by id */
	unsigned n_from;
	uint32_t as[SET_MAX], community[COMMUNITIES_MAX];
	unsigned n_as, n_community;
};

struct aggregate {
	struct bgp_aggregate config; /* policies are references */
	struct attr_set *set;        /* NULL: not there */
	struct merge m;
	bool dirty;
	mtime not_before;
	bool keep; /* mark of a new configuration */
};

struct aggregation {              /* of a speaker */
	struct ptrie *all;        /* prefix -> struct aggregate */
	struct aggregate *counts; /* whose parts are being counted; NULL: none */
	struct prefix after;
	uint32_t looked_at;
	struct merge m;
	bool dirty; /* some are */
};

/* --- sorted sets of numbers --- */
static bool insert(uint32_t list[], unsigned *n, unsigned max, uint32_t v)
{
	unsigned i = *n;

	while (i && list[i - 1] > v)
		i--;
	if (i && list[i - 1] == v)
		return true;
	if (*n == max)
		return false;
	memmove(&list[i + 1], &list[i], (*n - i) * sizeof(list[0]));
	list[i] = v;
	++*n;
	return true;
}

/* --- parts --- */
static bool stays_here(const struct attrs *a)
{
	struct rd r = rd_init(a->communities.p, a->communities.len);

	while (rd_left(&r)) {
		uint32_t c = rd_u32(&r);

		if (c == BGP_COMM_NO_EXPORT || c == BGP_COMM_NO_ADVERTISE ||
		    c == BGP_COMM_NO_EXPORT_SUBCONFED)
			return true;
	}
	return false;
}

static void merge_otc(const struct bgp *bgp, struct merge *m, const struct attrs *a)
{
	uint32_t as;

	if (!role_otc(a, &as))
		return;
	m->otc_as = m->otc && m->otc_as != as ? bgp->config.as : as;
	m->otc = true;
}

/* Of a budget: what the numbers in it cost to sort in. */
static unsigned merge_cost(const struct attrs *a)
{
	return (unsigned)((a->as_path.len + a->communities.len) / BYTES_PER_UNIT);
}

static void merge_attrs(struct merge *m, const struct attrs *a)
{
	struct rd r = rd_init(a->as_path.p, a->as_path.len),
	          c = rd_init(a->communities.p, a->communities.len);

	m->origin = a->origin > m->origin ? a->origin : m->origin;
	m->atomic |= a->atomic_aggregate;
	while (rd_left(&r)) {
		struct rd numbers;

		(void)rd_u8(&r);
		numbers = rd_sub(&r, (size_t)rd_u8(&r) * 4);
		while (rd_left(&numbers))
			m->as_cut |= !insert(m->as, &m->n_as, SET_MAX, rd_u32(&numbers));
	}
	while (rd_left(&c))
		(void)insert(m->community, &m->n_community, COMMUNITIES_MAX, rd_u32(&c));
}

/* Returns what it cost beside a look. */
static unsigned merge_part(struct bgp *bgp, struct merge *m, const struct dest *d)
{
	struct loc_route r;

	dest_view_route(bgp, d, &r);
	if (!r.attrs || stays_here(&r.attrs->a) || (r.announced && !ptrie_get(bgp->announced, &r.prefix)))
		return 0; /* the last: an aggregate in the aggregate, whose parts count by themselves */
	if (r.announced)
		m->own = true;
	else
		(void)insert(m->from, &m->n_from, BGP_PEERS_MAX, r.from->id);
	merge_attrs(m, &r.attrs->a);
	merge_otc(bgp, m, &r.attrs->a);
	return merge_cost(&r.attrs->a);
}

/* --- what comes of it --- */
static struct attr_set *merged_set(struct bgp *bgp, const struct aggregate *g, const struct merge *m)
{
	uint8_t path[2 + 4 * SET_MAX], communities[4 * COMMUNITIES_MAX], otc[OTC_ROOM];
	struct wr o = wr_init(otc, sizeof(otc));
	struct wr p = wr_init(path, sizeof(path)), c = wr_init(communities, sizeof(communities));
	bool as_set = g->config.as_set && m->n_as && !m->as_cut, refused;
	struct attrs a = { .origin = m->origin,
		.atomic_aggregate = m->atomic || (m->n_as && !as_set),
		.have_aggregator = true,
		.aggregator_as = bgp->config.as,
		.aggregator_id = bgp->config.router_id };

	if (!m->own && !m->n_from)
		return NULL;
	if (as_set) {
		wr_u8(&p, BGP_AS_SET);
		wr_u8(&p, (uint8_t)m->n_as);
		for (unsigned i = 0; i < m->n_as; i++)
			wr_u32(&p, m->as[i]);
	}
	for (unsigned i = 0; i < m->n_community; i++)
		wr_u32(&c, m->community[i]);
	if (m->otc)
		role_write_otc(&o, m->otc_as);
	a.other = (struct bytes){ otc, wr_len(&o) };
	a.as_path = (struct bytes){ path, wr_len(&p) };
	a.communities = (struct bytes){ communities, wr_len(&c) };
	return network_attrs(bgp, &g->config.prefix, &a, &g->config.policy, &refused);
}

static bool same_tellers(const struct merge *a, const struct merge *b)
{
	return a->own == b->own && a->n_from == b->n_from &&
	       memcmp(a->from, b->from, a->n_from * sizeof(a->from[0])) == 0;
}

/* The parts are told, or not told, beside it. */
static void tell_parts(struct bgp *bgp)
{
	list_for_each (&bgp->peers, struct peer, p, node)
		if (peer_session(p, SESSION_ESTABLISHED))
			rib_out_walk(p, WALK_ALL, false, false);
}

static bool is_told(const struct aggregate *g)
{
	return g->set && !g->config.withheld;
}

static void settle(struct bgp *bgp, struct aggregate *g, const struct merge *m)
{
	struct attr_set *set = merged_set(bgp, g, m), *was = g->set;
	bool others = (set != NULL) != (was != NULL) || !same_tellers(&g->m, m);
	struct dest *d = set ? dest_get(bgp, &g->config.prefix) : dest_find(bgp, &g->config.prefix);

	if (set && !d) { /* no memory: as if there were no part */
		attr_set_put(&bgp->sets, set);
		set = NULL;
	}
	g->set = set;
	g->m = *m;
	if (d && (set != was || others)) {
		d->announced = is_told(g) || ptrie_get(bgp->announced, &g->config.prefix);
		dest_mark_export(bgp, d);
		if (others && g->config.summary_only)
			tell_parts(bgp);
	}
	attr_set_put(&bgp->sets, was);
}

/* --- counting --- */
void aggregate_note(struct bgp *bgp, const struct prefix *p)
{
	struct aggregation *ag = bgp->aggregation;
	struct prefix at = *p;

	while (ag && at.len) {
		struct aggregate *g;

		at.len--;
		at = prefix_canonical(at);
		g = ptrie_covering(ag->all, &at, &at);
		if (!g)
			return;
		g->dirty = ag->dirty = true;
	}
}

static struct aggregate *next_dirty(struct bgp *bgp)
{
	struct aggregation *ag = bgp->aggregation;
	struct prefix p;
	void *v;
	bool later = false;

	for (bool more = ptrie_first(ag->all, &p, &v); more; more = ptrie_after(ag->all, &p, &p, &v)) {
		struct aggregate *g = v;

		if (g->dirty && mtime_reached(g->not_before, bgp->now))
			return g;
		later |= g->dirty;
	}
	ag->dirty = later;
	return NULL;
}

static void begin(struct bgp *bgp, struct aggregate *g)
{
	struct aggregation *ag = bgp->aggregation;

	ag->counts = g;
	ag->after = g->config.prefix;
	ag->looked_at = 0;
	memset(&ag->m, 0, sizeof(ag->m));
	g->dirty = false; /* what changes from now on counts for the next time */
}

static void end(struct bgp *bgp)
{
	struct aggregation *ag = bgp->aggregation;
	struct aggregate *g = ag->counts;

	ag->counts = NULL;
	g->not_before = mtime_add(bgp->now, mdur_ms(ag->looked_at / PARTS_PER_MS));
	settle(bgp, g, &ag->m);
}

unsigned aggregates_some(struct bgp *bgp, unsigned budget)
{
	struct aggregation *ag = bgp->aggregation;
	struct dest *d;
	unsigned cost;

	while (ag && budget && (ag->counts || ag->dirty)) {
		struct aggregate *g = ag->counts ? ag->counts : next_dirty(bgp);

		if (!g)
			break;
		if (!ag->counts)
			begin(bgp, g);
		budget--;
		if (dest_after(bgp, &ag->after, &d))
			ag->after = dest_prefix(d);
		else
			d = NULL;
		if (!d || !prefix_contains(&g->config.prefix, &ag->after)) {
			end(bgp);
			continue;
		}
		ag->looked_at++;
		cost = merge_part(bgp, &ag->m, d);
		budget -= cost < budget ? cost : budget;
	}
	return budget;
}

mtime aggregates_deadline(const struct bgp *bgp)
{
	const struct aggregation *ag = bgp->aggregation;
	mtime t = MTIME_NEVER;
	struct prefix p;
	void *v;

	if (!ag || (!ag->counts && !ag->dirty))
		return MTIME_NEVER;
	if (ag->counts)
		return bgp->now;
	for (bool more = ptrie_first(ag->all, &p, &v); more; more = ptrie_after(ag->all, &p, &p, &v))
		if (((const struct aggregate *)v)->dirty)
			t = mtime_min(t, ((const struct aggregate *)v)->not_before);
	return t;
}

/* --- asked by export and by views --- */
struct attr_set *aggregate_set(const struct bgp *bgp, const struct prefix *p)
{
	const struct aggregate *g = bgp->aggregation ? ptrie_get(bgp->aggregation->all, p) : NULL;

	return g && is_told(g) ? g->set : NULL;
}

enum verdict aggregate_judge(const struct peer *to, const struct loc_route *d)
{
	const struct bgp *bgp = to->bgp;
	const struct aggregate *g = bgp->aggregation ? ptrie_get(bgp->aggregation->all, &d->prefix) : NULL;
	enum verdict v = EXPORT_NO_ROUTE;

	if (!g || !g->set)
		return EXPORT_NO_ROUTE;
	if (role_leaks_out(to, &g->set->a))
		return EXPORT_ROLE;
	if (g->m.own)
		return EXPORT_OK;
	for (unsigned i = 0; i < g->m.n_from && v != EXPORT_OK; i++) {
		const struct peer *from = peer_find(bgp, g->m.from[i]);

		if (from)
			v = export_between(to, from);
	}
	return v == EXPORT_OK || v == EXPORT_NO_ROUTE ? v : EXPORT_PARTS;
}

bool aggregate_hides(const struct peer *to, const struct prefix *p)
{
	const struct bgp *bgp = to->bgp;
	struct prefix at = *p;

	while (bgp->aggregation && at.len) {
		const struct aggregate *g;
		const struct dest *d;
		struct loc_route r;

		at.len--;
		at = prefix_canonical(at);
		g = ptrie_covering(bgp->aggregation->all, &at, &at);
		if (!g)
			return false;
		if (g->config.withheld && g->config.summary_only &&
		    aggregate_judge(to, &(struct loc_route){ .prefix = at }) == EXPORT_OK)
			return true;
		d = is_told(g) && g->config.summary_only ? dest_find(bgp, &at) : NULL;
		if (!d)
			continue;
		dest_view_route(bgp, d, &r);
		if (export_judge(to, &r) == EXPORT_OK)
			return true;
	}
	return false;
}

/* --- configuration --- */
static void aggregate_free(struct bgp *bgp, struct aggregate *g)
{
	struct aggregation *ag = bgp->aggregation;

	if (ag->counts == g)
		ag->counts = NULL;
	attr_set_put(&bgp->sets, g->set);
	bgp_policy_chain_put(&g->config.policy);
	free(g);
}

/* Those that a new configuration doesn't have. */
static void sweep(struct bgp *bgp)
{
	struct aggregation *ag = bgp->aggregation;
	static const struct merge none;
	struct prefix p;
	void *v;

	for (bool more = ptrie_first(ag->all, &p, &v); more; more = ptrie_after(ag->all, &p, &p, &v)) {
		struct aggregate *g = v;

		if (!g->keep) {
			ptrie_remove(ag->all, &p);
			settle(bgp, g, &none);
			aggregate_free(bgp, g);
		} else {
			g->keep = false;
		}
	}
}

static bool same_config(const struct bgp_aggregate *a, const struct bgp_aggregate *b)
{
	return a->summary_only == b->summary_only && a->as_set == b->as_set && a->withheld == b->withheld &&
	       bgp_policy_chain_same(&a->policy, &b->policy);
}

static struct aggregate *aggregate_get(struct aggregation *ag, const struct prefix *p)
{
	struct aggregate *g = ptrie_get(ag->all, p);

	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g || ptrie_set(ag->all, p, g) < 0) {
		free(g);
		return NULL;
	}
	g->config.prefix = *p;
	g->dirty = ag->dirty = true;
	return g;
}

static struct aggregation *aggregation_get(struct bgp *bgp)
{
	struct aggregation *ag = bgp->aggregation;

	if (ag)
		return ag;
	ag = calloc(1, sizeof(*ag));
	if (ag && !(ag->all = ptrie_new())) {
		free(ag);
		ag = NULL;
	}
	bgp->aggregation = ag;
	return ag;
}

static bool is_aggregate(const struct prefix *p)
{
	struct prefix c = prefix_canonical(*p);

	return (p->addr.family == 4 || p->addr.family == 6) && p->len && p->len < addr_bits(&p->addr) &&
	       prefix_eq(&c, p);
}

/* It is told, or no longer, at once; the parts are counted for the rest. */
static void withhold(struct bgp *bgp, const struct aggregate *g)
{
	struct dest *d = g->set ? dest_get(bgp, &g->config.prefix) : NULL;

	if (!d)
		return;
	d->announced = is_told(g) || ptrie_get(bgp->announced, &g->config.prefix);
	dest_mark_export(bgp, d);
}

int bgp_aggregates(struct bgp *bgp, const struct bgp_aggregate list[], size_t n, mtime now)
{
	struct aggregation *ag;
	bool hidden = false;

	bgp_enter(bgp, now);
	if (n == 0 && !bgp->aggregation)
		return 0;
	if (n > AGGREGATES_MAX || !(ag = aggregation_get(bgp)))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!is_aggregate(&list[i].prefix) || !aggregate_get(ag, &list[i].prefix))
			return -1; /* new ones that were made have no part that is told: the next sweep takes
			              them */
	for (size_t i = 0; i < n; i++) {
		struct aggregate *g = ptrie_get(ag->all, &list[i].prefix);
		bool withheld = g->config.withheld;

		g->keep = true;
		if (same_config(&g->config, &list[i]))
			continue;
		hidden |= g->set && g->config.summary_only != list[i].summary_only;
		bgp_policy_chain_ref(&list[i].policy);
		bgp_policy_chain_put(&g->config.policy);
		g->config = list[i];
		g->dirty = ag->dirty = true;
		g->not_before = bgp->now;
		if (g->config.withheld != withheld)
			withhold(bgp, g);
	}
	sweep(bgp);
	if (hidden)
		tell_parts(bgp);
	return 0;
}

void aggregates_free(struct bgp *bgp)
{
	struct aggregation *ag = bgp->aggregation;
	struct prefix p;
	void *v;

	if (!ag)
		return;
	while (ptrie_first(ag->all, &p, &v)) {
		ptrie_remove(ag->all, &p);
		aggregate_free(bgp, v);
	}
	ptrie_free(ag->all);
	free(ag);
}

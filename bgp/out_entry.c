/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of Adj-RIB-Out and the groups in which they wait; rib_out.c tells what they are for.
 *
 * Room for what a peer has been told is made together with the entry that waits, so that sending can't fail
 * for want of it.
 */
#include "bgp/out_entry.h"

#include <stdlib.h>

#define PASSED_MAX 10000 /* groups: then an end marker waits no longer for what changes all the time */

/* --- groups --- */
static uint64_t group_hash(const struct attr_set *attrs, enum bgp_family family)
{
	return ((uint64_t)(uintptr_t)attrs >> 4) * 0x9e3779b97f4a7c15u >> 20 ^ (uint64_t)family;
}

static bool ends(const struct out_group *g)
{
	return g->marker == OUT_EOR || g->marker == OUT_EORR;
}

/* Where a new group goes: at the end, but before the end markers there. */
static struct list *place_of_group(struct adj_rib_out *out)
{
	struct list *at = &out->groups;

	while (at->prev != &out->groups) {
		struct out_group *g = list_entry(at->prev, struct out_group, node);

		if (!ends(g) || g->passed >= PASSED_MAX)
			break;
		g->passed++;
		at = at->prev;
	}
	return at;
}

static struct out_group *group_get(struct peer *p, struct attr_set *attrs, enum bgp_family family)
{
	uint64_t hash = group_hash(attrs, family);
	struct out_group *g;

	for (struct hnode *n = htab_find(&p->out.by_attrs, hash); n; n = htab_find_next(n)) {
		g = container_of(n, struct out_group, hnode);
		if (g->attrs == attrs && g->family == family)
			return g;
	}
	g = calloc(1, sizeof(*g));
	if (!g || htab_add(&p->out.by_attrs, &g->hnode, hash) < 0) {
		free(g);
		return NULL;
	}
	g->attrs = attrs;
	g->family = family;
	g->round = p->out.round;
	list_insert_before(place_of_group(&p->out), &g->node);
	return g;
}

void out_group_free(struct peer *p, struct out_group *g)
{
	list_remove(&g->node);
	if (g->marker == OUT_ROUTES && !g->closed && g->round == p->out.round)
		htab_remove(&p->out.by_attrs, &g->hnode);
	p->out.markers -= g->marker != OUT_ROUTES;
	free(g);
}

/* --- entries --- */
/* The link to the peer's entry of a kind, in this session; NULL: it has none. */
uint32_t *out_find(struct dest *d, const struct peer *p, bool pend)
{
	struct told *t;

	for (uint32_t *link = &d->outs; *link; link = &t->next) {
		t = out_entry_at(p->bgp, *link);
		if (t->slot == p->slot && t->round == p->out.round && out_is_pend(*link) == pend)
			return link;
	}
	return NULL;
}

static uint32_t insert(struct dest *d, struct peer *p, bool pend)
{
	struct bgp *bgp = p->bgp;
	uint32_t id = slab_new(pend ? &bgp->pends : &bgp->tolds), *link = &d->outs;
	struct told *t;

	if (!id)
		return 0;
	id |= pend ? OUT_PEND : 0;
	while (*link && bgp->slot[out_entry_at(bgp, *link)->slot]->id < p->id)
		link = &out_entry_at(bgp, *link)->next;
	t = out_entry_at(bgp, id);
	t->next = *link;
	t->slot = p->slot;
	t->round = p->out.round;
	*link = id;
	return id;
}

static void leave_group(struct bgp *bgp, struct pend *e)
{
	struct out_group *g = e->group;
	struct adj_rib_out *out = &bgp->slot[e->is.slot]->out;

	if (!g)
		return;
	out->waiting -= g->round == out->round; /* what a session left behind is counted no more */
	if (e->before)
		out_pend_at(bgp, e->before)->after = e->after;
	else
		g->first = e->after;
	if (e->after)
		out_pend_at(bgp, e->after)->before = e->before;
	else
		g->last = e->before;
	e->after = e->before = 0;
	e->group = NULL;
	if (!g->first)
		out_group_free(bgp->slot[e->is.slot], g);
}

static int join_group(struct peer *p, uint32_t id, struct dest *d)
{
	struct pend *e = out_pend_at(p->bgp, id);
	struct out_group *g = group_get(p, attr_set_at(&p->bgp->sets, e->is.set), dest_family(d));

	if (!g)
		return -1;
	e->group = g;
	e->dest = d->id;
	e->before = g->last;
	e->after = 0;
	if (g->last)
		out_pend_at(p->bgp, g->last)->after = id;
	else
		g->first = id;
	g->last = id;
	p->out.waiting++;
	return 0;
}

/* Of either kind; counts nothing. */
static void forget(struct bgp *bgp, uint32_t *link)
{
	uint32_t id = *link;
	struct told *t = out_entry_at(bgp, id);

	*link = t->next;
	attr_set_put(&bgp->sets, attr_set_at(&bgp->sets, t->set));
	if (out_is_pend(id)) {
		leave_group(bgp, out_pend_at(bgp, id));
		slab_del(&bgp->pends, id & ~OUT_PEND);
	} else {
		slab_del(&bgp->tolds, id);
	}
}

/* Nothing is to be told any more; where nothing has been either, that is all. */
void out_settled(struct dest *d, struct peer *p)
{
	uint32_t *link = out_find(d, p, true);

	if (link)
		forget(p->bgp, link);
	link = out_find(d, p, false);
	if (link && !out_entry_at(p->bgp, *link)->set)
		forget(p->bgp, link);
}

/* The entry that waits, made if need be; with it, room for what was told. 0 when memory is out. */
static uint32_t pend_get(struct dest *d, struct peer *p)
{
	uint32_t *link = out_find(d, p, true);

	if (link)
		return *link;
	return out_find(d, p, false) || insert(d, p, false) ? insert(d, p, true) : 0;
}

/* Takes over the caller's reference to want. -1 when memory is out. */
int out_want(struct dest *d, struct peer *p, struct attr_set *want, bool resend)
{
	struct attr_sets *sets = &p->bgp->sets;
	uint32_t *told = out_find(d, p, false), *pend = out_find(d, p, true), id, is = want ? want->id : 0;
	uint32_t has = told ? out_entry_at(p->bgp, *told)->set : 0;
	struct pend *e = pend ? out_pend_at(p->bgp, *pend) : NULL;

	if (is == (e ? e->is.set : has) && !(resend && is)) {
		attr_set_put(sets, want);
		return 0;
	}
	resend = (resend || (e && e->resend)) && is;
	if (is == has && !resend) {
		attr_set_put(sets, want);
		out_settled(d, p);
		return 0;
	}
	id = pend_get(d, p);
	e = out_pend_at(p->bgp, id);
	if (!e) {
		attr_set_put(sets, want);
		out_settled(d, p);
		return -1;
	}
	leave_group(p->bgp, e);
	attr_set_put(sets, attr_set_at(sets, e->is.set));
	e->is.set = is;
	e->resend = resend;
	return join_group(p, id, d);
}

void rib_out_sweep(struct bgp *bgp, struct dest *d)
{
	uint32_t *link = &d->outs;

	while (*link) {
		struct told *t = out_entry_at(bgp, *link);

		if (t->round == bgp->slot[t->slot]->out.round)
			link = &t->next;
		else
			forget(bgp, link);
	}
}

void rib_out_clear(struct bgp *bgp, struct dest *d)
{
	while (d->outs)
		forget(bgp, &d->outs);
}

static const struct told *first_told(const struct bgp *bgp, uint32_t id)
{
	const struct told *t = out_entry_at(bgp, id);

	while (t && (out_is_pend(id) || !t->set || t->round != bgp->slot[t->slot]->out.round)) {
		id = t->next;
		t = out_entry_at(bgp, id);
	}
	return t;
}

const struct told *rib_out_first(const struct bgp *bgp, const struct dest *d)
{
	return first_told(bgp, d->outs);
}

const struct told *rib_out_next(const struct bgp *bgp, const struct told *t)
{
	return first_told(bgp, t->next);
}

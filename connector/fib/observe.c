/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel holds, as far as it carries our protocol number; foreign routes go on to underlay.c.
 *
 * A notification of our own protocol comes from somebody else, because the writer filters the echo of our
 * changes. A removal is taken at its word and put back at once the first time, later with growing delay;
 * anything more involved (somebody writes with our number, touches our objects) asks for a picture. In a
 * picture everything carries its generation, and what doesn't is gone.
 */
#include "connector/fib/plan_internal.h"

#include <stdlib.h>
#include <string.h>

#define CALM_AFTER_S 120 /* without a disturbance for so long, the next one counts as the first */

/* Something foreign took the route out, or the kernel did with its interface. */
void route_lost(struct fib *f, struct route *r)
{
	const struct fib_ways *set = route_ways(f, r);
	const struct prefix p = route_prefix(r);
	struct rich *x = set ? route_enrich(f, r) : NULL;
	bool in_use = set && ways_usable(f, set)->n;
	struct reason why;
	unsigned times;
	mdur quiet;

	(void)route_set_source(f, r, &(struct addr){ 0 });
	route_settle(f, r, NULL, false); /* frees it if nobody wants it */
	if (!in_use)
		return; /* it went with its interface */
	if (f->n_disturbed++ == 0)
		f->first_disturbed = p;
	if (!x || !r->bundle)
		return;
	quiet = mtime_since(f->now, x->disturbed);
	if (x->disturbances && quiet.ns > mdur_s(CALM_AFTER_S).ns)
		x->disturbances = 0;
	x->disturbed = f->now;
	times = x->disturbances;
	if (x->disturbances < UINT8_MAX)
		x->disturbances++;
	if (times == 0)
		return;
	reason_set(&why, "fib-disturbed",
	    "%s: something else keeps removing this route; it was put back %u times and will be again in %d "
	    "s",
	    prefix_str(&p), times, (int)mdur_to_s(fib_backoff(times - 1)));
	route_park(f, r, mtime_add(f->now, fib_backoff(times - 1)), false, &why);
}

/* The object that a route of ours uses; odd if it is none that we know. */
static struct object *object_seen(struct fib *f, uint32_t nhid)
{
	struct object *o = nhid ? object_by_id(f, nhid) : NULL;
	struct single *s = !o && nhid ? single_by_id(f, nhid) : NULL;

	if (!o && s)
		o = object_over(f, s);
	return o ? o : f->odd;
}

static void saw_ours(struct fib *f, const struct fib_seen_route *seen)
{
	struct object *o =
	    seen->unreachable ? object_unreachable(f, seen->prefix.addr.family) : object_seen(f, seen->nhid);
	struct route *r = o ? route_make(f, &seen->prefix, seen->metric) : NULL;
	bool known;

	if (!r) {
		f->resync = true;
		return;
	}
	known = route_object(f, r) != NULL;
	if (r->bundle && r->seen == (uint8_t)f->generation) {
		/* A second one with the same key, behind the first: what a killed run left between two
		 * messages. */
		f->stray = true;
		route_settle(f, r, f->odd, !r->wanted);
		return;
	}
	r->seen = (uint8_t)f->generation;
	if (known && route_object(f, r) == o && addr_eq(route_source(f, r), &seen->source))
		return;
	if (route_set_source(f, r, &seen->source) < 0)
		f->resync = true;
	if (!r->wanted)
		r->asked_zero = false;
	route_settle(f, r, o, !r->wanted);
}

void fib_saw_route(struct fib *f, enum fib_seen how, const struct fib_seen_route *seen)
{
	struct route *r;

	if (seen->protocol != FIB_PROTOCOL) {
		foreign_saw(f, how, seen);
		r = route_find(f, &seen->prefix, seen->metric);
		if (r && how == FIB_SEEN_REPLACED && route_object(f, r))
			f->resync = true; /* maybe ours was what it replaced */
		return;
	}
	if (f->in_picture) {
		saw_ours(f, seen);
		return;
	}
	r = route_find(f, &seen->prefix, seen->metric);
	if (how == FIB_SEEN_GONE && r && route_object(f, r) && route_object(f, r)->id == seen->nhid)
		route_lost(f, r);
	else
		f->resync = true;
}

/* ---- nexthop objects ---- */

static void saw_single(struct fib *f, const struct fib_seen_nexthop *seen)
{
	struct single *s = single_by_id(f, seen->id);

	if (s && (s->ifindex != seen->way.ifindex || !addr_eq(&s->via, &seen->way.via))) {
		/* Somebody changed it. It isn't what our groups want of it, so it becomes another one. */
		single_turn(f, s, &seen->way);
	}
	if (!s) {
		s = single_new(f, seen->id, &seen->way, false);
		if (!s)
			return;
		s->leftover = true;
	}
	s->exists = true;
	s->seen = f->generation;
}

static void saw_group(struct fib *f, const struct fib_seen_nexthop *seen)
{
	struct object *o = object_by_id(f, seen->id);

	if (!o) {
		o = object_make(f, OBJECT_GROUP, NULL);
		if (!o)
			return;
		o->id = seen->id;
		o->leftover = true;
	}
	o->exists = true;
	o->seen = f->generation;
	o->n_members = seen->n_members;
	memcpy(o->member, seen->member, seen->n_members * sizeof(o->member[0]));
}

/* Somebody made an object with an id that was ours, so ours is gone; it must never be mistaken for it. */
static void id_lost(struct fib *f, uint32_t id)
{
	struct object *o = object_by_id(f, id);
	struct single *s = single_by_id(f, id);

	if (o && o->kind == OBJECT_GROUP) {
		o->exists = false;
		object_content(o, NULL);
		o->id = nhid_new(f);
	}
	if (s)
		single_rename(f, s);
}

void fib_saw_nexthop(struct fib *f, enum fib_seen how, const struct fib_seen_nexthop *seen)
{
	bool gone = how == FIB_SEEN_GONE;

	nhid_taken(f, seen->id, !seen->ours && !gone);
	if (!f->in_picture)
		f->resync |= seen->ours || object_by_id(f, seen->id) || single_by_id(f, seen->id);
	if (!seen->ours && !gone)
		id_lost(f, seen->id);
	if (!seen->ours)
		foreign_nexthop_saw(f, seen, gone);
	if (!f->in_picture)
		return;
	if (seen->ours && seen->group)
		saw_group(f, seen);
	else if (seen->ours)
		saw_single(f, seen);
}

/* ---- the picture ---- */

void fib_resync_begin(struct fib *f)
{
	f->generation++;
	f->in_picture = true;
	bundles_reserve(f);
	f->resync = f->stray = false;
	f->n_taken = 0;
	f->dirty = true;
}

void fib_resync_cancel(struct fib *f)
{
	f->in_picture = false;
	f->resync = true;
}

bool fib_resync_wanted(const struct fib *f)
{
	return f->resync;
}

static void sweep_routes(struct fib *f)
{
	struct route_walk at = { 0 };
	struct route *r;

	while (route_each(f, &at, &r))
		if (route_object(f, r) && r->seen != (uint8_t)f->generation)
			route_lost(f, r);
}

static void sweep_links(struct fib *f)
{
	list_for_each (&f->links, struct link, l, node) {
		if (l->known && l->seen != f->generation)
			fib_saw_link(f, l->ifindex, l->name, false, true);
	}
	list_for_each (&f->addrs, struct address, a, node) {
		if (a->seen == f->generation)
			continue;
		addr_forget(f, a);
		f->underlay_dirty = f->connected_dirty = true;
	}
}

void fib_resync_end(struct fib *f)
{
	f->in_picture = false;
	sweep_links(f);
	list_for_each (&f->singles, struct single, s, node) {
		if (s->seen != f->generation)
			s->exists = false;
	}
	list_for_each (&f->objects, struct object, o, node) {
		if (o->kind == OBJECT_GROUP && o->seen != f->generation)
			o->exists = false;
	}
	objects_resolve(f);
	sweep_routes(f);
	foreign_sweep(f, false);
	foreign_nexthop_sweep(f, false);
	f->underlay_dirty = f->connected_dirty = true;
	/* Two routes of ours with one key are taken out together, and a second look tells that both are gone.
	 */
	f->resync |= f->stray;
}

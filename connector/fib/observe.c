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
	const struct fib_ways *set = r->wants ? r->wants->ways : NULL;
	mdur quiet = mtime_since(f->now, r->disturbed);
	struct reason why;
	unsigned times;

	r->object = NULL;
	r->leftover = false;
	route_settle(f, r); /* frees it if nobody wants it */
	if (!set || !ways_usable(f, set)->n)
		return; /* it went with its interface */
	if (f->n_disturbed++ == 0)
		f->first_disturbed = r->prefix;
	if (r->disturbances && quiet.ns > mdur_s(CALM_AFTER_S).ns)
		r->disturbances = 0;
	r->disturbed = f->now;
	times = r->disturbances;
	if (r->disturbances < UINT8_MAX)
		r->disturbances++;
	if (times == 0)
		return;
	reason_set(&why, "fib-disturbed",
	    "%s: something else keeps removing this route; it was put back %u times and will be again in %d "
	    "s",
	    prefix_str(&r->prefix), times, (int)mdur_to_s(fib_backoff(times - 1)));
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
	struct route *r = route_make(f, &seen->prefix, seen->metric);
	bool known;

	if (!r || !o) {
		f->resync = true;
		return;
	}
	known = r->object != NULL;
	if (r->seen == f->generation) {
		/* A second one with the same key, behind the first: what a killed run left between two
		 * messages. */
		f->stray = true;
		r->object = f->odd;
		route_settle(f, r);
		return;
	}
	r->seen = f->generation;
	if (known && r->object == o && addr_eq(&r->source, &seen->source))
		return;
	r->object = o;
	r->source = seen->source;
	r->leftover = !r->wants;
	if (!r->wants)
		r->asked = r->metric;
	route_settle(f, r);
}

void fib_saw_route(struct fib *f, enum fib_seen how, const struct fib_seen_route *seen)
{
	struct route *r;

	if (seen->protocol != FIB_PROTOCOL) {
		foreign_saw(f, how, seen);
		r = route_find(f, &seen->prefix, seen->metric);
		if (r && how == FIB_SEEN_REPLACED && r->object)
			f->resync = true; /* maybe ours was what it replaced */
		return;
	}
	if (f->in_picture) {
		saw_ours(f, seen);
		return;
	}
	r = route_find(f, &seen->prefix, seen->metric);
	if (how == FIB_SEEN_GONE && r && r->object && r->object->id == seen->nhid)
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
		s = single_new(f, seen->id, &seen->way);
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
	struct prefix p;
	void *v;

	for (bool more = ptrie_first(f->routes, &p, &v); more; more = ptrie_after(f->routes, &p, &p, &v)) {
		for (struct route *r = v, *next; r; r = next) {
			next = r->next;
			if (r->object && r->seen != f->generation)
				route_lost(f, r);
		}
	}
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

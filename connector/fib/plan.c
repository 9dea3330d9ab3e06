/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: from the situation of bundles and objects to operations, in stages. One fib_plan call gives the
 *operations of the first stage that has any, so nothing is sent that depends on something that may yet fail:
 *
 *	shrink     groups lose ways that can't be used: a failed tunnel moves all of its routes by one
 *message, first of all withdraw   routes that are unwanted, left over, or without a usable way singles
 *nexthops that groups will need groups     new groups, and groups whose routes all want the same new ways
 *	routes     added, moved, or reported to be where they should
 *	dispose    groups without routes, then singles without groups
 *
 * Each failure changes what the next round sees (a route parks, a group freezes), so a round can't repeat
 *itself forever.
 */
#include "connector/fib/plan_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TELL_MAX 4096 /* reports of one round, so that its user gets to drain them */

struct round {
	struct fib *f;
	struct fib_op *op;
	size_t n, max, told;
	bool more; /* another round is due even if this one has no operation */
};

static struct fib_op *op_add(struct round *x, enum fib_op_kind kind, void *subject)
{
	struct fib_op *op = &x->op[x->n++];

	memset(op, 0, sizeof(*op));
	op->kind = kind;
	op->subject = subject;
	return op;
}

static bool full(const struct round *x)
{
	return x->n == x->max || x->told >= TELL_MAX;
}

static bool is_wish(const struct bundle *b)
{
	return b->set->tag == TAG_IPV4 || b->set->tag == TAG_IPV6;
}

/* The situation of a bundle has changed: what was calm is to be looked at again. */
static void stir(struct bundle *b)
{
	list_for_each (&b->calm, struct route, r, node) {
		list_remove(&r->node);
		list_append(&b->fresh, &r->node);
	}
}

/* ---- groups and singles ---- */

/* All members exist; fills them in when an operation is given. */
static bool members(struct fib *f, const struct fib_ways *set, struct fib_op *op)
{
	for (unsigned i = 0; i < set->n; i++) {
		const struct single *s = single_find(f, &set->way[i]);

		if (!s || !s->exists)
			return false;
		if (op)
			op->member[i] = (struct fib_member){ .id = s->id, .weight = set->way[i].weight };
	}
	if (op)
		op->n_members = set->n;
	return true;
}

static bool wants_change(const struct object *o)
{
	return o->kind == OBJECT_GROUP && o->target && !o->frozen &&
	       (o->exists ? o->content != o->target : o->needed);
}

static void group_op(struct round *x, struct object *o)
{
	struct fib_op *op = op_add(x, o->exists ? FIB_OP_GROUP_SET : FIB_OP_GROUP_ADD, o);

	op->nhid = o->id;
	(void)members(x->f, o->target, op);
}

static void stage_shrink(struct round *x)
{
	list_for_each (&x->f->objects, struct object, o, node) {
		if (!full(x) && wants_change(o) && o->exists && o->content &&
		    ways_within(o->target, o->content) && members(x->f, o->target, NULL))
			group_op(x, o);
	}
}

static void single_need(struct round *x, const struct fib_way *way)
{
	struct single *s = single_make(x->f, way);
	struct fib_op *op;

	if (!s || s->exists || s->used || full(x))
		return;
	s->used = true; /* once a round */
	op = op_add(x, FIB_OP_NEXTHOP_ADD, s);
	op->nhid = s->id;
	op->way = *way;
}

static void stage_singles(struct round *x)
{
	list_for_each (&x->f->singles, struct single, s, node)
		s->used = false;
	list_for_each (&x->f->objects, struct object, o, node) {
		if (wants_change(o))
			for (unsigned i = 0; i < o->target->n; i++)
				single_need(x, &o->target->way[i]);
		if (o->kind == OBJECT_SINGLE && o->needed)
			single_need(x, &o->target->way[0]);
	}
}

static void stage_groups(struct round *x)
{
	list_for_each (&x->f->objects, struct object, o, node) {
		if (o->kind == OBJECT_SINGLE && o->single->exists && !o->exists) {
			o->exists = true;
			object_content(o, o->target);
		}
		if (!full(x) && wants_change(o) && members(x->f, o->target, NULL))
			group_op(x, o);
	}
}

/* ---- routes ---- */

static const struct addr *source_of(const struct route *r)
{
	return &r->wants->source;
}

static void route_op(struct round *x, enum fib_op_kind kind, struct route *r, const struct object *to)
{
	struct fib_op *op = op_add(x, kind, r);

	op->prefix = r->prefix;
	op->metric = r->metric;
	if (r->object) {
		op->old_nhid = r->object->id;
		op->old_source = r->source;
	}
	if (to) {
		op->nhid = to->id;
		op->unreachable = to->kind == OBJECT_UNREACHABLE;
		op->source = *source_of(r);
	}
}

static void withdraw_bundle(struct round *x, struct bundle *b)
{
	bool go =
	    is_wish(b) ? !ways_usable(x->f, b->set)->n : b->set->tag == TAG_UNWANTED || x->f->reconciled;

	if (!go)
		return;
	stir(b);
	list_for_each (&b->fresh, struct route, r, node) {
		if (full(x))
			return;
		route_op(x, FIB_OP_ROUTE_DEL, r, NULL);
	}
}

static void stage_withdraw(struct round *x)
{
	list_for_each (&x->f->objects, struct object, o, node) {
		list_for_each (&o->bundles, struct bundle, b, node)
			withdraw_bundle(x, b);
	}
}

static void tell(struct round *x, struct bundle *b, struct route *r, bool in_kernel, const struct reason *why)
{
	list_remove(&r->node);
	list_append(&b->calm, &r->node);
	r->tries = 0;
	if (r->told == (in_kernel ? TOLD_IN : TOLD_OUT))
		return;
	route_tell(x->f, r, in_kernel, why);
	x->told++;
}

/* Routes whose object has the ways they want. */
static void bundle_at_home(struct round *x, struct bundle *b)
{
	list_for_each (&b->fresh, struct route, r, node) {
		if (full(x))
			return;
		if (addr_eq(&r->source, source_of(r)))
			tell(x, b, r, true, NULL);
		else
			route_op(x, FIB_OP_ROUTE_MOVE, r, b->object);
	}
}

static void bundle_without_way(struct round *x, struct bundle *b)
{
	struct reason why;

	reason_set(&why, "fib-link-down",
	    "no next hop of this route can be used: its interface is down, gone or not ours");
	for (unsigned i = 0; i < b->set->n && i < 4; i++)
		if (b->set->way[i].interface[0])
			reason_add(&why, "%s%s", i ? ", " : " (", b->set->way[i].interface);
	if (b->set->n && b->set->way[0].interface[0])
		reason_add(&why, ")");
	list_for_each (&b->fresh, struct route, r, node) {
		if (full(x))
			return;
		tell(x, b, r, false, &why);
	}
}

static bool blocked_by_foreign(struct fib *f, struct route *r)
{
	const struct foreign *x = foreign_find(f, &r->prefix, r->metric);
	struct reason why;
	char name[8];

	if (!x)
		return false;
	reason_set(&why, "fib-foreign-route",
	    "%s metric %u is in the kernel already, by routing protocol %s, which is not ours to replace; "
	    "remove it or give it another metric",
	    prefix_str(&r->prefix), r->metric, fib_protocol_name(x->protocol, name, sizeof(name)));
	route_park(f, r, MTIME_NEVER, true, &why);
	return true;
}

static void bundle_away(struct round *x, struct bundle *b)
{
	if (!b->goal || !b->goal->exists || b->goal->content != b->goal->target)
		return; /* its object couldn't be had; object_failed has parked the routes */
	list_for_each (&b->fresh, struct route, r, node) {
		if (full(x))
			return;
		if (r->object)
			route_op(x, FIB_OP_ROUTE_MOVE, r, b->goal);
		else if (!blocked_by_foreign(x->f, r))
			route_op(x, FIB_OP_ROUTE_ADD, r, b->goal);
		else
			x->more = true; /* the object that was meant for it may be without use now */
	}
}

static void settle_bundle(struct round *x, struct bundle *b)
{
	const struct fib_ways *usable;

	if (!is_wish(b))
		return;
	usable = ways_usable(x->f, b->set);
	if (b->object && b->object->kind != OBJECT_ODD && b->object->exists && b->object->content == usable) {
		bundle_at_home(x, b);
	} else if (usable->n) {
		stir(b);
		bundle_away(x, b);
	} else if (!b->object) {
		bundle_without_way(x, b);
	}
	x->more |= x->told >= TELL_MAX;
}

static void stage_routes(struct round *x)
{
	list_for_each (&x->f->objects, struct object, o, node) {
		list_for_each (&o->bundles, struct bundle, b, node)
			settle_bundle(x, b);
	}
	list_for_each (&x->f->absent, struct bundle, b, node)
		settle_bundle(x, b);
}

/* ---- what nobody needs any more ---- */

static void stage_dispose_groups(struct round *x)
{
	struct fib *f = x->f;

	if (f->resync && !f->leaving)
		return; /* routes that we don't see may use what seems without use: look first */
	list_for_each (&f->objects, struct object, o, node) {
		if (o->kind != OBJECT_GROUP || !o->exists || o->needed || object_in_use(o) ||
		    (o->leftover && !f->reconciled) || full(x))
			continue;
		if (!mtime_reached(o->hold, f->now)) {
			f->deadline = mtime_min(f->deadline, o->hold);
			continue;
		}
		op_add(x, FIB_OP_GROUP_DEL, o)->nhid = o->id;
	}
}

static void mark(struct fib *f, const struct fib_ways *set)
{
	for (unsigned i = 0; set && i < set->n; i++) {
		struct single *s = single_find(f, &set->way[i]);

		if (s)
			s->used = true;
	}
}

static void stage_dispose_singles(struct round *x)
{
	struct fib *f = x->f;

	if (f->resync && !f->leaving)
		return;
	list_for_each (&f->singles, struct single, unmark, node)
		unmark->used = false;
	list_for_each (&f->objects, struct object, o, node) {
		mark(f, o->content);
		mark(f, o->target);
		for (unsigned i = 0; i < o->n_members; i++) {
			struct single *s = o->exists ? single_by_id(f, o->member[i].id) : NULL;

			if (s)
				s->used = true;
		}
		if (o->single)
			o->single->used = true;
	}
	list_for_each (&f->singles, struct single, s, node) {
		if (s->used || (s->exists && s->leftover && !f->reconciled) || full(x))
			continue;
		if (!s->exists) {
			single_free(f, s);
		} else if (!mtime_reached(s->hold, f->now)) {
			f->deadline = mtime_min(f->deadline, s->hold);
		} else {
			op_add(x, FIB_OP_NEXTHOP_DEL, s)->nhid = s->id;
		}
	}
}

/* ---- a round ---- */

size_t fib_plan(struct fib *f, mtime now, struct fib_op op[], size_t max)
{
	static void (*const stage[])(struct round *) = { stage_shrink, stage_withdraw, stage_singles,
		stage_groups, stage_routes, stage_dispose_groups, stage_dispose_singles };
	struct round x = { .f = f, .op = op, .max = max };

	f->now = now;
	disturbed_settle(f);
	connected_settle(f);
	pins_settle(f);
	protects_settle(f);
	if (f->unfreeze) {
		f->unfreeze = false;
		list_for_each (&f->objects, struct object, o, node)
			o->frozen = false;
		parked_retry_all(f);
	}
	parked_release(f);
	if (!f->dirty)
		return 0;
	objects_decide(f);
	for (size_t i = 0; i < sizeof(stage) / sizeof(stage[0]) && !x.n; i++)
		stage[i](&x);
	f->dirty = x.n || x.more;
	return x.n;
}

bool fib_busy(const struct fib *f)
{
	return f->dirty || f->underlay_dirty || f->connected_dirty || f->protect_dirty || f->unfreeze;
}

mtime fib_deadline(const struct fib *f)
{
	return fib_busy(f) ? f->now : f->deadline;
}

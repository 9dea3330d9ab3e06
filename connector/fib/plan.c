/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: from the situation of bundles and objects to operations, in stages. One fib_plan call gives the
 *operations of the first stage that has any, so nothing is sent that depends on something that may yet fail:
 *
 *	lose       singles of ways that all their groups leave: one message for all of these
 *	shrink     groups leave ways that can't be used
 *	edit       groups whose routes all want the same new ways, and the singles for them: a failover of all
 *	withdraw   routes that are unwanted, left over, or without a usable way
 *	singles    nexthops that groups will need
 *	groups     new groups
 *	routes     added, moved, or reported to be where they should
 *	dispose    groups without routes, then singles without groups
 *
 * What moves all routes of an object comes before anything that has to be done route by route.
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

/* The situation of a bundle has changed: what was calm is to be looked at again. */
static void stir(struct fib *f, struct bundle *b)
{
	route_list_move_all(f, &b->fresh, &b->calm);
}

/* ---- groups and singles ---- */

/* All members exist; fills them in when an operation is given. */
static bool members(struct fib *f, const struct fib_ways *set, struct fib_op *op)
{
	for (unsigned i = 0; i < set->n; i++) {
		const struct single *s = single_find(f, &set->way[i], set->n > 1);

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

/* A group that has this single can do without: it wants to lose the way and keeps others. */
static bool can_lose(const struct object *o, const struct single *s)
{
	return o->kind == OBJECT_GROUP && o->exists && o->content && o->target && o->target->n &&
	       !o->frozen && !ways_has(o->target, s->ifindex, &s->via) && ways_within(o->target, o->content);
}

static bool has_member(const struct object *o, const struct single *s)
{
	for (unsigned i = 0; o->exists && i < o->n_members; i++)
		if (o->member[i].id == s->id)
			return true;
	return false;
}

/*
 * A way that all groups with it want to leave: its single is deleted, and the kernel takes it out of them.
 * That is one short message whatever the number of groups and routes, while setting a group is announced once
 * for each route of it (unless net.ipv4.nexthop_compat_mode is off).
 */
static void stage_lose(struct round *x)
{
	list_for_each (&x->f->singles, struct single, s, node) {
		unsigned groups = 0;
		bool all = s->shared && s->exists && mtime_reached(s->hold, x->f->now);

		if (!all || full(x))
			continue;
		list_for_each (&x->f->objects, struct object, o, node) {
			if (o->single != s && !has_member(o, s))
				continue;
			groups++;
			all = all && o->single != s && can_lose(o, s);
		}
		if (all && groups)
			op_add(x, FIB_OP_NEXTHOP_DEL, s)->nhid = s->id;
	}
}

static void stage_shrink(struct round *x)
{
	list_for_each (&x->f->objects, struct object, o, node) {
		if (!full(x) && wants_change(o) && o->exists && o->content &&
		    ways_within(o->target, o->content) && members(x->f, o->target, NULL))
			group_op(x, o);
	}
}

static void single_need(struct round *x, const struct fib_way *way, bool shared)
{
	struct single *s = single_make(x->f, way, shared);
	struct fib_op *op;

	if (!s || s->exists || s->used || full(x))
		return;
	s->used = true; /* once a round */
	op = op_add(x, FIB_OP_NEXTHOP_ADD, s);
	op->nhid = s->id;
	op->way = *way;
}

static void singles_for(struct round *x, bool edits)
{
	list_for_each (&x->f->singles, struct single, s, node)
		s->used = false;
	list_for_each (&x->f->objects, struct object, o, node) {
		if (edits && !(o->exists && o->whole))
			continue;
		if (wants_change(o))
			for (unsigned i = 0; i < o->target->n; i++)
				single_need(x, &o->target->way[i], o->target->n > 1);
		if (o->kind == OBJECT_SINGLE && o->needed)
			single_need(x, &o->target->way[0], false);
	}
}

static void groups_set(struct round *x, bool edits)
{
	list_for_each (&x->f->objects, struct object, o, node) {
		if (edits && !(o->exists && o->whole))
			continue;
		if (!full(x) && wants_change(o) && members(x->f, o->target, NULL))
			group_op(x, o);
	}
}

/* Groups whose routes all want the same new ways: a failover of all of them, before any single route is
 * looked at. */
static void stage_edit_singles(struct round *x)
{
	singles_for(x, true);
}

static void stage_edit(struct round *x)
{
	groups_set(x, true);
}

static void stage_singles(struct round *x)
{
	singles_for(x, false);
}

static void stage_groups(struct round *x)
{
	list_for_each (&x->f->objects, struct object, o, node) {
		if (o->kind == OBJECT_SINGLE && o->single->exists && !o->exists) {
			o->exists = true;
			object_content(o, o->target);
		}
	}
	groups_set(x, false);
}

/* ---- routes ---- */

static void route_op(struct round *x, enum fib_op_kind kind, struct route *r, struct object *to)
{
	const struct object *o = route_object(x->f, r);
	struct fib_op *op = op_add(x, kind, r);

	op->prefix = route_prefix(r);
	op->metric = route_metric(x->f, r);
	if (o) {
		op->old_nhid = o->id;
		op->old_source = *route_source(x->f, r);
	}
	if (to) {
		op->to = to;
		op->nhid = to->id;
		op->unreachable = to->kind == OBJECT_UNREACHABLE;
		op->source = *route_wished_source(x->f, r);
	}
}

static void withdraw_bundle(struct round *x, struct bundle *b)
{
	bool go =
	    is_wish(b->set) ? !ways_usable(x->f, b->set)->n : b->set->tag == TAG_UNWANTED || x->f->reconciled;

	if (!go)
		return;
	stir(x->f, b);
	route_list_each(x->f, &b->fresh, r)
	{
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

static void tell(struct round *x, struct route *r, bool in_kernel, const struct reason *why)
{
	struct rich *rich = route_rich(x->f, r);

	route_calm(x->f, r);
	if (rich)
		rich->tries = 0;
	if (in_kernel && rich)
		route_simplify(x->f, r);
	if (r->told == (in_kernel ? TOLD_IN : TOLD_OUT))
		return;
	route_tell(x->f, r, in_kernel, why);
	x->told++;
}

/* Routes whose object has the ways they want. */
static void bundle_at_home(struct round *x, struct bundle *b)
{
	route_list_each(x->f, &b->fresh, r)
	{
		if (full(x))
			return;
		if (addr_eq(route_source(x->f, r), route_wished_source(x->f, r)))
			tell(x, r, true, NULL);
		else
			route_op(x, FIB_OP_ROUTE_MOVE, r, b->object);
	}
}

static void way_reason(const struct bundle *b, struct reason *why)
{
	reason_set(why, "fib-link-down",
	    "no next hop of this route can be used: its interface is down, gone or not ours");
	for (unsigned i = 0; i < b->set->n && i < 4; i++)
		if (b->set->way[i].interface[0])
			reason_add(why, "%s%s", i ? ", " : " (", b->set->way[i].interface);
	if (b->set->n && b->set->way[0].interface[0])
		reason_add(why, ")");
}

/* Of a dead way nothing more is said: its owner knows. */
static void bundle_without_way(struct round *x, struct bundle *b)
{
	struct reason why = { 0 };
	bool dead = false;

	if (!b->fresh.first)
		return;
	for (unsigned i = 0; i < b->set->n; i++)
		dead |= link_usable(x->f, b->set->way[i].ifindex); /* and yet not good enough */
	if (!dead)
		way_reason(b, &why);
	route_list_each(x->f, &b->fresh, r)
	{
		if (full(x))
			return;
		tell(x, r, false, dead ? NULL : &why);
	}
}

static bool blocked_by_foreign(struct fib *f, struct route *r)
{
	const struct prefix p = route_prefix(r);
	const uint32_t metric = route_metric(f, r);
	const struct foreign *x = foreign_find(f, &p, metric);
	struct reason why;
	char name[8];

	if (!x)
		return false;
	reason_set(&why, "fib-foreign-route",
	    "%s metric %u is in the kernel already, by routing protocol %s, which is not ours to replace; "
	    "remove it or give it another metric",
	    prefix_str(&p), metric, fib_protocol_name(x->protocol, name, sizeof(name)));
	route_park(f, r, MTIME_NEVER, true, &why);
	return true;
}

static void bundle_away(struct round *x, struct bundle *b)
{
	if (!b->goal || !b->goal->exists || b->goal->content != b->goal->target)
		return; /* its object couldn't be had; object_failed has parked the routes */
	route_list_each(x->f, &b->fresh, r)
	{
		if (full(x))
			return;
		if (b->object)
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

	if (!is_wish(b->set))
		return;
	usable = ways_usable(x->f, b->set);
	if (b->object && !b->goal && b->object->kind != OBJECT_ODD && b->object->exists &&
	    b->object->content == ways_image(x->f, usable)) {
		bundle_at_home(x, b);
	} else if (usable->n) {
		stir(x->f, b);
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
		struct single *s = single_find(f, &set->way[i], set->n > 1);

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
		if (!o->exists || o->content != o->target)
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
	static void (*const stage[])(struct round *) = { stage_lose, stage_shrink, stage_edit_singles,
		stage_edit, stage_withdraw, stage_singles, stage_groups, stage_routes, stage_dispose_groups,
		stage_dispose_singles };
	struct round x = { .f = f, .op = op, .max = max };

	f->now = now;
	route_table_trim(f);
	disturbed_settle(f);
	connected_settle(f);
	sources_settle(f);
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
	return f->dirty || f->underlay_dirty || f->connected_dirty || f->protect_dirty || f->unfreeze ||
	       (f->sources && f->sources_dirty && !f->in_picture);
}

mtime fib_deadline(const struct fib *f)
{
	return fib_busy(f) ? f->now : f->deadline;
}

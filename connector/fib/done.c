/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of the operations. Success makes the kernel's state ours to know; a failure parks the routes
 * that depended on it with the kernel's words, and asks for a new picture where the error says that ours is
 * wrong.
 */
#include "connector/fib/plan_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A deletion of what isn't there has reached its aim. */
static bool is_gone(int err)
{
	return err == 0 || err == -ESRCH || err == -ENOENT || err == -ENODEV;
}

static void kernel_reason(struct reason *why, const char *what, const struct fib_result *result)
{
	reason_set(why, "fib-kernel", "the kernel refused %s: %s", what, strerror(-result->err));
	if (result->text && result->text[0])
		reason_add(why, " (%s)", result->text);
}

static void route_failed(struct fib *f, struct route *r, const struct reason *why)
{
	struct rich *x = route_enrich(f, r);
	mtime until = mtime_add(f->now, fib_backoff(x ? x->tries : 0));

	if (x && x->tries < UINT8_MAX)
		x->tries++;
	route_park(f, r, until, false, why);
}

static void route_refused(struct fib *f, struct route *r, const struct fib_result *result)
{
	const struct prefix p = route_prefix(r);
	struct reason why;

	kernel_reason(&why, prefix_str(&p), result);
	/* Something is there that we didn't see, or a nexthop that we saw isn't there. */
	if (result->err == -EEXIST || result->err == -ENOENT || result->err == -EINVAL ||
	    result->err == -ESRCH)
		f->resync = true;
	route_failed(f, r, &why);
}

static void no_more_tries(struct fib *f, struct route *r)
{
	struct rich *x = route_rich(f, r);

	if (x)
		x->tries = 0;
}

static void route_in(struct fib *f, struct route *r, const struct fib_op *op)
{
	route_no no = route_no_of(r);

	no_more_tries(f, r);
	if (route_set_source(f, r, &op->source) < 0)
		f->resync = true; /* a picture shows where it is from */
	r->seen = (uint8_t)f->generation;
	route_settle(f, r, op->to, false);
	r = route_by_no(f, no);
	/* Fresh routes of a bundle at home are told and calmed; there is no need to wait for the next round.
	 */
	if (!r->bundle || r->parked || !r->wanted)
		return;
	route_calm(f, r);
	route_tell(f, r, true, NULL);
	route_simplify(f, r);
}

static void route_out(struct fib *f, struct route *r)
{
	no_more_tries(f, r);
	(void)route_set_source(f, r, &(struct addr){ 0 });
	if (!r->wanted)
		route_tell(f, r, false, NULL);
	route_settle(f, r, NULL, false);
}

static void done_route(struct fib *f, const struct fib_op *op, const struct fib_result *result)
{
	struct route *r = op->subject;

	if (op->kind == FIB_OP_ROUTE_DEL) {
		if (is_gone(result->err))
			route_out(f, r);
		else
			route_refused(f, r, result);
		return;
	}
	if (result->err == 0) {
		route_in(f, r, op);
		f->resync |= op->kind == FIB_OP_ROUTE_MOVE && !result->old_gone;
		return;
	}
	if (op->kind == FIB_OP_ROUTE_MOVE && result->old_gone) {
		(void)route_set_source(f, r, &(struct addr){ 0 });
		route_settle(f, r, NULL, false);
	}
	route_refused(f, r, result);
}

static void bundle_failed(
    struct fib *f, struct bundle *b, const struct object *goal, const struct reason *why)
{
	if (b->goal != goal)
		return;
	route_list_each(f, &b->fresh, r) route_failed(f, r, why);
	route_list_each(f, &b->calm, calm) route_failed(f, calm, why);
}

/* An object can't be made or changed: what waits for it waits longer, what stands in it is moved one by one
 * next. */
static void object_failed(struct fib *f, struct object *o, const struct reason *why)
{
	if (o->exists)
		o->frozen = true;
	list_for_each (&f->absent, struct bundle, b, node)
		bundle_failed(f, b, o, why);
	list_for_each (&f->objects, struct object, home, node) {
		list_for_each (&home->bundles, struct bundle, b, node)
			bundle_failed(f, b, o, why);
	}
}

static bool depends_on(const struct object *o, const struct single *s)
{
	return o->target && ways_has(o->target, s->ifindex, &s->via) && (o->target->n > 1) == s->shared;
}

/* The kernel has taken a way out of the groups that had it. */
static void leave_groups(struct fib *f, const struct single *s)
{
	list_for_each (&f->objects, struct object, o, node) {
		struct fib_way way[FIB_WAYS_MAX];
		const struct fib_ways *content;
		unsigned n = 0, kept = 0;

		for (unsigned i = 0; i < o->n_members; i++)
			if (o->member[i].id != s->id)
				o->member[kept++] = o->member[i];
		if (o->kind != OBJECT_GROUP || !o->content || kept == o->n_members)
			continue;
		o->n_members = kept;
		for (unsigned i = 0; i < o->content->n; i++)
			if (o->content->way[i].ifindex != s->ifindex ||
			    !addr_eq(&o->content->way[i].via, &s->via))
				way[n++] = o->content->way[i];
		content = ways_get(f->ways, TAG_CONTENT, way, n, NULL);
		object_content(o, content);
		ways_unref(content);
		f->resync |= !content;
	}
}

static void done_single(struct fib *f, const struct fib_op *op, const struct fib_result *result)
{
	struct single *s = op->subject;
	struct reason why;

	if (op->kind == FIB_OP_NEXTHOP_DEL) {
		if (is_gone(result->err)) {
			leave_groups(f, s);
			single_free(f, s);
			return;
		}
		s->hold = mtime_add(f->now, fib_backoff(s->tries++));
		f->resync = true;
		return;
	}
	if (result->err == 0) {
		s->exists = true;
		s->tries = 0;
		return;
	}
	if (result->err == -EEXIST && s->tries++ < FIB_ID_TRIES) {
		nhid_taken(f, s->id, true);
		single_rename(f, s);
		return;
	}
	s->tries = 0;
	kernel_reason(&why, "a next hop", result);
	if (op->way.interface[0])
		reason_add(&why, " through %s", op->way.interface);
	list_for_each (&f->objects, struct object, o, node) {
		if (depends_on(o, s) && (!o->exists || o->content != o->target))
			object_failed(f, o, &why);
	}
}

static void done_group(struct fib *f, const struct fib_op *op, const struct fib_result *result)
{
	struct object *o = op->subject;
	struct reason why;

	if (op->kind == FIB_OP_GROUP_DEL) {
		if (is_gone(result->err)) {
			object_free(o);
			return;
		}
		o->hold = mtime_add(f->now, fib_backoff(o->tries++));
		f->resync = true;
		return;
	}
	if (result->err == 0) {
		o->exists = true;
		o->tries = 0;
		memcpy(o->member, op->member, op->n_members * sizeof(o->member[0]));
		o->n_members = op->n_members;
		object_content(o, o->target);
		return;
	}
	if (op->kind == FIB_OP_GROUP_ADD && result->err == -EEXIST && o->tries++ < FIB_ID_TRIES) {
		nhid_taken(f, o->id, true);
		o->id = nhid_new(f);
		return;
	}
	o->tries = 0;
	f->resync = true;
	kernel_reason(&why, "a nexthop group", result);
	object_failed(f, o, &why);
}

void fib_done(struct fib *f, const struct fib_op *op, const struct fib_result *result)
{
	f->dirty = true;
	switch (op->kind) {
	case FIB_OP_NEXTHOP_ADD:
	case FIB_OP_NEXTHOP_DEL: done_single(f, op, result); break;
	case FIB_OP_GROUP_ADD:
	case FIB_OP_GROUP_SET:
	case FIB_OP_GROUP_DEL: done_group(f, op, result); break;
	case FIB_OP_ROUTE_ADD:
	case FIB_OP_ROUTE_MOVE:
	case FIB_OP_ROUTE_DEL: done_route(f, op, result); break;
	}
}

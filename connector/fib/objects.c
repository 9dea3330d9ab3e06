/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nexthop objects: singles (one way each), what routes refer to (groups, or a single directly), and their
 * ids.
 *
 * Invariants: a group's content is changed only when all of its routes agree on the new one, or by leaving
 * out ways that can't be used; so no packet takes a way that its route doesn't want. Singles never change. An
 * id in our range that somebody else holds is never used.
 */
#include "connector/fib/plan_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- ids ---- */

void nhid_taken(struct fib *f, uint32_t id, bool taken)
{
	size_t i = 0;

	if (id < FIB_NHID_FIRST || id - FIB_NHID_FIRST >= FIB_NHID_COUNT)
		return;
	while (i < f->n_taken && f->taken[i] != id)
		i++;
	if (!taken && i < f->n_taken)
		f->taken[i] = f->taken[--f->n_taken];
	if (!taken || i < f->n_taken)
		return;
	if (f->n_taken == f->room_taken) {
		size_t room = f->room_taken ? f->room_taken * 2 : 16;
		uint32_t *more = realloc(f->taken, room * sizeof(*more));

		if (!more)
			return; /* the kernel will say EEXIST, and the next id is tried */
		f->taken = more;
		f->room_taken = room;
	}
	f->taken[f->n_taken++] = id;
}

static bool nhid_free(const struct fib *f, uint32_t id)
{
	for (size_t i = 0; i < f->n_taken; i++)
		if (f->taken[i] == id)
			return false;
	return !object_by_id(f, id) && !single_by_id(f, id);
}

uint32_t nhid_new(struct fib *f)
{
	do {
		if (f->next_id < FIB_NHID_FIRST || f->next_id - FIB_NHID_FIRST >= FIB_NHID_COUNT)
			f->next_id = FIB_NHID_FIRST;
	} while (!nhid_free(f, f->next_id++));
	return f->next_id - 1;
}

/* ---- finding and making ---- */

struct object *object_by_id(const struct fib *f, uint32_t id)
{
	list_for_each ((struct list *)&f->objects, struct object, o, node) {
		if (o->id == id)
			return o;
	}
	return NULL;
}

/* Singles of one interface stand in one chain: they are as many as its gateways. */
static uint64_t way_hash(int ifindex)
{
	return (uint64_t)ifindex;
}

struct single *single_by_id(const struct fib *f, uint32_t id)
{
	struct hnode *n = htab_find(&f->singles_by_id, id);

	return n ? container_of(n, struct single, by_id) : NULL;
}

/* Is it rather this one? What exists comes first, then what is older. */
static bool rather(const struct single *s, const struct single *found)
{
	if (!found || s->exists != found->exists)
		return !found || s->exists;
	return s->id < found->id;
}

struct single *single_find(const struct fib *f, const struct fib_way *way)
{
	struct single *found = NULL;

	for (struct hnode *n = htab_find(&f->singles_by_way, way_hash(way->ifindex)); n;
	     n = htab_find_next(n)) {
		struct single *s = container_of(n, struct single, by_way);

		if (addr_eq(&s->via, &way->via) && rather(s, found))
			found = s;
	}
	return found;
}

struct single *single_new(struct fib *f, uint32_t id, const struct fib_way *way)
{
	struct single *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->id = id;
	s->ifindex = way->ifindex;
	s->via = way->via;
	if (htab_add(&f->singles_by_id, &s->by_id, id) < 0) {
		free(s);
		return NULL;
	}
	if (htab_add(&f->singles_by_way, &s->by_way, way_hash(way->ifindex)) < 0) {
		htab_remove(&f->singles_by_id, &s->by_id);
		free(s);
		return NULL;
	}
	list_append(&f->singles, &s->node);
	return s;
}

void single_free(struct fib *f, struct single *s)
{
	htab_remove(&f->singles_by_id, &s->by_id);
	htab_remove(&f->singles_by_way, &s->by_way);
	list_remove(&s->node);
	free(s);
}

/* Adding again what was just removed takes no memory. */
void single_turn(struct fib *f, struct single *s, const struct fib_way *way)
{
	s->ifindex = way->ifindex;
	s->via = way->via;
	htab_remove(&f->singles_by_way, &s->by_way);
	(void)htab_add(&f->singles_by_way, &s->by_way, way_hash(way->ifindex));
}

struct single *single_make(struct fib *f, const struct fib_way *way)
{
	struct single *s = single_find(f, way);

	return s ? s : single_new(f, nhid_new(f), way);
}

void single_rename(struct fib *f, struct single *s)
{
	s->exists = false;
	s->id = nhid_new(f);
	htab_remove(&f->singles_by_id, &s->by_id);
	(void)htab_add(&f->singles_by_id, &s->by_id, s->id);
	list_for_each (&f->objects, struct object, o, node) {
		if (o->single != s)
			continue;
		o->id = s->id;
		o->exists = false;
		object_content(o, NULL);
	}
}

struct object *object_make(struct fib *f, enum object_kind kind, const struct fib_ways *target)
{
	struct object *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->kind = kind;
	o->target = target ? ways_ref(target) : NULL;
	list_init(&o->bundles);
	if (kind == OBJECT_GROUP)
		o->id = nhid_new(f);
	list_append(&f->objects, &o->node);
	return o;
}

struct object *object_over(struct fib *f, struct single *s)
{
	const struct fib_way way = { .ifindex = s->ifindex, .via = s->via, .weight = 1 };
	const struct fib_ways *set;
	struct object *o;

	list_for_each (&f->objects, struct object, known, node) {
		if (known->single == s)
			return known;
	}
	set = ways_get(f->ways, TAG_CONTENT, &way, 1);
	o = set ? object_make(f, OBJECT_SINGLE, set) : NULL;
	if (o) {
		o->single = s;
		o->id = s->id;
		o->exists = s->exists;
		if (s->exists)
			object_content(o, set);
	}
	ways_unref(set);
	return o;
}

struct object *object_unreachable(struct fib *f, uint8_t family)
{
	const struct fib_way way = { .ifindex = FIB_UNREACHABLE, .via = { .family = family }, .weight = 1 };
	const struct fib_ways *set = ways_get(f->ways, TAG_CONTENT, &way, 1);
	struct object *o = NULL;

	list_for_each (&f->objects, struct object, known, node) {
		if (known->kind == OBJECT_UNREACHABLE && known->target == set)
			o = known;
	}
	if (!o && set)
		o = object_make(f, OBJECT_UNREACHABLE, set);
	if (o && !o->exists) {
		o->exists = true;
		object_content(o, set);
	}
	ways_unref(set);
	return o;
}

bool object_in_use(const struct object *o)
{
	return !list_empty(&o->bundles) || o->orphans;
}

void object_free(struct object *o)
{
	if (!o)
		return;
	list_remove(&o->node);
	ways_unref(o->content);
	ways_unref(o->target);
	free(o);
}

void object_content(struct object *o, const struct fib_ways *content)
{
	const struct fib_ways *old = o->content;

	o->content = content ? ways_ref(content) : NULL;
	ways_unref(old);
}

static void object_target(struct object *o, const struct fib_ways *target)
{
	const struct fib_ways *old = o->target;

	o->target = target ? ways_ref(target) : NULL;
	ways_unref(old);
}

/* ---- the picture ---- */

static const struct fib_ways *resolve(struct fib *f, const struct object *o)
{
	struct fib_way way[FIB_WAYS_MAX];

	for (unsigned i = 0; i < o->n_members; i++) {
		const struct single *s = single_by_id(f, o->member[i].id);

		if (!s || !s->exists)
			return NULL;
		way[i] =
		    (struct fib_way){ .ifindex = s->ifindex, .via = s->via, .weight = o->member[i].weight };
	}
	return ways_get(f->ways, TAG_CONTENT, way, o->n_members);
}

void objects_resolve(struct fib *f)
{
	list_for_each (&f->objects, struct object, o, node) {
		const struct fib_ways *content = NULL;

		if (o->kind == OBJECT_ODD || o->kind == OBJECT_UNREACHABLE)
			continue;
		if (o->kind == OBJECT_SINGLE) {
			o->exists = o->single->exists;
			object_content(o, o->exists ? o->target : NULL);
			continue;
		}
		if (o->exists)
			content = resolve(f, o);
		object_content(o, content);
		ways_unref(content);
		if (!o->target && content)
			object_target(o, content);
		o->frozen = false;
	}
}

const struct fib_ways *ways_usable(struct fib *f, const struct fib_ways *set)
{
	struct fib_ways *s = (struct fib_ways *)set; /* the cache is no part of its value */
	struct fib_way way[FIB_WAYS_MAX];
	const struct fib_ways *part;
	unsigned n = 0;

	if (s->usable_epoch == f->epoch && s->usable)
		return s->usable;
	for (unsigned i = 0; i < s->n; i++)
		if (link_usable(f, s->way[i].ifindex))
			way[n++] = s->way[i];
	part = ways_get(f->ways, TAG_CONTENT, way, n);
	if (!part)
		return set;
	if (part == set) {
		ways_unref(part); /* a set doesn't hold itself */
		return set;
	}
	ways_unref(s->usable);
	s->usable = part;
	s->usable_epoch = f->epoch;
	return part;
}

/* ---- what should become of them ---- */

static bool is_wish(const struct bundle *b)
{
	return b->set->tag == TAG_IPV4 || b->set->tag == TAG_IPV6;
}

/* All routes of the object want the same; what that is, or NULL. Those that are to go don't count. */
static const struct fib_ways *agreed(struct fib *f, const struct object *o)
{
	const struct fib_ways *one = NULL;

	if (o->orphans)
		return NULL;
	list_for_each ((struct list *)&o->bundles, struct bundle, b, node) {
		const struct fib_ways *vote = NULL;

		if (is_wish(b))
			vote = ways_usable(f, b->set);
		else if (b->set->tag == TAG_LEFTOVER && !f->reconciled)
			vote = o->content;
		if (!vote || !vote->n)
			continue;
		if (one && vote != one)
			return NULL;
		one = vote;
	}
	return one;
}

static void decide_target(struct fib *f, struct object *o)
{
	const struct fib_ways *target = o->content, *part;

	if (o->kind == OBJECT_GROUP && !o->frozen && !list_empty(&o->bundles)) {
		target = agreed(f, o);
		if (!target && o->content) {
			part = ways_usable(f, o->content);
			target = part->n ? part : o->content;
		}
	}
	if (target)
		object_target(o, target);
	o->needed = false;
}

/* Which kind a set of ways should get: see the header. */
static enum object_kind kind_for(const struct bundle *b, const struct fib_ways *usable)
{
	if (usable->n == 1 && usable->way[0].ifindex == FIB_UNREACHABLE)
		return OBJECT_UNREACHABLE;
	return b->set->tag == TAG_IPV6 && usable->n == 1 ? OBJECT_SINGLE : OBJECT_GROUP;
}

static struct object *object_for(struct fib *f, struct bundle *b, const struct fib_ways *usable)
{
	enum object_kind kind = kind_for(b, usable);
	struct object *found = NULL;
	struct single *s;

	list_for_each (&f->objects, struct object, o, node) {
		if (o->kind != kind || o->target != usable || (o->frozen && o->content != usable))
			continue;
		if (!found || o->content == usable)
			found = o;
	}
	if (found)
		return found;
	if (kind == OBJECT_UNREACHABLE)
		return object_unreachable(f, usable->way[0].via.family);
	if (kind == OBJECT_GROUP)
		return object_make(f, kind, usable);
	s = single_make(f, &usable->way[0]);
	return s ? object_over(f, s) : NULL;
}

static bool at_home(const struct object *o, const struct fib_ways *usable)
{
	return o->kind != OBJECT_ODD && o->target == usable && (!o->frozen || o->content == usable);
}

/* Where the routes of a bundle should go, unless they are at home. */
static void decide_goal(struct fib *f, struct bundle *b)
{
	const struct fib_ways *usable;

	b->goal = NULL;
	if (!is_wish(b) || (list_empty(&b->fresh) && list_empty(&b->calm)))
		return;
	usable = ways_usable(f, b->set);
	if (!usable->n || (b->object && at_home(b->object, usable)))
		return;
	b->goal = object_for(f, b, usable);
	if (b->goal)
		b->goal->needed = true;
}

void objects_decide(struct fib *f)
{
	list_for_each (&f->objects, struct object, o, node)
		decide_target(f, o);
	list_for_each (&f->absent, struct bundle, b, node)
		decide_goal(f, b);
	for (struct list *n = f->objects.next; n != &f->objects;
	     n = n->next) { /* grows behind while we walk */
		struct object *o = list_entry(n, struct object, node);

		list_for_each (&o->bundles, struct bundle, b, node)
			decide_goal(f, b);
	}
	list_for_each (&f->objects, struct object, o, node) {
		if (o->kind != OBJECT_ODD && !o->needed && !object_in_use(o) &&
		    (!o->exists || o->kind == OBJECT_SINGLE || o->kind == OBJECT_UNREACHABLE))
			object_free(o);
	}
}

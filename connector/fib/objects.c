/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nexthop objects: singles (one way each), what routes refer to (groups, or a single directly), and their
 * ids.
 *
 * Invariants: a group's content is changed only when all of its routes agree on the new one, or by leaving
 * out ways that can't be used; so no packet takes a way that its route doesn't want. Singles never change. A
 * way has one single for the groups where it is alone, and another one, shared, for those where it is one of
 * several: when the way is lost, the shared one is deleted, and all these groups have left it by one message.
 * An id in our range that somebody else holds is never used.
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

struct single *single_find(const struct fib *f, const struct fib_way *way, bool shared)
{
	struct single *found = NULL;

	for (struct hnode *n = htab_find(&f->singles_by_way, way_hash(way->ifindex)); n;
	     n = htab_find_next(n)) {
		struct single *s = container_of(n, struct single, by_way);

		if (s->shared == shared && addr_eq(&s->via, &way->via) && rather(s, found))
			found = s;
	}
	return found;
}

struct single *single_new(struct fib *f, uint32_t id, const struct fib_way *way, bool shared)
{
	struct single *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->id = id;
	s->shared = shared;
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

struct single *single_make(struct fib *f, const struct fib_way *way, bool shared)
{
	struct single *s = single_find(f, way, shared);

	return s ? s : single_new(f, nhid_new(f), way, shared);
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

static const struct fib_ways *ways_ref_or_null(const struct fib_ways *w)
{
	return w ? ways_ref(w) : NULL;
}

struct object *object_make(struct fib *f, enum object_kind kind, const struct fib_ways *exact)
{
	struct object *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->kind = kind;
	o->exact = ways_ref_or_null(exact);
	o->target = ways_ref_or_null(ways_image(f, exact));
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
	set = ways_get(f->ways, TAG_CONTENT, &way, 1, NULL);
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
	const struct fib_ways *set = ways_get(f->ways, TAG_CONTENT, &way, 1, NULL);
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
	return !list_empty(&o->bundles);
}

void object_free(struct object *o)
{
	if (!o)
		return;
	list_remove(&o->node);
	ways_unref(o->content);
	ways_unref(o->target);
	ways_unref(o->exact);
	free(o);
}

void object_content(struct object *o, const struct fib_ways *content)
{
	const struct fib_ways *old = o->content;

	o->content = content ? ways_ref(content) : NULL;
	ways_unref(old);
}

static void set_ways(const struct fib_ways **at, const struct fib_ways *ways)
{
	const struct fib_ways *old = *at;

	*at = ways_ref_or_null(ways);
	ways_unref(old);
}

static void object_target(struct object *o, const struct fib_ways *target)
{
	set_ways(&o->target, target);
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
	return ways_get(f->ways, TAG_CONTENT, way, o->n_members, NULL);
}

/* Which of an earlier run's singles stand in groups of several. */
static void find_shared(struct fib *f, const struct object *o)
{
	for (unsigned i = 0; o->exists && o->n_members > 1 && i < o->n_members; i++) {
		struct single *s = single_by_id(f, o->member[i].id);

		if (s && s->leftover)
			s->shared = true;
	}
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
		find_shared(f, o);
		if (o->exists)
			content = resolve(f, o);
		object_content(o, content);
		ways_unref(content);
		if (!o->target && content)
			object_target(o, content);
		o->frozen = false;
	}
}

/* ---- what should become of them ---- */

/*
 * All routes of the object want the same ways in the kernel; what these are, or NULL. Those that are to go
 * don't count, but then the object isn't whole. ret_exact: what most of them want, backup and all.
 */
static const struct fib_ways *agreed(struct fib *f, struct object *o, const struct fib_ways **ret_exact)
{
	const struct fib_ways *one = NULL;
	size_t most = 0;

	o->whole = true;
	list_for_each (&o->bundles, struct bundle, b, node) {
		const struct fib_ways *vote = NULL, *image;

		if (is_wish(b->set))
			vote = ways_usable(f, b->set);
		else if (b->set->tag == TAG_LEFTOVER && !f->reconciled)
			vote = o->content;
		if (!vote || !vote->n) {
			o->whole = false;
			continue;
		}
		image = ways_image(f, vote);
		if (one && image != one) {
			o->whole = false;
			return NULL;
		}
		one = image;
		if (is_wish(b->set) && b->n > most) {
			most = b->n;
			*ret_exact = vote;
		}
	}
	return one;
}

static void decide_target(struct fib *f, struct object *o)
{
	const struct fib_ways *target = o->content, *exact = NULL, *part;

	o->whole = false;
	if (o->kind == OBJECT_GROUP && !o->frozen && !list_empty(&o->bundles)) {
		target = agreed(f, o, &exact);
		if (!target && o->content) {
			exact = NULL;
			part = ways_image(f, ways_usable(f, o->content));
			target = part->n ? part : o->content;
		}
	}
	if (target)
		object_target(o, target);
	if (exact)
		set_ways(&o->exact, exact);
	else if (target && ways_image(f, o->exact) != target)
		set_ways(&o->exact, target);
	o->needed = false;
}

/* Which kind a set of ways should get: see the header. */
static enum object_kind kind_for(const struct bundle *b, const struct fib_ways *usable)
{
	if (usable->n == 1 && usable->way[0].ifindex == FIB_UNREACHABLE)
		return OBJECT_UNREACHABLE;
	if ((b->set->tag & ~TAG_LEARNED) == TAG_IPV6 && usable->n == 1 && !usable->have_backup)
		return OBJECT_SINGLE;
	return OBJECT_GROUP;
}

static struct object *object_for(struct fib *f, struct bundle *b, const struct fib_ways *usable)
{
	const struct fib_ways *image = ways_image(f, usable);
	enum object_kind kind = kind_for(b, usable);
	struct object *found = NULL;
	struct single *s;

	list_for_each (&f->objects, struct object, o, node) {
		if (o->kind != kind || o->target != image || o->exact != usable ||
		    (o->frozen && o->content != image))
			continue;
		if (!found || o->content == image)
			found = o;
	}
	if (found)
		return found;
	if (kind == OBJECT_UNREACHABLE)
		return object_unreachable(f, usable->way[0].via.family);
	if (kind == OBJECT_GROUP)
		return object_make(f, kind, usable);
	s = single_make(f, &usable->way[0], false);
	return s ? object_over(f, s) : NULL;
}

bool objects_strict(const struct fib *f)
{
	return mtime_reached(mtime_add(f->last_want, mdur_s(LODGE_QUIET_S)), f->now);
}

/*
 * A bundle is at home in an object with the ways it wants. If the object is for another backup, it only
 * lodges there: that is good enough while wishes keep coming (a million may be about to agree on the same new
 * backup), but then it moves to an object that can follow its own backup.
 */
static bool at_home(struct fib *f, const struct object *o, const struct fib_ways *usable)
{
	const struct fib_ways *image = ways_image(f, usable);

	if (o->kind == OBJECT_ODD || o->target != image || (o->frozen && o->content != image))
		return false;
	if (o->exact == usable || o->kind == OBJECT_UNREACHABLE || o->frozen)
		return true;
	if (objects_strict(f))
		return false;
	f->lodgers = true;
	return true;
}

/* Where the routes of a bundle should go, unless they are at home. */
static void decide_goal(struct fib *f, struct bundle *b)
{
	const struct fib_ways *usable;

	b->goal = NULL;
	if (!is_wish(b->set) || (!b->fresh.first && !b->calm.first))
		return;
	usable = ways_usable(f, b->set);
	if (!usable->n || (b->object && at_home(f, b->object, usable)))
		return;
	b->goal = object_for(f, b, usable);
	if (b->goal)
		b->goal->needed = true;
}

void objects_decide(struct fib *f)
{
	f->lodgers = false;
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
	if (f->lodgers)
		f->deadline = mtime_min(f->deadline, mtime_add(f->last_want, mdur_s(LODGE_QUIET_S)));
}

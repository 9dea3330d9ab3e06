/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles: routes with the same object and the same wanted ways. They are found by a hash of the pair, named
 * in routes by number, and freed when the last route leaves.
 */
#include "connector/fib/plan_internal.h"

#include <stdlib.h>
#include <string.h>

struct bundle *route_bundle(const struct fib *f, const struct route *r)
{
	return f->bundle ? f->bundle[r->bundle] : NULL;
}

struct object *route_object(const struct fib *f, const struct route *r)
{
	const struct bundle *b = route_bundle(f, r);

	return b ? b->object : NULL;
}

static uint64_t pair_hash(const struct object *o, const struct fib_ways *set)
{
	return ((uint64_t)(uintptr_t)o >> 4) * 31 ^ (uint64_t)(uintptr_t)set >> 4;
}

static struct bundle *bundle_find(const struct fib *f, const struct object *o, const struct fib_ways *set)
{
	struct hnode *n = htab_find(&f->bundles_by_pair, pair_hash(o, set));

	for (; n; n = htab_find_next(n)) {
		struct bundle *b = container_of(n, struct bundle, by_pair);

		if (b->object == o && b->set == set)
			return b;
	}
	return NULL;
}

/* Room for a number, and a few bundles for when memory is out in the midst of something that can't fail. */
void bundles_reserve(struct fib *f)
{
	while (f->spare_bundles < BUNDLE_SPARES) {
		struct bundle *b = calloc(1, sizeof(*b));

		if (!b)
			return;
		f->spare[f->spare_bundles++] = b;
	}
	if (f->room_bundles < f->n_bundles + BUNDLE_SPARES) {
		uint32_t room = f->room_bundles * 2 + BUNDLE_SPARES + 1;
		struct bundle **more = realloc(f->bundle, room * sizeof(*more));

		if (!more)
			return;
		memset(more + f->room_bundles, 0, (room - f->room_bundles) * sizeof(*more));
		f->bundle = more;
		f->room_bundles = room;
	}
}

/* A free one; 0: there is no room. */
static uint32_t bundle_number(struct fib *f)
{
	for (uint32_t i = 1; i <= f->n_bundles; i++)
		if (!f->bundle[i])
			return i;
	return f->n_bundles + 1 < f->room_bundles ? ++f->n_bundles : 0;
}

struct bundle *bundle_get(struct fib *f, struct object *o, const struct fib_ways *set)
{
	struct bundle *b = bundle_find(f, o, set);
	uint32_t number;

	if (b)
		return b;
	if (f->spare_bundles < BUNDLE_SPARES / 2)
		bundles_reserve(f);
	number = f->spare_bundles ? bundle_number(f) : 0;
	if (!number)
		return NULL;
	b = f->spare[f->spare_bundles - 1];
	if (htab_add(&f->bundles_by_pair, &b->by_pair, pair_hash(o, set)) < 0)
		return NULL;
	f->spare_bundles--;
	b->number = number;
	f->bundle[number] = b;
	b->object = o;
	b->set = ways_ref(set);
	list_prepend(o ? &o->bundles : &f->absent, &b->node);
	return b;
}

void bundle_free(struct fib *f, struct bundle *b)
{
	list_remove(&b->node);
	htab_remove(&f->bundles_by_pair, &b->by_pair);
	f->bundle[b->number] = NULL;
	ways_unref(b->set);
	free(b);
}

/* Out of the list that it stands in. Who is first or last of one shows which. */
void route_unlist(struct fib *f, struct route *r)
{
	struct bundle *b = route_bundle(f, r);
	route_no no = route_no_of(r);

	if (r->parked)
		route_list_remove(f, &f->parked, r);
	else if (b)
		route_list_remove(f, b->fresh.first == no || b->fresh.last == no ? &b->fresh : &b->calm, r);
}

void bundle_leave(struct fib *f, struct route *r)
{
	struct bundle *b = route_bundle(f, r);

	route_unlist(f, r);
	r->bundle = 0;
	r->parked = r->blocked = false;
	if (b && !--b->n)
		bundle_free(f, b);
}

void route_calm(struct fib *f, struct route *r)
{
	struct bundle *b = route_bundle(f, r);

	route_unlist(f, r);
	route_list_append(f, &b->calm, r);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which ways of a set can be used: those by interfaces that are up, of learned routes without those that are
 * lost, and the backup where none of its own is left. Answers are kept with the set until something changes
 * (fib.epoch).
 */
#include "connector/fib/plan_internal.h"

#include <stdlib.h>

static struct lost *lost_find(const struct fib *f, int ifindex, const struct addr *via)
{
	list_for_each ((struct list *)&f->lost, struct lost, x, node) {
		if (x->ifindex == ifindex && addr_eq(&x->via, via))
			return x;
	}
	return NULL;
}

int fib_way_is(struct fib *f, int ifindex, const struct addr *via, enum fib_way_state state)
{
	struct lost *x = lost_find(f, ifindex, via);

	if (x ? x->state == state : state == FIB_WAY_GOOD)
		return 0;
	if (!x) {
		x = calloc(1, sizeof(*x));
		if (!x)
			return -1;
		x->ifindex = ifindex;
		x->via = *via;
		list_append(&f->lost, &x->node);
	}
	x->state = state;
	if (state == FIB_WAY_GOOD) {
		list_remove(&x->node);
		free(x);
	}
	f->epoch++;
	f->protect_dirty = f->dirty = true;
	return 0;
}

void lost_forget(struct fib *f, int ifindex)
{
	list_for_each (&f->lost, struct lost, x, node) {
		if (x->ifindex == ifindex) {
			list_remove(&x->node);
			free(x);
		}
	}
}

const struct fib_ways *ways_image(struct fib *f, const struct fib_ways *set)
{
	struct fib_ways *s = (struct fib_ways *)set; /* the cache is no part of its value */

	if (!s || (s->tag == TAG_CONTENT && !s->have_backup))
		return set;
	if (!s->image)
		s->image = ways_get(f->ways, TAG_CONTENT, s->way, s->n, NULL);
	return s->image ? s->image : set;
}

enum fib_way_state way_state(const struct fib *f, const struct fib_way *way)
{
	enum fib_way_state worst = FIB_WAY_GOOD;

	list_for_each ((struct list *)&f->lost, struct lost, x, node) {
		if (x->ifindex == way->ifindex && x->state > worst &&
		    (addr_is_none(&x->via) || addr_eq(&x->via, &way->via)))
			worst = x->state;
	}
	return worst;
}

/* Moves the ways that are in this state at worst to the front. Returns how many. */
static unsigned prefer(const struct fib *f, struct fib_way way[], unsigned n, enum fib_way_state worst)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct fib_way one = way[i];

		if (way_state(f, &one) > worst)
			continue;
		way[i] = way[kept];
		way[kept++] = one;
	}
	return kept;
}

/*
 * The ways that can be used; of learned routes the good ones, or else the backup, or else those that are lost
 * but not dead. Returns how many.
 */
static unsigned pick_ways(const struct fib *f, const struct fib_ways *s, struct fib_way way[FIB_WAYS_MAX],
    const struct fib_way **ret_backup)
{
	bool backup =
	    s->have_backup && link_usable(f, s->backup.ifindex) && way_state(f, &s->backup) == FIB_WAY_GOOD;
	unsigned n = 0, good;

	*ret_backup = backup ? &s->backup : NULL;
	for (unsigned i = 0; i < s->n; i++)
		if (link_usable(f, s->way[i].ifindex))
			way[n++] = s->way[i];
	if (!(s->tag & TAG_LEARNED))
		return n;
	good = prefer(f, way, n, FIB_WAY_GOOD);
	if (good)
		return good;
	if (!backup)
		return prefer(f, way, n, FIB_WAY_LOST);
	way[0] = s->backup;
	*ret_backup = NULL;
	return 1;
}

const struct fib_ways *ways_usable(struct fib *f, const struct fib_ways *set)
{
	struct fib_ways *s = (struct fib_ways *)set; /* the cache is no part of its value */
	struct fib_way way[FIB_WAYS_MAX];
	const struct fib_way *backup;
	const struct fib_ways *part;
	unsigned n;

	if (s->usable_epoch == f->epoch && s->usable)
		return s->usable;
	n = pick_ways(f, s, way, &backup);
	part = ways_get(f->ways, TAG_CONTENT, way, n, backup);
	if (!part || (backup && ways_image(f, part) == part)) {
		ways_unref(part);
		return ways_image(f, set);
	}
	if (part == set) {
		ways_unref(part); /* a set doesn't hold itself */
		return set;
	}
	ways_unref(s->usable);
	s->usable = part;
	s->usable_epoch = f->epoch;
	return part;
}

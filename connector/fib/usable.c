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

int fib_way_lost(struct fib *f, int ifindex, const struct addr *via, bool lost)
{
	struct lost *x = lost_find(f, ifindex, via);

	if ((x != NULL) == lost)
		return 0;
	if (lost) {
		x = calloc(1, sizeof(*x));
		if (!x)
			return -1;
		x->ifindex = ifindex;
		x->via = *via;
		list_append(&f->lost, &x->node);
	} else {
		list_remove(&x->node);
		free(x);
	}
	f->epoch++;
	f->protect_dirty = f->dirty = true;
	return 0;
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

bool way_is_lost(const struct fib *f, const struct fib_way *way)
{
	list_for_each ((struct list *)&f->lost, struct lost, x, node) {
		if (x->ifindex == way->ifindex && (addr_is_none(&x->via) || addr_eq(&x->via, &way->via)))
			return true;
	}
	return false;
}

/*
 * The ways that can be used; of learned routes without those that are lost, if others remain, and with the
 * backup where no way of their own is good. Returns how many.
 */
static unsigned pick_ways(const struct fib *f, const struct fib_ways *s, struct fib_way way[FIB_WAYS_MAX],
    const struct fib_way **ret_backup)
{
	bool backup = s->have_backup && link_usable(f, s->backup.ifindex) && !way_is_lost(f, &s->backup);
	unsigned n = 0, good = 0;

	*ret_backup = backup ? &s->backup : NULL;
	for (unsigned i = 0; i < s->n; i++)
		if (link_usable(f, s->way[i].ifindex))
			way[n++] = s->way[i];
	if (!(s->tag & TAG_LEARNED))
		return n;
	for (unsigned i = 0; i < n; i++)
		if (!way_is_lost(f, &way[i])) {
			struct fib_way kept = way[i];

			way[i] = way[good];
			way[good++] = kept;
		}
	if (good)
		return good;
	if (!backup)
		return n;
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

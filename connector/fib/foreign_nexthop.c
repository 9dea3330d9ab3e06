/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nexthop objects of others, so far as pins need them: with the sysctl net.ipv4.nexthop_compat_mode off the
 * kernel shows a route by the id of its object alone, and its ways stand there. A group's members are looked
 * up when asked for; groups have no groups in them, so that is one step.
 */
#include "connector/fib/plan_internal.h"

#include <stdlib.h>

struct foreign_nexthop {
	struct list node;
	uint32_t seen;
	struct fib_seen_nexthop n;
};

static struct foreign_nexthop *find(const struct fib *f, uint32_t id)
{
	list_for_each ((struct list *)&f->foreign_nexthops, struct foreign_nexthop, x, node) {
		if (x->n.id == id)
			return x;
	}
	return NULL;
}

void foreign_nexthop_saw(struct fib *f, const struct fib_seen_nexthop *seen, bool gone)
{
	struct foreign_nexthop *x = find(f, seen->id);

	f->underlay_dirty = f->dirty = true;
	if (gone) {
		if (x)
			list_remove(&x->node);
		free(x);
		return;
	}
	if (!x) {
		x = calloc(1, sizeof(*x));
		if (!x) {
			f->resync = true;
			return;
		}
		list_append(&f->foreign_nexthops, &x->node);
	}
	x->n = *seen;
	x->seen = f->generation;
}

void foreign_nexthop_sweep(struct fib *f, bool all)
{
	list_for_each (&f->foreign_nexthops, struct foreign_nexthop, x, node) {
		if (!all && x->seen == f->generation)
			continue;
		list_remove(&x->node);
		free(x);
	}
}

unsigned foreign_nexthop_ways(const struct fib *f, uint32_t id, struct fib_way way[FIB_WAYS_MAX])
{
	const struct foreign_nexthop *x = find(f, id);
	unsigned n = 0;

	if (!x)
		return 0;
	if (!x->n.group) {
		way[0] = x->n.way;
		return x->n.way.ifindex ? 1 : 0;
	}
	for (unsigned i = 0; i < x->n.n_members; i++) {
		const struct foreign_nexthop *member = find(f, x->n.member[i].id);

		if (!member || member->n.group || !member->n.way.ifindex)
			continue;
		way[n] = member->n.way;
		way[n++].weight = x->n.member[i].weight;
	}
	return n;
}

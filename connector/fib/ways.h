/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of ways, each kept once: a million routes share a handful of them, and comparing two sets is comparing
 * pointers. Immutable and counted. Not thread safe: a table and its sets belong to one thread.
 */
#ifndef CW_FIB_WAYS_H
#define CW_FIB_WAYS_H

#include "connector/fib/fib.h"

#define FIB_WEIGHT_MAX 256 /* what a nexthop group can say */

struct ways_table;

struct fib_ways {
	struct ways_table *table;
	struct fib_ways *next; /* in its bucket */
	unsigned refs;
	uint32_t id; /* the owner's of the table; 0 at first */
	uint8_t tag; /* part of its identity: what the owner of the table makes of it */
	uint8_t n;
	bool have_backup, sent; /* sent: the owner's */
	struct fib_way backup;  /* part of its identity: where its routes go when no way is left */
	/* Caches of the planner's, owned references: the usable part of this set as of an epoch, and its ways
	 * alone. */
	const struct fib_ways *usable, *image;
	uint64_t usable_epoch;
	struct fib_way way[]; /* ordered by interface and gateway, each once */
};

/* owners: who asked for a way is part of a set's identity. NULL when memory is out. */
struct ways_table *ways_table_new(bool owners);
void ways_table_free(struct ways_table *t); /* all references must be gone */
/* To be called when the last reference to a set goes, before it is freed. */
void ways_table_on_free(struct ways_table *t, void (*gone)(void *ctx, const struct fib_ways *w), void *ctx);

/*
 * The set with these ways, n FIB_WAYS_MAX at most; order doesn't matter, a way that comes twice counts once,
 * weights are brought into range. One reference more for the caller. NULL when memory is out.
 */
const struct fib_ways *ways_get(struct ways_table *t, uint8_t tag, const struct fib_way way[], unsigned n,
    const struct fib_way *backup); /* NULL: none */
const struct fib_ways *ways_ref(const struct fib_ways *w);
void ways_unref(const struct fib_ways *w); /* NULL is legal */
bool ways_within(const struct fib_ways *inner,
    const struct fib_ways *outer); /* each way of inner is in outer, weights aside */

bool ways_has(const struct fib_ways *w, int ifindex, const struct addr *via);

/* Do two routes go the same way? By the same ways in the same order, from the same source address. */
bool ways_same_path(const struct fib_route *a, const struct fib_route *b);

#endif

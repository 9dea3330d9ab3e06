/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue of deadlines: which comes first is known at once, setting one is cheap however many there are.
 * Intrusive (nodes live inside the caller's objects, zeroed before first use) and without memory of its own,
 * so nothing here can fail. A pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986).
 */
#ifndef CW_BASE_TIMERQ_H
#define CW_BASE_TIMERQ_H

#include "base/mtime.h"

struct timerq_node {
	struct timerq_node *child, *next,
	    *prev; /* prev: the sibling before, or the parent of a first child */
	mtime at;
	bool queued;
};

struct timerq { /* zeroed is empty */
	struct timerq_node *root;
};

/* Sets or moves its deadline; MTIME_NEVER takes it out. */
void timerq_set(struct timerq *q, struct timerq_node *n, mtime at);
void timerq_remove(struct timerq *q, struct timerq_node *n); /* also when it isn't in */
/* The node that is due first; NULL when there is none. Of equals any. */
static inline struct timerq_node *timerq_first(const struct timerq *q)
{
	return q->root;
}
static inline mtime timerq_deadline(const struct timerq *q)
{
	return q->root ? q->root->at : MTIME_NEVER;
}

#endif

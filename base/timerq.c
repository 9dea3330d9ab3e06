/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pairing heap. A node's children hang on it as a list in no order; none is due before its parent. Taking a
 * node out melds its children in pairs, left to right, and those pairs from the right, which is what makes it
 * cheap in the long run.
 */
#include "base/timerq.h"

#include <stddef.h>

static struct timerq_node *meld(struct timerq_node *a, struct timerq_node *b)
{
	if (!a || !b)
		return a ? a : b;
	if (b->at.ns < a->at.ns) {
		struct timerq_node *t = a;

		a = b;
		b = t;
	}
	b->prev = a;
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	a->child = b;
	a->next = a->prev = NULL;
	return a;
}

static struct timerq_node *meld_siblings(struct timerq_node *first)
{
	struct timerq_node *pairs = NULL, *all = NULL; /* pairs: the last one first */

	while (first) {
		struct timerq_node *a = first, *b = a->next, *rest = b ? b->next : NULL;

		a = meld(a, b);
		a->next = pairs;
		pairs = a;
		first = rest;
	}
	while (pairs) {
		struct timerq_node *rest = pairs->next;

		all = meld(all, pairs);
		pairs = rest;
	}
	if (all)
		all->next = all->prev = NULL;
	return all;
}

void timerq_remove(struct timerq *q, struct timerq_node *n)
{
	if (!n->queued)
		return;
	n->queued = false;
	if (q->root == n) {
		q->root = meld_siblings(n->child);
	} else {
		if (n->prev->child == n)
			n->prev->child = n->next;
		else
			n->prev->next = n->next;
		if (n->next)
			n->next->prev = n->prev;
		q->root = meld(q->root, meld_siblings(n->child));
	}
	n->child = n->next = n->prev = NULL;
}

void timerq_set(struct timerq *q, struct timerq_node *n, mtime at)
{
	if (n->queued && n->at.ns == at.ns)
		return;
	timerq_remove(q, n);
	if (mtime_is_never(at))
		return;
	n->at = at;
	n->queued = true;
	q->root = meld(q->root, n);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A B+ tree a family. Keys are the address's bytes and the length, so comparing bytes is the order of
 * prefix_cmp; they are compared as numbers.
 *
 * Invariants: the keys of an inner node are lower bounds of what lies under its children, but the first,
 * which also takes what is smaller; all leaves stand at one depth; no node is empty but a root leaf, which is
 * then freed. A full node is halved, or, when something is added behind its end, left full: a table that
 * comes in order fills its leaves. A leaf that runs low is joined with a neighbour under the same parent.
 *
 * With millions of entries a way down is a cache miss a level and two or three in the leaf, which is nearly
 * all that it costs. So a tree knows the leaf it used last, with the bounds of what belongs there, for as
 * long as no node was split, joined or dropped.
 */
#include "base/ptab_node.h"

/* ---- ways ---- */

/* Halves without a branch: which half is a coin's toss. */
static unsigned below_v4(const struct tree *x, const struct node *n, unsigned from, uint64_t high)
{
	unsigned left = n->n - from;

	while (left > 1) {
		unsigned half = left / 2;

		from += key_high(x, n, from + half - 1) < high ? half : 0;
		left -= half;
	}
	return from + (left && key_high(x, n, from) < high);
}

unsigned ptab_below(const struct tree *x, const struct node *n, const struct key *key)
{
	unsigned from = 0, to = n->n;

	if (x->key_size == V4_KEY)
		return below_v4(x, n, 0, key->high);
	while (from < to) {
		unsigned mid = (from + to) / 2;
		struct key k = key_read(x, n, mid);

		if (key_less(&k, key))
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

/* The child of an inner node: the last one whose key isn't above this one. The first child's key says
 * nothing, since that child takes what is smaller, too. */
static unsigned child_of(const struct tree *x, const struct node *n, const struct key *key)
{
	unsigned from = 1, to = n->n;

	if (x->key_size == V4_KEY)
		return below_v4(x, n, 1, key->high + 1) - 1;
	while (from < to) {
		unsigned mid = (from + to) / 2;
		struct key k = key_read(x, n, mid);

		if (key_less(key, &k))
			to = mid;
		else
			from = mid + 1;
	}
	return from - 1;
}

/* Notes what the child bounds. */
static unsigned step(struct tree *x, const struct node *n, const struct key *key)
{
	unsigned i = child_of(x, n, key);

	if (i) {
		x->recent.from = key_read(x, n, i);
		x->recent.first = false;
	}
	if (i + 1U < n->n) {
		x->recent.to = key_read(x, n, i + 1);
		x->recent.last = false;
	}
	return i;
}

static struct node *enter(const struct tree *x, const struct node *n, unsigned i)
{
	struct node *child = *child_at(x, n, i);

	for (size_t at = 0; at < keys_size(x); at += CACHE_LINE)
		__builtin_prefetch(child->data + at);
	return child;
}

void ptab_descend(struct tree *x, const struct key *key, struct place *ret)
{
	struct node *n = x->root;

	ret->depth = 0;
	x->recent.first = x->recent.last = true;
	while (!n->leaf) {
		unsigned i = step(x, n, key);

		ret->node[ret->depth] = n;
		ret->at[ret->depth++] = i;
		n = enter(x, n, i);
	}
	ret->node[ret->depth] = n;
	ret->at[ret->depth] = ptab_below(x, n, key);
	x->recent.leaf = n;
}

struct node *ptab_leaf(struct tree *x, const struct key *key)
{
	struct node *n = x->recent.leaf;

	if (n && (x->recent.first || !key_less(key, &x->recent.from)) &&
	    (x->recent.last || key_less(key, &x->recent.to)))
		return n;
	x->recent.first = x->recent.last = true;
	for (n = x->root; !n->leaf;)
		n = enter(x, n, step(x, n, key));
	x->recent.leaf = n;
	return n;
}

/* ---- life ---- */

struct ptab *ptab_new(size_t record_size)
{
	struct ptab *t = calloc(1, sizeof(*t));

	if (t) {
		t->record_size = record_size;
		t->tree[0].key_size = V4_KEY;
		t->tree[1].key_size = V6_KEY;
	}
	return t;
}

/* Without recursion: what hangs below the last child is freed first, and then that child is one less. */
static void tree_free(struct tree *x)
{
	while (x->root) {
		struct node *n = x->root, *parent = NULL;

		while (!n->leaf && n->n) {
			parent = n;
			n = *child_at(x, n, n->n - 1U);
		}
		free(n);
		if (parent)
			parent->n--;
		else
			x->root = NULL;
	}
}

void ptab_free(struct ptab *t)
{
	if (!t)
		return;
	tree_free(&t->tree[0]);
	tree_free(&t->tree[1]);
	free(t);
}

size_t ptab_count(const struct ptab *t)
{
	return t->count;
}

size_t ptab_bytes(const struct ptab *t)
{
	return t->bytes;
}

/* ---- finding ---- */

void *ptab_get(const struct ptab *t, const struct prefix *p)
{
	struct tree *x = tree_of(t, p->addr.family);
	struct node *leaf;
	struct key key;
	unsigned i;

	if (!x || !x->root)
		return NULL;
	key = key_of(x, p);
	leaf = ptab_leaf(x, &key);
	i = ptab_below(x, leaf, &key);
	return is_at(x, leaf, i, &key) ? record_at(t, x, leaf, i) : NULL;
}

/* From a place behind the end of its leaf to the next leaf's first entry. False: there is none. */
static bool next_leaf(const struct tree *x, struct place *w)
{
	struct node *n;

	do {
		if (w->depth == 0)
			return false;
		w->depth--;
	} while (w->at[w->depth] + 1 >= w->node[w->depth]->n);
	w->at[w->depth]++;
	n = *child_at(x, w->node[w->depth], w->at[w->depth]);
	for (;; n = *child_at(x, n, 0)) {
		w->depth++;
		w->node[w->depth] = n;
		w->at[w->depth] = 0;
		if (n->leaf)
			return true;
	}
}

static struct prefix prefix_of(const struct tree *x, const unsigned char *key)
{
	struct prefix p = { .addr.family = x->key_size == V4_KEY ? 4 : 6, .len = key[x->key_size - 1] };

	memcpy(p.addr.b, key, x->key_size - 1);
	return p;
}

static void *deliver(
    const struct ptab *t, const struct tree *x, const struct node *leaf, unsigned i, struct prefix *ret_p)
{
	if (ret_p)
		*ret_p = prefix_of(x, key_at(x, leaf, i));
	return record_at(t, x, leaf, i);
}

/* The first entry behind p, or (not behind) at it; p NULL: of all. */
static void *seek(
    const struct ptab *t, struct tree *x, const struct prefix *p, bool behind, struct prefix *ret_p)
{
	struct key key = { 0 };
	struct node *leaf;
	struct place w;
	unsigned i;

	if (!x->root)
		return NULL;
	if (p)
		key = key_of(x, p);
	leaf = ptab_leaf(x, &key);
	i = ptab_below(x, leaf, &key);
	i += p && behind && is_at(x, leaf, i, &key);
	if (i < leaf->n)
		return deliver(t, x, leaf, i, ret_p);
	ptab_descend(x, &key, &w);
	return next_leaf(x, &w) ? deliver(t, x, w.node[w.depth], 0, ret_p) : NULL;
}

static void *seek_in_both(const struct ptab *t, const struct prefix *p, bool behind, struct prefix *ret_p)
{
	uint8_t family = p ? p->addr.family : 0;
	void *record = NULL;

	if (family <= 4)
		record = seek(t, tree_of(t, 4), family == 4 ? p : NULL, behind, ret_p);
	return record ? record : seek(t, tree_of(t, 6), family == 6 ? p : NULL, behind, ret_p);
}

void *ptab_after(const struct ptab *t, const struct prefix *p, struct prefix *ret_p)
{
	return seek_in_both(t, p, true, ret_p);
}

void *ptab_from(const struct ptab *t, const struct prefix *p, struct prefix *ret_p)
{
	return seek_in_both(t, p, false, ret_p);
}

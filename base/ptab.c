/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A B+ tree a family. Keys are the address's bytes and the length, so comparing bytes is the order of
 * prefix_cmp.
 *
 * Invariants: the keys of an inner node are lower bounds of what lies under its children, but the first,
 * which also takes what is smaller; all leaves stand at one depth; no node is empty but a root leaf, which is
 * then freed. A full node is halved, or, when something is added behind its end, left full: a table that
 * comes in order fills its leaves. A leaf that runs low is joined with a neighbour under the same parent.
 */
#include "base/ptab.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH     64 /* entries of a leaf, children of an inner node */
#define LOW       (WIDTH / 4)
#define JOINED    (WIDTH * 3 / 4) /* two that are joined have so many at most: room to grow */
#define DEPTH_MAX 12              /* 16^12 entries at the least: more than addresses */
#define KEY_MAX   17

struct node {
	uint16_t n;
	bool leaf;
	_Alignas(8) unsigned char data[]; /* WIDTH keys, padded to 8 bytes; then children or records */
};

struct tree {
	struct node *root;
	unsigned key_size;
};

struct ptab {
	struct tree tree[2]; /* IPv4, IPv6 */
	size_t record_size, count;
};

struct place { /* a way down: nodes and the child taken in each; in the leaf, the entry */
	struct node *node[DEPTH_MAX];
	unsigned at[DEPTH_MAX], depth;
};

/* ---- nodes ---- */

static unsigned char *key_at(const struct tree *x, const struct node *n, unsigned i)
{
	return (unsigned char *)n->data + (size_t)i * x->key_size;
}

static size_t keys_size(const struct tree *x)
{
	return ((size_t)WIDTH * x->key_size + 7) / 8 * 8;
}

static struct node **child_at(const struct tree *x, const struct node *n, unsigned i)
{
	return (struct node **)(void *)((unsigned char *)n->data + keys_size(x)) + i;
}

static unsigned char *record_at(const struct ptab *t, const struct tree *x, const struct node *n, unsigned i)
{
	return (unsigned char *)n->data + keys_size(x) + i * t->record_size;
}

static struct node *node_new(const struct ptab *t, const struct tree *x, bool leaf)
{
	size_t each = leaf ? t->record_size : sizeof(struct node *);
	struct node *n = malloc(sizeof(*n) + keys_size(x) + WIDTH * each);

	if (n) {
		n->n = 0;
		n->leaf = leaf;
	}
	return n;
}

/* Moves `count` entries or children, keys and all; the places may overlap in one node. */
static void move(const struct ptab *t, const struct tree *x, struct node *to, unsigned to_i,
    struct node *from, unsigned from_i, unsigned count)
{
	memmove(key_at(x, to, to_i), key_at(x, from, from_i), (size_t)count * x->key_size);
	if (from->leaf)
		memmove(record_at(t, x, to, to_i), record_at(t, x, from, from_i), count * t->record_size);
	else
		memmove(child_at(x, to, to_i), child_at(x, from, from_i), count * sizeof(struct node *));
}

/* ---- keys ---- */

static struct tree *tree_of(struct ptab *t, uint8_t family)
{
	return family == 4 ? &t->tree[0] : family == 6 ? &t->tree[1] : NULL;
}

static void make_key(const struct tree *x, const struct prefix *p, unsigned char key[KEY_MAX])
{
	memcpy(key, p->addr.b, x->key_size - 1);
	key[x->key_size - 1] = p->len;
}

static struct prefix prefix_of(const struct tree *x, const unsigned char *key)
{
	struct prefix p = { .addr.family = x->key_size == 5 ? 4 : 6, .len = key[x->key_size - 1] };

	memcpy(p.addr.b, key, x->key_size - 1);
	return p;
}

static uint64_t load5(const unsigned char *k)
{
	return (uint64_t)k[0] << 32 | (uint64_t)k[1] << 24 | (uint64_t)k[2] << 16 | (uint64_t)k[3] << 8 |
	       k[4];
}

static int compare(const struct tree *x, const unsigned char *a, const unsigned char *b)
{
	if (x->key_size == 5)
		return (load5(a) > load5(b)) - (load5(a) < load5(b));
	return memcmp(a, b, KEY_MAX);
}

/* How many keys are below this one (or equal, if equals count). */
static unsigned below(const struct tree *x, const struct node *n, const unsigned char *key, bool equals)
{
	unsigned from = 0, to = n->n;

	while (from < to) {
		unsigned mid = (from + to) / 2;
		int cmp = compare(x, key_at(x, n, mid), key);

		if (cmp < 0 || (equals && cmp == 0))
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

/* The way to the leaf where the key belongs, and there to the first entry that isn't below it. */
static void descend(const struct tree *x, const unsigned char *key, struct place *ret)
{
	struct node *n = x->root;

	ret->depth = 0;
	for (; !n->leaf; n = *child_at(x, n, ret->at[ret->depth++])) {
		unsigned i = below(x, n, key, true);

		ret->node[ret->depth] = n;
		ret->at[ret->depth] = i ? i - 1 : 0;
	}
	ret->node[ret->depth] = n;
	ret->at[ret->depth] = below(x, n, key, false);
}

static bool found(const struct tree *x, const struct place *w, const unsigned char *key)
{
	const struct node *leaf = w->node[w->depth];
	unsigned i = w->at[w->depth];

	return i < leaf->n && compare(x, key_at(x, leaf, i), key) == 0;
}

/* ---- life ---- */

struct ptab *ptab_new(size_t record_size)
{
	struct ptab *t = calloc(1, sizeof(*t));

	if (t) {
		t->record_size = record_size;
		t->tree[0].key_size = 5;
		t->tree[1].key_size = KEY_MAX;
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

/* ---- finding ---- */

void *ptab_get(const struct ptab *t, const struct prefix *p)
{
	struct tree *x = tree_of((struct ptab *)t, p->addr.family);
	unsigned char key[KEY_MAX];
	struct place w;

	if (!x || !x->root)
		return NULL;
	make_key(x, p, key);
	descend(x, key, &w);
	return found(x, &w, key) ? record_at(t, x, w.node[w.depth], w.at[w.depth]) : NULL;
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

static void *after_in(
    const struct ptab *t, const struct tree *x, const struct prefix *p, struct prefix *ret_p)
{
	unsigned char key[KEY_MAX] = { 0 };
	struct place w;

	if (!x->root)
		return NULL;
	if (p)
		make_key(x, p, key);
	descend(x, key, &w);
	if (p && found(x, &w, key))
		w.at[w.depth]++;
	if (w.at[w.depth] >= w.node[w.depth]->n && !next_leaf(x, &w))
		return NULL;
	if (ret_p)
		*ret_p = prefix_of(x, key_at(x, w.node[w.depth], w.at[w.depth]));
	return record_at(t, x, w.node[w.depth], w.at[w.depth]);
}

void *ptab_after(const struct ptab *t, const struct prefix *p, struct prefix *ret_p)
{
	uint8_t family = p ? p->addr.family : 0;
	void *record = NULL;

	if (family <= 4)
		record = after_in(t, &t->tree[0], family == 4 ? p : NULL, ret_p);
	if (!record)
		record = after_in(t, &t->tree[1], family == 6 ? p : NULL, ret_p);
	return record;
}

/* ---- adding ---- */

/* The nodes that splitting full ones needs: one a level, and a new root. -1 when memory is out. */
static int prepare(
    const struct ptab *t, const struct tree *x, const struct place *w, struct node *spare[DEPTH_MAX])
{
	unsigned n = 0;
	int d = (int)w->depth;

	for (; d >= 0 && w->node[d]->n == WIDTH; d--)
		spare[n++] = node_new(t, x, w->node[d]->leaf);
	if (d < 0)
		spare[n++] = node_new(t, x, false);
	for (unsigned i = 0; i < n; i++)
		if (!spare[i]) {
			for (unsigned j = 0; j < n; j++)
				free(spare[j]);
			return -1;
		}
	return 0;
}

/* Makes room at entry `at` of a full node by giving some to a new one on its right; returns the one, and the
 * entry in it, where the room is. */
static struct node *split(
    const struct ptab *t, const struct tree *x, struct node *n, struct node *right, unsigned *at)
{
	unsigned keep = *at == n->n ? n->n : WIDTH / 2;

	move(t, x, right, 0, n, keep, n->n - keep);
	right->n = (uint16_t)(n->n - keep);
	n->n = (uint16_t)keep;
	if (*at < keep || (*at == keep && keep < WIDTH))
		return n;
	*at -= keep;
	return right;
}

static void open_gap(
    const struct ptab *t, const struct tree *x, struct node *n, unsigned at, const unsigned char *key)
{
	move(t, x, n, at + 1, n, at, n->n - at);
	memcpy(key_at(x, n, at), key, x->key_size);
	n->n++;
}

/* Hangs a new node into the parent of its left neighbour, at depth d + 1 of the way; parents split as needed.
 */
static void hang(struct ptab *t, struct tree *x, struct place *w, int d, struct node *fresh,
    const unsigned char *key, struct node *spare[DEPTH_MAX], unsigned used)
{
	unsigned char up[KEY_MAX], low[KEY_MAX];

	memcpy(low, key, x->key_size);
	for (; d >= 0; d--) {
		struct node *n = w->node[d], *right = NULL, *into = n;
		unsigned at = w->at[d] + 1;

		if (n->n == WIDTH) {
			right = spare[used++];
			into = split(t, x, n, right, &at);
		}
		open_gap(t, x, into, at, low);
		*child_at(x, into, at) = fresh;
		if (!right)
			return;
		memcpy(up, key_at(x, right, 0), x->key_size);
		memcpy(low, up, x->key_size);
		fresh = right;
	}
	x->root = spare[used];
	x->root->n = 2;
	memcpy(key_at(x, x->root, 0), key_at(x, w->node[0], 0), x->key_size);
	memcpy(key_at(x, x->root, 1), low, x->key_size);
	*child_at(x, x->root, 0) = w->node[0];
	*child_at(x, x->root, 1) = fresh;
}

static void *insert(struct ptab *t, struct tree *x, struct place *w, const unsigned char *key)
{
	struct node *leaf = w->node[w->depth], *spare[DEPTH_MAX + 1], *into = leaf, *right = NULL;
	unsigned at = w->at[w->depth];
	unsigned char low[KEY_MAX];

	if (leaf->n == WIDTH) {
		if (prepare(t, x, w, spare) < 0)
			return NULL;
		right = spare[0];
		into = split(t, x, leaf, right, &at);
	}
	open_gap(t, x, into, at, key);
	memset(record_at(t, x, into, at), 0, t->record_size);
	t->count++;
	if (right) {
		memcpy(low, key_at(x, right, 0), x->key_size);
		hang(t, x, w, (int)w->depth - 1, right, low, spare, 1);
	}
	return record_at(t, x, into, at);
}

void *ptab_add(struct ptab *t, const struct prefix *p, bool *ret_new)
{
	struct tree *x = tree_of(t, p->addr.family);
	unsigned char key[KEY_MAX];
	struct place w;
	void *record;

	if (!x || (!x->root && !(x->root = node_new(t, x, true))))
		return NULL;
	make_key(x, p, key);
	descend(x, key, &w);
	if (found(x, &w, key)) {
		*ret_new = false;
		return record_at(t, x, w.node[w.depth], w.at[w.depth]);
	}
	record = insert(t, x, &w, key);
	if (record)
		*ret_new = true;
	return record;
}

/* ---- removing ---- */

static void close_gap(const struct ptab *t, const struct tree *x, struct node *n, unsigned at)
{
	move(t, x, n, at, n, at + 1, n->n - at - 1U);
	n->n--;
}

/* The node at depth d of the way has nothing in it any more. */
static void drop(struct ptab *t, struct tree *x, struct place *w, int d)
{
	for (; d >= 0 && !w->node[d]->n; d--) {
		free(w->node[d]);
		if (d == 0)
			x->root = NULL;
		else
			close_gap(t, x, w->node[d - 1], w->at[d - 1]);
	}
	while (x->root && !x->root->leaf && x->root->n == 1) {
		struct node *only = *child_at(x, x->root, 0);

		free(x->root);
		x->root = only;
	}
}

/* Joins the leaf with a neighbour of the same parent, if both together leave room. */
static void join(struct ptab *t, struct tree *x, struct place *w)
{
	struct node *parent = w->node[w->depth - 1], *left, *right;
	unsigned at = w->at[w->depth - 1];

	if (parent->n < 2)
		return;
	if (at + 1 == parent->n)
		at--;
	left = *child_at(x, parent, at);
	right = *child_at(x, parent, at + 1);
	if (left->n + right->n > JOINED)
		return;
	move(t, x, left, left->n, right, 0, right->n);
	left->n = (uint16_t)(left->n + right->n);
	right->n = 0;
	w->at[w->depth - 1] = at + 1;
	w->node[w->depth] = right;
	drop(t, x, w, (int)w->depth);
}

bool ptab_remove(struct ptab *t, const struct prefix *p)
{
	struct tree *x = tree_of(t, p->addr.family);
	unsigned char key[KEY_MAX];
	struct node *leaf;
	struct place w;

	if (!x || !x->root)
		return false;
	make_key(x, p, key);
	descend(x, key, &w);
	if (!found(x, &w, key))
		return false;
	leaf = w.node[w.depth];
	close_gap(t, x, leaf, w.at[w.depth]);
	t->count--;
	if (!leaf->n)
		drop(t, x, &w, (int)w.depth);
	else if (leaf->n < LOW && w.depth)
		join(t, x, &w);
	return true;
}

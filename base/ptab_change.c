/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/ptab.h: entries come and go. What an insertion may need is taken before anything changes, so it fails
 * whole. Whatever changes the shape of the tree forgets which leaf was used last.
 */
#include "base/ptab_node.h"

#define LOW    (WIDTH / 4)
#define JOINED (WIDTH * 3 / 4) /* two that are joined have so many at most: room to grow */

static size_t node_size(const struct ptab *t, const struct tree *x, bool leaf)
{
	return sizeof(struct node) + keys_size(x) + WIDTH * (leaf ? t->record_size : sizeof(struct node *));
}

static struct node *node_new(struct ptab *t, const struct tree *x, bool leaf)
{
	struct node *n = malloc(node_size(t, x, leaf));

	if (n) {
		n->n = 0;
		n->leaf = leaf;
		t->bytes += node_size(t, x, leaf);
	}
	return n;
}

static void node_free(struct ptab *t, const struct tree *x, struct node *n)
{
	if (n)
		t->bytes -= node_size(t, x, n->leaf);
	free(n);
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

/* ---- adding ---- */

/* The nodes that splitting full ones needs: one a level, and a new root. -1 when memory is out. */
static int prepare(struct ptab *t, const struct tree *x, const struct place *w, struct node *spare[DEPTH_MAX])
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
				node_free(t, x, spare[j]);
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
	unsigned char up[V6_KEY], low[V6_KEY];

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

static void *put(
    struct ptab *t, const struct tree *x, struct node *leaf, unsigned at, const unsigned char *key)
{
	open_gap(t, x, leaf, at, key);
	memset(record_at(t, x, leaf, at), 0, t->record_size);
	t->count++;
	return record_at(t, x, leaf, at);
}

static void *insert_split(struct ptab *t, struct tree *x, const struct key *k, const unsigned char *key)
{
	struct node *spare[DEPTH_MAX + 1], *into;
	unsigned char low[V6_KEY];
	struct place w;
	void *record;
	unsigned at;

	ptab_descend(x, k, &w);
	if (prepare(t, x, &w, spare) < 0)
		return NULL;
	at = w.at[w.depth];
	into = split(t, x, w.node[w.depth], spare[0], &at);
	record = put(t, x, into, at, key);
	memcpy(low, key_at(x, spare[0], 0), x->key_size);
	hang(t, x, &w, (int)w.depth - 1, spare[0], low, spare, 1);
	x->recent.leaf = NULL;
	return record;
}

void *ptab_add(struct ptab *t, const struct prefix *p, bool *ret_new)
{
	struct tree *x = tree_of(t, p->addr.family);
	unsigned char bytes[V6_KEY];
	struct node *leaf;
	struct key key;
	void *record;
	unsigned i;

	if (!x || (!x->root && !(x->root = node_new(t, x, true))))
		return NULL;
	key = key_of(x, p);
	leaf = ptab_leaf(x, &key);
	i = ptab_below(x, leaf, &key);
	if (is_at(x, leaf, i, &key)) {
		*ret_new = false;
		return record_at(t, x, leaf, i);
	}
	memcpy(bytes, p->addr.b, x->key_size - 1);
	bytes[x->key_size - 1] = p->len;
	record = leaf->n < WIDTH ? put(t, x, leaf, i, bytes) : insert_split(t, x, &key, bytes);
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
	x->recent.leaf = NULL;
	for (; d >= 0 && !w->node[d]->n; d--) {
		node_free(t, x, w->node[d]);
		if (d == 0)
			x->root = NULL;
		else
			close_gap(t, x, w->node[d - 1], w->at[d - 1]);
	}
	while (x->root && !x->root->leaf && x->root->n == 1) {
		struct node *only = *child_at(x, x->root, 0);

		node_free(t, x, x->root);
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
	struct node *leaf;
	struct place w;
	struct key key;
	unsigned i;

	if (!x || !x->root)
		return false;
	key = key_of(x, p);
	leaf = ptab_leaf(x, &key);
	i = ptab_below(x, leaf, &key);
	if (!is_at(x, leaf, i, &key))
		return false;
	t->count--;
	if (leaf->n > LOW) {
		close_gap(t, x, leaf, i);
		return true;
	}
	ptab_descend(x, &key, &w);
	close_gap(t, x, leaf, i);
	if (!leaf->n)
		drop(t, x, &w, (int)w.depth);
	else if (leaf->n < LOW && w.depth)
		join(t, x, &w);
	return true;
}

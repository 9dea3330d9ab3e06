/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A B+ tree for each family. A node is one block of a kilobyte: entries of one size, in order, without gaps.
 * An entry is a key (the address's bytes, then the length, so that the order of bytes is the order of
 * prefixes) and what it leads to: in a leaf the value, in an inner node a child whose keys are not below it
 * (the first child also takes what is below its key). Leaves are chained for walks.
 *
 * A full node splits in halves; the last leaf used, when it is filled at its end, stays full: tables come in
 * order, and so they lie packed. Nodes that get empty go; one that runs down to a quarter takes in its right
 * neighbour when both fit. What an insertion may need is taken before anything changes, so it fails whole.
 */
#include "base/pmap_node.h"

/* --- reading --- */
uint32_t pmap_get(const struct pmap *m, const struct prefix *p)
{
	struct key k = key_of(p);
	const struct pmap_node *n = leaf_of(m, pmap_is_v6(p), &k);
	unsigned i = n ? below(n, &k) : 0;

	return n && i < n->n && cmp(n, i, &k) == 0 ? value_at(n, i) : 0;
}

static bool deliver(const struct pmap_node *n, unsigned i, struct prefix *ret_prefix, uint32_t *ret_value)
{
	if (ret_prefix)
		*ret_prefix = prefix_of(n, i);
	if (ret_value)
		*ret_value = value_at(n, i);
	return true;
}

static bool first_of(const struct pmap *m, bool v6, struct prefix *ret_prefix, uint32_t *ret_value)
{
	const struct pmap_node *n = m->root[v6];

	while (n && !n->leaf)
		n = child_at(n, 0);
	if (n)
		return deliver(n, 0, ret_prefix, ret_value);
	return !v6 && first_of(m, true, ret_prefix, ret_value);
}

static bool seek(
    const struct pmap *m, const struct prefix *p, bool behind, struct prefix *ret_prefix, uint32_t *ret_value)
{
	struct key k;
	const struct pmap_node *n;
	unsigned i;

	if (p->addr.family == 0)
		return first_of(m, false, ret_prefix, ret_value);
	k = key_of(p);
	n = leaf_of(m, pmap_is_v6(p), &k);
	if (n) {
		i = below(n, &k);
		if (behind && i < n->n && cmp(n, i, &k) == 0)
			i++;
		if (i == n->n) {
			n = n->next;
			i = 0;
		}
	}
	if (n)
		return deliver(n, i, ret_prefix, ret_value);
	return !pmap_is_v6(p) && first_of(m, true, ret_prefix, ret_value);
}

bool pmap_from(const struct pmap *m, const struct prefix *p, struct prefix *ret_prefix, uint32_t *ret_value)
{
	return seek(m, p, false, ret_prefix, ret_value);
}

bool pmap_after(const struct pmap *m, const struct prefix *p, struct prefix *ret_prefix, uint32_t *ret_value)
{
	return seek(m, p, true, ret_prefix, ret_value);
}

/* --- inserting --- */
static void split(struct pmap_node *n, struct pmap_node *right, unsigned keep)
{
	right->n = (uint16_t)(n->n - keep);
	memcpy(right->entry, entry(n, keep), right->n * stride(n));
	n->n = (uint16_t)keep;
	if (!n->leaf)
		return;
	right->next = n->next;
	right->prev = n;
	if (n->next)
		n->next->prev = right;
	n->next = right;
}

/* Nodes that an insertion at the end of this path makes, taken in advance. */
static int reserve(
    struct pmap *m, const struct path *path, struct pmap_node *spare[DEPTH_MAX + 1], unsigned *ret_n)
{
	unsigned n = 0, level = path->depth;
	bool v6 = path->node[0]->v6, leaf = true, ok = true;

	while (level && path->node[level - 1]->n == capacity(path->node[level - 1])) {
		ok = ok && (spare[n] = node_new(m, v6, leaf));
		n += ok;
		leaf = false;
		level--;
	}
	if (level == 0) { /* the root splits: a new one above */
		ok = ok && (spare[n] = node_new(m, v6, false));
		n += ok;
	}
	*ret_n = n;
	if (ok)
		return 0;
	while (n)
		node_free(m, spare[--n]);
	return -1;
}

static void insert_child(
    struct pmap *m, const struct path *path, struct pmap_node *right, struct pmap_node *spare[], unsigned n)
{
	unsigned level = path->depth - 1, used = 1;

	while (level) {
		struct pmap_node *up = path->node[--level], *more;
		unsigned at = path->at[level] + 1, half = up->n / 2u;

		/* The first child may have got keys below its own since, and right is not above that. */
		if (at == 1)
			memcpy(entry(up, 0), entry(child_at(up, 0), 0), key_bytes(up->v6));
		if (up->n < capacity(up)) {
			put_child(up, at, right);
			return;
		}
		more = spare[used++];
		split(up, more, half);
		if (at <= half)
			put_child(up, at, right);
		else
			put_child(more, at - half, right);
		right = more;
	}
	m->root[right->v6] = spare[n - 1];
	put_child(spare[n - 1], 0, path->node[0]);
	put_child(spare[n - 1], 1, right);
}

static int insert_split(struct pmap *m, struct path *path, const struct key *k, uint32_t value)
{
	struct pmap_node *leaf = path->node[path->depth - 1], *spare[DEPTH_MAX + 1], *right;
	unsigned at = path->at[path->depth - 1], n, keep;

	if (path->depth == DEPTH_MAX || reserve(m, path, spare, &n) < 0)
		return -1;
	right = spare[0];
	keep = at == leaf->n && m->last[leaf->v6] == leaf ? leaf->n : leaf->n / 2u;
	split(leaf, right, keep);
	if (at < keep || (at == keep && right->n))
		put_leaf(leaf, at, k, value);
	else
		put_leaf(right, at - keep, k, value);
	m->last[leaf->v6] = at < keep || (at == keep && right->n > 1) ? leaf : right;
	insert_child(m, path, right, spare, n);
	return 0;
}

static void set_value(struct pmap_node *n, unsigned i, uint32_t value)
{
	memcpy(entry(n, i) + key_bytes(n->v6), &value, sizeof(value));
}

int pmap_set(struct pmap *m, const struct prefix *p, uint32_t value)
{
	struct key k = key_of(p);
	bool v6 = pmap_is_v6(p);
	struct pmap_node *n = leaf_of(m, v6, &k);
	struct path path = { .depth = 0 };
	unsigned i;

	if (!n) {
		n = node_new(m, v6, true);
		if (!n)
			return -1;
		m->root[v6] = n;
	}
	i = below(n, &k);
	if (i < n->n && cmp(n, i, &k) == 0) {
		set_value(n, i, value);
		return 0;
	}
	if (n->n < capacity(n)) {
		put_leaf(n, i, &k, value);
		m->last[v6] = n;
	} else {
		descend(m, v6, &k, &path);
		if (insert_split(m, &path, &k, value) < 0)
			return -1;
	}
	m->count++;
	return 0;
}

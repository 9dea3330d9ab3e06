/* SPDX-License-Identifier: Apache-2.0 */
/* Taking entries out of a map of prefixes, and all of it: see pmap.c. */
#include "base/pmap_node.h"

static void unchain(struct pmap_node *n)
{
	if (n->prev)
		n->prev->next = n->next;
	if (n->next)
		n->next->prev = n->prev;
}

/* The node at `level` has nothing in it any more: out of its parent, and that likewise. */
static void drop_empty(struct pmap *m, const struct path *path, unsigned level)
{
	while (path->node[level]->n == 0) {
		struct pmap_node *n = path->node[level];

		if (n->leaf)
			unchain(n);
		if (level == 0)
			m->root[n->v6] = NULL;
		else
			close_gap(path->node[level - 1], path->at[level - 1]);
		node_free(m, n);
		if (level-- == 0)
			return;
	}
}

/* A leaf that is nearly empty takes its right neighbour in, where that has the same parent. */
static void merge(struct pmap *m, const struct path *path)
{
	struct pmap_node *n = path->node[path->depth - 1], *up, *right;
	unsigned at;

	if (path->depth < 2 || n->n > capacity(n) / 4)
		return;
	up = path->node[path->depth - 2];
	at = path->at[path->depth - 2] + 1;
	if (at >= up->n)
		return;
	right = child_at(up, at);
	if (n->n + right->n > capacity(n) * 3 / 4)
		return;
	memcpy(entry(n, n->n), right->entry, right->n * stride(n));
	n->n = (uint16_t)(n->n + right->n);
	unchain(right);
	close_gap(up, at);
	node_free(m, right);
}

/* A root with one child is one level too many. */
static void lower(struct pmap *m, bool v6)
{
	struct pmap_node *n;

	while ((n = m->root[v6]) && !n->leaf && n->n == 1) {
		m->root[v6] = child_at(n, 0);
		node_free(m, n);
	}
}

uint32_t pmap_remove(struct pmap *m, const struct prefix *p)
{
	struct key k = key_of(p);
	bool v6 = pmap_is_v6(p);
	struct pmap_node *n = leaf_of(m, v6, &k);
	unsigned i = n ? below(n, &k) : 0;
	struct path path = { .depth = 0 };
	uint32_t value;

	if (!n || i == n->n || cmp(n, i, &k) != 0)
		return 0;
	value = value_at(n, i);
	m->count--;
	m->last[v6] = n;
	if (n->n - 1u > capacity(n) / 4) {
		close_gap(n, i);
		return value;
	}
	descend(m, v6, &k, &path);
	close_gap(n, i);
	if (n->n == 0)
		drop_empty(m, &path, path.depth - 1);
	else
		merge(m, &path);
	lower(m, v6);
	return value;
}

void pmap_clear(struct pmap *m)
{
	for (unsigned f = 0; f < 2; f++) {
		struct path path = { .node = { m->root[f] }, .depth = m->root[f] ? 1 : 0 };

		while (path.depth) {
			struct pmap_node *n = path.node[path.depth - 1];
			unsigned *at = &path.at[path.depth - 1];

			if (n->leaf || *at == n->n) {
				node_free(m, n);
				path.depth--;
				continue;
			}
			path.node[path.depth] = child_at(n, (*at)++);
			path.at[path.depth++] = 0;
		}
	}
	*m = (struct pmap){ 0 };
}

size_t pmap_bytes(const struct pmap *m)
{
	return m->nodes * (NODE_BYTES + sizeof(size_t));
}

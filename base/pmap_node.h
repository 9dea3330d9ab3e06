/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of base/pmap.h: for pmap.c and pmap_remove.c. What they are is told in pmap.c. */
#ifndef CW_BASE_PMAP_NODE_H
#define CW_BASE_PMAP_NODE_H

#include "base/pmap.h"

#include <stdlib.h>
#include <string.h>

#define NODE_BYTES 1016 /* with malloc's own, a kilobyte */
#define DEPTH_MAX  16   /* a node has dozens of children: never reached */
#define V4_BYTES   4
#define V6_BYTES   16

struct pmap_node {
	struct pmap_node *next, *prev; /* of a leaf */
	uint16_t n;
	bool leaf, v6;
	uint8_t entry[];
};

struct key {
	uint64_t hi, lo;
	uint8_t len;
	uint8_t bytes[V6_BYTES + 1]; /* as it stands in an entry */
};

struct path {
	struct pmap_node *node[DEPTH_MAX];
	unsigned at[DEPTH_MAX];
	unsigned depth; /* nodes in it; the last one is the leaf */
};

/* --- entries --- */
static inline size_t key_bytes(bool v6)
{
	return v6 ? V6_BYTES + 1 : V4_BYTES + 1;
}

static inline size_t stride(const struct pmap_node *n)
{
	return key_bytes(n->v6) + (n->leaf ? sizeof(uint32_t) : sizeof(struct pmap_node *));
}

static inline unsigned capacity(const struct pmap_node *n)
{
	return (unsigned)((NODE_BYTES - sizeof(*n)) / stride(n));
}

static inline uint8_t *entry(const struct pmap_node *n, unsigned i)
{
	return (uint8_t *)&n->entry[i * stride(n)];
}

static inline uint64_t big_endian_32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t big_endian_64(const uint8_t *p)
{
	return big_endian_32(p) << 32 | big_endian_32(&p[4]);
}

/* Of an IPv4 key all, the length with it; of an IPv6 one the first half. */
static inline uint64_t key_high(const uint8_t *p, bool v6)
{
	return v6 ? big_endian_64(p) : big_endian_32(p) << 8 | p[V4_BYTES];
}

static inline struct key key_of(const struct prefix *p)
{
	bool v6 = p->addr.family == 6;
	struct key k = { .len = p->len };

	memcpy(k.bytes, p->addr.b, v6 ? V6_BYTES : V4_BYTES);
	k.bytes[v6 ? V6_BYTES : V4_BYTES] = p->len;
	k.hi = key_high(k.bytes, v6);
	if (v6)
		k.lo = big_endian_64(&k.bytes[8]);
	return k;
}

static inline struct prefix prefix_of(const struct pmap_node *n, unsigned i)
{
	const uint8_t *e = entry(n, i);
	struct prefix p = { .addr.family = n->v6 ? 6 : 4 };

	memcpy(p.addr.b, e, n->v6 ? V6_BYTES : V4_BYTES);
	p.len = e[n->v6 ? V6_BYTES : V4_BYTES];
	return p;
}

/* Entry i against k: below, equal, above. */
static inline int cmp(const struct pmap_node *n, unsigned i, const struct key *k)
{
	const uint8_t *e = entry(n, i);
	uint64_t hi = key_high(e, n->v6), lo;

	if (hi != k->hi)
		return hi < k->hi ? -1 : 1;
	if (!n->v6)
		return 0;
	lo = big_endian_64(&e[8]);
	if (lo != k->lo)
		return lo < k->lo ? -1 : 1;
	return (e[V6_BYTES] > k->len) - (e[V6_BYTES] < k->len);
}

/* How many entries are below k. */
static inline unsigned below(const struct pmap_node *n, const struct key *k)
{
	unsigned from = 0, to = n->n;

	while (from < to) {
		unsigned mid = (from + to) / 2;

		if (cmp(n, mid, k) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static inline uint32_t value_at(const struct pmap_node *n, unsigned i)
{
	uint32_t v;

	memcpy(&v, entry(n, i) + key_bytes(n->v6), sizeof(v));
	return v;
}

static inline struct pmap_node *child_at(const struct pmap_node *n, unsigned i)
{
	struct pmap_node *c;

	memcpy(&c, entry(n, i) + key_bytes(n->v6), sizeof(c));
	return c;
}

static inline void open_gap(struct pmap_node *n, unsigned at)
{
	memmove(entry(n, at + 1), entry(n, at), (n->n - at) * stride(n));
	n->n++;
}

static inline void close_gap(struct pmap_node *n, unsigned at)
{
	n->n--;
	memmove(entry(n, at), entry(n, at + 1), (n->n - at) * stride(n));
}

static inline void put_leaf(struct pmap_node *n, unsigned at, const struct key *k, uint32_t value)
{
	open_gap(n, at);
	memcpy(entry(n, at), k->bytes, key_bytes(n->v6));
	memcpy(entry(n, at) + key_bytes(n->v6), &value, sizeof(value));
}

/* The child's key is the first of its own. */
static inline void put_child(struct pmap_node *n, unsigned at, const struct pmap_node *child)
{
	open_gap(n, at);
	memcpy(entry(n, at), entry(child, 0), key_bytes(n->v6));
	memcpy(entry(n, at) + key_bytes(n->v6), &child, sizeof(child));
}

/* --- nodes --- */
static inline struct pmap_node *node_new(struct pmap *m, bool v6, bool leaf)
{
	struct pmap_node *n = malloc(NODE_BYTES);

	if (!n)
		return NULL;
	*n = (struct pmap_node){ .leaf = leaf, .v6 = v6 };
	m->nodes++;
	return n;
}

static inline void node_free(struct pmap *m, struct pmap_node *n)
{
	if (m->last[n->v6] == n)
		m->last[n->v6] = NULL;
	m->nodes--;
	free(n);
}

static inline unsigned child_index(const struct pmap_node *n, const struct key *k)
{
	unsigned i = below(n, k);

	if (i < n->n && cmp(n, i, k) == 0)
		return i;
	return i ? i - 1 : 0;
}

static inline void descend(const struct pmap *m, bool v6, const struct key *k, struct path *ret_path)
{
	struct pmap_node *n = m->root[v6];

	ret_path->depth = 0;
	while (n && ret_path->depth < DEPTH_MAX) {
		unsigned at = n->leaf ? below(n, k) : child_index(n, k);

		ret_path->node[ret_path->depth] = n;
		ret_path->at[ret_path->depth++] = at;
		n = n->leaf ? NULL : child_at(n, at);
	}
}

/*
 * The leaf in which k is or would be, without the way there. What lies between two leaves belongs to
 * whichever the nodes above say, so the leaf used last answers only for what is inside it, or behind all
 * others.
 */
static inline struct pmap_node *leaf_of(const struct pmap *m, bool v6, const struct key *k)
{
	struct pmap_node *n = m->last[v6];

	if (n && n->n && cmp(n, 0, k) <= 0 && (!n->next || cmp(n, n->n - 1u, k) >= 0))
		return n;
	for (n = m->root[v6]; n && !n->leaf;)
		n = child_at(n, child_index(n, k));
	return n;
}

static inline bool pmap_is_v6(const struct prefix *p)
{
	return p->addr.family == 6;
}

#endif

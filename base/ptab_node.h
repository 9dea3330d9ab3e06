/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of base/ptab.h: for ptab.c and ptab_change.c. What they are is told in ptab.c. */
#ifndef CW_BASE_PTAB_NODE_H
#define CW_BASE_PTAB_NODE_H

#include "base/ptab.h"

#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH      64 /* entries of a leaf, children of an inner node */
#define DEPTH_MAX  12 /* 16^12 entries at the least: more than addresses */
#define V4_KEY     5
#define V6_KEY     17
#define CACHE_LINE 64

struct node {
	uint16_t n;
	bool leaf;
	_Alignas(8) unsigned char data[]; /* WIDTH keys, padded to 8 bytes; then children or records */
};

struct key { /* as numbers: an IPv4 one in `high` alone */
	uint64_t high, low;
	uint8_t len;
};

struct tree {
	struct node *root;
	unsigned key_size;
	struct { /* the leaf used last, and which keys belong there: from `from` on, below `to` */
		struct node *leaf; /* NULL: none is known */
		struct key from, to;
		bool first, last; /* of all leaves: `from`, `to` mean nothing */
	} recent;
};

struct ptab {
	struct tree tree[2]; /* IPv4, IPv6 */
	size_t record_size, count, bytes;
};

struct place { /* a way down: nodes and the child taken in each; in the leaf, the entry */
	struct node *node[DEPTH_MAX];
	unsigned at[DEPTH_MAX], depth;
};

/* ---- nodes ---- */

static inline unsigned char *key_at(const struct tree *x, const struct node *n, unsigned i)
{
	return (unsigned char *)n->data + (size_t)i * x->key_size;
}

static inline size_t keys_size(const struct tree *x)
{
	return ((size_t)WIDTH * x->key_size + 7) / 8 * 8;
}

static inline struct node **child_at(const struct tree *x, const struct node *n, unsigned i)
{
	return (struct node **)(void *)((unsigned char *)n->data + keys_size(x)) + i;
}

static inline unsigned char *record_at(
    const struct ptab *t, const struct tree *x, const struct node *n, unsigned i)
{
	return (unsigned char *)n->data + keys_size(x) + i * t->record_size;
}

/* NULL: of no family. */
static inline struct tree *tree_of(const struct ptab *t, uint8_t family)
{
	const struct tree *x = family == 4 ? &t->tree[0] : family == 6 ? &t->tree[1] : NULL;

	return (struct tree *)x; /* what was used last is noted by who only asks, too */
}

/* ---- keys ---- */

static inline uint64_t big_endian_64(const unsigned char *b)
{
	uint64_t v;

	memcpy(&v, b, sizeof(v));
	return be64toh(v);
}

/* Behind the last key of a node there are records or children: eight bytes can always be read. */
static inline uint64_t key_high(const struct tree *x, const struct node *n, unsigned i)
{
	uint64_t v = big_endian_64(key_at(x, n, i));

	return x->key_size == V4_KEY ? v >> 24 : v;
}

static inline struct key key_read(const struct tree *x, const struct node *n, unsigned i)
{
	const unsigned char *b = key_at(x, n, i);
	struct key k = { .high = key_high(x, n, i) };

	if (x->key_size == V6_KEY) {
		k.low = big_endian_64(b + 8);
		k.len = b[16];
	}
	return k;
}

static inline struct key key_of(const struct tree *x, const struct prefix *p)
{
	uint64_t high = big_endian_64(p->addr.b);

	if (x->key_size == V4_KEY)
		return (struct key){ .high = high >> 32 << 8 | p->len };
	return (struct key){ .high = high, .low = big_endian_64(p->addr.b + 8), .len = p->len };
}

static inline bool key_less(const struct key *a, const struct key *b)
{
	if (a->high != b->high)
		return a->high < b->high;
	return a->low != b->low ? a->low < b->low : a->len < b->len;
}

static inline bool key_same(const struct key *a, const struct key *b)
{
	return a->high == b->high && a->low == b->low && a->len == b->len;
}

/* Is entry i this one? */
static inline bool is_at(const struct tree *x, const struct node *n, unsigned i, const struct key *key)
{
	struct key k;

	if (i >= n->n)
		return false;
	k = key_read(x, n, i);
	return key_same(&k, key);
}

/* ---- ways (ptab.c) ---- */

unsigned ptab_below(const struct tree *x, const struct node *n, const struct key *key);
/* The way to the leaf where the key belongs, and there to the first entry that isn't below it. */
void ptab_descend(struct tree *x, const struct key *key, struct place *ret);
/* The leaf alone; the tree is not empty. */
struct node *ptab_leaf(struct tree *x, const struct key *key);

#endif

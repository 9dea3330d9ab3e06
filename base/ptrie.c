/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A path-compressed binary trie over prefixes.
 *
 * Invariants: a node's key lies strictly in its parent's key, in the half that its child index says; a node
 * without a value (a fork) has two children. So a preorder walk, left half first, is the order of prefix_cmp,
 * and the number of nodes is below twice the number of values. No recursion: the depth is what a peer's
 * prefixes make of it, and walks climb by parent pointers.
 */
#include "base/ptrie.h"

#include <stdlib.h>

struct node {
	struct node *parent;
	struct node *child[2];
	void *value; /* NULL in a fork */
	struct prefix key;
};

struct ptrie {
	struct node *root[2]; /* IPv4, IPv6 */
	size_t count;
};

struct ptrie *ptrie_new(void)
{
	return calloc(1, sizeof(struct ptrie));
}

static struct node **root_of(struct ptrie *t, uint8_t family)
{
	return family == 4 ? &t->root[0] : family == 6 ? &t->root[1] : NULL;
}

static const struct node *root_const(const struct ptrie *t, uint8_t family)
{
	return family == 4 ? t->root[0] : family == 6 ? t->root[1] : NULL;
}

/* How many leading bits two addresses share, max at most. */
static unsigned common_bits(const struct addr *a, const struct addr *b, unsigned max)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < sizeof(a->b) && bits < max; i++) {
		unsigned diff = a->b[i] ^ b->b[i];

		if (diff) {
			bits += (unsigned)__builtin_clz(diff) - 24;
			break;
		}
		bits += 8;
	}
	return bits < max ? bits : max;
}

static unsigned min_len(const struct prefix *a, const struct prefix *b)
{
	return a->len < b->len ? a->len : b->len;
}

/* Does the key of n contain p, or equal it? */
static bool covers(const struct node *n, const struct prefix *p)
{
	return n->key.len <= p->len && common_bits(&n->key.addr, &p->addr, n->key.len) == n->key.len;
}

static struct node *node_new(const struct prefix *key, void *value, struct node *parent)
{
	struct node *n = calloc(1, sizeof(*n));

	if (n) {
		n->key = *key;
		n->value = value;
		n->parent = parent;
	}
	return n;
}

/* Puts n where below hangs (link), and below under n. */
static void insert_above(struct node **link, struct node *n, struct node *below)
{
	n->child[addr_bit(&below->key.addr, n->key.len)] = below;
	below->parent = n;
	*link = n;
}

/* p and n part at bit `at`, above both: a fork there takes both. */
static int insert_fork(struct node **link, struct node *n, const struct prefix *p, void *value, unsigned at)
{
	struct prefix key = prefix_canonical((struct prefix){ .addr = p->addr, .len = (uint8_t)at });
	struct node *fork = node_new(&key, NULL, n->parent);
	struct node *leaf = node_new(p, value, fork);

	if (!fork || !leaf) {
		free(fork);
		free(leaf);
		return -1;
	}
	insert_above(link, fork, n);
	fork->child[addr_bit(&p->addr, at)] = leaf;
	return 0;
}

int ptrie_set(struct ptrie *t, const struct prefix *p, void *value)
{
	struct node **link = root_of(t, p->addr.family), *parent = NULL, *n;
	unsigned shared = 0;

	if (!link || !value || p->len > addr_bits(&p->addr))
		return -1;
	while ((n = *link)) {
		shared = common_bits(&n->key.addr, &p->addr, min_len(&n->key, p));
		if (shared < n->key.len)
			break;
		if (n->key.len == p->len) {
			t->count += !n->value;
			n->value = value;
			return 0;
		}
		parent = n;
		link = &n->child[addr_bit(&p->addr, n->key.len)];
	}
	if (n && shared < p->len) {
		if (insert_fork(link, n, p, value, shared) < 0)
			return -1;
	} else {
		struct node *made = node_new(p, value, parent);

		if (!made)
			return -1;
		if (n)
			insert_above(link, made, n);
		else
			*link = made;
	}
	t->count++;
	return 0;
}

static const struct node *find(const struct ptrie *t, const struct prefix *p)
{
	const struct node *n = root_const(t, p->addr.family);

	while (n && covers(n, p)) {
		if (n->key.len == p->len)
			return n;
		n = n->child[addr_bit(&p->addr, n->key.len)];
	}
	return NULL;
}

void *ptrie_get(const struct ptrie *t, const struct prefix *p)
{
	const struct node *n = find(t, p);

	return n ? n->value : NULL;
}

/* Takes out a node that has no value and at most one child; its place goes to the child. */
static struct node *splice(struct ptrie *t, struct node *n)
{
	struct node *parent = n->parent, *child = n->child[0] ? n->child[0] : n->child[1];
	struct node **link = !parent ? root_of(t, n->key.addr.family) : &parent->child[parent->child[1] == n];

	*link = child;
	if (child)
		child->parent = parent;
	free(n);
	return parent;
}

void *ptrie_remove(struct ptrie *t, const struct prefix *p)
{
	struct node *n = (struct node *)find(t, p);
	void *value = n ? n->value : NULL;

	if (!value)
		return NULL;
	n->value = NULL;
	t->count--;
	while (n && !n->value && !(n->child[0] && n->child[1]))
		n = splice(t, n);
	return value;
}

void ptrie_free(struct ptrie *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < 2; i++) {
		struct node *n = t->root[i];

		while (n) {
			struct node *down = n->child[0] ? n->child[0] : n->child[1];

			n = down ? down : splice(t, n);
		}
	}
	free(t);
}

void *ptrie_covering(const struct ptrie *t, const struct prefix *p, struct prefix *ret_prefix)
{
	const struct node *n = root_const(t, p->addr.family), *best = NULL;

	while (n && covers(n, p)) {
		if (n->value)
			best = n;
		if (n->key.len == p->len)
			break;
		n = n->child[addr_bit(&p->addr, n->key.len)];
	}
	if (best && ret_prefix)
		*ret_prefix = best->key;
	return best ? best->value : NULL;
}

void *ptrie_match(const struct ptrie *t, const struct addr *a, struct prefix *ret_prefix)
{
	struct prefix host = prefix_host(a);

	return ptrie_covering(t, &host, ret_prefix);
}

/* The next node in preorder that is not below n. */
static const struct node *skip(const struct ptrie *t, const struct node *n)
{
	uint8_t family = n->key.addr.family;

	for (; n->parent; n = n->parent)
		if (n == n->parent->child[0] && n->parent->child[1])
			return n->parent->child[1];
	return family == 4 ? t->root[1] : NULL;
}

static const struct node *step(const struct ptrie *t, const struct node *n)
{
	return n->child[0] ? n->child[0] : n->child[1] ? n->child[1] : skip(t, n);
}

/* The first node, forks included, whose key is p or behind it. */
static const struct node *seek(const struct ptrie *t, const struct prefix *p)
{
	const struct node *n = p->addr.family <= 4 ? t->root[0] : t->root[1];

	if (!n)
		return p->addr.family <= 4 ? t->root[1] : NULL;
	if (p->addr.family == 0)
		return n;
	while (covers(n, p)) {
		unsigned bit;

		if (n->key.len == p->len)
			return n;
		bit = addr_bit(&p->addr, n->key.len);
		if (!n->child[bit])
			return bit == 0 && n->child[1] ? n->child[1] : skip(t, n);
		n = n->child[bit];
	}
	return prefix_cmp(&n->key, p) > 0 ? n : skip(t, n);
}

/* The first entry at n or behind it. */
static bool deliver(const struct ptrie *t, const struct node *n, struct prefix *ret_prefix, void **ret_value)
{
	while (n && !n->value)
		n = step(t, n);
	if (!n)
		return false;
	if (ret_prefix)
		*ret_prefix = n->key;
	if (ret_value)
		*ret_value = n->value;
	return true;
}

bool ptrie_from(const struct ptrie *t, const struct prefix *p, struct prefix *ret_prefix, void **ret_value)
{
	return deliver(t, seek(t, p), ret_prefix, ret_value);
}

bool ptrie_first(const struct ptrie *t, struct prefix *ret_prefix, void **ret_value)
{
	return ptrie_from(t, &(struct prefix){ 0 }, ret_prefix, ret_value);
}

bool ptrie_after(const struct ptrie *t, const struct prefix *p, struct prefix *ret_prefix, void **ret_value)
{
	const struct node *n = seek(t, p);

	if (n && prefix_eq(&n->key, p))
		n = step(t, n);
	return deliver(t, n, ret_prefix, ret_value);
}

size_t ptrie_count(const struct ptrie *t)
{
	return t->count;
}

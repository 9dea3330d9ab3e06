/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chained hash table, and SipHash-2-4 (Aumasson and Bernstein, 2012) for keys from outside. Buckets are a
 * power of two; the load stays at one or below while memory lasts.
 */
#include "base/htab.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 64
#define MOVE_EACH     2 /* buckets with each node added: done long before it is full again */

/* The one chain in which a hash is or would be. */
static struct hnode **chain(const struct htab *t, uint64_t hash)
{
	if (t->old && (hash & (t->n_old - 1)) >= t->moved)
		return &t->old[hash & (t->n_old - 1)];
	return &t->bucket[hash & (t->n_buckets - 1)];
}

static void insert(struct htab *t, struct hnode *n)
{
	struct hnode **b = chain(t, n->hash);

	n->next = *b;
	*b = n;
}

static void move_some(struct htab *t)
{
	for (unsigned i = 0; t->old && i < MOVE_EACH; i++) {
		struct hnode *n = t->old[t->moved++];

		while (n) {
			struct hnode *next = n->next;

			insert(t, n);
			n = next;
		}
		if (t->moved == t->n_old) {
			free(t->old);
			t->old = NULL;
		}
	}
}

static int grow(struct htab *t)
{
	size_t n = t->n_buckets ? 2 * t->n_buckets : FIRST_BUCKETS;
	struct hnode **bucket = calloc(n, sizeof(*bucket));

	if (!bucket)
		return -1;
	t->old = t->bucket;
	t->n_old = t->n_buckets;
	t->moved = 0;
	t->bucket = bucket;
	t->n_buckets = n;
	return 0;
}

int htab_add(struct htab *t, struct hnode *n, uint64_t hash)
{
	move_some(t);
	if (t->count >= t->n_buckets && !t->old && grow(t) < 0 && !t->n_buckets)
		return -1;
	n->hash = hash;
	insert(t, n);
	t->count++;
	return 0;
}

void htab_remove(struct htab *t, struct hnode *n)
{
	struct hnode **link = chain(t, n->hash);

	while (*link && *link != n)
		link = &(*link)->next;
	if (!*link)
		return;
	*link = n->next;
	n->next = NULL;
	t->count--;
}

static struct hnode *same_hash(struct hnode *n, uint64_t hash)
{
	while (n && n->hash != hash)
		n = n->next;
	return n;
}

struct hnode *htab_find(const struct htab *t, uint64_t hash)
{
	return t->n_buckets ? same_hash(*chain(t, hash), hash) : NULL;
}

struct hnode *htab_find_next(const struct hnode *n)
{
	return same_hash(n->next, n->hash);
}

void htab_clear(struct htab *t)
{
	free(t->bucket);
	free(t->old);
	*t = (struct htab){ 0 };
}

static uint64_t rotl(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static uint64_t little_endian(const uint8_t *p, size_t len)
{
	uint64_t v = 0;

	for (size_t i = 0; i < len; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint64_t v[4] = { key->k[0] ^ 0x736f6d6570736575u, key->k[1] ^ 0x646f72616e646f6du,
		key->k[0] ^ 0x6c7967656e657261u, key->k[1] ^ 0x7465646279746573u };
	size_t whole = len & ~(size_t)7;

	for (size_t i = 0; i <= whole; i += 8) {
		uint64_t m = i < whole ? little_endian(&bytes[i], 8)
		                       : (uint64_t)len << 56 |
		                             (len > whole ? little_endian(&bytes[i], len - whole) : 0);

		v[3] ^= m;
		sip_round(v);
		sip_round(v);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	for (unsigned i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

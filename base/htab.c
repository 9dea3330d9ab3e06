/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chained hash table, and SipHash-2-4 (Aumasson and Bernstein, 2012) for keys from outside. Buckets are a
 * power of two; the load stays at one or below while memory lasts.
 */
#include "base/htab.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 64

static void insert(struct htab *t, struct hnode *n)
{
	struct hnode **b = &t->bucket[n->hash & (t->n_buckets - 1)];

	n->next = *b;
	*b = n;
}

static int grow(struct htab *t)
{
	struct htab bigger = { .n_buckets = t->n_buckets ? 2 * t->n_buckets : FIRST_BUCKETS,
		.count = t->count };

	bigger.bucket = calloc(bigger.n_buckets, sizeof(struct hnode *));
	if (!bigger.bucket)
		return -1;
	for (size_t i = 0; i < t->n_buckets; i++) {
		struct hnode *n = t->bucket[i];

		while (n) {
			struct hnode *next = n->next;

			insert(&bigger, n);
			n = next;
		}
	}
	free(t->bucket);
	*t = bigger;
	return 0;
}

int htab_add(struct htab *t, struct hnode *n, uint64_t hash)
{
	if (t->count >= t->n_buckets && grow(t) < 0 && !t->n_buckets)
		return -1;
	n->hash = hash;
	insert(t, n);
	t->count++;
	return 0;
}

void htab_remove(struct htab *t, struct hnode *n)
{
	struct hnode **link = &t->bucket[n->hash & (t->n_buckets - 1)];

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
	return t->n_buckets ? same_hash(t->bucket[hash & (t->n_buckets - 1)], hash) : NULL;
}

struct hnode *htab_find_next(const struct hnode *n)
{
	return same_hash(n->next, n->hash);
}

void htab_clear(struct htab *t)
{
	free(t->bucket);
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An intrusive chained hash table: nodes live inside the caller's objects, the table owns only its buckets.
 * It doubles as it fills, a few buckets with each node added, so that no call pays for all of a large one;
 * where memory for that is out it goes on with longer chains, so adding fails only on a first node. Keys that
 * a peer chooses go through siphash with a secret key, so that nobody can aim at one chain.
 */
#ifndef CW_BASE_HTAB_H
#define CW_BASE_HTAB_H

#include <stddef.h>
#include <stdint.h>

struct hnode {
	struct hnode *next;
	uint64_t hash;
};

struct htab { /* zeroed is empty */
	struct hnode **bucket;
	size_t n_buckets, count;
	struct hnode **old; /* while it doubles: the buckets from `moved` on are still here */
	size_t n_old, moved;
};

int htab_add(struct htab *t, struct hnode *n, uint64_t hash); /* 0, or -1 when memory is out */
void htab_remove(struct htab *t, struct hnode *n);            /* n must be in t */
/* The first node of this hash, then the next one; the caller compares keys. */
struct hnode *htab_find(const struct htab *t, uint64_t hash);
struct hnode *htab_find_next(const struct hnode *n);
void htab_clear(struct htab *t); /* frees the buckets; the nodes are the caller's */

struct siphash_key {
	uint64_t k[2];
};
uint64_t siphash(const struct siphash_key *key, const void *data, size_t len); /* SipHash-2-4 */

#endif

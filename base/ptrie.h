/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map from prefixes to values: a path-compressed binary trie, one for both address families. Keys are
 *canonical prefixes of family 4 or 6; values are non-NULL pointers that the caller owns.
 *
 * Walks go in the order of prefix_cmp (family, bytes, length: a prefix comes before what lies in it) and name
 * their place by the last prefix seen, so a walk survives any change of the map between two steps:
 *
 *	for (bool more = ptrie_first(t, &p, &v); more; more = ptrie_after(t, &p, &p, &v))
 *
 * Each operation costs at most one descent (32 or 128 nodes). Not thread safe. Memory: two nodes an entry at
 *most.
 */
#ifndef CW_BASE_PTRIE_H
#define CW_BASE_PTRIE_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>

struct ptrie;

struct ptrie *ptrie_new(void); /* NULL when memory is out */
/* The values are the caller's to free before. ptrie_free(NULL) is legal. */
void ptrie_free(struct ptrie *t);
size_t ptrie_count(const struct ptrie *t);

/* Sets or replaces. -1 when memory is out or the family is neither 4 nor 6; nothing changed then. */
int ptrie_set(struct ptrie *t, const struct prefix *p, void *value);
void *ptrie_get(const struct ptrie *t, const struct prefix *p); /* exactly p, else NULL */
void *ptrie_remove(struct ptrie *t, const struct prefix *p);    /* the value it had, or NULL */

/* The longest prefix that contains the address; NULL if none does. ret_prefix may be NULL. */
void *ptrie_match(const struct ptrie *t, const struct addr *a, struct prefix *ret_prefix);
/* The longest prefix that equals p or contains it. */
void *ptrie_covering(const struct ptrie *t, const struct prefix *p, struct prefix *ret_prefix);

/* Ordered walks. False at the end, and the out-parameters are untouched then. Either may be NULL. */
bool ptrie_first(const struct ptrie *t, struct prefix *ret_prefix, void **ret_value);
/* The first entry behind p; p need not be in the map and may be the same object as ret_prefix. */
bool ptrie_after(const struct ptrie *t, const struct prefix *p, struct prefix *ret_prefix, void **ret_value);
/* The first entry at or behind p: the start of a walk over what lies in p (stop when prefix_contains ends).
 */
bool ptrie_from(const struct ptrie *t, const struct prefix *p, struct prefix *ret_prefix, void **ret_value);

#endif

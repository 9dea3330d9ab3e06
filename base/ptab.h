/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map from prefixes to small records of one size, for millions of them: a B+ tree that keeps keys (5 bytes
 * of an IPv4 prefix, 17 of an IPv6 one) and records side by side in leaves of 64. An entry costs its key and
 * its record, by a third more where they came in no order. Beside it stands base/ptrie.h, which also answers
 * what covers what, and takes ten times the memory.
 *
 * Neighbours of the prefix that was asked for last are found without a way down from the root: tables come
 * and go in runs of them. Walks go in the order of prefix_cmp (family, bytes, length: a prefix comes before
 * what lies in it) and name their place by the last prefix seen, so a walk survives any change between two
 * steps. Not thread safe, not even for two that only ask.
 */
#ifndef CW_BASE_PTAB_H
#define CW_BASE_PTAB_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>

struct ptab;

/* record_size: a multiple of 4, records are so aligned. NULL when memory is out. */
struct ptab *ptab_new(size_t record_size);
void ptab_free(struct ptab *t); /* NULL is legal */
size_t ptab_count(const struct ptab *t);
size_t ptab_bytes(const struct ptab *t); /* of memory taken by entries */

/* Records may be written to; the pointer is good until an entry is added or removed. Prefixes are canonical.
 */
void *ptab_get(const struct ptab *t, const struct prefix *p); /* exactly p; NULL: there is none */
/* The record of p, which is made, all zero, if there was none. NULL when memory is out, or of no family. */
void *ptab_add(struct ptab *t, const struct prefix *p, bool *ret_new);
bool ptab_remove(struct ptab *t, const struct prefix *p); /* false: there was none */
/* The first one behind p, which need not be in the map (NULL: the very first); ret_p may be p. NULL: the end.
 */
void *ptab_after(const struct ptab *t, const struct prefix *p, struct prefix *ret_p);
/* The first one at p or behind it. */
void *ptab_from(const struct ptab *t, const struct prefix *p, struct prefix *ret_p);

#endif

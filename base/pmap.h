/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map from prefixes to numbers, for tables of a million: ordered, and about 10 to 14 bytes an IPv4 entry
 * (26 to 36 an IPv6 one), the number included. It finds what equals a prefix and what comes next; for the
 * longest match there is base/ptrie.h, which takes ten times the memory.
 *
 * Keys are canonical prefixes of family 4 or 6, values are not 0. Walks go in the order of prefix_cmp
 * (family, bytes, length: a prefix comes before what lies in it) and name their place by the last prefix
 * seen, so a walk survives any change of the map between two steps. Not thread safe.
 */
#ifndef CW_BASE_PMAP_H
#define CW_BASE_PMAP_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pmap_node;
struct pmap {                      /* zeroed is empty */
	struct pmap_node *root[2]; /* IPv4, IPv6 */
	struct pmap_node *last[2]; /* the leaf used last: tables come and go in order */
	size_t count, nodes;
};

void pmap_clear(struct pmap *m); /* frees what the map owns; empty then */
/* Sets or replaces. -1 when memory is out; nothing changed then. */
int pmap_set(struct pmap *m, const struct prefix *p, uint32_t value);
uint32_t pmap_get(const struct pmap *m, const struct prefix *p); /* exactly p; 0: not there */
uint32_t pmap_remove(struct pmap *m, const struct prefix *p);    /* the value it had, or 0 */
/* The first entry at or behind p (family 0: the first of all). False at the end; nothing is written then. */
bool pmap_from(const struct pmap *m, const struct prefix *p, struct prefix *ret_prefix, uint32_t *ret_value);
/* The first entry behind p; p need not be in the map and may be the same object as ret_prefix. */
bool pmap_after(const struct pmap *m, const struct prefix *p, struct prefix *ret_prefix, uint32_t *ret_value);
size_t pmap_bytes(const struct pmap *m); /* of memory taken */

#endif

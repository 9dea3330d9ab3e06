/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interned attribute sets: routes with equal attributes share one immutable, counted object, so that
 * comparing is a comparison of pointers and a full table costs little. Ref-counted because it is immutable
 * and shared by all RIBs.
 */
#ifndef CW_BGP_ATTR_SET_H
#define CW_BGP_ATTR_SET_H

#include "base/htab.h"
#include "base/list.h"
#include "bgp/attr.h"
#include "bgp/ids.h"

struct attr_set {
	struct hnode hnode;
	uint32_t refs, id;
	struct attr_set *received; /* what the peer sent, where import policy made this of it; else NULL */
	uint32_t path_length;      /* as_path_length */
	uint32_t neighbour_as;     /* leftmost AS, 0 where there is none */
	float bandwidth;           /* of the link bandwidth community, in bytes a second; 0: none */
	struct attrs a;            /* points into blob */
	uint8_t blob[];
};

struct attr_sets {
	struct htab table;
	struct siphash_key key;
	struct ids ids;
	size_t bytes; /* of all sets */
};
static inline struct attr_set *attr_set_at(const struct attr_sets *sets, uint32_t id) /* 0: NULL */
{
	return ids_at(&sets->ids, id);
}

/* A reference to the set equal to *a, new or not; NULL when memory is out. */
struct attr_set *attr_set_get(struct attr_sets *sets, const struct attrs *a);
/* As policy made it of `received` (which has no such origin itself): the same outcome of another set is
 * another set. */
struct attr_set *attr_set_derive(struct attr_sets *sets, const struct attrs *a, struct attr_set *received);
struct attr_set *attr_set_ref(struct attr_set *s);
void attr_set_put(struct attr_sets *sets, struct attr_set *s); /* NULL is legal */
/* What the peer sent. */
static inline struct attr_set *attr_set_received(struct attr_set *s)
{
	return s->received ? s->received : s;
}
void attr_sets_clear(struct attr_sets *sets); /* all references are gone by then */

#endif

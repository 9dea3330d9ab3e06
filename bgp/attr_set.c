/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interned attribute sets. A set is one allocation: the values, then the bytes they point to. Equality is of
 * values, field by field; the hash covers the same fields through SipHash under a secret key, because the
 * bytes are a peer's choice.
 */
#include "bgp/attr_set.h"

#include <stdlib.h>
#include <string.h>

#define FLOAT_EXPONENT 0x7f800000u /* IEEE 754, all ones: not finite */

static bool bytes_eq(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static bool attrs_eq(const struct attrs *a, const struct attrs *b)
{
	return a->origin == b->origin && a->have_med == b->have_med && a->med == b->med &&
	       a->have_local_pref == b->have_local_pref && a->local_pref == b->local_pref &&
	       a->atomic_aggregate == b->atomic_aggregate && a->have_aggregator == b->have_aggregator &&
	       a->aggregator_as == b->aggregator_as && a->aggregator_id == b->aggregator_id &&
	       a->have_originator == b->have_originator && a->originator_id == b->originator_id &&
	       a->cluster_len == b->cluster_len && a->weight == b->weight &&
	       a->aggregator_partial == b->aggregator_partial &&
	       a->communities_partial == b->communities_partial && addr_eq(&a->nexthop, &b->nexthop) &&
	       bytes_eq(a->as_path, b->as_path) && bytes_eq(a->cluster_list, b->cluster_list) &&
	       bytes_eq(a->communities, b->communities) && bytes_eq(a->other, b->other);
}

static uint64_t hash_attrs(
    const struct siphash_key *key, const struct attrs *a, const struct attr_set *received)
{
	uint8_t fixed[64];
	struct wr w = wr_init(fixed, sizeof(fixed));
	const struct bytes part[] = { a->as_path, a->communities, a->other, a->cluster_list };
	uint64_t h;

	wr_u8(&w, a->origin);
	wr_u8(&w, (uint8_t)(a->have_med | a->have_local_pref << 1 | a->atomic_aggregate << 2 |
	                    a->have_aggregator << 3 | a->have_originator << 4 | a->aggregator_partial << 5 |
	                    a->communities_partial << 6));
	wr_u32(&w, a->med);
	wr_u32(&w, a->local_pref);
	wr_u32(&w, a->aggregator_as);
	wr_u32(&w, a->aggregator_id);
	wr_u32(&w, a->originator_id);
	wr_u16(&w, a->cluster_len);
	wr_u32(&w, a->weight);
	wr_u64(&w, (uint64_t)(uintptr_t)received);
	wr_u8(&w, a->nexthop.family);
	wr_bytes(&w, a->nexthop.b, sizeof(a->nexthop.b));
	h = siphash(key, fixed, wr_len(&w));
	for (unsigned i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		struct siphash_key k = { { key->k[0] ^ h, key->k[1] + i } };

		h = siphash(&k, part[i].p, part[i].len);
	}
	return h;
}

static struct bytes copy_bytes(struct wr *w, struct bytes from)
{
	uint8_t *at = wr_skip(w, from.len);

	if (at && from.len)
		memcpy(at, from.p, from.len);
	return (struct bytes){ at, from.len };
}

/* draft-ietf-idr-link-bandwidth: an extended community with an AS and an IEEE number. Nonsense counts as
 * none. */
static float link_bandwidth(struct bytes other)
{
	struct rd r = rd_init(other.p, other.len);
	struct attr_other o;
	uint32_t found = 0;
	float bandwidth;

	while (attr_other_next(&r, &o)) {
		while (o.type == BGP_ATTR_EXT_COMMUNITIES && rd_left(&o.value)) {
			uint32_t head = rd_u32(&o.value), bits = rd_u32(&o.value);

			if ((head >> 16 & ~(uint32_t)(BGP_EXT_COMM_NON_TRANSITIVE << 8)) ==
			    BGP_EXT_COMM_BANDWIDTH)
				found = bits;
		}
	}
	if (found >> 31 || (found & FLOAT_EXPONENT) == FLOAT_EXPONENT)
		return 0; /* below 0, infinite, or no number */
	memcpy(&bandwidth, &found, sizeof(bandwidth));
	return bandwidth;
}

static struct attr_set *set_new(const struct attrs *a)
{
	size_t blob = a->as_path.len + a->communities.len + a->other.len + a->cluster_list.len;
	struct attr_set *s = calloc(1, sizeof(*s) + blob);
	struct wr w;

	if (!s)
		return NULL;
	w = wr_init(s->blob, blob);
	s->a = *a;
	s->a.as_path = copy_bytes(&w, a->as_path);
	s->a.communities = copy_bytes(&w, a->communities);
	s->a.other = copy_bytes(&w, a->other);
	s->a.cluster_list = copy_bytes(&w, a->cluster_list);
	s->path_length = as_path_length(s->a.as_path);
	(void)as_path_first(s->a.as_path, &s->neighbour_as);
	s->bandwidth = link_bandwidth(s->a.other);
	s->refs = 1;
	return s;
}

static size_t set_bytes(const struct attr_set *s)
{
	return sizeof(*s) + s->a.as_path.len + s->a.communities.len + s->a.other.len + s->a.cluster_list.len;
}

struct attr_set *attr_set_derive(struct attr_sets *sets, const struct attrs *a, struct attr_set *received)
{
	uint64_t hash = hash_attrs(&sets->key, a, received);
	struct attr_set *s;

	for (struct hnode *n = htab_find(&sets->table, hash); n; n = htab_find_next(n)) {
		s = container_of(n, struct attr_set, hnode);
		if (s->received == received && attrs_eq(&s->a, a))
			return attr_set_ref(s);
	}
	s = set_new(a);
	if (s)
		s->id = ids_new(&sets->ids, s);
	if (s && (!s->id || htab_add(&sets->table, &s->hnode, hash) < 0)) {
		if (s->id)
			ids_del(&sets->ids, s->id);
		free(s);
		return NULL;
	}
	if (s)
		sets->bytes += set_bytes(s);
	if (s && received)
		s->received = attr_set_ref(received);
	return s;
}

struct attr_set *attr_set_get(struct attr_sets *sets, const struct attrs *a)
{
	return attr_set_derive(sets, a, NULL);
}

struct attr_set *attr_set_ref(struct attr_set *s)
{
	s->refs++;
	return s;
}

void attr_set_put(struct attr_sets *sets, struct attr_set *s)
{
	if (!s || --s->refs)
		return;
	htab_remove(&sets->table, &s->hnode);
	ids_del(&sets->ids, s->id);
	sets->bytes -= set_bytes(s);
	if (s->received)
		attr_set_put(sets, s->received); /* one level: a received set is derived from nothing */
	free(s);
}

void attr_sets_clear(struct attr_sets *sets)
{
	htab_clear(&sets->table);
	ids_clear(&sets->ids);
}

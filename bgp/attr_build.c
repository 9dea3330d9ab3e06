/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Path attributes as bytes (RFC 4271 4.3, RFC 4760 3 and 4): what attr.c has read, or what we say ourselves,
 * in the order of types, and the heads of the multiprotocol attributes, whose prefixes the caller adds.
 */
#include "bgp/attr.h"

#define AGGREGATOR_LEN_2    6
#define AGGREGATOR_LEN_4    8
#define WELL_KNOWN          BGP_ATTR_FLAG_TRANSITIVE
#define OPTIONAL            BGP_ATTR_FLAG_OPTIONAL
#define OPTIONAL_TRANSITIVE (BGP_ATTR_FLAG_OPTIONAL | BGP_ATTR_FLAG_TRANSITIVE)

static void build_head(struct wr *w, uint8_t flags, uint8_t type, size_t len)
{
	if (len > UINT8_MAX) {
		wr_u8(w, flags | BGP_ATTR_FLAG_EXT_LEN);
		wr_u8(w, type);
		wr_u16(w, (uint16_t)len);
		return;
	}
	wr_u8(w, flags);
	wr_u8(w, type);
	wr_u8(w, (uint8_t)len);
}

static void build_u32(struct wr *w, uint8_t flags, uint8_t type, uint32_t value)
{
	build_head(w, flags, type, sizeof(value));
	wr_u32(w, value);
}

/* AS_PATH lengths are known only after writing, and may need the long form: that is always taken. */
static void build_path(struct wr *w, uint8_t flags, uint8_t type, struct bytes path, bool four_octet)
{
	size_t mark, start;

	wr_u8(w, flags | BGP_ATTR_FLAG_EXT_LEN);
	wr_u8(w, type);
	mark = wr_mark_u16(w);
	start = wr_len(w);
	as_path_build(w, path, four_octet);
	wr_patch_u16(w, mark, wr_len(w) - start);
}

static void build_aggregator(struct wr *w, const struct attrs *a, bool four_octet)
{
	const uint8_t flags = OPTIONAL_TRANSITIVE | (a->aggregator_partial ? BGP_ATTR_FLAG_PARTIAL : 0);

	if (four_octet) {
		build_head(w, flags, BGP_ATTR_AGGREGATOR, AGGREGATOR_LEN_4);
		wr_u32(w, a->aggregator_as);
	} else {
		build_head(w, flags, BGP_ATTR_AGGREGATOR, AGGREGATOR_LEN_2);
		wr_u16(w, (uint16_t)(a->aggregator_as > UINT16_MAX ? BGP_AS_TRANS : a->aggregator_as));
	}
	wr_u32(w, a->aggregator_id);
}

static void build_as4(struct wr *w, const struct attrs *a)
{
	if (!as_path_fits_two_octets(a->as_path))
		build_path(w, OPTIONAL_TRANSITIVE, BGP_ATTR_AS4_PATH, a->as_path, true);
	if (a->have_aggregator && a->aggregator_as > UINT16_MAX) {
		build_head(w, OPTIONAL_TRANSITIVE, BGP_ATTR_AS4_AGGREGATOR, AGGREGATOR_LEN_4);
		wr_u32(w, a->aggregator_as);
		wr_u32(w, a->aggregator_id);
	}
}

static void build_other(struct wr *w, struct bytes other)
{
	struct rd r = rd_init(other.p, other.len);
	struct attr_other o;

	while (attr_other_next(&r, &o)) {
		build_head(w, o.flags, o.type, (uint16_t)rd_left(&o.value));
		wr_bytes(w, o.value.p, rd_left(&o.value));
	}
}

void attrs_build(struct wr *w, const struct attrs *a, const struct attr_context *ctx, bool with_nexthop)
{
	build_head(w, WELL_KNOWN, BGP_ATTR_ORIGIN, 1);
	wr_u8(w, a->origin);
	build_path(w, WELL_KNOWN, BGP_ATTR_AS_PATH, a->as_path, ctx->four_octet);
	if (with_nexthop) {
		build_head(w, WELL_KNOWN, BGP_ATTR_NEXT_HOP, 4);
		wr_bytes(w, a->nexthop.b, 4);
	}
	if (a->have_med)
		build_u32(w, OPTIONAL, BGP_ATTR_MED, a->med);
	if (ctx->internal)
		build_u32(w, WELL_KNOWN, BGP_ATTR_LOCAL_PREF,
		    a->have_local_pref ? a->local_pref : BGP_DEFAULT_LOCAL_PREF);
	if (a->atomic_aggregate)
		build_head(w, WELL_KNOWN, BGP_ATTR_ATOMIC_AGGREGATE, 0);
	if (a->have_aggregator)
		build_aggregator(w, a, ctx->four_octet);
	if (a->communities.len) {
		build_head(w, OPTIONAL_TRANSITIVE | (a->communities_partial ? BGP_ATTR_FLAG_PARTIAL : 0),
		    BGP_ATTR_COMMUNITIES, a->communities.len);
		wr_bytes(w, a->communities.p, a->communities.len);
	}
	if (ctx->internal && a->have_originator)
		build_u32(w, OPTIONAL, BGP_ATTR_ORIGINATOR_ID, a->originator_id);
	if (ctx->internal && a->cluster_list.len) {
		build_head(w, OPTIONAL, BGP_ATTR_CLUSTER_LIST, a->cluster_list.len);
		wr_bytes(w, a->cluster_list.p, a->cluster_list.len);
	}
	if (!ctx->four_octet)
		build_as4(w, a);
	build_other(w, a->other);
}

static size_t mp_begin(struct wr *w, uint8_t type, enum bgp_family family)
{
	size_t mark;

	wr_u8(w, OPTIONAL | BGP_ATTR_FLAG_EXT_LEN);
	wr_u8(w, type);
	mark = wr_mark_u16(w);
	wr_u16(w, family == BGP_IPV4 ? BGP_AFI_IPV4 : BGP_AFI_IPV6);
	wr_u8(w, BGP_SAFI_UNICAST);
	return mark;
}

size_t mp_reach_begin(struct wr *w, enum bgp_family family, const struct addr *nexthop)
{
	size_t mark = mp_begin(w, BGP_ATTR_MP_REACH, family);

	wr_u8(w, (uint8_t)addr_size(nexthop));
	wr_bytes(w, nexthop->b, addr_size(nexthop));
	wr_u8(w, 0); /* reserved */
	return mark;
}

size_t mp_unreach_begin(struct wr *w, enum bgp_family family)
{
	return mp_begin(w, BGP_ATTR_MP_UNREACH, family);
}

void mp_end(struct wr *w, size_t mark)
{
	wr_patch_u16(w, mark, wr_len(w) - mark - sizeof(uint16_t));
}

/* --- what travels on as it came --- */
bool attr_other_next(struct rd *r, struct attr_other *ret_attr)
{
	if (!rd_left(r))
		return false;
	ret_attr->type = rd_u8(r);
	ret_attr->flags = rd_u8(r);
	ret_attr->value = rd_sub(r, rd_u16(r));
	return rd_ok(r);
}

bool attr_other_find(const struct attrs *a, uint8_t type, struct rd *ret_value)
{
	struct rd r = rd_init(a->other.p, a->other.len);
	struct attr_other o;

	while (attr_other_next(&r, &o)) {
		if (o.type != type)
			continue;
		*ret_value = o.value;
		return true;
	}
	return false;
}

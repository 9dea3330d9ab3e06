/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Path attributes (RFC 4271 4.3 and 5, with RFC 7606's second thoughts). The table below is all that is known
 * about an attribute's form; each row's parse function sees the value alone, already cut out, of a length the
 * row allows.
 *
 * Invariants of a parsed view: at most one value per attribute, the first one (RFC 7606 3 g); a value that
 * was faulty is absent; MP attributes are looked into even when others are broken, since treat-as-withdraw
 * needs the prefixes.
 */
#include "bgp/attr.h"

#include "bgp/nlri.h"

#include <string.h>

#define AGGREGATOR_LEN_2  6
#define AGGREGATOR_LEN_4  8
#define NEXTHOP_LEN_V6_LL 32 /* a global and a link-local address (RFC 2545 3) */

struct parse {
	const struct attr_context *ctx;
	struct attr_view *v;
	struct attr_scratch *scratch;
	struct wr other;
	struct bytes as4_path;
	bool have_as4_path, have_as4_aggregator;
	uint32_t as4_aggregator_as, as4_aggregator_id;
	bool partial; /* of the attribute under way */
};

typedef enum fault (*parse_fn)(struct parse *p, struct rd r);

void faults_add(struct attr_faults *f, enum fault fault, uint8_t type)
{
	enum reaction reaction = fault_info(fault)->reaction;

	if (f->n < ATTR_FAULTS_MAX) {
		f->list[f->n].fault = fault;
		f->list[f->n].type = type;
		f->n++;
	}
	if (reaction == REACT_WITHDRAW && f->withdraw == FAULT_NONE)
		f->withdraw = fault;
	if (reaction > f->worst) {
		f->worst = reaction;
		f->first_worst = fault;
		f->first_type = type;
	}
}

/* --- the values --- */
static enum fault parse_origin(struct parse *p, struct rd r)
{
	uint8_t origin = rd_u8(&r);

	if (origin > BGP_ORIGIN_INCOMPLETE)
		return FAULT_ORIGIN;
	p->v->attrs.origin = origin;
	return FAULT_NONE;
}

static enum fault parse_as_path(struct parse *p, struct rd r)
{
	struct wr w = wr_init(p->scratch->path, sizeof(p->scratch->path));

	if (as_path_parse(r, p->ctx->four_octet, &w) < 0)
		return FAULT_AS_PATH;
	p->v->attrs.as_path = (struct bytes){ p->scratch->path, wr_len(&w) };
	return FAULT_NONE;
}

static enum fault parse_next_hop(struct parse *p, struct rd r)
{
	uint8_t b[4];

	rd_bytes(&r, b, sizeof(b));
	p->v->attrs.nexthop = addr_from_bytes(4, b);
	return FAULT_NONE;
}

static enum fault parse_med(struct parse *p, struct rd r)
{
	p->v->attrs.med = rd_u32(&r);
	p->v->attrs.have_med = true;
	return FAULT_NONE;
}

static enum fault parse_local_pref(struct parse *p, struct rd r)
{
	p->v->attrs.local_pref = rd_u32(&r);
	p->v->attrs.have_local_pref = true;
	return FAULT_NONE;
}

static enum fault parse_atomic(struct parse *p, struct rd r)
{
	(void)r;
	p->v->attrs.atomic_aggregate = true;
	return FAULT_NONE;
}

static enum fault parse_aggregator(struct parse *p, struct rd r)
{
	uint32_t as;

	if (rd_left(&r) != (p->ctx->four_octet ? AGGREGATOR_LEN_4 : AGGREGATOR_LEN_2))
		return FAULT_AGGREGATOR;
	as = p->ctx->four_octet ? rd_u32(&r) : rd_u16(&r);
	if (as == 0) /* RFC 7607 2 */
		return FAULT_AGGREGATOR;
	p->v->attrs.aggregator_as = as;
	p->v->attrs.aggregator_id = rd_u32(&r);
	p->v->attrs.have_aggregator = true;
	p->v->attrs.aggregator_partial = p->partial;
	return FAULT_NONE;
}

static enum fault parse_communities(struct parse *p, struct rd r)
{
	size_t len = rd_left(&r);

	p->v->attrs.communities = (struct bytes){ rd_skip(&r, len), len };
	p->v->attrs.communities_partial = p->partial;
	return FAULT_NONE;
}

static enum fault parse_originator(struct parse *p, struct rd r)
{
	p->v->attrs.originator_id = rd_u32(&r);
	p->v->attrs.have_originator = true;
	return FAULT_NONE;
}

static enum fault parse_cluster_list(struct parse *p, struct rd r)
{
	size_t len = rd_left(&r);

	p->v->attrs.cluster_len = (uint16_t)(len / 4);
	p->v->attrs.cluster_list = (struct bytes){ rd_skip(&r, len), len };
	return FAULT_NONE;
}

static enum fault parse_as4_path(struct parse *p, struct rd r)
{
	struct wr w = wr_init(p->scratch->path4, sizeof(p->scratch->path4));

	if (p->ctx->four_octet)
		return FAULT_AS4_FROM_NEW_SPEAKER;
	if (as_path_parse(r, true, &w) < 0)
		return FAULT_AS4_PATH;
	p->as4_path = (struct bytes){ p->scratch->path4, wr_len(&w) };
	p->have_as4_path = true;
	return FAULT_NONE;
}

static enum fault parse_as4_aggregator(struct parse *p, struct rd r)
{
	uint32_t as = rd_u32(&r);

	if (p->ctx->four_octet)
		return FAULT_AS4_FROM_NEW_SPEAKER;
	if (as == 0)
		return FAULT_AS4_AGGREGATOR;
	p->as4_aggregator_as = as;
	p->as4_aggregator_id = rd_u32(&r);
	p->have_as4_aggregator = true;
	return FAULT_NONE;
}

/* --- multiprotocol --- */
bool attr_family(uint16_t afi, uint8_t safi, enum bgp_family *ret_family)
{
	if (safi != BGP_SAFI_UNICAST || (afi != BGP_AFI_IPV4 && afi != BGP_AFI_IPV6))
		return false;
	*ret_family = afi == BGP_AFI_IPV4 ? BGP_IPV4 : BGP_IPV6;
	return true;
}

static uint8_t addr_family_of(enum bgp_family f)
{
	return f == BGP_IPV4 ? 4 : 6;
}

/* The head that both attributes share. */
static enum fault parse_mp_family(struct parse *p, struct rd *r, struct mp_nlri *mp)
{
	mp->present = true;
	mp->afi = rd_u16(r);
	mp->safi = rd_u8(r);
	if (!rd_ok(r))
		return FAULT_MP_HEADER;
	mp->known = attr_family(mp->afi, mp->safi, &mp->family) && p->ctx->family[mp->family];
	return mp->known ? FAULT_NONE : FAULT_MP_FAMILY;
}

static enum fault mp_disable(struct parse *p, struct mp_nlri *mp, enum fault fault)
{
	p->v->faults.disable[mp->family] = true;
	mp->prefixes = rd_init("", 0);
	mp->n = 0;
	return fault;
}

static enum fault parse_mp_prefixes(struct parse *p, struct rd r, struct mp_nlri *mp)
{
	mp->prefixes = r;
	mp->n = nlri_check(r, addr_family_of(mp->family), p->ctx->path_ids[mp->family]);
	return mp->n < 0 ? mp_disable(p, mp, FAULT_MP_NLRI) : FAULT_NONE;
}

static enum fault parse_mp_reach(struct parse *p, struct rd r)
{
	struct mp_nlri *mp = &p->v->reach;
	enum fault f = parse_mp_family(p, &r, mp);
	uint8_t nh_len, reserved;
	struct rd nh;
	uint8_t b[16];

	if (f != FAULT_NONE)
		return f;
	nh_len = rd_u8(&r);
	nh = rd_sub(&r, nh_len);
	reserved = rd_u8(&r); /* once a count of SNPAs; ignored on receipt (RFC 4760 3) */
	(void)reserved;
	if (!rd_ok(&r))
		return mp_disable(p, mp, FAULT_MP_NEXT_HOP);
	if (mp->family == BGP_IPV4 ? nh_len != 4 : nh_len != sizeof(b) && nh_len != NEXTHOP_LEN_V6_LL)
		return mp_disable(p, mp, FAULT_MP_NEXT_HOP);
	rd_bytes(&nh, b, mp->family == BGP_IPV4 ? 4 : sizeof(b));
	p->v->mp_nexthop = addr_from_bytes(addr_family_of(mp->family), b);
	return parse_mp_prefixes(p, r, mp);
}

static enum fault parse_mp_unreach(struct parse *p, struct rd r)
{
	struct mp_nlri *mp = &p->v->unreach;
	enum fault f = parse_mp_family(p, &r, mp);

	return f != FAULT_NONE ? f : parse_mp_prefixes(p, r, mp);
}

/* --- the table --- */
#define WELL_KNOWN          BGP_ATTR_FLAG_TRANSITIVE
#define OPTIONAL            BGP_ATTR_FLAG_OPTIONAL
#define OPTIONAL_TRANSITIVE (BGP_ATTR_FLAG_OPTIONAL | BGP_ATTR_FLAG_TRANSITIVE)
#define ANY                 UINT16_MAX
#define SCOPE_FLAGS         (BGP_ATTR_FLAG_OPTIONAL | BGP_ATTR_FLAG_TRANSITIVE)

static const struct attr_row {
	uint8_t type, flags;
	uint16_t min, max, unit; /* of the value's length; a multiple of unit */
	enum fault fault;        /* when the length is another */
	enum fault external;     /* an external peer has no business to send it; FAULT_NONE: it has */
	parse_fn parse;          /* NULL: travels on as it is */
	const char *name;
} rows[] = {
	{ BGP_ATTR_ORIGIN, WELL_KNOWN, 1, 1, 1, FAULT_ORIGIN, FAULT_NONE, parse_origin, "ORIGIN" },
	{ BGP_ATTR_AS_PATH, WELL_KNOWN, 0, ANY, 1, FAULT_AS_PATH, FAULT_NONE, parse_as_path, "AS_PATH" },
	{ BGP_ATTR_NEXT_HOP, WELL_KNOWN, 4, 4, 1, FAULT_NEXT_HOP, FAULT_NONE, parse_next_hop, "NEXT_HOP" },
	{ BGP_ATTR_MED, OPTIONAL, 4, 4, 1, FAULT_MED, FAULT_NONE, parse_med, "MULTI_EXIT_DISC" },
	{ BGP_ATTR_LOCAL_PREF, WELL_KNOWN, 4, 4, 1, FAULT_LOCAL_PREF, FAULT_LOCAL_PREF_EXTERNAL,
	    parse_local_pref, "LOCAL_PREF" },
	{ BGP_ATTR_ATOMIC_AGGREGATE, WELL_KNOWN, 0, 0, 1, FAULT_ATOMIC_AGGREGATE, FAULT_NONE, parse_atomic,
	    "ATOMIC_AGGREGATE" },
	{ BGP_ATTR_AGGREGATOR, OPTIONAL_TRANSITIVE, 6, 8, 2, FAULT_AGGREGATOR, FAULT_NONE, parse_aggregator,
	    "AGGREGATOR" },
	{ BGP_ATTR_COMMUNITIES, OPTIONAL_TRANSITIVE, 4, ANY, 4, FAULT_COMMUNITIES, FAULT_NONE,
	    parse_communities, "COMMUNITIES" },
	{ BGP_ATTR_ORIGINATOR_ID, OPTIONAL, 4, 4, 1, FAULT_ORIGINATOR_ID, FAULT_ORIGINATOR_ID_EXTERNAL,
	    parse_originator, "ORIGINATOR_ID" },
	{ BGP_ATTR_CLUSTER_LIST, OPTIONAL, 4, ANY, 4, FAULT_CLUSTER_LIST, FAULT_CLUSTER_LIST_EXTERNAL,
	    parse_cluster_list, "CLUSTER_LIST" },
	{ BGP_ATTR_MP_REACH, OPTIONAL, 0, ANY, 1, FAULT_MP_HEADER, FAULT_NONE, parse_mp_reach,
	    "MP_REACH_NLRI" },
	{ BGP_ATTR_MP_UNREACH, OPTIONAL, 0, ANY, 1, FAULT_MP_HEADER, FAULT_NONE, parse_mp_unreach,
	    "MP_UNREACH_NLRI" },
	{ BGP_ATTR_EXT_COMMUNITIES, OPTIONAL_TRANSITIVE, 8, ANY, 8, FAULT_EXT_COMMUNITIES, FAULT_NONE, NULL,
	    "EXTENDED COMMUNITIES" },
	{ BGP_ATTR_AS4_PATH, OPTIONAL_TRANSITIVE, 0, ANY, 1, FAULT_AS4_PATH, FAULT_NONE, parse_as4_path,
	    "AS4_PATH" },
	{ BGP_ATTR_AS4_AGGREGATOR, OPTIONAL_TRANSITIVE, 8, 8, 1, FAULT_AS4_AGGREGATOR, FAULT_NONE,
	    parse_as4_aggregator, "AS4_AGGREGATOR" },
	{ BGP_ATTR_IPV6_EXT_COMM, OPTIONAL_TRANSITIVE, 20, ANY, 20, FAULT_IPV6_EXT_COMMUNITIES, FAULT_NONE,
	    NULL, "IPV6 EXTENDED COMMUNITIES" },
	{ BGP_ATTR_LARGE_COMMUNITIES, OPTIONAL_TRANSITIVE, 12, ANY, 12, FAULT_LARGE_COMMUNITIES, FAULT_NONE,
	    NULL, "LARGE_COMMUNITY" },
	{ BGP_ATTR_OTC, OPTIONAL_TRANSITIVE, 4, 4, 1, FAULT_OTC, FAULT_NONE, NULL, "OTC" },
};

static const struct attr_row *row_of(uint8_t type)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].type == type)
			return &rows[i];
	return NULL;
}

const char *attr_name(uint8_t type)
{
	const struct attr_row *row = row_of(type);

	return row ? row->name : "attribute";
}

/* --- one attribute --- */
static void keep_other(struct parse *p, uint8_t type, uint8_t flags, struct rd value)
{
	size_t len = rd_left(&value);

	wr_u8(&p->other, type);
	wr_u8(&p->other, flags);
	wr_u16(&p->other, (uint16_t)len);
	wr_bytes(&p->other, rd_skip(&value, len), len);
}

static enum fault parse_unknown(struct parse *p, uint8_t type, uint8_t flags, struct rd value)
{
	if (!(flags & BGP_ATTR_FLAG_OPTIONAL))
		return FAULT_UNKNOWN_WELL_KNOWN;
	if (flags & BGP_ATTR_FLAG_TRANSITIVE) /* RFC 4271 5: travels on, marked */
		keep_other(p, type, OPTIONAL_TRANSITIVE | BGP_ATTR_FLAG_PARTIAL, value);
	return FAULT_NONE;
}

static enum fault parse_value(struct parse *p, const struct attr_row *row, uint8_t flags, struct rd value)
{
	size_t len = rd_left(&value);

	p->partial = flags & BGP_ATTR_FLAG_PARTIAL;
	/* What only internal peers may send is dropped unread from others, whatever its form (RFC
	 * 7606 7.5, 7.9, 7.10). */
	if (row->external != FAULT_NONE && !p->ctx->internal)
		return row->external;
	if ((flags & SCOPE_FLAGS) != row->flags) {
		if (row->type == BGP_ATTR_MP_REACH || row->type == BGP_ATTR_MP_UNREACH) {
			enum fault f = row->parse(p, value); /* for the prefixes */

			if (fault_info(f)->reaction > REACT_WITHDRAW)
				return f;
		}
		return FAULT_FLAGS;
	}
	if (len < row->min || len > row->max || len % row->unit)
		return row->fault;
	if (row->parse)
		return row->parse(p, value);
	keep_other(p, row->type, OPTIONAL_TRANSITIVE | (flags & BGP_ATTR_FLAG_PARTIAL), value);
	return FAULT_NONE;
}

static void parse_one(struct parse *p, uint8_t type, uint8_t flags, struct rd value)
{
	const struct attr_row *row = row_of(type);
	enum fault fault;

	if (attr_seen(p->v, type)) {
		bool mp = type == BGP_ATTR_MP_REACH || type == BGP_ATTR_MP_UNREACH;

		faults_add(&p->v->faults, mp ? FAULT_MP_TWICE : FAULT_DUPLICATE, type);
		return;
	}
	p->v->seen[type >> 5] |= 1u << (type & 31);
	fault = row ? parse_value(p, row, flags, value) : parse_unknown(p, type, flags, value);
	if (fault != FAULT_NONE)
		faults_add(&p->v->faults, fault, type);
}

/* RFC 6793 4.2.3: what a 2-octet speaker told us and what it carried along for us, made one. */
static void merge_as4(struct parse *p)
{
	struct attrs *a = &p->v->attrs;
	struct wr w = wr_init(p->scratch->merged, AS_PATH_READ_MAX);

	if (a->have_aggregator && p->have_as4_aggregator) {
		if (a->aggregator_as != BGP_AS_TRANS)
			return; /* a 2-octet speaker aggregated later: both AS4 attributes are stale */
		a->aggregator_as = p->as4_aggregator_as;
		a->aggregator_id = p->as4_aggregator_id;
	}
	if (!p->have_as4_path)
		return;
	as_path_merge(a->as_path, p->as4_path, &w);
	if (wr_ok(&w))
		a->as_path = (struct bytes){ p->scratch->merged, wr_len(&w) };
}

void attrs_parse(
    struct rd r, const struct attr_context *ctx, struct attr_scratch *scratch, struct attr_view *ret_view)
{
	struct parse p = { .ctx = ctx, .v = ret_view, .scratch = scratch };

	memset(ret_view, 0, sizeof(*ret_view));
	ret_view->reach.prefixes = ret_view->unreach.prefixes = rd_init("", 0);
	p.other = wr_init(scratch->other, sizeof(scratch->other));
	while (rd_left(&r)) {
		uint8_t flags = rd_u8(&r), type = rd_u8(&r);
		size_t len = flags & BGP_ATTR_FLAG_EXT_LEN ? rd_u16(&r) : rd_u8(&r);
		struct rd value;

		if (!rd_ok(&r)) {
			faults_add(&ret_view->faults, FAULT_ATTR_TAIL, 0);
			break;
		}
		value = rd_sub(&r, len);
		if (!rd_ok(&r)) {
			faults_add(&ret_view->faults, FAULT_ATTR_OVERRUN, type);
			break;
		}
		parse_one(&p, type, flags, value);
	}
	if (!ctx->four_octet)
		merge_as4(&p);
	ret_view->attrs.other = (struct bytes){ scratch->other, wr_len(&p.other) };
}

void attrs_check_mandatory(struct attr_view *v, bool have_nlri)
{
	static const uint8_t mandatory[] = { BGP_ATTR_ORIGIN, BGP_ATTR_AS_PATH };

	if (!have_nlri && !v->reach.n)
		return;
	for (unsigned i = 0; i < sizeof(mandatory); i++)
		if (!attr_seen(v, mandatory[i]))
			faults_add(&v->faults, FAULT_MISSING, mandatory[i]);
	if (have_nlri && !attr_seen(v, BGP_ATTR_NEXT_HOP)) /* MP_REACH_NLRI carries its own */
		faults_add(&v->faults, FAULT_MISSING, BGP_ATTR_NEXT_HOP);
}

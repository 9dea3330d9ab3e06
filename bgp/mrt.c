/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MRT records (RFC 6396). A record begins with its time, type, subtype and the length of what follows. Tables
 * are TABLE_DUMP_V2: AS numbers have 4 octets there whatever the session agreed (4.3.4), and the
 * MP_REACH_NLRI of an IPv6 route has its next hop alone, because the prefix stands in the record's head.
 */
#include "bgp/mrt.h"

#include "bgp/nlri.h"

#include <string.h>

enum mrt_type { MRT_TABLE_DUMP_V2 = 13, MRT_BGP4MP = 16 };
enum mrt_table_dump_subtype {
	MRT_PEER_INDEX_TABLE = 1,
	MRT_RIB_IPV4_UNICAST = 2,
	MRT_RIB_IPV6_UNICAST = 4,
	MRT_RIB_IPV4_UNICAST_ADDPATH = 8, /* RFC 8050 */
	MRT_RIB_IPV6_UNICAST_ADDPATH = 10,
};
enum mrt_bgp4mp_subtype {
	MRT_MESSAGE = 1,
	MRT_MESSAGE_AS4 = 4,
	MRT_STATE_CHANGE_AS4 = 5,
	MRT_MESSAGE_ADDPATH = 8, /* RFC 8050 */
	MRT_MESSAGE_AS4_ADDPATH = 9,
};
enum mrt_peer_type { MRT_PEER_IPV6 = 0x01, MRT_PEER_AS4 = 0x02 };

/* The header; where its length goes. */
static uint8_t *begin(struct wr *w, uint32_t when, uint16_t type, uint16_t subtype)
{
	wr_u32(w, when);
	wr_u16(w, type);
	wr_u16(w, subtype);
	return wr_skip(w, sizeof(uint32_t));
}

static void end(struct wr *w, uint8_t *length, size_t start)
{
	struct wr at;

	if (!length || !wr_ok(w))
		return;
	at = wr_init(length, sizeof(uint32_t));
	wr_u32(&at, (uint32_t)(wr_len(w) - start));
}

void mrt_peer_index(struct wr *w, uint32_t when, uint32_t collector_id, const char *view,
    const struct mrt_peer peer[], uint16_t n)
{
	uint8_t *length = begin(w, when, MRT_TABLE_DUMP_V2, MRT_PEER_INDEX_TABLE);
	size_t start = wr_len(w);

	wr_u32(w, collector_id);
	wr_u16(w, (uint16_t)strlen(view));
	wr_bytes(w, view, strlen(view));
	wr_u16(w, n);
	for (unsigned i = 0; i < n; i++) {
		wr_u8(w, (uint8_t)(MRT_PEER_AS4 | (peer[i].address.family == 6 ? MRT_PEER_IPV6 : 0)));
		wr_u32(w, peer[i].router_id);
		wr_bytes(w, peer[i].address.b, peer[i].address.family == 6 ? 16 : 4);
		wr_u32(w, peer[i].as);
	}
	end(w, length, start);
}

void mrt_rib_begin(struct wr *w, struct mrt_rib *rib, uint32_t when, uint32_t sequence,
    const struct prefix *p, bool path_ids)
{
	static const uint16_t subtypes[2][2] = { { MRT_RIB_IPV4_UNICAST, MRT_RIB_IPV6_UNICAST },
		{ MRT_RIB_IPV4_UNICAST_ADDPATH, MRT_RIB_IPV6_UNICAST_ADDPATH } };

	rib->ipv6 = p->addr.family == 6;
	rib->path_ids = path_ids;
	rib->n = 0;
	rib->length = begin(w, when, MRT_TABLE_DUMP_V2, subtypes[path_ids][rib->ipv6]);
	rib->start = wr_len(w);
	wr_u32(w, sequence);
	nlri_build(w, p);
	rib->count = wr_skip(w, sizeof(uint16_t));
}

/* The MP_REACH_NLRI of a table (4.3.4): the next hop's length and the next hop. */
static void build_nexthop(struct wr *w, const struct addr *nexthop)
{
	wr_u8(w, BGP_ATTR_FLAG_OPTIONAL);
	wr_u8(w, BGP_ATTR_MP_REACH);
	wr_u8(w, (uint8_t)(addr_size(nexthop) + 1));
	wr_u8(w, (uint8_t)addr_size(nexthop));
	wr_bytes(w, nexthop->b, addr_size(nexthop));
}

void mrt_rib_entry(struct wr *w, struct mrt_rib *rib, uint16_t peer, uint32_t originated, uint32_t path_id,
    const struct attrs *a, bool internal)
{
	const struct attr_context ctx = { .four_octet = true, .internal = internal };
	size_t mark, start;

	wr_u16(w, peer);
	wr_u32(w, originated);
	if (rib->path_ids)
		wr_u32(w, path_id);
	mark = wr_mark_u16(w);
	start = wr_len(w);
	attrs_build(w, a, &ctx, !rib->ipv6 && a->nexthop.family == 4);
	if (rib->ipv6 || a->nexthop.family != 4)
		build_nexthop(w, &a->nexthop);
	wr_patch_u16(w, mark, wr_len(w) - start);
	rib->n++;
}

void mrt_rib_end(struct wr *w, struct mrt_rib *rib)
{
	struct wr at;

	end(w, rib->length, rib->start);
	if (!rib->count || !wr_ok(w))
		return;
	at = wr_init(rib->count, sizeof(uint16_t));
	wr_u16(&at, rib->n);
}

static void build_as(struct wr *w, uint32_t as, bool four_octet)
{
	if (four_octet)
		wr_u32(w, as);
	else
		wr_u16(w, (uint16_t)(as > UINT16_MAX ? BGP_AS_TRANS : as));
}

/* Both addresses are of the peer's family: a session has but one. */
static void build_session(struct wr *w, const struct mrt_session *s, bool four_octet)
{
	bool ipv6 = s->peer.family == 6;

	build_as(w, s->peer_as, four_octet);
	build_as(w, s->local_as, four_octet);
	wr_u16(w, 0); /* the interface, "if known" */
	wr_u16(w, ipv6 ? BGP_AFI_IPV6 : BGP_AFI_IPV4);
	wr_bytes(w, s->peer.b, ipv6 ? 16 : 4);
	wr_bytes(w, s->local.b, ipv6 ? 16 : 4);
}

/* The family of an UPDATE's prefixes: that of its MP_REACH_NLRI or MP_UNREACH_NLRI, which come with no others
 * in practice (RFC 7606 5.1 asks for one of them in a message). */
static enum bgp_family update_family(const uint8_t *message, size_t len)
{
	struct rd r = rd_init(message, len), attrs;
	enum bgp_family family = BGP_IPV4;

	(void)rd_skip(&r, BGP_HEADER_LEN);
	(void)rd_skip(&r, rd_u16(&r)); /* withdrawn routes */
	attrs = rd_sub(&r, rd_u16(&r));
	while (rd_ok(&attrs) && rd_left(&attrs)) {
		uint8_t flags = rd_u8(&attrs), type = rd_u8(&attrs);
		size_t n = flags & BGP_ATTR_FLAG_EXT_LEN ? rd_u16(&attrs) : rd_u8(&attrs);
		struct rd value = rd_sub(&attrs, n);

		if ((type == BGP_ATTR_MP_REACH || type == BGP_ATTR_MP_UNREACH) &&
		    rd_u16(&value) == BGP_AFI_IPV6)
			family = BGP_IPV6;
	}
	return family;
}

static enum mrt_bgp4mp_subtype message_subtype(
    const struct mrt_session *s, const uint8_t *message, size_t len)
{
	bool update = len > BGP_HEADER_LEN && message[BGP_HEADER_LEN - 1] == BGP_MSG_UPDATE;

	if (update && (s->path_ids[0] || s->path_ids[1]) && s->path_ids[update_family(message, len)])
		return s->four_octet_as ? MRT_MESSAGE_AS4_ADDPATH : MRT_MESSAGE_ADDPATH;
	return s->four_octet_as ? MRT_MESSAGE_AS4 : MRT_MESSAGE;
}

void mrt_message(struct wr *w, uint32_t when, const struct mrt_session *s, const uint8_t *message, size_t len)
{
	uint8_t *length = begin(w, when, MRT_BGP4MP, (uint16_t)message_subtype(s, message, len));
	size_t start = wr_len(w);

	build_session(w, s, s->four_octet_as);
	wr_bytes(w, message, len);
	end(w, length, start);
}

void mrt_state_change(struct wr *w, uint32_t when, const struct mrt_session *s, uint16_t was, uint16_t is)
{
	uint8_t *length = begin(w, when, MRT_BGP4MP, MRT_STATE_CHANGE_AS4);
	size_t start = wr_len(w);

	build_session(w, s, true);
	wr_u16(w, was);
	wr_u16(w, is);
	end(w, length, start);
}

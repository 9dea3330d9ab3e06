/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities (RFC 5492). Each TLV is cut out first and parsed inside its cut. A capability that we don't
 * know is passed over; one that we know but whose length is wrong is a malformed OPEN. The same capability
 * may come several times (multiprotocol does); repeats of the others change nothing (RFC 5492 4).
 *
 * The graceful restart capability without families (RFC 4724 3) tells the peer that we understand End-of-RIB,
 * which some send only then, and keep its routes while it restarts; with families, that we can restart too.
 */
#include "bgp/capability.h"

#define CAP_MULTIPROTOCOL_LEN 4
#define CAP_FOUR_OCTET_LEN    4
#define CAP_RESTART_MIN       2
#define CAP_RESTART_FAMILY    4
#define CAP_ROLE_LEN          1
#define CAP_ADD_PATH_LEN      4 /* each */
#define ADD_PATH_RECEIVE      1
#define ADD_PATH_SEND         2
#define RESTART_STATE         0x8000 /* R */
#define RESTART_NOTIFICATION  0x4000 /* N */
#define RESTART_TIME_MASK     0x0fff
#define RESTART_FORWARDING    0x80 /* F, of a family */

static bool family_of(uint16_t afi, uint8_t safi, enum bgp_family *ret_family)
{
	if (safi != BGP_SAFI_UNICAST || (afi != BGP_AFI_IPV4 && afi != BGP_AFI_IPV6))
		return false;
	*ret_family = afi == BGP_AFI_IPV4 ? BGP_IPV4 : BGP_IPV6;
	return true;
}

static void parse_multiprotocol(struct rd *v, struct capabilities *caps)
{
	uint16_t afi = rd_u16(v);
	uint8_t reserved = rd_u8(v), safi = rd_u8(v);
	enum bgp_family family;

	(void)reserved;
	caps->multiprotocol = true;
	if (family_of(afi, safi, &family))
		caps->family[family] = true;
}

/* RFC 4724 3. Of several the last counts (RFC 5492 4 leaves it open). */
static int parse_restart(struct rd *v, struct capabilities *caps)
{
	uint16_t head = rd_u16(v);
	struct restart_capability r = { .restarting = head & RESTART_STATE,
		.notification = head & RESTART_NOTIFICATION,
		.time = head & RESTART_TIME_MASK };

	if (rd_left(v) % CAP_RESTART_FAMILY)
		return -1;
	while (rd_left(v)) {
		uint16_t afi = rd_u16(v);
		uint8_t safi = rd_u8(v), flags = rd_u8(v);
		enum bgp_family family;

		if (!family_of(afi, safi, &family))
			continue;
		r.family[family] = true;
		r.forwarding[family] = flags & RESTART_FORWARDING;
	}
	caps->end_of_rib = true;
	caps->restart = r;
	return 0;
}

/* RFC 9234 4.2: the same role twice is one; two roles are none that could be right. */
static void parse_role(struct rd *v, struct capabilities *caps)
{
	uint8_t role = rd_u8(v);

	caps->role_conflict |= caps->have_role && caps->role != role;
	caps->have_role = true;
	caps->role = role;
}

/* RFC 7911 4; what is neither receive, send nor both is ignored, as the RFC has it. */
static int parse_add_path(struct rd *v, struct capabilities *caps)
{
	if (rd_left(v) % CAP_ADD_PATH_LEN)
		return -1;
	while (rd_left(v)) {
		uint16_t afi = rd_u16(v);
		uint8_t safi = rd_u8(v), how = rd_u8(v);
		enum bgp_family family;

		if (!family_of(afi, safi, &family) || how > (ADD_PATH_RECEIVE | ADD_PATH_SEND))
			continue;
		caps->add_path_receive[family] = how & ADD_PATH_RECEIVE;
		caps->add_path_send[family] = how & ADD_PATH_SEND;
	}
	return 0;
}

static int parse_one(uint8_t code, struct rd v, struct capabilities *caps)
{
	switch (code) {
	case BGP_CAP_MULTIPROTOCOL:
		if (rd_left(&v) != CAP_MULTIPROTOCOL_LEN)
			return -1;
		parse_multiprotocol(&v, caps);
		return 0;
	case BGP_CAP_ROUTE_REFRESH:
		if (rd_left(&v) != 0)
			return -1;
		caps->route_refresh = true;
		return 0;
	case BGP_CAP_EXTENDED_MESSAGE:
		if (rd_left(&v) != 0)
			return -1;
		caps->extended_messages = true;
		return 0;
	case BGP_CAP_ENHANCED_REFRESH:
		if (rd_left(&v) != 0)
			return -1;
		caps->enhanced_refresh = true;
		return 0;
	case BGP_CAP_ROLE:
		if (rd_left(&v) != CAP_ROLE_LEN)
			return -1;
		parse_role(&v, caps);
		return 0;
	case BGP_CAP_ADD_PATH: return parse_add_path(&v, caps);
	case BGP_CAP_GRACEFUL_RESTART: return rd_left(&v) < CAP_RESTART_MIN ? -1 : parse_restart(&v, caps);
	case BGP_CAP_FOUR_OCTET_AS:
		if (rd_left(&v) != CAP_FOUR_OCTET_LEN)
			return -1;
		caps->four_octet_as = true;
		caps->as = rd_u32(&v);
		return 0;
	}
	return 0;
}

int capabilities_parse(struct rd r, struct capabilities *caps)
{
	caps->any = true;
	while (rd_left(&r)) {
		uint8_t code = rd_u8(&r), len = rd_u8(&r);
		struct rd value = rd_sub(&r, len);

		if (!rd_ok(&r) || parse_one(code, value, caps) < 0)
			return -1;
	}
	return rd_done(&r) ? 0 : -1;
}

static void build_multiprotocol(struct wr *w, uint16_t afi)
{
	wr_u8(w, BGP_CAP_MULTIPROTOCOL);
	wr_u8(w, CAP_MULTIPROTOCOL_LEN);
	wr_u16(w, afi);
	wr_u8(w, 0);
	wr_u8(w, BGP_SAFI_UNICAST);
}

static void build_add_path(struct wr *w, const struct capabilities *caps)
{
	size_t mark, start;

	wr_u8(w, BGP_CAP_ADD_PATH);
	mark = wr_mark_u8(w);
	start = wr_len(w);
	for (int f = 0; f < BGP_N_FAMILIES; f++) {
		if (!caps->add_path_receive[f] && !caps->add_path_send[f])
			continue;
		wr_u16(w, f == BGP_IPV4 ? BGP_AFI_IPV4 : BGP_AFI_IPV6);
		wr_u8(w, BGP_SAFI_UNICAST);
		wr_u8(w, (uint8_t)((caps->add_path_receive[f] ? ADD_PATH_RECEIVE : 0) |
		                   (caps->add_path_send[f] ? ADD_PATH_SEND : 0)));
	}
	wr_patch_u8(w, mark, wr_len(w) - start);
}

static void build_empty(struct wr *w, bool wanted, uint8_t code)
{
	if (!wanted)
		return;
	wr_u8(w, code);
	wr_u8(w, 0);
}

static void build_restart(struct wr *w, const struct restart_capability *r)
{
	size_t mark, start;

	wr_u8(w, BGP_CAP_GRACEFUL_RESTART);
	mark = wr_mark_u8(w);
	start = wr_len(w);
	wr_u16(w, (uint16_t)((r->restarting ? RESTART_STATE : 0) |
	                     (r->notification ? RESTART_NOTIFICATION : 0) | (r->time & RESTART_TIME_MASK)));
	for (int f = 0; f < BGP_N_FAMILIES; f++) {
		if (!r->family[f])
			continue;
		wr_u16(w, f == BGP_IPV4 ? BGP_AFI_IPV4 : BGP_AFI_IPV6);
		wr_u8(w, BGP_SAFI_UNICAST);
		wr_u8(w, r->forwarding[f] ? RESTART_FORWARDING : 0);
	}
	wr_patch_u8(w, mark, wr_len(w) - start);
}

void capabilities_build(struct wr *w, const struct capabilities *caps)
{
	size_t mark, start;

	if (!caps->any)
		return;
	wr_u8(w, BGP_OPT_CAPABILITIES);
	mark = wr_mark_u8(w);
	start = wr_len(w);
	if (caps->family[BGP_IPV4])
		build_multiprotocol(w, BGP_AFI_IPV4);
	if (caps->family[BGP_IPV6])
		build_multiprotocol(w, BGP_AFI_IPV6);
	build_empty(w, caps->route_refresh, BGP_CAP_ROUTE_REFRESH);
	build_empty(w, caps->extended_messages, BGP_CAP_EXTENDED_MESSAGE);
	if (caps->have_role) {
		wr_u8(w, BGP_CAP_ROLE);
		wr_u8(w, CAP_ROLE_LEN);
		wr_u8(w, caps->role);
	}
	if (caps->end_of_rib)
		build_restart(w, &caps->restart);
	if (caps->four_octet_as) {
		wr_u8(w, BGP_CAP_FOUR_OCTET_AS);
		wr_u8(w, CAP_FOUR_OCTET_LEN);
		wr_u32(w, caps->as);
	}
	build_empty(w, caps->enhanced_refresh, BGP_CAP_ENHANCED_REFRESH);
	if (caps->add_path_receive[BGP_IPV4] || caps->add_path_receive[BGP_IPV6] ||
	    caps->add_path_send[BGP_IPV4] || caps->add_path_send[BGP_IPV6])
		build_add_path(w, caps);
	wr_patch_u8(w, mark, wr_len(w) - start);
}

int capabilities_negotiate(
    const struct capabilities *ours, const struct capabilities *theirs, struct negotiated *ret_negotiated)
{
	struct negotiated n = {
		.route_refresh = ours->route_refresh && theirs->route_refresh,
		.enhanced_refresh = ours->enhanced_refresh && theirs->enhanced_refresh,
		.extended_messages = ours->extended_messages && theirs->extended_messages,
		.four_octet_as = ours->four_octet_as && theirs->four_octet_as,
		.end_of_rib = ours->end_of_rib && theirs->end_of_rib,
		.notification_restart = ours->restart.notification && theirs->restart.notification,
	};

	for (int f = 0; f < BGP_N_FAMILIES; f++)
		n.path_ids_in[f] = ours->add_path_receive[f] && theirs->add_path_send[f];
	/* A speaker without multiprotocol capabilities speaks IPv4 unicast and nothing else (RFC 4760 8). */
	n.family[BGP_IPV4] = (ours->multiprotocol ? ours->family[BGP_IPV4] : true) &&
	                     (theirs->multiprotocol ? theirs->family[BGP_IPV4] : true);
	n.family[BGP_IPV6] = ours->family[BGP_IPV6] && theirs->family[BGP_IPV6];
	if (!n.family[BGP_IPV4] && !n.family[BGP_IPV6])
		return -1;
	*ret_negotiated = n;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities (RFC 5492). Each TLV is cut out first and parsed inside its cut. A capability that we don't
 * know is passed over; one that we know but whose length is wrong is a malformed OPEN. The same capability
 * may come several times (multiprotocol does); repeats of the others change nothing (RFC 5492 4).
 *
 * We announce the graceful restart capability without families (RFC 4724 3): it tells the peer that we
 * understand End-of-RIB, which some send only then, and promises nothing else.
 */
#include "bgp/capability.h"

#define CAP_MULTIPROTOCOL_LEN 4
#define CAP_FOUR_OCTET_LEN    4
#define CAP_RESTART_MIN       2

static void parse_multiprotocol(struct rd *v, struct capabilities *caps)
{
	uint16_t afi = rd_u16(v);
	uint8_t reserved = rd_u8(v), safi = rd_u8(v);

	(void)reserved;
	caps->multiprotocol = true;
	if (safi != BGP_SAFI_UNICAST)
		return;
	if (afi == BGP_AFI_IPV4)
		caps->family[BGP_IPV4] = true;
	else if (afi == BGP_AFI_IPV6)
		caps->family[BGP_IPV6] = true;
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
	case BGP_CAP_GRACEFUL_RESTART:
		if (rd_left(&v) < CAP_RESTART_MIN)
			return -1;
		caps->end_of_rib = true;
		return 0;
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
	if (caps->route_refresh) {
		wr_u8(w, BGP_CAP_ROUTE_REFRESH);
		wr_u8(w, 0);
	}
	if (caps->end_of_rib) {
		wr_u8(w, BGP_CAP_GRACEFUL_RESTART);
		wr_u8(w, CAP_RESTART_MIN);
		wr_u16(w, 0); /* no flags, restart time 0: nothing is kept for us */
	}
	if (caps->four_octet_as) {
		wr_u8(w, BGP_CAP_FOUR_OCTET_AS);
		wr_u8(w, CAP_FOUR_OCTET_LEN);
		wr_u32(w, caps->as);
	}
	wr_patch_u8(w, mark, wr_len(w) - start);
}

int capabilities_negotiate(
    const struct capabilities *ours, const struct capabilities *theirs, struct negotiated *ret_negotiated)
{
	struct negotiated n = {
		.route_refresh = ours->route_refresh && theirs->route_refresh,
		.four_octet_as = ours->four_octet_as && theirs->four_octet_as,
		.end_of_rib = ours->end_of_rib && theirs->end_of_rib,
	};

	/* A speaker without multiprotocol capabilities speaks IPv4 unicast and nothing else (RFC 4760 8). */
	n.family[BGP_IPV4] = (ours->multiprotocol ? ours->family[BGP_IPV4] : true) &&
	                     (theirs->multiprotocol ? theirs->family[BGP_IPV4] : true);
	n.family[BGP_IPV6] = ours->family[BGP_IPV6] && theirs->family[BGP_IPV6];
	if (!n.family[BGP_IPV4] && !n.family[BGP_IPV6])
		return -1;
	*ret_negotiated = n;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inner headers and selectors. RFC 791 3.1, RFC 8200 4 (extension headers, walked to a named maximum), RFC
 * 4301 7 (fragments: one without ports matches only selectors that ask for none).
 */
#include "esp/selector.h"

#include "base/cursor.h"

#include <string.h>

#define IPV4_MIN_HEADER       20
#define IPV4_FRAG_OFFSET_MASK 0x1fff
#define IPV6_HEADER           40
#define IPV6_FRAG_OFFSET_MASK 0xfff8
#define IPV6_MAX_EXT_HEADERS  8

enum ip_proto {
	IP_PROTO_HOPOPTS = 0,
	IP_PROTO_ICMP = 1,
	IP_PROTO_TCP = 6,
	IP_PROTO_UDP = 17,
	IP_PROTO_DCCP = 33,
	IP_PROTO_ROUTING = 43,
	IP_PROTO_FRAGMENT = 44,
	IP_PROTO_AH = 51,
	IP_PROTO_ICMPV6 = 58,
	IP_PROTO_DSTOPTS = 60,
	IP_PROTO_SCTP = 132,
	IP_PROTO_MOBILITY = 135,
	IP_PROTO_UDPLITE = 136,
};

/* Takes the ports, or ICMP's type and code as both, from the start of the upper header; a short one has none.
 */
static void parse_ports(struct rd r, struct esp_flow *f)
{
	uint16_t a, b;

	switch (f->protocol) {
	case IP_PROTO_TCP:
	case IP_PROTO_UDP:
	case IP_PROTO_DCCP:
	case IP_PROTO_SCTP:
	case IP_PROTO_UDPLITE:
		a = rd_u16(&r);
		b = rd_u16(&r);
		break;
	case IP_PROTO_ICMP:
	case IP_PROTO_ICMPV6: a = b = rd_u16(&r); break;
	default: return;
	}
	if (!rd_ok(&r))
		return;
	f->ports_known = true;
	f->src_port = a;
	f->dst_port = b;
}

static int parse_ipv4(struct rd r, size_t len, struct esp_flow *f)
{
	size_t header_len = (size_t)(rd_u8(&r) & 0x0f) * 4;
	uint16_t fragment;
	uint8_t src[4], dst[4];

	rd_skip(&r, 1);
	f->total_len = rd_u16(&r);
	rd_skip(&r, 2);
	fragment = rd_u16(&r) & IPV4_FRAG_OFFSET_MASK;
	rd_skip(&r, 1);
	f->protocol = rd_u8(&r);
	rd_skip(&r, 2);
	rd_bytes(&r, src, sizeof(src));
	rd_bytes(&r, dst, sizeof(dst));
	if (!rd_ok(&r) || header_len < IPV4_MIN_HEADER || f->total_len < header_len || f->total_len > len)
		return -1;
	f->src = addr_from_bytes(4, src);
	f->dst = addr_from_bytes(4, dst);
	rd_skip(&r, header_len - IPV4_MIN_HEADER);
	if (!fragment)
		parse_ports(rd_sub(&r, f->total_len - header_len), f);
	return 0;
}

/* Walks to the upper header. Sets f->protocol; true when its beginning is at the cursor. */
static bool skip_ext_headers(struct rd *r, uint8_t next, struct esp_flow *f)
{
	for (unsigned i = 0; i < IPV6_MAX_EXT_HEADERS; i++) {
		uint8_t units;

		f->protocol = next;
		switch (next) {
		case IP_PROTO_HOPOPTS:
		case IP_PROTO_ROUTING:
		case IP_PROTO_DSTOPTS:
		case IP_PROTO_MOBILITY: /* units of 8 bytes, the first not counted */
			next = rd_u8(r);
			units = rd_u8(r);
			rd_skip(r, 6 + (size_t)units * 8);
			break;
		case IP_PROTO_AH: /* units of 4 bytes, two not counted (RFC 4302 2.2) */
			next = rd_u8(r);
			units = rd_u8(r);
			rd_skip(r, 6 + (size_t)units * 4);
			break;
		case IP_PROTO_FRAGMENT:
			next = rd_u8(r);
			rd_skip(r, 1);
			if (rd_u16(r) & IPV6_FRAG_OFFSET_MASK) {
				f->protocol = next;
				return false;
			}
			rd_skip(r, 4);
			break;
		default: return true;
		}
		if (!rd_ok(r))
			return false;
	}
	return false;
}

static int parse_ipv6(struct rd r, size_t len, struct esp_flow *f)
{
	uint8_t next, src[16], dst[16];
	struct rd body;

	rd_skip(&r, 4);
	f->total_len = IPV6_HEADER + (size_t)rd_u16(&r);
	next = rd_u8(&r);
	rd_skip(&r, 1);
	rd_bytes(&r, src, sizeof(src));
	rd_bytes(&r, dst, sizeof(dst));
	if (!rd_ok(&r) || f->total_len > len)
		return -1;
	f->src = addr_from_bytes(6, src);
	f->dst = addr_from_bytes(6, dst);
	body = rd_sub(&r, f->total_len - IPV6_HEADER);
	if (skip_ext_headers(&body, next, f))
		parse_ports(body, f);
	return 0;
}

int esp_flow_parse(const uint8_t *pkt, size_t len, struct esp_flow *ret_flow)
{
	struct rd r = rd_init(pkt, len), peek = r;
	struct esp_flow f = { 0 };
	uint8_t version = rd_u8(&peek) >> 4;
	int err = -1;

	if (version == 4)
		err = parse_ipv4(r, len, &f);
	else if (version == 6)
		err = parse_ipv6(r, len, &f);
	if (!err)
		*ret_flow = f;
	return err;
}

static bool port_match(const struct esp_ts *ts, bool known, uint16_t port)
{
	if (ts->port_first == 0 && ts->port_last == UINT16_MAX)
		return true;
	if (!known)
		return ts->port_first > ts->port_last; /* OPAQUE */
	return port >= ts->port_first && port <= ts->port_last;
}

bool esp_ts_match(
    const struct esp_ts ts[], unsigned n, const struct addr *a, const struct esp_flow *f, uint16_t port)
{
	for (unsigned i = 0; i < n; i++) {
		if (ts[i].first.family != a->family || (ts[i].protocol && ts[i].protocol != f->protocol))
			continue;
		if (memcmp(a->b, ts[i].first.b, sizeof(a->b)) < 0 ||
		    memcmp(a->b, ts[i].last.b, sizeof(a->b)) > 0)
			continue;
		if (port_match(&ts[i], f->ports_known, port))
			return true;
	}
	return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BMP messages (RFC 7854 4). Each begins with version, length of the whole, and type; those about a peer go
 * on with the per-peer header of 42 octets, in which an IPv4 address takes the last four of sixteen.
 */
#include "bgp/bmp.h"

#include <string.h>

enum bmp_type {
	BMP_ROUTE_MONITORING = 0,
	BMP_STATISTICS = 1,
	BMP_PEER_DOWN = 2,
	BMP_PEER_UP = 3,
	BMP_INITIATION = 4,
	BMP_TERMINATION = 5,
};
enum bmp_peer_type { BMP_PEER_GLOBAL = 0 };
enum bmp_peer_flag { BMP_PEER_IPV6 = 0x80, BMP_PEER_POST_POLICY = 0x40, BMP_PEER_TWO_OCTET_AS = 0x20 };
enum bmp_info { BMP_INFO_SYS_DESCR = 1, BMP_INFO_SYS_NAME = 2 };
enum bmp_term { BMP_TERM_REASON = 1 };

struct mark {
	uint8_t *length;
	size_t start;
};

static struct mark begin(struct wr *w, enum bmp_type type)
{
	struct mark m = { .start = wr_len(w) };

	wr_u8(w, BMP_VERSION);
	m.length = wr_skip(w, sizeof(uint32_t));
	wr_u8(w, (uint8_t)type);
	return m;
}

static void end(struct wr *w, struct mark m)
{
	struct wr at;

	if (!m.length || !wr_ok(w))
		return;
	at = wr_init(m.length, sizeof(uint32_t));
	wr_u32(&at, (uint32_t)(wr_len(w) - m.start));
}

static void build_addr(struct wr *w, const struct addr *a)
{
	if (a->family != 6)
		wr_zero(w, 12);
	wr_bytes(w, a->b, a->family == 6 ? 16 : 4);
}

static void build_peer(struct wr *w, const struct bmp_peer *p)
{
	unsigned flags = (p->address.family == 6 ? BMP_PEER_IPV6 : 0) |
	                 (p->post_policy ? BMP_PEER_POST_POLICY : 0) |
	                 (p->two_octet_as ? BMP_PEER_TWO_OCTET_AS : 0);

	wr_u8(w, BMP_PEER_GLOBAL);
	wr_u8(w, (uint8_t)flags);
	wr_u64(w, 0); /* distinguisher: there is one routing domain */
	build_addr(w, &p->address);
	wr_u32(w, p->as);
	wr_u32(w, p->router_id);
	wr_u32(w, (uint32_t)(p->when_us / 1000000));
	wr_u32(w, (uint32_t)(p->when_us % 1000000));
}

static void build_info(struct wr *w, enum bmp_info type, const char *text)
{
	size_t len = strlen(text);

	if (len > BMP_INFO_MAX)
		len = BMP_INFO_MAX;
	wr_u16(w, (uint16_t)type);
	wr_u16(w, (uint16_t)len);
	wr_bytes(w, text, len);
}

void bmp_initiation(struct wr *w, const char *sys_name, const char *sys_descr)
{
	struct mark m = begin(w, BMP_INITIATION);

	build_info(w, BMP_INFO_SYS_DESCR, sys_descr);
	build_info(w, BMP_INFO_SYS_NAME, sys_name);
	end(w, m);
}

void bmp_termination(struct wr *w, enum bmp_termination why)
{
	struct mark m = begin(w, BMP_TERMINATION);

	wr_u16(w, BMP_TERM_REASON);
	wr_u16(w, sizeof(uint16_t));
	wr_u16(w, (uint16_t)why);
	end(w, m);
}

void bmp_route_monitoring(struct wr *w, const struct bmp_peer *p, const uint8_t *update, size_t len)
{
	struct mark m = begin(w, BMP_ROUTE_MONITORING);

	build_peer(w, p);
	wr_bytes(w, update, len);
	end(w, m);
}

void bmp_peer_up(struct wr *w, const struct bmp_peer *p, const struct endpoint *local, uint16_t remote_port,
    const uint8_t *open_sent, size_t sent_len, const uint8_t *open_received, size_t received_len)
{
	struct mark m = begin(w, BMP_PEER_UP);

	build_peer(w, p);
	build_addr(w, &local->addr);
	wr_u16(w, local->port);
	wr_u16(w, remote_port);
	wr_bytes(w, open_sent, sent_len);
	wr_bytes(w, open_received, received_len);
	end(w, m);
}

void bmp_peer_down(struct wr *w, const struct bmp_peer *p, enum bmp_down why, const uint8_t *data, size_t len)
{
	struct mark m = begin(w, BMP_PEER_DOWN);

	build_peer(w, p);
	wr_u8(w, (uint8_t)why);
	wr_bytes(w, data, len);
	end(w, m);
}

void bmp_stats(struct wr *w, const struct bmp_peer *p, const struct bmp_stat_value stat[], unsigned n)
{
	struct mark m = begin(w, BMP_STATISTICS);

	build_peer(w, p);
	wr_u32(w, n);
	for (unsigned i = 0; i < n; i++) {
		wr_u16(w, (uint16_t)stat[i].stat);
		wr_u16(w, sizeof(uint64_t));
		wr_u64(w, stat[i].value);
	}
	end(w, m);
}

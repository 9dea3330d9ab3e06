/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Path attributes from a structure: the input says attribute by attribute (type, flags, how the length lies,
 * value), so that most of what is tried has whole frames and odd contents. A gateway (the fuzzer) and a LAN
 * router, both established.
 *
 * Oracles, after each UPDATE: the session is up or the gateway got a NOTIFICATION and was closed; counters of
 * the views agree with what the tables show; no prefix stands twice in the best table; what the router holds,
 * read here by hand from all that was sent to it, is what the speaker thinks it has been told; nothing of it
 * is malformed or repeated.
 */
#include "bgp/bgp.h"
#include "bgp/message.h"
#include "bgp/nlri.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUR_AS   65001
#define GW       1
#define LAN      2
#define NETS     32 /* 10.x.0.0/16, x from 100 */
#define NET_BASE 100
#define ROWS     64
#define ROUNDS   1000

struct world {
	struct bgp *bgp;
	mtime now;
	uint64_t conn[3];
	bool terms4, internal, notified, closed;
	bool holds[NETS]; /* the LAN router, by what it was sent */
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void fill(void *ctx, void *out, size_t len)
{
	(void)ctx;
	memset(out, 7, len);
}

/* --- what the router was sent --- */
static int net_of(const struct prefix *p)
{
	if (p->addr.family != 4 || p->len != 16 || p->addr.b[0] != 10 || p->addr.b[1] < NET_BASE ||
	    p->addr.b[1] >= NET_BASE + NETS)
		return -1;
	return p->addr.b[1] - NET_BASE;
}

static void hear_list(struct world *w, struct rd r, bool holds)
{
	struct prefix p;
	int rc;

	while ((rc = nlri_next(&r, 4, &p)) > 0)
		if (net_of(&p) >= 0)
			w->holds[net_of(&p)] = holds;
	must(rc == 0);
}

/* Whole, in no type twice, and with what a route needs. */
static void hear_attrs(struct rd r, bool reach)
{
	bool seen[256] = { false };

	while (rd_left(&r)) {
		uint8_t flags = rd_u8(&r), type = rd_u8(&r);
		size_t len = flags & 0x10 ? rd_u16(&r) : rd_u8(&r);

		must(rd_skip(&r, len) || len == 0);
		must(rd_ok(&r) && !seen[type]);
		must(!(flags & 0x0f));
		seen[type] = true;
	}
	must(!reach || (seen[1] && seen[2] && seen[3]));
	must(!seen[5] && !seen[9] && !seen[10]); /* inside of an AS alone */
}

static void hear_update(struct world *w, struct rd r)
{
	struct rd withdrawn = rd_sub(&r, rd_u16(&r)), attrs = rd_sub(&r, rd_u16(&r));

	must(rd_ok(&r));
	hear_list(w, withdrawn, false);
	hear_attrs(attrs, rd_left(&r) > 0);
	hear_list(w, r, true);
}

/* Whole messages, one or several. */
static void hear(struct world *w, unsigned who, const uint8_t *data, size_t len)
{
	struct rd r = rd_init(data, len), body;
	struct msg_header h;

	while (rd_left(&r)) {
		must(header_parse(&r, &h, NULL) == 0);
		body = rd_sub(&r, h.len - BGP_HEADER_LEN);
		must(rd_ok(&r));
		if (who == GW)
			w->notified = w->notified || h.type == BGP_MSG_NOTIFICATION;
		else
			must(h.type != BGP_MSG_NOTIFICATION);
		if (who == LAN && h.type == BGP_MSG_UPDATE)
			hear_update(w, body);
	}
}

static void take(struct world *w)
{
	struct bgp_action a;

	while (bgp_next_action(w->bgp, &a)) {
		if (a.kind == BGP_ACT_SEND)
			hear(w, a.send.conn == w->conn[LAN] ? LAN : GW, a.send.data, a.send.len);
		else if (a.kind == BGP_ACT_CLOSE && a.close_conn == w->conn[GW])
			w->closed = true;
	}
}

static void drain(struct world *w)
{
	unsigned rounds = 0;

	do {
		take(w);
		bgp_conn_writable(w->bgp, w->conn[GW], 1 << 20, w->now);
		bgp_conn_writable(w->bgp, w->conn[LAN], 1 << 20, w->now);
		bgp_timer(w->bgp, w->now);
	} while (bgp_deadline(w->bgp).ns <= w->now.ns && ++rounds < ROUNDS);
	must(rounds < ROUNDS);
	take(w);
}

static void establish(struct world *w, uint32_t id, uint32_t as, bool four)
{
	struct addr local = addr_v4(0x0a00000a), remote = addr_v4(0x0a64ff00 + id);
	struct bgp_peer_config c = { .name = "peer",
		.kind = id == GW ? BGP_PEER_SITE : BGP_PEER_LAN,
		.local = local,
		.remote = remote,
		.peer_as = as,
		.mode = BGP_MODE_PASSIVE,
		.ipv4 = true,
		.ipv6 = true };
	struct open_msg o = { .version = 4,
		.as2 = (uint16_t)as,
		.hold_time = 90,
		.router_id = 1 + id,
		.caps = { .any = true,
		    .multiprotocol = true,
		    .family = { true, true },
		    .route_refresh = true,
		    .four_octet_as = four,
		    .as = as } };
	uint8_t buf[BGP_MESSAGE_MAX];
	struct wr out = wr_init(buf, sizeof(buf));

	must(bgp_peer_add(w->bgp, id, &c, NULL) == 0);
	bgp_peer_start(w->bgp, id, w->now);
	w->conn[id] = bgp_conn_incoming(w->bgp, &local, &remote, w->now);
	must(w->conn[id] != 0);
	open_build(&out, &o);
	keepalive_build(&out);
	bgp_conn_input(w->bgp, w->conn[id], buf, wr_len(&out), w->now);
	drain(w);
}

/* --- the gateway's UPDATEs --- */
static void put_attr(struct wr *w, uint8_t flags, uint8_t type, size_t said, const uint8_t *value, size_t len)
{
	wr_u8(w, flags);
	wr_u8(w, type);
	if (flags & 0x10)
		wr_u16(w, (uint16_t)said);
	else
		wr_u8(w, (uint8_t)said);
	wr_bytes(w, value, len);
}

static void put_sound(struct wr *w, const struct world *g, uint8_t which)
{
	static const uint8_t origin[] = { 0 }, path4[] = { 2, 1, 0, 0, 0xff, 0xeb },
	                     path2[] = { 2, 1, 0xff, 0xeb }, nexthop[] = { 10, 100, 255, 1 };

	if (which & 1)
		put_attr(w, 0x40, 1, 1, origin, 1);
	if (which & 2)
		put_attr(w, 0x40, 2, g->terms4 ? sizeof(path4) : sizeof(path2), g->terms4 ? path4 : path2,
		    g->terms4 ? sizeof(path4) : sizeof(path2));
	if (which & 4)
		put_attr(w, 0x40, 3, 4, nexthop, 4);
}

static void put_odd(struct wr *w, struct rd *r)
{
	static const uint8_t types[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 18, 22, 25, 26, 32,
		33, 35, 128 };
	static const uint8_t usual[] = { 0x40, 0x40, 0x40, 0x80, 0x40, 0x40, 0xc0, 0xc0, 0x80, 0x80, 0x80,
		0x80, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0x80, 0xc0, 0x80, 0xc0, 0xc0 };
	uint8_t t = rd_u8(r) % sizeof(types), how = rd_u8(r), value[64];
	size_t len = rd_u8(r) % sizeof(value);
	uint8_t flags = how & 1 ? rd_u8(r) : usual[t] | (how & 2 ? 0x10 : 0) | (how & 4 ? 0x20 : 0);

	if (len > rd_left(r))
		len = rd_left(r);
	rd_bytes(r, value, len);
	put_attr(w, flags, types[t], how & 8 ? rd_u8(r) : len, value, len);
}

static void one_update(struct world *w, struct rd *r)
{
	uint8_t buf[BGP_MESSAGE_MAX], which = rd_u8(r), nets = rd_u8(r), first = rd_u8(r), odd = rd_u8(r) % 5;
	struct wr out = wr_init(buf, sizeof(buf));
	size_t message = message_begin(&out, BGP_MSG_UPDATE), mark, start;

	mark = wr_mark_u16(&out);
	start = wr_len(&out);
	for (unsigned i = 0; i < nets >> 6; i++) {
		wr_u8(&out, 16);
		wr_u8(&out, 10);
		wr_u8(&out, (uint8_t)(NET_BASE + (first + 7 + i) % NETS));
	}
	wr_patch_u16(&out, mark, wr_len(&out) - start);
	mark = wr_mark_u16(&out);
	start = wr_len(&out);
	put_sound(&out, w, which | (which & 0x80 ? 7 : 0));
	for (unsigned i = 0; i < odd; i++)
		put_odd(&out, r);
	wr_patch_u16(&out, mark, wr_len(&out) - start);
	for (unsigned i = 0; i < nets % 5u; i++) {
		wr_u8(&out, 16);
		wr_u8(&out, 10);
		wr_u8(&out, (uint8_t)(NET_BASE + (first + i) % NETS));
	}
	message_end(&out, message);
	must(wr_ok(&out));
	bgp_conn_input(w->bgp, w->conn[GW], buf, wr_len(&out), w->now);
}

/* --- the oracles --- */
static void check_tables(const struct world *w)
{
	struct bgp_route_query q = { .rib = BGP_RIB_ADVERTISED, .peer = LAN };
	static struct bgp_route_view rows[ROWS];
	bool told[NETS] = { false };
	struct bgp_peer_view v;
	unsigned n = 0, received = 0, accepted = 0;

	while (!q.done)
		for (size_t i = 0, got = bgp_routes(w->bgp, &q, rows, ROWS); i < got; i++) {
			int net = net_of(&rows[i].prefix);

			n++;
			if (net < 0)
				continue;
			must(!told[net]);
			told[net] = true;
		}
	must(!memcmp(told, w->holds, sizeof(told)));
	must(bgp_peer_view(w->bgp, LAN, &v) == 0 && v.advertised == n && v.state == BGP_ESTABLISHED);
	q = (struct bgp_route_query){ .rib = BGP_RIB_RECEIVED, .peer = GW };
	while (!q.done)
		for (size_t i = 0, got = bgp_routes(w->bgp, &q, rows, ROWS); i < got; i++)
			received++;
	q = (struct bgp_route_query){ .rib = BGP_RIB_REJECTED, .peer = GW };
	while (!q.done)
		for (size_t i = 0, got = bgp_routes(w->bgp, &q, rows, ROWS); i < got; i++)
			accepted++; /* the others */
	must(bgp_peer_view(w->bgp, GW, &v) == 0);
	must(v.received == received && v.accepted == received - accepted);
	must((v.state == BGP_ESTABLISHED) == !w->closed);
	must(!w->closed || w->notified);
	must(!w->closed || received == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	uint8_t terms = rd_u8(&r);
	struct bgp_config config = { .as = OUR_AS, .router_id = 0x0a00000a, .multipath = 2 };
	struct rng rng = { .fill = fill };
	struct world w = { .now = { 1000000000 }, .terms4 = !(terms & 1), .internal = terms & 2 };

	w.bgp = bgp_new(&config, &rng);
	must(w.bgp != NULL);
	establish(&w, LAN, 65100, true);
	establish(&w, GW, w.internal ? OUR_AS : 65515, w.terms4);
	while (rd_left(&r) && !w.closed) {
		one_update(&w, &r);
		drain(&w);
		check_tables(&w);
	}
	bgp_peer_path_lost(w.bgp, GW, NULL, w.now);
	w.closed = w.notified = true;
	drain(&w);
	check_tables(&w);
	bgp_free(w.bgp);
	return 0;
}

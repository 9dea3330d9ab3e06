/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A speaker with a cloud gateway (the fuzzer) and a LAN router, both established. Input: a byte of terms (1:
 * the gateway knows 4-octet AS numbers, 2: it is internal, 4: no IPv6, 8: the stream comes raw, 16: the
 * session is not established first), a byte that says how the stream is cut, the stream: raw bytes, or framed
 * as (type, 2 bytes of length, body) so that headers are right.
 *
 * Whatever comes: no crash, the views stay readable, and after the path is lost nothing of the gateway
 * remains.
 */
#include "bgp/bgp.h"
#include "bgp/message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUR_AS  65001
#define GATEWAY 1
#define ROUTER  2

struct world {
	struct bgp *bgp;
	mtime now;
	uint64_t gw, lan;
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

static void drain(struct world *w)
{
	struct bgp_action a;
	unsigned rounds = 0;

	do {
		while (bgp_next_action(w->bgp, &a))
			if (a.kind == BGP_ACT_SEND)
				must(a.send.len <= BGP_EXTENDED_MAX);
		bgp_conn_writable(w->bgp, w->gw, 1 << 20, w->now);
		bgp_conn_writable(w->bgp, w->lan, 1 << 20, w->now);
		bgp_timer(w->bgp, w->now);
	} while (bgp_deadline(w->bgp).ns <= w->now.ns && ++rounds < 1000);
	must(rounds < 1000);
	while (bgp_next_action(w->bgp, &a))
		;
}

static void say(struct world *w, uint64_t conn, enum bgp_msg_type type, const struct open_msg *o)
{
	uint8_t buf[BGP_MESSAGE_MAX];
	struct wr out = wr_init(buf, sizeof(buf));

	if (type == BGP_MSG_OPEN)
		open_build(&out, o);
	else
		keepalive_build(&out);
	bgp_conn_input(w->bgp, conn, buf, wr_len(&out), w->now);
}

static uint64_t connect_peer(struct world *w, uint32_t id, uint32_t as, uint8_t terms)
{
	struct addr local = addr_v4(0x0a00000a), remote = addr_v4(0x0a64ff00 + id);
	struct bgp_peer_config c = { .name = "peer",
		.kind = id == GATEWAY ? BGP_PEER_SITE : BGP_PEER_LAN,
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
		    .family = { true, !(terms & 4) },
		    .route_refresh = true,
		    .four_octet_as = terms & 1,
		    .as = as } };
	uint64_t conn;

	must(bgp_peer_add(w->bgp, id, &c, NULL) == 0);
	bgp_peer_start(w->bgp, id, w->now);
	conn = bgp_conn_incoming(w->bgp, &local, &remote, w->now);
	must(conn != 0);
	if (!(terms & 16)) {
		say(w, conn, BGP_MSG_OPEN, &o);
		say(w, conn, BGP_MSG_KEEPALIVE, NULL);
	}
	return conn;
}

static void feed(struct world *w, struct rd r, uint8_t cut)
{
	while (rd_left(&r)) {
		size_t n = cut && cut < rd_left(&r) ? cut : rd_left(&r);

		bgp_conn_input(w->bgp, w->gw, rd_skip(&r, n), n, w->now);
		if (cut > 200)
			drain(w);
	}
}

static void feed_framed(struct world *w, struct rd r, uint8_t cut)
{
	while (rd_left(&r) >= 3) {
		uint8_t buf[BGP_MESSAGE_MAX], type = rd_u8(&r);
		struct wr out = wr_init(buf, sizeof(buf));
		size_t len = rd_u16(&r) % (BGP_MESSAGE_MAX - BGP_HEADER_LEN), mark;

		if (len > rd_left(&r))
			len = rd_left(&r);
		mark = message_begin(&out, (enum bgp_msg_type)type);
		wr_bytes(&out, rd_skip(&r, len), len);
		message_end(&out, mark);
		feed(w, rd_init(buf, wr_len(&out)), cut);
		w->now = mtime_add(w->now, mdur_ms(100));
	}
}

static void look(const struct world *w)
{
	static const enum bgp_rib ribs[] = { BGP_RIB_BEST, BGP_RIB_RECEIVED, BGP_RIB_ADVERTISED,
		BGP_RIB_REJECTED, BGP_RIB_WITHHELD };
	struct bgp_route_view rows[3];

	for (unsigned i = 0; i < sizeof(ribs) / sizeof(ribs[0]); i++) {
		struct bgp_route_query q = { .rib = ribs[i] };

		for (unsigned k = 0; k < 8 && !q.done; k++)
			(void)bgp_routes(w->bgp, &q, rows, 3);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	uint8_t terms = rd_u8(&r), cut = rd_u8(&r);
	struct bgp_config config = { .as = OUR_AS, .router_id = 0x0a00000a, .multipath = 2 };
	struct prefix ours = { .addr = addr_v4(0x0a000000), .len = 16 };
	struct rng rng = { .fill = fill };
	struct world w = { .now = { 1000000000 } };
	struct bgp_peer_view v;

	w.bgp = bgp_new(&config, &rng);
	must(w.bgp != NULL);
	must(bgp_announce(w.bgp, &ours, w.now) == 0);
	w.lan = connect_peer(&w, ROUTER, 65100, 1);
	w.gw = connect_peer(&w, GATEWAY, terms & 2 ? OUR_AS : 65515, terms);
	drain(&w);
	if (terms & 8)
		feed(&w, r, cut);
	else
		feed_framed(&w, r, cut);
	drain(&w);
	look(&w);
	bgp_peer_path_lost(w.bgp, GATEWAY, NULL, w.now);
	must(bgp_peer_view(w.bgp, GATEWAY, &v) == 0);
	must(v.received == 0 && v.accepted == 0 && v.state == BGP_IDLE);
	drain(&w);
	must(bgp_peer_view(w.bgp, ROUTER, &v) == 0 && v.advertised == 1);
	bgp_free(w.bgp);
	return 0;
}

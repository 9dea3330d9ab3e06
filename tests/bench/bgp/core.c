/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BGP core alone: CPU seconds, the longest single call and bytes a prefix, without sockets and kernel.
 *One site teaches N prefixes in sets of PER_SET, one LAN router is told; a second site teaches the same; the
 *first falls; the second falls. Prints a line for each step.
 *
 *	bench_bgp_core [N]
 */
#include "bgp/bgp.h"
#include "bgp/message.h"
#include "bgp/update.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PER_SET 10
#define PIECE   65536

enum { SITE1 = 1, SITE2, LAN, N_PEERS };
static const struct {
	uint32_t as, addr;
	enum bgp_kind kind;
} peers[N_PEERS] = {
	[SITE1] = { 65515, 0x0a64ff04, BGP_PEER_SITE },
	[SITE2] = { 65516, 0x0a64ff05, BGP_PEER_SITE },
	[LAN] = { 65100, 0xc0a80101, BGP_PEER_LAN },
};

static struct bgp *bgp;
static mtime now = { 1000000000 };
static uint64_t conn[N_PEERS], routes, updates, bytes_out;
static double worst;

static void fill(void *ctx, void *out, size_t len)
{
	(void)ctx;
	memset(out, 7, len);
}

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void note(double since)
{
	double took = cpu() - since;

	if (took > worst)
		worst = took;
}

static void drain(void)
{
	struct bgp_action a;

	while (bgp_next_action(bgp, &a)) {
		routes += a.kind == BGP_ACT_ROUTE;
		if (a.kind == BGP_ACT_SEND && a.peer == LAN) {
			updates++;
			bytes_out += a.send.len;
		}
	}
}

/* All that is due; the LAN router reads at once. */
static void settle(void)
{
	for (;;) {
		double t = cpu();

		drain();
		if (bgp_deadline(bgp).ns > now.ns)
			return;
		if (conn[LAN])
			bgp_conn_writable(bgp, conn[LAN], 1 << 20, now);
		t = cpu();
		bgp_timer(bgp, now);
		note(t);
	}
}

static void input(unsigned p, const uint8_t *data, size_t len)
{
	double t = cpu();

	bgp_conn_input(bgp, conn[p], data, len, now);
	note(t);
	settle();
}

static void add(unsigned p)
{
	struct bgp_peer_config c = { .kind = peers[p].kind,
		.local = addr_v4(0x0a00000a),
		.remote = addr_v4(peers[p].addr),
		.peer_as = peers[p].as,
		.mode = BGP_MODE_PASSIVE,
		.ipv4 = true };

	snprintf(c.name, sizeof(c.name), "peer%u", p);
	if (bgp_peer_add(bgp, p, &c, NULL) < 0)
		exit(1);
}

static void up(unsigned p)
{
	uint8_t buf[512];
	struct wr w = wr_init(buf, sizeof(buf));
	struct addr local = addr_v4(0x0a00000a), remote = addr_v4(peers[p].addr);
	struct open_msg o = { .version = 4,
		.as2 = (uint16_t)peers[p].as,
		.router_id = peers[p].addr,
		.caps = { .any = true,
		    .multiprotocol = true,
		    .family = { true },
		    .four_octet_as = true,
		    .as = peers[p].as } };

	bgp_peer_start(bgp, p, now);
	conn[p] = bgp_conn_incoming(bgp, &local, &remote, now);
	open_build(&w, &o);
	keepalive_build(&w);
	input(p, buf, wr_len(&w));
}

/* The stream that teaches n prefixes, or takes them back. */
static uint8_t *stream(unsigned p, unsigned n, bool gone, size_t *ret_len)
{
	uint8_t *all = malloc((size_t)n * 16 + 65536), msg[BGP_MESSAGE_MAX], path[64];
	static struct update_builder b;
	struct attr_context ctx = { .four_octet = true };
	size_t len = 0, m;

	for (unsigned i = 0; i < n;) {
		struct wr w = wr_init(path, sizeof(path));
		struct attrs a = { .nexthop = addr_v4(peers[p].addr) };

		wr_u8(&w, BGP_AS_SEQUENCE);
		wr_u8(&w, 3);
		wr_u32(&w, peers[p].as);
		wr_u32(&w, 3000 + i / PER_SET % 5000);
		wr_u32(&w, 100000 + i / PER_SET);
		a.as_path = (struct bytes){ path, wr_len(&w) };
		(void)update_begin(&b, msg, sizeof(msg), BGP_IPV4, gone ? NULL : &a, &ctx);
		for (unsigned k = 0; i < n && (gone || k < PER_SET); k++, i++) {
			struct prefix prefix = { .addr = addr_v4(0x14000000u + (i << 8)), .len = 24 };

			if (!update_add(&b, &prefix))
				break;
		}
		m = update_end(&b);
		memcpy(&all[len], msg, m);
		len += m;
	}
	*ret_len = len;
	return all;
}

static void tell(unsigned p, unsigned n, bool gone)
{
	size_t len, at = 0;
	uint8_t *data = stream(p, n, gone, &len);

	for (double t; at < len; at += PIECE) {
		t = cpu();
		bgp_conn_input(bgp, conn[p], &data[at], len - at < PIECE ? len - at : PIECE, now);
		note(t);
		settle();
	}
	free(data);
}

static size_t in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void step(const char *what, double since, unsigned n, size_t base)
{
	printf("%-34s %6.3f s  %5.2f us/prefix  longest call %5.2f ms  routes %8llu  updates %7llu  %5.1f "
	       "bytes/prefix\n",
	    what, cpu() - since, (cpu() - since) * 1e6 / n, worst * 1e3, (unsigned long long)routes,
	    (unsigned long long)updates, (double)(in_use() - base) / n);
	worst = 0;
	routes = updates = 0;
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 1000000;
	struct bgp_config config = { .as = 65001, .router_id = 0x0a00000a, .multipath = 4 };
	struct rng rng = { .fill = fill };
	struct prefix mine = { .addr = addr_v4(0x14000000), .len = 8 };
	size_t base;
	double t;

	bgp = bgp_new(&config, &rng);
	for (unsigned p = SITE1; p < N_PEERS; p++)
		add(p);
	up(SITE1);
	up(LAN);
	base = in_use();
	t = cpu();
	tell(SITE1, n, false);
	step("learned, and told to a router", t, n, base);
	up(SITE2);
	t = cpu();
	tell(SITE2, n, false);
	step("the same from a second site", t, n, base);
	t = cpu();
	bgp_announce(bgp, &mine, now);
	note(t);
	settle();
	step("announced: 2^16 refused", t, n, base);
	t = cpu();
	bgp_unannounce(bgp, &mine, now);
	note(t);
	settle();
	step("unannounced", t, n, base);
	t = cpu();
	bgp_peer_path_lost(bgp, SITE1, NULL, now);
	note(t);
	settle();
	step("the first falls", t, n, base);
	t = cpu();
	tell(SITE2, n, true);
	step("the second takes all back", t, n, base);
	bgp_free(bgp);
	return 0;
}

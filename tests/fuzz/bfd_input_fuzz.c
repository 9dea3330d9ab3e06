/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A BFD core with three sessions (one hop, several hops, IPv6), and the input as a list of events: packets
 * raw and packets that name the session's discriminator, time, changes of configuration, AdminDown. What must
 * hold after each: no crash, the queue ends, deadlines lie ahead, what is sent can be read and never polls
 * and answers at once, a session that is not Up doesn't send faster than once a second, and packets are
 * counted once.
 */
#include "bfd/packet.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define N       3
#define SLOW_US 1000000
#define ACTIONS 64
#define TIMERS  64

struct world {
	struct bfd *b;
	mtime now;
	struct bfd_config c[N];
	uint64_t packets;
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void fill(void *ctx, void *out, size_t len)
{
	uint8_t *n = ctx, *p = out;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(*n += 37);
}

static void drain(struct world *w)
{
	struct bfd_action a;
	unsigned n = 0;

	while (bfd_next_action(w->b, &a)) {
		struct bfd_packet p;

		must(++n < ACTIONS);
		if (a.kind == BFD_ACT_STATE) {
			must(!a.state.fell || a.state.why.id[0]);
			continue;
		}
		must(bfd_packet_parse(rd_init(a.send.data, BFD_PACKET_LEN), &p) == BFD_ACCEPTED ||
		     (a.send.data[1] >> 6 > BFD_DOWN && !memcmp(a.send.data + 8, "\0\0\0\0", 4)));
		must(!((a.send.data[1] & 0x20) && (a.send.data[1] & 0x10)));
		if (a.send.data[1] >> 6 != BFD_UP) {
			struct rd r = rd_init(a.send.data + 12, 4);

			must(rd_u32(&r) >= SLOW_US);
		}
	}
}

static void pass_time(struct world *w, mdur d)
{
	mtime end = mtime_add(w->now, d);

	for (unsigned i = 0; i < TIMERS && mtime_reached(bfd_deadline(w->b), end); i++) {
		w->now = mtime_max(w->now, bfd_deadline(w->b));
		bfd_timer(w->b, w->now);
		drain(w);
		must(bfd_deadline(w->b).ns > w->now.ns);
	}
	w->now = end;
	bfd_timer(w->b, w->now);
	drain(w);
}

static void packet(struct world *w, struct rd *r, unsigned who, uint8_t how)
{
	struct bfd_arrival from = { .local = w->c[who].local,
		.remote = w->c[who].remote,
		.ifindex = how & 4 ? 9 : 3,
		.ttl = how & 8 ? 254 : 255,
		.multihop = w->c[who].multihop != !!(how & 16) };
	uint8_t buf[40] = { 0 };
	size_t n = rd_left(r) < BFD_PACKET_LEN ? rd_left(r) : BFD_PACKET_LEN;
	struct bfd_view v;

	if (how & 32 && rd_left(r) >= 40)
		n = 40;
	rd_bytes(r, buf, n);
	if (how & 2 && bfd_session_view(w->b, who + 1, &v) == 0) { /* sound as far as it goes */
		struct wr o = wr_init(buf + 8, 4);

		buf[0] = (uint8_t)(1 << 5 | (buf[0] & 0x1f));
		buf[1] &= 0xfa;
		buf[2] = buf[2] ? buf[2] : 1;
		buf[3] = BFD_PACKET_LEN;
		buf[4] |= 1;
		wr_u32(&o, v.local_discr);
		n = n < BFD_PACKET_LEN ? BFD_PACKET_LEN : n;
	}
	(void)bfd_input(w->b, &from, buf, n, w->now);
	w->packets++;
	drain(w);
}

static void change(struct world *w, struct rd *r, unsigned who)
{
	w->c[who].min_tx = mdur_ms(10 + rd_u8(r) * 10);
	w->c[who].min_rx = mdur_ms(10 + rd_u8(r) * 10);
	w->c[who].multiplier = (uint8_t)(1 + rd_u8(r) % 10);
	if (bfd_session_view(w->b, who + 1, &(struct bfd_view){ 0 }) == 0)
		must(bfd_session_update(w->b, who + 1, &w->c[who], w->now, NULL) == 0);
	drain(w);
}

static void toggle(struct world *w, unsigned who)
{
	if (bfd_session_view(w->b, who + 1, &(struct bfd_view){ 0 }) == 0)
		bfd_session_remove(w->b, who + 1, w->now);
	else
		must(bfd_session_add(w->b, who + 1, &w->c[who], w->now, NULL) == 0);
	drain(w);
}

static void check(const struct world *w)
{
	struct bfd_counters n;
	uint64_t sum = 0;

	bfd_counters(w->b, &n);
	for (unsigned i = 0; i < BFD_N_VERDICTS; i++)
		sum += n.packets[i];
	must(sum == w->packets);
	for (uint32_t i = 1; i <= N; i++) {
		struct bfd_view v;

		if (bfd_session_view(w->b, i, &v) < 0)
			continue;
		must(v.ups >= v.downs && v.ups - v.downs <= 1 && (v.ups > v.downs) == (v.state == BFD_UP));
		must(v.state != BFD_UP || (v.remote_discr && v.detection.ns > 0));
		must(v.local_discr != 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	uint8_t seed = rd_u8(&r);
	struct rng rng = { .fill = fill, .ctx = &seed };
	struct world w = { .now = { 1000000000 } };
	static const uint8_t v6[16] = { 0x20, 1, 0x0d, 0xb8 };

	w.b = bfd_new(&rng, mdur_ms(10));
	must(w.b != NULL);
	for (uint32_t i = 0; i < N; i++) {
		w.c[i] = (struct bfd_config){ .name = "peer",
			.local = addr_v4(0x0a000001),
			.remote = addr_v4(0x0a000002),
			.multihop = i == 1,
			.ifindex = i == 2 ? 3 : 0,
			.min_tx = mdur_ms(50),
			.min_rx = mdur_ms(50),
			.multiplier = 3 };
		if (i == 2) {
			w.c[i].local = w.c[i].remote = addr_from_bytes(6, v6);
			w.c[i].remote.b[15] = 1;
		}
		must(bfd_session_add(w.b, i + 1, &w.c[i], w.now, NULL) == 0);
	}
	while (rd_left(&r)) {
		uint8_t what = rd_u8(&r), who = rd_u8(&r) % N;

		switch (what % 8) {
		case 0: pass_time(&w, mdur_ms(rd_u8(&r))); break;
		case 1: pass_time(&w, mdur_ms(rd_u8(&r) * 20)); break;
		case 2: change(&w, &r, who); break;
		case 3:
			bfd_session_admin(w.b, who + 1u, rd_u8(&r) & 1, w.now);
			drain(&w);
			break;
		case 4: toggle(&w, who); break;
		default: packet(&w, &r, who, rd_u8(&r)); break;
		}
		check(&w);
	}
	bfd_free(w.b);
	return 0;
}

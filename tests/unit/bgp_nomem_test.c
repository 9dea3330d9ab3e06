/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BGP when memory is out: one run of a speaker's life for each allocation in it, with that one failing, and
 * again with all from there on failing for a while. No crash, no leak, no connection forgotten: each one is
 * closed in the end. (Linked with --wrap, see tests/CMakeLists.txt.)
 */
#include "bgp/bgp.h"
#include "bgp/message.h"
#include "bgp/update.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SITE  1
#define LAN   2
#define BURST 200
#define CONNS 32
/* In the lives with limits: what SITE may send, and what LAN bears. */
#define MAX_IN  12
#define MAX_OUT 7

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t m);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t m);
void *__wrap_realloc(void *p, size_t n);

static unsigned long count, fail_from = (unsigned long)-1, fail_to;

static bool fails(void)
{
	unsigned long n = count++;

	return n >= fail_from && n < fail_to;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t m)
{
	return fails() ? NULL : __real_calloc(n, m);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

struct life {
	struct bgp *bgp;
	bool limits;
	mtime now;
	uint64_t conn[3];     /* by peer */
	uint64_t open[CONNS]; /* connections nobody has closed yet */
	unsigned n_open;
};

static void fill(void *ctx, void *out, size_t len)
{
	(void)ctx;
	memset(out, 5, len);
}

static void closed(struct life *l, uint64_t conn)
{
	for (unsigned i = 0; i < l->n_open; i++)
		if (l->open[i] == conn)
			l->open[i] = l->open[--l->n_open];
}

/* However little memory there is, no limit is overstepped: it is told too little rather than too much. */
static void check_limits(const struct life *l)
{
	struct bgp_peer_view v;

	if (!l->limits)
		return;
	if (bgp_peer_view(l->bgp, SITE, &v) == 0)
		assert_true(v.accepted <= MAX_IN);
	if (bgp_peer_view(l->bgp, LAN, &v) == 0)
		assert_true(v.advertised <= MAX_OUT);
}

static void drain(struct life *l)
{
	struct bgp_action a;

	for (unsigned rounds = 0; rounds < 100; rounds++) {
		while (bgp_next_action(l->bgp, &a))
			if (a.kind == BGP_ACT_CLOSE)
				closed(l, a.close_conn);
		for (unsigned p = SITE; p <= LAN; p++)
			bgp_conn_writable(l->bgp, l->conn[p], 1 << 20, l->now);
		check_limits(l);
		if (bgp_deadline(l->bgp).ns > l->now.ns)
			return;
		bgp_timer(l->bgp, l->now);
	}
	fail_msg("work without end");
}

static struct addr remote_of(uint32_t id)
{
	return addr_v4(0x0a64ff00 + id);
}

static void input(struct life *l, uint32_t peer, const uint8_t *data, size_t len)
{
	bgp_conn_input(l->bgp, l->conn[peer], data, len, l->now);
}

static void come_up(struct life *l, uint32_t id, uint32_t as)
{
	struct addr local = addr_v4(0x0a00000a), remote = remote_of(id);
	uint8_t buf[512];
	struct wr w = wr_init(buf, sizeof(buf));
	struct open_msg o = { .version = 4,
		.as2 = (uint16_t)as,
		.router_id = id,
		.caps = { .any = true,
		    .multiprotocol = true,
		    .family = { true, true },
		    .route_refresh = true,
		    .four_octet_as = true,
		    .as = as } };

	l->now = mtime_add(l->now, mdur_s(400)); /* past any idle hold */
	drain(l);
	l->conn[id] = bgp_conn_incoming(l->bgp, &local, &remote, l->now);
	if (!l->conn[id])
		return;
	assert_true(l->n_open < CONNS);
	l->open[l->n_open++] = l->conn[id];
	open_build(&w, &o);
	keepalive_build(&w);
	input(l, id, buf, wr_len(&w));
	drain(l);
}

static void tell(struct life *l, unsigned n, bool withdraw)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t buf[BGP_MESSAGE_MAX], path[32];
		struct wr w = wr_init(path, sizeof(path));
		struct attr_context ctx = { .four_octet = true };
		struct attrs a = { .nexthop = remote_of(SITE), .origin = (uint8_t)(i % 3) };
		struct prefix p = { .addr = addr_v4(0x14000000u + (i << 8)), .len = 24 };
		struct update_builder b;

		as_path_prepend((struct bytes){ NULL, 0 }, 65515, &w);
		a.as_path = (struct bytes){ path, wr_len(&w) };
		assert_true(update_begin(&b, buf, sizeof(buf), BGP_IPV4, withdraw ? NULL : &a, &ctx));
		assert_true(update_add(&b, &p));
		input(l, SITE, buf, update_end(&b));
	}
}

static void ask_refresh(struct life *l)
{
	uint8_t buf[BGP_REFRESH_LEN];
	struct wr w = wr_init(buf, sizeof(buf));

	refresh_build(&w, &(struct refresh_msg){ .afi = BGP_AFI_IPV4, .safi = BGP_SAFI_UNICAST });
	input(l, LAN, buf, wr_len(&w));
}

static bool add_peer(struct life *l, uint32_t id, uint32_t as)
{
	struct bgp_peer_config c = { .name = "p",
		.kind = id == SITE ? BGP_PEER_SITE : BGP_PEER_LAN,
		.local = addr_v4(0x0a00000a),
		.remote = remote_of(id),
		.peer_as = as,
		.mode = BGP_MODE_PASSIVE,
		.ipv4 = true,
		.ipv6 = true,
		.damping = { .on = true,
		    .half_life = mdur_s(900),
		    .reuse = 100,
		    .suppress = 900, /* a single withdrawal */
		    .max_suppress = mdur_s(3600) } };

	if (l->limits && id == SITE) {
		c.max_prefixes = MAX_IN;
		c.limits.action = BGP_LIMIT_DISCARD;
	} else if (l->limits) {
		c.limits.max_out = MAX_OUT;
	}
	if (bgp_peer_add(l->bgp, id, &c, NULL) < 0)
		return false;
	bgp_peer_start(l->bgp, id, l->now);
	return true;
}

static void live(bool limits)
{
	struct bgp_config config = { .as = 65001, .router_id = 0x0a00000a, .multipath = 2 };
	struct rng rng = { .fill = fill };
	struct life l = { .bgp = bgp_new(&config, &rng), .limits = limits, .now = { 1000000000 } };
	struct prefix ours = { .addr = addr_v4(0x0a000000), .len = 16 },
	              near = { .addr = addr_v4(0x14000000), .len = 20 };
	struct bgp_peer_view v;

	if (!l.bgp)
		return;
	(void)bgp_announce(l.bgp, &ours, l.now);
	if (add_peer(&l, SITE, 65515) && add_peer(&l, LAN, 65100)) {
		come_up(&l, SITE, 65515);
		come_up(&l, LAN, 65100);
		tell(&l, 20, false);
		drain(&l);
		(void)bgp_connected(l.bgp, &near, 1, l.now);
		drain(&l);
		(void)bgp_connected(l.bgp, NULL, 0, l.now);
		ask_refresh(&l);
		drain(&l);
		tell(&l, 10, true);
		drain(&l);
		bgp_unannounce(l.bgp, &ours, l.now);
		drain(&l);
		come_up(&l, SITE, 65515); /* refused where the session stands; else it heals */
		tell(&l, 5, false);
		drain(&l);
		bgp_peer_path_lost(l.bgp, SITE, NULL, l.now);
		assert_int_equal(bgp_peer_view(l.bgp, SITE, &v), 0);
		assert_int_equal(v.received + v.accepted, 0);
		bgp_peer_stop(l.bgp, LAN, 2, NULL, l.now);
		drain(&l);
		assert_int_equal(l.n_open, 0);
	}
	bgp_free(l.bgp);
}

static void each_allocation(bool limits)
{
	unsigned long total;

	count = 0;
	live(limits);
	total = count;
	assert_true(total > 100);
	for (unsigned long n = 0; n < total; n++)
		for (unsigned long span = 1; span <= BURST; span += BURST - 1) {
			count = 0;
			fail_from = n;
			fail_to = n + span;
			live(limits);
			fail_from = (unsigned long)-1;
		}
}

static void test_each_allocation(void **state)
{
	(void)state;
	each_allocation(false);
}

static void test_limits(void **state)
{
	(void)state;
	each_allocation(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

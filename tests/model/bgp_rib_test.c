/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A speaker under random operations against a naive model: what it tells the daemon (Loc-RIB), and what each
 * of its peers has been told, read from the bytes it sends. The model keeps plain arrays and computes
 * everything anew each time. Each route carries a community of its own, by which it is known wherever it
 * turns up.
 */
#include "bgp/message.h"
#include "bgp/nlri.h"
#include "bgp/update.h"
#include "bgp/bgp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PEERS       5
#define OUR_AS      65001
#define PATH_MAX_AS 4

static const char *const pool[] = { "0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "10.0.5.0/24", "10.1.0.0/16",
	"10.1.2.0/24", "10.1.2.128/25", "172.16.0.0/12", "172.16.1.0/24", "192.168.1.0/24",
	"192.168.1.128/25", "192.168.2.0/24", "127.0.0.0/8", "169.254.1.0/24", "198.51.100.0/24",
	"203.0.113.0/24", "2001:db8::/32", "2001:db8:1::/48", "2001:db8:1:2::/64", "2001:db8:2::/48",
	"fe80::/64", "::/0" };
#define POOL (sizeof(pool) / sizeof(pool[0]))

static const struct {
	enum bgp_kind kind;
	const char *addr;
	uint32_t as, router_id;
	uint32_t from[2]; /* announce_from */
	bool transit;
} peers[PEERS] = {
	/* id: index + 1 */
	{ BGP_PEER_SITE, "10.100.255.4", 65515, 20, { 0 }, false },
	{ BGP_PEER_SITE, "10.100.255.5", 65515, 10, { 4 }, false },
	{ BGP_PEER_SITE, "10.110.255.4", 64512, 5, { 4, 5 }, false },
	{ BGP_PEER_LAN, "192.0.2.1", 65100, 7, { 0 }, false },
	{ BGP_PEER_LAN, "192.0.2.2", 65200, 8, { 0 }, true },
};

struct route {
	bool there;
	uint32_t path[PATH_MAX_AS];
	unsigned n_path;
	uint8_t origin;
	bool have_med;
	uint32_t med, tag;
	bool no_export;
};

struct model {
	struct bgp *bgp;
	mtime now;
	uint32_t seed, next_tag;
	struct prefix prefix[POOL];
	bool announced[POOL], connected[POOL];
	bool up[PEERS];
	uint64_t conn[PEERS];
	struct route route[PEERS][POOL];
	/* what was told */
	struct bgp_action fib[POOL];
	bool told[PEERS][POOL];
	uint32_t told_tag[PEERS][POOL];
	bool blocked; /* no room for anybody */
};

static uint32_t rnd(struct model *m, uint32_t n)
{
	m->seed = m->seed * 1664525u + 1013904223u;
	return (m->seed >> 8) % n;
}

static void fill_random(void *ctx, void *out, size_t len)
{
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)rnd(ctx, 256);
}

static unsigned index_of(const struct model *m, const struct prefix *p)
{
	for (unsigned i = 0; i < POOL; i++)
		if (prefix_eq(&m->prefix[i], p))
			return i;
	fail_msg("%s was never told", prefix_str(p));
	return 0;
}

/* --- the naive rules --- */
static bool claims(const struct model *m, const bool set[POOL], unsigned x)
{
	for (unsigned i = 0; i < POOL; i++)
		if (set[i] && (i == x || (m->prefix[i].len && prefix_contains(&m->prefix[i], &m->prefix[x]))))
			return true;
	return false;
}

static bool usable(const struct model *m, unsigned peer, unsigned x)
{
	const struct route *r = &m->route[peer][x];
	const char *t = pool[x];

	if (!m->up[peer] || !r->there || m->prefix[x].len == 0)
		return false;
	if (!strncmp(t, "127.", 4) || !strncmp(t, "169.254", 7) || !strncmp(t, "fe80", 4))
		return false;
	/* A router of our own LAN may teach parts of what we announce, a site may not. */
	if (peers[peer].kind == BGP_PEER_LAN ? m->announced[x] : claims(m, m->announced, x))
		return false;
	if (claims(m, m->connected, x) || r->path[0] != peers[peer].as)
		return false;
	for (unsigned i = 0; i < r->n_path; i++)
		if (r->path[i] == OUR_AS)
			return false;
	return true;
}

static bool same_path(const struct route *a, const struct route *b)
{
	return a->n_path == b->n_path && memcmp(a->path, b->path, a->n_path * sizeof(a->path[0])) == 0;
}

/* Keeps of `in` those with the least key. */
static void keep_least(
    const struct model *m, bool in[PEERS], unsigned x, uint32_t (*key)(const struct route *r))
{
	uint32_t least = UINT32_MAX;

	for (unsigned p = 0; p < PEERS; p++)
		if (in[p] && key(&m->route[p][x]) < least)
			least = key(&m->route[p][x]);
	for (unsigned p = 0; p < PEERS; p++)
		in[p] = in[p] && key(&m->route[p][x]) == least;
}
static uint32_t key_length(const struct route *r)
{
	return r->n_path;
}
static uint32_t key_origin(const struct route *r)
{
	return r->origin;
}

/* The ways of x without some peers, the best first; how many. */
static unsigned decide_without(
    const struct model *m, unsigned x, const bool without[PEERS], unsigned out[PEERS])
{
	bool in[PEERS], still[PEERS];
	unsigned n = 0, best = PEERS;

	for (unsigned p = 0; p < PEERS; p++)
		in[p] = usable(m, p, x) && !without[p];
	keep_least(m, in, x, key_length);
	keep_least(m, in, x, key_origin);
	memcpy(still, in, sizeof(in));
	for (unsigned p = 0; p < PEERS; p++)
		for (unsigned q = 0; q < PEERS; q++)
			if (in[p] && in[q] && peers[p].as == peers[q].as &&
			    m->route[q][x].med < m->route[p][x].med)
				still[p] = false;
	for (unsigned p = 0; p < PEERS; p++)
		if (still[p] && (best == PEERS || peers[p].router_id < peers[best].router_id))
			best = p;
	if (best == PEERS)
		return 0;
	out[n++] = best;
	for (unsigned p = 0; p < PEERS; p++) /* two at most share an AS here */
		if (still[p] && p != best && same_path(&m->route[p][x], &m->route[best][x]))
			out[n++] = p;
	return n;
}

static unsigned decide_naively(const struct model *m, unsigned x, unsigned out[PEERS])
{
	bool nobody[PEERS] = { false };

	return decide_without(m, x, nobody, out);
}

/* The peer that stands in for all ways of x; PEERS: nobody. */
static unsigned backup_naively(const struct model *m, unsigned x)
{
	unsigned way[PEERS], n = decide_naively(m, x, way);
	bool gone[PEERS] = { false };

	for (unsigned i = 0; i < n; i++)
		gone[way[i]] = true;
	return n && decide_without(m, x, gone, way) ? way[0] : PEERS;
}

static bool exported(const struct model *m, unsigned to, unsigned x, uint32_t *ret_tag)
{
	unsigned way[PEERS], from;
	const struct route *r;
	bool named;

	*ret_tag = 0;
	if (m->announced[x])
		return true;
	if (!decide_naively(m, x, way) || way[0] == to)
		return false;
	from = way[0];
	r = &m->route[from][x];
	named = peers[to].from[0] == from + 1 || peers[to].from[1] == from + 1;
	if (peers[to].kind == BGP_PEER_SITE && (peers[from].kind == BGP_PEER_SITE || !named))
		return false;
	if (peers[to].kind == BGP_PEER_LAN && peers[from].kind == BGP_PEER_LAN && !peers[to].transit)
		return false;
	for (unsigned i = 0; i < r->n_path; i++)
		if (r->path[i] == peers[to].as)
			return false;
	*ret_tag = r->tag;
	return !r->no_export;
}

/* --- the speaker's side --- */
static struct attr_scratch scratch;
static const struct attr_context terms = { .four_octet = true, .family = { true, true } };

static void hear_list(struct model *m, unsigned peer, struct rd list, uint8_t family, bool gone, uint32_t tag)
{
	struct prefix p;

	while (nlri_next(&list, family, &p) > 0) {
		unsigned x = index_of(m, &p);

		if (gone)
			assert_true(m->told[peer][x]); /* no withdrawal of what was never told */
		m->told[peer][x] = !gone;
		m->told_tag[peer][x] = tag;
	}
}

static void hear_message(struct model *m, unsigned peer, const uint8_t *data, size_t len)
{
	struct rd r = rd_init(data, len);
	struct msg_header h;
	struct update u;
	uint32_t tag = 0;

	assert_int_equal(header_parse(&r, &h, NULL), 0);
	if (h.type != BGP_MSG_UPDATE)
		return;
	update_parse(r, &terms, &scratch, &u);
	assert_int_equal(u.a.faults.worst, REACT_NONE);
	if (u.a.attrs.communities.len) {
		struct rd c = rd_init(u.a.attrs.communities.p, u.a.attrs.communities.len);

		tag = rd_u32(&c);
	}
	hear_list(m, peer, u.withdrawn, 4, true, 0);
	hear_list(m, peer, u.a.unreach.prefixes, 6, true, 0);
	hear_list(m, peer, u.nlri, 4, false, tag);
	hear_list(m, peer, u.a.reach.prefixes, 6, false, tag);
}

static void drain(struct model *m)
{
	struct bgp_action a;

	for (;;) {
		while (bgp_next_action(m->bgp, &a)) {
			if (a.kind == BGP_ACT_ROUTE)
				m->fib[index_of(m, &a.route.prefix)] = a;
			if (a.kind == BGP_ACT_SEND && m->up[a.peer - 1])
				hear_message(m, a.peer - 1, a.send.data, a.send.len);
		}
		if (bgp_deadline(m->bgp).ns > m->now.ns)
			return;
		bgp_timer(m->bgp, m->now);
	}
}

static void give_room(struct model *m)
{
	for (unsigned p = 0; p < PEERS; p++)
		if (m->up[p])
			bgp_conn_writable(m->bgp, m->conn[p], m->blocked ? 0 : 1 << 20, m->now);
	drain(m);
}

static void input(struct model *m, unsigned p, const struct wr *w)
{
	size_t half = rnd(m, (uint32_t)wr_len(w));

	assert_true(wr_ok(w));
	bgp_conn_input(m->bgp, m->conn[p], w->start, half, m->now);
	bgp_conn_input(m->bgp, m->conn[p], w->start + half, wr_len(w) - half, m->now);
}

static void session_up(struct model *m, unsigned p)
{
	uint8_t buf[512];
	struct wr w = wr_init(buf, sizeof(buf));
	struct addr local, remote;
	struct open_msg o = { .version = 4,
		.as2 = (uint16_t)peers[p].as,
		.router_id = peers[p].router_id,
		.caps = { .any = true,
		    .multiprotocol = true,
		    .family = { true, true },
		    .four_octet_as = true,
		    .as = peers[p].as } };

	assert_int_equal(addr_parse("10.0.0.10", &local), 0);
	assert_int_equal(addr_parse(peers[p].addr, &remote), 0);
	bgp_peer_start(m->bgp, p + 1, m->now);
	drain(m);
	m->conn[p] = bgp_conn_incoming(m->bgp, &local, &remote, m->now);
	assert_true(m->conn[p] != 0);
	open_build(&w, &o);
	keepalive_build(&w);
	m->up[p] = true;
	input(m, p, &w);
	give_room(m);
}

static void session_down(struct model *m, unsigned p)
{
	struct bgp_peer_view v;

	m->up[p] = false;
	memset(m->told[p], 0, sizeof(m->told[p]));
	memset(m->route[p], 0, sizeof(m->route[p]));
	if (rnd(m, 2))
		bgp_peer_path_lost(m->bgp, p + 1, NULL, m->now);
	else
		bgp_peer_stop(m->bgp, p + 1, 2, NULL, m->now);
	assert_int_equal(bgp_peer_view(m->bgp, p + 1, &v), 0);
	assert_int_equal(v.received + v.accepted + v.advertised, 0);
}

static void learn(struct model *m, unsigned p, unsigned x)
{
	uint8_t buf[BGP_MESSAGE_MAX], path[64], comm[8];
	struct wr w = wr_init(path, sizeof(path)), c = wr_init(comm, sizeof(comm)), out;
	struct route *r = &m->route[p][x];
	struct attrs a = { 0 };
	struct update_builder b;
	static const uint32_t as[] = { 65300, 65515, 64512, OUR_AS, 65100, 65300, 65300, 65400 };

	*r = (struct route){ .there = true,
		.n_path = 1 + rnd(m, 3),
		.origin = (uint8_t)(rnd(m, 5) / 2),
		.have_med = rnd(m, 2),
		.tag = ++m->next_tag,
		.no_export = rnd(m, 12) == 0 };
	r->path[0] = rnd(m, 20) ? peers[p].as : 65300;
	for (unsigned i = 1; i < r->n_path; i++)
		r->path[i] = as[rnd(m, 8)];
	r->med = r->have_med ? rnd(m, 3) : 0;
	wr_u8(&w, BGP_AS_SEQUENCE);
	wr_u8(&w, (uint8_t)r->n_path);
	for (unsigned i = 0; i < r->n_path; i++)
		wr_u32(&w, r->path[i]);
	wr_u32(&c, r->tag);
	if (r->no_export)
		wr_u32(&c, BGP_COMM_NO_EXPORT);
	a.as_path = (struct bytes){ path, wr_len(&w) };
	a.communities = (struct bytes){ comm, wr_len(&c) };
	a.origin = r->origin;
	a.have_med = r->have_med;
	a.med = r->med;
	assert_int_equal(
	    addr_parse(m->prefix[x].addr.family == 4 ? peers[p].addr : "2001:db8:ffff::1", &a.nexthop), 0);
	assert_true(update_begin(
	    &b, buf, sizeof(buf), m->prefix[x].addr.family == 4 ? BGP_IPV4 : BGP_IPV6, &a, &terms));
	assert_true(update_add(&b, &m->prefix[x]));
	(void)update_end(&b);
	out = b.w;
	input(m, p, &out);
}

static void unlearn(struct model *m, unsigned p, unsigned x)
{
	uint8_t buf[BGP_MESSAGE_MAX];
	struct update_builder b;

	m->route[p][x].there = false;
	assert_true(update_begin(
	    &b, buf, sizeof(buf), m->prefix[x].addr.family == 4 ? BGP_IPV4 : BGP_IPV6, NULL, &terms));
	assert_true(update_add(&b, &m->prefix[x]));
	(void)update_end(&b);
	input(m, p, &b.w);
}

static void set_connected(struct model *m)
{
	struct prefix list[POOL];
	size_t n = 0;

	for (unsigned i = 0; i < POOL; i++)
		if (m->connected[i])
			list[n++] = m->prefix[i];
	assert_int_equal(bgp_connected(m->bgp, list, n, m->now), 0);
}

static void refresh(struct model *m, unsigned p)
{
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));
	struct refresh_msg r = { .afi = rnd(m, 2) ? BGP_AFI_IPV4 : BGP_AFI_IPV6, .safi = BGP_SAFI_UNICAST };

	refresh_build(&w, &r);
	input(m, p, &w);
}

static void operate(struct model *m)
{
	unsigned p = rnd(m, PEERS), x = rnd(m, POOL), what = rnd(m, 100);

	if (what < 4) {
		if (m->up[p])
			session_down(m, p);
		else
			session_up(m, p);
	} else if (what < 8) {
		m->announced[x] = !m->announced[x];
		if (m->announced[x])
			assert_int_equal(bgp_announce(m->bgp, &m->prefix[x], m->now), 0);
		else
			bgp_unannounce(m->bgp, &m->prefix[x], m->now);
	} else if (what < 11) {
		m->connected[x] = !m->connected[x];
		set_connected(m);
	} else if (what < 13) {
		m->blocked = !m->blocked;
		give_room(m);
	} else if (m->up[p] && what < 15) {
		refresh(m, p);
	} else if (m->up[p] && what < 70) {
		learn(m, p, x);
	} else if (m->up[p]) {
		unlearn(m, p, x);
	}
}

/* --- comparing --- */
static void check_fib(const struct model *m, unsigned x)
{
	unsigned way[PEERS], n = decide_naively(m, x, way);
	const struct bgp_action *a = &m->fib[x];

	if (a->route.n != n)
		fail_msg("%s: %u ways, not %u", pool[x], a->route.n, n);
	for (unsigned i = 0; i < n; i++)
		if (a->route.path[i].peer != way[i] + 1)
			fail_msg("%s: way %u by %u, not %u", pool[x], i, a->route.path[i].peer, way[i] + 1);
}

static void check_backup(const struct model *m, unsigned x)
{
	const struct bgp_action *a = &m->fib[x];
	unsigned peer = backup_naively(m, x);

	if (a->route.have_backup != (peer < PEERS) || (peer < PEERS && a->route.backup.peer != peer + 1))
		fail_msg("%s: backup by %u, not %u", pool[x], a->route.have_backup ? a->route.backup.peer : 0,
		    peer + 1);
}

static void check_told(const struct model *m, unsigned p, unsigned x)
{
	uint32_t tag;
	bool want = m->up[p] && exported(m, p, x, &tag);

	if (m->told[p][x] != want)
		fail_msg("%s: peer %u was %stold", pool[x], p + 1, m->told[p][x] ? "" : "not ");
	if (want && m->told_tag[p][x] != tag)
		fail_msg("%s: peer %u was told route %u, not %u", pool[x], p + 1, m->told_tag[p][x], tag);
}

static void check_counts(const struct model *m, unsigned p)
{
	struct bgp_peer_view v;
	uint32_t received = 0, accepted = 0, told = 0;

	assert_int_equal(bgp_peer_view(m->bgp, p + 1, &v), 0);
	for (unsigned x = 0; x < POOL; x++) {
		received += m->up[p] && m->route[p][x].there;
		accepted += usable(m, p, x);
		told += m->told[p][x];
	}
	assert_int_equal(v.received, received);
	assert_int_equal(v.accepted, accepted);
	assert_int_equal(v.advertised, told);
}

static void check(const struct model *m)
{
	for (unsigned x = 0; x < POOL; x++) {
		check_fib(m, x);
		check_backup(m, x);
	}
	for (unsigned p = 0; p < PEERS && !m->blocked; p++) {
		for (unsigned x = 0; x < POOL; x++)
			check_told(m, p, x);
		check_counts(m, p);
	}
}

static struct model *model_new(uint32_t seed)
{
	struct model *m = calloc(1, sizeof(*m));
	struct bgp_config config = { .as = OUR_AS, .router_id = 0x0a00000a, .multipath = 4 };
	struct rng rng = { .fill = fill_random, .ctx = m };

	assert_non_null(m);
	m->seed = seed * 7919;
	m->next_tag = 0x10000;
	m->now = mdur_s(1).ns ? (mtime){ 1000000000 } : MTIME_NEVER;
	m->bgp = bgp_new(&config, &rng);
	assert_non_null(m->bgp);
	for (unsigned x = 0; x < POOL; x++)
		assert_int_equal(prefix_parse(pool[x], true, &m->prefix[x]), 0);
	for (unsigned p = 0; p < PEERS; p++) {
		struct bgp_peer_config c = { .kind = peers[p].kind,
			.peer_as = peers[p].as,
			.mode = BGP_MODE_PASSIVE,
			.ipv4 = true,
			.ipv6 = true,
			.transit = peers[p].transit };

		snprintf(c.name, sizeof(c.name), "peer%u", p + 1);
		assert_int_equal(addr_parse("10.0.0.10", &c.local), 0);
		assert_int_equal(addr_parse(peers[p].addr, &c.remote), 0);
		while (c.n_announce_from < 2 && peers[p].from[c.n_announce_from]) {
			c.announce_from[c.n_announce_from] = peers[p].from[c.n_announce_from];
			c.n_announce_from++;
		}
		assert_int_equal(bgp_peer_add(m->bgp, p + 1, &c, NULL), 0);
	}
	return m;
}

static void test_random(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 60; seed++) {
		struct model *m = model_new(seed);

		for (unsigned i = 0; i < 600; i++) {
			operate(m);
			if (rnd(m, 4))
				drain(m);
			if (i % 10 == 0) {
				give_room(m);
				check(m);
			}
		}
		m->blocked = false;
		give_room(m);
		check(m);
		bgp_free(m->bgp);
		free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

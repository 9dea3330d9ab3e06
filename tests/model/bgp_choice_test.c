/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The choice among routes under random operations against a naive model: several paths of one peer (RFC
 * 7911), weights, local preference, internal peers and reflection (RFC 4456), multipath and its shares,
 * import and export policy that changes, limits both ways, what is stale in a refresh (RFC 7313) and after a
 * restart (RFC 4724). bgp_rib_test has the rules for announced and connected networks, who hears whom, and
 * IPv6.
 *
 * A failure names its seed; CW_SEED=N runs that one alone, and where it is found after many operations, a
 * smaller seed is mostly near: CW_STEPS=N ends each run after so many.
 */
#include "bgp/bgp.h"
#include "bgp/message.h"
#include "bgp/nlri.h"
#include "bgp/update.h"
#include "tests/support/rng_seeded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OUR_AS    65001
#define OUR_ID    0x0a00000a
#define PEERS     6
#define PATHS     3 /* of a peer that has several */
#define POOL      16
#define SEEDS     80
#define STEPS     500
#define MULTIPATH 3
#define CLASS     (65001u << 16) /* communities that policy knows: 1 weight, 2 local preference */

static const struct {
	enum bgp_kind kind;
	const char *addr;
	uint32_t as, router_id;
	bool paths, client, restarts;
} peers[PEERS] = {
	{ BGP_PEER_SITE, "10.100.255.4", 65515, 20, true, false, true },
	{ BGP_PEER_SITE, "10.100.255.5", 65515, 10, true, false, false },
	{ BGP_PEER_LAN, "192.0.2.1", OUR_AS, 30, false, true, true },
	{ BGP_PEER_LAN, "192.0.2.2", OUR_AS, 31, true, false, false },
	{ BGP_PEER_LAN, "192.0.2.3", 65100, 7, false, false, false },
	{ BGP_PEER_LAN, "192.0.2.4", 65200, 8, true, false, true },
};

struct route {
	bool there, stale, limited; /* refused for the limit, as the speaker says */
	uint32_t path[3];
	unsigned n_path;
	uint8_t origin, class;
	bool have_med, have_local_pref, looped;
	uint32_t med, local_pref, tag, originator, clusters; /* 0: none */
};

struct model {
	struct bgp *bgp;
	mtime now;
	uint64_t seed;
	uint32_t next_tag;
	struct prefix prefix[POOL];
	struct bgp_policy *in[2], *out; /* the second one of the way in prepends */
	struct bgp_peer_config config[PEERS];
	unsigned policy_in[PEERS], policy_out[PEERS];
	bool up[PEERS], waiting[PEERS], refreshing[PEERS];
	uint64_t conn[PEERS];
	unsigned accepted[PEERS]; /* at the last look */
	bool connected[POOL];
	struct route route[PEERS][PATHS][POOL];
	struct bgp_action fib[POOL];
	uint32_t told[PEERS][POOL], told_originator[PEERS][POOL]; /* the tag; 0: not told */
};

/* One that may be chosen, as import makes it. */
struct cand {
	unsigned p, k;
	const struct route *r;
	uint32_t path[4], weight, local_pref, router_id;
	unsigned n_path;
	bool external, gone;
};

static uint32_t rnd(struct model *m, uint32_t n)
{
	uint32_t r;

	rng_seeded_fill(&m->seed, &r, sizeof(r));
	return r % n;
}

static unsigned index_of(const struct model *m, const struct prefix *p)
{
	for (unsigned i = 0; i < POOL; i++)
		if (prefix_eq(&m->prefix[i], p))
			return i;
	fail_msg("%s was never told", prefix_str(p));
	return 0;
}

static bool internal(unsigned p)
{
	return peers[p].as == OUR_AS;
}

static unsigned n_paths(unsigned p)
{
	return peers[p].paths ? PATHS : 1;
}

static struct addr nexthop_of(unsigned p, unsigned k)
{
	return addr_v4(0x0a640000 + 16 * p + k);
}

/* --- the naive rules --- */
static bool second_half(unsigned x)
{
	return x >= POOL / 2;
}

/* Acceptable, but for the limit. */
static bool acceptable(const struct model *m, unsigned p, const struct route *r, unsigned x)
{
	if (!r->there || r->looped || m->connected[x])
		return false;
	if (!internal(p) && r->path[0] != peers[p].as)
		return false;
	return m->policy_in[p] != 1 || !second_half(x);
}

static struct cand cand_of(const struct model *m, unsigned p, unsigned k, unsigned x)
{
	const struct route *r = &m->route[p][k][x];
	struct cand c = { .p = p,
		.k = k,
		.r = r,
		.n_path = r->n_path,
		.local_pref = r->have_local_pref ? r->local_pref : 100,
		.router_id = r->originator ? r->originator : peers[p].router_id,
		.external = !internal(p) };

	memcpy(c.path, r->path, sizeof(r->path));
	if (m->policy_in[p] == 1 && r->class == 1)
		c.weight = 5;
	if (m->policy_in[p] == 1 && r->class == 2)
		c.local_pref = 200;
	if (m->policy_in[p] == 2) {
		memmove(&c.path[1], c.path, sizeof(r->path));
		c.path[0] = peers[p].as;
		c.n_path++;
	}
	return c;
}

static unsigned collect(const struct model *m, unsigned x, const bool without[PEERS], struct cand *c)
{
	unsigned n = 0;

	for (unsigned p = 0; p < PEERS; p++)
		for (unsigned k = 0; k < n_paths(p) && !without[p]; k++)
			if (acceptable(m, p, &m->route[p][k][x], x) && !m->route[p][k][x].limited)
				c[n++] = cand_of(m, p, k, x);
	return n;
}

/* Positive: b is better than a in this step. */
static int worse(unsigned step, const struct cand *a, const struct cand *b)
{
	switch (step) {
	case 0: return (b->weight > a->weight) - (b->weight < a->weight);
	case 1: return (b->local_pref > a->local_pref) - (b->local_pref < a->local_pref);
	case 2: return (b->n_path < a->n_path) - (b->n_path > a->n_path);
	case 3: return (b->r->origin < a->r->origin) - (b->r->origin > a->r->origin);
	case 4:
		if ((a->n_path ? a->path[0] : 0) != (b->n_path ? b->path[0] : 0))
			return 0;
		return (b->r->med < a->r->med) - (b->r->med > a->r->med);
	default: return b->external - a->external;
	}
}

static bool before(const struct cand *a, const struct cand *b)
{
	struct addr x, y;

	if (a->router_id != b->router_id)
		return a->router_id < b->router_id;
	if (a->r->clusters != b->r->clusters)
		return a->r->clusters < b->r->clusters;
	assert_int_equal(addr_parse(peers[a->p].addr, &x) + addr_parse(peers[b->p].addr, &y), 0);
	if (addr_cmp(&x, &y))
		return addr_cmp(&x, &y) < 0;
	return a->p != b->p ? a->p < b->p : a->k < b->k;
}

/* The ways, the best first; how many. */
static unsigned choose(struct cand *c, unsigned n, unsigned most, struct cand way[MULTIPATH])
{
	unsigned ways = 0;

	for (unsigned step = 0; step < 6; step++) {
		bool out[PEERS * PATHS] = { false };

		for (unsigned i = 0; i < n; i++)
			for (unsigned k = 0; k < n; k++)
				out[i] = out[i] || (!c[k].gone && worse(step, &c[i], &c[k]) > 0);
		for (unsigned i = 0; i < n; i++)
			c[i].gone = c[i].gone || out[i];
	}
	while (ways < most) {
		const struct cand *next = NULL;

		for (unsigned i = 0; i < n; i++) {
			bool same = !ways || (peers[c[i].p].kind == peers[way[0].p].kind &&
			                         c[i].n_path == way[0].n_path &&
			                         !memcmp(c[i].path, way[0].path, c[i].n_path * 4));

			if (!c[i].gone && same && (!next || before(&c[i], next)))
				next = &c[i];
		}
		if (!next)
			break;
		way[ways++] = *next;
		c[next - c].gone = true;
	}
	return ways;
}

static unsigned ways_of(const struct model *m, unsigned x, struct cand way[MULTIPATH])
{
	struct cand c[PEERS * PATHS];
	bool nobody[PEERS] = { false };
	unsigned n = collect(m, x, nobody, c);

	return choose(c, n, MULTIPATH, way);
}

static bool exported(const struct model *m, unsigned to, unsigned x, struct cand *ret_way)
{
	struct cand way[MULTIPATH];
	unsigned from;

	if (!m->up[to] || !ways_of(m, x, way))
		return false;
	*ret_way = way[0];
	from = way[0].p;
	if (from == to || (m->policy_out[to] && second_half(x)))
		return false;
	if (internal(to) && internal(from) && !peers[to].client && !peers[from].client)
		return false;
	if (peers[to].kind == BGP_PEER_SITE)
		return false; /* nobody is named */
	if (peers[from].kind == BGP_PEER_LAN && !m->config[to].transit && !(internal(to) && internal(from)))
		return false;
	for (unsigned i = 0; i < way[0].n_path && !internal(to); i++)
		if (way[0].path[i] == peers[to].as)
			return false;
	return true;
}

/* --- the speaker's side --- */
static struct attr_scratch scratch;

static void hear(struct model *m, unsigned p, const uint8_t *data, size_t len)
{
	struct attr_context terms = {
		.four_octet = true, .internal = internal(p), .family = { true, false }
	};
	struct rd r = rd_init(data, len), c;
	struct msg_header h;
	struct update u;
	struct prefix prefix;
	uint32_t tag;

	assert_int_equal(header_parse(&r, &h, NULL), 0);
	if (h.type != BGP_MSG_UPDATE)
		return;
	update_parse(r, &terms, &scratch, &u);
	assert_int_equal(u.a.faults.worst, REACT_NONE);
	while (nlri_next(&u.withdrawn, 4, &prefix) > 0) {
		assert_true(m->told[p][index_of(m, &prefix)] != 0);
		m->told[p][index_of(m, &prefix)] = 0;
	}
	c = rd_init(u.a.attrs.communities.p, u.a.attrs.communities.len);
	tag = rd_left(&c) ? rd_u32(&c) : 0;
	while (nlri_next(&u.nlri, 4, &prefix) > 0) {
		m->told[p][index_of(m, &prefix)] = tag;
		m->told_originator[p][index_of(m, &prefix)] =
		    u.a.attrs.have_originator ? u.a.attrs.originator_id : 0;
	}
}

static void drain(struct model *m)
{
	struct bgp_action a;

	for (;;) {
		while (bgp_next_action(m->bgp, &a)) {
			if (a.kind == BGP_ACT_ROUTE)
				m->fib[index_of(m, &a.route.prefix)] = a;
			if (a.kind == BGP_ACT_SEND && m->up[a.peer - 1])
				hear(m, a.peer - 1, a.send.data, a.send.len);
		}
		if (bgp_deadline(m->bgp).ns > m->now.ns)
			return;
		bgp_timer(m->bgp, m->now);
	}
}

static void settle(struct model *m)
{
	for (unsigned p = 0; p < PEERS; p++)
		if (m->up[p])
			bgp_conn_writable(m->bgp, m->conn[p], 1 << 20, m->now);
	drain(m);
}

static void input(struct model *m, unsigned p, const struct wr *w)
{
	size_t half = rnd(m, (uint32_t)wr_len(w));

	assert_true(wr_ok(w));
	bgp_conn_input(m->bgp, m->conn[p], w->start, half, m->now);
	bgp_conn_input(m->bgp, m->conn[p], w->start + half, wr_len(w) - half, m->now);
}

/* --- sessions --- */
static void session_up(struct model *m, unsigned p)
{
	uint8_t buf[512];
	struct wr w = wr_init(buf, sizeof(buf));
	struct open_msg o = { .version = 4,
		.as2 = (uint16_t)peers[p].as,
		.router_id = peers[p].router_id,
		.caps = { .any = true,
		    .multiprotocol = true,
		    .family = { true, false },
		    .route_refresh = true,
		    .enhanced_refresh = true,
		    .end_of_rib = peers[p].restarts,
		    .restart = { .time = 4095,
		        .family = { peers[p].restarts, false },
		        .forwarding = { peers[p].restarts, false } },
		    .add_path_send = { peers[p].paths, false },
		    .four_octet_as = true,
		    .as = peers[p].as } };

	m->now = mtime_add(m->now, mdur_s(17)); /* the idle hold time of one that fell */
	bgp_peer_start(m->bgp, p + 1, m->now);
	drain(m);
	m->conn[p] = bgp_conn_incoming(m->bgp, &m->config[p].local, &m->config[p].remote, m->now);
	assert_true(m->conn[p] != 0);
	open_build(&w, &o);
	keepalive_build(&w);
	m->up[p] = true;
	input(m, p, &w);
	settle(m);
}

static void each_route(struct model *m, unsigned p, void (*f)(struct route *r))
{
	for (unsigned k = 0; k < PATHS; k++)
		for (unsigned x = 0; x < POOL; x++)
			f(&m->route[p][k][x]);
}

static void remove_stale(struct route *r)
{
	r->there = r->there && !r->stale;
	r->stale = false;
}

static void mark_stale(struct route *r)
{
	r->stale = r->there;
}

static bool has_routes(const struct model *m, unsigned p)
{
	for (unsigned k = 0; k < PATHS; k++)
		for (unsigned x = 0; x < POOL; x++)
			if (m->route[p][k][x].there)
				return true;
	return false;
}

static void forget(struct model *m, unsigned p)
{
	memset(m->route[p], 0, sizeof(m->route[p]));
	m->waiting[p] = false;
}

static void session_down(struct model *m, unsigned p)
{
	unsigned how = rnd(m, 3);

	m->up[p] = m->refreshing[p] = false;
	memset(m->told[p], 0, sizeof(m->told[p]));
	if (how == 0) {
		bgp_peer_path_lost(m->bgp, p + 1, NULL, m->now);
	} else if (how == 1) {
		bgp_peer_stop(m->bgp, p + 1, 2, NULL, m->now);
	} else {
		bgp_conn_closed(m->bgp, m->conn[p], NULL, m->now);
	}
	if (how != 2 || !peers[p].restarts || !has_routes(m, p)) {
		forget(m, p);
		return;
	}
	if (m->waiting[p]) /* what the fall before this one had left, and nobody has told again */
		each_route(m, p, remove_stale);
	each_route(m, p, mark_stale);
	m->waiting[p] = true;
}

static void end_of_rib(struct model *m, unsigned p)
{
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	eor_build(&w, BGP_IPV4);
	input(m, p, &w);
	if (m->waiting[p])
		each_route(m, p, remove_stale);
	m->waiting[p] = false;
}

static void refresh(struct model *m, unsigned p)
{
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));
	struct refresh_msg r = { .afi = BGP_AFI_IPV4,
		.safi = BGP_SAFI_UNICAST,
		.subtype = rnd(m, 2) ? BGP_REFRESH_BEGIN : BGP_REFRESH_END };

	refresh_build(&w, &r);
	input(m, p, &w);
	if (r.subtype == BGP_REFRESH_BEGIN && !m->waiting[p]) {
		each_route(m, p, mark_stale);
		m->refreshing[p] = true;
	} else if (r.subtype == BGP_REFRESH_END && m->refreshing[p]) {
		each_route(m, p, remove_stale);
		m->refreshing[p] = false;
	}
}

/* --- routes --- */
static void choose_route(struct model *m, unsigned p, struct route *r)
{
	static const uint32_t as[] = { 65300, 65515, 65100, OUR_AS, 65300, 65300 };

	*r = (struct route){ .there = true,
		.n_path = internal(p) ? rnd(m, 3) : 1 + rnd(m, 2),
		.origin = (uint8_t)(rnd(m, 9) / 4),
		.have_med = rnd(m, 2),
		.class = (uint8_t)(rnd(m, 8) % 4),
		.tag = ++m->next_tag };
	for (unsigned i = 0; i < r->n_path; i++) {
		r->path[i] = as[rnd(m, 6)];
		if (i == 0 && !internal(p) && rnd(m, 20))
			r->path[i] = peers[p].as;
		r->looped = r->looped || r->path[i] == OUR_AS;
	}
	r->med = r->have_med ? rnd(m, 2) : 0;
	if (!internal(p))
		return;
	r->have_local_pref = true;
	r->local_pref = rnd(m, 4) ? 100 : 99 + 2 * rnd(m, 2);
	if (rnd(m, 3) == 0) {
		r->originator = rnd(m, 12) ? 5 + rnd(m, 2) : OUR_ID;
		r->clusters = rnd(m, 3);
	}
	r->looped = r->looped || r->originator == OUR_ID;
}

static void learn(struct model *m, unsigned p, unsigned k, unsigned x)
{
	uint8_t buf[BGP_MESSAGE_MAX], path[64], comm[8], clusters[8];
	struct wr w = wr_init(path, sizeof(path)), c = wr_init(comm, sizeof(comm)),
	          l = wr_init(clusters, sizeof(clusters));
	struct attr_context terms = { .four_octet = true,
		.internal = internal(p),
		.family = { true, false },
		.path_ids = { peers[p].paths, false } };
	struct route *r = &m->route[p][k][x];
	struct update_builder b;
	struct attrs a = { .nexthop = nexthop_of(p, k) };

	choose_route(m, p, r);
	if (r->n_path) {
		wr_u8(&w, BGP_AS_SEQUENCE);
		wr_u8(&w, (uint8_t)r->n_path);
	}
	for (unsigned i = 0; i < r->n_path; i++)
		wr_u32(&w, r->path[i]);
	wr_u32(&c, r->tag);
	wr_u32(&c, CLASS + r->class);
	for (unsigned i = 0; i < r->clusters; i++)
		wr_u32(&l, 0x01010101 + i);
	a.as_path = (struct bytes){ path, wr_len(&w) };
	a.communities = (struct bytes){ comm, wr_len(&c) };
	a.cluster_list = (struct bytes){ clusters, wr_len(&l) };
	a.origin = r->origin;
	a.have_med = r->have_med;
	a.med = r->med;
	a.have_local_pref = r->have_local_pref;
	a.local_pref = r->local_pref;
	a.have_originator = r->originator != 0;
	a.originator_id = r->originator;
	assert_true(update_begin(&b, buf, sizeof(buf), BGP_IPV4, &a, &terms));
	assert_true(update_add_path(&b, &m->prefix[x], k + 1));
	(void)update_end(&b);
	input(m, p, &b.w);
}

static void unlearn(struct model *m, unsigned p, unsigned k, unsigned x)
{
	uint8_t buf[BGP_MESSAGE_MAX];
	struct attr_context terms = {
		.four_octet = true, .family = { true, false }, .path_ids = { peers[p].paths, false }
	};
	struct update_builder b;

	m->route[p][k][x].there = m->route[p][k][x].stale = false;
	assert_true(update_begin(&b, buf, sizeof(buf), BGP_IPV4, NULL, &terms));
	assert_true(update_add_path(&b, &m->prefix[x], k + 1));
	(void)update_end(&b);
	input(m, p, &b.w);
}

/* --- configuration --- */
static void reconfigure(struct model *m, unsigned p)
{
	struct bgp_peer_config *c = &m->config[p];

	switch (rnd(m, 6)) {
	case 0:
		m->policy_in[p] = rnd(m, 3);
		c->policy.import.n = m->policy_in[p] ? 1 : 0;
		c->policy.import.policy[0] = m->policy_in[p] ? m->in[m->policy_in[p] - 1] : NULL;
		break;
	case 1:
		m->policy_out[p] = rnd(m, 2);
		c->policy.export.n = m->policy_out[p];
		c->policy.export.policy[0] = m->policy_out[p] ? m->out : NULL;
		break;
	case 2: c->max_prefixes = rnd(m, 2) ? 4 + rnd(m, 6) : 0; break;
	case 3: c->limits.max_out = rnd(m, 2) ? 3 + rnd(m, 6) : 0; break;
	case 4: c->rib.multipath_weight = rnd(m, 4); break;
	case 5: c->transit = !c->transit; break;
	}
	assert_int_equal(bgp_peer_update(m->bgp, p + 1, c, m->now, NULL), 0);
}

static void connect_net(struct model *m, unsigned x)
{
	struct prefix list[POOL];
	size_t n = 0;

	m->connected[x] = !m->connected[x];
	for (unsigned i = 0; i < POOL; i++)
		if (m->connected[i])
			list[n++] = m->prefix[i];
	assert_int_equal(bgp_connected(m->bgp, list, n, m->now), 0);
}

static void operate(struct model *m)
{
	unsigned p = rnd(m, PEERS), k = rnd(m, n_paths(p)), x = rnd(m, POOL), what = rnd(m, 100);

	if (what < 5) {
		if (m->up[p])
			session_down(m, p);
		else
			session_up(m, p);
	} else if (what < 11) {
		reconfigure(m, p);
	} else if (what < 12) {
		connect_net(m, x);
	} else if (!m->up[p]) {
		return;
	} else if (what < 14) {
		end_of_rib(m, p);
	} else if (what < 18) {
		refresh(m, p);
	} else if (what < 75) {
		learn(m, p, k, x);
	} else {
		unlearn(m, p, k, x);
	}
}

/* --- comparing --- */
/* Which of those that could be used the limit keeps out is the speaker's to say; how many is not. */
static void check_limit_in(struct model *m, unsigned p)
{
	struct bgp_route_query q = { .rib = BGP_RIB_REJECTED, .peer = p + 1 };
	static struct bgp_route_view rows[POOL];
	unsigned could = 0, limited = 0, max = m->config[p].max_prefixes;
	struct bgp_peer_view v;

	for (unsigned k = 0; k < PATHS; k++)
		for (unsigned x = 0; x < POOL; x++) {
			could += acceptable(m, p, &m->route[p][k][x], x);
			m->route[p][k][x].limited = false;
		}
	while (!q.done)
		for (size_t i = 0, n = bgp_routes(m->bgp, &q, rows, POOL); i < n; i++) {
			unsigned x = index_of(m, &rows[i].prefix),
			         k = rows[i].path_id ? rows[i].path_id - 1 : 0;
			struct route *r = &m->route[p][k][x];

			assert_true(r->there);
			if (!acceptable(m, p, r, x))
				continue;
			r->limited = true;
			limited++;
		}
	/* None beyond the limit, but for those that were there when it became less; and none without need. */
	if (max && could - limited > max && could - limited > m->accepted[p])
		fail_msg("peer %u: %u are accepted, of %u", p + 1, could - limited, max);
	assert_true(!limited || !m->up[p] || (max && could - limited >= max));
	m->accepted[p] = could - limited;
	assert_int_equal(bgp_peer_view(m->bgp, p + 1, &v), 0);
	assert_int_equal(v.accepted, m->accepted[p]);
}

static void check_fib(const struct model *m, unsigned x)
{
	const struct bgp_action *a = &m->fib[x];
	struct cand way[MULTIPATH], backup[MULTIPATH], left[PEERS * PATHS];
	bool used[PEERS] = { false };
	unsigned n = ways_of(m, x, way), n_left;

	if (a->route.n != n)
		fail_msg("%s: %u ways, not %u", prefix_str(&m->prefix[x]), a->route.n, n);
	for (unsigned i = 0; i < n; i++) {
		struct addr nh = nexthop_of(way[i].p, way[i].k);
		unsigned said = m->config[way[i].p].rib.multipath_weight;

		if (a->route.path[i].peer != way[i].p + 1 || !addr_eq(&a->route.path[i].nexthop, &nh))
			fail_msg("%s: way %u is by %u, path %u", prefix_str(&m->prefix[x]), i, way[i].p + 1,
			    way[i].k + 1);
		assert_int_equal(a->route.path[i].weight, n > 1 && said ? said : 1);
		used[way[i].p] = true;
	}
	if (!n)
		return;
	n_left = choose(left, collect(m, x, used, left), 1, backup);
	assert_int_equal(a->route.have_backup, n_left);
	if (n_left)
		assert_int_equal(a->route.backup.peer, backup[0].p + 1);
}

static void check_told(const struct model *m, unsigned p)
{
	unsigned could = 0, told = 0, max = m->config[p].limits.max_out;
	struct bgp_peer_view v;

	for (unsigned x = 0; x < POOL; x++) {
		struct cand way;
		bool want = exported(m, p, x, &way);
		uint32_t originator;

		could += want;
		told += m->told[p][x] != 0;
		if (m->told[p][x] && (!want || m->told[p][x] != way.r->tag))
			fail_msg("%s: peer %u was told %x", prefix_str(&m->prefix[x]), p + 1, m->told[p][x]);
		if (!m->told[p][x] && want && !max)
			fail_msg("%s: peer %u was not told", prefix_str(&m->prefix[x]), p + 1);
		if (!m->told[p][x])
			continue;
		originator = internal(p) && internal(way.p) ? way.router_id : 0;
		assert_int_equal(m->told_originator[p][x], originator);
	}
	assert_int_equal(told, max && could > max ? max : could);
	assert_int_equal(bgp_peer_view(m->bgp, p + 1, &v), 0);
	assert_int_equal(v.advertised, told);
}

static void check(struct model *m)
{
	for (unsigned p = 0; p < PEERS; p++) {
		struct bgp_peer_view v;
		unsigned received = 0, stale = 0;

		for (unsigned k = 0; k < PATHS; k++)
			for (unsigned x = 0; x < POOL; x++) {
				received += m->route[p][k][x].there;
				stale += m->route[p][k][x].stale;
			}
		assert_int_equal(bgp_peer_view(m->bgp, p + 1, &v), 0);
		assert_int_equal(v.received, received);
		assert_int_equal(v.session.stale[0], stale);
		check_limit_in(m, p);
	}
	for (unsigned x = 0; x < POOL; x++)
		check_fib(m, x);
	for (unsigned p = 0; p < PEERS; p++)
		check_told(m, p);
}

/* --- the stage --- */
static void make_policies(struct model *m)
{
	struct bgp_prefix_entry half = { .ge = 0, .le = 32 };
	struct bgp_community c[2] = { { 0 } };
	struct bgp_policy_rule in[3] = { { .name = "weight", .action = BGP_POLICY_NEXT },
		{ .name = "preference", .action = BGP_POLICY_NEXT },
		{ .name = "half", .action = BGP_POLICY_REJECT } };
	struct bgp_policy_rule prepend = { .name = "prepend", .set.prepend = 1 };

	assert_int_equal(prefix_parse("172.16.0.0/12", true, &half.prefix), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(bgp_community_parse(i ? "65001:2" : "65001:1", &c[i]), 0);
		in[i].match.communities[0] = bgp_community_list_new(&c[i], 1);
		in[i].match.n_communities = 1;
		assert_non_null(in[i].match.communities[0]);
	}
	in[0].set.have_weight = in[1].set.have_local_pref = true;
	in[0].set.weight = 5;
	in[1].set.local_pref = 200;
	in[2].match.prefixes = bgp_prefix_list_new(&half, 1);
	m->in[0] = bgp_policy_new("in", in, 3, BGP_POLICY_ACCEPT);
	m->in[1] = bgp_policy_new("longer", &prepend, 1, BGP_POLICY_ACCEPT);
	m->out = bgp_policy_new("out", &in[2], 1, BGP_POLICY_ACCEPT);
	assert_true(m->in[0] && m->in[1] && m->out);
	bgp_prefix_list_put(in[2].match.prefixes);
	for (unsigned i = 0; i < 2; i++)
		bgp_community_list_put(in[i].match.communities[0]);
}

static struct model *model_new(uint32_t seed)
{
	struct model *m = calloc(1, sizeof(*m));
	struct bgp_config config = { .as = OUR_AS, .router_id = OUR_ID, .multipath = MULTIPATH };
	struct rng rng;

	assert_non_null(m);
	m->seed = seed;
	rng = rng_seeded(&m->seed);
	m->next_tag = 0x10000;
	m->now = (mtime){ 1000000000 };
	m->bgp = bgp_new(&config, &rng);
	assert_non_null(m->bgp);
	make_policies(m);
	for (unsigned x = 0; x < POOL; x++)
		m->prefix[x] =
		    (struct prefix){ addr_v4((second_half(x) ? 0xac100000 : 0x0b000000) + (x << 8)), 24 };
	for (unsigned p = 0; p < PEERS; p++) {
		struct bgp_peer_config *c = &m->config[p];

		*c = (struct bgp_peer_config){ .kind = peers[p].kind,
			.peer_as = peers[p].as,
			.mode = BGP_MODE_PASSIVE,
			.ipv4 = true,
			.rib = { .add_path_receive = peers[p].paths, .reflector_client = peers[p].client },
			.session = { .stale_time = mdur_s(100000) },
			.limits = { .action = BGP_LIMIT_DISCARD } };
		snprintf(c->name, sizeof(c->name), "peer%u", p + 1);
		assert_int_equal(addr_parse("10.0.0.10", &c->local), 0);
		assert_int_equal(addr_parse(peers[p].addr, &c->remote), 0);
		assert_int_equal(bgp_peer_add(m->bgp, p + 1, c, NULL), 0);
	}
	return m;
}

static void model_free(struct model *m)
{
	bgp_free(m->bgp);
	bgp_policy_put(m->in[0]);
	bgp_policy_put(m->in[1]);
	bgp_policy_put(m->out);
	free(m);
}

static void test_random(void **state)
{
	const char *one = getenv("CW_SEED"), *steps = getenv("CW_STEPS");
	uint32_t seed = one ? (uint32_t)atoi(one) : 1, last = one ? seed : SEEDS;
	unsigned n = steps ? (unsigned)atoi(steps) : STEPS;

	(void)state;
	for (; seed <= last; seed++) {
		struct model *m = model_new(seed);

		printf("seed %u\n", seed); /* the last line before a failure says which */
		for (unsigned i = 0; i < n; i++) {
			operate(m);
			settle(m);
			check(m);
		}
		model_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FIB planner against a naive kernel: random wishes, interfaces that come and go, foreign routes, thefts,
 * lost notifications and failing operations, by seed. While it runs: no operation refers to a nexthop that
 * isn't there (unless the kernel took it silently), ids are unique, nothing foreign is touched. At rest, when
 * failures have stopped: the kernel holds exactly what is wanted, the last report on each route is true, and
 * no nexthop object is without use.
 */
#include "connector/fib/plan.h"
#include "tests/support/rng_seeded.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SEEDS      800
#define STEPS      250
#define LINKS      7 /* 1..3 tunnels, 4..6 others */
#define MAX_NH     512
#define MAX_ROUTES 512
#define N_PREFIX   24
#define N_ENDPOINT 4
#define ORIGINS    3 /* learned, peer, static; pins make their own */
#define FOREIGN    4 /* RTPROT_STATIC */
#define METRICS    2

struct k_nh {
	bool used, ours, group;
	uint32_t id;
	struct fib_way way;
	struct fib_member member[FIB_WAYS_MAX];
	unsigned n;
};
struct k_route {
	bool used;
	struct prefix prefix;
	uint32_t metric, nhid;
	uint8_t protocol;
	enum fib_seen_type type;
	struct addr source;
	struct fib_way way; /* foreign ones */
};
struct wish {
	bool on;
	struct fib_route r;
};
struct told {
	bool known, in;
};

struct model {
	struct fib *f;
	struct rng rng;
	mtime now;
	struct k_nh nh[MAX_NH];
	struct k_route route[MAX_ROUTES]; /* same key: in order */
	bool up[LINKS], exists[LINKS], ours[LINKS], dropped[LINKS];
	enum fib_way_state state[LINKS];
	struct wish wish[N_PREFIX + N_ENDPOINT][METRICS][ORIGINS];
	unsigned pins[N_ENDPOINT];
	struct told told[N_PREFIX + N_ENDPOINT][METRICS];
	bool local[N_ENDPOINT];
	bool silent, failing, reconciled;
	uint32_t n_ops;
};

static unsigned pick(struct model *m, unsigned n)
{
	return (unsigned)rng_below(&m->rng, n);
}

/* ---- the universe ---- */

static struct addr endpoint_at(unsigned i)
{
	struct addr a;
	static const char *const text[N_ENDPOINT] = { "198.51.100.7", "192.0.2.9", "2001:db8:ff::7",
		"10.3.3.3" };

	assert_int_equal(addr_parse(text[i], &a), 0);
	return a;
}

/* The last ones are the endpoints' host prefixes, so that wishes collide with pins. */
static struct prefix prefix_at(unsigned i)
{
	struct prefix p;
	char text[64];

	if (i >= N_PREFIX) {
		struct addr a = endpoint_at(i - N_PREFIX);

		return prefix_host(&a);
	}
	if (i % 3 == 2)
		snprintf(text, sizeof(text), "2001:db8:%x::/48", i);
	else
		snprintf(text, sizeof(text), "10.%u.0.0/16", i);
	assert_int_equal(prefix_parse(text, true, &p), 0);
	return p;
}

static uint32_t metric_at(unsigned i)
{
	return i ? 50 : 0;
}

static int index_of(const struct prefix *p)
{
	for (unsigned i = 0; i < N_PREFIX + N_ENDPOINT; i++) {
		struct prefix q = prefix_at(i);

		if (prefix_eq(&q, p))
			return (int)i;
	}
	return -1;
}

/* ---- the kernel ---- */

static struct k_nh *k_nh(struct model *m, uint32_t id)
{
	for (unsigned i = 0; i < MAX_NH; i++)
		if (m->nh[i].used && m->nh[i].id == id)
			return &m->nh[i];
	return NULL;
}

static struct k_route *k_first(struct model *m, const struct prefix *p, uint32_t metric)
{
	for (unsigned i = 0; i < MAX_ROUTES; i++)
		if (m->route[i].used && m->route[i].metric == metric && prefix_eq(&m->route[i].prefix, p))
			return &m->route[i];
	return NULL;
}

/* Routes with one key stand in the order of the array: appending takes a place behind all. */
static void k_append(struct model *m, const struct k_route *r)
{
	unsigned last = 0;

	for (unsigned i = 0; i < MAX_ROUTES; i++)
		if (m->route[i].used)
			last = i + 1;
	if (last == MAX_ROUTES) {
		unsigned n = 0;

		for (unsigned i = 0; i < MAX_ROUTES; i++)
			if (m->route[i].used)
				m->route[n++] = m->route[i];
		for (unsigned i = n; i < MAX_ROUTES; i++)
			m->route[i].used = false;
		last = n;
	}
	assert_true(last < MAX_ROUTES);
	m->route[last] = *r;
	m->route[last].used = true;
}

static struct fib_seen_route seen_of(const struct k_route *r)
{
	struct fib_seen_route s = { .prefix = r->prefix,
		.metric = r->metric,
		.protocol = r->protocol,
		.type = r->type,
		.nhid = r->nhid,
		.source = r->source };

	if (r->protocol != FIB_PROTOCOL && r->type == FIB_UNICAST)
		s.way[s.n_ways++] = r->way;
	return s;
}

static void tell_route(struct model *m, enum fib_seen how, const struct k_route *r)
{
	struct fib_seen_route s = seen_of(r);

	if (pick(m, 20) == 0)
		m->silent = true; /* the notification is lost; a picture follows at some time */
	else
		fib_saw_route(m->f, how, &s);
}

/* Nobody hears of it: the kernel doesn't say for IPv4. */
static void k_drop_nh(struct model *m, struct k_nh *n)
{
	n->used = false;
	m->silent = true;
	for (unsigned i = 0; i < MAX_ROUTES; i++)
		if (m->route[i].used && m->route[i].nhid == n->id)
			m->route[i].used = false;
	if (n->group)
		return;
	for (unsigned i = 0; i < MAX_NH; i++) {
		struct k_nh *g = &m->nh[i];
		unsigned kept = 0;

		if (!g->used || !g->group)
			continue;
		for (unsigned j = 0; j < g->n; j++)
			if (g->member[j].id != n->id)
				g->member[kept++] = g->member[j];
		g->n = kept;
		if (!kept)
			k_drop_nh(m, g);
	}
}

static void k_link_down(struct model *m, int link)
{
	for (unsigned i = 0; i < MAX_NH; i++)
		if (m->nh[i].used && !m->nh[i].group && m->nh[i].way.ifindex == link)
			k_drop_nh(m, &m->nh[i]);
	for (unsigned i = 0; i < MAX_ROUTES; i++)
		if (m->route[i].used && m->route[i].protocol != FIB_PROTOCOL &&
		    m->route[i].type == FIB_UNICAST && m->route[i].way.ifindex == link)
			m->route[i].used = false;
}

static int k_add_nh(struct model *m, const struct fib_op *op)
{
	struct k_nh *n = k_nh(m, op->nhid);

	if (op->kind == FIB_OP_GROUP_SET) {
		if (!n) {
			assert_true(m->silent);
			return -ENOENT;
		}
		assert_true(m->silent || (n->ours && n->group));
	} else {
		if (n) {
			assert_false(n->ours && !m->silent); /* an id of ours twice */
			return -EEXIST;
		}
		for (unsigned i = 0; i < MAX_NH && !n; i++)
			if (!m->nh[i].used)
				n = &m->nh[i];
		assert_non_null(n);
	}
	if (op->kind == FIB_OP_NEXTHOP_ADD) {
		if (op->way.ifindex && !m->up[op->way.ifindex])
			return -ENETDOWN;
		*n = (struct k_nh){ .used = true, .ours = true, .id = op->nhid, .way = op->way };
		return 0;
	}
	assert_true(op->n_members > 0);
	for (unsigned i = 0; i < op->n_members; i++) {
		struct k_nh *member = k_nh(m, op->member[i].id);

		if (!member) {
			assert_true(m->silent);
			return -EINVAL;
		}
		assert_true(m->silent || (member->ours && !member->group));
		assert_true(member->way.ifindex != 0 || op->n_members == 1);
	}
	*n = (struct k_nh){ .used = true, .ours = true, .group = true, .id = op->nhid, .n = op->n_members };
	memcpy(n->member, op->member, op->n_members * sizeof(op->member[0]));
	return 0;
}

static int k_del_nh(struct model *m, const struct fib_op *op)
{
	struct k_nh *n = k_nh(m, op->nhid);
	bool silent = m->silent;

	if (!n)
		return -ENOENT;
	assert_true(n->ours || m->silent);
	for (unsigned i = 0; i < MAX_ROUTES; i++)
		assert_false(m->route[i].used && m->route[i].nhid == n->id && !m->silent);
	for (unsigned i = 0; i < MAX_NH;
	     i++) /* groups may lose it, but not their last one with their routes */
		assert_false(
		    m->nh[i].used && m->nh[i].n == 1 && m->nh[i].member[0].id == n->id && !m->silent);
	k_drop_nh(m, n);
	m->silent = silent;
	return 0;
}

static int k_del_route(struct model *m, const struct fib_op *op)
{
	for (unsigned i = 0; i < MAX_ROUTES; i++) {
		struct k_route *r = &m->route[i];

		if (!r->used || r->protocol != FIB_PROTOCOL || r->metric != op->metric ||
		    !prefix_eq(&r->prefix, &op->prefix) || (op->old_nhid && r->nhid != op->old_nhid))
			continue;
		r->used = false;
		return 0;
	}
	return -ESRCH;
}

static int k_add_route(struct model *m, const struct fib_op *op, bool append)
{
	const struct k_route r = { .prefix = op->prefix,
		.metric = op->metric,
		.nhid = op->nhid,
		.protocol = FIB_PROTOCOL,
		.type = FIB_UNICAST,
		.source = op->source };
	const struct k_nh *n = k_nh(m, op->nhid);

	if (!n) {
		assert_true(m->silent);
		return -EINVAL;
	}
	assert_true(n->ours || m->silent);
	if (!append && k_first(m, &op->prefix, op->metric))
		return -EEXIST;
	k_append(m, &r);
	return 0;
}

static struct fib_result k_exec(struct model *m, const struct fib_op *op)
{
	struct fib_result res = { .text = "" };

	m->n_ops++;
	if (m->failing && pick(m, 12) == 0) {
		res.err = pick(m, 2) ? -ENOMEM : -EINVAL;
		return res;
	}
	switch (op->kind) {
	case FIB_OP_NEXTHOP_ADD:
	case FIB_OP_GROUP_ADD:
	case FIB_OP_GROUP_SET: res.err = k_add_nh(m, op); break;
	case FIB_OP_NEXTHOP_DEL:
	case FIB_OP_GROUP_DEL: res.err = k_del_nh(m, op); break;
	case FIB_OP_ROUTE_ADD: res.err = k_add_route(m, op, false); break;
	case FIB_OP_ROUTE_DEL: res.err = k_del_route(m, op); break;
	case FIB_OP_ROUTE_MOVE: /* as the writer does it */
		if (op->old_nhid && op->old_nhid != op->nhid) {
			res.err = k_add_route(m, op, true);
			(void)k_del_route(m, op);
		} else {
			(void)k_del_route(m, op);
			res.err = k_add_route(m, op, false);
		}
		res.old_gone = true;
		break;
	}
	return res;
}

/* ---- turning the wheel ---- */

static void take_reports(struct model *m)
{
	struct fib_report r;

	while (fib_next_report(m->f, &r)) {
		int i = index_of(&r.prefix);

		if (r.kind != FIB_REPORT_ROUTE || i < 0)
			continue;
		m->told[i][r.metric == 50] = (struct told){ .known = true, .in = r.in_kernel };
	}
}

static void turn(struct model *m)
{
	struct fib_op op[16];
	unsigned rounds = 0;
	size_t n;

	do {
		n = fib_plan(m->f, m->now, op, 1 + pick(m, 16));
		for (size_t i = 0; i < n; i++) {
			struct fib_result res = k_exec(m, &op[i]);

			/* The results come when all have been executed; nothing else would change that. */
			fib_done(m->f, &op[i], &res);
		}
		take_reports(m);
		assert_true(++rounds < 5000);
	} while (n || fib_busy(m->f));
}

static void picture(struct model *m)
{
	fib_resync_begin(m->f);
	for (int i = 1; i < LINKS; i++)
		if (m->exists[i])
			fib_saw_link(m->f, i, "if", m->up[i], false);
	for (unsigned i = 0; i < N_ENDPOINT; i++)
		if (m->local[i])
			fib_saw_addr(m->f,
			    &(struct fib_seen_addr){ .ifindex = 4,
			        .addr = endpoint_at(i),
			        .network = prefix_at(N_PREFIX + i),
			        .global = true },
			    false);
	for (unsigned i = 0; i < MAX_NH; i++) {
		const struct k_nh *n = &m->nh[i];
		struct fib_seen_nexthop s = {
			.id = n->id, .ours = n->ours, .group = n->group, .way = n->way, .n_members = n->n
		};

		memcpy(s.member, n->member, sizeof(s.member));
		if (n->used)
			fib_saw_nexthop(m->f, FIB_SEEN_NEW, &s);
	}
	for (unsigned i = 0; i < MAX_ROUTES; i++) {
		struct fib_seen_route s = seen_of(&m->route[i]);

		if (m->route[i].used)
			fib_saw_route(m->f, FIB_SEEN_NEW, &s);
	}
	fib_resync_end(m->f);
	m->silent = false;
}

/* ---- random events ---- */

static void do_wish(struct model *m)
{
	unsigned i = pick(m, N_PREFIX + N_ENDPOINT), k = pick(m, METRICS), o = pick(m, ORIGINS),
	         n = 1 + pick(m, 3);
	struct wish *w = &m->wish[i][k][o];

	w->on = true;
	w->r = (struct fib_route){
		.prefix = prefix_at(i), .metric = metric_at(k), .origin = (enum fib_origin)o
	};
	for (unsigned j = 0; j < n; j++)
		w->r.way[w->r.n_ways++] =
		    (struct fib_way){ .ifindex = 1 + (int)pick(m, 4), .weight = 1 + pick(m, 2) };
	if (pick(m, 5) == 0)
		w->r.source = endpoint_at(0);
	w->r.have_backup = pick(m, 2);
	w->r.backup = (struct fib_way){ .ifindex = 1 + (int)pick(m, 4), .weight = 1 };
	m->told[i][k].known = false;
	assert_int_equal(fib_want(m->f, &w->r, 0), 0);
}

/* A tunnel passes nothing any more, or again. */
static void do_lost(struct model *m)
{
	int i = 1 + (int)pick(m, 4);

	if (!m->exists[i])
		return;
	m->state[i] = (enum fib_way_state)pick(m, FIB_WAY_DEAD + 1);
	assert_int_equal(fib_way_is(m->f, i, &(struct addr){ 0 }, m->state[i]), 0);
}

static void do_unwish(struct model *m)
{
	unsigned i = pick(m, N_PREFIX + N_ENDPOINT), k = pick(m, METRICS), o = pick(m, ORIGINS);
	struct wish *w = &m->wish[i][k][o];

	w->on = false;
	fib_unwant(m->f, &(struct prefix){ .addr = prefix_at(i).addr, .len = prefix_at(i).len }, metric_at(k),
	    (enum fib_origin)o);
}

/* A failing tunnel, as BGP sees it: every learned route by it is wished anew without it. */
static void do_failover(struct model *m)
{
	int gone = 1 + (int)pick(m, 3), other = 1 + (int)pick(m, 3);

	for (unsigned i = 0; i < N_PREFIX; i++) {
		struct wish *w = &m->wish[i][0][0];

		if (!w->on)
			continue;
		for (unsigned j = 0; j < w->r.n_ways; j++)
			if (w->r.way[j].ifindex == gone)
				w->r.way[j].ifindex = other;
		m->told[i][0].known = false;
		assert_int_equal(fib_want(m->f, &w->r, 0), 0);
	}
}

static void do_link(struct model *m)
{
	int i = 1 + (int)pick(m, LINKS - 1);

	if (!m->exists[i]) {
		m->exists[i] = m->up[i] = true;
	} else if (pick(m, 4) == 0) {
		m->exists[i] = m->up[i] = m->dropped[i] = false;
		m->state[i] = FIB_WAY_GOOD; /* whoever gets its number is somebody else */
		k_link_down(m, i);
	} else {
		m->up[i] = !m->up[i];
		if (!m->up[i])
			k_link_down(m, i);
	}
	fib_saw_link(m->f, i, "if", m->up[i], !m->exists[i]);
}

static void do_interface(struct model *m)
{
	int i = 1 + (int)pick(m, 3);
	bool ours = pick(m, 2);

	if (m->ours[i] == ours && !m->dropped[i])
		return;
	m->dropped[i] = m->ours[i] && !ours;
	m->ours[i] = ours;
	fib_interface(m->f, i, ours);
}

static void do_foreign(struct model *m)
{
	static const char *const at[] = { "0.0.0.0/0", "::/0", "198.51.100.0/24", "192.0.2.0/24",
		"192.0.2.9/32", "10.0.0.0/8", "10.3.0.0/16", "10.4.0.0/16", "2001:db8:5::/48",
		"2001:db8::/32", "2001:db8:ff::7/128" };
	struct k_route r = { .protocol = FOREIGN + (uint8_t)pick(m, 2),
		.metric = metric_at(pick(m, 2)),
		.type = FIB_UNICAST,
		.way = { .ifindex = 3 + (int)pick(m, LINKS - 3), .weight = 1 } },
	               *known;

	assert_int_equal(prefix_parse(at[pick(m, sizeof(at) / sizeof(at[0]))], true, &r.prefix), 0);
	r.metric = fib_kernel_metric(&r.prefix, r.metric);
	if (pick(m, 8) == 0)
		r.type = FIB_REJECT;
	known = k_first(m, &r.prefix, r.metric);
	if (pick(m, 2) && known && known->protocol != FIB_PROTOCOL) {
		r = *known;
		known->used = false;
		tell_route(m, FIB_SEEN_GONE, &r);
		return;
	}
	if (r.type == FIB_UNICAST && !m->up[r.way.ifindex])
		return;
	for (unsigned i = 0; i < MAX_ROUTES; i++) /* the kernel refuses the very same route */
		if (m->route[i].used && m->route[i].metric == r.metric &&
		    prefix_eq(&m->route[i].prefix, &r.prefix) && m->route[i].protocol == r.protocol &&
		    m->route[i].type == r.type &&
		    (r.type != FIB_UNICAST || m->route[i].way.ifindex == r.way.ifindex))
			return;
	if (known && pick(m, 3) == 0) { /* ip route replace: whoever's it is */
		*known = r;
		known->used = true;
		tell_route(m, FIB_SEEN_REPLACED, &r);
	} else if (!known || pick(m, 4) == 0) {
		k_append(m, &r);
		tell_route(m, FIB_SEEN_NEW, &r);
	}
}

static void do_theft(struct model *m)
{
	unsigned at = pick(m, MAX_ROUTES);
	struct k_route gone;

	for (unsigned i = 0; i < MAX_ROUTES; i++, at = (at + 1) % MAX_ROUTES) {
		if (!m->route[at].used || m->route[at].protocol != FIB_PROTOCOL)
			continue;
		gone = m->route[at];
		m->route[at].used = false;
		tell_route(m, FIB_SEEN_GONE, &gone);
		return;
	}
}

static void do_nexthops(struct model *m)
{
	struct k_nh *n = &m->nh[pick(m, MAX_NH)];

	if (pick(m, 2)) { /* somebody takes an id of our range, maybe the next one */
		uint32_t id = FIB_NHID_FIRST + pick(m, 40);

		if (n->used || k_nh(m, id))
			return;
		*n = (struct k_nh){ .used = true, .id = id, .way = { .ifindex = 4 } };
		if (pick(m, 2))
			fib_saw_nexthop(
			    m->f, FIB_SEEN_NEW, &(struct fib_seen_nexthop){ .id = id, .way = n->way });
		else
			m->silent = true;
		return;
	}
	for (unsigned i = 0; i < MAX_NH; i++) { /* somebody deletes an object of ours */
		if (!m->nh[i].used || !m->nh[i].ours || pick(m, 3))
			continue;
		k_drop_nh(m, &m->nh[i]);
		fib_saw_nexthop(m->f, FIB_SEEN_GONE,
		    &(struct fib_seen_nexthop){ .id = m->nh[i].id, .ours = true, .group = m->nh[i].group });
		return;
	}
}

static void do_pin(struct model *m)
{
	unsigned i = pick(m, N_ENDPOINT);
	struct addr a = endpoint_at(i);

	if (pick(m, 2)) {
		m->pins[i]++;
		assert_int_equal(fib_pin(m->f, &a), 0);
	} else if (m->pins[i]) {
		m->pins[i]--;
		fib_unpin(m->f, &a);
	}
}

static void do_local(struct model *m)
{
	unsigned i = pick(m, N_ENDPOINT);

	if (pick(m, 4))
		return;
	m->local[i] = !m->local[i];
	fib_saw_addr(m->f,
	    &(struct fib_seen_addr){
	        .ifindex = 4, .addr = endpoint_at(i), .network = prefix_at(N_PREFIX + i), .global = true },
	    !m->local[i]);
}

/* ---- what should be ---- */

static bool usable(const struct model *m, int link)
{
	return link == 0 || (m->exists[link] && m->up[link] && !m->dropped[link]);
}

/* The foreign path of an endpoint, by brute force. False: a pin isn't needed. */
static bool expect_pin(struct model *m, unsigned e, struct fib_route *ret)
{
	struct addr a = endpoint_at(e);
	struct prefix host = prefix_host(&a);

	*ret = (struct fib_route){ .prefix = host, .origin = FIB_PIN, .n_ways = 1 };
	if (m->local[e])
		return false;
	for (int len = (int)addr_bits(&a); len >= 0; len--) {
		struct prefix p = prefix_canonical((struct prefix){ .addr = a, .len = (uint8_t)len });
		struct k_route *best = NULL;

		for (unsigned i = 0; i < MAX_ROUTES; i++) {
			struct k_route *r = &m->route[i];

			if (!r->used || r->protocol == FIB_PROTOCOL || !prefix_eq(&r->prefix, &p))
				continue;
			if (r->type == FIB_UNICAST && (!usable(m, r->way.ifindex) || m->ours[r->way.ifindex]))
				continue;
			if (!best || r->metric < best->metric)
				best = r;
		}
		if (!best)
			continue;
		if (best->type == FIB_UNICAST) {
			ret->way[0] = best->way;
			return !(len == (int)addr_bits(&a) && best->metric <= fib_kernel_metric(&host, 0));
		}
		break;
	}
	ret->way[0] = (struct fib_way){ .weight = 1 }; /* no path: a reject */
	return true;
}

static bool names(const struct fib_route *r, int ifindex)
{
	for (unsigned i = 0; i < r->n_ways; i++)
		if (r->way[i].ifindex == ifindex)
			return true;
	return false;
}

/* Should its packets go this way? Lost ways serve learned routes only where nothing better is left. */
static bool has_way(const struct model *m, const struct fib_route *r, int ifindex)
{
	bool backup = r->have_backup && usable(m, r->backup.ifindex), good = false;

	if (r->origin == FIB_LEARNED) {
		for (int i = 0; i < LINKS; i++)
			good |= names(r, i) && usable(m, i) && m->state[i] == FIB_WAY_GOOD;
		backup = backup && m->state[r->backup.ifindex] == FIB_WAY_GOOD;
		if (good)
			return names(r, ifindex) && usable(m, ifindex) && m->state[ifindex] == FIB_WAY_GOOD;
		if (backup)
			return ifindex == r->backup.ifindex;
		if (m->state[ifindex] == FIB_WAY_DEAD)
			return false;
	}
	return names(r, ifindex) && usable(m, ifindex);
}

static void compare_ways(struct model *m, const struct k_route *k, const struct fib_route *want)
{
	struct k_nh *n = k_nh(m, k->nhid);
	unsigned distinct = 0;

	assert_non_null(n);
	for (int i = 0; i < LINKS; i++)
		distinct += has_way(m, want, i);
	if (!n->group) {
		assert_int_equal(distinct, 1);
		assert_true(has_way(m, want, n->way.ifindex));
		return;
	}
	assert_int_equal(n->n, distinct);
	for (unsigned i = 0; i < n->n; i++) {
		struct k_nh *single = k_nh(m, n->member[i].id);

		assert_non_null(single);
		assert_true(has_way(m, want, single->way.ifindex));
	}
	assert_true(addr_eq(&k->source, &want->source));
}

static const struct fib_route *best_wish(struct model *m, unsigned i, unsigned k, struct fib_route *pin)
{
	if (i >= N_PREFIX && k == 0 && m->pins[i - N_PREFIX] && expect_pin(m, i - N_PREFIX, pin))
		return pin;
	for (int o = ORIGINS - 1; o >= 0; o--)
		if (m->wish[i][k][o].on)
			return &m->wish[i][k][o].r;
	return NULL;
}

static void compare_one(struct model *m, unsigned i, unsigned k)
{
	struct fib_route pin;
	const struct fib_route *want = best_wish(m, i, k, &pin);
	struct prefix p = prefix_at(i);
	uint32_t metric = fib_kernel_metric(&p, metric_at(k));
	struct k_route *mine = NULL, *theirs = NULL;
	bool possible = false;

	for (unsigned j = 0; j < MAX_ROUTES; j++) {
		struct k_route *r = &m->route[j];

		if (!r->used || r->metric != metric || !prefix_eq(&r->prefix, &p))
			continue;
		assert_true(r->protocol != FIB_PROTOCOL || !mine); /* one of ours at most */
		if (r->protocol == FIB_PROTOCOL)
			mine = r;
		else
			theirs = r;
	}
	for (int j = 0; want && j < LINKS; j++)
		possible |= has_way(m, want, j);
	if (!possible) {
		assert_null(mine);
	} else {
		assert_true(mine || theirs);
		if (mine)
			compare_ways(m, mine, want);
	}
	if (want) {
		assert_true(m->told[i][k].known);
		assert_int_equal(m->told[i][k].in, mine != NULL);
	}
}

static void rest(struct model *m)
{
	m->failing = false;
	for (unsigned i = 0; i < 400; i++) {
		mtime next;

		turn(m);
		if (m->silent || fib_resync_wanted(m->f)) {
			picture(m);
			continue;
		}
		next = fib_deadline(m->f);
		if (mtime_is_never(next))
			break;
		m->now = mtime_max(next, m->now);
		fib_clock(m->f, m->now);
	}
	assert_true(mtime_is_never(fib_deadline(m->f)));
	for (unsigned i = 0; i < N_PREFIX + N_ENDPOINT; i++)
		for (unsigned k = 0; k < METRICS; k++)
			compare_one(m, i, k);
	for (unsigned i = 0; i < MAX_NH; i++) {
		bool in_use = false;

		if (!m->nh[i].used || !m->nh[i].ours)
			continue;
		for (unsigned j = 0; j < MAX_ROUTES; j++)
			in_use |= m->route[j].used && m->route[j].nhid == m->nh[i].id;
		for (unsigned j = 0; j < MAX_NH; j++)
			for (unsigned g = 0; g < m->nh[j].n; g++)
				in_use |=
				    m->nh[j].used && m->nh[j].group && m->nh[j].member[g].id == m->nh[i].id;
		assert_true(in_use || !m->reconciled);
	}
}

/* What an earlier run left: some of it wanted later, some not. */
static void leftovers(struct model *m)
{
	struct k_nh *n = m->nh;

	n[0] = (struct k_nh){
		.used = true, .ours = true, .id = 77, .way = { .ifindex = 4, .via = { .family = 4 } }
	};
	n[1] = (struct k_nh){ .used = true,
		.ours = true,
		.group = true,
		.id = FIB_NHID_FIRST + 3,
		.n = 1,
		.member = { { .id = 77, .weight = 1 } } };
	for (unsigned i = 0; i < 6; i++)
		k_append(m, &(struct k_route){ .prefix = prefix_at(i),
		                .metric = fib_kernel_metric(&(struct prefix){ .addr = prefix_at(i).addr }, 0),
		                .protocol = FIB_PROTOCOL,
		                .type = FIB_UNICAST,
		                .nhid = i < 4 ? FIB_NHID_FIRST + 3 : 0 });
	k_append(m, &(struct k_route){
	                .prefix = prefix_at(1), .protocol = FIB_PROTOCOL, .type = FIB_UNICAST }); /* twice */
}

static void one_run(uint64_t seed)
{
	static void (*const event[])(struct model *) = { do_wish, do_wish, do_wish, do_wish, do_unwish,
		do_unwish, do_failover, do_lost, do_lost, do_link, do_interface, do_foreign, do_foreign,
		do_theft, do_nexthops, do_pin, do_local };
	struct model *m = calloc(1, sizeof(*m));
	uint64_t state = seed;

	assert_non_null(m);
	m->rng = rng_seeded(&state);
	m->f = fib_new();
	assert_non_null(m->f);
	m->now = (mtime){ 1000 };
	for (int i = 1; i < LINKS; i++)
		m->exists[i] = m->up[i] = true;
	leftovers(m);
	fib_clock(m->f, m->now);
	picture(m);
	for (unsigned i = 0; i < STEPS; i++) {
		m->failing = pick(m, 2);
		m->now = mtime_add(m->now, mdur_ms(pick(m, 400)));
		fib_clock(m->f, m->now);
		event[pick(m, sizeof(event) / sizeof(event[0]))](m);
		if (pick(m, 3) == 0)
			turn(m);
		if (pick(m, 10) == 0)
			picture(m);
		if (i == STEPS / 2) {
			m->reconciled = true;
			fib_reconciled(m->f);
		}
		if (m->reconciled && pick(m, 60) == 0)
			rest(m);
	}
	rest(m);
	/* And everything out. */
	fib_unwant_all(m->f);
	turn(m);
	for (unsigned i = 0; i < MAX_NH; i++)
		assert_false(m->nh[i].used && m->nh[i].ours);
	for (unsigned i = 0; i < MAX_ROUTES; i++)
		assert_false(m->route[i].used && m->route[i].protocol == FIB_PROTOCOL);
	fib_free(m->f);
	free(m);
}

static void test_churn(void **state)
{
	const char *one = getenv("CW_SEED"), *many = getenv("CW_SEEDS");

	(void)state;
	for (uint64_t seed = 1; seed <= (many ? strtoull(many, NULL, 10) : SEEDS); seed++) {
		if (one && strtoull(one, NULL, 10) != seed)
			continue;
		if (one || many || seed == 1)
			print_message(
			    "seed %llu (CW_SEED runs one, CW_SEEDS that many)\n", (unsigned long long)seed);
		one_run(seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_churn) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

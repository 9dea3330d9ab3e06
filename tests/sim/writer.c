/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FIB writer's thread and the kernel behind it, as a model: messages (wishes and fences) wait until the
 * writer runs, then the real planner plans and a naive kernel obeys. Between the wish and the kernel there is
 * time, and that is what the tunnel's fences are for.
 */
#include "tests/sim/sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct sim_msg {
	struct sim_msg *next;
	enum { MSG_WANT, MSG_UNWANT, MSG_FENCE } kind;
	struct fib_route route;
	uint64_t fence;
};

static struct prefix peer_prefix(const struct sim_end *end)
{
	struct addr a = addr_v4(0xa9fe0000 + end->tunnel->number * 4 + 2 - end->side); /* 169.254.0.x */

	return prefix_host(&a);
}

static struct prefix learned_prefix(unsigned tunnel)
{
	return (
	    struct prefix){ .addr = addr_v4(0x0a640000 + (tunnel << 16)), .len = 16 }; /* 10.100+n.0.0/16 */
}

#define SHARED_PREFIX SIM_TUNNELS /* what every session teaches */

static void put(struct sim_engine *e, struct sim_msg *m)
{
	struct sim_msg *copy = malloc(sizeof(*copy));

	if (!copy)
		sim_fault(e->sim, "out of memory");
	*copy = *m;
	copy->next = NULL;
	*e->queue_end = copy;
	e->queue_end = &copy->next;
	if (!e->writer_due) {
		struct sim_event *ev =
		    sim_event(e->sim, sim_span(e->sim, MDUR_ZERO, e->sim->writer_max), EV_WRITER, 0);

		ev->to = e;
		ev->life = e->life;
		e->writer_due = true;
	}
}

static void add_way(struct fib_route *r, const struct sim_end *end)
{
	r->way[r->n_ways++] = (struct fib_way){ .ifindex = sim_ifindex(end), .weight = 1 };
}

static void want(struct sim_engine *e, const struct fib_route *r)
{
	put(e, &(struct sim_msg){ .kind = r->n_ways ? MSG_WANT : MSG_UNWANT, .route = *r });
}

void sim_want_peer(struct sim_end *end, bool in)
{
	struct fib_route r = { .prefix = peer_prefix(end), .origin = FIB_PEER };

	if (in)
		add_way(&r, end);
	want(end->engine, &r);
}

/* The prefix of this session, and the one that all sessions of the engine teach. */
void sim_want_learned(struct sim_end *end, bool in)
{
	struct fib_route own = { .prefix = learned_prefix(end->tunnel->number), .origin = FIB_LEARNED };
	struct fib_route shared = { .prefix = learned_prefix(SHARED_PREFIX), .origin = FIB_LEARNED };
	struct sim *s = end->engine->sim;

	end->learned = in;
	if (in)
		add_way(&own, end);
	want(end->engine, &own);
	for (unsigned i = 0; i < s->n_tunnels; i++)
		for (unsigned side = 0; side < 2; side++) {
			struct sim_end *o = &s->tunnel[i].end[side];

			if (o->engine == end->engine && o->learned)
				add_way(&shared, o);
		}
	want(end->engine, &shared);
}

uint64_t sim_fence(struct sim_engine *e)
{
	put(e, &(struct sim_msg){ .kind = MSG_FENCE, .fence = ++e->next_fence });
	return e->next_fence;
}

/* ---- the kernel ---- */

static struct sim_nexthop *nexthop(const struct sim_engine *e, uint32_t id)
{
	for (unsigned i = 0; i < SIM_ROUTES; i++)
		if (e->nexthop[i].used && e->nexthop[i].id == id)
			return (struct sim_nexthop *)&e->nexthop[i];
	return NULL;
}

static struct sim_route *route(struct sim_engine *e, const struct fib_op *op)
{
	for (unsigned i = 0; i < e->n_routes; i++)
		if (e->route[i].metric == op->metric && prefix_eq(&e->route[i].prefix, &op->prefix))
			return &e->route[i];
	return NULL;
}

static int nexthop_set(struct sim_engine *e, const struct fib_op *op, bool group)
{
	struct sim_nexthop *n = nexthop(e, op->nhid);

	if (n && op->kind != FIB_OP_GROUP_SET)
		return -EEXIST;
	for (unsigned i = 0; i < SIM_ROUTES && !n; i++)
		if (!e->nexthop[i].used)
			n = &e->nexthop[i];
	if (!n)
		sim_fault(e->sim, "engine %u: nexthop objects leak", e->number);
	*n = (struct sim_nexthop){ .used = true, .id = op->nhid, .group = group, .ifindex = op->way.ifindex };
	for (unsigned i = 0; group && i < op->n_members; i++)
		n->member[n->n++] = op->member[i].id;
	return 0;
}

static int route_set(struct sim_engine *e, const struct fib_op *op)
{
	struct sim_route *r = route(e, op);

	if (!nexthop(e, op->nhid))
		return -EINVAL;
	if (r && op->kind == FIB_OP_ROUTE_ADD)
		return -EEXIST;
	if (!r && e->n_routes == SIM_ROUTES)
		sim_fault(e->sim, "engine %u: routes leak", e->number);
	if (!r)
		r = &e->route[e->n_routes++];
	*r = (struct sim_route){ .prefix = op->prefix, .metric = op->metric, .nhid = op->nhid };
	return 0;
}

static int obey(struct sim_engine *e, const struct fib_op *op, struct fib_result *res)
{
	struct sim_nexthop *n;
	struct sim_route *r;

	switch (op->kind) {
	case FIB_OP_NEXTHOP_ADD: return nexthop_set(e, op, false);
	case FIB_OP_GROUP_ADD:
	case FIB_OP_GROUP_SET: return nexthop_set(e, op, true);
	case FIB_OP_NEXTHOP_DEL:
	case FIB_OP_GROUP_DEL:
		n = nexthop(e, op->nhid);
		if (!n)
			return -ENOENT;
		n->used = false;
		return 0;
	case FIB_OP_ROUTE_MOVE: res->old_gone = true; return route_set(e, op);
	case FIB_OP_ROUTE_ADD: return route_set(e, op);
	case FIB_OP_ROUTE_DEL:
		r = route(e, op);
		if (!r)
			return -ESRCH;
		*r = e->route[--e->n_routes];
		return 0;
	}
	return -EINVAL;
}

bool sim_route_over(const struct sim_engine *e, const struct sim_route *r, int ifindex)
{
	const struct sim_nexthop *n = nexthop(e, r->nhid);

	if (!n || !n->group)
		return n && n->ifindex == ifindex;
	for (unsigned i = 0; i < n->n; i++) {
		const struct sim_nexthop *m = nexthop(e, n->member[i]);

		if (m && m->ifindex == ifindex)
			return true;
	}
	return false;
}

/* ---- the thread ---- */

static void reports(struct sim_engine *e)
{
	struct sim *s = e->sim;
	struct fib_report r;

	while (fib_next_report(e->fib, &r)) {
		if (r.kind != FIB_REPORT_ROUTE || r.origin != FIB_LEARNED)
			continue;
		for (unsigned i = 0; i < s->n_tunnels; i++) {
			struct prefix p = learned_prefix(i);
			struct sim_end *end = sim_end_of(e, i + 1);

			if (end && prefix_eq(&p, &r.prefix))
				sim_end_route(end, r.in_kernel);
		}
	}
}

static void plan(struct sim_engine *e)
{
	struct fib_op op[16];
	unsigned rounds = 0;
	size_t n;

	fib_clock(e->fib, e->sim->now);
	do {
		n = fib_plan(e->fib, e->sim->now, op, 16);
		for (size_t i = 0; i < n; i++) {
			struct fib_result res = { .text = "" };

			res.err = obey(e, &op[i], &res);
			if (res.err)
				sim_fault(e->sim, "engine %u: the kernel refuses operation %d (%d)",
				    e->number, (int)op[i].kind, res.err);
			fib_done(e->fib, &op[i], &res);
		}
		if (++rounds > 1000)
			sim_fault(e->sim, "engine %u: the route planner does not end", e->number);
	} while (n || fib_busy(e->fib));
	reports(e);
}

static void reached(struct sim_engine *e, uint64_t fence)
{
	for (unsigned i = 0; i < e->sim->n_tunnels; i++) {
		struct sim_end *end = sim_end_of(e, i + 1);

		if (end)
			sim_end_fenced(end, fence);
	}
}

void sim_writer_run(struct sim_engine *e)
{
	struct sim_msg *m = e->queue, *next;
	uint64_t fence = 0;
	int rc = 0;

	e->writer_due = false;
	e->queue = NULL;
	e->queue_end = &e->queue;
	for (; m; m = next) {
		next = m->next;
		switch (m->kind) {
		case MSG_WANT: rc = fib_want(e->fib, &m->route, 0); break;
		case MSG_UNWANT:
			fib_unwant(e->fib, &m->route.prefix, m->route.metric, m->route.origin);
			break;
		case MSG_FENCE: fence = m->fence; break;
		}
		if (rc)
			sim_fault(e->sim, "out of memory");
		free(m);
	}
	plan(e);
	if (fence)
		reached(e, fence);
}

void sim_writer_begin(struct sim_engine *e)
{
	e->fib = fib_new();
	if (!e->fib)
		sim_fault(e->sim, "out of memory");
	e->queue = NULL;
	e->queue_end = &e->queue;
	e->writer_due = false;
	memset(e->nexthop, 0,
	    sizeof(e->nexthop)); /* with the process went its interfaces, and with them all of it */
	e->n_routes = 0;
	fib_clock(e->fib, e->sim->now);
	fib_resync_begin(e->fib);
	for (unsigned i = 0; i < e->sim->n_tunnels; i++)
		fib_saw_link(e->fib, 10 + (int)i, "cw", true, false);
	fib_resync_end(e->fib);
	for (unsigned i = 0; i < e->sim->n_tunnels; i++)
		fib_interface(e->fib, 10 + (int)i, true);
	fib_reconciled(e->fib);
	plan(e);
}

void sim_writer_end(struct sim_engine *e)
{
	while (e->queue) {
		struct sim_msg *m = e->queue;

		e->queue = m->next;
		free(m);
	}
	fib_free(e->fib);
	e->fib = NULL;
	e->n_routes = 0;
	memset(e->nexthop, 0, sizeof(e->nexthop));
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FIB writer's thread: takes requests, hears what the kernel says, asks the planner, executes its rounds
 * by netlink, reports.
 *
 * Order: notifications are taken in after requests were fetched and before these are applied, so that a
 * request never meets a picture older than itself (an interface that was just made is known when its routes
 * come). Requests behind a fence wait until the planner is quiet; only then the fence is reported. A new
 * picture is taken when notifications were lost or can't tell, at most once in PICTURE_PAUSE_MS, and never
 * before the plan has acted on what is known already.
 */
#include "connector/daemon/fib_writer_internal.h"

#include "connector/sys/clock.h"

#include <errno.h>
#include <linux/if.h> /* IFF_LOWER_UP, which net/if.h lacks; instead of it */
#include <linux/rtnetlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PICTURE_PAUSE_MS 500
#define PICTURE_TRIES                                                                                        \
	3 /* the kernel's dumps may be interrupted by changes; the monitor hears of those anyway */
#define FAREWELL_ROUNDS 100000 /* a bound for taking everything out: 25 million routes */

/* ---- events ---- */

static void send_event(struct fib_thread *t, enum fib_event_kind kind, struct fib_event **ret_event)
{
	struct fib_event *e = calloc(1, sizeof(*e));

	if (!e)
		log_error(t->log, "fib", "no-memory: an event is lost");
	else
		e->kind = kind;
	*ret_event = e;
}

static void forward_connected(struct fib_thread *t)
{
	size_t n;
	const struct prefix *list = fib_connected(t->fib, &n);
	struct fib_event *e;

	send_event(t, FIB_EV_CONNECTED, &e);
	if (!e)
		return;
	e->list = malloc((n + 1) * sizeof(*list));
	if (e->list && n)
		memcpy(e->list, list, n * sizeof(*list));
	e->n = e->list ? n : 0;
	fib_channel_put(&t->out, &e->node);
}

static void forward_sources(struct fib_thread *t)
{
	size_t n;
	bool cut;
	const struct fib_source *list = fib_sources(t->fib, &n, &cut);
	struct fib_event *e;

	send_event(t, FIB_EV_SOURCES, &e);
	if (!e)
		return;
	e->source = malloc((n + 1) * sizeof(*list));
	if (e->source && n)
		memcpy(e->source, list, n * sizeof(*list));
	e->n = e->source ? n : 0;
	e->cut = cut || !e->source;
	fib_channel_put(&t->out, &e->node);
}

static void forward_link(struct fib_thread *t, int ifindex)
{
	struct fib_event *e;

	send_event(t, FIB_EV_LINK, &e);
	if (!e)
		return;
	e->ifindex = ifindex;
	fib_channel_put(&t->out, &e->node);
}

static struct fib_thread_pin *pin_of(struct fib_thread *t, const struct addr *endpoint, bool make)
{
	struct fib_thread_pin *pin;

	list_for_each (&t->pins, struct fib_thread_pin, known, node) {
		if (addr_eq(&known->endpoint, endpoint))
			return known;
	}
	pin = make ? calloc(1, sizeof(*pin)) : NULL;
	if (!pin)
		return NULL;
	pin->endpoint = *endpoint;
	list_append(&t->pins, &pin->node);
	return pin;
}

/* The planner's word on a path is kept until its route is in the kernel; look_at_pins reports it. */
static void note_underlay(struct fib_thread *t, const struct fib_report *r)
{
	struct fib_thread_pin *pin = pin_of(t, &r->endpoint, fib_pinned(t->fib, &r->endpoint));

	if (!pin)
		return;
	pin->look = t->look = true;
	pin->told = pin->told && pin->ifindex == r->ifindex && addr_eq(&pin->via, &r->via);
	pin->ifindex = r->ifindex;
	pin->via = r->via;
	pin->wished = r->source;
}

static void forward(struct fib_thread *t, const struct fib_report *r)
{
	struct fib_event *e;

	if (r->kind == FIB_REPORT_CONNECTED) {
		forward_connected(t);
		return;
	}
	if (r->kind == FIB_REPORT_SOURCES) {
		forward_sources(t);
		return;
	}
	if (r->kind == FIB_REPORT_UNDERLAY) {
		note_underlay(t, r);
		return;
	}
	send_event(t, FIB_EV_REPORT, &e);
	if (!e)
		return;
	e->r = (struct fib_report_lite){ .kind = r->kind,
		.prefix = r->prefix,
		.metric = r->metric,
		.origin = r->origin,
		.wish = r->wish,
		.in_kernel = r->in_kernel,
		.wanted = r->wanted };
	if (r->route && (e->route = malloc(sizeof(*e->route))))
		*e->route = *r->route;
	if (reason_is_set(&r->why) && (e->why = malloc(sizeof(*e->why))))
		*e->why = r->why;
	fib_channel_put(&t->out, &e->node);
}

static void drain_reports(struct fib_thread *t)
{
	struct fib_report r;

	while (fib_next_report(t->fib, &r))
		forward(t, &r);
}

/* ---- facts ---- */

static enum fib_seen_type type_of(uint8_t type)
{
	if (type == RTN_UNICAST)
		return FIB_UNICAST;
	if (type == RTN_UNREACHABLE || type == RTN_BLACKHOLE || type == RTN_PROHIBIT || type == RTN_THROW)
		return FIB_REJECT;
	return FIB_OTHER;
}

static void saw_route(struct fib_thread *t, const struct rtnl_msg *m)
{
	const struct rtnl_route *r = &m->route;
	struct fib_seen_route seen = { .prefix = r->prefix,
		.metric = r->metric,
		.protocol = r->protocol,
		.type = type_of(r->type),
		.unreachable = r->type == RTN_UNREACHABLE && !r->nhid,
		.nhid = r->nhid,
		.source = r->source };

	if (r->table != RT_TABLE_MAIN || r->tos || r->cloned)
		return;
	for (unsigned i = 0; i < r->n_ways && seen.n_ways < FIB_WAYS_MAX; i++) {
		if (r->way[i].flags & RTNH_F_DEAD)
			continue;
		seen.way[seen.n_ways++] = (struct fib_way){
			.ifindex = r->way[i].ifindex, .via = r->way[i].via, .weight = r->way[i].weight
		};
	}
	fib_saw_route(t->fib, m->gone ? FIB_SEEN_GONE : m->replace ? FIB_SEEN_REPLACED : FIB_SEEN_NEW, &seen);
}

static void saw_nexthop(struct fib_thread *t, const struct rtnl_msg *m)
{
	const struct rtnl_nexthop *n = &m->nexthop;
	struct fib_seen_nexthop seen = { .id = n->id,
		.ours = n->protocol == FIB_PROTOCOL,
		.group = n->group,
		.way = { .ifindex = n->blackhole ? 0 : n->way.ifindex, .via = n->way.via, .weight = 1 } };

	if (addr_is_none(&seen.way.via))
		seen.way.via.family = n->family;
	for (unsigned i = 0; i < n->n_members && seen.n_members < FIB_WAYS_MAX; i++)
		seen.member[seen.n_members++] =
		    (struct fib_member){ .id = n->member[i].id, .weight = n->member[i].weight };
	fib_saw_nexthop(t->fib, m->gone ? FIB_SEEN_GONE : FIB_SEEN_NEW, &seen);
}

/*
 * An interface or its addresses changed: the kernel may choose another source for what leaves by it, and for
 * what leaves by one that has no address of its own and borrows another's. With hundreds of tunnels it
 * matters that the others are not asked about.
 */
static void suspect_pins(struct fib_thread *t, int ifindex)
{
	list_for_each (&t->pins, struct fib_thread_pin, pin, node) {
		if (pin->ifindex != ifindex && fib_holds(t->fib, pin->ifindex, &pin->source))
			continue;
		pin->look = t->look = true;
	}
}

static void on_message(void *ctx, const struct rtnl_msg *m)
{
	static const unsigned up = IFF_UP | IFF_LOWER_UP;
	struct fib_thread *t = ctx;

	switch (m->kind) {
	case RTNL_ROUTE: saw_route(t, m); break;
	case RTNL_NEXTHOP: saw_nexthop(t, m); break;
	case RTNL_LINK:
		fib_saw_link(t->fib, m->link.ifindex, m->link.name, (m->link.flags & up) == up, m->gone);
		suspect_pins(t, m->link.ifindex);
		if (m->gone || !(m->link.flags & IFF_UP))
			forward_link(t, m->link.ifindex);
		break;
	case RTNL_ADDR:
		fib_saw_addr(t->fib,
		    &(struct fib_seen_addr){ .ifindex = m->addr.ifindex,
		        .addr = m->addr.addr,
		        .network = m->addr.network,
		        .global = m->addr.scope == RT_SCOPE_UNIVERSE || m->addr.scope == RT_SCOPE_SITE },
		    m->gone);
		suspect_pins(t, m->addr.ifindex);
		if (m->gone)
			forward_link(t, m->addr.ifindex);
		break;
	}
}

static int picture_once(struct fib_thread *t)
{
	static const enum rtnl_kind order[] = { RTNL_LINK, RTNL_ADDR, RTNL_NEXTHOP, RTNL_ROUTE };
	int err = 0, result = 0;

	fib_resync_begin(t->fib);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && err >= 0; i++) {
		err = rtnl_dump(t->request, order[i], 0, on_message, t);
		result = err ? err : result;
	}
	if (err < 0) {
		fib_resync_cancel(t->fib);
		return err;
	}
	if (result != RTNL_INTERRUPTED)
		fib_resync_end(t->fib);
	return result;
}

/* What the kernel holds, complete. 0, or -errno. */
static int take_picture(struct fib_thread *t)
{
	int err = RTNL_INTERRUPTED;

	/* What was said before the dump is older than it; applied later it would be wrong. */
	if (rtnl_read(t->monitor, on_message, t) == -ENOBUFS)
		(void)rtnl_read(t->monitor, on_message, t);
	if (t->lost)
		forward_link(t, 0);
	t->lost = false;
	for (unsigned i = 0; i < PICTURE_TRIES && err == RTNL_INTERRUPTED; i++)
		err = picture_once(t);
	if (err == RTNL_INTERRUPTED)
		fib_resync_end(t->fib); /* what is missing in it is put back, which fails for what is there;
		                           then we look again */
	t->next_picture = mtime_add(clock_now(), mdur_ms(PICTURE_PAUSE_MS));
	if (err < 0)
		log_error(t->log, "fib", "cannot read the kernel's routes: %s; trying again", strerror(-err));
	return err < 0 ? err : 0;
}

/* ---- operations ---- */

static struct rtnl_nexthop group_of(const struct fib_op *op)
{
	struct rtnl_nexthop n = {
		.id = op->nhid, .protocol = FIB_PROTOCOL, .group = true, .n_members = op->n_members
	};

	for (unsigned i = 0; i < op->n_members; i++)
		n.member[i] = (struct rtnl_member){ .id = op->member[i].id, .weight = op->member[i].weight };
	return n;
}

/* A gateway of a tunnel or behind an odd uplink lies in no connected network: all are declared on link. */
static struct rtnl_nexthop single_of(const struct fib_op *op)
{
	const struct addr *via = &op->way.via;
	struct rtnl_nexthop n = { .id = op->nhid,
		.protocol = FIB_PROTOCOL,
		.family = via->family,
		.blackhole = op->way.ifindex == 0,
		.way = { .ifindex = op->way.ifindex } };

	if (!addr_is_unspecified(via)) {
		n.way.via = *via;
		n.way.flags = RTNH_F_ONLINK;
	}
	return n;
}

/* Tags: twice the operation's number, and one more for the removal of the old route in a move. */
static int add_route_op(struct rtnl_batch *b, size_t tag, const struct fib_op *op)
{
	struct rtnl_route now = { .prefix = op->prefix,
		.metric = op->metric,
		.nhid = op->nhid,
		.protocol = FIB_PROTOCOL,
		.type = op->unreachable ? RTN_UNREACHABLE : RTN_UNICAST,
		.source = op->source };
	struct rtnl_route old = now;
	enum rtnl_how del = op->old_nhid ? RTNL_DELETE : RTNL_DELETE_ANY;
	int err;

	old.nhid = op->old_nhid;
	old.source = (struct addr){ 0 };
	if (op->kind == FIB_OP_ROUTE_ADD)
		return rtnl_batch_route(b, tag, RTNL_CREATE, &now);
	if (op->kind == FIB_OP_ROUTE_DEL)
		return rtnl_batch_route(b, tag, del, &old);
	if (op->old_nhid &&
	    op->old_nhid != op->nhid) { /* the new one behind the old one, which then goes: no gap */
		err = rtnl_batch_route(b, tag, RTNL_APPEND, &now);
		return err ? err : rtnl_batch_route(b, tag + 1, del, &old);
	}
	err = rtnl_batch_route(b, tag + 1, del, &old);
	return err ? err : rtnl_batch_route(b, tag, RTNL_CREATE, &now);
}

static int add_op(struct rtnl_batch *b, size_t tag, const struct fib_op *op)
{
	struct rtnl_nexthop n;

	switch (op->kind) {
	case FIB_OP_NEXTHOP_ADD: n = single_of(op); return rtnl_batch_nexthop(b, tag, RTNL_CREATE, &n);
	case FIB_OP_GROUP_ADD: n = group_of(op); return rtnl_batch_nexthop(b, tag, RTNL_CREATE, &n);
	case FIB_OP_GROUP_SET: n = group_of(op); return rtnl_batch_nexthop(b, tag, RTNL_REPLACE, &n);
	case FIB_OP_NEXTHOP_DEL:
	case FIB_OP_GROUP_DEL:
		n = (struct rtnl_nexthop){ .id = op->nhid };
		return rtnl_batch_nexthop(b, tag, RTNL_DELETE, &n);
	case FIB_OP_ROUTE_ADD:
	case FIB_OP_ROUTE_MOVE:
	case FIB_OP_ROUTE_DEL: return add_route_op(b, tag, op);
	}
	return -EINVAL;
}

static void on_result(void *ctx, size_t tag, int err, const char *text)
{
	struct fib_thread *t = ctx;
	struct fib_outcome *o = &t->outcome[tag / 2];

	if (tag & 1) {
		o->old_err = err;
		return;
	}
	o->err = err;
	snprintf(o->text, sizeof(o->text), "%s", text);
}

static void execute(struct fib_thread *t, size_t n)
{
	int err = 0;

	rtnl_batch_clear(t->batch);
	for (size_t i = 0; i < n; i++) {
		t->outcome[i] = (struct fib_outcome){ .err = -EIO, .old_err = -EIO };
		(void)add_op(t->batch, i * 2, &t->op[i]); /* a round of FIB_ROUND_OPS always fits */
	}
	err = rtnl_exec(t->request, t->batch, on_result, t);
	if (err) {
		log_error(t->log, "fib", "netlink: %s; reading the kernel's routes again", strerror(-err));
		t->lost = true;
	}
	for (size_t i = 0; i < n; i++) {
		const struct fib_outcome *o = &t->outcome[i];
		const struct fib_result result = {
			.err = o->err, .text = o->text, .old_gone = o->old_err == 0 || o->old_err == -ESRCH
		};

		fib_done(t->fib, &t->op[i], &result);
	}
}

/* ---- requests ---- */

static void want(struct fib_thread *t, const struct fib_request *q)
{
	struct fib_route r = { .prefix = q->prefix,
		.metric = q->metric,
		.origin = q->origin,
		.source = q->addr,
		.n_ways = q->n_ways };

	memcpy(r.way, q->way, q->n_ways * sizeof(r.way[0]));
	if (fib_want(t->fib, &r, (uint32_t)q->number) < 0)
		log_error(t->log, "fib", "no-memory: %s is not installed", prefix_str(&q->prefix));
}

static void unpin(struct fib_thread *t, const struct addr *endpoint)
{
	struct fib_thread_pin *pin = pin_of(t, endpoint, false);

	fib_unpin(t->fib, endpoint);
	if (!pin || fib_pinned(t->fib, endpoint))
		return;
	list_remove(&pin->node);
	free(pin);
}

static void request_free(struct fib_request *q)
{
	free(q->watch);
	free(q);
}

static void apply(struct fib_thread *t, const struct fib_request *q)
{
	switch (q->kind) {
	case FIB_REQ_WANT: want(t, q); break;
	case FIB_REQ_UNWANT: fib_unwant(t->fib, &q->prefix, q->metric, q->origin); break;
	case FIB_REQ_INTERFACE: fib_interface(t->fib, q->ifindex, q->ours); break;
	case FIB_REQ_PIN:
		if (fib_pin(t->fib, &q->addr) < 0)
			log_error(t->log, "fib", "no-memory: %s is not pinned", addr_str(&q->addr));
		break;
	case FIB_REQ_UNPIN: unpin(t, &q->addr); break;
	case FIB_REQ_PROTECT:
		if (fib_protect(t->fib, &q->prefix) < 0)
			log_error(t->log, "fib", "no-memory: %s is not protected", prefix_str(&q->prefix));
		break;
	case FIB_REQ_UNPROTECT: fib_unprotect(t->fib, &q->prefix); break;
	case FIB_REQ_WATCH:
		if (fib_watch(t->fib, q->watch->protocol, q->watch->within, q->watch->n) < 0)
			log_error(t->log, "fib", "no-memory: foreign routes are not watched");
		break;
	case FIB_REQ_RECONCILED: fib_reconciled(t->fib); break;
	case FIB_REQ_FENCE: t->fence = q->number; break;
	}
}

static void listen_to_kernel(struct fib_thread *t)
{
	int err = rtnl_read(t->monitor, on_message, t);

	if (err) {
		if (err != -ENOBUFS)
			log_error(t->log, "fib", "netlink monitor: %s", strerror(-err));
		t->lost = true;
	}
}

/* Requests up to the next fence. */
static void take_requests(struct fib_thread *t)
{
	struct list fresh;

	fib_channel_take(&t->in, &fresh);
	listen_to_kernel(t);
	list_for_each (&fresh, struct fib_request, q, node) {
		list_remove(&q->node);
		list_append(&t->waiting, &q->node);
	}
	while (!t->fence) {
		struct fib_request *q = list_first(&t->waiting, struct fib_request, node);

		if (!q)
			break;
		list_remove(&q->node);
		apply(t, q);
		request_free(q);
	}
}

/* ---- pins as the kernel sees them ---- */

static void pin_source(struct fib_thread *t, const struct fib_thread_pin *pin, struct addr *ret_source)
{
	struct rtnl_route r;

	*ret_source = pin->wished;
	if (addr_is_none(&pin->wished) && pin->ifindex && rtnl_lookup(t->request, &pin->endpoint, &r) == 0 &&
	    r.n_ways && r.way[0].ifindex == pin->ifindex)
		*ret_source = r.source;
}

static void report_pin(struct fib_thread *t, struct fib_thread_pin *pin)
{
	struct fib_event *e;
	struct addr source;

	pin_source(t, pin, &source);
	if (pin->told && addr_eq(&pin->source, &source))
		return;
	pin->told = true;
	pin->source = source;
	send_event(t, FIB_EV_REPORT, &e);
	if (!e)
		return;
	e->r = (struct fib_report_lite){ .kind = FIB_REPORT_UNDERLAY,
		.endpoint = pin->endpoint,
		.via = pin->via,
		.source = source,
		.ifindex = pin->ifindex };
	fib_channel_put(&t->out, &e->node);
}

static void look_at_pins(struct fib_thread *t)
{
	if (!t->look)
		return;
	t->look = false;
	list_for_each (&t->pins, struct fib_thread_pin, pin, node) {
		if (!pin->look)
			continue;
		pin->look = false;
		report_pin(t, pin);
	}
}

/* ---- the wheel ---- */

/* One round; false when there is nothing to do now. */
static bool turn(struct fib_thread *t)
{
	size_t n = fib_plan(t->fib, clock_now(), t->op, FIB_ROUND_OPS);

	if (n)
		execute(t, n);
	drain_reports(t);
	return n || fib_busy(t->fib);
}

/* All requested before the fence is in the kernel or has failed. */
static void settle_fence(struct fib_thread *t)
{
	struct fib_event *e;

	if (!t->fence)
		return;
	send_event(t, FIB_EV_FENCED, &e);
	if (e) {
		e->fence = t->fence;
		fib_channel_put(&t->out, &e->node);
	}
	t->fence = 0;
}

static bool picture_due(struct fib_thread *t, mtime now)
{
	return (t->lost || fib_resync_wanted(t->fib)) && mtime_reached(t->next_picture, now);
}

static int timeout_ms(struct fib_thread *t)
{
	mtime now = clock_now(), at = fib_deadline(t->fib);
	int64_t ms;

	if (t->lost || fib_resync_wanted(t->fib))
		at = mtime_min(at, t->next_picture);
	if (mtime_is_never(at))
		return -1;
	ms = mdur_to_ms(mtime_since(at, now)) + 1;
	return ms < 0 ? 0 : ms > 60000 ? 60000 : (int)ms;
}

/* Kept routes: what was requested is done first, fences notwithstanding. */
static void finish_requests(struct fib_thread *t)
{
	do {
		t->fence = 0;
		take_requests(t);
		for (unsigned i = 0; i < FAREWELL_ROUNDS && turn(t); i++)
			;
	} while (!list_empty(&t->waiting));
}

static void farewell(struct fib_thread *t)
{
	if (t->keep) {
		finish_requests(t);
		return;
	}
	fib_unwant_all(t->fib);
	for (unsigned pass = 0; pass < 2;
	     pass++) { /* the second one for what was there without our knowing */
		for (unsigned i = 0; i < FAREWELL_ROUNDS && turn(t); i++)
			;
		if (pass == 0 && take_picture(t) < 0)
			break;
	}
}

static void *run(void *arg)
{
	struct fib_thread *t = arg;

	while (!t->stop) {
		struct pollfd fds[] = { { .fd = t->in.fd, .events = POLLIN },
			{ .fd = rtnl_fd(t->monitor), .events = POLLIN } };
		bool more = true;

		if (list_empty(&t->waiting))
			(void)poll(fds, 2, timeout_ms(t));
		while (more && !t->stop) {
			fib_clock(t->fib, clock_now());
			take_requests(t);
			more = turn(t);
		}
		if (picture_due(t, clock_now())) {
			fib_clock(t->fib, clock_now());
			if (take_picture(t) == 0)
				continue; /* its consequences first */
		}
		look_at_pins(t);
		settle_fence(t);
	}
	farewell(t);
	return NULL;
}

/* ---- life ---- */

int fib_thread_open(struct fib_thread *t, const struct sys_domain *domain, struct reason *ret_reason)
{
	int err;

	list_init(&t->waiting);
	list_init(&t->pins);
	err = fib_channel_init(&t->in);
	err = fib_channel_init(&t->out) < 0 ? -EMFILE : err;
	t->fib = fib_new();
	t->batch = rtnl_batch_new();
	if (err < 0)
		return reason_set(ret_reason, "fib-open", "cannot make an eventfd: %s", strerror(-err));
	if (!t->fib || !t->batch)
		return reason_set(ret_reason, "no-memory", "out of memory");
	t->request = rtnl_open(domain, ret_reason);
	if (!t->request)
		return -1;
	t->monitor = rtnl_monitor(domain, rtnl_port(t->request), ret_reason);
	if (!t->monitor)
		return -1;
	fib_clock(t->fib, clock_now());
	err = take_picture(t);
	if (err < 0)
		return reason_set(
		    ret_reason, "fib-open", "cannot read the kernel's routes: %s", strerror(-err));
	return 0;
}

int fib_thread_start(struct fib_thread *t)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are the control thread's */
	err = pthread_create(&t->thread, NULL, run, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!err)
		pthread_setname_np(t->thread, "fib-writer"); /* for `top -H` */
	return err ? -1 : 0;
}

static void free_events(struct list *queue)
{
	list_for_each (queue, struct fib_event, e, node) {
		free(e->route);
		free(e->why);
		free(e->list);
		free(e->source);
		free(e);
	}
}

void fib_thread_close(struct fib_thread *t, bool started, bool keep)
{
	static const uint64_t one = 1;

	if (started) {
		t->keep = keep;
		t->stop = true;
		if (write(t->in.fd, &one, sizeof(one)) < 0)
			log_error(t->log, "fib", "cannot wake the FIB writer: %s", strerror(errno));
		pthread_join(t->thread, NULL);
	}
	list_for_each (&t->in.queue, struct fib_request, q, node)
		request_free(q);
	list_for_each (&t->waiting, struct fib_request, late, node)
		request_free(late);
	list_for_each (&t->pins, struct fib_thread_pin, pin, node)
		free(pin);
	free_events(&t->out.queue);
	fib_channel_close(&t->in);
	fib_channel_close(&t->out);
	rtnl_close(t->monitor);
	rtnl_close(t->request);
	rtnl_batch_free(t->batch);
	fib_free(t->fib);
}

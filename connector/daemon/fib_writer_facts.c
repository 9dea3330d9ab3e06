/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel says, as facts of the planner: notifications as they come, and full pictures. What its
 * dumps miss because something changed meanwhile the monitor hears of anyway.
 */
#include "connector/daemon/fib_writer_internal.h"

#include "connector/sys/clock.h"

#include <errno.h>
#include <linux/if.h> /* IFF_LOWER_UP, which net/if.h lacks; instead of it */
#include <linux/rtnetlink.h>
#include <string.h>

#define PICTURE_PAUSE_MS 500 /* at least, between two */
#define PICTURE_TRIES    3   /* a dump may be interrupted by changes */

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

static void on_message(void *ctx, const struct rtnl_msg *m)
{
	static const unsigned up = IFF_UP | IFF_LOWER_UP;
	struct fib_thread *t = ctx;

	switch (m->kind) {
	case RTNL_ROUTE: saw_route(t, m); break;
	case RTNL_NEXTHOP: saw_nexthop(t, m); break;
	case RTNL_LINK:
		fib_saw_link(t->fib, m->link.ifindex, m->link.name, (m->link.flags & up) == up, m->gone);
		fib_thread_suspect_pins(t, m->link.ifindex);
		if (m->gone || !(m->link.flags & IFF_UP))
			fib_thread_send_link(t, m->link.ifindex);
		break;
	case RTNL_ADDR:
		fib_saw_addr(t->fib,
		    &(struct fib_seen_addr){ .ifindex = m->addr.ifindex,
		        .addr = m->addr.addr,
		        .network = m->addr.network,
		        .global = m->addr.scope == RT_SCOPE_UNIVERSE || m->addr.scope == RT_SCOPE_SITE },
		    m->gone);
		fib_thread_suspect_pins(t, m->addr.ifindex);
		if (m->gone)
			fib_thread_send_link(t, m->addr.ifindex);
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
int fib_thread_picture(struct fib_thread *t)
{
	int err = RTNL_INTERRUPTED;

	/* What was said before the dump is older than it; applied later it would be wrong. */
	if (rtnl_read(t->monitor, on_message, t) == -ENOBUFS)
		(void)rtnl_read(t->monitor, on_message, t);
	if (t->lost)
		fib_thread_send_link(t, 0);
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

void fib_thread_listen(struct fib_thread *t)
{
	int err = rtnl_read(t->monitor, on_message, t);

	if (err) {
		if (err != -ENOBUFS)
			log_error(t->log, "fib", "netlink monitor: %s", strerror(-err));
		t->lost = true;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the FIB writer's thread has to tell: the planner's reports, and the paths of pins with the source
 * address that the kernel would take for them.
 */
#include "connector/daemon/fib_writer_internal.h"

#include <stdlib.h>
#include <string.h>

void fib_thread_send(struct fib_thread *t, struct fib_event *e)
{
	if (fib_queue_put(&t->told, e) == 0)
		return;
	log_error(t->log, "fib", "no-memory: an event is lost");
	fib_event_free(e);
}

void fib_thread_flush(struct fib_thread *t)
{
	fib_channel_put_all(&t->out, &t->told);
}

void fib_thread_send_link(struct fib_thread *t, int ifindex)
{
	fib_thread_send(t, &(struct fib_event){ .kind = FIB_EV_LINK, .ifindex = ifindex });
}

/* ---- reports ---- */

static void send_connected(struct fib_thread *t)
{
	size_t n;
	const struct prefix *list = fib_connected(t->fib, &n);
	struct fib_event e = { .kind = FIB_EV_CONNECTED };

	e.list = malloc((n + 1) * sizeof(*list));
	if (e.list && n)
		memcpy(e.list, list, n * sizeof(*list));
	e.n = e.list ? n : 0;
	fib_thread_send(t, &e);
}

static void send_sources(struct fib_thread *t)
{
	struct fib_event e = { .kind = FIB_EV_SOURCES };
	size_t n;
	const struct fib_source *list = fib_sources(t->fib, &n, &e.cut);

	e.source = malloc((n + 1) * sizeof(*list));
	if (e.source && n)
		memcpy(e.source, list, n * sizeof(*list));
	e.n = e.source ? n : 0;
	e.cut = e.cut || !e.source;
	fib_thread_send(t, &e);
}

static struct reason *copy_why(const struct reason *why)
{
	struct reason *copy = reason_is_set(why) ? malloc(sizeof(*copy)) : NULL;

	if (copy)
		*copy = *why;
	return copy;
}

static void send_route(struct fib_thread *t, const struct fib_report *r)
{
	fib_thread_send(t, &(struct fib_event){ .kind = FIB_EV_ROUTE,
	                       .r = { .origin = (uint8_t)r->origin,
	                           .in_kernel = r->in_kernel,
	                           .wanted = r->wanted,
	                           .prefix = r->prefix,
	                           .metric = r->metric,
	                           .wish = r->wish },
	                       .why = copy_why(&r->why) });
}

static void send_other(struct fib_thread *t, const struct fib_report *r)
{
	struct fib_other *o = malloc(sizeof(*o));

	if (!o) {
		log_error(t->log, "fib", "no-memory: an event is lost");
		return;
	}
	*o = (struct fib_other){ .kind = r->kind,
		.prefix = r->prefix,
		.metric = r->metric,
		.origin = r->origin,
		.wanted = r->wanted,
		.have_route = r->route != NULL };
	if (r->route)
		o->route = *r->route;
	fib_thread_send(t, &(struct fib_event){ .kind = FIB_EV_OTHER, .other = o, .why = copy_why(&r->why) });
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

void fib_thread_unpin(struct fib_thread *t, const struct addr *endpoint)
{
	struct fib_thread_pin *pin = pin_of(t, endpoint, false);

	fib_unpin(t->fib, endpoint);
	if (!pin || fib_pinned(t->fib, endpoint))
		return;
	list_remove(&pin->node);
	free(pin);
}

void fib_thread_report(struct fib_thread *t)
{
	struct fib_report r;

	while (fib_next_report(t->fib, &r)) {
		switch (r.kind) {
		case FIB_REPORT_ROUTE: send_route(t, &r); break;
		case FIB_REPORT_CONNECTED: send_connected(t); break;
		case FIB_REPORT_SOURCES: send_sources(t); break;
		case FIB_REPORT_UNDERLAY: note_underlay(t, &r); break;
		case FIB_REPORT_PIN:
		case FIB_REPORT_DISTURBED: send_other(t, &r); break;
		}
	}
	fib_thread_flush(t);
}

/* ---- pins as the kernel sees them ---- */

/*
 * An interface or its addresses changed: the kernel may choose another source for what leaves by it, and for
 * what leaves by one that has no address of its own and borrows another's. With hundreds of tunnels it
 * matters that the others are not asked about.
 */
void fib_thread_suspect_pins(struct fib_thread *t, int ifindex)
{
	list_for_each (&t->pins, struct fib_thread_pin, pin, node) {
		if (pin->ifindex != ifindex && fib_holds(t->fib, pin->ifindex, &pin->source))
			continue;
		pin->look = t->look = true;
	}
}

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
	struct fib_other *other;
	struct addr source;

	pin_source(t, pin, &source);
	if (pin->told && addr_eq(&pin->source, &source))
		return;
	pin->told = true;
	pin->source = source;
	other = malloc(sizeof(*other));
	if (!other)
		return;
	*other = (struct fib_other){ .kind = FIB_REPORT_UNDERLAY,
		.endpoint = pin->endpoint,
		.via = pin->via,
		.source = source,
		.ifindex = pin->ifindex };
	fib_thread_send(t, &(struct fib_event){ .kind = FIB_EV_OTHER, .other = other });
}

void fib_thread_look_at_pins(struct fib_thread *t)
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control thread's side of the FIB writer: requests are copied into a queue, events are taken from
 * another and delivered. Nothing here waits for the kernel.
 */
#include "connector/daemon/fib_writer_internal.h"

#include <stdlib.h>
#include <string.h>

#define DISPATCH_MAX                                                                                         \
	4096 /* events delivered at a time: a millisecond or two, then others have their turn                \
	      */

struct fib_writer {
	struct fib_writer_events events;
	void *ctx;
	struct logger log;
	struct mirror *mirror;
	uint64_t fence;
	uint32_t wish; /* the last one's number; goes round, past 0 */
	bool holding;
	struct fib_queue held;      /* requests, until fib_writer_release */
	struct fib_queue events_in; /* taken from the thread, not yet delivered */
	struct fib_thread t;
};

/* ---- life ---- */

static void on_count(void *ctx, uint32_t owner, enum fib_place place, unsigned by)
{
	struct fib_writer *w = ctx;

	if (w->events.count)
		w->events.count(w->ctx, owner, place, by);
}

static void request(struct fib_writer *w, const struct fib_request *q)
{
	int err = w->holding ? fib_queue_put(&w->held, q) : fib_channel_put(&w->t.in, q);

	if (!err)
		return;
	log_error(&w->log, "fib", "no-memory: a request is lost");
	free(q->data);
}

static void on_set_gone(void *ctx, uint32_t set)
{
	request(ctx, &(struct fib_request){ .kind = FIB_REQ_UNSET, .set = set });
}

struct fib_writer *fib_writer_new(const struct sys_domain *domain, const struct logger *log,
    const struct fib_writer_events *events, void *ctx, struct reason *ret_reason)
{
	struct fib_writer *w = calloc(1, sizeof(*w));

	if (!w) {
		reason_set(ret_reason, "no-memory", "out of memory");
		return NULL;
	}
	w->events = *events;
	w->ctx = ctx;
	w->log = *log;
	w->t.log = &w->log;
	fib_queue_init(&w->held, sizeof(struct fib_request));
	fib_queue_init(&w->events_in, sizeof(struct fib_event));
	w->mirror = mirror_new(on_count, on_set_gone, w);
	if (!w->mirror)
		reason_set(ret_reason, "no-memory", "out of memory");
	if (fib_thread_open(&w->t, domain, w->mirror ? ret_reason : NULL) < 0 || !w->mirror) {
		fib_thread_close(&w->t, false, true);
		mirror_free(w->mirror);
		free(w);
		return NULL;
	}
	if (fib_thread_start(&w->t) < 0) {
		reason_set(ret_reason, "thread", "cannot start the FIB writer's thread");
		fib_thread_close(&w->t, false, true);
		mirror_free(w->mirror);
		free(w);
		return NULL;
	}
	return w;
}

void fib_writer_free(struct fib_writer *w, bool keep)
{
	if (!w)
		return;
	fib_writer_release(w);
	fib_thread_close(&w->t, true, keep);
	for (struct fib_event *e; (e = fib_queue_take(&w->events_in));)
		fib_event_free(e);
	mirror_free(w->mirror);
	free(w);
}

/* ---- requests ---- */

void fib_writer_hold(struct fib_writer *w)
{
	w->holding = true;
}

void fib_writer_release(struct fib_writer *w)
{
	w->holding = false;
	fib_channel_put_all(&w->t.in, &w->held);
}

/* Tells the thread what the number of this set means. */
static int send_set(struct fib_writer *w, struct fib_ways *ways)
{
	struct fib_way_set *set = malloc(sizeof(*set) + ways->n * sizeof(set->way[0]));

	if (!set) {
		log_error(&w->log, "fib", "no-memory: a request is lost");
		return -1;
	}
	set->n = ways->n;
	set->have_backup = ways->have_backup;
	set->backup = ways->backup;
	memcpy(set->way, ways->way, ways->n * sizeof(set->way[0]));
	ways->sent = true;
	request(w, &(struct fib_request){ .kind = FIB_REQ_SET, .set = ways->id, .data = set });
	return 0;
}

void fib_writer_want(struct fib_writer *w, const struct fib_route *route)
{
	struct fib_ways *ways;

	w->wish += w->wish == UINT32_MAX ? 2 : 1;
	ways = mirror_want(w->mirror, route, w->wish);
	if (!ways) {
		log_error(&w->log, "fib", "no-memory: %s is not installed", prefix_str(&route->prefix));
		return;
	}
	if (!ways->sent && send_set(w, ways) < 0)
		return;
	request(w, &(struct fib_request){ .kind = FIB_REQ_WANT,
	               .origin = (uint8_t)route->origin,
	               .prefix = route->prefix,
	               .addr = route->source,
	               .metric = route->metric,
	               .set = ways->id,
	               .number = w->wish });
}

void fib_writer_unwant(
    struct fib_writer *w, const struct prefix *prefix, uint32_t metric, enum fib_origin origin)
{
	if (mirror_unwant(w->mirror, prefix, metric, origin))
		request(w, &(struct fib_request){ .kind = FIB_REQ_UNWANT,
		               .origin = (uint8_t)origin,
		               .prefix = *prefix,
		               .metric = metric });
}

enum fib_place fib_writer_place(
    const struct fib_writer *w, const struct prefix *prefix, uint32_t metric, enum fib_origin origin)
{
	return mirror_place(w->mirror, prefix, metric, origin);
}

bool fib_writer_wanted(const struct fib_writer *w, const struct prefix *prefix, uint32_t metric,
    enum fib_origin origin, struct fib_route *ret_route)
{
	return mirror_wanted(w->mirror, prefix, metric, origin, ret_route);
}

void fib_writer_way_is(struct fib_writer *w, int ifindex, const struct addr *via, enum fib_way_state state)
{
	request(w, &(struct fib_request){
	               .kind = FIB_REQ_WAY, .ifindex = ifindex, .addr = *via, .state = (uint8_t)state });
}

void fib_writer_interface(struct fib_writer *w, int ifindex, bool ours)
{
	request(w, &(struct fib_request){ .kind = FIB_REQ_INTERFACE, .ifindex = ifindex, .on = ours });
}

void fib_writer_pin(struct fib_writer *w, const struct addr *endpoint)
{
	request(w, &(struct fib_request){ .kind = FIB_REQ_PIN, .addr = *endpoint });
}

void fib_writer_unpin(struct fib_writer *w, const struct addr *endpoint)
{
	request(w, &(struct fib_request){ .kind = FIB_REQ_UNPIN, .addr = *endpoint });
}

void fib_writer_watch(
    struct fib_writer *w, const uint8_t protocol[32], const struct prefix within[], size_t n)
{
	struct fib_watch_request *what = malloc(sizeof(*what) + n * sizeof(*within));

	if (!what) {
		log_error(&w->log, "fib", "no-memory: a request is lost");
		return;
	}
	memcpy(what->protocol, protocol, sizeof(what->protocol));
	what->n = n;
	if (n)
		memcpy(what->within, within, n * sizeof(*within));
	request(w, &(struct fib_request){ .kind = FIB_REQ_WATCH, .data = what });
}

void fib_writer_protect(struct fib_writer *w, const struct prefix *prefix)
{
	request(w, &(struct fib_request){ .kind = FIB_REQ_PROTECT, .prefix = *prefix });
}

void fib_writer_unprotect(struct fib_writer *w, const struct prefix *prefix)
{
	request(w, &(struct fib_request){ .kind = FIB_REQ_UNPROTECT, .prefix = *prefix });
}

void fib_writer_reconciled(struct fib_writer *w)
{
	request(w, &(struct fib_request){ .kind = FIB_REQ_RECONCILED });
}

uint64_t fib_writer_fence(struct fib_writer *w)
{
	request(w, &(struct fib_request){ .kind = FIB_REQ_FENCE, .fence = ++w->fence });
	return w->fence;
}

/* ---- events ---- */

int fib_writer_event_fd(const struct fib_writer *w)
{
	return w->t.out.fd;
}

static void told(void *ctx, const struct prefix *p, uint32_t metric, enum fib_origin origin, bool in_kernel,
    const struct reason *why)
{
	struct fib_writer *w = ctx;

	if (w->events.route)
		w->events.route(w->ctx, p, metric, origin, in_kernel, why);
}

static void deliver_other(struct fib_writer *w, const struct fib_other *o, const struct reason *why)
{
	switch (o->kind) {
	case FIB_REPORT_PIN:
		if (!o->wanted)
			(void)mirror_unwant(w->mirror, &o->prefix, o->metric, o->origin);
		else if (o->have_route && !mirror_want(w->mirror, &o->route, 0))
			log_error(&w->log, "fib", "no-memory: %s is not shown", prefix_str(&o->prefix));
		break;
	case FIB_REPORT_DISTURBED:
		if (w->events.disturbed)
			w->events.disturbed(w->ctx, why);
		break;
	case FIB_REPORT_UNDERLAY:
		if (w->events.underlay)
			w->events.underlay(w->ctx, &o->endpoint, o->ifindex, &o->via, &o->source);
		break;
	case FIB_REPORT_ROUTE:
	case FIB_REPORT_CONNECTED: /* come as events of their own, with their lists */
	case FIB_REPORT_SOURCES: break;
	}
}

static void deliver(struct fib_writer *w, const struct fib_event *e)
{
	static const struct reason none;
	const struct reason *why = e->why ? e->why : &none;

	switch ((enum fib_event_kind)e->kind) {
	case FIB_EV_ROUTE: mirror_report(w->mirror, &e->r, why, told, w); break;
	case FIB_EV_OTHER: deliver_other(w, e->other, why); break;
	case FIB_EV_FENCED:
		if (w->events.fenced)
			w->events.fenced(w->ctx, e->fence);
		break;
	case FIB_EV_CONNECTED:
		if (w->events.connected)
			w->events.connected(w->ctx, e->list, e->n);
		break;
	case FIB_EV_SOURCES:
		if (w->events.sources)
			w->events.sources(w->ctx, e->source, e->n, e->cut);
		break;
	case FIB_EV_LINK:
		if (w->events.link)
			w->events.link(w->ctx, e->ifindex);
		break;
	}
}

void fib_writer_dispatch(struct fib_writer *w)
{
	struct fib_event *e = NULL;
	size_t n = 0;

	fib_channel_take(&w->t.out, &w->events_in);
	while (n < DISPATCH_MAX && (e = fib_queue_take(&w->events_in))) {
		deliver(w, e);
		fib_event_free(e);
		n++;
	}
	w->t.out.waiting -= n;
	if (e && !fib_queue_empty(&w->events_in))
		fib_channel_wake(&w->t.out);
}

size_t fib_writer_view(
    const struct fib_writer *w, const struct fib_view *after, struct fib_view *out, size_t max)
{
	return mirror_view(w->mirror, after, out, max);
}

void fib_writer_summary(const struct fib_writer *w, struct fib_summary *ret_summary)
{
	mirror_summary(w->mirror, ret_summary);
}

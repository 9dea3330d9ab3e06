/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control thread's side of the FIB writer: requests are copied into a queue, events are taken from
 * another and delivered. Nothing here waits for the kernel. The queues are the only memory that both threads
 * touch, each under its lock.
 */
#include "connector/daemon/fib_writer_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct fib_writer {
	struct fib_writer_events events;
	void *ctx;
	struct logger log;
	struct mirror *mirror;
	uint64_t wish, fence;
	bool holding;
	struct list held; /* requests, until fib_writer_release */
	struct fib_thread t;
};

/* ---- channels ---- */

int fib_channel_init(struct fib_channel *c)
{
	pthread_mutex_init(&c->lock, NULL);
	list_init(&c->queue);
	c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return c->fd < 0 ? -errno : 0;
}

void fib_channel_close(struct fib_channel *c)
{
	if (c->fd >= 0)
		close(c->fd);
	pthread_mutex_destroy(&c->lock);
}

void fib_channel_put(struct fib_channel *c, struct list *node)
{
	static const uint64_t one = 1;
	bool first;

	pthread_mutex_lock(&c->lock);
	first = list_empty(&c->queue);
	list_append(&c->queue, node);
	pthread_mutex_unlock(&c->lock);
	/* Can't fail but by a full counter, and then it is readable anyway. */
	if (first && write(c->fd, &one, sizeof(one)) < 0)
		return;
}

void fib_channel_put_all(struct fib_channel *c, struct list *nodes)
{
	static const uint64_t one = 1;

	pthread_mutex_lock(&c->lock);
	while (!list_empty(nodes)) {
		struct list *node = nodes->next;

		list_remove(node);
		list_append(&c->queue, node);
	}
	pthread_mutex_unlock(&c->lock);
	if (write(c->fd, &one, sizeof(one)) < 0)
		return; /* as above */
}

void fib_channel_take(struct fib_channel *c, struct list *ret_list)
{
	uint64_t count;

	list_init(ret_list);
	/* Cleared first: what is put meanwhile makes it readable again, at worst for nothing. */
	if (read(c->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	pthread_mutex_lock(&c->lock);
	if (!list_empty(&c->queue)) {
		*ret_list = c->queue;
		ret_list->next->prev = ret_list;
		ret_list->prev->next = ret_list;
		list_init(&c->queue);
	}
	pthread_mutex_unlock(&c->lock);
}

/* ---- life ---- */

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
	list_init(&w->held);
	w->mirror = mirror_new();
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
	mirror_free(w->mirror);
	free(w);
}

/* ---- requests ---- */

static struct fib_request *request_new(struct fib_writer *w, enum fib_request_kind kind, unsigned n_ways)
{
	struct fib_request *q = calloc(1, sizeof(*q) + n_ways * sizeof(q->way[0]));

	if (!q) {
		log_error(&w->log, "fib", "no-memory: a request is lost");
		return NULL;
	}
	q->kind = kind;
	q->n_ways = n_ways;
	return q;
}

static void request(struct fib_writer *w, struct fib_request *q)
{
	if (w->holding)
		list_append(&w->held, &q->node);
	else
		fib_channel_put(&w->t.in, &q->node);
}

void fib_writer_hold(struct fib_writer *w)
{
	w->holding = true;
}

void fib_writer_release(struct fib_writer *w)
{
	w->holding = false;
	fib_channel_put_all(&w->t.in, &w->held);
}

void fib_writer_want(struct fib_writer *w, const struct fib_route *route)
{
	unsigned n = route->n_ways < FIB_WAYS_MAX ? route->n_ways : FIB_WAYS_MAX;
	struct fib_request *q = request_new(w, FIB_REQ_WANT, n);

	if (!q)
		return;
	q->number = ++w->wish;
	q->prefix = route->prefix;
	q->metric = route->metric;
	q->origin = route->origin;
	q->addr = route->source;
	memcpy(q->way, route->way, n * sizeof(q->way[0]));
	if (mirror_want(w->mirror, route, q->number) < 0)
		log_error(&w->log, "fib", "no-memory: %s is not shown", prefix_str(&route->prefix));
	request(w, q);
}

void fib_writer_unwant(
    struct fib_writer *w, const struct prefix *prefix, uint32_t metric, enum fib_origin origin)
{
	struct fib_request *q;

	if (!mirror_unwant(w->mirror, prefix, metric, origin))
		return;
	q = request_new(w, FIB_REQ_UNWANT, 0);
	if (!q)
		return;
	q->prefix = *prefix;
	q->metric = metric;
	q->origin = origin;
	request(w, q);
}

void fib_writer_interface(struct fib_writer *w, int ifindex, bool ours)
{
	struct fib_request *q = request_new(w, FIB_REQ_INTERFACE, 0);

	if (!q)
		return;
	q->ifindex = ifindex;
	q->ours = ours;
	request(w, q);
}

static void pin_request(struct fib_writer *w, enum fib_request_kind kind, const struct addr *endpoint)
{
	struct fib_request *q = request_new(w, kind, 0);

	if (!q)
		return;
	q->addr = *endpoint;
	request(w, q);
}

void fib_writer_pin(struct fib_writer *w, const struct addr *endpoint)
{
	pin_request(w, FIB_REQ_PIN, endpoint);
}

void fib_writer_unpin(struct fib_writer *w, const struct addr *endpoint)
{
	pin_request(w, FIB_REQ_UNPIN, endpoint);
}

static void protect_request(struct fib_writer *w, enum fib_request_kind kind, const struct prefix *prefix)
{
	struct fib_request *q = request_new(w, kind, 0);

	if (!q)
		return;
	q->prefix = *prefix;
	request(w, q);
}

void fib_writer_watch(
    struct fib_writer *w, const uint8_t protocol[32], const struct prefix within[], size_t n)
{
	struct fib_request *q = request_new(w, FIB_REQ_WATCH, 0);
	struct fib_watch_request *what = malloc(sizeof(*what) + n * sizeof(*within));

	if (!q || !what) {
		free(q);
		free(what);
		return;
	}
	memcpy(what->protocol, protocol, sizeof(what->protocol));
	what->n = n;
	if (n)
		memcpy(what->within, within, n * sizeof(*within));
	q->watch = what;
	request(w, q);
}

void fib_writer_protect(struct fib_writer *w, const struct prefix *prefix)
{
	protect_request(w, FIB_REQ_PROTECT, prefix);
}

void fib_writer_unprotect(struct fib_writer *w, const struct prefix *prefix)
{
	protect_request(w, FIB_REQ_UNPROTECT, prefix);
}

void fib_writer_reconciled(struct fib_writer *w)
{
	struct fib_request *q = request_new(w, FIB_REQ_RECONCILED, 0);

	if (q)
		request(w, q);
}

uint64_t fib_writer_fence(struct fib_writer *w)
{
	struct fib_request *q = request_new(w, FIB_REQ_FENCE, 0);
	uint64_t fence = ++w->fence;

	if (q) {
		q->number = fence;
		request(w, q);
	}
	return fence;
}

/* ---- events ---- */

int fib_writer_event_fd(const struct fib_writer *w)
{
	return w->t.out.fd;
}

static void told(void *ctx, const struct fib_route *route, bool in_kernel, const struct reason *why)
{
	struct fib_writer *w = ctx;

	if (w->events.route)
		w->events.route(w->ctx, &route->prefix, route->metric, route->origin, in_kernel, why);
}

static void deliver_report(struct fib_writer *w, struct fib_event *e)
{
	static const struct reason none;
	const struct reason *why = e->why ? e->why : &none;

	switch (e->r.kind) {
	case FIB_REPORT_ROUTE: mirror_report(w->mirror, &e->r, why, told, w); break;
	case FIB_REPORT_PIN:
		if (!e->r.wanted)
			(void)mirror_unwant(w->mirror, &e->r.prefix, e->r.metric, e->r.origin);
		else if (e->route && mirror_want(w->mirror, e->route, 0) < 0)
			log_error(&w->log, "fib", "no-memory: %s is not shown", prefix_str(&e->r.prefix));
		break;
	case FIB_REPORT_DISTURBED:
		if (w->events.disturbed)
			w->events.disturbed(w->ctx, why);
		break;
	case FIB_REPORT_UNDERLAY:
		if (w->events.underlay)
			w->events.underlay(w->ctx, &e->r.endpoint, e->r.ifindex, &e->r.via, &e->r.source);
		break;
	case FIB_REPORT_CONNECTED: /* come as events of their own, with their lists */
	case FIB_REPORT_SOURCES: break;
	}
}

void fib_writer_dispatch(struct fib_writer *w)
{
	struct list events;

	fib_channel_take(&w->t.out, &events);
	list_for_each (&events, struct fib_event, e, node) {
		list_remove(&e->node);
		switch (e->kind) {
		case FIB_EV_REPORT: deliver_report(w, e); break;
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
		free(e->route);
		free(e->why);
		free(e->list);
		free(e->source);
		free(e);
	}
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

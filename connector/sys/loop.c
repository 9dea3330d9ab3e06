/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libevent with our types. A watch remembers its callback; libevent's events never leave this file. The
 * classes are libevent's priorities, of which it serves the first that has something ready: all of it, or as
 * here, from LOOP_NORMAL on, one callback before it polls again.
 */
#include "connector/sys/loop.h"

#include <event2/event.h>
#include <stdlib.h>

struct loop {
	struct event_base *base;
};

struct loop_watch {
	struct event *ev;
	struct loop *loop;
	enum loop_class class;
	unsigned what;
	void (*cb)(void *ctx, int fd, unsigned what);
	void (*signal_cb)(void *ctx, int signo);
	void *ctx;
};

struct loop_timer {
	struct event *ev;
	void (*cb)(void *ctx);
	void *ctx;
};

#define CLASSES (LOOP_BULK + 1)

static struct event_base *base_new(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base = NULL;

	if (cfg && !event_config_set_max_dispatch_interval(cfg, NULL, 1, LOOP_NORMAL))
		base = event_base_new_with_config(cfg);
	if (base && event_base_priority_init(base, CLASSES)) {
		event_base_free(base);
		base = NULL;
	}
	if (cfg)
		event_config_free(cfg);
	return base;
}

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->base = base_new();
	if (!l->base) {
		free(l);
		return NULL;
	}
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	event_base_free(l->base);
	free(l);
}

int loop_run(struct loop *l)
{
	return event_base_dispatch(l->base) < 0 ? -1 : 0;
}

void loop_stop(struct loop *l)
{
	event_base_loopbreak(l->base);
}

struct event_base *loop_event_base(struct loop *l)
{
	return l->base;
}

static short to_libevent(unsigned what)
{
	return (short)(EV_PERSIST | (what & LOOP_READ ? EV_READ : 0) | (what & LOOP_WRITE ? EV_WRITE : 0));
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *w = arg;

	if (w->signal_cb) {
		w->signal_cb(w->ctx, (int)fd);
		return;
	}
	w->cb(w->ctx, fd, (what & EV_READ ? LOOP_READ : 0u) | (what & EV_WRITE ? LOOP_WRITE : 0u));
}

struct loop_watch *loop_watch_new(
    struct loop *l, int fd, unsigned what, void (*cb)(void *ctx, int fd, unsigned what), void *ctx)
{
	struct loop_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	*w = (struct loop_watch){ .loop = l, .class = LOOP_NORMAL, .what = what, .cb = cb, .ctx = ctx };
	w->ev = event_new(l->base, fd, to_libevent(what), on_event, w);
	if (!w->ev || (what && event_add(w->ev, NULL))) {
		loop_watch_free(w);
		return NULL;
	}
	return w;
}

void loop_watch_set(struct loop_watch *w, unsigned what)
{
	evutil_socket_t fd = event_get_fd(w->ev);

	if (what == w->what)
		return;
	event_del(w->ev);
	event_assign(w->ev, w->loop->base, fd, to_libevent(what), on_event, w);
	event_priority_set(w->ev, (int)w->class); /* which assigning has set back */
	if (what)
		event_add(w->ev, NULL);
	w->what = what;
}

void loop_watch_class(struct loop_watch *w, enum loop_class c)
{
	w->class = c;
	event_priority_set(w->ev, (int)c);
}

void loop_watch_free(struct loop_watch *w)
{
	if (!w)
		return;
	if (w->ev)
		event_free(w->ev);
	free(w);
}

struct loop_watch *loop_signal_new(struct loop *l, int signo, void (*cb)(void *ctx, int signo), void *ctx)
{
	struct loop_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	*w = (struct loop_watch){ .loop = l, .class = LOOP_URGENT, .signal_cb = cb, .ctx = ctx };
	w->ev = evsignal_new(l->base, signo, on_event, w);
	if (!w->ev || event_priority_set(w->ev, LOOP_URGENT) || event_add(w->ev, NULL)) {
		loop_watch_free(w);
		return NULL;
	}
	return w;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *t = arg;

	(void)fd;
	(void)what;
	t->cb(t->ctx);
}

struct loop_timer *loop_timer_new(struct loop *l, void (*cb)(void *ctx), void *ctx)
{
	struct loop_timer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct loop_timer){ .cb = cb, .ctx = ctx };
	t->ev = evtimer_new(l->base, on_timer, t);
	if (!t->ev) {
		free(t);
		return NULL;
	}
	return t;
}

void loop_timer_at(struct loop_timer *t, mtime deadline, mtime now)
{
	struct timeval tv = { 0 };
	int64_t us;

	if (mtime_is_never(deadline)) {
		event_del(t->ev);
		return;
	}
	/* Rounded up: waking a hair early would spin until the deadline is reached. */
	us = deadline.ns > now.ns ? (deadline.ns - now.ns + 999) / 1000 : 0;
	tv.tv_sec = us / 1000000;
	tv.tv_usec = us % 1000000;
	evtimer_add(t->ev, &tv);
}

void loop_timer_class(struct loop_timer *t, enum loop_class c)
{
	event_priority_set(t->ev, (int)c);
}

void loop_timer_free(struct loop_timer *t)
{
	if (!t)
		return;
	event_free(t->ev);
	free(t);
}

/* Not a timer of no delay: that one would lose its place each time it is set. */
struct loop_task {
	struct event *ev;
	void (*cb)(void *ctx);
	void *ctx;
};

static void on_task(evutil_socket_t fd, short what, void *arg)
{
	struct loop_task *t = arg;

	(void)fd;
	(void)what;
	t->cb(t->ctx);
}

struct loop_task *loop_task_new(struct loop *l, void (*cb)(void *ctx), void *ctx)
{
	struct loop_task *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct loop_task){ .cb = cb, .ctx = ctx };
	t->ev = event_new(l->base, -1, 0, on_task, t);
	if (!t->ev || event_priority_set(t->ev, LOOP_BULK)) {
		loop_task_free(t);
		return NULL;
	}
	return t;
}

void loop_task_soon(struct loop_task *t)
{
	event_active(t->ev, EV_TIMEOUT, 0);
}

void loop_task_free(struct loop_task *t)
{
	if (!t)
		return;
	if (t->ev)
		event_free(t->ev);
	free(t);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: libevent behind a few calls of ours, so that nobody else spells its flags. One loop per
 * thread that wants one; every function here is for the loop's own thread. Callbacks may create and free
 * watches and timers, also their own.
 *
 * What is ready is served by class, and within a class in turn. After each callback but an urgent one the
 * loop looks again what is ready, so an urgent event waits for one callback at most, whatever else there is
 * to do; and bulk goes on while nothing else is ready. A bulk callback keeps itself short (LOOP_TURN) and
 * comes back: how long it takes is how long everybody else waits.
 */
#ifndef CW_SYS_LOOP_H
#define CW_SYS_LOOP_H

#include "base/mtime.h"

#include <stdbool.h>

struct loop;
struct loop_watch;
struct loop_timer;
struct loop_task;
struct event_base;

struct loop *loop_new(void); /* NULL: out of memory or descriptors */
void loop_free(struct loop *l);
int loop_run(struct loop *l); /* until loop_stop; -1 when libevent fails */
void loop_stop(struct loop *l);
/* For evhttp, whose events are of LOOP_NORMAL; event_priority_set takes an enum loop_class. */
struct event_base *loop_event_base(struct loop *l);

enum loop_class {
	LOOP_URGENT, /* IKE, protocol timers, signals: what a peer's patience hangs on, and is soon done */
	LOOP_NORMAL, /* what is not said to be of another; the management API */
	LOOP_BULK,   /* BGP's streams, work that is left to a budget, long lists for somebody */
};
#define LOOP_TURN mdur_ms(1)

enum { LOOP_READ = 1, LOOP_WRITE = 2 };
/* The descriptor stays the caller's. NULL: out of memory. */
struct loop_watch *loop_watch_new(
    struct loop *l, int fd, unsigned what, void (*cb)(void *ctx, int fd, unsigned what), void *ctx);
/* Changes what is waited for; 0 for nothing. */
void loop_watch_set(struct loop_watch *w, unsigned what);
void loop_watch_class(struct loop_watch *w, enum loop_class c); /* right after it was made */
void loop_watch_free(struct loop_watch *w);

struct loop_timer *loop_timer_new(struct loop *l, void (*cb)(void *ctx), void *ctx);
void loop_timer_at(struct loop_timer *t, mtime deadline, mtime now); /* NEVER disarms; one deadline a timer */
void loop_timer_class(struct loop_timer *t, enum loop_class c);      /* right after it was made */
void loop_timer_free(struct loop_timer *t);

/*
 * Bulk work without a descriptor: cb is called once for any number of `soon` before, in its turn among what
 * else is bulk. From inside of cb, `soon` means another turn behind the others.
 */
struct loop_task *loop_task_new(struct loop *l, void (*cb)(void *ctx), void *ctx); /* NULL: out of memory */
void loop_task_soon(struct loop_task *t);
void loop_task_free(struct loop_task *t);

/* cb runs in the loop, not in signal context; urgent. */
struct loop_watch *loop_signal_new(struct loop *l, int signo, void (*cb)(void *ctx, int signo), void *ctx);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: libevent behind a few calls of ours, so that nobody else spells its flags. One loop per
 * thread that wants one; every function here is for the loop's own thread. Callbacks may create and free
 * watches and timers, also their own.
 */
#ifndef CW_SYS_LOOP_H
#define CW_SYS_LOOP_H

#include "base/mtime.h"

#include <stdbool.h>

struct loop;
struct loop_watch;
struct loop_timer;
struct event_base;

struct loop *loop_new(void); /* NULL: out of memory or descriptors */
void loop_free(struct loop *l);
int loop_run(struct loop *l); /* until loop_stop; -1 when libevent fails */
void loop_stop(struct loop *l);
struct event_base *loop_event_base(struct loop *l); /* for evhttp */

enum { LOOP_READ = 1, LOOP_WRITE = 2 };
/* The descriptor stays the caller's. NULL: out of memory. */
struct loop_watch *loop_watch_new(
    struct loop *l, int fd, unsigned what, void (*cb)(void *ctx, int fd, unsigned what), void *ctx);
/* Changes what is waited for; 0 for nothing. */
void loop_watch_set(struct loop_watch *w, unsigned what);
void loop_watch_free(struct loop_watch *w);

struct loop_timer *loop_timer_new(struct loop *l, void (*cb)(void *ctx), void *ctx);
void loop_timer_at(struct loop_timer *t, mtime deadline, mtime now); /* NEVER disarms; one deadline a timer */
void loop_timer_free(struct loop_timer *t);

/* cb runs in the loop, not in signal context. */
struct loop_watch *loop_signal_new(struct loop *l, int signo, void (*cb)(void *ctx, int signo), void *ctx);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BFD's thread: it owns the sockets and the timers of the BFD core, so that packets leave in time and silence
 * is measured rightly while the control thread is busy for longer than a detection time (a configuration of
 * 500 tunnels, a million routes). Its nice value is low where the daemon may lower it.
 *
 * All functions are called on the control thread. They share the core with the thread under one lock, which
 * both hold for microseconds. Changes of state come as events, delivered on the control thread by
 * bfd_thread_dispatch when bfd_thread_fd is readable; of one session, several that came together are told as
 * one, and a fall is never lost.
 */
#ifndef CW_DAEMON_BFD_THREAD_H
#define CW_DAEMON_BFD_THREAD_H

#include "base/log.h"
#include "bfd/bfd.h"
#include "connector/sys/domain.h"

/* The shortest interval that is accepted: with a multiplier of 3 the thread may be late by 100 ms. */
#define BFD_THREAD_SHORTEST mdur_ms(50)

struct bfd_thread;

struct bfd_change {
	enum bfd_state state; /* now */
	bool fell;            /* it was Up and left that, even if it is Up again */
	bool admin;           /* because one of the ends was told to */
	bool independent;     /* the peer's C bit then */
	struct reason why;    /* of the fall */
};

/* NULL: out of memory, threads or descriptors. */
struct bfd_thread *bfd_thread_new(const struct sys_domain *domain, const struct logger *log);
void bfd_thread_free(struct bfd_thread *t);

int bfd_thread_fd(const struct bfd_thread *t);
void bfd_thread_dispatch(
    struct bfd_thread *t, void (*changed)(void *ctx, uint32_t id, const struct bfd_change *c), void *ctx);

/* A session that is not there is added, one that is there is changed. interface: its name, empty for any. */
int bfd_thread_set(struct bfd_thread *t, uint32_t id, const struct bfd_config *config, const char *interface,
    struct reason *ret_reason);
/* The peer is told (AdminDown) before this returns. */
void bfd_thread_drop(struct bfd_thread *t, uint32_t id);
/* -1: no such session. */
int bfd_thread_view(struct bfd_thread *t, uint32_t id, struct bfd_view *ret_view);

#endif

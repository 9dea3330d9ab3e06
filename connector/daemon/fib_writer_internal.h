/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FIB writer from inside: what its three files share.
 *	fib_writer.c         the control thread's side: requests out, events in
 *	fib_writer_mirror.c  what is wanted and whether it is in the kernel, kept on the control thread
 *	fib_writer_thread.c  the thread: planner, netlink, the turning wheel
 */
#ifndef CW_DAEMON_FIB_WRITER_INTERNAL_H
#define CW_DAEMON_FIB_WRITER_INTERNAL_H

#include "base/list.h"
#include "connector/daemon/fib_writer.h"
#include "connector/fib/plan.h"
#include "connector/sys/rtnl.h"

#include <pthread.h>

/* ---- what passes between the threads; each is allocated by its sender and freed by its receiver ---- */

enum fib_request_kind {
	FIB_REQ_WANT,
	FIB_REQ_UNWANT,
	FIB_REQ_INTERFACE,
	FIB_REQ_PIN,
	FIB_REQ_UNPIN,
	FIB_REQ_PROTECT,
	FIB_REQ_UNPROTECT,
	FIB_REQ_WATCH,
	FIB_REQ_RECONCILED,
	FIB_REQ_FENCE,
};

struct fib_watch_request {
	uint8_t protocol[32];
	size_t n;
	struct prefix within[];
};

struct fib_request {
	struct list node;
	enum fib_request_kind kind;
	struct prefix prefix;
	uint32_t metric;
	enum fib_origin origin;
	struct addr addr; /* source, or endpoint */
	uint64_t number;  /* of the wish, or the fence */
	int ifindex;
	bool ours;
	struct fib_watch_request *watch; /* owned; of FIB_REQ_WATCH */
	unsigned n_ways;
	struct fib_way way[]; /* a full struct fib_route would be most of a kilobyte, a million times */
};

enum fib_event_kind { FIB_EV_REPORT, FIB_EV_FENCED, FIB_EV_CONNECTED, FIB_EV_SOURCES, FIB_EV_LINK };

struct fib_event {
	struct list node;
	enum fib_event_kind kind;
	uint64_t fence;
	struct fib_report_lite {
		enum fib_report_kind kind;
		struct prefix prefix;
		uint32_t metric;
		enum fib_origin origin;
		uint64_t wish;
		bool in_kernel, wanted;
		struct addr endpoint, via, source;
		int ifindex;
	} r;
	struct fib_route *route;   /* owned; or NULL */
	struct reason *why;        /* owned; or NULL */
	struct prefix *list;       /* owned; connected networks */
	struct fib_source *source; /* owned; of FIB_EV_SOURCES */
	bool cut;
	size_t n;
	int ifindex; /* of FIB_EV_LINK */
};

struct fib_channel { /* one direction */
	pthread_mutex_t lock;
	struct list queue;
	int fd; /* eventfd: readable while the queue is not empty */
};

int fib_channel_init(struct fib_channel *c);
void fib_channel_close(struct fib_channel *c);
void fib_channel_put(struct fib_channel *c, struct list *node);
void fib_channel_put_all(struct fib_channel *c, struct list *nodes); /* at once; nodes is empty then */
/* Moves all that is queued to the (empty) list and clears the eventfd. */
void fib_channel_take(struct fib_channel *c, struct list *ret_list);

/* ---- the mirror ---- */

struct mirror;
struct mirror *mirror_new(void);
void mirror_free(struct mirror *m);
int mirror_want(struct mirror *m, const struct fib_route *route, uint64_t wish);
/* False when it wasn't wanted. */
bool mirror_unwant(struct mirror *m, const struct prefix *prefix, uint32_t metric, enum fib_origin origin);
/* Takes the news in and calls told for each origin that wants the route; nothing happens when it is old news.
 */
void mirror_report(struct mirror *m, const struct fib_report_lite *r, const struct reason *why,
    void (*told)(void *ctx, const struct fib_route *route, bool in_kernel, const struct reason *why),
    void *ctx);
size_t mirror_view(const struct mirror *m, const struct fib_view *after, struct fib_view *out, size_t max);
void mirror_summary(const struct mirror *m, struct fib_summary *ret_summary);

/* ---- the thread ---- */

#define FIB_ROUND_OPS 256 /* operations of one batch; a move is two messages */

struct fib_thread_pin {
	struct list node;
	struct addr endpoint, via, source;
	struct addr wished; /* the source that the path itself names */
	int ifindex;
	bool told;
	bool look; /* what the kernel makes of it may have changed: it is asked again */
};

/* Belongs to the thread while it runs, but for the channels, stop and keep. */
struct fib_thread {
	struct fib_channel in, out;
	pthread_t thread;
	_Atomic bool stop, keep;
	const struct logger *log;
	struct fib *fib;
	struct rtnl *request, *monitor;
	struct rtnl_batch *batch;
	struct list waiting; /* requests behind a fence that isn't reached yet */
	uint64_t fence;      /* being waited for; 0: none */
	struct list pins;
	bool look; /* at some of them */
	bool lost; /* notifications were lost: a new picture */
	mtime next_picture;
	struct fib_op op[FIB_ROUND_OPS];
	struct fib_outcome {
		int err, old_err;
		bool has_old;
		char text[128];
	} outcome[FIB_ROUND_OPS];
};

/* Opens everything and takes the first picture, in the caller's thread. -1 with a reason. */
int fib_thread_open(struct fib_thread *t, const struct sys_domain *domain, struct reason *ret_reason);
int fib_thread_start(struct fib_thread *t);
/* Ends the thread if it was started, closes and frees. */
void fib_thread_close(struct fib_thread *t, bool started, bool keep);

#endif

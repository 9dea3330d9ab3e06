/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FIB writer from inside: what its files share.
 *	fib_writer.c          the control thread's side: requests out, events in
 *	fib_writer_channel.c  what passes between the threads
 *	fib_writer_mirror*.c  what is wanted and whether it is in the kernel, kept on the control thread
 *	fib_writer_thread.c   the thread: the turning wheel, requests, life
 *	fib_writer_events.c   what the thread has to tell
 *	fib_writer_facts.c    what the kernel says, as facts of the planner
 *	fib_writer_ops.c      operations of the planner, as netlink
 */
#ifndef CW_DAEMON_FIB_WRITER_INTERNAL_H
#define CW_DAEMON_FIB_WRITER_INTERNAL_H

#include "base/list.h"
#include "connector/daemon/fib_writer.h"
#include "connector/fib/plan.h"
#include "connector/fib/ways.h"
#include "connector/sys/rtnl.h"

#include <pthread.h>

/* ---- what passes between the threads: records in chunks, a million of them at a time maybe ---- */

struct fib_queue {
	struct list chunks;
	size_t record_size;
};

void fib_queue_init(struct fib_queue *q, size_t record_size);
int fib_queue_put(struct fib_queue *q, const void *record);        /* -1 when memory is out */
void fib_queue_move(struct fib_queue *to, struct fib_queue *from); /* all of it, behind what is there */
/* The oldest record, which stays where it is until the next call; NULL: none. */
void *fib_queue_take(struct fib_queue *q);
bool fib_queue_empty(const struct fib_queue *q);
/* Frees the records, but not what they own. */
void fib_queue_clear(struct fib_queue *q);

struct fib_channel { /* one direction */
	pthread_mutex_t lock;
	struct fib_queue queue;
	int fd; /* eventfd: readable while the queue is not empty */
	_Atomic size_t
	    waiting; /* records that were put, and that the receiver hasn't said to be through with */
};

int fib_channel_init(struct fib_channel *c, size_t record_size);
void fib_channel_close(struct fib_channel *c);
int fib_channel_put(struct fib_channel *c, const void *record);       /* -1 when memory is out */
void fib_channel_put_all(struct fib_channel *c, struct fib_queue *q); /* of none: nothing happens */
/* Moves all that is queued behind what is in q, and clears the eventfd. */
void fib_channel_take(struct fib_channel *c, struct fib_queue *q);
void fib_channel_wake(struct fib_channel *c); /* the descriptor becomes readable */

enum fib_request_kind {
	FIB_REQ_SET,   /* set: data (owned, struct fib_way_set) is what this number means from now on */
	FIB_REQ_UNSET, /* set: it means nothing any more */
	FIB_REQ_WANT,
	FIB_REQ_UNWANT,
	FIB_REQ_INTERFACE,
	FIB_REQ_WAY,
	FIB_REQ_PIN,
	FIB_REQ_UNPIN,
	FIB_REQ_PROTECT,
	FIB_REQ_UNPROTECT,
	FIB_REQ_WATCH, /* data: owned, struct fib_watch_request */
	FIB_REQ_RECONCILED,
	FIB_REQ_FENCE,
};

struct fib_watch_request {
	uint8_t protocol[32];
	size_t n;
	struct prefix within[];
};

struct fib_request {
	uint8_t kind, origin;
	bool on;       /* ours */
	uint8_t state; /* enum fib_way_state */
	struct prefix prefix;
	struct addr addr; /* source, endpoint, or via */
	uint32_t metric, set, number;
	int ifindex;
	uint64_t fence;
	void *data;
};

struct fib_way_set {
	unsigned n;
	bool have_backup;
	struct fib_way backup;
	struct fib_way way[];
};

enum fib_event_kind {
	FIB_EV_ROUTE,
	FIB_EV_OTHER,
	FIB_EV_FENCED,
	FIB_EV_CONNECTED,
	FIB_EV_SOURCES,
	FIB_EV_LINK
};

struct fib_event {
	uint8_t kind;
	struct fib_news { /* of FIB_EV_ROUTE */
		uint8_t origin;
		bool in_kernel, wanted;
		struct prefix prefix;
		uint32_t metric, wish;
	} r;
	int ifindex; /* of FIB_EV_LINK */
	uint64_t fence;
	struct reason *why;        /* owned; or NULL */
	struct fib_other *other;   /* owned; or NULL: all the rest that the planner reports */
	struct prefix *list;       /* owned; connected networks */
	struct fib_source *source; /* owned; of FIB_EV_SOURCES */
	bool cut;
	size_t n;
};

struct fib_other {
	enum fib_report_kind kind;
	struct prefix prefix;
	uint32_t metric;
	enum fib_origin origin;
	bool wanted, have_route;
	struct addr endpoint, via, source;
	int ifindex;
	struct fib_route route;
};

void fib_event_free(struct fib_event *e); /* what it owns */

/* ---- the mirror ---- */

struct mirror;
typedef void mirror_count(void *ctx, uint32_t owner, enum fib_place place, unsigned by);
typedef void mirror_set_gone(void *ctx, uint32_t set);
/* set_gone: a set that was marked as sent has no route any more. */
struct mirror *mirror_new(mirror_count *count, mirror_set_gone *set_gone, void *ctx);
void mirror_free(struct mirror *m);
/* The set of its ways, with its number in `id`; NULL when memory is out. */
struct fib_ways *mirror_want(struct mirror *m, const struct fib_route *route, uint32_t wish);
/* False when it wasn't wanted. */
bool mirror_unwant(struct mirror *m, const struct prefix *prefix, uint32_t metric, enum fib_origin origin);
enum fib_place mirror_place(
    const struct mirror *m, const struct prefix *prefix, uint32_t metric, enum fib_origin origin);
bool mirror_wanted(const struct mirror *m, const struct prefix *prefix, uint32_t metric,
    enum fib_origin origin, struct fib_route *ret_route); /* false: it isn't */
/* Takes the news in and calls told for each origin that wants the route; nothing happens when it is old news.
 */
typedef void mirror_told(void *ctx, const struct prefix *p, uint32_t metric, enum fib_origin origin,
    bool in_kernel, const struct reason *why);
void mirror_report(
    struct mirror *m, const struct fib_news *r, const struct reason *why, mirror_told *told, void *ctx);
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

struct fib_thread_set {                    /* what a number of a set means */
	struct fib_way_set *ways;          /* owned */
	const struct fib_ways *made[2][2]; /* the planner's: IPv6, learned; NULL: not needed yet */
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
	struct fib_queue waiting;   /* requests that were taken from the channel */
	struct fib_queue told;      /* events that are not in the channel yet */
	uint64_t fence;             /* being waited for, and what is behind it with it; 0: none */
	struct fib_thread_set *set; /* by number */
	size_t n_sets;
	struct list pins;
	bool look;       /* at some of them */
	bool lost;       /* notifications were lost: a new picture */
	unsigned urgent; /* rounds that don't wait for the control thread */
	mtime next_picture;
	struct rtnl_route scratch;
	struct fib_op op[FIB_ROUND_OPS];
	struct fib_outcome {
		int err, old_err;
		char text[128];
	} outcome[FIB_ROUND_OPS];
};

/* Opens everything and takes the first picture, in the caller's thread. -1 with a reason. */
int fib_thread_open(struct fib_thread *t, const struct sys_domain *domain, struct reason *ret_reason);
int fib_thread_start(struct fib_thread *t);
/* Ends the thread if it was started, closes and frees. */
void fib_thread_close(struct fib_thread *t, bool started, bool keep);

/* fib_writer_events.c */
/* Takes over what the event owns. It is on its way when fib_thread_flush was called: all of a round at once.
 */
void fib_thread_send(struct fib_thread *t, struct fib_event *e);
void fib_thread_flush(struct fib_thread *t);
void fib_thread_send_link(struct fib_thread *t, int ifindex);
void fib_thread_report(struct fib_thread *t); /* what the planner has to report, and flushes */
void fib_thread_unpin(struct fib_thread *t, const struct addr *endpoint);
void fib_thread_suspect_pins(struct fib_thread *t, int ifindex);
void fib_thread_look_at_pins(struct fib_thread *t);

/* fib_writer_facts.c */
void fib_thread_listen(struct fib_thread *t); /* to the kernel */
int fib_thread_picture(struct fib_thread *t); /* what the kernel holds, complete. 0, or -errno */

/* fib_writer_ops.c */
void fib_thread_execute(struct fib_thread *t, size_t n); /* the first n of op, and tells the planner */

#endif

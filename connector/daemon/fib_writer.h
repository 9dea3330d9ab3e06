/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FIB writer: a thread of its own that keeps the kernel's routes equal to what the daemon wants (the
 * kernel's route lock stalls, and an IKE answer must not wait for it). It feeds the pure planner
 * (connector/fib) with desired and observed routes and executes its operations by netlink, in batches.
 *
 * Threads: all functions are called on the control thread. Requests are queued and return at once; results
 * are events, delivered on the control thread by fib_writer_dispatch when fib_writer_event_fd is readable; it
 * delivers a limited number at a time, and the descriptor stays readable while there are more.
 * Requests take effect in the order they were made; fib_writer_fence tells when all before it have.
 *
 * Everything it writes carries route protocol 201 (routes, nexthop objects). It never changes or deletes what
 * carries another. At start it adopts what an earlier run left with our protocol: wanted things stay
 * untouched, the rest is removed by fib_writer_reconciled.
 */
#ifndef CW_DAEMON_FIB_WRITER_H
#define CW_DAEMON_FIB_WRITER_H

#include "base/addr.h"
#include "base/log.h"
#include "base/reason.h"
#include "connector/fib/fib.h"
#include "connector/sys/domain.h"

struct fib_writer;

/* Where a wanted route stands. While new ways of it are under way, it stands where the old ones did. */
enum fib_place { FIB_PLACE_NONE, FIB_PLACE_PENDING, FIB_PLACE_IN_KERNEL, FIB_PLACE_FAILED };

struct fib_writer_events {
	/* A wanted route entered the kernel, could not (why says so), or was taken out. Never for what is no
	 * longer wanted. */
	void (*route)(void *ctx, const struct prefix *prefix, uint32_t metric, enum fib_origin origin,
	    bool in_kernel, const struct reason *why);
	/* A learned route by a way with this owner stands there now (by 1), or no longer (by -1, which
	 * unsigned arithmetic honours): whoever adds it up knows how many of each there are. Also comes from
	 * within fib_writer_want and fib_writer_unwant. */
	void (*count)(void *ctx, uint32_t owner, enum fib_place place, unsigned by);
	void (*fenced)(void *ctx, uint64_t fence);
	/* The connected networks of interfaces that are not ours (the list replaces the last one). */
	void (*connected)(void *ctx, const struct prefix list[], size_t n);
	/* Something foreign took out or replaced one of our routes; it is put back (a log line is enough). */
	void (*disturbed)(void *ctx, const struct reason *what);
	/* The path of a pinned endpoint changed or appeared: its way out, and the address the kernel would
	 * send from (none: no route). */
	void (*underlay)(void *ctx, const struct addr *endpoint, int ifindex, const struct addr *gateway,
	    const struct addr *source);
	/* An interface went down or away, or lost an address (0: notifications were lost, any may have). A
	 * hint to look: it comes for all interfaces, and may be out of date. */
	void (*link)(void *ctx, int ifindex);
	/* What fib_writer_watch asked for (the list replaces the last one); cut: there is more than fits. */
	void (*sources)(void *ctx, const struct fib_source list[], size_t n, bool cut);
};

/* Opens netlink in the domain and reads the kernel's state. NULL with a reason. */
struct fib_writer *fib_writer_new(const struct sys_domain *domain, const struct logger *log,
    const struct fib_writer_events *events, void *ctx, struct reason *ret_reason);
/* Removes all of our routes and nexthop objects (unless keep), stops the thread. */
void fib_writer_free(struct fib_writer *w, bool keep);

int fib_writer_event_fd(const struct fib_writer *w);
void fib_writer_dispatch(struct fib_writer *w);

/*
 * A want is one (prefix, metric, origin); wanting it again with other next hops replaces it. Where several
 * origins want the same (prefix, metric), the kernel gets one of them: pin before static before peer before
 * learned.
 */
void fib_writer_want(struct fib_writer *w, const struct fib_route *route);
void fib_writer_unwant(
    struct fib_writer *w, const struct prefix *prefix, uint32_t metric, enum fib_origin origin);
/* Where a wanted route of this origin stands; FIB_PLACE_NONE: it isn't wanted. */
enum fib_place fib_writer_place(
    const struct fib_writer *w, const struct prefix *prefix, uint32_t metric, enum fib_origin origin);
/* What this origin wants there; false: nothing. */
bool fib_writer_wanted(const struct fib_writer *w, const struct prefix *prefix, uint32_t metric,
    enum fib_origin origin, struct fib_route *ret_route);
/*
 * A way is lost, dead, or good again (fib_way_is): learned routes leave it at once, by one operation for all
 * that go the same ways, and from a dead one those without another way are withdrawn; a fence behind it tells
 * when that is done, whatever has been unwanted by then. via none: all ways by the interface.
 */
void fib_writer_way_is(struct fib_writer *w, int ifindex, const struct addr *via, enum fib_way_state state);
/*
 * An interface of ours: its connected routes and addresses are not reported as foreign, and next hops through
 * it are good only between these two calls. `gone` before the interface is deleted.
 */
void fib_writer_interface(struct fib_writer *w, int ifindex, bool ours);
/*
 * Pins a tunnel's outer endpoint to its original path: a host route along the best route that is not ours,
 * so no learned route can swallow the tunnel's own packets; it follows when that path changes. Counted: pin
 * twice, unpin twice.
 */
void fib_writer_pin(struct fib_writer *w, const struct addr *endpoint);
void fib_writer_unpin(struct fib_writer *w, const struct addr *endpoint);
/*
 * A prefix that must never leave in clear: an unreachable route of high metric, see fib_protect. One that an
 * earlier run left in the kernel is adopted without a gap. Not counted.
 */
void fib_writer_protect(struct fib_writer *w, const struct prefix *prefix);
void fib_writer_unprotect(struct fib_writer *w, const struct prefix *prefix);
/* Foreign routes to be told of, see fib_watch; replaces what was asked before. */
void fib_writer_watch(
    struct fib_writer *w, const uint8_t protocol[32], const struct prefix within[], size_t n);
/* The configuration has been applied: what is left over from an earlier run may go. */
void fib_writer_reconciled(struct fib_writer *w);
/* The event `fenced` comes with this number once everything requested before is in the kernel or has failed.
 */
uint64_t fib_writer_fence(struct fib_writer *w);

/*
 * From hold to release, requests wait, and then the writer gets them at once: a route that is given up by one
 * and wanted by another in the same commit moves, and is at no moment away (unless a fence stands between).
 */
void fib_writer_hold(struct fib_writer *w);
void fib_writer_release(struct fib_writer *w);

/* A copy of what is wanted and whether the kernel holds it, for `fib show`; kept on the control thread, so it
 * never waits. */
struct fib_view {
	struct fib_route route;
	bool in_kernel;
	struct reason why; /* why not */
};
/* In order of prefix, starting after the cursor (NULL: at the start): up to max; returns how many. */
size_t fib_writer_view(
    const struct fib_writer *w, const struct fib_view *after, struct fib_view *out, size_t max);
struct fib_summary {
	unsigned wanted, in_kernel, failed;
	bool in_sync;
};
void fib_writer_summary(const struct fib_writer *w, struct fib_summary *ret_summary);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planner's interface. Its user (connector/daemon/fib_writer) turns the wheel:
 *
 *	facts (fib_saw_*) and wishes (fib_want ...)  ->  fib_plan  ->  execute  ->  fib_done for each
 *operation  ->  reports
 *
 * until fib_plan returns 0. The operations of one fib_plan call don't depend on each other's success but may
 *be executed in their order; what depends on them comes with a later call. Between fib_plan and the last
 *fib_done of it nothing else may be called.
 *
 * Wishes are kept by origin; for one (prefix, metric) the best origin's is in force: pin, then static, peer,
 *learned. IPv6's metric 0 is the kernel's 1024, so both name the same route; reports use the number that the
 *wish had.
 *
 * Not thread safe. Pure: time comes in, operations go out.
 */
#ifndef CW_FIB_PLAN_H
#define CW_FIB_PLAN_H

#include "base/addr.h"
#include "base/mtime.h"
#include "base/reason.h"
#include "connector/fib/fib.h"

#include <stdbool.h>
#include <stddef.h>

/* Our nexthop objects have ids from here on; what somebody else holds of them is skipped. */
#define FIB_NHID_FIRST 201000000U
#define FIB_NHID_COUNT 1000000U

struct fib;

/* The number that the kernel gives a metric. */
uint32_t fib_kernel_metric(const struct prefix *p, uint32_t metric);

struct fib *fib_new(void); /* NULL when memory is out */
void fib_free(struct fib *f);

/* ---- wishes; -1 when memory is out (the wish is not kept then) ---- */
/* number: comes back with reports on this (prefix, metric), so that who reads them can tell old news; 0: as
 * it was. */
int fib_want(struct fib *f, const struct fib_route *route, uint32_t number);
/*
 * The same for many routes that share their ways. What fib_ways_get gives (NULL when memory is out) is the
 * caller's until fib_ways_put; wishes keep a reference of their own. It is for one family, and either for
 * learned routes or for those of the other origins.
 */
struct fib_ways;
const struct fib_ways *fib_ways_get(struct fib *f, uint8_t family, enum fib_origin origin,
    const struct fib_way way[], unsigned n, const struct fib_way *backup /* NULL: none */);
void fib_ways_put(const struct fib_ways *ways); /* NULL is legal */
struct fib_wish {
	struct prefix prefix;
	uint32_t metric;
	enum fib_origin origin;
	struct addr source;
	uint32_t number;
};
int fib_want_ways(struct fib *f, const struct fib_wish *wish, const struct fib_ways *ways);
void fib_unwant(struct fib *f, const struct prefix *prefix, uint32_t metric, enum fib_origin origin);
void fib_unwant_all(
    struct fib *f); /* pins too; and nothing observed is a leftover any more: all of ours goes */
void fib_interface(struct fib *f, int ifindex, bool ours);
/*
 * A way is lost, dead, or good again, whatever its interface says; via none: all ways by the interface, until
 * that has gone. Learned routes leave it at once, by one operation an object: for their other ways, or else
 * for their backup. Those that have neither stay on a lost way, because withdrawing is their owner's
 * business; from a dead one they are withdrawn, without a reason of their own. -1 when memory is out.
 */
int fib_way_is(struct fib *f, int ifindex, const struct addr *via, enum fib_way_state state);
int fib_pin(struct fib *f, const struct addr *endpoint);
void fib_unpin(struct fib *f, const struct addr *endpoint);
/*
 * A prefix that must never leave in clear. An unreachable route of FIB_METRIC_PROTECT holds it as long as it
 * is protected, whatever else there is; a tunnel's route to it, or into it, comes first by metric or length.
 * Where a shorter prefix of ours leads into tunnels alone, its ways carry the protected one too, by a second
 * route of one metric less: else the longer, unreachable one would win.
 */
int fib_protect(struct fib *f, const struct prefix *prefix);
void fib_unprotect(struct fib *f, const struct prefix *prefix);
void fib_reconciled(struct fib *f);

/* ---- facts ---- */
enum fib_seen { FIB_SEEN_NEW, FIB_SEEN_REPLACED, FIB_SEEN_GONE };
enum fib_seen_type {
	FIB_UNICAST,
	FIB_REJECT, /* unreachable, blackhole, prohibit, throw: no path */
	FIB_OTHER,  /* says nothing about paths, but occupies its key */
};
struct fib_seen_route { /* of the main table, tos 0 */
	struct prefix prefix;
	uint32_t metric;
	uint8_t protocol; /* RTPROT_* */
	enum fib_seen_type type;
	bool unreachable; /* the kind of FIB_REJECT that we make */
	uint32_t nhid;    /* 0: none */
	struct addr source;
	struct fib_way way[FIB_WAYS_MAX]; /* those that are not dead; as far as it shows them */
	unsigned n_ways;
};
struct fib_seen_nexthop {
	uint32_t id;
	bool ours, group;   /* ours: FIB_PROTOCOL */
	struct fib_way way; /* of a single one; via with its family and zero bytes: on link */
	struct fib_member {
		uint32_t id, weight;
	} member[FIB_WAYS_MAX];
	unsigned n_members;
};
struct fib_seen_addr {
	int ifindex;
	struct addr addr;
	struct prefix network;
	bool global; /* scope; link-local and host addresses are none */
};

/* Time, before facts and wishes: they may start put-back and back-off times. */
void fib_clock(struct fib *f, mtime now);
void fib_saw_route(struct fib *f, enum fib_seen how, const struct fib_seen_route *route);
void fib_saw_nexthop(struct fib *f, enum fib_seen how, const struct fib_seen_nexthop *nexthop);
/* up: may carry packets (administratively up, with carrier). name: shown in the ways of pins. */
void fib_saw_link(struct fib *f, int ifindex, const char *name, bool up, bool gone);
void fib_saw_addr(struct fib *f, const struct fib_seen_addr *addr, bool gone);
/*
 * A full picture: between begin and end all links, addresses, nexthops and routes that exist, in this order,
 * as FIB_SEEN_NEW. What is not among them is gone. The first one is the adoption. Some changes can't be told
 * from notifications (the kernel removes IPv4 routes silently with their link or source address):
 * fib_resync_wanted asks for a picture then.
 */
void fib_resync_begin(struct fib *f);
void fib_resync_end(struct fib *f);
void fib_resync_cancel(struct fib *f); /* it couldn't be completed: nothing is taken to be gone */
bool fib_resync_wanted(const struct fib *f);

/* ---- operations ---- */
enum fib_op_kind {
	FIB_OP_NEXTHOP_ADD, /* nhid, way */
	FIB_OP_NEXTHOP_DEL, /* nhid */
	FIB_OP_GROUP_ADD,   /* nhid, member */
	FIB_OP_GROUP_SET,   /* nhid, member: all its routes move at once */
	FIB_OP_GROUP_DEL,   /* nhid */
	FIB_OP_ROUTE_ADD,   /* prefix, metric, nhid or unreachable, source; must fail if anybody has a route
	                       there */
	FIB_OP_ROUTE_MOVE,  /* from old_nhid (0: a route without one) and old_source to nhid and source */
	FIB_OP_ROUTE_DEL,   /* prefix, metric, old_nhid (0: without one) */
};
struct fib_op {
	enum fib_op_kind kind;
	uint32_t nhid, old_nhid;
	bool unreachable; /* what the route becomes, without an object */
	struct prefix prefix;
	uint32_t metric; /* as the kernel counts */
	struct addr source, old_source;
	struct fib_way way; /* via with its family and zero bytes: on link */
	struct fib_member member[FIB_WAYS_MAX];
	unsigned n_members;
	void *subject, *to; /* the planner's own */
};

/* Up to max operations; 0: nothing to do before fib_deadline. Call again after each round. */
size_t fib_plan(struct fib *f, mtime now, struct fib_op op[], size_t max);
struct fib_result {
	int err;          /* 0 or -errno; of FIB_OP_ROUTE_MOVE: of putting the new one in */
	const char *text; /* the kernel's explanation or "" */
	bool old_gone;    /* FIB_OP_ROUTE_MOVE: the old one is out */
};
void fib_done(struct fib *f, const struct fib_op *op, const struct fib_result *result);
bool fib_busy(const struct fib *f); /* fib_plan would have something to do at once */
mtime fib_deadline(const struct fib *f);

/* ---- reports ---- */
enum fib_report_kind {
	FIB_REPORT_ROUTE, /* route.prefix, route.metric, in_kernel, why; each fib_want is answered by one at
	                     least */
	FIB_REPORT_PIN,   /* route: what a pin or a protected prefix wants now (wanted), or no longer wants */
	FIB_REPORT_DISTURBED, /* why */
	FIB_REPORT_UNDERLAY,  /* endpoint, ifindex, via, source: its path. source none: the kernel's choice.
	                         ifindex 0: no path */
	FIB_REPORT_CONNECTED, /* fib_connected has changed */
	FIB_REPORT_SOURCES,   /* fib_sources has changed */
};
struct fib_report {
	enum fib_report_kind kind;
	struct fib_route *route; /* valid until the next call of anything; NULL where it doesn't apply */
	struct prefix prefix;
	uint32_t metric;
	enum fib_origin origin; /* of the wish in force */
	uint32_t wish;          /* number of the last one */
	bool in_kernel, wanted;
	struct addr endpoint, via, source;
	int ifindex;
	struct reason why;
};
bool fib_next_report(struct fib *f, struct fib_report *ret_report);
/* Ordered, each once; the array is the planner's and lives until the next fact. */
const struct prefix *fib_connected(struct fib *f, size_t *ret_n);
/*
 * Foreign routes of the main table, for who announces by them (sources.c): those of these protocols (a bit
 * each), and whatever equals these prefixes or lies in them. Not such as lead into our own tunnels or
 * nowhere. In order of prefix; cut: there are more than FIB_SOURCES_MAX. The array lives until the next fact.
 * -1 when memory is out.
 */
int fib_watch(struct fib *f, const uint8_t protocol[32], const struct prefix within[], size_t n);
const struct fib_source *fib_sources(const struct fib *f, size_t *ret_n, bool *ret_cut);
bool fib_pinned(const struct fib *f, const struct addr *endpoint);
/* Has the interface this address, as last seen? */
bool fib_holds(const struct fib *f, int ifindex, const struct addr *a);
/* "static", "bird", "zebra", ... or the number, in the caller's buffer. */
const char *fib_protocol_name(uint8_t protocol, char *buf, size_t size);

#endif

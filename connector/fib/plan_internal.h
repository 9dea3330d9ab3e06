/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planner from inside; for the files of this folder only.
 *
 * A route stands in a bundle, one for each pair (object it uses in the kernel or none, set of ways it should
 * have). Bundles are few whatever the number of routes, so the plan looks at bundles: one whose object has
 * the content it should have is done, one that agrees with all others of its object has the object changed
 * (one operation), any other has its routes added, moved or deleted one by one. Within a bundle `fresh` holds
 * routes that need an operation or a report, `calm` those that need nothing as long as the bundle's situation
 * stays; routes that failed wait in `parked`, outside both.
 *
 * An object is what routes refer to: a group, or directly a single nexthop (IPv6 routes with one way, because
 * the kernel shows a group of one as multipath there). Groups may change their content, singles never do.
 */
#ifndef CW_FIB_PLAN_INTERNAL_H
#define CW_FIB_PLAN_INTERNAL_H

#include "base/htab.h"
#include "base/list.h"
#include "base/ptrie.h"
#include "connector/fib/plan.h"
#include "connector/fib/ways.h"

#define IPV6_DEFAULT_METRIC 1024 /* IP6_RT_PRIO_USER */
#define FIB_ID_TRIES        16   /* ids in a row that somebody turned out to hold */

enum fib_tag { /* of ways_table: what a set is */
	TAG_CONTENT = 0,
	TAG_IPV4 = 4, /* wanted by IPv4 routes */
	TAG_IPV6 = 6,
	TAG_UNWANTED = 8, /* pseudo-sets without ways */
	TAG_LEFTOVER = 9,
};

struct want {
	struct want *next; /* lower origin */
	const struct fib_ways *ways;
	struct addr source;
	enum fib_origin origin;
};

enum told { TOLD_NOTHING, TOLD_IN, TOLD_OUT };

struct route {
	struct list node;         /* in a bundle's fresh or calm, or in parked */
	struct bundle *bundle;    /* NULL: none could be allocated; parked then */
	struct object *orphan_of; /* and this object counts it */
	struct route *next;       /* same prefix, higher metric */
	struct want *wants;       /* best first; empty: unwanted or a leftover */
	struct object *object;    /* what it uses in the kernel; NULL: it isn't there */
	struct addr source;       /* in the kernel */
	struct prefix prefix;
	uint32_t metric; /* as the kernel counts */
	uint32_t asked;  /* as it was last asked for */
	uint64_t wish;
	uint32_t seen; /* generation of the picture that last showed it */
	enum told told;
	bool leftover, parked, blocked; /* blocked: by a foreign route; its going frees it */
	uint8_t tries, disturbances;
	mtime retry;     /* while parked */
	mtime disturbed; /* when last */
};

struct bundle {
	struct list node; /* in object->bundles or fib->absent */
	struct object *object;
	const struct fib_ways *set; /* TAG_IPV4 ... TAG_LEFTOVER */
	struct object *goal; /* of this round: what its routes should use; NULL: nothing or what they use */
	struct list fresh, calm;
	size_t n; /* parked ones included */
};

struct single {
	struct list node;
	struct hnode by_id, by_way;
	uint32_t id, seen;
	int ifindex;
	struct addr via; /* family and zero bytes: on link */
	bool exists, leftover, used;
	mtime hold; /* a deletion failed: not before */
	unsigned tries;
};

enum object_kind {
	OBJECT_GROUP,
	OBJECT_SINGLE,
	OBJECT_UNREACHABLE, /* none in the kernel: such routes stand alone; one a family */
	OBJECT_ODD,         /* routes of ours without a nexthop object */
};

struct object {
	struct list node;
	enum object_kind kind;
	uint32_t id, seen;
	bool exists, leftover, needed;
	bool frozen;                    /* a change of its content failed: leave it */
	struct single *single;          /* OBJECT_SINGLE */
	const struct fib_ways *content; /* in the kernel; NULL: not there, or nothing that we understand */
	const struct fib_ways *target;  /* what it should become; never NULL but in OBJECT_ODD */
	struct list bundles;
	size_t orphans; /* routes that use it and stand in no bundle, for want of memory */
	struct fib_member member[FIB_WAYS_MAX]; /* as last seen; resolved when the picture is complete */
	unsigned n_members, tries;
	mtime hold;
};

struct foreign {
	struct foreign *next; /* same prefix, higher or equal metric */
	uint32_t metric, nhid, seen;
	uint8_t protocol;
	enum fib_seen_type type;
	struct addr source;
	unsigned n_ways;
	struct fib_way way[];
};

struct pin {
	struct list node;
	struct addr endpoint;
	unsigned count;
	bool resolved, wanted;  /* reported once; has a wish */
	struct fib_route route; /* the path, as the wish is made of it; without a path its way is a reject */
};

struct protect {
	struct list node;
	struct prefix prefix;
	struct fib_route cover; /* what is wished through tunnels; n_ways 0: nothing */
};

struct link {
	struct list node;
	struct hnode by_index;
	int ifindex;
	char name[16];
	uint32_t seen;
	bool known, up, ours,
	    dropped; /* known: the kernel has it; dropped: was ours, and its owner gave it up */
};

struct address {
	struct list node;
	struct hnode by_addr;
	struct fib_seen_addr a;
	uint32_t seen;
};

struct report {
	struct list node;
	struct fib_report r;
};

struct fib {
	mtime now, deadline;
	struct ptrie *routes;  /* struct route, by metric */
	struct ptrie *foreign; /* struct foreign, by metric */
	struct ways_table *ways;
	const struct fib_ways *unwanted, *leftover;
	struct object *odd;
	struct list objects, singles, absent; /* absent: bundles of routes that are not in the kernel */
	struct list parked, pins, protects, links, addrs, reports, foreign_nexthops;
	struct htab links_by_index, addrs_by_addr, singles_by_id, singles_by_way;
	struct fib_route *last_route; /* of the report handed out last */
	uint32_t *taken;              /* ids in our range that somebody else holds */
	size_t n_taken, room_taken;
	uint32_t next_id;
	uint32_t generation;
	uint64_t epoch; /* of interface usability */
	bool in_picture, stray, resync, leaving, reconciled, underlay_dirty, connected_dirty, protect_dirty,
	    unfreeze, dirty;
	struct prefix *connected;
	size_t n_connected, n_disturbed;
	struct prefix first_disturbed;
};

/* ---- desire.c ---- */
struct route *route_find(const struct fib *f, const struct prefix *p, uint32_t metric);
struct route *route_make(struct fib *f, const struct prefix *p, uint32_t metric);
/* Puts a route where it belongs now, fresh; frees it when it is neither wanted nor there. */
void route_settle(struct fib *f, struct route *r);
/* Waits until a time; told to whoever wants it, if why is set. */
void route_park(struct fib *f, struct route *r, mtime until, bool blocked, const struct reason *why);
void route_tell(struct fib *f, struct route *r, bool in_kernel, const struct reason *why);
void parked_release(struct fib *f);   /* those whose time has come */
void parked_retry_all(struct fib *f); /* those that failed: something changed */
mdur fib_backoff(unsigned tries);

/* ---- objects.c ---- */
struct object *object_by_id(const struct fib *f, uint32_t id);
struct single *single_by_id(const struct fib *f, uint32_t id);
struct single *single_find(const struct fib *f, const struct fib_way *way);
struct single *single_make(struct fib *f, const struct fib_way *way);
/* With this id; NULL when memory is out. */
struct single *single_new(struct fib *f, uint32_t id, const struct fib_way *way);
void single_free(struct fib *f, struct single *s);
void single_turn(struct fib *f, struct single *s, const struct fib_way *way); /* it leads elsewhere now */
void single_rename(
    struct fib *f, struct single *s); /* its id is somebody else's: it gets another, and isn't there yet */
struct object *object_make(struct fib *f, enum object_kind kind, const struct fib_ways *target);
struct object *object_over(struct fib *f, struct single *s); /* the OBJECT_SINGLE of a single */
struct object *object_unreachable(struct fib *f, uint8_t family);
void object_free(struct object *o);
bool object_in_use(const struct object *o);                            /* by routes */
void object_content(struct object *o, const struct fib_ways *content); /* takes a reference of its own */
uint32_t nhid_new(struct fib *f);
void nhid_taken(struct fib *f, uint32_t id, bool taken);
void objects_resolve(struct fib *f); /* the picture is complete: content from members */
/* The part of a set that can be used now; borrowed. Never NULL: a set without memory for its part is taken as
 * it is. */
const struct fib_ways *ways_usable(struct fib *f, const struct fib_ways *set);
void objects_decide(struct fib *f); /* targets and goals of this round */

/* ---- underlay.c ---- */
struct foreign *foreign_find(const struct fib *f, const struct prefix *p, uint32_t metric);
void foreign_saw(struct fib *f, enum fib_seen how, const struct fib_seen_route *route);
void foreign_sweep(struct fib *f, bool all);
struct link *link_get(struct fib *f, int ifindex, bool make);
bool link_usable(const struct fib *f, int ifindex);
void addr_forget(struct fib *f, struct address *a); /* the kernel has it no more */
void pins_settle(struct fib *f);
void report_pin(struct fib *f, const struct fib_route *route, bool wanted);
void connected_settle(struct fib *f);

/* ---- protect.c ---- */
/* A route comes, goes, or changes its ways: what it covers may have to follow. */
void protect_look(struct fib *f, const struct prefix *changed);
void protects_settle(struct fib *f);

/* ---- foreign_nexthop.c ---- */
void foreign_nexthop_saw(struct fib *f, const struct fib_seen_nexthop *seen, bool gone);
void foreign_nexthop_sweep(struct fib *f, bool all);
/* The ways of an object that isn't ours; 0: unknown, or a reject. */
unsigned foreign_nexthop_ways(const struct fib *f, uint32_t id, struct fib_way way[FIB_WAYS_MAX]);

/* ---- observe.c ---- */
void route_lost(struct fib *f, struct route *r);

/* ---- report.c ---- */
struct fib_report *report_add(struct fib *f, enum fib_report_kind kind); /* NULL when memory is out */
void disturbed_settle(struct fib *f);

#endif

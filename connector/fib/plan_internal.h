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
 * Objects are compared by the image of a set: its ways without its tag and its backup, which the kernel does
 * not see.
 *
 * There may be millions of routes, so a route is 28 bytes: its bundle says what it uses and what it wants,
 * links are numbers, and what few routes have (several wishes, a source address, a metric, failures) stands
 * in a `struct rich` beside it (table.c).
 */
#ifndef CW_FIB_PLAN_INTERNAL_H
#define CW_FIB_PLAN_INTERNAL_H

#include "base/htab.h"
#include "base/list.h"
#include "base/ptab.h"
#include "base/ptrie.h"
#include "connector/fib/plan.h"
#include "connector/fib/ways.h"

#define IPV6_DEFAULT_METRIC 1024 /* IP6_RT_PRIO_USER */
#define FIB_ID_TRIES        16   /* ids in a row that somebody turned out to hold */
#define BUNDLE_SPARES       64
#define LODGE_QUIET_S       2 /* without a new wish, before routes are moved for their backup's sake */

enum fib_tag { /* of ways_table: what a set is */
	TAG_CONTENT = 0,
	TAG_IPV4 = 4, /* wanted by IPv4 routes */
	TAG_IPV6 = 6,
	TAG_UNWANTED = 8, /* pseudo-sets without ways */
	TAG_LEFTOVER = 9,
	TAG_LEARNED = 16, /* added to a family's: wanted by learned routes, which leave ways that are lost */
};

struct want {
	struct want *next; /* lower origin */
	const struct fib_ways *ways;
	struct addr source;
	enum fib_origin origin;
};

enum told { TOLD_NOTHING, TOLD_IN, TOLD_OUT };

/* Numbers of routes: 0 is none, the highest bit says IPv6. */
typedef uint32_t route_no;

struct route {
	route_no next, prev; /* in a list of its bundle, or in parked */
	route_no chain;      /* in its hash bucket; of a free one: the next free */
	uint32_t bundle;     /* its number; 0: free */
	uint32_t wish;
	uint8_t len, seen; /* seen: generation of the picture that last showed it */
	unsigned origin : 3, told : 2, asked_zero : 1; /* asked_zero: for metric 0, where that is another */
	unsigned wanted : 1, rich : 1, parked : 1, blocked : 1; /* blocked: by a foreign route; its going
	                                                           frees it */
	uint8_t address[4];                                     /* 16 of an IPv6 route */
};

struct rich { /* what few routes have */
	struct hnode by_route;
	uint32_t metric;    /* as the kernel counts */
	struct want *wants; /* all of them, best first */
	struct addr source; /* in the kernel */
	uint8_t tries, disturbances;
	mtime retry;     /* while parked */
	mtime disturbed; /* when last */
};

struct route_list {
	route_no first, last;
};

struct bundle {
	struct list node; /* in object->bundles or fib->absent */
	struct hnode by_pair;
	uint32_t number;
	struct object *object;
	const struct fib_ways *set; /* TAG_IPV4 ... TAG_LEFTOVER */
	struct object *goal; /* of this round: what its routes should use; NULL: nothing or what they use */
	struct route_list fresh, calm;
	size_t n; /* parked ones included */
};

struct single {
	struct list node;
	struct hnode by_id, by_way;
	uint32_t id, seen;
	int ifindex;
	struct addr via; /* family and zero bytes: on link */
	bool shared;     /* for groups of several ways: these lose it when it is deleted */
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
	bool whole;                     /* every route in it wants the target */
	struct single *single;          /* OBJECT_SINGLE */
	const struct fib_ways *content; /* in the kernel; NULL: not there, or nothing that we understand */
	const struct fib_ways *target;  /* what it should become; never NULL but in OBJECT_ODD */
	const struct fib_ways *exact;   /* the usable set that it is for: the target and a backup */
	struct list bundles;
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

struct lost { /* a way that learned routes are to leave */
	struct list node;
	int ifindex;
	struct addr via; /* none: all that lead by the interface */
	enum fib_way_state state;
};

struct report { /* but for those of routes */
	struct list node;
	size_t after; /* so many reports of routes ever come before it */
	struct fib_report r;
};

/* table.c: routes of one family, by number */
struct route_chunk;
struct route_slab {
	struct route_chunk **chunk;
	void **block; /* owned: what chunks are cut of */
	char *uncut;  /* the rest of the last one */
	uint32_t n_blocks, n_uncut;
	uint32_t n_chunks, used; /* used: numbers given out ever */
	route_no free;
	size_t size; /* of a route */
};
struct route_table {
	struct route_slab slab[2]; /* IPv4, IPv6 */
	struct ptab *by_prefix;    /* the first route with it, as a route_no; the others are chained */
	size_t count;
	struct htab rich;
};
struct route_walk { /* over all routes, in no order; they may come and go meanwhile */
	uint32_t family, index;
};

struct told_route { /* a report of a route, before it is handed out */
	struct prefix prefix;
	uint32_t metric, wish;
	uint8_t origin;
	bool in_kernel, wanted;
	struct reason *why; /* owned; or NULL */
};

struct fib {
	mtime now, deadline;
	struct route_table routes;
	struct ptrie *foreign;   /* struct foreign, by metric */
	struct sources *sources; /* NULL: nobody asked */
	bool sources_dirty;
	struct ways_table *ways;
	const struct fib_ways *unwanted, *leftover;
	struct object *odd;
	struct list objects, singles, absent; /* absent: bundles of routes that are not in the kernel */
	struct list pins, protects, links, addrs, reports, foreign_nexthops, lost;
	struct route_list parked;
	struct bundle **bundle; /* by number; [0] and free places are NULL */
	uint32_t n_bundles, room_bundles, spare_bundles;
	struct bundle *spare[BUNDLE_SPARES]; /* for when memory is out */
	struct htab bundles_by_pair;
	struct htab links_by_index, addrs_by_addr, singles_by_id, singles_by_way;
	struct told_route *told; /* ring */
	size_t told_at, n_told, room_told, told_ever;
	struct fib_route *last_route; /* of the report handed out last */
	uint32_t *taken;              /* ids in our range that somebody else holds */
	size_t n_taken, room_taken;
	uint32_t next_id;
	uint32_t generation;
	uint64_t epoch;  /* of interface usability */
	mtime last_want; /* of a learned route */
	bool in_picture, stray, resync, leaving, reconciled, underlay_dirty, connected_dirty, protect_dirty,
	    unfreeze, dirty, lodgers;
	struct prefix *connected;
	size_t n_connected, n_disturbed;
	struct prefix first_disturbed;
};

/* ---- table.c ---- */
struct route *route_by_no(const struct fib *f, route_no no);
route_no route_no_of(const struct route *r);
struct prefix route_prefix(const struct route *r);
uint8_t route_family(const struct route *r);
uint32_t route_metric(const struct fib *f, const struct route *r);
struct route *route_find(const struct fib *f, const struct prefix *p, uint32_t metric);
/* The route to exactly p with the lowest metric of at least `metric`. */
struct route *route_from_metric(const struct fib *f, const struct prefix *p, uint64_t metric);
/* Finds or makes it, without a bundle; NULL when memory is out. */
struct route *route_make(struct fib *f, const struct prefix *p, uint32_t metric);
void route_drop(struct fib *f, struct route *r); /* out of the table; it stands in no list */
struct rich *route_rich(const struct fib *f, const struct route *r); /* or NULL */
struct rich *route_enrich(struct fib *f, struct route *r);           /* NULL when memory is out */
void route_unrich(struct fib *f, struct route *r);                   /* frees it, and the wishes in it */
bool route_each(const struct fib *f, struct route_walk *w, struct route **ret_r);
void route_table_free(struct fib *f);
void route_table_trim(struct fib *f); /* gives the memory of an empty table back */
void route_list_append(struct fib *f, struct route_list *l, struct route *r);
void route_list_remove(struct fib *f, struct route_list *l, struct route *r);
void route_list_move_all(struct fib *f, struct route_list *to, struct route_list *from);
/* Iterate over a list; the current one may leave it and be freed inside the loop (its successor may not). */
#define route_list_each(f, l, var)                                                                           \
	for (struct route *var = route_by_no(f, (l)->first),                                                 \
	                  *var##_next = var ? route_by_no(f, var->next) : NULL;                              \
	     var; var = var##_next, var##_next = var ? route_by_no(f, var->next) : NULL)

/* ---- bundle.c ---- */
struct bundle *route_bundle(const struct fib *f, const struct route *r);
struct object *route_object(const struct fib *f, const struct route *r); /* in the kernel; NULL: it isn't */
void route_calm(struct fib *f, struct route *r);                         /* it needs nothing */
void route_unlist(struct fib *f, struct route *r); /* out of its bundle's list, or of the parked ones */
/* Finds or makes it; NULL when memory is out and the reserve, too. */
struct bundle *bundle_get(struct fib *f, struct object *o, const struct fib_ways *set);
void bundle_leave(struct fib *f, struct route *r);
void bundle_free(struct fib *f, struct bundle *b);
void bundles_reserve(struct fib *f);

/* ---- desire.c ---- */
const struct fib_ways *route_ways(const struct fib *f, const struct route *r); /* wished; NULL: nothing */
const struct addr *route_source(const struct fib *f, const struct route *r);   /* in the kernel */
const struct addr *route_wished_source(const struct fib *f, const struct route *r);
int route_set_source(struct fib *f, struct route *r, const struct addr *source); /* -1: memory is out */
void route_calm(struct fib *f, struct route *r);                                 /* it needs nothing */
void route_simplify(struct fib *f, struct route *r);
bool is_wish(const struct fib_ways *set);
/* Puts a route where it belongs now that it uses this object, fresh; frees it when it is neither wanted nor
 * there. keep_leftover: unwanted, it is one of an earlier run. */
void route_settle(struct fib *f, struct route *r, struct object *o, bool keep_leftover);
void route_resettle(struct fib *f, struct route *r); /* with what it has */
/* Waits until a time; told to whoever wants it, if why is set. */
void route_park(struct fib *f, struct route *r, mtime until, bool blocked, const struct reason *why);
void route_tell(struct fib *f, struct route *r, bool in_kernel, const struct reason *why);
void parked_release(struct fib *f);   /* those whose time has come */
void parked_retry_all(struct fib *f); /* those that failed: something changed */
mdur fib_backoff(unsigned tries);

/* ---- objects.c ---- */
struct object *object_by_id(const struct fib *f, uint32_t id);
struct single *single_by_id(const struct fib *f, uint32_t id);
/* shared: the one for groups of several ways. */
struct single *single_find(const struct fib *f, const struct fib_way *way, bool shared);
struct single *single_make(struct fib *f, const struct fib_way *way, bool shared);
/* With this id; NULL when memory is out. */
struct single *single_new(struct fib *f, uint32_t id, const struct fib_way *way, bool shared);
void single_free(struct fib *f, struct single *s);
void single_turn(struct fib *f, struct single *s, const struct fib_way *way); /* it leads elsewhere now */
void single_rename(
    struct fib *f, struct single *s); /* its id is somebody else's: it gets another, and isn't there yet */
/* exact: what it is for; NULL: only the target's ways. */
struct object *object_make(struct fib *f, enum object_kind kind, const struct fib_ways *exact);
struct object *object_over(struct fib *f, struct single *s); /* the OBJECT_SINGLE of a single */
struct object *object_unreachable(struct fib *f, uint8_t family);
void object_free(struct object *o);
bool object_in_use(const struct object *o);                            /* by routes */
void object_content(struct object *o, const struct fib_ways *content); /* takes a reference of its own */
uint32_t nhid_new(struct fib *f);
void nhid_taken(struct fib *f, uint32_t id, bool taken);
void objects_resolve(struct fib *f);      /* the picture is complete: content from members */
bool objects_strict(const struct fib *f); /* routes that only lodge in an object are to move to their own */
void objects_decide(struct fib *f);       /* targets and goals of this round */

/* ---- usable.c ---- */
/* The part of a set that can be used now; borrowed. Never NULL: a set without memory for its part is taken as
 * it is. */
const struct fib_ways *ways_usable(struct fib *f, const struct fib_ways *set);
const struct fib_ways *ways_image(
    struct fib *f, const struct fib_ways *set); /* borrowed; the same for NULL */
enum fib_way_state way_state(const struct fib *f, const struct fib_way *way);
void lost_forget(struct fib *f, int ifindex);

/* ---- underlay.c ---- */
struct foreign *foreign_find(const struct fib *f, const struct prefix *p, uint32_t metric);
void foreign_saw(struct fib *f, enum fib_seen how, const struct fib_seen_route *route);
void foreign_sweep(struct fib *f, bool all);
struct link *link_get(struct fib *f, int ifindex, bool make);
bool link_usable(const struct fib *f, int ifindex);
void addr_forget(struct fib *f, struct address *a); /* the kernel has it no more */
/* Has an interface of this machine the address? The first one, by number, that has. */
const struct fib_seen_addr *addr_local(const struct fib *f, const struct addr *a);
void connected_settle(struct fib *f);

/* ---- pins.c ---- */
void pins_settle(struct fib *f);
void report_pin(struct fib *f, const struct fib_route *route, bool wanted);

/* ---- sources.c ---- */
void sources_settle(struct fib *f);
void sources_free(struct fib *f);

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
void report_route(struct fib *f, const struct told_route *told, const struct reason *why); /* why: copied */
void disturbed_settle(struct fib *f);

#endif

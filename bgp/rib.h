/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of the tables: what core.h's speaker keeps a million of. No functions; those are in core.h. */
#ifndef CW_BGP_RIB_H
#define CW_BGP_RIB_H

#include "base/mtime.h"
#include "bgp/attr_set.h"
#include "bgp/bgp.h"
#include "bgp/decide.h"

struct peer;
struct out_group;

/* --- which routes count: stale.c --- */
/*
 * Each route has the number of the round of its family in which it was last told. Rounds from `first` to
 * `now` count; those before are over, and their routes gone, whether the sweep has been there or not. None in
 * the table is of a round before `clean`.
 */
struct stale_family {
	uint8_t now, first, clean, pass; /* pass: what `clean` is when the sweep that runs is through */
	uint32_t received, accepted;     /* routes that count */
	uint32_t stale, stale_accepted;  /* of them, of a round before `now` */
	mtime refresh_by;                /* a BoRR came: EoRR is due (RFC 7313 4.2) */
};
enum refusal {
	REFUSE_NONE,
	REFUSE_MALFORMED, /* detail: the fault */
	REFUSE_DEFAULT,
	REFUSE_MARTIAN,
	REFUSE_ANNOUNCED,
	REFUSE_CONNECTED,
	REFUSE_AS_LOOP,
	REFUSE_FIRST_AS,
	REFUSE_ORIGINATOR,
	REFUSE_NEXTHOP,
	REFUSE_NEXTHOP_OURS,
	REFUSE_POLICY,
	REFUSE_LIMIT,
	REFUSE_LEAK, /* by roles, RFC 9234 */
	REFUSE_CLUSTER,
	REFUSE_DAMPED, /* it flaps: damping.c */
	REFUSE_MEMORY, /* to apply policy; judged again with the next occasion */
};

/* What a sweep does to a peer's routes beside taking out those that are gone. */
enum rejudge { REJUDGE_NOT, REJUDGE_IMPORT, REJUDGE_DECISION };

struct route {
	uint32_t next; /* of the dest, by peer id and path id */
	uint32_t set;  /* as used; attr_set_received: as the peer sent them */
	uint32_t path_id;
	uint8_t slot, round;
	uint8_t refusal : 6;
	uint8_t in_use : 1, best : 1;
	uint8_t detail;
};

/* Adj-RIB-Out. A dest has them in one list, each peer at most one of either; OUT_PEND marks numbers of pend.
 */
#define OUT_PEND (1u << 31)
struct told { /* what the peer has */
	uint32_t next;
	uint32_t set; /* 0: nothing yet; room for what it is about to be told */
	uint8_t slot, round;
};
struct pend {           /* what it is to be told, as long as that differs */
	struct told is; /* set 0: withdrawn */
	bool resend;    /* even if it is what the peer has */
	uint32_t dest;
	uint32_t after, before; /* in its group */
	struct out_group *group;
};

#define DEST_V6 (1u << 31) /* in the number of a dest */
struct dest {
	uint32_t id;
	uint32_t routes, outs;
	uint32_t ways; /* last told to the daemon, or about to be: a way_set; 0: none */
	uint32_t fib_next, export_next;
	uint8_t len;
	bool announced : 1, in_fib_queue : 1, in_export_queue : 1;
	uint8_t key[]; /* the address: 4 or 16 bytes */
};
/* In order; the last one's next is 0. Through dest.fib_next or dest.export_next. */
struct dest_queue {
	uint32_t first, last;
	uint64_t in, out; /* ever */
};

/* The ways in use, and what stands in for them should their peers go; n 0: none. */
struct ways {
	unsigned n;
	struct bgp_path path[BGP_MULTIPATH_MAX];
	bool have_backup;
	struct bgp_path backup;
};
#define WAYS_UNKNOWN UINT32_MAX /* for want of memory: they are worked out when they are asked for */
struct way_sets {
	struct htab table;
	struct ids ids;
	uint32_t last; /* the one found last */
	size_t bytes;
};

/* A dest as other peers are to see it: our own network, or the best route. */
struct loc_route {
	struct prefix prefix;
	bool announced;
	const struct peer *from; /* NULL: announced, or none */
	struct attr_set *attrs;  /* NULL: there is none */
};

struct sweep {
	bool running;
	bool again;   /* something is over that the pass may have passed */
	bool rejudge; /* asked for: all routes of all peers */
	bool rejudging, rejudging_peers;
	struct prefix after;
	unsigned at_once; /* budget for what this call starts */
};

struct choice_room { /* for one decision at a time */
	struct candidate candidate[DECIDE_MAX], backup[DECIDE_MAX];
	struct route *route[DECIDE_MAX], *left[DECIDE_MAX];
};

#endif

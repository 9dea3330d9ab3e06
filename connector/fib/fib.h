/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FIB planner: desired routes + observed kernel state -> ordered operations. Pure: it opens nothing and
 * knows no netlink; the writer (connector/daemon/fib_writer) feeds it facts and executes what it plans.
 *
 * Routes use nexthop objects, shared by all routes with the same set of ways, so that a change of a way is
 * one message. A route is identified by (prefix, metric). What is observed with another protocol than ours is
 * never touched.
 */
#ifndef CW_FIB_FIB_H
#define CW_FIB_FIB_H

#include "base/addr.h"
#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>

#define FIB_PROTOCOL       201 /* RTA_PROTOCOL of all we write ("causeway") */
#define FIB_WAYS_MAX       16
#define FIB_METRIC_LEARNED 0 /* as other routing daemons leave it: 0 (IPv6: the kernel makes it 1024) */
/* Of the unreachable routes of protected prefixes; their ways through a tunnel have one less. */
#define FIB_METRIC_PROTECT 4000000000U
#define FIB_UNREACHABLE    (-1)

enum fib_origin {    /* why a route is wanted; shown by `fib show`, and nothing else depends on it */
	FIB_LEARNED, /* by BGP */
	FIB_PEER,    /* host route to a BGP peer through its tunnel */
	FIB_STATIC,
	FIB_PIN,     /* an outer endpoint on its original path */
	FIB_PROTECT, /* a prefix that must never leave in clear */
};
#define FIB_ORIGINS (FIB_PROTECT + 1)

/* What is known of a way beyond its interface's state. */
enum fib_way_state {
	FIB_WAY_GOOD,
	FIB_WAY_LOST, /* its neighbour is gone, as it seems: learned routes leave it for something better */
	FIB_WAY_DEAD, /* its tunnel passes nothing: learned routes leave it in any case */
};

struct fib_way {
	int ifindex; /* 0: a reject, packets are dropped here; FIB_UNREACHABLE: the same, and their senders
	                are told. Alone in its set */
	struct addr via;    /* none: on link */
	uint32_t weight;    /* 1.. */
	uint32_t owner;     /* whoever asked for it, by the asker's number; kept for views and counts only */
	char interface[16]; /* for views only */
};

struct fib_route {
	struct prefix prefix;
	uint32_t metric;
	enum fib_origin origin;
	struct addr source; /* preferred source address; none: the kernel's choice */
	struct fib_way way[FIB_WAYS_MAX];
	unsigned n_ways;
	/* Where it goes as soon as none of its ways can be used or all are lost (fib_way_lost), before its
	 * owner has said another word. */
	bool have_backup;
	struct fib_way backup;
};

/* A foreign route that announcements may hang on (sources.c). */
#define FIB_SOURCES_MAX   10000
#define FIB_INTERFACE_MAX 16
struct fib_source {
	struct prefix prefix;
	uint8_t protocol;
	char interface[FIB_INTERFACE_MAX]; /* of its first usable way; "" of a blackhole and its like */
};

#endif

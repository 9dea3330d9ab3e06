/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtnetlink (RFC 3549; linux/rtnetlink.h, linux/nexthop.h): dumps, a monitor, and batches of changes whose
 * results come back one by one. It translates and knows no policy: which routes are ours is its caller's
 * business.
 *
 * A socket belongs to one thread at a time and stays in the routing domain that it was opened in. Addresses
 * are base/addr values (network order inside), every number is in host order.
 */
#ifndef CW_SYS_RTNL_H
#define CW_SYS_RTNL_H

#include "base/addr.h"
#include "base/reason.h"
#include "connector/sys/domain.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTNL_WAYS_MAX                                                                                        \
	32 /* of one route or nexthop group; what the kernel has beyond is counted, not kept                 \
	    */

struct rtnl_way {
	int ifindex;     /* 0: none (unreachable and its like) */
	struct addr via; /* none: on link */
	uint32_t weight; /* 1.. */
	unsigned flags;  /* RTNH_F_* */
};

struct rtnl_route {
	struct prefix prefix;
	uint32_t table, metric, nhid; /* nhid 0: the ways stand in the route itself */
	uint8_t protocol, type, tos, scope;
	bool cloned;        /* a cache entry, no route */
	struct addr source; /* RTA_PREFSRC; none: the kernel's choice */
	uint32_t mtu;       /* RTAX_MTU: of the route, or learned for its path; 0: the interface's */
	struct rtnl_way way[RTNL_WAYS_MAX];
	unsigned n_ways, n_more; /* kept, and beyond */
};

struct rtnl_nexthop {
	uint32_t id;
	uint8_t protocol, family; /* family 4 or 6; 0 for a group */
	bool group, blackhole;
	struct rtnl_way way; /* of a single one */
	struct rtnl_member {
		uint32_t id, weight; /* weight 1.. */
	} member[RTNL_WAYS_MAX];
	unsigned n_members, n_more;
};

struct rtnl_link {
	int ifindex;
	char name[IFNAMSIZ];
	unsigned flags; /* IFF_* */
};

struct rtnl_addr {
	int ifindex;
	struct addr addr;
	struct prefix network; /* canonical; of the far end on a point-to-point address */
	uint8_t scope;         /* RT_SCOPE_* */
	uint32_t flags;        /* IFA_F_* */
};

enum rtnl_kind { RTNL_ROUTE, RTNL_NEXTHOP, RTNL_LINK, RTNL_ADDR };

struct rtnl_msg {
	enum rtnl_kind kind;
	bool gone;            /* a deletion */
	bool replace, append; /* how the kernel says a route came in */
	union {
		struct rtnl_route route;
		struct rtnl_nexthop nexthop;
		struct rtnl_link link;
		struct rtnl_addr addr;
	};
};

/* The message is valid during the call only. */
typedef void rtnl_handler(void *ctx, const struct rtnl_msg *msg);

struct rtnl;

/* A socket for requests. NULL with a reason. */
struct rtnl *rtnl_open(const struct sys_domain *domain, struct reason *ret_reason);
void rtnl_close(struct rtnl *r);
uint32_t rtnl_port(const struct rtnl *r); /* what the kernel knows it by */

#define RTNL_INTERRUPTED 1
/*
 * Everything of a kind (routes: of the main table, both families; route_protocol 0: of every protocol). 0;
 * RTNL_INTERRUPTED when something changed meanwhile, so that the picture may have holes; -errno.
 */
int rtnl_dump(struct rtnl *r, enum rtnl_kind kind, uint8_t route_protocol, rtnl_handler *handler, void *ctx);
/* The route the kernel would take to a destination, with its source. 0, or -errno (-ENETUNREACH: none). */
int rtnl_lookup(struct rtnl *r, const struct addr *dst, struct rtnl_route *ret_route);
/* The routing entry that the kernel would use for a destination, as it stands in the table (prefix,
 * protocol). The same errors. */
int rtnl_match(struct rtnl *r, const struct addr *dst, struct rtnl_route *ret_route);

/* A socket that hears of every change, but not of those made through the socket with ignore_port. */
struct rtnl *rtnl_monitor(const struct sys_domain *domain, uint32_t ignore_port, struct reason *ret_reason);
int rtnl_fd(const struct rtnl *r);
/* Delivers what has arrived, without waiting. 0; -ENOBUFS: messages were lost, dump again; other -errno. */
int rtnl_read(struct rtnl *r, rtnl_handler *handler, void *ctx);

/* ---- changes ---- */

enum rtnl_how {
	RTNL_CREATE,  /* -EEXIST if there is one with the same key, whoever's it is */
	RTNL_APPEND,  /* routes: behind what has the same key */
	RTNL_REPLACE, /* nexthops by id: -ENOENT if there is none. There is no such thing for routes, as the
	                 kernel's would hit foreign ones */
	RTNL_DELETE,
	RTNL_DELETE_ANY, /* routes: whatever nexthop it uses */
};

struct rtnl_batch;

struct rtnl_batch *rtnl_batch_new(void); /* NULL when memory is out */
void rtnl_batch_free(struct rtnl_batch *b);
void rtnl_batch_clear(struct rtnl_batch *b);
size_t rtnl_batch_room(const struct rtnl_batch *b); /* how many more changes fit */
/*
 * Adds a change; the tag comes back with its result. -ENOBUFS when the batch is full. Of a route: prefix,
 * metric, nhid, protocol and source count (a deletion matches all of them but an absent source), and for a
 * new one its type (RTN_UNREACHABLE without nhid; 0: unicast); it goes to the main table.
 */
int rtnl_batch_route(struct rtnl_batch *b, size_t tag, enum rtnl_how how, const struct rtnl_route *route);
int rtnl_batch_nexthop(
    struct rtnl_batch *b, size_t tag, enum rtnl_how how, const struct rtnl_nexthop *nexthop);
/* An address on an interface: CREATE or DELETE. */
int rtnl_batch_addr(struct rtnl_batch *b, size_t tag, enum rtnl_how how, const struct rtnl_addr *addr);

/* err 0 or -errno; text is the kernel's own explanation, "" if it gave none. */
typedef void rtnl_result(void *ctx, size_t tag, int err, const char *text);
/*
 * Sends the batch and waits until the kernel is through with all of it: one result for each change, in order.
 * 0, or -errno when the socket failed; results not delivered by then are unknown.
 */
int rtnl_exec(struct rtnl *r, const struct rtnl_batch *b, rtnl_result *result, void *ctx);

/* rtnl_parse.c, for the socket's file and tests: one netlink message (struct nlmsghdr). False: of no
 * interest. */
struct nlmsghdr;
bool rtnl_parse(const struct nlmsghdr *nlh, struct rtnl_msg *ret_msg);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a BGP path to a way of the FIB. A path of a tunnel's peer leads into the tunnel. A LAN peer's leads
 * along the kernel's route to its next hop, which must be a route of somebody else's that is not the default:
 * traffic for the LAN must neither leave by the WAN nor follow what we learned ourselves. Prefixes with a
 * next hop that has no such route wait here, and are tried again. What the kernel says about a next hop is
 * remembered for a second, because a table names the same few a million times. Control thread only.
 */
#ifndef CW_DAEMON_NEXTHOP_H
#define CW_DAEMON_NEXTHOP_H

#include "connector/daemon/domain.h"

/* False: there is no way (now). */
bool nexthop_resolve(struct domain *d, const struct prefix *p, const struct bgp_path *path,
    struct fib_way *ret_way, mtime now);
/* The way to a neighbour on a network of this machine, as routes by it have it; false: it is behind
 * something. */
bool nexthop_neighbour(struct domain *d, const struct addr *a, struct fib_way *ret_way);
/* What the kernel said about next hops may be out of date: it is asked again. */
void nexthop_stale(struct domain *d);
/* Only `resolved` of the prefix's paths have a way: try again later. */
struct routes_best;
void nexthop_wait(struct domain *d, const struct routes_best *best, unsigned resolved);
void nexthop_forget(struct domain *d, const struct prefix *p);
/* Looks at waiting prefixes for a bounded time, and hands those with more or fewer ways than before to
 * routes_learned. d->retry_at is when it wants to go on; else with the next poll. */
void nexthop_retry(struct domain *d, mtime now);
void nexthop_free(struct domain *d);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel should hold, as consequences of tunnels and BGP: host routes to BGP peers and static routes
 * from `child` on, learned routes while the BGP core wants them. Keeps count of each tunnel's learned routes,
 * so that the ladder knows when all of them are in. Control thread only.
 */
#ifndef CW_DAEMON_ROUTES_H
#define CW_DAEMON_ROUTES_H

#include "connector/daemon/domain.h"
#include "connector/daemon/tunnel.h"

/* The host route to the tunnel's BGP peer, and its static routes (statics.h). */
void routes_tunnel_in(struct tunnel *t);
void routes_tunnel_out(struct tunnel *t);
/*
 * Its configuration changes while it runs: first all tunnels leave what they won't have any more, then each
 * enters what is new to it. What both configurations have is not touched: a route that went for a moment
 * would let packets go elsewhere, in clear.
 */
void routes_leave(struct tunnel *t, const struct cfg_tunnel *cfg);
void routes_enter(struct tunnel *t, const struct cfg_tunnel *was);
/* A best route of the BGP core. n 0: gone. */
struct routes_best {
	struct prefix prefix;
	const struct bgp_path *path;
	unsigned n;
	const struct bgp_path *backup; /* NULL: none */
};
void routes_learned(struct domain *d, const struct routes_best *best, mtime now);
/* The writer's count of learned routes by a peer's ways, for its tunnel. */
void routes_count(struct domain *d, uint32_t owner, enum fib_place place, unsigned by);
/* Learned routes within a prefix by which LAN peers may lead: whether their ways are allowed has changed. */
void routes_reconsider(struct domain *d, const struct prefix *within);
/* The writer's word on a route. */
void routes_result(struct domain *d, const struct prefix *p, uint32_t metric, enum fib_origin origin,
    bool in_kernel, const struct reason *why);
/* Is this learned prefix in the kernel? For views. */
bool routes_in_kernel(const struct domain *d, const struct prefix *p);

#endif

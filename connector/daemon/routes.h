/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel should hold, as consequences of tunnels and BGP: host routes to BGP peers and static routes
 * from `child` on, learned routes while the BGP core wants them. Keeps the table of learned routes with the
 * tunnels they go through, so that the ladder knows when all of them are in. Control thread only.
 */
#ifndef CW_DAEMON_ROUTES_H
#define CW_DAEMON_ROUTES_H

#include "connector/daemon/domain.h"
#include "connector/daemon/tunnel.h"

/* The host route to the tunnel's BGP peer and its static routes. */
void routes_tunnel_in(struct tunnel *t);
void routes_tunnel_out(struct tunnel *t);
/*
 * Its configuration changes while it runs: first all tunnels leave what they won't have any more, then each
 * enters what is new to it. What both configurations have is not touched: a route that went for a moment
 * would let packets go elsewhere, in clear.
 */
void routes_leave(struct tunnel *t, const struct cfg_tunnel *cfg);
void routes_enter(struct tunnel *t, const struct cfg_tunnel *was);
/* Its trigger routes: those that exist without a child, so that a packet may ask for one. */
void routes_arm(struct tunnel *t, bool armed);
/* On demand, and it could not be had or was lost: its trigger routes go to the next tunnel at rest that has
 * them, too, which the next packet asks. One that is up has them already. */
void routes_pass_turn(struct tunnel *t);
/* Its packets don't pass any more, though its child stands: static routes move to tunnels that pass packets
 * and have them, too. Without one they stay: what leaves may still arrive. */
void routes_path_lost(struct tunnel *t);
/* A best route of the BGP core. n 0: gone. */
void routes_learned(
    struct domain *d, const struct prefix *p, const struct bgp_path path[], unsigned n, mtime now);
/* Learned routes within a prefix by which LAN peers may lead: whether their ways are allowed has changed. */
void routes_reconsider(struct domain *d, const struct prefix *within);
/* The writer's word on a route. */
void routes_result(struct domain *d, const struct prefix *p, uint32_t metric, enum fib_origin origin,
    bool in_kernel, const struct reason *why);
/* Is this learned prefix in the kernel? For views. */
bool routes_in_kernel(const struct domain *d, const struct prefix *p);
void routes_free(struct domain *d);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must never leave in clear: the prefixes of protect[], and the addresses of the tunnels' BGP peers. The
 * planner holds them by unreachable routes (connector/fib/protect.c); here is when: a new one is in the
 * kernel before anything else of its commit, and before IKE sends its first message; one that is given up
 * leaves last. And what a LAN peer teaches for a protected prefix is not installed, since that way is in
 * clear. The discard routes of aggregates are held by the same means, but whatever is learned for a part of
 * them is installed. Control thread only.
 */
#ifndef CW_DAEMON_PROTECT_H
#define CW_DAEMON_PROTECT_H

#include "connector/daemon/domain.h"

/* First of a commit: protects what is new in cfg, a tunnel's BGP peer, in protect[] or an aggregate. */
void protect_enter(struct domain *d, const struct cfg *cfg);
/* Last of the same commit: gives up what protect_enter didn't meet in its cfg, but for the BGP peers of
 * tunnels that are still going out. */
void protect_leave(struct domain *d);
/* A retiring tunnel's SAs and interface are gone: its BGP peer is given up, unless others have it. */
void protect_retired(struct domain *d, const struct tunnel *t);
/* May a route to this prefix not go by this BGP peer? */
bool protect_forbids(const struct domain *d, const struct prefix *p, uint32_t peer);
/* The kernel has what was protected: tunnels that waited for it start. */
void protect_fenced(struct domain *d, uint64_t fence);
void protect_free(struct domain *d);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MTU of a tunnel's interface: what the configuration says, unless packets of that size would not fit,
 * sealed, through the interface by which the peer is reached. Then it is what fits, with the warning
 * "mtu-too-large". Control thread only.
 */
#ifndef CW_DAEMON_TUNNEL_MTU_H
#define CW_DAEMON_TUNNEL_MTU_H

#include "connector/daemon/tunnel.h"

/*
 * What the interface should have. possible: the largest inner packet that fits, 0 when unknown. Never below
 * what the inner protocols must be able to rely on (RFC 791: 576 here; RFC 8200 5: 1280, below which Linux
 * drops IPv6 from the interface).
 */
uint32_t tunnel_mtu_choose(uint32_t configured, uint32_t possible, bool ipv6_inside);
/* An outbound SA is installed: this is how packets are sealed from now on, and where they go. */
void tunnel_mtu_sealed_by(struct tunnel *t, const struct plane_sa *sa);
/* They go elsewhere now, in UDP or not. */
void tunnel_mtu_moved(struct tunnel *t, const struct addr *remote, bool udp_encap);
/* A probe through the tunnel has found out what passes, or that it does not know any more. */
void tunnel_mtu_probed(struct tunnel *t);
/* The way to the peer may be another now: looks again (two questions to the kernel, microseconds) and changes
 * the interface if need be. */
void tunnel_mtu_update(struct tunnel *t);

#endif

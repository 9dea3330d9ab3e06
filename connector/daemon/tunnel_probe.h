/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks through each tunnel that passes which packets come back (mtu_probe.h), by ICMP echo to the BGP peer,
 * and has the interface's MTU follow. Tunnels without an IPv4 BGP session, and peers that answer no ping, are
 * left as computed. Control thread only.
 */
#ifndef CW_DAEMON_TUNNEL_PROBE_H
#define CW_DAEMON_TUNNEL_PROBE_H

#include "connector/daemon/tunnel.h"

struct domain;

/* Opens the domain's socket for it; without CAP_NET_RAW nothing is probed. */
void tunnel_probe_open(struct domain *d);
void tunnel_probe_close(struct domain *d);
/* Once a second. */
void tunnel_probe_tick(struct tunnel *t, mtime now);
/* Answers are there. */
void tunnel_probe_input(struct domain *d, mtime now);

#endif

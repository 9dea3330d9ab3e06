/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tunnel whose outer addresses change while its SAs live: the peer's (a NAT's new mapping, MOBIKE), which
 * are pinned like those of the configuration, and ours, of which the IKE core is told (RFC 4555). Control
 * thread only.
 */
#ifndef CW_DAEMON_TUNNEL_MOVE_H
#define CW_DAEMON_TUNNEL_MOVE_H

#include "connector/daemon/tunnel.h"

/* IKE_ACT_REMOTE_MOVED: the SAs, the pin and the MTU follow. */
void tunnel_moved(struct tunnel *t, const struct ike_action *a);
/* There are no SAs any more: where they went is not pinned any longer, unless it is configured. */
void tunnel_move_over(struct tunnel *t);
/* Looks which address of ours the kernel would take to the peer, and tells the core. Only with mobike and
 * without a local-address; one question to the kernel. */
void tunnel_locals_look(struct tunnel *t, mtime now);

#endif

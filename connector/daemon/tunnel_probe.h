/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks through each tunnel that passes which packets come back (mtu_probe.h), by echoes (echoes.h), and has
 * the interface's MTU follow. A tunnel that has nobody to ask, or whose far end answers no ping, is left as
 * computed. Control thread only.
 */
#ifndef CW_DAEMON_TUNNEL_PROBE_H
#define CW_DAEMON_TUNNEL_PROBE_H

#include "connector/daemon/tunnel.h"

/* Once a second. */
void tunnel_probe_tick(struct tunnel *t, mtime now);
/* The child is gone: what was found is kept, that nobody answered is not. */
void tunnel_probe_down(struct tunnel *t, mtime now);
void tunnel_probe_answered(struct tunnel *t, uint16_t seq, mtime now);

#endif

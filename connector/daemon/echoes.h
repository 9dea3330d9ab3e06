/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Echo requests through tunnels, for those who ask by them: does it pass at all (liveness.c), and what size
 * (tunnel_probe.c)? Whom to ask, from which address, and whose tunnel an answer belongs to, is decided here
 * alone. An answer counts only from the address asked, by the tunnel's own interface. The domain's sockets
 * are opened with the first request. Control thread only.
 */
#ifndef CW_DAEMON_ECHOES_H
#define CW_DAEMON_ECHOES_H

#include "connector/daemon/tunnel.h"

enum echo_asker { ECHO_LIVENESS, ECHO_MTU }; /* the channels of connector/sys/echo.h */

/* `probe-address`, else the BGP peer; none: there is nobody to ask. */
struct addr echoes_target(const struct cfg_tunnel *cfg);
/* size: of the IP packet. 0, or -errno. What is sent counts in the tunnel's echoes_out, its answer in
 * echoes_in. */
int echoes_ask(struct tunnel *t, enum echo_asker asker, uint16_t seq, uint32_t size);
void echoes_close(struct domain *d);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of a tunnel (tunnel*.c); others use tunnel.h. Control thread only. */
#ifndef CW_DAEMON_TUNNEL_INTERNAL_H
#define CW_DAEMON_TUNNEL_INTERNAL_H

#include "connector/daemon/tunnel.h"
#include "connector/fib/fib.h"

#define TUNNEL_CEASE_SHUTDOWN 2 /* RFC 4486, administrative shutdown */

/* tunnel.c */
void tunnel_free(struct tunnel *t); /* its interface is another's by now, or gone */
/* What fails again in the same way is not told again: a peer that hangs up on us at once must not fill the
 * log. */
void tunnel_set_error(struct tunnel *t, const struct reason *why);
void tunnel_enter_service(struct tunnel *t);
/* Into the IKE core as it is now; one that has names alone is entered when they have addresses. */
int tunnel_ike_enter(struct tunnel *t, struct reason *ret_reason);

/* tunnel_stop.c */
void tunnel_stop_begin(struct tunnel *t);
/* BGP and its routes first. `told`: the path still carries a Cease. */
void tunnel_routes_out(struct tunnel *t, bool told, mtime now);

/* tunnel_bgp.c */
/* add: the core does not know the peer yet. */
int tunnel_bgp_enter(struct tunnel *t, bool add, struct reason *ret_reason);
void tunnel_bgp_leave(struct tunnel *t);
void tunnel_bgp_go(struct tunnel *t); /* where nothing stands in its way */
/* Learned routes leave a dead way before BGP has withdrawn a single one; those to come with a session are
 * welcome. */
void tunnel_way_is(const struct tunnel *t, enum fib_way_state state);

/* tunnel_remotes.c */
/* What is new is pinned before what is no more is given up. */
void tunnel_pin_remotes(struct tunnel *t, const struct addr addr[], unsigned n);
/* The peer's addresses are others now, or in another order. */
void tunnel_remotes_changed(struct tunnel *t);
/* Has the core the addresses that are known? A name's may have come while the tunnel was going down. */
bool tunnel_remotes_entered(const struct tunnel *t);

#endif

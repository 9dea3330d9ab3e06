/* SPDX-License-Identifier: Apache-2.0 */
/* A tunnel's interface: its name, its addresses, and who takes it over. Control thread only. */
#ifndef CW_DAEMON_TUNNEL_IF_H
#define CW_DAEMON_TUNNEL_IF_H

#include "connector/daemon/tunnel.h"

/*
 * Can a tunnel of this configuration stand? Its inside addresses must be held by no interface but ours, and a
 * BGP address that no tunnel brings must be on the machine. -1 with a reason. Changes nothing.
 */
int tunnel_if_check(const struct domain *d, const struct cfg_site *site, const struct cfg_tunnel *cfg,
    struct reason *ret_reason);
/*
 * Checks, makes the interface and gives it its addresses, unless `reuse` has the interface already and will
 * hand it over. -1 with a reason; nothing is left behind then.
 */
int tunnel_if_prepare(struct tunnel *t, struct tunnel *reuse, struct reason *ret_reason);
void tunnel_if_remove(struct tunnel *t);
/*
 * Puts right what others did to the interface of an active tunnel: sets it up, puts missing addresses back;
 * one that was deleted is made anew, and the tunnel pairs again. What fails is tried again with the next
 * call. Costs nothing while nothing is suspected.
 */
void tunnel_if_look(struct tunnel *t);
void tunnel_if_hand_over(struct tunnel *from, struct tunnel *to);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people tell BGP while it runs: announce and withdraw networks, ask for routes or tell them again, take
 * a session down and up. All of it holds until the opposite command or until the daemon starts anew, also
 * across a reload; the configuration is for good. A network that the configuration announces, by whatever
 * source, or an aggregate may be
 * withdrawn: at night that is what stops the damage, and `bgp summary` says that it is so. Control thread
 * only.
 */
#ifndef CW_DAEMON_BGP_COMMAND_H
#define CW_DAEMON_BGP_COMMAND_H

#include "connector/daemon/domain.h"
#include "connector/mgmt/api.h"

/* API_REFUSED: a safety rule; all networks of one command or none of them. */
enum api_result bgp_command(void *domain, const struct api_bgp_op *op, struct reason *ret_reason);

/* Was this session (SITE/TUNNEL or a LAN peer's name) taken down by command? */
bool bgp_command_is_down(const struct domain *d, const char *peer);
bool bgp_command_announces(const struct domain *d, const struct prefix *p);
/* Configured, and withdrawn by command. */
bool bgp_command_withdrew(const struct domain *d, const struct prefix *p);
/*
 * A configuration is about to rule: what it announces itself is no command's any more, what it no longer
 * announces needs no withdrawing, and a new BGP core is told the rest.
 */
void bgp_command_reload(struct domain *d, const struct cfg *cfg, mtime now);
void bgp_command_free(struct domain *d);

/* Views: the networks of the commands, in order, from row `start` on; and what has become of one network. */
size_t bgp_command_view(void *domain, size_t start, struct view_announced *out, size_t max);
enum api_result bgp_command_view_one(
    void *domain, const struct prefix *p, struct view_told **ret_told, struct reason *ret_reason);

#endif

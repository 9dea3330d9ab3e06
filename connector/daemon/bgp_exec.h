/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executes what the BGP core decided: TCP connections, listeners, and learned routes on their way to the FIB.
 * Turns configuration into the core's terms. Control thread only.
 */
#ifndef CW_DAEMON_BGP_EXEC_H
#define CW_DAEMON_BGP_EXEC_H

#include "connector/daemon/domain.h"
#include "connector/daemon/tunnel.h"

bool bgp_exec_one(struct domain *d, mtime now);
void bgp_exec_tunnel_config(
    const struct domain *d, const struct tunnel *t, struct bgp_peer_config *ret_config);
void bgp_exec_lan_config(const struct cfg_peer *peer, struct bgp_peer_config *ret_config);
/* A listener for this address exists afterwards. -1 with a reason. */
int bgp_exec_listen(struct domain *d, const struct addr *local, bool *ret_created, struct reason *ret_reason);
void bgp_exec_listener_free(struct bgp_listener *l);
/* What the configuration says of connections, to those that stand. */
void bgp_exec_links_apply(struct domain *d);
/* A peer's configuration; NULL: it has none any more. */
const struct cfg_bgp *bgp_exec_config_of(const struct domain *d, uint32_t peer);
/* Bytes that wait in a peer's connections, either way; its ends tell one that was accepted. */
void bgp_exec_queues(const struct domain *d, uint32_t peer, const struct addr *local,
    const struct addr *remote, size_t *ret_in, size_t *ret_out);
/* Drops every connection without a word (the core they belong to is going). */
void bgp_exec_drop_links(struct domain *d);

/* The way to a neighbour that was told to be lost is good again: its session is up, or it is nobody's any
 * more. */
struct lan_peer;
void bgp_exec_lan_way_good(struct domain *d, struct lan_peer *p);

#endif

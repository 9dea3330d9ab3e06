/* SPDX-License-Identifier: Apache-2.0 */
/* What protects the TCP connections of BGP sessions, from configuration to sockets. Control thread only. */
#ifndef CW_DAEMON_BGP_TRANSPORT_H
#define CW_DAEMON_BGP_TRANSPORT_H

#include "connector/daemon/domain.h"
#include "connector/sys/tcp.h"

/* Of the core's peer; false and all zero when it is not known. The password is the configuration's. */
bool bgp_transport_of(const struct domain *d, uint32_t peer, struct tcp_options *ret_options);
/* Of whoever has this session; false: nobody has, or its password could not be set and nothing may come
 * unsigned. */
bool bgp_transport_accepts(const struct domain *d, const struct bgp_listener *l, const struct addr *remote,
    struct tcp_options *ret_options);
/* Of the session between these addresses; false: there is none, and *ret_options is as it was. */
bool bgp_transport_between(const struct domain *d, const struct addr *local, const struct addr *remote,
    struct tcp_options *ret_options);
/* The configuration in force, to the listeners and to the connections that stand. */
void bgp_transport_apply(struct domain *d);
void bgp_transport_listener_free(struct bgp_listener *l);

#endif

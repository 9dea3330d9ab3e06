/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BFD for BGP peers: a session of the BFD thread runs while the peer's BGP is started and its configuration
 * has bfd/enabled, and what it finds is told to the BGP core. Control thread only.
 */
#ifndef CW_DAEMON_BFD_EXEC_H
#define CW_DAEMON_BFD_EXEC_H

#include "connector/daemon/domain.h"
#include "connector/mgmt/view.h"

/* Brings the sessions in line with tunnels, LAN peers and configuration; cheap when nothing has changed. */
void bfd_exec_look(struct domain *d, mtime now);
/* Ends BFD, the thread too; the peers of sessions that still stand are told. */
void bfd_exec_close(struct domain *d);
/* For `bgp peer`. */
void bfd_exec_view(const struct domain *d, uint32_t id, const struct cfg_bfd *cfg, struct view_bfd *ret_view);

#endif

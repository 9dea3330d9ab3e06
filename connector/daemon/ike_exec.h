/* SPDX-License-Identifier: Apache-2.0 */
/* Executes what the IKE core decided, and turns configuration into the core's terms. Control thread only. */
#ifndef CW_DAEMON_IKE_EXEC_H
#define CW_DAEMON_IKE_EXEC_H

#include "connector/daemon/domain.h"
#include "connector/daemon/tunnel.h"

/* Takes and executes one action; false when there is none. */
bool ike_exec_one(struct domain *d, mtime now);
/* The core's view of a tunnel's configuration. -1 with a reason (an identity that can't be parsed). The key
 * is borrowed. */
int ike_exec_config(const struct cfg_tunnel *cfg, const struct remotes *remotes, enum plane_kind plane,
    const char *name, struct ike_conn_config *ret_config, struct reason *ret_reason);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration as a transaction: check and prepare everything that can fail, and only then change anything.
 * Tunnels that the new configuration does not change are not touched: their SAs, sessions and routes stay.
 * Control thread only.
 */
#ifndef CW_DAEMON_APPLY_H
#define CW_DAEMON_APPLY_H

#include "connector/daemon/domain.h"

/* Takes over cfg (also on failure). -1 with a reason: everything is as it was. */
int apply_config(struct domain *d, struct cfg *cfg, struct reason *ret_reason);

#endif

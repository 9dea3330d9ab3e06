/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What peers send and how their sessions stand, recorded as MRT (RFC 6396 4.4, RFC 8050) while the
 * configuration says so. Messages as they came, also those that turned out malformed. Control thread only.
 */
#ifndef CW_DAEMON_MRT_EXEC_H
#define CW_DAEMON_MRT_EXEC_H

#include "connector/daemon/domain.h"
#include "connector/mgmt/view.h"

struct mrt_exec *mrt_exec_new(struct domain *d);
void mrt_exec_free(struct mrt_exec *m); /* what waits is written */
void mrt_exec_configure(struct mrt_exec *m, const struct cfg_mrt *cfg);
void mrt_exec_view(const struct mrt_exec *m, struct view_mrt *ret_view);

#endif

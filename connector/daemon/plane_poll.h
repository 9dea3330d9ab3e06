/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the data plane's counters and hands them on as facts (about once a second). Control thread only. */
#ifndef CW_DAEMON_PLANE_POLL_H
#define CW_DAEMON_PLANE_POLL_H

#include "connector/daemon/domain.h"

void plane_poll(struct domain *d, mtime now);

#endif

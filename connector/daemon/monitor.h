/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bgp monitor`: the last events of BGP in one ring, read by any number of subscribers, each at its own pace.
 * The ring is there while somebody reads, and has a fixed size: who reads too slowly loses the oldest, and is
 * told how many. Control thread only.
 */
#ifndef CW_DAEMON_MONITOR_H
#define CW_DAEMON_MONITOR_H

#include "connector/daemon/domain.h"
#include "connector/mgmt/api.h"

struct monitor *monitor_new(struct domain *d);
void monitor_free(struct monitor *m);

/* As api_ops.monitor_*. */
void *monitor_open(
    void *domain, const struct api_monitor_query *q, enum api_result *ret_result, struct reason *ret_reason);
size_t monitor_next(void *subscriber, struct view_event *out, size_t max, uint64_t *ret_lost);
void monitor_close(void *subscriber);

#endif

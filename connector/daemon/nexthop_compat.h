/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `nexthop-compat`: net.ipv4.nexthop_compat_mode of the domain's namespace (it counts for IPv6 too). With the
 * kernel's default of 1 the change of a nexthop object is told to listeners once for each route that names
 * it, which takes the kernel 0.9 s under a million routes, with its lock held; with 0 the object alone is
 * told, in a tenth of a millisecond. But then `ip route` and others see `nhid` where they used to see `via`
 * and `dev`, so the admin decides.
 *
 * Control thread only.
 */
#ifndef CW_DAEMON_NEXTHOP_COMPAT_H
#define CW_DAEMON_NEXTHOP_COMPAT_H

#include "base/log.h"
#include "connector/sys/domain.h"

#include <stdbool.h>

struct nexthop_compat {
	bool changed; /* by us: it was 1 before */
	bool refused; /* and said so */
};

/* `off`: sets it to 0; else what we changed goes back. A kernel that refuses is logged once; nothing else
 * depends on it. */
void nexthop_compat_apply(
    struct nexthop_compat *c, const struct sys_domain *domain, const struct logger *log, bool off);

#endif

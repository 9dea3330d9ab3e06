/* SPDX-License-Identifier: Apache-2.0 */
/* One question to the kernel: which way does a packet to this address go? For next hops of LAN peers. */
#ifndef CW_SYS_ROUTE_GET_H
#define CW_SYS_ROUTE_GET_H

#include "base/addr.h"
#include "connector/sys/domain.h"

/* gateway's family is 0 when the address is on link. -1 when there is no route, or it leads nowhere. Any thread. */
int sys_route_get(const struct sys_domain *d, const struct addr *to, int *ret_ifindex, char ret_interface[16],
	struct addr *ret_gateway);

#endif

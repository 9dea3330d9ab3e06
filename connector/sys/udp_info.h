/* SPDX-License-Identifier: Apache-2.0 */
/* IP_PKTINFO and IPV6_PKTINFO of datagrams that arrive. */
#ifndef CW_SYS_UDP_INFO_H
#define CW_SYS_UDP_INFO_H

#include "base/addr.h"

#include <stdbool.h>
#include <sys/socket.h>

/* The address that a datagram was sent to, and by which interface it came; false: this says something else.
 */
bool udp_info(const struct cmsghdr *c, struct addr *ret_local, int *ret_ifindex);

#endif

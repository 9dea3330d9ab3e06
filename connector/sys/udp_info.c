/* SPDX-License-Identifier: Apache-2.0 */
/* Control data of a datagram: which address of ours it is for. */
#include "connector/sys/udp_info.h"

#include <linux/in6.h>
#include <netinet/in.h>
#include <string.h>

bool udp_info(const struct cmsghdr *c, struct addr *ret_local, int *ret_ifindex)
{
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;

		memcpy(&info, CMSG_DATA(c), sizeof(info));
		*ret_local = addr_from_bytes(4, (const uint8_t *)&info.ipi_addr);
		*ret_ifindex = info.ipi_ifindex;
		return true;
	}
	if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo info;

		memcpy(&info, CMSG_DATA(c), sizeof(info));
		*ret_local = addr_from_bytes(6, info.ipi6_addr.s6_addr);
		*ret_ifindex = (int)info.ipi6_ifindex;
		return true;
	}
	return false;
}

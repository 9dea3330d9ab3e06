/* SPDX-License-Identifier: Apache-2.0 */
/* packet(7) sockets (packet.h). What comes in by the interface passes here, too, and is left out. */
#include "connector/sys/packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SINK_ROOM 1 /* bytes of memory; the kernel takes its smallest instead */

_Static_assert(sizeof(struct virtio_net_hdr) == PACKET_FRONT, "what the kernel puts in front");

static int closed(int fd)
{
	int err = errno;

	close(fd);
	return -err;
}

int packet_open(const struct sys_domain *domain, int ifindex)
{
	struct sockaddr_ll on = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = ifindex
	};
	int fd = sys_domain_socket(domain, AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0), yes = 1;

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof(yes)) ||
	    bind(fd, (struct sockaddr *)&on, sizeof(on)))
		return closed(fd);
	return fd;
}

size_t packet_read(int fd, void *buf, size_t size)
{
	struct sockaddr_ll from;
	socklen_t len;
	ssize_t n;

	do {
		len = sizeof(from);
		n = recvfrom(fd, buf, size, 0, (struct sockaddr *)&from, &len);
		if (n < 0 && errno != EINTR)
			return 0;
	} while (n <= PACKET_FRONT || from.sll_pkttype != PACKET_OUTGOING);
	return (size_t)n;
}

int packet_send(int fd, int ifindex, const void *buf, size_t len)
{
	const uint8_t *data = buf;
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = ifindex };

	if (len <= PACKET_FRONT)
		return -EINVAL;
	to.sll_protocol = htons(data[PACKET_FRONT] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP);
	return sendto(fd, buf, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

int packet_sink(const struct sys_domain *domain, uint16_t *ret_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = sys_domain_socket(domain, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), room = SINK_ROOM;
	socklen_t len = sizeof(at);

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) || getsockname(fd, (struct sockaddr *)&at, &len))
		return closed(fd);
	*ret_port = ntohs(at.sin_port);
	return fd;
}

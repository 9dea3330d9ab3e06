/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A raw ICMP socket that hears echo replies only (ICMP_FILTER). IP_PMTUDISC_PROBE sets DF and lets packets go
 * that the kernel believes too large for the path. The content is zeros.
 */
#include "connector/sys/echo.h"

#include <errno.h>
#include <linux/icmp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define IP_HEADER 20
#define IP_MAX    65535

int echo_open(const struct sys_domain *domain, int *ret_fd)
{
	struct icmp_filter filter = { .data = ~(1U << ICMP_ECHOREPLY) };
	int token, fd, err, probe = IP_PMTUDISC_PROBE;

	if (sys_domain_enter(domain, &token) < 0)
		return -errno;
	fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP);
	err = fd < 0 ? -errno : 0;
	sys_domain_leave(token);
	if (err)
		return err;
	if (setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* RFC 1071 of the header; the zeros behind it add nothing. */
static uint16_t checksum(const struct icmphdr *h)
{
	uint16_t word[sizeof(*h) / 2];
	uint32_t sum = 0;

	memcpy(word, h, sizeof(*h));
	for (size_t i = 0; i < sizeof(*h) / 2; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

int echo_send(int fd, int ifindex, const struct echo *e)
{
	static const uint8_t zeros[IP_MAX];
	struct icmphdr h = { .type = ICMP_ECHO,
		.un.echo = { .id = htons(e->id), .sequence = htons(e->seq) } };
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct in_pktinfo info = { .ipi_ifindex = ifindex };
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(info))];
	} room = { 0 };
	struct iovec iov[2] = { { &h, sizeof(h) }, { (void *)zeros, 0 } };
	struct msghdr m = { .msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = &room,
		.msg_controllen = sizeof(room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	if (e->size < IP_HEADER + sizeof(h) || e->size > IP_MAX || e->remote.family != 4)
		return -EINVAL;
	iov[1].iov_len = e->size - IP_HEADER - sizeof(h);
	h.checksum = checksum(&h);
	memcpy(&to.sin_addr, e->remote.b, sizeof(to.sin_addr));
	if (e->local.family == 4)
		memcpy(&info.ipi_spec_dst, e->local.b, sizeof(info.ipi_spec_dst));
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	return sendmsg(fd, &m, MSG_DONTWAIT) < 0 ? -errno : 0;
}

bool echo_recv(int fd, struct echo *ret_echo)
{
	uint8_t
	    buf[60 + sizeof(struct icmphdr)]; /* the longest IP header; what is behind it is of no interest */
	struct icmphdr h;
	ssize_t got;
	size_t at;

	for (;;) {
		got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at = (size_t)(buf[0] & 0x0f) * 4;
		if ((size_t)got < at + sizeof(h) || at < IP_HEADER)
			continue;
		memcpy(&h, &buf[at], sizeof(h));
		if (h.type != ICMP_ECHOREPLY)
			continue;
		*ret_echo = (struct echo){
			.id = ntohs(h.un.echo.id), .seq = ntohs(h.un.echo.sequence), .size = (uint32_t)got
		};
		ret_echo->remote = addr_from_bytes(4, &buf[12]);
		ret_echo->local = addr_from_bytes(4, &buf[16]);
		return true;
	}
}

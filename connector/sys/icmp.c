/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Echo requests by raw sockets. An IPv4 raw socket delivers the IP header too, and its sender computes the
 * checksum; with IPv6 the kernel does both. Interface and source go along as packet info.
 */
#include "connector/sys/icmp.h"

#include "base/cursor.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ECHO_LEN       16 /* header and 8 bytes */
#define ECHO6_REQUEST  128
#define ECHO6_REPLY    129
#define OFFSET_OF_ID   4
#define IPV4_IHL_BYTES 4 /* unit of the header length */
#define ANSWER_MAX     256

union cmsg_room {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* Echo replies with our identifier, nothing else. */
static int attach_filter(int fd, uint8_t family, uint16_t id)
{
	struct sock_filter v4[] = {
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), /* X = length of the IP header */
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_ECHOREPLY, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, OFFSET_OF_ID),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, id, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_filter v6[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ECHO6_REPLY, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, OFFSET_OF_ID),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, id, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { .len =
		                       family == 4 ? sizeof(v4) / sizeof(v4[0]) : sizeof(v6) / sizeof(v6[0]),
		.filter = family == 4 ? v4 : v6 };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0 ? -errno : 0;
}

static int prepare(int fd, uint8_t family, uint16_t id)
{
	int on = 1, err = attach_filter(fd, family, id);

	if (!err && family == 4 && setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0)
		err = -errno;
	if (!err && family == 6 && setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0)
		err = -errno;
	return err;
}

int icmp_open(const struct sys_domain *domain, uint8_t family, uint16_t id, struct icmp_socket *ret_socket)
{
	int token, fd, err;

	if (sys_domain_enter(domain, &token) < 0)
		return -errno;
	fd = socket(family == 6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    family == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	err = fd < 0 ? -errno : 0;
	sys_domain_leave(token);
	if (!err && (err = prepare(fd, family, id)))
		close(fd);
	if (err)
		return err;
	*ret_socket = (struct icmp_socket){ .fd = fd, .family = family, .id = id };
	return 0;
}

void icmp_close(struct icmp_socket *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* RFC 1071; the length is even. */
static uint16_t checksum(const uint8_t *data, size_t len)
{
	struct rd r = rd_init(data, len);
	uint32_t sum = 0;

	while (rd_left(&r))
		sum += rd_u16(&r);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void build(uint8_t buf[ECHO_LEN], uint8_t type, uint16_t sum, uint16_t id, uint16_t seq)
{
	struct wr w = wr_init(buf, ECHO_LEN);

	wr_u8(&w, type);
	wr_u8(&w, 0);
	wr_u16(&w, sum);
	wr_u16(&w, id);
	wr_u16(&w, seq);
	wr_zero(&w, wr_left(&w));
}

static void set_info(
    struct msghdr *h, union cmsg_room *room, uint8_t family, int ifindex, const struct addr *source)
{
	bool given = !addr_is_none(source);
	struct cmsghdr *c;

	memset(room, 0, sizeof(*room));
	h->msg_control = room;
	h->msg_controllen = sizeof(*room);
	c = CMSG_FIRSTHDR(h);
	if (family == 4) {
		struct in_pktinfo info = { .ipi_ifindex = ifindex };

		if (given)
			memcpy(&info.ipi_spec_dst, source->b, 4);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		h->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in6_pktinfo info = { .ipi6_ifindex = (unsigned)ifindex };

		if (given)
			memcpy(&info.ipi6_addr, source->b, 16);
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		h->msg_controllen = CMSG_SPACE(sizeof(info));
	}
}

int icmp_echo(const struct icmp_socket *s, int ifindex, const struct addr *source, const struct addr *target,
    uint16_t seq)
{
	struct endpoint to = { .addr = *target };
	struct sockaddr_storage name;
	union cmsg_room room;
	uint8_t buf[ECHO_LEN];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr h = { .msg_name = &name, .msg_iov = &iov, .msg_iovlen = 1 };
	uint8_t type = s->family == 4 ? ICMP_ECHO : ECHO6_REQUEST;

	build(buf, type, 0, s->id, seq);
	if (s->family == 4)
		build(buf, type, checksum(buf, sizeof(buf)), s->id, seq);
	h.msg_namelen = endpoint_to_sockaddr(&to, &name);
	set_info(&h, &room, s->family, ifindex, source);
	return sendmsg(s->fd, &h, MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int ifindex_of(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			return info.ipi_ifindex;
		}
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			return (int)info.ipi6_ifindex;
		}
	}
	return 0;
}

bool icmp_receive(const struct icmp_socket *s, struct icmp_reply *ret_reply)
{
	struct sockaddr_storage name;
	union cmsg_room room;
	uint8_t buf[ANSWER_MAX];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr h = { .msg_name = &name,
		.msg_namelen = sizeof(name),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &room,
		.msg_controllen = sizeof(room) };
	ssize_t got = recvmsg(s->fd, &h, MSG_DONTWAIT);
	struct rd r = rd_init(buf, got > 0 ? (size_t)got : 0);

	if (got < 0)
		return false;
	if (s->family == 4) {
		size_t header = (size_t)(rd_u8(&r) & 0x0f) * IPV4_IHL_BYTES;

		r = rd_init(buf, (size_t)got);
		rd_skip(&r, header);
	}
	rd_skip(&r, OFFSET_OF_ID + sizeof(s->id)); /* the filter has looked at these */
	ret_reply->seq = rd_u16(&r);
	ret_reply->from = endpoint_from_sockaddr(&name).addr;
	ret_reply->ifindex = rd_ok(&r) ? ifindex_of(&h) : 0;
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Echo by raw sockets. An IPv4 one delivers the IP header too, and its sender computes the checksum; with
 * IPv6 the kernel does both. Interface and source go along as packet info. PMTUDISC_PROBE sets DF and lets
 * packets go that the kernel believes too large for the path. The content is zeros.
 */
#include "connector/sys/echo.h"

#include "base/cursor.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define ECHO_HEADER    8
#define ECHO6_REQUEST  128
#define ECHO6_REPLY    129
#define OFFSET_OF_ID   4
#define ID_MASK        0xfffe /* of both channels */
#define IPV6_HEADER    40
#define IPV4_IHL_BYTES 4  /* unit of the header length */
#define IPV4_MAX       60 /* the longest header */

union cmsg_room {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* Echo replies with our identifiers, nothing else. */
static int attach_filter(int fd, uint8_t family, uint16_t id)
{
	/* X = where ICMP begins: behind IPv4's header, which a raw socket of IPv6 does not hand out */
	const struct sock_filter behind_ipv4 = BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0);
	const struct sock_filter at_once = BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 0);
	struct sock_filter code[] = {
		family == 4 ? behind_ipv4 : at_once,
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, family == 4 ? ICMP_ECHOREPLY : ECHO6_REPLY, 0, 4),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, OFFSET_OF_ID),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ID_MASK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, id, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0 ? -errno : 0;
}

static int prepare(int fd, uint8_t family, uint16_t id)
{
	const int level = family == 4 ? IPPROTO_IP : IPPROTO_IPV6, on = 1;
	const int probe = family == 4 ? IP_PMTUDISC_PROBE : IPV6_PMTUDISC_PROBE;
	int err = attach_filter(fd, family, id);

	if (!err && setsockopt(fd, level, family == 4 ? IP_PKTINFO : IPV6_RECVPKTINFO, &on, sizeof(on)) < 0)
		err = -errno;
	if (!err && setsockopt(fd, level, family == 4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &probe,
	                sizeof(probe)) < 0)
		err = -errno;
	if (!err && family == 6 && setsockopt(fd, level, IPV6_DONTFRAG, &on, sizeof(on)) < 0)
		err = -errno;
	return err;
}

int echo_open(const struct sys_domain *domain, uint8_t family, uint16_t id, struct echo_socket *ret_socket)
{
	int fd = sys_domain_socket(domain, family == 6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK,
	    family == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	int err;

	if (fd < 0)
		return fd;
	id &= ID_MASK;
	err = prepare(fd, family, id);
	if (err) {
		close(fd);
		return err;
	}
	*ret_socket = (struct echo_socket){ .fd = fd, .family = family, .id = id };
	return 0;
}

void echo_close(struct echo_socket *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* RFC 1071; the length is even. The zeros behind the header add nothing. */
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

static void build(uint8_t buf[ECHO_HEADER], uint8_t type, uint16_t sum, uint16_t id, uint16_t seq)
{
	struct wr w = wr_init(buf, ECHO_HEADER);

	wr_u8(&w, type);
	wr_u8(&w, 0);
	wr_u16(&w, sum);
	wr_u16(&w, id);
	wr_u16(&w, seq);
}

static void set_info(
    struct msghdr *h, union cmsg_room *room, uint8_t family, int ifindex, const struct addr *source)
{
	bool given = source->family == family;
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

int echo_send(const struct echo_socket *s, const struct echo *e)
{
	static const uint8_t zeros[ECHO_MAX];
	const uint32_t least = s->family == 4 ? ECHO_IPV4_MIN : ECHO_IPV6_MIN;
	const uint16_t id = s->id | e->channel;
	const uint8_t type = s->family == 4 ? ICMP_ECHO : ECHO6_REQUEST;
	struct endpoint to = { .addr = e->remote };
	struct sockaddr_storage name;
	union cmsg_room room;
	uint8_t header[ECHO_HEADER];
	struct iovec iov[2] = { { header, sizeof(header) }, { (void *)zeros, 0 } };
	struct msghdr h = { .msg_name = &name, .msg_iov = iov, .msg_iovlen = 2 };

	if (e->remote.family != s->family || e->channel >= ECHO_CHANNELS || e->size < least ||
	    e->size > ECHO_MAX)
		return -EINVAL;
	iov[1].iov_len = e->size - least;
	build(header, type, 0, id, e->seq);
	if (s->family == 4)
		build(header, type, checksum(header, sizeof(header)), id, e->seq);
	h.msg_namelen = endpoint_to_sockaddr(&to, &name);
	set_info(&h, &room, s->family, e->ifindex, &e->local);
	return sendmsg(s->fd, &h, MSG_DONTWAIT) < 0 ? -errno : 0;
}

static void take_info(struct msghdr *h, struct echo *e)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			e->ifindex = info.ipi_ifindex;
			e->local = addr_from_bytes(4, (const uint8_t *)&info.ipi_addr);
		}
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			e->ifindex = (int)info.ipi6_ifindex;
			e->local = addr_from_bytes(6, (const uint8_t *)&info.ipi6_addr);
		}
	}
}

/* False: none of ours, which only one can be that came before the filter stood. */
static bool parse(const struct echo_socket *s, const uint8_t *data, size_t len, struct echo *e)
{
	struct rd r = rd_init(data, len);
	uint8_t type;
	uint16_t id;

	if (s->family == 4) {
		size_t header = (size_t)(rd_u8(&r) & 0x0f) * IPV4_IHL_BYTES;

		r = rd_init(data, len);
		rd_skip(&r, header);
	}
	type = rd_u8(&r);
	rd_skip(&r, OFFSET_OF_ID - 1);
	id = rd_u16(&r);
	e->seq = rd_u16(&r);
	e->channel = (uint8_t)(id & ~ID_MASK);
	return rd_ok(&r) && type == (s->family == 4 ? ICMP_ECHOREPLY : ECHO6_REPLY) &&
	       (id & ID_MASK) == s->id;
}

bool echo_receive(const struct echo_socket *s, struct echo *ret_echo)
{
	struct sockaddr_storage name;
	union cmsg_room room;
	uint8_t buf[IPV4_MAX + ECHO_HEADER]; /* what is behind it is of no interest */
	struct iovec iov = { buf, sizeof(buf) };

	for (;;) {
		struct msghdr h = { .msg_name = &name,
			.msg_namelen = sizeof(name),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &room,
			.msg_controllen = sizeof(room) };
		ssize_t got = recvmsg(s->fd, &h, MSG_DONTWAIT | MSG_TRUNC);
		struct echo e = { 0 };

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (!parse(s, buf, (size_t)got < sizeof(buf) ? (size_t)got : sizeof(buf), &e))
			continue;
		take_info(&h, &e);
		e.remote = endpoint_from_sockaddr(&name).addr;
		e.size = (uint32_t)got + (s->family == 6 ? IPV6_HEADER : 0);
		*ret_echo = e;
		return true;
	}
}

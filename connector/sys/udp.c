/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP and raw IP sockets with packet info and recvmmsg/sendmmsg.
 *
 * Outer packets may be fragmented (IP_PMTUDISC_DONT): the tunnel's MTU is chosen so that it does not happen,
 * and where it was chosen too large a fragment still arrives, while an outer DF bit would make a black hole.
 * IPv4 and IPv6 have a socket each (IPV6_V6ONLY), so an address has one form. A raw IPv4 socket delivers the
 * IP header too, which is cut off here; a raw IPv6 one does not.
 */
#include "connector/sys/udp.h"

#include <errno.h>
#include <linux/in6.h>
#include <linux/udp.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define SOCKET_BUFFER (4 * 1024 * 1024) /* bytes; what a burst of a few ms at 10 Gbit/s needs */

union cmsg_room {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* Root may go beyond the system's maximum; others get what it allows. */
static void set_buffers(int fd)
{
	if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER) < 0)
		(void)set_int(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
	if (set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER) < 0)
		(void)set_int(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
}

static int set_options(int fd, uint8_t family, bool raw)
{
	int err;

	set_buffers(fd);
	if (family == 4) {
		err = set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
		return err ? err : set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	}
	err = raw ? 0 : set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1); /* a raw socket is IPv6 only anyway */
	if (!err)
		err = set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	return err ? err : set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
}

static int open_socket(const struct sys_domain *domain, uint8_t family, int type, int protocol, int *ret_fd)
{
	int token, fd, err;

	if (sys_domain_enter(domain, &token) < 0)
		return -errno;
	fd = socket(family == 6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	err = fd < 0 ? -errno : 0;
	sys_domain_leave(token);
	if (err)
		return err;
	err = set_options(fd, family, type == SOCK_RAW);
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int udp_open(const struct sys_domain *domain, uint8_t family, uint16_t port, struct udp_socket *ret_sock)
{
	struct endpoint any = { .addr = { .family = family }, .port = port };
	struct sockaddr_storage ss;
	socklen_t len;
	int fd, err;

	err = open_socket(domain, family, SOCK_DGRAM, IPPROTO_UDP, &fd);
	if (err)
		return err;
	len = endpoint_to_sockaddr(&any, &ss);
	if (bind(fd, (struct sockaddr *)&ss, len) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	*ret_sock = (struct udp_socket){ .fd = fd, .family = family, .port = port };
	return 0;
}

int udp_open_raw(
    const struct sys_domain *domain, uint8_t family, uint8_t protocol, struct udp_socket *ret_sock)
{
	int fd, err;

	err = open_socket(domain, family, SOCK_RAW, protocol, &fd);
	if (err)
		return err;
	*ret_sock = (struct udp_socket){ .fd = fd, .family = family, .raw = true };
	return 0;
}

int udp_kernel_decap(const struct udp_socket *s, bool on)
{
	return set_int(s->fd, IPPROTO_UDP, UDP_ENCAP, on ? UDP_ENCAP_ESPINUDP : 0);
}

void udp_close(struct udp_socket *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* Where the datagram arrived. */
static struct endpoint local_of(struct msghdr *h, uint16_t port)
{
	struct endpoint local = { .port = port };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			local.addr = addr_from_bytes(4, (const uint8_t *)&info.ipi_addr);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			local.addr = addr_from_bytes(6, info.ipi6_addr.s6_addr);
		}
	}
	return local;
}

/* Takes the IPv4 header off a raw datagram; the kernel has checked that it is whole. */
static void cut_ip_header(struct udp_msg *m)
{
	size_t header = m->len ? (size_t)(m->data[0] & 0x0f) * 4 : 0;

	if (header > m->len)
		header = m->len;
	memmove(m->data, m->data + header, m->len - header);
	m->len -= header;
}

int udp_recv_batch(const struct udp_socket *s, struct udp_msg msgs[], unsigned n)
{
	struct sockaddr_storage names[UDP_BATCH];
	union cmsg_room control[UDP_BATCH];
	struct mmsghdr vec[UDP_BATCH];
	struct iovec iov[UDP_BATCH];
	int got;

	if (n > UDP_BATCH)
		n = UDP_BATCH;
	for (unsigned i = 0; i < n; i++) {
		iov[i] = (struct iovec){ msgs[i].data, msgs[i].cap };
		vec[i].msg_hdr = (struct msghdr){ .msg_name = &names[i],
			.msg_namelen = sizeof(names[i]),
			.msg_iov = &iov[i],
			.msg_iovlen = 1,
			.msg_control = &control[i],
			.msg_controllen = sizeof(control[i]) };
	}
	got = recvmmsg(s->fd, vec, n, MSG_DONTWAIT, NULL);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (int i = 0; i < got; i++) {
		msgs[i].len = vec[i].msg_len;
		msgs[i].error = vec[i].msg_hdr.msg_flags & MSG_TRUNC ? -EMSGSIZE : 0;
		msgs[i].remote = endpoint_from_sockaddr(&names[i]);
		msgs[i].local = local_of(&vec[i].msg_hdr, s->port);
		if (s->raw)
			msgs[i].remote.port = 0;
		if (s->raw && s->family == 4)
			cut_ip_header(&msgs[i]);
	}
	return got;
}

/* Asks the kernel to send from addr. */
static void set_source(struct msghdr *h, union cmsg_room *room, const struct addr *addr)
{
	struct cmsghdr *c;

	if (addr_is_none(addr) || addr_is_unspecified(addr))
		return;
	memset(room, 0, sizeof(*room));
	h->msg_control = room;
	h->msg_controllen = sizeof(*room);
	c = CMSG_FIRSTHDR(h);
	if (addr->family == 4) {
		struct in_pktinfo info = { 0 };

		memcpy(&info.ipi_spec_dst, addr->b, 4);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		h->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in6_pktinfo info = { 0 };

		memcpy(&info.ipi6_addr, addr->b, 16);
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		h->msg_controllen = CMSG_SPACE(sizeof(info));
	}
}

void udp_send_batch(const struct udp_socket *s, struct udp_msg msgs[], unsigned n)
{
	struct sockaddr_storage names[UDP_BATCH];
	union cmsg_room control[UDP_BATCH];
	struct mmsghdr vec[UDP_BATCH];
	struct iovec iov[UDP_BATCH];
	unsigned done = 0;

	if (n > UDP_BATCH)
		n = UDP_BATCH;
	for (unsigned i = 0; i < n; i++) {
		struct endpoint to = msgs[i].remote;

		if (s->raw)
			to.port = 0; /* a raw IPv6 socket takes no other */
		iov[i] = (struct iovec){ msgs[i].data, msgs[i].len };
		vec[i].msg_hdr =
		    (struct msghdr){ .msg_name = &names[i], .msg_iov = &iov[i], .msg_iovlen = 1 };
		vec[i].msg_hdr.msg_namelen = endpoint_to_sockaddr(&to, &names[i]);
		set_source(&vec[i].msg_hdr, &control[i], &msgs[i].local.addr);
		msgs[i].error = 0;
	}
	while (done < n) {
		int sent = sendmmsg(s->fd, &vec[done], n - done, MSG_DONTWAIT);

		if (sent > 0) {
			done += (unsigned)sent;
		} else if (sent == 0 || errno != EINTR) { /* the first of the rest failed: go on behind it */
			msgs[done].error = sent == 0 ? -EIO : -errno;
			done++;
		}
	}
}

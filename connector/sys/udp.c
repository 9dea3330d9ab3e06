/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP and raw IP sockets with packet info and recvmmsg/sendmmsg.
 *
 * What is sent here may be fragmented on its way (IP_PMTUDISC_DONT): IKE must arrive whatever the path; ESP
 * that must not be fragmented leaves by rawip.c. TOS goes along as control data, one octet a datagram. IPv4
 * and IPv6 have a socket each (IPV6_V6ONLY), so an address has one form. A raw IPv4 socket delivers the IP
 * header too, which is cut off here; a raw IPv6 one does not.
 */
#include "connector/sys/udp.h"

#include "connector/sys/udp_info.h"

#include <errno.h>
#include <limits.h>
#include <linux/errqueue.h>
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
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
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
	/* ICMP errors come by the error queue; without it a socket that is not connected never hears of them.
	 */
	if (!raw)
		(void)set_int(
		    fd, family == 4 ? IPPROTO_IP : IPPROTO_IPV6, family == 4 ? IP_RECVERR : IPV6_RECVERR, 1);
	if (family == 4) {
		err = set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
		if (!err)
			err = set_int(fd, IPPROTO_IP, IP_RECVTOS, 1);
		return err ? err : set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	}
	err = raw ? 0 : set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1); /* a raw socket is IPv6 only anyway */
	if (!err)
		err = set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	if (!err)
		err = set_int(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
	/* A raw socket of IPv6 takes note of "packet too big" only when errors are asked for: udp_recv_batch
	 * drops them. */
	if (!err && raw)
		err = set_int(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
	return err ? err : set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
}

static int open_socket(const struct sys_domain *domain, uint8_t family, int type, int protocol, int *ret_fd)
{
	int fd = sys_domain_socket(domain, family == 6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK, protocol),
	    err;

	if (fd < 0)
		return fd;
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

/* Where the datagram arrived, and how its outer header was marked. */
static void read_control(struct msghdr *h, struct udp_msg *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		int ifindex;

		if (udp_info(c, &m->local.addr, &ifindex))
			continue;
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
			memcpy(&m->tos, CMSG_DATA(c), sizeof(m->tos));
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
			int tos;

			memcpy(&tos, CMSG_DATA(c), sizeof(tos));
			m->tos = (uint8_t)tos;
		}
	}
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

/* What is in the error queue would make the socket readable for ever; the kernel has drawn its conclusions.
 */
static void drop_errors(int fd)
{
	uint8_t byte;
	struct iovec iov = { &byte, sizeof(byte) };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };

	for (unsigned i = 0; i < UDP_BATCH && recvmsg(fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0; i++)
		;
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
	if (got < 0) {
		int err = errno;

		if (s->raw && s->family == 6)
			drop_errors(s->fd);
		return err == EAGAIN || err == EINTR ? 0 : -err;
	}
	for (int i = 0; i < got; i++) {
		msgs[i].len = vec[i].msg_len;
		msgs[i].error = vec[i].msg_hdr.msg_flags & MSG_TRUNC ? -EMSGSIZE : 0;
		msgs[i].remote = endpoint_from_sockaddr(&names[i]);
		msgs[i].local = (struct endpoint){ .port = s->port };
		msgs[i].tos = 0;
		read_control(&vec[i].msg_hdr, &msgs[i]);
		if (s->raw)
			msgs[i].remote.port = 0;
		if (s->raw && s->family == 4)
			cut_ip_header(&msgs[i]);
	}
	return got;
}

int udp_recv_error(const struct udp_socket *s, struct udp_error *ret_error)
{
	struct udp_error e = { 0 };
	struct sockaddr_storage name;
	struct iovec iov = { e.data, sizeof(e.data) };
	union {
		struct cmsghdr align;
		uint8_t bytes[512];
	} control;
	struct msghdr h = { .msg_name = &name,
		.msg_namelen = sizeof(name),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(s->fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT);

	if (got < 0)
		return 0;
	e.len = (size_t)got;
	e.remote = endpoint_from_sockaddr(&name);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c)) {
		struct sock_extended_err ee;

		if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
		    !(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			continue;
		memcpy(&ee, CMSG_DATA(c), sizeof(ee));
		e.error = -(int)ee.ee_errno;
	}
	*ret_error = e;
	return 1;
}

static void put_control(
    struct msghdr *h, struct cmsghdr *c, int level, int type, const void *data, size_t len)
{
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	h->msg_controllen += CMSG_SPACE(len);
}

/* Asks the kernel to send from this address, with this TOS. */
static void set_control(struct msghdr *h, union cmsg_room *room, const struct udp_msg *m)
{
	const struct addr *from = &m->local.addr;
	struct cmsghdr *c;
	int tos = m->tos;
	bool source = !addr_is_none(from) && !addr_is_unspecified(from);

	if (!source && !tos)
		return;
	memset(room, 0, sizeof(*room));
	h->msg_control = room;
	h->msg_controllen = sizeof(*room);
	c = CMSG_FIRSTHDR(h);
	h->msg_controllen = 0;
	if (source && from->family == 4) {
		struct in_pktinfo info = { 0 };

		memcpy(&info.ipi_spec_dst, from->b, 4);
		put_control(h, c, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	} else if (source) {
		struct in6_pktinfo info = { 0 };

		memcpy(&info.ipi6_addr, from->b, 16);
		put_control(h, c, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
	if (!tos)
		return;
	c = (void *)&room->bytes[h->msg_controllen];
	if (m->remote.addr.family == 6)
		put_control(h, c, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
	else
		put_control(h, c, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
}

void udp_send_batch(const struct udp_socket *s, struct udp_msg msgs[], unsigned n)
{
	struct sockaddr_storage names[UDP_BATCH];
	union cmsg_room control[UDP_BATCH];
	struct mmsghdr vec[UDP_BATCH];
	struct iovec iov[UDP_BATCH];
	unsigned done = 0, again = UINT_MAX;

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
		set_control(&vec[i].msg_hdr, &control[i], &msgs[i]);
		msgs[i].error = 0;
	}
	while (done < n) {
		int sent = sendmmsg(s->fd, &vec[done], n - done, MSG_DONTWAIT);

		if (sent > 0) {
			done += (unsigned)sent;
		} else if (sent < 0 && again != done) {
			/* Perhaps an ICMP error of an earlier datagram, told to whoever comes next: once
			 * more. */
			again = done;
		} else if (sent == 0 || errno != EINTR) { /* the first of the rest failed: go on behind it */
			msgs[done].error = sent == 0 ? -EIO : -errno;
			done++;
		}
	}
}

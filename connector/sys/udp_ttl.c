/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP sockets with TTL and packet info. The sender is not connected, so it can be there before there is a
 * route; nobody answers to its port, so what might arrive there is left in a buffer of the least size.
 */
#include "connector/sys/udp_ttl.h"

#include "connector/sys/udp_info.h"

#include <errno.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define DSCP_CS6 0xc0

union cmsg_room {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

struct option {
	int level, name, value;
};

static int set_options(int fd, const struct option options[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
		        sizeof(options[i].value)) < 0)
			return -errno;
	return 0;
}

static int bind_to(int fd, const struct endpoint *e)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(e, &ss);

	return bind(fd, (struct sockaddr *)&ss, len) < 0 ? -errno : 0;
}

int udp_ttl_listen(const struct sys_domain *domain, uint8_t family, uint16_t port)
{
	static const struct option v4[] = { { IPPROTO_IP, IP_PKTINFO, 1 }, { IPPROTO_IP, IP_RECVTTL, 1 } };
	static const struct option v6[] = { { IPPROTO_IPV6, IPV6_V6ONLY, 1 },
		{ IPPROTO_IPV6, IPV6_RECVPKTINFO, 1 }, { IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1 } };
	struct endpoint any = { .addr = { .family = family }, .port = port };
	int fd = sys_domain_socket(
	    domain, family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDP);
	int err;

	if (fd < 0)
		return fd;
	err = family == 6 ? set_options(fd, v6, sizeof(v6) / sizeof(v6[0]))
	                  : set_options(fd, v4, sizeof(v4) / sizeof(v4[0]));
	if (!err)
		err = bind_to(fd, &any);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static int set_sender(int fd, const struct udp_ttl_sender *s)
{
	const struct option v4[] = { { IPPROTO_IP, IP_TTL, s->ttl }, { IPPROTO_IP, IP_TOS, DSCP_CS6 },
		{ IPPROTO_IP, IP_FREEBIND, 1 }, { SOL_SOCKET, SO_RCVBUF, 0 } };
	const struct option v6[] = { { IPPROTO_IPV6, IPV6_V6ONLY, 1 },
		{ IPPROTO_IPV6, IPV6_UNICAST_HOPS, s->ttl }, { IPPROTO_IPV6, IPV6_TCLASS, DSCP_CS6 },
		{ IPPROTO_IPV6, IPV6_FREEBIND, 1 }, { SOL_SOCKET, SO_RCVBUF, 0 } };
	int err = s->local.family == 6 ? set_options(fd, v6, sizeof(v6) / sizeof(v6[0]))
	                               : set_options(fd, v4, sizeof(v4) / sizeof(v4[0]));

	if (!err && s->interface && s->interface[0] &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, s->interface, (socklen_t)strlen(s->interface)) < 0)
		err = -errno;
	return err;
}

static int bind_some_port(int fd, const struct udp_ttl_sender *s)
{
	unsigned n = (unsigned)(s->port_max - s->port_min) + 1;

	for (unsigned i = 0; i < n; i++) {
		unsigned port = s->port_min + ((unsigned)(s->port_first - s->port_min) + i) % n;
		int err = bind_to(fd, &(struct endpoint){ .addr = s->local, .port = (uint16_t)port });

		if (err != -EADDRINUSE)
			return err;
	}
	return -EADDRINUSE;
}

int udp_ttl_sender(const struct sys_domain *domain, const struct udp_ttl_sender *s)
{
	int fd = sys_domain_socket(
	    domain, s->local.family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDP);
	int err;

	if (fd < 0)
		return fd;
	err = set_sender(fd, s);
	if (!err)
		err = bind_some_port(fd, s);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

int udp_ttl_send(int fd, const struct endpoint *to, const void *data, size_t len)
{
	struct sockaddr_storage ss;
	socklen_t ss_len = endpoint_to_sockaddr(to, &ss);

	return sendto(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&ss, ss_len) < 0 ? -errno
	                                                                                              : 0;
}

static void read_control(struct msghdr *h, struct udp_ttl_datagram *d)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		int ttl;

		if (udp_info(c, &d->local, &d->ifindex))
			continue;
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)) {
			memcpy(&ttl, CMSG_DATA(c), sizeof(ttl));
			d->ttl = (uint8_t)ttl;
		}
	}
}

int udp_ttl_recv(int fd, void *buf, size_t size, struct udp_ttl_datagram *ret_datagram)
{
	struct sockaddr_storage name;
	union cmsg_room control;
	struct iovec iov = { buf, size };
	struct msghdr h = { .msg_name = &name,
		.msg_namelen = sizeof(name),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct udp_ttl_datagram d = { 0 };
	ssize_t got = recvmsg(fd, &h, MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	d.len = (size_t)got;
	d.remote = endpoint_from_sockaddr(&name);
	read_control(&h, &d);
	*ret_datagram = d;
	return 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP whose TTL says something (RFC 5082, RFC 5881 5): sockets that send with a given one and tell that of
 * what arrived, with the interface it came by. Listening sockets are wildcards, a family each; sending ones
 * are bound to an address, an interface if wanted, and a source port of their own. Non-blocking,
 * close-on-exec. Thread safe per call.
 */
#ifndef CW_SYS_UDP_TTL_H
#define CW_SYS_UDP_TTL_H

#include "base/addr.h"
#include "connector/sys/domain.h"

#include <stddef.h>
#include <stdint.h>

/* A descriptor, or -errno (EADDRINUSE: another program has the port). */
int udp_ttl_listen(const struct sys_domain *domain, uint8_t family, uint16_t port);

struct udp_ttl_sender {
	struct addr local;
	const char *interface; /* NULL or empty: the route decides */
	uint8_t ttl;
	uint16_t port_min, port_max; /* the source port is one of these; */
	uint16_t port_first;         /* the search begins here */
};
/*
 * A descriptor, or -errno. The address need not be on the machine yet. What it sends is marked as network
 * control (DSCP CS6).
 */
int udp_ttl_sender(const struct sys_domain *domain, const struct udp_ttl_sender *s);
/* 0, or -errno. */
int udp_ttl_send(int fd, const struct endpoint *to, const void *data, size_t len);

struct udp_ttl_datagram {
	struct addr local;
	struct endpoint remote;
	int ifindex;
	uint8_t ttl;
	size_t len; /* what is longer than the buffer comes cut to it */
};
/* 1; 0 when there is none; or -errno. */
int udp_ttl_recv(int fd, void *buf, size_t size, struct udp_ttl_datagram *ret_datagram);

#endif

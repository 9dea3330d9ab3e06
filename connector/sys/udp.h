/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagram sockets for IKE and ESP: UDP on a wildcard address, and raw IP for plain ESP. Wildcard sockets
 * follow addresses that come and go; packet info says where a datagram arrived and lets each one leave from
 * the address that its peer expects. Batches in both directions. Non-blocking, close-on-exec. Thread safe per
 * call.
 */
#ifndef CW_SYS_UDP_H
#define CW_SYS_UDP_H

#include "base/addr.h"
#include "connector/sys/domain.h"

#include <stdbool.h>
#include <stddef.h>

#define UDP_BATCH 64 /* the most datagrams one call takes */

struct udp_socket {
	int fd;         /* -1: not open */
	uint8_t family; /* 4 or 6 */
	uint16_t port;  /* host order; 0 for raw sockets */
	bool raw;
};
#define UDP_SOCKET_NONE                                                                                      \
	{                                                                                                    \
		.fd = -1                                                                                     \
	}

struct udp_msg {
	uint8_t *data; /* the caller's memory */
	size_t cap;    /* receiving: room */
	size_t len;
	/* Ports of raw sockets are 0. Sending from address family 0 lets the route choose the source. */
	struct endpoint local, remote;
	uint8_t tos; /* TOS octet or traffic class of the outer header, both ways */
	int error;   /* sending: 0 or -errno, of this datagram alone; receiving: -EMSGSIZE when it was cut off
	              */
};

/* 0, or -errno: EADDRINUSE when another program holds the port, EAFNOSUPPORT where the kernel lacks the
 * family. */
int udp_open(const struct sys_domain *domain, uint8_t family, uint16_t port, struct udp_socket *ret_sock);
/* A raw socket for one IP protocol; data is what follows the IP header, both ways. 0, or -errno. */
int udp_open_raw(
    const struct sys_domain *domain, uint8_t family, uint8_t protocol, struct udp_socket *ret_sock);
void udp_close(struct udp_socket *s);
/*
 * on: the kernel takes ESP and NAT keepalives off what arrives and gives the ESP to its XFRM states, what it
 * knows no state for is lost (RFC 3948). off: everything is delivered, as at the start. 0, or -errno.
 */
int udp_kernel_decap(const struct udp_socket *s, bool on);

/* Takes what is there, at most n (UDP_BATCH). The number of messages, 0 when there are none, or -errno. */
int udp_recv_batch(const struct udp_socket *s, struct udp_msg msgs[], unsigned n);
/*
 * The network's, or our own kernel's, word that a datagram did not get there (ICMP): the next one of the
 * socket's error queue. data gets the beginning of that datagram, as far as it came back. Nothing of it is
 * authenticated.
 */
struct udp_error {
	struct endpoint remote; /* where the datagram was to go */
	int error;              /* -ECONNREFUSED: port closed; -EHOSTUNREACH, -ENETUNREACH, -EACCES, ... */
	uint8_t data[64];
	size_t len;
};
/* 1, or 0 when the queue is empty. */
int udp_recv_error(const struct udp_socket *s, struct udp_error *ret_error);

/* Sends all n in order; one that fails has its error set and does not keep back those behind it. */
void udp_send_batch(const struct udp_socket *s, struct udp_msg msgs[], unsigned n);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ICMP echo (RFC 792, RFC 4443 4.1) out of a given interface, for asking whether a path passes packets and
 * how large they may be. A raw socket a family; a filter lets only replies to our own identifiers through, so
 * other people's pings wake nobody. Non-blocking.
 */
#ifndef CW_SYS_ECHO_H
#define CW_SYS_ECHO_H

#include "base/addr.h"
#include "connector/sys/domain.h"

#include <stdbool.h>

#define ECHO_CHANNELS 2  /* two askers share a socket: each has an identifier of its own */
#define ECHO_IPV4_MIN 28 /* the shortest echo, as an IP packet */
#define ECHO_IPV6_MIN 48
#define ECHO_MAX      65535

struct echo_socket {
	int fd; /* -1: not open */
	uint8_t family;
	uint16_t id; /* of channel 0, even; channel 1 has the next */
};

struct echo {
	struct addr local;  /* sent: none lets the kernel choose */
	struct addr remote; /* received: who answered */
	int ifindex;        /* received: by which it came */
	uint8_t channel;
	uint16_t seq;
	uint32_t size; /* of the IP packet */
};

/* id: anything; different in each program. 0, or -errno (EPERM: CAP_NET_RAW is missing). */
int echo_open(const struct sys_domain *domain, uint8_t family, uint16_t id, struct echo_socket *ret_socket);
void echo_close(struct echo_socket *s);
/* In one piece (DF), whatever the kernel has learned of the path. 0, or -errno (EMSGSIZE: larger than the
 * interface's MTU). */
int echo_send(const struct echo_socket *s, const struct echo *e);
/* The next answer. False: there is none (any more). */
bool echo_receive(const struct echo_socket *s, struct echo *ret_echo);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Echo requests (RFC 792, RFC 4443 4.1) out of a given interface, and their replies. Raw sockets, one a
 * family, opened when they are needed first; a socket filter lets only replies to our own identifier through,
 * so other people's pings wake nobody.
 */
#ifndef CW_SYS_ICMP_H
#define CW_SYS_ICMP_H

#include "base/addr.h"
#include "connector/sys/domain.h"

#include <stdbool.h>

struct icmp_socket {
	int fd; /* -1: not open */
	uint8_t family;
	uint16_t id;
};
#define ICMP_SOCKET_NONE                                                                                     \
	{                                                                                                    \
		.fd = -1                                                                                     \
	}

/* id: anything; different in each program. 0, or -errno. */
int icmp_open(const struct sys_domain *domain, uint8_t family, uint16_t id, struct icmp_socket *ret_socket);
void icmp_close(struct icmp_socket *s);
/* source none: the kernel's choice. 0, or -errno. */
int icmp_echo(const struct icmp_socket *s, int ifindex, const struct addr *source, const struct addr *target,
    uint16_t seq);

struct icmp_reply {
	struct addr from;
	int ifindex;
	uint16_t seq;
};
/* False: nothing (more) is there. */
bool icmp_receive(const struct icmp_socket *s, struct icmp_reply *ret_reply);

#endif

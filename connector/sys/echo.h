/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ICMP echo by IPv4 (RFC 792) with DF, for asking what a path carries. One socket for a domain; the caller
 * tells its questions apart by id and sequence number. Non-blocking.
 */
#ifndef CW_SYS_ECHO_H
#define CW_SYS_ECHO_H

#include "base/addr.h"
#include "connector/sys/domain.h"

#include <stdbool.h>
#include <stddef.h>

/* 0, or -errno (EPERM: CAP_NET_RAW is missing). */
int echo_open(const struct sys_domain *domain, int *ret_fd);

struct echo {
	struct addr local, remote; /* received: remote is who answered */
	uint16_t id, seq;
	uint32_t size; /* of the IP packet, 28 to 65535 */
};
/* Out of this interface, with DF, whatever the kernel has learned of the path. 0, or -errno (EMSGSIZE: larger
 * than the interface's MTU). */
int echo_send(int fd, int ifindex, const struct echo *e);
/* The next answer there is. False when there is none. */
bool echo_recv(int fd, struct echo *ret_echo);

#endif

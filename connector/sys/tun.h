/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TUN interface: IP packets of the kernel, one per read and write, without any header in front. It lives as
 * long as its descriptor, so a killed process leaves none behind.
 */
#ifndef CW_SYS_TUN_H
#define CW_SYS_TUN_H

#include "connector/sys/domain.h"

#include <net/if.h>
#include <stdint.h>

struct tun {
	int fd; /* non-blocking, close-on-exec; -1: not open */
	int ifindex;
	char name[IFNAMSIZ];
};

/*
 * Creates the interface, with loose rp_filter and no IPv6 link-local address of its own (nothing speaks
 * neighbour discovery through a tunnel) and a queue of 4096 packets, sets its MTU and brings it up. 0, or
 * -errno: EEXIST when the name is taken (a longer or empty name is EINVAL), EPERM without CAP_NET_ADMIN,
 * ENOENT without /dev/net/tun.
 */
int tun_open(const struct sys_domain *domain, const char *name, uint32_t mtu, struct tun *ret_tun);
/* Closes the descriptor; the interface goes with it. */
void tun_close(struct tun *t);

#endif

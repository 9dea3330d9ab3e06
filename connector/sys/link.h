/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces and their addresses: what the daemon sets on its own ones and asks about others. Each call opens
 * a socket in the routing domain and waits for the kernel (microseconds); any thread. Creating an interface
 * is tun.h's, watching them the FIB writer's.
 */
#ifndef CW_SYS_LINK_H
#define CW_SYS_LINK_H

#include "base/addr.h"
#include "base/reason.h"
#include "connector/sys/domain.h"

#include <net/if.h>
#include <stddef.h>
#include <stdint.h>

struct link_holder {
	int ifindex;
	char interface[IFNAMSIZ];
};

/* The interfaces that hold an address, max at most; how many were written, or -errno. */
int link_addr_holders(
    const struct sys_domain *domain, const struct addr *a, struct link_holder out[], size_t max);
/*
 * Adds or removes an address; the prefix is the address with its host bits. An address that is there already,
 * or gone already, is success. IPv6 addresses come without duplicate detection: nobody shares the link of a
 * tunnel.
 */
int link_addr_add(
    const struct sys_domain *domain, int ifindex, const struct prefix *address, struct reason *ret_reason);
void link_addr_del(const struct sys_domain *domain, int ifindex, const struct prefix *address);
int link_set_mtu(const struct sys_domain *domain, int ifindex, uint32_t mtu, struct reason *ret_reason);
/* 0 when it is unknown: there is no such interface. */
uint32_t link_mtu(const struct sys_domain *domain, int ifindex);
/* Sets an interface up that is not. 1 when it was down, 0, or -errno. */
int link_raise(const struct sys_domain *domain, int ifindex);
/* 0 and the name, or -errno. */
int link_name(const struct sys_domain *domain, int ifindex, char ret_name[IFNAMSIZ]);
/*
 * Deletes interfaces of ours, for the price of one. Those that are gone already are passed over. 0, or -errno
 * of the deletion, after which they may all be there still.
 */
int link_del_all(const struct sys_domain *domain, const int ifindex[], size_t n);
/* Does the kernel forward packets of this family (4 or 6)? 1, 0, or -errno. Never changed by us. */
int link_forwarding(const struct sys_domain *domain, uint8_t family);

#endif

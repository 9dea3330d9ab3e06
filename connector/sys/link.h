/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and settings of network interfaces in a routing domain. Each call opens what it needs: these are acts of configuration, not
 * of traffic. Any thread.
 */
#ifndef CW_SYS_LINK_H
#define CW_SYS_LINK_H

#include "base/addr.h"
#include "base/reason.h"
#include "connector/sys/domain.h"

#include <net/if.h>

struct link_holder {
	int ifindex;
	char interface[IFNAMSIZ];
};

/* Which interfaces hold this very address? Up to max of them; returns how many, or -errno. */
int link_addr_holders(const struct sys_domain *d, const struct addr *a, struct link_holder *out, int max);

/* An address with its network's length. Adding what is there already is success. -1 with a reason. */
int link_addr_add(const struct sys_domain *d, int ifindex, const struct prefix *p, struct reason *ret_reason);
/* Deleting what is not there is nothing. */
void link_addr_del(const struct sys_domain *d, int ifindex, const struct prefix *p);

int link_set_mtu(const struct sys_domain *d, int ifindex, uint32_t mtu, struct reason *ret_reason);

/*
 * Settings of an interface of ours: reverse-path filtering loose (2), because a packet may come back by the other tunnel, and no IPv6
 * address or router solicitation of the kernel's own making. Best effort: what the kernel does not have is passed over.
 */
void link_quieten(const struct sys_domain *d, const char *interface);

#endif

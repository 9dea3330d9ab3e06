/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xfrm interfaces (Linux 4.19): what leaves by one is sealed by a policy and a state with its if_id, and what
 * such a state opens arrives there. Unlike a TUN device it outlives its maker; the if_id tells whose it is.
 */
#ifndef CW_SYS_XFRM_LINK_H
#define CW_SYS_XFRM_LINK_H

#include "connector/sys/domain.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlmsghdr;

struct xfrm_link_view {
	int ifindex;
	uint32_t if_id;
	uint64_t no_sa; /* packets that found no state to leave by */
};

/*
 * Creates one, up, with the settings of every tunnel interface (link_settings.h). 0, or -errno: EEXIST when
 * the name or the if_id is taken, EOPNOTSUPP where the kernel has no such interfaces, EPERM.
 */
int xfrm_link_add(
    const struct sys_domain *domain, const char *name, uint32_t if_id, uint32_t mtu, int *ret_ifindex);
int xfrm_link_del(const struct sys_domain *domain, int ifindex); /* 0, or -errno */
/* 0, or -errno (-ENODEV: it is no more). */
int xfrm_link_get(const struct sys_domain *domain, int ifindex, struct xfrm_link_view *ret_link);
/* All of the domain; out takes the first max. How many there are, or -errno. */
int xfrm_link_list(const struct sys_domain *domain, struct xfrm_link_view out[], size_t max);

/* --- the bytes, pure --- */
#define XFRM_LINK_MSG_ROOM 512
struct nlmsghdr *xfrm_link_build(void *buf, const char *name, uint32_t if_id);
/* False: not a message about an xfrm interface. */
bool xfrm_link_parse(const struct nlmsghdr *nlh, struct xfrm_link_view *ret_link);

#endif

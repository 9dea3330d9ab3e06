/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many interfaces deleted at once. The kernel waits for everybody who may still look at an interface (RCU)
 * before it is gone, 10 to 40 ms; with 500 tunnels that is the longest part of a stop. It waits once for a
 * whole group of interfaces: ours get a group of their own, and the group is deleted.
 */
#include "connector/sys/link.h"
#include "connector/sys/nl.h"
#include "connector/sys/random.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* Nobody's: chosen at random, and never 0, which all interfaces have that nobody gave one. */
#define GROUP_BIT  0x40000000U
#define GROUP_MASK 0x3fffffffU

union room {
	uint64_t align;
	uint8_t bytes[128];
};

/* ifindex 0: all of the group. */
static int request(struct nl *nl, uint16_t type, int ifindex, uint32_t group)
{
	union room m;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(&m);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	nlh->nlmsg_type = type;
	ifi->ifi_index = ifindex;
	mnl_attr_put_u32(nlh, IFLA_GROUP, group);
	return nl_request(nl, nlh, NULL, NULL, NULL);
}

int link_del_all(const struct sys_domain *domain, const int ifindex[], size_t n)
{
	const uint32_t group = GROUP_BIT | ((uint32_t)rng_u64(&sys_rng) & GROUP_MASK);
	size_t marked = 0;
	struct nl *nl;
	int err = nl_open(domain, NETLINK_ROUTE, &nl);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++)
		marked += !request(nl, RTM_SETLINK, ifindex[i], group);
	if (marked)
		err = request(nl, RTM_DELLINK, 0, group);
	nl_close(nl);
	return err;
}

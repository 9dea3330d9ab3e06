/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An interface's MTU, flags and per-family settings by rtnetlink. The settings go in a message of their own
 * before the one that brings it up, because the kernel looks at flags first: an interface that is up for a
 * moment without its settings already solicits routers.
 */
#include "connector/sys/link_settings.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>

#define SETLINK_BUFFER  512
#define RP_FILTER_LOOSE 2 /* RFC 3704 2.4: asymmetric paths between two tunnels are normal */

static void put_ipv4_settings(struct nlmsghdr *nlh)
{
	struct nlattr *inet = mnl_attr_nest_start(nlh, AF_INET),
	              *conf = mnl_attr_nest_start(nlh, IFLA_INET_CONF);

	mnl_attr_put_u32(nlh, IPV4_DEVCONF_RP_FILTER, RP_FILTER_LOOSE);
	mnl_attr_nest_end(nlh, conf);
	mnl_attr_nest_end(nlh, inet);
}

static void put_ipv6_settings(struct nlmsghdr *nlh)
{
	struct nlattr *inet6 = mnl_attr_nest_start(nlh, AF_INET6);

	mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(nlh, inet6);
}

/* Sends one message and waits for the kernel's answer to it. 0, or -errno. */
static int talk(const struct nlmsghdr *nlh)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	_Alignas(struct nlmsghdr) uint8_t buf[8192]; /* MNL_SOCKET_BUFFER_SIZE is no constant */
	ssize_t got;
	int err = 0;

	if (!nl)
		return -errno;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 || mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		err = -errno;
	got = err ? 0 : mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (!err && (got < 0 || mnl_cb_run(buf, (size_t)got, nlh->nlmsg_seq, mnl_socket_get_portid(nl), NULL,
	                            NULL) < 0))
		err = -errno;
	mnl_socket_close(nl);
	return err;
}

static struct nlmsghdr *setlink(uint8_t buf[], int ifindex, unsigned flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi;

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = 1;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = ifindex;
	ifi->ifi_change = flags;
	ifi->ifi_flags = flags;
	return nlh;
}

static int configure(int ifindex, uint32_t mtu, uint32_t queue, bool ipv6)
{
	_Alignas(struct nlmsghdr) uint8_t buf[SETLINK_BUFFER] = { 0 };
	struct nlmsghdr *nlh = setlink(buf, ifindex, 0);
	struct nlattr *spec;

	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	if (queue)
		mnl_attr_put_u32(nlh, IFLA_TXQLEN, queue);
	spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	put_ipv4_settings(nlh);
	if (ipv6)
		put_ipv6_settings(nlh);
	mnl_attr_nest_end(nlh, spec);
	return talk(nlh);
}

int link_settings_up(int ifindex, uint32_t mtu, uint32_t queue)
{
	_Alignas(struct nlmsghdr) uint8_t buf[SETLINK_BUFFER] = { 0 };
	int err = configure(ifindex, mtu, queue, true);

	if (err == -EAFNOSUPPORT || err == -EOPNOTSUPP) /* a kernel without IPv6 */
		err = configure(ifindex, mtu, queue, false);
	return err ? err : talk(setlink(buf, ifindex, IFF_UP));
}

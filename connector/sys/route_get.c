/* SPDX-License-Identifier: Apache-2.0 */
/* RTM_GETROUTE for one address, on a socket opened for the occasion: asked once per learned route of a LAN peer, not per packet. */
#include "connector/sys/route_get.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

struct answer {
	uint8_t family;
	int ifindex;
	struct addr gateway;
	bool unicast;
};

static int on_attr(const struct nlattr *attr, void *data)
{
	struct answer *a = data;

	if (mnl_attr_get_type(attr) == RTA_OIF && mnl_attr_get_payload_len(attr) >= 4)
		a->ifindex = (int)mnl_attr_get_u32(attr);
	if (mnl_attr_get_type(attr) == RTA_GATEWAY && mnl_attr_get_payload_len(attr) >= (a->family == 6 ? 16 : 4))
		a->gateway = addr_from_bytes(a->family, mnl_attr_get_payload(attr));
	return MNL_CB_OK;
}

static int on_message(const struct nlmsghdr *nlh, void *data)
{
	struct answer *a = data;
	const struct rtmsg *rt = mnl_nlmsg_get_payload(nlh);

	a->unicast = rt->rtm_type == RTN_UNICAST;
	mnl_attr_parse(nlh, sizeof(*rt), on_attr, a);
	return MNL_CB_OK;
}

static int ask(struct mnl_socket *nl, const struct addr *to, struct answer *a)
{
	char buf[4096];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rt;
	ssize_t n;

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	rt = mnl_nlmsg_put_extra_header(nlh, sizeof(*rt));
	rt->rtm_family = to->family == 6 ? AF_INET6 : AF_INET;
	rt->rtm_dst_len = (uint8_t)addr_bits(to);
	mnl_attr_put(nlh, RTA_DST, addr_size(to), to->b);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -1;
	n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (n < 0)
		return -1;
	return mnl_cb_run(buf, (size_t)n, 0, mnl_socket_get_portid(nl), on_message, a) < 0 ? -1 : 0;
}

int sys_route_get(const struct sys_domain *d, const struct addr *to, int *ret_ifindex, char ret_interface[16],
	struct addr *ret_gateway)
{
	struct answer a = { .family = to->family };
	struct mnl_socket *nl;
	int token, rc = -1;

	if (sys_domain_enter(d, &token))
		return -1;
	nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0)
		rc = ask(nl, to, &a);
	if (nl)
		mnl_socket_close(nl);
	if (!rc && (!a.unicast || !a.ifindex || !if_indextoname((unsigned)a.ifindex, ret_interface)))
		rc = -1;
	sys_domain_leave(token);
	if (rc)
		return -1;
	*ret_ifindex = a.ifindex;
	*ret_gateway = a.gateway;
	return 0;
}

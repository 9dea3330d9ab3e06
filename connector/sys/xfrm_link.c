/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xfrm interfaces by rtnetlink. They are made without an underlying device (IFLA_XFRM_LINK): the outer
 * packets take whatever way the routes of the domain say.
 */
#include "connector/sys/xfrm_link.h"

#include "connector/sys/link_settings.h"
#include "connector/sys/nl.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#define KIND "xfrm"

union room {
	uint64_t align;
	uint8_t bytes[XFRM_LINK_MSG_ROOM];
};

struct nlmsghdr *xfrm_link_build(void *buf, const char *name, uint32_t if_id)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nlattr *info, *data;

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_str(nlh, IFLA_INFO_KIND, KIND);
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	mnl_attr_put_u32(nlh, IFLA_XFRM_IF_ID, if_id);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return nlh;
}

static bool is_kind(const struct nlattr *a)
{
	size_t len = mnl_attr_get_payload_len(a);
	const char *s = mnl_attr_get_payload(a);

	if (len && !s[len - 1])
		len--;
	return len == strlen(KIND) && !memcmp(s, KIND, len);
}

static bool take_info(const struct nlattr *info, struct xfrm_link_view *l)
{
	bool ours = false;
	const struct nlattr *a, *d;

	mnl_attr_for_each_nested(a, info)
	{
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
			ours = is_kind(a);
		if (mnl_attr_get_type(a) != IFLA_INFO_DATA || !ours)
			continue;
		mnl_attr_for_each_nested(d, a)
		{
			if (mnl_attr_get_type(d) == IFLA_XFRM_IF_ID &&
			    mnl_attr_validate(d, MNL_TYPE_U32) >= 0)
				l->if_id = mnl_attr_get_u32(d);
		}
	}
	return ours;
}

bool xfrm_link_parse(const struct nlmsghdr *nlh, struct xfrm_link_view *ret_link)
{
	struct xfrm_link_view l = { 0 };
	struct rtnl_link_stats64 stats;
	struct ifinfomsg ifi;
	const struct nlattr *a;
	bool ours = false;

	if (nlh->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(nlh) < sizeof(ifi))
		return false;
	memcpy(&ifi, mnl_nlmsg_get_payload(nlh), sizeof(ifi));
	l.ifindex = ifi.ifi_index;
	mnl_attr_for_each(a, nlh, sizeof(ifi))
	{
		if (mnl_attr_get_type(a) == IFLA_LINKINFO)
			ours = take_info(a, &l);
		if (mnl_attr_get_type(a) != IFLA_STATS64)
			continue;
		memset(&stats, 0, sizeof(stats));
		memcpy(&stats, mnl_attr_get_payload(a),
		    mnl_attr_get_payload_len(a) < sizeof(stats) ? mnl_attr_get_payload_len(a)
		                                                : sizeof(stats));
		l.no_sa = stats.tx_carrier_errors;
	}
	if (ours)
		*ret_link = l;
	return ours;
}

static int talk(const struct sys_domain *domain, struct nlmsghdr *nlh, nl_handler *handler, void *ctx)
{
	struct nl *nl;
	int err = nl_open(domain, NETLINK_ROUTE, &nl);

	if (err)
		return err;
	err = nl_request(nl, nlh, handler, ctx, NULL);
	nl_close(nl);
	return err;
}

static struct nlmsghdr *about(union room *m, uint16_t type, int ifindex)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(m);
	struct ifinfomsg *ifi;

	nlh->nlmsg_type = type;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_index = ifindex;
	return nlh;
}

static int settle(const struct sys_domain *domain, const char *name, uint32_t mtu, int *ret_ifindex)
{
	int token, ifindex, err;

	if (sys_domain_enter(domain, &token))
		return -errno;
	ifindex = (int)if_nametoindex(name);
	err = ifindex ? link_settings_up(ifindex, mtu, 0) : -errno;
	sys_domain_leave(token);
	if (!err)
		*ret_ifindex = ifindex;
	else if (ifindex)
		(void)xfrm_link_del(domain, ifindex);
	return err;
}

int xfrm_link_add(
    const struct sys_domain *domain, const char *name, uint32_t if_id, uint32_t mtu, int *ret_ifindex)
{
	union room m;
	int err;

	if (!name[0] || strlen(name) >= IFNAMSIZ)
		return -EINVAL;
	err = talk(domain, xfrm_link_build(&m, name, if_id), NULL, NULL);
	return err ? err : settle(domain, name, mtu, ret_ifindex);
}

int xfrm_link_del(const struct sys_domain *domain, int ifindex)
{
	union room m;

	return talk(domain, about(&m, RTM_DELLINK, ifindex), NULL, NULL);
}

struct listing {
	struct xfrm_link_view *out;
	size_t n, max;
	struct xfrm_link_view beyond; /* max: only counted */
};

static void take(void *ctx, const struct nlmsghdr *nlh)
{
	struct listing *l = ctx;

	if (xfrm_link_parse(nlh, l->n < l->max ? &l->out[l->n] : &l->beyond))
		l->n++;
}

int xfrm_link_get(const struct sys_domain *domain, int ifindex, struct xfrm_link_view *ret_link)
{
	struct listing l = { .out = ret_link, .max = 1 };
	union room m;
	int err = talk(domain, about(&m, RTM_GETLINK, ifindex), take, &l);

	return err ? err : l.n ? 0 : -ENODEV;
}

int xfrm_link_list(const struct sys_domain *domain, struct xfrm_link_view out[], size_t max)
{
	struct listing l = { .out = out, .max = max };
	union room m;
	struct nlmsghdr *nlh = about(&m, RTM_GETLINK, 0);
	int err;

	nlh->nlmsg_flags = NLM_F_DUMP;
	err = talk(domain, nlh, take, &l);
	return err ? err : (int)l.n;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From netlink messages of the kernel to plain values (rtnetlink(7), linux/nexthop.h). libmnl's iterators
 * keep every attribute inside its message; an attribute that is too short for its type is skipped, one that
 * we don't know too.
 */
#include "connector/sys/rtnl.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <string.h>

static uint8_t family_of(uint8_t af)
{
	return af == AF_INET ? 4 : af == AF_INET6 ? 6 : 0;
}

static uint32_t get_u32(const struct nlattr *a)
{
	return mnl_attr_get_payload_len(a) >= sizeof(uint32_t) ? mnl_attr_get_u32(a) : 0;
}

/* An address of the family that its length says. */
static struct addr get_addr(const struct nlattr *a)
{
	uint16_t len = mnl_attr_get_payload_len(a);

	if (len != 4 && len != 16)
		return (struct addr){ 0 };
	return addr_from_bytes(len == 4 ? 4 : 6, mnl_attr_get_payload(a));
}

/* RTA_VIA: a gateway of another family than the route's. */
static struct addr get_via(const struct nlattr *a)
{
	const struct rtvia *via = mnl_attr_get_payload(a);
	uint16_t len = mnl_attr_get_payload_len(a);
	struct addr none = { 0 };

	if (len < sizeof(*via))
		return none;
	none.family = family_of((uint8_t)via->rtvia_family);
	if (len - sizeof(*via) < addr_size(&none) || !none.family)
		return (struct addr){ 0 };
	return addr_from_bytes(none.family, via->rtvia_addr);
}

static void parse_multipath(const struct nlattr *attr, struct rtnl_route *r)
{
	const struct rtnexthop *nh = mnl_attr_get_payload(attr);
	int left = mnl_attr_get_payload_len(attr);

	while (left >= (int)sizeof(*nh) && nh->rtnh_len >= sizeof(*nh) && nh->rtnh_len <= left) {
		struct rtnl_way way = {
			.ifindex = nh->rtnh_ifindex, .weight = nh->rtnh_hops + 1U, .flags = nh->rtnh_flags
		};
		const char *end = (const char *)nh + nh->rtnh_len;

		for (const struct nlattr *a = (const void *)RTNH_DATA(nh);
		     mnl_attr_ok(a, (int)(end - (const char *)a)); a = mnl_attr_next(a)) {
			if (mnl_attr_get_type(a) == RTA_GATEWAY)
				way.via = get_addr(a);
			else if (mnl_attr_get_type(a) == RTA_VIA)
				way.via = get_via(a);
		}
		if (r->n_ways < RTNL_WAYS_MAX)
			r->way[r->n_ways++] = way;
		else
			r->n_more++;
		left -= (int)RTNH_ALIGN(nh->rtnh_len);
		nh = RTNH_NEXT(nh);
	}
}

static void parse_metrics(const struct nlattr *attr, struct rtnl_route *r)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, attr)
	{
		if (mnl_attr_get_type(a) == RTAX_MTU)
			r->mtu = get_u32(a);
	}
}

static void parse_route_attr(const struct nlattr *a, struct rtnl_route *r, struct rtnl_way *way)
{
	switch (mnl_attr_get_type(a)) {
	case RTA_DST: r->prefix.addr = get_addr(a); break;
	case RTA_TABLE: r->table = get_u32(a); break;
	case RTA_PRIORITY: r->metric = get_u32(a); break;
	case RTA_NH_ID: r->nhid = get_u32(a); break;
	case RTA_PREFSRC: r->source = get_addr(a); break;
	case RTA_OIF: way->ifindex = (int)get_u32(a); break;
	case RTA_GATEWAY: way->via = get_addr(a); break;
	case RTA_VIA: way->via = get_via(a); break;
	case RTA_METRICS: parse_metrics(a, r); break;
	case RTA_MULTIPATH: parse_multipath(a, r); break;
	}
}

static bool parse_route(const struct nlmsghdr *nlh, struct rtnl_route *r)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct rtnl_way way = { .weight = 1 };
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm) || !family_of(rtm->rtm_family))
		return false;
	memset(r, 0, sizeof(*r));
	r->table = rtm->rtm_table;
	r->protocol = rtm->rtm_protocol;
	r->type = rtm->rtm_type;
	r->tos = rtm->rtm_tos;
	r->scope = rtm->rtm_scope;
	r->cloned = rtm->rtm_flags & RTM_F_CLONED;
	way.flags = rtm->rtm_flags;
	mnl_attr_for_each(a, nlh, sizeof(*rtm)) parse_route_attr(a, r, &way);
	if (!r->n_ways && way.ifindex)
		r->way[r->n_ways++] = way;
	if (!r->prefix.addr.family) /* the default route has no RTA_DST */
		r->prefix.addr.family = family_of(rtm->rtm_family);
	if (r->prefix.addr.family != family_of(rtm->rtm_family) ||
	    rtm->rtm_dst_len > addr_bits(&r->prefix.addr))
		return false;
	r->prefix.len = rtm->rtm_dst_len;
	return true;
}

static void parse_group(const struct nlattr *a, struct rtnl_nexthop *nh)
{
	const struct nexthop_grp *grp = mnl_attr_get_payload(a);
	size_t n = mnl_attr_get_payload_len(a) / sizeof(*grp);

	nh->group = true;
	for (size_t i = 0; i < n; i++) {
		if (nh->n_members == RTNL_WAYS_MAX) {
			nh->n_more++;
			continue;
		}
		nh->member[nh->n_members++] =
		    (struct rtnl_member){ .id = grp[i].id, .weight = grp[i].weight + 1U };
	}
}

static bool parse_nexthop(const struct nlmsghdr *nlh, struct rtnl_nexthop *nh)
{
	const struct nhmsg *nhm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*nhm))
		return false;
	memset(nh, 0, sizeof(*nh));
	nh->protocol = nhm->nh_protocol;
	nh->family = family_of(nhm->nh_family);
	nh->way.weight = 1;
	nh->way.flags = nhm->nh_flags;
	mnl_attr_for_each(a, nlh, sizeof(*nhm))
	{
		switch (mnl_attr_get_type(a)) {
		case NHA_ID: nh->id = get_u32(a); break;
		case NHA_GROUP: parse_group(a, nh); break;
		case NHA_BLACKHOLE: nh->blackhole = true; break;
		case NHA_OIF: nh->way.ifindex = (int)get_u32(a); break;
		case NHA_GATEWAY: nh->way.via = get_addr(a); break;
		}
	}
	return nh->id != 0;
}

static bool parse_link(const struct nlmsghdr *nlh, struct rtnl_link *l)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi) || ifi->ifi_family != AF_UNSPEC)
		return false; /* AF_BRIDGE and others tell of ports, not of the interface */
	memset(l, 0, sizeof(*l));
	l->ifindex = ifi->ifi_index;
	l->flags = ifi->ifi_flags;
	mnl_attr_for_each(a, nlh, sizeof(*ifi))
	{
		if (mnl_attr_get_type(a) == IFLA_IFNAME) {
			size_t len = mnl_attr_get_payload_len(a);

			len = len < sizeof(l->name) ? len : sizeof(l->name) - 1;
			memcpy(l->name, mnl_attr_get_payload(a), len);
			l->name[len] = '\0';
		}
	}
	return true;
}

static bool parse_addr(const struct nlmsghdr *nlh, struct rtnl_addr *r)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct addr address = { 0 };
	const struct nlattr *a;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifa))
		return false;
	memset(r, 0, sizeof(*r));
	r->ifindex = (int)ifa->ifa_index;
	r->scope = ifa->ifa_scope;
	r->flags = ifa->ifa_flags;
	mnl_attr_for_each(a, nlh, sizeof(*ifa))
	{
		if (mnl_attr_get_type(a) == IFA_LOCAL)
			r->addr = get_addr(a);
		else if (mnl_attr_get_type(a) == IFA_ADDRESS)
			address = get_addr(a);
		else if (mnl_attr_get_type(a) == IFA_FLAGS)
			r->flags = get_u32(a);
	}
	if (!r->addr.family)
		r->addr = address;
	if (!address.family)
		address = r->addr;
	if (!address.family || ifa->ifa_prefixlen > addr_bits(&address))
		return false;
	r->network = prefix_canonical((struct prefix){ .addr = address, .len = ifa->ifa_prefixlen });
	return true;
}

static bool is_deletion(uint16_t type)
{
	return type == RTM_DELROUTE || type == RTM_DELNEXTHOP || type == RTM_DELLINK || type == RTM_DELADDR;
}

bool rtnl_parse(const struct nlmsghdr *nlh, struct rtnl_msg *ret_msg)
{
	if (nlh->nlmsg_len % NLMSG_ALIGNTO) /* attributes always end so; libmnl reads up to there */
		return false;
	ret_msg->gone = is_deletion(nlh->nlmsg_type);
	ret_msg->replace = nlh->nlmsg_flags & NLM_F_REPLACE;
	ret_msg->append = nlh->nlmsg_flags & NLM_F_APPEND;
	switch (nlh->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE: ret_msg->kind = RTNL_ROUTE; return parse_route(nlh, &ret_msg->route);
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP: ret_msg->kind = RTNL_NEXTHOP; return parse_nexthop(nlh, &ret_msg->nexthop);
	case RTM_NEWLINK:
	case RTM_DELLINK: ret_msg->kind = RTNL_LINK; return parse_link(nlh, &ret_msg->link);
	case RTM_NEWADDR:
	case RTM_DELADDR: ret_msg->kind = RTNL_ADDR; return parse_addr(nlh, &ret_msg->addr);
	}
	return false;
}

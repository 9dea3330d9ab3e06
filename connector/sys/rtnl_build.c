/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch: netlink requests one behind the other in one buffer, sent by one system call. The kernel works
 * through them in order and goes on behind one that fails. Only the last asks for an acknowledgement; the
 * others speak up when they fail, so that a thousand good changes cost one answer (rtnl.c collects them).
 *
 * Routes: the kernel's NLM_F_REPLACE takes the first route with the same prefix, tos and metric, whoever's it
 * is, so it is never used. NLM_F_APPEND puts a route behind those with the same key, and a deletion that
 * names protocol and nexthop object finds ours only: together they change a route without a gap and without a
 * risk for foreign ones.
 */
#include "connector/sys/rtnl_batch.h"

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#define RTNL_MSG_MAX 512 /* the largest single request: a group of RTNL_WAYS_MAX members is 292 bytes */

static uint8_t af_of(uint8_t family)
{
	return family == 4 ? AF_INET : family == 6 ? AF_INET6 : AF_UNSPEC;
}

struct rtnl_batch *rtnl_batch_new(void)
{
	struct rtnl_batch *b = calloc(1, sizeof(*b));

	if (b && !(b->buf = malloc((size_t)RTNL_BATCH_MAX * RTNL_MSG_MAX))) {
		free(b);
		return NULL;
	}
	return b;
}

void rtnl_batch_free(struct rtnl_batch *b)
{
	if (b)
		free(b->buf);
	free(b);
}

void rtnl_batch_clear(struct rtnl_batch *b)
{
	b->n = 0;
	b->len = 0;
}

size_t rtnl_batch_room(const struct rtnl_batch *b)
{
	return RTNL_BATCH_MAX - b->n;
}

static struct nlmsghdr *begin(struct rtnl_batch *b, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(b->buf + b->len);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = (uint32_t)b->n; /* rtnl_exec adds its own base */
	return nlh;
}

static void end(struct rtnl_batch *b, size_t tag, const struct nlmsghdr *nlh)
{
	b->offset[b->n] = b->len;
	b->tag[b->n++] = tag;
	b->len += NLMSG_ALIGN(nlh->nlmsg_len);
}

static void put_addr(struct nlmsghdr *nlh, uint16_t type, const struct addr *a)
{
	if (addr_size(a))
		mnl_attr_put(nlh, type, addr_size(a), a->b);
}

static uint16_t create_flags(enum rtnl_how how)
{
	switch (how) {
	case RTNL_CREATE: return NLM_F_CREATE | NLM_F_EXCL;
	case RTNL_APPEND: return NLM_F_CREATE | NLM_F_APPEND;
	case RTNL_REPLACE: return NLM_F_REPLACE;
	case RTNL_DELETE:
	case RTNL_DELETE_ANY: break;
	}
	return 0;
}

int rtnl_batch_route(struct rtnl_batch *b, size_t tag, enum rtnl_how how, const struct rtnl_route *route)
{
	bool del = how == RTNL_DELETE || how == RTNL_DELETE_ANY;
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;

	if (!rtnl_batch_room(b))
		return -ENOBUFS;
	if (how == RTNL_REPLACE)
		return -EINVAL;
	nlh = begin(b, del ? RTM_DELROUTE : RTM_NEWROUTE, create_flags(how));
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = af_of(route->prefix.addr.family);
	rtm->rtm_dst_len = route->prefix.len;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = route->protocol;
	/* In a deletion "nowhere" and type 0 match any scope and type. */
	rtm->rtm_scope = del ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE;
	rtm->rtm_type = del ? RTN_UNSPEC : route->type ? route->type : RTN_UNICAST;
	put_addr(nlh, RTA_DST, &route->prefix.addr);
	if (route->metric)
		mnl_attr_put_u32(nlh, RTA_PRIORITY, route->metric);
	if (route->nhid && how != RTNL_DELETE_ANY)
		mnl_attr_put_u32(nlh, RTA_NH_ID, route->nhid);
	put_addr(nlh, RTA_PREFSRC, &route->source);
	end(b, tag, nlh);
	return 0;
}

int rtnl_batch_nexthop(
    struct rtnl_batch *b, size_t tag, enum rtnl_how how, const struct rtnl_nexthop *nexthop)
{
	bool del = how == RTNL_DELETE || how == RTNL_DELETE_ANY;
	struct nlmsghdr *nlh;
	struct nhmsg *nhm;

	if (!rtnl_batch_room(b))
		return -ENOBUFS;
	nlh = begin(b, del ? RTM_DELNEXTHOP : RTM_NEWNEXTHOP, create_flags(how));
	nhm = mnl_nlmsg_put_extra_header(nlh, sizeof(*nhm));
	mnl_attr_put_u32(nlh, NHA_ID, nexthop->id);
	if (!del) {
		nhm->nh_protocol = nexthop->protocol;
		nhm->nh_family = nexthop->group ? AF_UNSPEC : af_of(nexthop->family);
	}
	if (!del && nexthop->group) {
		struct nexthop_grp grp[RTNL_WAYS_MAX] = { 0 };

		for (unsigned i = 0; i < nexthop->n_members; i++) {
			grp[i].id = nexthop->member[i].id;
			grp[i].weight = (uint8_t)(nexthop->member[i].weight - 1);
		}
		mnl_attr_put(nlh, NHA_GROUP, nexthop->n_members * sizeof(grp[0]), grp);
	} else if (!del && nexthop->blackhole) {
		mnl_attr_put(nlh, NHA_BLACKHOLE, 0, NULL);
	} else if (!del) {
		mnl_attr_put_u32(nlh, NHA_OIF, (uint32_t)nexthop->way.ifindex);
		put_addr(nlh, NHA_GATEWAY, &nexthop->way.via);
		nhm->nh_flags = nexthop->way.flags;
	}
	end(b, tag, nlh);
	return 0;
}

int rtnl_batch_addr(struct rtnl_batch *b, size_t tag, enum rtnl_how how, const struct rtnl_addr *addr)
{
	bool del = how == RTNL_DELETE || how == RTNL_DELETE_ANY;
	struct nlmsghdr *nlh;
	struct ifaddrmsg *ifa;

	if (!rtnl_batch_room(b))
		return -ENOBUFS;
	nlh = begin(b, del ? RTM_DELADDR : RTM_NEWADDR, create_flags(how));
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = af_of(addr->addr.family);
	ifa->ifa_prefixlen = addr->network.len;
	ifa->ifa_flags = (uint8_t)addr->flags;
	ifa->ifa_scope = addr->scope;
	ifa->ifa_index = (uint32_t)addr->ifindex;
	put_addr(nlh, IFA_LOCAL, &addr->addr);
	put_addr(nlh, IFA_ADDRESS, &addr->addr);
	end(b, tag, nlh);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtnetlink messages as bytes: what the batch builds is what the parser reads (the kernel's notifications
 * have the same form as our requests), no truncation reads outside the message, and attributes typed in by
 * hand come out as they should.
 */
#include "connector/sys/rtnl.h"
#include "connector/sys/rtnl_batch.h"

#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct nlmsghdr *at(const struct rtnl_batch *b, size_t i)
{
	return (const void *)(b->buf + b->offset[i]);
}

/*
 * Each length that is too short, in a block of exactly that size: a sanitizer sees a byte too many. Netlink
 * pads messages to NLMSG_ALIGNTO, and libmnl counts on the padding.
 */
static void truncate_all(const struct nlmsghdr *nlh)
{
	for (uint32_t len = sizeof(*nlh); len < nlh->nlmsg_len; len += NLMSG_ALIGNTO) {
		struct nlmsghdr *cut = malloc(len);
		struct rtnl_msg m;

		assert_non_null(cut);
		memcpy(cut, nlh, len);
		cut->nlmsg_len = len;
		(void)rtnl_parse(cut, &m);
		free(cut);
	}
}

static void test_route(void **state)
{
	static const char *const prefixes[] = { "10.1.0.0/16", "2001:db8:1::/48", "0.0.0.0/0",
		"198.51.100.7/32" };
	struct rtnl_batch *b = rtnl_batch_new();

	(void)state;
	assert_non_null(b);
	for (unsigned i = 0; i < 4; i++) {
		struct rtnl_route r = { .metric = i * 10, .nhid = 201000000 + i, .protocol = 201 };
		struct rtnl_msg m;

		assert_int_equal(prefix_parse(prefixes[i], true, &r.prefix), 0);
		assert_int_equal(addr_parse(i == 1 ? "2001:db8::1" : "192.0.2.1", &r.source), 0);
		rtnl_batch_clear(b);
		assert_int_equal(rtnl_batch_route(b, 7, RTNL_CREATE, &r), 0);
		assert_int_equal(rtnl_batch_route(b, 8, RTNL_APPEND, &r), 0);
		assert_int_equal(rtnl_batch_route(b, 9, RTNL_DELETE, &r), 0);
		assert_int_equal(rtnl_batch_route(b, 10, RTNL_DELETE_ANY, &r), 0);
		assert_int_equal(at(b, 0)->nlmsg_flags, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
		assert_int_equal(at(b, 1)->nlmsg_flags, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_APPEND);
		assert_true(rtnl_parse(at(b, 0), &m));
		assert_int_equal(m.kind, RTNL_ROUTE);
		assert_false(m.gone);
		assert_true(prefix_eq(&m.route.prefix, &r.prefix) && addr_eq(&m.route.source, &r.source));
		assert_int_equal(m.route.metric, r.metric);
		assert_int_equal(m.route.nhid, r.nhid);
		assert_int_equal(m.route.protocol, 201);
		assert_int_equal(m.route.table, RT_TABLE_MAIN);
		assert_true(rtnl_parse(at(b, 2), &m));
		assert_true(m.gone);
		assert_int_equal(m.route.nhid, r.nhid);
		assert_true(rtnl_parse(at(b, 3), &m));
		assert_int_equal(m.route.nhid, 0);
		truncate_all(at(b, 0));
	}
	/* The kernel's replacement of routes may hit foreign ones: it can't even be built. */
	assert_true(rtnl_batch_route(b, 0, RTNL_REPLACE, &(struct rtnl_route){ 0 }) < 0);
	rtnl_batch_free(b);
}

static void test_nexthop(void **state)
{
	struct rtnl_nexthop group = { .id = 9, .group = true, .protocol = 201, .n_members = RTNL_WAYS_MAX };
	struct rtnl_nexthop one = {
		.id = 5, .protocol = 201, .family = 4, .way = { .ifindex = 3, .flags = RTNH_F_ONLINK }
	};
	struct rtnl_batch *b = rtnl_batch_new();
	struct rtnl_msg m;

	(void)state;
	assert_non_null(b);
	assert_int_equal(addr_parse("192.0.2.9", &one.way.via), 0);
	for (unsigned i = 0; i < RTNL_WAYS_MAX; i++)
		group.member[i] = (struct rtnl_member){ .id = 100 + i, .weight = i * 8 + 1 };
	assert_int_equal(rtnl_batch_nexthop(b, 0, RTNL_CREATE, &one), 0);
	assert_int_equal(rtnl_batch_nexthop(b, 0, RTNL_REPLACE, &group), 0);
	assert_int_equal(rtnl_batch_nexthop(b, 0, RTNL_CREATE,
	                     &(struct rtnl_nexthop){ .id = 6, .family = 6, .blackhole = true }),
	    0);
	assert_int_equal(rtnl_batch_nexthop(b, 0, RTNL_DELETE, &group), 0);
	assert_true(rtnl_parse(at(b, 0), &m));
	assert_int_equal(m.kind, RTNL_NEXTHOP);
	assert_int_equal(m.nexthop.way.ifindex, 3);
	assert_int_equal(m.nexthop.family, 4);
	assert_true(addr_eq(&m.nexthop.way.via, &one.way.via));
	assert_true(rtnl_parse(at(b, 1), &m));
	assert_true(m.replace && m.nexthop.group);
	assert_int_equal(m.nexthop.n_members, RTNL_WAYS_MAX);
	assert_memory_equal(m.nexthop.member, group.member, sizeof(group.member));
	assert_true(rtnl_parse(at(b, 2), &m));
	assert_true(m.nexthop.blackhole);
	assert_int_equal(m.nexthop.way.ifindex, 0);
	assert_true(rtnl_parse(at(b, 3), &m));
	assert_true(m.gone);
	for (size_t i = 0; i < b->n; i++)
		truncate_all(at(b, i));
	rtnl_batch_free(b);
}

static void test_full_batch(void **state)
{
	struct rtnl_batch *b = rtnl_batch_new();
	struct rtnl_nexthop group = { .id = 9, .group = true, .n_members = RTNL_WAYS_MAX };
	size_t room;

	(void)state;
	assert_non_null(b);
	for (unsigned i = 0; i < RTNL_WAYS_MAX; i++)
		group.member[i] = (struct rtnl_member){ .id = 1 + i, .weight = 1 };
	room = rtnl_batch_room(b);
	for (size_t i = 0; i < room; i++)
		assert_int_equal(rtnl_batch_nexthop(b, i, RTNL_CREATE, &group), 0);
	assert_true(rtnl_batch_nexthop(b, 0, RTNL_CREATE, &group) < 0);
	rtnl_batch_clear(b);
	assert_int_equal(rtnl_batch_room(b), room);
	rtnl_batch_free(b);
}

/* A multipath route with a gateway of the other family, as `ip route add 10/8 nexthop via inet6 fe80::1 dev
 * #3 weight 5 ...` shows. */
static void test_multipath(void **state)
{
	struct {
		struct nlmsghdr nlh;
		struct rtmsg rtm;
		struct nlattr a;
		struct rtnexthop first;
		struct nlattr via_attr;
		uint16_t via_family;
		uint8_t via[16];
		uint8_t pad[2];
		struct rtnexthop second;
		struct nlattr gw_attr;
		uint8_t gw[4];
	} raw = {
		.nlh = { .nlmsg_type = RTM_NEWROUTE },
		.rtm = { .rtm_family = AF_INET,
		    .rtm_dst_len = 0,
		    .rtm_table = RT_TABLE_MAIN,
		    .rtm_type = RTN_UNICAST },
		.a = { .nla_type = RTA_MULTIPATH },
		.first = { .rtnh_hops = 4, .rtnh_ifindex = 3 },
		.via_attr = { .nla_len = 22, .nla_type = RTA_VIA },
		.via_family = AF_INET6,
		.via = { 0xfe, 0x80, [15] = 1 },
		.second = { .rtnh_flags = RTNH_F_DEAD, .rtnh_ifindex = 4 },
		.gw_attr = { .nla_len = 8, .nla_type = RTA_GATEWAY },
		.gw = { 192, 0, 2, 1 },
	};
	struct rtnl_msg m;

	(void)state;
	raw.nlh.nlmsg_len = sizeof(raw);
	raw.first.rtnh_len = sizeof(raw.first) + 24;
	raw.second.rtnh_len = sizeof(raw.second) + 8;
	raw.a.nla_len = (uint16_t)(sizeof(raw.a) + raw.first.rtnh_len + raw.second.rtnh_len);
	assert_int_equal(sizeof(raw), sizeof(raw.nlh) + sizeof(raw.rtm) + raw.a.nla_len);
	assert_true(rtnl_parse(&raw.nlh, &m));
	assert_int_equal(m.route.n_ways, 2);
	assert_int_equal(m.route.prefix.addr.family, 4);
	assert_int_equal(m.route.prefix.len, 0);
	assert_int_equal(m.route.way[0].ifindex, 3);
	assert_int_equal(m.route.way[0].weight, 5);
	assert_string_equal(addr_str(&m.route.way[0].via), "fe80::1");
	assert_int_equal(m.route.way[1].flags, RTNH_F_DEAD);
	assert_string_equal(addr_str(&m.route.way[1].via), "192.0.2.1");
	truncate_all(&raw.nlh);
	/* A leg that says it is longer than the attribute ends the list. */
	raw.second.rtnh_len = 200;
	assert_true(rtnl_parse(&raw.nlh, &m));
	assert_int_equal(m.route.n_ways, 1);
	raw.first.rtnh_len = 0;
	assert_true(rtnl_parse(&raw.nlh, &m));
	assert_int_equal(m.route.n_ways, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_route),
		cmocka_unit_test(test_nexthop),
		cmocka_unit_test(test_full_batch),
		cmocka_unit_test(test_multipath),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

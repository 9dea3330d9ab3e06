/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor: how fast this kernel takes the benchmark's routes from a program that does nothing else. Batches
 *of 256, the last of each with a reply, the others without.
 *
 *	bench_nl_floor COUNT SETS INTERFACE GATEWAY GATEWAY2
 *
 * One line of JSON: seconds to add and to delete all, plain and with RTA_NH_ID; to move all of the latter by
 *replacing their nexthop object, and by deleting one member of their group; and microseconds for a single
 *route with its reply (median).
 */
#include "tests/bench/bgp/table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH   256
#define ROOM    128 /* octets of one message, at most */
#define SINGLES 101
#define NH_A    1001
#define NH_B    1002
#define NH_BOTH 1003

static struct mnl_socket *nl;
static unsigned device;
static struct in_addr gateway[2];
static uint8_t batch[BATCH * ROOM];
static uint32_t sequence;

static void die(const char *what)
{
	fprintf(stderr, "bench_nl_floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The message at `at`, in the routing family. */
static struct nlmsghdr *begin(uint8_t *at, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(at);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = ++sequence;
	return h;
}

/* Sends n octets of which the last message asks for a reply, and takes that. */
static void exchange(size_t n)
{
	uint8_t reply[8192];
	ssize_t got;

	if (mnl_socket_sendto(nl, batch, n) < 0)
		die("send");
	do {
		const struct nlmsghdr *h = (struct nlmsghdr *)reply;

		got = mnl_socket_recvfrom(nl, reply, sizeof(reply));
		if (got < 0)
			die("receive");
		if (h->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

			errno = -e->error;
			if (errno)
				die("refused");
			if (h->nlmsg_seq == sequence)
				return;
		}
	} while (true);
}

static size_t put_route(size_t at, uint32_t i, bool gone, uint32_t nexthop, bool last)
{
	struct nlmsghdr *h = begin(batch + at, gone ? RTM_DELROUTE : RTM_NEWROUTE,
	    (gone ? 0 : NLM_F_CREATE | NLM_F_EXCL) | (last ? NLM_F_ACK : 0));
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->rtm_family = AF_INET;
	m->rtm_dst_len = table_length(i);
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_protocol = RTPROT_STATIC;
	m->rtm_scope = gone ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE;
	m->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(h, RTA_DST, htonl(table_network(i)));
	if (gone)
		return at + MNL_ALIGN(h->nlmsg_len);
	if (nexthop) {
		mnl_attr_put_u32(h, RTA_NH_ID, nexthop);
	} else {
		mnl_attr_put_u32(h, RTA_GATEWAY, gateway[0].s_addr);
		mnl_attr_put_u32(h, RTA_OIF, device);
	}
	return at + MNL_ALIGN(h->nlmsg_len);
}

/* Seconds */
static double routes(const uint32_t *order, uint32_t n, bool gone, uint32_t nexthop)
{
	int64_t began = now_ns();

	for (uint32_t i = 0; i < n;) {
		size_t at = 0;

		for (unsigned k = 0; k < BATCH && i < n; k++, i++)
			at = put_route(at, order[i], gone, nexthop, k == BATCH - 1 || i == n - 1);
		exchange(at);
	}
	return (double)(now_ns() - began) / 1e9;
}

static void nexthop(uint32_t id, const struct in_addr *via, uint16_t flags)
{
	struct nlmsghdr *h = begin(batch, RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_ACK | flags);
	struct nhmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	struct nexthop_grp both[] = { { .id = NH_A }, { .id = NH_B } };

	m->nh_family = via ? AF_INET : AF_UNSPEC;
	m->nh_protocol = RTPROT_STATIC;
	mnl_attr_put_u32(h, NHA_ID, id);
	if (via) {
		mnl_attr_put_u32(h, NHA_OIF, device);
		mnl_attr_put_u32(h, NHA_GATEWAY, via->s_addr);
	} else {
		mnl_attr_put(h, NHA_GROUP, sizeof(both), both);
	}
	exchange(h->nlmsg_len);
}

static double delete_nexthop(uint32_t id)
{
	int64_t began = now_ns();
	struct nlmsghdr *h = begin(batch, RTM_DELNEXTHOP, NLM_F_ACK);

	mnl_nlmsg_put_extra_header(h, sizeof(struct nhmsg));
	mnl_attr_put_u32(h, NHA_ID, id);
	exchange(h->nlmsg_len);
	return (double)(now_ns() - began) / 1e9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Seconds, the median */
static double singly(const uint32_t *order, uint32_t n, uint32_t id)
{
	double took[SINGLES];
	unsigned some = n < SINGLES ? n : SINGLES;

	for (unsigned i = 0; i < some; i++) {
		took[i] = routes(order + i, 1, false, id);
		routes(order + i, 1, true, 0);
	}
	qsort(took, some, sizeof(took[0]), by_value);
	return took[some / 2];
}

int main(int argc, char **argv)
{
	uint32_t n = argc == 6 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0, *order;
	double add, del, add_nh, del_nh, moved, lost, one;

	if (!n || n > TABLE_MAX || inet_pton(AF_INET, argv[4], &gateway[0]) != 1 ||
	    inet_pton(AF_INET, argv[5], &gateway[1]) != 1) {
		fputs("bench_nl_floor COUNT SETS INTERFACE GATEWAY GATEWAY2\n", stderr);
		return 2;
	}
	device = if_nametoindex(argv[3]);
	order = table_order((struct range){ 0, n, 1 }, (uint32_t)strtoul(argv[2], NULL, 10));
	nl = mnl_socket_open(NETLINK_ROUTE);
	if (!device || !order || !nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		die("start");
	add = routes(order, n, false, 0);
	del = routes(order, n, true, 0);
	nexthop(NH_A, &gateway[0], 0);
	nexthop(NH_B, &gateway[1], 0);
	one = singly(order, n, NH_A);
	add_nh = routes(order, n, false, NH_A);
	moved = (double)now_ns();
	nexthop(NH_A, &gateway[1], NLM_F_REPLACE);
	moved = ((double)now_ns() - moved) / 1e9;
	del_nh = routes(order, n, true, 0);
	nexthop(NH_A, &gateway[0], NLM_F_REPLACE);
	nexthop(NH_BOTH, NULL, 0);
	routes(order, n, false, NH_BOTH);
	lost = delete_nexthop(NH_A);
	routes(order, n, true, 0);
	printf("{\"add\": %.4f, \"delete\": %.4f, \"add-nhid\": %.4f, \"delete-nhid\": %.4f, "
	       "\"replace-object\": %.6f, "
	       "\"delete-member\": %.6f, \"single\": %.6f}\n",
	    add, del, add_nh, del_nh, moved, lost, one);
	free(order);
	mnl_socket_close(nl);
	return 0;
}

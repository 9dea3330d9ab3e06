/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells when the kernel's main table has what it should have of the benchmark's prefixes. It runs in the
 *router's namespace and must not slow it down, so it neither listens to a million notifications nor dumps
 *over and over.
 *
 *	bench_fib_watch GATEWAY...          at most 8; gateway n is the bit 1 << n of a MASK, any other is 1
 *<< 8
 *
 * Commands on stdin, answers on stdout, times in ns of CLOCK_MONOTONIC:
 *	expect FROM TO STEP MASK    reached T DUMPS     each prefix leads to exactly these gateways; MASK 0:
 *to none, it is gone single NUMBER MASK          armed, then reached T       the same of one prefix, by the
 *kernel's notification count FROM TO STEP          count PREFIXES      how many are there
 *
 * `expect` asks for one prefix after the other out of a sample, by a lookup each (which takes no lock that
 *routes are changed under), every 200 us for the one that isn't as it should be. When all of the sample are,
 *one dump looks at every prefix; those that aren't as they should be are the next sample. T is when the last
 *sample was done, so it lies before the dump that confirms it.
 */
#include "tests/bench/bgp/table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define GATEWAYS_MAX 8
#define OTHER        (1U << GATEWAYS_MAX)
#define SAMPLE       512
#define PAUSE_NS     200000
#define MASKS_MAX    1024 /* nexthop objects that one dump meets */
#define GROUP_MAX    64
#define MAIN_TABLE   254

static struct in_addr gateway[GATEWAYS_MAX];
static unsigned n_gateways;
static struct mnl_socket *ask, *monitor;
static uint8_t answer[1 << 16];
static uint32_t sequence;
static uint8_t *as_wanted; /* by the number of the prefix, while a dump is read */
static struct {
	uint32_t id, mask;
} known[MASKS_MAX]; /* of nexthop objects, during one dump */
static unsigned n_known;

struct want {
	struct range range;
	uint32_t mask;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_fib_watch: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint32_t bit_of(uint32_t address)
{
	for (unsigned i = 0; i < n_gateways; i++)
		if (gateway[i].s_addr == address)
			return 1U << i;
	return OTHER;
}

/* One request, one answer; NULL: an error, whose number is in *ret_error. */
static const struct nlmsghdr *request(struct nlmsghdr *h, int *ret_error)
{
	ssize_t n;

	h->nlmsg_seq = ++sequence;
	if (mnl_socket_sendto(ask, h, h->nlmsg_len) < 0)
		die("netlink");
	do { /* an answer of an earlier dump may still come */
		n = mnl_socket_recvfrom(ask, answer, sizeof(answer));
		if (n < 0)
			die("netlink");
		h = (struct nlmsghdr *)answer;
	} while (h->nlmsg_seq != sequence);
	*ret_error = 0;
	if (h->nlmsg_type != NLMSG_ERROR)
		return h;
	*ret_error = -((struct nlmsgerr *)mnl_nlmsg_get_payload(h))->error;
	return NULL;
}

/* ---- where a route leads to */

static uint32_t nexthop_mask(uint32_t id)
{
	uint8_t buffer[256];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	const struct nlmsghdr *got;
	struct nlattr *a;
	uint32_t member[GROUP_MAX], mask = 0;
	unsigned n = 0;
	bool way = false;
	int error;

	h->nlmsg_type = RTM_GETNEXTHOP;
	h->nlmsg_flags = NLM_F_REQUEST;
	mnl_nlmsg_put_extra_header(h, sizeof(struct nhmsg));
	mnl_attr_put_u32(h, NHA_ID, id);
	got = request(h, &error);
	if (!got)
		return OTHER; /* it has gone meanwhile */
	mnl_attr_for_each(a, got, sizeof(struct nhmsg))
	{
		if (mnl_attr_get_type(a) == NHA_GATEWAY) {
			mask |= bit_of(mnl_attr_get_u32(a));
			way = true;
		} else if (mnl_attr_get_type(a) == NHA_GROUP) {
			const struct nexthop_grp *g = mnl_attr_get_payload(a);

			for (n = 0; n < mnl_attr_get_payload_len(a) / sizeof(*g) && n < GROUP_MAX; n++)
				member[n] = g[n].id;
		}
	}
	for (unsigned i = 0; i < n; i++) /* groups have no groups in them */
		mask |= nexthop_mask(member[i]);
	return mask || way || n ? mask : OTHER;
}

static uint32_t nexthop_mask_known(uint32_t id)
{
	for (unsigned i = 0; i < n_known; i++)
		if (known[i].id == id)
			return known[i].mask;
	if (n_known == MASKS_MAX)
		n_known = 0;
	known[n_known].id = id;
	known[n_known].mask = nexthop_mask(id);
	return known[n_known++].mask;
}

static uint32_t multipath_mask(struct nlattr *a)
{
	struct rtnexthop *hop = mnl_attr_get_payload(a);
	int left = mnl_attr_get_payload_len(a);
	uint32_t mask = 0;

	for (; RTNH_OK(hop, left); left -= (int)RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
		struct rtattr *way = RTNH_DATA(hop);
		int n = hop->rtnh_len - (int)sizeof(*hop);

		for (; RTA_OK(way, n); way = RTA_NEXT(way, n))
			if (way->rta_type == RTA_GATEWAY)
				mask |= bit_of(*(uint32_t *)RTA_DATA(way));
	}
	return mask ? mask : OTHER;
}

struct route {
	int64_t number; /* -1: none of the table's */
	uint32_t mask, nexthop;
};

static struct route route_of(const struct nlmsghdr *h)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(h);
	struct route r = { .number = -1 };
	struct nlattr *a;
	uint32_t network = 0;

	if (m->rtm_family != AF_INET || m->rtm_table != MAIN_TABLE)
		return r;
	mnl_attr_for_each(a, h, sizeof(*m))
	{
		uint16_t type = mnl_attr_get_type(a);

		if (type == RTA_DST)
			network = ntohl(mnl_attr_get_u32(a));
		else if (type == RTA_GATEWAY)
			r.mask |= bit_of(mnl_attr_get_u32(a));
		else if (type == RTA_MULTIPATH)
			r.mask |= multipath_mask(a);
		else if (type == RTA_NH_ID)
			r.nexthop = mnl_attr_get_u32(a);
	}
	r.number = table_find(network, m->rtm_dst_len);
	if (!r.mask && !r.nexthop)
		r.mask = OTHER;
	return r;
}

/* 0: there is no such route. */
static uint32_t lookup(uint32_t i)
{
	uint8_t buffer[256];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	const struct nlmsghdr *got;
	struct route r;
	struct rtmsg *m;
	int error;

	h->nlmsg_type = RTM_GETROUTE;
	h->nlmsg_flags = NLM_F_REQUEST;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->rtm_family = AF_INET;
	m->rtm_dst_len = 32;
	m->rtm_flags = RTM_F_FIB_MATCH;
	mnl_attr_put_u32(h, RTA_DST, htonl(table_address(i)));
	got = request(h, &error);
	if (!got)
		return 0;
	r = route_of(got);
	if (r.number != (int64_t)i)
		return 0; /* a covering one */
	/* With nexthop_compat_mode=0 the route tells its object alone. */
	return r.nexthop ? nexthop_mask(r.nexthop) : r.mask;
}

/* ---- all of them */

static bool wanted(const struct want *w, uint32_t i)
{
	return i >= w->range.from && i < w->range.to && (i - w->range.from) % w->range.step == 0;
}

/* Marks each prefix of the range that is as wanted; with `w->mask` 0: that is there. Returns how many. */
static uint32_t dump(const struct want *w)
{
	static uint32_t *number, *object, size;
	uint8_t buffer[256];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct rtmsg *m;
	uint32_t n = 0, marked = 0;
	bool more = true;

	if (!number) {
		size = TABLE_MAX;
		number = calloc(size, sizeof(*number));
		object = calloc(size, sizeof(*object));
		if (!number || !object)
			die("memory");
	}
	memset(as_wanted, 0, TABLE_MAX);
	h->nlmsg_type = RTM_GETROUTE;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = ++sequence;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->rtm_family = AF_INET;
	m->rtm_table = MAIN_TABLE;
	mnl_attr_put_u32(h, RTA_TABLE, MAIN_TABLE); /* strict checking: the kernel filters */
	if (mnl_socket_sendto(ask, h, h->nlmsg_len) < 0)
		die("netlink");
	while (more) {
		ssize_t got = mnl_socket_recvfrom(ask, answer, sizeof(answer));
		int left = (int)got;

		if (got < 0)
			die("netlink");
		for (h = (struct nlmsghdr *)answer; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
			struct route r;

			if (h->nlmsg_seq != sequence)
				continue;
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
				more = false;
				break;
			}
			r = route_of(h);
			if (r.number < 0 || !wanted(w, (uint32_t)r.number))
				continue;
			if (r.nexthop && w->mask &&
			    n < size) { /* what it leads to is asked when the dump is over */
				number[n] = (uint32_t)r.number;
				object[n++] = r.nexthop;
			} else if (!w->mask || r.mask == w->mask) {
				marked += !as_wanted[r.number];
				as_wanted[r.number] = 1;
			}
		}
	}
	n_known = 0;
	for (uint32_t i = 0; i < n; i++)
		if (nexthop_mask_known(object[i]) == w->mask) {
			marked += !as_wanted[number[i]];
			as_wanted[number[i]] = 1;
		}
	return marked;
}

static void pause_a_little(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
}

/* Returns when the last of the sample was as wanted. */
static int64_t sample_done(const struct want *w, const uint32_t *sample, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		while (lookup(sample[i]) != w->mask)
			pause_a_little();
	return now_ns();
}

/* The next sample: of those that a dump found wrong. 0: none is. */
static unsigned stragglers(const struct want *w, uint32_t *sample)
{
	uint32_t marked = dump(w), total = table_count(w->range), wrong = w->mask ? total - marked : marked,
	         k = 0;
	unsigned n = 0;

	for (uint32_t i = w->range.from; i < w->range.to && n < SAMPLE; i += w->range.step)
		if (as_wanted[i] != (w->mask != 0) && k++ % (wrong / SAMPLE + 1) == 0)
			sample[n++] = i;
	return n;
}

static void expect(const struct want *w)
{
	static uint32_t sample[SAMPLE];
	uint32_t total = table_count(w->range);
	unsigned n = total < SAMPLE ? total : SAMPLE, dumps = 0;
	int64_t at = 0;

	for (unsigned i = 0; i < n; i++) /* in no order */
		sample[i] = w->range.from + (uint32_t)((uint64_t)(i * 167U % n) * total / n) * w->range.step;
	do {
		at = sample_done(w, sample, n);
		n = stragglers(w, sample);
		dumps++;
	} while (n);
	printf("reached %" PRId64 " %u\n", at, dumps);
}

/* ---- one prefix */

static void open_monitor(void)
{
	int room = 64 << 20;

	monitor = mnl_socket_open(NETLINK_ROUTE);
	if (!monitor || mnl_socket_bind(monitor, RTMGRP_IPV4_ROUTE, MNL_SOCKET_AUTOPID) < 0)
		die("netlink");
	setsockopt(mnl_socket_get_fd(monitor), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
}

static void single(uint32_t i, uint32_t mask)
{
	uint16_t type = mask ? RTM_NEWROUTE : RTM_DELROUTE;

	bool there = false;

	open_monitor();
	puts("armed"); /* the prefix must not be as wanted before */
	while (!there) {
		ssize_t n = mnl_socket_recvfrom(monitor, answer, sizeof(answer));
		int64_t at = now_ns();
		int left = (int)n;

		for (struct nlmsghdr *h = (struct nlmsghdr *)answer; n > 0 && mnl_nlmsg_ok(h, left);
		     h = mnl_nlmsg_next(h, &left))
			there = there || (h->nlmsg_type == type && route_of(h).number == (int64_t)i);
		if (n < 0)
			there = lookup(i) == mask; /* the queue was full */
		if (there)
			printf("reached %" PRId64 "\n", at);
	}
	mnl_socket_close(monitor);
}

static void command(const char *line)
{
	struct want w = { 0 };
	struct range *r = &w.range;
	uint32_t i;

	if (sscanf(line, "expect %u %u %u %u", &r->from, &r->to, &r->step, &w.mask) == 4 && r->step &&
	    r->to <= TABLE_MAX) {
		expect(&w);
	} else if (sscanf(line, "single %u %u", &i, &w.mask) == 2 && i < TABLE_MAX) {
		single(i, w.mask);
	} else if (sscanf(line, "count %u %u %u", &r->from, &r->to, &r->step) == 3 && r->step &&
	           r->to <= TABLE_MAX) {
		w.mask = 0;
		printf("count %u\n", dump(&w));
	} else {
		printf("error what is \"%.60s\"?\n", line);
	}
}

int main(int argc, char **argv)
{
	char line[256];
	int one = 1;

	for (int i = 1; i < argc && n_gateways < GATEWAYS_MAX; i++)
		if (inet_pton(AF_INET, argv[i], &gateway[n_gateways++]) != 1)
			return 2;
	as_wanted = calloc(TABLE_MAX, 1);
	ask = mnl_socket_open(NETLINK_ROUTE);
	if (!as_wanted || !ask || mnl_socket_bind(ask, 0, MNL_SOCKET_AUTOPID) < 0)
		die("start");
	mnl_socket_setsockopt(ask, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		command(line);
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtnetlink sockets: requests with their answers, dumps, and the monitor.
 *
 * The kernel works on a request inside sendmsg and queues what it has to say to our socket; the buffers are
 * large, because a socket that overflows loses messages (ENOBUFS) and then only a new dump tells the truth.
 * The monitor's socket filter drops what our own request socket caused: a change of one nexthop object echoes
 * once for each route that uses it, a million times maybe.
 */
#include "connector/sys/rtnl.h"
#include "connector/sys/nl_msg.h"
#include "connector/sys/rtnl_batch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define RECV_MAX         (256U * 1024)      /* the kernel's dumps come in pieces of 32 KiB at most */
#define SOCKET_BUFFER    (32 * 1024 * 1024) /* what is not read is not allocated */
#define ANSWER_TIMEOUT_S 30 /* the kernel answers at once; this keeps a lost answer from hanging us */

struct rtnl {
	int fd;
	uint32_t port, seq;
	char *buf; /* RECV_MAX, owned */
};

static int set_buffers(int fd)
{
	static const int on = 1;
	const int size = SOCKET_BUFFER;
	const struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };

	/* FORCE needs CAP_NET_ADMIN in the first user namespace; without it the system's maximum is what
	 * there is. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)))
		return -errno;
	/* Without strict checking a dump can't be limited to a table or a protocol; it is as old as nexthop
	 * objects. */
	return setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) ? -errno : 0;
}

static int open_socket(struct rtnl *r, uint32_t groups)
{
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK, .nl_groups = groups };
	socklen_t len = sizeof(sa);
	int err;

	r->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (r->fd < 0)
		return -errno;
	err = set_buffers(r->fd);
	if (err)
		return err;
	if (bind(r->fd, (struct sockaddr *)&sa, sizeof(sa)) ||
	    getsockname(r->fd, (struct sockaddr *)&sa, &len))
		return -errno;
	r->port = sa.nl_pid;
	return 0;
}

static struct rtnl *open_in(const struct sys_domain *domain, uint32_t groups, struct reason *ret_reason)
{
	struct rtnl *r = calloc(1, sizeof(*r));
	int token, err;

	if (r)
		r->fd = -1;
	if (!r || !(r->buf = malloc(RECV_MAX))) {
		rtnl_close(r);
		reason_set(ret_reason, "no-memory", "out of memory");
		return NULL;
	}
	if (sys_domain_enter(domain, &token)) {
		reason_set(ret_reason, "netlink-open", "cannot enter routing domain %s: %s", domain->name,
		    strerror(errno));
		rtnl_close(r);
		return NULL;
	}
	err = open_socket(r, groups);
	sys_domain_leave(token);
	if (err) {
		reason_set(ret_reason, "netlink-open",
		    "cannot open a netlink socket in routing domain %s: %s", domain->name, strerror(-err));
		rtnl_close(r);
		return NULL;
	}
	return r;
}

struct rtnl *rtnl_open(const struct sys_domain *domain, struct reason *ret_reason)
{
	return open_in(domain, 0, ret_reason);
}

void rtnl_close(struct rtnl *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	free(r->buf);
	free(r);
}

uint32_t rtnl_port(const struct rtnl *r)
{
	return r->port;
}

int rtnl_fd(const struct rtnl *r)
{
	return r->fd;
}

/* Drops notifications whose nlmsg_pid, the port of the socket that caused them, is ours. Loads are in network
 * order. */
static int ignore_port(int fd, uint32_t port)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(port), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog prog = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) ? -errno : 0;
}

struct rtnl *rtnl_monitor(const struct sys_domain *domain, uint32_t own_port, struct reason *ret_reason)
{
	static const int nexthop_group = RTNLGRP_NEXTHOP; /* above 31: no bit in nl_groups */
	struct rtnl *r = open_in(domain,
	    RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
	    ret_reason);
	int err;

	if (!r)
		return NULL;
	err = ignore_port(r->fd, own_port);
	if (!err &&
	    setsockopt(r->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &nexthop_group, sizeof(nexthop_group)))
		err = -errno;
	if (err) {
		reason_set(ret_reason, "netlink-open", "cannot watch routes by netlink: %s", strerror(-err));
		rtnl_close(r);
		return NULL;
	}
	return r;
}

int rtnl_read(struct rtnl *r, rtnl_handler *handler, void *ctx)
{
	struct rtnl_msg msg;

	for (;;) {
		ssize_t n = nl_msg_receive(r->fd, r->buf, RECV_MAX, MSG_DONTWAIT);
		int left = (int)n;

		if (n == -EAGAIN || n == -EWOULDBLOCK)
			return 0;
		if (n < 0)
			return (int)n;
		for (const struct nlmsghdr *nlh = (const void *)r->buf; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left))
			if (rtnl_parse(nlh, &msg))
				handler(ctx, &msg);
	}
}

/* Receives the parts of a dump, or the one answer of a get (single). */
static int collect(struct rtnl *r, bool single, rtnl_handler *handler, void *ctx)
{
	struct rtnl_msg msg;
	int result = 0;

	for (;;) {
		ssize_t n = nl_msg_receive(r->fd, r->buf, RECV_MAX, 0);
		int left = (int)n;

		if (n < 0)
			return n == -EAGAIN ? -ETIMEDOUT : (int)n;
		for (const struct nlmsghdr *nlh = (const void *)r->buf; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_seq != r->seq)
				continue; /* of a request that was given up */
			if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
				result = RTNL_INTERRUPTED;
			if (nlh->nlmsg_type == NLMSG_DONE)
				return result;
			if (nlh->nlmsg_type == NLMSG_ERROR)
				return nl_msg_error(nlh) ? nl_msg_error(nlh) : result;
			if (rtnl_parse(nlh, &msg))
				handler(ctx, &msg);
			if (single)
				return 0;
		}
	}
}

static struct nlmsghdr *dump_request(struct rtnl *r, char *buf, uint16_t type, uint8_t af)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++r->seq;
	switch (type) {
	case RTM_GETROUTE:
		((struct rtmsg *)mnl_nlmsg_put_extra_header(nlh, sizeof(struct rtmsg)))->rtm_family = af;
		break;
	case RTM_GETNEXTHOP: mnl_nlmsg_put_extra_header(nlh, sizeof(struct nhmsg)); break;
	case RTM_GETLINK: mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg)); break;
	case RTM_GETADDR: mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifaddrmsg)); break;
	}
	return nlh;
}

static int dump_routes(struct rtnl *r, uint8_t af, uint8_t protocol, rtnl_handler *handler, void *ctx)
{
	char buf[256];
	struct nlmsghdr *nlh = dump_request(r, buf, RTM_GETROUTE, af);
	struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	int err;

	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = protocol;
	mnl_attr_put_u32(nlh, RTA_TABLE, RT_TABLE_MAIN);
	err = nl_msg_send(r->fd, buf, nlh->nlmsg_len);
	if (err)
		return err;
	err = collect(r, false, handler, ctx);
	/* A family that is switched off, or a table that nothing was ever put in. */
	return err == -EAFNOSUPPORT || err == -EOPNOTSUPP || err == -ENOENT ? 0 : err;
}

int rtnl_dump(struct rtnl *r, enum rtnl_kind kind, uint8_t route_protocol, rtnl_handler *handler, void *ctx)
{
	uint16_t type = 0;
	char buf[256];
	struct nlmsghdr *nlh;
	int err, err6;

	switch (kind) {
	case RTNL_ROUTE:
		err = dump_routes(r, AF_INET, route_protocol, handler, ctx);
		err6 = err < 0 ? 0 : dump_routes(r, AF_INET6, route_protocol, handler, ctx);
		return err6 < 0 || err == 0 ? err6 : err;
	case RTNL_NEXTHOP: type = RTM_GETNEXTHOP; break;
	case RTNL_LINK: type = RTM_GETLINK; break;
	case RTNL_ADDR: type = RTM_GETADDR; break;
	}
	nlh = dump_request(r, buf, type, AF_UNSPEC);
	err = nl_msg_send(r->fd, buf, nlh->nlmsg_len);
	return err ? err : collect(r, false, handler, ctx);
}

static void take_route(void *ctx, const struct rtnl_msg *msg)
{
	if (msg->kind == RTNL_ROUTE)
		*(struct rtnl_route *)ctx = msg->route;
}

static int ask_route(struct rtnl *r, const struct addr *dst, unsigned flags, struct rtnl_route *ret_route)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtnl_route route = { 0 };
	struct rtmsg *rtm;
	int err;

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = ++r->seq;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = dst->family == 4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = (uint8_t)addr_bits(dst);
	rtm->rtm_flags = flags;
	mnl_attr_put(nlh, RTA_DST, addr_size(dst), dst->b);
	err = nl_msg_send(r->fd, buf, nlh->nlmsg_len);
	if (!err)
		err = collect(r, true, take_route, &route);
	if (!err)
		*ret_route = route;
	return err < 0 ? err : 0;
}

int rtnl_lookup(struct rtnl *r, const struct addr *dst, struct rtnl_route *ret_route)
{
	return ask_route(r, dst, 0, ret_route);
}

int rtnl_match(struct rtnl *r, const struct addr *dst, struct rtnl_route *ret_route)
{
	return ask_route(r, dst, RTM_F_FIB_MATCH, ret_route);
}

/* ---- batches ---- */

struct exec {
	const struct rtnl_batch *b;
	rtnl_result *result;
	void *ctx;
	size_t next; /* the first change without a result */
};

/* The kernel answers in order, so silence about earlier ones means that they are done. */
static void exec_upto(struct exec *x, size_t index, int err, const char *text)
{
	while (x->next < index) {
		x->result(x->ctx, x->b->tag[x->next], 0, "");
		x->next++;
	}
	x->result(x->ctx, x->b->tag[index], err, text);
	x->next = index + 1;
}

int rtnl_exec(struct rtnl *r, const struct rtnl_batch *b, rtnl_result *result, void *ctx)
{
	struct exec x = { .b = b, .result = result, .ctx = ctx };
	uint32_t base = r->seq + 1;
	int err;

	if (!b->n)
		return 0;
	for (size_t i = 0; i < b->n; i++) {
		struct nlmsghdr *nlh = (void *)(b->buf + b->offset[i]);

		nlh->nlmsg_seq = base + (uint32_t)i;
		nlh->nlmsg_flags =
		    (uint16_t)((nlh->nlmsg_flags & ~NLM_F_ACK) | (i + 1 == b->n ? NLM_F_ACK : 0));
	}
	r->seq += (uint32_t)b->n;
	err = nl_msg_send(r->fd, b->buf, b->len);
	while (!err && x.next < b->n) {
		ssize_t n = nl_msg_receive(r->fd, r->buf, RECV_MAX, 0);
		int left = (int)n;

		if (n < 0)
			return n == -EAGAIN ? -ETIMEDOUT : (int)n;
		for (const struct nlmsghdr *nlh = (const void *)r->buf; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left)) {
			uint32_t index = nlh->nlmsg_seq - base;

			if (nlh->nlmsg_type == NLMSG_ERROR && index < b->n && index >= x.next)
				exec_upto(&x, index, nl_msg_error(nlh), nl_msg_text(nlh));
		}
	}
	return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request and answer over netlink. The kernel works on a request inside sendto, so the answer is there when
 * that returns; the timeout is for a kernel that has lost it.
 */
#include "connector/sys/nl.h"

#include "base/secret.h"
#include "connector/sys/nl_msg.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define RECV_MAX         (64U * 1024)
#define SOCKET_BUFFER    (4 * 1024 * 1024)
#define ANSWER_TIMEOUT_S 30

struct nl {
	int fd;
	uint32_t port, seq;
	char *buf; /* RECV_MAX, owned */
};

static int set_options(int fd)
{
	static const int on = 1, size = SOCKET_BUFFER;
	const struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)); /* no echo of keys */
	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) ? -errno : 0;
}

static int open_socket(struct nl *nl, const struct sys_domain *domain, int protocol)
{
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(sa);
	int err;

	nl->fd = sys_domain_socket(domain, AF_NETLINK, SOCK_RAW, protocol);
	err = nl->fd < 0 ? nl->fd : set_options(nl->fd);
	if (!err && (bind(nl->fd, (struct sockaddr *)&sa, sizeof(sa)) ||
	                getsockname(nl->fd, (struct sockaddr *)&sa, &len)))
		err = -errno;
	nl->port = sa.nl_pid;
	return err;
}

int nl_open(const struct sys_domain *domain, int protocol, struct nl **ret_nl)
{
	struct nl *nl = calloc(1, sizeof(*nl));
	int err;

	if (!nl)
		return -ENOMEM;
	nl->fd = -1;
	nl->buf = malloc(RECV_MAX);
	err = nl->buf ? open_socket(nl, domain, protocol) : -ENOMEM;
	if (err) {
		nl_close(nl);
		return err;
	}
	*ret_nl = nl;
	return 0;
}

void nl_close(struct nl *nl)
{
	if (!nl)
		return;
	if (nl->fd >= 0)
		close(nl->fd);
	if (nl->buf)
		cleanse(nl->buf, RECV_MAX);
	free(nl->buf);
	free(nl);
}

int nl_fd(const struct nl *nl)
{
	return nl->fd;
}

uint32_t nl_port(const struct nl *nl)
{
	return nl->port;
}

int nl_join(struct nl *nl, unsigned group)
{
	const int g = (int)group;

	return setsockopt(nl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &g, sizeof(g)) ? -errno : 0;
}

/* 1: more is to come; 0: done; -errno. */
static int take(struct nl *nl, const struct nlmsghdr *nlh, nl_handler *handler, void *ctx, char *ret_text)
{
	if (nlh->nlmsg_seq != nl->seq)
		return 1; /* of a request that was given up */
	if (nlh->nlmsg_type == NLMSG_DONE)
		return 0;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		if (ret_text)
			snprintf(ret_text, NL_TEXT, "%s", nl_msg_text(nlh));
		return nl_msg_error(nlh);
	}
	if (handler)
		handler(ctx, nlh);
	return 1;
}

static int collect(struct nl *nl, nl_handler *handler, void *ctx, char *ret_text)
{
	for (;;) {
		ssize_t n = nl_msg_receive(nl->fd, nl->buf, RECV_MAX, 0);
		int left = (int)n, more = 1;

		if (n < 0)
			return n == -EAGAIN ? -ETIMEDOUT : (int)n;
		for (const struct nlmsghdr *nlh = (const void *)nl->buf; more > 0 && mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left))
			more = take(nl, nlh, handler, ctx, ret_text);
		cleanse(nl->buf, (size_t)n);
		if (more <= 0)
			return more;
	}
}

int nl_request(struct nl *nl, struct nlmsghdr *nlh, nl_handler *handler, void *ctx, char *ret_text)
{
	int err;

	if (ret_text)
		ret_text[0] = '\0';
	nlh->nlmsg_seq = ++nl->seq;
	nlh->nlmsg_flags |= NLM_F_REQUEST;
	if ((nlh->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		nlh->nlmsg_flags |= NLM_F_ACK;
	err = nl_msg_send(nl->fd, nlh, nlh->nlmsg_len);
	return err ? err : collect(nl, handler, ctx, ret_text);
}

int nl_read(struct nl *nl, nl_handler *handler, void *ctx)
{
	for (;;) {
		ssize_t n = nl_msg_receive(nl->fd, nl->buf, RECV_MAX, MSG_DONTWAIT);
		int left = (int)n;

		if (n == -EAGAIN || n == -EWOULDBLOCK)
			return 0;
		if (n < 0)
			return (int)n;
		for (const struct nlmsghdr *nlh = (const void *)nl->buf; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left))
			handler(ctx, nlh);
	}
}

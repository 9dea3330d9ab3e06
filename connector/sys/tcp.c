/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Non-blocking TCP on the loop. The send queue is one growing buffer: BGP writes few, large runs, and its
 * core is told the room left, so the buffer stays near TCP_QUEUE. Signatures, hop limits and timeouts:
 * tcp_options.c.
 */
#include "connector/sys/tcp.h"

#include "connector/sys/clock.h"

#include <errno.h>
#include <linux/sockios.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TCP_QUEUE      (64 * 1024)
#define TCP_QUEUE_HARD (4 * 1024 * 1024)
#define TCP_READ       (4 * 1024) /* some 1,000 prefixes at most: what is done with them is not cut short */
#define DISCARD_READS  2048       /* of 4 KiB, before closing */
#define DSCP_CS6       0xc0       /* network control, as RFC 4594 asks for routing protocols */

struct tcp_conn {
	struct loop_watch *watch;
	int fd;
	bool connecting;
	uint8_t *queue;
	size_t len, cap, sent; /* [sent, len) is waiting */
	bool want_room;        /* the last `writable` said less than the whole */
	int broken; /* errno of the write that failed; what the peer said before can still be read */
	const struct tcp_conn_events *ev;
	void *ctx;
	bool in_callback, gone; /* gone: tcp_conn_free was called inside of one; on_fd frees it */
};

struct tcp_listener {
	struct loop_watch *watch;
	int fd;
	int spare; /* given up for a moment when the process is out of descriptors; -1: none */
	void (*accepted)(void *ctx, int fd, const struct endpoint *local, const struct endpoint *remote);
	void *ctx;
};

static int set_options(int fd)
{
	int one = 1, tos = DSCP_CS6;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
	return 0;
}

static int open_socket(const struct sys_domain *domain, uint8_t family, struct reason *ret_reason)
{
	int token, fd, saved;

	if (sys_domain_enter(domain, &token))
		return reason_set(ret_reason, "domain-unreachable", "cannot enter routing domain %s: %s",
		    domain->name, strerror(errno));
	fd = socket(family == 6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	saved = errno;
	sys_domain_leave(token);
	if (fd < 0)
		return reason_set(
		    ret_reason, "socket-failed", "cannot open a TCP socket: %s", strerror(saved));
	set_options(fd);
	return fd;
}

static struct endpoint name_of(int fd, int (*get)(int, struct sockaddr *, socklen_t *))
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);

	if (get(fd, (struct sockaddr *)&ss, &len))
		return (struct endpoint){ 0 };
	return endpoint_from_sockaddr(&ss);
}

static int local_name(int fd, struct sockaddr *sa, socklen_t *len)
{
	return getsockname(fd, sa, len);
}

static int remote_name(int fd, struct sockaddr *sa, socklen_t *len)
{
	return getpeername(fd, sa, len);
}

/*
 * Writes from the queue. When the connection is broken nothing more is written, but it does not end here: a
 * peer that closes says why first (BGP's NOTIFICATION), and that may still wait to be read. Reading finds the
 * end.
 */
static void flush(struct tcp_conn *c)
{
	while (c->sent < c->len && !c->broken) {
		ssize_t n = send(c->fd, c->queue + c->sent, c->len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			c->sent += (size_t)n;
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR)
			c->broken = errno;
	}
	c->sent = c->len = 0;
}

static void update_watch(struct tcp_conn *c)
{
	loop_watch_set(
	    c->watch, c->connecting ? LOOP_WRITE : LOOP_READ | (c->len > c->sent ? LOOP_WRITE : 0u));
}

static void on_connected(struct tcp_conn *c)
{
	int err = 0;
	socklen_t len = sizeof(err);
	struct endpoint local;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (err) {
		c->ev->closed(c->ctx, strerror(err));
		return;
	}
	c->connecting = false;
	update_watch(c);
	local = name_of(c->fd, local_name);
	c->ev->opened(c->ctx, &local);
}

static void on_writable(struct tcp_conn *c)
{
	flush(c);
	update_watch(c);
	if (c->want_room && !c->broken && c->len - c->sent < TCP_QUEUE / 2) {
		c->want_room = false;
		c->ev->writable(c->ctx, TCP_QUEUE - (c->len - c->sent));
	}
}

static void on_readable(struct tcp_conn *c)
{
	static _Thread_local uint8_t buf[TCP_READ];
	mtime end = mtime_add(clock_now(), LOOP_TURN);

	do {
		ssize_t n = recv(c->fd, buf, sizeof(buf), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && !c->broken)
			return;
		if (n <= 0) {
			int error = c->broken ? c->broken : n < 0 ? errno : 0;

			c->ev->closed(c->ctx, error ? strerror(error) : NULL);
			return;
		}
		c->ev->input(c->ctx, buf, (size_t)n);
	} while (!c->gone && !mtime_reached(end, clock_now()));
}

static void on_fd(void *ctx, int fd, unsigned what)
{
	struct tcp_conn *c = ctx;

	(void)fd;
	c->in_callback = true;
	if (c->connecting) {
		on_connected(c);
	} else {
		if (what & LOOP_WRITE)
			on_writable(c);
		if (!c->gone && (what & LOOP_READ || c->broken))
			on_readable(c);
	}
	c->in_callback = false;
	if (c->gone)
		free(c);
}

static struct tcp_conn *conn_new(
    struct loop *l, int fd, bool connecting, const struct tcp_conn_events *ev, void *ctx)
{
	struct tcp_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	*c = (struct tcp_conn){ .fd = fd, .connecting = connecting, .ev = ev, .ctx = ctx };
	c->watch = loop_watch_new(l, fd, connecting ? LOOP_WRITE : LOOP_READ, on_fd, c);
	if (!c->watch) {
		free(c);
		return NULL;
	}
	loop_watch_class(c->watch, LOOP_BULK);
	return c;
}

struct tcp_conn *tcp_connect(struct loop *l, const struct sys_domain *domain, const struct endpoint *local,
    const struct endpoint *remote, const struct tcp_options *options, const struct tcp_conn_events *ev,
    void *ctx, struct reason *ret_reason)
{
	struct sockaddr_storage ss;
	socklen_t len;
	struct tcp_conn *c;
	int fd = open_socket(domain, remote->addr.family, ret_reason);

	if (fd < 0)
		return NULL;
	len = endpoint_to_sockaddr(local, &ss);
	if (len && bind(fd, (struct sockaddr *)&ss, len)) {
		reason_set(ret_reason, "bgp-local-address", "cannot use local address %s: %s",
		    addr_str(&local->addr), strerror(errno));
		close(fd);
		return NULL;
	}
	if (options && tcp_set_options(fd, &remote->addr, options, ret_reason)) {
		close(fd);
		return NULL;
	}
	len = endpoint_to_sockaddr(remote, &ss);
	if (connect(fd, (struct sockaddr *)&ss, len) && errno != EINPROGRESS) {
		reason_set(ret_reason, "tcp-connect", "cannot connect to %s: %s", endpoint_str(remote),
		    strerror(errno));
		close(fd);
		return NULL;
	}
	c = conn_new(l, fd, true, ev, ctx);
	if (!c) {
		reason_set(ret_reason, "no-memory", "out of memory");
		close(fd);
	}
	return c;
}

struct tcp_conn *tcp_adopt(struct loop *l, int fd, const struct tcp_options *options,
    const struct tcp_conn_events *ev, void *ctx, struct reason *ret_reason)
{
	struct endpoint remote = name_of(fd, remote_name);
	struct tcp_conn *c;

	set_options(fd);
	if (options && tcp_set_options(fd, &remote.addr, options, ret_reason))
		return NULL;
	c = conn_new(l, fd, false, ev, ctx);
	if (!c)
		reason_set(ret_reason, "no-memory", "out of memory");
	return c;
}

int tcp_conn_options(struct tcp_conn *c, const struct tcp_options *options, struct reason *ret_reason)
{
	struct endpoint remote = name_of(c->fd, remote_name);

	if (!remote.addr.family) /* not connected yet: what it began with holds */
		return 0;
	return tcp_set_options(c->fd, &remote.addr, options, ret_reason);
}

void tcp_conn_read(struct tcp_conn *c)
{
	if (!c->connecting && !c->in_callback)
		on_fd(c, c->fd, LOOP_READ);
}

int tcp_conn_bind(struct tcp_conn *c, const char *interface)
{
	return setsockopt(c->fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface) + 1);
}

static int reserve(struct tcp_conn *c, size_t len)
{
	uint8_t *p;
	size_t cap = c->cap ? c->cap : TCP_QUEUE;

	if (c->sent) {
		memmove(c->queue, c->queue + c->sent, c->len - c->sent);
		c->len -= c->sent;
		c->sent = 0;
	}
	if (c->len + len > TCP_QUEUE_HARD)
		return -1;
	while (cap < c->len + len)
		cap *= 2;
	if (cap == c->cap)
		return 0;
	p = realloc(c->queue, cap);
	if (!p)
		return -1;
	c->queue = p;
	c->cap = cap;
	return 0;
}

void tcp_conn_ends(const struct tcp_conn *c, struct endpoint *ret_local, struct endpoint *ret_remote)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (!getsockname(c->fd, (struct sockaddr *)&ss, &len))
		*ret_local = endpoint_from_sockaddr(&ss);
	len = sizeof(ss);
	if (!getpeername(c->fd, (struct sockaddr *)&ss, &len))
		*ret_remote = endpoint_from_sockaddr(&ss);
}

void tcp_conn_queues(const struct tcp_conn *c, size_t *ret_in, size_t *ret_out)
{
	int in = 0, out = 0;

	if (!c->connecting && (ioctl(c->fd, SIOCINQ, &in) || ioctl(c->fd, SIOCOUTQ, &out)))
		in = out = 0;
	*ret_in = (size_t)in;
	*ret_out = (size_t)out + c->len - c->sent;
}

int tcp_send(struct tcp_conn *c, const uint8_t *data, size_t len)
{
	if (reserve(c, len))
		return -1;
	memcpy(c->queue + c->len, data, len);
	c->len += len;
	c->want_room = true;
	if (c->connecting)
		return 0;
	/*
	 * Written at once where the kernel takes it; the loop is asked to call back even if everything went
	 * out, because that is when `writable` hands back the room, or when what the peer said is read if the
	 * connection is broken.
	 */
	flush(c);
	loop_watch_set(c->watch, LOOP_READ | LOOP_WRITE);
	return 0;
}

/* Closing with unread input makes the kernel send RST and drop what is still on its way out: our last words.
 */
static void discard_input(struct tcp_conn *c)
{
	uint8_t buf[4096];

	for (unsigned i = 0; i < DISCARD_READS; i++)
		if (recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT) <= 0)
			return;
}

void tcp_conn_free(struct tcp_conn *c)
{
	if (!c)
		return;
	if (!c->connecting) {
		flush(c);
		discard_input(c);
	}
	loop_watch_free(c->watch);
	close(c->fd);
	free(c->queue);
	c->gone = true;
	if (!c->in_callback)
		free(c);
}

static int spare_open(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/*
 * Without a descriptor the connection can't be taken, and left where it is it would wake the loop for ever:
 * it is taken with the spare descriptor's number and closed. The peer retries.
 */
static void turn_away(struct tcp_listener *t)
{
	int conn;

	if (t->spare < 0)
		return;
	close(t->spare);
	conn = accept4(t->fd, NULL, NULL, SOCK_CLOEXEC);
	if (conn >= 0)
		close(conn);
	t->spare = spare_open();
}

static void on_acceptable(void *ctx, int fd, unsigned what)
{
	struct tcp_listener *t = ctx;
	int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct endpoint local, remote;

	(void)what;
	if (conn < 0) {
		if (errno == EMFILE || errno == ENFILE)
			turn_away(t);
		return; /* else it has gone again */
	}
	local = name_of(conn, local_name);
	remote = name_of(conn, remote_name);
	t->accepted(t->ctx, conn, &local, &remote);
}

struct tcp_listener *tcp_listen(struct loop *l, const struct sys_domain *domain, const struct endpoint *local,
    void (*accepted)(void *ctx, int fd, const struct endpoint *local, const struct endpoint *remote),
    void *ctx, struct reason *ret_reason)
{
	struct tcp_listener *t = NULL;
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(local, &ss);
	int one = 1, fd = open_socket(domain, local->addr.family, ret_reason);

	if (fd < 0)
		return NULL;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (local->addr.family == 6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
		setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof(one));
	} else {
		setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
	}
	if (bind(fd, (struct sockaddr *)&ss, len) || listen(fd, 64)) {
		reason_set(ret_reason, errno == EADDRINUSE ? "socket-in-use" : "socket-failed",
		    "cannot listen for BGP on %s: %s%s", endpoint_str(local), strerror(errno),
		    errno == EADDRINUSE
		        ? "; another BGP daemon (bird, bgpd, another causewayd) has this port: stop it, or "
		          "let it "
		          "listen on other addresses. `ss -ltnp sport = :179` shows which it is"
		        : "");
		goto fail;
	}
	t = calloc(1, sizeof(*t));
	if (!t)
		goto memory;
	*t = (struct tcp_listener){ .fd = fd, .spare = spare_open(), .accepted = accepted, .ctx = ctx };
	t->watch = loop_watch_new(l, fd, LOOP_READ, on_acceptable, t);
	if (t->watch)
		return t;
	if (t->spare >= 0)
		close(t->spare);
memory:
	reason_set(ret_reason, "no-memory", "out of memory");
fail:
	free(t);
	close(fd);
	return NULL;
}

int tcp_listener_password(struct tcp_listener *t, const struct addr *remote, const struct secret *password,
    struct reason *ret_reason)
{
	return tcp_set_password(t->fd, remote, password, ret_reason);
}

int tcp_listener_hops(
    struct tcp_listener *t, uint8_t family, uint8_t ttl, uint8_t min_ttl, struct reason *ret_reason)
{
	return tcp_set_hops(t->fd, family, ttl, min_ttl, ret_reason);
}

void tcp_listener_free(struct tcp_listener *t)
{
	if (!t)
		return;
	loop_watch_free(t->watch);
	close(t->fd);
	if (t->spare >= 0)
		close(t->spare);
	free(t);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread: wait for a packet, a deadline or a word from the control thread; take all packets that are
 * there; then the timers, so that a pause of our own is no silence of the peer; then do what the core says.
 *
 * One listening socket for each IP version and kind of hop, open while a session needs it and closed by the
 * thread, so that a session that leaves and comes back at once finds it. A sending socket
 * for each session, with a source port of its own (RFC 5881 4). What a session has to tell is kept in its
 * link, so nothing is lost when memory is out.
 */
#include "connector/daemon/bfd_thread.h"

#include "base/list.h"
#include "connector/sys/clock.h"
#include "connector/sys/random.h"
#include "connector/sys/udp_ttl.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define KINDS      4   /* IPv4 and IPv6, one hop and several */
#define ROUNDS     256 /* packets of one socket in a turn, so that a flood doesn't keep the timers waiting */
#define PACKET_MAX 128 /* more than any BFD packet; the rest is not looked at */
#define NICE       (-10)

struct link {
	struct list node;
	uint32_t id;
	struct endpoint remote;
	unsigned kind;
	int fd;
	int ifindex;
	int send_error; /* the last one told in the log; 0: none since it last worked */
	bool dirty;
	struct bfd_change change;
};

struct bfd_thread {
	struct sys_domain domain;
	const struct logger *log;
	pthread_t thread;
	bool started;
	_Atomic bool stop;
	int wake, told;       /* eventfds: to the thread, and to the control thread */
	pthread_mutex_t lock; /* over all that follows */
	struct bfd *bfd;
	struct list links;
	int listener[KINDS];
	unsigned users[KINDS];
};

static unsigned kind_of(const struct addr *a, bool multihop)
{
	return (a->family == 6 ? 2u : 0u) + multihop;
}

static void raise_event(int fd)
{
	static const uint64_t one = 1;

	/* Can't fail but by a full counter, and then it is readable anyway. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

static void lower_event(int fd)
{
	uint64_t n;

	if (read(fd, &n, sizeof(n)) < 0)
		return; /* nothing new */
}

static struct link *link_by_id(const struct bfd_thread *t, uint32_t id)
{
	list_for_each (&t->links, struct link, l, node)
		if (l->id == id)
			return l;
	return NULL;
}

/* --- what the core says; under the lock --- */
static void send_packet(struct bfd_thread *t, struct link *l, const struct bfd_action *a)
{
	int err = udp_ttl_send(l->fd, &l->remote, a->send.data, sizeof(a->send.data));

	if (err && err != l->send_error)
		log_debug(
		    t->log, "bfd", "packet to %s not sent: %s", addr_str(&l->remote.addr), strerror(-err));
	l->send_error = err;
}

static void note_change(struct link *l, const struct bfd_action *a)
{
	struct bfd_change c = l->change;

	c.state = a->state.state;
	if (a->state.fell) {
		/* Of two falls, the one that was a fault. */
		c.admin = a->state.admin && (!c.fell || c.admin);
		c.independent = a->state.independent;
		c.why = a->state.why;
		c.fell = true;
	}
	l->change = c;
	l->dirty = true;
}

/* True when there is something to tell the control thread. */
static bool drain(struct bfd_thread *t)
{
	struct bfd_action a;
	bool news = false;

	while (bfd_next_action(t->bfd, &a)) {
		struct link *l = link_by_id(t, a.session);

		if (!l)
			continue;
		if (a.kind == BFD_ACT_SEND) {
			send_packet(t, l, &a);
			continue;
		}
		note_change(l, &a);
		news = true;
	}
	return news;
}

/* --- the thread --- */
static bool receive(struct bfd_thread *t, unsigned kind, int fd)
{
	bool news = false;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint8_t buf[PACKET_MAX];
		struct udp_ttl_datagram d;
		struct bfd_arrival from;

		if (udp_ttl_recv(fd, buf, sizeof(buf), &d) <= 0)
			break;
		from = (struct bfd_arrival){ .local = d.local,
			.remote = d.remote.addr,
			.ifindex = d.ifindex,
			.ttl = d.ttl,
			.multihop = kind & 1 };
		(void)bfd_input(t->bfd, &from, buf, d.len, clock_now());
		news |= drain(t);
	}
	return news;
}

/*
 * Only here, never on the control thread: while the thread waits for a socket the kernel keeps its port
 * bound, even if it was closed.
 */
static void close_unused(struct bfd_thread *t)
{
	for (unsigned i = 0; i < KINDS; i++) {
		if (t->users[i] || t->listener[i] < 0)
			continue;
		close(t->listener[i]);
		t->listener[i] = -1;
	}
}

static bool turn(struct bfd_thread *t, mtime *ret_deadline)
{
	bool news = false;

	pthread_mutex_lock(&t->lock);
	close_unused(t);
	for (unsigned i = 0; i < KINDS; i++)
		if (t->listener[i] >= 0)
			news |= receive(t, i, t->listener[i]);
	bfd_timer(t->bfd, clock_now());
	news |= drain(t);
	*ret_deadline = bfd_deadline(t->bfd);
	pthread_mutex_unlock(&t->lock);
	return news;
}

static void wait_for(struct bfd_thread *t, mtime deadline)
{
	struct pollfd fds[KINDS + 1] = { { .fd = t->wake, .events = POLLIN } };
	mdur left = mtime_since(deadline, clock_now());
	struct timespec ts = { left.ns / 1000000000, left.ns % 1000000000 };

	pthread_mutex_lock(&t->lock);
	for (unsigned i = 0; i < KINDS; i++)
		fds[1 + i] =
		    (struct pollfd){ .fd = t->listener[i], .events = POLLIN }; /* -1: not looked at */
	pthread_mutex_unlock(&t->lock);
	if (left.ns < 0)
		return;
	(void)ppoll(fds, KINDS + 1, mtime_is_never(deadline) ? NULL : &ts, NULL);
	if (fds[0].revents)
		lower_event(t->wake);
}

static void *run(void *arg)
{
	struct bfd_thread *t = arg;
	mtime deadline;

	/* Of this thread alone, as Linux has it. Without the right to it, it stays as it is. */
	(void)setpriority(PRIO_PROCESS, 0, NICE);
	while (!t->stop) {
		if (turn(t, &deadline))
			raise_event(t->told);
		wait_for(t, deadline);
	}
	return NULL;
}

/* --- life --- */
struct bfd_thread *bfd_thread_new(const struct sys_domain *domain, const struct logger *log)
{
	struct bfd_thread *t = calloc(1, sizeof(*t));
	pthread_mutexattr_t attr;
	sigset_t all, before;

	if (!t)
		return NULL;
	t->domain = *domain;
	t->log = log;
	list_init(&t->links);
	for (unsigned i = 0; i < KINDS; i++)
		t->listener[i] = -1;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&t->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	t->told = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	t->bfd = bfd_new(&sys_rng, BFD_THREAD_SHORTEST);
	sigfillset(&all); /* signals belong to the control thread's loop */
	pthread_sigmask(SIG_BLOCK, &all, &before);
	t->started = t->wake >= 0 && t->told >= 0 && t->bfd && !pthread_create(&t->thread, NULL, run, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!t->started) {
		bfd_thread_free(t);
		return NULL;
	}
	return t;
}

static void link_free(struct bfd_thread *t, struct link *l)
{
	list_remove(&l->node);
	if (l->fd >= 0)
		close(l->fd);
	t->users[l->kind]--; /* the thread closes what nobody uses, once it is awake */
	free(l);
}

void bfd_thread_free(struct bfd_thread *t)
{
	if (!t)
		return;
	t->stop = true;
	if (t->started) {
		raise_event(t->wake);
		pthread_join(t->thread, NULL);
	}
	list_for_each (&t->links, struct link, l, node)
		link_free(t, l);
	close_unused(t);
	bfd_free(t->bfd);
	if (t->wake >= 0)
		close(t->wake);
	if (t->told >= 0)
		close(t->told);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

int bfd_thread_fd(const struct bfd_thread *t)
{
	return t->told;
}

void bfd_thread_dispatch(
    struct bfd_thread *t, void (*changed)(void *ctx, uint32_t id, const struct bfd_change *c), void *ctx)
{
	struct bfd_change c;
	uint32_t id;

	lower_event(t->told);
	for (;;) {
		id = 0;
		pthread_mutex_lock(&t->lock);
		list_for_each (&t->links, struct link, l, node)
			if (l->dirty) {
				id = l->id;
				c = l->change;
				l->dirty = l->change.fell = false;
				break;
			}
		pthread_mutex_unlock(&t->lock);
		if (!id)
			return;
		changed(ctx, id, &c);
	}
}

/* --- sessions; under the lock --- */
static int listen_for(struct bfd_thread *t, unsigned kind, struct reason *ret_reason)
{
	uint16_t port = kind & 1 ? BFD_PORT_MULTIHOP : BFD_PORT_SINGLE_HOP;
	int fd;

	t->users[kind]++;
	if (t->listener[kind] >= 0) /* of others, or left open by the last */
		return 0;
	fd = udp_ttl_listen(&t->domain, kind & 2 ? 6 : 4, port);
	if (fd >= 0) {
		t->listener[kind] = fd;
		return 0;
	}
	t->users[kind]--;
	return reason_set(ret_reason, "bfd-port", "BFD can't listen on UDP port %u: %s%s", port,
	    strerror(-fd), fd == -EADDRINUSE ? "; another BFD daemon runs here" : "");
}

static int open_sender(const struct bfd_thread *t, const struct bfd_config *c, const char *interface,
    int *ret_fd, struct reason *ret_reason)
{
	struct udp_ttl_sender s = { .local = c->local,
		.interface = interface,
		.ttl = BFD_TTL,
		.port_min = BFD_SOURCE_PORT_MIN,
		.port_max = BFD_SOURCE_PORT_MAX };
	int fd;

	s.port_first =
	    (uint16_t)(s.port_min + rng_below(&sys_rng, BFD_SOURCE_PORT_MAX - BFD_SOURCE_PORT_MIN + 1));
	fd = udp_ttl_sender(&t->domain, &s);
	if (fd < 0)
		return reason_set(ret_reason, "bfd-socket", "%s: no socket for BFD from %s: %s", c->name,
		    addr_str(&c->local), strerror(-fd));
	*ret_fd = fd;
	return 0;
}

static int link_new(struct bfd_thread *t, uint32_t id, const struct bfd_config *c, const char *interface,
    struct reason *ret_reason)
{
	unsigned kind = kind_of(&c->remote, c->multihop);
	struct link *l;

	if (listen_for(t, kind, ret_reason) < 0)
		return -1;
	l = calloc(1, sizeof(*l));
	if (!l) {
		t->users[kind]--;
		return reason_set(ret_reason, "bfd-out-of-memory", "%s: out of memory", c->name);
	}
	*l = (struct link){ .id = id,
		.remote = { .addr = c->remote,
		    .port = c->multihop ? BFD_PORT_MULTIHOP : BFD_PORT_SINGLE_HOP },
		.kind = kind,
		.fd = -1,
		.ifindex = c->ifindex };
	list_append(&t->links, &l->node);
	if (open_sender(t, c, interface, &l->fd, ret_reason) < 0 ||
	    bfd_session_add(t->bfd, id, c, clock_now(), ret_reason) < 0) {
		link_free(t, l);
		return -1;
	}
	return 0;
}

/* By another interface: another socket, the same session. */
static int link_change(struct bfd_thread *t, struct link *l, const struct bfd_config *c,
    const char *interface, struct reason *ret_reason)
{
	int fd;

	if (l->ifindex != c->ifindex) {
		if (open_sender(t, c, interface, &fd, ret_reason) < 0)
			return -1;
		close(l->fd);
		l->fd = fd;
		l->ifindex = c->ifindex;
	}
	return bfd_session_update(t->bfd, l->id, c, clock_now(), ret_reason);
}

int bfd_thread_set(struct bfd_thread *t, uint32_t id, const struct bfd_config *config, const char *interface,
    struct reason *ret_reason)
{
	struct link *l;
	int rc;

	pthread_mutex_lock(&t->lock);
	l = link_by_id(t, id);
	rc = l ? link_change(t, l, config, interface, ret_reason)
	       : link_new(t, id, config, interface, ret_reason);
	pthread_mutex_unlock(&t->lock);
	raise_event(t->wake);
	return rc;
}

void bfd_thread_drop(struct bfd_thread *t, uint32_t id)
{
	struct link *l;

	pthread_mutex_lock(&t->lock);
	l = link_by_id(t, id);
	if (l) {
		bfd_session_remove(t->bfd, id, clock_now());
		if (drain(t)) /* of others */
			raise_event(t->told);
		link_free(t, l);
	}
	pthread_mutex_unlock(&t->lock);
	raise_event(t->wake);
}

int bfd_thread_view(struct bfd_thread *t, uint32_t id, struct bfd_view *ret_view)
{
	int rc;

	pthread_mutex_lock(&t->lock);
	rc = bfd_session_view(t->bfd, id, ret_view);
	pthread_mutex_unlock(&t->lock);
	return rc;
}

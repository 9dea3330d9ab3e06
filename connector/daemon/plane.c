/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tunnel is in which plane, and the planes' events on one descriptor. The user plane is always there:
 * it owns the sockets that IKE needs. The kernel plane is there where the kernel can do it.
 */
#include "connector/daemon/plane.h"

#include "base/cursor.h"
#include "base/htab.h"
#include "base/list.h"
#include "connector/daemon/plane_kernel.h"
#include "connector/daemon/plane_user.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define IPV4_SRC_LEN 16 /* bytes before the destination address (RFC 791 3.1) */
#define IPV6_SRC_LEN 24 /* (RFC 8200 3) */
#define MULTICAST4   224
#define MULTICAST6   0xff

struct member { /* a tunnel and its plane */
	struct list link;
	struct hnode by_id;
	uint32_t id;
	struct plane_impl *impl;
};

struct plane {
	struct plane_user *user;
	struct plane_kernel *kernel; /* NULL: why_no_kernel */
	struct reason why_no_kernel;
	struct list members; /* in the order they came */
	struct htab members_by_id;
	int epoll_fd;
};

const char *plane_drop_name(enum plane_drop d)
{
	switch (d) {
	case PLANE_DROP_NO_SA: return "no-sa";
	case PLANE_DROP_REPLAY: return "replay";
	case PLANE_DROP_AUTH: return "auth";
	case PLANE_DROP_MALFORMED: return "malformed";
	case PLANE_DROP_SELECTOR: return "selector";
	case PLANE_DROP_SEQ_EXHAUSTED: return "seq-exhausted";
	case PLANE_DROP_TOO_BIG: return "too-big";
	case PLANE_DROP_QUEUE: return "queue";
	case PLANE_DROP_ECN: return "ecn";
	case PLANE_DROP_COUNT: break;
	}
	return "?";
}

const char *plane_kind_name(enum plane_kind kind)
{
	return kind == PLANE_KERNEL ? "kernel" : "user";
}

static int watch(int epoll_fd, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
}

/* ESP in UDP must be the kernel's to open, too: it is tried, not believed. */
static void open_kernel(
    struct plane *p, const struct plane_config *config, const struct plane_events *events, void *ctx)
{
	int err;

	p->kernel = plane_kernel_new(config, events, ctx, p->user, &p->why_no_kernel);
	if (!p->kernel)
		return;
	err = plane_user_kernel_decap(p->user, true);
	(void)plane_user_kernel_decap(p->user, false);
	if (!err && watch(p->epoll_fd, plane_kernel_event_fd(p->kernel)))
		err = -errno;
	if (!err)
		return;
	reason_set(&p->why_no_kernel, "data-plane-no-kernel",
	    "the kernel can't open ESP in UDP on our sockets: %s", strerror(-err));
	plane_kernel_free(p->kernel);
	p->kernel = NULL;
}

struct plane *plane_new(const struct plane_config *config, const struct plane_events *events, void *ctx,
    struct reason *ret_reason)
{
	struct plane *p = calloc(1, sizeof(*p));

	if (!p) {
		reason_set(ret_reason, "no-memory", "no memory for the data plane");
		return NULL;
	}
	list_init(&p->members);
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	p->user = plane_user_new(config, events, ctx, ret_reason);
	if (!p->user) {
		plane_free(p);
		return NULL;
	}
	if (p->epoll_fd < 0 || watch(p->epoll_fd, plane_user_event_fd(p->user))) {
		reason_set(ret_reason, "plane-failed", "the data plane can't start: %s", strerror(errno));
		plane_free(p);
		return NULL;
	}
	open_kernel(p, config, events, ctx);
	return p;
}

void plane_free(struct plane *p)
{
	if (!p)
		return;
	list_for_each (&p->members, struct member, m, link)
		free(m);
	htab_clear(&p->members_by_id);
	plane_kernel_free(p->kernel);
	plane_user_free(p->user);
	if (p->epoll_fd >= 0)
		close(p->epoll_fd);
	free(p);
}

void plane_leave(struct plane *p, mdur patience)
{
	if (p->kernel)
		plane_kernel_leave(p->kernel, patience);
}

bool plane_keeps(struct plane *p, uint32_t tunnel, struct plane_kept *ret_kept)
{
	return p->kernel && plane_kernel_keeps(p->kernel, tunnel, ret_kept);
}

bool plane_is_kept(const struct plane *p, int ifindex)
{
	return p->kernel && plane_kernel_is_kept(p->kernel, ifindex);
}

bool plane_has_old(struct plane *p, uint32_t tunnel)
{
	return p->kernel && plane_kernel_has_old(p->kernel, tunnel);
}

void plane_old_drop(struct plane *p, uint32_t tunnel)
{
	if (p->kernel)
		plane_kernel_old_drop(p->kernel, tunnel);
}

void plane_kept_drop(struct plane *p)
{
	if (p->kernel)
		plane_kernel_kept_drop(p->kernel);
}

bool plane_possible(const struct plane *p, enum plane_kind kind, struct reason *ret_why_not)
{
	if (kind == PLANE_USER || p->kernel)
		return true;
	*ret_why_not = p->why_no_kernel;
	return false;
}

int plane_event_fd(const struct plane *p)
{
	return p->epoll_fd;
}

void plane_dispatch(struct plane *p)
{
	plane_user_dispatch(p->user);
	if (p->kernel)
		plane_kernel_dispatch(p->kernel);
}

/* --- tunnels --- */

static struct member *member_of(const struct plane *p, uint32_t tunnel)
{
	struct hnode *n = htab_find(&p->members_by_id, tunnel);

	return n ? container_of(n, struct member, by_id) : NULL;
}

static void forget(struct plane *p, struct member *m)
{
	htab_remove(&p->members_by_id, &m->by_id);
	list_remove(&m->link);
	free(m);
}

static struct plane_impl *impl_of(const struct plane *p, uint32_t tunnel)
{
	struct member *m = member_of(p, tunnel);

	return m ? m->impl : plane_user_impl(p->user); /* which knows no such tunnel either, and says so */
}

int plane_tunnel_add(
    struct plane *p, const struct plane_tunnel *t, int *ret_ifindex, struct reason *ret_reason)
{
	bool in_kernel = t->kind == PLANE_KERNEL;
	struct member *m;
	int err;

	if (in_kernel && !p->kernel) {
		*ret_reason = p->why_no_kernel;
		return -1;
	}
	m = calloc(1, sizeof(*m));
	if (!m || htab_add(&p->members_by_id, &m->by_id, t->id) < 0) {
		free(m);
		return reason_set(ret_reason, "no-memory", "no memory for interface %s", t->interface);
	}
	m->id = t->id;
	m->impl = in_kernel ? plane_kernel_impl(p->kernel) : plane_user_impl(p->user);
	err = m->impl->ops->tunnel_add(m->impl, t, ret_ifindex, ret_reason);
	if (!err) {
		err = plane_user_kernel_decap(p->user, in_kernel);
		if (err) {
			m->impl->ops->tunnel_del(m->impl, t->id);
			reason_set(ret_reason, "socket-failed",
			    "ESP in UDP on port 4500 can't be given to the %s: %s",
			    in_kernel ? "kernel" : "user-space data plane", strerror(-err));
		}
	}
	if (err) {
		forget(p, m);
		return -1;
	}
	list_append(&p->members, &m->link);
	return 0;
}

/*
 * The newest tunnel that is left says whose ESP in UDP is. One that was prepared for the other plane and
 * given up again (a configuration that was refused) must not leave the others deaf.
 */
static void restore_decap(struct plane *p)
{
	const struct member *newest;

	if (list_empty(&p->members))
		return;
	newest = list_entry(p->members.prev, struct member, link);
	(void)plane_user_kernel_decap(p->user, newest->impl != plane_user_impl(p->user));
}

void plane_tunnel_del(struct plane *p, uint32_t tunnel)
{
	struct member *m = member_of(p, tunnel);

	if (!m)
		return;
	m->impl->ops->tunnel_del(m->impl, tunnel);
	forget(p, m);
	restore_decap(p);
}

enum plane_kind plane_tunnel_kind(const struct plane *p, uint32_t tunnel)
{
	return impl_of(p, tunnel) == plane_user_impl(p->user) ? PLANE_USER : PLANE_KERNEL;
}

int plane_sa_add(struct plane *p, const struct plane_sa *sa, struct reason *ret_reason)
{
	struct plane_impl *i = impl_of(p, sa->tunnel);

	return i->ops->sa_add(i, sa, ret_reason);
}

void plane_sa_del(struct plane *p, uint32_t tunnel, bool inbound, uint32_t spi)
{
	struct plane_impl *i = impl_of(p, tunnel);

	i->ops->sa_del(i, tunnel, inbound, spi);
}

void plane_sa_use(struct plane *p, uint32_t tunnel, uint32_t spi)
{
	struct plane_impl *i = impl_of(p, tunnel);

	i->ops->sa_use(i, tunnel, spi);
}

void plane_remote_update(struct plane *p, uint32_t tunnel, const struct endpoint *local,
    const struct endpoint *remote, bool udp_encap)
{
	struct plane_impl *i = impl_of(p, tunnel);

	i->ops->remote_update(i, tunnel, local, remote, udp_encap);
}

void plane_outer_mtu(struct plane *p, uint32_t tunnel, uint32_t mtu)
{
	struct plane_impl *i = impl_of(p, tunnel);

	if (i->ops->outer_mtu)
		i->ops->outer_mtu(i, tunnel, mtu);
}

void plane_keepalive(struct plane *p, uint32_t tunnel, bool on)
{
	struct plane_impl *i = impl_of(p, tunnel);

	i->ops->keepalive(i, tunnel, on);
}

bool plane_to_one(const uint8_t *data, size_t len)
{
	struct rd r = rd_init(data, len);
	uint8_t first = rd_u8(&r);

	r = rd_init(data, len);
	if (first >> 4 == 4) {
		rd_skip(&r, IPV4_SRC_LEN);
		return rd_u8(&r) < MULTICAST4 && rd_ok(&r);
	}
	rd_skip(&r, IPV6_SRC_LEN);
	return rd_u8(&r) != MULTICAST6 && rd_ok(&r);
}

int plane_trigger(struct plane *p, uint32_t tunnel, bool on)
{
	struct plane_impl *i = impl_of(p, tunnel);

	return i->ops->trigger(i, tunnel, on);
}

void plane_read(struct plane *p, struct plane_reading reading[], size_t n)
{
	for (size_t from = 0, to; from < n; from = to) {
		struct plane_impl *i = impl_of(p, reading[from].tunnel);

		for (to = from + 1; to < n && impl_of(p, reading[to].tunnel) == i;)
			to++;
		i->ops->read(i, &reading[from], to - from);
	}
}

static int read_one(struct plane *p, struct plane_reading *r, struct plane_counters *ret_counters)
{
	plane_read(p, r, 1);
	if (!r->found)
		return -1;
	*ret_counters = r->counters;
	return 0;
}

int plane_counters(struct plane *p, uint32_t tunnel, struct plane_counters *ret_counters)
{
	struct plane_reading r = { .tunnel = tunnel, .of = PLANE_OF_TUNNEL };

	return read_one(p, &r, ret_counters);
}

int plane_sa_counters(
    struct plane *p, uint32_t tunnel, bool inbound, uint32_t spi, struct plane_counters *ret_counters)
{
	struct plane_reading r = {
		.tunnel = tunnel, .of = inbound ? PLANE_OF_SA_IN : PLANE_OF_SA_OUT, .spi = spi
	};

	return read_one(p, &r, ret_counters);
}

/* --- what is of no tunnel --- */

int plane_send_ike(struct plane *p, const struct endpoint *local, const struct endpoint *remote, bool natt,
    const uint8_t *data, size_t len)
{
	return plane_user_send_ike(p->user, local, remote, natt, data, len);
}

void plane_stray_counters(struct plane *p, struct plane_counters *ret_counters)
{
	plane_user_stray_counters(p->user, ret_counters);
}

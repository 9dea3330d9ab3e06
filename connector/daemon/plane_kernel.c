/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's data plane: its start, its events, its end.
 *
 * What the kernel tells by itself: the first packet of an inbound state (a replay event with a threshold of
 * one packet, which is switched off with the first), a soft lifetime (the outbound numbers run out), a peer
 * behind a NAT that moved, and states that others delete. Should the kernel have dropped events because we
 * were late, the counters, which the daemon asks for each second, tell the same.
 */
#include "connector/daemon/plane_kernel_internal.h"
#include "connector/daemon/plane_user.h"
#include "connector/sys/link.h"
#include "connector/sys/xfrm_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define TRY_NAME "cwtry"
#define MTU_TRY  1400

/* --- is it possible? --- */

static int no(struct reason *r, const char *what, int err, const char *hint)
{
	return reason_set(
	    r, "data-plane-no-kernel", "the kernel can't: %s: %s%s", what, strerror(-err), hint);
}

static int try_link(struct plane_kernel *k, struct reason *r)
{
	int ifindex, err = xfrm_link_add(k->domain, TRY_NAME, PK_IF_ID_TRY, MTU_TRY, &ifindex);

	if (err == -EPERM || err == -EACCES)
		return no(r, "an xfrm interface", err, "; causewayd needs CAP_NET_ADMIN");
	if (err)
		return no(
		    r, "an xfrm interface", err, "; it needs CONFIG_XFRM_INTERFACE (module xfrm_interface)");
	(void)xfrm_link_del(k->domain, ifindex);
	return 0;
}

/* A state as ours will be, with a key of zeros, never used: no policy leads to it. */
static int try_state(struct plane_kernel *k, struct reason *r)
{
	static const uint8_t key[CRYPTO_MAX_ENCR_KEY];
	struct xfrm_state_params p = { .spi = 0x100,
		.reqid = PK_IF_ID_TRY,
		.if_id = PK_IF_ID_TRY,
		.encr = ENCR_AES_GCM_16,
		.encr_key_bits = 256,
		.encr_key = key,
		.esn = true,
		.replay_window = PK_WINDOW,
		.encap = true,
		.encap_sport = 4500,
		.encap_dport = 4500 };
	struct reason why = { 0 };
	int err;

	(void)addr_parse("192.0.2.1", &p.src); /* RFC 5737: nobody's */
	(void)addr_parse("192.0.2.2", &p.dst);
	err = xfrm_state_add(k->xfrm, &p, &why);
	if (err)
		return reason_set(r, "data-plane-no-kernel",
		    "the kernel can't: an ESP state (it needs CONFIG_INET_ESP, module esp4, and AES-GCM): %s",
		    why.text);
	(void)xfrm_state_del(k->xfrm, &p.dst, p.spi);
	return 0;
}

static int open_xfrm(struct plane_kernel *k, struct reason *r)
{
	struct reason why = { 0 };

	k->xfrm = xfrm_open(k->domain, &why);
	if (k->xfrm)
		k->monitor = xfrm_monitor(k->domain, &why);
	if (k->monitor)
		return 0;
	return reason_set(
	    r, "data-plane-no-kernel", "the kernel can't: XFRM (it needs CONFIG_XFRM_USER): %s", why.text);
}

/* --- life --- */

static int watch(int epoll_fd, int fd)
{
	struct epoll_event e = { .events = EPOLLIN };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

static int open_fds(struct plane_kernel *k)
{
	const struct timespec period = { .tv_sec = mdur_to_s(k->keepalive) };
	const struct itimerspec every = { .it_interval = period, .it_value = period };

	k->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	k->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	k->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (k->epoll_fd < 0 || k->wake_fd < 0 || k->timer_fd < 0 ||
	    timerfd_settime(k->timer_fd, 0, &every, NULL))
		return -errno;
	if (watch(k->epoll_fd, k->wake_fd) || watch(k->epoll_fd, k->timer_fd))
		return -errno;
	return watch(k->epoll_fd, xfrm_fd(k->monitor));
}

struct plane_kernel *plane_kernel_new(const struct plane_config *config, const struct plane_events *events,
    void *ctx, struct plane_user *user, struct reason *ret_why_not)
{
	struct plane_kernel *k = calloc(1, sizeof(*k));

	if (!k) {
		reason_set(ret_why_not, "no-memory", "no memory for the kernel's data plane");
		return NULL;
	}
	k->impl.ops = &plane_kernel_ops;
	k->events = *events;
	k->ctx = ctx;
	k->log = config->log;
	k->domain = config->domain ? config->domain : &sys_domain_default;
	k->user = user;
	k->keepalive = config->keepalive;
	k->epoll_fd = k->wake_fd = k->timer_fd = k->sink_fd = -1;
	list_init(&k->tunnels);
	list_init(&k->kept);
	if (open_xfrm(k, ret_why_not)) {
		plane_kernel_free(k);
		return NULL;
	}
	k->trying = config->trying;
	pk_sweep(k, config);
	if (try_link(k, ret_why_not) || try_state(k, ret_why_not)) {
		plane_kernel_free(k);
		return NULL;
	}
	if (open_fds(k)) {
		reason_set(
		    ret_why_not, "plane-failed", "the kernel's data plane can't start: %s", strerror(errno));
		plane_kernel_free(k);
		return NULL;
	}
	return k;
}

/* All interfaces at once, if the kernel likes; else each goes with its tunnel. */
static void delete_interfaces(struct plane_kernel *k)
{
	size_t n = 0;
	int *ifindex;

	list_for_each (&k->tunnels, struct pk_tunnel, count, link)
		n++;
	ifindex = n > 1 ? calloc(n, sizeof(*ifindex)) : NULL;
	if (!ifindex)
		return;
	n = 0;
	list_for_each (&k->tunnels, struct pk_tunnel, t, link)
		ifindex[n++] = t->ifindex;
	if (!link_del_all(k->domain, ifindex, n))
		list_for_each (&k->tunnels, struct pk_tunnel, gone, link)
			gone->ifindex = 0;
	free(ifindex);
}

void plane_kernel_free(struct plane_kernel *k)
{
	if (!k)
		return;
	if (!k->leaving && !k->trying)
		delete_interfaces(k);
	list_for_each (&k->tunnels, struct pk_tunnel, t, link) {
		pk_tunnel_free(k, t);
	}
	pk_kept_free(k);
	xfrm_close(k->monitor);
	xfrm_close(k->xfrm);
	if (k->epoll_fd >= 0)
		close(k->epoll_fd);
	if (k->wake_fd >= 0)
		close(k->wake_fd);
	if (k->timer_fd >= 0)
		close(k->timer_fd);
	if (k->sink_fd >= 0)
		close(k->sink_fd);
	free(k);
}

struct plane_impl *plane_kernel_impl(struct plane_kernel *k)
{
	return &k->impl;
}

int plane_kernel_event_fd(const struct plane_kernel *k)
{
	return k->epoll_fd;
}

void pk_wake(struct plane_kernel *k)
{
	uint64_t one = 1;

	while (write(k->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* --- events --- */

/* What a look has found out. A handler may take the tunnel away: one notice, then from the start again. */
static bool notify_one(struct plane_kernel *k)
{
	list_for_each (&k->tunnels, struct pk_tunnel, t, link)
		for (unsigned dir = 0; dir < 2; dir++)
			list_for_each (dir ? &t->sas_out : &t->sas_in, struct pk_sa, sa, link) {
				uint32_t spi = sa->p.spi;

				if (sa->p.inbound && sa->first_seen && !sa->first_reported) {
					sa->first_reported = true;
					(void)xfrm_state_events(k->xfrm, pk_dst(sa), spi, 0);
					k->events.first_inbound(k->ctx, t->id, spi);
					return true;
				}
				if (sa->lost && !sa->lost_reported) {
					sa->lost_reported = true;
					if (k->events.sa_lost)
						k->events.sa_lost(k->ctx, t->id, spi);
					return true;
				}
			}
	return false;
}

/* Somebody else deleted policies, perhaps ours. One that is there is replaced by itself: no packet notices.
 */
static void put_rules_back(struct plane_kernel *k)
{
	list_for_each (&k->tunnels, struct pk_tunnel, t, link)
		for (size_t i = 0; i < t->n_rules; i++) {
			struct reason why = { 0 };

			if (xfrm_rule_set(k->xfrm, &t->rules[i], &why))
				log_error(k->log, "data-plane", "%s: %s", why.id, why.text);
		}
}

static void on_event(void *ctx, const struct xfrm_event *e)
{
	struct plane_kernel *k = ctx;
	struct pk_tunnel *t = NULL;
	struct pk_sa *sa;

	if (e->kind == XFRM_EVENT_RULES_GONE) {
		if (e->port != xfrm_port(k->xfrm))
			put_rules_back(k);
		return;
	}
	if (e->kind == XFRM_EVENT_ALL_GONE) {
		list_for_each (&k->tunnels, struct pk_tunnel, each, link)
			for (unsigned dir = 0; dir < 2; dir++)
				list_for_each (dir ? &each->sas_out : &each->sas_in, struct pk_sa, s, link)
					pk_look(k, s);
		pk_keep_restore(k, 0);
		return;
	}
	if (e->kind == XFRM_EVENT_GONE)
		pk_keep_restore(k, e->state.spi);
	sa = pk_sa_find(k, &e->state.dst, e->state.spi, &t);
	if (!sa)
		return;
	switch (e->kind) {
	case XFRM_EVENT_PACKETS:
	case XFRM_EVENT_GONE: pk_look(k, sa); break;
	case XFRM_EVENT_EXPIRED:
		if (!e->hard && !sa->p.inbound)
			k->events.seq_near_end(k->ctx, t->id, sa->p.spi);
		break;
	case XFRM_EVENT_MOVED:
		if (!endpoint_eq(&e->moved_to, &sa->p.remote))
			k->events.remote_moved(k->ctx, t->id, sa->p.spi, &e->moved_to);
		break;
	case XFRM_EVENT_ACQUIRE:
	case XFRM_EVENT_STATE:
	case XFRM_EVENT_RULE:
	case XFRM_EVENT_RULES_GONE:
	case XFRM_EVENT_ALL_GONE: break;
	}
}

/* RFC 3948 4: what leaves the tunnel keeps the mapping open; where nothing did, this does. */
static void keepalives(struct plane_kernel *k)
{
	list_for_each (&k->tunnels, struct pk_tunnel, t, link) {
		struct pk_sa *sa = list_first(&t->sas_out, struct pk_sa, link);
		uint64_t packets;

		if (!t->keepalive || !sa || !sa->p.udp_encap)
			continue;
		pk_look(k, sa);
		packets = sa->packets + sa->packets_gone;
		if (packets == t->kept_packets)
			plane_user_send_keepalive(k->user, &sa->p.local, &sa->p.remote);
		t->kept_packets = packets;
	}
}

void plane_kernel_dispatch(struct plane_kernel *k)
{
	uint64_t ignored;

	while (read(k->wake_fd, &ignored, sizeof(ignored)) < 0 && errno == EINTR)
		;
	(void)xfrm_read(k->monitor, on_event, k); /* lost ones are made up for by the next look */
	if (read(k->timer_fd, &ignored, sizeof(ignored)) == sizeof(ignored))
		keepalives(k);
	while (notify_one(k) || pk_keep_notify(k))
		;
}

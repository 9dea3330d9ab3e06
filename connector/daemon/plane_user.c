/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user-space data plane, control side: opening and closing it, its events, and IKE datagrams outward. A
 * worker thread (plane_user_worker.c) moves the packets; tunnels and SAs come and go by plane_user_control.c.
 * IKE leaves directly by the sockets, which the kernel lets two threads use: it must not queue behind data.
 */
#include "connector/daemon/plane_user_internal.h"
#include "connector/sys/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DISPATCH_EVENTS    64 /* per plane_dispatch: the loop serves others in between */
#define NON_ESP_MARKER_LEN 4

static int explain_socket(struct reason *r, int err, uint8_t family, uint16_t port)
{
	if (err == -EADDRINUSE)
		return reason_set(r, "socket-in-use",
		    "UDP port %u (IPv%u) is in use by another program: another IKE daemon (strongSwan's "
		    "charon, "
		    "libreswan's pluto, iked) or another causewayd in this network namespace; find it with "
		    "'ss -lunp sport = :%u' and stop it",
		    port, family, port);
	if (err == -EACCES || err == -EPERM)
		return reason_set(r, "socket-not-permitted",
		    "UDP port %u (IPv%u) can't be opened: %s; causewayd needs CAP_NET_BIND_SERVICE", port,
		    family, strerror(-err));
	return reason_set(
	    r, "socket-failed", "UDP port %u (IPv%u) can't be opened: %s", port, family, strerror(-err));
}

/* IPv4 must work; IPv6 where the kernel has it. */
static int open_sockets(struct plane_user *p, const struct plane_config *config, struct reason *r)
{
	const struct {
		enum pu_socket socket;
		uint8_t family;
		uint16_t port;
	} wanted[] = {
		{ PU_IKE4, 4, config->ike_port },
		{ PU_NATT4, 4, config->natt_port },
		{ PU_IKE6, 6, config->ike_port },
		{ PU_NATT6, 6, config->natt_port },
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		int err = udp_open(
		    p->domain, wanted[i].family, wanted[i].port, &p->worker.sockets[wanted[i].socket]);

		if (wanted[i].family == 6 && (err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL))
			continue;
		if (err)
			return explain_socket(r, err, wanted[i].family, wanted[i].port);
	}
	/* Without the right to raw sockets all packets may be fragmented, and the tunnel works all the same.
	 */
	if (rawip_open(p->domain, &p->worker.whole4) < 0)
		log_warn(p->log, "plane",
		    "no-raw-socket: CAP_NET_RAW is missing, so outer packets carry no DF bit and path MTU is "
		    "not "
		    "discovered");
	return 0;
}

static int watch_all(struct pu_worker *w)
{
	int err = pu_worker_watch(w, w->call_fd, &w->call_source);

	for (unsigned i = 0; !err && i < PU_SOCKETS; i++)
		if (w->sockets[i].fd >= 0)
			err = pu_worker_watch(w, w->sockets[i].fd, &w->socket_sources[i]);
	return err;
}

static int worker_init(struct pu_worker *w, struct pu_queue *queue, mdur keepalive)
{
	list_init(&w->tunnels);
	w->queue = queue;
	w->keepalive = keepalive;
	w->next_keepalive = MTIME_NEVER;
	w->call_source.kind = PU_SOURCE_CALL;
	for (unsigned i = 0; i < PU_SOCKETS; i++) {
		w->sockets[i] = (struct udp_socket)UDP_SOCKET_NONE;
		w->socket_sources[i] = (struct pu_source){ .kind = PU_SOURCE_SOCKET, .socket = i };
	}
	w->whole4 = (struct udp_socket)UDP_SOCKET_NONE;
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	w->call_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->epoll_fd < 0 || w->call_fd < 0)
		return -errno;
	w->batch.slots = calloc(ESP_BATCH, sizeof(*w->batch.slots));
	return w->batch.slots ? 0 : -ENOMEM;
}

struct plane_user *plane_user_new(const struct plane_config *config, const struct plane_events *events,
    void *ctx, struct reason *ret_reason)
{
	struct plane_user *p = calloc(1, sizeof(*p));
	int err;

	if (!p) {
		reason_set(ret_reason, "no-memory", "no memory for the data plane");
		return NULL;
	}
	p->impl.ops = &plane_user_ops;
	p->events = *events;
	p->ctx = ctx;
	p->log = config->log;
	p->domain = config->domain ? config->domain : &sys_domain_default;
	pthread_mutex_init(&p->call_lock, NULL);
	pthread_cond_init(&p->call_done, NULL);
	err = pu_queue_init(&p->queue);
	if (worker_init(&p->worker, &p->queue, config->keepalive) < 0 || err < 0) {
		reason_set(ret_reason, "plane-failed", "the data plane can't start: %s", strerror(errno));
		plane_user_free(p);
		return NULL;
	}
	if (open_sockets(p, config, ret_reason) < 0) {
		plane_user_free(p);
		return NULL;
	}
	err = watch_all(&p->worker);
	if (!err)
		err = pu_thread_start(p);
	if (err) {
		reason_set(ret_reason, "plane-failed", "the data plane can't start: %s", strerror(-err));
		plane_user_free(p);
		return NULL;
	}
	return p;
}

/* All interfaces at once; whatever that leaves goes with its descriptor. */
static void delete_interfaces(const struct plane_user *p)
{
	const struct pu_worker *w = &p->worker;
	size_t n = 0;
	int *ifindex;

	list_for_each ((struct list *)&w->tunnels, struct pu_tunnel, count, link)
		n++;
	ifindex = n > 1 ? calloc(n, sizeof(*ifindex)) : NULL;
	if (!ifindex)
		return;
	n = 0;
	list_for_each ((struct list *)&w->tunnels, struct pu_tunnel, t, link)
		ifindex[n++] = t->tun.ifindex;
	(void)link_del_all(p->domain, ifindex, n);
	free(ifindex);
}

static void free_tunnels(struct pu_worker *w)
{
	list_for_each (&w->tunnels, struct pu_tunnel, t, link) {
		list_for_each (&t->sas_in, struct pu_sa, in, link) {
			pu_sa_free(in);
		}
		list_for_each (&t->sas_out, struct pu_sa, out, link) {
			pu_sa_free(out);
		}
		pu_keep_free(t->keep);
		tun_close(&t->tun);
		free(t);
	}
	htab_clear(&w->tunnels_by_id);
}

void plane_user_free(struct plane_user *p)
{
	struct pu_worker *w;

	if (!p)
		return;
	pu_thread_stop(p);
	w = &p->worker;
	delete_interfaces(p);
	free_tunnels(w);
	for (unsigned i = 0; i < PU_SOCKETS; i++)
		udp_close(&w->sockets[i]);
	udp_close(&w->whole4);
	if (w->epoll_fd >= 0)
		close(w->epoll_fd);
	if (w->call_fd >= 0)
		close(w->call_fd);
	free(w->batch.slots);
	pu_queue_clear(&p->queue);
	pthread_cond_destroy(&p->call_done);
	pthread_mutex_destroy(&p->call_lock);
	free(p);
}

struct plane_impl *plane_user_impl(struct plane_user *p)
{
	return &p->impl;
}

int plane_user_event_fd(const struct plane_user *p)
{
	return p->queue.fd;
}

void plane_user_dispatch(struct plane_user *p)
{
	struct pu_event events[DISPATCH_EVENTS];
	unsigned n = pu_queue_pop(&p->queue, events, DISPATCH_EVENTS);

	for (unsigned i = 0; i < n; i++) {
		struct pu_event *e = &events[i];

		switch (e->kind) {
		case PU_IKE_DATAGRAM:
			p->events.ike_datagram(p->ctx, &e->local, &e->remote, e->data, e->len);
			break;
		case PU_IKE_UNDELIVERED:
			p->events.ike_undelivered(p->ctx, &e->remote, e->spi_i, e->error);
			break;
		case PU_FIRST_INBOUND: p->events.first_inbound(p->ctx, e->tunnel, e->spi); break;
		case PU_SEQ_NEAR_END: p->events.seq_near_end(p->ctx, e->tunnel, e->spi); break;
		case PU_REMOTE_MOVED: p->events.remote_moved(p->ctx, e->tunnel, e->spi, &e->remote); break;
		case PU_TRIGGER: p->events.trigger(p->ctx, e->tunnel); break;
		}
		free(e->data);
	}
}

int plane_user_send_ike(struct plane_user *p, const struct endpoint *local, const struct endpoint *remote,
    bool natt, const uint8_t *data, size_t len)
{
	size_t marker = natt ? NON_ESP_MARKER_LEN : 0;
	const struct udp_socket *s;
	struct udp_msg m = { .local = *local, .remote = *remote, .len = marker + len };

	if (remote->addr.family == 6)
		s = &p->worker.sockets[natt ? PU_NATT6 : PU_IKE6];
	else
		s = &p->worker.sockets[natt ? PU_NATT4 : PU_IKE4];
	if (s->fd < 0)
		return -EAFNOSUPPORT;
	m.data = calloc(1, m.len ? m.len : 1);
	if (!m.data)
		return -ENOMEM;
	memcpy(&m.data[marker], data, len);
	udp_send_batch(s, &m, 1);
	free(m.data);
	return m.error;
}

void plane_user_send_keepalive(
    struct plane_user *p, const struct endpoint *local, const struct endpoint *remote)
{
	uint8_t payload = 0xff;
	struct udp_msg m = { .data = &payload, .len = sizeof(payload), .local = *local, .remote = *remote };
	const struct udp_socket *s = &p->worker.sockets[remote->addr.family == 6 ? PU_NATT6 : PU_NATT4];

	if (s->fd >= 0)
		udp_send_batch(s, &m, 1);
}

int plane_user_kernel_decap(struct plane_user *p, bool on)
{
	const enum pu_socket natt[] = { PU_NATT4, PU_NATT6 };

	if (p->kernel_decap == on)
		return 0;
	p->kernel_decap = on;
	for (size_t i = 0; i < sizeof(natt) / sizeof(natt[0]); i++) {
		const struct udp_socket *s = &p->worker.sockets[natt[i]];
		int err = s->fd < 0 ? 0 : udp_kernel_decap(s, on);

		if (err)
			return err;
	}
	return 0;
}

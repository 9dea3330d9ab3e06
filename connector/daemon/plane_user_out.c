/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the TUN devices to the sockets, and NAT keepalives (RFC 3948 2.3, 4). A batch read from a tunnel's
 * device is sealed by the outbound SA in use and leaves by one sendmmsg, from the SA's own local address, in
 * the order of its sequence numbers; by two where some packets of an IPv4 path may be fragmented and others
 * not. What the socket would not take is dropped and counted: TCP inside the tunnel adapts, and waiting here
 * would hold up the inbound side.
 */
#include "connector/daemon/plane_user_internal.h"
#include "connector/sys/random.h"
#include "esp/seal.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#define IPV4_HEADER 20
#define UDP_HEADER  8

static const uint8_t keepalive_payload = 0xff;

static const struct udp_socket *socket_for(const struct pu_worker *w, const struct pu_sa *sa)
{
	if (sa->udp_encap)
		return &w->sockets[sa->remote.addr.family == 6 ? PU_NATT6 : PU_NATT4];
	return &w->sockets[sa->remote.addr.family == 6 ? PU_RAW6 : PU_RAW4];
}

/* Packets read into the batch. A device that was deleted behind our back is watched no more. */
static unsigned read_tun(struct pu_worker *w, struct pu_tunnel *t)
{
	struct pu_batch *b = &w->batch;
	unsigned n = 0;

	while (n < ESP_BATCH) {
		ssize_t got = read(t->tun.fd, &b->slots[n][PU_SLOT_FRONT], PU_MAX_PACKET);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno != EAGAIN)
			epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, t->tun.fd, NULL);
		if (got <= 0)
			break;
		b->pkts[n] = (struct esp_pkt){
			.buf = b->slots[n], .cap = PU_SLOT, .off = PU_SLOT_FRONT, .len = (size_t)got
		};
		n++;
	}
	return n;
}

/* Must this packet arrive in one piece? One that is known not to fit is fragmented rather than lost. */
static bool whole(const struct pu_tunnel *t, const struct pu_sa *sa, const struct esp_pkt *pkt)
{
	size_t len = IPV4_HEADER + (sa->udp_encap ? UDP_HEADER : 0) + pkt->len;

	if (sa->remote.addr.family != 4 || sa->df == PLANE_DF_CLEAR || (sa->df == PLANE_DF_COPY && !pkt->df))
		return false;
	return !t->outer_mtu || len <= t->outer_mtu;
}

struct outgoing {
	unsigned n, n_whole;
};

/* Collects what was sealed into msgs and whole. */
static struct outgoing collect(struct pu_worker *w, struct pu_tunnel *t, struct pu_sa *sa, unsigned n)
{
	struct pu_batch *b = &w->batch;
	struct outgoing out = { 0 };
	enum plane_drop drop;

	for (unsigned i = 0; i < n; i++) {
		struct esp_pkt *pkt = &b->pkts[i];
		struct udp_msg m = { .data = &pkt->buf[pkt->off],
			.len = pkt->len,
			.local = sa->local,
			.remote = sa->remote,
			.tos = pkt->tos & sa->tos_mask };

		if (pkt->verdict == ESP_OK && w->whole4.fd >= 0 && whole(t, sa, pkt))
			b->whole[out.n_whole++] = m;
		else if (pkt->verdict == ESP_OK)
			b->msgs[out.n++] = m;
		else if (pu_drop_of(pkt->verdict, &drop))
			pu_count_drop(t, sa, drop);
	}
	return out;
}

static void count_errors(struct pu_tunnel *t, struct pu_sa *sa, const struct udp_msg msgs[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (msgs[i].error)
			pu_count_drop(
			    t, sa, msgs[i].error == -EMSGSIZE ? PLANE_DROP_TOO_BIG : PLANE_DROP_QUEUE);
}

static void send_sealed(struct pu_worker *w, struct pu_tunnel *t, struct pu_sa *sa, struct outgoing out)
{
	struct pu_batch *b = &w->batch;

	if (out.n)
		udp_send_batch(socket_for(w, sa), b->msgs, out.n);
	if (out.n_whole)
		rawip_send_batch(&w->whole4, sa->udp_encap, b->whole, out.n_whole);
	count_errors(t, sa, b->msgs, out.n);
	count_errors(t, sa, b->whole, out.n_whole);
	t->last_sent = t->counters.last_out = sa->counters.last_out = w->now;
}

/* Seals and sends n packets of the batch. */
static void send_batch(struct pu_worker *w, struct pu_tunnel *t, struct pu_sa *sa, unsigned n)
{
	struct esp_counters before = sa->esp->counters;
	struct outgoing out;

	for (unsigned i = 0; i < n; i++)
		w->batch.pkts[i].sa = sa->esp;
	esp_seal(&sys_rng, w->batch.pkts, n);
	t->counters.packets_out += sa->esp->counters.packets - before.packets;
	t->counters.bytes_out += sa->esp->counters.bytes - before.bytes;
	sa->counters.packets_out = sa->esp->counters.packets;
	sa->counters.bytes_out = sa->esp->counters.bytes;
	out = collect(w, t, sa, n);
	if (out.n || out.n_whole)
		send_sealed(w, t, sa, out);
	if (sa->esp->near_end && !sa->near_end_reported) {
		struct pu_event e = { .kind = PU_SEQ_NEAR_END, .tunnel = t->id, .spi = sa->spi };

		sa->near_end_reported = pu_queue_push(w->queue, &e);
	}
}

static void keep_batch(struct pu_worker *w, struct pu_tunnel *t, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct esp_pkt *pkt = &w->batch.pkts[i];

		if (!pu_keep_put(w, t, &pkt->buf[pkt->off], pkt->len))
			t->counters.drops[PLANE_DROP_NO_SA]++;
	}
}

void pu_tun_readable(struct pu_worker *w, struct pu_tunnel *t)
{
	struct pu_sa *sa = pu_tunnel_current(t);
	unsigned n = read_tun(w, t);

	if (n && sa)
		send_batch(w, t, sa, n);
	else if (n)
		keep_batch(w, t, n);
}

void pu_send_kept(struct pu_worker *w, struct pu_tunnel *t)
{
	struct pu_sa *sa = pu_tunnel_current(t);
	unsigned n = sa ? pu_keep_take(w, t) : 0;

	if (n)
		send_batch(w, t, sa, n);
}

static void send_keepalive(struct pu_worker *w, struct pu_tunnel *t, const struct pu_sa *sa)
{
	uint8_t payload = keepalive_payload;
	struct udp_msg m = {
		.data = &payload, .len = sizeof(payload), .local = sa->local, .remote = sa->remote
	};

	udp_send_batch(socket_for(w, sa), &m, 1); /* one lost is no harm: the next comes in time */
	t->last_sent = w->now;
}

void pu_keepalives(struct pu_worker *w)
{
	if (!mtime_reached(w->next_keepalive, w->now))
		return;
	w->next_keepalive = MTIME_NEVER;
	list_for_each (&w->tunnels, struct pu_tunnel, t, link) {
		struct pu_sa *sa = t->keepalive ? pu_tunnel_current(t) : NULL;

		if (!sa || !sa->udp_encap)
			continue;
		if (mtime_reached(mtime_add(t->last_sent, w->keepalive), w->now))
			send_keepalive(w, t, sa);
		w->next_keepalive = mtime_min(w->next_keepalive, mtime_add(t->last_sent, w->keepalive));
	}
}

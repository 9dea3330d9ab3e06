/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the sockets to the TUN devices. Port 500 carries IKE alone; on 4500 the first bytes tell IKE (four
 * zeros), a NAT keepalive (one byte 0xff) and ESP (an SPI, never zero) apart: RFC 3948 2. IKE goes to the
 * control thread as it is, nothing of it is read here. ESP is opened in batches and delivered; an inner
 * packet leaves only through the TUN device of the tunnel whose SA it came by.
 */
#include "base/cursor.h"
#include "connector/daemon/plane_user_internal.h"
#include "esp/open.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NON_ESP_MARKER 0
#define KEEPALIVE_BYTE 0xff
#define ERRORS_A_TURN  32 /* ICMP errors taken in one turn, so that a flood of them starves nothing */

bool pu_drop_of(enum esp_verdict v, enum plane_drop *ret_drop)
{
	switch (v) {
	case ESP_OK:
	case ESP_DUMMY: return false;
	case ESP_NO_SA: *ret_drop = PLANE_DROP_NO_SA; return true;
	case ESP_REPLAY: *ret_drop = PLANE_DROP_REPLAY; return true;
	case ESP_AUTH: *ret_drop = PLANE_DROP_AUTH; return true;
	case ESP_MALFORMED: *ret_drop = PLANE_DROP_MALFORMED; return true;
	case ESP_SELECTOR: *ret_drop = PLANE_DROP_SELECTOR; return true;
	case ESP_SEQ_EXHAUSTED: *ret_drop = PLANE_DROP_SEQ_EXHAUSTED; return true;
	case ESP_TOO_BIG: *ret_drop = PLANE_DROP_TOO_BIG; return true;
	case ESP_ECN: *ret_drop = PLANE_DROP_ECN; return true;
	case ESP_VERDICT_COUNT: break;
	}
	return false;
}

void pu_count_drop(struct pu_tunnel *t, struct pu_sa *sa, enum plane_drop d)
{
	t->counters.drops[d]++;
	if (sa)
		sa->counters.drops[d]++;
}

static void queue_ike(struct pu_worker *w, const struct udp_msg *m, const uint8_t *data, size_t len)
{
	struct pu_event e = { .kind = PU_IKE_DATAGRAM, .local = m->local, .remote = m->remote, .len = len };

	if (!len)
		return;
	e.data = malloc(len);
	if (e.data)
		memcpy(e.data, data, len);
	if (!e.data || !pu_queue_push(w->queue, &e)) {
		free(e.data);
		w->stray.drops[PLANE_DROP_QUEUE]++;
	}
}

void pu_socket_errors(struct pu_worker *w, enum pu_socket socket)
{
	bool natt = socket == PU_NATT4 || socket == PU_NATT6;
	struct udp_error e;

	for (unsigned i = 0; i < ERRORS_A_TURN && udp_recv_error(&w->sockets[socket], &e); i++) {
		struct pu_event ev = { .kind = PU_IKE_UNDELIVERED, .remote = e.remote, .error = e.error };
		struct rd r = rd_init(e.data, e.len);

		if (natt && rd_u32(&r) != NON_ESP_MARKER)
			continue; /* ESP: the data plane has its own ways to see that nothing arrives */
		ev.spi_i = rd_u64(&r);
		if (!rd_ok(&r))
			ev.spi_i = 0;
		(void)pu_queue_push(w->queue, &ev);
	}
}

/* True when the datagram is ESP; all others are dealt with. */
static bool sort_natt(struct pu_worker *w, const struct udp_msg *m)
{
	struct rd r = rd_init(m->data, m->len);

	if (m->len == 1 && rd_u8(&r) == KEEPALIVE_BYTE)
		return false;
	r = rd_init(m->data, m->len);
	if (rd_u32(&r) != NON_ESP_MARKER)
		return true;
	if (rd_ok(&r))
		queue_ike(w, m, r.p, rd_left(&r));
	else
		w->stray.drops[PLANE_DROP_MALFORMED]++;
	return false;
}

static bool is_esp(struct pu_worker *w, enum pu_socket socket, const struct udp_msg *m)
{
	if (m->error) {
		w->stray.drops[PLANE_DROP_TOO_BIG]++;
		return false;
	}
	switch (socket) {
	case PU_IKE4:
	case PU_IKE6: queue_ike(w, m, m->data, m->len); return false;
	case PU_NATT4:
	case PU_NATT6: return sort_natt(w, m);
	case PU_RAW4:
	case PU_RAW6: return true;
	case PU_SOCKETS: break;
	}
	return false;
}

/* Facts that an authenticated packet proves. A notice that found no room is tried again with the next packet.
 */
static void report(
    struct pu_worker *w, struct pu_sa *sa, const struct esp_pkt *pkt, const struct udp_msg *m, bool raw)
{
	struct pu_event e = { .tunnel = sa->tunnel_id, .spi = sa->spi, .remote = m->remote };
	struct endpoint expected = sa->remote;

	struct plane_counters *sum = &sa->tunnel->counters;

	if (sum->last_in.ns && mtime_since(w->now, sum->last_in).ns > sa->counters.longest_gap.ns)
		sa->counters.longest_gap = mtime_since(w->now, sum->last_in);
	sa->counters.last_in = sum->last_in = w->now;
	if (!sa->first_reported) {
		e.kind = PU_FIRST_INBOUND;
		sa->first_reported = pu_queue_push(w->queue, &e);
	}
	if (raw)
		expected.port = 0;
	/* An old packet says where the peer was; one by the other encapsulation says nothing of this mapping.
	 */
	if (!pkt->newest || raw == sa->udp_encap)
		return;
	if (endpoint_eq(&m->remote, &expected)) {
		sa->moved_reported = (struct endpoint){ 0 };
	} else if (!endpoint_eq(&m->remote, &sa->moved_reported)) {
		e.kind = PU_REMOTE_MOVED;
		if (pu_queue_push(w->queue, &e))
			sa->moved_reported = m->remote;
	}
}

static void deliver(struct pu_tunnel *t, struct pu_sa *sa, const struct esp_pkt *pkt)
{
	ssize_t wrote;

	do
		wrote = write(t->tun.fd, &pkt->buf[pkt->off], pkt->len);
	while (wrote < 0 && errno == EINTR);
	if (wrote < 0) {
		pu_count_drop(t, sa, PLANE_DROP_QUEUE);
		return;
	}
	t->counters.packets_in++;
	t->counters.bytes_in += pkt->len;
	sa->counters.packets_in++;
	sa->counters.bytes_in += pkt->len;
}

static void finish(struct pu_worker *w, unsigned i, bool raw)
{
	struct esp_pkt *pkt = &w->batch.pkts[i];
	struct pu_sa *sa = w->batch.sas[i];
	enum plane_drop drop;

	if (!sa) {
		w->stray.drops[PLANE_DROP_NO_SA]++;
		return;
	}
	if (pkt->authenticated)
		report(w, sa, pkt, &w->batch.msgs[w->batch.msg_of[i]], raw);
	if (pkt->verdict == ESP_OK)
		deliver(sa->tunnel, sa, pkt);
	else if (pu_drop_of(pkt->verdict, &drop))
		pu_count_drop(sa->tunnel, sa, drop);
}

void pu_socket_readable(struct pu_worker *w, enum pu_socket socket)
{
	struct pu_batch *b = &w->batch;
	unsigned n = 0;
	int got;

	for (unsigned i = 0; i < ESP_BATCH; i++)
		b->msgs[i] = (struct udp_msg){ .data = b->slots[i], .cap = PU_SLOT };
	got = udp_recv_batch(&w->sockets[socket], b->msgs, ESP_BATCH);
	for (int i = 0; i < got; i++) {
		struct udp_msg *m = &b->msgs[i];

		if (!is_esp(w, socket, m))
			continue;
		b->sas[n] = pu_inbound_find(w, esp_peek_spi(m->data, m->len));
		b->msg_of[n] = (unsigned)i;
		b->pkts[n] = (struct esp_pkt){ .buf = m->data, .cap = m->cap, .len = m->len, .tos = m->tos };
		b->pkts[n].sa = b->sas[n] ? b->sas[n]->esp : NULL;
		n++;
	}
	esp_open(b->pkts, n);
	for (unsigned i = 0; i < n; i++)
		finish(w, i, w->sockets[socket].raw);
}

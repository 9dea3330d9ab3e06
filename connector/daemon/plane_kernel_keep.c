/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On demand in the kernel's data plane. An xfrm interface without an SA refuses packets: it tells their
 * sender that the host can't be reached, which ends a TCP connection before it has begun. So while an armed
 * tunnel has no outbound SA, another state takes its packets: with a random key that nobody knows, in UDP, to
 * a port of the loopback interface that nobody reads. They vanish without a word. Before that they are seen
 * by a packet socket on the interface: the first asks for the tunnel, it and those behind it are kept, up to
 * a bound, and leave by the interface when there is an SA.
 *
 * Between the last look at that socket and the policies that lead to the new SA, a packet may still be lost
 * (some microseconds); the first one never is. Packets to many wake nobody.
 */
#include "connector/daemon/plane_impl.h"
#include "connector/daemon/plane_kernel_internal.h"
#include "connector/sys/clock.h"
#include "connector/sys/packet.h"
#include "connector/sys/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define KEPT_MAX   16
#define LOOKED_MAX 64    /* packets of a tunnel in one turn; what is left makes another one */
#define KEPT_LEN   10240 /* the largest MTU and PACKET_FRONT */
static const mdur kept_for = { 30 * (int64_t)1000000000 };

struct pk_keep {
	int fd;
	bool asked;
	unsigned n;
	struct {
		mtime at;
		size_t len;
		uint8_t data[KEPT_LEN];
	} packet[KEPT_MAX];
	uint8_t more[KEPT_LEN];
};

/* --- the state that takes them --- */

static int swallow(struct plane_kernel *k, struct pk_tunnel *t, struct reason *ret_reason)
{
	uint8_t key[CRYPTO_MAX_ENCR_KEY];
	struct xfrm_state_params p = { .src = addr_v4(PK_LOOPBACK),
		.dst = addr_v4(PK_LOOPBACK),
		.spi = t->if_id,
		.reqid = t->if_id,
		.if_id = t->if_id,
		.encr = ENCR_AES_GCM_16,
		.encr_key_bits = 256,
		.encr_key = key,
		.esn = true, /* it must not run out of numbers */
		.replay_window = PK_WINDOW,
		.encap = true };
	int err;

	if (k->sink_fd < 0)
		k->sink_fd = packet_sink(k->domain, &k->sink_port);
	if (k->sink_fd < 0)
		return reason_set(ret_reason, "data-plane-no-trigger", "no UDP port of 127.0.0.1: %s",
		    strerror(-k->sink_fd));
	p.encap_sport = p.encap_dport = k->sink_port;
	rng_fill(&sys_rng, key, sizeof(key));
	err = xfrm_state_add(k->xfrm, &p, ret_reason);
	cleanse(key, sizeof(key));
	return err == -EEXIST ? 0 : err;
}

void pk_keep_restore(struct plane_kernel *k, uint32_t spi)
{
	list_for_each (&k->tunnels, struct pk_tunnel, t, link) {
		struct reason why = { 0 };

		if (t->keep && (!spi || spi == t->if_id) && swallow(k, t, &why))
			log_error(k->log, "data-plane", "%s: %s", why.id, why.text);
	}
}

static void keep_close(struct plane_kernel *k, struct pk_tunnel *t)
{
	const struct addr loopback = addr_v4(PK_LOOPBACK);

	if (!t->keep)
		return;
	close(t->keep->fd); /* and out of the epoll set */
	free(t->keep);
	t->keep = NULL;
	(void)pk_update_rules(k, t, NULL); /* they turn away from the state, first */
	(void)xfrm_state_del(k->xfrm, &loopback, t->if_id);
}

static int keep_open(struct plane_kernel *k, struct pk_tunnel *t, struct reason *ret_reason)
{
	struct epoll_event e = { .events = EPOLLIN };
	struct pk_keep *keep = calloc(1, sizeof(*keep));

	if (!keep)
		return reason_set(ret_reason, "no-memory", "no memory for packets that are to be kept");
	keep->fd = packet_open(k->domain, t->ifindex);
	if (keep->fd < 0 || epoll_ctl(k->epoll_fd, EPOLL_CTL_ADD, keep->fd, &e)) {
		int err = keep->fd < 0 ? -keep->fd : errno;

		if (keep->fd >= 0)
			close(keep->fd);
		free(keep);
		return reason_set(ret_reason, "data-plane-no-trigger",
		    "packets that ask for the tunnel can't be seen: %s; causewayd needs CAP_NET_RAW",
		    strerror(err));
	}
	t->keep = keep;
	if (swallow(k, t, ret_reason) || pk_update_rules(k, t, ret_reason)) {
		keep_close(k, t);
		return -1;
	}
	return 0;
}

/* --- the packets --- */

/* True: one wakes the tunnel. Bounded: a sender that is faster than we read must not hold the control thread.
 */
static bool look(struct pk_keep *keep)
{
	bool wakes = false;
	size_t len;

	for (unsigned i = 0; i < LOOKED_MAX; i++) {
		len = packet_read(keep->fd, keep->more, sizeof(keep->more));
		if (!len)
			break;
		if (!plane_to_one(keep->more + PACKET_FRONT, len - PACKET_FRONT))
			continue;
		wakes = true;
		if (keep->n == KEPT_MAX || len == sizeof(keep->more))
			continue;
		memcpy(keep->packet[keep->n].data, keep->more, len);
		keep->packet[keep->n].len = len;
		keep->packet[keep->n++].at = clock_now();
	}
	return wakes;
}

bool pk_keep_notify(struct plane_kernel *k)
{
	list_for_each (&k->tunnels, struct pk_tunnel, t, link) {
		if (!t->keep || !look(t->keep) || t->keep->asked)
			continue;
		t->keep->asked = true;
		k->events.trigger(k->ctx, t->id);
		return true; /* the handler may have taken tunnels away */
	}
	return false;
}

void pk_keep_look(struct pk_tunnel *t)
{
	if (t->keep)
		(void)look(t->keep);
}

void pk_keep_release(struct plane_kernel *k, struct pk_tunnel *t)
{
	mtime now = clock_now();

	if (!t->keep)
		return;
	for (unsigned i = 0; i < t->keep->n; i++)
		if (mtime_since(now, t->keep->packet[i].at).ns <= kept_for.ns)
			(void)packet_send(
			    t->keep->fd, t->ifindex, t->keep->packet[i].data, t->keep->packet[i].len);
	keep_close(k, t);
}

int pk_keep_update(struct plane_kernel *k, struct pk_tunnel *t, struct reason *ret_reason)
{
	bool wanted = t->armed && list_empty(&t->sas_out) && !t->old;

	if (wanted && !t->keep)
		return keep_open(k, t, ret_reason);
	if (!wanted)
		keep_close(k, t);
	return 0;
}

int pk_keep_arm(struct plane_kernel *k, struct pk_tunnel *t, bool on, struct reason *ret_reason)
{
	t->armed = on;
	if (t->keep) { /* anew: what was kept is dropped */
		(void)look(t->keep);
		t->keep->n = 0;
		t->keep->asked = false;
	}
	return pk_keep_update(k, t, ret_reason);
}

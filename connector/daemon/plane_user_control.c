/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user-space data plane, control side: tunnels, SAs and counters. Each change is prepared here (device,
 * key schedule), done by the worker in one call, and what came out is freed here. So a failure leaves nothing
 * half done, and when a function returns, no packet is under way with what it removed.
 */
#include "connector/daemon/plane_user_internal.h"
#include "esp/tos.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(((struct plane_sa *)0)->ts_local) / sizeof(struct plane_ts) == ESP_MAX_TS,
    "a plane_sa holds what an esp_sa can");

static int explain_tun(struct reason *r, int err, const char *name)
{
	if (err == -EEXIST)
		return reason_set(r, "interface-exists",
		    "interface %s exists and belongs to another program; remove it ('ip link del %s') or "
		    "give the "
		    "tunnel another \"interface\"",
		    name, name);
	if (err == -EPERM || err == -EACCES)
		return reason_set(r, "interface-not-permitted",
		    "interface %s can't be created: %s; causewayd needs CAP_NET_ADMIN", name, strerror(-err));
	if (err == -ENOENT || err == -ENODEV)
		return reason_set(r, "interface-no-tun",
		    "interface %s can't be created: /dev/net/tun is missing; load the kernel's tun module",
		    name);
	return reason_set(r, "interface-failed", "interface %s can't be created: %s", name, strerror(-err));
}

struct tunnel_call {
	struct pu_tunnel *tunnel;
	uint32_t id;
	int err;
};

static void link_tunnel(struct pu_worker *w, void *arg)
{
	struct tunnel_call *c = arg;

	c->err = pu_tunnel_link(w, c->tunnel);
	if (c->err)
		return;
	c->err = pu_worker_watch(w, c->tunnel->tun.fd, &c->tunnel->source);
	if (c->err)
		pu_tunnel_unlink(w, c->tunnel);
}

static int tunnel_add(
    struct plane_impl *i, const struct plane_tunnel *t, int *ret_ifindex, struct reason *ret_reason)
{
	struct plane_user *p = plane_user_of(i);
	struct tunnel_call c = { .tunnel = calloc(1, sizeof(*c.tunnel)) };

	if (!c.tunnel)
		return reason_set(ret_reason, "no-memory", "no memory for interface %s", t->interface);
	list_init(&c.tunnel->sas_in);
	list_init(&c.tunnel->sas_out);
	c.tunnel->id = t->id;
	c.tunnel->source = (struct pu_source){ .kind = PU_SOURCE_TUN, .tunnel = c.tunnel };
	c.err = tun_open(p->domain, t->interface, t->mtu, &c.tunnel->tun);
	if (c.err) {
		free(c.tunnel);
		return explain_tun(ret_reason, c.err, t->interface);
	}
	pu_call(p, link_tunnel, &c);
	if (c.err) {
		tun_close(&c.tunnel->tun);
		free(c.tunnel);
		return explain_tun(ret_reason, c.err, t->interface);
	}
	*ret_ifindex = c.tunnel->tun.ifindex;
	return 0;
}

/* Takes the tunnel out with all its SAs, which stay on its lists for the control thread to free. */
static void unlink_tunnel(struct pu_worker *w, void *arg)
{
	struct tunnel_call *c = arg;
	struct pu_tunnel *t = pu_tunnel_find(w, c->id);

	c->tunnel = t;
	if (!t)
		return;
	list_for_each (&t->sas_in, struct pu_sa, sa, link) {
		pu_sa_unlink(w, sa);
		list_prepend(&t->sas_out, &sa->link);
	}
	pu_tunnel_unlink(w, t);
}

static void tunnel_del(struct plane_impl *i, uint32_t tunnel)
{
	struct plane_user *p = plane_user_of(i);
	struct tunnel_call c = { .id = tunnel };

	pu_call(p, unlink_tunnel, &c);
	if (!c.tunnel)
		return;
	list_for_each (&c.tunnel->sas_out, struct pu_sa, sa, link) {
		pu_sa_free(sa);
	}
	pu_keep_free(c.tunnel->keep);
	tun_close(&c.tunnel->tun); /* leaves the epoll set by itself */
	free(c.tunnel);
}

struct sa_call {
	struct pu_sa *sa;
	uint32_t tunnel, spi;
	bool inbound;
	int err;
};

static void copy_ts(struct esp_ts to[], const struct plane_ts from[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		to[i] = (struct esp_ts){ .first = from[i].first,
			.last = from[i].last,
			.protocol = from[i].protocol,
			.port_first = from[i].port_first,
			.port_last = from[i].port_last };
}

static struct pu_sa *sa_prepare(const struct plane_sa *from)
{
	struct esp_sa_params params = { .inbound = from->inbound,
		.spi = from->spi,
		.encr = from->encr,
		.encr_key_bits = from->encr_key_bits,
		.integ = from->integ,
		.esn = from->esn,
		.ignore_ecn = from->ignore_ecn,
		.encr_key = from->encr_key,
		.integ_key = from->integ_key,
		.n_ts_local = from->n_ts_local,
		.n_ts_remote = from->n_ts_remote };
	struct pu_sa *sa;

	if (from->n_ts_local > ESP_MAX_TS || from->n_ts_remote > ESP_MAX_TS)
		return NULL;
	copy_ts(params.ts_local, from->ts_local, from->n_ts_local);
	copy_ts(params.ts_remote, from->ts_remote, from->n_ts_remote);
	sa = calloc(1, sizeof(*sa));
	if (!sa)
		return NULL;
	sa->esp = esp_sa_new(&params);
	sa->inbound = from->inbound;
	sa->udp_encap = from->udp_encap;
	sa->df = from->df;
	sa->tos_mask = (uint8_t)((from->dscp_zero ? 0 : DSCP_MASK) | (from->ignore_ecn ? 0 : ECN_MASK));
	sa->tunnel_id = from->tunnel;
	sa->spi = from->spi;
	sa->local = from->local;
	sa->remote = from->remote;
	if (!sa->esp) {
		free(sa);
		return NULL;
	}
	return sa;
}

struct raw_call {
	struct udp_socket socket;
	enum pu_socket which;
	int err;
};

static void link_raw(struct pu_worker *w, void *arg)
{
	struct raw_call *c = arg;

	c->err = pu_worker_watch(w, c->socket.fd, &w->socket_sources[c->which]);
	if (!c->err)
		w->sockets[c->which] = c->socket;
}

/* Plain ESP needs a raw socket, which also sees the ESP of others: it is opened when the first SA asks for
 * it. */
static int need_raw(struct plane_user *p, uint8_t family, struct reason *r)
{
	struct raw_call c = { .which = family == 6 ? PU_RAW6 : PU_RAW4 };

	if (p->raw_open[family == 6])
		return 0;
	c.err = udp_open_raw(p->domain, family, ESP_PROTO_ESP, &c.socket);
	if (!c.err) {
		pu_call(p, link_raw, &c);
		if (c.err)
			udp_close(&c.socket);
	}
	if (c.err)
		return reason_set(r, "socket-failed",
		    "a raw socket for ESP (IP protocol %d, IPv%u) can't be opened: %s%s", ESP_PROTO_ESP,
		    family, strerror(-c.err),
		    c.err == -EPERM || c.err == -EACCES ? "; causewayd needs CAP_NET_RAW" : "");
	p->raw_open[family == 6] = true;
	return 0;
}

static void link_sa(struct pu_worker *w, void *arg)
{
	struct sa_call *c = arg;

	c->err = pu_sa_link(w, c->sa);
	if (c->err || c->sa->inbound)
		return;
	w->next_keepalive = w->now; /* look again who needs one */
	pu_send_kept(w, c->sa->tunnel);
}

static int sa_add(struct plane_impl *i, const struct plane_sa *sa, struct reason *ret_reason)
{
	struct plane_user *p = plane_user_of(i);
	struct sa_call c = { 0 };

	if (!sa->udp_encap && need_raw(p, sa->remote.addr.family, ret_reason) < 0)
		return -1;
	c.sa = sa_prepare(sa);
	if (!c.sa)
		return reason_set(ret_reason, "esp-unsupported",
		    "SA %08x: encryption %d with %u bits and integrity %d can't be used together, or memory "
		    "is out",
		    sa->spi, (int)sa->encr, sa->encr_key_bits, (int)sa->integ);
	pu_call(p, link_sa, &c);
	if (!c.err)
		return 0;
	pu_sa_free(c.sa);
	if (c.err == -EEXIST)
		return reason_set(ret_reason, "spi-in-use", "SPI %08x is in use by another SA", sa->spi);
	return reason_set(ret_reason, "no-such-tunnel", "SA %08x is for tunnel %u, which does not exist",
	    sa->spi, sa->tunnel);
}

static void unlink_sa(struct pu_worker *w, void *arg)
{
	struct sa_call *c = arg;

	c->sa = pu_sa_find(w, c->tunnel, c->inbound, c->spi);
	if (c->sa)
		pu_sa_unlink(w, c->sa);
}

static void sa_del(struct plane_impl *i, uint32_t tunnel, bool inbound, uint32_t spi)
{
	struct plane_user *p = plane_user_of(i);
	struct sa_call c = { .tunnel = tunnel, .inbound = inbound, .spi = spi };

	pu_call(p, unlink_sa, &c);
	pu_sa_free(c.sa);
}

static void use_sa(struct pu_worker *w, void *arg)
{
	struct sa_call *c = arg;

	pu_sa_use(pu_sa_find(w, c->tunnel, false, c->spi));
}

static void sa_use(struct plane_impl *i, uint32_t tunnel, uint32_t spi)
{
	struct plane_user *p = plane_user_of(i);
	struct sa_call c = { .tunnel = tunnel, .spi = spi };

	pu_call(p, use_sa, &c);
}

struct remote_call {
	uint32_t tunnel;
	const struct endpoint *local, *remote;
	bool udp_encap;
};

static void set_remote(struct pu_worker *w, void *arg)
{
	struct remote_call *c = arg;
	struct pu_tunnel *t = pu_tunnel_find(w, c->tunnel);

	if (!t)
		return;
	for (unsigned dir = 0; dir < 2; dir++)
		list_for_each (dir ? &t->sas_out : &t->sas_in, struct pu_sa, sa, link) {
			sa->local = *c->local;
			sa->remote = *c->remote;
			sa->udp_encap = c->udp_encap;
			sa->moved_reported = (struct endpoint){ 0 };
		}
}

static void remote_update(struct plane_impl *i, uint32_t tunnel, const struct endpoint *local,
    const struct endpoint *remote, bool udp_encap)
{
	struct plane_user *p = plane_user_of(i);
	struct remote_call c = { tunnel, local, remote, udp_encap };

	pu_call(p, set_remote, &c);
}

struct mtu_call {
	uint32_t tunnel, mtu;
};

static void set_outer_mtu(struct pu_worker *w, void *arg)
{
	struct mtu_call *c = arg;
	struct pu_tunnel *t = pu_tunnel_find(w, c->tunnel);

	if (t)
		t->outer_mtu = c->mtu;
}

static void outer_mtu(struct plane_impl *i, uint32_t tunnel, uint32_t mtu)
{
	struct plane_user *p = plane_user_of(i);
	struct mtu_call c = { tunnel, mtu };

	pu_call(p, set_outer_mtu, &c);
}

struct keepalive_call {
	uint32_t tunnel;
	bool on;
};

static void set_keepalive(struct pu_worker *w, void *arg)
{
	struct keepalive_call *c = arg;
	struct pu_tunnel *t = pu_tunnel_find(w, c->tunnel);

	if (!t)
		return;
	t->keepalive = c->on;
	w->next_keepalive = w->now;
}

static void keepalive(struct plane_impl *i, uint32_t tunnel, bool on)
{
	struct plane_user *p = plane_user_of(i);
	struct keepalive_call c = { tunnel, on };

	pu_call(p, set_keepalive, &c);
}

struct trigger_call {
	uint32_t tunnel;
	struct pu_keep *keep; /* goes in, the old one comes out */
};

static void set_trigger(struct pu_worker *w, void *arg)
{
	struct trigger_call *c = arg;
	struct pu_tunnel *t = pu_tunnel_find(w, c->tunnel);
	struct pu_keep *old;

	if (!t)
		return;
	old = t->keep;
	t->keep = c->keep;
	c->keep = old;
	if (old)
		t->counters.drops[PLANE_DROP_NO_SA] += old->n;
}

static int trigger(struct plane_impl *i, uint32_t tunnel, bool on)
{
	struct plane_user *p = plane_user_of(i);
	struct trigger_call c = { .tunnel = tunnel };

	if (on && !(c.keep = pu_keep_new()))
		return -1;
	pu_call(p, set_trigger, &c);
	pu_keep_free(c.keep);
	return 0;
}

struct read_call {
	struct plane_reading *reading;
	size_t n;
};

static void read_counters(struct pu_worker *w, void *arg)
{
	const struct read_call *c = arg;

	for (size_t i = 0; i < c->n; i++) {
		struct plane_reading *r = &c->reading[i];
		const struct pu_tunnel *t = r->of == PLANE_OF_TUNNEL ? pu_tunnel_find(w, r->tunnel) : NULL;
		const struct pu_sa *sa = r->of == PLANE_OF_TUNNEL
		                             ? NULL
		                             : pu_sa_find(w, r->tunnel, r->of == PLANE_OF_SA_IN, r->spi);

		r->found = t || sa;
		if (r->found)
			r->counters = sa ? sa->counters : t->counters;
	}
}

static void read_many(struct plane_impl *i, struct plane_reading reading[], size_t n)
{
	struct read_call c = { reading, n };

	pu_call(plane_user_of(i), read_counters, &c);
}

static void read_stray(struct pu_worker *w, void *arg)
{
	*(struct plane_counters *)arg = w->stray;
}

void plane_user_stray_counters(struct plane_user *p, struct plane_counters *ret_counters)
{
	pu_call(p, read_stray, ret_counters);
}

const struct plane_ops plane_user_ops = { .tunnel_add = tunnel_add,
	.tunnel_del = tunnel_del,
	.sa_add = sa_add,
	.sa_del = sa_del,
	.sa_use = sa_use,
	.remote_update = remote_update,
	.trigger = trigger,
	.keepalive = keepalive,
	.outer_mtu = outer_mtu,
	.read = read_many };

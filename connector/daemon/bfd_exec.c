/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which BFD sessions there should be is read off the tunnels and LAN peers again and again, not kept by
 * events: whatever starts or stops a BGP peer (a command, a reload, a tunnel that falls) needs to know
 * nothing of BFD. Tunnels are looked at in each pump, so that a session leaves before its interface does; LAN
 * peers once a second.
 *
 * A session of a tunnel is bound to its interface: its packets can't leave in clear when the routes have
 * gone. What BFD finds ends the BGP session; that one is then started again by BGP's own rules.
 */
#include "connector/daemon/bfd_exec.h"

#include "connector/daemon/bfd_thread.h"
#include "connector/daemon/tunnel.h"
#include "connector/daemon/tunnel_if.h"
#include "connector/sys/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN     mdur_s(10) /* until one that was refused is tried again */
#define LAN_PAUSE mdur_s(1)

struct bfd_peer {
	struct list node; /* domain.bfd_peers */
	uint32_t id;
	bool wanted; /* mark of the look under way */
	bool runs;
	bool up; /* as last told */
	struct bfd_config config;
	struct reason refused; /* while it does not run */
	mtime again;
};

static struct bfd_peer *find(const struct domain *d, uint32_t id)
{
	list_for_each (&d->bfd_peers, struct bfd_peer, p, node)
		if (p->id == id)
			return p;
	return NULL;
}

/* --- what BFD found --- */
static void changed(void *ctx, uint32_t id, const struct bfd_change *c)
{
	struct domain *d = ctx;
	bool fault = c->fell && !c->admin;
	struct bfd_peer *p = find(d, id);

	if (p) /* AdminDown is no fault of the path: who has a session by then keeps it */
		p->up = c->state == BFD_UP || (p->up && !fault);

	if (fault)
		log_warn(d->log, domain_peer_name(d, id), "BFD down: %s: %s", c->why.id, c->why.text);
	else if (c->fell)
		log_info(d->log, domain_peer_name(d, id), "BFD down: %s: %s", c->why.id, c->why.text);
	if (c->state == BFD_UP)
		log_info(d->log, domain_peer_name(d, id), "BFD up");
	if (fault && d->bgp)
		bgp_peer_bfd_down(d->bgp, id, c->independent, &c->why, clock_now());
}

static void on_bfd(void *ctx, int fd, unsigned what)
{
	struct domain *d = ctx;

	(void)fd;
	(void)what;
	bfd_thread_dispatch(d->bfd, changed, d);
	domain_pump(d);
}

/* The thread is there from the first session on. */
static int thread_up(struct domain *d, struct reason *ret_reason)
{
	if (d->bfd)
		return 0;
	d->bfd = bfd_thread_new(&d->sys, d->log);
	if (d->bfd)
		d->bfd_watch = loop_watch_new(d->loop, bfd_thread_fd(d->bfd), LOOP_READ, on_bfd, d);
	if (d->bfd_watch)
		loop_watch_class(d->bfd_watch, LOOP_URGENT); /* a path that has broken */
	if (d->bfd_watch)
		return 0;
	bfd_thread_free(d->bfd);
	d->bfd = NULL;
	return reason_set(ret_reason, "bfd-out-of-memory", "out of memory, threads or descriptors for BFD");
}

/* --- what there should be --- */
static void drop(struct domain *d, struct bfd_peer *p)
{
	if (p->runs)
		bfd_thread_drop(d->bfd, p->id);
	list_remove(&p->node);
	free(p);
}

static bool same_path(const struct bfd_config *a, const struct bfd_config *b)
{
	return addr_eq(&a->local, &b->local) && addr_eq(&a->remote, &b->remote) && a->multihop == b->multihop;
}

static void set(
    struct domain *d, struct bfd_peer *p, const struct bfd_config *c, const char *interface, mtime now)
{
	struct reason why = { 0 };

	if (p->runs && !same_path(&p->config, c)) {
		bfd_thread_drop(d->bfd, p->id);
		p->runs = p->up = false;
	}
	p->config = *c;
	if (!thread_up(d, &why) && !bfd_thread_set(d->bfd, p->id, c, interface, &why)) {
		p->runs = true;
		reason_clear(&p->refused);
		return;
	}
	if (strcmp(p->refused.text, why.text) != 0)
		log_error(d->log, c->name, "%s: %s", why.id, why.text);
	p->refused = why;
	p->again = mtime_add(now, AGAIN);
}

static void want(struct domain *d, uint32_t id, const char *name, const struct cfg_bgp *b, int ifindex,
    const char *interface, mtime now)
{
	struct bfd_peer *p = find(d, id);
	struct bfd_config c;

	memset(&c, 0, sizeof(c)); /* compared byte by byte */
	snprintf(c.name, sizeof(c.name), "%s", name);
	c.local = b->local;
	c.remote = b->peer;
	c.multihop = b->bfd.multihop;
	c.ifindex = ifindex;
	c.min_tx = b->bfd.min_tx;
	c.min_rx = b->bfd.min_rx;
	c.multiplier = b->bfd.multiplier;
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return; /* the next look tries again */
		p->id = id;
		list_append(&d->bfd_peers, &p->node);
		set(d, p, &c, interface, now);
	} else if (memcmp(&p->config, &c, sizeof(c)) != 0 ||
	           (reason_is_set(&p->refused) && mtime_reached(p->again, now))) {
		set(d, p, &c, interface, now);
	}
	p->wanted = true;
	if (b->bfd.strict && p->up) /* again and again: the core may be a new one */
		bgp_peer_bfd_up(d->bgp, id, now);
}

static bool tunnel_wants(const struct domain *d, const struct tunnel *t)
{
	return d->bgp && !d->stopping && t->cfg->have_bgp && t->cfg->bgp.bfd.enabled && t->bgp_started &&
	       !t->retiring && t->ifindex;
}

static bool lan_wants(const struct domain *d, const struct cfg_peer *cfg, uint32_t id)
{
	return d->bgp && !d->stopping && cfg->bgp.bfd.enabled && bgp_peer_started(d->bgp, id);
}

static void look_at_lan(struct domain *d, bool drops, mtime now)
{
	const struct cfg *cfg = d->config ? d->config->cfg : NULL;

	for (size_t i = 0; cfg && i < cfg->n_peer; i++) {
		const struct lan_peer *l =
		    cfg->peer[i].bgp.bfd.enabled ? domain_lan_peer_by_name(d, cfg->peer[i].name) : NULL;
		struct bfd_peer *p = l ? find(d, l->id) : NULL;

		if (!l || !lan_wants(d, &cfg->peer[i], l->id))
			continue;
		if (!drops)
			want(d, l->id, l->name, &cfg->peer[i].bgp, 0, "", now);
		else if (p)
			p->wanted = true;
	}
}

/* Those that go leave first: one that comes may have their addresses. */
void bfd_exec_look(struct domain *d, mtime now)
{
	bool lan = d->stopping || mtime_reached(d->bfd_lan_at, now);

	if (lan)
		d->bfd_lan_at = mtime_add(now, LAN_PAUSE);
	list_for_each (&d->bfd_peers, struct bfd_peer, p, node) {
		const struct tunnel *t = domain_tunnel_by_id(d, p->id);

		p->wanted = t ? tunnel_wants(d, t) : !lan;
	}
	if (lan && !list_empty(&d->bfd_peers))
		look_at_lan(d, true, now);
	list_for_each (&d->bfd_peers, struct bfd_peer, p, node)
		if (!p->wanted)
			drop(d, p);
	list_for_each (&d->tunnels, struct tunnel, t, node)
		if (tunnel_wants(d, t))
			want(d, t->id, t->name, &t->cfg->bgp, t->ifindex, t->interface, now);
	if (lan)
		look_at_lan(d, false, now);
}

void bfd_exec_close(struct domain *d)
{
	list_for_each (&d->bfd_peers, struct bfd_peer, p, node)
		drop(d, p);
	loop_watch_free(d->bfd_watch);
	d->bfd_watch = NULL;
	bfd_thread_free(d->bfd);
	d->bfd = NULL;
}

/* --- for people --- */
static uint32_t ms(mdur d)
{
	return (uint32_t)mdur_to_ms(d);
}

void bfd_exec_view(const struct domain *d, uint32_t id, const struct cfg_bfd *cfg, struct view_bfd *ret_view)
{
	const struct bfd_peer *p = find(d, id);
	struct bfd_view v;

	memset(ret_view, 0, sizeof(*ret_view));
	if (!cfg->enabled)
		return;
	ret_view->enabled = true;
	ret_view->multihop = cfg->multihop;
	ret_view->min_tx = ms(cfg->min_tx);
	ret_view->min_rx = ms(cfg->min_rx);
	ret_view->multiplier = cfg->multiplier;
	ret_view->state = bfd_state_name(BFD_ADMIN_DOWN);
	ret_view->remote_state = bfd_state_name(BFD_DOWN);
	ret_view->diagnostic = ret_view->remote_diagnostic = bfd_diag_name(BFD_DIAG_NONE);
	if (p)
		ret_view->error = p->refused;
	if (!p || !p->runs || bfd_thread_view(d->bfd, id, &v) < 0)
		return;
	ret_view->state = bfd_state_name(v.state);
	ret_view->remote_state = bfd_state_name(v.remote_state);
	ret_view->diagnostic = bfd_diag_name(v.diag);
	ret_view->remote_diagnostic = bfd_diag_name(v.remote_diag);
	ret_view->age = (uint64_t)mdur_to_s(mtime_since(clock_now(), v.since));
	ret_view->tx_interval = ms(v.tx_interval);
	ret_view->detection = ms(v.detection);
	ret_view->remote_min_tx = ms(v.remote_min_tx);
	ret_view->remote_min_rx = ms(v.remote_min_rx);
	ret_view->remote_multiplier = v.remote_multiplier;
	ret_view->local_discr = v.local_discr;
	ret_view->remote_discr = v.remote_discr;
	ret_view->packets_in = v.packets_in;
	ret_view->packets_out = v.packets_out;
	ret_view->discarded = v.discarded;
	ret_view->last_discard = v.last_discard ? bfd_verdict_text(v.last_discard) : NULL;
	ret_view->ups = v.ups;
	ret_view->downs = v.downs;
}

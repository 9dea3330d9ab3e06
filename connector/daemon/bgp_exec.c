/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BGP core's hands. A link is one TCP connection of the core's; it is found by the core's number and dies
 * with the core's CLOSE or with the connection, whichever comes first.
 */
#include "connector/daemon/bgp_exec.h"

#include "bgp/wire.h"
#include "connector/daemon/bgp_tap.h"
#include "connector/daemon/bgp_transport.h"
#include "connector/daemon/nexthop.h"
#include "connector/daemon/routes.h"
#include "connector/sys/clock.h"
#include "connector/sys/tcp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BGP_PORT 179
#define TYPE_AT  (BGP_HEADER_LEN - 1) /* of a message's type */

struct bgp_link {
	struct list node; /* domain.links */
	struct domain *domain;
	uint64_t conn;
	uint32_t peer;             /* the core's; 0: accepted, see remote */
	struct addr local, remote; /* of one accepted; its listener may go before it does */
	struct tcp_conn *tcp;
	bool opened; /* until then, its end is a failed attempt */
};

static struct bgp_link *link_by_conn(const struct domain *d, uint64_t conn)
{
	list_for_each (&d->links, struct bgp_link, l, node)
		if (l->conn == conn)
			return l;
	return NULL;
}

const struct cfg_bgp *bgp_exec_config_of(const struct domain *d, uint32_t id)
{
	const struct tunnel *t = domain_tunnel_by_id(d, id);
	const struct cfg_peer *p = d->config ? cfg_find_peer(d->config->cfg, domain_peer_name(d, id)) : NULL;

	return t && t->cfg->have_bgp ? &t->cfg->bgp : p ? &p->bgp : NULL;
}

static bool link_of(
    const struct bgp_link *l, uint32_t peer, const struct addr *local, const struct addr *remote)
{
	return l->peer ? l->peer == peer : addr_eq(&l->remote, remote) && addr_eq(&l->local, local);
}

void bgp_exec_queues(const struct domain *d, uint32_t peer, const struct addr *local,
    const struct addr *remote, size_t *ret_in, size_t *ret_out)
{
	size_t in, out;

	*ret_in = *ret_out = 0;
	list_for_each (&d->links, const struct bgp_link, l, node) {
		if (!l->tcp || !link_of(l, peer, local, remote))
			continue;
		tcp_conn_queues(l->tcp, &in, &out);
		*ret_in += in;
		*ret_out += out;
	}
}

static void link_free(struct bgp_link *l)
{
	list_remove(&l->node);
	tcp_conn_free(l->tcp);
	free(l);
}

static void on_opened(void *ctx, const struct endpoint *local)
{
	struct bgp_link *l = ctx;
	struct domain *d = l->domain;

	l->opened = true;
	bgp_conn_opened(d->bgp, l->conn, &local->addr, clock_now());
	domain_pump(d);
}

static void on_input(void *ctx, const uint8_t *data, size_t len)
{
	struct bgp_link *l = ctx;
	struct domain *d = l->domain;

	bgp_conn_input(d->bgp, l->conn, data, len, clock_now());
	domain_pump(d);
}

static void on_closed(void *ctx, const char *error)
{
	struct bgp_link *l = ctx;
	struct domain *d = l->domain;
	uint64_t conn = l->conn;

	bool opened = l->opened;

	link_free(l);
	if (opened)
		bgp_conn_closed(d->bgp, conn, error, clock_now());
	else
		bgp_conn_failed(d->bgp, conn, error ? error : "closed", clock_now());
	domain_pump(d);
}

static void on_writable(void *ctx, size_t room)
{
	struct bgp_link *l = ctx;
	struct domain *d = l->domain;

	bgp_conn_writable(d->bgp, l->conn, room, clock_now());
	domain_pump(d);
}

static const struct tcp_conn_events link_events = {
	.opened = on_opened, .input = on_input, .closed = on_closed, .writable = on_writable
};

static struct bgp_link *link_new(struct domain *d, uint64_t conn)
{
	struct bgp_link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->domain = d;
	l->conn = conn;
	list_append(&d->links, &l->node);
	return l;
}

static void exec_connect(struct domain *d, const struct bgp_action *a, mtime now)
{
	struct endpoint local = { .addr = a->connect.local },
	                remote = { .addr = a->connect.remote, .port = BGP_PORT };
	struct bgp_link *l = link_new(d, a->connect.conn);
	struct tcp_options options;
	struct reason why = { 0 };

	(void)bgp_transport_of(d, a->peer, &options);
	if (l)
		l->peer = a->peer;
	if (l)
		l->tcp = tcp_connect(d->loop, &d->sys, &local, &remote, &options, &link_events, l, &why);
	if (l && l->tcp)
		return;
	if (l) {
		list_remove(&l->node);
		free(l);
	}
	bgp_conn_failed(d->bgp, a->connect.conn, why.text[0] ? why.text : "out of memory", now);
}

static void on_accepted(void *ctx, int fd, const struct endpoint *local, const struct endpoint *remote)
{
	struct bgp_listener *listener = ctx;
	struct domain *d = listener->domain;
	mtime now = clock_now();
	struct tcp_options options;
	struct reason why = { 0 };
	bool known = d->bgp && !d->stopping && bgp_transport_accepts(d, listener, &remote->addr, &options);
	uint64_t conn = known ? bgp_conn_incoming(d->bgp, &local->addr, &remote->addr, now) : 0;
	struct bgp_link *l;

	if (!conn) {
		log_debug(d->log, "bgp", "connection from %s to %s refused: no peer waits for it",
		    endpoint_str(remote), addr_str(&local->addr));
		close(fd);
		return;
	}
	l = link_new(d, conn);
	if (l) {
		l->opened = true;
		l->local = local->addr;
		l->remote = remote->addr;
		l->tcp = tcp_adopt(d->loop, fd, &options, &link_events, l, &why);
	}
	if (!l || !l->tcp) {
		if (l) {
			list_remove(&l->node);
			free(l);
		}
		close(fd);
		bgp_conn_closed(d->bgp, conn, why.text[0] ? why.text : "out of memory", now);
	}
	domain_pump(d);
}

/*
 * A session of a tunnel ends in its tunnel: once the host route to the peer is gone, the kernel would send
 * what it still has to send (a FIN, unacknowledged updates) along the default route, in clear. Held to the
 * interface it waits there, and arrives when the tunnel is back. Not earlier: after a crash, the FIN of the
 * old socket is what tells the peer, by the next start's interface.
 */
static void exec_close(struct domain *d, const struct bgp_action *a)
{
	struct bgp_link *l = link_by_conn(d, a->close_conn);
	const struct tunnel *t = domain_tunnel_by_id(d, a->peer);

	if (!l)
		return;
	if (t && t->ifindex && tcp_conn_bind(l->tcp, t->interface))
		log_warn(d->log, t->name, "its BGP connection can't be held to %s: %s", t->interface,
		    strerror(errno));
	link_free(l);
}

void bgp_exec_links_apply(struct domain *d)
{
	list_for_each (&d->links, struct bgp_link, l, node) {
		struct tcp_options options = { 0 };
		struct reason why = { 0 };
		bool known = l->peer ? bgp_transport_of(d, l->peer, &options)
		                     : bgp_transport_between(d, &l->local, &l->remote, &options);

		if (known && tcp_conn_options(l->tcp, &options, &why))
			log_error(d->log, domain_peer_name(d, l->peer), "%s: %s", why.id, why.text);
	}
}

/* The control thread may have been busy: what the peer said meanwhile lies in the socket. */
static void exec_read(struct domain *d, const struct bgp_action *a)
{
	uint64_t conn = a->read_conn;
	struct bgp_link *l = link_by_conn(d, conn);

	if (l)
		tcp_conn_read(l->tcp);
	bgp_conn_read_done(d->bgp, conn, clock_now());
}

static void exec_send(struct domain *d, const struct bgp_action *a, mtime now)
{
	struct bgp_link *l = link_by_conn(d, a->send.conn);
	struct endpoint local = { 0 }, remote = { 0 };

	if (l && a->send.len > TYPE_AT && a->send.data[TYPE_AT] == BGP_MSG_OPEN)
		tcp_conn_ends(l->tcp, &local, &remote);
	bgp_tap_sent(d->tap, a->peer, a->send.conn, &local, &remote, a->send.data, a->send.len);
	if (!l || !tcp_send(l->tcp, a->send.data, a->send.len))
		return;
	link_free(l);
	bgp_conn_closed(d->bgp, a->send.conn, "the connection takes no more data", now);
}

/* Does it restart gracefully, so that its routes stay? */
static bool routes_are_held(const struct domain *d, uint32_t peer)
{
	struct bgp_peer_view v;

	return !bgp_peer_view(d->bgp, peer, &v) && v.session.holding;
}

void bgp_exec_lan_way_good(struct domain *d, struct lan_peer *p)
{
	if (p->lost.ifindex)
		fib_writer_way_is(d->fib, p->lost.ifindex, &p->lost.via, FIB_WAY_GOOD);
	p->lost = (struct fib_way){ 0 };
}

/* When a neighbour's session ends, what goes by itself leaves it before BGP has withdrawn a single route. */
static void lan_state(struct domain *d, struct lan_peer *p, enum bgp_state state)
{
	bool was_up = p->state == BGP_ESTABLISHED, up = state == BGP_ESTABLISHED;

	p->state = state;
	if (up)
		bgp_exec_lan_way_good(d, p);
	if (was_up && !up && !routes_are_held(d, p->id) && nexthop_neighbour(d, &p->address, &p->lost))
		fib_writer_way_is(d->fib, p->lost.ifindex, &p->lost.via, FIB_WAY_LOST);
}

static void exec_state(struct domain *d, const struct bgp_action *a)
{
	struct tunnel *t = domain_tunnel_by_id(d, a->peer);
	const char *why = a->state.why.text;

	if (a->state.state == BGP_ESTABLISHED || a->state.state == BGP_IDLE)
		log_info(d->log, domain_peer_name(d, a->peer), "BGP %s%s%s", bgp_state_name(a->state.state),
		    why[0] ? ": " : "", why);
	if (t)
		tunnel_bgp_state(t, a->state.state, &a->state.why);
	list_for_each (&d->lan_peers, struct lan_peer, p, node)
		if (p->id == a->peer)
			lan_state(d, p, a->state.state);
}

static void exec_eor(struct domain *d, const struct bgp_action *a)
{
	struct tunnel *t = domain_tunnel_by_id(d, a->peer);
	struct bgp_peer_view v;

	/* Complete when every negotiated family has said so. */
	if (t && !bgp_peer_view(d->bgp, a->peer, &v) && (!v.ipv4 || v.eor_in[0]) && (!v.ipv6 || v.eor_in[1]))
		t->facts.complete = true;
}

static void exec_report(struct domain *d, const struct bgp_action *a)
{
	struct tunnel *t = domain_tunnel_by_id(d, a->peer);

	if (!a->report.error) {
		log_info(
		    d->log, domain_peer_name(d, a->peer), "%s: %s", a->report.why.id, a->report.why.text);
		return;
	}
	log_error(d->log, domain_peer_name(d, a->peer), "%s: %s", a->report.why.id, a->report.why.text);
	if (t)
		t->error = a->report.why;
}

static void exec_route(struct domain *d, const struct bgp_action *a, mtime now)
{
	const struct routes_best best = { .prefix = a->route.prefix,
		.path = a->route.path,
		.n = a->route.n,
		.backup = a->route.n && a->route.have_backup ? &a->route.backup : NULL };

	routes_learned(d, &best, now);
}

bool bgp_exec_one(struct domain *d, mtime now)
{
	static _Thread_local struct bgp_action a;

	if (!d->bgp || !bgp_next_action(d->bgp, &a))
		return false;
	switch (a.kind) {
	case BGP_ACT_CONNECT: exec_connect(d, &a, now); break;
	case BGP_ACT_SEND: exec_send(d, &a, now); break;
	case BGP_ACT_CLOSE:
		exec_close(d, &a);
		bgp_tap_closed(d->tap, a.peer, a.close_conn);
		break;
	case BGP_ACT_READ: exec_read(d, &a); break;
	case BGP_ACT_MESSAGE: bgp_tap_received(d->tap, &a); break;
	case BGP_ACT_ROUTE:
		bgp_tap_best(d->tap, &a.route.prefix, a.route.path, a.route.n);
		exec_route(d, &a, now);
		break;
	case BGP_ACT_STATE:
		bgp_tap_state(d->tap, &a);
		exec_state(d, &a);
		break;
	case BGP_ACT_EOR: exec_eor(d, &a); break;
	case BGP_ACT_REPORT: exec_report(d, &a); break;
	}
	return true;
}

static enum bgp_mode mode_of(enum cfg_bgp_mode m)
{
	switch (m) {
	case CFG_BGP_BOTH: return BGP_MODE_BOTH;
	case CFG_BGP_ACTIVE: return BGP_MODE_ACTIVE;
	case CFG_BGP_PASSIVE: return BGP_MODE_PASSIVE;
	}
	return BGP_MODE_BOTH;
}

static enum bgp_restart_mode restart_of(enum cfg_restart r)
{
	switch (r) {
	case CFG_RESTART_HELPER: return BGP_RESTART_HELPER;
	case CFG_RESTART_FULL: return BGP_RESTART_FULL;
	case CFG_RESTART_OFF: return BGP_RESTART_OFF;
	}
	return BGP_RESTART_HELPER;
}

static struct bgp_session_config session_config(const struct cfg_session *s)
{
	return (struct bgp_session_config){ .restart = restart_of(s->restart),
		.restart_time = s->restart_time,
		.stale_time = s->stale_time,
		.extended_messages = s->extended_messages,
		.send_hold = s->send_hold,
		.password = s->password.len > 0,
		.role = (enum bgp_role)s->role,
		.strict_role = s->role_strict };
}

static void common_config(const char *name, const struct cfg_bgp *b, struct bgp_peer_config *c)
{
	memset(c, 0, sizeof(*c));
	snprintf(c->name, sizeof(c->name), "%.*s", (int)sizeof(c->name) - 1, name);
	c->local = b->local;
	c->remote = b->peer;
	c->peer_as = b->peer_as;
	c->mode = mode_of(b->mode);
	c->hold_time = b->hold_time;
	c->keepalive = b->keepalive;
	c->connect_retry = b->connect_retry;
	c->ipv4 = true;
	c->ipv6 = b->peer.family == 6 || !addr_is_none(&b->nexthop_v6);
	c->nexthop_v4 = b->nexthop_v4;
	c->nexthop_v6 = b->nexthop_v6;
	c->max_prefixes = b->max_prefixes;
	c->limits = (struct bgp_limits){ .action = b->limits.action == CFG_LIMIT_RESET     ? BGP_LIMIT_RESET
		                                   : b->limits.action == CFG_LIMIT_DISCARD ? BGP_LIMIT_DISCARD
		                                                                           : BGP_LIMIT_WARN,
		.warn_percent = b->limits.warn_percent,
		.restart = b->limits.restart,
		.max_out = b->max_prefixes_out };
	c->accept_default = b->accept_default;
	c->session = session_config(&b->session);
	c->session.strict_bfd = b->bfd.strict;
	c->damping = (struct bgp_damping_config){ .on = b->session.damping.enabled,
		.half_life = b->session.damping.half_life,
		.reuse = b->session.damping.reuse,
		.suppress = b->session.damping.suppress,
		.max_suppress = b->session.damping.max_suppress };
	c->rib = (struct bgp_rib_config){ .multipath_weight = b->rib.multipath_weight,
		.add_path_receive = b->rib.add_path_receive,
		.reflector_client = b->rib.reflector_client };
	c->policy =
	    (struct bgp_peer_policy){ .import = b->policy.import, /* the core takes references of its own */
		    .export = b->policy.export,
		    .allow_own_as = b->policy.allow_own_as,
		    .remove_private_as = b->policy.remove_private_as,
		    .as_override = b->policy.as_override };
}

void bgp_exec_tunnel_config(const struct domain *d, const struct tunnel *t, struct bgp_peer_config *c)
{
	common_config(t->name, &t->cfg->bgp, c);
	c->kind = BGP_PEER_SITE;
	c->site = t->site_id;
	for (unsigned i = 0; i < t->cfg->n_inside;
	     i++) { /* the addresses by which we are a next hop in either family */
		if (t->cfg->inside[i].addr.family == 6) {
			c->ipv6 = true;
			if (addr_is_none(&t->cfg->bgp.nexthop_v6))
				c->nexthop_v6 = t->cfg->inside[i].addr;
		} else if (addr_is_none(&t->cfg->bgp.nexthop_v4)) {
			c->nexthop_v4 = t->cfg->inside[i].addr;
		}
	}
	for (size_t i = 0; i < t->site->n_announce_from && c->n_announce_from < 32; i++) {
		const struct lan_peer *p = domain_lan_peer_by_name(d, t->site->announce_from[i]);

		if (p)
			c->announce_from[c->n_announce_from++] = p->id;
	}
}

void bgp_exec_lan_config(const struct cfg_peer *peer, struct bgp_peer_config *c)
{
	common_config(peer->name, &peer->bgp, c);
	c->kind = BGP_PEER_LAN;
	c->transit = peer->transit;
}

int bgp_exec_listen(struct domain *d, const struct addr *local, bool *ret_created, struct reason *ret_reason)
{
	struct endpoint ep = { .addr = *local, .port = BGP_PORT };
	struct bgp_listener *l;

	*ret_created = false;
	list_for_each (&d->listeners, struct bgp_listener, have, node)
		if (addr_eq(&have->local, local)) {
			have->wanted = true;
			return 0;
		}
	l = calloc(1, sizeof(*l));
	if (!l)
		return reason_set(ret_reason, "no-memory", "out of memory");
	*l = (struct bgp_listener){ .domain = d, .local = *local, .wanted = true };
	l->tcp = tcp_listen(d->loop, &d->sys, &ep, on_accepted, l, ret_reason);
	if (!l->tcp) {
		free(l);
		return -1;
	}
	list_append(&d->listeners, &l->node);
	*ret_created = true;
	return 0;
}

void bgp_exec_listener_free(struct bgp_listener *l)
{
	list_remove(&l->node);
	tcp_listener_free(l->tcp);
	bgp_transport_listener_free(l);
	free(l);
}

void bgp_exec_drop_links(struct domain *d)
{
	list_for_each (&d->links, struct bgp_link, l, node)
		link_free(l);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* From the domain's objects to typed views: copies only, no decisions beyond a site's overall state. */
#include "connector/daemon/views.h"

#include "connector/daemon/bfd_exec.h"
#include "connector/daemon/bgp_command.h"
#include "connector/daemon/bgp_dump.h"
#include "connector/daemon/bgp_exec.h"
#include "connector/daemon/bgp_tap.h"
#include "connector/daemon/certificate.h"
#include "connector/daemon/demand.h"
#include "connector/daemon/domain.h"
#include "connector/daemon/monitor.h"
#include "connector/daemon/mrt_exec.h"
#include "connector/daemon/mss_clamp.h"
#include "connector/daemon/routes.h"
#include "connector/daemon/tunnel.h"
#include "connector/sys/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t age(mtime since)
{
	int64_t s = mdur_to_s(mtime_since(clock_now(), since));

	return s > 0 ? (uint64_t)s : 0;
}

static const char *config_json(void *ctx)
{
	const struct domain *d = ctx;

	return d->config ? d->config->cfg->json : "{}";
}

/* The error that stands. A tunnel that has arrived has none, unless routes of it can't be installed
 * or the peer refuses its rekeys, so that it won't stay. */
void view_tunnel_error(const struct tunnel *t, struct reason *ret_error)
{
	reason_clear(ret_error);
	if (t->step != STEP_IN_FIB || t->facts.failed > 0)
		*ret_error = t->error;
	if (!reason_is_set(ret_error))
		*ret_error = t->rekey_refused;
}

/* --- status --- */

static struct view_weak weak_of(const struct cfg_tunnel *cfg)
{
	struct view_weak v = { .n = cfg->n_weak };

	memcpy(v.name, cfg->weak, sizeof(v.name));
	return v;
}

static void status_tunnel(const struct tunnel *t, struct view_tunnel_status *v)
{
	snprintf(v->name, sizeof(v->name), "%s", t->cfg->name);
	v->admin_up = t->admin_up;
	v->step = step_name(t->step);
	v->weak = weak_of(t->cfg);
	v->resting = demand_resting(t);
	v->since = clock_wall(t->step_since);
	view_tunnel_error(t, &v->error);
	tunnel_next(t, &v->next);
}

/* ok: every tunnel that should be up has arrived; down: none has; else degraded. Without one that should be
 * up: down. */
static const char *site_state(const struct view_site_status *s)
{
	size_t up = 0, wanted = 0; /* one on demand has arrived when it is at rest */

	for (size_t i = 0; i < s->n_tunnel; i++) {
		wanted += s->tunnel[i].admin_up;
		up += s->tunnel[i].admin_up &&
		      (s->tunnel[i].resting || !strcmp(s->tunnel[i].step, step_name(STEP_IN_FIB)));
	}
	return up == 0 ? "down" : up == wanted ? "ok" : "degraded";
}

static void status_site(const struct domain *d, const struct cfg_site *site, struct view_site_status *s)
{
	snprintf(s->name, sizeof(s->name), "%s", site->name);
	snprintf(s->profile, sizeof(s->profile), "%s", site->profile);
	s->tunnel = calloc(site->n_tunnel ? site->n_tunnel : 1, sizeof(*s->tunnel));
	for (size_t i = 0; s->tunnel && i < site->n_tunnel; i++) {
		char name[CFG_NAME_MAX * 2 + 2];
		const struct tunnel *t;

		snprintf(name, sizeof(name), "%s/%s", site->name, site->tunnel[i].name);
		t = domain_tunnel_by_name(d, name);
		if (t)
			status_tunnel(t, &s->tunnel[s->n_tunnel++]);
	}
	s->state = site_state(s);
}

static void status(void *ctx, struct view_status *v)
{
	const struct domain *d = ctx;
	const struct cfg *cfg = d->config ? d->config->cfg : NULL;
	struct fib_summary f;

	memset(v, 0, sizeof(*v));
	v->version = CW_VERSION;
	v->uptime = age(d->started);
	fib_writer_summary(d->fib, &f);
	v->fib_in_sync = f.in_sync;
	v->fib_routes = f.in_kernel;
	if (!cfg)
		return;
	v->site = calloc(cfg->n_site ? cfg->n_site : 1, sizeof(*v->site));
	for (size_t i = 0; v->site && i < cfg->n_site; i++)
		status_site(d, &cfg->site[i], &v->site[v->n_site++]);
}

static void status_free(struct view_status *v)
{
	for (size_t i = 0; i < v->n_site; i++)
		free(v->site[i].tunnel);
	free(v->site);
}

/* --- tunnels --- */

static void tunnel_child_view(const struct tunnel *t, const struct ike_conn_view *c, struct view_tunnel *v)
{
	struct view_child *ch = &v->child[0];
	struct plane_counters pc;

	if (!c->have_child)
		return;
	v->n_child = 1;
	ch->spi_in = c->child_spi_in;
	ch->spi_out = c->child_spi_out;
	snprintf(ch->proposal, sizeof(ch->proposal), "%s", c->esp_proposal);
	ch->age = age(c->child_since);
	if (!plane_sa_counters(t->domain->plane, t->plane_id, true, c->child_spi_in, &pc)) {
		ch->bytes_in = pc.bytes_in;
		ch->packets_in = pc.packets_in;
	}
	if (!plane_sa_counters(t->domain->plane, t->plane_id, false, c->child_spi_out, &pc)) {
		ch->bytes_out = pc.bytes_out;
		ch->packets_out = pc.packets_out;
	}
	v->ts_narrowed = c->ts_narrowed;
	ike_ts_str(c->ts_local, c->n_ts_local, v->ts_local, sizeof(v->ts_local));
	ike_ts_str(c->ts_remote, c->n_ts_remote, v->ts_remote, sizeof(v->ts_remote));
}

static void tunnel_ike_view(const struct tunnel *t, struct view_tunnel *v)
{
	struct ike_conn_view *c = calloc(1, sizeof(*c));

	if (!c || ike_conn_view(t->domain->ike, t->id, c)) {
		free(c);
		return;
	}
	if (c->have_ike) {
		v->have_ike = true;
		v->initiator = c->initiator;
		v->spi_i = c->spi_i;
		v->spi_r = c->spi_r;
		snprintf(v->ike_proposal, sizeof(v->ike_proposal), "%s", c->ike_proposal);
		v->ike_age = age(c->ike_since);
		v->ike_rekeys = c->ike_rekeys;
		v->nat = c->nat_local && c->nat_remote ? "both"
		         : c->nat_local                ? "local"
		         : c->nat_remote               ? "remote"
		                                       : "none";
		v->encapsulated = c->udp_encap;
		if (t->cfg->mobike)
			v->mobike = c->mobike ? "agreed" : "not-agreed";
		if (t->cfg->ppk.id[0])
			v->ppk = c->ppk ? "used" : "not-used";
		v->local = c->local;
		v->remote = c->remote;
		ike_identity_str(&c->remote_id, v->remote_id, sizeof(v->remote_id));
	}
	v->child_rekeys = c->child_rekeys;
	v->refused = c->refused;
	v->refused_last = c->refused_why;
	v->n_rekey = rekey_record_view(&t->rekeys, v->rekey);
	tunnel_child_view(t, c, v);
	free(c);
}

static void tunnel_drops(const struct tunnel *t, struct view_tunnel *v)
{
	struct plane_counters pc;

	if (!t->ifindex || plane_counters(t->domain->plane, t->plane_id, &pc))
		return;
	for (unsigned i = 0; i < PLANE_DROP_COUNT && v->n_drop < 16; i++)
		v->drop[v->n_drop++] =
		    (struct view_drop){ .name = plane_drop_name((enum plane_drop)i), .count = pc.drops[i] };
}

static void tunnel_size_view(const struct tunnel *t, struct view_tunnel *v)
{
	const struct mss_clamp *c = t->domain->clamp;
	struct mss_clamp_way way;

	v->mtu = t->mtu ? t->mtu : t->cfg->mtu;
	v->mtu_possible = t->mtu_possible;
	v->mtu_outer = t->mtu_outer;
	v->mtu_probe = mtu_probe_state_name(t->probe.state);
	v->mtu_probed = t->probe.result;
	v->mtu_tried = t->probe.max;
	if (!t->cfg->mss)
		return;
	way = mss_clamp_way(t->interface, t->cfg->mss, v->mtu);
	v->mss = way.ipv4;
	v->mss_clamped = t->ifindex && mss_clamp_holds(c, &way);
	if (!v->mss_clamped)
		v->mss_error = *mss_clamp_error(c);
}

static void tunnel_view(const struct tunnel *t, struct view_tunnel *v)
{
	memset(v, 0, sizeof(*v));
	snprintf(v->site, sizeof(v->site), "%s", t->site->name);
	snprintf(v->name, sizeof(v->name), "%s", t->cfg->name);
	v->step = step_name(t->step);
	v->admin_up = t->admin_up;
	v->since = clock_wall(t->step_since);
	view_tunnel_error(t, &v->error);
	tunnel_next(t, &v->next);
	v->local.addr = t->cfg->local;
	if (t->remotes.n)
		v->remote.addr = t->remotes.addr[0];
	snprintf(v->interface, sizeof(v->interface), "%s", t->interface);
	v->data_plane = plane_kind_name(
	    t->ifindex ? plane_tunnel_kind(t->domain->plane, t->plane_id) : t->domain->plane_kind);
	v->data_plane_note = t->domain->plane_note;
	v->weak = weak_of(t->cfg);
	v->nat = "none";
	v->mobike = t->cfg->mobike ? NULL : "off";
	v->ppk = t->cfg->ppk.id[0] ? NULL : "off";
	v->moves = t->moves;
	v->moved = t->moves ? clock_wall(t->moved_at) : 0;
	tunnel_size_view(t, v);
	snprintf(v->local_id, sizeof(v->local_id), "%.*s", (int)sizeof(v->local_id) - 1, t->cfg->local_id);
	snprintf(
	    v->remote_id, sizeof(v->remote_id), "%.*s", (int)sizeof(v->remote_id) - 1, t->cfg->remote_id);
	for (; v->n_inside < t->cfg->n_inside && v->n_inside < 8; v->n_inside++)
		v->inside[v->n_inside] = t->cfg->inside[v->n_inside];
	certificate_view(t, v);
	tunnel_ike_view(t, v);
	tunnel_drops(t, v);
}

static size_t tunnels(void *ctx, size_t start, struct view_tunnel *out, size_t max)
{
	const struct domain *d = ctx;
	size_t i = 0, n = 0;

	list_for_each (&d->tunnels, struct tunnel, t, node) {
		if (t->retiring || n == max)
			continue;
		if (i++ >= start)
			tunnel_view(t, &out[n++]);
	}
	return n;
}

/* --- BGP --- */

static void bgp_view(void *ctx, struct view_bgp *v)
{
	const struct domain *d = ctx;
	struct bgp_memory m = { 0 };

	v->as = d->config ? d->config->cfg->as : 0;
	v->router_id = d->config ? d->config->cfg->router_id : 0;
	if (d->bgp)
		bgp_memory(d->bgp, &m);
	v->memory.prefixes = m.prefixes;
	v->memory.routes = m.routes;
	v->memory.attribute_sets = m.attribute_sets;
	v->memory.prefix_bytes = m.prefix_bytes;
	v->memory.route_bytes = m.route_bytes;
	v->memory.advertised_bytes = m.advertised_bytes;
	v->memory.attribute_bytes = m.attribute_bytes;
	v->memory.way_bytes = m.way_bytes;
	mrt_exec_view(d->mrt, &v->mrt);
}

static const char *role_name(unsigned role)
{
	static const char *const names[] = { NULL, "provider", "rs", "rs-client", "customer", "peer" };

	return role < sizeof(names) / sizeof(names[0]) ? names[role] : NULL;
}

static void session_config_view(const struct cfg_session *s, struct view_bgp_session *v)
{
	static const char *const modes[] = {
		[CFG_RESTART_HELPER] = "helper", [CFG_RESTART_FULL] = "full", [CFG_RESTART_OFF] = "off"
	};

	v->restart = modes[s->restart];
	v->role = role_name(s->role);
	v->password = s->password.len > 0;
	v->ttl_security = s->ttl_security;
	v->multihop = s->multihop;
}

static void session_view(const struct bgp_session_view *s, struct view_bgp_session *v)
{
	v->enhanced_refresh = s->enhanced_refresh;
	v->extended_messages = s->extended_messages;
	v->peer_role = role_name(s->peer_role);
	v->notification_restart = s->restart.notification;
	v->send_hold = (uint32_t)mdur_to_s(s->send_hold);
	v->peer_said = s->restart.said;
	v->peer_restarted = s->restart.restarted;
	v->restart_time = (uint32_t)mdur_to_s(s->restart.time);
	v->ours.said = s->our_restart.said;
	v->ours.restarted = s->our_restart.restarted;
	v->ours.time = (uint32_t)mdur_to_s(s->our_restart.time);
	v->holding = s->holding;
	v->stale_left = (uint32_t)mdur_to_s(s->stale_left);
	for (unsigned f = 0; f < 2; f++) {
		v->family[f] = s->restart.family[f];
		v->forwarding[f] = s->restart.forwarding[f];
		v->ours.family[f] = s->our_restart.family[f];
		v->ours.forwarding[f] = s->our_restart.forwarding[f];
		v->stale[f] = s->stale[f];
	}
	v->gaps = s->gap.n;
	v->gap_min = (uint64_t)mdur_to_ms(s->gap.min);
	v->gap_mean = (uint64_t)mdur_to_ms(s->gap.mean);
	v->gap_max = (uint64_t)mdur_to_ms(s->gap.max);
}

static void tables_view(const struct domain *d, uint32_t id, const struct cfg_bgp *cfg,
    const struct bgp_peer_view *p, struct view_bgp_tables *v)
{
	const struct bgp_tables_view *t = &p->tables;
	size_t in, out;

	bgp_exec_queues(d, id, &cfg->local, &cfg->peer, &in, &out);
	*v = (struct view_bgp_tables){ .path_ids = { p->path_ids_in[0], p->path_ids_in[1] },
		.paths = t->paths,
		.refused = t->paths_refused,
		.waiting = t->waiting,
		.bytes_in = in + t->unfinished,
		.bytes_out = out,
		.route_bytes = t->route_bytes,
		.advertised_bytes = t->advertised_bytes,
		.waiting_bytes = t->waiting_bytes,
		.session_bytes = t->session_bytes };
}

static void past_view(
    const struct domain *d, uint32_t id, const struct bgp_peer_view *p, struct view_bgp_history *v)
{
	const struct bgp_tap_peer *tap = bgp_tap_peer(d->tap, id);

	if (tap)
		*v = tap->past;
	memcpy(v->prefix_in, p->prefix_in, sizeof(v->prefix_in));
	memcpy(v->prefix_out, p->prefix_out, sizeof(v->prefix_out));
}

static void peer_view(
    const struct domain *d, uint32_t id, const char *name, const struct cfg_bgp *cfg, struct view_bgp_peer *v)
{
	struct bgp_peer_view *p = calloc(1, sizeof(*p));

	memset(v, 0, sizeof(*v));
	snprintf(v->name, sizeof(v->name), "%s", name);
	v->address = cfg->peer;
	v->local = cfg->local;
	v->as = cfg->peer_as;
	v->max_prefixes = cfg->max_prefixes;
	v->max_prefixes_out = cfg->max_prefixes_out;
	v->state = bgp_state_name(BGP_IDLE);
	v->admin_down = bgp_command_is_down(d, name);
	session_config_view(&cfg->session, &v->session);
	if (p && d->bgp && !bgp_peer_view(d->bgp, id, p)) {
		v->state = bgp_state_name(p->state);
		v->uptime = p->state == BGP_ESTABLISHED ? age(p->since) : 0;
		v->remote_router_id = p->remote_router_id;
		v->received = p->received;
		v->accepted = p->accepted;
		v->advertised = p->advertised;
		v->hold_time = (uint32_t)mdur_to_s(p->hold_time);
		v->keepalive = (uint32_t)mdur_to_s(p->keepalive);
		v->four_octet_as = p->four_octet_as;
		v->route_refresh = p->route_refresh;
		v->add_path_receive = p->add_path_receive;
		v->ipv4 = p->ipv4;
		v->ipv6 = p->ipv6;
		memcpy(v->msg_in, p->msg_in, sizeof(v->msg_in));
		memcpy(v->msg_out, p->msg_out, sizeof(v->msg_out));
		v->established_count = p->established_count;
		past_view(d, id, p, &v->past);
		session_view(&p->session, &v->session);
		tables_view(d, id, cfg, p, &v->tables);
		v->damping = (struct view_bgp_damping){ .on = p->damping.on,
			.history = p->damping.history,
			.suppressed = p->damping.suppressed,
			.suppressions = p->damping.suppressions,
			.unheeded = p->damping.unheeded };
		v->held_back = p->held_back;
		if (p->state != BGP_ESTABLISHED)
			v->error = p->last_error;
	}
	free(p);
	bfd_exec_view(d, id, &cfg->bfd, &v->bfd);
}

static size_t peers(void *ctx, size_t start, struct view_bgp_peer *out, size_t max)
{
	const struct domain *d = ctx;
	size_t i = 0, n = 0;

	list_for_each (&d->tunnels, struct tunnel, t, node)
		if (!t->retiring && t->cfg->have_bgp && i++ >= start && n < max)
			peer_view(d, t->id, t->name, &t->cfg->bgp, &out[n++]);
	list_for_each (&d->lan_peers, struct lan_peer, l, node) {
		const struct cfg_peer *cfg = d->config ? cfg_find_peer(d->config->cfg, l->name) : NULL;

		if (cfg && i++ >= start && n < max)
			peer_view(d, l->id, l->name, &cfg->bgp, &out[n++]);
	}
	return n;
}

/* --- FIB, as a walk --- */

#define WALK_ROWS 16

struct fib_walk {
	struct domain *domain;
	struct fib_view row[WALK_ROWS], last;
	bool started;
};

static void *fib_open(void *ctx)
{
	struct fib_walk *w = calloc(1, sizeof(*w));

	if (w)
		w->domain = ctx;
	return w;
}

static const char *origin_name(enum fib_origin o)
{
	switch (o) {
	case FIB_LEARNED: return "bgp";
	case FIB_PEER: return "peer";
	case FIB_STATIC: return "static";
	case FIB_PIN: return "pin";
	case FIB_PROTECT: return "protect";
	}
	return "?";
}

static void fib_row(const struct fib_view *f, struct view_fib_route *v)
{
	*v = (struct view_fib_route){ .prefix = f->route.prefix,
		.metric = f->route.metric,
		.origin = origin_name(f->route.origin),
		.in_kernel = f->in_kernel,
		.why = f->why };
	if (f->route.n_ways == 1 && f->route.way[0].ifindex == FIB_UNREACHABLE)
		return; /* a reject has no way */
	for (; v->n_ways < f->route.n_ways && v->n_ways < 16; v->n_ways++) {
		const struct fib_way *way = &f->route.way[v->n_ways];

		memcpy(v->way[v->n_ways].interface, way->interface, sizeof(v->way[0].interface));
		v->way[v->n_ways].via = way->via;
		v->way[v->n_ways].weight = way->weight;
	}
}

static size_t fib_next(void *walk, struct view_fib_route *out, size_t max)
{
	struct fib_walk *w = walk;
	size_t n = fib_writer_view(
	    w->domain->fib, w->started ? &w->last : NULL, w->row, max < WALK_ROWS ? max : WALK_ROWS);

	for (size_t i = 0; i < n; i++)
		fib_row(&w->row[i], &out[i]);
	if (n) {
		w->last = w->row[n - 1];
		w->started = true;
	}
	return n;
}

static void fib_close(void *walk)
{
	free(walk);
}

/* --- operations --- */

static int rekey(struct domain *d, const struct tunnel *t, bool ike)
{
	mtime now = clock_now();

	return ike ? ike_conn_rekey_ike(d->ike, t->id, now) : ike_conn_rekey_child(d->ike, t->id, now);
}

static enum api_result tunnel_op(
    void *ctx, enum api_tunnel_op op, const char *name, struct reason *ret_reason)
{
	struct domain *d = ctx;
	struct tunnel *t = domain_tunnel_by_name(d, name);
	enum api_result result = API_OK;

	if (!t) {
		reason_set(ret_reason, "no-such-tunnel",
		    "there is no tunnel \"%s\"; `causeway tunnel list` lists them", name);
		return API_NOT_FOUND;
	}
	switch (op) {
	case API_TUNNEL_UP: tunnel_up(t); break;
	case API_TUNNEL_DOWN: tunnel_down(t); break;
	case API_TUNNEL_REKEY:
	case API_TUNNEL_REKEY_IKE:
		if (rekey(d, t, op == API_TUNNEL_REKEY_IKE)) {
			reason_set(ret_reason, "no-child-sa", "%s has no child SA to rekey: it is at step %s",
			    name, step_name(t->step));
			result = API_REFUSED;
		}
		break;
	}
	domain_pump(d);
	return result;
}

const struct api_ops daemon_api_ops = {
	.config_json = config_json,
	.status = status,
	.status_free = status_free,
	.tunnels = tunnels,
	.explain = view_explain,
	.bgp = bgp_view,
	.peers = peers,
	.routes_open = views_routes_open,
	.routes_next = views_routes_next,
	.routes_close = views_routes_close,
	.fib_open = fib_open,
	.fib_next = fib_next,
	.fib_close = fib_close,
	.tunnel_op = tunnel_op,
	.dump_open = bgp_dump_open,
	.dump_next = bgp_dump_next,
	.dump_close = bgp_dump_close,
	.monitor_open = monitor_open,
	.monitor_next = monitor_next,
	.monitor_close = monitor_close,
	.bgp_op = bgp_command,
	.announced = bgp_command_view,
	.told = bgp_command_view_one,
};

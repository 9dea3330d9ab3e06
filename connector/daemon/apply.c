/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transaction. A plan says for each tunnel of the new configuration what becomes of it; preparing makes
 * interfaces and listeners, the only steps that can fail; until all are made nothing that runs is touched,
 * and a failure unmakes them. The commit can't fail.
 */
#include "connector/daemon/apply.h"

#include "connector/daemon/bgp_command.h"
#include "connector/daemon/announce.h"
#include "connector/daemon/bgp_exec.h"
#include "connector/daemon/bgp_leaving.h"
#include "connector/daemon/bgp_tap.h"
#include "connector/daemon/bgp_transport.h"
#include "connector/daemon/bmp_exec.h"
#include "connector/daemon/mrt_exec.h"
#include "connector/daemon/protect.h"
#include "connector/daemon/restart.h"
#include "connector/daemon/tunnel.h"
#include "connector/daemon/tunnel_if.h"
#include "connector/sys/clock.h"
#include "connector/sys/random.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CEASE_CONFIG_CHANGE 6 /* RFC 4486 */

struct item { /* one tunnel of the new configuration */
	const struct cfg_site *site;
	const struct cfg_tunnel *cfg;
	struct tunnel *live;     /* of the same name, or NULL */
	struct tunnel *prepared; /* to be new, or to succeed `live` */
	enum cfg_change change;
};

struct plan {
	struct domain *domain;
	struct cfg_ref *ref;
	struct item *item;
	size_t n;
	bool bgp_rebuild; /* as, router-id or multipath changed: every session starts anew */
	struct bgp *new_bgp;
	struct addr *listeners_made;
	size_t n_listeners_made;
	enum plane_kind plane_was;
	struct reason plane_note;
};

static bool same_gateway(const struct cfg_tunnel *a, const struct cfg_tunnel *b)
{
	if (a->interface[0] && !strcmp(a->interface, b->interface))
		return true;
	if (a->n_remote != b->n_remote || !addr_eq(&a->local, &b->local))
		return false;
	for (unsigned i = 0; i < a->n_remote; i++)
		if (!cfg_same_remote(a, i, b, i))
			return false;
	return true;
}

static bool claimed(const struct plan *p, const struct tunnel *t)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->item[i].live == t)
			return true;
	return false;
}

/*
 * A tunnel of a new name to the gateway of one whose name is gone was renamed: it succeeds that one, so the
 * two never stand in each other's way (interface, addresses, IKE, the BGP session's ends).
 */
static void plan_renamed(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->item[i].live)
			continue;
		list_for_each (&p->domain->tunnels, struct tunnel, t, node)
			if (!p->item[i].live && !t->retiring && !claimed(p, t) &&
			    same_gateway(t->cfg, p->item[i].cfg))
				p->item[i].live = t;
	}
}

static const struct cfg_tunnel *names_plane(
    const struct cfg *cfg, enum cfg_plane plane, const char **ret_site)
{
	for (size_t s = 0; s < cfg->n_site; s++)
		for (size_t i = 0; i < cfg->site[s].n_tunnel; i++)
			if (cfg->site[s].tunnel[i].data_plane == plane) {
				*ret_site = cfg->site[s].name;
				return &cfg->site[s].tunnel[i];
			}
	return NULL;
}

/*
 * All tunnels of a domain share a data plane (docs/decisions/0005): the one that some tunnel names, else the
 * kernel's where there is one. It is the domain's from here on, since the tunnels to be prepared ask for it.
 */
static int plan_plane(struct plan *p, struct reason *ret_reason)
{
	struct domain *d = p->domain;
	const char *user_site = "", *kernel_site = "";
	const struct cfg_tunnel *user = names_plane(p->ref->cfg, CFG_PLANE_USER, &user_site);
	const struct cfg_tunnel *kernel = names_plane(p->ref->cfg, CFG_PLANE_KERNEL, &kernel_site);
	struct reason why_not = { 0 };
	bool possible = plane_possible(d->plane, PLANE_KERNEL, &why_not);

	if (user && kernel)
		return reason_set(ret_reason, "data-plane-mixed",
		    "/causeway:connector/site[name='%s']/tunnel[name='%s']/data-plane: kernel, but tunnel "
		    "%s/%s "
		    "says user. All tunnels share one data plane, because the kernel takes all ESP off UDP "
		    "port "
		    "4500 or none: say the same for all, or leave it out",
		    kernel_site, kernel->name, user_site, user->name);
	if (kernel && !possible)
		return reason_set(ret_reason, why_not.id,
		    "/causeway:connector/site[name='%s']/tunnel[name='%s']/data-plane: kernel, but %s. Use "
		    "\"user\" or \"auto\"",
		    kernel_site, kernel->name, why_not.text);
	d->plane_kind = user || !possible ? PLANE_USER : PLANE_KERNEL;
	if (user || kernel)
		reason_set(&p->plane_note, "data-plane-configured", "as the configuration of %s/%s says",
		    user ? user_site : kernel_site, user ? user->name : kernel->name);
	else if (possible)
		reason_set(&p->plane_note, "data-plane-auto", "tried at start, and the kernel can");
	else
		p->plane_note = why_not;
	return 0;
}

static int plan_make(struct plan *p, struct reason *ret_reason)
{
	const struct cfg *cfg = p->ref->cfg;
	const struct cfg *old = p->domain->config ? p->domain->config->cfg : NULL;
	size_t n = 0;

	for (size_t s = 0; s < cfg->n_site; s++)
		n += cfg->site[s].n_tunnel;
	p->item = calloc(n ? n : 1, sizeof(*p->item));
	p->listeners_made = calloc(n + cfg->n_peer + 1, sizeof(*p->listeners_made));
	if (!p->item || !p->listeners_made)
		return reason_set(ret_reason, "no-memory", "out of memory");
	for (size_t s = 0; s < cfg->n_site; s++) {
		for (size_t i = 0; i < cfg->site[s].n_tunnel; i++) {
			struct item *it = &p->item[p->n++];
			char name[CFG_NAME_MAX * 2 + 2];

			it->site = &cfg->site[s];
			it->cfg = &cfg->site[s].tunnel[i];
			snprintf(name, sizeof(name), "%s/%s", it->site->name, it->cfg->name);
			it->live = domain_tunnel_by_name(p->domain, name);
			it->change = it->live ? cfg_tunnel_compare(it->live->cfg, it->cfg) : CFG_RESTART;
		}
	}
	plan_renamed(p);
	if (plan_plane(p, ret_reason))
		return -1;
	for (size_t i = 0; i < p->n; i++)
		if (p->item[i].live && p->plane_was != p->domain->plane_kind)
			p->item[i].change = CFG_RESTART;
	p->bgp_rebuild = !old || old->have_bgp != cfg->have_bgp || old->as != cfg->as ||
	                 old->router_id != cfg->router_id || old->multipath != cfg->multipath ||
	                 old->multipath_relax != cfg->multipath_relax || old->cluster_id != cfg->cluster_id;
	return 0;
}

static int listen_on(struct plan *p, const struct cfg_bgp *b, struct reason *ret_reason)
{
	bool created;

	if (b->mode == CFG_BGP_ACTIVE)
		return 0;
	if (bgp_exec_listen(p->domain, &b->local, &created, ret_reason))
		return -1;
	if (created)
		p->listeners_made[p->n_listeners_made++] = b->local;
	return 0;
}

static int prepare_listeners(struct plan *p, struct reason *ret_reason)
{
	const struct cfg *cfg = p->ref->cfg;

	list_for_each (&p->domain->listeners, struct bgp_listener, l, node)
		l->wanted = false;
	for (size_t i = 0; i < p->n; i++)
		if (p->item[i].cfg->have_bgp && listen_on(p, &p->item[i].cfg->bgp, ret_reason))
			return -1;
	for (size_t i = 0; i < cfg->n_peer; i++)
		if (listen_on(p, &cfg->peer[i].bgp, ret_reason))
			return -1;
	return 0;
}

static int prepare_tunnels(struct plan *p, struct reason *ret_reason)
{
	for (size_t i = 0; i < p->n; i++) {
		struct item *it = &p->item[i];

		if (it->change == CFG_LIGHT && tunnel_if_check(p->domain, it->site, it->cfg, ret_reason))
			return -1;
		if (it->change != CFG_RESTART)
			continue;
		it->prepared = tunnel_new(p->domain, p->ref, it->site, it->cfg, it->live, ret_reason);
		if (!it->prepared)
			return -1;
		/* In the list at once: names and addresses of this transaction must not clash with each
		 * other. */
		list_append(&p->domain->tunnels, &it->prepared->node);
	}
	return 0;
}

static int prepare_bgp(struct plan *p, struct reason *ret_reason)
{
	const struct cfg *cfg = p->ref->cfg;
	struct bgp_config c = { .as = cfg->as,
		.router_id = cfg->router_id,
		.multipath = cfg->multipath,
		.multipath_relax = cfg->multipath_relax,
		.cluster_id = cfg->cluster_id };

	if (!p->bgp_rebuild || !cfg->have_bgp)
		return 0;
	p->new_bgp = bgp_new(&c, &sys_rng);
	return p->new_bgp ? 0 : reason_set(ret_reason, "no-memory", "out of memory");
}

static void unprepare(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->item[i].prepared)
			tunnel_discard(p->item[i].prepared);
	for (size_t i = 0; i < p->n_listeners_made; i++)
		list_for_each (&p->domain->listeners, struct bgp_listener, l, node)
			if (addr_eq(&l->local, &p->listeners_made[i]))
				bgp_exec_listener_free(l);
	bgp_free(p->new_bgp);
}

/* --- the commit --- */

static bool in_new(const struct plan *p, const struct tunnel *t)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->item[i].live == t || p->item[i].prepared == t)
			return true;
	return false;
}

/* The old core's sessions end with a Cease, its routes leave by and by; the tunnels themselves are not
 * touched. */
static void commit_bgp_rebuild(struct plan *p)
{
	struct domain *d = p->domain;
	mtime now = clock_now();
	struct reason why;

	reason_set(&why, "config-changed", "the BGP router's own settings have changed");
	if (d->bgp)
		bgp_stop_all(d->bgp, CEASE_CONFIG_CHANGE, &why, now);
	list_for_each (&d->tunnels, struct tunnel, t, node)
		t->bgp_started = false;
	list_for_each (&d->lan_peers, struct lan_peer, l, node) {
		bgp_exec_lan_way_good(d, l);
		list_remove(&l->node);
		free(l);
	}
	while (bgp_exec_one(d, now))
		;
	bgp_exec_drop_links(d);
	bgp_leaving_begin(d);
	d->bgp = p->new_bgp;
	p->new_bgp = NULL;
	bgp_tap_core(d->tap);
}

static void commit_connected(struct domain *d)
{
	size_t n = ptrie_count(d->connected), i = 0;
	struct prefix *list = calloc(n ? n : 1, sizeof(*list)), p;

	if (!list)
		return;
	for (bool more = ptrie_first(d->connected, &p, NULL); more && i < n;
	     more = ptrie_after(d->connected, &p, &p, NULL))
		list[i++] = p;
	bgp_connected(d->bgp, list, i, clock_now());
	free(list);
}

static bool announces(const struct cfg *cfg, const struct prefix *p)
{
	for (size_t i = 0; cfg && i < cfg->n_announce; i++)
		if (prefix_eq(&cfg->announce[i], p))
			return true;
	return false;
}

static void commit_announce(struct plan *p)
{
	struct domain *d = p->domain;
	const struct cfg *old = d->config && !p->bgp_rebuild ? d->config->cfg : NULL, *cfg = p->ref->cfg;
	mtime now = clock_now();

	for (size_t i = 0; old && i < old->n_announce; i++)
		if (!announces(cfg, &old->announce[i]) && !bgp_command_announces(d, &old->announce[i]))
			bgp_unannounce(d->bgp, &old->announce[i], now);
	bgp_command_reload(d, cfg, now);
	for (size_t i = 0; i < cfg->n_announce; i++)
		if (!bgp_command_withdrew(d, &cfg->announce[i]) &&
		    bgp_announce(d->bgp, &cfg->announce[i], now))
			log_error(
			    d->log, "bgp", "no-memory: %s is not announced", prefix_str(&cfg->announce[i]));
}

static void lan_peer_add(struct domain *d, const struct cfg_peer *cfg, const struct bgp_peer_config *bc)
{
	struct lan_peer *p = calloc(1, sizeof(*p));
	struct reason why = { 0 };

	if (!p)
		return;
	p->id = ++d->next_id;
	p->address = cfg->bgp.peer;
	snprintf(p->name, sizeof(p->name), "%s", cfg->name);
	list_append(&d->lan_peers, &p->node);
	if (bgp_peer_add(d->bgp, p->id, bc, &why))
		log_error(d->log, p->name, "%s: %s", why.id, why.text);
	else
		restart_peer_added(d, p->id, p->name);
}

static void commit_lan_peers(struct plan *p)
{
	struct domain *d = p->domain;
	const struct cfg *cfg = p->ref->cfg;
	struct bgp_peer_config *bc = calloc(1, sizeof(*bc));

	list_for_each (&d->lan_peers, struct lan_peer, l, node) {
		if (cfg_find_peer(cfg, l->name))
			continue;
		bgp_peer_remove(d->bgp, l->id, clock_now());
		while (bgp_exec_one(d, clock_now()))
			;
		bgp_exec_lan_way_good(d, l);
		list_remove(&l->node);
		free(l);
	}
	for (size_t i = 0; bc && i < cfg->n_peer; i++) {
		struct lan_peer *l = domain_lan_peer_by_name(d, cfg->peer[i].name);
		struct reason why = { 0 };

		bgp_exec_lan_config(&cfg->peer[i], bc);
		if (!l)
			lan_peer_add(d, &cfg->peer[i], bc);
		else if (bgp_peer_update(d->bgp, l->id, bc, clock_now(), &why) < 0)
			log_error(d->log, l->name, "%s: %s", why.id, why.text);
		if (l)
			l->address = cfg->peer[i].bgp.peer;
	}
	free(bc);
}

/* After a rebuild, the surviving tunnels' peers enter the new core as they were; commit_reconfigure brings
 * them up to date. */
static void commit_bgp_tunnels(struct plan *p)
{
	struct domain *d = p->domain;
	struct bgp_peer_config *bc = calloc(1, sizeof(*bc));

	for (size_t i = 0; bc && i < p->n; i++) {
		struct tunnel *t = p->item[i].live;
		struct reason why = { 0 };

		if (!t || p->item[i].prepared || t->life == TUNNEL_PREPARED || !t->cfg->have_bgp)
			continue; /* one that waits for its predecessor enters when it is activated */
		bgp_exec_tunnel_config(d, t, bc);
		if (bgp_peer_add(d->bgp, t->id, bc, &why))
			log_error(d->log, t->name, "%s: %s", why.id, why.text);
		else
			restart_peer_added(d, t->id, t->name);
	}
	free(bc);
}

/* Last: a connection is made with the password and the hop limit of the configuration in force. */
static void commit_start_peers(struct plan *p)
{
	struct domain *d = p->domain;

	list_for_each (&d->lan_peers, struct lan_peer, l, node)
		if (!bgp_command_is_down(d, l->name))
			bgp_peer_start(d->bgp, l->id, clock_now());
	list_for_each (&d->tunnels, struct tunnel, t, node)
		if (p->bgp_rebuild)
			tunnel_bgp_up(t);
}

static void commit_retire(struct plan *p)
{
	struct domain *d = p->domain;

	list_for_each (&d->tunnels, struct tunnel, t, node)
		if (!t->retiring && !in_new(p, t))
			tunnel_retire(t, NULL);
	for (size_t i = 0; i < p->n; i++)
		if (p->item[i].prepared && p->item[i].live)
			tunnel_retire(
			    p->item[i].live, p->item[i].prepared); /* which activates it when it is gone */
}

static void commit_activate(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->item[i].prepared && !p->item[i].live)
			tunnel_activate(p->item[i].prepared);
}

static void commit_light(const struct plan *p, const struct item *it)
{
	struct tunnel *t = it->live;
	bool change = t->cfg->admin_up != it->cfg->admin_up;

	if (change && !it->cfg->admin_up)
		tunnel_down(t);
	tunnel_reconfigure(t, p->ref, it->site, it->cfg);
	if (change && it->cfg->admin_up)
		tunnel_in_service(t);
}

/* In two rounds: a route or a session's ends may move from one tunnel to another. */
static void commit_reconfigure(struct plan *p)
{
	fib_writer_hold(p->domain->fib);
	for (size_t i = 0; i < p->n; i++)
		if (p->item[i].live && !p->item[i].prepared)
			tunnel_leave(p->item[i].live, p->item[i].cfg);
	for (size_t i = 0; i < p->n; i++)
		if (p->item[i].live && !p->item[i].prepared)
			commit_light(p, &p->item[i]);
	fib_writer_release(p->domain->fib);
}

static void commit_listeners(struct domain *d)
{
	list_for_each (&d->listeners, struct bgp_listener, l, node)
		if (!l->wanted)
			bgp_exec_listener_free(l);
}

static void commit(struct plan *p)
{
	struct domain *d = p->domain;

	d->entering = p->ref->cfg;
	nexthop_compat_apply(&d->nexthop_compat, &d->sys, d->log, p->ref->cfg->nexthop_compat_off);
	protect_enter(d, p->ref->cfg);
	if (p->bgp_rebuild)
		commit_bgp_rebuild(p);
	if (d->bgp && p->bgp_rebuild)
		restart_bgp_made(d);
	if (d->bgp) {
		commit_lan_peers(p);
		if (p->bgp_rebuild)
			commit_connected(d);
		commit_announce(p);
	}
	announce_apply(d, p->ref->cfg, p->bgp_rebuild);
	if (d->bgp && p->bgp_rebuild)
		commit_bgp_tunnels(p);
	commit_retire(p); /* first what goes, then what comes in its place */
	commit_reconfigure(p);
	commit_activate(p);
	commit_listeners(d);
	protect_leave(d);
	d->plane_note = p->plane_note;
	cfg_ref_put(d->config);
	d->config = cfg_ref_get(p->ref);
	d->entering = NULL;
	bgp_transport_apply(d);
	if (d->bgp)
		commit_start_peers(p);
	bmp_configure(d->bmp, d->config->cfg);
	mrt_exec_configure(d->mrt, &d->config->cfg->mrt);
	restart_applied(d);
}

int apply_config(struct domain *d, struct cfg *cfg, struct reason *ret_reason)
{
	struct plan p = { .domain = d, .ref = cfg_ref_new(cfg), .plane_was = d->plane_kind };
	int rc = -1;

	if (!p.ref)
		return reason_set(ret_reason, "no-memory", "out of memory");
	if (plan_make(&p, ret_reason) || prepare_listeners(&p, ret_reason) ||
	    prepare_tunnels(&p, ret_reason) || prepare_bgp(&p, ret_reason)) {
		unprepare(&p);
		d->plane_kind = p.plane_was;
	} else {
		commit(&p);
		rc = 0;
	}
	free(p.item);
	free(p.listeners_made);
	cfg_ref_put(p.ref);
	domain_pump(d);
	(void)malloc_trim(0); /* the document took several times what is kept of it */
	return rc;
}

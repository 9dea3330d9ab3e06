/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tunnel's life. The order is the point:
 *   up:   interface and addresses, IKE, child SAs, host route to the BGP peer, and only then BGP;
 *   down: BGP's routes and the host route out of the kernel, and only when the writer has confirmed that (a
 * fence) the SAs (tunnel_stop.c). Here: how it comes to be, enters the cores, is put into service and takes
 * another configuration.
 */
#include "connector/daemon/tunnel.h"

#include "connector/daemon/demand.h"
#include "connector/daemon/domain.h"
#include "connector/daemon/ike_exec.h"
#include "connector/daemon/liveness.h"
#include "connector/daemon/restart.h"
#include "connector/daemon/routes.h"
#include "connector/daemon/tunnel_if.h"
#include "connector/daemon/tunnel_internal.h"
#include "connector/sys/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t site_number(struct domain *d, const char *site)
{
	list_for_each (&d->tunnels, struct tunnel, t, node)
		if (!strcmp(t->site->name, site))
			return t->site_id;
	return ++d->next_site_id;
}

/* Would the IKE core take this configuration? Tried on a throw-away number, so that a refusal comes before
 * the commit. */
static int try_ike_config(
    struct domain *d, const struct cfg_tunnel *cfg, const char *name, struct reason *ret_reason)
{
	struct ike_conn_config *c = calloc(1, sizeof(*c));
	uint32_t id = ++d->next_id;
	struct remotes r = { 0 };
	int rc;

	if (!c)
		return reason_set(ret_reason, "no-memory", "out of memory");
	remotes_config(&r, cfg, NULL);
	if (!r.n && cfg->n_remote) /* names alone: any address will do for the check */
		r.addr[r.n++] =
		    (struct addr){ .family = cfg->local.family ? cfg->local.family : 4, .b = { 192, 0, 2 } };
	rc = ike_exec_config(cfg, &r, d->plane_kind, name, c, ret_reason);
	if (!rc)
		rc = ike_conn_add(d->ike, id, c, ret_reason);
	if (!rc)
		ike_conn_remove(d->ike, id);
	free(c);
	return rc;
}

struct tunnel *tunnel_new(struct domain *d, struct cfg_ref *ref, const struct cfg_site *site,
    const struct cfg_tunnel *cfg, struct tunnel *reuse, struct reason *ret_reason)
{
	struct tunnel *t = calloc(1, sizeof(*t));

	if (!t) {
		reason_set(ret_reason, "no-memory", "out of memory");
		return NULL;
	}
	t->domain = d;
	t->id = ++d->next_id;
	if (htab_add(&d->tunnels_by_id, &t->by_id, t->id) < 0) {
		reason_set(ret_reason, "no-memory", "out of memory");
		free(t);
		return NULL;
	}
	t->site_id = site_number(d, site->name);
	t->ref = cfg_ref_get(ref);
	t->site = site;
	t->cfg = cfg;
	t->admin_up = cfg->admin_up && cfg->start != CFG_START_MANUAL;
	t->step_since = clock_now();
	t->facts.has_bgp = cfg->have_bgp;
	liveness_config(t, NULL);
	remotes_config(&t->remotes, cfg, NULL);
	snprintf(t->name, sizeof(t->name), "%s/%s", site->name, cfg->name);
	if (try_ike_config(d, cfg, t->name, ret_reason) || tunnel_if_prepare(t, reuse, ret_reason)) {
		tunnel_discard(t);
		return NULL;
	}
	return t;
}

void tunnel_free(struct tunnel *t)
{
	htab_remove(&t->domain->tunnels_by_id, &t->by_id);
	list_remove(&t->node);
	free(t->static_place);
	cfg_ref_put(t->ref);
	free(t);
}

void tunnel_discard(struct tunnel *t)
{
	tunnel_if_remove(t);
	tunnel_free(t);
}

void tunnel_set_error(struct tunnel *t, const struct reason *why)
{
	bool told = reason_is_set(&t->error) && !strcmp(t->error.text, why->text);

	t->error = *why;
	if (!told)
		log_error(t->domain->log, t->name, "%s: %s", why->id, why->text);
}

void tunnel_enter_service(struct tunnel *t)
{
	t->admin_up = true;
	if (t->life != TUNNEL_ACTIVE)
		return;
	demand_arm(t);
	demand_start(t);
}

void tunnel_up(struct tunnel *t)
{
	t->demanded = true;
	tunnel_enter_service(t);
}

void tunnel_down(struct tunnel *t)
{
	t->admin_up = t->demanded = false;
	if (t->life == TUNNEL_ACTIVE)
		tunnel_stop_begin(t);
	else
		demand_disarm(t);
}

void tunnel_rest(struct tunnel *t)
{
	t->demanded = false;
	if (t->life == TUNNEL_ACTIVE)
		tunnel_stop_begin(t);
}

void tunnel_in_service(struct tunnel *t)
{
	if (t->cfg->start != CFG_START_MANUAL)
		tunnel_enter_service(t);
}

int tunnel_ike_enter(struct tunnel *t, struct reason *ret_reason)
{
	struct ike_conn_config *ic;
	int rc = -1;

	if (!t->remotes.n && t->cfg->n_remote)
		return 0;
	ic = calloc(1, sizeof(*ic));
	if (!ic)
		return reason_set(ret_reason, "no-memory", "out of memory");
	if (!ike_exec_config(t->cfg, &t->remotes, t->domain->plane_kind, t->name, ic, ret_reason))
		rc = t->ike_entered ? ike_conn_update(t->domain->ike, t->id, ic, ret_reason)
		                    : ike_conn_add(t->domain->ike, t->id, ic, ret_reason);
	if (!rc && !t->ike_entered)
		restart_ike_entered(t);
	t->ike_entered |= !rc;
	free(ic);
	return rc;
}

void tunnel_activate(struct tunnel *t)
{
	struct reason why = { 0 };

	t->life = TUNNEL_ACTIVE;
	if (tunnel_ike_enter(t, &why) || tunnel_bgp_enter(t, true, &why)) {
		tunnel_set_error(t, &why);
		return;
	}
	tunnel_pin_remotes(t, t->remotes.addr, t->remotes.n);
	tunnel_resolve(t, clock_now());
	if (t->admin_up)
		tunnel_enter_service(t);
}

void tunnel_gate_open(struct tunnel *t)
{
	if (t->life == TUNNEL_ACTIVE && t->admin_up)
		demand_start(t);
}

void tunnel_leave(struct tunnel *t, const struct cfg_tunnel *cfg)
{
	if (!cfg_same_session(t->cfg, cfg))
		tunnel_bgp_leave(t);
	if (cfg_tunnel_compare(t->cfg, cfg) == CFG_SAME)
		return;
	routes_leave(t, cfg);
}

/* What is up stays up, whatever the new start mode; what was at rest follows it. */
static void start_changed(struct tunnel *t, const struct cfg_tunnel *was)
{
	bool resting = was->start == CFG_START_ON_DEMAND && !t->demanded;

	if (!t->admin_up && was->start == CFG_START_MANUAL && was->admin_up && t->cfg->admin_up)
		tunnel_in_service(t); /* down for want of a command, which it doesn't need any more */
	else if (t->admin_up && resting && t->cfg->start == CFG_START_MANUAL)
		tunnel_down(t);
	if (was->start != CFG_START_ON_DEMAND && t->facts.ike != IKE_PHASE_DOWN)
		t->demanded = true;
	if (t->cfg->start != CFG_START_ON_DEMAND)
		demand_disarm(t);
	if (t->admin_up && t->life == TUNNEL_ACTIVE)
		tunnel_enter_service(t);
}

void tunnel_reconfigure(
    struct tunnel *t, struct cfg_ref *ref, const struct cfg_site *site, const struct cfg_tunnel *cfg)
{
	bool changed = cfg_tunnel_compare(t->cfg, cfg) != CFG_SAME;
	bool session = cfg_same_session(t->cfg, cfg), waits = t->life == TUNNEL_PREPARED;
	struct cfg_ref *old = t->ref;
	const struct cfg_tunnel *was = t->cfg;
	struct reason why = { 0 };

	t->ref = cfg_ref_get(ref);
	t->site = site;
	t->cfg = cfg;
	t->facts.has_bgp = cfg->have_bgp;
	remotes_config(&t->remotes, cfg, was);
	/* One that still waits for its predecessor enters the cores when it is activated, as it is then. */
	if (changed && !waits && tunnel_ike_enter(t, &why))
		tunnel_set_error(t, &why);
	/* Also where nothing changed: announce-from names LAN peers, whose numbers may be new. */
	if (!waits && tunnel_bgp_enter(t, !session, &why))
		tunnel_set_error(t, &why);
	if (changed) {
		routes_enter(t, was);
		if (t->routes_in && !session)
			t->up_fence = fib_writer_fence(t->domain->fib);
		start_changed(t, was);
	}
	liveness_config(t, was);
	cfg_ref_put(old);
}

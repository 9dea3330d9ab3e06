/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tunnel's life. The order is the point:
 *   up:   interface and addresses, IKE, child SAs, host route to the BGP peer, and only then BGP;
 *   down: BGP's routes and the host route out of the kernel, and only when the writer has confirmed that (a
 * fence) the SAs. The same order holds when the peer takes the child away: SA removals wait in `removal`
 * until the routes are out.
 */
#include "connector/daemon/tunnel.h"

#include "connector/daemon/bgp_command.h"
#include "connector/daemon/bgp_exec.h"
#include "connector/daemon/demand.h"
#include "connector/daemon/domain.h"
#include "connector/daemon/ike_exec.h"
#include "connector/daemon/liveness.h"
#include "connector/daemon/protect.h"
#include "connector/daemon/routes.h"
#include "connector/daemon/statics.h"
#include "connector/daemon/tunnel_if.h"
#include "connector/daemon/tunnel_move.h"
#include "connector/daemon/tunnel_probe.h"
#include "connector/sys/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CEASE_ADMIN_SHUTDOWN 2 /* RFC 4486 */
#define CEASE_PATIENCE       mdur_ms(250)
#define STOP_PATIENCE        mdur_s(2)

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

static void tunnel_free(struct tunnel *t)
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

/* What is new is pinned before what is no more is given up. */
static void pin_remotes(struct tunnel *t, const struct addr addr[], unsigned n)
{
	struct fib_writer *fib = t->domain->fib;

	for (unsigned i = 0; i < n; i++)
		fib_writer_pin(fib, &addr[i]);
	for (unsigned i = 0; i < t->n_pinned; i++)
		fib_writer_unpin(fib, &t->pinned[i]);
	for (t->n_pinned = 0; t->n_pinned < n; t->n_pinned++)
		t->pinned[t->n_pinned] = addr[t->n_pinned];
}

/* What fails again in the same way is not told again: a peer that hangs up on us at once must not fill the
 * log. */
static void set_error(struct tunnel *t, const struct reason *why)
{
	bool told = reason_is_set(&t->error) && !strcmp(t->error.text, why->text);

	t->error = *why;
	if (!told)
		log_error(t->domain->log, t->name, "%s: %s", why->id, why->text);
}

static void enter_service(struct tunnel *t)
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
	enter_service(t);
}

void tunnel_look_swept(struct tunnel *t)
{
	struct domain *d = t->domain;

	if (t->removal_fence == REMOVAL_SWEEPING && (!d->bgp || bgp_swept(d->bgp)))
		t->removal_fence = fib_writer_fence(d->fib);
}

/* Learned routes leave a dead way before BGP has withdrawn a single one; those to come with a session are
 * welcome. */
static void way_is(const struct tunnel *t, enum fib_way_state state)
{
	if (t->ifindex && t->cfg->have_bgp)
		fib_writer_way_is(t->domain->fib, t->ifindex, &(struct addr){ 0 }, state);
}

/* BGP and its routes first. `told`: the path still carries a Cease. */
static void routes_out(struct tunnel *t, bool told, mtime now)
{
	struct domain *d = t->domain;

	t->up_fence = 0;
	way_is(t, FIB_WAY_DEAD);
	if (t->bgp_started) {
		struct reason why;

		if (told && t->facts.bgp >= BGP_OPENSENT)
			t->cease_until = mtime_add(now, CEASE_PATIENCE);
		reason_set(&why, told ? "tunnel-stopped" : "tunnel-lost",
		    told ? "the tunnel is being taken down" : "the tunnel under the session is gone");
		if (told)
			bgp_peer_stop(d->bgp, t->id, CEASE_ADMIN_SHUTDOWN, &why, now);
		else
			bgp_peer_path_lost(d->bgp, t->id, &why, now);
		t->bgp_started = false;
		while (bgp_exec_one(d, now))
			;
	}
	if (t->routes_in) {
		routes_tunnel_out(t);
		t->removal_fence = REMOVAL_SWEEPING;
		tunnel_look_swept(t);
	}
}

static void stop_begin(struct tunnel *t)
{
	mtime now = clock_now();

	t->life = TUNNEL_STOPPING;
	t->ike_down_asked = false;
	t->stop_deadline = mtime_add(now, STOP_PATIENCE);
	if (!t->admin_up)
		demand_disarm(t);
	routes_out(t, true, now);
	if (!t->removal_fence)
		tunnel_fenced(t, 0);
}

void tunnel_down(struct tunnel *t)
{
	t->admin_up = t->demanded = false;
	if (t->life == TUNNEL_ACTIVE)
		stop_begin(t);
	else
		demand_disarm(t);
}

void tunnel_rest(struct tunnel *t)
{
	t->demanded = false;
	if (t->life == TUNNEL_ACTIVE)
		stop_begin(t);
}

void tunnel_in_service(struct tunnel *t)
{
	if (t->cfg->start != CFG_START_MANUAL)
		enter_service(t);
}

static void bgp_leave(struct tunnel *t)
{
	if (!t->cfg->have_bgp || !t->domain->bgp)
		return;
	bgp_peer_remove(t->domain->bgp, t->id, clock_now());
	t->bgp_started = false;
	while (bgp_exec_one(t->domain, clock_now()))
		;
}

/* One that still waits for its predecessor just leaves the chain. */
static void retire_prepared(struct tunnel *t, struct tunnel *successor)
{
	list_for_each (&t->domain->tunnels, struct tunnel, p, node)
		if (p->successor == t)
			p->successor = successor;
	tunnel_discard(t);
}

void tunnel_retire(struct tunnel *t, struct tunnel *successor)
{
	if (t->life == TUNNEL_PREPARED) {
		retire_prepared(t, successor);
		return;
	}
	t->admin_up = false;
	t->retiring = true;
	t->successor = successor;
	if (t->life == TUNNEL_ACTIVE)
		stop_begin(t);
	bgp_leave(t); /* its Cease is on its way; the session's ends may be another tunnel's from now on */
}

static void removals_run(struct tunnel *t)
{
	for (unsigned i = 0; i < t->n_removals; i++)
		plane_sa_del(t->domain->plane, t->plane_id, t->removal[i].inbound, t->removal[i].spi);
	t->n_removals = 0;
}

static void bgp_go(struct tunnel *t)
{
	struct domain *d = t->domain;

	if (!t->facts.child || t->watch.revoked || !t->cfg->have_bgp || !d->bgp || t->bgp_started ||
	    t->life != TUNNEL_ACTIVE || bgp_command_is_down(d, t->name))
		return;
	t->bgp_started = true;
	bgp_peer_start(d->bgp, t->id, clock_now());
}

void tunnel_bgp_up(struct tunnel *t)
{
	if (t->routes_in && !t->up_fence)
		bgp_go(t);
}

int tunnel_bgp_down(struct tunnel *t, const char *words, const struct reason *why, struct reason *ret_reason)
{
	struct domain *d = t->domain;

	if (t->bgp_started &&
	    bgp_peer_stop_saying(d->bgp, t->id, CEASE_ADMIN_SHUTDOWN, words, why, clock_now(), ret_reason))
		return -1;
	t->bgp_started = false;
	return 0;
}

void tunnel_fenced(struct tunnel *t, uint64_t fence)
{
	struct domain *d = t->domain;

	if (t->up_fence && fence >= t->up_fence) {
		t->up_fence = 0;
		bgp_go(t);
	}
	if (t->removal_fence && fence < t->removal_fence)
		return;
	t->removal_fence = 0;
	removals_run(t);
	if (t->life == TUNNEL_STOPPING && !t->ike_down_asked && mtime_reached(t->cease_until, clock_now())) {
		t->ike_down_asked = true;
		ike_conn_down(d->ike, t->id, clock_now());
	}
}

/* As it is now; one that has names alone is entered when they have addresses. */
static int ike_enter(struct tunnel *t, struct reason *ret_reason)
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
	t->ike_entered |= !rc;
	free(ic);
	return rc;
}

/* The peer's addresses are others now, or in another order. */
static void remotes_changed(struct tunnel *t)
{
	bool first = !t->ike_entered;
	struct reason why = { 0 };

	if (t->life != TUNNEL_ACTIVE)
		return;
	pin_remotes(t, t->remotes.addr, t->remotes.n);
	if (ike_enter(t, &why))
		set_error(t, &why);
	else if (first && t->admin_up)
		enter_service(t);
}

/* Has the core the addresses that are known? A name's may have come while the tunnel was going down. */
static bool remotes_entered(const struct tunnel *t)
{
	for (unsigned i = 0; i < t->remotes.n && i < t->n_pinned; i++)
		if (!addr_eq(&t->remotes.addr[i], &t->pinned[i]))
			return false;
	return t->remotes.n == t->n_pinned;
}

static void stop_finished(struct tunnel *t)
{
	struct domain *d = t->domain;
	struct tunnel *successor = t->successor;

	t->life = TUNNEL_ACTIVE;
	if (!t->retiring) {
		if (!remotes_entered(t))
			remotes_changed(t);
		if (t->admin_up) /* `up` came while it was going down */
			enter_service(t);
		return;
	}
	ike_conn_remove(d->ike, t->id);
	pin_remotes(t, NULL, 0);
	tunnel_move_over(t);
	if (successor)
		tunnel_if_hand_over(t, successor);
	else if (!d->stopping) /* else they go all at once, with the plane */
		tunnel_if_remove(t);
	protect_retired(d, t);
	log_info(d->log, t->name, "removed");
	tunnel_free(t);
	if (successor)
		tunnel_activate(successor);
}

void tunnel_check_stopped(struct tunnel *t)
{
	struct ike_conn_view *v;
	bool gone, late = mtime_reached(t->stop_deadline, clock_now());

	if (t->life != TUNNEL_STOPPING)
		return;
	if (late && t->removal_fence) /* a stuck writer must not keep the tunnel for ever */
		tunnel_fenced(t, UINT64_MAX);
	if (!t->ike_down_asked && !t->removal_fence)
		tunnel_fenced(t, 0); /* the time for the Cease may be over */
	if (!t->ike_down_asked || t->removal_fence)
		return;
	v = calloc(1, sizeof(*v));
	/* The Delete may still wait behind an unanswered request; the peer should hear of it. */
	gone =
	    !v || ike_conn_view(t->domain->ike, t->id, v) || (!v->have_ike && !ike_pending(t->domain->ike));
	free(v);
	if (gone || late)
		stop_finished(t);
}

/* add: the core does not know the peer yet. */
static int bgp_enter(struct tunnel *t, bool add, struct reason *ret_reason)
{
	struct bgp_peer_config *bc;
	int rc;

	if (!t->cfg->have_bgp || !t->domain->bgp)
		return 0;
	bc = calloc(1, sizeof(*bc));
	if (!bc)
		return reason_set(ret_reason, "no-memory", "out of memory");
	bgp_exec_tunnel_config(t->domain, t, bc);
	rc = add ? bgp_peer_add(t->domain->bgp, t->id, bc, ret_reason)
	         : bgp_peer_update(t->domain->bgp, t->id, bc, clock_now(), ret_reason);
	free(bc);
	return rc < 0 ? -1 : 0;
}

void tunnel_resolve(struct tunnel *t, mtime now)
{
	if (t->life != TUNNEL_ACTIVE || !t->admin_up || t->facts.child ||
	    (demand_resting(t) && t->remotes.n) || !remotes_due(&t->remotes, t->cfg, now))
		return;
	t->remotes.next = mtime_add(now, REMOTES_AGAIN);
	for (unsigned i = 0; i < t->cfg->n_remote; i++)
		if (t->cfg->remote_name[i] &&
		    resolver_ask(t->domain->resolver, t->id, t->cfg->remote_name[i], t->cfg->local.family))
			t->remotes.open++;
	if (!t->remotes.open)
		t->remotes.next = mtime_add(now, REMOTES_RETRY);
}

void tunnel_resolved(struct tunnel *t, const struct resolver_answer *a)
{
	bool changed = remotes_answer(&t->remotes, t->cfg, a, clock_now());
	struct reason why = { 0 };

	for (unsigned i = 0; changed && i < a->n; i++)
		log_info(t->domain->log, t->name, "%s is %s", a->name, addr_str(&a->addr[i]));
	if (!a->n) {
		reason_set(&why, "name-not-resolved",
		    "%s, the remote-address, can't be looked up: %s. Is the name right, and does this "
		    "machine's name "
		    "server answer? `getent ahosts %s` asks the same",
		    a->name, a->error, a->name);
		set_error(t, &why);
	}
	if (changed)
		remotes_changed(t);
}

void tunnel_remote_worked(struct tunnel *t, const struct addr *remote)
{
	if (remotes_worked(&t->remotes, t->cfg, remote))
		remotes_changed(t);
}

void tunnel_activate(struct tunnel *t)
{
	struct reason why = { 0 };

	t->life = TUNNEL_ACTIVE;
	if (ike_enter(t, &why) || bgp_enter(t, true, &why)) {
		set_error(t, &why);
		return;
	}
	pin_remotes(t, t->remotes.addr, t->remotes.n);
	tunnel_resolve(t, clock_now());
	if (t->admin_up)
		enter_service(t);
}

void tunnel_gate_open(struct tunnel *t)
{
	if (t->life == TUNNEL_ACTIVE && t->admin_up)
		demand_start(t);
}

void tunnel_leave(struct tunnel *t, const struct cfg_tunnel *cfg)
{
	if (!cfg_same_session(t->cfg, cfg))
		bgp_leave(t);
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
		enter_service(t);
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
	if (changed && !waits && ike_enter(t, &why))
		set_error(t, &why);
	/* Also where nothing changed: announce-from names LAN peers, whose numbers may be new. */
	if (!waits && bgp_enter(t, !session, &why))
		set_error(t, &why);
	if (changed) {
		routes_enter(t, was);
		if (t->routes_in && !session)
			t->up_fence = fib_writer_fence(t->domain->fib);
		start_changed(t, was);
	}
	liveness_config(t, was);
	cfg_ref_put(old);
}

void tunnel_child_up(struct tunnel *t, uint32_t spi_in)
{
	t->spi_in = spi_in;
	t->facts.child = true;
	domain_trim_later(t->domain, clock_now());
	demand_up(t);
	liveness_up(t);
	reason_clear(&t->error);
	if (t->life != TUNNEL_ACTIVE || t->routes_in)
		return;
	routes_tunnel_in(t);
	t->up_fence = fib_writer_fence(t->domain->fib);
}

void tunnel_child_down(struct tunnel *t)
{
	t->facts.child = t->facts.passing = t->facts.was_in_fib = false;
	t->spi_in = 0;
	liveness_down(t);
	tunnel_probe_down(t, clock_now());
	routes_out(t, false, clock_now());
	demand_lost(t);
}

void tunnel_sa_removal(struct tunnel *t, bool inbound, uint32_t spi)
{
	struct rekey_where w = { t->domain->plane, t->plane_id, t->domain->log, t->name };

	rekey_record_removal(&t->rekeys, &w, inbound, spi, clock_now());
	/* After a rekey the successor carries the routes: nothing to wait for. */
	if (!t->removal_fence || t->n_removals == SA_REMOVALS_MAX) {
		plane_sa_del(t->domain->plane, t->plane_id, inbound, spi);
		return;
	}
	t->removal[t->n_removals++] = (struct sa_removal){ .inbound = inbound, .spi = spi };
}

void tunnel_packet_in(struct tunnel *t)
{
	if (t->facts.child && !t->watch.revoked)
		t->facts.passing = true;
}

void tunnel_path_lost(struct tunnel *t, const struct reason *why)
{
	struct domain *d = t->domain;
	mtime now = clock_now();

	t->facts.passing = t->facts.was_in_fib = false;
	way_is(t, FIB_WAY_DEAD);
	if (t->bgp_started) {
		t->bgp_started = false;
		bgp_peer_path_lost(d->bgp, t->id, why, now);
		while (bgp_exec_one(d, now))
			;
	}
	statics_path_lost(t);
	set_error(t, why);
}

void tunnel_path_back(struct tunnel *t)
{
	if (!t->facts.child)
		return;
	reason_clear(&t->error);
	t->facts.passing = true;
	if (t->routes_in && !t->up_fence)
		bgp_go(t);
}

void tunnel_bgp_state(struct tunnel *t, enum bgp_state state, const struct reason *why)
{
	if (t->facts.bgp == BGP_ESTABLISHED && state != BGP_ESTABLISHED)
		t->facts.complete = t->facts.was_in_fib = false;
	if (state == BGP_ESTABLISHED) {
		t->last_route = clock_now();
		reason_clear(&t->error);
		way_is(t, FIB_WAY_GOOD);
	} else if (reason_is_set(why) && t->facts.child && t->life == TUNNEL_ACTIVE) {
		set_error(t, why);
	}
	t->facts.bgp = state;
}

void tunnel_step_update(struct tunnel *t, mtime now)
{
	struct ladder_facts *f = &t->facts;
	enum step step;

	if (f->bgp == BGP_ESTABLISHED && !f->complete &&
	    mtime_reached(mtime_add(t->last_route, LADDER_QUIET), now))
		f->complete = true;
	step = t->life == TUNNEL_PREPARED ? STEP_DOWN : ladder_step(f);
	f->was_in_fib = step == STEP_IN_FIB;
	if (step == t->step)
		return;
	if (step > t->step || t->life != TUNNEL_ACTIVE)
		log_info(t->domain->log, t->name, "step %s -> %s", step_name(t->step), step_name(step));
	else
		log_warn(t->domain->log, t->name, "step %s -> %s%s%s%s", step_name(t->step), step_name(step),
		    reason_is_set(&t->error) ? " (" : "", t->error.id, reason_is_set(&t->error) ? ")" : "");
	t->step = step;
	t->step_since = now;
}

mtime tunnel_deadline(const struct tunnel *t)
{
	mtime d = MTIME_NEVER;

	if (t->life == TUNNEL_STOPPING)
		d = t->ike_down_asked || t->removal_fence ? t->stop_deadline : t->cease_until;
	if (t->facts.bgp == BGP_ESTABLISHED && !t->facts.complete)
		d = mtime_min(d, mtime_add(t->last_route, LADDER_QUIET));
	return d;
}

static void next_when_down(const struct tunnel *t, struct reason *ret_next)
{
	struct ike_conn_view *v = calloc(1, sizeof(*v));

	if (!t->admin_up)
		reason_set(ret_next, "next-admin-down",
		    "it is down by command; `causeway tunnel up %s` starts it", t->name);
	else if (t->cfg->n_remote && !t->remotes.n)
		reason_set(ret_next, "next-name", "waiting for an address of %s", t->cfg->remote_name[0]);
	else if (demand_resting(t))
		reason_set(ret_next, "next-packet-out",
		    "at rest; a packet to one of its trigger routes brings it up (start on-demand)");
	else if (t->cfg->role == CFG_ROLE_RESPOND)
		reason_set(ret_next, "next-peer-initiates", "waiting for the peer to connect (role respond)");
	else if (v && !ike_conn_view(t->domain->ike, t->id, v) && !mtime_is_never(v->next_attempt) &&
	         v->next_attempt.ns)
		reason_set(ret_next, "next-retry", "the next attempt starts in %lld s",
		    (long long)mdur_to_s(mtime_since(v->next_attempt, clock_now())) + 1);
	free(v);
}

void tunnel_next(const struct tunnel *t, struct reason *ret_next)
{
	const char *remote = t->remotes.n ? addr_str(&t->remotes.addr[0]) : "any";
	const struct cfg_bgp *b = &t->cfg->bgp;

	reason_clear(ret_next);
	switch (t->step) {
	case STEP_DOWN: next_when_down(t, ret_next); break;
	case STEP_CONNECTING:
		reason_set(ret_next, "next-ike-answer",
		    "waiting for an IKE answer from %s (UDP 500 and 4500)", remote);
		break;
	case STEP_AUTHENTICATING:
		reason_set(ret_next, "next-ike-auth", "exchanging identities and keys with %s", remote);
		break;
	case STEP_CHILD:
		reason_set(ret_next, "next-packet",
		    "the SAs are installed; waiting for the first packet out of the tunnel%s%s",
		    t->cfg->have_bgp ? ", normally BGP from " : "",
		    t->cfg->have_bgp ? addr_str(&b->peer) : "");
		break;
	case STEP_PASSING:
		if (t->cfg->have_bgp && bgp_command_is_down(t->domain, t->name))
			reason_set(ret_next, "next-bgp-up",
			    "BGP is down by command; `causeway bgp up %s` starts it", t->name);
		else if (t->cfg->have_bgp)
			reason_set(ret_next, "next-bgp-open",
			    "waiting for a BGP session with %s: is the peer's BGP on, with AS %u for "
			    "us and our address %s?",
			    addr_str(&b->peer), t->ref->cfg->as, addr_str(&b->local));
		else
			reason_set(
			    ret_next, "next-routes", "waiting for the static routes to enter the kernel");
		break;
	case STEP_BGP_OPEN:
		reason_set(
		    ret_next, "next-bgp-established", "BGP is negotiating with %s", addr_str(&b->peer));
		break;
	case STEP_BGP_ESTABLISHED:
		reason_set(ret_next, "next-in-fib",
		    "waiting for the learned routes to enter the kernel (%u of %u)", t->facts.in_kernel,
		    t->facts.wanted);
		break;
	case STEP_IN_FIB: break;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tunnel's end, or its child's: BGP and its routes first, and only when the writer has confirmed that the
 * kernel holds none of them (a fence) the SAs. The same order holds when the peer takes the child away: SA
 * removals wait in `removal` until the routes are out.
 */
#include "connector/daemon/tunnel.h"

#include "connector/daemon/bgp_exec.h"
#include "connector/daemon/bgp_leaving.h"
#include "connector/daemon/demand.h"
#include "connector/daemon/domain.h"
#include "connector/daemon/protect.h"
#include "connector/daemon/routes.h"
#include "connector/daemon/tunnel_if.h"
#include "connector/daemon/tunnel_internal.h"
#include "connector/daemon/tunnel_move.h"
#include "connector/sys/clock.h"

#include <stdlib.h>

#define CEASE_PATIENCE mdur_ms(250)
#define STOP_PATIENCE  mdur_s(2)

void tunnel_look_swept(struct tunnel *t)
{
	struct domain *d = t->domain;

	if (t->removal_fence == REMOVAL_SWEEPING && (!d->bgp || bgp_swept(d->bgp)) && bgp_leaving_done(d))
		t->removal_fence = fib_writer_fence(d->fib);
}

void tunnel_routes_out(struct tunnel *t, bool told, mtime now)
{
	struct domain *d = t->domain;

	t->up_fence = 0;
	tunnel_way_is(t, FIB_WAY_DEAD);
	if (t->bgp_started) {
		struct reason why;

		if (told && t->facts.bgp >= BGP_OPENSENT)
			t->cease_until = mtime_add(now, CEASE_PATIENCE);
		reason_set(&why, told ? "tunnel-stopped" : "tunnel-lost",
		    told ? "the tunnel is being taken down" : "the tunnel under the session is gone");
		if (told)
			bgp_peer_stop(d->bgp, t->id, TUNNEL_CEASE_SHUTDOWN, &why, now);
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

void tunnel_stop_begin(struct tunnel *t)
{
	mtime now = clock_now();

	t->life = TUNNEL_STOPPING;
	t->ike_down_asked = false;
	t->stop_deadline = mtime_add(now, STOP_PATIENCE);
	if (!t->admin_up)
		demand_disarm(t);
	tunnel_routes_out(t, true, now);
	if (!t->removal_fence)
		tunnel_fenced(t, 0);
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
		tunnel_stop_begin(t);
	tunnel_bgp_leave(
	    t); /* its Cease is on its way; the session's ends may be another tunnel's from now on */
}

static void removals_run(struct tunnel *t)
{
	for (unsigned i = 0; i < t->n_removals; i++)
		plane_sa_del(t->domain->plane, t->plane_id, t->removal[i].inbound, t->removal[i].spi);
	t->n_removals = 0;
}

void tunnel_fenced(struct tunnel *t, uint64_t fence)
{
	struct domain *d = t->domain;

	if (t->up_fence && fence >= t->up_fence) {
		t->up_fence = 0;
		tunnel_bgp_go(t);
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

static void stop_finished(struct tunnel *t)
{
	struct domain *d = t->domain;
	struct tunnel *successor = t->successor;

	t->life = TUNNEL_ACTIVE;
	if (!t->retiring) {
		if (!tunnel_remotes_entered(t))
			tunnel_remotes_changed(t);
		if (t->admin_up) /* `up` came while it was going down */
			tunnel_enter_service(t);
		return;
	}
	ike_conn_remove(d->ike, t->id);
	tunnel_pin_remotes(t, NULL, 0);
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

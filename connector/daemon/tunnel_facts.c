/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tunnel is told: a child SA came or went, packets pass or don't; and the step that follows from all
 * of it.
 */
#include "connector/daemon/tunnel.h"

#include "connector/daemon/bgp_exec.h"
#include "connector/daemon/demand.h"
#include "connector/daemon/domain.h"
#include "connector/daemon/liveness.h"
#include "connector/daemon/routes.h"
#include "connector/daemon/statics.h"
#include "connector/daemon/tunnel_internal.h"
#include "connector/daemon/tunnel_probe.h"
#include "connector/sys/clock.h"

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
	tunnel_routes_out(t, false, clock_now());
	demand_lost(t);
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
	tunnel_way_is(t, FIB_WAY_DEAD);
	if (t->bgp_started) {
		t->bgp_started = false;
		bgp_peer_path_lost(d->bgp, t->id, why, now);
		while (bgp_exec_one(d, now))
			;
	}
	statics_path_lost(t);
	tunnel_set_error(t, why);
}

void tunnel_path_back(struct tunnel *t)
{
	if (!t->facts.child)
		return;
	reason_clear(&t->error);
	t->facts.passing = true;
	if (t->routes_in && !t->up_fence)
		tunnel_bgp_go(t);
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

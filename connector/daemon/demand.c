/* SPDX-License-Identifier: Apache-2.0 */
/* Start modes. `demanded` is the whole state: whether somebody wants an on-demand tunnel now. */
#include "connector/daemon/demand.h"

#include "connector/daemon/domain.h"
#include "connector/daemon/statics.h"
#include "connector/sys/clock.h"

static bool on_demand(const struct tunnel *t)
{
	return t->cfg->start == CFG_START_ON_DEMAND;
}

/* Anew: what is kept is dropped, and the next packet asks again. */
static void trigger_on(struct tunnel *t)
{
	if (t->ifindex && plane_trigger(t->domain->plane, t->plane_id, true))
		log_error(t->domain->log, t->name,
		    "data-plane-no-trigger: packets can't bring it up; 'causeway tunnel up' does");
}

void demand_arm(struct tunnel *t)
{
	if (!on_demand(t) || t->armed)
		return;
	trigger_on(t);
	statics_arm(t, true);
}

void demand_disarm(struct tunnel *t)
{
	if (!t->armed)
		return;
	statics_arm(t, false);
	if (t->ifindex)
		plane_trigger(t->domain->plane, t->plane_id, false);
}

bool demand_resting(const struct tunnel *t)
{
	return on_demand(t) && t->admin_up && !t->demanded && t->life == TUNNEL_ACTIVE;
}

void demand_start(struct tunnel *t)
{
	mtime now = clock_now();

	if (!t->ike_entered)
		return; /* its names have no address yet */
	if (t->domain->gate)
		return; /* it comes when what must never leave in clear is held */
	if (demand_resting(t))
		ike_conn_listen(t->domain->ike, t->id, now);
	else
		ike_conn_up(t->domain->ike, t->id, now);
}

void demand_packet(struct tunnel *t)
{
	if (!on_demand(t) || !t->admin_up)
		return;
	if (!t->demanded)
		log_info(t->domain->log, t->name, "a packet asks for it");
	t->demanded = true;
	if (t->life == TUNNEL_ACTIVE)
		demand_start(t);
}

void demand_up(struct tunnel *t)
{
	t->demanded = true;
	t->user_at = clock_now();
}

void demand_lost(struct tunnel *t)
{
	if (!on_demand(t) || !t->admin_up || t->life != TUNNEL_ACTIVE || !t->demanded)
		return;
	t->demanded = false;
	trigger_on(t);
	statics_pass_turn(t);
	demand_start(t);
}

void demand_poll(struct tunnel *t, uint64_t packets, mtime now)
{
	mdur idle = t->cfg->idle_timeout;

	if (packets != t->user_packets)
		t->user_at = now;
	t->user_packets = packets;
	if (!idle.ns || t->life != TUNNEL_ACTIVE || !mtime_reached(mtime_add(t->user_at, idle), now))
		return;
	log_info(t->domain->log, t->name, "no packet for %lld s: it is taken down",
	    (long long)mdur_to_s(mtime_since(now, t->user_at)));
	if (on_demand(t))
		tunnel_rest(t);
	else
		tunnel_down(t);
}

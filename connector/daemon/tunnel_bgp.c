/* SPDX-License-Identifier: Apache-2.0 */
/* A tunnel's BGP peer: known to the core, run while the way to it stands, and what its state means here. */
#include "connector/daemon/tunnel.h"

#include "connector/daemon/bgp_command.h"
#include "connector/daemon/bgp_exec.h"
#include "connector/daemon/domain.h"
#include "connector/daemon/restart.h"
#include "connector/daemon/tunnel_internal.h"
#include "connector/sys/clock.h"

#include <stdlib.h>

int tunnel_bgp_enter(struct tunnel *t, bool add, struct reason *ret_reason)
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
	if (add && !rc)
		restart_peer_added(t->domain, t->id, t->name);
	return rc < 0 ? -1 : 0;
}

void tunnel_way_is(const struct tunnel *t, enum fib_way_state state)
{
	if (t->ifindex && t->cfg->have_bgp)
		fib_writer_way_is(t->domain->fib, t->ifindex, &(struct addr){ 0 }, state);
}

void tunnel_bgp_leave(struct tunnel *t)
{
	if (!t->cfg->have_bgp || !t->domain->bgp)
		return;
	bgp_peer_remove(t->domain->bgp, t->id, clock_now());
	t->bgp_started = false;
	while (bgp_exec_one(t->domain, clock_now()))
		;
}

void tunnel_bgp_go(struct tunnel *t)
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
		tunnel_bgp_go(t);
}

int tunnel_bgp_down(struct tunnel *t, const char *words, const struct reason *why, struct reason *ret_reason)
{
	struct domain *d = t->domain;

	if (t->bgp_started &&
	    bgp_peer_stop_saying(d->bgp, t->id, TUNNEL_CEASE_SHUTDOWN, words, why, clock_now(), ret_reason))
		return -1;
	t->bgp_started = false;
	return 0;
}

void tunnel_bgp_state(struct tunnel *t, enum bgp_state state, const struct reason *why)
{
	if (t->facts.bgp == BGP_ESTABLISHED && state != BGP_ESTABLISHED)
		t->facts.complete = t->facts.was_in_fib = false;
	if (state == BGP_ESTABLISHED) {
		t->last_route = clock_now();
		reason_clear(&t->error);
		tunnel_way_is(t, FIB_WAY_GOOD);
	} else if (reason_is_set(why) && t->facts.child && t->life == TUNNEL_ACTIVE) {
		tunnel_set_error(t, why);
	}
	t->facts.bgp = state;
}

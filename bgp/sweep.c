/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sweep: one walk over all destinations, in pieces, for everything that changed for too many of them to
 * be done in one call. It takes out routes that are gone (stale.c) and what was told in sessions that are
 * over, judges anew where the rules have changed, and decides where that matters. While it runs the table is
 * right all the same: who looks at a destination before the sweep does sees what counts.
 *
 * What is asked for while a pass runs waits for the next, which begins behind it. A small table is swept in
 * the call that asks.
 */
#include "bgp/core.h"

/* Of the budget, in destinations only looked at: what a decision costs, and judging anew. */
#define DECISION_UNITS 4
#define JUDGE_UNITS    4

/* From here on all that is asked for by now is done. */
static void begin_pass(struct bgp *bgp)
{
	struct sweep *s = &bgp->sweep;

	s->running = true;
	s->again = false;
	s->rejudging = s->rejudge;
	s->rejudge = s->rejudging_peers = false;
	s->after = (struct prefix){ 0 };
	list_for_each (&bgp->peers, struct peer, p, node) {
		for (int f = 0; f < BGP_N_FAMILIES; f++)
			p->stale[f].pass = p->stale[f].first;
		p->out.pass = p->out.round;
		p->rejudging = p->rejudge;
		p->rejudge = REJUDGE_NOT;
		s->rejudging_peers |= p->rejudging != REJUDGE_NOT;
	}
	list_for_each (&bgp->removed, struct peer, p, node)
		p->leaving = true;
}

static void end_pass(struct bgp *bgp)
{
	bool all = bgp->sweep.rejudging;

	bgp->sweep.running = bgp->sweep.rejudging = bgp->sweep.rejudging_peers = false;
	list_for_each (&bgp->peers, struct peer, p, node) {
		for (int f = 0; f < BGP_N_FAMILIES; f++)
			p->stale[f].clean = p->stale[f].pass;
		p->out.clean = p->out.pass;
		p->judged |= p->rejudging != REJUDGE_NOT || all;
		p->rejudging = REJUDGE_NOT;
	}
	list_for_each (&bgp->removed, struct peer, p, node)
		if (p->leaving)
			peer_free(p);
	if (bgp->sweep.again)
		begin_pass(bgp);
}

/* Returns what it cost. */
static unsigned sweep_one(struct bgp *bgp, struct dest *d)
{
	bool decide = rib_in_sweep(bgp, d, bgp->sweep.rejudging);
	unsigned cost = 1;

	rib_out_sweep(bgp, d);
	if (decide)
		dest_decide(bgp, d, true);
	dest_gc(bgp, d);
	if (decide)
		cost += DECISION_UNITS;
	if (bgp->sweep.rejudging || bgp->sweep.rejudging_peers)
		cost += JUDGE_UNITS;
	return cost;
}

unsigned sweep_some(struct bgp *bgp, unsigned budget)
{
	while (bgp->sweep.running && budget) {
		struct dest *d;
		unsigned cost;

		if (!dest_after(bgp, &bgp->sweep.after, &d)) {
			end_pass(bgp);
			budget--;
			continue;
		}
		bgp->sweep.after = dest_prefix(d);
		cost = sweep_one(bgp, d);
		budget -= cost < budget ? cost : budget;
	}
	return budget;
}

void sweep_start(struct bgp *bgp)
{
	if (bgp->sweep.running)
		bgp->sweep.again = true;
	else
		begin_pass(bgp);
	bgp->sweep.at_once = sweep_some(bgp, bgp->sweep.at_once);
}

void sweep_all(struct bgp *bgp)
{
	while (bgp->sweep.running)
		(void)sweep_some(bgp, UINT32_MAX);
}

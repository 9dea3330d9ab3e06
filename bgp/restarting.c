/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Graceful restart as the one that restarts (RFC 4724 4.1). The routes that this speaker put into the kernel
 * before it left are still there, and its peers, as helpers, still hold what it told them. So:
 *
 *   OPENs       have the R bit, and F for the families whose forwarding was kept (session.c asks here)
 *   selection   is deferred: UPDATEs are taken in and decided upon, but no ROUTE action comes and nobody is
 *               told anything. What was queued meanwhile, and the tables that wait for new sessions, goes
 *               when it is over, and End-of-RIB behind each table, as ever
 *   it is over  when each peer whose session is to come back has said End-of-RIB for every family; when one
 *               that is not back within our restart time is no longer waited for; and at the latest when
 *               stale-time has passed
 *
 * The RFC does not wait for peers that have restarted themselves (two could wait for each other), nor for
 * those that know no End-of-RIB. They get some seconds all the same: what they are about to say would else be
 * withdrawn everywhere, only to be told again.
 *
 * bgp_restart_settled is later: peers that have restarted themselves have said End-of-RIB, too. What is in
 * the kernel of the run before may stay until then, so that nothing is lost where both sides restart.
 */
#include "bgp/core.h"

#define NO_EOR_S    5  /* a peer that sends no End-of-RIB is taken to have told its table by then */
#define RESTARTED_S 10 /* what another that restarts gets: to be back with its own neighbours */

void bgp_restart_begin(struct bgp *bgp, mtime back_by, mtime told_by, mtime now)
{
	bgp_enter(bgp, now);
	bgp->restarting = (struct restarting){ .on = true, .back_by = back_by, .told_by = told_by };
}

void bgp_peer_restarts(struct bgp *bgp, uint32_t peer, const bool forwarding[2], mtime now)
{
	struct peer *p;

	bgp_enter(bgp, now);
	p = peer_find(bgp, peer);
	if (!p)
		return;
	p->rejoin = (struct rejoin){ .waited = true };
	for (int f = 0; f < BGP_N_FAMILIES; f++)
		p->rejoin.kept[f] = forwarding[f];
}

static bool told_all(const struct session *s)
{
	for (int f = 0; f < BGP_N_FAMILIES; f++)
		if (s->terms.family[f] && !s->disabled[f] && !s->peer->eor_in[f])
			return false;
	return true;
}

/* Until when this one is waited for; in the past: it is not. sweep: before what was kept is swept. */
static mtime wait_until(const struct peer *p, bool sweep)
{
	const struct restarting *r = &p->bgp->restarting;
	const struct session *s = peer_session(p, SESSION_ESTABLISHED);
	mtime until = r->told_by;

	if (!p->rejoin.waited)
		return p->bgp->now;
	if (!s)
		return mtime_min(r->back_by, r->told_by);
	if (told_all(s))
		return p->bgp->now;
	if (!s->theirs.caps.end_of_rib)
		until = mtime_add(p->established_at, mdur_s(NO_EOR_S));
	else if (s->theirs.caps.restart.restarting && !sweep)
		until = mtime_add(p->established_at, mdur_s(RESTARTED_S));
	return mtime_min(until, r->told_by);
}

static mtime wait_for_all(const struct bgp *bgp, bool sweep)
{
	mtime until = bgp->now;

	list_for_each ((struct list *)&bgp->peers, struct peer, p, node)
		until = mtime_max(until, wait_until(p, sweep));
	return until;
}

void restarting_look(struct bgp *bgp)
{
	if (bgp->restarting.on && mtime_reached(wait_for_all(bgp, false), bgp->now))
		bgp->restarting.on = false;
}

mtime restarting_deadline(const struct bgp *bgp)
{
	return bgp->restarting.on ? wait_for_all(bgp, false) : MTIME_NEVER;
}

bool bgp_restarting(const struct bgp *bgp)
{
	return bgp->restarting.on;
}

bool bgp_restart_settled(const struct bgp *bgp, mtime now)
{
	return !bgp->restarting.on && bgp_swept(bgp) && mtime_reached(wait_for_all(bgp, true), now);
}

void bgp_restart_end(struct bgp *bgp, mtime now)
{
	bgp_enter(bgp, now);
	bgp->restarting.on = false;
	list_for_each (&bgp->peers, struct peer, p, node)
		p->rejoin.waited = false;
}

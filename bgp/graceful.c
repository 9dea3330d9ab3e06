/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Graceful restart (RFC 4724, RFC 8538), as the one that waits: a peer that said beforehand that it can keep
 * its forwarding is gone, and what it taught us stays in use, stale, for it to come back and say it again.
 *
 *   the session ends     families of its restart capability: stale; the others: gone        (graceful_leave)
 *   it does not come     gone, by its restart time or our stale time, whichever is less     (graceful_timers)
 *   it is back           gone at once where it says that its forwarding was not kept (F)    (graceful_back)
 *   End-of-RIB, or time  what it has not told again goes                                    (graceful_eor)
 *
 * A fall while routes are stale from the last one takes those first (4.2, consecutive restarts). A command
 * that stops the peer, a change that restarts the session, and the loss of the path under it keep nothing
 * (graceful_forget).
 */
#include "bgp/core.h"

#include <string.h>

#define STALE_DEFAULT_S 360

static mdur stale_time(const struct peer *p)
{
	return p->config.session.stale_time.ns ? p->config.session.stale_time : mdur_s(STALE_DEFAULT_S);
}

static bool keeps_family(const struct session *s, int family)
{
	return s->theirs.caps.end_of_rib && s->theirs.caps.restart.family[family] && s->terms.family[family];
}

bool graceful_agreed(const struct session *s)
{
	return s->peer->config.session.restart != BGP_RESTART_OFF &&
	       (keeps_family(s, BGP_IPV4) || keeps_family(s, BGP_IPV6));
}

static void clear(struct graceful *g)
{
	*g = (struct graceful){ .restart_by = MTIME_NEVER, .stale_by = MTIME_NEVER };
}

void graceful_init(struct peer *p)
{
	clear(&p->graceful);
	for (int f = 0; f < BGP_N_FAMILIES; f++)
		p->stale[f].refresh_by = MTIME_NEVER;
}

void graceful_leave(struct session *s, bool keeps)
{
	struct peer *p = s->peer;
	struct graceful *g = &p->graceful;
	bool restarted[BGP_N_FAMILIES]; /* and its routes are still those of before */
	mdur restart = mdur_s(s->theirs.caps.restart.time), stale = stale_time(p);

	memcpy(restarted, g->waiting, sizeof(restarted));
	clear(g);
	for (int f = 0; f < BGP_N_FAMILIES; f++) {
		p->stale[f].refresh_by = MTIME_NEVER;
		if (!keeps || !graceful_agreed(s) || !keeps_family(s, f) || s->disabled[f] ||
		    !p->stale[f].received) {
			rib_in_flush(p, f);
			continue;
		}
		if (restarted[f]) /* what is stale of a refresh that was cut short stays: RFC 4724 4.2 */
			stale_sweep(p, (enum bgp_family)f);
		stale_mark(p, (enum bgp_family)f);
		g->waiting[f] = g->holding = true;
	}
	if (!g->holding)
		return;
	g->restart_by = mtime_add(p->bgp->now, restart.ns < stale.ns ? restart : stale);
	g->stale_by = mtime_add(p->bgp->now, stale);
}

void graceful_back(struct session *s)
{
	struct peer *p = s->peer;
	struct graceful *g = &p->graceful;

	g->holding = false;
	g->restart_by = MTIME_NEVER;
	p->judged |= p->limited; /* there may be room: nobody has looked while no session stood */
	for (int f = 0; f < BGP_N_FAMILIES; f++) {
		if (!g->waiting[f] || (keeps_family(s, f) && s->theirs.caps.restart.forwarding[f]))
			continue;
		g->waiting[f] = false;
		rib_in_flush(p, f);
	}
	if (!g->waiting[BGP_IPV4] && !g->waiting[BGP_IPV6])
		g->stale_by = MTIME_NEVER;
}

void graceful_eor(struct session *s, enum bgp_family family)
{
	struct graceful *g = &s->peer->graceful;

	if (!g->waiting[family])
		return;
	g->waiting[family] = false;
	stale_sweep(s->peer, family);
	if (!g->waiting[!family])
		g->stale_by = MTIME_NEVER;
}

void graceful_forget(struct peer *p)
{
	clear(&p->graceful);
	rib_in_flush(p, -1);
}

static void never_came(struct peer *p)
{
	uint32_t stale = p->stale[BGP_IPV4].stale + p->stale[BGP_IPV6].stale;

	act_report(p, false, "bgp-restart-expired",
	    "%s: it has not come back within its restart time; the %u routes kept for it go", p->config.name,
	    stale);
	graceful_forget(p);
}

static void no_end_of_rib(struct peer *p)
{
	for (int f = 0; f < BGP_N_FAMILIES; f++)
		if (p->graceful.waiting[f])
			stale_sweep(p, (enum bgp_family)f);
	clear(&p->graceful);
	act_report(p, false, "bgp-stale-expired",
	    "%s: no End-of-RIB came within stale-time; what it has not told again since its restart goes",
	    p->config.name);
}

void graceful_timers(struct peer *p)
{
	mtime now = p->bgp->now;

	if (mtime_reached(p->graceful.restart_by, now))
		never_came(p);
	if (mtime_reached(p->graceful.stale_by, now))
		no_end_of_rib(p);
	for (int f = 0; f < BGP_N_FAMILIES; f++) {
		if (!mtime_reached(p->stale[f].refresh_by, now))
			continue;
		act_report(p, false, "bgp-refresh-unended",
		    "%s: a route refresh began and did not end; what it has not told again goes (RFC 7313 "
		    "4.2)",
		    p->config.name);
		stale_sweep(p, (enum bgp_family)f);
	}
}

mtime graceful_deadline(const struct peer *p)
{
	mtime t = mtime_min(p->graceful.restart_by, p->graceful.stale_by);

	return mtime_min(t, mtime_min(p->stale[BGP_IPV4].refresh_by, p->stale[BGP_IPV6].refresh_by));
}

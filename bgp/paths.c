/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths beyond the number that is kept of a prefix (RFC 7911). They are not stored: else a peer could make
 * the list of one destination as long as it likes, and each of its routes costs a walk along it. What is
 * known is that there were some. When a place may be free for one of them the peer is asked for its routes
 * again (RFC 2918), a little later, as more may be about to leave, and not often.
 */
#include "bgp/core.h"

#define ASK_DELAY_S 1
#define ASK_GAP_S   60

void paths_reset(struct peer *p)
{
	mtime next = p->paths.next; /* also when its session falls and comes back each second */

	p->paths = (struct paths_refused){ .ask_at = MTIME_NEVER, .next = next };
}

void paths_refuse(struct peer *p)
{
	p->paths.some = true;
	if (p->paths.n++)
		return;
	act_report(p, false, "bgp-max-prefixes-over",
	    "%s: more paths for a prefix than are kept: %d of a peer, %d of all; the others are not used",
	    p->config.name, BGP_PATHS_MAX, DECIDE_MAX - BGP_PEERS_MAX);
}

static void ask_soon(struct peer *p)
{
	if (!p->paths.some || !mtime_is_never(p->paths.ask_at))
		return;
	p->paths.ask_at = mtime_max(p->paths.next, mtime_add(p->bgp->now, mdur_s(ASK_DELAY_S)));
}

void paths_stale_gone(struct peer *p)
{
	ask_soon(p);
}

void paths_leaves(struct bgp *bgp, const struct dest *d, struct peer *p)
{
	unsigned all = 0, of_peer = 0;

	for (const struct route *r = route_at(bgp, d->routes); r; r = route_at(bgp, r->next)) {
		if (!stale_counts(bgp, d, r))
			continue;
		all++;
		of_peer += r->slot == p->slot;
	}
	if (of_peer >= BGP_PATHS_MAX)
		ask_soon(p);
	if (all >= DECIDE_MAX - BGP_PEERS_MAX)
		list_for_each (&bgp->peers, struct peer, other, node)
			ask_soon(other);
}

void paths_timers(struct peer *p)
{
	struct session *s = peer_session(p, SESSION_ESTABLISHED);

	if (!mtime_reached(p->paths.ask_at, p->bgp->now))
		return;
	p->paths.ask_at = MTIME_NEVER;
	if (!s || !s->terms.route_refresh)
		return;
	p->paths.some = false; /* what is one too many still is refused again */
	p->paths.next = mtime_add(p->bgp->now, mdur_s(ASK_GAP_S));
	for (int f = 0; f < BGP_N_FAMILIES; f++)
		if (s->terms.family[f] && s->terms.path_ids_in[f])
			(void)session_send_refresh(s, (enum bgp_family)f, BGP_REFRESH_REQUEST);
}

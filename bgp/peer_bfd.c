/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What BFD says of the path to a peer (RFC 5882 4). A failure ends a session that stands or is about to; it
 * does not keep the next one from starting, for a BFD that never comes up (the peer has none, a firewall
 * drops it) must not cost the routes; unless the configuration is strict: then it waits for BFD. Graceful
 * restart keeps nothing of a session that BFD ended: to keep routes over a broken path for minutes is what
 * BFD is there to prevent.
 */
#include "bgp/core.h"

bool bgp_peer_started(const struct bgp *bgp, uint32_t peer)
{
	const struct peer *p = peer_find(bgp, peer);

	return p && p->started;
}

void peer_waits_for_bfd(struct peer *p)
{
	p->bfd_waits = true;
	if (!reason_is_set(&p->last_error))
		reason_set(&p->last_error, "bgp-bfd-waiting",
		    "%s: BFD is not up yet, and bfd/strict lets no session begin before it is",
		    p->config.name);
}

void bgp_peer_bfd_up(struct bgp *bgp, uint32_t peer, mtime now)
{
	struct peer *p;

	bgp_enter(bgp, now);
	p = peer_find(bgp, peer);
	if (!p)
		return;
	p->bfd_up = true;
	if (!p->bfd_waits)
		return;
	p->bfd_waits = false;
	if (p->started && mtime_is_never(p->start_at) && !p->session[0] && !p->session[1])
		fsm_start(p);
}

/* Is there a session that BFD's failure ends? A strict one was to be none without it. */
static bool ends(const struct peer *p)
{
	if (p->config.session.strict_bfd && (p->session[0] || p->session[1]))
		return true;
	return peer_session(p, SESSION_ESTABLISHED) || peer_session(p, SESSION_OPENCONFIRM);
}

void bgp_peer_bfd_down(struct bgp *bgp, uint32_t peer, bool independent, const struct reason *why, mtime now)
{
	struct notify n = { .code = BGP_ERR_CEASE, .subcode = BGP_CEASE_BFD_DOWN };
	struct peer *p;

	bgp_enter(bgp, now);
	p = peer_find(bgp, peer);
	if (p)
		p->bfd_up = false;
	if (!p || !p->started)
		return;
	reason_set(&n.why, "bgp-bfd-down", "BFD has found the path broken: %s", why->text);
	p->rejoin.waited &= !independent; /* nor is selection deferred for it */
	if (ends(p))
		fsm_fall(p, FALL_ERROR, &n, &n.why);
	else if (p->graceful.holding && independent)
		graceful_forget(p);
}

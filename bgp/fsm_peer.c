/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a peer starts and falls, and what it is when seen as one: of its connections, the furthest. Every
 * change of state is told in one place, fsm_note_state.
 *
 * Where RFC 4271 8 leaves a choice: DelayOpen is not used; a failed connection attempt leads to Active at
 * once; after a fall the peer starts again by itself (AllowAutomaticStart with DampPeerOscillations), soon at
 * first and later with each failure in a row; a connection refused or closed before an OPEN came leads to
 * Active.
 */
#include "bgp/fsm.h"

#include <string.h>

#define CROSSING_S        5 /* a connection that opened longer ago without an OPEN may be dead: no rival */
#define IDLE_HOLD_FIRST_S 1
#define IDLE_HOLD_MAX_S   16
#define STABLE_S          60  /* a session that stood this long forgives earlier failures */
#define MAX_PREFIX_HOLD_S 300 /* a peer that sends too much is left alone for a while */

/* --- the peer's state --- */
static enum bgp_state peer_state(const struct peer *p)
{
	static const enum bgp_state of[SESSION_N_STATES] = {
		[SESSION_CONNECTING] = BGP_CONNECT,
		[SESSION_OPENSENT] = BGP_OPENSENT,
		[SESSION_OPENCONFIRM] = BGP_OPENCONFIRM,
		[SESSION_ESTABLISHED] = BGP_ESTABLISHED,
		[SESSION_CLOSED] = BGP_IDLE,
	};
	enum bgp_state st = BGP_IDLE;

	for (unsigned i = 0; i < 2; i++)
		if (p->session[i] && of[p->session[i]->state] > st)
			st = of[p->session[i]->state];
	if (st != BGP_IDLE || !p->started || !mtime_is_never(p->start_at) || peer_needs_bfd(p))
		return st;
	return BGP_ACTIVE;
}

/* Every change of any session ends here: the one place that tells of states. */
void fsm_note_state(struct peer *p, const struct reason *why)
{
	enum bgp_state st = peer_state(p);

	if (st == p->state)
		return;
	p->state = st;
	p->since = p->bgp->now;
	act_state(p, why);
	restarting_look(p->bgp);
}

mtime fsm_in_about(struct peer *p, mdur d)
{
	return mtime_add(p->bgp->now, jitter(p->bgp, d));
}

/* --- connecting --- */
static void start_connection(struct peer *p)
{
	struct session *s = session_new(p, false);

	p->retry_at = fsm_in_about(p, p->config.connect_retry);
	if (s)
		act_connect(p->bgp, s);
}

/* Open for long, and no OPEN came: its other end may be dead, and must not stand in the way of the next. */
bool fsm_is_stale(const struct session *s)
{
	return s->state == SESSION_OPENSENT &&
	       mtime_since(s->peer->bgp->now, s->opened_at).ns > mdur_s(CROSSING_S).ns;
}

void fsm_start(struct peer *p)
{
	p->start_at = p->retry_at = MTIME_NEVER;
	if (peer_needs_bfd(p))
		peer_waits_for_bfd(p);
	else if (p->config.mode != BGP_MODE_PASSIVE && !p->session[0])
		start_connection(p);
	fsm_note_state(p, NULL);
}

/*
 * A peer that restarts may be back before we have noticed that it was gone: then its new connection is heard,
 * and takes the old one's place with its OPEN (RFC 4724 5).
 */
static bool takes_successor(const struct session *established)
{
	return graceful_agreed(established) && !session_other(established);
}

bool fsm_takes_incoming(const struct peer *p)
{
	const struct session *theirs = p->session[1], *established = peer_session(p, SESSION_ESTABLISHED);

	if (!p->started || !mtime_is_never(p->start_at) || p->config.mode == BGP_MODE_ACTIVE ||
	    peer_needs_bfd(p))
		return false;
	return established ? takes_successor(established) : !theirs || fsm_is_stale(theirs);
}

/* --- falling --- */
static mdur idle_hold(struct peer *p, const struct notify *notify)
{
	unsigned s = IDLE_HOLD_FIRST_S;

	if (notify && notify->code == BGP_ERR_CEASE && notify->subcode == BGP_CEASE_MAX_PREFIXES)
		return p->config.limits.restart.ns ? p->config.limits.restart : mdur_s(MAX_PREFIX_HOLD_S);
	for (unsigned i = 1; i < p->failures && s < IDLE_HOLD_MAX_S; i++)
		s *= 2;
	return mdur_s(s);
}

static void peer_falls(struct peer *p, enum fall fall, const struct notify *notify)
{
	p->retry_at = p->start_at = MTIME_NEVER;
	if (!p->started)
		return;
	switch (fall) {
	case FALL_STOP: break;
	case FALL_RESTART: p->start_at = p->bgp->now; break;
	case FALL_ERROR:
		p->failures++;
		p->start_at = fsm_in_about(p, idle_hold(p, notify));
		break;
	case FALL_TCP:
		if (p->config.mode != BGP_MODE_PASSIVE)
			p->retry_at = fsm_in_about(p, p->config.connect_retry);
		break;
	}
}

static void leave_established(struct session *s)
{
	struct peer *p = s->peer;

	if (mtime_since(p->bgp->now, p->established_at).ns >= mdur_s(STABLE_S).ns)
		p->failures = 0;
	graceful_leave(s, s->keeps);
	rib_out_down(p);
	memset(p->eor_in, 0, sizeof(p->eor_in));
	paths_reset(p);
}

/* Where our routes would be kept there although we mean it, the peer is told so (RFC 8538 3.1). */
static void tell(struct session *s, const struct notify *notify)
{
	struct notify hard = *notify;

	if (s->terms.notification_restart && s->peer->config.session.restart == BGP_RESTART_FULL &&
	    notification_is_hard(notify->code, notify->subcode))
		notify_hard_reset(&hard);
	session_transmit_notify(s, &hard);
}

/* One connection ends. Routes go first, then the NOTIFICATION, then the connection. */
void fsm_end_session(
    struct session *s, const struct notify *notify, const struct reason *why, bool closed_already)
{
	struct peer *p = s->peer;
	enum session_state was = s->state;

	if (was == SESSION_CLOSED)
		return;
	s->state = SESSION_CLOSED;
	if (notify && s->terms.notification_restart && !notification_is_hard(notify->code, notify->subcode))
		s->keeps = true; /* RFC 8538 4.1 */
	if (was == SESSION_ESTABLISHED)
		leave_established(s);
	if (notify && was != SESSION_CONNECTING)
		tell(s, notify);
	if (!closed_already)
		act_close(p->bgp, s);
	p->session[p->session[1] == s] = NULL;
	list_append(&p->bgp->graveyard, &s->graveyard);
	if (why && reason_is_set(why))
		p->last_error = *why;
}

/* Nothing at all came back: that has its own causes. Told once, until something answers. */
static void unanswered(struct peer *p)
{
	struct reason why;

	reason_set(&why, "bgp-connect-unanswered",
	    "%s: nothing answers our connection attempts to %s, port %d. Is it reachable, does BGP listen "
	    "there for us, and does no "
	    "filter drop them? %s",
	    p->config.name, addr_str(&p->config.remote), BGP_PORT,
	    p->config.session.password ? "A wrong password looks like this too: TCP drops what is not signed "
	                                 "as expected, on both sides"
	                               : "A peer that wants a password (TCP MD5 signatures) looks like this "
	                                 "too, where none is set here");
	if (strcmp(p->last_error.id, why.id) != 0)
		act_report(p, false, "bgp-connect-unanswered", "%s", why.text);
	p->last_error = why;
}

/* ConnectRetryTimer: an attempt that hangs is given up for a new one. */
void fsm_retry(struct peer *p)
{
	struct session *ours = p->session[0];
	bool pending = ours && ours->state == SESSION_CONNECTING;

	p->retry_at = MTIME_NEVER;
	if ((ours && !pending) || peer_session(p, SESSION_OPENCONFIRM) ||
	    peer_session(p, SESSION_ESTABLISHED))
		return;
	if (pending) {
		unanswered(p);
		fsm_end_session(ours, NULL, NULL, false);
	}
	if (peer_needs_bfd(p)) /* it has fallen, or is wanted only now */
		peer_waits_for_bfd(p);
	else
		start_connection(p);
	fsm_note_state(p, NULL);
}

void fsm_close(struct session *s, enum fall fall, const struct notify *notify, const struct reason *why,
    bool closed_already)
{
	struct peer *p = s->peer;

	fsm_end_session(s, notify, why, closed_already);
	if (!p->session[0] && !p->session[1])
		peer_falls(p, fall, notify);
	else if (!p->session[0] && mtime_is_never(p->retry_at) && p->config.mode != BGP_MODE_PASSIVE)
		p->retry_at = fsm_in_about(
		    p, p->config.connect_retry); /* fsm_retry() looks whether it is still wanted */
	fsm_note_state(p, why);
}

void fsm_fall(struct peer *p, enum fall fall, const struct notify *notify, const struct reason *why)
{
	for (unsigned i = 0; i < 2; i++)
		if (p->session[i])
			fsm_end_session(p->session[i], notify, why, false);
	graceful_forget(p);
	if (why && reason_is_set(why))
		p->last_error = *why;
	peer_falls(p, fall, notify);
	fsm_note_state(p, why);
}

void fsm_make_way(struct peer *p)
{
	struct notify n = { .code = BGP_ERR_CEASE, .subcode = BGP_CEASE_COLLISION };

	reason_set(&n.why, "bgp-stale-connection", "%s: connected again; the silent connection is closed",
	    p->config.name);
	if (p->session[1] && p->session[1]->state == SESSION_ESTABLISHED) {
		p->session[0] = p->session[1]; /* it stays until the new one has shown who it is */
		p->session[1] = NULL;
	} else if (p->session[1]) {
		fsm_close(p->session[1], FALL_TCP, &n, &n.why, false);
	}
}

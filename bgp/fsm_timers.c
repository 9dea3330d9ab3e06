/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timers of sessions and peers, as deadlines: which has been reached, and which is next.
 *
 * A hold timer that has run out is believed only when nothing lies unread: the daemon may have been busy, or
 * the machine asleep, and the peer's keepalives wait in the socket.
 */
#include "bgp/fsm.h"

#define SEND_HOLD_MIN_S 480 /* RFC 9687 3.2: 8 minutes, or twice the hold time */

mdur fsm_send_hold(const struct session *s)
{
	mdur twice = mdur_mul(s->hold, 2, 1), least = mdur_s(SEND_HOLD_MIN_S);

	if (s->peer->config.session.send_hold.ns)
		return s->peer->config.session.send_hold;
	return twice.ns > least.ns ? twice : least;
}

static void session_timers(struct session *s)
{
	mtime now = s->peer->bgp->now;

	if (mtime_reached(s->hold_at, now)) {
		s->hold_at = MTIME_NEVER;
		s->read_asked = true;
		if (act_read(s) < 0)
			fsm_session(s, FSM_HOLD_EXPIRED, NULL);
		return;
	}
	if (mtime_reached(s->send_hold_at, now)) {
		fsm_session(s, FSM_SEND_HOLD_EXPIRED, NULL);
		return;
	}
	if (mtime_reached(s->keepalive_at, now))
		fsm_session(s, FSM_KEEPALIVE_EXPIRED, NULL);
	if (s->state != SESSION_ESTABLISHED || !rib_out_has_work(s->peer) ||
	    s->room >= session_message_max(s))
		s->send_hold_at = MTIME_NEVER;
	else if (mtime_is_never(s->send_hold_at))
		s->send_hold_at = mtime_add(now, fsm_send_hold(s));
}

void fsm_read_done(struct session *s)
{
	if (s->read_asked)
		fsm_session(s, FSM_HOLD_EXPIRED, NULL);
}

void fsm_timers(struct peer *p)
{
	for (unsigned i = 0; i < 2; i++)
		if (p->session[i])
			session_timers(p->session[i]);
	graceful_timers(p);
	paths_timers(p);
	if (mtime_reached(p->retry_at, p->bgp->now))
		fsm_retry(p);
	if (mtime_reached(p->start_at, p->bgp->now))
		fsm_start(p);
}

mtime fsm_deadline(const struct peer *p)
{
	mtime t = mtime_min(mtime_min(p->retry_at, p->start_at), graceful_deadline(p));

	t = mtime_min(t, p->paths.ask_at);
	for (unsigned i = 0; i < 2; i++) {
		const struct session *s = p->session[i];

		if (s)
			t = mtime_min(t, mtime_min(s->hold_at, mtime_min(s->keepalive_at, s->send_hold_at)));
	}
	return t;
}

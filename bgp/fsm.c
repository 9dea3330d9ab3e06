/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state machine of RFC 4271 section 8. Each connection runs its own, as the RFC asks for when two cross:
 * `table` below says, for a state and an event, what is done. The state of the peer is the furthest of its
 * connections, or Idle or Active when it has none:
 *
 *   Idle         stopped; or waiting to start again after an error (IdleHoldTimer), deaf to connections
 *   Connect      our connection is being opened
 *   Active       no connection; the ConnectRetryTimer runs unless we are passive, and we listen
 *   OpenSent, OpenConfirm, Established as the RFC has them
 *
 * Where the RFC leaves a choice: DelayOpen is not used; a failed connection attempt leads to Active at once;
 * after a fall the peer starts again by itself (AllowAutomaticStart with DampPeerOscillations), soon at first
 * and later with each failure in a row; a connection refused or closed before an OPEN came leads to Active.
 *
 * Collisions (6.8) are decided by who opened the connection: the one that the speaker with the higher
 * identifier opened stays; equal identifiers (of different ASes, RFC 6286 2.3) are told apart by the AS
 * numbers. Of two connections that have just crossed, the first OPEN decides, which tells the identifier (6.8
 * allows that in OpenSent): none of them has had our KEEPALIVE then, so the peer cannot lose an established
 * session. Deciding at the second OPEN may find the loser established at the peer.
 */
#include "bgp/core.h"

#include <string.h>

#define OPEN_HOLD_S       240 /* RFC 4271 8.2.2 suggests 4 minutes */
#define CROSSING_S        5   /* a connection that opened longer ago without an OPEN may be dead: no rival */
#define IDLE_HOLD_FIRST_S 1
#define IDLE_HOLD_MAX_S   16
#define STABLE_S          60  /* a session that stood this long forgives earlier failures */
#define MAX_PREFIX_HOLD_S 300 /* a peer that sends too much is left alone for a while */
#define SEND_HOLD_MIN_S   480 /* RFC 9687 3.2: 8 minutes, or twice the hold time */

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
	if (st != BGP_IDLE || !p->started || !mtime_is_never(p->start_at))
		return st;
	return BGP_ACTIVE;
}

/* Every change of any session ends here: the one place that tells of states. */
static void note_state(struct peer *p, const struct reason *why)
{
	enum bgp_state st = peer_state(p);

	if (st == p->state)
		return;
	p->state = st;
	p->since = p->bgp->now;
	act_state(p, why);
}

static mtime in_about(struct peer *p, mdur d)
{
	return mtime_add(p->bgp->now, jitter(p->bgp, d));
}

/* --- connecting --- */
static void start_connection(struct peer *p)
{
	struct session *s = session_new(p, false);

	p->retry_at = in_about(p, p->config.connect_retry);
	if (s)
		act_connect(p->bgp, s);
}

/* Open for long, and no OPEN came: its other end may be dead, and must not stand in the way of the next. */
static bool is_stale(const struct session *s)
{
	return s->state == SESSION_OPENSENT &&
	       mtime_since(s->peer->bgp->now, s->opened_at).ns > mdur_s(CROSSING_S).ns;
}

void fsm_start(struct peer *p)
{
	p->start_at = p->retry_at = MTIME_NEVER;
	if (p->config.mode != BGP_MODE_PASSIVE && !p->session[0])
		start_connection(p);
	note_state(p, NULL);
}

bool fsm_takes_incoming(const struct peer *p)
{
	const struct session *theirs = p->session[1];

	return p->started && mtime_is_never(p->start_at) && p->config.mode != BGP_MODE_ACTIVE &&
	       (!theirs || is_stale(theirs)) && !peer_session(p, SESSION_ESTABLISHED);
}

/* --- falling --- */
static mdur idle_hold(struct peer *p, const struct notify *notify)
{
	unsigned s = IDLE_HOLD_FIRST_S;

	if (notify && notify->code == BGP_ERR_CEASE && notify->subcode == BGP_CEASE_MAX_PREFIXES)
		return mdur_s(MAX_PREFIX_HOLD_S);
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
		p->start_at = in_about(p, idle_hold(p, notify));
		break;
	case FALL_TCP:
		if (p->config.mode != BGP_MODE_PASSIVE)
			p->retry_at = in_about(p, p->config.connect_retry);
		break;
	}
}

static void leave_established(struct peer *p)
{
	if (mtime_since(p->bgp->now, p->established_at).ns >= mdur_s(STABLE_S).ns)
		p->failures = 0;
	rib_in_flush(p, -1);
	rib_out_down(p);
	memset(p->eor_in, 0, sizeof(p->eor_in));
}

/* One connection ends. Routes go first, then the NOTIFICATION, then the connection. */
static void end_session(
    struct session *s, const struct notify *notify, const struct reason *why, bool closed_already)
{
	struct peer *p = s->peer;
	enum session_state was = s->state;

	if (was == SESSION_CLOSED)
		return;
	s->state = SESSION_CLOSED;
	if (was == SESSION_ESTABLISHED)
		leave_established(p);
	if (notify && was != SESSION_CONNECTING)
		session_transmit_notify(s, notify);
	if (!closed_already)
		act_close(p->bgp, s);
	p->session[s->incoming] = NULL;
	list_append(&p->bgp->graveyard, &s->graveyard);
	if (why && reason_is_set(why))
		p->last_error = *why;
}

/* ConnectRetryTimer: an attempt that hangs is given up for a new one. */
static void retry(struct peer *p)
{
	struct session *ours = p->session[0];
	bool pending = ours && ours->state == SESSION_CONNECTING;

	p->retry_at = MTIME_NEVER;
	if ((ours && !pending) || peer_session(p, SESSION_OPENCONFIRM) ||
	    peer_session(p, SESSION_ESTABLISHED))
		return;
	if (pending)
		end_session(ours, NULL, NULL, false);
	start_connection(p);
	note_state(p, NULL);
}

void fsm_close(struct session *s, enum fall fall, const struct notify *notify, const struct reason *why,
    bool closed_already)
{
	struct peer *p = s->peer;

	end_session(s, notify, why, closed_already);
	if (!p->session[0] && !p->session[1])
		peer_falls(p, fall, notify);
	else if (!p->session[0] && mtime_is_never(p->retry_at) && p->config.mode != BGP_MODE_PASSIVE)
		p->retry_at =
		    in_about(p, p->config.connect_retry); /* retry() looks whether it is still wanted */
	note_state(p, why);
}

void fsm_fall(struct peer *p, enum fall fall, const struct notify *notify, const struct reason *why)
{
	for (unsigned i = 0; i < 2; i++)
		if (p->session[i])
			end_session(p->session[i], notify, why, false);
	if (why && reason_is_set(why))
		p->last_error = *why;
	peer_falls(p, fall, notify);
	note_state(p, why);
}

void fsm_make_way(struct peer *p)
{
	struct notify n = { .code = BGP_ERR_CEASE, .subcode = BGP_CEASE_COLLISION };

	reason_set(&n.why, "bgp-stale-connection", "%s: connected again; the silent connection is closed",
	    p->config.name);
	if (p->session[1])
		fsm_close(p->session[1], FALL_TCP, &n, &n.why, false);
}

static void close_with(struct session *s, uint8_t code, uint8_t subcode, const char *id, const char *text)
{
	struct notify n = { .code = code, .subcode = subcode };

	reason_set(&n.why, id, "%s: %s", s->peer->config.name, text);
	fsm_close(s, FALL_ERROR, &n, &n.why, false);
}

/* --- handlers: what a cell of the table does --- */
static void on_tcp_open(struct session *s, const struct fsm_fact *f)
{
	(void)f;
	session_send_open(s);
	s->state = SESSION_OPENSENT;
	s->opened_at = s->peer->bgp->now;
	s->hold_at = mtime_add(s->opened_at, mdur_s(OPEN_HOLD_S));
	if (!s->incoming)
		s->peer->retry_at = MTIME_NEVER;
}

static void on_tcp_failed(struct session *s, const struct fsm_fact *f)
{
	struct reason why;

	reason_set(&why, "bgp-connect-failed", "connection to %s (%s) failed: %s", s->peer->config.name,
	    addr_str(&s->peer->config.remote), f->text ? f->text : "no reason given");
	fsm_close(s, FALL_TCP, NULL, &why, true);
}

static void on_tcp_closed(struct session *s, const struct fsm_fact *f)
{
	struct reason why;

	reason_set(&why, "bgp-connection-closed", "connection with %s closed in state %s: %s",
	    s->peer->config.name, bgp_state_name(s->peer->state), f->text ? f->text : "by the peer");
	fsm_close(s, s->state == SESSION_OPENSENT ? FALL_TCP : FALL_ERROR, NULL, &why, true);
}

static void on_hold_expired(struct session *s, const struct fsm_fact *f)
{
	(void)f;
	close_with(s, BGP_ERR_HOLD_TIMER, 0, "bgp-hold-timer-expired",
	    s->state == SESSION_OPENSENT ? "no OPEN came"
	                                 : "hold timer expired: nothing heard from the peer");
}

static void on_send_hold_expired(struct session *s, const struct fsm_fact *f)
{
	(void)f;
	close_with(
	    s, BGP_ERR_SEND_HOLD, 0, "bgp-send-hold-expired", "the peer takes nothing we send (RFC 9687)");
}

static void on_keepalive_expired(struct session *s, const struct fsm_fact *f)
{
	(void)f;
	session_send_keepalive(s);
}

static void on_error(struct session *s, const struct fsm_fact *f)
{
	fsm_close(s, FALL_ERROR, f->notify, &f->notify->why, false);
}

static void on_notification(struct session *s, const struct fsm_fact *f)
{
	const struct notification_msg *m = f->notification;
	struct peer *p = s->peer;
	struct reason why;
	/* Losing a collision is no failure. */
	bool collision = m->code == BGP_ERR_CEASE && m->subcode == BGP_CEASE_COLLISION;

	notification_describe(m, &why);
	/* RFC 5492 3: a speaker that knows no optional parameters gets an OPEN without, once. */
	p->without_caps = m->code == BGP_ERR_OPEN && m->subcode == BGP_OPEN_OPT_PARAM && !p->without_caps;
	fsm_close(s, collision && s->state != SESSION_ESTABLISHED ? FALL_TCP : FALL_ERROR, NULL, &why, false);
}

/* RFC 6608: a message that has no place in this state. */
static void on_unexpected(struct session *s, const struct fsm_fact *f)
{
	uint8_t subcode = s->state == SESSION_OPENSENT      ? BGP_FSM_IN_OPENSENT
	                  : s->state == SESSION_OPENCONFIRM ? BGP_FSM_IN_OPENCONFIRM
	                                                    : BGP_FSM_IN_ESTABLISHED;

	(void)f;
	close_with(
	    s, BGP_ERR_FSM, subcode, "bgp-unexpected-message", "a message that has no place in this state");
}

/* Who wins a collision: the one that opened this connection? (RFC 4271 6.8, RFC 6286 2.3) */
static bool this_one_stays(const struct session *s, const struct open_msg *o)
{
	const struct peer *p = s->peer;
	uint32_t ours = p->bgp->config.router_id, theirs = o->router_id;
	bool we_dominate = ours != theirs ? ours > theirs : peer_local_as(p) > open_as(o);

	return we_dominate != s->incoming;
}

/* True when s stays. The other one, if it must go, is gone then. */
static bool survives_collision(struct session *s, const struct open_msg *o)
{
	struct session *other = s->peer->session[!s->incoming];
	struct notify n = { .code = BGP_ERR_CEASE, .subcode = BGP_CEASE_COLLISION };
	bool stays = true;

	reason_set(&n.why, "bgp-collision", "%s: two connections crossed; the other one is kept",
	    s->peer->config.name);
	if (!other)
		return true;
	switch (other->state) {
	case SESSION_CONNECTING: /* not there yet, and not needed any more */
		end_session(other, NULL, NULL, false);
		return true;
	case SESSION_OPENSENT:
		if (is_stale(other))
			return true; /* decided should its OPEN still come */
		stays = this_one_stays(s, o);
		break;
	case SESSION_CLOSED: return true;
	case SESSION_OPENCONFIRM: stays = this_one_stays(s, o); break;
	case SESSION_ESTABLISHED: stays = false; break;
	}
	fsm_close(stays ? other : s, FALL_TCP, &n, NULL, false);
	return stays;
}

static int negotiate(
    struct session *s, const struct open_msg *o, struct negotiated *ret_terms, struct notify *ret_notify)
{
	struct capabilities ours;
	uint8_t buf[BGP_OPT_PARAMS_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct rd list;

	session_our_caps(s->peer, &ours);
	if (capabilities_negotiate(&ours, &o->caps, ret_terms) == 0)
		return 0;
	capabilities_build(&w, &(struct capabilities){
	                           .any = true, .family = { ours.family[BGP_IPV4], ours.family[BGP_IPV6] } });
	list = rd_init(buf, wr_len(&w));
	(void)rd_u16(&list); /* RFC 5492 5: the capabilities alone, without the parameter's head */
	return notify_set(ret_notify, BGP_ERR_OPEN, BGP_OPEN_CAPABILITY, list.p, rd_left(&list),
	    "%s and we have no address family in common", s->peer->config.name);
}

static void on_open(struct session *s, const struct fsm_fact *f)
{
	struct negotiated terms;
	struct notify n = { 0 };

	if (open_check(s, f->open, &n) < 0 || negotiate(s, f->open, &terms, &n) < 0) {
		fsm_close(s, FALL_ERROR, &n, &n.why, false);
		return;
	}
	if (!survives_collision(s, f->open))
		return;
	session_set_terms(s, f->open, &terms);
	s->state = SESSION_OPENCONFIRM;
	session_send_keepalive(s);
	session_alive(s);
}

static void on_confirmed(struct session *s, const struct fsm_fact *f)
{
	struct peer *p = s->peer;
	struct session *other = p->session[!s->incoming];

	(void)f;
	if (other && other->state == SESSION_CONNECTING)
		end_session(other, NULL, NULL, false);
	s->state = SESSION_ESTABLISHED;
	session_alive(s);
	p->retry_at = MTIME_NEVER;
	p->established_at = p->bgp->now;
	p->established_count++;
	memset(p->eor_in, 0, sizeof(p->eor_in));
	note_state(p, NULL);
	rib_out_up(p);
}

static void on_keepalive(struct session *s, const struct fsm_fact *f)
{
	(void)f;
	session_alive(s);
}

static void on_update(struct session *s, const struct fsm_fact *f)
{
	session_alive(s);
	rib_in_update(s, f->body);
}

static void on_refresh(struct session *s, const struct fsm_fact *f)
{
	struct refresh_msg m;
	enum bgp_family family;

	session_alive(s);
	if (refresh_parse(f->body, &m) < 0 || !attr_family(m.afi, m.safi, &family) ||
	    !s->terms.family[family])
		return; /* RFC 2918 4: of no family that was agreed: ignored */
	rib_out_walk(s->peer, 1u << family, true, false);
}

/* --- the table --- */
typedef void (*handler)(struct session *s, const struct fsm_fact *f);
#define FSM_N_EVENTS (FSM_ERROR + 1)

static const handler table[SESSION_N_STATES][FSM_N_EVENTS] = {
	[SESSION_CONNECTING] = {
		[FSM_TCP_OPEN] = on_tcp_open,
		[FSM_TCP_FAILED] = on_tcp_failed,
		[FSM_TCP_CLOSED] = on_tcp_failed,
	},
	[SESSION_OPENSENT] = {
		[FSM_TCP_CLOSED] = on_tcp_closed,
		[FSM_HOLD_EXPIRED] = on_hold_expired,
		[FSM_OPEN] = on_open,
		[FSM_NOTIFICATION] = on_notification,
		[FSM_UPDATE] = on_unexpected,
		[FSM_KEEPALIVE] = on_unexpected,
		[FSM_REFRESH] = on_unexpected,
		[FSM_ERROR] = on_error,
	},
	[SESSION_OPENCONFIRM] = {
		[FSM_TCP_CLOSED] = on_tcp_closed,
		[FSM_HOLD_EXPIRED] = on_hold_expired,
		[FSM_KEEPALIVE_EXPIRED] = on_keepalive_expired,
		[FSM_OPEN] = on_unexpected,
		[FSM_NOTIFICATION] = on_notification,
		[FSM_UPDATE] = on_unexpected,
		[FSM_KEEPALIVE] = on_confirmed,
		[FSM_REFRESH] = on_unexpected,
		[FSM_ERROR] = on_error,
	},
	[SESSION_ESTABLISHED] = {
		[FSM_TCP_CLOSED] = on_tcp_closed,
		[FSM_HOLD_EXPIRED] = on_hold_expired,
		[FSM_KEEPALIVE_EXPIRED] = on_keepalive_expired,
		[FSM_SEND_HOLD_EXPIRED] = on_send_hold_expired,
		[FSM_OPEN] = on_unexpected,
		[FSM_NOTIFICATION] = on_notification,
		[FSM_UPDATE] = on_update,
		[FSM_KEEPALIVE] = on_keepalive,
		[FSM_REFRESH] = on_refresh,
		[FSM_ERROR] = on_error,
	},
};

void fsm_session(struct session *s, enum fsm_event event, const struct fsm_fact *fact)
{
	static const struct fsm_fact none;
	handler h = table[s->state][event];

	if (!h)
		return; /* a timer or a fact that came too late */
	h(s, fact ? fact : &none);
	note_state(s->peer, NULL);
}

void fsm_message(struct session *s, uint8_t type, struct rd body)
{
	struct fsm_fact f = { .body = body };
	struct notification_msg nm;
	struct open_msg open;
	struct notify n = { 0 };

	switch ((enum bgp_msg_type)type) {
	case BGP_MSG_OPEN:
		f.open = &open;
		/* Where no OPEN has a place its content does not matter. */
		if (s->state == SESSION_OPENSENT && open_parse(body, &open, &n) < 0) {
			f.notify = &n;
			fsm_session(s, FSM_ERROR, &f);
			return;
		}
		fsm_session(s, FSM_OPEN, &f);
		return;
	case BGP_MSG_UPDATE: fsm_session(s, FSM_UPDATE, &f); return;
	case BGP_MSG_NOTIFICATION:
		if (notification_parse(body, &nm) < 0)
			return;
		f.notification = &nm;
		fsm_session(s, FSM_NOTIFICATION, &f);
		return;
	case BGP_MSG_KEEPALIVE: fsm_session(s, FSM_KEEPALIVE, &f); return;
	case BGP_MSG_ROUTE_REFRESH: fsm_session(s, FSM_REFRESH, &f); return;
	}
}

/* --- timers --- */
static void session_timers(struct session *s)
{
	mtime now = s->peer->bgp->now;

	if (mtime_reached(s->hold_at, now)) {
		fsm_session(s, FSM_HOLD_EXPIRED, NULL);
		return;
	}
	if (mtime_reached(s->send_hold_at, now)) {
		fsm_session(s, FSM_SEND_HOLD_EXPIRED, NULL);
		return;
	}
	if (mtime_reached(s->keepalive_at, now))
		fsm_session(s, FSM_KEEPALIVE_EXPIRED, NULL);
	if (s->state != SESSION_ESTABLISHED || !rib_out_has_work(s->peer) || s->room >= BGP_MESSAGE_MAX)
		s->send_hold_at = MTIME_NEVER;
	else if (mtime_is_never(s->send_hold_at)) {
		mdur twice = mdur_mul(s->hold, 2, 1), least = mdur_s(SEND_HOLD_MIN_S);

		s->send_hold_at = mtime_add(now, twice.ns > least.ns ? twice : least);
	}
}

void fsm_timers(struct peer *p)
{
	for (unsigned i = 0; i < 2; i++)
		if (p->session[i])
			session_timers(p->session[i]);
	if (mtime_reached(p->retry_at, p->bgp->now))
		retry(p);
	if (mtime_reached(p->start_at, p->bgp->now))
		fsm_start(p);
}

mtime fsm_deadline(const struct peer *p)
{
	mtime t = mtime_min(p->retry_at, p->start_at);

	for (unsigned i = 0; i < 2; i++) {
		const struct session *s = p->session[i];

		if (s)
			t = mtime_min(t, mtime_min(s->hold_at, mtime_min(s->keepalive_at, s->send_hold_at)));
	}
	return t;
}

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
 * The rest of it: fsm_peer.c (how a peer starts, and falls), fsm_open.c (OPENs, and connections that cross),
 * fsm_timers.c.
 */
#include "bgp/fsm.h"

#define OPEN_HOLD_S 240 /* RFC 4271 8.2.2 suggests 4 minutes */

void fsm_close_with(struct session *s, uint8_t code, uint8_t subcode, const char *id, const char *text)
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
	s->keeps = true;
	fsm_close(s, s->state == SESSION_OPENSENT ? FALL_TCP : FALL_ERROR, NULL, &why, true);
}

static void on_hold_expired(struct session *s, const struct fsm_fact *f)
{
	(void)f;
	fsm_close_with(s, BGP_ERR_HOLD_TIMER, 0, "bgp-hold-timer-expired",
	    s->state == SESSION_OPENSENT ? "no OPEN came"
	                                 : "hold timer expired: nothing heard from the peer");
}

static void on_send_hold_expired(struct session *s, const struct fsm_fact *f)
{
	(void)f;
	fsm_close_with(
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
	s->keeps = s->terms.notification_restart && !notification_is_hard(m->code, m->subcode);
	p->without_caps = m->code == BGP_ERR_OPEN && m->subcode == BGP_OPEN_OPT_PARAM && !p->without_caps;
	fsm_close(s, collision && s->state != SESSION_ESTABLISHED ? FALL_TCP : FALL_ERROR, NULL, &why, false);
}

/* RFC 6608: a message that has no place in this state; its type goes along. */
static void on_unexpected(struct session *s, const struct fsm_fact *f)
{
	uint8_t subcode = s->state == SESSION_OPENSENT      ? BGP_FSM_IN_OPENSENT
	                  : s->state == SESSION_OPENCONFIRM ? BGP_FSM_IN_OPENCONFIRM
	                                                    : BGP_FSM_IN_ESTABLISHED;
	struct notify n = { 0 };

	notify_set(&n, BGP_ERR_FSM, subcode, &f->type, 1,
	    "%s: a message of type %u has no place in this state", s->peer->config.name, f->type);
	reason_set(&n.why, "bgp-unexpected-message", "%s: a message of type %u has no place in this state",
	    s->peer->config.name, f->type);
	fsm_close(s, FALL_ERROR, &n, &n.why, false);
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
	struct notify n = { 0 };

	session_alive(s);
	if (refresh_parse(f->body, s->terms.enhanced_refresh, &m, &n) < 0) {
		fsm_close(s, FALL_ERROR, &n, &n.why, false);
		return;
	}
	if (!attr_family(m.afi, m.safi, &family) || !s->terms.family[family])
		return; /* RFC 2918 4: of no family that was agreed: ignored */
	/* The octet was reserved before RFC 7313, and ignored: so it is with who does not know that. */
	switch (s->terms.enhanced_refresh ? m.subtype : BGP_REFRESH_REQUEST) {
	case BGP_REFRESH_REQUEST: rib_out_refresh(s->peer, family); break;
	case BGP_REFRESH_BEGIN: stale_refresh_begins(s, family); break;
	case BGP_REFRESH_END: stale_refresh_ends(s, family); break;
	default: break; /* RFC 7313 5: ignored */
	}
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
		[FSM_OPEN] = fsm_on_open,
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
		[FSM_KEEPALIVE] = fsm_on_confirmed,
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
	fsm_note_state(s->peer, NULL);
}

void fsm_message(struct session *s, uint8_t type, struct rd body)
{
	struct fsm_fact f = { .body = body, .type = type };
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an OPEN leads to: the check against what we know of the peer, the terms both sides can keep, and which
 * of two connections stays.
 *
 * Collisions (6.8) are decided by who opened the connection: the one that the speaker with the higher
 * identifier opened stays; equal identifiers (of different ASes, RFC 6286 2.3) are told apart by the AS
 * numbers. Of two connections that have just crossed, the first OPEN decides, which tells the identifier (6.8
 * allows that in OpenSent): none of them has had our KEEPALIVE then, so the peer cannot lose an established
 * session. Deciding at the second OPEN may find the loser established at the peer.
 */
#include "bgp/fsm.h"

#include <string.h>

/* Who wins a collision: the one that opened this connection? (RFC 4271 6.8, RFC 6286 2.3) */
static bool this_one_stays(const struct session *s, const struct open_msg *o)
{
	const struct peer *p = s->peer;
	uint32_t ours = p->bgp->config.router_id, theirs = o->router_id;
	bool we_dominate = ours != theirs ? ours > theirs : peer_local_as(p) > open_as(o);

	return we_dominate != s->incoming;
}

/* RFC 4724 5: the peer has restarted unnoticed; the old connection ends without a word, as if by TCP. */
static void give_way(struct session *old)
{
	struct reason why;

	reason_set(
	    &why, "bgp-peer-restarted", "%s: it has restarted, and connects anew", old->peer->config.name);
	old->keeps = true;
	fsm_end_session(old, NULL, &why, false);
	fsm_note_state(old->peer, &why);
}

/* True when s stays. The other one, if it must go, is gone then. */
static bool survives_collision(struct session *s, const struct open_msg *o)
{
	struct session *other = session_other(s);
	struct notify n = { .code = BGP_ERR_CEASE, .subcode = BGP_CEASE_COLLISION };
	bool stays = true;

	reason_set(&n.why, "bgp-collision", "%s: two connections crossed; the other one is kept",
	    s->peer->config.name);
	if (!other)
		return true;
	switch (other->state) {
	case SESSION_CONNECTING: /* not there yet, and not needed any more */
		fsm_end_session(other, NULL, NULL, false);
		return true;
	case SESSION_OPENSENT:
		if (fsm_is_stale(other))
			return true; /* decided should its OPEN still come */
		stays = this_one_stays(s, o);
		break;
	case SESSION_CLOSED: return true;
	case SESSION_OPENCONFIRM: stays = this_one_stays(s, o); break;
	case SESSION_ESTABLISHED:
		if (graceful_agreed(other)) {
			give_way(other);
			return true;
		}
		stays = false;
		break;
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

void fsm_on_open(struct session *s, const struct fsm_fact *f)
{
	struct negotiated terms;
	struct notify n = { 0 };

	if (open_check(s, f->open, &n) < 0 || role_check(s->peer, &f->open->caps, &n) < 0 ||
	    negotiate(s, f->open, &terms, &n) < 0) {
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

void fsm_on_confirmed(struct session *s, const struct fsm_fact *f)
{
	struct peer *p = s->peer;
	struct session *other = session_other(s);

	(void)f;
	if (other && other->state == SESSION_CONNECTING)
		fsm_end_session(other, NULL, NULL, false);
	s->state = SESSION_ESTABLISHED;
	session_alive(s);
	p->retry_at = MTIME_NEVER;
	p->established_at = p->bgp->now;
	p->established_count++;
	p->remote_router_id = s->theirs.router_id;
	memset(p->eor_in, 0, sizeof(p->eor_in));
	paths_reset(p);
	graceful_back(s);
	fsm_note_state(p, NULL);
	rib_out_up(p);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All timers of an IKE SA and of a connection. Deadlines are data in the objects; ike_sa_deadline finds the
 * next, ike_sa_timers does what is due. The two walk the same fields in the same order.
 */
#include "ike/engine.h"
#include "ike/reasons.h"
#include "ike/trial.h"

/*
 * When to rekey: the end that made the SA at 75 to 85 percent of its lifetime, the other at 88 to 96, so that
 * two ends with the same lifetime hardly ever start together and a failed try leaves time for another.
 */
void ike_lifetimes_start(
    struct ike_sa *sa, mdur lifetime, bool initiator, mtime now, mtime *ret_rekey, mtime *ret_expire)
{
	unsigned from = initiator ? 750 : 880, width = initiator ? 100 : 80;

	*ret_rekey = *ret_expire = MTIME_NEVER;
	if (lifetime.ns <= 0)
		return;
	*ret_rekey =
	    mtime_add(now, mdur_mul(lifetime, (int64_t)(from + rng_below(&sa->ike->rng, width)), 1000));
	*ret_expire = mtime_add(now, lifetime);
}

mtime ike_sa_probe_at(const struct ike_sa *sa)
{
	mdur interval = sa->conn ? sa->conn->cfg.liveness_interval : MDUR_ZERO;

	if (sa->state != IKE_SA_ESTABLISHED || !interval.ns || sa->want_probe ||
	    sa->task.kind != IKE_TASK_NONE)
		return MTIME_NEVER;
	return mtime_add(sa->last_sign, interval);
}

static mtime next_rekey(const struct ike_child *c)
{
	return c->want_rekey ? MTIME_NEVER : mtime_min(c->rekey_at, c->retry_at);
}

static mtime next_for_children(const struct ike_sa *sa)
{
	mtime t = MTIME_NEVER;

	list_for_each (&sa->children, struct ike_child, c, node) {
		if (c->state == IKE_CHILD_READY)
			t = mtime_min(t, mtime_min(c->expire_at, next_rekey(c)));
		if (c->state == IKE_CHILD_REPLACED && !c->want_delete)
			t = mtime_min(t, c->delete_at);
	}
	return t;
}

mtime ike_sa_deadline(const struct ike_sa *sa)
{
	mtime t = MTIME_NEVER;

	if (sa->out.msg.data)
		t = mtime_min(t, sa->out.next);
	switch (sa->state) {
	case IKE_SA_INITIATING:
	case IKE_SA_HALF_OPEN:
	case IKE_SA_LINGERING: return mtime_min(t, sa->expires);
	case IKE_SA_REKEYED: return mtime_min(t, sa->delete_at);
	case IKE_SA_CLOSING:
	case IKE_SA_DEAD: return t;
	case IKE_SA_ESTABLISHED: break;
	}
	t = mtime_min(t, sa->want_rekey ? MTIME_NEVER : sa->rekey_at);
	t = mtime_min(t, mtime_min(sa->expire_at, sa->childless_at));
	t = mtime_min(t, sa->auth_ends);
	if (sa->redundant)
		t = mtime_min(
		    t, sa->redundant_check); /* ike_settle_run looks at it at the end of every call */
	return mtime_min(t, mtime_min(ike_sa_probe_at(sa), next_for_children(sa)));
}

mtime ike_conn_deadline(const struct ike_conn *conn)
{
	mtime t = conn->up && !conn->attempt ? conn->next_attempt : MTIME_NEVER;

	list_for_each (&conn->draining, struct ike_child, c, node)
		t = mtime_min(t, c->drain_at);
	return t;
}

void ike_conn_timers(struct ike_conn *conn, mtime now)
{
	ike_drain_flush(conn, now, false);
	if (conn->up && !conn->attempt && mtime_reached(conn->next_attempt, now))
		ike_connect_now(conn, now);
}

void ike_end_established(struct ike_sa *sa, const struct reason *why, mtime now)
{
	struct ike_conn *conn = sa->conn;

	ike_sa_close(sa, true, why, now);
	ike_conn_lost(conn, why, true, now);
}

static void child_timers(struct ike_sa *sa, mtime now)
{
	struct reason why;

	list_for_each (&sa->children, struct ike_child, c, node) {
		if (c->state == IKE_CHILD_READY && mtime_reached(c->rekey_at, now)) {
			ike_child_want_rekey(c, IKE_REKEY_TIME);
			c->rekey_at = MTIME_NEVER;
		}
		if (c->state == IKE_CHILD_READY && mtime_reached(c->retry_at, now))
			ike_child_want_rekey(c, c->why_next);
		if (c->state == IKE_CHILD_REPLACED && mtime_reached(c->delete_at, now))
			c->want_delete = true;
		if (c->state == IKE_CHILD_READY && mtime_reached(c->expire_at, now)) {
			ike_reason_expired(&why, sa, "child SA");
			ike_end_established(sa, &why, now);
			return;
		}
	}
}

static void established_timers(struct ike_sa *sa, mtime now)
{
	struct reason why;

	if (mtime_reached(sa->expire_at, now)) {
		ike_reason_expired(&why, sa, "IKE SA");
		ike_end_established(sa, &why, now);
		return;
	}
	if (ike_child_trial_only(sa) && mtime_reached(sa->childless_at, now)) {
		ike_child_trial_end(sa, false, now);
		return;
	}
	if (mtime_reached(sa->auth_ends, now)) {
		ike_reauth(sa, now);
		if (sa->state != IKE_SA_ESTABLISHED)
			return;
	}
	if (mtime_reached(sa->childless_at, now)) {
		ike_reason_childless(&why, sa);
		ike_sa_close(sa, true, NULL, now);
		ike_conn_lost(sa->conn, reason_is_set(&sa->conn->last_error) ? NULL : &why, false, now);
		return;
	}
	if (mtime_reached(sa->rekey_at, now)) {
		sa->want_rekey = true;
		sa->why_next = IKE_REKEY_TIME;
		sa->rekey_at = MTIME_NEVER;
	}
	if (sa->redundant && mtime_reached(sa->redundant_check, now))
		sa->redundant_check = mtime_add(now, mdur_s(5));
	if (mtime_reached(ike_sa_probe_at(sa), now))
		sa->want_probe = true;
	child_timers(sa, now);
}

void ike_sa_timers(struct ike_sa *sa, mtime now)
{
	struct reason why;

	if (sa->out.msg.data && mtime_reached(sa->out.next, now))
		ike_retransmit(sa, now);
	switch (sa->state) {
	case IKE_SA_INITIATING:
		if (mtime_reached(sa->expires, now)) {
			ike_reason_no_answer(&why, sa);
			ike_attempt_failed(sa, &why, now);
		}
		break;
	case IKE_SA_HALF_OPEN:
	case IKE_SA_LINGERING:
		if (mtime_reached(sa->expires, now))
			ike_sa_dead(sa);
		break;
	case IKE_SA_REKEYED:
		if (mtime_reached(sa->delete_at, now)) {
			sa->delete_at = MTIME_NEVER;
			sa->force_delete = true;
		}
		break;
	case IKE_SA_ESTABLISHED: established_timers(sa, now); break;
	case IKE_SA_CLOSING:
	case IKE_SA_DEAD: break;
	}
}

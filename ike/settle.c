/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One live SA per connection. Two peers that start at the same time make two IKE SAs; both ends must keep the
 * same one.
 *
 * SAs are rivals when one was begun before the other was established. Of rivals the one that holds the lowest
 * of the four nonces is redundant and is deleted by the end that began it: RFC 7296 2.8.1's rule for rekeys,
 * used here for whole IKE SAs, because both ends know all four nonces and so decide alike. Before anything is
 * deleted the winner must prove itself: a request of ours, sent after the decision, was answered on it. So a
 * peer that decides by rules of its own (strongSwan replaces by INITIAL_CONTACT) can't lead both ends into
 * deleting each other's choice.
 *
 * SAs that are not rivals: the newer one counts. With INITIAL_CONTACT (RFC 7296 2.4) the peer has forgotten
 * the older, which ends without a message; without, the older is deleted in time, if the peer doesn't.
 */
#include "ike/engine.h"
#include "ike/reasons.h"

static const mdur creator_patience = { 20 * (int64_t)1000000000 };

static bool rivals(const struct ike_sa *a, const struct ike_sa *b)
{
	const struct ike_origin *oa = &a->origin, *ob = &b->origin;

	return oa->created.ns <= ob->established.ns && ob->created.ns <= oa->established.ns;
}

static void set_redundant(struct ike_sa *loser, struct ike_sa *winner, mtime now)
{
	loser->redundant = true;
	loser->redundant_to = winner->serial;
	loser->redundant_since = now;
	loser->redundant_check = mtime_add(now, creator_patience);
	winner->want_probe = true;
}

static void drop_forgotten(struct ike_sa *old, mtime now)
{
	struct reason why;

	ike_reason_initial_contact(&why, old);
	ike_act_report(old->ike, old->conn->id, IKE_REPORT_INFO, &why);
	ike_sa_close(old, false, &why, now);
}

/* Before sa takes its place: what the peer has forgotten goes, and says so (CHILD_DOWN), for its state is
 * lost. */
void ike_settle_initial_contact(struct ike_sa *sa, mtime now)
{
	list_for_each (&sa->conn->sas, struct ike_sa, o, node)
		if (o != sa && o->state == IKE_SA_ESTABLISHED && o->origin.established.ns < sa->created.ns)
			drop_forgotten(o, now);
}

/* A peer that connects over and over has only so many at a time; the oldest, which serves no more, goes. */
static void limit(struct ike_conn *conn, const struct ike_sa *fresh, mtime now)
{
	struct ike_sa *oldest = NULL;
	unsigned n = 0;

	list_for_each (&conn->sas, struct ike_sa, o, node) {
		if (o->state != IKE_SA_ESTABLISHED)
			continue;
		n++;
		if (o != fresh && (!conn->live || conn->live->sa != o) && !oldest)
			oldest = o;
	}
	if (n > IKE_ESTABLISHED_MAX && oldest)
		ike_sa_close(oldest, false, NULL, now);
}

void ike_settle_established(struct ike_sa *sa, mtime now)
{
	struct ike_conn *conn = sa->conn;
	struct ike_child *c;

	list_for_each (&conn->sas, struct ike_sa, o, node) {
		if (o == sa)
			continue;
		/* An attempt of ours that has not come to IKE_AUTH is given up for what the peer has brought.
		 */
		if (o->state == IKE_SA_INITIATING && o->task.kind == IKE_TASK_INIT) {
			ike_sa_dead(o);
			continue;
		}
		if (o->state != IKE_SA_ESTABLISHED)
			continue;
		if (!rivals(o, sa) || ike_nonce_cmp(&o->origin.low, &sa->origin.low) < 0)
			set_redundant(o, sa, now);
		else
			set_redundant(sa, o, now);
	}
	limit(conn, sa, now);
	c = ike_child_ready(sa);
	/* As initiator we know that the peer has it all. As responder beside a live SA, wait until that is
	 * shown. */
	if (c && (!conn->live || (sa->initiator && (!sa->redundant || !conn->live->sa->proven))))
		ike_child_activate(c, now);
}

/* The peer has answered on it, since then: it is there, at both ends. */
static bool answered_since(const struct ike_sa *sa, mtime since)
{
	return sa->confirmed.ns >= since.ns && sa->confirmed.ns > 0;
}

static void settle_redundant(struct ike_sa *loser, mtime now)
{
	struct ike_sa *winner = ike_sa_by_serial(loser->ike, loser->redundant_to);
	struct ike_child *c = winner && winner->state == IKE_SA_ESTABLISHED ? ike_child_ready(winner) : NULL;
	struct reason why;

	if (!c) {
		loser->redundant = false;
		return;
	}
	if (!answered_since(winner, loser->redundant_since))
		return;
	if ((!loser->conn->live || loser->conn->live->sa != winner) && !winner->redundant)
		ike_child_activate(c, now);
	if (!loser->origin.by_us && mtime_since(now, loser->redundant_since).ns < creator_patience.ns)
		return;
	ike_reason_redundant(&why, loser);
	ike_act_report(loser->ike, loser->conn->id, IKE_REPORT_INFO, &why);
	ike_sa_close(loser, true, NULL, now);
}

void ike_settle_run(struct ike_conn *conn, mtime now)
{
	list_for_each (&conn->sas, struct ike_sa, sa, node)
		if (sa->redundant && sa->state == IKE_SA_ESTABLISHED)
			settle_redundant(sa, now);
}

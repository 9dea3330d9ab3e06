/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of every public call. A handler marks, ike_run does what follows: rivals of a connection are
 * settled, requests that are wanted start, what is dead is freed, deadlines are set anew. It looks at the
 * connections that the call has touched and at their SAs, never at all there are: with ten thousand tunnels a
 * datagram costs what it costs with one. Half-open and lingering SAs, of which strangers can make many, are
 * looked at one by one.
 *
 * What happens here may touch again (an SA that can't send its request dies, say); it ends when nothing is
 * left.
 */
#include "ike/engine.h"

static bool in_crowd(const struct ike_sa *sa)
{
	return sa->state == IKE_SA_HALF_OPEN || sa->state == IKE_SA_LINGERING;
}

static void mark(struct ike_sa *sa)
{
	if (sa->to_visit)
		return;
	sa->to_visit = true;
	list_remove(&sa->touched);
	list_append(&sa->ike->touched_sas, &sa->touched);
}

void ike_touch_conn(struct ike_conn *conn)
{
	if (conn->to_visit)
		return;
	conn->to_visit = true;
	list_remove(&conn->touched);
	list_append(&conn->ike->touched_conns, &conn->touched);
}

void ike_touch_sa(struct ike_sa *sa)
{
	mark(sa);
	if (!in_crowd(sa))
		ike_touch_conn(sa->conn);
}

/* Moves the first node of a list to another; NULL when it is empty. */
static struct list *shift(struct list *from, struct list *to)
{
	struct list *n = from->next;

	if (list_empty(from))
		return NULL;
	list_remove(n);
	list_append(to, n);
	return n;
}

static void visit_conn(struct ike_conn *conn, mtime now)
{
	conn->to_visit = false;
	ike_settle_run(conn, now);
	list_for_each (&conn->sas, struct ike_sa, sa, node)
		mark(sa);
}

static void visit_sa(struct ike_sa *sa, mtime now)
{
	sa->to_visit = false;
	sa->ike->stats.sas_visited++;
	ike_sa_kick(sa, now);
}

static void reap_conn(struct ike_conn *conn)
{
	list_for_each (&conn->draining, struct ike_child, c, node)
		if (c->state == IKE_CHILD_GONE)
			ike_child_free(c);
	timerq_set(&conn->ike->conn_timers, &conn->timer, ike_conn_deadline(conn));
}

static void reap_sa(struct ike_sa *sa)
{
	list_for_each (&sa->children, struct ike_child, c, node)
		if (c->state == IKE_CHILD_GONE)
			ike_child_free(c);
	if (sa->state == IKE_SA_DEAD)
		ike_sa_free(sa);
	else
		timerq_set(&sa->ike->sa_timers, &sa->timer, ike_sa_deadline(sa));
}

void ike_run(struct ike *ike, mtime now)
{
	struct list conns, sas, *n;

	list_init(&conns);
	list_init(&sas);
	for (;;) {
		if ((n = shift(&ike->touched_conns, &conns)))
			visit_conn(list_entry(n, struct ike_conn, touched), now);
		else if ((n = shift(&ike->touched_sas, &sas)))
			visit_sa(list_entry(n, struct ike_sa, touched), now);
		else
			break;
	}
	list_for_each (&sas, struct ike_sa, sa, touched) {
		list_remove(&sa->touched);
		reap_sa(sa);
	}
	list_for_each (&conns, struct ike_conn, conn, touched) {
		list_remove(&conn->touched);
		reap_conn(conn);
	}
	ike_act_reserve(ike);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INFORMATIONAL exchanges (RFC 7296 1.4): deletes of child SAs and of the IKE SA, both ways, and the empty
 * one that asks whether the peer is alive. Every request is answered. A Delete names the sender's inbound
 * SPIs; the answer names ours, but not those whose own Delete from us is under way (1.4.1).
 */
#include "ike/engine.h"
#include "ike/mobike.h"
#include "ike/reasons.h"
#include "ike/trial.h"

static const mdur childless_initiator = { 2 * (int64_t)1000000000 };
static const mdur childless_responder = { 10 * (int64_t)1000000000 };

void ike_delete_child_start(struct ike_sa *sa, struct ike_child *c, mtime now)
{
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));

	sa->task.kind = IKE_TASK_DELETE_CHILD;
	sa->task.child_spi_in = c->spi_in;
	c->want_delete = false;
	c->state = IKE_CHILD_DELETING;
	/* Its outbound side is not needed any more once another is in use. */
	if (c->out_installed && sa->conn->live != c) {
		ike_act_sa_del(sa->ike, sa->conn->id, false, c->spi_out);
		c->out_installed = false;
	}
	ike_build_delete_esp(&b, &c->spi_in, 1);
	if (ike_request_send(sa, IKE_X_INFORMATIONAL, &b, 0, now))
		ike_task_failed(sa, now);
}

/* A child that only the peer has. */
void ike_delete_orphan_start(struct ike_sa *sa, mtime now)
{
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));

	sa->task.kind = IKE_TASK_DELETE_CHILD;
	ike_build_delete_esp(&b, &sa->orphan_spi, 1);
	sa->orphan_spi = 0;
	if (ike_request_send(sa, IKE_X_INFORMATIONAL, &b, 0, now))
		ike_task_failed(sa, now);
}

void ike_delete_ike_start(struct ike_sa *sa, mtime now)
{
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));

	sa->task.kind = IKE_TASK_DELETE_IKE;
	if (sa->disowned) /* RFC 7296 2.21.2: it may be told why */
		ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_AUTHENTICATION_FAILED, NULL, 0);
	ike_build_delete_ike(&b);
	if (ike_request_send(sa, IKE_X_INFORMATIONAL, &b, 0, now))
		ike_task_failed(sa, now);
}

void ike_probe_start(struct ike_sa *sa, mtime now)
{
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));

	sa->want_probe = false;
	sa->task.kind = IKE_TASK_PROBE;
	ike_mobike_build_probe(sa, &b);
	if (ike_request_send(sa, IKE_X_INFORMATIONAL, &b, 0, now))
		ike_task_failed(sa, now);
}

/* No child is left: the peer may make another, or we end the IKE SA before long. */
static void check_childless(struct ike_sa *sa, mtime now)
{
	if (sa->state != IKE_SA_ESTABLISHED || ike_child_ready(sa) || sa->childless_at.ns != MTIME_NEVER.ns)
		return;
	sa->childless_at = mtime_add(now, sa->initiator ? childless_initiator : childless_responder);
	if (!sa->conn->live)
		ike_conn_phase(sa->conn, IKE_PHASE_DOWN, &sa->conn->last_error, MTIME_NEVER);
}

/* One Delete payload for ESP; our SPIs for the answer are appended to spis. */
static unsigned delete_children(
    struct ike_sa *sa, const struct ike_delete *d, uint32_t *spis, unsigned n, mtime now)
{
	for (unsigned i = 0; i < d->n && n < IKE_DELETE_SPIS_MAX; i++) {
		struct ike_child *c = ike_child_by_out(sa, ike_delete_spi(d, i));

		if (!c)
			continue;
		if (c->state != IKE_CHILD_DELETING)
			spis[n++] = c->spi_in;
		if (sa->conn->live == c && !ike_child_successor(c)) {
			ike_reason_peer_deleted(&sa->conn->last_error, sa, true);
			ike_facts_keep(sa, &sa->conn->last_error, now);
		}
		ike_child_remove(c, true, now);
	}
	return n;
}

static void ike_deleted(struct ike_sa *sa, mtime now)
{
	struct ike_sa *heir = ike_sa_by_serial(sa->ike, sa->heir);
	struct ike_sa *waiting = ike_sa_heir_of(sa);
	struct ike_conn *conn = sa->conn;
	struct reason why;

	if (waiting) {
		waiting->heir = 0; /* the peer found its own rekey to be the redundant one */
		ike_sa_linger(sa, now);
		return;
	}
	if (sa->state == IKE_SA_ESTABLISHED && heir && heir->state == IKE_SA_ESTABLISHED) {
		/* It rekeyed the IKE SA while our own rekey was under way, and did not see ours (2.8.2). */
		ike_sa_inherit(sa, heir, false, now);
	} else if (ike_child_trial_only(sa)) {
		ike_child_trial_end(sa, true, now);
	} else if (sa->state == IKE_SA_ESTABLISHED) {
		ike_rehearsal_judge(sa);
		/* One that never had a child went for the reason that is noted already. */
		if (sa->facts.ms_status)
			ike_reason_refused(&why, sa, IKE_N_MS_STATUS, "the IKE SA");
		else if (ike_child_ready(sa) || !reason_is_set(&conn->last_error))
			ike_reason_peer_deleted(&why, sa, false);
		else
			why = conn->last_error;
		ike_sa_close(sa, false, &why, now);
		ike_conn_lost(conn, &why, false, now);
	}
	ike_sa_linger(sa, now);
}

/* An error in a request of its own: the peer tells that it gave our SA up (RFC 7296 2.21.2). */
static void ike_rejected(struct ike_sa *sa, uint16_t type, mtime now)
{
	struct ike_conn *conn = sa->conn;
	struct ike_identity own = ike_own_identity(conn, sa);
	struct reason why;

	if (type == IKE_N_AUTHENTICATION_FAILED)
		ike_reason_auth_refused(&why, sa, &own);
	else
		ike_reason_refused(&why, sa, type, "the IKE SA");
	ike_sa_close(sa, false, &why, now);
	ike_conn_lost(conn, &why, false, now);
	ike_sa_linger(sa, now);
}

void ike_informational_request(struct ike_sa *sa, uint32_t msg_id, struct ike_payloads *p, mtime now)
{
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));
	const struct ike_notify *error = ike_notify_error(p);
	uint32_t spis[IKE_DELETE_SPIS_MAX];
	bool delete_ike = false;
	unsigned n = 0;

	ike_facts_notifies(sa, p);
	for (unsigned i = 0; i < p->n_del; i++)
		delete_ike = delete_ike || p->del[i].protocol == IKE_PROTO_IKE;
	for (unsigned i = 0; i < p->n_del && !delete_ike; i++)
		if (p->del[i].protocol == IKE_PROTO_ESP)
			n = delete_children(sa, &p->del[i], spis, n, now);
	if (n)
		ike_build_delete_esp(&b, spis, n);
	ike_mobike_request(sa, p, &b);
	ike_respond(sa, IKE_X_INFORMATIONAL, msg_id, &b, 0);
	ike_mobike_answered(sa, now);
	if (delete_ike && !(error && error->type == IKE_N_AUTHENTICATION_FAILED))
		ike_deleted(sa, now);
	else if (sa->state == IKE_SA_ESTABLISHED && error &&
	         (error->type == IKE_N_AUTHENTICATION_FAILED || error->type == IKE_N_INVALID_SYNTAX))
		ike_rejected(sa, error->type, now);
	else if (p->n_del)
		check_childless(sa, now);
}

void ike_informational_reply(struct ike_sa *sa, struct ike_payloads *p, mtime now)
{
	struct ike_task t = sa->task;
	struct ike_child *c;

	ike_task_clear(sa); /* what is deleted is deleted, whatever the answer lists */
	if (t.kind == IKE_TASK_DELETE_IKE) {
		ike_sa_dead(sa);
		return;
	}
	if (t.kind == IKE_TASK_PROBE)
		ike_mobike_probed(sa, p);
	if (t.kind != IKE_TASK_DELETE_CHILD)
		return;
	c = ike_child_by_in(sa, t.child_spi_in);
	if (c)
		ike_child_remove(c, true, now);
	check_childless(sa, now);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The endpoint: its life, deadlines, and what comes back from jobs and actions. A call changes objects and
 * queues actions; ike_run (touch.c) at its end does what follows from that.
 */
#include "ike/engine.h"
#include "ike/reasons.h"
#include "ike/trial.h"

#include <stdlib.h>
#include <string.h>

const struct ike_limits ike_default_limits = {
	.half_open_max = 256,
	.half_open_per_source = 8,
	.cookie_threshold = 32,
	.established_max = 4096,
};

struct ike *ike_new(const struct ike_limits *limits, const struct rng *rng)
{
	struct ike *ike = calloc(1, sizeof(*ike));

	if (!ike)
		return NULL;
	ike->limits = limits ? *limits : ike_default_limits;
	ike->rng = *rng;
	ike->half_open_said = MTIME_NEVER;
	list_init(&ike->conns);
	list_init(&ike->any_conns);
	list_init(&ike->lingering);
	list_init(&ike->touched_conns);
	list_init(&ike->touched_sas);
	for (unsigned i = 0; i < 2; i++)
		ike->hash_key.k[i] = rng_u64(rng);
	list_init(&ike->queue);
	list_init(&ike->spare);
	ike_act_reserve(ike);
	return ike;
}

int ike_bytes_set(struct ike_bytes *b, const void *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		return -1;
	if (len)
		memcpy(copy, data, len);
	ike_bytes_clear(b);
	b->data = copy;
	b->len = len;
	return 0;
}

void ike_bytes_clear(struct ike_bytes *b)
{
	free(b->data);
	*b = (struct ike_bytes){ 0 };
}

mdur ike_jitter(struct ike *ike, mdur base, unsigned percent)
{
	int64_t span = base.ns / 100 * percent;

	if (span <= 0)
		return base;
	return (mdur){ base.ns - span + (int64_t)rng_below(&ike->rng, (uint64_t)span * 2 + 1) };
}

void ike_free(struct ike *ike)
{
	if (!ike)
		return;
	list_for_each (&ike->conns, struct ike_conn, conn, node)
		ike_conn_free(conn);
	ike_act_free_all(ike);
	htab_clear(&ike->conns_by_id);
	htab_clear(&ike->conns_by_remote);
	htab_clear(&ike->sas_by_serial);
	htab_clear(&ike->sas_by_spi);
	htab_clear(&ike->sas_by_theirs);
	htab_clear(&ike->half_open_by_source);
	htab_clear(&ike->spis);
	cleanse(ike, sizeof(*ike));
	free(ike);
}

mtime ike_deadline(const struct ike *ike)
{
	return mtime_min(timerq_deadline(&ike->sa_timers), timerq_deadline(&ike->conn_timers));
}

/* Deadlines are set anew by ike_run, so what is taken out here comes up once. */
void ike_timer(struct ike *ike, mtime now)
{
	struct timerq_node *n;

	while ((n = timerq_first(&ike->sa_timers)) && mtime_reached(n->at, now)) {
		struct ike_sa *sa = container_of(n, struct ike_sa, timer);

		timerq_remove(&ike->sa_timers, n);
		ike_touch_sa(sa);
		ike->stats.sas_visited++;
		ike_sa_timers(sa, now);
	}
	while ((n = timerq_first(&ike->conn_timers)) && mtime_reached(n->at, now)) {
		timerq_remove(&ike->conn_timers, n);
		ike_touch_conn(container_of(n, struct ike_conn, timer));
	}
	/* One whose SA has just ended may connect anew at once. */
	list_for_each (&ike->touched_conns, struct ike_conn, conn, touched)
		ike_conn_timers(conn, now);
	ike_run(ike, now);
}

static void task_job_done(struct ike_sa *sa, struct ike_job *job, mtime now)
{
	struct ike_task *t = &sa->task;

	t->ticket = 0;
	if (t->kind == IKE_TASK_INIT) {
		ike_init_job_done(sa, job, now);
		return;
	}
	if (t->kind == IKE_TASK_AUTH && !t->reply.data) {
		ike_auth_job_done(sa, job, now);
		return;
	}
	if (t->waiting_secret || t->kind == IKE_TASK_AUTH) {
		struct ike_bytes reply = t->reply;

		/* The answer is read again, now with the result; the task may be over when that returns. */
		t->reply = (struct ike_bytes){ 0 };
		ike_process_reply(sa, t->reply_first, rd_init(reply.data, reply.len), job, now);
		ike_bytes_clear(&reply);
		return;
	}
	if (!job->ok) {
		ike_task_failed(sa, now);
		return;
	}
	t->ke = job->ke;
	job->ke = NULL;
	memcpy(t->ke_public, job->ke_public, job->ke_public_len);
	t->ke_public_len = job->ke_public_len;
	if (t->kind == IKE_TASK_REKEY_CHILD)
		ike_rekey_child_send(sa, now);
	else if (t->kind == IKE_TASK_REKEY_IKE)
		ike_rekey_ike_send(sa, now);
	else if (t->kind == IKE_TASK_TRIAL)
		ike_child_trial_send(sa, now);
}

static void request_job_done(struct ike_sa *sa, struct ike_job *job, mtime now)
{
	struct ike_parked p = sa->parked;

	if (sa->state == IKE_SA_HALF_OPEN && p.exchange == IKE_X_SA_INIT) {
		ike_init_respond_job_done(sa, job);
		return;
	}
	sa->parked = (struct ike_parked){ 0 };
	ike_process_request(sa, p.exchange, p.id, p.first, rd_init(p.msg.data, p.msg.len), job, now);
	ike_bytes_clear(&p.msg);
}

static void job_result(struct ike_sa *sa, struct ike_job *job, mtime now)
{
	if (sa->state == IKE_SA_DEAD || sa->state == IKE_SA_LINGERING)
		return;
	if (job->slot == IKE_SLOT_TASK && job->ticket == sa->task.ticket)
		task_job_done(sa, job, now);
	else if (job->slot == IKE_SLOT_REQUEST && job->ticket == sa->parked.ticket)
		request_job_done(sa, job, now);
}

void ike_job_done(struct ike *ike, struct ike_job *job, mtime now)
{
	struct ike_sa *sa = ike_sa_by_serial(ike, job->sa_serial);

	if (sa) {
		ike_touch_sa(sa);
		job_result(sa, job, now);
	}
	ike_job_free(job);
	ike_run(ike, now);
}

/* A datagram that couldn't be sent: repeats go on, but should the attempt fail, this is why. A job that won't
 * run. */
static void failed_of_sa(struct ike_sa *sa, uint64_t id, const struct reason *why, mtime now)
{
	if (sa->out.msg.data && sa->out.action == id && sa->state == IKE_SA_INITIATING && why)
		sa->hint = *why;
	for (int slot = 0; slot < 2; slot++) {
		struct ike_job job = { .slot = (enum ike_job_slot)slot };

		if (sa->job_action[slot] != id)
			continue;
		job.ticket = slot == IKE_SLOT_TASK ? sa->task.ticket : sa->parked.ticket;
		ike_touch_sa(sa);
		if (job.ticket)
			job_result(sa, &job, now);
	}
}

static void other_action_failed(struct ike *ike, uint64_t id, const struct reason *why, mtime now)
{
	for (struct ike_conn *conn = NULL; (conn = ike_conn_of_action(ike, id, conn));) {
		list_for_each (&conn->sas, struct ike_sa, sa, node)
			failed_of_sa(sa, id, why, now);
		list_for_each (&conn->crowd, struct ike_sa, sa, node)
			failed_of_sa(sa, id, why, now);
	}
}

static struct ike_child *child_of_action(struct ike *ike, uint64_t id)
{
	for (struct ike_conn *conn = NULL; (conn = ike_conn_of_action(ike, id, conn));)
		list_for_each (&conn->sas, struct ike_sa, sa, node)
			list_for_each (&sa->children, struct ike_child, c, node)
				if (c->state != IKE_CHILD_GONE && (c->add_in == id || c->add_out == id))
					return c;
	return NULL;
}

void ike_action_failed(struct ike *ike, uint64_t action_id, const struct reason *why, mtime now)
{
	struct ike_child *c = child_of_action(ike, action_id);
	struct ike_dropped dropped;
	struct reason r;

	ike_act_drop_dependents(ike, action_id, &dropped);
	if (c) {
		struct ike_sa *sa = c->sa;
		struct ike_conn *conn = sa->conn;

		ike_touch_sa(sa);
		/* Without this child the IKE SA is of no use: end both, tell the peer, try again later. */
		if (ike_was_dropped(&dropped, c->add_in))
			c->in_installed = false;
		if (ike_was_dropped(&dropped, c->add_out))
			c->out_installed = false;
		if (c->up && conn->live == c && ike_was_dropped(&dropped, c->up)) {
			conn->live = NULL; /* nobody has heard of it */
			if (c->took_over_from)
				ike_act_child_down_first(ike, conn->id, c->took_over_from);
		}
		ike_bytes_clear(&sa->kept);
		ike_reason_install(&r, why);
		ike_act_report(ike, conn->id, IKE_REPORT_ERROR, &r);
		ike_sa_close(sa, true, &r, now);
		ike_conn_lost(conn, &r, false, now);
	} else {
		other_action_failed(ike, action_id, why, now);
	}
	ike_run(ike, now);
}

void ike_stats(const struct ike *ike, struct ike_stats *ret_stats)
{
	*ret_stats = ike->stats;
	ret_stats->half_open = ike->n_sas[IKE_SA_HALF_OPEN];
	ret_stats->established = ike->n_sas[IKE_SA_ESTABLISHED];
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts to connect, and what follows from their outcome: the next remote address at once, after a whole
 * round a back-off that doubles up to retry_max, with jitter; giving up after `tries`. The phase of a
 * connection is set only through ike_conn_phase, so each change is said once.
 */
#include "ike/engine.h"
#include "ike/reasons.h"

#include <string.h>

static const mdur retry_min_default = { 1 * (int64_t)1000000000 };
static const mdur retry_max_default = { 60 * (int64_t)1000000000 };
static const mdur up_to_stay = { 60 * (int64_t)1000000000 };
#define BACKOFF_DOUBLINGS_MAX 16

void ike_conn_phase(struct ike_conn *conn, enum ike_phase phase, const struct reason *why, mtime next_attempt)
{
	bool same = conn->phase == phase;

	if (same && phase != IKE_PHASE_DOWN)
		return;
	if (same && conn->next_attempt.ns == next_attempt.ns && !why)
		return;
	conn->phase = phase;
	conn->next_attempt = next_attempt;
	ike_act_state(conn->ike, conn->id, phase, why, next_attempt);
}

bool ike_may_initiate(const struct ike_conn *conn)
{
	return conn->up && !conn->listening && conn->cfg.role != IKE_ROLE_RESPOND && conn->cfg.n_remote;
}

void ike_connect_now(struct ike_conn *conn, mtime now)
{
	conn->next_attempt = MTIME_NEVER;
	if (conn->attempt || conn->live || !ike_may_initiate(conn))
		return;
	conn->attempts++;
	ike_init_start(conn, now);
	if (conn->attempt)
		ike_conn_phase(conn, IKE_PHASE_CONNECTING, NULL, MTIME_NEVER);
	else /* no memory: like any failure, later again */
		ike_conn_phase(conn, IKE_PHASE_DOWN, NULL, mtime_add(now, retry_min_default));
}

static mdur backoff(struct ike_conn *conn)
{
	const struct ike_conn_config *cfg = &conn->cfg;
	mdur d = cfg->retry_min.ns ? cfg->retry_min : retry_min_default;
	mdur max = cfg->retry_max.ns ? cfg->retry_max : retry_max_default;

	for (unsigned i = 1; i < conn->failures && i < BACKOFF_DOUBLINGS_MAX && d.ns < max.ns; i++)
		d = mdur_mul(d, 2, 1);
	if (d.ns > max.ns)
		d = max;
	return ike_jitter(conn->ike, d, 20);
}

/* DOWN, and when the next attempt is, if there is to be one. */
static void schedule(struct ike_conn *conn, const struct reason *why, mtime at)
{
	struct reason r = why ? *why : (struct reason){ 0 };

	if (why)
		conn->last_error = *why;
	if (!ike_may_initiate(conn)) {
		at = MTIME_NEVER;
	} else if (conn->cfg.tries && conn->rounds >= conn->cfg.tries) {
		at = MTIME_NEVER;
		ike_reason_gave_up(&r, conn);
		conn->last_error = r;
	}
	ike_conn_phase(conn, IKE_PHASE_DOWN, why ? &r : NULL, at);
}

void ike_attempt_failed(struct ike_sa *sa, const struct reason *why, mtime now)
{
	struct ike_conn *conn = sa->conn;
	unsigned n = conn->cfg.n_remote;
	mtime at = now;

	if (sa->trial) {
		ike_trial_over(
		    sa, !strcmp(why->id, "ike-no-proposal") ? IKE_TRIAL_REFUSED : IKE_TRIAL_SILENT, now);
		return;
	}
	ike_facts_keep(sa, why, now);
	if (conn->attempt == sa)
		conn->attempt = NULL;
	if (sa->state == IKE_SA_INITIATING)
		ike_sa_dead(sa);
	if (conn->live) { /* the peer's own attempt has won meanwhile, or it was to authenticate anew */
		if (conn->live->sa->auth_over)
			ike_act_report(conn->ike, conn->id, IKE_REPORT_WARN, why);
		return;
	}
	conn->remote_index = n ? (conn->remote_index + 1) % n : 0;
	if (!conn->remote_index) {
		conn->failures++;
		conn->rounds++;
		at = mtime_add(now, backoff(conn));
	}
	schedule(conn, why, at);
}

void ike_conn_lost(struct ike_conn *conn, const struct reason *why, bool at_once, mtime now)
{
	if (conn->live)
		return;
	/* One that comes up and is lost at once, again and again, has not come up. */
	if (!mtime_is_never(conn->up_at) && mtime_since(now, conn->up_at).ns >= up_to_stay.ns)
		conn->failures = 0;
	conn->up_at = MTIME_NEVER;
	if (conn->attempt ||
	    (conn->phase == IKE_PHASE_DOWN && !at_once && !mtime_is_never(conn->next_attempt))) {
		if (why)
			conn->last_error = *why;
		if (conn->attempt && conn->phase == IKE_PHASE_UP)
			ike_conn_phase(conn, IKE_PHASE_CONNECTING, NULL, MTIME_NEVER);
		return; /* a try is under way, or its time is set */
	}
	conn->remote_index = 0;
	if (!at_once)
		conn->failures++;
	conn->attempts = conn->rounds = 0;
	schedule(conn, why, at_once ? now : mtime_add(now, backoff(conn)));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The stages of path_watch.h, one function each. */
#include "connector/daemon/path_watch.h"

#define ASLEEP        mdur_s(3) /* between two polls: we did not run */
#define PROBE_EVERY   mdur_s(1)
#define DEAD_EVERY    mdur_s(5)
#define REKEY_WAIT    mdur_s(10) /* for the new child SA */
#define HELLOS        3          /* at once; later ones at the interval */
#define HELLO_LATER   mdur_s(10)
#define HEALTHY_AFTER mdur_s(300) /* of answers: the pauses begin anew */

void path_watch_init(struct path_watch *w)
{
	*w = (struct path_watch){ .out_since = MTIME_NEVER,
		.restart_pause = PATH_WATCH_RESTART_MIN,
		.rekey_pause = PATH_WATCH_REKEY_MIN };
}

void path_watch_config(struct path_watch *w, mdur interval, mdur timeout, bool forget)
{
	w->interval = interval;
	w->timeout = timeout;
	if (forget)
		w->ever_answered = false;
	if (interval.ns || w->stage == PATH_IDLE)
		return;
	w->stage = PATH_QUIET;
	w->revoked = false;
	w->out_since = MTIME_NEVER;
}

static void enter(struct path_watch *w, enum path_stage stage, mtime now)
{
	w->stage = stage;
	w->since = w->next_probe = now;
}

static void calm(struct path_watch *w, mtime now)
{
	enter(w, PATH_QUIET, now);
	w->out_since = MTIME_NEVER;
}

void path_watch_up(struct path_watch *w, const struct path_facts *f, mtime now)
{
	calm(w, now);
	w->revoked = false;
	w->hellos = 0;
	w->out = f->out;
	w->in = f->in;
	w->spi = f->spi_in;
	w->healthy_since = w->polled = now;
}

void path_watch_down(struct path_watch *w)
{
	w->stage = PATH_IDLE;
	w->revoked = false;
}

bool path_watch_answered(struct path_watch *w, mtime now)
{
	bool back = w->revoked;

	w->ever_answered = true;
	if (w->stage == PATH_IDLE)
		return false;
	w->revoked = false;
	if (w->stage != PATH_QUIET) {
		w->healthy_since = now;
		calm(w, now);
	}
	return back;
}

static mdur doubled(mdur d, mdur max)
{
	mdur twice = mdur_mul(d, 2, 1);

	return twice.ns > max.ns ? max : twice;
}

/* Nobody was asked while we slept, and answers may still wait to be read: every period begins anew. */
static void skip_sleep(struct path_watch *w, mtime now)
{
	mdur slept = mtime_since(now, w->polled);

	w->polled = now;
	if (slept.ns <= ASLEEP.ns)
		return;
	w->since = w->next_probe = now;
	if (!mtime_is_never(w->out_since))
		w->out_since = now;
}

/* Keeps the time of the first packet out that was not followed by one in. */
static void take_facts(struct path_watch *w, const struct path_facts *f, mtime now)
{
	if (f->in.ns > w->in.ns)
		w->out_since = MTIME_NEVER;
	else if (f->out > w->out && mtime_is_never(w->out_since))
		w->out_since = now;
	w->in = f->in;
	w->out = f->out;
}

static enum path_action probe_each(struct path_watch *w, mdur pause, mtime now)
{
	if (!mtime_reached(w->next_probe, now))
		return PATH_NOTHING;
	w->next_probe = mtime_add(now, pause);
	return PATH_PROBE;
}

static enum path_action quiet(struct path_watch *w, const struct path_facts *f, mtime now)
{
	if (mtime_since(now, w->healthy_since).ns >= HEALTHY_AFTER.ns && f->passing) {
		w->restart_pause = PATH_WATCH_RESTART_MIN;
		w->restart_allowed = (mtime){ 0 };
	}
	if (f->can_probe && !f->passing && mtime_reached(w->next_probe, now)) {
		w->hellos++;
		return probe_each(w, w->hellos < HELLOS ? PROBE_EVERY : HELLO_LATER, now);
	}
	if (!f->can_probe || !mtime_reached(mtime_add(w->out_since, w->interval), now))
		return PATH_NOTHING;
	enter(w, PATH_SUSPECT, now);
	return probe_each(w, PROBE_EVERY, now);
}

/* No echo was ever answered, so this silence proves nothing. */
static enum path_action unproven(struct path_watch *w, mtime now)
{
	calm(w, now);
	if (!mtime_reached(w->rekey_allowed, now))
		return PATH_NOTHING;
	w->rekey_allowed = mtime_add(now, w->rekey_pause);
	w->rekey_pause = doubled(w->rekey_pause, PATH_WATCH_REKEY_MAX);
	return PATH_REKEY;
}

static enum path_action suspect(struct path_watch *w, mtime now)
{
	if (mtime_is_never(w->out_since)) { /* something came in */
		calm(w, now);
		return PATH_NOTHING;
	}
	if (!mtime_reached(mtime_add(w->since, w->timeout), now))
		return probe_each(w, PROBE_EVERY, now);
	if (!w->ever_answered)
		return unproven(w, now);
	w->revoked = true;
	enter(w, PATH_REKEYING, now);
	return PATH_REVOKE;
}

static enum path_action restart(struct path_watch *w, mtime now)
{
	if (!mtime_reached(w->restart_allowed, now))
		return probe_each(w, DEAD_EVERY, now);
	w->restart_allowed = mtime_add(now, w->restart_pause);
	w->restart_pause = doubled(w->restart_pause, PATH_WATCH_RESTART_MAX);
	return PATH_RESTART;
}

enum path_action path_watch_poll(struct path_watch *w, const struct path_facts *f, mtime now)
{
	if (!w->interval.ns || w->stage == PATH_IDLE)
		return PATH_NOTHING;
	skip_sleep(w, now);
	take_facts(w, f, now);
	switch (w->stage) {
	case PATH_IDLE: break;
	case PATH_QUIET: w->spi = f->spi_in; return quiet(w, f, now);
	case PATH_SUSPECT: w->spi = f->spi_in; return suspect(w, now);
	case PATH_REKEYING:
		if (w->spi == f->spi_in && !mtime_reached(mtime_add(w->since, REKEY_WAIT), now))
			return PATH_NOTHING;
		w->spi = f->spi_in;
		enter(w, PATH_RETRYING, now);
		return probe_each(w, PROBE_EVERY, now);
	case PATH_RETRYING:
		if (!mtime_reached(mtime_add(w->since, w->timeout), now))
			return probe_each(w, PROBE_EVERY, now);
		enter(w, PATH_DEAD, now);
		return restart(w, now);
	case PATH_DEAD: return restart(w, now);
	}
	return PATH_NOTHING;
}

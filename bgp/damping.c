/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Route flap damping (RFC 2439, with the figures of RFC 7196), for external peers that are configured so.
 * Each time a peer withdraws a route that we used, or changes its attributes, a penalty of its prefix grows;
 * it halves every half-life. Above `suppress` the peer's routes for the prefix are refused until the penalty
 * has fallen to `reuse`; it never grows so far that this takes longer than max_suppress. When half of `reuse`
 * is left all is forgotten.
 *
 * The end of a session is no flap, nor is what the peer tells again unchanged. Paths for a prefix that one
 * peer tells apart (RFC 7911) share its penalty: their identifiers may change as they come and go.
 *
 * What is remembered is bounded: BGP_DAMPED_MAX prefixes of a peer. Beyond that flaps are not counted but for
 * how many there were. There is no memory of it, and no cost, where damping is off.
 */
#include "bgp/core.h"
#include "bgp/decay.h"

#include <stdio.h>
#include <stdlib.h>

#define UNIT        4096 /* penalties are kept in parts of a point, so that decay is smooth */
#define REUSE_UNITS 8    /* of a budget: to judge a destination anew and decide */

struct damped {
	struct timerq_node due; /* first: suppressed until then, or forgotten then */
	struct prefix prefix;
	uint64_t penalty; /* in UNITs, as of `at` */
	mtime at;
	uint32_t flaps;
	bool suppressed;
};
struct damping {
	struct ptrie *of; /* prefix -> struct damped */
	struct timerq due;
	uint64_t ceiling;
	uint32_t suppressed;
	bool full; /* told of */
};

/* --- what is remembered --- */
static struct damping *damping_get(struct peer *p)
{
	const struct bgp_damping_config *c = &p->config.damping;
	struct damping *d = p->damping;

	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (d && !(d->of = ptrie_new())) {
		free(d);
		return NULL;
	}
	if (d)
		d->ceiling =
		    decay_before((uint64_t)c->reuse * UNIT, c->max_suppress, c->half_life, UINT32_MAX);
	p->damping = d;
	return d;
}

static struct damped *damped_find(const struct peer *p, const struct prefix *prefix)
{
	return p->damping ? ptrie_get(p->damping->of, prefix) : NULL;
}

static void unheeded(struct peer *p)
{
	struct damping *d = p->damping;

	p->damping_unheeded++;
	if (!d || d->full)
		return;
	d->full = true;
	act_report(p, false, "bgp-damping-full",
	    "%s: %u prefixes flap or have flapped lately; further ones are not damped until some of them "
	    "calm "
	    "down",
	    p->config.name, BGP_DAMPED_MAX);
}

/* NULL: there is no room. */
static struct damped *damped_get(struct peer *p, const struct prefix *prefix)
{
	struct damped *e = damped_find(p, prefix);
	struct damping *d = damping_get(p);

	if (e || !d || ptrie_count(d->of) >= BGP_DAMPED_MAX)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e || ptrie_set(d->of, prefix, e) < 0) {
		free(e);
		return NULL;
	}
	e->prefix = *prefix;
	e->at = p->bgp->now;
	return e;
}

static void forget(struct damping *d, struct damped *e)
{
	timerq_remove(&d->due, &e->due);
	ptrie_remove(d->of, &e->prefix);
	d->suppressed -= e->suppressed;
	free(e);
}

void damping_free(struct peer *p)
{
	struct prefix at;
	void *e;

	if (!p->damping)
		return;
	while (ptrie_first(p->damping->of, &at, &e))
		forget(p->damping, e);
	ptrie_free(p->damping->of);
	free(p->damping);
	p->damping = NULL;
}

/* --- flaps --- */
static uint64_t penalty_now(const struct peer *p, const struct damped *e)
{
	return decay(e->penalty, mtime_since(p->bgp->now, e->at), p->config.damping.half_life);
}

/* When it is to be looked at next. */
static void plan(struct peer *p, struct damped *e)
{
	const struct bgp_damping_config *c = &p->config.damping;
	uint64_t reuse = (uint64_t)c->reuse * UNIT;
	mdur left = decay_until(e->penalty, e->suppressed ? reuse : reuse / 2, c->half_life);

	timerq_set(&p->damping->due, &e->due, mtime_add(e->at, left));
}

bool damping_flap(struct peer *p, const struct prefix *prefix, enum flap flap)
{
	const struct bgp_damping_config *c = &p->config.damping;
	struct damped *e;
	bool begins;

	if (!c->on)
		return false;
	e = damped_get(p, prefix);
	if (!e) {
		unheeded(p);
		return false;
	}
	e->penalty =
	    penalty_now(p, e) + (flap == FLAP_WITHDRAWN ? BGP_FLAP_WITHDRAWN : BGP_FLAP_CHANGED) * UNIT;
	if (e->penalty > p->damping->ceiling)
		e->penalty = p->damping->ceiling;
	e->at = p->bgp->now;
	e->flaps++;
	begins = !e->suppressed && e->penalty > (uint64_t)c->suppress * UNIT;
	if (begins) {
		e->suppressed = true;
		p->damping->suppressed++;
		p->damping_suppressions++;
	}
	plan(p, e);
	return begins;
}

bool damping_suppresses(const struct peer *p, const struct prefix *prefix)
{
	const struct damped *e = damped_find(p, prefix);

	return e && e->suppressed;
}

/* --- reuse --- */
/* Returns what it cost. */
static unsigned calm(struct peer *p, struct damped *e)
{
	struct prefix prefix = e->prefix;

	if (!e->suppressed) {
		forget(p->damping, e);
		if (ptrie_count(p->damping->of) < BGP_DAMPED_MAX / 10 * 9)
			p->damping->full = false; /* else each that calms down would make a line in the log */
		return 1;
	}
	e->penalty = penalty_now(p, e);
	e->at = p->bgp->now;
	e->suppressed = false;
	p->damping->suppressed--;
	plan(p, e);
	rib_in_rejudge_dest(p->bgp, &prefix);
	p->judged = true; /* one more may be one too many */
	return REUSE_UNITS;
}

unsigned damping_some(struct bgp *bgp, unsigned budget)
{
	list_for_each (&bgp->peers, struct peer, p, node) {
		while (budget && p->damping && mtime_reached(timerq_deadline(&p->damping->due), bgp->now)) {
			unsigned cost = calm(p, (struct damped *)timerq_first(&p->damping->due));

			budget -= cost < budget ? cost : budget;
		}
	}
	return budget;
}

mtime damping_deadline(const struct bgp *bgp)
{
	mtime t = MTIME_NEVER;

	list_for_each (&bgp->peers, const struct peer, p, node)
		if (p->damping)
			t = mtime_min(t, timerq_deadline(&p->damping->due));
	return t;
}

/* --- configuration and views --- */
int damping_check(const struct bgp_damping_config *c, const char *name, struct reason *ret_reason)
{
	if (!c->on)
		return 0;
	if (c->half_life.ns <= 0 || c->max_suppress.ns <= 0 || !c->reuse || c->suppress <= c->reuse ||
	    c->suppress > BGP_DAMPING_SUPPRESS_MAX)
		return reason_set(ret_reason, "bgp-peer-invalid",
		    "%s: damping needs a half-life, a time, and reuse below suppress, which is at most %d",
		    name, BGP_DAMPING_SUPPRESS_MAX);
	if (bgp_damping_ceiling(c) <= c->suppress)
		return reason_set(ret_reason, "bgp-peer-invalid",
		    "%s: with this half-life, reuse and max-suppress-time a penalty never exceeds %u, so "
		    "nothing is ever suppressed at %u",
		    name, bgp_damping_ceiling(c), c->suppress);
	return 0;
}

uint32_t bgp_damping_ceiling(const struct bgp_damping_config *c)
{
	return (uint32_t)(decay_before((uint64_t)c->reuse * UNIT, c->max_suppress, c->half_life, UINT32_MAX) /
	                  UNIT);
}

static bool same(const struct bgp_damping_config *a, const struct bgp_damping_config *b)
{
	return a->on == b->on && a->half_life.ns == b->half_life.ns && a->reuse == b->reuse &&
	       a->suppress == b->suppress && a->max_suppress.ns == b->max_suppress.ns;
}

void damping_changed(struct peer *p, const struct bgp_damping_config *was)
{
	bool some = p->damping && p->damping->suppressed;

	if (same(was, &p->config.damping))
		return;
	damping_free(p);
	if (some)
		rib_in_rejudge_peer(p, REJUDGE_IMPORT);
}

void damping_view(const struct peer *p, struct bgp_damping_view *ret_view)
{
	*ret_view = (struct bgp_damping_view){
		.on = p->config.damping.on,
		.history = p->damping ? (uint32_t)ptrie_count(p->damping->of) : 0,
		.suppressed = p->damping ? p->damping->suppressed : 0,
		.suppressions = p->damping_suppressions,
		.unheeded = p->damping_unheeded,
	};
}

void damping_text(const struct peer *p, const struct prefix *prefix, char *buf, size_t cap)
{
	const struct damped *e = damped_find(p, prefix);
	mdur left;

	if (!e || !e->suppressed) {
		snprintf(buf, cap, "refused: it flapped; it waits to be judged anew");
		return;
	}
	left = mtime_since(e->due.at, p->bgp->now);
	snprintf(buf, cap,
	    "refused: damped (RFC 2439): %u flaps lately, a penalty of %u; reused in %lld s, at %u", e->flaps,
	    (unsigned)(penalty_now(p, e) / UNIT), (long long)(left.ns > 0 ? mdur_to_s(left) + 1 : 0),
	    p->config.damping.reuse);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Static routes (statics.h). Of tunnels with the same route one holds it, and is counted; the others stand by
 * (STANDBY), and take over when the holder gives it up.
 */
#include "connector/daemon/statics.h"

#include "connector/daemon/demand.h"

#include <stdlib.h>

static bool same_static(const struct cfg_static_route *a, const struct cfg_static_route *b)
{
	return prefix_eq(&a->prefix, &b->prefix) && a->metric == b->metric;
}

/* How well a tunnel would carry a route. */
enum fitness { NO_CHILD, HAS_CHILD, PASSES };

static enum fitness fitness(const struct tunnel *t)
{
	if (!t->routes_in)
		return NO_CHILD;
	return t->facts.passing ? PASSES : HAS_CHILD;
}

/* Another tunnel that has this route: the one by which it goes, or (standby) the fittest to take it over. */
static struct tunnel *other_with(
    const struct tunnel *t, const struct cfg_static_route *r, bool standby, size_t *ret_index)
{
	struct tunnel *found = NULL;

	list_for_each (&t->domain->tunnels, struct tunnel, o, node) {
		for (size_t i = 0; o != t && o->static_place && i < o->cfg->n_static_route; i++) {
			if (o->static_place[i] == NOT_WANTED || (o->static_place[i] == STANDBY) != standby ||
			    !same_static(&o->cfg->static_route[i], r) ||
			    (found && fitness(found) >= fitness(o)))
				continue;
			found = o;
			*ret_index = i;
		}
	}
	return found;
}

static bool holds(const struct tunnel *t, size_t i)
{
	return t->static_place && t->static_place[i] != NOT_WANTED && t->static_place[i] != STANDBY;
}

/* The route goes by this tunnel from now on, whoever had it before: the new way replaces the old one, and
 * there is no moment without. */
static void take(struct tunnel *t, size_t i)
{
	const struct cfg_static_route *s = &t->cfg->static_route[i];
	struct fib_route r = { .prefix = s->prefix,
		.metric = s->metric,
		.origin = FIB_STATIC,
		.source = cfg_inside_of(t->cfg, s->prefix.addr.family) };

	route_one_way(&r, t);
	t->static_place[i] = PENDING;
	t->facts.wanted++;
	fib_writer_want(t->domain->fib, &r);
}

static void uncount(struct tunnel *t, uint8_t place)
{
	t->facts.wanted--;
	route_count_place(&t->facts, place, -1u);
}

static void move(struct tunnel *t, size_t i, struct tunnel *heir, size_t at)
{
	uncount(t, t->static_place[i]);
	t->static_place[i] = STANDBY;
	take(heir, at);
}

/* It stays with the tunnel that has it, unless that has no child and this one does. */
static void enter(struct tunnel *t, size_t i)
{
	size_t at = 0;
	struct tunnel *holder = other_with(t, &t->cfg->static_route[i], false, &at);

	if (!holder)
		take(t, i);
	else if (holder->routes_in || !t->routes_in)
		t->static_place[i] = STANDBY;
	else
		move(holder, at, t, i);
}

/* To another tunnel that has it, if there is one as fit as that. */
static void yield(struct tunnel *t, size_t i, enum fitness least)
{
	size_t at = 0;
	struct tunnel *heir = other_with(t, &t->cfg->static_route[i], true, &at);

	if (heir && fitness(heir) >= least)
		move(t, i, heir, at);
}

/* It is given up, to another tunnel that has it or altogether. */
static void drop(struct tunnel *t, const struct cfg_static_route *r, uint8_t place)
{
	struct tunnel *heir;
	size_t at = 0;

	if (place == STANDBY)
		return;
	uncount(t, place);
	heir = other_with(t, r, true, &at);
	if (heir)
		take(heir, at);
	else
		fib_writer_unwant(t->domain->fib, &r->prefix, r->metric, FIB_STATIC);
}

static void leave(struct tunnel *t, size_t i)
{
	drop(t, &t->cfg->static_route[i], t->static_place[i]);
	t->static_place[i] = NOT_WANTED;
}

void statics_settle(struct tunnel *t)
{
	size_t n = t->cfg->n_static_route;

	if (!t->static_place && n && (t->routes_in || t->armed)) {
		t->static_place = calloc(n, sizeof(*t->static_place));
		if (!t->static_place)
			log_error(t->domain->log, t->name, "no-memory: its static routes are not installed");
	}
	for (size_t i = 0; t->static_place && i < n; i++) {
		bool wanted = t->routes_in || (t->armed && t->cfg->static_route[i].trigger);
		enum place place = t->static_place[i];

		if (wanted && (place == NOT_WANTED || (place == STANDBY && t->routes_in)))
			enter(t, i);
		else if (!wanted && place != NOT_WANTED)
			leave(t, i);
		else if (wanted && !t->routes_in && holds(t, i)) /* as a trigger, having lost its child */
			yield(t, i, HAS_CHILD);
	}
	if (!t->routes_in && !t->armed) {
		free(t->static_place); /* the next configuration may have others */
		t->static_place = NULL;
	}
}

void statics_arm(struct tunnel *t, bool armed)
{
	if (t->armed == armed)
		return;
	t->armed = armed;
	statics_settle(t);
}

void statics_path_lost(struct tunnel *t)
{
	for (size_t i = 0; i < t->cfg->n_static_route; i++)
		if (holds(t, i))
			yield(t, i, PASSES);
}

/* Does it stand by with this trigger, at rest, so that a packet would wake it? */
static bool waits_with(const struct tunnel *t, const struct cfg_static_route *r, size_t *ret_index)
{
	if (!t->armed || !t->static_place || !demand_resting(t))
		return false;
	for (size_t i = 0; i < t->cfg->n_static_route; i++) {
		const struct cfg_static_route *s = &t->cfg->static_route[i];

		if (t->static_place[i] == STANDBY && s->trigger && same_static(s, r)) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

/* The next one that does, in the order of the configuration and from its end to its beginning again. */
static struct tunnel *next_at_rest(
    const struct tunnel *t, const struct cfg_static_route *r, size_t *ret_index)
{
	struct tunnel *first = NULL;
	bool behind = false;
	size_t at;

	list_for_each (&t->domain->tunnels, struct tunnel, o, node) {
		behind |= o == t;
		if (o == t || (first && !behind) || !waits_with(o, r, &at))
			continue;
		*ret_index = at;
		if (behind)
			return o;
		first = o;
	}
	return first;
}

void statics_pass_turn(struct tunnel *t)
{
	for (size_t i = 0; !t->routes_in && i < t->cfg->n_static_route; i++) {
		size_t at = 0;
		struct tunnel *next = holds(t, i) ? next_at_rest(t, &t->cfg->static_route[i], &at) : NULL;

		if (next)
			move(t, i, next, at);
	}
}

static bool has(const struct cfg_tunnel *cfg, const struct cfg_static_route *r)
{
	for (size_t i = 0; i < cfg->n_static_route; i++)
		if (same_static(&cfg->static_route[i], r))
			return true;
	return false;
}

void statics_leave(struct tunnel *t, const struct cfg_tunnel *cfg)
{
	for (size_t i = 0; t->static_place && i < t->cfg->n_static_route; i++)
		if (t->static_place[i] != NOT_WANTED && !has(cfg, &t->cfg->static_route[i]))
			leave(t, i);
}

/* The places of the old list's routes, by the index that they have in the new one. */
static void move_places(struct tunnel *t, const struct cfg_tunnel *was, uint8_t place[])
{
	for (size_t i = 0; i < was->n_static_route; i++)
		for (size_t k = 0; k < t->cfg->n_static_route; k++)
			if (same_static(&was->static_route[i], &t->cfg->static_route[k]))
				place[k] = t->static_place[i];
}

void statics_enter(struct tunnel *t, const struct cfg_tunnel *was)
{
	size_t n = t->cfg->n_static_route;
	uint8_t *place = t->static_place && n ? calloc(n, sizeof(*place)) : NULL;

	if (place)
		move_places(t, was, place);
	for (size_t i = 0; t->static_place && n && !place && i < was->n_static_route; i++)
		if (t->static_place[i] != NOT_WANTED) /* no memory: they come anew, after a moment */
			drop(t, &was->static_route[i], t->static_place[i]);
	free(t->static_place);
	t->static_place = place;
}

void statics_result(struct domain *d, const struct prefix *p, uint32_t metric, enum place place)
{
	list_for_each (&d->tunnels, struct tunnel, t, node) {
		for (size_t i = 0; i < t->cfg->n_static_route; i++) {
			const struct cfg_static_route *s = &t->cfg->static_route[i];

			if (!holds(t, i) || s->metric != metric || !prefix_eq(&s->prefix, p))
				continue;
			route_count_place(&t->facts, t->static_place[i], -1u);
			t->static_place[i] = (uint8_t)place;
			route_count_place(&t->facts, place, 1);
		}
	}
}

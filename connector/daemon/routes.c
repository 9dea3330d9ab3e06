/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Desired routes. A learned prefix remembers through which peers it goes, so that each tunnel's counts
 * (`wanted`, `in_kernel` of its ladder) can be kept by adding and subtracting, never by walking the table.
 */
#include "connector/daemon/routes.h"

#include "connector/daemon/demand.h"
#include "connector/daemon/nexthop.h"
#include "connector/daemon/protect.h"
#include "connector/sys/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECONSIDER_ROWS   64
#define UNREACHABLE_PAUSE mdur_s(5) /* between two log lines about next hops */

/* Where a route stands. STANDBY: a static route that another tunnel has too, and goes by that one. */
enum place { NOT_WANTED, PENDING, IN_KERNEL, FAILED, STANDBY };

struct learned {
	enum place place;
	uint8_t n;
	uint32_t peer[]; /* ids; those of tunnels count in their ladders */
};

static void count_place(struct ladder_facts *f, enum place place, unsigned by)
{
	switch (place) {
	case NOT_WANTED:
	case STANDBY:
	case PENDING: break;
	case IN_KERNEL: f->in_kernel += by; break;
	case FAILED: f->failed += by; break;
	}
}

static struct tunnel *nth_tunnel(const struct domain *d, const struct learned *l, unsigned i)
{
	return domain_tunnel_by_id(d, l->peer[i]);
}

/* Enters a route into its tunnels' counts (by 1), or takes it out of them (by -1, which unsigned arithmetic
 * honours). */
static void count(const struct domain *d, const struct learned *l, unsigned by)
{
	for (unsigned i = 0; i < l->n; i++) {
		struct tunnel *t = nth_tunnel(d, l, i);

		if (!t)
			continue;
		t->facts.wanted += by;
		count_place(&t->facts, l->place, by);
	}
}

static void one_way(struct fib_route *r, const struct tunnel *t)
{
	r->n_ways = 1;
	r->way[0] = (struct fib_way){ .ifindex = t->ifindex, .weight = 1 };
	snprintf(r->way[0].interface, sizeof(r->way[0].interface), "%s", t->interface);
}

static void peer_route(const struct tunnel *t, struct fib_route *ret_route)
{
	*ret_route = (struct fib_route){ .prefix = prefix_host(&t->cfg->bgp.peer),
		.metric = 0,
		.origin = FIB_PEER,
		.source = t->cfg->bgp.local };
	one_way(ret_route, t);
}

/* The address that answers for us inside of the tunnel, if it has the family of the route. */
static struct addr inside_source(const struct tunnel *t, const struct prefix *p)
{
	for (unsigned i = 0; i < t->cfg->n_inside; i++)
		if (t->cfg->inside[i].addr.family == p->addr.family)
			return t->cfg->inside[i].addr;
	return (struct addr){ 0 };
}

static bool same_static(const struct cfg_static_route *a, const struct cfg_static_route *b)
{
	return prefix_eq(&a->prefix, &b->prefix) && a->metric == b->metric;
}

/* How well it would carry a route: best where packets are known to pass. */
static unsigned fitness(const struct tunnel *t)
{
	return !t->routes_in ? 0 : t->facts.passing ? 2 : 1;
}

/*
 * Another tunnel that has this route: the one by which it goes, or (standby) one that would take it over,
 * rather one that passes packets than one that has but a child, and rather that than none.
 */
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

/* The route goes by this tunnel from now on, whoever had it before. */
static void static_take(struct tunnel *t, size_t i)
{
	const struct cfg_static_route *s = &t->cfg->static_route[i];
	struct fib_route r = { .prefix = s->prefix,
		.metric = s->metric,
		.origin = FIB_STATIC,
		.source = inside_source(t, &s->prefix) };

	one_way(&r, t);
	t->static_place[i] = PENDING;
	t->facts.wanted++;
	fib_writer_want(t->domain->fib, &r);
}

static void static_uncount(struct tunnel *t, uint8_t place)
{
	t->facts.wanted--;
	count_place(&t->facts, place, -1u);
}

/* It stays with the tunnel that has it, unless that has no child and this one does. */
static void static_in(struct tunnel *t, size_t i)
{
	size_t at = 0;
	struct tunnel *holder = other_with(t, &t->cfg->static_route[i], false, &at);

	if (holder && (holder->routes_in || !t->routes_in)) {
		t->static_place[i] = STANDBY;
		return;
	}
	if (holder) {
		static_uncount(holder, holder->static_place[at]);
		holder->static_place[at] = STANDBY;
	}
	static_take(t, i);
}

/* The new way replaces the old one, and there is no moment without. */
static void static_move(struct tunnel *t, size_t i, struct tunnel *heir, size_t at)
{
	static_uncount(t, t->static_place[i]);
	t->static_place[i] = STANDBY;
	static_take(heir, at);
}

static bool static_held(const struct tunnel *t, size_t i)
{
	return t->static_place && t->static_place[i] != NOT_WANTED && t->static_place[i] != STANDBY;
}

/* It has lost its child and keeps the route as a trigger: one that has a child takes over. */
static void static_yield(struct tunnel *t, size_t i)
{
	size_t at = 0;
	struct tunnel *heir = other_with(t, &t->cfg->static_route[i], true, &at);

	if (heir && heir->routes_in)
		static_move(t, i, heir, at);
}

/* Another tunnel that has it takes over: the new way replaces the old one, and there is no moment without. */
static void static_drop(struct tunnel *t, const struct cfg_static_route *r, uint8_t place)
{
	struct tunnel *heir;
	size_t at = 0;

	if (place == STANDBY)
		return;
	static_uncount(t, place);
	heir = other_with(t, r, true, &at);
	if (heir)
		static_take(heir, at);
	else
		fib_writer_unwant(t->domain->fib, &r->prefix, r->metric, FIB_STATIC);
}

static void static_out(struct tunnel *t, size_t i)
{
	static_drop(t, &t->cfg->static_route[i], t->static_place[i]);
	t->static_place[i] = NOT_WANTED;
}

/* Static routes as they should be: with the child, and the triggers while the tunnel is armed. */
static void statics_settle(struct tunnel *t)
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
			static_in(t, i);
		else if (!wanted && place != NOT_WANTED)
			static_out(t, i);
		else if (wanted && !t->routes_in && place != STANDBY)
			static_yield(t, i);
	}
	if (!t->routes_in && !t->armed) {
		free(t->static_place); /* the next configuration may have others */
		t->static_place = NULL;
	}
}

void routes_arm(struct tunnel *t, bool armed)
{
	if (t->armed == armed)
		return;
	t->armed = armed;
	statics_settle(t);
}

void routes_path_lost(struct tunnel *t)
{
	for (size_t i = 0; i < t->cfg->n_static_route; i++) {
		size_t at = 0;
		struct tunnel *heir =
		    static_held(t, i) ? other_with(t, &t->cfg->static_route[i], true, &at) : NULL;

		if (heir && heir->routes_in && heir->facts.passing)
			static_move(t, i, heir, at);
	}
}

/* The next one at rest, in the order of the configuration and from its end to its beginning again, that a
 * packet to this route would wake. */
static struct tunnel *next_at_rest(
    const struct tunnel *t, const struct cfg_static_route *r, size_t *ret_index)
{
	struct tunnel *first = NULL;
	bool behind = false;

	list_for_each (&t->domain->tunnels, struct tunnel, o, node) {
		behind |= o == t;
		if (o == t || !o->armed || !o->static_place || !demand_resting(o) || (first && !behind))
			continue;
		for (size_t i = 0; i < o->cfg->n_static_route; i++) {
			const struct cfg_static_route *s = &o->cfg->static_route[i];

			if (o->static_place[i] != STANDBY || !s->trigger || !same_static(s, r))
				continue;
			*ret_index = i;
			if (behind)
				return o;
			first = o;
			break;
		}
	}
	return first;
}

void routes_pass_turn(struct tunnel *t)
{
	for (size_t i = 0; !t->routes_in && i < t->cfg->n_static_route; i++) {
		size_t at = 0;
		struct tunnel *next =
		    static_held(t, i) ? next_at_rest(t, &t->cfg->static_route[i], &at) : NULL;

		if (next)
			static_move(t, i, next, at);
	}
}

void routes_tunnel_in(struct tunnel *t)
{
	struct fib_route r;

	t->routes_in = true;
	if (t->cfg->have_bgp) {
		peer_route(t, &r);
		fib_writer_want(t->domain->fib, &r);
	}
	statics_settle(t);
}

static void peer_out(struct tunnel *t)
{
	struct prefix host = prefix_host(&t->cfg->bgp.peer);

	if (t->cfg->have_bgp)
		fib_writer_unwant(t->domain->fib, &host, 0, FIB_PEER);
}

void routes_tunnel_out(struct tunnel *t)
{
	if (!t->routes_in)
		return;
	t->routes_in = false;
	statics_settle(t);
	peer_out(t);
}

static bool has_static(const struct cfg_tunnel *cfg, const struct cfg_static_route *r)
{
	for (size_t i = 0; i < cfg->n_static_route; i++)
		if (same_static(&cfg->static_route[i], r))
			return true;
	return false;
}

void routes_leave(struct tunnel *t, const struct cfg_tunnel *cfg)
{
	for (size_t i = 0; t->static_place && i < t->cfg->n_static_route; i++)
		if (t->static_place[i] != NOT_WANTED && !has_static(cfg, &t->cfg->static_route[i]))
			static_out(t, i);
	if (t->routes_in && !cfg_same_session(t->cfg, cfg))
		peer_out(t);
}

/* The places of the old list's routes, by the index that they have in the new one. */
static void move_places(struct tunnel *t, const struct cfg_tunnel *was, uint8_t place[])
{
	for (size_t i = 0; i < was->n_static_route; i++)
		for (size_t k = 0; k < t->cfg->n_static_route; k++)
			if (same_static(&was->static_route[i], &t->cfg->static_route[k]))
				place[k] = t->static_place[i];
}

void routes_enter(struct tunnel *t, const struct cfg_tunnel *was)
{
	size_t n = t->cfg->n_static_route;
	uint8_t *place = t->static_place && n ? calloc(n, sizeof(*place)) : NULL;

	if (place)
		move_places(t, was, place);
	for (size_t i = 0; t->static_place && n && !place && i < was->n_static_route; i++)
		if (t->static_place[i] != NOT_WANTED)
			static_drop(t, &was->static_route[i], t->static_place[i]);
	free(t->static_place);
	t->static_place = place;
	if (t->routes_in && !cfg_same_session(was, t->cfg))
		routes_tunnel_in(t);
	else
		statics_settle(t);
}

/* One line stands for all of a table whose next hop is not there. */
static void warn_unreachable(struct domain *d, const struct prefix *p, const struct bgp_path *path, mtime now)
{
	d->unreachable++;
	if (d->unreachable_told.ns && !mtime_reached(mtime_add(d->unreachable_told, UNREACHABLE_PAUSE), now))
		return;
	if (protect_forbids(d, p, path->peer))
		log_warn(d->log, "fib",
		    "%s: fib-protected: %s teaches a way in clear, but this prefix is protected; it is not "
		    "installed",
		    prefix_str(p), domain_peer_name(d, path->peer));
	else
		log_warn(d->log, "fib",
		    "%s: the next hop %s of %s is not reachable (such routes since the last message of this "
		    "kind: "
		    "%u)",
		    prefix_str(p), addr_str(&path->nexthop), domain_peer_name(d, path->peer), d->unreachable);
	d->unreachable_told = now;
	d->unreachable = 0;
}

static void touch_tunnels(struct domain *d, const struct learned *l, mtime now)
{
	for (unsigned i = 0; i < l->n; i++) {
		struct tunnel *t = nth_tunnel(d, l, i);

		if (t)
			t->last_route = now;
	}
}

static void learned_gone(struct domain *d, const struct prefix *p)
{
	struct learned *l = ptrie_remove(d->learned, p);

	if (!l)
		return;
	count(d, l, -1u);
	free(l);
	fib_writer_unwant(d->fib, p, FIB_METRIC_LEARNED, FIB_LEARNED);
}

void routes_learned(
    struct domain *d, const struct prefix *p, const struct bgp_path path[], unsigned n, mtime now)
{
	struct learned *old = ptrie_get(d->learned, p), *l;
	struct fib_route r = { .prefix = *p, .metric = FIB_METRIC_LEARNED, .origin = FIB_LEARNED };

	nexthop_forget(d, p);
	if (n == 0) {
		learned_gone(d, p);
		return;
	}
	l = calloc(1, sizeof(*l) + n * sizeof(l->peer[0]));
	if (!l) {
		log_error(d->log, "fib", "no-memory: %s is not installed", prefix_str(p));
		learned_gone(d, p);
		return;
	}
	for (unsigned i = 0; i < n && r.n_ways < FIB_WAYS_MAX; i++) {
		if (!nexthop_resolve(d, p, &path[i], &r.way[r.n_ways])) {
			warn_unreachable(d, p, &path[i], now);
			continue;
		}
		l->peer[l->n++] = path[i].peer;
		r.n_ways++;
	}
	if (l->n < n)
		nexthop_wait(d, p, path, n, l->n);
	if (!l->n) {
		free(l);
		learned_gone(d, p);
		return;
	}
	l->place = old ? old->place : PENDING; /* until the writer says otherwise, the old ways stand */
	if (ptrie_set(d->learned, p, l)) {     /* only a prefix that is new can fail */
		log_error(d->log, "fib", "no-memory: %s is not installed", prefix_str(p));
		free(l);
		return;
	}
	if (old) {
		count(d, old, -1u);
		free(old);
	}
	count(d, l, 1);
	touch_tunnels(d, l, now);
	fib_writer_want(d->fib, &r);
}

/* Rows of one prefix stand together; they may come in several calls. */
struct reconsidered {
	struct prefix prefix;
	struct bgp_path path[BGP_MULTIPATH_MAX];
	unsigned n;
	bool lan;
};

static void reconsider_one(struct domain *d, struct reconsidered *x)
{
	if (x->n && x->lan)
		routes_learned(d, &x->prefix, x->path, x->n, clock_now());
	x->n = 0;
	x->lan = false;
}

void routes_reconsider(struct domain *d, const struct prefix *within)
{
	struct bgp_route_query q = { .rib = BGP_RIB_BEST, .within = *within };
	struct bgp_route_view *row = calloc(RECONSIDER_ROWS, sizeof(*row));
	struct reconsidered x = { 0 };

	while (row && d->bgp && !list_empty(&d->lan_peers) && !q.done) {
		size_t n = bgp_routes(d->bgp, &q, row, RECONSIDER_ROWS);

		for (size_t i = 0; i < n; i++) {
			if (!prefix_eq(&row[i].prefix, &x.prefix))
				reconsider_one(d, &x);
			x.prefix = row[i].prefix;
			if (!row[i].best || !row[i].peer || x.n == BGP_MULTIPATH_MAX)
				continue;
			x.path[x.n++] =
			    (struct bgp_path){ .peer = row[i].peer, .nexthop = row[i].nexthop, .weight = 1 };
			x.lan |= !domain_tunnel_by_id(d, row[i].peer);
		}
	}
	reconsider_one(d, &x);
	free(row);
}

static void static_result(struct domain *d, const struct prefix *p, uint32_t metric, enum place place)
{
	list_for_each (&d->tunnels, struct tunnel, t, node) {
		for (size_t i = 0; t->static_place && i < t->cfg->n_static_route; i++) {
			const struct cfg_static_route *s = &t->cfg->static_route[i];

			if (s->metric != metric || !prefix_eq(&s->prefix, p) ||
			    t->static_place[i] == NOT_WANTED || t->static_place[i] == STANDBY)
				continue;
			count_place(&t->facts, t->static_place[i], -1u);
			t->static_place[i] = (uint8_t)place;
			count_place(&t->facts, place, 1);
		}
	}
}

static void learned_result(
    struct domain *d, const struct prefix *p, enum place place, const struct reason *why)
{
	struct learned *l = ptrie_get(d->learned, p);

	if (!l)
		return;
	count(d, l, -1u);
	l->place = place;
	count(d, l, 1);
	for (unsigned i = 0; place == FAILED && i < l->n; i++) {
		struct tunnel *t = nth_tunnel(d, l, i);

		/* A route to a pinned endpoint is shadowed by design: visible in `fib show`, but no fault of
		 * the tunnel's. */
		if (t && strcmp(why->id, "fib-shadowed"))
			t->error = *why;
	}
}

void routes_result(struct domain *d, const struct prefix *p, uint32_t metric, enum fib_origin origin,
    bool in_kernel, const struct reason *why)
{
	enum place place = in_kernel ? IN_KERNEL : reason_is_set(why) ? FAILED : PENDING;

	if (place == FAILED)
		log_warn(d->log, "fib", "%s: %s: %s", prefix_str(p), why->id, why->text);
	switch (origin) {
	case FIB_LEARNED: learned_result(d, p, place, why); break;
	case FIB_STATIC: static_result(d, p, metric, place); break;
	case FIB_PEER:
	case FIB_PIN:
	case FIB_PROTECT: break;
	}
}

bool routes_in_kernel(const struct domain *d, const struct prefix *p)
{
	const struct learned *l = ptrie_get(d->learned, p);

	return l && l->place == IN_KERNEL;
}

void routes_free(struct domain *d)
{
	struct prefix p;
	void *l;

	while (ptrie_first(d->learned, &p, &l)) {
		ptrie_remove(d->learned, &p);
		free(l);
	}
	ptrie_free(d->learned);
	d->learned = NULL;
}

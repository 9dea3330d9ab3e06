/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Desired routes. A learned prefix remembers through which peers it goes, so that each tunnel's counts
 * (`wanted`, `in_kernel` of its ladder) can be kept by adding and subtracting, never by walking the table.
 */
#include "connector/daemon/routes.h"

#include "connector/daemon/nexthop.h"
#include "connector/daemon/protect.h"
#include "connector/daemon/routes_internal.h"
#include "connector/daemon/statics.h"
#include "connector/sys/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECONSIDER_ROWS   64
#define UNREACHABLE_PAUSE mdur_s(5) /* between two log lines about next hops */

struct learned {
	enum place place;
	uint8_t n;
	uint32_t peer[]; /* ids; those of tunnels count in their ladders */
};

void route_count_place(struct ladder_facts *f, enum place place, unsigned by)
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
		route_count_place(&t->facts, l->place, by);
	}
}

void route_one_way(struct fib_route *r, const struct tunnel *t)
{
	r->n_ways = 1;
	r->way[0] = (struct fib_way){ .ifindex = t->ifindex, .weight = 1 };
	snprintf(r->way[0].interface, sizeof(r->way[0].interface), "%s", t->interface);
}

static void peer_in(struct tunnel *t)
{
	struct fib_route r = { .prefix = prefix_host(&t->cfg->bgp.peer),
		.metric = 0,
		.origin = FIB_PEER,
		.source = t->cfg->bgp.local };

	if (!t->cfg->have_bgp)
		return;
	route_one_way(&r, t);
	fib_writer_want(t->domain->fib, &r);
}

static void peer_out(struct tunnel *t)
{
	struct prefix host = prefix_host(&t->cfg->bgp.peer);

	if (t->cfg->have_bgp)
		fib_writer_unwant(t->domain->fib, &host, 0, FIB_PEER);
}

void routes_tunnel_in(struct tunnel *t)
{
	t->routes_in = true;
	peer_in(t);
	statics_settle(t);
}

void routes_tunnel_out(struct tunnel *t)
{
	if (!t->routes_in)
		return;
	t->routes_in = false;
	statics_settle(t);
	peer_out(t);
}

void routes_leave(struct tunnel *t, const struct cfg_tunnel *cfg)
{
	statics_leave(t, cfg);
	if (t->routes_in && !cfg_same_session(t->cfg, cfg))
		peer_out(t);
}

void routes_enter(struct tunnel *t, const struct cfg_tunnel *was)
{
	statics_enter(t, was);
	if (t->routes_in && !cfg_same_session(was, t->cfg))
		peer_in(t);
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
	case FIB_STATIC: statics_result(d, p, metric, place); break;
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

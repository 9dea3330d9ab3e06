/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Desired routes. The ways of a learned prefix carry the number of the peer they lead to, and the FIB writer
 * says of each where it stands; so each tunnel's counts (`wanted`, `in_kernel` of its ladder) are kept by
 * adding and subtracting, never by walking the table, and no table of learned routes is kept here.
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

void routes_count(struct domain *d, uint32_t owner, enum fib_place place, unsigned by)
{
	struct tunnel *t = domain_tunnel_by_id(d, owner);

	if (!t)
		return;
	t->facts.wanted += by;
	if (place == FIB_PLACE_IN_KERNEL)
		t->facts.in_kernel += by;
	else if (place == FIB_PLACE_FAILED)
		t->facts.failed += by;
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

/* Ways for the paths that have one now, each with its peer as its owner. */
static void resolve(struct domain *d, const struct routes_best *best, struct fib_route *r, mtime now)
{
	for (unsigned i = 0; i < best->n && r->n_ways < FIB_WAYS_MAX; i++) {
		struct fib_way *way = &r->way[r->n_ways];
		struct tunnel *t;

		if (!nexthop_resolve(d, &best->prefix, &best->path[i], way, now)) {
			warn_unreachable(d, &best->prefix, &best->path[i], now);
			continue;
		}
		t = domain_tunnel_by_id(d, best->path[i].peer);
		if (t)
			t->last_route = now;
		r->n_ways++;
	}
}

/* The backup's way, where it is another one than those in use. */
static void resolve_backup(struct domain *d, const struct routes_best *best, struct fib_route *r, mtime now)
{
	r->have_backup =
	    best->backup && r->n_ways && nexthop_resolve(d, &best->prefix, best->backup, &r->backup, now);
	for (unsigned i = 0; r->have_backup && i < r->n_ways; i++)
		if (r->way[i].ifindex == r->backup.ifindex && addr_eq(&r->way[i].via, &r->backup.via))
			r->have_backup = false;
}

void routes_learned(struct domain *d, const struct routes_best *best, mtime now)
{
	struct fib_route r;

	r.prefix = best->prefix;
	r.metric = FIB_METRIC_LEARNED;
	r.origin = FIB_LEARNED;
	r.source = (struct addr){ 0 };
	r.n_ways = 0;
	r.have_backup = false;
	nexthop_forget(d, &best->prefix);
	resolve(d, best, &r, now);
	if (r.n_ways < best->n)
		nexthop_wait(d, best, r.n_ways);
	if (!r.n_ways) {
		fib_writer_unwant(d->fib, &best->prefix, FIB_METRIC_LEARNED, FIB_LEARNED);
		return;
	}
	resolve_backup(d, best, &r, now);
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
		routes_learned(
		    d, &(struct routes_best){ .prefix = x->prefix, .path = x->path, .n = x->n }, clock_now());
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

/* The tunnels by which it goes show the error. */
static void learned_failed(struct domain *d, const struct prefix *p, const struct reason *why)
{
	struct fib_route r;

	/* A route to a pinned endpoint is shadowed by design: visible in `fib show`, but no fault of the
	 * tunnel's. */
	if (!strcmp(why->id, "fib-shadowed") ||
	    !fib_writer_wanted(d->fib, p, FIB_METRIC_LEARNED, FIB_LEARNED, &r))
		return;
	for (unsigned i = 0; i < r.n_ways; i++) {
		struct tunnel *t = domain_tunnel_by_id(d, r.way[i].owner);

		if (t)
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
	case FIB_LEARNED:
		if (place == FAILED)
			learned_failed(d, p, why);
		break;
	case FIB_STATIC: statics_result(d, p, metric, place); break;
	case FIB_PEER:
	case FIB_PIN:
	case FIB_PROTECT: break;
	}
}

bool routes_in_kernel(const struct domain *d, const struct prefix *p)
{
	return fib_writer_place(d->fib, p, FIB_METRIC_LEARNED, FIB_LEARNED) == FIB_PLACE_IN_KERNEL;
}

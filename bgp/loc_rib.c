/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loc-RIB: for each destination the outcome of the decision process. A dest remembers the ways it told the
 * daemon (or is about to tell), so that a decision that changes nothing for the kernel says nothing; and its
 * routes remember which of them are in use, so that peers hear only of what changed for them.
 *
 * A route that is gone with its session is no candidate from that moment. Where one is still marked as in
 * use, because the sweep has not been there, the decision is made before anything is told of the destination.
 */
#include "bgp/core.h"

#include <string.h>

static struct candidate candidate_of(const struct bgp *bgp, const struct route *r)
{
	const struct attr_set *set = route_attrs(bgp, r);
	const struct attrs *a = &set->a;
	const struct peer *p = route_peer(bgp, r);

	return (struct candidate){
		.weight = a->weight,
		.local_pref = a->have_local_pref ? a->local_pref : BGP_DEFAULT_LOCAL_PREF,
		.path_length = set->path_length,
		.origin = a->origin,
		.neighbour_as = set->neighbour_as,
		.med = a->have_med ? a->med : 0,
		.external = !peer_internal(p),
		.cluster_len = a->cluster_len,
		.router_id = a->have_originator ? a->originator_id
		                                : p->remote_router_id, /* also while the peer restarts */
		.peer = p->config.remote,
		.group = (unsigned)p->config.kind,
		.as_path = a->as_path,
	};
}

unsigned dest_candidates(const struct bgp *bgp, const struct dest *d, unsigned *ret_ways)
{
	struct choice_room *room = bgp->choice;
	unsigned n = 0;

	for (struct route *r = route_at(bgp, d->routes); r && n < DECIDE_MAX; r = route_at(bgp, r->next)) {
		if (r->refusal != REFUSE_NONE || !stale_counts(bgp, d, r))
			continue;
		room->candidate[n] = candidate_of(bgp, r);
		room->route[n++] = r;
	}
	*ret_ways = decide(room->candidate, n, bgp->config.multipath, bgp->config.multipath_relax);
	return n;
}

/* --- the ways --- */
static struct bgp_path path_of(const struct bgp *bgp, const struct route *r)
{
	return (struct bgp_path){
		.peer = route_peer(bgp, r)->id, .nexthop = route_attrs(bgp, r)->a.nexthop, .weight = 1
	};
}

static bool in_use(const struct candidate *c)
{
	return c->step == DECIDE_BEST || c->step == DECIDE_MULTIPATH;
}

static bool has_peer(const struct ways *w, uint32_t peer)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->path[i].peer == peer)
			return true;
	return false;
}

/* The decision over what is left without the peers in use. */
static void find_backup(const struct bgp *bgp, unsigned n, struct ways *w)
{
	struct choice_room *room = bgp->choice;
	unsigned left = 0;

	for (unsigned i = 0; i < n; i++) {
		if (has_peer(w, route_peer(bgp, room->route[i])->id))
			continue;
		room->backup[left] = candidate_of(bgp, room->route[i]);
		room->left[left++] = room->route[i];
	}
	if (!left)
		return;
	(void)decide(room->backup, left, 1, false);
	for (unsigned i = 0; i < left; i++)
		if (room->backup[i].step == DECIDE_BEST)
			w->backup = path_of(bgp, room->left[i]);
	w->have_backup = true;
}

/*
 * The shares of the ways: by link bandwidth where each way's route says one, scaled so that the largest is
 * BGP_WEIGHT_MAX; else as configured for the peers.
 */
static void weigh(const struct bgp *bgp, const struct route *const by_rank[], struct ways *w)
{
	float most = 0;
	bool all = w->n > 1;

	for (unsigned i = 0; i < w->n; i++) {
		float bandwidth = route_attrs(bgp, by_rank[i])->bandwidth;

		all = all && bandwidth > 0;
		most = bandwidth > most ? bandwidth : most;
	}
	for (unsigned i = 0; i < w->n && w->n > 1; i++) {
		unsigned said = route_peer(bgp, by_rank[i])->config.rib.multipath_weight;
		float share = all ? route_attrs(bgp, by_rank[i])->bandwidth / most * BGP_WEIGHT_MAX : 0;

		w->path[i].weight = !all ? said ? said : 1 : share < 1 ? 1 : (uint32_t)(share + 0.5f);
	}
}

/* Of the candidates in the room. */
static void ways_of(const struct bgp *bgp, unsigned n, struct ways *ret_ways)
{
	const struct choice_room *room = bgp->choice;
	const struct route *by_rank[BGP_MULTIPATH_MAX];

	ret_ways->n = 0;
	ret_ways->have_backup = false;
	for (unsigned i = 0; i < n; i++) {
		if (!in_use(&room->candidate[i]) || room->candidate[i].rank >= BGP_MULTIPATH_MAX)
			continue;
		by_rank[room->candidate[i].rank] = room->route[i];
		ret_ways->path[room->candidate[i].rank] = path_of(bgp, room->route[i]);
		ret_ways->n++;
	}
	weigh(bgp, by_rank, ret_ways);
	if (ret_ways->n && ret_ways->n < n)
		find_backup(bgp, n, ret_ways);
}

/* --- deciding --- */
/* Marks the routes in use; true when another one is the best. */
static bool mark(struct bgp *bgp, struct dest *d, unsigned n)
{
	struct choice_room *room = bgp->choice;
	const struct route *was = NULL, *is = NULL;

	for (struct route *r = route_at(bgp, d->routes); r; r = route_at(bgp, r->next)) {
		if (r->best)
			was = r;
		r->in_use = r->best = false;
	}
	for (unsigned i = 0; i < n; i++) {
		struct route *r = room->route[i];

		r->in_use = in_use(&room->candidate[i]);
		r->best = room->candidate[i].step == DECIDE_BEST;
		if (r->best)
			is = r;
	}
	return was != is;
}

void dest_decide(struct bgp *bgp, struct dest *d, bool touched)
{
	struct ways ways;
	unsigned n_ways, n = dest_candidates(bgp, d, &n_ways);
	uint32_t id;

	if (mark(bgp, d, n) || touched)
		dest_mark_export(bgp, d);
	ways_of(bgp, n, &ways);
	id = way_set_get(bgp, &ways);
	if (id == d->ways && id != WAYS_UNKNOWN) {
		way_set_put(bgp, id);
		return;
	}
	way_set_put(bgp, d->ways);
	d->ways = id;
	dest_mark_fib(bgp, d);
}

/* Is a route marked as in use that is gone? */
static bool is_over(const struct bgp *bgp, const struct dest *d)
{
	for (const struct route *r = route_at(bgp, d->routes); r; r = route_at(bgp, r->next))
		if (r->in_use && !stale_counts(bgp, d, r))
			return true;
	return false;
}

/* Is a candidate gone? It may have been the backup. */
static bool has_gone(const struct bgp *bgp, const struct dest *d)
{
	for (const struct route *r = route_at(bgp, d->routes); r; r = route_at(bgp, r->next))
		if (r->refusal == REFUSE_NONE && !stale_counts(bgp, d, r))
			return true;
	return false;
}

void dest_ways(struct bgp *bgp, struct dest *d, struct ways *ret_ways)
{
	unsigned n_ways;
	bool over = is_over(bgp, d);

	if (over || has_gone(bgp, d)) {
		bool queued = d->in_fib_queue;

		d->in_fib_queue = true; /* who asks for the ways need not be told of them */
		dest_decide(bgp, d, over);
		d->in_fib_queue = queued;
	}
	if (d->ways == WAYS_UNKNOWN)
		ways_of(bgp, dest_candidates(bgp, d, &n_ways), ret_ways);
	else
		way_set_read(bgp, d->ways, ret_ways);
}

/* --- what other peers are to see --- */
static void loc_route_of(
    const struct bgp *bgp, const struct dest *d, const struct route *best, struct loc_route *ret_route)
{
	*ret_route = (struct loc_route){ .prefix = dest_prefix(d), .announced = d->announced };
	if (d->announced) {
		ret_route->attrs = network_set(bgp, &ret_route->prefix);
	} else if (best) {
		ret_route->from = route_peer(bgp, best);
		ret_route->attrs = route_attrs(bgp, best);
	}
}

void dest_loc_route(struct bgp *bgp, struct dest *d, struct loc_route *ret_route)
{
	const struct route *r;

	if (is_over(bgp, d))
		dest_decide(bgp, d, true);
	r = route_at(bgp, d->routes);
	while (r && !r->best)
		r = route_at(bgp, r->next);
	loc_route_of(bgp, d, r, ret_route);
}

void dest_view_route(const struct bgp *bgp, const struct dest *d, struct loc_route *ret_route)
{
	const struct route *best = NULL;
	unsigned ways, n = dest_candidates(bgp, d, &ways);

	for (unsigned i = 0; i < n; i++)
		if (bgp->choice->candidate[i].step == DECIDE_BEST)
			best = bgp->choice->route[i];
	loc_route_of(bgp, d, best, ret_route);
}

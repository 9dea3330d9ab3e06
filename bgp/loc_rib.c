/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loc-RIB: the destinations and, for each, the outcome of the decision process. A dest remembers a digest of
 * the ways it told the daemon (or is about to tell), so that a decision that changes nothing for the kernel
 * says nothing.
 */
#include "bgp/core.h"

#include <stdlib.h>
#include <string.h>

struct dest *dest_find(const struct bgp *bgp, const struct prefix *p)
{
	return ptrie_get(bgp->dests, p);
}

struct dest *dest_get(struct bgp *bgp, const struct prefix *p)
{
	struct dest *d = dest_find(bgp, p);

	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->prefix = *p;
	if (ptrie_set(bgp->dests, p, d) < 0) {
		free(d);
		return NULL;
	}
	return d;
}

void dest_gc(struct bgp *bgp, struct dest *d)
{
	if (d->routes || d->outs || d->announced || d->fib_node.next || d->export_node.next)
		return;
	ptrie_remove(bgp->dests, &d->prefix);
	free(d);
}

void dest_mark_export(struct bgp *bgp, struct dest *d)
{
	if (!d->export_node.next)
		list_append(&bgp->export_dirty, &d->export_node);
}

static struct candidate candidate_of(const struct route *r)
{
	const struct attrs *a = &r->attrs->a;
	const struct peer *p = r->peer;

	return (struct candidate){
		.weight = a->weight,
		.local_pref = a->have_local_pref ? a->local_pref : BGP_DEFAULT_LOCAL_PREF,
		.path_length = r->attrs->path_length,
		.origin = a->origin,
		.neighbour_as = r->attrs->neighbour_as,
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

unsigned dest_candidates(const struct bgp *bgp, const struct dest *d, struct candidate c[DECIDE_MAX],
    const struct route *route[DECIDE_MAX], unsigned *ret_ways)
{
	unsigned n = 0;

	for (const struct route *r = d->routes; r && n < DECIDE_MAX; r = r->next) {
		if (r->refusal != REFUSE_NONE)
			continue;
		c[n] = candidate_of(r);
		route[n++] = r;
	}
	*ret_ways = decide(c, n, bgp->config.multipath);
	return n;
}

static struct bgp_path path_of(const struct route *r)
{
	return (struct bgp_path){ .peer = r->peer->id, .nexthop = r->attrs->a.nexthop, .weight = 1 };
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
static void find_backup(const struct bgp *bgp, const struct route *const route[], unsigned n, struct ways *w)
{
	struct candidate c[DECIDE_MAX];
	const struct route *left[DECIDE_MAX];
	unsigned n_left = 0;

	for (unsigned i = 0; i < n; i++) {
		if (has_peer(w, route[i]->peer->id))
			continue;
		c[n_left] = candidate_of(route[i]);
		left[n_left++] = route[i];
	}
	if (!n_left)
		return;
	(void)decide(c, n_left, bgp->config.multipath);
	for (unsigned i = 0; i < n_left; i++)
		if (c[i].step == DECIDE_BEST)
			w->backup = path_of(left[i]);
	w->have_backup = true;
}

static void ways_of(const struct bgp *bgp, const struct candidate c[], const struct route *const route[],
    unsigned n, struct ways *ret_ways)
{
	memset(ret_ways, 0, sizeof(*ret_ways));
	for (unsigned i = 0; i < n; i++) {
		if (!in_use(&c[i]) || c[i].rank >= BGP_MULTIPATH_MAX)
			continue;
		ret_ways->path[c[i].rank] = path_of(route[i]);
		ret_ways->n++;
	}
	if (ret_ways->n && ret_ways->n < n)
		find_backup(bgp, route, n, ret_ways);
}

void dest_ways(const struct bgp *bgp, const struct dest *d, struct ways *ret_ways)
{
	struct candidate c[DECIDE_MAX];
	const struct route *route[DECIDE_MAX];
	unsigned ways, n = dest_candidates(bgp, d, c, route, &ways);

	ways_of(bgp, c, route, n, ret_ways);
}

static void digest_path(struct wr *w, const struct bgp_path *p)
{
	wr_u32(w, p->peer);
	wr_u32(w, p->weight);
	wr_u8(w, p->nexthop.family);
	wr_bytes(w, p->nexthop.b, sizeof(p->nexthop.b));
}

static uint64_t digest(const struct bgp *bgp, const struct ways *ways)
{
	uint8_t buf[(BGP_MULTIPATH_MAX + 1) * 32];
	struct wr w = wr_init(buf, sizeof(buf));
	uint64_t h;

	if (ways->n == 0)
		return 0;
	wr_u8(&w, (uint8_t)ways->n); /* else the backup could pass for a way */
	for (unsigned i = 0; i < ways->n; i++)
		digest_path(&w, &ways->path[i]);
	if (ways->have_backup)
		digest_path(&w, &ways->backup);
	h = siphash(&bgp->key, buf, wr_len(&w));
	return h ? h : 1;
}

void dest_decide(struct bgp *bgp, struct dest *d)
{
	struct candidate c[DECIDE_MAX];
	const struct route *route[DECIDE_MAX];
	struct ways told;
	unsigned ways, n = dest_candidates(bgp, d, c, route, &ways);
	uint64_t now;

	d->best = NULL;
	for (struct route *r = d->routes; r; r = r->next) {
		r->in_use = false;
		for (unsigned i = 0; i < n; i++) {
			if (route[i] != r)
				continue;
			r->in_use = in_use(&c[i]);
			if (c[i].step == DECIDE_BEST)
				d->best = r;
		}
	}
	ways_of(bgp, c, route, n, &told);
	now = digest(bgp, &told);
	if (now != d->fib_told) {
		d->fib_told = now;
		act_route(bgp, d);
	}
	dest_mark_export(bgp, d);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loc-RIB: the destinations and, for each, the outcome of the decision process. A dest remembers a digest of
 * the ways it told the daemon (or is about to tell), so that a decision that changes nothing for the kernel
 * says nothing.
 */
#include "bgp/core.h"

#include <stdlib.h>

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
	const struct session *s = peer_session(p, SESSION_ESTABLISHED);

	return (struct candidate){
		.local_pref = a->have_local_pref ? a->local_pref : BGP_DEFAULT_LOCAL_PREF,
		.path_length = r->attrs->path_length,
		.origin = a->origin,
		.neighbour_as = r->attrs->neighbour_as,
		.med = a->have_med ? a->med : 0,
		.external = !peer_internal(p),
		.cluster_len = a->cluster_len,
		.router_id = a->have_originator ? a->originator_id
		             : s                ? s->theirs.router_id
		                                : 0,
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

/* The ways in use, the best first. */
static unsigned ways_of(const struct candidate c[], const struct route *const route[], unsigned n,
    struct bgp_path out[BGP_MULTIPATH_MAX])
{
	unsigned ways = 0;

	for (unsigned i = 0; i < n; i++) {
		if ((c[i].step != DECIDE_BEST && c[i].step != DECIDE_MULTIPATH) ||
		    c[i].rank >= BGP_MULTIPATH_MAX)
			continue;
		out[c[i].rank] = (struct bgp_path){
			.peer = route[i]->peer->id,
			.nexthop = route[i]->attrs->a.nexthop,
			.weight = 1,
		};
		ways++;
	}
	return ways;
}

unsigned dest_ways(const struct bgp *bgp, const struct dest *d, struct bgp_path out[BGP_MULTIPATH_MAX])
{
	struct candidate c[DECIDE_MAX];
	const struct route *route[DECIDE_MAX];
	unsigned ways, n = dest_candidates(bgp, d, c, route, &ways);

	return ways_of(c, route, n, out);
}

static uint64_t digest(const struct bgp *bgp, const struct bgp_path way[], unsigned n)
{
	uint8_t buf[BGP_MULTIPATH_MAX * 24];
	struct wr w = wr_init(buf, sizeof(buf));
	uint64_t h;

	if (n == 0)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		wr_u32(&w, way[i].peer);
		wr_u8(&w, way[i].nexthop.family);
		wr_bytes(&w, way[i].nexthop.b, sizeof(way[i].nexthop.b));
	}
	h = siphash(&bgp->key, buf, wr_len(&w));
	return h ? h : 1;
}

void dest_decide(struct bgp *bgp, struct dest *d)
{
	struct candidate c[DECIDE_MAX];
	const struct route *route[DECIDE_MAX];
	struct bgp_path way[BGP_MULTIPATH_MAX];
	unsigned ways, n = dest_candidates(bgp, d, c, route, &ways);
	uint64_t now;

	d->best = NULL;
	for (struct route *r = d->routes; r; r = r->next) {
		r->in_use = false;
		for (unsigned i = 0; i < n; i++) {
			if (route[i] != r)
				continue;
			r->in_use = c[i].step == DECIDE_BEST || c[i].step == DECIDE_MULTIPATH;
			if (c[i].step == DECIDE_BEST)
				d->best = r;
		}
	}
	now = digest(bgp, way, ways_of(c, route, n, way));
	if (now != d->fib_told) {
		d->fib_told = now;
		act_route(bgp, d);
	}
	dest_mark_export(bgp, d);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* BGP routes as a walk for the management API: what was asked, in the core's terms, and rows in the model's.
 */
#include "connector/daemon/domain.h"
#include "connector/daemon/routes.h"
#include "connector/daemon/tunnel.h"
#include "connector/daemon/views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALK_ROWS 16

struct route_walk {
	struct domain *domain;
	struct bgp_route_query query;
	struct bgp_community_list *communities;
	struct bgp_route_view row[WALK_ROWS];
};

static bool parse_view(const char *name, enum bgp_rib *ret_rib)
{
	static const struct {
		const char *name;
		enum bgp_rib rib;
	} views[] = { { "best", BGP_RIB_BEST }, { "received", BGP_RIB_RECEIVED },
		{ "advertised", BGP_RIB_ADVERTISED }, { "rejected", BGP_RIB_REJECTED },
		{ "withheld", BGP_RIB_WITHHELD } };

	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		if (!strcmp(name, views[i].name)) {
			*ret_rib = views[i].rib;
			return true;
		}
	return false;
}

static uint32_t peer_id(const struct domain *d, const char *name)
{
	const struct tunnel *t = domain_tunnel_by_name(d, name);
	const struct lan_peer *l = domain_lan_peer_by_name(d, name);

	return t && t->cfg->have_bgp ? t->id : l ? l->id : 0;
}

static int fill_query(struct route_walk *w, const struct api_route_query *q, enum api_result *ret_result,
    struct reason *ret_reason)
{
	struct bgp_community c;

	*ret_result = API_INVALID;
	w->query.within = q->within;
	w->query.exact = q->exact;
	w->query.covering = q->covering;
	w->query.filter = (struct bgp_route_filter){ .have_as = q->have_as,
		.have_origin_as = q->have_origin_as,
		.have_neighbour_as = q->have_neighbour_as,
		.as = q->as,
		.origin_as = q->origin_as,
		.neighbour_as = q->neighbour_as };
	if (!parse_view(q->view, &w->query.rib))
		return reason_set(ret_reason, "unknown-view",
		    "\"%s\" is no view; best, received, advertised, rejected and withheld are", q->view);
	if (q->community[0] && bgp_community_parse(q->community, &c))
		return reason_set(ret_reason, "invalid-community",
		    "\"%s\" is no community; write one like 65001:100, 65001:1:2, rt:65001:100 or no-export; "
		    "* stands for any "
		    "number",
		    q->community);
	if (q->community[0]) {
		w->query.filter.communities = w->communities = bgp_community_list_new(&c, 1);
		*ret_result = API_FAILED;
		if (!w->communities)
			return reason_set(ret_reason, "no-memory", "out of memory");
	}
	*ret_result = API_NOT_FOUND;
	if (q->peer[0] && !(w->query.peer = peer_id(w->domain, q->peer)))
		return reason_set(ret_reason, "no-such-peer",
		    "there is no BGP peer \"%s\"; `causeway bgp summary` lists them", q->peer);
	*ret_result = API_OK;
	return 0;
}

void *views_routes_open(
    void *ctx, const struct api_route_query *q, enum api_result *ret_result, struct reason *ret_reason)
{
	struct domain *d = ctx;
	struct route_walk *w = calloc(1, sizeof(*w));

	*ret_result = API_FAILED;
	if (!w) {
		reason_set(ret_reason, "no-memory", "out of memory");
		return NULL;
	}
	w->domain = d;
	if (!fill_query(w, q, ret_result, ret_reason))
		return w;
	views_routes_close(w);
	return NULL;
}

static void route_view(const struct domain *d, const struct bgp_route_view *r, struct view_route *v)
{
	static const char *const origins[] = { "igp", "egp", "incomplete" };

	*v = (struct view_route){ .prefix = r->prefix,
		.nexthop = r->nexthop,
		.as_path = r->as_path,
		.n_as_path = r->n_as_path,
		.origin = origins[r->origin < 3 ? r->origin : 2],
		.local_pref = r->local_pref,
		.med = r->med,
		.have_med = r->have_med,
		.communities = r->communities,
		.n_communities = r->n_communities,
		.best = r->best,
		.as_path_text = r->as_path_text,
		.weight = r->weight,
		.large = r->large,
		.n_large = r->n_large,
		.extended = r->extended,
		.n_extended = r->n_extended,
		.stale = r->stale,
		.reason = r->reason };
	if (r->peer)
		snprintf(v->peer, sizeof(v->peer), "%s", domain_peer_name(d, r->peer));
	v->path_id = r->path_id;
	v->in_fib = r->best && r->peer && routes_in_kernel(d, &r->prefix);
}

size_t views_routes_next(void *walk, struct view_route *out, size_t max, bool *ret_done)
{
	struct route_walk *w = walk;
	size_t n = 0;

	if (w->domain->bgp && !w->query.done)
		n = bgp_routes(w->domain->bgp, &w->query, w->row, max < WALK_ROWS ? max : WALK_ROWS);
	for (size_t i = 0; i < n; i++)
		route_view(w->domain, &w->row[i], &out[i]);
	*ret_done = !w->domain->bgp || w->query.done;
	return n;
}

void views_routes_close(void *walk)
{
	struct route_walk *w = walk;

	bgp_community_list_put(w->communities);
	free(w);
}

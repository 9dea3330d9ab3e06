/* SPDX-License-Identifier: Apache-2.0 */
/* A route's attributes as people and filters see them. */
#include "bgp/as_regex.h"
#include "bgp/core.h"
#include "bgp/policy_internal.h"

#include <string.h>

void view_fill_attrs(struct bgp_route_view *v, const struct attrs *a)
{
	struct rd r = rd_init(a->communities.p, a->communities.len);
	struct rd large = rd_init("", 0), ext = rd_init("", 0);
	size_t n;

	(void)attr_other_find(a, BGP_ATTR_LARGE_COMMUNITIES, &large);
	(void)attr_other_find(a, BGP_ATTR_EXT_COMMUNITIES, &ext);
	v->attrs = a;
	v->nexthop = a->nexthop;
	v->n_as_path = as_path_list(a->as_path, v->as_path, BGP_AS_PATH_VIEW_MAX, &v->as_path_cut);
	n = as_path_text(a->as_path, v->as_path_text, sizeof(v->as_path_text) - 1);
	v->as_path_text[n] = '\0';
	v->origin = a->origin;
	v->local_pref = a->have_local_pref ? a->local_pref : BGP_DEFAULT_LOCAL_PREF;
	v->med = a->med;
	v->have_med = a->have_med;
	v->weight = a->weight;
	while (rd_left(&r) && v->n_communities < BGP_COMMUNITIES_VIEW_MAX)
		v->communities[v->n_communities++] = rd_u32(&r);
	for (; rd_left(&large) >= 12 && v->n_large < BGP_COMMUNITIES_VIEW_MAX; v->n_large++)
		for (unsigned i = 0; i < 3; i++)
			v->large[v->n_large][i] = rd_u32(&large);
	while (rd_left(&ext) >= 8 && v->n_extended < BGP_COMMUNITIES_VIEW_MAX)
		v->extended[v->n_extended++] = rd_u64(&ext);
}

/* The last number of the path: who originated it (RFC 4271 5.1.2). Where a set ends it, each of the set may
 * have. */
static bool origin_as_is(struct bytes path, uint32_t as)
{
	struct rd r = rd_init(path.p, path.len);
	uint32_t last = 0;

	while (rd_left(&r)) {
		uint8_t type = rd_u8(&r), count = rd_u8(&r);

		last = 0;
		for (unsigned i = 0; i < count; i++) {
			uint32_t n = rd_u32(&r);

			if (type == BGP_AS_SEQUENCE || n == as)
				last = n;
		}
	}
	return last == as;
}

bool view_filter(const struct bgp_route_filter *f, const struct attrs *a)
{
	uint32_t first = 0;

	if (f->have_as && !as_path_contains(a->as_path, f->as))
		return false;
	if (f->have_origin_as && !origin_as_is(a->as_path, f->origin_as))
		return false;
	if (f->have_neighbour_as && (!as_path_first(a->as_path, &first) || first != f->neighbour_as))
		return false;
	return !f->communities || community_list_match(f->communities, a);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pins: the original path of each pinned endpoint.
 *
 * The path is what the kernel would take if none of our routes were there: the longest foreign prefix of the
 * main table that contains the endpoint, of those the lowest metric, whose ways are usable and don't lead
 * into a tunnel of ours. A reject route there means that there is no path; and an endpoint without a path
 * gets a reject of its own, because a learned route that covers it would send the tunnel's packets into the
 * tunnel. The ways of a route are final (the kernel wants gateways on link), so nothing is resolved
 * recursively.
 */
#include "connector/fib/plan_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take_path(struct fib *f, const struct foreign *x, struct fib_route *path)
{
	struct fib_way by_object[FIB_WAYS_MAX];
	const struct fib_way *from = x->way;
	unsigned n = x->n_ways;

	if (!n && x->nhid) {
		n = foreign_nexthop_ways(f, x->nhid, by_object);
		from = by_object;
	}
	path->n_ways = 0;
	path->source = x->source;
	for (unsigned i = 0; i < n; i++) {
		const struct link *l = link_get(f, from[i].ifindex, false);
		struct fib_way *way = &path->way[path->n_ways];

		if (!l || !link_usable(f, from[i].ifindex) || l->ours)
			continue;
		*way = from[i];
		if (addr_is_unspecified(&way->via))
			way->via = (struct addr){ 0 }; /* on link */
		snprintf(way->interface, sizeof(way->interface), "%s", l->name);
		path->n_ways++;
	}
}

/* The best foreign path; path->n_ways 0: none. Returns whether it is a host route already, so that no pin is
 * needed. */
static bool resolve(struct fib *f, const struct addr *endpoint, struct fib_route *path)
{
	struct prefix at = prefix_host(endpoint), found;
	const uint32_t own_metric = fib_kernel_metric(&path->prefix, path->metric);

	path->n_ways = 0;
	for (;;) {
		struct foreign *x = ptrie_covering(f->foreign, &at, &found);

		if (!x)
			return false;
		for (; x; x = x->next) {
			if (x->type == FIB_OTHER)
				continue;
			if (x->type == FIB_REJECT)
				return false;
			take_path(f, x, path);
			if (path->n_ways)
				return found.len == addr_bits(endpoint) && x->metric <= own_metric;
		}
		if (found.len == 0)
			return false;
		at = prefix_canonical((struct prefix){ .addr = *endpoint, .len = (uint8_t)(found.len - 1) });
	}
}

void report_pin(struct fib *f, const struct fib_route *route, bool wanted)
{
	struct fib_report *r = report_add(f, FIB_REPORT_PIN);

	if (!r)
		return;
	r->wanted = wanted;
	r->prefix = route->prefix;
	r->metric = route->metric;
	r->origin = route->origin;
	r->route = malloc(sizeof(*r->route));
	if (r->route)
		*r->route = *route;
}

static void report_underlay(struct fib *f, const struct pin *pin)
{
	struct fib_report *r = report_add(f, FIB_REPORT_UNDERLAY);

	if (!r)
		return;
	r->endpoint = pin->endpoint;
	r->source = pin->route.source;
	r->ifindex = pin->route.way[0].ifindex;
	r->via = pin->route.way[0].via;
}

static void unwish(struct fib *f, struct pin *pin)
{
	if (!pin->wanted)
		return;
	pin->wanted = false;
	report_pin(f, &pin->route, false);
	fib_unwant(f, &pin->route.prefix, pin->route.metric, FIB_PIN);
}

static void pin_settle(struct fib *f, struct pin *pin)
{
	struct fib_route path = {
		.prefix = prefix_host(&pin->endpoint), .metric = FIB_METRIC_LEARNED, .origin = FIB_PIN
	};
	const struct fib_seen_addr *local = addr_local(f, &pin->endpoint);
	bool needless, changed;

	if (local) {
		path.source = pin->endpoint;
		path.n_ways = 1;
		path.way[0] = (struct fib_way){ .ifindex = local->ifindex, .weight = 1 };
		needless = true;
	} else {
		needless = resolve(f, &pin->endpoint, &path);
	}
	if (!path.n_ways) {
		path.source = (struct addr){ 0 };
		path.n_ways = 1;
		path.way[0] = (struct fib_way){ .weight = 1 };
	}
	changed = !pin->resolved || !ways_same_path(&pin->route, &path);
	if (changed || needless)
		unwish(f, pin);
	pin->route = path;
	pin->resolved = true;
	if (!needless && !pin->wanted && fib_want(f, &path, 0) == 0) {
		pin->wanted = true;
		report_pin(f, &pin->route, true);
	}
	if (changed)
		report_underlay(f, pin);
}

void pins_settle(struct fib *f)
{
	if (!f->underlay_dirty)
		return;
	f->underlay_dirty = false;
	list_for_each (&f->pins, struct pin, pin, node)
		pin_settle(f, pin);
}

static struct pin *pin_find(struct fib *f, const struct addr *endpoint)
{
	list_for_each (&f->pins, struct pin, pin, node) {
		if (addr_eq(&pin->endpoint, endpoint))
			return pin;
	}
	return NULL;
}

int fib_pin(struct fib *f, const struct addr *endpoint)
{
	struct pin *pin = pin_find(f, endpoint);

	if (!pin) {
		pin = calloc(1, sizeof(*pin));
		if (!pin)
			return -1;
		pin->endpoint = *endpoint;
		list_append(&f->pins, &pin->node);
	}
	pin->count++;
	f->underlay_dirty = f->dirty = true;
	return 0;
}

void fib_unpin(struct fib *f, const struct addr *endpoint)
{
	struct pin *pin = pin_find(f, endpoint);

	if (!pin || --pin->count)
		return;
	unwish(f, pin);
	list_remove(&pin->node);
	free(pin);
}

bool fib_pinned(const struct fib *f, const struct addr *endpoint)
{
	return pin_find((struct fib *)f, endpoint) != NULL;
}

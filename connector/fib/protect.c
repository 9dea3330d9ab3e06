/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protected prefixes: what must never leave in clear.
 *
 * Each has an unreachable route of high metric that stays as long as the prefix is protected. It belongs to
 * no interface, so the kernel keeps it when tunnels' interfaces vanish, and an earlier run's is adopted as it
 * is: there is no moment without it. A tunnel's own route to the prefix wins by its metric, one into the
 * prefix by its length. A tunnel's route to a *shorter* prefix would lose by length; its ways are therefore
 * repeated for the protected prefix, one metric before the unreachable route. Only ways of ours count: a
 * router of the LAN that announces a covering prefix would have the packets in clear. Foreign routes inside a
 * protected prefix are the administrator's word, as everywhere.
 */
#include "connector/fib/plan_internal.h"

#include <stdlib.h>

#define METRIC_COVER (FIB_METRIC_PROTECT - 1)

static struct protect *protect_find(const struct fib *f, const struct prefix *p)
{
	list_for_each ((struct list *)&f->protects, struct protect, x, node) {
		if (prefix_eq(&x->prefix, p))
			return x;
	}
	return NULL;
}

static struct fib_route unreachable(const struct prefix *p)
{
	return (struct fib_route){ .prefix = *p,
		.metric = FIB_METRIC_PROTECT,
		.origin = FIB_PROTECT,
		.n_ways = 1,
		.way = { { .ifindex = FIB_UNREACHABLE, .weight = 1 } } };
}

int fib_protect(struct fib *f, const struct prefix *prefix)
{
	const struct prefix p = prefix_canonical(*prefix);
	const struct fib_route r = unreachable(&p);
	struct protect *x;

	if (protect_find(f, &p))
		return 0;
	x = calloc(1, sizeof(*x));
	if (!x || fib_want(f, &r, 0) < 0) {
		free(x);
		return -1;
	}
	x->prefix = p;
	list_append(&f->protects, &x->node);
	report_pin(f, &r, true);
	f->protect_dirty = f->dirty = true;
	return 0;
}

static void uncover(struct fib *f, struct protect *x)
{
	if (!x->cover.n_ways)
		return;
	x->cover.n_ways = 0;
	report_pin(f, &x->cover, false);
	fib_unwant(f, &x->prefix, METRIC_COVER, FIB_PROTECT);
}

void fib_unprotect(struct fib *f, const struct prefix *prefix)
{
	const struct prefix p = prefix_canonical(*prefix);
	const struct fib_route r = unreachable(&p);
	struct protect *x = protect_find(f, &p);

	if (!x)
		return;
	uncover(f, x);
	report_pin(f, &r, false);
	fib_unwant(f, &p, FIB_METRIC_PROTECT, FIB_PROTECT);
	list_remove(&x->node);
	free(x);
}

void protect_look(struct fib *f, const struct prefix *changed)
{
	if (f->protect_dirty)
		return;
	list_for_each (&f->protects, struct protect, x, node) {
		if (changed->len < x->prefix.len && prefix_contains(changed, &x->prefix)) {
			f->protect_dirty = true;
			return;
		}
	}
}

/* The ways of a route of ours, if all that can be used lead into tunnels. */
static bool take_ways(struct fib *f, const struct route *r, struct fib_route *cover)
{
	const struct fib_ways *wished = route_ways(f, r), *usable;
	const struct rich *x = route_rich(f, r);
	enum fib_origin origin = x && x->wants ? x->wants->origin : (enum fib_origin)r->origin;

	if (!wished || !route_object(f, r) || origin > FIB_STATIC)
		return false;
	usable = ways_usable(f, wished);
	for (unsigned i = 0; i < usable->n; i++) {
		const struct link *l = link_get(f, usable->way[i].ifindex, false);

		if (!l || !l->ours)
			return false;
		cover->way[i] = usable->way[i];
		/* on-link, told as every such way is: without a gateway */
		if (addr_is_unspecified(&cover->way[i].via))
			cover->way[i].via = (struct addr){ 0 };
	}
	if (!usable->n)
		return false;
	cover->n_ways = usable->n;
	cover->source = *route_wished_source(f, r);
	return true;
}

static void find_cover(struct fib *f, const struct prefix *p, struct fib_route *cover)
{
	struct prefix at = *p;

	while (at.len) {
		struct route *r;

		at.len--;
		at = prefix_canonical(at);
		for (r = route_from_metric(f, &at, 0); r;
		     r = route_from_metric(f, &at, route_metric(f, r) + 1ULL))
			if (take_ways(f, r, cover))
				return;
	}
}

static void settle(struct fib *f, struct protect *x)
{
	struct fib_route cover = { .prefix = x->prefix, .metric = METRIC_COVER, .origin = FIB_PROTECT };

	find_cover(f, &x->prefix, &cover);
	if (ways_same_path(&x->cover, &cover))
		return;
	uncover(f, x);
	if (!cover.n_ways || fib_want(f, &cover, 0) < 0)
		return;
	x->cover = cover;
	report_pin(f, &cover, true);
}

void protects_settle(struct fib *f)
{
	if (!f->protect_dirty)
		return;
	f->protect_dirty = false;
	list_for_each (&f->protects, struct protect, x, node)
		settle(f, x);
}

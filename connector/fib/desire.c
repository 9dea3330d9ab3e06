/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wanted: wishes by origin, the routes they make, and the bundles in which routes stand
 * (plan_internal.h).
 *
 * Invariants: a route exists as long as somebody wants it or the kernel holds it; it stands in the bundle of
 * (its object, its best wish); a bundle exists as long as a route stands in it. A route whose operation
 * failed is parked, with a time.
 */
#include "connector/fib/plan_internal.h"

#include <stdlib.h>
#include <string.h>

#define BACKOFF_FIRST_MS  1000
#define BACKOFF_DOUBLINGS 6 /* up to 64 s */

mdur fib_backoff(unsigned tries)
{
	unsigned doublings = tries < BACKOFF_DOUBLINGS ? tries : BACKOFF_DOUBLINGS;

	return mdur_ms(BACKOFF_FIRST_MS << doublings);
}

uint32_t fib_kernel_metric(const struct prefix *p, uint32_t metric)
{
	return p->addr.family == 6 && metric == 0 ? IPV6_DEFAULT_METRIC : metric;
}

bool is_wish(const struct fib_ways *set)
{
	uint8_t family = set->tag & ~TAG_LEARNED;

	return family == TAG_IPV4 || family == TAG_IPV6;
}

/* ---- what a route wants ---- */

static const struct addr no_addr;

const struct fib_ways *route_ways(const struct fib *f, const struct route *r)
{
	const struct rich *x = route_rich(f, r);

	if (x && x->wants)
		return x->wants->ways;
	return r->wanted && r->bundle ? route_bundle(f, r)->set : NULL;
}

const struct addr *route_source(const struct fib *f, const struct route *r)
{
	const struct rich *x = route_rich(f, r);

	return x ? &x->source : &no_addr;
}

const struct addr *route_wished_source(const struct fib *f, const struct route *r)
{
	const struct rich *x = route_rich(f, r);

	return x && x->wants ? &x->wants->source : &no_addr;
}

int route_set_source(struct fib *f, struct route *r, const struct addr *source)
{
	struct rich *x = addr_is_none(source) ? route_rich(f, r) : route_enrich(f, r);

	if (x)
		x->source = *source;
	return x || addr_is_none(source) ? 0 : -1;
}

/* Makes a route poor again that has nothing special any more. */
void route_simplify(struct fib *f, struct route *r)
{
	struct rich *x = route_rich(f, r);
	const struct want *w = x ? x->wants : NULL;

	if (!x || r->parked || x->tries || x->disturbances || !addr_is_none(&x->source) ||
	    x->metric != fib_kernel_metric(&(struct prefix){ .addr = { .family = route_family(r) } }, 0))
		return;
	if (w && (w->next || !addr_is_none(&w->source)))
		return;
	if (w)
		r->origin = w->origin & 7;
	route_unrich(f, r);
}

/* Nowhere to keep what it wants: it is forgotten, and if it is in the kernel a picture finds it as a leftover
 * and takes it out. */
static void forget(struct fib *f, struct route *r)
{
	const struct prefix p = route_prefix(r);
	struct reason why;

	reason_set(&why, "no-memory", "%s: out of memory", prefix_str(&p));
	route_tell(f, r, false, &why);
	f->resync = true;
	bundle_leave(f, r);
	route_drop(f, r);
}

static void place(struct fib *f, struct route *r, struct object *o, const struct fib_ways *set)
{
	struct bundle *b;

	f->dirty = true;
	if (f->protects.next != &f->protects) {
		struct prefix p = route_prefix(r);

		protect_look(f, &p);
	}
	if (!o && !is_wish(set)) {
		bundle_leave(f, r);
		route_drop(f, r);
		return;
	}
	b = bundle_get(f, o, set);
	if (!b) {
		forget(f, r);
		return;
	}
	b->n++;
	bundle_leave(f, r);
	r->bundle = b->number;
	route_list_append(f, &b->fresh, r);
}

void route_settle(struct fib *f, struct route *r, struct object *o, bool keep_leftover)
{
	const struct fib_ways *set = route_ways(f, r);

	place(f, r, o, set ? set : keep_leftover ? f->leftover : f->unwanted);
}

void route_resettle(struct fib *f, struct route *r)
{
	route_settle(f, r, route_object(f, r), route_bundle(f, r)->set == f->leftover);
}

void route_park(struct fib *f, struct route *r, mtime until, bool blocked, const struct reason *why)
{
	struct rich *x = route_enrich(f, r);

	route_unlist(f, r);
	route_list_append(f, &f->parked, r);
	r->parked = true;
	r->blocked = blocked;
	if (x)
		x->retry = until;
	else
		until = mtime_add(f->now, fib_backoff(0)); /* parked_release takes it for due */
	f->deadline = mtime_min(f->deadline, until);
	if (why)
		route_tell(f, r, false, why);
}

void parked_release(struct fib *f)
{
	if (!mtime_reached(f->deadline, f->now))
		return;
	f->deadline = MTIME_NEVER;
	route_list_each(f, &f->parked, r)
	{
		const struct rich *x = route_rich(f, r);

		if (!x || mtime_reached(x->retry, f->now))
			route_resettle(f, r);
		else
			f->deadline = mtime_min(f->deadline, x->retry);
	}
	f->dirty = true; /* deletions of objects may be due, too */
}

void parked_retry_all(struct fib *f)
{
	route_list_each(f, &f->parked, r)
	{
		struct rich *x = route_rich(f, r);

		if (!r->blocked && x && x->tries) {
			x->tries = 0;
			route_resettle(f, r);
		}
	}
}

void route_tell(struct fib *f, struct route *r, bool in_kernel, const struct reason *why)
{
	const struct rich *x = route_rich(f, r);
	uint32_t metric = route_metric(f, r);

	if (!r->wanted && in_kernel)
		return;
	r->told = in_kernel ? TOLD_IN : TOLD_OUT;
	report_route(f,
	    &(struct told_route){ .prefix = route_prefix(r),
	        .metric = r->asked_zero ? 0 : metric,
	        .wish = r->wish,
	        .origin = (uint8_t)(!r->wanted      ? FIB_LEARNED
	                            : x && x->wants ? x->wants->origin
	                                            : r->origin),
	        .in_kernel = in_kernel,
	        .wanted = r->wanted },
	    why);
}

/* ---- wishes ---- */

static struct want **want_place(struct rich *x, enum fib_origin origin)
{
	struct want **link = &x->wants;

	while (*link && (*link)->origin > origin)
		link = &(*link)->next;
	return link;
}

static struct want *want_new(enum fib_origin origin, const struct fib_ways *ways)
{
	struct want *w = calloc(1, sizeof(*w));

	if (w) {
		w->origin = origin;
		w->ways = ways_ref(ways);
	}
	return w;
}

/* Its wishes as a list, for when there is more to one than its ways. NULL when memory is out. */
static struct rich *list_wants(struct fib *f, struct route *r)
{
	struct rich *x = route_enrich(f, r);

	if (x && r->wanted && !x->wants)
		x->wants = want_new((enum fib_origin)r->origin, route_bundle(f, r)->set);
	return x && (x->wants || !r->wanted) ? x : NULL;
}

static int want_in_list(struct fib *f, struct route *r, const struct fib_ways *ways, enum fib_origin origin,
    const struct addr *source)
{
	struct rich *x = list_wants(f, r);
	struct want **link = x ? want_place(x, origin) : NULL, *w = link ? *link : NULL;

	if (!link)
		return -1;
	if (w && w->origin == origin) {
		const struct fib_ways *old = w->ways;

		w->ways = ways_ref(ways);
		ways_unref(old);
	} else {
		w = want_new(origin, ways);
		if (!w)
			return -1;
		w->next = *link;
		*link = w;
	}
	w->source = *source;
	return 0;
}

/* An on-link way is written with its family and a zero gateway: a nexthop object belongs to a family. */
static struct fib_way way_of(const struct fib_way *from, uint8_t family)
{
	struct fib_way way = *from;

	if (addr_is_none(&way.via) || addr_is_unspecified(&way.via))
		way.via = (struct addr){ .family = family };
	return way;
}

const struct fib_ways *fib_ways_get(struct fib *f, uint8_t family, enum fib_origin origin,
    const struct fib_way from[], unsigned n, const struct fib_way *backup)
{
	uint8_t tag =
	    (uint8_t)((family == 4 ? TAG_IPV4 : TAG_IPV6) | (origin == FIB_LEARNED ? TAG_LEARNED : 0));
	struct fib_way way[FIB_WAYS_MAX], other;
	const struct fib_ways *ways;

	n = n < FIB_WAYS_MAX ? n : FIB_WAYS_MAX;
	for (unsigned i = 0; i < n; i++)
		way[i] = way_of(&from[i], family);
	if (backup)
		other = way_of(backup, family);
	ways = ways_get(f->ways, tag, way, n, backup ? &other : NULL);
	if (ways && ways_image(f, ways) == ways) { /* a wish never is: memory is out */
		ways_unref(ways);
		return NULL;
	}
	return ways;
}

void fib_ways_put(const struct fib_ways *ways)
{
	ways_unref(ways);
}

int fib_want_ways(struct fib *f, const struct fib_wish *wish, const struct fib_ways *ways)
{
	const struct prefix prefix = prefix_canonical(wish->prefix);
	uint32_t metric = fib_kernel_metric(&prefix, wish->metric);
	struct route *r = route_make(f, &prefix, metric);
	bool simple;

	if (!r)
		return -1;
	bundles_reserve(f);
	simple = addr_is_none(&wish->source) && !(route_rich(f, r) && route_rich(f, r)->wants) &&
	         (!r->wanted || r->origin == wish->origin);
	if (!simple && want_in_list(f, r, ways, wish->origin, &wish->source) < 0) {
		if (!r->bundle)
			route_drop(f, r);
		return -1;
	}
	r->origin = wish->origin & 7;
	r->wanted = true;
	r->told = TOLD_NOTHING;
	r->asked_zero = wish->metric == 0;
	r->wish = wish->number ? wish->number : r->wish;
	if (wish->origin == FIB_LEARNED)
		f->last_want = f->now;
	place(f, r, route_object(f, r), simple ? ways : route_rich(f, r)->wants->ways);
	return 0;
}

int fib_want(struct fib *f, const struct fib_route *route, uint32_t number)
{
	const struct fib_wish wish = { .prefix = route->prefix,
		.metric = route->metric,
		.origin = route->origin,
		.source = route->source,
		.number = number };
	const struct fib_ways *ways = fib_ways_get(f, route->prefix.addr.family, route->origin, route->way,
	    route->n_ways, route->have_backup ? &route->backup : NULL);
	int err = ways ? fib_want_ways(f, &wish, ways) : -1;

	ways_unref(ways);
	return err;
}

/* Takes the wish out; true when it was the one in force. */
static bool want_out(struct fib *f, struct route *r, enum fib_origin origin)
{
	struct rich *x = route_rich(f, r);
	struct want **link, *w;
	bool best;

	if (!r->wanted)
		return false;
	if (!x || !x->wants) {
		r->wanted = r->origin != origin;
		return !r->wanted;
	}
	link = want_place(x, origin);
	w = *link;
	if (!w || w->origin != origin)
		return false;
	best = link == &x->wants;
	*link = w->next;
	ways_unref(w->ways);
	free(w);
	r->wanted = x->wants != NULL;
	return best;
}

static void want_drop(struct fib *f, struct route *r, enum fib_origin origin)
{
	if (!want_out(f, r, origin))
		return;
	r->told = TOLD_NOTHING;
	if (!r->wanted && !route_object(f, r))
		route_tell(f, r, false, NULL); /* nothing in the kernel to take out: the answer is now */
	route_settle(f, r, route_object(f, r), false);
}

void fib_unwant(struct fib *f, const struct prefix *prefix, uint32_t metric, enum fib_origin origin)
{
	const struct prefix p = prefix_canonical(*prefix);
	struct route *r = route_find(f, &p, fib_kernel_metric(&p, metric));

	if (r)
		want_drop(f, r, origin);
}

static void unwant_one(struct fib *f, struct route *r)
{
	enum fib_origin best = FIB_LEARNED;

	for (enum fib_origin o = FIB_LEARNED; r->wanted && o <= FIB_PROTECT; o++) {
		struct rich *x = route_rich(f, r);

		best = x && x->wants ? x->wants->origin : (enum fib_origin)r->origin;
		if (o == best)
			break;
		(void)want_out(f, r, o);
	}
	if (r->wanted)
		want_drop(f, r, best); /* may free r */
	else
		route_settle(f, r, route_object(f, r), false);
}

void fib_unwant_all(struct fib *f)
{
	struct route_walk at = { 0 };
	struct route *r;

	list_for_each (&f->pins, struct pin, pin, node) {
		list_remove(&pin->node);
		free(pin);
	}
	list_for_each (&f->protects, struct protect, x, node) {
		list_remove(&x->node);
		free(x);
	}
	list_for_each (&f->objects, struct object, o, node)
		o->hold = (mtime){ 0 };
	list_for_each (&f->singles, struct single, s, node)
		s->hold = (mtime){ 0 };
	parked_retry_all(f);
	f->reconciled = f->leaving = true;
	f->dirty = true;
	while (route_each(f, &at, &r))
		unwant_one(f, r);
}

void fib_reconciled(struct fib *f)
{
	f->reconciled = true;
	f->dirty = true;
}

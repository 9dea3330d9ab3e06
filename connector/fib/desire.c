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

struct route *route_find(const struct fib *f, const struct prefix *p, uint32_t metric)
{
	struct route *r = ptrie_get(f->routes, p);

	while (r && r->metric < metric)
		r = r->next;
	return r && r->metric == metric ? r : NULL;
}

struct route *route_make(struct fib *f, const struct prefix *p, uint32_t metric)
{
	struct route *head = ptrie_get(f->routes, p), *r, **link = &head;

	while (*link && (*link)->metric < metric)
		link = &(*link)->next;
	if (*link && (*link)->metric == metric)
		return *link;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->prefix = *p;
	r->metric = metric;
	r->retry = MTIME_NEVER;
	r->next = *link;
	*link = r;
	if (head == r && ptrie_set(f->routes, p, r) < 0) {
		free(r);
		return NULL;
	}
	return r;
}

static void route_remove(struct fib *f, struct route *r)
{
	struct route *head = ptrie_get(f->routes, &r->prefix), **link = &head;

	while (*link != r)
		link = &(*link)->next;
	*link = r->next;
	if (!head)
		ptrie_remove(f->routes, &r->prefix);
	else if (link == &head)
		(void)ptrie_set(f->routes, &r->prefix, head); /* replaces a value: takes no memory */
	free(r);
}

/* ---- bundles ---- */

static struct bundle *bundle_get(struct fib *f, struct object *o, const struct fib_ways *set)
{
	struct list *home = o ? &o->bundles : &f->absent;
	struct bundle *b;

	list_for_each (home, struct bundle, known, node) {
		if (known->set == set)
			return known;
	}
	b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->object = o;
	b->set = ways_ref(set);
	list_init(&b->fresh);
	list_init(&b->calm);
	list_prepend(home, &b->node);
	return b;
}

static void bundle_leave(struct route *r)
{
	struct bundle *b = r->bundle;

	list_remove(&r->node);
	if (r->orphan_of)
		r->orphan_of->orphans--;
	r->orphan_of = NULL;
	r->bundle = NULL;
	r->parked = r->blocked = false;
	if (!b || --b->n)
		return;
	list_remove(&b->node);
	ways_unref(b->set);
	free(b);
}

void route_settle(struct fib *f, struct route *r)
{
	const struct fib_ways *set = r->wants ? r->wants->ways : r->leftover ? f->leftover : f->unwanted;
	struct bundle *b;

	f->dirty = true;
	protect_look(f, &r->prefix);
	if (!r->wants && !r->object) {
		bundle_leave(r);
		route_remove(f, r);
		return;
	}
	b = bundle_get(f, r->object, set);
	if (b)
		b->n++;
	bundle_leave(r);
	r->bundle = b;
	r->retry = MTIME_NEVER;
	if (b) {
		list_append(&b->fresh, &r->node);
		return;
	}
	r->orphan_of = r->object;
	if (r->object)
		r->object->orphans++;
	route_park(f, r, mtime_add(f->now, fib_backoff(0)), false, NULL);
}

void route_park(struct fib *f, struct route *r, mtime until, bool blocked, const struct reason *why)
{
	list_remove(&r->node);
	list_append(&f->parked, &r->node);
	r->parked = true;
	r->blocked = blocked;
	r->retry = until;
	f->deadline = mtime_min(f->deadline, until);
	if (why)
		route_tell(f, r, false, why);
}

void parked_release(struct fib *f)
{
	if (!mtime_reached(f->deadline, f->now))
		return;
	f->deadline = MTIME_NEVER;
	list_for_each (&f->parked, struct route, r, node) {
		if (mtime_reached(r->retry, f->now))
			route_settle(f, r);
		else
			f->deadline = mtime_min(f->deadline, r->retry);
	}
	f->dirty = true; /* deletions of objects may be due, too */
}

void parked_retry_all(struct fib *f)
{
	list_for_each (&f->parked, struct route, r, node) {
		if (!r->blocked && r->tries) {
			r->tries = 0;
			route_settle(f, r);
		}
	}
}

void route_tell(struct fib *f, struct route *r, bool in_kernel, const struct reason *why)
{
	struct fib_report *report;

	if (!r->wants && in_kernel)
		return;
	report = report_add(f, FIB_REPORT_ROUTE);
	r->told = in_kernel ? TOLD_IN : TOLD_OUT;
	if (!report)
		return;
	report->prefix = r->prefix;
	report->metric = r->asked;
	report->in_kernel = in_kernel;
	report->wanted = r->wants != NULL;
	report->wish = r->wish;
	report->origin = r->wants ? r->wants->origin : FIB_LEARNED;
	if (why)
		report->why = *why;
}

/* ---- wishes ---- */

static struct want **want_place(struct route *r, enum fib_origin origin)
{
	struct want **link = &r->wants;

	while (*link && (*link)->origin > origin)
		link = &(*link)->next;
	return link;
}

/* An on-link way is written with its family and a zero gateway: a nexthop object belongs to a family. */
static const struct fib_ways *ways_of(struct fib *f, const struct fib_route *route)
{
	struct fib_way way[FIB_WAYS_MAX];
	unsigned n = route->n_ways < FIB_WAYS_MAX ? route->n_ways : FIB_WAYS_MAX;
	uint8_t family = route->prefix.addr.family;

	for (unsigned i = 0; i < n; i++) {
		way[i] = route->way[i];
		if (addr_is_none(&way[i].via) || addr_is_unspecified(&way[i].via))
			way[i].via = (struct addr){ .family = family };
	}
	return ways_get(f->ways, family == 4 ? TAG_IPV4 : TAG_IPV6, way, n);
}

int fib_want(struct fib *f, const struct fib_route *route, uint64_t wish)
{
	const struct prefix prefix = prefix_canonical(route->prefix);
	uint32_t metric = fib_kernel_metric(&prefix, route->metric);
	const struct fib_ways *ways = ways_of(f, route);
	struct route *r = ways ? route_make(f, &prefix, metric) : NULL;
	struct want **link, *w;

	if (!r) {
		ways_unref(ways);
		return -1;
	}
	link = want_place(r, route->origin);
	w = *link;
	if (!w || w->origin != route->origin) {
		w = calloc(1, sizeof(*w));
		if (!w) {
			ways_unref(ways);
			if (!r->wants && !r->object)
				route_remove(f, r);
			return -1;
		}
		w->next = *link;
		*link = w;
	}
	ways_unref(w->ways);
	w->ways = ways;
	w->source = route->source;
	w->origin = route->origin;
	r->leftover = false;
	r->told = TOLD_NOTHING;
	r->asked = route->metric;
	r->wish = wish ? wish : r->wish;
	route_settle(f, r);
	return 0;
}

static void want_drop(struct fib *f, struct route *r, struct want **link)
{
	struct want *w = *link;
	bool best = link == &r->wants;

	*link = w->next;
	ways_unref(w->ways);
	free(w);
	if (!best)
		return;
	r->told = TOLD_NOTHING;
	if (!r->wants && !r->object)
		route_tell(f, r, false, NULL); /* nothing in the kernel to take out: the answer is now */
	route_settle(f, r);
}

void fib_unwant(struct fib *f, const struct prefix *prefix, uint32_t metric, enum fib_origin origin)
{
	const struct prefix p = prefix_canonical(*prefix);
	struct route *r = route_find(f, &p, fib_kernel_metric(&p, metric));
	struct want **link = r ? want_place(r, origin) : NULL;

	if (link && *link && (*link)->origin == origin)
		want_drop(f, r, link);
}

void fib_unwant_all(struct fib *f)
{
	struct prefix p;
	void *v;

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
	for (bool more = ptrie_first(f->routes, &p, &v); more; more = ptrie_after(f->routes, &p, &p, &v)) {
		for (struct route *r = v, *next; r; r = next) {
			next = r->next;
			while (r->wants && r->wants->next)
				want_drop(f, r, &r->wants->next);
			r->leftover = false;
			if (r->wants)
				want_drop(f, r, &r->wants); /* may free r */
			else
				route_settle(f, r);
		}
	}
}

void fib_reconciled(struct fib *f)
{
	f->reconciled = true;
	f->dirty = true;
}

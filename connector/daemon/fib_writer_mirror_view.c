/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the mirror: rows for `fib show`, the sum, and where one wish stands. */
#include "connector/daemon/fib_writer_mirror.h"

#include <string.h>

static void fill(struct fib_route *r, const struct prefix *p, const struct fib_ways *ways)
{
	memset(r, 0, sizeof(*r));
	r->prefix = *p;
	r->n_ways = ways->n;
	memcpy(r->way, ways->way, ways->n * sizeof(r->way[0]));
	r->have_backup = ways->have_backup;
	r->backup = ways->backup;
}

/* An origin's wish: a plain record has no struct wanted, but ways and a place. */
static const struct fib_ways *wish_of(const struct mirror *m, const struct prefix *p, uint32_t metric,
    enum fib_origin origin, enum fib_place *ret_place)
{
	const struct record *r = ptab_get(m->routes, p);
	uint32_t number = fib_kernel_metric(p, metric);
	const struct entry *e = r ? mirror_find(r, number) : NULL;

	*ret_place = FIB_PLACE_NONE;
	if (r && !r->rich && origin == FIB_LEARNED && number == fib_kernel_metric(p, FIB_METRIC_LEARNED)) {
		*ret_place = (enum fib_place)r->place;
		return m->set[r->plain.set];
	}
	for (const struct wanted *x = e ? e->wanted : NULL; x; x = x->next)
		if (x->origin == origin) {
			*ret_place = x->place;
			return x->ways;
		}
	return NULL;
}

enum fib_place mirror_place(
    const struct mirror *m, const struct prefix *prefix, uint32_t metric, enum fib_origin origin)
{
	const struct prefix p = prefix_canonical(*prefix);
	enum fib_place place;

	(void)wish_of(m, &p, metric, origin, &place);
	return place;
}

bool mirror_wanted(const struct mirror *m, const struct prefix *prefix, uint32_t metric,
    enum fib_origin origin, struct fib_route *ret_route)
{
	const struct prefix p = prefix_canonical(*prefix);
	enum fib_place place;
	const struct fib_ways *ways = wish_of(m, &p, metric, origin, &place);

	if (!ways)
		return false;
	fill(ret_route, &p, ways);
	ret_route->metric = metric;
	ret_route->origin = origin;
	return true;
}

static void view_why(const struct mirror *m, uint16_t why, bool failed, struct fib_view *v)
{
	if (why)
		v->why = m->why[why]->reason;
	else if (failed)
		reason_set(&v->why, "fib-kernel", "it could not enter the kernel; the log says why");
	else
		reason_clear(&v->why);
}

static void view_plain(
    const struct mirror *m, const struct prefix *p, const struct record *r, struct fib_view *v)
{
	fill(&v->route, p, m->set[r->plain.set]);
	v->route.metric = FIB_METRIC_LEARNED;
	v->route.origin = FIB_LEARNED;
	v->in_kernel = r->place == FIB_PLACE_IN_KERNEL;
	view_why(m, r->why, r->place == FIB_PLACE_FAILED, v);
}

static void view_entry(
    const struct mirror *m, const struct prefix *p, const struct entry *e, struct fib_view *v)
{
	const struct wanted *x = e->wanted;

	fill(&v->route, p, x->ways);
	v->route.metric = x->metric;
	v->route.origin = x->origin;
	v->route.source = x->source;
	v->in_kernel = e->in_kernel;
	view_why(m, e->why, x->place == FIB_PLACE_FAILED, v);
}

/* The rows of a prefix behind a metric (-1: all of them). Returns how many. */
static size_t view_record(const struct mirror *m, const struct prefix *p, const struct record *r,
    int64_t metric, struct fib_view *out, size_t max)
{
	size_t n = 0;

	if (!r->rich) {
		if (metric < (int64_t)fib_kernel_metric(p, FIB_METRIC_LEARNED) && max)
			view_plain(m, p, r, &out[n++]);
		return n;
	}
	for (const struct entry *e = mirror_first_entry(r); e && n < max; e = e->next)
		if ((int64_t)e->metric > metric)
			view_entry(m, p, e, &out[n++]);
	return n;
}

size_t mirror_view(const struct mirror *m, const struct fib_view *after, struct fib_view *out, size_t max)
{
	const struct prefix *from = after ? &after->route.prefix : NULL;
	const struct record *r = from ? ptab_get(m->routes, from) : NULL;
	struct prefix p;
	size_t n = 0;

	if (r)
		n = view_record(m, from, r, (int64_t)fib_kernel_metric(from, after->route.metric), out, max);
	p = from ? *from : (struct prefix){ 0 };
	while (n < max && (r = ptab_after(m->routes, &p, &p)))
		n += view_record(m, &p, r, -1, out + n, max - n);
	return n;
}

void mirror_summary(const struct mirror *m, struct fib_summary *ret_summary)
{
	*ret_summary = (struct fib_summary){
		.wanted = m->n, .in_kernel = m->n_in, .failed = m->n_failed, .in_sync = m->n_in == m->n
	};
}

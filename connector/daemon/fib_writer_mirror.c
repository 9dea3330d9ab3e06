/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wanted and whether the kernel holds it, as the control thread knows it: `fib show` and `status`
 * read it and never wait. It changes with the requests, and with the thread's reports; a report on a state
 * before the last wish for its route is old news and is dropped, because each wish gets a report of its own.
 *
 * Ways are shared sets here too (a table of this thread's own).
 */
#include "connector/daemon/fib_writer_internal.h"

#include "base/ptrie.h"
#include "connector/fib/ways.h"

#include <stdlib.h>
#include <string.h>

struct wanted {              /* by one origin */
	struct wanted *next; /* lower origin */
	const struct fib_ways *ways;
	struct addr source;
	uint32_t metric; /* as it was asked for */
	enum fib_origin origin;
};

struct entry {
	struct entry *next; /* same prefix, higher metric */
	struct prefix prefix;
	uint32_t metric;       /* as the kernel counts */
	struct wanted *wanted; /* best first; never empty */
	uint64_t wish;
	bool in_kernel;
	struct reason *why; /* owned; NULL: none */
};

struct mirror {
	struct ptrie *routes; /* struct entry, by metric */
	struct ways_table *ways;
	unsigned n, n_in, n_failed;
};

struct mirror *mirror_new(void)
{
	struct mirror *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->routes = ptrie_new();
	m->ways = ways_table_new(true);
	if (!m->routes || !m->ways) {
		mirror_free(m);
		return NULL;
	}
	return m;
}

static void wanted_free(struct wanted *x)
{
	ways_unref(x->ways);
	free(x);
}

/* Takes an entry out of the counts; what has changed is put back in by entry_count. */
static void entry_discount(struct mirror *m, const struct entry *e)
{
	m->n--;
	m->n_in -= e->in_kernel;
	m->n_failed -= e->why != NULL;
}

static void entry_count(struct mirror *m, const struct entry *e)
{
	m->n++;
	m->n_in += e->in_kernel;
	m->n_failed += e->why != NULL;
}

void mirror_free(struct mirror *m)
{
	struct prefix p;
	void *v;

	if (!m)
		return;
	while (m->routes && ptrie_first(m->routes, &p, &v)) {
		ptrie_remove(m->routes, &p);
		for (struct entry *e = v, *next; e; e = next) {
			next = e->next;
			for (struct wanted *x = e->wanted, *lower; x; x = lower) {
				lower = x->next;
				wanted_free(x);
			}
			free(e->why);
			free(e);
		}
	}
	ptrie_free(m->routes);
	ways_table_free(m->ways);
	free(m);
}

static struct entry *find(const struct mirror *m, const struct prefix *p, uint32_t metric)
{
	struct entry *e = ptrie_get(m->routes, p);

	while (e && e->metric < metric)
		e = e->next;
	return e && e->metric == metric ? e : NULL;
}

static struct entry *entry_make(struct mirror *m, const struct prefix *p, uint32_t metric)
{
	struct entry *head = ptrie_get(m->routes, p), **link = &head, *e;

	while (*link && (*link)->metric < metric)
		link = &(*link)->next;
	if (*link && (*link)->metric == metric)
		return *link;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->prefix = *p;
	e->metric = metric;
	e->next = *link;
	*link = e;
	if (head == e && ptrie_set(m->routes, p, e) < 0) {
		free(e);
		return NULL;
	}
	entry_count(m, e);
	return e;
}

static void entry_remove(struct mirror *m, struct entry *e)
{
	struct entry *head = ptrie_get(m->routes, &e->prefix), **link = &head;

	entry_discount(m, e);
	while (*link != e)
		link = &(*link)->next;
	*link = e->next;
	if (!head)
		ptrie_remove(m->routes, &e->prefix);
	else if (link == &head)
		(void)ptrie_set(m->routes, &e->prefix, head); /* replaces a value: takes no memory */
	free(e->why);
	free(e);
}

int mirror_want(struct mirror *m, const struct fib_route *route, uint64_t wish)
{
	const struct prefix p = prefix_canonical(route->prefix);
	const struct fib_ways *ways = ways_get(m->ways, 0, route->way, route->n_ways, NULL);
	struct entry *e = ways ? entry_make(m, &p, fib_kernel_metric(&p, route->metric)) : NULL;
	struct wanted **link, *x;

	if (!e) {
		ways_unref(ways);
		return -1;
	}
	link = &e->wanted;
	while (*link && (*link)->origin > route->origin)
		link = &(*link)->next;
	x = *link;
	if (!x || x->origin != route->origin) {
		x = calloc(1, sizeof(*x));
		if (!x) {
			ways_unref(ways);
			if (!e->wanted)
				entry_remove(m, e);
			return -1;
		}
		x->next = *link;
		*link = x;
	}
	ways_unref(x->ways);
	x->ways = ways;
	x->source = route->source;
	x->metric = route->metric;
	x->origin = route->origin;
	e->wish = wish ? wish : e->wish;
	return 0;
}

bool mirror_unwant(struct mirror *m, const struct prefix *prefix, uint32_t metric, enum fib_origin origin)
{
	const struct prefix p = prefix_canonical(*prefix);
	struct entry *e = find(m, &p, fib_kernel_metric(&p, metric));
	struct wanted **link, *x;

	if (!e)
		return false;
	link = &e->wanted;
	while (*link && (*link)->origin != origin)
		link = &(*link)->next;
	x = *link;
	if (!x)
		return false;
	*link = x->next;
	wanted_free(x);
	if (!e->wanted)
		entry_remove(m, e);
	return true;
}

static void fill(struct fib_route *r, const struct entry *e, const struct wanted *x)
{
	memset(r, 0, sizeof(*r));
	r->prefix = e->prefix;
	r->metric = x->metric;
	r->origin = x->origin;
	r->source = x->source;
	r->n_ways = x->ways->n;
	memcpy(r->way, x->ways->way, x->ways->n * sizeof(r->way[0]));
}

static bool share_a_way(const struct fib_ways *a, const struct fib_ways *b)
{
	for (unsigned i = 0; i < a->n; i++)
		for (unsigned j = 0; j < b->n; j++)
			if (a->way[i].ifindex == b->way[j].ifindex && addr_eq(&a->way[i].via, &b->way[j].via))
				return true;
	return false;
}

static const char *origin_name(enum fib_origin origin)
{
	switch (origin) {
	case FIB_LEARNED: return "learned";
	case FIB_PEER: return "peer";
	case FIB_STATIC: return "static";
	case FIB_PIN: return "pin";
	case FIB_PROTECT: return "protect";
	}
	return "?";
}

/* Is it still wanted, and by this origin? Callbacks may take wishes back. */
static bool still_wanted(const struct mirror *m, const struct fib_report_lite *r, enum fib_origin origin)
{
	const struct entry *e = find(m, &r->prefix, fib_kernel_metric(&r->prefix, r->metric));

	for (const struct wanted *x = e ? e->wanted : NULL; x; x = x->next)
		if (x->origin == origin)
			return true;
	return false;
}

void mirror_report(struct mirror *m, const struct fib_report_lite *r, const struct reason *why,
    void (*told)(void *ctx, const struct fib_route *route, bool in_kernel, const struct reason *why),
    void *ctx)
{
	struct entry *e = find(m, &r->prefix, fib_kernel_metric(&r->prefix, r->metric));
	struct fib_route route[FIB_ORIGINS];
	bool shadowed[FIB_ORIGINS];
	struct reason shadow;
	unsigned n = 0;

	if (!e || r->wish < e->wish || !r->wanted)
		return;
	entry_discount(m, e);
	e->in_kernel = r->in_kernel;
	free(e->why);
	e->why = reason_is_set(why) ? malloc(sizeof(*why)) : NULL;
	if (e->why)
		*e->why = *why;
	entry_count(m, e);
	reason_set(&shadow, "fib-shadowed",
	    "%s: the %s route to the same prefix goes another way and comes first", prefix_str(&e->prefix),
	    origin_name(e->wanted->origin));
	/*
	 * Lower origins are in the kernel as well when the best one shares a way with them (a BGP peer that
	 * announces its own address, which a host route of ours holds already). All is copied first: a
	 * callback may change the mirror.
	 */
	for (const struct wanted *x = e->wanted; x; x = x->next, n++) {
		shadowed[n] = x != e->wanted && r->in_kernel && !share_a_way(x->ways, e->wanted->ways);
		fill(&route[n], e, x);
	}
	for (unsigned i = 0; i < n; i++)
		if (still_wanted(m, r, route[i].origin))
			told(ctx, &route[i], r->in_kernel && !shadowed[i], shadowed[i] ? &shadow : why);
}

/* The entry behind (prefix, metric) in the order of views. */
static const struct entry *entry_after(const struct mirror *m, const struct prefix *p, uint32_t metric)
{
	const struct entry *e = ptrie_get(m->routes, p);
	void *v;

	while (e && e->metric <= metric)
		e = e->next;
	if (e)
		return e;
	return ptrie_after(m->routes, p, NULL, &v) ? v : NULL;
}

size_t mirror_view(const struct mirror *m, const struct fib_view *after, struct fib_view *out, size_t max)
{
	const struct entry *e;
	size_t n = 0;
	void *v;

	if (after)
		e = entry_after(
		    m, &after->route.prefix, fib_kernel_metric(&after->route.prefix, after->route.metric));
	else
		e = ptrie_first(m->routes, NULL, &v) ? v : NULL;
	for (; e && n < max; e = entry_after(m, &e->prefix, e->metric), n++) {
		fill(&out[n].route, e, e->wanted);
		out[n].in_kernel = e->in_kernel;
		reason_clear(&out[n].why);
		if (e->why)
			out[n].why = *e->why;
	}
	return n;
}

void mirror_summary(const struct mirror *m, struct fib_summary *ret_summary)
{
	*ret_summary = (struct fib_summary){
		.wanted = m->n, .in_kernel = m->n_in, .failed = m->n_failed, .in_sync = m->n_in == m->n
	};
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wanted and whether the kernel holds it, as the control thread knows it: `fib show` and `status`
 * read it and never wait. It changes with the requests, and with the thread's reports; a report on a state
 * before the last wish for its route is old news and is dropped, because each wish gets a report of its own.
 *
 * There may be millions of learned routes, and nearly all of them are the only wish for their prefix: such a
 * prefix is a record of 12 bytes, with its ways by the number of their set. Any other (several origins or
 * metrics, a source address) has entries. Ways are shared sets here too, in a table of this thread's own;
 * failures are shared as long as one follows the other with the same words.
 */
#include "connector/daemon/fib_writer_mirror.h"

#include <stdlib.h>
#include <string.h>

#define WHYS_MAX 4096 /* reasons kept at a time; what fails beyond has its own in the log alone */

/* ---- sets by number ---- */

static void on_set_gone(void *ctx, const struct fib_ways *w)
{
	struct mirror *m = ctx;

	if (!w->id)
		return;
	m->set[w->id] = NULL;
	if (w->sent)
		m->set_gone(m->ctx, w->id);
}

/* Gives it a number, if it has none. -1: memory is out. */
static int number_set(struct mirror *m, struct fib_ways *w)
{
	uint32_t id = 1;

	if (w->id)
		return 0;
	while (id <= m->n_sets && m->set[id])
		id++;
	if (id >= m->room_sets) {
		uint32_t room = m->room_sets ? m->room_sets * 2 : 64;
		const struct fib_ways **more = realloc(m->set, room * sizeof(*more));

		if (!more)
			return -1;
		m->set = more;
		m->room_sets = room;
	}
	if (id > m->n_sets)
		m->n_sets = id;
	m->set[id] = w;
	w->id = id;
	return 0;
}

/* ---- reasons by number ---- */

static void why_put(struct mirror *m, uint16_t no)
{
	if (!no || --m->why[no]->refs)
		return;
	free(m->why[no]);
	m->why[no] = NULL;
	if (m->last_why == no)
		m->last_why = 0;
}

static bool same_reason(const struct reason *a, const struct reason *b)
{
	return strcmp(a->id, b->id) == 0 && strcmp(a->text, b->text) == 0;
}

/* 0: none, or none could be kept. */
static uint16_t why_get(struct mirror *m, const struct reason *why)
{
	uint16_t no = 1;

	if (!reason_is_set(why))
		return 0;
	if (m->last_why && same_reason(&m->why[m->last_why]->reason, why)) {
		m->why[m->last_why]->refs++;
		return m->last_why;
	}
	while (no <= m->n_whys && m->why[no])
		no++;
	if (!m->why)
		m->why = calloc(WHYS_MAX + 1, sizeof(struct why *));
	if (!m->why || no > WHYS_MAX || !(m->why[no] = malloc(sizeof(struct why))))
		return 0;
	m->n_whys = no > m->n_whys ? no : m->n_whys;
	*m->why[no] = (struct why){ .refs = 1, .reason = *why };
	m->last_why = no;
	return no;
}

/* ---- life ---- */

struct mirror *mirror_new(mirror_count *count, mirror_set_gone *set_gone, void *ctx)
{
	struct mirror *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->count = count;
	m->set_gone = set_gone;
	m->ctx = ctx;
	m->routes = ptab_new(sizeof(struct record));
	m->ways = ways_table_new(true);
	if (!m->routes || !m->ways) {
		mirror_free(m);
		return NULL;
	}
	ways_table_on_free(m->ways, on_set_gone, m);
	return m;
}

struct entry *mirror_first_entry(const struct record *r)
{
	struct entry *e;

	memcpy(&e, r->entry, sizeof(e));
	return e;
}

static void set_first_entry(struct record *r, const struct entry *e)
{
	memcpy(r->entry, &e, sizeof(e));
}

static void wanted_free(struct wanted *x)
{
	ways_unref(x->ways);
	free(x);
}

static void record_clear(struct mirror *m, struct record *r)
{
	if (!r->rich) {
		ways_unref(m->set[r->plain.set]);
		return;
	}
	for (struct entry *e = mirror_first_entry(r), *next; e; e = next) {
		next = e->next;
		for (struct wanted *x = e->wanted, *lower; x; x = lower) {
			lower = x->next;
			wanted_free(x);
		}
		free(e);
	}
}

void mirror_free(struct mirror *m)
{
	struct prefix p;
	struct record *r;

	if (!m)
		return;
	if (m->ways)
		ways_table_on_free(m->ways, NULL, NULL);
	for (r = m->routes ? ptab_after(m->routes, NULL, &p) : NULL; r; r = ptab_after(m->routes, &p, &p))
		record_clear(m, r);
	for (unsigned i = 1; i <= m->n_whys; i++)
		free(m->why[i]);
	free(m->why);
	free(m->set);
	ptab_free(m->routes);
	ways_table_free(m->ways);
	free(m);
}

/* ---- counting ---- */

static void count_one(struct mirror *m, bool in_kernel, bool failed, unsigned by)
{
	m->n += by;
	m->n_in += in_kernel ? by : 0;
	m->n_failed += failed ? by : 0;
}

static void count_owners(
    struct mirror *m, const struct fib_ways *ways, enum fib_origin origin, uint8_t place, unsigned by)
{
	for (unsigned i = 0; origin == FIB_LEARNED && i < ways->n; i++)
		if (ways->way[i].owner)
			m->count(m->ctx, ways->way[i].owner, (enum fib_place)place, by);
}

static void count_plain(struct mirror *m, const struct record *r, unsigned by)
{
	count_one(m, r->place == FIB_PLACE_IN_KERNEL, r->place == FIB_PLACE_FAILED, by);
	count_owners(m, m->set[r->plain.set], FIB_LEARNED, r->place, by);
}

static void count_entry(struct mirror *m, const struct entry *e, unsigned by)
{
	count_one(m, e->in_kernel, e->why != 0, by);
}

static void count_wanted(struct mirror *m, const struct wanted *x, unsigned by)
{
	count_owners(m, x->ways, x->origin, (uint8_t)x->place, by);
}

/* ---- entries ---- */

struct entry *mirror_find(const struct record *r, uint32_t metric)
{
	struct entry *e = r->rich ? mirror_first_entry(r) : NULL;

	while (e && e->metric < metric)
		e = e->next;
	return e && e->metric == metric ? e : NULL;
}

static struct entry *entry_make(struct mirror *m, struct record *r, uint32_t metric)
{
	struct entry *head = r->rich ? mirror_first_entry(r) : NULL, **link = &head, *e;

	while (*link && (*link)->metric < metric)
		link = &(*link)->next;
	if (*link && (*link)->metric == metric)
		return *link;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->metric = metric;
	e->next = *link;
	*link = e;
	r->rich = true;
	set_first_entry(r, head);
	count_entry(m, e, 1);
	return e;
}

static void entry_remove(struct mirror *m, const struct prefix *p, struct record *r, struct entry *e)
{
	struct entry *head = mirror_first_entry(r), **link = &head;

	count_entry(m, e, -1u);
	why_put(m, e->why);
	while (*link != e)
		link = &(*link)->next;
	*link = e->next;
	set_first_entry(r, head);
	if (!head)
		(void)ptab_remove(m->routes, p);
	free(e);
}

/* A plain record gets entries, because there is more to say of its prefix. */
static int enrich(struct mirror *m, const struct prefix *p, struct record *r)
{
	const struct record was = *r;
	struct wanted *x = calloc(1, sizeof(*x));
	struct entry *e = calloc(1, sizeof(*e));

	if (!x || !e) {
		free(x);
		free(e);
		return -1;
	}
	*x = (struct wanted){ .ways = m->set[was.plain.set],
		.metric = FIB_METRIC_LEARNED,
		.origin = FIB_LEARNED,
		.place = (enum fib_place)was.place };
	*e = (struct entry){ .metric = fib_kernel_metric(p, FIB_METRIC_LEARNED),
		.wanted = x,
		.wish = was.plain.wish,
		.why = was.why,
		.in_kernel = was.place == FIB_PLACE_IN_KERNEL };
	*r = (struct record){ .rich = true };
	set_first_entry(r, e);
	return 0;
}

/* ---- wishes ---- */

static struct wanted *wanted_make(struct entry *e, enum fib_origin origin)
{
	struct wanted **link = &e->wanted, *x;

	while (*link && (*link)->origin > origin)
		link = &(*link)->next;
	if (*link && (*link)->origin == origin)
		return *link;
	x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->origin = origin;
	x->next = *link;
	*link = x;
	return x;
}

static int want_entry(struct mirror *m, const struct prefix *p, struct record *r, bool fresh,
    const struct fib_route *route, const struct fib_ways *ways, uint32_t wish)
{
	struct entry *e;
	struct wanted *x;

	if (!fresh && !r->rich && enrich(m, p, r) < 0)
		return -1;
	e = entry_make(m, r, fib_kernel_metric(p, route->metric));
	if (!e)
		return -1;
	x = wanted_make(e, route->origin);
	if (!x) {
		if (!e->wanted)
			entry_remove(m, p, r, e);
		return -1;
	}
	if (x->ways)
		count_wanted(m, x, -1u);
	else
		x->place = FIB_PLACE_PENDING;
	ways_unref(x->ways);
	x->ways = ways;
	x->source = route->source;
	x->metric = route->metric;
	e->wish = wish ? wish : e->wish;
	count_wanted(m, x, 1);
	return 0;
}

static void want_plain(
    struct mirror *m, struct record *r, bool fresh, const struct fib_ways *ways, uint32_t wish)
{
	const struct fib_ways *old = fresh ? NULL : m->set[r->plain.set];

	if (fresh)
		r->place = FIB_PLACE_PENDING;
	else
		count_plain(m, r, -1u);
	r->plain.set = ways->id;
	r->plain.wish = wish;
	count_plain(m, r, 1);
	ways_unref(old);
}

struct fib_ways *mirror_want(struct mirror *m, const struct fib_route *route, uint32_t wish)
{
	const struct prefix p = prefix_canonical(route->prefix);
	struct fib_ways *ways = (struct fib_ways *)ways_get(
	    m->ways, 0, route->way, route->n_ways, route->have_backup ? &route->backup : NULL);
	bool fresh = false, plain = route->origin == FIB_LEARNED && route->metric == FIB_METRIC_LEARNED &&
	                            wish && addr_is_none(&route->source);
	struct record *r = ways && number_set(m, ways) == 0 ? ptab_add(m->routes, &p, &fresh) : NULL;

	if (!r) {
		ways_unref(ways);
		return NULL;
	}
	if (plain && (fresh || !r->rich)) {
		want_plain(m, r, fresh, ways, wish);
	} else if (want_entry(m, &p, r, fresh, route, ways, wish) < 0) {
		if (fresh && ptab_get(m->routes, &p))
			(void)ptab_remove(m->routes, &p);
		ways_unref(ways);
		return NULL;
	}
	return ways;
}

static void unwant_plain(struct mirror *m, const struct prefix *p, struct record *r)
{
	const struct fib_ways *ways = m->set[r->plain.set];

	count_plain(m, r, -1u);
	why_put(m, r->why);
	(void)ptab_remove(m->routes, p);
	ways_unref(ways);
}

bool mirror_unwant(struct mirror *m, const struct prefix *prefix, uint32_t metric, enum fib_origin origin)
{
	const struct prefix p = prefix_canonical(*prefix);
	struct record *r = ptab_get(m->routes, &p);
	uint32_t number = fib_kernel_metric(&p, metric);
	struct wanted **link, *x;
	struct entry *e;

	if (r && !r->rich && origin == FIB_LEARNED && number == fib_kernel_metric(&p, FIB_METRIC_LEARNED)) {
		unwant_plain(m, &p, r);
		return true;
	}
	e = r ? mirror_find(r, number) : NULL;
	if (!e)
		return false;
	link = &e->wanted;
	while (*link && (*link)->origin != origin)
		link = &(*link)->next;
	x = *link;
	if (!x)
		return false;
	*link = x->next;
	count_wanted(m, x, -1u);
	wanted_free(x);
	if (!e->wanted)
		entry_remove(m, &p, r, e);
	return true;
}

/* ---- reports ---- */

static enum fib_place place_of(bool in_kernel, const struct reason *why)
{
	return in_kernel ? FIB_PLACE_IN_KERNEL : reason_is_set(why) ? FIB_PLACE_FAILED : FIB_PLACE_PENDING;
}

/* Is one wish older than another? Numbers go round. */
static bool older(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static void report_plain(struct mirror *m, struct record *r, const struct fib_news *news,
    const struct reason *why, mirror_told *told, void *ctx)
{
	if (older(news->wish, r->plain.wish))
		return;
	count_plain(m, r, -1u);
	why_put(m, r->why);
	r->place = (uint8_t)place_of(news->in_kernel, why);
	r->why = why_get(m, why);
	count_plain(m, r, 1);
	told(ctx, &news->prefix, FIB_METRIC_LEARNED, FIB_LEARNED, news->in_kernel, why);
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

static struct wanted *still_wanted(
    const struct mirror *m, const struct prefix *p, uint32_t metric, enum fib_origin origin)
{
	const struct record *r = ptab_get(m->routes, p);
	struct entry *e = r ? mirror_find(r, metric) : NULL;
	struct wanted *x = e ? e->wanted : NULL;

	while (x && x->origin != origin)
		x = x->next;
	return x;
}

struct verdict { /* on one origin's wish */
	enum fib_origin origin;
	uint32_t metric;
	bool shadowed;
};

static void report_entry(struct mirror *m, struct entry *e, const struct fib_news *news,
    const struct reason *why, mirror_told *told, void *ctx)
{
	struct verdict verdict[FIB_ORIGINS];
	const uint32_t metric = e->metric;
	struct reason shadow;
	unsigned n = 0;

	if (older(news->wish, e->wish))
		return;
	count_entry(m, e, -1u);
	e->in_kernel = news->in_kernel;
	why_put(m, e->why);
	e->why = why_get(m, why);
	count_entry(m, e, 1);
	reason_set(&shadow, "fib-shadowed",
	    "%s: the %s route to the same prefix goes another way and comes first", prefix_str(&news->prefix),
	    origin_name(e->wanted->origin));
	/*
	 * Lower origins are in the kernel as well when the best one shares a way with them (a BGP peer that
	 * announces its own address, which a host route of ours holds already). All is copied first: a
	 * callback may take wishes back.
	 */
	for (const struct wanted *x = e->wanted; x; x = x->next, n++)
		verdict[n] = (struct verdict){ .origin = x->origin,
			.metric = x->metric,
			.shadowed =
			    x != e->wanted && news->in_kernel && !share_a_way(x->ways, e->wanted->ways) };
	for (unsigned i = 0; i < n; i++) {
		const struct reason *because = verdict[i].shadowed ? &shadow : why;
		bool in_kernel = news->in_kernel && !verdict[i].shadowed;
		struct wanted *x = still_wanted(m, &news->prefix, metric, verdict[i].origin);

		if (!x)
			continue;
		count_wanted(m, x, -1u);
		x->place = place_of(in_kernel, because);
		count_wanted(m, x, 1);
		told(ctx, &news->prefix, verdict[i].metric, verdict[i].origin, in_kernel, because);
	}
}

void mirror_report(
    struct mirror *m, const struct fib_news *news, const struct reason *why, mirror_told *told, void *ctx)
{
	uint32_t metric = fib_kernel_metric(&news->prefix, news->metric);
	struct record *r = news->wanted ? ptab_get(m->routes, &news->prefix) : NULL;
	struct entry *e = r ? mirror_find(r, metric) : NULL;

	if (e)
		report_entry(m, e, news, why, told, ctx);
	else if (r && !r->rich && metric == fib_kernel_metric(&news->prefix, FIB_METRIC_LEARNED))
		report_plain(m, r, news, why, told, ctx);
}

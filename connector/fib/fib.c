/* SPDX-License-Identifier: Apache-2.0 */
/* The planner as an object: making it, its clock, and freeing all it holds. */
#include "connector/fib/plan_internal.h"

#include <stdlib.h>

struct fib *fib_new(void)
{
	struct fib *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	list_init(&f->objects);
	list_init(&f->singles);
	list_init(&f->absent);
	list_init(&f->parked);
	list_init(&f->pins);
	list_init(&f->protects);
	list_init(&f->links);
	list_init(&f->addrs);
	list_init(&f->reports);
	list_init(&f->foreign_nexthops);
	f->deadline = MTIME_NEVER;
	f->next_id = FIB_NHID_FIRST;
	f->epoch = 1;
	f->routes = ptrie_new();
	f->foreign = ptrie_new();
	f->ways = ways_table_new();
	f->unwanted = f->ways ? ways_get(f->ways, TAG_UNWANTED, NULL, 0) : NULL;
	f->leftover = f->ways ? ways_get(f->ways, TAG_LEFTOVER, NULL, 0) : NULL;
	f->odd = object_make(f, OBJECT_ODD, NULL);
	if (!f->routes || !f->foreign || !f->unwanted || !f->leftover || !f->odd) {
		fib_free(f);
		return NULL;
	}
	f->odd->exists = true;
	return f;
}

static void free_bundles(struct list *bundles)
{
	list_for_each (bundles, struct bundle, b, node) {
		list_remove(&b->node);
		ways_unref(b->set);
		free(b);
	}
}

static void free_routes(struct fib *f)
{
	struct prefix p;
	void *v;

	while (f->routes && ptrie_first(f->routes, &p, &v)) {
		ptrie_remove(f->routes, &p);
		for (struct route *r = v, *next; r; r = next) {
			next = r->next;
			for (struct want *w = r->wants, *lower; w; w = lower) {
				lower = w->next;
				ways_unref(w->ways);
				free(w);
			}
			free(r);
		}
	}
}

/* Lists of plain allocations whose node comes first. */
static void free_list(struct list *l)
{
	struct list *n;

	while (!list_empty(l)) {
		n = l->next;
		list_remove(n);
		free(n);
	}
}

void fib_free(struct fib *f)
{
	struct fib_report report;

	if (!f)
		return;
	while (fib_next_report(f, &report))
		;
	free_routes(f);
	if (f->foreign)
		foreign_sweep(f, true);
	list_for_each (&f->objects, struct object, o, node) {
		free_bundles(&o->bundles);
		object_free(o);
	}
	free_bundles(&f->absent);
	foreign_nexthop_sweep(f, true);
	free_list(&f->singles);
	free_list(&f->pins);
	free_list(&f->protects);
	free_list(&f->links);
	free_list(&f->addrs);
	htab_clear(&f->singles_by_id);
	htab_clear(&f->singles_by_way);
	htab_clear(&f->links_by_index);
	htab_clear(&f->addrs_by_addr);
	ways_unref(f->unwanted);
	ways_unref(f->leftover);
	ptrie_free(f->routes);
	ptrie_free(f->foreign);
	ways_table_free(f->ways);
	free(f->connected);
	free(f->taken);
	free(f);
}

void fib_clock(struct fib *f, mtime now)
{
	f->now = now;
}

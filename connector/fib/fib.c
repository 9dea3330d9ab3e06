/* SPDX-License-Identifier: Apache-2.0 */
/* The planner as an object: making it, its clock, and freeing all it holds. */
#include "connector/fib/plan_internal.h"

#include <stdlib.h>
#include <string.h>

struct fib *fib_new(void)
{
	struct fib *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	list_init(&f->objects);
	list_init(&f->singles);
	list_init(&f->absent);
	list_init(&f->pins);
	list_init(&f->protects);
	list_init(&f->links);
	list_init(&f->addrs);
	list_init(&f->reports);
	list_init(&f->foreign_nexthops);
	list_init(&f->lost);
	f->deadline = MTIME_NEVER;
	f->next_id = FIB_NHID_FIRST;
	f->epoch = 1;
	f->routes.by_prefix = ptab_new(sizeof(route_no));
	f->foreign = ptrie_new();
	f->ways = ways_table_new(false);
	f->unwanted = f->ways ? ways_get(f->ways, TAG_UNWANTED, NULL, 0, NULL) : NULL;
	f->leftover = f->ways ? ways_get(f->ways, TAG_LEFTOVER, NULL, 0, NULL) : NULL;
	f->odd = object_make(f, OBJECT_ODD, NULL);
	bundles_reserve(f);
	if (!f->bundle || !f->routes.by_prefix || !f->foreign || !f->unwanted || !f->leftover || !f->odd) {
		fib_free(f);
		return NULL;
	}
	f->odd->exists = true;
	return f;
}

static void free_bundles(struct fib *f, struct list *bundles)
{
	list_for_each (bundles, struct bundle, b, node)
		bundle_free(f, b);
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
	route_table_free(f);
	if (f->foreign)
		foreign_sweep(f, true);
	list_for_each (&f->objects, struct object, o, node) {
		free_bundles(f, &o->bundles);
		object_free(o);
	}
	free_bundles(f, &f->absent);
	while (f->spare_bundles)
		free(f->spare[--f->spare_bundles]);
	free(f->bundle);
	foreign_nexthop_sweep(f, true);
	free_list(&f->singles);
	free_list(&f->pins);
	free_list(&f->protects);
	free_list(&f->links);
	free_list(&f->addrs);
	free_list(&f->lost);
	htab_clear(&f->bundles_by_pair);
	htab_clear(&f->singles_by_id);
	htab_clear(&f->singles_by_way);
	htab_clear(&f->links_by_index);
	htab_clear(&f->addrs_by_addr);
	ways_unref(f->unwanted);
	ways_unref(f->leftover);
	ptrie_free(f->foreign);
	ways_table_free(f->ways);
	free(f->connected);
	sources_free(f);
	free(f->taken);
	free(f->told);
	free(f);
}

void fib_clock(struct fib *f, mtime now)
{
	f->now = now;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cores that leave stand in a list, the oldest first; usually there is one, for a second. They have no
 * session, so all that they still say is which prefixes are gone. A prefix that a younger core has ways for
 * is not taken out: its own ROUTE action replaces the old ways, or has done so.
 */
#include "connector/daemon/bgp_leaving.h"

#include "connector/daemon/bgp_tap.h"
#include "connector/daemon/routes.h"
#include "connector/sys/clock.h"

#include <stdlib.h>

struct leaving {
	struct list node; /* domain.bgp_leaving */
	struct bgp *bgp;
};

static bool younger_has(const struct domain *d, const struct list *node, const struct prefix *p)
{
	for (const struct list *n = node->next; n != &d->bgp_leaving; n = n->next)
		if (bgp_in_use(list_entry(n, const struct leaving, node)->bgp, p))
			return true;
	return d->bgp && bgp_in_use(d->bgp, p);
}

/* A ROUTE that is not gone yet is told again when it is. */
static void take_out(struct domain *d, const struct leaving *l, mtime now)
{
	static _Thread_local struct bgp_action a;

	while (bgp_next_action(l->bgp, &a)) {
		const struct routes_best none = { .prefix = a.route.prefix };

		if (a.kind != BGP_ACT_ROUTE || a.route.n || younger_has(d, &l->node, &a.route.prefix))
			continue;
		bgp_tap_best(d->tap, &none.prefix, NULL, 0);
		routes_learned(d, &none, now);
	}
}

static void leaving_free(struct leaving *l)
{
	list_remove(&l->node);
	bgp_free(l->bgp);
	free(l);
}

/* Out of memory: as it is then, in one go. */
static void at_once(struct domain *d)
{
	struct leaving l = { .bgp = d->bgp };
	mtime now = clock_now();

	d->bgp = NULL;
	list_append(&d->bgp_leaving, &l.node);
	do {
		bgp_work(l.bgp, now);
		take_out(d, &l, now);
	} while (!bgp_swept(l.bgp));
	list_remove(&l.node);
	bgp_free(l.bgp);
}

void bgp_leaving_begin(struct domain *d)
{
	struct leaving *l = d->bgp ? calloc(1, sizeof(*l)) : NULL;

	if (!d->bgp)
		return;
	if (!l) {
		at_once(d);
		return;
	}
	l->bgp = d->bgp;
	d->bgp = NULL;
	list_append(&d->bgp_leaving, &l->node);
}

void bgp_leaving_work(struct domain *d)
{
	struct leaving *l = list_first(&d->bgp_leaving, struct leaving, node);
	mtime now = clock_now();

	if (!l)
		return;
	bgp_work(l->bgp, now);
	take_out(d, l, now);
	if (bgp_swept(l->bgp))
		leaving_free(l);
}

bool bgp_leaving_done(const struct domain *d)
{
	return list_empty(&d->bgp_leaving);
}

void bgp_leaving_free(struct domain *d)
{
	list_for_each (&d->bgp_leaving, struct leaving, l, node)
		leaving_free(l);
}

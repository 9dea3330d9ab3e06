/* SPDX-License-Identifier: Apache-2.0 */
/* Resolving next hops, and the prefixes that wait for one: a map from the prefix to its paths, walked a piece
 * at a time. */
#include "connector/daemon/nexthop.h"

#include "connector/daemon/protect.h"
#include "connector/daemon/routes.h"
#include "connector/daemon/tunnel.h"
#include "connector/sys/clock.h"
#include "connector/sys/rtnl.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_BUDGET mdur_ms(2)  /* a turn */
#define RETRY_PAUSE  mdur_ms(10) /* between turns of a pass that finds next hops */
#define ANSWER_FRESH mdur_s(1)

#define ANSWER_SETS 256 /* a power of two */
#define ANSWER_WAYS 4

struct waiting {
	unsigned n, resolved;
	bool have_backup;
	struct bgp_path backup;
	struct bgp_path path[];
};

struct nexthop_answers {
	struct nexthop_answer {
		struct addr nexthop;
		mtime until;
		bool reachable;
		struct fib_way way;
	} of[ANSWER_SETS][ANSWER_WAYS];
};

static bool resolve_by_kernel(struct domain *d, const struct addr *nexthop, struct fib_way *w)
{
	struct rtnl_route r;

	if (rtnl_match(d->rtnl, nexthop, &r) || r.prefix.len == 0 || r.protocol == FIB_PROTOCOL)
		return false;
	if (rtnl_lookup(d->rtnl, nexthop, &r) || r.n_ways == 0)
		return false;
	w->ifindex = r.way[0].ifindex;
	/* A next hop that is itself behind a gateway is reached through that gateway. */
	w->via = addr_is_none(&r.way[0].via) ? *nexthop : r.way[0].via;
	return if_indextoname((unsigned)w->ifindex, w->interface) != NULL;
}

void nexthop_stale(struct domain *d)
{
	free(d->nexthop_answers);
	d->nexthop_answers = NULL;
}

/* The answer about this next hop, or the one of its set to be forgotten for it: the oldest. */
static struct nexthop_answer *answer_of(struct nexthop_answers *answers, const struct addr *nexthop)
{
	struct nexthop_answer *set, *oldest;
	uint32_t sum = 2166136261u; /* FNV-1a */

	for (unsigned i = 0; i < addr_size(nexthop); i++)
		sum = (sum ^ nexthop->b[i]) * 16777619u;
	set = answers->of[(sum ^ sum >> 16) & (ANSWER_SETS - 1)];
	oldest = set;
	for (unsigned i = 0; i < ANSWER_WAYS; i++) {
		if (addr_eq(&set[i].nexthop, nexthop))
			return &set[i];
		if (set[i].until.ns < oldest->until.ns)
			oldest = &set[i];
	}
	return oldest;
}

/* As resolve_by_kernel, from memory if the answer is fresh. */
static bool resolve_by_answers(struct domain *d, const struct addr *nexthop, struct fib_way *w, mtime now)
{
	struct nexthop_answer *a;
	const uint32_t weight = w->weight;

	if (!d->nexthop_answers)
		d->nexthop_answers = calloc(1, sizeof(*d->nexthop_answers));
	if (!d->nexthop_answers)
		return resolve_by_kernel(d, nexthop, w);
	a = answer_of(d->nexthop_answers, nexthop);
	if (!addr_eq(&a->nexthop, nexthop) || mtime_reached(a->until, now)) {
		*a = (struct nexthop_answer){ .nexthop = *nexthop, .until = mtime_add(now, ANSWER_FRESH) };
		a->reachable = resolve_by_kernel(d, nexthop, &a->way);
	}
	*w = a->way;
	w->weight = weight;
	return a->reachable;
}

bool nexthop_neighbour(struct domain *d, const struct addr *a, struct fib_way *ret_way)
{
	struct fib_way w = { .weight = 1 };

	if (!resolve_by_kernel(d, a, &w) || !addr_eq(&w.via, a))
		return false;
	*ret_way = w;
	return true;
}

bool nexthop_resolve(
    struct domain *d, const struct prefix *p, const struct bgp_path *path, struct fib_way *ret_way, mtime now)
{
	struct tunnel *t = domain_tunnel_by_id(d, path->peer);
	struct fib_way w = { .weight = path->weight ? path->weight : 1 };

	if (protect_forbids(d, p, path->peer))
		return false;
	if (t) {
		w.ifindex = t->ifindex;
		snprintf(w.interface, sizeof(w.interface), "%s", t->interface);
	} else if (!resolve_by_answers(d, &path->nexthop, &w, now)) {
		return false;
	}
	if (!w.ifindex)
		return false;
	w.owner = path->peer;
	*ret_way = w;
	return true;
}

void nexthop_wait(struct domain *d, const struct routes_best *best, unsigned resolved)
{
	struct waiting *w = calloc(1, sizeof(*w) + best->n * sizeof(w->path[0]));

	nexthop_forget(d, &best->prefix);
	if (!w)
		return; /* it comes back when BGP speaks of it again */
	w->n = best->n;
	w->resolved = resolved;
	memcpy(w->path, best->path, best->n * sizeof(w->path[0]));
	w->have_backup = best->backup != NULL;
	if (best->backup)
		w->backup = *best->backup;
	if (ptrie_set(d->waiting, &best->prefix, w))
		free(w);
}

void nexthop_forget(struct domain *d, const struct prefix *p)
{
	if (ptrie_count(d->waiting))
		free(ptrie_remove(d->waiting, p));
}

static unsigned count_resolved(struct domain *d, const struct prefix *p, const struct waiting *w, mtime now)
{
	unsigned count = 0;

	for (unsigned i = 0; i < w->n; i++) {
		struct fib_way way;

		count += nexthop_resolve(d, p, &w->path[i], &way, now);
	}
	return count;
}

/* A next hop that comes back brings many: while a pass finds some, it goes on soon. */
void nexthop_retry(struct domain *d, mtime now)
{
	const mtime end = mtime_add(clock_now(), RETRY_BUDGET);

	d->retry_at = MTIME_NEVER;
	do {
		struct waiting *w;
		struct prefix p;
		void *value;

		if (!ptrie_after(d->waiting, &d->waiting_at, &p, &value)) {
			d->waiting_at = (struct prefix){ 0 }; /* from the start, the next time */
			d->waiting_moved = false;
			return;
		}
		d->waiting_at = p;
		w = value;
		if (count_resolved(d, &p, w, now) == w->resolved)
			continue;
		d->waiting_moved = true;
		ptrie_remove(d->waiting, &p);
		routes_learned(d,
		    &(struct routes_best){ .prefix = p,
		        .path = w->path,
		        .n = w->n,
		        .backup = w->have_backup ? &w->backup : NULL },
		    now);
		free(w);
	} while (!mtime_reached(end, clock_now()));
	if (d->waiting_moved)
		d->retry_at = mtime_add(now, RETRY_PAUSE);
}

void nexthop_free(struct domain *d)
{
	struct prefix p;

	while (d->waiting && ptrie_first(d->waiting, &p, NULL))
		nexthop_forget(d, &p);
	ptrie_free(d->waiting);
	d->waiting = NULL;
	nexthop_stale(d);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Resolving next hops, and the prefixes that wait for one: a map from the prefix to its paths, walked a piece
 * at a time. */
#include "connector/daemon/nexthop.h"

#include "connector/daemon/protect.h"
#include "connector/daemon/routes.h"
#include "connector/daemon/tunnel.h"
#include "connector/sys/rtnl.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRIES 64 /* a turn: each asks the kernel twice */

struct waiting {
	unsigned n, resolved;
	struct bgp_path path[];
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

bool nexthop_resolve(
    struct domain *d, const struct prefix *p, const struct bgp_path *path, struct fib_way *ret_way)
{
	struct tunnel *t = domain_tunnel_by_id(d, path->peer);
	struct fib_way w = { .weight = path->weight ? path->weight : 1 };

	if (protect_forbids(d, p, path->peer))
		return false;
	if (t) {
		w.ifindex = t->ifindex;
		snprintf(w.interface, sizeof(w.interface), "%s", t->interface);
	} else if (!resolve_by_kernel(d, &path->nexthop, &w)) {
		return false;
	}
	if (!w.ifindex)
		return false;
	*ret_way = w;
	return true;
}

void nexthop_wait(
    struct domain *d, const struct prefix *p, const struct bgp_path path[], unsigned n, unsigned resolved)
{
	struct waiting *w = calloc(1, sizeof(*w) + n * sizeof(w->path[0]));

	nexthop_forget(d, p);
	if (!w)
		return; /* it comes back when BGP speaks of it again */
	w->n = n;
	w->resolved = resolved;
	memcpy(w->path, path, n * sizeof(w->path[0]));
	if (ptrie_set(d->waiting, p, w))
		free(w);
}

void nexthop_forget(struct domain *d, const struct prefix *p)
{
	free(ptrie_remove(d->waiting, p));
}

bool nexthop_waiting(const struct domain *d)
{
	return ptrie_count(d->waiting) > 0;
}

static unsigned count_resolved(struct domain *d, const struct prefix *p, const struct waiting *w)
{
	unsigned count = 0;

	for (unsigned i = 0; i < w->n; i++) {
		struct fib_way way;

		count += nexthop_resolve(d, p, &w->path[i], &way);
	}
	return count;
}

void nexthop_retry(struct domain *d, mtime now)
{
	for (unsigned i = 0; i < RETRIES; i++) {
		struct waiting *w;
		struct prefix p;
		void *value;

		if (!ptrie_after(d->waiting, &d->waiting_at, &p, &value)) {
			d->waiting_at = (struct prefix){ 0 }; /* from the start, the next time */
			return;
		}
		d->waiting_at = p;
		w = value;
		if (count_resolved(d, &p, w) == w->resolved)
			continue;
		ptrie_remove(d->waiting, &p);
		routes_learned(d, &p, w->path, w->n, now);
		free(w);
	}
}

void nexthop_free(struct domain *d)
{
	struct prefix p;

	while (d->waiting && ptrie_first(d->waiting, &p, NULL))
		nexthop_forget(d, &p);
	ptrie_free(d->waiting);
	d->waiting = NULL;
}

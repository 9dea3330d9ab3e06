/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 4271 9.1.2.2, by elimination as the RFC has it: each step removes from those still standing the ones
 * that are worse than the best of them. Elimination and not pairwise comparison, because MED counts only
 * between routes of the same neighbouring AS, and so defines no order: pairwise, the result would hang on the
 * order of arrival.
 *
 * The interior cost step (e) does not exist here: next hops are reached through our own tunnels and links.
 */
#include "bgp/decide.h"

#include <string.h>

/* Negative: a is better. Between two of those still standing. */
static int compare(enum decide_step step, const struct candidate *a, const struct candidate *b)
{
#define LOWER(field)  ((a->field > b->field) - (a->field < b->field))
#define HIGHER(field) (-LOWER(field))
	switch (step) {
	case DECIDE_WEIGHT: return HIGHER(weight);
	case DECIDE_LOCAL_PREF: return HIGHER(local_pref);
	case DECIDE_PATH_LENGTH: return LOWER(path_length);
	case DECIDE_ORIGIN: return LOWER(origin);
	case DECIDE_MED: return a->neighbour_as == b->neighbour_as ? LOWER(med) : 0;
	case DECIDE_EXTERNAL: return HIGHER(external);
	case DECIDE_ROUTER_ID: return LOWER(router_id);
	case DECIDE_CLUSTER_LENGTH: return LOWER(cluster_len);
	case DECIDE_PEER_ADDRESS: return addr_cmp(&a->peer, &b->peer);
	case DECIDE_BEST:
	case DECIDE_MULTIPATH: break;
	}
	return 0;
#undef LOWER
#undef HIGHER
}

/* DECIDE_BEST marks those still standing. Each step but MED is an order: who is worse than its best goes. */
static void eliminate(struct candidate c[], size_t n, enum decide_step step)
{
	const struct candidate *best = NULL;

	for (size_t i = 0; i < n; i++)
		if (c[i].step == DECIDE_BEST && (!best || compare(step, &c[i], best) < 0))
			best = &c[i];
	for (size_t i = 0; best && i < n; i++)
		if (c[i].step == DECIDE_BEST && compare(step, best, &c[i]) < 0)
			c[i].step = step;
}

/* Removal looks at who stood before the step. */
static void eliminate_med(struct candidate c[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (c[i].step != DECIDE_BEST)
			continue;
		for (size_t k = 0; k < n; k++) {
			bool stood = c[k].step == DECIDE_BEST || c[k].step == DECIDE_MED;

			if (k != i && stood && compare(DECIDE_MED, &c[k], &c[i]) < 0) {
				c[i].step = DECIDE_MED;
				break;
			}
		}
	}
}

/*
 * The order among equals: the last steps, as one comparison. Two sessions with one address of the same router
 * (ours differ) leave nothing to tell them apart: then their place in c, by peer id, decides, since a rank
 * belongs to one way alone.
 */
static bool before(const struct candidate *a, const struct candidate *b)
{
	static const enum decide_step last[] = { DECIDE_ROUTER_ID, DECIDE_CLUSTER_LENGTH,
		DECIDE_PEER_ADDRESS };

	for (unsigned i = 0; i < sizeof(last) / sizeof(last[0]); i++) {
		int c = compare(last[i], a, b);

		if (c)
			return c < 0;
	}
	return a < b;
}

static bool same_way(const struct candidate *best, const struct candidate *c, bool relax)
{
	if (best->group != c->group || relax)
		return best->group == c->group;
	return best->as_path.len == c->as_path.len &&
	       (!c->as_path.len || memcmp(best->as_path.p, c->as_path.p, c->as_path.len) == 0);
}

/* Orders those that stand level with the best by `before`, and takes as many as may be in use. */
static unsigned take_ways(struct candidate c[], size_t n, const bool level[], const struct candidate *best,
    unsigned multipath, bool relax)
{
	unsigned ways = 1;

	for (size_t i = 0; i < n; i++) {
		unsigned rank = 1;

		if (&c[i] == best || !level[i] || !same_way(best, &c[i], relax))
			continue;
		for (size_t k = 0; k < n; k++)
			if (k != i && &c[k] != best && level[k] && same_way(best, &c[k], relax) &&
			    before(&c[k], &c[i]))
				rank++;
		if (rank >= multipath)
			continue;
		c[i].step = DECIDE_MULTIPATH;
		c[i].rank = rank;
		ways++;
	}
	return ways;
}

unsigned decide(struct candidate c[], size_t n, unsigned multipath, bool relax)
{
	static const enum decide_step first[] = { DECIDE_WEIGHT, DECIDE_LOCAL_PREF, DECIDE_PATH_LENGTH,
		DECIDE_ORIGIN, DECIDE_MED, DECIDE_EXTERNAL };
	static const enum decide_step last[] = { DECIDE_ROUTER_ID, DECIDE_CLUSTER_LENGTH,
		DECIDE_PEER_ADDRESS };
	bool level[DECIDE_MAX];
	const struct candidate *best = NULL;

	if (n > DECIDE_MAX)
		n = DECIDE_MAX;
	for (size_t i = 0; i < n; i++) {
		c[i].step = DECIDE_BEST;
		c[i].rank = 0;
	}
	for (unsigned s = 0; s < sizeof(first) / sizeof(first[0]); s++)
		if (first[s] == DECIDE_MED)
			eliminate_med(c, n);
		else
			eliminate(c, n, first[s]);
	for (size_t i = 0; i < n; i++)
		level[i] = c[i].step == DECIDE_BEST;
	for (unsigned s = 0; s < sizeof(last) / sizeof(last[0]); s++)
		eliminate(c, n, last[s]);
	for (size_t i = 0; i < n; i++) {
		if (c[i].step != DECIDE_BEST)
			continue;
		if (!best)
			best = &c[i];
		else /* equal to the last, see before() */
			c[i].step = DECIDE_PEER_ADDRESS;
	}
	return best ? take_ways(c, n, level, best, multipath, relax) : 0;
}

const char *decide_step_text(enum decide_step s)
{
	switch (s) {
	case DECIDE_BEST: return "best path";
	case DECIDE_MULTIPATH: return "in use beside the best path: equal down to the router id";
	case DECIDE_WEIGHT: return "lower weight";
	case DECIDE_LOCAL_PREF: return "lower local preference";
	case DECIDE_PATH_LENGTH: return "longer AS path";
	case DECIDE_ORIGIN: return "worse origin";
	case DECIDE_MED: return "higher MED from the same neighbouring AS";
	case DECIDE_EXTERNAL: return "learned over iBGP, the best over eBGP";
	case DECIDE_CLUSTER_LENGTH: return "longer cluster list";
	case DECIDE_ROUTER_ID: return "higher router id";
	case DECIDE_PEER_ADDRESS: return "higher peer address";
	}
	return "";
}

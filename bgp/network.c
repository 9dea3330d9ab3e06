/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks of our own that stand on something, with attributes of their own. bgp->announced says which
 * networks are ours; beside it, bgp->originated holds the attributes of those that have some. A network may
 * be announced as well as originated: the attributes hold then, and it stays until both are over.
 */
#include "bgp/core.h"

#include <stdlib.h>

struct network {
	struct attr_set *set;
	bool announced; /* by bgp_announce as well */
};

static struct network *network_find(const struct bgp *bgp, const struct prefix *p)
{
	return bgp->originated ? ptrie_get(bgp->originated, p) : NULL;
}

bool network_note(struct bgp *bgp, const struct prefix *p, bool announced)
{
	struct network *n = network_find(bgp, p);

	if (n)
		n->announced = announced;
	return n != NULL;
}

struct attr_set *network_set(const struct bgp *bgp, const struct prefix *p)
{
	const struct network *n = network_find(bgp, p);
	struct attr_set *aggregated;

	if (n)
		return n->set;
	aggregated = ptrie_get(bgp->announced, p) ? NULL : aggregate_set(bgp, p);
	return aggregated ? aggregated : bgp->local_set;
}

struct attr_set *network_attrs(struct bgp *bgp, const struct prefix *p, const struct attrs *a,
    const struct bgp_policy_chain *policy, bool *ret_refused)
{
	struct policy_context ctx = { .own_as = bgp->config.as };
	struct policy_result r;

	policy_apply(policy, p, a, &ctx, bgp->room, &r);
	*ret_refused = !r.accepted;
	if (!r.accepted)
		return NULL;
	r.attrs.weight = 0; /* it competes with nothing */
	return attr_set_get(&bgp->sets, &r.attrs);
}

/* The attributes of one that is there change. */
static void replace(struct bgp *bgp, struct network *n, const struct prefix *p, struct attr_set *set)
{
	struct dest *d = dest_find(bgp, p);
	bool same = n->set == set;

	attr_set_put(&bgp->sets, n->set);
	n->set = set;
	if (d && !same)
		dest_mark_export(bgp, d);
}

static int add(struct bgp *bgp, const struct prefix *p, struct attr_set *set, mtime now)
{
	struct network *n = calloc(1, sizeof(*n));

	if (!bgp->originated)
		bgp->originated = ptrie_new();
	if (!n || !bgp->originated || ptrie_set(bgp->originated, p, n) < 0) {
		free(n);
		return -1;
	}
	n->announced = ptrie_get(bgp->announced, p) != NULL;
	n->set = attr_set_ref(set);
	if (!n->announced && bgp_announce(bgp, p, now) < 0) {
		ptrie_remove(bgp->originated, p);
		attr_set_put(&bgp->sets, set);
		free(n);
		return -1;
	}
	if (n->announced) /* now with attributes */
		dest_mark_export(bgp, dest_find(bgp, p));
	return 0;
}

bool bgp_announce_room(const struct bgp *bgp, const struct prefix *p)
{
	return ptrie_get(bgp->announced, p) || ptrie_count(bgp->announced) < BGP_ANNOUNCE_MAX;
}

int bgp_originate(
    struct bgp *bgp, const struct prefix *p, uint8_t origin, const struct bgp_policy_chain *policy, mtime now)
{
	struct attrs a = { .origin = origin };
	struct network *n = network_find(bgp, p);
	struct attr_set *set;
	bool refused;
	int result = 0;

	bgp_enter(bgp, now);
	if (prefix_is_martian(p) && p->len)
		return -1;
	set = network_attrs(bgp, p, &a, policy, &refused);
	if (!set) {
		if (refused)
			bgp_unoriginate(bgp, p, now);
		return refused ? 1 : -1;
	}
	if (n) {
		replace(bgp, n, p, set);
		return 0;
	}
	result = add(bgp, p, set, now);
	attr_set_put(&bgp->sets, set);
	return result;
}

void bgp_unoriginate(struct bgp *bgp, const struct prefix *p, mtime now)
{
	struct network *n = network_find(bgp, p);
	struct dest *d;

	bgp_enter(bgp, now);
	if (!n)
		return;
	ptrie_remove(bgp->originated, p);
	if (!n->announced)
		bgp_unannounce(bgp, p, now);
	else if ((d = dest_find(bgp, p)))
		dest_mark_export(bgp, d);
	attr_set_put(&bgp->sets, n->set);
	free(n);
}

void networks_free(struct bgp *bgp)
{
	struct prefix p;
	void *v;

	while (bgp->originated && ptrie_first(bgp->originated, &p, &v)) {
		struct network *n = v;

		ptrie_remove(bgp->originated, &p);
		attr_set_put(&bgp->sets, n->set);
		free(n);
	}
	ptrie_free(bgp->originated);
}

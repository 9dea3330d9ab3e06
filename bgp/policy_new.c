/* SPDX-License-Identifier: Apache-2.0 */
/* Making, sharing and comparing policies. */
#include "bgp/policy_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct bgp_community *copy_communities(const struct bgp_community *c, size_t n)
{
	struct bgp_community *copy = calloc(n ? n : 1, sizeof(*copy));

	if (copy && n)
		memcpy(copy, c, n * sizeof(*c));
	return copy;
}

/* -1 when memory is out; the rule can be cleared in either case. */
static int copy_rule(struct bgp_policy_rule *to, const struct bgp_policy_rule *from)
{
	*to = *from;
	to->set.add = copy_communities(from->set.add, from->set.n_add);
	to->set.remove = copy_communities(from->set.remove, from->set.n_remove);
	if (to->match.prefixes)
		bgp_prefix_list_ref(to->match.prefixes);
	if (to->match.nexthops)
		bgp_prefix_list_ref(to->match.nexthops);
	if (to->match.path)
		bgp_path_list_ref(to->match.path);
	for (unsigned i = 0; i < to->match.n_communities; i++)
		bgp_community_list_ref(to->match.communities[i]);
	return to->set.add && to->set.remove ? 0 : -1;
}

static void clear_rule(struct bgp_policy_rule *r)
{
	free(r->set.add);
	free(r->set.remove);
	bgp_prefix_list_put(r->match.prefixes);
	bgp_prefix_list_put(r->match.nexthops);
	bgp_path_list_put(r->match.path);
	for (unsigned i = 0; i < r->match.n_communities; i++)
		bgp_community_list_put(r->match.communities[i]);
}

struct bgp_policy *bgp_policy_new(
    const char *name, const struct bgp_policy_rule rule[], size_t n, enum bgp_policy_action otherwise)
{
	struct bgp_policy *p =
	    n <= BGP_POLICY_RULES_MAX ? calloc(1, sizeof(*p) + n * sizeof(p->rule[0])) : NULL;

	if (!p)
		return NULL;
	p->refs = 1;
	p->otherwise = otherwise;
	snprintf(p->name, sizeof(p->name), "%s", name);
	while (p->n < n) {
		p->by_route |= rule[p->n].match.prefixes || rule[p->n].match.n_peers ||
		               rule[p->n].set.nexthop_how == BGP_NEXTHOP_ADDRESS; /* by family */
		p->n++;
		if (copy_rule(&p->rule[p->n - 1], &rule[p->n - 1]) < 0) {
			bgp_policy_put(p);
			return NULL;
		}
	}
	return p;
}

struct bgp_policy *bgp_policy_ref(struct bgp_policy *p)
{
	p->refs++;
	return p;
}

void bgp_policy_put(struct bgp_policy *p)
{
	if (!p || --p->refs)
		return;
	for (size_t i = 0; i < p->n; i++)
		clear_rule(&p->rule[i]);
	free(p);
}

const char *bgp_policy_name(const struct bgp_policy *p)
{
	return p->name;
}

/* --- the same? --- */
static bool match_same(const struct bgp_policy_match *a, const struct bgp_policy_match *b)
{
	if (!prefix_list_same(a->prefixes, b->prefixes) || !prefix_list_same(a->nexthops, b->nexthops) ||
	    !path_list_same(a->path, b->path) || a->n_communities != b->n_communities ||
	    a->n_peers != b->n_peers)
		return false;
	for (unsigned i = 0; i < a->n_communities; i++)
		if (!communities_same(a->communities[i]->c, a->communities[i]->n, b->communities[i]->c,
		        b->communities[i]->n))
			return false;
	for (unsigned i = 0; i < a->n_peers; i++)
		if (strcmp(a->peer[i], b->peer[i]) != 0)
			return false;
	return a->have_origin == b->have_origin && a->origin == b->origin && a->have_med == b->have_med &&
	       a->med == b->med && a->have_local_pref == b->have_local_pref &&
	       a->local_pref == b->local_pref && a->have_path_max == b->have_path_max &&
	       a->path_max == b->path_max && a->have_path_min == b->have_path_min &&
	       a->path_min == b->path_min;
}

static bool set_same(const struct bgp_policy_set *a, const struct bgp_policy_set *b)
{
	return a->have_local_pref == b->have_local_pref && a->local_pref == b->local_pref &&
	       a->have_weight == b->have_weight && a->weight == b->weight &&
	       a->have_origin == b->have_origin && a->origin == b->origin && a->med_how == b->med_how &&
	       a->med == b->med && a->prepend == b->prepend && a->prepend_as == b->prepend_as &&
	       a->replace_communities == b->replace_communities &&
	       communities_same(a->add, a->n_add, b->add, b->n_add) &&
	       communities_same(a->remove, a->n_remove, b->remove, b->n_remove) &&
	       a->nexthop_how == b->nexthop_how && addr_eq(&a->nexthop[0], &b->nexthop[0]) &&
	       addr_eq(&a->nexthop[1], &b->nexthop[1]);
}

static bool policy_same(const struct bgp_policy *a, const struct bgp_policy *b)
{
	if (a == b)
		return true;
	if (a->n != b->n || a->otherwise != b->otherwise || strcmp(a->name, b->name) != 0)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->rule[i].name, b->rule[i].name) != 0 || a->rule[i].action != b->rule[i].action ||
		    !match_same(&a->rule[i].match, &b->rule[i].match) ||
		    !set_same(&a->rule[i].set, &b->rule[i].set))
			return false;
	return true;
}

bool bgp_policy_chain_same(const struct bgp_policy_chain *a, const struct bgp_policy_chain *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (!policy_same(a->policy[i], b->policy[i]))
			return false;
	return true;
}

bool bgp_policy_chain_by_route(const struct bgp_policy_chain *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->policy[i]->by_route)
			return true;
	return false;
}

void bgp_policy_chain_ref(const struct bgp_policy_chain *c)
{
	for (unsigned i = 0; i < c->n; i++)
		bgp_policy_ref(c->policy[i]);
}

void bgp_policy_chain_put(struct bgp_policy_chain *c)
{
	for (unsigned i = 0; i < c->n; i++)
		bgp_policy_put(c->policy[i]);
	c->n = 0;
}

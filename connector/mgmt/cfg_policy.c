/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the configuration to policies: rules whose lists are resolved, and the chains that each BGP session
 * names. A policy that nobody names is built as well, so that its mistakes are found before it is put to use.
 */
#include "connector/mgmt/cfg_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(const struct cfg_load *l)
{
	return cfg_fail(l, "out-of-memory", "/" CFG_ROOT, NULL, "out of memory");
}

static enum bgp_policy_action action_of(const char *v)
{
	return !strcmp(v, "accept")   ? BGP_POLICY_ACCEPT
	       : !strcmp(v, "reject") ? BGP_POLICY_REJECT
	                              : BGP_POLICY_NEXT;
}

static uint8_t origin_of(const struct lyd_node *node, bool *ret_there)
{
	const char *v = cfg_value(node, "origin");

	*ret_there = v != NULL;
	return !v || !strcmp(v, "igp") ? 0 : !strcmp(v, "egp") ? 1 : 2;
}

/* --- match --- */
/* A site, "site/tunnel", or a LAN peer. */
static bool peer_exists(const struct lyd_node *root, const char *name)
{
	for (const struct lyd_node *p = cfg_child(root, "peer"); p; p = cfg_next(root, "peer", p))
		if (!strcmp(cfg_value(p, "name"), name))
			return true;
	for (const struct lyd_node *s = cfg_child(root, "site"); s; s = cfg_next(root, "site", s)) {
		const char *site = cfg_value(s, "name");
		size_t n = strlen(site);

		if (!strcmp(site, name))
			return true;
		if (strncmp(site, name, n) != 0 || name[n] != '/')
			continue;
		for (const struct lyd_node *t = cfg_child(s, "tunnel"); t; t = cfg_next(s, "tunnel", t))
			if (!strcmp(cfg_value(t, "name"), name + n + 1))
				return true;
	}
	return false;
}

static int take_peers(const struct cfg_load *l, const struct lyd_node *node, struct bgp_policy_match *m)
{
	const struct lyd_node *root = node;

	while (root->parent)
		root = lyd_parent(root);
	for (const struct lyd_node *n = cfg_child(node, "peer"); n; n = cfg_next(node, "peer", n)) {
		if (!peer_exists(root, lyd_get_value(n)))
			return cfg_fail_at(l, "config-dangling-reference", n,
			    "is neither a site, nor SITE/TUNNEL, nor in peer[]; add it or correct the name");
		snprintf(m->peer[m->n_peers], sizeof(m->peer[0]), "%s", lyd_get_value(n));
		m->n_peers++;
	}
	return 0;
}

/* The list that a leaf of the rule names, if it has that leaf. -1 with a reason. */
static int take_list(const struct cfg_load *l, const struct lyd_node *match, const char *leaf,
    enum cfg_list_kind kind, const struct cfg_list **ret_list)
{
	const struct lyd_node *n = cfg_child(match, leaf);

	*ret_list = NULL;
	if (!n)
		return 0;
	*ret_list = cfg_take_list(l, l->cfg->policies, kind, n);
	return *ret_list ? 0 : -1;
}

static int build_match(const struct cfg_load *l, const struct lyd_node *node, struct bgp_policy_match *m)
{
	const struct cfg_list *prefixes, *path, *nexthops;

	if (!node)
		return 0;
	if (take_list(l, node, "prefix-list", CFG_LIST_PREFIX, &prefixes) ||
	    take_list(l, node, "as-path-list", CFG_LIST_AS_PATH, &path) ||
	    take_list(l, node, "next-hop-list", CFG_LIST_PREFIX, &nexthops))
		return -1;
	m->prefixes = prefixes ? prefixes->prefixes : NULL;
	m->nexthops = nexthops ? nexthops->prefixes : NULL;
	m->path = path ? path->path : NULL;
	for (const struct lyd_node *n = cfg_child(node, "community-list"); n;
	     n = cfg_next(node, "community-list", n)) {
		const struct cfg_list *c = cfg_take_list(l, l->cfg->policies, CFG_LIST_COMMUNITY, n);

		if (!c)
			return -1;
		m->communities[m->n_communities++] = c->communities;
	}
	m->origin = origin_of(node, &m->have_origin);
	m->med = cfg_u32(node, "med", &m->have_med);
	m->local_pref = cfg_u32(node, "local-pref", &m->have_local_pref);
	m->path_min = cfg_u32(node, "as-path-length-min", &m->have_path_min);
	m->path_max = cfg_u32(node, "as-path-length-max", &m->have_path_max);
	if (m->have_path_min && m->have_path_max && m->path_min > m->path_max)
		return cfg_fail_at(l, "config-wrong-value", cfg_child(node, "as-path-length-max"),
		    "less than as-path-length-min, so no path can match");
	return take_peers(l, node, m);
}

/* --- set --- */
static int build_med(const struct cfg_load *l, const struct lyd_node *node, struct bgp_policy_set *s)
{
	static const char *const leaf[] = { "med", "med-add", "med-subtract", "med-remove" };
	const struct lyd_node *found = NULL;

	for (unsigned i = 0; i < sizeof(leaf) / sizeof(leaf[0]); i++) {
		const struct lyd_node *n = cfg_child(node, leaf[i]);

		if (!n || (i == 3 && !cfg_true(node, leaf[i])))
			continue;
		if (found)
			return cfg_fail_at(l, "config-wrong-value", n,
			    "%s is set beside it, and only one of med, med-add, med-subtract and med-remove "
			    "can hold; keep one",
			    LYD_NAME(found));
		found = n;
		s->med_how = i == 0 ? BGP_MED_SET : i == 3 ? BGP_MED_NONE : BGP_MED_ADD;
		s->med = i == 3 ? 0 : strtoll(lyd_get_value(n), NULL, 10);
		if (i == 2)
			s->med = -s->med;
	}
	return 0;
}

static int build_nexthop(const struct cfg_load *l, const struct lyd_node *node, struct bgp_policy_set *s)
{
	for (const struct lyd_node *n = cfg_child(node, "next-hop"); n; n = cfg_next(node, "next-hop", n)) {
		const char *v = lyd_get_value(n);
		bool word = !strcmp(v, "self") || !strcmp(v, "unchanged");
		struct addr a;

		if (word && cfg_count(node, "next-hop") > 1)
			return cfg_fail_at(
			    l, "config-wrong-value", n, "a next hop stands beside it; keep one of the two");
		if (word) {
			s->nexthop_how = v[0] == 's' ? BGP_NEXTHOP_SELF : BGP_NEXTHOP_UNCHANGED;
			continue;
		}
		if (addr_parse(v, &a) || addr_is_unspecified(&a))
			return cfg_fail_at(l, "config-wrong-value", n,
			    "write \"self\", \"unchanged\", or the address of a host");
		if (!addr_is_none(&s->nexthop[a.family == 6]))
			return cfg_fail_at(
			    l, "config-wrong-value", n, "there is one of this IP version already; keep one");
		s->nexthop[a.family == 6] = a;
		s->nexthop_how = BGP_NEXTHOP_ADDRESS;
	}
	return 0;
}

static int build_set(const struct cfg_load *l, const struct lyd_node *node, struct bgp_policy_set *s)
{
	bool prepend, as;

	if (!node)
		return 0;
	s->local_pref = cfg_u32(node, "local-pref", &s->have_local_pref);
	s->weight = cfg_u32(node, "weight", &s->have_weight);
	s->origin = origin_of(node, &s->have_origin);
	s->prepend = cfg_u32(node, "prepend", &prepend);
	s->prepend_as = cfg_u32(node, "prepend-as", &as);
	if (as && !prepend)
		s->prepend = 1;
	s->replace_communities = cfg_true(node, "community-replace");
	return build_med(l, node, s) || build_nexthop(l, node, s) ||
	               cfg_take_communities(l, node, "community-add", true, &s->add, &s->n_add) ||
	               cfg_take_communities(l, node, "community-remove", false, &s->remove, &s->n_remove)
	           ? -1
	           : 0;
}

/* --- policies --- */
static int build_rule(const struct cfg_load *l, const struct lyd_node *node, struct bgp_policy_rule *r)
{
	const struct lyd_node *set = cfg_child(node, "set");

	snprintf(r->name, sizeof(r->name), "%s", cfg_value(node, "name"));
	r->action = action_of(cfg_value(node, "action"));
	return build_match(l, cfg_child(node, "match"), &r->match) || build_set(l, set, &r->set) ? -1 : 0;
}

static int build_policy(const struct cfg_load *l, const struct lyd_node *node, struct bgp_policy **ret_policy)
{
	size_t n = 0;
	struct bgp_policy_rule *rule = calloc(cfg_count(node, "rule") + 1, sizeof(*rule));
	int result = rule ? 0 : no_memory(l);

	for (const struct lyd_node *c = cfg_child(node, "rule"); c && !result; c = cfg_next(node, "rule", c))
		result = build_rule(l, c, &rule[n++]);
	if (!result) {
		*ret_policy =
		    bgp_policy_new(cfg_value(node, "name"), rule, n, action_of(cfg_value(node, "otherwise")));
		if (!*ret_policy)
			result = no_memory(l);
	}
	for (size_t i = 0; i < n; i++) {
		free(rule[i].set.add);
		free(rule[i].set.remove);
	}
	free(rule);
	return result;
}

int cfg_build_policies(const struct cfg_load *l, const struct lyd_node *root)
{
	struct cfg_policies *p = calloc(1, sizeof(*p));

	l->cfg->policies = p;
	if (!p || !(p->policy = calloc(cfg_count(root, "policy") + 1, sizeof(struct bgp_policy *))))
		return no_memory(l);
	if (cfg_build_lists(l, root, p))
		return -1;
	for (const struct lyd_node *n = cfg_child(root, "policy"); n; n = cfg_next(root, "policy", n)) {
		if (build_policy(l, n, &p->policy[p->n_policy]))
			return -1;
		p->n_policy++;
	}
	return 0;
}

void cfg_policies_free(struct cfg_policies *p)
{
	if (!p)
		return;
	for (int k = 0; k < CFG_LIST_KINDS; k++) {
		for (size_t i = 0; i < p->n_list[k]; i++) {
			bgp_prefix_list_put(p->list[k][i].prefixes);
			bgp_path_list_put(p->list[k][i].path);
			bgp_community_list_put(p->list[k][i].communities);
		}
		free(p->list[k]);
	}
	for (size_t i = 0; i < p->n_policy; i++)
		bgp_policy_put(p->policy[i]);
	free(p->policy);
	free(p);
}

/* --- of a session --- */
int cfg_take_chain(
    const struct cfg_load *l, const struct lyd_node *node, const char *leaf, struct bgp_policy_chain *chain)
{
	const struct cfg_policies *p = l->cfg->policies;

	for (const struct lyd_node *n = cfg_child(node, leaf); n; n = cfg_next(node, leaf, n)) {
		size_t i = 0;

		while (i < p->n_policy && strcmp(bgp_policy_name(p->policy[i]), lyd_get_value(n)) != 0)
			i++;
		if (i == p->n_policy)
			return cfg_fail_at(l, "config-dangling-reference", n,
			    "is named here, but policy[] holds nothing of that name; add it there or correct "
			    "the name");
		chain->policy[chain->n++] = bgp_policy_ref(p->policy[i]);
	}
	return 0;
}

int cfg_take_policy(const struct cfg_load *l, const struct lyd_node *node, struct cfg_bgp_policy *ret_policy)
{
	ret_policy->allow_own_as = cfg_u32(node, "allow-own-as", NULL);
	ret_policy->remove_private_as = cfg_true(node, "remove-private-as");
	ret_policy->as_override = cfg_true(node, "as-override");
	return cfg_take_chain(l, node, "import-policy", &ret_policy->import) ||
	               cfg_take_chain(l, node, "export-policy", &ret_policy->export)
	           ? -1
	           : 0;
}

void cfg_policy_clear(struct cfg_bgp_policy *p)
{
	bgp_policy_chain_put(&p->import);
	bgp_policy_chain_put(&p->export);
}

bool cfg_policy_same(const struct cfg_bgp_policy *a, const struct cfg_bgp_policy *b)
{
	return a->allow_own_as == b->allow_own_as && a->remove_private_as == b->remove_private_as &&
	       a->as_override == b->as_override && bgp_policy_chain_same(&a->import, &b->import) &&
	       bgp_policy_chain_same(&a->export, &b->export);
}

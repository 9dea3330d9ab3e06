/* SPDX-License-Identifier: Apache-2.0 */
/* From the configuration to the lists that policies name: prefixes, AS-path patterns, communities. */
#include "connector/mgmt/cfg_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_name[CFG_LIST_KINDS] = { "prefix-list", "as-path-list", "community-list" };

uint32_t cfg_u32(const struct lyd_node *parent, const char *name, bool *ret_there)
{
	const char *v = cfg_value(parent, name);

	if (ret_there)
		*ret_there = v != NULL;
	return v ? (uint32_t)strtoul(v, NULL, 10) : 0;
}

bool cfg_true(const struct lyd_node *parent, const char *name)
{
	const char *v = cfg_value(parent, name);

	return v && !strcmp(v, "true");
}

static int no_memory(const struct cfg_load *l)
{
	return cfg_fail(l, "out-of-memory", "/" CFG_ROOT, NULL, "out of memory");
}

/* --- prefixes --- */
static int take_entry(const struct cfg_load *l, const struct lyd_node *node, struct bgp_prefix_entry *e)
{
	const struct lyd_node *ge = cfg_child(node, "ge"), *le = cfg_child(node, "le");
	unsigned bits;

	if (cfg_take_prefix(l, cfg_child(node, "prefix"), true, &e->prefix))
		return -1;
	bits = addr_bits(&e->prefix.addr);
	e->ge = ge ? (uint8_t)atoi(lyd_get_value(ge)) : e->prefix.len;
	e->le = le ? (uint8_t)atoi(lyd_get_value(le)) : ge ? (uint8_t)bits : e->prefix.len;
	e->deny = !strcmp(cfg_value(node, "action"), "deny");
	if (ge && e->ge < e->prefix.len)
		return cfg_fail_at(l, "config-wrong-value", ge,
		    "shorter than the prefix %s itself; nothing in it has that length",
		    prefix_str(&e->prefix));
	if (ge && e->ge > bits)
		return cfg_fail_at(
		    l, "config-wrong-value", ge, "a prefix of this IP version has at most %u bits", bits);
	if (le && e->le > bits)
		return cfg_fail_at(
		    l, "config-wrong-value", le, "a prefix of this IP version has at most %u bits", bits);
	if (le && e->le < e->ge)
		return cfg_fail_at(l, "config-wrong-value", le,
		    "less than %s %u, so no prefix can match; le is the longer of the two",
		    ge ? "ge" : "the prefix's own length", (unsigned)e->ge);
	return 0;
}

struct keyed {
	uint32_t seq;
	const struct lyd_node *node;
};

static int by_seq(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	return (x->seq > y->seq) - (x->seq < y->seq);
}

static int build_prefix_list(const struct cfg_load *l, const struct lyd_node *node, struct cfg_list *list)
{
	size_t n = 0, cap = cfg_count(node, "entry");
	struct keyed *k = calloc(cap + 1, sizeof(*k));
	struct bgp_prefix_entry *e = calloc(cap + 1, sizeof(*e));
	int result = k && e ? 0 : no_memory(l);

	for (const struct lyd_node *c = cfg_child(node, "entry"); c && !result;
	     c = cfg_next(node, "entry", c))
		k[n++] = (struct keyed){ cfg_u32(c, "seq", NULL), c };
	if (!result)
		qsort(k, n, sizeof(*k), by_seq);
	for (size_t i = 0; i < n && !result; i++)
		result = take_entry(l, k[i].node, &e[i]);
	if (!result && !(list->prefixes = bgp_prefix_list_new(e, n)))
		result = no_memory(l);
	free(k);
	free(e);
	return result;
}

/* --- AS paths --- */
static int build_path_list(const struct cfg_load *l, const struct lyd_node *node, struct cfg_list *list)
{
	const char *pattern[BGP_POLICY_PATTERNS_MAX];
	size_t n = 0;

	for (const struct lyd_node *c = cfg_child(node, "pattern"); c && n < BGP_POLICY_PATTERNS_MAX;
	     c = cfg_next(node, "pattern", c)) {
		struct reason why = { 0 };
		struct bgp_path_list *one;

		pattern[n] = lyd_get_value(c);
		one = bgp_path_list_new(&pattern[n], 1, &why);
		if (!one)
			return cfg_fail_at(l, "config-as-path-pattern", c, "%s", why.text);
		bgp_path_list_put(one);
		n++;
	}
	list->path = bgp_path_list_new(pattern, n, NULL);
	return list->path ? 0 : no_memory(l);
}

/* --- communities --- */
int cfg_take_communities(const struct cfg_load *l, const struct lyd_node *parent, const char *name,
    bool exact, struct bgp_community **ret_list, size_t *ret_n)
{
	*ret_n = 0;
	*ret_list = calloc(cfg_count(parent, name) + 1, sizeof(**ret_list));
	if (!*ret_list)
		return no_memory(l);
	for (const struct lyd_node *c = cfg_child(parent, name); c; c = cfg_next(parent, name, c)) {
		struct bgp_community *to = &(*ret_list)[(*ret_n)++];

		if (bgp_community_parse(lyd_get_value(c), to))
			return cfg_fail_at(l, "config-wrong-value", c,
			    "this is no community; write one like 65000:100, 65000:1:2 (large), "
			    "rt:65000:100, soo:192.0.2.1:7, "
			    "no-export, no-advertise or blackhole");
		if (exact && !bgp_community_exact(to))
			return cfg_fail_at(l, "config-wrong-value", c,
			    "an asterisk says many communities; to add one, name it");
	}
	return 0;
}

static int build_community_list(const struct cfg_load *l, const struct lyd_node *node, struct cfg_list *list)
{
	struct bgp_community *c;
	size_t n;
	int result = cfg_take_communities(l, node, "community", false, &c, &n);

	if (!result && !(list->communities = bgp_community_list_new(c, n)))
		result = no_memory(l);
	free(c);
	return result;
}

/* --- all of them --- */
int cfg_build_lists(const struct cfg_load *l, const struct lyd_node *root, struct cfg_policies *p)
{
	int (*const build[CFG_LIST_KINDS])(const struct cfg_load *, const struct lyd_node *,
	    struct cfg_list *) = { build_prefix_list, build_path_list, build_community_list };

	for (int k = 0; k < CFG_LIST_KINDS; k++) {
		p->list[k] = calloc(cfg_count(root, kind_name[k]) + 1, sizeof(*p->list[k]));
		if (!p->list[k])
			return no_memory(l);
		for (const struct lyd_node *n = cfg_child(root, kind_name[k]); n;
		     n = cfg_next(root, kind_name[k], n)) {
			struct cfg_list *list = &p->list[k][p->n_list[k]++];

			snprintf(list->name, sizeof(list->name), "%s", cfg_value(n, "name"));
			if (build[k](l, n, list))
				return -1;
		}
	}
	return 0;
}

const struct cfg_list *cfg_take_list(const struct cfg_load *l, const struct cfg_policies *p,
    enum cfg_list_kind kind, const struct lyd_node *node)
{
	for (size_t i = 0; i < p->n_list[kind]; i++)
		if (!strcmp(p->list[kind][i].name, lyd_get_value(node)))
			return &p->list[kind][i];
	(void)cfg_fail_at(l, "config-dangling-reference", node,
	    "is named here, but %s[] holds nothing of that name; add it there or correct the name",
	    kind_name[kind]);
	return NULL;
}

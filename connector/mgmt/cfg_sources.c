/* SPDX-License-Identifier: Apache-2.0 */
/* From the configuration to what is announced by source: network[], redistribute[], aggregate[]. */
#include "connector/mgmt/cfg_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int room_for(
    const struct cfg_load *l, const struct lyd_node *root, const char *name, size_t size, void **ret_list)
{
	*ret_list = calloc(cfg_count(root, name) + 1, size);
	return *ret_list ? 0 : cfg_fail(l, "out-of-memory", "/" CFG_ROOT, NULL, "out of memory");
}

static void take_interface(const struct lyd_node *node, char interface[16])
{
	const char *v = cfg_value(node, "interface");

	snprintf(interface, 16, "%s", v ? v : "");
}

static int build_network(const struct cfg_load *l, const struct lyd_node *node, struct cfg_network *n)
{
	n->when_route = !strcmp(cfg_value(node, "when"), "route");
	take_interface(node, n->interface);
	if (n->interface[0] && !n->when_route)
		return cfg_fail_at(l, "config-wrong-value", cfg_child(node, "interface"),
		    "an interface is a condition of \"when\": \"route\"; say that too, or leave the "
		    "interface out");
	return cfg_take_prefix(l, cfg_child(node, "prefix"), true, &n->prefix) ||
	               cfg_take_chain(l, node, "policy", &n->policy)
	           ? -1
	           : 0;
}

static int build_redistribute(
    const struct cfg_load *l, const struct lyd_node *node, struct cfg_redistribute *r)
{
	const struct lyd_node *list = cfg_child(node, "prefix-list");
	const char *source = cfg_value(node, "source");

	r->source = !strcmp(source, "connected") ? CFG_SOURCE_CONNECTED
	            : !strcmp(source, "static")  ? CFG_SOURCE_STATIC
	                                         : CFG_SOURCE_KERNEL;
	take_interface(node, r->interface);
	if (list) {
		const struct cfg_list *found = cfg_take_list(l, l->cfg->policies, CFG_LIST_PREFIX, list);

		if (!found)
			return -1;
		r->prefixes = bgp_prefix_list_ref(found->prefixes);
	}
	return cfg_take_chain(l, node, "policy", &r->policy);
}

/* What it covers and nobody has is unreachable, not sent to wherever a default route leads. Not protect[]: a
 * part of it that a LAN peer teaches is a route as any. */
static int discard(const struct cfg_load *l, const struct prefix *p)
{
	struct cfg *cfg = l->cfg;
	struct prefix *more;

	for (size_t i = 0; i < cfg->n_discard; i++)
		if (prefix_eq(&cfg->discard[i], p))
			return 0;
	more = reallocarray(cfg->discard, cfg->n_discard + 1, sizeof(*more));
	if (!more)
		return cfg_fail(l, "out-of-memory", "/" CFG_ROOT, NULL, "out of memory");
	cfg->discard = more;
	more[cfg->n_discard++] = *p;
	return 0;
}

static int build_aggregate(const struct cfg_load *l, const struct lyd_node *node, struct cfg_aggregate *a)
{
	const struct lyd_node *prefix = cfg_child(node, "prefix");

	if (cfg_take_prefix(l, prefix, true, &a->prefix))
		return -1;
	if (!a->prefix.len)
		return cfg_fail_at(l, "config-wrong-value", prefix,
		    "a default route is no aggregate; to announce it, name it in announce[] or network[]");
	if (a->prefix.len == addr_bits(&a->prefix.addr))
		return cfg_fail_at(
		    l, "config-wrong-value", prefix, "a host's prefix has no parts to be announced for");
	a->summary_only = cfg_true(node, "summary-only");
	a->as_set = cfg_true(node, "as-set");
	if (cfg_true(node, "discard") && discard(l, &a->prefix))
		return -1;
	return cfg_take_chain(l, node, "policy", &a->policy);
}

int cfg_build_sources(const struct cfg_load *l, const struct lyd_node *root)
{
	struct cfg *cfg = l->cfg;

	if (room_for(l, root, "network", sizeof(*cfg->network), (void **)&cfg->network) ||
	    room_for(l, root, "redistribute", sizeof(*cfg->redistribute), (void **)&cfg->redistribute) ||
	    room_for(l, root, "aggregate", sizeof(*cfg->aggregate), (void **)&cfg->aggregate))
		return -1;
	for (const struct lyd_node *n = cfg_child(root, "network"); n; n = cfg_next(root, "network", n))
		if (build_network(l, n, &cfg->network[cfg->n_network++]))
			return -1;
	for (const struct lyd_node *n = cfg_child(root, "redistribute"); n;
	     n = cfg_next(root, "redistribute", n))
		if (build_redistribute(l, n, &cfg->redistribute[cfg->n_redistribute++]))
			return -1;
	for (const struct lyd_node *n = cfg_child(root, "aggregate"); n; n = cfg_next(root, "aggregate", n))
		if (build_aggregate(l, n, &cfg->aggregate[cfg->n_aggregate++]))
			return -1;
	return 0;
}

void cfg_sources_free(struct cfg *cfg)
{
	for (size_t i = 0; i < cfg->n_network; i++)
		bgp_policy_chain_put(&cfg->network[i].policy);
	for (size_t i = 0; i < cfg->n_redistribute; i++) {
		bgp_prefix_list_put(cfg->redistribute[i].prefixes);
		bgp_policy_chain_put(&cfg->redistribute[i].policy);
	}
	for (size_t i = 0; i < cfg->n_aggregate; i++)
		bgp_policy_chain_put(&cfg->aggregate[i].policy);
	free(cfg->network);
	free(cfg->redistribute);
	free(cfg->aggregate);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Policies, originated networks and aggregates when memory is out: each is made whole or not at all. */
#include "bgp/bgp.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/rng_seeded.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const mtime now = { 1000000000 };

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, true, &p), 0);
	return p;
}

/* NULL when memory was out at any part of it. */
static struct bgp_policy *make_policy(void)
{
	struct bgp_prefix_entry e[2] = { { prefix("10.0.0.0/8"), 8, 24, false },
		{ prefix("10.0.0.0/8"), 32, 32, false } };
	const char *const pattern[] = { "^65515( 65515)*$", "_1_" };
	struct reason why = { 0 };
	struct bgp_community c;
	struct bgp_policy_rule rule = { .name = "r", .set = { .add = &c, .n_add = 1, .prepend = 2 } };
	struct bgp_policy *p = NULL;

	assert_int_equal(bgp_community_parse("65001:1", &c), 0);
	rule.match.prefixes = bgp_prefix_list_new(e, 2);
	rule.match.path = bgp_path_list_new(pattern, 2, &why);
	rule.match.communities[0] = bgp_community_list_new(&c, 1);
	rule.match.n_communities = 1;
	if (rule.match.prefixes && rule.match.path && rule.match.communities[0])
		p = bgp_policy_new("p", &rule, 1, BGP_POLICY_ACCEPT);
	else
		assert_true(!rule.match.prefixes || !rule.match.communities[0] || reason_is_set(&why));
	bgp_prefix_list_put(rule.match.prefixes);
	bgp_path_list_put(rule.match.path);
	bgp_community_list_put(rule.match.communities[0]);
	return p;
}

static bool announced(const struct bgp *bgp, const char *what)
{
	struct bgp_route_query q = { .rib = BGP_RIB_BEST, .within = prefix(what), .exact = true };
	struct bgp_route_view v;

	return bgp_routes(bgp, &q, &v, 1) == 1;
}

static bool run(void *ctx)
{
	uint64_t seed = 1;
	struct rng rng = rng_seeded(&seed);
	struct bgp *bgp = bgp_new(&(struct bgp_config){ .as = 65001, .router_id = 1, .multipath = 1 }, &rng);
	struct bgp_policy_chain chain = { { make_policy() }, 1 };
	struct bgp_aggregate list[2] = { { .prefix = prefix("10.1.0.0/16"), .as_set = true },
		{ .prefix = prefix("10.0.0.0/8") } };
	struct prefix p = prefix("10.1.2.0/24");
	bool first, second;

	(void)ctx;
	if (!bgp || !chain.policy[0]) {
		bgp_free(bgp);
		bgp_policy_put(chain.policy[0]);
		return false;
	}
	list[0].policy = chain;
	first = bgp_originate(bgp, &p, 2, &chain, now) == 0;
	assert_int_equal(announced(bgp, "10.1.2.0/24"), first);
	second = bgp_aggregates(bgp, list, 2, now) == 0;
	for (unsigned i = 0; i < 20; i++)
		bgp_timer(bgp, now);
	second = second && announced(bgp, "10.1.0.0/16") && announced(bgp, "10.0.0.0/8");
	bgp_unoriginate(bgp, &p, now);
	assert_false(announced(bgp, "10.1.2.0/24"));
	for (unsigned i = 0; i < 20; i++)
		bgp_timer(bgp, mtime_add(now, mdur_s(1)));
	assert_false(announced(bgp, "10.0.0.0/8"));
	bgp_free(bgp);
	bgp_policy_chain_put(&chain);
	return first && second;
}

static void test_sweep(void **state)
{
	(void)state;
	assert_true(alloc_fail_sweep(run, NULL, NULL) > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_sweep) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

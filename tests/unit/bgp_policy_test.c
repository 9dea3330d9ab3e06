/* SPDX-License-Identifier: Apache-2.0 */
/* Policy's parts as tables: patterns over AS paths, communities in text, prefix lists, and what a rule
 * changes. */
#include "bgp/as_regex.h"
#include "bgp/policy_apply.h"
#include "bgp/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* --- AS paths --- */
static const struct {
	const char *pattern, *yes, *no; /* paths separated by ';' */
} patterns[] = {
	{ "^65515( 65515)*$", "65515;65515 65515;65515 65515 65515", ";65515 1;1 65515;655155;65515 655151" },
	{ "_65001_", "65001;1 65001;65001 1;1 65001 2;1 {65001,2};{65001}", ";165001;650011;1 650012" },
	{ "^$", "", "1;0" },
	{ ".*", ";1;1 2 3", NULL },
	{ "^1", "1;12;1 2", "2;21;" },
	{ "1$", "1;2 1;21", "1 2;" },
	{ "^(1|2 3)+$", "1;2 3;11;12 3", "2;3;1 2" },
	{ "^[0-9]+$", "7;65515", ";1 2;{1}" },
	{ "^[0-9]+ [0-9]+$", "1 2", "1;1 2 3" },
	{ "^6451[2-9]_", "64512;64519 1", "64511;645190" },
	{ "[^1]", "2;12; ", "1;11" },
	{ "_6?7_", "67;7;1 7 2;1 67", "6;677;17" },
	{ "{1,2}$", "5 {1,2}", "1 2;{1,2,3}" },
	{ "^_7", "7;7 1", "17" },
	{ "(((7)*)*)*8", "8;7778", "7" },
	{ "^()$", "", "1" },
	{ "1||2", "1;;3", NULL },
};

static bool matches_text(const char *pattern, const char *text)
{
	struct reason why = { 0 };
	struct as_regex *r = as_regex_new(pattern, &why);
	bool m;

	if (!r)
		fail_msg("%s: %s", pattern, why.text);
	m = as_regex_match(r, text, strlen(text));
	as_regex_free(r);
	return m;
}

static void each(const char *pattern, const char *list, bool want)
{
	char buf[200], *at = buf, *one;

	if (!list)
		return;
	snprintf(buf, sizeof(buf), "%s", list);
	while ((one = strsep(&at, ";")))
		if (matches_text(pattern, one) != want)
			fail_msg("\"%s\" on \"%s\": expected %s", pattern, one, want ? "a match" : "none");
}

static void test_patterns(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEN(patterns); i++) {
		each(patterns[i].pattern, patterns[i].yes, true);
		each(patterns[i].pattern, patterns[i].no, false);
	}
}

static void test_patterns_refused(void **state)
{
	static const struct {
		const char *pattern, *says;
	} bad[] = {
		{ "", "1 to 255" },
		{ "(1", "( without its )" },
		{ "1)", ") without its (" },
		{ "[1", "[ without its ]" },
		{ "[9-1]", "runs from a digit" },
		{ "[a]", "holds digits" },
		{ "*1", "nothing stands before" },
		{ "(|+1)", "nothing stands before" },
		{ "AS1", "only digits" },
		{ "1\\d", "only digits" },
		{ "((((((((((((((((((1))))))))))))))))))", "too deep" },
	};
	struct reason why;
	char longest[300];

	(void)state;
	for (size_t i = 0; i < LEN(bad); i++) {
		reason_clear(&why);
		if (as_regex_new(bad[i].pattern, &why))
			fail_msg("%s is taken", bad[i].pattern);
		assert_string_equal(why.id, "config-as-path-pattern");
		if (!strstr(why.text, bad[i].says))
			fail_msg("%s: %s", bad[i].pattern, why.text);
	}
	memset(longest, '_', 255); /* four steps each: larger than a program may be */
	longest[255] = '\0';
	assert_null(as_regex_new(longest, &why));
	assert_non_null(strstr(why.text, "too large"));
}

static void test_path_text(void **state)
{
	static const uint8_t path[] = { 2, 2, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 1, 2, 0, 0, 0, 3, 0, 0, 0,
		4, 2, 1, 0, 0, 0, 5 };
	struct bytes b = { path, sizeof(path) };
	char buf[100];
	size_t n = as_path_text(b, buf, as_path_text_max(b));

	(void)state;
	assert_true(as_path_text_max(b) <= sizeof(buf));
	assert_int_equal(n, strlen("1 4294967295 {3,4} 5"));
	assert_memory_equal(buf, "1 4294967295 {3,4} 5", n);
	assert_int_equal(as_path_text(b, buf, 3), 3);
	assert_int_equal(as_path_text((struct bytes){ NULL, 0 }, buf, sizeof(buf)), 0);
}

/* --- communities --- */
static void test_community_text(void **state)
{
	static const struct {
		const char *text, *value, *mask; /* hex; mask NULL: all ones */
	} good[] = {
		{ "65000:100", "fde80064", NULL },
		{ "0:0", "00000000", NULL },
		{ "65000:*", "fde80000", "ffff0000" },
		{ "*:666", "0000029a", "0000ffff" },
		{ "no-export", "ffffff01", NULL },
		{ "blackhole", "ffff029a", NULL },
		{ "65536:1:4294967295", "0001000000000001ffffffff", NULL },
		{ "65536:*:7", "000100000000000000000007", "ffffffff00000000ffffffff" },
		{ "rt:65000:100", "0002fde800000064", NULL },
		{ "rt:4200000000:7", "0202fa56ea000007", NULL },
		{ "soo:192.0.2.1:7", "0103c00002010007", NULL },
		{ "rt:65000:*", "0002fde800000000", "ffffffff00000000" },
		{ "rt:*:*", "0002000000000000", "00ff000000000000" },
	};
	static const char *const bad[] = { "", "1", "65536:1", "1:65536", "1:2:3:4", "1:", ":1", "a:b",
		"1:2x", "4294967296:1:1", "rt:1", "rt:65536:65536", "rt:*:1", "rt:300.1.1.1:1", "no-exports",
		"-1:1" };
	struct bgp_community c;

	(void)state;
	for (size_t i = 0; i < LEN(good); i++) {
		char value[32] = "", mask[32] = "";

		if (bgp_community_parse(good[i].text, &c))
			fail_msg("%s is refused", good[i].text);
		for (unsigned k = 0; k < c.len; k++) {
			snprintf(value + 2 * k, 3, "%02x", c.value[k]);
			snprintf(mask + 2 * k, 3, "%02x", c.mask[k]);
		}
		assert_string_equal(value, good[i].value);
		if (good[i].mask)
			assert_string_equal(mask, good[i].mask);
		assert_int_equal(bgp_community_exact(&c), !good[i].mask);
	}
	for (size_t i = 0; i < LEN(bad); i++)
		if (!bgp_community_parse(bad[i], &c))
			fail_msg("%s is taken", bad[i]);
}

/* --- prefix lists --- */
static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, true, &p), 0);
	return p;
}

static void test_prefix_list(void **state)
{
	const struct bgp_prefix_entry e[] = {
		{ prefix("10.9.0.0/16"), 16, 32, true },
		{ prefix("10.0.0.0/8"), 8, 24, false },
		{ prefix("10.9.1.0/24"), 24, 24, false }, /* too late */
		{ prefix("0.0.0.0/0"), 0, 0, false },
		{ prefix("192.168.0.0/16"), 20, 24, false },
		{ prefix("192.168.0.0/16"), 32, 32, false },
		{ prefix("2001:db8::/32"), 48, 64, false },
	};
	static const struct {
		const char *p;
		bool want;
	} rows[] = { { "10.0.0.0/8", true }, { "10.1.0.0/24", true }, { "10.1.0.0/25", false },
		{ "10.9.0.0/16", false }, { "10.9.1.0/24", false }, { "0.0.0.0/0", true },
		{ "11.0.0.0/8", false }, { "192.168.0.0/16", false }, { "192.168.16.0/20", true },
		{ "192.168.1.1/32", true }, { "192.168.1.0/25", false }, { "2001:db8::/32", false },
		{ "2001:db8:1::/48", true }, { "::/0", false } };
	struct bgp_prefix_list *l = bgp_prefix_list_new(e, LEN(e));

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct prefix p = prefix(rows[i].p);

		if (bgp_prefix_list_match(l, &p) != rows[i].want)
			fail_msg("%s: expected %s", rows[i].p, rows[i].want ? "a match" : "none");
	}
	bgp_prefix_list_put(l);
}

/* --- rules --- */
static struct policy_room room;
static const struct policy_context import_context = { true, 65001, 65515, "azure/t1" },
                                   export_context = { false, 65001, 65515, "lan" };
static const uint8_t path_65515[] = { 2, 1, 0, 0, 0xff, 0xeb };
static const uint8_t comm_1_2[] = { 0, 1, 0, 1, 0, 2, 0, 2 };

static struct attrs some_attrs(void)
{
	return (struct attrs){ .origin = BGP_ORIGIN_IGP,
		.nexthop = addr_v4(0x0a000001),
		.have_med = true,
		.med = 10,
		.as_path = { path_65515, sizeof(path_65515) },
		.communities = { comm_1_2, sizeof(comm_1_2) } };
}

static struct policy_result apply_rules(const struct bgp_policy_rule *rule, size_t n,
    enum bgp_policy_action otherwise, const struct policy_context *ctx)
{
	struct bgp_policy_chain chain = { { bgp_policy_new("p", rule, n, otherwise) }, 1 };
	struct prefix p = prefix("10.1.0.0/16");
	struct attrs a = some_attrs();
	struct policy_result r;

	policy_apply(&chain, &p, &a, ctx, &room, &r);
	r.policy = r.rule = NULL;
	bgp_policy_chain_put(&chain);
	return r;
}

static void test_verdicts(void **state)
{
	struct bgp_policy_rule none = { .name = "none", .match = { .have_med = true, .med = 11 } },
	                       all = { .name = "all", .set = { .have_weight = true, .weight = 5 } };
	struct bgp_policy_rule two[2];
	struct policy_result r;

	(void)state;
	r = apply_rules(&none, 1, BGP_POLICY_NEXT, &import_context);
	assert_false(r.accepted); /* nobody accepts: refused */
	r = apply_rules(&none, 1, BGP_POLICY_ACCEPT, &import_context);
	assert_true(r.accepted && !r.changed);
	r = apply_rules(&all, 1, BGP_POLICY_REJECT, &import_context);
	assert_true(r.accepted && r.changed);
	assert_int_equal(r.attrs.weight, 5);
	all.action = BGP_POLICY_REJECT;
	r = apply_rules(&all, 1, BGP_POLICY_ACCEPT, &import_context);
	assert_false(r.accepted);
	all.action = BGP_POLICY_NEXT; /* changes, and the next rule sees them */
	all.set.med_how = BGP_MED_SET;
	all.set.med = 11;
	two[0] = all;
	two[1] = none;
	r = apply_rules(two, 2, BGP_POLICY_REJECT, &import_context);
	assert_true(r.accepted);
	assert_int_equal(r.attrs.med, 11);
}

static void test_chain(void **state)
{
	struct bgp_policy_rule mark = { .name = "mark",
		.set = { .have_weight = true, .weight = 5 },
		.action = BGP_POLICY_NEXT },
	                       take = { .name = "take" };
	struct bgp_policy_chain chain = { { bgp_policy_new("first", &mark, 1, BGP_POLICY_NEXT),
		                              bgp_policy_new("second", &take, 1, BGP_POLICY_REJECT) },
		2 },
	                        none = { .n = 0 };
	struct prefix p = prefix("10.1.0.0/16");
	struct attrs a = some_attrs();
	struct policy_result r;
	char text[200];

	(void)state;
	policy_apply(&chain, &p, &a, &import_context, &room, &r);
	assert_true(r.accepted);
	assert_int_equal(r.attrs.weight, 5);
	policy_result_text(&chain, &r, text, sizeof(text));
	assert_string_equal(text, "rule take of policy second");
	policy_apply(&none, &p, &a, &import_context, &room, &r);
	assert_true(r.accepted && !r.changed);
	bgp_policy_chain_put(&chain);
}

static void test_med_and_path(void **state)
{
	struct bgp_policy_rule rule = { .set = { .med_how = BGP_MED_ADD, .med = -20, .prepend = 2 } };
	struct policy_result r = apply_rules(&rule, 1, BGP_POLICY_NEXT, &export_context);
	uint32_t as[8];
	bool cut;

	(void)state;
	assert_int_equal(r.attrs.med, 0);
	assert_true(r.med_given);
	assert_int_equal(as_path_list(r.attrs.as_path, as, 8, &cut), 3);
	assert_int_equal(as[0], 65001);
	assert_int_equal(as[1], 65001);
	r = apply_rules(&rule, 1, BGP_POLICY_NEXT, &import_context);
	assert_int_equal(as_path_list(r.attrs.as_path, as, 8, &cut), 3);
	assert_int_equal(as[1], 65515);
	rule.set.prepend_as = 7;
	rule.set.med = UINT32_MAX;
	r = apply_rules(&rule, 1, BGP_POLICY_NEXT, &import_context);
	assert_int_equal(as_path_list(r.attrs.as_path, as, 8, &cut), 3);
	assert_int_equal(as[0], 7);
	assert_int_equal(r.attrs.med, UINT32_MAX);
	rule.set.med_how = BGP_MED_NONE;
	r = apply_rules(&rule, 1, BGP_POLICY_NEXT, &import_context);
	assert_false(r.attrs.have_med || r.med_given);
}

static void test_communities(void **state)
{
	struct bgp_community add[3], remove[1];
	struct bgp_policy_rule rule = { .set = { .add = add, .n_add = 3, .remove = remove, .n_remove = 1 } };
	static const uint8_t other[] = { 32, 0xc0, 0, 12, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4 };
	struct policy_result r;

	(void)state;
	assert_int_equal(bgp_community_parse("2:2", &add[0]), 0); /* it has this */
	assert_int_equal(bgp_community_parse("3:3", &add[1]), 0);
	assert_int_equal(bgp_community_parse("2:3:4", &add[2]), 0);
	assert_int_equal(bgp_community_parse("1:*", &remove[0]), 0);
	r = apply_rules(&rule, 1, BGP_POLICY_NEXT, &import_context);
	assert_int_equal(r.attrs.communities.len, 8);
	assert_memory_equal(r.attrs.communities.p, "\0\2\0\2\0\3\0\3", 8);
	assert_int_equal(r.attrs.other.len, sizeof(other));
	assert_memory_equal(r.attrs.other.p, other, sizeof(other));
	rule.set.replace_communities = true;
	rule.set.n_add = 0;
	r = apply_rules(&rule, 1, BGP_POLICY_NEXT, &import_context);
	assert_int_equal(r.attrs.communities.len, 0);
	assert_int_equal(r.attrs.other.len, 0);
}

static void test_peer_match(void **state)
{
	static const struct {
		const char *peer;
		bool want;
	} rows[] = { { "azure", true }, { "azure/t1", true }, { "azure/t", false }, { "azur", false },
		{ "lan", false } };

	(void)state;
	for (size_t i = 0; i < LEN(rows); i++) {
		struct bgp_policy_rule rule = { .match = { .n_peers = 1 } };

		snprintf(rule.match.peer[0], sizeof(rule.match.peer[0]), "%s", rows[i].peer);
		assert_int_equal(
		    apply_rules(&rule, 1, BGP_POLICY_NEXT, &import_context).accepted, rows[i].want);
	}
}

static void test_same(void **state)
{
	const struct bgp_prefix_entry e = { prefix("10.0.0.0/8"), 8, 24, false };
	struct bgp_prefix_list *l = bgp_prefix_list_new(&e, 1), *l2 = bgp_prefix_list_new(&e, 1);
	struct bgp_policy_rule rule = { .name = "r", .match = { .prefixes = l } };
	struct bgp_policy_chain a = { { bgp_policy_new("p", &rule, 1, BGP_POLICY_NEXT) }, 1 }, b = { .n = 1 };

	(void)state;
	rule.match.prefixes = l2;
	b.policy[0] = bgp_policy_new("p", &rule, 1, BGP_POLICY_NEXT);
	assert_true(bgp_policy_chain_same(&a, &b));
	assert_true(bgp_policy_chain_by_route(&a));
	bgp_policy_chain_put(&b);
	rule.set.have_weight = true;
	b = (struct bgp_policy_chain){ { bgp_policy_new("p", &rule, 1, BGP_POLICY_NEXT) }, 1 };
	assert_false(bgp_policy_chain_same(&a, &b));
	bgp_policy_chain_put(&a);
	bgp_policy_chain_put(&b);
	bgp_prefix_list_put(l);
	bgp_prefix_list_put(l2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_patterns_refused),
		cmocka_unit_test(test_path_text),
		cmocka_unit_test(test_community_text),
		cmocka_unit_test(test_prefix_list),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_med_and_path),
		cmocka_unit_test(test_communities),
		cmocka_unit_test(test_peer_match),
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

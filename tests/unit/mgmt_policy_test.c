/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy in the configuration: what loads, what it becomes, and a table of mistakes, each refused by its own
 * reason with path, value and what to do in the text.
 */
#include "connector/mgmt/config.h"

#include "bgp/bgp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CONN  "/causeway:connector"
#define Y_BGP CONN "/site[name='azure-hq']/tunnel[name='t1']/bgp"

static struct cfg_context *context;

static int set_up(void **state)
{
	struct reason why;

	(void)state;
	context = cfg_context_new(CW_SOURCE_DIR "/connector/mgmt/yang", CW_SOURCE_DIR "/profiles", &why);
	if (!context)
		fail_msg("%s", why.text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cfg_context_free(context);
	return 0;
}

/* The smallest configuration, with these members of the connector and of the tunnel's bgp. */
static struct cfg *load(const char *members, const char *bgp, struct reason *why)
{
	char text[8192];

	snprintf(text, sizeof(text),
	    "{ \"causeway:connector\": { \"as\": 65001, \"router-id\": \"10.0.0.10\", \"announce\": "
	    "[\"10.0.0.0/16\"], %s%s"
	    "\"peer\": [ { \"name\": \"lan\", \"local-address\": \"10.0.0.10\", \"peer-address\": "
	    "\"10.0.0.20\", \"peer-as\": 65002 } ],"
	    "\"site\": [ { \"name\": \"azure-hq\", \"profile\": \"azure-vpngw\", \"tunnel\": [ { \"name\": "
	    "\"t1\", "
	    "\"local-address\": \"192.0.2.1\", \"remote-address\": [\"192.0.2.2\"], \"secret-file\": "
	    "\"azure-hq.psk\", "
	    "\"inside-address\": [\"10.0.0.10/32\"], \"bgp\": { \"local-address\": \"10.0.0.10\", "
	    "\"peer-address\": \"10.100.255.254\", \"peer-as\": 65515%s%s } } ] } ] } }",
	    members, *members ? "," : "", *bgp ? "," : "", bgp);
	return cfg_load_text(context, text, "test.json", false, why);
}

#define LIMITS(members)                                                                                      \
	"{\"causeway:connector\":{\"as\":65001,\"router-id\":\"10.0.0.10\"," members                         \
	"\"site\":[{\"name\":\"azure-hq\",\"profile\":\"azure-vpngw\",\"tunnel\":[{\"name\":\"t1\","         \
	"\"local-address\":\"192.0.2.1\",\"remote-address\":[\"192.0.2.2\"],\"secret-file\":\"azure-hq."     \
	"psk\","                                                                                             \
	"\"inside-address\":[\"10.0.0.10/32\"],\"bgp\":{\"local-address\":\"10.0.0.10\","                    \
	"\"peer-address\":\"10.100.255.254\",\"peer-as\":65515}}]}]}}"

#define LIST(entries) "\"prefix-list\":[{\"name\":\"l\",\"entry\":[" entries "]}]"
#define Y_ENTRY       CONN "/prefix-list[name='l']/entry[seq='1']"
#define RULE(what)    "\"policy\":[{\"name\":\"p\",\"rule\":[{\"name\":\"r\"," what "}]}]"
#define Y_RULE        CONN "/policy[name='p']/rule[name='r']"

static const struct {
	const char *members, *bgp, *id, *path, *value, *says;
} mistakes[] = {
	{ LIST("{\"seq\":1,\"prefix\":\"10.0.0.0/8\",\"ge\":7}"), "", "config-wrong-value", Y_ENTRY "/ge",
	    "7", "shorter than the prefix 10.0.0.0/8" },
	{ LIST("{\"seq\":1,\"prefix\":\"10.0.0.0/8\",\"ge\":24,\"le\":16}"), "", "config-wrong-value",
	    Y_ENTRY "/le", "16", "less than ge 24" },
	{ LIST("{\"seq\":1,\"prefix\":\"10.0.0.0/16\",\"le\":8}"), "", "config-wrong-value", Y_ENTRY "/le",
	    "8", "the prefix's own length 16" },
	{ LIST("{\"seq\":1,\"prefix\":\"10.0.0.0/8\",\"le\":33}"), "", "config-wrong-value", Y_ENTRY "/le",
	    "33", "at most 32 bits" },
	{ LIST("{\"seq\":1,\"prefix\":\"10.0.0.0/8\",\"ge\":64,\"le\":16}"), "", "config-wrong-value",
	    Y_ENTRY "/ge", "64", "at most 32 bits" },
	{ LIST("{\"seq\":1,\"prefix\":\"10.0.0.1/8\"}"), "", "config-wrong-value", Y_ENTRY "/prefix",
	    "10.0.0.1/8", "10.0.0.0/8" },
	{ LIST("{\"seq\":1}"), "", "config-missing-leaf", CONN "/prefix-list[name='l']/entry", NULL,
	    "prefix" },
	{ LIST(""), "", "config-missing-leaf", CONN "/prefix-list[name='l']", NULL, "entry" },
	{ LIST("{\"seq\":1,\"prefix\":\"10.0.0.0/8\"},{\"seq\":1,\"prefix\":\"10.1.0.0/16\"}"), "",
	    "config-duplicate", CONN "/prefix-list[name='l']/entry", "1", "twice" },
	{ "\"as-path-list\":[{\"name\":\"l\",\"pattern\":[\"^(1\"]}]", "", "config-as-path-pattern",
	    CONN "/as-path-list[name='l']/pattern", "^(1", "( without its )" },
	{ "\"as-path-list\":[{\"name\":\"l\",\"pattern\":[\"1{2}x\"]}]", "", "config-as-path-pattern",
	    CONN "/as-path-list[name='l']/pattern", "1{2}x", "have a meaning here" },
	{ "\"community-list\":[{\"name\":\"l\",\"community\":[\"65536:1\"]}]", "", "config-wrong-value",
	    CONN "/community-list[name='l']/community", "65536:1", "65000:1:2" },
	{ "\"policy\":[{\"name\":\"p\"},{\"name\":\"p\"}]", "", "config-duplicate", CONN "/policy", "p",
	    "twice" },
	{ RULE("\"match\":{\"prefix-list\":\"l\"}"), "", "config-dangling-reference",
	    Y_RULE "/match/prefix-list", "l", "prefix-list[] holds nothing" },
	{ RULE("\"match\":{\"next-hop-list\":\"l\"}"), "", "config-dangling-reference",
	    Y_RULE "/match/next-hop-list", "l", "prefix-list[] holds nothing" },
	{ RULE("\"match\":{\"as-path-list\":\"l\"}"), "", "config-dangling-reference",
	    Y_RULE "/match/as-path-list", "l", "as-path-list[] holds nothing" },
	{ RULE("\"match\":{\"community-list\":[\"l\"]}"), "", "config-dangling-reference",
	    Y_RULE "/match/community-list", "l", "community-list[] holds nothing" },
	{ RULE("\"match\":{\"peer\":[\"azure-hq/t2\"]}"), "", "config-dangling-reference",
	    Y_RULE "/match/peer", "azure-hq/t2", "SITE/TUNNEL" },
	{ RULE("\"match\":{\"as-path-length-min\":3,\"as-path-length-max\":2}"), "", "config-wrong-value",
	    Y_RULE "/match/as-path-length-max", "2", "no path can match" },
	{ RULE("\"set\":{\"med\":1,\"med-add\":2}"), "", "config-wrong-value", Y_RULE "/set/med-add", "2",
	    "only one of" },
	{ RULE("\"set\":{\"weight\":65536}"), "", "config-wrong-value", Y_RULE "/set/weight", "65536",
	    "0 to 65535" },
	{ RULE("\"set\":{\"community-add\":[\"65000:*\"]}"), "", "config-wrong-value",
	    Y_RULE "/set/community-add", "65000:*", "to add one" },
	{ RULE("\"set\":{\"next-hop\":[\"self\",\"10.0.0.1\"]}"), "", "config-wrong-value",
	    Y_RULE "/set/next-hop", "self", "keep one" },
	{ RULE("\"set\":{\"next-hop\":[\"me\"]}"), "", "config-wrong-value", Y_RULE "/set/next-hop", "me",
	    "unchanged" },
	{ RULE("\"set\":{\"prepend\":33}"), "", "config-wrong-value", Y_RULE "/set/prepend", "33",
	    "1 to 32" },
	{ RULE("\"action\":\"deny\""), "", "config-wrong-value", Y_RULE "/action", "deny", "reject" },
	/* what is announced by source */
	{ "\"network\":[{\"prefix\":\"10.1.0.0/16\",\"interface\":\"eth0\"}]", "", "config-wrong-value",
	    CONN "/network[prefix='10.1.0.0/16']/interface", "eth0", "\"when\": \"route\"" },
	{ "\"network\":[{\"prefix\":\"10.1.0.0/16\",\"policy\":[\"p\"]}]", "", "config-dangling-reference",
	    CONN "/network[prefix='10.1.0.0/16']/policy", "p", "policy[] holds nothing" },
	{ "\"redistribute\":[{\"name\":\"s\",\"source\":\"ospf\"}]", "", "config-wrong-value",
	    CONN "/redistribute[name='s']/source", "ospf", "connected" },
	{ "\"redistribute\":[{\"name\":\"s\",\"source\":\"static\",\"prefix-list\":\"l\"}]", "",
	    "config-dangling-reference", CONN "/redistribute[name='s']/prefix-list", "l",
	    "prefix-list[] holds nothing" },
	{ "\"aggregate\":[{\"prefix\":\"0.0.0.0/0\"}]", "", "config-wrong-value",
	    CONN "/aggregate[prefix='0.0.0.0/0']/prefix", "0.0.0.0/0", "is no aggregate" },
	{ "\"aggregate\":[{\"prefix\":\"10.0.0.1/32\"}]", "", "config-wrong-value",
	    CONN "/aggregate[prefix='10.0.0.1/32']/prefix", "10.0.0.1/32", "no parts" },
	{ "", "\"import-policy\":[\"p\"]", "config-dangling-reference", Y_BGP "/import-policy", "p",
	    "policy[] holds nothing" },
	{ "", "\"export-policy\":[\"p\"]", "config-dangling-reference", Y_BGP "/export-policy", "p",
	    "policy[] holds nothing" },
	{ "", "\"allow-own-as\":11", "config-wrong-value", Y_BGP "/allow-own-as", "11", "0 to 10" },
};

static void each_mistake_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct reason why = { 0 };
		struct cfg *cfg = load(mistakes[i].members, mistakes[i].bgp, &why);
		char where[300];

		if (cfg)
			fail_msg("mistake %zu is taken", i);
		snprintf(where, sizeof(where), "test.json: %s", mistakes[i].path);
		if (strcmp(why.id, mistakes[i].id) != 0 || !strstr(why.text, where) ||
		    !strstr(why.text, mistakes[i].says) ||
		    (mistakes[i].value && !strstr(why.text, mistakes[i].value)))
			fail_msg("mistake %zu: %s: %s", i, why.id, why.text);
	}
}

static const char lists[] = LIST(
    "{\"seq\":20,\"prefix\":\"10.0.0.0/8\",\"le\":24},"
    "{\"seq\":10,\"prefix\":\"10.9.0.0/16\",\"le\":32,\"action\":\"deny\"}") ","
                                                                             "\"as-path-list\":[{\"name\":"
                                                                             "\"a\",\"pattern\":[\"^65515( "
                                                                             "65515)*$\"]}],"
                                                                             "\"community-list\":[{\"name\":"
                                                                             "\"c\",\"community\":[\"65000:*"
                                                                             "\",\"65000:1:2\",\"no-export\"]"
                                                                             "}]," RULE(
                                                                                 "\"match\":{\"prefix-list\":"
                                                                                 "\"l\",\"as-path-list\":"
                                                                                 "\"a\",\"community-list\":["
                                                                                 "\"c\"],\"peer\":[\"azure-"
                                                                                 "hq\",\"lan\","
                                                                                 "\"azure-hq/"
                                                                                 "t1\"],\"origin\":\"igp\","
                                                                                 "\"med\":5},\"set\":{"
                                                                                 "\"local-pref\":50,\"med-"
                                                                                 "subtract\":5,\"weight\":7,"
                                                                                 "\"community-add\":[\"no-"
                                                                                 "export\"],\"community-"
                                                                                 "remove\":[\"*:1\"],"
                                                                                 "\"prepend-as\":65009,"
                                                                                 "\"next-hop\":[\"10.0.0.1\","
                                                                                 "\"2001:db8::1\"]}");

static struct cfg *must_load(const char *members, const char *bgp)
{
	struct reason why = { 0 };
	struct cfg *cfg = load(members, bgp, &why);

	if (!cfg)
		fail_msg("%s", why.text);
	return cfg;
}

/* And a reload that changes nothing of it changes nothing. */
static void policies_load(void **state)
{
	static const char bgp[] = "\"import-policy\":[\"p\"],\"allow-own-as\":1,\"remove-private-as\":true";
	struct cfg *cfg = must_load(lists, bgp), *again = must_load(lists, bgp),
	           *without = must_load(lists, "");
	const struct cfg_tunnel *t = &cfg->site[0].tunnel[0];

	(void)state;
	assert_int_equal(t->bgp.policy.import.n, 1);
	assert_string_equal(bgp_policy_name(t->bgp.policy.import.policy[0]), "p");
	assert_int_equal(t->bgp.policy.export.n, 0);
	assert_int_equal(t->bgp.policy.allow_own_as, 1);
	assert_true(t->bgp.policy.remove_private_as && !t->bgp.policy.as_override);
	assert_int_equal(cfg_tunnel_compare(t, &again->site[0].tunnel[0]), CFG_SAME);
	assert_int_equal(cfg_tunnel_compare(t, &without->site[0].tunnel[0]), CFG_LIGHT);
	cfg_free(cfg);
	cfg_free(again);
	cfg_free(without);
}

static void sources_load(void **state)
{
	struct cfg *cfg = must_load(
	    LIST("{\"seq\":1,\"prefix\":\"10.0.0.0/8\",\"le\":24}") ","
	                                                            "\"network\":[{\"prefix\":\"10.1.0.0/"
	                                                            "16\",\"when\":\"route\",\"interface\":"
	                                                            "\"eth0\"},{\"prefix\":\"10.2.0.0/16\"}],"
	                                                            "\"redistribute\":[{\"name\":\"s\","
	                                                            "\"source\":\"static\",\"prefix-list\":"
	                                                            "\"l\"}],"
	                                                            "\"aggregate\":[{\"prefix\":\"10.64.0.0/"
	                                                            "10\",\"summary-only\":true},{\"prefix\":"
	                                                            "\"10.128.0.0/9\",\"discard\":false}]",
	    "");

	(void)state;
	assert_int_equal(cfg->n_network, 2);
	assert_true(cfg->network[0].when_route && !cfg->network[1].when_route);
	assert_string_equal(cfg->network[0].interface, "eth0");
	assert_int_equal(cfg->n_redistribute, 1);
	assert_int_equal(cfg->redistribute[0].source, CFG_SOURCE_STATIC);
	assert_non_null(cfg->redistribute[0].prefixes);
	assert_int_equal(cfg->n_aggregate, 2);
	assert_true(cfg->aggregate[0].summary_only && !cfg->aggregate[1].summary_only);
	assert_int_equal(cfg->n_discard, 1); /* what the first covers and nobody has goes nowhere */
	assert_string_equal(prefix_str(&cfg->discard[0]), "10.64.0.0/10");
	assert_int_equal(cfg->n_protect, 0); /* which would keep LAN-learned parts out of the kernel */
	cfg_free(cfg);
}

/* One beyond what the core has room for is refused by name; as many as it has room for are not. */
static void limits_are_named(void **state)
{
	static char members[400000], text[402000];

	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		size_t n = 0;
		struct reason why = { 0 };
		struct cfg *cfg;

		for (unsigned i = 0; i < BGP_PEERS_MAX - 1 + more; i++)
			n += (size_t)snprintf(members + n, sizeof(members) - n,
			    "%s{\"name\":\"p%u\",\"local-address\":\"10.0.0.10\",\"peer-address\":\"10.1.%u.%"
			    "u\","
			    "\"peer-as\":65002}",
			    i ? "," : "", i, i / 200, i % 200 + 1);
		snprintf(text, sizeof(text), LIMITS("\"peer\":[%s],"), members);
		cfg = cfg_load_text(context, text, "test.json", false, &why);
		assert_int_equal(cfg != NULL, !more);
		assert_true(!more || strstr(why.text, "peer[name='p255']"));
		cfg_free(cfg);
		n = 0;
		for (unsigned i = 0; i < BGP_ANNOUNCE_MAX + more; i++)
			n += (size_t)snprintf(members + n, sizeof(members) - n, "%s\"10.%u.%u.0/24\"",
			    i ? "," : "", i / 256, i % 256);
		snprintf(text, sizeof(text), LIMITS("\"announce\":[%s],"), members);
		cfg = cfg_load_text(context, text, "test.json", false, &why);
		if (more) {
			assert_null(cfg);
			assert_non_null(strstr(why.text, "announce"));
			assert_non_null(strstr(why.text, "10.16.0.0/24"));
		} else {
			/* the gateway bears fewer, which is another rule */
			assert_string_equal(why.id, "config-too-many-prefixes");
		}
		cfg_free(cfg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_is_named),
		cmocka_unit_test(policies_load),
		cmocka_unit_test(sources_load),
		cmocka_unit_test(limits_are_named),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

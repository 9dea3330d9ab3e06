/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of the clamp, the document for nft, and the MTU of a tunnel. What the kernel makes of it:
 * interop.mss_clamp. */
#include "connector/daemon/mss_clamp.h"
#include "connector/daemon/tunnel_mtu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static void figures(void **state)
{
	static const struct {
		uint32_t mss, mtu, ipv4, ipv6;
	} cases[] = {
		{ 1350, 1400, 1350, 1340 }, /* azure-vpngw: IPv6's headers are 20 longer */
		{ 1360, 1400, 1360, 1340 },
		{ 1350, 9000, 1350, 1350 },
		{ 1350, 1300, 1260, 1240 },
		{ 500, 576, 500, 500 },
		{ 1350, 576, 536, 516 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mss_clamp_way w = mss_clamp_way("cw0", cases[i].mss, cases[i].mtu);

		assert_string_equal(w.interface, "cw0");
		assert_int_equal(w.ipv4, cases[i].ipv4);
		assert_int_equal(w.ipv6, cases[i].ipv6);
	}
	assert_string_equal(mss_clamp_way("a123456789012345", 1350, 1400).interface, "a12345678901234");
}

static json_t *document(const struct mss_clamp_way way[], size_t n)
{
	char *text = mss_clamp_document(way, n);
	json_t *doc;

	assert_non_null(text);
	doc = json_loads(text, 0, NULL);
	assert_non_null(doc);
	free(text);
	return doc;
}

/* "add rule forward", "delete table causeway": what a command does, in a line. Every object must be ours. */
static void describe(const json_t *command, char buf[64])
{
	const char *verb = json_object_iter_key(json_object_iter((json_t *)command));
	const json_t *of = json_object_get(command, verb), *what;
	const char *kind = json_object_iter_key(json_object_iter((json_t *)of)), *name, *table;

	what = json_object_get(of, kind);
	table = json_string_value(json_object_get(what, strcmp(kind, "table") != 0 ? "table" : "name"));
	name = json_string_value(json_object_get(what, strcmp(kind, "rule") != 0 ? "name" : "chain"));
	assert_string_equal(json_string_value(json_object_get(what, "family")), "inet");
	assert_string_equal(table, MSS_CLAMP_TABLE);
	snprintf(buf, 64, "%s %s %s", verb, kind, name);
}

static void expect_commands(const json_t *doc, const char *const lines[], size_t n)
{
	const json_t *list = json_object_get(doc, "nftables");
	char buf[64];

	assert_int_equal(json_array_size(list), n);
	for (size_t i = 0; i < n; i++) {
		describe(json_array_get(list, i), buf);
		assert_string_equal(buf, lines[i]);
	}
}

static const char *const frame[] = { "add table causeway", "delete table causeway", "add table causeway",
	"add chain from-tunnel", "add chain to-tunnel", "add chain forward", "add chain input",
	"add chain output", "add rule forward", "add rule forward", "add rule input", "add rule output",
	"add rule from-tunnel", "add rule from-tunnel", "add rule to-tunnel", "add rule to-tunnel",
	"add rule from-tunnel", "add rule from-tunnel", "add rule to-tunnel", "add rule to-tunnel" };
#define FRAME 12 /* before the first interface's rules */

static void without_tunnels_there_is_no_table(void **state)
{
	json_t *doc = document(NULL, 0);

	(void)state;
	expect_commands(doc, frame, 2);
	json_decref(doc);
}

static json_t *rule(const json_t *doc, size_t i)
{
	const json_t *c = json_array_get(json_object_get(doc, "nftables"), FRAME + i);

	return json_object_get(json_object_get(json_object_get(c, "add"), "rule"), "expr");
}

static void expect_rule(
    const json_t *doc, size_t i, const char *direction, const char *interface, const char *family, int size)
{
	static const char format[] =
	    "[{'match':{'op':'==','left':{'meta':{'key':'%s'}},'right':'%s'}},"
	    "{'match':{'op':'==','left':{'meta':{'key':'nfproto'}},'right':'%s'}},"
	    "{'match':{'op':'>','left':{'tcp option':{'name':'maxseg','field':'size'}},'right':%d}},"
	    "{'mangle':{'key':{'tcp option':{'name':'maxseg','field':'size'}},'value':%d}}]";
	char text[sizeof(format) + 64];
	json_t *expected;

	snprintf(text, sizeof(text), format, direction, interface, family, size, size);
	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	expected = json_loads(text, 0, NULL);
	assert_non_null(expected);
	assert_true(json_equal(expected, rule(doc, i)));
	json_decref(expected);
}

static void two_tunnels(void **state)
{
	const struct mss_clamp_way way[] = { mss_clamp_way("cw0", 1350, 1400),
		mss_clamp_way("azure.1", 1200, 1300) };
	json_t *doc = document(way, 2);

	(void)state;
	expect_commands(doc, frame, sizeof(frame) / sizeof(frame[0]));
	expect_rule(doc, 0, "iifname", "cw0", "ipv4", 1350);
	expect_rule(doc, 1, "iifname", "cw0", "ipv6", 1340);
	expect_rule(doc, 2, "oifname", "cw0", "ipv4", 1350);
	expect_rule(doc, 3, "oifname", "cw0", "ipv6", 1340);
	expect_rule(doc, 4, "iifname", "azure.1", "ipv4", 1200);
	expect_rule(doc, 7, "oifname", "azure.1", "ipv6", 1200);
	json_decref(doc);
}

static void only_openings_are_looked_at(void **state)
{
	static const char hook[] = "{\"type\":\"filter\",\"prio\":-150,\"policy\":\"accept\"}";
	const struct mss_clamp_way way = mss_clamp_way("cw0", 1350, 1400);
	json_t *doc = document(&way, 1), *list = json_object_get(doc, "nftables"),
	       *expected = json_loads(hook, 0, NULL);

	(void)state;
	for (size_t i = 5; i < 8; i++) { /* the chains with hooks */
		json_t *chain = json_object_get(json_object_get(json_array_get(list, i), "add"), "chain"),
		       *value;
		const char *key;

		json_object_foreach(expected, key, value)
		    assert_true(json_equal(value, json_object_get(chain, key)));
		assert_true(json_equal(json_object_get(chain, "hook"), json_object_get(chain, "name")));
	}
	for (size_t i = 8; i < FRAME; i++) {
		char *text = json_dumps(json_array_get(list, i), JSON_COMPACT);

		assert_non_null(
		    strstr(text, "\"left\":{\"&\":[{\"payload\":{\"protocol\":\"tcp\",\"field\":\"flags\"}},"
		                 "[\"syn\",\"rst\"]]},\"right\":\"syn\""));
		assert_non_null(strstr(text, "\"jump\""));
		free(text);
	}
	json_decref(expected);
	json_decref(doc);
}

static void mtu(void **state)
{
	(void)state;
	assert_int_equal(tunnel_mtu_choose(1400, 0, false), 1400); /* unknown */
	assert_int_equal(tunnel_mtu_choose(1400, 1422, false), 1400);
	assert_int_equal(tunnel_mtu_choose(1400, 1400, false), 1400);
	assert_int_equal(tunnel_mtu_choose(1400, 1342, false), 1342);
	assert_int_equal(tunnel_mtu_choose(1400, 1342, true), 1342);
	assert_int_equal(tunnel_mtu_choose(1400, 1200, true), 1280);
	assert_int_equal(tunnel_mtu_choose(1400, 1200, false), 1200);
	assert_int_equal(tunnel_mtu_choose(1400, 90, false), 576);
	assert_int_equal(
	    tunnel_mtu_choose(1000, 900, true), 1000); /* asked for: IPv6 has no place there anyway */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures),
		cmocka_unit_test(without_tunnels_there_is_no_table),
		cmocka_unit_test(two_tunnels),
		cmocka_unit_test(only_openings_are_looked_at),
		cmocka_unit_test(mtu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of small things of the routing domain: BMP stations, recording, the kernel's nexthop
 * setting. */
#include "connector/mgmt/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct cfg *load(const char *member, struct reason *why)
{
	struct cfg_context *context = cfg_context_new(NULL, NULL, why);
	char text[1000];
	struct cfg *cfg;

	assert_non_null(context);
	snprintf(text, sizeof(text), "{\"causeway:connector\":{\"as\":65001,\"router-id\":\"10.0.0.10\",%s}}",
	    member);
	cfg = cfg_load_text(context, text, "test.json", false, why);
	cfg_context_free(context);
	return cfg;
}

static void stations_load(void **state)
{
	struct reason why = { 0 };
	struct cfg *cfg = load("\"bmp-station\":[{\"name\":\"noc\",\"address\":\"10.0.0.9\",\"port\":1790},"
	                       "{\"name\":\"six\",\"address\":\"2001:db8::9\",\"port\":5000,\"statistics-"
	                       "interval\":0,\"adj-rib-in\":\"both\"}]",
	    &why);

	(void)state;
	if (!cfg)
		fail_msg("%s", why.text);
	assert_int_equal(cfg->n_bmp, 2);
	assert_string_equal(cfg->bmp[0].name, "noc");
	assert_int_equal(cfg->bmp[0].port, 1790);
	assert_int_equal(mdur_to_s(cfg->bmp[0].statistics), 60);
	assert_int_equal(cfg->bmp[1].address.family, 6);
	assert_int_equal(cfg->bmp[1].statistics.ns, 0);
	assert_true(cfg->bmp[0].pre_policy && !cfg->bmp[0].post_policy);
	assert_true(cfg->bmp[1].pre_policy && cfg->bmp[1].post_policy);
	cfg_free(cfg);
}

static void recording_loads(void **state)
{
	struct reason why = { 0 };
	struct cfg *cfg = load("\"mrt\":{\"file\":\"/var/log/u.%Y%m%d.mrt\"}", &why);

	(void)state;
	if (!cfg)
		fail_msg("%s", why.text);
	assert_string_equal(cfg->mrt.file, "/var/log/u.%Y%m%d.mrt");
	assert_false(cfg->mrt.updates_only);
	assert_int_equal(mdur_to_s(cfg->mrt.rotate), 3600);
	assert_int_equal(cfg->mrt.rotate_bytes, 100 << 20);
	assert_int_equal(cfg->mrt.keep, 24);
	cfg_free(cfg);
	cfg = load(
	    "\"mrt\":{\"file\":\"/u\",\"messages\":\"updates\",\"rotate-interval\":0,\"rotate-mbytes\":0,"
	    "\"keep\":0}",
	    &why);
	assert_non_null(cfg);
	assert_true(cfg->mrt.updates_only);
	assert_int_equal(cfg->mrt.rotate.ns + (int64_t)cfg->mrt.rotate_bytes + cfg->mrt.keep, 0);
	cfg_free(cfg);
	cfg = load("\"announce\":[]", &why);
	assert_string_equal(cfg->mrt.file, "");
	cfg_free(cfg);
}

static void the_kernels_nexthop_setting_is_left_alone_unless_said(void **state)
{
	static const struct {
		const char *member;
		bool off;
	} cases[] = { { "\"announce\":[]", false }, { "\"nexthop-compat\":\"system\"", false },
		{ "\"nexthop-compat\":\"off\"", true } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reason why = { 0 };
		struct cfg *cfg = load(cases[i].member, &why);

		if (!cfg)
			fail_msg("%s", why.text);
		assert_int_equal(cfg->nexthop_compat_off, cases[i].off);
		cfg_free(cfg);
	}
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *member, *id, *says;
	} cases[] = {
		{ "\"bmp-station\":[{\"name\":\"noc\",\"address\":\"0.0.0.0\",\"port\":1790}]",
		    "config-wrong-value", "write the station's" },
		{ "\"bmp-station\":[{\"name\":\"noc\",\"address\":\"10.0.0.9\",\"port\":0}]",
		    "config-wrong-value", "/bmp-station[name='noc']/port" },
		{ "\"bmp-station\":[{\"name\":\"noc\",\"address\":\"10.0.0.9\"}]", "config-missing-leaf",
		    "port" },
		{ "\"bmp-station\":[{\"name\":\"noc\",\"address\":\"10.0.0.9\",\"port\":1,\"statistics-"
		  "interval\":4}]",
		    "config-wrong-value", "5 to 86400" },
		{ "\"mrt\":{\"file\":\"u.mrt\"}", "config-wrong-value", "absolute path" },
		{ "\"mrt\":{\"file\":\"/%Y/u.mrt\"}", "config-wrong-value", "absolute path" },
		{ "\"mrt\":{\"file\":\"/d/%q.mrt\"}", "config-wrong-value", "absolute path" },
		{ "\"mrt\":{\"file\":\"/d/\"}", "config-wrong-value", "absolute path" },
		{ "\"mrt\":{}", "config-missing-leaf", "file" },
		{ "\"mrt\":{\"file\":\"/u\",\"rotate-interval\":9}", "config-wrong-value", "10 to 604800" },
		{ "\"nexthop-compat\":\"on\"", "config-wrong-value", "/nexthop-compat" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reason why = { 0 };

		assert_null(load(cases[i].member, &why));
		if (strcmp(why.id, cases[i].id) != 0 || !strstr(why.text, cases[i].says))
			fail_msg("case %zu: %s: %s", i, why.id, why.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stations_load),
		cmocka_unit_test(recording_loads),
		cmocka_unit_test(the_kernels_nexthop_setting_is_left_alone_unless_said),
		cmocka_unit_test(mistakes_are_named),
	};

	return cmocka_run_group_tests_name("small things of the routing domain", tests, NULL, NULL);
}

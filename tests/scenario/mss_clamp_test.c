/* SPDX-License-Identifier: Apache-2.0 */
/* The clamp's table in a real kernel, in a namespace of the test's own, reached as a routing domain; time is
 * the test's. */
#include "connector/daemon/mss_clamp.h"
#include "connector/sys/nft.h"
#include "tests/support/netns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct sys_domain domain = { .name = "tenant", .netns_fd = -1 };
static unsigned warnings;

static void count(void *ctx, enum log_level level, const char *subject, const char *line)
{
	(void)ctx;
	(void)subject;
	(void)line;
	warnings += level == LOG_LEVEL_WARN;
}

static const struct logger log_counted = { .sink = count, .max = LOG_LEVEL_DEBUG };

static mtime at(int64_t seconds)
{
	return mtime_add((mtime){ 1 }, mdur_s(seconds));
}

static void want(struct mss_clamp *c, const char *const names[], size_t n, int64_t seconds)
{
	mss_clamp_begin(c);
	for (size_t i = 0; i < n; i++)
		mss_clamp_add(c, names[i], 1350, 1400);
	mss_clamp_commit(c, at(seconds));
}

static bool holds(const struct mss_clamp *c, const char *name)
{
	struct mss_clamp_way way = mss_clamp_way(name, 1350, 1400), other = mss_clamp_way(name, 1200, 1400);

	assert_false(mss_clamp_holds(c, &other));
	return mss_clamp_holds(c, &way);
}

static bool kernel_has(const char *text)
{
	return !netns_run(domain.netns_fd, "nft list table inet causeway 2>/dev/null | grep -q '%s'", text);
}

static bool table_is_there(void)
{
	return nft_has_table(&domain, MSS_CLAMP_TABLE) == 1;
}

static int new_namespace(void **state)
{
	(void)state;
	warnings = 0;
	domain.netns_fd = netns_new();
	return domain.netns_fd < 0 ? -1 : 0;
}

static int end_namespace(void **state)
{
	(void)state;
	close(domain.netns_fd);
	return 0;
}

static void follows_the_list(void **state)
{
	static const char *const two[] = { "cw0", "cw1" };
	struct mss_clamp *c = mss_clamp_new(&domain, &log_counted);

	(void)state;
	want(c, NULL, 0, 0);
	assert_false(table_is_there());
	want(c, two, 2, 1);
	assert_true(kernel_has("oifname \"cw0\" meta nfproto ipv4 tcp option maxseg size > 1350 tcp option "
	                       "maxseg size set 1350"));
	assert_true(kernel_has("iifname \"cw1\" meta nfproto ipv6 tcp option maxseg size > 1340 tcp option "
	                       "maxseg size set 1340"));
	assert_true(holds(c, "cw0") && holds(c, "cw1") && !holds(c, "cw"));
	want(c, two + 1, 1, 2);
	assert_false(kernel_has("cw0"));
	assert_true(kernel_has("cw1"));
	assert_false(holds(c, "cw0"));
	mss_clamp_begin(c);
	mss_clamp_add(c, "cw1", 0, 1400); /* not wanted for this one */
	mss_clamp_commit(c, at(3));
	assert_false(table_is_there());
	want(c, two, 2, 4);
	assert_true(table_is_there());
	mss_clamp_free(c, false);
	assert_false(table_is_there());
	assert_int_equal(warnings, 0);
}

static void replaces_what_was_left(void **state)
{
	static const char *const one[] = { "cw0" };
	struct mss_clamp *c = mss_clamp_new(&domain, &log_counted);

	(void)state;
	assert_int_equal(
	    netns_run(domain.netns_fd,
	        "nft 'table inet causeway { set left { type ifname; }; }; table ip causeway { }'"),
	    0);
	want(c, one, 1, 0);
	assert_false(kernel_has("left"));
	assert_true(kernel_has("cw0"));
	mss_clamp_free(c, false);
	assert_false(table_is_there());
	assert_int_equal(
	    netns_run(domain.netns_fd, "nft list table ip causeway >/dev/null"), 0); /* another's */
	assert_int_equal(netns_run(domain.netns_fd, "nft add table inet causeway"), 0);
	c = mss_clamp_new(&domain, &log_counted);
	want(c, NULL, 0, 0);
	assert_false(table_is_there());
	mss_clamp_free(c, false);
}

static void comes_back_when_flushed(void **state)
{
	static const char *const one[] = { "cw0" };
	struct mss_clamp *c = mss_clamp_new(&domain, &log_counted);

	(void)state;
	want(c, one, 1, 0);
	assert_int_equal(netns_run(domain.netns_fd, "nft flush ruleset"), 0);
	want(c, one, 1, 1); /* too early to look */
	assert_false(table_is_there());
	want(c, one, 1, 10);
	assert_true(kernel_has("cw0"));
	mss_clamp_free(c, false);
	assert_false(table_is_there());
}

static void without_nft(void **state)
{
	static const char *const two[] = { "cw0", "cw1" };
	struct mss_clamp *c = mss_clamp_new(&domain, &log_counted);
	char *path = strdup(getenv("PATH"));

	(void)state;
	setenv("PATH", "/nonexistent", 1);
	want(c, NULL, 0, 0);
	assert_int_equal(warnings, 0); /* nobody misses it */
	want(c, two, 1, 1);
	assert_int_equal(warnings, 1);
	assert_string_equal(mss_clamp_error(c)->id, "nft-missing");
	assert_false(holds(c, "cw0"));
	want(c, two, 2, 100);
	assert_int_equal(warnings, 1); /* said once */
	setenv("PATH", path, 1);
	want(c, two, 2, 110); /* not every time */
	assert_false(table_is_there());
	want(c, two, 2, 161);
	assert_true(table_is_there());
	assert_false(reason_is_set(mss_clamp_error(c)));
	setenv("PATH", "/nonexistent", 1);
	want(c, two, 1, 170);
	setenv("PATH", path, 1);
	assert_true(holds(c, "cw1") && kernel_has("cw1")); /* a failure leaves what was */
	assert_int_equal(warnings, 2);
	want(c, two, 2, 171); /* what failed is wanted no more */
	assert_false(reason_is_set(mss_clamp_error(c)));
	free(path);
	mss_clamp_free(c, false);
	assert_false(table_is_there());
}

static void its_own_words(void **state)
{
	static const char bad[] = "{\"nftables\":[{\"add\":{\"chain\":{\"family\":\"inet\",\"table\":"
	                          "\"nowhere\",\"name\":\"x\"}}}]}";
	struct reason why = { 0 };

	(void)state;
	assert_int_equal(nft_run(&domain, bad, &why), -1);
	assert_string_equal(why.id, "nft-failed");
	assert_non_null(strstr(why.text, "No such file or directory"));
	assert_int_equal(nft_run(&domain, "no JSON", &why), -1);
	assert_string_equal(why.id, "nft-failed");
}

/* A program that does not end, in the place of nft. */
static void not_for_ever(void **state)
{
	char dir[] = "/tmp/mss-clamp-XXXXXX", command[256], *path = strdup(getenv("PATH"));
	struct reason why = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof(command),
	    "printf '#!/bin/sh\\nexec /bin/sleep 600\\n' >%s/nft && chmod +x %s/nft", dir, dir);
	assert_int_equal(netns_run(domain.netns_fd, "%s", command), 0);
	setenv("PATH", dir, 1);
	assert_int_equal(nft_run(&domain, "{}", &why), -1);
	setenv("PATH", path, 1);
	assert_string_equal(why.id, "nft-failed");
	assert_non_null(strstr(why.text, "killed"));
	assert_int_equal(netns_run(domain.netns_fd, "rm -r %s", dir), 0);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(follows_the_list, new_namespace, end_namespace),
		cmocka_unit_test_setup_teardown(replaces_what_was_left, new_namespace, end_namespace),
		cmocka_unit_test_setup_teardown(comes_back_when_flushed, new_namespace, end_namespace),
		cmocka_unit_test_setup_teardown(without_nft, new_namespace, end_namespace),
		cmocka_unit_test_setup_teardown(its_own_words, new_namespace, end_namespace),
		cmocka_unit_test_setup_teardown(not_for_ever, new_namespace, end_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

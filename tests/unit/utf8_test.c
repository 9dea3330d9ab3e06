/* SPDX-License-Identifier: Apache-2.0 */
/* What is UTF-8, and how a stranger's words are shown. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *in;
	bool valid;
	const char *shown;
} row[] = {
	{ "", true, "" },
	{ "maintenance at 22:00", true, "maintenance at 22:00" },
	{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\xa7", true, "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\xa7" },
	{ "say \"hi\" \\o/", true, "say \\x22hi\\x22 \\x5co/" },
	{ "two\nlines\x1b[31m\x7f", true, "two\\x0alines\\x1b[31m\\x7f" },
	{ "\xc2\x85", true, "\\xc2\\x85" }, /* NEL, a C1 control */
	{ "a\xe2\x80\xae"
	  "b",
	    true,
	    "a\\xe2\\x80\\xae"
	    "b" },                           /* right-to-left override */
	{ "\xc0\xaf", false, "\\xc0\\xaf" }, /* overlong */
	{ "\xe0\x80\xaf", false, "\\xe0\\x80\\xaf" },
	{ "\xed\xa0\x80", false, "\\xed\\xa0\\x80" },          /* a surrogate */
	{ "\xf4\x90\x80\x80", false, "\\xf4\\x90\\x80\\x80" }, /* above U+10FFFF */
	{ "\xf5", false, "\\xf5" },
	{ "ok\xe2\x82", false, "ok\\xe2\\x82" }, /* cut short */
	{ "\x80", false, "\\x80" },
};

static void test_table(void **state)
{
	char out[256];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(utf8_valid(row[i].in, strlen(row[i].in)), row[i].valid);
		utf8_escape(row[i].in, strlen(row[i].in), out, sizeof(out));
		assert_string_equal(out, row[i].shown);
	}
}

/* At every size of the buffer: terminated, within it, and no half character. */
static void test_cut(void **state)
{
	const char *in = "a\xf0\x9f\x94\xa7\n\xc3\xa9z";
	char whole[64];

	(void)state;
	utf8_escape(in, strlen(in), whole, sizeof(whole));
	for (size_t cap = 1; cap <= sizeof(whole); cap++) {
		char *out = malloc(cap);

		assert_non_null(out);
		utf8_escape(in, strlen(in), out, cap);
		assert_true(strlen(out) < cap);
		assert_memory_equal(out, whole, strlen(out));
		assert_true(utf8_valid(out, strlen(out)));
		free(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Reasons that are longer than their room, and the arithmetic of instants at its ends. */
#include "base/mtime.h"
#include "base/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_reason_set_and_add(void **state)
{
	struct reason r = { 0 };

	(void)state;
	assert_false(reason_is_set(&r));
	assert_int_equal(reason_set(&r, "some-id", "%s %d", "text", 7), -1);
	reason_add(&r, ", %s", "more");
	assert_string_equal(r.id, "some-id");
	assert_string_equal(r.text, "text 7, more");
	reason_clear(&r);
	assert_false(reason_is_set(&r));
	assert_int_equal(reason_set(NULL, "id", "text"), -1);
	reason_add(NULL, "text");
	reason_clear(NULL);
	assert_false(reason_is_set(NULL));
}

/* A character of 2, 3 or 4 bytes across the end of the room: none of its bytes stays, and all before it do.
 */
static void test_cut_characters(void **state)
{
	static const char *const characters[] = { "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };
	char text[sizeof(((struct reason *)0)->text) + 8];
	struct reason r;

	(void)state;
	for (size_t c = 0; c < sizeof(characters) / sizeof(characters[0]); c++) {
		const size_t len = strlen(characters[c]);

		for (size_t fits = 1; fits < len; fits++) {
			const size_t at = sizeof(r.text) - 1 - fits;

			memset(text, 'x', at);
			snprintf(text + at, sizeof(text) - at, "%s", characters[c]);
			reason_set(&r, "id", "%s", text);
			assert_int_equal(strlen(r.text), at);
			reason_set(&r, "id", "%s", "");
			reason_add(&r, "%s", text);
			assert_int_equal(strlen(r.text), at);
		}
	}
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	reason_set(&r, "id", "%s", text);
	assert_int_equal(strlen(r.text), sizeof(r.text) - 1);
	reason_set(&r, "id", "%s", "\xc3\xa4"); /* what fits is left alone */
	assert_string_equal(r.text, "\xc3\xa4");
}

static void test_instants(void **state)
{
	const mtime late = { INT64_MAX - 5 };

	(void)state;
	assert_int_equal(mtime_add((mtime){ 100 }, (mdur){ -40 }).ns, 60);
	assert_int_equal(mtime_add((mtime){ 100 }, (mdur){ INT64_MIN + 1 }).ns, INT64_MIN + 101);
	assert_true(mtime_is_never(mtime_add(late, (mdur){ 6 })));
	assert_int_equal(mtime_add(late, (mdur){ 4 }).ns, INT64_MAX - 1);
	assert_true(mtime_is_never(mtime_add(MTIME_NEVER, (mdur){ -1 })));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_reason_set_and_add),
		cmocka_unit_test(test_cut_characters), cmocka_unit_test(test_instants) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Tables and the text in them: alignment, wrapping, colour, and that nothing a peer wrote steers the
 * terminal. */
#include "connector/cli/table.h"
#include "connector/cli/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct table_column columns[] = { { "NAME", false }, { "N", true }, { "NOTE", false } };

struct output {
	char *text;
	size_t len;
	FILE *f;
};

static void output_open(struct output *o)
{
	*o = (struct output){ 0 };
	o->f = open_memstream(&o->text, &o->len);
	assert_non_null(o->f);
}

static void output_is(struct output *o, const char *want)
{
	fclose(o->f);
	assert_string_equal(o->text, want);
	free(o->text);
}

static void row(struct table *t, const char *name, uint64_t n, const char *note)
{
	table_cell(t, name);
	table_cell_number(t, n);
	table_cell(t, note);
	table_end_row(t);
}

static void test_aligned(void **state)
{
	struct term plain = { 0 };
	struct output o;

	(void)state;
	output_open(&o);
	struct table *t = table_new(o.f, &plain, columns, 3);
	row(t, "azure-hq/t1", 5, "first");
	row(t, "x", 12345, "");
	row(t, "", 1, "third");
	assert_int_equal(table_finish(t), 3);
	output_is(&o, "NAME             N  NOTE\n"
	              "azure-hq/t1      5  first\n"
	              "x            12345\n"
	              "                 1  third\n");
}

static void test_empty_table_writes_nothing(void **state)
{
	struct term plain = { 0 };
	struct output o;

	(void)state;
	output_open(&o);
	assert_int_equal(table_finish(table_new(o.f, &plain, columns, 3)), 0);
	output_is(&o, "");
	/* Without memory there is no table; the calls are harmless. */
	table_cell(NULL, "x");
	table_end_row(NULL);
	table_note(NULL, TABLE_BAD, "a", "b");
	assert_int_equal(table_finish(NULL), 0);
}

static void test_note_and_wrap(void **state)
{
	struct term narrow = { .tty = true, .width = 44 };
	struct output o;

	(void)state;
	output_open(&o);
	struct table *t = table_new(o.f, &narrow, columns, 3);
	row(t, "a", 1, "one two three four five six seven eight nine");
	table_note(t, TABLE_BAD, "error", "the gateway refused each of our proposals, set a policy");
	assert_int_equal(table_finish(t), 1);
	output_is(&o, "NAME  N  NOTE\n"
	              "a     1  one two three four five six seven\n"
	              "         eight nine\n"
	              "    error: the gateway refused each of our\n"
	              "           proposals, set a policy\n");
}

static void test_colour_only_where_wanted(void **state)
{
	struct term colour = { .tty = true, .colour = true, .width = 80 }, plain = { 0 };
	struct output o;

	(void)state;
	output_open(&o);
	table_print(o.f, &colour, TABLE_GOOD, "ok");
	output_is(&o, "\033[32mok\033[0m");
	output_open(&o);
	table_print(o.f, &plain, TABLE_GOOD, "ok");
	output_is(&o, "ok");
	/* Padding isn't painted, so columns stay in line. */
	output_open(&o);
	struct table *t = table_new(o.f, &colour, columns, 3);
	table_cell_colour(t, TABLE_BAD, "a");
	table_cell(t, "1");
	table_cell(t, "z");
	table_end_row(t);
	table_finish(t);
	output_is(&o, "\033[1mNAME\033[0m  \033[1mN\033[0m  \033[1mNOTE\033[0m\n"
	              "\033[31ma\033[0m     1  z\n");
}

static void test_peer_cannot_steer_the_terminal(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain text", "plain text" },
		{ "\033[2J\033]0;owned\a", "\\x1b[2J\\x1b]0;owned\\x07" },
		{ "a\nb\r\tc\x7f", "a\\x0ab\\x0d\\x09c\\x7f" },
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "\xc2\x9b"
		  "31m",
		    "\\u{9b}31m" }, /* C1 CSI */
		{ "\xe2\x80\xae"
		  "evil",
		    "\\u{202e}evil" },                          /* right-to-left override */
		{ "\xff\xc3", "\\xff\\xc3" },                   /* not UTF-8, and cut short */
		{ "\xc0\xaf", "\\xc0\\xaf" },                   /* overlong */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },          /* surrogate */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* beyond U+10FFFF */
		{ "\xf0\x9f\x9a\x80", "\xf0\x9f\x9a\x80" },
		{ "", "" },
		{ NULL, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *clean = text_clean(cases[i].in);

		assert_string_equal(clean, cases[i].out);
		free(clean);
	}
	struct term colour = { .tty = true, .colour = true, .width = 80 };
	struct output o;
	output_open(&o);
	table_print(o.f, &colour, TABLE_PLAIN, "\033[31mred");
	output_is(&o, "\\x1b[31mred");
}

/* Widths are fixed by the first rows; the rest streams, however long, and only too wide cells push. */
static void test_streams(void **state)
{
	struct term plain = { 0 };
	struct output o;

	(void)state;
	output_open(&o);
	struct table *t = table_new(o.f, &plain, columns, 3);
	for (int i = 0; i < TABLE_WINDOW - 1; i++)
		row(t, "ab", 1, "n");
	fflush(o.f);
	assert_int_equal(o.len, 0);
	row(t, "ab", 1, "n");
	fflush(o.f);
	assert_true(o.len > 0);
	row(t, "a-name-that-is-longer", 2, "n");
	fflush(o.f);
	assert_non_null(strstr(o.text, "\na-name-that-is-longer  2  n\n"));
	assert_int_equal(table_finish(t), TABLE_WINDOW + 1);
	fclose(o.f);
	free(o.text);
}

static void test_numbers(void **state)
{
	char buf[TEXT_NUMBER_MAX];
	time_t t = 0;

	(void)state;
	assert_string_equal(text_duration(0, buf), "0s");
	assert_string_equal(text_duration(59, buf), "59s");
	assert_string_equal(text_duration(185, buf), "3m 5s");
	assert_string_equal(text_duration(7620, buf), "2h 7m");
	assert_string_equal(text_duration(86400 * 4 + 3600, buf), "4d 1h");
	text_duration(UINT64_MAX, buf);
	assert_string_equal(text_bytes(0, buf), "0 B");
	assert_string_equal(text_bytes(1023, buf), "1023 B");
	assert_string_equal(text_bytes(1536, buf), "1.5 KiB");
	assert_string_equal(text_bytes(UINT64_MAX, buf), "16.0 EiB");
	assert_int_equal(text_parse_time("1970-01-02T00:00:00Z", &t), 0);
	assert_int_equal(t, 86400);
	assert_int_equal(text_parse_time("1970-01-02T00:00:00.123+01:00", &t), 0);
	assert_int_equal(t, 86400 - 3600);
	assert_int_equal(text_parse_time("1970-01-02", &t), -1);
	assert_int_equal(text_parse_time("1970-01-02T00:00:00", &t), -1);
	assert_int_equal(text_parse_time("", &t), -1);
	assert_int_equal(text_distance("status", "status"), 0);
	assert_int_equal(text_distance("statsu", "status"), 1);
	assert_int_equal(text_distance("", "abc"), 3);
	assert_int_equal(text_distance("kitten", "sitting"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aligned),
		cmocka_unit_test(test_empty_table_writes_nothing),
		cmocka_unit_test(test_note_and_wrap),
		cmocka_unit_test(test_colour_only_where_wanted),
		cmocka_unit_test(test_peer_cannot_steer_the_terminal),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests_name("cli table", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streaming JSON: the printer and the splitter give the same for every way of cutting the text into pieces,
 * agree with a parser that sees it whole, and stop at what is no JSON in outline.
 */
#include "connector/cli/json_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char routes[] = " {\"causeway:routes\" : {\"other\":[{\"x\":1}],\"route\":[ "
                             "{\"prefix\":\"10.0.0.0/8\",\"as-path\":[65001, 65002],\"med\":null},"
                             "{\"prefix\":\"a,b]}\\\"\\\\\",\"communities\":[],\"deep\":{\"a\":{\"b\":[[1]]}}"
                             "} , 7,\"s\" ],\"n\":{}}}\n";

/* Prints text in pieces of `piece` bytes; NULL when the printer refuses. */
static char *print(const char *text, size_t piece, bool unwrap, unsigned flat_from)
{
	struct json_print p;
	char *out = NULL;
	size_t n = 0, len = strlen(text);
	FILE *f = open_memstream(&out, &n);
	int r = 0;

	json_print_init(&p, f, unwrap, flat_from);
	for (size_t at = 0; at < len && r == 0; at += piece)
		r = json_print_feed(&p, text + at, piece < len - at ? piece : len - at);
	if (json_print_end(&p) < 0)
		r = -1;
	fclose(f);
	if (r < 0) {
		free(out);
		return NULL;
	}
	return out;
}

static void test_print_shape(void **state)
{
	char *s;

	(void)state;
	s = print("{\"w\":{\"a\":1,\"b\":[],\"c\":[1,2],\"d\":{\"e\":\"x\"}}}", 1000, true, 0);
	assert_string_equal(s, "{\n  \"a\": 1,\n  \"b\": [],\n  \"c\": [\n    1,\n    2\n  ],\n  \"d\": {\n  "
	                       "  \"e\": \"x\"\n  }\n}\n");
	free(s);
	s = print("{\"w\":{\"route\":[{\"p\":\"x\",\"l\":[1,2],\"o\":{}},{\"p\":\"y\"}]}}", 1000, true, 3);
	assert_string_equal(
	    s, "{\n  \"route\": [\n    {\"p\":\"x\", \"l\":[1, 2], \"o\":{}},\n    {\"p\":\"y\"}\n  ]\n}\n");
	free(s);
	s = print("{}", 1, false, 0);
	assert_string_equal(s, "{}\n");
	free(s);
	s = print("{\"w\":{}}", 1, true, 0);
	assert_string_equal(s, "{}\n");
	free(s);
}

static void test_print_any_cut(void **state)
{
	json_t *whole = json_loads(routes, 0, NULL);

	(void)state;
	assert_non_null(whole);
	for (unsigned flat = 0; flat <= 3; flat += 3) {
		char *want = print(routes, sizeof(routes), true, flat);
		json_t *printed = json_loads(want, 0, NULL);

		assert_true(json_equal(printed, json_object_get(whole, "causeway:routes")));
		json_decref(printed);
		for (size_t piece = 1; piece < 40; piece++) {
			char *got = print(routes, piece, true, flat);

			assert_string_equal(got, want);
			free(got);
		}
		free(want);
	}
	json_decref(whole);
}

/* What could steer a terminal is written as the escape that means the same. */
static void test_print_is_harmless(void **state)
{
	char *s = print("{\"a\":\"x\x7f\xc2\x9b\xc3\xa9\xc2\xa9\xc2\"}", 1, false, 0);

	(void)state;
	assert_string_equal(s, "{\n  \"a\": \"x\\u007f\\u009b\xc3\xa9\xc2\xa9\xc2\"\n}\n");
	free(s);
}

static void test_print_refuses(void **state)
{
	static const char *const bad[] = {
		"", "  ", "x", "7", "<html>", "{\"w\":{\"a\":1}", "{\"w\":{]}", "{\"w\":{}}}",
		"{\"w\":{}} {}", "]", "[{\"w\":1}]", "{\"w\":{},\"v\":{}}",
		"{\"w\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (print(bad[i], 3, true, 0))
			fail_msg("case %zu was taken for JSON: %s", i, bad[i]);
}

struct seen {
	json_t *list;
	size_t stop_after; /* 0: never */
};

static int on_element(void *ctx, const json_t *e)
{
	struct seen *s = ctx;

	json_array_append(s->list, (json_t *)(uintptr_t)e);
	return s->stop_after && json_array_size(s->list) == s->stop_after;
}

static int split(const char *text, size_t len, size_t piece, struct seen *seen)
{
	struct json_split s;
	int r = 0;

	seen->list = json_array();
	json_split_init(&s, "route", on_element, seen);
	for (size_t at = 0; at < len && r == 0; at += piece)
		r = json_split_feed(&s, text + at, piece < len - at ? piece : len - at);
	if (json_split_end(&s) < 0)
		r = -1;
	json_split_clear(&s);
	return r;
}

static void test_split_any_cut(void **state)
{
	json_t *whole = json_loads(routes, 0, NULL);
	const json_t *want = json_object_get(json_object_get(whole, "causeway:routes"), "route");

	(void)state;
	for (size_t piece = 1; piece < 60; piece++) {
		struct seen seen = { 0 };

		assert_int_equal(split(routes, strlen(routes), piece, &seen), 0);
		assert_true(json_equal(seen.list, want));
		json_decref(seen.list);
	}
	json_decref(whole);
}

static void test_split_edges(void **state)
{
	static const struct {
		const char *text;
		int r;
		size_t n;
	} cases[] = {
		{ "{\"w\":{\"route\":[]}}", 0, 0 },
		{ "{\"w\":{\"route\":[ ]}}", 0, 0 },
		{ "{\"w\":{}}", 0, 0 },
		{ "{\"w\":{\"route\":[1,2", -1, 1 },
		{ "{\"w\":{\"route\":[{\"a\":nonsense}]}}", -1, 0 },
		{ "{\"w\":{\"route\":[{]}}", -1, 0 },
		{ "nonsense", -1, 0 },
		{ "{\"w\":{\"router\":[1],\"rout\":[1]}}", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seen seen = { 0 };

		assert_int_equal(split(cases[i].text, strlen(cases[i].text), 2, &seen), cases[i].r);
		assert_int_equal(json_array_size(seen.list), cases[i].n);
		json_decref(seen.list);
	}
	struct seen seen = { .stop_after = 1 };
	assert_int_equal(split(routes, strlen(routes), 7, &seen), -1);
	assert_int_equal(json_array_size(seen.list), 1);
	json_decref(seen.list);
}

/* An element without end is refused before it eats the memory. */
static void test_split_element_limit(void **state)
{
	size_t len = 2 * (size_t)JSON_ELEMENT_MAX;
	char *text = malloc(len);
	struct seen seen = { 0 };

	(void)state;
	assert_non_null(text);
	memset(text, 'a', len);
	memcpy(text, "{\"w\":{\"route\":[\"", 16);
	assert_int_equal(split(text, len, 4096, &seen), -1);
	assert_int_equal(json_array_size(seen.list), 0);
	json_decref(seen.list);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print_shape),
		cmocka_unit_test(test_print_any_cut),
		cmocka_unit_test(test_print_is_harmless),
		cmocka_unit_test(test_print_refuses),
		cmocka_unit_test(test_split_any_cut),
		cmocka_unit_test(test_split_edges),
		cmocka_unit_test(test_split_element_limit),
	};

	return cmocka_run_group_tests_name("cli json", tests, NULL, NULL);
}

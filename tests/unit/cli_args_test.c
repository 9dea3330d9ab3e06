/* SPDX-License-Identifier: Apache-2.0 */
/* The command line against the real table of commands: what is understood, what is refused, what is
 * suggested. */
#include "connector/cli/args.h"
#include "connector/cli/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define WORDS_MAX 12

static int parse(struct args *a, struct reason *why, const char *w1, ...) __attribute__((sentinel));
static int parse(struct args *a, struct reason *why, const char *w1, ...)
{
	const char *argv[WORDS_MAX] = { "causeway" };
	int argc = 1;
	va_list ap;

	va_start(ap, w1);
	for (const char *w = w1; w && argc < WORDS_MAX; w = va_arg(ap, const char *))
		argv[argc++] = w;
	va_end(ap);
	memset(a, 0, sizeof(*a));
	reason_clear(why);
	return args_parse(cli_commands, argc, argv, a, why);
}

static void test_words_and_options(void **state)
{
	struct args a;
	struct reason why;

	(void)state;
	assert_int_equal(parse(&a, &why, "tunnel", "up", "s/t", "--timeout", "5", NULL), 0);
	assert_string_equal(a.command->name, "up");
	assert_int_equal(a.n_words, 1);
	assert_string_equal(a.word[0], "s/t");
	assert_string_equal(args_value(&a, "timeout"), "5");
	assert_false(args_has(&a, "no-wait"));

	assert_int_equal(
	    parse(&a, &why, "--json", "-s", "/x", "tunnel", "up", "--timeout=7", "s/t", "--no-wait", NULL),
	    0);
	assert_true(a.json);
	assert_string_equal(a.socket, "/x");
	assert_string_equal(args_value(&a, "timeout"), "7");
	assert_true(args_has(&a, "no-wait"));

	assert_int_equal(parse(&a, &why, "status", "-s/y", "--json", NULL), 0);
	assert_string_equal(a.socket, "/y");
	assert_int_equal(parse(&a, &why, "status", "--socket=/z", NULL), 0);
	assert_string_equal(a.socket, "/z");
	assert_int_equal(parse(&a, &why, "tunnel", "show", "--", "--json", NULL), 0);
	assert_string_equal(a.word[0], "--json");
	assert_false(a.json);
}

static void test_help(void **state)
{
	struct args a;
	struct reason why;

	(void)state;
	assert_int_equal(parse(&a, &why, "--help", NULL), 0);
	assert_true(a.help);
	assert_null(a.command);
	assert_int_equal(parse(&a, &why, "help", NULL), 0);
	assert_true(a.help);
	assert_int_equal(parse(&a, &why, "help", "tunnel", NULL), 0);
	assert_string_equal(a.group, "tunnel");
	assert_int_equal(parse(&a, &why, "help", "tunnel", "up", NULL), 0);
	assert_string_equal(a.command->name, "up");
	assert_int_equal(parse(&a, &why, "tunnel", "up", "-h", NULL), 0);
	assert_true(a.help);
	assert_int_equal(parse(&a, &why, "tunnel", "--help", NULL), 0);
	assert_string_equal(a.group, "tunnel");
	assert_int_equal(parse(&a, &why, "--version", NULL), 0);
	assert_true(a.version);
	assert_int_equal(parse(&a, &why, "help", "nonsense", NULL), -1);
}

static void test_refused(void **state)
{
	static const struct {
		const char *words[5], *says;
	} cases[] = {
		{ { NULL }, "no command given" },
		{ { "statsu" }, "did you mean \"status\"" },
		{ { "stat" }, "did you mean \"status\"" },
		{ { "tunel", "list" }, "did you mean \"tunnel\"" },
		{ { "tunnel" }, "say what to do" },
		{ { "tunnel", "sho", "s/t" }, "did you mean \"tunnel show\"" },
		{ { "bgp", "rotues" }, "did you mean \"bgp routes\"" },
		{ { "xyzzy" }, "no such command: xyzzy" },
		{ { "status", "--chekc" }, "did you mean \"--check\"" },
		{ { "status", "--jsn" }, "did you mean \"--json\"" },
		{ { "status", "-x" }, "no such option: -x" },
		{ { "status", "extra" }, "one argument too many: extra" },
		{ { "--check", "status" }, "options of a command come after its name" },
		{ { "tunnel", "show" }, "SITE/TUNNEL" },
		{ { "tunnel", "up", "s/t", "--timeout" }, "needs a value" },
		{ { "tunnel", "up", "s/t", "--timeout=" }, "needs a value" },
		{ { "status", "--json=yes" }, "takes no value" },
		{ { "status", "-s" }, "needs a value" },
		/* Of later work: unknown, and no stub. */
		{ { "plan" }, "no such command" },
		{ { "apply" }, "no such command" },
		{ { "trace" }, "no such command" },
		{ { "doctor" }, "no such command" },
		{ { "profile", "import" }, "no such command" },
		/* The guess for a very long word must not read out of bounds. */
		{ { "ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss" },
		    "no such command" },
		{ { "status",
		      "--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
		    "no such option" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const *w = cases[i].words;
		struct reason why;
		struct args a;

		assert_int_equal(parse(&a, &why, w[0], w[1], w[2], w[3], w[4], NULL), -1);
		if (!strstr(why.text, cases[i].says))
			fail_msg("case %zu: \"%s\" does not say \"%s\"", i, why.text, cases[i].says);
	}
}

/* The tree is whole: every command of this release is there, has help, a summary and a function, and fits the
 * limits. */
static void test_tree(void **state)
{
	static const char *const must[] = { "status", "tunnel list", "tunnel show", "tunnel up",
		"tunnel down", "tunnel rekey", "bgp summary", "bgp peer", "bgp routes", "bgp monitor",
		"bgp dump", "bgp announce", "bgp withdraw", "bgp refresh", "bgp up", "bgp down", "fib show",
		"explain", "profile list", "profile show", "config check", "config show" };
	size_t n = 0;

	(void)state;
	for (const struct cli_command *c = cli_commands; c->name; c++, n++) {
		char full[64];
		size_t options = 0;

		snprintf(
		    full, sizeof(full), "%s%s%s", c->group ? c->group : "", c->group ? " " : "", c->name);
		assert_true(n < sizeof(must) / sizeof(must[0]));
		assert_string_equal(full, must[n]);
		assert_non_null(c->run);
		assert_true(c->summary && *c->summary);
		assert_true(c->help && *c->help && c->help[strlen(c->help) - 1] == '\n');
		assert_true(c->max_args <= ARGS_WORDS_MAX && c->min_args <= c->max_args);
		assert_int_equal(c->max_args > 0, *c->usage != '\0');
		for (; c->options && c->options[options].name; options++)
			assert_true(c->options[options].help && *c->options[options].help);
		assert_true(options <= ARGS_OPTIONS_MAX);
	}
	assert_int_equal(n, sizeof(must) / sizeof(must[0]));
}

static void test_help_text(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f;

	(void)state;
	for (const struct cli_command *c = cli_commands; c->name; c++) {
		f = open_memstream(&text, &len);
		help_command(f, c);
		fclose(f);
		assert_non_null(strstr(text, "Usage: causeway "));
		assert_non_null(strstr(text, "--json"));
		for (const struct cli_option *o = c->options; o && o->name; o++)
			assert_non_null(strstr(text, o->name));
		free(text);
	}
	f = open_memstream(&text, &len);
	help_program(f);
	fclose(f);
	for (const struct cli_command *c = cli_commands; c->name; c++)
		assert_non_null(strstr(text, c->summary));
	free(text);
	f = open_memstream(&text, &len);
	help_group(f, "bgp");
	fclose(f);
	assert_non_null(strstr(text, "bgp routes"));
	assert_null(strstr(text, "tunnel list"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_and_options),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_help_text),
	};

	return cmocka_run_group_tests_name("cli args", tests, NULL, NULL);
}

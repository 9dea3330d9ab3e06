/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing a command line against the table of commands. Options may stand anywhere, "--" ends them,
 * "--name=value" and "--name value" mean the same, short ones may hold their value ("-sPATH"). Nothing may be
 * abbreviated: what scripts write today must not become ambiguous with tomorrow's option. A word that is not
 * known comes back with the nearest one that is.
 */
#include "connector/cli/args.h"

#include "connector/cli/text.h"

#include <stdio.h>
#include <string.h>

const struct cli_option args_global_options[] = {
	{ "socket", 's', "PATH",
	    "the daemon's socket (else $CAUSEWAY_SOCKET, else /run/causeway/causeway.sock)" },
	{ "json", 0, NULL, "JSON on standard output instead of tables" },
	{ "help", 'h', NULL, "what the program or the command does" },
	{ "version", 0, NULL, "the version of this program" },
	{ NULL, 0, NULL, NULL },
};

struct parser {
	const struct cli_command *commands;
	const char *const *argv;
	int argc, i;
	bool words_only; /* after "--" */
	bool asked_help; /* the word `help` came first */
	struct args a;
	struct reason *reason;
};

static int option_index(const struct cli_command *c, const char *name)
{
	for (int i = 0; c && c->options && c->options[i].name; i++)
		if (!strcmp(c->options[i].name, name))
			return i;
	return -1;
}

const char *args_value(const struct args *a, const char *option)
{
	int i = option_index(a->command, option);

	return i < 0 || i >= ARGS_OPTIONS_MAX ? NULL : a->value[i];
}

bool args_has(const struct args *a, const char *option)
{
	return args_value(a, option) != NULL;
}

/* Keeps the better guess: near enough is a third of the word's letters, and at least one. */
static void guess(const char *word, const char *candidate, unsigned *best, const char **ret_best)
{
	unsigned d = text_distance(word, candidate);
	size_t len = strlen(word);
	bool begins = len >= 2 && !strncmp(word, candidate, len);

	if (begins)
		d = 1;
	if (d < *best && (begins || d <= (len + 2) / 3)) {
		*best = d;
		*ret_best = candidate;
	}
}

static int unknown_command(struct parser *p, const char *word)
{
	const char *near = NULL;
	unsigned best = ~0U;

	if (p->a.group) {
		reason_set(p->reason, "usage", "%s: no such command: %s", p->a.group, word);
		for (const struct cli_command *c = p->commands; c->name; c++)
			if (c->group && !strcmp(c->group, p->a.group))
				guess(word, c->name, &best, &near);
		if (near)
			reason_add(p->reason, "; did you mean \"%s %s\"?", p->a.group, near);
		return -1;
	}
	reason_set(p->reason, "usage", "no such command: %s", word);
	guess(word, "help", &best, &near);
	for (const struct cli_command *c = p->commands; c->name; c++)
		guess(word, c->group ? c->group : c->name, &best, &near);
	if (near)
		reason_add(p->reason, "; did you mean \"%s\"?", near);
	return -1;
}

static int command_word(struct parser *p, const char *word)
{
	if (!p->a.group && !p->asked_help && !strcmp(word, "help")) {
		p->asked_help = p->a.help = true;
		return 0;
	}
	for (const struct cli_command *c = p->commands; c->name; c++) {
		bool in_group = c->group && p->a.group && !strcmp(c->group, p->a.group);

		if ((in_group || (!c->group && !p->a.group)) && !strcmp(c->name, word)) {
			p->a.command = c;
			return 0;
		}
		if (!p->a.group && c->group && !strcmp(c->group, word)) {
			p->a.group = c->group;
			return 0;
		}
	}
	return unknown_command(p, word);
}

static int take_word(struct parser *p, const char *word)
{
	if (!p->a.command)
		return command_word(p, word);
	if (p->a.n_words == ARGS_WORDS_MAX || p->a.n_words >= p->a.command->max_args)
		return reason_set(p->reason, "usage", "%s%s%s: one argument too many: %s",
		    p->a.group ? p->a.group : "", p->a.group ? " " : "", p->a.command->name, word);
	p->a.word[p->a.n_words++] = word;
	return 0;
}

static int unknown_option(struct parser *p, const char *shown, const char *name)
{
	const char *near = NULL;
	unsigned best = ~0U;

	reason_set(p->reason, "usage", "no such option: %s", shown);
	for (int i = 0; name && p->a.command && p->a.command->options && p->a.command->options[i].name; i++)
		guess(name, p->a.command->options[i].name, &best, &near);
	for (int i = 0; name && args_global_options[i].name; i++)
		guess(name, args_global_options[i].name, &best, &near);
	if (near)
		reason_add(p->reason, "; did you mean \"--%s\"?", near);
	else if (!p->a.command)
		reason_add(p->reason, "; options of a command come after its name");
	return -1;
}

static void set_global(struct parser *p, const struct cli_option *o, const char *value)
{
	if (!strcmp(o->name, "socket"))
		p->a.socket = value;
	else if (!strcmp(o->name, "json"))
		p->a.json = true;
	else if (!strcmp(o->name, "help"))
		p->a.help = true;
	else
		p->a.version = true;
}

/* Finds the option by name (or by letter when name is NULL). *ret_slot is its place in the command's list, -1
 * for a global one. */
static const struct cli_option *find_option(
    const struct parser *p, const char *name, char letter, int *ret_slot)
{
	const struct cli_option *lists[] = { p->a.command ? p->a.command->options : NULL,
		args_global_options };

	for (int l = 0; l < 2; l++)
		for (int i = 0; lists[l] && lists[l][i].name; i++)
			if (name ? !strcmp(lists[l][i].name, name)
			         : lists[l][i].letter && lists[l][i].letter == letter) {
				*ret_slot = l ? -1 : i;
				return &lists[l][i];
			}
	return NULL;
}

/* inline_value: what was glued to the option ("--name=value", "-svalue"); NULL: nothing. */
static int take_option(
    struct parser *p, const char *shown, const char *name, char letter, const char *inline_value)
{
	int slot = -1;
	const struct cli_option *o = find_option(p, name, letter, &slot);
	const char *value = "";

	if (!o)
		return unknown_option(p, shown, name);
	if (!o->value && inline_value)
		return reason_set(p->reason, "usage", "--%s takes no value", o->name);
	if (o->value) {
		value = inline_value ? inline_value : p->i + 1 < p->argc ? p->argv[++p->i] : NULL;
		if (!value || !*value)
			return reason_set(p->reason, "usage", "--%s needs a value: %s", o->name, o->value);
	}
	if (slot < 0)
		set_global(p, o, value);
	else if (slot < ARGS_OPTIONS_MAX)
		p->a.value[slot] = value;
	return 0;
}

static int take_long(struct parser *p, const char *arg)
{
	char name[64];
	size_t len = strcspn(arg + 2, "=");

	if (len >= sizeof(name))
		return unknown_option(p, arg, NULL);
	snprintf(name, sizeof(name), "%.*s", (int)len, arg + 2);
	return take_option(p, arg, name, 0, arg[2 + len] ? arg + 2 + len + 1 : NULL);
}

static int take_one(struct parser *p, const char *arg)
{
	if (p->words_only || arg[0] != '-' || !arg[1])
		return take_word(p, arg);
	if (!strcmp(arg, "--")) {
		p->words_only = true;
		return 0;
	}
	if (arg[1] == '-')
		return take_long(p, arg);
	return take_option(p, arg, NULL, arg[1], arg[2] ? arg + 2 : NULL);
}

static int check_complete(struct parser *p)
{
	const struct cli_command *c = p->a.command;

	if (p->a.help || p->a.version)
		return 0;
	if (!c && p->a.group)
		return reason_set(p->reason, "usage", "%s: say what to do; see \"causeway help %s\"",
		    p->a.group, p->a.group);
	if (!c)
		return reason_set(p->reason, "usage", "no command given");
	if (p->a.n_words < c->min_args)
		return reason_set(p->reason, "usage", "%s%s%s: what is missing: %s", c->group ? c->group : "",
		    c->group ? " " : "", c->name, c->usage);
	return 0;
}

int args_parse(const struct cli_command *commands, int argc, const char *const *argv, struct args *ret_args,
    struct reason *ret_reason)
{
	struct parser p = { .commands = commands, .argv = argv, .argc = argc, .reason = ret_reason };

	for (p.i = 1; p.i < argc; p.i++)
		if (take_one(&p, argv[p.i]) < 0)
			return -1;
	if (check_complete(&p) < 0)
		return -1;
	*ret_args = p.a;
	return 0;
}

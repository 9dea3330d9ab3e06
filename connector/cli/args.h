/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line as data. A command is a row of a table (commands.c): its words, its arguments, its
 * options, its help and its function; parsing, help and the check that the tree is complete all read that
 * table.
 */
#ifndef CW_CLI_ARGS_H
#define CW_CLI_ARGS_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>

#define ARGS_WORDS_MAX   64 /* arguments of a command */
#define ARGS_OPTIONS_MAX 16 /* of a command */

struct cli;
struct args;

struct cli_option {
	const char *name;  /* without the dashes; NULL ends a list */
	char letter;       /* 0: none */
	const char *value; /* what the value is called in the help; NULL: the option takes none */
	const char *help;
};

struct cli_command {
	const char *group; /* first word of two; NULL: the name is the only word */
	const char *name;
	const char *usage; /* the arguments, as shown: "SITE/TUNNEL"; "" */
	unsigned min_args, max_args;
	const struct cli_option *options; /* ends with a NULL name; NULL: none of its own */
	const char *summary;              /* one line */
	const char *help; /* what it shows or does, exit codes worth knowing; lines end in \n */
	int (*run)(struct cli *cli, const struct args *args);
};

struct args {
	const struct cli_command *command; /* NULL: none was named (only with help or version) */
	const char *group;                 /* help for this group, when command is NULL */
	const char *socket;                /* -s; NULL: not given */
	bool json, help, version;
	const char *word[ARGS_WORDS_MAX];
	unsigned n_words;
	const char *value[ARGS_OPTIONS_MAX]; /* by the option's place in command->options; "" for one that
	                                        takes none, NULL: not given */
};

extern const struct cli_option args_global_options[];

/* Whether the option was given; its value, or NULL. The name must be one of the command's. */
bool args_has(const struct args *a, const char *option);
const char *args_value(const struct args *a, const char *option);

/*
 * Parses argv[1..]. commands ends with a NULL name. 0, or -1 with a reason that says what was not understood
 * and what might have been meant. Everything in ret_args is borrowed from argv and commands.
 */
int args_parse(const struct cli_command *commands, int argc, const char *const *argv, struct args *ret_args,
    struct reason *ret_reason);

#endif

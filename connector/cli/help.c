/* SPDX-License-Identifier: Apache-2.0 */
/* Help, written from the table of commands; nothing here knows a command by name. */
#include "connector/cli/commands.h"

#include <string.h>

static void put_options(FILE *out, const char *title, const struct cli_option *o)
{
	if (!o || !o->name)
		return;
	fprintf(out, "\n%s\n", title);
	for (; o->name; o++) {
		char left[40];
		char letter[8] = "    ";

		if (o->letter)
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name, o->value ? " " : "",
		    o->value ? o->value : "");
		fprintf(out, "  %-22s  %s\n", left, o->help);
	}
}

static void put_line(FILE *out, const struct cli_command *c)
{
	char left[64];

	snprintf(left, sizeof(left), "%s%s%s%s%s", c->group ? c->group : "", c->group ? " " : "", c->name,
	    *c->usage ? " " : "", c->usage);
	fprintf(out, "  %-25s  %s\n", left, c->summary);
}

void help_program(FILE *out)
{
	fputs("Usage: causeway [-s SOCKET] [--json] COMMAND [ARGUMENT...] [OPTION...]\n"
	      "Shows and steers causewayd, which joins this network to cloud VPN gateways.\n"
	      "\nCommands:\n",
	    out);
	for (const struct cli_command *c = cli_commands; c->name; c++)
		put_line(out, c);
	fprintf(out, "  %-25s  %s\n", "help [COMMAND]", "this, or what a command does");
	put_options(out, "Options of every command:", args_global_options);
	fputs("\nExit codes: 0 ok, 1 failed, 2 usage, 3 daemon not reachable, 4 no such object,\n"
	      "5 refused by a safety rule, 6 degraded or not ready, 8 timed out.\n",
	    out);
}

void help_group(FILE *out, const char *group)
{
	fprintf(out, "Usage: causeway %s COMMAND\n\nCommands:\n", group);
	for (const struct cli_command *c = cli_commands; c->name; c++)
		if (c->group && !strcmp(c->group, group))
			put_line(out, c);
	fprintf(out, "\n\"causeway help %s COMMAND\" says more about one.\n", group);
}

void help_command(FILE *out, const struct cli_command *c)
{
	fprintf(out, "Usage: causeway %s%s%s%s%s%s\n\n%s", c->group ? c->group : "", c->group ? " " : "",
	    c->name, *c->usage ? " " : "", c->usage, c->options ? " [OPTION...]" : "", c->help);
	put_options(out, "Options:", c->options);
	put_options(out, "Options of every command:", args_global_options);
}

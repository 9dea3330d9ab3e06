/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One command line from its words to its exit code: parse, answer help and version, else run the command.
 * Messages go to stderr, data to stdout, and output that could not be written is a failure.
 */
#include "connector/cli/cli.h"

#include "connector/cli/commands.h"
#include "connector/cli/http.h"
#include "connector/cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_UNKNOWN 80
#define WIDTH_MIN     40

struct term term_of(FILE *f)
{
	struct term t = { 0 };
	struct winsize ws;
	const char *name = getenv("TERM"), *no_colour = getenv("NO_COLOR");
	int fd = fileno(f);

	t.tty = fd >= 0 && isatty(fd);
	if (!t.tty)
		return t;
	t.width = ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_col ? ws.ws_col : WIDTH_UNKNOWN;
	if (t.width < WIDTH_MIN)
		t.width = WIDTH_MIN;
	/* https://no-color.org: any value that is not empty. */
	t.colour = !(no_colour && *no_colour) && name && *name && strcmp(name, "dumb") != 0;
	return t;
}

int cli_fail(struct cli *cli, enum cli_exit code, const struct reason *why)
{
	fflush(cli->out);
	fputs("causeway: ", cli->err);
	table_print(cli->err, &cli->term_err, TABLE_PLAIN, why->text[0] ? why->text : "failed");
	if (why->id[0] && strcmp(why->id, "usage") != 0) {
		fputs(" (", cli->err);
		table_print(cli->err, &cli->term_err, TABLE_DIM, why->id);
		fputs(")", cli->err);
	}
	fputc('\n', cli->err);
	return code;
}

int cli_failf(struct cli *cli, enum cli_exit code, const char *fmt, ...)
{
	struct reason why = { 0 };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why.text, sizeof(why.text), fmt, ap);
	va_end(ap);
	return cli_fail(cli, code, &why);
}

static int usage(struct cli *cli, const struct reason *why, bool nothing_given)
{
	cli_fail(cli, CLI_USAGE, why);
	if (nothing_given)
		help_program(cli->err);
	else
		fputs("\"causeway help\" lists the commands, \"causeway help COMMAND\" explains one.\n",
		    cli->err);
	return CLI_USAGE;
}

static int help(struct cli *cli, const struct args *a)
{
	if (a->command)
		help_command(cli->out, a->command);
	else if (a->group)
		help_group(cli->out, a->group);
	else
		help_program(cli->out);
	return CLI_OK;
}

static int run(struct cli *cli, int argc, const char *const *argv)
{
	struct args a = { 0 };
	struct reason why = { 0 };
	const char *env = getenv(CLI_SOCKET_ENV);

	if (args_parse(cli_commands, argc, argv, &a, &why) < 0)
		return usage(cli, &why, argc < 2);
	if (a.help)
		return help(cli, &a);
	if (a.version) {
		fputs("causeway " CW_VERSION "\n", cli->out);
		return CLI_OK;
	}
	cli->socket = a.socket ? a.socket : env && *env ? env : CLI_DEFAULT_SOCKET;
	cli->json = a.json;
	return a.command->run(cli, &a);
}

int cli_run(int argc, const char *const *argv, FILE *out, FILE *err)
{
	struct cli cli = { .out = out, .err = err, .poll = mdur_ms(100), .deadline = MTIME_NEVER };

	cli.term_out = term_of(out);
	cli.term_err = term_of(err);
	int rc = run(&cli, argc, argv);

	http_free(cli.http);
	if ((fflush(out) != 0 || ferror(out)) && rc == CLI_OK)
		rc = cli_failf(&cli, CLI_FAILED, "writing the output failed");
	return rc;
}

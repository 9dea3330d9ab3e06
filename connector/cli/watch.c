/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `status --watch`. On a terminal the picture is redrawn in place every second, without clearing first, so it
 * doesn't flicker. Elsewhere (a file, a pipe) each change is a line of its own; with --json each second's
 * status is one line. A daemon that restarts meanwhile is waited for. SIGINT and SIGTERM are taken only
 * between two rounds, so the output never ends half-way.
 */
#include "connector/cli/fetch.h"
#include "connector/cli/status.h"
#include "connector/cli/text.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PERIOD_SECONDS 1

static void draw(struct cli *cli, const json_t *status, const struct reason *why)
{
	char *text = NULL;
	size_t len = 0;
	FILE *mem = open_memstream(&text, &len);

	if (!mem)
		return;
	cli->term_out = term_of(cli->out); /* the window may have been resized */
	if (status) {
		status_show(mem, &cli->term_out, status);
	} else {
		table_print(mem, &cli->term_out, TABLE_BAD, why->text);
		fputc('\n', mem);
	}
	fclose(mem);
	/* Home; each line erased to its end; what is left of a longer picture below erased. */
	fputs("\033[H", cli->out);
	for (char *line = text; line && *line;) {
		size_t n = strcspn(line, "\n");

		fprintf(cli->out, "%.*s\033[K\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
	fputs("\033[J\n", cli->out);
	free(text);
}

static void stamp(FILE *out)
{
	char buf[40];
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%SZ", &tm);
	fprintf(out, "%s ", buf);
}

static const json_t *find_named(const json_t *array, const char *name)
{
	const json_t *e;
	size_t i;

	json_array_foreach(array, i, e) if (!strcmp(get_str(e, "name"), name)) return e;
	return NULL;
}

static void tunnel_line(struct cli *cli, const char *site, const json_t *tunnel, const json_t *before)
{
	char name[160], text[1024];
	const char *step = get_str(tunnel, "step");
	const json_t *error = json_object_get(tunnel, "error");

	snprintf(name, sizeof(name), "%s/%s: ", site, get_str(tunnel, "name"));
	if (!before || strcmp(step, get_str(before, "step")) != 0) {
		stamp(cli->out);
		table_print(cli->out, &cli->term_out, TABLE_PLAIN, name);
		if (before) {
			table_print(cli->out, &cli->term_out, TABLE_PLAIN, get_str(before, "step"));
			fputs(" -> ", cli->out);
		}
		table_print(cli->out, &cli->term_out, TABLE_PLAIN, step);
		fputc('\n', cli->out);
	}
	if (reason_of(error, text, sizeof(text)) &&
	    (!before || !json_equal(error, json_object_get(before, "error")))) {
		stamp(cli->out);
		table_print(cli->out, &cli->term_out, TABLE_PLAIN, name);
		fputs("error: ", cli->out);
		table_print(cli->out, &cli->term_out, TABLE_PLAIN, text);
		fputc('\n', cli->out);
	}
}

static void differences(struct cli *cli, const json_t *status, const json_t *before)
{
	const json_t *site, *tunnel;
	size_t i, j;

	json_array_foreach(json_object_get(status, "site"), i, site)
	{
		const json_t *old = find_named(json_object_get(before, "site"), get_str(site, "name"));

		json_array_foreach(json_object_get(site, "tunnel"), j, tunnel)
		    tunnel_line(cli, get_str(site, "name"), tunnel,
		        find_named(json_object_get(old, "tunnel"), get_str(tunnel, "name")));
		if (!old || strcmp(get_str(site, "state"), get_str(old, "state")) != 0) {
			stamp(cli->out);
			table_print(cli->out, &cli->term_out, TABLE_PLAIN, get_str(site, "name"));
			fputs(" is ", cli->out);
			table_print(cli->out, &cli->term_out, TABLE_PLAIN, get_str(site, "state"));
			fputc('\n', cli->out);
		}
	}
	json_array_foreach(json_object_get(before, "site"), i,
	    site) if (!find_named(json_object_get(status, "site"), get_str(site, "name")))
	{
		stamp(cli->out);
		table_print(cli->out, &cli->term_out, TABLE_PLAIN, get_str(site, "name"));
		fputs(" is no longer configured\n", cli->out);
	}
}

/* One round. *before moves on to what was seen now. */
static enum cli_exit round_of(struct cli *cli, json_t **before, bool *was_lost)
{
	struct reason why = { 0 };
	json_t *status = NULL;
	enum cli_exit rc = status_fetch(cli, &status, &why);

	if (cli->json && status) {
		/* ASCII only, so that nothing in a peer's string reaches a terminal as it is. */
		json_dumpf(status, cli->out, JSON_COMPACT | JSON_ENSURE_ASCII);
		fputc('\n', cli->out);
	} else if (cli->term_out.tty && !cli->json) {
		draw(cli, status, &why);
	} else if (status) {
		differences(cli, status, *before);
	}
	if (!status && !*was_lost && !(cli->term_out.tty && !cli->json))
		cli_fail(cli, rc, &why);
	*was_lost = !status;
	if (status) {
		json_decref(*before);
		*before = status;
	}
	fflush(cli->out);
	return rc;
}

int status_watch(struct cli *cli)
{
	const struct timespec period = { .tv_sec = PERIOD_SECONDS };
	struct reason why = { 0 };
	json_t *before = NULL;
	bool was_lost = false;
	sigset_t stop, old;
	int sig;

	/* The first question must be answered; only later a lost daemon is waited for. */
	enum cli_exit rc = status_fetch(cli, &before, &why);
	if (rc != CLI_OK)
		return cli_fail(cli, rc, &why);
	json_decref(before);
	before = NULL;
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, &old);
	if (cli->term_out.tty && !cli->json)
		fputs("\033[2J", cli->out);
	do {
		round_of(cli, &before, &was_lost);
		do
			sig = sigtimedwait(&stop, NULL, &period);
		while (sig < 0 && errno == EINTR);
	} while (sig < 0 && !ferror(cli->out));
	sigprocmask(SIG_SETMASK, &old, NULL);
	json_decref(before);
	return ferror(cli->out) ? CLI_FAILED : CLI_OK;
}

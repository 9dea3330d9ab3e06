/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `status`: one glance says what works, and what to change where it doesn't. A healthy tunnel takes one line;
 * one that is not at the top of its ladder also says what went wrong and what is awaited.
 */
#include "connector/cli/commands.h"
#include "connector/cli/fetch.h"
#include "connector/cli/status.h"
#include "connector/cli/text.h"

#include <string.h>

enum cli_exit status_fetch(struct cli *cli, json_t **ret_status, struct reason *ret_reason)
{
	return fetch_json(cli, API_STATE "status", "causeway:status", ret_status, ret_reason);
}

bool status_is_ok(const json_t *status)
{
	size_t i, j;
	const json_t *site, *tunnel;

	json_array_foreach(json_object_get(status, "site"), i, site)
	{
		bool wanted = false;

		json_array_foreach(json_object_get(site, "tunnel"), j, tunnel) wanted =
		    wanted || strcmp(get_str(tunnel, "admin"), "down") != 0;
		if (wanted && strcmp(get_str(site, "state"), "ok") != 0)
			return false;
	}
	return true;
}

static enum table_colour site_colour(const char *state)
{
	return !strcmp(state, "ok") ? TABLE_GOOD : !strcmp(state, "degraded") ? TABLE_WARN : TABLE_BAD;
}

static void show_tunnel(struct table *t, const char *site, const json_t *tunnel)
{
	const char *step = get_str(tunnel, "step"), *name = get_str(tunnel, "name");
	const char *next = get_str(json_object_get(tunnel, "next"), "text");
	bool admin_up = strcmp(get_str(tunnel, "admin"), "down") != 0;
	char text[1024], age[TEXT_NUMBER_MAX];

	table_cell(t, name);
	table_cell_colour(t, step_colour(step, admin_up), step);
	table_cell(t, text_duration(get_seconds_since(tunnel, "since"), age));
	table_end_row(t);
	if (reason_of(json_object_get(tunnel, "error"), text, sizeof(text)))
		table_note(t, TABLE_BAD, "error", text);
	if (weak_text(json_object_get(tunnel, "weak-algorithm"), text, sizeof(text)))
		table_note(t, TABLE_WARN, "warning", text);
	if (*next) {
		table_note(t, TABLE_DIM, "next", next);
	} else if (!admin_up) {
		snprintf(text, sizeof(text), "taken down by an admin; causeway tunnel up %s/%s starts it",
		    site, name);
		table_note(t, TABLE_DIM, "next", text);
	} else if (*step_awaits(step)) {
		table_note(t, TABLE_DIM, "next", step_awaits(step));
	}
}

static void show_site(struct table *t, const json_t *site)
{
	const char *name = get_str(site, "name"), *state = get_str(site, "state");
	const json_t *tunnels = json_object_get(site, "tunnel"), *tunnel;
	size_t i;

	json_array_foreach(tunnels, i, tunnel)
	{
		table_cell_colour(t, TABLE_BOLD, i ? "" : name);
		table_cell(t, i ? "" : get_str(site, "profile"));
		table_cell_colour(t, site_colour(state), i ? "" : state);
		show_tunnel(t, name, tunnel);
	}
	if (!json_array_size(tunnels)) {
		table_cell_colour(t, TABLE_BOLD, name);
		table_cell(t, get_str(site, "profile"));
		table_cell_colour(t, site_colour(state), state);
		table_end_row(t);
	}
}

void status_show(FILE *out, const struct term *term, const json_t *status)
{
	static const struct table_column columns[] = {
		{ "SITE", false },
		{ "PROFILE", false },
		{ "STATE", false },
		{ "TUNNEL", false },
		{ "STEP", false },
		{ "FOR", false },
	};
	const json_t *fib = json_object_get(status, "fib"), *site;
	uint64_t routes = get_u64(fib, "routes");
	char up[TEXT_NUMBER_MAX];
	size_t i;

	fputs("causewayd", out);
	if (*get_str(status, "version")) {
		fputc(' ', out);
		table_print(out, term, TABLE_PLAIN, get_str(status, "version"));
	}
	fprintf(out, ", up %s; %llu route%s of ours in the kernel, ",
	    text_duration(get_u64(status, "uptime"), up), (unsigned long long)routes, routes == 1 ? "" : "s");
	if (get_bool(fib, "in-sync"))
		table_print(out, term, TABLE_GOOD, "in sync");
	else
		table_print(
		    out, term, TABLE_WARN, "not in sync yet (causeway fib show says which are missing)");
	fputs("\n\n", out);
	if (!json_array_size(json_object_get(status, "site"))) {
		fputs("No site is configured: the daemon idles. Add one to its configuration file, check it "
		      "with\n"
		      "\"causeway config check FILE\", and reload the daemon (SIGHUP).\n",
		    out);
		return;
	}
	struct table *t = table_new(out, term, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(json_object_get(status, "site"), i, site) show_site(t, site);
	table_finish(t);
}

int cmd_status(struct cli *cli, const struct args *args)
{
	bool check = args_has(args, "check");
	struct reason why = { 0 };
	json_t *status = NULL;

	if (args_has(args, "watch") && check)
		return cli_failf(cli, CLI_USAGE, "--check and --watch do not go together");
	if (args_has(args, "watch"))
		return status_watch(cli);
	enum cli_exit rc = status_fetch(cli, &status, &why);
	if (rc != CLI_OK)
		return cli_fail(cli, rc, &why);
	if (cli->json)
		rc = fetch_write_json(cli, status);
	else
		status_show(cli->out, &cli->term_out, status);
	if (rc == CLI_OK && check && !status_is_ok(status))
		rc = CLI_NOT_READY;
	json_decref(status);
	return rc;
}

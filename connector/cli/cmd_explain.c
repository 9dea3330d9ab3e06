/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `explain`: of a tunnel, what the daemon has to tell; of a reason's id, the entry of the catalogue, which is
 * part of this program. A tunnel's name has a slash, an id has none.
 */
#include "connector/cli/commands.h"
#include "connector/cli/fetch.h"
#include "connector/cli/http.h"
#include "connector/cli/status.h"
#include "connector/cli/text.h"
#include "connector/mgmt/catalogue.h"

#include <stdlib.h>
#include <string.h>

#define SCHEMA "causeway/explain/1"

/* --- an id --- */

static json_t *strings(const char *const *list, size_t max)
{
	json_t *a = json_array();

	for (size_t i = 0; i < max && list[i]; i++)
		json_array_append_new(a, json_string(list[i]));
	return a;
}

static json_t *entry_json(const struct catalogue_entry *e)
{
	json_t *clouds = json_array();

	for (size_t i = 0; i < CATALOGUE_CLOUDS_MAX && e->cloud[i].cloud; i++)
		json_array_append_new(clouds,
		    json_pack("{s:s, s:s}", "cloud", e->cloud[i].cloud, "setting", e->cloud[i].setting));
	return json_pack("{s:s, s:{s:s, s:s, s:o, s:s, s:s?, s:o, s:s?}}", "schema", SCHEMA, "reason", "id",
	    e->id, "means", e->means, "causes", strings(e->cause, CATALOGUE_CAUSES_MAX), "change-here",
	    e->here, "change-there", e->there, "cloud", clouds, "look", e->look);
}

static void note(struct table *t, enum table_colour colour, const char *label, const char *text)
{
	if (text && *text)
		table_note(t, colour, label, text);
}

static const struct table_column reason_columns[] = { { "REASON", false }, { "MEANS", false } };

static void entry_show(struct cli *cli, const struct catalogue_entry *e)
{
	struct table *t = table_new(cli->out, &cli->term_out, reason_columns, 2);
	char label[48];

	table_cell_colour(t, TABLE_BOLD, e->id);
	table_cell(t, e->means);
	table_end_row(t);
	for (size_t i = 0; i < CATALOGUE_CAUSES_MAX && e->cause[i]; i++)
		note(t, TABLE_PLAIN, i ? "or" : "likely cause", e->cause[i]);
	note(t, TABLE_PLAIN, "change here", e->here);
	note(t, TABLE_PLAIN, "change there", e->there);
	for (size_t i = 0; i < CATALOGUE_CLOUDS_MAX && e->cloud[i].cloud; i++) {
		snprintf(label, sizeof(label), "at %s", e->cloud[i].cloud);
		note(t, TABLE_DIM, label, e->cloud[i].setting);
	}
	note(t, TABLE_DIM, "look", e->look);
	table_finish(t);
}

static int explain_id(struct cli *cli, const char *id)
{
	const struct catalogue_entry *e = catalogue_find(id);
	struct reason why;
	json_t *doc;
	int rc;

	if (!e) {
		catalogue_unknown(id, &why);
		return cli_fail(cli, CLI_NOT_FOUND, &why);
	}
	if (!cli->json) {
		entry_show(cli, e);
		return CLI_OK;
	}
	doc = entry_json(e);
	rc = fetch_write_json(cli, doc);
	json_decref(doc);
	return rc;
}

/* --- tunnels --- */

static void notes_of(struct table *t, enum table_colour colour, const char *label, const json_t *list)
{
	const json_t *line;
	size_t i;

	json_array_foreach(list, i, line) note(t, colour, label, json_string_value(line));
}

static void ladder_note(struct table *t, const json_t *ladder)
{
	char text[240] = "";
	const json_t *rung;
	size_t i, at = 0;

	json_array_foreach(ladder, i, rung)
	{
		bool here = !strcmp(get_str(rung, "state"), "now");

		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s%s%s", i ? " > " : "",
		    here ? "[" : "", get_str(rung, "step"), here ? "]" : "");
		if (at >= sizeof(text))
			return;
	}
	note(t, TABLE_DIM, "ladder", text);
}

static void tunnel_show(struct table *t, const json_t *tunnel)
{
	const json_t *d = json_object_get(tunnel, "diagnosis");
	char text[1024], label[90];

	table_cellf(t, "%s/%s", get_str(tunnel, "site"), get_str(tunnel, "name"));
	table_cell_colour(t,
	    step_colour(get_str(tunnel, "step"), strcmp(get_str(tunnel, "admin"), "down") != 0),
	    get_str(tunnel, "step"));
	table_cell(t, text_duration(get_seconds_since(tunnel, "since"), text));
	table_end_row(t);
	ladder_note(t, json_object_get(tunnel, "ladder"));
	if (reason_of(json_object_get(tunnel, "error"), text, sizeof(text)))
		note(t, TABLE_BAD, "error", text);
	notes_of(t, TABLE_PLAIN, "seen", json_object_get(d, "seen"));
	notes_of(t, TABLE_GOOD, "ruled out", json_object_get(d, "ruled-out"));
	note(t, TABLE_WARN, "likely cause", get_str(d, "likely-cause"));
	notes_of(t, TABLE_DIM, "or", json_object_get(d, "other-causes"));
	note(t, TABLE_BOLD, "change here", get_str(d, "change-here"));
	note(t, TABLE_BOLD, "change there", get_str(d, "change-there"));
	snprintf(label, sizeof(label), "at %s", get_str(tunnel, "cloud"));
	note(t, TABLE_PLAIN, label, get_str(d, "setting"));
	note(t, TABLE_DIM, "look", get_str(d, "look"));
	note(t, TABLE_DIM, "next", get_str(json_object_get(tunnel, "next"), "text"));
}

/* Without a name: those that are to be up and are not fine. */
static json_t *chosen(const json_t *list, bool all)
{
	json_t *rows = json_array(), *t;
	size_t i;

	json_array_foreach(json_object_get(list, "tunnel"), i, t)
	{
		bool wanted = strcmp(get_str(t, "admin"), "down") != 0;

		if (all || (wanted && !get_bool(t, "fine")))
			json_array_append(rows, t);
	}
	return rows;
}

static int show(struct cli *cli, json_t *rows, bool all)
{
	static const struct table_column columns[] = { { "TUNNEL", false }, { "STEP", false },
		{ "FOR", false } };
	json_t *doc, *row;
	struct table *t;
	size_t i;
	int rc;

	if (cli->json) {
		doc = json_pack("{s:s, s:O}", "schema", SCHEMA, "tunnel", rows);
		rc = fetch_write_json(cli, doc);
		json_decref(doc);
		return rc;
	}
	if (!json_array_size(rows) && !all) {
		fputs("All tunnels that are to be up are fine.\n", cli->out);
		return CLI_OK;
	}
	t = table_new(cli->out, &cli->term_out, columns, 3);
	json_array_foreach(rows, i, row) tunnel_show(t, row);
	table_finish(t);
	return CLI_OK;
}

static int explain_tunnels(struct cli *cli, const char *name)
{
	char path[1024] = API_STATE "explain", escaped[512];
	struct reason why = { 0 };
	json_t *list = NULL, *rows;
	enum cli_exit rc;

	if (name && !http_escape(name, escaped, sizeof(escaped)))
		return cli_failf(cli, CLI_USAGE, "the name is too long");
	if (name)
		snprintf(path, sizeof(path), API_STATE "explain=%s", escaped);
	rc = fetch_json(cli, path, "causeway:explain", &list, &why);
	if (rc != CLI_OK)
		return cli_fail(cli, rc, &why);
	rows = chosen(list, name != NULL);
	rc = (enum cli_exit)show(cli, rows, name != NULL);
	json_decref(rows);
	json_decref(list);
	return rc;
}

int cmd_explain(struct cli *cli, const struct args *args)
{
	const char *word = args->n_words ? args->word[0] : NULL;

	return word && !strchr(word, '/') ? explain_id(cli, word) : explain_tunnels(cli, word);
}

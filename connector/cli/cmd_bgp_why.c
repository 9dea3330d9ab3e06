/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bgp routes PREFIX --why`: everything there is to say about one prefix, in three parts. Each route that we
 * have or were sent, with the step of the decision or the rule that left it; who was told; and who was not,
 * and why not.
 */
#include "connector/cli/commands.h"

#include "base/addr.h"
#include "connector/cli/fetch.h"
#include "connector/cli/http.h"
#include "connector/cli/table.h"

#include <stdio.h>
#include <string.h>

static const struct part {
	const char *key, *view, *title, *none;
} parts[] = {
	{ "route", "received", "Received", "No peer sent it." },
	{ "best", "best", "In use or fit for use", "Nothing is fit for use." },
	{ "told", "advertised", "Told to", "Nobody is told." },
	{ "withheld", "withheld", "Not told to", "Nobody is left out." },
};

static int fetch_part(struct cli *cli, const struct part *part, const char *prefix, json_t **ret_rows)
{
	char path[512], escaped[200];
	struct reason why = { 0 };
	json_t *doc = NULL;
	enum cli_exit rc;

	if (!http_escape(prefix, escaped, sizeof(escaped)))
		return cli_failf(cli, CLI_USAGE, "this prefix is too long");
	snprintf(path, sizeof(path), API_STATE "routes?view=%s&prefix=%s&match=exact", part->view, escaped);
	rc = fetch_json(cli, path, "causeway:routes", &doc, &why);
	if (rc != CLI_OK)
		return cli_fail(cli, rc, &why);
	*ret_rows = json_incref(json_object_get(doc, "route"));
	json_decref(doc);
	return CLI_OK;
}

static void show_part(struct cli *cli, const struct part *part, const json_t *rows)
{
	static const struct table_column columns[] = { { "PEER", false }, { "NEXTHOP", false },
		{ "PREF", true }, { "REASON", false } };
	struct table *t;
	const json_t *r;
	size_t i;

	fprintf(cli->out, "%s%s:\n", part == parts ? "" : "\n", part->title);
	if (!json_array_size(rows)) {
		fprintf(cli->out, "  %s\n", part->none);
		return;
	}
	t = table_new(cli->out, &cli->term_out, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(rows, i, r)
	{
		table_cell(t, *get_str(r, "peer") ? get_str(r, "peer") : "ourselves");
		table_cell(t, *get_str(r, "nexthop") ? get_str(r, "nexthop") : "-");
		table_cell_number(t, get_u64(r, "local-pref"));
		table_cell(t, get_str(r, "reason"));
		table_end_row(t);
	}
	(void)table_finish(t);
}

int cmd_bgp_why(struct cli *cli, const struct args *args)
{
	struct prefix prefix;
	json_t *all;
	int rc = CLI_OK;

	if (!args->n_words || prefix_parse(args->word[0], false, &prefix) < 0)
		return cli_failf(cli, CLI_USAGE, "--why needs a prefix, like 10.100.0.0/16");
	prefix = prefix_canonical(prefix);
	all = json_object();
	for (size_t i = 0; all && i < sizeof(parts) / sizeof(parts[0]) && rc == CLI_OK; i++) {
		json_t *rows = NULL;

		rc = fetch_part(cli, &parts[i], prefix_str(&prefix), &rows);
		if (rc == CLI_OK && !cli->json)
			show_part(cli, &parts[i], rows);
		if (rows)
			(void)json_object_set_new(all, parts[i].key, rows);
	}
	if (rc == CLI_OK && cli->json)
		rc = fetch_write_json(cli, all);
	json_decref(all);
	return rc;
}

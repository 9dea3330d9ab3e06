/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `profile`: the vendor presets, read from their files; no daemon is asked. A preset is data of which each
 * value names its public source (profiles/README.md), and that is how it is shown.
 */
#include "connector/cli/commands.h"
#include "connector/cli/fetch.h"
#include "connector/cli/json_stream.h"
#include "connector/cli/table.h"
#include "profiles/profile.h"

#include <string.h>

int cmd_profile_list(struct cli *cli, const struct args *args)
{
	static const struct table_column columns[] = { { "NAME", false }, { "CLOUD", false },
		{ "NOTE", false } };
	struct reason why = { 0 };
	struct profiles *ps = profiles_load(NULL, &why);
	json_t *list = json_array();
	int rc = CLI_OK;

	(void)args;
	if (!ps || !list) {
		json_decref(list);
		profiles_free(ps);
		return cli_fail(cli, CLI_FAILED, &why);
	}
	struct table *t = cli->json ? NULL : table_new(cli->out, &cli->term_out, columns, 3);
	for (size_t i = 0; i < profiles_count(ps); i++) {
		const struct profile *p = profiles_at(ps, i);

		table_cell_colour(t, TABLE_BOLD, p->id);
		table_cell(t, p->cloud);
		table_cellf(t, "%s. %s", p->title, p->note);
		table_end_row(t);
		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s}", "name", p->id, "cloud", p->cloud,
		                                "title", p->title, "note", p->note));
	}
	table_finish(t);
	json_t *doc = json_pack("{s:o}", "profile", list);
	if (cli->json)
		rc = fetch_write_json(cli, doc);
	json_decref(doc);
	profiles_free(ps);
	return rc;
}

/* "3600", "yes", "a, b": the value as a person writes it. */
static void value_text(const json_t *v, char *buf, size_t cap)
{
	const json_t *e;
	size_t i, n = 0;

	buf[0] = '\0';
	if (json_is_string(v))
		snprintf(buf, cap, "%s", json_string_value(v));
	else if (json_is_integer(v))
		snprintf(buf, cap, "%lld", (long long)json_integer_value(v));
	else if (json_is_boolean(v))
		snprintf(buf, cap, "%s", json_is_true(v) ? "yes" : "no");
	json_array_foreach(v, i, e) if (json_is_string(e) && n < cap) n +=
	    (size_t)snprintf(buf + n, cap - n, "%s%s", n ? " " : "", json_string_value(e));
}

static bool is_sourced(const json_t *v)
{
	return json_is_object(v) && json_object_get(v, "value") && json_object_get(v, "source");
}

static void value_row(struct table *t, const char *group, const char *key, const json_t *v)
{
	char text[800];

	value_text(json_object_get(v, "value"), text, sizeof(text));
	table_cellf(t, "%s%s%s", group, *group ? "/" : "", key);
	table_cell_colour(t, TABLE_DIM, get_str(v, "source"));
	table_cell(t, text);
	table_end_row(t);
	if (*get_str(v, "why"))
		table_note(t, TABLE_DIM, "why", get_str(v, "why"));
}

static void show_values(struct cli *cli, json_t *doc)
{
	static const struct table_column columns[] = { { "VALUE OF", false }, { "SOURCE", false },
		{ "IS", false } };
	struct table *t = table_new(cli->out, &cli->term_out, columns, 3);
	const char *group, *key;
	json_t *v, *inner;

	json_object_foreach(doc, group, v)
	{
		if (is_sourced(v))
			value_row(t, "", group, v);
		else if (json_is_object(v) && strcmp(group, "sources") != 0)
			json_object_foreach(v, key, inner) if (is_sourced(inner))
			    value_row(t, group, key, inner);
	}
	table_finish(t);
}

static void show_sources(struct cli *cli, json_t *sources)
{
	static const struct table_column columns[] = { { "SOURCE", false }, { "TITLE", false } };
	struct table *t = table_new(cli->out, &cli->term_out, columns, 2);
	const char *key;
	json_t *v;

	fputc('\n', cli->out);
	json_object_foreach(sources, key, v)
	{
		table_cell(t, key);
		table_cellf(t, "%s, %s", get_str(v, "title"), get_str(v, "url"));
		table_end_row(t);
	}
	table_finish(t);
}

static void show_profile(struct cli *cli, const struct profile *p)
{
	json_t *doc = json_loads(p->json, 0, NULL);

	table_print(cli->out, &cli->term_out, TABLE_BOLD, p->id);
	fputs(": ", cli->out);
	table_print(cli->out, &cli->term_out, TABLE_PLAIN, p->title);
	fputc('\n', cli->out);
	table_print(cli->out, &cli->term_out, TABLE_PLAIN, p->note);
	fputs("\n\n", cli->out);
	show_values(cli, doc);
	show_sources(cli, json_object_get(doc, "sources"));
	json_decref(doc);
}

int cmd_profile_show(struct cli *cli, const struct args *args)
{
	struct reason why = { 0 };
	struct profiles *ps = profiles_load(NULL, &why);
	const struct profile *p = ps ? profiles_find(ps, args->word[0], &why) : NULL;
	int rc = CLI_OK;

	if (!ps) {
		rc = cli_fail(cli, CLI_FAILED, &why);
	} else if (!p) {
		rc = cli_fail(cli, CLI_NOT_FOUND, &why);
	} else if (cli->json) {
		struct json_print out;

		json_print_init(&out, cli->out, false, 0);
		if (json_print_feed(&out, p->json, strlen(p->json)) < 0 || json_print_end(&out) < 0)
			rc = cli_failf(cli, CLI_FAILED, "writing the output failed");
	} else {
		show_profile(cli, p);
	}
	profiles_free(ps);
	return rc;
}

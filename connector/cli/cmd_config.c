/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `config`: checking a file by the very code the daemon loads it with, without the daemon; and showing what
 * runs.
 *
 * Secret files may be read by their owner only, who often isn't the one who checks. So the file is checked
 * without secrets first; they are read too when this user may, and else the result says that they were not.
 */
#include "connector/cli/commands.h"
#include "connector/cli/fetch.h"
#include "connector/cli/table.h"
#include "connector/mgmt/config.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

/* The first secret file that this user may not read, or NULL. Whatever else is wrong with one (it is absent,
 * say) is left to the loader, which says it better. */
static const char *unreadable_secret(const struct cfg *cfg)
{
	for (size_t i = 0; i < cfg->n_site; i++)
		for (size_t j = 0; j < cfg->site[i].n_tunnel; j++) {
			const char *file = cfg->site[i].tunnel[j].secret_file;

			if (file && access(file, R_OK) != 0 && errno == EACCES)
				return file;
		}
	return NULL;
}

static int load(
    const char *file, struct cfg **ret_cfg, char *ret_unread, size_t cap, struct reason *ret_reason)
{
	struct cfg_context *ctx = cfg_context_new(NULL, NULL, ret_reason);
	struct cfg *cfg = ctx ? cfg_load_file(ctx, file, false, ret_reason) : NULL;
	const char *unread = cfg ? unreadable_secret(cfg) : NULL;

	snprintf(ret_unread, cap, "%s", unread ? unread : "");
	if (cfg && !unread) {
		cfg_free(cfg);
		cfg = cfg_load_file(ctx, file, true, ret_reason);
	}
	cfg_context_free(ctx);
	if (!cfg)
		return -1;
	*ret_cfg = cfg;
	return 0;
}

static void say_ok(const struct cli *cli, const struct cfg *cfg, const char *file)
{
	table_print(cli->out, &cli->term_out, TABLE_GOOD, "ok");
	fputs(": ", cli->out);
	table_print(cli->out, &cli->term_out, TABLE_PLAIN, file);
	fputs(cfg->n_site ? ": " : ": no site is configured; the daemon would idle", cli->out);
	for (size_t i = 0; i < cfg->n_site; i++) {
		const struct cfg_site *s = &cfg->site[i];

		fputs(i ? ", " : "", cli->out);
		table_print(cli->out, &cli->term_out, TABLE_PLAIN, s->name);
		fputs(" (", cli->out);
		for (size_t j = 0; j < s->n_tunnel; j++) {
			fputs(j ? ", " : "", cli->out);
			table_print(cli->out, &cli->term_out, TABLE_PLAIN, s->tunnel[j].name);
		}
		fputs(")", cli->out);
	}
	fputc('\n', cli->out);
}

/* What is allowed, but odd. */
static void say_notes(const struct cli *cli, const struct cfg *cfg)
{
	for (size_t i = 0; i < cfg->n_note; i++) {
		fputs("note: ", cli->err);
		table_print(cli->err, &cli->term_err, TABLE_PLAIN, cfg->note[i].text);
		fprintf(cli->err, " (%s)\n", cfg->note[i].id);
	}
}

static json_t *notes_json(const struct cfg *cfg)
{
	json_t *list = json_array();

	for (size_t i = 0; cfg && i < cfg->n_note; i++)
		if (json_array_append_new(
		        list, json_pack("{s:s,s:s}", "id", cfg->note[i].id, "text", cfg->note[i].text))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

/* cfg NULL: refused, and why. */
static int say_json(struct cli *cli, const struct cfg *cfg, const struct reason *why)
{
	json_t *doc = why ? json_pack("{s:b,s:{s:s,s:s},s:o}", "ok", 0, "error", "id", why->id, "text",
	                        why->text, "note", notes_json(cfg))
	                  : json_pack("{s:b,s:n,s:o}", "ok", 1, "error", "note", notes_json(cfg));
	int r = doc ? json_dumpf(doc, cli->out, JSON_INDENT(2) | JSON_ENSURE_ASCII) : -1;

	fputc('\n', cli->out);
	json_decref(doc);
	return r < 0 ? cli_failf(cli, CLI_FAILED, "the reason can't be written as JSON: %s",
	                   why ? why->id : "of a note")
	             : CLI_OK;
}

int cmd_config_check(struct cli *cli, const struct args *args)
{
	const char *file = args->word[0];
	struct reason why = { 0 };
	struct cfg *cfg = NULL;
	char unread[4096];

	if (load(file, &cfg, unread, sizeof(unread), &why) < 0) {
		if (cli->json)
			say_json(cli, NULL, &why);
		else
			cli_fail(cli, CLI_FAILED, &why);
		return CLI_FAILED;
	}
	int rc = CLI_OK;
	if (cli->json)
		rc = say_json(cli, cfg, NULL);
	else
		say_ok(cli, cfg, file);
	if (!cli->json)
		say_notes(cli, cfg);
	if (*unread) {
		fputs("note: secrets were not checked, this user may not read ", cli->err);
		table_print(cli->err, &cli->term_err, TABLE_PLAIN, unread);
		fputc('\n', cli->err);
	}
	cfg_free(cfg);
	return rc;
}

int cmd_config_show(struct cli *cli, const struct args *args)
{
	(void)args;
	/* Instance data of RFC 7951 begins with the module's member; without it the output would not be a
	 * file to load. */
	return fetch_print(cli, API_DATA "causeway:connector", false, 0);
}

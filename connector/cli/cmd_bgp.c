/* SPDX-License-Identifier: Apache-2.0 */
/* `bgp`: the sessions, one of them in full, and the routes with the reason for each decision. */
#include "connector/cli/commands.h"
#include "connector/cli/fetch.h"
#include "connector/cli/http.h"
#include "connector/cli/routes_query.h"
#include "connector/cli/status.h"
#include "connector/cli/text.h"

#include <string.h>

#define AS_PATH_TEXT_MAX 400

static enum table_colour session_colour(const char *state)
{
	return strcmp(state, "Established") != 0 ? TABLE_WARN : TABLE_GOOD;
}

static void summary_row(struct table *t, const json_t *peer)
{
	const char *state = get_str(peer, "state");
	char age[TEXT_NUMBER_MAX], text[1024];

	table_cell(t, get_str(peer, "name"));
	table_cell(t, get_str(peer, "address"));
	table_cell_number(t, get_u64(peer, "as"));
	table_cell_colour(t, session_colour(state), state);
	table_cell(t, strcmp(get_str(peer, "state"), "Established")
	                  ? "-"
	                  : text_duration(get_u64(peer, "uptime"), age));
	table_cell_number(t, get_u64(peer, "received"));
	table_cell_number(t, get_u64(peer, "accepted"));
	table_cell_number(t, get_u64(peer, "advertised"));
	table_end_row(t);
	if (reason_of(json_object_get(peer, "error"), text, sizeof(text)))
		table_note(t, TABLE_BAD, "error", text);
}

/* Networks that are announced otherwise than the configuration says. */
static void by_command(struct cli *cli, const json_t *bgp, bool withdrawn, const char *label)
{
	const json_t *e;
	size_t i, n = 0;

	json_array_foreach(json_object_get(bgp, "by-command"), i, e)
	{
		if (get_bool(e, "withdrawn") != withdrawn)
			continue;
		fputs(n++ ? ", " : label, cli->out);
		table_print(
		    cli->out, &cli->term_out, withdrawn ? TABLE_WARN : TABLE_PLAIN, get_str(e, "prefix"));
	}
	if (n)
		fputc('\n', cli->out);
}

int cmd_bgp_summary(struct cli *cli, const struct args *args)
{
	static const struct table_column columns[] = {
		{ "PEER", false },
		{ "ADDRESS", false },
		{ "AS", true },
		{ "STATE", false },
		{ "UP", true },
		{ "RECEIVED", true },
		{ "ACCEPTED", true },
		{ "ADVERTISED", true },
	};
	struct reason why = { 0 };
	json_t *bgp = NULL;
	const json_t *peer;
	size_t i;

	(void)args;
	if (cli->json)
		return fetch_print(cli, API_STATE "bgp", true, 0);
	enum cli_exit rc = fetch_json(cli, API_STATE "bgp", "causeway:bgp", &bgp, &why);
	if (rc != CLI_OK)
		return cli_fail(cli, rc, &why);
	if (get_u64(bgp, "as"))
		fprintf(cli->out, "AS %llu, router ID ", (unsigned long long)get_u64(bgp, "as"));
	else
		fputs("BGP is not configured; router ID ", cli->out);
	table_print(cli->out, &cli->term_out, TABLE_PLAIN,
	    *get_str(bgp, "router-id") ? get_str(bgp, "router-id") : "none");
	fputc('\n', cli->out);
	struct table *t = table_new(cli->out, &cli->term_out, columns, sizeof(columns) / sizeof(columns[0]));
	if (json_array_size(json_object_get(bgp, "peer")))
		fputc('\n', cli->out);
	json_array_foreach(json_object_get(bgp, "peer"), i, peer) summary_row(t, peer);
	if (!table_finish(t))
		fputs("No BGP peer is configured.\n", cli->err);
	by_command(cli, bgp, false, "Announced by command, until withdrawn or a new start: ");
	by_command(cli, bgp, true, "Configured, and withdrawn by command: ");
	json_decref(bgp);
	return CLI_OK;
}

/* {"state":"Up","tx-interval":300,"polling":false,"remote":{"min-rx":50}}: "state Up, tx interval 300, remote
 * (min rx 50)". What is false, null or empty says nothing. Answers have two floors at most. */
#define OBJECT_FLOORS 3

static void words_of(const char *key, char *buf, size_t cap)
{
	snprintf(buf, cap, "%s", key);
	for (char *p = buf; (p = strchr(p, '-'));)
		*p = ' ';
}

static void member_text(const char *label, json_t *value, unsigned floors, char *buf, size_t cap);

static void object_text(json_t *object, unsigned floors, char *buf, size_t cap)
{
	char one[512], label[64];
	const char *key;
	json_t *value;
	size_t n = 0;

	buf[0] = '\0';
	json_object_foreach(object, key, value)
	{
		words_of(key, label, sizeof(label));
		member_text(label, value, floors - 1, one, sizeof(one));
		if (*one && n < cap)
			n += (size_t)snprintf(buf + n, cap - n, "%s%s", n ? ", " : "", one);
	}
}

static void member_text(const char *label, json_t *value, unsigned floors, char *buf, size_t cap)
{
	char inner[400];

	buf[0] = '\0';
	if (json_is_true(value)) {
		snprintf(buf, cap, "%s", label);
	} else if (json_is_string(value) && *json_string_value(value)) {
		snprintf(buf, cap, "%s %s", label, json_string_value(value));
	} else if (json_is_integer(value)) {
		snprintf(buf, cap, "%s %lld", label, (long long)json_integer_value(value));
	} else if (json_is_object(value) && floors > 0) {
		object_text(value, floors, inner, sizeof(inner));
		if (*inner)
			snprintf(buf, cap, "%s (%s)", label, inner);
	}
}

/* "hold-time" -> "hold time": what the API says is shown whatever it is called, so a newer daemon's fields
 * appear too. */
static void peer_field(struct table *t, const char *key, json_t *value)
{
	char label[64], text[1024];

	words_of(key, label, sizeof(label));
	if (json_is_null(value) || (json_is_string(value) && !*json_string_value(value)))
		return;
	table_cell(t, "");
	table_cell_colour(t, TABLE_DIM, label);
	if (json_is_string(value)) {
		table_cell(t, json_string_value(value));
	} else if (json_is_boolean(value)) {
		table_cell(t, json_is_true(value) ? "yes" : "no");
	} else if (json_is_integer(value)) {
		table_cellf(t, "%lld", (long long)json_integer_value(value));
	} else if (reason_of(value, text, sizeof(text))) {
		table_cell_colour(t, TABLE_BAD, text);
	} else if (json_is_object(value)) {
		object_text(value, OBJECT_FLOORS, text, sizeof(text));
		table_cell(t, *text ? text : "none");
	} else {
		size_t n = json_dumpb(value, text, sizeof(text) - 1, JSON_COMPACT | JSON_ENCODE_ANY);

		text[n < sizeof(text) ? n : 0] = '\0';
		table_cell(t, text);
	}
	table_end_row(t);
}

/* {"in":{"total":9,"update":2},"out":{...}}: "9 total, 2 update"; the order is the daemon's. */
static void messages_field(struct table *t, const char *label, json_t *counts)
{
	char buf[400];
	const char *key;
	json_t *v;
	size_t n = 0;

	buf[0] = '\0';
	json_object_foreach(counts, key, v) if (json_is_integer(v) && json_integer_value(v) > 0 &&
	                                        n < sizeof(buf)) n += (size_t)snprintf(buf + n,
	    sizeof(buf) - n, "%s%lld %s", n ? ", " : "", (long long)json_integer_value(v), key);
	table_cell(t, "");
	table_cell_colour(t, TABLE_DIM, label);
	table_cell(t, n ? buf : "none");
	table_end_row(t);
}

/* The ups and downs of late, newest first. */
static void history_fields(struct table *t, const json_t *history)
{
	const json_t *e;
	size_t i;

	json_array_foreach(history, i, e)
	{
		char times[40] = "";

		if (get_u64(e, "times") > 1)
			snprintf(
			    times, sizeof(times), " (%llu times)", (unsigned long long)get_u64(e, "times"));
		table_cell(t, "");
		table_cell_colour(t, TABLE_DIM, i ? "" : "history");
		table_cellf(t, "%s %s%s%s%s", get_str(e, "time"), get_str(e, "state"),
		    *get_str(e, "reason") ? ": " : "", get_str(e, "reason"), times);
		table_end_row(t);
	}
}

static void notification_field(struct table *t, const char *label, const json_t *n)
{
	if (!json_is_object(n))
		return;
	table_cell(t, "");
	table_cell_colour(t, TABLE_DIM, label);
	table_cellf(t, "%s %s (%llu/%llu)", get_str(n, "time"), get_str(n, "text"),
	    (unsigned long long)get_u64(n, "code"), (unsigned long long)get_u64(n, "subcode"));
	table_end_row(t);
}

/* {"route-refresh":true,"ipv6-unicast":false}: "route-refresh". */
static void capabilities_field(struct table *t, json_t *capabilities)
{
	char buf[400];
	const char *key;
	json_t *v;
	size_t n = 0;

	buf[0] = '\0';
	json_object_foreach(capabilities, key, v) if (json_is_true(v) && n < sizeof(buf)) n +=
	    (size_t)snprintf(buf + n, sizeof(buf) - n, "%s%s", n ? ", " : "", key);
	table_cell(t, "");
	table_cell_colour(t, TABLE_DIM, "capabilities");
	table_cell(t, n ? buf : "none");
	table_end_row(t);
}

static int peer_show(void *ctx, const json_t *peer)
{
	static const struct table_column columns[] = { { NULL, false }, { NULL, false }, { NULL, false } };
	struct cli *cli = ctx;
	const char *state = get_str(peer, "state"), *key;
	char age[TEXT_NUMBER_MAX];
	json_t *value;

	table_print(cli->out, &cli->term_out, TABLE_BOLD, get_str(peer, "name"));
	fputs(": ", cli->out);
	table_print(cli->out, &cli->term_out, session_colour(state), state);
	if (get_u64(peer, "uptime"))
		fprintf(cli->out, " for %s", text_duration(get_u64(peer, "uptime"), age));
	fputc('\n', cli->out);
	struct table *t = table_new(cli->out, &cli->term_out, columns, 3);
	json_object_foreach((json_t *)(uintptr_t)peer, key, value)
	{
		if (!strcmp(key, "name") || !strcmp(key, "state") || !strcmp(key, "uptime"))
			continue;
		if (!strcmp(key, "messages")) {
			messages_field(t, "messages in", json_object_get(value, "in"));
			messages_field(t, "messages out", json_object_get(value, "out"));
		} else if (!strcmp(key, "prefixes")) {
			messages_field(t, "prefixes in", json_object_get(value, "in"));
			messages_field(t, "prefixes out", json_object_get(value, "out"));
		} else if (!strcmp(key, "history")) {
			history_fields(t, value);
		} else if (!strcmp(key, "notification")) {
			notification_field(t, "notified", json_object_get(value, "sent"));
			notification_field(t, "was notified", json_object_get(value, "received"));
		} else if (!strcmp(key, "capabilities")) {
			capabilities_field(t, value);
		} else {
			peer_field(t, key, value);
		}
	}
	table_finish(t);
	return 0;
}

int cmd_bgp_peer(struct cli *cli, const struct args *args)
{
	char path[1024] = API_STATE "peers", escaped[512];

	if (args->n_words) {
		if (!http_escape(args->word[0], escaped, sizeof(escaped)))
			return cli_failf(cli, CLI_USAGE, "the peer's name is too long");
		snprintf(path, sizeof(path), API_STATE "peers=%s", escaped);
	}
	if (cli->json)
		return fetch_print(cli, path, true, 0);
	return fetch_each(cli, path, "peer", peer_show, cli);
}

struct routes_table {
	struct table *t;
	bool communities; /* a note with them below each row: when one prefix was asked for */
};

static void as_path_text(const json_t *path, char *buf, size_t cap)
{
	const json_t *as;
	size_t i, n = 0;

	buf[0] = '\0';
	json_array_foreach(path, i, as) if (n < cap) n +=
	    (size_t)snprintf(buf + n, cap - n, "%s%lld", n ? " " : "", (long long)json_integer_value(as));
	if (n >= cap)
		snprintf(buf + cap - 4, 4, "...");
}

static void list_note(struct table *t, const char *label, const json_t *list)
{
	char buf[1200];
	const json_t *c;
	size_t i, n = 0;

	json_array_foreach(list, i, c) if (json_is_string(c) && n < sizeof(buf)) n +=
	    (size_t)snprintf(buf + n, sizeof(buf) - n, "%s%s", n ? " " : "", json_string_value(c));
	if (n)
		table_note(t, TABLE_DIM, label, buf);
}

/* "best, fib, stale" */
static void route_state(struct table *t, bool best, bool in_fib, bool stale)
{
	static const char *const texts[] = { "-", "stale", "fib", "fib, stale", "best", "best, stale",
		"best, fib", "best, fib, stale" };

	table_cell_colour(t,
	    stale    ? TABLE_WARN
	    : in_fib ? TABLE_GOOD
	             : TABLE_PLAIN,
	    texts[(best ? 4 : 0) + (in_fib ? 2 : 0) + (stale ? 1 : 0)]);
}

static int route_row(void *ctx, const json_t *r)
{
	struct routes_table *rt = ctx;
	char path[AS_PATH_TEXT_MAX];
	bool best = get_bool(r, "best"), in_fib = get_bool(r, "in-fib");

	if (*get_str(r, "as-path-text"))
		snprintf(path, sizeof(path), "%s", get_str(r, "as-path-text"));
	else
		as_path_text(json_object_get(r, "as-path"), path, sizeof(path));
	table_cell(rt->t, get_str(r, "prefix"));
	table_cell(rt->t, *get_str(r, "nexthop") ? get_str(r, "nexthop") : "-");
	table_cell(rt->t, *get_str(r, "peer") ? get_str(r, "peer") : "ourselves");
	table_cellf(rt->t, "%s%s%s", path, *path ? " " : "", get_str(r, "origin"));
	table_cell_number(rt->t, get_u64(r, "local-pref"));
	if (json_is_integer(json_object_get(r, "med")))
		table_cell_number(rt->t, get_u64(r, "med"));
	else
		table_cell(rt->t, "-");
	route_state(rt->t, best, in_fib, get_bool(r, "stale"));
	table_cell(rt->t, get_str(r, "reason"));
	table_end_row(rt->t);
	if (rt->communities) {
		list_note(rt->t, "communities", json_object_get(r, "communities"));
		list_note(rt->t, "well-known", json_object_get(r, "well-known-communities"));
		list_note(rt->t, "large communities", json_object_get(r, "large-communities"));
		list_note(rt->t, "extended communities", json_object_get(r, "extended-communities"));
	}
	return 0;
}

static int count_show(struct cli *cli, const char *path)
{
	struct reason why = { 0 };
	json_t *doc = NULL;
	enum cli_exit rc = fetch_json(cli, path, "causeway:routes", &doc, &why);

	if (rc != CLI_OK)
		return cli_fail(cli, rc, &why);
	fprintf(cli->out, "%llu\n", (unsigned long long)get_u64(doc, "count"));
	json_decref(doc);
	return CLI_OK;
}

int cmd_bgp_routes(struct cli *cli, const struct args *args)
{
	static const struct table_column columns[] = {
		{ "PREFIX", false },
		{ "NEXTHOP", false },
		{ "PEER", false },
		{ "AS PATH", false },
		{ "PREF", true },
		{ "MED", true },
		{ "STATE", false },
		{ "REASON", false },
	};
	char path[2048];

	if (args_has(args, "why"))
		return cmd_bgp_why(cli, args);
	int rc = routes_query(cli, args, path, sizeof(path));

	if (rc != CLI_OK)
		return rc;
	/* {"route":[ROW,...]}: a row is a line. */
	if (cli->json)
		return fetch_print(cli, path, true, 3);
	if (args_has(args, "count"))
		return count_show(cli, path);
	struct routes_table rt = { .communities = args->n_words > 0 || args_has(args, "covering") };
	rt.t = table_new(cli->out, &cli->term_out, columns, sizeof(columns) / sizeof(columns[0]));
	rc = fetch_each(cli, path, "route", route_row, &rt);
	if (!table_finish(rt.t) && rc == CLI_OK)
		fputs("No such routes.\n", cli->err);
	return rc;
}

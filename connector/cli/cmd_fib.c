/* SPDX-License-Identifier: Apache-2.0 */
/* `fib show`: what we keep in the kernel, and what is still on its way there. */
#include "connector/cli/commands.h"
#include "connector/cli/fetch.h"
#include "connector/cli/status.h"

#include <string.h>

#define WAYS_TEXT_MAX 800

/* "cw0 via 10.100.255.254, cw1 via 10.100.255.253 weight 2" */
static void ways_text(const json_t *ways, char *buf, size_t cap)
{
	const json_t *way;
	size_t i, n = 0;

	buf[0] = '\0';
	json_array_foreach(ways, i, way)
	{
		const char *interface = get_str(way, "interface"), *via = get_str(way, "via");

		if (n < cap)
			n += (size_t)snprintf(buf + n, cap - n, "%s%s%s%s", n ? ", " : "", interface,
			    *via ? (*interface ? " via " : "via ") : "", via);
		if (n < cap && get_u64(way, "weight") > 1)
			n += (size_t)snprintf(
			    buf + n, cap - n, " weight %llu", (unsigned long long)get_u64(way, "weight"));
	}
	if (!n)
		snprintf(buf, cap, "unreachable");
}

static int route_row(void *ctx, const json_t *r)
{
	struct table *t = ctx;
	bool in_kernel = get_bool(r, "in-kernel");
	char ways[WAYS_TEXT_MAX], text[1024];

	ways_text(json_object_get(r, "nexthop"), ways, sizeof(ways));
	table_cell(t, get_str(r, "prefix"));
	table_cell(t, ways);
	table_cell(t, *get_str(r, "origin") ? get_str(r, "origin") : "-");
	if (json_is_integer(json_object_get(r, "metric")))
		table_cell_number(t, get_u64(r, "metric"));
	else
		table_cell(t, "-");
	table_cell_colour(t, in_kernel ? TABLE_GOOD : TABLE_WARN, in_kernel ? "yes" : "no");
	table_end_row(t);
	if (reason_of(json_object_get(r, "why"), text, sizeof(text)))
		table_note(t, TABLE_WARN, "why", text);
	return 0;
}

int cmd_fib_show(struct cli *cli, const struct args *args)
{
	static const struct table_column columns[] = {
		{ "PREFIX", false },
		{ "NEXTHOP", false },
		{ "ORIGIN", false },
		{ "METRIC", true },
		{ "IN KERNEL", false },
	};

	(void)args;
	/* {"route":[ROW,...]}: a row is a line. */
	if (cli->json)
		return fetch_print(cli, API_STATE "fib", true, 3);
	struct table *t = table_new(cli->out, &cli->term_out, columns, sizeof(columns) / sizeof(columns[0]));
	enum cli_exit rc = fetch_each(cli, API_STATE "fib", "route", route_row, t);
	if (!table_finish(t) && rc == CLI_OK)
		fputs("No route of ours is to be in the kernel.\n", cli->err);
	return rc;
}

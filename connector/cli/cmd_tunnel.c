/* SPDX-License-Identifier: Apache-2.0 */
/* `tunnel`: listing, showing, and telling the daemon to start, stop or rekey one. */
#include "connector/cli/commands.h"
#include "connector/cli/fetch.h"
#include "connector/cli/http.h"
#include "connector/cli/status.h"
#include "connector/cli/text.h"
#include "connector/cli/wait.h"

#include <stdarg.h>
#include <string.h>

/* SITE/TUNNEL: both there, one slash. */
static bool is_tunnel_name(const char *s)
{
	const char *slash = strchr(s, '/');

	return slash && slash != s && slash[1] && !strchr(slash + 1, '/');
}

static int name_fault(struct cli *cli, const char *word)
{
	return cli_failf(cli, CLI_USAGE,
	    "\"%s\" names no tunnel: it takes SITE/TUNNEL, such as azure-hq/t1 (causeway tunnel list)", word);
}

static int tunnels_path(const char *name, char *buf, size_t cap)
{
	char escaped[512];

	if (!http_escape(name, escaped, sizeof(escaped)))
		return -1;
	snprintf(buf, cap, API_STATE "tunnels=%s", escaped);
	return 0;
}

struct sum {
	uint64_t in, out;
};

static struct sum traffic(const json_t *tunnel)
{
	struct sum s = { 0, 0 };
	const json_t *child;
	size_t i;

	json_array_foreach(json_object_get(tunnel, "child"), i, child)
	{
		s.in += get_u64(child, "bytes-in");
		s.out += get_u64(child, "bytes-out");
	}
	return s;
}

static int list_row(void *ctx, const json_t *t)
{
	struct table *table = ctx;
	const char *step = get_str(t, "step");
	struct sum s = traffic(t);
	char buf[TEXT_NUMBER_MAX], text[1024];

	table_cellf(table, "%s/%s", get_str(t, "site"), get_str(t, "name"));
	table_cell_colour(table, step_colour(step, strcmp(get_str(t, "admin"), "down") != 0), step);
	table_cell(table, get_str(t, "local"));
	table_cell(table, get_str(t, "remote"));
	table_cell(table, get_str(t, "interface"));
	table_cell(table, get_str(t, "data-plane"));
	table_cell(table, get_str(t, "nat"));
	table_cell(table, text_bytes(s.in, buf));
	table_cell(table, text_bytes(s.out, buf));
	table_end_row(table);
	if (reason_of(json_object_get(t, "error"), text, sizeof(text)))
		table_note(table, TABLE_BAD, "error", text);
	return 0;
}

int cmd_tunnel_list(struct cli *cli, const struct args *args)
{
	static const struct table_column columns[] = {
		{ "TUNNEL", false },
		{ "STEP", false },
		{ "LOCAL", false },
		{ "REMOTE", false },
		{ "INTERFACE", false },
		{ "PLANE", false },
		{ "NAT", false },
		{ "IN", true },
		{ "OUT", true },
	};

	(void)args;
	if (cli->json)
		return fetch_print(cli, API_STATE "tunnels", true, 0);
	struct table *t = table_new(cli->out, &cli->term_out, columns, sizeof(columns) / sizeof(columns[0]));
	enum cli_exit rc = fetch_each(cli, API_STATE "tunnels", "tunnel", list_row, t);
	if (!table_finish(t) && rc == CLI_OK)
		fputs("No tunnel is configured.\n", cli->err);
	return rc;
}

/* "label  value" lines, for one object; empty values are left out. */
static void field(struct table *t, const char *label, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void field(struct table *t, const char *label, const char *fmt, ...)
{
	char buf[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (!buf[0])
		return;
	table_cell(t, "");
	table_cell_colour(t, TABLE_DIM, label);
	table_cell(t, buf);
	table_end_row(t);
}

/* "192.0.2.1:4500 (id gateway.example)" */
static void show_end(struct table *t, const json_t *tunnel, const char *which)
{
	char key_port[24], key_id[24], port[16] = "";
	const char *address = get_str(tunnel, which);

	snprintf(key_port, sizeof(key_port), "%s-port", which);
	snprintf(key_id, sizeof(key_id), "%s-id", which);
	if (get_u64(tunnel, key_port))
		snprintf(port, sizeof(port), " port %u", (unsigned)get_u64(tunnel, key_port));
	const char *id = get_str(tunnel, key_id);
	field(t, which, "%s%s%s%s", *address ? address : "not known yet", port, *id ? ", identity " : "", id);
}

static void show_ike(struct table *t, const json_t *ike)
{
	char age[TEXT_NUMBER_MAX];

	if (!json_is_object(ike)) {
		field(t, "IKE SA", "none");
		return;
	}
	field(t, "IKE SA", "%s, age %s, rekeyed %llu times, started by %s", get_str(ike, "proposal"),
	    text_duration(get_u64(ike, "age"), age), (unsigned long long)get_u64(ike, "rekeys"),
	    get_bool(ike, "initiator") ? "us" : "the peer");
	field(t, "", "SPIs %s (initiator) %s (responder)", get_str(ike, "spi-i"), get_str(ike, "spi-r"));
}

static void show_children(struct table *t, const json_t *children)
{
	const json_t *c;
	char age[TEXT_NUMBER_MAX], in[TEXT_NUMBER_MAX], out[TEXT_NUMBER_MAX];
	size_t i;

	json_array_foreach(children, i, c)
	{
		field(t, "child SA", "%s, age %s, SPI in %s, SPI out %s", get_str(c, "proposal"),
		    text_duration(get_u64(c, "age"), age), get_str(c, "spi-in"), get_str(c, "spi-out"));
		field(t, "", "in %s (packets: %llu), out %s (packets: %llu)",
		    text_bytes(get_u64(c, "bytes-in"), in), (unsigned long long)get_u64(c, "packets-in"),
		    text_bytes(get_u64(c, "bytes-out"), out), (unsigned long long)get_u64(c, "packets-out"));
	}
	if (!json_array_size(children))
		field(t, "child SA", "none");
}

static void show_list(struct table *t, const char *label, const json_t *value)
{
	char buf[1000] = "";
	size_t i, n = 0;
	const json_t *e;

	if (json_is_string(value)) {
		field(t, label, "%s", json_string_value(value));
		return;
	}
	json_array_foreach(value, i, e) if (json_is_string(e) && n < sizeof(buf)) n +=
	    (size_t)snprintf(buf + n, sizeof(buf) - n, "%s%s", i ? ", " : "", json_string_value(e));
	field(t, label, "%s", buf);
}

static void show_drops(struct table *t, const json_t *drops)
{
	const json_t *d;
	size_t i;

	json_array_foreach(drops, i, d) if (get_u64(d, "count")) field(
	    t, "dropped", "%llu packets: %s", (unsigned long long)get_u64(d, "count"), get_str(d, "name"));
}

static void show_sizes(struct table *t, const json_t *tunnel)
{
	unsigned long long mtu = get_u64(tunnel, "mtu"), mss = get_u64(tunnel, "mss"),
	                   possible = get_u64(tunnel, "mtu-possible"), outer = get_u64(tunnel, "mtu-outer"),
	                   probed = get_u64(tunnel, "mtu-probed"), tried = get_u64(tunnel, "mtu-tried");
	char text[1024];

	if (!mtu)
		return;
	field(t, "MTU, MSS", "%llu, %llu%s", mtu, mss,
	    possible && possible <= mtu ? "; larger packets would not fit by the way to the peer" : "");
	if (outer)
		field(t, "MTU outside", "%llu", outer);
	if (probed && probed < tried)
		field(t, "MTU probed", "%llu; larger packets vanish on the way without a word", probed);
	if (reason_of(json_object_get(tunnel, "mss-error"), text, sizeof(text)))
		field(t, "MSS not held", "%s", text);
}

/* Not every data plane can tell. */
static const char *gap_of(const json_t *record, char *buf, size_t size)
{
	snprintf(buf, size, " longest gap %llu ms,", (unsigned long long)get_u64(record, "longest-gap-ms"));
	return json_is_integer(json_object_get(record, "longest-gap-ms")) ? buf : "";
}

static void show_moves(struct table *t, const json_t *tunnel)
{
	const char *mobike = get_str(tunnel, "mobike");
	unsigned long long moves = get_u64(tunnel, "moves");
	char times[96] = "";

	if (moves)
		snprintf(times, sizeof(times), "moved %llu time%s, last %s", moves, moves == 1 ? "" : "s",
		    get_str(tunnel, "moved"));
	if (!strcmp(mobike, "agreed") || !strcmp(mobike, "not-agreed"))
		field(t, "MOBIKE", "%s%s%s",
		    !strcmp(mobike, "agreed") ? "agreed" : "the peer does not know it", moves ? "; " : "",
		    times);
	else if (moves)
		field(t, "addresses", "%s", times);
}

/* One line each: "2026-08-01T12:00:00Z child by us (time): 5 late in, gap 12 ms, drained 2100 ms". */
static void show_rekeys(struct table *t, const json_t *list)
{
	const json_t *r;
	size_t i;

	json_array_foreach(list, i, r)
	{
		char numbers[192] = "", gap[48];

		if (json_is_integer(json_object_get(r, "drained-ms")))
			snprintf(numbers, sizeof(numbers),
			    ": %llu late packets, %llu on the new SA,%s drained %llu ms",
			    (unsigned long long)get_u64(r, "old-packets-in"),
			    (unsigned long long)get_u64(r, "new-packets-in"), gap_of(r, gap, sizeof(gap)),
			    (unsigned long long)get_u64(r, "drained-ms"));
		else if (!strcmp(get_str(r, "kind"), "child"))
			snprintf(numbers, sizeof(numbers), ": the old SA still takes late packets");
		field(t, i ? "" : "last rekeys", "%s %s by %s (%s%s)%s", get_str(r, "when"),
		    get_str(r, "kind"), get_str(r, "by"), get_str(r, "reason"),
		    get_bool(r, "collision") ? ", both at once" : "", numbers);
	}
}

static void show_ppk(struct table *t, const json_t *tunnel)
{
	const char *ppk = get_str(tunnel, "ppk");

	if (!strcmp(ppk, "used") || !strcmp(ppk, "not-used"))
		field(t, "PPK", "%s",
		    !strcmp(ppk, "used") ? "in the keys" : "not used: the peer has none, or another");
}

static void show_tunnel(struct cli *cli, const json_t *tunnel)
{
	static const struct table_column columns[] = { { NULL, false }, { NULL, false }, { NULL, false } };
	const char *step = get_str(tunnel, "step"), *next = get_str(json_object_get(tunnel, "next"), "text");
	const char *note;
	char text[1024], age[TEXT_NUMBER_MAX];
	bool admin_up = strcmp(get_str(tunnel, "admin"), "down") != 0;

	snprintf(text, sizeof(text), "%s/%s", get_str(tunnel, "site"), get_str(tunnel, "name"));
	table_print(cli->out, &cli->term_out, TABLE_BOLD, text);
	fputs(": ", cli->out);
	table_print(cli->out, &cli->term_out, step_colour(step, admin_up), step);
	fprintf(cli->out, " for %s%s\n", text_duration(get_seconds_since(tunnel, "since"), age),
	    admin_up ? "" : ", taken down by an admin");
	struct table *t = table_new(cli->out, &cli->term_out, columns, 3);
	if (reason_of(json_object_get(tunnel, "error"), text, sizeof(text)))
		field(t, "error", "%s", text);
	if (weak_text(json_object_get(tunnel, "weak-algorithm"), text, sizeof(text)))
		field(t, "warning", "%s", text);
	if (get_u64(tunnel, "refused-attempts") &&
	    reason_of(json_object_get(tunnel, "refused-last"), text, sizeof(text)))
		field(t, "refused", "%llu attempts of others; the last: %s",
		    (unsigned long long)get_u64(tunnel, "refused-attempts"), text);
	if (*next)
		field(t, "next", "%s", next);
	else if (admin_up)
		field(t, "next", "%s", step_awaits(step));
	show_end(t, tunnel, "local");
	show_end(t, tunnel, "remote");
	field(t, "NAT", "%s%s", get_str(tunnel, "nat"),
	    get_bool(tunnel, "encapsulated") ? "; ESP travels in UDP" : "");
	show_moves(t, tunnel);
	field(t, "interface", "%s", get_str(tunnel, "interface"));
	show_sizes(t, tunnel);
	note = get_str(json_object_get(tunnel, "data-plane-note"), "text");
	field(t, "data plane", "%s%s%s", get_str(tunnel, "data-plane"), note && note[0] ? ": " : "",
	    note ? note : "");
	show_list(t, "inside", json_object_get(tunnel, "inside-address"));
	show_ike(t, json_object_get(tunnel, "ike"));
	show_ppk(t, tunnel);
	show_children(t, json_object_get(tunnel, "child"));
	field(t, "rekeys", "%llu of child SAs", (unsigned long long)get_u64(tunnel, "child-rekeys"));
	show_rekeys(t, json_object_get(tunnel, "rekey-record"));
	if (get_bool(tunnel, "ts-narrowed"))
		field(t, "selectors",
		    "narrowed by the peer: only these addresses pass; a route-based peer takes any");
	show_list(t, "selectors local", json_object_get(tunnel, "ts-local"));
	show_list(t, "selectors remote", json_object_get(tunnel, "ts-remote"));
	show_drops(t, json_object_get(tunnel, "drop"));
	table_finish(t);
}

int cmd_tunnel_show(struct cli *cli, const struct args *args)
{
	struct reason why = { 0 };
	json_t *t = NULL;
	char path[1024];

	if (!is_tunnel_name(args->word[0]) || tunnels_path(args->word[0], path, sizeof(path)) < 0)
		return name_fault(cli, args->word[0]);
	if (cli->json)
		return fetch_print(cli, path, true, 0);
	enum cli_exit rc = tunnel_fetch(cli, args->word[0], &t, &why);
	if (rc != CLI_OK)
		return cli_fail(cli, rc, &why);
	show_tunnel(cli, t);
	json_decref(t);
	return CLI_OK;
}

/* The three operations: tell the daemon, wait if so told, and with --json show what has become of the tunnel.
 */
static int operate(
    struct cli *cli, const struct args *args, const char *operation, enum wait_goal goal, bool wait_default)
{
	const char *name = args->word[0];
	bool wait;
	struct reason why = { 0 };
	json_t *before = NULL;
	mdur timeout;
	char path[1024];

	if (!is_tunnel_name(name) || tunnels_path(name, path, sizeof(path)) < 0)
		return name_fault(cli, name);
	if (wait_options(cli, args, wait_default, &wait, &timeout) != CLI_OK)
		return CLI_USAGE;
	/* A rekey is seen by its count, so the count before is needed. */
	bool counted = goal == WAIT_REKEY || goal == WAIT_REKEY_IKE;
	enum cli_exit rc = counted && wait ? tunnel_fetch(cli, name, &before, &why) : CLI_OK;
	uint64_t rekeys = goal == WAIT_REKEY_IKE ? get_u64(json_object_get(before, "ike"), "rekeys")
	                                         : get_u64(before, "child-rekeys");
	json_decref(before);
	if (rc == CLI_OK)
		rc = fetch_tunnel_op(cli, operation, name, &why);
	if (rc != CLI_OK)
		return cli_fail(cli, rc, &why);
	if (wait)
		rc = wait_tunnel(cli, name, goal, timeout, rekeys);
	if (cli->json && rc != CLI_UNREACHABLE && rc != CLI_NOT_FOUND) {
		enum cli_exit shown = fetch_print(cli, path, true, 0);
		rc = rc == CLI_OK ? shown : rc;
	}
	return rc;
}

int cmd_tunnel_up(struct cli *cli, const struct args *args)
{
	return operate(cli, args, "causeway:tunnel-up", WAIT_UP, true);
}

int cmd_tunnel_down(struct cli *cli, const struct args *args)
{
	return operate(cli, args, "causeway:tunnel-down", WAIT_DOWN, false);
}

int cmd_tunnel_rekey(struct cli *cli, const struct args *args)
{
	if (args_has(args, "ike"))
		return operate(cli, args, "causeway:tunnel-rekey-ike", WAIT_REKEY_IKE, false);
	return operate(cli, args, "causeway:tunnel-rekey", WAIT_REKEY, false);
}

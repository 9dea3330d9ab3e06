/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bgp monitor`: a line for each event until interrupted. The daemon sends one JSON object a line, and blank
 * lines so that a daemon that hangs is told from a quiet network; with --json the objects go out as they are.
 */
#include "base/addr.h"
#include "connector/cli/commands.h"
#include "connector/cli/fetch.h"
#include "connector/cli/http.h"
#include "connector/cli/table.h"

#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 8192

struct lines {
	struct cli *cli;
	char buf[LINE_MAX_BYTES];
	size_t n;
	bool said;
	bool cut; /* the line is longer than any of the daemon's */
};

static void words_of(const json_t *e, char *buf, size_t cap)
{
	const char *kind = get_str(e, "event"), *peer = get_str(e, "peer"), *prefix = get_str(e, "prefix"),
	           *reason = get_str(e, "reason"), *nexthop = get_str(e, "nexthop");

	if (!strcmp(kind, "state"))
		snprintf(buf, cap, "%s: %s -> %s%s%s", peer, get_str(e, "was"), get_str(e, "state"),
		    *reason ? ": " : "", reason);
	else if (!strcmp(kind, "announce"))
		snprintf(buf, cap, "%s: announces %s by %s, path %s", peer, prefix,
		    *nexthop ? nexthop : "none",
		    *get_str(e, "as-path-text") ? get_str(e, "as-path-text") : "empty");
	else if (!strcmp(kind, "withdraw"))
		snprintf(buf, cap, "%s: withdraws %s", peer, prefix);
	else if (!strcmp(kind, "end-of-rib"))
		snprintf(buf, cap, "%s: that was all of %s", peer, get_str(e, "family"));
	else if (!strcmp(kind, "best") && get_u64(e, "ways"))
		snprintf(buf, cap, "best: %s by %s (%s)%s", prefix, nexthop, peer,
		    get_u64(e, "ways") > 1 ? " and others" : "");
	else if (!strcmp(kind, "best"))
		snprintf(buf, cap, "best: %s has no way any more", prefix);
	else if (!strcmp(kind, "fib"))
		snprintf(buf, cap, "fib: %s is %s the kernel%s%s", prefix,
		    get_bool(e, "in-kernel") ? "in" : "not in", *reason ? ": " : "", reason);
	else if (!strcmp(kind, "lost"))
		snprintf(buf, cap, "lost: %llu events, because this program did not keep up",
		    (unsigned long long)get_u64(e, "lost"));
	else
		snprintf(buf, cap, "%s: %s", kind, prefix); /* of a newer daemon */
}

/* Non-zero: nobody reads what we write. */
static int one_line(struct lines *l)
{
	json_t *e = json_loadb(l->buf, l->n, 0, NULL);
	char text[2000];
	struct cli *cli = l->cli;

	if (!e)
		return 0;
	if (cli->json) {
		json_dumpf(e, cli->out, JSON_COMPACT | JSON_ENSURE_ASCII);
	} else {
		words_of(e, text, sizeof(text));
		if (*get_str(e, "time"))
			fprintf(cli->out, "%.20s ", get_str(e, "time"));
		table_print(cli->out, &cli->term_out,
		    !strcmp(get_str(e, "event"), "lost") ? TABLE_WARN : TABLE_PLAIN, text);
	}
	json_decref(e);
	fputc('\n', cli->out);
	return fflush(cli->out) != 0;
}

static int feed(void *ctx, const char *data, size_t len)
{
	struct lines *l = ctx;

	if (!l->said) { /* the daemon sends a blank line at once */
		fputs("Listening; interrupt to end.\n", l->cli->err);
		fflush(l->cli->err);
		l->said = true;
	}
	for (size_t i = 0; i < len; i++) {
		if (data[i] != '\n') {
			l->cut = l->n == sizeof(l->buf);
			if (!l->cut)
				l->buf[l->n++] = data[i];
			continue;
		}
		if (l->n && !l->cut && one_line(l))
			return -1;
		l->n = 0;
		l->cut = false;
	}
	return 0;
}

static int monitor_path(struct cli *cli, const struct args *args, char *path, size_t cap)
{
	const char *peer = args_value(args, "peer");
	char escaped[512];
	struct prefix prefix;
	size_t n = (size_t)snprintf(path, cap, API_STATE "monitor?");

	if (args->n_words) {
		if (prefix_parse(args->word[0], false, &prefix) < 0)
			return cli_failf(cli, CLI_USAGE,
			    "\"%s\" is no prefix: it takes one like 10.100.0.0/16, or an address",
			    args->word[0]);
		prefix = prefix_canonical(prefix);
		http_escape(prefix_str(&prefix), escaped, sizeof(escaped));
		n += (size_t)snprintf(path + n, cap - n, "prefix=%s&", escaped);
	}
	if (peer && !http_escape(peer, escaped, sizeof(escaped)))
		return cli_failf(cli, CLI_USAGE, "the peer's name is too long");
	if (peer)
		n += (size_t)snprintf(path + n, cap - n, "peer=%s&", escaped);
	path[n - 1] = '\0'; /* the last '?' or '&' */
	return CLI_OK;
}

int cmd_bgp_monitor(struct cli *cli, const struct args *args)
{
	char path[2048];
	struct lines *l;
	int rc = monitor_path(cli, args, path, sizeof(path));

	if (rc != CLI_OK)
		return rc;
	l = calloc(1, sizeof(*l));
	if (!l)
		return cli_failf(cli, CLI_FAILED, "out of memory");
	l->cli = cli;
	rc = fetch_raw(cli, path, feed, l);
	free(l);
	return rc;
}

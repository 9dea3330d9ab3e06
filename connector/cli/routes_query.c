/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of `bgp routes` as a question to the daemon, which filters: what does not fit never comes over
 * the wire. What can be judged here is judged here, so that a slip costs no round trip; communities are the
 * daemon's to read.
 */
#include "connector/cli/routes_query.h"

#include "base/addr.h"
#include "connector/cli/fetch.h"
#include "connector/cli/http.h"

#include <stdlib.h>
#include <string.h>

struct query {
	struct cli *cli;
	const struct args *args;
	char *path;
	size_t n, cap;
};

static int add(struct query *q, const char *key, const char *value)
{
	char escaped[512];

	if (!http_escape(value, escaped, sizeof(escaped)) || q->n >= q->cap)
		return cli_failf(q->cli, CLI_USAGE, "--%s: this is too long", key);
	q->n += (size_t)snprintf(q->path + q->n, q->cap - q->n, "&%s=%s", key, escaped);
	return CLI_OK;
}

static int add_view(struct query *q)
{
	static const char *const views[] = { "received", "advertised", "best", "rejected" };
	const char *view = NULL;

	if (args_has(q->args, "advertised") && args_has(q->args, "rejected") &&
	    !args_has(q->args, "received") &&
	    !args_has(q->args, "best")) { /* what we would announce, and don't */
		q->n = (size_t)snprintf(q->path, q->cap, API_STATE "routes?view=withheld");
		return CLI_OK;
	}
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		if (!args_has(q->args, views[i]))
			continue;
		if (view)
			return cli_failf(
			    q->cli, CLI_USAGE, "--%s and --%s do not go together", view, views[i]);
		view = views[i];
	}
	q->n = (size_t)snprintf(q->path, q->cap, API_STATE "routes?view=%s", view ? view : "best");
	return CLI_OK;
}

static int add_prefix(struct query *q)
{
	const struct args *a = q->args;
	const char *covering = args_value(a, "covering");
	struct prefix prefix;
	struct addr addr;

	if (covering && a->n_words)
		return cli_failf(q->cli, CLI_USAGE, "--covering takes the place of a prefix");
	if (args_has(a, "exact") && args_has(a, "longer"))
		return cli_failf(q->cli, CLI_USAGE, "--exact and --longer do not go together");
	if (!a->n_words && (args_has(a, "exact") || args_has(a, "longer")))
		return cli_failf(q->cli, CLI_USAGE, "--exact and --longer need a prefix");
	if (covering && addr_parse(covering, &addr))
		return cli_failf(q->cli, CLI_USAGE, "\"%s\" is no address", covering);
	if (covering)
		return add(q, "covering", covering);
	if (!a->n_words)
		return CLI_OK;
	if (prefix_parse(a->word[0], false, &prefix) < 0)
		return cli_failf(q->cli, CLI_USAGE,
		    "\"%s\" is no prefix: it takes one like 10.100.0.0/16, or an address", a->word[0]);
	prefix = prefix_canonical(prefix);
	int rc = add(q, "prefix", prefix_str(&prefix));
	return rc == CLI_OK && args_has(a, "exact") ? add(q, "match", "exact") : rc;
}

static int add_number(struct query *q, const char *option)
{
	const char *text = args_value(q->args, option);
	char *end = NULL;

	if (!text)
		return CLI_OK;
	if (text[0] < '0' || text[0] > '9' || strtoull(text, &end, 10) > UINT32_MAX || *end)
		return cli_failf(q->cli, CLI_USAGE, "--%s takes an AS number: %s", option, text);
	return add(q, option, text);
}

int routes_query(struct cli *cli, const struct args *args, char *path, size_t cap)
{
	struct query q = { .cli = cli, .args = args, .path = path, .cap = cap };
	const char *peer = args_value(args, "peer"), *community = args_value(args, "community");
	int rc = add_view(&q);

	rc = rc == CLI_OK ? add_prefix(&q) : rc;
	if (rc == CLI_OK && peer)
		rc = add(&q, "peer", peer);
	if (rc == CLI_OK && community)
		rc = add(&q, "community", community);
	rc = rc == CLI_OK ? add_number(&q, "as") : rc;
	rc = rc == CLI_OK ? add_number(&q, "origin-as") : rc;
	rc = rc == CLI_OK ? add_number(&q, "neighbour-as") : rc;
	return rc == CLI_OK && args_has(args, "count") ? add(&q, "count", "true") : rc;
}

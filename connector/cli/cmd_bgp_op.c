/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bgp announce|withdraw|refresh|up|down`: what people tell BGP while it runs. Announcing waits until every
 * established peer has been told, and `up` until the session is; both say on stderr how far that is.
 */
#include "base/addr.h"
#include "connector/cli/commands.h"
#include "connector/cli/fetch.h"
#include "connector/cli/http.h"
#include "connector/cli/status.h"
#include "connector/cli/text.h"
#include "connector/cli/wait.h"

#include <string.h>
#include <time.h>

#define NAMES_MAX 400

static void pause_between(const struct cli *cli)
{
	const struct timespec pause = { .tv_sec = mdur_to_s(cli->poll),
		.tv_nsec = cli->poll.ns % 1000000000 };

	nanosleep(&pause, NULL);
}

static int state_path(const char *resource, const char *key, char *path, size_t cap)
{
	char escaped[512];

	if (!http_escape(key, escaped, sizeof(escaped)))
		return -1;
	snprintf(path, cap, API_STATE "%s=%s", resource, escaped);
	return 0;
}

/* --- announce and withdraw --- */

struct told {
	struct cli *cli;
	bool withdraw;
	mtime start;
	mdur timeout;
};

/* The names of the peers for which this member is `want`, and how many they are. */
static size_t names(const json_t *announced, bool told, bool withheld, char *buf, size_t cap)
{
	const json_t *peer;
	size_t i, n = 0, len = 0;

	buf[0] = '\0';
	json_array_foreach(json_object_get(announced, "peer"), i, peer)
	{
		if (get_bool(peer, "told") != told || get_bool(peer, "withheld") != withheld)
			continue;
		if (len < cap)
			len += (size_t)snprintf(
			    buf + len, cap - len, "%s%s", n ? ", " : "", get_str(peer, "name"));
		n++;
	}
	return n;
}

/* Whom the network still has to be told, or whom its withdrawal. Nobody is told of what has no source now. */
static size_t waiting(const struct told *t, const json_t *announced, char *buf, size_t cap)
{
	if (!t->withdraw && !get_bool(announced, "announced"))
		return 0;
	return names(announced, t->withdraw, false, buf, cap);
}

static void say_told(const struct told *t, const json_t *announced)
{
	char list[NAMES_MAX], text[NAMES_MAX + 200];
	const json_t *peer;
	size_t i, n;

	if (t->withdraw) {
		snprintf(text, sizeof(text), "%s is withdrawn%s\n", get_str(announced, "prefix"),
		    get_bool(announced, "configured") ? ", though the configuration announces it: until `bgp "
		                                        "announce` or a new start of causewayd"
		                                      : "");
	} else if (!get_bool(announced, "announced")) {
		snprintf(text, sizeof(text),
		    "%s is not announced now: what the configuration takes it from isn't there; it "
		    "is announced when that is\n",
		    get_str(announced, "prefix"));
	} else {
		n = names(announced, true, false, list, sizeof(list));
		snprintf(text, sizeof(text), "%s is announced%s%s%s\n", get_str(announced, "prefix"),
		    n ? " to " : ": no peer is established to be told", n ? list : "",
		    get_bool(announced, "configured") ? ""
		                                      : ", until it is withdrawn or causewayd starts anew");
	}
	text[strcspn(text, "\n")] = '\0';
	table_print(t->cli->out, &t->cli->term_out, TABLE_PLAIN, text);
	fputc('\n', t->cli->out);
	json_array_foreach(json_object_get(announced, "peer"), i, peer)
	{
		if (!get_bool(peer, "withheld") || t->withdraw)
			continue;
		snprintf(text, sizeof(text), "    %s: %s", get_str(peer, "name"), get_str(peer, "reason"));
		table_print(t->cli->out, &t->cli->term_out, TABLE_WARN, text);
		fputc('\n', t->cli->out);
	}
}

/* Until it has been told to all; *ret_announced: how it stands then. */
static enum cli_exit wait_told(const struct told *t, const char *prefix, bool wait, json_t **ret_announced)
{
	char path[1024], list[NAMES_MAX];

	if (state_path("announced", prefix, path, sizeof(path)) < 0)
		return CLI_USAGE;
	for (;;) {
		struct reason why = { 0 };
		json_t *a = NULL;
		enum cli_exit rc = fetch_json(t->cli, path, "causeway:announced", &a, &why);

		if (rc != CLI_OK)
			return (enum cli_exit)cli_fail(t->cli, rc, &why);
		bool over = mtime_since(wait_now(), t->start).ns >= t->timeout.ns;
		size_t n = waiting(t, a, list, sizeof(list));
		if (!wait || !n || over) {
			*ret_announced = a;
			return wait && n ? (enum cli_exit)cli_failf(t->cli, CLI_TIMED_OUT,
			                       "%s: not yet told to %s after %g s; the daemon goes on",
			                       prefix, list, (double)mdur_to_ms(t->timeout) / 1000)
			                 : CLI_OK;
		}
		json_decref(a);
		pause_between(t->cli);
	}
}

/* The networks as the daemon is to get them: as written, since host bits are its to refuse. */
static json_t *prefix_list(struct cli *cli, const struct args *args)
{
	json_t *list = json_array();
	struct prefix p;

	for (unsigned i = 0; i < args->n_words; i++) {
		if (prefix_parse(args->word[i], false, &p) < 0) {
			cli_failf(cli, CLI_USAGE, "\"%s\" is no prefix: it takes one like 10.100.0.0/16",
			    args->word[i]);
			json_decref(list);
			return NULL;
		}
		json_array_append_new(list, json_string(prefix_str(&p)));
	}
	return list;
}

static int networks(struct cli *cli, const struct args *args, const char *operation, bool withdraw)
{
	struct told t = { .cli = cli, .withdraw = withdraw, .start = wait_now() };
	struct reason why = { 0 };
	json_t *list, *all = json_array(), *doc;
	bool wait;
	enum cli_exit rc = wait_options(cli, args, true, &wait, &t.timeout);

	list = rc == CLI_OK ? prefix_list(cli, args) : NULL;
	if (!list) {
		json_decref(all);
		return CLI_USAGE;
	}
	rc = fetch_operation(cli, operation, json_pack("{s:O}", "prefix", list), &why);
	if (rc != CLI_OK)
		cli_fail(cli, rc, &why);
	for (size_t i = 0; rc == CLI_OK && i < json_array_size(list); i++) {
		json_t *a = NULL;

		rc = wait_told(&t, json_string_value(json_array_get(list, i)), wait, &a);
		if (a && !cli->json)
			say_told(&t, a);
		if (a)
			json_array_append_new(all, a);
	}
	if (cli->json && json_array_size(all)) {
		doc = json_pack("{s:O}", "network", all);
		enum cli_exit shown = fetch_write_json(cli, doc);
		json_decref(doc);
		rc = rc == CLI_OK ? shown : rc;
	}
	json_decref(list);
	json_decref(all);
	return rc;
}

int cmd_bgp_announce(struct cli *cli, const struct args *args)
{
	return networks(cli, args, "causeway:bgp-announce", false);
}

int cmd_bgp_withdraw(struct cli *cli, const struct args *args)
{
	return networks(cli, args, "causeway:bgp-withdraw", true);
}

/* --- sessions --- */

static enum cli_exit peer_op(
    struct cli *cli, const char *operation, const char *peer, const char *key, const char *value)
{
	struct reason why = { 0 };
	json_t *members = json_pack("{s:s}", "peer", peer);
	enum cli_exit rc;

	if (members && value && json_object_set_new(members, key, json_string(value))) {
		json_decref(members);
		members = NULL;
	}
	rc = fetch_operation(cli, operation, members, &why);
	return rc == CLI_OK ? CLI_OK : (enum cli_exit)cli_fail(cli, rc, &why);
}

/* With --json: the peer as it is now. */
static int show_peer(struct cli *cli, enum cli_exit rc, const char *peer)
{
	char path[1024];

	if (!cli->json || (rc != CLI_OK && rc != CLI_TIMED_OUT) ||
	    state_path("peers", peer, path, sizeof(path)) < 0)
		return rc;
	enum cli_exit shown = fetch_print(cli, path, true, 0);
	return rc == CLI_OK ? shown : rc;
}

int cmd_bgp_refresh(struct cli *cli, const struct args *args)
{
	bool in = args_has(args, "in"), out = args_has(args, "out");

	return show_peer(cli,
	    peer_op(cli, "causeway:bgp-refresh", args->word[0], "direction",
	        in && out ? "both"
	        : out     ? "out"
	                  : "in"),
	    args->word[0]);
}

int cmd_bgp_down(struct cli *cli, const struct args *args)
{
	const char *message = args_value(args, "message");

	if (message && strlen(message) > 255)
		return cli_failf(
		    cli, CLI_USAGE, "--message takes at most 255 bytes; these are %zu", strlen(message));
	return show_peer(
	    cli, peer_op(cli, "causeway:bgp-down", args->word[0], "message", message), args->word[0]);
}

static void say_state(struct cli *cli, const char *peer, mtime start, const char *state)
{
	table_print(cli->err, &cli->term_err, TABLE_PLAIN, peer);
	fprintf(cli->err, "  %5.1fs  ", (double)mdur_to_ms(mtime_since(wait_now(), start)) / 1000);
	table_print(cli->err, &cli->term_err, strcmp(state, "Established") ? TABLE_WARN : TABLE_GOOD, state);
	fputc('\n', cli->err);
	fflush(cli->err);
}

static enum cli_exit up_timed_out(struct cli *cli, const char *peer, const json_t *p, mdur timeout)
{
	char error[1000] = "";

	(void)reason_of(json_object_get(p, "error"), error, sizeof(error));
	return (enum cli_exit)cli_failf(cli, CLI_TIMED_OUT,
	    "%s is not Established after %g s; it is at %s%s%s. The daemon goes on trying", peer,
	    (double)mdur_to_ms(timeout) / 1000, get_str(p, "state"), *error ? ": " : "", error);
}

static enum cli_exit wait_established(struct cli *cli, const char *peer, mdur timeout)
{
	char path[1024], said[32] = "";
	mtime start = wait_now();

	if (state_path("peers", peer, path, sizeof(path)) < 0)
		return CLI_USAGE;
	for (;;) {
		struct reason why = { 0 };
		json_t *doc = NULL;
		enum cli_exit rc = fetch_json(cli, path, "causeway:peers", &doc, &why);
		const json_t *p = json_array_get(json_object_get(doc, "peer"), 0);
		const char *state = get_str(p, "state");
		bool up = !strcmp(state, "Established"),
		     over = mtime_since(wait_now(), start).ns >= timeout.ns;

		if (rc != CLI_OK)
			return (enum cli_exit)cli_fail(cli, rc, &why);
		if (strcmp(state, said) != 0) {
			snprintf(said, sizeof(said), "%s", state);
			say_state(cli, peer, start, state);
		}
		bool down = !strcmp(get_str(p, "admin"), "down");
		if (down)
			rc = (enum cli_exit)cli_failf(
			    cli, CLI_NOT_READY, "%s was taken down by another command meanwhile", peer);
		else if (over && !up)
			rc = up_timed_out(cli, peer, p, timeout);
		json_decref(doc);
		if (up || over || down)
			return rc;
		pause_between(cli);
	}
}

int cmd_bgp_up(struct cli *cli, const struct args *args)
{
	const char *peer = args->word[0];
	mdur timeout;
	bool wait;
	enum cli_exit rc = wait_options(cli, args, true, &wait, &timeout);

	if (rc == CLI_OK)
		rc = peer_op(cli, "causeway:bgp-up", peer, NULL, NULL);
	if (rc == CLI_OK && wait)
		rc = wait_established(cli, peer, timeout);
	return show_peer(cli, rc, peer);
}

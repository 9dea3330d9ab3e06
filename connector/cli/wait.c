/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for a tunnel to come up, go down or rekey: asks the daemon every cli->poll and says on stderr what
 * is new, a step or an error, with the time since the start. The goal of `up` is the top of the ladder; a
 * tunnel that an admin takes down meanwhile will not get there, so that ends the wait.
 */
#include "connector/cli/wait.h"

#include "connector/cli/args.h"
#include "connector/cli/fetch.h"
#include "connector/cli/http.h"
#include "connector/cli/status.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIMEOUT_DEFAULT_S 60
#define TIMEOUT_MAX_S     86400
#define ANSWER_MS         1000 /* beyond the wait, so that a daemon that answers at its end is heard */

struct waiting {
	struct cli *cli;
	const char *name;
	enum wait_goal goal;
	uint64_t rekeys;
	mtime start;
	char step[32];
	char error[1024];
	bool seen_up; /* with admin up */
};

mtime wait_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return mtime_add((mtime){ ts.tv_nsec }, mdur_s(ts.tv_sec));
}

static enum cli_exit parse_timeout(struct cli *cli, const struct args *args, mdur *ret_timeout)
{
	const char *text = args_value(args, "timeout");
	char *end = NULL;
	double s = text ? strtod(text, &end) : TIMEOUT_DEFAULT_S;

	if (text && (end == text || *end || !(s > 0) || s > TIMEOUT_MAX_S))
		return (enum cli_exit)cli_failf(cli, CLI_USAGE,
		    "--timeout takes seconds, more than 0 and at most %d: %s", TIMEOUT_MAX_S, text);
	*ret_timeout = mdur_ms((int64_t)(s * 1000));
	return CLI_OK;
}

enum cli_exit wait_options(
    struct cli *cli, const struct args *args, bool wait_default, bool *ret_wait, mdur *ret_timeout)
{
	*ret_wait = args_has(args, "wait") || args_has(args, "timeout") ||
	            (wait_default && !args_has(args, "no-wait"));
	if (args_has(args, "no-wait") && (args_has(args, "wait") || args_has(args, "timeout")))
		return (enum cli_exit)cli_failf(
		    cli, CLI_USAGE, "--no-wait does not go with --wait or --timeout");
	if (parse_timeout(cli, args, ret_timeout) != CLI_OK)
		return CLI_USAGE;
	if (args_has(args, "timeout"))
		cli->deadline = mtime_add(wait_now(), mdur_ms(mdur_to_ms(*ret_timeout) + ANSWER_MS));
	return CLI_OK;
}

enum cli_exit tunnel_fetch(struct cli *cli, const char *name, json_t **ret_tunnel, struct reason *ret_reason)
{
	char path[1024], escaped[512];
	json_t *list = NULL;

	if (!http_escape(name, escaped, sizeof(escaped))) {
		reason_set(ret_reason, "argument-too-long", "the name is too long");
		return CLI_USAGE;
	}
	snprintf(path, sizeof(path), API_STATE "tunnels=%s", escaped);
	enum cli_exit rc = fetch_json(cli, path, "causeway:tunnels", &list, ret_reason);
	if (rc != CLI_OK)
		return rc;
	json_t *t = json_array_get(json_object_get(list, "tunnel"), 0);
	if (t)
		*ret_tunnel = json_incref(t);
	json_decref(list);
	if (t)
		return CLI_OK;
	reason_set(ret_reason, "no-such-tunnel", "there is no tunnel %s", name);
	return CLI_NOT_FOUND;
}

static void say(const struct waiting *w, enum table_colour colour, const char *text)
{
	double s = (double)mdur_to_ms(mtime_since(wait_now(), w->start)) / 1000;

	table_print(w->cli->err, &w->cli->term_err, TABLE_PLAIN, w->name);
	fprintf(w->cli->err, "  %5.1fs  ", s);
	table_print(w->cli->err, &w->cli->term_err, colour, text);
	fputc('\n', w->cli->err);
	fflush(w->cli->err);
}

/* Says what differs from what was said before. */
static void progress(struct waiting *w, const json_t *t)
{
	const char *step = get_str(t, "step");
	char error[1000], line[1024];

	if (!reason_of(json_object_get(t, "error"), error, sizeof(error)))
		error[0] = '\0';
	if (strcmp(step, w->step) != 0) {
		snprintf(w->step, sizeof(w->step), "%s", step);
		say(w, step_colour(step, true), step);
	}
	if (strcmp(error, w->error) != 0) {
		snprintf(w->error, sizeof(w->error), "%s", error);
		snprintf(line, sizeof(line), "error: %s", error);
		if (*error)
			say(w, TABLE_BAD, line);
	}
}

static bool reached(const struct waiting *w, const json_t *t)
{
	switch (w->goal) {
	case WAIT_UP: return !strcmp(get_str(t, "step"), "in-fib");
	case WAIT_DOWN: return !strcmp(get_str(t, "step"), "down");
	case WAIT_REKEY: return get_u64(t, "child-rekeys") > w->rekeys;
	case WAIT_REKEY_IKE: return get_u64(json_object_get(t, "ike"), "rekeys") > w->rekeys;
	}
	return false;
}

static enum cli_exit timed_out(const struct waiting *w, const json_t *t, mdur timeout)
{
	const char *next = get_str(json_object_get(t, "next"), "text");
	const char *awaited = *next ? next : step_awaits(w->step);
	double s = (double)mdur_to_ms(timeout) / 1000;

	if (w->goal == WAIT_UP)
		cli_failf(w->cli, CLI_TIMED_OUT,
		    "%s is not up after %g s; it is at step %s%s%s. The daemon goes on trying", w->name, s,
		    w->step, *awaited ? ": " : "", awaited);
	else
		cli_failf(w->cli, CLI_TIMED_OUT, "%s %s after %g s; it is at step %s", w->name,
		    w->goal == WAIT_DOWN ? "is not down" : "has not been rekeyed", s, w->step);
	return CLI_TIMED_OUT;
}

/* True when the wait is over, with its result. */
static bool judge(struct waiting *w, const json_t *t, mdur timeout, enum cli_exit *ret_rc)
{
	const char *admin = get_str(t, "admin");

	if (reached(w, t)) {
		*ret_rc = CLI_OK;
		return true;
	}
	if (w->goal != WAIT_DOWN && w->seen_up && !strcmp(admin, "down")) {
		*ret_rc = (enum cli_exit)cli_failf(
		    w->cli, CLI_NOT_READY, "%s was taken down by an admin meanwhile", w->name);
		return true;
	}
	w->seen_up = w->seen_up || !strcmp(admin, "up");
	if (mtime_since(wait_now(), w->start).ns >= timeout.ns) {
		*ret_rc = timed_out(w, t, timeout);
		return true;
	}
	return false;
}

enum cli_exit wait_tunnel(
    struct cli *cli, const char *name, enum wait_goal goal, mdur timeout, uint64_t rekeys)
{
	struct waiting w = { .cli = cli, .name = name, .goal = goal, .rekeys = rekeys, .start = wait_now() };
	const struct timespec pause = { .tv_sec = mdur_to_s(cli->poll),
		.tv_nsec = cli->poll.ns % 1000000000 };

	for (;;) {
		struct reason why = { 0 };
		json_t *t = NULL;
		enum cli_exit rc = tunnel_fetch(cli, name, &t, &why);

		if (rc != CLI_OK)
			return (enum cli_exit)cli_fail(cli, rc, &why);
		progress(&w, t);
		bool over = judge(&w, t, timeout, &rc);
		json_decref(t);
		if (over)
			return rc;
		nanosleep(&pause, NULL);
	}
}

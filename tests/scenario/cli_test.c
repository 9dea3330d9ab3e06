/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line against a canned management API: every command, as tables and as JSON, and every exit code
 * of the contract that this release has: 0, 1, 2, 3, 4, 5, 6, 8.
 */
#include "connector/cli/cli.h"
#include "connector/cli/commands.h"
#include "tests/support/cli_server.h"

#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define WORDS_MAX 12

/* What a command line gave. */
struct result {
	int rc;
	char *out, *err;
};

static struct result run_words(const char *socket, const char *line)
{
	struct result r = { 0 };
	const char *argv[WORDS_MAX + 3] = { "causeway", "-s", socket };
	char *copy = strdup(line), *save = NULL;
	int argc = 3;
	size_t n_out, n_err;

	for (char *w = strtok_r(copy, " ", &save); w && argc < WORDS_MAX + 3; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	FILE *out = open_memstream(&r.out, &n_out), *err = open_memstream(&r.err, &n_err);
	r.rc = cli_run(argc, argv, out, err);
	fclose(out);
	fclose(err);
	free(copy);
	return r;
}

static void result_free(struct result *r)
{
	free(r->out);
	free(r->err);
}

static void check_has(const char *line, const char *what, const char *text, const char *want)
{
	if (!strstr(text, want))
		fail_msg("%s: %s does not hold \"%s\":\n%s", line, what, want, text);
}

/* out, err: what must be in them; NULL: nothing may be. "": whatever. */
static void expect(const struct cli_server *s, const char *line, int rc, const char *out, const char *err)
{
	struct result r = run_words(s->socket, line);

	if (r.rc != rc)
		fail_msg("%s: exit code %d, not %d\n%s\n%s", line, r.rc, rc, r.out, r.err);
	if (!out && *r.out)
		fail_msg("%s: stdout should be empty:\n%s", line, r.out);
	if (!err && *r.err)
		fail_msg("%s: stderr should be empty:\n%s", line, r.err);
	check_has(line, "stdout", r.out, out ? out : "");
	check_has(line, "stderr", r.err, err ? err : "");
	if (strpbrk(r.out, "\033\a\177") || strpbrk(r.err, "\033\a\177"))
		fail_msg("%s: control characters in the output", line);
	result_free(&r);
}

/* Runs with --json and gives the document. */
static json_t *run_json(const struct cli_server *s, const char *line, int rc)
{
	char with_json[256];

	snprintf(with_json, sizeof(with_json), "%s --json", line);
	struct result r = run_words(s->socket, with_json);
	json_t *doc = json_loads(r.out, 0, NULL);
	if (r.rc != rc || !doc)
		fail_msg("%s: exit code %d, not %d, or no JSON:\n%s\n%s", with_json, r.rc, rc, r.out, r.err);
	result_free(&r);
	return doc;
}

static void test_every_command_as_table(void **state)
{
	struct cli_server s;

	(void)state;
	cli_server_start(&s, CLI_SERVER_OK);
	expect(&s, "status", 0, "azure-hq  azure-vpngw  ok     t1      in-fib", NULL);
	expect(&s, "status", 0, "up 2h 7m; 1 route of ours in the kernel, in sync", NULL);
	expect(&s, "status --check", 0, "in-fib", NULL);
	expect(&s, "tunnel list", 0,
	    "azure-hq/t1  in-fib  192.0.2.1  192.0.2.2  cw0        user   none  2.0 KiB  1.0 KiB", NULL);
	expect(&s, "tunnel show azure-hq/t1", 0,
	    "SPIs 0011223344556677 (initiator) 8899aabbccddeeff (responder)", NULL);
	expect(&s, "tunnel show azure-hq/t1", 0,
	    "aes256-sha256, age 1m 1s, SPI in c0000001, SPI out c0000002", NULL);
	expect(&s, "tunnel show azure-hq/t1", 0, "dropped     3 packets: replay", NULL);
	expect(&s, "bgp summary", 0, "AS 65001, router ID 10.0.0.10", NULL);
	expect(&s, "bgp summary", 0,
	    "azure-hq/t1  10.100.255.254  65515  Established  1m 1s         1         1           1", NULL);
	expect(&s, "bgp peer", 0, "azure-hq/t1: Established for 1m 1s", NULL);
	expect(&s, "bgp peer azure-hq/t1", 0, "hold time", NULL);
	expect(&s, "bgp peer azure-hq/t1", 0, "capabilities  route-refresh\n", NULL);
	expect(&s, "bgp peer azure-hq/t1", 0, "9 total, 2 update", NULL);
	expect(&s, "bgp routes", 0,
	    "10.100.0.0/16  10.100.255.254  azure-hq/t1  65515 igp   100    -  best, fib  only path", NULL);
	expect(&s, "bgp routes 10.0.0.0/8", 0, "communities: 65001:100", NULL);
	expect(&s, "fib show", 0, "10.100.0.0/16  cw0 via 10.100.255.254  bgp         50  yes", NULL);
	expect(&s, "fib show", 0, "why: somebody else holds it (fib-foreign)", NULL);
	expect(&s, "profile list", 0, "azure-vpngw", NULL);
	expect(&s, "profile show azure-vpngw", 0, "aes256-sha256-modp2048", NULL);
	expect(&s, "config show", 0, "\"causeway:connector\": {", NULL);
	cli_server_stop(&s);
}

/* The wrapper is off, and the keys of the contract are there. */
static void test_every_command_as_json(void **state)
{
	static const struct {
		const char *line, *key;
	} cases[] = {
		{ "status", "site" },
		{ "status --check", "schema" },
		{ "tunnel list", "tunnel" },
		{ "tunnel show azure-hq/t1", "tunnel" },
		{ "tunnel up azure-hq/t1 --no-wait", "tunnel" },
		{ "tunnel down azure-hq/t1", "tunnel" },
		{ "tunnel rekey azure-hq/t1", "tunnel" },
		{ "bgp summary", "peer" },
		{ "bgp peer", "peer" },
		{ "bgp peer azure-hq/t1", "peer" },
		{ "bgp routes", "route" },
		{ "fib show", "route" },
		{ "profile list", "profile" },
		{ "profile show azure-vpngw", "cloud" },
		{ "config show", "causeway:connector" },
	};
	struct cli_server s;

	(void)state;
	cli_server_start(&s, CLI_SERVER_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *doc = run_json(&s, cases[i].line, 0);

		if (!json_object_get(doc, cases[i].key))
			fail_msg("%s: no member %s", cases[i].line, cases[i].key);
		json_decref(doc);
	}
	cli_server_stop(&s);
}

static void test_routes_query(void **state)
{
	static const struct {
		const char *line, *query;
	} cases[] = {
		{ "bgp routes", "view=best" },
		{ "bgp routes --received", "view=received" },
		{ "bgp routes --advertised --peer azure-hq/t1", "view=advertised&peer=azure-hq%2Ft1" },
		{ "bgp routes --rejected", "view=rejected" },
		{ "bgp routes --rejected --advertised --peer a", "view=withheld&peer=a" },
		{ "bgp routes 10.100.7.7/16 --best", "view=best&prefix=10.100.0.0%2F16" },
		{ "bgp routes 2001:db8::1", "view=best&prefix=2001%3Adb8%3A%3A1%2F128" },
		{ "bgp routes --peer a&b=c", "view=best&peer=a%26b%3Dc" },
		{ "bgp routes 10.0.0.0/8 --exact", "view=best&prefix=10.0.0.0%2F8&match=exact" },
		{ "bgp routes 10.0.0.0/8 --longer", "view=best&prefix=10.0.0.0%2F8" },
		{ "bgp routes --covering 10.0.0.1", "view=best&covering=10.0.0.1" },
		{ "bgp routes --community no-export --as 65000", "view=best&community=no-export&as=65000" },
		{ "bgp routes --origin-as 1 --neighbour-as 2", "view=best&origin-as=1&neighbour-as=2" },
	};
	struct cli_server s;

	(void)state;
	cli_server_start(&s, CLI_SERVER_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *doc = run_json(&s, cases[i].line, 0);

		assert_string_equal(json_string_value(json_object_get(doc, "query")), cases[i].query);
		json_decref(doc);
	}
	cli_server_stop(&s);
}

static void test_degraded(void **state)
{
	struct cli_server s;

	(void)state;
	cli_server_start(&s, CLI_SERVER_DEGRADED);
	/* An answered query exits 0 whatever it reports; the peer's control characters are shown, not sent.
	 */
	expect(&s, "status", 0, "error: no answer \\x1b[31mfrom 192.0.2.9\\u{9b} (ike-no-answer)", NULL);
	expect(&s, "status", 0, "next: tries again in 5 s", NULL);
	expect(&s, "status --check", 6, "azure-dr", NULL);
	json_decref(run_json(&s, "status --check", 6));
	cli_server_stop(&s);

	cli_server_start(&s, CLI_SERVER_ADMIN);
	expect(&s, "status --check", 0, "azure-dr", NULL);
	cli_server_stop(&s);
}

static void test_nothing_configured(void **state)
{
	struct cli_server s;

	(void)state;
	cli_server_start(&s, CLI_SERVER_EMPTY);
	expect(&s, "status", 0, "No site is configured", NULL);
	expect(&s, "status --check", 0, "No site is configured", NULL);
	expect(&s, "tunnel list", 0, NULL, "No tunnel is configured");
	expect(&s, "bgp summary", 0, "BGP is not configured", "No BGP peer");
	expect(&s, "bgp routes", 0, NULL, "No such routes");
	expect(&s, "fib show", 0, NULL, "No route of ours");
	json_t *doc = run_json(&s, "fib show", 0);
	assert_int_equal(json_array_size(json_object_get(doc, "route")), 0);
	json_decref(doc);
	cli_server_stop(&s);
}

static void test_tunnel_up_shows_the_ladder(void **state)
{
	static const char *const steps[] = { "down", "connecting", "authenticating", "child", "passing",
		"bgp-open", "bgp-established", "in-fib" };
	struct cli_server s;

	(void)state;
	cli_server_start(&s, CLI_SERVER_OK);
	struct result r = run_words(s.socket, "tunnel up azure-hq/t1");
	const char *at = r.err;
	assert_int_equal(r.rc, 0);
	assert_string_equal(r.out, "");
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		char end[32];

		snprintf(end, sizeof(end), "s  %s\n", steps[i]);
		const char *found = strstr(at, end);
		if (!found)
			fail_msg("step %s is missing or out of order in:\n%s", steps[i], r.err);
		at = found + strlen(end);
	}
	result_free(&r);
	/* Down and rekey wait when told to. */
	expect(&s, "tunnel down azure-hq/t1 --wait", 0, NULL, "s  down\n");
	expect(&s, "tunnel rekey azure-hq/t1 --timeout 10", 0, NULL, "in-fib");
	expect(&s, "tunnel down azure-hq/t1", 0, NULL, NULL);
	expect(&s, "tunnel up azure-hq/t1 --no-wait", 0, NULL, NULL);
	cli_server_stop(&s);
}

static void test_tunnel_up_fails(void **state)
{
	struct cli_server s;

	(void)state;
	cli_server_start(&s, CLI_SERVER_OK);
	expect(&s, "tunnel up stuck/t1 --timeout 0.2", 8, NULL,
	    "error: no answer from 192.0.2.9 (ike-no-answer)");
	expect(&s, "tunnel up stuck/t1 --timeout 0.2", 8, NULL,
	    "is not up after 0.2 s; it is at step connecting: waiting for the");
	expect(&s, "tunnel up taken/t1", 6, NULL, "was taken down by an admin meanwhile");
	expect(&s, "tunnel up nobody/t1", 4, NULL, "there is no such tunnel (no-such-tunnel)");
	expect(&s, "tunnel up safe/t1", 5, NULL, "last tunnel that carries the default route (last-path)");
	expect(&s, "tunnel down safe/t1", 5, NULL, "(last-path)");
	expect(&s, "tunnel show nobody/t1", 4, NULL, "there is no such tunnel");
	expect(&s, "tunnel show nobody/t1 --json", 4, NULL, "there is no such tunnel");
	expect(&s, "tunnel rekey nobody/t1 --wait", 4, NULL, "there is no such tunnel");
	json_decref(run_json(&s, "tunnel up stuck/t1 --timeout 0.2", 8));
	cli_server_stop(&s);
}

/* Exit codes, who has been told, and the waits. */
static void test_bgp_operations(void **state)
{
	struct cli_server s;

	(void)state;
	cli_server_start(&s, CLI_SERVER_CHANGING);
	expect(&s, "bgp announce 10.1.0.0/16", 0,
	    "10.1.0.0/16 is announced to azure-hq/t1, until it is withdrawn or causewayd starts anew", NULL);
	expect(&s, "bgp announce 10.1.0.0/16 --no-wait", 0, "no peer is established to be told", NULL);
	expect(&s, "bgp announce 10.66.0.0/16 --timeout 0.3", 8, "10.66.0.0/16",
	    "not yet told to azure-hq/t1 after 0.3 s");
	expect(&s, "bgp announce 10.77.0.0/16", 0, "azure-hq/t1: not announced: its family", NULL);
	expect(&s, "bgp announce 10.1.0.0/16 127.0.0.0/8", 5, NULL,
	    "127.0.0.0/8 is never routed (announce-martian)");
	expect(&s, "bgp announce nonsense", 2, NULL, "is no prefix");
	expect(&s, "bgp announce", 2, NULL, "PREFIX...");
	expect(&s, "bgp withdraw 10.1.0.0/16", 0, "10.1.0.0/16 is withdrawn\n", NULL);
	expect(&s, "bgp withdraw 10.8.0.0/16", 4, NULL, "(not-announced)");
	expect(&s, "bgp refresh azure-hq/t1 --in --out", 0, "", NULL);
	expect(&s, "bgp refresh azure-hq/t1", 5, NULL, "(bgp-no-refresh)");
	expect(&s, "bgp refresh nobody", 4, NULL, "(no-such-peer)");
	expect(&s, "bgp down azure-hq/t1", 0, "", NULL);
	expect(&s, "bgp down azure-hq/t1 --message maintenance", 0, "", NULL);
	expect(&s, "bgp down azure-hq/t1 --message other", 1, NULL, "another message");
	expect(&s, "bgp up azure-hq/t1", 0, "", "s  Established");
	expect(&s, "bgp up stuck/t1 --timeout 0.3", 8, NULL,
	    "stuck/t1 is not Established after 0.3 s; it is at Active: connection refused "
	    "(bgp-connect-failed)");
	expect(&s, "bgp up stuck/t1 --no-wait", 0, "", NULL);
	expect(&s, "bgp summary", 0, "Announced by command, until withdrawn or a new start: 10.1.0.0/16\n",
	    NULL);
	expect(&s, "bgp summary", 0, "Configured, and withdrawn by command: 10.0.0.0/16\n", NULL);
	json_t *doc = run_json(&s, "bgp announce 10.1.0.0/16", 0);
	const json_t *network = json_array_get(json_object_get(doc, "network"), 0);
	assert_true(
	    json_is_true(json_object_get(json_array_get(json_object_get(network, "peer"), 0), "told")));
	json_decref(doc);
	json_decref(run_json(&s, "bgp up azure-hq/t1", 0));
	cli_server_stop(&s);
}

static void test_monitor_and_dump(void **state)
{
	static const char *const lines[] = { "query: peer=",
		"2026-08-01T10:00:00Z azure-hq/t1: Established -> Idle: hold timer \\x1b[31m\n",
		"azure-hq/t1: announces 10.1.0.0/16 by 10.2.0.1, path 65515 {1,2}\n",
		"azure-hq/t1: withdraws 10.1.0.0/16\n", "azure-hq/t1: that was all of ipv4-unicast\n",
		"best: 10.1.0.0/16 by 10.2.0.1 (azure-hq/t1) and others\n",
		"best: 10.1.0.0/16 has no way any more\n", "fib: 10.1.0.0/16 is not in the kernel: no way\n",
		"lost: 17 events", "of-tomorrow: 10.1.0.0/16\n" };
	struct cli_server s;
	char line[200], text[64] = "";

	(void)state;
	cli_server_start(&s, CLI_SERVER_OK);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		expect(&s, "bgp monitor --peer azure-hq/t1", 0, lines[i], "Listening");
	expect(
	    &s, "bgp monitor 10.1.2.3/16 --peer a", 0, "query: prefix=10.1.0.0%2F16&peer=a\n", "Listening");
	expect(&s, "bgp monitor --json", 0, "{\"event\":\"lost\",\"lost\":17}\n", "Listening");
	expect(&s, "bgp monitor x", 2, NULL, "is no prefix");
	expect(&s, "bgp dump", 0, "bytes of an MRT file", NULL);
	expect(&s, "bgp dump -", 0, "bytes of an MRT file", NULL);
	expect(&s, "bgp dump --format text", 2, NULL, "there is mrt alone");
	snprintf(line, sizeof(line), "bgp dump %s/table.mrt --format mrt", s.dir);
	expect(&s, line, 0, "", NULL);
	snprintf(line, sizeof(line), "%s/table.mrt", s.dir);
	FILE *f = fopen(line, "r");
	assert_non_null(f);
	assert_int_equal(fread(text, 1, sizeof(text), f), strlen("bytes of an MRT file"));
	fclose(f);
	unlink(line);
	expect(&s, "bgp dump /nonexistent/table.mrt", 1, NULL, "No such file");
	cli_server_stop(&s);
}

/* --timeout bounds the whole command, also where the daemon takes the connection and says nothing. */
static void test_silent_daemon(void **state)
{
	struct cli_server s;

	(void)state;
	cli_server_start(&s, CLI_SERVER_SILENT);
	expect(&s, "tunnel up azure-hq/t1 --timeout 0.1", 8, NULL, "did not answer in the time given");
	expect(&s, "bgp up azure-hq/t1 --timeout 0.1", 8, NULL, "(daemon-silent)");
	cli_server_stop(&s);
}

static void test_usage(void **state)
{
	struct cli_server s = { .socket = "/nonexistent/sock" };

	(void)state;
	/* None of these asks the daemon. */
	expect(&s, "plan", 2, NULL, "no such command: plan");
	expect(&s, "statsu", 2, NULL, "did you mean \"status\"");
	expect(&s, "tunnel up azure-hq", 2, NULL, "SITE/TUNNEL");
	expect(&s, "tunnel show a/b/c", 2, NULL, "SITE/TUNNEL");
	expect(&s, "tunnel show /t", 2, NULL, "SITE/TUNNEL");
	expect(&s, "tunnel up a/b --timeout soon", 2, NULL, "--timeout takes seconds");
	expect(&s, "tunnel up a/b --timeout -1", 2, NULL, "--timeout takes seconds");
	expect(&s, "tunnel up a/b --timeout nan", 2, NULL, "--timeout takes seconds");
	expect(&s, "tunnel up a/b --no-wait --wait", 2, NULL, "does not go with");
	expect(&s, "bgp routes nonsense", 2, NULL, "is no prefix");
	expect(&s, "bgp routes --best --rejected", 2, NULL, "do not go together");
	expect(&s, "bgp routes --exact", 2, NULL, "need a prefix");
	expect(&s, "bgp routes 10.0.0.0/8 --exact --longer", 2, NULL, "do not go together");
	expect(&s, "bgp routes 10.0.0.0/8 --covering 10.0.0.1", 2, NULL, "takes the place of a prefix");
	expect(&s, "bgp routes --covering 10.0.0.0/8", 2, NULL, "is no address");
	expect(&s, "bgp routes --as 4294967296", 2, NULL, "--as takes an AS number");
	expect(&s, "bgp routes --origin-as -1", 2, NULL, "--origin-as takes an AS number");
	expect(&s, "status --check --watch", 2, NULL, "do not go together");
	expect(&s, "config check", 2, NULL, "FILE");
	expect(&s, "profile show", 2, NULL, "NAME");
	expect(&s, "--help", 0, "Usage: causeway", NULL);
	expect(&s, "help tunnel", 0, "tunnel rekey", NULL);
	expect(&s, "tunnel up --help", 0, "--no-wait", NULL);
	expect(&s, "--version", 0, "causeway ", NULL);
}

static void test_profile_unknown(void **state)
{
	struct cli_server s = { .socket = "/nonexistent/sock" };

	(void)state;
	expect(&s, "profile show no-such-cloud", 4, NULL, "no-such-cloud");
	expect(&s, "profile list", 0, "generic-ikev2", NULL);
}

static void test_unreachable(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct cli_server s = { .socket = "/nonexistent/sock" };
	char dir[] = "/tmp/cli-test-XXXXXX", longest[256];

	(void)state;
	expect(&s, "status", 3, NULL, "there is no such socket. Is causewayd running");
	expect(&s, "status --json", 3, NULL, "/nonexistent/sock");
	expect(&s, "status --watch", 3, NULL, "there is no such socket");
	expect(&s, "tunnel up a/b", 3, NULL, "there is no such socket");
	expect(&s, "bgp routes", 3, NULL, "there is no such socket");
	/* A socket file that nobody listens on. */
	assert_non_null(mkdtemp(dir));
	snprintf(s.socket, sizeof(s.socket), "%s/sock", dir);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/sock", dir);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	expect(&s, "status", 3, NULL, "nobody listens there any more");
	unlink(s.socket);
	rmdir(dir);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	struct result r = run_words(longest, "status");
	assert_int_equal(r.rc, 3);
	check_has("long path", "stderr", r.err, "too long");
	result_free(&r);
}

static void test_socket_from_environment(void **state)
{
	struct cli_server s;
	const char *argv[] = { "causeway", "status" };
	struct result r = { 0 };
	size_t n;

	(void)state;
	cli_server_start(&s, CLI_SERVER_OK);
	setenv(CLI_SOCKET_ENV, s.socket, 1);
	FILE *out = open_memstream(&r.out, &n), *err = open_memstream(&r.err, &n);
	r.rc = cli_run(2, argv, out, err);
	fclose(out);
	fclose(err);
	unsetenv(CLI_SOCKET_ENV);
	assert_int_equal(r.rc, 0);
	result_free(&r);
	cli_server_stop(&s);
}

static void test_bad_answers(void **state)
{
	struct cli_server s;

	(void)state;
	cli_server_start(&s, CLI_SERVER_FOREIGN);
	expect(&s, "status", 1, NULL, "did not answer like causewayd");
	expect(&s, "status --json", 1, NULL, "did not answer like causewayd");
	expect(&s, "bgp routes", 1, NULL, "did not answer like causewayd");
	expect(&s, "bgp routes --json", 1, NULL, "did not answer like causewayd");
	expect(&s, "config show", 1, NULL, "did not answer like causewayd");
	cli_server_stop(&s);
	cli_server_start(&s, CLI_SERVER_CUT);
	expect(&s, "bgp routes", 1, NULL, "broke off");
	expect(&s, "bgp routes --json", 1, "", "broke off");
	expect(&s, "status", 1, NULL, "broke off");
	cli_server_stop(&s);
}

static void test_many_routes(void **state)
{
	struct cli_server s;
	size_t lines = 0;

	(void)state;
	cli_server_start(&s, CLI_SERVER_MANY);
	json_t *doc = run_json(&s, "bgp routes", 0);
	assert_int_equal(json_array_size(json_object_get(doc, "route")), CLI_SERVER_ROUTES);
	json_decref(doc);
	struct result r = run_words(s.socket, "bgp routes");
	assert_int_equal(r.rc, 0);
	for (const char *p = r.out; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, CLI_SERVER_ROUTES + 1);
	result_free(&r);
	cli_server_stop(&s);
}

/* `status --watch` into a pipe: a line for each change, and SIGINT ends it with 0. */
static void test_watch(void **state)
{
	struct cli_server s;
	int p[2], wait_status;
	char line[512];

	(void)state;
	cli_server_start(&s, CLI_SERVER_CHANGING);
	assert_int_equal(pipe(p), 0);
	pid_t pid = fork();
	if (pid == 0) {
		const char *argv[] = { "causeway", "-s", s.socket, "status", "--watch" };
		FILE *out = fdopen(p[1], "w"), *err = fdopen(dup(STDERR_FILENO), "w");

		close(p[0]);
		int rc = cli_run(5, argv, out, err);
		fclose(out);
		fclose(err);
		_exit(rc);
	}
	close(p[1]);
	FILE *in = fdopen(p[0], "r");
	/* The first question is taken by the check that there is a daemon. */
	assert_non_null(fgets(line, sizeof(line), in));
	assert_non_null(strstr(line, "azure-hq/t1: connecting\n"));
	assert_non_null(fgets(line, sizeof(line), in));
	assert_non_null(strstr(line, "azure-hq is down\n"));
	assert_non_null(fgets(line, sizeof(line), in));
	assert_non_null(strstr(line, "azure-hq/t1: connecting -> authenticating\n"));
	kill(pid, SIGINT);
	while (fgets(line, sizeof(line), in))
		;
	fclose(in);
	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
	assert_true(WIFEXITED(wait_status));
	assert_int_equal(WEXITSTATUS(wait_status), 0);
	cli_server_stop(&s);
}

static void write_file(const char *path, mode_t mode, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_config_check(void **state)
{
	struct cli_server s = { .socket = "/nonexistent/sock" };
	char dir[] = "/tmp/cli-test-XXXXXX", conf[64], psk[64], text[2048], line[128];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(conf, sizeof(conf), "%s/c.json", dir);
	snprintf(psk, sizeof(psk), "%s/psk", dir);
	write_file(psk, 0600, "correct horse battery staple\n");
	snprintf(text, sizeof(text),
	    "{ \"causeway:connector\": { \"as\": 65001, \"router-id\": \"10.0.0.10\", \"announce\": "
	    "[\"10.0.0.0/16\"],"
	    "\"site\": [ { \"name\": \"azure-hq\", \"profile\": \"azure-vpngw\", \"tunnel\": [ { \"name\": "
	    "\"t1\","
	    "\"local-address\": \"192.0.2.1\", \"remote-address\": [\"192.0.2.2\"], \"secret-file\": \"%s\","
	    "\"inside-address\": [\"10.0.0.10/32\"], \"bgp\": { \"local-address\": \"10.0.0.10\","
	    "\"peer-address\": \"10.100.255.254\", \"peer-as\": 65515 } } ] } ] } }",
	    psk);
	write_file(conf, 0644, text);
	snprintf(line, sizeof(line), "config check %s", conf);
	expect(&s, line, 0, "azure-hq (t1)", NULL);
	json_t *doc = run_json(&s, line, 0);
	assert_true(json_is_true(json_object_get(doc, "ok")));
	assert_true(json_is_null(json_object_get(doc, "error")));
	assert_int_equal(json_array_size(json_object_get(doc, "note")), 0);
	json_decref(doc);

	/* What is odd is noted, and the file is good. */
	write_file(psk, 0600, "correct horse battery staple\r\n");
	expect(&s, line, 0, "azure-hq (t1)", "(secret-file-odd-end)");
	doc = run_json(&s, line, 0);
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(json_object_get(doc, "note"), 0), "id")),
	    "secret-file-odd-end");
	json_decref(doc);

	write_file(psk, 0644, "correct horse battery staple\n");
	expect(&s, line, 1, NULL, psk);
	write_file(conf, 0644, "{ \"causeway:connector\": { \"asn\": 65001 } }");
	expect(&s, line, 1, NULL, "asn");
	doc = run_json(&s, line, 1);
	assert_true(json_is_false(json_object_get(doc, "ok")));
	assert_non_null(json_string_value(json_object_get(json_object_get(doc, "error"), "id")));
	assert_non_null(json_string_value(json_object_get(json_object_get(doc, "error"), "text")));
	json_decref(doc);
	unlink(conf);
	expect(&s, line, 1, NULL, conf);
	unlink(psk);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_command_as_table),
		cmocka_unit_test(test_every_command_as_json),
		cmocka_unit_test(test_routes_query),
		cmocka_unit_test(test_degraded),
		cmocka_unit_test(test_nothing_configured),
		cmocka_unit_test(test_tunnel_up_shows_the_ladder),
		cmocka_unit_test(test_tunnel_up_fails),
		cmocka_unit_test(test_bgp_operations),
		cmocka_unit_test(test_monitor_and_dump),
		cmocka_unit_test(test_silent_daemon),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_profile_unknown),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_socket_from_environment),
		cmocka_unit_test(test_bad_answers),
		cmocka_unit_test(test_many_routes),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_config_check),
	};

	return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}

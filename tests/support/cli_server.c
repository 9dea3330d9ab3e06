/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canned management API. The socket listens before the process is forked, so the test need not wait for
 * it. It is written against the contract (design section 6) alone and shares no code with the daemon's
 * server.
 */
#include "tests/support/cli_server.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define DATA       "/restconf/data/"
#define STATE      DATA "causeway:state/"
#define OPERATIONS "/restconf/operations/causeway:"

static const char *const ladder[] = { "down", "connecting", "authenticating", "child", "passing", "bgp-open",
	"bgp-established", "in-fib" };
#define TOP 7

struct server {
	enum cli_server_mode mode;
	unsigned asked_status;
	unsigned asked_tunnel; /* since the last operation */
	bool going_up, going_down, rekeying;
	unsigned asked_announced, asked_peer; /* since the last operation */
	bool withdrawn, session_down, session_stuck;
};

static void reply(struct evhttp_request *req, int code, const char *text)
{
	struct evbuffer *b = evbuffer_new();

	evbuffer_add(b, text, strlen(text));
	evhttp_add_header(
	    evhttp_request_get_output_headers(req), "Content-Type", "application/yang-data+json");
	evhttp_send_reply(req, code, NULL, code == 204 ? NULL : b);
	evbuffer_free(b);
}

static void error(struct evhttp_request *req, int code, const char *tag, const char *id, const char *text)
{
	char body[512];

	snprintf(body, sizeof(body),
	    "{\"ietf-restconf:errors\":{\"error\":[{\"error-type\":\"application\",\"error-tag\":\"%s\","
	    "\"error-app-tag\":\"%s\",\"error-message\":\"%s\"}]}}",
	    tag, id, text);
	reply(req, code, body);
}

static void answer_status(struct server *s, struct evhttp_request *req)
{
	const char *step =
	    ladder[s->mode == CLI_SERVER_CHANGING && s->asked_status < TOP ? s->asked_status : TOP];
	char body[2048], second[1024] = "";

	s->asked_status++;
	if (s->mode == CLI_SERVER_DEGRADED || s->mode == CLI_SERVER_ADMIN)
		snprintf(second, sizeof(second),
		    ",{\"name\":\"azure-dr\",\"profile\":\"azure-vpngw\",\"state\":\"down\",\"tunnel\":[{"
		    "\"name\":\"t1\","
		    "\"admin\":\"%s\",\"step\":\"connecting\",\"since\":\"2020-01-01T00:00:00Z\",\"error\":{"
		    "\"id\":"
		    "\"ike-no-answer\",\"text\":\"no answer \\u001b[31mfrom "
		    "192.0.2.9\\u009b\"},\"next\":{\"id\":"
		    "\"retry\",\"text\":\"tries again in 5 s\"}}]}",
		    s->mode == CLI_SERVER_ADMIN ? "down" : "up");
	if (s->mode == CLI_SERVER_EMPTY)
		snprintf(body, sizeof(body),
		    "{\"causeway:status\":{\"schema\":\"causeway/status/"
		    "1\",\"uptime\":3,\"fib\":{\"in-sync\":true,"
		    "\"routes\":0},\"site\":[]}}");
	else
		snprintf(body, sizeof(body),
		    "{\"causeway:status\":{\"schema\":\"causeway/status/"
		    "1\",\"uptime\":7620,\"fib\":{\"in-sync\":true,"
		    "\"routes\":1},\"site\":[{\"name\":\"azure-hq\",\"profile\":\"azure-vpngw\",\"state\":\"%"
		    "s\",\"tunnel\":[{"
		    "\"name\":\"t1\",\"admin\":\"up\",\"step\":\"%s\",\"since\":\"2020-01-01T00:00:00Z\","
		    "\"error\":null}]}%s]}}",
		    strcmp(step, "in-fib") != 0 ? "down" : "ok", step, second);
	reply(req, 200, body);
}

/* One element of "tunnel". */
static void tunnel_json(char *buf, size_t cap, const char *site, const char *step, const char *admin,
    const char *err, unsigned rekeys)
{
	snprintf(buf, cap,
	    "{\"site\":\"%s\",\"name\":\"t1\",\"admin\":\"%s\",\"step\":\"%s\",\"since\":\"2020-01-01T00:00:"
	    "00Z\",\"error\":%s,"
	    "\"next\":null,\"local\":\"192.0.2.1\",\"local-port\":4500,\"remote\":\"192.0.2.2\",\"remote-"
	    "port\":4500,"
	    "\"interface\":\"cw0\",\"data-plane\":\"user\",\"nat\":\"none\",\"mtu\":1400,\"mss\":1350,"
	    "\"ike\":{\"spi-i\":\"0011223344556677\",\"spi-r\":\"8899aabbccddeeff\",\"proposal\":\"aes256-"
	    "sha256-modp2048\","
	    "\"age\":61,\"rekeys\":0,\"initiator\":true},\"child\":[{\"spi-in\":\"c0000001\",\"spi-out\":"
	    "\"c0000002\","
	    "\"proposal\":"
	    "\"aes256-sha256\",\"age\":61,\"bytes-in\":2048,\"bytes-out\":1024,\"packets-in\":2,\"packets-"
	    "out\":1}],"
	    "\"child-rekeys\":%u,\"inside-address\":[\"10.0.0.10/"
	    "32\"],\"drop\":[{\"name\":\"replay\",\"count\":3},{\"name\":\"auth\",\"count\":0}]}",
	    site, admin, step, err, rekeys);
}

static void answer_tunnel(struct server *s, struct evhttp_request *req, const char *name)
{
	static const char no_answer[] = "{\"id\":\"ike-no-answer\",\"text\":\"no answer from 192.0.2.9\"}";
	char one[1024], body[1200];
	unsigned n = s->asked_tunnel++;

	if (!strcmp(name, "azure-hq/t1")) {
		unsigned step = s->going_up     ? (n < TOP ? n : TOP)
		                : s->going_down ? (n < TOP ? TOP - n : 0)
		                                : TOP;
		tunnel_json(one, sizeof(one), "azure-hq", ladder[step], s->going_down ? "down" : "up", "null",
		    s->rekeying && n > 1 ? 5 : 4);
	} else if (!strcmp(name, "stuck/t1")) {
		tunnel_json(one, sizeof(one), "stuck", "connecting", "up", no_answer, 0);
	} else if (!strcmp(name, "taken/t1")) {
		tunnel_json(one, sizeof(one), "taken", n > 1 ? "down" : "connecting", n > 1 ? "down" : "up",
		    "null", 0);
	} else {
		error(req, 404, "data-missing", "no-such-tunnel", "there is no such tunnel");
		return;
	}
	snprintf(body, sizeof(body), "{\"causeway:tunnels\":{\"tunnel\":[%s]}}", one);
	reply(req, 200, body);
}

static void answer_tunnels(struct server *s, struct evhttp_request *req)
{
	char one[1024], body[1200];

	tunnel_json(one, sizeof(one), "azure-hq", "in-fib", "up", "null", 4);
	snprintf(body, sizeof(body), "{\"causeway:tunnels\":{\"tunnel\":[%s]}}",
	    s->mode == CLI_SERVER_EMPTY ? "" : one);
	reply(req, 200, body);
}

/* A network is told to the one peer by the third question; 10.66.0.0/16 never is. */
static void answer_announced(struct server *s, struct evhttp_request *req, const char *key)
{
	char body[512];
	bool told = (s->asked_announced++ >= 2) != s->withdrawn;
	bool never = strstr(key, "10.66.0.0") != NULL, held = strstr(key, "10.77.0.0") != NULL;

	snprintf(body, sizeof(body),
	    "{\"causeway:announced\":{\"prefix\":\"%s\",\"announced\":%s,\"configured\":false,\"peer\":[{"
	    "\"name\":\"azure-hq/t1\",\"told\":%s,\"withheld\":%s,\"reason\":%s}]}}",
	    never  ? "10.66.0.0/16"
	    : held ? "10.77.0.0/16"
	           : "10.1.0.0/16",
	    s->withdrawn ? "false" : "true", told && !never && !held ? "true" : "false",
	    held ? "true" : "false", held ? "\"not announced: its family\"" : "null");
	reply(req, 200, body);
}

static void answer_bgp_operation(
    struct server *s, struct evhttp_request *req, const char *operation, const char *body)
{
	bool networks = !strcmp(operation, "bgp-announce") || !strcmp(operation, "bgp-withdraw");

	s->asked_announced = s->asked_peer = 0;
	s->withdrawn = !strcmp(operation, "bgp-withdraw");
	s->session_stuck = strstr(body, "\"stuck/t1\"");
	if (networks && strstr(body, "\"127.0.0.0/8\""))
		error(req, 409, "operation-not-supported", "announce-martian", "127.0.0.0/8 is never routed");
	else if (networks && strstr(body, "\"10.8.0.0/16\""))
		error(req, 404, "data-missing", "not-announced", "10.8.0.0/16 is not announced");
	else if (!networks && !strstr(body, "\"azure-hq/t1\"") && !s->session_stuck)
		error(req, 404, "data-missing", "no-such-peer", "there is no such peer");
	else if (!strcmp(operation, "bgp-refresh") && !strstr(body, "\"direction\":\"both\""))
		error(
		    req, 409, "operation-not-supported", "bgp-no-refresh", "it does not know route refresh");
	else if (!strcmp(operation, "bgp-down") && strstr(body, "\"message\"") &&
	         !strstr(body, "\"message\":\"maintenance\""))
		error(req, 400, "invalid-value", "invalid-input", "another message was expected");
	else
		reply(req, 204, "");
}

static void answer_operation(struct server *s, struct evhttp_request *req, const char *operation)
{
	char body[512];
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	ev_ssize_t n = evbuffer_copyout(in, body, sizeof(body) - 1);

	body[n > 0 ? n : 0] = '\0';
	if (!strstr(body, "\"causeway:input\"")) {
		error(req, 400, "malformed-message", "bad-input", "causeway:input is missing");
	} else if (!strncmp(operation, "bgp-", 4)) {
		answer_bgp_operation(s, req, operation, body);
	} else if (strstr(body, "\"safe/t1\"")) {
		error(req, 409, "operation-not-supported", "last-path",
		    "this is the last tunnel that carries the default route");
	} else if (!strstr(body, "\"azure-hq/t1\"") && !strstr(body, "\"stuck/t1\"") &&
	           !strstr(body, "\"taken/t1\"")) {
		error(req, 404, "data-missing", "no-such-tunnel", "there is no such tunnel");
	} else {
		s->going_up = !strcmp(operation, "tunnel-up");
		s->going_down = !strcmp(operation, "tunnel-down");
		s->rekeying = !strcmp(operation, "tunnel-rekey");
		s->asked_tunnel = 0;
		reply(req, 204, "");
	}
}

/* One event of each kind in awkward pieces, the query in the first, then the end. */
static void answer_monitor(struct evhttp_request *req, const char *query)
{
	static const char events[] =
	    "{\"time\":\"2026-08-01T10:00:00Z\",\"event\":\"state\",\"peer\":\"azure-hq/"
	    "t1\",\"state\":\"Idle\",\"was\":"
	    "\"Established\",\"reason\":\"hold timer \\u001b[31m\"}\n"
	    "{\"event\":\"announce\",\"peer\":\"azure-hq/t1\",\"prefix\":\"10.1.0.0/"
	    "16\",\"nexthop\":\"10.2.0.1\",\"as-path-"
	    "text\":\"65515 {1,2}\"}\n\n"
	    "{\"event\":\"withdraw\",\"peer\":\"azure-hq/t1\",\"prefix\":\"10.1.0.0/16\"}\n"
	    "{\"event\":\"end-of-rib\",\"peer\":\"azure-hq/t1\",\"family\":\"ipv4-unicast\"}\n"
	    "{\"event\":\"best\",\"peer\":\"azure-hq/t1\",\"prefix\":\"10.1.0.0/"
	    "16\",\"nexthop\":\"10.2.0.1\",\"ways\":2}\n"
	    "{\"event\":\"best\",\"peer\":null,\"prefix\":\"10.1.0.0/16\",\"nexthop\":null,\"ways\":0}\n"
	    "{\"event\":\"fib\",\"prefix\":\"10.1.0.0/16\",\"in-kernel\":false,\"reason\":\"no way\"}\n"
	    "{\"event\":\"lost\",\"lost\":17}\nno JSON\n"
	    "{\"event\":\"of-tomorrow\",\"prefix\":\"10.1.0.0/16\"}\n";
	struct evbuffer *b = evbuffer_new();

	evhttp_send_reply_start(req, 200, NULL);
	evbuffer_add_printf(b, "\n{\"event\":\"query\",\"prefix\":\"%s\"}\n", query);
	evhttp_send_reply_chunk(req, b);
	for (size_t i = 0; i < sizeof(events) - 1; i += 7) {
		evbuffer_add(b, events + i, sizeof(events) - 1 - i < 7 ? sizeof(events) - 1 - i : 7);
		evhttp_send_reply_chunk(req, b);
	}
	evhttp_send_reply_end(req);
	evbuffer_free(b);
}

static void answer_routes(struct server *s, struct evhttp_request *req, const char *query)
{
	static const char row[] =
	    "{\"prefix\":\"10.100.0.0/16\",\"nexthop\":\"10.100.255.254\",\"peer\":\"azure-hq/t1\","
	    "\"as-path\":[65515],\"origin\":\"igp\",\"local-pref\":100,\"med\":null,\"communities\":[\"65001:"
	    "100\"],"
	    "\"best\":true,\"in-fib\":true,\"reason\":\"only path\"}";
	struct evbuffer *b = evbuffer_new();
	unsigned n = s->mode == CLI_SERVER_MANY ? CLI_SERVER_ROUTES : s->mode == CLI_SERVER_EMPTY ? 0 : 1;

	if (strstr(query, "peer=nobody")) {
		evbuffer_free(b);
		error(req, 404, "data-missing", "no-such-peer", "there is no BGP peer nobody");
		return;
	}
	evhttp_send_reply_start(req, 200, NULL);
	evbuffer_add_printf(b, "{\"causeway:routes\":{\"route\":[");
	for (unsigned i = 0; i < n; i++) {
		evbuffer_add_printf(b, "%s%s", i ? "," : "", row);
		if (i % 1000 == 0)
			evhttp_send_reply_chunk(req, b);
	}
	/* The query, so that a test sees what was asked. */
	evbuffer_add_printf(b, "],\"query\":\"%s\"}}", query);
	evhttp_send_reply_chunk(req, b);
	evhttp_send_reply_end(req);
	evbuffer_free(b);
}

/* After an operation it comes up with the third question. */
static void answer_peer(struct server *s, struct evhttp_request *req, bool stuck)
{
	char body[512];
	const char *state = stuck ? "Active" : s->asked_peer++ < 2 ? "Connect" : "Established";

	snprintf(body, sizeof(body),
	    "{\"causeway:peers\":{\"peer\":[{\"name\":\"%s\",\"state\":\"%s\",\"admin\":\"up\",\"error\":%s}]"
	    "}}",
	    stuck ? "stuck/t1" : "azure-hq/t1", state,
	    stuck ? "{\"id\":\"bgp-connect-failed\",\"text\":\"connection refused\"}" : "null");
	reply(req, 200, body);
}

#define PEER_MEMBERS                                                                                         \
	"\"name\":\"azure-hq/"                                                                               \
	"t1\",\"address\":\"10.100.255.254\",\"as\":65515,\"state\":\"Established\",\"uptime\":61,"          \
	"\"received\":1,\"accepted\":1,\"advertised\":1"

static void answer_rest(struct server *s, struct evhttp_request *req, const char *path)
{
	bool empty = s->mode == CLI_SERVER_EMPTY;

	if (!strcmp(path, STATE "bgp"))
		reply(req, 200,
		    empty ? "{\"causeway:bgp\":{\"as\":null,\"router-id\":null,\"peer\":[]}}"
		          : "{\"causeway:bgp\":{\"as\":65001,\"router-id\":\"10.0.0.10\",\"peer\":["
		            "{" PEER_MEMBERS "}],\"by-command\":[{\"prefix\":\"10.1.0.0/16\",\"withdrawn\":"
		            "false},"
		            "{\"prefix\":\"10.0.0.0/16\",\"withdrawn\":true}]}}");
	else if (!strcmp(path, STATE "peers") || !strcmp(path, STATE "peers=azure-hq%2Ft1"))
		reply(req, 200,
		    "{\"causeway:peers\":{\"peer\":[{" PEER_MEMBERS
		    ",\"hold-time\":180,\"keepalive\":60,\"capabilities\":{\"route-refresh\":true,\"ipv6-"
		    "unicast\":false},"
		    "\"messages\":{\"in\":{\"total\":9,\"update\":2},\"out\":{}},\"error\":null}]}}");
	else if (!strcmp(path, STATE "fib"))
		reply(req, 200,
		    empty ? "{\"causeway:fib\":{\"route\":[]}}"
		          : "{\"causeway:fib\":{\"route\":[{\"prefix\":\"10.100.0.0/"
		            "16\",\"metric\":50,\"origin\":\"bgp\",\"nexthop\":[{"
		            "\"interface\":\"cw0\",\"via\":\"10.100.255.254\",\"weight\":1}],\"in-kernel\":"
		            "true,\"why\":null},"
		            "{\"prefix\":\"10.101.0.0/"
		            "16\",\"metric\":50,\"origin\":\"bgp\",\"nexthop\":[{\"interface\":\"cw0\","
		            "\"via\":null,\"weight\":1}],\"in-kernel\":false,\"why\":{\"id\":\"fib-foreign\","
		            "\"text\":\"somebody "
		            "else holds it\"}}]}}");
	else if (!strcmp(path, DATA "causeway:connector"))
		reply(req, 200, "{\"causeway:connector\":{\"as\":65001,\"site\":[{\"name\":\"azure-hq\"}]}}");
	else
		error(req, 404, "data-missing", "no-such-resource", "there is no such resource");
}

static void on_request(struct evhttp_request *req, void *ctx)
{
	struct server *s = ctx;
	const char *uri = evhttp_request_get_uri(req);
	char path[512];
	size_t len = strcspn(uri, "?");
	char *name = NULL;

	snprintf(path, sizeof(path), "%.*s", (int)len, uri);
	if (s->mode == CLI_SERVER_FOREIGN)
		reply(req, 200, "<html><body>It works!</body></html>");
	else if (!strncmp(path, OPERATIONS, strlen(OPERATIONS)) &&
	         evhttp_request_get_command(req) == EVHTTP_REQ_POST)
		answer_operation(s, req, path + strlen(OPERATIONS));
	else if (!strcmp(path, STATE "status"))
		answer_status(s, req);
	else if (!strcmp(path, STATE "tunnels"))
		answer_tunnels(s, req);
	else if (!strncmp(path, STATE "tunnels=", strlen(STATE "tunnels=")))
		answer_tunnel(s, req, name = evhttp_uridecode(path + strlen(STATE "tunnels="), 0, NULL));
	else if (!strncmp(path, STATE "announced=", strlen(STATE "announced=")))
		answer_announced(s, req, path);
	else if (!strcmp(path, STATE "monitor"))
		answer_monitor(req, uri[len] ? uri + len + 1 : "");
	else if (!strcmp(path, STATE "mrt"))
		reply(req, 200, "bytes of an MRT file");
	else if (s->mode == CLI_SERVER_CHANGING && !strcmp(path, STATE "peers=azure-hq%2Ft1"))
		answer_peer(s, req, false);
	else if (!strcmp(path, STATE "peers=stuck%2Ft1"))
		answer_peer(s, req, true);
	else if (!strcmp(path, STATE "routes"))
		answer_routes(s, req, uri[len] ? uri + len + 1 : "");
	else
		answer_rest(s, req, path);
	free(name);
}

/* Answers half a body, and closes. */
static void serve_cut(int listener)
{
	static const char half[] =
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1a\r\n{\"causeway:routes\":{\"route\"\r\n";
	char in[4096];

	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			_exit(1);
		if (read(fd, in, sizeof(in)) > 0 && write(fd, half, sizeof(half) - 1) < 0)
			_exit(1);
		close(fd);
	}
}

static void serve(int listener, enum cli_server_mode mode)
{
	struct server s = { .mode = mode };
	struct event_base *base = event_base_new();
	struct evhttp *http = evhttp_new(base);

	evhttp_set_gencb(http, on_request, &s);
	evutil_make_socket_nonblocking(listener);
	if (evhttp_accept_socket(http, listener) == 0)
		event_base_dispatch(base);
	_exit(1);
}

void cli_server_start(struct cli_server *s, enum cli_server_mode mode)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(s->dir, sizeof(s->dir), "/tmp/cli-test-XXXXXX");
	if (fd < 0 || !mkdtemp(s->dir))
		abort();
	snprintf(s->socket, sizeof(s->socket), "%s/sock", s->dir);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", s->socket);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 || listen(fd, 8) < 0)
		abort();
	s->pid = fork();
	if (s->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (mode == CLI_SERVER_SILENT)
			pause();
		if (mode == CLI_SERVER_CUT)
			serve_cut(fd);
		serve(fd, mode);
	}
	close(fd);
}

void cli_server_stop(struct cli_server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	unlink(s->socket);
	rmdir(s->dir);
}

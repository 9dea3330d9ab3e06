/* SPDX-License-Identifier: Apache-2.0 */
/* The management API's resources, operations and faults, and the socket's own rules. */
#include "tests/support/api_rig.h"

#include <jansson.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void every_resource_answers(void **state)
{
	struct api_rig *r = *state;
	json_t *v = api_get(r, "/restconf/data/causeway:connector", "causeway:connector");

	assert_int_equal(json_integer_value(json_object_get(v, "as")), 65001);
	json_decref(v);
	v = api_get(r, API_STATE "status", "causeway:status");
	assert_int_equal(json_integer_value(json_object_get(v, "uptime")), 7);
	assert_int_equal(json_array_size(json_object_get(v, "site")), 1);
	json_decref(v);
	v = api_get(r, API_STATE "tunnels", "causeway:tunnels");
	assert_int_equal(json_array_size(json_object_get(v, "tunnel")), API_RIG_TUNNELS);
	json_decref(v);
	v = api_get(r, API_STATE "tunnels=hq%2Ft17", "causeway:tunnels");
	assert_int_equal(json_array_size(json_object_get(v, "tunnel")), 1);
	json_decref(v);
	v = api_get(r, API_STATE "bgp", "causeway:bgp");
	assert_string_equal(json_string_value(json_object_get(v, "router-id")), "10.0.0.10");
	assert_int_equal(json_array_size(json_object_get(v, "peer")), 1);
	json_decref(v);
	v = api_get(r, API_STATE "peers=hq%2Ft0", "causeway:peers");
	assert_non_null(json_object_get(json_array_get(json_object_get(v, "peer"), 0), "messages"));
	json_decref(v);
	v = api_get(r, API_STATE "fib", "causeway:fib");
	assert_int_equal(json_array_size(json_object_get(v, "route")), 1);
	json_decref(v);
}

static void operations_reach_the_daemon(void **state)
{
	struct api_rig *r = *state;
	json_t *b = NULL;

	assert_int_equal(api_ask(r, "POST", "/restconf/operations/causeway:tunnel-rekey",
	                     "{\"causeway:input\":{\"tunnel\":\"hq/t0\"}}", &b),
	    204);
	assert_null(b);
	assert_int_equal(r->f.last_op, API_TUNNEL_REKEY);
	assert_string_equal(r->f.last_name, "hq/t0");
	api_expect_error(r, "POST", "/restconf/operations/causeway:tunnel-up",
	    "{\"causeway:input\":{\"tunnel\":\"hq/t99\"}}", 404, "data-missing", "no-such-tunnel");
	api_expect_error(r, "POST", "/restconf/operations/causeway:tunnel-down",
	    "{\"causeway:input\":{\"tunnel\":\"hq/refused\"}}", 409, "operation-not-supported", "safety");
	api_expect_error(r, "POST", "/restconf/operations/causeway:tunnel-down",
	    "{\"causeway:input\":{\"tunnel\":\"hq/failed\"}}", 500, "operation-failed", "operation-failed");
}

#define OP "/restconf/operations/causeway:bgp-"

static void bgp_operations_reach_the_daemon(void **state)
{
	struct api_rig *r = *state;
	const struct api_bgp_op *op = &r->f.last_bgp;
	json_t *v;

	assert_int_equal(api_ask(r, "POST", OP "announce",
	                     "{\"causeway:input\":{\"prefix\":[\"10.1.0.0/16\",\"10.2.0.1/16\"]}}", NULL),
	    204);
	assert_int_equal(op->kind, API_BGP_ANNOUNCE);
	assert_int_equal(op->n_prefix, 2);
	assert_string_equal(prefix_str(&op->prefix[1]), "10.2.0.1/16"); /* the daemon's to refuse */
	assert_int_equal(
	    api_ask(r, "POST", OP "refresh", "{\"causeway:input\":{\"peer\":\"hq/t0\"}}", NULL), 204);
	assert_true(op->in && !op->out);
	assert_int_equal(api_ask(r, "POST", OP "refresh",
	                     "{\"causeway:input\":{\"peer\":\"hq/t0\",\"direction\":\"out\"}}", NULL),
	    204);
	assert_true(!op->in && op->out);
	assert_int_equal(api_ask(r, "POST", OP "down",
	                     "{\"causeway:input\":{\"peer\":\"hq/t0\",\"message\":\"bye\"}}", NULL),
	    204);
	assert_int_equal(op->kind, API_BGP_DOWN);
	assert_string_equal(op->message, "bye");
	assert_string_equal(op->peer, "hq/t0");
	api_expect_error(r, "POST", OP "up", "{\"causeway:input\":{\"peer\":\"nobody\"}}", 404,
	    "data-missing", "no-such-peer");
	api_expect_error(r, "POST", OP "announce", "{\"causeway:input\":{\"prefix\":[\"0.0.0.0/0\"]}}", 409,
	    "operation-not-supported", "announce-default");
	api_expect_error(r, "POST", OP "announce", "{\"causeway:input\":{\"prefix\":[\"10.0\"]}}", 400,
	    "invalid-value", "invalid-prefix");
	api_expect_error(r, "POST", OP "announce", "{\"causeway:input\":{\"prefix\":[]}}", 400,
	    "invalid-value", "invalid-input");
	api_expect_error(r, "POST", OP "up", "{\"causeway:input\":{\"peer\":\"a\",\"message\":\"b\"}}", 400,
	    "invalid-value", "invalid-input");
	api_expect_error(r, "POST", OP "up", "{\"causeway:input\":{\"peer\":\"a\\u0000b\"}}", 400,
	    "malformed-message", "malformed-body");
	api_expect_error(r, "POST", OP "up", "{", 400, "malformed-message", "malformed-body");
	api_expect_error(r, "POST", OP "up", "[]", 400, "invalid-value", "invalid-input");
	api_expect_error(r, "GET", OP "up", "", 405, "operation-not-supported", "method-not-allowed");
	v = api_get(r, API_STATE "announced=10.1.0.0%2F16", "causeway:announced");
	assert_true(json_is_true(json_object_get(v, "announced")));
	json_decref(v);
	api_expect_error(r, "GET", API_STATE "announced=x", "", 400, "invalid-value", "invalid-prefix");
}

static void faults_are_named(void **state)
{
	struct api_rig *r = *state;
	const char *up = "/restconf/operations/causeway:tunnel-up";

	api_expect_error(r, "GET", "/", "", 404, "data-missing", "no-such-resource");
	api_expect_error(r, "GET", API_STATE "statu", "", 404, "data-missing", "no-such-resource");
	api_expect_error(r, "GET", API_STATE "status=x", "", 404, "data-missing", "no-such-resource");
	api_expect_error(r, "GET", API_STATE "tunnels=hq%2Fnone", "", 404, "data-missing", "no-such-tunnel");
	api_expect_error(r, "GET", API_STATE "tunnels=", "", 400, "invalid-value", "invalid-key");
	api_expect_error(r, "GET", API_STATE "tunnels=a%00b", "", 400, "invalid-value", "invalid-key");
	api_expect_error(r, "GET", API_STATE "peers=none", "", 404, "data-missing", "no-such-peer");
	api_expect_error(r, "GET", API_STATE "routes?peer=nobody", "", 404, "data-missing", "no-such-peer");
	api_expect_error(r, "GET", API_STATE "routes?view=worst", "", 400, "invalid-value", "invalid-view");
	api_expect_error(
	    r, "GET", API_STATE "routes?prefix=10.0", "", 400, "invalid-value", "invalid-prefix");
	api_expect_error(r, "GET", API_STATE "routes?as=-1", "", 400, "invalid-value", "invalid-parameter");
	api_expect_error(
	    r, "GET", API_STATE "routes?as=4294967296", "", 400, "invalid-value", "invalid-parameter");
	api_expect_error(
	    r, "GET", API_STATE "routes?match=best", "", 400, "invalid-value", "invalid-parameter");
	api_expect_error(
	    r, "GET", API_STATE "routes?match=exact", "", 400, "invalid-value", "invalid-parameter");
	api_expect_error(
	    r, "GET", API_STATE "routes?covering=10.0.0.0/8", "", 400, "invalid-value", "invalid-parameter");
	api_expect_error(r, "GET", API_STATE "routes?covering=10.0.0.0&prefix=10.0.0.0/8", "", 400,
	    "invalid-value", "invalid-parameter");
	api_expect_error(
	    r, "GET", API_STATE "routes?community=", "", 400, "invalid-value", "invalid-community");
	api_expect_error(
	    r, "GET", API_STATE "routes?colour=red", "", 400, "invalid-value", "invalid-parameter");
	api_expect_error(r, "GET", API_STATE "routes?peer=", "", 400, "invalid-value", "invalid-peer");
	api_expect_error(
	    r, "DELETE", API_STATE "status", "", 405, "operation-not-supported", "method-not-allowed");
	api_expect_error(r, "PUT", "/restconf/data/causeway:connector", "{}", 405, "operation-not-supported",
	    "method-not-allowed");
	api_expect_error(r, "GET", up, "", 405, "operation-not-supported", "method-not-allowed");
	api_expect_error(r, "POST", up, "", 400, "malformed-message", "malformed-body");
	api_expect_error(r, "POST", up, "{\"causeway:input\":", 400, "malformed-message", "malformed-body");
	api_expect_error(r, "POST", up, "[]", 400, "invalid-value", "invalid-input");
	api_expect_error(
	    r, "POST", up, "{\"causeway:input\":{\"tunnel\":5}}", 400, "invalid-value", "invalid-input");
	api_expect_error(r, "POST", up, "{\"causeway:input\":{\"tunnel\":\"a/b\",\"x\":1}}", 400,
	    "invalid-value", "invalid-input");
	assert_int_equal(r->f.opened, 0);
}

static void head_has_no_body(void **state)
{
	struct api_rig *r = *state;
	json_t *b = NULL;

	assert_int_equal(api_ask(r, "HEAD", API_STATE "status", "", &b), 200);
	assert_null(b);
	assert_int_equal(api_ask(r, "HEAD", API_STATE "routes", "", &b), 200);
	assert_null(b);
	assert_int_equal(r->f.opened, 0);
}

static void a_query_reaches_the_walk(void **state)
{
	struct api_rig *r = *state;
	json_t *v =
	    api_get(r, API_STATE "routes?view=received&peer=hq%2Ft0&prefix=10.1.2.3/16", "causeway:routes");

	assert_string_equal(r->f.last_query.view, "received");
	assert_string_equal(r->f.last_query.peer, "hq/t0");
	assert_string_equal(prefix_str(&r->f.last_query.within), "10.1.0.0/16");
	json_decref(v);
}

static void a_connection_serves_several_requests(void **state)
{
	static const char two[] = "GET " API_STATE "fib HTTP/1.1\r\nHost: x\r\n\r\nGET " API_STATE
	                          "status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	struct api_rig *r = *state;
	struct api_client c;

	api_client_open(r, &c, two, strlen(two));
	api_client_run(r, &c);
	assert_non_null(strstr(c.in, "causeway:fib"));
	assert_non_null(strstr(c.in, "causeway:status"));
	api_client_close(&c);
}

static int ask_sized(struct api_rig *r, size_t header, size_t body, json_t **ret_body)
{
	char *request = malloc(header + body + 300);
	size_t n;
	int status;

	assert_non_null(request);
	n = (size_t)sprintf(request,
	    "POST /restconf/operations/causeway:tunnel-up HTTP/1.1\r\nHost: x\r\nConnection: "
	    "close\r\nContent-Length: %zu\r\nX: ",
	    body);
	memset(request + n, 'x', header);
	n += header;
	memcpy(request + n, "\r\n\r\n", 4);
	n += 4;
	memset(request + n, ' ', body);
	n += body;
	status = api_ask_raw(r, request, n, ret_body);
	free(request);
	return status;
}

static void sizes_are_capped(void **state)
{
	struct api_rig *r = *state;
	json_t *b = NULL;

	assert_int_equal(ask_sized(r, 10, 1024 * 1024 + 1, &b), 413);
	assert_non_null(json_object_get(b, "ietf-restconf:errors"));
	json_decref(b);
	assert_int_equal(ask_sized(r, 10, 3 * 1024 * 1024, NULL), 413);
	assert_in_range(ask_sized(r, 20000, 2, NULL), 400, 499);
	assert_int_equal(ask_sized(r, 1000, 1000, NULL), 400); /* blanks: read, and no JSON */
}

static void rubbish_does_no_harm(void **state)
{
	static const char *const rubbish[] = { "\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
		"\x16\x03\x01\x02", "GET http://[::1 HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"GET /%ZZ?%=&& HTTP/1.1\r\nConnection: close\r\n\r\n" };
	struct api_rig *r = *state;
	json_t *v;

	for (size_t i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++) {
		struct api_client c;

		api_client_open(r, &c, rubbish[i], strlen(rubbish[i]));
		api_client_write(&c);
		shutdown(c.fd, SHUT_WR);
		api_client_run(r, &c);
		api_client_close(&c);
	}
	v = api_get(r, API_STATE "status", "causeway:status");
	json_decref(v);
}

static void the_socket_is_ours_alone(void **state)
{
	struct api_rig *r = *state;
	struct reason why;
	struct stat st;
	char long_path[200];

	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_null(api_server_new(r->base, r->path, &api_fake_ops, &r->f, &api_rig_logger, &why));
	assert_string_equal(why.id, "socket-in-use");
	assert_non_null(strstr(why.text, r->path));
	assert_int_equal(access(r->path, F_OK), 0); /* still the first one's */
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_null(api_server_new(r->base, long_path, &api_fake_ops, &r->f, &api_rig_logger, &why));
	assert_string_equal(why.id, "socket-path-too-long");
	assert_null(
	    api_server_new(r->base, "/nonexistent/x.sock", &api_fake_ops, &r->f, &api_rig_logger, &why));
	assert_string_equal(why.id, "socket-not-opened");
	assert_null(api_server_new(r->base, "/etc/hostname", &api_fake_ops, &r->f, &api_rig_logger, &why));
	assert_string_equal(why.id, "socket-in-use");
}

static void a_dead_socket_is_replaced(void **state)
{
	struct api_rig *r = *state;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct api_server *s;
	struct reason why;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/dead.sock", r->dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(fd); /* the file stays, nobody listens */
	s = api_server_new(r->base, sa.sun_path, &api_fake_ops, &r->f, &api_rig_logger, &why);
	assert_non_null(s);
	/* A file put there by somebody else meanwhile is left alone. */
	assert_int_equal(unlink(sa.sun_path), 0);
	fd = open(sa.sun_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	api_server_free(s);
	assert_int_equal(unlink(sa.sun_path), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, api_rig_set_up, api_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_resource_answers),
		T(operations_reach_the_daemon),
		T(bgp_operations_reach_the_daemon),
		T(faults_are_named),
		T(head_has_no_body),
		T(a_query_reaches_the_walk),
		T(a_connection_serves_several_requests),
		T(sizes_are_capped),
		T(rubbish_does_no_harm),
		T(the_socket_is_ours_alone),
		T(a_dead_socket_is_replaced),
	};

	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

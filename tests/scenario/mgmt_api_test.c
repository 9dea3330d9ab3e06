/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The management API over a real Unix socket, with a made-up daemon behind it: every resource, every error,
 * streams with a reader that stops, and the socket's own rules. Client and server share one thread: the
 * client's descriptor is non-blocking and each pump turns the server's loop once, so nothing depends on time.
 */
#include "connector/mgmt/api.h"

#include <event2/event.h>
#include <jansson.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUTES  100000
#define TUNNELS 19 /* more than two pages */

/* --- the made-up daemon --- */
struct fake {
	size_t opened, closed, made; /* walks; rows of the last one */
	size_t routes;               /* that a walk finds */
	enum api_tunnel_op last_op;
	char last_name[64];
	struct api_bgp_op last_bgp;
	struct api_route_query last_query;
	struct reason log_line;
};
struct walk {
	struct fake *f;
	size_t at;
};

static const char *fake_config(void *ctx)
{
	(void)ctx;
	return "{\"causeway:connector\": {\"as\": 65001}}";
}

static void fake_status(void *ctx, struct view_status *ret_status)
{
	(void)ctx;
	*ret_status = (struct view_status){
		.uptime = 7, .fib_in_sync = true, .fib_routes = 3, .n_site = 1, .version = "x"
	};
	ret_status->site = calloc(1, sizeof(*ret_status->site));
	snprintf(ret_status->site[0].name, sizeof(ret_status->site[0].name), "hq");
	ret_status->site[0].state = "ok";
}

static void fake_status_free(struct view_status *status)
{
	free(status->site);
}

static size_t fake_tunnels(void *ctx, size_t start, struct view_tunnel *out, size_t max)
{
	size_t n = 0;

	(void)ctx;
	for (; n < max && start + n < TUNNELS; n++) {
		memset(&out[n], 0, sizeof(out[n]));
		snprintf(out[n].site, sizeof(out[n].site), "hq");
		snprintf(out[n].name, sizeof(out[n].name), "t%zu", start + n);
		out[n].step = "down";
		out[n].nat = "none";
		out[n].data_plane = "user";
	}
	return n;
}

static void fake_bgp(void *ctx, struct view_bgp *ret_bgp)
{
	(void)ctx;
	*ret_bgp = (struct view_bgp){ .as = 65001, .router_id = 0x0a00000a };
}

static size_t fake_peers(void *ctx, size_t start, struct view_bgp_peer *out, size_t max)
{
	(void)ctx;
	if (start || !max)
		return 0;
	memset(&out[0], 0, sizeof(out[0]));
	snprintf(out[0].name, sizeof(out[0].name), "hq/t0");
	out[0].state = "Established";
	out[0].as = 65515;
	return 1;
}

static void *open_walk(struct fake *f)
{
	struct walk *w = calloc(1, sizeof(*w));

	w->f = f;
	f->opened++;
	f->made = 0;
	return w;
}

static void close_walk(void *walk)
{
	struct walk *w = walk;

	w->f->closed++;
	free(w);
}

static void *fake_routes_open(
    void *ctx, const struct api_route_query *q, enum api_result *ret_result, struct reason *why)
{
	struct fake *f = ctx;

	f->last_query = *q;
	if (!strcmp(q->peer, "nobody")) {
		*ret_result = API_NOT_FOUND;
		reason_set(why, "no-such-peer", "there is no peer nobody");
		return NULL;
	}
	return open_walk(f);
}

static size_t fake_routes_next(void *walk, struct view_route *out, size_t max, bool *ret_done)
{
	static const uint32_t path[] = { 65515, 65010 };
	struct walk *w = walk;
	size_t n = 0;

	for (; n < max && w->at < w->f->routes; n++, w->at++) {
		out[n] = (struct view_route){ .prefix = { addr_v4(0x0a000000 + (uint32_t)w->at * 256), 24 },
			.as_path = path,
			.n_as_path = 2,
			.origin = "igp",
			.best = true };
		snprintf(out[n].peer, sizeof(out[n].peer), "hq/t0");
	}
	w->f->made += n;
	*ret_done = w->at >= w->f->routes;
	return n;
}

static enum api_result fake_bgp_op(void *ctx, const struct api_bgp_op *op, struct reason *why)
{
	struct fake *f = ctx;

	f->last_bgp = *op;
	if (!strcmp(op->peer, "nobody")) {
		reason_set(why, "no-such-peer", "there is no BGP peer nobody");
		return API_NOT_FOUND;
	}
	if (op->kind == API_BGP_ANNOUNCE && op->prefix[0].len == 0) {
		reason_set(why, "announce-default", "not the default route");
		return API_REFUSED;
	}
	return API_OK;
}

static size_t fake_announced(void *ctx, size_t start, struct view_announced *out, size_t max)
{
	(void)ctx;
	if (start || !max)
		return 0;
	out[0] = (struct view_announced){ .prefix = { addr_v4(0x0a010000), 16 } };
	return 1;
}

static enum api_result fake_told(
    void *ctx, const struct prefix *p, struct view_told **ret_told, struct reason *why)
{
	struct view_told *v = calloc(1, sizeof(*v) + sizeof(v->peer[0]));

	(void)ctx;
	(void)why;
	v->prefix = *p;
	v->announced = true;
	v->n_peer = 1;
	snprintf(v->peer[0].name, sizeof(v->peer[0].name), "hq/t1");
	v->peer[0].told = true;
	*ret_told = v;
	return API_OK;
}

static void *fake_fib_open(void *ctx)
{
	return open_walk(ctx);
}

static size_t fake_fib_next(void *walk, struct view_fib_route *out, size_t max)
{
	struct walk *w = walk;

	if (w->at || !max)
		return 0;
	w->at = 1;
	out[0] = (struct view_fib_route){
		.prefix = { addr_v4(0x0a640000), 16 }, .origin = "bgp", .n_ways = 1, .in_kernel = true
	};
	snprintf(out[0].way[0].interface, sizeof(out[0].way[0].interface), "cw0");
	return 1;
}

static enum api_result fake_op(void *ctx, enum api_tunnel_op op, const char *name, struct reason *why)
{
	struct fake *f = ctx;

	f->last_op = op;
	snprintf(f->last_name, sizeof(f->last_name), "%.60s", name);
	if (!strcmp(name, "hq/refused")) {
		reason_set(why, "safety", "not now");
		return API_REFUSED;
	}
	if (!strcmp(name, "hq/failed"))
		return API_FAILED;
	if (strcmp(name, "hq/t0") != 0) {
		reason_set(why, "no-such-tunnel", "there is no tunnel %s", name);
		return API_NOT_FOUND;
	}
	return API_OK;
}

static const struct api_ops fake_ops = {
	.config_json = fake_config,
	.status = fake_status,
	.status_free = fake_status_free,
	.tunnels = fake_tunnels,
	.bgp = fake_bgp,
	.peers = fake_peers,
	.routes_open = fake_routes_open,
	.routes_next = fake_routes_next,
	.routes_close = close_walk,
	.fib_open = fake_fib_open,
	.fib_next = fake_fib_next,
	.fib_close = close_walk,
	.tunnel_op = fake_op,
	.bgp_op = fake_bgp_op,
	.announced = fake_announced,
	.told = fake_told,
};

/* --- the set-up --- */
struct rig {
	struct fake f;
	struct event_base *base;
	struct api_server *server;
	char dir[64], path[100];
};

static void quiet(void *ctx, enum log_level level, const char *subject, const char *line)
{
	(void)ctx;
	(void)level;
	(void)subject;
	(void)line;
}
static const struct logger logger = { .sink = quiet, .max = LOG_LEVEL_DEBUG };

static int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct reason why;

	snprintf(r->dir, sizeof(r->dir), "/tmp/causeway-api-XXXXXX");
	if (!mkdtemp(r->dir))
		return -1;
	snprintf(r->path, sizeof(r->path), "%s/causeway.sock", r->dir);
	r->f.routes = ROUTES;
	r->base = event_base_new();
	r->server = api_server_new(r->base, r->path, &fake_ops, &r->f, &logger, &why);
	if (!r->server)
		fail_msg("%s", why.text);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;

	api_server_free(r->server);
	assert_int_equal(r->f.opened, r->f.closed);
	assert_int_equal(access(r->path, F_OK), -1); /* unlinked */
	event_base_free(r->base);
	assert_int_equal(rmdir(r->dir), 0);
	free(r);
	libevent_global_shutdown();
	return 0;
}

/* --- the client --- */
struct client {
	int fd;
	char *in;
	size_t n_in, cap_in;
	const char *out;
	size_t n_out;
	bool eof;
};

static void client_open(struct rig *r, struct client *c, const char *request, size_t len)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	memset(c, 0, sizeof(*c));
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", r->path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
	c->out = request;
	c->n_out = len;
}

static void client_write(struct client *c)
{
	ssize_t n = c->n_out ? send(c->fd, c->out, c->n_out, MSG_NOSIGNAL) : 0;

	if (n > 0) {
		c->out += n;
		c->n_out -= (size_t)n;
	} else if (n < 0 && errno != EAGAIN) {
		c->n_out = 0; /* the server has heard enough */
	}
}

static void client_read(struct client *c)
{
	ssize_t n;

	if (c->cap_in - c->n_in < 65536) {
		c->cap_in = (c->cap_in + 65536) * 2;
		c->in = realloc(c->in, c->cap_in);
		assert_non_null(c->in);
	}
	n = recv(c->fd, c->in + c->n_in, c->cap_in - c->n_in - 1, 0);
	if (n > 0)
		c->n_in += (size_t)n;
	else if (n == 0 || errno != EAGAIN)
		c->eof = true;
	c->in[c->n_in] = '\0';
}

static void client_run(struct rig *r, struct client *c)
{
	while (!c->eof) {
		client_write(c);
		event_base_loop(r->base, EVLOOP_NONBLOCK);
		client_read(c);
	}
}

static void client_close(struct client *c)
{
	close(c->fd);
	free(c->in);
}

/* Joins the chunks of a chunked body in place. */
static void dechunk(char *body)
{
	char *from = body, *to = body;

	for (;;) {
		char *end;
		size_t n = strtoul(from, &end, 16);

		assert_int_equal(strncmp(end, "\r\n", 2), 0);
		if (!n)
			break;
		memmove(to, end + 2, n);
		to += n;
		from = end + 2 + n + 2;
	}
	*to = '\0';
}

/* Sends a request, returns its status; *ret_body (may be NULL) is the parsed JSON body or NULL. */
static int ask_raw(struct rig *r, const char *request, size_t len, json_t **ret_body)
{
	struct client c;
	char *body;
	int status = 0;

	client_open(r, &c, request, len);
	client_run(r, &c);
	assert_int_equal(sscanf(c.in, "HTTP/1.1 %d", &status), 1);
	body = strstr(c.in, "\r\n\r\n");
	assert_non_null(body);
	*body = '\0';
	body += 4;
	if (strcasestr(c.in, "Transfer-Encoding: chunked"))
		dechunk(body);
	if (ret_body)
		*ret_body = json_loads(body, 0, NULL);
	client_close(&c);
	return status;
}

static int ask(struct rig *r, const char *method, const char *path, const char *body, json_t **ret_body)
{
	char request[4096];
	int n = snprintf(request, sizeof(request),
	    "%s %s HTTP/1.1\r\nHost: causeway\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", method,
	    path, strlen(body), body);

	assert_in_range(n, 1, sizeof(request) - 1);
	return ask_raw(r, request, (size_t)n, ret_body);
}

static void expect_error(struct rig *r, const char *method, const char *path, const char *body, int status,
    const char *tag, const char *id)
{
	json_t *b = NULL, *e;

	assert_int_equal(ask(r, method, path, body, &b), status);
	assert_non_null(b);
	e = json_array_get(json_object_get(json_object_get(b, "ietf-restconf:errors"), "error"), 0);
	assert_string_equal(json_string_value(json_object_get(e, "error-tag")), tag);
	assert_string_equal(json_string_value(json_object_get(e, "error-app-tag")), id);
	assert_true(json_string_length(json_object_get(e, "error-message")) > 0);
	assert_true(json_string_length(json_object_get(e, "error-type")) > 0);
	json_decref(b);
}

#define STATE "/restconf/data/causeway:state/"

static json_t *get(struct rig *r, const char *path, const char *member)
{
	json_t *b = NULL, *v;

	assert_int_equal(ask(r, "GET", path, "", &b), 200);
	assert_int_equal(json_object_size(b), 1);
	v = json_incref(json_object_get(b, member));
	assert_non_null(v);
	json_decref(b);
	return v;
}

/* --- tests --- */
static void every_resource_answers(void **state)
{
	struct rig *r = *state;
	json_t *v = get(r, "/restconf/data/causeway:connector", "causeway:connector");

	assert_int_equal(json_integer_value(json_object_get(v, "as")), 65001);
	json_decref(v);
	v = get(r, STATE "status", "causeway:status");
	assert_int_equal(json_integer_value(json_object_get(v, "uptime")), 7);
	assert_int_equal(json_array_size(json_object_get(v, "site")), 1);
	json_decref(v);
	v = get(r, STATE "tunnels", "causeway:tunnels");
	assert_int_equal(json_array_size(json_object_get(v, "tunnel")), TUNNELS);
	json_decref(v);
	v = get(r, STATE "tunnels=hq%2Ft17", "causeway:tunnels");
	assert_int_equal(json_array_size(json_object_get(v, "tunnel")), 1);
	json_decref(v);
	v = get(r, STATE "bgp", "causeway:bgp");
	assert_string_equal(json_string_value(json_object_get(v, "router-id")), "10.0.0.10");
	assert_int_equal(json_array_size(json_object_get(v, "peer")), 1);
	json_decref(v);
	v = get(r, STATE "peers=hq%2Ft0", "causeway:peers");
	assert_non_null(json_object_get(json_array_get(json_object_get(v, "peer"), 0), "messages"));
	json_decref(v);
	v = get(r, STATE "fib", "causeway:fib");
	assert_int_equal(json_array_size(json_object_get(v, "route")), 1);
	json_decref(v);
}

static void operations_reach_the_daemon(void **state)
{
	struct rig *r = *state;
	json_t *b = NULL;

	assert_int_equal(ask(r, "POST", "/restconf/operations/causeway:tunnel-rekey",
	                     "{\"causeway:input\":{\"tunnel\":\"hq/t0\"}}", &b),
	    204);
	assert_null(b);
	assert_int_equal(r->f.last_op, API_TUNNEL_REKEY);
	assert_string_equal(r->f.last_name, "hq/t0");
	expect_error(r, "POST", "/restconf/operations/causeway:tunnel-up",
	    "{\"causeway:input\":{\"tunnel\":\"hq/t99\"}}", 404, "data-missing", "no-such-tunnel");
	expect_error(r, "POST", "/restconf/operations/causeway:tunnel-down",
	    "{\"causeway:input\":{\"tunnel\":\"hq/refused\"}}", 409, "operation-not-supported", "safety");
	expect_error(r, "POST", "/restconf/operations/causeway:tunnel-down",
	    "{\"causeway:input\":{\"tunnel\":\"hq/failed\"}}", 500, "operation-failed", "operation-failed");
}

#define OP "/restconf/operations/causeway:bgp-"

static void bgp_operations_reach_the_daemon(void **state)
{
	struct rig *r = *state;
	const struct api_bgp_op *op = &r->f.last_bgp;
	json_t *v;

	assert_int_equal(ask(r, "POST", OP "announce",
	                     "{\"causeway:input\":{\"prefix\":[\"10.1.0.0/16\",\"10.2.0.1/16\"]}}", NULL),
	    204);
	assert_int_equal(op->kind, API_BGP_ANNOUNCE);
	assert_int_equal(op->n_prefix, 2);
	assert_string_equal(prefix_str(&op->prefix[1]), "10.2.0.1/16"); /* the daemon's to refuse */
	assert_int_equal(
	    ask(r, "POST", OP "refresh", "{\"causeway:input\":{\"peer\":\"hq/t0\"}}", NULL), 204);
	assert_true(op->in && !op->out);
	assert_int_equal(ask(r, "POST", OP "refresh",
	                     "{\"causeway:input\":{\"peer\":\"hq/t0\",\"direction\":\"out\"}}", NULL),
	    204);
	assert_true(!op->in && op->out);
	assert_int_equal(
	    ask(r, "POST", OP "down", "{\"causeway:input\":{\"peer\":\"hq/t0\",\"message\":\"bye\"}}", NULL),
	    204);
	assert_int_equal(op->kind, API_BGP_DOWN);
	assert_string_equal(op->message, "bye");
	assert_string_equal(op->peer, "hq/t0");
	expect_error(r, "POST", OP "up", "{\"causeway:input\":{\"peer\":\"nobody\"}}", 404, "data-missing",
	    "no-such-peer");
	expect_error(r, "POST", OP "announce", "{\"causeway:input\":{\"prefix\":[\"0.0.0.0/0\"]}}", 409,
	    "operation-not-supported", "announce-default");
	expect_error(r, "POST", OP "announce", "{\"causeway:input\":{\"prefix\":[\"10.0\"]}}", 400,
	    "invalid-value", "invalid-prefix");
	expect_error(r, "POST", OP "announce", "{\"causeway:input\":{\"prefix\":[]}}", 400, "invalid-value",
	    "invalid-input");
	expect_error(r, "POST", OP "up", "{\"causeway:input\":{\"peer\":\"a\",\"message\":\"b\"}}", 400,
	    "invalid-value", "invalid-input");
	expect_error(r, "POST", OP "up", "{\"causeway:input\":{\"peer\":\"a\\u0000b\"}}", 400,
	    "malformed-message", "malformed-body");
	expect_error(r, "POST", OP "up", "{", 400, "malformed-message", "malformed-body");
	expect_error(r, "POST", OP "up", "[]", 400, "invalid-value", "invalid-input");
	expect_error(r, "GET", OP "up", "", 405, "operation-not-supported", "method-not-allowed");
	v = get(r, STATE "announced=10.1.0.0%2F16", "causeway:announced");
	assert_true(json_is_true(json_object_get(v, "announced")));
	json_decref(v);
	expect_error(r, "GET", STATE "announced=x", "", 400, "invalid-value", "invalid-prefix");
}

static void faults_are_named(void **state)
{
	struct rig *r = *state;
	const char *up = "/restconf/operations/causeway:tunnel-up";

	expect_error(r, "GET", "/", "", 404, "data-missing", "no-such-resource");
	expect_error(r, "GET", STATE "statu", "", 404, "data-missing", "no-such-resource");
	expect_error(r, "GET", STATE "status=x", "", 404, "data-missing", "no-such-resource");
	expect_error(r, "GET", STATE "tunnels=hq%2Fnone", "", 404, "data-missing", "no-such-tunnel");
	expect_error(r, "GET", STATE "tunnels=", "", 400, "invalid-value", "invalid-key");
	expect_error(r, "GET", STATE "tunnels=a%00b", "", 400, "invalid-value", "invalid-key");
	expect_error(r, "GET", STATE "peers=none", "", 404, "data-missing", "no-such-peer");
	expect_error(r, "GET", STATE "routes?peer=nobody", "", 404, "data-missing", "no-such-peer");
	expect_error(r, "GET", STATE "routes?view=worst", "", 400, "invalid-value", "invalid-view");
	expect_error(r, "GET", STATE "routes?prefix=10.0", "", 400, "invalid-value", "invalid-prefix");
	expect_error(r, "GET", STATE "routes?as=-1", "", 400, "invalid-value", "invalid-parameter");
	expect_error(r, "GET", STATE "routes?as=4294967296", "", 400, "invalid-value", "invalid-parameter");
	expect_error(r, "GET", STATE "routes?match=best", "", 400, "invalid-value", "invalid-parameter");
	expect_error(r, "GET", STATE "routes?match=exact", "", 400, "invalid-value", "invalid-parameter");
	expect_error(
	    r, "GET", STATE "routes?covering=10.0.0.0/8", "", 400, "invalid-value", "invalid-parameter");
	expect_error(r, "GET", STATE "routes?covering=10.0.0.0&prefix=10.0.0.0/8", "", 400, "invalid-value",
	    "invalid-parameter");
	expect_error(r, "GET", STATE "routes?community=", "", 400, "invalid-value", "invalid-community");
	expect_error(r, "GET", STATE "routes?colour=red", "", 400, "invalid-value", "invalid-parameter");
	expect_error(r, "GET", STATE "routes?peer=", "", 400, "invalid-value", "invalid-peer");
	expect_error(r, "DELETE", STATE "status", "", 405, "operation-not-supported", "method-not-allowed");
	expect_error(r, "PUT", "/restconf/data/causeway:connector", "{}", 405, "operation-not-supported",
	    "method-not-allowed");
	expect_error(r, "GET", up, "", 405, "operation-not-supported", "method-not-allowed");
	expect_error(r, "POST", up, "", 400, "malformed-message", "malformed-body");
	expect_error(r, "POST", up, "{\"causeway:input\":", 400, "malformed-message", "malformed-body");
	expect_error(r, "POST", up, "[]", 400, "invalid-value", "invalid-input");
	expect_error(
	    r, "POST", up, "{\"causeway:input\":{\"tunnel\":5}}", 400, "invalid-value", "invalid-input");
	expect_error(r, "POST", up, "{\"causeway:input\":{\"tunnel\":\"a/b\",\"x\":1}}", 400, "invalid-value",
	    "invalid-input");
	assert_int_equal(r->f.opened, 0);
}

static void head_has_no_body(void **state)
{
	struct rig *r = *state;
	json_t *b = NULL;

	assert_int_equal(ask(r, "HEAD", STATE "status", "", &b), 200);
	assert_null(b);
	assert_int_equal(ask(r, "HEAD", STATE "routes", "", &b), 200);
	assert_null(b);
	assert_int_equal(r->f.opened, 0);
}

static void a_query_reaches_the_walk(void **state)
{
	struct rig *r = *state;
	json_t *v = get(r, STATE "routes?view=received&peer=hq%2Ft0&prefix=10.1.2.3/16", "causeway:routes");

	assert_string_equal(r->f.last_query.view, "received");
	assert_string_equal(r->f.last_query.peer, "hq/t0");
	assert_string_equal(prefix_str(&r->f.last_query.within), "10.1.0.0/16");
	json_decref(v);
}

static void many_routes_stream_whole(void **state)
{
	struct rig *r = *state;
	json_t *v = get(r, STATE "routes", "causeway:routes"), *last;

	assert_string_equal(r->f.last_query.view, "best");
	assert_int_equal(json_array_size(json_object_get(v, "route")), ROUTES);
	last = json_array_get(json_object_get(v, "route"), ROUTES - 1);
	assert_string_equal(json_string_value(json_object_get(last, "prefix")), "11.134.159.0/24");
	json_decref(v);
	assert_int_equal(r->f.opened, 1);
	assert_int_equal(r->f.closed, 1);
}

/* Turns the loop until rows stop coming: the client's socket is full. */
static size_t stall(struct rig *r)
{
	size_t before;
	unsigned idle = 0;

	do {
		before = r->f.made;
		event_base_loop(r->base, EVLOOP_NONBLOCK);
		idle = r->f.made == before ? idle + 1 : 0;
	} while (idle < 100 || !r->f.opened);
	return r->f.made;
}

static const char routes_request[] = "GET " STATE "routes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

static void a_reader_that_stops_costs_little(void **state)
{
	struct rig *r = *state;
	struct client c;
	size_t made;
	json_t *v;

	client_open(r, &c, routes_request, strlen(routes_request));
	client_write(&c);
	made = stall(r);
	/* What a socket buffer and two pieces hold; the other rows have not been made. */
	assert_in_range(made, 1, 10000);
	/* Meanwhile others are served, and changes of mind of the reader too. */
	v = get(r, STATE "status", "causeway:status");
	json_decref(v);
	client_run(r, &c);
	assert_int_equal(r->f.made, ROUTES);
	client_close(&c);
}

static void a_reader_that_goes_ends_its_walk(void **state)
{
	struct rig *r = *state;
	struct client c;

	client_open(r, &c, routes_request, strlen(routes_request));
	client_write(&c);
	stall(r);
	assert_int_equal(r->f.closed, 0);
	client_close(&c);
	while (!r->f.closed)
		event_base_loop(r->base, EVLOOP_NONBLOCK);
	assert_int_equal(r->f.closed, 1);
}

static void the_server_may_go_in_mid_stream(void **state)
{
	struct rig *r = *state;
	struct client c;

	client_open(r, &c, routes_request, strlen(routes_request));
	client_write(&c);
	stall(r);
	api_server_free(r->server);
	r->server = NULL;
	assert_int_equal(r->f.closed, 1);
	client_run(r, &c);
	client_close(&c);
}

/* jansson's memory: so many allocations, then one that fails. */
static long json_allowed = -1;

static void *scarce(size_t n)
{
	if (json_allowed == 0) {
		json_allowed = -1;
		return NULL;
	}
	if (json_allowed > 0)
		json_allowed--;
	return malloc(n);
}

/* The answer's body, chunks and all, the n-th allocation failing; NULL: an error, or broken off. Owned. */
static char *body_with(struct rig *r, const char *path, long n, bool *ret_failed)
{
	static const char last_chunk[] = "\r\n0\r\n\r\n";
	char request[512], *body;
	struct client c;

	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
	client_open(r, &c, request, strlen(request));
	json_allowed = n;
	client_run(r, &c);
	*ret_failed = n >= 0 && json_allowed < 0;
	json_allowed = -1;
	body = strncmp(c.in, "HTTP/1.1 200", 12) ? NULL : strstr(c.in, "\r\n\r\n");
	if (body && strcasestr(c.in, "Transfer-Encoding: chunked") &&
	    strcmp(c.in + c.n_in - strlen(last_chunk), last_chunk) != 0)
		body = NULL;
	body = body ? strdup(body) : NULL;
	client_close(&c);
	return body;
}

/* As it always is, or not at all. Did an allocation fail? */
static bool try_without(struct rig *r, const char *path, const char *expected, long n)
{
	bool failed;
	char *body = body_with(r, path, n, &failed);

	if (body)
		assert_string_equal(body, expected);
	else
		assert_true(failed);
	free(body);
	return failed;
}

static void memory_out_makes_no_shorter_list(void **state)
{
	static const char *const paths[] = { STATE "status", STATE "tunnels", STATE "tunnels=hq%2Ft1",
		STATE "peers", STATE "bgp", STATE "fib", STATE "routes" };
	struct rig *r = *state;
	bool failed;

	r->f.routes = ROUTES / 50; /* more than one piece of a stream */
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char *expected = body_with(r, paths[i], -1, &failed);
		long n = 0;

		assert_non_null(expected);
		/* The first piece of a long stream allocation by allocation, those behind it in strides. */
		while (try_without(r, paths[i], expected, n))
			n = n < 300 ? n + 1 : n * 7;
		assert_true(n > 2);
		free(expected);
	}
}

static void a_connection_serves_several_requests(void **state)
{
	static const char two[] = "GET " STATE "fib HTTP/1.1\r\nHost: x\r\n\r\nGET " STATE
	                          "status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	struct rig *r = *state;
	struct client c;

	client_open(r, &c, two, strlen(two));
	client_run(r, &c);
	assert_non_null(strstr(c.in, "causeway:fib"));
	assert_non_null(strstr(c.in, "causeway:status"));
	client_close(&c);
}

static int ask_sized(struct rig *r, size_t header, size_t body, json_t **ret_body)
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
	status = ask_raw(r, request, n, ret_body);
	free(request);
	return status;
}

static void sizes_are_capped(void **state)
{
	struct rig *r = *state;
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
	struct rig *r = *state;
	json_t *v;

	for (size_t i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++) {
		struct client c;

		client_open(r, &c, rubbish[i], strlen(rubbish[i]));
		client_write(&c);
		shutdown(c.fd, SHUT_WR);
		client_run(r, &c);
		client_close(&c);
	}
	v = get(r, STATE "status", "causeway:status");
	json_decref(v);
}

static void the_socket_is_ours_alone(void **state)
{
	struct rig *r = *state;
	struct reason why;
	struct stat st;
	char long_path[200];

	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_null(api_server_new(r->base, r->path, &fake_ops, &r->f, &logger, &why));
	assert_string_equal(why.id, "socket-in-use");
	assert_non_null(strstr(why.text, r->path));
	assert_int_equal(access(r->path, F_OK), 0); /* still the first one's */
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_null(api_server_new(r->base, long_path, &fake_ops, &r->f, &logger, &why));
	assert_string_equal(why.id, "socket-path-too-long");
	assert_null(api_server_new(r->base, "/nonexistent/x.sock", &fake_ops, &r->f, &logger, &why));
	assert_string_equal(why.id, "socket-not-opened");
	assert_null(api_server_new(r->base, "/etc/hostname", &fake_ops, &r->f, &logger, &why));
	assert_string_equal(why.id, "socket-in-use");
}

static void a_dead_socket_is_replaced(void **state)
{
	struct rig *r = *state;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct api_server *s;
	struct reason why;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/dead.sock", r->dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(fd); /* the file stays, nobody listens */
	s = api_server_new(r->base, sa.sun_path, &fake_ops, &r->f, &logger, &why);
	assert_non_null(s);
	/* A file put there by somebody else meanwhile is left alone. */
	assert_int_equal(unlink(sa.sun_path), 0);
	fd = open(sa.sun_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	api_server_free(s);
	assert_int_equal(unlink(sa.sun_path), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_resource_answers),
		T(operations_reach_the_daemon),
		T(bgp_operations_reach_the_daemon),
		T(faults_are_named),
		T(head_has_no_body),
		T(a_query_reaches_the_walk),
		T(many_routes_stream_whole),
		T(a_reader_that_stops_costs_little),
		T(a_reader_that_goes_ends_its_walk),
		T(the_server_may_go_in_mid_stream),
		T(memory_out_makes_no_shorter_list),
		T(a_connection_serves_several_requests),
		T(sizes_are_capped),
		T(rubbish_does_no_harm),
		T(the_socket_is_ours_alone),
		T(a_dead_socket_is_replaced),
	};

	json_set_alloc_funcs(scarce, free);
	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

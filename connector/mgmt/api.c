/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The management API: which resource answers what. libevent parses HTTP (RFC 9112), caps headers and bodies
 * and keeps connections; here a path becomes a question to the daemon and its view becomes JSON. Resources
 * are a table; lists that may be long are streams (api_stream.c), the others are bounded by the
 * configuration. Everything runs on the control thread.
 */
#include "connector/mgmt/api_internal.h"

#include "connector/mgmt/view_json.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA         "/restconf/data/causeway:"
#define OPERATIONS   "/restconf/operations/causeway:"
#define PAGE_TUNNELS 8
#define PAGE_PEERS   16
/* libevent refuses larger bodies itself, with a bare 413; up to here we can still say why. */
#define BODY_READ_MAX (2 * API_BODY_MAX)

static void get_config(struct api_server *s, struct evhttp_request *req, const char *key)
{
	(void)key;
	api_reply_text(req, s->ops->config_json(s->ctx));
}

static void get_status(struct api_server *s, struct evhttp_request *req, const char *key)
{
	struct view_status v = { 0 };

	(void)key;
	s->ops->status(s->ctx, &v);
	api_reply_json(req, "causeway:status", view_status_json(&v));
	if (s->ops->status_free)
		s->ops->status_free(&v);
}

/* {"NAME": rows} */
static json_t *list_of(const char *name, json_t *rows)
{
	json_t *o = json_object();

	if (o && !json_object_set_new(o, name, rows))
		return o;
	if (!o)
		json_decref(rows);
	json_decref(o);
	return NULL;
}

static bool named_tunnel(const struct view_tunnel *v, const char *key)
{
	char name[VIEW_NAME_MAX * 2];

	snprintf(name, sizeof(name), "%s/%s", v->site, v->name);
	return !strcmp(name, key);
}

/* All of them or NULL: a list that lacks a row because memory was out would be a lie. */
static json_t *rows_end(json_t *rows, bool bad)
{
	if (!bad)
		return rows;
	json_decref(rows);
	return NULL;
}

static json_t *tunnel_rows(struct api_server *s, const char *key)
{
	struct view_tunnel *page = calloc(PAGE_TUNNELS, sizeof(*page));
	json_t *rows = json_array();
	size_t n = PAGE_TUNNELS, start = 0;
	bool bad = !page || !rows;

	for (; !bad && n == PAGE_TUNNELS; start += n) {
		n = s->ops->tunnels(s->ctx, start, page, PAGE_TUNNELS);
		for (size_t i = 0; i < n && !bad; i++)
			if (!key || named_tunnel(&page[i], key))
				bad = json_array_append_new(rows, view_tunnel_json(&page[i])) != 0;
	}
	free(page);
	return rows_end(rows, bad);
}

static void get_tunnels(struct api_server *s, struct evhttp_request *req, const char *key)
{
	json_t *rows = tunnel_rows(s, key);

	if (key && rows && !json_array_size(rows)) {
		json_decref(rows);
		api_reply_error(req, HTTP_NOTFOUND, "data-missing", "no-such-tunnel",
		    "there is no tunnel %s; `causeway tunnel list` shows all", key);
		return;
	}
	api_reply_json(req, "causeway:tunnels", list_of("tunnel", rows));
}

static json_t *explain_rows(struct api_server *s, const char *key)
{
	struct view_explain *page = calloc(PAGE_TUNNELS, sizeof(*page));
	json_t *rows = json_array();
	size_t n = PAGE_TUNNELS, start = 0;
	bool bad = !page || !rows;

	for (; !bad && n == PAGE_TUNNELS; start += n) {
		n = s->ops->explain(s->ctx, start, page, PAGE_TUNNELS);
		for (size_t i = 0; i < n && !bad; i++) {
			char name[VIEW_NAME_MAX * 2];

			snprintf(name, sizeof(name), "%s/%s", page[i].site, page[i].name);
			if (!key || !strcmp(name, key))
				bad = json_array_append_new(rows, view_explain_json(&page[i])) != 0;
		}
	}
	free(page);
	return rows_end(rows, bad);
}

static void get_explain(struct api_server *s, struct evhttp_request *req, const char *key)
{
	json_t *rows = explain_rows(s, key);

	if (key && rows && !json_array_size(rows)) {
		json_decref(rows);
		api_reply_error(req, HTTP_NOTFOUND, "data-missing", "no-such-tunnel",
		    "there is no tunnel %s; `causeway tunnel list` shows all", key);
		return;
	}
	api_reply_json(req, "causeway:explain", list_of("tunnel", rows));
}

static json_t *peer_rows(
    struct api_server *s, const char *key, json_t *(*to_json)(const struct view_bgp_peer *v))
{
	struct view_bgp_peer *page = calloc(PAGE_PEERS, sizeof(*page));
	json_t *rows = json_array();
	size_t n = PAGE_PEERS, start = 0;
	bool bad = !page || !rows;

	for (; !bad && n == PAGE_PEERS; start += n) {
		n = s->ops->peers(s->ctx, start, page, PAGE_PEERS);
		for (size_t i = 0; i < n && !bad; i++)
			if (!key || !strcmp(page[i].name, key))
				bad = json_array_append_new(rows, to_json(&page[i])) != 0;
	}
	free(page);
	return rows_end(rows, bad);
}

static void get_peers(struct api_server *s, struct evhttp_request *req, const char *key)
{
	json_t *rows = peer_rows(s, key, view_bgp_peer_json);

	if (key && rows && !json_array_size(rows)) {
		json_decref(rows);
		api_reply_error(req, HTTP_NOTFOUND, "data-missing", "no-such-peer",
		    "there is no BGP peer %s; `causeway bgp summary` shows all", key);
		return;
	}
	api_reply_json(req, "causeway:peers", list_of("peer", rows));
}

static json_t *announced_rows(struct api_server *s)
{
	struct view_announced page[PAGE_PEERS];
	json_t *rows = json_array();
	size_t n = PAGE_PEERS, start = 0;
	bool bad = !rows;

	for (; !bad && n == PAGE_PEERS; start += n) {
		n = s->ops->announced(s->ctx, start, page, PAGE_PEERS);
		for (size_t i = 0; i < n && !bad; i++)
			bad = json_array_append_new(rows, view_announced_json(&page[i])) != 0;
	}
	return rows_end(rows, bad);
}

static void get_bgp(struct api_server *s, struct evhttp_request *req, const char *key)
{
	struct view_bgp v = { 0 };

	(void)key;
	s->ops->bgp(s->ctx, &v);
	api_reply_json(req, "causeway:bgp",
	    view_bgp_json(&v, peer_rows(s, NULL, view_bgp_summary_peer_json), announced_rows(s)));
}

static void get_routes(struct api_server *s, struct evhttp_request *req, const char *key)
{
	struct api_route_query q;
	struct reason why;

	(void)key;
	if (api_route_query(evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req)), &q, &why))
		api_reply_result(req, API_INVALID, &why);
	else
		api_stream_routes(s, req, &q);
}

static void get_fib(struct api_server *s, struct evhttp_request *req, const char *key)
{
	(void)key;
	api_stream_fib(s, req);
}

static void get_mrt(struct api_server *s, struct evhttp_request *req, const char *key)
{
	(void)key;
	api_stream_dump(s, req);
}

static void run_operation(struct api_server *s, struct evhttp_request *req, enum api_tunnel_op op)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	const size_t len = evbuffer_get_length(in);
	char name[VIEW_NAME_MAX];
	struct reason why;
	const char *body = len ? (const char *)evbuffer_pullup(in, -1) : "";

	if (!body || api_tunnel_input(body, len, name, sizeof(name), &why)) {
		api_reply_error(req, HTTP_BADREQUEST,
		    !body || !strcmp(why.id, "malformed-body") ? "malformed-message" : "invalid-value",
		    body ? why.id : "out-of-memory", "%s", body ? why.text : "out of memory");
		return;
	}
	reason_set(&why, "operation-failed", "%s: the operation failed", name);
	api_reply_result(req, s->ops->tunnel_op(s->ctx, op, name, &why), &why);
}

static const struct resource {
	const char *path;
	bool keyed; /* path=KEY asks for one entry */
	void (*get)(
	    struct api_server *s, struct evhttp_request *req, const char *key); /* NULL: an operation */
	enum api_tunnel_op op;
	bool bgp; /* an operation on BGP: */
	enum api_bgp_op_kind bgp_op;
} resources[] = {
	{ .path = DATA "connector", .get = get_config },
	{ .path = DATA "state/status", .get = get_status },
	{ .path = DATA "state/tunnels", .keyed = true, .get = get_tunnels },
	{ .path = DATA "state/explain", .keyed = true, .get = get_explain },
	{ .path = DATA "state/bgp", .get = get_bgp },
	{ .path = DATA "state/peers", .keyed = true, .get = get_peers },
	{ .path = DATA "state/routes", .get = get_routes },
	{ .path = DATA "state/fib", .get = get_fib },
	{ .path = DATA "state/monitor", .get = api_monitor },
	{ .path = DATA "state/mrt", .get = get_mrt },
	{ .path = DATA "state/announced", .keyed = true, .get = api_bgp_announced },
	{ .path = OPERATIONS "tunnel-up", .op = API_TUNNEL_UP },
	{ .path = OPERATIONS "tunnel-down", .op = API_TUNNEL_DOWN },
	{ .path = OPERATIONS "tunnel-rekey", .op = API_TUNNEL_REKEY },
	{ .path = OPERATIONS "tunnel-rekey-ike", .op = API_TUNNEL_REKEY_IKE },
	{ .path = OPERATIONS "bgp-announce", .bgp = true, .bgp_op = API_BGP_ANNOUNCE },
	{ .path = OPERATIONS "bgp-withdraw", .bgp = true, .bgp_op = API_BGP_WITHDRAW },
	{ .path = OPERATIONS "bgp-refresh", .bgp = true, .bgp_op = API_BGP_REFRESH },
	{ .path = OPERATIONS "bgp-up", .bgp = true, .bgp_op = API_BGP_UP },
	{ .path = OPERATIONS "bgp-down", .bgp = true, .bgp_op = API_BGP_DOWN },
};

/* The resource of a path that is still percent-encoded; *ret_key: what follows '=', or NULL. */
static const struct resource *find_resource(const char *path, const char **ret_key)
{
	const size_t n = strcspn(path, "=");

	*ret_key = path[n] ? path + n + 1 : NULL;
	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
		const struct resource *r = &resources[i];

		if (strlen(r->path) == n && !strncmp(r->path, path, n) && (r->keyed || !*ret_key))
			return r;
	}
	return NULL;
}

static void not_allowed(struct evhttp_request *req, const char *allowed)
{
	evhttp_add_header(evhttp_request_get_output_headers(req), "Allow", allowed);
	api_reply_error(req, HTTP_BADMETHOD, "operation-not-supported", "method-not-allowed",
	    "only %s may be used here", allowed);
}

static void serve(
    struct api_server *s, struct evhttp_request *req, const struct resource *r, const char *encoded_key)
{
	const enum evhttp_cmd_type cmd = evhttp_request_get_command(req);
	char *key;
	size_t len = 0;

	if (!r->get && cmd != EVHTTP_REQ_POST) {
		not_allowed(req, "POST");
		return;
	}
	if (!r->get) {
		if (r->bgp)
			api_bgp_operation(s, req, r->bgp_op);
		else
			run_operation(s, req, r->op);
		return;
	}
	if (cmd != EVHTTP_REQ_GET && cmd != EVHTTP_REQ_HEAD) {
		not_allowed(req, "GET, HEAD");
		return;
	}
	key = encoded_key ? evhttp_uridecode(encoded_key, 0, &len) : NULL;
	if (encoded_key && (!key || !len || strlen(key) != len))
		api_reply_error(
		    req, HTTP_BADREQUEST, "invalid-value", "invalid-key", "a name belongs after '='");
	else
		r->get(s, req, key);
	free(key);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct api_server *s = arg;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL, *key = NULL;
	const struct resource *r = path ? find_resource(path, &key) : NULL;

	if (evbuffer_get_length(evhttp_request_get_input_buffer(req)) > API_BODY_MAX)
		api_reply_error(req, HTTP_ENTITYTOOLARGE, "too-big", "body-too-large",
		    "a body has at most %d bytes", API_BODY_MAX);
	else if (!r)
		api_reply_error(req, HTTP_NOTFOUND, "data-missing", "no-such-resource",
		    "%.200s: there is no such resource", path ? path : "(no path)");
	else
		serve(s, req, r, key);
}

/* A connection that takes in no more than one request's worth, however much its client sends ahead. */
static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);

	api_crowd_check(arg);
	if (bev)
		bufferevent_setwatermark(bev, EV_READ, 0, BODY_READ_MAX + 2 * API_HEADER_MAX);
	return bev;
}

static int start_http(struct api_server *s, int fd, struct reason *why)
{
	struct evconnlistener *listener;

	s->http = evhttp_new(s->base);
	if (!s->http) {
		close(fd);
		return reason_set(why, "out-of-memory", "out of memory");
	}
	evhttp_set_max_headers_size(s->http, API_HEADER_MAX);
	evhttp_set_max_body_size(s->http, BODY_READ_MAX);
	evhttp_set_timeout(s->http, API_IDLE_SECONDS);
	evhttp_set_allowed_methods(s->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
	                                        EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_PATCH |
	                                        EVHTTP_REQ_OPTIONS);
	evhttp_set_bevcb(s->http, on_connection, s);
	evhttp_set_gencb(s->http, on_request, s);
	/* backlog 0: it listens already */
	listener =
	    evconnlistener_new(s->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!listener) {
		close(fd);
		return reason_set(why, "out-of-memory", "out of memory");
	}
	if (api_crowd_init(s, listener) || !evhttp_bind_listener(s->http, listener)) {
		evconnlistener_free(listener);
		return reason_set(why, "out-of-memory", "out of memory");
	}
	return 0;
}

struct api_server *api_server_new(struct event_base *base, const char *path, const struct api_ops *ops,
    void *ctx, const struct logger *log, struct reason *ret_reason)
{
	struct api_server *s = calloc(1, sizeof(*s));
	int fd;

	reason_clear(ret_reason);
	if (s)
		s->path = strdup(path);
	if (!s || !s->path) {
		free(s);
		reason_set(ret_reason, "out-of-memory", "out of memory");
		return NULL;
	}
	s->base = base;
	s->ops = ops;
	s->ctx = ctx;
	s->log = log;
	list_init(&s->streams);
	list_init(&s->monitors);
	fd = api_socket_listen(path, &s->dev, &s->ino, ret_reason);
	if (fd < 0 || start_http(s, fd, ret_reason)) {
		api_server_free(s);
		return NULL;
	}
	log_info(log, "api", "listening on %s", path);
	return s;
}

/* Unlinks the socket file if it is the one that we made: never another daemon's. */
static void remove_socket(const struct api_server *s)
{
	struct stat st;

	if (s->ino && !lstat(s->path, &st) && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->path);
}

void api_server_free(struct api_server *s)
{
	if (!s)
		return;
	remove_socket(s);
	api_streams_end(s);
	api_monitors_end(s);
	api_crowd_end(s);
	if (s->http)
		evhttp_free(s->http);
	free(s->path);
	free(s);
}

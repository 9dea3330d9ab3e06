/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as a stream. A piece is made, handed to the socket, and only when the client has taken it the next one
 * is made: a million routes need the memory of one piece, a slow reader costs nothing, and between pieces the
 * loop serves everyone else: streams are of its last priority, so that they take turns with other long work
 * and nobody waits for their end. A stream ends in one of four ways, each of which closes its walk once: all
 * rows sent, the client gone, the server going, memory out. The last cuts the connection before the
 * terminating chunk (RFC 9112 7.1), so that the client sees that this was not all.
 */
#include "connector/mgmt/api_internal.h"

#include "connector/mgmt/view_json.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>

enum stream_kind { STREAM_ROUTES, STREAM_FIB, STREAM_DUMP };

struct stream {
	struct list node;
	struct api_server *s;
	struct evhttp_request *req;
	void *walk;
	enum stream_kind kind;
	bool any;   /* a row has been written: the next needs a comma */
	bool bad;   /* memory was out: what is in buf is not to be sent */
	bool count; /* rows are only counted */
	uint64_t rows_n;
	struct evbuffer *buf;
	struct event *later; /* goes on when the loop has served others */
	struct event *cut;   /* frees the connection, which its own callbacks can't do safely */
	union {
		struct view_route route[API_STREAM_ROWS];
		struct view_fib_route fib[API_STREAM_ROWS];
	} rows;
};

static void walk_close(const struct api_server *s, enum stream_kind kind, void *walk)
{
	switch (kind) {
	case STREAM_ROUTES: s->ops->routes_close(walk); break;
	case STREAM_FIB: s->ops->fib_close(walk); break;
	case STREAM_DUMP: s->ops->dump_close(walk); break;
	}
}

static void stream_free(struct stream *st)
{
	walk_close(st->s, st->kind, st->walk);
	list_remove(&st->node);
	st->s->n_streams--;
	evbuffer_free(st->buf);
	event_free(st->cut);
	event_free(st->later);
	free(st);
}

/*
 * libevent frees the connection after this. The request it frees too, unless the client left in the middle of
 * our answer: then it has cut the request off its connection and left it to us, and ending the reply is the
 * way to free it.
 */
static void on_client_gone(struct evhttp_connection *conn, void *arg)
{
	struct stream *st = arg;
	struct evhttp_request *req = st->req;

	(void)conn;
	stream_free(st);
	if (!evhttp_request_get_connection(req))
		evhttp_send_reply_end(req);
}

/* Memory was out. on_client_gone does the rest. */
static void on_cut(evutil_socket_t fd, short what, void *arg)
{
	struct stream *st = arg;

	(void)fd;
	(void)what;
	evhttp_connection_free(evhttp_request_get_connection(st->req));
}

static void add_row(struct stream *st, json_t *row)
{
	st->bad =
	    st->bad || !row || (st->any && evbuffer_add(st->buf, ",\n", 2)) || api_add_json(st->buf, row);
	st->any = true;
	json_decref(row);
}

static bool fetch_fib(struct stream *st)
{
	size_t n = st->s->ops->fib_next(st->walk, st->rows.fib, API_STREAM_ROWS);

	for (size_t i = 0; i < n; i++)
		add_row(st, view_fib_route_json(&st->rows.fib[i]));
	return n > 0;
}

static bool fetch_routes(struct stream *st)
{
	bool done = false;
	size_t n = st->s->ops->routes_next(st->walk, st->rows.route, API_STREAM_ROWS, &done);

	st->rows_n += n;
	for (size_t i = 0; i < n && !st->count; i++)
		add_row(st, view_route_json(&st->rows.route[i]));
	return !done;
}

static bool fetch_dump(struct stream *st)
{
	struct evbuffer_iovec v;
	bool done = false;

	if (evbuffer_reserve_space(st->buf, API_DUMP_PIECE, &v, 1) != 1) {
		st->bad = true;
		return false;
	}
	v.iov_len = st->s->ops->dump_next(st->walk, v.iov_base, API_DUMP_PIECE, &done);
	st->bad = evbuffer_commit_space(st->buf, &v, 1) != 0;
	return !done;
}

/* Asks for some; false at the end, and when memory is out. */
static bool fetch(struct stream *st)
{
	bool more = false;

	switch (st->kind) {
	case STREAM_ROUTES: more = fetch_routes(st); break;
	case STREAM_FIB: more = fetch_fib(st); break;
	case STREAM_DUMP: more = fetch_dump(st); break;
	}
	return more && !st->bad;
}

/* What stands behind the last row. */
static void add_end(struct stream *st)
{
	if (st->kind == STREAM_DUMP)
		return;
	if (st->count)
		st->bad = st->bad || evbuffer_add_printf(
		                         st->buf, "],\"count\":%llu}}\n", (unsigned long long)st->rows_n) < 0;
	else
		st->bad = st->bad || evbuffer_add(st->buf, "]}}\n", 4);
}

static void timeouts(struct evhttp_connection *conn, bool reading)
{
	const struct timeval idle = { .tv_sec = API_IDLE_SECONDS };

	/* A client that only listens is not idle: while a stream runs, only writing may time out. */
	bufferevent_set_timeouts(evhttp_connection_get_bufferevent(conn), reading ? &idle : NULL, &idle);
}

static void on_taken(struct evhttp_connection *conn, void *arg)
{
	struct stream *st = arg;

	(void)conn;
	event_active(st->later, EV_TIMEOUT, 0);
}

static void send_piece(struct evhttp_connection *conn, struct stream *st)
{
	struct evhttp_request *req = st->req;
	bool more = true;

	for (unsigned i = 0; more && i < API_STREAM_TURNS && evbuffer_get_length(st->buf) < API_STREAM_CHUNK;
	     i++)
		more = fetch(st);
	if (more && evbuffer_get_length(st->buf)) {
		evhttp_send_reply_chunk_with_cb(req, st->buf, on_taken, st);
		return;
	}
	if (more) { /* much was looked at and nothing found: others first */
		event_active(st->later, EV_TIMEOUT, 0);
		return;
	}
	add_end(st);
	if (st->bad) {
		log_error(st->s->log, "api", "out of memory: a list of routes was cut off");
		event_active(st->cut, EV_TIMEOUT, 0);
		return;
	}
	evhttp_send_reply_chunk(req, st->buf);
	evhttp_connection_set_closecb(conn, NULL, NULL);
	timeouts(conn, true);
	stream_free(st);
	evhttp_send_reply_end(req); /* may free the connection: last */
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct stream *st = arg;

	(void)fd;
	(void)what;
	send_piece(evhttp_request_get_connection(st->req), st);
}

static void stream_start(
    struct api_server *s, struct evhttp_request *req, void *walk, enum stream_kind kind, bool count)
{
	struct evhttp_connection *conn = evhttp_request_get_connection(req);
	struct stream *st = calloc(1, sizeof(*st));
	struct evbuffer *buf = evbuffer_new();
	struct event *cut = event_new(s->base, -1, 0, on_cut, st);
	struct event *later = event_new(s->base, -1, 0, on_later, st);

	if (!st || !buf || !cut || !later) {
		walk_close(s, kind, walk);
		if (buf)
			evbuffer_free(buf);
		if (cut)
			event_free(cut);
		if (later)
			event_free(later);
		free(st);
		api_reply_error(req, HTTP_INTERNAL, "operation-failed", "out-of-memory", "out of memory");
		return;
	}
	(void)event_priority_set(later, event_base_get_npriorities(s->base) - 1);
	*st = (struct stream){ .s = s,
		.req = req,
		.walk = walk,
		.kind = kind,
		.buf = buf,
		.cut = cut,
		.later = later,
		.count = count };
	list_append(&s->streams, &st->node);
	s->n_streams++;
	if (kind != STREAM_DUMP)
		evbuffer_add_printf(
		    buf, "{\"causeway:%s\":{\"route\":[", kind == STREAM_FIB ? "fib" : "routes");
	evhttp_connection_set_closecb(conn, on_client_gone, st);
	timeouts(conn, false);
	api_headers(req);
	evhttp_send_reply_start(req, HTTP_OK, "OK");
	send_piece(conn, st);
}

bool api_stream_answered_early(struct api_server *s, struct evhttp_request *req)
{
	if (api_is_head(req)) {
		api_headers(req);
		evhttp_send_reply(req, HTTP_OK, "OK", NULL);
		return true;
	}
	if (s->n_streams >= API_STREAMS_MAX) {
		api_reply_error(req, HTTP_SERVUNAVAIL, "resource-denied", "too-many-streams",
		    "%d streams are under way already; try again when one has ended", API_STREAMS_MAX);
		return true;
	}
	return false;
}

static void not_available(struct reason *ret_reason)
{
	reason_set(ret_reason, "routes-not-available", "the routes can't be walked");
}

/* walk NULL: the answer is why there is none. */
static void stream_or_reason(struct api_server *s, struct evhttp_request *req, void *walk,
    enum stream_kind kind, bool count, enum api_result result, const struct reason *why)
{
	if (walk)
		stream_start(s, req, walk, kind, count);
	else
		api_reply_result(req, result == API_OK ? API_FAILED : result, why);
}

void api_stream_routes(struct api_server *s, struct evhttp_request *req, const struct api_route_query *q)
{
	enum api_result result = API_FAILED;
	struct reason why;
	void *walk;

	if (api_stream_answered_early(s, req))
		return;
	not_available(&why);
	walk = s->ops->routes_open(s->ctx, q, &result, &why);
	stream_or_reason(s, req, walk, STREAM_ROUTES, q->count, result, &why);
}

void api_stream_fib(struct api_server *s, struct evhttp_request *req)
{
	struct reason why;

	if (api_stream_answered_early(s, req))
		return;
	not_available(&why);
	stream_or_reason(s, req, s->ops->fib_open(s->ctx), STREAM_FIB, false, API_FAILED, &why);
}

void api_stream_dump(struct api_server *s, struct evhttp_request *req)
{
	enum api_result result = API_FAILED;
	struct reason why;
	void *walk;

	if (api_stream_answered_early(s, req))
		return;
	not_available(&why);
	walk = s->ops->dump_open(s->ctx, &result, &why);
	stream_or_reason(s, req, walk, STREAM_DUMP, false, result, &why);
}

void api_streams_end(struct api_server *s)
{
	list_for_each (&s->streams, struct stream, st, node) {
		evhttp_connection_set_closecb(evhttp_request_get_connection(st->req), NULL, NULL);
		stream_free(st);
	}
}

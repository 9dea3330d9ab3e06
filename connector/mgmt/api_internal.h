/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the management API share; included by connector/mgmt/api*.c only. */
#ifndef CW_MGMT_API_INTERNAL_H
#define CW_MGMT_API_INTERNAL_H

#include "base/list.h"
#include "connector/mgmt/api.h"

#include <event2/event.h>
#include <event2/http.h>
#include <jansson.h>
#include <sys/types.h>

#define API_HEADER_MAX   (16 * 1024)
#define API_BODY_MAX     (1024 * 1024)
#define API_IDLE_SECONDS 60           /* a client that neither reads nor writes for this long is let go */
#define API_STREAMS_MAX  64           /* at once */
#define API_STREAM_ROWS  64           /* asked for at a time */
#define API_STREAM_TURNS 8            /* of asking, before others are served */
#define API_STREAM_CHUNK 32768        /* bytes made before waiting for the client to take them */
#define API_DUMP_PIECE   (512 * 1024) /* asked for at a time */
#define API_CONTENT_TYPE "application/yang-data+json"

struct evconnlistener;

struct api_server {
	struct event_base *base;
	struct evhttp *http;
	const struct api_ops *ops;
	void *ctx;
	const struct logger *log;
	char *path;
	dev_t dev; /* of the socket file, so that only our own is unlinked */
	ino_t ino;
	struct list streams, monitors;
	unsigned n_streams;
	struct evconnlistener *listener; /* evhttp's */
	struct event *again;             /* api_crowd.c's */
};

/* api_crowd.c: stops accepting clients while descriptors are scarce. check: after each that was accepted. */
int api_crowd_init(struct api_server *s, struct evconnlistener *listener);
void api_crowd_check(struct api_server *s);
void api_crowd_end(struct api_server *s);

/* api_socket.c: a listening, non-blocking socket at path, or -1 with a reason. Says which file it made. */
int api_socket_listen(const char *path, dev_t *ret_dev, ino_t *ret_ino, struct reason *ret_reason);

/* api_reply.c: each ends the request. */
/* Takes over body (NULL: memory is out, 500). member: what the body's one member is called. */
void api_reply_json(struct evhttp_request *req, const char *member, json_t *body);
void api_reply_text(struct evhttp_request *req, const char *json_text); /* a whole body */
void api_reply_none(struct evhttp_request *req);                        /* 204 */
/* tag: RFC 8040 7.1 error-tag. */
void api_reply_error(struct evhttp_request *req, int status, const char *tag, const char *id, const char *fmt,
    ...) __attribute__((format(printf, 5, 6)));
/* What an operation came to; API_OK is 204. */
void api_reply_result(struct evhttp_request *req, enum api_result result, const struct reason *why);
/* Appends a value as text. -1: memory was out, and buf holds a part of it. */
int api_add_json(struct evbuffer *buf, const json_t *v);
bool api_is_head(struct evhttp_request *req);
void api_headers(struct evhttp_request *req);

/* api_stream.c */
void api_stream_routes(struct api_server *s, struct evhttp_request *req, const struct api_route_query *q);
void api_stream_fib(struct api_server *s, struct evhttp_request *req);
void api_stream_dump(struct api_server *s, struct evhttp_request *req);
void api_streams_end(struct api_server *s);
/* HEAD and too many streams are answered here; true when there is nothing left to do. */
bool api_stream_answered_early(struct api_server *s, struct evhttp_request *req);

/* api_monitor.c */
void api_monitor(struct api_server *s, struct evhttp_request *req, const char *key);
void api_monitors_end(struct api_server *s);

/* api_query.c: the parameters of a request for routes. 0, or -1 with a reason. */
int api_route_query(const char *query, struct api_route_query *ret_query, struct reason *ret_reason);
/* api_bgp.c: operations on BGP, and whom a network has been told to. */
void api_bgp_operation(struct api_server *s, struct evhttp_request *req, enum api_bgp_op_kind kind);
void api_bgp_announced(struct api_server *s, struct evhttp_request *req, const char *key);

/* The input of an operation on a tunnel: its name. */
int api_tunnel_input(const char *body, size_t len, char *ret_name, size_t cap, struct reason *ret_reason);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as a stream without an end: one JSON object a line, as they happen. Nothing is asked for while the
 * client has not taken what was sent, so a slow reader costs the memory of one piece; what it loses meanwhile
 * is said by a line of its own
 * ({"event":"lost","lost":N}). A blank line every few seconds shows both ends that the other one is there.
 */
#include "connector/mgmt/api_internal.h"

#include "connector/mgmt/view_json.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEAT_SECONDS 5
#define EVENTS       16 /* asked for at a time */

struct api_monitor {
	struct list node; /* server.monitors */
	struct api_server *s;
	struct evhttp_request *req;
	void *subscriber;
	struct evbuffer *buf;
	struct event *later, *beat;
	bool sending; /* the client has not taken all yet */
	struct view_event event[EVENTS];
};

static void monitor_end(struct api_monitor *m)
{
	m->s->ops->monitor_close(m->subscriber);
	list_remove(&m->node);
	m->s->n_streams--;
	evbuffer_free(m->buf);
	event_free(m->later);
	event_free(m->beat);
	free(m);
}

/* As for other streams (api_stream.c): a request that the client has left is freed by ending it. */
static void on_client_gone(struct evhttp_connection *conn, void *arg)
{
	struct api_monitor *m = arg;
	struct evhttp_request *req = m->req;

	(void)conn;
	monitor_end(m);
	if (!evhttp_request_get_connection(req))
		evhttp_send_reply_end(req);
}

/* The daemon has something: in a later turn of the loop, so that what happens together goes together, and
 * among what has the last priority, since a table that changes is a long list. */
static void on_wake(void *arg)
{
	struct api_monitor *m = arg;

	if (!m->sending)
		event_active(m->later, EV_TIMEOUT, 0);
}

static void add_line(struct api_monitor *m, json_t *line)
{
	/* Memory out: this event is lost without a word; the next one may fare better. */
	if (line && !api_add_json(m->buf, line))
		evbuffer_add(m->buf, "\n", 1);
	json_decref(line);
}

static void on_taken(struct evhttp_connection *conn, void *arg);

static void send_some(struct api_monitor *m)
{
	size_t n = EVENTS;

	while (n == EVENTS && evbuffer_get_length(m->buf) < API_STREAM_CHUNK) {
		uint64_t lost = 0;

		n = m->s->ops->monitor_next(m->subscriber, m->event, EVENTS, &lost);
		if (lost)
			add_line(m, json_pack("{s:s,s:I}", "event", "lost", "lost", (json_int_t)lost));
		for (size_t i = 0; i < n; i++)
			add_line(m, view_event_json(&m->event[i]));
	}
	if (!evbuffer_get_length(m->buf))
		return;
	m->sending = true;
	evhttp_send_reply_chunk_with_cb(m->req, m->buf, on_taken, m);
}

static void on_taken(struct evhttp_connection *conn, void *arg)
{
	struct api_monitor *m = arg;

	(void)conn;
	m->sending = false;
	on_wake(m);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct api_monitor *m = arg;

	(void)fd;
	(void)what;
	if (!m->sending)
		send_some(m);
}

static void on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct api_monitor *m = arg;

	(void)fd;
	(void)what;
	if (m->sending)
		return;
	evbuffer_add(m->buf, "\n", 1);
	send_some(m);
}

static int take(const char *key, const char *value, struct api_monitor_query *q, struct reason *why)
{
	if (!strcmp(key, "prefix")) {
		if (prefix_parse(value, false, &q->within))
			return reason_set(why, "invalid-prefix",
			    "prefix=%.60s: this is no prefix; write one like 10.0.0.0/16", value);
		q->within = prefix_canonical(q->within);
		return 0;
	}
	if (strcmp(key, "peer") != 0)
		return reason_set(why, "invalid-parameter",
		    "%.60s: there is no such parameter; there are peer and prefix", key);
	if (!value[0] || strlen(value) >= sizeof(q->peer))
		return reason_set(
		    why, "invalid-peer", "peer=%.60s: write SITE/TUNNEL or the name of a LAN peer", value);
	snprintf(q->peer, sizeof(q->peer), "%s", value);
	return 0;
}

static int parse(const char *query, struct api_monitor_query *q, struct reason *why)
{
	struct evkeyvalq params;
	int r = 0;

	if (!query || !query[0])
		return 0;
	if (evhttp_parse_query_str(query, &params))
		return reason_set(why, "invalid-parameter", "%.60s: this is no list of key=value", query);
	for (const struct evkeyval *kv = params.tqh_first; kv && !r; kv = kv->next.tqe_next)
		r = take(kv->key, kv->value, q, why);
	evhttp_clear_headers(&params);
	return r;
}

static struct api_monitor *monitor_new(struct api_server *s, struct evhttp_request *req)
{
	struct api_monitor *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->s = s;
	m->req = req;
	m->buf = evbuffer_new();
	m->later = event_new(s->base, -1, 0, on_later, m);
	if (m->later)
		(void)event_priority_set(m->later, event_base_get_npriorities(s->base) - 1);
	m->beat = event_new(s->base, -1, EV_PERSIST, on_beat, m);
	if (m->buf && m->later && m->beat)
		return m;
	if (m->buf)
		evbuffer_free(m->buf);
	if (m->later)
		event_free(m->later);
	if (m->beat)
		event_free(m->beat);
	free(m);
	return NULL;
}

static void start(struct api_monitor *m)
{
	const struct timeval beat = { .tv_sec = BEAT_SECONDS }, idle = { .tv_sec = API_IDLE_SECONDS };
	struct evhttp_connection *conn = evhttp_request_get_connection(m->req);

	list_append(&m->s->monitors, &m->node);
	m->s->n_streams++;
	evhttp_connection_set_closecb(conn, on_client_gone, m);
	bufferevent_set_timeouts(evhttp_connection_get_bufferevent(conn), NULL, &idle);
	api_headers(m->req);
	evhttp_send_reply_start(m->req, HTTP_OK, "OK");
	event_add(m->beat, &beat);
	on_beat(-1, 0, m); /* the client sees that it listens */
}

void api_monitor(struct api_server *s, struct evhttp_request *req, const char *key)
{
	struct api_monitor_query q = { .wake = on_wake };
	enum api_result result = API_FAILED;
	struct api_monitor *m;
	struct reason why;

	(void)key;
	if (parse(evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req)), &q, &why)) {
		api_reply_result(req, API_INVALID, &why);
		return;
	}
	if (api_stream_answered_early(s, req))
		return;
	m = monitor_new(s, req);
	reason_set(&why, "out-of-memory", "out of memory");
	q.wake_ctx = m;
	if (m)
		m->subscriber = s->ops->monitor_open(s->ctx, &q, &result, &why);
	if (m && m->subscriber) {
		start(m);
		return;
	}
	if (m) {
		evbuffer_free(m->buf);
		event_free(m->later);
		event_free(m->beat);
		free(m);
	}
	api_reply_result(req, result == API_OK ? API_FAILED : result, &why);
}

void api_monitors_end(struct api_server *s)
{
	list_for_each (&s->monitors, struct api_monitor, m, node) {
		evhttp_connection_set_closecb(evhttp_request_get_connection(m->req), NULL, NULL);
		monitor_end(m);
	}
}

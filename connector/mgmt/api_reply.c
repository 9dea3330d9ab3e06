/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: JSON bodies, and errors in the shape of RFC 8040 7.1. A HEAD gets the headers of its GET and no
 * body. */
#include "connector/mgmt/api_internal.h"

#include <event2/buffer.h>
#include <stdarg.h>
#include <stdio.h>

static const char *status_text(int status)
{
	switch (status) {
	case 200: return "OK";
	case 204: return "No Content";
	case 400: return "Bad Request";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 409: return "Conflict";
	case 413: return "Payload Too Large";
	case 503: return "Service Unavailable";
	default: return "Internal Server Error";
	}
}

bool api_is_head(struct evhttp_request *req)
{
	return evhttp_request_get_command(req) == EVHTTP_REQ_HEAD;
}

void api_headers(struct evhttp_request *req)
{
	struct evkeyvalq *h = evhttp_request_get_output_headers(req);

	evhttp_add_header(h, "Content-Type", API_CONTENT_TYPE);
	evhttp_add_header(h, "Cache-Control", "no-cache");
}

struct sink {
	struct evbuffer *buf;
	bool bad;
};

static int to_sink(const char *data, size_t n, void *sink)
{
	struct sink *s = sink;

	s->bad = s->bad || evbuffer_add(s->buf, data, n);
	return s->bad ? -1 : 0;
}

/* jansson goes on when the callback fails on an object's key, so the failure is remembered here. */
int api_add_json(struct evbuffer *buf, const json_t *v)
{
	struct sink s = { .buf = buf };

	return json_dump_callback(v, to_sink, &s, JSON_COMPACT) || s.bad ? -1 : 0;
}

/* Sends and takes over body. */
static void send_json(struct evhttp_request *req, int status, json_t *body)
{
	struct evbuffer *buf = evbuffer_new();

	if (!body || !buf || api_add_json(buf, body) || evbuffer_add(buf, "\n", 1)) {
		if (buf)
			evbuffer_drain(buf, evbuffer_get_length(buf));
		status = HTTP_INTERNAL;
	}
	json_decref(body);
	api_headers(req);
	if (buf && api_is_head(req))
		evbuffer_drain(buf, evbuffer_get_length(buf));
	evhttp_send_reply(req, status, status_text(status), buf);
	if (buf)
		evbuffer_free(buf);
}

void api_reply_json(struct evhttp_request *req, const char *member, json_t *body)
{
	json_t *outer = body ? json_object() : NULL;

	if (!outer)
		json_decref(body);
	else if (json_object_set_new(outer, member, body)) {
		json_decref(outer);
		outer = NULL;
	}
	send_json(req, HTTP_OK, outer);
}

void api_reply_text(struct evhttp_request *req, const char *json_text)
{
	struct evbuffer *buf = evbuffer_new();
	bool ok = buf && json_text;
	int status;

	if (ok && !api_is_head(req))
		ok = evbuffer_add_printf(buf, "%s\n", json_text) >= 0;
	status = ok ? HTTP_OK : HTTP_INTERNAL;
	api_headers(req);
	evhttp_send_reply(req, status, status_text(status), buf);
	if (buf)
		evbuffer_free(buf);
}

void api_reply_none(struct evhttp_request *req)
{
	evhttp_send_reply(req, HTTP_NOCONTENT, status_text(HTTP_NOCONTENT), NULL);
}

void api_reply_error(
    struct evhttp_request *req, int status, const char *tag, const char *id, const char *fmt, ...)
{
	char text[sizeof(((struct reason *)0)->text)];
	va_list ap;
	json_t *body;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++) /* may quote what the client sent, which need be no UTF-8 */
		if ((unsigned char)*p >= 0x80 || (unsigned char)*p < ' ')
			*p = '?';
	body = json_pack("{s:{s:[{s:s,s:s,s:s,s:s}]}}", "ietf-restconf:errors", "error", "error-type",
	    status == HTTP_BADREQUEST || status == HTTP_ENTITYTOOLARGE || status == HTTP_BADMETHOD
	        ? "protocol"
	        : "application",
	    "error-tag", tag, "error-app-tag", id, "error-message", text);
	send_json(req, status, body);
}

void api_reply_result(struct evhttp_request *req, enum api_result result, const struct reason *why)
{
	switch (result) {
	case API_OK: api_reply_none(req); return;
	case API_NOT_FOUND:
		api_reply_error(req, HTTP_NOTFOUND, "data-missing", why->id, "%s", why->text);
		return;
	case API_REFUSED:
		api_reply_error(req, 409, "operation-not-supported", why->id, "%s", why->text);
		return;
	case API_INVALID:
		api_reply_error(req, HTTP_BADREQUEST, "invalid-value", why->id, "%s", why->text);
		return;
	case API_FAILED: break;
	}
	api_reply_error(req, HTTP_INTERNAL, "operation-failed", why->id, "%s", why->text);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on BGP: their inputs, checked before anything is asked of the daemon, and what has become of a
 * network. */
#include "connector/mgmt/api_internal.h"

#include "connector/mgmt/view_json.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int take_text(const json_t *v, const char *name, char *ret, size_t cap, struct reason *why)
{
	if (!json_is_string(v) || !json_string_length(v) || json_string_length(v) >= cap ||
	    strlen(json_string_value(v)) != json_string_length(v))
		return reason_set(
		    why, "invalid-input", "%s: this takes a text of 1 to %zu bytes", name, cap - 1);
	snprintf(ret, cap, "%s", json_string_value(v));
	return 0;
}

/* Host bits are the daemon's to refuse: that is a rule on networks, no fault of writing. */
static int take_prefixes(const json_t *list, struct api_bgp_op *op, struct reason *why)
{
	const json_t *e;
	size_t i;

	if (!json_array_size(list) || json_array_size(list) > API_PREFIXES_MAX)
		return reason_set(
		    why, "invalid-input", "prefix: this takes a list of 1 to %d networks", API_PREFIXES_MAX);
	json_array_foreach(list, i, e)
	{
		const char *text = json_string_value(e);

		if (!text || prefix_parse(text, false, &op->prefix[i]))
			return reason_set(why, "invalid-prefix",
			    "prefix: \"%.60s\" is none; write one like 10.0.0.0/16", text ? text : "");
		op->n_prefix++;
	}
	return 0;
}

static int take_direction(const json_t *v, struct api_bgp_op *op, struct reason *why)
{
	const char *text = v ? json_string_value(v) : "in";

	op->in = text && (!strcmp(text, "in") || !strcmp(text, "both"));
	op->out = text && (!strcmp(text, "out") || !strcmp(text, "both"));
	return op->in || op->out ? 0 : reason_set(why, "invalid-input", "direction: write in, out or both");
}

/* Which members there may be beside the one that must be. */
static int take_input(const json_t *input, struct api_bgp_op *op, struct reason *why)
{
	bool networks = op->kind == API_BGP_ANNOUNCE || op->kind == API_BGP_WITHDRAW;
	const json_t *direction = op->kind == API_BGP_REFRESH ? json_object_get(input, "direction") : NULL;
	const json_t *message = op->kind == API_BGP_DOWN ? json_object_get(input, "message") : NULL;
	const json_t *first = json_object_get(input, networks ? "prefix" : "peer");
	size_t known = !!first + !!direction + !!message;

	if (!first || json_object_size(input) != known)
		return reason_set(why, "invalid-input",
		    "the body is {\"causeway:input\": {\"%s\": ...}}, for bgp-refresh with \"direction\" and "
		    "for bgp-down "
		    "with "
		    "\"message\" beside it, and nothing else",
		    networks ? "prefix" : "peer");
	if (networks)
		return take_prefixes(first, op, why);
	if (take_text(first, "peer", op->peer, sizeof(op->peer), why) ||
	    (op->kind == API_BGP_REFRESH && take_direction(direction, op, why)))
		return -1;
	return message ? take_text(message, "message", op->message, sizeof(op->message), why) : 0;
}

static int parse(const char *body, size_t len, struct api_bgp_op *op, struct reason *why)
{
	json_error_t err;
	json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, &err);
	int r;

	if (!root)
		return reason_set(why, "malformed-body", "line %d, column %d: %s; the body is JSON", err.line,
		    err.column, err.text);
	r = take_input(json_object_size(root) == 1 ? json_object_get(root, "causeway:input") : NULL, op, why);
	json_decref(root);
	return r;
}

void api_bgp_operation(struct api_server *s, struct evhttp_request *req, enum api_bgp_op_kind kind)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	const size_t len = evbuffer_get_length(in);
	const char *body = len ? (const char *)evbuffer_pullup(in, -1) : "";
	struct api_bgp_op *op = calloc(1, sizeof(*op));
	struct reason why;

	if (!op || !body) {
		api_reply_error(req, HTTP_INTERNAL, "operation-failed", "out-of-memory", "out of memory");
		free(op);
		return;
	}
	op->kind = kind;
	if (parse(body, len, op, &why)) {
		api_reply_error(req, HTTP_BADREQUEST,
		    !strcmp(why.id, "malformed-body") ? "malformed-message" : "invalid-value", why.id, "%s",
		    why.text);
	} else {
		reason_set(&why, "operation-failed", "the operation failed");
		api_reply_result(req, s->ops->bgp_op(s->ctx, op, &why), &why);
	}
	free(op);
}

void api_bgp_announced(struct api_server *s, struct evhttp_request *req, const char *key)
{
	struct view_told *v = NULL;
	struct prefix p;
	struct reason why;
	enum api_result result;

	if (!key || prefix_parse(key, true, &p)) {
		api_reply_error(req, HTTP_BADREQUEST, "invalid-value", "invalid-prefix",
		    "announced=PREFIX: write a network like 10.0.0.0%%2F16");
		return;
	}
	reason_set(&why, "operation-failed", "the network can't be looked at");
	result = s->ops->told(s->ctx, &p, &v, &why);
	if (result == API_OK)
		api_reply_json(req, "causeway:announced", view_told_json(v));
	else
		api_reply_result(req, result, &why);
	free(v);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a client sends beside the path: query parameters and the input of operations, checked before anything
 * is asked of the daemon. */
#include "connector/mgmt/api_internal.h"

#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <string.h>

static int take_parameter(const char *key, const char *value, struct api_route_query *q, struct reason *why)
{
	static const char *const views[] = { "best", "received", "advertised", "rejected" };

	if (!strcmp(key, "prefix")) {
		if (prefix_parse(value, false, &q->within))
			return reason_set(why, "invalid-prefix",
			    "prefix=%.60s: this is no prefix; write one like 10.0.0.0/16", value);
		q->within = prefix_canonical(q->within);
		return 0;
	}
	if (!strcmp(key, "peer")) {
		if (!value[0] || strlen(value) >= sizeof(q->peer))
			return reason_set(why, "invalid-peer",
			    "peer=%.60s: write SITE/TUNNEL or the name of a LAN peer", value);
		snprintf(q->peer, sizeof(q->peer), "%s", value);
		return 0;
	}
	if (strcmp(key, "view") != 0)
		return reason_set(why, "invalid-parameter",
		    "%.60s: there is no such parameter; there are view, prefix and peer", key);
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		if (!strcmp(value, views[i])) {
			snprintf(q->view, sizeof(q->view), "%s", value);
			return 0;
		}
	}
	return reason_set(
	    why, "invalid-view", "view=%.60s: write best, received, advertised or rejected", value);
}

int api_route_query(const char *query, struct api_route_query *ret_query, struct reason *ret_reason)
{
	struct api_route_query q = { .view = "best" };
	struct evkeyvalq params;
	int r = 0;

	if (query && query[0]) {
		if (evhttp_parse_query_str(query, &params))
			return reason_set(
			    ret_reason, "invalid-parameter", "%.60s: this is no list of key=value", query);
		for (const struct evkeyval *kv = params.tqh_first; kv && !r; kv = kv->next.tqe_next)
			r = take_parameter(kv->key, kv->value, &q, ret_reason);
		evhttp_clear_headers(&params);
	}
	if (!r)
		*ret_query = q;
	return r;
}

int api_tunnel_input(const char *body, size_t len, char *ret_name, size_t cap, struct reason *ret_reason)
{
	json_error_t err;
	json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, &err);
	const json_t *input, *name;
	int r = 0;

	if (!root)
		return reason_set(ret_reason, "malformed-body", "line %d, column %d: %s; the body is JSON",
		    err.line, err.column, err.text);
	input = json_object_get(root, "causeway:input");
	name = json_object_get(input, "tunnel");
	if (json_object_size(root) != 1 || json_object_size(input) != 1 || !json_is_string(name) ||
	    !json_string_length(name) || json_string_length(name) >= cap)
		r = reason_set(ret_reason, "invalid-input",
		    "the body is {\"causeway:input\": {\"tunnel\": \"SITE/TUNNEL\"}} and nothing else");
	else
		snprintf(ret_name, cap, "%s", json_string_value(name));
	json_decref(root);
	return r;
}

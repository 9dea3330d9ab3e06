/* SPDX-License-Identifier: Apache-2.0 */
/* What a client sends beside the path: query parameters and the input of operations, checked before anything
 * is asked of the daemon. */
#include "connector/mgmt/api_internal.h"

#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int take_view(const char *key, const char *value, struct api_route_query *q, struct reason *why)
{
	static const char *const views[] = { "best", "received", "advertised", "rejected", "withheld" };

	(void)key;
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		if (!strcmp(value, views[i])) {
			snprintf(q->view, sizeof(q->view), "%s", value);
			return 0;
		}
	}
	return reason_set(
	    why, "invalid-view", "view=%.60s: write best, received, advertised, rejected or withheld", value);
}

static int take_prefix(const char *key, const char *value, struct api_route_query *q, struct reason *why)
{
	(void)key;
	if (prefix_parse(value, false, &q->within))
		return reason_set(why, "invalid-prefix",
		    "prefix=%.60s: this is no prefix; write one like 10.0.0.0/16", value);
	q->within = prefix_canonical(q->within);
	return 0;
}

static int take_match(const char *key, const char *value, struct api_route_query *q, struct reason *why)
{
	(void)key;
	q->exact = !strcmp(value, "exact");
	return q->exact || !strcmp(value, "longer")
	           ? 0
	           : reason_set(why, "invalid-parameter", "match=%.60s: write exact or longer", value);
}

static int take_covering(const char *key, const char *value, struct api_route_query *q, struct reason *why)
{
	(void)key;
	return addr_parse(value, &q->covering)
	           ? reason_set(why, "invalid-parameter", "covering=%.60s: this is no address", value)
	           : 0;
}

static int take_peer(const char *key, const char *value, struct api_route_query *q, struct reason *why)
{
	(void)key;
	if (!value[0] || strlen(value) >= sizeof(q->peer))
		return reason_set(
		    why, "invalid-peer", "peer=%.60s: write SITE/TUNNEL or the name of a LAN peer", value);
	snprintf(q->peer, sizeof(q->peer), "%s", value);
	return 0;
}

static int take_community(const char *key, const char *value, struct api_route_query *q, struct reason *why)
{
	(void)key;
	if (!value[0] || strlen(value) >= sizeof(q->community))
		return reason_set(
		    why, "invalid-community", "community=%.60s: write one like 65001:100", value);
	snprintf(q->community, sizeof(q->community), "%s", value);
	return 0;
}

static int take_as(const char *key, const char *value, struct api_route_query *q, struct reason *why)
{
	char *end;
	unsigned long long n = strtoull(value, &end, 10);
	bool *have = !strcmp(key, "as")          ? &q->have_as
	             : !strcmp(key, "origin-as") ? &q->have_origin_as
	                                         : &q->have_neighbour_as;
	uint32_t *as = !strcmp(key, "as")          ? &q->as
	               : !strcmp(key, "origin-as") ? &q->origin_as
	                                           : &q->neighbour_as;

	if (value[0] < '0' || value[0] > '9' || *end || n > UINT32_MAX)
		return reason_set(why, "invalid-parameter", "%s=%.60s: write an AS number", key, value);
	*have = true;
	*as = (uint32_t)n;
	return 0;
}

static int take_count(const char *key, const char *value, struct api_route_query *q, struct reason *why)
{
	(void)key;
	q->count = !strcmp(value, "true");
	return q->count || !strcmp(value, "false")
	           ? 0
	           : reason_set(why, "invalid-parameter", "count=%.60s: write true or false", value);
}

static const struct {
	const char *key;
	int (*take)(const char *key, const char *value, struct api_route_query *q, struct reason *why);
} parameters[] = {
	{ "view", take_view },
	{ "prefix", take_prefix },
	{ "match", take_match },
	{ "covering", take_covering },
	{ "peer", take_peer },
	{ "community", take_community },
	{ "as", take_as },
	{ "origin-as", take_as },
	{ "neighbour-as", take_as },
	{ "count", take_count },
};

static int take_parameter(const char *key, const char *value, struct api_route_query *q, struct reason *why)
{
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
		if (!strcmp(key, parameters[i].key))
			return parameters[i].take(key, value, q, why);
	return reason_set(why, "invalid-parameter",
	    "%.60s: there is no such parameter; there are view, prefix, match, covering, peer, community, "
	    "as, origin-as, "
	    "neighbour-as and count",
	    key);
}

static int check_together(const struct api_route_query *q, struct reason *why)
{
	if (q->covering.family && q->within.addr.family)
		return reason_set(why, "invalid-parameter", "covering and prefix do not go together");
	if (q->exact && !q->within.addr.family)
		return reason_set(why, "invalid-parameter", "match=exact needs a prefix");
	return 0;
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
	r = r ? r : check_together(&q, ret_reason);
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

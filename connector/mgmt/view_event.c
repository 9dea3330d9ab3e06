/* SPDX-License-Identifier: Apache-2.0 */
/* Events of `bgp monitor` to JSON. What an event of a kind does not have is not there. */
#include "connector/mgmt/view_json.h"

#include <string.h>

static int put(json_t *o, const char *key, json_t *v)
{
	return json_object_set_new(o, key, v); /* a NULL v is a failure */
}

static json_t *address(const struct addr *a)
{
	return addr_is_none(a) ? json_null() : json_string(addr_str(a));
}

static int put_route(json_t *o, const struct view_event *e)
{
	return put(o, "prefix", json_string(prefix_str(&e->prefix))) ||
	       put(o, "nexthop", address(&e->nexthop)) || put(o, "as-path-text", view_text(e->as_path));
}

static int put_kind(json_t *o, const struct view_event *e)
{
	switch (e->kind) {
	case VIEW_EVENT_STATE:
		return put(o, "event", json_string("state")) || put(o, "peer", view_text(e->peer)) ||
		       put(o, "state", view_text(e->state)) || put(o, "was", view_text(e->was)) ||
		       put(o, "reason", view_text_or_null(e->reason));
	case VIEW_EVENT_ANNOUNCE:
		return put(o, "event", json_string("announce")) || put(o, "peer", view_text(e->peer)) ||
		       put_route(o, e);
	case VIEW_EVENT_WITHDRAW:
		return put(o, "event", json_string("withdraw")) || put(o, "peer", view_text(e->peer)) ||
		       put(o, "prefix", json_string(prefix_str(&e->prefix)));
	case VIEW_EVENT_EOR:
		return put(o, "event", json_string("end-of-rib")) || put(o, "peer", view_text(e->peer)) ||
		       put(o, "family", json_string(e->ipv6 ? "ipv6-unicast" : "ipv4-unicast"));
	case VIEW_EVENT_BEST:
		return put(o, "event", json_string("best")) || put(o, "peer", view_text_or_null(e->peer)) ||
		       put(o, "prefix", json_string(prefix_str(&e->prefix))) ||
		       put(o, "nexthop", address(&e->nexthop)) || put(o, "ways", json_integer(e->ways));
	case VIEW_EVENT_FIB:
		return put(o, "event", json_string("fib")) ||
		       put(o, "prefix", json_string(prefix_str(&e->prefix))) ||
		       put(o, "in-kernel", json_boolean(e->in_kernel)) ||
		       put(o, "reason", view_text_or_null(e->reason));
	}
	return -1;
}

json_t *view_event_json(const struct view_event *e)
{
	json_t *o = json_object();

	if (o && !put(o, "time", view_instant((time_t)(e->when_us / 1000000))) && !put_kind(o, e))
		return o;
	json_decref(o);
	return NULL;
}

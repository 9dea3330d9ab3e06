/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views to JSON: texts and times of all of them, and BGP's, its routes and the kernel's. Strings may hold
 * bytes that a peer chose (identities): what is no UTF-8 is shown as '?'.
 */
#include "connector/mgmt/view_build.h"

#include "bgp/policy.h"
#include "connector/mgmt/view_session.h"
#include "connector/mgmt/view_tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define STRING_MAX 1024

json_t *view_text(const char *s)
{
	char buf[STRING_MAX];
	json_t *v;

	s = s ? s : "";
	v = json_string(s);
	if (v)
		return v;
	snprintf(buf, sizeof(buf), "%s", s);
	for (char *p = buf; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return json_string(buf);
}

json_t *view_text_or_null(const char *s)
{
	return s && s[0] ? view_text(s) : json_null();
}

json_t *view_instant(time_t t)
{
	struct tm tm;
	char buf[32];

	if (!gmtime_r(&t, &tm) || !strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(buf);
}

static json_t *bgp_memory_json(const struct view_bgp *v)
{
	struct obj b = obj_new();

	put(&b, "prefixes", number(v->memory.prefixes));
	put(&b, "routes", number(v->memory.routes));
	put(&b, "attribute-sets", number(v->memory.attribute_sets));
	put(&b, "prefix-bytes", number(v->memory.prefix_bytes));
	put(&b, "route-bytes", number(v->memory.route_bytes));
	put(&b, "advertised-bytes", number(v->memory.advertised_bytes));
	put(&b, "attribute-bytes", number(v->memory.attribute_bytes));
	put(&b, "way-bytes", number(v->memory.way_bytes));
	put(&b, "bytes",
	    number(v->memory.prefix_bytes + v->memory.route_bytes + v->memory.advertised_bytes +
	           v->memory.attribute_bytes + v->memory.way_bytes));
	return obj_end(&b);
}

json_t *view_bgp_json(const struct view_bgp *v, json_t *peers, json_t *announced)
{
	struct obj b = obj_new();

	put(&b, "as", v->as ? number(v->as) : json_null());
	put(&b, "router-id", router_id(v->router_id));
	put(&b, "peer", peers);
	put(&b, "by-command", announced);
	put(&b, "memory", bgp_memory_json(v));
	put(&b, "mrt", view_mrt_json(&v->mrt));
	return obj_end(&b);
}

json_t *view_announced_json(const struct view_announced *v)
{
	struct obj b = obj_new();

	put(&b, "prefix", json_string(prefix_str(&v->prefix)));
	put(&b, "withdrawn", json_boolean(v->withdrawn));
	return obj_end(&b);
}

static json_t *told_peer(const struct view_told_peer *v)
{
	struct obj b = obj_new();

	put(&b, "name", view_text(v->name));
	put(&b, "told", json_boolean(v->told));
	put(&b, "withheld", json_boolean(v->withheld));
	put(&b, "reason", view_text_or_null(v->reason));
	return obj_end(&b);
}

json_t *view_told_json(const struct view_told *v)
{
	struct obj b = obj_new();
	json_t *list = json_array();
	bool bad = !list;

	for (size_t i = 0; i < v->n_peer; i++)
		add(list, told_peer(&v->peer[i]), &bad);
	put(&b, "prefix", json_string(prefix_str(&v->prefix)));
	put(&b, "announced", json_boolean(v->announced));
	put(&b, "configured", json_boolean(v->configured));
	put(&b, "peer", array_end(list, bad));
	return obj_end(&b);
}

static void put_summary(struct obj *b, const struct view_bgp_peer *v)
{
	put(b, "name", view_text(v->name));
	put(b, "address", address(&v->address));
	put(b, "as", number(v->as));
	put(b, "state", view_text(v->state));
	put(b, "uptime", number(v->uptime));
	put(b, "received", number(v->received));
	put(b, "accepted", number(v->accepted));
	put(b, "advertised", number(v->advertised));
}

json_t *view_bgp_summary_peer_json(const struct view_bgp_peer *v)
{
	struct obj b = obj_new();

	put_summary(&b, v);
	return obj_end(&b);
}

static json_t *messages(const uint64_t counts[6])
{
	static const char *const names[] = { "total", "open", "update", "notification", "keepalive",
		"route-refresh" };
	struct obj b = obj_new();

	for (unsigned i = 0; i < 6; i++)
		put(&b, names[i], number(counts[i]));
	return obj_end(&b);
}

static json_t *bfd(const struct view_bfd *v)
{
	struct obj b = obj_new();

	put(&b, "state", view_text(v->state));
	put(&b, "age", number(v->age));
	put(&b, "diagnostic", view_text(v->diagnostic));
	put(&b, "remote-state", view_text(v->remote_state));
	put(&b, "remote-diagnostic", view_text(v->remote_diagnostic));
	put(&b, "multihop", json_boolean(v->multihop));
	put(&b, "min-tx", number(v->min_tx));
	put(&b, "min-rx", number(v->min_rx));
	put(&b, "multiplier", number(v->multiplier));
	put(&b, "tx-interval", number(v->tx_interval));
	put(&b, "detection-time", number(v->detection));
	put(&b, "remote-min-tx", number(v->remote_min_tx));
	put(&b, "remote-min-rx", number(v->remote_min_rx));
	put(&b, "remote-multiplier", number(v->remote_multiplier));
	put(&b, "local-discriminator", number(v->local_discr));
	put(&b, "remote-discriminator", number(v->remote_discr));
	put(&b, "packets-in", number(v->packets_in));
	put(&b, "packets-out", number(v->packets_out));
	put(&b, "discarded", number(v->discarded));
	put(&b, "last-discard", view_text_or_null(v->last_discard));
	put(&b, "ups", number(v->ups));
	put(&b, "downs", number(v->downs));
	put(&b, "error", why(&v->error));
	return obj_end(&b);
}

json_t *view_bgp_peer_json(const struct view_bgp_peer *v)
{
	struct obj b = obj_new(), caps = obj_new(), msgs = obj_new();

	put_summary(&b, v);
	put(&b, "local-address", address(&v->local));
	put(&b, "router-id", router_id(v->remote_router_id));
	put(&b, "hold-time", number(v->hold_time));
	put(&b, "keepalive", number(v->keepalive));
	put(&caps, "four-octet-as", json_boolean(v->four_octet_as));
	put(&caps, "route-refresh", json_boolean(v->route_refresh));
	put(&caps, "add-path-receive", json_boolean(v->add_path_receive));
	put(&caps, "ipv4-unicast", json_boolean(v->ipv4));
	put(&caps, "ipv6-unicast", json_boolean(v->ipv6));
	put(&caps, "enhanced-route-refresh", json_boolean(v->session.enhanced_refresh));
	put(&caps, "extended-messages", json_boolean(v->session.extended_messages));
	put(&caps, "notification-restart", json_boolean(v->session.notification_restart));
	put(&b, "capabilities", obj_end(&caps));
	put(&msgs, "in", messages(v->msg_in));
	put(&msgs, "out", messages(v->msg_out));
	put(&b, "messages", obj_end(&msgs));
	put(&b, "prefixes", view_prefixes_json(&v->past));
	put(&b, "established-count", number(v->established_count));
	put(&b, "history", view_history_json(&v->past));
	put(&b, "notification", view_notifications_json(&v->past));
	put(&b, "send-hold-time", number(v->session.send_hold));
	put(&b, "keepalive-gap", view_keepalive_gap_json(&v->session));
	put(&b, "graceful-restart", view_restart_json(&v->session));
	put(&b, "role", view_role_json(&v->session));
	put(&b, "transport", view_transport_json(&v->session));
	put(&b, "max-prefixes", number(v->max_prefixes));
	put(&b, "max-prefixes-out", number(v->max_prefixes_out));
	put(&b, "held-back", number(v->held_back));
	put(&b, "queue", view_queue_json(&v->tables));
	put(&b, "add-path", view_add_path_json(&v->tables));
	put(&b, "damping", view_damping_json(&v->damping));
	put(&b, "memory", view_peer_memory_json(&v->tables));
	put(&b, "bfd", v->bfd.enabled ? bfd(&v->bfd) : json_null());
	put(&b, "admin", json_string(v->admin_down ? "down" : "up"));
	put(&b, "error", why(&v->error));
	return obj_end(&b);
}

static json_t *as_path(const struct view_route *v)
{
	json_t *list = json_array();
	bool bad = !list;

	for (unsigned i = 0; i < v->n_as_path; i++)
		add(list, number(v->as_path[i]), &bad);
	return array_end(list, bad);
}

static json_t *communities(const struct view_route *v)
{
	json_t *list = json_array();
	bool bad = !list;

	for (unsigned i = 0; i < v->n_communities; i++) {
		char buf[16];

		snprintf(buf, sizeof(buf), "%u:%u", (unsigned)(v->communities[i] >> 16),
		    (unsigned)(v->communities[i] & 0xffff));
		add(list, json_string(buf), &bad);
	}
	return array_end(list, bad);
}

/* Those of them that have a name, by it; the numbers stand beside. */
static json_t *well_known(const struct view_route *v)
{
	json_t *list = json_array();
	bool bad = !list;

	for (unsigned i = 0; i < v->n_communities; i++) {
		const char *name = bgp_community_name(v->communities[i]);

		if (name)
			add(list, json_string(name), &bad);
	}
	return array_end(list, bad);
}

static json_t *large_communities(const struct view_route *v)
{
	json_t *list = json_array();
	bool bad = !list;

	for (unsigned i = 0; i < v->n_large; i++) {
		char buf[40];

		snprintf(buf, sizeof(buf), "%u:%u:%u", (unsigned)v->large[i][0], (unsigned)v->large[i][1],
		    (unsigned)v->large[i][2]);
		add(list, json_string(buf), &bad);
	}
	return array_end(list, bad);
}

/* Route targets and origins (RFC 4360 4 and 5, RFC 5668) by name; whatever else there is as its number. */
static void extended_text(uint64_t c, char *buf, size_t cap)
{
	unsigned type = (unsigned)(c >> 56), subtype = (unsigned)(c >> 48) & 0xff;
	unsigned high = (unsigned)(c >> 16) & 0xffffffff;
	const struct addr a = addr_v4(high);
	const char *name = subtype == 2 ? "rt" : subtype == 3 ? "soo" : NULL;

	if (name && type == 0)
		snprintf(
		    buf, cap, "%s:%u:%u", name, (unsigned)(c >> 32) & 0xffff, (unsigned)(c & 0xffffffff));
	else if (name && type == 1)
		snprintf(buf, cap, "%s:%s:%u", name, addr_str(&a), (unsigned)(c & 0xffff));
	else if (name && type == 2)
		snprintf(buf, cap, "%s:%u:%u", name, high, (unsigned)(c & 0xffff));
	else
		snprintf(buf, cap, "0x%016" PRIx64, c);
}

static json_t *extended_communities(const struct view_route *v)
{
	json_t *list = json_array();
	bool bad = !list;

	for (unsigned i = 0; i < v->n_extended; i++) {
		char buf[64];

		extended_text(v->extended[i], buf, sizeof(buf));
		add(list, json_string(buf), &bad);
	}
	return array_end(list, bad);
}

json_t *view_route_json(const struct view_route *v)
{
	struct obj b = obj_new();

	put(&b, "prefix", json_string(prefix_str(&v->prefix)));
	put(&b, "nexthop", address(&v->nexthop));
	put(&b, "peer", view_text_or_null(v->peer));
	put(&b, "path-id", v->path_id ? number(v->path_id) : json_null());
	put(&b, "as-path", as_path(v));
	put(&b, "as-path-text", view_text(v->as_path_text));
	put(&b, "origin", view_text(v->origin));
	put(&b, "local-pref", number(v->local_pref));
	put(&b, "med", v->have_med ? number(v->med) : json_null());
	put(&b, "weight", number(v->weight));
	put(&b, "communities", communities(v));
	put(&b, "well-known-communities", well_known(v));
	put(&b, "large-communities", large_communities(v));
	put(&b, "extended-communities", extended_communities(v));
	put(&b, "best", json_boolean(v->best));
	put(&b, "in-fib", json_boolean(v->in_fib));
	put(&b, "stale", json_boolean(v->stale));
	put(&b, "reason", view_text_or_null(v->reason));
	return obj_end(&b);
}

static json_t *ways(const struct view_fib_route *v)
{
	json_t *list = json_array();
	bool bad = !list;

	for (unsigned i = 0; i < v->n_ways; i++) {
		struct obj b = obj_new();

		put(&b, "interface", view_text(v->way[i].interface));
		put(&b, "via", address(&v->way[i].via));
		put(&b, "weight", number(v->way[i].weight));
		add(list, obj_end(&b), &bad);
	}
	return array_end(list, bad);
}

json_t *view_fib_route_json(const struct view_fib_route *v)
{
	struct obj b = obj_new();

	put(&b, "prefix", json_string(prefix_str(&v->prefix)));
	put(&b, "metric", number(v->metric));
	put(&b, "origin", view_text(v->origin));
	put(&b, "nexthop", ways(v));
	put(&b, "in-kernel", json_boolean(v->in_kernel));
	put(&b, "why", why(&v->why));
	return obj_end(&b);
}

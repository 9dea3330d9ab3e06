/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a BGP session is run, as JSON: the peer's keepalives, graceful restart, and what protects the TCP
 * connection. The password itself is nowhere in what this sees.
 */
#include "connector/mgmt/view_session.h"

json_t *view_keepalive_gap_json(const struct view_bgp_session *v)
{
	if (!v->gaps)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I}", "count", (json_int_t)v->gaps, "min-ms",
	    (json_int_t)v->gap_min, "mean-ms", (json_int_t)v->gap_mean, "max-ms", (json_int_t)v->gap_max);
}

/* "ipv4-unicast" and "ipv6-unicast", of the families marked. */
static json_t *families(const bool marked[2])
{
	static const char *const names[] = { "ipv4-unicast", "ipv6-unicast" };
	json_t *list = json_array();

	for (unsigned i = 0; list && i < 2; i++) {
		if (!marked[i] || !json_array_append_new(list, json_string(names[i])))
			continue;
		json_decref(list);
		return NULL;
	}
	return list;
}

static json_t *peers_side(const struct view_bgp_session *v)
{
	if (!v->peer_said)
		return json_null();
	return json_pack("{s:I, s:b, s:o, s:o}", "restart-time", (json_int_t)v->restart_time, "restarted",
	    v->peer_restarted, "family", families(v->family), "forwarding", families(v->forwarding));
}

static json_t *our_side(const struct view_bgp_session *v)
{
	if (!v->ours.said)
		return json_null();
	return json_pack("{s:I, s:b, s:o, s:o}", "restart-time", (json_int_t)v->ours.time, "restarted",
	    v->ours.restarted, "family", families(v->ours.family), "forwarding",
	    families(v->ours.forwarding));
}

json_t *view_restart_json(const struct view_bgp_session *v)
{
	return json_pack("{s:s, s:o, s:o, s:b, s:I, s:I, s:I}", "mode", v->restart ? v->restart : "helper",
	    "ours", our_side(v), "peer", peers_side(v), "waiting", v->holding, "stale-ipv4",
	    (json_int_t)v->stale[0], "stale-ipv6", (json_int_t)v->stale[1], "stale-left",
	    (json_int_t)v->stale_left);
}

json_t *view_role_json(const struct view_bgp_session *v)
{
	return json_pack("{s:s?, s:s?}", "local", v->role, "peer", v->peer_role);
}

json_t *view_transport_json(const struct view_bgp_session *v)
{
	return json_pack("{s:b, s:I, s:I}", "password", v->password, "ttl-security",
	    (json_int_t)v->ttl_security, "multihop", (json_int_t)v->multihop);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A BGP session's past, as JSON. */
#include "connector/mgmt/view_history.h"

#include "connector/mgmt/view_json.h"

json_t *view_history_json(const struct view_bgp_history *v)
{
	json_t *list = json_array();

	for (unsigned i = 0; list && i < v->n_changes; i++) {
		const struct view_bgp_change *c = &v->change[i];

		if (!json_array_append_new(list,
		        json_pack("{s:o, s:s, s:o, s:I}", "time", view_instant(c->when), "state", c->state,
		            "reason", view_text_or_null(c->reason), "times", (json_int_t)c->times)))
			continue;
		json_decref(list);
		return NULL;
	}
	return list;
}

static json_t *notification(const struct view_bgp_notification *n)
{
	if (!n->when)
		return json_null();
	return json_pack("{s:o, s:i, s:i, s:o}", "time", view_instant(n->when), "code", n->code, "subcode",
	    n->subcode, "text", view_text(n->text));
}

json_t *view_notifications_json(const struct view_bgp_history *v)
{
	return json_pack(
	    "{s:o, s:o}", "sent", notification(&v->sent), "received", notification(&v->received));
}

static json_t *counters(const uint64_t c[2])
{
	return json_pack("{s:I, s:I}", "announced", (json_int_t)c[0], "withdrawn", (json_int_t)c[1]);
}

json_t *view_prefixes_json(const struct view_bgp_history *v)
{
	return json_pack("{s:o, s:o}", "in", counters(v->prefix_in), "out", counters(v->prefix_out));
}

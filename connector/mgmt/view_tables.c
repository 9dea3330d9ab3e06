/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a BGP peer has in the tables, as JSON. Prefixes and attribute sets are shared by all peers and stand
 * in `bgp summary` alone.
 */
#include "connector/mgmt/view_tables.h"

json_t *view_queue_json(const struct view_bgp_tables *v)
{
	return json_pack("{s:I, s:I, s:I}", "prefixes-out", (json_int_t)v->waiting, "bytes-in",
	    (json_int_t)v->bytes_in, "bytes-out", (json_int_t)v->bytes_out);
}

json_t *view_peer_memory_json(const struct view_bgp_tables *v)
{
	uint64_t all = v->route_bytes + v->advertised_bytes + v->waiting_bytes + v->session_bytes;

	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "route-bytes", (json_int_t)v->route_bytes,
	    "advertised-bytes", (json_int_t)v->advertised_bytes, "waiting-bytes",
	    (json_int_t)v->waiting_bytes, "session-bytes", (json_int_t)v->session_bytes, "bytes",
	    (json_int_t)all);
}

json_t *view_add_path_json(const struct view_bgp_tables *v)
{
	if (!v->path_ids[0] && !v->path_ids[1])
		return json_null();
	return json_pack("{s:b, s:b, s:I, s:I}", "ipv4-unicast", v->path_ids[0], "ipv6-unicast",
	    v->path_ids[1], "paths", (json_int_t)v->paths, "refused", (json_int_t)v->refused);
}

json_t *view_mrt_json(const struct view_mrt *v)
{
	json_t *error = json_null();

	if (!v->on)
		return json_null();
	if (reason_is_set(&v->error))
		error = json_pack("{s:s, s:s}", "id", v->error.id, "text", v->error.text);
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:{s:I, s:I}, s:o}", "file",
	    v->file[0] ? json_string(v->file) : json_null(), "records", (json_int_t)v->records, "bytes",
	    (json_int_t)v->bytes, "files", (json_int_t)v->files, "waiting", (json_int_t)v->waiting, "dropped",
	    "queue-full", (json_int_t)v->dropped_full, "not-written", (json_int_t)v->dropped_failed, "error",
	    error);
}

json_t *view_damping_json(const struct view_bgp_damping *v)
{
	if (!v->on)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I}", "history", (json_int_t)v->history, "suppressed",
	    (json_int_t)v->suppressed, "suppressions", (json_int_t)v->suppressions, "not-counted",
	    (json_int_t)v->unheeded);
}

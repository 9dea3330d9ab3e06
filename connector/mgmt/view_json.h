/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views to JSON, in the shapes that docs/configuration.md and the contract name: kebab-case keys, counts and
 * seconds as numbers, instants as RFC 3339 in UTC, SPIs as hex strings of full width, what is absent as null
 * or []. Keys are only ever added. Pure: no state, any thread. Each returns a new reference, or NULL when
 * memory is out.
 */
#ifndef CW_MGMT_VIEW_JSON_H
#define CW_MGMT_VIEW_JSON_H

#include "connector/mgmt/view.h"

#include <jansson.h>

/* Bytes that a peer chose may be no UTF-8: they are shown as '?'. NULL and "" are "", or null. */
json_t *view_text(const char *s);
json_t *view_text_or_null(const char *s);
json_t *view_instant(time_t t); /* RFC 3339, UTC */
json_t *view_status_json(const struct view_status *v);
json_t *view_tunnel_json(const struct view_tunnel *v);
/* With what the catalogue of reasons says where the diagnosis says nothing. */
json_t *view_explain_json(const struct view_explain *v);
/* peers: an array of view_bgp_summary_peer_json, announced: of view_announced_json; both references are taken
 * over. */
json_t *view_bgp_json(const struct view_bgp *v, json_t *peers, json_t *announced);
json_t *view_bgp_summary_peer_json(const struct view_bgp_peer *v);
json_t *view_bgp_peer_json(const struct view_bgp_peer *v);
json_t *view_event_json(const struct view_event *e);
json_t *view_announced_json(const struct view_announced *v);
json_t *view_told_json(const struct view_told *v);
json_t *view_route_json(const struct view_route *v);
json_t *view_fib_route_json(const struct view_fib_route *v);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a BGP peer as JSON: how its session is run. NULL when memory is out. */
#ifndef CW_MGMT_VIEW_SESSION_H
#define CW_MGMT_VIEW_SESSION_H

#include "connector/mgmt/view.h"

#include <jansson.h>

json_t *view_keepalive_gap_json(const struct view_bgp_session *v); /* null until one was measured */
json_t *view_restart_json(const struct view_bgp_session *v);
json_t *view_role_json(const struct view_bgp_session *v);
json_t *view_transport_json(const struct view_bgp_session *v);

#endif

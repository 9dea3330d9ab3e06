/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a BGP peer as JSON: what waits for it, what it takes, its paths. NULL when memory is out. */
#ifndef CW_MGMT_VIEW_TABLES_H
#define CW_MGMT_VIEW_TABLES_H

#include "connector/mgmt/view.h"

#include <jansson.h>

json_t *view_queue_json(const struct view_bgp_tables *v);
json_t *view_peer_memory_json(const struct view_bgp_tables *v);
json_t *view_damping_json(const struct view_bgp_damping *v); /* null: it is off */
json_t *view_add_path_json(const struct view_bgp_tables *v);
json_t *view_mrt_json(const struct view_mrt *v);

#endif

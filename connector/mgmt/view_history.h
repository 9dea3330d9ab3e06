/* SPDX-License-Identifier: Apache-2.0 */
/* What has become of a BGP session lately: its ups and downs, and the last NOTIFICATION either way. */
#ifndef CW_MGMT_VIEW_HISTORY_H
#define CW_MGMT_VIEW_HISTORY_H

#include <jansson.h>
#include <stdint.h>
#include <time.h>

#define VIEW_HISTORY_MAX 10

struct view_bgp_change {
	time_t when;
	const char *state; /* that it came to */
	char reason[200];
	unsigned times; /* the same again and again counts here, with the last one's time */
};
struct view_bgp_notification {
	time_t when; /* 0: none */
	uint8_t code, subcode;
	char text[200];
};
struct view_bgp_history {
	struct view_bgp_change change[VIEW_HISTORY_MAX]; /* newest first */
	unsigned n_changes;
	struct view_bgp_notification sent, received;
	uint64_t prefix_in[2], prefix_out[2]; /* announced, withdrawn; since the peer was configured */
};

json_t *view_history_json(const struct view_bgp_history *v);
json_t *view_notifications_json(const struct view_bgp_history *v);
json_t *view_prefixes_json(const struct view_bgp_history *v);

#endif

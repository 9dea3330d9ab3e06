/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens in BGP, told to those who listen: `bgp monitor`, BMP stations, MRT recording. Whoever executes
 * the core's actions tells it here, in their order; listeners are called at once and must only take notes,
 * never call a core. While nobody listens all that is done is to keep each session's two OPENs, which BMP
 * needs later. Control thread only.
 */
#ifndef CW_DAEMON_BGP_TAP_H
#define CW_DAEMON_BGP_TAP_H

#include "base/list.h"
#include "bgp/bgp.h"
#include "connector/mgmt/view_history.h"

struct domain;
struct bgp_tap;

struct bgp_tap_open { /* of one connection */
	uint64_t conn;
	struct endpoint local, remote;
	uint8_t *in, *out; /* OPENs, whole */
	size_t n_in, n_out;
};
struct bgp_tap_peer {
	struct list node;
	uint32_t id;
	enum bgp_state state;
	int64_t up_us;               /* wall clock of Established, microseconds; 0: never */
	struct bgp_tap_open open[2]; /* [0]: of the session that stands */
	bool four_octet_as;          /* of the last message */
	bool path_ids[2];            /* likewise: ipv4, ipv6 */
	uint8_t *notification;       /* the last in this session; NULL: none */
	size_t n_notification;
	bool notification_ours;
	struct view_bgp_history past; /* prefix counters are not kept here */
};

struct bgp_tap_listener {
	struct list node; /* the tap's */
	void *ctx;
	bool messages; /* wants received messages; set before bgp_tap_listen */
	/* Any may be NULL. peer: its record as it is now. */
	void (*message)(void *ctx, const struct bgp_tap_peer *peer, const uint8_t *data, size_t len);
	void (*state)(
	    void *ctx, const struct bgp_tap_peer *peer, enum bgp_state was, const struct reason *why);
	void (*best)(void *ctx, const struct prefix *p, const struct bgp_path path[], unsigned n);
	void (*fib)(void *ctx, const struct prefix *p, bool in_kernel, const struct reason *why);
};

struct bgp_tap *bgp_tap_new(struct domain *d);
void bgp_tap_free(struct bgp_tap *t); /* listeners are gone by then */
void bgp_tap_listen(struct bgp_tap *t, struct bgp_tap_listener *l);
void bgp_tap_leave(struct bgp_tap *t, struct bgp_tap_listener *l);
/* NULL when it has never had a connection. */
const struct bgp_tap_peer *bgp_tap_peer(const struct bgp_tap *t, uint32_t id);

/* Facts, from bgp_exec.c and domain.c. */
void bgp_tap_sent(struct bgp_tap *t, uint32_t peer, uint64_t conn, const struct endpoint *local,
    const struct endpoint *remote, const uint8_t *data, size_t len);
void bgp_tap_received(struct bgp_tap *t, const struct bgp_action *a);
void bgp_tap_state(struct bgp_tap *t, const struct bgp_action *a);
void bgp_tap_closed(struct bgp_tap *t, uint32_t peer, uint64_t conn);
void bgp_tap_best(struct bgp_tap *t, const struct prefix *p, const struct bgp_path path[], unsigned n);
void bgp_tap_fib(struct bgp_tap *t, const struct prefix *p, bool in_kernel, const struct reason *why);
/* The domain has another core, or none. */
void bgp_tap_core(struct bgp_tap *t);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Between bmp_exec.c, which has the connections, and bmp_routes.c, which has what is told of routes. */
#ifndef CW_DAEMON_BMP_INTERNAL_H
#define CW_DAEMON_BMP_INTERNAL_H

#include "bgp/bmp.h"
#include "bgp/update.h"
#include "connector/daemon/bgp_tap.h"
#include "connector/daemon/bmp_exec.h"
#include "connector/sys/tcp.h"

#define BMP_ROOM_LOW    16384 /* below it the table waits */
#define BMP_ROWS        32
#define BMP_PEERS_MAX   256
#define BMP_MESSAGE_MAX (BMP_HEADER_LEN + BMP_PEER_HEADER_LEN + 64 + 2 * UINT16_MAX)

struct station_peer { /* that the station knows to be up */
	uint32_t id;
	struct addr address;
	uint32_t as, router_id;
	bool internal, two_octet_as;
	bool path_ids[BGP_N_FAMILIES]; /* its prefixes have them, as its OPENs in Peer Up say */
};
struct station {
	struct list node;
	struct bmp *bmp;
	struct cfg_bmp cfg;
	bool wanted;
	struct tcp_conn *tcp;
	bool up;
	size_t room;
	mtime retry_at, stats_at;
	mdur retry;
	bool walking;
	bool anew;       /* and only for what was judged anew: its view of what is used */
	uint64_t judged; /* bgp_judged_anew as the walk began */
	struct bgp_route_query query;
	struct station_peer peer[BMP_PEERS_MAX];
	unsigned n_peers;
};
struct bmp {
	struct domain *domain;
	struct list stations;
	struct loop_timer *timer;
	struct loop_task *work; /* of stations that are told a table */
	struct bgp_tap_listener listener;
	bool listening;
	/* room for one message of each kind */
	uint8_t out[BMP_MESSAGE_MAX], update_out[BGP_EXTENDED_MAX];
	struct update_builder builder;
	struct update update;
	struct attr_scratch scratch;
	struct bgp_route_view row[BMP_ROWS];
};

/* bmp_exec.c */
/* Sends what is in w; a station that does not take it is cut. */
bool bmp_deliver(struct station *s, const struct wr *w);
struct wr bmp_writer(struct bmp *b);
struct station_peer *bmp_peer_of(struct station *s, uint32_t id);
struct bmp_peer bmp_header(const struct station_peer *p, int64_t when_us);
int64_t bmp_now_us(void);

/* bmp_routes.c */
void bmp_routes_message(struct bmp *b, const struct bgp_tap_peer *tap, const uint8_t *data, size_t len);
/* The table is to be told; anew: only what is used, as the rules have changed. */
void bmp_routes_begin(struct station *s, bool anew);
void bmp_routes_walk(struct station *s); /* a piece of it, if the connection takes one */

#endif

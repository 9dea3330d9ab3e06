/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BGP Monitoring Protocol, version 3 (RFC 7854): messages, built into a cursor; we only ever send. Pure:
 * the caller brings time and bytes and owns the connection to the station. wr_ok says afterwards whether a
 * message fitted.
 */
#ifndef CW_BGP_BMP_H
#define CW_BGP_BMP_H

#include "base/addr.h"
#include "base/cursor.h"

#define BMP_VERSION         3
#define BMP_HEADER_LEN      6
#define BMP_PEER_HEADER_LEN 42
#define BMP_INFO_MAX        255 /* bytes of an information TLV of ours */

struct bmp_peer { /* the per-peer header (4.2) */
	struct addr address;
	uint32_t as, router_id;
	bool post_policy;  /* L */
	bool two_octet_as; /* A: AS_PATH in the messages has the old form */
	int64_t when_us;   /* microseconds since 1970 */
};

void bmp_initiation(struct wr *w, const char *sys_name, const char *sys_descr);
enum bmp_termination { BMP_TERM_ADMIN = 0, BMP_TERM_UNSPECIFIED = 1, BMP_TERM_RESOURCES = 2 };
void bmp_termination(struct wr *w, enum bmp_termination why);

/* update: one whole BGP UPDATE. */
void bmp_route_monitoring(struct wr *w, const struct bmp_peer *p, const uint8_t *update, size_t len);

/* The OPENs whole, as they went over the wire. */
void bmp_peer_up(struct wr *w, const struct bmp_peer *p, const struct endpoint *local, uint16_t remote_port,
    const uint8_t *open_sent, size_t sent_len, const uint8_t *open_received, size_t received_len);
enum bmp_down {
	BMP_DOWN_LOCAL_NOTIFICATION = 1, /* data: the NOTIFICATION that we sent, whole */
	BMP_DOWN_LOCAL = 2,              /* data: 2 octets, the event of RFC 4271 8.1, or 0 */
	BMP_DOWN_REMOTE_NOTIFICATION = 3,
	BMP_DOWN_REMOTE = 4,
	BMP_DOWN_DECONFIGURED = 5, /* information about the peer is no longer sent */
};
void bmp_peer_down(
    struct wr *w, const struct bmp_peer *p, enum bmp_down why, const uint8_t *data, size_t len);

enum bmp_stat {                    /* 4.8, RFC 8671 */
	BMP_STAT_ADJ_RIB_IN = 7,   /* routes, now */
	BMP_STAT_ADJ_RIB_OUT = 15, /* after policy, now */
};
struct bmp_stat_value {
	enum bmp_stat stat;
	uint64_t value;
};
void bmp_stats(struct wr *w, const struct bmp_peer *p, const struct bmp_stat_value stat[], unsigned n);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MRT, the format in which routing tables and BGP messages are kept (RFC 6396): records, built into a cursor.
 * Pure: the caller brings the time (seconds since 1970) and the bytes, and writes the records to where they
 * go. All numbers are in network order. Each function writes one whole record; wr_ok says afterwards whether
 * it fitted.
 */
#ifndef CW_BGP_MRT_H
#define CW_BGP_MRT_H

#include "base/addr.h"
#include "base/cursor.h"
#include "bgp/attr.h"

#define MRT_HEADER_LEN       12
#define MRT_PEERS_MAX        UINT16_MAX
#define MRT_ENTRY_MAX        (12 + 32 + 2 * BGP_MESSAGE_MAX) /* of one peer's route, at most */
#define MRT_BGP4MP_MAX       (64 + UINT16_MAX)               /* a message with its record, at most */
#define MRT_RIB_HEAD_MAX     (MRT_HEADER_LEN + 4 + 17 + 2)
#define MRT_PEER_INDEX_ENTRY 25 /* bytes of a peer in the index, at most */

struct mrt_peer {
	uint32_t router_id; /* 0: not known */
	struct addr address;
	uint32_t as;
};

/* PEER_INDEX_TABLE (4.3.1): the peers that the entries behind it name by their place here. view may be "". */
void mrt_peer_index(struct wr *w, uint32_t when, uint32_t collector_id, const char *view,
    const struct mrt_peer peer[], uint16_t n);

/* RIB_IPV4_UNICAST, RIB_IPV6_UNICAST (4.3.2): begin, entries, end. path_ids: the _ADDPATH of either (RFC 8050
 * 4), whose entries have a path identifier each. */
struct mrt_rib {
	uint8_t *length, *count; /* to be filled in */
	size_t start;
	uint16_t n;
	bool ipv6, path_ids;
};
void mrt_rib_begin(struct wr *w, struct mrt_rib *rib, uint32_t when, uint32_t sequence,
    const struct prefix *p, bool path_ids);
/* originated: when the route came, seconds. internal: LOCAL_PREF is written. */
void mrt_rib_entry(struct wr *w, struct mrt_rib *rib, uint16_t peer, uint32_t originated, uint32_t path_id,
    const struct attrs *a, bool internal);
void mrt_rib_end(struct wr *w, struct mrt_rib *rib);

/* Who a BGP4MP record is about. */
struct mrt_session {
	uint32_t peer_as, local_as;
	struct addr peer, local;
	bool four_octet_as;            /* what the session agreed: how AS_PATH is written in its messages */
	bool path_ids[BGP_N_FAMILIES]; /* likewise: prefixes have path identifiers (RFC 7911) */
};
/* BGP4MP_MESSAGE_AS4, or BGP4MP_MESSAGE (4.4.2, 4.4.3): a whole BGP message as received; the _ADDPATH of
 * either (RFC 8050 3) where its prefixes have path identifiers. */
void mrt_message(
    struct wr *w, uint32_t when, const struct mrt_session *s, const uint8_t *message, size_t len);
/* BGP4MP_STATE_CHANGE_AS4 (4.4.4); states from 1 (Idle) to 6 (Established). */
void mrt_state_change(struct wr *w, uint32_t when, const struct mrt_session *s, uint16_t was, uint16_t is);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The decision process (RFC 4271 9.1.2.2) as a pure function over candidates; knows no RIB. */
#ifndef CW_BGP_DECIDE_H
#define CW_BGP_DECIDE_H

#include "base/addr.h"
#include "bgp/as_path.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DECIDE_MAX 1024 /* candidates looked at */

/* At which comparison a candidate was left behind; the winners carry what they are. */
enum decide_step {
	DECIDE_BEST,
	DECIDE_MULTIPATH, /* in use beside the best */
	DECIDE_WEIGHT,    /* ours, before the RFC's */
	DECIDE_LOCAL_PREF,
	DECIDE_PATH_LENGTH,
	DECIDE_ORIGIN,
	DECIDE_MED,
	DECIDE_EXTERNAL,
	DECIDE_CLUSTER_LENGTH, /* RFC 4456 9 */
	DECIDE_ROUTER_ID,
	DECIDE_PEER_ADDRESS,
};

struct candidate {
	uint32_t weight;     /* by policy; 0 where nothing is said */
	uint32_t local_pref; /* 100 where the route has none */
	uint32_t path_length;
	uint8_t origin;
	uint32_t neighbour_as;
	uint32_t med;  /* 0 where the route has none */
	bool external; /* learned over eBGP */
	uint16_t cluster_len;
	uint32_t router_id; /* the peer's, or ORIGINATOR_ID (RFC 4456 9) */
	struct addr peer;
	unsigned group; /* ways of different groups never share a prefix (sites and LAN) */
	struct bytes as_path;
	enum decide_step step; /* out */
	unsigned rank;         /* out: 0 for the best, 1.. for the further ways; meaningless for the others */
};

/*
 * Marks each candidate's step. Returns how many are in use: the best and, up to `multipath` in all, those
 * that equal it down to the comparison of router ids and whose AS path is the same.
 */
unsigned decide(struct candidate c[], size_t n, unsigned multipath, bool relax);
const char *decide_step_text(enum decide_step s);

#endif

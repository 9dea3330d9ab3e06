/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of the benchmark's BGP speaker (RFC 4271): what it sends is built as a whole before the first
 * octet leaves, so that building costs no time that is measured; what it hears is only counted.
 *
 * A "generation" (1 to 255) is a number that travels with each prefix in the community 65100:generation, so
 * the far end knows when it has the new state of it. 0 means: withdrawn or never seen.
 */
#ifndef CW_BENCH_TALK_H
#define CW_BENCH_TALK_H

#include "tests/bench/bgp/table.h"

#define GENERATIONS  256
#define COMMUNITY_AS 65100U

struct bytes {
	uint8_t *data;
	size_t n, room;
};

struct announcement {
	struct range range;
	uint32_t sets, as, nexthop; /* attribute sets of the whole table; our AS; host order */
	uint8_t generation;
	unsigned prepend; /* our AS so often more than once */
};

/* All UPDATEs of it, after what `out` holds. False: no memory. */
bool talk_announce(const struct announcement *a, struct bytes *out);
bool talk_withdraw(struct range range, uint32_t sets, struct bytes *out);
bool talk_open(uint32_t as, uint16_t hold_time, uint32_t router_id, struct bytes *out);
bool talk_keepalive(struct bytes *out);

/* What we were told. */
struct heard {
	uint8_t *generation;                             /* of each prefix of the table */
	uint32_t count[GENERATIONS];                     /* prefixes of each generation; [0] is not kept */
	uint32_t present;                                /* prefixes that are not withdrawn */
	uint64_t updates, prefixes, withdrawals, others; /* others: prefixes that are none of the table's */
};

/* The body of an UPDATE, with 4-octet AS numbers. False: malformed. */
bool talk_hear(struct heard *h, const uint8_t *body, size_t n);

#endif

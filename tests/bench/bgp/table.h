/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table that the benchmark moves: prefix number i, its attribute set, and the order in which a router
 * would send it. Feeder, sink, FIB watcher and netlink floor share it, so that each does the same work.
 *
 * IPv4: a mix of /22, /23 and /24 (25, 25 and 50 %) from 16.0.0.0 on, each with an address (`table_address`)
 * that no other prefix of the table covers more closely. Numbers are in host order.
 */
#ifndef CW_BENCH_TABLE_H
#define CW_BENCH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_FIRST 0x10000000U
#define TABLE_MAX   (1U << 22) /* prefixes */

struct range {
	uint32_t from, to, step; /* from, from + step, ... below to; step 1.. */
};

uint32_t table_network(uint32_t i);
uint8_t table_length(uint32_t i);
uint32_t table_address(uint32_t i);
/* The number of a prefix; -1: it is none of the table. */
int64_t table_find(uint32_t network, uint8_t length);

uint32_t table_count(struct range r);
/* Which of `sets` attribute sets prefix i has: neighbours often share one, as in the Internet's table. */
uint32_t table_set(uint32_t i, uint32_t sets);
/* The numbers of the range, all of one set together, as a router packs them. To be freed by the caller; NULL:
 * no memory. */
uint32_t *table_order(struct range r, uint32_t sets);

/* CLOCK_MONOTONIC: the same for all processes of the machine. */
int64_t now_ns(void);

#endif

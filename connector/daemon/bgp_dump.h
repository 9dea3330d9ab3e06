/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bgp dump`: what all peers have sent (Adj-RIB-In, before policy and safety rules) as an MRT TABLE_DUMP_V2
 * (RFC 6396 4.3), piece by piece. Routes whose attributes were malformed count as withdrawn and are not in
 * it. As api_ops.dump_*.
 */
#ifndef CW_DAEMON_BGP_DUMP_H
#define CW_DAEMON_BGP_DUMP_H

#include "connector/mgmt/api.h"

void *bgp_dump_open(void *domain, enum api_result *ret_result, struct reason *ret_reason);
size_t bgp_dump_next(void *walk, uint8_t *out, size_t cap, bool *ret_done);
void bgp_dump_close(void *walk);

#endif

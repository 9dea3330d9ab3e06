/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traffic selectors in force (RFC 4301 4.4.1.1, RFC 7296 3.13.1) and the part of an inner packet that they
 * look at. What IKE negotiated is checked on every packet, both ways.
 */
#ifndef CW_ESP_SELECTOR_H
#define CW_ESP_SELECTOR_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESP_MAX_TS 8

struct esp_ts {
	struct addr first, last;        /* inclusive, of one family */
	uint8_t protocol;               /* 0: any */
	uint16_t port_first, port_last; /* 0 to 65535: any; 65535 to 0: OPAQUE. ICMP: type << 8 | code */
};

struct esp_flow {
	struct addr src, dst;
	uint8_t protocol;
	bool ports_known; /* not for later fragments, nor for protocols without ports */
	uint16_t src_port, dst_port;
	size_t total_len; /* of the IP packet as its header says */
};

/* Reads the header of an IPv4 or IPv6 packet. -1: not a whole IP packet. Bytes after its end are legal (TFC
 * padding). */
int esp_flow_parse(const uint8_t *pkt, size_t len, struct esp_flow *ret_flow);
/* Does one of n selectors contain this end of the flow? n 0 contains nothing. */
bool esp_ts_match(
    const struct esp_ts ts[], unsigned n, const struct addr *a, const struct esp_flow *f, uint16_t port);

#endif

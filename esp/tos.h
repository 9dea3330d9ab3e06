/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tunnel does with the TOS octet (IPv4) or traffic class (IPv6): the DSCP in its upper six bits (RFC
 * 2474), ECN in the lower two (RFC 3168). At encapsulation both go to the outer header (RFC 4301 5.1.2); at
 * decapsulation the inner DSCP stays, and a router's congestion mark on the outer header is handed inwards
 * (RFC 6040).
 */
#ifndef CW_ESP_TOS_H
#define CW_ESP_TOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ECN_MASK  0x03
#define DSCP_MASK 0xfc

enum ecn { ECN_NOT_ECT = 0, ECN_ECT_1 = 1, ECN_ECT_0 = 2, ECN_CE = 3 };

/* What is said in the outer header of a packet. */
struct esp_outer {
	uint8_t tos;
	bool df; /* it must not be fragmented: its IPv4 DF bit is set, or it is IPv6 */
};
/* Of the inner packet's header. pkt holds a whole IP packet (esp_flow_parse). */
struct esp_outer esp_inner_says(const uint8_t *pkt, size_t len);

/* The inner ECN field that a packet leaves the tunnel with (RFC 6040 4.2, figure 4). -1: it is to be dropped.
 */
int esp_ecn_combine(enum ecn inner, enum ecn outer);
/* Writes the ECN field of a whole IP packet, with IPv4's checksum (RFC 1624). */
void esp_ecn_set(uint8_t *pkt, size_t len, enum ecn ecn);

#endif

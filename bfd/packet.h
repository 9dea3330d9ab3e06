/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BFD Control packet (RFC 5880 4.1) as a typed view: 24 octets without an authentication section, which
 * we neither send nor understand. The parser makes the checks of 6.8.6 that need no session, in its order.
 */
#ifndef CW_BFD_PACKET_H
#define CW_BFD_PACKET_H

#include "base/cursor.h"
#include "bfd/bfd.h"

#define BFD_VERSION 1

struct bfd_packet {
	uint8_t diag; /* enum bfd_diag, or a number we have no name for */
	enum bfd_state state;
	bool poll, final;
	bool independent; /* C: the sender's BFD does not share fate with its control plane */
	bool demand;
	uint8_t multiplier;
	uint32_t my_discr, your_discr;
	uint32_t min_tx, min_rx, min_echo_rx; /* microseconds */
};

/* BFD_ACCEPTED, or why the packet is to be discarded (ret_packet is untouched then). */
enum bfd_verdict bfd_packet_parse(struct rd r, struct bfd_packet *ret_packet);
void bfd_packet_build(struct wr *w, const struct bfd_packet *p);

#endif

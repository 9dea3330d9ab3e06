/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of BFD Control packets (RFC 5880 4.1), and the checks of 6.8.6 in their order as far as the bytes
 * alone can answer them. What follows the packet in its datagram is not looked at, as 6.8.6 has it.
 */
#include "bfd/packet.h"

#define VERSION_SHIFT    5
#define DIAG_MASK        0x1f
#define STATE_SHIFT      6
#define FLAG_POLL        0x20
#define FLAG_FINAL       0x10
#define FLAG_INDEPENDENT 0x08
#define FLAG_AUTH        0x04
#define FLAG_DEMAND      0x02
#define FLAG_MULTIPOINT  0x01
#define LENGTH_WITH_AUTH 26 /* the least: the mandatory section, and type and length of the other */

enum bfd_verdict bfd_packet_parse(struct rd r, struct bfd_packet *ret_packet)
{
	size_t payload = rd_left(&r);
	uint8_t first = rd_u8(&r), second = rd_u8(&r), multiplier = rd_u8(&r), length = rd_u8(&r);
	struct bfd_packet p = { .diag = first & DIAG_MASK,
		.state = (enum bfd_state)(second >> STATE_SHIFT),
		.poll = second & FLAG_POLL,
		.final = second & FLAG_FINAL,
		.independent = second & FLAG_INDEPENDENT,
		.demand = second & FLAG_DEMAND,
		.multiplier = multiplier };

	if (payload < BFD_PACKET_LEN)
		return BFD_TOO_SHORT;
	if (first >> VERSION_SHIFT != BFD_VERSION)
		return BFD_WRONG_VERSION;
	if (length < (second & FLAG_AUTH ? LENGTH_WITH_AUTH : BFD_PACKET_LEN) || length > payload)
		return BFD_WRONG_LENGTH;
	if (multiplier == 0)
		return BFD_NO_MULTIPLIER;
	if (second & FLAG_MULTIPOINT)
		return BFD_MULTIPOINT;
	p.my_discr = rd_u32(&r);
	p.your_discr = rd_u32(&r);
	p.min_tx = rd_u32(&r);
	p.min_rx = rd_u32(&r);
	p.min_echo_rx = rd_u32(&r);
	if (p.my_discr == 0)
		return BFD_NO_DISCRIMINATOR;
	if (p.your_discr == 0 && p.state != BFD_DOWN && p.state != BFD_ADMIN_DOWN)
		return BFD_WRONG_STATE;
	if (second & FLAG_AUTH) /* no session of ours uses authentication */
		return BFD_AUTHENTICATED;
	*ret_packet = p;
	return BFD_ACCEPTED;
}

void bfd_packet_build(struct wr *w, const struct bfd_packet *p)
{
	wr_u8(w, (uint8_t)(BFD_VERSION << VERSION_SHIFT | (p->diag & DIAG_MASK)));
	wr_u8(w, (uint8_t)((unsigned)p->state << STATE_SHIFT | (p->poll ? FLAG_POLL : 0) |
	                   (p->final ? FLAG_FINAL : 0) | (p->independent ? FLAG_INDEPENDENT : 0) |
	                   (p->demand ? FLAG_DEMAND : 0)));
	wr_u8(w, p->multiplier);
	wr_u8(w, BFD_PACKET_LEN);
	wr_u32(w, p->my_discr);
	wr_u32(w, p->your_discr);
	wr_u32(w, p->min_tx);
	wr_u32(w, p->min_rx);
	wr_u32(w, p->min_echo_rx);
}

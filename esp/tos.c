/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DSCP, ECN and DF between inner and outer header: RFC 4301 5.1.2, RFC 6040 4. The table of figure 4 stands
 * here as a table. A combination that makes no sense is either harmless, and the inner field stays, or a sign
 * that somebody marked what can't be marked: then congestion could not be told, and the packet is dropped.
 */
#include "esp/tos.h"

#include "base/cursor.h"

#define IPV4_DF       0x4000
#define IPV4_CHECKSUM 10

struct esp_outer esp_inner_says(const uint8_t *pkt, size_t len)
{
	struct rd r = rd_init(pkt, len);
	uint8_t first = rd_u8(&r), second = rd_u8(&r);

	if (first >> 4 == 6)
		return (struct esp_outer){ .tos = (uint8_t)(first << 4 | second >> 4), .df = true };
	rd_skip(&r, 4);
	return (struct esp_outer){ .tos = second, .df = rd_u16(&r) & IPV4_DF };
}

int esp_ecn_combine(enum ecn inner, enum ecn outer)
{
	static const int8_t table[4][4] = { /* [inner][outer], both in the order of their codes */
		[ECN_NOT_ECT] = { [ECN_NOT_ECT] = ECN_NOT_ECT,
		    [ECN_ECT_0] = ECN_NOT_ECT,
		    [ECN_ECT_1] = ECN_NOT_ECT,
		    [ECN_CE] = -1 },
		[ECN_ECT_0] = { [ECN_NOT_ECT] = ECN_ECT_0,
		    [ECN_ECT_0] = ECN_ECT_0,
		    [ECN_ECT_1] = ECN_ECT_1,
		    [ECN_CE] = ECN_CE },
		[ECN_ECT_1] = { [ECN_NOT_ECT] = ECN_ECT_1,
		    [ECN_ECT_0] = ECN_ECT_1,
		    [ECN_ECT_1] = ECN_ECT_1,
		    [ECN_CE] = ECN_CE },
		[ECN_CE] = { [ECN_NOT_ECT] = ECN_CE,
		    [ECN_ECT_0] = ECN_CE,
		    [ECN_ECT_1] = ECN_CE,
		    [ECN_CE] = ECN_CE }
	};

	return table[inner & ECN_MASK][outer & ECN_MASK];
}

/* HC' = ~(~HC + ~m + m'), where m is the 16-bit word that changes (RFC 1624 3, eqn. 3). */
static uint16_t checksum_after(uint16_t checksum, uint16_t before, uint16_t after)
{
	uint32_t sum = (uint32_t)(uint16_t)~checksum + (uint16_t)~before + after;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void esp_ecn_set(uint8_t *pkt, size_t len, enum ecn ecn)
{
	struct rd r = rd_init(pkt, len);
	struct wr w = wr_init(pkt, len);
	uint16_t word = rd_u16(&r), changed, checksum;

	if (word >> 12 == 6) { /* version 4 bits, traffic class 8, flow label */
		wr_u16(&w, (uint16_t)((word & ~(ECN_MASK << 4)) | ecn << 4));
		return;
	}
	changed = (uint16_t)((word & ~ECN_MASK) | ecn);
	rd_skip(&r, IPV4_CHECKSUM - sizeof(word));
	checksum = rd_u16(&r);
	if (!rd_ok(&r))
		return;
	wr_u16(&w, changed);
	wr_skip(&w, IPV4_CHECKSUM - sizeof(word));
	wr_u16(&w, checksum_after(checksum, word, changed));
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building payload chains (RFC 7296 3.2): the mirror of payload.c. Lengths and next-payload fields are
 * patched when a payload is closed, so no builder counts bytes. Nothing here can fail but for room; the write
 * cursor remembers.
 */
#include "ike/payload.h"

struct ike_build ike_build_init(void *buf, size_t cap)
{
	return (struct ike_build){ .w = wr_init(buf, cap) };
}

static void close_payload(struct ike_build *b)
{
	if (b->open)
		wr_patch_u16(&b->w, b->start + 2, wr_len(&b->w) - b->start);
}

void ike_build_payload(struct ike_build *b, uint8_t type)
{
	close_payload(b);
	if (b->open)
		wr_patch_u8(&b->w, b->next, type);
	else
		b->first = type;
	b->open = true;
	b->start = wr_len(&b->w);
	b->next = wr_mark_u8(&b->w);
	wr_patch_u8(&b->w, b->next, IKE_P_NONE);
	wr_u8(&b->w, 0); /* flags: never critical (RFC 7296 2.5: known to every implementation) */
	wr_u16(&b->w, 0);
}

int ike_build_finish(struct ike_build *b, size_t *ret_len)
{
	close_payload(b);
	if (!wr_ok(&b->w))
		return -1;
	*ret_len = wr_len(&b->w);
	return 0;
}

void ike_build_notify(struct ike_build *b, uint8_t protocol, const struct chunk *spi, uint16_t type,
    const void *data, size_t len)
{
	ike_build_payload(b, IKE_P_NOTIFY);
	wr_u8(&b->w, protocol);
	wr_u8(&b->w, spi ? (uint8_t)spi->len : 0);
	wr_u16(&b->w, type);
	if (spi)
		wr_bytes(&b->w, spi->data, spi->len);
	if (len)
		wr_bytes(&b->w, data, len);
}

void ike_build_ke(struct ike_build *b, uint16_t group, const uint8_t *data, size_t len)
{
	ike_build_payload(b, IKE_P_KE);
	wr_u16(&b->w, group);
	wr_u16(&b->w, 0);
	wr_bytes(&b->w, data, len);
}

void ike_build_nonce(struct ike_build *b, const uint8_t *data, size_t len)
{
	ike_build_payload(b, IKE_P_NONCE);
	wr_bytes(&b->w, data, len);
}

void ike_build_id(struct ike_build *b, uint8_t type, const struct ike_identity *id)
{
	ike_build_payload(b, type);
	wr_u8(&b->w, id->type);
	wr_zero(&b->w, 3);
	wr_bytes(&b->w, id->data, id->len);
}

void ike_build_auth(struct ike_build *b, uint8_t method, const uint8_t *data, size_t len)
{
	ike_build_payload(b, IKE_P_AUTH);
	wr_u8(&b->w, method);
	wr_zero(&b->w, 3);
	wr_bytes(&b->w, data, len);
}

void ike_build_eap(struct ike_build *b, const uint8_t *packet, size_t len)
{
	ike_build_payload(b, IKE_P_EAP);
	wr_bytes(&b->w, packet, len);
}

void ike_build_ts(struct ike_build *b, uint8_t type, const struct ike_ts *ts, unsigned n)
{
	ike_build_payload(b, type);
	wr_u8(&b->w, (uint8_t)n);
	wr_zero(&b->w, 3);
	for (unsigned i = 0; i < n; i++) {
		unsigned size = addr_size(&ts[i].first);

		wr_u8(&b->w, ts[i].first.family == 4 ? IKE_TS_IPV4_RANGE : IKE_TS_IPV6_RANGE);
		wr_u8(&b->w, ts[i].protocol);
		wr_u16(&b->w, (uint16_t)(IKE_TS_HEADER_LEN + 2 * size));
		wr_u16(&b->w, ts[i].port_first);
		wr_u16(&b->w, ts[i].port_last);
		wr_bytes(&b->w, ts[i].first.b, size);
		wr_bytes(&b->w, ts[i].last.b, size);
	}
}

void ike_build_delete_ike(struct ike_build *b)
{
	ike_build_payload(b, IKE_P_DELETE);
	wr_u8(&b->w, IKE_PROTO_IKE);
	wr_u8(&b->w, 0);
	wr_u16(&b->w, 0);
}

void ike_build_delete_esp(struct ike_build *b, const uint32_t *spis, unsigned n)
{
	ike_build_payload(b, IKE_P_DELETE);
	wr_u8(&b->w, IKE_PROTO_ESP);
	wr_u8(&b->w, IKE_SPI_LEN_ESP);
	wr_u16(&b->w, (uint16_t)n);
	for (unsigned i = 0; i < n; i++)
		wr_u32(&b->w, spis[i]);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* EAP on the wire (RFC 3748 4): code, identifier, length, and in requests and responses a type. */
#include "ike/eap_packet.h"

#include <stdio.h>

int eap_packet_parse(const uint8_t *data, size_t len, struct eap_packet *ret)
{
	struct rd r = rd_init(data, len);
	struct eap_packet p = { .code = rd_u8(&r), .id = rd_u8(&r) };
	uint16_t length = rd_u16(&r);

	if (!rd_ok(&r) || length < EAP_HEADER_LEN || length > len)
		return -1;
	p.data = rd_sub(&r, (size_t)length - EAP_HEADER_LEN);
	switch (p.code) {
	case EAP_CODE_REQUEST:
	case EAP_CODE_RESPONSE:
		p.type = rd_u8(&p.data);
		if (!rd_ok(&p.data) || p.type == EAP_TYPE_NONE)
			return -1;
		break;
	case EAP_CODE_SUCCESS:
	case EAP_CODE_FAILURE:
		if (rd_left(&p.data))
			return -1;
		break;
	default: return -1;
	}
	*ret = p;
	return 0;
}

void eap_packet_begin(struct wr *w, uint8_t code, uint8_t id, uint8_t type)
{
	wr_u8(w, code);
	wr_u8(w, id);
	wr_u16(w, 0);
	if (type != EAP_TYPE_NONE)
		wr_u8(w, type);
}

int eap_packet_finish(struct wr *w, size_t *ret_len)
{
	if (!wr_ok(w))
		return -1;
	wr_patch_u16(w, 2, wr_len(w));
	*ret_len = wr_len(w);
	return wr_ok(w) ? 0 : -1;
}

const char *eap_type_str(uint8_t type, char *buf, size_t cap)
{
	static const struct {
		uint8_t type;
		const char *name;
	} names[] = { { EAP_TYPE_IDENTITY, "Identity" }, { EAP_TYPE_NOTIFICATION, "Notification" },
		{ EAP_TYPE_MD5, "EAP-MD5" }, { EAP_TYPE_TLS, "EAP-TLS" }, { EAP_TYPE_TTLS, "EAP-TTLS" },
		{ EAP_TYPE_PEAP, "PEAP" }, { EAP_TYPE_MSCHAPV2, "EAP-MSCHAPv2" },
		{ EAP_TYPE_EXPANDED, "an expanded type" } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type) {
			snprintf(buf, cap, "%s (%u)", names[i].name, type);
			return buf;
		}
	snprintf(buf, cap, "EAP type %u", type);
	return buf;
}

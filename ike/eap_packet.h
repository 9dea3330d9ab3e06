/* SPDX-License-Identifier: Apache-2.0 */
/* EAP packets (RFC 3748 section 4) as typed views, and how they are built. A view points into its packet. */
#ifndef CW_IKE_EAP_PACKET_H
#define CW_IKE_EAP_PACKET_H

#include "base/cursor.h"

#define EAP_HEADER_LEN 4

enum eap_code { EAP_CODE_REQUEST = 1, EAP_CODE_RESPONSE = 2, EAP_CODE_SUCCESS = 3, EAP_CODE_FAILURE = 4 };
enum eap_type {
	EAP_TYPE_NONE = 0,
	EAP_TYPE_IDENTITY = 1,
	EAP_TYPE_NOTIFICATION = 2,
	EAP_TYPE_NAK = 3,
	EAP_TYPE_MD5 = 4,
	EAP_TYPE_TLS = 13,
	EAP_TYPE_TTLS = 21,
	EAP_TYPE_PEAP = 25,
	EAP_TYPE_MSCHAPV2 = 26,
	EAP_TYPE_EXPANDED = 254
};

struct eap_packet {
	uint8_t code, id;
	uint8_t type;   /* EAP_TYPE_NONE in Success and Failure */
	struct rd data; /* behind the type */
};
/* 0, or -1: lengths that lie, an unknown code, a request without a type. What follows the packet is passed
 * over (RFC 3748 4.1). */
int eap_packet_parse(const uint8_t *data, size_t len, struct eap_packet *ret);
/* Begins a packet; eap_packet_finish writes its length. type EAP_TYPE_NONE: Success and Failure. */
void eap_packet_begin(struct wr *w, uint8_t code, uint8_t id, uint8_t type);
/* 0 and the length, or -1 when it did not fit. */
int eap_packet_finish(struct wr *w, size_t *ret_len);
/* "EAP-TLS (13)" into buf; always terminated. */
const char *eap_type_str(uint8_t type, char *buf, size_t cap);

#endif

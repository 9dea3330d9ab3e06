/* SPDX-License-Identifier: Apache-2.0 */
/* Whole messages: the header (RFC 7296 3.1) and the SK payload that encrypts (3.14, RFC 5282). */
#ifndef CW_IKE_MESSAGE_H
#define CW_IKE_MESSAGE_H

#include "ike/keymat.h"
#include "ike/payload.h"

struct ike_header {
	uint64_t spi_i, spi_r;
	uint8_t first; /* type of the first payload */
	uint8_t version;
	uint8_t exchange; /* enum ike_exchange_type, or another */
	bool from_initiator, response;
	uint32_t msg_id;
};

/* Parses the header; the length field must be the datagram's. ret_rest is what follows. 0, or -1. */
int ike_header_parse(const uint8_t *data, size_t len, struct ike_header *ret, struct rd *ret_rest);

/* Is it a whole message of a higher major version than ours (RFC 7296 2.5)? Then its header. */
bool ike_header_newer(const uint8_t *data, size_t len, struct ike_header *ret);

/* A message in clear: header and the finished chain of body. -1 when cap is too small. */
int ike_message_plain(const struct ike_header *h, uint8_t first, const uint8_t *body, size_t body_len,
    uint8_t *out, size_t cap, size_t *ret_len);

/*
 * The message with the chain of body inside an SK payload. rng gives CBC's IV; with GCM the IV is a counter
 * that never repeats under a key (RFC 5282 3.1), kept in dir. -1: no room, or the crypto library failed.
 */
int ike_message_seal(struct ike_dir *dir, const struct rng *rng, const struct ike_header *h, uint8_t first,
    const uint8_t *body, size_t body_len, uint8_t *out, size_t cap, size_t *ret_len);

/* The same for one fragment of a message, in an SKF payload (RFC 7383 2.5): number `number` of `total`. */
struct ike_part {
	uint16_t number, total;
};
int ike_message_seal_part(struct ike_dir *dir, const struct rng *rng, const struct ike_header *h,
    uint8_t first, const struct ike_part *part, const uint8_t *body, size_t body_len, uint8_t *out,
    size_t cap, size_t *ret_len);

/*
 * Opens the SK payload of data (a whole message), in place. ret_inner walks the payloads inside, of which the
 * first has the type *ret_first. -1: no SK payload at the end, or its checksum is wrong; data is undefined
 * then.
 */
int ike_message_open(
    struct ike_dir *dir, uint8_t *data, size_t len, uint8_t *ret_first, struct rd *ret_inner);
/* The same for a message whose one payload is SKF. The numbers are as they came: unchecked. */
int ike_message_open_part(struct ike_dir *dir, uint8_t *data, size_t len, uint8_t *ret_first,
    struct ike_part *ret_part, struct rd *ret_inner);

#endif

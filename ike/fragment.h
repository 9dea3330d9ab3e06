/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragments of IKE messages (RFC 7383): a message too large for one datagram goes as several, each encrypted
 * and authenticated by itself in an SKF payload, so that nothing a stranger forges is ever kept. Sealing and
 * opening are here, and the reassembly of one message; when a message is cut up, and which message a fragment
 * may belong to, is the window's business (window.c, input.c).
 */
#ifndef CW_IKE_FRAGMENT_H
#define CW_IKE_FRAGMENT_H

#include "ike/message.h"

/* One fragment, opened: points into the datagram that it came in. */
struct ike_fragment {
	uint16_t number, total; /* 1 <= number <= total <= IKE_FRAGMENTS_MAX */
	uint8_t first;          /* type of the first payload of the whole; only in number 1 */
	const uint8_t *data;
	size_t len;
};

/* Octets of the SK message that would carry body_len octets of payloads. */
size_t ike_message_size(const struct ike_dir *dir, size_t body_len);

/*
 * Seals the chain of body as fragments, none of which is larger than `size` octets (larger ones only if there
 * would be more than IKE_FRAGMENTS_MAX), one whole IKE message after the other in out. 0, or -1: no room, or
 * the crypto library failed.
 */
int ike_fragments_seal(struct ike_dir *dir, const struct rng *rng, const struct ike_header *h, uint8_t first,
    const uint8_t *body, size_t body_len, size_t size, uint8_t *out, size_t cap, size_t *ret_len);

/* Opens one in place. -1: malformed, more than we take, or its checksum is wrong; data is undefined then. */
int ike_fragment_open(struct ike_dir *dir, uint8_t *data, size_t len, struct ike_fragment *ret);

/* --- one message under reassembly --- */
struct ike_reassembly;
/*
 * Keeps a copy of a fragment of message msg_id in *at, which is made when it is NULL. One of another message,
 * or of the same one cut into more pieces than before (RFC 7383 2.6), takes the place of what there was.
 * True when it is kept; false when it is not wanted (a repeat, of an older cut, beyond a limit) or memory is
 * out.
 */
bool ike_reassembly_add(struct ike_reassembly **at, uint32_t msg_id, const struct ike_fragment *f);
bool ike_reassembly_complete(const struct ike_reassembly *r);
/* The whole chain into out, and the type of its first payload. -1: not complete, or no room. */
int ike_reassembly_join(
    const struct ike_reassembly *r, uint8_t *out, size_t cap, size_t *ret_len, uint8_t *ret_first);
/* Cleanses and frees; *at becomes NULL. */
void ike_reassembly_drop(struct ike_reassembly **at);

#endif

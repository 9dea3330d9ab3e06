/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragments of IKE messages. The input is a script of records (kind, argument, 16-bit length, octets):
 * datagrams as a stranger sends them, and fragments that the peer sealed, with any numbers and any content.
 * No more than one message's worth is ever kept, and what becomes whole has the length of its pieces.
 */
#include "ike/fragment.h"
#include "tests/support/rng_seeded.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ike_suite suites[] = {
	{ .encr = ENCR_AES_CBC, .key_bits = 128, .prf = PRF_HMAC_SHA2_256, .integ = INTEG_HMAC_SHA2_256_128 },
	{ .encr = ENCR_AES_GCM_16, .key_bits = 128, .prf = PRF_HMAC_SHA2_256, .integ = INTEG_NONE },
};

static void require(bool truth)
{
	if (!truth)
		abort();
}

struct ends {
	struct ike_keys from, to;
	struct rng rng;
	struct ike_reassembly *pieces;
};

/* A datagram of exactly its size, so that the sanitizer sees each octet too many. */
static void arrives(struct ends *e, const uint8_t *data, size_t len, uint32_t msg_id)
{
	uint8_t *copy = malloc(len ? len : 1);
	static uint8_t whole[IKE_MESSAGE_MAX];
	struct ike_fragment f;
	uint8_t first;
	size_t n;

	if (len)
		memcpy(copy, data, len);
	if (!ike_fragment_open(&e->to.open, copy, len, &f)) {
		require(f.number && f.number <= f.total && f.total <= IKE_FRAGMENTS_MAX && f.len);
		ike_reassembly_add(&e->pieces, msg_id, &f);
		if (ike_reassembly_complete(e->pieces)) {
			require(!ike_reassembly_join(e->pieces, whole, sizeof(whole), &n, &first));
			require(n >= f.len && n <= IKE_MESSAGE_MAX);
			ike_reassembly_drop(&e->pieces);
		}
	}
	free(copy);
}

/* arg: message id, number and total are the first three octets of the record. */
static void sealed(struct ends *e, uint8_t first, struct rd r)
{
	struct ike_header h = { .spi_i = 1, .spi_r = 2, .exchange = IKE_X_AUTH, .from_initiator = true };
	struct ike_part part;
	static uint8_t out[8192];
	size_t len, left;

	h.msg_id = rd_u8(&r) & 1;
	part.number = rd_u8(&r);
	part.total = rd_u8(&r);
	left = rd_left(&r);
	if (rd_ok(&r) && !ike_message_seal_part(&e->from.seal, &e->rng, &h, first, &part, rd_skip(&r, left),
	                     left, out, sizeof(out), &len))
		arrives(e, out, len, h.msg_id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[64] = { 7 };
	struct rd r = rd_init(data, size);
	const struct ike_suite *suite = &suites[rd_u8(&r) & 1];
	struct ike_nonce n = { .len = 32 };
	struct ends e = { 0 };
	uint64_t state = 1;

	e.rng = rng_seeded(&state);
	require(!crypto_init());
	require(!ike_keys_derive(suite, true, seed, 32, &n, &n, 1, 2, &e.from));
	require(!ike_keys_derive(suite, false, seed, 32, &n, &n, 1, 2, &e.to));
	while (rd_left(&r)) {
		uint8_t kind = rd_u8(&r), arg = rd_u8(&r);
		size_t len = rd_u16(&r);
		struct rd body = rd_sub(&r, len);

		if (!rd_ok(&r))
			break;
		if (kind & 1)
			arrives(&e, rd_skip(&body, len), len, arg);
		else
			sealed(&e, arg, body);
	}
	ike_reassembly_drop(&e.pieces);
	ike_keys_clear(&e.from);
	ike_keys_clear(&e.to);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragments of messages (RFC 7383): what is sealed in pieces opens and joins to the same bytes, in any order,
 * for each kind of cipher and at each size; sizes and counts keep to their limits; the layout of the SKF
 * payload is the RFC's, octet for octet; no changed octet passes.
 */
#include "ike/fragment.h"
#include "tests/support/rng_seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#define BODY_MAX 12000
#define OUT_MAX  (IKE_MESSAGE_MAX + IKE_FRAGMENTS_MAX * IKE_FRAGMENT_EXTRA_MAX)

static uint8_t body[BODY_MAX], out[OUT_MAX], whole[IKE_MESSAGE_MAX];

struct pair { /* one direction, seen from both ends */
	struct ike_keys i, r;
	uint64_t state;
	struct rng rng;
};

static const struct ike_suite suites[] = {
	{ .encr = ENCR_AES_CBC, .key_bits = 256, .prf = PRF_HMAC_SHA2_256, .integ = INTEG_HMAC_SHA2_256_128 },
	{ .encr = ENCR_AES_CBC, .key_bits = 128, .prf = PRF_HMAC_SHA2_512, .integ = INTEG_HMAC_SHA2_512_256 },
	{ .encr = ENCR_AES_GCM_16, .key_bits = 256, .prf = PRF_HMAC_SHA2_384, .integ = INTEG_NONE },
};
#define N_SUITES (sizeof(suites) / sizeof(suites[0]))

static void pair_init(struct pair *p, const struct ike_suite *suite)
{
	static const uint8_t seed[64] = { 7 };
	struct ike_nonce n = { .len = 32 };

	memset(p, 0, sizeof(*p));
	p->state = 5;
	p->rng = rng_seeded(&p->state);
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(ike_keys_derive(suite, true, seed, 32, &n, &n, 1, 2, &p->i), 0);
	assert_int_equal(ike_keys_derive(suite, false, seed, 32, &n, &n, 1, 2, &p->r), 0);
}

static void pair_end(struct pair *p)
{
	ike_keys_clear(&p->i);
	ike_keys_clear(&p->r);
}

static const struct ike_header head = {
	.spi_i = 1, .spi_r = 2, .exchange = IKE_X_AUTH, .from_initiator = true, .msg_id = 1
};

/* Cuts the sealed messages apart. */
static unsigned cut(const uint8_t *data, size_t len, size_t at[], size_t size[])
{
	unsigned n = 0;

	for (size_t done = 0; done < len; n++) {
		struct rd r = rd_init(data + done, len - done);

		rd_skip(&r, 24);
		assert_true(n < IKE_FRAGMENTS_MAX);
		at[n] = done;
		size[n] = rd_u32(&r);
		done += size[n];
		assert_true(done <= len);
	}
	return n;
}

static void test_round_trip(void **state)
{
	static const size_t lengths[] = { 1, 15, 16, 17, 100, 1000, 3000, 9000, BODY_MAX };
	static const size_t sizes[] = { 1, 120, 228, 544, 1248, 8000 };
	size_t at[IKE_FRAGMENTS_MAX], size[IKE_FRAGMENTS_MAX], len, joined;
	struct ike_reassembly *re = NULL;
	struct ike_fragment f;
	struct pair p;
	uint8_t first;

	(void)state;
	for (size_t i = 0; i < BODY_MAX; i++)
		body[i] = (uint8_t)(i * 7 + i / 251);
	for (unsigned s = 0; s < N_SUITES; s++) {
		pair_init(&p, &suites[s]);
		for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			for (unsigned j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
				unsigned n;

				assert_int_equal(ike_fragments_seal(&p.i.seal, &p.rng, &head, IKE_P_IDI, body,
				                     lengths[i], sizes[j], out, sizeof(out), &len),
				    0);
				n = cut(out, len, at, size);
				assert_in_range(n, 1, IKE_FRAGMENTS_MAX);
				for (unsigned k = n; k-- > 0;) { /* the last one first */
					if (n < IKE_FRAGMENTS_MAX && sizes[j] >= 228)
						assert_true(size[k] <= sizes[j]);
					assert_int_equal(
					    ike_fragment_open(&p.r.open, out + at[k], size[k], &f), 0);
					assert_int_equal(f.number, k + 1);
					assert_int_equal(f.total, n);
					assert_int_equal(f.first, k ? IKE_P_NONE : IKE_P_IDI);
					assert_false(ike_reassembly_complete(re));
					assert_true(ike_reassembly_add(&re, 1, &f));
					assert_false(ike_reassembly_add(&re, 1, &f)); /* twice */
				}
				assert_true(ike_reassembly_complete(re));
				assert_int_equal(
				    ike_reassembly_join(re, whole, sizeof(whole), &joined, &first), 0);
				assert_int_equal(joined, lengths[i]);
				assert_int_equal(first, IKE_P_IDI);
				assert_memory_equal(whole, body, joined);
				assert_int_equal(
				    ike_reassembly_join(re, whole, joined - 1, &joined, &first), -1);
				ike_reassembly_drop(&re);
				assert_null(re);
			}
		}
		pair_end(&p);
	}
}

/* RFC 7383 2.5, with AES-GCM: header | next, flags, length, number, total | IV | text, padding, length | ICV
 */
static void test_layout(void **state)
{
	static const uint8_t expect_first[] = { 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 53, 0x20, 35,
		8, 0, 0, 0, 1, 0, 0, 0, 80, IKE_P_IDI, 0, 0, 52, 0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const uint8_t expect_last[] = { 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 53, 0x20, 35,
		8, 0, 0, 0, 1, 0, 0, 0, 64, IKE_P_NONE, 0, 0, 36, 0, 3, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2 };
	size_t at[IKE_FRAGMENTS_MAX], size[IKE_FRAGMENTS_MAX], len;
	struct pair p;

	(void)state;
	pair_init(&p, &suites[2]);
	/* 80 octets have room for 28 + 4 + 4 + 8 + (19 + 1) + 16 */
	assert_int_equal(
	    ike_fragments_seal(&p.i.seal, &p.rng, &head, IKE_P_IDI, body, 41, 80, out, sizeof(out), &len), 0);
	assert_int_equal(cut(out, len, at, size), 3);
	assert_int_equal(size[0], 80);
	assert_int_equal(size[1], 80);
	assert_int_equal(size[2], 64);
	assert_memory_equal(out, expect_first, sizeof(expect_first));
	assert_memory_equal(out + at[2], expect_last, sizeof(expect_last));
	assert_int_equal(ike_message_size(&p.i.seal, 41), 28 + 4 + 8 + 42 + 16);
	pair_end(&p);
}

/* Every octet of a fragment counts, and a part of it is none. */
static void test_damage(void **state)
{
	size_t len;
	struct ike_fragment f;
	struct pair p;

	(void)state;
	for (unsigned s = 0; s < N_SUITES; s++) {
		uint8_t copy[512];

		pair_init(&p, &suites[s]);
		assert_int_equal(ike_fragments_seal(&p.i.seal, &p.rng, &head, IKE_P_IDI, body, 64, 400, out,
		                     sizeof(out), &len),
		    0);
		for (size_t i = 0; i < len; i++) {
			memcpy(copy, out, len);
			copy[i] ^= 1;
			assert_int_equal(ike_fragment_open(&p.r.open, copy, len, &f), -1);
			memcpy(copy, out, len);
			assert_int_equal(ike_fragment_open(&p.r.open, copy, i, &f), -1);
		}
		assert_int_equal(ike_fragment_open(&p.r.open, out, len, &f), 0);
		pair_end(&p);
	}
}

/* Numbers that are authentic but make no sense. */
static void test_numbers(void **state)
{
	static const struct ike_part parts[] = { { 0, 1 }, { 2, 1 }, { 0, 0 }, { 1, IKE_FRAGMENTS_MAX + 1 },
		{ 65535, 65535 } };
	struct ike_fragment f;
	struct pair p;
	size_t len;

	(void)state;
	pair_init(&p, &suites[0]);
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		assert_int_equal(ike_message_seal_part(&p.i.seal, &p.rng, &head, IKE_P_IDI, &parts[i], body,
		                     10, out, sizeof(out), &len),
		    0);
		assert_int_equal(ike_fragment_open(&p.r.open, out, len, &f), -1);
	}
	/* and one that carries nothing */
	assert_int_equal(ike_message_seal_part(&p.i.seal, &p.rng, &head, IKE_P_IDI,
	                     &(struct ike_part){ 1, 1 }, body, 0, out, sizeof(out), &len),
	    0);
	assert_int_equal(ike_fragment_open(&p.r.open, out, len, &f), -1);
	/* SK is no SKF, and the other way round */
	assert_int_equal(
	    ike_message_seal(&p.i.seal, &p.rng, &head, IKE_P_IDI, body, 10, out, sizeof(out), &len), 0);
	assert_int_equal(ike_fragment_open(&p.r.open, out, len, &f), -1);
	pair_end(&p);
}

static struct ike_fragment piece(uint16_t number, uint16_t total, size_t len)
{
	return (struct ike_fragment){ .number = number,
		.total = total,
		.first = number == 1 ? IKE_P_SA : 0,
		.data = body,
		.len = len };
}

/* RFC 7383 2.6: a finer cut replaces what is there, a coarser one is dropped; other messages replace, too. */
static void test_replaced(void **state)
{
	struct ike_fragment two = piece(1, 2, 10), three = piece(1, 3, 20), rest;
	struct ike_reassembly *re = NULL;
	size_t len;
	uint8_t first;

	(void)state;
	assert_true(ike_reassembly_add(&re, 7, &two));
	assert_true(ike_reassembly_add(&re, 7, &three));
	rest = piece(2, 2, 10);
	assert_false(ike_reassembly_add(&re, 7, &rest)); /* of the coarser cut */
	rest = piece(2, 3, 20);
	assert_true(ike_reassembly_add(&re, 7, &rest));
	assert_false(ike_reassembly_complete(re));
	rest = piece(3, 3, 2);
	assert_true(ike_reassembly_add(&re, 7, &rest));
	assert_int_equal(ike_reassembly_join(re, whole, sizeof(whole), &len, &first), 0);
	assert_int_equal(len, 42);
	assert_int_equal(first, IKE_P_SA);
	assert_true(ike_reassembly_add(&re, 8, &two)); /* the next message */
	assert_false(ike_reassembly_complete(re));
	assert_int_equal(ike_reassembly_join(re, whole, sizeof(whole), &len, &first), -1);
	ike_reassembly_drop(&re);
}

/* However many fragments of whatever size come, no more than one message's worth is kept. */
static void test_bounds(void **state)
{
	struct ike_reassembly *re = NULL;
	size_t kept = 0;

	(void)state;
	for (uint16_t i = 1; i <= IKE_FRAGMENTS_MAX; i++) {
		struct ike_fragment f = piece(i, IKE_FRAGMENTS_MAX, 1000);

		kept += ike_reassembly_add(&re, 1, &f) ? 1000 : 0;
	}
	assert_int_equal(kept, IKE_MESSAGE_MAX / 1000 * 1000);
	assert_false(ike_reassembly_complete(re));
	ike_reassembly_drop(&re);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replay window against a model that remembers every number it ever took: a sender counts up (with ESN
 * over several boundaries of 2^32), the network delays, repeats and loses; window and model must agree on
 * each packet.
 */
#include "esp/replay.h"
#include "tests/support/rng_seeded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEEN_BITS 22 /* open addressing, never more than half full */
#define SEEN_SIZE (UINT32_C(1) << SEEN_BITS)

struct model {
	uint64_t *seen; /* 0: empty */
	uint64_t top;
};

static uint64_t *slot_of(struct model *m, uint64_t seq)
{
	uint64_t at = (seq * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - SEEN_BITS);

	while (m->seen[at] && m->seen[at] != seq)
		at = (at + 1) % SEEN_SIZE;
	return &m->seen[at];
}

static bool model_accept(struct model *m, uint64_t seq)
{
	uint64_t *slot;

	if (seq == 0 || (seq <= m->top && m->top - seq >= REPLAY_WINDOW))
		return false;
	slot = slot_of(m, seq);
	if (*slot)
		return false;
	*slot = seq;
	if (seq > m->top)
		m->top = seq;
	return true;
}

static void run(bool esn, uint64_t start, unsigned packets, uint64_t seed)
{
	struct model m = { .seen = calloc(SEEN_SIZE, sizeof(*m.seen)), .top = start };
	struct rng rng = rng_seeded(&seed);
	uint64_t sent = start;
	struct replay r;

	assert_non_null(m.seen);
	replay_init(&r, esn);
	r.top = start; /* as if all before had come, or had not: the ring is empty on both sides */
	for (unsigned i = 0; i < packets; i++) {
		uint64_t dice = rng_below(&rng, 100), seq, got = 0;
		bool guessed, took;

		if (dice < 60)
			seq = ++sent;
		else if (dice < 97 && sent > 1500)
			seq = sent - rng_below(&rng, 1500); /* late or repeated, some of them too late */
		else
			seq = sent += rng_below(&rng, dice == 99 ? 5000 : 50) + 1; /* a gap */
		if (!esn && seq > UINT32_MAX)
			break;
		guessed = replay_guess(&r, (uint32_t)seq, &got);
		/* What is behind the window may be taken for one far ahead; its ICV would be wrong. Others
		 * are right. */
		if (esn && (!guessed || got != seq)) {
			assert_true(seq <= r.top && r.top - seq >= REPLAY_WINDOW);
			continue;
		}
		assert_true(got == seq);
		took = replay_check(&r, seq);
		assert_int_equal(replay_accept(&r, seq), took);
		if (took != model_accept(&m, seq))
			fail_msg("packet %u: number %llx, top %llx", i, (unsigned long long)seq,
			    (unsigned long long)r.top);
		assert_true(r.top == m.top);
	}
	free(m.seen);
}

static void test_32_bits(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++)
		run(false, 0, 100000, seed);
	run(false, UINT32_MAX - 50000, 100000, 9); /* up to the end, which it never passes */
}

static void test_esn(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++)
		run(true, 0, 100000, seed);
	for (uint64_t seed = 1; seed <= 8; seed++)
		run(true, UINT32_MAX - 20000 * seed, 200000, seed);
	run(true, (UINT64_C(77) << 32) - 9, 200000, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_32_bits), cmocka_unit_test(test_esn) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

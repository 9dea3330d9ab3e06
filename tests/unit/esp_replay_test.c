/* SPDX-License-Identifier: Apache-2.0 */
/* The replay window at its edges, and the guess of a number's high half (RFC 4303 appendix A2.2). */
#include "esp/replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HIGH(n) ((uint64_t)(n) << 32)

static void test_edges(void **state)
{
	struct replay r;

	(void)state;
	replay_init(&r, false);
	assert_false(replay_accept(&r, 0));
	assert_true(replay_accept(&r, 1));
	assert_false(replay_accept(&r, 1));
	assert_true(replay_accept(&r, 5000));
	assert_int_equal(r.top, 5000);
	assert_false(replay_check(&r, 5000));
	assert_false(replay_check(&r, 5000 - REPLAY_WINDOW));     /* just behind */
	assert_true(replay_accept(&r, 5000 - REPLAY_WINDOW + 1)); /* the last one in */
	assert_false(replay_accept(&r, 5000 - REPLAY_WINDOW + 1));
	assert_int_equal(r.top, 5000); /* an old one does not move it */
	assert_true(replay_accept(&r, 4999));
	assert_true(replay_accept(&r, 5001));
	assert_false(replay_check(&r, 5001 - REPLAY_WINDOW));
	assert_true(replay_accept(&r, UINT32_MAX));
	assert_false(replay_check(&r, UINT32_MAX));
	assert_false(replay_check(&r, 1));
}

/* Whatever the jump, nothing that was not seen looks seen, and what was seen stays so while in the window. */
static void test_jumps(void **state)
{
	static const uint64_t jumps[] = { 1, 63, 64, 65, 1000, 1023, 1024, 1025, 2047, 2048, 2049, 4096,
		1000000 };

	(void)state;
	for (unsigned start = 1; start < 200; start += 7)
		for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
			uint64_t to = start + jumps[i];
			struct replay r;

			replay_init(&r, false);
			assert_true(replay_accept(&r, start));
			assert_true(replay_accept(&r, to));
			for (uint64_t seq = 1; seq <= to; seq++) {
				bool fresh = seq != start && seq != to && to - seq < REPLAY_WINDOW;

				if (to - seq < 3000)
					assert_int_equal(replay_check(&r, seq), fresh);
			}
		}
}

static void guess(uint64_t top, uint32_t low, uint64_t want)
{
	struct replay r;
	uint64_t seq = 0;

	replay_init(&r, true);
	r.top = top;
	assert_true(replay_guess(&r, low, &seq));
	assert_true(seq == want);
}

static void test_guess(void **state)
{
	struct replay r;
	uint64_t seq = 7;

	(void)state;
	/* Case A: the window lies within one subspace. */
	guess(HIGH(5) | 10000, 10001, HIGH(5) | 10001);
	guess(HIGH(5) | 10000, 10000 - 1023, HIGH(5) | (10000 - 1023));
	guess(HIGH(5) | 10000, 10000 - 1024,
	    HIGH(6) | (10000 - 1024)); /* behind the window: must be the next */
	guess(HIGH(5) | 10000, 0, HIGH(6));
	guess(HIGH(5) | 0xffffffff, 0xfffffffe, HIGH(5) | 0xfffffffe);
	guess(HIGH(5) | 0xffffffff, 0, HIGH(6));
	guess(HIGH(5) | 1023, 0, HIGH(5)); /* the smallest of case A */
	guess(HIGH(5) | 1023, 0xffffffff, HIGH(5) | 0xffffffff);
	/* Case B: the window reaches back into the subspace before. */
	guess(HIGH(5) | 1022, 0xffffffff, HIGH(4) | 0xffffffff);
	guess(HIGH(5) | 0, 0xffffffff, HIGH(4) | 0xffffffff);
	guess(HIGH(5) | 0, 0xffffffff - 1022, HIGH(4) | (0xffffffff - 1022));
	guess(HIGH(5) | 0, 0xffffffff - 1023, HIGH(5) | (0xffffffff - 1023)); /* a long way ahead */
	guess(HIGH(5) | 100, 101, HIGH(5) | 101);
	guess(0, 1, 1);
	/* Before the beginning, and past the end. */
	replay_init(&r, true);
	assert_false(replay_guess(&r, 0xffffffff, &seq));
	r.top = UINT64_MAX;
	assert_false(replay_guess(&r, 5, &seq));
	/* Without ESN there is nothing to guess. */
	replay_init(&r, false);
	r.top = 100;
	assert_true(replay_guess(&r, 0xffffffff, &seq));
	assert_int_equal(seq, 0xffffffff);
}

/* Across the boundary of two subspaces, one by one and repeated. */
static void test_esn_wrap(void **state)
{
	struct replay r;
	uint64_t seq;

	(void)state;
	replay_init(&r, true);
	r.top = 0xffffff00;
	for (uint64_t want = r.top + 1; want < HIGH(1) + 3000; want++) {
		assert_true(replay_guess(&r, (uint32_t)want, &seq));
		assert_true(seq == want);
		assert_true(replay_accept(&r, seq));
		assert_true(replay_guess(&r, (uint32_t)want, &seq));
		assert_false(replay_accept(&r, seq));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_edges), cmocka_unit_test(test_jumps),
		cmocka_unit_test(test_guess), cmocka_unit_test(test_esn_wrap) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

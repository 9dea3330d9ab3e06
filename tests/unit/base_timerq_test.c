/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of deadlines against the naive model: an array that is searched. */
#include "base/timerq.h"

#include "tests/support/rng_seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#define N 300

static mtime naive_first(const mtime at[])
{
	mtime t = MTIME_NEVER;

	for (unsigned i = 0; i < N; i++)
		t = mtime_min(t, at[i]);
	return t;
}

static void test_against_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct timerq_node node[N] = { 0 };
		struct timerq q = { 0 };
		uint64_t s = seed;
		mtime at[N];

		for (unsigned i = 0; i < N; i++)
			at[i] = MTIME_NEVER;
		for (unsigned step = 0; step < 5000; step++) {
			uint64_t r;
			unsigned i;

			rng_seeded_fill(&s, &r, sizeof(r));
			i = (unsigned)(r >> 32) % N;
			if (r % 8 == 0 && timerq_first(&q)) { /* what is due goes */
				i = (unsigned)(timerq_first(&q) - node);
				timerq_remove(&q, &node[i]);
				at[i] = MTIME_NEVER;
			} else if (r % 8 == 1) {
				timerq_remove(&q, &node[i]);
				at[i] = MTIME_NEVER;
			} else {
				at[i] = r % 8 == 2 ? MTIME_NEVER : (mtime){ (int64_t)(r >> 40) % 1000 };
				timerq_set(&q, &node[i], at[i]);
			}
			assert_true(timerq_deadline(&q).ns == naive_first(at).ns);
			assert_int_equal(node[i].queued, !mtime_is_never(at[i]));
		}
	}
}

static void test_drains_in_order(void **state)
{
	struct timerq_node node[N] = { 0 };
	struct timerq q = { 0 };
	int64_t before = -1;
	uint64_t s = 7, r;
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		rng_seeded_fill(&s, &r, sizeof(r));
		timerq_set(&q, &node[i], (mtime){ (int64_t)(r % 100) });
	}
	for (struct timerq_node *f; (f = timerq_first(&q)); n++) {
		assert_true(f->at.ns >= before);
		before = f->at.ns;
		timerq_remove(&q, f);
	}
	assert_int_equal(n, N);
	assert_true(mtime_is_never(timerq_deadline(&q)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_model),
		cmocka_unit_test(test_drains_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

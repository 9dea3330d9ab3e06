/* SPDX-License-Identifier: Apache-2.0 */
/* Decay against the mathematics of it, and that its inverses fit. */
#include "bgp/decay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HALF         mdur_s(900)
#define STEP         7
#define LEFT_BY_STEP 0.9946233614031607 /* 2^-(STEP / 900) */

static void test_values(void **state)
{
	double exact = 4e9;

	(void)state;
	for (int64_t s = 0; s < 20000; s += STEP, exact *= LEFT_BY_STEP) {
		double seen = (double)decay(4000000000u, mdur_s(s), HALF);

		assert_true(seen <= exact * (1 + 2e-5) && seen >= exact * (1 - 2e-5) - 2);
	}
	assert_int_equal(decay(1000, mdur_s(900), HALF), 500);
	assert_int_equal(decay(1000, mdur_s(0), HALF), 1000);
	assert_int_equal(decay(1000, mdur_s(-5), HALF), 1000);
	assert_int_equal(decay(UINT32_MAX, mdur_s(INT64_C(9000000000)), HALF), 0);
	assert_int_equal(decay(UINT32_MAX, mdur_s(900 * 32), HALF), 0);
	assert_int_equal(decay(0, mdur_s(1), HALF), 0);
}

static void test_until(void **state)
{
	(void)state;
	for (uint64_t value = 1; value < 4000000000u; value = value * 3 + 1)
		for (uint64_t target = 1; target < 4000000000u; target = target * 7 + 3) {
			mdur t = decay_until(value, target, HALF);

			assert_true(decay(value, t, HALF) <= target);
			if (t.ns) /* and not before */
				assert_true(decay(value, mdur_ms(mdur_to_ms(t) - 1), HALF) > target);
		}
	assert_int_equal(mdur_to_s(decay_until(6000 << 12, 750 << 12, HALF)), 2700); /* three half-lives */
}

static void test_before(void **state)
{
	(void)state;
	assert_true(decay_before(750, mdur_s(3600), HALF, UINT32_MAX) - 12000 < 20); /* 750 * 2^4 */
	assert_int_equal(decay_before(750, mdur_s(900000), HALF, 50000), 50000);
	assert_true(
	    decay(decay_before(750 << 12, mdur_s(3600), HALF, UINT32_MAX), mdur_s(3600), HALF) <= 750 << 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_until),
		cmocka_unit_test(test_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

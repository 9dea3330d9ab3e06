/* SPDX-License-Identifier: Apache-2.0 */
/* BFD when memory is out: a session is added whole or not at all, and everything else needs none. */
#include "bfd/bfd.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/rng_seeded.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool run(void *ctx)
{
	uint64_t seed = 1;
	struct rng rng = rng_seeded(&seed);
	struct bfd *b = bfd_new(&rng, mdur_ms(10));
	struct bfd_action a;
	struct reason why = { 0 };
	mtime now = { 1000000000 };
	bool all = b;

	(void)ctx;
	for (uint32_t i = 1; b && i <= 200; i++) {
		struct bfd_config c = { .name = "peer",
			.local = addr_v4(0x0a000001),
			.remote = addr_v4(0x0a000100 + i),
			.min_tx = mdur_ms(50),
			.min_rx = mdur_ms(50),
			.multiplier = 3 };
		struct bfd_view v;
		bool added = bfd_session_add(b, i, &c, now, &why) == 0;

		all = all && added;
		assert_int_equal(bfd_session_view(b, i, &v), added ? 0 : -1);
		assert_true(added || reason_is_set(&why));
		bfd_timer(b, now = mtime_add(now, mdur_ms(20)));
		while (bfd_next_action(b, &a))
			;
	}
	bfd_free(b);
	return all;
}

static void test_sweep(void **state)
{
	(void)state;
	assert_in_range(alloc_fail_sweep(run, NULL, NULL), 200, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_sweep) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

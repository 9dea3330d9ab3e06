/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random scripts for three speakers (tests/support/bgp_script.h): networks, commands, configuration and
 * faults of the network in any order. CW_SEED=N runs the one script of that seed.
 */
#include "tests/support/bgp_script.h"
#include "tests/support/rng_seeded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEEDS 150

static void run_seed(uint64_t seed)
{
	uint64_t state = seed;
	struct rng rng = rng_seeded(&state);
	uint8_t script[BGP_SCRIPT_HEAD + 2 * BGP_SCRIPT_OPS_MAX];

	rng.fill(rng.ctx, script, sizeof(script));
	printf("seed %llu\n", (unsigned long long)seed); /* the last line before a failure says which */
	bgp_script_run(script, BGP_SCRIPT_HEAD + 2 * (1 + seed % BGP_SCRIPT_OPS_MAX));
}

static void test_random(void **state)
{
	const char *one = getenv("CW_SEED");

	(void)state;
	for (uint64_t seed = one ? strtoull(one, NULL, 10) : 1; seed <= (one ? seed : SEEDS); seed++) {
		run_seed(seed);
		if (one)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A seeded rng (splitmix64): the same seed replays the same run. Not for keys that matter. */
#ifndef CW_TEST_RNG_SEEDED_H
#define CW_TEST_RNG_SEEDED_H

#include "base/rng.h"

static inline void rng_seeded_fill(void *ctx, void *out, size_t len)
{
	uint64_t *state = ctx;
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++) {
		uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		p[i] = (uint8_t)(z ^ z >> 31);
	}
}
static inline struct rng rng_seeded(uint64_t *state)
{
	return (struct rng){ rng_seeded_fill, state };
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Randomness by argument. Cores draw from the rng they were given: the daemon gives the kernel's
 * (connector/sys/rng.h), tests a seeded one (tests/support), and the same seed replays the same run.
 */
#ifndef CW_BASE_RNG_H
#define CW_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
	void (*fill)(void *ctx, void *out, size_t len); /* can't fail: an rng that would, aborts */
	void *ctx;
};

static inline void rng_fill(const struct rng *r, void *out, size_t len)
{
	r->fill(r->ctx, out, len);
}
static inline uint64_t rng_u64(const struct rng *r)
{
	uint64_t v;

	r->fill(r->ctx, &v, sizeof(v));
	return v;
}
/* Uniform enough in [0, n), n > 0: for jitter and choice, not for keys. */
static inline uint64_t rng_below(const struct rng *r, uint64_t n)
{
	return rng_u64(r) % n;
}

#endif

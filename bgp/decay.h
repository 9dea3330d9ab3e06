/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exponential decay in integers: what halves every `half_life`. The same everywhere, to the bit, since no
 * floating point is in it; exact to about 2^-16 of the value. Values are below 2^32.
 */
#ifndef CW_BGP_DECAY_H
#define CW_BGP_DECAY_H

#include "base/mtime.h"

/* What is left of a value. half_life above 0; nothing elapsed, or less: all of it. */
uint64_t decay(uint64_t value, mdur elapsed, mdur half_life);
/* How long until no more than `target` (above 0) is left; to the millisecond, and never too short. */
mdur decay_until(uint64_t value, uint64_t target, mdur half_life);
/* The value of which `target` is left after `elapsed`, at most `max` (below 2^32). */
uint64_t decay_before(uint64_t target, mdur elapsed, mdur half_life, uint64_t max);

#endif

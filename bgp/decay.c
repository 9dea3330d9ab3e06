/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 2^-x as a shift for the whole half-lives, and for the rest of one a product of the roots 2^-(1/2),
 * 2^-(1/4), ... that its binary digits name.
 */
#include "bgp/decay.h"

#define ROOTS      16 /* binary digits of a half-life that count */
#define HALVES_MAX 33 /* nothing is left of 32 bits */

/* 2^32 * 2^-(2^-k), k from 1 */
static const uint32_t root[ROOTS] = { 3037000500, 3611622603, 3938502376, 4112874773, 4202935003, 4248701965,
	4271771996, 4283353945, 4289156690, 4292061010, 4293513907, 4294240540, 4294603903, 4294785595,
	4294876445, 4294921870 };

uint64_t decay(uint64_t value, mdur elapsed, mdur half_life)
{
	int64_t halves, rest;

	if (elapsed.ns <= 0)
		return value;
	halves = elapsed.ns / half_life.ns;
	rest = elapsed.ns % half_life.ns;
	if (halves >= HALVES_MAX)
		return 0;
	for (unsigned k = 0; k < ROOTS; k++) {
		rest *= 2;
		if (rest < half_life.ns)
			continue;
		rest -= half_life.ns;
		value = value * root[k] >> 32;
	}
	return value >> halves;
}

mdur decay_until(uint64_t value, uint64_t target, mdur half_life)
{
	int64_t low = 0, high = mdur_to_ms(mdur_mul(half_life, HALVES_MAX, 1)) + 1; /* too short; enough */

	if (value <= target)
		return MDUR_ZERO;
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;

		if (decay(value, mdur_ms(middle), half_life) <= target)
			high = middle;
		else
			low = middle;
	}
	return mdur_ms(high);
}

uint64_t decay_before(uint64_t target, mdur elapsed, mdur half_life, uint64_t max)
{
	uint64_t low = 0, high = max;

	if (decay(max, elapsed, half_life) <= target)
		return max;
	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;

		if (decay(middle, elapsed, half_life) <= target)
			low = middle;
		else
			high = middle;
	}
	return low;
}

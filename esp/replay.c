/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replay window as a ring of words (RFC 6479): bit seq % 2048 says that seq was seen. Moving the window
 * up clears the words it enters, not the bits it leaves, so the window never shifts memory.
 *
 * Invariant: the words that cover (top - WINDOW, top] hold the truth; the ring is longer than the window by
 * more than a word, so clearing a word that top enters never touches the window's lower end.
 */
#include "esp/replay.h"

#include <string.h>

#define WORD_BITS    64
#define ESN_LOW_MASK 0xffffffffu
#define ESN_HIGH_ONE (UINT64_C(1) << 32)

void replay_init(struct replay *r, bool esn)
{
	memset(r, 0, sizeof(*r));
	r->esn = esn;
}

bool replay_guess(const struct replay *r, uint32_t low, uint64_t *ret_seq)
{
	uint64_t high = r->top & ~(uint64_t)ESN_LOW_MASK;
	uint32_t top_low = (uint32_t)r->top;
	uint32_t bottom = top_low - (REPLAY_WINDOW - 1); /* wraps in case B, as appendix A2.2 has it */

	if (!r->esn) {
		*ret_seq = low;
		return true;
	}
	if (top_low >= REPLAY_WINDOW - 1) { /* case A: the window lies within one subspace */
		*ret_seq = (low >= bottom ? high : high + ESN_HIGH_ONE) | low;
		return low >= bottom || high + ESN_HIGH_ONE != 0;
	}
	/* Case B: the window reaches back into the subspace before. */
	if (low < bottom) {
		*ret_seq = high | low;
		return true;
	}
	if (high == 0)
		return false;
	*ret_seq = (high - ESN_HIGH_ONE) | low;
	return true;
}

static uint64_t *word_of(struct replay *r, uint64_t seq)
{
	return &r->ring[seq / WORD_BITS % REPLAY_WORDS];
}

static bool seen(const struct replay *r, uint64_t seq)
{
	return r->ring[seq / WORD_BITS % REPLAY_WORDS] >> seq % WORD_BITS & 1;
}

bool replay_check(const struct replay *r, uint64_t seq)
{
	if (seq == 0)
		return false;
	if (seq > r->top)
		return true;
	return r->top - seq < REPLAY_WINDOW && !seen(r, seq);
}

bool replay_accept(struct replay *r, uint64_t seq)
{
	if (!replay_check(r, seq))
		return false;
	if (seq > r->top) {
		uint64_t words = seq / WORD_BITS - r->top / WORD_BITS;

		for (uint64_t i = 1; i <= words && i <= REPLAY_WORDS; i++)
			r->ring[(r->top / WORD_BITS + i) % REPLAY_WORDS] = 0;
		r->top = seq;
	}
	*word_of(r, seq) |= UINT64_C(1) << seq % WORD_BITS;
	return true;
}

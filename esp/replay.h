/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The anti-replay window of one inbound SA (RFC 4303 3.4.3): 1024 packets wide, with 32-bit or extended
 * sequence numbers. Used twice per packet: replay_check before the ICV is verified (cheap, changes nothing),
 * and replay_accept after it was (the packet may have been seen in between, and only an authenticated one may
 * move the window).
 */
#ifndef CW_ESP_REPLAY_H
#define CW_ESP_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#define REPLAY_WINDOW 1024 /* packets */
#define REPLAY_WORDS  32   /* ring of 2048 bits: a power of two, above window + one word (RFC 6479) */

struct replay {
	bool esn;
	uint64_t top; /* the highest number authenticated so far; 0: none */
	uint64_t ring[REPLAY_WORDS];
};

void replay_init(struct replay *r, bool esn);
/*
 * The whole number of a packet that carries `low`: with ESN the high half is guessed by RFC 4303 appendix
 * A2.2, from the window as it stands. False when no number fits (one before the beginning).
 */
bool replay_guess(const struct replay *r, uint32_t low, uint64_t *ret_seq);
/* May this number come? False for 0, for what is behind the window and what was seen. */
bool replay_check(const struct replay *r, uint64_t seq);
/* Marks it as seen and moves the window; false, and nothing changed, when replay_check would say so. */
bool replay_accept(struct replay *r, uint64_t seq);

#endif

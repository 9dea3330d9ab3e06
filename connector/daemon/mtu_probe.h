/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The largest packet that comes back through a tunnel, found by asking (after RFC 8899, datagram PLPMTUD):
 * the failure that no ICMP tells is a tunnel that is up, carries small pings, and lets TCP hang. Each second
 * at most one round: an echo request of the size in question, and beside it a small one; only where the small
 * one is answered does silence about the large one mean its size. Pure: no clock, no socket.
 */
#ifndef CW_DAEMON_MTU_PROBE_H
#define CW_DAEMON_MTU_PROBE_H

#include "base/mtime.h"

#include <stdbool.h>
#include <stdint.h>

#define MTU_PROBE_SMALL 84 /* bytes of an IP packet: a ping */
#define MTU_PROBE_STEP  8  /* the search ends when it knows this exactly */

enum mtu_probe_state {
	MTU_PROBE_OFF,    /* not asked to */
	MTU_PROBE_CHECK,  /* does the largest size wanted, or the one found, pass? */
	MTU_PROBE_SEARCH, /* it does not: what does? */
	MTU_PROBE_REST,   /* known; looked at again now and then */
	MTU_PROBE_SILENT, /* the peer answers nothing, so nothing is known; asked again after a while */
};
const char *mtu_probe_state_name(enum mtu_probe_state s);

struct mtu_probe {
	enum mtu_probe_state state;
	uint32_t max;    /* what was computed; never exceeded */
	uint32_t result; /* what passes; 0: not known */
	uint32_t before; /* the result that a try at max may come back to; 0: none */
	/* of the question under way */
	uint32_t size, low, high; /* low passes, high does not */
	unsigned lost, unanswered;
	uint16_t round;
	bool asked, small_back;
	mtime next, raise_at;
};

struct mtu_probe_send {
	uint16_t seq;
	uint32_t size;
};

/* Begins, or begins anew when max has changed; else it does nothing. max 0: stops, and forgets. */
void mtu_probe_want(struct mtu_probe *p, uint32_t max, mtime now);
/* Called about once a second. How many packets are to be sent now (0 to 2). *ret_changed: result is another.
 */
unsigned mtu_probe_tick(struct mtu_probe *p, mtime now, struct mtu_probe_send ret_send[2], bool *ret_changed);
/* An answer came. True when result is another. */
bool mtu_probe_answer(struct mtu_probe *p, uint16_t seq, mtime now);

#endif

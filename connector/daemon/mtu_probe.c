/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rounds and what follows from them. A size is given up after three rounds in which the small packet came
 * back and the large one did not; the search halves what is left. What was found is asked after every minute
 * (a path may get narrow), and the computed size tried again every hour (it may have become wide): should
 * that fail, the last result holds again at once.
 */
#include "connector/daemon/mtu_probe.h"

#define LOST_MAX       3
#define UNANSWERED_MAX 5

static const mdur confirm_every = { 60 * (int64_t)1000000000 };
static const mdur raise_every = { 3600 * (int64_t)1000000000 };
static const mdur silent_for = { 300 * (int64_t)1000000000 };

const char *mtu_probe_state_name(enum mtu_probe_state s)
{
	switch (s) {
	case MTU_PROBE_OFF: return "off";
	case MTU_PROBE_CHECK: return "checking";
	case MTU_PROBE_SEARCH: return "searching";
	case MTU_PROBE_REST: return "known";
	case MTU_PROBE_SILENT: return "no-answer";
	}
	return "?";
}

static void ask(struct mtu_probe *p, enum mtu_probe_state state, uint32_t size, mtime now)
{
	p->state = state;
	p->size = size;
	p->lost = p->unanswered = 0;
	p->asked = p->small_back = false;
	p->next = now;
}

void mtu_probe_want(struct mtu_probe *p, uint32_t max, mtime now)
{
	uint16_t round = p->round;

	if (max == p->max)
		return;
	*p = (struct mtu_probe){ .max = max, .round = round, .next = MTIME_NEVER };
	if (max > MTU_PROBE_SMALL)
		ask(p, MTU_PROBE_CHECK, max, now);
}

static bool found(struct mtu_probe *p, uint32_t size, mtime now)
{
	bool changed = p->result != size;

	if (p->state == MTU_PROBE_SEARCH || mtime_reached(p->raise_at, now) || !p->raise_at.ns)
		p->raise_at = mtime_add(now, raise_every);
	p->result = size;
	p->before = 0;
	p->state = MTU_PROBE_REST;
	p->next = mtime_add(now, confirm_every);
	return changed;
}

static bool search(struct mtu_probe *p, mtime now)
{
	if (p->high - p->low <= MTU_PROBE_STEP)
		return found(p, p->low, now);
	ask(p, MTU_PROBE_SEARCH, (p->low + p->high) / 2, now);
	return false;
}

/* The size in question does not pass. */
static bool too_large(struct mtu_probe *p, mtime now)
{
	uint32_t before = p->before;

	if (p->state == MTU_PROBE_SEARCH) {
		p->high = p->size;
		return search(p, now);
	}
	if (before && before < p->size) { /* the try at max: as it was, and see that this still holds */
		p->result = before;
		p->before = 0;
		p->raise_at = mtime_add(now, raise_every);
		ask(p, MTU_PROBE_CHECK, before, now);
		return true;
	}
	p->low = MTU_PROBE_SMALL;
	p->high = p->size;
	p->state = MTU_PROBE_SEARCH;
	return search(p, now);
}

/* The round of before is over without an answer to its large packet. */
static bool count_loss(struct mtu_probe *p, mtime now)
{
	if (p->small_back) {
		p->unanswered = 0;
		return ++p->lost >= LOST_MAX && too_large(p, now);
	}
	if (++p->unanswered >= UNANSWERED_MAX) {
		p->state = MTU_PROBE_SILENT;
		p->next = mtime_add(now, silent_for);
	}
	return false;
}

unsigned mtu_probe_tick(struct mtu_probe *p, mtime now, struct mtu_probe_send ret_send[2], bool *ret_changed)
{
	*ret_changed = false;
	if (p->state == MTU_PROBE_OFF || !mtime_reached(p->next, now))
		return 0;
	if (p->state == MTU_PROBE_SILENT) {
		ask(p, MTU_PROBE_CHECK, p->result ? p->result : p->max, now);
	} else if (p->state == MTU_PROBE_REST && p->result < p->max && mtime_reached(p->raise_at, now)) {
		p->before = p->result;
		p->result = 0; /* the interface must have the size that is asked for */
		*ret_changed = true;
		ask(p, MTU_PROBE_CHECK, p->max, now);
		return 0;
	} else if (p->state == MTU_PROBE_REST) {
		ask(p, MTU_PROBE_CHECK, p->result, now);
	} else if (p->asked) {
		*ret_changed = count_loss(p, now);
		if (p->state != MTU_PROBE_CHECK && p->state != MTU_PROBE_SEARCH)
			return 0;
	}
	p->round++;
	p->asked = true;
	p->small_back = false;
	p->next = mtime_add(now, mdur_ms(900));
	ret_send[0] = (struct mtu_probe_send){ (uint16_t)(p->round << 1), p->size };
	ret_send[1] = (struct mtu_probe_send){ (uint16_t)(p->round << 1 | 1), MTU_PROBE_SMALL };
	return 2;
}

bool mtu_probe_answer(struct mtu_probe *p, uint16_t seq, mtime now)
{
	if (!p->asked || seq >> 1 != (p->round & 0x7fff) ||
	    (p->state != MTU_PROBE_CHECK && p->state != MTU_PROBE_SEARCH))
		return false;
	if (seq & 1) {
		p->small_back = true;
		return false;
	}
	if (p->state == MTU_PROBE_CHECK)
		return found(p, p->size, now);
	p->low = p->size;
	return search(p, now);
}

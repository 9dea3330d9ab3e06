/* SPDX-License-Identifier: Apache-2.0 */
/* From facts to a step. Read it from the top of the ladder down: each rung needs all below it. */
#include "connector/daemon/ladder.h"

const char *step_name(enum step s)
{
	switch (s) {
	case STEP_DOWN: return "down";
	case STEP_CONNECTING: return "connecting";
	case STEP_AUTHENTICATING: return "authenticating";
	case STEP_CHILD: return "child";
	case STEP_PASSING: return "passing";
	case STEP_BGP_OPEN: return "bgp-open";
	case STEP_BGP_ESTABLISHED: return "bgp-established";
	case STEP_IN_FIB: return "in-fib";
	}
	return "?";
}

static enum step below_child(enum ike_phase phase)
{
	switch (phase) {
	case IKE_PHASE_DOWN: return STEP_DOWN;
	case IKE_PHASE_CONNECTING: return STEP_CONNECTING;
	case IKE_PHASE_AUTHENTICATING:
	case IKE_PHASE_UP: return STEP_AUTHENTICATING; /* an IKE SA whose child is gone or not there yet */
	}
	return STEP_DOWN;
}

/*
 * Nothing wanted is pending any more, and something of it is in the kernel; with nothing wanted, the peer
 * must have said (or shown) that it is done.
 */
static bool installed(const struct ladder_facts *f)
{
	if (f->was_in_fib)
		return true;
	if (f->in_kernel + f->failed < f->wanted)
		return false;
	return f->in_kernel > 0 || (f->wanted == 0 && (f->complete || !f->has_bgp));
}

enum step ladder_step(const struct ladder_facts *f)
{
	if (!f->child)
		return below_child(f->ike);
	if (!f->passing)
		return STEP_CHILD;
	if (f->has_bgp && f->bgp != BGP_ESTABLISHED)
		return f->bgp == BGP_OPENSENT || f->bgp == BGP_OPENCONFIRM ? STEP_BGP_OPEN : STEP_PASSING;
	if (!installed(f))
		return f->has_bgp ? STEP_BGP_ESTABLISHED : STEP_PASSING;
	return STEP_IN_FIB;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ladder: how far a tunnel has come, as one pure function of facts. Nothing else in the daemon decides a
 * step.
 *
 *   down connecting authenticating child passing bgp-open bgp-established in-fib
 *
 * Learned routes are in the kernel only from `bgp-established` on; peer host routes and static routes from
 * `child` on. A tunnel without BGP skips the bgp steps.
 */
#ifndef CW_DAEMON_LADDER_H
#define CW_DAEMON_LADDER_H

#include "bgp/bgp.h"
#include "ike/ike.h"

#include <stdbool.h>

enum step {
	STEP_DOWN,
	STEP_CONNECTING,
	STEP_AUTHENTICATING,
	STEP_CHILD,
	STEP_PASSING,
	STEP_BGP_OPEN,
	STEP_BGP_ESTABLISHED,
	STEP_IN_FIB,
};

struct ladder_facts {
	enum ike_phase ike;
	bool child;   /* both directions of a child SA are installed */
	bool passing; /* an authenticated ESP packet arrived on it or on its predecessor */
	bool has_bgp;
	enum bgp_state bgp;
	unsigned wanted; /* routes that should be in the kernel because of this tunnel: learned, or static */
	unsigned in_kernel; /* of these, the ones that are */
	unsigned failed;    /* of these, the ones that can't be (a foreign route in the way, say); they hold
	                       nothing up */
	bool complete;      /* the peer has sent End-of-RIB, or has been quiet for LADDER_QUIET */
	bool was_in_fib;    /* since the session (or, without BGP, the child) came up: churn does not take the
	                       step back */
};

#define LADDER_QUIET mdur_s(2)

enum step ladder_step(const struct ladder_facts *f);
const char *step_name(enum step s);

#endif

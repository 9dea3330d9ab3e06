/* SPDX-License-Identifier: Apache-2.0 */
/* Applying policy (policy.h) to a route: pure, and for the files of this folder. */
#ifndef CW_BGP_POLICY_APPLY_H
#define CW_BGP_POLICY_APPLY_H

#include "bgp/attr.h"
#include "bgp/policy.h"

struct policy_context {
	bool import;
	uint32_t own_as, peer_as; /* of the session */
	const char *from;         /* the name of the peer that taught it; NULL: our own */
};
/* Room for changed attributes; one for each speaker, reused by each call. */
#define POLICY_ROOM (1u << 19)
struct policy_room {
	uint8_t buf[POLICY_ROOM];
};
struct policy_result {
	bool accepted;
	const char *policy, *rule; /* what decided, borrowed from the policy; rule NULL: `otherwise`; both
	                              NULL: the chain's end */
	bool no_room;              /* refused, since the changes have no room */
	bool changed;              /* attrs differ from what went in */
	bool med_given;            /* the MED is policy's: it is sent to an external peer too */
	enum bgp_policy_nexthop nexthop_how;
	struct attrs attrs; /* points into what went in and into the room, until the next call */
};
void policy_apply(const struct bgp_policy_chain *chain, const struct prefix *prefix, const struct attrs *in,
    const struct policy_context *ctx, struct policy_room *room, struct policy_result *ret_result);
/* "rule NAME of policy NAME", or what stands for it. */
void policy_result_text(
    const struct bgp_policy_chain *chain, const struct policy_result *r, char *buf, size_t cap);

#endif

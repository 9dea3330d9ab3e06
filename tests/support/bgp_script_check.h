/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a script that runs (bgp_script.c), and what must hold when it has ended (bgp_script_check.c).
 */
#ifndef CW_TESTS_SUPPORT_BGP_SCRIPT_CHECK_H
#define CW_TESTS_SUPPORT_BGP_SCRIPT_CHECK_H

#include "tests/support/bgp_net.h"

#define SCRIPT_ENDS 4 /* a to b, b to a; a to c, c to a */

struct script {
	struct bnet *net;
	uint8_t terms[4];
	uint32_t as[3];
	unsigned peer_of[SCRIPT_ENDS]; /* the node at the other end */
	struct end {
		struct bnet_node *node;
		uint32_t peer; /* its id there */
		bool there;
		struct bgp_peer_config config;
	} end[SCRIPT_ENDS];
	struct bgp_policy *policy[2];
};

void script_policies(struct script *s);
void script_policies_put(struct script *s);
/* Every session comes to stand and then rests; what both sides say agrees. */
void script_check(struct script *s);
/* After the peers are gone: so are their routes, and with the networks everything. */
void script_check_empty(struct script *s);

#endif

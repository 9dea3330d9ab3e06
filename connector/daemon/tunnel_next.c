/* SPDX-License-Identifier: Apache-2.0 */
/* What a tunnel waits for, in words, for `status` and `explain`. */
#include "connector/daemon/tunnel.h"

#include "connector/daemon/bgp_command.h"
#include "connector/daemon/demand.h"
#include "connector/daemon/domain.h"
#include "connector/sys/clock.h"

#include <stdlib.h>

static void next_when_down(const struct tunnel *t, struct reason *ret_next)
{
	struct ike_conn_view *v = calloc(1, sizeof(*v));

	if (!t->admin_up)
		reason_set(ret_next, "next-admin-down",
		    "it is down by command; `causeway tunnel up %s` starts it", t->name);
	else if (t->cfg->n_remote && !t->remotes.n)
		reason_set(ret_next, "next-name", "waiting for an address of %s", t->cfg->remote_name[0]);
	else if (demand_resting(t))
		reason_set(ret_next, "next-packet-out",
		    "at rest; a packet to one of its trigger routes brings it up (start on-demand)");
	else if (t->cfg->role == CFG_ROLE_RESPOND)
		reason_set(ret_next, "next-peer-initiates", "waiting for the peer to connect (role respond)");
	else if (v && !ike_conn_view(t->domain->ike, t->id, v) && !mtime_is_never(v->next_attempt) &&
	         v->next_attempt.ns)
		reason_set(ret_next, "next-retry", "the next attempt starts in %lld s",
		    (long long)mdur_to_s(mtime_since(v->next_attempt, clock_now())) + 1);
	free(v);
}

void tunnel_next(const struct tunnel *t, struct reason *ret_next)
{
	const char *remote = t->remotes.n ? addr_str(&t->remotes.addr[0]) : "any";
	const struct cfg_bgp *b = &t->cfg->bgp;

	reason_clear(ret_next);
	switch (t->step) {
	case STEP_DOWN: next_when_down(t, ret_next); break;
	case STEP_CONNECTING:
		reason_set(ret_next, "next-ike-answer",
		    "waiting for an IKE answer from %s (UDP 500 and 4500)", remote);
		break;
	case STEP_AUTHENTICATING:
		reason_set(ret_next, "next-ike-auth", "exchanging identities and keys with %s", remote);
		break;
	case STEP_CHILD:
		reason_set(ret_next, "next-packet",
		    "the SAs are installed; waiting for the first packet out of the tunnel%s%s",
		    t->cfg->have_bgp ? ", normally BGP from " : "",
		    t->cfg->have_bgp ? addr_str(&b->peer) : "");
		break;
	case STEP_PASSING:
		if (t->cfg->have_bgp && bgp_command_is_down(t->domain, t->name))
			reason_set(ret_next, "next-bgp-up",
			    "BGP is down by command; `causeway bgp up %s` starts it", t->name);
		else if (t->cfg->have_bgp)
			reason_set(ret_next, "next-bgp-open",
			    "waiting for a BGP session with %s: is the peer's BGP on, with AS %u for "
			    "us and our address %s?",
			    addr_str(&b->peer), t->ref->cfg->as, addr_str(&b->local));
		else
			reason_set(
			    ret_next, "next-routes", "waiting for the static routes to enter the kernel");
		break;
	case STEP_BGP_OPEN:
		reason_set(
		    ret_next, "next-bgp-established", "BGP is negotiating with %s", addr_str(&b->peer));
		break;
	case STEP_BGP_ESTABLISHED:
		reason_set(ret_next, "next-in-fib",
		    "waiting for the learned routes to enter the kernel (%u of %u)", t->facts.in_kernel,
		    t->facts.wanted);
		break;
	case STEP_IN_FIB: break;
	}
}

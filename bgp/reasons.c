/* SPDX-License-Identifier: Apache-2.0 */
/* The words for each refusal, either way; what `explain` and `bgp routes --rejected` print. One place. */
#include "bgp/core.h"

#include <stdio.h>

static void claimed_text(
    const struct ptrie *networks, const struct dest *d, const char *what, char *buf, size_t cap)
{
	struct prefix p = dest_prefix(d), by = p;

	ptrie_covering(networks, &p, &by);
	snprintf(buf, cap, "refused: equals or lies inside %s, %s", prefix_str(&by), what);
}

/* Who refuses is found by asking again: nothing is kept of it with a route. */
static void policy_text(
    const struct peer *p, const struct dest *d, struct attr_set *set, char *buf, size_t cap)
{
	struct prefix prefix = dest_prefix(d);
	struct policy_result result;
	char who[200];

	import_policy(p, &prefix, &attr_set_received(set)->a, &result);
	policy_result_text(&p->config.policy.import, &result, who, sizeof(who));
	if (result.accepted)
		snprintf(buf, cap, "refused: by the policy before; it waits to be judged anew");
	else
		snprintf(buf, cap, "refused: by import policy, %s", who);
}

void refusal_text(const struct bgp *bgp, const struct dest *d, const struct route *r, char *buf, size_t cap)
{
	const struct peer *p = route_peer(bgp, r);
	struct attr_set *set = route_attrs(bgp, r);
	uint32_t first = 0;

	switch ((enum refusal)r->refusal) {
	case REFUSE_NONE: snprintf(buf, cap, "accepted"); break;
	case REFUSE_MALFORMED: {
		const struct fault_info *info = fault_info((enum fault)r->detail);

		snprintf(buf, cap, "refused: %s; treated as withdrawn (%s)", info->text, info->rfc);
		break;
	}
	case REFUSE_DEFAULT:
		snprintf(buf, cap, "refused: a default route, and accept-default is not set");
		break;
	case REFUSE_MARTIAN:
		snprintf(buf, cap, "refused: never routed (loopback, link-local, multicast or reserved)");
		break;
	case REFUSE_ANNOUNCED:
		claimed_text(p->bgp->announced, d, "which we announce ourselves", buf, cap);
		break;
	case REFUSE_CONNECTED:
		claimed_text(p->bgp->connected, d, "which is connected to us", buf, cap);
		break;
	case REFUSE_AS_LOOP:
		snprintf(buf, cap, "refused: our own AS %u is in the AS path", peer_local_as(p));
		break;
	case REFUSE_FIRST_AS:
		(void)as_path_first(set->a.as_path, &first);
		snprintf(buf, cap, "refused: the AS path begins with %u, not with the peer's AS %u", first,
		    p->config.peer_as);
		break;
	case REFUSE_ORIGINATOR: snprintf(buf, cap, "refused: ORIGINATOR_ID is our own router id"); break;
	case REFUSE_CLUSTER:
		snprintf(buf, cap,
		    "refused: our own cluster id is in CLUSTER_LIST: it was reflected by us before");
		break;
	case REFUSE_NEXTHOP:
		snprintf(buf, cap, "refused: next hop %s is no host's address", addr_str(&set->a.nexthop));
		break;
	case REFUSE_NEXTHOP_OURS: snprintf(buf, cap, "refused: the next hop is our own address"); break;
	case REFUSE_POLICY: policy_text(p, d, set, buf, cap); break;
	case REFUSE_LIMIT:
		snprintf(buf, cap,
		    "refused: more than the %u prefixes that max-prefixes allows (max-prefixes-action is "
		    "discard)",
		    p->config.max_prefixes);
		break;
	case REFUSE_LEAK:
		snprintf(buf, cap,
		    "refused: a route leak: its OTC attribute says that it may only go to customers (RFC "
		    "9234)");
		break;
	case REFUSE_DAMPED: {
		struct prefix prefix = dest_prefix(d);

		damping_text(p, &prefix, buf, cap);
		break;
	}
	case REFUSE_MEMORY: snprintf(buf, cap, "refused: no memory to apply import policy"); break;
	}
}

static const char *verdict_words(enum verdict v)
{
	switch (v) {
	case EXPORT_OK: return "announced";
	case EXPORT_NO_ROUTE: return "no route in use";
	case EXPORT_FAMILY: return "the session does not carry this address family";
	case EXPORT_ITS_OWN: return "learned from this peer";
	case EXPORT_SITE_TO_SITE: return "learned from a site; a site is never told what a site taught us";
	case EXPORT_NOT_NAMED: return "learned from a LAN peer that announce-from does not name";
	case EXPORT_NO_TRANSIT: return "learned from a LAN peer, and this one has no transit";
	case EXPORT_IBGP:
		return "learned over iBGP, this peer is internal too, and neither is a route reflector's "
		       "client";
	case EXPORT_NO_ADVERTISE: return "carries the community NO_ADVERTISE";
	case EXPORT_NO_EXPORT: return "carries the community NO_EXPORT";
	case EXPORT_AS_IN_PATH: return "the peer's AS is in the AS path";
	case EXPORT_DEFAULT: return "a learned default route";
	case EXPORT_MARTIAN: return "never routed (loopback, link-local, multicast or reserved)";
	case EXPORT_NEXTHOP: return "we have no address of this family to be the next hop";
	case EXPORT_PARTS: return "an aggregate, and none of its parts may be told to this peer";
	case EXPORT_SUMMARY: return "a part of an aggregate that is told instead (summary-only)";
	case EXPORT_LIMIT: return "bgp-out-limit: it waits for room within max-prefixes-out";
	case EXPORT_ROLE: return "its OTC attribute says that it may only go to customers (RFC 9234)";
	case EXPORT_POLICY: return "refused by export policy";
	case EXPORT_TOO_LONG:
		return "with what is added for this peer its attributes are too long for a message";
	case EXPORT_MEMORY: return "out of memory";
	}
	return "";
}

void verdict_text(enum verdict v, const struct peer *p, const struct loc_route *d, char *buf, size_t cap)
{
	struct policy_result result;
	char who[200];

	if (v != EXPORT_POLICY) {
		snprintf(buf, cap, "%s", verdict_words(v));
		return;
	}
	export_policy(p, d, &result);
	policy_result_text(&p->config.policy.export, &result, who, sizeof(who));
	snprintf(buf, cap, "refused by export policy, %s", who);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Import policy: may a received route be used? A pure judgement over the route, the peer and what we announce
 * and are connected to. A refused route stays in Adj-RIB-In with its reason, and is judged again when those
 * facts change.
 *
 * Private space, documentation space and shared space pass, and so do prefixes that cover ours: only what
 * equals our own networks or lies inside them could steal traffic that is ours. A router of our own LAN may
 * well teach us parts of what we announce: it is where they are.
 *
 * Policy comes after these rules: it refuses more and changes attributes, and lets in nothing that they
 * refuse.
 */
#include "bgp/core.h"

/* Never routed. RFC 6890; the IPv6 rows are ::/16 (unspecified, loopback, mapped), fe80::/10 and ff00::/8. */
static const struct prefix martians[] = {
	{ { 4, { 0 } }, 8 },
	{ { 4, { 127 } }, 8 },
	{ { 4, { 169, 254 } }, 16 },
	{ { 4, { 224 } }, 3 },
	{ { 6, { 0 } }, 16 },
	{ { 6, { 0xfe, 0x80 } }, 10 },
	{ { 6, { 0xff } }, 8 },
};

bool prefix_is_martian(const struct prefix *p)
{
	for (unsigned i = 0; i < sizeof(martians) / sizeof(martians[0]); i++)
		if (prefix_contains(&martians[i], p))
			return true;
	return false;
}

int bgp_announce_check(const struct prefix *p, struct reason *ret_reason)
{
	struct prefix c = prefix_canonical(*p);

	if ((p->addr.family != 4 && p->addr.family != 6) || p->len > addr_bits(&p->addr))
		return reason_set(ret_reason, "announce-invalid", "this is no prefix");
	if (!prefix_eq(&c, p))
		return reason_set(ret_reason, "announce-host-bits",
		    "%s has bits behind its length: %s is the network", prefix_str(p), prefix_str(&c));
	if (p->len == 0)
		return reason_set(ret_reason, "announce-default",
		    "%s is the default route: all traffic of the far side would come here. Only the "
		    "configuration may say "
		    "so",
		    prefix_str(p));
	if (prefix_is_martian(p))
		return reason_set(ret_reason, "announce-martian",
		    "%s is never routed (RFC 6890: this host, loopback, link-local, multicast or reserved)",
		    prefix_str(p));
	return 0;
}

/* Does p equal or lie inside one of these? A default route among them claims nothing but itself. */
static bool claimed(const struct ptrie *networks, const struct prefix *p)
{
	struct prefix found;

	return ptrie_covering(networks, p, &found) && (found.len > 0 || p->len == 0);
}

/* RFC 4271 5.1.3, without the checks that ask for a shared subnet: peers may be several hops away. */
static enum refusal judge_nexthop(const struct peer *p, const struct addr *nh)
{
	static const struct prefix never[] = {
		{ { 4, { 0 } }, 8 },
		{ { 4, { 127 } }, 8 },
		{ { 4, { 224 } }, 3 },
		{ { 6, { 0 } }, 127 }, /* unspecified and loopback */
		{ { 6, { 0xff } }, 8 },
	};

	if (addr_is_none(nh))
		return REFUSE_NEXTHOP;
	for (unsigned i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (prefix_contains_addr(&never[i], nh))
			return REFUSE_NEXTHOP;
	if (addr_eq(nh, &p->config.local) || addr_eq(nh, &p->config.nexthop_v6) ||
	    addr_eq(nh, &p->config.nexthop_v4))
		return REFUSE_NEXTHOP_OURS;
	return REFUSE_NONE;
}

static bool in_cluster_list(struct bytes list, uint32_t cluster)
{
	struct rd r = rd_init(list.p, list.len);

	while (rd_left(&r))
		if (rd_u32(&r) == cluster)
			return true;
	return false;
}

static enum refusal judge_path(const struct peer *p, const struct attrs *a)
{
	const struct bgp *bgp = p->bgp;
	uint32_t first;

	if (as_path_count(a->as_path, bgp->config.as) > p->config.policy.allow_own_as ||
	    as_path_count(a->as_path, peer_local_as(p)) > p->config.policy.allow_own_as)
		return REFUSE_AS_LOOP;
	if (peer_internal(p)) {
		if (a->have_originator && a->originator_id == bgp->config.router_id)
			return REFUSE_ORIGINATOR;
		return in_cluster_list(a->cluster_list, bgp->config.cluster_id) ? REFUSE_CLUSTER
		                                                                : REFUSE_NONE;
	}
	/* RFC 4271 6.3: an external peer's path begins with the peer. */
	return as_path_first(a->as_path, &first) && first == p->config.peer_as ? REFUSE_NONE
	                                                                       : REFUSE_FIRST_AS;
}

enum refusal import_judge(const struct peer *p, const struct prefix *prefix, const struct attrs *a)
{
	enum refusal r;

	if (prefix->len == 0 && !p->config.accept_default)
		return REFUSE_DEFAULT;
	if (prefix->len != 0 && prefix_is_martian(prefix))
		return REFUSE_MARTIAN;
	if (p->config.kind == BGP_PEER_LAN ? ptrie_get(p->bgp->announced, prefix) != NULL
	                                   : claimed(p->bgp->announced, prefix))
		return REFUSE_ANNOUNCED;
	if (claimed(p->bgp->connected, prefix))
		return REFUSE_CONNECTED;
	r = judge_path(p, a);
	if (r == REFUSE_NONE && role_leaks_in(p, a))
		r = REFUSE_LEAK;
	return r != REFUSE_NONE ? r : judge_nexthop(p, &a->nexthop);
}

void import_policy(const struct peer *p, const struct prefix *prefix, const struct attrs *a,
    struct policy_result *ret_result)
{
	struct policy_context ctx = { .import = true,
		.own_as = peer_local_as(p),
		.peer_as = p->config.peer_as,
		.from = p->config.name };

	policy_apply(&p->config.policy.import, prefix, a, &ctx, p->bgp->room, ret_result);
}

/*
 * RFC 8326: an external router is about to be taken out of service and asks for its routes to be the last
 * choice. Before policy, which may think otherwise.
 */
static bool shuts_down(const struct peer *p, const struct attrs *a)
{
	struct rd r = rd_init(a->communities.p, a->communities.len);

	if (peer_internal(p))
		return false;
	while (rd_left(&r))
		if (rd_u32(&r) == BGP_COMM_GRACEFUL_SHUTDOWN)
			return true;
	return false;
}

/* What policy and role make of a route that the safety rules let in. */
static enum refusal change(
    struct peer *p, const struct prefix *prefix, struct attr_set *received, struct attr_set **ret_used)
{
	enum refusal r = REFUSE_NONE;
	const struct attrs *in = &received->a;
	struct attr_set *used = NULL;
	struct policy_result result;
	struct attrs shut, marked;

	if (shuts_down(p, in)) {
		shut = *in;
		shut.have_local_pref = true;
		shut.local_pref = 0;
		in = &shut;
	}
	if (p->config.policy.import.n) {
		import_policy(p, prefix, in, &result);
		if (!result.accepted)
			r = REFUSE_POLICY;
		else if (result.changed)
			in = &result.attrs;
	}
	if (r == REFUSE_NONE && role_marks_in(p, in)) {
		if (role_mark_in(p, in, &marked) < 0)
			r = REFUSE_MEMORY;
		in = &marked;
	}
	if (r == REFUSE_NONE && in != &received->a && !(used = attr_set_derive(&p->bgp->sets, in, received)))
		r = REFUSE_MEMORY;
	*ret_used = used ? used : attr_set_ref(received);
	return r;
}

enum refusal import_apply(struct peer *p, const struct prefix *prefix, struct attr_set *received,
    struct import_memo *memo, struct attr_set **ret_used)
{
	enum refusal r = import_judge(p, prefix, &received->a);

	if (r != REFUSE_NONE) {
		*ret_used = attr_set_ref(received);
		return r;
	}
	if (memo && memo->used) {
		*ret_used = attr_set_ref(memo->used);
		return memo->refusal;
	}
	r = change(p, prefix, received, ret_used);
	if (memo && !bgp_policy_chain_by_route(&p->config.policy.import))
		*memo = (struct import_memo){ .refusal = r, .used = attr_set_ref(*ret_used) };
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Export policy: what a peer is told of a destination, and with which attributes. Both are pure over the
 * RIBs.
 *
 * Who hears what: everybody our announced networks; LAN peers what the sites teach us, and what other LAN
 * peers do only with `transit`; a site what those LAN peers teach us that it names; a site never what a site
 * taught us. On top of that the rules of the protocol: the best path only, never back to where it came from,
 * no iBGP route to iBGP but where one of the two is a reflector's client (RFC 4271 9.2, RFC 4456), the
 * well-known communities (RFC 1997), no path that already has the peer's AS in it (it would drop it). Learned
 * default routes and martians are never told.
 *
 * What these rules let pass is export policy's to refuse or to change. It sees a route as we use it, before
 * our own AS and next hop are put in.
 *
 * Unless policy says otherwise, the next hop is always ourselves (RFC 4271 5.1.3 lets us, inside an AS too):
 * peers could not reach the other end of our tunnels by themselves. MED and LOCAL_PREF of a neighbour stay
 * here (5.1.4, 5.1.5).
 */
#include "bgp/core.h"

#include <string.h>

#define OTHER_HEAD_LEN 4 /* of an attribute in attrs.other */

static enum bgp_family family_of(const struct loc_route *d)
{
	return prefix_family(&d->prefix);
}

static bool names(const struct peer *to, uint32_t from)
{
	for (unsigned i = 0; i < to->config.n_announce_from; i++)
		if (to->config.announce_from[i] == from)
			return true;
	return false;
}

/* RFC 4456 6: what a client taught goes to all internal peers, what another one did to the clients. */
static bool reflects(const struct peer *to, const struct peer *from)
{
	return peer_internal(to) && peer_internal(from) &&
	       (to->config.rib.reflector_client || from->config.rib.reflector_client);
}

static enum verdict judge_kinds(const struct peer *to, const struct peer *from)
{
	switch (to->config.kind) {
	case BGP_PEER_SITE:
		if (from->config.kind == BGP_PEER_SITE)
			return EXPORT_SITE_TO_SITE;
		return names(to, from->id) ? EXPORT_OK : EXPORT_NOT_NAMED;
	case BGP_PEER_LAN:
		return from->config.kind == BGP_PEER_SITE || to->config.transit || reflects(to, from)
		           ? EXPORT_OK
		           : EXPORT_NO_TRANSIT;
	}
	return EXPORT_NOT_NAMED;
}

static enum verdict judge_communities(const struct peer *to, const struct attrs *a)
{
	struct rd r = rd_init(a->communities.p, a->communities.len);
	enum verdict v = EXPORT_OK;

	while (rd_left(&r)) {
		uint32_t c = rd_u32(&r);

		if (c == BGP_COMM_NO_ADVERTISE)
			return EXPORT_NO_ADVERTISE;
		if ((c == BGP_COMM_NO_EXPORT || c == BGP_COMM_NO_EXPORT_SUBCONFED) && !peer_internal(to))
			v = EXPORT_NO_EXPORT;
	}
	return v;
}

enum verdict export_between(const struct peer *to, const struct peer *from)
{
	if (from == to)
		return EXPORT_ITS_OWN;
	if (peer_internal(to) && peer_internal(from) && !reflects(to, from))
		return EXPORT_IBGP;
	return judge_kinds(to, from);
}

static enum verdict judge_learned(const struct peer *to, const struct loc_route *d)
{
	const struct attrs *a = &d->attrs->a;
	enum verdict v = export_between(to, d->from);

	if (v != EXPORT_OK)
		return v;
	if (d->prefix.len == 0)
		return EXPORT_DEFAULT;
	if (prefix_is_martian(&d->prefix))
		return EXPORT_MARTIAN;
	if (!peer_internal(to) && !to->config.policy.as_override &&
	    as_path_contains(a->as_path, to->config.peer_as))
		return EXPORT_AS_IN_PATH;
	if (role_leaks_out(to, a))
		return EXPORT_ROLE;
	return judge_communities(to, a);
}

/* What we are to the peer, for this family; none when we have no address that says it. */
static struct addr nexthop_self(const struct peer *p, enum bgp_family family)
{
	const struct session *s = peer_session(p, SESSION_ESTABLISHED);
	struct addr a = addr_is_none(&p->config.local) && s ? s->local : p->config.local;
	struct addr mapped = { .family = 6, .b = { [10] = 0xff, [11] = 0xff } };

	if (family == BGP_IPV4)
		return a.family == 4 ? a : p->config.nexthop_v4;
	if (!addr_is_none(&p->config.nexthop_v6))
		return p->config.nexthop_v6;
	if (a.family == 6)
		return a;
	memcpy(&mapped.b[12], a.b, 4);
	return mapped;
}

static enum verdict judge_rules(const struct peer *p, const struct loc_route *d)
{
	const struct session *s = peer_session(p, SESSION_ESTABLISHED);
	struct addr nh = nexthop_self(p, family_of(d));
	enum verdict v;

	if (!s || !s->terms.family[family_of(d)])
		return EXPORT_FAMILY;
	if (addr_is_none(&nh))
		return EXPORT_NEXTHOP;
	if (d->announced)
		v = ptrie_get(p->bgp->announced, &d->prefix) ? EXPORT_OK : aggregate_judge(p, d);
	else
		v = d->attrs ? judge_learned(p, d) : EXPORT_NO_ROUTE;
	return v == EXPORT_OK && aggregate_hides(p, &d->prefix) ? EXPORT_SUMMARY : v;
}

void export_policy(const struct peer *p, const struct loc_route *d, struct policy_result *ret_result)
{
	struct policy_context ctx = { .own_as = peer_local_as(p),
		.peer_as = p->config.peer_as,
		.from = d->from ? d->from->config.name : NULL };

	policy_apply(&p->config.policy.export, &d->prefix, &d->attrs->a, &ctx, p->bgp->room, ret_result);
}

enum verdict export_judge(const struct peer *p, const struct loc_route *d)
{
	enum verdict v = judge_rules(p, d);
	struct policy_result r;

	if (v != EXPORT_OK || !p->config.policy.export.n)
		return v;
	export_policy(p, d, &r);
	return r.accepted ? EXPORT_OK : EXPORT_POLICY;
}

/* One attribute of extended communities without those that stay inside an AS (RFC 4360 6, RFC 5701 2). */
static void write_transitive(struct wr *w, uint8_t type, uint8_t flags, struct rd value, size_t unit)
{
	size_t mark, start;
	uint8_t one[20];

	wr_u8(w, type);
	wr_u8(w, flags);
	mark = wr_mark_u16(w);
	start = wr_len(w);
	while (rd_left(&value) >= unit) {
		rd_bytes(&value, one, unit);
		if (!(one[0] & BGP_EXT_COMM_NON_TRANSITIVE))
			wr_bytes(w, one, unit);
	}
	wr_patch_u16(w, mark, wr_len(w) - start);
}

/* What travels on to another AS. An attribute that nothing is left of goes nowhere. */
static void leave_as(struct bytes other, struct wr *out)
{
	struct rd r = rd_init(other.p, other.len);
	struct attr_other o;

	while (attr_other_next(&r, &o)) {
		struct wr was = *out;
		size_t start = wr_len(out), unit = o.type == BGP_ATTR_EXT_COMMUNITIES ? 8
		                                   : o.type == BGP_ATTR_IPV6_EXT_COMM ? 20
		                                                                      : 0;

		if (unit) {
			write_transitive(out, o.type, o.flags, o.value, unit);
			if (wr_len(out) - start <= OTHER_HEAD_LEN)
				*out = was; /* nothing left of it */
		} else {
			wr_u8(out, o.type);
			wr_u8(out, o.flags);
			wr_u16(out, (uint16_t)rd_left(&o.value));
			wr_bytes(out, o.value.p, rd_left(&o.value));
		}
	}
}

/* The path as an external peer is to see it, written to w. */
static void translate_path(const struct peer *p, struct bytes path, struct wr *w)
{
	const struct bgp_peer_policy *policy = &p->config.policy;
	uint8_t public[AS_PATH_BYTES_MAX], own[AS_PATH_BYTES_MAX];
	struct wr out = wr_init(public, sizeof(public)), over = wr_init(own, sizeof(own));

	if (policy->remove_private_as) {
		as_path_without_private(path, &out);
		path = (struct bytes){ public, wr_len(&out) };
	}
	if (policy->as_override) {
		as_path_replace(path, p->config.peer_as, peer_local_as(p), &over);
		path = (struct bytes){ own, wr_len(&over) };
	}
	as_path_prepend(path, peer_local_as(p), w);
	w->bad |= out.bad || over.bad;
}

static struct addr translate_nexthop(
    const struct peer *p, const struct peer *from, const struct policy_result *in, enum bgp_family family)
{
	bool reflected = from && reflects(p, from);
	uint8_t want = family == BGP_IPV4 ? 4 : 6;

	switch (in->nexthop_how) {
	case BGP_NEXTHOP_UNCHANGED:
	case BGP_NEXTHOP_ADDRESS:
		if (in->attrs.nexthop.family == want)
			return in->attrs.nexthop;
		break;
	case BGP_NEXTHOP_KEEP:
		/* A reflector leaves it alone (RFC 4456 10); but the far end of a tunnel is ours alone to
		 * reach. */
		if (reflected && from->config.kind == BGP_PEER_LAN && in->attrs.nexthop.family == want)
			return in->attrs.nexthop;
		break;
	case BGP_NEXTHOP_SELF: break;
	}
	return nexthop_self(p, family);
}

/* RFC 4456 8: who brought it into the AS, and that it came by us. */
static void reflect(const struct bgp *bgp, const struct peer *from, struct attrs *a, struct wr *w)
{
	if (!a->have_originator) {
		a->have_originator = true;
		a->originator_id = from->remote_router_id;
	}
	wr_u32(w, bgp->config.cluster_id);
	wr_bytes(w, a->cluster_list.p, a->cluster_list.len);
	a->cluster_list = (struct bytes){ w->start, wr_len(w) };
	a->cluster_len = (uint16_t)(a->cluster_list.len / sizeof(uint32_t));
}

/* What policy left, as this peer is to see it. */
static enum verdict translate(struct peer *p, const struct peer *from, const struct policy_result *in,
    enum bgp_family family, struct attr_set **ret_set)
{
	struct attr_scratch *room = p->bgp->scratch; /* no UPDATE is being read while we write */
	struct wr w = wr_init(room->merged, sizeof(room->merged)),
	          left = wr_init(room->other, sizeof(room->other)),
	          cluster = wr_init(room->path4, sizeof(room->path4));
	struct attrs a = in->attrs;

	a.nexthop = translate_nexthop(p, from, in, family);
	a.weight = 0;
	if (from && reflects(p, from)) {
		reflect(p->bgp, from, &a, &cluster);
		if (!wr_ok(&cluster))
			return EXPORT_TOO_LONG;
	} else {
		a.have_originator = false;
		a.originator_id = 0;
		a.cluster_len = 0;
		a.cluster_list = (struct bytes){ 0 };
	}
	if (!peer_internal(p)) {
		translate_path(p, in->attrs.as_path, &w);
		a.as_path = (struct bytes){ room->merged, wr_len(&w) };
		leave_as(in->attrs.other, &left);
		role_mark_out(p, &in->attrs, &left);
		a.other = (struct bytes){ room->other, wr_len(&left) };
		a.have_local_pref = false;
		a.local_pref = 0;
		if (!in->med_given) {
			a.have_med = false;
			a.med = 0;
		}
		if (!wr_ok(&w) || !wr_ok(&left))
			return EXPORT_TOO_LONG;
	}
	*ret_set = attr_set_get(&p->bgp->sets, &a);
	return *ret_set ? EXPORT_OK : EXPORT_MEMORY;
}

enum verdict export_attrs(struct peer *p, const struct loc_route *d, struct attr_set **ret_set)
{
	enum verdict v = judge_rules(p, d);
	struct adj_rib_out *out = &p->out;
	struct policy_result r = { 0 };
	uint32_t originator = d->from && reflects(p, d->from) ? d->from->remote_router_id : 0;
	struct attr_set *in, *set;

	if (v != EXPORT_OK)
		return v;
	in = d->attrs;
	r.attrs = in->a;
	if (p->config.policy.export.n) {
		export_policy(p, d, &r);
		if (!r.accepted)
			return EXPORT_POLICY;
	}
	if (out->cache_in != in || out->cache_family != family_of(d) || out->cache_originator != originator ||
	    bgp_policy_chain_by_route(&p->config.policy.export)) {
		v = translate(p, d->from, &r, family_of(d), &set);
		if (v != EXPORT_OK)
			return v;
		attr_set_put(&p->bgp->sets, out->cache_in);
		attr_set_put(&p->bgp->sets, out->cache_out);
		out->cache_in = attr_set_ref(in);
		out->cache_out = set;
		out->cache_family = family_of(d);
		out->cache_originator = originator;
	}
	*ret_set = attr_set_ref(out->cache_out);
	return EXPORT_OK;
}

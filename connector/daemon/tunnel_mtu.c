/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing adds the outer headers, the SA's IV, padding and ICV (RFC 4303 2), all known once the SA is; how
 * long the outer packet may be, the way to the peer tells: its interface, and what routers have said (path
 * MTU discovery, RFC 1191, RFC 8201: outer packets carry DF). Looked at when an SA is installed, when the FIB
 * writer reports another way, and once a second while packets leave. The clamp takes its figures from the MTU
 * in force, and follows with the next pump.
 */
#include "connector/daemon/tunnel_mtu.h"

#include "connector/daemon/domain.h"
#include "connector/sys/clock.h"
#include "connector/sys/link.h"
#include "connector/sys/rtnl.h"
#include "esp/sa.h"

#define IPV4_MTU_MIN 576
#define IPV6_MTU_MIN 1280

uint32_t tunnel_mtu_choose(uint32_t configured, uint32_t possible, bool ipv6_inside)
{
	uint32_t floor = ipv6_inside ? IPV6_MTU_MIN : IPV4_MTU_MIN;

	if (!possible || possible >= configured)
		return configured;
	if (possible >= floor)
		return possible;
	return floor < configured ? floor : configured;
}

static bool ipv6_inside(const struct cfg_tunnel *cfg)
{
	for (unsigned i = 0; i < cfg->n_inside; i++)
		if (cfg->inside[i].addr.family == 6)
			return true;
	return false;
}

/* Of the way that the kernel would take to the peer: what its interface carries, or less where a router has
 * said so (ICMP, kept by the kernel for its sysctl mtu_expires) or the route does. 0: no way to it now. */
static uint32_t outer_mtu(const struct tunnel *t, int *ret_ifindex, bool *ret_learned)
{
	struct rtnl_route r;
	uint32_t mtu;

	*ret_learned = false;
	if (rtnl_lookup(t->domain->rtnl, &t->sealed.remote, &r) || !r.n_ways || !r.way[0].ifindex)
		return 0;
	*ret_ifindex = r.way[0].ifindex;
	mtu = link_mtu(&t->domain->sys, r.way[0].ifindex);
	*ret_learned = r.mtu && r.mtu < mtu;
	return *ret_learned ? r.mtu : mtu;
}

static void set_mtu(struct tunnel *t, uint32_t mtu)
{
	struct reason why = { 0 };

	if (mtu == t->mtu)
		return;
	if (link_set_mtu(&t->domain->sys, t->ifindex, mtu, &why)) {
		log_error(t->domain->log, t->name, "%s: %s", why.id, why.text);
		return;
	}
	t->mtu = mtu;
}

/* What was computed, or what a probe for just that found. */
static uint32_t in_force(const struct tunnel *t)
{
	uint32_t passes = t->probe.max == t->mtu_computed ? t->probe.result : 0;

	return tunnel_mtu_choose(t->mtu_computed, passes, ipv6_inside(t->cfg));
}

static void say(const struct tunnel *t, int ifindex, bool learned)
{
	char name[IFNAMSIZ] = "?";

	(void)link_name(&t->domain->sys, ifindex, name);
	if (learned)
		log_warn(t->domain->log, t->name,
		    "path-mtu: a router on the way to %s carries no more than %u bytes; %u fit when sealed. "
		    "The interface "
		    "%s has MTU %u now, and TCP is held to that",
		    addr_str(&t->sealed.remote), t->mtu_outer, t->mtu_possible, t->interface, t->mtu);
	else
		log_warn(t->domain->log, t->name,
		    "mtu-too-large: packets of %u bytes (mtu of the configuration or profile) become too "
		    "long for %s "
		    "(%u) when sealed; %u fit. "
		    "The interface %s has MTU %u now, and TCP is held to that. Write \"mtu\": %u to say so "
		    "yourself, "
		    "or raise the MTU of %s",
		    t->cfg->mtu, name, t->mtu_outer, t->mtu_possible, t->interface, t->mtu, t->mtu, name);
}

void tunnel_mtu_update(struct tunnel *t)
{
	const struct tunnel_sealed *s = &t->sealed;
	uint32_t outer, possible;
	int ifindex = 0;
	bool learned;

	if (!t->ifindex || !s->remote.family)
		return;
	outer = outer_mtu(t, &ifindex, &learned);
	if (!outer)
		return; /* no way at all: nothing to learn from that */
	if (outer != t->mtu_outer) {
		t->mtu_outer = outer;
		plane_outer_mtu(t->domain->plane, t->plane_id, outer);
	}
	possible = esp_inner_mtu(outer, s->remote.family, s->udp, s->encr, s->key_bits, s->integ);
	if (possible == t->mtu_possible)
		return;
	t->mtu_possible = possible;
	t->mtu_computed = tunnel_mtu_choose(t->cfg->mtu, possible, ipv6_inside(t->cfg));
	set_mtu(t, in_force(t));
	if (possible < t->cfg->mtu)
		say(t, ifindex, learned);
}

void tunnel_mtu_probed(struct tunnel *t)
{
	uint32_t passes = t->probe.result, was = t->mtu;

	if (!t->ifindex || !t->mtu_computed)
		return;
	set_mtu(t, in_force(t));
	if (passes && passes < t->mtu_computed && t->mtu != was)
		log_warn(t->domain->log, t->name,
		    "mtu-black-hole: packets of %u bytes vanish on the way to %s or back, without a word "
		    "(ICMP \"fragmentation "
		    "needed\" is blocked, or the far end drops them); %u pass. The interface %s has MTU %u "
		    "now, and TCP is held "
		    "to that. Write \"mtu\": %u to say so yourself, or let ICMP type 3 code 4 pass",
		    t->mtu_computed, addr_str(&t->sealed.remote), passes, t->interface, t->mtu, t->mtu);
}

/* What a probe found was the old way's. */
static void another_way(struct tunnel *t, const struct addr *remote)
{
	if (addr_eq(&t->sealed.remote, remote))
		return;
	t->sealed.remote = *remote;
	mtu_probe_want(&t->probe, 0, clock_now());
	tunnel_mtu_probed(t);
}

void tunnel_mtu_moved(struct tunnel *t, const struct addr *remote, bool udp_encap)
{
	another_way(t, remote);
	t->sealed.udp = udp_encap;
	tunnel_mtu_update(t);
}

void tunnel_mtu_sealed_by(struct tunnel *t, const struct plane_sa *sa)
{
	if (sa->inbound)
		return;
	another_way(t, &sa->remote.addr);
	t->sealed = (struct tunnel_sealed){ .remote = sa->remote.addr,
		.udp = sa->udp_encap,
		.encr = sa->encr,
		.key_bits = sa->encr_key_bits,
		.integ = sa->integ };
	tunnel_mtu_update(t);
}

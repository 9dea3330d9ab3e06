/* SPDX-License-Identifier: Apache-2.0 */
/* tunnel_move.h; what is asked of the kernel here is asked about once a second, and when the way to a peer
 * changes. */
#include "connector/daemon/tunnel_move.h"

#include "connector/daemon/domain.h"
#include "connector/daemon/tunnel_mtu.h"
#include "connector/sys/clock.h"
#include "connector/sys/link.h"
#include "connector/sys/rtnl.h"

static const mdur odd_settles = { 2 * (int64_t)1000000000 };

static bool configured(const struct tunnel *t, const struct addr *a)
{
	for (unsigned i = 0; i < t->n_pinned; i++)
		if (addr_eq(&t->pinned[i], a))
			return true;
	return false;
}

/* The new one is pinned before the old one is given up. */
static void pin(struct tunnel *t, const struct addr *a)
{
	struct addr was = t->pinned_move;

	if (addr_eq(a, &was))
		return;
	if (!addr_is_none(a))
		fib_writer_pin(t->domain->fib, a);
	t->pinned_move = *a;
	if (!addr_is_none(&was))
		fib_writer_unpin(t->domain->fib, &was);
}

void tunnel_moved(struct tunnel *t, const struct ike_action *a)
{
	const struct endpoint *local = &a->moved.local, *remote = &a->moved.remote;
	const struct logger *log = t->domain->log;

	if (a->moved.mobike)
		log_info(log, t->name, "moved by MOBIKE: from %s to %s now, ESP %s", endpoint_str(local),
		    endpoint_str(remote), a->moved.udp_encap ? "in UDP" : "plain");
	else
		log_info(log, t->name, "its NAT moved the peer to %s", endpoint_str(remote));
	t->moves++;
	t->moved_at = clock_now();
	pin(t, configured(t, &remote->addr) ? &(struct addr){ 0 } : &remote->addr);
	plane_remote_update(t->domain->plane, t->plane_id, local, remote, a->moved.udp_encap);
	tunnel_mtu_moved(t, &remote->addr, a->moved.udp_encap);
}

void tunnel_move_over(struct tunnel *t)
{
	pin(t, &(struct addr){ 0 });
}

static bool on_interface(const struct tunnel *t, const struct addr *a, int ifindex)
{
	struct link_holder holder[8];
	int n = link_addr_holders(&t->domain->sys, a, holder, sizeof(holder) / sizeof(holder[0]));

	for (int i = 0; i < n; i++)
		if (holder[i].ifindex == ifindex)
			return true;
	return false;
}

/*
 * Is this to be our address? While the interface on the way to the peer has none, because one is being
 * replaced by another, the kernel takes an address of some other interface. Moving there would cost the
 * tunnel two moves, and what the peer sends there between. So such an address counts when it is still the
 * kernel's choice after a while.
 */
static bool settled(struct tunnel *t, const struct addr *source, int ifindex, mtime now)
{
	struct tunnel_odd_source *odd = &t->odd_source;

	if (addr_eq(source, &t->source) || on_interface(t, source, ifindex)) {
		*odd = (struct tunnel_odd_source){ 0 };
		return true;
	}
	if (!addr_eq(source, &odd->addr))
		*odd = (struct tunnel_odd_source){ *source, now };
	return mtime_since(now, odd->since).ns >= odd_settles.ns;
}

void tunnel_locals_look(struct tunnel *t, mtime now)
{
	struct rtnl_route r;

	if (!t->cfg->mobike || !addr_is_none(&t->cfg->local) || !t->facts.child || !t->sealed.remote.family ||
	    rtnl_lookup(t->domain->rtnl, &t->sealed.remote, &r))
		return; /* no way at all: nothing to move to */
	/* While the pin is on its way to the kernel the way may seem to lead into the tunnel itself. */
	if (addr_is_none(&r.source) || !r.n_ways || r.way[0].ifindex == t->ifindex ||
	    !settled(t, &r.source, r.way[0].ifindex, now))
		return;
	t->source = r.source;
	ike_fact_locals(t->domain->ike, t->id, &r.source, 1, now);
}

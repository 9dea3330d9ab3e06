/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking over from the daemon before. A tunnel's old SAs go when the new ones have carried for a while, or at
 * the deadline; the routes that were left over, when every tunnel is back and BGP has settled, or at the
 * deadline of each. Leaving is restart_leave.c's.
 */
#include "connector/daemon/restart.h"

#include "connector/daemon/domain.h"
#include "connector/daemon/tunnel.h"
#include "connector/sys/clock.h"

#include <string.h>
#include <unistd.h>

#define DRAIN       mdur_s(10) /* packets on their way by the old SAs, after one came by the new ones */
#define QUIET_DRAIN mdur_s(60) /* the same where none comes */

/* --- what is taken over --- */

const struct restart_tunnel *restart_of_name(const struct domain *d, const char *name)
{
	for (size_t i = 0; d->restart && i < d->restart->n_tunnel; i++)
		if (!strcmp(d->restart->tunnel[i].name, name))
			return &d->restart->tunnel[i];
	return NULL;
}

static bool goes_there(const struct cfg_tunnel *cfg, const struct remotes *remotes, const struct addr *a)
{
	bool by_name = !cfg->n_remote;

	for (unsigned i = 0; i < cfg->n_remote; i++)
		by_name |= cfg->remote_name[i] != NULL;
	for (unsigned i = 0; i < remotes->n; i++)
		if (addr_eq(&remotes->addr[i], a))
			return true;
	return by_name;
}

/* The configuration may be another one by now: is it still the same tunnel? */
const struct restart_tunnel *restart_of_tunnel(const struct tunnel *t)
{
	const struct domain *d = t->domain;
	const struct restart_tunnel *r = restart_of_name(d, t->name);
	const struct cfg_tunnel *cfg = t->cfg;

	if (!r || d->plane_kind != PLANE_KERNEL || !cfg->admin_up ||
	    !plane_is_kept(d->plane, r->kept.ifindex))
		return NULL;
	if (cfg->interface[0] && strcmp(cfg->interface, r->kept.interface) != 0)
		return NULL;
	if (!addr_is_none(&cfg->local) && !addr_eq(&cfg->local, &r->local))
		return NULL;
	return goes_there(cfg, &t->remotes, &r->remote) ? r : NULL;
}

bool restart_wants_name(const struct domain *d, const char *interface)
{
	for (size_t i = 0; d->restart && i < d->restart->n_tunnel; i++)
		if (!strcmp(d->restart->tunnel[i].kept.interface, interface) &&
		    plane_is_kept(d->plane, d->restart->tunnel[i].kept.ifindex))
			return true;
	return false;
}

/* What protected its SAs is not told: no SA may stand here before IKE_AUTH has been verified, since its keys
 * would come from a key exchange with anybody. */
void restart_ike_entered(struct tunnel *t)
{
	if (t->ifindex && plane_has_old(t->domain->plane, t->plane_id))
		ike_conn_continues(t->domain->ike, t->id, true);
}

/* --- BGP --- */

static mdur longest_stale_time(const struct cfg *cfg)
{
	mdur longest = mdur_s(0);

	for (size_t i = 0; i < cfg->n_peer; i++)
		if (cfg->peer[i].bgp.session.stale_time.ns > longest.ns)
			longest = cfg->peer[i].bgp.session.stale_time;
	for (size_t s = 0; s < cfg->n_site; s++)
		for (size_t i = 0; i < cfg->site[s].n_tunnel; i++)
			if (cfg->site[s].tunnel[i].have_bgp &&
			    cfg->site[s].tunnel[i].bgp.session.stale_time.ns > longest.ns)
				longest = cfg->site[s].tunnel[i].bgp.session.stale_time;
	return longest;
}

void restart_bgp_made(struct domain *d)
{
	mtime now = clock_now();

	if (d->restart && !d->reconciled && d->restart->n_peer)
		bgp_restart_begin(
		    d->bgp, d->restart->until, mtime_add(now, longest_stale_time(d->entering)), now);
}

/* F for what is forwarded as before: all of it, if the tunnels that were there have been taken over. */
static bool forwards(const struct domain *d, uint32_t id)
{
	const struct tunnel *t = domain_tunnel_by_id(d, id);
	bool some = !d->restart->n_tunnel;

	if (t)
		return t->ifindex && plane_has_old(d->plane, t->plane_id);
	list_for_each ((struct list *)&d->tunnels, struct tunnel, o, node)
		some |= o->ifindex && plane_has_old(d->plane, o->plane_id);
	return some;
}

void restart_peer_added(struct domain *d, uint32_t id, const char *name)
{
	if (!d->restart || d->reconciled)
		return;
	for (size_t i = 0; i < d->restart->n_peer; i++) {
		const struct restart_peer *p = &d->restart->peer[i];
		bool kept = forwards(d, id);
		const bool forwarding[2] = { kept && p->family[0], kept && p->family[1] };

		if (!strcmp(p->name, name))
			bgp_peer_restarts(d->bgp, id, forwarding, clock_now());
	}
}

/* --- going on --- */

void restart_applied(struct domain *d)
{
	unsigned taken = 0;

	if (!d->restart && !d->reconciled) {
		fib_writer_reconciled(d->fib);
		d->reconciled = true;
	}
	if (!d->restart || d->restarting)
		return;
	d->restarting = true;
	list_for_each (&d->tunnels, struct tunnel, t, node)
		taken += t->ifindex && plane_has_old(d->plane, t->plane_id);
	if (d->restart->file)
		(void)unlink(d->restart->file); /* it is good for one start that succeeds */
	d->leaving = false;
	plane_kept_drop(d->plane);
	log_info(d->log, "restart",
	    "%u of %zu tunnels and the kernel's routes go on from the run before; %zu BGP sessions are to "
	    "come "
	    "back within %lld s",
	    taken, d->restart->n_tunnel, d->restart->n_peer,
	    (long long)mdur_to_s(mtime_since(d->restart->until, clock_now())));
}

static void give_up(struct tunnel *t)
{
	reason_set(&t->error, "restart-tunnel-late",
	    "it is not back within the restart time; the SAs of the run before are removed");
	log_warn(t->domain->log, t->name, "%s: %s", t->error.id, t->error.text);
	ike_conn_continues(t->domain->ike, t->id, false);
	plane_old_drop(t->domain->plane, t->plane_id);
}

/* The old SAs of a tunnel. False: they are still there. */
static bool old_gone(struct tunnel *t, mtime now)
{
	struct domain *d = t->domain;

	if (!t->ifindex || !plane_has_old(d->plane, t->plane_id))
		return true;
	if (t->life != TUNNEL_ACTIVE || !t->admin_up) { /* taken down by command, or by a new configuration */
		plane_old_drop(d->plane, t->plane_id);
		return true;
	}
	if (!t->facts.child) {
		t->old_until = MTIME_NEVER;
		if (mtime_reached(d->restart->until, now))
			give_up(t);
		return mtime_reached(d->restart->until, now);
	}
	if (mtime_is_never(t->old_until) || !t->old_until.ns)
		t->old_until = mtime_add(now, QUIET_DRAIN);
	if (t->facts.passing)
		t->old_until = mtime_min(t->old_until, mtime_add(now, DRAIN));
	if (!mtime_reached(t->old_until, now))
		return false;
	plane_old_drop(d->plane, t->plane_id);
	log_info(d->log, t->name, "the SAs of the run before are removed");
	return true;
}

/* Has it said what it wants of the kernel? */
static bool is_back(const struct tunnel *t, mtime now)
{
	return mtime_reached(t->domain->restart->until, now) || !restart_of_name(t->domain, t->name) ||
	       t->life != TUNNEL_ACTIVE || !t->admin_up || (t->facts.child && t->routes_in && !t->up_fence);
}

static void sweep(struct domain *d, mtime now)
{
	list_for_each (&d->tunnels, struct tunnel, t, node)
		if (!is_back(t, now))
			return;
	if (d->bgp && !bgp_restart_settled(d->bgp, now))
		return;
	log_info(d->log, "restart", "all is told again; what is left over in the kernel is swept");
	fib_writer_reconciled(d->fib);
	d->reconciled = true;
	if (d->bgp)
		bgp_restart_end(d->bgp, now);
}

void restart_look(struct domain *d, mtime now)
{
	bool gone = true;

	if (!d->restart || !d->restarting || d->stopping)
		return;
	list_for_each (&d->tunnels, struct tunnel, t, node)
		gone &= old_gone(t, now);
	if (!d->reconciled)
		sweep(d, now);
	if (!gone || !d->reconciled)
		return;
	log_info(d->log, "restart", "the restart is over");
	restart_record_free(d->restart);
	d->restart = NULL;
}

/* BGP's deadlines are its own; the poll of each second sees to the rest. */
mtime restart_deadline(const struct domain *d)
{
	mtime t = MTIME_NEVER;

	if (!d->restart || d->stopping)
		return t;
	if (!d->reconciled)
		t = d->restart->until;
	return mtime_reached(t, clock_now()) ? MTIME_NEVER : t;
}

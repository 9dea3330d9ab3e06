/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces of tunnels. Two tunnels may share one inside address (active-active gateways meet one
 * on-premises BGP address), so only an interface that is not ours counts as foreign.
 */
#include "connector/daemon/tunnel_if.h"

#include "connector/daemon/demand.h"
#include "connector/daemon/domain.h"
#include "connector/daemon/restart.h"
#include "connector/sys/clock.h"
#include "connector/sys/link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HOLDERS_MAX 64   /* interfaces that may share an address */
#define AUTO_NAMES  4096 /* cw0 to cw4095 */

static bool is_ours(const struct domain *d, int ifindex)
{
	list_for_each (&d->tunnels, struct tunnel, t, node)
		if (t->ifindex == ifindex)
			return true;
	return plane_is_kept(d->plane, ifindex);
}

static bool holds(const struct domain *d, int ifindex, const struct addr *a)
{
	struct link_holder holder[HOLDERS_MAX];
	int n = link_addr_holders(&d->sys, a, holder, HOLDERS_MAX);

	for (int i = 0; i < n; i++)
		if (holder[i].ifindex == ifindex)
			return true;
	return false;
}

static bool has_inside(const struct cfg_tunnel *cfg, const struct addr *a)
{
	for (unsigned i = 0; i < cfg->n_inside; i++)
		if (addr_eq(&cfg->inside[i].addr, a))
			return true;
	return false;
}

static bool has_prefix(const struct cfg_tunnel *cfg, const struct prefix *p)
{
	for (unsigned i = 0; i < cfg->n_inside; i++)
		if (addr_eq(&cfg->inside[i].addr, &p->addr) && cfg->inside[i].len == p->len)
			return true;
	return false;
}

static bool some_tunnel_brings(const struct domain *d, const struct addr *a)
{
	list_for_each (&d->tunnels, struct tunnel, t, node)
		if (has_inside(t->cfg, a))
			return true;
	return false;
}

/* No interface but ours may hold an inside address: the answer to the peer would leave by the wrong door. */
static int check_inside(const struct domain *d, const struct cfg_site *site, const struct cfg_tunnel *cfg,
    const struct addr *a, struct reason *ret_reason)
{
	struct link_holder holder[8];
	int n = link_addr_holders(&d->sys, a, holder, 8);

	for (int i = 0; i < n; i++) {
		if (is_ours(d, holder[i].ifindex))
			continue;
		return reason_set(ret_reason, "inside-address-in-use",
		    "/causeway:connector/site[name='%s']/tunnel[name='%s']/inside-address: %s is already on "
		    "interface %s, which is not "
		    "causeway's. Remove it there (`ip address del %s dev %s`), choose another inside "
		    "address, or leave "
		    "inside-address out to use the one on %s",
		    site->name, cfg->name, addr_str(a), holder[i].interface, addr_str(a), holder[i].interface,
		    holder[i].interface);
	}
	return 0;
}

/* A BGP address that no tunnel brings must be on the machine already. */
static int check_bgp_local(const struct domain *d, const struct cfg_site *site, const struct cfg_tunnel *cfg,
    struct reason *ret_reason)
{
	const struct addr *a = &cfg->bgp.local;
	struct link_holder holder[1];

	if (has_inside(cfg, a) || some_tunnel_brings(d, a) || link_addr_holders(&d->sys, a, holder, 1) > 0)
		return 0;
	return reason_set(ret_reason, "bgp-local-address-missing",
	    "/causeway:connector/site[name='%s']/tunnel[name='%s']/bgp/local-address: %s is on no interface "
	    "of this machine. Add it to "
	    "the tunnel (\"inside-address\": [\"%s/%u\"]) or to an interface",
	    site->name, cfg->name, addr_str(a), addr_str(a), addr_bits(a));
}

int tunnel_if_check(const struct domain *d, const struct cfg_site *site, const struct cfg_tunnel *cfg,
    struct reason *ret_reason)
{
	for (unsigned i = 0; i < cfg->n_inside; i++)
		if (check_inside(d, site, cfg, &cfg->inside[i].addr, ret_reason))
			return -1;
	return cfg->have_bgp ? check_bgp_local(d, site, cfg, ret_reason) : 0;
}

static bool name_taken(const struct domain *d, const char *name)
{
	list_for_each (&d->tunnels, struct tunnel, t, node)
		if (!strcmp(t->interface, name) || !strcmp(t->cfg->interface, name))
			return true;
	return restart_wants_name(d, name);
}

static int make(struct tunnel *t, const char *name, bool take_over, struct reason *ret_reason)
{
	struct plane_tunnel p = {
		.id = t->id, .kind = t->domain->plane_kind, .mtu = t->cfg->mtu, .take_over = take_over
	};

	snprintf(p.interface, sizeof(p.interface), "%s", name);
	if (plane_tunnel_add(t->domain->plane, &p, &t->ifindex, ret_reason)) {
		t->ifindex = 0;
		return -1;
	}
	t->plane_id = t->id;
	t->mtu = t->cfg->mtu;
	snprintf(t->interface, sizeof(t->interface), "%s", name);
	return 0;
}

static int create_named(struct tunnel *t, const char *name, struct reason *ret_reason)
{
	return make(t, name, false, ret_reason);
}

/* The run before left its interface, and traffic goes by it. */
static int take_over(struct tunnel *t, const struct restart_tunnel *kept, struct reason *ret_reason)
{
	if (make(t, kept->kept.interface, true, ret_reason))
		return -1;
	t->mtu = link_mtu(&t->domain->sys, t->ifindex);
	t->admin_up = t->demanded = true;
	for (unsigned i = 0; i < kept->n_inside; i++)
		if (!has_prefix(t->cfg, &kept->inside[i]))
			link_addr_del(&t->domain->sys, t->ifindex, &kept->inside[i]);
	return 0;
}

static int create(struct tunnel *t, struct reason *ret_reason)
{
	const struct restart_tunnel *kept = restart_of_tunnel(t);

	if (kept)
		return take_over(t, kept, ret_reason);
	if (t->cfg->interface[0])
		return create_named(t, t->cfg->interface, ret_reason);
	for (unsigned i = 0; i < AUTO_NAMES; i++) {
		char name[IFNAMSIZ];

		snprintf(name, sizeof(name), "cw%u", i);
		if (name_taken(t->domain, name))
			continue;
		if (!create_named(t, name, ret_reason))
			return 0;
		if (strcmp(ret_reason->id,
		        "interface-exists")) /* a foreign cw0 is passed over; anything else is final */
			return -1;
	}
	return -1;
}

static int add_addresses(struct tunnel *t, struct reason *ret_reason)
{
	for (unsigned i = 0; i < t->cfg->n_inside; i++)
		if (link_addr_add(&t->domain->sys, t->ifindex, &t->cfg->inside[i], ret_reason))
			return -1;
	return 0;
}

/* A new interface becomes ours, with its addresses. -1 with a reason, and it is gone again. */
static int finish(struct tunnel *t, struct reason *ret_reason)
{
	fib_writer_interface(t->domain->fib, t->ifindex, true);
	t->ours_reported = true;
	if (add_addresses(t, ret_reason)) {
		tunnel_if_remove(t);
		return -1;
	}
	return 0;
}

/* A name that was given counts; one that was not is never one that was given before. */
static bool hands_over(const struct tunnel *from, const struct cfg_tunnel *to)
{
	return to->interface[0] ? !strcmp(to->interface, from->interface) : !from->cfg->interface[0];
}

/* An interface can't be made while another tunnel still has its name. */
static int check_name(const struct tunnel *t, struct reason *ret_reason)
{
	list_for_each (&t->domain->tunnels, struct tunnel, o, node)
		if (o != t && t->cfg->interface[0] && !strcmp(o->interface, t->cfg->interface))
			return reason_set(ret_reason, "interface-of-another-tunnel",
			    "/causeway:connector/site[name='%s']/tunnel[name='%s']/interface: %s is the "
			    "interface of tunnel %s until this "
			    "change is done. Give that one its new name first, and this one %s with a second "
			    "change",
			    t->site->name, t->cfg->name, t->cfg->interface, o->name, t->cfg->interface);
	return 0;
}

int tunnel_if_prepare(struct tunnel *t, struct tunnel *reuse, struct reason *ret_reason)
{
	if (tunnel_if_check(t->domain, t->site, t->cfg, ret_reason))
		return -1;
	if (reuse && hands_over(reuse, t->cfg))
		return 0; /* tunnel_if_hand_over brings it */
	if (check_name(t, ret_reason))
		return -1;
	if (create(t, ret_reason))
		return -1;
	return finish(t, ret_reason);
}

void tunnel_if_remove(struct tunnel *t)
{
	if (!t->ifindex)
		return;
	if (t->ours_reported)
		fib_writer_interface(t->domain->fib, t->ifindex, false);
	plane_tunnel_del(t->domain->plane, t->plane_id);
	t->ifindex = 0;
	t->ours_reported = false;
}

/* Deleted behind our back: its SAs are gone with it, so the tunnel starts anew on an interface of the same
 * name. */
static void remake(struct tunnel *t)
{
	struct domain *d = t->domain;
	struct reason why = { 0 };
	char name[IFNAMSIZ];

	memcpy(name, t->interface, sizeof(name));
	if (t->ifindex) {
		reason_set(&why, "interface-deleted", "somebody deleted interface %s; it is made anew", name);
		log_warn(d->log, t->name, "%s: %s", why.id, why.text);
		t->error = why;
		demand_disarm(t);
		tunnel_if_remove(t);
		ike_conn_restart(d->ike, t->id, true, &why, clock_now());
		reason_clear(&why);
	}
	if (create_named(t, name, &why) || finish(t, &why)) {
		if (strcmp(t->error.text, why.text))
			log_error(d->log, t->name, "%s: %s", why.id, why.text);
		t->error = why;
	} else if (t->admin_up) {
		demand_arm(t);
	}
}

static void mend(struct tunnel *t)
{
	struct domain *d = t->domain;
	struct reason why = { 0 };

	if (link_raise(&d->sys, t->ifindex) > 0)
		log_warn(d->log, t->name,
		    "interface-down: somebody set %s down; it is up again. `causeway tunnel down %s` takes "
		    "the "
		    "tunnel down",
		    t->interface, t->name);
	for (unsigned i = 0; i < t->cfg->n_inside; i++) {
		const struct prefix *p = &t->cfg->inside[i];

		if (holds(d, t->ifindex, &p->addr))
			continue;
		if (link_addr_add(&d->sys, t->ifindex, p, &why))
			log_error(d->log, t->name, "%s: %s", why.id, why.text);
		else
			log_warn(d->log, t->name,
			    "address-deleted: somebody took %s off %s; it is there again", addr_str(&p->addr),
			    t->interface);
	}
}

void tunnel_if_look(struct tunnel *t)
{
	char name[IFNAMSIZ];

	if (t->life != TUNNEL_ACTIVE || (t->ifindex && !t->if_suspect) || !t->interface[0])
		return;
	t->if_suspect = false;
	if (!t->ifindex || link_name(&t->domain->sys, t->ifindex, name) == -ENODEV)
		remake(t);
	else
		mend(t);
}

/* Interfaces of the two planes are of two kinds: the old one must go before the new one can have its name. */
static void make_in_other_plane(struct tunnel *from, struct tunnel *to)
{
	memcpy(to->interface, from->interface, sizeof(to->interface));
	tunnel_if_remove(from);
	remake(to); /* if that fails, tunnel_if_look tries again */
}

void tunnel_if_hand_over(struct tunnel *from, struct tunnel *to)
{
	struct domain *d = from->domain;
	struct reason why = { 0 };

	if (to->ifindex) { /* it has one of its own (another name) */
		tunnel_if_remove(from);
		return;
	}
	if (plane_tunnel_kind(d->plane, from->plane_id) != d->plane_kind) {
		make_in_other_plane(from, to);
		return;
	}
	to->ifindex = from->ifindex;
	to->plane_id = from->plane_id;
	to->ours_reported = from->ours_reported;
	memcpy(to->interface, from->interface, sizeof(to->interface));
	from->ifindex = 0;
	for (unsigned i = 0; i < from->cfg->n_inside; i++)
		if (!has_prefix(to->cfg, &from->cfg->inside[i]))
			link_addr_del(&d->sys, to->ifindex, &from->cfg->inside[i]);
	to->mtu = to->cfg->mtu; /* what is possible, its own SA will tell */
	if (from->mtu != to->mtu && link_set_mtu(&d->sys, to->ifindex, to->mtu, &why))
		log_error(d->log, to->name, "%s: %s", why.id, why.text);
	for (unsigned i = 0; i < to->cfg->n_inside; i++)
		if (!has_prefix(from->cfg, &to->cfg->inside[i]) &&
		    link_addr_add(&d->sys, to->ifindex, &to->cfg->inside[i], &why))
			log_error(d->log, to->name, "%s: %s", why.id, why.text);
}

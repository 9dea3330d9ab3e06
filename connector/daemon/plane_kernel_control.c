/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's data plane: tunnels, SAs and counters. A change is in force when its request has been
 * answered. The order is make before break: an SA's state first, then the policies that lead to it; when one
 * goes, the policies turn away from it first.
 */
#include "connector/daemon/plane_kernel_internal.h"
#include "connector/sys/clock.h"
#include "connector/sys/xfrm_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct addr *pk_dst(const struct pk_sa *sa)
{
	return sa->p.inbound ? &sa->p.local.addr : &sa->p.remote.addr;
}

static struct pk_tunnel *tunnel_find(struct plane_kernel *k, uint32_t id)
{
	list_for_each (&k->tunnels, struct pk_tunnel, t, link) {
		if (t->id == id)
			return t;
	}
	return NULL;
}

static struct pk_sa *sa_of(struct pk_tunnel *t, bool inbound, uint32_t spi)
{
	if (!t)
		return NULL;
	list_for_each (inbound ? &t->sas_in : &t->sas_out, struct pk_sa, sa, link) {
		if (sa->p.spi == spi)
			return sa;
	}
	return NULL;
}

struct pk_sa *pk_sa_find(
    struct plane_kernel *k, const struct addr *dst, uint32_t spi, struct pk_tunnel **ret_t)
{
	list_for_each (&k->tunnels, struct pk_tunnel, t, link) {
		for (unsigned inbound = 0; inbound < 2; inbound++) {
			struct pk_sa *sa = sa_of(t, inbound, spi);

			if (!sa || !addr_eq(pk_dst(sa), dst))
				continue;
			*ret_t = t;
			return sa;
		}
	}
	return NULL;
}

/* --- tunnels --- */

static int explain_link(struct reason *r, int err, const char *name)
{
	if (err == -EEXIST)
		return reason_set(r, "interface-exists",
		    "interface %s exists and belongs to another program; remove it ('ip link del %s') or "
		    "give the tunnel another \"interface\"",
		    name, name);
	if (err == -EPERM || err == -EACCES)
		return reason_set(r, "interface-not-permitted",
		    "interface %s can't be created: %s; causewayd needs CAP_NET_ADMIN", name, strerror(-err));
	return reason_set(
	    r, "interface-failed", "xfrm interface %s can't be created: %s", name, strerror(-err));
}

static bool taken(const struct plane_kernel *k, uint32_t if_id)
{
	list_for_each (&k->tunnels, struct pk_tunnel, t, link) {
		if (t->if_id == if_id)
			return true;
	}
	return pk_if_id_kept(k, if_id);
}

static uint32_t free_if_id(struct plane_kernel *k)
{
	for (uint32_t i = 0; i < PK_TUNNELS_MAX; i++) {
		k->next_number = k->next_number % PK_TUNNELS_MAX + 1;
		if (!taken(k, PK_IF_ID_BASE | k->next_number))
			return PK_IF_ID_BASE | k->next_number;
	}
	return 0;
}

static int tunnel_add(
    struct plane_impl *i, const struct plane_tunnel *p, int *ret_ifindex, struct reason *ret_reason)
{
	struct plane_kernel *k = plane_kernel_of(i);
	struct pk_tunnel *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return reason_set(ret_reason, "no-memory", "no memory for interface %s", p->interface);
	list_init(&t->sas_in);
	list_init(&t->sas_out);
	t->id = p->id;
	if (!p->take_over)
		pk_kept_clear(k, p->interface);
	else if (pk_take_over(k, t, p->interface)) {
		list_append(&k->tunnels, &t->link);
		*ret_ifindex = t->ifindex;
		return 0;
	}
	t->if_id = free_if_id(k);
	err = t->if_id ? xfrm_link_add(k->domain, p->interface, t->if_id, p->mtu, &t->ifindex) : -ENOSPC;
	if (err) {
		free(t);
		return explain_link(ret_reason, err, p->interface);
	}
	list_append(&k->tunnels, &t->link);
	*ret_ifindex = t->ifindex;
	return 0;
}

void pk_sa_free(struct pk_sa *sa)
{
	list_remove(&sa->link);
	cleanse(sa, sizeof(*sa));
	free(sa);
}

void pk_tunnel_free(struct plane_kernel *k, struct pk_tunnel *t)
{
	if (k->leaving || (k->trying && t->old)) {
		pk_let_go(k, t);
		return;
	}
	for (size_t i = 0; i < t->n_rules; i++)
		(void)xfrm_rule_del(k->xfrm, &t->rules[i]);
	t->n_rules = 0;
	pk_old_gone(k, t);
	for (unsigned dir = 0; dir < 2; dir++)
		list_for_each (dir ? &t->sas_out : &t->sas_in, struct pk_sa, sa, link) {
			(void)xfrm_state_del(k->xfrm, pk_dst(sa), sa->p.spi);
			pk_sa_free(sa);
		}
	t->armed = false;
	(void)pk_keep_update(k, t, NULL);
	if (t->ifindex)
		(void)xfrm_link_del(k->domain, t->ifindex); /* it may be gone already */
	list_remove(&t->link);
	free(t->rules);
	free(t);
}

static void tunnel_del(struct plane_impl *i, uint32_t tunnel)
{
	struct plane_kernel *k = plane_kernel_of(i);
	struct pk_tunnel *t = tunnel_find(k, tunnel);

	if (t)
		pk_tunnel_free(k, t);
}

/* --- policies --- */

static const struct xfrm_rule *find_rule(
    const struct xfrm_rule rules[], size_t n, const struct xfrm_rule *like)
{
	for (size_t i = 0; i < n; i++)
		if (rules[i].dir == like->dir && xfrm_flow_eq(&rules[i].flow, &like->flow))
			return &rules[i];
	return NULL;
}

static bool same_way(const struct xfrm_rule *a, const struct xfrm_rule *b)
{
	return a->spi == b->spi && addr_eq(&a->src, &b->src) && addr_eq(&a->dst, &b->dst);
}

/* While a predecessor's SAs carry traffic, what leads to them stays, or comes back when the SA that followed
 * them is gone. -1: no memory. */
static int add_old(const struct pk_tunnel *t, struct xfrm_rule **rules, size_t *n)
{
	size_t n_wanted = *n;
	struct xfrm_rule *all;

	if (!t->old || !t->n_old_rules)
		return 0;
	all = reallocarray(*rules, *n + t->n_old_rules, sizeof(*all));
	if (!all)
		return -1;
	*rules = all;
	for (size_t i = 0; i < t->n_old_rules; i++)
		if (!find_rule(all, n_wanted, &t->old_rules[i]))
			all[(*n)++] = t->old_rules[i];
	return 0;
}

int pk_update_rules(struct plane_kernel *k, struct pk_tunnel *t, struct reason *ret_reason)
{
	struct xfrm_rule *wanted;
	size_t n;
	int rc = 0;

	if (pk_wanted(t, &wanted, &n))
		return reason_set(ret_reason, "selectors-too-many",
		    "the traffic selectors would need more than %d policies, or memory is out; narrow them "
		    "to prefixes",
		    PK_FLOWS_MAX);
	if (add_old(t, &wanted, &n)) {
		free(wanted);
		return reason_set(ret_reason, "no-memory", "no memory for policies");
	}
	for (size_t i = 0; i < n; i++) {
		const struct xfrm_rule *is = find_rule(t->rules, t->n_rules, &wanted[i]);

		if ((!is || !same_way(is, &wanted[i])) && xfrm_rule_set(k->xfrm, &wanted[i], ret_reason))
			rc = -1;
	}
	for (size_t i = 0; i < t->n_rules; i++)
		if (!find_rule(wanted, n, &t->rules[i]))
			(void)xfrm_rule_del(k->xfrm, &t->rules[i]);
	free(t->rules);
	t->rules = wanted;
	t->n_rules = n;
	return rc;
}

/* --- SAs --- */

struct xfrm_state_params pk_params_of(const struct pk_tunnel *t, const struct plane_sa *p)
{
	const struct endpoint *from = p->inbound ? &p->remote : &p->local,
	                      *to = p->inbound ? &p->local : &p->remote;

	return (struct xfrm_state_params){ .no_df = p->df == PLANE_DF_CLEAR,
		.no_dscp = p->dscp_zero,
		.no_ecn = p->ignore_ecn,
		.src = from->addr,
		.dst = to->addr,
		.spi = p->spi,
		.reqid = t->if_id,
		.if_id = t->if_id,
		.encr = p->encr,
		.encr_key_bits = p->encr_key_bits,
		.integ = p->integ,
		.encr_key = p->encr_key,
		.integ_key = p->integ_key,
		.esn = p->esn,
		.replay_window = PK_WINDOW,
		.encap = p->udp_encap,
		.encap_sport = from->port,
		.encap_dport = to->port,
		.soft_packets = p->inbound || p->esn ? 0 : PK_SEQ_NEAR,
		.event_packets = p->inbound ? 1 : 0 };
}

static int sa_add(struct plane_impl *i, const struct plane_sa *p, struct reason *ret_reason)
{
	struct plane_kernel *k = plane_kernel_of(i);
	struct pk_tunnel *t = tunnel_find(k, p->tunnel);
	struct xfrm_state_params params;
	struct pk_sa *sa;
	int err;

	if (!t)
		return reason_set(ret_reason, "no-such-tunnel",
		    "SA %08x is for tunnel %u, which does not exist", p->spi, p->tunnel);
	if (addr_is_none(&p->local.addr) || addr_is_unspecified(&p->local.addr))
		return reason_set(
		    ret_reason, "esp-no-local-address", "SA %08x: our outer address is not known", p->spi);
	sa = calloc(1, sizeof(*sa));
	if (!sa)
		return reason_set(ret_reason, "no-memory", "no memory for SA %08x", p->spi);
	sa->p = *p;
	params = pk_params_of(t, &sa->p);
	err = xfrm_state_add(k->xfrm, &params, ret_reason);
	if (err) {
		pk_sa_free(sa);
		return -1;
	}
	if (!p->inbound)
		pk_keep_look(t); /* as long as packets find no SA */
	list_prepend(p->inbound ? &t->sas_in : &t->sas_out, &sa->link);
	if (!pk_update_rules(k, t, ret_reason)) {
		if (!p->inbound)
			pk_keep_release(k, t);
		return 0;
	}
	(void)xfrm_state_del(k->xfrm, pk_dst(sa), sa->p.spi);
	pk_sa_free(sa);
	(void)pk_update_rules(k, t, NULL);
	return -1;
}

static void add_sa(struct plane_counters *c, const struct pk_sa *sa)
{
	uint64_t packets = sa->packets + sa->packets_gone, bytes = sa->bytes + sa->bytes_gone;

	if (sa->p.inbound) {
		c->packets_in += packets;
		c->bytes_in += bytes;
		if (sa->last.ns > c->last_in.ns)
			c->last_in = sa->last;
	} else {
		c->packets_out += packets;
		c->bytes_out += bytes;
		if (sa->last.ns > c->last_out.ns)
			c->last_out = sa->last;
	}
	c->drops[PLANE_DROP_REPLAY] += sa->replayed;
	c->drops[PLANE_DROP_AUTH] += sa->not_authentic;
}

static void sa_del(struct plane_impl *i, uint32_t tunnel, bool inbound, uint32_t spi)
{
	struct plane_kernel *k = plane_kernel_of(i);
	struct pk_tunnel *t = tunnel_find(k, tunnel);
	struct pk_sa *sa = sa_of(t, inbound, spi);
	struct plane_counters c = { 0 };
	struct addr dst;

	if (!sa)
		return;
	pk_look(k, sa);
	add_sa(&c, sa);
	t->gone.packets_in += c.packets_in;
	t->gone.bytes_in += c.bytes_in;
	t->gone.packets_out += c.packets_out;
	t->gone.bytes_out += c.bytes_out;
	t->gone.drops[PLANE_DROP_REPLAY] += c.drops[PLANE_DROP_REPLAY];
	t->gone.drops[PLANE_DROP_AUTH] += c.drops[PLANE_DROP_AUTH];
	if (c.last_in.ns > t->gone.last_in.ns)
		t->gone.last_in = c.last_in;
	if (c.last_out.ns > t->gone.last_out.ns)
		t->gone.last_out = c.last_out;
	dst = *pk_dst(sa);
	pk_sa_free(sa);
	(void)pk_keep_update(k, t, NULL);
	(void)pk_update_rules(k, t, NULL);
	(void)xfrm_state_del(k->xfrm, &dst, spi);
}

static void sa_use(struct plane_impl *i, uint32_t tunnel, uint32_t spi)
{
	struct plane_kernel *k = plane_kernel_of(i);
	struct pk_tunnel *t = tunnel_find(k, tunnel);
	struct pk_sa *sa = sa_of(t, false, spi);
	struct reason why = { 0 };

	if (!sa || sa == list_first(&t->sas_out, struct pk_sa, link))
		return;
	list_remove(&sa->link);
	list_prepend(&t->sas_out, &sa->link);
	if (pk_update_rules(k, t, &why))
		log_error(k->log, "data-plane", "%s: %s", why.id, why.text);
}

/* --- a peer, or we, at another address --- */

/*
 * The same SA at other addresses. Ports alone can be changed in place. Else a state is made anew that goes on
 * where the old one was: its window as it is, its own numbers with a jump, because what was sent between the
 * look and now must never be sent again under the same number (RFC 4106 2: an IV used twice breaks GCM).
 */
static int move_sa(struct plane_kernel *k, struct pk_tunnel *t, struct pk_sa *sa,
    const struct endpoint *local, const struct endpoint *remote, bool udp_encap, struct reason *ret_reason)
{
	struct xfrm_state_view now = { 0 };
	struct xfrm_state_params p;
	struct addr old_dst = *pk_dst(sa);
	bool in_place = addr_eq(&sa->p.local.addr, &local->addr) &&
	                addr_eq(&sa->p.remote.addr, &remote->addr) && sa->p.udp_encap == udp_encap;
	int err;

	sa->p.local = *local;
	sa->p.remote = *remote;
	sa->p.udp_encap = udp_encap;
	p = pk_params_of(t, &sa->p);
	p.event_packets = sa->p.inbound && !sa->first_seen ? 1 : 0;
	if (in_place)
		return sa->p.udp_encap ? xfrm_state_change(k->xfrm, &p, ret_reason) : 0;
	err = xfrm_state_get(k->xfrm, &old_dst, sa->p.spi, &now);
	if (err)
		return err; /* it is gone: found by the next look */
	now.pos.out += PK_JUMP;
	p.go_on = &now.pos;
	(void)xfrm_state_del(k->xfrm, &old_dst, sa->p.spi);
	err = xfrm_state_add(k->xfrm, &p, ret_reason);
	sa->packets_gone += now.packets;
	sa->bytes_gone += now.bytes;
	sa->packets = sa->bytes = 0;
	sa->replayed = sa->not_authentic = 0;
	return err;
}

static void remote_update(struct plane_impl *i, uint32_t tunnel, const struct endpoint *local,
    const struct endpoint *remote, bool udp_encap)
{
	struct plane_kernel *k = plane_kernel_of(i);
	struct pk_tunnel *t = tunnel_find(k, tunnel);

	if (!t)
		return;
	for (unsigned dir = 0; dir < 2; dir++)
		list_for_each (dir ? &t->sas_in : &t->sas_out, struct pk_sa, sa, link) {
			struct reason why = { 0 };

			if (move_sa(k, t, sa, local, remote, udp_encap, &why) && reason_is_set(&why))
				log_error(k->log, "data-plane", "%s: %s", why.id, why.text);
		}
	(void)pk_update_rules(k, t, NULL);
}

static void keepalive(struct plane_impl *i, uint32_t tunnel, bool on)
{
	struct pk_tunnel *t = tunnel_find(plane_kernel_of(i), tunnel);

	if (t)
		t->keepalive = on;
}

static int trigger(struct plane_impl *i, uint32_t tunnel, bool on)
{
	struct plane_kernel *k = plane_kernel_of(i);
	struct pk_tunnel *t = tunnel_find(k, tunnel);
	struct reason why = { 0 };

	if (!t || !pk_keep_arm(k, t, on, &why))
		return 0;
	log_error(k->log, "data-plane", "%s: %s", why.id, why.text);
	return -1;
}

/* --- counters --- */

void pk_look(struct plane_kernel *k, struct pk_sa *sa)
{
	struct xfrm_state_view s = { 0 };
	int err = xfrm_state_get(k->xfrm, pk_dst(sa), sa->p.spi, &s);

	if (err) {
		sa->lost = sa->lost || err == -ESRCH;
		if (sa->lost && !sa->lost_reported)
			pk_wake(k);
		return;
	}
	if (s.packets > sa->packets) {
		sa->last = clock_now();
		sa->first_seen = true;
		if (sa->p.inbound && !sa->first_reported)
			pk_wake(k);
	}
	sa->packets = s.packets;
	sa->bytes = s.bytes;
	sa->replayed = s.replayed + s.out_of_window;
	sa->not_authentic = s.not_authentic;
}

static void read_tunnel(struct plane_kernel *k, const struct pk_tunnel *t, struct plane_counters *c)
{
	struct xfrm_link_view link;

	*c = t->gone;
	for (unsigned dir = 0; dir < 2; dir++)
		list_for_each ((struct list *)(dir ? &t->sas_out : &t->sas_in), struct pk_sa, sa, link) {
			pk_look(k, sa);
			add_sa(c, sa);
		}
	if (!xfrm_link_get(k->domain, t->ifindex, &link))
		c->drops[PLANE_DROP_NO_SA] = link.no_sa;
}

/* One look at each SA: what is asked of it right behind its tunnel is what was just seen. */
static void read_many(struct plane_impl *i, struct plane_reading reading[], size_t n)
{
	struct plane_kernel *k = plane_kernel_of(i);
	const struct pk_tunnel *seen = NULL;

	for (size_t at = 0; at < n; at++) {
		struct plane_reading *r = &reading[at];
		struct pk_tunnel *t = tunnel_find(k, r->tunnel);
		struct pk_sa *sa =
		    r->of == PLANE_OF_TUNNEL ? NULL : sa_of(t, r->of == PLANE_OF_SA_IN, r->spi);

		memset(&r->counters, 0, sizeof(r->counters));
		r->found = r->of == PLANE_OF_TUNNEL ? t != NULL : sa != NULL;
		if (sa && seen != t)
			pk_look(k, sa);
		if (sa)
			add_sa(&r->counters, sa);
		if (t && r->of == PLANE_OF_TUNNEL)
			read_tunnel(k, t, &r->counters);
		seen = t && r->of == PLANE_OF_TUNNEL ? t : seen;
	}
}

const struct plane_ops plane_kernel_ops = { .tunnel_add = tunnel_add,
	.tunnel_del = tunnel_del,
	.sa_add = sa_add,
	.sa_del = sa_del,
	.sa_use = sa_use,
	.remote_update = remote_update,
	.keepalive = keepalive,
	.trigger = trigger,
	.read = read_many };

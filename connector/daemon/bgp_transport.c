/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures and hop limits of BGP's connections. A listener serves all peers of one local address: it holds
 * a key for each that has a password, and answers with the hop limit of the strictest, since a SYN is
 * answered before a peer is known; what it hears is bounded when all of its peers ask for that. The
 * connections themselves have what their own peer says.
 */
#include "connector/daemon/bgp_transport.h"

#include "connector/daemon/bgp_exec.h"
#include "connector/daemon/cfg_ref.h"
#include "connector/daemon/tunnel.h"

#include <stdlib.h>

#define HOPS_MAX    255
#define SYSTEM_HOPS 64  /* net.ipv4.ip_default_ttl and its IPv6 twin, as Linux has them */
#define SEND_HOLD   480 /* seconds, as the core has it (RFC 9687 3.2) */

static struct tcp_options options_of(const struct cfg_bgp *b)
{
	const struct cfg_session *s = &b->session;
	mdur twice = mdur_mul(b->hold_time, 2, 1), least = mdur_s(SEND_HOLD);
	struct tcp_options o = { .password = s->password.len ? &s->password : NULL,
		.ttl = (uint8_t)s->multihop,
		.user_timeout = s->send_hold.ns       ? s->send_hold
		                : twice.ns > least.ns ? twice
		                                      : least };

	if (s->ttl_security) {
		o.ttl = HOPS_MAX;
		o.min_ttl = (uint8_t)(HOPS_MAX + 1 - s->ttl_security); /* RFC 5082 3 */
	}
	return o;
}

/* The i-th session of the configuration in force, or NULL behind the last. */
static const struct cfg_bgp *session_at(const struct domain *d, size_t i)
{
	const struct cfg *cfg = d->config ? d->config->cfg : NULL;

	for (size_t s = 0; cfg && s < cfg->n_site; s++)
		for (size_t t = 0; t < cfg->site[s].n_tunnel; t++)
			if (cfg->site[s].tunnel[t].have_bgp && !i--)
				return &cfg->site[s].tunnel[t].bgp;
	return cfg && i < cfg->n_peer ? &cfg->peer[i].bgp : NULL;
}

static const struct cfg_bgp *session_of(
    const struct domain *d, const struct addr *local, const struct addr *remote)
{
	const struct cfg_bgp *b;

	for (size_t i = 0; (b = session_at(d, i)); i++)
		if (addr_eq(&b->local, local) && addr_eq(&b->peer, remote))
			return b;
	return NULL;
}

bool bgp_transport_of(const struct domain *d, uint32_t peer, struct tcp_options *ret_options)
{
	const struct tunnel *t = domain_tunnel_by_id(d, peer);
	const struct cfg *in_force = d->entering ? d->entering : d->config ? d->config->cfg : NULL;

	*ret_options = (struct tcp_options){ 0 };
	if (t && t->cfg->have_bgp) {
		*ret_options = options_of(&t->cfg->bgp);
		return true;
	}
	list_for_each (&d->lan_peers, const struct lan_peer, l, node) {
		const struct cfg_peer *cfg =
		    l->id == peer && in_force ? cfg_find_peer(in_force, l->name) : NULL;

		if (cfg) {
			*ret_options = options_of(&cfg->bgp);
			return true;
		}
	}
	return false;
}

bool bgp_transport_between(const struct domain *d, const struct addr *local, const struct addr *remote,
    struct tcp_options *ret_options)
{
	const struct cfg_bgp *b = session_of(d, local, remote);

	if (b)
		*ret_options = options_of(b);
	return b;
}

static bool keyed(const struct bgp_listener *l, const struct addr *remote)
{
	for (size_t i = 0; i < l->n_keyed; i++)
		if (addr_eq(&l->keyed[i], remote))
			return true;
	return false;
}

bool bgp_transport_accepts(const struct domain *d, const struct bgp_listener *l, const struct addr *remote,
    struct tcp_options *ret_options)
{
	const struct cfg_bgp *b = session_of(d, &l->local, remote);

	if (!b || (b->session.password.len && !keyed(l, remote)))
		return false;
	*ret_options = options_of(b);
	return true;
}

/* Keys that stand for nobody any more are taken away; a listener then takes unsigned segments from there
 * again. */
static void drop_keys(struct bgp_listener *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_keyed; i++) {
		const struct cfg_bgp *b = session_of(l->domain, &l->local, &l->keyed[i]);

		if (b && b->session.password.len)
			l->keyed[n++] = l->keyed[i];
		else
			(void)tcp_listener_password(l->tcp, &l->keyed[i], NULL, NULL);
	}
	l->n_keyed = n;
}

static void set_key(struct bgp_listener *l, const struct cfg_bgp *b)
{
	struct reason why = { 0 };
	struct addr *more = l->keyed;

	if (!keyed(l, &b->peer)) {
		more = realloc(l->keyed, (l->n_keyed + 1) * sizeof(*more));
		if (!more)
			return; /* not in the list: nothing from there is accepted */
		l->keyed = more;
	}
	if (tcp_listener_password(l->tcp, &b->peer, &b->session.password, &why))
		log_error(l->domain->log, "bgp", "%s: %s", why.id, why.text);
	else if (!keyed(l, &b->peer))
		l->keyed[l->n_keyed++] = b->peer;
}

static void apply_listener(struct bgp_listener *l)
{
	const struct domain *d = l->domain;
	const struct cfg_bgp *b;
	struct reason why = { 0 };
	uint8_t ttl = 0, least = HOPS_MAX;
	size_t n = 0;

	drop_keys(l);
	for (size_t i = 0; (b = session_at(d, i)); i++) {
		struct tcp_options o = options_of(b);

		if (!addr_eq(&b->local, &l->local))
			continue;
		if (o.password)
			set_key(l, b);
		ttl = o.ttl > ttl ? o.ttl : ttl;
		least = o.min_ttl < least ? o.min_ttl : least;
		n++;
	}
	if (tcp_listener_hops(l->tcp, l->local.family, ttl ? ttl : SYSTEM_HOPS, n ? least : 0, &why))
		log_error(d->log, "bgp", "%s: %s", why.id, why.text);
}

void bgp_transport_apply(struct domain *d)
{
	list_for_each (&d->listeners, struct bgp_listener, l, node)
		apply_listener(l);
	bgp_exec_links_apply(d);
}

void bgp_transport_listener_free(struct bgp_listener *l)
{
	free(l->keyed);
}

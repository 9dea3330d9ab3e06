/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules over the whole configuration that YANG can't express: what two tunnels may not share, what a gateway
 * refuses, and what is legal but odd (notes). Compares each with each: a connector has tens of tunnels, at
 * most some thousands.
 */
#include "bgp/bgp.h"
#include "connector/mgmt/cfg_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *tunnel_path(
    const struct cfg_site *s, const struct cfg_tunnel *t, const char *leaf, char *buf, size_t cap)
{
	snprintf(buf, cap, "/" CFG_ROOT "/site[name='%s']/tunnel[name='%s']%s%s", s->name, t->name,
	    leaf[0] ? "/" : "", leaf);
	return buf;
}

struct place {
	const struct cfg_site *site;
	const struct cfg_tunnel *tunnel;
};

/* Whether two tunnels would be one to IKE: same addresses, same identities. */
static bool same_ike_peer(const struct cfg_tunnel *a, const struct cfg_tunnel *b, const char **ret_remote)
{
	if (!addr_eq(&a->local, &b->local) || strcmp(a->local_id, b->local_id) != 0 ||
	    strcmp(a->remote_id, b->remote_id) != 0)
		return false;
	/* An EAP user is an identity of its own. */
	if (a->eap.peer_user[0] && b->eap.peer_user[0] && strcasecmp(a->eap.peer_user, b->eap.peer_user) != 0)
		return false;
	for (unsigned i = 0; i < a->n_remote; i++) {
		for (unsigned j = 0; j < b->n_remote; j++) {
			if (cfg_same_remote(a, i, b, j)) {
				*ret_remote = a->remote_name[i] ? a->remote_name[i] : addr_str(&a->remote[i]);
				return true;
			}
		}
	}
	return false;
}

static bool same_bgp_peer(const struct cfg_bgp *a, const struct cfg_bgp *b)
{
	return addr_eq(&a->local, &b->local) && addr_eq(&a->peer, &b->peer);
}

/*
 * The daemon keeps the way to each gateway outside of all tunnels, so what goes to its outer address leaves
 * in clear: `t` may not talk BGP to, or probe, an address where `u` sends ESP.
 */
static int check_outer(const struct cfg_load *l, struct place a, struct place b)
{
	const struct cfg_tunnel *t = a.tunnel, *u = b.tunnel;
	char path[CFG_PATH_MAX];

	for (unsigned i = 0; i < u->n_remote; i++) {
		if (u->remote_name[i])
			continue;
		if (t->have_bgp && addr_eq(&t->bgp.peer, &u->remote[i]))
			return cfg_fail(l, "config-wrong-value",
			    tunnel_path(a.site, t, "bgp/peer-address", path, sizeof(path)),
			    addr_str(&t->bgp.peer),
			    "this is the outer address of the gateway of %s/%s, and BGP would leave in "
			    "clear; "
			    "write the gateway's BGP address inside the tunnel",
			    b.site->name, u->name);
		if (!addr_is_none(&t->probe) && addr_eq(&t->probe, &u->remote[i]))
			return cfg_fail(l, "config-wrong-value",
			    tunnel_path(a.site, t, "probe-address", path, sizeof(path)), addr_str(&t->probe),
			    "this is the outer address of the gateway of %s/%s; write an address behind the "
			    "tunnel",
			    b.site->name, u->name);
	}
	return 0;
}

static int check_pair(const struct cfg_load *l, struct place a, struct place b)
{
	const struct cfg_tunnel *s = a.tunnel, *t = b.tunnel;
	char path[CFG_PATH_MAX];
	const char *remote;

	if (s->interface[0] && !strcmp(s->interface, t->interface))
		return cfg_fail(l, "config-duplicate-interface",
		    tunnel_path(b.site, t, "interface", path, sizeof(path)), t->interface,
		    "%s/%s has this interface already; name another, or none and the daemon picks",
		    a.site->name, s->name);
	if (same_ike_peer(s, t, &remote))
		return cfg_fail(l, "config-duplicate-tunnel",
		    tunnel_path(b.site, t, "remote-address", path, sizeof(path)), remote,
		    "%s/%s has the same local and remote address and the same identities; change one, or "
		    "tell them apart by local-id or remote-id",
		    a.site->name, s->name);
	/* Whatever the local addresses: the one host route to the peer leads into one tunnel. */
	if (s->have_bgp && t->have_bgp && addr_eq(&s->bgp.peer, &t->bgp.peer))
		return cfg_fail(l, "config-duplicate-peer",
		    tunnel_path(b.site, t, "bgp/peer-address", path, sizeof(path)), addr_str(&t->bgp.peer),
		    "%s/%s has the same BGP peer; each tunnel leads to a BGP address of its own",
		    a.site->name, s->name);
	return check_outer(l, a, b) || check_outer(l, b, a) ? -1 : 0;
}

static int check_pairs(const struct cfg_load *l)
{
	const struct cfg *cfg = l->cfg;

	for (size_t i = 0; i < cfg->n_site; i++) {
		for (size_t j = 0; j < cfg->site[i].n_tunnel; j++) {
			const struct place b = { &cfg->site[i], &cfg->site[i].tunnel[j] };

			if (check_outer(l, b, b))
				return -1;
			for (size_t k = 0; k <= i; k++) {
				const size_t end = k < i ? cfg->site[k].n_tunnel : j;

				for (size_t m = 0; m < end; m++)
					if (check_pair(l,
					        (struct place){ &cfg->site[k], &cfg->site[k].tunnel[m] }, b))
						return -1;
			}
		}
	}
	return 0;
}

static int check_peers(const struct cfg_load *l)
{
	const struct cfg *cfg = l->cfg;
	char path[CFG_PATH_MAX];

	for (size_t i = 0; i < cfg->n_peer; i++) {
		const struct cfg_peer *p = &cfg->peer[i];

		snprintf(path, sizeof(path), "/" CFG_ROOT "/peer[name='%s']/peer-address", p->name);
		for (size_t j = 0; j < i; j++)
			if (same_bgp_peer(&p->bgp, &cfg->peer[j].bgp))
				return cfg_fail(l, "config-duplicate-peer", path, addr_str(&p->bgp.peer),
				    "peer \"%s\" has the same BGP session; remove one", cfg->peer[j].name);
		for (size_t j = 0; j < cfg->n_site; j++)
			for (size_t k = 0; k < cfg->site[j].n_tunnel; k++)
				if (cfg->site[j].tunnel[k].have_bgp &&
				    addr_eq(&p->bgp.peer, &cfg->site[j].tunnel[k].bgp.peer))
					return cfg_fail(l, "config-duplicate-peer", path,
					    addr_str(&p->bgp.peer),
					    "%s/%s has the same BGP peer, and all to it goes into that "
					    "tunnel; "
					    "remove one",
					    cfg->site[j].name, cfg->site[j].tunnel[k].name);
	}
	return 0;
}

/* What the gateway would refuse, said before it does. */
static int check_gateway(const struct cfg_load *l, const struct cfg_site *s, const struct cfg_tunnel *t)
{
	const struct profile *p = profiles_find(l->c->profiles, s->profile, NULL);
	char path[CFG_PATH_MAX], as[16];

	snprintf(as, sizeof(as), "%u", (unsigned)l->cfg->as);
	if (p && profile_as_reserved(p, l->cfg->as))
		return cfg_fail(l, "config-as-reserved", "/" CFG_ROOT "/as", as,
		    "site %s: profile %s says that its gateway refuses this AS on our side; take another "
		    "private one, as 65001",
		    s->name, s->profile);
	if (t->bgp.max_prefixes_out && l->cfg->n_announce > t->bgp.max_prefixes_out)
		return cfg_fail(l, "config-too-many-prefixes", "/" CFG_ROOT "/announce", NULL,
		    "%zu prefixes, but the gateway of site %s bears %u and drops the session beyond; "
		    "summarise them",
		    l->cfg->n_announce, s->name, (unsigned)t->bgp.max_prefixes_out);
	if (l->cfg->as == t->bgp.peer_as && p && p->peer_as == t->bgp.peer_as)
		return cfg_fail(l, "config-as-reserved", tunnel_path(s, t, "bgp/peer-as", path, sizeof(path)),
		    as, "this is our own AS, and this gateway offers no iBGP; take another AS for ourselves");
	return 0;
}

static int note_inside(const struct cfg_load *l, const struct cfg_site *s, const struct cfg_tunnel *t)
{
	char path[CFG_PATH_MAX];

	if (!t->n_inside)
		return 0;
	for (unsigned i = 0; i < t->n_inside; i++)
		if (addr_eq(&t->inside[i].addr, &t->bgp.local))
			return 0;
	return cfg_note(l, "config-inside-address-differs",
	    tunnel_path(s, t, "bgp/local-address", path, sizeof(path)),
	    "%s is no inside-address of this tunnel, so it must be on the machine already; is it meant?",
	    addr_str(&t->bgp.local));
}

/* What the BGP core has room for, said before it refuses. */
static int check_sessions(const struct cfg_load *l)
{
	const struct cfg *cfg = l->cfg;
	char path[CFG_PATH_MAX];
	size_t n = 0;

	for (size_t i = 0; i < cfg->n_site; i++)
		for (size_t k = 0; k < cfg->site[i].n_tunnel; k++)
			if (cfg->site[i].tunnel[k].have_bgp && ++n > BGP_PEERS_MAX)
				return cfg_fail(l, "config-wrong-value",
				    tunnel_path(
				        &cfg->site[i], &cfg->site[i].tunnel[k], "bgp", path, sizeof(path)),
				    NULL, "at most %d BGP sessions are possible; remove some", BGP_PEERS_MAX);
	if (n + cfg->n_peer <= BGP_PEERS_MAX)
		return 0;
	snprintf(path, sizeof(path), "/" CFG_ROOT "/peer[name='%s']", cfg->peer[BGP_PEERS_MAX - n].name);
	return cfg_fail(l, "config-wrong-value", path, NULL,
	    "at most %d BGP sessions are possible, those of tunnels (%zu) counted; remove some",
	    BGP_PEERS_MAX, n);
}

static int check_limits(const struct cfg_load *l)
{
	const struct cfg *cfg = l->cfg;
	char path[CFG_PATH_MAX];

	if (check_sessions(l))
		return -1;
	if (cfg->n_announce > BGP_ANNOUNCE_MAX)
		return cfg_fail(l, "config-wrong-value", "/" CFG_ROOT "/announce",
		    prefix_str(&cfg->announce[BGP_ANNOUNCE_MAX]),
		    "%zu prefixes, but at most %d can be announced; summarise them", cfg->n_announce,
		    BGP_ANNOUNCE_MAX);
	for (size_t i = 0; i < cfg->n_site; i++) {
		const struct cfg_site *s = &cfg->site[i];

		if (s->n_announce_from <= BGP_ANNOUNCE_FROM_MAX)
			continue;
		snprintf(path, sizeof(path), "/" CFG_ROOT "/site[name='%s']/announce-from", s->name);
		return cfg_fail(l, "config-wrong-value", path, s->announce_from[BGP_ANNOUNCE_FROM_MAX],
		    "at most %d peers can be named", BGP_ANNOUNCE_FROM_MAX);
	}
	return 0;
}

int cfg_check(const struct cfg_load *l)
{
	const struct cfg *cfg = l->cfg;

	if (check_limits(l) || check_pairs(l) || check_peers(l))
		return -1;
	for (size_t i = 0; i < cfg->n_site; i++) {
		for (size_t j = 0; j < cfg->site[i].n_tunnel; j++) {
			const struct cfg_tunnel *t = &cfg->site[i].tunnel[j];

			if (t->have_bgp &&
			    (check_gateway(l, &cfg->site[i], t) || note_inside(l, &cfg->site[i], t)))
				return -1;
		}
	}
	return 0;
}

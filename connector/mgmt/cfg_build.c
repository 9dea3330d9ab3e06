/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From validated instance data to struct cfg: the routing domain, its LAN peers and its sites. Tunnels are in
 * cfg_tunnel.c. What the tree says wins; what it leaves out the profile says; what neither says is a default
 * of the model, which libyang has put into the tree.
 */
#include "connector/mgmt/cfg_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAN_HOLD_TIME     90  /* seconds; RFC 4271 10 */
#define BFD_INTERVAL      300 /* ms */
#define BFD_MULTIPLIER    3
#define LAN_KEEPALIVE     30
#define LAN_CONNECT_RETRY 5

const struct lyd_node *cfg_next(const struct lyd_node *parent, const char *name, const struct lyd_node *node)
{
	const struct lyd_node *n = node ? node->next : lyd_child(parent);

	while (n && strcmp(LYD_NAME(n), name) != 0)
		n = n->next;
	return n;
}

const struct lyd_node *cfg_child(const struct lyd_node *parent, const char *name)
{
	return cfg_next(parent, name, NULL);
}

const char *cfg_value(const struct lyd_node *parent, const char *name)
{
	const struct lyd_node *n = cfg_child(parent, name);

	return n ? lyd_get_value(n) : NULL;
}

size_t cfg_count(const struct lyd_node *parent, const char *name)
{
	size_t count = 0;

	for (const struct lyd_node *n = cfg_child(parent, name); n; n = cfg_next(parent, name, n))
		count++;
	return count;
}

int cfg_take_addr(const struct cfg_load *l, const struct lyd_node *node, struct addr *ret_addr)
{
	if (!addr_parse(lyd_get_value(node), ret_addr))
		return 0;
	return cfg_fail_at(l, "config-wrong-value", node,
	    "this is no IPv4 or IPv6 address; write one like 192.0.2.1 or 2001:db8::1");
}

int cfg_take_prefix(
    const struct cfg_load *l, const struct lyd_node *node, bool strict, struct prefix *ret_prefix)
{
	struct prefix p, canonical;

	if (prefix_parse(lyd_get_value(node), false, &p))
		return cfg_fail_at(l, "config-wrong-value", node,
		    "this is no prefix; write one like 10.0.0.0/16 or 2001:db8::/48");
	canonical = prefix_canonical(p);
	if (strict && !prefix_eq(&p, &canonical))
		return cfg_fail_at(l, "config-wrong-value", node,
		    "bits after the prefix length are set; did you mean %s?", prefix_str(&canonical));
	*ret_prefix = p;
	return 0;
}

static void *new_array(const struct cfg_load *l, size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		cfg_fail(l, "out-of-memory", "/" CFG_ROOT, NULL, "out of memory");
	return p;
}

static int build_prefixes(const struct cfg_load *l, const struct lyd_node *root, const char *name,
    struct prefix **ret_list, size_t *ret_n)
{
	struct prefix *list = new_array(l, cfg_count(root, name), sizeof(*list));

	*ret_list = list; /* the caller's struct owns it, also when this fails */
	if (!list)
		return -1;
	for (const struct lyd_node *n = cfg_child(root, name); n; n = cfg_next(root, name, n)) {
		if (cfg_take_prefix(l, n, true, &list[*ret_n]))
			return -1;
		(*ret_n)++;
	}
	return 0;
}

static void bgp_defaults(const struct profile *p, struct cfg_bgp *bgp)
{
	bgp->hold_time = p ? p->hold_time : mdur_s(LAN_HOLD_TIME);
	bgp->keepalive = p ? p->keepalive : mdur_s(LAN_KEEPALIVE);
	bgp->connect_retry = p ? p->connect_retry : mdur_s(LAN_CONNECT_RETRY);
	bgp->max_prefixes = p ? p->max_prefixes : 0;
	bgp->max_prefixes_out = p ? p->max_prefixes_out : 0;
	bgp->accept_default = p ? p->accept_default : false;
	bgp->peer_as = p ? p->peer_as : 0;
}

static int build_bgp_timers(const struct cfg_load *l, const struct lyd_node *node, struct cfg_bgp *bgp)
{
	const char *hold = cfg_value(node, "hold-time"), *keepalive = cfg_value(node, "keepalive");

	if (hold) {
		bgp->hold_time = mdur_s(atol(hold));
		bgp->keepalive = mdur_mul(bgp->hold_time, 1, 3);
	}
	if (keepalive)
		bgp->keepalive = mdur_s(atol(keepalive));
	if (keepalive && bgp->keepalive.ns * 2 > bgp->hold_time.ns)
		return cfg_fail_at(l, "config-wrong-value", cfg_child(node, "keepalive"),
		    "more than half the hold time of %lld s, so one lost message would end the session; a "
		    "third is usual",
		    (long long)mdur_to_s(bgp->hold_time));
	return 0;
}

static int build_bgp_addresses(const struct cfg_load *l, const struct lyd_node *node, struct cfg_bgp *bgp)
{
	const struct lyd_node *local = cfg_child(node, "local-address"),
	                      *peer = cfg_child(node, "peer-address");

	if (cfg_take_addr(l, local, &bgp->local) || cfg_take_addr(l, peer, &bgp->peer))
		return -1;
	if (addr_is_unspecified(&bgp->local))
		return cfg_fail_at(l, "config-wrong-value", local,
		    "this is the unspecified address; write our own address of the session");
	if (addr_is_unspecified(&bgp->peer))
		return cfg_fail_at(
		    l, "config-wrong-value", peer, "this is the unspecified address; write the peer's");
	if (addr_eq(&bgp->local, &bgp->peer))
		return cfg_fail_at(l, "config-wrong-value", peer,
		    "this equals local-address, so the session would run with ourselves; write the peer's "
		    "own address");
	if (bgp->local.family != bgp->peer.family)
		return cfg_fail_at(l, "config-wrong-value", peer,
		    "local-address %s is of the other IP version; both must be of one",
		    addr_str(&bgp->local));
	return 0;
}

/* By which the peer reaches us: an address of a host, of this family. */
static int build_nexthop(
    const struct cfg_load *l, const struct lyd_node *n, uint8_t family, struct addr *ret_addr)
{
	const struct addr *a = ret_addr;
	bool host;

	if (!n)
		return 0;
	if (cfg_take_addr(l, n, ret_addr))
		return -1;
	host = !addr_is_unspecified(a) &&
	       (a->family == 4 ? a->b[0] != 127 && a->b[0] < 224
	                       : a->b[0] != 0xff && !(a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80));
	if (a->family != family || !host)
		return cfg_fail_at(l, "config-wrong-value", n,
		    "write the IPv%d address of this machine by which the peer reaches it; no loopback, "
		    "link-local or group address",
		    family);
	return 0;
}

static int build_nexthops(const struct cfg_load *l, const struct lyd_node *node, struct cfg_bgp *bgp)
{
	return build_nexthop(l, cfg_child(node, "next-hop-ipv4"), 4, &bgp->nexthop_v4) ||
	               build_nexthop(l, cfg_child(node, "next-hop-ipv6"), 6, &bgp->nexthop_v6)
	           ? -1
	           : 0;
}

static void build_bfd(const struct lyd_node *node, struct cfg_bfd *bfd)
{
	*bfd = (struct cfg_bfd){
		.min_tx = mdur_ms(BFD_INTERVAL), .min_rx = mdur_ms(BFD_INTERVAL), .multiplier = BFD_MULTIPLIER
	};
	if (!node)
		return;
	bfd->enabled = !strcmp(cfg_value(node, "enabled"), "true");
	bfd->multihop = !strcmp(cfg_value(node, "multihop"), "true");
	bfd->strict = bfd->enabled && !strcmp(cfg_value(node, "strict"), "true");
	bfd->min_tx = mdur_ms(atol(cfg_value(node, "min-tx")));
	bfd->min_rx = mdur_ms(atol(cfg_value(node, "min-rx")));
	bfd->multiplier = (uint8_t)atol(cfg_value(node, "multiplier"));
}

static void build_limits(const struct lyd_node *node, struct cfg_bgp *bgp)
{
	const char *v = cfg_value(node, "max-prefixes-action");

	bgp->limits.action = !v || !strcmp(v, "reset") ? CFG_LIMIT_RESET
	                     : !strcmp(v, "discard")   ? CFG_LIMIT_DISCARD
	                                               : CFG_LIMIT_WARN;
	if ((v = cfg_value(node, "max-prefixes")))
		bgp->max_prefixes = (uint32_t)strtoul(v, NULL, 10);
	if ((v = cfg_value(node, "max-prefixes-warn")))
		bgp->limits.warn_percent = (uint32_t)strtoul(v, NULL, 10);
	if ((v = cfg_value(node, "max-prefixes-restart")))
		bgp->limits.restart = mdur_s(atol(v));
	if ((v = cfg_value(node, "max-prefixes-out")))
		bgp->max_prefixes_out = (uint32_t)strtoul(v, NULL, 10);
}

int cfg_build_bgp(
    const struct cfg_load *l, const struct lyd_node *node, const struct profile *p, struct cfg_bgp *bgp)
{
	const char *v = cfg_value(node, "mode");

	bgp_defaults(p, bgp);
	if (build_bgp_addresses(l, node, bgp) || build_nexthops(l, node, bgp) ||
	    build_bgp_timers(l, node, bgp))
		return -1;
	bgp->mode = !v || !strcmp(v, "both") ? CFG_BGP_BOTH
	            : !strcmp(v, "active")   ? CFG_BGP_ACTIVE
	                                     : CFG_BGP_PASSIVE;
	if ((v = cfg_value(node, "peer-as")))
		bgp->peer_as = (uint32_t)strtoul(v, NULL, 10);
	build_limits(node, bgp);
	if ((v = cfg_value(node, "accept-default")))
		bgp->accept_default = !strcmp(v, "true");
	if (cfg_take_session(l, node, bgp) || cfg_take_policy(l, node, &bgp->policy))
		return -1;
	build_bfd(cfg_child(node, "bfd"), &bgp->bfd);
	v = cfg_value(node, "multipath-weight");
	bgp->rib.multipath_weight = v ? (unsigned)atoi(v) : 1;
	v = cfg_value(node, "add-path");
	bgp->rib.add_path_receive = v && !strcmp(v, "receive");
	v = cfg_value(node, "route-reflector-client");
	bgp->rib.reflector_client = v && !strcmp(v, "true");
	if (bgp->rib.reflector_client && bgp->peer_as != l->cfg->as)
		return cfg_fail_at(l, "config-wrong-value", cfg_child(node, "route-reflector-client"),
		    "only a peer of our own AS %u can be a route reflector's client, and this one is of AS "
		    "%u",
		    l->cfg->as, bgp->peer_as);
	if (!bgp->peer_as)
		return cfg_fail_at(l, "config-missing-leaf", node,
		    "\"peer-as\" is missing, and profile %s knows none; add the gateway's AS",
		    p ? p->id : "(none)");
	return 0;
}

static int build_peers(const struct cfg_load *l, const struct lyd_node *root)
{
	struct cfg *cfg = l->cfg;

	cfg->peer = new_array(l, cfg_count(root, "peer"), sizeof(*cfg->peer));
	if (!cfg->peer)
		return -1;
	for (const struct lyd_node *n = cfg_child(root, "peer"); n; n = cfg_next(root, "peer", n)) {
		struct cfg_peer *p = &cfg->peer[cfg->n_peer++];

		snprintf(p->name, sizeof(p->name), "%s", cfg_value(n, "name"));
		p->transit = !strcmp(cfg_value(n, "transit"), "true");
		if (cfg_build_bgp(l, n, NULL, &p->bgp))
			return -1;
	}
	return 0;
}

static int find_profile(
    const struct cfg_load *l, const struct lyd_node *node, const struct profile **ret_profile)
{
	struct reason inner;

	*ret_profile = profiles_find(l->c->profiles, lyd_get_value(node), &inner);
	return *ret_profile ? 0 : cfg_fail_at(l, "config-unknown-profile", node, "%s", inner.text);
}

static int build_announce_from(const struct cfg_load *l, const struct lyd_node *node, struct cfg_site *s)
{
	s->announce_from = new_array(l, cfg_count(node, "announce-from"), sizeof(*s->announce_from));
	if (!s->announce_from)
		return -1;
	for (const struct lyd_node *n = cfg_child(node, "announce-from"); n;
	     n = cfg_next(node, "announce-from", n))
		snprintf(s->announce_from[s->n_announce_from++], sizeof(s->announce_from[0]), "%s",
		    lyd_get_value(n));
	return 0;
}

static int build_site(const struct cfg_load *l, const struct lyd_node *node, struct cfg_site *s)
{
	const struct profile *p;

	snprintf(s->name, sizeof(s->name), "%s", cfg_value(node, "name"));
	if (find_profile(l, cfg_child(node, "profile"), &p) || build_announce_from(l, node, s))
		return -1;
	snprintf(s->profile, sizeof(s->profile), "%s", p->id);
	snprintf(s->cloud, sizeof(s->cloud), "%s", p->cloud);
	snprintf(s->proposal_hint, sizeof(s->proposal_hint), "%s", p->proposal_hint);
	s->tunnel = new_array(l, cfg_count(node, "tunnel"), sizeof(*s->tunnel));
	if (!s->tunnel)
		return -1;
	for (const struct lyd_node *n = cfg_child(node, "tunnel"); n; n = cfg_next(node, "tunnel", n))
		if (cfg_build_tunnel(l, n, p, &s->tunnel[s->n_tunnel++]))
			return -1;
	return 0;
}

static int build_sites(const struct cfg_load *l, const struct lyd_node *root)
{
	struct cfg *cfg = l->cfg;

	cfg->site = new_array(l, cfg_count(root, "site"), sizeof(*cfg->site));
	if (!cfg->site)
		return -1;
	for (const struct lyd_node *n = cfg_child(root, "site"); n; n = cfg_next(root, "site", n))
		if (build_site(l, n, &cfg->site[cfg->n_site++]))
			return -1;
	return 0;
}

static int build_identity(const struct cfg_load *l, const struct lyd_node *root)
{
	const struct lyd_node *id = cfg_child(root, "router-id");
	const char *as = cfg_value(root, "as"), *ways = cfg_value(root, "multipath"),
	           *relax = cfg_value(root, "multipath-relax"), *compat = cfg_value(root, "nexthop-compat");
	const struct lyd_node *cluster = cfg_child(root, "cluster-id");
	struct addr a;

	l->cfg->have_bgp = as != NULL;
	l->cfg->as = as ? (uint32_t)strtoul(as, NULL, 10) : 0;
	l->cfg->multipath = ways ? (unsigned)atoi(ways) : 16;
	l->cfg->multipath_relax = relax && !strcmp(relax, "true");
	l->cfg->nexthop_compat_off = compat && !strcmp(compat, "off");
	if (cluster && (addr_parse(lyd_get_value(cluster), &a) || a.family != 4 || addr_is_unspecified(&a)))
		return cfg_fail_at(l, "config-wrong-value", cluster,
		    "a cluster id is written like an IPv4 address and is not 0.0.0.0");
	if (cluster)
		l->cfg->cluster_id = addr_to_v4(&a);
	if (!id)
		return 0;
	if (addr_parse(lyd_get_value(id), &a) || a.family != 4 || addr_is_unspecified(&a))
		return cfg_fail_at(l, "config-wrong-value", id,
		    "a router-id is written like an IPv4 address and is not 0.0.0.0 (RFC 6286); take the "
		    "machine's own address");
	l->cfg->router_id = addr_to_v4(&a);
	return 0;
}

int cfg_build(const struct cfg_load *l, const struct lyd_node *tree)
{
	const struct lyd_node *root = tree;
	struct cfg *cfg = l->cfg;

	while (root && strcmp(LYD_NAME(root), "connector") != 0)
		root = root->next;
	cfg->multipath = 16;
	if (!root)
		return 0; /* nothing configured: the daemon idles */
	if (build_identity(l, root) || cfg_build_policies(l, root) || build_peers(l, root) ||
	    cfg_build_bmp(l, root) || cfg_build_mrt(l, root))
		return -1;
	if (build_prefixes(l, root, "announce", &cfg->announce, &cfg->n_announce) ||
	    build_prefixes(l, root, "protect", &cfg->protect, &cfg->n_protect))
		return -1;
	return cfg_build_sources(l, root) ? -1 : build_sites(l, root);
}

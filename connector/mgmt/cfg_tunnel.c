/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One tunnel from instance data: the profile's values first, then what the tunnel itself says. What the model
 * has room for but this version can't carry out is refused by name here, never ignored: an admin who asks for
 * a rate limit must not believe to have one.
 */
#include "connector/mgmt/cfg_internal.h"

#include "ike/ike.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_DEFAULT   30   /* seconds */
#define SECRET_FILE_MAX 4096 /* with its directory */
#define ON_DEMAND_TRIES 3
#define ON_DEMAND_IDLE  300 /* seconds */

static const mdur rehearsal_default = { 5 * (int64_t)1000000000 };

static void from_profile(const struct profile *p, struct cfg_tunnel *t)
{
	switch (p->role) {
	case PROFILE_ROLE_BOTH: t->role = CFG_ROLE_BOTH; break;
	case PROFILE_ROLE_INITIATE: t->role = CFG_ROLE_INITIATE; break;
	case PROFILE_ROLE_RESPOND: t->role = CFG_ROLE_RESPOND; break;
	}
	t->ike_proposals = p->ike_proposals;
	t->esp_proposals = p->esp_proposals;
	t->ike_lifetime = p->ike_lifetime;
	t->esp_lifetime = p->esp_lifetime;
	t->esp_lifekbytes = p->esp_lifekbytes;
	t->rehearsal = p->no_rehearsal ? MDUR_ZERO : rehearsal_default;
	t->liveness_interval = p->liveness_interval;
	t->liveness_timeout = p->liveness_timeout;
	t->force_encap = p->force_encap;
	t->mobike = p->mobike;
	t->fragmentation = p->no_ike_fragmentation ? CFG_FRAGMENTATION_NO : CFG_FRAGMENTATION_YES;
	t->mtu = p->mtu;
	t->mss = p->mss;
}

/* Leaves that exist for later, and what serves until then. value NULL: any. */
static const struct {
	const char *leaf, *value, *instead;
} not_supported[] = {
	{ "tx-kbps", NULL, "use tc on the tunnel interface" },
	{ "rx-kbps", NULL, "use tc on the tunnel interface" },
};

static int refuse_not_supported(const struct cfg_load *l, const struct lyd_node *node)
{
	for (size_t i = 0; i < sizeof(not_supported) / sizeof(not_supported[0]); i++) {
		const struct lyd_node *n = cfg_child(node, not_supported[i].leaf);

		if (n && (!not_supported[i].value || !strcmp(lyd_get_value(n), not_supported[i].value)))
			return cfg_fail_at(l, "config-not-supported", n,
			    "this version can't carry it out; %s", not_supported[i].instead);
	}
	return 0;
}

static void seconds(const struct lyd_node *node, const char *name, mdur *ret_span)
{
	const char *v = cfg_value(node, name);

	if (v)
		*ret_span = mdur_s(atol(v));
}

static void number(const struct lyd_node *node, const char *name, uint32_t *ret_number)
{
	const char *v = cfg_value(node, name);

	if (v)
		*ret_number = (uint32_t)strtoul(v, NULL, 10);
}

static void text(const struct lyd_node *node, const char *name, char *ret_text, size_t cap)
{
	const char *v = cfg_value(node, name);

	if (v)
		snprintf(ret_text, cap, "%s", v);
}

static void take_fragmentation(const struct lyd_node *node, struct cfg_tunnel *t)
{
	const char *v = cfg_value(node, "ike-fragmentation");

	if (v)
		t->fragmentation = !strcmp(v, "yes")      ? CFG_FRAGMENTATION_YES
		                   : !strcmp(v, "accept") ? CFG_FRAGMENTATION_ACCEPT
		                   : !strcmp(v, "force")  ? CFG_FRAGMENTATION_FORCE
		                                          : CFG_FRAGMENTATION_NO;
	number(node, "ike-fragment-size", &t->fragment_size);
}

static void take_header_fields(const struct lyd_node *node, struct cfg_tunnel *t)
{
	const char *v = cfg_value(node, "df");

	if (v)
		t->df = !strcmp(v, "copy") ? CFG_DF_COPY : !strcmp(v, "set") ? CFG_DF_SET : CFG_DF_CLEAR;
	v = cfg_value(node, "mtu-probe");
	t->mtu_probe = !v || !strcmp(v, "true");
	if ((v = cfg_value(node, "dscp")))
		t->dscp_zero = !strcmp(v, "zero");
	if ((v = cfg_value(node, "ecn")))
		t->ignore_ecn = !strcmp(v, "false");
}

static void take_choices(const struct lyd_node *node, struct cfg_tunnel *t)
{
	const char *v = cfg_value(node, "role"), *start;

	t->admin_up = strcmp(cfg_value(node, "admin"), "up") == 0;
	start = cfg_value(node, "start");
	t->start = !strcmp(start, "manual")      ? CFG_START_MANUAL
	           : !strcmp(start, "on-demand") ? CFG_START_ON_DEMAND
	                                         : CFG_START_ALWAYS;
	t->data_plane = !strcmp(cfg_value(node, "data-plane"), "user")     ? CFG_PLANE_USER
	                : !strcmp(cfg_value(node, "data-plane"), "kernel") ? CFG_PLANE_KERNEL
	                                                                   : CFG_PLANE_AUTO;
	if (v)
		t->role = !strcmp(v, "both")       ? CFG_ROLE_BOTH
		          : !strcmp(v, "initiate") ? CFG_ROLE_INITIATE
		                                   : CFG_ROLE_RESPOND;
	if ((v = cfg_value(node, "promote-alternate")))
		t->promote_alternate = !strcmp(v, "true");
	if ((v = cfg_value(node, "force-encapsulation"))) {
		t->force_encap = !strcmp(v, "true");
		t->force_encap_given = true;
	}
	if ((v = cfg_value(node, "mobike")))
		t->mobike = !strcmp(v, "true");
	take_fragmentation(node, t);
	take_header_fields(node, t);
}

static int take_numbers(const struct cfg_load *l, const struct lyd_node *node, struct cfg_tunnel *t)
{
	uint32_t kbytes = (uint32_t)t->esp_lifekbytes;
	const char *v;

	seconds(node, "ike-lifetime", &t->ike_lifetime);
	seconds(node, "esp-lifetime", &t->esp_lifetime);
	seconds(node, "rehearsal", &t->rehearsal);
	if ((v = cfg_value(node, "esp-lifepackets")))
		t->esp_lifepackets = strtoull(v, NULL, 10); /* the model has checked it */
	seconds(node, "liveness-interval", &t->liveness_interval);
	seconds(node, "liveness-timeout", &t->liveness_timeout);
	number(node, "esp-lifekbytes", &kbytes);
	t->esp_lifekbytes = kbytes;
	number(node, "mtu", &t->mtu);
	/* A smaller MTU without a word on the MSS must not leave the profile's clamp above it. */
	if (cfg_child(node, "mtu") && t->mss > t->mtu - 40)
		t->mss = t->mtu - 40;
	number(node, "mss", &t->mss);
	if (t->mss > t->mtu - 40)
		return cfg_fail_at(l, "config-wrong-value", cfg_child(node, "mss"),
		    "larger than the MTU of %u less 40 bytes of headers; write at most %u", (unsigned)t->mtu,
		    (unsigned)t->mtu - 40);
	return 0;
}

static int take_proposals(
    const struct cfg_load *l, const struct lyd_node *node, bool esp, struct ike_proposals *ps)
{
	const char *name = esp ? "esp-proposal" : "ike-proposal";
	const struct lyd_node *n = cfg_child(node, name);
	struct reason inner;

	if (!n)
		return 0;
	memset(ps, 0, sizeof(*ps));
	for (; n; n = cfg_next(node, name, n)) {
		reason_clear(&inner);
		if (ike_proposal_parse(lyd_get_value(n), esp, &ps->list[ps->n], &inner))
			return cfg_fail_at(l, "config-wrong-value", n, "%s", inner.text);
		ps->n++;
	}
	return 0;
}

static bool looks_numeric(const char *s)
{
	return strchr(s, ':') || s[strspn(s, "0123456789./")] == '\0';
}

/* A host name (RFC 1123 2.1): letters, digits, hyphens and dots. */
static int take_host(const struct cfg_load *l, const struct lyd_node *node, char **ret_name)
{
	const char *v = lyd_get_value(node);

	if (v[strspn(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")] || v[0] == '-' ||
	    v[0] == '.' || strlen(v) > CFG_HOST_MAX)
		return cfg_fail_at(l, "config-wrong-value", node,
		    "this is neither an address nor a host name; write one like 203.0.113.2 or "
		    "vpn.example.net");
	*ret_name = strdup(v);
	return *ret_name ? 0 : cfg_fail_at(l, "out-of-memory", node, "out of memory");
}

/* Multicast (RFC 5771, RFC 4291 2.7) and the limited broadcast. */
static bool for_many(const struct addr *a)
{
	return a->family == 4 ? (a->b[0] & 0xf0) == 0xe0 || addr_to_v4(a) == UINT32_MAX : a->b[0] == 0xff;
}

static int take_remotes(const struct cfg_load *l, const struct lyd_node *node, struct cfg_tunnel *t)
{
	for (const struct lyd_node *n = cfg_child(node, "remote-address"); n;
	     n = cfg_next(node, "remote-address", n)) {
		struct addr *a = &t->remote[t->n_remote];

		if (addr_parse(lyd_get_value(n), a) && !looks_numeric(lyd_get_value(n))) {
			if (take_host(l, n, &t->remote_name[t->n_remote]))
				return -1;
			t->n_remote++;
			continue;
		}
		if (cfg_take_addr(l, n, a))
			return -1;
		if (addr_is_unspecified(a))
			return cfg_fail_at(l, "config-wrong-value", n,
			    "this is the unspecified address; write the gateway's public address");
		if (for_many(a))
			return cfg_fail_at(l, "config-wrong-value", n,
			    "this is a multicast or broadcast address; write the gateway's public address");
		if (!addr_is_none(&t->local) && a->family != t->local.family)
			return cfg_fail_at(l, "config-wrong-value", n,
			    "local-address %s is of the other IP version; both must be of one",
			    addr_str(&t->local));
		if (addr_eq(a, &t->local))
			return cfg_fail_at(l, "config-wrong-value", n,
			    "this equals local-address; write the gateway's public address");
		t->n_remote++;
	}
	return 0;
}

static int take_addresses(const struct cfg_load *l, const struct lyd_node *node, struct cfg_tunnel *t)
{
	const struct lyd_node *local = cfg_child(node, "local-address");

	if (local && cfg_take_addr(l, local, &t->local))
		return -1;
	if (local && addr_is_unspecified(&t->local))
		return cfg_fail_at(l, "config-wrong-value", local,
		    "this is the unspecified address; leave it out and the route decides");
	if (take_remotes(l, node, t))
		return -1;
	if (cfg_child(node, "probe-address") && cfg_take_addr(l, cfg_child(node, "probe-address"), &t->probe))
		return -1;
	for (const struct lyd_node *n = cfg_child(node, "inside-address"); n;
	     n = cfg_next(node, "inside-address", n))
		if (cfg_take_prefix(l, n, false, &t->inside[t->n_inside++]))
			return -1;
	return 0;
}

static int take_identities(const struct cfg_load *l, const struct lyd_node *node, struct cfg_tunnel *t)
{
	static const char *const leaves[] = { "local-id", "remote-id" };

	text(node, "local-id", t->local_id, sizeof(t->local_id));
	text(node, "remote-id", t->remote_id, sizeof(t->remote_id));
	for (unsigned i = 0; i < 2; i++) {
		const struct lyd_node *n = cfg_child(node, leaves[i]);
		struct ike_identity id;

		if (n && ike_identity_parse(lyd_get_value(n), &id))
			return cfg_fail_at(l, "config-wrong-value", n,
			    "this is no IKE identity; write an address, a domain name, user@domain, or a "
			    "distinguished "
			    "name (\"C=DE, O=Example, CN=gw\")");
	}
	return 0;
}

static int take_static_routes(const struct cfg_load *l, const struct lyd_node *node, struct cfg_tunnel *t)
{
	const size_t count = cfg_count(node, "static-route");

	t->static_route = calloc(count ? count : 1, sizeof(*t->static_route));
	if (!t->static_route)
		return cfg_fail_at(l, "out-of-memory", node, "out of memory");
	for (const struct lyd_node *n = cfg_child(node, "static-route"); n;
	     n = cfg_next(node, "static-route", n)) {
		struct cfg_static_route *r = &t->static_route[t->n_static_route++];

		if (cfg_take_prefix(l, cfg_child(n, "prefix"), true, &r->prefix))
			return -1;
		number(n, "metric", &r->metric);
		r->trigger = !strcmp(cfg_value(n, "trigger"), "true");
		if (r->trigger && t->start != CFG_START_ON_DEMAND)
			return cfg_fail_at(l, "config-wrong-value", cfg_child(n, "trigger"),
			    "only a tunnel with \"start\": \"on-demand\" has triggers; use false");
	}
	return 0;
}

static bool has_trigger(const struct cfg_tunnel *t)
{
	for (size_t i = 0; i < t->n_static_route; i++)
		if (t->static_route[i].trigger)
			return true;
	return false;
}

/* How it comes up and goes down by itself; after static routes and BGP. */
static int take_start(const struct cfg_load *l, const struct lyd_node *node, struct cfg_tunnel *t)
{
	const struct lyd_node *start = cfg_child(node, "start"), *idle = cfg_child(node, "idle-timeout");
	const bool on_demand = t->start == CFG_START_ON_DEMAND;

	t->retry = mdur_s(RETRY_DEFAULT);
	t->tries = on_demand ? ON_DEMAND_TRIES : 0;
	t->idle_timeout = mdur_s(on_demand ? ON_DEMAND_IDLE : 0);
	seconds(node, "retry", &t->retry);
	number(node, "tries", &t->tries);
	seconds(node, "idle-timeout", &t->idle_timeout);
	if (idle && t->start == CFG_START_ALWAYS && t->idle_timeout.ns)
		return cfg_fail_at(l, "config-wrong-value", idle,
		    "a tunnel with \"start\": \"always\" is never taken down for want of traffic; remove it, "
		    "or use "
		    "\"on-demand\" or \"manual\"");
	if (t->have_bgp && t->idle_timeout.ns)
		return cfg_fail_at(l, "config-wrong-value", idle ? idle : start,
		    "BGP's own packets would keep the tunnel up for ever; remove bgp and use static routes, "
		    "or write "
		    "\"idle-timeout\": 0");
	if (on_demand && t->role == CFG_ROLE_RESPOND)
		return cfg_fail_at(l, "config-wrong-value", start,
		    "a tunnel that only responds can't be brought up by a packet of ours; use \"always\", or "
		    "the role "
		    "\"both\"");
	if (on_demand && !has_trigger(t))
		return cfg_fail_at(l, "config-missing-leaf", start,
		    "nothing would bring it up; give a static-route \"trigger\": true");
	return 0;
}

static int take_secret(const struct cfg_load *l, const struct lyd_node *node, struct cfg_tunnel *t)
{
	const struct lyd_node *n = cfg_child(node, "secret-file");
	char path[CFG_PATH_MAX], file[SECRET_FILE_MAX];

	if (!n && t->local_auth != CFG_AUTH_PSK && t->remote_auth != CFG_AUTH_PSK)
		return 0;
	if (!n)
		return cfg_fail_at(l, "config-missing-leaf", node,
		    "\"secret-file\" is missing, and one side proves itself by psk; add it");
	if (!lyd_path(n, LYD_PATH_STD, path, sizeof(path)))
		return cfg_fail_at(l, "out-of-memory", node, "out of memory");
	if (cfg_resolve_file(l, path, lyd_get_value(n), file, sizeof(file)))
		return -1;
	t->secret_file = strdup(file);
	if (!t->secret_file)
		return cfg_fail_at(l, "out-of-memory", node, "out of memory");
	return l->with_secrets ? cfg_read_secret(l, path, t->secret_file, &t->psk) : 0;
}

int cfg_build_tunnel(
    const struct cfg_load *l, const struct lyd_node *node, const struct profile *p, struct cfg_tunnel *t)
{
	const struct lyd_node *bgp = cfg_child(node, "bgp");

	text(node, "name", t->name, sizeof(t->name));
	if (refuse_not_supported(l, node))
		return -1;
	from_profile(p, t);
	take_choices(node, t);
	text(node, "interface", t->interface, sizeof(t->interface));
	if (take_numbers(l, node, t) || take_addresses(l, node, t) || take_identities(l, node, t))
		return -1;
	if (take_proposals(l, node, false, &t->ike_proposals) ||
	    take_proposals(l, node, true, &t->esp_proposals) || cfg_take_weak(l, node, p, t))
		return -1;
	t->own_proposals = cfg_child(node, "ike-proposal") || cfg_child(node, "esp-proposal");
	if (take_static_routes(l, node, t))
		return -1;
	if (bgp) {
		t->have_bgp = true;
		if (cfg_build_bgp(l, bgp, p, &t->bgp))
			return -1;
	}
	if (cfg_take_auth(l, node, t) || take_secret(l, node, t) || cfg_take_certificate(l, node, t))
		return -1;
	return take_start(l, node, t);
}

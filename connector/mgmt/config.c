/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading a configuration, all or nothing: JSON, names and values (cfg_walk.c), the model's rules
 * (cfg_schema.c), typed values and profiles (cfg_build.c, cfg_tunnel.c), rules between tunnels (cfg_check.c).
 * Beside it, what a running daemon asks of two configurations: find this, compare these.
 */
#include "connector/mgmt/cfg_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int load_root(const struct cfg_load *l, const json_t *root)
{
	struct lyd_node *tree = NULL;
	int r;

	if (cfg_walk(l, root) || cfg_validate(l, root, &tree))
		return -1;
	r = cfg_build(l, tree);
	lyd_free_all(tree);
	if (r || cfg_check(l))
		return -1;
	l->cfg->json = json_dumps(root, JSON_INDENT(2));
	if (!l->cfg->json)
		return cfg_fail(l, "out-of-memory", NULL, NULL, "out of memory");
	return 0;
}

struct cfg *cfg_load_text(struct cfg_context *c, const char *text, const char *source_name, bool with_secrets,
    struct reason *ret_reason)
{
	struct cfg_load l = {
		.c = c, .source = source_name, .with_secrets = with_secrets, .why = ret_reason
	};
	json_t *root;
	int r = -1;

	reason_clear(ret_reason);
	l.cfg = calloc(1, sizeof(*l.cfg));
	if (!l.cfg) {
		reason_set(ret_reason, "out-of-memory", "%s: out of memory", source_name);
		return NULL;
	}
	root = cfg_parse_json(&l, text);
	if (root)
		r = load_root(&l, root);
	json_decref(root);
	if (r) {
		cfg_free(l.cfg);
		return NULL;
	}
	return l.cfg;
}

/* The whole file, NUL-terminated; to be freed. */
static char *read_file(const char *path, struct reason *ret_reason)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t n;

	if (!f) {
		reason_set(ret_reason, "config-not-readable",
		    "%s: %s; name the configuration with -c FILE, and see that it can be read", path,
		    strerror(errno));
		return NULL;
	}
	text = malloc(CFG_FILE_MAX + 2);
	n = text ? fread(text, 1, CFG_FILE_MAX + 1, f) : 0;
	if (!text || ferror(f) || n > CFG_FILE_MAX || memchr(text, '\0', n)) {
		const int e = errno;

		if (!text)
			reason_set(ret_reason, "out-of-memory", "%s: out of memory", path);
		else if (ferror(f))
			reason_set(
			    ret_reason, "config-not-readable", "%s: %s; name a file", path, strerror(e));
		else if (n > CFG_FILE_MAX)
			reason_set(ret_reason, "config-not-readable",
			    "%s: larger than %d bytes, so this is no configuration", path, CFG_FILE_MAX);
		else
			reason_set(ret_reason, "config-syntax",
			    "%s: holds a zero byte, so this is no JSON text", path);
		free(text);
		text = NULL;
	} else {
		text[n] = '\0';
	}
	fclose(f);
	return text;
}

struct cfg *cfg_load_file(
    struct cfg_context *c, const char *path, bool with_secrets, struct reason *ret_reason)
{
	char *text = read_file(path, ret_reason);
	struct cfg *cfg;

	if (!text)
		return NULL;
	cfg = cfg_load_text(c, text, path, with_secrets, ret_reason);
	free(text);
	return cfg;
}

void cfg_free(struct cfg *cfg)
{
	if (!cfg)
		return;
	for (size_t i = 0; i < cfg->n_site; i++) {
		struct cfg_site *s = &cfg->site[i];

		for (size_t j = 0; j < s->n_tunnel; j++) {
			secret_clear(&s->tunnel[j].psk);
			cfg_auth_clear(&s->tunnel[j]);
			free(s->tunnel[j].static_route);
			free(s->tunnel[j].secret_file);
			cfg_policy_clear(&s->tunnel[j].bgp.policy);
			secret_clear(&s->tunnel[j].bgp.session.password);
			for (unsigned k = 0; k < CFG_REMOTES_MAX; k++)
				free(s->tunnel[j].remote_name[k]);
		}
		free(s->tunnel);
		free(s->announce_from);
	}
	for (size_t i = 0; i < cfg->n_peer; i++) {
		cfg_policy_clear(&cfg->peer[i].bgp.policy);
		secret_clear(&cfg->peer[i].bgp.session.password);
	}
	cfg_sources_free(cfg);
	cfg_policies_free(cfg->policies);
	free(cfg->site);
	free(cfg->peer);
	free(cfg->announce);
	free(cfg->protect);
	free(cfg->discard);
	free(cfg->note);
	free(cfg->json);
	free(cfg);
}

static bool same_proposals(const struct ike_proposals *a, const struct ike_proposals *b, bool esp)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++) { /* by text: structs have padding */
		char s[1024], t[1024];

		if (strcmp(ike_proposal_str(&a->list[i], esp, s, sizeof(s)),
		        ike_proposal_str(&b->list[i], esp, t, sizeof(t))) != 0)
			return false;
	}
	return true;
}

/* Interface addresses keep their host bits, so they are compared whole. */
static bool same_inside(const struct cfg_tunnel *a, const struct cfg_tunnel *b)
{
	if (a->n_inside != b->n_inside)
		return false;
	for (unsigned i = 0; i < a->n_inside; i++)
		if (a->inside[i].len != b->inside[i].len || !addr_eq(&a->inside[i].addr, &b->inside[i].addr))
			return false;
	return true;
}

bool cfg_same_remote(const struct cfg_tunnel *a, unsigned i, const struct cfg_tunnel *b, unsigned j)
{
	const char *of_a = a->remote_name[i], *of_b = b->remote_name[j];

	return of_a && of_b ? !strcmp(of_a, of_b) : of_a == of_b && addr_eq(&a->remote[i], &b->remote[j]);
}

static bool same_ends(const struct cfg_tunnel *a, const struct cfg_tunnel *b)
{
	if (a->n_remote != b->n_remote || !addr_eq(&a->local, &b->local))
		return false;
	for (unsigned i = 0; i < a->n_remote; i++)
		if (!cfg_same_remote(a, i, b, i))
			return false;
	return !strcmp(a->local_id, b->local_id) && !strcmp(a->remote_id, b->remote_id);
}

static bool same_bgp(const struct cfg_bgp *a, const struct cfg_bgp *b)
{
	return addr_eq(&a->local, &b->local) && addr_eq(&a->peer, &b->peer) && a->peer_as == b->peer_as &&
	       addr_eq(&a->nexthop_v4, &b->nexthop_v4) && addr_eq(&a->nexthop_v6, &b->nexthop_v6) &&
	       a->mode == b->mode && a->hold_time.ns == b->hold_time.ns &&
	       a->keepalive.ns == b->keepalive.ns && a->connect_retry.ns == b->connect_retry.ns &&
	       a->max_prefixes == b->max_prefixes && a->max_prefixes_out == b->max_prefixes_out &&
	       a->limits.action == b->limits.action && a->limits.warn_percent == b->limits.warn_percent &&
	       a->limits.restart.ns == b->limits.restart.ns && a->accept_default == b->accept_default &&
	       cfg_session_same(&a->session, &b->session) && cfg_policy_same(&a->policy, &b->policy) &&
	       a->bfd.enabled == b->bfd.enabled && a->bfd.multihop == b->bfd.multihop &&
	       a->bfd.strict == b->bfd.strict && a->bfd.min_tx.ns == b->bfd.min_tx.ns &&
	       a->bfd.min_rx.ns == b->bfd.min_rx.ns && a->bfd.multiplier == b->bfd.multiplier;
}

bool cfg_same_session(const struct cfg_tunnel *a, const struct cfg_tunnel *b)
{
	return a->have_bgp == b->have_bgp && (!a->have_bgp || (addr_eq(&a->bgp.local, &b->bgp.local) &&
	                                                          addr_eq(&a->bgp.peer, &b->bgp.peer)));
}

struct addr cfg_inside_of(const struct cfg_tunnel *t, uint8_t family)
{
	for (unsigned i = 0; i < t->n_inside; i++)
		if (t->inside[i].addr.family == family)
			return t->inside[i].addr;
	return (struct addr){ 0 };
}

static bool same_static_routes(const struct cfg_tunnel *a, const struct cfg_tunnel *b)
{
	if (a->n_static_route != b->n_static_route)
		return false;
	for (size_t i = 0; i < a->n_static_route; i++) {
		const struct cfg_static_route *r = &a->static_route[i], *s = &b->static_route[i];

		if (!prefix_eq(&r->prefix, &s->prefix) || r->metric != s->metric || r->trigger != s->trigger)
			return false;
	}
	return true;
}

enum cfg_change cfg_tunnel_compare(const struct cfg_tunnel *a, const struct cfg_tunnel *b)
{
	if (a->role != b->role || a->data_plane != b->data_plane || strcmp(a->interface, b->interface) != 0 ||
	    a->force_encap != b->force_encap || a->force_encap_given != b->force_encap_given ||
	    a->mobike != b->mobike || a->fragmentation != b->fragmentation ||
	    a->fragment_size != b->fragment_size || a->df != b->df || a->dscp_zero != b->dscp_zero ||
	    a->ignore_ecn != b->ignore_ecn || a->mtu != b->mtu || a->mss != b->mss)
		return CFG_RESTART;
	if (!same_ends(a, b) || !same_inside(a, b) || !secret_eq(&a->psk, &b->psk) || !cfg_auth_same(a, b))
		return CFG_RESTART;
	if (!same_proposals(&a->ike_proposals, &b->ike_proposals, false) ||
	    !same_proposals(&a->esp_proposals, &b->esp_proposals, true))
		return CFG_RESTART;
	if (!credentials_same(a->credentials, b->credentials)) /* holds from the next authentication */
		return CFG_LIGHT;
	if (a->esp_lifepackets != b->esp_lifepackets || a->rehearsal.ns != b->rehearsal.ns)
		return CFG_LIGHT;
	if (a->admin_up != b->admin_up || a->start != b->start || a->mtu_probe != b->mtu_probe ||
	    a->ike_lifetime.ns != b->ike_lifetime.ns || a->esp_lifetime.ns != b->esp_lifetime.ns ||
	    a->esp_lifekbytes != b->esp_lifekbytes || a->promote_alternate != b->promote_alternate ||
	    !addr_eq(&a->probe, &b->probe) || a->idle_timeout.ns != b->idle_timeout.ns ||
	    a->retry.ns != b->retry.ns || a->tries != b->tries ||
	    a->liveness_interval.ns != b->liveness_interval.ns ||
	    a->liveness_timeout.ns != b->liveness_timeout.ns)
		return CFG_LIGHT;
	if (a->have_bgp != b->have_bgp || (a->have_bgp && !same_bgp(&a->bgp, &b->bgp)) ||
	    !same_static_routes(a, b))
		return CFG_LIGHT;
	return CFG_SAME;
}

const struct cfg_site *cfg_find_site(const struct cfg *cfg, const char *name)
{
	for (size_t i = 0; i < cfg->n_site; i++)
		if (!strcmp(cfg->site[i].name, name))
			return &cfg->site[i];
	return NULL;
}

const struct cfg_tunnel *cfg_find_tunnel(const struct cfg_site *site, const char *name)
{
	for (size_t i = 0; i < site->n_tunnel; i++)
		if (!strcmp(site->tunnel[i].name, name))
			return &site->tunnel[i];
	return NULL;
}

const struct cfg_peer *cfg_find_peer(const struct cfg *cfg, const char *name)
{
	for (size_t i = 0; i < cfg->n_peer; i++)
		if (!strcmp(cfg->peer[i].name, name))
			return &cfg->peer[i];
	return NULL;
}

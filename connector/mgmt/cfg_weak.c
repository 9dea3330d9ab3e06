/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weak algorithms (3DES, MD5, SHA-1, MODP below 2048 bits): known to the notation, and refused, unless two
 * people said yes: who wrote the profile (a legacy twin lists what its gateway needs) and who wrote the
 * tunnel (allow-weak). Then every load says so in a note, and the tunnel's state lists them.
 *
 * RFC 8221 and RFC 8247 say what is weak and why; RFC 9395 deprecates the rest.
 */
#include "connector/mgmt/cfg_internal.h"

#include <stdio.h>
#include <string.h>

static bool allowed(const struct profile *p, const struct cfg_tunnel *t, const char *name)
{
	return t->allow_weak && profile_admits(p, name);
}

/* The way out for somebody whose gateway can do no better. */
static const char *way_out(const struct cfg_load *l, const struct profile *p, const struct cfg_tunnel *t,
    const char *name, char *buf, size_t cap)
{
	const struct profile *twin = profiles_legacy_twin(l->c->profiles, p);

	if (profile_admits(p, name))
		snprintf(buf, cap, "profile %s admits it once the tunnel says \"allow-weak\": true", p->id);
	else if (twin && twin != p && profile_admits(twin, name))
		snprintf(buf, cap, "there is the profile %s, with \"allow-weak\": true in the tunnel%s",
		    twin->id, t->allow_weak ? "; this profile admits nothing weak" : "");
	else
		snprintf(buf, cap, "no profile here admits it");
	return buf;
}

static int refuse(const struct cfg_load *l, const struct lyd_node *at, const struct profile *p,
    const struct cfg_tunnel *t, bool esp, const char *name)
{
	char out[240];

	way_out(l, p, t, name, out, sizeof(out));
	if (strcmp(LYD_NAME(at), "tunnel") != 0)
		return cfg_fail_at(l, "config-weak-algorithm", at,
		    "%s is weak; write %s instead. Only where the gateway can do no better: %s", name,
		    ike_weak_instead(name), out);
	return cfg_fail_at(l, "config-weak-algorithm", at,
	    "the %s of profile %s has the weak %s; take the profile without \"-legacy\", or write the leaf "
	    "with "
	    "%s instead. Only where the gateway can do no better: %s",
	    esp ? "esp-proposal" : "ike-proposal", p->id, name, ike_weak_instead(name), out);
}

bool cfg_weak_has(const struct cfg_tunnel *t, const char *name)
{
	for (unsigned i = 0; i < t->n_weak; i++)
		if (!strcmp(t->weak[i], name))
			return true;
	return false;
}

static void keep(struct cfg_tunnel *t, const char *name)
{
	if (!cfg_weak_has(t, name) && t->n_weak < IKE_WEAK_MAX)
		t->weak[t->n_weak++] = name;
}

/* Each of the tunnel's own proposals stands beside its leaf; the profile's stand for the tunnel. */
static int check(const struct cfg_load *l, const struct lyd_node *tunnel, const struct profile *p,
    struct cfg_tunnel *t, bool esp)
{
	const struct ike_proposals *ps = esp ? &t->esp_proposals : &t->ike_proposals;
	const char *leaf = esp ? "esp-proposal" : "ike-proposal";
	const struct lyd_node *at = cfg_child(tunnel, leaf);

	for (unsigned i = 0; i < ps->n; i++, at = at ? cfg_next(tunnel, leaf, at) : NULL) {
		const char *names[IKE_WEAK_MAX];
		unsigned n = ike_proposal_weak(&ps->list[i], esp, names);

		for (unsigned k = 0; k < n; k++) {
			if (!allowed(p, t, names[k]))
				return refuse(l, at ? at : tunnel, p, t, esp, names[k]);
			keep(t, names[k]);
		}
	}
	return 0;
}

static int note(const struct cfg_load *l, const struct lyd_node *tunnel, const struct cfg_tunnel *t)
{
	char path[CFG_PATH_MAX], list[80] = "";

	for (unsigned i = 0; i < t->n_weak; i++) {
		size_t at = strlen(list);

		snprintf(list + at, sizeof(list) - at, "%s%s", i ? ", " : "", t->weak[i]);
	}
	if (!lyd_path(tunnel, LYD_PATH_STD, path, sizeof(path)))
		snprintf(path, sizeof(path), "/" CFG_ROOT);
	return cfg_note(l, "config-weak-allowed", path,
	    "allow-weak is on: %s may be used here. Who records this traffic may read it one day, and an "
	    "active "
	    "attacker maybe now; ask for a policy with aes256-sha256-modp2048 at the gateway",
	    list);
}

int cfg_take_weak(
    const struct cfg_load *l, const struct lyd_node *tunnel, const struct profile *p, struct cfg_tunnel *t)
{
	t->allow_weak = !strcmp(cfg_value(tunnel, "allow-weak"), "true");
	if (check(l, tunnel, p, t, false) || check(l, tunnel, p, t, true))
		return -1;
	/* Signatures of old certificates and peers: SHA-1, IKE's first RSA method, RSA below 2048 bits. */
	if (cfg_child(tunnel, "certificate") && allowed(p, t, "sha1"))
		keep(t, "sha1");
	return t->n_weak ? note(l, tunnel, t) : 0;
}

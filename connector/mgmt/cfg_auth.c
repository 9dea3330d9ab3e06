/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a tunnel's two sides prove themselves: `local-auth`, `remote-auth`, and what EAP and a PPK need. EAP is
 * for one side only, the one that initiates (RFC 7296 2.16): what doesn't go together is refused here, at its
 * leaf.
 */
#include "connector/mgmt/cfg_internal.h"

#include "ike/ike.h"

#include <stdio.h>
#include <string.h>

static enum cfg_auth auth_of(const char *v)
{
	return !strcmp(v, "certificate")    ? CFG_AUTH_CERT
	       : !strcmp(v, "eap-mschapv2") ? CFG_AUTH_EAP_MSCHAPV2
	       : !strcmp(v, "eap-tls")      ? CFG_AUTH_EAP_TLS
	                                    : CFG_AUTH_PSK;
}

static bool is_eap(enum cfg_auth a)
{
	return a == CFG_AUTH_EAP_MSCHAPV2 || a == CFG_AUTH_EAP_TLS;
}

static void text(const struct lyd_node *node, const char *name, char *ret_text, size_t cap)
{
	const char *v = node ? cfg_value(node, name) : NULL;

	if (v)
		snprintf(ret_text, cap, "%s", v);
}

/* One side signs on by EAP: it has to be the one that initiates, and is told by the leaf `role` alone. */
static int eap_role(const struct cfg_load *l, const struct lyd_node *node, bool local, struct cfg_tunnel *t)
{
	const enum cfg_role role = local ? CFG_ROLE_INITIATE : CFG_ROLE_RESPOND;
	const struct lyd_node *said = cfg_child(node, "role");

	if (said && t->role != role)
		return cfg_fail_at(l, "config-wrong-value", said,
		    "with EAP the side that signs on initiates: write \"%s\", or leave it out",
		    local ? "initiate" : "respond");
	t->role = role;
	return 0;
}

static int need(const struct cfg_load *l, const struct lyd_node *node, const struct lyd_node *eap,
    const char *leaf, const char *what)
{
	if (eap && cfg_child(eap, leaf))
		return 0;
	return cfg_fail_at(
	    l, "config-missing-leaf", eap ? eap : node, "\"eap/%s\" is missing: %s", leaf, what);
}

static int check_eap(
    const struct cfg_load *l, const struct lyd_node *node, const struct lyd_node *eap, struct cfg_tunnel *t)
{
	bool local = is_eap(t->local_auth), remote = is_eap(t->remote_auth);

	if (local && remote)
		return cfg_fail_at(l, "config-wrong-value", cfg_child(node, "remote-auth"),
		    "only one side can sign on by EAP; the other proves itself by psk or certificate");
	if (eap && lyd_child(eap) && !local && !remote) /* libyang makes an empty one */
		return cfg_fail_at(l, "config-wrong-value", eap,
		    "nobody signs on by EAP; set local-auth or remote-auth to eap-mschapv2 or eap-tls");
	if (local && (need(l, node, eap, "user", "as whom we sign on") || eap_role(l, node, true, t)))
		return -1;
	if (remote &&
	    (need(l, node, eap, "peer-user", "who the peer must be") || eap_role(l, node, false, t)))
		return -1;
	if (t->local_auth == CFG_AUTH_EAP_MSCHAPV2 &&
	    need(l, node, eap, "secret-file", "the user's password"))
		return -1;
	if (t->remote_auth == CFG_AUTH_EAP_MSCHAPV2 &&
	    need(l, node, eap, "peer-secret-file", "the peer's password"))
		return -1;
	return 0;
}

static int take_ppk(const struct cfg_load *l, const struct lyd_node *ppk, struct cfg_ppk *p)
{
	if (!ppk)
		return 0;
	text(ppk, "id", p->id, sizeof(p->id));
	p->required = !strcmp(cfg_value(ppk, "required"), "true");
	return cfg_take_secret(l, ppk, "secret-file", &p->secret);
}

int cfg_take_auth(const struct cfg_load *l, const struct lyd_node *node, struct cfg_tunnel *t)
{
	const struct lyd_node *eap = cfg_child(node, "eap");
	struct cfg_eap *e = &t->eap;

	/* Of what is not said, what is configured decides: a certificate before a key. */
	if (cfg_child(node, "certificate"))
		t->local_auth = t->remote_auth = CFG_AUTH_CERT;
	if (cfg_child(node, "local-auth"))
		t->local_auth = auth_of(cfg_value(node, "local-auth"));
	if (cfg_child(node, "remote-auth"))
		t->remote_auth = auth_of(cfg_value(node, "remote-auth"));
	if (check_eap(l, node, eap, t))
		return -1;
	text(eap, "user", e->user, sizeof(e->user));
	text(eap, "identity", e->identity, sizeof(e->identity));
	text(eap, "server-name", e->server_name, sizeof(e->server_name));
	text(eap, "peer-user", e->peer_user, sizeof(e->peer_user));
	if (cfg_take_secret(l, eap, "secret-file", &e->secret) ||
	    cfg_take_secret(l, eap, "peer-secret-file", &e->peer_secret))
		return -1;
	return take_ppk(l, cfg_child(node, "ppk"), &t->ppk);
}

void cfg_auth_clear(struct cfg_tunnel *t)
{
	secret_clear(&t->eap.secret);
	secret_clear(&t->eap.peer_secret);
	secret_clear(&t->ppk.secret);
	credentials_unref(t->credentials);
	t->credentials = NULL;
}

bool cfg_auth_same(const struct cfg_tunnel *a, const struct cfg_tunnel *b)
{
	const struct cfg_eap *e = &a->eap, *f = &b->eap;

	return a->local_auth == b->local_auth && a->remote_auth == b->remote_auth &&
	       !strcmp(e->user, f->user) && !strcmp(e->identity, f->identity) &&
	       !strcmp(e->server_name, f->server_name) && !strcmp(e->peer_user, f->peer_user) &&
	       secret_eq(&e->secret, &f->secret) && secret_eq(&e->peer_secret, &f->peer_secret) &&
	       !strcmp(a->ppk.id, b->ppk.id) && a->ppk.required == b->ppk.required &&
	       secret_eq(&a->ppk.secret, &b->ppk.secret);
}

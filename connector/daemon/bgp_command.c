/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands to BGP. Two tries hold how the announced networks differ from the configuration (more, less) and a
 * list the sessions that are down; everything else asks them, so a tunnel that comes up, a reload, or a new
 * BGP core finds things as the last command left them.
 */
#include "connector/daemon/bgp_command.h"

#include "connector/daemon/announce.h"
#include "connector/daemon/tunnel.h"
#include "connector/sys/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CEASE_ADMIN_SHUTDOWN 2 /* RFC 4486 */

struct down {
	struct list node; /* domain.bgp_down */
	char name[VIEW_NAME_MAX];
};

static struct down *down_find(const struct domain *d, const char *peer)
{
	list_for_each (&d->bgp_down, struct down, e, node)
		if (!strcmp(e->name, peer))
			return e;
	return NULL;
}

bool bgp_command_is_down(const struct domain *d, const char *peer)
{
	return down_find(d, peer) != NULL;
}

bool bgp_command_announces(const struct domain *d, const struct prefix *p)
{
	return ptrie_get(d->announced_more, p) != NULL;
}

bool bgp_command_withdrew(const struct domain *d, const struct prefix *p)
{
	return ptrie_get(d->announced_less, p) != NULL;
}

static bool configured(const struct cfg *cfg, const struct prefix *p)
{
	for (size_t i = 0; cfg && i < cfg->n_announce; i++)
		if (prefix_eq(&cfg->announce[i], p))
			return true;
	return false;
}

/* A network that stands on something may not be there now, and be withdrawn all the same. */
static bool network_configured(const struct cfg *cfg, const struct prefix *p)
{
	for (size_t i = 0; i < cfg->n_network; i++)
		if (prefix_eq(&cfg->network[i].prefix, p))
			return true;
	return false;
}

/* --- networks --- */

/* What the configuration announces in one way or another, now. */
static bool by_config(const struct domain *d, const struct prefix *p)
{
	return configured(d->config->cfg, p) || announce_has(d, p);
}

static enum api_result announce_one(struct domain *d, const struct prefix *p, struct reason *why)
{
	bool own = configured(d->config->cfg, p), lifted = ptrie_remove(d->announced_less, p) != NULL;

	if (lifted)
		announce_overridden(d);
	/* What comes of a source or of parts comes with their attributes again, while there are any. */
	if (lifted && !own) {
		log_info(d->log, "bgp", "%s is announced as configured again, by command", prefix_str(p));
		return API_OK;
	}
	if ((!own && ptrie_set(d->announced_more, p, d)) || bgp_announce(d->bgp, p, clock_now())) {
		ptrie_remove(d->announced_more, p);
		reason_set(
		    why, "announce-full", "%s: no room for another network, or memory is out", prefix_str(p));
		return API_REFUSED;
	}
	log_info(d->log, "bgp", "%s is announced by command", prefix_str(p));
	return API_OK;
}

static enum api_result withdraw_one(struct domain *d, const struct prefix *p, struct reason *why)
{
	bool more = ptrie_remove(d->announced_more, p) != NULL;

	if ((!more || by_config(d, p)) && !bgp_command_withdrew(d, p) && ptrie_set(d->announced_less, p, d)) {
		reason_set(why, "no-memory", "out of memory");
		return API_FAILED;
	}
	bgp_unannounce(d->bgp, p, clock_now());
	announce_overridden(d);
	log_info(d->log, "bgp", "%s is withdrawn by command", prefix_str(p));
	return API_OK;
}

static enum api_result check_one(
    const struct domain *d, enum api_bgp_op_kind kind, const struct prefix *p, struct reason *why)
{
	if (kind == API_BGP_ANNOUNCE)
		return !bgp_command_withdrew(d, p) && bgp_announce_check(p, why) ? API_REFUSED : API_OK;
	if (bgp_command_announces(d, p) || bgp_command_withdrew(d, p) || by_config(d, p) ||
	    network_configured(d->config->cfg, p))
		return API_OK;
	reason_set(why, "not-announced", "%s is not announced: there is nothing to withdraw", prefix_str(p));
	return API_NOT_FOUND;
}

static enum api_result networks(struct domain *d, const struct api_bgp_op *op, struct reason *why)
{
	enum api_result result = API_OK;

	for (unsigned i = 0; i < op->n_prefix && result == API_OK; i++)
		result = check_one(d, op->kind, &op->prefix[i], why);
	for (unsigned i = 0; i < op->n_prefix && result == API_OK; i++)
		result = op->kind == API_BGP_ANNOUNCE ? announce_one(d, &op->prefix[i], why)
		                                      : withdraw_one(d, &op->prefix[i], why);
	return result;
}

/* --- sessions --- */

static enum api_result refresh(struct domain *d, uint32_t id, const struct api_bgp_op *op, struct reason *why)
{
	struct bgp_peer_view *v = calloc(1, sizeof(*v));
	enum api_result result = API_REFUSED;
	mtime now = clock_now();

	if (!v || bgp_peer_view(d->bgp, id, v))
		reason_set(why, "bgp-not-established", "%s: the session is not up", op->peer);
	else if (v->state != BGP_ESTABLISHED)
		reason_set(why, "bgp-not-established",
		    "%s is at %s, not Established: all routes are exchanged anyway when it comes up",
		    op->peer, bgp_state_name(v->state));
	else if (op->in && !v->route_refresh)
		reason_set(why, "bgp-no-refresh",
		    "%s can't be asked again: it does not know route refresh (RFC 2918). `bgp down` and `bgp "
		    "up` begin "
		    "anew",
		    op->peer);
	else if ((op->in && bgp_peer_refresh(d->bgp, id, now)) ||
	         (op->out && bgp_peer_resend(d->bgp, id, now)))
		reason_set(why, "no-memory", "%s: the request could not be sent: out of memory", op->peer);
	else
		result = API_OK;
	free(v);
	return result;
}

static enum api_result go_up(struct domain *d, struct tunnel *t, const struct lan_peer *l, const char *name)
{
	struct down *e = down_find(d, name);

	if (!e)
		return API_OK;
	list_remove(&e->node);
	free(e);
	log_info(d->log, name, "its BGP session may run again, by command");
	if (t)
		tunnel_bgp_up(t);
	else
		bgp_peer_start(d->bgp, l->id, clock_now());
	return API_OK;
}

static enum api_result go_down(struct domain *d, struct tunnel *t, const struct lan_peer *l,
    const struct api_bgp_op *op, struct reason *why)
{
	struct down *e = down_find(d, op->peer);
	struct reason text = { 0 };
	const char *words;

	if (e)
		return API_OK;
	e = calloc(1, sizeof(*e));
	if (!e) {
		reason_set(why, "no-memory", "out of memory");
		return API_FAILED;
	}
	snprintf(e->name, sizeof(e->name), "%s", op->peer);
	reason_set(&text, "bgp-admin-down", "%s: taken down by command%s%s", op->peer,
	    op->message[0] ? ": " : "", op->message);
	words = op->message[0] ? op->message : NULL;
	if (t ? tunnel_bgp_down(t, words, &text, why)
	      : bgp_peer_stop_saying(d->bgp, l->id, CEASE_ADMIN_SHUTDOWN, words, &text, clock_now(), why)) {
		free(e);
		return API_REFUSED;
	}
	list_append(&d->bgp_down, &e->node);
	log_info(d->log, op->peer, "its BGP session is taken down, by command");
	return API_OK;
}

static enum api_result session(struct domain *d, const struct api_bgp_op *op, struct reason *why)
{
	struct tunnel *t = domain_tunnel_by_name(d, op->peer);
	const struct lan_peer *l = domain_lan_peer_by_name(d, op->peer);

	if (t && !t->cfg->have_bgp)
		t = NULL;
	if (!t && !l) {
		reason_set(why, "no-such-peer", "there is no BGP peer %s; `causeway bgp summary` lists them",
		    op->peer);
		return API_NOT_FOUND;
	}
	switch (op->kind) {
	case API_BGP_REFRESH: return refresh(d, t ? t->id : l->id, op, why);
	case API_BGP_UP: return go_up(d, t, l, op->peer);
	case API_BGP_DOWN: return go_down(d, t, l, op, why);
	case API_BGP_ANNOUNCE:
	case API_BGP_WITHDRAW: break;
	}
	return API_INVALID;
}

enum api_result bgp_command(void *domain, const struct api_bgp_op *op, struct reason *ret_reason)
{
	struct domain *d = domain;
	enum api_result result;

	if (!d->bgp || !d->config) {
		reason_set(ret_reason, "bgp-not-configured", "BGP is not configured here: `as` is missing");
		return API_REFUSED;
	}
	if (op->kind == API_BGP_ANNOUNCE || op->kind == API_BGP_WITHDRAW)
		result = networks(d, op, ret_reason);
	else
		result = session(d, op, ret_reason);
	domain_pump(d);
	return result;
}

/* --- life --- */

void bgp_command_reload(struct domain *d, const struct cfg *cfg, mtime now)
{
	struct prefix p;

	for (size_t i = 0; i < cfg->n_announce; i++)
		ptrie_remove(d->announced_more, &cfg->announce[i]);
	for (bool more = ptrie_first(d->announced_less, &p, NULL); more;
	     more = ptrie_after(d->announced_less, &p, &p, NULL))
		if (!configured(cfg, &p) && !announce_may(cfg, &p))
			ptrie_remove(d->announced_less, &p);
	for (bool more = ptrie_first(d->announced_more, &p, NULL); more;
	     more = ptrie_after(d->announced_more, &p, &p, NULL))
		if (bgp_announce(d->bgp, &p, now))
			log_error(d->log, "bgp", "no-memory: %s is not announced", prefix_str(&p));
}

void bgp_command_free(struct domain *d)
{
	list_for_each (&d->bgp_down, struct down, e, node)
		free(e);
	ptrie_free(d->announced_more);
	ptrie_free(d->announced_less);
}

/* --- views --- */

/* Both tries as one list: first what is more, then what is less. */
size_t bgp_command_view(void *domain, size_t start, struct view_announced *out, size_t max)
{
	const struct domain *d = domain;
	const struct ptrie *const tries[] = { d->announced_more, d->announced_less };
	size_t i = 0, n = 0;
	struct prefix p;

	for (unsigned t = 0; t < 2; t++)
		for (bool more = ptrie_first(tries[t], &p, NULL); more && n < max;
		     more = ptrie_after(tries[t], &p, &p, NULL))
			if (i++ >= start)
				out[n++] = (struct view_announced){ .prefix = p, .withdrawn = t == 1 };
	return n;
}

static bool told_row(
    const struct domain *d, enum bgp_rib rib, uint32_t peer, const struct prefix *p, char *reason, size_t cap)
{
	struct bgp_route_query q = { .rib = rib, .peer = peer, .within = *p, .exact = true };
	struct bgp_route_view *v = calloc(1, sizeof(*v));
	size_t n = v ? bgp_routes(d->bgp, &q, v, 1) : 0;

	if (n)
		snprintf(reason, cap, "%s", v->reason);
	free(v);
	return n > 0;
}

static void told_peer(
    const struct domain *d, uint32_t id, const char *name, const struct prefix *p, struct view_told *v)
{
	struct bgp_peer_view *pv = calloc(1, sizeof(*pv));
	struct view_told_peer *out = &v->peer[v->n_peer];

	if (pv && !bgp_peer_view(d->bgp, id, pv) && pv->state == BGP_ESTABLISHED) {
		v->n_peer++;
		snprintf(out->name, sizeof(out->name), "%s", name);
		out->told = told_row(d, BGP_RIB_ADVERTISED, id, p, out->reason, sizeof(out->reason));
		out->withheld =
		    !out->told && told_row(d, BGP_RIB_WITHHELD, id, p, out->reason, sizeof(out->reason));
		if (out->told)
			out->reason[0] = '\0';
	}
	free(pv);
}

static size_t count_peers(const struct domain *d)
{
	size_t n = 0;

	list_for_each (&d->tunnels, struct tunnel, t, node)
		n += t->cfg->have_bgp;
	list_for_each (&d->lan_peers, struct lan_peer, l, node)
		n += l->id != 0;
	return n;
}

enum api_result bgp_command_view_one(
    void *domain, const struct prefix *p, struct view_told **ret_told, struct reason *ret_reason)
{
	const struct domain *d = domain;
	struct view_told *v;

	if (!d->bgp || !d->config) {
		reason_set(ret_reason, "bgp-not-configured", "BGP is not configured here: `as` is missing");
		return API_REFUSED;
	}
	v = calloc(1, sizeof(*v) + (count_peers(d) + 1) * sizeof(v->peer[0]));
	if (!v) {
		reason_set(ret_reason, "no-memory", "out of memory");
		return API_FAILED;
	}
	v->prefix = *p;
	v->configured =
	    by_config(d, p) || network_configured(d->config->cfg, p) || bgp_command_withdrew(d, p);
	v->announced = bgp_command_announces(d, p) || (by_config(d, p) && !bgp_command_withdrew(d, p));
	list_for_each (&d->tunnels, struct tunnel, t, node)
		if (!t->retiring && t->cfg->have_bgp)
			told_peer(d, t->id, t->name, p, v);
	list_for_each (&d->lan_peers, struct lan_peer, l, node)
		told_peer(d, l->id, l->name, p, v);
	*ret_told = v;
	return API_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers: adding, changing, removing, and the commands on them. What a change means for a running session is
 * decided in one place (needs_restart): what went into the OPEN or names the connection restarts it, the rest
 * takes effect in place by judging and announcing anew.
 */
#include "bgp/core.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_HOLD_S  90
#define DEFAULT_RETRY_S 5
#define HOLD_MIN_S      3
#define HOLD_MAX_S      65535
#define RESTART_MAX_S   4095 /* twelve bits (RFC 4724 3) */
#define SPARE_PER_PEER  8

struct peer *peer_find(const struct bgp *bgp, uint32_t id)
{
	list_for_each (&bgp->peers, struct peer, p, node)
		if (p->id == id)
			return p;
	return NULL;
}

static int check_config(
    const struct bgp *bgp, uint32_t id, const struct bgp_peer_config *c, struct reason *ret_reason)
{
	if (id == 0)
		return reason_set(ret_reason, "bgp-peer-invalid", "peer id 0 is taken by ourselves");
	if (c->peer_as == 0)
		return reason_set(ret_reason, "bgp-peer-invalid", "%s: peer-as 0 does not exist", c->name);
	if (addr_is_none(&c->remote) || (!addr_is_none(&c->local) && c->local.family != c->remote.family))
		return reason_set(ret_reason, "bgp-peer-invalid",
		    "%s: local-address and peer-address must be of one family", c->name);
	if (c->hold_time.ns && (mdur_to_s(c->hold_time) < HOLD_MIN_S || mdur_to_s(c->hold_time) > HOLD_MAX_S))
		return reason_set(
		    ret_reason, "bgp-peer-invalid", "%s: hold-time must be 3 to 65535 seconds", c->name);
	if (c->keepalive.ns < 0 || c->connect_retry.ns < 0)
		return reason_set(ret_reason, "bgp-peer-invalid", "%s: timers can't be negative", c->name);
	if (c->session.restart_time.ns < 0 || mdur_to_s(c->session.restart_time) > RESTART_MAX_S ||
	    c->session.stale_time.ns < 0 || c->session.send_hold.ns < 0)
		return reason_set(ret_reason, "bgp-peer-invalid",
		    "%s: restart-time is 0 to %d seconds, and no time is negative", c->name, RESTART_MAX_S);
	if (c->rib.multipath_weight > BGP_WEIGHT_MAX)
		return reason_set(ret_reason, "bgp-peer-invalid", "%s: multipath-weight is 1 to %d", c->name,
		    BGP_WEIGHT_MAX);
	if (c->rib.reflector_client && c->peer_as != (c->local_as ? c->local_as : bgp->config.as))
		return reason_set(ret_reason, "bgp-peer-invalid",
		    "%s: only a peer of our own AS can be a route reflector's client", c->name);
	if (c->damping.on && c->peer_as == (c->local_as ? c->local_as : bgp->config.as))
		return reason_set(ret_reason, "bgp-peer-invalid",
		    "%s: only an external peer's routes are damped (RFC 2439): inside an AS it makes loops",
		    c->name);
	if (damping_check(&c->damping, c->name, ret_reason) < 0)
		return -1;
	if (c->n_announce_from > BGP_ANNOUNCE_FROM_MAX)
		return reason_set(ret_reason, "bgp-peer-invalid",
		    "%s: announce-from names more than %d peers", c->name, BGP_ANNOUNCE_FROM_MAX);
	list_for_each (&bgp->peers, struct peer, p, node)
		if (p->id != id && addr_eq(&p->config.remote, &c->remote) &&
		    addr_eq(&p->config.local, &c->local))
			return reason_set(ret_reason, "bgp-peer-duplicate",
			    "%s: %s has the same local-address and peer-address %s", c->name, p->config.name,
			    addr_str(&c->remote));
	return 0;
}

/* Zero values mean the defaults (bgp.h). */
static struct bgp_peer_config with_defaults(const struct bgp_peer_config *config)
{
	struct bgp_peer_config c = *config;

	c.name[sizeof(c.name) - 1] = '\0';
	if (!c.hold_time.ns)
		c.hold_time = mdur_s(DEFAULT_HOLD_S);
	if (!c.keepalive.ns)
		c.keepalive = mdur_mul(c.hold_time, 1, 3);
	if (!c.connect_retry.ns)
		c.connect_retry = mdur_s(DEFAULT_RETRY_S);
	return c;
}

/* A peer's configuration holds references to its policies. */
static void policy_ref(const struct bgp_peer_config *c)
{
	bgp_policy_chain_ref(&c->policy.import);
	bgp_policy_chain_ref(&c->policy.export);
}

static void policy_put(struct bgp_peer_config *c)
{
	bgp_policy_chain_put(&c->policy.import);
	bgp_policy_chain_put(&c->policy.export);
}

/* There are as many as peers; some may still be in the table of peers that were removed. */
static unsigned slot_free(struct bgp *bgp)
{
	unsigned i = 0;

	while (i < BGP_PEERS_MAX && bgp->slot[i])
		i++;
	if (i < BGP_PEERS_MAX)
		return i;
	sweep_all(bgp);
	return slot_free(bgp);
}

int bgp_peer_add(
    struct bgp *bgp, uint32_t peer, const struct bgp_peer_config *config, struct reason *ret_reason)
{
	struct peer *p;
	struct list *at;
	unsigned slot;

	if (check_config(bgp, peer, config, ret_reason) < 0)
		return -1;
	if (peer_find(bgp, peer))
		return reason_set(ret_reason, "bgp-peer-duplicate", "%s: peer %u exists", config->name, peer);
	if (bgp->n_peers >= BGP_PEERS_MAX)
		return reason_set(ret_reason, "bgp-too-many-peers", "%s: a speaker has at most %d peers",
		    config->name, BGP_PEERS_MAX);
	slot = slot_free(bgp);
	p = calloc(1, sizeof(*p));
	if (!p || actions_reserve(bgp, SPARE_PER_PEER) < 0) {
		free(p);
		return reason_set(ret_reason, "bgp-out-of-memory", "%s: out of memory", config->name);
	}
	p->bgp = bgp;
	p->id = peer;
	p->config = with_defaults(config);
	policy_ref(&p->config);
	p->since = bgp->now;
	p->retry_at = p->start_at = MTIME_NEVER;
	paths_reset(p);
	graceful_init(p);
	rib_out_init(p);
	p->slot = (uint8_t)slot;
	bgp->slot[slot] = p;
	at = bgp->peers.next;
	while (at != &bgp->peers && list_entry(at, struct peer, node)->id < peer)
		at = at->next;
	list_insert_before(at, &p->node);
	bgp->n_peers++;
	return 0;
}

void peer_free(struct peer *p)
{
	rib_out_free(p);
	for (unsigned i = 0; i < 2; i++)
		session_free(p->session[i]);
	list_remove(&p->node);
	p->bgp->slot[p->slot] = NULL;
	policy_put(&p->config);
	damping_free(p);
	free(p);
}

/* NULL why, or one that is not set: say what the subcode means. */
static void stop(struct peer *p, const struct notify *notify, const struct reason *why)
{
	struct reason r = { 0 };

	if (why && reason_is_set(why))
		r = *why;
	else
		reason_set(&r, "bgp-stopped", "%s: stopped%s%s", p->config.name, notify ? ": " : "",
		    notify ? notify_subcode_name(notify->code, notify->subcode) : "");
	p->started = false;
	p->rejoin.waited &= !notify; /* a command: it isn't expected back */
	p->failures = 0;
	p->without_caps = false;
	fsm_fall(p, FALL_STOP, notify, &r);
}

void bgp_peer_stop(struct bgp *bgp, uint32_t peer, uint8_t cease_subcode, const struct reason *why, mtime now)
{
	(void)bgp_peer_stop_saying(bgp, peer, cease_subcode, NULL, why, now, NULL);
}

int bgp_peer_stop_saying(struct bgp *bgp, uint32_t peer, uint8_t cease_subcode, const char *words,
    const struct reason *why, mtime now, struct reason *ret_reason)
{
	struct notify n = { .code = BGP_ERR_CEASE, .subcode = cease_subcode };
	struct peer *p;

	bgp_enter(bgp, now);
	p = peer_find(bgp, peer);
	if (words && cease_subcode != BGP_CEASE_SHUTDOWN && cease_subcode != BGP_CEASE_RESET)
		return reason_set(ret_reason, "bgp-message-invalid",
		    "only a shutdown and a reset carry a message (RFC 9003)");
	if (words && notify_shutdown_text(&n, words) < 0)
		return reason_set(ret_reason, "bgp-message-invalid",
		    "a message to a peer is UTF-8 text of at most %d octets (RFC 9003)", SHUTDOWN_TEXT_MAX);
	if (p && p->started)
		stop(p, &n, why);
	return 0;
}

void bgp_stop_all(struct bgp *bgp, uint8_t cease_subcode, const struct reason *why, mtime now)
{
	struct notify n = { .code = BGP_ERR_CEASE, .subcode = cease_subcode };

	bgp_enter(bgp, now);
	list_for_each (&bgp->peers, struct peer, p, node)
		if (p->started)
			stop(p, &n, why);
}

void bgp_peer_path_lost(struct bgp *bgp, uint32_t peer, const struct reason *why, mtime now)
{
	struct peer *p;

	bgp_enter(bgp, now);
	p = peer_find(bgp, peer);
	if (p && p->started)
		stop(p, NULL, why);
}

void bgp_peer_remove(struct bgp *bgp, uint32_t peer, mtime now)
{
	struct peer *p;

	bgp_peer_stop(bgp, peer, BGP_CEASE_DECONFIGURED, NULL, now);
	p = peer_find(bgp, peer);
	if (!p)
		return;
	graveyard_clear(bgp); /* its sessions point to it */
	rib_in_flush(p, -1);
	list_remove(&p->node);
	bgp->n_peers--;
	p->removed = true;
	list_append(&bgp->removed, &p->node);
	restarting_look(bgp);
	sweep_start(bgp); /* p may be gone then */
}

void bgp_peer_start(struct bgp *bgp, uint32_t peer, mtime now)
{
	struct peer *p;

	bgp_enter(bgp, now);
	p = peer_find(bgp, peer);
	if (!p || p->started)
		return;
	p->started = true;
	fsm_start(p);
}

int bgp_peer_refresh(struct bgp *bgp, uint32_t peer, mtime now)
{
	struct peer *p;
	struct session *s;
	int result = 0;

	bgp_enter(bgp, now);
	p = peer_find(bgp, peer);
	s = p ? peer_session(p, SESSION_ESTABLISHED) : NULL;
	if (!s || !s->terms.route_refresh)
		return -1;
	for (int f = 0; f < BGP_N_FAMILIES; f++)
		if (s->terms.family[f] &&
		    session_send_refresh(s, (enum bgp_family)f, BGP_REFRESH_REQUEST) < 0)
			result = -1;
	return result;
}

int bgp_peer_resend(struct bgp *bgp, uint32_t peer, mtime now)
{
	struct peer *p;

	bgp_enter(bgp, now);
	p = peer_find(bgp, peer);
	if (!p || !peer_session(p, SESSION_ESTABLISHED))
		return -1;
	rib_out_walk(p, WALK_ALL, true, false);
	return 0;
}

/* --- changing --- */
static bool needs_restart(const struct bgp_peer_config *a, const struct bgp_peer_config *b)
{
	return !addr_eq(&a->local, &b->local) || !addr_eq(&a->remote, &b->remote) ||
	       a->local_as != b->local_as || a->peer_as != b->peer_as || a->ipv4 != b->ipv4 ||
	       a->ipv6 != b->ipv6 || a->session.extended_messages != b->session.extended_messages ||
	       a->rib.add_path_receive != b->rib.add_path_receive ||
	       a->session.restart != b->session.restart || a->session.role != b->session.role ||
	       a->session.strict_role != b->session.strict_role ||
	       a->session.restart_time.ns != b->session.restart_time.ns;
}

static bool changes_export(const struct bgp_peer_config *a, const struct bgp_peer_config *b)
{
	return a->kind != b->kind || a->transit != b->transit || a->n_announce_from != b->n_announce_from ||
	       memcmp(a->announce_from, b->announce_from, a->n_announce_from * sizeof(a->announce_from[0])) !=
	           0 ||
	       !addr_eq(&a->nexthop_v6, &b->nexthop_v6) || !addr_eq(&a->nexthop_v4, &b->nexthop_v4) ||
	       a->policy.remove_private_as != b->policy.remove_private_as ||
	       a->policy.as_override != b->policy.as_override ||
	       !bgp_policy_chain_same(&a->policy.export, &b->policy.export);
}

static bool changes_import(const struct bgp_peer_config *a, const struct bgp_peer_config *b)
{
	return a->kind != b->kind || a->accept_default != b->accept_default ||
	       a->policy.allow_own_as != b->policy.allow_own_as || !addr_eq(&a->nexthop_v6, &b->nexthop_v6) ||
	       !addr_eq(&a->nexthop_v4, &b->nexthop_v4) ||
	       !bgp_policy_chain_same(&a->policy.import, &b->policy.import);
}

static void apply_in_place(struct peer *p, const struct bgp_peer_config *was)
{
	struct session *s = peer_session(p, SESSION_ESTABLISHED);
	struct notify n = { .code = BGP_ERR_CEASE, .subcode = BGP_CEASE_MAX_PREFIXES };

	if (changes_import(was, &p->config))
		rib_in_rejudge_peer(p, was->kind != p->config.kind ? REJUDGE_DECISION : REJUDGE_IMPORT);
	if (was->rib.multipath_weight != p->config.rib.multipath_weight)
		rib_in_rejudge_peer(p, REJUDGE_DECISION);
	if (was->rib.reflector_client !=
	    p->config.rib.reflector_client) /* all internal peers hear otherwise */
		list_for_each (&p->bgp->peers, struct peer, q, node)
			if (peer_internal(q) && peer_session(q, SESSION_ESTABLISHED))
				rib_out_walk(q, WALK_ALL, false, false);
	if (s && changes_export(was, &p->config))
		rib_out_walk(p, WALK_ALL, false, false);
	if (was->limits.max_out != p->config.limits.max_out)
		limit_out_changed(p, was->limits.max_out);
	if (s && limit_in_check(p)) {
		reason_set(
		    &n.why, "bgp-max-prefixes", "%s: more prefixes than max-prefixes allows", p->config.name);
		fsm_session(s, FSM_ERROR, &(struct fsm_fact){ .notify = &n });
	}
}

static void restart(struct peer *p, const struct bgp_peer_config *config)
{
	struct notify n = { .code = BGP_ERR_CEASE, .subcode = BGP_CEASE_CONFIG_CHANGE };

	reason_set(&n.why, "bgp-config-change", "%s: configuration changed", p->config.name);
	if (p->started)
		fsm_fall(p, FALL_RESTART, &n, &n.why);
	p->config = with_defaults(config);
}

int bgp_peer_update(struct bgp *bgp, uint32_t peer, const struct bgp_peer_config *config, mtime now,
    struct reason *ret_reason)
{
	struct peer *p;
	struct bgp_peer_config was;
	bool session;

	bgp_enter(bgp, now);
	p = peer_find(bgp, peer);
	if (!p)
		return reason_set(ret_reason, "bgp-no-such-peer", "no peer %u", peer);
	if (check_config(bgp, peer, config, ret_reason) < 0)
		return -1;
	was = p->config;
	policy_ref(config);
	session = p->session[0] || p->session[1];
	if (!needs_restart(&was, config)) {
		if (was.mode != config->mode && p->state != BGP_ESTABLISHED)
			restart(p, config); /* who connects to whom starts over; no session is lost */
		p->config = with_defaults(config);
		apply_in_place(p, &was);
		session = false;
	} else {
		restart(p, config);
	}
	damping_changed(p, &was.damping);
	if (p->bfd_waits && !peer_needs_bfd(p)) { /* it is strict no more */
		p->bfd_waits = false;
		if (p->started && !p->session[0] && !p->session[1])
			fsm_start(p);
	}
	policy_put(&was);
	return session ? 1 : 0;
}

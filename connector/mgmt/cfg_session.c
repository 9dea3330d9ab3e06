/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a BGP session is run: what protects its TCP connection, and what of BGP is offered beyond routes. The
 * leaves stand in the model's grouping bgp-options, so a tunnel's session and a LAN peer's have them alike.
 */
#include "bgp/bgp.h"
#include "connector/mgmt/cfg_internal.h"

#include <stdlib.h>
#include <string.h>

#define PASSWORD_MAX    80 /* what the kernel takes (RFC 2385 4.5 asks for that many at least) */
#define RESTART_DEFAULT 120
#define STALE_DEFAULT   360
/* RFC 7196: what is suppressed below 6000 are prefixes that many see change for good reason. */
#define DAMPING_HALF_LIFE 900
#define DAMPING_REUSE     750
#define DAMPING_SUPPRESS  6000
#define DAMPING_LONGEST   3600

static uint32_t number(const struct lyd_node *node, const char *name, uint32_t otherwise)
{
	const char *v = node ? cfg_value(node, name) : NULL;

	return v ? (uint32_t)strtoul(v, NULL, 10) : otherwise;
}

static int take_password(const struct cfg_load *l, const struct lyd_node *node, struct cfg_session *s)
{
	if (cfg_take_secret(l, node, "password-file", &s->password))
		return -1;
	if (s->password.len > PASSWORD_MAX)
		return cfg_fail_at(l, "config-wrong-value", cfg_child(node, "password-file"),
		    "the password in this file is longer than the %d octets that TCP's MD5 signatures take",
		    PASSWORD_MAX);
	return 0;
}

static int take_hops(const struct cfg_load *l, const struct lyd_node *node, struct cfg_session *s)
{
	s->ttl_security = number(node, "ttl-security", 0);
	s->multihop = number(node, "multihop", 0);
	if (s->ttl_security && s->multihop)
		return cfg_fail_at(l, "config-wrong-value", cfg_child(node, "multihop"),
		    "with ttl-security packets leave with a hop limit of 255, and ttl-security says how many "
		    "hops away the peer "
		    "may be; remove one of both");
	return 0;
}

static void take_restart(const struct lyd_node *node, struct cfg_session *s)
{
	const struct lyd_node *restart = cfg_child(node, "graceful-restart");
	const char *mode = restart ? cfg_value(restart, "mode") : NULL;

	s->restart = !mode || !strcmp(mode, "helper") ? CFG_RESTART_HELPER
	             : !strcmp(mode, "full")          ? CFG_RESTART_FULL
	                                              : CFG_RESTART_OFF;
	s->restart_time = mdur_s(number(restart, "restart-time", RESTART_DEFAULT));
	s->stale_time = mdur_s(number(restart, "stale-time", STALE_DEFAULT));
}

static int take_role(const struct cfg_load *l, const struct lyd_node *node, struct cfg_session *s)
{
	static const char *const names[] = { "provider", "rs", "rs-client", "customer",
		"peer" }; /* in the wire's order */
	const char *v = cfg_value(node, "role"), *strict = cfg_value(node, "role-strict");

	for (unsigned i = 0; v && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(v, names[i]))
			s->role = i + 1;
	s->role_strict = strict && !strcmp(strict, "true");
	if (s->role_strict && !s->role)
		return cfg_fail_at(l, "config-wrong-value", cfg_child(node, "role-strict"),
		    "without a role of our own there is none to ask for; write \"role\" too");
	return 0;
}

static int take_damping(const struct cfg_load *l, const struct lyd_node *node, struct cfg_bgp *bgp)
{
	const struct lyd_node *n = cfg_child(node, "damping");
	struct cfg_damping *d = &bgp->session.damping;
	const char *on = n ? cfg_value(n, "enabled") : NULL;
	struct bgp_damping_config core;

	*d = (struct cfg_damping){ .enabled = on && !strcmp(on, "true"),
		.half_life = mdur_s(number(n, "half-life", DAMPING_HALF_LIFE)),
		.max_suppress = mdur_s(number(n, "max-suppress-time", DAMPING_LONGEST)),
		.reuse = number(n, "reuse", DAMPING_REUSE),
		.suppress = number(n, "suppress", DAMPING_SUPPRESS) };
	if (!d->enabled)
		return 0;
	if (bgp->peer_as == l->cfg->as)
		return cfg_fail_at(l, "config-wrong-value", n,
		    "only routes of another AS are damped (RFC 2439): inside of one, routers that refuse "
		    "what others use make loops; remove it from this peer of our own AS");
	if (d->suppress <= d->reuse)
		return cfg_fail_at(l, "config-wrong-value", cfg_child(n, "suppress"),
		    "it must be above \"reuse\", %u", d->reuse);
	core = (struct bgp_damping_config){
		.half_life = d->half_life, .reuse = d->reuse, .max_suppress = d->max_suppress
	};
	if (bgp_damping_ceiling(&core) <= d->suppress)
		return cfg_fail_at(l, "config-wrong-value", n,
		    "a penalty from which %u is reached within max-suppress-time is at most %u, so nothing "
		    "would ever be suppressed above %u; lengthen max-suppress-time, or shorten half-life",
		    d->reuse, bgp_damping_ceiling(&core), d->suppress);
	return 0;
}

int cfg_take_session(const struct cfg_load *l, const struct lyd_node *node, struct cfg_bgp *bgp)
{
	struct cfg_session *s = &bgp->session;
	const char *extended = cfg_value(node, "extended-messages");

	s->extended_messages = extended && !strcmp(extended, "true");
	s->send_hold = mdur_s(number(node, "send-hold-time", 0));
	if (s->send_hold.ns && s->send_hold.ns <= bgp->hold_time.ns)
		return cfg_fail_at(l, "config-wrong-value", cfg_child(node, "send-hold-time"),
		    "it must be longer than the hold time of %lld s (RFC 9687 3.2); twice that is usual, and "
		    "8 minutes at least",
		    (long long)mdur_to_s(bgp->hold_time));
	take_restart(node, s);
	return take_hops(l, node, s) || take_role(l, node, s) || take_damping(l, node, bgp) ||
	               take_password(l, node, s)
	           ? -1
	           : 0;
}

static bool same_damping(const struct cfg_damping *a, const struct cfg_damping *b)
{
	return a->enabled == b->enabled && a->half_life.ns == b->half_life.ns && a->reuse == b->reuse &&
	       a->max_suppress.ns == b->max_suppress.ns && a->suppress == b->suppress;
}

bool cfg_session_same(const struct cfg_session *a, const struct cfg_session *b)
{
	return secret_eq(&a->password, &b->password) && a->ttl_security == b->ttl_security &&
	       a->multihop == b->multihop && a->extended_messages == b->extended_messages &&
	       a->role == b->role && a->role_strict == b->role_strict && a->send_hold.ns == b->send_hold.ns &&
	       a->restart == b->restart && a->restart_time.ns == b->restart_time.ns &&
	       a->stale_time.ns == b->stale_time.ns && same_damping(&a->damping, &b->damping);
}

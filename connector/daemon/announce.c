/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Announcing by source. Facts (the foreign routes in the kernel) and wishes (the configuration) give the set
 * of networks that are to be originated now; what the core has been told is kept beside it, and the
 * difference is told. A source that goes takes its network with it at once. Default routes and martians are
 * never taken over from the kernel, whatever is redistributed; a `network` may name a default route.
 */
#include "connector/daemon/announce.h"

#include "connector/daemon/bgp_command.h"
#include "connector/sys/clock.h"

#include <stdlib.h>
#include <string.h>

/* RTPROT_*: what `ip route` and the kernel itself put in. */
#define PROTO_KERNEL 2
#define PROTO_BOOT   3
#define PROTO_STATIC 4

#define ORIGIN_IGP        0
#define ORIGIN_INCOMPLETE 2

struct originated {
	uint8_t origin;
	struct bgp_policy_chain policy; /* references */
	bool keep;                      /* mark of the update under way */
};

struct announce {
	const struct cfg *cfg;    /* in force; the domain keeps it alive. NULL before the first */
	struct ptrie *originated; /* what the core was told: prefix -> struct originated */
	struct fib_source *source;
	size_t n_source;
	bool cut;                /* and said so */
	unsigned left_out;       /* by the update under way, since the core is full */
	struct prefix first_out; /* of them */
	bool full;               /* and said so */
};

struct announce *announce_new(void)
{
	struct announce *a = calloc(1, sizeof(*a));

	if (a && !(a->originated = ptrie_new())) {
		free(a);
		return NULL;
	}
	return a;
}

static void originated_free(struct originated *o)
{
	bgp_policy_chain_put(&o->policy);
	free(o);
}

static void forget_all(struct announce *a)
{
	struct prefix p;
	void *v;

	while (ptrie_first(a->originated, &p, &v)) {
		ptrie_remove(a->originated, &p);
		originated_free(v);
	}
}

void announce_free(struct announce *a)
{
	if (!a)
		return;
	forget_all(a);
	ptrie_free(a->originated);
	free(a->source);
	free(a);
}

/* --- what is to be --- */
static bool by_interface(const char *wanted, const struct fib_source *s)
{
	return !wanted[0] || !strcmp(wanted, s->interface);
}

/* The prefix or a part of it is there. A default route stands for itself alone. */
static bool is_there(const struct announce *a, const struct cfg_network *n)
{
	for (size_t i = 0; i < a->n_source; i++) {
		const struct fib_source *s = &a->source[i];

		if (prefix_contains(&n->prefix, &s->prefix) && (n->prefix.len || !s->prefix.len) &&
		    by_interface(n->interface, s))
			return true;
	}
	return false;
}

static bool of_source(enum cfg_source source, uint8_t protocol)
{
	switch (source) {
	case CFG_SOURCE_CONNECTED: return protocol == PROTO_KERNEL;
	case CFG_SOURCE_STATIC: return protocol == PROTO_STATIC || protocol == PROTO_BOOT;
	case CFG_SOURCE_KERNEL: return protocol != PROTO_KERNEL;
	}
	return false;
}

static bool taken(const struct cfg_redistribute *r, const struct fib_source *s)
{
	return of_source(r->source, s->protocol) && by_interface(r->interface, s) &&
	       (!r->prefixes || bgp_prefix_list_match(r->prefixes, &s->prefix)) &&
	       !bgp_announce_check(&s->prefix, NULL);
}

/* The core is to have this; the first that says so of a prefix counts. */
static void originate(
    struct domain *d, const struct prefix *p, uint8_t origin, const struct bgp_policy_chain *policy)
{
	struct announce *a = d->announce;
	struct originated *o = ptrie_get(a->originated, p);
	bool fresh = !o;

	if ((o && o->keep) || bgp_command_withdrew(d, p))
		return;
	if (o && o->origin == origin && bgp_policy_chain_same(&o->policy, policy)) {
		o->keep = true;
		return;
	}
	/* A redistributed table may be larger than what can be announced: no line, and no try, for each. */
	if (fresh && !bgp_announce_room(d->bgp, p)) {
		if (!a->left_out++)
			a->first_out = *p;
		return;
	}
	if (fresh)
		o = calloc(1, sizeof(*o));
	if (!o || (fresh && ptrie_set(a->originated, p, o) < 0) ||
	    bgp_originate(d->bgp, p, origin, policy, clock_now()) < 0) {
		log_error(
		    d->log, "bgp", "announce-failed: %s is not announced: out of memory", prefix_str(p));
		if (o && fresh) {
			ptrie_remove(a->originated, p);
			originated_free(o);
		}
		return;
	}
	if (fresh)
		log_info(d->log, "bgp", "%s is announced: its source is there", prefix_str(p));
	bgp_policy_chain_ref(policy);
	bgp_policy_chain_put(&o->policy);
	o->policy = *policy;
	o->origin = origin;
	o->keep = true;
}

/* True when some went: there may be room now. */
static bool withdraw_rest(struct domain *d)
{
	struct announce *a = d->announce;
	bool any = false;
	struct prefix p;
	void *v;

	for (bool more = ptrie_first(a->originated, &p, &v); more;
	     more = ptrie_after(a->originated, &p, &p, &v)) {
		struct originated *o = v;

		if (o->keep) {
			o->keep = false;
			continue;
		}
		ptrie_remove(a->originated, &p);
		bgp_unoriginate(d->bgp, &p, clock_now());
		if (!bgp_command_withdrew(d, &p))
			log_info(
			    d->log, "bgp", "%s is no longer announced: its source has gone", prefix_str(&p));
		originated_free(o);
		any = true;
	}
	return any;
}

static void originate_all(struct domain *d)
{
	struct announce *a = d->announce;
	const struct cfg *cfg = a->cfg;

	a->left_out = 0;
	for (size_t i = 0; i < cfg->n_network; i++)
		if (!cfg->network[i].when_route || is_there(a, &cfg->network[i]))
			originate(d, &cfg->network[i].prefix, ORIGIN_IGP, &cfg->network[i].policy);
	for (size_t i = 0; cfg->n_redistribute && i < a->n_source; i++)
		for (size_t k = 0; k < cfg->n_redistribute; k++)
			if (taken(&cfg->redistribute[k], &a->source[i])) {
				originate(
				    d, &a->source[i].prefix, ORIGIN_INCOMPLETE, &cfg->redistribute[k].policy);
				break;
			}
}

static void update(struct domain *d)
{
	struct announce *a = d->announce;

	if (!d->bgp || !a->cfg || d->stopping)
		return;
	do
		originate_all(d);
	while (withdraw_rest(d) && a->left_out);
	if (a->left_out && !a->full)
		log_error(d->log, "bgp",
		    "announce-failed: %s is not announced, nor are %u others: %d networks are, and that is "
		    "all. "
		    "Narrow redistribute[], or announce a prefix that covers them",
		    prefix_str(&a->first_out), a->left_out - 1, BGP_ANNOUNCE_MAX);
	a->full = a->left_out > 0;
}

/* --- facts --- */
void announce_sources(struct domain *d, const struct fib_source list[], size_t n, bool cut)
{
	struct announce *a = d->announce;
	struct fib_source *copy = malloc((n + 1) * sizeof(*copy));

	if (!copy) {
		log_error(d->log, "bgp", "no-memory: what is announced by source stays as it is");
		return;
	}
	if (n)
		memcpy(copy, list, n * sizeof(*copy));
	free(a->source);
	a->source = copy;
	a->n_source = n;
	if (cut && !a->cut)
		log_warn(d->log, "bgp",
		    "announce-sources-cut: more than %d foreign routes match what is to be announced by "
		    "source; the rest is not "
		    "looked at. Narrow redistribute[], or announce a prefix that covers them",
		    FIB_SOURCES_MAX);
	a->cut = cut;
	update(d);
}

/* Which foreign routes matter, asked of the FIB writer. */
static void watch(struct domain *d, const struct cfg *cfg)
{
	uint8_t protocol[32] = { 0 };
	struct prefix *within = calloc(cfg->n_network + 1, sizeof(*within));
	size_t n = 0;

	if (!within)
		return;
	for (size_t i = 0; i < cfg->n_network; i++)
		if (cfg->network[i].when_route)
			within[n++] = cfg->network[i].prefix;
	for (size_t i = 0; i < cfg->n_redistribute; i++)
		for (unsigned k = 0; k < 256; k++)
			if (of_source(cfg->redistribute[i].source, (uint8_t)k))
				protocol[k >> 3] |= (uint8_t)(1u << (k & 7));
	fib_writer_watch(d->fib, protocol, within, n);
	free(within);
}

static void apply_aggregates(struct domain *d, const struct cfg *cfg)
{
	struct bgp_aggregate *list = calloc(cfg->n_aggregate + 1, sizeof(*list));

	for (size_t i = 0; list && i < cfg->n_aggregate; i++)
		list[i] = (struct bgp_aggregate){ .prefix = cfg->aggregate[i].prefix,
			.summary_only = cfg->aggregate[i].summary_only,
			.as_set = cfg->aggregate[i].as_set,
			.withheld = bgp_command_withdrew(d, &cfg->aggregate[i].prefix),
			.policy = cfg->aggregate[i].policy };
	if (!list || bgp_aggregates(d->bgp, list, cfg->n_aggregate, clock_now()) < 0)
		log_error(d->log, "bgp", "no-memory: aggregates stay as they are");
	free(list);
}

void announce_apply(struct domain *d, const struct cfg *cfg, bool anew)
{
	struct announce *a = d->announce;

	if (anew)
		forget_all(a);
	a->cfg = cfg;
	if (!d->bgp)
		return;
	apply_aggregates(d, cfg);
	if (cfg->n_network || cfg->n_redistribute || a->source)
		watch(d, cfg);
	update(d);
}

/* --- commands --- */
static bool is_aggregate(const struct cfg *cfg, const struct prefix *p)
{
	for (size_t i = 0; i < cfg->n_aggregate; i++)
		if (prefix_eq(&cfg->aggregate[i].prefix, p))
			return true;
	return false;
}

bool announce_has(const struct domain *d, const struct prefix *p)
{
	const struct announce *a = d->announce;

	return ptrie_get(a->originated, p) || (a->cfg && is_aggregate(a->cfg, p));
}

bool announce_may(const struct cfg *cfg, const struct prefix *p)
{
	for (size_t i = 0; i < cfg->n_network; i++)
		if (prefix_eq(&cfg->network[i].prefix, p))
			return true;
	return cfg->n_redistribute || is_aggregate(cfg, p);
}

void announce_overridden(struct domain *d)
{
	if (!d->bgp || !d->announce->cfg)
		return;
	if (d->announce->cfg->n_aggregate)
		apply_aggregates(d, d->announce->cfg);
	update(d);
}

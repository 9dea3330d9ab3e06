/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applying policy: a pure walk over the rules of a chain. Matches look at the attributes as the rules before
 * have left them, so that a rule with `next` can mark what a later one judges. Nothing is allocated: changed
 * attributes are written into the room given, one after the other, and what a route had before stays readable
 * there until the next call.
 */
#include "bgp/policy_internal.h"

#include <stdio.h>
#include <string.h>

struct run {
	const struct prefix *prefix;
	const struct policy_context *ctx;
	struct wr w; /* over the room */
	struct policy_result *r;
	const char *path_text; /* of the path as it is now; NULL: not written yet */
	size_t path_text_len;
};

/* --- matching --- */
static bool peer_matches(const struct bgp_policy_match *m, const char *from)
{
	for (unsigned i = 0; from && i < m->n_peers; i++) {
		size_t n = strlen(m->peer[i]);

		if (!strncmp(from, m->peer[i], n) &&
		    (from[n] == '\0' || from[n] == '/')) /* a site is all its tunnels */
			return true;
	}
	return false;
}

static bool path_matches(struct run *run, const struct bgp_path_list *l)
{
	struct bytes path = run->r->attrs.as_path;

	if (!run->path_text) {
		size_t cap = as_path_text_max(path);
		uint8_t *room = wr_skip(&run->w, cap);

		if (!room)
			return false;
		run->path_text = (const char *)room;
		run->path_text_len = as_path_text(path, (char *)room, cap);
	}
	return path_list_match(l, run->path_text, run->path_text_len);
}

static bool values_match(const struct bgp_policy_match *m, const struct attrs *a)
{
	uint32_t local_pref = a->have_local_pref ? a->local_pref : BGP_DEFAULT_LOCAL_PREF;
	unsigned length = m->have_path_max || m->have_path_min ? as_path_length(a->as_path) : 0;

	return (!m->have_origin || a->origin == m->origin) &&
	       (!m->have_med || (a->have_med && a->med == m->med)) &&
	       (!m->have_local_pref || local_pref == m->local_pref) &&
	       (!m->have_path_max || length <= m->path_max) && (!m->have_path_min || length >= m->path_min);
}

static bool matches(struct run *run, const struct bgp_policy_match *m)
{
	const struct attrs *a = &run->r->attrs;
	struct prefix nexthop = prefix_host(&a->nexthop);

	if (!values_match(m, a) || (m->n_peers && !peer_matches(m, run->ctx->from)) ||
	    (m->prefixes && !bgp_prefix_list_match(m->prefixes, run->prefix)) ||
	    (m->nexthops && (addr_is_none(&a->nexthop) || !bgp_prefix_list_match(m->nexthops, &nexthop))))
		return false;
	for (unsigned i = 0; i < m->n_communities; i++)
		if (!community_list_match(m->communities[i], a))
			return false;
	return !m->path || path_matches(run, m->path);
}

/* --- changing --- */
static void change_med(struct policy_result *r, const struct bgp_policy_set *s)
{
	int64_t med = s->med;

	switch (s->med_how) {
	case BGP_MED_KEEP: return;
	case BGP_MED_NONE:
		r->attrs.have_med = r->med_given = false;
		r->attrs.med = 0;
		return;
	case BGP_MED_ADD: med += r->attrs.have_med ? r->attrs.med : 0; break;
	case BGP_MED_SET: break;
	}
	r->attrs.have_med = r->med_given = true;
	r->attrs.med = med < 0 ? 0 : med > UINT32_MAX ? UINT32_MAX : (uint32_t)med;
}

static void change_path(struct run *run, const struct bgp_policy_set *s)
{
	uint32_t as = s->prepend_as ? s->prepend_as : run->ctx->import ? run->ctx->peer_as : run->ctx->own_as;
	struct bytes path = run->r->attrs.as_path;

	for (unsigned i = 0; i < s->prepend; i++) {
		struct wr *w = &run->w;
		size_t from = wr_len(w);
		const uint8_t *at = w->p;

		as_path_prepend(path, as, w);
		path = (struct bytes){ at, wr_len(w) - from };
	}
	if (s->prepend) {
		run->r->attrs.as_path = path;
		run->path_text = NULL;
	}
}

static void change_nexthop(struct run *run, const struct bgp_policy_set *s)
{
	const struct addr *to = &s->nexthop[run->prefix->addr.family == 6];

	if (s->nexthop_how == BGP_NEXTHOP_KEEP || (s->nexthop_how == BGP_NEXTHOP_ADDRESS && addr_is_none(to)))
		return;
	run->r->nexthop_how = s->nexthop_how;
	if (s->nexthop_how == BGP_NEXTHOP_ADDRESS)
		run->r->attrs.nexthop = *to;
}

static void change(struct run *run, const struct bgp_policy_set *s)
{
	struct attrs *a = &run->r->attrs;

	if (s->have_local_pref) {
		a->have_local_pref = true;
		a->local_pref = s->local_pref;
	}
	if (s->have_weight)
		a->weight = s->weight;
	if (s->have_origin)
		a->origin = s->origin;
	change_med(run->r, s);
	change_path(run, s);
	change_nexthop(run, s);
	if (s->n_add || s->n_remove || s->replace_communities)
		(void)communities_change(a, s, &run->w);
	run->r->changed |= s->have_local_pref || s->have_weight || s->have_origin ||
	                   s->med_how != BGP_MED_KEEP || s->prepend || s->n_add || s->n_remove ||
	                   s->replace_communities || s->nexthop_how != BGP_NEXTHOP_KEEP;
}

/* --- the walk --- */
static enum bgp_policy_action run_policy(struct run *run, const struct bgp_policy *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct bgp_policy_rule *rule = &p->rule[i];

		if (!matches(run, &rule->match))
			continue;
		if (rule->action != BGP_POLICY_REJECT)
			change(run, &rule->set);
		if (rule->action == BGP_POLICY_NEXT)
			continue;
		run->r->policy = p->name;
		run->r->rule = rule->name;
		return rule->action;
	}
	if (p->otherwise != BGP_POLICY_NEXT)
		run->r->policy = p->name;
	return p->otherwise;
}

void policy_apply(const struct bgp_policy_chain *chain, const struct prefix *prefix, const struct attrs *in,
    const struct policy_context *ctx, struct policy_room *room, struct policy_result *ret_result)
{
	struct run run = {
		.prefix = prefix, .ctx = ctx, .w = wr_init(room->buf, sizeof(room->buf)), .r = ret_result
	};
	enum bgp_policy_action action = BGP_POLICY_NEXT;

	*ret_result = (struct policy_result){ .attrs = *in };
	for (unsigned i = 0; action == BGP_POLICY_NEXT && i < chain->n; i++)
		action = run_policy(&run, chain->policy[i]);
	ret_result->accepted = chain->n == 0 || action == BGP_POLICY_ACCEPT;
	if (wr_ok(&run.w))
		return;
	ret_result->no_room = true; /* not as asked for, so not at all */
	ret_result->accepted = false;
}

void policy_result_text(
    const struct bgp_policy_chain *chain, const struct policy_result *r, char *buf, size_t cap)
{
	if (r->no_room)
		snprintf(buf, cap, "the changes that policy makes are too large");
	else if (r->rule)
		snprintf(buf, cap, "rule %s of policy %s", r->rule, r->policy);
	else if (r->policy)
		snprintf(buf, cap, "what policy %s says otherwise", r->policy);
	else if (chain->n)
		snprintf(buf, cap, "no rule of policy %s accepts it", chain->policy[chain->n - 1]->name);
	else
		snprintf(buf, cap, "no policy");
}

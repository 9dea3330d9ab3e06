/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many prefixes a peer may send us, and how many it bears from us.
 *
 * In: what is beyond max_prefixes is warned of, refused, or ends the session (RFC 4486). Refused ones are
 * judged again when there is room.
 *
 * Out: a gateway that is told more than it bears drops the session, and all routes with it. So what is beyond
 * max_out waits, and the oldest that waits goes when there is room: not before the withdrawal that makes room
 * is in the connection. Whoever was admitted stays, so that nothing flaps; a lower limit puts the newest back
 * to the head of the queue. The memory for this is there only for peers with a limit.
 */
#include "bgp/core.h"

#include <stdlib.h>

#define NEAR_PERCENT 80 /* of a limit, when nothing else is said */
#define NEAR_LEEWAY  10 /* per cent below which it has to fall before it is warned of again */

static unsigned near_of(unsigned max, unsigned percent)
{
	return (unsigned)((uint64_t)max * (percent ? percent : NEAR_PERCENT) / 100);
}

/* Has n come near max? Once, until it has fallen well below. */
static bool comes_near(bool *told, unsigned n, unsigned max, unsigned percent)
{
	unsigned from = near_of(max, percent);

	if (n < from - (from < NEAR_LEEWAY ? 0 : (unsigned)((uint64_t)from * NEAR_LEEWAY / 100)))
		*told = false;
	if (*told || !max || n < from || !n)
		return false;
	*told = true;
	return true;
}

/* --- in --- */
bool limit_in_full(struct peer *p)
{
	const struct bgp_peer_config *c = &p->config;

	if (!c->max_prefixes || c->limits.action != BGP_LIMIT_DISCARD || p->accepted < c->max_prefixes)
		return false;
	p->limited = true;
	return true;
}

/* Where "too many" is over, so that a route to and fro is not told each time. */
static unsigned below(unsigned max)
{
	return max - (unsigned)((uint64_t)max * NEAR_LEEWAY / 100);
}

/* True when the session is to end. */
bool limit_in_check(struct peer *p)
{
	const struct bgp_peer_config *c = &p->config;
	bool over = c->max_prefixes && p->accepted > c->max_prefixes;

	if (comes_near(&p->near_in, p->accepted, c->max_prefixes, c->limits.warn_percent))
		act_report(p, false, "bgp-max-prefixes-near", "%s: %u prefixes accepted, of at most %u",
		    c->name, p->accepted, c->max_prefixes);
	if (over && c->limits.action == BGP_LIMIT_RESET)
		return true;
	over |= p->limited;
	if (over && !p->over_in)
		act_report(p, true, "bgp-max-prefixes-over", "%s: more prefixes than max-prefixes, %u; %s",
		    c->name, c->max_prefixes,
		    p->limited ? "the rest is refused until there is room"
		               : "all are used, since max-prefixes-action is warn");
	p->over_in = over || (p->over_in && p->accepted > below(c->max_prefixes));
	if (p->limited &&
	    (p->accepted < c->max_prefixes || c->limits.action != BGP_LIMIT_DISCARD || !c->max_prefixes)) {
		p->limited = false;
		rib_in_rejudge_peer(p, REJUDGE_IMPORT);
	}
	return false;
}

/* --- out --- */
struct out_slot {
	struct list node; /* in or held */
	struct prefix prefix;
	bool held;
};
struct out_limit {
	struct ptrie *slots; /* prefix -> struct out_slot */
	struct list in, held;
	unsigned n_in, n_held;
	bool near, over; /* told of */
};

static struct out_slot *slot_find(const struct peer *p, const struct prefix *prefix)
{
	return p->out.limit ? ptrie_get(p->out.limit->slots, prefix) : NULL;
}

static struct out_limit *limit_get(struct peer *p)
{
	struct out_limit *l = p->out.limit;

	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (l && !(l->slots = ptrie_new())) {
		free(l);
		return NULL;
	}
	if (l) {
		list_init(&l->in);
		list_init(&l->held);
	}
	p->out.limit = l;
	return l;
}

static void report_out(struct peer *p)
{
	struct out_limit *l = p->out.limit;
	unsigned max = p->config.limits.max_out;
	bool over = l->n_held != 0;

	if (comes_near(&l->near, l->n_in, max, 0))
		act_report(p, false, "bgp-max-prefixes-out-near",
		    "%s: %u prefixes announced, of the %u that it bears", p->config.name, l->n_in, max);
	if (over && !l->over)
		act_report(p, true, "bgp-max-prefixes-out",
		    "%s: more prefixes are to be announced than the %u that it bears; the newest wait. "
		    "Announce fewer and "
		    "larger ones",
		    p->config.name, max);
	l->over = over || (l->over && l->n_in > below(max));
}

static void put_in(struct out_limit *l, struct out_slot *s)
{
	s->held = false;
	list_append(&l->in, &s->node);
	l->n_in++;
}

bool limit_out_admits(struct peer *p, const struct prefix *prefix)
{
	unsigned max = p->config.limits.max_out;
	struct out_slot *s = slot_find(p, prefix);
	struct out_limit *l;

	if (s)
		return !s->held;
	if (!max)
		return true;
	l = limit_get(p);
	s = l ? calloc(1, sizeof(*s)) : NULL;
	if (!s || ptrie_set(l->slots, prefix, s) < 0) {
		free(s);
		return false; /* told too little, rather than too much */
	}
	s->prefix = *prefix;
	if (l->n_in < max && list_empty(&l->held)) {
		put_in(l, s);
	} else {
		s->held = true;
		list_append(&l->held, &s->node);
		l->n_held++;
	}
	report_out(p);
	return !s->held;
}

bool limit_out_holds(const struct peer *p, const struct prefix *prefix)
{
	const struct out_slot *s = slot_find(p, prefix);

	return s && s->held;
}

/* What waits longest, as far as there is room. */
static void fill_room(struct peer *p)
{
	struct out_limit *l = p->out.limit;
	unsigned max = p->config.limits.max_out;

	while (!list_empty(&l->held) && (!max || l->n_in < max)) {
		struct out_slot *s = list_first(&l->held, struct out_slot, node);
		struct dest *d = dest_find(p->bgp, &s->prefix);

		list_remove(&s->node);
		l->n_held--;
		put_in(l, s);
		if (d)
			dest_mark_export(p->bgp, d);
	}
	report_out(p);
}

void limit_out_gone(struct peer *p, const struct prefix *prefix)
{
	struct out_slot *s = slot_find(p, prefix);
	struct out_limit *l = p->out.limit;

	if (!l)
		return;
	if (s) {
		ptrie_remove(l->slots, prefix);
		list_remove(&s->node);
		if (s->held)
			l->n_held--;
		else
			l->n_in--;
		free(s);
	}
	fill_room(p);
}

void limit_out_withdrawn(struct peer *p, const struct prefix *prefix)
{
	if (limit_out_holds(p, prefix))
		fill_room(p);
	else
		limit_out_gone(p, prefix);
}

void limit_out_changed(struct peer *p, unsigned was)
{
	struct out_limit *l = p->out.limit;
	unsigned max = p->config.limits.max_out;

	if (max && !was && peer_session(p, SESSION_ESTABLISHED)) /* nobody has counted since */
		rib_out_walk(p, WALK_ALL, false, false);
	if (!l)
		return;
	while (max && l->n_in > max) {
		struct out_slot *s = list_entry(l->in.prev, struct out_slot, node);
		struct dest *d = dest_find(p->bgp, &s->prefix);

		list_remove(&s->node);
		l->n_in--;
		s->held = true;
		list_prepend(&l->held, &s->node);
		l->n_held++;
		if (d)
			dest_mark_export(p->bgp, d);
	}
	fill_room(p);
}

void limit_out_clear(struct peer *p)
{
	struct out_limit *l = p->out.limit;

	if (!l)
		return;
	list_for_each (&l->in, struct out_slot, s, node)
		free(s);
	list_for_each (&l->held, struct out_slot, h, node)
		free(h);
	ptrie_free(l->slots);
	free(l);
	p->out.limit = NULL;
}

unsigned limit_out_held(const struct peer *p)
{
	return p->out.limit ? p->out.limit->n_held : 0;
}

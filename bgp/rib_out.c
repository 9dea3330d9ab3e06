/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adj-RIB-Out: what each peer has been told (`told`) and, as long as that differs from what it should have,
 * what it is to be told (`pend`). Every change of a destination sets the latter; an entry that waits stands
 * in a group with all others of the same attribute set, and a group goes out in as few messages as hold it
 * (RFC 4271 9.2). Groups go oldest first; a change of mind before sending moves an entry to another group, or
 * out of all of them.
 *
 * The initial table, and a route refresh, is a walk over all destinations that stops and resumes by prefix.
 * Markers (End-of-RIB, and BoRR and EoRR of RFC 7313) stand among the groups. What is to be told after a BoRR
 * never joins a group before it, and what an end marker closes never falls behind it: else the peer would
 * drop a route that it was about to be told. Of a family one refresh is under way at a time: what a peer asks
 * for again and again without reading costs no more.
 *
 * When a session ends, what is here of it is over at once (its round is), and leaves as the sweep comes by.
 * Everything here goes by budget, and messages only into room that the connection was said to have.
 */
#include "bgp/out_entry.h"

#include <stdlib.h>
#include <string.h>

#define GIVE_UP_MAX 100 /* routes in one go */

/* The room within the peer's limit is free when it has been told so, or never had it. */
static int unwant(struct peer *p, struct dest *d, const struct loc_route *route)
{
	if (out_want(d, p, NULL, false) < 0)
		return -1;
	if (!out_find(d, p, false) && !out_find(d, p, true))
		limit_out_gone(p, &route->prefix);
	return 0;
}

static int note(struct peer *p, struct dest *d, const struct loc_route *route, bool resend)
{
	struct attr_set *want = NULL;

	if (export_attrs(p, route, &want) == EXPORT_MEMORY)
		return -1;
	if (!want && p->out.limit)
		return unwant(p, d, route);
	if (want && !limit_out_admits(p, &route->prefix)) {
		attr_set_put(&p->bgp->sets, want);
		want = NULL;
	}
	return out_want(d, p, want, resend);
}

void rib_out_note(struct peer *p, struct dest *d, const struct loc_route *route, bool resend)
{
	if (peer_session(p, SESSION_ESTABLISHED) && note(p, d, route, resend) < 0)
		p->out.no_memory = true; /* the session ends when nobody is in the middle of a table */
}

/* --- the session comes and goes --- */
static void cache_clear(struct peer *p)
{
	attr_set_put(&p->bgp->sets, p->out.cache_in);
	attr_set_put(&p->bgp->sets, p->out.cache_out);
	p->out.cache_in = p->out.cache_out = NULL;
}

void rib_out_up(struct peer *p)
{
	rib_out_walk(p, WALK_ALL, false, true);
}

void rib_out_init(struct peer *p)
{
	list_init(&p->out.groups);
	list_init(&p->out.over);
}

static void free_markers(struct peer *p)
{
	struct list *l = p->out.groups.prev;

	while (p->out.markers && l != &p->out.groups) { /* most stand at the end */
		struct out_group *g = list_entry(l, struct out_group, node);

		l = l->prev;
		if (g->marker != OUT_ROUTES)
			out_group_free(p, g);
	}
}

static void move_all(struct list *from, struct list *to)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

void rib_out_down(struct peer *p)
{
	struct adj_rib_out *out = &p->out;

	free_markers(p);
	move_all(&out->groups, &out->over);
	cache_clear(p);
	limit_out_clear(p);
	htab_clear(&out->by_attrs);
	out->advertised = out->waiting = 0;
	out->walking = out->walk_again = out->again_resend = out->again_refresh = out->no_memory = false;
	out->refreshing = out->refresh_later = 0;
	if ((uint8_t)(out->round - out->clean) >= ROUNDS_MAX) /* they may not come round */
		sweep_all(p->bgp);
	out->round++;
	sweep_start(p->bgp);
}

void rib_out_free(struct peer *p)
{
	free_markers(p);
	cache_clear(p);
	limit_out_clear(p);
	htab_clear(&p->out.by_attrs);
}

/* --- the walk --- */
static int append_marker(struct peer *p, int kind, enum bgp_family family)
{
	struct out_group *g = calloc(1, sizeof(*g));

	if (!g)
		return -1;
	g->marker = kind;
	g->family = family;
	g->round = p->out.round;
	p->out.markers++;
	list_append(&p->out.groups, &g->node);
	return 0;
}

static void append_markers(struct peer *p, int kind, unsigned families)
{
	const struct session *s = peer_session(p, SESSION_ESTABLISHED);

	for (int f = 0; s && f < BGP_N_FAMILIES; f++)
		if (s->terms.family[f] && families & 1u << f &&
		    append_marker(p, kind, (enum bgp_family)f) < 0)
			p->out.no_memory = true;
}

/* From here on nothing joins the groups that wait. */
static void close_groups(struct adj_rib_out *out)
{
	list_for_each (&out->groups, struct out_group, g, node) {
		if (g->marker == OUT_ROUTES && !g->closed)
			htab_remove(&out->by_attrs, &g->hnode);
		g->closed = true;
	}
}

static void walk(struct peer *p, unsigned families, bool resend, bool eor, bool refresh)
{
	struct adj_rib_out *out = &p->out;

	cache_clear(p); /* the configuration may have changed */
	if (refresh) {
		out->refresh_later |= families & out->refreshing;
		families &= ~out->refreshing;
		if (!families)
			return;
	}
	if (out->walking) { /* however often it is asked for: once more, from the start, when this one is done
		             */
		out->walk_again = true;
		out->again_families |= families;
		out->again_resend |= resend;
		out->again_refresh |= refresh;
		return;
	}
	out->walking = true;
	out->walk_families = families;
	out->walk_resend = resend;
	out->walk_eor = eor;
	out->walk_refresh = refresh;
	out->walk_after = (struct prefix){ 0 };
	if (refresh) {
		out->refreshing |= families;
		close_groups(out);
		append_markers(p, OUT_BORR, families);
	}
}

void rib_out_walk(struct peer *p, unsigned families, bool resend, bool eor)
{
	walk(p, families, resend, eor, false);
}

void rib_out_refresh(struct peer *p, enum bgp_family family)
{
	const struct session *s = peer_session(p, SESSION_ESTABLISHED);

	walk(p, 1u << family, true, false, s && s->terms.enhanced_refresh);
}

static void walk_done(struct peer *p)
{
	struct adj_rib_out *out = &p->out;
	bool again = out->walk_again, resend = out->again_resend, refresh = out->again_refresh;
	unsigned families = out->again_families;

	out->walking = out->walk_again = out->again_resend = out->again_refresh = false;
	out->again_families = 0;
	if (out->walk_eor)
		append_markers(p, OUT_EOR, out->walk_families);
	if (out->walk_refresh)
		append_markers(p, OUT_EORR, out->walk_families);
	if (again)
		walk(p, families, resend, false, refresh);
}

unsigned rib_out_walk_some(struct peer *p, unsigned budget)
{
	struct adj_rib_out *out = &p->out;
	struct loc_route route;
	struct dest *d;

	while (out->walking && budget) {
		if (!dest_after(p->bgp, &out->walk_after, &d)) {
			walk_done(p);
			break;
		}
		out->walk_after = dest_prefix(d);
		budget--;
		if (!(out->walk_families & 1u << dest_family(d)))
			continue;
		dest_loc_route(p->bgp, d, &route);
		rib_out_note(p, d, &route, out->walk_resend);
		dest_gc(p->bgp, d);
	}
	return budget;
}

/* --- sending --- */
static struct attr_context context_of(const struct session *s)
{
	return (
	    struct attr_context){ .four_octet = s->terms.four_octet_as, .internal = peer_internal(s->peer) };
}

/* The message with this entry in it is queued. */
static void entry_sent(struct peer *p, struct pend *e)
{
	struct bgp *bgp = p->bgp;
	struct dest *d = dest_at(bgp, e->dest);
	struct told *t = out_entry_at(bgp, *out_find(d, p, false)); /* pend_get made it */
	uint32_t was = t->set;

	p->out.advertised += !!e->is.set - !!was;
	t->set = e->is.set; /* with its reference */
	e->is.set = was;
	if (p->out.limit && !t->set) {
		struct prefix prefix = dest_prefix(d);

		limit_out_withdrawn(p, &prefix);
	}
	out_settled(d, p);
	dest_gc(bgp, d);
}

/* Attributes that no message holds: the peer is told nothing, or that what it had is gone. Returns of how
 * many prefixes. */
static unsigned give_up(struct session *s, struct out_group *g)
{
	struct peer *p = s->peer;
	unsigned n = 0;
	bool more = true;

	if (session_may_report(s))
		act_report(p, true, "bgp-update-too-long",
		    "%s: routes with attributes too long for an UPDATE are not announced", p->config.name);
	for (; more && n < GIVE_UP_MAX; n++) { /* the group goes with its last entry */
		struct pend *e = out_pend_at(p->bgp, g->first);
		struct dest *d = dest_at(p->bgp, e->dest);

		more = e->after;
		e->resend = false;
		if (out_want(d, p, NULL, false) < 0) {
			p->out.no_memory = true;
			return n + 1;
		}
		dest_gc(p->bgp, d);
	}
	return n;
}

/* One message from the oldest group. Returns how many prefixes went; 0 when nothing could. */
static unsigned send_one(struct session *s, struct out_group *g)
{
	struct peer *p = s->peer;
	uint8_t *buf = p->bgp->out->message;
	struct attr_context ctx = context_of(s);
	struct update_builder *b = &p->bgp->out->builder;
	unsigned n;

	if (!update_begin(b, buf, session_message_max(s), g->family, g->attrs ? &g->attrs->a : NULL, &ctx)) {
		return give_up(s, g);
	}
	for (struct pend *e = out_pend_at(p->bgp, g->first); e; e = out_pend_at(p->bgp, e->after)) {
		struct prefix prefix = dest_prefix(dest_at(p->bgp, e->dest));

		if (!update_add(b, &prefix))
			break;
	}
	n = b->n;
	if (session_send_update(s, buf, update_end(b)) < 0) {
		p->out.no_memory = true;
		return 0;
	}
	p->prefix_out[g->attrs ? 0 : 1] += n;
	for (unsigned i = 0; i < n; i++) /* g goes with its last entry */
		entry_sent(p, out_pend_at(p->bgp, g->first));
	return n;
}

/* Behind the end of a refresh comes the next one that was asked for meanwhile: one, however often. */
static void marker_sent(struct peer *p, struct out_group *g)
{
	const unsigned family = 1u << g->family;
	const bool end = g->marker == OUT_EORR;

	out_group_free(p, g);
	if (!end)
		return;
	p->out.refreshing &= ~family;
	if (!(p->out.refresh_later & family))
		return;
	p->out.refresh_later &= ~family;
	walk(p, family, true, false, true);
}

static void send_marker(struct session *s, struct out_group *g)
{
	uint8_t buf[BGP_MESSAGE_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	int sent = -1;

	switch (g->marker) {
	case OUT_ROUTES: break;
	case OUT_EOR:
		eor_build(&w, g->family);
		sent = session_send_update(s, buf, wr_len(&w));
		break;
	case OUT_BORR: sent = session_send_refresh(s, g->family, BGP_REFRESH_BEGIN); break;
	case OUT_EORR: sent = session_send_refresh(s, g->family, BGP_REFRESH_END); break;
	}
	if (sent < 0)
		s->peer->out.no_memory = true;
	else
		marker_sent(s->peer, g);
}

unsigned rib_out_flush(struct peer *p, unsigned budget)
{
	struct session *s = peer_session(p, SESSION_ESTABLISHED);

	while (s && !p->out.no_memory && budget && s->room >= session_message_max(s)) {
		struct out_group *g = list_first(&p->out.groups, struct out_group, node);
		unsigned n = 1;

		if (!g)
			break;
		if (g->marker != OUT_ROUTES)
			send_marker(s, g);
		else
			n = send_one(s, g);
		budget -= n < budget ? n : budget;
	}
	return budget;
}

bool rib_out_has_work(const struct peer *p)
{
	return p->out.walking || !list_empty(&p->out.groups);
}

void rib_out_check_memory(struct peer *p)
{
	struct session *s = peer_session(p, SESSION_ESTABLISHED);
	struct notify n = { .code = BGP_ERR_CEASE, .subcode = BGP_CEASE_RESOURCES };

	if (!p->out.no_memory || !s)
		return;
	reason_set(&n.why, "bgp-out-of-memory", "%s: no memory for what we announce", p->config.name);
	fsm_session(s, FSM_ERROR, &(struct fsm_fact){ .notify = &n });
}

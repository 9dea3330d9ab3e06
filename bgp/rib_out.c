/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adj-RIB-Out: what each peer has been told and what it is to be told. Every change of a destination sets
 * what the peer should have (`want`); where that differs from what it has (`sent`), the entry waits in a
 * group with all others of the same attribute set, and a group goes out in as few messages as hold it (RFC
 * 4271 9.2). Groups go oldest first; a change of mind before sending moves an entry to another group, or out
 * of all of them.
 *
 * The initial table, and a route refresh, is a walk over all destinations that stops and resumes by prefix.
 * Markers (End-of-RIB, and BoRR and EoRR of RFC 7313) stand among the groups. What is to be told after a BoRR
 * never joins a group before it, and what an end marker closes never falls behind it: else the peer would
 * drop a route that it was about to be told.
 *
 * Everything here goes by budget, and messages only into room that the connection was said to have.
 */
#include "bgp/core.h"

#include <stdlib.h>
#include <string.h>

struct out_group {
	struct list node;
	struct hnode hnode;
	struct attr_set *attrs; /* NULL: withdraw. The entries hold references. */
	enum bgp_family family;
	enum { OUT_ROUTES, OUT_EOR, OUT_BORR, OUT_EORR } marker; /* no entries: a marker of family */
	bool closed;     /* a BoRR stands behind it: takes no more entries */
	unsigned passed; /* an end marker: how many groups it let go first */
	struct list entries;
};

#define PASSED_MAX 10000 /* groups: then an end marker waits no longer for what changes all the time */

static enum bgp_family family_of(const struct dest *d)
{
	return d->prefix.addr.family == 4 ? BGP_IPV4 : BGP_IPV6;
}

/* --- groups --- */
static uint64_t group_hash(const struct attr_set *attrs, enum bgp_family family)
{
	return ((uint64_t)(uintptr_t)attrs >> 4) * 0x9e3779b97f4a7c15u >> 20 ^ (uint64_t)family;
}

static bool ends(const struct out_group *g)
{
	return g->marker == OUT_EOR || g->marker == OUT_EORR;
}

/* Where a new group goes: at the end, but before the end markers there. */
static struct list *place_of_group(struct adj_rib_out *out)
{
	struct list *at = &out->groups;

	while (at->prev != &out->groups) {
		struct out_group *g = list_entry(at->prev, struct out_group, node);

		if (!ends(g) || g->passed >= PASSED_MAX)
			break;
		g->passed++;
		at = at->prev;
	}
	return at;
}

static struct out_group *group_get(struct peer *p, struct attr_set *attrs, enum bgp_family family)
{
	uint64_t hash = group_hash(attrs, family);
	struct out_group *g;

	for (struct hnode *n = htab_find(&p->out.by_attrs, hash); n; n = htab_find_next(n)) {
		g = container_of(n, struct out_group, hnode);
		if (g->attrs == attrs && g->family == family)
			return g;
	}
	g = calloc(1, sizeof(*g));
	if (!g || htab_add(&p->out.by_attrs, &g->hnode, hash) < 0) {
		free(g);
		return NULL;
	}
	g->attrs = attrs;
	g->family = family;
	list_init(&g->entries);
	list_insert_before(place_of_group(&p->out), &g->node);
	return g;
}

static void group_free(struct peer *p, struct out_group *g)
{
	list_remove(&g->node);
	if (g->marker == OUT_ROUTES && !g->closed)
		htab_remove(&p->out.by_attrs, &g->hnode);
	free(g);
}

static void leave_group(struct out_entry *e)
{
	struct out_group *g = e->group;

	if (!g)
		return;
	list_remove(&e->pending);
	e->group = NULL;
	if (list_empty(&g->entries))
		group_free(e->peer, g);
}

static int join_group(struct out_entry *e)
{
	struct out_group *g = group_get(e->peer, e->want, family_of(e->dest));

	if (!g)
		return -1;
	e->group = g;
	list_append(&g->entries, &e->pending);
	return 0;
}

/* --- entries --- */
static struct out_entry *entry_find(const struct dest *d, const struct peer *p)
{
	struct out_entry *e = d->outs;

	while (e && e->peer->id < p->id)
		e = e->next;
	return e && e->peer == p ? e : NULL;
}

static struct out_entry *entry_new(struct dest *d, struct peer *p)
{
	struct out_entry *e = calloc(1, sizeof(*e)), **link = &d->outs;

	if (!e)
		return NULL;
	while (*link && (*link)->peer->id < p->id)
		link = &(*link)->next;
	e->next = *link;
	*link = e;
	e->dest = d;
	e->peer = p;
	list_append(&p->out.entries, &e->by_peer);
	return e;
}

static void forget(struct out_entry *e)
{
	struct out_entry **link = &e->dest->outs;
	struct bgp *bgp = e->peer->bgp;

	leave_group(e);
	while (*link != e)
		link = &(*link)->next;
	*link = e->next;
	list_remove(&e->by_peer);
	if (e->sent)
		e->peer->out.advertised--;
	attr_set_put(&bgp->sets, e->sent);
	attr_set_put(&bgp->sets, e->want);
	free(e);
}

/* Takes over the caller's reference to want. -1 when memory is out. */
static int entry_want(struct out_entry *e, struct attr_set *want, bool resend)
{
	if (want == e->want && !resend) {
		attr_set_put(&e->peer->bgp->sets, want);
		return 0;
	}
	leave_group(e);
	attr_set_put(&e->peer->bgp->sets, e->want);
	e->want = want;
	e->resend = (e->resend || resend) && want;
	if (e->want == e->sent && !e->resend) {
		if (!e->want)
			forget(e);
		return 0;
	}
	return join_group(e);
}

static int note(struct peer *p, struct dest *d, bool resend)
{
	struct out_entry *e = entry_find(d, p);
	struct attr_set *want = NULL;

	if (export_attrs(p, d, &want) == EXPORT_MEMORY)
		return -1;
	if (!e && !want)
		return 0;
	if (!e)
		e = entry_new(d, p);
	if (!e) {
		attr_set_put(&p->bgp->sets, want);
		return -1;
	}
	return entry_want(e, want, resend);
}

void rib_out_note(struct peer *p, struct dest *d, bool resend)
{
	if (peer_session(p, SESSION_ESTABLISHED) && note(p, d, resend) < 0)
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

void rib_out_down(struct peer *p)
{
	struct adj_rib_out *out = &p->out;

	list_for_each (&out->entries, struct out_entry, e, by_peer) {
		struct dest *d = e->dest;

		forget(e);
		dest_gc(p->bgp, d);
	}
	list_for_each (&out->groups, struct out_group, g, node)
		group_free(p, g);
	cache_clear(p);
	htab_clear(&out->by_attrs);
	out->walking = out->walk_again = out->again_resend = out->again_refresh = out->no_memory = false;
}

/* --- the walk --- */
static int append_marker(struct peer *p, int kind, enum bgp_family family)
{
	struct out_group *g = calloc(1, sizeof(*g));

	if (!g)
		return -1;
	g->marker = kind;
	g->family = family;
	list_init(&g->entries);
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

	cache_clear(p);     /* the configuration may have changed */
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

	while (out->walking && budget) {
		void *v;

		if (!ptrie_after(p->bgp->dests, &out->walk_after, &out->walk_after, &v)) {
			walk_done(p);
			break;
		}
		budget--;
		if (!(out->walk_families & 1u << family_of(v)))
			continue;
		rib_out_note(p, v, out->walk_resend);
		dest_gc(p->bgp, v);
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
static void entry_sent(struct out_entry *e)
{
	struct bgp *bgp = e->peer->bgp;
	struct dest *d = e->dest;

	if (!e->sent && e->want)
		e->peer->out.advertised++;
	else if (e->sent && !e->want)
		e->peer->out.advertised--;
	attr_set_put(&bgp->sets, e->sent);
	e->sent = e->want ? attr_set_ref(e->want) : NULL;
	e->resend = false;
	leave_group(e);
	if (!e->sent) {
		forget(e);
		dest_gc(bgp, d);
	}
}

/* Attributes that no message holds: the peer is told nothing, or that what it had is gone. */
static void give_up(struct session *s, struct out_group *g)
{
	struct peer *p = s->peer;
	bool more = true;

	if (session_may_report(s))
		act_report(p, true, "bgp-update-too-long",
		    "%s: routes with attributes too long for an UPDATE are not announced", p->config.name);
	while (more) { /* the group goes with its last entry */
		struct out_entry *e = list_first(&g->entries, struct out_entry, pending);
		struct dest *d = e->dest;

		more = g->entries.next->next != &g->entries;
		e->resend = false;
		if (entry_want(e, NULL, false) < 0) {
			p->out.no_memory = true;
			return;
		}
		dest_gc(p->bgp, d);
	}
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
		give_up(s, g);
		return 1;
	}
	for (struct list *l = g->entries.next; l != &g->entries; l = l->next)
		if (!update_add(b, &list_entry(l, struct out_entry, pending)->dest->prefix))
			break;
	n = b->n;
	if (session_send_update(s, buf, update_end(b)) < 0) {
		p->out.no_memory = true;
		return 0;
	}
	for (unsigned i = 0; i < n; i++) /* g goes with its last entry */
		entry_sent(list_first(&g->entries, struct out_entry, pending));
	return n;
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
		group_free(s->peer, g);
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

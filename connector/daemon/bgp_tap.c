/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap. A peer's record keeps the OPENs of at most two connections, since two may race (RFC 4271 6.8);
 * when the session stands, the other one is gone. A record whose memory is out lacks an OPEN, and BMP then
 * says nothing of that session.
 */
#include "connector/daemon/bgp_tap.h"

#include "bgp/message.h"
#include "bgp/wire.h"
#include "connector/daemon/domain.h"
#include "connector/sys/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_AT (BGP_HEADER_LEN - 1) /* of a message's type */

struct bgp_tap {
	struct domain *domain;
	struct list peers, listeners;
};

struct bgp_tap *bgp_tap_new(struct domain *d)
{
	struct bgp_tap *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->domain = d;
	list_init(&t->peers);
	list_init(&t->listeners);
	return t;
}

static void open_clear(struct bgp_tap_open *o)
{
	free(o->in);
	free(o->out);
	*o = (struct bgp_tap_open){ 0 };
}

void bgp_tap_free(struct bgp_tap *t)
{
	if (!t)
		return;
	list_for_each (&t->peers, struct bgp_tap_peer, p, node) {
		open_clear(&p->open[0]);
		open_clear(&p->open[1]);
		free(p->notification);
		free(p);
	}
	free(t);
}

void bgp_tap_core(struct bgp_tap *t)
{
	bool messages = false;

	list_for_each (&t->listeners, struct bgp_tap_listener, l, node)
		messages |= l->messages;
	if (t->domain->bgp)
		bgp_tap(t->domain->bgp, messages);
}

void bgp_tap_listen(struct bgp_tap *t, struct bgp_tap_listener *l)
{
	list_append(&t->listeners, &l->node);
	bgp_tap_core(t);
}

void bgp_tap_leave(struct bgp_tap *t, struct bgp_tap_listener *l)
{
	list_remove(&l->node);
	bgp_tap_core(t);
}

static struct bgp_tap_peer *find(const struct bgp_tap *t, uint32_t id)
{
	list_for_each (&t->peers, struct bgp_tap_peer, p, node)
		if (p->id == id)
			return p;
	return NULL;
}

const struct bgp_tap_peer *bgp_tap_peer(const struct bgp_tap *t, uint32_t id)
{
	return find(t, id);
}

/* Ids are never used again, so records of peers that are gone make room here. */
static void forget_gone(struct bgp_tap *t)
{
	struct bgp_peer_view v;

	list_for_each (&t->peers, struct bgp_tap_peer, p, node) {
		if (t->domain->bgp && !bgp_peer_view(t->domain->bgp, p->id, &v))
			continue;
		list_remove(&p->node);
		open_clear(&p->open[0]);
		open_clear(&p->open[1]);
		free(p->notification);
		free(p);
	}
}

static struct bgp_tap_peer *get(struct bgp_tap *t, uint32_t id)
{
	struct bgp_tap_peer *p = find(t, id);

	if (p)
		return p;
	forget_gone(t);
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->id = id;
	list_append(&t->peers, &p->node);
	return p;
}

static struct bgp_tap_open *open_of(struct bgp_tap_peer *p, uint64_t conn)
{
	struct bgp_tap_open *o = p->open[0].conn == conn ? &p->open[0] : &p->open[1];

	if (o->conn == conn)
		return o;
	if (!p->open[0].conn)
		o = &p->open[0];
	open_clear(o);
	o->conn = conn;
	return o;
}

static time_t wall_now(void)
{
	return clock_wall(clock_now());
}

/* A peer that can't be reached says so again and again: that is one entry. */
static void remember(struct view_bgp_history *h, const char *state, const char *reason)
{
	struct view_bgp_change *c = &h->change[0];

	if (!h->n_changes || strcmp(c->state, state) != 0 ||
	    strncmp(c->reason, reason, sizeof(c->reason) - 1) != 0) {
		memmove(c + 1, c, (VIEW_HISTORY_MAX - 1) * sizeof(*c));
		*c = (struct view_bgp_change){ .state = state };
		snprintf(c->reason, sizeof(c->reason), "%.199s", reason);
		h->n_changes += h->n_changes < VIEW_HISTORY_MAX;
	}
	c->when = wall_now();
	c->times++;
}

static void note_notification(struct view_bgp_notification *n, const uint8_t *data, size_t len)
{
	struct notification_msg m;
	struct reason text = { 0 };
	struct rd body = rd_init(data, len);

	(void)rd_skip(&body, BGP_HEADER_LEN);
	if (notification_parse(body, &m) < 0)
		return;
	notification_describe(&m, &text);
	n->when = wall_now();
	n->code = m.code;
	n->subcode = m.subcode;
	snprintf(n->text, sizeof(n->text), "%.199s", text.text);
}

static void keep(uint8_t **bytes, size_t *n, const uint8_t *data, size_t len)
{
	free(*bytes);
	*bytes = malloc(len);
	*n = *bytes ? len : 0;
	if (*bytes)
		memcpy(*bytes, data, len);
}

void bgp_tap_sent(struct bgp_tap *t, uint32_t peer, uint64_t conn, const struct endpoint *local,
    const struct endpoint *remote, const uint8_t *data, size_t len)
{
	uint8_t type = len > TYPE_AT ? data[TYPE_AT] : 0;
	struct bgp_tap_peer *p = type == BGP_MSG_OPEN || type == BGP_MSG_NOTIFICATION ? get(t, peer) : NULL;
	struct bgp_tap_open *o;

	if (!p)
		return;
	if (type == BGP_MSG_NOTIFICATION) {
		keep(&p->notification, &p->n_notification, data, len);
		p->notification_ours = true;
		note_notification(&p->past.sent, data, len);
		return;
	}
	o = open_of(p, conn);
	o->local = *local;
	o->remote = *remote;
	keep(&o->out, &o->n_out, data, len);
}

void bgp_tap_received(struct bgp_tap *t, const struct bgp_action *a)
{
	struct bgp_tap_peer *p = get(t, a->peer);
	uint8_t type = a->message.len > TYPE_AT ? a->message.data[TYPE_AT] : 0;
	struct bgp_tap_open *o;

	if (!p)
		return;
	p->four_octet_as = a->message.four_octet_as;
	memcpy(p->path_ids, a->message.path_ids, sizeof(p->path_ids));
	if (type == BGP_MSG_OPEN) {
		o = open_of(p, a->message.conn);
		keep(&o->in, &o->n_in, a->message.data, a->message.len);
	} else if (type == BGP_MSG_NOTIFICATION) {
		keep(&p->notification, &p->n_notification, a->message.data, a->message.len);
		p->notification_ours = false;
		note_notification(&p->past.received, a->message.data, a->message.len);
	}
	list_for_each (&t->listeners, struct bgp_tap_listener, l, node)
		if (l->messages && l->message)
			l->message(l->ctx, p, a->message.data, a->message.len);
}

/* The connection that has both OPENs is the session's, and stands first from now on. */
static void established(struct bgp_tap_peer *p)
{
	if (!(p->open[0].in && p->open[0].out)) {
		struct bgp_tap_open first = p->open[0];

		p->open[0] = p->open[1];
		p->open[1] = first;
	}
	p->up_us = (int64_t)clock_wall(clock_now()) * 1000000;
	free(p->notification);
	p->notification = NULL;
	p->n_notification = 0;
}

void bgp_tap_state(struct bgp_tap *t, const struct bgp_action *a)
{
	struct bgp_tap_peer *p = get(t, a->peer);
	enum bgp_state was;

	if (!p || p->state == a->state.state)
		return;
	was = p->state;
	p->state = a->state.state;
	if (p->state == BGP_ESTABLISHED)
		established(p);
	if (p->state == BGP_ESTABLISHED || reason_is_set(&a->state.why))
		remember(&p->past, bgp_state_name(p->state), a->state.why.text);
	list_for_each (&t->listeners, struct bgp_tap_listener, l, node)
		if (l->state)
			l->state(l->ctx, p, was, &a->state.why);
}

void bgp_tap_closed(struct bgp_tap *t, uint32_t peer, uint64_t conn)
{
	struct bgp_tap_peer *p = find(t, peer);

	for (unsigned i = 0; p && i < 2; i++)
		if (p->open[i].conn == conn)
			open_clear(&p->open[i]);
}

void bgp_tap_best(struct bgp_tap *t, const struct prefix *prefix, const struct bgp_path path[], unsigned n)
{
	list_for_each (&t->listeners, struct bgp_tap_listener, l, node)
		if (l->best)
			l->best(l->ctx, prefix, path, n);
}

void bgp_tap_fib(struct bgp_tap *t, const struct prefix *prefix, bool in_kernel, const struct reason *why)
{
	list_for_each (&t->listeners, struct bgp_tap_listener, l, node)
		if (l->fib)
			l->fib(l->ctx, prefix, in_kernel, why);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of actions. Two lines lead to it: what was queued as it is, and prefixes whose ways changed,
 * which are described only when their turn comes: so a prefix that changes ten times before the daemon asks
 * is told once, and a million changes cost no million records. What is queued knows how many of those come
 * before it.
 *
 * Nothing here fails. A CLOSE that got lost for want of memory would leak a connection, so nodes are kept in
 * reserve, enough for a burst on every peer; a reason that finds no memory is left out.
 */
#include "bgp/core.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int actions_reserve(struct bgp *bgp, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct queued *q = calloc(1, sizeof(*q));

		if (!q)
			return -1;
		list_append(&bgp->spare, &q->node);
		bgp->n_spare++;
	}
	bgp->n_reserve += n;
	return 0;
}

static struct queued *queue(struct bgp *bgp, enum bgp_action_kind kind)
{
	struct queued *q = calloc(1, sizeof(*q));

	if (!q) {
		q = list_first(&bgp->spare, struct queued, node);
		if (!q)
			return NULL;
		list_remove(&q->node);
		bgp->n_spare--;
	}
	q->kind = kind;
	q->behind = bgp->fib.in;
	list_append(&bgp->actions, &q->node);
	return q;
}

/* A node that has served; into the reserve first. */
static void release(struct bgp *bgp, struct queued *q)
{
	list_remove(&q->node);
	free(q->why);
	if (bgp->n_spare >= bgp->n_reserve) {
		free(q);
		return;
	}
	memset(q, 0, sizeof(*q));
	list_append(&bgp->spare, &q->node);
	bgp->n_spare++;
}

static struct reason *keep_reason(const struct reason *why)
{
	struct reason *r = why && reason_is_set(why) ? malloc(sizeof(*r)) : NULL;

	if (r)
		*r = *why;
	return r;
}

void act_connect(struct bgp *bgp, const struct session *s)
{
	struct queued *q = queue(bgp, BGP_ACT_CONNECT);

	if (!q)
		return;
	q->peer = s->peer->id;
	q->conn = s->id;
	q->local = s->peer->config.local;
	q->remote = s->peer->config.remote;
}

int act_send(struct session *s, const uint8_t *data, size_t len)
{
	struct queued *q;
	uint8_t *copy = malloc(len);

	q = copy ? queue(s->peer->bgp, BGP_ACT_SEND) : NULL;
	if (!q) {
		free(copy);
		return -1;
	}
	memcpy(copy, data, len);
	q->peer = s->peer->id;
	q->conn = s->id;
	q->data = copy;
	q->len = len;
	s->room = s->room > len ? s->room - len : 0;
	return 0;
}

void bgp_tap(struct bgp *bgp, bool on)
{
	bgp->tap = on;
}

void act_message(struct session *s, uint8_t type, const uint8_t *data, size_t len)
{
	struct bgp *bgp = s->peer->bgp;
	struct queued *q;
	uint8_t *copy;

	if (!bgp->tap && type != BGP_MSG_OPEN && type != BGP_MSG_NOTIFICATION)
		return;
	copy = malloc(len);
	q = copy ? queue(bgp, BGP_ACT_MESSAGE) : NULL;
	if (!q) {
		free(copy);
		bgp->tap_lost++;
		return;
	}
	memcpy(copy, data, len);
	q->peer = s->peer->id;
	q->conn = s->id;
	q->flag = s->terms.four_octet_as;
	memcpy(q->path_ids, s->terms.path_ids_in, sizeof(q->path_ids));
	q->data = copy;
	q->len = len;
}

void act_close(struct bgp *bgp, const struct session *s)
{
	struct queued *q = queue(bgp, BGP_ACT_CLOSE);

	if (!q)
		return;
	q->peer = s->peer->id;
	q->conn = s->id;
}

int act_read(const struct session *s)
{
	struct queued *q = queue(s->peer->bgp, BGP_ACT_READ);

	if (!q)
		return -1;
	q->peer = s->peer->id;
	q->conn = s->id;
	return 0;
}

void act_state(struct peer *p, const struct reason *why)
{
	struct queued *q = queue(p->bgp, BGP_ACT_STATE);

	if (!q)
		return;
	q->peer = p->id;
	q->state = p->state;
	q->why = keep_reason(why);
}

void act_eor(struct peer *p, enum bgp_family family)
{
	struct queued *q = queue(p->bgp, BGP_ACT_EOR);

	if (!q)
		return;
	q->peer = p->id;
	q->flag = family == BGP_IPV6;
}

void act_report(struct peer *p, bool error, const char *id, const char *fmt, ...)
{
	struct queued *q = queue(p->bgp, BGP_ACT_REPORT);
	struct reason why;
	char text[sizeof(why.text)];
	va_list ap;

	if (!q)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	reason_set(&why, id, "%s", text);
	q->peer = p->id;
	q->flag = error;
	q->why = keep_reason(&why);
}

static void fill(const struct queued *q, struct bgp_action *a)
{
	a->kind = q->kind;
	a->peer = q->peer;
	switch (q->kind) {
	case BGP_ACT_CONNECT:
		a->connect.conn = q->conn;
		a->connect.local = q->local;
		a->connect.remote = q->remote;
		break;
	case BGP_ACT_SEND:
		a->send.conn = q->conn;
		a->send.data = q->data;
		a->send.len = q->len;
		break;
	case BGP_ACT_MESSAGE:
		a->message.conn = q->conn;
		a->message.data = q->data;
		a->message.len = q->len;
		a->message.four_octet_as = q->flag;
		memcpy(a->message.path_ids, q->path_ids, sizeof(q->path_ids));
		break;
	case BGP_ACT_CLOSE: a->close_conn = q->conn; break;
	case BGP_ACT_READ: a->read_conn = q->conn; break;
	case BGP_ACT_STATE:
		a->state.state = q->state;
		if (q->why)
			a->state.why = *q->why;
		break;
	case BGP_ACT_EOR: a->eor.ipv6 = q->flag; break;
	case BGP_ACT_REPORT:
		a->report.error = q->flag;
		if (q->why)
			a->report.why = *q->why;
		break;
	case BGP_ACT_ROUTE: break; /* never queued as it is */
	}
}

static void fill_route(struct bgp *bgp, struct dest *d, struct bgp_action *a)
{
	struct ways w;

	dest_ways(bgp, d, &w);
	a->kind = BGP_ACT_ROUTE;
	a->route.prefix = dest_prefix(d);
	a->route.n = w.n;
	memcpy(a->route.path, w.path, w.n * sizeof(w.path[0]));
	a->route.have_backup = w.have_backup;
	if (w.have_backup)
		a->route.backup = w.backup;
	a->peer = a->route.n ? a->route.path[0].peer : 0;
	dest_gc(bgp, d);
}

bool bgp_next_action(struct bgp *bgp, struct bgp_action *ret_action)
{
	struct queued *q = list_first(&bgp->actions, struct queued, node);
	bool routes = !bgp->restarting.on && (!q || bgp->fib.out < q->behind);
	struct dest *d = routes ? dest_next_fib(bgp) : NULL;

	free(bgp->sent_data);
	bgp->sent_data = NULL;
	if (!q && !d)
		return false;
	memset(ret_action, 0, sizeof(*ret_action));
	ret_action->id = ++bgp->next_action_id;
	if (d) {
		fill_route(bgp, d, ret_action);
		return true;
	}
	fill(q, ret_action);
	if (q->kind == BGP_ACT_MESSAGE)
		ret_action->message.lost = bgp->tap_lost;
	bgp->sent_data = q->data;
	release(bgp, q);
	return true;
}

void actions_clear(struct bgp *bgp)
{
	list_for_each (&bgp->actions, struct queued, q, node) {
		free(q->data);
		free(q->why);
		free(q);
	}
	list_for_each (&bgp->spare, struct queued, q, node)
		free(q);
	free(bgp->sent_data);
}

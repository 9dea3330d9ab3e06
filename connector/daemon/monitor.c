/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring of events and its readers. UPDATEs are decoded here, from the bytes that the peer sent: what is
 * shown is what came, before policy and safety rules. An event has a number; a reader whose next number has
 * been overwritten goes on with the oldest that is there, and the difference is what it lost. With the last
 * reader the ring goes.
 */
#include "connector/daemon/monitor.h"

#include "bgp/as_regex.h"
#include "bgp/nlri.h"
#include "bgp/update.h"
#include "connector/daemon/bgp_tap.h"
#include "connector/daemon/tunnel.h"
#include "connector/sys/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RING     4096 /* events */
#define SCAN_MAX 2048 /* events looked at in one monitor_next */
#define TYPE_AT  (BGP_HEADER_LEN - 1)

struct monitor {
	struct domain *domain;
	struct list subscribers;
	struct view_event *ring; /* while somebody reads */
	uint64_t next;           /* number of the next event */
	struct bgp_tap_listener listener;
	struct update *update; /* room to decode one message */
	struct attr_scratch *scratch;
};

struct subscriber {
	struct list node;
	struct monitor *monitor;
	struct api_monitor_query query;
	uint64_t at; /* the event to be read next */
};

struct monitor *monitor_new(struct domain *d)
{
	struct monitor *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->domain = d;
	list_init(&m->subscribers);
	return m;
}

static void room_free(struct monitor *m)
{
	free(m->ring);
	free(m->update);
	free(m->scratch);
	m->ring = NULL;
	m->update = NULL;
	m->scratch = NULL;
}

void monitor_free(struct monitor *m)
{
	if (!m)
		return;
	room_free(m);
	free(m);
}

/* --- writing --- */

static int64_t wall_us(void)
{
	return (int64_t)clock_wall(clock_now()) * 1000000;
}

static struct view_event *event(struct monitor *m, enum view_event_kind kind, uint32_t peer)
{
	struct view_event *e = &m->ring[m->next++ % RING];

	memset(e, 0, offsetof(struct view_event, reason));
	e->reason[0] = '\0';
	e->kind = kind;
	e->when_us = wall_us();
	if (peer)
		snprintf(e->peer, sizeof(e->peer), "%s", domain_peer_name(m->domain, peer));
	return e;
}

/* Readers are woken once all events of one fact are in the ring. */
static void wake(struct monitor *m)
{
	list_for_each (&m->subscribers, struct subscriber, s, node)
		s->query.wake(s->query.wake_ctx);
}

static void on_state(void *ctx, const struct bgp_tap_peer *peer, enum bgp_state was, const struct reason *why)
{
	struct monitor *m = ctx;
	struct view_event *e = event(m, VIEW_EVENT_STATE, peer->id);

	e->state = bgp_state_name(peer->state);
	e->was = bgp_state_name(was);
	snprintf(e->reason, sizeof(e->reason), "%.255s", why->text);
	wake(m);
}

static void withdrawn(
    struct monitor *m, const struct bgp_tap_peer *peer, struct rd list, enum bgp_family family)
{
	struct prefix p;
	uint32_t id;

	while (nlri_next_path(&list, family == BGP_IPV4 ? 4 : 6, peer->path_ids[family], &p, &id) > 0)
		event(m, VIEW_EVENT_WITHDRAW, peer->id)->prefix = p;
}

static void announced(struct monitor *m, const struct bgp_tap_peer *peer, struct rd list,
    enum bgp_family family, const struct attrs *a, const struct addr *nexthop)
{
	struct prefix p;
	uint32_t id;
	size_t n;

	while (nlri_next_path(&list, family == BGP_IPV4 ? 4 : 6, peer->path_ids[family], &p, &id) > 0) {
		struct view_event *e = event(m, VIEW_EVENT_ANNOUNCE, peer->id);

		e->prefix = p;
		e->nexthop = *nexthop;
		n = as_path_text(a->as_path, e->as_path, sizeof(e->as_path) - 1);
		e->as_path[n] = '\0';
	}
}

static void on_message(void *ctx, const struct bgp_tap_peer *peer, const uint8_t *data, size_t len)
{
	struct monitor *m = ctx;
	const struct attr_context c = { .four_octet = peer->four_octet_as,
		.internal = true, /* nothing is left out for being of no use from outside */
		.family = { [BGP_IPV4] = true, [BGP_IPV6] = true },
		.path_ids = { peer->path_ids[BGP_IPV4], peer->path_ids[BGP_IPV6] } };
	struct rd body = rd_init(data, len);
	const struct update *u = m->update;

	if (len <= TYPE_AT || data[TYPE_AT] != BGP_MSG_UPDATE)
		return;
	(void)rd_skip(&body, BGP_HEADER_LEN);
	update_parse(body, &c, m->scratch, m->update);
	if (u->a.faults.worst == REACT_RESET)
		return; /* its state says it */
	if (u->end_of_rib) {
		event(m, VIEW_EVENT_EOR, peer->id)->ipv6 = u->eor_family == BGP_IPV6;
	} else {
		withdrawn(m, peer, u->withdrawn, BGP_IPV4);
		if (u->a.unreach.known)
			withdrawn(m, peer, u->a.unreach.prefixes, u->a.unreach.family);
		announced(m, peer, u->nlri, BGP_IPV4, &u->a.attrs, &u->a.attrs.nexthop);
		if (u->a.reach.known)
			announced(
			    m, peer, u->a.reach.prefixes, u->a.reach.family, &u->a.attrs, &u->a.mp_nexthop);
	}
	wake(m);
}

static void on_best(void *ctx, const struct prefix *p, const struct bgp_path path[], unsigned n)
{
	struct monitor *m = ctx;
	struct view_event *e = event(m, VIEW_EVENT_BEST, n ? path[0].peer : 0);

	e->prefix = *p;
	e->ways = n;
	if (n)
		e->nexthop = path[0].nexthop;
	wake(m);
}

static void on_fib(void *ctx, const struct prefix *p, bool in_kernel, const struct reason *why)
{
	struct monitor *m = ctx;
	struct view_event *e = event(m, VIEW_EVENT_FIB, 0);

	e->prefix = *p;
	e->in_kernel = in_kernel;
	snprintf(e->reason, sizeof(e->reason), "%.255s", why ? why->text : "");
	wake(m);
}

/* --- reading --- */

static int room_new(struct monitor *m)
{
	m->ring = calloc(RING, sizeof(*m->ring));
	m->update = calloc(1, sizeof(*m->update));
	m->scratch = calloc(1, sizeof(*m->scratch));
	if (m->ring && m->update && m->scratch) {
		m->listener = (struct bgp_tap_listener){ .ctx = m,
			.messages = true,
			.message = on_message,
			.state = on_state,
			.best = on_best,
			.fib = on_fib };
		bgp_tap_listen(m->domain->tap, &m->listener);
		return 0;
	}
	room_free(m);
	return -1;
}

static bool peer_exists(const struct domain *d, const char *name)
{
	const struct tunnel *t = domain_tunnel_by_name(d, name);

	return (t && t->cfg->have_bgp) || domain_lan_peer_by_name(d, name);
}

void *monitor_open(
    void *domain, const struct api_monitor_query *q, enum api_result *ret_result, struct reason *ret_reason)
{
	struct domain *d = domain;
	struct monitor *m = d->monitor;
	struct subscriber *s;

	if (q->peer[0] && !peer_exists(d, q->peer)) {
		*ret_result = API_NOT_FOUND;
		reason_set(ret_reason, "no-such-peer",
		    "there is no BGP peer \"%s\"; `causeway bgp summary` lists them", q->peer);
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s || (!m->ring && room_new(m))) {
		free(s);
		*ret_result = API_FAILED;
		reason_set(ret_reason, "no-memory", "out of memory");
		return NULL;
	}
	*s = (struct subscriber){ .monitor = m, .query = *q, .at = m->next };
	list_append(&m->subscribers, &s->node);
	*ret_result = API_OK;
	return s;
}

static bool wanted(const struct subscriber *s, const struct view_event *e)
{
	if (s->query.peer[0] && strcmp(e->peer, s->query.peer) != 0)
		return false;
	return !s->query.within.addr.family ||
	       (e->prefix.addr.family && prefix_contains(&s->query.within, &e->prefix));
}

size_t monitor_next(void *subscriber, struct view_event *out, size_t max, uint64_t *ret_lost)
{
	struct subscriber *s = subscriber;
	const struct monitor *m = s->monitor;
	size_t n = 0;

	*ret_lost = 0;
	if (m->next - s->at > RING) {
		*ret_lost = m->next - RING - s->at;
		s->at = m->next - RING;
	}
	for (unsigned i = 0; i < SCAN_MAX && n < max && s->at < m->next; i++, s->at++)
		if (wanted(s, &m->ring[s->at % RING]))
			out[n++] = m->ring[s->at % RING];
	if (s->at < m->next)
		s->query.wake(s->query.wake_ctx); /* there is more */
	return n;
}

void monitor_close(void *subscriber)
{
	struct subscriber *s = subscriber;
	struct monitor *m = s->monitor;

	list_remove(&s->node);
	free(s);
	if (!list_empty(&m->subscribers))
		return;
	bgp_tap_leave(m->domain->tap, &m->listener);
	room_free(m);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stations and what they are sent. On a new connection: Initiation, a Peer Up for each session that stands,
 * then the table in pieces, as the connection takes them; meanwhile and ever after each message of the peers
 * as it comes. Both may tell the same route, never an older state after a newer one: a piece is read from the
 * table when all that came before is in it. End-of-RIB for each peer ends the table (RFC 7854 5).
 *
 * An UPDATE goes on as it came, unless something was wrong with it (RFC 7606): then it is written anew from
 * what was understood, or as a withdrawal, because a station is not to be harmed by what we survived.
 */
#include "connector/daemon/bmp_exec.h"

#include "bgp/bmp.h"
#include "bgp/nlri.h"
#include "bgp/update.h"
#include "connector/daemon/bgp_exec.h"
#include "connector/daemon/bgp_tap.h"
#include "connector/daemon/tunnel.h"
#include "connector/sys/clock.h"
#include "connector/sys/tcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY_MIN   mdur_s(30) /* RFC 7854 3.2 */
#define RETRY_MAX   mdur_s(720)
#define ROOM_FIRST  65536
#define ROOM_LOW    16384 /* below it the table waits */
#define ROWS        32
#define PEERS_MAX   256
#define MESSAGE_MAX (BMP_HEADER_LEN + BMP_PEER_HEADER_LEN + 64 + 2 * UINT16_MAX)
#define TYPE_AT     (BGP_HEADER_LEN - 1)

struct station_peer { /* that the station knows to be up */
	uint32_t id;
	struct addr address;
	uint32_t as, router_id;
	bool internal, two_octet_as;
	bool path_ids[BGP_N_FAMILIES]; /* its prefixes have them, as its OPENs in Peer Up say */
};
struct station {
	struct list node;
	struct bmp *bmp;
	struct cfg_bmp cfg;
	bool wanted;
	struct tcp_conn *tcp;
	bool up;
	size_t room;
	mtime retry_at, stats_at;
	mdur retry;
	bool walking;
	struct bgp_route_query query;
	struct station_peer peer[PEERS_MAX];
	unsigned n_peers;
};
struct bmp {
	struct domain *domain;
	struct list stations;
	struct loop_timer *timer;
	struct loop_task *work; /* of stations that are told a table */
	struct bgp_tap_listener listener;
	bool listening;
	/* room for one message of each kind */
	uint8_t out[MESSAGE_MAX], update_out[BGP_EXTENDED_MAX];
	struct update_builder builder;
	struct update update;
	struct attr_scratch scratch;
	struct bgp_route_view row[ROWS];
};

static void arm(struct bmp *b);

/* --- a connection and its end --- */

static void cut(struct station *s, const char *why)
{
	struct bmp *b = s->bmp;

	if (s->tcp)
		tcp_conn_free(s->tcp);
	if (s->up)
		log_warn(b->domain->log, "bmp", "station %s: %s; the next attempt is in %lld s", s->cfg.name,
		    why, (long long)mdur_to_s(s->retry));
	s->tcp = NULL;
	s->up = s->walking = false;
	s->n_peers = 0;
	s->retry_at = mtime_add(clock_now(), s->retry);
	s->retry = mdur_mul(s->retry, 2, 1);
	if (s->retry.ns > RETRY_MAX.ns)
		s->retry = RETRY_MAX;
	arm(b);
}

/* Sends what is in w; a station that does not take it is cut. */
static bool deliver(struct station *s, const struct wr *w)
{
	size_t len = wr_len(w);

	if (!s->up || !wr_ok(w))
		return s->up;
	if (tcp_send(s->tcp, w->start, len)) {
		cut(s, "it does not read what it is sent");
		return false;
	}
	s->room = s->room > len ? s->room - len : 0;
	return true;
}

static struct wr writer(struct bmp *b)
{
	return wr_init(b->out, sizeof(b->out));
}

/* --- peers --- */

static struct station_peer *peer_of(struct station *s, uint32_t id)
{
	for (unsigned i = 0; i < s->n_peers; i++)
		if (s->peer[i].id == id)
			return &s->peer[i];
	return NULL;
}

static struct bmp_peer header(const struct station_peer *p, int64_t when_us)
{
	return (struct bmp_peer){ .address = p->address,
		.as = p->as,
		.router_id = p->router_id,
		.two_octet_as = p->two_octet_as,
		.when_us = when_us };
}

static int64_t now_us(void)
{
	return (int64_t)clock_wall(clock_now()) * 1000000;
}

static void peer_up(struct station *s, const struct bgp_tap_peer *tap)
{
	const struct bgp_tap_open *o = &tap->open[0];
	const struct cfg_bgp *b = bgp_exec_config_of(s->bmp->domain, tap->id);
	struct bgp_peer_view *v = calloc(1, sizeof(*v));
	struct station_peer *p;
	struct bmp_peer h;
	struct wr w = writer(s->bmp);

	if (!b || !v || !o->in || !o->out || s->n_peers >= PEERS_MAX || peer_of(s, tap->id) ||
	    bgp_peer_view(s->bmp->domain->bgp, tap->id, v)) {
		free(v);
		return;
	}
	p = &s->peer[s->n_peers++];
	*p = (struct station_peer){ .id = tap->id,
		.address = b->peer,
		.as = b->peer_as,
		.router_id = v->remote_router_id,
		.internal = b->peer_as == s->bmp->domain->config->cfg->as,
		.two_octet_as = !v->four_octet_as,
		.path_ids = { v->path_ids_in[BGP_IPV4], v->path_ids_in[BGP_IPV6] } };
	free(v);
	h = header(p, tap->up_us);
	bmp_peer_up(&w, &h, &o->local, o->remote.port, o->out, o->n_out, o->in, o->n_in);
	deliver(s, &w);
}

static void peer_down(struct station *s, const struct bgp_tap_peer *tap, const struct reason *why)
{
	static const uint8_t no_event[2];
	struct station_peer *p = peer_of(s, tap->id);
	struct bmp_peer h;
	struct wr w = writer(s->bmp);

	if (!p)
		return;
	h = header(p, now_us());
	if (tap->notification)
		bmp_peer_down(&w, &h,
		    tap->notification_ours ? BMP_DOWN_LOCAL_NOTIFICATION : BMP_DOWN_REMOTE_NOTIFICATION,
		    tap->notification, tap->n_notification);
	else if (!strcmp(why->id, "bgp-connection-closed"))
		bmp_peer_down(&w, &h, BMP_DOWN_REMOTE, NULL, 0);
	else
		bmp_peer_down(&w, &h, BMP_DOWN_LOCAL, no_event, sizeof(no_event));
	*p = s->peer[--s->n_peers];
	deliver(s, &w);
}

/* --- routes --- */

static void monitoring(struct station *s, const struct station_peer *p, const uint8_t *update, size_t len)
{
	struct bmp_peer h = header(p, now_us());
	struct wr w = writer(s->bmp);

	bmp_route_monitoring(&w, &h, update, len);
	deliver(s, &w);
}

/* UPDATEs of our own in the form of the peer's. */
static struct attr_context form_of(const struct station_peer *p)
{
	return (struct attr_context){ .four_octet = !p->two_octet_as,
		.internal = p->internal,
		.path_ids = { p->path_ids[BGP_IPV4], p->path_ids[BGP_IPV6] } };
}

/* The prefixes of a list in UPDATEs of our own; a NULL: withdrawals. */
static void rebuilt(struct station *s, const struct station_peer *p, struct rd list, enum bgp_family family,
    const struct attrs *a)
{
	const struct attr_context c = form_of(p);
	struct bmp *b = s->bmp;
	struct prefix prefix;
	uint32_t id;
	bool open = false;

	while (nlri_next_path(&list, family == BGP_IPV4 ? 4 : 6, c.path_ids[family], &prefix, &id) > 0) {
		if (open && update_add_path(&b->builder, &prefix, id))
			continue;
		if (open)
			monitoring(s, p, b->update_out, update_end(&b->builder));
		open = update_begin(&b->builder, b->update_out, BGP_MESSAGE_MAX, family, a, &c) &&
		       update_add_path(&b->builder, &prefix, id);
		if (!open)
			return;
	}
	if (open)
		monitoring(s, p, b->update_out, update_end(&b->builder));
}

static void after_faults(struct station *s, const struct station_peer *p)
{
	const struct update *u = &s->bmp->update;
	bool withdraw = u->a.faults.withdraw != FAULT_NONE;
	struct attrs a = u->a.attrs;

	rebuilt(s, p, u->withdrawn, BGP_IPV4, NULL);
	if (u->a.unreach.known)
		rebuilt(s, p, u->a.unreach.prefixes, u->a.unreach.family, NULL);
	rebuilt(s, p, u->nlri, BGP_IPV4, withdraw ? NULL : &a);
	a.nexthop = u->a.mp_nexthop;
	if (u->a.reach.known)
		rebuilt(s, p, u->a.reach.prefixes, u->a.reach.family, withdraw ? NULL : &a);
}

static void on_message(void *ctx, const struct bgp_tap_peer *tap, const uint8_t *data, size_t len)
{
	struct bmp *b = ctx;
	struct rd body = rd_init(data, len);

	if (tap->state != BGP_ESTABLISHED || len <= TYPE_AT || data[TYPE_AT] != BGP_MSG_UPDATE)
		return;
	(void)rd_skip(&body, BGP_HEADER_LEN);
	list_for_each (&b->stations, struct station, s, node) {
		const struct station_peer *p = peer_of(s, tap->id);
		const struct attr_context c = { .four_octet = tap->four_octet_as,
			.internal = p && p->internal,
			.family = { [BGP_IPV4] = true, [BGP_IPV6] = true },
			.path_ids = { tap->path_ids[BGP_IPV4], tap->path_ids[BGP_IPV6] } };

		if (!p)
			continue;
		update_parse(body, &c, &b->scratch, &b->update);
		if (b->update.a.faults.worst == REACT_NONE)
			monitoring(s, p, data, len);
		else if (b->update.a.faults.worst != REACT_RESET)
			after_faults(s, p);
	}
}

static void on_state(void *ctx, const struct bgp_tap_peer *tap, enum bgp_state was, const struct reason *why)
{
	struct bmp *b = ctx;

	list_for_each (&b->stations, struct station, s, node) {
		if (!s->up)
			continue;
		if (tap->state == BGP_ESTABLISHED)
			peer_up(s, tap);
		else if (was == BGP_ESTABLISHED)
			peer_down(s, tap, why);
	}
}

static void row_out(struct station *s, const struct bgp_route_view *row)
{
	const struct station_peer *p = row->malformed ? NULL : peer_of(s, row->peer);
	struct bmp *b = s->bmp;
	struct attr_context c;

	if (!p)
		return;
	c = form_of(p);
	if (update_begin(&b->builder, b->update_out, BGP_EXTENDED_MAX,
	        row->prefix.addr.family == 4 ? BGP_IPV4 : BGP_IPV6, row->attrs, &c) &&
	    update_add_path(&b->builder, &row->prefix, row->path_id))
		monitoring(s, p, b->update_out, update_end(&b->builder));
}

static void end_of_rib(struct station *s)
{
	struct bgp_peer_view *v = calloc(1, sizeof(*v));
	uint8_t eor[BGP_UPDATE_MIN + 16];

	for (unsigned i = 0; v && i < s->n_peers && s->up; i++) {
		if (bgp_peer_view(s->bmp->domain->bgp, s->peer[i].id, v))
			continue;
		for (int f = 0; f < BGP_N_FAMILIES && s->up; f++) {
			struct wr w = wr_init(eor, sizeof(eor));

			if (!(f == BGP_IPV4 ? v->ipv4 : v->ipv6))
				continue;
			eor_build(&w, (enum bgp_family)f);
			monitoring(s, &s->peer[i], eor, wr_len(&w));
		}
	}
	free(v);
}

/* A piece of the table, if the connection takes it. */
static void walk(struct station *s)
{
	struct bmp *b = s->bmp;
	size_t n;

	if (!s->walking || s->room < ROOM_LOW)
		return;
	n = b->domain->bgp ? bgp_routes(b->domain->bgp, &s->query, b->row, ROWS) : 0;
	for (size_t i = 0; i < n && s->up; i++)
		row_out(s, &b->row[i]);
	if (!s->up || (b->domain->bgp && !s->query.done))
		return;
	s->walking = false;
	if (b->domain->bgp)
		end_of_rib(s);
}

/* --- statistics --- */

static void statistics(struct station *s)
{
	struct bgp_peer_view *v = calloc(1, sizeof(*v));

	for (unsigned i = 0; v && i < s->n_peers && s->up; i++) {
		struct bmp_peer h = header(&s->peer[i], now_us());
		struct wr w = writer(s->bmp);

		if (!s->bmp->domain->bgp || bgp_peer_view(s->bmp->domain->bgp, s->peer[i].id, v))
			continue;
		bmp_stats(&w, &h,
		    (const struct bmp_stat_value[]){
		        { BMP_STAT_ADJ_RIB_IN, v->received }, { BMP_STAT_ADJ_RIB_OUT, v->advertised } },
		    2);
		deliver(s, &w);
	}
	free(v);
}

/* --- connections --- */

static void on_opened(void *ctx, const struct endpoint *local)
{
	struct station *s = ctx;
	struct domain *d = s->bmp->domain;
	struct wr w = writer(s->bmp);
	char host[256] = "causeway";

	(void)local;
	s->up = true;
	s->room = ROOM_FIRST;
	s->retry = RETRY_MIN;
	s->stats_at = s->cfg.statistics.ns ? mtime_add(clock_now(), s->cfg.statistics) : MTIME_NEVER;
	log_info(d->log, "bmp", "station %s is connected", s->cfg.name);
	(void)gethostname(host, sizeof(host) - 1);
	bmp_initiation(&w, host, "causewayd " CW_VERSION);
	if (!deliver(s, &w))
		return;
	s->query = (struct bgp_route_query){ .rib = BGP_RIB_RECEIVED };
	s->walking = true;
	list_for_each (&d->tunnels, struct tunnel, t, node) {
		const struct bgp_tap_peer *p = bgp_tap_peer(d->tap, t->id);

		if (p && p->state == BGP_ESTABLISHED && s->up)
			peer_up(s, p);
	}
	list_for_each (&d->lan_peers, struct lan_peer, l, node) {
		const struct bgp_tap_peer *p = bgp_tap_peer(d->tap, l->id);

		if (p && p->state == BGP_ESTABLISHED && s->up)
			peer_up(s, p);
	}
	arm(s->bmp);
}

static void on_input(void *ctx, const uint8_t *data, size_t len)
{
	(void)ctx; /* a station has nothing to say (RFC 7854 3.2) */
	(void)data;
	(void)len;
}

static void on_closed(void *ctx, const char *error)
{
	cut(ctx, error ? error : "it closed the connection");
}

static void on_writable(void *ctx, size_t room)
{
	struct station *s = ctx;

	s->room = room;
	arm(s->bmp);
}

static const struct tcp_conn_events events = {
	.opened = on_opened, .input = on_input, .closed = on_closed, .writable = on_writable
};

static void connect_now(struct station *s)
{
	struct domain *d = s->bmp->domain;
	const struct endpoint local = { 0 }, remote = { .addr = s->cfg.address, .port = s->cfg.port };
	struct reason why = { 0 };

	s->retry_at = MTIME_NEVER;
	s->tcp = tcp_connect(d->loop, &d->sys, &local, &remote, NULL, &events, s, &why);
	if (!s->tcp)
		cut(s, why.text);
}

/* --- time --- */

static void arm(struct bmp *b)
{
	mtime now = clock_now(), at = MTIME_NEVER;

	list_for_each (&b->stations, struct station, s, node) {
		at = mtime_min(at, s->tcp ? MTIME_NEVER : s->retry_at);
		if (!s->up)
			continue;
		at = mtime_min(at, s->stats_at);
		if (s->walking && s->room >= ROOM_LOW)
			loop_task_soon(b->work);
	}
	loop_timer_at(b->timer, at, now);
}

static void on_work(void *ctx)
{
	struct bmp *b = ctx;

	list_for_each (&b->stations, struct station, s, node)
		if (s->up)
			walk(s);
	arm(b);
}

static void on_timer(void *ctx)
{
	struct bmp *b = ctx;
	mtime now = clock_now();

	list_for_each (&b->stations, struct station, s, node) {
		if (!s->tcp && mtime_reached(s->retry_at, now))
			connect_now(s);
		if (s->up && mtime_reached(s->stats_at, now)) {
			s->stats_at = mtime_add(now, s->cfg.statistics);
			statistics(s);
		}
	}
	arm(b);
}

/* --- life --- */

struct bmp *bmp_new(struct domain *d)
{
	struct bmp *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->domain = d;
	list_init(&b->stations);
	b->timer = loop_timer_new(d->loop, on_timer, b);
	b->work = loop_task_new(d->loop, on_work, b);
	if (!b->timer || !b->work) {
		loop_timer_free(b->timer);
		loop_task_free(b->work);
		free(b);
		return NULL;
	}
	b->listener =
	    (struct bgp_tap_listener){ .ctx = b, .messages = true, .message = on_message, .state = on_state };
	return b;
}

static void station_free(struct station *s)
{
	struct wr w = writer(s->bmp);

	if (s->up) {
		bmp_termination(&w, BMP_TERM_ADMIN);
		deliver(s, &w);
	}
	if (s->tcp)
		tcp_conn_free(s->tcp);
	list_remove(&s->node);
	free(s);
}

static void listen_if_needed(struct bmp *b)
{
	bool needed = !list_empty(&b->stations);

	if (needed && !b->listening)
		bgp_tap_listen(b->domain->tap, &b->listener);
	if (!needed && b->listening)
		bgp_tap_leave(b->domain->tap, &b->listener);
	b->listening = needed;
}

void bmp_free(struct bmp *b)
{
	if (!b)
		return;
	list_for_each (&b->stations, struct station, s, node)
		station_free(s);
	listen_if_needed(b);
	loop_timer_free(b->timer);
	loop_task_free(b->work);
	free(b);
}

static bool same(const struct cfg_bmp *a, const struct cfg_bmp *b)
{
	return !strcmp(a->name, b->name) && addr_eq(&a->address, &b->address) && a->port == b->port &&
	       a->statistics.ns == b->statistics.ns;
}

static void want(struct bmp *b, const struct cfg_bmp *cfg)
{
	struct station *s;

	list_for_each (&b->stations, struct station, have, node)
		if (same(&have->cfg, cfg)) {
			have->wanted = true;
			return;
		}
	s = calloc(1, sizeof(*s));
	if (!s) {
		log_error(b->domain->log, "bmp", "no-memory: station %s is not served", cfg->name);
		return;
	}
	*s = (struct station){ .bmp = b, .cfg = *cfg, .wanted = true, .retry = RETRY_MIN };
	list_append(&b->stations, &s->node);
}

void bmp_configure(struct bmp *b, const struct cfg *cfg)
{
	list_for_each (&b->stations, struct station, s, node)
		s->wanted = false;
	for (unsigned i = 0; i < cfg->n_bmp; i++)
		want(b, &cfg->bmp[i]);
	list_for_each (&b->stations, struct station, s, node)
		if (!s->wanted)
			station_free(s);
	listen_if_needed(b);
	arm(b);
}

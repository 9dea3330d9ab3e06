/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stations: their connections, their sessions' Peer Up and Peer Down, statistics. On a new connection:
 * Initiation, a Peer Up for each session that stands, then the table (bmp_routes.c).
 */
#include "connector/daemon/bmp_exec.h"

#include "connector/daemon/bgp_exec.h"
#include "connector/daemon/bmp_internal.h"
#include "connector/daemon/tunnel.h"
#include "connector/sys/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY_MIN  mdur_s(30) /* RFC 7854 3.2 */
#define RETRY_MAX  mdur_s(720)
#define ROOM_FIRST 65536

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

bool bmp_deliver(struct station *s, const struct wr *w)
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

struct wr bmp_writer(struct bmp *b)
{
	return wr_init(b->out, sizeof(b->out));
}

/* --- peers --- */

struct station_peer *bmp_peer_of(struct station *s, uint32_t id)
{
	for (unsigned i = 0; i < s->n_peers; i++)
		if (s->peer[i].id == id)
			return &s->peer[i];
	return NULL;
}

struct bmp_peer bmp_header(const struct station_peer *p, int64_t when_us)
{
	return (struct bmp_peer){ .address = p->address,
		.as = p->as,
		.router_id = p->router_id,
		.two_octet_as = p->two_octet_as,
		.when_us = when_us };
}

int64_t bmp_now_us(void)
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
	struct wr w = bmp_writer(s->bmp);

	if (!b || !v || !o->in || !o->out || s->n_peers >= BMP_PEERS_MAX || bmp_peer_of(s, tap->id) ||
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
	h = bmp_header(p, tap->up_us);
	bmp_peer_up(&w, &h, &o->local, o->remote.port, o->out, o->n_out, o->in, o->n_in);
	bmp_deliver(s, &w);
}

static void peer_down(struct station *s, const struct bgp_tap_peer *tap, const struct reason *why)
{
	static const uint8_t no_event[2];
	struct station_peer *p = bmp_peer_of(s, tap->id);
	struct bmp_peer h;
	struct wr w = bmp_writer(s->bmp);

	if (!p)
		return;
	h = bmp_header(p, bmp_now_us());
	if (tap->notification)
		bmp_peer_down(&w, &h,
		    tap->notification_ours ? BMP_DOWN_LOCAL_NOTIFICATION : BMP_DOWN_REMOTE_NOTIFICATION,
		    tap->notification, tap->n_notification);
	else if (!strcmp(why->id, "bgp-connection-closed"))
		bmp_peer_down(&w, &h, BMP_DOWN_REMOTE, NULL, 0);
	else
		bmp_peer_down(&w, &h, BMP_DOWN_LOCAL, no_event, sizeof(no_event));
	*p = s->peer[--s->n_peers];
	bmp_deliver(s, &w);
}

static void message(void *ctx, const struct bgp_tap_peer *tap, const uint8_t *data, size_t len)
{
	bmp_routes_message(ctx, tap, data, len);
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

/* --- statistics --- */

static void statistics(struct station *s)
{
	struct bgp_peer_view *v = calloc(1, sizeof(*v));

	for (unsigned i = 0; v && i < s->n_peers && s->up; i++) {
		struct bmp_peer h = bmp_header(&s->peer[i], bmp_now_us());
		struct wr w = bmp_writer(s->bmp);

		if (!s->bmp->domain->bgp || bgp_peer_view(s->bmp->domain->bgp, s->peer[i].id, v))
			continue;
		bmp_stats(&w, &h,
		    (const struct bmp_stat_value[]){
		        { BMP_STAT_ADJ_RIB_IN, v->received }, { BMP_STAT_ADJ_RIB_OUT, v->advertised } },
		    2);
		bmp_deliver(s, &w);
	}
	free(v);
}

/* --- connections --- */

static void on_opened(void *ctx, const struct endpoint *local)
{
	struct station *s = ctx;
	struct domain *d = s->bmp->domain;
	struct wr w = bmp_writer(s->bmp);
	char host[256] = "causeway";

	(void)local;
	s->up = true;
	s->room = ROOM_FIRST;
	s->retry = RETRY_MIN;
	s->stats_at = s->cfg.statistics.ns ? mtime_add(clock_now(), s->cfg.statistics) : MTIME_NEVER;
	log_info(d->log, "bmp", "station %s is connected", s->cfg.name);
	(void)gethostname(host, sizeof(host) - 1);
	bmp_initiation(&w, host, "causewayd " CW_VERSION);
	if (!bmp_deliver(s, &w))
		return;
	bmp_routes_begin(s, false);
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
		if (s->walking && s->room >= BMP_ROOM_LOW)
			loop_task_soon(b->work);
	}
	loop_timer_at(b->timer, at, now);
}

static void on_work(void *ctx)
{
	struct bmp *b = ctx;

	list_for_each (&b->stations, struct station, s, node)
		if (s->up)
			bmp_routes_walk(s);
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

/* The rules have changed what is used: those that are told of it are told again, once all of it is done. */
void bmp_look(struct bmp *b)
{
	const struct bgp *bgp = b->domain->bgp;
	bool any = false;

	if (list_empty(&b->stations) || !bgp || !bgp_swept(bgp))
		return;
	list_for_each (&b->stations, struct station, s, node) {
		if (!s->up || !s->cfg.post_policy || s->walking || s->judged == bgp_judged_anew(bgp))
			continue;
		bmp_routes_begin(s, true);
		any = true;
	}
	if (any)
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
	    (struct bgp_tap_listener){ .ctx = b, .messages = true, .message = message, .state = on_state };
	return b;
}

static void station_free(struct station *s)
{
	struct wr w = bmp_writer(s->bmp);

	if (s->up) {
		bmp_termination(&w, BMP_TERM_ADMIN);
		bmp_deliver(s, &w);
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
	       a->statistics.ns == b->statistics.ns && a->pre_policy == b->pre_policy &&
	       a->post_policy == b->post_policy;
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

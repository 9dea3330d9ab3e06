/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table as MRT. The first piece is the index of peers; each further one asks the core for a handful of
 * routes and makes records of them, all routes of a prefix in one record: what the handful holds of its last
 * prefix is left for the next. The time of an entry is when the session came up, since no time is kept for
 * each route.
 */
#include "connector/daemon/bgp_dump.h"

#include "bgp/mrt.h"
#include "connector/daemon/domain.h"
#include "connector/daemon/tunnel.h"
#include "connector/sys/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROWS      80 /* more than there are peers of a prefix */
#define PEERS_MAX 256

struct dump_peer {
	uint32_t id, since;
	bool internal, path_ids[BGP_N_FAMILIES];
};

struct dump {
	struct domain *domain;
	struct bgp_route_query query;
	struct bgp_route_view row[ROWS];
	struct mrt_peer peer[PEERS_MAX];
	struct dump_peer more[PEERS_MAX];
	uint16_t n_peers;
	uint32_t sequence;
	bool index_written;
};

static void add_peer(struct dump *w, uint32_t id, const struct cfg_bgp *b)
{
	struct bgp_peer_view *v = calloc(1, sizeof(*v));

	if (v && w->n_peers < PEERS_MAX && !bgp_peer_view(w->domain->bgp, id, v)) {
		w->peer[w->n_peers] = (struct mrt_peer){ v->remote_router_id, b->peer, b->peer_as };
		w->more[w->n_peers] = (struct dump_peer){ .id = id,
			.since = (uint32_t)clock_wall(v->since),
			.internal = b->peer_as == w->domain->config->cfg->as,
			.path_ids = { v->path_ids_in[BGP_IPV4], v->path_ids_in[BGP_IPV6] } };
		w->n_peers++;
	}
	free(v);
}

void *bgp_dump_open(void *domain, enum api_result *ret_result, struct reason *ret_reason)
{
	struct domain *d = domain;
	struct dump *w = calloc(1, sizeof(*w));

	*ret_result = API_FAILED;
	if (!w || !d->bgp || !d->config) {
		free(w);
		*ret_result = w ? API_REFUSED : API_FAILED;
		reason_set(ret_reason, "bgp-not-configured", "BGP is not configured here: there is no table");
		return NULL;
	}
	w->domain = d;
	w->query.rib = BGP_RIB_RECEIVED;
	list_for_each (&d->tunnels, struct tunnel, t, node)
		if (!t->retiring && t->cfg->have_bgp)
			add_peer(w, t->id, &t->cfg->bgp);
	list_for_each (&d->lan_peers, struct lan_peer, l, node) {
		const struct cfg_peer *cfg = cfg_find_peer(d->config->cfg, l->name);

		if (cfg)
			add_peer(w, l->id, &cfg->bgp);
	}
	*ret_result = API_OK;
	return w;
}

static int peer_index(const struct dump *w, uint32_t id)
{
	for (unsigned i = 0; i < w->n_peers; i++)
		if (w->more[i].id == id)
			return (int)i;
	return -1; /* newer than the index: it is in the next dump */
}

static uint32_t now(void)
{
	return (uint32_t)clock_wall(clock_now());
}

/* Where the table goes on, the last prefix of the rows may not be whole: it is left for the next piece. */
static size_t whole_prefixes(struct dump *w, size_t n)
{
	size_t whole = n;

	if (w->query.done || n < ROWS)
		return n;
	while (whole && prefix_eq(&w->row[whole - 1].prefix, &w->row[n - 1].prefix))
		whole--;
	if (!whole)
		return n;
	w->query.after = w->row[whole - 1].prefix;
	w->query.after_peer = UINT32_MAX;
	return whole;
}

/* A session that is down, and whose routes are kept, agrees on nothing: then its routes say it. */
static bool has_path_id(const struct dump *w, const struct bgp_route_view *row, int peer)
{
	return row->path_id || w->more[peer].path_ids[row->prefix.addr.family == 6 ? BGP_IPV6 : BGP_IPV4];
}

/* The routes of one prefix, rows i to n, those with path identifiers or those without: each kind has a record
 * of its own (RFC 8050 4). A route that does not fit is left out. */
static void record(struct dump *w, struct wr *out, size_t i, size_t n, bool path_ids)
{
	struct wr before = *out;
	struct mrt_rib rib;

	mrt_rib_begin(out, &rib, now(), w->sequence, &w->row[i].prefix, path_ids);
	for (; i < n; i++) {
		const struct bgp_route_view *row = &w->row[i];
		int peer = row->malformed ? -1 : peer_index(w, row->peer);
		struct wr entry = *out;
		uint16_t count = rib.n;

		if (peer < 0 || has_path_id(w, row, peer) != path_ids)
			continue;
		mrt_rib_entry(out, &rib, (uint16_t)peer, w->more[peer].since, row->path_id, row->attrs,
		    w->more[peer].internal);
		if (!wr_ok(out)) {
			*out = entry;
			rib.n = count;
		}
	}
	mrt_rib_end(out, &rib);
	if (rib.n && wr_ok(out))
		w->sequence++;
	else
		*out = before;
}

/* The routes of the prefix of row i; returns the row behind them. */
static size_t records(struct dump *w, struct wr *out, size_t i, size_t n)
{
	size_t end = i;

	while (end < n && prefix_eq(&w->row[end].prefix, &w->row[i].prefix))
		end++;
	record(w, out, i, end, false);
	record(w, out, i, end, true);
	return end;
}

size_t bgp_dump_next(void *walk, uint8_t *out, size_t cap, bool *ret_done)
{
	struct dump *w = walk;
	struct wr wr = wr_init(out, cap);
	size_t n;

	*ret_done = false;
	if (!w->index_written) {
		w->index_written = true;
		mrt_peer_index(&wr, now(), w->domain->config ? w->domain->config->cfg->router_id : 0, "",
		    w->peer, w->n_peers);
		return wr_ok(&wr) ? wr_len(&wr) : 0;
	}
	n = w->domain->bgp && !w->query.done ? bgp_routes(w->domain->bgp, &w->query, w->row, ROWS) : 0;
	*ret_done = !w->domain->bgp || w->query.done;
	n = whole_prefixes(w, n);
	for (size_t i = 0; i < n;)
		i = records(w, &wr, i, n);
	return wr_len(&wr);
}

void bgp_dump_close(void *walk)
{
	free(walk);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways of destinations, interned: a million prefixes behind one gateway share one set of ways, and
 * whether the daemon has to be told of a change is a comparison of numbers.
 */
#include "bgp/core.h"

#include <stdlib.h>
#include <string.h>

struct way_set {
	struct hnode hnode;
	uint32_t refs, id;
	uint8_t n;
	bool have_backup;
	struct bgp_path path[]; /* n, and the backup behind them */
};

static size_t bytes_of(const struct way_set *s)
{
	return sizeof(*s) + (s->n + s->have_backup) * sizeof(s->path[0]);
}

static bool path_eq(const struct bgp_path *a, const struct bgp_path *b)
{
	return a->peer == b->peer && a->weight == b->weight && addr_eq(&a->nexthop, &b->nexthop);
}

static bool same(const struct way_set *s, const struct ways *w)
{
	if (s->n != w->n || s->have_backup != w->have_backup)
		return false;
	for (unsigned i = 0; i < w->n; i++)
		if (!path_eq(&s->path[i], &w->path[i]))
			return false;
	return !w->have_backup || path_eq(&s->path[s->n], &w->backup);
}

static void hash_path(struct wr *w, const struct bgp_path *p)
{
	wr_u32(w, p->peer);
	wr_u32(w, p->weight);
	wr_u8(w, p->nexthop.family);
	wr_bytes(w, p->nexthop.b, sizeof(p->nexthop.b));
}

static uint64_t hash_of(const struct bgp *bgp, const struct ways *ways)
{
	uint8_t buf[(BGP_MULTIPATH_MAX + 1) * 32];
	struct wr w = wr_init(buf, sizeof(buf));

	for (unsigned i = 0; i < ways->n; i++)
		hash_path(&w, &ways->path[i]);
	if (ways->have_backup)
		hash_path(&w, &ways->backup);
	return siphash(&bgp->key, buf, wr_len(&w));
}

static struct way_set *find(const struct bgp *bgp, const struct ways *w, uint64_t hash)
{
	for (struct hnode *n = htab_find(&bgp->ways.table, hash); n; n = htab_find_next(n)) {
		struct way_set *s = container_of(n, struct way_set, hnode);

		if (same(s, w))
			return s;
	}
	return NULL;
}

static struct way_set *set_new(struct bgp *bgp, const struct ways *w, uint64_t hash)
{
	struct way_set *s = calloc(1, sizeof(*s) + (w->n + w->have_backup) * sizeof(s->path[0]));

	if (!s)
		return NULL;
	s->n = (uint8_t)w->n;
	s->have_backup = w->have_backup;
	memcpy(s->path, w->path, w->n * sizeof(s->path[0]));
	if (w->have_backup)
		s->path[w->n] = w->backup;
	s->id = ids_new(&bgp->ways.ids, s);
	if (!s->id || htab_add(&bgp->ways.table, &s->hnode, hash) < 0) {
		if (s->id)
			ids_del(&bgp->ways.ids, s->id);
		free(s);
		return NULL;
	}
	bgp->ways.bytes += bytes_of(s);
	return s;
}

uint32_t way_set_get(struct bgp *bgp, const struct ways *w)
{
	struct way_set *s = ids_at(&bgp->ways.ids, bgp->ways.last);
	uint64_t hash;

	if (!w->n)
		return 0;
	if (!s || !same(s, w)) {
		hash = hash_of(bgp, w);
		s = find(bgp, w, hash);
		if (!s)
			s = set_new(bgp, w, hash);
	}
	if (!s)
		return WAYS_UNKNOWN;
	bgp->ways.last = s->id;
	s->refs++;
	return s->id;
}

void way_set_put(struct bgp *bgp, uint32_t id)
{
	struct way_set *s = id == WAYS_UNKNOWN ? NULL : ids_at(&bgp->ways.ids, id);

	if (!s || --s->refs)
		return;
	if (bgp->ways.last == id)
		bgp->ways.last = 0;
	htab_remove(&bgp->ways.table, &s->hnode);
	ids_del(&bgp->ways.ids, id);
	bgp->ways.bytes -= bytes_of(s);
	free(s);
}

void way_set_read(const struct bgp *bgp, uint32_t id, struct ways *ret_ways)
{
	const struct way_set *s = ids_at(&bgp->ways.ids, id);

	ret_ways->n = 0;
	ret_ways->have_backup = false;
	if (!s)
		return;
	ret_ways->n = s->n;
	memcpy(ret_ways->path, s->path, s->n * sizeof(s->path[0]));
	ret_ways->have_backup = s->have_backup;
	if (s->have_backup)
		ret_ways->backup = s->path[s->n];
}

void way_sets_clear(struct bgp *bgp)
{
	htab_clear(&bgp->ways.table);
	ids_clear(&bgp->ways.ids);
}

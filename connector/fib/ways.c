/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interned sets of ways: a hash table of counted, immutable arrays. The set stands in a canonical order, so
 * equal sets have one representation whichever order BGP found their ways in.
 */
#include "connector/fib/ways.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024

struct ways_table {
	bool owners;
	void (*gone)(void *ctx, const struct fib_ways *w); /* or NULL */
	void *ctx;
	struct fib_ways *bucket[BUCKETS];
};

struct ways_table *ways_table_new(bool owners)
{
	struct ways_table *t = calloc(1, sizeof(*t));

	if (t)
		t->owners = owners;
	return t;
}

void ways_table_on_free(struct ways_table *t, void (*gone)(void *ctx, const struct fib_ways *w), void *ctx)
{
	t->gone = gone;
	t->ctx = ctx;
}

void ways_table_free(struct ways_table *t)
{
	free(t);
}

static int way_cmp(const struct fib_way *a, const struct fib_way *b)
{
	if (a->ifindex != b->ifindex)
		return a->ifindex < b->ifindex ? -1 : 1;
	return addr_cmp(&a->via, &b->via);
}

/* By what makes a way in this table, its weight aside. */
static int member_cmp(const struct ways_table *t, const struct fib_way *a, const struct fib_way *b)
{
	int cmp = way_cmp(a, b);

	if (cmp || !t->owners || a->owner == b->owner)
		return cmp;
	return a->owner < b->owner ? -1 : 1;
}

/* Insertion sort that drops what comes twice; n is 16 at most. Returns how many remain. */
static unsigned canonical(
    const struct ways_table *t, struct fib_way out[FIB_WAYS_MAX + 1], const struct fib_way way[], unsigned n)
{
	unsigned used = 0;

	for (unsigned i = 0; i < n && i < FIB_WAYS_MAX; i++) {
		unsigned at = used;

		while (at > 0 && member_cmp(t, &out[at - 1], &way[i]) > 0)
			at--;
		if (at > 0 && member_cmp(t, &out[at - 1], &way[i]) == 0)
			continue;
		memmove(&out[at + 1], &out[at], (used - at) * sizeof(out[0]));
		out[at] = way[i];
		if (out[at].weight < 1)
			out[at].weight = 1;
		if (out[at].weight > FIB_WEIGHT_MAX)
			out[at].weight = FIB_WEIGHT_MAX;
		used++;
	}
	if (used == 1)
		out[0].weight = 1; /* alone, its weight says nothing */
	return used;
}

static bool same_way(const struct ways_table *t, const struct fib_way *a, const struct fib_way *b)
{
	return member_cmp(t, a, b) == 0 && a->weight == b->weight;
}

static bool same(const struct fib_ways *w, uint8_t tag, const struct fib_way way[], unsigned n,
    const struct fib_way *backup)
{
	if (w->tag != tag || w->n != n || w->have_backup != (backup != NULL))
		return false;
	if (backup && member_cmp(w->table, &w->backup, backup) != 0)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (!same_way(w->table, &w->way[i], &way[i]))
			return false;
	return true;
}

static uint32_t hash_way(uint32_t h, const struct fib_way *way)
{
	h = (h ^ (uint32_t)way->ifindex) * 16777619U;
	for (unsigned j = 0; j < addr_size(&way->via); j++)
		h = (h ^ way->via.b[j]) * 16777619U;
	return h;
}

/* FNV-1a over what makes the identity, but for owners. */
static unsigned hash(uint8_t tag, const struct fib_way way[], unsigned n, const struct fib_way *backup)
{
	uint32_t h = 2166136261U ^ tag;

	for (unsigned i = 0; i < n; i++)
		h = (hash_way(h, &way[i]) ^ way[i].weight) * 16777619U;
	if (backup)
		h = hash_way(~h, backup);
	return (h ^ h >> 16) % BUCKETS;
}

const struct fib_ways *ways_get(
    struct ways_table *t, uint8_t tag, const struct fib_way way[], unsigned n, const struct fib_way *backup)
{
	struct fib_way sorted[FIB_WAYS_MAX + 1];
	struct fib_ways **bucket, *w;

	n = canonical(t, sorted, way, n);
	bucket = &t->bucket[hash(tag, sorted, n, backup)];
	for (w = *bucket; w; w = w->next) {
		if (same(w, tag, sorted, n, backup)) {
			w->refs++;
			return w;
		}
	}
	w = calloc(1, sizeof(*w) + n * sizeof(w->way[0]));
	if (!w)
		return NULL;
	w->table = t;
	w->refs = 1;
	w->tag = tag;
	w->n = (uint8_t)n;
	memcpy(w->way, sorted, n * sizeof(w->way[0]));
	if (backup) {
		w->have_backup = true;
		w->backup = *backup;
		w->backup.weight = 1; /* it will be alone */
	}
	w->next = *bucket;
	*bucket = w;
	return w;
}

const struct fib_ways *ways_ref(const struct fib_ways *w)
{
	((struct fib_ways *)w)->refs++;
	return w;
}

void ways_unref(const struct fib_ways *w)
{
	struct fib_ways *dead = (struct fib_ways *)w, **link;

	/* A set may hold its usable part, and its image, which holds nothing: they go with it. */
	while (dead && --dead->refs == 0) {
		const struct fib_ways *usable = dead->usable;

		if (dead->table->gone)
			dead->table->gone(dead->table->ctx, dead);
		ways_unref(dead->image);
		link = &dead->table->bucket[hash(
		    dead->tag, dead->way, dead->n, dead->have_backup ? &dead->backup : NULL)];
		while (*link != dead)
			link = &(*link)->next;
		*link = dead->next;
		free(dead);
		dead = (struct fib_ways *)usable;
	}
}

bool ways_within(const struct fib_ways *inner, const struct fib_ways *outer)
{
	for (unsigned i = 0; i < inner->n; i++) {
		bool found = false;

		for (unsigned j = 0; j < outer->n && !found; j++)
			found = way_cmp(&inner->way[i], &outer->way[j]) == 0;
		if (!found)
			return false;
	}
	return true;
}

bool ways_has(const struct fib_ways *w, int ifindex, const struct addr *via)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->way[i].ifindex == ifindex && addr_eq(&w->way[i].via, via))
			return true;
	return false;
}

bool ways_same_path(const struct fib_route *a, const struct fib_route *b)
{
	if (a->n_ways != b->n_ways || !addr_eq(&a->source, &b->source))
		return false;
	for (unsigned i = 0; i < a->n_ways; i++)
		if (a->way[i].ifindex != b->way[i].ifindex || !addr_eq(&a->way[i].via, &b->way[i].via) ||
		    a->way[i].weight != b->way[i].weight)
			return false;
	return true;
}

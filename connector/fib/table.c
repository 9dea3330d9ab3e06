/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of routes: millions of small records in chunks, found by their prefix (base/ptab.h).
 *
 * A record has a number for as long as it lives, and stays where it is in memory; lists and chains link by
 * these numbers. Chunks are aligned to their size, so a record's chunk, and with it the number and the
 * family, follows from its address. Routes with the same prefix and other metrics stand in a chain. Chunks
 * are given back by route_table_trim when the last route has gone.
 */
#include "connector/fib/plan_internal.h"

#include <stdlib.h>
#include <string.h>

#define NO_IPV6     0x80000000U
#define CHUNK_ALIGN 65536
#define BLOCK_MAX   16 /* chunks of one allocation, which wastes one for the alignment of the others */
#define IPV6_EXTRA  12 /* bytes of an address beyond IPv4's */

struct route_chunk {
	route_no first; /* number of its first route */
	uint32_t size;  /* of a route */
	bool ipv6;
	_Alignas(8) unsigned char route[];
};

static struct route_chunk *chunk_of(const struct route *r)
{
	return (struct route_chunk *)((uintptr_t)r & ~(uintptr_t)(CHUNK_ALIGN - 1));
}

static uint32_t per_chunk(const struct route_slab *s)
{
	return (uint32_t)((CHUNK_ALIGN - sizeof(struct route_chunk)) / s->size);
}

static struct route *at(const struct route_slab *s, uint32_t index)
{
	return (
	    struct route *)(void *)(s->chunk[index / per_chunk(s)]->route + index % per_chunk(s) * s->size);
}

struct route *route_by_no(const struct fib *f, route_no no)
{
	return no ? at(&f->routes.slab[no & NO_IPV6 ? 1 : 0], (no & ~NO_IPV6) - 1) : NULL;
}

route_no route_no_of(const struct route *r)
{
	const struct route_chunk *c = chunk_of(r);

	return c->first + (route_no)(((const unsigned char *)r - c->route) / c->size);
}

uint8_t route_family(const struct route *r)
{
	return chunk_of(r)->ipv6 ? 6 : 4;
}

struct prefix route_prefix(const struct route *r)
{
	struct prefix p = { .addr.family = chunk_of(r)->ipv6 ? 6 : 4, .len = r->len };

	memcpy(p.addr.b, r->address, addr_size(&p.addr));
	return p;
}

/* ---- records ---- */

/* A block that chunks can be cut of; the first ones are small. */
static int grow_block(struct route_slab *s)
{
	unsigned n = s->n_chunks < BLOCK_MAX ? 1 : BLOCK_MAX;
	void **more = realloc(s->block, (s->n_blocks + 1) * sizeof(*more)), *block;

	if (!more)
		return -1;
	s->block = more;
	block = malloc((n + 1) * (size_t)CHUNK_ALIGN);
	if (!block)
		return -1;
	more[s->n_blocks++] = block;
	s->uncut = (void *)(((uintptr_t)block + CHUNK_ALIGN - 1) & ~(uintptr_t)(CHUNK_ALIGN - 1));
	s->n_uncut = n;
	return 0;
}

static int grow(struct route_slab *s, bool ipv6)
{
	struct route_chunk **more = realloc(s->chunk, (s->n_chunks + 1) * sizeof(*more));

	if (!more)
		return -1;
	s->chunk = more;
	if (!s->n_uncut && grow_block(s) < 0)
		return -1;
	more[s->n_chunks] = (struct route_chunk *)s->uncut;
	*more[s->n_chunks] = (struct route_chunk){
		.first = (s->used + 1) | (ipv6 ? NO_IPV6 : 0), .size = (uint32_t)s->size, .ipv6 = ipv6
	};
	s->uncut += CHUNK_ALIGN;
	s->n_uncut--;
	s->n_chunks++;
	return 0;
}

static struct route *record_new(struct fib *f, const struct prefix *p)
{
	bool ipv6 = p->addr.family == 6;
	struct route_slab *s = &f->routes.slab[ipv6];
	struct route *r = route_by_no(f, s->free);

	s->size = sizeof(*r) + (ipv6 ? IPV6_EXTRA : 0);
	if (r) {
		s->free = r->chain;
	} else {
		if (s->used == s->n_chunks * per_chunk(s) && (s->used == NO_IPV6 - 1 || grow(s, ipv6) < 0))
			return NULL;
		r = at(s, s->used++);
	}
	memset(r, 0, sizeof(*r));
	memcpy(r->address, p->addr.b, ipv6 ? 16 : 4);
	r->len = p->len;
	f->routes.count++;
	return r;
}

static void slab_clear(struct route_slab *s)
{
	for (uint32_t i = 0; i < s->n_blocks; i++)
		free(s->block[i]);
	free(s->block);
	free(s->chunk);
	*s = (struct route_slab){ 0 };
}

static void record_free(struct fib *f, struct route *r)
{
	struct route_slab *s = &f->routes.slab[chunk_of(r)->ipv6];

	r->bundle = 0;
	r->chain = s->free;
	s->free = route_no_of(r);
	f->routes.count--;
}

/* ---- by prefix ---- */

uint32_t route_metric(const struct fib *f, const struct route *r)
{
	const struct rich *x = route_rich(f, r);

	return x ? x->metric : chunk_of(r)->ipv6 ? IPV6_DEFAULT_METRIC : 0;
}

static struct route *first_at(const struct fib *f, const struct prefix *p)
{
	/* NULL: fib_free has the routes behind it, and what is left asks for one */
	const route_no *no = f->routes.by_prefix ? ptab_get(f->routes.by_prefix, p) : NULL;

	return no ? route_by_no(f, *no) : NULL;
}

struct route *route_find(const struct fib *f, const struct prefix *p, uint32_t metric)
{
	struct route *r = first_at(f, p);

	while (r && route_metric(f, r) != metric)
		r = route_by_no(f, r->chain);
	return r;
}

struct route *route_from_metric(const struct fib *f, const struct prefix *p, uint64_t metric)
{
	struct route *best = NULL;

	for (struct route *r = first_at(f, p); r; r = route_by_no(f, r->chain))
		if (route_metric(f, r) >= metric && (!best || route_metric(f, r) < route_metric(f, best)))
			best = r;
	return best;
}

/* A record with this metric; NULL when memory is out. */
static struct route *record_with(struct fib *f, const struct prefix *p, uint32_t metric)
{
	struct route *r = record_new(f, p);
	struct rich *x;

	if (!r || metric == route_metric(f, r))
		return r;
	x = route_enrich(f, r);
	if (!x) {
		record_free(f, r);
		return NULL;
	}
	x->metric = metric;
	return r;
}

struct route *route_make(struct fib *f, const struct prefix *p, uint32_t metric)
{
	struct route *r = route_find(f, p, metric);
	route_no *head;
	bool fresh;

	if (r)
		return r;
	head = ptab_add(f->routes.by_prefix, p, &fresh);
	if (!head)
		return NULL;
	r = record_with(f, p, metric);
	if (!r) {
		if (fresh)
			(void)ptab_remove(f->routes.by_prefix, p);
		return NULL;
	}
	r->seen = (uint8_t)(f->generation - 1);
	r->chain = *head;
	*head = route_no_of(r);
	return r;
}

void route_drop(struct fib *f, struct route *r)
{
	struct prefix p = route_prefix(r);
	route_no *head = ptab_get(f->routes.by_prefix, &p), *link = head, no = route_no_of(r);

	while (*link != no)
		link = &route_by_no(f, *link)->chain;
	*link = r->chain;
	if (!*head)
		(void)ptab_remove(f->routes.by_prefix, &p);
	route_unrich(f, r);
	record_free(f, r);
}

void route_table_trim(struct fib *f)
{
	if (f->routes.count)
		return;
	slab_clear(&f->routes.slab[0]);
	slab_clear(&f->routes.slab[1]);
}

/* ---- what few have ---- */

struct rich *route_rich(const struct fib *f, const struct route *r)
{
	struct hnode *n = r->rich ? htab_find(&f->routes.rich, route_no_of(r)) : NULL;

	return n ? container_of(n, struct rich, by_route) : NULL;
}

struct rich *route_enrich(struct fib *f, struct route *r)
{
	struct rich *x = route_rich(f, r);

	if (x)
		return x;
	x = calloc(1, sizeof(*x));
	if (!x || htab_add(&f->routes.rich, &x->by_route, route_no_of(r)) < 0) {
		free(x);
		return NULL;
	}
	x->metric = route_metric(f, r);
	x->retry = MTIME_NEVER;
	r->rich = true;
	return x;
}

void route_unrich(struct fib *f, struct route *r)
{
	struct rich *x = route_rich(f, r);

	if (!x)
		return;
	htab_remove(&f->routes.rich, &x->by_route);
	for (struct want *w = x->wants, *lower; w; w = lower) {
		lower = w->next;
		ways_unref(w->ways);
		free(w);
	}
	free(x);
	r->rich = false;
}

/* ---- all of them ---- */

bool route_each(const struct fib *f, struct route_walk *w, struct route **ret_r)
{
	for (; w->family < 2; w->family++, w->index = 0) {
		const struct route_slab *s = &f->routes.slab[w->family];

		while (w->index < s->used) {
			struct route *r = at(s, w->index++);

			if (r->bundle) {
				*ret_r = r;
				return true;
			}
		}
	}
	return false;
}

void route_table_free(struct fib *f)
{
	struct route_walk w = { 0 };
	struct route *r;

	while (route_each(f, &w, &r))
		route_unrich(f, r);
	f->routes.count = 0;
	route_table_trim(f);
	ptab_free(f->routes.by_prefix);
	f->routes.by_prefix = NULL;
	htab_clear(&f->routes.rich);
}

/* ---- lists ---- */

void route_list_append(struct fib *f, struct route_list *l, struct route *r)
{
	route_no no = route_no_of(r);

	r->next = 0;
	r->prev = l->last;
	if (l->last)
		route_by_no(f, l->last)->next = no;
	else
		l->first = no;
	l->last = no;
}

void route_list_remove(struct fib *f, struct route_list *l, struct route *r)
{
	if (r->prev)
		route_by_no(f, r->prev)->next = r->next;
	else
		l->first = r->next;
	if (r->next)
		route_by_no(f, r->next)->prev = r->prev;
	else
		l->last = r->prev;
	r->next = r->prev = 0;
}

void route_list_move_all(struct fib *f, struct route_list *to, struct route_list *from)
{
	if (!from->first)
		return;
	if (to->last) {
		route_by_no(f, to->last)->next = from->first;
		route_by_no(f, from->first)->prev = to->last;
	} else {
		to->first = from->first;
	}
	to->last = from->last;
	*from = (struct route_list){ 0 };
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks of 1024 objects. Free objects of a chunk are chained inside it, chunks with room are chained among
 * each other; so taking and giving back cost the same however many there are, and an empty chunk can be freed
 * without looking for its objects anywhere. The last chunk with room that gets empty is kept, so that a table
 * which breathes around a border of chunks doesn't allocate at each breath.
 *
 * Under AddressSanitizer free objects are poisoned: to the tests this is a malloc like the other.
 */
#include "base/slab.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define SLAB_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_ASAN 1
#endif
#endif
#ifdef SLAB_ASAN
void __asan_poison_memory_region(void const volatile *addr, size_t size);
void __asan_unpoison_memory_region(void const volatile *addr, size_t size);
#define POISON(p, n)   __asan_poison_memory_region(p, n)
#define UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#define ALIGN        4
#define CHUNKS_FIRST 16

void slab_init(struct slab *s, size_t size)
{
	*s = (struct slab){ .size = (size + ALIGN - 1) / ALIGN * ALIGN };
}

void slab_free(struct slab *s)
{
	for (uint32_t i = 0; i < s->n_chunks; i++) {
		if (s->chunk[i].mem)
			UNPOISON(s->chunk[i].mem, SLAB_CHUNK * s->size);
		free(s->chunk[i].mem);
	}
	free(s->chunk);
	slab_init(s, s->size);
}

static uint8_t *object(const struct slab *s, const struct slab_chunk *c, uint16_t i)
{
	return &c->mem[i * s->size];
}

/* --- the chain of chunks with room --- */
static void room_add(struct slab *s, uint32_t at)
{
	struct slab_chunk *c = &s->chunk[at];

	c->prev_room = 0;
	c->next_room = s->room;
	if (s->room)
		s->chunk[s->room - 1].prev_room = at + 1;
	s->room = at + 1;
}

static void room_remove(struct slab *s, uint32_t at)
{
	struct slab_chunk *c = &s->chunk[at];

	if (c->prev_room)
		s->chunk[c->prev_room - 1].next_room = c->next_room;
	else
		s->room = c->next_room;
	if (c->next_room)
		s->chunk[c->next_room - 1].prev_room = c->prev_room;
}

/* --- chunks --- */
static int fill(struct slab *s, uint32_t at)
{
	struct slab_chunk *c = &s->chunk[at];

	c->mem = malloc(SLAB_CHUNK * s->size);
	if (!c->mem)
		return -1;
	for (uint16_t i = 0; i < SLAB_CHUNK; i++) {
		uint16_t next = (uint16_t)(i + 1);

		memcpy(object(s, c, i), &next, sizeof(next));
	}
	POISON(c->mem, SLAB_CHUNK * s->size);
	c->free = c->used = 0;
	room_add(s, at);
	return 0;
}

static int grow(struct slab *s)
{
	uint32_t cap = s->cap ? 2 * s->cap : CHUNKS_FIRST;
	struct slab_chunk *c;

	if (cap > UINT32_MAX / SLAB_CHUNK) /* numbers end before */
		return -1;
	c = realloc(s->chunk, cap * sizeof(*c));
	if (!c)
		return -1;
	s->chunk = c;
	s->cap = cap;
	return 0;
}

/* A chunk with nothing in it: one that was given back before, or a new one. */
static int chunk_more(struct slab *s)
{
	for (uint32_t i = 0; s->hollow && i < s->n_chunks; i++) {
		if (s->chunk[i].mem)
			continue;
		if (fill(s, i) < 0)
			return -1;
		s->hollow--;
		return 0;
	}
	if (s->n_chunks == s->cap && grow(s) < 0)
		return -1;
	s->chunk[s->n_chunks] = (struct slab_chunk){ 0 };
	if (fill(s, s->n_chunks) < 0)
		return -1;
	s->n_chunks++;
	return 0;
}

uint32_t slab_new(struct slab *s)
{
	struct slab_chunk *c;
	uint32_t at;
	uint16_t i;
	uint8_t *p;

	if (!s->room && chunk_more(s) < 0)
		return 0;
	at = s->room - 1;
	c = &s->chunk[at];
	i = c->free;
	p = object(s, c, i);
	UNPOISON(p, s->size);
	memcpy(&c->free, p, sizeof(c->free));
	memset(p, 0, s->size);
	if (++c->used == SLAB_CHUNK)
		room_remove(s, at);
	s->count++;
	return (at << SLAB_CHUNK_BITS) + i + 1u;
}

static void give_back(struct slab *s, uint32_t at)
{
	struct slab_chunk *c = &s->chunk[at];

	if (s->room == at + 1 && !c->next_room && s->count)
		return; /* the only room there is */
	room_remove(s, at);
	UNPOISON(c->mem, SLAB_CHUNK * s->size);
	free(c->mem);
	c->mem = NULL;
	s->hollow++;
	while (s->n_chunks && !s->chunk[s->n_chunks - 1].mem) {
		s->n_chunks--;
		s->hollow--;
	}
}

void slab_del(struct slab *s, uint32_t id)
{
	uint32_t at = (id - 1) >> SLAB_CHUNK_BITS;
	uint16_t i = (uint16_t)((id - 1) & (SLAB_CHUNK - 1));
	struct slab_chunk *c;
	uint8_t *p;

	if (!id)
		return;
	c = &s->chunk[at];
	p = object(s, c, i);
	memcpy(p, &c->free, sizeof(c->free));
	POISON(p, s->size);
	c->free = i;
	if (c->used == SLAB_CHUNK)
		room_add(s, at);
	s->count--;
	if (--c->used == 0)
		give_back(s, at);
}

size_t slab_bytes(const struct slab *s)
{
	return (size_t)(s->n_chunks - s->hollow) * SLAB_CHUNK * s->size + s->cap * sizeof(struct slab_chunk);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many small objects of one size, each named by a number of 32 bits: for tables of a million entries, where a
 * pointer and malloc's own 8 to 16 bytes would cost more than what is stored. Objects lie in chunks that
 * never move, so a pointer to one holds as long as the object does; a chunk that nothing is left of goes
 * back.
 *
 * Number 0 is none. Not thread safe.
 */
#ifndef CW_BASE_SLAB_H
#define CW_BASE_SLAB_H

#include <stddef.h>
#include <stdint.h>

#define SLAB_CHUNK_BITS 10 /* objects in a chunk, as a power of two */
#define SLAB_CHUNK      (1u << SLAB_CHUNK_BITS)

struct slab_chunk {
	uint8_t *mem; /* NULL: given back */
	uint16_t used;
	uint16_t free; /* the first free object, SLAB_CHUNK: none; each names the next in its first bytes */
	uint32_t next_room; /* of the chunks with room, as its number and 1; 0: the last */
	uint32_t prev_room;
};

struct slab { /* slab_init; then slab_free when no object is needed any more */
	size_t size;
	struct slab_chunk *chunk;
	uint32_t n_chunks, cap;
	uint32_t room;   /* the first chunk with room, and 1; 0: none */
	uint32_t hollow; /* chunks whose memory was given back */
	size_t count;
};

void slab_init(struct slab *s, size_t size); /* at least 2 bytes; objects are aligned to 4 */
void slab_free(struct slab *s);              /* with all objects that are left */
uint32_t slab_new(struct slab *s);           /* zeroed; 0 when memory is out */
void slab_del(struct slab *s, uint32_t id);  /* 0 is legal */
size_t slab_bytes(const struct slab *s);     /* of memory taken */

/* id must live. The size is given again so that the compiler knows it; slab_at is for everybody else. */
static inline void *slab_at_sized(const struct slab *s, uint32_t id, size_t size)
{
	uint32_t i = id - 1;

	return &s->chunk[i >> SLAB_CHUNK_BITS].mem[(i & (SLAB_CHUNK - 1)) * size];
}
static inline void *slab_at(const struct slab *s, uint32_t id)
{
	return slab_at_sized(s, id, s->size);
}

#endif

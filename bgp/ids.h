/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of 32 bits for counted objects that many table entries name: half of a pointer each time. Number 0
 * is none. What is numbered stays the caller's.
 */
#ifndef CW_BGP_IDS_H
#define CW_BGP_IDS_H

#include <stddef.h>
#include <stdint.h>

struct ids {       /* zeroed is empty */
	void **at; /* by number; of a free one: the next free, as an integer */
	uint32_t n, cap, free;
};

uint32_t ids_new(struct ids *ids, void *object); /* 0 when memory is out */
void ids_del(struct ids *ids, uint32_t id);      /* must be one that ids_new gave */
void ids_clear(struct ids *ids);
static inline void *ids_at(const struct ids *ids, uint32_t id)
{
	return id ? ids->at[id] : NULL;
}

#endif

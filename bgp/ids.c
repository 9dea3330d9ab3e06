/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for objects: an array, with the free places chained inside it. */
#include "bgp/ids.h"

#include <stdlib.h>

#define FIRST 64

static int grow(struct ids *ids)
{
	uint32_t cap = ids->cap ? 2 * ids->cap : FIRST;
	void **at = cap > ids->cap ? realloc(ids->at, cap * sizeof(*at)) : NULL;

	if (!at)
		return -1;
	ids->at = at;
	ids->cap = cap;
	if (!ids->n)
		ids->n = 1; /* number 0 is none */
	return 0;
}

uint32_t ids_new(struct ids *ids, void *object)
{
	uint32_t id = ids->free;

	if (id) {
		ids->free = (uint32_t)(uintptr_t)ids->at[id];
	} else {
		if (ids->n == ids->cap && grow(ids) < 0)
			return 0;
		id = ids->n++;
	}
	ids->at[id] = object;
	return id;
}

void ids_del(struct ids *ids, uint32_t id)
{
	ids->at[id] = (void *)(uintptr_t)ids->free;
	ids->free = id;
}

void ids_clear(struct ids *ids)
{
	free(ids->at);
	*ids = (struct ids){ 0 };
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prefix i begins at TABLE_FIRST + i * 256. Of four neighbours the first is a /22, the third a /23 and the
 * others are /24: all differ, and no prefix lies at the first address of another.
 */
#include "tests/bench/bgp/table.h"

#include <stdlib.h>
#include <time.h>

uint32_t table_network(uint32_t i)
{
	return TABLE_FIRST + (i << 8);
}

uint8_t table_length(uint32_t i)
{
	return i % 4 == 0 ? 22 : i % 4 == 2 ? 23 : 24;
}

uint32_t table_address(uint32_t i)
{
	return table_network(i) + 1;
}

int64_t table_find(uint32_t network, uint8_t length)
{
	uint32_t i = (network - TABLE_FIRST) >> 8;

	if (network < TABLE_FIRST || i >= TABLE_MAX || table_network(i) != network ||
	    table_length(i) != length)
		return -1;
	return i;
}

uint32_t table_count(struct range r)
{
	return r.to > r.from ? (r.to - r.from + r.step - 1) / r.step : 0;
}

uint32_t table_set(uint32_t i, uint32_t sets)
{
	uint32_t x = (i >> 2) * 2654435761U; /* Knuth's multiplicative hash */

	return (x ^ x >> 15) % sets;
}

uint32_t *table_order(struct range r, uint32_t sets)
{
	uint32_t n = table_count(r), *order = calloc(n ? n : 1, sizeof(*order));
	uint32_t *start = calloc((size_t)sets + 1, sizeof(*start));

	if (order && start) { /* a counting sort */
		for (uint32_t i = r.from; i < r.to; i += r.step)
			start[table_set(i, sets) + 1]++;
		for (uint32_t s = 0; s < sets; s++)
			start[s + 1] += start[s];
		for (uint32_t i = r.from; i < r.to; i += r.step)
			order[start[table_set(i, sets)]++] = i;
	} else {
		free(order);
		order = NULL;
	}
	free(start);
	return order;
}

int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/ptab and base/slab under random operations against plain arrays: dense and sparse keys of both
 * families, whole tables in order and against it, walks from anywhere, and the memory that they may take.
 */
#include "base/ptab.h"
#include "base/slab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEYS 3000

struct model {
	uint32_t seed;
	struct ptab *map;
	struct prefix key[KEYS]; /* in order, each once */
	uint32_t value[KEYS];    /* 0: not in the map */
	unsigned n;
};

static uint32_t rnd(struct model *m, uint32_t n)
{
	m->seed = m->seed * 1664525u + 1013904223u;
	return (m->seed >> 8) % n;
}

static int compare(const void *a, const void *b)
{
	return prefix_cmp(a, b);
}

static struct prefix random_prefix(struct model *m)
{
	struct prefix p = { .addr.family = rnd(m, 3) ? 4 : 6 };
	unsigned bits = addr_bits(&p.addr);

	for (unsigned i = 0; i < bits / 8; i++)
		p.addr.b[i] = (uint8_t)(rnd(m, 3) ? rnd(m, 4) : rnd(m, 256));
	p.len = (uint8_t)rnd(m, bits + 1);
	return prefix_canonical(p);
}

static struct model *model_new(uint32_t seed)
{
	struct model *m = calloc(1, sizeof(*m));
	unsigned n = 0;

	assert_non_null(m);
	m->seed = seed;
	for (unsigned i = 0; i < KEYS; i++)
		m->key[i] = random_prefix(m);
	qsort(m->key, KEYS, sizeof(m->key[0]), compare);
	for (unsigned i = 0; i < KEYS; i++)
		if (!n || prefix_cmp(&m->key[n - 1], &m->key[i]))
			m->key[n++] = m->key[i];
	m->n = n;
	m->map = ptab_new(sizeof(uint32_t));
	assert_non_null(m->map);
	return m;
}

static void check_walk(const struct model *m)
{
	struct prefix p = { 0 };
	unsigned i = 0;
	size_t count = 0;

	for (const uint32_t *value = ptab_from(m->map, &p, &p); value; value = ptab_after(m->map, &p, &p)) {
		while (!m->value[i])
			assert_true(++i < m->n);
		assert_true(prefix_eq(&p, &m->key[i]));
		assert_int_equal(*value, m->value[i]);
		i++;
		count++;
	}
	for (; i < m->n; i++)
		assert_int_equal(m->value[i], 0);
	assert_int_equal(ptab_count(m->map), count);
}

static void check_seek(struct model *m)
{
	struct prefix p = random_prefix(m), at = { 0 };
	const uint32_t *value;
	bool behind = rnd(m, 2);
	unsigned i = 0;

	while (i < m->n && (!m->value[i] || prefix_cmp(&m->key[i], &p) < (behind ? 1 : 0)))
		i++;
	value = behind ? ptab_after(m->map, &p, &at) : ptab_from(m->map, &p, &at);
	assert_int_equal(value != NULL, i < m->n);
	if (value)
		assert_true(prefix_eq(&at, &m->key[i]) && *value == m->value[i]);
}

static void operate(struct model *m, unsigned fill)
{
	unsigned i = rnd(m, m->n), run = 1 + rnd(m, 3) * rnd(m, 3);

	for (unsigned end = i + run; i < end && i < m->n; i++) { /* neighbours, as tables come */
		uint32_t *value = ptab_get(m->map, &m->key[i]);
		bool fresh;

		assert_int_equal(value ? *value : 0, m->value[i]);
		if (rnd(m, 100) < fill) {
			value = ptab_add(m->map, &m->key[i], &fresh);
			assert_non_null(value);
			assert_int_equal(fresh, !m->value[i]);
			m->value[i] = *value = 1 + rnd(m, 1000000);
		} else {
			assert_int_equal(ptab_remove(m->map, &m->key[i]), m->value[i] != 0);
			m->value[i] = 0;
		}
	}
}

static void test_random(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 20; seed++) {
		struct model *m = model_new(seed);

		for (unsigned phase = 0; phase < 6; phase++) {
			for (unsigned i = 0; i < 6000; i++) {
				operate(m, phase % 2 ? 5 : 95);
				if (i % 50 == 0)
					check_seek(m);
			}
			check_walk(m);
		}
		for (unsigned i = 0; i < m->n; i++) {
			assert_int_equal(ptab_remove(m->map, &m->key[i]), m->value[i] != 0);
			m->value[i] = 0;
		}
		assert_int_equal(ptab_count(m->map), 0);
		assert_int_equal(ptab_bytes(m->map), 0);
		for (unsigned i = 0; i < 100; i++)
			operate(m, 100);
		ptab_free(m->map);
		free(m);
	}
}

/* Tables come in order: what is packed stays packed, also backwards, and also where many come at once. */
static void test_bytes(void **state)
{
	const unsigned n = 200000;

	(void)state;
	for (unsigned way = 0; way < 3; way++) {
		struct ptab *map = ptab_new(sizeof(uint32_t));
		struct prefix p = { .addr.family = 4, .len = 24 };

		for (unsigned i = 0; i < n; i++) {
			unsigned k = way == 0 ? i : way == 1 ? n - 1 - i : (i % 2 ? i / 2 : n / 2 + i / 2);

			p.addr = addr_v4(0x14000000u + (k << 8));
			assert_non_null(ptab_add(map, &p, &(bool){ false }));
		}
		assert_int_equal(ptab_count(map), n);
		for (unsigned i = 0; i < n; i++) {
			p.addr = addr_v4(0x14000000u + (i << 8));
			assert_non_null(ptab_get(map, &p));
		}
		assert_true(ptab_bytes(map) < n * (way == 0 ? 10 : 20));
		ptab_free(map);
	}
}

#define OBJECTS 5000
struct object {
	uint32_t number;
	uint8_t rest[9];
};

static void test_slab(void **state)
{
	static uint32_t id[OBJECTS];
	struct model m = { .seed = 5 };
	struct slab s;
	size_t count = 0;

	(void)state;
	slab_init(&s, sizeof(struct object));
	for (unsigned i = 0; i < 200000; i++) {
		unsigned k = rnd(&m, OBJECTS);
		struct object *o = id[k] ? slab_at(&s, id[k]) : NULL;

		if (o) {
			assert_int_equal(o->number, k);
			if (rnd(&m, 100) < (i / 20000 % 2 ? 90u : 10u)) {
				slab_del(&s, id[k]);
				id[k] = 0;
				count--;
			}
		} else if (rnd(&m, 100) < (i / 20000 % 2 ? 10u : 90u)) {
			id[k] = slab_new(&s);
			assert_true(id[k] != 0);
			o = slab_at(&s, id[k]);
			assert_int_equal(o->number + o->rest[0] + o->rest[8], 0);
			o->number = k;
			memset(o->rest, 0xff, sizeof(o->rest));
			count++;
		}
		assert_int_equal(s.count, count);
	}
	for (unsigned k = 0; k < OBJECTS; k++)
		slab_del(&s, id[k]);
	assert_int_equal(s.count, 0);
	assert_true(slab_bytes(&s) < 3 * SLAB_CHUNK * sizeof(struct object));
	slab_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_slab),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

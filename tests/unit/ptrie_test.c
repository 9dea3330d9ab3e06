/* SPDX-License-Identifier: Apache-2.0 */
/* The prefix trie against a sorted array: random operations by seed, matches and resumed walks. */
#include "base/ptrie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct prefix pfx(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, true, &p), 0);
	return p;
}

static void test_match(void **state)
{
	struct ptrie *t = ptrie_new();
	char a[] = "default", b[] = "eight", c[] = "sixteen", d[] = "six";
	struct prefix p0 = pfx("0.0.0.0/0"), p8 = pfx("10.0.0.0/8"), p16 = pfx("10.1.0.0/16"),
	              p6 = pfx("2001:db8::/32");
	struct prefix got, inside = pfx("10.1.2.0/24"), beside = pfx("10.2.0.0/16"), bad = { .len = 3 };
	struct addr host;

	(void)state;
	assert_non_null(t);
	assert_int_equal(ptrie_set(t, &p0, a), 0);
	assert_int_equal(ptrie_set(t, &p16, c), 0);
	assert_int_equal(ptrie_set(t, &p8, b), 0);
	assert_int_equal(ptrie_set(t, &p6, d), 0);
	assert_int_equal(ptrie_set(t, &bad, d), -1);
	assert_int_equal(ptrie_count(t), 4);
	assert_int_equal(addr_parse("10.1.2.3", &host), 0);
	assert_ptr_equal(ptrie_match(t, &host, &got), c);
	assert_true(prefix_eq(&got, &p16));
	assert_int_equal(addr_parse("192.0.2.1", &host), 0);
	assert_ptr_equal(ptrie_match(t, &host, NULL), a);
	assert_ptr_equal(ptrie_covering(t, &inside, NULL), c);
	assert_ptr_equal(ptrie_covering(t, &beside, NULL), b);
	assert_ptr_equal(ptrie_covering(t, &p8, NULL), b);
	assert_ptr_equal(ptrie_remove(t, &p0), a);
	assert_null(ptrie_remove(t, &p0));
	assert_null(ptrie_match(t, &host, NULL));
	assert_int_equal(addr_parse("2001:db8::1", &host), 0);
	assert_ptr_equal(ptrie_match(t, &host, NULL), d);
	assert_int_equal(addr_parse("2001:db9::1", &host), 0);
	assert_null(ptrie_match(t, &host, NULL));
	ptrie_free(t);
	ptrie_free(NULL);
}

#define MODEL_MAX 400
struct model {
	struct prefix key[MODEL_MAX];
	int value[MODEL_MAX]; /* its index names the value */
	size_t n;
};

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Dense on purpose: few distinct bits, so that prefixes nest and part at every depth. */
static struct prefix random_prefix(uint32_t *seed)
{
	struct prefix p = { .addr.family = next_random(seed) % 3 ? 4 : 6 };
	unsigned bytes = addr_size(&p.addr);

	for (unsigned i = 0; i < bytes; i++)
		p.addr.b[i] = (uint8_t)(next_random(seed) % 4 ? 0 : next_random(seed) % 2 ? 0x80 : 0x41);
	p.len = (uint8_t)(next_random(seed) % (bytes * 8 + 1));
	return prefix_canonical(p);
}

static size_t model_lower(const struct model *m, const struct prefix *p)
{
	size_t i = 0;

	while (i < m->n && prefix_cmp(&m->key[i], p) < 0)
		i++;
	return i;
}

static void model_toggle(struct model *m, struct ptrie *t, const struct prefix *p, void *value)
{
	size_t i = model_lower(m, p);

	if (i < m->n && prefix_eq(&m->key[i], p)) {
		assert_non_null(ptrie_remove(t, p));
		memmove(&m->key[i], &m->key[i + 1], (m->n - i - 1) * sizeof(m->key[0]));
		m->n--;
		return;
	}
	assert_null(ptrie_get(t, p));
	if (m->n == MODEL_MAX)
		return;
	assert_int_equal(ptrie_set(t, p, value), 0);
	memmove(&m->key[i + 1], &m->key[i], (m->n - i) * sizeof(m->key[0]));
	m->key[i] = *p;
	m->n++;
}

static void check_walk(const struct model *m, const struct ptrie *t)
{
	struct prefix p;
	void *v;
	size_t i = 0;

	for (bool more = ptrie_first(t, &p, &v); more; more = ptrie_after(t, &p, &p, &v)) {
		assert_true(i < m->n);
		assert_true(prefix_eq(&p, &m->key[i]));
		i++;
	}
	assert_int_equal(i, m->n);
	assert_int_equal(ptrie_count(t), m->n);
}

static void check_probe(const struct model *m, const struct ptrie *t, const struct prefix *probe)
{
	size_t i = model_lower(m, probe);
	const struct prefix *cover = NULL;
	struct prefix got;
	bool found = ptrie_from(t, probe, &got, NULL);

	assert_int_equal(found, i < m->n);
	if (found)
		assert_true(prefix_eq(&got, &m->key[i]));
	if (i < m->n && prefix_eq(&m->key[i], probe))
		i++;
	found = ptrie_after(t, probe, &got, NULL);
	assert_int_equal(found, i < m->n);
	if (found)
		assert_true(prefix_eq(&got, &m->key[i]));
	for (size_t k = 0; k < m->n; k++)
		if (prefix_contains(&m->key[k], probe) && (!cover || m->key[k].len > cover->len))
			cover = &m->key[k];
	assert_int_equal(ptrie_covering(t, probe, &got) != NULL, cover != NULL);
	if (cover)
		assert_true(prefix_eq(&got, cover));
}

static void test_random(void **state)
{
	(void)state;
	for (uint32_t s = 1; s <= 20; s++) {
		struct model *m = calloc(1, sizeof(*m));
		struct ptrie *t = ptrie_new();
		uint32_t seed = s;
		char value[] = "v";

		assert_non_null(m);
		for (unsigned i = 0; i < 1500; i++) {
			struct prefix p = random_prefix(&seed);

			model_toggle(m, t, &p, value);
			p = random_prefix(&seed);
			check_probe(m, t, &p);
			if (i % 50 == 0)
				check_walk(m, t);
		}
		while (m->n) {
			struct prefix p = m->key[next_random(&seed) % m->n];

			model_toggle(m, t, &p, value);
		}
		check_walk(m, t);
		ptrie_free(t);
		free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* base/ptab.h against base/ptrie.h, which answers the same by other means; in order, in disorder, and
 * emptied. */
#include "base/ptab.h"
#include "base/ptrie.h"
#include "tests/support/rng_seeded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct record {
	uint32_t a, b, c;
};

static struct prefix prefix_at(uint32_t i)
{
	struct prefix p = { .addr = addr_v4(i * 64), .len = (uint8_t)(26 + i % 3) };

	if (i % 5 == 0) {
		p = (struct prefix){ .addr = { .family = 6, .b = { 0x20, 1 } }, .len = 64 };
		for (unsigned j = 0; j < 4; j++)
			p.addr.b[4 + j] = (uint8_t)(i >> (24 - 8 * j));
	}
	return prefix_canonical(p);
}

struct both {
	struct ptab *tab;
	struct ptrie *trie; /* values: number + 1 */
};

static void *value(uint32_t i)
{
	return (void *)(uintptr_t)(i + 1);
}

static void add(struct both *x, uint32_t i)
{
	struct prefix p = prefix_at(i);
	bool had = ptrie_get(x->trie, &p) != NULL, fresh;
	struct record *r = ptab_add(x->tab, &p, &fresh);

	assert_non_null(r);
	assert_int_equal(fresh, !had);
	if (fresh)
		assert_true(r->a == 0 && r->b == 0 && r->c == 0);
	*r = (struct record){ i + 1, ~i, i * 7 };
	assert_int_equal(ptrie_set(x->trie, &p, value(i)), 0);
}

static void del(struct both *x, uint32_t i)
{
	struct prefix p = prefix_at(i);

	assert_int_equal(ptab_remove(x->tab, &p), ptrie_remove(x->trie, &p) != NULL);
	assert_null(ptab_get(x->tab, &p));
}

static void compare(const struct both *x)
{
	struct prefix p, q = { 0 };
	struct record *r = ptab_after(x->tab, NULL, &q);
	void *v;
	bool more;

	assert_int_equal(ptab_count(x->tab), ptrie_count(x->trie));
	for (more = ptrie_first(x->trie, &p, &v); more; more = ptrie_after(x->trie, &p, &p, &v)) {
		assert_non_null(r);
		assert_true(prefix_eq(&p, &q));
		assert_true(r->a == (uintptr_t)v && r->b == ~(r->a - 1) && r->c == (r->a - 1) * 7);
		assert_ptr_equal(ptab_get(x->tab, &p), r);
		r = ptab_after(x->tab, &q, &q);
	}
	assert_null(r);
}

static void open_both(struct both *x)
{
	x->tab = ptab_new(sizeof(struct record));
	x->trie = ptrie_new();
	assert_true(x->tab && x->trie);
}

static void close_both(struct both *x)
{
	ptab_free(x->tab);
	for (uint32_t i = 0; ptrie_count(x->trie); i++) {
		struct prefix p = prefix_at(i);

		ptrie_remove(x->trie, &p);
	}
	ptrie_free(x->trie);
}

static void test_random(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		uint64_t s = seed;
		struct rng rng = rng_seeded(&s);
		uint32_t range = seed % 3 ? 20000 : 300;
		struct both x;

		open_both(&x);
		for (unsigned i = 0; i < 40000; i++) {
			/* It grows for a while, then it shrinks. */
			bool growing = rng_below(&rng, 8) < (i / 10000 % 2 ? 2U : 6U);
			uint32_t at = (uint32_t)rng_below(&rng, range);

			if (growing)
				add(&x, at);
			else
				del(&x, at);
			if (i % 5000 == 0)
				compare(&x);
		}
		compare(&x);
		close_both(&x);
	}
}

static void test_in_order(void **state)
{
	struct both x;

	(void)state;
	for (int way = 0; way < 4; way++) {
		open_both(&x);
		for (uint32_t i = 0; i < 30000; i++)
			add(&x, way & 1 ? 29999 - i : i);
		compare(&x);
		for (uint32_t i = 0; i < 30000; i++) {
			del(&x, way & 2 ? 29999 - i : i);
			if (i % 6000 == 0)
				compare(&x);
		}
		assert_int_equal(ptab_count(x.tab), 0);
		compare(&x);
		add(&x, 7); /* and from empty again */
		compare(&x);
		close_both(&x);
	}
}

/* A place that isn't there, before and behind all, and between. */
static void test_after(void **state)
{
	struct prefix p, q;
	struct both x;

	(void)state;
	open_both(&x);
	assert_null(ptab_after(x.tab, NULL, &p));
	for (uint32_t i = 0; i < 1000; i += 2)
		add(&x, i);
	for (uint32_t i = 0; i < 1001; i++) {
		struct prefix want;
		bool more;

		p = prefix_at(i);
		more = ptrie_after(x.trie, &p, &want, NULL);
		assert_int_equal(ptab_after(x.tab, &p, &q) != NULL, more);
		assert_true(!more || prefix_eq(&q, &want));
	}
	assert_null(ptab_add(x.tab, &(struct prefix){ 0 }, &(bool){ false }));
	assert_false(ptab_remove(x.tab, &(struct prefix){ 0 }));
	close_both(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

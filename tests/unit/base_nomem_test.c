/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/ and esp/ when memory is out, allocation by allocation: the error is reported, what was there before
 * is untouched, and nothing leaks.
 */
#include "base/crypto.h"
#include "base/htab.h"
#include "base/ptab.h"
#include "base/ptrie.h"
#include "base/secret.h"
#include "base/slab.h"
#include "tests/support/crypto_group.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/esp_packets.h"
#include "tests/support/rng_seeded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define N_PREFIXES 200
#define N_NODES    300 /* several doublings of the table */

static struct prefix nth_prefix(unsigned i)
{
	/* Odd ones part from even ones in the middle of a byte, so forks are made too. */
	return prefix_canonical((struct prefix){ addr_v4(i * 0x01003b07u), (uint8_t)(8 + i % 25) });
}

static bool run_ptrie(void *ctx)
{
	struct ptrie *t = ptrie_new();
	size_t count = 0, walked = 0;
	bool ok = t != NULL, more;
	struct prefix p;

	(void)ctx;
	for (unsigned i = 0; t && i < N_PREFIXES; i++) {
		bool known;

		p = nth_prefix(i);
		known = ptrie_get(t, &p) != NULL;
		if (ptrie_set(t, &p, t) < 0) {
			ok = false;
			assert_null(ptrie_get(t, &p)); /* not half in */
		} else {
			count += !known;
			assert_ptr_equal(ptrie_get(t, &p), t);
		}
		assert_int_equal(ptrie_count(t), count);
	}
	if (t) {
		for (more = ptrie_first(t, &p, NULL); more; more = ptrie_after(t, &p, &p, NULL))
			walked++;
		assert_int_equal(walked, count);
	}
	ptrie_free(t);
	return ok;
}

static bool run_ptab(void *ctx)
{
	struct ptab *t = ptab_new(sizeof(uint32_t));
	bool ok = t != NULL;

	(void)ctx;
	if (!t)
		return false;
	for (unsigned i = 0; i < 20 * N_PREFIXES; i++) {
		struct prefix p = { addr_v4(i * 0x01003b07u & 0xffffff00u), 24 };
		bool known = ptab_get(t, &p), fresh;
		size_t count = ptab_count(t);
		uint32_t *value = ptab_add(t, &p, &fresh);

		if (!value) {
			ok = false;
			assert_null(ptab_get(t, &p)); /* not half in */
			assert_int_equal(ptab_count(t), count);
		} else {
			assert_int_equal(fresh, !known);
			*value = i + 1;
			assert_ptr_equal(ptab_get(t, &p), value);
			assert_int_equal(ptab_count(t), count + !known);
		}
	}
	ptab_free(t);
	return ok;
}

static bool run_slab(void *ctx)
{
	struct slab s;
	bool ok = true;

	(void)ctx;
	slab_init(&s, 8);
	for (unsigned i = 0; i < 18 * SLAB_CHUNK; i++) {
		size_t count = s.count;
		bool got = slab_new(&s) != 0;

		ok = ok && got;
		assert_int_equal(s.count, count + got);
	}
	slab_free(&s);
	return ok;
}

static bool run_htab(void *ctx)
{
	struct hnode nodes[N_NODES];
	bool in[N_NODES] = { false }, ok = true;
	struct htab t = { 0 };

	(void)ctx;
	for (unsigned i = 0; i < N_NODES; i++) {
		in[i] = htab_add(&t, &nodes[i], i * 7919) == 0;
		ok = ok && in[i];
	}
	for (unsigned i = 0; i < N_NODES; i++) {
		assert_ptr_equal(htab_find(&t, i * 7919), in[i] ? &nodes[i] : NULL);
		if (in[i])
			htab_remove(&t, &nodes[i]);
	}
	assert_int_equal(t.count, 0);
	htab_clear(&t);
	return ok;
}

static bool run_secret(void *ctx)
{
	struct secret a = { 0 }, b = { 0 };
	bool ok = secret_set(&a, "before", 6) == 0;

	(void)ctx;
	if (ok && secret_set(&a, "afterwards", 10) < 0) {
		assert_int_equal(a.len, 6); /* the old one stays whole */
		assert_memory_equal(a.data, "before", 6);
		ok = false;
	}
	if (secret_copy(&b, &a) < 0) {
		assert_null(b.data);
		ok = false;
	}
	if (ok)
		assert_true(secret_eq(&a, &b));
	secret_clear(&a);
	secret_clear(&b);
	return ok;
}

static bool run_ke(void *ctx)
{
	enum ke_id id = *(enum ke_id *)ctx;
	uint64_t seed = 5;
	struct rng rng = rng_seeded(&seed);
	struct ke *a = ke_new(id, &rng), *b = ke_new(id, &rng);
	struct secret s = { 0 }, t = { 0 };
	uint8_t pub_a[CRYPTO_MAX_KE_PUBLIC], pub_b[CRYPTO_MAX_KE_PUBLIC];
	size_t len_a = 0, len_b = 0;
	bool ok = a && b;

	if (ok) {
		assert_int_equal(ke_public(a, pub_a, sizeof(pub_a), &len_a), 0);
		assert_int_equal(ke_public(b, pub_b, sizeof(pub_b), &len_b), 0);
		ok = ke_secret(a, pub_b, len_b, &s) == 0;
		ok = ke_secret(b, pub_a, len_a, &t) == 0 && ok;
	}
	if (ok)
		assert_true(secret_eq(&s, &t)); /* what is said to have worked has */
	secret_clear(&s);
	secret_clear(&t);
	ke_free(a);
	ke_free(b);
	return ok;
}

static bool run_esp_sa(void *ctx)
{
	struct esp_sa_params out = esp_test_params(ctx, false, true), in = esp_test_params(ctx, true, true);
	struct esp_sa *a = esp_sa_new(&out), *b = esp_sa_new(&in);
	bool ok = a && b;

	esp_sa_free(a);
	esp_sa_free(b);
	return ok;
}

static void test_containers(void **state)
{
	unsigned survived;

	(void)state;
	assert_true(alloc_fail_sweep(run_ptrie, NULL, &survived) > N_PREFIXES);
	assert_int_equal(survived, 0);
	assert_true(alloc_fail_sweep(run_ptab, NULL, &survived) > 20);
	assert_int_equal(survived, 0);
	assert_true(alloc_fail_sweep(run_slab, NULL, &survived) > 18);
	assert_int_equal(survived, 0);
	/* Of a table only the first buckets must be had: without more the chains get longer. */
	assert_true(alloc_fail_sweep(run_htab, NULL, &survived) > 2);
	assert_true(survived > 0);
	assert_int_equal(alloc_fail_sweep(run_secret, NULL, &survived), 3);
	assert_int_equal(survived, 0);
}

static void test_key_exchange(void **state)
{
	static enum ke_id ids[] = { KE_MODP_2048, KE_ECP_256, KE_CURVE25519 };

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		assert_true(alloc_fail_sweep(run_ke, &ids[i], NULL) > 4);
}

static void test_esp(void **state)
{
	(void)state;
	for (size_t i = 0; i < ESP_N_SUITES; i++) {
		struct esp_suite s = esp_suites[i];
		unsigned survived;

		assert_true(alloc_fail_sweep(run_esp_sa, &s, &survived) >= 4);
		assert_int_equal(survived, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_containers),
		cmocka_unit_test(test_key_exchange), cmocka_unit_test(test_esp) };

	if (alloc_fail_libraries() < 0)
		return 1;
	return cmocka_run_group_tests(tests, crypto_group_setup, crypto_group_teardown);
}

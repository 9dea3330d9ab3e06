/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search for the largest packet that comes back, on paths made to measure: wide, narrow to the octet,
 * silent, lossy, getting narrow and wide again. It never asks for more than was computed, and ends in
 * seconds.
 */
#include "connector/daemon/mtu_probe.h"

#include "tests/support/rng_seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

struct path {
	uint32_t carries; /* 0: nothing */
	unsigned loss;    /* percent */
	uint64_t seed;
	mtime now;
	unsigned sent, changes;
	uint32_t largest;
};

static bool lost(struct path *w)
{
	uint8_t v;

	rng_seeded_fill(&w->seed, &v, sizeof(v));
	return v % 100 < w->loss;
}

static void second(struct mtu_probe *p, struct path *w)
{
	struct mtu_probe_send s[2];
	bool changed;
	unsigned n = mtu_probe_tick(p, w->now, s, &changed);

	w->changes += changed;
	assert_in_range(n, 0, 2);
	for (unsigned i = 0; i < n; i++) {
		w->sent++;
		assert_true(s[i].size <= p->max);
		w->largest = s[i].size > w->largest ? s[i].size : w->largest;
		if (s[i].size <= w->carries && !lost(w))
			w->changes += mtu_probe_answer(p, s[i].seq, mtime_add(w->now, mdur_ms(30)));
	}
	w->now = mtime_add(w->now, mdur_s(1));
}

static void run(struct mtu_probe *p, struct path *w, unsigned seconds)
{
	while (seconds--)
		second(p, w);
}

static struct path path(uint32_t carries)
{
	return (struct path){ .carries = carries, .seed = carries + 1, .now = { 1000000000 } };
}

static void test_wide(void **state)
{
	struct path w = path(9000);
	struct mtu_probe p = { 0 };

	(void)state;
	run(&p, &w, 5);
	assert_int_equal(w.sent, 0);
	mtu_probe_want(&p, 1400, w.now);
	second(&p, &w);
	assert_int_equal(p.state, MTU_PROBE_REST);
	assert_int_equal(p.result, 1400);
	run(&p, &w, 3600);
	assert_int_equal(w.changes, 1);
	assert_in_range(w.sent, 100, 130); /* a pair each minute */
	assert_int_equal(w.largest, 1400);
	mtu_probe_want(&p, 0, w.now);
	assert_int_equal(p.state, MTU_PROBE_OFF);
	assert_int_equal(p.result, 0);
}

static void test_every_width(void **state)
{
	(void)state;
	for (uint32_t carries = 100; carries < 1400; carries++) {
		struct path w = path(carries);
		struct mtu_probe p = { 0 };

		mtu_probe_want(&p, 1400, w.now);
		run(&p, &w, 3 + 8 * 3 + 2);
		assert_int_equal(p.state, MTU_PROBE_REST);
		assert_in_range(p.result, carries - MTU_PROBE_STEP + 1, carries);
		assert_int_equal(w.changes, 1);
	}
}

static void test_silent(void **state)
{
	struct path w = path(0);
	struct mtu_probe p = { 0 };

	(void)state;
	mtu_probe_want(&p, 1400, w.now);
	run(&p, &w, 3600);
	assert_int_equal(p.state, MTU_PROBE_SILENT);
	assert_int_equal(p.result, 0);
	assert_int_equal(w.changes, 0);
	assert_in_range(w.sent, 10, 140);
	w.carries = 1300; /* it answers after all */
	run(&p, &w, 330);
	assert_in_range(p.result, 1293, 1300);
}

/* The path gets narrow under way: known within little more than a minute; wide again: within the hour. */
static void test_changes(void **state)
{
	struct path w = path(1400);
	struct mtu_probe p = { 0 };

	(void)state;
	mtu_probe_want(&p, 1400, w.now);
	run(&p, &w, 200);
	w.carries = 1000;
	run(&p, &w, 60 + 30);
	assert_in_range(p.result, 993, 1000);
	/* The hourly try at the computed size costs three seconds. */
	unsigned without = 0;
	for (unsigned i = 0; i < 4000; i++) {
		second(&p, &w);
		without += p.result == 0;
	}
	assert_in_range(without, 1, 5);
	assert_in_range(p.result, 993, 1000);
	w.carries = 1400;
	run(&p, &w, 3700);
	assert_int_equal(p.result, 1400);
	/* What is computed falls: it begins anew, and never asks for more. */
	mtu_probe_want(&p, 1200, w.now);
	w.largest = 0;
	run(&p, &w, 4000);
	assert_int_equal(p.result, 1200);
	assert_int_equal(w.largest, 1200);
}

/* Loss alone is taken for a size only when it strikes the large packets three times and the small ones never.
 */
static void test_loss(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (unsigned seed = 0; seed < 200; seed++) {
		struct path w = path(1400);
		struct mtu_probe p = { 0 };

		w.loss = 5;
		w.seed = seed;
		mtu_probe_want(&p, 1400, w.now);
		run(&p, &w, 600);
		wrong += p.result != 1400;
	}
	assert_in_range(wrong, 0, 1);
}

/* Answers to questions of before, or to none, change nothing. */
static void test_stray(void **state)
{
	struct path w = path(1400);
	struct mtu_probe p = { 0 };

	(void)state;
	assert_false(mtu_probe_answer(&p, 0, w.now));
	mtu_probe_want(&p, 1400, w.now);
	for (unsigned seq = 0; seq < 65536; seq++)
		assert_false(mtu_probe_answer(&p, (uint16_t)seq, w.now));
	w.carries = 100;
	second(&p, &w);
	for (unsigned seq = 0; seq < 65536; seq++)
		if (seq >> 1 != p.round)
			assert_false(mtu_probe_answer(&p, (uint16_t)seq, w.now));
	assert_int_equal(p.state, MTU_PROBE_CHECK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_every_width),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_stray),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

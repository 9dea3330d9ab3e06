/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work that a call does may not grow with the number of tunnels: two engines with n tunnels between them
 * do the same things at 50 and at 5000, and must have looked at the same number of IKE SAs. Counted, not
 * timed.
 */
#include "ike/ike.h"

#include "tests/support/rng_seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define FEW  50
#define MANY 5000

struct world {
	struct ike *ike[2];
	uint64_t rng_state[2];
	struct rng rng[2];
	mtime now;
	unsigned up[2];
};

static const struct addr hub = { 4, { 192, 0, 2, 1 } };

static struct addr spoke(uint32_t conn)
{
	return addr_v4(0x0a000000 + conn);
}

static void add(struct world *w, unsigned side, uint32_t conn, mdur liveness)
{
	struct prefix any = { .addr = addr_v4(0), .len = 0 };
	struct ike_conn_config c = { .role = side ? IKE_ROLE_RESPOND : IKE_ROLE_INITIATE };
	struct reason why;

	snprintf(c.name, sizeof(c.name), "conn%u", conn);
	c.local = side ? hub : spoke(conn);
	c.remote[0] = side ? spoke(conn) : hub;
	c.n_remote = 1;
	c.psk = (const uint8_t *)"secret";
	c.psk_len = 6;
	assert_int_equal(
	    ike_proposal_parse("aes128-sha256-curve25519", false, &c.ike_proposals.list[0], &why), 0);
	assert_int_equal(ike_proposal_parse("aes128-sha256", true, &c.esp_proposals.list[0], &why), 0);
	c.ike_proposals.n = c.esp_proposals.n = 1;
	c.tsi[0] = c.tsr[0] = ike_ts_from_prefix(&any);
	c.n_tsi = c.n_tsr = 1;
	c.liveness_interval = liveness;
	c.ike_lifetime = mdur_s(86400);
	assert_int_equal(ike_conn_add(w->ike[side], conn, &c, &why), 0);
	ike_conn_up(w->ike[side], conn, w->now);
}

/* Carries out what is queued, at once, until nothing is left. */
static void drain(struct world *w)
{
	for (bool more = true; more;) {
		more = false;
		for (unsigned i = 0; i < 2; i++) {
			struct ike_action a;

			if (!ike_next_action(w->ike[i], &a))
				continue;
			more = true;
			if (a.kind == IKE_ACT_JOB) {
				ike_job_run(a.job);
				ike_job_done(w->ike[i], a.job, w->now);
			} else if (a.kind == IKE_ACT_SEND) {
				struct endpoint from = a.send.local, to = a.send.remote;
				uint8_t data[4096];
				size_t len = a.send.len;

				assert_true(len <= sizeof(data));
				memcpy(data, a.send.data, len);
				ike_input(w->ike[!i], &to, &from, a.send.natt, data, len, w->now);
			} else if (a.kind == IKE_ACT_CHILD_UP) {
				w->up[i]++;
			}
			cleanse(&a, sizeof(a));
		}
	}
}

static void start(struct world *w, unsigned n)
{
	struct ike_limits limits = ike_default_limits;

	*w = (struct world){ .now = { 1000000000 } };
	assert_int_equal(crypto_init(), 0);
	limits.established_max = MANY + 1;
	for (unsigned i = 0; i < 2; i++) {
		w->rng_state[i] = 1 + i;
		w->rng[i] = rng_seeded(&w->rng_state[i]);
		w->ike[i] = ike_new(&limits, &w->rng[i]);
		assert_non_null(w->ike[i]);
	}
	for (uint32_t conn = 1; conn <= n; conn++) {
		add(w, 1, conn, MDUR_ZERO);
		add(w, 0, conn, conn == 1 ? mdur_s(10) : MDUR_ZERO);
		drain(w);
	}
	assert_int_equal(w->up[0], n);
	assert_int_equal(w->up[1], n);
}

static uint64_t visited(const struct world *w)
{
	struct ike_stats a, b;

	ike_stats(w->ike[0], &a);
	ike_stats(w->ike[1], &b);
	return a.sas_visited + b.sas_visited;
}

/* What one tunnel does among n: the work of each, in SAs looked at. */
enum { PROBE, CHILD, IKE, FACTS, STRANGER, WORKS };

static void measure(unsigned n, uint64_t work[WORKS])
{
	static const uint8_t garbage[40] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 46, 0x20,
		37, 8, [27] = 40 };
	struct endpoint local = { hub, 500 }, remote = { addr_v4(0x0a000001), 500 };
	struct ike_conn_view v;
	struct ike_stats s;
	struct world w;
	uint64_t at;

	start(&w, n);
	at = visited(&w);
	assert_true(ike_deadline(w.ike[0]).ns == w.now.ns + mdur_s(10).ns);
	w.now = ike_deadline(w.ike[0]);
	ike_timer(w.ike[0], w.now);
	drain(&w);
	work[PROBE] = visited(&w) - at;

	at = visited(&w);
	assert_int_equal(ike_conn_rekey_child(w.ike[0], 1, w.now), 0);
	drain(&w);
	w.now = mtime_add(w.now, mdur_s(5));
	ike_timer(w.ike[0], w.now);
	ike_timer(w.ike[1], w.now);
	drain(&w);
	work[CHILD] = visited(&w) - at;

	at = visited(&w);
	assert_int_equal(ike_conn_rekey_ike(w.ike[0], 1, w.now), 0);
	drain(&w);
	work[IKE] = visited(&w) - at;

	at = visited(&w);
	assert_int_equal(ike_conn_view(w.ike[0], 1, &v), 0);
	assert_int_equal(v.child_rekeys, 1);
	assert_int_equal(v.ike_rekeys, 1);
	ike_fact_inbound(w.ike[0], 1, w.now);
	ike_fact_first_packet(w.ike[0], 1, v.child_spi_in, w.now);
	ike_fact_usage(w.ike[0], 1, v.child_spi_in, &(struct ike_usage){ 1, 1, { 0 } }, w.now);
	work[FACTS] = visited(&w) - at;

	at = visited(&w);
	ike_input(w.ike[1], &local, &remote, false, garbage, sizeof(garbage), w.now);
	work[STRANGER] = visited(&w) - at;

	ike_stats(w.ike[1], &s);
	assert_int_equal(s.established, n);
	assert_int_equal(s.half_open, 0);
	ike_free(w.ike[0]);
	ike_free(w.ike[1]);
}

static void test_work_of_one_among_many(void **state)
{
	uint64_t few[WORKS], many[WORKS];

	(void)state;
	measure(FEW, few);
	measure(MANY, many);
	for (unsigned i = 0; i < WORKS; i++)
		assert_int_equal(few[i], many[i]);
	assert_in_range(many[PROBE], 3, 10);
	assert_in_range(many[CHILD], 4, 40);
	assert_int_equal(many[STRANGER], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_work_of_one_among_many) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

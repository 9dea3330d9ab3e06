/* SPDX-License-Identifier: Apache-2.0 */
/* Rekeys and deletes of child and IKE SAs by either end and by both at once, under traffic that must not be
 * lost. */
#include "tests/support/ike_net.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define IKE_DEFAULT "aes256-sha256-curve25519"

static void view(struct ike_net *net, unsigned i, struct ike_conn_view *v)
{
	assert_int_equal(ike_conn_view(net->peer[i].ike, IKE_NET_CONN, v), 0);
}

static void assert_nothing_lost(struct ike_net *net)
{
	assert_true(net->peer[0].esp_sent > 0 && net->peer[1].esp_sent > 0);
	assert_int_equal(net->peer[0].esp_missed + net->peer[1].esp_missed, 0);
	assert_int_equal(net->peer[0].downs + net->peer[1].downs, 0);
}

static void start(struct ike_net *net, uint64_t seed, const char *ike, const char *esp)
{
	ike_net_pair(net, seed, ike, esp);
	ike_net_start_pair(net);
	ike_net_run(net, mdur_s(1)); /* a responder's first packets may come before the initiator is ready */
	net->traffic = mdur_ms(5);
	net->next_traffic = net->now;
}

static void rekey_child(struct ike_net *net, unsigned i)
{
	assert_int_equal(ike_conn_rekey_child(net->peer[i].ike, IKE_NET_CONN, net->now), 0);
	ike_net_drain(net);
}

static void rekey_ike(struct ike_net *net, unsigned i)
{
	assert_int_equal(ike_conn_rekey_ike(net->peer[i].ike, IKE_NET_CONN, net->now), 0);
	ike_net_drain(net);
}

static void test_child_by_each(void **state)
{
	static const char *const esp[] = { "aes256-sha256", "aes256gcm16-curve25519",
		"aes128-sha256-ecp256-esn" };

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		struct ike_conn_view before, after;
		struct ike_net net;

		start(&net, i, IKE_DEFAULT, esp[i / 2]);
		view(&net, 0, &before);
		rekey_child(&net, i % 2);
		ike_net_run(&net, mdur_s(8));
		view(&net, 0, &after);
		assert_int_not_equal(before.child_spi_in, after.child_spi_in);
		assert_int_equal(after.child_rekeys, 1);
		assert_int_equal(before.spi_i, after.spi_i);
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		assert_nothing_lost(&net);
		assert_int_equal(net.peer[0].rekeys, 1);
		assert_int_equal(net.peer[1].rekeys, 1);
		ike_net_finish(&net);
	}
}

static unsigned wanted;

static bool rekeyed_everywhere(struct ike_net *net)
{
	return net->peer[0].rekeys >= wanted && net->peer[1].rekeys >= wanted;
}

/* Each right after the other: what they leave behind is not so much that the peer refuses one. */
static void test_child_storm(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct ike_net net;
		mtime began;

		start(&net, i, IKE_DEFAULT, "aes256-sha256");
		net.delay_min = net.delay_max = mdur_ms(1);
		began = net.now;
		for (wanted = 1; wanted <= 100; wanted++) {
			rekey_child(&net, i);
			assert_true(ike_net_run_until(&net, mdur_s(1), rekeyed_everywhere));
		}
		assert_true(mtime_since(net.now, began).ns < mdur_s(2).ns);
		ike_net_run(&net, mdur_s(8));
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		assert_nothing_lost(&net);
		assert_int_equal(net.peer[0].reports + net.peer[1].reports, 0);
		ike_net_finish(&net);
	}
}

/* Our config has no PFS; the peer wants it: it gets it. */
static void test_pfs_on_demand(void **state)
{
	struct ike_conn_config b;
	struct ike_conn_view v;
	struct ike_net net;

	(void)state;
	ike_net_pair(&net, 1, IKE_DEFAULT, "aes256-sha256");
	b = ike_net_config(&net, 1, 0, IKE_DEFAULT, "aes256-sha256-ecp256");
	b.role = IKE_ROLE_RESPOND;
	ike_conn_update(net.peer[1].ike, IKE_NET_CONN, &b, NULL);
	ike_net_start_pair(&net);
	rekey_child(&net, 1);
	ike_net_run(&net, mdur_s(8));
	view(&net, 0, &v);
	assert_non_null(strstr(v.esp_proposal, "ecp256"));
	ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	/* The other way the peer refuses, also the group of the IKE SA; offered all, it names its own, and
	 * gets that. */
	rekey_child(&net, 0);
	ike_net_run(&net, mdur_s(8));
	view(&net, 0, &v);
	assert_string_equal(v.last_error.id, "");
	assert_string_equal(net.peer[0].report.id, "ike-rekey-with-pfs");
	assert_int_equal(v.child_rekeys, 2);
	assert_non_null(strstr(v.esp_proposal, "ecp256"));
	ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	ike_net_finish(&net);
}

static void test_child_invalid_ke(void **state)
{
	struct ike_conn_config a, b;
	struct ike_conn_view v;
	struct ike_net net;

	(void)state;
	ike_net_init(&net, 2, 2);
	a = ike_net_config(&net, 0, 1, IKE_DEFAULT, "aes256-sha256-modp2048-ecp256");
	b = ike_net_config(&net, 1, 0, IKE_DEFAULT, "aes256-sha256-ecp256");
	ike_net_add(&net, 0, &a);
	b.role = IKE_ROLE_RESPOND;
	ike_net_add(&net, 1, &b);
	ike_net_start_pair(&net);
	rekey_child(&net, 0);
	ike_net_run(&net, mdur_s(8));
	view(&net, 0, &v);
	assert_int_equal(v.child_rekeys, 1);
	assert_non_null(strstr(v.esp_proposal, "ecp256"));
	ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	ike_net_finish(&net);
}

static void test_ike_invalid_ke(void **state)
{
	struct ike_conn_config a, b;
	struct ike_conn_view v;
	struct ike_net net;

	(void)state;
	ike_net_init(&net, 3, 2);
	a = ike_net_config(&net, 0, 1, "aes256-sha256-ecp384-ecp256", "aes256-sha256");
	b = ike_net_config(&net, 1, 0, "aes256-sha256-ecp256", "aes256-sha256");
	ike_net_add(&net, 0, &a);
	b.role = IKE_ROLE_RESPOND;
	ike_net_add(&net, 1, &b);
	ike_net_start_pair(&net);
	rekey_ike(&net, 0);
	ike_net_run(&net, mdur_s(8));
	view(&net, 0, &v);
	assert_int_equal(v.ike_rekeys, 1);
	ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	ike_net_finish(&net);
}

static void test_ike_by_each(void **state)
{
	static const char *const ike[] = { IKE_DEFAULT, "aes256gcm16-prfsha384-ecp384" };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct ike_conn_view before, after;
		struct ike_net net;

		start(&net, i, ike[i / 2], "aes256-sha256");
		view(&net, 0, &before);
		rekey_ike(&net, i % 2);
		ike_net_run(&net, mdur_s(5));
		view(&net, 0, &after);
		assert_true(before.spi_i != after.spi_i);
		assert_int_equal(after.initiator, i % 2 == 0);
		assert_int_equal(before.child_spi_in, after.child_spi_in);
		assert_int_equal(after.ike_rekeys, 1);
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		/* The new SA carries on: a child rekey, another IKE rekey, liveness. */
		rekey_child(&net, 1 - i % 2);
		ike_net_run(&net, mdur_s(5));
		rekey_ike(&net, 1 - i % 2);
		ike_net_run(&net, mdur_s(40));
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		assert_nothing_lost(&net);
		ike_net_finish(&net);
	}
}

/* Both at once, the second a little after the first: every way in which messages can cross. */
static void test_collisions(void **state)
{
	(void)state;
	for (unsigned what = 0; what < 4; what++)
		for (unsigned ms = 0; ms < 160; ms += 4)
			for (unsigned job = 0; job < 2; job++) {
				struct ike_net net;

				start(&net, what * 1000 + ms * 2 + job, IKE_DEFAULT,
				    job ? "aes256-sha256-curve25519" : "aes128gcm16");
				net.job_delay = mdur_ms(job * 15);
				if (what & 1)
					rekey_ike(&net, 0);
				else
					rekey_child(&net, 0);
				ike_net_run(&net, mdur_ms(ms));
				if (what & 2)
					rekey_ike(&net, 1);
				else
					rekey_child(&net, 1);
				ike_net_run(&net, mdur_s(50));
				ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
				assert_nothing_lost(&net);
				assert_int_equal(net.peer[0].ups + net.peer[1].ups, 2);
				ike_net_finish(&net);
			}
}

/* Lifetimes: the ends rekey by themselves, by time and by bytes, for a simulated day. */
static void test_lifetimes(void **state)
{
	struct ike_conn_config a, b;
	struct ike_conn_view v;
	struct ike_net net;

	(void)state;
	ike_net_init(&net, 5, 2);
	a = ike_net_config(&net, 0, 1, IKE_DEFAULT, "aes256-sha256-curve25519");
	b = ike_net_config(&net, 1, 0, IKE_DEFAULT, "aes256-sha256-curve25519");
	a.ike_lifetime = b.ike_lifetime = mdur_s(28800);
	a.child_lifetime = b.child_lifetime = mdur_s(3600);
	a.child_life_bytes = 1000000;
	b.role = IKE_ROLE_RESPOND;
	ike_net_add(&net, 0, &a);
	ike_net_add(&net, 1, &b);
	ike_net_start_pair(&net);
	ike_net_run(&net, mdur_s(1));
	net.traffic = mdur_s(2);
	ike_net_run(&net, mdur_s(86400));
	view(&net, 0, &v);
	assert_in_range(v.child_rekeys, 24, 36);
	assert_in_range(v.ike_rekeys, 3, 4);
	ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	assert_nothing_lost(&net);
	ike_fact_usage(
	    net.peer[0].ike, IKE_NET_CONN, v.child_spi_in, &(struct ike_usage){ .bytes = 700000 }, net.now);
	ike_net_run(&net, mdur_s(5));
	assert_int_equal(net.peer[0].live_in, v.child_spi_in);
	ike_fact_usage(
	    net.peer[0].ike, IKE_NET_CONN, v.child_spi_in, &(struct ike_usage){ .bytes = 960000 }, net.now);
	ike_net_run(&net, mdur_s(5));
	assert_int_not_equal(net.peer[0].live_in, v.child_spi_in);
	ike_net_finish(&net);
}

static void test_delete_by_each(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct ike_net net;

		ike_net_pair(&net, i, IKE_DEFAULT, "aes256-sha256");
		ike_net_start_pair(&net);
		ike_net_run(&net, mdur_s(3));
		ike_net_down(&net, i);
		assert_false(net.peer[i].up);
		assert_int_equal(ike_net_count(&net, i), 0);
		ike_net_run(&net, mdur_ms(100));
		assert_false(net.peer[1 - i].up);
		assert_int_equal(ike_net_count(&net, 1 - i), 0);
		assert_string_equal(net.peer[1 - i].why.id, "ike-peer-deleted");
		ike_net_run(&net, mdur_s(60));
		assert_false(net.peer[0].up || net.peer[1].up);
		ike_net_up(&net, i);
		assert_true(ike_net_run_until(&net, mdur_s(60), ike_net_both_up));
		ike_net_finish(&net);
	}
}

/* A data plane that can't take the successor: the routes are told before the old pair goes, and it comes
 * back. */
static void test_refused_successor(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct ike_net net;

		start(&net, i, IKE_DEFAULT, "aes256-sha256");
		net.peer[i & 1].fail_inbound_add = true;
		rekey_child(&net, i >> 1);
		ike_net_run(&net, mdur_s(1));
		assert_int_equal(net.peer[i & 1].downs, 1);
		ike_net_run(&net, mdur_s(60));
		net.inbound_missing = 0;
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		ike_net_finish(&net);
	}
}

/* Rekeys and downs crossing each other in all orders end in nothing. */
static void test_rekey_and_down(void **state)
{
	(void)state;
	for (unsigned ms = 0; ms < 120; ms += 3)
		for (unsigned what = 0; what < 4; what++) {
			struct ike_net net;

			start(&net, ms * 4 + what, IKE_DEFAULT, "aes256-sha256-curve25519");
			if (what & 1)
				rekey_ike(&net, what >> 1);
			else
				rekey_child(&net, what >> 1);
			ike_net_run(&net, mdur_ms(ms));
			ike_net_down(&net, 0);
			ike_net_run(&net, mdur_s(1));
			assert_int_equal(ike_net_count(&net, 0), 0);
			assert_int_equal(ike_net_count(&net, 1), 0);
			ike_net_finish(&net);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_child_by_each),
		cmocka_unit_test(test_child_storm),
		cmocka_unit_test(test_pfs_on_demand),
		cmocka_unit_test(test_child_invalid_ke),
		cmocka_unit_test(test_ike_invalid_ke),
		cmocka_unit_test(test_ike_by_each),
		cmocka_unit_test(test_collisions),
		cmocka_unit_test(test_lifetimes),
		cmocka_unit_test(test_delete_by_each),
		cmocka_unit_test(test_refused_successor),
		cmocka_unit_test(test_rekey_and_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

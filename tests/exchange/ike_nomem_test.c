/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE when memory is out: a pair's life, from the start through rekeys of both kinds, for each allocation in
 * it with that one failing. Nothing crashes or leaks, the data planes hold what the engines say, and the pair
 * is up again in the end.
 */
#include "tests/support/alloc_fail.h"
#include "tests/support/ike_net.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

static void life(struct ike_net *net)
{
	ike_net_up(net, 1);
	ike_net_up(net, 0);
	ike_net_run(net, mdur_s(2));
	ike_conn_rekey_child(net->peer[0].ike, IKE_NET_CONN, net->now);
	ike_net_run(net, mdur_s(2));
	ike_conn_rekey_ike(net->peer[1].ike, IKE_NET_CONN, net->now);
	ike_net_run(net, mdur_s(2));
	ike_conn_rekey_ike(net->peer[0].ike, IKE_NET_CONN, net->now);
	ike_conn_rekey_child(net->peer[1].ike, IKE_NET_CONN, net->now);
	ike_net_run(net, mdur_s(12)); /* a probe, too */
}

/* Both ends in use of one pair, whatever is still to be cleaned up. */
static bool agreed(struct ike_net *net)
{
	net->inbound_missing = 0; /* a peer could not keep its side */
	return ike_net_check_rest(net, 0, 1) == NULL;
}

static void test_each_allocation(void **state)
{
	unsigned failed = 0;
	bool tripped = true;

	(void)state;
	for (long n = 0; tripped; n++) {
		static struct ike_net net;

		ike_net_pair(&net, 77, "aes128-sha256-curve25519", "aes128gcm16-curve25519");
		net.delay_min = net.delay_max = mdur_ms(10);
		alloc_fail_arm(n);
		life(&net);
		tripped = alloc_fail_disarm();
		failed += tripped;
		if (!ike_net_run_until(&net, mdur_s(900), agreed))
			fail_msg("allocation %ld: %s", n, ike_net_check_rest(&net, 0, 1));
		ike_net_finish(&net);
	}
	assert_true(failed > 100);
	printf("%u allocations failed, one at a time\n", failed);
}

/* The same for a peer that signs on by EAP, with a PPK beside: until it is up. */
static void eap_pair(struct ike_net *net)
{
	struct ike_conn_config a, b;

	ike_net_init(net, 78, 2);
	a = ike_net_config(net, 0, 1, "aes128-sha256-curve25519", "aes128gcm16");
	b = ike_net_config(net, 1, 0, "aes128-sha256-curve25519", "aes128gcm16");
	a.role = IKE_ROLE_INITIATE;
	b.role = IKE_ROLE_RESPOND;
	a.local_auth = b.remote_auth = IKE_AUTH_KIND_EAP_MSCHAPV2;
	snprintf(a.eap.user, sizeof(a.eap.user), "branch1");
	snprintf(b.eap.peer_user, sizeof(b.eap.peer_user), "branch1");
	a.eap.secret = b.eap.peer_secret = (const uint8_t *)"S3cret!";
	a.eap.secret_len = b.eap.peer_secret_len = 7;
	snprintf(a.ppk.id, sizeof(a.ppk.id), "ppk-1");
	a.ppk.key = (const uint8_t *)"0123456789abcdef0123456789abcdef";
	a.ppk.key_len = 32;
	b.ppk = a.ppk;
	ike_net_add(net, 0, &a);
	ike_net_add(net, 1, &b);
	net->delay_min = net->delay_max = mdur_ms(10);
}

static void test_eap_each_allocation(void **state)
{
	unsigned failed = 0;
	bool tripped = true;

	(void)state;
	for (long n = 0; tripped; n++) {
		static struct ike_net net;

		eap_pair(&net);
		alloc_fail_arm(n);
		ike_net_up(&net, 1);
		ike_net_up(&net, 0);
		ike_net_run(&net, mdur_s(2));
		tripped = alloc_fail_disarm();
		failed += tripped;
		if (!ike_net_run_until(&net, mdur_s(900), agreed))
			fail_msg("allocation %ld: %s", n, ike_net_check_rest(&net, 0, 1));
		ike_net_finish(&net);
	}
	assert_true(failed > 60);
	printf("%u allocations failed, one at a time\n", failed);
}

/* ESP suites are tried, since the peer refuses ours; then it is set right. */
static void test_trials_each_allocation(void **state)
{
	unsigned failed = 0;
	bool tripped = true;

	(void)state;
	for (long n = 0; tripped; n++) {
		static struct ike_net net;
		struct ike_conn_config b;

		ike_net_pair(&net, 79, "aes128-sha256-curve25519", "aes256-sha256");
		net.delay_min = net.delay_max = mdur_ms(10);
		b = ike_net_config(&net, 1, 0, "aes128-sha256-curve25519", "aes128-sha512-ecp256");
		b.role = IKE_ROLE_RESPOND;
		assert_int_equal(ike_conn_update(net.peer[1].ike, IKE_NET_CONN, &b, NULL), 0);
		alloc_fail_arm(n);
		ike_net_up(&net, 1);
		ike_net_up(&net, 0);
		ike_net_run(&net, mdur_s(2));
		tripped = alloc_fail_disarm();
		failed += tripped;
		b = ike_net_config(&net, 1, 0, "aes128-sha256-curve25519", "aes256-sha256");
		b.role = IKE_ROLE_RESPOND;
		assert_int_equal(ike_conn_update(net.peer[1].ike, IKE_NET_CONN, &b, NULL), 0);
		if (!ike_net_run_until(&net, mdur_s(900), agreed))
			fail_msg("allocation %ld: %s", n, ike_net_check_rest(&net, 0, 1));
		ike_net_finish(&net);
	}
	assert_true(failed > 60);
	printf("%u allocations failed, one at a time\n", failed);
}

/* All memory gone for a while, then back. */
static void test_drought(void **state)
{
	(void)state;
	for (unsigned from = 0; from < 6000; from += 250) {
		static struct ike_net net;

		ike_net_pair(&net, from, "aes128-sha256-curve25519", "aes128gcm16");
		ike_net_start_pair(&net);
		for (unsigned ms = 0; ms < 3000; ms += 10) {
			if (ms == 100)
				ike_conn_rekey_child(net.peer[0].ike, IKE_NET_CONN, net.now);
			if (ms == 400)
				ike_conn_rekey_ike(net.peer[1].ike, IKE_NET_CONN, net.now);
			alloc_fail_arm((long)(ike_net_random(&net) % 4));
			ike_net_run(&net, mdur_ms(10));
			alloc_fail_disarm();
		}
		if (!ike_net_run_until(&net, mdur_s(900), agreed))
			fail_msg("drought %u: %s", from, ike_net_check_rest(&net, 0, 1));
		ike_net_finish(&net);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation),
		cmocka_unit_test(test_eap_each_allocation),
		cmocka_unit_test(test_trials_each_allocation),
		cmocka_unit_test(test_drought),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

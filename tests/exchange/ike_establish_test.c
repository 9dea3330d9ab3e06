/* SPDX-License-Identifier: Apache-2.0 */
/* Two IKE peers over the virtual network: how connections come up, in every suite, and how they are refused.
 */
#include "tests/support/ike_net.h"

#include "base/cursor.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define IKE_DEFAULT "aes256-sha256-curve25519"
#define ESP_DEFAULT "aes256-sha256"

static void assert_ok(const char *problem)
{
	if (problem)
		fail_msg("%s", problem);
}

/* Both down, time for everything to end, nothing left. */
static void finish(struct ike_net *net)
{
	for (unsigned i = 0; i < net->n_peers; i++)
		ike_net_down(net, i);
	net->loss = net->repeat = net->reorder = 0;
	ike_net_run(net, mdur_s(120));
	assert_ok(ike_net_check_empty(net));
	ike_net_free(net);
}

static void pair(struct ike_net *net, uint64_t seed, const char *ike, const char *esp)
{
	struct ike_conn_config a, b;

	ike_net_init(net, seed, 2);
	a = ike_net_config(net, 0, 1, ike, esp);
	b = ike_net_config(net, 1, 0, ike, esp);
	b.role = IKE_ROLE_RESPOND;
	ike_net_add(net, 0, &a);
	ike_net_add(net, 1, &b);
}

static void test_smallest(void **state)
{
	struct ike_net net;
	struct ike_conn_view v;

	(void)state;
	pair(&net, 1, "aes256-sha256-modp2048", ESP_DEFAULT);
	ike_net_up(&net, 1);
	ike_net_up(&net, 0);
	assert_true(ike_net_run_until(&net, mdur_s(5), ike_net_both_up));
	ike_net_run(&net, mdur_s(30));
	assert_ok(ike_net_check_rest(&net, 0, 1));
	assert_int_equal(ike_conn_view(net.peer[0].ike, IKE_NET_CONN, &v), 0);
	assert_string_equal(v.ike_proposal, "aes256-sha256-modp2048");
	assert_int_equal(v.phase, IKE_PHASE_UP);
	assert_true(v.initiator);
	assert_false(v.nat_local || v.nat_remote || v.udp_encap);
	assert_false(reason_is_set(&v.last_error));
	assert_int_equal(net.peer[0].phase, IKE_PHASE_UP);
	assert_int_equal(net.peer[1].phase, IKE_PHASE_UP);
	finish(&net);
}

static void test_suites(void **state)
{
	static const char *const encr[] = { "aes128-sha256", "aes256-sha384", "aes256-sha512",
		"aes128gcm16-prfsha256", "aes256gcm16-prfsha384", "aes192-sha1" };
	static const char *const esp[] = { "aes128-sha256", "aes256-sha384-noesn", "aes256-sha512-esn",
		"aes128gcm16", "aes256gcm16-noesn", "aes192-sha1" };
	static const char *const ke[] = { "modp1024", "modp2048", "modp3072", "modp4096", "ecp256", "ecp384",
		"ecp521", "curve25519" };

	(void)state;
	for (unsigned i = 0; i < sizeof(encr) / sizeof(encr[0]); i++)
		for (unsigned j = 0; j < sizeof(ke) / sizeof(ke[0]); j++) {
			struct ike_net net;
			struct ike_conn_view v;
			char text[80];

			/* Every suite with one group, every group with one suite. */
			if (i && ke[j][0] == 'm')
				continue;
			snprintf(text, sizeof(text), "%s-%s", encr[i], ke[j]);
			pair(&net, i * 8 + j, text, esp[i]);
			ike_net_up(&net, 1);
			ike_net_up(&net, 0);
			if (!ike_net_run_until(&net, mdur_s(5), ike_net_both_up))
				fail_msg("%s does not come up: %s", text, net.peer[0].why.text);
			ike_net_run(&net, mdur_s(1));
			assert_ok(ike_net_check_rest(&net, 0, 1));
			ike_conn_view(net.peer[1].ike, IKE_NET_CONN, &v);
			assert_string_equal(v.ike_proposal, text);
			finish(&net);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smallest),
		cmocka_unit_test(test_suites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

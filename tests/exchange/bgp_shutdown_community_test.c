/* SPDX-License-Identifier: Apache-2.0 */
/* Graceful shutdown of the peer's sessions (RFC 8326): its routes with 65535:0 are the last choice, and first
 * again without it. */
#include "tests/support/bgp_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NET  "10.200.0.0/16"
#define SHUT "c0 08 08 fdea0001 ffff0000 "

static uint32_t local_pref(const struct lab *l)
{
	struct bgp_route_view v;

	assert_true(bnet_row(l->a, BGP_RIB_BEST, NET, 1, &v));
	return v.local_pref;
}

static void test_external(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_open();
	struct lab l = lab_new(&c);

	(void)state;
	lab_establish(&l, &o);
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	assert_int_equal(local_pref(&l), 100);
	lab_update(&l, LAB_SOUND SHUT, LAB_NET_200);
	assert_int_equal(local_pref(&l), 0);
	assert_non_null(bnet_route(l.a, NET)); /* still the only way */
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	assert_int_equal(local_pref(&l), 100);
	bnet_free(l.net);
}

/* Inside of our AS the one who set it has also set the preference. */
static void test_internal(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_open();
	struct lab l;

	(void)state;
	c.peer_as = 65001;
	o.as2 = 65001;
	o.caps.as = 65001;
	l = lab_new(&c);
	lab_establish(&l, &o);
	lab_update(&l, LAB_SOUND "40 05 04 00000007 " SHUT, LAB_NET_200);
	assert_int_equal(local_pref(&l), 7);
	bnet_free(l.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_external),
		cmocka_unit_test(test_internal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Keepalives: the peer's, measured; ours, on time whatever the peer pours over us. */
#include "tests/support/bgp_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_sparse(void **state)
{
	struct bgp_peer_config c = lab_config(); /* a hold time of 30 s */
	struct open_msg o = lab_open();
	struct lab l = lab_new(&c);
	struct bgp_peer_view v;

	(void)state;
	lab_establish(&l, &o);
	for (unsigned i = 0; i < 10; i++) {
		lab_run_ms(&l, 16000);
		raw_keepalive(l.net, l.x);
	}
	lab_run_ms(&l, 100);
	v = bnet_view(l.a, 1);
	assert_int_equal(v.session.gap.n, 10);
	assert_in_range(mdur_to_ms(v.session.gap.mean), 15500, 16600);
	assert_int_equal(l.a->peer[1].reports, 1); /* once */
	assert_string_equal(l.a->peer[1].report.id, "bgp-keepalives-sparse");
	bnet_free(l.net);

	l = lab_new(&c);
	lab_establish(&l, &o);
	for (unsigned i = 0; i < 10; i++) {
		lab_run_ms(&l, 14000);
		raw_keepalive(l.net, l.x);
	}
	lab_run_ms(&l, 100);
	assert_int_equal(bnet_view(l.a, 1).session.gap.n, 10);
	assert_int_equal(l.a->peer[1].reports, 0);
	bnet_free(l.net);
}

/* When our KEEPALIVE is due it leaves, however much waits to be read: 10 s less a quarter of jitter, 100 s
 * long. */
static void test_ours_under_load(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_open();
	struct lab l = lab_new(&c);
	unsigned before, after;
	char nlri[32];

	(void)state;
	lab_establish(&l, &o);
	before = raw_count(l.x, BGP_MSG_KEEPALIVE);
	for (unsigned i = 0; i < 1000; i++) {
		for (unsigned k = 0; k < 40; k++) {
			unsigned n = i * 40 + k;

			snprintf(
			    nlri, sizeof(nlri), "18 %02x%02x%02x", 11 + (n >> 16), n >> 8 & 0xff, n & 0xff);
			raw_update(l.net, l.x, "", LAB_SOUND, nlri);
		}
		lab_run_ms(&l, 100);
	}
	after = raw_count(l.x, BGP_MSG_KEEPALIVE);
	assert_in_range(after - before, 10, 14);
	assert_int_equal(l.a->peer[1].falls, 0); /* and UPDATEs alone are signs of life */
	assert_int_equal(bnet_view(l.a, 1).received, 40000);
	bnet_free(l.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_ours_under_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The ladder as a table: facts in, step out. */
#include "connector/daemon/ladder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct row {
	const char *what;
	struct ladder_facts facts;
	enum step step;
};

#define UP     .ike = IKE_PHASE_UP, .child = true
#define BGP(s) .has_bgp = true, .bgp = BGP_##s

static const struct row rows[] = {
	{ "nothing", { 0 }, STEP_DOWN },
	{ "an INIT is out", { .ike = IKE_PHASE_CONNECTING }, STEP_CONNECTING },
	{ "an AUTH is out", { .ike = IKE_PHASE_AUTHENTICATING }, STEP_AUTHENTICATING },
	{ "an IKE SA without a child is not `child`", { .ike = IKE_PHASE_UP, BGP(ESTABLISHED) },
	    STEP_AUTHENTICATING },
	{ "a child, silent", { UP, BGP(CONNECT) }, STEP_CHILD },
	{ "a session can't stand on a child that passes nothing",
	    { UP, BGP(ESTABLISHED), .wanted = 1, .in_kernel = 1 }, STEP_CHILD },
	{ "a packet came", { UP, .passing = true, BGP(CONNECT) }, STEP_PASSING },
	{ "Active is no open session", { UP, .passing = true, BGP(ACTIVE) }, STEP_PASSING },
	{ "OPEN sent", { UP, .passing = true, BGP(OPENSENT) }, STEP_BGP_OPEN },
	{ "OPEN confirmed", { UP, .passing = true, BGP(OPENCONFIRM) }, STEP_BGP_OPEN },
	{ "established, no route yet", { UP, .passing = true, BGP(ESTABLISHED) }, STEP_BGP_ESTABLISHED },
	{ "established, one of two routes in",
	    { UP, .passing = true, BGP(ESTABLISHED), .wanted = 2, .in_kernel = 1 }, STEP_BGP_ESTABLISHED },
	{ "all routes in", { UP, .passing = true, BGP(ESTABLISHED), .wanted = 2, .in_kernel = 2 },
	    STEP_IN_FIB },
	{ "nothing to install, End-of-RIB", { UP, .passing = true, BGP(ESTABLISHED), .complete = true },
	    STEP_IN_FIB },
	{ "End-of-RIB does not replace a missing route",
	    { UP, .passing = true, BGP(ESTABLISHED), .complete = true, .wanted = 1 }, STEP_BGP_ESTABLISHED },
	{ "a route that can't be installed holds nothing up",
	    { UP, .passing = true, BGP(ESTABLISHED), .wanted = 2, .in_kernel = 1, .failed = 1 },
	    STEP_IN_FIB },
	{ "unless it is all there is",
	    { UP, .passing = true, BGP(ESTABLISHED), .complete = true, .wanted = 1, .failed = 1 },
	    STEP_BGP_ESTABLISHED },
	{ "churn does not take it back",
	    { UP, .passing = true, BGP(ESTABLISHED), .wanted = 3, .in_kernel = 2, .was_in_fib = true },
	    STEP_IN_FIB },
	{ "but a lost session does", { UP, .passing = true, BGP(IDLE), .was_in_fib = true }, STEP_PASSING },
	{ "and a lost child", { .ike = IKE_PHASE_CONNECTING, BGP(ESTABLISHED), .was_in_fib = true },
	    STEP_CONNECTING },
	{ "without BGP its steps are skipped", { UP, .passing = true }, STEP_IN_FIB },
	{ "without BGP, static routes count", { UP, .passing = true, .wanted = 1 }, STEP_PASSING },
	{ "without BGP, static routes in", { UP, .passing = true, .wanted = 1, .in_kernel = 1 },
	    STEP_IN_FIB },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum step got = ladder_step(&rows[i].facts);

		if (got != rows[i].step)
			fail_msg(
			    "%s: %s, expected %s", rows[i].what, step_name(got), step_name(rows[i].step));
	}
}

static void test_names_are_the_contracts(void **state)
{
	static const char *const names[] = { "down", "connecting", "authenticating", "child", "passing",
		"bgp-open", "bgp-established", "in-fib" };

	(void)state;
	for (int s = STEP_DOWN; s <= STEP_IN_FIB; s++)
		assert_string_equal(step_name((enum step)s), names[s]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows),
		cmocka_unit_test(test_names_are_the_contracts) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

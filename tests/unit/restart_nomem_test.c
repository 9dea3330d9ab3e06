/* SPDX-License-Identifier: Apache-2.0 */
/* The restart record when memory is out: it is read whole or not at all, with a reason. */
#include "connector/daemon/restart_record.h"
#include "tests/support/alloc_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TUNNELS 20

static char text[8192];

static void write_text(void)
{
	FILE *f = fmemopen(text, sizeof(text), "w");

	assert_non_null(f);
	fprintf(f, "causeway-restart 1\nboot x\nnetns 1\nleft 1\nuntil 2\n");
	for (unsigned i = 1; i <= TUNNELS; i++)
		fprintf(f,
		    "tunnel hq/t%u cw%u %u c5e7%04x 1400\nouter 192.0.2.1 192.0.2.2\nsa in %x 192.0.2.1\n"
		    "peer hq/t%u ipv4\n",
		    i, i, i, i, 0x1000 + i, i);
	fprintf(f, "end\n");
	fclose(f);
}

static bool run(void *ctx)
{
	struct reason why = { 0 };
	struct restart_record *r = restart_record_parse(text, strlen(text), &why);
	bool whole = r && r->n_tunnel == TUNNELS && r->n_peer == TUNNELS;

	(void)ctx;
	assert_true(r ? whole : reason_is_set(&why));
	restart_record_free(r);
	return r;
}

static void test_sweep(void **state)
{
	unsigned survived;

	(void)state;
	write_text();
	assert_in_range(alloc_fail_sweep(run, NULL, &survived), 2 + 2 * 6, 100); /* lists that double */
	assert_int_equal(survived, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_sweep) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

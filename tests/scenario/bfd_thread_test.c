/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BFD's thread with the kernel's sockets, in a namespace of the test's own: the last session of a kind that
 * leaves and comes back at once finds its port, though the thread still waits for the socket it had.
 */
#include "connector/daemon/bfd_thread.h"
#include "tests/support/netns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUNDS 50
#define NAP                                                                                                  \
	{                                                                                                    \
		.tv_nsec = 2000000                                                                           \
	} /* most often enough for the thread to wait again; not needed */

static void again_and_again(struct bfd_thread *t, bool multihop)
{
	struct bfd_config c = {
		.name = "p", .multihop = multihop, .min_tx = mdur_s(1), .min_rx = mdur_s(1), .multiplier = 3
	};
	const struct timespec nap = NAP;

	assert_int_equal(addr_parse("127.0.0.1", &c.local), 0);
	assert_int_equal(addr_parse("127.0.0.2", &c.remote), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct reason why = { 0 };

		if (bfd_thread_set(t, 1, &c, "", &why))
			fail_msg("round %u: %s", i, why.text);
		nanosleep(&nap, NULL);
		bfd_thread_drop(t, 1);
		if (i % 2) /* closed and opened anew, too */
			nanosleep(&nap, NULL);
	}
}

static void test_drop_and_set(void **state)
{
	const struct logger log = log_stderr(LOG_LEVEL_ERROR);
	const struct sys_domain domain = { .name = "test", .netns_fd = netns_new() };
	struct bfd_thread *t;

	(void)state;
	assert_true(domain.netns_fd >= 0);
	t = bfd_thread_new(&domain, &log);
	assert_non_null(t);
	again_and_again(t, false);
	again_and_again(t, true);
	bfd_thread_free(t);
	close(domain.netns_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drop_and_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

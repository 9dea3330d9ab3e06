/* SPDX-License-Identifier: Apache-2.0 */
/* A TCP listener in a process that has no descriptor left: the connection is turned away, and the loop comes
 * to rest. */
#include "connector/sys/tcp.h"
#include "tests/support/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/event.h>

#include <cmocka.h>

#define PORT       1790
#define MANY_TURNS 64 /* of the loop; a listener that spins takes all of them */

static unsigned n_accepted, n_closed;

static void on_accepted(void *ctx, int fd, const struct endpoint *local, const struct endpoint *remote)
{
	(void)ctx;
	(void)local;
	(void)remote;
	n_accepted++;
	close(fd);
}

static void on_opened(void *ctx, const struct endpoint *local)
{
	(void)ctx;
	(void)local;
}

static void on_input(void *ctx, const uint8_t *data, size_t len)
{
	(void)ctx;
	(void)data;
	(void)len;
}

static void on_closed(void *ctx, const char *error)
{
	struct tcp_conn **conn = ctx;

	(void)error;
	n_closed++;
	tcp_conn_free(*conn);
	*conn = NULL;
}

static void on_room(void *ctx, size_t room)
{
	(void)ctx;
	(void)room;
}

static const struct tcp_conn_events events = { on_opened, on_input, on_closed, on_room };

/* Turns the loop until *count is 1. */
static void run_until(struct loop *l, const unsigned *count)
{
	for (unsigned i = 0; i < MANY_TURNS && !*count; i++)
		assert_int_equal(event_base_loop(loop_event_base(l), EVLOOP_ONCE), 0);
	assert_int_equal(*count, 1);
}

static void connect_to(
    struct loop *l, const struct sys_domain *d, const struct endpoint *to, struct tcp_conn **c)
{
	const struct endpoint from = { .addr = to->addr };
	struct reason why = { 0 };

	*c = tcp_connect(l, d, &from, to, NULL, &events, c, &why);
	if (!*c)
		fail_msg("%s", why.text);
}

static void a_listener_without_descriptors_turns_away(void **state)
{
	struct sys_domain domain = { .name = "test", .netns_fd = netns_new() };
	struct endpoint at = { .port = PORT };
	struct rlimit before, tight;
	struct tcp_listener *listener;
	struct tcp_conn *conn = NULL;
	struct reason why = { 0 };
	struct loop *l = loop_new();
	int lowest;

	(void)state;
	assert_true(domain.netns_fd >= 0);
	assert_int_equal(addr_parse("127.0.0.1", &at.addr), 0);
	listener = tcp_listen(l, &domain, &at, on_accepted, NULL, &why);
	assert_non_null(listener);
	connect_to(l, &domain, &at, &conn); /* the handshake is the kernel's: it is in the backlog */
	lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(lowest >= 0);
	close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = (struct rlimit){ .rlim_cur = (rlim_t)lowest, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	run_until(l, &n_closed); /* turned away, not left in the backlog */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(n_accepted, 0);
	connect_to(l, &domain, &at, &conn); /* and with descriptors it is taken again */
	run_until(l, &n_accepted);
	tcp_conn_free(conn);
	tcp_listener_free(listener);
	loop_free(l);
	close(domain.netns_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_listener_without_descriptors_turns_away) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

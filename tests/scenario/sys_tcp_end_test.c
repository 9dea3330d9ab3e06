/* SPDX-License-Identifier: Apache-2.0 */
/* How a TCP connection ends: what either side said last arrives, even if the other was in the middle of
 * talking. */
#include "connector/sys/tcp.h"
#include "tests/support/netns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include <cmocka.h>

#define PORT       1790
#define MANY_TURNS 64 /* of the loop */

struct end { /* ours, as the adapter has it; the other one is a plain descriptor */
	struct loop *loop;
	struct sys_domain domain;
	struct tcp_listener *listener;
	struct tcp_conn *conn;
	int other;
	char heard[64];
	size_t n_heard;
	unsigned n_closed;
};

static void on_opened(void *ctx, const struct endpoint *local)
{
	(void)ctx;
	(void)local;
}

static void on_input(void *ctx, const uint8_t *data, size_t len)
{
	struct end *e = ctx;

	assert_true(e->n_heard + len < sizeof(e->heard));
	memcpy(e->heard + e->n_heard, data, len);
	e->n_heard += len;
}

static void on_closed(void *ctx, const char *error)
{
	struct end *e = ctx;

	(void)error;
	e->n_closed++;
	tcp_conn_free(e->conn);
	e->conn = NULL;
}

static void on_room(void *ctx, size_t room)
{
	(void)ctx;
	(void)room;
}

static const struct tcp_conn_events events = { on_opened, on_input, on_closed, on_room };

static void on_accepted(void *ctx, int fd, const struct endpoint *local, const struct endpoint *remote)
{
	struct end *e = ctx;

	(void)local;
	(void)remote;
	e->conn = tcp_adopt(e->loop, fd, NULL, &events, e, NULL);
	assert_non_null(e->conn);
}

static void turn(struct end *e)
{
	assert_int_equal(event_base_loop(loop_event_base(e->loop), EVLOOP_ONCE), 0);
}

static void end_open(struct end *e)
{
	struct endpoint at = { .port = PORT };
	struct sockaddr_storage ss;
	socklen_t len;
	struct reason why = { 0 };
	int token;

	*e = (struct end){ .loop = loop_new(), .domain = { .name = "test", .netns_fd = netns_new() } };
	assert_true(e->domain.netns_fd >= 0);
	assert_int_equal(addr_parse("127.0.0.1", &at.addr), 0);
	e->listener = tcp_listen(e->loop, &e->domain, &at, on_accepted, e, &why);
	assert_non_null(e->listener);
	assert_int_equal(sys_domain_enter(&e->domain, &token), 0);
	e->other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sys_domain_leave(token);
	len = endpoint_to_sockaddr(&at, &ss);
	assert_int_equal(connect(e->other, (struct sockaddr *)&ss, len), 0);
	for (unsigned i = 0; i < MANY_TURNS && !e->conn; i++)
		turn(e);
	assert_non_null(e->conn);
}

static void end_close(struct end *e)
{
	tcp_conn_free(e->conn);
	tcp_listener_free(e->listener);
	loop_free(e->loop);
	if (e->other >= 0)
		close(e->other);
	close(e->domain.netns_fd);
}

static void our_last_words_arrive(void **state)
{
	struct end e;
	char buf[32];

	(void)state;
	end_open(&e);
	assert_int_equal(send(e.other, "much to say", 11, 0), 11); /* that we never read */
	assert_int_equal(tcp_send(e.conn, (const uint8_t *)"cease", 5), 0);
	tcp_conn_free(e.conn);
	e.conn = NULL;
	assert_int_equal(recv(e.other, buf, sizeof(buf), 0), 5);
	assert_memory_equal(buf, "cease", 5);
	assert_int_equal(recv(e.other, buf, sizeof(buf), 0), 0); /* an orderly end, no reset */
	end_close(&e);
}

static void their_last_words_are_heard(void **state)
{
	struct end e;

	(void)state;
	end_open(&e);
	assert_int_equal(tcp_send(e.conn, (const uint8_t *)"hello", 5), 0);
	assert_int_equal(send(e.other, "cease", 5, 0), 5);
	close(e.other); /* without having read: a reset */
	e.other = -1;
	assert_int_equal(tcp_send(e.conn, (const uint8_t *)"more", 4), 0);
	assert_int_equal(tcp_send(e.conn, (const uint8_t *)"more", 4), 0);
	for (unsigned i = 0; i < MANY_TURNS && !e.n_closed; i++)
		turn(&e);
	assert_int_equal(e.n_closed, 1);
	assert_int_equal(e.n_heard, 5);
	assert_memory_equal(e.heard, "cease", 5);
	end_close(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_last_words_arrive),
		cmocka_unit_test(their_last_words_are_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What protects a connection, against the kernel itself, in a namespace of the test's own: passwords (RFC
 * 2385) that agree, differ, are there on one side alone, and change under a connection; hop limits (RFC
 * 5082). IPv4 and IPv6.
 */
#include "connector/sys/tcp.h"
#include "tests/support/netns.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include <cmocka.h>

#define PORT     1790
#define QUIET_MS 700   /* that nothing opens is believed after this */
#define LONG_MS  20000 /* that something does, is waited for this long */

struct stage {
	struct sys_domain domain;
	struct loop *loop;
	struct tcp_listener *listener;
	struct endpoint server, client;
	struct tcp_options accepting; /* of connections that the listener hands over */
	struct tcp_conn *ours, *theirs;
	unsigned opened, accepted, input, closed;
};

static void on_opened(void *ctx, const struct endpoint *local)
{
	struct stage *s = ctx;

	(void)local;
	s->opened++;
}

static void on_input(void *ctx, const uint8_t *data, size_t len)
{
	struct stage *s = ctx;

	(void)data;
	s->input += (unsigned)len;
}

static void on_closed(void *ctx, const char *error)
{
	struct stage *s = ctx;

	(void)error;
	s->closed++;
}

static void on_room(void *ctx, size_t room)
{
	(void)ctx;
	(void)room;
}

static const struct tcp_conn_events events = { on_opened, on_input, on_closed, on_room };

static void on_accepted(void *ctx, int fd, const struct endpoint *local, const struct endpoint *remote)
{
	struct stage *s = ctx;
	struct reason why = { 0 };

	(void)local;
	assert_true(addr_eq(&remote->addr, &s->client.addr));
	s->accepted++;
	s->theirs = tcp_adopt(s->loop, fd, &s->accepting, &events, s, &why);
	if (!s->theirs)
		fail_msg("%s", why.text);
}

static void stage_new(struct stage *s, const char *server, const char *client)
{
	struct reason why = { 0 };

	memset(s, 0, sizeof(*s));
	s->domain = (struct sys_domain){ .name = "test", .netns_fd = netns_new() };
	assert_true(s->domain.netns_fd >= 0);
	netns_run(s->domain.netns_fd,
	    "ip addr add 10.0.0.1/32 dev lo; ip addr add 10.0.0.2/32 dev lo;"
	    "ip addr add 2001:db8::1/128 dev lo nodad; ip addr add 2001:db8::2/128 dev lo nodad");
	assert_int_equal(addr_parse(server, &s->server.addr), 0);
	assert_int_equal(addr_parse(client, &s->client.addr), 0);
	s->server.port = PORT;
	s->loop = loop_new();
	s->listener = tcp_listen(s->loop, &s->domain, &s->server, on_accepted, s, &why);
	if (!s->listener)
		fail_msg("%s", why.text);
}

static void stage_end(struct stage *s)
{
	tcp_conn_free(s->ours);
	tcp_conn_free(s->theirs);
	tcp_listener_free(s->listener);
	loop_free(s->loop);
	close(s->domain.netns_fd);
}

/* Until *count reaches `least`, or the time is over. */
static bool turn(struct stage *s, const unsigned *count, unsigned least, unsigned ms)
{
	for (unsigned t = 0; *count < least && t < ms; t += 10) {
		event_base_loop(loop_event_base(s->loop), EVLOOP_NONBLOCK);
		usleep(10000);
	}
	return *count >= least;
}

static void dial(struct stage *s, const struct tcp_options *o)
{
	struct reason why = { 0 };

	s->ours = tcp_connect(s->loop, &s->domain, &s->client, &s->server, o, &events, s, &why);
	if (!s->ours)
		fail_msg("%s", why.text);
}

static struct secret secret_of(const char *text)
{
	struct secret s = { 0 };

	assert_int_equal(secret_set(&s, text, strlen(text)), 0);
	return s;
}

static const struct {
	const char *listens, *dials; /* NULL: without */
	bool opens;
} rows[] = {
	{ "one for both", "one for both", true },
	{ NULL, NULL, true },
	{ "one", "another", false },
	{ "one", NULL, false },
	{ NULL, "one", false },
};

static void passwords(const char *server, const char *client)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct secret listens = secret_of(rows[i].listens ? rows[i].listens : ""),
		              dials = secret_of(rows[i].dials ? rows[i].dials : "");
		struct tcp_options o = { .password = &dials };
		struct stage s;

		stage_new(&s, server, client);
		s.accepting.password = &listens;
		assert_int_equal(tcp_listener_password(s.listener, &s.client.addr, &listens, NULL), 0);
		dial(&s, &o);
		assert_int_equal(turn(&s, &s.opened, 1, rows[i].opens ? LONG_MS : QUIET_MS), rows[i].opens);
		if (rows[i].opens) {
			assert_true(turn(&s, &s.accepted, 1, LONG_MS));
			assert_int_equal(tcp_send(s.theirs, (const uint8_t *)"words", 5), 0);
			assert_true(turn(&s, &s.input, 5, LONG_MS));
		}
		stage_end(&s);
		secret_clear(&listens);
		secret_clear(&dials);
	}
}

static void passwords_agree_or_nothing_is_heard(void **state)
{
	(void)state;
	passwords("10.0.0.1", "10.0.0.2");
	passwords("2001:db8::1", "2001:db8::2");
}

/* A key is one peer's: another address talks to the same listener without. And a key that is taken away is
 * away. */
static void keys_are_per_peer(void **state)
{
	struct secret key = secret_of("theirs alone");
	struct stage s;

	(void)state;
	stage_new(&s, "10.0.0.1", "10.0.0.2");
	assert_int_equal(tcp_listener_password(s.listener, &s.server.addr, &key, NULL), 0);
	dial(&s, NULL);
	assert_true(turn(&s, &s.opened, 1, LONG_MS));
	stage_end(&s);

	stage_new(&s, "10.0.0.1", "10.0.0.2");
	assert_int_equal(tcp_listener_password(s.listener, &s.client.addr, &key, NULL), 0);
	assert_int_equal(tcp_listener_password(s.listener, &s.client.addr, NULL, NULL), 0);
	assert_int_equal(tcp_listener_password(s.listener, &s.client.addr, NULL, NULL), 0);
	dial(&s, NULL);
	assert_true(turn(&s, &s.opened, 1, LONG_MS));
	stage_end(&s);
	secret_clear(&key);
}

/* A new password on both sides, one after the other: what was sent between is heard once they agree. */
static void a_password_changes_under_a_connection(void **state)
{
	struct secret was = secret_of("old"), is = secret_of("new");
	struct tcp_options old = { .password = &was }, new = { .password = &is };
	struct stage s;

	(void)state;
	stage_new(&s, "10.0.0.1", "10.0.0.2");
	s.accepting = old;
	assert_int_equal(tcp_listener_password(s.listener, &s.client.addr, &was, NULL), 0);
	dial(&s, &old);
	assert_true(turn(&s, &s.accepted, 1, LONG_MS) && turn(&s, &s.opened, 1, LONG_MS));
	assert_int_equal(tcp_conn_options(s.ours, &new, NULL), 0);
	assert_int_equal(tcp_send(s.ours, (const uint8_t *)"words", 5), 0);
	assert_false(turn(&s, &s.input, 5, QUIET_MS));
	assert_int_equal(tcp_conn_options(s.theirs, &new, NULL), 0);
	assert_true(turn(&s, &s.input, 5, LONG_MS));
	assert_int_equal(s.closed, 0);
	stage_end(&s);
	secret_clear(&was);
	secret_clear(&is);
}

/* RFC 5082: who sends with a hop limit of 255 is heard, others are not; loopback takes no hop off. */
static void hops(const char *server, const char *client)
{
	static const struct {
		uint8_t ttl;
		bool heard;
	} row[] = { { 255, true }, { 254, false }, { 64, false } };

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct tcp_options o = { .ttl = row[i].ttl };
		struct stage s;

		stage_new(&s, server, client);
		assert_int_equal(tcp_listener_hops(s.listener, s.server.addr.family, 255, 255, NULL), 0);
		dial(&s, &o);
		assert_int_equal(turn(&s, &s.opened, 1, row[i].heard ? LONG_MS : QUIET_MS), row[i].heard);
		stage_end(&s);
	}
}

static void far_away_is_not_heard(void **state)
{
	(void)state;
	hops("10.0.0.1", "10.0.0.2");
	hops("2001:db8::1", "2001:db8::2");
}

static void a_key_too_long_is_refused(void **state)
{
	struct secret key = { 0 };
	struct reason why = { 0 };
	struct stage s;

	(void)state;
	assert_int_equal(secret_set(&key, NULL, TCP_PASSWORD_MAX + 1), 0);
	stage_new(&s, "10.0.0.1", "10.0.0.2");
	assert_int_equal(tcp_listener_password(s.listener, &s.client.addr, &key, &why), -1);
	assert_string_equal(why.id, "tcp-password-too-long");
	stage_end(&s);
	secret_clear(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_agree_or_nothing_is_heard),
		cmocka_unit_test(keys_are_per_peer),
		cmocka_unit_test(a_password_changes_under_a_connection),
		cmocka_unit_test(far_away_is_not_heard),
		cmocka_unit_test(a_key_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

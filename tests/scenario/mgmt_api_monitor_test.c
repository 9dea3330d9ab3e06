/* SPDX-License-Identifier: Apache-2.0 */
/* What the management API streams without an end, and as bytes: `state/monitor` and `state/mrt`. */
#include "tests/support/api_rig.h"

#include <event2/event.h>
#include <jansson.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MONITOR "GET " API_STATE "monitor%s HTTP/1.1\r\nHost: x\r\n\r\n"
#define DUMP    "GET " API_STATE "mrt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
#define TURNS   20000 /* of the loop: far more than anything here takes, and no beat's time */

static void turn(struct api_rig *r, struct api_client *c)
{
	api_client_write(c);
	event_base_loop(r->base, EVLOOP_NONBLOCK);
	api_client_read(c);
}

/* How often this stands in what came so far. */
static unsigned count(const struct api_client *c, const char *what)
{
	unsigned n = 0;

	for (const char *p = c->in; p && (p = strstr(p, what)); p++)
		n++;
	return n;
}

static void until(struct api_rig *r, struct api_client *c, const char *what, unsigned n)
{
	for (unsigned i = 0; i < TURNS && !c->eof && count(c, what) < n; i++)
		turn(r, c);
	assert_int_equal(count(c, what), n);
}

static void listen_to(struct api_rig *r, struct api_client *c, const char *query)
{
	static char request[300];

	snprintf(request, sizeof(request), MONITOR, query);
	api_client_open(r, c, request, strlen(request));
	for (unsigned i = 0; i < TURNS && !r->f.listening; i++)
		turn(r, c);
	assert_true(r->f.listening);
}

/* What a subscriber has heard of is told when it is woken; what it lost is a line too. */
static void events_come_as_lines(void **state)
{
	struct api_rig *r = *state;
	struct api_client c;
	char *body;
	json_t *v;

	listen_to(r, &c, "?peer=hq%2Ft0&prefix=10.0.0.1/8");
	assert_string_equal(r->f.monitor.peer, "hq/t0");
	assert_string_equal(prefix_str(&r->f.monitor.within), "10.0.0.0/8");
	until(r, &c, "HTTP/1.1 200", 1);
	r->f.events = 100; /* more than one question's worth */
	r->f.monitor.wake(r->f.monitor.wake_ctx);
	r->f.monitor.wake(r->f.monitor.wake_ctx); /* twice is once */
	until(r, &c, "\"withdraw\"", 100);
	r->f.events_lost = 7;
	r->f.events = 101;
	r->f.monitor.wake(r->f.monitor.wake_ctx);
	until(r, &c, "\"withdraw\"", 101);
	assert_int_equal(count(&c, "\"lost\":7"), 1);
	body = strstr(c.in, "{\"time\"");
	assert_non_null(body);
	v = json_loads(body, JSON_DISABLE_EOF_CHECK, NULL);
	assert_string_equal(json_string_value(json_object_get(v, "prefix")), "10.0.0.0/24");
	assert_string_equal(json_string_value(json_object_get(v, "peer")), "hq/t0");
	json_decref(v);
	api_client_close(&c);
	for (unsigned i = 0; i < TURNS && r->f.listening; i++)
		event_base_loop(r->base, EVLOOP_NONBLOCK);
	assert_false(r->f.listening);
}

/* One that takes nothing is asked nothing of the daemon for, and others are served. */
static void a_listener_that_stops_costs_little(void **state)
{
	struct api_rig *r = *state;
	struct api_client c;
	uint64_t read;
	json_t *v;

	listen_to(r, &c, "");
	r->f.events = 1000000;
	r->f.monitor.wake(r->f.monitor.wake_ctx);
	for (unsigned idle = 0; idle < 100;) {
		read = r->f.events_read;
		event_base_loop(r->base, EVLOOP_NONBLOCK);
		idle = r->f.events_read == read ? idle + 1 : 0;
	}
	assert_in_range(r->f.events_read, 1, 100000);
	v = api_get(r, API_STATE "status", "causeway:status");
	json_decref(v);
	for (unsigned i = 0; i < 20; i++)
		turn(r, &c);
	assert_true(r->f.events_read > read); /* it reads again, and is told more */
	api_client_close(&c);
	for (unsigned i = 0; i < TURNS && r->f.listening; i++)
		event_base_loop(r->base, EVLOOP_NONBLOCK);
	assert_false(r->f.listening);
}

static void the_server_may_go_while_one_listens(void **state)
{
	struct api_rig *r = *state;
	struct api_client c;

	listen_to(r, &c, "");
	api_server_free(r->server);
	r->server = NULL;
	assert_false(r->f.listening);
	api_client_run(r, &c);
	api_client_close(&c);
}

static void faults_are_named(void **state)
{
	struct api_rig *r = *state;

	api_expect_error(r, "GET", API_STATE "monitor?peer=nobody", "", 404, "data-missing", "no-such-peer");
	api_expect_error(
	    r, "GET", API_STATE "monitor?prefix=10.0", "", 400, "invalid-value", "invalid-prefix");
	api_expect_error(r, "GET", API_STATE "monitor?peer=", "", 400, "invalid-value", "invalid-peer");
	api_expect_error(
	    r, "GET", API_STATE "monitor?colour=red", "", 400, "invalid-value", "invalid-parameter");
	api_expect_error(
	    r, "POST", API_STATE "monitor", "{}", 405, "operation-not-supported", "method-not-allowed");
	api_expect_error(r, "GET", API_STATE "mrt", "", 409, "operation-not-supported", "bgp-not-configured");
	assert_int_equal(r->f.opened, 0);
}

/* Every byte, also zeros, whatever pieces it comes in; some are empty. */
static void a_dump_comes_whole(void **state)
{
	static const char type[] = "Content-Type: application/";
	struct api_rig *r = *state;
	struct api_client c;
	char *body, *from;
	size_t n = 0;

	r->f.dump_bytes = 1000000;
	api_client_open(r, &c, DUMP, strlen(DUMP));
	api_client_run(r, &c);
	assert_int_equal(strncmp(c.in, "HTTP/1.1 200", 12), 0);
	assert_non_null(strcasestr(c.in, type));
	body = strstr(c.in, "\r\n\r\n");
	assert_non_null(body);
	for (from = body + 4;;) { /* chunks hold zeros: no text */
		char *end;
		size_t len = strtoul(from, &end, 16);

		assert_int_equal(memcmp(end, "\r\n", 2), 0);
		if (!len)
			break;
		for (size_t i = 0; i < len; i++, n++)
			assert_int_equal((uint8_t)end[2 + i], n % 251);
		from = end + 2 + len + 2;
	}
	assert_int_equal(n, r->f.dump_bytes);
	api_client_close(&c);
}

static void a_dump_that_nobody_reads_waits(void **state)
{
	struct api_rig *r = *state;
	struct api_client c;
	size_t made = 0;

	r->f.dump_bytes = 100000000;
	api_client_open(r, &c, DUMP, strlen(DUMP));
	api_client_write(&c);
	for (unsigned idle = 0; idle < 100 || !r->f.opened;) {
		made = r->f.made;
		event_base_loop(r->base, EVLOOP_NONBLOCK);
		idle = r->f.made == made ? idle + 1 : 0;
	}
	assert_in_range(made, 1, 10000000);
	assert_int_equal(r->f.closed, 0);
	api_client_close(&c);
	for (unsigned i = 0; i < TURNS && !r->f.closed; i++)
		event_base_loop(r->base, EVLOOP_NONBLOCK);
	assert_int_equal(r->f.closed, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, api_rig_set_up, api_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(events_come_as_lines),
		T(a_listener_that_stops_costs_little),
		T(the_server_may_go_while_one_listens),
		T(faults_are_named),
		T(a_dump_comes_whole),
		T(a_dump_that_nobody_reads_waits),
	};

	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

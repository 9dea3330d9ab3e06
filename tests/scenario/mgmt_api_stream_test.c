/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the management API streams: whole to who reads, at little cost for who stops reading or goes, and
 * never a shorter list because memory was out.
 */
#include "tests/support/api_rig.h"

#include <jansson.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/event.h>

#include <cmocka.h>

static void many_routes_stream_whole(void **state)
{
	struct api_rig *r = *state;
	json_t *v = api_get(r, API_STATE "routes", "causeway:routes"), *last;

	assert_string_equal(r->f.last_query.view, "best");
	assert_int_equal(json_array_size(json_object_get(v, "route")), API_RIG_ROUTES);
	last = json_array_get(json_object_get(v, "route"), API_RIG_ROUTES - 1);
	assert_string_equal(json_string_value(json_object_get(last, "prefix")), "11.134.159.0/24");
	json_decref(v);
	assert_int_equal(r->f.opened, 1);
	assert_int_equal(r->f.closed, 1);
}

/* Turns the loop until rows stop coming: the client's socket is full. */
static size_t stall(struct api_rig *r)
{
	size_t before;
	unsigned idle = 0;

	do {
		before = r->f.made;
		event_base_loop(r->base, EVLOOP_NONBLOCK);
		idle = r->f.made == before ? idle + 1 : 0;
	} while (idle < 100 || !r->f.opened);
	return r->f.made;
}

static const char routes_request[] =
    "GET " API_STATE "routes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

static void a_reader_that_stops_costs_little(void **state)
{
	struct api_rig *r = *state;
	struct api_client c;
	size_t made;
	json_t *v;

	api_client_open(r, &c, routes_request, strlen(routes_request));
	api_client_write(&c);
	made = stall(r);
	/* What a socket buffer and two pieces hold; the other rows have not been made. */
	assert_in_range(made, 1, 10000);
	/* Meanwhile others are served, and changes of mind of the reader too. */
	v = api_get(r, API_STATE "status", "causeway:status");
	json_decref(v);
	api_client_run(r, &c);
	assert_int_equal(r->f.made, API_RIG_ROUTES);
	api_client_close(&c);
}

static void a_reader_that_goes_ends_its_walk(void **state)
{
	struct api_rig *r = *state;
	struct api_client c;

	api_client_open(r, &c, routes_request, strlen(routes_request));
	api_client_write(&c);
	stall(r);
	assert_int_equal(r->f.closed, 0);
	api_client_close(&c);
	while (!r->f.closed)
		event_base_loop(r->base, EVLOOP_NONBLOCK);
	assert_int_equal(r->f.closed, 1);
}

static void the_server_may_go_in_mid_stream(void **state)
{
	struct api_rig *r = *state;
	struct api_client c;

	api_client_open(r, &c, routes_request, strlen(routes_request));
	api_client_write(&c);
	stall(r);
	api_server_free(r->server);
	r->server = NULL;
	assert_int_equal(r->f.closed, 1);
	api_client_run(r, &c);
	api_client_close(&c);
}

/* jansson's memory: so many allocations, then one that fails. */
static long json_allowed = -1;

static void *scarce(size_t n)
{
	if (json_allowed == 0) {
		json_allowed = -1;
		return NULL;
	}
	if (json_allowed > 0)
		json_allowed--;
	return malloc(n);
}

/* The answer's body, chunks and all, the n-th allocation failing; NULL: an error, or broken off. Owned. */
static char *body_with(struct api_rig *r, const char *path, long n, bool *ret_failed)
{
	static const char last_chunk[] = "\r\n0\r\n\r\n";
	char request[512], *body;
	struct api_client c;

	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
	api_client_open(r, &c, request, strlen(request));
	json_allowed = n;
	api_client_run(r, &c);
	*ret_failed = n >= 0 && json_allowed < 0;
	json_allowed = -1;
	body = strncmp(c.in, "HTTP/1.1 200", 12) ? NULL : strstr(c.in, "\r\n\r\n");
	if (body && strcasestr(c.in, "Transfer-Encoding: chunked") &&
	    strcmp(c.in + c.n_in - strlen(last_chunk), last_chunk) != 0)
		body = NULL;
	body = body ? strdup(body) : NULL;
	api_client_close(&c);
	return body;
}

/* As it always is, or not at all. Did an allocation fail? */
static bool try_without(struct api_rig *r, const char *path, const char *expected, long n)
{
	bool failed;
	char *body = body_with(r, path, n, &failed);

	if (body)
		assert_string_equal(body, expected);
	else
		assert_true(failed);
	free(body);
	return failed;
}

static void memory_out_makes_no_shorter_list(void **state)
{
	static const char *const paths[] = { API_STATE "status", API_STATE "tunnels",
		API_STATE "tunnels=hq%2Ft1", API_STATE "peers", API_STATE "bgp", API_STATE "fib",
		API_STATE "routes" };
	struct api_rig *r = *state;
	bool failed;

	r->f.routes = API_RIG_ROUTES / 50; /* more than one piece of a stream */
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char *expected = body_with(r, paths[i], -1, &failed);
		long n = 0;

		assert_non_null(expected);
		/* The first piece of a long stream allocation by allocation, those behind it in strides. */
		while (try_without(r, paths[i], expected, n))
			n = n < 300 ? n + 1 : n * 7;
		assert_true(n > 2);
		free(expected);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, api_rig_set_up, api_rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(many_routes_stream_whole),
		T(a_reader_that_stops_costs_little),
		T(a_reader_that_goes_ends_its_walk),
		T(the_server_may_go_in_mid_stream),
		T(memory_out_makes_no_shorter_list),
	};

	json_set_alloc_funcs(scarce, free);
	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

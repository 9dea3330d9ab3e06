/* SPDX-License-Identifier: Apache-2.0 */
/* The made-up daemon, the server on its socket, and a client that turns the server's loop. */
#include "tests/support/api_rig.h"

#include <event2/event.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct walk {
	struct api_fake *f;
	size_t at;
};

static const char *fake_config(void *ctx)
{
	(void)ctx;
	return "{\"causeway:connector\": {\"as\": 65001}}";
}

static void fake_status(void *ctx, struct view_status *ret_status)
{
	(void)ctx;
	*ret_status = (struct view_status){
		.uptime = 7, .fib_in_sync = true, .fib_routes = 3, .n_site = 1, .version = "x"
	};
	ret_status->site = calloc(1, sizeof(*ret_status->site));
	snprintf(ret_status->site[0].name, sizeof(ret_status->site[0].name), "hq");
	ret_status->site[0].state = "ok";
}

static void fake_status_free(struct view_status *status)
{
	free(status->site);
}

static size_t fake_tunnels(void *ctx, size_t start, struct view_tunnel *out, size_t max)
{
	size_t n = 0;

	(void)ctx;
	for (; n < max && start + n < API_RIG_TUNNELS; n++) {
		memset(&out[n], 0, sizeof(out[n]));
		snprintf(out[n].site, sizeof(out[n].site), "hq");
		snprintf(out[n].name, sizeof(out[n].name), "t%zu", start + n);
		out[n].step = "down";
		out[n].nat = "none";
		out[n].data_plane = "user";
	}
	return n;
}

static void fake_bgp(void *ctx, struct view_bgp *ret_bgp)
{
	(void)ctx;
	*ret_bgp = (struct view_bgp){ .as = 65001, .router_id = 0x0a00000a };
}

static size_t fake_peers(void *ctx, size_t start, struct view_bgp_peer *out, size_t max)
{
	(void)ctx;
	if (start || !max)
		return 0;
	memset(&out[0], 0, sizeof(out[0]));
	snprintf(out[0].name, sizeof(out[0].name), "hq/t0");
	out[0].state = "Established";
	out[0].as = 65515;
	return 1;
}

static void *open_walk(struct api_fake *f)
{
	struct walk *w = calloc(1, sizeof(*w));

	w->f = f;
	f->opened++;
	f->made = 0;
	return w;
}

static void close_walk(void *walk)
{
	struct walk *w = walk;

	w->f->closed++;
	free(w);
}

static void *fake_routes_open(
    void *ctx, const struct api_route_query *q, enum api_result *ret_result, struct reason *why)
{
	struct api_fake *f = ctx;

	f->last_query = *q;
	if (!strcmp(q->peer, "nobody")) {
		*ret_result = API_NOT_FOUND;
		reason_set(why, "no-such-peer", "there is no peer nobody");
		return NULL;
	}
	return open_walk(f);
}

static size_t fake_routes_next(void *walk, struct view_route *out, size_t max, bool *ret_done)
{
	static const uint32_t path[] = { 65515, 65010 };
	struct walk *w = walk;
	size_t n = 0;

	for (; n < max && w->at < w->f->routes; n++, w->at++) {
		out[n] = (struct view_route){ .prefix = { addr_v4(0x0a000000 + (uint32_t)w->at * 256), 24 },
			.as_path = path,
			.n_as_path = 2,
			.origin = "igp",
			.best = true };
		snprintf(out[n].peer, sizeof(out[n].peer), "hq/t0");
	}
	w->f->made += n;
	*ret_done = w->at >= w->f->routes;
	return n;
}

static enum api_result fake_bgp_op(void *ctx, const struct api_bgp_op *op, struct reason *why)
{
	struct api_fake *f = ctx;

	f->last_bgp = *op;
	if (!strcmp(op->peer, "nobody")) {
		reason_set(why, "no-such-peer", "there is no BGP peer nobody");
		return API_NOT_FOUND;
	}
	if (op->kind == API_BGP_ANNOUNCE && op->prefix[0].len == 0) {
		reason_set(why, "announce-default", "not the default route");
		return API_REFUSED;
	}
	return API_OK;
}

static size_t fake_announced(void *ctx, size_t start, struct view_announced *out, size_t max)
{
	(void)ctx;
	if (start || !max)
		return 0;
	out[0] = (struct view_announced){ .prefix = { addr_v4(0x0a010000), 16 } };
	return 1;
}

static enum api_result fake_told(
    void *ctx, const struct prefix *p, struct view_told **ret_told, struct reason *why)
{
	struct view_told *v = calloc(1, sizeof(*v) + sizeof(v->peer[0]));

	(void)ctx;
	(void)why;
	v->prefix = *p;
	v->announced = true;
	v->n_peer = 1;
	snprintf(v->peer[0].name, sizeof(v->peer[0].name), "hq/t1");
	v->peer[0].told = true;
	*ret_told = v;
	return API_OK;
}

static void *fake_fib_open(void *ctx)
{
	return open_walk(ctx);
}

static size_t fake_fib_next(void *walk, struct view_fib_route *out, size_t max)
{
	struct walk *w = walk;

	if (w->at || !max)
		return 0;
	w->at = 1;
	out[0] = (struct view_fib_route){
		.prefix = { addr_v4(0x0a640000), 16 }, .origin = "bgp", .n_ways = 1, .in_kernel = true
	};
	snprintf(out[0].way[0].interface, sizeof(out[0].way[0].interface), "cw0");
	return 1;
}

static void *fake_monitor_open(
    void *ctx, const struct api_monitor_query *q, enum api_result *ret_result, struct reason *why)
{
	struct api_fake *f = ctx;

	if (!strcmp(q->peer, "nobody")) {
		*ret_result = API_NOT_FOUND;
		reason_set(why, "no-such-peer", "there is no peer nobody");
		return NULL;
	}
	f->monitor = *q;
	f->listening = true;
	f->opened++;
	return f;
}

static size_t fake_monitor_next(void *subscriber, struct view_event *out, size_t max, uint64_t *ret_lost)
{
	struct api_fake *f = subscriber;
	size_t n = 0;

	*ret_lost = f->events_lost;
	f->events_lost = 0;
	for (; n < max && f->events_read < f->events; n++, f->events_read++) {
		memset(&out[n], 0, sizeof(out[n]));
		out[n].kind = VIEW_EVENT_WITHDRAW;
		out[n].prefix = (struct prefix){ addr_v4(0x0a000000 + (uint32_t)f->events_read * 256), 24 };
		snprintf(out[n].peer, sizeof(out[n].peer), "hq/t0");
	}
	return n;
}

static void fake_monitor_close(void *subscriber)
{
	struct api_fake *f = subscriber;

	f->listening = false;
	f->closed++;
}

static void *fake_dump_open(void *ctx, enum api_result *ret_result, struct reason *why)
{
	struct api_fake *f = ctx;

	if (f->dump_bytes)
		return open_walk(f);
	*ret_result = API_REFUSED;
	reason_set(why, "bgp-not-configured", "there is no table");
	return NULL;
}

static size_t fake_dump_next(void *walk, uint8_t *out, size_t cap, bool *ret_done)
{
	struct walk *w = walk;
	size_t n = 0;

	if (++w->f->dump_pieces % 3)
		for (; n < cap && n < 1000 && w->at < w->f->dump_bytes; n++, w->at++)
			out[n] = (uint8_t)(w->at % 251);
	w->f->made += n;
	*ret_done = w->at == w->f->dump_bytes;
	return n;
}

static enum api_result fake_op(void *ctx, enum api_tunnel_op op, const char *name, struct reason *why)
{
	struct api_fake *f = ctx;

	f->last_op = op;
	snprintf(f->last_name, sizeof(f->last_name), "%.60s", name);
	if (!strcmp(name, "hq/refused")) {
		reason_set(why, "safety", "not now");
		return API_REFUSED;
	}
	if (!strcmp(name, "hq/failed"))
		return API_FAILED;
	if (strcmp(name, "hq/t0") != 0) {
		reason_set(why, "no-such-tunnel", "there is no tunnel %s", name);
		return API_NOT_FOUND;
	}
	return API_OK;
}

const struct api_ops api_fake_ops = {
	.config_json = fake_config,
	.status = fake_status,
	.status_free = fake_status_free,
	.tunnels = fake_tunnels,
	.bgp = fake_bgp,
	.peers = fake_peers,
	.routes_open = fake_routes_open,
	.routes_next = fake_routes_next,
	.routes_close = close_walk,
	.fib_open = fake_fib_open,
	.fib_next = fake_fib_next,
	.fib_close = close_walk,
	.tunnel_op = fake_op,
	.monitor_open = fake_monitor_open,
	.monitor_next = fake_monitor_next,
	.monitor_close = fake_monitor_close,
	.dump_open = fake_dump_open,
	.dump_next = fake_dump_next,
	.dump_close = close_walk,
	.bgp_op = fake_bgp_op,
	.announced = fake_announced,
	.told = fake_told,
};

static void quiet(void *ctx, enum log_level level, const char *subject, const char *line)
{
	(void)ctx;
	(void)level;
	(void)subject;
	(void)line;
}
const struct logger api_rig_logger = { .sink = quiet, .max = LOG_LEVEL_DEBUG };

int api_rig_set_up(void **state)
{
	struct api_rig *r = calloc(1, sizeof(*r));
	struct reason why;

	snprintf(r->dir, sizeof(r->dir), "/tmp/causeway-api-XXXXXX");
	if (!mkdtemp(r->dir))
		return -1;
	snprintf(r->path, sizeof(r->path), "%s/causeway.sock", r->dir);
	r->f.routes = API_RIG_ROUTES;
	r->base = event_base_new();
	r->server = api_server_new(r->base, r->path, &api_fake_ops, &r->f, &api_rig_logger, &why);
	if (!r->server)
		fail_msg("%s", why.text);
	*state = r;
	return 0;
}

int api_rig_tear_down(void **state)
{
	struct api_rig *r = *state;

	api_server_free(r->server);
	assert_int_equal(r->f.opened, r->f.closed);
	assert_int_equal(access(r->path, F_OK), -1); /* unlinked */
	event_base_free(r->base);
	assert_int_equal(rmdir(r->dir), 0);
	free(r);
	libevent_global_shutdown();
	return 0;
}

void api_client_open(struct api_rig *r, struct api_client *c, const char *request, size_t len)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	memset(c, 0, sizeof(*c));
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", r->path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
	c->out = request;
	c->n_out = len;
}

void api_client_write(struct api_client *c)
{
	ssize_t n = c->n_out ? send(c->fd, c->out, c->n_out, MSG_NOSIGNAL) : 0;

	if (n > 0) {
		c->out += n;
		c->n_out -= (size_t)n;
	} else if (n < 0 && errno != EAGAIN) {
		c->n_out = 0; /* the server has heard enough */
	}
}

void api_client_read(struct api_client *c)
{
	ssize_t n;

	if (c->cap_in - c->n_in < 65536) {
		c->cap_in = (c->cap_in + 65536) * 2;
		c->in = realloc(c->in, c->cap_in);
		assert_non_null(c->in);
	}
	n = recv(c->fd, c->in + c->n_in, c->cap_in - c->n_in - 1, 0);
	if (n > 0)
		c->n_in += (size_t)n;
	else if (n == 0 || errno != EAGAIN)
		c->eof = true;
	c->in[c->n_in] = '\0';
}

void api_client_run(struct api_rig *r, struct api_client *c)
{
	while (!c->eof) {
		api_client_write(c);
		event_base_loop(r->base, EVLOOP_NONBLOCK);
		api_client_read(c);
	}
}

void api_client_close(struct api_client *c)
{
	close(c->fd);
	free(c->in);
}

size_t api_dechunk(char *body)
{
	char *from = body, *to = body;

	for (;;) {
		char *end;
		size_t n = strtoul(from, &end, 16);

		assert_int_equal(strncmp(end, "\r\n", 2), 0);
		if (!n)
			break;
		memmove(to, end + 2, n);
		to += n;
		from = end + 2 + n + 2;
	}
	*to = '\0';
	return (size_t)(to - body);
}

/* Sends a request, returns its status; *ret_body (may be NULL) is the parsed JSON body or NULL. */
int api_ask_raw(struct api_rig *r, const char *request, size_t len, json_t **ret_body)
{
	struct api_client c;
	char *body;
	int status = 0;

	api_client_open(r, &c, request, len);
	api_client_run(r, &c);
	assert_int_equal(sscanf(c.in, "HTTP/1.1 %d", &status), 1);
	body = strstr(c.in, "\r\n\r\n");
	assert_non_null(body);
	*body = '\0';
	body += 4;
	if (strcasestr(c.in, "Transfer-Encoding: chunked"))
		(void)api_dechunk(body);
	if (ret_body)
		*ret_body = json_loads(body, 0, NULL);
	api_client_close(&c);
	return status;
}

int api_ask(struct api_rig *r, const char *method, const char *path, const char *body, json_t **ret_body)
{
	char request[4096];
	int n = snprintf(request, sizeof(request),
	    "%s %s HTTP/1.1\r\nHost: causeway\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", method,
	    path, strlen(body), body);

	assert_in_range(n, 1, sizeof(request) - 1);
	return api_ask_raw(r, request, (size_t)n, ret_body);
}

void api_expect_error(struct api_rig *r, const char *method, const char *path, const char *body, int status,
    const char *tag, const char *id)
{
	json_t *b = NULL, *e;

	assert_int_equal(api_ask(r, method, path, body, &b), status);
	assert_non_null(b);
	e = json_array_get(json_object_get(json_object_get(b, "ietf-restconf:errors"), "error"), 0);
	assert_string_equal(json_string_value(json_object_get(e, "error-tag")), tag);
	assert_string_equal(json_string_value(json_object_get(e, "error-app-tag")), id);
	assert_true(json_string_length(json_object_get(e, "error-message")) > 0);
	assert_true(json_string_length(json_object_get(e, "error-type")) > 0);
	json_decref(b);
}

json_t *api_get(struct api_rig *r, const char *path, const char *member)
{
	json_t *b = NULL, *v;

	assert_int_equal(api_ask(r, "GET", path, "", &b), 200);
	assert_int_equal(json_object_size(b), 1);
	v = json_incref(json_object_get(b, member));
	assert_non_null(v);
	json_decref(b);
	return v;
}

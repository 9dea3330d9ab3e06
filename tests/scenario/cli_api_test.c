/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line against the real management API (connector/mgmt/api.c) over made-up views: both ends of
 * the wire must agree on paths, queries, names and errors. The server runs in a process of its own.
 */
#include "connector/cli/cli.h"
#include "connector/mgmt/api.h"

#include <event2/event.h>
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define ROUTES    20000
#define WORDS_MAX 12

static char dir[] = "/tmp/cli-api-XXXXXX", socket_path[64];
static pid_t server;

/* The daemon's side. */

static const char *config_json(void *ctx)
{
	(void)ctx;
	return "{\"causeway:connector\":{\"as\":65001}}";
}

static void status(void *ctx, struct view_status *ret)
{
	(void)ctx;
	ret->version = "9.9";
	ret->uptime = 61;
	ret->fib_in_sync = true;
	ret->fib_routes = 1;
	ret->site = calloc(1, sizeof(*ret->site));
	ret->n_site = 1;
	snprintf(ret->site->name, sizeof(ret->site->name), "hq");
	ret->site->state = "degraded";
	ret->site->tunnel = calloc(1, sizeof(*ret->site->tunnel));
	ret->site->n_tunnel = 1;
	snprintf(ret->site->tunnel->name, sizeof(ret->site->tunnel->name), "t1");
	ret->site->tunnel->admin_up = true;
	ret->site->tunnel->step = "connecting";
	reason_set(&ret->site->tunnel->error, "ike-no-answer", "no answer \033[1m from the gateway");
	reason_set(&ret->site->tunnel->next, "ike-retry", "tries again soon");
}

static void status_free(struct view_status *s)
{
	free(s->site->tunnel);
	free(s->site);
}

static unsigned asked;

static size_t tunnels(void *ctx, size_t start, struct view_tunnel *out, size_t max)
{
	static const char *const steps[] = { "down", "connecting", "child", "in-fib" };

	(void)ctx;
	if (start || !max)
		return 0;
	memset(out, 0, sizeof(*out));
	snprintf(out->site, sizeof(out->site), "hq");
	snprintf(out->name, sizeof(out->name), "t1");
	out->step = steps[asked < 3 ? asked : 3];
	asked++;
	out->admin_up = true;
	out->data_plane = "user";
	out->nat = "local";
	out->have_ike = true;
	out->spi_i = 0x1122;
	snprintf(out->ike_proposal, sizeof(out->ike_proposal), "aes256-sha256-modp2048");
	out->drop[0] = (struct view_drop){ "replayed", 7 };
	out->n_drop = 1;
	return 1;
}

static void bgp(void *ctx, struct view_bgp *ret)
{
	(void)ctx;
	ret->as = 65001;
	ret->router_id = 0x0a00000a;
}

static size_t peers(void *ctx, size_t start, struct view_bgp_peer *out, size_t max)
{
	(void)ctx;
	if (start || !max)
		return 0;
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "hq/t1");
	addr_parse("10.100.255.254", &out->address);
	out->as = 65515;
	out->state = "Established";
	out->uptime = 60;
	out->ipv4 = out->route_refresh = true;
	out->msg_in[0] = 4;
	return 1;
}

struct walk {
	unsigned at, n;
};

static void *routes_open(
    void *ctx, const struct api_route_query *q, enum api_result *ret_result, struct reason *ret_reason)
{
	struct walk *w;

	(void)ctx;
	if (q->peer[0] && strcmp(q->peer, "hq/t1") != 0) {
		*ret_result = API_NOT_FOUND;
		reason_set(ret_reason, "no-such-peer", "there is no BGP peer %s", q->peer);
		return NULL;
	}
	w = calloc(1, sizeof(*w));
	/* As many as the view's name has letters, so that a test sees which arrived. */
	w->n = q->within.addr.family ? 1 : strcmp(q->view, "best") != 0 ? (unsigned)strlen(q->view) : ROUTES;
	return w;
}

static size_t routes_next(void *walk, struct view_route *out, size_t max, bool *ret_done)
{
	static const uint32_t path[] = { 65515 };
	struct walk *w = walk;
	size_t n = 0;

	for (; n < max && w->at < w->n; n++, w->at++) {
		out[n] =
		    (struct view_route){ .prefix = { .addr = addr_v4(0x0a640000 + (w->at << 8)), .len = 24 },
			    .as_path = path,
			    .n_as_path = 1,
			    .origin = "igp",
			    .best = true,
			    .reason = "only path" };
		snprintf(out[n].peer, sizeof(out[n].peer), "hq/t1");
	}
	*ret_done = w->at >= w->n;
	return n;
}

static enum api_result bgp_op(void *ctx, const struct api_bgp_op *op, struct reason *why)
{
	(void)ctx;
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

static size_t announced(void *ctx, size_t start, struct view_announced *out, size_t max)
{
	(void)ctx;
	if (start || !max)
		return 0;
	out[0] = (struct view_announced){ .prefix = { addr_v4(0x0a010000), 16 } };
	return 1;
}

static enum api_result told(
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

static void *fib_open(void *ctx)
{
	(void)ctx;
	return calloc(1, sizeof(struct walk));
}

static size_t fib_next(void *walk, struct view_fib_route *out, size_t max)
{
	struct walk *w = walk;

	if (w->at || !max)
		return 0;
	w->at = 1;
	memset(out, 0, sizeof(*out));
	prefix_parse("10.100.0.0/16", true, &out->prefix);
	out->origin = "bgp";
	snprintf(out->way[0].interface, sizeof(out->way[0].interface), "cw0");
	out->n_ways = 1;
	reason_set(&out->why, "fib-waiting", "the kernel has not answered yet");
	return 1;
}

static enum api_result tunnel_op(
    void *ctx, enum api_tunnel_op op, const char *name, struct reason *ret_reason)
{
	(void)ctx;
	if (strcmp(name, "hq/t1") != 0) {
		reason_set(ret_reason, "no-such-tunnel", "there is no tunnel %s", name);
		return API_NOT_FOUND;
	}
	if (op == API_TUNNEL_DOWN) {
		reason_set(ret_reason, "last-path", "it is the last one");
		return API_REFUSED;
	}
	asked = 0;
	return API_OK;
}

static void serve(int ready)
{
	static const struct api_ops ops = { .config_json = config_json,
		.status = status,
		.status_free = status_free,
		.tunnels = tunnels,
		.bgp = bgp,
		.peers = peers,
		.routes_open = routes_open,
		.routes_next = routes_next,
		.routes_close = free,
		.fib_open = fib_open,
		.fib_next = fib_next,
		.fib_close = free,
		.tunnel_op = tunnel_op,
		.bgp_op = bgp_op,
		.announced = announced,
		.told = told };
	struct event_base *base = event_base_new();
	struct logger log = log_stderr(LOG_LEVEL_WARN);
	struct reason why = { 0 };

	if (!api_server_new(base, socket_path, &ops, NULL, &log, &why) || write(ready, "", 1) != 1)
		_exit(1);
	event_base_dispatch(base);
	_exit(1);
}

static int start_server(void **state)
{
	int p[2];
	char byte;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(socket_path, sizeof(socket_path), "%s/sock", dir);
	assert_int_equal(pipe(p), 0);
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(p[1]);
	}
	close(p[1]);
	assert_int_equal(read(p[0], &byte, 1), 1);
	close(p[0]);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	unlink(socket_path);
	rmdir(dir);
	return 0;
}

/* The admin's side. */

static void expect(const char *line, int rc, const char *out, const char *err)
{
	const char *argv[WORDS_MAX + 3] = { "causeway", "-s", socket_path };
	char *copy = strdup(line), *save = NULL, *got_out = NULL, *got_err = NULL;
	size_t n;
	int argc = 3, got;

	for (char *w = strtok_r(copy, " ", &save); w && argc < WORDS_MAX + 3; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	FILE *fo = open_memstream(&got_out, &n), *fe = open_memstream(&got_err, &n);
	got = cli_run(argc, argv, fo, fe);
	fclose(fo);
	fclose(fe);
	if (got != rc || !strstr(got_out, out) || !strstr(got_err, err) || strchr(got_out, '\033'))
		fail_msg("%s: exit code %d, not %d, or not \"%s\" and \"%s\":\n%.2000s\n%.2000s", line, got,
		    rc, out, err, got_out, got_err);
	free(got_out);
	free(got_err);
	free(copy);
}

static void test_queries(void **state)
{
	(void)state;
	expect("status", 0, "causewayd 9.9, up 1m 1s", "");
	expect("status", 0, "error: no answer \\x1b[1m from the gateway (ike-no-answer)", "");
	expect("status", 0, "next: tries again soon\n", "");
	expect("status --check", 6, "degraded", "");
	expect("status --json", 0, "\"schema\": \"causeway/status/1\"", "");
	expect("tunnel list", 0, "hq/t1", "");
	expect("tunnel show hq/t1", 0, "dropped", "");
	expect("tunnel show hq/t1 --json", 0, "\"spi-i\": \"0000000000001122\"", "");
	expect("bgp summary", 0, "AS 65001, router ID 10.0.0.10", "");
	expect("bgp peer hq/t1", 0, " route-refresh, ipv4-unicast\n", "");
	expect("bgp peer hq/t1", 0, "4 total", "");
	expect("bgp routes 10.100.0.0/16 --peer hq/t1", 0, "10.100.0.0/24", "");
	expect("fib show", 0, "why: the kernel has not answered yet (fib-waiting)", "");
	expect("fib show --json", 0, "\"in-kernel\":false", "");
	expect("config show", 0, "\"causeway:connector\": {\n    \"as\": 65001", "");
}

static void test_streams(void **state)
{
	(void)state;
	expect("bgp routes", 0, "10.178.31.0/24", ""); /* the last of ROUTES */
	expect("bgp routes --json", 0, "\"10.178.31.0/24\"", "");
	expect("bgp routes --received", 0, "10.100.7.0/24", ""); /* eight letters */
	expect("bgp routes --rejected --json", 0, "\"10.100.7.0/24\"", "");
	expect("bgp routes --count", 0, "20000\n", "");
	expect("bgp routes --rejected --count", 0, "8\n", "");
	expect("bgp routes --advertised", 0, "10.100.9.0/24", "");
}

static void test_operations(void **state)
{
	(void)state;
	expect("tunnel up hq/t1", 0, "", "s  child\n");
	expect("tunnel up hq/t1 --no-wait --json", 0, "\"site\": \"hq\"", "");
	expect("bgp announce 10.1.0.0/16", 0, "10.1.0.0/16 is announced to hq/t1, until", "");
	expect("bgp announce 0.0.0.0/0", 5, "", "(announce-default)");
	expect("bgp withdraw 10.1.0.0/16 --no-wait", 0, "10.1.0.0/16 is withdrawn", "");
	expect("bgp refresh hq/t1", 0, "", "");
	expect("bgp down nobody --message bye", 4, "", "(no-such-peer)");
	expect("bgp up hq/t1", 0, "", "Established");
	expect("bgp summary", 0, "Announced by command", "");
	expect("tunnel rekey hq/t1 --timeout 0.1", 8, "", "has not been rekeyed");
}

static void test_errors(void **state)
{
	(void)state;
	expect("tunnel down hq/t1", 5, "", "it is the last one (last-path)");
	expect("tunnel up hq/t2", 4, "", "there is no tunnel hq/t2 (no-such-tunnel)");
	expect("tunnel show hq/t2", 4, "", "there is no tunnel hq/t2");
	expect("bgp peer nobody", 4, "", "there is no BGP peer nobody");
	expect("bgp routes --peer nobody", 4, "", "there is no BGP peer nobody");
	expect("bgp routes --peer nobody --json", 4, "", "there is no BGP peer nobody");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests_name("cli and api", tests, start_server, stop_server);
}

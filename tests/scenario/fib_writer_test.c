/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FIB writer against the real kernel. Each case runs in a child process in a network namespace of its own, with TUN interfaces
 * as tunnels and a veth pair as uplink; `ip` plays the foreign parts, and what the kernel holds is read by netlink. States are
 * waited for (by the writer's events, or by looking again after each), with a limit that only a failure reaches.
 */
#include "connector/daemon/fib_writer.h"
#include "connector/sys/clock.h"
#include "connector/sys/link.h"
#include "connector/sys/rtnl.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define LIMIT_S 60

static void fail_at(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	if (system("ip route >&2; ip -6 route >&2; ip nexthop >&2; ip addr >&2")) {
	}
	_exit(1);
}
#define CHECK(x)                                          \
	do {                                              \
		if (!(x))                                 \
			fail_at(__FILE__, __LINE__, #x);  \
	} while (0)

static struct logger test_log;

/* ---- the world of one case ---- */

struct world {
	struct fib_writer *w;
	uint64_t fenced;
	unsigned in, out, failed, disturbed, underlays;
	struct reason why, disturbance;
	struct prefix last_prefix;
	int underlay_ifindex;
	struct addr underlay_gateway, underlay_source;
	struct prefix connected[32];
	size_t n_connected;
};

static void on_route(void *ctx, const struct prefix *p, uint32_t metric, enum fib_origin origin, bool in_kernel, const struct reason *why)
{
	struct world *x = ctx;

	(void)metric;
	(void)origin;
	x->last_prefix = *p;
	if (in_kernel)
		x->in++;
	else
		x->out++;
	if (reason_is_set(why)) {
		x->failed++;
		x->why = *why;
	}
}

static void on_fenced(void *ctx, uint64_t fence)
{
	struct world *x = ctx;

	CHECK(fence == x->fenced + 1); /* in order, each once */
	x->fenced = fence;
}

static void on_connected(void *ctx, const struct prefix list[], size_t n)
{
	struct world *x = ctx;

	CHECK(n <= 32);
	memcpy(x->connected, list, n * sizeof(*list));
	x->n_connected = n;
}

static void on_disturbed(void *ctx, const struct reason *what)
{
	struct world *x = ctx;

	x->disturbed++;
	x->disturbance = *what;
}

static void on_underlay(void *ctx, const struct addr *endpoint, int ifindex, const struct addr *gateway, const struct addr *source)
{
	struct world *x = ctx;

	(void)endpoint;
	x->underlays++;
	x->underlay_ifindex = ifindex;
	x->underlay_gateway = *gateway;
	x->underlay_source = *source;
}

static const struct fib_writer_events events = { on_route, on_fenced, on_connected, on_disturbed, on_underlay };

static void open_writer(struct world *x)
{
	struct reason why = { 0 };

	memset(x, 0, sizeof(*x));
	x->w = fib_writer_new(&sys_domain_default, &test_log, &events, x, &why);
	if (!x->w)
		fprintf(stderr, "%s: %s\n", why.id, why.text);
	CHECK(x->w);
}

/* Waits for one delivery of events at most a little; the caller looks again. */
static void step(struct world *x)
{
	struct pollfd p = { .fd = fib_writer_event_fd(x->w), .events = POLLIN };

	(void)poll(&p, 1, 10);
	fib_writer_dispatch(x->w);
}

#define WAIT(x, condition)                                                           \
	do {                                                                         \
		mtime limit_ = mtime_add(clock_now(), mdur_s(LIMIT_S));              \
		while (!(condition)) {                                               \
			if (mtime_reached(limit_, clock_now()))                      \
				fail_at(__FILE__, __LINE__, "waited for " #condition); \
			step(x);                                                     \
		}                                                                    \
	} while (0)

static void settle(struct world *x)
{
	uint64_t fence = fib_writer_fence(x->w);

	WAIT(x, x->fenced >= fence);
}

static void run(const char *command)
{
	if (system(command) != 0)
		fail_at(__FILE__, __LINE__, command);
}

static int tun_make(const char *name, int *ret_ifindex)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	char command[128];

	CHECK(fd >= 0);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	CHECK(ioctl(fd, TUNSETIFF, &ifr) == 0);
	snprintf(command, sizeof(command), "ip link set %s up", name);
	run(command);
	*ret_ifindex = (int)if_nametoindex(name);
	CHECK(*ret_ifindex > 0);
	return fd;
}

static struct fib_route route_by(const char *prefix, uint32_t metric, int n, ...)
{
	struct fib_route r = { .metric = metric, .origin = FIB_LEARNED };
	va_list ap;

	CHECK(prefix_parse(prefix, false, &r.prefix) == 0);
	va_start(ap, n);
	for (int i = 0; i < n; i++)
		r.way[r.n_ways++] = (struct fib_way){ .ifindex = va_arg(ap, int), .weight = 1 };
	va_end(ap);
	return r;
}

/* ---- what the kernel holds ---- */

struct look {
	struct prefix prefix;
	uint8_t protocol; /* 0: any */
	unsigned routes, nexthops, groups;
	struct rtnl_route last;
};

static void count_message(void *ctx, const struct rtnl_msg *m)
{
	struct look *l = ctx;

	if (m->kind == RTNL_NEXTHOP && m->nexthop.protocol == FIB_PROTOCOL) {
		l->nexthops++;
		l->groups += m->nexthop.group;
	}
	if (m->kind != RTNL_ROUTE || (l->protocol && m->route.protocol != l->protocol))
		return;
	if (l->prefix.addr.family && !prefix_eq(&l->prefix, &m->route.prefix))
		return;
	l->routes++;
	l->last = m->route;
}

static struct look look_for(const char *prefix, uint8_t protocol)
{
	struct rtnl *r = rtnl_open(&sys_domain_default, NULL);
	struct look l = { .protocol = protocol };
	int err;

	CHECK(r);
	CHECK(!prefix || prefix_parse(prefix, false, &l.prefix) == 0);
	do {
		l.routes = l.nexthops = l.groups = 0;
		err = rtnl_dump(r, RTNL_NEXTHOP, 0, count_message, &l);
		if (!err)
			err = rtnl_dump(r, RTNL_ROUTE, 0, count_message, &l);
	} while (err == RTNL_INTERRUPTED);
	CHECK(err == 0);
	rtnl_close(r);
	return l;
}

static unsigned ours(void)
{
	return look_for(NULL, FIB_PROTOCOL).routes;
}

static bool goes_by(const char *prefix, int ifindex)
{
	struct look l = look_for(prefix, FIB_PROTOCOL);

	return l.routes == 1 && l.last.n_ways == 1 && l.last.way[0].ifindex == ifindex;
}

static void check_clean(void)
{
	struct look l = look_for(NULL, FIB_PROTOCOL);

	CHECK(l.routes == 0);
	CHECK(l.nexthops == 0);
}

static void uplink(void)
{
	run("ip link set lo up && ip link add up0 type veth peer name up1 && ip link set up0 up && ip link set up1 up");
	run("ip addr add 192.0.2.1/24 dev up0 && ip -6 addr add 2001:db8:2::1/64 dev up0 nodad");
	run("ip route add default via 192.0.2.254 && ip -6 route add default via 2001:db8:2::fe");
}

/* ---- cases ---- */

static void case_routes(void)
{
	struct world x;
	struct fib_route r;
	struct look l;
	int t1, t2;

	uplink();
	close(open("/dev/null", O_RDONLY)); /* the lowest descriptors are taken */
	tun_make("cw0", &t1);
	tun_make("cw1", &t2);
	open_writer(&x);
	fib_writer_interface(x.w, t1, true);
	fib_writer_interface(x.w, t2, true);
	fib_writer_reconciled(x.w);
	r = route_by("10.100.0.0/16", 0, 1, t1);
	fib_writer_want(x.w, &r);
	r = route_by("10.101.0.0/16", 0, 2, t1, t2);
	fib_writer_want(x.w, &r);
	r = route_by("10.102.0.0/16", 0, 2, t2, t1);
	fib_writer_want(x.w, &r);
	r = route_by("2001:db8:100::/48", 0, 1, t1);
	fib_writer_want(x.w, &r);
	r = route_by("2001:db8:101::/48", 0, 2, t1, t2);
	fib_writer_want(x.w, &r);
	settle(&x);
	CHECK(x.in == 5 && x.failed == 0);
	CHECK(goes_by("10.100.0.0/16", t1));
	CHECK(goes_by("2001:db8:100::/48", t1));
	l = look_for("10.101.0.0/16", FIB_PROTOCOL);
	CHECK(l.routes == 1 && l.last.n_ways == 2 && l.last.nhid >= FIB_PROTOCOL * 1000000U);
	CHECK(look_for("10.102.0.0/16", FIB_PROTOCOL).last.nhid == l.last.nhid); /* shared */
	l = look_for("2001:db8:101::/48", FIB_PROTOCOL);
	CHECK(l.routes == 1 && l.last.n_ways == 2);

	/* One tunnel goes: the routes stay by the other one. */
	fib_writer_interface(x.w, t2, false);
	settle(&x);
	CHECK(goes_by("10.101.0.0/16", t1) && goes_by("10.102.0.0/16", t1) && goes_by("2001:db8:101::/48", t1));
	/* And with the other one all of them. */
	fib_writer_interface(x.w, t1, false);
	settle(&x);
	CHECK(ours() == 0);
	CHECK(!strcmp(x.why.id, "fib-link-down"));
	fib_writer_interface(x.w, t1, true);
	settle(&x);
	CHECK(ours() == 5);
	/* Other ways, another source, then nothing. */
	r = route_by("10.100.0.0/16", 0, 1, t1);
	addr_parse("192.0.2.1", &r.source);
	fib_writer_want(x.w, &r);
	settle(&x);
	l = look_for("10.100.0.0/16", FIB_PROTOCOL);
	CHECK(l.routes == 1 && addr_eq(&l.last.source, &r.source));
	fib_writer_unwant(x.w, &r.prefix, 0, FIB_LEARNED);
	settle(&x);
	CHECK(look_for("10.100.0.0/16", 0).routes == 0);
	fib_writer_free(x.w, false);
	check_clean();
	CHECK(look_for("0.0.0.0/0", 0).routes == 1 && look_for("192.0.2.0/24", 0).routes == 1);
}

static int run_child(void (*body)(void))
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (unshare(CLONE_NEWNET)) {
			perror("unshare(CLONE_NEWNET)");
			_exit(1);
		}
		test_log = log_stderr(LOG_LEVEL_WARN);
		body();
		exit(0); /* with the leak check */
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

#define CASE(name)                                            \
	static void test_##name(void **state)                 \
	{                                                     \
		(void)state;                                  \
		assert_int_equal(run_child(case_##name), 0);  \
	}

CASE(routes)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),
	};

	if (geteuid() != 0) {
		fprintf(stderr, "this test makes network namespaces: run it as root\n");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FIB writer against the real kernel. Each case runs in a child process in a network namespace of its
 * own, with TUN interfaces as tunnels and a veth pair as uplink; `ip` plays the foreign parts, and what the
 * kernel holds is read by netlink. States are waited for (by the writer's events, or by looking again after
 * each), with a limit that only a failure reaches.
 */
#include "connector/daemon/fib_writer.h"
#include "connector/sys/clock.h"
#include "connector/sys/link.h"
#include "connector/sys/rtnl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
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
#define CHECK(x)                                                                                             \
	do {                                                                                                 \
		if (!(x))                                                                                    \
			fail_at(__FILE__, __LINE__, #x);                                                     \
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
	int link_awaited;
	unsigned links; /* hints about that interface */
};

static void on_route(void *ctx, const struct prefix *p, uint32_t metric, enum fib_origin origin,
    bool in_kernel, const struct reason *why)
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

static void on_underlay(void *ctx, const struct addr *endpoint, int ifindex, const struct addr *gateway,
    const struct addr *source)
{
	struct world *x = ctx;

	(void)endpoint;
	x->underlays++;
	x->underlay_ifindex = ifindex;
	x->underlay_gateway = *gateway;
	x->underlay_source = *source;
}

static void on_link(void *ctx, int ifindex)
{
	struct world *x = ctx;

	if (ifindex == x->link_awaited)
		x->links++;
}

static const struct fib_writer_events events = { .route = on_route,
	.fenced = on_fenced,
	.connected = on_connected,
	.disturbed = on_disturbed,
	.underlay = on_underlay,
	.link = on_link };

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

#define WAIT(x, condition)                                                                                   \
	do {                                                                                                 \
		mtime limit_ = mtime_add(clock_now(), mdur_s(LIMIT_S));                                      \
		while (!(condition)) {                                                                       \
			if (mtime_reached(limit_, clock_now()))                                              \
				fail_at(__FILE__, __LINE__, "waited for " #condition);                       \
			step(x);                                                                             \
		}                                                                                            \
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
	run("ip link set lo up && ip link add up0 type veth peer name up1 && ip link set up0 up && ip link "
	    "set up1 up");
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
	CHECK(
	    goes_by("10.101.0.0/16", t1) && goes_by("10.102.0.0/16", t1) && goes_by("2001:db8:101::/48", t1));
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

/* Foreign routes stay as they are, whatever we want beside them. */
static void case_foreign(void)
{
	struct world x;
	struct fib_route r;
	struct look l;
	int t1;

	uplink();
	tun_make("cw0", &t1);
	run("ip route add 10.100.0.0/16 via 192.0.2.254 proto static");
	run("ip -6 route add 2001:db8:100::/48 via 2001:db8:2::fe proto static");
	run("ip route add 10.101.0.0/16 via 192.0.2.254 proto static metric 50");
	run("ip nexthop add id 201000000 via 192.0.2.254 dev up0 proto static"); /* the first id of our range
	                                                                          */
	open_writer(&x);
	fib_writer_interface(x.w, t1, true);
	fib_writer_reconciled(x.w);
	r = route_by("10.100.0.0/16", 0, 1, t1);
	fib_writer_want(x.w, &r);
	settle(&x);
	CHECK(x.in == 0 && x.failed == 1 && !strcmp(x.why.id, "fib-foreign-route"));
	CHECK(strstr(x.why.text, "10.100.0.0/16") && strstr(x.why.text, "static"));
	r = route_by("2001:db8:100::/48", 0, 1, t1);
	fib_writer_want(x.w, &r);
	settle(&x);
	CHECK(x.in == 0 && x.failed == 2); /* metric 0 is IPv6's 1024 */
	r = route_by("10.101.0.0/16", 0, 1, t1);
	fib_writer_want(x.w, &r);
	settle(&x);
	CHECK(x.in == 1); /* another metric is another route */
	CHECK(look_for("10.100.0.0/16", 0).routes == 1 && look_for("10.100.0.0/16", 4).routes == 1);
	/* When the foreign one goes, ours comes. */
	run("ip route del 10.100.0.0/16 proto static");
	WAIT(&x, goes_by("10.100.0.0/16", t1));
	/* Somebody puts one in front of ours with the same key: ours changes beside it, and goes beside it.
	 */
	run("ip route prepend 10.100.0.0/16 via 192.0.2.254 proto static");
	r = route_by("10.100.0.0/16", 0, 1, (int)if_nametoindex("up0"));
	fib_writer_want(x.w, &r);
	settle(&x);
	l = look_for("10.100.0.0/16", 4);
	CHECK(l.routes == 1 && l.last.way[0].ifindex == (int)if_nametoindex("up0") && l.last.nhid == 0);
	CHECK(look_for("10.100.0.0/16", FIB_PROTOCOL).routes == 1);
	fib_writer_unwant(x.w, &r.prefix, 0, FIB_LEARNED);
	settle(&x);
	CHECK(
	    look_for("10.100.0.0/16", 4).routes == 1 && look_for("10.100.0.0/16", FIB_PROTOCOL).routes == 0);
	fib_writer_free(x.w, false);
	check_clean();
	CHECK(look_for("10.100.0.0/16", 4).routes == 1 && look_for("2001:db8:100::/48", 4).routes == 1 &&
	      look_for("10.101.0.0/16", 4).routes == 1);
	run("ip nexthop get id 201000000 >/dev/null");
}

static void case_pins(void)
{
	struct world x;
	struct addr far4, far6, near4, gw, local, lost;
	struct fib_route r;
	struct look l;
	int up0, t1;

	uplink();
	tun_make("cw0", &t1);
	up0 = (int)if_nametoindex("up0");
	CHECK(!addr_parse("198.51.100.7", &far4) && !addr_parse("2001:db8:9::7", &far6) &&
	      !addr_parse("192.0.2.77", &near4));
	CHECK(!addr_parse("192.0.2.254", &gw) && !addr_parse("192.0.2.1", &local));
	open_writer(&x);
	fib_writer_interface(x.w, t1, true);
	fib_writer_reconciled(x.w);
	fib_writer_pin(x.w, &far4);
	fib_writer_pin(x.w, &far4);
	settle(&x);
	WAIT(&x, x.underlays == 1);
	CHECK(x.underlay_ifindex == up0 && addr_eq(&x.underlay_gateway, &gw) &&
	      addr_eq(&x.underlay_source, &local));
	l = look_for("198.51.100.7/32", FIB_PROTOCOL);
	CHECK(l.routes == 1 && l.last.way[0].ifindex == up0 && addr_eq(&l.last.way[0].via, &gw));
	fib_writer_pin(x.w, &far6);
	fib_writer_pin(x.w, &near4);
	fib_writer_pin(x.w, &local);
	settle(&x);
	CHECK(goes_by("2001:db8:9::7/128", up0) && goes_by("192.0.2.77/32", up0));
	CHECK(look_for("192.0.2.77/32", 0).last.way[0].via.family == 0); /* on link */
	CHECK(look_for("192.0.2.1/32", 0).routes == 0);                  /* ours: no pin */

	/* A learned route to the very endpoint loses; the covering one is fine. */
	r = route_by("198.51.100.7/32", 0, 1, t1);
	fib_writer_want(x.w, &r);
	r = route_by("198.51.100.0/24", 0, 1, t1);
	fib_writer_want(x.w, &r);
	settle(&x);
	CHECK(goes_by("198.51.100.7/32", up0) && goes_by("198.51.100.0/24", t1));

	/* The default route moves: the pin follows. */
	x.underlays = 0;
	run("ip route replace default via 192.0.2.253");
	CHECK(!addr_parse("192.0.2.253", &gw));
	WAIT(&x, x.underlays && addr_eq(&x.underlay_gateway, &gw));
	settle(&x);
	l = look_for("198.51.100.7/32", FIB_PROTOCOL);
	CHECK(l.routes == 1 && addr_eq(&l.last.way[0].via, &gw));
	/* A longer foreign route takes over. */
	run("ip route add 198.51.96.0/20 via 192.0.2.252");
	CHECK(!addr_parse("192.0.2.252", &gw));
	WAIT(&x, addr_eq(&look_for("198.51.100.7/32", FIB_PROTOCOL).last.way[0].via, &gw));
	/* No path at all: a reject, for the learned /24 would send the tunnel's packets into the tunnel. */
	run("ip route del 198.51.96.0/20 && ip route del default");
	WAIT(&x, x.underlay_ifindex == 0);
	settle(&x);
	l = look_for("198.51.100.7/32", FIB_PROTOCOL);
	CHECK(l.routes == 1 && l.last.type == 6 /* RTN_BLACKHOLE */);
	CHECK(system("ip route get 198.51.100.7 >/dev/null 2>&1") != 0);
	/* The link goes down and up again, and takes all with it silently. */
	run("ip route add default via 192.0.2.254");
	WAIT(&x, goes_by("198.51.100.7/32", up0));
	run("ip link set up0 down");
	WAIT(&x, look_for("192.0.2.77/32", FIB_PROTOCOL).last.type == 6);
	run("ip link set up0 up && ip route add default via 192.0.2.254");
	WAIT(&x, goes_by("198.51.100.7/32", up0) && goes_by("192.0.2.77/32", up0));

	/* Foreign nexthop objects, shown by id alone: single, group, and changed in place. */
	run("echo 0 > /proc/sys/net/ipv4/nexthop_compat_mode");
	CHECK(!addr_parse("192.0.2.250", &gw));
	run("ip nexthop add id 7 via 192.0.2.250 dev up0 && ip nexthop add id 8 group 7");
	run("ip route replace default nhid 8");
	WAIT(&x, addr_eq(&look_for("198.51.100.7/32", FIB_PROTOCOL).last.way[0].via, &gw) ||
	             addr_eq(&x.underlay_gateway, &gw));
	CHECK(!addr_parse("192.0.2.251", &gw));
	run("ip nexthop replace id 7 via 192.0.2.251 dev up0");
	WAIT(&x, addr_eq(&x.underlay_gateway, &gw));
	run("echo 1 > /proc/sys/net/ipv4/nexthop_compat_mode");
	settle(&x);
	CHECK(addr_eq(&look_for("198.51.100.7/32", FIB_PROTOCOL).last.way[0].via, &gw));

	fib_writer_unpin(x.w, &far4);
	settle(&x);
	CHECK(goes_by("198.51.100.7/32", up0)); /* counted */
	fib_writer_unpin(x.w, &far4);
	settle(&x);
	CHECK(goes_by("198.51.100.7/32", t1)); /* the learned one's turn */
	CHECK(!addr_parse("203.0.113.1", &lost));
	run("ip route del default");
	fib_writer_pin(x.w, &lost);
	settle(&x);
	CHECK(look_for("203.0.113.1/32", FIB_PROTOCOL).last.type == 6);
	fib_writer_free(x.w, false);
	check_clean();
}

static void case_put_back(void)
{
	struct world x;
	struct fib_route r;
	int t1;

	uplink();
	tun_make("cw0", &t1);
	open_writer(&x);
	fib_writer_interface(x.w, t1, true);
	fib_writer_reconciled(x.w);
	r = route_by("10.100.0.0/16", 0, 1, t1);
	fib_writer_want(x.w, &r);
	r = route_by("10.101.0.0/16", 0, 1, t1);
	fib_writer_want(x.w, &r);
	settle(&x);
	run("ip route del 10.100.0.0/16");
	WAIT(&x, x.disturbed == 1 && goes_by("10.100.0.0/16", t1));
	CHECK(strstr(x.disturbance.text, "10.100.0.0/16"));
	/* Again and again: with a pause. */
	run("ip route del 10.100.0.0/16");
	WAIT(&x, x.failed == 1 && !strcmp(x.why.id, "fib-disturbed"));
	WAIT(&x, goes_by("10.100.0.0/16", t1));
	/* A foreign replacement stays; ours waits for it to go. */
	run("ip route replace 10.101.0.0/16 via 192.0.2.254 proto static");
	WAIT(&x, x.failed == 2 && !strcmp(x.why.id, "fib-foreign-route"));
	CHECK(look_for("10.101.0.0/16", 0).routes == 1 && look_for("10.101.0.0/16", 4).routes == 1);
	run("ip route del 10.101.0.0/16");
	WAIT(&x, goes_by("10.101.0.0/16", t1));
	/* Somebody flushes all nexthop objects. */
	run("ip nexthop flush >/dev/null");
	WAIT(&x, goes_by("10.100.0.0/16", t1) && goes_by("10.101.0.0/16", t1));
	/* Somebody writes with our number: it isn't wanted, so it goes. */
	run("ip route add 10.102.0.0/16 dev cw0 proto 201");
	WAIT(&x, look_for("10.102.0.0/16", 0).routes == 0);
	fib_writer_free(x.w, false);
	check_clean();
}

/* A writer that is killed leaves its routes; the next one keeps what is wanted and removes the rest. */
static void case_adoption(void)
{
	int t1, up0, ready[2], status;
	struct world x;
	struct fib_route r;
	uint32_t nhid;
	pid_t pid;

	uplink();
	tun_make("cw0", &t1);
	up0 = (int)if_nametoindex("up0");
	CHECK(pipe(ready) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		open_writer(&x);
		fib_writer_interface(x.w, t1, true);
		fib_writer_reconciled(x.w);
		for (int i = 0; i < 20; i++) {
			char text[32];

			snprintf(text, sizeof(text), "10.%d.0.0/16", 100 + i);
			r = route_by(text, 0, i % 2 + 1, t1, up0);
			fib_writer_want(x.w, &r);
		}
		r = route_by("2001:db8:100::/48", 0, 1, t1);
		fib_writer_want(x.w, &r);
		settle(&x);
		CHECK(write(ready[1], "", 1) == 1);
		for (;;)
			step(&x); /* until it is killed */
	}
	CHECK(read(ready[0], &status, 1) == 1);
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
	CHECK(ours() == 21);
	nhid = look_for("10.100.0.0/16", FIB_PROTOCOL).last.nhid;

	open_writer(&x);
	fib_writer_interface(x.w, t1, true);
	settle(&x);
	CHECK(ours() == 21); /* nothing goes before the configuration is known */
	for (int i = 0; i < 10; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.%d.0.0/16", 100 + i);
		r = route_by(text, 0, i % 2 + 1, t1, up0);
		fib_writer_want(x.w, &r);
	}
	settle(&x);
	CHECK(x.in == 10 && ours() == 21);
	fib_writer_reconciled(x.w);
	settle(&x);
	CHECK(ours() == 10);
	CHECK(look_for("10.100.0.0/16", FIB_PROTOCOL).last.nhid == nhid); /* untouched */
	fib_writer_free(x.w, true);
	CHECK(ours() == 10); /* kept when asked to */
	open_writer(&x);
	fib_writer_free(x.w, false);
	check_clean();
}

/* Ten thousand routes, moved by one message when a tunnel fails, and out again; fences in order with what was
 * asked before. */
static void case_many(void)
{
	enum { N = 10000 };
	struct world x;
	struct fib_summary sum;
	struct fib_view view[64];
	uint64_t fence[3];
	size_t seen = 0, n;
	int t1, t2;

	uplink();
	tun_make("cw0", &t1);
	tun_make("cw1", &t2);
	open_writer(&x);
	fib_writer_interface(x.w, t1, true);
	fib_writer_interface(x.w, t2, true);
	fib_writer_reconciled(x.w);
	for (int i = 0; i < N; i++) {
		char text[32];
		struct fib_route r;

		snprintf(text, sizeof(text), "10.%d.%d.0/24", i / 250, i % 250);
		r = route_by(text, 0, 2, t1, t2);
		fib_writer_want(x.w, &r);
	}
	fence[0] = fib_writer_fence(x.w);
	fib_writer_interface(x.w, t1, false);
	fence[1] = fib_writer_fence(x.w);
	WAIT(&x, x.fenced >= fence[0]);
	CHECK(x.in == N);
	WAIT(&x, x.fenced >= fence[1]);
	CHECK(ours() == N && x.out == 0);
	CHECK(goes_by("10.0.7.0/24", t2) && goes_by("10.39.249.0/24", t2));
	CHECK(look_for(NULL, FIB_PROTOCOL).groups == 1);
	fib_writer_summary(x.w, &sum);
	CHECK(sum.wanted == N && sum.in_kernel == N && sum.failed == 0 && sum.in_sync);
	n = fib_writer_view(x.w, NULL, view, 64);
	while (n) {
		seen += n;
		for (size_t i = 0; i < n; i++)
			CHECK(view[i].in_kernel &&
			      (i == 0 || prefix_cmp(&view[i - 1].route.prefix, &view[i].route.prefix) < 0));
		n = fib_writer_view(x.w, &view[n - 1], view, 64);
	}
	CHECK(seen == N);
	/* BGP says the same now, route by route: nothing is left to do. */
	for (int i = 0; i < N; i++) {
		char text[32];
		struct fib_route r;

		snprintf(text, sizeof(text), "10.%d.%d.0/24", i / 250, i % 250);
		r = route_by(text, 0, 1, t2);
		fib_writer_want(x.w, &r);
	}
	settle(&x);
	CHECK(x.in == 2 * N && ours() == N && look_for(NULL, FIB_PROTOCOL).groups == 1);
	run("for i in $(seq 0 249); do echo route del 10.5.$i.0/24; done | ip -batch -");
	WAIT(&x, x.disturbed && ours() == N);
	for (int i = 0; i < N; i++) {
		struct prefix p;
		char text[32];

		snprintf(text, sizeof(text), "10.%d.%d.0/24", i / 250, i % 250);
		CHECK(!prefix_parse(text, true, &p));
		fib_writer_unwant(x.w, &p, 0, FIB_LEARNED);
	}
	fence[2] = fib_writer_fence(x.w);
	WAIT(&x, x.fenced >= fence[2]);
	check_clean();
	fib_writer_free(x.w, false);
}

static bool is_connected(const struct world *x, const char *prefix)
{
	struct prefix p;

	CHECK(!prefix_parse(prefix, false, &p));
	for (size_t i = 0; i < x->n_connected; i++)
		if (prefix_eq(&x->connected[i], &p))
			return true;
	return false;
}

static void case_connected(void)
{
	struct world x;
	int t1;

	uplink();
	run("ip addr add 10.7.7.7/32 dev lo");
	tun_make("cw0", &t1);
	open_writer(&x);
	fib_writer_interface(x.w, t1, true);
	WAIT(&x, is_connected(&x, "192.0.2.0/24") && is_connected(&x, "2001:db8:2::/64") &&
	             is_connected(&x, "10.7.7.7/32"));
	CHECK(x.n_connected == 3); /* no loopback network, no link-local */
	run("ip addr add 10.0.0.10/32 dev cw0 && ip addr add 10.9.0.1/24 dev up1");
	WAIT(&x, is_connected(&x, "10.9.0.0/24"));
	CHECK(!is_connected(&x, "10.0.0.10/32"));
	run("ip addr del 10.9.0.1/24 dev up1");
	WAIT(&x, x.n_connected == 3);
	fib_writer_free(x.w, false);
}

/* Two origins, one route; the kernel's own refusals; a source that goes away. */
static void case_origins(void)
{
	struct world x;
	struct fib_route peer, learned, r;
	struct link_holder holder[4];
	struct prefix inside;
	int t1, t2;

	uplink();
	tun_make("cw0", &t1);
	tun_make("cw1", &t2);
	open_writer(&x);
	fib_writer_interface(x.w, t1, true);
	fib_writer_interface(x.w, t2, true);
	fib_writer_reconciled(x.w);
	peer = route_by("10.100.255.254/32", 0, 1, t1);
	peer.origin = FIB_PEER;
	learned = route_by("10.100.255.254/32", 0, 1, t2);
	fib_writer_want(x.w, &learned);
	settle(&x);
	CHECK(goes_by("10.100.255.254/32", t2));
	fib_writer_want(x.w, &peer);
	settle(&x);
	CHECK(goes_by("10.100.255.254/32", t1) && !strcmp(x.why.id, "fib-shadowed"));
	fib_writer_unwant(x.w, &peer.prefix, 0, FIB_PEER);
	settle(&x);
	CHECK(goes_by("10.100.255.254/32", t2));
	/* The kernel refuses a source that isn't ours, and takes it when it is. */
	CHECK(!prefix_parse("10.0.0.10/32", true, &inside));
	r = route_by("10.50.0.0/16", 0, 1, t1);
	r.source = inside.addr;
	x.failed = 0;
	fib_writer_want(x.w, &r);
	settle(&x);
	CHECK(x.failed == 1 && !strcmp(x.why.id, "fib-kernel"));
	CHECK(link_addr_holders(&sys_domain_default, &inside.addr, holder, 4) == 0);
	CHECK(link_addr_add(&sys_domain_default, t1, &inside, NULL) == 0);
	CHECK(link_addr_add(&sys_domain_default, t1, &inside, NULL) == 0); /* again: success */
	CHECK(link_addr_holders(&sys_domain_default, &inside.addr, holder, 4) == 1);
	CHECK(holder[0].ifindex == t1 && !strcmp(holder[0].interface, "cw0"));
	WAIT(&x, goes_by("10.50.0.0/16", t1));
	/* The kernel drops it silently with its source; the writer notices. */
	x.failed = 0;
	x.link_awaited = t1;
	link_addr_del(&sys_domain_default, t1, &inside);
	WAIT(&x, x.links == 1);
	WAIT(&x, x.failed > 0 && look_for("10.50.0.0/16", 0).routes == 0);
	CHECK(link_addr_add(&sys_domain_default, t1, &inside, NULL) == 0);
	WAIT(&x, goes_by("10.50.0.0/16", t1));
	/* Hints come of interfaces that go down, and of those that go. */
	x.links = 0;
	run("ip link set cw0 down");
	WAIT(&x, x.links > 0);
	CHECK(link_raise(&sys_domain_default, t1) == 1);
	CHECK(link_raise(&sys_domain_default, t1) == 0);
	WAIT(&x, goes_by("10.50.0.0/16", t1));
	x.links = 0;
	run("ip link del cw0");
	WAIT(&x, x.links > 0);
	CHECK(link_raise(&sys_domain_default, t1) == -ENODEV);
	fib_writer_free(x.w, false);
	check_clean();
}

static void case_link(void)
{
	struct reason why = { 0 };
	char name[IFNAMSIZ];
	struct prefix p;
	int t1;

	run("ip link set lo up");
	tun_make("cw0", &t1);
	CHECK(link_name(&sys_domain_default, t1, name) == 0 && !strcmp(name, "cw0"));
	CHECK(link_name(&sys_domain_default, 9999, name) < 0);
	CHECK(link_set_mtu(&sys_domain_default, t1, 1400, &why) == 0);
	run("ip link show cw0 | grep -q 'mtu 1400'");
	CHECK(link_set_mtu(&sys_domain_default, t1, 10, &why) < 0 && !strcmp(why.id, "interface-mtu"));
	CHECK(link_forwarding(&sys_domain_default, 4) == 0);
	run("echo 1 > /proc/sys/net/ipv4/ip_forward");
	CHECK(link_forwarding(&sys_domain_default, 4) == 1);
	CHECK(!prefix_parse("2001:db8:5::1/64", false, &p));
	p.addr.b[15] = 1;
	CHECK(link_addr_add(&sys_domain_default, t1, &p, &why) == 0);
	run("ip -6 addr show dev cw0 | grep -q '2001:db8:5::1/64'");
	CHECK(link_addr_add(&sys_domain_default, 9999, &p, &why) < 0 && !strcmp(why.id, "interface-address"));
}

/* The writer hears and writes where it was opened, whatever namespace the caller is in. */
static void case_domain(void)
{
	struct sys_domain domain = { .name = "tenant", .netns_fd = -1 };
	struct reason why = { 0 };
	struct world x = { 0 };
	struct fib_route r;
	int t1, home;

	uplink();
	tun_make("cw0", &t1);
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	domain.netns_fd = home;
	CHECK(home >= 0 && unshare(CLONE_NEWNET) == 0);
	x.w = fib_writer_new(&domain, &test_log, &events, &x, &why);
	CHECK(x.w);
	fib_writer_interface(x.w, t1, true);
	r = route_by("10.100.0.0/16", 0, 1, t1);
	fib_writer_want(x.w, &r);
	settle(&x);
	CHECK(x.in == 1 && ours() == 0);
	CHECK(setns(home, CLONE_NEWNET) == 0);
	CHECK(goes_by("10.100.0.0/16", t1));
	fib_writer_free(x.w, false);
	check_clean();
	close(home);
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

#define CASE(name)                                                                                           \
	static void test_##name(void **state)                                                                \
	{                                                                                                    \
		(void)state;                                                                                 \
		assert_int_equal(run_child(case_##name), 0);                                                 \
	}

CASE(routes)
CASE(foreign)
CASE(pins)
CASE(put_back)
CASE(adoption)
CASE(many)
CASE(connected)
CASE(origins)
CASE(link)
CASE(domain)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_put_back),
		cmocka_unit_test(test_adoption),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_connected),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_domain),
	};

	if (geteuid() != 0) {
		fprintf(stderr, "this test makes network namespaces: run it as root\n");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

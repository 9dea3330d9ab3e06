/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FIB writer with many tunnels, and their end: work counted, not timed. What happens to the tunnels' own
 * interfaces asks the kernel nothing about their gateways; what happens to the uplink asks about each once.
 * In a network namespace of its own; CMakeLists.txt puts the counter between the writer and rtnl_lookup.
 */
#include "connector/daemon/fib_writer.h"
#include "connector/sys/clock.h"
#include "connector/sys/link.h"
#include "connector/sys/rtnl.h"
#include "connector/sys/tun.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define LIMIT_S 60
#define CROWD   40

static _Atomic unsigned lookups;
int __real_rtnl_lookup(struct rtnl *r, const struct addr *dst, struct rtnl_route *ret_route);
int __wrap_rtnl_lookup(struct rtnl *r, const struct addr *dst, struct rtnl_route *ret_route);
int __wrap_rtnl_lookup(struct rtnl *r, const struct addr *dst, struct rtnl_route *ret_route)
{
	lookups++;
	return __real_rtnl_lookup(r, dst, ret_route);
}

struct world {
	struct fib_writer *w;
	uint64_t fenced;
	unsigned underlays;
	int link_awaited;
	bool link_gone;
};

static void on_fenced(void *ctx, uint64_t fence)
{
	struct world *x = ctx;

	x->fenced = fence;
}

static void on_underlay(void *ctx, const struct addr *endpoint, int ifindex, const struct addr *gateway,
    const struct addr *source)
{
	struct world *x = ctx;

	(void)endpoint;
	(void)ifindex;
	(void)gateway;
	(void)source;
	x->underlays++;
}

static void on_link(void *ctx, int ifindex)
{
	struct world *x = ctx;

	x->link_gone |= ifindex == x->link_awaited;
}

static const struct fib_writer_events events = {
	.fenced = on_fenced, .underlay = on_underlay, .link = on_link
};

#define WAIT(x, condition)                                                                                   \
	do {                                                                                                 \
		mtime limit_ = mtime_add(clock_now(), mdur_s(LIMIT_S));                                      \
		while (!(condition)) {                                                                       \
			struct pollfd p_ = { .fd = fib_writer_event_fd((x)->w), .events = POLLIN };          \
			assert_false(mtime_reached(limit_, clock_now()));                                    \
			(void)poll(&p_, 1, 10);                                                              \
			fib_writer_dispatch((x)->w);                                                         \
		}                                                                                            \
	} while (0)

static void settle(struct world *x)
{
	uint64_t fence = fib_writer_fence(x->w);

	WAIT(x, x->fenced >= fence);
}

static void run(const char *command)
{
	assert_int_equal(system(command), 0);
}

/* A tunnel: a pinned gateway, an interface of ours with an address. */
static void tunnel_make(struct world *x, int i, struct tun *ret_tun)
{
	struct prefix inside;
	struct addr gateway;
	char name[IFNAMSIZ];

	assert_int_equal(prefix_parse("10.9.0.0/32", false, &inside), 0);
	assert_int_equal(addr_parse("198.51.100.0", &gateway), 0);
	gateway.b[3] = inside.addr.b[3] = (uint8_t)i;
	fib_writer_pin(x->w, &gateway);
	snprintf(name, sizeof(name), "cw%d", i);
	assert_int_equal(tun_open(&sys_domain_default, name, 1400, ret_tun), 0);
	fib_writer_interface(x->w, ret_tun->ifindex, true);
	assert_int_equal(link_addr_add(&sys_domain_default, ret_tun->ifindex, &inside, NULL), 0);
}

static void test_crowd(void **state)
{
	struct logger log = log_stderr(LOG_LEVEL_WARN);
	struct tun tun[CROWD];
	int ifindex[CROWD + 1] = { [CROWD] = 9999 }; /* there is no such interface */
	struct world x = { 0 };
	char name[IFNAMSIZ];
	unsigned before;

	(void)state;
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	run("ip link set lo up && ip link add up0 type veth peer name up1");
	run("ip link set up0 up && ip link set up1 up && ip addr add 192.0.2.1/24 dev up0");
	run("ip route add default via 192.0.2.254");
	x.w = fib_writer_new(&sys_domain_default, &log, &events, &x, NULL);
	assert_non_null(x.w);
	fib_writer_reconciled(x.w);
	for (int i = 0; i < CROWD; i++) {
		tunnel_make(&x, i, &tun[i]);
		ifindex[i] = tun[i].ifindex;
	}
	WAIT(&x, x.underlays == CROWD);
	settle(&x);
	before = lookups;
	assert_true(before >= CROWD);

	x.link_awaited = ifindex[CROWD - 1];
	assert_int_equal(link_del_all(&sys_domain_default, ifindex, CROWD + 1), 0);
	for (int i = 0; i < CROWD; i++) {
		assert_int_equal(link_name(&sys_domain_default, ifindex[i], name), -ENODEV);
		tun_close(&tun[i]);
	}
	assert_true(if_nametoindex("up0") && if_nametoindex("lo")); /* nobody else's */
	WAIT(&x, x.link_gone);
	settle(&x);
	assert_int_equal(lookups, before);

	run("ip addr add 203.0.113.1/24 dev up0");
	WAIT(&x, lookups >= before + CROWD);
	settle(&x);
	assert_int_equal(lookups, before + CROWD);
	fib_writer_free(x.w, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_crowd) };

	if (geteuid() != 0) {
		fprintf(stderr, "this test makes a network namespace: run it as root\n");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

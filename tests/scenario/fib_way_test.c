/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways that are lost, dead and good again, in the kernel: learned routes leave a lost way for their other
 * ways or their backup, and stay on it where they have neither; a dead one they leave in any case; and what
 * is good again carries them as before. In a namespace of the test's own, with the kernel asked where a
 * packet would go.
 */
#include "connector/daemon/fib_writer.h"
#include "connector/sys/clock.h"
#include "tests/support/netns.h"

#include <net/if.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT_S 60 /* which only a failure reaches */

struct world {
	int ns, far; /* ours, and where the links end */
	struct fib_writer *w;
	uint64_t fenced;
	int ifindex[3];
};

static void on_fenced(void *ctx, uint64_t fence)
{
	((struct world *)ctx)->fenced = fence;
}

static void on_route(void *ctx, const struct prefix *p, uint32_t metric, enum fib_origin origin,
    bool in_kernel, const struct reason *why)
{
	(void)ctx;
	(void)metric;
	(void)origin;
	(void)in_kernel;
	if (reason_is_set(why) && strcmp(why->id, "fib-no-way") != 0)
		fail_msg("%s: %s", prefix_str(p), why->text);
}

static void settle(struct world *x)
{
	uint64_t fence = fib_writer_fence(x->w);
	mtime limit = mtime_add(clock_now(), mdur_s(LIMIT_S));

	while (x->fenced < fence) {
		struct pollfd p = { .fd = fib_writer_event_fd(x->w), .events = POLLIN };

		assert_false(mtime_reached(limit, clock_now()));
		(void)poll(&p, 1, 100);
		fib_writer_dispatch(x->w);
	}
}

static struct addr via(unsigned i)
{
	return addr_v4(0x0a090002 + (i << 8)); /* 10.9.i.2 */
}

static void add_link(struct world *x, unsigned i)
{
	char name[IFNAMSIZ] = { 'w', (char)('0' + i), '\0' };
	int token;

	assert_int_equal(netns_join(x->ns, name, x->far, name), 0);
	assert_int_equal(netns_run(x->ns, "ip addr add 10.9.%u.1/24 dev %s", i, name), 0);
	token = netns_enter(x->ns);
	assert_true(token >= 0);
	x->ifindex[i] = (int)if_nametoindex(name);
	netns_leave(token);
	assert_true(x->ifindex[i] > 0);
	fib_writer_interface(x->w, x->ifindex[i], true);
}

static struct fib_way way(const struct world *x, unsigned i)
{
	return (struct fib_way){ .ifindex = x->ifindex[i], .via = via(i), .weight = 1 };
}

static void want(struct world *x, const char *prefix, enum fib_origin origin, const char *ways, char backup)
{
	struct fib_route r = { .origin = origin };

	assert_int_equal(prefix_parse(prefix, true, &r.prefix), 0);
	for (; *ways; ways++)
		r.way[r.n_ways++] = way(x, (unsigned)(*ways - '0'));
	r.have_backup = backup != 0;
	if (backup)
		r.backup = way(x, (unsigned)(backup - '0'));
	fib_writer_want(x->w, &r);
}

static void way_is(struct world *x, unsigned i, enum fib_way_state state)
{
	struct addr a = via(i);

	fib_writer_way_is(x->w, x->ifindex[i], &a, state);
	settle(x);
}

/* Which of the interfaces packets to this net leave by: some hundred of its addresses are asked for. */
static void goes(const struct world *x, const char *net, const char *by)
{
	for (unsigned i = 0; i < 3; i++) {
		bool wanted = strchr(by, (char)('0' + i)) != NULL;
		int rc = netns_run(x->ns,
		    "for i in $(seq 1 100); do echo route get %s.$i; done | "
		    "ip -force -batch - 2>/dev/null | grep -q ' dev w%u '",
		    net, i);

		if ((rc == 0) != wanted)
			fail_msg("packets to %s %sleave by w%u", net, rc ? "don't " : "", i);
	}
}

static void open_writer(struct world *x)
{
	static const struct fib_writer_events events = { .route = on_route, .fenced = on_fenced };
	static struct logger log;
	static struct sys_domain domain;
	struct reason why = { 0 };

	log = log_stderr(LOG_LEVEL_ERROR);
	domain = (struct sys_domain){ .name = "test", .netns_fd = x->ns };
	x->w = fib_writer_new(&domain, &log, &events, x, &why);
	if (!x->w)
		fail_msg("%s", why.text);
	for (unsigned i = 0; i < 3; i++)
		add_link(x, i);
	want(x, "10.50.0.0/24", FIB_LEARNED, "01", 0);  /* two ways */
	want(x, "10.51.0.0/24", FIB_LEARNED, "0", '2'); /* one, and a backup */
	want(x, "10.52.0.0/24", FIB_LEARNED, "0", 0);   /* nothing else */
	want(x, "10.53.0.0/24", FIB_LEARNED, "01", '2');
	want(x, "10.54.0.0/24", FIB_STATIC, "0", 0); /* not learned: none of this concerns it */
	fib_writer_reconciled(x->w);
	settle(x);
}

static void as_wanted(const struct world *x)
{
	goes(x, "10.50.0", "01");
	goes(x, "10.51.0", "0");
	goes(x, "10.52.0", "0");
	goes(x, "10.53.0", "01");
	goes(x, "10.54.0", "0");
}

static void test_ways(void **state)
{
	struct world x = { .ns = netns_new(), .far = netns_new() };

	(void)state;
	assert_true(x.ns >= 0 && x.far >= 0);
	open_writer(&x);
	as_wanted(&x);
	way_is(&x, 0, FIB_WAY_LOST);
	goes(&x, "10.50.0", "1");
	goes(&x, "10.51.0", "2");
	goes(&x, "10.52.0", "0"); /* better than nothing */
	goes(&x, "10.53.0", "1");
	goes(&x, "10.54.0", "0");
	way_is(&x, 0, FIB_WAY_DEAD);
	goes(&x, "10.50.0", "1");
	goes(&x, "10.51.0", "2");
	goes(&x, "10.52.0", "");
	goes(&x, "10.54.0", "0");
	way_is(&x, 1, FIB_WAY_DEAD); /* and the other one: the backup, where there is one */
	goes(&x, "10.50.0", "");
	goes(&x, "10.53.0", "2");
	way_is(&x, 1, FIB_WAY_GOOD);
	way_is(&x, 0, FIB_WAY_LOST);
	goes(&x, "10.50.0", "1");
	goes(&x, "10.52.0", "0");
	way_is(&x, 0, FIB_WAY_GOOD);
	as_wanted(&x);
	/* A route wanted while the way is lost, and one that is unwanted meanwhile. */
	way_is(&x, 0, FIB_WAY_LOST);
	want(&x, "10.55.0.0/24", FIB_LEARNED, "0", '1');
	fib_writer_unwant(x.w, &(struct prefix){ addr_v4(0x0a350000), 24 }, 0, FIB_LEARNED);
	settle(&x);
	goes(&x, "10.55.0", "1");
	goes(&x, "10.53.0", "");
	way_is(&x, 0, FIB_WAY_GOOD);
	goes(&x, "10.55.0", "0");
	goes(&x, "10.53.0", "");
	fib_writer_free(x.w, false);
	goes(&x, "10.50.0", "");
	goes(&x, "10.54.0", "");
	close(x.ns);
	close(x.far);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways that are lost, and backups: one operation an object, whatever the number of its routes; and when BGP
 * then says the same route by route, nothing is left to do. The random side of it is in
 * tests/model/fib_test.c.
 */
#include "connector/fib/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define MAX_OPS 1000
#define ROUTES  50

static const struct addr any_via;

struct world {
	struct fib *f;
	mtime now;
	struct fib_op op[MAX_OPS]; /* all of the last turn, in order */
	unsigned n, in, out;
	struct reason why; /* of the last one out */
};

static void turn(struct world *w)
{
	struct fib_report r;
	size_t n;

	w->n = w->in = w->out = 0;
	do {
		n = fib_plan(w->f, w->now, w->op + w->n, MAX_OPS - w->n);
		for (size_t i = 0; i < n; i++)
			fib_done(w->f, &w->op[w->n++], &(struct fib_result){ .text = "", .old_gone = true });
		while (fib_next_report(w->f, &r)) {
			w->in += r.kind == FIB_REPORT_ROUTE && r.in_kernel;
			w->out += r.kind == FIB_REPORT_ROUTE && !r.in_kernel;
			if (r.kind == FIB_REPORT_ROUTE && !r.in_kernel)
				w->why = r.why;
		}
		assert_true(w->n < MAX_OPS);
	} while (n || fib_busy(w->f));
}

static void later(struct world *w, int seconds)
{
	w->now = mtime_add(w->now, mdur_s(seconds));
	fib_clock(w->f, w->now);
	turn(w);
}

/* Interfaces 1 to 5, all up, and nothing else. */
static void open_world(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->f = fib_new();
	assert_non_null(w->f);
	w->now = (mtime){ 1000000000 };
	fib_clock(w->f, w->now);
	fib_resync_begin(w->f);
	for (int i = 1; i <= 5; i++)
		fib_saw_link(w->f, i, "if", true, false);
	fib_resync_end(w->f);
	fib_reconciled(w->f);
	turn(w);
}

/* Learned routes number `from` to before `to`, by the interfaces a and b (0: none), with a backup (0: none).
 */
static void want(struct world *w, int from, int to, int a, int b, int backup)
{
	for (int i = from; i < to; i++) {
		struct fib_route r = {
			.origin = FIB_LEARNED, .n_ways = b ? 2 : 1, .have_backup = backup != 0
		};

		assert_int_equal(prefix_parse("10.0.0.0/16", true, &r.prefix), 0);
		r.prefix.addr.b[1] = (uint8_t)i;
		r.way[0] = (struct fib_way){ .ifindex = a, .weight = 1 };
		r.way[1] = (struct fib_way){ .ifindex = b, .weight = 1 };
		r.backup = (struct fib_way){ .ifindex = backup, .weight = 1 };
		assert_int_equal(fib_want(w->f, &r, 0), 0);
	}
}

static unsigned count(const struct world *w, enum fib_op_kind kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n; i++)
		n += w->op[i].kind == kind;
	return n;
}

static unsigned route_ops(const struct world *w)
{
	return count(w, FIB_OP_ROUTE_ADD) + count(w, FIB_OP_ROUTE_MOVE) + count(w, FIB_OP_ROUTE_DEL);
}

static void lose(struct world *w, int ifindex, bool lost)
{
	assert_int_equal(fib_way_is(w->f, ifindex, &any_via, lost ? FIB_WAY_LOST : FIB_WAY_GOOD), 0);
	turn(w);
}

static void test_backup(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	want(&w, 0, ROUTES, 1, 0, 2);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_ROUTE_ADD), ROUTES);
	assert_int_equal(count(&w, FIB_OP_GROUP_ADD), 1);
	lose(&w, 1, true);
	assert_int_equal(w.op[0].kind, FIB_OP_NEXTHOP_ADD);
	assert_int_equal(w.op[1].kind, FIB_OP_GROUP_SET);
	assert_int_equal(w.op[1].member[0].id, w.op[0].nhid);
	assert_int_equal(w.op[0].way.ifindex, 2);
	assert_int_equal(route_ops(&w), 0);
	/* BGP follows, slowly. */
	want(&w, 0, ROUTES / 2, 2, 0, 0);
	turn(&w);
	assert_int_equal(w.n, 0);
	assert_int_equal(w.in, ROUTES / 2);
	want(&w, ROUTES / 2, ROUTES, 2, 0, 0);
	turn(&w);
	assert_int_equal(w.n, 0);
	later(&w, 10);
	assert_int_equal(w.n, 0);
	/* The way is good again, and BGP comes back to it. */
	lose(&w, 1, false);
	assert_int_equal(w.n, 0);
	want(&w, 0, ROUTES, 1, 0, 2);
	turn(&w);
	assert_int_equal(route_ops(&w), 0);
	assert_int_equal(count(&w, FIB_OP_GROUP_SET), 1);
	fib_free(w.f);
}

static void test_blip(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	want(&w, 0, ROUTES, 1, 0, 2);
	turn(&w);
	lose(&w, 1, true);
	lose(&w, 1, false); /* before anybody withdrew anything */
	assert_int_equal(count(&w, FIB_OP_GROUP_SET), 1);
	assert_int_equal(route_ops(&w), 0);
	fib_free(w.f);
}

/* The single of the lost way is deleted: the kernel takes it out of every group that has it. Those of groups
 * with one way are others. */
static void test_ecmp(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	want(&w, 0, 10, 1, 2, 0);
	want(&w, 10, 20, 1, 3, 0);
	want(&w, 20, 30, 1, 0, 0);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_GROUP_ADD), 3);
	lose(&w, 1, true);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.op[0].kind, FIB_OP_NEXTHOP_DEL);
	want(&w, 0, 10, 2, 0, 0);
	want(&w, 10, 20, 3, 0, 0);
	turn(&w);
	assert_int_equal(w.n, 0);
	for (int i = 20; i < 30; i++) { /* that had no other way stayed for this */
		struct prefix p;

		assert_int_equal(prefix_parse("10.0.0.0/16", true, &p), 0);
		p.addr.b[1] = (uint8_t)i;
		fib_unwant(w.f, &p, 0, FIB_LEARNED);
	}
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_ROUTE_DEL), 10);
	fib_free(w.f);
}

/* Both ways are lost, one after the other: the backup. */
static void test_ecmp_and_backup(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	want(&w, 0, ROUTES, 1, 2, 3);
	turn(&w);
	lose(&w, 1, true);
	assert_int_equal(w.n, 1);
	lose(&w, 2, true);
	assert_int_equal(count(&w, FIB_OP_GROUP_SET), 1);
	assert_int_equal(route_ops(&w), 0);
	assert_int_equal(w.op[0].way.ifindex, 3);
	fib_free(w.f);
}

/* A new backup for all routes of an object costs nothing in the kernel. One for some of them makes an object
 * of their own, but only when wishes have ceased to come. */
static void test_lodgers(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	want(&w, 0, ROUTES, 1, 0, 0);
	turn(&w);
	want(&w, 0, ROUTES, 1, 0, 2);
	turn(&w);
	assert_int_equal(w.n, 0);
	assert_int_equal(w.in, ROUTES);
	want(&w, 0, 10, 1, 0, 3);
	turn(&w);
	assert_int_equal(w.n, 0);
	assert_false(mtime_is_never(fib_deadline(w.f)));
	later(&w, 3);
	assert_int_equal(count(&w, FIB_OP_GROUP_ADD), 1);
	assert_int_equal(count(&w, FIB_OP_ROUTE_MOVE), 10);
	assert_true(mtime_is_never(fib_deadline(w.f)));
	lose(&w, 1, true);
	assert_int_equal(count(&w, FIB_OP_GROUP_SET), 2);
	assert_int_equal(route_ops(&w), 0);
	fib_free(w.f);
}

/* Other origins don't leave a lost way: the host route to the BGP peer brings the session back. */
static void test_others_stay(void **state)
{
	struct fib_route peer = { .origin = FIB_PEER, .n_ways = 1, .way = { { .ifindex = 1, .weight = 1 } } };
	struct world w;

	(void)state;
	open_world(&w);
	assert_int_equal(prefix_parse("192.0.2.1/32", true, &peer.prefix), 0);
	assert_int_equal(fib_want(w.f, &peer, 0), 0);
	want(&w, 0, ROUTES, 1, 0, 2);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_GROUP_ADD), 2);
	lose(&w, 1, true);
	assert_int_equal(count(&w, FIB_OP_GROUP_SET), 1);
	assert_int_equal(route_ops(&w), 0);
	fib_free(w.f);
}

/* By a neighbour of a LAN: another one on the same interface is not lost with it. */
static void test_neighbour(void **state)
{
	struct fib_route r = { .origin = FIB_LEARNED, .n_ways = 2 };
	struct world w;

	(void)state;
	open_world(&w);
	assert_int_equal(prefix_parse("10.9.0.0/16", true, &r.prefix), 0);
	for (int i = 0; i < 2; i++)
		r.way[i] =
		    (struct fib_way){ .ifindex = 4, .weight = 1, .via = addr_v4(0x0a000001U + (unsigned)i) };
	assert_int_equal(fib_want(w.f, &r, 0), 0);
	turn(&w);
	assert_int_equal(fib_way_is(w.f, 4, &r.way[0].via, FIB_WAY_LOST), 0);
	turn(&w);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.op[0].kind, FIB_OP_NEXTHOP_DEL);
	fib_free(w.f);
}

/* The kernel refuses to delete the single: the groups are set, one by one. */
static void test_refused(void **state)
{
	struct fib_op op[8];
	struct world w;
	size_t n;

	(void)state;
	open_world(&w);
	want(&w, 0, ROUTES, 1, 2, 0);
	turn(&w);
	assert_int_equal(fib_way_is(w.f, 1, &any_via, FIB_WAY_LOST), 0);
	n = fib_plan(w.f, w.now, op, 8);
	assert_int_equal(n, 1);
	assert_int_equal(op[0].kind, FIB_OP_NEXTHOP_DEL);
	fib_done(w.f, &op[0], &(struct fib_result){ .err = -16, .text = "" });
	turn(&w);
	assert_int_equal(w.op[0].kind, FIB_OP_NEXTHOP_ADD); /* of the other way, alone */
	assert_int_equal(w.op[1].kind, FIB_OP_GROUP_SET);
	assert_int_equal(w.op[1].n_members, 1);
	assert_int_equal(route_ops(&w), 0);
	fib_free(w.f);
}

/* A dead way: what has nothing better is withdrawn, and that is no failure to be told of; other origins stay.
 */
static void test_dead(void **state)
{
	struct fib_route peer = { .origin = FIB_PEER, .n_ways = 1, .way = { { .ifindex = 1, .weight = 1 } } };
	struct world w;

	(void)state;
	open_world(&w);
	assert_int_equal(prefix_parse("192.0.2.1/32", true, &peer.prefix), 0);
	assert_int_equal(fib_want(w.f, &peer, 0), 0);
	want(&w, 0, 10, 1, 0, 0);
	want(&w, 10, 20, 1, 0, 2);
	want(&w, 20, 30, 1, 3, 0);
	turn(&w);
	assert_int_equal(fib_way_is(w.f, 1, &any_via, FIB_WAY_DEAD), 0);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_ROUTE_DEL), 10);
	assert_int_equal(count(&w, FIB_OP_GROUP_SET), 1);
	assert_int_equal(route_ops(&w), 10);
	assert_int_equal(w.out, 10);
	assert_false(reason_is_set(&w.why));
	for (unsigned i = 0; i < w.n; i++) /* the failover did not wait for the withdrawals */
		if (w.op[i].kind == FIB_OP_GROUP_SET)
			assert_int_equal(count(&w, FIB_OP_ROUTE_DEL) + i, w.n - 1);
	assert_int_equal(fib_way_is(w.f, 1, &any_via, FIB_WAY_GOOD), 0);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_ROUTE_ADD), 10);
	fib_free(w.f);
}

/* IPv6 routes with a backup use a group, because a single can't change. */
static void test_ipv6(void **state)
{
	struct fib_route r = { .origin = FIB_LEARNED,
		.n_ways = 1,
		.way = { { .ifindex = 1, .weight = 1 } },
		.have_backup = true,
		.backup = { .ifindex = 2, .weight = 1 } };
	struct world w;

	(void)state;
	open_world(&w);
	assert_int_equal(prefix_parse("2001:db8:1::/48", true, &r.prefix), 0);
	assert_int_equal(fib_want(w.f, &r, 0), 0);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_GROUP_ADD), 1);
	lose(&w, 1, true);
	assert_int_equal(count(&w, FIB_OP_GROUP_SET), 1);
	assert_int_equal(route_ops(&w), 0);
	fib_free(w.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backup),
		cmocka_unit_test(test_blip),
		cmocka_unit_test(test_ecmp),
		cmocka_unit_test(test_ecmp_and_backup),
		cmocka_unit_test(test_lodgers),
		cmocka_unit_test(test_others_stay),
		cmocka_unit_test(test_neighbour),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_dead),
		cmocka_unit_test(test_ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

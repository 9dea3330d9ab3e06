/* SPDX-License-Identifier: Apache-2.0 */
/* The FIB planner, case by case: what it plans, in which order, and what it must not. The model test does the
 * same at random. */
#include "connector/fib/plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define MAX_OPS 64
#define OTHER   4 /* a foreign protocol: static */

struct world {
	struct fib *f;
	mtime now;
	struct fib_op op[MAX_OPS]; /* all of the last turn, in order */
	unsigned n;
	unsigned in, out, disturbed, connected, underlays;
	struct fib_report last_route, last_underlay;
	struct fib_route last_pin;
	struct reason why;
	int fail_kind, fail_err; /* operations of this kind fail */
};

static void take_reports(struct world *w)
{
	struct fib_report r;

	while (fib_next_report(w->f, &r)) {
		w->disturbed += r.kind == FIB_REPORT_DISTURBED;
		w->connected += r.kind == FIB_REPORT_CONNECTED;
		if (r.kind == FIB_REPORT_PIN && r.wanted)
			w->last_pin = *r.route;
		if (r.kind == FIB_REPORT_UNDERLAY) {
			w->underlays++;
			w->last_underlay = r;
		}
		if (r.kind != FIB_REPORT_ROUTE)
			continue;
		w->in += r.in_kernel;
		w->out += !r.in_kernel;
		w->last_route = r;
		w->why = r.why;
	}
}

/* Turns until there is nothing to do; every operation succeeds but those that are to fail. */
static void turn(struct world *w)
{
	size_t n;

	w->n = w->in = w->out = 0;
	do {
		n = fib_plan(w->f, w->now, w->op + w->n, MAX_OPS - w->n);
		for (size_t i = 0; i < n; i++) {
			struct fib_op *op = &w->op[w->n++];
			struct fib_result ok = { .text = "", .old_gone = true };

			if (w->fail_err && (int)op->kind == w->fail_kind)
				ok = (struct fib_result){
					.err = w->fail_err, .text = "Because", .old_gone = false
				};
			fib_done(w->f, op, &ok);
		}
		take_reports(w);
		assert_true(w->n < MAX_OPS);
	} while (n || fib_busy(w->f));
}

static void open_world(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->f = fib_new();
	assert_non_null(w->f);
	w->now = (mtime){ 1000000000 };
	fib_clock(w->f, w->now);
	fib_resync_begin(w->f);
	for (int i = 1; i <= 5; i++) {
		char name[16];

		snprintf(name, sizeof(name), "if%d", i);
		fib_saw_link(w->f, i, name, true, false);
	}
}

static void open_simple(struct world *w)
{
	open_world(w);
	fib_resync_end(w->f);
	fib_reconciled(w->f);
	turn(w);
}

static struct fib_route by(const char *prefix, int n, ...)
{
	struct fib_route r = { .origin = FIB_LEARNED };
	va_list ap;

	assert_int_equal(prefix_parse(prefix, false, &r.prefix), 0);
	va_start(ap, n);
	for (int i = 0; i < n; i++)
		r.way[r.n_ways++] = (struct fib_way){ .ifindex = va_arg(ap, int), .weight = 1 };
	va_end(ap);
	return r;
}

static void want(struct world *w, const struct fib_route *r)
{
	assert_int_equal(fib_want(w->f, r, 0), 0);
}

static struct fib_seen_route foreign(const char *prefix, uint32_t metric, int ifindex, const char *via)
{
	struct fib_seen_route r = {
		.metric = metric, .protocol = OTHER, .type = ifindex ? FIB_UNICAST : FIB_REJECT
	};

	assert_int_equal(prefix_parse(prefix, false, &r.prefix), 0);
	if (ifindex)
		r.way[r.n_ways++] = (struct fib_way){ .ifindex = ifindex, .weight = 1 };
	if (via)
		assert_int_equal(addr_parse(via, &r.way[0].via), 0);
	return r;
}

static unsigned count(const struct world *w, enum fib_op_kind kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n; i++)
		n += w->op[i].kind == kind;
	return n;
}

/* ---- cases ---- */

/* Nexthops before the group that has them, the group before routes; all in reverse when they go. */
static void test_order(void **state)
{
	static const enum fib_op_kind made[] = { FIB_OP_NEXTHOP_ADD, FIB_OP_NEXTHOP_ADD, FIB_OP_GROUP_ADD,
		FIB_OP_ROUTE_ADD };
	static const enum fib_op_kind gone[] = { FIB_OP_ROUTE_DEL, FIB_OP_GROUP_DEL, FIB_OP_NEXTHOP_DEL,
		FIB_OP_NEXTHOP_DEL };
	struct fib_route r = by("10.1.0.0/16", 2, 1, 2);
	struct world w;

	(void)state;
	open_simple(&w);
	want(&w, &r);
	turn(&w);
	assert_int_equal(w.n, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(w.op[i].kind, made[i]);
	assert_int_equal(w.op[2].n_members, 2);
	assert_int_equal(w.op[3].nhid, w.op[2].nhid);
	assert_true(w.op[0].nhid >= FIB_NHID_FIRST && w.op[0].nhid < FIB_NHID_FIRST + FIB_NHID_COUNT);
	assert_int_equal(w.in, 1);
	fib_unwant(w.f, &r.prefix, 0, FIB_LEARNED);
	turn(&w);
	assert_int_equal(w.n, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(w.op[i].kind, gone[i]);
	assert_int_equal(w.out, 1);
	turn(&w);
	assert_int_equal(w.n, 0);
	fib_free(w.f);
}

static void test_sharing(void **state)
{
	struct fib_route a = by("10.1.0.0/16", 2, 1, 2), b = by("10.2.0.0/16", 2, 2, 1),
	                 c = by("10.3.0.0/16", 2, 1, 2);
	struct world w;

	(void)state;
	open_simple(&w);
	want(&w, &a);
	want(&w, &b); /* the order of ways means nothing */
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_GROUP_ADD), 1);
	assert_int_equal(count(&w, FIB_OP_NEXTHOP_ADD), 2);
	c.way[0].weight = 3; /* weights do */
	want(&w, &c);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_GROUP_ADD), 1);
	assert_int_equal(count(&w, FIB_OP_NEXTHOP_ADD), 0);
	assert_int_equal(w.op[0].member[0].weight + w.op[0].member[1].weight, 4);
	fib_free(w.f);
}

/* A tunnel goes: one message for all routes; when BGP then says the same route by route, nothing is left to
 * do. */
static void test_failover(void **state)
{
	struct world w;

	(void)state;
	open_simple(&w);
	fib_interface(w.f, 1, true);
	fib_interface(w.f, 2, true);
	for (int i = 0; i < 20; i++) {
		struct fib_route r = by("10.0.0.0/16", 2, 1, 2);

		r.prefix.addr.b[1] = (uint8_t)i;
		want(&w, &r);
	}
	turn(&w);
	assert_int_equal(w.in, 20);
	fib_interface(w.f, 1, false);
	turn(&w);
	assert_int_equal(w.n, 1); /* the kernel takes it out of the group */
	assert_int_equal(w.op[0].kind, FIB_OP_NEXTHOP_DEL);
	for (int i = 0; i < 20; i++) {
		struct fib_route r = by("10.0.0.0/16", 1, 2);

		r.prefix.addr.b[1] = (uint8_t)i;
		want(&w, &r);
	}
	turn(&w);
	assert_int_equal(w.n, 0);
	assert_int_equal(w.in, 20); /* each wish has its answer */
	/* The other one: all of them out, and why. */
	fib_interface(w.f, 2, false);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_ROUTE_DEL), 20);
	assert_int_equal(w.out, 20);
	assert_string_equal(w.why.id, "fib-link-down");
	/* And the link coming back is not enough, as it was given up. */
	fib_saw_link(w.f, 2, "if2", false, false);
	fib_saw_link(w.f, 2, "if2", true, false);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_ROUTE_ADD), 0);
	fib_interface(w.f, 2, true);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_ROUTE_ADD), 20);
	fib_free(w.f);
}

/* Other ways for one of two routes that share: it moves, the other one must not. For all of them: the group
 * changes. */
static void test_move(void **state)
{
	struct fib_route a = by("10.1.0.0/16", 1, 1), b = by("10.2.0.0/16", 1, 1);
	uint32_t shared;
	struct world w;

	(void)state;
	open_simple(&w);
	want(&w, &a);
	want(&w, &b);
	turn(&w);
	shared = w.op[1].nhid;
	a.way[0].ifindex = 2;
	want(&w, &a);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_ROUTE_MOVE), 1);
	assert_int_equal(count(&w, FIB_OP_GROUP_SET), 0);
	assert_int_equal(w.op[w.n - 1].kind, FIB_OP_ROUTE_MOVE);
	assert_int_equal(w.op[w.n - 1].old_nhid, shared);
	b.way[0].ifindex = 3;
	want(&w, &b);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_ROUTE_MOVE), 0);
	assert_int_equal(count(&w, FIB_OP_GROUP_SET), 1);
	assert_int_equal(w.op[1].nhid, shared);
	/* Another source can't be changed by the object. */
	assert_int_equal(addr_parse("192.0.2.1", &b.source), 0);
	want(&w, &b);
	turn(&w);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.op[0].kind, FIB_OP_ROUTE_MOVE);
	assert_int_equal(w.op[0].old_nhid, w.op[0].nhid);
	assert_true(addr_eq(&w.op[0].source, &b.source));
	fib_free(w.f);
}

/* An IPv6 route with one way uses its nexthop itself; metric 0 is 1024. */
static void test_ipv6(void **state)
{
	struct fib_route r = by("2001:db8:1::/48", 1, 1), same;
	struct world w;

	(void)state;
	open_simple(&w);
	want(&w, &r);
	turn(&w);
	assert_int_equal(w.n, 2);
	assert_int_equal(w.op[0].kind, FIB_OP_NEXTHOP_ADD);
	assert_int_equal(w.op[0].way.via.family, 6);
	assert_true(addr_is_unspecified(&w.op[0].way.via));
	assert_int_equal(w.op[1].nhid, w.op[0].nhid);
	assert_int_equal(w.op[1].metric, 1024);
	assert_int_equal(w.last_route.metric, 0); /* as it was asked for */
	same = r;
	same.metric = 1024;
	want(&w, &same);
	turn(&w);
	assert_int_equal(w.n, 0);
	fib_unwant(w.f, &r.prefix, 1024, FIB_LEARNED);
	turn(&w);
	assert_int_equal(w.n, 2);
	fib_free(w.f);
}

static void saw_leftovers(struct world *w)
{
	struct fib_seen_route r = { .protocol = FIB_PROTOCOL, .nhid = 500 };
	struct fib_seen_nexthop n = {
		.id = 500, .ours = true, .group = true, .n_members = 1, .member = { { 600, 1 } }
	};

	fib_saw_nexthop(w->f, FIB_SEEN_NEW, &n); /* a group may come before its member */
	n = (struct fib_seen_nexthop){
		.id = 600, .ours = true, .way = { .ifindex = 1, .via = { .family = 4 } }
	};
	fib_saw_nexthop(w->f, FIB_SEEN_NEW, &n);
	n = (struct fib_seen_nexthop){ .id = FIB_NHID_FIRST, .way = { .ifindex = 1 } }; /* somebody else's */
	fib_saw_nexthop(w->f, FIB_SEEN_NEW, &n);
	assert_int_equal(prefix_parse("10.1.0.0/16", true, &r.prefix), 0);
	fib_saw_route(w->f, FIB_SEEN_NEW, &r);
	assert_int_equal(prefix_parse("10.2.0.0/16", true, &r.prefix), 0);
	fib_saw_route(w->f, FIB_SEEN_NEW, &r);
	r.nhid = 0; /* by an older kind of writer, without nexthop objects */
	assert_int_equal(prefix_parse("10.3.0.0/16", true, &r.prefix), 0);
	fib_saw_route(w->f, FIB_SEEN_NEW, &r);
}

static void test_adoption(void **state)
{
	struct fib_route a = by("10.1.0.0/16", 1, 1), c = by("10.3.0.0/16", 1, 1),
	                 d = by("10.4.0.0/16", 1, 2);
	struct world w;

	(void)state;
	open_world(&w);
	saw_leftovers(&w);
	fib_resync_end(w.f);
	turn(&w);
	assert_int_equal(w.n, 0); /* nothing is touched before the configuration is known */
	want(&w, &a);
	turn(&w);
	assert_int_equal(w.n, 0); /* wanted as it is */
	assert_int_equal(w.in, 1);
	want(&w, &c);
	turn(&w);
	assert_int_equal(w.n, 1); /* put on an object of ours, in one operation */
	assert_int_equal(w.op[0].kind, FIB_OP_ROUTE_MOVE);
	assert_int_equal(w.op[0].nhid, 500);
	assert_int_equal(w.op[0].old_nhid, 0);
	want(&w, &d);
	turn(&w);
	for (unsigned i = 0; i < w.n; i++)
		assert_int_not_equal(w.op[i].nhid, FIB_NHID_FIRST); /* that id is taken */
	fib_reconciled(w.f);
	turn(&w);
	assert_int_equal(w.n, 1); /* the one that nobody wants */
	assert_int_equal(w.op[0].kind, FIB_OP_ROUTE_DEL);
	assert_int_equal(w.op[0].prefix.addr.b[1], 2);
	fib_free(w.f);
}

static void test_foreign(void **state)
{
	struct fib_seen_route other = foreign("10.1.0.0/16", 0, 5, "192.0.2.1");
	struct fib_route r = by("10.1.0.0/16", 1, 1);
	struct world w;

	(void)state;
	open_simple(&w);
	fib_saw_route(w.f, FIB_SEEN_NEW, &other);
	want(&w, &r);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_ROUTE_ADD), 0);
	assert_int_equal(w.out, 1);
	assert_string_equal(w.why.id, "fib-foreign-route");
	assert_non_null(strstr(w.why.text, "10.1.0.0/16"));
	assert_non_null(strstr(w.why.text, "static"));
	assert_true(mtime_is_never(fib_deadline(w.f)));
	fib_saw_route(w.f, FIB_SEEN_GONE, &other);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_ROUTE_ADD), 1);
	assert_int_equal(w.in, 1);
	/* One that appears beside ours is no business of ours. */
	fib_saw_route(w.f, FIB_SEEN_NEW, &other);
	turn(&w);
	assert_int_equal(w.n, 0);
	fib_free(w.f);
}

/* Removed by somebody: back at once, then with a growing pause. */
static void test_put_back(void **state)
{
	struct fib_seen_route gone = { .protocol = FIB_PROTOCOL };
	struct fib_route r = by("10.1.0.0/16", 1, 1);
	struct world w;

	(void)state;
	open_simple(&w);
	want(&w, &r);
	turn(&w);
	gone.prefix = r.prefix;
	gone.nhid = w.op[w.n - 1].nhid;
	fib_saw_route(w.f, FIB_SEEN_GONE, &gone);
	turn(&w);
	assert_int_equal(w.disturbed, 1);
	assert_int_equal(count(&w, FIB_OP_ROUTE_ADD), 1);
	gone.nhid = w.op[w.n - 1].nhid;
	fib_saw_route(w.f, FIB_SEEN_GONE, &gone);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_ROUTE_ADD), 0);
	assert_string_equal(w.why.id, "fib-disturbed");
	assert_int_equal(mdur_to_ms(mtime_since(fib_deadline(w.f), w.now)), 1000);
	w.now = fib_deadline(w.f);
	fib_clock(w.f, w.now);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_ROUTE_ADD), 1);
	gone.nhid = w.op[w.n - 1].nhid;
	fib_saw_route(w.f, FIB_SEEN_GONE, &gone);
	turn(&w);
	assert_int_equal(mdur_to_ms(mtime_since(fib_deadline(w.f), w.now)), 2000);
	/* The removal of what we don't have there (an old echo) asks for a look, and no more. */
	gone.nhid = 12345;
	fib_saw_route(w.f, FIB_SEEN_GONE, &gone);
	assert_true(fib_resync_wanted(w.f));
	fib_free(w.f);
}

/* The kernel refuses: nothing that depends on it is tried; said once, tried again later and when a link
 * changes. */
static void test_failure(void **state)
{
	struct fib_route r = by("10.1.0.0/16", 1, 1);
	struct world w;

	(void)state;
	open_simple(&w);
	w.fail_kind = FIB_OP_NEXTHOP_ADD;
	w.fail_err = -ENETDOWN;
	want(&w, &r);
	turn(&w);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.out, 1);
	assert_string_equal(w.why.id, "fib-kernel");
	assert_non_null(strstr(w.why.text, "Because"));
	assert_int_equal(mdur_to_ms(mtime_since(fib_deadline(w.f), w.now)), 1000);
	w.now = fib_deadline(w.f);
	turn(&w);
	assert_int_equal(w.n, 1);
	assert_int_equal(mdur_to_ms(mtime_since(fib_deadline(w.f), w.now)), 2000);
	w.fail_err = 0;
	fib_saw_link(w.f, 5, "if5", false, false);
	turn(&w);
	assert_int_equal(w.in, 1);
	fib_free(w.f);
}

/* An id that turns out to be taken: the next one, at once. */
static void test_id_taken(void **state)
{
	struct fib_route r = by("10.1.0.0/16", 1, 1);
	struct fib_op op[4];
	struct world w;
	uint32_t first;

	(void)state;
	open_simple(&w);
	want(&w, &r);
	assert_int_equal(fib_plan(w.f, w.now, op, 4), 1);
	first = op[0].nhid;
	fib_done(w.f, &op[0], &(struct fib_result){ .err = -EEXIST, .text = "" });
	turn(&w);
	assert_int_equal(w.op[0].kind, FIB_OP_NEXTHOP_ADD);
	assert_int_not_equal(w.op[0].nhid, first);
	assert_int_equal(w.in, 1);
	fib_free(w.f);
}

static void test_origins(void **state)
{
	struct fib_route learned = by("10.1.0.1/32", 1, 1), peer = by("10.1.0.1/32", 1, 2),
	                 fixed = by("10.1.0.1/32", 1, 3);
	struct world w;

	(void)state;
	peer.origin = FIB_PEER;
	fixed.origin = FIB_STATIC;
	open_simple(&w);
	want(&w, &peer);
	turn(&w);
	want(&w, &learned);
	turn(&w);
	assert_int_equal(w.n, 0);
	assert_int_equal(w.last_route.origin, FIB_PEER);
	want(&w, &fixed);
	turn(&w);
	assert_int_equal(w.op[0].kind, FIB_OP_NEXTHOP_ADD);
	assert_int_equal(w.op[0].way.ifindex, 3);
	fib_unwant(w.f, &peer.prefix, 0, FIB_PEER);
	turn(&w);
	assert_int_equal(w.n, 0);
	fib_unwant(w.f, &peer.prefix, 0, FIB_STATIC);
	turn(&w);
	assert_int_equal(w.op[0].way.ifindex, 1);
	assert_int_equal(w.last_route.origin, FIB_LEARNED);
	fib_free(w.f);
}

static void test_pins(void **state)
{
	struct fib_seen_route dflt = foreign("0.0.0.0/0", 100, 5, "192.0.2.254"),
	                      better = foreign("0.0.0.0/0", 50, 4, "192.0.2.253");
	struct fib_seen_route longer = foreign("198.51.100.0/24", 0, 1, NULL),
	                      reject = foreign("198.51.100.0/25", 0, 0, NULL);
	struct fib_seen_route host = foreign("198.51.100.7/32", 0, 3, NULL);
	struct addr e;
	struct world w;

	(void)state;
	open_simple(&w);
	fib_interface(w.f, 1, true);
	assert_int_equal(addr_parse("198.51.100.7", &e), 0);
	fib_saw_route(w.f, FIB_SEEN_NEW, &dflt);
	assert_int_equal(fib_pin(w.f, &e), 0);
	turn(&w);
	assert_int_equal(w.last_underlay.ifindex, 5);
	assert_int_equal(w.op[w.n - 1].kind, FIB_OP_ROUTE_ADD);
	assert_int_equal(w.op[w.n - 1].prefix.len, 32);
	/* A lower metric wins; one message brings the pin there. */
	fib_saw_route(w.f, FIB_SEEN_NEW, &better);
	turn(&w);
	assert_int_equal(w.last_underlay.ifindex, 4);
	assert_int_equal(count(&w, FIB_OP_GROUP_SET), 1);
	/* A route into our own tunnel is no path for the tunnel's packets. */
	fib_saw_route(w.f, FIB_SEEN_NEW, &longer);
	turn(&w);
	assert_int_equal(w.n, 0);
	/* A reject is. */
	fib_saw_route(w.f, FIB_SEEN_NEW, &reject);
	turn(&w);
	assert_int_equal(w.last_underlay.ifindex, 0);
	assert_int_equal(w.op[0].kind, FIB_OP_NEXTHOP_ADD);
	assert_int_equal(w.op[0].way.ifindex, 0);
	fib_saw_route(w.f, FIB_SEEN_GONE, &reject);
	turn(&w);
	assert_int_equal(w.last_underlay.ifindex, 4);
	/* A link that is down is none. */
	fib_saw_link(w.f, 4, "if4", false, false);
	turn(&w);
	assert_int_equal(w.last_underlay.ifindex, 5);
	/* A foreign host route does what the pin would. */
	fib_saw_route(w.f, FIB_SEEN_NEW, &host);
	turn(&w);
	assert_int_equal(w.last_underlay.ifindex, 3);
	assert_int_equal(w.op[0].kind, FIB_OP_ROUTE_DEL);
	assert_int_equal(count(&w, FIB_OP_ROUTE_ADD), 0);
	fib_saw_route(w.f, FIB_SEEN_GONE, &host);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_ROUTE_ADD), 1);
	/* An address of ours needs none either. */
	fib_saw_addr(w.f,
	    &(struct fib_seen_addr){ .ifindex = 2, .addr = e, .network = prefix_host(&e), .global = true },
	    false);
	turn(&w);
	assert_int_equal(w.op[0].kind, FIB_OP_ROUTE_DEL);
	assert_true(addr_eq(&w.last_underlay.source, &e));
	fib_unpin(w.f, &e);
	turn(&w);
	assert_int_equal(w.n, 0);
	fib_free(w.f);
}

static const struct fib_op *op_of_metric(const struct world *w, enum fib_op_kind kind, uint32_t metric)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->op[i].kind == kind && w->op[i].metric == metric)
			return &w->op[i];
	return NULL;
}

/* A protected prefix is unreachable whatever comes and goes; only routes of tunnels that are shorter than it
 * have to be repeated for it. */
static void test_protect(void **state)
{
	struct fib_route wide = by("10.0.0.0/8", 1, 1), wider = by("0.0.0.0/1", 1, 2),
	                 equal = by("10.100.0.0/16", 1, 1), lan = by("10.64.0.0/10", 1, 4);
	const struct fib_op *op;
	struct prefix p;
	struct world w;

	(void)state;
	open_simple(&w);
	fib_interface(w.f, 1, true);
	fib_interface(w.f, 2, true);
	assert_int_equal(prefix_parse("10.100.0.0/16", true, &p), 0);
	assert_int_equal(fib_protect(w.f, &p), 0);
	turn(&w);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.op[0].kind, FIB_OP_ROUTE_ADD);
	assert_true(w.op[0].unreachable);
	assert_int_equal(w.op[0].metric, FIB_METRIC_PROTECT);
	assert_int_equal(w.op[0].nhid, 0);
	assert_int_equal(w.in, 1);
	/* A route to the prefix itself wins by its metric: nothing more to do. */
	want(&w, &equal);
	turn(&w);
	assert_null(op_of_metric(&w, FIB_OP_ROUTE_ADD, FIB_METRIC_PROTECT - 1));
	fib_unwant(w.f, &equal.prefix, 0, FIB_LEARNED);
	turn(&w);
	/* A LAN router's covering route would lead out in clear. */
	want(&w, &lan);
	turn(&w);
	assert_null(op_of_metric(&w, FIB_OP_ROUTE_ADD, FIB_METRIC_PROTECT - 1));
	/* Tunnels' do: the longest of them. */
	want(&w, &wider);
	turn(&w);
	op = op_of_metric(&w, FIB_OP_ROUTE_ADD, FIB_METRIC_PROTECT - 1);
	assert_non_null(op);
	assert_true(prefix_eq(&op->prefix, &p));
	assert_false(op->unreachable);
	/* Told as it is shown to the user: on-link, without a gateway. */
	assert_int_equal(w.last_pin.metric, FIB_METRIC_PROTECT - 1);
	assert_int_equal(w.last_pin.n_ways, 1);
	assert_true(addr_is_none(&w.last_pin.way[0].via));
	want(&w, &wide);
	turn(&w);
	assert_non_null(op_of_metric(&w, FIB_OP_ROUTE_MOVE, FIB_METRIC_PROTECT - 1));
	/* The tunnel is lost: its ways go, what is unreachable stays untouched. */
	fib_unwant(w.f, &wide.prefix, 0, FIB_LEARNED);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_GROUP_SET), 1); /* its group follows the other tunnel */
	assert_null(op_of_metric(&w, FIB_OP_ROUTE_DEL, FIB_METRIC_PROTECT - 1));
	fib_saw_link(w.f, 2, "if2", false, true);
	turn(&w);
	assert_non_null(op_of_metric(&w, FIB_OP_ROUTE_DEL, FIB_METRIC_PROTECT - 1));
	assert_null(op_of_metric(&w, FIB_OP_ROUTE_DEL, FIB_METRIC_PROTECT));
	fib_unprotect(w.f, &p);
	turn(&w);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.op[0].kind, FIB_OP_ROUTE_DEL);
	assert_int_equal(w.op[0].metric, FIB_METRIC_PROTECT);
	fib_free(w.f);
}

/* One that an earlier run left is adopted without an operation; somebody else's, or a blackhole, is none. */
static void test_protect_adopted(void **state)
{
	struct fib_seen_route ours = foreign("10.100.0.0/16", FIB_METRIC_PROTECT, 0, NULL);
	struct fib_seen_route old = foreign("10.101.0.0/16", FIB_METRIC_PROTECT, 0, NULL);
	struct fib_seen_route v6 = foreign("2001:db8:1::/48", FIB_METRIC_PROTECT, 0, NULL);
	struct world w;

	(void)state;
	ours.protocol = old.protocol = v6.protocol = FIB_PROTOCOL;
	ours.unreachable = old.unreachable = v6.unreachable = true;
	open_world(&w);
	fib_saw_route(w.f, FIB_SEEN_NEW, &ours);
	fib_saw_route(w.f, FIB_SEEN_NEW, &old);
	fib_saw_route(w.f, FIB_SEEN_NEW, &v6);
	fib_resync_end(w.f);
	turn(&w);
	assert_int_equal(w.n, 0);
	assert_int_equal(fib_protect(w.f, &ours.prefix), 0);
	assert_int_equal(fib_protect(w.f, &v6.prefix), 0);
	turn(&w);
	assert_int_equal(w.n, 0);
	assert_int_equal(w.in, 2);
	fib_reconciled(w.f);
	turn(&w);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.op[0].kind, FIB_OP_ROUTE_DEL);
	assert_true(prefix_eq(&w.op[0].prefix, &old.prefix));
	/* Taken out by somebody: back at once. */
	fib_saw_route(w.f, FIB_SEEN_GONE, &ours);
	turn(&w);
	assert_int_equal(w.n, 1);
	assert_true(w.op[0].unreachable);
	fib_unwant_all(w.f);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_ROUTE_DEL), 2);
	fib_free(w.f);
}

static void test_connected(void **state)
{
	const struct prefix *list;
	struct fib_seen_addr a = { .ifindex = 4, .global = true };
	struct world w;
	size_t n;

	(void)state;
	open_simple(&w);
	w.connected = 0;
	assert_int_equal(addr_parse("192.0.2.1", &a.addr), 0);
	assert_int_equal(prefix_parse("192.0.2.0/24", true, &a.network), 0);
	fib_saw_addr(w.f, &a, false);
	a.ifindex = 5; /* the same network twice */
	fib_saw_addr(w.f, &a, false);
	turn(&w);
	assert_int_equal(w.connected, 1);
	list = fib_connected(w.f, &n);
	assert_int_equal(n, 1);
	assert_true(prefix_eq(&list[0], &a.network));
	fib_saw_addr(w.f, &a, true); /* the other one still has it */
	turn(&w);
	assert_int_equal(w.connected, 1);
	fib_interface(w.f, 4, true);
	turn(&w);
	assert_int_equal(w.connected, 2);
	fib_connected(w.f, &n);
	assert_int_equal(n, 0);
	fib_free(w.f);
}

/* A picture without something of ours: it was lost, and comes back. Without something foreign: it is gone. */
static void test_picture(void **state)
{
	struct fib_seen_route other = foreign("10.1.0.0/16", 0, 5, NULL);
	struct fib_route a = by("10.1.0.0/16", 1, 1), b = by("10.2.0.0/16", 1, 1);
	struct world w;

	(void)state;
	open_simple(&w);
	fib_saw_route(w.f, FIB_SEEN_NEW, &other);
	want(&w, &a);
	want(&w, &b);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_ROUTE_ADD), 1);
	fib_resync_begin(w.f);
	for (int i = 1; i <= 5; i++)
		fib_saw_link(w.f, i, "if", true, false);
	fib_resync_end(w.f);
	turn(&w);
	assert_int_equal(count(&w, FIB_OP_NEXTHOP_ADD), 1);
	assert_int_equal(count(&w, FIB_OP_GROUP_ADD), 1);
	assert_int_equal(count(&w, FIB_OP_ROUTE_ADD), 2);
	/* One that couldn't be completed says nothing. */
	fib_resync_begin(w.f);
	fib_resync_cancel(w.f);
	assert_true(fib_resync_wanted(w.f));
	turn(&w);
	assert_int_equal(w.n, 0);
	fib_free(w.f);
}

static void test_protocol_names(void **state)
{
	char buf[8];

	(void)state;
	assert_string_equal(fib_protocol_name(4, buf, sizeof(buf)), "static");
	assert_string_equal(fib_protocol_name(201, buf, sizeof(buf)), "causeway");
	assert_string_equal(fib_protocol_name(250, buf, sizeof(buf)), "250");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_sharing),
		cmocka_unit_test(test_failover),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_adoption),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_put_back),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_id_taken),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_protect),
		cmocka_unit_test(test_protect_adopted),
		cmocka_unit_test(test_connected),
		cmocka_unit_test(test_picture),
		cmocka_unit_test(test_protocol_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

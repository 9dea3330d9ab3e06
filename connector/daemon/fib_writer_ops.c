/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of the planner, as netlink: a round goes out in one batch, and what became of each goes back. */
#include "connector/daemon/fib_writer_internal.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

static struct rtnl_nexthop group_of(const struct fib_op *op)
{
	struct rtnl_nexthop n = {
		.id = op->nhid, .protocol = FIB_PROTOCOL, .group = true, .n_members = op->n_members
	};

	for (unsigned i = 0; i < op->n_members; i++)
		n.member[i] = (struct rtnl_member){ .id = op->member[i].id, .weight = op->member[i].weight };
	return n;
}

/* A gateway of a tunnel or behind an odd uplink lies in no connected network: all are declared on link. */
static struct rtnl_nexthop single_of(const struct fib_op *op)
{
	const struct addr *via = &op->way.via;
	struct rtnl_nexthop n = { .id = op->nhid,
		.protocol = FIB_PROTOCOL,
		.family = via->family,
		.blackhole = op->way.ifindex == 0,
		.way = { .ifindex = op->way.ifindex } };

	if (!addr_is_unspecified(via)) {
		n.way.via = *via;
		n.way.flags = RTNH_F_ONLINK;
	}
	return n;
}

/* Tags: twice the operation's number, and one more for the removal of the old route in a move. */
static int remove_old(struct fib_thread *t, size_t tag, const struct fib_op *op)
{
	struct rtnl_route *r = &t->scratch;

	r->nhid = op->old_nhid;
	r->source = (struct addr){ 0 };
	r->type = RTN_UNSPEC;
	return rtnl_batch_route(t->batch, tag, op->old_nhid ? RTNL_DELETE : RTNL_DELETE_ANY, r);
}

static int add_new(struct fib_thread *t, size_t tag, const struct fib_op *op, enum rtnl_how how)
{
	struct rtnl_route *r = &t->scratch;

	r->nhid = op->nhid;
	r->source = op->source;
	r->type = op->unreachable ? RTN_UNREACHABLE : RTN_UNICAST;
	return rtnl_batch_route(t->batch, tag, how, r);
}

static int add_route_op(struct fib_thread *t, size_t tag, const struct fib_op *op)
{
	int err;

	t->scratch.prefix = op->prefix;
	t->scratch.metric = op->metric;
	t->scratch.protocol = FIB_PROTOCOL;
	if (op->kind == FIB_OP_ROUTE_ADD)
		return add_new(t, tag, op, RTNL_CREATE);
	if (op->kind == FIB_OP_ROUTE_DEL)
		return remove_old(t, tag, op);
	if (op->old_nhid &&
	    op->old_nhid != op->nhid) { /* the new one behind the old one, which then goes: no gap */
		err = add_new(t, tag, op, RTNL_APPEND);
		return err ? err : remove_old(t, tag + 1, op);
	}
	err = remove_old(t, tag + 1, op);
	return err ? err : add_new(t, tag, op, RTNL_CREATE);
}

static int add_op(struct fib_thread *t, size_t tag, const struct fib_op *op)
{
	struct rtnl_batch *b = t->batch;
	struct rtnl_nexthop n;

	switch (op->kind) {
	case FIB_OP_NEXTHOP_ADD: n = single_of(op); return rtnl_batch_nexthop(b, tag, RTNL_CREATE, &n);
	case FIB_OP_GROUP_ADD: n = group_of(op); return rtnl_batch_nexthop(b, tag, RTNL_CREATE, &n);
	case FIB_OP_GROUP_SET: n = group_of(op); return rtnl_batch_nexthop(b, tag, RTNL_REPLACE, &n);
	case FIB_OP_NEXTHOP_DEL:
	case FIB_OP_GROUP_DEL:
		n = (struct rtnl_nexthop){ .id = op->nhid };
		return rtnl_batch_nexthop(b, tag, RTNL_DELETE, &n);
	case FIB_OP_ROUTE_ADD:
	case FIB_OP_ROUTE_MOVE:
	case FIB_OP_ROUTE_DEL: return add_route_op(t, tag, op);
	}
	return -EINVAL;
}

static void on_result(void *ctx, size_t tag, int err, const char *text)
{
	struct fib_thread *t = ctx;
	struct fib_outcome *o = &t->outcome[tag / 2];

	if (tag & 1) {
		o->old_err = err;
		return;
	}
	o->err = err;
	if (text[0])
		snprintf(o->text, sizeof(o->text), "%s", text);
}

void fib_thread_execute(struct fib_thread *t, size_t n)
{
	int err = 0;

	rtnl_batch_clear(t->batch);
	for (size_t i = 0; i < n; i++) {
		t->outcome[i].err = t->outcome[i].old_err = -EIO;
		t->outcome[i].text[0] = '\0';
		(void)add_op(t, i * 2, &t->op[i]); /* a round of FIB_ROUND_OPS always fits */
	}
	err = rtnl_exec(t->request, t->batch, on_result, t);
	if (err) {
		log_error(t->log, "fib", "netlink: %s; reading the kernel's routes again", strerror(-err));
		t->lost = true;
	}
	for (size_t i = 0; i < n; i++) {
		const struct fib_outcome *o = &t->outcome[i];
		const struct fib_result result = {
			.err = o->err, .text = o->text, .old_gone = o->old_err == 0 || o->old_err == -ESRCH
		};

		fib_done(t->fib, &t->op[i], &result);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a removed child still receives. Its inbound side stays, because packets that were sent before the peer
 * knew of the removal are under way, and may be overtaken by the messages that said so. How long is measured,
 * not guessed: two seconds at least, until the peer has sent on another child (so it has turned round) and a
 * second has passed since the last packet on this one. A peer that has nothing to send, or never ceases, does
 * not hold it for ever.
 */
#include "ike/engine.h"

static const mdur at_least = { 2 * (int64_t)1000000000 };
static const mdur quiet_for = { 1 * (int64_t)1000000000 };
static const mdur without_proof = { 4 * (int64_t)1000000000 };
static const mdur at_most = { 20 * (int64_t)1000000000 };
static const mdur look_again = { 250 * (int64_t)1000000 };

static void end(struct ike_child *c)
{
	ike_act_sa_del(c->conn->ike, c->conn->id, true, c->spi_in);
	c->state = IKE_CHILD_GONE;
	c->conn->n_draining--;
	ike_touch_conn(c->conn);
}

void ike_drain_start(struct ike_child *c, mtime now)
{
	struct ike_conn *conn = c->conn;

	if (conn->n_draining == IKE_DRAINS_MAX)
		list_for_each (&conn->draining, struct ike_child, o, node)
			if (o->state == IKE_CHILD_DRAINING) {
				end(o);
				break;
			}
	list_remove(&c->node);
	list_append(&conn->draining, &c->node);
	c->state = IKE_CHILD_DRAINING;
	c->sa = NULL;
	c->removed = now;
	c->drain_at = mtime_add(now, at_least);
	conn->n_draining++;
	ike_touch_conn(conn);
}

static bool done(const struct ike_child *c, mtime now)
{
	mdur since = mtime_since(now, c->removed);
	const struct ike_child *live = c->conn->live;

	if (since.ns >= at_most.ns || !live)
		return true;
	if (c->last_in.ns && mtime_since(now, c->last_in).ns < quiet_for.ns)
		return false;
	return live->seen || since.ns >= without_proof.ns;
}

void ike_drain_flush(struct ike_conn *conn, mtime now, bool all)
{
	list_for_each (&conn->draining, struct ike_child, c, node) {
		if (c->state != IKE_CHILD_DRAINING || (!all && !mtime_reached(c->drain_at, now)))
			continue;
		if (all || done(c, now))
			end(c);
		else
			c->drain_at = mtime_add(now, look_again);
	}
}

struct ike_child *ike_drain_find(struct ike_conn *conn, uint32_t spi_in)
{
	list_for_each (&conn->draining, struct ike_child, c, node)
		if (c->state == IKE_CHILD_DRAINING && c->spi_in == spi_in)
			return c;
	return NULL;
}

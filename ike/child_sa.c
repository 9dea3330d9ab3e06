/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Child SAs: made, brought into use, taken out. Make before break: the inbound side of a child is installed
 * when it is made, its outbound side when the peer is known to have the other half; the one before goes only
 * then. Late packets on an old inbound SA are still taken for a while (drain.c). CHILD_DOWN is said
 * only when a connection has no other child to turn to.
 */
#include "ike/engine.h"
#include "ike/others.h"

#include <stdlib.h>
#include <string.h>

static const mdur delete_delay = {
	200 * (int64_t)1000000
}; /* packets sent on the old SA arrive before its Delete */
static const mdur delete_guard = {
	180 * (int64_t)1000000000
}; /* the peer's to delete; else we do, when its retransmissions have ended */

struct ike_child *ike_child_by_in(struct ike_sa *sa, uint32_t spi_in)
{
	list_for_each (&sa->children, struct ike_child, c, node)
		if (c->state != IKE_CHILD_GONE && c->spi_in == spi_in)
			return c;
	return NULL;
}

struct ike_child *ike_child_by_out(struct ike_sa *sa, uint32_t spi_out)
{
	list_for_each (&sa->children, struct ike_child, c, node)
		if (c->state != IKE_CHILD_GONE && c->spi_out == spi_out)
			return c;
	return NULL;
}

struct ike_child *ike_child_ready(struct ike_sa *sa)
{
	list_for_each (&sa->children, struct ike_child, c, node)
		if (c->state == IKE_CHILD_READY && !c->want_delete)
			return c;
	return NULL;
}

/* The child that was made to replace this one, and serves. */
struct ike_child *ike_child_successor(struct ike_child *c)
{
	list_for_each (&c->sa->children, struct ike_child, s, node)
		if (s->old_spi_in == c->spi_in && s->state == IKE_CHILD_READY && !s->want_delete)
			return s;
	return NULL;
}

uint32_t ike_child_new_spi(struct ike *ike)
{
	uint32_t spi;

	/* 0 to 255 are reserved (RFC 4303 2.1). Unique among ours: the data plane finds SAs by it. */
	do
		spi = (uint32_t)rng_u64(&ike->rng);
	while (spi < 256 || ike_spi_taken(ike, spi));
	return spi;
}

uint32_t ike_task_new_spi(struct ike_sa *sa)
{
	uint32_t spi = ike_child_new_spi(sa->ike);

	/* Without memory nothing is kept; the child itself will be refused should another have taken it. */
	ike_spi_take(sa->ike, &sa->reserved, spi, NULL);
	return spi;
}

bool ike_child_in_udp(const struct ike_sa *sa)
{
	/* ESP in UDP runs on the ports of IKE: a peer that stayed on 500 does not do it. */
	return sa->natt && sa->natd && (sa->nat_local || sa->nat_remote || sa->nat_pretended);
}

struct endpoint ike_child_local(const struct ike_sa *sa)
{
	return sa->mobike.unchecked ? sa->mobike.esp_local : sa->local;
}

struct endpoint ike_child_remote(const struct ike_sa *sa)
{
	return sa->mobike.unchecked ? sa->mobike.esp_remote : sa->remote;
}

static bool moves(const struct ike_child *c)
{
	struct endpoint local = ike_child_local(c->sa), remote = ike_child_remote(c->sa);

	return !endpoint_eq(&c->in.local, &local) || !endpoint_eq(&c->in.remote, &remote) ||
	       c->in.udp_encap != ike_child_in_udp(c->sa);
}

static void take_addresses(struct ike_child *c)
{
	c->in.local = c->out.local = ike_child_local(c->sa);
	c->in.remote = c->out.remote = ike_child_remote(c->sa);
	c->in.udp_encap = c->out.udp_encap = ike_child_in_udp(c->sa);
}

void ike_children_move(struct ike_sa *sa, bool mobike)
{
	struct ike_child *live = sa->conn->live;

	if (!live || live->sa != sa || !moves(live))
		return; /* of another SA: when its child goes live (ike_child_activate) */
	list_for_each (&sa->children, struct ike_child, c, node)
		if (c->state != IKE_CHILD_GONE)
			take_addresses(c);
	ike_act_moved(sa, mobike);
}

static void fill_direction(struct ike_child_sa *d, bool inbound, const struct ike_sa *sa,
    const struct ike_child_new *n, const struct ike_child_keys *keys)
{
	const struct ike_suite *s = &n->choice.suite;
	bool initiators =
	    inbound != n->we_initiate; /* carries data from the exchange's initiator to its responder */

	*d = (struct ike_child_sa){ .inbound = inbound };
	d->spi = inbound ? n->spi_in : n->spi_out;
	d->encr = s->encr;
	d->encr_key_bits = s->key_bits;
	d->integ = s->integ;
	d->esn = s->esn;
	memcpy(d->encr_key, initiators ? keys->encr_i : keys->encr_r, sizeof(d->encr_key));
	memcpy(d->integ_key, initiators ? keys->integ_i : keys->integ_r, sizeof(d->integ_key));
	d->udp_encap = ike_child_in_udp(sa);
	d->local = ike_child_local(sa);
	d->remote = ike_child_remote(sa);
	memcpy(d->ts_local, n->ts_local, sizeof(d->ts_local));
	memcpy(d->ts_remote, n->ts_remote, sizeof(d->ts_remote));
	d->n_ts_local = n->n_ts_local;
	d->n_ts_remote = n->n_ts_remote;
}

struct ike_child *ike_child_create(struct ike_sa *sa, const struct ike_child_new *n, mtime now)
{
	struct ike_child *c = calloc(1, sizeof(*c));
	struct ike_child_keys keys;

	if (!c || ike_child_keymat(&sa->keys, &n->choice.suite, n->ni, n->nr, n->g_ir, &keys)) {
		free(c);
		return NULL;
	}
	c->sa = sa;
	c->conn = sa->conn;
	c->spi_in = n->spi_in;
	c->spi_out = n->spi_out;
	c->suite = n->choice.suite;
	c->created_by_us = n->we_initiate;
	c->low = *ike_nonce_lower(n->ni, n->nr);
	c->old_spi_in = n->old_spi_in;
	c->since = now;
	c->delete_at = c->retry_at = MTIME_NEVER;
	c->how.why = IKE_REKEY_PEER;
	ike_lifetimes_start(
	    sa, sa->conn->cfg.child_lifetime, n->we_initiate, now, &c->rekey_at, &c->expire_at);
	fill_direction(&c->in, true, sa, n, &keys);
	fill_direction(&c->out, false, sa, n, &keys);
	cleanse(&keys, sizeof(keys));
	if (!ike_spi_take(sa->ike, &c->index, c->spi_in, c))
		c->add_in = ike_act_sa_add(sa->ike, sa->conn->id, &c->in, 0);
	if (!c->add_in) {
		ike_spi_release(sa->ike, &c->index);
		cleanse(c, sizeof(*c));
		free(c);
		return NULL;
	}
	c->in_installed = true;
	cleanse(c->in.encr_key, sizeof(c->in.encr_key));
	cleanse(c->in.integ_key, sizeof(c->in.integ_key));
	sa->childless_at = MTIME_NEVER;
	list_append(&sa->children, &c->node);
	return c;
}

void ike_child_free(struct ike_child *c)
{
	if (c->conn->live == c)
		c->conn->live = NULL;
	ike_spi_release(c->conn->ike, &c->index);
	list_remove(&c->node);
	cleanse(c, sizeof(*c));
	free(c);
}

/* The end that made the tunnel goes first; once one has rekeyed it, the other need not. */
static void rehearse(struct ike_child *c, mtime now)
{
	mdur after = c->conn->cfg.rehearsal;

	if (after.ns <= 0 || c->old_spi_in || c->conn->rehearsal_harms)
		return;
	if (!c->created_by_us)
		after = mdur_mul(after, 5, 2);
	c->why_next = IKE_REKEY_REHEARSAL;
	c->retry_at = mtime_add(now, ike_jitter(c->conn->ike, after, 40));
}

void ike_child_want_rekey(struct ike_child *c, enum ike_rekey_why why)
{
	if (!c->want_rekey)
		c->why_next = why;
	c->want_rekey = true;
	c->retry_at = MTIME_NEVER;
	ike_touch_sa(c->sa);
}

void ike_child_activate(struct ike_child *c, mtime now)
{
	struct ike_conn *conn = c->sa->conn;
	struct ike *ike = conn->ike;
	struct ike_child *before = conn->live;
	bool moved;

	if (before == c)
		return;
	moved = moves(c); /* while another was live */
	take_addresses(c);
	if (!c->out_installed) {
		c->add_out = ike_act_sa_add(ike, conn->id, &c->out, c->add_in);
		c->out_installed = true;
		cleanse(c->out.encr_key, sizeof(c->out.encr_key));
		cleanse(c->out.integ_key, sizeof(c->out.integ_key));
	}
	conn->live = c;
	if (moved)
		ike_act_moved(c->sa, false);
	if (before) {
		conn->child_rekeys++;
		c->took_over_from = before->spi_in;
		c->up = ike_act_child_rekeyed(ike, c, before, now);
		return;
	}
	conn->continues = false;
	conn->attempts = conn->rounds = 0;
	conn->up_at = now;
	conn->child_rekeys = conn->ike_rekeys = 0;
	c->sa->last_sign = mtime_max(c->sa->last_sign, c->since);
	reason_clear(&conn->last_error);
	ike_others_forget(conn);
	conn->failure = (struct ike_facts){ 0 };
	conn->trial = conn->child_trial = (struct ike_trial_facts){ 0 };
	c->up = ike_act_child(ike, conn->id, IKE_ACT_CHILD_UP, c->spi_in, c->spi_out, c->add_out);
	ike_conn_phase(conn, IKE_PHASE_UP, NULL, MTIME_NEVER);
	rehearse(c, now);
}

/* Who takes over from this child: its successor before any other that serves. */
static struct ike_child *find_other(struct ike_child *c)
{
	struct ike_conn *conn = c->sa->conn;
	struct ike_child *other = NULL;

	list_for_each (&conn->sas, struct ike_sa, sa, node) {
		if (sa->state != IKE_SA_ESTABLISHED)
			continue;
		list_for_each (&sa->children, struct ike_child, o, node) {
			struct ike_child *before;

			if (o == c || o->state != IKE_CHILD_READY || o->want_delete)
				continue;
			if (o->old_spi_in == c->spi_in)
				return o;
			/* Of a rekey that is not yet shown to be complete, the old child is the sure one. */
			before =
			    o->out_installed || !o->old_spi_in ? NULL : ike_child_by_in(sa, o->old_spi_in);
			other = before && before != c && before->state == IKE_CHILD_REPLACED ? before : o;
		}
	}
	return other;
}

/* A replaced child whose successor goes serves again: it is all there is. */
static void revive_predecessor(struct ike_child *c, mtime now)
{
	struct ike_child *old = c->old_spi_in ? ike_child_by_in(c->sa, c->old_spi_in) : NULL;

	if (!old || old->state != IKE_CHILD_REPLACED || old->want_delete || ike_child_ready(c->sa))
		return;
	old->state = IKE_CHILD_READY;
	old->delete_at = MTIME_NEVER;
	old->retry_at = mtime_add(now, ike_jitter(c->sa->ike, mdur_s(10), 50));
}

void ike_child_remove(struct ike_child *c, bool drain, mtime now)
{
	struct ike_conn *conn = c->sa->conn;
	struct ike *ike = conn->ike;

	c->state = IKE_CHILD_GONE;
	revive_predecessor(c, now);
	if (conn->live == c) {
		struct ike_child *other = find_other(c);

		if (other)
			ike_child_activate(other, now);
		if (conn->live == c) {
			ike_act_child(ike, conn->id, IKE_ACT_CHILD_DOWN, c->spi_in, c->spi_out, 0);
			conn->live = NULL;
			drain = false;
		}
	}
	if (c->out_installed)
		ike_act_sa_del(ike, conn->id, false, c->spi_out);
	drain = drain && c->in_installed;
	if (c->in_installed && !drain)
		ike_act_sa_del(ike, conn->id, true, c->spi_in);
	c->in_installed = c->out_installed = false;
	ike_touch_conn(conn);
	if (drain)
		ike_drain_start(c, now);
}

void ike_child_replaced(struct ike_child *c, mtime now, bool we_delete)
{
	c->state = IKE_CHILD_REPLACED;
	c->want_rekey = false;
	c->rekey_at = c->retry_at = c->expire_at = MTIME_NEVER;
	c->delete_at = mtime_add(now, we_delete ? delete_delay : delete_guard);
}

struct ike_child *ike_child_surplus(struct ike_sa *sa, mtime now)
{
	struct ike_child *oldest = NULL;
	unsigned n = 0;

	list_for_each (&sa->children, struct ike_child, c, node) {
		if (c->state == IKE_CHILD_GONE)
			continue;
		n++;
		if (!oldest && c->state == IKE_CHILD_REPLACED &&
		    mtime_since(c->delete_at, now).ns <= delete_delay.ns)
			oldest = c;
	}
	return n >= IKE_CHILDREN_MAX / 2 ? oldest : NULL;
}

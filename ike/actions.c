/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of actions: plain data in the order in which it is to happen. An entry may depend on an earlier
 * one; when that one fails, its dependents leave the queue. An action whose memory can't be had is lost:
 * datagrams are sent again by their timers, and ike_act_* returns 0 so that callers which need the action can
 * give up.
 */
#include "ike/engine.h"

#include <stdlib.h>
#include <string.h>

struct ike_action_node {
	struct list node;
	uint64_t depends;
	struct ike_action a;
	uint8_t *bytes;
};

/* More than any one call queues of what must not be lost (SA_DEL, CHILD_DOWN, STATE). */
#define SPARE_MAX 32

static void node_free(struct ike *ike, struct ike_action_node *n)
{
	if (!n)
		return;
	free(n->bytes);
	cleanse(n, sizeof(*n));
	if (ike->n_spare == SPARE_MAX) {
		free(n);
		return;
	}
	list_append(&ike->spare, &n->node);
	ike->n_spare++;
}

void ike_act_reserve(struct ike *ike)
{
	while (ike->n_spare < SPARE_MAX) {
		struct ike_action_node *n = calloc(1, sizeof(*n));

		if (!n)
			return;
		list_append(&ike->spare, &n->node);
		ike->n_spare++;
	}
}

static struct ike_action_node *node_new(struct ike *ike)
{
	struct ike_action_node *n = calloc(1, sizeof(*n));

	if (!n && (n = list_first(&ike->spare, struct ike_action_node, node))) {
		list_remove(&n->node);
		ike->n_spare--;
	}
	return n;
}

static struct ike_action_node *push(
    struct ike *ike, enum ike_action_kind kind, uint32_t conn, uint64_t depends)
{
	struct ike_action_node *n = node_new(ike);

	if (!n)
		return NULL;
	n->a.id = ++ike->next_action << IKE_ACTION_CONN_BITS | ike_action_conn(conn);
	n->a.kind = kind;
	n->a.conn = conn;
	n->depends = depends;
	list_append(&ike->queue, &n->node);
	return n;
}

uint64_t ike_act_send(struct ike *ike, uint32_t conn, const struct endpoint *local,
    const struct endpoint *remote, bool natt, const uint8_t *data, size_t len, uint64_t depends)
{
	uint8_t *copy = malloc(len);
	struct ike_action_node *n = copy ? push(ike, IKE_ACT_SEND, conn, depends) : NULL;

	if (!n) {
		free(copy);
		return 0;
	}
	memcpy(copy, data, len);
	n->bytes = copy;
	n->a.send.local = *local;
	n->a.send.remote = *remote;
	n->a.send.natt = natt;
	n->a.send.data = copy;
	n->a.send.len = len;
	ike->stats.datagrams_out++;
	return n->a.id;
}

uint64_t ike_act_job(struct ike *ike, uint32_t conn, struct ike_job *job)
{
	struct ike_action_node *n = push(ike, IKE_ACT_JOB, conn, 0);

	if (!n)
		return 0;
	n->a.job = job;
	return n->a.id;
}

uint64_t ike_act_sa_add(struct ike *ike, uint32_t conn, const struct ike_child_sa *sa, uint64_t depends)
{
	struct ike_action_node *n = push(ike, IKE_ACT_SA_ADD, conn, depends);

	if (!n)
		return 0;
	n->a.sa_add = *sa;
	return n->a.id;
}

void ike_act_sa_del(struct ike *ike, uint32_t conn, bool inbound, uint32_t spi)
{
	struct ike_action_node *n = push(ike, IKE_ACT_SA_DEL, conn, 0);

	if (!n)
		return;
	n->a.sa_del.inbound = inbound;
	n->a.sa_del.spi = spi;
}

void ike_act_state(
    struct ike *ike, uint32_t conn, enum ike_phase phase, const struct reason *why, mtime next_attempt)
{
	struct ike_action_node *n = push(ike, IKE_ACT_STATE, conn, 0);

	if (!n)
		return;
	n->a.state.phase = phase;
	if (why)
		n->a.state.why = *why;
	n->a.state.next_attempt = next_attempt;
}

uint64_t ike_act_child(struct ike *ike, uint32_t conn, enum ike_action_kind kind, uint32_t spi_in,
    uint32_t spi_out, uint64_t depends)
{
	struct ike_action_node *n = push(ike, kind, conn, depends);

	if (!n)
		return 0;
	n->a.child.spi_in = spi_in;
	n->a.child.spi_out = spi_out;
	return n->a.id;
}

void ike_act_child_down_first(struct ike *ike, uint32_t conn, uint32_t spi_in)
{
	struct ike_action_node *n = push(ike, IKE_ACT_CHILD_DOWN, conn, 0);

	if (!n)
		return;
	n->a.child.spi_in = spi_in;
	list_remove(&n->node);
	list_prepend(&ike->queue, &n->node);
}

uint64_t ike_act_child_rekeyed(
    struct ike *ike, const struct ike_child *c, const struct ike_child *before, mtime now)
{
	struct ike_action_node *n = push(ike, IKE_ACT_CHILD_REKEYED, c->conn->id, c->add_out);

	if (!n)
		return 0;
	n->a.child.spi_in = c->spi_in;
	n->a.child.spi_out = c->spi_out;
	n->a.child.old_spi_in = before->spi_in;
	n->a.child.old_spi_out = before->spi_out;
	n->a.child.how = c->how;
	n->a.child.how.at = now;
	if (c->old_spi_in != before->spi_in)
		n->a.child.how.why = IKE_REKEY_TAKEOVER;
	return n->a.id;
}

void ike_act_ike_rekeyed(const struct ike_sa *old, const struct ike_sa *heir, mtime now)
{
	struct ike_action_node *n = push(old->ike, IKE_ACT_IKE_REKEYED, old->conn->id, 0);

	if (!n)
		return;
	n->a.ike.spi_i = heir->spi_i;
	n->a.ike.spi_r = heir->spi_r;
	n->a.ike.old_spi_i = old->spi_i;
	n->a.ike.old_spi_r = old->spi_r;
	n->a.ike.how = heir->how;
	n->a.ike.how.at = now;
}

void ike_act_moved(const struct ike_sa *sa, bool mobike)
{
	struct ike_action_node *n = push(sa->ike, IKE_ACT_REMOTE_MOVED, sa->conn->id, 0);

	if (!n)
		return;
	n->a.moved.local = ike_child_local(sa);
	n->a.moved.remote = ike_child_remote(sa);
	n->a.moved.udp_encap = ike_child_in_udp(sa);
	n->a.moved.mobike = mobike;
}

void ike_act_report(struct ike *ike, uint32_t conn, enum ike_severity severity, const struct reason *why)
{
	struct ike_action_node *n = push(ike, IKE_ACT_REPORT, conn, 0);

	if (!n)
		return;
	n->a.report.severity = severity;
	n->a.report.why = *why;
}

/* In a queue ordered by id, a dependent comes after what it depends on: one pass finds chains, too. */
void ike_act_drop_dependents(struct ike *ike, uint64_t id, struct ike_dropped *ret)
{
	*ret = (struct ike_dropped){ .id = { id }, .n = 1 };
	list_for_each (&ike->queue, struct ike_action_node, n, node) {
		if (!ike_was_dropped(ret, n->depends))
			continue;
		if (ret->n < IKE_DROPPED_MAX)
			ret->id[ret->n++] = n->a.id;
		list_remove(&n->node);
		node_free(ike, n);
	}
}

bool ike_was_dropped(const struct ike_dropped *d, uint64_t id)
{
	for (unsigned i = 0; i < d->n; i++)
		if (d->id[i] == id)
			return true;
	return false;
}

bool ike_next_action(struct ike *ike, struct ike_action *ret_action)
{
	struct ike_action_node *n = list_first(&ike->queue, struct ike_action_node, node);

	node_free(ike, ike->handed);
	ike->handed = n;
	if (!n)
		return false;
	list_remove(&n->node);
	*ret_action = n->a;
	return true;
}

void ike_act_free_all(struct ike *ike)
{
	node_free(ike, ike->handed);
	ike->handed = NULL;
	list_for_each (&ike->queue, struct ike_action_node, n, node) {
		if (n->a.kind == IKE_ACT_JOB)
			ike_job_free(n->a.job);
		list_remove(&n->node);
		node_free(ike, n);
	}
	list_for_each (&ike->spare, struct ike_action_node, n, node) {
		list_remove(&n->node);
		free(n);
	}
	ike->n_spare = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE SAs: their states and the passages between them. INITIATING or HALF_OPEN, ESTABLISHED, then REKEYED (a
 * successor has the children) or CLOSING (our Delete is out), LINGERING (only repeats of its last answer) and
 * DEAD. Children leave before their SA does; what else the connection has takes over in the same call.
 */
#include "ike/engine.h"
#include "ike/mobike.h"
#include "ike/reasons.h"
#include "ike/trial.h"

#include <stdlib.h>

static const mdur half_open_life = { 30 * (int64_t)1000000000 };
static const mdur initiating_life = { 180 * (int64_t)1000000000 };
static const mdur linger_life = { 30 * (int64_t)1000000000 };
static const mdur rekeyed_guard = { 180 * (int64_t)1000000000 };

uint64_t ike_sa_new_spi(struct ike *ike)
{
	uint64_t spi;

	do
		spi = rng_u64(&ike->rng);
	while (!spi);
	return spi;
}

/* Where it belongs: strangers can make many SAs that are half open or linger. */
static struct list *list_of(const struct ike_sa *sa)
{
	bool crowd = sa->state == IKE_SA_HALF_OPEN || sa->state == IKE_SA_LINGERING;

	return crowd ? &sa->conn->crowd : &sa->conn->sas;
}

struct ike_sa *ike_sa_new(
    struct ike *ike, struct ike_conn *conn, bool initiator, uint64_t spi_i, uint64_t spi_r, mtime now)
{
	struct ike_sa *sa = calloc(1, sizeof(*sa));

	if (!sa)
		return NULL;
	sa->serial = ++ike->next_serial;
	sa->ike = ike;
	sa->conn = conn;
	sa->initiator = sa->created_by_us = initiator;
	sa->spi_i = spi_i;
	sa->spi_r = spi_r;
	sa->state = initiator ? IKE_SA_INITIATING : IKE_SA_HALF_OPEN;
	sa->created = sa->last_sign = now;
	sa->expires = mtime_add(now, initiator ? initiating_life : half_open_life);
	sa->auth_ends = sa->established = sa->rekey_at = sa->expire_at = sa->childless_at = sa->delete_at =
	    sa->put_off = MTIME_NEVER;
	list_init(&sa->children);
	if (ike_index_sa(sa)) {
		free(sa);
		return NULL;
	}
	ike->n_sas[sa->state]++;
	list_append(list_of(sa), &sa->node);
	ike_touch_sa(sa);
	return sa;
}

void ike_sa_set_state(struct ike_sa *sa, enum ike_sa_state state)
{
	enum ike_sa_state was = sa->state;
	const struct list *before = list_of(sa);

	if (was == state)
		return;
	sa->state = state;
	sa->ike->n_sas[was]--;
	sa->ike->n_sas[state]++;
	if (was == IKE_SA_HALF_OPEN)
		ike_unindex_source(sa);
	list_remove(&sa->linger);
	if (state == IKE_SA_LINGERING)
		list_append(&sa->ike->lingering, &sa->linger);
	if (state != IKE_SA_DEAD && list_of(sa) != before) {
		list_remove(&sa->node);
		list_append(list_of(sa), &sa->node);
	}
	ike_touch_sa(sa);
}

void ike_sa_set_conn(struct ike_sa *sa, struct ike_conn *conn)
{
	sa->conn = conn;
	list_remove(&sa->node);
	list_append(list_of(sa), &sa->node);
	ike_touch_sa(sa);
}

void ike_sa_free(struct ike_sa *sa)
{
	if (sa->conn->attempt == sa)
		sa->conn->attempt = NULL;
	list_for_each (&sa->children, struct ike_child, c, node)
		ike_child_free(c);
	sa->ike->n_sas[sa->state]--;
	ike_unindex_sa(sa);
	timerq_remove(&sa->ike->sa_timers, &sa->timer);
	list_remove(&sa->touched);
	list_remove(&sa->linger);
	list_remove(&sa->node);
	ike_task_clear(sa);
	ike_auth_free(sa->auth);
	ike_keys_clear(&sa->keys);
	ike_bytes_clear(&sa->kept);
	ike_text_clear(&sa->kept_text);
	ike_reassembly_drop(&sa->pieces[0]);
	ike_reassembly_drop(&sa->pieces[1]);
	ike_bytes_clear(&sa->parked.msg);
	ike_bytes_clear(&sa->init_mine);
	ike_bytes_clear(&sa->init_peers);
	ike_bytes_clear(&sa->cookie);
	ike_trial_free(sa->trial);
	free(sa->child_trial);
	free(sa);
}

void ike_sa_dead(struct ike_sa *sa)
{
	ike_sa_set_state(sa, IKE_SA_DEAD);
	if (sa->conn && sa->conn->attempt == sa)
		sa->conn->attempt = NULL;
}

int ike_sa_derive(struct ike_sa *sa, const struct secret *g_ir)
{
	uint8_t skeyseed[CRYPTO_MAX_HASH];
	struct prf_info pi;
	int rc;

	if (!prf_info(sa->suite.prf, &pi))
		return -1;
	rc = ike_skeyseed(sa->suite.prf, &sa->ni, &sa->nr, g_ir, skeyseed) ||
	     ike_keys_derive(&sa->suite, sa->initiator, skeyseed, pi.out_len, &sa->ni, &sa->nr, sa->spi_i,
	         sa->spi_r, &sa->keys);
	cleanse(skeyseed, sizeof(skeyseed));
	return rc ? -1 : 0;
}

void ike_sa_establish(struct ike_sa *sa, mtime now)
{
	ike_sa_set_state(sa, IKE_SA_ESTABLISHED);
	sa->established = sa->last_sign = now;
	sa->expires = MTIME_NEVER;
	sa->proven = sa->initiator; /* as responder: when the peer speaks on it */
	sa->origin = (struct ike_origin){
		.by_us = sa->initiator, .created = sa->created, .established = now, .low = sa->low
	};
	ike_lifetimes_start(
	    sa, sa->conn->cfg.ike_lifetime, sa->created_by_us, now, &sa->rekey_at, &sa->expire_at);
	if (sa->auth_left.ns)
		sa->auth_ends = mtime_add(now, sa->auth_left);
	ike_auth_free(sa->auth);
	sa->auth = NULL;
	ike_bytes_clear(&sa->init_mine);
	ike_bytes_clear(&sa->init_peers);
	ike_bytes_clear(&sa->cookie);
}

/* Lingering SAs cost memory only; the oldest goes when there are too many. */
static void limit_lingering(struct ike *ike)
{
	struct ike_sa *oldest = list_first(&ike->lingering, struct ike_sa, linger);

	if (ike->n_sas[IKE_SA_LINGERING] > IKE_LINGERING_MAX)
		ike_sa_dead(oldest);
}

void ike_sa_linger(struct ike_sa *sa, mtime now)
{
	ike_task_clear(sa);
	ike_bytes_clear(&sa->parked.msg);
	sa->parked = (struct ike_parked){ 0 };
	/* Of a stranger who failed nothing is kept but the answer: no MSK, no TLS, no pieces. */
	ike_auth_free(sa->auth);
	sa->auth = NULL;
	ike_reassembly_drop(&sa->pieces[0]);
	ike_reassembly_drop(&sa->pieces[1]);
	ike_bytes_clear(&sa->init_mine);
	ike_bytes_clear(&sa->init_peers);
	if (sa->conn && sa->conn->attempt == sa)
		sa->conn->attempt = NULL;
	ike_sa_set_state(sa, sa->kept.data ? IKE_SA_LINGERING : IKE_SA_DEAD);
	sa->expires = mtime_add(now, linger_life);
	limit_lingering(sa->ike);
}

static void remove_children(struct ike_sa *sa, mtime now)
{
	struct ike_child *live = sa->conn ? sa->conn->live : NULL;

	for (int pass = 0; pass < 2; pass++)
		list_for_each (&sa->children, struct ike_child, c, node)
			if (c->state != IKE_CHILD_GONE && (c == live) == (pass == 1))
				ike_child_remove(c, false, now);
}

void ike_sa_close(struct ike_sa *sa, bool tell, const struct reason *why, mtime now)
{
	enum ike_sa_state was = sa->state;
	struct ike_sa *heir;
	/* A rekey of the IKE SA is seen through: the peer's new SA must be deleted, too, and needs its keys
	 * for that. */
	bool busy = sa->out.msg.data || (sa->task.kind == IKE_TASK_REKEY_IKE && sa->task.waiting_secret);

	if (was == IKE_SA_LINGERING || was == IKE_SA_DEAD || was == IKE_SA_CLOSING)
		return;
	if (sa->conn && why) {
		sa->conn->last_error = *why;
		ike_facts_keep(sa, why, now);
	}
	if (sa->conn && sa->conn->attempt == sa)
		sa->conn->attempt = NULL;
	/* An SA that the peer can't have authenticated yet just ends. */
	if (was == IKE_SA_HALF_OPEN || (was == IKE_SA_INITIATING && !(sa->auth && sa->auth->told_all)))
		tell = false;
	ike_sa_set_state(sa, tell ? IKE_SA_CLOSING : IKE_SA_DEAD);
	free(sa->child_trial);
	sa->child_trial = NULL;
	/* What the peer made of it meanwhile has nothing to take over any more. */
	heir = ike_sa_by_serial(sa->ike, sa->heir);
	if (heir && heir->state == IKE_SA_ESTABLISHED)
		heir->childless_at = now;
	sa->heir = 0;
	remove_children(sa, now);
	sa->childless_at = sa->rekey_at = sa->expire_at = MTIME_NEVER;
	ike_bytes_clear(&sa->parked.msg);
	sa->parked = (struct ike_parked){ 0 };
	/* What is already on its way keeps the window until it is answered; the Delete goes after it. */
	if (!busy || !tell)
		ike_task_clear(sa);
}

struct ike_sa *ike_sa_heir_of(const struct ike_sa *heir)
{
	list_for_each (&heir->conn->sas, struct ike_sa, sa, node)
		if (sa->heir == heir->serial && sa->state == IKE_SA_ESTABLISHED)
			return sa;
	return NULL;
}

void ike_sa_take_way(const struct ike_sa *old, struct ike_sa *heir)
{
	heir->local = old->local;
	heir->remote = old->remote;
	heir->natt = old->natt;
	heir->natd = old->natd;
	heir->nat_local = old->nat_local;
	heir->nat_remote = old->nat_remote;
	heir->nat_pretended = old->nat_pretended;
	heir->mobike = old->mobike;
}

void ike_sa_inherit(struct ike_sa *old, struct ike_sa *heir, bool we_delete, mtime now)
{
	list_for_each (&old->children, struct ike_child, c, node) {
		list_remove(&c->node);
		list_append(&heir->children, &c->node);
		c->sa = heir;
	}
	heir->redundant = old->redundant;
	heir->redundant_to = old->redundant_to;
	heir->redundant_since = old->redundant_since;
	heir->redundant_check = old->redundant_check;
	heir->childless_at = old->childless_at;
	heir->ppk = old->ppk;
	heir->auth_ends = old->auth_ends;
	heir->auth_over = old->auth_over;
	heir->auth_tries = old->auth_tries;
	heir->pfs = old->pfs;
	heir->pfs_group = old->pfs_group;
	ike_mobike_inherit(old, heir);
	list_for_each (&old->conn->sas, struct ike_sa, sa, node)
		if (sa->redundant_to == old->serial) {
			sa->redundant_to = heir->serial;
			heir->want_probe = true; /* now it is the heir that must prove itself (settle.c) */
		}
	ike_sa_set_state(old, IKE_SA_REKEYED);
	old->redundant = false;
	old->heir = 0;
	old->force_delete = we_delete;
	old->delete_at = we_delete ? MTIME_NEVER : mtime_add(now, rekeyed_guard);
	old->rekey_at = old->expire_at = old->childless_at = MTIME_NEVER;
	old->want_rekey = old->want_probe = false;
	heir->conn->ike_rekeys++;
	ike_act_ike_rekeyed(old, heir, now);
}

void ike_sa_kick(struct ike_sa *sa, mtime now)
{
	struct ike_child *rekey = NULL, *surplus;

	if (sa->task.kind != IKE_TASK_NONE)
		return;
	if (sa->state == IKE_SA_CLOSING || (sa->state == IKE_SA_REKEYED && sa->force_delete)) {
		ike_delete_ike_start(sa, now);
		return;
	}
	if (sa->state != IKE_SA_ESTABLISHED || sa->parked.ticket)
		return;
	if (ike_mobike_kick(sa, now)) /* before all else (RFC 4555 3.5) */
		return;
	list_for_each (&sa->children, struct ike_child, c, node) {
		if (c->want_delete && c->state != IKE_CHILD_GONE && c->state != IKE_CHILD_DELETING) {
			ike_delete_child_start(sa, c, now);
			return;
		}
		/* One whose outbound side is not in use may be unknown to the peer still. */
		if (c->want_rekey && c->state == IKE_CHILD_READY && c->out_installed &&
		    !ike_child_successor(c))
			rekey = c;
	}
	if (sa->orphan_spi)
		ike_delete_orphan_start(sa, now);
	else if (ike_child_trial_kick(sa, now))
		return;
	else if (sa->want_probe)
		ike_probe_start(sa, now);
	else if (sa->want_rekey)
		ike_rekey_ike_start(sa, ike_first_group(&sa->conn->cfg.ike_proposals), now);
	else if (rekey && (surplus = ike_child_surplus(sa, now)))
		ike_delete_child_start(sa, surplus, now);
	else if (rekey)
		ike_rekey_child_start(sa, rekey, now);
}

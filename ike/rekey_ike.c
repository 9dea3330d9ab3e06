/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rekeying the IKE SA, both ways (RFC 7296 1.3.2, 2.8, 2.18). The new SA takes over the children; the old one
 * is then deleted by who began the rekey. When both ends begin at once there are two new SAs, and the
 * children wait on the old one until the four nonces are known: the SA with the lowest is deleted by its
 * maker, the other's maker deletes the old one (2.8.2). An end that never saw the peer's request is told
 * TEMPORARY_FAILURE or sees the old SA deleted, and goes on with the peer's new SA, its `heir`.
 */
#include "ike/engine.h"
#include "ike/reasons.h"

#include <string.h>

#define X IKE_X_CREATE_CHILD_SA

static const mdur retry_soon = { 4 * (int64_t)1000000000 };
static const mdur retry_later = { 60 * (int64_t)1000000000 };
static const mdur several_minutes = { 180 * (int64_t)1000000000 };
static const mdur rival_guard = { 180 * (int64_t)1000000000 };

bool ike_put_off(struct ike_sa *sa, mtime now)
{
	struct ike_conn *conn = sa->conn;
	struct reason why;

	if (mtime_is_never(sa->put_off))
		sa->put_off = now;
	if (mtime_since(now, sa->put_off).ns < several_minutes.ns)
		return false;
	ike_reason_put_off(&why, sa, now);
	ike_task_clear(sa);
	ike_sa_close(sa, true, &why, now);
	ike_conn_lost(conn, &why, true, now);
	return true;
}

void ike_rekey_ike_start(struct ike_sa *sa, enum ke_id group, mtime now)
{
	struct ike_task *t = &sa->task;

	t->kind = IKE_TASK_REKEY_IKE;
	t->why = sa->why_next;
	t->spi_ike = ike_sa_new_spi(sa->ike);
	t->group = group;
	t->nonce.len = IKE_NONCE_LEN;
	rng_fill(&sa->ike->rng, t->nonce.data, IKE_NONCE_LEN);
	sa->want_rekey = false;
	t->ticket = ike_job_start(sa, IKE_SLOT_TASK, group, NULL, (struct ike_span){ 0 });
	if (!t->ticket)
		ike_rekey_ike_failed(sa, now);
}

void ike_rekey_ike_send(struct ike_sa *sa, mtime now)
{
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));
	struct ike_task *t = &sa->task;
	uint8_t spi[IKE_SPI_LEN_IKE];
	struct wr w = wr_init(spi, sizeof(spi));
	struct chunk spi_chunk = { spi, sizeof(spi) };

	if (sa->state != IKE_SA_ESTABLISHED || sa->heir) {
		ike_rekey_ike_failed(sa, now);
		return;
	}
	wr_u64(&w, t->spi_ike);
	ike_build_sa(&b, &sa->conn->cfg.ike_proposals, IKE_PROTO_IKE, &spi_chunk, true);
	ike_build_nonce(&b, t->nonce.data, t->nonce.len);
	ike_build_ke(&b, (uint16_t)t->group, t->ke_public, t->ke_public_len);
	if (ike_request_send(sa, X, &b, 0, now))
		ike_rekey_ike_failed(sa, now);
}

void ike_rekey_ike_failed(struct ike_sa *sa, mtime now)
{
	struct ike_sa *heir = ike_sa_by_serial(sa->ike, sa->heir);

	ike_task_clear(sa);
	if (heir && heir->state == IKE_SA_ESTABLISHED)
		ike_sa_inherit(sa, heir, false, now);
	else if (sa->state == IKE_SA_ESTABLISHED)
		sa->rekey_at = mtime_add(now, ike_jitter(sa->ike, retry_soon, 50));
}

/* The new SA, keyed from the old one's SK_d (RFC 7296 2.18). NULL when keys or memory fail. */
static struct ike_sa *make_sa(struct ike_sa *old, const struct ike_suite *suite, bool initiator,
    uint64_t spi_i, uint64_t spi_r, const struct ike_nonce *ni, const struct ike_nonce *nr,
    const struct secret *g_ir, mtime now)
{
	struct ike_sa *sa = ike_sa_new(old->ike, old->conn, initiator, spi_i, spi_r, now);
	uint8_t skeyseed[CRYPTO_MAX_HASH];
	int rc;

	if (!sa)
		return NULL;
	sa->suite = *suite;
	sa->ni = *ni;
	sa->nr = *nr;
	sa->low = *ike_nonce_lower(ni, nr);
	ike_sa_take_way(old, sa);
	sa->fragmentation = old->fragmentation; /* RFC 7383 2.3: of the first SA, for all its successors */
	sa->fragment_size = old->fragment_size;
	sa->asked_at = old->asked_at;
	sa->asked_from = old->asked_from;
	sa->asked_natt = old->asked_natt;
	sa->remote_id = old->remote_id;
	/* SKEYSEED comes by the old SA's PRF, the keys by the new one's. */
	rc = ike_skeyseed_rekey(&old->keys, ni, nr, g_ir, skeyseed) ||
	     ike_keys_derive(suite, initiator, skeyseed, old->keys.prf_len, ni, nr, spi_i, spi_r, &sa->keys);
	cleanse(skeyseed, sizeof(skeyseed));
	if (rc) {
		ike_sa_dead(sa);
		return NULL;
	}
	ike_sa_establish(sa, now);
	sa->origin = old->origin;
	sa->proven = old->proven;
	return sa;
}

static uint64_t spi_of(const struct ike_choice *c)
{
	struct rd r = rd_init(c->spi.data, c->spi.len);

	return rd_u64(&r);
}

static int read_answer(struct ike_sa *sa, const struct ike_payloads *p, struct ike_choice *c,
    struct ike_ke_view *ke, uint64_t *ret_spi)
{
	struct ike_offer offer;

	if (!p->ke.data || ike_ke_parse(p->ke, ke) || p->nonce.len < IKE_NONCE_MIN ||
	    p->nonce.len > IKE_NONCE_MAX)
		return -1;
	if (ike_sa_parse(p->sa, &offer) || !ike_sa_is_answer(&offer) ||
	    ike_sa_select(
	        &sa->conn->cfg.ike_proposals, &offer, IKE_PROTO_IKE, IKE_KE_LISTED, sa->task.group, c) ||
	    c->suite.ke != sa->task.group || ke->group != (unsigned)sa->task.group ||
	    c->spi.len != IKE_SPI_LEN_IKE)
		return -1;
	*ret_spi = spi_of(c);
	return *ret_spi ? 0 : -1;
}

static void settle(struct ike_sa *old, struct ike_sa *fresh, mtime now)
{
	struct ike_sa *heir = ike_sa_by_serial(old->ike, old->heir);

	if (old->state != IKE_SA_ESTABLISHED) { /* the peer's has taken over already */
		ike_sa_close(fresh, true, NULL, now);
		return;
	}
	if (!heir || heir->state != IKE_SA_ESTABLISHED) {
		ike_sa_inherit(old, fresh, true, now);
		return;
	}
	fresh->how.collided = heir->how.collided = true;
	if (ike_nonce_cmp(&fresh->low, &heir->low) < 0) {
		ike_sa_inherit(old, heir, false, now);
		ike_sa_close(fresh, true, NULL, now);
		return;
	}
	ike_sa_inherit(old, fresh, true, now);
	ike_sa_set_state(heir, IKE_SA_REKEYED); /* its maker deletes it; else we do */
	heir->delete_at = mtime_add(now, rival_guard);
	heir->rekey_at = heir->expire_at = MTIME_NEVER;
}

/* It will hardly be otherwise soon: say why, and try again later. */
static void give_up(struct ike_sa *sa, const struct reason *why, mtime now)
{
	sa->conn->last_error = *why;
	ike_act_report(sa->ike, sa->conn->id, IKE_REPORT_ERROR, why);
	ike_rekey_ike_failed(sa, now);
	if (sa->state == IKE_SA_ESTABLISHED)
		sa->rekey_at = mtime_add(now, ike_jitter(sa->ike, retry_later, 30));
}

static void refused(struct ike_sa *sa, const struct ike_notify *error, mtime now)
{
	struct ike_task *t = &sa->task;
	unsigned retries;
	enum ke_id group;
	struct reason why;

	if (error->type == IKE_N_INVALID_KE_PAYLOAD && !sa->heir) {
		group = ike_retry_group(t, &sa->conn->cfg.ike_proposals, error);
		retries = t->ke_retries;
		if (group != KE_NONE) {
			ike_task_clear(sa);
			ike_rekey_ike_start(sa, group, now);
			sa->task.ke_retries = retries;
			return;
		}
	}
	if (error->type == IKE_N_TEMPORARY_FAILURE) {
		if (sa->heir || !ike_put_off(sa, now))
			ike_rekey_ike_failed(sa, now);
		return;
	}
	ike_reason_refused(&why, sa, error->type, "the rekey of the IKE SA");
	give_up(sa, &why, now);
}

void ike_rekey_ike_reply(
    struct ike_sa *sa, struct ike_payloads *p, uint8_t first, struct rd chain, struct ike_job *job, mtime now)
{
	const struct ike_notify *error = ike_notify_error(p);
	struct ike_task *t = &sa->task;
	struct ike_nonce nr = { 0 };
	struct ike_choice c;
	struct ike_ke_view ke;
	struct ike_sa *fresh;
	uint64_t spi_r;

	if (!p->sa.data && error) {
		refused(sa, error, now);
		return;
	}
	if (read_answer(sa, p, &c, &ke, &spi_r) || (job && !job->ok)) {
		struct reason why;

		ike_reason_bad_answer(&why, sa, "it chooses for the new IKE SA what we did not offer");
		give_up(sa, &why, now);
		return;
	}
	if (!job) {
		size_t len = rd_left(&chain);

		if (ike_bytes_set(&t->reply, rd_skip(&chain, len), len)) {
			ike_rekey_ike_failed(sa, now);
			return;
		}
		t->reply_first = first;
		t->waiting_secret = true;
		t->ticket = ike_job_start(sa, IKE_SLOT_TASK, t->group, t->ke, ke.data);
		t->ke = NULL;
		if (!t->ticket)
			ike_rekey_ike_failed(sa, now);
		return;
	}
	nr.len = (uint16_t)p->nonce.len;
	memcpy(nr.data, p->nonce.data, nr.len);
	fresh = make_sa(sa, &c.suite, true, t->spi_ike, spi_r, &t->nonce, &nr, &job->secret, now);
	if (!fresh) {
		ike_rekey_ike_failed(sa, now);
		return;
	}
	fresh->how = (struct ike_rekeyed){ .why = t->why, .by_us = true };
	ike_task_clear(sa);
	settle(sa, fresh, now);
}

/* --- as responder --- */

/* May the IKE SA be rekeyed now (RFC 7296 2.25.2)? Not while the peer leaves its old ones lying about. */
static bool may_rekey(const struct ike_sa *sa)
{
	unsigned old = 0;

	list_for_each (&sa->conn->sas, struct ike_sa, o, node)
		old += o->state == IKE_SA_REKEYED;
	if (old >= IKE_REKEYED_MAX)
		return false;
	return !sa->heir && sa->task.kind != IKE_TASK_REKEY_CHILD && sa->task.kind != IKE_TASK_DELETE_CHILD;
}

static void respond(struct ike_sa *sa, uint32_t msg_id, const struct ike_choice *c,
    const struct ike_sa *fresh, const struct ike_job *job)
{
	struct ike_build b = ike_build_init(sa->ike->body, sizeof(sa->ike->body));
	uint8_t spi[IKE_SPI_LEN_IKE];
	struct wr w = wr_init(spi, sizeof(spi));
	struct chunk spi_chunk = { spi, sizeof(spi) };

	wr_u64(&w, fresh->spi_r);
	ike_build_sa_choice(&b, c, IKE_PROTO_IKE, &spi_chunk);
	ike_build_nonce(&b, fresh->nr.data, fresh->nr.len);
	ike_build_ke(&b, (uint16_t)job->group, job->ke_public, job->ke_public_len);
	ike_respond(sa, X, msg_id, &b, 0);
}

static void make_heir(struct ike_sa *sa, uint32_t msg_id, const struct ike_payloads *p,
    const struct ike_choice *c, const struct ike_job *job, mtime now)
{
	struct ike_nonce ni = { .len = (uint16_t)p->nonce.len }, nr = { .len = IKE_NONCE_LEN };
	struct ike_sa *fresh;

	memcpy(ni.data, p->nonce.data, ni.len);
	rng_fill(&sa->ike->rng, nr.data, IKE_NONCE_LEN);
	fresh =
	    make_sa(sa, &c->suite, false, spi_of(c), ike_sa_new_spi(sa->ike), &ni, &nr, &job->secret, now);
	if (!fresh) {
		ike_respond_notify(sa, X, msg_id, IKE_N_TEMPORARY_FAILURE, NULL, 0);
		return;
	}
	fresh->how.why = IKE_REKEY_PEER;
	respond(sa, msg_id, c, fresh, job);
	if (sa->task.kind == IKE_TASK_REKEY_IKE && sa->out.msg.data)
		sa->heir = fresh->serial; /* both at once: the nonces decide when our answer is here */
	else if (sa->task.kind == IKE_TASK_REKEY_IKE && sa->task.waiting_secret)
		sa->heir = fresh->serial;
	else
		ike_sa_inherit(sa, fresh, false, now);
}

void ike_rekey_ike_request(struct ike_sa *sa, uint32_t msg_id, struct ike_payloads *p,
    struct ike_offer *offer, uint8_t first, struct rd chain, struct ike_job *job, mtime now)
{
	struct ike_ke_view ke;
	struct ike_choice c;
	struct ke_info info;
	uint8_t group[2];
	struct wr w = wr_init(group, sizeof(group));

	if (!p->ke.data || ike_ke_parse(p->ke, &ke) || p->nonce.len < IKE_NONCE_MIN ||
	    p->nonce.len > IKE_NONCE_MAX || (job && !job->ok)) {
		ike_respond_notify(sa, X, msg_id, IKE_N_INVALID_SYNTAX, NULL, 0);
		return;
	}
	if (!may_rekey(sa)) {
		ike_respond_notify(sa, X, msg_id, IKE_N_TEMPORARY_FAILURE, NULL, 0);
		return;
	}
	if (ike_sa_select(&sa->conn->cfg.ike_proposals, offer, IKE_PROTO_IKE, IKE_KE_LISTED,
	        (enum ke_id)ke.group, &c) ||
	    c.spi.len != IKE_SPI_LEN_IKE || !spi_of(&c)) {
		ike_respond_notify(sa, X, msg_id, IKE_N_NO_PROPOSAL_CHOSEN, NULL, 0);
		return;
	}
	if (ke.group != (unsigned)c.suite.ke || !ke_info(c.suite.ke, &info) ||
	    ke.data.len != info.public_len) {
		wr_u16(&w, (uint16_t)c.suite.ke);
		ike_respond_notify(sa, X, msg_id, IKE_N_INVALID_KE_PAYLOAD, group, sizeof(group));
		return;
	}
	if (!job) {
		if (ike_park_request(sa, X, msg_id, first, chain, c.suite.ke, ke.data))
			ike_respond_notify(sa, X, msg_id, IKE_N_TEMPORARY_FAILURE, NULL, 0);
		return;
	}
	make_heir(sa, msg_id, p, &c, job, now);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which proposal would pass? NO_PROPOSAL_CHOSEN names nothing, so after it the engine sends IKE_SA_INITs with
 * other proposals and looks at what is chosen; none of them is ever completed. First everything strong at
 * once: the peer's choice is a suite that passes. Then ours with one kind of transform widened, to name the
 * one that differs. If nothing strong passes, weak algorithms, only to be able to say so: they are never
 * used.
 *
 * Bounded: one at a time, at most four a round, a round at most every ten minutes a connection; a trial is an
 * attempt like any other as to cookies, INVALID_KE_PAYLOAD and repeats. All of it is unauthenticated: who
 * forges answers can mislead the text, nothing else.
 */
#include "ike/trial.h"

#include "ike/engine.h"
#include "ike/reasons.h"

#include <stdlib.h>
#include <string.h>

static const mdur again_after = { 600 * (int64_t)1000000000 };
static const mdur patience = { 4 * (int64_t)1000000000 };

struct ike_trial {
	enum ike_trial_kind kind;
	struct ike_proposals offer;
};

static const enum ke_id strong_ke[] = { KE_MODP_2048, KE_ECP_256, KE_ECP_384, KE_CURVE25519, KE_MODP_3072,
	KE_MODP_4096, KE_ECP_521 };
static const enum integ_id strong_integ[] = { INTEG_HMAC_SHA2_256_128, INTEG_HMAC_SHA2_384_192,
	INTEG_HMAC_SHA2_512_256 };
static const enum prf_id strong_prf[] = { PRF_HMAC_SHA2_256, PRF_HMAC_SHA2_384, PRF_HMAC_SHA2_512 };
static const uint16_t key_bits[] = { 256, 192, 128 };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const struct ike_proposals *ike_trial_offer(const struct ike_sa *sa)
{
	return sa->trial ? &sa->trial->offer : &sa->conn->cfg.ike_proposals;
}

void ike_trial_free(struct ike_trial *t)
{
	free(t);
}

void ike_trial_widen_ke(struct ike_proposal *p)
{
	p->n_ke = 0;
	for (size_t i = 0; i < COUNT(strong_ke); i++)
		p->ke[p->n_ke++] = strong_ke[i];
}

static void widen_prf(struct ike_proposal *p)
{
	p->n_prf = 0;
	for (size_t i = 0; i < COUNT(strong_prf); i++)
		p->prf[p->n_prf++] = strong_prf[i];
}

void ike_trial_widen_integ(struct ike_proposal *p)
{
	p->n_integ = 0;
	for (size_t i = 0; i < COUNT(strong_integ); i++)
		p->integ[p->n_integ++] = strong_integ[i];
}

void ike_trial_set_encr(struct ike_proposal *p, enum encr_id id)
{
	p->n_encr = 0;
	for (size_t i = 0; i < COUNT(key_bits); i++, p->n_encr++) {
		p->encr[p->n_encr].id = id;
		p->encr[p->n_encr].key_bits = key_bits[i];
	}
}

void ike_trial_add(struct ike_proposals *o, const struct ike_proposal *p)
{
	if (o->n < IKE_PROPOSALS_MAX)
		o->list[o->n++] = *p;
}

static void offer_all(struct ike_proposals *o)
{
	struct ike_proposal p = { 0 };

	ike_trial_widen_ke(&p);
	widen_prf(&p);
	ike_trial_set_encr(&p, ENCR_AES_GCM_16);
	ike_trial_add(o, &p);
	ike_trial_widen_integ(&p);
	ike_trial_set_encr(&p, ENCR_AES_CBC);
	ike_trial_add(o, &p);
}

static void offer_weak(struct ike_proposals *o)
{
	struct ike_proposal p = { .ke = { KE_MODP_1024, KE_MODP_2048, KE_ECP_256 },
		.n_ke = 3,
		.prf = { PRF_HMAC_SHA2_256, PRF_HMAC_SHA1 },
		.n_prf = 2,
		.integ = { INTEG_HMAC_SHA2_256_128, INTEG_HMAC_SHA1_96 },
		.n_integ = 2 };

	ike_trial_set_encr(&p, ENCR_AES_CBC);
	p.encr[p.n_encr++].id = ENCR_3DES;
	ike_trial_add(o, &p);
}

static void offer_ours(struct ike_proposals *o, const struct ike_proposals *ours, enum ike_trial_kind kind)
{
	for (unsigned i = 0; i < ours->n; i++) {
		struct ike_proposal p = ours->list[i];

		if (kind == IKE_TRIAL_KE)
			ike_trial_widen_ke(&p);
		if (kind == IKE_TRIAL_INTEG) {
			widen_prf(&p);
			if (p.n_integ)
				ike_trial_widen_integ(&p);
		}
		if (kind == IKE_TRIAL_ENCR)
			ike_trial_set_encr(&p, p.n_integ ? ENCR_AES_CBC : ENCR_AES_GCM_16);
		ike_trial_add(o, &p);
	}
}

static int begin(struct ike_conn *conn, enum ike_trial_kind kind, mtime now)
{
	struct ike_trial *t = calloc(1, sizeof(*t));
	struct ike_sa *sa = t ? ike_sa_new(conn->ike, conn, true, ike_sa_new_spi(conn->ike), 0, now) : NULL;

	if (!sa) {
		free(t);
		return -1;
	}
	t->kind = kind;
	sa->trial = t;
	sa->expires = mtime_add(now, patience);
	switch (kind) {
	case IKE_TRIAL_ALL: offer_all(&t->offer); break;
	case IKE_TRIAL_WEAK: offer_weak(&t->offer); break;
	case IKE_TRIAL_KE:
	case IKE_TRIAL_ENCR:
	case IKE_TRIAL_INTEG:
	case IKE_TRIALS: offer_ours(&t->offer, &conn->cfg.ike_proposals, kind); break;
	}
	if (!ike_init_begin(sa))
		return 0;
	ike_sa_dead(sa);
	return -1;
}

void ike_trial_start(struct ike_conn *conn, mtime now)
{
	if (!conn->up || conn->live ||
	    (!mtime_is_never(conn->trial_at) && mtime_since(now, conn->trial_at).ns < again_after.ns))
		return;
	conn->trial_at = now;
	conn->trial = (struct ike_trial_facts){ 0 };
	(void)begin(conn, IKE_TRIAL_ALL, now); /* without memory nothing is known, and that is said */
}

/* What is to be tried after this result; IKE_TRIALS: nothing. */
static enum ike_trial_kind next_of(enum ike_trial_kind kind, enum ike_trial_result result)
{
	bool accepted = result == IKE_TRIAL_ACCEPTED;

	if (result == IKE_TRIAL_SILENT)
		return IKE_TRIALS;
	switch (kind) {
	case IKE_TRIAL_ALL: return accepted ? IKE_TRIAL_KE : IKE_TRIAL_WEAK;
	case IKE_TRIAL_KE: return accepted ? IKE_TRIALS : IKE_TRIAL_ENCR;
	case IKE_TRIAL_ENCR: return accepted ? IKE_TRIALS : IKE_TRIAL_INTEG;
	case IKE_TRIAL_INTEG:
	case IKE_TRIAL_WEAK:
	case IKE_TRIALS: break;
	}
	return IKE_TRIALS;
}

void ike_trial_over(struct ike_sa *sa, enum ike_trial_result result, mtime now)
{
	enum ike_trial_kind kind = sa->trial->kind, next = next_of(kind, result);
	struct ike_conn *conn = sa->conn;
	struct reason why;

	conn->trial.result[kind] = result;
	conn->trial.suite[kind] = sa->suite;
	ike_sa_dead(sa);
	if (next != IKE_TRIALS && conn->up && !conn->live)
		(void)begin(conn, next, now);
	else if (ike_reason_trial(&why, sa, &conn->trial, false))
		ike_act_report(conn->ike, conn->id, IKE_REPORT_INFO, &why);
}

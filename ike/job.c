/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs: what takes milliseconds or more (key exchange, signatures, a turn of EAP) runs where the daemon
 * likes. A job holds all it needs, its own randomness too: a seed of 512 bits from the engine's rng,
 * stretched by HMAC-SHA-512 in counter mode, so that the engine's rng is never drawn from another thread and
 * the same seed replays the same run.
 */
#include "ike/engine.h"

#include <stdlib.h>
#include <string.h>

static void job_fill(void *ctx, void *out, size_t len)
{
	struct ike_job *job = ctx;
	struct wr w = wr_init(out, len);

	while (wr_left(&w)) {
		uint8_t counter[4], block[CRYPTO_MAX_HASH];
		struct wr c = wr_init(counter, sizeof(counter));
		struct chunk part = { counter, sizeof(counter) };

		wr_u32(&c, job->drawn++);
		if (prf(PRF_HMAC_SHA2_512, job->seed, sizeof(job->seed), &part, 1, block))
			abort(); /* an rng can't fail (base/rng.h) */
		wr_bytes(&w, block, wr_left(&w) < sizeof(block) ? wr_left(&w) : sizeof(block));
		cleanse(block, sizeof(block));
	}
}

struct ike_job *ike_job_new(struct ike_sa *sa, enum ike_job_slot slot, enum ike_job_kind kind)
{
	struct ike_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->sa_serial = sa->serial;
	job->ticket = ++sa->ike->next_ticket;
	job->slot = slot;
	job->kind = kind;
	rng_fill(&sa->ike->rng, job->seed, sizeof(job->seed));
	return job;
}

uint64_t ike_job_queue(struct ike_sa *sa, struct ike_job *job)
{
	sa->job_action[job->slot] = ike_act_job(sa->ike, sa->conn ? sa->conn->id : 0, job);
	if (!sa->job_action[job->slot]) {
		ike_job_free(job);
		return 0;
	}
	return job->ticket;
}

uint64_t ike_job_start(
    struct ike_sa *sa, enum ike_job_slot slot, enum ke_id group, struct ke *ke, struct ike_span peer)
{
	struct ike_job *job = peer.len <= CRYPTO_MAX_KE_PUBLIC ? ike_job_new(sa, slot, IKE_JOB_KE) : NULL;

	if (!job) {
		ke_free(ke);
		return 0;
	}
	job->group = group;
	job->ke = ke;
	if (peer.len)
		memcpy(job->peer, peer.data, peer.len);
	job->peer_len = peer.len;
	return ike_job_queue(sa, job);
}

static bool run_ke(struct ike_job *job, const struct rng *rng)
{
	if (!job->ke)
		job->ke = ke_new(job->group, rng);
	if (!job->ke || ke_public(job->ke, job->ke_public, sizeof(job->ke_public), &job->ke_public_len))
		return false;
	return !job->peer_len || !ke_secret(job->ke, job->peer, job->peer_len, &job->secret);
}

void ike_job_run(struct ike_job *job)
{
	struct rng rng = { job_fill, job };

	switch (job->kind) {
	case IKE_JOB_KE: job->ok = run_ke(job, &rng); break;
	case IKE_JOB_EAP:
		ike_eap_turn(job->eap, &rng, job->turn);
		job->ok = true;
		break;
	case IKE_JOB_SIGN: job->ok = ike_signature_sign(job->signature); break;
	case IKE_JOB_VERIFY: job->ok = ike_signature_verify(job->signature); break;
	}
}

void ike_job_free(struct ike_job *job)
{
	if (!job)
		return;
	ke_free(job->ke);
	ike_eap_free(job->eap);
	ike_signature_free(job->signature);
	if (job->turn)
		cleanse(job->turn, sizeof(*job->turn));
	free(job->turn);
	secret_clear(&job->secret);
	cleanse(job, sizeof(*job));
	free(job);
}

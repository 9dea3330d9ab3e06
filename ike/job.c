/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs: the key exchange computations, which take milliseconds, run where the daemon likes. A job holds all
 * it needs, its own randomness too: a seed of 512 bits from the engine's rng, stretched by HMAC-SHA-512 in
 * counter mode, so that the engine's rng is never drawn from another thread and the same seed replays the
 * same run.
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

uint64_t ike_job_start(
    struct ike_sa *sa, enum ike_job_slot slot, enum ke_id group, struct ke *ke, struct ike_span peer)
{
	struct ike *ike = sa->ike;
	struct ike_job *job = peer.len <= CRYPTO_MAX_KE_PUBLIC ? calloc(1, sizeof(*job)) : NULL;

	if (!job) {
		ke_free(ke);
		return 0;
	}
	job->sa_serial = sa->serial;
	job->ticket = ++ike->next_ticket;
	job->slot = slot;
	job->group = group;
	job->ke = ke;
	rng_fill(&ike->rng, job->seed, sizeof(job->seed));
	if (peer.len)
		memcpy(job->peer, peer.data, peer.len);
	job->peer_len = peer.len;
	sa->job_action[slot] = ike_act_job(ike, sa->conn ? sa->conn->id : 0, job);
	if (!sa->job_action[slot]) {
		ike_job_free(job);
		return 0;
	}
	return job->ticket;
}

void ike_job_run(struct ike_job *job)
{
	struct rng rng = { job_fill, job };

	if (!job->ke)
		job->ke = ke_new(job->group, &rng);
	if (!job->ke || ke_public(job->ke, job->ke_public, sizeof(job->ke_public), &job->ke_public_len))
		return;
	if (job->peer_len && ke_secret(job->ke, job->peer, job->peer_len, &job->secret))
		return;
	job->ok = true;
}

void ike_job_free(struct ike_job *job)
{
	if (!job)
		return;
	ke_free(job->ke);
	secret_clear(&job->secret);
	cleanse(job, sizeof(*job));
	free(job);
}

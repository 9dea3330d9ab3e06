/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing, in two passes over the batch: lay out (check selectors, take a sequence number, write header, IV
 * and trailer) and encrypt. The second pass is where a multi-buffer cipher takes the whole batch.
 *
 * RFC 4303 3.3.2 to 3.3.4. A sequence number is used once and never wraps, with ESN or without (3.3.3). The
 * IV of CBC is random (RFC 3602 3), that of GCM the 64-bit sequence number, unique by construction (RFC
 * 4106 3.1).
 */
#include "esp/seal.h"

#include "base/cursor.h"
#include "esp/tos.h"

#include <string.h>

struct seal_job {
	struct esp_pkt *pkt;
	uint8_t *header, *iv, *text, *icv;
	size_t text_len;
};

static enum esp_verdict check_inner(struct esp_pkt *pkt, struct esp_flow *ret_flow)
{
	const struct esp_sa *sa = pkt->sa;
	struct esp_outer says;

	if (pkt->off > pkt->cap || pkt->cap - pkt->off < pkt->len)
		return ESP_TOO_BIG;
	if (esp_flow_parse(&pkt->buf[pkt->off], pkt->len, ret_flow) < 0)
		return ESP_MALFORMED;
	says = esp_inner_says(&pkt->buf[pkt->off], ret_flow->total_len);
	pkt->tos = says.tos;
	pkt->df = says.df;
	if (!esp_ts_match(sa->ts_local, sa->n_ts_local, &ret_flow->src, ret_flow, ret_flow->src_port) ||
	    !esp_ts_match(sa->ts_remote, sa->n_ts_remote, &ret_flow->dst, ret_flow, ret_flow->dst_port))
		return ESP_SELECTOR;
	return ESP_OK;
}

static enum esp_verdict take_seq(struct esp_sa *sa, uint64_t *ret_seq)
{
	uint64_t max = sa->esn ? UINT64_MAX : UINT32_MAX;

	if (sa->seq == max)
		return ESP_SEQ_EXHAUSTED;
	*ret_seq = ++sa->seq;
	if (sa->seq >= max / 4 * 3)
		sa->near_end = true;
	return ESP_OK;
}

/* Writes all but the ciphertext and the ICV around the inner packet. */
static enum esp_verdict lay_out(struct seal_job *job, const struct esp_flow *flow, const uint8_t *random_iv)
{
	struct esp_pkt *pkt = job->pkt;
	struct esp_sa *sa = pkt->sa;
	size_t front = ESP_HEADER_LEN + (size_t)sa->iv_len, used = flow->total_len + ESP_TRAILER_LEN;
	size_t pad = (sa->align - used % sa->align) % sa->align, total = front + used + pad + sa->icv_len;
	enum esp_verdict verdict;
	struct wr w;

	if (pkt->off < front || pkt->cap - (pkt->off - front) < total)
		return ESP_TOO_BIG;
	verdict = take_seq(sa, &pkt->seq);
	if (verdict != ESP_OK)
		return verdict;
	w = wr_init(&pkt->buf[pkt->off - front], total);
	job->header = w.p;
	wr_u32(&w, sa->spi);
	wr_u32(&w, (uint32_t)pkt->seq);
	job->iv = w.p;
	if (sa->cbc)
		wr_bytes(&w, random_iv, sa->iv_len);
	else
		wr_u64(&w, pkt->seq);
	job->text = wr_skip(&w, flow->total_len);
	job->text_len = used + pad;
	for (size_t i = 1; i <= pad; i++)
		wr_u8(&w, (uint8_t)i);
	wr_u8(&w, (uint8_t)pad);
	wr_u8(&w, flow->src.family == 4 ? ESP_PROTO_IPV4 : ESP_PROTO_IPV6);
	job->icv = wr_skip(&w, sa->icv_len);
	pkt->off -= front;
	pkt->len = total;
	return ESP_OK;
}

static enum esp_verdict encrypt(const struct seal_job *job)
{
	struct esp_sa *sa = job->pkt->sa;
	uint8_t high[4], aad[ESP_HEADER_LEN + 4];
	struct wr w = wr_init(high, sizeof(high)), a = wr_init(aad, sizeof(aad));
	int err;

	wr_u32(&w, (uint32_t)(job->pkt->seq >> 32));
	if (sa->cbc || !sa->esn) {
		err = aead_seal(sa->aead, job->header, ESP_HEADER_LEN, job->iv, job->text, job->text_len,
		    high, sa->esn ? sizeof(high) : 0, job->icv);
	} else { /* RFC 4106 5: the AAD holds the whole number */
		wr_u32(&a, sa->spi);
		wr_u64(&a, job->pkt->seq);
		err = aead_seal(
		    sa->aead, aad, sizeof(aad), job->iv, job->text, job->text_len, NULL, 0, job->icv);
	}
	return err ? ESP_AUTH : ESP_OK;
}

void esp_seal(const struct rng *rng, struct esp_pkt pkts[], size_t n)
{
	struct seal_job jobs[ESP_BATCH];
	size_t inner_len[ESP_BATCH], n_jobs = 0;
	uint8_t ivs[ESP_BATCH][ESP_MAX_IV];
	bool drawn = false;

	for (size_t i = 0; i < n; i++) {
		struct seal_job *job;
		struct esp_flow flow;

		pkts[i].authenticated = pkts[i].newest = false;
		pkts[i].verdict = ESP_NO_SA;
		if (!pkts[i].sa || i >= ESP_BATCH) /* beyond the batch nothing is sealed, so nothing is OK */
			continue;
		if (pkts[i].sa->cbc && !drawn) {
			rng_fill(rng, ivs, (n < ESP_BATCH ? n : ESP_BATCH) * sizeof(ivs[0]));
			drawn = true;
		}
		job = &jobs[n_jobs];
		job->pkt = &pkts[i];
		pkts[i].verdict = check_inner(&pkts[i], &flow);
		if (pkts[i].verdict == ESP_OK)
			pkts[i].verdict = lay_out(job, &flow, ivs[i]);
		if (pkts[i].verdict == ESP_OK)
			inner_len[n_jobs++] = flow.total_len;
		else
			pkts[i].sa->counters.verdicts[pkts[i].verdict]++;
	}
	for (size_t i = 0; i < n_jobs; i++) {
		struct esp_counters *c = &jobs[i].pkt->sa->counters;

		jobs[i].pkt->verdict = encrypt(&jobs[i]);
		c->verdicts[jobs[i].pkt->verdict]++;
		if (jobs[i].pkt->verdict == ESP_OK) {
			c->packets++;
			c->bytes += inner_len[i];
		}
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening, in three passes over the batch: read headers and ask the replay window; verify and decrypt; then,
 * for what proved authentic, ask the window again and move it, take off the trailer and check the inner
 * packet. The second question is not idle: a batch may hold the same packet twice.
 *
 * RFC 4303 3.4.2 to 3.4.4, 2.4 (padding), 2.6 (dummy packets), 2.7 (TFC padding), appendix A (ESN); RFC
 * 4301 5.2 step 4 (selectors).
 */
#include "esp/open.h"

#include "base/cursor.h"
#include "esp/tos.h"

#include <string.h>

struct open_job {
	struct esp_pkt *pkt;
	const uint8_t *header, *iv, *icv;
	uint8_t *text;
	size_t text_off, text_len;
};

static enum esp_verdict read_header(struct open_job *job)
{
	struct esp_pkt *pkt = job->pkt;
	const struct esp_sa *sa = pkt->sa;
	size_t front = ESP_HEADER_LEN + (size_t)sa->iv_len;
	struct rd r, peek;

	if (pkt->off > pkt->cap || pkt->cap - pkt->off < pkt->len ||
	    pkt->len < front + sa->icv_len + ESP_TRAILER_LEN)
		return ESP_MALFORMED;
	r = rd_init(&pkt->buf[pkt->off], pkt->len);
	peek = r;
	job->header = rd_skip(&r, ESP_HEADER_LEN);
	job->iv = rd_skip(&r, sa->iv_len);
	job->text_off = pkt->off + front;
	job->text_len = rd_left(&r) - sa->icv_len;
	job->text = &pkt->buf[job->text_off];
	rd_skip(&r, job->text_len);
	job->icv = rd_skip(&r, sa->icv_len);
	if (!rd_done(&r) || job->text_len % sa->align)
		return ESP_MALFORMED;
	if (rd_u32(&peek) != sa->spi)
		return ESP_NO_SA;
	if (!replay_guess(&sa->replay, rd_u32(&peek), &pkt->seq) || !replay_check(&sa->replay, pkt->seq))
		return ESP_REPLAY;
	return ESP_OK;
}

static enum esp_verdict decrypt(const struct open_job *job)
{
	const struct esp_sa *sa = job->pkt->sa;
	uint8_t high[4], aad[ESP_HEADER_LEN + 4];
	struct wr w = wr_init(high, sizeof(high)), a = wr_init(aad, sizeof(aad));
	int err;

	wr_u32(&w, (uint32_t)(job->pkt->seq >> 32));
	if (sa->cbc || !sa->esn) {
		err = aead_open(sa->aead, job->header, ESP_HEADER_LEN, job->iv, job->text, job->text_len,
		    high, sa->esn ? sizeof(high) : 0, job->icv);
	} else { /* RFC 4106 5: the AAD holds the whole number */
		wr_u32(&a, sa->spi);
		wr_u64(&a, job->pkt->seq);
		err = aead_open(
		    sa->aead, aad, sizeof(aad), job->iv, job->text, job->text_len, NULL, 0, job->icv);
	}
	return err ? ESP_AUTH : ESP_OK;
}

/* RFC 4303 2.4: the padding counts 1, 2, 3... ret_len is what stands before it. */
static enum esp_verdict strip_trailer(const struct open_job *job, size_t *ret_len, uint8_t *ret_next)
{
	struct rd r = rd_init(job->text, job->text_len);
	uint8_t pad_len;
	struct rd pad;

	rd_skip(&r, job->text_len - ESP_TRAILER_LEN);
	pad_len = rd_u8(&r);
	*ret_next = rd_u8(&r);
	if (pad_len > job->text_len - ESP_TRAILER_LEN)
		return ESP_MALFORMED;
	if (*ret_next == ESP_PROTO_NONE) /* a dummy's content means nothing, padding included */
		return ESP_DUMMY;
	*ret_len = job->text_len - ESP_TRAILER_LEN - pad_len;
	r = rd_init(job->text, job->text_len);
	rd_skip(&r, *ret_len);
	pad = rd_sub(&r, pad_len);
	for (unsigned i = 1; rd_left(&pad); i++)
		if (rd_u8(&pad) != i)
			return ESP_MALFORMED;
	return ESP_OK;
}

/* Hands a congestion mark on the outer header inwards (RFC 6040 4.2). */
static enum esp_verdict take_ecn(const struct esp_pkt *pkt, uint8_t *inner, size_t len)
{
	enum ecn outer = pkt->tos & ECN_MASK, was;
	int now;

	if (pkt->sa->ignore_ecn || outer == ECN_NOT_ECT)
		return ESP_OK;
	was = esp_inner_says(inner, len).tos & ECN_MASK;
	now = esp_ecn_combine(was, outer);
	if (now < 0)
		return ESP_ECN;
	if (now != (int)was)
		esp_ecn_set(inner, len, (enum ecn)now);
	return ESP_OK;
}

/* After authentication: the window, the trailer, the inner packet. */
static enum esp_verdict finish(struct open_job *job)
{
	struct esp_pkt *pkt = job->pkt;
	struct esp_sa *sa = pkt->sa;
	uint64_t top = sa->replay.top;
	enum esp_verdict verdict;
	struct esp_flow flow;
	size_t len = 0;
	uint8_t next;

	if (!replay_accept(&sa->replay, pkt->seq))
		return ESP_REPLAY;
	pkt->authenticated = true;
	pkt->newest = pkt->seq > top;
	verdict = strip_trailer(job, &len, &next);
	if (verdict != ESP_OK)
		return verdict;
	if (esp_flow_parse(job->text, len, &flow) < 0 ||
	    next != (flow.src.family == 4 ? ESP_PROTO_IPV4 : ESP_PROTO_IPV6))
		return ESP_MALFORMED;
	if (!esp_ts_match(sa->ts_remote, sa->n_ts_remote, &flow.src, &flow, flow.src_port) ||
	    !esp_ts_match(sa->ts_local, sa->n_ts_local, &flow.dst, &flow, flow.dst_port))
		return ESP_SELECTOR;
	pkt->off = job->text_off;
	pkt->len = flow.total_len;
	return take_ecn(pkt, job->text, flow.total_len);
}

void esp_open(struct esp_pkt pkts[], size_t n)
{
	struct open_job jobs[ESP_BATCH];
	size_t n_jobs = 0;

	for (size_t i = 0; i < n; i++) {
		pkts[i].authenticated = pkts[i].newest = false;
		pkts[i].verdict = ESP_NO_SA;
		if (!pkts[i].sa || i >= ESP_BATCH) /* beyond the batch nothing is opened, so nothing is OK */
			continue;
		jobs[n_jobs].pkt = &pkts[i];
		pkts[i].verdict = read_header(&jobs[n_jobs]);
		if (pkts[i].verdict == ESP_OK)
			n_jobs++;
		else
			pkts[i].sa->counters.verdicts[pkts[i].verdict]++;
	}
	for (size_t i = 0; i < n_jobs; i++)
		jobs[i].pkt->verdict = decrypt(&jobs[i]);
	for (size_t i = 0; i < n_jobs; i++) {
		struct esp_pkt *pkt = jobs[i].pkt;
		struct esp_counters *c = &pkt->sa->counters;

		if (pkt->verdict == ESP_OK)
			pkt->verdict = finish(&jobs[i]);
		c->verdicts[pkt->verdict]++;
		if (pkt->verdict == ESP_OK) {
			c->packets++;
			c->bytes += pkt->len;
		}
	}
}

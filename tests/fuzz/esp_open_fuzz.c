/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ESP from the network. The first byte chooses: bits 0-1 the suite, bit 2 ESN, bits 3-4 what the rest is: an
 * ESP packet as it came, the text that a peer with our keys would have encrypted, or an inner packet to be
 * sealed. Whatever comes, memory stays whole, and what is delivered is one whole IP packet inside the buffer.
 */
#include "base/cursor.h"
#include "esp/open.h"
#include "esp/seal.h"
#include "tests/support/esp_packets.h"
#include "tests/support/rng_seeded.h"

#include <stdlib.h>
#include <string.h>

#define MAX_INPUT  4096
#define SUITE_MASK 0x03
#define ESN_BIT    0x04
#define MODE_SHIFT 3

enum mode { MODE_RAW, MODE_TEXT, MODE_SEAL, MODE_FLOW };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void check_opened(struct esp_sa *sa, uint8_t *buf, size_t len, size_t cap)
{
	struct esp_pkt pkt = { .buf = buf, .cap = cap, .len = len, .sa = sa };
	struct esp_flow flow;

	esp_open(&pkt, 1);
	require(pkt.verdict < ESP_VERDICT_COUNT);
	if (pkt.verdict != ESP_OK)
		return;
	require(pkt.authenticated && pkt.off <= cap && pkt.len <= cap - pkt.off);
	require(esp_flow_parse(&buf[pkt.off], pkt.len, &flow) == 0 && flow.total_len == pkt.len);
}

/* Encrypts the text as it is, padding and trailer included, into an ESP packet with sequence number 1. */
static size_t wrap(const struct esp_sa_params *p, const struct esp_sa *sa, const uint8_t *text, size_t len,
    uint8_t *out, size_t cap)
{
	struct aead_ctx *c = aead_new(true, p->encr, p->encr_key_bits, p->encr_key, p->integ, p->integ_key);
	struct wr w = wr_init(out, cap), a;
	uint8_t aad[12], high[4] = { 0 };
	uint8_t *iv, *body, *icv;

	a = wr_init(aad, sizeof(aad));
	len -= len % sa->align;
	wr_u32(&w, p->spi);
	wr_u32(&w, 1);
	iv = wr_skip(&w, sa->iv_len);
	body = wr_skip(&w, len);
	icv = wr_skip(&w, sa->icv_len);
	require(c && wr_ok(&w));
	memset(iv, 1, sa->iv_len);
	if (len)
		memcpy(body, text, len);
	wr_u32(&a, p->spi);
	if (!sa->cbc && p->esn)
		wr_u32(&a, 0);
	wr_u32(&a, 1);
	require(aead_seal(c, aad, wr_len(&a), iv, body, len, high, sa->cbc && p->esn ? 4 : 0, icv) == 0);
	aead_free(c);
	return wr_len(&w);
}

static void seal_then_open(
    const struct esp_suite *suite, bool esn, struct esp_sa *in, const uint8_t *inner, size_t len)
{
	static uint8_t buf[MAX_INPUT + ESP_HEADROOM + ESP_TAILROOM];
	struct esp_sa_params p = esp_test_params(suite, false, esn);
	struct esp_pkt pkt = { .buf = buf, .cap = sizeof(buf), .off = ESP_HEADROOM, .len = len };
	uint64_t seed = 1;
	struct rng rng = rng_seeded(&seed);

	pkt.sa = esp_sa_new(&p);
	require(pkt.sa);
	memcpy(&buf[ESP_HEADROOM], inner, len);
	esp_seal(&rng, &pkt, 1);
	esp_sa_free(pkt.sa);
	if (pkt.verdict != ESP_OK)
		return;
	pkt.sa = in;
	esp_open(&pkt, 1);
	require(pkt.verdict == ESP_OK && pkt.len <= len && memcmp(&buf[pkt.off], inner, pkt.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned suites[] = { 0, 6, 8, 11 };
	static uint8_t buf[MAX_INPUT + ESP_HEADROOM + ESP_TAILROOM];
	const struct esp_suite *suite;
	struct esp_sa_params p;
	struct esp_flow flow;
	struct esp_sa *sa;
	uint8_t *raw;

	if (size < 1 || size > MAX_INPUT || crypto_init() < 0)
		return 0;
	suite = &esp_suites[suites[data[0] & SUITE_MASK]];
	p = esp_test_params(suite, true, data[0] & ESN_BIT);
	sa = esp_sa_new(&p);
	require(sa);
	switch ((enum mode)(data[0] >> MODE_SHIFT & 3)) {
	case MODE_RAW:
		raw = malloc(size > 1 ? size - 1 : 1); /* exact, so that the sanitizer sees its end */
		require(raw);
		memcpy(raw, data + 1, size - 1);
		check_opened(sa, raw, size - 1, size - 1);
		free(raw);
		break;
	case MODE_TEXT:
		check_opened(sa, buf, wrap(&p, sa, data + 1, size - 1, buf, sizeof(buf)), sizeof(buf));
		break;
	case MODE_SEAL: seal_then_open(suite, p.esn, sa, data + 1, size - 1); break;
	case MODE_FLOW:
		if (esp_flow_parse(data + 1, size - 1, &flow) == 0)
			require(flow.total_len <= size - 1);
		break;
	}
	esp_sa_free(sa);
	return 0;
}

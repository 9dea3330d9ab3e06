/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What servers answer when they are asked about a certificate: OCSP answers and CRLs, from whoever sits on
 * the way. The input is a list of records (kind, 16-bit length, octets): the certificate, its issuer, and
 * answers; with SIGNED the octets are what is to be signed, and the target signs them
 * (tests/support/der_seal.h). Whatever comes, memory stays whole, and an answer counts only when somebody
 * signed.
 */
#include "base/crypto.h"
#include "base/cursor.h"
#include "base/revocation.h"
#include "tests/support/der_seal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW         1800000000 /* as in cert_fuzz.c */
#define ANSWERS_MAX 8
#define SIGNED      0x80

enum kind { REC_CERT, REC_ISSUER, REC_OCSP, REC_CRL, REC_RESPONDER, REC_KINDS };

struct servers {
	struct cert *cert, *issuer;
	struct answer {
		bool ocsp;
		uint8_t *data; /* own */
		size_t len;
	} answer[ANSWERS_MAX];
	uint8_t *responder; /* its certificate, as it stands in OCSP answers from here on; own */
	size_t responder_len;
	unsigned n, next;
	bool signed_any;
};

static void require(bool truth)
{
	if (!truth)
		abort();
}

static mtime steady(void *ctx)
{
	(void)ctx;
	return (mtime){ 0 };
}

static int64_t wall(void *ctx)
{
	(void)ctx;
	return NOW;
}

/* The answers of the asked kind, one after the other. */
static int fetch(void *ctx, const struct credentials_query *q, uint8_t **ret_data, size_t *ret_len)
{
	struct servers *s = ctx;

	require(!strncmp(q->url, "http://", 7) && strlen(q->url) < CERT_URL_MAX && !q->type == !q->body_len);
	while (s->next < s->n && s->answer[s->next].ocsp != (q->type != NULL))
		s->next++;
	if (s->next == s->n)
		return -1;
	*ret_len = s->answer[s->next].len;
	*ret_data = malloc(*ret_len + 1);
	require(*ret_data != NULL);
	if (*ret_len)
		memcpy(*ret_data, s->answer[s->next].data, *ret_len);
	s->next++;
	return 0;
}

static void keep(void *ctx, const struct credentials_query *q, const uint8_t *data, size_t len, int64_t until)
{
	(void)ctx;
	(void)until;
	require(q->url && data && len);
}

static void add_answer(struct servers *s, bool ocsp, uint8_t **body, size_t len)
{
	if (s->n == ANSWERS_MAX)
		return;
	s->answer[s->n++] = (struct answer){ ocsp, *body, len };
	*body = NULL;
}

static uint8_t *prepare(struct servers *s, uint8_t kind, const uint8_t *body, size_t *len)
{
	uint8_t *inner, *out;
	bool ocsp;

	if (!(kind & SIGNED)) {
		out = malloc(*len + 1);
		if (out && *len)
			memcpy(out, body, *len);
		return out;
	}
	ocsp = kind % SIGNED % REC_KINDS == REC_OCSP;
	inner = der_seal(body, *len, ocsp ? s->responder : NULL, ocsp ? s->responder_len : 0, len);
	s->signed_any = true;
	if (!ocsp)
		return inner;
	out = inner ? der_ocsp(inner, *len, len) : NULL;
	free(inner);
	return out;
}

static void record(struct servers *s, struct rd *r)
{
	uint8_t kind = rd_u8(r), *own;
	size_t len = rd_u16(r);
	const uint8_t *body = rd_skip(r, len);

	if (!rd_ok(r))
		return;
	own = prepare(s, kind, body, &len);
	require(own != NULL);
	switch ((enum kind)(kind % SIGNED % REC_KINDS)) {
	case REC_CERT:
		cert_unref(s->cert);
		s->cert = cert_parse(own, len);
		break;
	case REC_ISSUER:
		cert_unref(s->issuer);
		s->issuer = cert_parse(own, len);
		break;
	case REC_OCSP: add_answer(s, true, &own, len); break;
	case REC_CRL: add_answer(s, false, &own, len); break;
	case REC_RESPONDER:
		free(s->responder);
		s->responder = der_ocsp_cert(own, len, &s->responder_len);
		require(s->responder != NULL);
		break;
	case REC_KINDS: break;
	}
	free(own);
}

/* Each kind of server, until it has no more answers. */
static void ask(struct servers *s)
{
	const struct credentials_world w = {
		.wall = wall, .steady = steady, .fetch = fetch, .keep = keep, .ctx = s
	};

	for (unsigned ocsp = 0; ocsp < 2; ocsp++) {
		enum revocation r = REVOCATION_UNKNOWN;
		unsigned before = s->n;

		s->next = 0;
		while (s->next < s->n && s->next != before && r == REVOCATION_UNKNOWN) {
			struct revocation_patience p = revocation_patience(&w);

			before = s->next;
			r = ocsp ? revocation_ocsp(&w, &p, s->cert, s->issuer, false, NOW)
			         : revocation_crls(&w, &p, s->cert, s->issuer, false, NOW);
			require(r == REVOCATION_UNKNOWN || s->signed_any);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	struct servers s = { 0 };

	require(!crypto_init());
	while (rd_left(&r) && rd_ok(&r))
		record(&s, &r);
	if (s.cert && s.issuer)
		ask(&s);
	for (unsigned i = 0; i < s.n; i++)
		free(s.answer[i].data);
	free(s.responder);
	cert_unref(s.cert);
	cert_unref(s.issuer);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates from whoever: parsed, described, matched against names and judged. The input is a list of
 * records (kind, 16-bit length, octets): certificates of the chain, of our anchors, CRLs, names, PEM text.
 * With SIGNED the octets are what is to be signed, and the target signs them (tests/support/der_seal.h), so
 * that judgements get behind the signatures. Whatever comes, memory stays whole, texts end, and nothing is
 * believed that leads to no anchor.
 */
#include "base/cert.h"
#include "base/crypto.h"
#include "base/cursor.h"
#include "base/revocation.h"
#include "tests/support/der_seal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW         1800000000 /* 2027-01-15 */
#define ANCHORS_MAX 4
#define RECORDS_MAX 24
#define SIGNED      0x80

enum kind { REC_CHAIN, REC_ANCHOR, REC_CRL, REC_NAME, REC_PEM, REC_DN, REC_KINDS };

struct world {
	struct cert *chain[CERT_CHAIN_MAX], *anchor[ANCHORS_MAX];
	unsigned n_chain, n_anchor;
	struct {
		const uint8_t *data;
		size_t len;
	} crl[RECORDS_MAX];
	uint8_t *crl_der[RECORDS_MAX];
	unsigned n_crl;
};

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void look(const struct cert *c)
{
	char urls[CERT_URLS_MAX][CERT_URL_MAX];
	struct cert_info info;
	uint8_t subject[512], hash[20];
	struct cert *again;
	const uint8_t *der;
	size_t len;

	der = cert_der(c, &len);
	again = cert_parse(der, len);
	require(again && cert_issued_by(again, c) == cert_issued_by(c, c));
	cert_unref(again);
	if (!cert_info(c, &info)) {
		require(memchr(info.subject, 0, sizeof(info.subject)) &&
		        memchr(info.issuer, 0, sizeof(info.issuer)));
		require(memchr(info.serial, 0, sizeof(info.serial)) && memchr(info.key, 0, sizeof(info.key)));
	}
	if (!cert_subject(c, subject, sizeof(subject), &len))
		require(cert_has_name(c, CERT_NAME_DN, subject, len) == (len != 0));
	(void)cert_spki_sha1(c, hash);
	(void)cert_self_issued(c);
	for (unsigned i = revocation_ocsp_urls(c, urls, CERT_URLS_MAX); i--;)
		require(!strncmp(urls[i], "http://", 7));
	for (unsigned i = revocation_crl_urls(c, urls, CERT_URLS_MAX); i--;)
		require(!strncmp(urls[i], "http://", 7));
	sig_key_unref(cert_key(c));
}

static void take_cert(struct cert *list[], unsigned *n, unsigned max, const uint8_t *der, size_t len)
{
	struct cert *c = *n < max ? cert_parse(der, len) : NULL;

	if (!c)
		return;
	look(c);
	list[(*n)++] = c;
}

static void names(const struct world *w, const uint8_t *data, size_t len)
{
	char text[256];

	for (unsigned i = 0; i < w->n_chain; i++)
		for (int kind = CERT_NAME_DN; kind <= CERT_NAME_KEYID; kind++)
			(void)cert_has_name(w->chain[i], (enum cert_name)kind, data, len);
	(void)cert_dn_str(data, len, text, sizeof(text));
	require(memchr(text, 0, sizeof(text)) != NULL);
	(void)cert_dn_eq(data, len, data, len / 2);
}

static void pem(const uint8_t *data, size_t len)
{
	struct cert *list[4];
	struct reason why = { 0 };
	unsigned n = 0;

	if (cert_read_pem(data, len, "fuzz", 4, list, &n, &why)) {
		require(reason_is_set(&why));
		return;
	}
	require(n && n <= 4);
	cert_unref_all(list, n);
}

/* A name that we wrote is read and written again as the same. */
static void dn(const uint8_t *data, size_t len)
{
	char text[256], again[1024];
	uint8_t der[512];
	size_t n;

	if (len >= sizeof(text))
		return;
	if (len)
		memcpy(text, data, len);
	text[len] = '\0';
	if (cert_dn_parse(text, der, sizeof(der), &n))
		return;
	require(n <= sizeof(der));
	(void)cert_dn_str(der, n, again, sizeof(again));
	require(cert_dn_eq(der, n, der, n));
}

static void record(struct world *w, struct rd *r)
{
	uint8_t kind = rd_u8(r), *sealed = NULL;
	size_t len = rd_u16(r);
	const uint8_t *body = rd_skip(r, len);

	if (!rd_ok(r))
		return;
	if (kind & SIGNED)
		body = sealed = der_seal(body, len, NULL, 0, &len);
	switch ((enum kind)((kind & ~SIGNED) % REC_KINDS)) {
	case REC_CHAIN: take_cert(w->chain, &w->n_chain, CERT_CHAIN_MAX, body, len); break;
	case REC_ANCHOR: take_cert(w->anchor, &w->n_anchor, ANCHORS_MAX, body, len); break;
	case REC_CRL:
		w->crl_der[w->n_crl] = sealed;
		w->crl[w->n_crl].data = body;
		w->crl[w->n_crl++].len = len;
		return;
	case REC_NAME: names(w, body, len); break;
	case REC_PEM: pem(body, len); break;
	case REC_DN: dn(body, len); break;
	case REC_KINDS: break;
	}
	free(sealed);
}

static void judge(const struct world *w, bool revocation, bool legacy)
{
	struct cert_store *s = cert_store_new(w->anchor, w->n_anchor, legacy);
	struct cert_verdict v = { 0 };
	struct reason why = { 0 };

	require(s != NULL);
	for (unsigned i = 0; i < w->n_crl; i++)
		(void)cert_store_add_crls(s, w->crl[i].data, w->crl[i].len, "fuzz", &why);
	why = (struct reason){ 0 };
	if (cert_store_verify(s, w->chain, w->n_chain, NOW, revocation, &v, &why)) {
		require(reason_is_set(&why) && !v.n);
	} else {
		const uint8_t *a, *b;
		size_t a_len, b_len;
		bool anchored = false;

		require(v.n && v.n <= CERT_CHAIN_MAX + 1);
		b = cert_der(v.chain[v.n - 1], &b_len);
		for (unsigned i = 0; i < w->n_anchor; i++) {
			a = cert_der(w->anchor[i], &a_len);
			anchored = anchored || (a_len == b_len && !memcmp(a, b, a_len));
		}
		require(anchored);
		for (unsigned i = 0; i + 1 < v.n; i++)
			require(cert_issued_by(v.chain[i], v.chain[i + 1]));
		cert_verdict_clear(&v);
	}
	cert_store_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	struct world w = { 0 };

	require(!crypto_init());
	for (unsigned i = 0; i < RECORDS_MAX && rd_left(&r); i++)
		record(&w, &r);
	if (w.n_chain)
		for (unsigned i = 0; i < 4; i++)
			judge(&w, i & 1, i & 2);
	for (unsigned i = 0; i < w.n_crl; i++)
		free(w.crl_der[i]);
	cert_unref_all(w.chain, w.n_chain);
	cert_unref_all(w.anchor, w.n_anchor);
	return 0;
}

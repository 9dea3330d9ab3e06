/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCSP (RFC 6960) and CRLs from distribution points. An OCSP answer counts when it is about this very
 * certificate, is signed by its issuer or by one whom the issuer gave the usage OCSPSigning (4.2.2.2), as
 * strongly as certificates must be, and its times hold now: made and begun not later than now, and its end
 * not yet come. No nonce is sent (RFC 9654): responders answer from what they signed before, and replay is
 * bounded by nextUpdate; an answer without one holds for a day. Only what counted is kept by the world, since
 * anyone on the way can answer an HTTP request, and no longer than a day.
 */
#include "base/revocation.h"

#include "base/cert_internal.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define SKEW          300   /* seconds by which clocks may differ */
#define KEEP_ELSE     3600  /* for an answer without nextUpdate */
#define ENDLESS_HOLDS 86400 /* an OCSP answer without nextUpdate, from thisUpdate on */
#define KEEP_MAX      86400 /* what was fetched is asked for again after a day at the latest */

/* http only: https would need a certificate to be judged, and so on. */
static unsigned add_url(const ASN1_STRING *s, char urls[][CERT_URL_MAX], unsigned n, unsigned max)
{
	int len = ASN1_STRING_length(s);
	const char *text = (const char *)ASN1_STRING_get0_data(s);

	if (n == max || len < 8 || len >= CERT_URL_MAX || strncmp(text, "http://", 7) != 0)
		return n;
	for (int i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] == 0x7f)
			return n;
	memcpy(urls[n], text, (size_t)len);
	urls[n][len] = '\0';
	return n + 1;
}

unsigned revocation_ocsp_urls(const struct cert *c, char urls[][CERT_URL_MAX], unsigned max)
{
	AUTHORITY_INFO_ACCESS *aia = X509_get_ext_d2i(c->x, NID_info_access, NULL, NULL);
	unsigned n = 0;

	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(aia); i++) {
		const ACCESS_DESCRIPTION *d = sk_ACCESS_DESCRIPTION_value(aia, i);

		if (OBJ_obj2nid(d->method) == NID_ad_OCSP && d->location->type == GEN_URI)
			n = add_url(d->location->d.uniformResourceIdentifier, urls, n, max);
	}
	AUTHORITY_INFO_ACCESS_free(aia);
	ERR_clear_error();
	return n;
}

unsigned revocation_crl_urls(const struct cert *c, char urls[][CERT_URL_MAX], unsigned max)
{
	CRL_DIST_POINTS *points = X509_get_ext_d2i(c->x, NID_crl_distribution_points, NULL, NULL);
	unsigned n = 0;

	for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT *p = sk_DIST_POINT_value(points, i);

		if (!p->distpoint || p->distpoint->type != 0)
			continue;
		for (int j = 0; j < sk_GENERAL_NAME_num(p->distpoint->name.fullname); j++) {
			const GENERAL_NAME *g = sk_GENERAL_NAME_value(p->distpoint->name.fullname, j);

			if (g->type == GEN_URI)
				n = add_url(g->d.uniformResourceIdentifier, urls, n, max);
		}
	}
	CRL_DIST_POINTS_free(points);
	ERR_clear_error();
	return n;
}

/* --- asking --- */

struct revocation_patience revocation_patience(const struct credentials_world *w)
{
	struct revocation_patience p = { MTIME_NEVER, CREDENTIALS_FETCHES_MAX, false };

	if (w->fetch)
		p.until = mtime_add(w->steady(w->ctx), mdur_s(CREDENTIALS_FETCH_SECONDS));
	return p;
}

/* The document, while there is patience. 0 or -1. */
static int fetch(const struct credentials_world *w, struct revocation_patience *p,
    struct credentials_query *q, uint8_t **ret_data, size_t *ret_len)
{
	int rc;

	if (!p->fetches || mtime_reached(p->until, w->steady(w->ctx))) {
		p->spent = true;
		return -1;
	}
	p->fetches--;
	q->until = p->until;
	rc = w->fetch(w->ctx, q, ret_data, ret_len);
	p->spent = p->spent || (rc && mtime_reached(p->until, w->steady(w->ctx)));
	return rc;
}

/* --- OCSP --- */

/* Is the answer's signer the issuer, or appointed by it and good now? */
static bool signer_counts(X509 *signer, const struct cert *issuer, bool legacy, int64_t at)
{
	if (!X509_cmp(signer, issuer->x))
		return true;
	return (legacy || cert_strong(signer)) && X509_check_issued(issuer->x, signer) == X509_V_OK &&
	       X509_verify(signer, X509_get0_pubkey(issuer->x)) == 1 &&
	       X509_get_extended_key_usage(signer) != UINT32_MAX &&
	       (X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN) &&
	       cert_time(X509_get0_notBefore(signer)) <= at && at <= cert_time(X509_get0_notAfter(signer));
}

/* RFC 6960 3.2 and 4.2.2.1. to NULL: newer information is always there, it says; a day is enough for that. */
static bool times_hold(
    const OCSP_BASICRESP *b, const ASN1_GENERALIZEDTIME *from, const ASN1_GENERALIZEDTIME *to, int64_t at)
{
	int64_t begin, end;

	if (!from)
		return false;
	begin = cert_time(from);
	end = to ? cert_time(to) : begin + ENDLESS_HOLDS;
	return begin <= at + SKEW && cert_time(OCSP_resp_get0_produced_at(b)) <= at + SKEW && end >= begin &&
	       end >= at - SKEW;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* What the signed part says of this id, and until when it may be kept. */
static enum revocation read_basic(OCSP_BASICRESP *b, OCSP_CERTID *id, const struct cert *issuer, bool legacy,
    int64_t at, int64_t *ret_until)
{
	STACK_OF(X509) *known = sk_X509_new_null();
	ASN1_GENERALIZEDTIME *from = NULL, *to = NULL;
	int status = V_OCSP_CERTSTATUS_UNKNOWN, why;
	enum revocation r = REVOCATION_UNKNOWN;
	X509 *signer = NULL;

	if (known && sk_X509_push(known, issuer->x) &&
	    (legacy || cert_strong_alg(OCSP_resp_get0_tbs_sigalg(b))) &&
	    OCSP_basic_verify(b, known, NULL, OCSP_NOVERIFY) == 1 &&
	    OCSP_resp_get0_signer(b, &signer, known) == 1 && signer_counts(signer, issuer, legacy, at) &&
	    OCSP_resp_find_status(b, id, &status, &why, NULL, &from, &to) == 1 &&
	    times_hold(b, from, to, at)) {
		*ret_until = to ? sooner(cert_time(to), at + KEEP_MAX) : at + KEEP_ELSE;
		r = status == V_OCSP_CERTSTATUS_GOOD      ? REVOCATION_GOOD
		    : status == V_OCSP_CERTSTATUS_REVOKED ? REVOCATION_REVOKED
		                                          : REVOCATION_UNKNOWN;
	}
	sk_X509_free(known);
	return r;
}

static enum revocation read_answer(const uint8_t *data, size_t len, OCSP_CERTID *id,
    const struct cert *issuer, bool legacy, int64_t at, int64_t *ret_until)
{
	const uint8_t *p = data;
	OCSP_RESPONSE *resp = len <= REVOCATION_OCSP_MAX ? d2i_OCSP_RESPONSE(NULL, &p, (long)len) : NULL;
	OCSP_BASICRESP *b = resp && OCSP_response_status(resp) == OCSP_RESPONSE_STATUS_SUCCESSFUL
	                        ? OCSP_response_get1_basic(resp)
	                        : NULL;
	enum revocation r = b ? read_basic(b, id, issuer, legacy, at, ret_until) : REVOCATION_UNKNOWN;

	OCSP_BASICRESP_free(b);
	OCSP_RESPONSE_free(resp);
	return r;
}

/* The request for this id as DER, to be freed; its length, or -1. */
static int build_request(OCSP_CERTID *id, uint8_t **ret_der)
{
	OCSP_REQUEST *req = OCSP_REQUEST_new();
	OCSP_CERTID *own = OCSP_CERTID_dup(id);
	int len = -1;

	if (req && own && OCSP_request_add0_id(req, own)) {
		own = NULL;
		len = i2d_OCSP_REQUEST(req, ret_der);
	}
	OCSP_CERTID_free(own);
	OCSP_REQUEST_free(req);
	return len;
}

enum revocation revocation_ocsp(const struct credentials_world *w, struct revocation_patience *p,
    const struct cert *c, const struct cert *issuer, bool legacy, int64_t at)
{
	char urls[CERT_URLS_MAX][CERT_URL_MAX];
	unsigned n = w->fetch ? revocation_ocsp_urls(c, urls, CERT_URLS_MAX) : 0;
	/* By SHA-1, which all responders know; it names, it doesn't secure. */
	OCSP_CERTID *id = n ? OCSP_cert_to_id(EVP_sha1(), c->x, issuer->x) : NULL;
	enum revocation r = REVOCATION_UNKNOWN;
	uint8_t *der = NULL;
	int len = id ? build_request(id, &der) : -1;

	for (unsigned i = 0; i < n && len > 0 && r == REVOCATION_UNKNOWN; i++) {
		struct credentials_query q = { .url = urls[i],
			.type = "application/ocsp-request",
			.body = der,
			.body_len = (size_t)len };
		uint8_t *data = NULL;
		size_t data_len = 0;
		int64_t until = 0;

		if (fetch(w, p, &q, &data, &data_len))
			continue;
		r = read_answer(data, data_len, id, issuer, legacy, at, &until);
		if (r != REVOCATION_UNKNOWN && w->keep)
			w->keep(w->ctx, &q, data, data_len, until);
		free(data);
	}
	OPENSSL_free(der);
	OCSP_CERTID_free(id);
	ERR_clear_error();
	return r;
}

/* --- CRLs --- */

static int64_t crl_until(const uint8_t *data, size_t len, int64_t at)
{
	const uint8_t *p = data;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)len);
	int64_t until =
	    crl && X509_CRL_get0_nextUpdate(crl) ? cert_time(X509_CRL_get0_nextUpdate(crl)) : at + KEEP_ELSE;

	X509_CRL_free(crl);
	ERR_clear_error();
	return sooner(until, at + KEEP_MAX);
}

/* What this document says of c: nothing, unless it has a list of the issuer's that holds now. */
static enum revocation read_lists(
    const uint8_t *data, size_t len, struct cert *c, struct cert *issuer, bool legacy, int64_t at)
{
	struct cert_store *s = cert_store_new(&issuer, 1, legacy); /* verified, so trusted for this */
	enum revocation r = REVOCATION_UNKNOWN;
	struct reason why = { 0 };
	bool unknown = true;

	if (s && !cert_store_add_crls(s, data, len, "", &why)) {
		if (!cert_store_check_crl(s, c, at, &unknown, &why))
			r = unknown ? REVOCATION_UNKNOWN : REVOCATION_GOOD;
		else if (!strcmp(why.id, "certificate-revoked"))
			r = REVOCATION_REVOKED;
	}
	cert_store_free(s);
	return r;
}

enum revocation revocation_crls(const struct credentials_world *w, struct revocation_patience *p,
    struct cert *c, struct cert *issuer, bool legacy, int64_t at)
{
	char urls[CERT_URLS_MAX][CERT_URL_MAX];
	unsigned n = w->fetch ? revocation_crl_urls(c, urls, CERT_URLS_MAX) : 0;
	enum revocation r = REVOCATION_UNKNOWN;

	for (unsigned i = 0; i < n && r == REVOCATION_UNKNOWN; i++) {
		struct credentials_query q = { .url = urls[i] };
		uint8_t *data = NULL;
		size_t len = 0;

		if (fetch(w, p, &q, &data, &len))
			continue;
		r = read_lists(data, len, c, issuer, legacy, at);
		if (r != REVOCATION_UNKNOWN && w->keep)
			w->keep(w->ctx, &q, data, len, crl_until(data, len, at));
		free(data);
	}
	return r;
}

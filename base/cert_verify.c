/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a chain lead to one of our anchors (RFC 5280 6, with RFC 4945's wishes)? The library builds and checks
 * the path at the time it is given; what it finds becomes a reason that names the certificate and what to do.
 * Any certificate of the anchor file is an anchor, intermediates and a peer's own self-signed one too.
 *
 * CRLs: what one says counts; that there is none, or none that is good now, is noted for each certificate and
 * left to the caller's policy. The anchor itself is trusted by being there.
 */
#include "base/cert_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define LEVEL_TODAY  2 /* 112 bits: RSA from 2048, no SHA-1 (SSL_CTX_set_security_level(3)) */
#define LEVEL_LEGACY 0

struct cert_store {
	X509_STORE *store;
	bool legacy;
	unsigned n_crls;
};

struct cert_store *cert_store_new(struct cert *const anchors[], unsigned n, bool legacy)
{
	struct cert_store *s = calloc(1, sizeof(*s));
	bool ok;

	if (!s)
		return NULL;
	s->legacy = legacy;
	s->store = X509_STORE_new();
	ok = s->store != NULL;
	for (unsigned i = 0; ok && i < n; i++)
		ok = X509_STORE_add_cert(s->store, anchors[i]->x) == 1;
	ERR_clear_error();
	if (!ok) {
		cert_store_free(s);
		return NULL;
	}
	return s;
}

void cert_store_free(struct cert_store *s)
{
	if (!s)
		return;
	X509_STORE_free(s->store);
	free(s);
}

/* What a list must be to count; the text of what it lacks, or NULL. */
static const char *unfit(const struct cert_store *s, const X509_CRL *crl)
{
	const X509_ALGOR *alg;

	if (s->n_crls >= CERT_CRLS_MAX)
		return "there are too many CRLs";
	if (!X509_CRL_get0_nextUpdate(crl))
		return "a CRL says nothing of its next update (RFC 5280 5.1.2.5), so nobody could tell when "
		       "it is "
		       "too old. Have the CA write that date";
	X509_CRL_get0_signature(crl, NULL, &alg);
	if (!s->legacy && !cert_strong_alg(alg))
		return "a CRL is signed with SHA-1 or MD5, or by an algorithm that is not known here. Have "
		       "the CA "
		       "sign it with SHA-256 or better";
	return NULL;
}

/* Takes crl over. 0 or -1 with a reason. */
static int add_crl(struct cert_store *s, X509_CRL *crl, const char *name, struct reason *ret_reason)
{
	const char *why = unfit(s, crl);
	int rc = why ? reason_set(ret_reason, "certificate-crl-unfit", "%s: %s.", name, why) : 0;

	if (!rc && X509_STORE_add_crl(s->store, crl) != 1)
		rc = reason_set(ret_reason, "ike-internal", "out of memory");
	s->n_crls++;
	X509_CRL_free(crl);
	return rc;
}

int cert_store_add_crls(
    struct cert_store *s, const void *data, size_t len, const char *name, struct reason *ret_reason)
{
	const uint8_t *p = data;
	X509_CRL *crl = len && len <= CERT_CRL_MAX ? d2i_X509_CRL(NULL, &p, (long)len) : NULL;
	BIO *bio = NULL;
	unsigned n = 0;
	int rc = 0;

	if (crl) {
		rc = add_crl(s, crl, name, ret_reason);
		n = 1;
	} else if (len && len <= CERT_CRL_MAX) {
		bio = BIO_new_mem_buf(data, (int)len);
		while (bio && !rc && (crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL))) {
			rc = add_crl(s, crl, name, ret_reason);
			n++;
		}
		BIO_free(bio);
	}
	ERR_clear_error();
	return n ? rc
	         : reason_set(ret_reason, "certificate-crl-unreadable",
	               "%s: no CRL in PEM or DER form is in it", name);
}

void cert_verdict_clear(struct cert_verdict *v)
{
	cert_unref_all(v->chain, v->n);
	*v = (struct cert_verdict){ 0 };
}

/* What the callback of the library writes down. */
struct watch {
	bool unknown[CERT_CHAIN_MAX + 1];
};

static int on_error(int ok, X509_STORE_CTX *ctx)
{
	struct watch *w = X509_STORE_CTX_get_ex_data(ctx, 0);
	int depth = X509_STORE_CTX_get_error_depth(ctx);

	if (ok)
		return 1;
	switch (X509_STORE_CTX_get_error(ctx)) {
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
		if (depth >= 0 && depth <= CERT_CHAIN_MAX)
			w->unknown[depth] = true;
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	default: return 0;
	}
}

/* The library's finding about the certificate `x`, in our words. */
static int explain(int error, int depth, X509 *x, int64_t at, struct reason *why)
{
	char subject[200] = "?", now[40], then[40];

	if (x)
		cert_x509_name_str(X509_get_subject_name(x), subject, sizeof(subject));
	cert_time_str(at, now, sizeof(now));
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return reason_set(why, "certificate-expired",
		    "the certificate \"%s\" expired on %s (our clock says %s). Renew it there; if the date "
		    "here is "
		    "wrong, set our clock.",
		    subject, cert_time_str(cert_time(X509_get0_notAfter(x)), then, sizeof(then)), now);
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return reason_set(why, "certificate-not-yet-valid",
		    "the certificate \"%s\" is not valid before %s (our clock says %s). One of the two "
		    "clocks, the "
		    "issuer's or ours, is wrong.",
		    subject, cert_time_str(cert_time(X509_get0_notBefore(x)), then, sizeof(then)), now);
	case X509_V_ERR_CERT_REVOKED:
		return reason_set(why, "certificate-revoked",
		    "the certificate \"%s\" has been revoked by its issuer. It needs a new one.", subject);
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return reason_set(why, "certificate-weak",
		    "the certificate \"%s\" is too weak: %s. Issue one with RSA of 2048 bits or more, or "
		    "ECDSA, signed "
		    "with SHA-256 or better.",
		    subject,
		    error == X509_V_ERR_CA_MD_TOO_WEAK ? "it is signed with SHA-1 or MD5"
		                                       : "its key is shorter than RSA with 2048 bits");
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN: {
		char issuer[200] = "?";

		if (x)
			cert_x509_name_str(X509_get_issuer_name(x), issuer, sizeof(issuer));
		return reason_set(why, "certificate-untrusted",
		    "the certificate \"%s\" was issued by \"%s\", which is not in our trust-anchor-file%s. "
		    "Put that CA's "
		    "certificate there, or have the gateway send the intermediate certificates.",
		    subject, issuer, depth ? ", and neither is a CA above it" : "");
	}
	default:
		return reason_set(why, "certificate-invalid", "the certificate \"%s\" is not acceptable: %s",
		    subject, X509_verify_cert_error_string(error));
	}
}

/* RFC 4945 5.1.3.2 and 5.1.3.12: signing must be allowed; an extended usage, where there is one, must fit. */
static int check_usage(X509 *x, struct reason *why)
{
	uint32_t ku = X509_get_key_usage(x), xku = X509_get_extended_key_usage(x);
	EXTENDED_KEY_USAGE *eku;
	bool fits = xku == UINT32_MAX || (xku & (XKU_SSL_SERVER | XKU_SSL_CLIENT | XKU_ANYEKU));
	char subject[200], oid[64];

	cert_x509_name_str(X509_get_subject_name(x), subject, sizeof(subject));
	if (ku != UINT32_MAX && !(ku & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)))
		return reason_set(why, "certificate-usage",
		    "the certificate \"%s\" is not meant for signatures (key usage lacks digitalSignature). "
		    "Issue one "
		    "that is.",
		    subject);
	eku = fits ? NULL : X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
	for (int i = 0; i < sk_ASN1_OBJECT_num(eku); i++) {
		OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(eku, i), 1);
		fits = fits || !strcmp(oid, "1.3.6.1.5.5.7.3.17") /* ipsecIKE */ ||
		       !strcmp(oid, "1.3.6.1.5.5.8.2.2") /* ikeIntermediate */;
	}
	EXTENDED_KEY_USAGE_free(eku);
	if (!fits)
		return reason_set(why, "certificate-usage",
		    "the certificate \"%s\" is meant for something else: its extended key usage has none of "
		    "serverAuth, "
		    "clientAuth, ipsecIKE, ikeIntermediate and any. Issue one with serverAuth, or without "
		    "the extension.",
		    subject);
	return 0;
}

static int take_chain(X509_STORE_CTX *ctx, const struct watch *w, bool revocation, struct cert_verdict *v)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	unsigned n = (unsigned)sk_X509_num(chain);

	for (v->n = 0; v->n < n && v->n <= CERT_CHAIN_MAX; v->n++) {
		X509 *x = sk_X509_value(chain, (int)v->n);

		X509_up_ref(x);
		v->chain[v->n] = cert_wrap(x);
		if (!v->chain[v->n])
			return -1;
		v->revocation_unknown[v->n] = revocation && w->unknown[v->n] && v->n + 1 < n;
	}
	return v->n == n ? 0 : -1;
}

/* A context for list[0], set up. */
static X509_STORE_CTX *context_new(const struct cert_store *s, struct cert *const list[],
    STACK_OF(X509) * others, int64_t at, bool revocation, struct watch *w)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *p;

	if (!ctx || X509_STORE_CTX_init(ctx, s->store, list[0]->x, others) != 1 ||
	    X509_STORE_CTX_set_ex_data(ctx, 0, w) != 1) {
		X509_STORE_CTX_free(ctx);
		return NULL;
	}
	p = X509_STORE_CTX_get0_param(ctx);
	if (at == CERT_ANY_TIME)
		X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_NO_CHECK_TIME);
	else
		X509_VERIFY_PARAM_set_time(p, (time_t)at);
	X509_VERIFY_PARAM_set_depth(p, CERT_CHAIN_MAX - 1);
	X509_VERIFY_PARAM_set_auth_level(p, s->legacy ? LEVEL_LEGACY : LEVEL_TODAY);
	X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
	if (revocation)
		X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	X509_STORE_CTX_set_verify_cb(ctx, on_error);
	return ctx;
}

/* Did the library miss memory since the queue of its errors was empty? What it didn't find may be there then:
 * a CRL that it could not look up must not pass for one that we don't have. */
static bool starved(void)
{
	unsigned long e;
	bool missed = false;

	while ((e = ERR_get_error()))
		missed = missed || ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE;
	return missed;
}

static int verify(const struct cert_store *s, struct cert *const list[], unsigned n, int64_t at,
    bool revocation, bool usage, struct cert_verdict *ret_verdict, struct reason *ret_reason)
{
	STACK_OF(X509) *others = sk_X509_new_null();
	struct cert_verdict v = { 0 };
	struct watch w = { 0 };
	X509_STORE_CTX *ctx;
	bool ok = others && n, good = false;
	int rc = -1;

	ERR_clear_error();
	for (unsigned i = 1; ok && i < n; i++)
		ok = sk_X509_push(others, list[i]->x) > 0;
	ctx = ok ? context_new(s, list, others, at, revocation, &w) : NULL;
	good = ctx && X509_verify_cert(ctx) == 1;
	if (!ctx || starved())
		reason_set(
		    ret_reason, "ike-internal", "out of memory while a certificate was being verified");
	else if (!good)
		explain(X509_STORE_CTX_get_error(ctx), X509_STORE_CTX_get_error_depth(ctx),
		    X509_STORE_CTX_get_current_cert(ctx), at, ret_reason);
	else if (!usage || !check_usage(list[0]->x, ret_reason)) {
		rc = take_chain(ctx, &w, revocation, &v);
		if (rc)
			reason_set(ret_reason, "ike-internal",
			    "out of memory while a certificate was being verified");
	}
	if (!rc)
		*ret_verdict = v;
	else
		cert_verdict_clear(&v);
	X509_STORE_CTX_free(ctx);
	sk_X509_free(others);
	ERR_clear_error();
	return rc;
}

int cert_store_verify(const struct cert_store *s, struct cert *const list[], unsigned n, int64_t at,
    bool revocation, struct cert_verdict *ret_verdict, struct reason *ret_reason)
{
	return verify(s, list, n, at, revocation, true, ret_verdict, ret_reason);
}

int cert_store_check_crl(
    const struct cert_store *s, struct cert *c, int64_t at, bool *ret_unknown, struct reason *ret_reason)
{
	struct cert_verdict v = { 0 };

	if (verify(s, &c, 1, at, true, false, &v, ret_reason))
		return -1;
	*ret_unknown = v.revocation_unknown[0];
	cert_verdict_clear(&v);
	return 0;
}

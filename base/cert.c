/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates as values: parsing, facts, and the names that one vouches for. The DER is kept as it came, for
 * what is sent and what is hashed must be the very bytes that were signed.
 */
#include "base/cert_internal.h"
#include "base/sign_internal.h"

#include "base/addr.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cert *cert_wrap(X509 *x)
{
	struct cert *c = x ? calloc(1, sizeof(*c)) : NULL;
	int len = c ? i2d_X509(x, &c->der) : -1;

	if (len <= 0 || len > CERT_DER_MAX) {
		if (c)
			OPENSSL_free(c->der);
		X509_free(x);
		free(c);
		ERR_clear_error();
		return NULL;
	}
	c->refs = 1;
	c->x = x;
	c->len = (size_t)len;
	X509_check_purpose(
	    x, -1, 0); /* extensions are read once, here: later calls on any thread only look */
	ERR_clear_error();
	return c;
}

struct cert *cert_parse(const uint8_t *der, size_t len)
{
	const uint8_t *p = der;
	X509 *x = len && len <= CERT_DER_MAX ? d2i_X509(NULL, &p, (long)len) : NULL;

	if (x && p != der + len) {
		X509_free(x);
		x = NULL;
	}
	ERR_clear_error();
	return cert_wrap(x);
}

struct cert *cert_ref(const struct cert *c)
{
	struct cert *shared = (struct cert *)c;

	if (shared)
		__atomic_add_fetch(&shared->refs, 1, __ATOMIC_RELAXED);
	return shared;
}

void cert_unref(struct cert *c)
{
	if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
		return;
	X509_free(c->x);
	OPENSSL_free(c->der);
	free(c);
}

void cert_unref_all(struct cert *list[], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		cert_unref(list[i]);
		list[i] = NULL;
	}
}

const uint8_t *cert_der(const struct cert *c, size_t *ret_len)
{
	*ret_len = c->len;
	return c->der;
}

struct sig_key *cert_key(const struct cert *c)
{
	EVP_PKEY *pkey = X509_get_pubkey(c->x);

	ERR_clear_error();
	return sig_key_wrap(pkey);
}

bool cert_self_issued(const struct cert *c)
{
	return !X509_NAME_cmp(X509_get_subject_name(c->x), X509_get_issuer_name(c->x));
}

bool cert_issued_by(const struct cert *c, const struct cert *issuer)
{
	bool ok = X509_check_issued(issuer->x, c->x) == X509_V_OK &&
	          X509_verify(c->x, X509_get0_pubkey(issuer->x)) == 1;

	ERR_clear_error();
	return ok;
}

int cert_spki_sha1(const struct cert *c, uint8_t out[20])
{
	uint8_t *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c->x), &der);
	int rc = len > 0 && EVP_Digest(der, (size_t)len, out, NULL, EVP_sha1(), NULL) == 1 ? 0 : -1;

	OPENSSL_free(der);
	return rc;
}

int cert_subject(const struct cert *c, uint8_t *out, size_t cap, size_t *ret_len)
{
	const X509_NAME *name = X509_get_subject_name(c->x);
	int len = i2d_X509_NAME(name, NULL);

	if (len <= 0 || (size_t)len > cap)
		return -1;
	*ret_len = (size_t)i2d_X509_NAME(name, &out);
	return 0;
}

int64_t cert_time(const ASN1_TIME *t)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days, seconds, ok = epoch && t && ASN1_TIME_diff(&days, &seconds, epoch, t) == 1;

	ASN1_TIME_free(epoch);
	ERR_clear_error();
	return ok ? (int64_t)days * 86400 + seconds : INT64_MIN;
}

/* The proleptic Gregorian calendar, in eras of 400 years that begin in March. */
const char *cert_time_str(int64_t t, char *buf, size_t cap)
{
	int64_t day, second, era, of_era, year_of_era, of_year, month;

	if (t < -62135596800 || t > 253402300799) {
		snprintf(buf, cap, "an unknown time");
		return buf;
	}
	day = t / 86400 - (t % 86400 < 0);
	second = t - day * 86400;
	day += 719468; /* since 1 March of the year 0 */
	era = day / 146097;
	of_era = day % 146097;
	year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	month = (5 * of_year + 2) / 153;
	snprintf(buf, cap, "%04d-%02d-%02d %02d:%02d:%02d UTC",
	    (int)(era * 400 + year_of_era + (month >= 10)), (int)(month < 10 ? month + 3 : month - 9),
	    (int)(of_year - (153 * month + 2) / 5 + 1), (int)(second / 3600), (int)(second / 60 % 60),
	    (int)(second % 60));
	return buf;
}

static void hex(const uint8_t *data, size_t len, char *buf, size_t cap)
{
	buf[0] = '\0';
	for (size_t i = 0; i < len && 2 * i + 2 < cap; i++)
		snprintf(buf + 2 * i, cap - 2 * i, "%02x", data[i]);
}

int64_t cert_not_after(const struct cert *c)
{
	int64_t t = cert_time(X509_get0_notAfter(c->x));

	return t > 0 ? t : 0;
}

int cert_info(const struct cert *c, struct cert_info *ret_info)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(c->x);
	struct cert_info i = { 0 };
	struct sig_key *k = cert_key(c);
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(c->der, c->len, digest, NULL, EVP_sha256(), NULL) != 1) {
		sig_key_unref(k);
		return -1;
	}
	hex(digest, 32, i.sha256, sizeof(i.sha256));
	hex(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial), i.serial, sizeof(i.serial));
	cert_x509_name_str(X509_get_subject_name(c->x), i.subject, sizeof(i.subject));
	cert_x509_name_str(X509_get_issuer_name(c->x), i.issuer, sizeof(i.issuer));
	i.not_before = cert_time(X509_get0_notBefore(c->x));
	i.not_after = cert_time(X509_get0_notAfter(c->x));
	if (k)
		sig_key_str(k, i.key, sizeof(i.key));
	sig_key_unref(k);
	*ret_info = i;
	return 0;
}

int cert_read_pem(const void *pem, size_t len, const char *name, unsigned max, struct cert *ret_list[],
    unsigned *ret_n, struct reason *ret_reason)
{
	BIO *bio = len && len <= INT32_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
	unsigned n = 0;
	X509 *x;

	while (bio && n < max && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		ret_list[n] = cert_wrap(x);
		if (!ret_list[n])
			break;
		n++;
	}
	/* The list ends well where no further "BEGIN" is found; anything else is a certificate that isn't
	 * one. */
	if (n && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
		*ret_n = n;
		n = 0;
		ret_reason = NULL;
	} else if (n == max) {
		reason_set(ret_reason, "certificate-unreadable", "%s: more than %u certificates are in it",
		    name, max);
		cert_unref_all(ret_list, n);
		n = 1;
	} else {
		if (n || (bio && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE))
			reason_set(ret_reason, "certificate-unreadable",
			    "%s: certificate %u in it can't be read", name, n + 1);
		else
			reason_set(ret_reason, "certificate-unreadable",
			    "%s: no certificate in PEM form (\"-----BEGIN CERTIFICATE-----\") is in it",
			    name);
		cert_unref_all(ret_list, n);
		n = 1;
	}
	BIO_free(bio);
	ERR_clear_error();
	return n ? -1 : 0;
}

/* --- names --- */

static bool same_dn(const X509_NAME *name, const uint8_t *der, size_t len)
{
	const uint8_t *p = der;
	X509_NAME *other = d2i_X509_NAME(NULL, &p, (long)len);
	bool same = other && p == der + len && !X509_NAME_cmp(name, other);

	X509_NAME_free(other);
	return same;
}

static bool has_dn(const struct cert *c, const uint8_t *der, size_t len)
{
	GENERAL_NAMES *alt = X509_get_ext_d2i(c->x, NID_subject_alt_name, NULL, NULL);
	bool found = same_dn(X509_get_subject_name(c->x), der, len);

	for (int i = 0; i < sk_GENERAL_NAME_num(alt); i++) {
		int type;
		const void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(alt, i), &type);

		found = found || (type == GEN_DIRNAME && same_dn(value, der, len));
	}
	GENERAL_NAMES_free(alt);
	return found;
}

/* An address as the CN's text, where the certificate has no subjectAltName at all. */
static bool cn_is_address(const struct cert *c, const uint8_t *data, size_t len)
{
	struct addr want = addr_from_bytes(len == 4 ? 4 : 6, data), a;
	char cn[64];
	int n;

	if (X509_get_ext_by_NID(c->x, NID_subject_alt_name, -1) >= 0)
		return false;
	n = X509_NAME_get_text_by_NID(
	    (X509_NAME *)X509_get_subject_name(c->x), NID_commonName, cn, sizeof(cn));
	/* What follows a zero octet belongs to the name, too. */
	return n > 0 && strlen(cn) == (size_t)n && !addr_parse(cn, &a) && addr_eq(&a, &want);
}

static bool has_keyid(const struct cert *c, const uint8_t *data, size_t len)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(c->x);

	return id && (size_t)ASN1_STRING_length(id) == len && !memcmp(ASN1_STRING_get0_data(id), data, len);
}

bool cert_has_name(const struct cert *c, enum cert_name kind, const uint8_t *data, size_t len)
{
	bool has = false;

	if (!len || len > 1024 ||
	    ((kind == CERT_NAME_DNS || kind == CERT_NAME_EMAIL) && memchr(data, '\0', len)))
		return false;
	switch (kind) {
	case CERT_NAME_DN: has = has_dn(c, data, len); break;
	case CERT_NAME_DNS: /* a dot in front would ask the library for any name below */
		has = data[0] != '.' &&
		      X509_check_host(c->x, (const char *)data, len, X509_CHECK_FLAG_NO_WILDCARDS, NULL) == 1;
		break;
	case CERT_NAME_EMAIL: has = X509_check_email(c->x, (const char *)data, len, 0) == 1; break;
	case CERT_NAME_IP:
		has = (len == 4 || len == 16) &&
		      (X509_check_ip(c->x, data, len, 0) == 1 || cn_is_address(c, data, len));
		break;
	case CERT_NAME_KEYID: has = has_keyid(c, data, len); break;
	}
	ERR_clear_error();
	return has;
}

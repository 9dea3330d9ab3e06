/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for tests with OpenSSL's own calls, none of base/: what is tested must not make its own
 * evidence. */
#include "tests/support/test_ca.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static EVP_PKEY *keys[TEST_KEYS][TEST_KEY_SLOTS];

static EVP_PKEY *make_key(enum test_key kind)
{
	switch (kind) {
	case TEST_KEY_RSA: return EVP_RSA_gen(2048);
	case TEST_KEY_RSA_1024: return EVP_RSA_gen(1024);
	case TEST_KEY_RSA_PSS: {
		EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
		EVP_PKEY *k = NULL;

		assert_int_equal(EVP_PKEY_keygen_init(c), 1);
		assert_int_equal(EVP_PKEY_generate(c, &k), 1);
		EVP_PKEY_CTX_free(c);
		return k;
	}
	case TEST_KEY_P256: return EVP_EC_gen("P-256");
	case TEST_KEY_P384: return EVP_EC_gen("P-384");
	case TEST_KEY_P521: return EVP_EC_gen("P-521");
	case TEST_KEY_ED25519: return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	case TEST_KEY_ED448: return EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
	case TEST_KEYS: break;
	}
	return NULL;
}

static EVP_PKEY *key_of(const struct test_spec *s)
{
	EVP_PKEY **k = &keys[s->key][s->slot];

	if (!*k)
		*k = make_key(s->key);
	assert_non_null(*k);
	return *k;
}

void test_ca_free(void)
{
	for (unsigned i = 0; i < TEST_KEYS; i++)
		for (unsigned j = 0; j < TEST_KEY_SLOTS; j++) {
			EVP_PKEY_free(keys[i][j]);
			keys[i][j] = NULL;
		}
}

/* "C=DE, CN=gw": without escapes, tests need none; ^ is a zero octet. */
static void set_name(X509_NAME *name, const char *text)
{
	char *copy = strdup(text), *save = NULL;

	for (char *p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(p, '=');
		int len = (int)strlen(eq + 1);

		while (*p == ' ')
			p++;
		*eq = '\0';
		for (char *zero; (zero = memchr(eq + 1, '^', (size_t)len));)
			*zero = '\0';
		assert_int_equal(X509_NAME_add_entry_by_txt(
		                     name, p, MBSTRING_UTF8, (const unsigned char *)eq + 1, len, -1, 0),
		    1);
	}
	free(copy);
}

static void add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	if (!value)
		return;
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!e)
		fail_msg("extension \"%s\"", value);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static const EVP_MD *md_for(const struct test_spec *signer, const char *name)
{
	if (signer->key == TEST_KEY_ED25519 || signer->key == TEST_KEY_ED448)
		return NULL;
	return EVP_get_digestbyname(name ? name : "SHA256");
}

static X509 *make_cert(const struct test_spec *s)
{
	const struct test_spec *by = s->by ? s->by : s;
	X509 *x = X509_new(), *issuer = s->by ? make_cert(s->by) : X509_dup(x);
	int64_t from = s->not_before || s->not_after ? s->not_before : -183 * TEST_CA_DAY;
	int64_t to = s->not_before || s->not_after ? s->not_after : 183 * TEST_CA_DAY;
	char text[300];

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), (long)(s->serial ? s->serial : 7));
	ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(TEST_CA_NOW + from));
	ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(TEST_CA_NOW + to));
	set_name(X509_get_subject_name(x), s->subject);
	set_name(X509_get_issuer_name(x), by->subject);
	assert_int_equal(X509_set_pubkey(x, key_of(s)), 1);
	if (s->ca) {
		snprintf(text, sizeof(text), "critical,CA:TRUE");
		if (s->path_len)
			snprintf(text, sizeof(text), "critical,CA:TRUE,pathlen:%d", s->path_len - 1);
		add_ext(x, x, NID_basic_constraints, text);
		add_ext(x, x, NID_key_usage, "critical,keyCertSign,cRLSign");
	}
	add_ext(x, x, NID_subject_key_identifier, "hash");
	add_ext(x, s->by ? issuer : x, NID_authority_key_identifier, "keyid");
	add_ext(x, x, NID_subject_alt_name, s->san);
	add_ext(x, x, NID_ext_key_usage, s->eku);
	add_ext(x, x, NID_key_usage, s->ca ? NULL : s->ku);
	add_ext(x, x, NID_name_constraints, s->nc);
	if (s->crl_url) {
		snprintf(text, sizeof(text), "URI:%s", s->crl_url);
		add_ext(x, x, NID_crl_distribution_points, text);
	}
	if (s->ocsp_url) {
		snprintf(text, sizeof(text), "OCSP;URI:%s", s->ocsp_url);
		add_ext(x, x, NID_info_access, text);
	}
	assert_true(X509_sign(x, key_of(by), md_for(by, s->md)) > 0);
	X509_free(issuer);
	return x;
}

static char *take_text(BIO *bio)
{
	char *data, *text;
	long len = BIO_get_mem_data(bio, &data);

	text = calloc(1, (size_t)len + 1);
	if (len)
		memcpy(text, data, (size_t)len);
	BIO_free(bio);
	return text;
}

char *test_ca_chain(const struct test_spec *const specs[], unsigned n)
{
	BIO *bio = BIO_new(BIO_s_mem());

	for (unsigned i = 0; i < n; i++) {
		X509 *x = make_cert(specs[i]);

		assert_int_equal(PEM_write_bio_X509(bio, x), 1);
		X509_free(x);
	}
	return take_text(bio);
}

char *test_ca_key(const struct test_spec *spec, const char *pass)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_PrivateKey(bio, key_of(spec), pass ? EVP_aes_128_cbc() : NULL,
	                     (const unsigned char *)pass, pass ? (int)strlen(pass) : 0, NULL, NULL),
	    1);
	return take_text(bio);
}

const char *test_ca_said_md;
int64_t test_ca_made_later;

char *test_ca_crl(const struct test_spec *ca, const struct test_spec *revoked, int64_t next_update)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, TEST_CA_NOW - 5 * TEST_CA_DAY);
	BIO *bio = BIO_new(BIO_s_mem());
	X509_NAME *name = X509_NAME_new();

	X509_CRL_set_version(crl, 1);
	set_name(name, ca->subject);
	X509_CRL_set_issuer_name(crl, name);
	X509_CRL_set1_lastUpdate(crl, t);
	if (revoked) {
		X509_REVOKED *r = X509_REVOKED_new();
		ASN1_INTEGER *serial = ASN1_INTEGER_new();

		ASN1_INTEGER_set(serial, (long)(revoked->serial ? revoked->serial : 7));
		X509_REVOKED_set_serialNumber(r, serial);
		X509_REVOKED_set_revocationDate(r, t);
		X509_CRL_add0_revoked(crl, r);
		ASN1_INTEGER_free(serial);
	}
	if (next_update != TEST_CA_ENDLESS) {
		ASN1_TIME_set(t, (time_t)(TEST_CA_NOW + next_update));
		X509_CRL_set1_nextUpdate(crl, t);
	}
	assert_true(X509_CRL_sign(crl, key_of(ca), md_for(ca, test_ca_said_md)) > 0);
	assert_int_equal(PEM_write_bio_X509_CRL(bio, crl), 1);
	X509_CRL_free(crl);
	X509_NAME_free(name);
	ASN1_TIME_free(t);
	return take_text(bio);
}

uint8_t *test_ca_ocsp(const uint8_t *request, size_t len, const struct test_spec *signer, bool revoked,
    int64_t next_update, size_t *ret_len)
{
	OCSP_REQUEST *req = d2i_OCSP_REQUEST(NULL, &request, (long)len);
	OCSP_CERTID *id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(req, 0));
	OCSP_BASICRESP *b = OCSP_BASICRESP_new();
	ASN1_TIME *from = ASN1_TIME_set(NULL, TEST_CA_NOW - TEST_CA_DAY);
	ASN1_TIME *to = ASN1_TIME_set(NULL, (time_t)(TEST_CA_NOW + next_update));
	ASN1_GENERALIZEDTIME *gfrom = ASN1_TIME_to_generalizedtime(from, NULL);
	ASN1_GENERALIZEDTIME *gto = next_update ? ASN1_TIME_to_generalizedtime(to, NULL) : NULL;
	X509 *x = make_cert(signer);
	OCSP_RESPONSE *resp;
	uint8_t *der = NULL, *copy;
	int n;

	assert_non_null(
	    OCSP_basic_add1_status(b, id, revoked ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_GOOD, 0,
	        revoked ? gfrom : NULL, gfrom, gto));
	/* Made when it says that it was known; the library would write the clock's time. */
	assert_non_null(ASN1_GENERALIZEDTIME_set((ASN1_GENERALIZEDTIME *)OCSP_resp_get0_produced_at(b),
	    (time_t)(TEST_CA_NOW - TEST_CA_DAY + test_ca_made_later)));
	assert_int_equal(
	    OCSP_basic_sign(b, x, key_of(signer), md_for(signer, test_ca_said_md), NULL, OCSP_NOTIME), 1);
	resp = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, b);
	n = i2d_OCSP_RESPONSE(resp, &der);
	assert_true(n > 0);
	copy = malloc((size_t)n);
	memcpy(copy, der, (size_t)n);
	*ret_len = (size_t)n;
	OPENSSL_free(der);
	OCSP_RESPONSE_free(resp);
	OCSP_BASICRESP_free(b);
	OCSP_REQUEST_free(req);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	ASN1_GENERALIZEDTIME_free(gfrom);
	ASN1_GENERALIZEDTIME_free(gto);
	X509_free(x);
	return copy;
}

int64_t test_ca_wall(void *ctx)
{
	return ctx ? *(int64_t *)ctx : TEST_CA_NOW;
}

const struct credentials_world test_ca_world = { .wall = test_ca_wall };

enum credentials_revocation test_ca_policy;

struct credentials *test_ca_credentials(const struct test_spec *const chain[], unsigned n,
    const struct test_spec *const anchors[], unsigned n_anchors)
{
	char *c = n ? test_ca_chain(chain, n) : NULL, *k = n ? test_ca_key(chain[0], NULL) : NULL;
	char *a = n_anchors ? test_ca_chain(anchors, n_anchors) : NULL;
	struct credentials_source s = { .chain = { "chain.pem", c, c ? strlen(c) : 0 },
		.key = { "key.pem", k, k ? strlen(k) : 0 },
		.anchors = { "anchors.pem", a, a ? strlen(a) : 0 },
		.revocation = test_ca_policy,
		.world = &test_ca_world };
	struct reason why = { 0 };
	struct credentials *cred = credentials_new(&s, &why);

	if (!cred)
		fail_msg("%s: %s", why.id, why.text);
	free(c);
	free(k);
	free(a);
	return cred;
}

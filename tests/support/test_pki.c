/* SPDX-License-Identifier: Apache-2.0 */
/* A small certification authority: see test_pki.h. */
#include "tests/support/test_pki.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY 86400L

struct made {
	X509 *cert;
	EVP_PKEY *key;
};

static int add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	int rc;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	rc = e && X509_add_ext(x, e, -1) == 1 ? 0 : -1;
	X509_EXTENSION_free(e);
	return rc;
}

/* by NULL: signs itself; a leaf has a DNS name, an issuer has none. */
static int make(struct made *m, long serial, const char *cn, const struct made *by, const char *dns)
{
	X509_NAME *name = X509_NAME_new();
	char alt[80], filling[900];
	int rc;

	m->key = EVP_EC_gen("P-256");
	m->cert = X509_new();
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
	X509_set_version(m->cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(m->cert), serial);
	X509_gmtime_adj(X509_getm_notBefore(m->cert), -DAY);
	X509_gmtime_adj(X509_getm_notAfter(m->cert), 365 * DAY);
	X509_set_subject_name(m->cert, name);
	X509_set_issuer_name(m->cert, by ? X509_get_subject_name(by->cert) : name);
	X509_set_pubkey(m->cert, m->key);
	X509_NAME_free(name);
	rc = add_extension(m->cert, by ? by->cert : m->cert, NID_basic_constraints,
	    dns ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (dns) {
		snprintf(alt, sizeof(alt), "DNS:%s", dns);
		rc |= add_extension(m->cert, by->cert, NID_subject_alt_name, alt);
		rc |= add_extension(m->cert, by->cert, NID_ext_key_usage, "serverAuth,clientAuth");
		memset(filling, 'x', sizeof(filling) - 1);
		filling[sizeof(filling) - 1] = '\0';
		rc |= add_extension(m->cert, by->cert, NID_netscape_comment, filling);
	} else {
		rc |= add_extension(m->cert, m->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	}
	return rc || !X509_sign(m->cert, by ? by->key : m->key, EVP_sha256()) ? -1 : 0;
}

static char *text_of(BIO *b)
{
	char *data, *text;
	long len = BIO_get_mem_data(b, &data);

	text = malloc((size_t)len + 1);
	if (text) {
		memcpy(text, data, (size_t)len);
		text[len] = '\0';
	}
	BIO_free(b);
	return text;
}

static char *pem_of(const X509 *a, const X509 *b)
{
	BIO *out = BIO_new(BIO_s_mem());

	PEM_write_bio_X509(out, a);
	if (b)
		PEM_write_bio_X509(out, b);
	return text_of(out);
}

static char *pem_of_key(const EVP_PKEY *key)
{
	BIO *out = BIO_new(BIO_s_mem());

	PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
	return text_of(out);
}

static void drop(struct made *m)
{
	X509_free(m->cert);
	EVP_PKEY_free(m->key);
}

struct test_pki *test_pki_new(void)
{
	static const char *const names[] = { "branch1.example.net", "hq.example.net" };
	struct made root = { 0 }, other = { 0 }, issuer = { 0 }, leaf[2] = { 0 }, other_leaf = { 0 };
	struct test_pki *p = calloc(1, sizeof(*p));
	int rc = p ? make(&root, 1, "Test Root", NULL, NULL) : -1;

	rc = rc || make(&other, 1, "Other Root", NULL, NULL) || make(&issuer, 2, "Test Issuer", &root, NULL);
	for (unsigned i = 0; !rc && i < 2; i++) {
		rc = make(&leaf[i], 10 + i, names[i], &issuer, names[i]);
		if (!rc) {
			p->leaf[i].chain = pem_of(leaf[i].cert, issuer.cert);
			p->leaf[i].key = pem_of_key(leaf[i].key);
		}
	}
	rc = rc || make(&other_leaf, 2, names[0], &other, names[0]);
	if (!rc) {
		p->made = time(NULL);
		p->other_leaf.chain = pem_of(other_leaf.cert, NULL);
		p->other_leaf.key = pem_of_key(other_leaf.key);
		p->root = pem_of(root.cert, NULL);
		p->other_root = pem_of(other.cert, NULL);
	}
	drop(&root);
	drop(&other);
	drop(&issuer);
	drop(&leaf[0]);
	drop(&leaf[1]);
	drop(&other_leaf);
	if (!rc)
		return p;
	test_pki_free(p);
	return NULL;
}

void test_pki_free(struct test_pki *p)
{
	if (!p)
		return;
	free(p->root);
	free(p->other_root);
	free(p->other_leaf.chain);
	free(p->other_leaf.key);
	for (unsigned i = 0; i < 2; i++) {
		free(p->leaf[i].chain);
		free(p->leaf[i].key);
	}
	free(p);
}

int64_t test_pki_later;
enum credentials_revocation test_pki_policy = CREDENTIALS_OFF;

static int64_t wall(void *ctx)
{
	(void)ctx;
	return time(NULL) + test_pki_later;
}

struct credentials *test_pki_credentials(const struct test_pki_leaf *leaf, const char *anchors)
{
	static const struct credentials_world world = { .wall = wall };
	struct credentials_source s = { .chain = { "chain", leaf->chain, strlen(leaf->chain) },
		.key = { "key", leaf->key, strlen(leaf->key) },
		.anchors = { "anchors", anchors, strlen(anchors) },
		.revocation = test_pki_policy,
		.world = &world };

	return credentials_new(&s, NULL);
}

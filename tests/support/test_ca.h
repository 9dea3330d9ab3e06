/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates for tests, made when the test runs: nothing expires in the repository, and no private key lies
 * there. What is wrong with a certificate is said in its spec. Keys are made once a kind and slot in a
 * process.
 */
#ifndef CW_TESTS_TEST_CA_H
#define CW_TESTS_TEST_CA_H

#include "base/credentials.h"

#define TEST_CA_NOW 1750000000 /* the time of day in tests: 2025-06-15 */
#define TEST_CA_DAY 86400

enum test_key {
	TEST_KEY_RSA, /* 2048 */
	TEST_KEY_RSA_1024,
	TEST_KEY_RSA_PSS, /* 2048, id-RSASSA-PSS */
	TEST_KEY_P256,
	TEST_KEY_P384,
	TEST_KEY_P521,
	TEST_KEY_ED25519,
	TEST_KEY_ED448,
	TEST_KEYS
};
#define TEST_KEY_SLOTS 6 /* different keys of one kind */

struct test_spec {
	const char *subject; /* "C=DE, CN=gw"; ^ is a zero octet */
	enum test_key key;
	unsigned slot;                   /* which of the keys of that kind */
	const struct test_spec *by;      /* issuer; NULL: itself */
	bool ca;                         /* basicConstraints CA, keyUsage keyCertSign and cRLSign */
	int path_len;                    /* of a CA, plus one; 0: none */
	int64_t not_before, not_after;   /* relative to TEST_CA_NOW; both 0: a year round it */
	const char *san, *eku, *ku, *nc; /* as in openssl.cnf; NULL: not there */
	const char *crl_url, *ocsp_url;
	const char *md; /* of the issuer's signature; NULL: sha256 */
	unsigned serial;
};

/* PEM of the certificates of these specs, one after the other. To be freed. */
char *test_ca_chain(const struct test_spec *const specs[], unsigned n);
/* PEM of its private key; with a passphrase when pass isn't NULL. To be freed. */
char *test_ca_key(const struct test_spec *spec, const char *pass);
/* A CRL of this CA in PEM, with the serial number of `revoked` when it isn't NULL; next_update relative to
 * now. */
char *test_ca_crl(const struct test_spec *ca, const struct test_spec *revoked, int64_t next_update);
#define TEST_CA_ENDLESS INT64_MAX   /* next_update of a CRL: it does not say */
extern int64_t test_ca_made_later;  /* producedAt of an OCSP answer, in seconds after its thisUpdate */
extern const char *test_ca_said_md; /* by which CRLs and OCSP answers are signed; NULL: sha256 */
/*
 * The answer to this OCSP request (DER) by `signer` with its key: revoked or good, from a day ago until
 * next_update (relative to now; 0: it does not say). To be freed.
 */
uint8_t *test_ca_ocsp(const uint8_t *request, size_t len, const struct test_spec *signer, bool revoked,
    int64_t next_update, size_t *ret_len);
/* Credentials with this chain and key and these anchors (n 0: none). Fails the test when they are refused. */
struct credentials *test_ca_credentials(const struct test_spec *const chain[], unsigned n,
    const struct test_spec *const anchors[], unsigned n_anchors);
extern enum credentials_revocation test_ca_policy; /* of those; relaxed at first */
/* Wall clock: *(int64_t *)ctx. */
int64_t test_ca_wall(void *ctx);
/* A world at TEST_CA_NOW, without a network. */
extern const struct credentials_world test_ca_world;
void test_ca_free(void); /* the keys */

#endif

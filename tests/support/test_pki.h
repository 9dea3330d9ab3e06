/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates for tests, made in memory: a root, an issuer below it, two leaves (branch1.example.net,
 * hq.example.net), and a root that has nothing to do with them, but has issued a leaf for
 * branch1.example.net, too. Valid from now for a year. EC P-256; a long comment makes a leaf as large as one
 * of RSA.
 */
#ifndef CW_TESTS_TEST_PKI_H
#define CW_TESTS_TEST_PKI_H

#include "base/credentials.h"

#include <stdint.h>

struct test_pki_leaf {
	char *chain, *key; /* PEM; the chain ends below the root */
};
struct test_pki {
	int64_t made; /* unix time */
	char *root, *other_root;
	struct test_pki_leaf leaf[2], other_leaf;
};
struct test_pki *test_pki_new(void); /* NULL when OpenSSL fails */
void test_pki_free(struct test_pki *p);
/* What a side has and trusts; revocation is test_pki_policy (off at first), and the time is now and
 * test_pki_later. */
struct credentials *test_pki_credentials(const struct test_pki_leaf *leaf, const char *anchors);
extern int64_t test_pki_later; /* seconds */
extern enum credentials_revocation test_pki_policy;

#endif

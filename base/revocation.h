/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a certificate itself says about where to ask whether it has been revoked: OCSP responders (RFC 6960)
 * and CRL distribution points (RFC 5280 4.2.1.13). The network comes in through struct credentials_world;
 * slow.
 */
#ifndef CW_BASE_REVOCATION_H
#define CW_BASE_REVOCATION_H

#include "base/credentials.h"

#define REVOCATION_OCSP_MAX (64 << 10) /* bytes of an OCSP answer */

/*
 * What is left of the world's time for one judgement: a peer's chain may be of ten certificates that name
 * eight servers each, and every one of them may be slow.
 */
struct revocation_patience {
	mtime until;      /* by the world's steady clock */
	unsigned fetches; /* still to be asked for */
	bool spent;       /* somebody was not asked, or not waited for */
};
struct revocation_patience revocation_patience(const struct credentials_world *w);

enum revocation {
	REVOCATION_UNKNOWN, /* nobody to ask, no answer, or none that counts */
	REVOCATION_GOOD,
	REVOCATION_REVOKED
};
/* Asks the OCSP responders that c names, in turn. The answer must be the issuer's, or of whom it appointed,
 * be valid at `at`, and with `legacy` only may it be signed weakly. */
enum revocation revocation_ocsp(const struct credentials_world *w, struct revocation_patience *p,
    const struct cert *c, const struct cert *issuer, bool legacy, int64_t at);
/* Fetches the lists that c names, in turn. One counts that is the issuer's and valid at `at`. */
enum revocation revocation_crls(const struct credentials_world *w, struct revocation_patience *p,
    struct cert *c, struct cert *issuer, bool legacy, int64_t at);

/* http URLs of either kind; the number. */
unsigned revocation_ocsp_urls(const struct cert *c, char urls[][CERT_URL_MAX], unsigned max);
unsigned revocation_crl_urls(const struct cert *c, char urls[][CERT_URL_MAX], unsigned max);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What cert*.c share: the library's object inside. */
#ifndef CW_BASE_CERT_INTERNAL_H
#define CW_BASE_CERT_INTERNAL_H

#include "base/cert.h"

#include <openssl/x509.h>

struct cert {
	unsigned refs; /* atomic */
	X509 *x;
	uint8_t *der;
	size_t len;
};
/* Takes x over, also on failure. */
struct cert *cert_wrap(X509 *x);
/* Seconds since 1970; INT64_MIN when it is no time. */
int64_t cert_time(const ASN1_TIME *t);
const char *cert_x509_name_str(const X509_NAME *name, char *buf, size_t cap);

/* cert_strength.c: is what secures a list, or an answer, as strong as what secures a certificate? */
/* A signature's algorithm: known, and not of SHA-1 or MD5. */
bool cert_strong_alg(const X509_ALGOR *alg);
/* A certificate's key and the signature on it: 112 bits. */
bool cert_strong(X509 *x);

#endif

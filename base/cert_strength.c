/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strength of what speaks of certificates. The library holds the certificates of a chain to a level of
 * security (cert_verify.c), but not the signature of a CRL, nor that of an OCSP answer and the certificate of
 * its signer. Who can forge one of those by a collision of SHA-1 or MD5 can call a revoked certificate good.
 */
#include "base/cert_internal.h"
#include "base/sign.h"

#include <openssl/err.h>

#define BITS_MIN 112 /* as RSA with 2048 */

bool cert_strong_alg(const X509_ALGOR *alg)
{
	uint8_t *der = NULL;
	int len = i2d_X509_ALGOR(alg, &der);
	struct sig_alg a;
	bool strong = len > 0 && !sig_alg_parse(der, (size_t)len, &a) && a.hash != SIG_HASH_SHA1;

	OPENSSL_free(der);
	ERR_clear_error();
	return strong;
}

bool cert_strong(X509 *x)
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	int bits = 0;
	bool strong = key && EVP_PKEY_get_security_bits(key) >= BITS_MIN &&
	              X509_get_signature_info(x, NULL, NULL, &bits, NULL) == 1 && bits >= BITS_MIN;

	ERR_clear_error();
	return strong;
}

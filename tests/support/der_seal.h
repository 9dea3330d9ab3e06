/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed objects of X.509 and OCSP from parts that need not make sense: a fuzzer writes what is signed, and
 * this signs it, so that its changes get behind the signature. The key is Ed25519 of the seed 32 times 0x42,
 * whose public half make_cert_corpus.py puts into its certificates.
 */
#ifndef CW_TESTS_DER_SEAL_H
#define CW_TESTS_DER_SEAL_H

#include <stddef.h>
#include <stdint.h>

/*
 * SEQUENCE { tbs, Ed25519, signature over it, and `behind` as it is }: a certificate, a CRL, an OCSP answer's
 * inside, which may have certificates behind. malloc; NULL: no memory, or more than 1 MB.
 */
uint8_t *der_seal(const uint8_t *tbs, size_t len, const uint8_t *behind, size_t behind_len, size_t *ret_len);
/* The part behind: one certificate as an OCSP answer carries it. */
uint8_t *der_ocsp_cert(const uint8_t *cert, size_t len, size_t *ret_len);
/* A successful OCSPResponse (RFC 6960 4.2.1) around it. */
uint8_t *der_ocsp(const uint8_t *basic, size_t len, size_t *ret_len);

#endif

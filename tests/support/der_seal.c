/* SPDX-License-Identifier: Apache-2.0 */
/* DER by hand, for there is nothing else in it than four lengths. */
#include "tests/support/der_seal.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define TOTAL_MAX  (1 << 20)
#define ROOM       128 /* for what is added */
#define HEADER_MAX 5   /* of what is shorter than 16 MB */
#define SIGNATURE  64
#define ENUMERATED 0x0a
#define SEQUENCE   0x30
#define OCTETS     0x04
#define BITS       0x03
#define EXPLICIT_0 0xa0

static const uint8_t ed25519[] = { SEQUENCE, 5, 6, 3, 0x2b, 0x65, 0x70 };      /* RFC 8410 */
static const uint8_t basic_type[] = { 6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1 }; /* id-pkix-ocsp-basic */
static const uint8_t successful[] = { ENUMERATED, 1, 0 };

/* Tag and length in front of len octets. Returns their end. */
static uint8_t *header(uint8_t *at, uint8_t tag, size_t len)
{
	unsigned more = len < 0x80 ? 0 : len < 0x100 ? 1 : len < 0x10000 ? 2 : 3;

	*at++ = tag;
	*at++ = (uint8_t)(more ? 0x80 | more : len);
	while (more--)
		*at++ = (uint8_t)(len >> 8 * more);
	return at;
}

static uint8_t *append(uint8_t *at, const void *data, size_t len)
{
	if (len)
		memcpy(at, data, len);
	return at + len;
}

/* The octets from buf on, of which the first HEADER_MAX are free, under this tag; they move to the front. */
static size_t wrap(uint8_t *buf, uint8_t tag, const uint8_t *end)
{
	size_t len = (size_t)(end - buf) - HEADER_MAX;
	uint8_t *begin = header(buf, tag, len);

	memmove(begin, buf + HEADER_MAX, len);
	return (size_t)(begin - buf) + len;
}

static int sign(const uint8_t *data, size_t len, uint8_t out[SIGNATURE])
{
	static EVP_PKEY *key;
	uint8_t seed[32];
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t n = SIGNATURE;
	int rc = -1;

	memset(seed, 0x42, sizeof(seed));
	if (!key)
		key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	if (c && key && EVP_DigestSignInit(c, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestSign(c, out, &n, data, len) == 1)
		rc = 0;
	EVP_MD_CTX_free(c);
	return rc;
}

uint8_t *der_seal(const uint8_t *tbs, size_t len, const uint8_t *behind, size_t behind_len, size_t *ret_len)
{
	uint8_t *buf = len <= TOTAL_MAX && behind_len <= TOTAL_MAX ? malloc(len + behind_len + ROOM) : NULL,
	        *at;

	if (!buf)
		return NULL;
	at = append(buf + HEADER_MAX, tbs, len);
	at = append(at, ed25519, sizeof(ed25519));
	at = header(at, BITS, SIGNATURE + 1);
	*at++ = 0;
	if (sign(tbs, len, at)) {
		free(buf);
		return NULL;
	}
	*ret_len = wrap(buf, SEQUENCE, append(at + SIGNATURE, behind, behind_len));
	return buf;
}

uint8_t *der_ocsp_cert(const uint8_t *cert, size_t len, size_t *ret_len)
{
	uint8_t *buf = len <= TOTAL_MAX ? malloc(len + ROOM) : NULL, *at;

	if (!buf)
		return NULL;
	at = header(buf + HEADER_MAX, SEQUENCE, len);
	*ret_len = wrap(buf, EXPLICIT_0, append(at, cert, len));
	return buf;
}

uint8_t *der_ocsp(const uint8_t *basic, size_t len, size_t *ret_len)
{
	uint8_t *inner = len <= TOTAL_MAX ? malloc(len + ROOM) : NULL,
	        *outer = inner ? malloc(len + ROOM) : NULL, *at;
	size_t n;

	if (outer) {
		at = append(inner + HEADER_MAX, basic_type, sizeof(basic_type));
		at = header(at, OCTETS, len);
		n = wrap(inner, SEQUENCE, append(at, basic, len));
		at = append(outer + HEADER_MAX, successful, sizeof(successful));
		at = header(at, EXPLICIT_0, n);
		*ret_len = wrap(outer, SEQUENCE, append(at, inner, n));
	}
	free(inner);
	return outer;
}

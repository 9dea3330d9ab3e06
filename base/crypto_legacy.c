/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MD4 (RFC 1320) and single DES (FIPS 46-3) by OpenSSL's functions on plain memory. EVP has both in its
 * legacy provider only, a module that is loaded from disk, that some distributions put into a package of its
 * own and that would then be there for every other user of the library too. The plain functions are in
 * libcrypto itself, can't fail, and reach nobody but the callers of this file.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/crypto_legacy.h"

#include "base/secret.h"

#include <openssl/des.h>
#include <openssl/md4.h>

void md4(const void *data, size_t len, uint8_t out[16])
{
	MD4_CTX c;

	MD4_Init(&c);
	MD4_Update(&c, data, len);
	MD4_Final(out, &c);
	cleanse(&c, sizeof(c));
}

void des_encrypt(const uint8_t clear[8], const uint8_t key[7], uint8_t out[8])
{
	uint64_t bits = 0;
	DES_cblock k, in, sealed;
	DES_key_schedule schedule;

	for (unsigned i = 0; i < 7; i++)
		bits = bits << 8 | key[i];
	/* Seven bits a byte; the eighth is parity, which nobody looks at. */
	for (unsigned i = 0; i < 8; i++)
		k[i] = (uint8_t)((bits >> (49 - 7 * i) & 0x7f) << 1);
	for (unsigned i = 0; i < 8; i++)
		in[i] = clear[i];
	DES_set_key_unchecked(&k, &schedule);
	DES_ecb_encrypt(&in, &sealed, &schedule, DES_ENCRYPT);
	for (unsigned i = 0; i < 8; i++)
		out[i] = sealed[i];
	cleanse(&bits, sizeof(bits));
	cleanse(k, sizeof(k));
	cleanse(&schedule, sizeof(schedule));
}

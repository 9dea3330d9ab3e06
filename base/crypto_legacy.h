/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MD4 and DES, for MS-CHAP-V2 (RFC 2759) and nothing else: Windows keeps passwords as MD4 and proves them
 * with DES. Both are broken; no IKE or ESP proposal names them, and nothing else may call this.
 */
#ifndef CW_BASE_CRYPTO_LEGACY_H
#define CW_BASE_CRYPTO_LEGACY_H

#include <stddef.h>
#include <stdint.h>

void md4(const void *data, size_t len, uint8_t out[16]);
/* One block of DES under a key of 56 bits, given without its parity bits (RFC 2759 8.6). */
void des_encrypt(const uint8_t clear[8], const uint8_t key[7], uint8_t out[8]);

#endif

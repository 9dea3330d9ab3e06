/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenSSL wrapper: the only place that names an EVP function. Algorithms are named by their IANA IKEv2
 * transform IDs, so that wire, configuration and SA tables speak of the same numbers.
 *
 * Algorithms are fetched once per process (crypto_init), never per packet. All functions are thread safe once
 * crypto_init has returned, on distinct contexts. Return 0, or -1 on failure (an algorithm the library lacks,
 * a value out of range, memory); outputs are untouched or cleansed then.
 */
#ifndef CW_BASE_CRYPTO_H
#define CW_BASE_CRYPTO_H

#include "base/rng.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Transform type 1, encryption (RFC 7296 3.3.2, RFC 4106, RFC 7634). */
enum encr_id { ENCR_NONE = 0, ENCR_3DES = 3, ENCR_NULL = 11, ENCR_AES_CBC = 12, ENCR_AES_GCM_16 = 20 };
/* Transform type 2, PRF. */
enum prf_id {
	PRF_NONE = 0,
	PRF_HMAC_MD5 = 1,
	PRF_HMAC_SHA1 = 2,
	PRF_HMAC_SHA2_256 = 5,
	PRF_HMAC_SHA2_384 = 6,
	PRF_HMAC_SHA2_512 = 7
};
/* Transform type 3, integrity. */
enum integ_id {
	INTEG_NONE = 0,
	INTEG_HMAC_MD5_96 = 1,
	INTEG_HMAC_SHA1_96 = 2,
	INTEG_HMAC_SHA2_256_128 = 12,
	INTEG_HMAC_SHA2_384_192 = 13,
	INTEG_HMAC_SHA2_512_256 = 14,
};
/* Transform type 4, key exchange method. */
enum ke_id {
	KE_NONE = 0,
	KE_MODP_768 = 1,
	KE_MODP_1024 = 2,
	KE_MODP_2048 = 14,
	KE_MODP_3072 = 15,
	KE_MODP_4096 = 16,
	KE_ECP_256 = 19,
	KE_ECP_384 = 20,
	KE_ECP_521 = 21,
	KE_CURVE25519 = 31,
};

#define CRYPTO_MAX_HASH      64  /* bytes of the longest PRF output */
#define CRYPTO_MAX_KE_PUBLIC 512 /* MODP 4096 */
#define CRYPTO_MAX_ENCR_KEY  36  /* AES-256 with a GCM salt */
#define CRYPTO_MAX_INTEG_KEY 64
#define CRYPTO_MAX_BLOCK     16
#define CRYPTO_MAX_ICV       32

/* Once per process, before anything else; a second call does nothing. */
int crypto_init(void);
/* Frees what crypto_init fetched, for leak-free exits. */
void crypto_fini(void);

/* --- facts about algorithms; false when this build does not know the number --- */
struct encr_info {
	const char *name; /* "aes256", "aes256gcm16": the usual notation */
	bool aead;
	uint8_t block;    /* padding unit of IKE's SK and of ESP: 16 for AES-CBC, 8 for 3DES, 1 for GCM in
	                     IKE and 4 in ESP */
	uint8_t iv_len;   /* on the wire: 16, 8 for 3DES and GCM */
	uint8_t salt_len; /* taken from the end of the key material: 4 for GCM */
	uint8_t icv_len;  /* of an AEAD; else 0 */
	uint8_t key_len;  /* bytes without the salt */
};
/* key_bits is 0 for ciphers of one key length only (3DES), which carry no such attribute on the wire. */
bool encr_info(enum encr_id id, unsigned key_bits, struct encr_info *ret_info);
struct integ_info {
	const char *name; /* "sha256" */
	uint8_t key_len, icv_len;
};
bool integ_info(enum integ_id id, struct integ_info *ret_info);
struct prf_info {
	const char *name; /* "prfsha256" */
	uint8_t out_len;  /* also the preferred key length */
};
bool prf_info(enum prf_id id, struct prf_info *ret_info);
struct ke_info {
	const char *name;    /* "modp2048", "ecp256", "curve25519" */
	uint16_t public_len; /* of the KE payload's data */
	uint16_t secret_len; /* of the shared secret, leading zeros kept */
};
bool ke_info(enum ke_id id, struct ke_info *ret_info);

/*
 * What must not be used any more where there is a choice (RFC 8221, RFC 8247, RFC 9395): 3DES, MD5, SHA-1,
 * and MODP groups below 2048 bits. The configuration admits them only where both the profile and the tunnel
 * say so.
 */
bool encr_is_weak(enum encr_id id);
bool integ_is_weak(enum integ_id id);
bool prf_is_weak(enum prf_id id);
bool ke_is_weak(enum ke_id id);

/* --- PRF (RFC 7296 2.13) --- */
struct chunk {
	const uint8_t *data;
	size_t len;
};
/* out has prf_info.out_len bytes. The data is the concatenation of n parts. */
int prf(
    enum prf_id id, const uint8_t *key, size_t key_len, const struct chunk parts[], size_t n, uint8_t *out);
/* prf+ of RFC 7296 2.13: fills out_len bytes (at most 255 blocks). */
int prf_plus(enum prf_id id, const uint8_t *key, size_t key_len, const struct chunk seed[], size_t n,
    uint8_t *out, size_t out_len);
/* HMAC truncated to the algorithm's ICV length. */
int integ(
    enum integ_id id, const uint8_t *key, size_t key_len, const struct chunk parts[], size_t n, uint8_t *out);
int sha1(const struct chunk parts[], size_t n, uint8_t out[20]); /* NAT detection (RFC 7296 2.23) only */

/* --- one-shot ciphers for IKE; ESP has contexts of its own below --- */
/* AES-CBC, no padding: len is a multiple of 16. in and out may be the same. */
int cbc_crypt(bool encrypt, unsigned key_bits, const uint8_t *key, const uint8_t iv[16], const uint8_t *in,
    size_t len, uint8_t *out);

/* --- keyed contexts for the data path: keyed once, used per packet, no allocation per packet --- */
struct aead_ctx; /* AES-GCM-16, or a CBC cipher + HMAC, by construction */
/*
 * A context that seals or opens ESP and IKE payloads. encr_key holds key and salt (encr_info.key_len +
 * salt_len); integ_key is NULL for AEADs. NULL when the combination is unknown or memory is out.
 */
struct aead_ctx *aead_new(bool seal, enum encr_id encr, unsigned key_bits, const uint8_t *encr_key,
    enum integ_id integ_alg, const uint8_t *integ_key);
void aead_free(struct aead_ctx *c);
/*
 * Encrypt in place. Layout in memory: aad[aad_len] | iv[iv_len] | text[text_len] | icv. For AEADs aad is the
 * AAD (for ESP the caller passes SPI|seq or SPI|esn|seq); for encrypt-then-MAC the MAC covers aad | iv | text
 * | tail (tail: the high 32 bits of an ESN, RFC 4303 2.2.1; len 0 else). text_len is already padded. The
 * nonce of GCM is salt | iv; CBC uses iv as it is. icv receives the tag.
 */
int aead_seal(struct aead_ctx *c, const uint8_t *aad, size_t aad_len, const uint8_t *iv, uint8_t *text,
    size_t text_len, const uint8_t *tail, size_t tail_len, uint8_t *icv);
/* Checks icv in constant time before anything is decrypted (encrypt-then-MAC); in place. -1 when it is wrong.
 */
int aead_open(struct aead_ctx *c, const uint8_t *aad, size_t aad_len, const uint8_t *iv, uint8_t *text,
    size_t text_len, const uint8_t *tail, size_t tail_len, const uint8_t *icv);

/* --- key exchange (slow: run it as a job) --- */
struct ke; /* a private key and its group */
/* A fresh private key from rng. NULL when the group is unknown or the library fails. */
struct ke *ke_new(enum ke_id id, const struct rng *rng);
/* For published vectors: the private key is given (big endian; little endian for curve25519, as RFC 7748
 * prints it). */
struct ke *ke_from_private(enum ke_id id, const uint8_t *priv, size_t len);
void ke_free(struct ke *k);
enum ke_id ke_group(const struct ke *k);
/* The KE payload's data: MODP padded to the group's length, ECP x|y without the 04 (RFC 5903). */
int ke_public(const struct ke *k, uint8_t *out, size_t cap, size_t *ret_len);
/*
 * The shared secret g^ir: padded to the prime's length for MODP, x for ECP. Refuses public values that RFC
 * 6989 refuses (0, 1, p-1, p and above, points off the curve, an all-zero X25519 result).
 */
int ke_secret(const struct ke *k, const uint8_t *peer, size_t peer_len, struct secret *ret_secret);

#endif

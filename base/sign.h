/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures with asymmetric keys: RSA (PKCS#1 v1.5 and PSS), ECDSA on the NIST curves, EdDSA. What IKE's
 * Digital Signature method (RFC 7427) names by an AlgorithmIdentifier is here a `struct sig_alg`.
 *
 * Keys are immutable and shared by reference; all functions may run on any thread. Signing is slow (a
 * millisecond and more): run it as a job. The salt of RSA-PSS and the nonce of ECDSA come from OpenSSL's own
 * generator, the one place where randomness isn't by argument: a nonce that repeats gives the private key
 * away, so no test's rng may choose it.
 */
#ifndef CW_BASE_SIGN_H
#define CW_BASE_SIGN_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sig_key_kind { SIG_KEY_RSA, SIG_KEY_P256, SIG_KEY_P384, SIG_KEY_P521, SIG_KEY_ED25519, SIG_KEY_ED448 };
/* By their numbers in "IKEv2 Hash Algorithms" (RFC 7427 7, RFC 8420 3). */
enum sig_hash {
	SIG_HASH_NONE = 0,
	SIG_HASH_SHA1 = 1,
	SIG_HASH_SHA256 = 2,
	SIG_HASH_SHA384 = 3,
	SIG_HASH_SHA512 = 4,
	SIG_HASH_IDENTITY = 5
};
enum sig_scheme { SIG_RSA_PKCS1, SIG_RSA_PSS, SIG_ECDSA, SIG_EDDSA };
struct sig_alg {
	enum sig_scheme scheme;
	enum sig_hash hash; /* IDENTITY with EdDSA */
};

#define SIG_MAX     1024 /* bytes of a signature: RSA with 8192 bits */
#define SIG_ALG_MAX 128  /* bytes of an AlgorithmIdentifier */

struct sig_key; /* a public key, or a pair */

/* A private key in PEM ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"). NULL with a reason that begins
 * with `name`: not readable, behind a passphrase, of a kind that isn't known. */
struct sig_key *sig_key_private(const void *pem, size_t len, const char *name, struct reason *ret_reason);
/* A public key as SubjectPublicKeyInfo. NULL: unreadable, unknown kind, no memory. */
struct sig_key *sig_key_public(const uint8_t *der, size_t len);
struct sig_key *sig_key_ref(const struct sig_key *k);
void sig_key_unref(struct sig_key *k); /* NULL is legal */
enum sig_key_kind sig_key_kind(const struct sig_key *k);
unsigned sig_key_bits(const struct sig_key *k); /* of the modulus or the curve */
/* "RSA 2048", "ECDSA P-256", "Ed25519" */
const char *sig_key_str(const struct sig_key *k, char *buf, size_t cap);
/* Do both hold the same public key? */
bool sig_key_same(const struct sig_key *a, const struct sig_key *b);

/* May this key make signatures of this algorithm? */
bool sig_alg_fits(const struct sig_alg *alg, const struct sig_key *k);
/* "RSA-PSS with SHA-256" */
const char *sig_alg_str(const struct sig_alg *alg, char *buf, size_t cap);
/* The AlgorithmIdentifier (RFC 7427 appendix A, RFC 8420 A): DER, for a signature of this key. -1: no such
 * combination, no room. */
int sig_alg_build(
    const struct sig_alg *alg, const struct sig_key *k, uint8_t *out, size_t cap, size_t *ret_len);
/* -1: malformed, or an algorithm that isn't known here. PSS only with MGF1 of the same hash and a salt of its
 * length. */
int sig_alg_parse(const uint8_t *der, size_t len, struct sig_alg *ret_alg);

/*
 * Over the message, which is hashed here. ECDSA gives an ECDSA-Sig-Value in DER, or with `plain` r|s of the
 * curve's length (RFC 4754). -1: the key doesn't fit, no room, the library failed.
 */
int sig_sign(const struct sig_key *k, const struct sig_alg *alg, bool plain, const uint8_t *msg,
    size_t msg_len, uint8_t *out, size_t cap, size_t *ret_len);
/* 0: right; -1: anything else. */
int sig_verify(const struct sig_key *k, const struct sig_alg *alg, bool plain, const uint8_t *msg,
    size_t msg_len, const uint8_t *sig, size_t sig_len);

#endif

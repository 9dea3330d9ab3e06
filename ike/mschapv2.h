/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MS-CHAP-V2 as arithmetic (RFC 2759 section 8) and the keys that EAP-MSCHAPv2 takes from it (RFC 3079
 * section 3). Pure functions; the packets are in eap_mschapv2.c.
 */
#ifndef CW_IKE_MSCHAPV2_H
#define CW_IKE_MSCHAPV2_H

#include "base/secret.h"

#define MSCHAPV2_CHALLENGE_LEN   16
#define MSCHAPV2_NT_RESPONSE_LEN 24
#define MSCHAPV2_HASH_LEN        16
#define MSCHAPV2_PROOF_LEN       20  /* printed as 40 hexadecimal digits */
#define MSCHAPV2_PASSWORD_MAX    256 /* UTF-16 units (RFC 2759 8.1) */
#define EAP_MSK_LEN              64  /* RFC 5247 */

/* NtPasswordHash: MD4 of the password, UTF-8 here, in UTF-16LE. -1: not UTF-8, or too long. */
int mschapv2_password_hash(const struct secret *password, uint8_t ret_hash[MSCHAPV2_HASH_LEN]);

/* What a response to a challenge is made of. */
struct mschapv2_exchange {
	uint8_t authenticator[MSCHAPV2_CHALLENGE_LEN]; /* the server's challenge */
	uint8_t peer[MSCHAPV2_CHALLENGE_LEN];          /* the client's */
	const char *user; /* as the client sent it; "DOMAIN\" in front does not count (RFC 2759 4) */
	size_t user_len;
};
/* GenerateNTResponse: what the client proves that it has the password with. */
int mschapv2_nt_response(const struct mschapv2_exchange *x, const uint8_t hash[MSCHAPV2_HASH_LEN],
    uint8_t ret_response[MSCHAPV2_NT_RESPONSE_LEN]);
/* GenerateAuthenticatorResponse: how the server answers that proof with its own. */
int mschapv2_authenticator_response(const struct mschapv2_exchange *x, const uint8_t hash[MSCHAPV2_HASH_LEN],
    const uint8_t response[MSCHAPV2_NT_RESPONSE_LEN], uint8_t ret_proof[MSCHAPV2_PROOF_LEN]);
/*
 * The MSK: the key from client to server (16 octets), that from server to client (16), zeros; as Windows,
 * strongSwan and all others have it, though no document says so.
 */
int mschapv2_msk(const uint8_t hash[MSCHAPV2_HASH_LEN], const uint8_t response[MSCHAPV2_NT_RESPONSE_LEN],
    uint8_t ret_msk[EAP_MSK_LEN]);

#endif

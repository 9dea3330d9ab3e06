/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: SKEYSEED and the SK_* of an IKE SA (RFC 7296 2.14, 2.18), KEYMAT of a child SA (2.17). */
#ifndef CW_IKE_KEYMAT_H
#define CW_IKE_KEYMAT_H

#include "base/crypto.h"
#include "base/secret.h"

/* One suite, chosen: exactly one transform of each type. */
struct ike_suite {
	enum encr_id encr;
	uint16_t key_bits;
	enum prf_id prf;
	enum integ_id integ;
	enum ke_id ke;
	bool esn;
};

struct ike_nonce {
	uint8_t data[256];
	uint16_t len;
};
/* As octet strings, shorter is lower when one begins the other (RFC 7296 2.8.1). */
int ike_nonce_cmp(const struct ike_nonce *a, const struct ike_nonce *b);
const struct ike_nonce *ike_nonce_lower(const struct ike_nonce *a, const struct ike_nonce *b);

/* One direction of an IKE SA: a keyed context, and what building the SK payload must know about it. */
struct ike_dir {
	struct aead_ctx *ctx;
	uint8_t iv_len, block, icv_len;
	bool aead;
	uint64_t next_iv;
};

struct ike_keys {
	enum prf_id prf;
	uint8_t prf_len;
	uint8_t sk_d[CRYPTO_MAX_HASH], sk_pi[CRYPTO_MAX_HASH], sk_pr[CRYPTO_MAX_HASH];
	struct ike_dir seal, open;
};
void ike_keys_clear(struct ike_keys *k);

/* SKEYSEED of a new IKE SA: prf(Ni | Nr, g^ir). out has the PRF's length. */
int ike_skeyseed(enum prf_id prf_alg, const struct ike_nonce *ni, const struct ike_nonce *nr,
    const struct secret *g_ir, uint8_t *out);
/* SKEYSEED of a rekeyed IKE SA: prf(SK_d of the old one, g^ir | Ni | Nr), with the old one's PRF. */
int ike_skeyseed_rekey(const struct ike_keys *old, const struct ike_nonce *ni, const struct ike_nonce *nr,
    const struct secret *g_ir, uint8_t *out);
/* {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr). */
int ike_keys_derive(const struct ike_suite *suite, bool initiator, const uint8_t *skeyseed,
    size_t skeyseed_len, const struct ike_nonce *ni, const struct ike_nonce *nr, uint64_t spi_i,
    uint64_t spi_r, struct ike_keys *ret_keys);

/* Keys of both directions of a child SA; i: from the exchange's initiator to its responder. */
struct ike_child_keys {
	uint8_t encr_i[CRYPTO_MAX_ENCR_KEY], encr_r[CRYPTO_MAX_ENCR_KEY];
	uint8_t integ_i[CRYPTO_MAX_INTEG_KEY], integ_r[CRYPTO_MAX_INTEG_KEY];
};
/* KEYMAT = prf+(SK_d, [g^ir |] Ni | Nr); g_ir NULL without PFS. */
int ike_child_keymat(const struct ike_keys *k, const struct ike_suite *suite, const struct ike_nonce *ni,
    const struct ike_nonce *nr, const struct secret *g_ir, struct ike_child_keys *ret_keys);

#endif

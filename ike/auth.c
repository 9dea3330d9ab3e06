/* SPDX-License-Identifier: Apache-2.0 */
/* AUTH by pre-shared key (RFC 7296 2.15): what is signed, and how. Comparing is the caller's, in constant
 * time. */
#include "ike/auth.h"

static const char key_pad[] = "Key Pad for IKEv2";

int ike_auth_psk(const struct ike_keys *k, const uint8_t *sk_p, const struct secret *psk,
    struct ike_span message, const struct ike_nonce *nonce, struct ike_span id_body, uint8_t *out)
{
	uint8_t key[CRYPTO_MAX_HASH], maced_id[CRYPTO_MAX_HASH];
	struct chunk pad = { (const uint8_t *)key_pad, sizeof(key_pad) - 1 };
	struct chunk id = { id_body.data, id_body.len };
	struct chunk octets[] = { { message.data, message.len }, { nonce->data, nonce->len },
		{ maced_id, k->prf_len } };
	int rc = -1;

	if (!prf(k->prf, psk->data, psk->len, &pad, 1, key) &&
	    !prf(k->prf, sk_p, k->prf_len, &id, 1, maced_id) && !prf(k->prf, key, k->prf_len, octets, 3, out))
		rc = 0;
	cleanse(key, sizeof(key));
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The AUTH payload's data with a pre-shared key (RFC 7296 2.15). */
#ifndef CW_IKE_AUTH_H
#define CW_IKE_AUTH_H

#include "ike/keymat.h"
#include "ike/payload.h"

/*
 * AUTH = prf(prf(psk, "Key Pad for IKEv2"), message | nonce | prf(SK_px, id_body)). message is the signer's
 * own first message as sent, nonce the other side's, sk_p the signer's SK_pi or SK_pr, id_body the signer's
 * ID payload without generic header. out has the PRF's length.
 */
int ike_auth_psk(const struct ike_keys *k, const uint8_t *sk_p, const struct secret *psk,
    struct ike_span message, const struct ike_nonce *nonce, struct ike_span id_body, uint8_t *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer offers, as text, and what keeps it apart from what we accept: for telling, nothing is chosen
 * here. */
#ifndef CW_IKE_OFFER_STR_H
#define CW_IKE_OFFER_STR_H

#include "ike/sa_payload.h"

#include <stddef.h>

#define IKE_OFFER_SHOWN 6 /* proposals of an offer that are printed */

/*
 * "3des-sha1-prfsha1-modp1024, aes256-...": transforms by name, those that we don't know too; by kind and
 * number where they have no name. Always terminated; cut short where it does not fit.
 */
const char *ike_offer_str(const struct ike_offer *o, char *buf, size_t cap);

/* "modp2048", those that we never use included; NULL when the number has no name. */
const char *ike_offer_ke_name(unsigned group);

/*
 * Of the pair of one of ours and one of theirs that is nearest: "the key exchange group (it offers modp1024;
 * we accept modp2048)". with_ke false: key exchange is passed over. Empty: nothing that we could name. Always
 * terminated.
 */
const char *ike_offer_differs(
    const struct ike_proposals *ours, const struct ike_offer *o, bool with_ke, char *buf, size_t cap);

#endif

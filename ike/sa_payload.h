/* SPDX-License-Identifier: Apache-2.0 */
/* The SA payload (RFC 7296 3.3): what a peer offers as a typed view, our offer as bytes, and the choice. */
#ifndef CW_IKE_SA_PAYLOAD_H
#define CW_IKE_SA_PAYLOAD_H

#include "ike/keymat.h"
#include "ike/payload.h"

struct ike_transform {
	uint8_t type;
	bool odd; /* carries an attribute we do not know: never chosen (RFC 7296 3.3.6) */
	uint16_t id;
	uint16_t key_bits;
};
struct ike_offer_proposal {
	uint8_t number, protocol;
	struct ike_span spi;
	uint16_t first, n; /* its transforms, in ike_offer.transform */
};
struct ike_offer {
	struct ike_offer_proposal proposal[IKE_OFFER_PROPOSALS_MAX];
	unsigned n;
	struct ike_transform transform[IKE_OFFER_TRANSFORMS_MAX];
	unsigned n_transforms;
};
int ike_sa_parse(struct ike_span body, struct ike_offer *ret);

/* What to do with key exchange methods in a choice. */
enum ike_ke_mode {
	IKE_KE_NEVER,  /* IKE_AUTH: none is negotiated, the peer's are passed over (RFC 7296 1.2) */
	IKE_KE_LISTED, /* one of ours; none where our proposal lists none */
	IKE_KE_ANY, /* as LISTED, but where ours lists none any method we know is taken: the peer wants PFS */
};
struct ike_choice {
	struct ike_suite suite;
	uint8_t number;
	struct ike_span spi;
	bool integ_none; /* the offer spelled "no integrity" out, and the answer must as well */
	bool ke_none;    /* the same for "no key exchange" */
};
/*
 * The first of ours that one of the peer's proposals satisfies. want_ke, when not KE_NONE, is preferred as
 * the key exchange method (the peer has sent its public value already). -1: nothing fits.
 */
int ike_sa_select(const struct ike_proposals *ours, const struct ike_offer *offer, uint8_t protocol,
    enum ike_ke_mode mode, enum ke_id want_ke, struct ike_choice *ret);
/* Is this answer exactly one proposal with one transform of each type? (RFC 7296 2.7) */
bool ike_sa_is_answer(const struct ike_offer *offer);

/* Our whole offer; spi is written into each proposal. with_ke false leaves key exchange methods out. */
void ike_build_sa(struct ike_build *b, const struct ike_proposals *ours, uint8_t protocol,
    const struct chunk *spi, bool with_ke);
/* The answer to an offer: the choice made. */
void ike_build_sa_choice(
    struct ike_build *b, const struct ike_choice *c, uint8_t protocol, const struct chunk *spi);

/* The suite as a proposal with one transform of each type, for printing. */
struct ike_proposal ike_suite_proposal(const struct ike_suite *s, bool esp);

#endif

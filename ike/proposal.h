/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proposals and transforms (RFC 7296 3.3): as text in the usual notation, as typed values, and the choice
 * between what a peer offers and what we accept. Pure values, no allocation.
 */
#ifndef CW_IKE_PROPOSAL_H
#define CW_IKE_PROPOSAL_H

#include "base/crypto.h"
#include "base/reason.h"

#include <stdbool.h>

#define IKE_PROPOSALS_MAX  16 /* proposals in one SA payload or configuration */
#define IKE_TRANSFORMS_MAX 8  /* transforms of one type in one proposal */
#define IKE_WEAK_MAX       7  /* weak algorithms there are */

/* What we configure: one suite, each type with its alternatives in order of preference. */
struct ike_proposal {
	struct {
		uint16_t id; /* enum encr_id */
		uint16_t key_bits;
	} encr[IKE_TRANSFORMS_MAX];
	uint16_t prf[IKE_TRANSFORMS_MAX];   /* enum prf_id; IKE only */
	uint16_t integ[IKE_TRANSFORMS_MAX]; /* enum integ_id; none with AEADs */
	uint16_t ke[IKE_TRANSFORMS_MAX];    /* enum ke_id; IKE; ESP: PFS at rekey */
	uint8_t n_encr, n_prf, n_integ, n_ke;
	uint8_t esn; /* ESP: bit 0 accepts 32-bit sequence numbers, bit 1 ESN; 0 means both, ESN preferred */
};
struct ike_proposals {
	struct ike_proposal list[IKE_PROPOSALS_MAX];
	unsigned n;
};

/*
 * The usual notation, case-insensitive: "aes256-sha256-modp2048", "aes256gcm16-prfsha384-ecp384",
 * "aes128-sha256-curve25519", for ESP "aes256-sha256", "aes256gcm16-modp2048-esn". Aliases: ecp256/384/521 =
 * dh19/20/21 = group19.., modp2048 = dh14, x25519 = curve25519, aes256gcm = aes256gcm16, sha2_256 = sha256.
 * IKE without a prf keyword takes the PRF of the integrity hash. On error -1, and the reason names the word,
 * where in the text, and what would be accepted.
 */
int ike_proposal_parse(
    const char *text, bool esp, struct ike_proposal *ret_proposal, struct reason *ret_reason);
/*
 * The weak algorithms in a proposal by their canonical words ("sha1", "modp1024"), each once; returns how
 * many. A PRF that follows from the integrity hash is not named beside it. The core itself takes weak
 * proposals as any other: whether they may be configured is the configuration's business.
 */
unsigned ike_proposal_weak(const struct ike_proposal *p, bool esp, const char *ret_names[IKE_WEAK_MAX]);
/* What to write instead of a weak algorithm, by its canonical word; NULL: the word names none. */
const char *ike_weak_instead(const char *name);
/* A weak algorithm's canonical word as a static string; NULL: the word names none. */
const char *ike_weak_name(const char *name);
struct ike_suite; /* keymat.h */
/* Would it have led to this cipher, and to this integrity (which none is, with an AEAD)? */
bool ike_proposal_has_encr(const struct ike_proposal *p, const struct ike_suite *s);
bool ike_proposal_has_integ(const struct ike_proposal *p, const struct ike_suite *s);
/* The notation back, complete and canonical; always terminated. */
const char *ike_proposal_str(const struct ike_proposal *p, bool esp, char *buf, size_t cap);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Post-quantum pre-shared keys (RFC 8784): a secret of both sides that goes into SK_d, SK_pi and SK_pr, so
 * that who records an exchange today and breaks its key exchange later still has nothing. Both say USE_PPK in
 * IKE_SA_INIT; the request that carries the initiator's AUTH (with EAP: the last one) names the key, and
 * where a PPK is not required it carries a second proof, made without it.
 */
#ifndef CW_IKE_PPK_H
#define CW_IKE_PPK_H

#include "ike/auth.h"

/* IKE_SA_INIT. Initiator: do we say USE_PPK? Responder: does any connection for this peer have one? */
bool ike_ppk_configured(const struct ike_conn *conn);
bool ike_ppk_any(struct ike *ike, const struct addr *remote);
/* Initiator: the answer has said USE_PPK, or not. -1: it must. */
int ike_ppk_negotiated(struct ike_sa *sa, const struct ike_payloads *p, struct reason *why);

/*
 * Initiator: ike_auth_prove, where a PPK is used with it, and before that, unless it is required, without.
 * LATER: ike_ppk_proved takes ike_auth_proved's place, and this is called again while it returns 1.
 */
enum ike_auth_result ike_ppk_prove(struct ike_sa *sa, uint64_t *ret_ticket, struct reason *why);
int ike_ppk_proved(struct ike_sa *sa, struct ike_job *job, struct reason *why); /* 0, 1, or -1 */
/* Beside AUTH: which PPK, and the proof without it. */
void ike_ppk_build(const struct ike_sa *sa, struct ike_build *b);
/* The answer to that: the PPK holds, or is done without. -1: it may not be. */
int ike_ppk_answered(struct ike_sa *sa, const struct ike_payloads *p, struct reason *why);

/* Responder, before AUTH of this request is verified: with the PPK it names, or without. -1: neither may be.
 */
int ike_ppk_choose(struct ike_sa *sa, const struct ike_payloads *p, struct reason *why);
/* The data to verify in place of AUTH's; NULL: AUTH's own. */
const struct ike_notify *ike_ppk_instead(const struct ike_sa *sa, const struct ike_payloads *p);
/* AUTH was wrong although a PPK is in the keys: is it the PPK? Then `why` says so. */
void ike_ppk_blame(struct ike_sa *sa, const struct ike_payloads *p, struct reason *why);
/* In the answer that carries our AUTH. */
void ike_ppk_confirm(const struct ike_sa *sa, struct ike_build *b);
/* Both are authenticated: sa->ppk is known. A PPK that was configured but is not used is worth a warning. */
void ike_ppk_settled(struct ike_sa *sa);

#endif

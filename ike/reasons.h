/* SPDX-License-Identifier: Apache-2.0 */
/* Every reason the engine gives: stable ids, and texts that say what was seen, the likely cause, and what to
 * change. */
#ifndef CW_IKE_REASONS_H
#define CW_IKE_REASONS_H

#include "ike/sa.h"

void ike_reason_no_answer(struct reason *r, const struct ike_sa *sa);
void ike_reason_liveness(struct reason *r, const struct ike_sa *sa, mtime now);
void ike_reason_no_proposal(struct reason *r, const struct ike_sa *sa); /* the peer refused ours */
/* What trying others has shown, once it is over. False: nothing passes that could be named. */
bool ike_reason_trial(struct reason *r, const struct ike_sa *sa, const struct ike_trial_facts *t, bool esp);
void ike_reason_no_proposal_theirs(struct reason *r, const struct ike_conn *conn,
    const struct endpoint *remote, const struct ike_offer *offer); /* we refused the peer's */
void ike_reason_bad_answer(struct reason *r, const struct ike_sa *sa, const char *what);
void ike_reason_refused(struct reason *r, const struct ike_sa *sa, uint16_t notify, const char *exchange);
/* We refused: a NAT is on the way, and the peer allows none (RFC 4555 3.9). */
void ike_reason_refused_nat(struct reason *r, const struct ike_sa *sa);
void ike_reason_auth_refused(struct reason *r, const struct ike_sa *sa, const struct ike_identity *own);
void ike_reason_psk_differs(struct reason *r, const struct ike_sa *sa, const struct ike_identity *peer);
void ike_reason_eap_key(struct reason *r, const struct ike_sa *sa, const struct ike_identity *peer);
/* What the EAP conversation says, with whom it was. */
void ike_reason_eap(struct reason *r, const struct ike_sa *sa, const struct reason *why);
void ike_reason_eap_large(struct reason *r, const struct ike_sa *sa, size_t len);
void ike_reason_eap_certificate(struct reason *r, const struct ike_sa *sa, const char *name);
void ike_reason_ppk_missing(struct reason *r, const struct ike_sa *sa); /* required, but the peer has none */
void ike_reason_ppk_unknown(struct reason *r, const struct ike_sa *sa, const struct ike_notify *id);
void ike_reason_ppk_differs(struct reason *r, const struct ike_sa *sa);
void ike_reason_ppk_maybe(struct reason *r, const struct ike_sa *sa); /* adds that it may be the PPK */
void ike_reason_ppk_unused(struct reason *r, const struct ike_sa *sa);
/* Why a certificate or a signature of the peer's was refused, or deserves a warning: `why` says what, this
 * who. */
void ike_reason_certificate(struct reason *r, const struct ike_sa *sa, const struct reason *why);
void ike_reason_auth_method(struct reason *r, const struct ike_sa *sa, unsigned method);
void ike_reason_wrong_identity(struct reason *r, const struct ike_sa *sa, const struct ike_identity *seen,
    const struct ike_identity *wanted);
void ike_reason_ts_refused(struct reason *r, const struct ike_sa *sa, bool by_peer);
void ike_reason_ts_narrowed(struct reason *r, const struct ike_sa *sa, const struct ike_ts *ts, unsigned n);
void ike_reason_child_no_proposal(struct reason *r, const struct ike_sa *sa, bool by_peer, bool rekey);
/* The peer refuses every rekey that we may offer. wanted: the group it asks for, or 0. */
void ike_reason_rekey_refused(
    struct reason *r, const struct ike_sa *sa, const struct ike_task *t, unsigned wanted);
void ike_reason_other_pfs(struct reason *r, const struct ike_sa *sa, const struct ike_task *t);
void ike_reason_rehearsal_harms(struct reason *r, const struct ike_sa *sa);
void ike_reason_put_off(struct reason *r, const struct ike_sa *sa, mtime now);
void ike_reason_invalid_ke(struct reason *r, const struct ike_sa *sa, unsigned group);
void ike_reason_peer_deleted(struct reason *r, const struct ike_sa *sa, bool child_only);
void ike_reason_initial_contact(struct reason *r, const struct ike_sa *sa);
void ike_reason_half_open(struct reason *r, unsigned half_open, unsigned limit);
void ike_reason_expired(struct reason *r, const struct ike_sa *sa, const char *what);
void ike_reason_auth_ends(struct reason *r, const struct ike_sa *sa);
void ike_reason_childless(struct reason *r, const struct ike_sa *sa);
void ike_reason_child_lost(struct reason *r, const struct ike_sa *sa);
void ike_reason_internal(struct reason *r, const char *what);
void ike_reason_install(struct reason *r, const struct reason *why);
void ike_reason_gave_up(struct reason *r, const struct ike_conn *conn);
void ike_reason_redundant(struct reason *r, const struct ike_sa *sa);

#endif

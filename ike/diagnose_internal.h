/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files that tell a failure (diagnose.h): what they read, and the four places they write to. */
#ifndef CW_IKE_DIAGNOSE_INTERNAL_H
#define CW_IKE_DIAGNOSE_INTERNAL_H

#include "ike/diagnose.h"

struct ike_teller {
	const struct ike_conn_config *cfg;
	const struct ike_facts *f;
	const struct ike_trial_facts *trial;
	struct ike_diagnosis *d;
};

/* diagnose.c: one more line, while there is room; or one of the three texts. */
__attribute__((format(printf, 2, 3))) void ike_tell_seen(struct ike_teller *t, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void ike_tell_ruled_out(struct ike_teller *t, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void ike_tell_say(char text[IKE_DIAGNOSIS_TEXT], const char *fmt, ...);

/* diagnose_proposal.c: cause and changes, when the reason is one of proposals or PFS */
void ike_tell_proposals(struct ike_teller *t);

/* diagnose_eap.c: the same of EAP */
void ike_tell_eap(struct ike_teller *t);

/* diagnose_auth.c: keys, certificates, EAP, PPKs */
void ike_tell_certificate_seen(struct ike_teller *t);
/* What is ruled out by proofs that were right, each side's by its own method. */
void ike_tell_proofs(struct ike_teller *t);
/* Cause and changes, when the reason is one of authentication. */
void ike_tell_auth(struct ike_teller *t);

#endif

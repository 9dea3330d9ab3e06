/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trying which proposal would pass: of the IKE SA by IKE_SA_INIT (trial.c), of a child SA by CREATE_CHILD_SA
 * (trial_child.c). What both offer. Internal to ike/.
 */
#ifndef CW_IKE_TRIAL_H
#define CW_IKE_TRIAL_H

#include "ike/sa.h"

/* Adds to the proposal all that is strong of one kind; what it had of that kind is forgotten. */
void ike_trial_widen_ke(struct ike_proposal *p);
void ike_trial_widen_integ(struct ike_proposal *p);
/* This cipher in all its key sizes. */
void ike_trial_set_encr(struct ike_proposal *p, enum encr_id id);
/* While there is room. */
void ike_trial_add(struct ike_proposals *o, const struct ike_proposal *p);

/*
 * The peer refused the proposals of our first child SA in IKE_AUTH, which nevertheless made the IKE SA. Keeps
 * that for trials and has them begin, or says false: nothing may be tried now, the IKE SA is to end.
 */
bool ike_child_trial_start(struct ike_sa *sa, mtime now);
/* The next request of the trials, if nothing else is under way. True: one began, or the SA has ended. */
bool ike_child_trial_kick(struct ike_sa *sa, mtime now);
/* The job of the public value is done: the request goes out. */
void ike_child_trial_send(struct ike_sa *sa, mtime now);
void ike_child_trial_reply(struct ike_sa *sa, const struct ike_payloads *p, mtime now);
/*
 * The trials end, and with them the IKE SA, since it has no other use; but one on which the peer has made a
 * child lives on. gone: the peer has ended it, or answers no more, so nothing is told it. Not of an SA
 * without trials.
 */
void ike_child_trial_end(struct ike_sa *sa, bool gone, mtime now);
/* Is it there for trials, and for nothing else? */
bool ike_child_trial_only(struct ike_sa *sa);
/* The request is a trial of our own kind: to be answered like any other, but nothing is made. */
bool ike_child_trial_asked(const struct ike_payloads *p);

/* The peer has made a child on it: an SA like any other from now on. */
void ike_child_trial_drop(struct ike_sa *sa);

#endif

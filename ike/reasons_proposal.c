/* SPDX-License-Identifier: Apache-2.0 */
/* Reasons of proposals: of the IKE SA, of a child SA, and of PFS, which shows at a rekey. Pure formatting, as
 * in reasons.c. */
#include "ike/reasons.h"

#include "ike/engine.h"
#include "ike/offer_str.h"

#include <string.h>

static const char *peer(const struct ike_sa *sa)
{
	return endpoint_str(&sa->remote);
}

/* "aes256-sha256-modp2048, aes256gcm16-...": what a configuration offers. */
static void add_proposals(struct reason *r, const struct ike_proposals *p, bool esp)
{
	for (unsigned i = 0; i < p->n; i++) {
		char buf[160];

		reason_add(r, "%s%s", i ? ", " : "", ike_proposal_str(&p->list[i], esp, buf, sizeof(buf)));
	}
}

/* What trying others has shown after the last attempt. False: nothing. */
static bool add_found(struct reason *r, const struct ike_trial_facts *t, bool esp)
{
	static const enum ike_trial_kind order[] = { IKE_TRIAL_KE, IKE_TRIAL_ENCR, IKE_TRIAL_INTEG,
		IKE_TRIAL_ALL, IKE_TRIAL_WEAK };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		struct ike_proposal p = ike_suite_proposal(&t->suite[order[i]], esp);
		char buf[160];

		if (t->result[order[i]] != IKE_TRIAL_ACCEPTED)
			continue;
		reason_add(r, " By trying, it would accept %s%s.",
		    ike_proposal_str(&p, esp, buf, sizeof(buf)),
		    order[i] == IKE_TRIAL_WEAK ? ", which is weak, and nothing strong" : "");
		return true;
	}
	return false;
}

bool ike_reason_trial(struct reason *r, const struct ike_sa *sa, const struct ike_trial_facts *t, bool esp)
{
	reason_set(r, "ike-trial-found", "%s refuses our %s proposals, so others were tried.", peer(sa),
	    esp ? "ESP" : "IKE");
	if (!add_found(r, t, esp))
		return false;
	reason_add(r, " We offer: ");
	add_proposals(r, esp ? &sa->conn->cfg.esp_proposals : &sa->conn->cfg.ike_proposals, esp);
	reason_add(r, ". Nothing of it is in use.");
	return true;
}

void ike_reason_no_proposal(struct reason *r, const struct ike_sa *sa)
{
	reason_set(r, "ike-no-proposal",
	    "%s accepts none of our IKE proposals (NO_PROPOSAL_CHOSEN). We offered: ", peer(sa));
	add_proposals(r, &sa->conn->cfg.ike_proposals, false);
	reason_add(r, ".");
	add_found(r, &sa->conn->trial, false);
	reason_add(r, " Set one of these in the gateway's IKE policy, or the gateway's in ike-proposal. "
	              "(Some answer so, too, when they know no connection for our address.)");
}

/* What the peer offers, and what is another there. */
static void add_offer(struct reason *r, const char *offer, const char *differs)
{
	if (offer[0])
		reason_add(r, " It offers: %s.", offer);
	if (differs[0])
		reason_add(r, " What differs is %s.", differs);
}

void ike_reason_no_proposal_theirs(struct reason *r, const struct ike_conn *conn,
    const struct endpoint *remote, const struct ike_offer *offer)
{
	char theirs[200], differs[200];

	reason_set(r, "ike-no-proposal",
	    "%s offers no IKE proposal that we accept. We accept: ", endpoint_str(remote));
	add_proposals(r, &conn->cfg.ike_proposals, false);
	reason_add(r, ".");
	ike_offer_str(offer, theirs, sizeof(theirs));
	add_offer(
	    r, theirs, ike_offer_differs(&conn->cfg.ike_proposals, offer, true, differs, sizeof(differs)));
}

void ike_reason_child_no_proposal(struct reason *r, const struct ike_sa *sa, bool by_peer, bool rekey)
{
	reason_set(r, "ike-child-no-proposal", "%s %s ESP proposals%s. Ours: ", peer(sa),
	    by_peer ? "accepts none of our" : "offers none of our", rekey ? " at rekey" : "");
	add_proposals(r, &sa->conn->cfg.esp_proposals, true);
	reason_add(r, ".");
	if (!by_peer)
		add_offer(r, sa->facts.peer_offer, sa->facts.differs);
	else if (!rekey)
		add_found(r, &sa->conn->child_trial, true);
	reason_add(r, " Set the same ESP suite on both sides%s.", rekey ? ", with the same PFS group" : "");
}

static const char *group_name(unsigned group)
{
	return group ? ike_offer_ke_name(group) : NULL;
}

static const char rehearsal_refused[] = "ike-rehearsal-refused", rekey_refused[] = "ike-rekey-refused",
                  rehearsal_fatal[] = "ike-rehearsal-fatal";

void ike_reason_rekey_refused(
    struct reason *r, const struct ike_sa *sa, const struct ike_task *t, unsigned wanted)
{
	bool rehearsal = t->why == IKE_REKEY_REHEARSAL, with = t->pfs_tried & 1u << IKE_PFS_WITH;
	enum ke_id ours = ike_rekey_group(sa, IKE_PFS_LISTED);

	reason_set(r, rehearsal ? rehearsal_refused : rekey_refused, "%s refuses to rekey the child SA%s. ",
	    peer(sa), rehearsal ? " (rehearsed now, so that it is known before the lifetime ends)" : "");
	reason_add(
	    r, "The suite itself is right, for the first child SA came up with it: what differs is PFS. ");
	if (ours != KE_NONE)
		reason_add(r, "We ask for PFS with group %s%s; ", group_name(ours),
		    t->pfs_tried & 1u << IKE_PFS_WITHOUT ? " and then for none" : "");
	else
		reason_add(r, "Our esp-proposal has no PFS%s%s; ",
		    with ? ", and a try was refused with group " : "",
		    with ? group_name(ike_rekey_group(sa, IKE_PFS_WITH)) : "");
	if (wanted)
		reason_add(r, "the peer demands group %s (number %u)%s. ",
		    group_name(wanted) ? group_name(wanted) : "unknown here", wanted,
		    ke_is_weak((enum ke_id)wanted) || t->pfs_tried & 1u << IKE_PFS_ANY_WEAK ? ", a weak one"
		                                                                            : "");
	else if (sa->facts.pfs_none)
		reason_add(r, "the peer takes no group at all, so its PFS is off, most likely. ");
	else if (ours != KE_NONE)
		reason_add(r, "the peer wants another group, or no PFS. ");
	else
		reason_add(r, "the peer demands PFS with a group of its own. ");
	reason_add(r,
	    "Set the peer's PFS group to %s, or end our esp-proposal with the peer's group%s (now: ",
	    ours != KE_NONE ? group_name(ours) : "none", ours != KE_NONE ? " (or with none)" : "");
	add_proposals(r, &sa->conn->cfg.esp_proposals, true);
	reason_add(r, "). Until its lifetime ends the child SA that is up stays in use.");
}

bool ike_refuses_rekeys(const struct reason *why)
{
	return !strcmp(why->id, rehearsal_refused) || !strcmp(why->id, rekey_refused) ||
	       !strcmp(why->id, rehearsal_fatal);
}

void ike_reason_other_pfs(struct reason *r, const struct ike_sa *sa, const struct ike_task *t)
{
	if (t->pfs == IKE_PFS_WITHOUT)
		reason_set(r, "ike-rekey-without-pfs",
		    "%s refused a rekey with PFS group %s and took one without, as esp-proposal allows. Set "
		    "the same "
		    "PFS group on both sides.",
		    peer(sa), group_name(ike_rekey_group(sa, IKE_PFS_LISTED)));
	else
		reason_set(r, "ike-rekey-with-pfs",
		    "%s refused a rekey without PFS and took one with group %s, though esp-proposal lists "
		    "none. Add the "
		    "group to esp-proposal, so that its rekeys need no second try.",
		    peer(sa), group_name(t->group));
}

void ike_reason_rehearsal_harms(struct reason *r, const struct ike_sa *sa)
{
	reason_set(r, rehearsal_fatal,
	    "%s gave the IKE SA up, or fell silent, over the rehearsed rekey of the child SA. It will do the "
	    "same when a "
	    "lifetime ends. Compare PFS groups and lifetimes of both sides; no more is rehearsed until the "
	    "tunnel is "
	    "taken down and up.",
	    peer(sa));
}

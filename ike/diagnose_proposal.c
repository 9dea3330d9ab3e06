/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proposals that don't fit (diagnose.h): of the IKE SA, of the child SA, of a rekey. Who refused decides what
 * is known. When we did, the peer's offer is at hand and what differs follows from it. When the peer did, it
 * named nothing, and what trying others has shown is told instead (trial.c, trial_child.c, rekey_offer.c).
 */
#include "ike/diagnose_internal.h"
#include "ike/offer_str.h"
#include "ike/sa_payload.h"

#include <stdio.h>
#include <string.h>

#define SUITE_LEN  120
#define SUITES_LEN 170

/* What is said of proposals of the IKE SA, or of a child SA. */
struct kind {
	bool esp;
	const char *leaf, *there, *what;
	const struct ike_proposals *ours;
};

static const char *suite_str(const struct ike_suite *s, bool esp, char *buf, size_t cap)
{
	struct ike_proposal p = ike_suite_proposal(s, esp);

	return ike_proposal_str(&p, esp, buf, cap);
}

static const char *proposals_str(const struct kind *k, char *buf, size_t cap)
{
	size_t at = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < k->ours->n && at < cap; i++) {
		char one[SUITE_LEN];

		at += (size_t)snprintf(&buf[at], cap - at, "%s%s", i ? ", " : "",
		    ike_proposal_str(&k->ours->list[i], k->esp, one, sizeof(one)));
	}
	return buf;
}

static struct kind of_ike(const struct ike_teller *t)
{
	return (struct kind){ false, "ike-proposal", "IKE policy (phase 1)", "IKE", &t->cfg->ike_proposals };
}

static struct kind of_esp(const struct ike_teller *t)
{
	return (struct kind){ true, "esp-proposal", "IPsec policy (phase 2)", "ESP", &t->cfg->esp_proposals };
}

static const char *differs_name(enum ike_trial_kind kind, bool esp)
{
	switch (kind) {
	case IKE_TRIAL_KE: return "only the key exchange group differs";
	case IKE_TRIAL_ENCR: return "only the encryption differs";
	case IKE_TRIAL_INTEG: return esp ? "only the integrity differs" : "only the integrity or PRF differs";
	case IKE_TRIAL_ALL:
	case IKE_TRIAL_WEAK:
	case IKE_TRIALS: break;
	}
	return "more than one algorithm differs";
}

static void tell_accepted(struct ike_teller *t, const struct kind *k, enum ike_trial_kind differs)
{
	char suite[SUITE_LEN], ours[SUITES_LEN];

	suite_str(&t->trial->suite[differs], k->esp, suite, sizeof(suite));
	proposals_str(k, ours, sizeof(ours));
	ike_tell_say(t->d->cause, "%s: by trying, the peer would accept %s; we offer %s",
	    differs_name(differs, k->esp), suite, ours);
	ike_tell_say(t->d->here, "%s: add \"%s\"", k->leaf, suite);
	ike_tell_say(t->d->there, "or set its %s to one of ours: %s", k->there, ours);
}

static void tell_weak(struct ike_teller *t, const struct kind *k)
{
	char suite[SUITE_LEN], ours[SUITES_LEN];

	suite_str(&t->trial->suite[IKE_TRIAL_WEAK], k->esp, suite, sizeof(suite));
	proposals_str(k, ours, sizeof(ours));
	ike_tell_say(t->d->cause,
	    "the peer takes weak algorithms only: by trying, it would accept %s and nothing strong", suite);
	ike_tell_say(t->d->there, "set its %s to one of ours: %s", k->there, ours);
	ike_tell_say(t->d->here,
	    "nothing, better: MD5, SHA-1, 3DES and 1024-bit groups no longer protect. Where the gateway can "
	    "do no better, its profile's legacy twin (the name with -legacy) and allow-weak in the tunnel");
}

/* We refused the peer's offer. */
static void tell_differs(struct ike_teller *t, const struct kind *k)
{
	char ours[SUITES_LEN];

	if (!t->f->differs[0])
		return;
	ike_tell_say(
	    t->d->cause, "we accept nothing that it offers; nearest, what differs is %s", t->f->differs);
	ike_tell_say(t->d->here, "%s: one that the peer offers", k->leaf);
	ike_tell_say(
	    t->d->there, "or set its %s to one of ours: %s", k->there, proposals_str(k, ours, sizeof(ours)));
}

/* What the trials have shown. False: nothing that is the same for both kinds. */
static bool tell_tried(struct ike_teller *t, const struct kind *k)
{
	static const enum ike_trial_kind order[] = { IKE_TRIAL_KE, IKE_TRIAL_ENCR, IKE_TRIAL_INTEG,
		IKE_TRIAL_ALL };
	const struct ike_trial_facts *tr = t->trial;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (tr->result[order[i]] == IKE_TRIAL_ACCEPTED &&
		    !(order[i] == IKE_TRIAL_ALL && tr->running)) {
			tell_accepted(t, k, order[i]);
			return true;
		}
	if (tr->result[IKE_TRIAL_WEAK] == IKE_TRIAL_ACCEPTED)
		tell_weak(t, k);
	else if (tr->running)
		ike_tell_say(t->d->cause,
		    "no %s proposal in common. Others are being tried to find one that passes: ask again in "
		    "a few seconds",
		    k->what);
	else
		return false;
	return true;
}

static void tell_no_proposal(struct ike_teller *t)
{
	struct kind k = of_ike(t);

	if (!t->f->initiator)
		tell_differs(t, &k);
	else if (!tell_tried(t, &k) && t->trial->result[IKE_TRIAL_WEAK] == IKE_TRIAL_REFUSED)
		ike_tell_say(t->d->cause,
		    "no proposal at all is accepted, strong or weak: most likely the gateway knows no IKEv2 "
		    "connection for our address, and says it so");
}

/* --- the child SA --- */

/* Nothing was found: why? */
static void tell_untold(struct ike_teller *t, const struct kind *k)
{
	const struct ike_trial_facts *tr = t->trial;
	char ours[SUITES_LEN], name[40];

	proposals_str(k, ours, sizeof(ours));
	ike_tell_say(t->d->here, "esp-proposal: the suite of the gateway's phase 2");
	ike_tell_say(t->d->there, "or set its %s to one of ours: %s", k->there, ours);
	if (t->f->refused_whole)
		ike_tell_say(t->d->cause,
		    "no ESP proposal in common; we offer %s. The peer ends the IKE SA with its refusal, so "
		    "others can't be tried",
		    ours);
	else if (tr->gone || (!tr->refusal && tr->result[IKE_TRIAL_ALL] == IKE_TRIAL_SILENT))
		ike_tell_say(t->d->cause,
		    "no ESP proposal in common; we offer %s. The peer ended the IKE SA, or fell silent, "
		    "while others were tried",
		    ours);
	else if (tr->refusal)
		ike_tell_say(t->d->cause,
		    "no ESP proposal in common; we offer %s. To others the peer answers %s only", ours,
		    ike_notify_name(tr->refusal, name, sizeof(name)));
	else if (tr->result[IKE_TRIAL_WEAK] == IKE_TRIAL_REFUSED)
		ike_tell_say(t->d->cause,
		    "the peer accepts no ESP suite that is known here, strong or weak; we offer %s", ours);
	else
		ike_tell_say(t->d->cause, "no ESP proposal in common; we offer %s", ours);
}

static const char *group_name(unsigned group, char *buf, size_t cap)
{
	const char *name = ike_offer_ke_name(group);

	if (name)
		snprintf(buf, cap, "%s", name);
	else
		snprintf(buf, cap, "number %u", group);
	return buf;
}

/* The peer named its group, at once or when all were offered. */
static void tell_group(struct ike_teller *t, const char *ours)
{
	enum ke_id group = (enum ke_id)t->f->pfs_wanted;
	struct ke_info info;
	bool weak = !ke_info(group, &info) || ke_is_weak(group);
	char name[32];

	group_name(t->f->pfs_wanted, name, sizeof(name));
	ike_tell_say(t->d->cause,
	    "the PFS groups differ: the peer asks for %s%s; our esp-proposal is %s. The first child SA has "
	    "no PFS, so it shows at a rekey only",
	    name, weak ? " (weak, or not known here)" : "", ours);
	if (weak)
		ike_tell_say(t->d->here, "nothing, better: set the group there");
	else
		ike_tell_say(t->d->here, "esp-proposal: end it with the PFS group %s (now %s)", name, ours);
	ike_tell_say(t->d->there, "its PFS group: that of our esp-proposal");
}

/* The first child SA has no key exchange of its own (RFC 7296 1.2), so PFS shows at a rekey only: one
 * rehearsed, or one that is due.
 */
static void tell_rekey(struct ike_teller *t)
{
	struct kind k = of_esp(t);
	char ours[SUITES_LEN];

	proposals_str(&k, ours, sizeof(ours));
	if (t->f->pfs_wanted) {
		tell_group(t, ours);
		return;
	}
	if (t->f->pfs_none)
		ike_tell_say(t->d->cause,
		    "PFS differs: by trying, the peer accepts no group at all, so its PFS is off, most "
		    "likely. The first child SA came up with the same algorithms");
	else
		ike_tell_say(t->d->cause,
		    "PFS differs: the first child SA came up with the same algorithms, so at a rekey "
		    "only the PFS group can be another");
	ike_tell_say(t->d->here, "esp-proposal (now %s): %s", ours,
	    t->f->pfs_none ? "without a PFS group" : "end it with the peer's PFS group, or with none");
	ike_tell_say(t->d->there, "or its PFS group: that of our esp-proposal");
}

static void tell_child_proposal(struct ike_teller *t)
{
	struct kind k = of_esp(t);

	if (t->f->child)
		tell_rekey(t);
	else if (t->f->differs[0])
		tell_differs(t, &k);
	else if (!tell_tried(t, &k))
		tell_untold(t, &k);
}

static const struct {
	const char *id;
	void (*tell)(struct ike_teller *t);
} kinds[] = {
	{ "ike-no-proposal", tell_no_proposal },
	{ "ike-child-no-proposal", tell_child_proposal },
	{ "ike-rehearsal-refused", tell_rekey },
	{ "ike-rekey-refused", tell_rekey },
};

void ike_tell_proposals(struct ike_teller *t)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].id, t->f->why))
			kinds[i].tell(t);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rekey of a child offers, and what is tried next when the peer refuses it.
 *
 * The first child of an IKE SA comes without a key exchange of its own (RFC 7296 1.2), so whether the two
 * ends agree about PFS shows at the first rekey only. As configured, all proposals are offered, with a public
 * value for the first group they list. A peer that answers NO_PROPOSAL_CHOSEN may be one that has PFS where
 * we have none, or the other way round (cloud gateways do both, and some change their mind with the role). So
 * a second try follows at once:
 * - ours list a group, but not all of them do: those without, and no KE payload at all;
 * - ours list none: with the group that the peer named, or else the one of the IKE SA. Stronger than asked
 * for is no harm. What was taken is where the next rekey begins.
 *
 * When all that is refused and no group was named, every group is offered once, to have one named: with the
 * public value of a group that the peer has refused, it can only answer INVALID_KE_PAYLOAD, which names the
 * group that it takes (1.3), or NO_PROPOSAL_CHOSEN once more: then it takes none. Should it take ours after
 * all, that is a rekey like any other.
 */
#include "ike/engine.h"
#include "ike/trial.h"

static const mdur trial_again_after = { 600 * (int64_t)1000000000 };
/* MODP 768, 1024, 1536 (RFC 2409, 3526), and those of RFC 5114 */
static const uint16_t weak_groups[] = { 1, 2, 5, 22, 23, 24 };

static bool lists_group(const struct ike_proposal *p)
{
	return p->n_ke > 0;
}

enum ke_id ike_rekey_group(const struct ike_sa *sa, enum ike_pfs pfs)
{
	const struct ike_proposals *ours = &sa->conn->cfg.esp_proposals;

	switch (pfs) {
	case IKE_PFS_WITHOUT: return KE_NONE;
	case IKE_PFS_WITH: return sa->pfs_group != KE_NONE ? sa->pfs_group : sa->suite.ke;
	case IKE_PFS_LISTED:
	case IKE_PFS_ANY:
	case IKE_PFS_ANY_WEAK: break;
	}
	for (unsigned i = 0; i < ours->n; i++)
		if (lists_group(&ours->list[i]))
			return ours->list[i].ke[0];
	return pfs == IKE_PFS_LISTED ? KE_NONE : sa->suite.ke;
}

static void list_group(struct ike_proposal *p, enum ke_id group)
{
	for (unsigned i = 0; i < p->n_ke; i++)
		if (p->ke[i] == group)
			return;
	if (p->n_ke < IKE_TRANSFORMS_MAX)
		p->ke[p->n_ke++] = group;
}

/* The algorithms of ours with any group, the one of the public value among them. */
static void any_group(struct ike_proposal *p, bool weak, enum ke_id group)
{
	struct ike_proposal strong = { 0 };

	ike_trial_widen_ke(&strong);
	p->n_ke = 0;
	list_group(p, group);
	for (unsigned i = 0; !weak && i < strong.n_ke; i++)
		list_group(p, strong.ke[i]);
	for (size_t i = 0; weak && i < sizeof(weak_groups) / sizeof(weak_groups[0]); i++)
		list_group(p, (enum ke_id)weak_groups[i]);
}

void ike_rekey_offer(
    const struct ike_conn_config *cfg, enum ike_pfs pfs, enum ke_id group, struct ike_proposals *ret)
{
	*ret = (struct ike_proposals){ 0 };
	for (unsigned i = 0; i < cfg->esp_proposals.n; i++) {
		const struct ike_proposal *p = &cfg->esp_proposals.list[i];

		if ((pfs == IKE_PFS_WITHOUT || pfs == IKE_PFS_WITH) && lists_group(p))
			continue;
		ret->list[ret->n] = *p;
		if (pfs == IKE_PFS_ANY || pfs == IKE_PFS_ANY_WEAK)
			any_group(&ret->list[ret->n], pfs == IKE_PFS_ANY_WEAK, group);
		if (pfs == IKE_PFS_WITH) {
			ret->list[ret->n].ke[0] = group;
			ret->list[ret->n].n_ke = 1;
		}
		ret->n++;
	}
}

bool ike_rekey_next_offer(const struct ike_sa *sa, unsigned tried, enum ike_pfs *ret)
{
	const struct ike_proposals *ours = &sa->conn->cfg.esp_proposals;
	unsigned with = 0;
	enum ike_pfs other;

	for (unsigned i = 0; i < ours->n; i++)
		with += lists_group(&ours->list[i]);
	if (with == ours->n)
		return false; /* PFS is what the administrator wants: nothing else is offered */
	other = with ? IKE_PFS_WITHOUT : IKE_PFS_WITH;
	if (!(tried & 1u << IKE_PFS_LISTED))
		*ret = IKE_PFS_LISTED;
	else if (!(tried & 1u << other))
		*ret = other;
	else
		return false;
	return true;
}

bool ike_rekey_next_trial(const struct ike_sa *sa, unsigned tried, mtime now, enum ike_pfs *ret)
{
	struct ike_conn *conn = sa->conn;

	if (tried & 1u << IKE_PFS_ANY) {
		*ret = IKE_PFS_ANY_WEAK;
		return !(tried & 1u << IKE_PFS_ANY_WEAK);
	}
	if (!mtime_is_never(conn->pfs_trial_at) &&
	    mtime_since(now, conn->pfs_trial_at).ns < trial_again_after.ns)
		return false;
	conn->pfs_trial_at = now;
	*ret = IKE_PFS_ANY;
	return true;
}

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
 */
#include "ike/engine.h"

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
	case IKE_PFS_LISTED: break;
	}
	for (unsigned i = 0; i < ours->n; i++)
		if (lists_group(&ours->list[i]))
			return ours->list[i].ke[0];
	return KE_NONE;
}

void ike_rekey_offer(
    const struct ike_conn_config *cfg, enum ike_pfs pfs, enum ke_id group, struct ike_proposals *ret)
{
	*ret = (struct ike_proposals){ 0 };
	for (unsigned i = 0; i < cfg->esp_proposals.n; i++) {
		const struct ike_proposal *p = &cfg->esp_proposals.list[i];

		if (pfs != IKE_PFS_LISTED && lists_group(p))
			continue;
		ret->list[ret->n] = *p;
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

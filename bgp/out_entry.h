/* SPDX-License-Identifier: Apache-2.0 */
/* Adj-RIB-Out's entries and groups, for rib_out.c and out_entry.c. */
#ifndef CW_BGP_OUT_ENTRY_H
#define CW_BGP_OUT_ENTRY_H

#include "bgp/core.h"

struct out_group {
	struct list node;
	struct hnode hnode;
	struct attr_set *attrs; /* NULL: withdraw. The entries hold references. */
	enum bgp_family family;
	enum { OUT_ROUTES, OUT_EOR, OUT_BORR, OUT_EORR } marker; /* no entries: a marker of family */
	bool closed;     /* a BoRR stands behind it: takes no more entries */
	uint8_t round;   /* of the session */
	unsigned passed; /* an end marker: how many groups it let go first */
	uint32_t first, last;
};

static inline bool out_is_pend(uint32_t id)
{
	return id & OUT_PEND;
}

static inline struct pend *out_pend_at(const struct bgp *bgp, uint32_t id)
{
	return id ? slab_at_sized(&bgp->pends, id & ~OUT_PEND, sizeof(struct pend)) : NULL;
}

/* Either kind, as far as they are alike. */
static inline struct told *out_entry_at(const struct bgp *bgp, uint32_t id)
{
	if (!id)
		return NULL;
	return out_is_pend(id) ? &out_pend_at(bgp, id)->is
	                       : slab_at_sized(&bgp->tolds, id, sizeof(struct told));
}

void out_group_free(struct peer *p, struct out_group *g);
/* The link to the peer's entry of a kind, in this session; NULL: it has none. */
uint32_t *out_find(struct dest *d, const struct peer *p, bool pend);
/* What the peer is to have of d. Takes over the caller's reference to want (NULL: nothing). -1 when memory is
 * out. */
int out_want(struct dest *d, struct peer *p, struct attr_set *want, bool resend);
/* Nothing is to be told any more; where nothing has been either, that is all. */
void out_settled(struct dest *d, struct peer *p);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer's addresses: literals as they are, host names as the resolver said last, in the order of the
 * configuration, each once; one that worked may be preferred (promote-alternate). Pure; who asks the resolver
 * is told when (remotes_due) and brings the answers.
 */
#ifndef CW_DAEMON_REMOTES_H
#define CW_DAEMON_REMOTES_H

#include "base/mtime.h"
#include "connector/mgmt/config.h"
#include "connector/sys/resolver.h"
#include "ike/ike.h"

#define REMOTES_AGAIN mdur_s(15) /* names are asked for anew while there is no connection */
#define REMOTES_RETRY mdur_s(5)  /* after a name that had none */

struct remotes {
	struct addr addr[IKE_REMOTES_MAX]; /* to be tried in this order */
	unsigned n;
	struct addr known[CFG_REMOTES_MAX][RESOLVER_ADDRS]; /* by name */
	unsigned n_known[CFG_REMOTES_MAX];
	unsigned open;         /* questions under way */
	struct addr preferred; /* none: nothing is */
	mtime next;            /* when names are asked for again */
};

/* For a configuration; what was known of the same names stays. */
void remotes_config(struct remotes *r, const struct cfg_tunnel *cfg, const struct cfg_tunnel *was);
/* Has it names, and is it time to ask for them? */
bool remotes_due(const struct remotes *r, const struct cfg_tunnel *cfg, mtime now);
/* An answer; one without addresses leaves what was known. True: the list has changed. */
bool remotes_answer(
    struct remotes *r, const struct cfg_tunnel *cfg, const struct resolver_answer *a, mtime now);
/* This address has worked. True: the list has changed. */
bool remotes_worked(struct remotes *r, const struct cfg_tunnel *cfg, const struct addr *a);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protected prefixes in a commit. The order is the FIB writer's: what is asked for behind a fence waits until
 * all before it is in the kernel. So a fence behind the new protections puts every other route of the commit
 * after them, and d->gate, the number of that fence, keeps IKE silent until then; a fence before the
 * protections that are given up puts them last.
 */
#include "connector/daemon/protect.h"

#include "connector/daemon/routes.h"
#include "connector/daemon/tunnel.h"

static bool has(const struct cfg *cfg, const struct prefix *p)
{
	for (size_t i = 0; i < cfg->n_protect; i++)
		if (prefix_eq(&cfg->protect[i], p))
			return true;
	return false;
}

void protect_enter(struct domain *d, const struct cfg *cfg)
{
	bool fresh = false;

	for (size_t i = 0; i < cfg->n_protect; i++) {
		const struct prefix *p = &cfg->protect[i];

		if (ptrie_get(d->protect, p))
			continue;
		if (ptrie_set(d->protect, p, d))
			log_error(d->log, "fib", "no-memory: what LAN peers teach for %s is not held back",
			    prefix_str(p));
		fib_writer_protect(d->fib, p);
		fresh = true;
	}
	if (!fresh)
		return;
	for (size_t i = 0; i < cfg->n_protect; i++)
		routes_reconsider(d, &cfg->protect[i]);
	d->gate = fib_writer_fence(d->fib);
}

void protect_leave(struct domain *d, const struct cfg *cfg)
{
	bool fenced = false;
	struct prefix p;

	for (bool more = ptrie_first(d->protect, &p, NULL); more;
	     more = ptrie_after(d->protect, &p, &p, NULL)) {
		if (has(cfg, &p))
			continue;
		if (!fenced)
			fib_writer_fence(d->fib);
		fenced = true;
		fib_writer_unprotect(d->fib, &p);
		ptrie_remove(d->protect, &p);
	}
}

bool protect_forbids(const struct domain *d, const struct prefix *p, uint32_t peer)
{
	return !domain_tunnel_by_id(d, peer) && ptrie_covering(d->protect, p, NULL);
}

void protect_fenced(struct domain *d, uint64_t fence)
{
	if (!d->gate || fence < d->gate)
		return;
	d->gate = 0;
	list_for_each (&d->tunnels, struct tunnel, t, node)
		tunnel_gate_open(t);
}

void protect_free(struct domain *d)
{
	struct prefix p;

	while (d->protect && ptrie_first(d->protect, &p, NULL))
		ptrie_remove(d->protect, &p);
	ptrie_free(d->protect);
	d->protect = NULL;
}

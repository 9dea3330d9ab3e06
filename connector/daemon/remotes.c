/* SPDX-License-Identifier: Apache-2.0 */
/* The list of a peer's addresses, made anew whenever something it is made of changes. */
#include "connector/daemon/remotes.h"

#include <string.h>

static void add(struct remotes *r, const struct addr *a)
{
	for (unsigned i = 0; i < r->n; i++)
		if (addr_eq(&r->addr[i], a))
			return;
	if (r->n < IKE_REMOTES_MAX)
		r->addr[r->n++] = *a;
}

static bool holds(const struct remotes *r, const struct addr *a)
{
	for (unsigned i = 0; i < r->n; i++)
		if (addr_eq(&r->addr[i], a))
			return true;
	return false;
}

static void list_all(struct remotes *r, const struct cfg_tunnel *cfg)
{
	for (unsigned i = 0; i < cfg->n_remote; i++) {
		if (!cfg->remote_name[i])
			add(r, &cfg->remote[i]);
		for (unsigned k = 0; k < r->n_known[i]; k++)
			add(r, &r->known[i][k]);
	}
}

/* True: it is another list than before. */
static bool rebuild(struct remotes *r, const struct cfg_tunnel *cfg)
{
	struct addr old[IKE_REMOTES_MAX];
	unsigned n_old = r->n;

	memcpy(old, r->addr, sizeof(old));
	r->n = 0;
	list_all(r, cfg);
	if (!addr_is_none(&r->preferred) && holds(r, &r->preferred)) {
		r->n = 0;
		add(r, &r->preferred);
		list_all(r, cfg);
	}
	if (r->n != n_old)
		return true;
	for (unsigned i = 0; i < r->n; i++)
		if (!addr_eq(&old[i], &r->addr[i]))
			return true;
	return false;
}

void remotes_config(struct remotes *r, const struct cfg_tunnel *cfg, const struct cfg_tunnel *was)
{
	struct remotes old = *r;

	memset(r->n_known, 0, sizeof(r->n_known));
	for (unsigned i = 0; i < cfg->n_remote; i++)
		for (unsigned k = 0; was && cfg->remote_name[i] && k < was->n_remote; k++)
			if (was->remote_name[k] && !strcmp(cfg->remote_name[i], was->remote_name[k])) {
				memcpy(r->known[i], old.known[k], sizeof(r->known[i]));
				r->n_known[i] = old.n_known[k];
			}
	if (!cfg->promote_alternate)
		r->preferred = (struct addr){ 0 };
	(void)rebuild(r, cfg);
}

bool remotes_due(const struct remotes *r, const struct cfg_tunnel *cfg, mtime now)
{
	if (r->open || !mtime_reached(r->next, now))
		return false;
	for (unsigned i = 0; i < cfg->n_remote; i++)
		if (cfg->remote_name[i])
			return true;
	return false;
}

bool remotes_answer(
    struct remotes *r, const struct cfg_tunnel *cfg, const struct resolver_answer *a, mtime now)
{
	if (r->open)
		r->open--;
	for (unsigned i = 0; a->n && i < cfg->n_remote; i++) {
		if (!cfg->remote_name[i] || strcmp(cfg->remote_name[i], a->name) != 0)
			continue;
		memcpy(r->known[i], a->addr, sizeof(r->known[i]));
		r->n_known[i] = a->n;
	}
	if (!a->n)
		r->next = mtime_add(now, REMOTES_RETRY);
	return rebuild(r, cfg);
}

bool remotes_worked(struct remotes *r, const struct cfg_tunnel *cfg, const struct addr *a)
{
	if (!cfg->promote_alternate || !holds(r, a))
		return false;
	r->preferred = *a;
	return rebuild(r, cfg);
}

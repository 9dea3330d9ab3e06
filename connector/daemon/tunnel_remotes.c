/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tunnel's outer addresses at the far end: names asked for, answers entered, and each address pinned to the
 * path that it has without us.
 */
#include "connector/daemon/tunnel.h"

#include "connector/daemon/demand.h"
#include "connector/daemon/domain.h"
#include "connector/daemon/tunnel_internal.h"
#include "connector/sys/clock.h"

void tunnel_pin_remotes(struct tunnel *t, const struct addr addr[], unsigned n)
{
	struct fib_writer *fib = t->domain->fib;

	for (unsigned i = 0; i < n; i++)
		fib_writer_pin(fib, &addr[i]);
	for (unsigned i = 0; i < t->n_pinned; i++)
		fib_writer_unpin(fib, &t->pinned[i]);
	for (t->n_pinned = 0; t->n_pinned < n; t->n_pinned++)
		t->pinned[t->n_pinned] = addr[t->n_pinned];
}

void tunnel_remotes_changed(struct tunnel *t)
{
	bool first = !t->ike_entered;
	struct reason why = { 0 };

	if (t->life != TUNNEL_ACTIVE)
		return;
	tunnel_pin_remotes(t, t->remotes.addr, t->remotes.n);
	if (tunnel_ike_enter(t, &why))
		tunnel_set_error(t, &why);
	else if (first && t->admin_up)
		tunnel_enter_service(t);
}

bool tunnel_remotes_entered(const struct tunnel *t)
{
	for (unsigned i = 0; i < t->remotes.n && i < t->n_pinned; i++)
		if (!addr_eq(&t->remotes.addr[i], &t->pinned[i]))
			return false;
	return t->remotes.n == t->n_pinned;
}

void tunnel_resolve(struct tunnel *t, mtime now)
{
	if (t->life != TUNNEL_ACTIVE || !t->admin_up || t->facts.child ||
	    (demand_resting(t) && t->remotes.n) || !remotes_due(&t->remotes, t->cfg, now))
		return;
	t->remotes.next = mtime_add(now, REMOTES_AGAIN);
	for (unsigned i = 0; i < t->cfg->n_remote; i++)
		if (t->cfg->remote_name[i] &&
		    resolver_ask(t->domain->resolver, t->id, t->cfg->remote_name[i], t->cfg->local.family))
			t->remotes.open++;
	if (!t->remotes.open)
		t->remotes.next = mtime_add(now, REMOTES_RETRY);
}

void tunnel_resolved(struct tunnel *t, const struct resolver_answer *a)
{
	bool changed = remotes_answer(&t->remotes, t->cfg, a, clock_now());
	struct reason why = { 0 };

	for (unsigned i = 0; changed && i < a->n; i++)
		log_info(t->domain->log, t->name, "%s is %s", a->name, addr_str(&a->addr[i]));
	if (!a->n) {
		reason_set(&why, "name-not-resolved",
		    "%s, the remote-address, can't be looked up: %s. Is the name right, and does this "
		    "machine's name "
		    "server answer? `getent ahosts %s` asks the same",
		    a->name, a->error, a->name);
		tunnel_set_error(t, &why);
	}
	if (changed)
		tunnel_remotes_changed(t);
}

void tunnel_remote_worked(struct tunnel *t, const struct addr *remote)
{
	if (remotes_worked(&t->remotes, t->cfg, remote))
		tunnel_remotes_changed(t);
}

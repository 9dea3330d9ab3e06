/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protected prefixes in a commit. The order is the FIB writer's: what is asked for behind a fence waits until
 * all before it is in the kernel. So a fence behind the new protections puts every other route of the commit
 * after them, and d->gate, the number of that fence, keeps IKE silent until then; a fence before the
 * protections that are given up puts them last.
 *
 * The address of each tunnel's BGP peer is protected without being asked for. Its host route comes with the
 * child and goes before it, but packets arrive earlier and later than that, and the kernel answers them by
 * itself: a SYN with SYN+ACK, a segment of an old session with RST, an echo with its reply; a closed socket
 * sends its FIN again. All of that would take the default route, in clear. So when a configuration drops such
 * a peer, it is given up no sooner than its tunnel has gone out.
 */
#include "connector/daemon/protect.h"

#include "connector/daemon/routes.h"
#include "connector/daemon/tunnel.h"

/* Values of d->protect: what the commit under way has met; `lingers` is what only tunnels that still go out
 * have for a peer. */
static char met, not_met, lingers;

/* True when it is new. */
static bool enter(struct domain *d, const struct prefix *p)
{
	bool known = ptrie_get(d->protect, p);

	if (ptrie_set(d->protect, p, &met))
		log_error(
		    d->log, "fib", "no-memory: what LAN peers teach for %s is not held back", prefix_str(p));
	if (known)
		return false;
	if (!ptrie_get(d->discard, p))
		fib_writer_protect(d->fib, p);
	routes_reconsider(d, p);
	return true;
}

/* As enter, of an aggregate. The writer holds a prefix once, whoever asks, so it is told of the first and the
 * last only. */
static bool enter_discard(struct domain *d, const struct prefix *p)
{
	bool known = ptrie_get(d->discard, p);

	if (ptrie_set(d->discard, p, &met)) {
		log_error(d->log, "fib", "no-memory: what nobody has of aggregate %s is not discarded",
		    prefix_str(p));
		return false;
	}
	if (known || ptrie_get(d->protect, p))
		return false;
	fib_writer_protect(d->fib, p);
	return true;
}

static bool enter_peers(struct domain *d, const struct cfg *cfg)
{
	bool fresh = false;

	for (size_t s = 0; s < cfg->n_site; s++) {
		for (size_t i = 0; i < cfg->site[s].n_tunnel; i++) {
			const struct cfg_tunnel *t = &cfg->site[s].tunnel[i];
			struct prefix host = prefix_host(&t->bgp.peer);

			if (t->have_bgp)
				fresh |= enter(d, &host);
		}
	}
	return fresh;
}

static void unmark(struct ptrie *t)
{
	struct prefix p;

	for (bool more = ptrie_first(t, &p, NULL); more; more = ptrie_after(t, &p, &p, NULL))
		(void)ptrie_set(t, &p, &not_met); /* replaces a value: takes no memory */
}

void protect_enter(struct domain *d, const struct cfg *cfg)
{
	bool fresh;

	unmark(d->protect);
	unmark(d->discard);
	fresh = enter_peers(d, cfg);
	for (size_t i = 0; i < cfg->n_protect; i++)
		fresh |= enter(d, &cfg->protect[i]);
	for (size_t i = 0; i < cfg->n_discard; i++)
		fresh |= enter_discard(d, &cfg->discard[i]);
	if (fresh)
		d->gate = fib_writer_fence(d->fib);
}

/*
 * A tunnel's SAs live on until its Cease and its Delete are through: what arrives by them would be answered
 * in clear.
 */
static bool retires(const struct domain *d, const struct prefix *p, const struct tunnel *but)
{
	list_for_each ((struct list *)&d->tunnels, struct tunnel, t, node) {
		const struct prefix host = prefix_host(&t->cfg->bgp.peer);

		if (t != but && t->retiring && t->cfg->have_bgp && prefix_eq(&host, p))
			return true;
	}
	return false;
}

void protect_retired(struct domain *d, const struct tunnel *t)
{
	const struct prefix host = prefix_host(&t->cfg->bgp.peer);

	if (!t->cfg->have_bgp || d->stopping || ptrie_get(d->protect, &host) != &lingers ||
	    retires(d, &host, t))
		return;
	ptrie_remove(d->protect, &host);
	if (ptrie_get(d->discard, &host))
		return;
	fib_writer_fence(d->fib);
	fib_writer_unprotect(d->fib, &host);
}

/* Out of one of the two lists: the kernel's route goes when it is in neither. */
static void leave(
    struct domain *d, struct ptrie *list, const struct ptrie *other, const struct prefix *p, bool *fenced)
{
	ptrie_remove(list, p);
	if (ptrie_get(other, p))
		return;
	if (!*fenced)
		fib_writer_fence(d->fib);
	*fenced = true;
	fib_writer_unprotect(d->fib, p);
}

void protect_leave(struct domain *d)
{
	bool fenced = false;
	struct prefix p;
	void *mark;

	for (bool more = ptrie_first(d->protect, &p, &mark); more;
	     more = ptrie_after(d->protect, &p, &p, &mark)) {
		if (mark == &met)
			continue;
		if (retires(d, &p, NULL)) {
			(void)ptrie_set(d->protect, &p, &lingers);
			continue;
		}
		leave(d, d->protect, d->discard, &p, &fenced);
	}
	for (bool more = ptrie_first(d->discard, &p, &mark); more;
	     more = ptrie_after(d->discard, &p, &p, &mark))
		if (mark != &met)
			leave(d, d->discard, d->protect, &p, &fenced);
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

static void free_list(struct ptrie **list)
{
	struct prefix p;

	while (*list && ptrie_first(*list, &p, NULL))
		ptrie_remove(*list, &p);
	ptrie_free(*list);
	*list = NULL;
}

void protect_free(struct domain *d)
{
	free_list(&d->protect);
	free_list(&d->discard);
}

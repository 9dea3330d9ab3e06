/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in the kernel between two runs.
 *
 * A daemon that leaves (plane_leave) takes nothing out: interfaces, states and policies go on carrying the
 * traffic without it. Its own states get a hard lifetime, so that the kernel ends them if nobody comes.
 *
 * Its successor keeps what the record names and the kernel has: an interface of our range with its index,
 * name and if_id, and under it states for both directions. Everything else of our range goes, as after a
 * kill. The tunnel that is made with the interface's name takes it over. Old policies lead to the old states
 * until the new SA's replace them, one message each, so there is no moment without; and until the old states
 * are dropped (pk_old_gone) no policy is deleted.
 */
#include "connector/daemon/plane_kernel_internal.h"
#include "connector/sys/clock.h"
#include "connector/sys/link.h"
#include "connector/sys/xfrm_link.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINKS_MAX 4096

struct leftovers {
	struct xfrm_event *list;
	size_t n, max;
};

static bool is_ours(uint32_t if_id, uint32_t reqid)
{
	return (if_id & PK_IF_ID_MASK) == PK_IF_ID_BASE && if_id == reqid;
}

static void take_leftover(void *ctx, const struct xfrm_event *e)
{
	struct leftovers *l = ctx;
	bool ours = e->kind == XFRM_EVENT_STATE  ? is_ours(e->state.if_id, e->state.reqid)
	            : e->kind == XFRM_EVENT_RULE ? is_ours(e->rule.if_id, e->rule.reqid)
	                                         : false;

	if (ours && l->n == l->max) {
		size_t max = l->max ? l->max * 2 : 64;
		struct xfrm_event *list = reallocarray(l->list, max, sizeof(*list));

		if (!list)
			return;
		l->list = list;
		l->max = max;
	}
	if (ours)
		l->list[l->n++] = *e;
}

/* --- what is to be kept --- */

static bool same_sa(const struct plane_kept_sa *sa, const struct xfrm_state_view *s)
{
	return sa->spi == s->spi && addr_eq(&sa->dst, &s->dst);
}

static bool sa_stands(const struct leftovers *l, uint32_t if_id, const struct plane_kept_sa *sa)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].kind == XFRM_EVENT_STATE && l->list[i].state.if_id == if_id &&
		    same_sa(sa, &l->list[i].state))
			return true;
	return false;
}

static bool link_stands(
    const struct plane_kernel *k, const struct xfrm_link_view links[], int n, const struct plane_kept *want)
{
	char name[IFNAMSIZ];

	for (int i = 0; i < n; i++)
		if (links[i].ifindex == want->ifindex && links[i].if_id == want->if_id &&
		    is_ours(want->if_id, want->if_id) && !link_name(k->domain, want->ifindex, name))
			return !strcmp(name, want->interface);
	return false;
}

/* The policies as they are; -1: no memory, and nothing is kept. */
static int take_rules(struct pk_kept *kept, const struct leftovers *l)
{
	kept->rules = calloc(l->n, sizeof(*kept->rules));
	if (!kept->rules)
		return -1;
	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].kind == XFRM_EVENT_RULE && l->list[i].rule.if_id == kept->is.if_id)
			kept->rules[kept->n_rules++] = l->list[i].rule;
	return 0;
}

static void keep_one(struct plane_kernel *k, const struct leftovers *l, const struct xfrm_link_view links[],
    int n_links, const struct plane_kept *want)
{
	struct pk_kept *kept;
	unsigned directions = 0;

	if (!link_stands(k, links, n_links, want) || pk_if_id_kept(k, want->if_id))
		return;
	kept = calloc(1, sizeof(*kept));
	if (!kept)
		return;
	kept->is = *want;
	kept->is.n_sa = 0;
	for (unsigned i = 0; i < want->n_sa; i++)
		if (sa_stands(l, want->if_id, &want->sa[i])) {
			kept->is.sa[kept->is.n_sa++] = want->sa[i];
			directions |= want->sa[i].inbound ? 1 : 2;
		}
	if (directions != 3 || take_rules(kept, l)) {
		free(kept);
		return;
	}
	list_append(&k->kept, &kept->link);
}

/* --- what is not --- */

static bool state_kept(const struct plane_kernel *k, const struct xfrm_state_view *s)
{
	list_for_each ((struct list *)&k->kept, struct pk_kept, kept, link)
		for (unsigned i = 0; s->if_id == kept->is.if_id && i < kept->is.n_sa; i++)
			if (same_sa(&kept->is.sa[i], s))
				return true;
	return false;
}

bool pk_if_id_kept(const struct plane_kernel *k, uint32_t if_id)
{
	list_for_each ((struct list *)&k->kept, struct pk_kept, kept, link)
		if (kept->is.if_id == if_id)
			return true;
	return false;
}

static size_t remove_others(
    struct plane_kernel *k, const struct leftovers *l, const struct xfrm_link_view links[], int n)
{
	size_t removed = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct xfrm_event *e = &l->list[i];

		if (e->kind == XFRM_EVENT_RULE && !pk_if_id_kept(k, e->rule.if_id))
			removed += !xfrm_rule_del(k->xfrm, &e->rule);
		else if (e->kind == XFRM_EVENT_STATE && !state_kept(k, &e->state))
			removed += !xfrm_state_del(k->xfrm, &e->state.dst, e->state.spi);
	}
	for (int i = 0; i < n; i++)
		if (is_ours(links[i].if_id, links[i].if_id) && !pk_if_id_kept(k, links[i].if_id))
			removed += !xfrm_link_del(k->domain, links[i].ifindex);
	return removed;
}

void pk_sweep(struct plane_kernel *k, const struct plane_config *config)
{
	struct leftovers l = { 0 };
	struct xfrm_link_view *links = calloc(LINKS_MAX, sizeof(*links));
	int n = links ? xfrm_link_list(k->domain, links, LINKS_MAX) : 0;
	size_t removed;

	n = n < 0 ? 0 : n > LINKS_MAX ? LINKS_MAX : n;
	(void)xfrm_rules(k->xfrm, take_leftover, &l);
	(void)xfrm_states(k->xfrm, take_leftover, &l);
	for (size_t i = 0; i < config->n_kept; i++)
		keep_one(k, &l, links, n, &config->kept[i]);
	removed = remove_others(k, &l, links, n);
	if (removed)
		log_info(k->log, "data-plane",
		    "%zu SAs, policies and interfaces of a causewayd before this one are removed", removed);
	free(l.list);
	free(links);
}

/* --- taking over --- */

static void kept_free(struct pk_kept *kept)
{
	list_remove(&kept->link);
	free(kept->rules);
	free(kept);
}

static void old_forget(struct pk_tunnel *t)
{
	free(t->old);
	free(t->old_rules);
	t->old = NULL;
	t->old_rules = NULL;
	t->n_old_rules = 0;
}

bool pk_take_over(struct plane_kernel *k, struct pk_tunnel *t, const char *interface)
{
	list_for_each (&k->kept, struct pk_kept, kept, link) {
		if (strcmp(kept->is.interface, interface) != 0)
			continue;
		t->old = malloc(sizeof(*t->old));
		t->old_rules = calloc(kept->n_rules + 1, sizeof(*t->old_rules));
		if (!t->old || !t->old_rules) {
			old_forget(t);
			return false;
		}
		*t->old = kept->is;
		memcpy(t->old_rules, kept->rules, kept->n_rules * sizeof(*kept->rules));
		t->n_old_rules = kept->n_rules;
		t->if_id = kept->is.if_id;
		t->ifindex = kept->is.ifindex;
		t->rules = kept->rules;
		t->n_rules = kept->n_rules;
		kept->rules = NULL;
		kept_free(kept);
		return true;
	}
	return false;
}

void pk_old_gone(struct plane_kernel *k, struct pk_tunnel *t)
{
	for (unsigned i = 0; t->old && i < t->old->n_sa; i++)
		(void)xfrm_state_del(k->xfrm, &t->old->sa[i].dst, t->old->sa[i].spi);
	old_forget(t);
}

static void kept_drop(struct plane_kernel *k, struct pk_kept *kept)
{
	for (size_t i = 0; i < kept->n_rules; i++)
		(void)xfrm_rule_del(k->xfrm, &kept->rules[i]);
	for (unsigned i = 0; i < kept->is.n_sa; i++)
		(void)xfrm_state_del(k->xfrm, &kept->is.sa[i].dst, kept->is.sa[i].spi);
	(void)xfrm_link_del(k->domain, kept->is.ifindex);
	kept_free(kept);
}

void pk_kept_clear(struct plane_kernel *k, const char *interface)
{
	list_for_each (&k->kept, struct pk_kept, kept, link)
		if (!strcmp(kept->is.interface, interface))
			kept_drop(k, kept);
}

void pk_kept_free(struct plane_kernel *k)
{
	list_for_each (&k->kept, struct pk_kept, kept, link)
		if (k->leaving || k->trying)
			kept_free(kept);
		else
			kept_drop(k, kept);
}

/* --- leaving --- */

static void note_sa(struct plane_kept *kept, const struct pk_sa *sa)
{
	if (kept->n_sa < PLANE_KEPT_SAS && !sa->lost)
		kept->sa[kept->n_sa++] =
		    (struct plane_kept_sa){ .inbound = sa->p.inbound, .spi = sa->p.spi, .dst = *pk_dst(sa) };
}

/* Those in use first; then what a predecessor left, if that still carries. */
static unsigned note_all(const struct pk_tunnel *t, struct plane_kept *kept)
{
	unsigned directions = 0;

	for (unsigned dir = 0; dir < 2; dir++)
		list_for_each ((struct list *)(dir ? &t->sas_out : &t->sas_in), struct pk_sa, sa, link)
			note_sa(kept, sa);
	for (unsigned i = 0; t->old && i < t->old->n_sa && kept->n_sa < PLANE_KEPT_SAS; i++)
		kept->sa[kept->n_sa++] = t->old->sa[i];
	for (unsigned i = 0; i < kept->n_sa; i++)
		directions |= kept->sa[i].inbound ? 1 : 2;
	return directions;
}

bool plane_kernel_keeps(struct plane_kernel *k, uint32_t tunnel, struct plane_kept *ret_kept)
{
	list_for_each (&k->tunnels, struct pk_tunnel, t, link) {
		struct plane_kept kept = { .ifindex = t->ifindex, .if_id = t->if_id };

		if (t->id != tunnel)
			continue;
		kept.mtu = link_mtu(k->domain, t->ifindex);
		if (!t->ifindex || link_name(k->domain, t->ifindex, kept.interface) ||
		    note_all(t, &kept) != 3)
			return false;
		*ret_kept = kept;
		return true;
	}
	return false;
}

/* The kernel counts a hard lifetime from when the state was added, by the wall clock. */
static void limit(struct plane_kernel *k, const struct pk_tunnel *t, const struct pk_sa *sa, mdur patience)
{
	struct xfrm_state_params p;
	struct xfrm_state_view is = { 0 };
	struct reason why = { 0 };
	uint64_t now = (uint64_t)time(NULL);

	if (xfrm_state_get(k->xfrm, pk_dst(sa), sa->p.spi, &is))
		return;
	p = pk_params_of(t, &sa->p);
	p.event_packets = 0;
	p.hard_seconds = (now > is.added ? now - is.added : 0) + (uint64_t)mdur_to_s(patience);
	if (xfrm_state_change(k->xfrm, &p, &why))
		log_warn(k->log, "data-plane", "%s: %s", why.id, why.text);
	cleanse(&p, sizeof(p));
}

void plane_kernel_leave(struct plane_kernel *k, mdur patience)
{
	k->leaving = true;
	list_for_each (&k->tunnels, struct pk_tunnel, t, link)
		for (unsigned dir = 0; dir < 2; dir++)
			list_for_each (dir ? &t->sas_out : &t->sas_in, struct pk_sa, sa, link)
				limit(k, t, sa, patience);
}

bool plane_kernel_is_kept(const struct plane_kernel *k, int ifindex)
{
	list_for_each ((struct list *)&k->kept, struct pk_kept, kept, link)
		if (kept->is.ifindex == ifindex)
			return true;
	return false;
}

static struct pk_tunnel *with_old(struct plane_kernel *k, uint32_t tunnel)
{
	list_for_each (&k->tunnels, struct pk_tunnel, t, link)
		if (t->id == tunnel && t->old)
			return t;
	return NULL;
}

bool plane_kernel_has_old(struct plane_kernel *k, uint32_t tunnel)
{
	return with_old(k, tunnel) != NULL;
}

void plane_kernel_old_drop(struct plane_kernel *k, uint32_t tunnel)
{
	struct pk_tunnel *t = with_old(k, tunnel);
	struct plane_kept *old;

	if (!t)
		return;
	old = t->old;
	t->old = NULL; /* what is only theirs of the policies goes first */
	(void)pk_keep_update(k, t, NULL);
	(void)pk_update_rules(k, t, NULL);
	t->old = old;
	pk_old_gone(k, t);
}

void plane_kernel_kept_drop(struct plane_kernel *k)
{
	k->trying = false;
	pk_kept_free(k);
}

/* Its successor takes over what is in the kernel. What keeps packets for a tunnel at rest does not stay. */
void pk_let_go(struct plane_kernel *k, struct pk_tunnel *t)
{
	for (unsigned dir = 0; dir < 2; dir++)
		list_for_each (dir ? &t->sas_out : &t->sas_in, struct pk_sa, sa, link)
			pk_sa_free(sa);
	t->armed = false;
	if (t->keep)
		(void)pk_keep_update(k, t, NULL);
	list_remove(&t->link);
	old_forget(t);
	free(t->rules);
	free(t);
}

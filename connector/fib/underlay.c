/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is not ours: foreign routes, links, addresses; and what follows from them: which interfaces can be
 * used, and the connected networks.
 */
#include "connector/fib/plan_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- links ---- */

struct link *link_get(struct fib *f, int ifindex, bool make)
{
	struct hnode *known = htab_find(&f->links_by_index, (uint64_t)ifindex);
	struct link *l;

	if (known)
		return container_of(known, struct link, by_index);
	l = make ? calloc(1, sizeof(*l)) : NULL;
	if (!l)
		return NULL;
	if (htab_add(&f->links_by_index, &l->by_index, (uint64_t)ifindex) < 0) {
		free(l);
		return NULL;
	}
	l->ifindex = ifindex;
	list_append(&f->links, &l->node);
	return l;
}

bool link_usable(const struct fib *f, int ifindex)
{
	const struct link *l = link_get((struct fib *)f, ifindex, false);

	return ifindex == 0 || ifindex == FIB_UNREACHABLE || (l && l->known && l->up && !l->dropped);
}

static void links_changed(struct fib *f)
{
	f->epoch++;
	f->underlay_dirty = f->connected_dirty = f->protect_dirty = f->unfreeze = f->dirty = true;
	f->sources_dirty = true;
}

void fib_saw_link(struct fib *f, int ifindex, const char *name, bool up, bool gone)
{
	struct link *l = link_get(f, ifindex, !gone);

	if (!l) {
		f->resync |= !gone;
		return;
	}
	l->seen = f->generation;
	snprintf(l->name, sizeof(l->name), "%.15s", name);
	if (l->known == !gone && l->up == up)
		return;
	/* A link that went down took IPv4 routes and nexthops with it, and the kernel said nothing of that.
	 */
	f->resync |= !f->in_picture && l->known;
	l->known = !gone;
	l->up = up && !gone;
	if (gone)
		l->dropped = false; /* whoever gets this index next is somebody else */
	if (gone)
		lost_forget(f, ifindex);
	links_changed(f);
}

void fib_interface(struct fib *f, int ifindex, bool ours)
{
	struct link *l = link_get(f, ifindex, true);

	if (!l || (l->ours == ours && !l->dropped))
		return;
	l->dropped = l->ours && !ours;
	l->ours = ours;
	links_changed(f);
}

/* ---- addresses and connected networks ---- */

/* No peer chooses the addresses of our interfaces: the sum is good enough, and addr_eq decides. */
static uint64_t addr_hash(const struct addr *a)
{
	uint64_t hash = a->family;

	for (unsigned i = 0; i < addr_bits(a) / 8; i++)
		hash = hash * 31 + a->b[i];
	return hash;
}

static struct address *addr_next(struct hnode *n, const struct addr *a)
{
	for (; n; n = htab_find_next(n)) {
		struct address *x = container_of(n, struct address, by_addr);

		if (addr_eq(&x->a.addr, a))
			return x;
	}
	return NULL;
}

static struct address *addr_find(const struct fib *f, const struct fib_seen_addr *like)
{
	struct address *x = addr_next(htab_find(&f->addrs_by_addr, addr_hash(&like->addr)), &like->addr);

	while (x && (x->a.ifindex != like->ifindex || !prefix_eq(&x->a.network, &like->network)))
		x = addr_next(htab_find_next(&x->by_addr), &like->addr);
	return x;
}

void addr_forget(struct fib *f, struct address *a)
{
	htab_remove(&f->addrs_by_addr, &a->by_addr);
	list_remove(&a->node);
	free(a);
}

void fib_saw_addr(struct fib *f, const struct fib_seen_addr *addr, bool gone)
{
	struct address *found = addr_find(f, addr);

	if (found)
		found->seen = f->generation;
	if ((found != NULL) == !gone)
		return;
	if (gone) {
		addr_forget(f, found);
		f->resync |= !f->in_picture; /* IPv4 routes with this source went silently */
	} else {
		found = calloc(1, sizeof(*found));
		if (!found || htab_add(&f->addrs_by_addr, &found->by_addr, addr_hash(&addr->addr)) < 0) {
			free(found);
			f->resync = true;
			return;
		}
		found->a = *addr;
		found->seen = f->generation;
		list_append(&f->addrs, &found->node);
	}
	f->underlay_dirty = f->connected_dirty = f->unfreeze = f->dirty = true;
}

const struct fib_seen_addr *addr_local(const struct fib *f, const struct addr *a)
{
	const struct fib_seen_addr *first = NULL;

	/* Several interfaces may hold it: always the same one of them. */
	for (const struct address *x = addr_next(htab_find(&f->addrs_by_addr, addr_hash(a)), a); x;
	     x = addr_next(htab_find_next(&x->by_addr), a))
		if (!first || x->a.ifindex < first->ifindex)
			first = &x->a;
	return first;
}

bool fib_holds(const struct fib *f, int ifindex, const struct addr *a)
{
	for (const struct address *x = addr_next(htab_find(&f->addrs_by_addr, addr_hash(a)), a); x;
	     x = addr_next(htab_find_next(&x->by_addr), a))
		if (x->a.ifindex == ifindex)
			return true;
	return false;
}

static int prefix_order(const void *a, const void *b)
{
	return prefix_cmp(a, b);
}

void connected_settle(struct fib *f)
{
	struct prefix *list;
	size_t n = 0, used = 0;

	if (!f->connected_dirty)
		return;
	f->connected_dirty = false;
	list_for_each (&f->addrs, struct address, count, node)
		n += count->a.global;
	list = calloc(n * 2 + 1, sizeof(*list));
	if (!list)
		return;
	n = 0;
	list_for_each (&f->addrs, struct address, a, node) {
		const struct link *l = link_get(f, a->a.ifindex, false);

		if (!a->a.global || (l && (l->ours || l->dropped)))
			continue;
		list[n++] = a->a.network;
		if (!prefix_contains_addr(
		        &a->a.network, &a->a.addr)) /* point-to-point: the network is the far end's */
			list[n++] = prefix_host(&a->a.addr);
	}
	qsort(list, n, sizeof(*list), prefix_order);
	for (size_t i = 0; i < n; i++)
		if (!used || !prefix_eq(&list[used - 1], &list[i]))
			list[used++] = list[i];
	n = used;
	for (used = 0; used < n && used < f->n_connected && prefix_eq(&list[used], &f->connected[used]);)
		used++;
	if (f->connected && used == n && n == f->n_connected) {
		free(list);
		return;
	}
	free(f->connected);
	f->connected = list;
	f->n_connected = n;
	(void)report_add(f, FIB_REPORT_CONNECTED);
}

const struct prefix *fib_connected(struct fib *f, size_t *ret_n)
{
	*ret_n = f->n_connected;
	return f->connected;
}

/* ---- foreign routes ---- */

struct foreign *foreign_find(const struct fib *f, const struct prefix *p, uint32_t metric)
{
	struct foreign *x = ptrie_get(f->foreign, p);

	while (x && x->metric < metric)
		x = x->next;
	return x && x->metric == metric ? x : NULL;
}

/* gone: the object's id is enough, for what the kernel shows beside it depends on a sysctl. */
static bool same_foreign(const struct foreign *x, const struct fib_seen_route *r, bool gone)
{
	if (x->metric != r->metric || x->protocol != r->protocol || x->type != r->type ||
	    x->nhid != r->nhid || !addr_eq(&x->source, &r->source))
		return false;
	if (gone && x->nhid)
		return true;
	if (x->n_ways != r->n_ways)
		return false;
	for (unsigned i = 0; i < x->n_ways; i++)
		if (x->way[i].ifindex != r->way[i].ifindex || !addr_eq(&x->way[i].via, &r->way[i].via))
			return false;
	return true;
}

/* Links x out of its list, and the list into the map. */
static void foreign_unlink(struct fib *f, const struct prefix *p, struct foreign *x)
{
	struct foreign *head = ptrie_get(f->foreign, p), **link = &head;
	const uint32_t metric = x->metric;
	struct route *waiting;

	while (*link != x)
		link = &(*link)->next;
	*link = x->next;
	f->sources_dirty = true;
	if (!head)
		ptrie_remove(f->foreign, p);
	else if (link == &head)
		(void)ptrie_set(f->foreign, p, head); /* replaces a value: takes no memory */
	free(x);
	waiting = foreign_find(f, p, metric) ? NULL : route_find(f, p, metric);
	if (waiting && waiting->blocked)
		route_resettle(f, waiting); /* its place is free now */
}

/* Behind all of its metric, or in the place of another. */
static void foreign_add(struct fib *f, const struct fib_seen_route *r, struct foreign *instead)
{
	struct foreign *head = ptrie_get(f->foreign, &r->prefix), **link = &head, *x;

	x = calloc(1, sizeof(*x) + r->n_ways * sizeof(x->way[0]));
	if (!x) {
		f->resync = true;
		return;
	}
	x->metric = r->metric;
	x->nhid = r->nhid;
	x->protocol = r->protocol;
	x->type = r->type;
	x->source = r->source;
	x->seen = f->generation;
	x->n_ways = r->n_ways;
	memcpy(x->way, r->way, r->n_ways * sizeof(x->way[0]));
	while (*link && *link != instead && (*link)->metric <= r->metric)
		link = &(*link)->next;
	x->next = *link;
	*link = x;
	f->sources_dirty = true;
	if (head == x && ptrie_set(f->foreign, &r->prefix, x) < 0)
		free(x); /* it was the only one: replacing a value takes no memory */
	else if (instead)
		foreign_unlink(f, &r->prefix, instead);
}

void foreign_saw(struct fib *f, enum fib_seen how, const struct fib_seen_route *r)
{
	struct foreign *same = ptrie_get(f->foreign, &r->prefix),
	               *key = foreign_find(f, &r->prefix, r->metric);

	while (same && !same_foreign(same, r, how == FIB_SEEN_GONE))
		same = same->next;
	f->underlay_dirty = true;
	f->dirty = true;
	if (how == FIB_SEEN_GONE) {
		if (same)
			foreign_unlink(f, &r->prefix, same);
		else if (key)
			f->resync = true; /* one leg of several, or another form of it: look again */
		return;
	}
	if (same && (!f->in_picture || !same->next || same->next->metric != same->metric)) {
		same->seen = f->generation;
		return;
	}
	/* A picture shows routes with one key in the kernel's order; each goes behind the last, and so the
	 * order comes right. */
	if (same)
		foreign_unlink(f, &r->prefix, same);
	foreign_add(f, r, how == FIB_SEEN_REPLACED ? key : NULL);
}

void foreign_sweep(struct fib *f, bool all)
{
	struct prefix p;
	void *v;

	for (bool more = ptrie_first(f->foreign, &p, &v); more; more = ptrie_after(f->foreign, &p, &p, &v)) {
		for (struct foreign *x = v, *next; x; x = next) {
			next = x->next;
			if (all || x->seen != f->generation)
				foreign_unlink(f, &p, x);
		}
	}
}

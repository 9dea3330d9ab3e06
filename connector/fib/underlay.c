/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is not ours: foreign routes, links, addresses; and what follows from them: which interfaces can be
 * used, the connected networks, and the original path of each pinned endpoint.
 *
 * The path is what the kernel would take if none of our routes were there: the longest foreign prefix of the
 * main table that contains the endpoint, of those the lowest metric, whose ways are usable and don't lead
 * into a tunnel of ours. A reject route there means that there is no path; and an endpoint without a path
 * gets a reject of its own, because a learned route that covers it would send the tunnel's packets into the
 * tunnel. The ways of a route are final (the kernel wants gateways on link), so nothing is resolved
 * recursively.
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

/* ---- ways that are lost ---- */

static struct lost *lost_find(const struct fib *f, int ifindex, const struct addr *via)
{
	list_for_each ((struct list *)&f->lost, struct lost, x, node) {
		if (x->ifindex == ifindex && addr_eq(&x->via, via))
			return x;
	}
	return NULL;
}

int fib_way_lost(struct fib *f, int ifindex, const struct addr *via, bool lost)
{
	struct lost *x = lost_find(f, ifindex, via);

	if ((x != NULL) == lost)
		return 0;
	if (lost) {
		x = calloc(1, sizeof(*x));
		if (!x)
			return -1;
		x->ifindex = ifindex;
		x->via = *via;
		list_append(&f->lost, &x->node);
	} else {
		list_remove(&x->node);
		free(x);
	}
	f->epoch++;
	f->protect_dirty = f->dirty = true;
	return 0;
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

/* ---- pins ---- */

static void take_path(struct fib *f, const struct foreign *x, struct fib_route *path)
{
	struct fib_way by_object[FIB_WAYS_MAX];
	const struct fib_way *from = x->way;
	unsigned n = x->n_ways;

	if (!n && x->nhid) {
		n = foreign_nexthop_ways(f, x->nhid, by_object);
		from = by_object;
	}
	path->n_ways = 0;
	path->source = x->source;
	for (unsigned i = 0; i < n; i++) {
		const struct link *l = link_get(f, from[i].ifindex, false);
		struct fib_way *way = &path->way[path->n_ways];

		if (!l || !link_usable(f, from[i].ifindex) || l->ours)
			continue;
		*way = from[i];
		if (addr_is_unspecified(&way->via))
			way->via = (struct addr){ 0 }; /* on link */
		snprintf(way->interface, sizeof(way->interface), "%s", l->name);
		path->n_ways++;
	}
}

/* The best foreign path; path->n_ways 0: none. Returns whether it is a host route already, so that no pin is
 * needed. */
static bool resolve(struct fib *f, const struct addr *endpoint, struct fib_route *path)
{
	struct prefix at = prefix_host(endpoint), found;
	const uint32_t own_metric = fib_kernel_metric(&path->prefix, path->metric);

	path->n_ways = 0;
	for (;;) {
		struct foreign *x = ptrie_covering(f->foreign, &at, &found);

		if (!x)
			return false;
		for (; x; x = x->next) {
			if (x->type == FIB_OTHER)
				continue;
			if (x->type == FIB_REJECT)
				return false;
			take_path(f, x, path);
			if (path->n_ways)
				return found.len == addr_bits(endpoint) && x->metric <= own_metric;
		}
		if (found.len == 0)
			return false;
		at = prefix_canonical((struct prefix){ .addr = *endpoint, .len = (uint8_t)(found.len - 1) });
	}
}

static const struct fib_seen_addr *local_address(const struct fib *f, const struct addr *a)
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

void report_pin(struct fib *f, const struct fib_route *route, bool wanted)
{
	struct fib_report *r = report_add(f, FIB_REPORT_PIN);

	if (!r)
		return;
	r->wanted = wanted;
	r->prefix = route->prefix;
	r->metric = route->metric;
	r->origin = route->origin;
	r->route = malloc(sizeof(*r->route));
	if (r->route)
		*r->route = *route;
}

static void report_underlay(struct fib *f, const struct pin *pin)
{
	struct fib_report *r = report_add(f, FIB_REPORT_UNDERLAY);

	if (!r)
		return;
	r->endpoint = pin->endpoint;
	r->source = pin->route.source;
	r->ifindex = pin->route.way[0].ifindex;
	r->via = pin->route.way[0].via;
}

static void unwish(struct fib *f, struct pin *pin)
{
	if (!pin->wanted)
		return;
	pin->wanted = false;
	report_pin(f, &pin->route, false);
	fib_unwant(f, &pin->route.prefix, pin->route.metric, FIB_PIN);
}

static void pin_settle(struct fib *f, struct pin *pin)
{
	struct fib_route path = {
		.prefix = prefix_host(&pin->endpoint), .metric = FIB_METRIC_LEARNED, .origin = FIB_PIN
	};
	const struct fib_seen_addr *local = local_address(f, &pin->endpoint);
	bool needless, changed;

	if (local) {
		path.source = pin->endpoint;
		path.n_ways = 1;
		path.way[0] = (struct fib_way){ .ifindex = local->ifindex, .weight = 1 };
		needless = true;
	} else {
		needless = resolve(f, &pin->endpoint, &path);
	}
	if (!path.n_ways) {
		path.source = (struct addr){ 0 };
		path.n_ways = 1;
		path.way[0] = (struct fib_way){ .weight = 1 };
	}
	changed = !pin->resolved || !ways_same_path(&pin->route, &path);
	if (changed || needless)
		unwish(f, pin);
	pin->route = path;
	pin->resolved = true;
	if (!needless && !pin->wanted && fib_want(f, &path, 0) == 0) {
		pin->wanted = true;
		report_pin(f, &pin->route, true);
	}
	if (changed)
		report_underlay(f, pin);
}

void pins_settle(struct fib *f)
{
	if (!f->underlay_dirty)
		return;
	f->underlay_dirty = false;
	list_for_each (&f->pins, struct pin, pin, node)
		pin_settle(f, pin);
}

static struct pin *pin_find(struct fib *f, const struct addr *endpoint)
{
	list_for_each (&f->pins, struct pin, pin, node) {
		if (addr_eq(&pin->endpoint, endpoint))
			return pin;
	}
	return NULL;
}

int fib_pin(struct fib *f, const struct addr *endpoint)
{
	struct pin *pin = pin_find(f, endpoint);

	if (!pin) {
		pin = calloc(1, sizeof(*pin));
		if (!pin)
			return -1;
		pin->endpoint = *endpoint;
		list_append(&f->pins, &pin->node);
	}
	pin->count++;
	f->underlay_dirty = f->dirty = true;
	return 0;
}

void fib_unpin(struct fib *f, const struct addr *endpoint)
{
	struct pin *pin = pin_find(f, endpoint);

	if (!pin || --pin->count)
		return;
	unwish(f, pin);
	list_remove(&pin->node);
	free(pin);
}

bool fib_pinned(const struct fib *f, const struct addr *endpoint)
{
	return pin_find((struct fib *)f, endpoint) != NULL;
}

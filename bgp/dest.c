/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Destinations: one for each prefix that anybody has something to say about. They lie in two slabs, since an
 * IPv6 address is as long as half of what an IPv4 destination takes, and are found by an ordered map. The two
 * queues they wait in are chained through them, so joining one can't fail.
 */
#include "bgp/core.h"

#include <string.h>

#define V4_BYTES 4
#define V6_BYTES 16

struct dest *dest_at(const struct bgp *bgp, uint32_t id)
{
	if (!id)
		return NULL;
	return id & DEST_V6 ? slab_at_sized(&bgp->dests6, id & ~DEST_V6, sizeof(struct dest) + V6_BYTES)
	                    : slab_at_sized(&bgp->dests4, id, sizeof(struct dest) + V4_BYTES);
}

struct prefix dest_prefix(const struct dest *d)
{
	bool v6 = d->id & DEST_V6;
	struct prefix p = { .addr.family = v6 ? 6 : 4, .len = d->len };

	memcpy(p.addr.b, d->key, v6 ? V6_BYTES : V4_BYTES);
	return p;
}

struct dest *dest_find(const struct bgp *bgp, const struct prefix *p)
{
	const uint32_t *id = ptab_get(bgp->dests, p);

	return id ? dest_at(bgp, *id) : NULL;
}

struct dest *dest_get(struct bgp *bgp, const struct prefix *p)
{
	bool v6 = p->addr.family == 6;
	struct slab *slab = v6 ? &bgp->dests6 : &bgp->dests4;
	bool fresh;
	uint32_t *known = ptab_add(bgp->dests, p, &fresh), id;
	struct dest *d;

	if (!known)
		return NULL;
	if (!fresh)
		return dest_at(bgp, *known);
	id = slab_new(slab);
	if (!id) {
		(void)ptab_remove(bgp->dests, p);
		return NULL;
	}
	d = slab_at(slab, id);
	*known = d->id = v6 ? id | DEST_V6 : id;
	d->len = p->len;
	memcpy(d->key, p->addr.b, v6 ? V6_BYTES : V4_BYTES);
	return d;
}

void dest_gc(struct bgp *bgp, struct dest *d)
{
	struct prefix p;

	if (d->routes || d->outs || d->announced || d->in_fib_queue || d->in_export_queue)
		return;
	p = dest_prefix(d);
	(void)ptab_remove(bgp->dests, &p);
	way_set_put(bgp, d->ways);
	slab_del(d->id & DEST_V6 ? &bgp->dests6 : &bgp->dests4, d->id & ~DEST_V6);
}

struct dest *dest_covering(const struct bgp *bgp, const struct prefix *p)
{
	struct prefix at = *p;
	struct dest *d = dest_find(bgp, &at);

	while (!d && at.len) {
		at.len--;
		at = prefix_canonical(at);
		d = dest_find(bgp, &at);
	}
	return d;
}

bool dest_after(const struct bgp *bgp, const struct prefix *p, struct dest **ret_dest)
{
	const uint32_t *id = ptab_after(bgp->dests, p, NULL);

	if (id)
		*ret_dest = dest_at(bgp, *id);
	return id != NULL;
}

bool dest_from(const struct bgp *bgp, const struct prefix *p, struct dest **ret_dest)
{
	const uint32_t *id = ptab_from(bgp->dests, p, NULL);

	if (id)
		*ret_dest = dest_at(bgp, *id);
	return id != NULL;
}

/* --- the queues --- */
void dest_mark_fib(struct bgp *bgp, struct dest *d)
{
	if (d->in_fib_queue)
		return; /* it will say what holds then */
	d->in_fib_queue = true;
	d->fib_next = 0;
	if (bgp->fib.first)
		dest_at(bgp, bgp->fib.last)->fib_next = d->id;
	else
		bgp->fib.first = d->id;
	bgp->fib.last = d->id;
	bgp->fib.in++;
}

void dest_mark_export(struct bgp *bgp, struct dest *d)
{
	if (bgp->aggregation) {
		struct prefix p = dest_prefix(d);

		aggregate_note(bgp, &p);
	}
	if (d->in_export_queue)
		return;
	d->in_export_queue = true;
	d->export_next = 0;
	if (bgp->export.first)
		dest_at(bgp, bgp->export.last)->export_next = d->id;
	else
		bgp->export.first = d->id;
	bgp->export.last = d->id;
	bgp->export.in++;
}

struct dest *dest_next_fib(struct bgp *bgp)
{
	struct dest *d = dest_at(bgp, bgp->fib.first);

	if (!d)
		return NULL;
	bgp->fib.first = d->fib_next;
	bgp->fib.out++;
	d->in_fib_queue = false;
	return d;
}

struct dest *dest_next_export(struct bgp *bgp)
{
	struct dest *d = dest_at(bgp, bgp->export.first);

	if (!d)
		return NULL;
	bgp->export.first = d->export_next;
	bgp->export.out++;
	d->in_export_queue = false;
	return d;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes that wait to be told again: after a graceful restart until End-of-RIB (RFC 4724 4.2), in an enhanced
 * route refresh from BoRR to EoRR (RFC 7313 4.2). Till then they count like any others. What was not told
 * again goes.
 *
 * Marking costs nothing however many routes there are, since a route is stale when its round is not the
 * peer's. The sweep walks the table by prefix in pieces and takes only what was stale when it began, so a
 * mark in the middle of it does no harm. Rounds are octets: before they could come round, the sweep that lags
 * is finished at once.
 */
#include "bgp/core.h"

#include <limits.h>

#define REFRESH_LIMIT_S 600 /* RFC 7313 4.2: without an EoRR by then, what is stale goes */
#define ROUNDS_BEHIND   64

static struct stale_family *family_of(const struct route *r)
{
	return &r->peer->stale[prefix_family(&r->dest->prefix)];
}

static bool is_stale(const struct route *r)
{
	return r->round != family_of(r)->round;
}

/* Of a round before `to`? Fewer than half of all rounds are ever in use. */
bool stale_before(uint8_t round, uint8_t to)
{
	return (uint8_t)(to - round - 1) < UINT8_MAX / 2;
}

void stale_route_new(struct route *r)
{
	struct stale_family *f = family_of(r);

	r->round = f->round;
	f->received++;
}

void stale_route_told(struct route *r)
{
	struct stale_family *f = family_of(r);

	if (is_stale(r))
		f->stale--;
	r->round = f->round;
}

void stale_route_gone(const struct route *r)
{
	struct stale_family *f = family_of(r);

	f->received--;
	if (is_stale(r))
		f->stale--;
}

static bool sweep_one(struct peer *p, struct stale_family *f)
{
	struct prefix next;
	void *d;
	bool more = f->started ? ptrie_after(p->bgp->dests, &f->after, &next, &d)
	                       : ptrie_from(p->bgp->dests, &f->after, &next, &d);

	if (!more || next.addr.family != f->after.addr.family)
		return false;
	f->started = true;
	f->after = next;
	rib_in_sweep(p, d, f->sweep_to);
	return true;
}

static unsigned sweep_family(struct peer *p, struct stale_family *f, unsigned budget)
{
	while (f->sweeping && budget) {
		f->sweeping = f->stale && sweep_one(p, f);
		budget--;
		if (!f->sweeping)
			f->oldest = f->stale ? f->sweep_to : f->round;
	}
	return budget;
}

static void sweep_before(struct stale_family *f, enum bgp_family family, uint8_t to)
{
	f->sweep_to = to;
	f->sweeping = true;
	f->started = false;
	f->after = (struct prefix){ .addr = { .family = family == BGP_IPV4 ? 4 : 6 } };
}

void stale_mark(struct peer *p, enum bgp_family family)
{
	struct stale_family *f = &p->stale[family];

	if ((uint8_t)(f->round - f->oldest) >= ROUNDS_BEHIND) {
		uint8_t to = (uint8_t)(f->round - ROUNDS_BEHIND / 2);

		sweep_before(f, family, f->sweeping && stale_before(to, f->sweep_to) ? f->sweep_to : to);
		(void)sweep_family(p, f, UINT_MAX);
	}
	f->round++;
	f->stale = f->received;
}

void stale_sweep(struct peer *p, enum bgp_family family)
{
	struct stale_family *f = &p->stale[family];

	f->refresh_by = MTIME_NEVER;
	sweep_before(f, family, f->round);
}

unsigned stale_sweep_some(struct peer *p, unsigned budget)
{
	for (int i = 0; i < BGP_N_FAMILIES; i++)
		budget = sweep_family(p, &p->stale[i], budget);
	return budget;
}

bool stale_has_work(const struct peer *p)
{
	return p->stale[BGP_IPV4].sweeping || p->stale[BGP_IPV6].sweeping;
}

/* --- enhanced route refresh (RFC 7313) --- */
void stale_refresh_begins(struct session *s, enum bgp_family family)
{
	struct peer *p = s->peer;

	/* 4.1: no refresh before End-of-RIB; what the restart left is not this refresh's to judge. */
	if (!s->terms.enhanced_refresh || p->graceful.waiting[family])
		return;
	stale_mark(p, family);
	p->stale[family].refresh_by = mtime_add(p->bgp->now, mdur_s(REFRESH_LIMIT_S));
}

void stale_refresh_ends(struct session *s, enum bgp_family family)
{
	if (!mtime_is_never(s->peer->stale[family].refresh_by))
		stale_sweep(s->peer, family);
}

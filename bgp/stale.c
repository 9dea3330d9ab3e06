/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which routes of a peer count. Each has the number of the round in which it was last told:
 *
 *   a mark   starts a round: what is there is stale until it is told again, and counts like any other. After
 *            a graceful restart until End-of-RIB (RFC 4724 4.2), in an enhanced route refresh from BoRR to
 *            EoRR (RFC 7313 4.2)
 *   a sweep  ends the rounds before this one: what was not told again is gone
 *   a flush  starts a round and ends all others: everything is gone, as when a session falls
 *
 * Each costs the same however many routes there are. From then on nobody takes a route for one that counts
 * whose round is over: not the decision process, no view, no other peer. The table is cleared of them by
 * sweep.c, in pieces. Rounds are octets; before they could come round the table is cleared at once, which
 * only the falls of sessions bring about: a refresh that finds no round free starts none.
 */
#include "bgp/core.h"

#define REFRESH_LIMIT_S    600               /* RFC 7313 4.2: without an EoRR by then, what is stale goes */
#define REFRESH_ROUNDS_MAX (ROUNDS_MAX - 10) /* the others are for the falls of sessions */

static bool counts(const struct stale_family *f, const struct route *r)
{
	return (uint8_t)(f->now - r->round) <= (uint8_t)(f->now - f->first);
}

static bool is_stale(const struct stale_family *f, const struct route *r)
{
	return r->round != f->now;
}

bool stale_counts(const struct bgp *bgp, const struct dest *d, const struct route *r)
{
	return counts(&route_peer(bgp, r)->stale[dest_family(d)], r);
}

bool stale_is(const struct bgp *bgp, const struct dest *d, const struct route *r)
{
	return is_stale(&route_peer(bgp, r)->stale[dest_family(d)], r);
}

/* Fewer are accepted than were: one that was refused for the limit may have room now. */
static void has_room(struct peer *p)
{
	p->judged |= p->limited;
}

/* --- one route --- */
void stale_route_new(struct peer *p, enum bgp_family family, struct route *r)
{
	struct stale_family *f = &p->stale[family];

	r->round = f->now;
	f->received++;
	p->received++;
	if (r->refusal == REFUSE_NONE) {
		f->accepted++;
		p->accepted++;
	}
}

void stale_route_told(struct peer *p, enum bgp_family family, struct route *r)
{
	struct stale_family *f = &p->stale[family];

	if (is_stale(f, r)) {
		f->stale--;
		f->stale_accepted -= r->refusal == REFUSE_NONE;
	}
	r->round = f->now;
}

void stale_route_gone(struct peer *p, enum bgp_family family, const struct route *r)
{
	struct stale_family *f = &p->stale[family];
	unsigned accepted = r->refusal == REFUSE_NONE;

	if (!counts(f, r))
		return;
	f->received--;
	p->received--;
	f->accepted -= accepted;
	p->accepted -= accepted;
	if (is_stale(f, r)) {
		f->stale--;
		f->stale_accepted -= accepted;
	}
}

void stale_route_judged(struct peer *p, enum bgp_family family, struct route *r, enum refusal refusal)
{
	struct stale_family *f = &p->stale[family];
	unsigned was = r->refusal == REFUSE_NONE, is = refusal == REFUSE_NONE;

	r->refusal = refusal & 0x3f;
	if (!counts(f, r))
		return;
	f->accepted += is - was;
	p->accepted += is - was;
	if (is_stale(f, r))
		f->stale_accepted += is - was;
	if (was && !is)
		has_room(p);
}

/* --- all of them --- */
static void end_rounds(struct peer *p, struct stale_family *f)
{
	if (f->stale_accepted)
		has_room(p);
	p->received -= f->stale;
	p->accepted -= f->stale_accepted;
	f->received -= f->stale;
	f->accepted -= f->stale_accepted;
	f->stale = f->stale_accepted = 0;
	f->first = f->now;
}

static void next_round(struct peer *p, struct stale_family *f)
{
	if ((uint8_t)(f->now - f->clean) >= ROUNDS_MAX) {
		end_rounds(p, f);
		sweep_start(p->bgp);
		sweep_all(p->bgp);
	}
	f->now++;
	f->stale = f->received;
	f->stale_accepted = f->accepted;
}

void stale_mark(struct peer *p, enum bgp_family family)
{
	if (p->stale[family].received) /* else nothing could be stale */
		next_round(p, &p->stale[family]);
}

void stale_sweep(struct peer *p, enum bgp_family family)
{
	struct stale_family *f = &p->stale[family];
	bool some = f->stale;

	f->refresh_by = MTIME_NEVER;
	end_rounds(p, f);
	if (some) {
		paths_stale_gone(p);
		sweep_start(p->bgp);
	}
}

void stale_flush(struct peer *p, enum bgp_family family)
{
	stale_mark(p, family);
	stale_sweep(p, family);
}

/* --- enhanced route refresh (RFC 7313) --- */
/*
 * A peer that begins refreshes faster than the sweep ends their rounds gets no round, and costs no more than
 * this call: the refresh that runs then goes on, and its EoRR takes what was told in neither; where none
 * runs, this one is a plain one, without a mark, and its EoRR is ignored.
 */
void stale_refresh_begins(struct session *s, enum bgp_family family)
{
	struct peer *p = s->peer;
	struct stale_family *f = &p->stale[family];
	mtime refresh_by = mtime_add(p->bgp->now, mdur_s(REFRESH_LIMIT_S));

	/* 4.1: no refresh before End-of-RIB; what the restart left is not this refresh's to judge. */
	if (!s->terms.enhanced_refresh || p->graceful.waiting[family])
		return;
	if (f->stale == f->received) { /* nothing was told since the last mark: it is this one's as well */
		f->refresh_by = refresh_by;
		return;
	}
	if ((uint8_t)(f->now - f->clean) >= REFRESH_ROUNDS_MAX) {
		if (f->first != f->clean)
			sweep_start(p->bgp);
		return;
	}
	stale_mark(p, family);
	f->refresh_by = refresh_by;
}

void stale_refresh_ends(struct session *s, enum bgp_family family)
{
	if (!mtime_is_never(s->peer->stale[family].refresh_by))
		stale_sweep(s->peer, family);
}

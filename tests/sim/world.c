/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual time and the network. The next thing to happen is either the first event of the heap or an engine's
 * deadline; nothing else costs. After each, the engines concerned carry out their actions and are checked.
 */
#include "tests/sim/sim.h"

#include "tests/support/rng_seeded.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_LINES 60
#define STALLED_MAX 128 /* datagrams that a socket keeps for a process that does not run */

uint64_t sim_hours_asked;
static char trace[TRACE_LINES][160];
static unsigned n_trace;

void sim_trace(struct sim *s, const char *format, ...)
{
	char *line = trace[n_trace++ % TRACE_LINES];
	int64_t ms = mdur_to_ms(mtime_since(s->now, s->begin));
	va_list args;
	int n;

	n = snprintf(line, sizeof(trace[0]), "%6lld h %02lld:%02lld.%03lld ", (long long)(ms / 3600000),
	    (long long)(ms / 60000 % 60), (long long)(ms / 1000 % 60), (long long)(ms % 1000));
	va_start(args, format);
	vsnprintf(line + n, sizeof(trace[0]) - (size_t)n, format, args);
	va_end(args);
	if (getenv("CW_SIM_TRACE"))
		fprintf(stderr, "%s\n", line);
}

_Noreturn void sim_fault(struct sim *s, const char *format, ...)
{
	va_list args;

	for (unsigned i = n_trace > TRACE_LINES ? n_trace - TRACE_LINES : 0; i < n_trace; i++)
		fprintf(stderr, "  %s\n", trace[i % TRACE_LINES]);
	fprintf(stderr,
	    "FAULT at %.3f s of seed %llu: ", (double)mdur_to_ms(mtime_since(s->now, s->begin)) / 1e3,
	    (unsigned long long)s->seed);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nagain: CW_SIM=%llu:%llu\n", (unsigned long long)s->seed,
	    (unsigned long long)sim_hours_asked);
	exit(1);
}

uint64_t sim_random(struct sim *s, uint64_t below)
{
	uint64_t v;

	rng_seeded_fill(&s->state, &v, sizeof(v));
	return below ? v % below : v;
}

bool sim_per_mille(struct sim *s, unsigned p)
{
	return p && sim_random(s, 1000) < p;
}

mdur sim_span(struct sim *s, mdur from, mdur to)
{
	return (
	    mdur){ from.ns + (to.ns > from.ns ? (int64_t)sim_random(s, (uint64_t)(to.ns - from.ns)) : 0) };
}

void sim_disturb(struct sim_tunnel *t, mdur d)
{
	t->disturbed_until = mtime_max(t->disturbed_until, mtime_add(t->sim->now, d));
}

/* ---- the heap of events ---- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at.ns < b->at.ns || (a->at.ns == b->at.ns && a->order < b->order);
}

static void sift_up(struct sim *s, size_t i)
{
	struct sim_event *e = s->heap[i];

	for (; i && before(e, s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = e;
}

static struct sim_event *heap_pop(struct sim *s)
{
	struct sim_event *first = s->heap[0], *last = s->heap[--s->n_events];
	size_t i = 0, child;

	for (; (child = 2 * i + 1) < s->n_events; i = child) {
		if (child + 1 < s->n_events && before(s->heap[child + 1], s->heap[child]))
			child++;
		if (!before(s->heap[child], last))
			break;
		s->heap[i] = s->heap[child];
	}
	s->heap[i] = last;
	return first;
}

static void push(struct sim *s, struct sim_event *e)
{
	if (s->n_events == s->cap_events) {
		s->cap_events = s->cap_events ? s->cap_events * 2 : 1024;
		s->heap = realloc(s->heap, s->cap_events * sizeof(*s->heap));
		if (!s->heap)
			sim_fault(s, "out of memory");
	}
	e->order = ++s->order;
	s->heap[s->n_events] = e;
	sift_up(s, s->n_events++);
}

struct sim_event *sim_event(struct sim *s, mdur in, enum sim_event_kind kind, size_t len)
{
	struct sim_event *e = calloc(1, sizeof(*e) + len);

	if (!e)
		sim_fault(s, "out of memory");
	e->at = mtime_add(s->now, in);
	e->kind = kind;
	e->len = len;
	push(s, e);
	return e;
}

static void event_free(struct sim_event *e)
{
	ike_job_free(e->job);
	free(e);
}

/* ---- the network ---- */

/* The engine that an outer address leads to; its NAT's ports are undone. */
static struct sim_engine *way_to(struct sim *s, struct endpoint *dst)
{
	for (unsigned i = 0; i < s->n_engines; i++) {
		struct sim_engine *e = &s->engine[i];

		if (!e->nat && addr_eq(&e->addr, &dst->addr))
			return e;
		if (e->nat && addr_eq(&e->public, &dst->addr)) {
			uint16_t port = (uint16_t)(dst->port - e->nat_offset);

			dst->addr = e->addr;
			dst->port = port;
			return port == 500 || port == 4500 ? e
			                                   : NULL; /* else: of a mapping that is no more */
		}
	}
	return NULL;
}

static struct endpoint seen_from_outside(const struct sim_engine *e, bool natt)
{
	struct endpoint src = { e->addr, natt ? 4500 : 500 };

	if (e->nat) {
		src.addr = e->public;
		src.port = (uint16_t)(src.port + e->nat_offset);
	}
	return src;
}

static struct sim_tunnel *between(struct sim *s, const struct sim_engine *a, const struct sim_engine *b)
{
	for (unsigned i = 0; i < s->n_tunnels; i++)
		for (unsigned side = 0; side < 2; side++)
			if (s->tunnel[i].end[side].engine == a && s->tunnel[i].end[1 - side].engine == b)
				return &s->tunnel[i];
	return NULL;
}

static bool passes(struct sim *s, const struct sim_engine *from, const struct sim_engine *to)
{
	const struct sim_tunnel *t = between(s, from, to);

	return !from->cut && !to->cut && !(t && t->cut) && !sim_per_mille(s, s->loss);
}

void sim_send(struct sim_engine *e, const struct ike_action *a)
{
	struct endpoint dst = a->send.remote, src = seen_from_outside(e, a->send.natt);
	struct sim *s = e->sim;
	struct sim_engine *to = way_to(s, &dst);
	unsigned copies;

	s->datagrams++;
	if (!to || !passes(s, e, to))
		return;
	copies = sim_per_mille(s, s->repeat) ? 2 : 1;
	for (unsigned i = 0; i < copies; i++) {
		mdur d = sim_span(s, s->delay_min, s->delay_max);
		struct sim_event *ev =
		    sim_event(s, sim_per_mille(s, s->reorder) ? mdur_mul(d, 20, 1) : d, EV_IKE, a->send.len);

		ev->to = to;
		ev->life = to->life;
		ev->src = src;
		ev->dst = dst;
		ev->natt = a->send.natt;
		memcpy(ev->data, a->send.data, a->send.len);
	}
}

void sim_send_esp(struct sim_end *from, const struct sim_sa *out)
{
	struct endpoint dst = out->sa.remote;
	struct sim *s = from->engine->sim;
	struct sim_engine *to = way_to(s, &dst);
	struct sim_event *ev;

	s->esp++;
	if (!to || to != sim_other(from)->engine || !passes(s, from->engine, to))
		return;
	ev = sim_event(s, sim_span(s, s->delay_min, s->delay_max), EV_ESP, 0);
	ev->to = to;
	ev->life = to->life;
	ev->tunnel = from->tunnel;
	ev->side = 1 - from->side;
	ev->spi = out->sa.spi;
	ev->src = seen_from_outside(from->engine, out->sa.udp_encap);
	ev->natt = out->sa.udp_encap;
	ev->gen = out->first;
}

/* ---- lives ---- */

void sim_life_begin(struct sim_engine *e)
{
	struct sim *s = e->sim;

	e->life++;
	e->rng_state = sim_random(s, 0);
	e->rng = rng_seeded(&e->rng_state);
	e->ike = ike_new(NULL, &e->rng);
	if (!e->ike)
		sim_fault(s, "out of memory");
	sim_writer_begin(e);
	for (unsigned i = 0; i < s->n_tunnels; i++)
		if (sim_end_of(e, i + 1))
			sim_end_begin(sim_end_of(e, i + 1));
	sim_settle(s, e);
}

void sim_life_end(struct sim_engine *e)
{
	for (unsigned i = 0; i < e->sim->n_tunnels; i++)
		if (sim_end_of(e, i + 1))
			sim_end_lost(sim_end_of(e, i + 1));
	sim_writer_end(e);
	ike_free(e->ike);
	e->ike = NULL;
	e->life++;
	e->deadline = MTIME_NEVER;
	e->stalled_until = e->sim->now;
}

void sim_init(struct sim *s, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->seed = seed;
	s->state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	s->now = s->begin = (mtime){ 1000000000 };
	n_trace = 0;
}

void sim_free(struct sim *s)
{
	for (unsigned i = 0; i < s->n_engines; i++)
		if (s->engine[i].ike)
			sim_life_end(&s->engine[i]);
	while (s->n_events)
		event_free(s->heap[--s->n_events]);
	free(s->heap);
}

/* ---- time ---- */

void sim_settle(struct sim *s, struct sim_engine *e)
{
	static struct ike_action a;
	bool more;

	do {
		more = false;
		while (ike_next_action(e->ike, &a)) {
			sim_end_exec(e, &a);
			cleanse(&a, sizeof(a));
			more = true;
		}
		for (unsigned i = 0; i < s->n_tunnels; i++)
			if (sim_end_of(e, i + 1))
				sim_end_check_stopped(sim_end_of(e, i + 1));
	} while (more);
	e->deadline = ike_deadline(e->ike);
	sim_check(e);
}

/* For a process that doesn't run, things wait. */
static bool put_off(struct sim *s, struct sim_event *ev)
{
	if (!ev->to || ev->kind == EV_START || s->now.ns >= ev->to->stalled_until.ns)
		return false;
	if (ev->kind == EV_ESP || (ev->kind == EV_IKE && s->n_events > STALLED_MAX)) {
		event_free(ev);
		return true;
	}
	ev->at = ev->to->stalled_until;
	push(s, ev);
	return true;
}

static void to_engine(struct sim *s, struct sim_event *ev)
{
	struct sim_engine *e = ev->to;

	if (ev->life != e->life || !e->ike)
		return;
	switch (ev->kind) {
	case EV_IKE: ike_input(e->ike, &ev->dst, &ev->src, ev->natt, ev->data, ev->len, s->now); break;
	case EV_ESP: sim_end_esp(&ev->tunnel->end[ev->side], ev); break;
	case EV_JOB:
		ike_job_run(ev->job);
		ike_job_done(e->ike, ev->job, s->now);
		ev->job = NULL;
		break;
	case EV_WRITER: sim_writer_run(e); break;
	case EV_WAKE:
	case EV_TICK:
	case EV_BGP:
	case EV_HOLD:
	case EV_START: break;
	}
	sim_settle(s, e);
}

static void handle(struct sim *s, struct sim_event *ev)
{
	switch (ev->kind) {
	case EV_IKE:
	case EV_ESP:
	case EV_JOB:
	case EV_WRITER:
	case EV_WAKE: to_engine(s, ev); break;
	case EV_TICK: sim_tick(ev->tunnel, ev->gen); break;
	case EV_BGP: sim_bgp(ev->tunnel, ev->gen); break;
	case EV_HOLD: sim_bgp_hold(&ev->tunnel->end[ev->side], ev->gen); break;
	case EV_START:
		if (!ev->to->ike)
			sim_life_begin(ev->to);
		break;
	}
	event_free(ev);
}

static struct sim_engine *next_due(struct sim *s, mtime *ret_at)
{
	struct sim_engine *due = NULL;

	*ret_at = MTIME_NEVER;
	for (unsigned i = 0; i < s->n_engines; i++) {
		struct sim_engine *e = &s->engine[i];
		mtime at = e->ike ? mtime_max(e->deadline, e->stalled_until) : MTIME_NEVER;

		if (at.ns < ret_at->ns) {
			*ret_at = at;
			due = e;
		}
	}
	return due;
}

static bool step(struct sim *s, mtime until)
{
	mtime timer, before_step = s->now;
	struct sim_engine *due = next_due(s, &timer);

	if (s->n_events && s->heap[0]->at.ns <= timer.ns) {
		if (s->heap[0]->at.ns >= until.ns)
			return false;
		s->now = mtime_max(s->now, s->heap[0]->at);
		struct sim_event *ev = heap_pop(s);

		if (!put_off(s, ev))
			handle(s, ev);
	} else {
		if (timer.ns >= until.ns)
			return false;
		s->now = mtime_max(s->now, timer);
		ike_timer(due->ike, s->now);
		sim_settle(s, due);
	}
	s->steps++;
	s->same_time = s->now.ns == before_step.ns ? s->same_time + 1 : 0;
	if (s->same_time > 10000)
		sim_fault(s, "time stands still");
	return true;
}

void sim_run(struct sim *s, mdur d)
{
	mtime until = mtime_add(s->now, d);

	while (step(s, until))
		;
	s->now = mtime_max(s->now, until);
}

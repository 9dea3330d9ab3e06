/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world that a seed makes, and what befalls it: hours of quiet on a slightly lossy network, then a few
 * operations close together, a mess, and peace, in which all tunnels must be up again and as they should be.
 */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALM     mdur_s(420) /* how long an end may take to notice that the other is gone, and to come back */
#define PATIENCE mdur_s(300) /* and what may then still be going on, like a rekey that is due just now */
#define GROWTH   (96 * 1024) /* bytes between two calms that chance explains: queues, kept answers */

/* ---- the world ---- */

struct times {
	unsigned ike, child; /* seconds */
	mdur quiet;          /* mean, between two rounds of trouble */
};
static const struct times times[] = {
	{ 28800, 3600, { 8LL * 3600 * 1000000000 } },
	{ 28800, 27000, { 30LL * 3600 * 1000000000 } },
	{ 86400, 28800, { 40LL * 3600 * 1000000000 } },
	{ 900, 300, { 1LL * 3600 * 1000000000 } },
	{ 3600, 28800, { 6LL * 3600 * 1000000000 } },
};

static void add_tunnel(struct sim *s, unsigned a, unsigned b)
{
	struct sim_tunnel *t = &s->tunnel[s->n_tunnels];

	t->sim = s;
	t->number = s->n_tunnels++;
	t->senders = (unsigned)sim_random(s, 8);
	if (t->senders > 3)
		t->senders = 3;
	t->sparse = mdur_s(20 + (int64_t)sim_random(s, 300));
	for (unsigned i = 0; i < 2; i++)
		t->end[i] = (struct sim_end){ .tunnel = t, .side = i, .engine = &s->engine[i ? b : a] };
}

static void shape(struct sim *s)
{
	unsigned kind = (unsigned)sim_random(s, 5);

	s->n_engines = kind < 3 ? 2 : kind == 3 ? 5 : 4;
	for (unsigned i = 0; i < s->n_engines; i++) {
		struct sim_engine *e = &s->engine[i];

		e->sim = s;
		e->number = i;
		e->addr = addr_v4(0xc0000201 + i);
		e->public = addr_v4(0xc6336401 + i);
		e->deadline = MTIME_NEVER;
	}
	switch (kind) {
	case 3: /* a hub, some spokes behind NATs */
		for (unsigned i = 1; i < 5; i++)
			add_tunnel(s, i, 0);
		for (unsigned i = 1; i < 5; i++)
			s->engine[i].nat = sim_random(s, 2);
		break;
	case 4: /* everybody with everybody */
		for (unsigned i = 0; i < 4; i++)
			for (unsigned j = i + 1; j < 4; j++)
				add_tunnel(s, i, j);
		break;
	default: /* a pair; every third behind a NAT */
		add_tunnel(s, 0, 1);
		s->engine[0].nat = kind == 2;
		break;
	}
	for (unsigned i = 0; i < s->n_engines; i++)
		if (s->engine[i].nat)
			s->engine[i].nat_offset = (uint16_t)(10000 + sim_random(s, 20000));
}

static void set_proposal(struct sim *s, const char *text, bool esp, struct ike_proposals *ret)
{
	struct reason why;

	if (ike_proposal_parse(text, esp, &ret->list[0], &why))
		sim_fault(s, "%s", why.text);
	ret->n = 1;
}

static mdur about(struct sim *s, unsigned seconds)
{
	return mdur_mul(mdur_s(seconds), (int64_t)(90 + sim_random(s, 21)), 100);
}

static void configure(
    struct sim *s, struct sim_end *end, const struct times *times_of, const char *esp, bool bytes)
{
	static const uint8_t psk[] = "a very secret key";
	const struct sim_engine *o = sim_other(end)->engine;
	struct ike_conn_config *c = &end->config;
	struct prefix any = { .addr = addr_v4(0), .len = 0 };

	*c = (struct ike_conn_config){ .role = IKE_ROLE_BOTH };
	snprintf(c->name, sizeof(c->name), "tunnel%u.%u", end->tunnel->number, end->side);
	c->local = end->engine->addr;
	c->remote[0] = o->nat ? o->public : o->addr;
	c->n_remote = 1;
	c->psk = psk;
	c->psk_len = sizeof(psk) - 1;
	set_proposal(s, "aes128gcm16-prfsha256-curve25519", false, &c->ike_proposals);
	set_proposal(s, esp, true, &c->esp_proposals);
	c->tsi[0] = c->tsr[0] = ike_ts_from_prefix(&any);
	c->n_tsi = c->n_tsr = 1;
	c->narrow = true;
	c->ike_lifetime = about(s, times_of->ike);
	c->child_lifetime = about(s, times_of->child);
	c->child_life_bytes = bytes ? 1000000 : 0;
	c->liveness_interval = mdur_s(30 + (int64_t)sim_random(s, 60));
	c->liveness_timeout = sim_random(s, 2) ? MDUR_ZERO : mdur_s(30 + (int64_t)sim_random(s, 60));
	c->retry_min = mdur_s(1);
	c->retry_max = mdur_s(30);
	if (o->nat) /* it can't be reached before it has spoken */
		c->role = IKE_ROLE_RESPOND;
	end->want_up = true;
}

static void build(struct sim *s)
{
	static const char *const esp[] = { "aes128gcm16", "aes128gcm16-curve25519", "aes128-sha256" };
	static const uint8_t often[] = { 0, 0, 0, 1, 1, 2, 2, 3, 4, 4 };
	const struct times *t = &times[often[sim_random(s, sizeof(often))]];

	shape(s);
	s->mean_quiet = t->quiet;
	s->delay_min = mdur_ms(1 + (int64_t)sim_random(s, 20));
	s->delay_max = mdur_mul(s->delay_min, 2 + (int64_t)sim_random(s, 6), 1);
	s->writer_max = mdur_ms((int64_t)sim_random(s, 40));
	for (unsigned i = 0; i < s->n_tunnels; i++) {
		struct sim_tunnel *tunnel = &s->tunnel[i];
		const char *suite = esp[sim_random(s, 3)];
		unsigned role = (unsigned)sim_random(s, 3);
		bool bytes = sim_random(s, 4) == 0;

		for (unsigned side = 0; side < 2; side++)
			configure(s, &tunnel->end[side], t, suite, bytes);
		if (role < 2 && tunnel->end[0].config.role == IKE_ROLE_BOTH &&
		    tunnel->end[1].config.role == IKE_ROLE_BOTH)
			tunnel->end[role].config.role = IKE_ROLE_RESPOND;
		sim_disturb(tunnel, CALM); /* the start */
	}
	for (unsigned i = 0; i < s->n_engines; i++)
		sim_life_begin(&s->engine[i]);
}

/* ---- what is done to it ---- */

static void background(struct sim *s)
{
	s->loss = (unsigned)sim_random(s, 20);
	s->repeat = (unsigned)sim_random(s, 20);
	s->reorder = (unsigned)sim_random(s, 20);
	s->job_min = MDUR_ZERO;
	s->job_max = mdur_ms((int64_t)sim_random(s, 30));
}

static void disturb_engine(struct sim_engine *e)
{
	for (unsigned i = 0; i < e->sim->n_tunnels; i++)
		if (sim_end_of(e, i + 1))
			sim_disturb(&e->sim->tunnel[i], CALM);
}

static void disturb_all(struct sim *s)
{
	for (unsigned i = 0; i < s->n_tunnels; i++)
		sim_disturb(&s->tunnel[i], CALM);
}

static void crash(struct sim *s, struct sim_engine *e)
{
	struct sim_event *ev;

	if (!e->ike)
		return;
	sim_trace(s, "engine %u crashes", e->number);
	disturb_engine(e);
	s->crashes++;
	sim_life_end(e);
	ev = sim_event(s,
	    sim_random(s, 3) ? sim_span(s, MDUR_ZERO, mdur_s(5)) : sim_span(s, MDUR_ZERO, mdur_s(90)),
	    EV_START, 0);
	ev->to = e;
}

static void rekey(struct sim *s, struct sim_end *end, bool ike)
{
	struct sim_engine *e = end->engine;

	if (!e->ike)
		return;
	sim_trace(s, "tunnel %u end %u: rekey of the %s by command", end->tunnel->number, end->side,
	    ike ? "IKE SA" : "child");
	if (ike)
		s->ike_rekeys += !ike_conn_rekey_ike(e->ike, end->tunnel->number + 1, s->now);
	else
		ike_conn_rekey_child(e->ike, end->tunnel->number + 1, s->now);
	sim_settle(s, e);
}

/* One or both sides, at the same instant or a message's time apart. */
static void rekeys(struct sim *s, struct sim_tunnel *t)
{
	unsigned who = 1 + (unsigned)sim_random(s, 3), what = (unsigned)sim_random(s, 4);
	mdur apart = sim_random(s, 2) ? MDUR_ZERO : sim_span(s, MDUR_ZERO, mdur_mul(s->delay_max, 6, 1));

	for (unsigned i = 0; i < 2; i++) {
		if (who & 1U << i)
			rekey(s, &t->end[i], what >> i & 1);
		if (apart.ns)
			sim_run(s, apart);
	}
}

static void up_down(struct sim *s, struct sim_end *end)
{
	if (!end->engine->ike)
		return;
	sim_disturb(end->tunnel, CALM);
	sim_trace(s, "tunnel %u end %u: down by command", end->tunnel->number, end->side);
	sim_end_down(end);
	sim_settle(s, end->engine);
	sim_run(s, sim_span(s, MDUR_ZERO, sim_random(s, 2) ? mdur_ms(300) : mdur_s(30)));
	sim_trace(s, "tunnel %u end %u: up by command", end->tunnel->number, end->side);
	end->want_up = true;
	if (!end->engine->ike)
		return;
	sim_end_up(end);
	sim_settle(s, end->engine);
}

static void restart(struct sim *s, struct sim_end *end)
{
	struct reason why;

	if (!end->engine->ike)
		return;
	sim_disturb(end->tunnel, CALM);
	sim_trace(s, "tunnel %u end %u: restart", end->tunnel->number, end->side);
	reason_set(&why, "sim-restart", "the simulator said so");
	ike_conn_restart(end->engine->ike, end->tunnel->number + 1, sim_random(s, 2), &why, s->now);
	sim_settle(s, end->engine);
}

static void partition(struct sim *s, struct sim_tunnel *t)
{
	struct sim_engine *e = t->end[sim_random(s, 2)].engine;
	bool whole = sim_random(s, 3) == 0;

	sim_trace(s, "%s is cut", whole ? "an engine" : "a tunnel");
	disturb_all(s);
	*(whole ? &e->cut : &t->cut) = true;
	sim_run(s, sim_span(s, mdur_ms(200), sim_random(s, 2) ? mdur_s(20) : mdur_s(600)));
	e->cut = t->cut = false;
	disturb_all(s);
}

static void bad_weather(struct sim *s)
{
	mdur delay_min = s->delay_min, delay_max = s->delay_max;

	sim_trace(s, "bad weather");
	disturb_all(s);
	s->loss = (unsigned)sim_random(s, 500);
	s->repeat = (unsigned)sim_random(s, 300);
	s->reorder = (unsigned)sim_random(s, 300);
	if (sim_random(s, 2))
		s->delay_max = mdur_ms(100 + (int64_t)sim_random(s, 1500));
	if (sim_random(s, 2))
		s->job_max = mdur_ms((int64_t)sim_random(s, 3000));
	for (unsigned i = 0; i < 4; i++) {
		if (sim_random(s, 2))
			rekeys(s, &s->tunnel[sim_random(s, s->n_tunnels)]);
		sim_run(s, sim_span(s, MDUR_ZERO, mdur_s(40)));
	}
	s->delay_min = delay_min;
	s->delay_max = delay_max;
	background(s);
	disturb_all(s);
}

/* Its process gets no time for a while; to it, the clock jumps. */
static void stall(struct sim *s, struct sim_engine *e)
{
	mdur d = sim_span(s, mdur_ms(50), sim_random(s, 2) ? mdur_s(5) : mdur_s(900));

	sim_trace(s, "engine %u gets no time for %lld ms", e->number, (long long)mdur_to_ms(d));
	for (unsigned i = 0; i < s->n_tunnels; i++)
		sim_disturb(&s->tunnel[i], (mdur){ d.ns + CALM.ns });
	e->stalled_until = mtime_add(s->now, d);
	if (sim_random(s, 2))
		sim_run(s, d);
}

static void new_mapping(struct sim *s, struct sim_engine *e)
{
	if (!e->nat)
		return;
	sim_trace(s, "engine %u: its NAT forgets", e->number);
	disturb_engine(e);
	e->nat_offset = (uint16_t)(10000 + sim_random(s, 20000));
}

static void refuse(struct sim *s, struct sim_end *end)
{
	sim_trace(s, "tunnel %u end %u: the next SA will be refused", end->tunnel->number, end->side);
	sim_disturb(end->tunnel, CALM);
	end->refuse_add = true;
	rekeys(s, end->tunnel);
}

static void trouble(struct sim *s)
{
	struct sim_tunnel *t = &s->tunnel[sim_random(s, s->n_tunnels)];
	struct sim_end *end = &t->end[sim_random(s, 2)];

	s->ops++;
	switch (sim_random(s, 16)) {
	case 0:
	case 1: crash(s, end->engine); break;
	case 2:
		crash(s, t->end[0].engine);
		crash(s, t->end[1].engine);
		break;
	case 3: up_down(s, end); break;
	case 4: restart(s, end); break;
	case 5: partition(s, t); break;
	case 6: bad_weather(s); break;
	case 7: stall(s, end->engine); break;
	case 8: new_mapping(s, end->engine); break;
	case 9: refuse(s, end); break;
	default: rekeys(s, t); break;
	}
}

static void peace(struct sim *s)
{
	unsigned loss = s->loss;
	const char *problem;

	s->loss = 0;
	for (unsigned i = 0; i < s->n_tunnels; i++)
		for (unsigned side = 0; side < 2; side++)
			s->tunnel[i].end[side].refuse_add = false;
	for (unsigned i = 0; i < s->n_engines; i++)
		if (s->engine[i].stalled_until.ns > s->now.ns)
			sim_run(s, mtime_since(s->engine[i].stalled_until, s->now));
	sim_run(s, CALM);
	problem = sim_check_rest(s);
	for (mtime give_up = mtime_add(s->now, PATIENCE); problem && s->now.ns < give_up.ns;
	     problem = sim_check_rest(s))
		sim_run(s, mdur_ms(700));
	if (problem)
		sim_fault(s, "in peace: %s", problem);
	s->calms++;
	if (!s->first_bytes)
		s->first_bytes = heap_bytes();
	if (heap_bytes() > s->first_bytes + GROWTH)
		sim_fault(
		    s, "memory grows: %zu bytes at the first calm, %zu now", s->first_bytes, heap_bytes());
	s->loss = loss;
}

static mdur exponential(struct sim *s, mdur mean)
{
	int64_t sum = 0; /* two uniform ones do as well, and without libm */

	for (unsigned i = 0; i < 2; i++)
		sum += sim_span(s, MDUR_ZERO, mean).ns;
	return (mdur){ sum };
}

double sim_live(struct sim *s, double hours)
{
	double done = 0;

	build(s);
	peace(s);
	while (done < hours) {
		unsigned n = 1 + (unsigned)sim_random(s, 4);

		background(s);
		sim_run(s, exponential(s, s->mean_quiet));
		while (n--) {
			trouble(s);
			sim_run(s, sim_span(s, MDUR_ZERO, sim_random(s, 2) ? mdur_ms(400) : mdur_s(20)));
		}
		peace(s);
		done = (double)mdur_to_s(mtime_since(s->now, s->begin)) / 3600 * s->n_tunnels;
	}
	for (unsigned i = 0; i < s->n_tunnels; i++)
		for (unsigned side = 0; side < 2; side++) {
			s->ups += s->tunnel[i].end[side].ups;
			s->downs += s->tunnel[i].end[side].downs;
		}
	return done;
}

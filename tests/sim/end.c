/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of a tunnel: a model of the data plane (the newest outbound SA seals, as plane_user_table.c has it)
 * and of the glue that connector/daemon/tunnel.c is: routes come behind the child, BGP behind the peer's
 * route; on the way down BGP and the routes leave, and behind a fence the SAs.
 */
#include "tests/sim/sim.h"

#include <string.h>

struct sim_end *sim_end_of(struct sim_engine *e, uint32_t conn)
{
	if (!conn || conn > e->sim->n_tunnels)
		return NULL;
	for (unsigned side = 0; side < 2; side++)
		if (e->sim->tunnel[conn - 1].end[side].engine == e)
			return &e->sim->tunnel[conn - 1].end[side];
	return NULL;
}

static struct sim *sim_of(const struct sim_end *end)
{
	return end->engine->sim;
}

static bool disturbed(const struct sim_end *end)
{
	return sim_of(end)->now.ns < end->tunnel->disturbed_until.ns;
}

#define WHERE(end) (end)->tunnel->number, (end)->side

/* ---- the data plane ---- */

struct sim_sa *sim_sa_find(struct sim_end *end, bool inbound, uint32_t spi)
{
	for (unsigned i = 0; i < end->n_sas; i++)
		if (end->sa[i].sa.inbound == inbound && end->sa[i].sa.spi == spi)
			return &end->sa[i];
	return NULL;
}

struct sim_sa *sim_sa_sealing(struct sim_end *end)
{
	struct sim_sa *newest = NULL;

	for (unsigned i = 0; i < end->n_sas; i++)
		if (!end->sa[i].sa.inbound && (!newest || end->sa[i].order > newest->order))
			newest = &end->sa[i];
	return newest;
}

static bool same_keys(const struct ike_child_sa *a, const struct ike_child_sa *b)
{
	return a->encr == b->encr && a->encr_key_bits == b->encr_key_bits && a->integ == b->integ &&
	       a->esn == b->esn && a->udp_encap == b->udp_encap &&
	       !memcmp(a->encr_key, b->encr_key, sizeof(a->encr_key)) &&
	       !memcmp(a->integ_key, b->integ_key, sizeof(a->integ_key));
}

/* From now on the peer may get packets on it: it must have the other half, with these keys. */
static void check_outbound(struct sim_end *end, const struct sim_sa *out)
{
	struct sim_end *peer = sim_other(end);
	struct sim_sa *in = sim_sa_find(peer, true, out->sa.spi);

	if (in && !same_keys(&in->sa, &out->sa))
		sim_fault(sim_of(end), "tunnel %u end %u: outbound %08x has other keys than its peer",
		    WHERE(end), out->sa.spi);
	if (!in && !out->first && !disturbed(end))
		sim_fault(sim_of(end),
		    "tunnel %u end %u: outbound %08x comes into use before the peer has it", WHERE(end),
		    out->sa.spi);
}

static void know(struct sim_end *end, uint32_t spi)
{
	end->known[end->n_known++ % SIM_KNOWN] = spi;
}

static bool knew(const struct sim_end *end, uint32_t spi)
{
	for (unsigned i = 0; i < SIM_KNOWN && i < end->n_known; i++)
		if (end->known[i] == spi)
			return true;
	return false;
}

static bool sa_add(struct sim_end *end, const struct ike_child_sa *sa)
{
	struct sim_sa *free_one;

	if (end->refuse_add) {
		end->refuse_add = false;
		return false;
	}
	if (sim_sa_find(end, sa->inbound, sa->spi))
		sim_fault(sim_of(end), "tunnel %u end %u: %s SPI %08x twice", WHERE(end),
		    sa->inbound ? "inbound" : "outbound", sa->spi);
	if (end->n_sas == SIM_SAS)
		sim_fault(sim_of(end), "tunnel %u end %u: SAs leak", WHERE(end));
	free_one = &end->sa[end->n_sas++];
	*free_one = (struct sim_sa){ .order = ++sim_of(end)->order,
		.since = sim_of(end)->now,
		.peer_life = sim_other(end)->engine->life,
		.first = !end->facts.child,
		.sa = *sa };
	if (sa->inbound)
		know(end, sa->spi);
	else
		check_outbound(end, free_one);
	sim_dense(end->tunnel);
	return true;
}

static void sa_del(struct sim_end *end, bool inbound, uint32_t spi)
{
	struct sim_sa *sa = sim_sa_find(end, inbound, spi);

	if (!sa)
		sim_fault(sim_of(end), "tunnel %u end %u: removal of an SA (%08x) that isn't there",
		    WHERE(end), spi);
	*sa = end->sa[--end->n_sas];
	sim_dense(end->tunnel);
}

/* ---- the glue: tunnel.c ---- */

void sim_step(struct sim_end *end)
{
	end->step = end->life == SIM_IDLE ? STEP_DOWN : ladder_step(&end->facts);
	end->facts.was_in_fib = end->step == STEP_IN_FIB;
}

static void learned_out(struct sim_end *end)
{
	end->facts.bgp = BGP_IDLE;
	end->facts.complete = end->facts.was_in_fib = false;
	if (!end->learned)
		return;
	end->facts.wanted = end->facts.in_kernel = 0;
	sim_want_learned(end, false);
}

static void bgp_stop(struct sim_end *end)
{
	struct sim *s = sim_of(end);
	struct sim_end *peer = sim_other(end);

	if (!end->bgp_started)
		return;
	end->bgp_started = false;
	if (end->facts.bgp == BGP_ESTABLISHED && peer->facts.bgp == BGP_ESTABLISHED) {
		struct sim_event *ev = sim_event(s, sim_span(s, mdur_ms(50), mdur_s(30)), EV_HOLD, 0);

		ev->tunnel = end->tunnel;
		ev->side = peer->side;
		ev->gen = end->tunnel->bgp_gen;
	}
	learned_out(end);
}

static void bgp_try(struct sim_tunnel *t)
{
	struct sim_event *ev = sim_event(t->sim, sim_span(t->sim, mdur_ms(100), mdur_s(4)), EV_BGP, 0);

	ev->tunnel = t;
	ev->gen = ++t->bgp_gen;
}

static void bgp_start(struct sim_end *end)
{
	end->bgp_started = true;
	if (sim_other(end)->bgp_started)
		bgp_try(end->tunnel);
}

void sim_bgp(struct sim_tunnel *t, uint64_t gen)
{
	if (gen != t->bgp_gen || !t->end[0].bgp_started || !t->end[1].bgp_started)
		return;
	if (t->cut || t->end[0].engine->cut || t->end[1].engine->cut || !t->end[0].facts.child ||
	    !t->end[1].facts.child) {
		bgp_try(t);
		return;
	}
	for (unsigned i = 0; i < 2; i++) {
		learned_out(&t->end[i]); /* of a session before */
		t->end[i].facts.passing = true;
		t->end[i].facts.bgp = BGP_ESTABLISHED;
		t->end[i].facts.complete = true;
		t->end[i].facts.wanted = 1;
		sim_want_learned(&t->end[i], true);
		sim_step(&t->end[i]);
	}
}

void sim_bgp_hold(struct sim_end *end, uint64_t gen)
{
	if (gen != end->tunnel->bgp_gen || end->facts.bgp != BGP_ESTABLISHED)
		return;
	learned_out(end);
	sim_step(end);
	if (end->bgp_started && sim_other(end)->bgp_started)
		bgp_try(end->tunnel);
}

void sim_end_route(struct sim_end *end, bool in_kernel)
{
	end->facts.in_kernel = end->facts.wanted && in_kernel;
	sim_step(end);
}

static void routes_out(struct sim_end *end)
{
	end->up_fence = 0;
	bgp_stop(end);
	if (!end->routes_in)
		return;
	end->routes_in = false;
	sim_want_peer(end, false);
	end->removal_fence = sim_fence(end->engine);
}

static void child_up(struct sim_end *end, uint32_t spi_in, uint32_t spi_out)
{
	if (end->facts.child)
		sim_fault(sim_of(end), "tunnel %u end %u: up twice", WHERE(end));
	end->live_in = spi_in;
	end->live_out = spi_out;
	end->bytes = 0;
	end->facts.child = true;
	end->facts.ike = IKE_PHASE_UP;
	end->ups++;
	if (end->life != SIM_ACTIVE || end->routes_in)
		return;
	end->routes_in = true;
	sim_want_peer(end, true);
	end->up_fence = sim_fence(end->engine);
}

static void child_down(struct sim_end *end)
{
	if (!end->facts.child)
		sim_fault(sim_of(end), "tunnel %u end %u: down twice", WHERE(end));
	if (!disturbed(end))
		sim_fault(
		    sim_of(end), "tunnel %u end %u: goes down in peace (%s)", WHERE(end), end->why.text);
	end->facts.child = end->facts.passing = end->facts.was_in_fib = false;
	end->live_in = end->live_out = 0;
	end->downs++;
	routes_out(end);
}

static void sa_removal(struct sim_end *end, bool inbound, uint32_t spi)
{
	if (!end->removal_fence || end->n_removals == SIM_REMOVALS) {
		sa_del(end, inbound, spi);
		return;
	}
	end->removal[end->n_removals].inbound = inbound;
	end->removal[end->n_removals++].spi = spi;
}

void sim_end_fenced(struct sim_end *end, uint64_t fence)
{
	if (end->up_fence && fence >= end->up_fence) {
		end->up_fence = 0;
		if (end->facts.child && !end->bgp_started && end->life == SIM_ACTIVE)
			bgp_start(end);
	}
	if (end->removal_fence && fence < end->removal_fence)
		return;
	end->removal_fence = 0;
	for (unsigned i = 0; i < end->n_removals; i++)
		sa_del(end, end->removal[i].inbound, end->removal[i].spi);
	end->n_removals = 0;
	if (end->life == SIM_STOPPING && !end->ike_down_asked) {
		end->ike_down_asked = true;
		ike_conn_down(end->engine->ike, end->tunnel->number + 1, sim_of(end)->now);
	}
}

/* ---- commands and lives ---- */

void sim_end_up(struct sim_end *end)
{
	end->want_up = true;
	if (end->life == SIM_ACTIVE)
		ike_conn_up(end->engine->ike, end->tunnel->number + 1, sim_of(end)->now);
}

void sim_end_down(struct sim_end *end)
{
	struct sim_event *ev;

	end->want_up = false;
	if (end->life != SIM_ACTIVE)
		return;
	end->life = SIM_STOPPING;
	end->ike_down_asked = false;
	end->stop_deadline = mtime_add(sim_of(end)->now, mdur_s(2));
	routes_out(end);
	if (!end->removal_fence)
		sim_end_fenced(end, 0);
	ev = sim_event(sim_of(end), mdur_s(2), EV_WAKE, 0); /* tunnel_deadline */
	ev->to = end->engine;
	ev->life = end->engine->life;
}

void sim_end_check_stopped(struct sim_end *end)
{
	static struct ike_conn_view v;
	struct ike *ike = end->engine->ike;

	if (end->life != SIM_STOPPING || !end->ike_down_asked || end->removal_fence)
		return;
	if (!mtime_reached(end->stop_deadline, sim_of(end)->now) &&
	    (ike_conn_view(ike, end->tunnel->number + 1, &v) || v.have_ike || ike_pending(ike)))
		return;
	end->life = SIM_ACTIVE;
	if (end->want_up)
		ike_conn_up(ike, end->tunnel->number + 1, sim_of(end)->now);
}

void sim_end_begin(struct sim_end *end)
{
	struct reason why;

	if (ike_conn_add(end->engine->ike, end->tunnel->number + 1, &end->config, &why))
		sim_fault(sim_of(end), "%s", why.text);
	end->life = SIM_ACTIVE;
	end->facts = (struct ladder_facts){ .has_bgp = true };
	if (end->want_up)
		sim_end_up(end);
}

void sim_end_lost(struct sim_end *end)
{
	bgp_stop(end);
	end->n_sas = 0;
	end->n_known = 0;
	end->life = SIM_IDLE;
	end->facts = (struct ladder_facts){ 0 };
	end->step = STEP_DOWN;
	end->live_in = end->live_out = 0;
	end->routes_in = end->learned = end->refuse_add = false;
	end->up_fence = end->removal_fence = 0;
	end->n_removals = 0;
}

/* ---- IKE's actions ---- */

static void child_rekeyed(struct sim_end *end, const struct ike_action *a)
{
	if (!end->facts.child || end->live_in != a->child.old_spi_in)
		sim_fault(sim_of(end), "tunnel %u end %u: rekeyed %08x is not the live child %08x",
		    WHERE(end), a->child.old_spi_in, end->live_in);
	if (sim_sa_find(end, false, a->child.spi_out)) /* plane_sa_use */
		sim_sa_find(end, false, a->child.spi_out)->order = ++sim_of(end)->order;
	end->live_in = a->child.spi_in;
	end->live_out = a->child.spi_out;
	end->bytes = 0;
	end->rekeys++;
	sim_of(end)->rekeys++;
}

static void moved(struct sim_end *end, const struct endpoint *to)
{
	for (unsigned i = 0; i < end->n_sas; i++)
		if (!end->sa[i].sa.inbound)
			end->sa[i].sa.remote = *to;
}

static void exec_job(struct sim_engine *e, struct ike_job *job)
{
	struct sim_event *ev =
	    sim_event(e->sim, sim_span(e->sim, e->sim->job_min, e->sim->job_max), EV_JOB, 0);

	ev->to = e;
	ev->life = e->life;
	ev->job = job;
}

static void exec_of_tunnel(struct sim_end *end, struct ike_action *a)
{
	struct sim *s = sim_of(end);
	struct reason why;

	switch (a->kind) {
	case IKE_ACT_SA_ADD:
		if (!sa_add(end, &a->sa_add)) {
			reason_set(&why, "sim-refused", "the model data plane was told to refuse this");
			ike_action_failed(end->engine->ike, a->id, &why, s->now);
		}
		break;
	case IKE_ACT_SA_DEL: sa_removal(end, a->sa_del.inbound, a->sa_del.spi); break;
	case IKE_ACT_STATE:
		end->facts.ike = a->state.phase;
		if (reason_is_set(&a->state.why))
			end->why = a->state.why;
		break;
	case IKE_ACT_CHILD_UP: child_up(end, a->child.spi_in, a->child.spi_out); break;
	case IKE_ACT_CHILD_REKEYED: child_rekeyed(end, a); break;
	case IKE_ACT_CHILD_DOWN: child_down(end); break;
	case IKE_ACT_REMOTE_MOVED: moved(end, &a->moved.remote); break;
	case IKE_ACT_REPORT:
		sim_trace(s, "tunnel %u end %u: %s", WHERE(end), a->report.why.text);
		end->why = a->report.why;
		break;
	case IKE_ACT_IKE_REKEYED:
	case IKE_ACT_SEND:
	case IKE_ACT_JOB: break;
	}
	sim_step(end);
}

void sim_end_exec(struct sim_engine *e, struct ike_action *a)
{
	static const char *const name[] = { "send", "job", "sa-add", "sa-del", "state", "child-up", "rekeyed",
		"ike-rekeyed", "child-down", "moved", "report" };
	struct sim_end *end = sim_end_of(e, a->conn);

	if (a->kind != IKE_ACT_SEND && a->kind != IKE_ACT_JOB)
		sim_trace(e->sim, "engine %u tunnel %u: %s %08x %08x", e->number, a->conn - 1,
		    a->kind < sizeof(name) / sizeof(name[0]) ? name[a->kind] : "?",
		    a->kind == IKE_ACT_SA_ADD   ? a->sa_add.spi
		    : a->kind == IKE_ACT_SA_DEL ? a->sa_del.spi
		    : a->kind == IKE_ACT_REPORT ? 0
		                                : a->child.spi_in,
		    a->kind == IKE_ACT_SA_ADD   ? a->sa_add.inbound
		    : a->kind == IKE_ACT_SA_DEL ? a->sa_del.inbound
		                                : 0);
	if (a->kind == IKE_ACT_SEND)
		sim_send(e, a);
	else if (a->kind == IKE_ACT_JOB)
		exec_job(e, a->job);
	else if (end)
		exec_of_tunnel(end, a);
}

/* ---- traffic ---- */

void sim_dense(struct sim_tunnel *t)
{
	struct sim_event *ev;

	if (t->dense_until.ns > mtime_add(t->sim->now, mdur_s(2)).ns)
		return;
	t->dense_until = mtime_add(t->sim->now, mdur_s(4));
	ev = sim_event(t->sim, sim_span(t->sim, MDUR_ZERO, mdur_ms(60)), EV_TICK, 0);
	ev->tunnel = t;
	ev->gen = ++t->tick_gen;
}

static void count_bytes(struct sim_end *end)
{
	uint64_t limit = end->config.child_life_bytes;

	if (!limit || !end->engine->ike || sim_of(end)->now.ns < end->tunnel->dense_until.ns)
		return;
	end->bytes += sim_random(sim_of(end), limit / 40 + 1);
	ike_fact_usage(end->engine->ike, end->tunnel->number + 1, end->live_in,
	    &(struct ike_usage){ .bytes = end->bytes, .last_in = sim_of(end)->now }, sim_of(end)->now);
}

void sim_tick(struct sim_tunnel *t, uint64_t gen)
{
	struct sim *s = t->sim;
	bool dense = s->now.ns < t->dense_until.ns;
	struct sim_event *ev;

	if (gen != t->tick_gen)
		return;
	for (unsigned i = 0; i < 2; i++) {
		struct sim_sa *out = sim_sa_sealing(&t->end[i]);

		if (t->end[i].engine->stalled_until.ns > s->now.ns)
			continue;
		if (out && t->end[i].facts.child && t->senders & 1U << i)
			sim_send_esp(&t->end[i], out);
		if (t->end[i].facts.child)
			count_bytes(&t->end[i]);
		if (t->end[i].engine->ike)
			sim_settle(s, t->end[i].engine);
	}
	ev = sim_event(s,
	    dense ? sim_span(s, mdur_ms(20), mdur_ms(150))
	          : sim_span(s, MDUR_ZERO, mdur_mul(t->sparse, 2, 1)),
	    EV_TICK, 0);
	ev->tunnel = t;
	ev->gen = gen;
}

/* It left the sender while that had this pair; was it ever here? In peace, and after a rekey, it must still
 * be. */
static void missed(struct sim_end *end, const struct sim_event *ev)
{
	sim_of(end)->esp_missed++;
	if (disturbed(end) || ev->gen) /* ev->gen: the sender's first pair */
		return;
	sim_fault(sim_of(end), "tunnel %u end %u: a packet for inbound %08x, which %s", WHERE(end), ev->spi,
	    knew(end, ev->spi) ? "went too early" : "was never here");
}

void sim_end_esp(struct sim_end *end, const struct sim_event *ev)
{
	struct sim_sa *sa = sim_sa_find(end, true, ev->spi), *out = sim_sa_sealing(end);
	struct ike *ike = end->engine->ike;
	uint32_t conn = end->tunnel->number + 1;

	if (!sa) {
		missed(end, ev);
		return;
	}
	if (out && ev->natt && !endpoint_eq(&out->sa.remote, &ev->src))
		ike_fact_moved(ike, conn, ev->spi, &ev->src);
	if (!sa->seen) {
		sa->seen = true;
		ike_fact_first_packet(ike, conn, ev->spi, sim_of(end)->now);
	}
	ike_fact_inbound(ike, conn, sim_of(end)->now);
	if (end->facts.child)
		end->facts.passing = true;
	sim_step(end);
}

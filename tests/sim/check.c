/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold after every event, and what must hold in peace. The only file here that looks into the
 * engine: an SA in the data plane has an owner among its children, or is an old one whose last packets are
 * awaited.
 */
#include "tests/sim/sim.h"

#include "ike/engine.h"

#include <stdio.h>

/* Among the children of the connection's IKE SAs, or among the old ones that still take late packets. */
static bool has_owner(const struct ike_conn *conn, const struct ike_child_sa *sa)
{
	list_for_each (&conn->sas, struct ike_sa, s, node) {
		const struct ike_child *c =
		    sa->inbound ? ike_child_by_in(s, sa->spi) : ike_child_by_out(s, sa->spi);

		if (c && (sa->inbound ? c->in_installed : c->out_installed))
			return true;
	}
	list_for_each (&conn->draining, struct ike_child, c, node)
		if (c->state == IKE_CHILD_DRAINING && sa->inbound && c->spi_in == sa->spi)
			return true;
	return false;
}

static bool awaits_removal(const struct sim_end *end, const struct ike_child_sa *sa)
{
	for (unsigned i = 0; i < end->n_removals; i++)
		if (end->removal[i].inbound == sa->inbound && end->removal[i].spi == sa->spi)
			return true;
	return false;
}

static void check_owners(struct sim_end *end)
{
	const struct ike_conn *conn = ike_conn_find(end->engine->ike, end->tunnel->number + 1);

	for (unsigned i = 0; i < end->n_sas; i++) {
		const struct ike_child_sa *sa = &end->sa[i].sa;

		if (awaits_removal(end, sa) || has_owner(conn, sa))
			continue;
		sim_fault(end->engine->sim, "tunnel %u end %u: %s SA %08x has no owner", end->tunnel->number,
		    end->side, sa->inbound ? "inbound" : "outbound", sa->spi);
	}
}

/* What the engine takes to be in use is what seals, and its other half is there. */
static void check_live(struct sim_end *end)
{
	struct sim *s = end->engine->sim;
	const struct sim_sa *out = sim_sa_sealing(end);

	if (!end->facts.child)
		return;
	if (!sim_sa_find(end, true, end->live_in) || !sim_sa_find(end, false, end->live_out))
		sim_fault(s, "tunnel %u end %u: the live child %08x is not installed", end->tunnel->number,
		    end->side, end->live_in);
	if (out && out->sa.spi != end->live_out)
		sim_fault(s, "tunnel %u end %u: %08x seals, but %08x is the live child's",
		    end->tunnel->number, end->side, out->sa.spi, end->live_out);
}

static void check_routes(struct sim_engine *e, struct sim_end *end)
{
	bool carries = sim_sa_sealing(end);

	for (unsigned i = 0; i < e->n_routes; i++) {
		if (!sim_route_over(e, &e->route[i], sim_ifindex(end)))
			continue;
		if (!carries)
			sim_fault(e->sim, "tunnel %u end %u: route %s without a live SA", end->tunnel->number,
			    end->side, prefix_str(&e->route[i].prefix));
		if (end->step < STEP_CHILD && !end->removal_fence)
			sim_fault(e->sim, "tunnel %u end %u: route %s at step %s", end->tunnel->number,
			    end->side, prefix_str(&e->route[i].prefix), step_name(end->step));
	}
}

void sim_check(struct sim_engine *e)
{
	for (unsigned i = 0; i < e->sim->n_tunnels; i++) {
		struct sim_end *end = sim_end_of(e, i + 1);

		if (!end)
			continue;
		check_owners(end);
		check_live(end);
		check_routes(e, end);
	}
}

/* ---- peace ---- */

static const char *rest_of(struct sim_tunnel *t)
{
	static char text[1600];
	static struct ike_conn_view v[2];
	struct sim_end *a = &t->end[0], *b = &t->end[1];

	for (unsigned i = 0; i < 2; i++)
		if (!t->end[i].engine->ike || ike_conn_view(t->end[i].engine->ike, t->number + 1, &v[i]))
			return "an engine is not there";
	if (!a->facts.child || !b->facts.child)
		snprintf(text, sizeof(text), "tunnel %u: down (%s; %s)", t->number, a->why.text, b->why.text);
	else if (v[0].spi_i != v[1].spi_i || v[0].spi_r != v[1].spi_r)
		snprintf(text, sizeof(text), "tunnel %u: the ends are on different IKE SAs", t->number);
	else if (a->live_in != b->live_out || a->live_out != b->live_in)
		snprintf(text, sizeof(text), "tunnel %u: the ends use different children", t->number);
	else if (a->n_sas != 2 || b->n_sas != 2)
		snprintf(text, sizeof(text), "tunnel %u: %u and %u SAs in the planes", t->number, a->n_sas,
		    b->n_sas);
	else if (a->step != STEP_IN_FIB || b->step != STEP_IN_FIB)
		snprintf(text, sizeof(text), "tunnel %u: steps %s and %s", t->number, step_name(a->step),
		    step_name(b->step));
	else
		return NULL;
	return text;
}

static unsigned tunnels_of(struct sim_engine *e)
{
	unsigned n = 0;

	for (unsigned i = 0; i < e->sim->n_tunnels; i++)
		n += sim_end_of(e, i + 1) != NULL;
	return n;
}

const char *sim_check_rest(struct sim *s)
{
	static char text[120];

	for (unsigned i = 0; i < s->n_tunnels; i++) {
		const char *problem = rest_of(&s->tunnel[i]);

		if (problem)
			return problem;
	}
	for (unsigned i = 0; i < s->n_engines; i++) {
		struct sim_engine *e = &s->engine[i];
		struct ike_stats stats;

		ike_stats(e->ike, &stats);
		if (stats.established == tunnels_of(e) && !stats.half_open)
			continue;
		snprintf(text, sizeof(text),
		    "engine %u: %u established and %u half-open IKE SAs for %u tunnels", i, stats.established,
		    stats.half_open, tunnels_of(e));
		return text;
	}
	return NULL;
}

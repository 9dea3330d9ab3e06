/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data plane's counters, once a second, as facts: to the IKE core what wears a key and what is a sign of
 * life, to liveness and demand what passed, to the MTU that packets leave. For hundreds of tunnels the worker
 * is asked a few times, not once for each.
 */
#include "connector/daemon/plane_poll.h"

#include "connector/daemon/demand.h"
#include "connector/daemon/liveness.h"
#include "connector/daemon/tunnel.h"
#include "connector/daemon/tunnel_move.h"
#include "connector/daemon/tunnel_mtu.h"

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Of one SA pair alone: the bytes of others do not wear its key. out: NULL for one that drains. */
static void report_usage(
    struct domain *d, const struct plane_reading *in, const struct plane_reading *out, uint32_t id, mtime now)
{
	static const struct plane_counters none;
	const struct plane_counters *c = out && out->found ? &out->counters : &none;
	const struct ike_usage u = { .bytes = larger(in->counters.bytes_in, c->bytes_out),
		.packets = larger(in->counters.packets_in, c->packets_out),
		.last_in = in->counters.last_in };

	if (in->found)
		ike_fact_usage(d->ike, id, in->spi, &u, now);
}

static void polled(struct domain *d, struct tunnel *t, const struct plane_counters *c, mtime now)
{
	if (c->last_out.ns != t->mtu_looked_out.ns) {
		t->mtu_looked_out = c->last_out;
		tunnel_mtu_update(t);
	}
	tunnel_locals_look(t, now);
	liveness_poll(t, c, now);
	demand_poll(t, liveness_user_packets(t, c), now);
	if (c->last_in.ns)
		ike_fact_inbound(d->ike, t->id, c->last_in);
}

/* Readings that are taken together. */
#define POLL_ROOM 128
struct poll {
	struct plane_reading reading[POLL_ROOM];
	uint32_t id[POLL_ROOM]; /* of the tunnel, which may have another number in the plane */
	size_t n;
};

static void poll_take(struct domain *d, struct poll *p, mtime now)
{
	plane_read(d->plane, p->reading, p->n);
	for (size_t i = 0; i < p->n; i++) {
		const struct plane_reading *r = &p->reading[i];
		bool pair = i + 1 < p->n && r[1].of == PLANE_OF_SA_OUT;
		struct tunnel *t = domain_tunnel_by_id(d, p->id[i]);

		switch (r->of) {
		case PLANE_OF_TUNNEL:
			if (t && r->found)
				polled(d, t, &r->counters, now);
			break;
		case PLANE_OF_SA_IN: report_usage(d, r, pair ? &r[1] : NULL, p->id[i], now); break;
		case PLANE_OF_SA_OUT: break; /* taken with the inbound one before it */
		}
	}
	p->n = 0;
}

static void poll_ask(struct poll *p, const struct tunnel *t, enum plane_of of, uint32_t spi)
{
	p->id[p->n] = t->id;
	p->reading[p->n++] = (struct plane_reading){ .tunnel = t->plane_id, .of = of, .spi = spi };
}

void plane_poll(struct domain *d, mtime now)
{
	struct poll p = { .n = 0 };

	list_for_each (&d->tunnels, struct tunnel, t, node) {
		uint32_t spi;

		if (!t->facts.child)
			continue;
		if (p.n + 3 > POLL_ROOM)
			poll_take(d, &p, now);
		poll_ask(&p, t, PLANE_OF_TUNNEL, 0);
		if (t->spi_in)
			poll_ask(&p, t, PLANE_OF_SA_IN, t->spi_in);
		if (t->spi_in && t->spi_out)
			poll_ask(&p, t, PLANE_OF_SA_OUT, t->spi_out);
		for (unsigned i = 0; (spi = rekey_record_draining(&t->rekeys, i)); i++) {
			if (p.n == POLL_ROOM)
				poll_take(d, &p, now);
			poll_ask(&p, t, PLANE_OF_SA_IN, spi);
		}
	}
	poll_take(d, &p, now);
}

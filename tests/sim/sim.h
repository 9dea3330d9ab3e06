/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tunnels through years of virtual time: engines (struct ike), each with the route planner (struct fib) and
 * the ladder above it, a model of the data plane, of the kernel's routes and of the daemon's glue between
 * them, over a network that misbehaves by seed. After every event the invariants of check.c are looked at;
 * the first that does not hold ends the process, with the seed, the virtual time and what happened last.
 *
 * Like tests/support/ike_net.h, but for many tunnels an engine and for millions of events: a heap instead of
 * a list, no step without something to do. Files: world.c (time, network), end.c (one end of a tunnel),
 * writer.c (the kernel's routes), check.c (invariants), chaos.c (what is done to them), heap.c (live memory).
 */
#ifndef CW_TESTS_SIM_H
#define CW_TESTS_SIM_H

#include "connector/daemon/ladder.h"
#include "connector/fib/plan.h"
#include "ike/ike.h"

#define SIM_ENGINES  5
#define SIM_TUNNELS  6
#define SIM_SAS      32
#define SIM_REMOVALS 32 /* tunnel.h's SA_REMOVALS_MAX */
#define SIM_ROUTES   64
#define SIM_KNOWN    64 /* inbound SPIs remembered */

struct sim;
struct sim_engine;
struct sim_tunnel;

struct sim_sa {
	bool seen;      /* a packet arrived on it */
	uint64_t order; /* of installation; the newest outbound one seals */
	mtime since;
	unsigned peer_life; /* the life of the other end's engine when it was installed */
	bool first;         /* no pair before it: a responder's is ahead of its peer's */
	struct ike_child_sa sa;
};

enum sim_life { SIM_IDLE, SIM_ACTIVE, SIM_STOPPING };

/* One end of a tunnel: what the plane holds for it and what the daemon keeps (connector/daemon/tunnel.c). */
struct sim_end {
	struct sim_tunnel *tunnel;
	struct sim_engine *engine;
	unsigned side;
	struct ike_conn_config config;
	bool respond_only;
	/* plane */
	struct sim_sa sa[SIM_SAS];
	unsigned n_sas;
	uint32_t known[SIM_KNOWN]; /* inbound SPIs that were here in this life */
	unsigned n_known;
	bool refuse_add; /* the next SA is refused */
	/* glue */
	enum sim_life life;
	bool want_up;
	struct ladder_facts facts;
	enum step step;
	uint32_t live_in, live_out;
	uint64_t bytes;
	bool routes_in, bgp_started, learned;
	uint64_t up_fence, removal_fence;
	struct {
		bool inbound;
		uint32_t spi;
	} removal[SIM_REMOVALS];
	unsigned n_removals;
	bool ike_down_asked;
	mtime stop_deadline;
	/* seen */
	struct reason why;
	uint64_t ups, downs, rekeys;
};

struct sim_tunnel {
	struct sim *sim;
	unsigned number;
	struct sim_end end[2];
	bool cut;
	unsigned senders; /* bit 0: end 0 sends, bit 1: end 1 does */
	mdur sparse;      /* between packets when nothing happens */
	mtime dense_until;
	uint64_t tick_gen, bgp_gen;
	mtime disturbed_until; /* more than rekeys and mild loss has befallen it: gaps are excused */
};

struct sim_route {
	struct prefix prefix;
	uint32_t metric, nhid;
};
struct sim_nexthop {
	bool used, group;
	uint32_t id;
	int ifindex;
	unsigned n;
	uint32_t member[FIB_WAYS_MAX];
};

struct sim_engine {
	struct sim *sim;
	unsigned number, life;
	struct ike *ike; /* NULL: not running */
	struct rng rng;
	uint64_t rng_state;
	struct addr addr, public;
	bool nat, cut;
	uint16_t nat_offset;
	mtime stalled_until; /* the process does not run (stopped, its machine suspended) */
	mtime deadline;
	bool touched; /* since the last check */
	/* the writer and its kernel */
	struct fib *fib;
	struct sim_msg *queue, **queue_end;
	uint64_t next_fence;
	bool writer_due;
	struct sim_nexthop nexthop[SIM_ROUTES];
	struct sim_route route[SIM_ROUTES];
	unsigned n_routes;
};

enum sim_event_kind { EV_IKE, EV_ESP, EV_JOB, EV_TICK, EV_WRITER, EV_BGP, EV_HOLD, EV_START, EV_WAKE };
struct sim_event {
	mtime at;
	uint64_t order, gen;
	enum sim_event_kind kind;
	struct sim_engine *to; /* in this life: */
	unsigned life;
	struct sim_tunnel *tunnel;
	unsigned side;
	struct endpoint src, dst;
	bool natt;
	uint32_t spi;
	struct ike_job *job;
	size_t len;
	uint8_t data[];
};

struct sim {
	uint64_t seed, state;
	mtime now, begin;
	struct sim_engine engine[SIM_ENGINES];
	unsigned n_engines;
	struct sim_tunnel tunnel[SIM_TUNNELS];
	unsigned n_tunnels;
	struct sim_event **heap;
	size_t n_events, cap_events;
	uint64_t order;
	unsigned loss, repeat, reorder; /* in thousandths of datagrams */
	mdur delay_min, delay_max, job_min, job_max, writer_max;
	mdur mean_quiet;
	/* figures */
	uint64_t steps, same_time, datagrams, esp, esp_missed, rekeys, ike_rekeys, ups, downs, crashes, calms,
	    ops;
	size_t first_bytes; /* live memory at the first calm */
};

/* world.c */
void sim_init(struct sim *s, uint64_t seed);
void sim_free(struct sim *s);
uint64_t sim_random(struct sim *s, uint64_t below);
mdur sim_span(struct sim *s, mdur from, mdur to);
bool sim_per_mille(struct sim *s, unsigned p);
struct sim_event *sim_event(struct sim *s, mdur in, enum sim_event_kind kind, size_t len);
void sim_run(struct sim *s, mdur d);
void sim_settle(
    struct sim *s, struct sim_engine *e); /* carries out what is queued at this engine, and checks */
void sim_send(struct sim_engine *e, const struct ike_action *a);
void sim_send_esp(struct sim_end *from, const struct sim_sa *out);
void sim_life_begin(struct sim_engine *e);
void sim_life_end(struct sim_engine *e);
void sim_disturb(struct sim_tunnel *t, mdur d);
void sim_trace(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void sim_fault(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
extern uint64_t sim_hours_asked; /* printed with the seed */

/* end.c */
static inline struct sim_end *sim_other(struct sim_end *end)
{
	return &end->tunnel->end[1 - end->side];
}
struct sim_end *sim_end_of(struct sim_engine *e, uint32_t conn);
struct sim_sa *sim_sa_find(struct sim_end *end, bool inbound, uint32_t spi);
struct sim_sa *sim_sa_sealing(struct sim_end *end);
void sim_end_exec(struct sim_engine *e, struct ike_action *a);
void sim_end_begin(struct sim_end *end); /* a life of its engine begins */
void sim_end_lost(struct sim_end *end);  /* it ended without goodbye */
void sim_end_up(struct sim_end *end);
void sim_end_down(struct sim_end *end);
void sim_end_fenced(struct sim_end *end, uint64_t fence);
void sim_end_check_stopped(struct sim_end *end);
void sim_end_esp(struct sim_end *end, const struct sim_event *ev);
void sim_end_route(struct sim_end *end, bool in_kernel);
void sim_bgp(struct sim_tunnel *t, uint64_t gen);
void sim_bgp_hold(struct sim_end *end, uint64_t gen);
void sim_step(struct sim_end *end);
void sim_dense(struct sim_tunnel *t);
void sim_tick(struct sim_tunnel *t, uint64_t gen);

/* writer.c */
void sim_writer_begin(struct sim_engine *e);
void sim_writer_end(struct sim_engine *e);
void sim_want_peer(struct sim_end *end, bool want);
void sim_want_learned(struct sim_end *end, bool want);
uint64_t sim_fence(struct sim_engine *e);
void sim_writer_run(struct sim_engine *e);
bool sim_route_over(const struct sim_engine *e, const struct sim_route *r, int ifindex);
static inline int sim_ifindex(const struct sim_end *end)
{
	return 10 + (int)end->tunnel->number;
}

/* check.c */
void sim_check(struct sim_engine *e);
/* NULL: every tunnel is as it should be in peace. */
const char *sim_check_rest(struct sim *s);

/* chaos.c */
/* From the seed: a world, its people, `hours` tunnel-hours of it. Returns the tunnel-hours done. */
double sim_live(struct sim *s, double hours);

/* heap.c */
void heap_init(void);
size_t heap_blocks(void);
size_t heap_bytes(void);

#endif

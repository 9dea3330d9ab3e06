/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The speaker: its life, the facts that come in about connections and time, and the networks we announce or
 * are connected to. Each public call passes bgp_enter first, which takes the time and buries sessions that
 * ended in the call before: so within one call a session pointer stays valid even when the session has ended.
 *
 * bgp_protocol_timer does timers, always all of them; bgp_work what goes by budget: the sweep, destinations
 * whose peers are to be told, walks over the table, messages.
 */
#include "bgp/core.h"

#include <stdlib.h>
#include <string.h>

#define SPARE_ACTIONS 32 /* for the speaker; each peer brings its own */
#define WALK_MIN      64 /* of a budget shared by many peers, what each gets at least */

struct bgp *bgp_new(const struct bgp_config *config, const struct rng *rng)
{
	struct bgp *bgp = calloc(1, sizeof(*bgp));

	if (!bgp)
		return NULL;
	bgp->config = *config;
	if (bgp->config.multipath < 1)
		bgp->config.multipath = 1;
	if (bgp->config.multipath > BGP_MULTIPATH_MAX)
		bgp->config.multipath = BGP_MULTIPATH_MAX;
	if (!bgp->config.cluster_id)
		bgp->config.cluster_id = config->router_id;
	bgp->rng = *rng;
	list_init(&bgp->peers);
	list_init(&bgp->actions);
	list_init(&bgp->removed);
	list_init(&bgp->graveyard);
	list_init(&bgp->spare);
	rng_fill(rng, &bgp->key, sizeof(bgp->key));
	rng_fill(rng, &bgp->sets.key, sizeof(bgp->sets.key));
	slab_init(&bgp->dests4, sizeof(struct dest) + 4);
	slab_init(&bgp->dests6, sizeof(struct dest) + 16);
	slab_init(&bgp->routes, sizeof(struct route));
	slab_init(&bgp->tolds, sizeof(struct told));
	slab_init(&bgp->pends, sizeof(struct pend));
	bgp->dests = ptab_new(sizeof(uint32_t));
	bgp->announced = ptrie_new();
	bgp->connected = ptrie_new();
	bgp->update = calloc(1, sizeof(*bgp->update));
	bgp->scratch = calloc(1, sizeof(*bgp->scratch));
	bgp->room = malloc(sizeof(*bgp->room)); /* written before it is read */
	bgp->choice = malloc(sizeof(*bgp->choice));
	bgp->out = calloc(1, sizeof(*bgp->out));
	bgp->local_set = attr_set_get(&bgp->sets, &(struct attrs){ .origin = BGP_ORIGIN_IGP });
	if (!bgp->dests || !bgp->announced || !bgp->connected || !bgp->update || !bgp->scratch ||
	    !bgp->room || !bgp->choice || !bgp->out || !bgp->local_set ||
	    actions_reserve(bgp, SPARE_ACTIONS) < 0) {
		bgp_free(bgp);
		return NULL;
	}
	return bgp;
}

static void free_dests(struct bgp *bgp)
{
	struct prefix p = { 0 };
	struct dest *d;

	while (bgp->dests && dest_after(bgp, &p, &d)) {
		p = dest_prefix(d);
		rib_in_clear(bgp, d);
		rib_out_clear(bgp, d);
		way_set_put(bgp, d->ways);
	}
	ptab_free(bgp->dests);
}

void bgp_free(struct bgp *bgp)
{
	if (!bgp)
		return;
	free_dests(bgp);
	list_for_each (&bgp->peers, struct peer, p, node)
		peer_free(p);
	list_for_each (&bgp->removed, struct peer, p, node)
		peer_free(p);
	graveyard_clear(bgp);
	aggregates_free(bgp);
	networks_free(bgp);
	attr_set_put(&bgp->sets, bgp->local_set);
	attr_sets_clear(&bgp->sets);
	way_sets_clear(bgp);
	slab_free(&bgp->dests4);
	slab_free(&bgp->dests6);
	slab_free(&bgp->routes);
	slab_free(&bgp->tolds);
	slab_free(&bgp->pends);
	actions_clear(bgp);
	ptrie_free(bgp->announced);
	ptrie_free(bgp->connected);
	free(bgp->update);
	free(bgp->scratch);
	free(bgp->room);
	free(bgp->choice);
	free(bgp->out);
	free(bgp);
}

void bgp_enter(struct bgp *bgp, mtime now)
{
	bgp->now = mtime_max(bgp->now, now);
	graveyard_clear(bgp);
	free(bgp->sent_data);
	bgp->sent_data = NULL;
	bgp->sweep.at_once = BGP_AT_ONCE;
}

mdur jitter(struct bgp *bgp, mdur d)
{
	int64_t part = d.ns / 4;

	return (mdur){ d.ns - (part > 0 ? (int64_t)rng_below(&bgp->rng, (uint64_t)part) : 0) };
}

const char *bgp_state_name(enum bgp_state s)
{
	switch (s) {
	case BGP_IDLE: return "Idle";
	case BGP_CONNECT: return "Connect";
	case BGP_ACTIVE: return "Active";
	case BGP_OPENSENT: return "OpenSent";
	case BGP_OPENCONFIRM: return "OpenConfirm";
	case BGP_ESTABLISHED: return "Established";
	}
	return "";
}

/* --- networks --- */
static bool valid_network(const struct prefix *p)
{
	struct prefix c;

	if (p->addr.family != 4 && p->addr.family != 6)
		return false;
	if (p->len > addr_bits(&p->addr))
		return false;
	c = prefix_canonical(*p);
	return prefix_eq(&c, p);
}

int bgp_announce(struct bgp *bgp, const struct prefix *p, mtime now)
{
	struct dest *d;

	bgp_enter(bgp, now);
	if (!valid_network(p))
		return -1;
	if (ptrie_get(bgp->announced, p)) {
		(void)network_note(bgp, p, true);
		return 0;
	}
	if (ptrie_count(bgp->announced) >= BGP_ANNOUNCE_MAX)
		return -1;
	d = dest_get(bgp, p);
	if (!d || ptrie_set(bgp->announced, p, bgp) < 0) {
		if (d)
			dest_gc(bgp, d);
		return -1;
	}
	d->announced = true;
	dest_mark_export(bgp, d); /* so it stays, whatever becomes of its routes */
	rib_in_rejudge_inside(bgp, p);
	return 0;
}

void bgp_unannounce(struct bgp *bgp, const struct prefix *p, mtime now)
{
	struct dest *d;

	bgp_enter(bgp, now);
	if (network_note(bgp, p, false) || !ptrie_remove(bgp->announced, p))
		return;
	d = dest_find(bgp, p);
	d->announced = aggregate_set(bgp, p) != NULL;
	dest_mark_export(bgp, d); /* so it stays, whatever becomes of its routes */
	rib_in_rejudge_inside(bgp, p);
}

/* Routes inside what is in a and not in b have to be judged anew. */
static void rejudge_difference(struct bgp *bgp, const struct ptrie *a, const struct ptrie *b)
{
	struct prefix p;

	for (bool more = ptrie_first(a, &p, NULL); more; more = ptrie_after(a, &p, &p, NULL))
		if (!ptrie_get(b, &p))
			rib_in_rejudge_inside(bgp, &p);
}

int bgp_connected(struct bgp *bgp, const struct prefix list[], size_t n, mtime now)
{
	struct ptrie *was = bgp->connected, *is;

	bgp_enter(bgp, now);
	if (n > BGP_CONNECTED_MAX)
		return -1;
	is = ptrie_new();
	for (size_t i = 0; is && i < n; i++) {
		struct prefix p = prefix_canonical(list[i]);

		if (ptrie_set(is, &p, bgp) < 0) {
			ptrie_free(is);
			is = NULL;
		}
	}
	if (!is)
		return -1;
	bgp->connected = is;
	rejudge_difference(bgp, was, is);
	rejudge_difference(bgp, is, was);
	ptrie_free(was);
	return 0;
}

/* --- connections: facts --- */
void bgp_conn_opened(struct bgp *bgp, uint64_t conn, const struct addr *local, mtime now)
{
	struct session *s;

	bgp_enter(bgp, now);
	s = session_find(bgp, conn);
	if (!s) /* given up meanwhile; its CLOSE is out or in the queue */
		return;
	if (local)
		s->local = *local;
	fsm_session(s, FSM_TCP_OPEN, NULL);
}

void bgp_conn_failed(struct bgp *bgp, uint64_t conn, const char *error, mtime now)
{
	struct session *s;

	bgp_enter(bgp, now);
	s = session_find(bgp, conn);
	if (s)
		fsm_session(s, FSM_TCP_FAILED, &(struct fsm_fact){ .text = error });
}

uint64_t bgp_conn_incoming(struct bgp *bgp, const struct addr *local, const struct addr *remote, mtime now)
{
	struct peer *found = NULL;
	struct session *s;

	bgp_enter(bgp, now);
	list_for_each (&bgp->peers, struct peer, p, node)
		if (addr_eq(&p->config.remote, remote) &&
		    (addr_eq(&p->config.local, local) || addr_is_none(&p->config.local)))
			found = p;
	if (!found || !fsm_takes_incoming(found))
		return 0;
	fsm_make_way(found);
	s = session_new(found, true);
	if (!s)
		return 0;
	s->local = *local;
	fsm_session(s, FSM_TCP_OPEN, NULL);
	return s->id;
}

void bgp_conn_input(struct bgp *bgp, uint64_t conn, const uint8_t *data, size_t len, mtime now)
{
	struct session *s;

	bgp_enter(bgp, now);
	s = session_find(bgp, conn);
	if (s && s->state != SESSION_CONNECTING)
		session_input(s, data, len);
}

void bgp_conn_closed(struct bgp *bgp, uint64_t conn, const char *error, mtime now)
{
	struct session *s;

	bgp_enter(bgp, now);
	s = session_find(bgp, conn);
	if (s)
		fsm_session(s, FSM_TCP_CLOSED, &(struct fsm_fact){ .text = error });
}

void bgp_conn_read_done(struct bgp *bgp, uint64_t conn, mtime now)
{
	struct session *s;

	bgp_enter(bgp, now);
	s = session_find(bgp, conn);
	if (s)
		fsm_read_done(s);
}

void bgp_conn_writable(struct bgp *bgp, uint64_t conn, size_t room, mtime now)
{
	struct session *s;

	bgp_enter(bgp, now);
	s = session_find(bgp, conn);
	if (!s)
		return;
	s->room = room;
	if (room >= session_message_max(s))
		s->send_hold_at = MTIME_NEVER;
}

/* --- time --- */
static bool has_room(const struct peer *p)
{
	const struct session *s = peer_session(p, SESSION_ESTABLISHED);

	return s && s->room >= session_message_max(s);
}

mtime bgp_protocol_deadline(const struct bgp *bgp)
{
	mtime t = restarting_deadline(bgp);

	list_for_each (&bgp->peers, const struct peer, p, node)
		t = mtime_min(t, fsm_deadline(p));
	return t;
}

mtime bgp_work_deadline(const struct bgp *bgp)
{
	bool tells = !bgp->restarting.on;

	if ((tells && bgp->export.first) || bgp->sweep.running)
		return bgp->now;
	list_for_each (&bgp->peers, const struct peer, p, node)
		if ((tells && p->out.walking) || p->out.no_memory || p->judged ||
		    (tells && has_room(p) && rib_out_has_work(p)))
			return bgp->now;
	return mtime_min(aggregates_deadline(bgp), damping_deadline(bgp));
}

mtime bgp_deadline(const struct bgp *bgp)
{
	return mtime_min(bgp_work_deadline(bgp), bgp_protocol_deadline(bgp));
}

bool bgp_swept(const struct bgp *bgp)
{
	return !bgp->sweep.running && (bgp->restarting.on || !bgp->fib.first);
}

bool bgp_in_use(const struct bgp *bgp, const struct prefix *p)
{
	const struct dest *d = dest_find(bgp, p);

	return d && d->ways;
}

/* A destination costs a look, and a judgement for each peer that is there to be told. */
static unsigned export_some(struct bgp *bgp, unsigned budget)
{
	struct loc_route route;
	unsigned cost = 1;

	list_for_each (&bgp->peers, const struct peer, p, node)
		cost += peer_session(p, SESSION_ESTABLISHED) != NULL;
	while (budget) {
		struct dest *d = dest_next_export(bgp);

		if (!d)
			break;
		dest_loc_route(bgp, d, &route);
		list_for_each (&bgp->peers, struct peer, p, node)
			rib_out_note(p, d, &route, false);
		dest_gc(bgp, d);
		budget -= cost < budget ? cost : budget;
	}
	return budget;
}

/* Returns how much of it, at most twice the share, was done. */
static unsigned tell(struct peer *p, unsigned share)
{
	unsigned left = rib_out_walk_some(p, share);

	return 2 * share - left - rib_out_flush(p, share);
}

static void check_judged(struct peer *p)
{
	p->judged = false;
	rib_in_check_limits(p);
}

void bgp_protocol_timer(struct bgp *bgp, mtime now)
{
	bgp_enter(bgp, now);
	list_for_each (&bgp->peers, struct peer, p, node)
		fsm_timers(p);
	restarting_look(bgp);
}

static struct peer *peer_behind(const struct bgp *bgp, uint32_t id)
{
	list_for_each (&bgp->peers, struct peer, p, node)
		if (p->id > id)
			return p;
	return list_first(&bgp->peers, struct peer, node);
}

/* Peers are served in turn, across calls: with many of them a call does not reach all. Half a peer's share is
 * for its walk, half for its messages. */
static void tell_peers(struct bgp *bgp, unsigned budget)
{
	unsigned share = bgp->n_peers ? budget / 2 / bgp->n_peers : 0;

	if (share < WALK_MIN)
		share = WALK_MIN;
	for (unsigned i = 0; i < bgp->n_peers && budget; i++) {
		struct peer *p = peer_behind(bgp, bgp->served);
		unsigned used = bgp->restarting.on ? 0 : tell(p, share);

		bgp->served = p->id;
		budget -= used < budget ? used : budget;
		rib_out_check_memory(p);
		if (p->judged)
			check_judged(p);
	}
}

void bgp_work(struct bgp *bgp, mtime now)
{
	bgp_enter(bgp, now);
	(void)sweep_some(bgp, BGP_SWEEP);
	(void)damping_some(bgp, BGP_BUDGET);
	(void)aggregates_some(bgp, BGP_BUDGET);
	if (!bgp->restarting.on)
		(void)export_some(bgp, BGP_BUDGET);
	tell_peers(bgp, 2 * BGP_BUDGET);
}

void bgp_timer(struct bgp *bgp, mtime now)
{
	bgp_protocol_timer(bgp, now);
	bgp_work(bgp, now);
}

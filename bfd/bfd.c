/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All BFD sessions of a routing domain: who a packet belongs to (RFC 5880 6.3 and 6.8.6, RFC 5881 3 and 5,
 * RFC 5883 3 and 4), whose timer is due, and the queue of actions.
 *
 * The queue needs no memory: a session that has something to say stands in `ready`, and what it says is made
 * when it is fetched. So nothing here fails but adding a session. A packet that names a discriminator of ours
 * must still come from the session's own peer, by its own interface and kind of hop: a stranger who has
 * guessed 32 bits has not got in.
 */
#include "bfd/core.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST mdur_s(3600) /* an interval; the wire has room for 71 minutes */

struct bfd *bfd_new(const struct rng *rng, mdur shortest)
{
	struct bfd *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->rng = *rng;
	b->shortest = shortest;
	rng_fill(rng, &b->key, sizeof(b->key));
	list_init(&b->sessions);
	list_init(&b->ready);
	return b;
}

static void session_free(struct bfd_session *s)
{
	struct bfd *b = s->bfd;

	list_remove(&s->node);
	list_remove(&s->ready);
	htab_remove(&b->discrs, &s->by_discr);
	htab_remove(&b->remotes, &s->by_remote);
	timerq_remove(&b->timers, &s->timer);
	b->n--;
	free(s);
}

void bfd_free(struct bfd *b)
{
	if (!b)
		return;
	list_for_each (&b->sessions, struct bfd_session, s, node)
		session_free(s);
	htab_clear(&b->discrs);
	htab_clear(&b->remotes);
	free(b);
}

/* --- finding --- */
static struct bfd_session *by_id(const struct bfd *b, uint32_t id)
{
	list_for_each (&b->sessions, struct bfd_session, s, node)
		if (s->id == id && !s->leaving)
			return s;
	return NULL;
}

static uint64_t hash_discr(const struct bfd *b, uint32_t discr)
{
	return siphash(&b->key, &discr, sizeof(discr));
}

static uint64_t hash_addr(const struct bfd *b, const struct addr *a)
{
	return siphash(&b->key, a->b, sizeof(a->b));
}

static struct bfd_session *by_discr(const struct bfd *b, uint32_t discr)
{
	for (struct hnode *n = htab_find(&b->discrs, hash_discr(b, discr)); n; n = htab_find_next(n)) {
		struct bfd_session *s = container_of(n, struct bfd_session, by_discr);

		if (s->local_discr == discr)
			return s;
	}
	return NULL;
}

/* One socket's worth of packets: those of the session's own peer, path and kind of hop. */
static bool on_its_path(const struct bfd_session *s, const struct bfd_arrival *from)
{
	const struct bfd_config *c = &s->config;

	return c->multihop == from->multihop && addr_eq(&c->remote, &from->remote) &&
	       addr_eq(&c->local, &from->local) && (!c->ifindex || c->ifindex == from->ifindex);
}

static struct bfd_session *by_path(const struct bfd *b, const struct bfd_arrival *from)
{
	for (struct hnode *n = htab_find(&b->remotes, hash_addr(b, &from->remote)); n;
	     n = htab_find_next(n)) {
		struct bfd_session *s = container_of(n, struct bfd_session, by_remote);

		if (!s->leaving && on_its_path(s, from))
			return s;
	}
	return NULL;
}

/* --- configuration --- */
static int check_config(
    const struct bfd *b, uint32_t id, const struct bfd_config *c, struct reason *ret_reason)
{
	struct bfd_arrival same = {
		.local = c->local, .remote = c->remote, .ifindex = c->ifindex, .multihop = c->multihop
	};
	const struct bfd_session *twin;

	if (id == 0 || addr_is_none(&c->local) || c->local.family != c->remote.family || !c->multiplier)
		return reason_set(ret_reason, "bfd-invalid",
		    "%s: a BFD session needs two addresses of one family and a multiplier of 1 to 255",
		    c->name);
	if (c->min_tx.ns < b->shortest.ns || c->min_rx.ns < b->shortest.ns || c->min_tx.ns < 1000 ||
	    c->min_rx.ns < 1000 || c->min_tx.ns > LONGEST.ns || c->min_rx.ns > LONGEST.ns)
		return reason_set(ret_reason, "bfd-invalid", "%s: BFD intervals are from %lld to %lld ms",
		    c->name, (long long)mdur_to_ms(b->shortest), (long long)mdur_to_ms(LONGEST));
	twin = by_path(b, &same);
	if (twin && twin->id != id)
		return reason_set(ret_reason, "bfd-duplicate",
		    "%s: %s has a BFD session between the same addresses", c->name, twin->config.name);
	return 0;
}

static uint32_t new_discr(struct bfd *b)
{
	for (;;) {
		uint32_t d = (uint32_t)rng_u64(&b->rng);

		if (d && !by_discr(b, d))
			return d;
	}
}

int bfd_session_add(
    struct bfd *b, uint32_t id, const struct bfd_config *config, mtime now, struct reason *ret_reason)
{
	struct bfd_session *s;

	if (check_config(b, id, config, ret_reason) < 0)
		return -1;
	if (by_id(b, id))
		return reason_set(ret_reason, "bfd-duplicate", "%s: BFD session %u exists", config->name, id);
	if (b->n >= BFD_SESSIONS_MAX)
		return reason_set(ret_reason, "bfd-too-many", "%s: there are %d BFD sessions already",
		    config->name, BFD_SESSIONS_MAX);
	s = calloc(1, sizeof(*s));
	if (!s)
		goto no_memory;
	s->bfd = b;
	s->id = id;
	s->config = *config;
	s->local_discr = new_discr(b);
	if (htab_add(&b->discrs, &s->by_discr, hash_discr(b, s->local_discr)) < 0)
		goto no_memory;
	if (htab_add(&b->remotes, &s->by_remote, hash_addr(b, &config->remote)) < 0) {
		htab_remove(&b->discrs, &s->by_discr);
		goto no_memory;
	}
	list_append(&b->sessions, &s->node);
	b->n++;
	session_start(s, now);
	return 0;
no_memory:
	free(s);
	return reason_set(ret_reason, "bfd-out-of-memory", "%s: out of memory", config->name);
}

int bfd_session_update(
    struct bfd *b, uint32_t id, const struct bfd_config *config, mtime now, struct reason *ret_reason)
{
	struct bfd_session *s = by_id(b, id);

	if (!s || !addr_eq(&s->config.local, &config->local) ||
	    !addr_eq(&s->config.remote, &config->remote) || s->config.multihop != config->multihop)
		return reason_set(ret_reason, "bfd-invalid", "%s: that is another BFD session", config->name);
	if (check_config(b, id, config, ret_reason) < 0)
		return -1;
	s->config = *config;
	session_intervals(s, now);
	return 0;
}

void bfd_session_remove(struct bfd *b, uint32_t id, mtime now)
{
	struct bfd_session *s = by_id(b, id);

	if (!s)
		return;
	session_admin(s, false, now);
	s->leaving = true;
	s->tell = s->fell = false; /* who removes it knows */
	s->send_final = false;
	s->send_now = true;
	timerq_set(&b->timers, &s->timer, MTIME_NEVER);
	if (!s->ready.next)
		list_append(&b->ready, &s->ready);
}

void bfd_session_admin(struct bfd *b, uint32_t id, bool up, mtime now)
{
	struct bfd_session *s = by_id(b, id);

	if (s)
		session_admin(s, up, now);
}

/* --- packets --- */
static enum bfd_verdict judge(
    struct bfd *b, const struct bfd_arrival *from, struct rd r, mtime now, struct bfd_session **ret_session)
{
	struct bfd_packet p;
	enum bfd_verdict v = bfd_packet_parse(r, &p);
	struct bfd_session *s;

	/* The peer that wants authentication is worth naming. */
	*ret_session = v == BFD_AUTHENTICATED ? by_path(b, from) : NULL;
	if (v != BFD_ACCEPTED)
		return v;
	s = p.your_discr ? by_discr(b, p.your_discr) : by_path(b, from);
	if (!s || s->leaving)
		return BFD_NO_SESSION;
	*ret_session = s;
	if (!on_its_path(s, from))
		return BFD_WRONG_PATH;
	if (!from->multihop && from->ttl != BFD_TTL)
		return BFD_WRONG_TTL;
	if (s->state == BFD_ADMIN_DOWN)
		return BFD_SESSION_ADMIN_DOWN;
	session_packet(s, &p, now);
	return BFD_ACCEPTED;
}

enum bfd_verdict bfd_input(
    struct bfd *b, const struct bfd_arrival *from, const uint8_t *data, size_t len, mtime now)
{
	struct bfd_session *s;
	enum bfd_verdict v = judge(b, from, rd_init(data, len), now, &s);

	b->counters.packets[v]++;
	if (s && v != BFD_ACCEPTED) {
		s->discarded++;
		s->last_discard = v;
	}
	return v;
}

/* --- time --- */
mtime bfd_deadline(const struct bfd *b)
{
	return timerq_deadline(&b->timers);
}

void bfd_timer(struct bfd *b, mtime now)
{
	struct timerq_node *n;

	/* Each session once: what it sets lies in the future. */
	for (unsigned i = 0; i <= b->n; i++) {
		n = timerq_first(&b->timers);
		if (!n || !mtime_reached(n->at, now))
			return;
		session_timers(container_of(n, struct bfd_session, timer), now);
	}
}

/* --- actions --- */
static void make_state(struct bfd_session *s, struct bfd_action *a)
{
	a->kind = BFD_ACT_STATE;
	a->state.state = s->state;
	a->state.fell = s->fell;
	a->state.admin = s->fell && s->fell_admin;
	a->state.independent = s->fell_independent;
	if (s->fell)
		a->state.why = s->why;
	s->tell = s->fell = false;
}

static void make_send(struct bfd_session *s, struct bfd_action *a)
{
	struct wr w = wr_init(a->send.data, sizeof(a->send.data));
	struct bfd_packet p;

	a->kind = BFD_ACT_SEND;
	a->send.local = s->config.local;
	a->send.remote = s->config.remote;
	a->send.multihop = s->config.multihop;
	session_sent(s, &p);
	bfd_packet_build(&w, &p);
}

bool bfd_next_action(struct bfd *b, struct bfd_action *ret_action)
{
	struct bfd_session *s = list_first(&b->ready, struct bfd_session, ready);

	if (!s)
		return false;
	memset(ret_action, 0, sizeof(*ret_action));
	ret_action->id = ++b->next_action_id;
	ret_action->session = s->id;
	if (s->tell)
		make_state(s, ret_action);
	else
		make_send(s, ret_action);
	if (!s->tell && !s->send_now && !s->send_final) {
		list_remove(&s->ready);
		if (s->leaving)
			session_free(s);
	}
	return true;
}

/* --- views --- */
int bfd_session_view(const struct bfd *b, uint32_t id, struct bfd_view *ret_view)
{
	const struct bfd_session *s = by_id(b, id);

	if (!s)
		return -1;
	*ret_view = (struct bfd_view){ .state = s->state,
		.remote_state = s->remote_state,
		.diag = s->diag,
		.remote_diag = s->remote_diag,
		.since = s->since,
		.local_discr = s->local_discr,
		.remote_discr = s->remote_discr,
		.tx_interval = session_tx_interval(s),
		.detection = session_detection(s),
		.remote_min_tx = s->remote_min_tx,
		.remote_min_rx = s->remote_multiplier ? s->remote_min_rx : MDUR_ZERO,
		.remote_multiplier = s->remote_multiplier,
		.polling = s->polling,
		.remote_demand = s->remote_demand,
		.remote_independent = s->remote_independent,
		.packets_in = s->packets_in,
		.packets_out = s->packets_out,
		.discarded = s->discarded,
		.last_discard = s->last_discard,
		.ups = s->ups,
		.downs = s->downs };
	return 0;
}

void bfd_counters(const struct bfd *b, struct bfd_counters *ret_counters)
{
	*ret_counters = b->counters;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One BFD session: the state machine (RFC 5880 6.2, 6.8.6) as a table, the Poll Sequence (6.5), and when to
 * send and when to give up (6.8.2 to 6.8.4, 6.8.7).
 *
 * Invariants: unless it is Up, a session asks for no faster sending than once a second; an interval that
 * would make one end expect more than the other does counts only when a Poll Sequence has told the peer;
 * tx_at never lies further than one interval behind the last packet.
 */
#include "bfd/core.h"

#define SLOW         mdur_s(1) /* 6.8.3: while not Up */
#define US           1000      /* nanoseconds */
#define JITTER_MAX   25        /* percent taken off an interval, at most */
#define JITTER_MIN_1 10        /* and at least, with a multiplier of 1 (6.8.7) */
#define EXTRAS_MAX   8         /* packets a second outside of the timer */

/* --- the table --- */
static const struct {
	enum bfd_state to;
	uint8_t diag;
} table[BFD_UP + 1][BFD_UP + 1] = {
	/* [ours][what the peer says] */
	[BFD_ADMIN_DOWN] = { { BFD_ADMIN_DOWN, BFD_DIAG_ADMIN }, { BFD_ADMIN_DOWN, BFD_DIAG_ADMIN },
	    { BFD_ADMIN_DOWN, BFD_DIAG_ADMIN }, { BFD_ADMIN_DOWN, BFD_DIAG_ADMIN } },
	[BFD_DOWN] = { [BFD_ADMIN_DOWN] = { BFD_DOWN, BFD_DIAG_NONE },
	    [BFD_DOWN] = { BFD_INIT, BFD_DIAG_NONE },
	    [BFD_INIT] = { BFD_UP, BFD_DIAG_NONE },
	    [BFD_UP] = { BFD_DOWN, BFD_DIAG_NONE } },
	[BFD_INIT] = { [BFD_ADMIN_DOWN] = { BFD_DOWN, BFD_DIAG_NEIGHBOUR },
	    [BFD_DOWN] = { BFD_INIT, BFD_DIAG_NONE },
	    [BFD_INIT] = { BFD_UP, BFD_DIAG_NONE },
	    [BFD_UP] = { BFD_UP, BFD_DIAG_NONE } },
	[BFD_UP] = { [BFD_ADMIN_DOWN] = { BFD_DOWN, BFD_DIAG_NEIGHBOUR },
	    [BFD_DOWN] = { BFD_DOWN, BFD_DIAG_NEIGHBOUR },
	    [BFD_INIT] = { BFD_UP, BFD_DIAG_NONE },
	    [BFD_UP] = { BFD_UP, BFD_DIAG_NONE } },
};

/* --- intervals --- */
static mdur longer(mdur a, mdur b)
{
	return a.ns > b.ns ? a : b;
}

mdur session_tx_interval(const struct bfd_session *s)
{
	return longer(s->tx_in_use, s->remote_min_rx);
}

mdur session_detection(const struct bfd_session *s)
{
	return mdur_mul(longer(s->rx_in_use, s->remote_min_tx), s->remote_multiplier, 1);
}

/* 6.8.7: 75 to 100 % of the interval; at most 90 % where the loss of one packet counts. */
static mdur jittered(struct bfd_session *s, mdur d)
{
	int64_t least = s->config.multiplier == 1 ? JITTER_MIN_1 : 0;
	int64_t off = d.ns / 100 * JITTER_MAX - d.ns / 100 * least;

	d.ns -= d.ns / 100 * least;
	if (off > 0)
		d.ns -= (int64_t)rng_below(&s->bfd->rng, (uint64_t)off + 1);
	return d;
}

/* 6.8.7: whether packets go out by the timer. */
static bool sends(const struct bfd_session *s)
{
	bool demand = s->remote_demand && s->state == BFD_UP && s->remote_state == BFD_UP;

	return !s->leaving && s->remote_min_rx.ns > 0 && (!demand || s->polling || s->poll_again);
}

static void arm(struct bfd_session *s)
{
	timerq_set(&s->bfd->timers, &s->timer, mtime_min(s->tx_at, s->detect_at));
}

static void schedule_tx(struct bfd_session *s)
{
	s->tx_at = sends(s) ? mtime_add(s->last_out, jittered(s, session_tx_interval(s))) : MTIME_NEVER;
}

static void schedule_detect(struct bfd_session *s)
{
	s->detect_at = s->remote_multiplier ? mtime_add(s->last_in, session_detection(s)) : MTIME_NEVER;
}

static void ready(struct bfd_session *s)
{
	if (!s->ready.next)
		list_append(&s->bfd->ready, &s->ready);
}

/*
 * What the next packet says differs from the last one: it goes at once (6.8.7). Not often, for where packets
 * are repeated or reordered, two ends that answer each change with a change would never end.
 */
static void send_now(struct bfd_session *s, mtime now)
{
	if (!sends(s))
		return;
	if (mtime_since(now, s->extras_since).ns >= SLOW.ns) {
		s->extras_since = now;
		s->extras = 0;
	}
	if (s->extras++ >= EXTRAS_MAX)
		return;
	s->send_now = true;
	s->last_out = now;
	ready(s);
}

/* --- the Poll Sequence --- */
static void poll_begin(struct bfd_session *s)
{
	if (!s->remote_discr)
		return; /* nobody has heard other values from us */
	if (s->polling)
		s->poll_again = true;
	else
		s->polling = true;
}

/*
 * An F answers some packet with P, perhaps one from before the latest change: then the values still wait, and
 * another sequence follows behind a packet without P.
 */
static void poll_end(struct bfd_session *s)
{
	if (!s->polling)
		return;
	s->polling = false;
	if (s->poll_again)
		return;
	s->tx_in_use = s->desired_min_tx;
	s->rx_in_use = s->required_min_rx;
}

/* 6.8.3: the values that belong to configuration and state. */
static void set_intervals(struct bfd_session *s)
{
	bool up = s->state == BFD_UP;
	mdur tx = up ? s->config.min_tx : longer(s->config.min_tx, SLOW), rx = s->config.min_rx;

	if (tx.ns == s->desired_min_tx.ns && rx.ns == s->required_min_rx.ns)
		return;
	if (!up || tx.ns < s->tx_in_use.ns)
		s->tx_in_use = tx;
	if (!up || rx.ns > s->rx_in_use.ns)
		s->rx_in_use = rx;
	s->desired_min_tx = tx;
	s->required_min_rx = rx;
	poll_begin(s);
}

/* --- changes of state --- */
static void explain_fall(struct bfd_session *s, uint8_t diag)
{
	const struct bfd_config *c = &s->config;

	if (diag == BFD_DIAG_EXPIRED)
		reason_set(&s->why, "bfd-expired",
		    "%s: no BFD packet from %s for the detection time of %lld ms (%u times %lld ms)", c->name,
		    addr_str(&c->remote), (long long)mdur_to_ms(session_detection(s)), s->remote_multiplier,
		    (long long)mdur_to_ms(longer(s->rx_in_use, s->remote_min_tx)));
	else if (diag == BFD_DIAG_ADMIN)
		reason_set(&s->why, "bfd-admin-down", "%s: BFD is administratively down here", c->name);
	else if (s->remote_state == BFD_ADMIN_DOWN)
		reason_set(&s->why, "bfd-peer-admin-down", "%s: %s has BFD administratively down", c->name,
		    addr_str(&c->remote));
	else
		reason_set(&s->why, "bfd-peer-down", "%s: %s says that BFD is down (%s)", c->name,
		    addr_str(&c->remote), bfd_diag_name(s->remote_diag));
}

static void change(struct bfd_session *s, enum bfd_state to, uint8_t diag, mtime now)
{
	if (s->state == to)
		return;
	if (s->state == BFD_UP) {
		s->downs++;
		s->fell = true;
		s->fell_admin = diag == BFD_DIAG_ADMIN ||
		                (diag == BFD_DIAG_NEIGHBOUR && s->remote_state == BFD_ADMIN_DOWN);
		s->fell_independent = s->remote_independent;
		explain_fall(s, diag);
	}
	if (to == BFD_UP)
		s->ups++;
	if (to == BFD_UP || diag != BFD_DIAG_NONE)
		s->diag = diag;
	s->state = to;
	s->since = now;
	s->tell = true;
	ready(s);
	set_intervals(s);
	send_now(s, now);
	schedule_tx(s);
}

/* 6.8.1: after a detection time of silence the peer is a stranger again. */
static void forget_peer(struct bfd_session *s)
{
	s->remote_discr = 0;
	s->remote_state = BFD_DOWN;
	s->remote_min_rx = (mdur){ US };
	s->remote_min_tx = MDUR_ZERO;
	s->remote_multiplier = 0;
	s->remote_demand = false;
	s->polling = s->poll_again = false;
	s->tx_in_use = s->desired_min_tx;
	s->rx_in_use = s->required_min_rx;
	s->detect_at = MTIME_NEVER;
}

void session_start(struct bfd_session *s, mtime now)
{
	s->state = BFD_DOWN;
	s->since = s->last_in = s->last_out = now;
	set_intervals(s);
	forget_peer(s);
	/* Not all at once, when many start together. */
	s->tx_at = mtime_add(now, (mdur){ (int64_t)rng_below(&s->bfd->rng, (uint64_t)SLOW.ns / 4) });
	arm(s);
}

void session_intervals(struct bfd_session *s, mtime now)
{
	mdur tx = s->desired_min_tx, rx = s->required_min_rx;

	set_intervals(s);
	if (tx.ns != s->desired_min_tx.ns || rx.ns != s->required_min_rx.ns)
		send_now(s, now);
	schedule_tx(s);
	schedule_detect(s);
	arm(s);
}

void session_admin(struct bfd_session *s, bool up, mtime now)
{
	if (up == (s->state != BFD_ADMIN_DOWN))
		return;
	if (up) {
		forget_peer(s); /* what it says will be heard anew */
		change(s, BFD_DOWN, BFD_DIAG_NONE, now);
	} else {
		change(s, BFD_ADMIN_DOWN, BFD_DIAG_ADMIN, now);
	}
	arm(s);
}

/* --- facts --- */
void session_packet(struct bfd_session *s, const struct bfd_packet *p, mtime now)
{
	mdur min_rx = { (int64_t)p->min_rx * US };
	bool changed = min_rx.ns != s->remote_min_rx.ns || p->demand != s->remote_demand;
	bool sent = sends(s);

	s->packets_in++;
	s->remote_discr = p->my_discr;
	s->remote_state = p->state;
	s->remote_diag = p->diag;
	s->remote_demand = p->demand;
	s->remote_min_rx = min_rx;
	s->remote_min_tx = (mdur){ (int64_t)p->min_tx * US };
	s->remote_multiplier = p->multiplier;
	s->last_in = now;
	if (p->final && s->polling) {
		poll_end(s);
		changed = true;
	}
	change(s, table[s->state][p->state].to, table[s->state][p->state].diag, now);
	s->remote_independent = p->independent;
	if (p->poll) { /* 6.5: answered at once, whatever the timer says */
		s->send_final = true;
		ready(s);
	}
	if (changed || sent != sends(s))
		schedule_tx(s);
	schedule_detect(s);
	arm(s);
}

void session_timers(struct bfd_session *s, mtime now)
{
	if (mtime_reached(s->detect_at, now)) {
		if (s->state == BFD_INIT || s->state == BFD_UP)
			change(s, BFD_DOWN, BFD_DIAG_EXPIRED, now);
		forget_peer(s);
		schedule_tx(s);
	}
	if (mtime_reached(s->tx_at, now)) {
		s->send_now = true;
		s->last_out = now;
		ready(s);
		schedule_tx(s);
	}
	arm(s);
}

void session_sent(struct bfd_session *s, struct bfd_packet *ret_packet)
{
	bool final = s->send_final;

	*ret_packet = (struct bfd_packet){ .diag = s->diag,
		.state = s->state,
		.poll = s->polling && !final, /* never both (6.5) */
		.final = final,
		.multiplier = s->config.multiplier,
		.my_discr = s->local_discr,
		.your_discr = s->remote_discr,
		.min_tx = (uint32_t)(s->desired_min_tx.ns / US),
		.min_rx = (uint32_t)(s->required_min_rx.ns / US) };
	if (final)
		s->send_final = false;
	else
		s->send_now = false;
	if (!s->polling && s->poll_again && !final) {
		s->poll_again = false;
		s->polling = true;
	}
	s->packets_out++;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two BFD cores on a virtual clock, over a network that loses, repeats and delays (and so reorders) by a
 * seed; a pause of one of the processes; and time, a lot of it. What must hold at every moment: a session
 * that heard the peer within its detection time is not given up, and one that did not is, to the nanosecond.
 */
#include "bfd/packet.h"
#include "tests/support/rng_seeded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FLIGHTS 160
#define ID      1

struct node {
	struct bfd *b;
	struct addr addr;
	struct bfd_config c;
	unsigned falls, ups;
	mtime last_fall, paused_until;
	struct reason why;
	bool admin;
};

struct net {
	uint64_t seed;
	struct rng rng;
	mtime now;
	struct node n[2];
	unsigned loss, repeat; /* percent */
	mdur delay;            /* 0 to this */
	bool cut[2];           /* nothing from this node arrives */
	bool in_order;
	mtime latest[2];
	struct flight {
		bool used;
		unsigned to;
		mtime at;
		uint8_t data[BFD_PACKET_LEN];
	} flight[FLIGHTS];
	uint64_t sent, delivered;
};

static bool chance(struct net *t, unsigned percent)
{
	return rng_below(&t->rng, 100) < percent;
}

static void launch(struct net *t, unsigned to, const uint8_t *data)
{
	for (unsigned i = 0; i < FLIGHTS; i++) {
		struct flight *f = &t->flight[i];

		if (f->used)
			continue;
		f->used = true;
		f->to = to;
		f->at = mtime_add(t->now, (mdur){ (int64_t)rng_below(&t->rng, (uint64_t)t->delay.ns + 1) });
		if (t->in_order)
			f->at = t->latest[to] = mtime_max(f->at, t->latest[to]);
		memcpy(f->data, data, BFD_PACKET_LEN);
		return;
	}
	fail_msg("more than %d packets in flight", FLIGHTS);
}

static void drain(struct net *t, unsigned i)
{
	struct node *n = &t->n[i];
	struct bfd_action a;

	while (bfd_next_action(n->b, &a)) {
		if (a.kind == BFD_ACT_STATE) {
			if (a.state.fell) {
				n->falls++;
				n->last_fall = t->now;
				n->why = a.state.why;
				n->admin = a.state.admin;
			}
			n->ups += a.state.state == BFD_UP;
			continue;
		}
		t->sent++;
		if (t->cut[i] || chance(t, t->loss))
			continue;
		do
			launch(t, !i, a.send.data);
		while (chance(t, t->repeat));
	}
}

static struct net *net_new(uint64_t seed, mdur interval, uint8_t multiplier)
{
	struct net *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->seed = seed;
	t->rng = rng_seeded(&t->seed);
	t->now = (mtime){ 5000000000 };
	t->delay = mdur_ms(5);
	for (unsigned i = 0; i < 2; i++) {
		struct node *n = &t->n[i];

		n->b = bfd_new(&t->rng, mdur_ms(1));
		n->addr = addr_v4(0x0a000001 + i);
		n->c = (struct bfd_config){ .name = "node",
			.local = addr_v4(0x0a000001 + i),
			.remote = addr_v4(0x0a000002 - i),
			.min_tx = interval,
			.min_rx = interval,
			.multiplier = multiplier };
		n->paused_until = t->now;
		assert_int_equal(bfd_session_add(n->b, ID, &n->c, t->now, NULL), 0);
	}
	return t;
}

static void net_free(struct net *t)
{
	for (unsigned i = 0; i < 2; i++)
		bfd_free(t->n[i].b);
	free(t);
}

static struct bfd_view view(const struct net *t, unsigned i)
{
	struct bfd_view v;

	assert_int_equal(bfd_session_view(t->n[i].b, ID, &v), 0);
	return v;
}

/* What is due next for a node that runs: a paused one gets both its packets and its timers when it wakes. */
static mtime due(const struct net *t, unsigned i, mtime at)
{
	return mtime_max(at, t->n[i].paused_until);
}

static void run(struct net *t, mdur d)
{
	mtime end = mtime_add(t->now, d);

	for (;;) {
		mtime next = end;

		for (unsigned i = 0; i < 2; i++)
			next = mtime_min(next, due(t, i, bfd_deadline(t->n[i].b)));
		for (unsigned i = 0; i < FLIGHTS; i++)
			if (t->flight[i].used)
				next = mtime_min(next, due(t, t->flight[i].to, t->flight[i].at));
		t->now = mtime_max(t->now, next);
		for (unsigned i = 0; i < FLIGHTS; i++) {
			struct flight *f = &t->flight[i];
			struct bfd_arrival from = { .ttl = 255 };

			if (!f->used || due(t, f->to, f->at).ns > t->now.ns)
				continue;
			f->used = false;
			from.local = t->n[f->to].addr;
			from.remote = t->n[!f->to].addr;
			t->delivered++;
			(void)bfd_input(t->n[f->to].b, &from, f->data, sizeof(f->data), t->now);
			drain(t, f->to);
		}
		for (unsigned i = 0; i < 2; i++)
			if (t->n[i].paused_until.ns <= t->now.ns) {
				bfd_timer(t->n[i].b, t->now);
				drain(t, i);
			}
		if (t->now.ns >= end.ns)
			return;
	}
}

static void until_up(struct net *t)
{
	for (int i = 0; i < 600; i++) {
		if (view(t, 0).state == BFD_UP && view(t, 1).state == BFD_UP)
			return;
		run(t, mdur_ms(100));
	}
	fail_msg("not up in a minute (seed %llu)", (unsigned long long)t->seed);
}

/* A sound network: up within three slow packets, fast then, and not a single fall in a day. */
static void test_a_day(void **state)
{
	struct net *t = net_new(1, mdur_ms(300), 3);

	(void)state;
	run(t, mdur_s(4));
	until_up(t);
	assert_int_equal(view(t, 0).tx_interval.ns, mdur_ms(300).ns);
	assert_int_equal(view(t, 1).detection.ns, mdur_ms(900).ns);
	assert_false(view(t, 0).polling || view(t, 1).polling);
	run(t, mdur_s(24 * 3600));
	assert_int_equal(t->n[0].falls + t->n[1].falls, 0);
	assert_int_equal(t->n[0].ups + t->n[1].ups, 2);
	/* Two senders, 75 to 100 % of 300 ms. */
	assert_in_range(t->sent, 2ull * 24 * 3600 * 1000 / 300, 2ull * 24 * 3600 * 1000 / 225);
	net_free(t);
}

/* Whatever is lost, both come to the same end once the network is sound again. */
static void test_lossy(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct net *t = net_new(seed, mdur_ms(50), 3);

		t->loss = (unsigned)(seed % 6) * 12;
		t->repeat = (unsigned)(seed % 4) * 15;
		t->delay = mdur_ms(seed % 3 ? 20 : 200);
		run(t, mdur_s(120));
		t->loss = t->repeat = 0;
		t->delay = mdur_ms(5);
		run(t, mdur_s(1));
		until_up(t);
		run(t, mdur_s(10));
		until_up(t);
		assert_false(view(t, 0).polling || view(t, 1).polling);
		assert_int_equal(view(t, 0).detection.ns, mdur_ms(150).ns);
		assert_int_equal(view(t, 1).tx_interval.ns, mdur_ms(50).ns);
		assert_int_equal(view(t, 0).remote_discr, view(t, 1).local_discr);
		net_free(t);
	}
}

/* One direction dies: that end finds out within the detection time, and tells the other. */
static void test_one_way(void **state)
{
	struct net *t = net_new(3, mdur_ms(50), 3);
	mtime cut;

	(void)state;
	run(t, mdur_s(5));
	until_up(t);
	cut = t->now;
	t->cut[1] = true; /* a hears nothing any more */
	run(t, mdur_s(2));
	assert_int_equal(t->n[0].falls, 1);
	assert_string_equal(t->n[0].why.id, "bfd-expired");
	assert_in_range(mtime_since(t->n[0].last_fall, cut).ns, 1, mdur_ms(155).ns);
	assert_int_equal(t->n[1].falls, 1);
	assert_string_equal(t->n[1].why.id, "bfd-peer-down");
	assert_in_range(mtime_since(t->n[1].last_fall, t->n[0].last_fall).ns, 0, mdur_ms(5).ns);
	assert_int_equal(view(t, 1).remote_diag, BFD_DIAG_EXPIRED);
	t->cut[1] = false;
	run(t, mdur_s(4));
	until_up(t);
	net_free(t);
}

/* A process that did not run for less than the detection time of its peer hears what waited before it judges.
 */
static void test_pause(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct net *t = net_new(seed, mdur_ms(50), 3);

		run(t, mdur_s(5));
		until_up(t);
		for (int i = 0; i < 50; i++) {
			t->n[0].paused_until = mtime_add(t->now, mdur_ms(90));
			run(t, mdur_s(1));
		}
		assert_int_equal(t->n[0].falls + t->n[1].falls, 0);
		/* Longer, and the peer gives up; we learn it from the peer. */
		t->n[0].paused_until = mtime_add(t->now, mdur_ms(400));
		run(t, mdur_s(1));
		assert_int_equal(t->n[1].falls, 1);
		assert_string_equal(t->n[1].why.id, "bfd-expired");
		assert_int_equal(t->n[0].falls, 1);
		assert_string_equal(t->n[0].why.id, "bfd-peer-down");
		net_free(t);
	}
}

/*
 * Intervals changed at random: no end may expect more than the other sends. In order, since an old interval
 * that comes after the new one counts until the next packet (BFD has no numbers without authentication).
 */
static void test_renegotiation(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct net *t = net_new(seed, mdur_ms(100), 5);

		t->in_order = true;
		run(t, mdur_s(5));
		until_up(t);
		for (int i = 0; i < 200; i++) {
			struct node *n = &t->n[rng_below(&t->rng, 2)];

			n->c.min_tx = mdur_ms(20 + (int64_t)rng_below(&t->rng, 1000));
			n->c.min_rx = mdur_ms(20 + (int64_t)rng_below(&t->rng, 1000));
			assert_int_equal(bfd_session_update(n->b, ID, &n->c, t->now, NULL), 0);
			drain(t, n == &t->n[1]);
			run(t, mdur_ms((int64_t)rng_below(&t->rng, 2000)));
		}
		run(t, mdur_s(20));
		assert_int_equal(t->n[0].falls + t->n[1].falls, 0);
		for (unsigned i = 0; i < 2; i++) {
			int64_t tx = t->n[i].c.min_tx.ns, rx = t->n[!i].c.min_rx.ns, want = tx > rx ? tx : rx;

			assert_false(view(t, i).polling);
			assert_int_equal(view(t, i).tx_interval.ns, want);
			assert_int_equal(view(t, !i).detection.ns, 5 * want);
		}
		net_free(t);
	}
}

static void test_admin(void **state)
{
	struct net *t = net_new(9, mdur_ms(50), 3);

	(void)state;
	run(t, mdur_s(5));
	until_up(t);
	bfd_session_admin(t->n[0].b, ID, false, t->now);
	drain(t, 0);
	run(t, mdur_s(10));
	assert_int_equal(t->n[1].falls, 1);
	assert_true(t->n[1].admin);
	assert_int_equal(view(t, 1).remote_state, BFD_ADMIN_DOWN);
	bfd_session_admin(t->n[0].b, ID, true, t->now);
	drain(t, 0);
	run(t, mdur_s(4));
	until_up(t);
	/* A removal says the same with its one last packet. */
	bfd_session_remove(t->n[0].b, ID, t->now);
	drain(t, 0);
	run(t, mdur_ms(10));
	assert_int_equal(t->n[1].falls, 2);
	assert_true(t->n[1].admin);
	/* Back with another discriminator, before the peer has forgotten the old one. */
	assert_int_equal(bfd_session_add(t->n[0].b, ID, &t->n[0].c, t->now, NULL), 0);
	run(t, mdur_s(5));
	until_up(t);
	net_free(t);
}

/* One process dies and comes back within the detection time: it says Down, and the peer falls at once. */
static void test_restart(void **state)
{
	struct net *t = net_new(11, mdur_s(2), 10);

	(void)state;
	run(t, mdur_s(10));
	until_up(t);
	bfd_free(t->n[0].b);
	t->n[0].b = bfd_new(&t->rng, mdur_ms(1));
	assert_int_equal(bfd_session_add(t->n[0].b, ID, &t->n[0].c, t->now, NULL), 0);
	run(t, mdur_s(2));
	assert_int_equal(t->n[1].falls, 1);
	assert_string_equal(t->n[1].why.id, "bfd-peer-down");
	run(t, mdur_s(10));
	until_up(t);
	net_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_day),
		cmocka_unit_test(test_lossy),
		cmocka_unit_test(test_one_way),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_renegotiation),
		cmocka_unit_test(test_admin),
		cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

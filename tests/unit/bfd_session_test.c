/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One BFD session, whose peer is the test: each packet it gets is said here, each it sends is read here. The
 * expectations are those of RFC 5880 6.5 and 6.8.
 */
#include "bfd/packet.h"
#include "tests/support/rng_seeded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ID         7
#define PEER_DISCR 0x11223344

struct lab {
	struct bfd *b;
	mtime now;
	struct bfd_config c;
	struct bfd_arrival from;
	struct bfd_packet peer; /* what it says next */
	/* What came out of the last call: */
	struct bfd_packet sent[8];
	unsigned n_sent, n_states;
	struct bfd_action last_state;
};

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void drain(struct lab *l)
{
	struct bfd_action a;

	l->n_sent = l->n_states = 0;
	while (bfd_next_action(l->b, &a)) {
		if (a.kind == BFD_ACT_STATE) {
			l->n_states++;
			l->last_state = a;
			continue;
		}
		assert_true(l->n_sent < 8);
		assert_int_equal(
		    bfd_packet_parse(rd_init(a.send.data, BFD_PACKET_LEN), &l->sent[l->n_sent++]),
		    BFD_ACCEPTED);
	}
}

static struct lab lab_new(void)
{
	static uint64_t seed = 1;
	struct lab l = { .now = { 1000000000 } };
	struct rng rng = rng_seeded(&seed);

	l.c = (struct bfd_config){ .name = "core",
		.local = addr_of("192.0.2.1"),
		.remote = addr_of("192.0.2.2"),
		.min_tx = mdur_ms(300),
		.min_rx = mdur_ms(200),
		.multiplier = 3 };
	l.from = (struct bfd_arrival){ .local = l.c.local, .remote = l.c.remote, .ttl = 255, .ifindex = 4 };
	l.peer = (struct bfd_packet){
		.state = BFD_DOWN, .multiplier = 4, .my_discr = PEER_DISCR, .min_tx = 250000, .min_rx = 100000
	};
	l.b = bfd_new(&rng, mdur_ms(10));
	assert_non_null(l.b);
	assert_int_equal(bfd_session_add(l.b, ID, &l.c, l.now, NULL), 0);
	return l;
}

#define LAB(l)                                                                                               \
	struct lab l = lab_new();                                                                            \
	(void)state

static struct bfd_view view(const struct lab *l)
{
	struct bfd_view v;

	assert_int_equal(bfd_session_view(l->b, ID, &v), 0);
	return v;
}

static enum bfd_verdict say(struct lab *l)
{
	uint8_t buf[BFD_PACKET_LEN];
	struct wr w = wr_init(buf, sizeof(buf));
	enum bfd_verdict v;

	bfd_packet_build(&w, &l->peer);
	v = bfd_input(l->b, &l->from, buf, sizeof(buf), l->now);
	drain(l);
	return v;
}

static void hear(struct lab *l, enum bfd_state state)
{
	l->peer.state = state;
	l->peer.your_discr = view(l).local_discr;
	assert_int_equal(say(l), BFD_ACCEPTED);
}

static void up(struct lab *l)
{
	hear(l, BFD_DOWN);
	assert_int_equal(view(l).state, BFD_INIT);
	hear(l, BFD_INIT);
	assert_int_equal(view(l).state, BFD_UP);
}

/* To the next deadline; what was sent there is in l->sent. The time that passed. */
static mdur step(struct lab *l)
{
	mtime was = l->now;

	assert_false(mtime_is_never(bfd_deadline(l->b)));
	l->now = mtime_max(l->now, bfd_deadline(l->b));
	bfd_timer(l->b, l->now);
	drain(l);
	assert_true(bfd_deadline(l->b).ns > l->now.ns);
	return mtime_since(l->now, was);
}

/* --- 6.8.6: the table --- */
static void reach(struct lab *l, enum bfd_state st)
{
	if (st == BFD_INIT)
		hear(l, BFD_DOWN);
	else if (st == BFD_UP)
		up(l);
	else if (st == BFD_ADMIN_DOWN)
		bfd_session_admin(l->b, ID, false, l->now);
	drain(l);
	assert_int_equal(view(l).state, st);
}

static void test_states(void **state)
{
	/* [ours][received], as 6.8.6 says; AdminDown hears nothing. */
	static const enum bfd_state want[4][4] = {
		[BFD_ADMIN_DOWN] = { BFD_ADMIN_DOWN, BFD_ADMIN_DOWN, BFD_ADMIN_DOWN, BFD_ADMIN_DOWN },
		[BFD_DOWN] = { BFD_DOWN, BFD_INIT, BFD_UP, BFD_DOWN },
		[BFD_INIT] = { BFD_DOWN, BFD_INIT, BFD_UP, BFD_UP },
		[BFD_UP] = { BFD_DOWN, BFD_DOWN, BFD_UP, BFD_UP },
	};

	(void)state;
	for (int ours = 0; ours < 4; ours++)
		for (int theirs = 0; theirs < 4; theirs++) {
			LAB(l);
			bool fell = ours == BFD_UP && want[ours][theirs] == BFD_DOWN;

			reach(&l, (enum bfd_state)ours);
			l.peer.state = (enum bfd_state)theirs;
			l.peer.your_discr = view(&l).local_discr;
			assert_int_equal(
			    say(&l), ours == BFD_ADMIN_DOWN ? BFD_SESSION_ADMIN_DOWN : BFD_ACCEPTED);
			if (view(&l).state != want[ours][theirs])
				fail_msg("%s hears %s: %s", bfd_state_name((enum bfd_state)ours),
				    bfd_state_name((enum bfd_state)theirs), bfd_state_name(view(&l).state));
			assert_int_equal(l.n_states, (int)want[ours][theirs] != ours);
			if (l.n_states)
				assert_int_equal(l.last_state.state.fell, fell);
			if (fell) {
				assert_int_equal(view(&l).diag, BFD_DIAG_NEIGHBOUR);
				assert_int_equal(l.last_state.state.admin, theirs == BFD_ADMIN_DOWN);
				assert_string_equal(l.last_state.state.why.id,
				    theirs == BFD_ADMIN_DOWN ? "bfd-peer-admin-down" : "bfd-peer-down");
			}
			bfd_free(l.b);
		}
}

/* --- whose packet it is --- */
static void test_demultiplexing(void **state)
{
	LAB(l);
	struct bfd_arrival right = l.from;
	struct bfd_counters n;

	assert_int_equal(say(&l), BFD_ACCEPTED); /* no discriminator of ours: by the addresses */
	l.peer.your_discr = view(&l).local_discr + 1;
	assert_int_equal(say(&l), BFD_NO_SESSION);
	l.peer.your_discr = view(&l).local_discr;
	l.from.ttl = 254;
	assert_int_equal(say(&l), BFD_WRONG_TTL);
	l.from = right;
	l.from.remote = addr_of("192.0.2.3");
	assert_int_equal(say(&l), BFD_WRONG_PATH);
	l.peer.your_discr = 0;
	l.peer.state = BFD_DOWN;
	assert_int_equal(say(&l), BFD_NO_SESSION);
	l.from = right;
	l.from.multihop = true;
	assert_int_equal(say(&l), BFD_NO_SESSION);
	l.from = right;
	l.c.ifindex = 5;
	assert_int_equal(bfd_session_update(l.b, ID, &l.c, l.now, NULL), 0);
	assert_int_equal(say(&l), BFD_NO_SESSION);
	l.from.ifindex = 5;
	assert_int_equal(say(&l), BFD_ACCEPTED);
	assert_int_equal(view(&l).discarded, 2);
	bfd_counters(l.b, &n);
	assert_int_equal(n.packets[BFD_ACCEPTED], 2);
	assert_int_equal(n.packets[BFD_NO_SESSION], 4);
	assert_int_equal(n.packets[BFD_WRONG_TTL], 1);
	bfd_free(l.b);
}

/* Over several hops the TTL says nothing (RFC 5883 has no such check). */
static void test_multihop_ttl(void **state)
{
	LAB(l);

	bfd_session_remove(l.b, ID, l.now);
	drain(&l);
	l.c.multihop = true;
	assert_int_equal(bfd_session_add(l.b, ID, &l.c, l.now, NULL), 0);
	assert_int_equal(say(&l), BFD_NO_SESSION);
	l.from.multihop = true;
	l.from.ttl = 61;
	assert_int_equal(say(&l), BFD_ACCEPTED);
	bfd_free(l.b);
}

static void test_authentication(void **state)
{
	static const uint8_t packet[26] = { 0x20, 0x44, 3, 26, 1, 2, 3, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0,
		0, 0, 0, 0, 1, 2 };
	LAB(l);

	assert_int_equal(bfd_input(l.b, &l.from, packet, sizeof(packet), l.now), BFD_AUTHENTICATED);
	assert_int_equal(view(&l).last_discard, BFD_AUTHENTICATED);
	assert_int_equal(view(&l).state, BFD_DOWN);
	assert_int_equal(view(&l).packets_in, 0);
	bfd_free(l.b);
}

/* --- intervals --- */
static void test_slow_start(void **state)
{
	LAB(l);

	step(&l);
	for (int i = 0; i < 50; i++) {
		mdur d = step(&l);

		assert_in_range(d.ns, mdur_ms(750).ns, mdur_s(1).ns);
		assert_int_equal(l.n_sent, 1);
		assert_int_equal(l.sent[0].state, BFD_DOWN);
		assert_int_equal(l.sent[0].min_tx, 1000000);
		assert_int_equal(l.sent[0].min_rx, 200000);
		assert_int_equal(l.sent[0].multiplier, 3);
		assert_int_equal(l.sent[0].your_discr, 0);
		assert_int_equal(l.sent[0].min_echo_rx, 0);
		assert_false(l.sent[0].independent);
	}
	bfd_free(l.b);
}

/* Sends without a pause for detection: the peer is heard before each step. */
static void keep_alive(struct lab *l)
{
	hear(l, BFD_UP);
}

static void test_jitter(void **state)
{
	static const struct {
		uint8_t multiplier;
		int64_t least, most; /* percent of 300 ms */
	} row[] = { { 3, 75, 100 }, { 1, 75, 90 } };

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		LAB(l);
		int64_t low = INT64_MAX, high = 0;

		up(&l);
		l.c.multiplier = row[k].multiplier;
		assert_int_equal(bfd_session_update(l.b, ID, &l.c, l.now, NULL), 0);
		l.peer.final = true;
		keep_alive(&l);
		l.peer.final = false;
		step(&l);
		for (int i = 0; i < 2000; i++) {
			int64_t d;

			keep_alive(&l);
			d = step(&l).ns;
			assert_int_equal(l.n_sent, 1);
			low = d < low ? d : low;
			high = d > high ? d : high;
		}
		assert_in_range(low, mdur_ms(3).ns * row[k].least, mdur_ms(3).ns * (row[k].least + 1));
		assert_in_range(high, mdur_ms(3).ns * (row[k].most - 1), mdur_ms(3).ns * row[k].most);
		bfd_free(l.b);
	}
}

static void test_negotiation(void **state)
{
	LAB(l);

	up(&l);
	/* The slower of what we want and what the peer can take; detection by its multiplier. */
	assert_int_equal(view(&l).tx_interval.ns, mdur_ms(300).ns);
	assert_int_equal(view(&l).detection.ns, mdur_ms(4 * 250).ns);
	l.peer.min_rx = 2000000;
	l.peer.min_tx = 100000;
	keep_alive(&l);
	assert_int_equal(view(&l).tx_interval.ns, mdur_s(2).ns);
	assert_int_equal(view(&l).detection.ns, mdur_ms(4 * 200).ns); /* ours is slower now */
	/* It can take none at all: silence, but for answers to polls. */
	l.peer.min_rx = 0;
	l.peer.poll = true;
	keep_alive(&l);
	assert_int_equal(l.n_sent, 1);
	assert_true(l.sent[0].final);
	l.peer.poll = false;
	l.now = mtime_add(l.now, mdur_ms(700));
	bfd_timer(l.b, l.now);
	drain(&l);
	assert_int_equal(l.n_sent, 0);
	bfd_free(l.b);
}

static void test_detection(void **state)
{
	LAB(l);
	mtime heard;

	up(&l);
	hear(&l, BFD_UP);
	heard = l.now;
	l.peer.independent = true;
	hear(&l, BFD_UP);
	while (view(&l).state == BFD_UP)
		step(&l);
	assert_int_equal(mtime_since(l.now, heard).ns, mdur_s(1).ns); /* 4 x 250 ms, to the nanosecond */
	assert_int_equal(view(&l).diag, BFD_DIAG_EXPIRED);
	assert_int_equal(view(&l).remote_discr, 0);
	assert_int_equal(view(&l).downs, 1);
	assert_true(l.last_state.state.fell);
	assert_false(l.last_state.state.admin);
	assert_true(l.last_state.state.independent);
	assert_string_equal(l.last_state.state.why.id, "bfd-expired");
	assert_non_null(strstr(l.last_state.state.why.text, "1000 ms"));
	assert_int_equal(l.n_sent, 1); /* told at once */
	assert_int_equal(l.sent[0].state, BFD_DOWN);
	assert_int_equal(l.sent[0].diag, BFD_DIAG_EXPIRED);
	assert_int_equal(l.sent[0].min_tx, 1000000);
	bfd_free(l.b);
}

/* --- 6.5 and 6.8.3: Poll Sequences --- */
static void test_poll_at_up(void **state)
{
	LAB(l);

	hear(&l, BFD_DOWN);
	hear(&l, BFD_INIT);
	assert_int_equal(l.n_sent, 1);
	assert_true(l.sent[0].poll);
	assert_int_equal(l.sent[0].min_tx, 300000);
	keep_alive(&l);
	step(&l);
	assert_true(l.sent[0].poll); /* until there is an answer */
	l.peer.final = true;
	keep_alive(&l);
	l.peer.final = false;
	keep_alive(&l);
	step(&l);
	assert_false(l.sent[0].poll);
	bfd_free(l.b);
}

static void poll_answered(struct lab *l)
{
	l->peer.final = true;
	keep_alive(l);
	l->peer.final = false;
}

static void test_slower_waits_for_the_peer(void **state)
{
	LAB(l);

	up(&l);
	poll_answered(&l);
	/* Sending less often, and expecting packets more often, wait. */
	l.c.min_tx = mdur_s(3);
	l.c.min_rx = mdur_ms(50);
	l.peer.min_tx = 60000;
	keep_alive(&l);
	assert_int_equal(view(&l).detection.ns, mdur_ms(4 * 200).ns);
	assert_int_equal(bfd_session_update(l.b, ID, &l.c, l.now, NULL), 0);
	drain(&l);
	assert_int_equal(l.n_sent, 1);
	assert_true(l.sent[0].poll);
	assert_int_equal(l.sent[0].min_tx, 3000000);
	assert_int_equal(view(&l).tx_interval.ns, mdur_ms(300).ns);
	assert_int_equal(view(&l).detection.ns, mdur_ms(4 * 200).ns);
	poll_answered(&l);
	assert_int_equal(view(&l).tx_interval.ns, mdur_s(3).ns);
	assert_int_equal(view(&l).detection.ns, mdur_ms(4 * 60).ns);
	/* The other way round counts at once. */
	l.c.min_tx = mdur_ms(100);
	l.c.min_rx = mdur_ms(400);
	assert_int_equal(bfd_session_update(l.b, ID, &l.c, l.now, NULL), 0);
	assert_int_equal(view(&l).tx_interval.ns, mdur_ms(100).ns);
	assert_int_equal(view(&l).detection.ns, mdur_ms(4 * 400).ns);
	bfd_free(l.b);
}

/* Changed again under way: the F may answer the older values, so another sequence follows, apart from the
 * first. */
static void test_poll_again(void **state)
{
	LAB(l);

	up(&l);
	poll_answered(&l);
	l.c.min_tx = mdur_s(2);
	assert_int_equal(bfd_session_update(l.b, ID, &l.c, l.now, NULL), 0);
	drain(&l);
	l.c.min_tx = mdur_s(4);
	assert_int_equal(bfd_session_update(l.b, ID, &l.c, l.now, NULL), 0);
	drain(&l);
	poll_answered(&l);
	assert_int_equal(view(&l).tx_interval.ns, mdur_ms(300).ns);
	drain(&l);
	keep_alive(&l);
	step(&l);
	assert_false(l.sent[0].poll);
	keep_alive(&l);
	step(&l);
	assert_true(l.sent[0].poll);
	assert_int_equal(l.sent[0].min_tx, 4000000);
	poll_answered(&l);
	assert_int_equal(view(&l).tx_interval.ns, mdur_s(4).ns);
	bfd_free(l.b);
}

static void test_poll_of_the_peer(void **state)
{
	LAB(l);
	mtime before;

	up(&l);
	before = bfd_deadline(l.b);
	l.peer.poll = true;
	keep_alive(&l);
	assert_int_equal(l.n_sent, 1);
	assert_true(l.sent[0].final);
	assert_false(l.sent[0].poll); /* though our own poll is on */
	assert_true(view(&l).polling);
	assert_int_equal(bfd_deadline(l.b).ns, before.ns); /* the timer is not moved by it */
	bfd_free(l.b);
}

/* --- demand mode of the peer (6.6, 6.8.7) --- */
static void test_demand(void **state)
{
	LAB(l);

	up(&l);
	poll_answered(&l);
	l.peer.demand = true;
	keep_alive(&l);
	for (int i = 0; i < 10; i++) { /* the peer goes on sending; we don't */
		l.now = mtime_add(l.now, mdur_ms(250));
		bfd_timer(l.b, l.now);
		drain(&l);
		assert_int_equal(l.n_sent, 0);
		keep_alive(&l);
	}
	l.peer.poll = true;
	keep_alive(&l);
	assert_int_equal(l.n_sent, 1);
	assert_true(l.sent[0].final);
	l.peer.poll = false;
	/* A Poll Sequence of ours is sent all the same, until it is answered. */
	l.c.min_rx = mdur_ms(500);
	assert_int_equal(bfd_session_update(l.b, ID, &l.c, l.now, NULL), 0);
	drain(&l);
	assert_int_equal(l.n_sent, 1);
	assert_true(l.sent[0].poll);
	step(&l);
	assert_int_equal(l.n_sent, 1);
	poll_answered(&l);
	l.now = mtime_add(l.now, mdur_ms(900));
	bfd_timer(l.b, l.now);
	drain(&l);
	assert_int_equal(l.n_sent, 0);
	/* Down ends it. */
	hear(&l, BFD_DOWN);
	assert_int_equal(l.n_sent, 1);
	assert_int_equal(l.sent[0].state, BFD_DOWN);
	assert_false(mtime_is_never(bfd_deadline(l.b)));
	bfd_free(l.b);
}

/* --- administratively down --- */
static void test_admin(void **state)
{
	LAB(l);

	up(&l);
	bfd_session_admin(l.b, ID, false, l.now);
	drain(&l);
	assert_int_equal(l.n_states, 1);
	assert_true(l.last_state.state.fell && l.last_state.state.admin);
	assert_string_equal(l.last_state.state.why.id, "bfd-admin-down");
	assert_int_equal(l.n_sent, 1);
	assert_int_equal(l.sent[0].state, BFD_ADMIN_DOWN);
	assert_int_equal(l.sent[0].diag, BFD_DIAG_ADMIN);
	step(&l); /* the peer's silence is noted without ado, and we go on saying so */
	step(&l);
	assert_int_equal(view(&l).state, BFD_ADMIN_DOWN);
	bfd_session_admin(l.b, ID, true, l.now);
	drain(&l);
	assert_int_equal(l.sent[0].state, BFD_DOWN);
	up(&l);
	/* Removed: one last packet, and the session is gone. */
	bfd_session_remove(l.b, ID, l.now);
	drain(&l);
	assert_int_equal(l.n_sent, 1);
	assert_int_equal(l.n_states, 0);
	assert_int_equal(l.sent[0].state, BFD_ADMIN_DOWN);
	assert_int_equal(bfd_session_view(l.b, ID, &(struct bfd_view){ 0 }), -1);
	assert_true(mtime_is_never(bfd_deadline(l.b)));
	bfd_free(l.b);
}

/* --- configuration --- */
static void test_refused(void **state)
{
	LAB(l);
	struct bfd_config c = l.c;
	struct reason why = { 0 };

	assert_int_equal(bfd_session_add(l.b, ID, &c, l.now, &why), -1);
	assert_int_equal(bfd_session_add(l.b, ID + 1, &c, l.now, &why), -1); /* the same addresses */
	assert_string_equal(why.id, "bfd-duplicate");
	c.remote = addr_of("192.0.2.9");
	c.min_tx = mdur_ms(9); /* below what was promised */
	assert_int_equal(bfd_session_add(l.b, ID + 1, &c, l.now, &why), -1);
	assert_string_equal(why.id, "bfd-invalid");
	c.min_tx = mdur_ms(10);
	c.multiplier = 0;
	assert_int_equal(bfd_session_add(l.b, ID + 1, &c, l.now, &why), -1);
	c.multiplier = 1;
	c.remote = addr_of("2001:db8::1");
	assert_int_equal(bfd_session_add(l.b, ID + 1, &c, l.now, &why), -1);
	bfd_free(l.b);
}

static void test_crowd(void **state)
{
	LAB(l);
	struct bfd_config c = l.c;
	struct reason why;
	static struct bfd_view v[BFD_SESSIONS_MAX];

	for (uint32_t i = 1; i < BFD_SESSIONS_MAX; i++) {
		c.remote = addr_v4(0x0a000000 + i);
		assert_int_equal(bfd_session_add(l.b, 100 + i, &c, l.now, &why), 0);
		assert_int_equal(bfd_session_view(l.b, 100 + i, &v[i]), 0);
		for (uint32_t k = 1; k < i; k++)
			assert_int_not_equal(v[k].local_discr, v[i].local_discr);
	}
	c.remote = addr_v4(0x0b000000);
	assert_int_equal(bfd_session_add(l.b, 99, &c, l.now, &why), -1);
	assert_string_equal(why.id, "bfd-too-many");
	bfd_free(l.b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_demultiplexing),
		cmocka_unit_test(test_multihop_ttl),
		cmocka_unit_test(test_authentication),
		cmocka_unit_test(test_slow_start),
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_negotiation),
		cmocka_unit_test(test_detection),
		cmocka_unit_test(test_poll_at_up),
		cmocka_unit_test(test_slower_waits_for_the_peer),
		cmocka_unit_test(test_poll_again),
		cmocka_unit_test(test_poll_of_the_peer),
		cmocka_unit_test(test_demand),
		cmocka_unit_test(test_admin),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

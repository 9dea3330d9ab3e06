/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Graceful restart (RFC 4724, RFC 8538) out of order: a peer that falls in the middle of its table, twice,
 * comes back with fewer routes, with other families, too late, or says things of its restart that don't fit.
 */
#include "tests/support/bgp_lab.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Each of the three: 1 for it is there. */
static unsigned there(const struct lab *l)
{
	return (bnet_route(l->a, LAB_ROUTE_200) ? 100U : 0) + (bnet_route(l->a, LAB_ROUTE_201) ? 10U : 0) +
	       (bnet_route(l->a, LAB_ROUTE_V6) ? 1U : 0);
}

static void tell(struct lab *l, unsigned which)
{
	if (which / 100)
		lab_update(l, LAB_SOUND, LAB_NET_200);
	if (which / 10 % 10)
		lab_update(l, LAB_SOUND, LAB_NET_201);
	if (which % 10)
		lab_update(l, LAB_V6, "");
}

/* As soon as it is taken: later and later where it falls again and again. */
static void back(struct lab *l, const struct open_msg *o)
{
	for (unsigned i = 0; i < 40 && l->a->peer[1].state == BGP_IDLE; i++)
		lab_run_ms(l, 500);
	lab_establish(l, o);
}

static void ends(struct lab *l)
{
	lab_eor(l, false);
	lab_eor(l, true);
}

/*
 * What the peer tells in each of its sessions, one after the other, each cut before End-of-RIB: after a fall
 * exactly what that session had told is kept (4.2: "previously" stale routes go), and after the last one's
 * End-of-RIB exactly what that one told.
 */
static void test_cut_tables(void **state)
{
	static const unsigned sessions[][4] = {
		{ 111, 100, 11, 100 },
		{ 111, 0, 111, 111 },
		{ 100, 110, 111, 0 },
		{ 111, 11, 11, 1 },
		{ 0, 111, 10, 10 },
		{ 1, 1, 1, 1 },
		{ 111, 111, 100, 10 },
	};

	(void)state;
	for (unsigned with_r = 0; with_r < 2; with_r++) /* the R bit changes nothing for a helper */
		for (unsigned i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++) {
			struct bgp_peer_config c = lab_config();
			struct open_msg o = lab_restarter(false);
			struct lab l = lab_new(&c);
			unsigned held = 0;

			for (unsigned k = 0; k < 4; k++) {
				unsigned before = held;

				back(&l, &o);
				o.caps.restart.restarting = with_r;
				assert_int_equal(there(&l), before); /* kept till it says otherwise */
				tell(&l, sessions[i][k]);
				held = sessions[i][k];
				if (k == 3)
					break;
				lab_drop(&l);
				if (there(&l) != held)
					fail_msg(
					    "row %u, fall %u: %03u is kept, not %03u", i, k, there(&l), held);
			}
			ends(&l);
			assert_int_equal(there(&l), held);
			assert_int_equal(bnet_view(l.a, 1).session.stale_left.ns, 0);
			bnet_free(l.net);
		}
}

/* End-of-RIB of the one family says nothing of the other, and one in a session without stale routes nothing
 * at all. */
static void test_end_of_rib_order(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_restarter(false);
	struct lab l = lab_with_routes(&c, &o);

	(void)state;
	ends(&l); /* twice */
	assert_true(lab_all_there(&l));
	lab_drop(&l);
	back(&l, &o);
	lab_eor(&l, true);
	assert_int_equal(there(&l), 110);
	lab_eor(&l, true);
	tell(&l, 10);
	lab_eor(&l, false);
	assert_int_equal(there(&l), 10);
	bnet_free(l.net);

	/* And the time of the other one goes on. */
	c.session.stale_time = mdur_s(20);
	l = lab_with_routes(&c, &o);
	lab_drop(&l);
	back(&l, &o);
	tell(&l, 101);
	lab_eor(&l, true);
	lab_run_ms(&l, 10000);
	raw_keepalive(l.net, l.x);
	assert_int_equal(there(&l), 111);
	lab_run_ms(&l, 12000);
	assert_int_equal(there(&l), 101);
	bnet_free(l.net);
}

/* It comes back as another speaker. */
static void test_changed(void **state)
{
	static const struct {
		const char *what;
		bool family6, keeps6, forwards4; /* of its second OPEN */
		uint16_t time;
		unsigned stays;  /* at once when it is back */
		unsigned second; /* when it falls again, having told all that it still can */
	} row[] = {
		{ "IPv6 is not spoken any more", false, false, true, 60, 110, 110 },
		{ "IPv6 is not spoken any more, but said to be kept", false, true, true, 60, 110, 110 },
		{ "IPv6 is spoken, and not kept", true, false, true, 60, 110, 110 },
		{ "IPv4 was not kept this time", true, true, false, 60, 1, 111 },
		{ "a restart time of 0", true, true, true, 0, 111, 0 },
		{ "nothing of it has changed", true, true, true, 60, 111, 111 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct bgp_peer_config c = lab_config();
		struct open_msg o = lab_restarter(false);
		struct lab l = lab_with_routes(&c, &o);

		lab_drop(&l);
		o.caps.family[BGP_IPV6] = row[i].family6;
		o.caps.restart.family[BGP_IPV6] = o.caps.restart.forwarding[BGP_IPV6] = row[i].keeps6;
		o.caps.restart.forwarding[BGP_IPV4] = row[i].forwards4;
		o.caps.restart.time = row[i].time;
		back(&l, &o);
		if (there(&l) != row[i].stays)
			fail_msg("%s: %03u stays", row[i].what, there(&l));
		tell(&l, row[i].family6 ? 111 : 110);
		ends(&l);
		lab_drop(&l);
		lab_run_ms(&l, 100);
		if (there(&l) != row[i].second)
			fail_msg("%s: %03u stays the second time", row[i].what, there(&l));
		bnet_free(l.net);
	}
}

/* Its time runs out while it is on its way back: connected, or its OPEN read, but not established. */
static void test_too_late(void **state)
{
	(void)state;
	for (unsigned opened = 0; opened < 2; opened++) {
		struct bgp_peer_config c = lab_config();
		struct open_msg o = lab_restarter(false);
		struct lab l = lab_with_routes(&c, &o);

		lab_drop(&l);
		lab_run_ms(&l, 58000);
		assert_true(lab_all_there(&l));
		bnet_raw_connect(l.net, l.x, LAB_THEIRS, LAB_OURS);
		lab_run_ms(&l, 200);
		if (opened)
			raw_open(l.net, l.x, &o);
		lab_run_ms(&l, 3000);
		assert_true(lab_none_there(&l));
		assert_string_equal(l.a->peer[1].report.id, "bgp-restart-expired");
		if (!opened)
			raw_open(l.net, l.x, &o);
		raw_keepalive(l.net, l.x);
		lab_run_ms(&l, 500);
		assert_int_equal(l.a->peer[1].state, BGP_ESTABLISHED);
		assert_true(lab_none_there(&l));
		tell(&l, 101);
		ends(&l);
		assert_int_equal(there(&l), 101);
		bnet_free(l.net);
	}
}

/* RFC 8538: NOTIFICATIONs while routes are stale of the time before. What has been told again is kept once
 * more, except with a Hard Reset. */
static void test_notified_again(void **state)
{
	static const struct {
		uint8_t code, subcode;
		unsigned stays;
	} row[] = {
		{ BGP_ERR_CEASE, BGP_CEASE_RESET, 100 },
		{ BGP_ERR_HOLD_TIMER, 0, 100 },
		{ BGP_ERR_CEASE, BGP_CEASE_HARD_RESET, 0 },
		{ BGP_ERR_CEASE, BGP_CEASE_SHUTDOWN, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct bgp_peer_config c = lab_config();
		struct open_msg o = lab_restarter(true);
		struct lab l = lab_with_routes(&c, &o);

		raw_notify(l.net, l.x, BGP_ERR_CEASE, BGP_CEASE_RESET);
		lab_run_ms(&l, 200);
		assert_true(lab_all_there(&l));
		back(&l, &o);
		tell(&l, 100);
		assert_true(lab_all_there(&l));
		raw_notify(l.net, l.x, row[i].code, row[i].subcode);
		lab_run_ms(&l, 200);
		if (there(&l) != row[i].stays)
			fail_msg("NOTIFICATION %u/%u: %03u stays", row[i].code, row[i].subcode, there(&l));
		bnet_free(l.net);
	}
}

static void wait_until(struct lab *l, mtime at)
{
	while (l->net->now.ns < at.ns) {
		raw_keepalive(l->net, l->x);
		lab_run_ms(l, 500);
	}
}

/* End-of-RIB never comes, again and again: what was not told again has stale-time from the fall, and no more.
 */
static void test_never_ends(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_restarter(false);
	struct lab l;

	(void)state;
	c.session.stale_time = mdur_s(40);
	l = lab_with_routes(&c, &o);
	for (unsigned i = 0; i < 6; i++) {
		unsigned before = there(&l), again = i % 2 ? 110 : 100;
		mtime fell = l.net->now;

		lab_drop(&l);
		back(&l, &o);
		tell(&l, again);
		wait_until(&l, mtime_add(fell, mdur_s(39)));
		if (there(&l) != (before == 111 ? 111 : 110))
			fail_msg("fall %u: %03u in time", i, there(&l));
		wait_until(&l, mtime_add(fell, mdur_s(42)));
		if (there(&l) != again)
			fail_msg("fall %u: %03u too late", i, there(&l));
		assert_string_equal(l.a->peer[1].report.id, "bgp-stale-expired");
	}
	bnet_free(l.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_tables),
		cmocka_unit_test(test_end_of_rib_order),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_too_late),
		cmocka_unit_test(test_notified_again),
		cmocka_unit_test(test_never_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

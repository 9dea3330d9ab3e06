/* SPDX-License-Identifier: Apache-2.0 */
/* Route refresh, plain (RFC 2918) and enhanced (RFC 7313), both ways, with changes in the middle of it. */
#include "bgp/nlri.h"
#include "tests/support/bgp_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NET_200 "10.200.0.0/16"
#define NET_201 "10.201.0.0/16"
#define NET_V6  "2001:db8:b::/48"

#define REFRESH_V4 "0001 00 01"
#define BEGIN_V4   "0001 01 01"
#define END_V4     "0001 02 01"

static struct lab lab_up(bool enhanced)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_open();
	struct lab l = lab_new(&c);

	o.caps.enhanced_refresh = enhanced;
	lab_establish(&l, &o);
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	lab_update(&l, LAB_SOUND, LAB_NET_201);
	lab_update(&l, LAB_V6, "");
	return l;
}

static void refresh(struct lab *l, const char *body)
{
	raw_message(l->net, l->x, BGP_MSG_ROUTE_REFRESH, body);
	lab_run_ms(l, 200);
}

/* --- what the peer demarcates --- */
static void test_swept(void **state)
{
	struct lab l = lab_up(true);

	(void)state;
	assert_true(bnet_view(l.a, 1).session.enhanced_refresh);
	refresh(&l, BEGIN_V4);
	assert_int_equal(bnet_view(l.a, 1).session.stale[0], 2);
	assert_non_null(bnet_route(l.a, NET_201));
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	assert_int_equal(bnet_view(l.a, 1).session.stale[0], 1);
	refresh(&l, END_V4);
	assert_non_null(bnet_route(l.a, NET_200));
	assert_null(bnet_route(l.a, NET_201));
	assert_non_null(bnet_route(l.a, NET_V6)); /* another family */
	assert_int_equal(l.a->peer[1].falls, 0);
	bnet_free(l.net);
}

/* Signs that mean nothing: an end without a beginning, unknown subtypes, a family that was not agreed. */
static void test_ignored(void **state)
{
	static const char *const body[] = { END_V4, "0001 03 01", "0001 ff 01", "0001 01 02", "0003 01 01" };
	struct lab l = lab_up(true);

	(void)state;
	for (unsigned i = 0; i < sizeof(body) / sizeof(body[0]); i++)
		refresh(&l, body[i]);
	refresh(&l, END_V4);
	assert_non_null(bnet_route(l.a, NET_200));
	assert_non_null(bnet_route(l.a, NET_201));
	assert_int_equal(bnet_view(l.a, 1).session.stale[0], 0);
	assert_int_equal(l.a->peer[1].falls, 0);
	bnet_free(l.net);
}

/* The peer did not say that it knows RFC 7313: the octet is reserved, and each such message asks for routes.
 */
static void test_plain(void **state)
{
	struct lab l = lab_up(false);
	unsigned updates = raw_count(l.x, BGP_MSG_UPDATE);

	(void)state;
	bnet_announce(l.net, l.a, "10.0.0.0/16");
	lab_run_ms(&l, 200);
	refresh(&l, BEGIN_V4);
	refresh(&l, END_V4);
	assert_non_null(bnet_route(l.a, NET_201));
	assert_int_equal(raw_count(l.x, BGP_MSG_UPDATE), updates + 3);
	assert_int_equal(raw_count(l.x, BGP_MSG_ROUTE_REFRESH), 0);
	bnet_free(l.net);
}

static void test_never_ended(void **state)
{
	struct lab l = lab_up(true);

	(void)state;
	refresh(&l, BEGIN_V4);
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	for (unsigned i = 0; i < 29; i++) {
		raw_keepalive(l.net, l.x);
		lab_run_ms(&l, 20000);
	}
	assert_non_null(bnet_route(l.a, NET_201));
	raw_keepalive(l.net, l.x);
	lab_run_ms(&l, 21000);
	assert_null(bnet_route(l.a, NET_201));
	assert_non_null(bnet_route(l.a, NET_200));
	assert_string_equal(l.a->peer[1].report.id, "bgp-refresh-unended");
	bnet_free(l.net);
}

static void test_bad_length(void **state)
{
	static const struct {
		bool enhanced;
		const char *body;
		unsigned code;
	} row[] = {
		{ true, "0001 01 01 00", BGP_ERR_REFRESH << 8 | BGP_REFRESH_BAD_LENGTH },
		{ true, "0001 02", BGP_ERR_REFRESH << 8 | BGP_REFRESH_BAD_LENGTH },
		{ true, "0001 00 01 00", BGP_ERR_HEADER << 8 | BGP_HEADER_BAD_LENGTH },
		{ true, "00", BGP_ERR_HEADER << 8 | BGP_HEADER_BAD_LENGTH },
		{ false, "0001 01 01 00", BGP_ERR_HEADER << 8 | BGP_HEADER_BAD_LENGTH },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct lab l = lab_up(row[i].enhanced);

		refresh(&l, row[i].body);
		assert_int_equal(raw_notification(l.x), row[i].code);
		bnet_free(l.net);
	}
}

/* Refreshes without end, and a table larger than a turn's budget: what the last one left out is gone in the
 * end. */
static void test_many_rounds(void **state)
{
	struct lab l = lab_up(true);
	char nlri[64];

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(nlri, sizeof(nlri), "18 0b%02x%02x", i >> 8, i & 0xff); /* 11.x.y.0/24 */
		raw_update(l.net, l.x, "", LAB_SOUND, nlri);
	}
	lab_run_ms(&l, 2000);
	assert_int_equal(bnet_view(l.a, 1).received, 5003);
	for (unsigned i = 0; i < 700; i++) {
		raw_message(l.net, l.x, BGP_MSG_ROUTE_REFRESH, BEGIN_V4);
		raw_update(l.net, l.x, "", LAB_SOUND, LAB_NET_200);
		if (i % 3)
			raw_message(l.net, l.x, BGP_MSG_ROUTE_REFRESH, END_V4);
	}
	raw_message(l.net, l.x, BGP_MSG_ROUTE_REFRESH, END_V4);
	lab_run_ms(&l, 2000);
	assert_non_null(bnet_route(l.a, NET_200));
	assert_int_equal(bnet_view(l.a, 1).received, 2);
	assert_int_equal(bnet_view(l.a, 1).session.stale[0], 0);
	bnet_free(l.net);
}

/* More beginnings in one go than there are rounds, each with a route told after it: nothing is lost before an
 * EoRR says so, whatever other routes there are; and the next refresh is one like any other. */
static void test_many_begins(void **state)
{
	struct lab l = lab_up(true);

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		raw_message(l.net, l.x, BGP_MSG_ROUTE_REFRESH, BEGIN_V4);
		raw_update(l.net, l.x, "", LAB_SOUND, LAB_NET_200);
	}
	lab_run_ms(&l, 2000);
	assert_int_equal(bnet_view(l.a, 1).received, 3);
	assert_int_equal(bnet_view(l.a, 1).session.stale[0], 1);
	assert_non_null(bnet_route(l.a, NET_201));
	refresh(&l, END_V4);
	assert_non_null(bnet_route(l.a, NET_200));
	assert_null(bnet_route(l.a, NET_201));
	lab_update(&l, LAB_SOUND, LAB_NET_201);
	refresh(&l, BEGIN_V4);
	lab_update(&l, LAB_SOUND, LAB_NET_201);
	refresh(&l, END_V4);
	assert_null(bnet_route(l.a, NET_200));
	assert_non_null(bnet_route(l.a, NET_201));
	/* With nothing told between them they are one. */
	for (unsigned i = 0; i < 1000; i++)
		raw_message(l.net, l.x, BGP_MSG_ROUTE_REFRESH, BEGIN_V4);
	lab_run_ms(&l, 2000);
	assert_int_equal(bnet_view(l.a, 1).session.stale[0], 1);
	assert_non_null(bnet_route(l.a, NET_201));
	refresh(&l, END_V4);
	assert_null(bnet_route(l.a, NET_201));
	assert_int_equal(l.a->peer[1].falls, 0);
	bnet_free(l.net);
}

/* --- what we demarcate --- */
/* What x holds, had it obeyed each message in order: marks at BoRR, sweeps at EoRR. */
struct held {
	char prefix[64][48];
	bool fresh[64];
	unsigned n, begins, ends;
	bool in_refresh;
};

static void hold(struct held *h, const struct prefix *p, bool reach)
{
	unsigned i = 0;

	while (i < h->n && strcmp(h->prefix[i], prefix_str(p)))
		i++;
	if (!reach) {
		assert_true(i < h->n);
		h->n--;
		memmove(&h->prefix[i], &h->prefix[i + 1], (h->n - i) * sizeof(h->prefix[0]));
		memmove(&h->fresh[i], &h->fresh[i + 1], (h->n - i) * sizeof(h->fresh[0]));
		return;
	}
	if (i == h->n) {
		assert_true(h->n < 64);
		snprintf(h->prefix[h->n++], sizeof(h->prefix[0]), "%s", prefix_str(p));
	}
	h->fresh[i] = true;
}

static void take_update(struct held *h, struct rd body)
{
	static struct attr_scratch scratch;
	struct attr_context ctx = { .four_octet = true, .family = { true, true } };
	struct update u;
	struct prefix p;

	update_parse(body, &ctx, &scratch, &u);
	assert_int_equal(u.a.faults.worst, REACT_NONE);
	while (nlri_next(&u.withdrawn, 4, &p) > 0)
		hold(h, &p, false);
	while (nlri_next(&u.nlri, 4, &p) > 0)
		hold(h, &p, true);
}

static void take_refresh(struct held *h, struct rd body)
{
	struct refresh_msg m;

	assert_int_equal(refresh_parse(body, true, &m, NULL), 0);
	assert_int_equal(m.afi, BGP_AFI_IPV4);
	if (m.subtype == BGP_REFRESH_BEGIN) {
		assert_false(h->in_refresh);
		h->in_refresh = true;
		h->begins++;
		memset(h->fresh, 0, sizeof(h->fresh));
	} else {
		assert_int_equal(m.subtype, BGP_REFRESH_END);
		assert_true(h->in_refresh);
		h->in_refresh = false;
		h->ends++;
		for (unsigned i = 0; i < h->n; i++)
			if (!h->fresh[i])
				fail_msg("%s would be lost", h->prefix[i]);
	}
}

static void replay(struct lab *l, struct held *h)
{
	struct rd r = rd_init(l->x->raw_in, l->x->raw_len);

	memset(h, 0, sizeof(*h));
	while (rd_left(&r)) {
		struct msg_header m;
		struct rd body;

		assert_int_equal(header_parse(&r, &m, NULL), 0);
		body = rd_sub(&r, m.len - BGP_HEADER_LEN);
		if (m.type == BGP_MSG_UPDATE)
			take_update(h, body);
		else if (m.type == BGP_MSG_ROUTE_REFRESH)
			take_refresh(h, body);
	}
}

/* Requests while the table changes: nothing that stands is ever missing between BoRR and EoRR. */
static void test_answer(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 30; seed++) {
		struct bgp_peer_config c = lab_config();
		struct open_msg o = lab_open();
		struct lab l = { .net = bnet_new(seed) };
		struct held h;
		char text[32];
		uint32_t r = seed * 2654435761u;

		l.a = bnet_add(l.net, "a", LAB_OURS, 65001, LAB_OURS);
		l.x = bnet_add(l.net, "x", LAB_THEIRS, 0, NULL);
		l.net->window = 6000; /* little room: groups wait, and change while they do */
		bnet_peer_add(l.a, 1, &c);
		bnet_peer_start(l.net, l.a, 1);
		for (unsigned i = 0; i < 40; i++) {
			snprintf(text, sizeof(text), "10.%u.0.0/16", i);
			bnet_announce(l.net, l.a, text);
		}
		o.caps.enhanced_refresh = true;
		o.caps.family[BGP_IPV6] = false;
		lab_establish(&l, &o);
		for (unsigned i = 0; i < 60; i++) {
			r = r * 1664525u + 1013904223u;
			snprintf(text, sizeof(text), "10.%u.0.0/16", (r >> 8) % 40);
			if (r >> 28 < 4)
				raw_message(l.net, l.x, BGP_MSG_ROUTE_REFRESH, REFRESH_V4);
			else if (r >> 28 < 10)
				bnet_unannounce(l.net, l.a, text);
			else
				bnet_announce(l.net, l.a, text);
			lab_run_ms(&l, (r >> 16) % 40);
		}
		lab_run_ms(&l, 5000);
		replay(&l, &h);
		assert_true(h.begins > 0 && h.begins == h.ends);
		assert_int_equal(h.n, bnet_view(l.a, 1).advertised);
		assert_int_equal(bnet_view(l.a, 1).tables.waiting, 0);
		bnet_free(l.net);
	}
}

/* Who asks and asks and reads nothing has one answer waiting, and one more for all that it asked since. */
static void test_never_read(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_open();
	struct lab l = { .net = bnet_new(3) };
	struct held h;
	char text[32];

	(void)state;
	l.a = bnet_add(l.net, "a", LAB_OURS, 65001, LAB_OURS);
	l.x = bnet_add(l.net, "x", LAB_THEIRS, 0, NULL);
	l.net->window = 4500; /* for one UPDATE at most */
	bnet_peer_add(l.a, 1, &c);
	bnet_peer_start(l.net, l.a, 1);
	for (unsigned i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "10.%u.0.0/16", i);
		bnet_announce(l.net, l.a, text);
	}
	o.caps.enhanced_refresh = true;
	o.caps.family[BGP_IPV6] = false;
	o.hold_time = 0;
	lab_establish(&l, &o);
	bnet_stall(l.net, l.x, true);
	for (unsigned i = 0; i < 200; i++) {
		raw_message(l.net, l.x, BGP_MSG_ROUTE_REFRESH, REFRESH_V4);
		lab_run_ms(&l, 20);
	}
	bnet_unannounce(l.net, l.a, "10.7.0.0/16");
	bnet_stall(l.net, l.x, false);
	lab_run_ms(&l, 5000);
	replay(&l, &h);
	assert_in_range(h.begins, 1, 25); /* some went out before there was no room */
	assert_int_equal(h.begins, h.ends);
	assert_int_equal(h.n, 39);
	raw_message(l.net, l.x, BGP_MSG_ROUTE_REFRESH, REFRESH_V4); /* and it is answered as ever */
	lab_run_ms(&l, 1000);
	replay(&l, &h);
	assert_int_equal(h.begins, h.ends);
	assert_int_equal(h.n, 39);
	bnet_free(l.net);
}

/* A request before the first table is out: BoRR never comes before End-of-RIB (RFC 7313 4.1). */
static void test_after_end_of_rib(void **state)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_open();
	struct lab l = lab_new(&c);
	struct rd r;
	bool eor = false, begun = false;

	(void)state;
	bnet_announce(l.net, l.a, "10.0.0.0/16");
	o.caps.enhanced_refresh = o.caps.end_of_rib = true;
	bnet_raw_connect(l.net, l.x, LAB_THEIRS, LAB_OURS);
	lab_run_ms(&l, 200);
	raw_open(l.net, l.x, &o);
	raw_keepalive(l.net, l.x);
	raw_message(l.net, l.x, BGP_MSG_ROUTE_REFRESH, REFRESH_V4);
	lab_run_ms(&l, 1000);
	r = rd_init(l.x->raw_in, l.x->raw_len);
	while (rd_left(&r)) {
		struct msg_header m;

		assert_int_equal(header_parse(&r, &m, NULL), 0);
		(void)rd_skip(&r, m.len - BGP_HEADER_LEN);
		eor |= m.type == BGP_MSG_UPDATE && m.len == BGP_UPDATE_MIN;
		if (m.type == BGP_MSG_ROUTE_REFRESH)
			assert_true(eor);
		begun |= m.type == BGP_MSG_ROUTE_REFRESH;
	}
	assert_true(begun);
	bnet_free(l.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_swept),
		cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_never_ended),
		cmocka_unit_test(test_bad_length),
		cmocka_unit_test(test_many_rounds),
		cmocka_unit_test(test_many_begins),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_never_read),
		cmocka_unit_test(test_after_end_of_rib),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

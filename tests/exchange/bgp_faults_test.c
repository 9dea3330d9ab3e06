/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a speaker does to one that is wrong: OPENs and messages that must be answered with the right
 * NOTIFICATION, UPDATEs by the table of RFC 7606 (the session lives wherever that lets it), and speakers of
 * lesser abilities.
 */
#include "tests/support/bgp_raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define OURS   "10.0.0.10"
#define THEIRS "10.100.255.254"

/* Attributes of a sound route of AS 65515. */
#define ORIGIN  "40 01 01 00 "
#define PATH    "40 02 06 02 01 0000ffeb "
#define NEXTHOP "40 03 04 0a64fffe "
#define SOUND   ORIGIN PATH NEXTHOP
#define NET_200 "10 0ac8" /* 10.200.0.0/16 */
#define MP_V6                                                                                                \
	"80 0e 1c 0002 01 10 20010db8000b00000000000000000001 00 30 20010db8000b " /* 2001:db8:b::/48        \
	                                                                            */

struct lab {
	struct bnet *net;
	struct bnet_node *a, *x; /* the speaker, and the test */
};

static struct lab lab_new(enum bgp_mode mode, uint32_t peer_as)
{
	struct bgp_peer_config c = bnet_peer_config("gw", BGP_PEER_SITE, OURS, THEIRS, peer_as);
	struct lab l = { .net = bnet_new(1) };

	c.ipv4 = c.ipv6 = true;
	c.mode = mode;
	l.a = bnet_add(l.net, "a", OURS, 65001, OURS);
	l.x = bnet_add(l.net, "x", THEIRS, 0, NULL);
	bnet_peer_add(l.a, 1, &c);
	bnet_peer_start(l.net, l.a, 1);
	return l;
}

/* x connects; a is waiting. */
static struct lab lab_connected(void)
{
	struct lab l = lab_new(BGP_MODE_PASSIVE, 65515);

	bnet_raw_connect(l.net, l.x, THEIRS, OURS);
	bnet_run(l.net, mdur_ms(200));
	assert_int_equal(raw_count(l.x, BGP_MSG_OPEN), 1);
	return l;
}

static void establish(struct lab *l, const struct open_msg *o)
{
	raw_open(l->net, l->x, o);
	raw_keepalive(l->net, l->x);
	bnet_run(l->net, mdur_ms(500));
	assert_int_equal(l->a->peer[1].state, BGP_ESTABLISHED);
}

static struct lab lab_up(void)
{
	struct lab l = lab_connected();
	struct open_msg o = raw_open_msg(65515, THEIRS);

	establish(&l, &o);
	return l;
}

/* --- OPEN --- */
static void expect_refused(struct lab *l, unsigned code)
{
	bnet_run(l->net, mdur_ms(500));
	assert_int_equal(raw_notification(l->x), code);
	assert_true(l->x->raw_closed);
	assert_int_equal(l->a->peer[1].established, 0);
	assert_true(bnet_view(l->a, 1).last_error.id[0] != 0);
	bnet_free(l->net);
}

static void test_bad_open(void **state)
{
	struct {
		struct open_msg o;
		unsigned code;
	} row[] = {
		{ raw_open_msg(65514, THEIRS), BGP_ERR_OPEN << 8 | BGP_OPEN_PEER_AS },
		{ raw_open_msg(65515, THEIRS), BGP_ERR_OPEN << 8 | BGP_OPEN_VERSION },
		{ raw_open_msg(65515, THEIRS), BGP_ERR_OPEN << 8 | BGP_OPEN_HOLD_TIME },
		{ raw_open_msg(65515, "0.0.0.0"), BGP_ERR_OPEN << 8 | BGP_OPEN_BGP_ID },
		{ raw_open_msg(65515, THEIRS), BGP_ERR_OPEN << 8 | BGP_OPEN_PEER_AS },
	};

	(void)state;
	row[1].o.version = 3;
	row[2].o.hold_time = 2;
	row[4].o.caps.as = 0;
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct lab l = lab_connected();

		raw_open(l.net, l.x, &row[i].o);
		expect_refused(&l, row[i].code);
	}
}

static void test_bad_open_bytes(void **state)
{
	static const struct {
		const char *body;
		unsigned code;
	} row[] = {
		/* optional parameter of an unknown type */
		{ "04 ffeb 005a 0a64fffe 03 01 01 00", BGP_ERR_OPEN << 8 | BGP_OPEN_OPT_PARAM },
		/* parameters longer and shorter than said */
		{ "04 ffeb 005a 0a64fffe 05 02 02 02 00", BGP_ERR_OPEN << 8 | BGP_OPEN_UNSPECIFIC },
		{ "04 ffeb 005a 0a64fffe 02 02 02 02 00", BGP_ERR_OPEN << 8 | BGP_OPEN_UNSPECIFIC },
		/* a 4-octet AS capability of 3 octets */
		{ "04 ffeb 005a 0a64fffe 07 02 05 41 03 00ffeb", BGP_ERR_OPEN << 8 | BGP_OPEN_UNSPECIFIC },
		/* no family in common: IPv4 multicast alone */
		{ "04 ffeb 005a 0a64fffe 08 02 06 01 04 0001 00 02",
		    BGP_ERR_OPEN << 8 | BGP_OPEN_CAPABILITY },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct lab l = lab_connected();

		raw_message(l.net, l.x, BGP_MSG_OPEN, row[i].body);
		expect_refused(&l, row[i].code);
	}
}

static void test_bad_header(void **state)
{
	static const struct {
		const char *bytes;
		unsigned code;
	} row[] = {
		{ "ffffffffffffffffffffffffffffff00 0013 04", BGP_ERR_HEADER << 8 | BGP_HEADER_NOT_SYNC },
		{ "ffffffffffffffffffffffffffffffff 0012 04", BGP_ERR_HEADER << 8 | BGP_HEADER_BAD_LENGTH },
		{ "ffffffffffffffffffffffffffffffff 1001 02", BGP_ERR_HEADER << 8 | BGP_HEADER_BAD_LENGTH },
		{ "ffffffffffffffffffffffffffffffff 0014 04", BGP_ERR_HEADER << 8 | BGP_HEADER_BAD_LENGTH },
		{ "ffffffffffffffffffffffffffffffff 001c 01", BGP_ERR_HEADER << 8 | BGP_HEADER_BAD_LENGTH },
		{ "ffffffffffffffffffffffffffffffff 0013 09", BGP_ERR_HEADER << 8 | BGP_HEADER_BAD_TYPE },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct lab l = lab_connected();
		uint8_t bytes[64];

		bnet_raw_write(l.net, l.x, bytes, raw_hex(row[i].bytes, bytes, sizeof(bytes)));
		expect_refused(&l, row[i].code);
	}
}

static void test_unexpected(void **state)
{
	struct lab l = lab_connected();
	struct open_msg o = raw_open_msg(65515, THEIRS);

	(void)state;
	raw_keepalive(l.net, l.x);
	expect_refused(&l, BGP_ERR_FSM << 8 | BGP_FSM_IN_OPENSENT);

	l = lab_connected();
	raw_open(l.net, l.x, &o);
	raw_update(l.net, l.x, "", "", "");
	expect_refused(&l, BGP_ERR_FSM << 8 | BGP_FSM_IN_OPENCONFIRM);

	l = lab_up();
	raw_open(l.net, l.x, &o);
	bnet_run(l.net, mdur_ms(500));
	assert_int_equal(raw_notification(l.x), BGP_ERR_FSM << 8 | BGP_FSM_IN_ESTABLISHED);
	assert_int_equal(l.a->peer[1].state, BGP_IDLE);
	bnet_free(l.net);
}

static void test_silent(void **state)
{
	struct lab l = lab_connected();

	(void)state;
	bnet_run(l.net, mdur_s(230)); /* no OPEN comes: four minutes */
	assert_int_equal(l.a->peer[1].state, BGP_OPENSENT);
	bnet_run(l.net, mdur_s(20));
	assert_int_equal(raw_notification(l.x), BGP_ERR_HOLD_TIMER << 8);
	bnet_free(l.net);
}

/* --- UPDATE: RFC 7606 --- */
enum outcome { ACCEPTED, REFUSED, ABSENT };

static const struct {
	const char *what, *withdrawn, *attrs, *nlri;
	enum outcome v4, v6; /* of 10.200.0.0/16 and 2001:db8:b::/48 */
	unsigned reset;      /* subcode of the UPDATE error; 0: the session lives */
	bool v6_dead;        /* the family is ignored from then on */
} updates[] = {
	{ "sound", "", SOUND, NET_200, ACCEPTED, ABSENT, 0, false },
	{ "sound, both families", "", SOUND MP_V6, NET_200, ACCEPTED, ACCEPTED, 0, false },
	{ "IPv6 alone needs no NEXT_HOP", "", ORIGIN PATH MP_V6, "", ABSENT, ACCEPTED, 0, false },
	/* 3 c: flags */
	{ "ORIGIN optional", "", "c0 01 01 00" PATH NEXTHOP, NET_200, REFUSED, ABSENT, 0, false },
	{ "MED well-known", "", SOUND "40 04 04 00000001", NET_200, REFUSED, ABSENT, 0, false },
	{ "MP_REACH transitive", "",
	    SOUND "c0 0e 1c 0002 01 10 20010db8000b00000000000000000001 00 30 20010db8000b", NET_200, REFUSED,
	    REFUSED, 0, false },
	{ "unused low flag bits are ignored", "", "4f 01 01 00" PATH NEXTHOP, NET_200, ACCEPTED, ABSENT, 0,
	    false },
	/* 3 d: mandatory */
	{ "no ORIGIN", "", PATH NEXTHOP, NET_200, REFUSED, ABSENT, 0, false },
	{ "no AS_PATH", "", ORIGIN NEXTHOP, NET_200, REFUSED, ABSENT, 0, false },
	{ "no NEXT_HOP", "", ORIGIN PATH, NET_200, REFUSED, ABSENT, 0, false },
	/* 3 g: repeated */
	{ "ORIGIN twice", "", SOUND "40 01 01 02", NET_200, ACCEPTED, ABSENT, 0, false },
	{ "MP_REACH twice", "", SOUND MP_V6 MP_V6, NET_200, ABSENT, ABSENT, BGP_UPDATE_ATTR_LIST, false },
	/* 4: lengths */
	{ "attribute overruns", "", SOUND "80 04 09 00000001", NET_200, REFUSED, ABSENT, 0, false },
	{ "stray bytes", "", SOUND "80 04", NET_200, REFUSED, ABSENT, 0, false },
	/* 5.2: no prefix */
	{ "broken and nothing reachable", "", "40 01 01 07" PATH NEXTHOP, "", ABSENT, ABSENT,
	    BGP_UPDATE_ATTR_LIST, false },
	{ "discarded and nothing reachable", "", SOUND "40 06 01 00", "", ABSENT, ABSENT, 0, false },
	/* 5.3: prefixes */
	{ "NLRI /33", "", SOUND, "21 0ac8000000", ABSENT, ABSENT, BGP_UPDATE_NETWORK, false },
	{ "NLRI cut short", "", SOUND, "18 0ac8", ABSENT, ABSENT, BGP_UPDATE_NETWORK, false },
	{ "withdrawn /33", "21 0ac8000000", "", "", ABSENT, ABSENT, BGP_UPDATE_NETWORK, false },
	{ "host bits set are cleared", "", SOUND, "0f 0ac9", ABSENT, ABSENT, 0, false },
	/* 7.1 to 7.8 */
	{ "ORIGIN 3", "", "40 01 01 03" PATH NEXTHOP, NET_200, REFUSED, ABSENT, 0, false },
	{ "ORIGIN of two bytes", "", "40 01 02 0000" PATH NEXTHOP, NET_200, REFUSED, ABSENT, 0, false },
	{ "AS_PATH segment type 9", "", ORIGIN "40 02 06 09 01 0000ffeb" NEXTHOP, NET_200, REFUSED, ABSENT, 0,
	    false },
	{ "AS_PATH empty segment", "", ORIGIN "40 02 08 02 01 0000ffeb 02 00" NEXTHOP, NET_200, REFUSED,
	    ABSENT, 0, false },
	{ "AS_PATH overrun", "", ORIGIN "40 02 06 02 02 0000ffeb" NEXTHOP, NET_200, REFUSED, ABSENT, 0,
	    false },
	{ "AS_PATH stray byte", "", ORIGIN "40 02 07 02 01 0000ffeb 02" NEXTHOP, NET_200, REFUSED, ABSENT, 0,
	    false },
	{ "AS_PATH confederation", "", ORIGIN "40 02 06 03 01 0000ffeb" NEXTHOP, NET_200, REFUSED, ABSENT, 0,
	    false },
	{ "AS 0 in AS_PATH", "", ORIGIN "40 02 0a 02 02 0000ffeb 00000000" NEXTHOP, NET_200, REFUSED, ABSENT,
	    0, false },
	{ "NEXT_HOP of 5 bytes", "", ORIGIN PATH "40 03 05 0a64fffe00", NET_200, REFUSED, ABSENT, 0, false },
	{ "MED of 3 bytes", "", SOUND "80 04 03 000001", NET_200, REFUSED, ABSENT, 0, false },
	{ "LOCAL_PREF from outside, malformed too", "", SOUND "40 05 02 0001", NET_200, ACCEPTED, ABSENT, 0,
	    false },
	{ "ATOMIC_AGGREGATE with a byte", "", SOUND "40 06 01 00", NET_200, ACCEPTED, ABSENT, 0, false },
	{ "AGGREGATOR of 6 bytes from a 4-octet speaker", "", SOUND "c0 07 06 ffeb 0a64fffe", NET_200,
	    ACCEPTED, ABSENT, 0, false },
	{ "COMMUNITIES of 5 bytes", "", SOUND "c0 08 05 ffeb000100", NET_200, REFUSED, ABSENT, 0, false },
	{ "COMMUNITIES empty", "", SOUND "c0 08 00", NET_200, REFUSED, ABSENT, 0, false },
	{ "ORIGINATOR_ID and CLUSTER_LIST from outside", "", SOUND "80 09 04 01020304 80 0a 03 010203",
	    NET_200, ACCEPTED, ABSENT, 0, false },
	/* 7.11, RFC 4760 */
	{ "MP_REACH with a next hop of 5", "", SOUND "80 0e 0b 0002 01 05 0102030405 00 00", NET_200,
	    ACCEPTED, ABSENT, 0, true },
	{ "MP_REACH prefix /129", "",
	    SOUND "80 0e 1b 0002 01 10 20010db8000b00000000000000000001 00 81 20010db800", NET_200, ACCEPTED,
	    ABSENT, 0, true },
	{ "MP_REACH too short for a family", "", SOUND "80 0e 02 0002", NET_200, ABSENT, ABSENT,
	    BGP_UPDATE_OPTIONAL, false },
	{ "MP_REACH of another family", "", SOUND "80 0e 05 0019 41 00 00", NET_200, ACCEPTED, ABSENT, 0,
	    false },
	{ "MP_UNREACH malformed", "", "80 0f 05 0002 01 81 20", "", ABSENT, ABSENT, 0, true },
	/* others */
	{ "unknown well-known", "", SOUND "40 63 00", NET_200, ABSENT, ABSENT, BGP_UPDATE_UNKNOWN_WELL_KNOWN,
	    false },
	{ "unknown optional", "", SOUND "c0 63 02 0102 80 64 01 00", NET_200, ACCEPTED, ABSENT, 0, false },
	{ "extended communities of 7", "", SOUND "c0 10 07 00020001000100", NET_200, REFUSED, ABSENT, 0,
	    false },
	{ "large communities of 11", "", SOUND "c0 20 0b 0000000100000002000000", NET_200, REFUSED, ABSENT, 0,
	    false },
	{ "AS4_PATH from a 4-octet speaker", "", SOUND "c0 11 06 02 01 00010000", NET_200, ACCEPTED, ABSENT,
	    0, false },
	{ "worst of two counts", "", "40 01 01 07" PATH NEXTHOP "80 0e 02 0002", NET_200, ABSENT, ABSENT,
	    BGP_UPDATE_OPTIONAL, false },
};

static void check_route(const struct lab *l, const char *prefix, enum outcome want, const char *what)
{
	struct bgp_route_view v;
	bool there = bnet_row(l->a, BGP_RIB_RECEIVED, prefix, 1, &v);
	bool refused = bnet_row(l->a, BGP_RIB_REJECTED, prefix, 1, &v);
	enum outcome is = !there ? ABSENT : refused ? REFUSED : ACCEPTED;

	if (is != want)
		fail_msg("%s: %s is %d, not %d", what, prefix, is, want);
	if (is == REFUSED)
		assert_non_null(strstr(v.reason, "RFC"));
	assert_int_equal(bnet_route(l->a, prefix) != NULL, is == ACCEPTED);
}

static void test_updates(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(updates) / sizeof(updates[0]); i++) {
		struct lab l = lab_up();
		const char *what = updates[i].what;

		/* Sound routes first: what becomes of them says whether a fault spread. */
		raw_update(l.net, l.x, "", SOUND, "10 0acf"); /* 10.207.0.0/16 */
		raw_update(l.net, l.x, "",
		    ORIGIN PATH "80 0e 1c 0002 01 10 20010db8000b00000000000000000001 00 30"
		                "20010db8000c",
		    "");
		raw_update(l.net, l.x, updates[i].withdrawn, updates[i].attrs, updates[i].nlri);
		raw_keepalive(l.net, l.x);
		bnet_run(l.net, mdur_ms(500));
		if (updates[i].reset) {
			if (raw_notification(l.x) != (BGP_ERR_UPDATE << 8 | updates[i].reset))
				fail_msg("%s: notification %x", what, raw_notification(l.x));
			assert_int_equal(l.a->peer[1].state, BGP_IDLE);
			assert_null(bnet_route(l.a, "10.207.0.0/16"));
			bnet_free(l.net);
			continue;
		}
		if (l.a->peer[1].state != BGP_ESTABLISHED)
			fail_msg("%s: the session fell: %s", what, l.a->peer[1].why.text);
		check_route(&l, "10.200.0.0/16", updates[i].v4, what);
		check_route(&l, "2001:db8:b::/48", updates[i].v6, what);
		assert_non_null(bnet_route(l.a, "10.207.0.0/16"));
		assert_int_equal(bnet_route(l.a, "2001:db8:c::/48") == NULL, updates[i].v6_dead);
		/* The session is as good as before: a sound repeat heals a refused route. */
		raw_update(l.net, l.x, "", SOUND MP_V6, NET_200);
		bnet_run(l.net, mdur_ms(500));
		check_route(&l, "10.200.0.0/16", ACCEPTED, what);
		check_route(&l, "2001:db8:b::/48", updates[i].v6_dead ? ABSENT : ACCEPTED, what);
		bnet_free(l.net);
	}
}

/* A route that was fine, and then comes again broken, is gone from the kernel. */
static void test_treat_as_withdraw(void **state)
{
	struct lab l = lab_up();

	(void)state;
	raw_update(l.net, l.x, "", SOUND, NET_200);
	bnet_run(l.net, mdur_ms(500));
	assert_non_null(bnet_route(l.a, "10.200.0.0/16"));
	raw_update(l.net, l.x, "", "40 01 01 07" PATH NEXTHOP, NET_200);
	bnet_run(l.net, mdur_ms(500));
	assert_null(bnet_route(l.a, "10.200.0.0/16"));
	assert_int_equal(bnet_view(l.a, 1).accepted, 0);
	assert_int_equal(l.a->peer[1].reports, 1);
	raw_update(l.net, l.x, NET_200, "", "");
	bnet_run(l.net, mdur_ms(500));
	assert_int_equal(bnet_view(l.a, 1).received, 0);
	/* What is left says less than it claims: the frame's lengths. */
	raw_message(l.net, l.x, BGP_MSG_UPDATE, "0004 0000");
	bnet_run(l.net, mdur_ms(500));
	assert_int_equal(raw_notification(l.x), BGP_ERR_UPDATE << 8 | BGP_UPDATE_ATTR_LIST);
	bnet_free(l.net);
}

/* --- speakers of lesser abilities --- */
static void test_two_octet_peer(void **state)
{
	struct bgp_peer_config c = bnet_peer_config("old", BGP_PEER_LAN, OURS, THEIRS, 65515);
	struct lab l = { .net = bnet_new(1) };
	struct open_msg o = raw_open_msg(65515, THEIRS);
	struct bgp_route_view v;
	struct attr_context ctx = { .family = { true, false } };
	static struct attr_scratch scratch;
	struct update u;
	struct rd body;

	(void)state;
	c.mode = BGP_MODE_PASSIVE;
	l.a = bnet_add(l.net, "a", OURS, 4200000000u, OURS);
	l.x = bnet_add(l.net, "x", THEIRS, 0, NULL);
	bnet_peer_add(l.a, 1, &c);
	bnet_announce(l.net, l.a, "10.0.0.0/16");
	bnet_peer_start(l.net, l.a, 1);
	bnet_raw_connect(l.net, l.x, THEIRS, OURS);
	bnet_run(l.net, mdur_ms(200));
	o.caps = (struct capabilities){ 0 }; /* knows nothing of capabilities */
	establish(&l, &o);
	assert_true(bnet_view(l.a, 1).ipv4 && !bnet_view(l.a, 1).ipv6 && !bnet_view(l.a, 1).four_octet_as);
	/* 65515 23456 23456, whose true form travels along: 70000 80000. */
	raw_update(l.net, l.x, "",
	    ORIGIN "40 02 08 02 03 ffeb 5ba0 5ba0" NEXTHOP "c0 11 0a 02 02 00011170 00013880", NET_200);
	bnet_run(l.net, mdur_ms(500));
	assert_true(bnet_row(l.a, BGP_RIB_BEST, "10.200.0.0/16", 1, &v));
	assert_int_equal(v.n_as_path, 3);
	assert_int_equal(v.as_path[0], 65515);
	assert_int_equal(v.as_path[1], 70000);
	assert_int_equal(v.as_path[2], 80000);
	/* An AGGREGATOR whose AS has two octets anyway comes without AS4_AGGREGATOR: AS4_PATH holds. */
	raw_update(l.net, l.x, "",
	    ORIGIN "40 02 08 02 03 ffeb 5ba0 5ba0" NEXTHOP "c0 07 06 ffeb 0a64fffe"
	           "c0 11 0a 02 02 00011170 00013880",
	    NET_200);
	bnet_run(l.net, mdur_ms(500));
	assert_true(bnet_row(l.a, BGP_RIB_BEST, "10.200.0.0/16", 1, &v));
	assert_int_equal(v.as_path[1], 70000);
	/* With one, a 2-octet speaker has aggregated since: neither is believed. */
	raw_update(l.net, l.x, "",
	    ORIGIN "40 02 08 02 03 ffeb 5ba0 5ba0" NEXTHOP "c0 07 06 ffeb 0a64fffe"
	           "c0 11 0a 02 02 00011170 00013880 c0 12 08 00011170 0a64fffe",
	    NET_200);
	bnet_run(l.net, mdur_ms(500));
	assert_true(bnet_row(l.a, BGP_RIB_BEST, "10.200.0.0/16", 1, &v));
	assert_int_equal(v.as_path[1], 23456);
	/* Ours: AS_TRANS in AS_PATH, the truth in AS4_PATH. */
	assert_true(raw_received(l.x, BGP_MSG_UPDATE, 0, &body));
	update_parse(body, &ctx, &scratch, &u);
	assert_int_equal(u.a.faults.worst, REACT_NONE);
	assert_true(attr_seen(&u.a, BGP_ATTR_AS4_PATH));
	assert_true(as_path_contains(u.a.attrs.as_path, 4200000000u));
	assert_int_equal(u.n_nlri, 1);
	bnet_free(l.net);
}

/* Extended communities that stay inside an AS stay there (RFC 4360 6); the others, and unknown ones, travel
 * on. */
static void test_extended_communities(void **state)
{
	struct bgp_peer_config lan = bnet_peer_config("lan", BGP_PEER_LAN, OURS, "192.168.1.1", 65100);
	struct attr_context ctx = { .four_octet = true, .family = { true, true } };
	static const uint8_t want[] = { BGP_ATTR_EXT_COMMUNITIES, 0xc0, 0, 8, 0, 2, 0xff, 0xeb, 0, 0, 0, 1,
		99, 0xe0, 0, 1, 7 };
	static struct attr_scratch scratch;
	struct lab l = lab_up();
	struct bnet_node *y = bnet_add(l.net, "y", "192.168.1.1", 0, NULL);
	struct open_msg o = raw_open_msg(65100, "192.168.1.1");
	struct update u = { 0 };
	struct rd body;

	(void)state;
	lan.mode = BGP_MODE_PASSIVE;
	bnet_peer_add(l.a, 2, &lan);
	bnet_peer_start(l.net, l.a, 2);
	bnet_raw_connect(l.net, y, "192.168.1.1", OURS);
	bnet_run(l.net, mdur_ms(200));
	raw_open(l.net, y, &o);
	raw_keepalive(l.net, y);
	bnet_run(l.net, mdur_s(1));
	raw_update(l.net, l.x, "", SOUND "c0 10 10 0002ffeb00000001 4004ffeb00000001 c0 63 01 07", NET_200);
	bnet_run(l.net, mdur_s(1));
	for (unsigned i = 0; !u.n_nlri && raw_received(y, BGP_MSG_UPDATE, i, &body); i++)
		update_parse(body, &ctx, &scratch, &u);
	assert_int_equal(u.n_nlri, 1);
	assert_int_equal(u.a.attrs.other.len, sizeof(want));
	assert_memory_equal(u.a.attrs.other.p, want, sizeof(want));
	bnet_free(l.net);
}

/* RFC 5492 3: who can't read optional parameters gets an OPEN without. */
static void test_without_capabilities(void **state)
{
	struct lab l = lab_connected();
	struct open_msg o = raw_open_msg(65515, THEIRS), got;
	struct rd body;

	(void)state;
	raw_notify(l.net, l.x, BGP_ERR_OPEN, BGP_OPEN_OPT_PARAM);
	bnet_run(l.net, mdur_s(3));
	bnet_raw_connect(l.net, l.x, THEIRS, OURS);
	bnet_run(l.net, mdur_ms(200));
	assert_true(raw_received(l.x, BGP_MSG_OPEN, 0, &body));
	assert_int_equal(open_parse(body, &got, NULL), 0);
	assert_false(got.caps.any);
	o.caps = (struct capabilities){ 0 };
	establish(&l, &o);
	bnet_free(l.net);
}

static void test_hold_zero(void **state)
{
	struct lab l = lab_connected();
	struct open_msg o = raw_open_msg(65515, THEIRS);

	(void)state;
	o.hold_time = 0;
	establish(&l, &o);
	bnet_run(l.net, mdur_s(7200));
	assert_int_equal(l.a->peer[1].state, BGP_ESTABLISHED);
	assert_int_equal(bnet_view(l.a, 1).msg_out[4], 1); /* the one that answered the OPEN */
	bnet_free(l.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_open),
		cmocka_unit_test(test_bad_open_bytes),
		cmocka_unit_test(test_bad_header),
		cmocka_unit_test(test_unexpected),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_treat_as_withdraw),
		cmocka_unit_test(test_two_octet_peer),
		cmocka_unit_test(test_extended_communities),
		cmocka_unit_test(test_without_capabilities),
		cmocka_unit_test(test_hold_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

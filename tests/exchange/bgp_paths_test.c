/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several ways to one prefix: paths that one peer tells apart (RFC 7911), shares by link bandwidth and by
 * configuration, the backup; and route reflection (RFC 4456) with what it puts into a route.
 */
#include "bgp/nlri.h"
#include "tests/support/bgp_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HOP(last) LAB_ORIGIN LAB_PATH "40 03 04 0a64ff" last " "
/* Link bandwidth of AS 65515: 1.25e8 and 2.5e8 bytes a second; below zero. */
#define GBIT_1 "c0 10 08 4004 ffeb 4cee6b28 "
#define GBIT_2 "c0 10 08 4004 ffeb 4d6e6b28 "
#define BELOW  "c0 10 08 4004 ffeb cd6e6b28 "

static struct lab paths_lab(bool we_take, bool they_send)
{
	struct bgp_peer_config c = lab_config();
	struct open_msg o = lab_open();
	struct lab l;

	c.rib.add_path_receive = we_take;
	o.caps.add_path_send[BGP_IPV4] = o.caps.add_path_send[BGP_IPV6] = they_send;
	l = lab_new(&c);
	lab_establish(&l, &o);
	return l;
}

static void withdraw(struct lab *l, const char *hex)
{
	raw_update(l->net, l->x, hex, "", "");
	lab_run_ms(l, 100);
}

static void test_paths(void **state)
{
	struct lab l = paths_lab(true, true);
	const struct bgp_action *a;
	struct bgp_route_query q = { .rib = BGP_RIB_RECEIVED };
	struct bgp_route_view row[1];

	(void)state;
	lab_update(&l, HOP("09"), "00000007 " LAB_NET_200);
	lab_update(&l, HOP("08"), "00000003 " LAB_NET_200 " 00000003 " LAB_NET_201);
	a = bnet_route(l.a, "10.200.0.0/16");
	assert_non_null(a);
	assert_int_equal(a->route.n, 2); /* equal but for the next hop; the lower id is the best */
	assert_true(addr_eq(&a->route.path[0].nexthop, &(struct addr){ 4, { 10, 100, 255, 8 } }));
	assert_false(a->route.have_backup); /* that would need another peer */
	assert_int_equal(bnet_view(l.a, 1).accepted, 3);
	/* One row at a time: none twice, none left out. */
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(bgp_routes(l.a->bgp, &q, row, 1), 1);
		assert_int_equal(row[0].path_id, i == 1 ? 7 : 3);
	}
	assert_int_equal(bgp_routes(l.a->bgp, &q, row, 1), 0);
	withdraw(&l, "00000003 " LAB_NET_200);
	a = bnet_route(l.a, "10.200.0.0/16");
	assert_int_equal(a->route.n, 1);
	assert_int_equal(a->route.path[0].nexthop.b[3], 9);
	withdraw(&l, "00000005 " LAB_NET_200); /* there is no such path */
	assert_non_null(bnet_route(l.a, "10.200.0.0/16"));
	withdraw(&l, "00000007 " LAB_NET_200 " 00000003 " LAB_NET_201);
	assert_null(bnet_route(l.a, "10.200.0.0/16"));
	assert_int_equal(bnet_view(l.a, 1).received, 0);
	/* IPv6, in the multiprotocol attributes. */
	lab_update(&l,
	    LAB_ORIGIN LAB_PATH
	    "80 0e 20 0002 01 10 20010db8000b00000000000000000001 00 00000001 30 20010db8000b ",
	    "");
	assert_true(bnet_row(l.a, BGP_RIB_BEST, "2001:db8:b::/48", 1, row));
	assert_int_equal(row[0].path_id, 1);
	/* An identifier with nothing behind it is a malformed list. */
	lab_update(&l, LAB_SOUND, "00000001");
	assert_int_equal(l.a->peer[1].state, BGP_IDLE);
	bnet_free(l.net);
}

static void test_not_agreed(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) { /* neither, only we, only they */
		struct lab l = paths_lab(i == 1, i == 2);
		struct bgp_route_view row;

		lab_update(&l, LAB_SOUND, LAB_NET_200);
		assert_true(bnet_row(l.a, BGP_RIB_BEST, "10.200.0.0/16", 1, &row));
		assert_int_equal(row.path_id, 0);
		bnet_free(l.net);
	}
}

/* Of 10.200.0.0/16, with the ids from `first` to `last`. */
static void tell_paths(struct lab *l, unsigned first, unsigned last)
{
	char nlri[32];

	for (unsigned i = first; i <= last; i++) {
		snprintf(nlri, sizeof(nlri), "%08x " LAB_NET_200, i);
		raw_update(l->net, l->x, "", LAB_SOUND, nlri);
	}
	lab_run_ms(l, 500);
}

static void leave_paths(struct lab *l, unsigned first, unsigned last)
{
	char nlri[32];

	for (unsigned i = first; i <= last; i++) {
		snprintf(nlri, sizeof(nlri), "%08x " LAB_NET_200, i);
		raw_update(l->net, l->x, nlri, "", "");
	}
	lab_run_ms(l, 500);
}

static void test_too_many_paths(void **state)
{
	struct lab l = paths_lab(true, true);
	struct bgp_route_view row;

	(void)state;
	tell_paths(&l, 1, 100);
	assert_int_equal(bnet_view(l.a, 1).received, 32);
	assert_int_equal(bnet_view(l.a, 1).accepted, 32);
	assert_int_equal(bnet_count(l.a, BGP_RIB_RECEIVED, 1), 32);
	assert_int_equal(bnet_view(l.a, 1).tables.paths, 32);
	assert_int_equal(bnet_view(l.a, 1).tables.paths_refused, 68);
	assert_false(bnet_row(l.a, BGP_RIB_REJECTED, "10.200.0.0/16", 1, &row));
	assert_string_equal(l.a->peer[1].report.id, "bgp-max-prefixes-over");
	assert_int_equal(l.a->peer[1].reports, 1); /* once, not for each of them */
	tell_paths(&l, 1, 32);                     /* those that are kept may be told again */
	assert_int_equal(bnet_view(l.a, 1).accepted, 32);
	lab_run_ms(&l, 2000);
	assert_int_equal(raw_count(l.x, BGP_MSG_ROUTE_REFRESH), 0);
	/* Places become free: the peer is asked for its routes, for all of them at once, in both families. */
	leave_paths(&l, 1, 32);
	assert_null(bnet_route(l.a, "10.200.0.0/16"));
	lab_run_ms(&l, 2000);
	assert_int_equal(raw_count(l.x, BGP_MSG_ROUTE_REFRESH), 2);
	tell_paths(&l, 33, 100);
	assert_int_equal(bnet_view(l.a, 1).accepted, 32);
	/* And again, but not within a minute. */
	leave_paths(&l, 33, 33);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(raw_count(l.x, BGP_MSG_ROUTE_REFRESH), 2);
		raw_keepalive(l.net, l.x);
		lab_run_ms(&l, 16000);
	}
	assert_int_equal(raw_count(l.x, BGP_MSG_ROUTE_REFRESH), 4);
	tell_paths(&l, 100, 100);
	assert_int_equal(bnet_view(l.a, 1).accepted, 32);
	assert_int_equal(l.a->peer[1].falls, 0);
	assert_int_equal(bnet_route(l.a, "10.200.0.0/16")->route.n, 4); /* of the speaker's multipath */
	bnet_free(l.net);
}

static void check_shares(struct lab *l, const char *first, const char *second, unsigned a, unsigned b)
{
	const struct bgp_action *r;

	lab_update(l, first, "00000001 " LAB_NET_200);
	lab_update(l, second, "00000002 " LAB_NET_200);
	r = bnet_route(l->a, "10.200.0.0/16");
	assert_int_equal(r->route.n, 2);
	assert_int_equal(r->route.path[0].weight, a);
	assert_int_equal(r->route.path[1].weight, b);
}

static void test_shares(void **state)
{
	struct lab l = paths_lab(true, true);
	struct bgp_peer_config c = lab_config();

	(void)state;
	check_shares(&l, HOP("08"), HOP("09"), 1, 1);
	check_shares(&l, HOP("08") GBIT_1, HOP("09") GBIT_2, 128, 256);
	check_shares(&l, HOP("08") GBIT_2, HOP("09") GBIT_1, 256, 128);
	check_shares(&l, HOP("08") GBIT_2, HOP("09"), 1, 1); /* one that says nothing: none counts */
	check_shares(&l, HOP("08") GBIT_2, HOP("09") BELOW, 1, 1);
	c.rib.add_path_receive = true;
	c.rib.multipath_weight = 7;
	assert_int_equal(bgp_peer_update(l.a->bgp, 1, &c, l.net->now, NULL), 0);
	bnet_pump(l.net, l.a);
	assert_int_equal(bnet_route(l.a, "10.200.0.0/16")->route.path[1].weight, 7);
	withdraw(&l, "00000002 " LAB_NET_200);
	assert_int_equal(bnet_route(l.a, "10.200.0.0/16")->route.path[0].weight, 1); /* alone */
	c.rib.multipath_weight = 257;
	assert_int_equal(bgp_peer_update(l.a->bgp, 1, &c, l.net->now, NULL), -1);
	bnet_free(l.net);
}

/* --- reflection --- */
enum {
	CLIENT = 1,
	OTHER,
	THIRD
}; /* the reflector's peers: a client, and two that are none; and x, a client */
#define X 4
struct cluster {
	struct bnet *net;
	struct bnet_node *rr, *n[THIRD + 1], *x;
};

static void add_internal(struct cluster *k, unsigned id, const char *addr, const char *net)
{
	struct bgp_peer_config out = bnet_peer_config(addr, BGP_PEER_LAN, LAB_OURS, addr, 65001);
	struct bgp_peer_config back = bnet_peer_config("rr", BGP_PEER_LAN, addr, LAB_OURS, 65001);

	out.rib.reflector_client = id == CLIENT;
	k->n[id] = bnet_add(k->net, addr, addr, 65001, addr);
	bnet_peer_add(k->rr, id, &out);
	bnet_peer_add(k->n[id], 1, &back);
	bnet_announce(k->net, k->n[id], net);
	bnet_peer_start(k->net, k->rr, id);
	bnet_peer_start(k->net, k->n[id], 1);
}

static struct cluster cluster_new(void)
{
	struct bgp_peer_config c = bnet_peer_config("x", BGP_PEER_LAN, LAB_OURS, "192.168.1.9", 65001);
	struct open_msg o = raw_open_msg(65001, "192.168.1.9");
	struct cluster k = { .net = bnet_new(3) };

	c.mode = BGP_MODE_PASSIVE;
	c.rib.reflector_client = true;
	k.rr = bnet_add(k.net, "rr", LAB_OURS, 65001, LAB_OURS);
	add_internal(&k, CLIENT, "192.168.1.1", "172.16.0.0/16");
	add_internal(&k, OTHER, "192.168.1.2", "172.17.0.0/16");
	add_internal(&k, THIRD, "192.168.1.3", "172.18.0.0/16");
	k.x = bnet_add(k.net, "x", "192.168.1.9", 0, NULL);
	bnet_peer_add(k.rr, X, &c);
	bnet_peer_start(k.net, k.rr, X);
	bnet_raw_connect(k.net, k.x, "192.168.1.9", LAB_OURS);
	bnet_run(k.net, mdur_ms(200));
	raw_open(k.net, k.x, &o);
	raw_keepalive(k.net, k.x);
	bnet_run(k.net, mdur_s(20));
	assert_int_equal(k.rr->peer[X].state, BGP_ESTABLISHED);
	return k;
}

static void test_who_hears(void **state)
{
	struct cluster k = cluster_new();
	struct bgp_route_view row;

	(void)state;
	/* A client's goes to all, with the next hop as it was; others' to the clients alone. */
	assert_true(bnet_row(k.n[OTHER], BGP_RIB_BEST, "172.16.0.0/16", 1, &row));
	assert_string_equal(addr_str(&row.nexthop), "192.168.1.1");
	assert_non_null(bnet_route(k.n[THIRD], "172.16.0.0/16"));
	assert_non_null(bnet_route(k.n[CLIENT], "172.17.0.0/16"));
	assert_null(bnet_route(k.n[OTHER], "172.18.0.0/16"));
	assert_true(bnet_row(k.rr, BGP_RIB_WITHHELD, "172.18.0.0/16", OTHER, &row));
	assert_non_null(strstr(row.reason, "neither is a route reflector's client"));
	assert_true(bnet_row(k.rr, BGP_RIB_WITHHELD, "172.16.0.0/16", CLIENT, &row)); /* its own */
	bnet_free(k.net);
}

/* What x was told of a prefix; false: nothing. */
static bool told_to_x(struct cluster *k, const char *prefix, struct update *ret_update)
{
	static struct attr_scratch scratch;
	struct attr_context ctx = { .four_octet = true, .internal = true, .family = { true, true } };
	struct prefix want = bnet_prefix(prefix), p;
	struct rd body;

	for (unsigned i = 0; raw_received(k->x, BGP_MSG_UPDATE, i, &body); i++) {
		update_parse(body, &ctx, &scratch, ret_update);
		assert_int_equal(ret_update->a.faults.worst, REACT_NONE);
		while (nlri_next(&ret_update->nlri, 4, &p) > 0)
			if (prefix_eq(&p, &want))
				return true;
	}
	return false;
}

static void test_marks(void **state)
{
	static const uint8_t ours[] = { 10, 0, 0, 10 };
	struct cluster k = cluster_new();
	struct update u;

	(void)state;
	assert_true(told_to_x(&k, "172.17.0.0/16", &u));
	assert_true(u.a.attrs.have_originator);
	assert_int_equal(u.a.attrs.originator_id, 0xc0a80102);
	assert_int_equal(u.a.attrs.cluster_list.len, sizeof(ours));
	assert_memory_equal(u.a.attrs.cluster_list.p, ours, sizeof(ours));
	assert_string_equal(addr_str(&u.a.attrs.nexthop), "192.168.1.2");
	assert_true(told_to_x(&k, "172.16.0.0/16", &u)); /* equal attributes, another originator */
	assert_int_equal(u.a.attrs.originator_id, 0xc0a80101);
	bnet_free(k.net);
}

/* An originator that is named stays, and our cluster goes before the others. */
static void test_again_reflected(void **state)
{
	static const char marks[] = LAB_ORIGIN "40 02 00 40 03 04 c0a80109 40 05 04 00000064 ";
	struct cluster k = cluster_new();
	struct bgp_route_view row;

	(void)state;
	raw_update(k.net, k.x, "",
	    LAB_ORIGIN "40 02 00 40 03 04 c0a80109 40 05 04 00000064 80 09 04 01020304 80 0a 04 05060708",
	    "18 c0a80a");
	bnet_run(k.net, mdur_s(1));
	assert_true(bnet_row(k.n[THIRD], BGP_RIB_RECEIVED, "192.168.10.0/24", 1, &row));
	/* What we reflected before, and what began with us, is refused. */
	raw_update(k.net, k.x, "",
	    LAB_ORIGIN
	    "40 02 00 40 03 04 c0a80109 40 05 04 00000064 80 09 04 01020304 80 0a 08 05060708 0a00000a",
	    "18 c0a80b");
	raw_update(k.net, k.x, "",
	    LAB_ORIGIN "40 02 00 40 03 04 c0a80109 40 05 04 00000064 80 09 04 0a00000a", "18 c0a80c");
	raw_update(k.net, k.x, "", marks, "18 c0a80d");
	bnet_run(k.net, mdur_s(1));
	assert_true(bnet_row(k.rr, BGP_RIB_REJECTED, "192.168.11.0/24", X, &row));
	assert_non_null(strstr(row.reason, "CLUSTER_LIST"));
	assert_true(bnet_row(k.rr, BGP_RIB_REJECTED, "192.168.12.0/24", X, &row));
	assert_non_null(strstr(row.reason, "ORIGINATOR_ID"));
	assert_null(bnet_route(k.n[THIRD], "192.168.11.0/24"));
	assert_non_null(bnet_route(k.n[THIRD], "192.168.13.0/24"));
	bnet_free(k.net);
}

/* It can be said later, without a new session. */
static void test_client_later(void **state)
{
	struct cluster k = cluster_new();
	struct bgp_peer_config c =
	    bnet_peer_config("192.168.1.2", BGP_PEER_LAN, LAB_OURS, "192.168.1.2", 65001);

	(void)state;
	c.rib.reflector_client = true;
	assert_int_equal(bgp_peer_update(k.rr->bgp, OTHER, &c, k.net->now, NULL), 0);
	bnet_pump(k.net, k.rr);
	bnet_run(k.net, mdur_s(1));
	assert_non_null(bnet_route(k.n[OTHER], "172.18.0.0/16"));
	assert_non_null(bnet_route(k.n[THIRD], "172.17.0.0/16"));
	c.rib.reflector_client = false;
	assert_int_equal(bgp_peer_update(k.rr->bgp, OTHER, &c, k.net->now, NULL), 0);
	bnet_pump(k.net, k.rr);
	bnet_run(k.net, mdur_s(1));
	assert_null(bnet_route(k.n[OTHER], "172.18.0.0/16"));
	assert_null(bnet_route(k.n[THIRD], "172.17.0.0/16"));
	c.peer_as = 65002;
	c.rib.reflector_client = true;
	assert_int_equal(bgp_peer_update(k.rr->bgp, OTHER, &c, k.net->now, NULL), -1);
	bnet_free(k.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_not_agreed),
		cmocka_unit_test(test_too_many_paths),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_who_hears),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_again_reflected),
		cmocka_unit_test(test_client_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

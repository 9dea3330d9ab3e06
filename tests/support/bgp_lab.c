/* SPDX-License-Identifier: Apache-2.0 */
/* The small stage of many exchange tests: one speaker, and a peer that the test plays. */
#include "tests/support/bgp_lab.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct bgp_peer_config lab_config(void)
{
	struct bgp_peer_config c = bnet_peer_config("gw", BGP_PEER_SITE, LAB_OURS, LAB_THEIRS, 65515);

	c.ipv4 = c.ipv6 = true;
	c.mode = BGP_MODE_PASSIVE;
	return c;
}

struct lab lab_new(const struct bgp_peer_config *c)
{
	struct lab l = { .net = bnet_new(1) };

	l.a = bnet_add(l.net, "a", LAB_OURS, 65001, LAB_OURS);
	l.x = bnet_add(l.net, "x", LAB_THEIRS, 0, NULL);
	bnet_peer_add(l.a, 1, c);
	bnet_peer_start(l.net, l.a, 1);
	return l;
}

struct open_msg lab_open(void)
{
	return raw_open_msg(65515, LAB_THEIRS);
}

void lab_run_ms(struct lab *l, int64_t ms)
{
	bnet_run(l->net, mdur_ms(ms));
}

void lab_establish(struct lab *l, const struct open_msg *o)
{
	bnet_raw_connect(l->net, l->x, LAB_THEIRS, LAB_OURS);
	lab_run_ms(l, 200);
	raw_open(l->net, l->x, o);
	raw_keepalive(l->net, l->x);
	lab_run_ms(l, 500);
	assert_int_equal(l->a->peer[1].state, BGP_ESTABLISHED);
}

void lab_update(struct lab *l, const char *attrs, const char *nlri)
{
	raw_update(l->net, l->x, "", attrs, nlri);
	lab_run_ms(l, 100);
}

void lab_eor(struct lab *l, bool ipv6)
{
	lab_update(l, ipv6 ? LAB_EOR_V6 : "", "");
}

/* --- a peer that restarts --- */
struct open_msg lab_restarter(bool notification)
{
	struct open_msg o = lab_open();

	o.caps.end_of_rib = true;
	o.caps.restart = (struct restart_capability){ .notification = notification,
		.time = 60,
		.family = { true, true },
		.forwarding = { true, true } };
	return o;
}

struct lab lab_with_routes(const struct bgp_peer_config *c, const struct open_msg *o)
{
	struct lab l = lab_new(c);

	lab_establish(&l, o);
	lab_update(&l, LAB_SOUND, LAB_NET_200);
	lab_update(&l, LAB_SOUND, LAB_NET_201);
	lab_update(&l, LAB_V6, "");
	lab_eor(&l, false);
	lab_eor(&l, true);
	assert_non_null(bnet_route(l.a, LAB_ROUTE_200));
	assert_non_null(bnet_route(l.a, LAB_ROUTE_V6));
	assert_int_equal(bnet_view(l.a, 1).session.stale[0], 0);
	return l;
}

bool lab_all_there(const struct lab *l)
{
	return bnet_route(l->a, LAB_ROUTE_200) && bnet_route(l->a, LAB_ROUTE_201) &&
	       bnet_route(l->a, LAB_ROUTE_V6);
}

bool lab_none_there(const struct lab *l)
{
	return !bnet_route(l->a, LAB_ROUTE_200) && !bnet_route(l->a, LAB_ROUTE_201) &&
	       !bnet_route(l->a, LAB_ROUTE_V6);
}

void lab_drop(struct lab *l)
{
	bnet_reset(l->net, l->a, l->x);
	lab_run_ms(l, 100);
	assert_int_not_equal(l->a->peer[1].state, BGP_ESTABLISHED);
}

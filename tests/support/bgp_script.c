/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of a script (bgp_script.h). What must hold after it: bgp_script_check.c. */
#include "tests/support/bgp_script.h"

#include "tests/support/bgp_script_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BULK 120 /* networks announced at once */

enum op {
	OP_SHORT, /* some milliseconds pass */
	OP_LONG,  /* seconds */
	OP_ANNOUNCE,
	OP_WITHDRAW,
	OP_BULK,
	OP_BULK_GONE,
	OP_RESET, /* a link's connections break */
	OP_BREAK, /* after so many octets more */
	OP_DARK,  /* nothing arrives on a link, or again */
	OP_STALL, /* a speaker reads nothing, or again */
	OP_STOP,
	OP_START,
	OP_LOST, /* the path under a peer */
	OP_BFD,
	OP_CONFIG, /* of one end of a link */
	OP_REMOVE, /* a peer, or it comes back */
	OP_REFRESH,
	OP_RESEND,
	OP_ROOM, /* a timer or a word of the socket that nobody waits for */
	OP_CONNECTED,
	OP_AGGREGATE,
	OPS
};

static struct end *end_of(struct script *s, uint8_t arg)
{
	return &s->end[arg % SCRIPT_ENDS];
}

static struct bnet_node *other(struct script *s, const struct end *e)
{
	return s->end[(unsigned)(e - s->end) ^ 1U].node;
}

/* --- the parties --- */
static struct bgp_peer_config side_config(const struct script *s, unsigned i)
{
	static const struct {
		const char *name, *local, *remote;
		enum bgp_kind kind;
	} row[SCRIPT_ENDS] = {
		{ "cloud/t1", "10.0.0.10", "10.100.255.254", BGP_PEER_SITE },
		{ "edge", "10.100.255.254", "10.0.0.10", BGP_PEER_LAN },
		{ "router", "10.0.0.10", "192.168.0.1", BGP_PEER_LAN },
		{ "edge", "192.168.0.1", "10.0.0.10", BGP_PEER_LAN },
	};
	static const char *const v6[] = { "2001:db8:a::1", "2001:db8:b::1", "2001:db8:a::1",
		"2001:db8:c::1" };
	struct bgp_peer_config c =
	    bnet_peer_config(row[i].name, row[i].kind, row[i].local, row[i].remote, s->as[s->peer_of[i]]);
	uint8_t terms = s->terms[i < 2 ? 0 : 1] >> (i & 1 ? 4 : 0);

	c.ipv4 = true;
	c.ipv6 = !(terms & 1);
	c.nexthop_v6 = bnet_addr(v6[i]);
	c.rib.add_path_receive = terms & 2;
	c.session.restart = terms & 4 ? BGP_RESTART_FULL : BGP_RESTART_HELPER;
	c.session.extended_messages = terms & 8;
	c.session.restart_time = mdur_s(30);
	c.session.stale_time = mdur_s(60);
	c.transit = true;
	if (i == 0) {
		c.announce_from[0] = 2;
		c.n_announce_from = 1;
	}
	return c;
}

static void setup(struct script *s, const uint8_t terms[BGP_SCRIPT_HEAD])
{
	static const unsigned owner[SCRIPT_ENDS] = { 0, 1, 0, 2 }, peer[SCRIPT_ENDS] = { 1, 0, 2, 0 };
	struct bnet *net = bnet_new(terms[2]);

	memcpy(s->terms, terms, sizeof(s->terms));
	s->net = net;
	s->as[0] = 65001;
	s->as[1] = terms[3] & 1 ? 65001 : 65515;
	s->as[2] = terms[3] & 2 ? 65001 : 65100;
	net->delay_ms = terms[3] >> 2 & 31;
	net->cut = terms[3] & 128 ? 1 + terms[2] : 0;
	(void)bnet_add(net, "a", "10.0.0.10", s->as[0], "10.0.0.10");
	(void)bnet_add(net, "b", "10.100.255.254", s->as[1], "10.100.255.254");
	(void)bnet_add(net, "c", "192.168.0.1", s->as[2], "192.168.0.1");
	for (unsigned i = 0; i < SCRIPT_ENDS; i++) {
		s->peer_of[i] = peer[i];
		s->end[i].node = &net->node[owner[i]];
		s->end[i].peer = i == 2 ? 2 : 1;
		s->end[i].config = side_config(s, i);
		bnet_peer_add(s->end[i].node, s->end[i].peer, &s->end[i].config);
		s->end[i].there = true;
		bnet_peer_start(net, s->end[i].node, s->end[i].peer);
	}
}

/* --- networks --- */
/* Some of each speaker's own, some that two of them have. */
static struct prefix network(unsigned who, uint8_t arg)
{
	static const char *const own[] = { "10.0", "10.100", "192.168" };
	char text[48];

	if ((arg & 3) == 3)
		snprintf(text, sizeof(text), "2001:db8:%c:%x::/64", 'a' + (int)who, arg >> 2 & 7U);
	else if ((arg & 3) == 2 && who)
		snprintf(text, sizeof(text), "172.16.%u.0/24", arg >> 2 & 7U);
	else
		snprintf(text, sizeof(text), "%s.%u.0/24", own[who], 16 + (arg & 31U));
	return bnet_prefix(text);
}

static void announce(struct script *s, uint8_t arg, bool there)
{
	unsigned who = (arg >> 6) % 3;
	struct prefix p = network(who, arg & 63);

	if (there)
		assert_int_equal(bgp_announce(s->net->node[who].bgp, &p, s->net->now), 0);
	else
		bgp_unannounce(s->net->node[who].bgp, &p, s->net->now);
	bnet_pump(s->net, &s->net->node[who]);
}

static void bulk(struct script *s, uint8_t arg, bool there)
{
	unsigned who = arg & 1 ? 1 : 2;
	char text[32];

	for (unsigned i = 0; i < BULK; i++) {
		snprintf(text, sizeof(text), "11.%u.%u.0/24", arg >> 1 & 3U, i);
		if (there)
			bnet_announce(s->net, &s->net->node[who], text);
		else
			bnet_unannounce(s->net, &s->net->node[who], text);
	}
}

static void connected(struct script *s, uint8_t arg)
{
	struct prefix list[2] = { network(1, arg), network(2, (uint8_t)(arg >> 2)) };

	assert_int_equal(bgp_connected(s->net->node[0].bgp, list, arg & 1 ? 2 : 0, s->net->now), 0);
	bnet_pump(s->net, &s->net->node[0]);
}

static void aggregate(struct script *s, uint8_t arg)
{
	struct bgp_aggregate list[2] = { { .prefix = bnet_prefix("172.16.0.0/16"), .summary_only = arg & 2 },
		{ .prefix = bnet_prefix("11.0.0.0/8"), .as_set = arg & 4 } };

	assert_int_equal(bgp_aggregates(s->net->node[0].bgp, list, arg & 1 ? 2 : 0, s->net->now), 0);
	bnet_pump(s->net, &s->net->node[0]);
}

/* --- configuration --- */
static void set_policy(const struct script *s, struct bgp_policy_chain *chain, uint8_t arg)
{
	chain->n = arg & 4 ? 1 : 0;
	chain->policy[0] = chain->n ? s->policy[arg >> 3 & 1U] : NULL;
}

static void change(struct script *s, uint8_t arg)
{
	struct end *e = end_of(s, arg);
	struct bgp_peer_config *c = &e->config;

	switch (arg >> 4) {
	case 0: c->limits.max_out = arg & 4 ? 0 : 7; break;
	case 1:
		c->limits.action = (enum bgp_limit_action)((arg >> 2 & 3U) % 3);
		c->limits.restart = mdur_s(20);
		c->max_prefixes = c->max_prefixes ? 0 : 9;
		break;
	case 2: set_policy(s, &c->policy.import, arg); break;
	case 3: set_policy(s, &c->policy.export, arg); break;
	case 4: c->ipv6 = !c->ipv6; break;
	case 5: c->hold_time = mdur_s(c->hold_time.ns == mdur_s(30).ns ? 9 : 30); break;
	case 6: c->session.restart = (enum bgp_restart_mode)((arg >> 2 & 3U) % 3); break;
	case 7: c->rib.add_path_receive = !c->rib.add_path_receive; break;
	case 8: c->session.extended_messages = !c->session.extended_messages; break;
	case 9: c->transit = !c->transit; break;
	case 10: c->n_announce_from = !c->n_announce_from && c->kind == BGP_PEER_SITE; break;
	case 11: c->policy.as_override = !c->policy.as_override; break;
	case 12:
		c->rib.reflector_client =
		    !c->rib.reflector_client && c->peer_as == s->as[bnet_index(s->net, e->node)];
		break;
	case 13: c->policy.remove_private_as = !c->policy.remove_private_as; break;
	case 14: c->policy.allow_own_as = !c->policy.allow_own_as; break;
	case 15: c->mode = (enum bgp_mode)((arg >> 2 & 3U) % 3); break;
	}
	if (e->there)
		assert_true(bgp_peer_update(e->node->bgp, e->peer, c, s->net->now, NULL) >= 0);
	bnet_pump(s->net, e->node);
}

static void bring(struct end *e)
{
	if (!e->there)
		bnet_peer_add(e->node, e->peer, &e->config);
	e->there = true;
}

static void toggle(struct script *s, struct end *e)
{
	if (!e->there) {
		bring(e);
		bnet_peer_start(s->net, e->node, e->peer);
		return;
	}
	bgp_peer_remove(e->node->bgp, e->peer, s->net->now);
	e->there = false;
	bnet_pump(s->net, e->node);
}

/* --- operations --- */
static void to_peer(struct script *s, enum op op, struct end *e, uint8_t arg)
{
	struct bgp *bgp = e->node->bgp;
	mtime now = s->net->now;
	struct reason why = { 0 };

	if (op == OP_STOP) {
		bgp_peer_stop(bgp, e->peer, (uint8_t)(1 + (arg >> 2) % 10), NULL, now);
	} else if (op == OP_START) {
		bgp_peer_start(bgp, e->peer, now);
	} else if (op == OP_LOST) {
		bgp_peer_path_lost(bgp, e->peer, NULL, now);
	} else if (op == OP_BFD) {
		reason_set(&why, "bgp-bfd-down", "no packet");
		bgp_peer_bfd_down(bgp, e->peer, arg & 4, &why, now);
	} else if (op == OP_REFRESH) {
		(void)bgp_peer_refresh(bgp, e->peer, now);
	} else if (op == OP_RESEND) {
		(void)bgp_peer_resend(bgp, e->peer, now);
	}
	bnet_pump(s->net, e->node);
}

static void to_link(struct script *s, enum op op, struct end *e, uint8_t arg)
{
	struct bnet_node *o = other(s, e);

	if (op == OP_RESET)
		bnet_reset(s->net, e->node, o);
	else if (op == OP_BREAK)
		bnet_break_after(s->net, e->node, o, (size_t)(arg >> 1) * (arg & 64 ? 37 : 1));
	else if (op == OP_DARK)
		bnet_dark(s->net, e->node, o, !bnet_is_dark(s->net, e->node, o));
	else
		bnet_stall(s->net, e->node, !e->node->stalled);
}

static void step(struct script *s, enum op op, uint8_t arg)
{
	struct end *e = end_of(s, arg);

	switch (op) {
	case OP_SHORT: bnet_run(s->net, mdur_ms(arg)); break;
	case OP_LONG: bnet_run(s->net, mdur_ms(arg * 200)); break;
	case OP_ANNOUNCE: announce(s, arg, true); break;
	case OP_WITHDRAW: announce(s, arg, false); break;
	case OP_BULK: bulk(s, arg, true); break;
	case OP_BULK_GONE: bulk(s, arg, false); break;
	case OP_RESET:
	case OP_BREAK:
	case OP_DARK:
	case OP_STALL: to_link(s, op, e, arg); break;
	case OP_STOP:
	case OP_START:
	case OP_LOST:
	case OP_BFD:
	case OP_REFRESH:
	case OP_RESEND:
		if (e->there)
			to_peer(s, op, e, arg);
		break;
	case OP_CONFIG: change(s, arg); break;
	case OP_REMOVE: toggle(s, e); break;
	case OP_ROOM: bnet_spurious(s->net, e->node, (size_t)(arg >> 2) * 400); break;
	case OP_CONNECTED: connected(s, arg); break;
	case OP_AGGREGATE: aggregate(s, arg); break;
	case OPS: break;
	}
}

/* --- the end --- */
/* The network behaves, nobody is stopped, and no limit ends a session. */
static void peace(struct script *s)
{
	memset(s->net->dark, 0, sizeof(s->net->dark));
	memset(s->net->breaks, 0, sizeof(s->net->breaks));
	for (unsigned i = 0; i < SCRIPT_ENDS; i++) {
		struct end *e = &s->end[i];

		bnet_stall(s->net, e->node, false);
		bring(e);
		e->config.mode = BGP_MODE_BOTH;
		if (e->config.limits.action == BGP_LIMIT_RESET)
			e->config.max_prefixes = 0;
		assert_true(bgp_peer_update(e->node->bgp, e->peer, &e->config, s->net->now, NULL) >= 0);
		bnet_peer_start(s->net, e->node, e->peer);
	}
}

void bgp_script_run(const uint8_t *script, size_t size)
{
	struct script s = { 0 };

	if (size < BGP_SCRIPT_HEAD)
		return;
	script_policies(&s);
	setup(&s, script);
	for (size_t at = BGP_SCRIPT_HEAD; at + 1 < size && at < BGP_SCRIPT_HEAD + 2 * BGP_SCRIPT_OPS_MAX;
	     at += 2)
		step(&s, (enum op)(script[at] % OPS), script[at + 1]);
	peace(&s);
	script_check(&s);
	for (unsigned i = 0; i < SCRIPT_ENDS; i++) {
		bgp_peer_remove(s.end[i].node->bgp, s.end[i].peer, s.net->now);
		bnet_pump(s.net, s.end[i].node);
	}
	script_check_empty(&s);
	script_policies_put(&s);
	bnet_free(s.net);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold when a script has ended (bgp_script.h). */
#include "tests/support/bgp_script_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATIENCE_S 1500 /* longer than the longest idle hold time */
#define REST_S     120  /* and than what is kept of sessions before */
#define ROWS       64

/* --- policies that change what they let through --- */
void script_policies(struct script *s)
{
	struct bgp_prefix_entry half = { .prefix = bnet_prefix("0.0.0.0/0"), .ge = 1, .le = 24 };
	struct bgp_community community;
	struct bgp_policy_rule tag = { .name = "tag",
		.set = { .med_how = BGP_MED_SET, .med = 7, .prepend = 2, .add = &community, .n_add = 1 } };
	struct bgp_policy_rule only = { .name = "ipv4" };

	assert_int_equal(bgp_community_parse("65001:7", &community), 0);
	only.match.prefixes = bgp_prefix_list_new(&half, 1);
	assert_non_null(only.match.prefixes);
	s->policy[0] = bgp_policy_new("tag", &tag, 1, BGP_POLICY_ACCEPT);
	s->policy[1] = bgp_policy_new("only", &only, 1, BGP_POLICY_REJECT);
	assert_true(s->policy[0] && s->policy[1]);
	bgp_prefix_list_put(only.match.prefixes);
}

void script_policies_put(struct script *s)
{
	bgp_policy_put(s->policy[0]);
	bgp_policy_put(s->policy[1]);
}

/* --- one link, one direction --- */
static struct bgp_route_view *rows_of(const struct end *e, enum bgp_rib rib, size_t *ret_n)
{
	struct bgp_route_query q = { .rib = rib, .peer = e->peer };
	struct bgp_route_view *rows = NULL;
	size_t n = 0;

	while (!q.done) {
		rows = realloc(rows, (n + ROWS) * sizeof(*rows));
		assert_non_null(rows);
		n += bgp_routes(e->node->bgp, &q, rows + n, ROWS);
	}
	*ret_n = n;
	return rows;
}

static void same_row(const struct bgp_route_view *told, const struct bgp_route_view *heard, bool internal)
{
	const char *p = prefix_str(&told->prefix);

	if (!prefix_eq(&told->prefix, &heard->prefix))
		fail_msg("%s was told, %s was heard", p, prefix_str(&heard->prefix));
	if (strcmp(told->as_path_text, heard->as_path_text) != 0)
		fail_msg("%s: path %s was told, %s heard", p, told->as_path_text, heard->as_path_text);
	if (!addr_eq(&told->nexthop, &heard->nexthop))
		fail_msg("%s: next hop %s was told", p, addr_str(&told->nexthop));
	if (told->origin != heard->origin || told->have_med != heard->have_med || told->med != heard->med)
		fail_msg("%s: another origin or MED", p);
	if (internal && told->local_pref != heard->local_pref)
		fail_msg(
		    "%s: local preference %u was told, %u heard", p, told->local_pref, heard->local_pref);
	if (told->n_communities != heard->n_communities ||
	    memcmp(told->communities, heard->communities,
	        told->n_communities * sizeof(told->communities[0])) != 0)
		fail_msg("%s: other communities", p);
}

static void check_direction(const struct script *s, unsigned from)
{
	const struct end *e = &s->end[from], *o = &s->end[from ^ 1U];
	size_t told = 0, heard = 0;
	struct bgp_route_view *t = rows_of(e, BGP_RIB_ADVERTISED, &told);
	struct bgp_route_view *h = rows_of(o, BGP_RIB_RECEIVED, &heard);

	for (size_t i = 0; i < told && i < heard; i++)
		same_row(&t[i], &h[i], s->as[0] == s->as[s->peer_of[from & 2U]]);
	if (told != heard)
		fail_msg("%s told %s %zu prefixes, which has received %zu", e->node->name, o->node->name,
		    told, heard);
	assert_int_equal(bnet_view(e->node, e->peer).advertised, told);
	assert_int_equal(bnet_view(o->node, o->peer).received, heard);
	if (e->config.limits.max_out)
		assert_true(told <= e->config.limits.max_out);
	free(t);
	free(h);
}

/* --- one speaker --- */
static unsigned ways_in_use(const struct bnet_node *n, const struct prefix *p)
{
	struct bgp_route_query q = { .rib = BGP_RIB_BEST, .within = *p, .exact = true };
	static struct bgp_route_view rows[ROWS];
	unsigned ways = 0;

	while (!q.done)
		for (size_t i = 0, got = bgp_routes(n->bgp, &q, rows, ROWS); i < got; i++)
			ways += rows[i].peer && rows[i].best;
	return ways;
}

/* The daemon was told of each prefix in use, with all its ways, and of no other. */
static void check_routes(const struct bnet_node *n)
{
	struct bgp_route_query q = { .rib = BGP_RIB_BEST };
	static struct bgp_route_view rows[ROWS];
	struct prefix p;
	void *v;

	for (bool more = ptrie_first(n->routes, &p, &v); more; more = ptrie_after(n->routes, &p, &p, &v)) {
		const struct bgp_action *a = v;

		if (ways_in_use(n, &p) != a->route.n)
			fail_msg("%s: %s has %u ways, %u were told", n->name, prefix_str(&p),
			    ways_in_use(n, &p), a->route.n);
	}
	while (!q.done)
		for (size_t i = 0, got = bgp_routes(n->bgp, &q, rows, ROWS); i < got; i++)
			if (rows[i].peer && rows[i].best && !ptrie_get(n->routes, &rows[i].prefix))
				fail_msg("%s: %s is in use, and was not told", n->name,
				    prefix_str(&rows[i].prefix));
}

static bool all_stand(struct bnet *net, void *arg)
{
	const struct script *s = arg;

	(void)net;
	for (unsigned i = 0; i < SCRIPT_ENDS; i++)
		if (s->end[i].node->peer[s->end[i].peer].state != BGP_ESTABLISHED)
			return false;
	return true;
}

void script_check(struct script *s)
{
	/* One may still fall once: by a hold timer of the time before, or a NOTIFICATION on its way. */
	for (unsigned round = 0; round < 3; round++) {
		if (!bnet_until(s->net, mdur_s(PATIENCE_S), all_stand, s))
			fail_msg("a session stays down: %s", bnet_view(s->end[0].node, 1).last_error.text);
		bnet_run(s->net, mdur_s(REST_S));
	}
	assert_true(all_stand(s->net, s));
	assert_true(bnet_settle(s->net, mdur_s(10)));
	for (unsigned i = 0; i < SCRIPT_ENDS; i++) {
		struct bgp_peer_view v = bnet_view(s->end[i].node, s->end[i].peer);

		assert_int_equal(v.session.stale[0] + v.session.stale[1], 0);
		check_direction(s, i);
	}
	for (unsigned i = 0; i < 3; i++)
		check_routes(&s->net->node[i]);
}

static void unannounce_all(struct bnet *net, struct bnet_node *n)
{
	struct bgp_route_query q = { .rib = BGP_RIB_BEST };
	static struct bgp_route_view rows[ROWS];

	while (!q.done)
		for (size_t i = 0, got = bgp_routes(n->bgp, &q, rows, ROWS); i < got; i++) {
			assert_int_equal(rows[i].peer, 0);
			bgp_unannounce(n->bgp, &rows[i].prefix, net->now);
		}
	assert_int_equal(bgp_aggregates(n->bgp, NULL, 0, net->now), 0);
	bnet_pump(net, n);
}

void script_check_empty(struct script *s)
{
	struct bgp_memory m;

	bnet_run(s->net, mdur_s(5));
	for (unsigned i = 0; i < 3; i++) {
		struct bnet_node *n = &s->net->node[i];
		struct prefix p;
		void *v;

		assert_false(ptrie_first(n->routes, &p, &v));
		unannounce_all(s->net, n);
		bnet_run(s->net, mdur_s(5));
		assert_true(bgp_swept(n->bgp));
		bgp_memory(n->bgp, &m);
		assert_int_equal(m.routes, 0);
		assert_int_equal(m.prefixes, 0);
		assert_true(m.attribute_sets <= 1); /* that of announced networks */
	}
}

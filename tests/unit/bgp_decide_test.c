/* SPDX-License-Identifier: Apache-2.0 */
/* The decision process, case by case (RFC 4271 9.1.2.2): every step, MED's traps, multipath. */
#include "bgp/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CASE_MAX 4

/* A candidate in short: what differs from the common one. */
struct c {
	bool there;
	uint32_t pref, len;
	uint8_t origin;
	uint32_t as, med;
	bool internal;
	uint16_t cluster;
	uint32_t id;
	uint8_t peer; /* last octet */
	unsigned group;
	const char *path;
};
#define C(...)                                                                                               \
	{                                                                                                    \
		.there = true, .pref = 100, .len = 1, .as = 65515, .id = 1, .peer = 1, .path = "p",          \
		__VA_ARGS__                                                                                  \
	}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#endif
static const struct {
	const char *what;
	unsigned multipath;
	struct c in[CASE_MAX];
	enum decide_step want[CASE_MAX];
	unsigned ways;
} cases[] = {
	{ "one", 1, { C() }, { DECIDE_BEST }, 1 },
	{ "local preference before everything", 1, { C(.pref = 200, .len = 9, .origin = 2), C(.peer = 2) },
	    { DECIDE_BEST, DECIDE_LOCAL_PREF }, 1 },
	{ "path length before origin", 1, { C(.len = 2), C(.origin = 2, .peer = 2) },
	    { DECIDE_PATH_LENGTH, DECIDE_BEST }, 1 },
	{ "origin before MED", 1, { C(.origin = 1), C(.med = 9, .peer = 2) }, { DECIDE_ORIGIN, DECIDE_BEST },
	    1 },
	{ "MED within one AS", 1, { C(.med = 20), C(.med = 10, .id = 9, .peer = 2) },
	    { DECIDE_MED, DECIDE_BEST }, 1 },
	{ "MED not between two", 1, { C(.med = 20), C(.med = 10, .as = 64512, .id = 9, .peer = 2) },
	    { DECIDE_BEST, DECIDE_ROUTER_ID }, 1 },
	{ "no MED is the best MED", 1, { C(.med = 1), C(.id = 9, .peer = 2) }, { DECIDE_MED, DECIDE_BEST },
	    1 },
	/* Pairwise a < b < c < a; by elimination the order of arrival plays no part. */
	{ "MED's circle", 1,
	    { C(.med = 20, .id = 1), C(.as = 64512, .id = 2, .peer = 2), C(.med = 10, .id = 3, .peer = 3) },
	    { DECIDE_MED, DECIDE_BEST, DECIDE_ROUTER_ID }, 1 },
	{ "MED's circle, turned", 1,
	    { C(.med = 10, .id = 3, .peer = 3), C(.med = 20, .id = 1), C(.as = 64512, .id = 2, .peer = 2) },
	    { DECIDE_ROUTER_ID, DECIDE_MED, DECIDE_BEST }, 1 },
	{ "eBGP over iBGP", 1, { C(.internal = true), C(.id = 9, .peer = 2) },
	    { DECIDE_EXTERNAL, DECIDE_BEST }, 1 },
	{ "router id before cluster list", 1, { C(.id = 2), C(.cluster = 3, .peer = 2) },
	    { DECIDE_ROUTER_ID, DECIDE_BEST }, 1 },
	{ "cluster list before peer address", 1, { C(.cluster = 3), C(.cluster = 1, .peer = 2) },
	    { DECIDE_CLUSTER_LENGTH, DECIDE_BEST }, 1 },
	{ "peer address last", 1, { C(.peer = 2), C() }, { DECIDE_PEER_ADDRESS, DECIDE_BEST }, 1 },
	{ "two ways", 4, { C(.id = 2, .peer = 2), C() }, { DECIDE_MULTIPATH, DECIDE_BEST }, 2 },
	{ "no way for a longer path", 4, { C(), C(.len = 2, .peer = 2) }, { DECIDE_BEST, DECIDE_PATH_LENGTH },
	    1 },
	{ "no way over another path", 4, { C(), C(.path = "q", .id = 2, .peer = 2) },
	    { DECIDE_BEST, DECIDE_ROUTER_ID }, 1 },
	{ "no way of another kind", 4, { C(), C(.group = 1, .id = 2, .peer = 2) },
	    { DECIDE_BEST, DECIDE_ROUTER_ID }, 1 },
	{ "no way of a worse MED", 4, { C(), C(.med = 1, .id = 2, .peer = 2) }, { DECIDE_BEST, DECIDE_MED },
	    1 },
	{ "one router, three sessions with its one address", 4, { C(), C(), C() },
	    { DECIDE_BEST, DECIDE_MULTIPATH, DECIDE_MULTIPATH }, 3 },
	{ "as many ways as allowed, the first ones", 3,
	    { C(.id = 4, .peer = 4), C(.id = 3, .peer = 3), C(.id = 2, .peer = 2), C() },
	    { DECIDE_ROUTER_ID, DECIDE_MULTIPATH, DECIDE_MULTIPATH, DECIDE_BEST }, 3 },
};
#pragma GCC diagnostic pop

static struct candidate make(const struct c *c)
{
	return (struct candidate){
		.local_pref = c->pref,
		.path_length = c->len,
		.origin = c->origin,
		.neighbour_as = c->as,
		.med = c->med,
		.external = !c->internal,
		.cluster_len = c->cluster,
		.router_id = c->id,
		.peer = addr_v4(0x0a000000u + c->peer),
		.group = c->group,
		.as_path = { (const uint8_t *)c->path, strlen(c->path) },
	};
}

static void test_cases(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct candidate c[CASE_MAX];
		unsigned n = 0, ways;

		while (n < CASE_MAX && cases[i].in[n].there) {
			c[n] = make(&cases[i].in[n]);
			n++;
		}
		ways = decide(c, n, cases[i].multipath, false);
		for (unsigned k = 0; k < n; k++)
			if (c[k].step != cases[i].want[k])
				fail_msg(
				    "%s: candidate %u: %s", cases[i].what, k, decide_step_text(c[k].step));
		if (ways != cases[i].ways)
			fail_msg("%s: %u ways", cases[i].what, ways);
		for (unsigned k = 0, ranks = 0; k < n; k++) {
			if (c[k].step != DECIDE_BEST && c[k].step != DECIDE_MULTIPATH)
				continue;
			if (c[k].rank >= ways || ranks & 1u << c[k].rank)
				fail_msg("%s: rank %u twice or too high", cases[i].what, c[k].rank);
			ranks |= 1u << c[k].rank;
		}
	}
	assert_int_equal(decide(NULL, 0, 4, false), 0);
}

/* Paths as long through other ASes share only where that is said; never ways of different groups. */
static void test_relax(void **state)
{
	const struct c one = {
		.there = true, .pref = 100, .len = 1, .as = 65515, .id = 1, .peer = 1, .path = "p"
	};
	struct c in[4] = { one, one, one, one };
	struct candidate c[4];

	in[1].path = "q";
	in[1].as = 64512;
	in[2].group = 1;
	in[3].len = 2;
	for (unsigned i = 0; i < 4; i++)
		in[i].peer = (uint8_t)(1 + i);
	(void)state;
	for (unsigned relax = 0; relax < 2; relax++) {
		for (unsigned i = 0; i < 4; i++)
			c[i] = make(&in[i]);
		assert_int_equal(decide(c, 4, 16, relax), 1 + relax);
		assert_int_equal(c[0].step, DECIDE_BEST);
		assert_int_equal(c[1].step, relax ? DECIDE_MULTIPATH : DECIDE_PEER_ADDRESS);
		assert_int_equal(c[2].step, DECIDE_PEER_ADDRESS);
		assert_int_equal(c[3].step, DECIDE_PATH_LENGTH);
	}
}

/* The outcome belongs to the candidates, not to their order; ranks are 0 to ways - 1, each once. */
static void test_order_plays_no_part(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct candidate c[6], d[6];
		unsigned ways, ranks = 0;

		for (unsigned i = 0; i < 6; i++) {
			static const char *const paths[] = { "p", "q" };
			uint32_t r = seed = seed * 1664525u + 1013904223u;

			r >>= 8;
			c[i] = make(&(struct c){ .pref = 100 + r % 8 / 7,
			    .len = 1 + (r >> 3) % 8 / 7,
			    .as = 1 + (r >> 6) % 2,
			    .med = (r >> 7) % 3,
			    .internal = (r >> 9) % 4 == 0,
			    .id = 1 + (r >> 11) % 4,
			    .peer = (uint8_t)(i + 1),
			    .path = paths[(r >> 13) % 2] });
			d[5 - i] = c[i];
		}
		ways = decide(c, 6, 3, false);
		assert_int_equal(decide(d, 6, 3, false), ways);
		for (unsigned i = 0; i < 6; i++) {
			assert_int_equal(c[i].step, d[5 - i].step);
			if (c[i].step == DECIDE_BEST || c[i].step == DECIDE_MULTIPATH) {
				assert_int_equal(c[i].rank, d[5 - i].rank);
				assert_false(ranks & 1u << c[i].rank);
				ranks |= 1u << c[i].rank;
			}
		}
		assert_int_equal(ranks, (1u << ways) - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_relax),
		cmocka_unit_test(test_order_plays_no_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

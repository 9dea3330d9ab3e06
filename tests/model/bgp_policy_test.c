/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy against a naive evaluator: random chains of random rules over random routes. The model keeps
 * prefixes, paths and communities as plain arrays and goes through every entry of every list; patterns it
 * knows by what they mean.
 */
#include "bgp/policy_apply.h"
#include "bgp/wire.h"
#include "tests/support/rng_seeded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHAINS    300
#define ROUTES    100
#define ENTRIES   6
#define RULES     4
#define POLICIES  3
#define PATH_MAX_ 200
#define COMM_MAX  64

struct mroute {
	struct prefix prefix;
	uint32_t path[PATH_MAX_], comm[COMM_MAX], med, local_pref, weight;
	unsigned n_path, n_comm;
	bool have_med, have_local_pref;
	uint8_t origin;
};

enum meaning { CONTAINS, FIRST, LAST, EMPTY, ONE, MEANINGS };
struct mrule {
	bool by_prefix, by_path, by_comm, by_origin, by_length;
	struct bgp_prefix_entry entry[ENTRIES];
	unsigned n_entry;
	enum meaning meaning;
	uint32_t as, comm_value, comm_mask;
	uint8_t origin;
	uint32_t length;
	struct bgp_policy_set set;
	struct bgp_community add, remove;
	uint32_t add_value, remove_value, remove_mask;
	enum bgp_policy_action action;
};
struct mpolicy {
	struct mrule rule[RULES];
	unsigned n;
	enum bgp_policy_action otherwise;
};

static struct rng rng;

static unsigned below(unsigned n)
{
	return (unsigned)rng_below(&rng, n);
}

/* --- the model --- */
static bool in_list(const struct mrule *r, const struct prefix *p)
{
	for (unsigned i = 0; i < r->n_entry; i++)
		if (prefix_contains(&r->entry[i].prefix, p) && p->len >= r->entry[i].ge &&
		    p->len <= r->entry[i].le)
			return !r->entry[i].deny;
	return false;
}

static bool path_means(const struct mrule *r, const struct mroute *x)
{
	switch (r->meaning) {
	case CONTAINS:
		for (unsigned i = 0; i < x->n_path; i++)
			if (x->path[i] == r->as)
				return true;
		return false;
	case FIRST: return x->n_path && x->path[0] == r->as;
	case LAST: return x->n_path && x->path[x->n_path - 1] == r->as;
	case EMPTY: return !x->n_path;
	case ONE: return x->n_path == 1;
	case MEANINGS: break;
	}
	return false;
}

static bool carries(const struct mroute *x, uint32_t value, uint32_t mask)
{
	for (unsigned i = 0; i < x->n_comm; i++)
		if ((x->comm[i] & mask) == value)
			return true;
	return false;
}

static bool mmatch(const struct mrule *r, const struct mroute *x)
{
	return (!r->by_prefix || in_list(r, &x->prefix)) && (!r->by_path || path_means(r, x)) &&
	       (!r->by_comm || carries(x, r->comm_value, r->comm_mask)) &&
	       (!r->by_origin || x->origin == r->origin) && (!r->by_length || x->n_path <= r->length);
}

static void mchange(const struct mrule *r, struct mroute *x)
{
	const struct bgp_policy_set *s = &r->set;
	unsigned n = 0;

	if (s->have_local_pref) {
		x->have_local_pref = true;
		x->local_pref = s->local_pref;
	}
	if (s->have_weight)
		x->weight = s->weight;
	if (s->med_how != BGP_MED_KEEP) {
		int64_t med = s->med + (s->med_how == BGP_MED_ADD && x->have_med ? x->med : 0);

		x->have_med = s->med_how != BGP_MED_NONE;
		x->med = !x->have_med || med < 0 ? 0 : (uint32_t)med;
	}
	for (unsigned i = 0; i < s->prepend; i++) {
		memmove(&x->path[1], &x->path[0], x->n_path++ * sizeof(x->path[0]));
		x->path[0] = s->prepend_as;
	}
	for (unsigned i = 0; i < x->n_comm; i++)
		if (!s->replace_communities &&
		    !(s->n_remove && (x->comm[i] & r->remove_mask) == r->remove_value))
			x->comm[n++] = x->comm[i];
	x->n_comm = n;
	if (s->n_add && !carries(x, r->add_value, UINT32_MAX))
		x->comm[x->n_comm++] = r->add_value;
}

static bool mapply(const struct mpolicy *p, unsigned n, struct mroute *x)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < p[i].n; k++) {
			const struct mrule *r = &p[i].rule[k];

			if (!mmatch(r, x))
				continue;
			if (r->action == BGP_POLICY_REJECT)
				return false;
			mchange(r, x);
			if (r->action == BGP_POLICY_ACCEPT)
				return true;
		}
		if (p[i].otherwise != BGP_POLICY_NEXT)
			return p[i].otherwise == BGP_POLICY_ACCEPT;
	}
	return n == 0;
}

/* --- random ones --- */
static struct prefix random_prefix(void)
{
	struct prefix p = { addr_v4(0x0a000000u | below(16) << 20 | below(4) << 8),
		(uint8_t)(8 + below(25)) };

	return prefix_canonical(p);
}

static uint32_t random_as(void)
{
	static const uint32_t as[] = { 1, 11, 65001, 65515, 4200000000u };

	return as[below(5)];
}

static void random_community(struct bgp_community *c, uint32_t *ret_value, uint32_t *ret_mask)
{
	char text[32];
	unsigned a = 1 + below(3), b = 1 + below(4);
	bool any = ret_mask && !below(3);

	snprintf(text, sizeof(text), any ? "%u:*" : "%u:%u", a, b);
	assert_int_equal(bgp_community_parse(text, c), 0);
	*ret_value = a << 16 | (any ? 0 : b);
	if (ret_mask)
		*ret_mask = any ? 0xffff0000u : UINT32_MAX;
}

static void random_set(struct mrule *r)
{
	struct bgp_policy_set *s = &r->set;

	s->have_local_pref = !below(3);
	s->local_pref = below(300);
	s->have_weight = !below(3);
	s->weight = below(100);
	s->med_how = below(4);
	s->med = s->med_how == BGP_MED_NONE  ? 0
	         : s->med_how == BGP_MED_ADD ? (int64_t)below(100) - 50
	                                     : below(100);
	s->prepend = below(3);
	s->prepend_as = random_as();
	s->replace_communities = !below(6);
	s->n_add = below(2);
	s->n_remove = below(2);
	random_community(&r->add, &r->add_value, NULL);
	random_community(&r->remove, &r->remove_value, &r->remove_mask);
	s->add = &r->add;
	s->remove = &r->remove;
}

static void random_rule(struct mrule *r)
{
	struct bgp_community c;

	memset(r, 0, sizeof(*r));
	r->by_prefix = below(2);
	r->n_entry = 1 + below(ENTRIES);
	for (unsigned i = 0; i < r->n_entry; i++) {
		struct bgp_prefix_entry *e = &r->entry[i];

		e->prefix = random_prefix();
		e->ge = (uint8_t)(e->prefix.len + below(33u - e->prefix.len));
		e->le = (uint8_t)(e->ge + below(33u - e->ge));
		e->deny = !below(3);
	}
	r->by_path = !below(3);
	r->meaning = below(MEANINGS);
	r->as = random_as();
	r->by_comm = !below(3);
	random_community(&c, &r->comm_value, &r->comm_mask);
	r->by_origin = !below(4);
	r->origin = (uint8_t)below(3);
	r->by_length = !below(4);
	r->length = below(4);
	random_set(r);
	r->action = below(3);
}

static struct bgp_community community_of(uint32_t value, uint32_t mask)
{
	struct bgp_community c = { .len = 4 };

	for (unsigned i = 0; i < 4; i++) {
		c.value[i] = (uint8_t)(value >> 8 * (3 - i));
		c.mask[i] = (uint8_t)(mask >> 8 * (3 - i));
	}
	return c;
}

/* The rule as the code under test is told it; its lists are the caller's to put. */
static struct bgp_policy_rule real_rule(const struct mrule *m)
{
	struct bgp_policy_rule r = { .name = "r", .set = m->set, .action = m->action };
	struct bgp_community c = community_of(m->comm_value, m->comm_mask);
	char pattern[40];
	const char *patterns[1] = { pattern };

	if (m->by_prefix)
		r.match.prefixes = bgp_prefix_list_new(m->entry, m->n_entry);
	snprintf(pattern, sizeof(pattern),
	    m->meaning == CONTAINS ? "_%u_"
	    : m->meaning == FIRST  ? "^%u_"
	    : m->meaning == LAST   ? "_%u$"
	    : m->meaning == EMPTY  ? "^$"
	                           : "^[0-9]+$",
	    (unsigned)m->as);
	if (m->by_path)
		r.match.path = bgp_path_list_new(patterns, 1, NULL);
	if (m->by_comm)
		r.match.communities[r.match.n_communities++] = bgp_community_list_new(&c, 1);
	r.match.have_origin = m->by_origin;
	r.match.origin = m->origin;
	r.match.have_path_max = m->by_length;
	r.match.path_max = m->length;
	return r;
}

static struct bgp_policy *real_policy(const struct mpolicy *m)
{
	struct bgp_policy_rule rule[RULES];
	struct bgp_policy *p;

	for (unsigned i = 0; i < m->n; i++)
		rule[i] = real_rule(&m->rule[i]);
	p = bgp_policy_new("p", rule, m->n, m->otherwise);
	for (unsigned i = 0; i < m->n; i++) {
		bgp_prefix_list_put(rule[i].match.prefixes);
		bgp_path_list_put(rule[i].match.path);
		bgp_community_list_put(rule[i].match.communities[0]);
	}
	return p;
}

/* --- one route through both --- */
static struct mroute random_route(void)
{
	struct mroute x = {
		.prefix = random_prefix(), .n_path = below(4), .n_comm = below(4), .have_med = below(2)
	};

	for (unsigned i = 0; i < x.n_path; i++)
		x.path[i] = random_as();
	for (unsigned i = 0; i < x.n_comm; i++)
		x.comm[i] = (1 + below(3)) << 16 | (1 + below(4));
	x.med = x.have_med ? below(100) : 0;
	x.origin = (uint8_t)below(3);
	return x;
}

static struct attrs real_attrs(const struct mroute *x, uint8_t path[64], uint8_t comm[64])
{
	struct wr p = wr_init(path, 64), c = wr_init(comm, 64);

	if (x->n_path) {
		wr_u8(&p, BGP_AS_SEQUENCE);
		wr_u8(&p, (uint8_t)x->n_path);
	}
	for (unsigned i = 0; i < x->n_path; i++)
		wr_u32(&p, x->path[i]);
	for (unsigned i = 0; i < x->n_comm; i++)
		wr_u32(&c, x->comm[i]);
	return (struct attrs){ .origin = x->origin,
		.have_med = x->have_med,
		.med = x->med,
		.as_path = { path, wr_len(&p) },
		.communities = { comm, wr_len(&c) } };
}

static void same(const struct mroute *x, const struct attrs *a)
{
	uint32_t path[PATH_MAX_];
	struct rd c = rd_init(a->communities.p, a->communities.len);
	bool cut;

	assert_int_equal(as_path_list(a->as_path, path, PATH_MAX_, &cut), x->n_path);
	assert_memory_equal(path, x->path, x->n_path * sizeof(path[0]));
	assert_int_equal(a->communities.len, x->n_comm * 4);
	for (unsigned i = 0; i < x->n_comm; i++)
		assert_int_equal(rd_u32(&c), x->comm[i]);
	assert_int_equal(a->have_med, x->have_med);
	assert_int_equal(a->have_med ? a->med : 0, x->med);
	assert_int_equal(a->have_local_pref, x->have_local_pref);
	assert_int_equal(a->local_pref, x->local_pref);
	assert_int_equal(a->weight, x->weight);
	assert_int_equal(a->other.len, 0);
}

static void test_random(void **state)
{
	struct policy_room *room = malloc(sizeof(*room));
	struct policy_context ctx = { .import = true, .own_as = 65001, .peer_as = 65515, .from = "a/b" };
	unsigned accepted = 0, refused = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= CHAINS; seed++) {
		static struct mpolicy policy[POLICIES];
		struct bgp_policy_chain chain = { .n = 0 };

		rng = rng_seeded(&(uint64_t){ seed });
		chain.n = below(POLICIES + 1);
		for (unsigned i = 0; i < chain.n; i++) {
			policy[i].n = below(RULES + 1);
			policy[i].otherwise = below(3);
			for (unsigned k = 0; k < policy[i].n; k++)
				random_rule(&policy[i].rule[k]);
			chain.policy[i] = real_policy(&policy[i]);
		}
		for (unsigned i = 0; i < ROUTES; i++) {
			struct mroute x = random_route();
			uint8_t path[64], comm[64];
			struct attrs a = real_attrs(&x, path, comm);
			struct policy_result r;
			bool want = mapply(policy, chain.n, &x);

			policy_apply(&chain, &x.prefix, &a, &ctx, room, &r);
			assert_int_equal(r.accepted, want);
			if (want)
				same(&x, &r.attrs);
			accepted += want;
			refused += !want;
		}
		bgp_policy_chain_put(&chain);
	}
	assert_true(
	    accepted > CHAINS * ROUTES / 10 && refused > CHAINS * ROUTES / 10); /* both are looked at */
	free(room);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

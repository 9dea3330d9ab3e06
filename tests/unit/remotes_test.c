/* SPDX-License-Identifier: Apache-2.0 */
/* A peer's addresses from literals and names, as a table: what is configured, what the resolver said, and the
 * list. */
#include "connector/daemon/remotes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct addr address(const char *text)
{
	struct addr a = { 0 };

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* Words: literals or names. */
static void configure(struct cfg_tunnel *cfg, const char *words)
{
	char copy[256], *save = NULL;

	memset(cfg->remote, 0, sizeof(cfg->remote));
	for (unsigned i = 0; i < CFG_REMOTES_MAX; i++) {
		free(cfg->remote_name[i]);
		cfg->remote_name[i] = NULL;
	}
	cfg->n_remote = 0;
	snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		if (addr_parse(w, &cfg->remote[cfg->n_remote]))
			cfg->remote_name[cfg->n_remote] = strdup(w);
		cfg->n_remote++;
	}
}

static struct resolver_answer answer(const char *name, const char *addresses)
{
	struct resolver_answer a = { 0 };
	char copy[256], *save = NULL;

	snprintf(a.name, sizeof(a.name), "%s", name);
	snprintf(copy, sizeof(copy), "%s", addresses);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		a.addr[a.n++] = address(w);
	return a;
}

static void expect(const struct remotes *r, const char *words)
{
	char seen[512] = "";

	for (unsigned i = 0; i < r->n; i++)
		snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s%s", i ? " " : "",
		    addr_str(&r->addr[i]));
	assert_string_equal(seen, words);
}

static void test_list(void **state)
{
	static const struct {
		const char *remotes, *a, *b, *list;
	} rows[] = {
		{ "192.0.2.1 192.0.2.2", NULL, NULL, "192.0.2.1 192.0.2.2" },
		{ "a", NULL, NULL, "" },
		{ "a 192.0.2.9", NULL, NULL, "192.0.2.9" },
		{ "a 192.0.2.9", "192.0.2.1 2001:db8::1", NULL, "192.0.2.1 2001:db8::1 192.0.2.9" },
		{ "192.0.2.9 a b", "192.0.2.1", "192.0.2.2", "192.0.2.9 192.0.2.1 192.0.2.2" },
		{ "192.0.2.1 a b", "192.0.2.1", "192.0.2.1 192.0.2.3", "192.0.2.1 192.0.2.3" },
		{ "a b 192.0.2.9", "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4",
		    "192.0.2.5 192.0.2.6 192.0.2.7 192.0.2.8",
		    "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 192.0.2.8" },
	};
	static struct cfg_tunnel cfg;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct resolver_answer a = answer("a", rows[i].a ? rows[i].a : ""),
		                       b = answer("b", rows[i].b ? rows[i].b : "");
		struct remotes r = { 0 };

		configure(&cfg, rows[i].remotes);
		remotes_config(&r, &cfg, NULL);
		(void)remotes_answer(&r, &cfg, &a, r.next);
		(void)remotes_answer(&r, &cfg, &b, r.next);
		expect(&r, rows[i].list);
		assert_false(remotes_answer(&r, &cfg, &a, r.next)); /* nothing new */
	}
}

static void test_promote(void **state)
{
	static struct cfg_tunnel cfg;
	struct addr second = address("192.0.2.2"), stranger = address("192.0.2.77");
	struct remotes r = { 0 };

	(void)state;
	configure(&cfg, "192.0.2.1 192.0.2.2 192.0.2.3");
	remotes_config(&r, &cfg, NULL);
	assert_false(remotes_worked(&r, &cfg, &second));
	expect(&r, "192.0.2.1 192.0.2.2 192.0.2.3");
	cfg.promote_alternate = true;
	assert_true(remotes_worked(&r, &cfg, &second));
	expect(&r, "192.0.2.2 192.0.2.1 192.0.2.3");
	assert_false(remotes_worked(&r, &cfg, &second));
	assert_false(remotes_worked(&r, &cfg, &stranger)); /* behind a NAT, say */
	cfg.promote_alternate = false;
	remotes_config(&r, &cfg, &cfg);
	expect(&r, "192.0.2.1 192.0.2.2 192.0.2.3");
}

/* A name server that fails leaves what was known; one that moved takes the old address out. */
static void test_again(void **state)
{
	static struct cfg_tunnel cfg, next;
	struct resolver_answer a = answer("a", "192.0.2.1"), moved = answer("a", "192.0.2.5"),
	                       none = answer("a", "");
	mtime now = { mdur_s(100).ns };
	struct remotes r = { 0 };

	(void)state;
	configure(&cfg, "a 192.0.2.9");
	remotes_config(&r, &cfg, NULL);
	assert_true(remotes_due(&r, &cfg, now));
	r.open = 1;
	assert_false(remotes_due(&r, &cfg, now));
	assert_true(remotes_answer(&r, &cfg, &a, now));
	r.next = mtime_add(now, REMOTES_AGAIN);
	assert_false(remotes_due(&r, &cfg, now));
	r.open = 1;
	assert_false(remotes_answer(&r, &cfg, &none, now));
	expect(&r, "192.0.2.1 192.0.2.9");
	assert_false(remotes_due(&r, &cfg, now));
	assert_true(remotes_due(&r, &cfg, mtime_add(now, REMOTES_RETRY)));
	assert_true(remotes_answer(&r, &cfg, &moved, now));
	expect(&r, "192.0.2.5 192.0.2.9");
	configure(&next, "192.0.2.9 a");
	remotes_config(&r, &next, &cfg);
	expect(&r, "192.0.2.9 192.0.2.5");
	configure(&cfg, "192.0.2.9");
	remotes_config(&r, &cfg, &next);
	expect(&r, "192.0.2.9");
	assert_false(remotes_due(&r, &cfg, mtime_add(now, REMOTES_AGAIN)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_promote),
		cmocka_unit_test(test_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign routes that announcements hang on: which are told, when, and which never. */
#include "connector/fib/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { ETH0 = 1, ETH1, CW0 };
enum { KERNEL = 2, STATIC = 4, BIRD = 12 };

static struct fib *f;
static unsigned told;

static void turn(void)
{
	struct fib_report r;
	struct fib_op op[8];

	do {
		while (fib_plan(f, (mtime){ 1000000000 }, op, 8))
			;
		while (fib_next_report(f, &r))
			told += r.kind == FIB_REPORT_SOURCES;
	} while (fib_busy(f));
}

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, true, &p), 0);
	return p;
}

static void saw(enum fib_seen how, const char *p, uint8_t protocol, int ifindex)
{
	struct fib_seen_route r = { .prefix = prefix(p), .protocol = protocol, .n_ways = ifindex ? 1 : 0 };

	r.type = ifindex ? FIB_UNICAST : FIB_REJECT;
	r.way[0].ifindex = ifindex;
	fib_saw_route(f, how, &r);
}

static int set_up(void **state)
{
	(void)state;
	f = fib_new();
	told = 0;
	fib_resync_begin(f);
	fib_saw_link(f, ETH0, "eth0", true, false);
	fib_saw_link(f, ETH1, "eth1", true, false);
	fib_saw_link(f, CW0, "cw0", true, false);
	fib_resync_end(f);
	fib_reconciled(f);
	fib_interface(f, CW0, true);
	turn();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fib_free(f);
	return 0;
}

static void ask(uint8_t protocol, const char *within)
{
	uint8_t bits[32] = { 0 };
	struct prefix p = within ? prefix(within) : (struct prefix){ 0 };

	bits[protocol >> 3] |= (uint8_t)(1u << (protocol & 7));
	assert_int_equal(fib_watch(f, bits, &p, within ? 1 : 0), 0);
	turn();
}

/* All of them as one text. */
static const char *sources(void)
{
	static char text[500];
	size_t n;
	bool cut;
	const struct fib_source *s = fib_sources(f, &n, &cut);

	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s,%u,%s", i ? " " : "",
		    prefix_str(&s[i].prefix), s[i].protocol, s[i].interface);
	assert_false(cut);
	return text;
}

static void test_by_protocol(void **state)
{
	(void)state;
	saw(FIB_SEEN_NEW, "10.1.0.0/16", STATIC, ETH0);
	saw(FIB_SEEN_NEW, "10.2.0.0/16", BIRD, ETH0);
	saw(FIB_SEEN_NEW, "10.3.0.0/16", STATIC, CW0); /* into a tunnel of ours */
	saw(FIB_SEEN_NEW, "10.4.0.0/16", STATIC, 0);   /* a blackhole anchors as well */
	saw(FIB_SEEN_NEW, "10.5.0.0/16", FIB_PROTOCOL, ETH0);
	turn();
	assert_int_equal(told, 0); /* nobody asked */
	ask(STATIC, NULL);
	assert_string_equal(sources(), "10.1.0.0/16,4,eth0 10.4.0.0/16,4,");
	assert_int_equal(told, 1);
	saw(FIB_SEEN_NEW, "10.6.0.0/16", BIRD, ETH0); /* changes nothing of that */
	turn();
	assert_int_equal(told, 1);
	saw(FIB_SEEN_GONE, "10.1.0.0/16", STATIC, ETH0);
	turn();
	assert_string_equal(sources(), "10.4.0.0/16,4,");
	assert_int_equal(told, 2);
}

static void test_by_prefix(void **state)
{
	(void)state;
	saw(FIB_SEEN_NEW, "10.1.5.0/24", BIRD, ETH1);
	saw(FIB_SEEN_NEW, "10.0.0.0/8", BIRD, ETH1);
	saw(FIB_SEEN_NEW, "0.0.0.0/0", STATIC, ETH1);
	ask(FIB_PROTOCOL, "10.1.0.0/16"); /* our own protocol is never a source */
	assert_string_equal(sources(), "10.1.5.0/24,12,eth1");
	ask(FIB_PROTOCOL, "0.0.0.0/0"); /* a default stands for itself */
	assert_string_equal(sources(), "0.0.0.0/0,4,eth1");
}

/* A link that goes down takes its source with it, and one that comes back brings it. */
static void test_links(void **state)
{
	(void)state;
	saw(FIB_SEEN_NEW, "10.1.0.0/16", STATIC, ETH0);
	ask(STATIC, NULL);
	assert_string_equal(sources(), "10.1.0.0/16,4,eth0");
	fib_saw_link(f, ETH0, "eth0", false, false);
	turn();
	assert_string_equal(sources(), "");
	fib_saw_link(f, ETH0, "eth0", true, false);
	turn();
	assert_string_equal(sources(), "10.1.0.0/16,4,eth0");
}

static void test_bound(void **state)
{
	uint8_t all[32];
	size_t n;
	bool cut;

	(void)state;
	memset(all, 0xff, sizeof(all));
	assert_int_equal(fib_watch(f, all, NULL, 0), 0);
	for (unsigned i = 0; i < FIB_SOURCES_MAX + 1; i++) {
		struct fib_seen_route r = { .protocol = BIRD, .n_ways = 1, .way[0].ifindex = ETH0 };

		r.prefix = (struct prefix){ addr_v4(0x0b000000 + (i << 8)), 24 };
		fib_saw_route(f, FIB_SEEN_NEW, &r);
	}
	turn();
	(void)fib_sources(f, &n, &cut);
	assert_int_equal(n, FIB_SOURCES_MAX);
	assert_true(cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_by_protocol, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_by_prefix, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_links, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bound, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

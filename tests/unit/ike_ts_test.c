/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic selectors: narrowing as a table, and against a naive model that asks every address and port. */
#include "ike/ts.h"
#include "tests/support/rng_seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* "10.0.0.0/16", "10.0.0.1-10.0.0.9", with "[proto/first-last]" behind. */
static struct ike_ts ts(const char *text)
{
	char buf[80], *extra, *dash;
	struct ike_ts t = { .port_last = UINT16_MAX };
	struct prefix p;
	unsigned proto = 0, first = 0, last = UINT16_MAX;

	strncpy(buf, text, sizeof(buf) - 1);
	buf[sizeof(buf) - 1] = '\0';
	extra = strchr(buf, '[');
	if (extra) {
		*extra++ = '\0';
		proto = (unsigned)strtoul(extra, &extra, 10);
		first = (unsigned)strtoul(extra + 1, &extra, 10);
		last = (unsigned)strtoul(extra + 1, &extra, 10);
	}
	dash = strchr(buf, '-');
	if (dash) {
		*dash++ = '\0';
		assert_int_equal(addr_parse(buf, &t.first), 0);
		assert_int_equal(addr_parse(dash, &t.last), 0);
	} else {
		assert_int_equal(prefix_parse(buf, false, &p), 0);
		t = ike_ts_from_prefix(&p);
	}
	t.protocol = (uint8_t)proto;
	t.port_first = (uint16_t)first;
	t.port_last = (uint16_t)last;
	return t;
}

static unsigned list(const char *const texts[3], struct ike_ts out[3])
{
	unsigned n = 0;

	while (n < 3 && texts[n]) {
		out[n] = ts(texts[n]);
		n++;
	}
	return n;
}

static void test_prefix(void **state)
{
	static const struct {
		const char *prefix, *range;
	} cases[] = {
		{ "0.0.0.0/0", "0.0.0.0-255.255.255.255" },
		{ "10.1.2.3/32", "10.1.2.3-10.1.2.3" },
		{ "10.0.0.0/9", "10.0.0.0-10.127.255.255" },
		{ "10.1.2.3/23", "10.1.2.0-10.1.3.255" },
		{ "::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "2001:db8::/33", "2001:db8::-2001:db8:7fff:ffff:ffff:ffff:ffff:ffff" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ike_ts a = ts(cases[i].prefix), b = ts(cases[i].range);

		assert_true(ike_ts_eq(&a, &b));
	}
}

static void test_narrow(void **state)
{
	static const struct {
		const char *asked[3], *allowed[3], *result[3];
	} cases[] = {
		{ { "0.0.0.0/0" }, { "0.0.0.0/0" }, { "0.0.0.0/0" } },
		{ { "0.0.0.0/0" }, { "10.0.0.0/8" }, { "10.0.0.0/8" } },
		{ { "10.1.0.0/16" }, { "10.0.0.0/8" }, { "10.1.0.0/16" } },
		{ { "10.1.0.0/16" }, { "10.2.0.0/16" }, { NULL } },
		{ { "0.0.0.0/0", "::/0" }, { "0.0.0.0/0" }, { "0.0.0.0/0" } },
		{ { "::/0" }, { "0.0.0.0/0" }, { NULL } },
		{ { "0.0.0.0/0" }, { "10.1.0.0/16", "10.2.0.0/16" }, { "10.1.0.0/16", "10.2.0.0/16" } },
		/* The triggering packet first, then the policy (RFC 7296 2.9): the wide one covers it. */
		{ { "10.1.0.5/32[6/443-443]", "10.0.0.0/8" }, { "10.1.0.0/16" }, { "10.1.0.0/16" } },
		{ { "10.0.0.0-10.0.0.200" }, { "10.0.0.100-10.0.1.0" }, { "10.0.0.100-10.0.0.200" } },
		{ { "10.0.0.0/8[6/0-65535]" }, { "10.0.0.0/8" }, { "10.0.0.0/8[6/0-65535]" } },
		{ { "10.0.0.0/8[6/0-65535]" }, { "10.0.0.0/8[17/0-65535]" }, { NULL } },
		{ { "10.0.0.0/8[6/100-200]" }, { "10.0.0.0/8[0/150-300]" }, { "10.0.0.0/8[6/150-200]" } },
		{ { "10.0.0.0/8[6/1-2]" }, { "10.0.0.0/8[6/3-4]" }, { NULL } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ike_ts asked[3], allowed[3], want[3], got[IKE_TS_MAX];
		unsigned n_asked = list(cases[i].asked, asked), n_allowed = list(cases[i].allowed, allowed);
		unsigned n_want = list(cases[i].result, want),
		         n = ike_ts_narrow(asked, n_asked, allowed, n_allowed, got);

		assert_int_equal(n, n_want);
		for (unsigned j = 0; j < n; j++)
			assert_true(ike_ts_eq(&got[j], &want[j]));
		assert_true(ike_ts_all_within(got, n, allowed, n_allowed));
		assert_true(ike_ts_all_within(got, n, asked, n_asked));
	}
}

struct point {
	uint8_t addr, protocol, port;
};

static bool covers(const struct ike_ts *list_, unsigned n, struct point p)
{
	struct ike_ts one = { .first = addr_v4(p.addr),
		.last = addr_v4(p.addr),
		.protocol = p.protocol,
		.port_first = p.port,
		.port_last = p.port };

	for (unsigned i = 0; i < n; i++)
		if (ike_ts_contains(&list_[i], &one))
			return true;
	return false;
}

static struct ike_ts random_ts(const struct rng *rng)
{
	uint8_t a = (uint8_t)rng_below(rng, 8), b = (uint8_t)(a + rng_below(rng, 4)),
	        p = (uint8_t)rng_below(rng, 4);

	return (struct ike_ts){ .first = addr_v4(a),
		.last = addr_v4(b),
		.protocol = rng_below(rng, 3) ? 0 : 6,
		.port_first = p,
		.port_last = (uint16_t)(p + rng_below(rng, 3)) };
}

/* A point is in the result exactly when it is in both lists. */
static void test_model(void **state)
{
	uint64_t seed = 42;
	struct rng rng = rng_seeded(&seed);

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		struct ike_ts asked[2], allowed[2], got[IKE_TS_MAX];
		unsigned n_asked = 1 + (unsigned)rng_below(&rng, 2),
		         n_allowed = 1 + (unsigned)rng_below(&rng, 2), n;

		for (unsigned i = 0; i < 2; i++) {
			asked[i] = random_ts(&rng);
			allowed[i] = random_ts(&rng);
		}
		n = ike_ts_narrow(asked, n_asked, allowed, n_allowed, got);
		for (uint8_t addr = 0; addr < 12; addr++)
			for (uint8_t port = 0; port < 7; port++)
				for (uint8_t protocol = 6; protocol < 8; protocol++) {
					struct point p = { addr, protocol, port };

					assert_int_equal(covers(got, n, p),
					    covers(asked, n_asked, p) && covers(allowed, n_allowed, p));
				}
	}
}

/* More selectors than a child holds: as many as fit, none of them wrong. */
static void test_printed(void **state)
{
	struct prefix p;
	struct ike_ts ts[3];
	char buf[128];

	(void)state;
	assert_int_equal(prefix_parse("10.0.0.0/16", true, &p), 0);
	ts[0] = ike_ts_from_prefix(&p);
	assert_int_equal(prefix_parse("::/0", true, &p), 0);
	ts[1] = ike_ts_from_prefix(&p);
	ts[2] = ts[0];
	ts[2].last.b[3] = 9;
	ts[2].last.b[2] = 0;
	ts[2].protocol = 6;
	ts[2].port_first = ts[2].port_last = 443;
	assert_string_equal(
	    ike_ts_str(ts, 3, buf, sizeof(buf)), "10.0.0.0/16, ::/0, 10.0.0.0-10.0.0.9[6/443-443]");
	ike_ts_str(ts, 3, buf, 8); /* cut, and terminated */
	assert_true(strlen(buf) < 8);
}

static void test_many(void **state)
{
	struct ike_ts asked[IKE_TS_OFFER_MAX], any = ts("0.0.0.0/0"), got[IKE_TS_MAX];

	(void)state;
	for (unsigned i = 0; i < IKE_TS_OFFER_MAX; i++) {
		asked[i] = any;
		asked[i].first = asked[i].last = addr_v4(0x0a000000 + 2 * i);
	}
	assert_int_equal(ike_ts_narrow(asked, IKE_TS_OFFER_MAX, &any, 1, got), IKE_TS_MAX);
	assert_true(ike_ts_all_within(got, IKE_TS_MAX, asked, IKE_TS_OFFER_MAX));
}

static void test_payload(void **state)
{
	struct ike_ts both[2] = { ts("10.0.0.0/8[6/1-2]"), ts("2001:db8::/32") };
	uint8_t buf[256];
	struct ike_build b = ike_build_init(buf, sizeof(buf));
	struct ike_payloads p;
	struct ike_ts_list got;
	size_t len;

	(void)state;
	ike_build_ts(&b, IKE_P_TSI, both, 2);
	assert_int_equal(ike_build_finish(&b, &len), 0);
	assert_int_equal(ike_payloads_parse(rd_init(buf, len), b.first, &p), 0);
	assert_int_equal(ike_ts_parse(p.tsi, &got), 0);
	assert_int_equal(got.n, 2);
	assert_true(ike_ts_eq(&got.list[0], &both[0]) && ike_ts_eq(&got.list[1], &both[1]));
	for (size_t cut = 0; cut < p.tsi.len; cut++)
		assert_int_equal(ike_ts_parse((struct ike_span){ p.tsi.data, cut }, &got), -1);
	/* Types we don't know, and empty ranges, select nothing; the others count. */
	buf[8] = 9;
	assert_int_equal(ike_ts_parse(p.tsi, &got), 0);
	assert_int_equal(got.n, 1);
	buf[8] = IKE_TS_IPV4_RANGE;
	buf[16] = 11;
	buf[20] = 10;
	assert_int_equal(ike_ts_parse(p.tsi, &got), 0);
	assert_int_equal(got.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_printed),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_payload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

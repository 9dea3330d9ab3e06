/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, prefixes, endpoints: text both ways, order, containment, the kernel's form. */
#include "base/addr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, true, &p), 0);
	return p;
}

static void test_addr_text(void **state)
{
	static const char *const good[] = { "0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "::1",
		"2001:db8::1", "fe80::1:2:3:4", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };
	static const char *const bad[] = { "", "1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.4 ", " 1.2.3.4",
		"::g", ":::", "1.2.3.4/32", "fe80::1%eth0", "host" };
	struct addr a = addr("192.0.2.7"), b;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		a = addr(good[i]);
		assert_string_equal(addr_str(&a), good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		b = a;
		if (addr_parse(bad[i], &b) != -1)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_true(addr_eq(&a, &b)); /* untouched */
	}
}

static void test_addr_values(void **state)
{
	struct addr none = { 0 }, a = addr("10.1.2.3"), b = addr_v4(0x0a010203), six = addr("2001:db8::1");

	(void)state;
	assert_true(addr_eq(&a, &b));
	assert_int_equal(memcmp(&a, &b, sizeof(a)), 0);
	assert_true(addr_to_v4(&a) == 0x0a010203);
	assert_int_equal(addr_to_v4(&six), 0);
	assert_int_equal(addr_bits(&a), 32);
	assert_int_equal(addr_bits(&six), 128);
	assert_int_equal(addr_bits(&none), 0);
	assert_int_equal(addr_size(&six), 16);
	assert_true(addr_is_none(&none) && !addr_is_none(&a));
	b = addr("0.0.0.0");
	assert_true(addr_is_unspecified(&b) && !addr_is_unspecified(&a) && !addr_is_unspecified(&none));
	b = addr("::");
	assert_true(addr_is_unspecified(&b));
	b = addr("10.1.2.4");
	assert_true(addr_cmp(&a, &b) < 0 && addr_cmp(&b, &a) > 0 && addr_cmp(&a, &a) == 0);
	assert_true(addr_cmp(&b, &six) < 0); /* families in order */
	assert_int_equal(addr_bit(&a, 0), 0);
	assert_int_equal(addr_bit(&a, 4), 1); /* 10 = 00001010 */
	assert_int_equal(addr_bit(&a, 31), 1);
	b = addr_from_bytes(6, six.b);
	assert_true(addr_eq(&b, &six));
}

static void test_prefix_text(void **state)
{
	static const char *const bad[] = { "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
		"10.0.0.0/ 8", "::/129", "10.0.0/8", "/8", "10.0.0.0//8" };
	struct prefix p, keep = prefix("10.0.0.0/8");

	(void)state;
	assert_string_equal(prefix_str(&keep), "10.0.0.0/8");
	p = prefix("2001:db8::/32");
	assert_string_equal(prefix_str(&p), "2001:db8::/32");
	p = prefix("0.0.0.0/0");
	assert_int_equal(p.len, 0);
	p = prefix("192.0.2.1");
	assert_string_equal(prefix_str(&p), "192.0.2.1/32");
	p = prefix("::1");
	assert_int_equal(p.len, 128);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		p = keep;
		if (prefix_parse(bad[i], false, &p) != -1)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_true(prefix_eq(&p, &keep));
	}
	assert_int_equal(prefix_parse("10.0.0.1/8", true, &p), -1); /* host bits */
	assert_int_equal(prefix_parse("10.0.0.1/8", false, &p), 0);
	p = prefix_canonical(p);
	assert_true(prefix_eq(&p, &keep));
}

static void test_prefix_sets(void **state)
{
	struct prefix all = prefix("0.0.0.0/0"), ten = prefix("10.0.0.0/8"), sub = prefix("10.1.0.0/16"),
	              odd = prefix("10.128.0.0/9"), other = prefix("11.0.0.0/8"), six = prefix("::/0");
	struct addr in = addr("10.255.0.1"), out = addr("11.0.0.0"), in6 = addr("a00::");
	struct prefix host = prefix_host(&in);

	(void)state;
	assert_true(
	    prefix_contains(&all, &ten) && prefix_contains(&ten, &sub) && prefix_contains(&ten, &ten));
	assert_false(
	    prefix_contains(&sub, &ten) || prefix_contains(&ten, &other) || prefix_contains(&six, &ten));
	assert_true(prefix_contains(&ten, &odd));
	assert_false(prefix_contains(&odd, &sub));
	assert_true(prefix_overlaps(&sub, &ten) && prefix_overlaps(&ten, &sub));
	assert_false(prefix_overlaps(&ten, &other) || prefix_overlaps(&six, &all));
	assert_true(prefix_contains_addr(&ten, &in) && prefix_contains_addr(&all, &out));
	assert_false(prefix_contains_addr(&ten, &out) || prefix_contains_addr(&ten, &in6) ||
	             prefix_contains_addr(&all, &in6));
	assert_int_equal(host.len, 32);
	assert_true(prefix_contains(&ten, &host));
	assert_true(prefix_cmp(&ten, &sub) < 0 && prefix_cmp(&ten, &other) < 0 && prefix_cmp(&ten, &six) < 0);
	other = ten;
	other.len = 9;
	assert_true(prefix_cmp(&ten, &other) < 0);
}

/* Canonical prefixes of every length: the host bits are gone, the others stay. */
static void test_canonical(void **state)
{
	struct addr ones = addr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");

	(void)state;
	for (unsigned len = 0; len <= 128; len++) {
		struct prefix p = prefix_canonical((struct prefix){ ones, (uint8_t)len });

		for (unsigned i = 0; i < 128; i++)
			assert_int_equal(addr_bit(&p.addr, i), i < len);
		assert_true(prefix_contains_addr(&p, &ones));
	}
}

static void test_endpoint(void **state)
{
	struct endpoint e4 = { addr("192.0.2.1"), 500 }, e6 = { addr("2001:db8::1"), 4500 }, none = { 0 },
	                back;
	struct sockaddr_storage ss;

	(void)state;
	assert_string_equal(endpoint_str(&e4), "192.0.2.1:500");
	assert_string_equal(endpoint_str(&e6), "[2001:db8::1]:4500");
	assert_int_equal(endpoint_to_sockaddr(&e4, &ss), sizeof(struct sockaddr_in));
	assert_int_equal(((struct sockaddr_in *)(void *)&ss)->sin_port, htons(500));
	back = endpoint_from_sockaddr(&ss);
	assert_true(endpoint_eq(&back, &e4));
	assert_int_equal(endpoint_to_sockaddr(&e6, &ss), sizeof(struct sockaddr_in6));
	back = endpoint_from_sockaddr(&ss);
	assert_true(endpoint_eq(&back, &e6));
	assert_false(endpoint_eq(&e4, &e6));
	back = e4;
	back.port++;
	assert_false(endpoint_eq(&e4, &back));
	assert_int_equal(endpoint_to_sockaddr(&none, &ss), 0);
}

/* Eight texts fit in one printf. */
static void test_str_slots(void **state)
{
	struct addr a[8];
	char line[256];

	(void)state;
	for (uint32_t i = 0; i < 8; i++)
		a[i] = addr_v4(i);
	snprintf(line, sizeof(line), "%s %s %s %s %s %s %s %s", addr_str(&a[0]), addr_str(&a[1]),
	    addr_str(&a[2]), addr_str(&a[3]), addr_str(&a[4]), addr_str(&a[5]), addr_str(&a[6]),
	    addr_str(&a[7]));
	assert_string_equal(line, "0.0.0.0 0.0.0.1 0.0.0.2 0.0.0.3 0.0.0.4 0.0.0.5 0.0.0.6 0.0.0.7");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_addr_text),
		cmocka_unit_test(test_addr_values), cmocka_unit_test(test_prefix_text),
		cmocka_unit_test(test_prefix_sets), cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_endpoint), cmocka_unit_test(test_str_slots) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

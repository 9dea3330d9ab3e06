/* SPDX-License-Identifier: Apache-2.0 */
/* UPDATEs with a path identifier before each prefix (RFC 7911 3), written and read. */
#include "bgp/message.h"
#include "bgp/nlri.h"
#include "bgp/update.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FIRST_ID 0x01020304u

static struct attr_scratch scratch;

static struct rd list_of(const struct update *u, bool v6, bool withdraw)
{
	if (v6)
		return withdraw ? u->a.unreach.prefixes : u->a.reach.prefixes;
	return withdraw ? u->withdrawn : u->nlri;
}

static void check(bool v6, bool withdraw, bool path_ids)
{
	const struct attr_context ctx = {
		.four_octet = true, .family = { true, true }, .path_ids = { path_ids && !v6, path_ids && v6 }
	};
	struct attrs a = { .origin = BGP_ORIGIN_IGP };
	uint8_t buf[BGP_MESSAGE_MAX];
	struct prefix p, got;
	struct update_builder b;
	struct update u;
	struct rd body, list;
	uint32_t n = 0, id;
	size_t len;

	assert_int_equal(addr_parse(v6 ? "2001:db8::1" : "192.0.2.1", &a.nexthop), 0);
	assert_int_equal(prefix_parse(v6 ? "2001:db8:1::/48" : "10.100.0.0/16", true, &p), 0);
	assert_true(update_begin(&b, buf, sizeof(buf), v6 ? BGP_IPV6 : BGP_IPV4, withdraw ? NULL : &a, &ctx));
	while (update_add_path(&b, &p, FIRST_ID + n))
		n++;
	len = update_end(&b);
	/* As many as fit, identifiers counted. */
	assert_in_range(len, BGP_MESSAGE_MAX - nlri_size(&p) - (path_ids ? 4 : 0) + 1, BGP_MESSAGE_MAX);
	body = rd_init(buf, len);
	assert_non_null(rd_skip(&body, BGP_HEADER_LEN));
	update_parse(body, &ctx, &scratch, &u);
	list = list_of(&u, v6, withdraw);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(nlri_next_path(&list, v6 ? 6 : 4, path_ids, &got, &id), 1);
		assert_true(prefix_eq(&got, &p));
		assert_int_equal(id, path_ids ? FIRST_ID + i : 0);
	}
	assert_int_equal(rd_left(&list), 0);
}

static void test_path_ids(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 8; kind++)
		check(kind & 1, kind & 2, kind & 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The restart record as text, both ways; cut at every length, and with each of its lines spoilt. */
#include "connector/daemon/restart_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char text[] = "causeway-restart 1\n"
                           "boot 4bc0f3a6-0a59-4c7f-9f8e-000000000001\n"
                           "netns 4026531840\n"
                           "left 81239041\n"
                           "until 81359041\n"
                           "tunnel azure-hq/t1 cw0 7 c5e70001 1400\n"
                           "outer 192.0.2.1 192.0.2.2\n"
                           "inside 10.0.0.10/32\n"
                           "inside 2001:db8::a/128\n"
                           "sa in c1d2e3f4 192.0.2.1\n"
                           "sa out 2 192.0.2.2\n"
                           "tunnel azure-hq/t2 cloud0 9 c5e70002 1390\n"
                           "outer 2001:db8:1::1 2001:db8:1::2\n"
                           "sa out ffffffff 2001:db8:1::2\n"
                           "peer azure-hq/t1 ipv4 ipv6\n"
                           "peer core\n"
                           "end\n";

static struct restart_record *parse(const char *t, size_t len)
{
	struct reason why = { 0 };
	struct restart_record *r = restart_record_parse(t, len, &why);

	assert_true(r || !strcmp(why.id, "restart-record-refused"));
	return r;
}

static void test_both_ways(void **state)
{
	struct restart_record *r = parse(text, strlen(text));
	const struct plane_kept *k;
	size_t len;
	char *built;

	(void)state;
	assert_non_null(r);
	assert_string_equal(r->boot, "4bc0f3a6-0a59-4c7f-9f8e-000000000001");
	assert_int_equal(r->netns, 4026531840);
	assert_int_equal(r->left.ns, 81239041000000);
	assert_int_equal(mtime_since(r->until, r->left).ns, mdur_s(120).ns);
	assert_int_equal(r->n_tunnel, 2);
	assert_string_equal(r->tunnel[0].name, "azure-hq/t1");
	k = &r->tunnel[0].kept;
	assert_string_equal(k->interface, "cw0");
	assert_int_equal(k->ifindex, 7);
	assert_int_equal(k->if_id, 0xc5e70001);
	assert_int_equal(k->mtu, 1400);
	assert_int_equal(k->n_sa, 2);
	assert_true(k->sa[0].inbound && !k->sa[1].inbound);
	assert_int_equal(k->sa[0].spi, 0xc1d2e3f4);
	assert_string_equal(addr_str(&k->sa[1].dst), "192.0.2.2");
	assert_int_equal(r->tunnel[0].n_inside, 2);
	assert_string_equal(addr_str(&r->tunnel[1].remote), "2001:db8:1::2");
	assert_int_equal(r->n_peer, 2);
	assert_true(r->peer[0].family[0] && r->peer[0].family[1]);
	assert_false(r->peer[1].family[0] || r->peer[1].family[1]);
	built = restart_record_build(r, &len);
	assert_non_null(built);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(built, text, len);
	free(built);
	restart_record_free(r);
}

static void test_cut(void **state)
{
	(void)state;
	for (size_t len = 0; len < strlen(text); len++) {
		char *copy = malloc(len + 1); /* its end is the allocation's: reading on is seen */

		assert_non_null(copy);
		memcpy(copy, text, len);
		assert_null(parse(copy, len));
		free(copy);
	}
}

static const struct {
	const char *from, *to;
} spoilt[] = {
	{ "causeway-restart 1", "causeway-restart 2" },
	{ "causeway-restart 1\n", "" },
	{ "causeway-restart 1\n", "causeway-restart 1\ncauseway-restart 1\n" },
	{ "boot 4", "boot 4 " },
	{ "boot ", "boot 000000000000000000000000000000000000000" },
	{ "netns 4026531840\n", "" },
	{ "netns 4026531840", "netns 99999999999999999999" },
	{ "netns 4026531840", "netns 184467440737095516150" },
	{ "left 81239041", "left -1" },
	{ "left 81239041", "left 9223372036855" },
	{ "until 81359041", "until 81239040" },
	{ "until 81359041\n", "until 81359041\nuntil 81359041\n" },
	{ " cw0 7 ", " cw0 2147483648 " },
	{ " cw0 7 ", " an-interface-name 7 " },
	{ " c5e70001 ", " C5E70001 " },
	{ " c5e70001 ", " c5e700011 " },
	{ " 1400\n", "\n" },
	{ " 1400\n", " 1400 1\n" },
	{ "outer 192.0.2.1 ", "outer 192.0.2 " },
	{ "inside 10.0.0.10/32", "inside 10.0.0.10/33" },
	{ "sa in ", "sa on " },
	{ "sa in c1d2e3f4 192.0.2.1", "sa in c1d2e3f4" },
	{ "sa in ", "key 00112233\nsa in " },
	{ " ipv4 ipv6", " ipv4 ipv4" },
	{ " ipv4 ipv6", " ipv4 ipv5" },
	{ "end\n", "end\nend\n" },
	{ "end\n", "end\npeer late\n" },
	{ "tunnel azure-hq/t1 cw0 7 c5e70001 1400\n", "" },
};

static void test_spoilt(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
		const char *at = strstr(text, spoilt[i].from);
		char copy[2 * sizeof(text)];

		assert_non_null(at);
		snprintf(copy, sizeof(copy), "%.*s%s%s", (int)(at - text), text, spoilt[i].to,
		    at + strlen(spoilt[i].from));
		if (parse(copy, strlen(copy)))
			fail_msg("\"%s\" for \"%s\" is believed", spoilt[i].to, spoilt[i].from);
	}
}

/* Lists have their ends. */
static void test_too_many(void **state)
{
	struct restart_record r = { 0 };

	(void)state;
	for (unsigned i = 0; i < RESTART_TUNNELS_MAX; i++)
		assert_non_null(restart_record_tunnel(&r));
	assert_null(restart_record_tunnel(&r));
	for (unsigned i = 0; i < RESTART_PEERS_MAX; i++)
		assert_non_null(restart_record_peer(&r));
	assert_null(restart_record_peer(&r));
	free(r.tunnel);
	free(r.peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_spoilt),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

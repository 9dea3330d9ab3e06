/* SPDX-License-Identifier: Apache-2.0 */
/* The codecs of BGP alone: what is built is read back, and cut at every length it is refused without a wrong
 * step. */
#include "base/htab.h"
#include "bgp/attr_set.h"
#include "bgp/message.h"
#include "bgp/nlri.h"
#include "bgp/update.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct attr_scratch scratch;

static struct prefix pfx(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, true, &p), 0);
	return p;
}

/* A copy of exactly this length on the heap, so that the sanitizer sees a read behind it. */
static uint8_t *exact(const uint8_t *p, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, p, len);
	return copy;
}

static struct rd body_of(const uint8_t *msg, size_t len)
{
	struct rd r = rd_init(msg, len);

	(void)rd_skip(&r, BGP_HEADER_LEN);
	return r;
}

static void test_header(void **state)
{
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));
	struct msg_header h;
	struct notify n;

	(void)state;
	keepalive_build(&w);
	assert_int_equal(wr_len(&w), BGP_HEADER_LEN);
	for (size_t len = 0; len <= BGP_HEADER_LEN; len++) {
		uint8_t *copy = exact(buf, len);
		struct rd r = rd_init(copy, len);

		assert_int_equal(header_parse(&r, &h, &n), len == BGP_HEADER_LEN ? 0 : -1);
		free(copy);
	}
	assert_int_equal(h.type, BGP_MSG_KEEPALIVE);
	assert_int_equal(h.len, BGP_HEADER_LEN);
}

static void test_open(void **state)
{
	struct open_msg o = { .version = 4,
		.as2 = 23456,
		.hold_time = 180,
		.router_id = 0x0a00000a,
		.caps = { .any = true,
		    .multiprotocol = true,
		    .family = { true, true },
		    .route_refresh = true,
		    .end_of_rib = true,
		    .four_octet_as = true,
		    .as = 4200000000u } },
	                got;
	uint8_t buf[512];
	struct wr w = wr_init(buf, sizeof(buf));
	struct notify n;

	(void)state;
	open_build(&w, &o);
	for (size_t len = BGP_HEADER_LEN; len <= wr_len(&w); len++) {
		uint8_t *copy = exact(buf, len);

		assert_int_equal(open_parse(body_of(copy, len), &got, &n), len == wr_len(&w) ? 0 : -1);
		free(copy);
	}
	assert_int_equal(open_as(&got), 4200000000u);
	assert_int_equal(got.hold_time, 180);
	assert_int_equal(got.router_id, 0x0a00000a);
	assert_true(got.caps.family[BGP_IPV4] && got.caps.family[BGP_IPV6] && got.caps.route_refresh &&
	            got.caps.end_of_rib && got.caps.four_octet_as);
}

/* RFC 9072: the long form of the optional parameters. */
static void test_open_extended(void **state)
{
	static const uint8_t body[] = { 4, 0xff, 0xeb, 0, 90, 10, 0, 0, 1, 255, 255, 0, 9, 2, 0, 6, 65, 4, 0,
		0, 0xff, 0xeb };
	struct open_msg got;

	(void)state;
	for (size_t len = 0; len <= sizeof(body); len++) {
		uint8_t *copy = exact(body, len);

		assert_int_equal(open_parse(rd_init(copy, len), &got, NULL), len == sizeof(body) ? 0 : -1);
		free(copy);
	}
	assert_true(got.caps.four_octet_as);
	assert_int_equal(got.caps.as, 65515);
}

static void test_negotiate(void **state)
{
	struct capabilities both = { .any = true,
		.multiprotocol = true,
		.family = { true, true },
		.route_refresh = true,
		.four_octet_as = true },
	                    v6 = both, none = { 0 };
	struct negotiated t;

	(void)state;
	v6.family[BGP_IPV4] = false;
	assert_int_equal(capabilities_negotiate(&both, &both, &t), 0);
	assert_true(t.family[BGP_IPV4] && t.family[BGP_IPV6] && t.route_refresh && t.four_octet_as);
	assert_int_equal(capabilities_negotiate(&both, &none, &t), 0);
	assert_true(t.family[BGP_IPV4] && !t.family[BGP_IPV6] && !t.route_refresh && !t.four_octet_as);
	assert_int_equal(capabilities_negotiate(&both, &v6, &t), 0);
	assert_true(!t.family[BGP_IPV4] && t.family[BGP_IPV6]);
	assert_int_equal(capabilities_negotiate(&v6, &none, &t), -1);
}

static void test_notification(void **state)
{
	static const uint8_t shutdown[] = {
		6,
		2,
		5,
		'b',
		'y',
		'e',
		1,
		'!',
	};
	struct notification_msg m;
	struct reason why;

	(void)state;
	assert_int_equal(notification_parse(rd_init(shutdown, sizeof(shutdown)), &m), 0);
	notification_describe(&m, &why);
	assert_non_null(strstr(why.text, "Administrative Shutdown: \"bye\\x01!\""));
	assert_int_equal(notification_parse(rd_init(shutdown, 1), &m), -1);
	m.data_len = 2; /* a length that lies */
	notification_describe(&m, &why);
	assert_null(strstr(why.text, "bye"));
	assert_string_equal(notify_subcode_name(2, 99), "");
	assert_string_equal(notify_code_name(99), "Unknown Error");
}

static void test_nlri(void **state)
{
	static const char *const text[] = { "0.0.0.0/0", "10.0.0.0/8", "10.128.0.0/9", "192.0.2.1/32",
		"2001:db8::/32", "::/0", "2001:db8::1/128", "2001:db8:8000::/33" };

	(void)state;
	for (unsigned i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		struct prefix p = pfx(text[i]), got;
		uint8_t buf[32];
		struct wr w = wr_init(buf, sizeof(buf));

		nlri_build(&w, &p);
		assert_int_equal(wr_len(&w), nlri_size(&p));
		for (size_t len = 0; len <= wr_len(&w); len++) {
			uint8_t *copy = exact(buf, len);
			struct rd r = rd_init(copy, len);

			assert_int_equal(nlri_next(&r, p.addr.family, &got), len == wr_len(&w) ? 1
			                                                     : len             ? -1
			                                                                       : 0);
			free(copy);
		}
		assert_true(prefix_eq(&p, &got));
	}
}

/* --- AS paths --- */
static struct bytes path_of(const uint32_t as[], unsigned n, uint8_t type, uint8_t *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);

	wr_u8(&w, type);
	wr_u8(&w, (uint8_t)n);
	for (unsigned i = 0; i < n; i++)
		wr_u32(&w, as[i]);
	return (struct bytes){ buf, wr_len(&w) };
}

static void test_as_path(void **state)
{
	static const uint32_t three[] = { 65515, 70000, 80000 };
	uint8_t a[64], b[64], out[128];
	struct bytes seq = path_of(three, 3, BGP_AS_SEQUENCE, a, sizeof(a)),
	             set = path_of(three, 3, BGP_AS_SET, b, sizeof(b));
	struct wr w = wr_init(out, sizeof(out));
	uint32_t first = 0, list[2];
	bool cut;

	(void)state;
	assert_int_equal(as_path_length(seq), 3);
	assert_int_equal(as_path_length(set), 1);
	assert_true(as_path_first(seq, &first));
	assert_int_equal(first, 65515);
	assert_false(as_path_first(set, &first));
	assert_false(as_path_first((struct bytes){ NULL, 0 }, &first));
	assert_true(as_path_contains(set, 80000));
	assert_false(as_path_contains(set, 1));
	assert_false(as_path_fits_two_octets(seq));
	assert_int_equal(as_path_list(seq, list, 2, &cut), 2);
	assert_true(cut);
	as_path_prepend(seq, 65001, &w); /* joins the sequence */
	assert_int_equal(wr_len(&w), seq.len + 4);
	assert_int_equal(as_path_length((struct bytes){ out, wr_len(&w) }), 4);
	w = wr_init(out, sizeof(out));
	as_path_prepend(set, 65001, &w); /* a sequence before the set */
	assert_int_equal(wr_len(&w), set.len + 6);
	assert_int_equal(as_path_length((struct bytes){ out, wr_len(&w) }), 2);
	w = wr_init(out, sizeof(out));
	as_path_prepend((struct bytes){ NULL, 0 }, 65001, &w);
	assert_int_equal(wr_len(&w), 6);
}

static void test_as_path_full_segment(void **state)
{
	uint32_t many[255];
	uint8_t a[1100], out[1200];
	struct wr w = wr_init(out, sizeof(out));
	struct bytes full;

	(void)state;
	for (unsigned i = 0; i < 255; i++)
		many[i] = i + 1;
	full = path_of(many, 255, BGP_AS_SEQUENCE, a, sizeof(a));
	as_path_prepend(full, 65001, &w);
	assert_int_equal(wr_len(&w), full.len + 6);
	assert_int_equal(as_path_length((struct bytes){ out, wr_len(&w) }), 256);
}

/* RFC 6793 4.2.3. */
static void test_as4_merge(void **state)
{
	static const uint32_t two[] = { 65515, 23456, 23456 }, four[] = { 70000, 80000 },
	                      more[] = { 1, 2, 3, 4 };
	uint8_t a[64], b[64], out[128];
	struct wr w = wr_init(out, sizeof(out));
	uint32_t list[8];
	bool cut;

	(void)state;
	as_path_merge(path_of(two, 3, BGP_AS_SEQUENCE, a, sizeof(a)),
	    path_of(four, 2, BGP_AS_SEQUENCE, b, sizeof(b)), &w);
	assert_int_equal(as_path_list((struct bytes){ out, wr_len(&w) }, list, 8, &cut), 3);
	assert_int_equal(list[0], 65515);
	assert_int_equal(list[1], 70000);
	assert_int_equal(list[2], 80000);
	/* AS4_PATH longer than AS_PATH: not to be believed. */
	w = wr_init(out, sizeof(out));
	as_path_merge(path_of(two, 3, BGP_AS_SEQUENCE, a, sizeof(a)),
	    path_of(more, 4, BGP_AS_SEQUENCE, b, sizeof(b)), &w);
	assert_int_equal(as_path_list((struct bytes){ out, wr_len(&w) }, list, 8, &cut), 3);
	assert_int_equal(list[1], 23456);
}

/* --- UPDATE --- */
static struct attrs rich(uint8_t *path, size_t cap)
{
	static const uint32_t as[] = { 65515, 4200000000u };
	static const uint8_t other[] = { 99, 0xe0, 0, 3, 1, 2, 3, BGP_ATTR_LARGE_COMMUNITIES, 0xc0, 0, 12, 0,
		0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3 };
	struct attrs a = { .origin = BGP_ORIGIN_EGP,
		.have_med = true,
		.med = 7,
		.have_local_pref = true,
		.local_pref = 300,
		.atomic_aggregate = true,
		.have_aggregator = true,
		.aggregator_as = 70000,
		.aggregator_id = 5 };

	a.nexthop = addr_v4(0x0a64fffe);
	a.as_path = path_of(as, 2, BGP_AS_SEQUENCE, path, cap);
	a.communities = (struct bytes){ (const uint8_t *)"\xff\xeb\x00\x01\xff\xeb\x00\x02", 8 };
	a.other = (struct bytes){ other, sizeof(other) };
	return a;
}

static void check_rich(const struct attrs *got, const struct attrs *want, bool internal)
{
	assert_int_equal(got->origin, want->origin);
	assert_true(got->have_med && got->med == want->med);
	assert_int_equal(got->have_local_pref, internal);
	assert_true(got->atomic_aggregate && got->have_aggregator);
	assert_int_equal(got->aggregator_as, want->aggregator_as);
	assert_int_equal(got->as_path.len, want->as_path.len);
	assert_memory_equal(got->as_path.p, want->as_path.p, want->as_path.len);
	assert_int_equal(got->communities.len, want->communities.len);
	assert_memory_equal(got->communities.p, want->communities.p, want->communities.len);
	assert_int_equal(got->other.len, want->other.len);
	assert_memory_equal(got->other.p, want->other.p, want->other.len);
}

static void test_update(void **state)
{
	(void)state;
	for (unsigned terms = 0; terms < 8; terms++) {
		struct attr_context ctx = {
			.four_octet = terms & 1, .internal = terms & 2, .family = { true, true }
		};
		enum bgp_family family = terms & 4 ? BGP_IPV6 : BGP_IPV4;
		struct prefix p = pfx(terms & 4 ? "2001:db8::/32" : "10.200.0.0/16"), got;
		uint8_t path[64], buf[BGP_MESSAGE_MAX];
		struct attrs a = rich(path, sizeof(path));
		struct update_builder b;
		struct update u;
		size_t len;

		if (family == BGP_IPV6)
			a.nexthop = pfx("2001:db8::1/128").addr;
		assert_true(update_begin(&b, buf, sizeof(buf), family, &a, &ctx));
		assert_true(update_add(&b, &p));
		len = update_end(&b);
		assert_true(len > 0);
		for (size_t cut = BGP_HEADER_LEN; cut < len;
		     cut++) { /* no wrong step, whatever the verdict */
			uint8_t *copy = exact(buf, cut);

			update_parse(body_of(copy, cut), &ctx, &scratch, &u);
			assert_true(cut >= len - 1 || u.a.faults.worst != REACT_NONE || family == BGP_IPV4);
			free(copy);
		}
		update_parse(body_of(buf, len), &ctx, &scratch, &u);
		assert_int_equal(u.a.faults.worst, REACT_NONE);
		check_rich(&u.a.attrs, &a, ctx.internal);
		if (family == BGP_IPV4) {
			assert_int_equal(u.n_nlri, 1);
			assert_int_equal(nlri_next(&u.nlri, 4, &got), 1);
			assert_true(addr_eq(&u.a.attrs.nexthop, &a.nexthop));
		} else {
			assert_int_equal(u.a.reach.n, 1);
			assert_int_equal(nlri_next(&u.a.reach.prefixes, 6, &got), 1);
			assert_true(addr_eq(&u.a.mp_nexthop, &a.nexthop));
		}
		assert_true(prefix_eq(&got, &p));
	}
}

static void test_withdraw_and_eor(void **state)
{
	struct attr_context ctx = { .four_octet = true, .family = { true, true } };
	uint8_t buf[BGP_MESSAGE_MAX];
	struct update u;

	(void)state;
	for (int f = 0; f < BGP_N_FAMILIES; f++) {
		struct update_builder b;
		struct prefix p = pfx(f ? "2001:db8::/32" : "10.200.0.0/16");
		struct wr w = wr_init(buf, sizeof(buf));

		assert_true(update_begin(&b, buf, sizeof(buf), (enum bgp_family)f, NULL, &ctx));
		assert_true(update_add(&b, &p));
		update_parse(body_of(buf, update_end(&b)), &ctx, &scratch, &u);
		assert_int_equal(u.a.faults.worst, REACT_NONE);
		assert_int_equal(f ? u.a.unreach.n : u.n_withdrawn, 1);
		assert_false(u.end_of_rib);
		eor_build(&w, (enum bgp_family)f);
		update_parse(body_of(buf, wr_len(&w)), &ctx, &scratch, &u);
		assert_true(u.end_of_rib);
		assert_int_equal(u.eor_family, f);
	}
}

/* A message takes as many prefixes as fit, and no more. */
static void test_packing(void **state)
{
	struct attr_context ctx = { .four_octet = true, .family = { true, true } };
	uint8_t path[64], buf[BGP_MESSAGE_MAX];
	struct attrs a = rich(path, sizeof(path));

	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		enum bgp_family family = kind & 1 ? BGP_IPV6 : BGP_IPV4;
		struct prefix p = pfx(kind & 1 ? "2001:db8::/64" : "10.200.1.0/24");
		struct update_builder b;
		struct update u;
		unsigned n = 0;
		size_t len;

		if (family == BGP_IPV6)
			a.nexthop = pfx("2001:db8::1/128").addr;
		assert_true(update_begin(&b, buf, sizeof(buf), family, kind & 2 ? NULL : &a, &ctx));
		while (update_add(&b, &p))
			n++;
		len = update_end(&b);
		assert_in_range(len, BGP_MESSAGE_MAX - nlri_size(&p), BGP_MESSAGE_MAX);
		update_parse(body_of(buf, len), &ctx, &scratch, &u);
		assert_int_equal(u.a.faults.worst, REACT_NONE);
		assert_int_equal(u.n_nlri + u.n_withdrawn + u.a.reach.n + u.a.unreach.n, n);
	}
	/* Attributes that fill the message alone: no room for a prefix is not an error, but said. */
	{
		struct update_builder b;

		assert_false(update_begin(&b, buf, 80, BGP_IPV4, &a, &ctx));
	}
}

/* --- interned sets --- */
static void test_sets(void **state)
{
	struct attr_sets sets = { .key = { { 1, 2 } } };
	uint8_t path[64];
	struct attrs a = rich(path, sizeof(path));
	struct attr_set *one = attr_set_get(&sets, &a), *two = attr_set_get(&sets, &a), *other;

	(void)state;
	assert_non_null(one);
	assert_ptr_equal(one, two);
	assert_int_equal(one->refs, 2);
	assert_int_equal(one->path_length, 2);
	assert_int_equal(one->neighbour_as, 65515);
	a.med++;
	other = attr_set_get(&sets, &a);
	assert_ptr_not_equal(one, other);
	assert_int_equal(sets.table.count, 2);
	attr_set_put(&sets, one);
	attr_set_put(&sets, two);
	attr_set_put(&sets, other);
	attr_set_put(&sets, NULL);
	assert_int_equal(sets.table.count, 0);
	attr_sets_clear(&sets);
}

/* The figures of the algorithm's authors: key 00..0f, message 00..0e. */
static void test_siphash(void **state)
{
	struct siphash_key key = { { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u } };
	uint8_t msg[15];

	(void)state;
	for (unsigned i = 0; i < sizeof(msg); i++)
		msg[i] = (uint8_t)i;
	assert_true(siphash(&key, msg, sizeof(msg)) == 0xa129ca6149be45e5u);
	assert_true(siphash(&key, msg, 0) == 0x726fdb47dd0e0e31u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_open_extended),
		cmocka_unit_test(test_negotiate),
		cmocka_unit_test(test_notification),
		cmocka_unit_test(test_nlri),
		cmocka_unit_test(test_as_path),
		cmocka_unit_test(test_as_path_full_segment),
		cmocka_unit_test(test_as4_merge),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_withdraw_and_eor),
		cmocka_unit_test(test_packing),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_siphash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

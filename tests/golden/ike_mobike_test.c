/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The notifications of MOBIKE, octet for octet. The golden bytes were laid out by hand from RFC 4555 4, not
 * by our builder. Ours builds the same; reading gives the values back; those of a wrong length say nothing;
 * every truncation is a fault.
 */
#include "ike/mobike.h"
#include "tests/support/rsp.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* Next payload, flags, length; protocol 0, SPI size 0, type; data. */
static const char offer_of_initiator[] = "290000080000400c"         /* MOBIKE_SUPPORTED */
                                         "2900000c0000400dc6336407" /* 198.51.100.7 */
                                         "290000180000400e20010db8000000000000000000000009"
                                         "0000001400004012c0000201c000020211941195"; /* NO_NATS_ALLOWED */
static const char offer_of_responder[] = "290000080000400c"
                                         "000000080000400f"; /* NO_ADDITIONAL_ADDRESSES */
static const char no_nats_ipv6[] = "0000002c0000401220010db8000000000000000000000001"
                                   "20010db800000000000000000000000211941194";
static const char update_in_answer[] = "2900000800004010" /* UPDATE_SA_ADDRESSES */
                                       "2900001800004011000102030405060708090a0b0c0d0e0f" /* COOKIE2 */
                                       "2900000800000028"  /* UNACCEPTABLE_ADDRESSES */
                                       "0000000800000029"; /* UNEXPECTED_NAT_DETECTED */
/* What is to be passed over: an IPv4 address of 5 octets, an IPv6 one of 4, the unspecified one; then a good
 * one. */
static const char odd_addresses[] = "2900000d0000400dc633640701"
                                    "2900000c0000400ec6336407"
                                    "2900000c0000400d00000000"
                                    "0000000c0000400dcb007109";

static struct ike engine;
static struct ike_conn conn;
static struct ike_sa sa;

static void fresh(bool initiator)
{
	memset(&conn, 0, sizeof(conn));
	memset(&sa, 0, sizeof(sa));
	conn.cfg.mobike = true;
	sa.ike = &engine;
	sa.conn = &conn;
	sa.initiator = initiator;
	sa.local = (struct endpoint){ addr_v4(0xc0000201), 4500 };
	sa.remote = (struct endpoint){ addr_v4(0xc0000202), 4501 };
}

static struct addr v6(uint8_t last)
{
	uint8_t b[16] = { 0x20, 1, 0x0d, 0xb8 };

	b[15] = last;
	return addr_from_bytes(6, b);
}

static void assert_bytes(const uint8_t *got, size_t len, const char *golden)
{
	uint8_t want[512];
	size_t want_len = hex(golden, want, sizeof(want));

	assert_int_equal(len, want_len);
	assert_memory_equal(got, want, len);
}

static void read_golden(const char *golden, struct ike_payloads *ret)
{
	static uint8_t buf[512]; /* the payloads point into it */
	size_t len = hex(golden, buf, sizeof(buf));

	assert_int_equal(ike_payloads_parse(rd_init(buf, len), IKE_P_NOTIFY, ret), 0);
}

static void test_offer(void **state)
{
	uint8_t body[256];
	struct ike_build b = ike_build_init(body, sizeof(body));
	struct ike_payloads p;
	size_t len;

	(void)state;
	fresh(true);
	conn.locals[0] = sa.local.addr; /* in use: not told again */
	conn.locals[1] = addr_v4(0xc6336407);
	conn.locals[2] = v6(9);
	conn.n_locals = 3;
	ike_mobike_offer(&sa, &b);
	assert_int_equal(ike_build_finish(&b, &len), 0);
	assert_int_equal(b.first, IKE_P_NOTIFY);
	assert_bytes(body, len, offer_of_initiator);

	fresh(false);
	b = ike_build_init(body, sizeof(body));
	ike_mobike_offer(&sa, &b);
	assert_int_equal(ike_build_finish(&b, &len), 0);
	assert_bytes(body, len, offer_of_responder);

	/* Read by the other end. */
	fresh(false);
	read_golden(offer_of_initiator, &p);
	ike_mobike_agreed(&sa, &p);
	assert_true(sa.mobike.on);
	assert_int_equal(sa.mobike.n_peers, 2);
	assert_true(addr_eq(&sa.mobike.peers[0], &(struct addr){ 4, { 198, 51, 100, 7 } }));
	assert_true(addr_eq(&sa.mobike.peers[1], &(struct addr[]){ v6(9) }[0]));
	read_golden(offer_of_responder, &p);
	ike_mobike_agreed(&sa, &p); /* the last word counts */
	assert_int_equal(sa.mobike.n_peers, 0);

	/* Not agreed where we don't want it. */
	fresh(true);
	conn.cfg.mobike = false;
	ike_mobike_agreed(&sa, &p);
	assert_false(sa.mobike.on);
	b = ike_build_init(body, sizeof(body));
	ike_mobike_offer(&sa, &b);
	assert_int_equal(ike_build_finish(&b, &len), 0);
	assert_int_equal(len, 0);
}

static void test_no_nats(void **state)
{
	struct endpoint here = { addr_v4(0xc0000202), 4501 }, there = { addr_v4(0xc0000201), 4500 };
	uint8_t body[64];
	struct ike_build b = ike_build_init(body, sizeof(body));
	struct ike_payloads p;
	size_t len;

	(void)state;
	fresh(true);
	sa.local.addr = v6(1);
	sa.remote = (struct endpoint){ v6(2), 4500 };
	ike_mobike_build_no_nats(&sa, &b);
	assert_int_equal(ike_build_finish(&b, &len), 0);
	assert_bytes(body, len, no_nats_ipv6);

	/* As it came: by these, and no others; and where nobody forbids NATs, by any. */
	read_golden(offer_of_initiator, &p);
	assert_true(ike_mobike_untranslated(&p, &here, &there));
	there.port++;
	assert_false(ike_mobike_untranslated(&p, &here, &there));
	there.port--;
	here.addr = addr_v4(0xc0000203);
	assert_false(ike_mobike_untranslated(&p, &here, &there));
	read_golden(offer_of_responder, &p);
	assert_true(ike_mobike_untranslated(&p, &here, &there));
	/* With NAT traversal nothing is forbidden. */
	sa.natd = true;
	b = ike_build_init(body, sizeof(body));
	ike_mobike_build_no_nats(&sa, &b);
	assert_int_equal(ike_build_finish(&b, &len), 0);
	assert_int_equal(len, 0);
}

static void test_update(void **state)
{
	uint8_t body[128], cookie2[16];
	struct ike_build b = ike_build_init(body, sizeof(body));
	struct ike_payloads p;
	struct ike_span found;
	size_t len;

	(void)state;
	for (unsigned i = 0; i < sizeof(cookie2); i++)
		cookie2[i] = (uint8_t)i;
	ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_UPDATE_SA_ADDRESSES, NULL, 0);
	ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_COOKIE2, cookie2, sizeof(cookie2));
	ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_UNACCEPTABLE_ADDRESSES, NULL, 0);
	ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_UNEXPECTED_NAT_DETECTED, NULL, 0);
	assert_int_equal(ike_build_finish(&b, &len), 0);
	assert_bytes(body, len, update_in_answer);
	read_golden(update_in_answer, &p);
	found = ike_mobike_cookie2(&p);
	assert_int_equal(found.len, sizeof(cookie2));
	assert_memory_equal(found.data, cookie2, sizeof(cookie2));
	/* 3.7: between 8 and 64 octets. */
	for (size_t n = 0; n < 80; n++) {
		uint8_t many[80] = { 0 };

		b = ike_build_init(body, sizeof(body));
		ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_COOKIE2, many, n);
		assert_int_equal(ike_build_finish(&b, &len), 0);
		assert_int_equal(ike_payloads_parse(rd_init(body, len), IKE_P_NOTIFY, &p), 0);
		assert_int_equal(ike_mobike_cookie2(&p).data != NULL, n >= 8 && n <= 64);
	}
}

static void test_odd(void **state)
{
	struct ike_payloads p;

	(void)state;
	fresh(true);
	read_golden(odd_addresses, &p);
	ike_mobike_take_peers(&sa.mobike, &p);
	assert_int_equal(sa.mobike.n_peers, 1);
	assert_true(addr_eq(&sa.mobike.peers[0], &(struct addr){ 4, { 203, 0, 113, 9 } }));
}

/* On copies of exactly the size, so that the sanitizer sees one octet too many. */
static int read_copy(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct ike_payloads p;
	int rc;

	memcpy(copy, data, len);
	rc = ike_payloads_parse(rd_init(copy, len), IKE_P_NOTIFY, &p);
	if (!rc) {
		fresh(false);
		ike_mobike_agreed(&sa, &p);
		(void)ike_mobike_cookie2(&p);
		(void)ike_mobike_untranslated(&p, &sa.local, &sa.remote);
		(void)ike_mobike_seen(&sa, &p);
		assert_true(sa.mobike.n_peers <= IKE_ADDITIONAL_MAX);
	}
	free(copy);
	return rc;
}

static void test_damage(void **state)
{
	const char *golden[] = { offer_of_initiator, offer_of_responder, no_nats_ipv6, update_in_answer,
		odd_addresses };
	uint8_t buf[512];

	(void)state;
	for (unsigned i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
		size_t len = hex(golden[i], buf, sizeof(buf));

		assert_int_equal(read_copy(buf, len), 0);
		for (size_t cut = 0; cut < len; cut++)
			assert_int_equal(read_copy(buf, cut), -1);
		for (size_t at = 0; at < len; at++)
			for (unsigned bit = 0; bit < 8; bit++) {
				buf[at] ^= (uint8_t)(1u << bit);
				(void)read_copy(buf, len);
				buf[at] ^= (uint8_t)(1u << bit);
			}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offer),
		cmocka_unit_test(test_no_nats),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

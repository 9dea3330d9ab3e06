/* SPDX-License-Identifier: Apache-2.0 */
/* Payload chains, their rules and limits; identities; cookies; NAT detection; the order of nonces. */
#include "ike/cookie.h"
#include "ike/identity.h"
#include "ike/keymat.h"
#include "ike/nat.h"
#include "tests/support/rng_seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse(const uint8_t *data, size_t len, uint8_t first, struct ike_payloads *p)
{
	uint8_t *copy = malloc(len ? len : 1); /* of exactly this size, for the sanitizer */
	int rc;

	memcpy(copy, data, len);
	rc = ike_payloads_parse(rd_init(copy, len), first, p);
	free(copy);
	return rc;
}

static void test_chain(void **state)
{
	static const uint8_t spi[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, nonce[32];
	struct chunk spi_chunk = { spi, 4 };
	uint8_t buf[256];
	struct ike_build b = ike_build_init(buf, sizeof(buf));
	struct ike_payloads p;
	uint32_t spis[2] = { 0x01020304, 0xfffefdfc };
	struct ike_ke_view ke;
	size_t len;

	(void)state;
	ike_build_notify(&b, IKE_PROTO_ESP, &spi_chunk, IKE_N_REKEY_SA, "ab", 2);
	ike_build_nonce(&b, nonce, 32);
	ike_build_ke(&b, KE_ECP_256, spi, 8);
	ike_build_delete_esp(&b, spis, 2);
	ike_build_delete_ike(&b);
	assert_int_equal(ike_build_finish(&b, &len), 0);
	assert_int_equal(ike_payloads_parse(rd_init(buf, len), b.first, &p), 0);
	assert_int_equal(p.n, 5);
	assert_int_equal(p.nonce.len, 32);
	assert_int_equal(p.n_notify, 1);
	assert_int_equal(p.notify[0].type, IKE_N_REKEY_SA);
	assert_int_equal(p.notify[0].spi.len, 4);
	assert_memory_equal(p.notify[0].data.data, "ab", 2);
	assert_ptr_equal(ike_notify_find(&p, IKE_N_REKEY_SA), &p.notify[0]);
	assert_null(ike_notify_find(&p, IKE_N_COOKIE));
	assert_null(ike_notify_error(&p));
	assert_int_equal(ike_ke_parse(p.ke, &ke), 0);
	assert_int_equal(ke.group, KE_ECP_256);
	assert_int_equal(ke.data.len, 8);
	assert_int_equal(p.n_del, 2);
	assert_int_equal(ike_delete_spi(&p.del[0], 0), spis[0]);
	assert_int_equal(ike_delete_spi(&p.del[0], 1), spis[1]);
	assert_int_equal(p.del[1].protocol, IKE_PROTO_IKE);
	/* Every truncation is a fault, never a read beyond. */
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(parse(buf, cut, b.first, &p), -1);
		assert_int_equal(p.fault, IKE_FAULT_SYNTAX);
	}
	/* One octet too many as well. */
	assert_int_equal(parse(buf, len + 1, b.first, &p), -1);
	/* No room: the builder remembers. */
	for (size_t cap = 0; cap < len; cap++) {
		uint8_t small[256];

		b = ike_build_init(small, cap);
		ike_build_notify(&b, IKE_PROTO_ESP, &spi_chunk, IKE_N_REKEY_SA, "ab", 2);
		ike_build_nonce(&b, nonce, 32);
		ike_build_ke(&b, KE_ECP_256, spi, 8);
		ike_build_delete_esp(&b, spis, 2);
		ike_build_delete_ike(&b);
		size_t ignored;
		assert_int_equal(ike_build_finish(&b, &ignored), -1);
	}
}

static void test_faults(void **state)
{
	static const struct {
		uint8_t first, bytes[24];
		size_t len;
		int rc;
		enum ike_fault fault;
	} cases[] = {
		{ 0, { 0 }, 0, 0, IKE_FAULT_NONE }, { 0, { 0 }, 1, -1, IKE_FAULT_SYNTAX },
		{ 200, { 0, 0, 0, 4 }, 4, 0, IKE_FAULT_NONE },             /* unknown: passed over */
		{ 200, { 0, 0x80, 0, 4 }, 4, -1, IKE_FAULT_CRITICAL },     /* unknown and critical */
		{ IKE_P_VENDOR, { 0, 0x80, 0, 4 }, 4, 0, IKE_FAULT_NONE }, /* known: the bit means nothing */
		{ IKE_P_CP, { 0, 0, 0, 8, 1, 0, 0, 0 }, 8, 0, IKE_FAULT_NONE },
		{ IKE_P_NONCE, { 0, 0, 0, 3 }, 4, -1, IKE_FAULT_SYNTAX },
		{ IKE_P_NONCE, { 40, 0, 0, 4, 0, 0, 0, 4 }, 8, -1, IKE_FAULT_SYNTAX }, /* twice */
		{ IKE_P_NOTIFY, { 0, 0, 0, 7, 0, 0, 0 }, 7, -1, IKE_FAULT_SYNTAX },
		{ IKE_P_NOTIFY, { 0, 0, 0, 8, 0, 1, 0, 0 }, 8, -1,
		    IKE_FAULT_SYNTAX }, /* its SPI is outside */
		{ IKE_P_DELETE, { 0, 0, 0, 8, 3, 4, 0, 1 }, 8, -1, IKE_FAULT_SYNTAX },
		{ IKE_P_DELETE, { 0, 0, 0, 12, 1, 4, 0, 1, 0, 0, 0, 0 }, 12, -1,
		    IKE_FAULT_SYNTAX }, /* IKE has no SPI here */
		{ IKE_P_DELETE, { 0, 0, 0, 10, 3, 2, 0, 1, 0, 0 }, 10, -1, IKE_FAULT_SYNTAX },
		{ IKE_P_DELETE, { 0, 0, 0, 12, 2, 4, 0, 1, 0, 0, 0, 0 }, 12, 0,
		    IKE_FAULT_NONE }, /* AH: not ours */
		{ IKE_P_SK, { 33, 0, 0, 8, 1, 2, 3, 4, 0 }, 9, -1,
		    IKE_FAULT_SYNTAX }, /* something behind SK */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ike_payloads p;

		if (parse(cases[i].bytes, cases[i].len, cases[i].first, &p) != cases[i].rc ||
		    p.fault != cases[i].fault)
			fail_msg("case %zu: fault %d", i, (int)p.fault);
	}
}

static void test_limits(void **state)
{
	uint8_t buf[(IKE_PAYLOADS_MAX + 2) * 8];
	struct ike_payloads p;

	(void)state;
	for (unsigned n = IKE_PAYLOADS_MAX - 1; n < IKE_PAYLOADS_MAX + 2; n++) {
		struct ike_build b = ike_build_init(buf, sizeof(buf));
		size_t len;

		for (unsigned i = 0; i < n; i++)
			ike_build_notify(&b, IKE_PROTO_NONE, NULL, (uint16_t)(40000 + i), NULL, 0);
		assert_int_equal(ike_build_finish(&b, &len), 0);
		assert_int_equal(parse(buf, len, b.first, &p), n > IKE_PAYLOADS_MAX ? -1 : 0);
		assert_int_equal(p.n_notify, IKE_NOTIFIES_MAX);
	}
}

static void test_rules(void **state)
{
	static const uint8_t nonce[32];
	uint8_t buf[256];
	struct ike_build b = ike_build_init(buf, sizeof(buf));
	struct ike_payloads p;
	size_t len;

	(void)state;
	ike_build_nonce(&b, nonce, sizeof(nonce));
	assert_int_equal(ike_build_finish(&b, &len), 0);
	assert_int_equal(ike_payloads_parse(rd_init(buf, len), b.first, &p), 0);
	assert_int_equal(ike_payloads_check(&p, IKE_X_SA_INIT, false), -1);
	assert_int_equal(p.fault, IKE_FAULT_RULES);
	p.fault = IKE_FAULT_NONE;
	assert_int_equal(ike_payloads_check(&p, IKE_X_CREATE_CHILD_SA, true), -1);
	assert_int_equal(ike_payloads_check(&p, IKE_X_INFORMATIONAL, false), 0);
	/* An error makes up for all that is missing, in an answer only. */
	b = ike_build_init(buf, sizeof(buf));
	ike_build_notify(&b, IKE_PROTO_NONE, NULL, IKE_N_AUTHENTICATION_FAILED, NULL, 0);
	assert_int_equal(ike_build_finish(&b, &len), 0);
	assert_int_equal(ike_payloads_parse(rd_init(buf, len), b.first, &p), 0);
	assert_int_equal(ike_payloads_check(&p, IKE_X_AUTH, true), 0);
	assert_int_equal(ike_payloads_check(&p, IKE_X_AUTH, false), -1);
}

/* IKE_AUTH with EAP: what may come in the first message and in those after it. */
static void test_rules_eap(void **state)
{
	static const uint8_t packet[] = { IKE_EAP_REQUEST, 7, 0, 5, 1 };
	uint8_t code, body[sizeof(packet)], buf[128];
	struct ike_identity id = { .type = IKE_ID_FQDN, .len = 1, .data = "x" };
	struct ike_build b = ike_build_init(buf, sizeof(buf));
	struct ike_payloads p;
	size_t len;

	(void)state;
	ike_build_eap(&b, packet, sizeof(packet));
	assert_int_equal(ike_build_finish(&b, &len), 0);
	assert_int_equal(ike_payloads_parse(rd_init(buf, len), b.first, &p), 0);
	assert_int_equal(ike_payloads_check(&p, IKE_X_AUTH_MORE, false), 0);
	assert_int_equal(ike_payloads_check(&p, IKE_X_AUTH_MORE, true), 0);
	assert_int_equal(ike_payloads_check(&p, IKE_X_AUTH, false), -1);
	assert_int_equal(ike_payloads_check(&p, IKE_X_AUTH, true), -1);
	assert_int_equal(ike_eap_parse(p.eap, &code), 0);
	assert_int_equal(code, IKE_EAP_REQUEST);
	ike_build_id(&b, IKE_P_IDI, &id);
	assert_int_equal(ike_build_finish(&b, &len), 0);
	assert_int_equal(ike_payloads_parse(rd_init(buf, len), b.first, &p), 0);
	assert_int_equal(ike_payloads_check(&p, IKE_X_AUTH_MORE, false), -1);
	/* A length that is not the payload's, and codes that are none (RFC 3748 4). */
	memcpy(body, packet, sizeof(body));
	assert_int_equal(ike_eap_parse((struct ike_span){ body, sizeof(body) - 1 }, &code), -1);
	body[0] = 5;
	assert_int_equal(ike_eap_parse((struct ike_span){ body, sizeof(body) }, &code), -1);
	body[0] = 0;
	assert_int_equal(ike_eap_parse((struct ike_span){ body, sizeof(body) }, &code), -1);
	assert_int_equal(ike_eap_parse((struct ike_span){ body, 3 }, &code), -1);
}

static void test_identity(void **state)
{
	static const struct {
		const char *text, *printed;
		uint8_t type;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1", IKE_ID_IPV4 },
		{ "2001:db8::1", "2001:db8::1", IKE_ID_IPV6 },
		{ "gw.example.net", "gw.example.net", IKE_ID_FQDN },
		{ "@gw", "gw", IKE_ID_FQDN },
		{ "user@example.net", "user@example.net", IKE_ID_RFC822 },
		{ "C=DE, O=Example, CN=gw", "C=DE, O=Example, CN=gw", IKE_ID_DER_DN },
		{ "keyid:gw", "type 11 0x6777", IKE_ID_KEY_ID },
		{ "@#0aFF", "type 11 0x0aff", IKE_ID_KEY_ID },
	};
	struct ike_identity a, b;
	char buf[64], longest[300];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ike_identity_parse(cases[i].text, &a), 0);
		assert_int_equal(a.type, cases[i].type);
		assert_string_equal(ike_identity_str(&a, buf, sizeof(buf)), cases[i].printed);
		/* Over the wire and back. */
		uint8_t body[128];
		struct ike_build w = ike_build_init(body, sizeof(body));
		struct ike_payloads p;
		size_t len;

		ike_build_id(&w, IKE_P_IDI, &a);
		assert_int_equal(ike_build_finish(&w, &len), 0);
		assert_int_equal(ike_payloads_parse(rd_init(body, len), w.first, &p), 0);
		assert_int_equal(ike_id_parse(p.idi, &b), 0);
		assert_true(ike_identity_eq(&a, &b));
		assert_int_equal(ike_identity_key(&a), ike_identity_key(&b));
		assert_true(ike_identity_accepts(&a, &b));
	}
	assert_int_equal(ike_identity_parse("", &a), -1);
	assert_int_equal(ike_identity_parse("@#0", &a), -1);
	assert_int_equal(ike_identity_parse("@#0g", &a), -1);
	assert_int_equal(ike_identity_parse("XY=1", &a), -1);
	assert_int_equal(ike_identity_parse("@", &a), -1);
	assert_int_equal(ike_identity_parse("two words", &a), -1);
	memset(longest, 'a', sizeof(longest));
	longest[299] = '\0';
	assert_int_equal(ike_identity_parse(longest, &a), -1);
	ike_identity_parse("gw.example.net", &a);
	ike_identity_parse("GW.Example.NET", &b);
	assert_true(ike_identity_eq(&a, &b));
	assert_int_equal(ike_identity_key(&a), ike_identity_key(&b));
	ike_identity_parse("other.example.net", &b);
	assert_false(ike_identity_eq(&a, &b));
	b = (struct ike_identity){ 0 };
	assert_true(ike_identity_accepts(&b, &a));
	assert_string_equal(ike_identity_str(&b, buf, sizeof(buf)), "any");
	/* What a peer sends is printed without harm. */
	b = (struct ike_identity){ .type = IKE_ID_KEY_ID, .len = 3, .data = { 1, 2, 0xff } };
	assert_string_equal(ike_identity_str(&b, buf, sizeof(buf)), "type 11 0x0102ff");
	b = (struct ike_identity){ .type = IKE_ID_FQDN, .len = 4, .data = { 'a', 27, '\n', 'b' } };
	assert_string_equal(ike_identity_str(&b, buf, sizeof(buf)), "a??b");
	for (size_t cap = 1; cap < 20; cap++)
		assert_true(strlen(ike_identity_str(&b, buf, cap)) < cap);
}

static void test_cookie(void **state)
{
	uint64_t seed = 7;
	struct rng rng = rng_seeded(&seed);
	struct ike_cookie_jar jar = { 0 };
	static const uint8_t nonce[32] = { 1 }, other_nonce[32] = { 2 };
	struct ike_span ni = { nonce, 32 }, other = { other_nonce, 32 };
	struct addr source = addr_v4(0xc0000201), elsewhere = addr_v4(0xc0000202);
	uint8_t cookie[IKE_COOKIE_LEN], second[IKE_COOKIE_LEN];
	struct ike_span c = { cookie, sizeof(cookie) };
	mtime t = { 5 };

	(void)state;
	assert_false(ike_cookie_check(&jar, t, c, ni, &source, 9));
	assert_int_equal(ike_cookie_make(&jar, &rng, t, ni, &source, 9, cookie), 0);
	assert_true(ike_cookie_check(&jar, t, c, ni, &source, 9));
	assert_false(ike_cookie_check(&jar, t, c, other, &source, 9));
	assert_false(ike_cookie_check(&jar, t, c, ni, &elsewhere, 9));
	assert_false(ike_cookie_check(&jar, t, c, ni, &source, 10));
	assert_false(ike_cookie_check(&jar, t, (struct ike_span){ cookie, 32 }, ni, &source, 9));
	cookie[20] ^= 1;
	assert_false(ike_cookie_check(&jar, t, c, ni, &source, 9));
	cookie[20] ^= 1;
	/* The secret changes after a minute; the cookie still counts then, but not after two. */
	t = mtime_add(t, mdur_s(61));
	assert_int_equal(ike_cookie_make(&jar, &rng, t, ni, &source, 9, second), 0);
	assert_memory_not_equal(cookie, second, sizeof(cookie));
	assert_true(ike_cookie_check(&jar, t, c, ni, &source, 9));
	t = mtime_add(t, mdur_s(61));
	assert_int_equal(ike_cookie_make(&jar, &rng, t, ni, &source, 9, second), 0);
	assert_false(ike_cookie_check(&jar, t, c, ni, &source, 9));
	/* Long silence: the last one is stale by itself. */
	t = mtime_add(t, mdur_s(1000));
	assert_false(ike_cookie_check(&jar, t, (struct ike_span){ second, sizeof(second) }, ni, &source, 9));
	assert_int_equal(ike_cookie_make(&jar, &rng, t, ni, &source, 9, cookie), 0);
	assert_true(ike_cookie_check(&jar, t, c, ni, &source, 9));
	assert_false(ike_cookie_check(&jar, t, (struct ike_span){ second, sizeof(second) }, ni, &source, 9));
}

static void test_nat(void **state)
{
	uint64_t seed = 8;
	struct rng rng = rng_seeded(&seed);
	struct endpoint a = { addr_v4(0xc0000201), 500 }, b = { addr_v4(0xc0000202), 500 },
	                mapped = { addr_v4(0xc6336401), 1500 };
	struct ike_nat_result r;
	struct ike_payloads p;
	uint8_t buf[256];
	size_t len;

	(void)state;
	for (unsigned lie = 0; lie < 2; lie++) {
		struct ike_build w = ike_build_init(buf, sizeof(buf));

		ike_nat_build(&w, 1, 2, &a, &b, lie, &rng);
		assert_int_equal(ike_build_finish(&w, &len), 0);
		assert_int_equal(ike_payloads_parse(rd_init(buf, len), w.first, &p), 0);
		r = ike_nat_detect(&p, 1, 2, &b, &a);
		assert_true(r.supported && !r.local && r.remote == (bool)lie);
		r = ike_nat_detect(&p, 1, 2, &b, &mapped);
		assert_true(r.supported && !r.local && r.remote);
		r = ike_nat_detect(&p, 1, 2, &mapped, &a);
		assert_true(r.supported && r.local && r.remote == (bool)lie);
		r = ike_nat_detect(&p, 1, 3, &b, &a);
		assert_true(r.local && r.remote);
	}
	p.n_notify = 1;
	r = ike_nat_detect(&p, 1, 2, &b, &a);
	assert_false(r.supported || r.local || r.remote);
}

static void test_nonce_order(void **state)
{
	struct ike_nonce a = { .len = 16 }, b = { .len = 17 };

	(void)state;
	assert_true(ike_nonce_cmp(&a, &b) < 0); /* a prefix is lower */
	a.data[15] = 1;
	assert_true(ike_nonce_cmp(&a, &b) > 0);
	assert_ptr_equal(ike_nonce_lower(&a, &b), &b);
	assert_int_equal(ike_nonce_cmp(&a, &a), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_rules_eap),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_cookie),
		cmocka_unit_test(test_nat),
		cmocka_unit_test(test_nonce_order),
	};

	if (crypto_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public values that RFC 6989 forbids, in each exchange that carries one: they give no secret, no answer that
 * goes on, no SA; and an honest exchange afterwards works.
 */
#include "tests/support/ike_talk.h"

#include <openssl/bn.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum value { ZERO, ONE, P_MINUS_1, P, ALL_ONES, LAST_BIT, ORDER_8 };

static const struct bad {
	const char *ike;
	enum ke_id group;
	enum value value;
} rows[] = {
	{ "aes256-sha256-modp2048", KE_MODP_2048, ZERO },
	{ "aes256-sha256-modp2048", KE_MODP_2048, ONE },
	{ "aes256-sha256-modp2048", KE_MODP_2048, P_MINUS_1 },
	{ "aes256-sha256-modp2048", KE_MODP_2048, P },
	{ "aes256-sha256-modp2048", KE_MODP_2048, ALL_ONES },
	{ "aes256-sha256-modp1024", KE_MODP_1024, ONE },
	{ "aes256-sha256-modp768", KE_MODP_768, ZERO },
	{ "aes256-sha256-ecp256", KE_ECP_256, ZERO }, /* not the point at infinity, which x | y can't name */
	{ "aes256-sha256-ecp256", KE_ECP_256, LAST_BIT },
	{ "aes256-sha256-ecp384", KE_ECP_384, ALL_ONES },
	{ "aes256-sha256-ecp521", KE_ECP_521, LAST_BIT },
	{ "aes256-sha256-curve25519", KE_CURVE25519, ZERO },
	{ "aes256-sha256-curve25519", KE_CURVE25519, ONE },
	{ "aes256-sha256-curve25519", KE_CURVE25519, ORDER_8 },
};

static void spoil(const struct bad *bad, uint8_t *ke, size_t len)
{
	static const uint8_t order_8[32] = { 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
		0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62,
		0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00 };
	BIGNUM *p = BN_get_rfc3526_prime_2048(NULL);

	switch (bad->value) {
	case ZERO: memset(ke, 0, len); break;
	case ONE:
		memset(ke, 0, len);
		ke[bad->group == KE_CURVE25519 ? 0 : len - 1] = 1;
		break;
	case P_MINUS_1:
	case P:
		assert_int_equal(BN_bn2binpad(p, ke, (int)len), len);
		if (bad->value == P_MINUS_1)
			ke[len - 1]--;
		break;
	case ALL_ONES: memset(ke, 0xff, len); break;
	case LAST_BIT: ke[len - 1] ^= 1; break;
	case ORDER_8: memcpy(ke, order_8, len); break;
	}
	BN_free(p);
}

struct meddler {
	const struct bad *bad;
	unsigned from, spoilt;
};

/* Puts the value into the KE payload of each IKE_SA_INIT that this peer sends. */
static bool meddle(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	struct meddler *m = ctx;
	uint8_t type = data[16];

	(void)net;
	if (from != m->from || data[18] != IKE_X_SA_INIT)
		return true;
	for (size_t at = 28; at + 4 <= *len && type;) {
		size_t n = (size_t)data[at + 2] << 8 | data[at + 3];

		if (type == IKE_P_KE) {
			spoil(m->bad, &data[at + 8], n - 8);
			m->spoilt++;
		}
		type = data[at];
		at += n;
	}
	return true;
}

static void run_row(unsigned i, unsigned from)
{
	struct meddler m = { &rows[i], from, 0 };
	struct ike_stats stats;
	struct ike_net net;
	unsigned answers;

	ike_net_pair(&net, 100 + i, rows[i].ike, "aes256-sha256");
	net.tap = meddle;
	net.tap_ctx = &m;
	answers = net.peer[1].sends;
	ike_net_up(&net, 1);
	ike_net_up(&net, 0);
	ike_net_run(&net, mdur_s(3));
	assert_true(m.spoilt > 0);
	assert_int_not_equal(net.peer[0].phase, IKE_PHASE_UP);
	assert_int_not_equal(net.peer[1].phase, IKE_PHASE_UP);
	ike_stats(net.peer[1].ike, &stats);
	if (from == 0) { /* the responder keeps nothing, and says nothing */
		if (net.peer[1].sends != answers || stats.half_open)
			fail_msg("row %u: %u answers, %u half open", i, net.peer[1].sends - answers,
			    stats.half_open);
	} else if (strcmp(net.peer[0].why.id, "ike-invalid-ke") != 0) {
		fail_msg("row %u: %s %s", i, net.peer[0].why.id, net.peer[0].why.text);
	}
	assert_int_equal(ike_net_count(&net, 0) + ike_net_count(&net, 1), 0);
	net.tap = NULL;
	assert_true(ike_net_run_until(&net, mdur_s(300), ike_net_both_up));
	ike_net_run(&net, mdur_s(40));
	ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
	ike_net_finish(&net);
}

static void test_init_request(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(i, 0);
}

static void test_init_answer(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(i, 1);
}

/* A child with PFS, and a new IKE SA: an authenticated peer has no more rights here. */
static void test_create_child(void **state)
{
	static struct talk t;
	struct ike_payloads p;
	uint8_t zeros[256] = { 0 };
	uint32_t spi;

	(void)state;
	talk_start(&t, "aes128gcm16");
	spi = t.net.peer[1].live_in;
	talk_put_child(&t, "aes128gcm16-modp2048", &spi, 1);
	ike_build_ke(&t.b, KE_MODP_2048, zeros, 256);
	talk_expect(&t, IKE_X_CREATE_CHILD_SA, IKE_N_INVALID_SYNTAX);
	talk_put_child(&t, "aes128gcm16-curve25519", &spi, 2);
	ike_build_ke(&t.b, KE_CURVE25519, zeros, 32);
	talk_expect(&t, IKE_X_CREATE_CHILD_SA, IKE_N_INVALID_SYNTAX);
	talk_put_child(&t, "aes128gcm16-ecp256", &spi, 3);
	ike_build_ke(&t.b, KE_ECP_256, zeros, 64);
	talk_expect(&t, IKE_X_CREATE_CHILD_SA, IKE_N_INVALID_SYNTAX);
	talk_put_child(&t, "aes128gcm16-modp1024", &spi, 4); /* weak, and not ours: whatever its value */
	ike_build_ke(&t.b, KE_MODP_1024, zeros, 128);
	assert_true(talk_ask(&t, IKE_X_CREATE_CHILD_SA, &p));
	assert_non_null(ike_notify_error(&p));
	talk_put_ike(&t, 5);
	memset(t.b.w.p - 32, 0, 32); /* its KE payload is the last */
	talk_expect(&t, IKE_X_CREATE_CHILD_SA, IKE_N_INVALID_SYNTAX);
	assert_int_equal(ike_net_count(&t.net, 0), 2);
	talk_put_child(&t, "aes128gcm16", &spi, 6); /* an honest one passes */
	talk_expect(&t, IKE_X_CREATE_CHILD_SA, 0);
	talk_finish(&t);
}

/* As who began it: the answer to our rekey has the bad value. */
static void test_create_child_answer(void **state)
{
	static const struct {
		const char *esp;
		enum ke_id group;
		size_t len;
	} children[] = { { "aes128gcm16-modp2048-noesn", KE_MODP_2048, 256 },
		{ "aes128gcm16-curve25519-noesn", KE_CURVE25519, 32 },
		{ "aes128gcm16-ecp256-noesn", KE_ECP_256, 64 } };
	static struct talk t;
	uint8_t zeros[256] = { 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct ike_payloads p;
		struct ike_conn_view v;
		struct ike_child *old;
		struct ike_conn *conn;

		talk_start(&t, "aes128gcm16");
		conn = ike_conn_find(t.net.peer[0].ike, IKE_NET_CONN);
		old = talk_live(&t);
		assert_int_equal(
		    ike_proposal_parse(children[i].esp, true, &conn->cfg.esp_proposals.list[0], NULL), 0);
		assert_int_equal(ike_conn_rekey_child(t.net.peer[0].ike, IKE_NET_CONN, t.net.now), 0);
		ike_net_drain(&t.net);
		talk_request(&t, IKE_X_CREATE_CHILD_SA, &p);
		assert_non_null(p.ke.data);
		talk_put_child(&t, children[i].esp, NULL, 0x55);
		ike_build_ke(&t.b, children[i].group, zeros, children[i].len);
		talk_reply(&t, IKE_X_CREATE_CHILD_SA);
		ike_net_run(&t.net, mdur_ms(10));
		assert_ptr_equal(talk_live(&t), old);
		assert_int_equal(ike_net_count(&t.net, 0), 2);
		assert_int_equal(t.net.peer[0].downs, 0);
		assert_int_equal(ike_conn_view(t.net.peer[0].ike, IKE_NET_CONN, &v), 0);
		assert_string_equal(v.last_error.id, "ike-invalid-ke");
		talk_finish(&t);
	}
}

static void test_rekey_ike_answer(void **state)
{
	static struct talk t;
	struct ike_payloads p;
	struct ike_sa *old;

	(void)state;
	talk_start(&t, "aes128gcm16");
	old = t.ours;
	assert_int_equal(ike_conn_rekey_ike(t.net.peer[0].ike, IKE_NET_CONN, t.net.now), 0);
	ike_net_drain(&t.net);
	talk_request(&t, IKE_X_CREATE_CHILD_SA, &p);
	assert_non_null(p.ke.data);
	talk_put_ike(&t, 5);
	memset(t.b.w.p - 32, 0, 32); /* its KE payload is the last */
	talk_reply(&t, IKE_X_CREATE_CHILD_SA);
	ike_net_run(&t.net, mdur_ms(10));
	assert_ptr_equal(talk_live(&t)->sa, old);
	assert_int_equal(old->state, IKE_SA_ESTABLISHED);
	assert_int_equal(t.net.peer[0].ike_rekeys, 0);
	assert_int_equal(t.net.peer[0].downs, 0);
	talk_finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init_request),
		cmocka_unit_test(test_init_answer),
		cmocka_unit_test(test_create_child),
		cmocka_unit_test(test_create_child_answer),
		cmocka_unit_test(test_rekey_ike_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

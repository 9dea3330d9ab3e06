/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an authenticated peer may ask for and is refused, by RFC 7296 2.21 and 2.25: the test speaks with the
 * peer's keys and reads our answers with them.
 */
#include "tests/support/ike_talk.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static void test_children(void **state)
{
	static struct talk t;
	struct ike_payloads p;
	uint32_t spi, wrong = 0x01010101;

	(void)state;
	talk_start(&t, "aes128gcm16");
	spi = t.net.peer[1].live_in;
	talk_put_child(&t, "aes128gcm16", NULL, 1); /* one more: we have one */
	talk_expect(&t, IKE_X_CREATE_CHILD_SA, IKE_N_NO_ADDITIONAL_SAS);
	talk_put_child(&t, "aes128gcm16", &wrong, 1);
	talk_expect(&t, IKE_X_CREATE_CHILD_SA, IKE_N_CHILD_SA_NOT_FOUND);
	talk_put_child(&t, "aes256-sha256", &spi, 1);
	talk_expect(&t, IKE_X_CREATE_CHILD_SA, IKE_N_NO_PROPOSAL_CHOSEN);
	talk_put_child(&t, "aes128gcm16-modp2048", &spi, 1); /* PFS, but no KE payload */
	assert_true(talk_ask(&t, IKE_X_CREATE_CHILD_SA, &p));
	assert_int_equal(ike_notify_error(&p)->type, IKE_N_INVALID_KE_PAYLOAD);
	assert_memory_equal(ike_notify_error(&p)->data.data, "\0\x0e", 2);
	assert_int_equal(ike_net_count(&t.net, 0), 2);
	talk_put_child(&t, "aes128gcm16", &spi, 1); /* a good one */
	assert_true(talk_ask(&t, IKE_X_CREATE_CHILD_SA, &p));
	assert_null(ike_notify_error(&p));
	assert_int_equal(ike_net_count(&t.net, 0), 3);
	talk_put_child(&t, "aes128gcm16", &spi, 1); /* and once more: its successor is there */
	talk_expect(&t, IKE_X_CREATE_CHILD_SA, IKE_N_TEMPORARY_FAILURE);
	ike_build_delete_esp(&t.b, &spi, 1); /* the old one goes: the new one comes into use */
	assert_true(talk_ask(&t, IKE_X_INFORMATIONAL, &p));
	assert_int_equal(p.n_del, 1);
	assert_int_equal(t.net.peer[0].rekeys, 1);
	assert_int_equal(t.net.peer[0].downs, 0);
	talk_finish(&t);
}

static void test_informational(void **state)
{
	static struct talk t;
	struct ike_payloads p;
	uint32_t unknown[2] = { 5, 6 };

	(void)state;
	talk_start(&t, "aes128gcm16");
	assert_true(talk_ask(&t, IKE_X_INFORMATIONAL, &p)); /* are you there? */
	assert_int_equal(p.n, 0);
	ike_build_notify(&t.b, IKE_PROTO_NONE, NULL, 40960, "private", 7);
	assert_true(talk_ask(&t, IKE_X_INFORMATIONAL, &p));
	assert_int_equal(p.n, 0);
	ike_build_delete_esp(&t.b, unknown, 2);
	assert_true(talk_ask(&t, IKE_X_INFORMATIONAL, &p));
	assert_int_equal(p.n, 0);
	ike_build_payload(&t.b, 99); /* unknown and not critical */
	assert_true(talk_ask(&t, IKE_X_INFORMATIONAL, &p));
	assert_int_equal(p.n, 0);
	assert_int_equal(t.net.peer[0].downs, 0);
	talk_finish(&t);
}

static void test_critical(void **state)
{
	static struct talk t;
	struct ike_payloads p;

	(void)state;
	talk_start(&t, "aes128gcm16");
	ike_build_payload(&t.b, 99);
	t.body[1] = IKE_PAYLOAD_CRITICAL;
	assert_true(talk_ask(&t, IKE_X_INFORMATIONAL, &p));
	assert_int_equal(ike_notify_error(&p)->type, IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD);
	assert_int_equal(ike_notify_error(&p)->data.len, 1);
	assert_int_equal(ike_notify_error(&p)->data.data[0], 99);
	assert_int_equal(t.net.peer[0].downs, 0);
	talk_finish(&t);
}

/* The peer's child goes without a successor: routes go at once, the IKE SA a moment later, and we connect
 * anew. */
static void test_child_deleted(void **state)
{
	static struct talk t;
	struct ike_payloads p;
	uint32_t spi;

	(void)state;
	talk_start(&t, "aes128gcm16");
	spi = t.net.peer[1].live_in;
	ike_build_delete_esp(&t.b, &spi, 1);
	assert_true(talk_ask(&t, IKE_X_INFORMATIONAL, &p));
	assert_int_equal(t.net.peer[0].downs, 1);
	assert_int_equal(ike_net_count(&t.net, 0), 0);
	t.net.tap = NULL;
	ike_net_run(&t.net, mdur_s(60));
	assert_true(t.net.peer[0].up);
	ike_net_assert(&t.net, ike_net_check_rest(&t.net, 0, 1));
	talk_finish(&t);
}

/* ... or it makes another one in the same IKE SA, which is welcome then. */
static void test_child_made_anew(void **state)
{
	static struct talk t;
	struct ike_payloads p;
	uint32_t spi;

	(void)state;
	talk_start(&t, "aes128gcm16");
	spi = t.net.peer[1].live_in;
	ike_build_delete_esp(&t.b, &spi, 1);
	assert_true(talk_ask(&t, IKE_X_INFORMATIONAL, &p));
	talk_put_child(&t, "aes128gcm16", NULL, 1);
	assert_true(talk_ask(&t, IKE_X_CREATE_CHILD_SA, &p));
	assert_null(ike_notify_error(&p));
	assert_int_equal(t.net.peer[0].ups, 2);
	ike_net_run(&t.net, mdur_s(5));
	assert_true(t.net.peer[0].up);
	talk_finish(&t);
}

static void test_syntax(void **state)
{
	static struct talk t;
	struct ike_payloads p;

	(void)state;
	talk_start(&t, "aes128gcm16");
	ike_build_payload(&t.b, IKE_P_NOTIFY); /* without a body */
	assert_true(talk_ask(&t, IKE_X_INFORMATIONAL, &p));
	assert_int_equal(ike_notify_error(&p)->type, IKE_N_INVALID_SYNTAX);
	assert_int_equal(t.net.peer[0].downs, 1); /* fatal (RFC 7296 2.21.3) */
	assert_string_equal(t.net.peer[0].why.id, "ike-bad-answer");
	talk_finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_children),
		cmocka_unit_test(test_informational),
		cmocka_unit_test(test_critical),
		cmocka_unit_test(test_child_deleted),
		cmocka_unit_test(test_child_made_anew),
		cmocka_unit_test(test_syntax),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

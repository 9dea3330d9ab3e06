/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to our rekey of a child: each choice among what we offered is taken, PFS or not, ESN or not; with
 * or without a KE payload that says nothing, as libreswan sends it. A suite and a public value that
 * contradict each other are not: keys that differ would be worse than a rekey that fails. Nor are selectors
 * narrower than those of the child that is replaced (RFC 7296 2.9.2), unless the configuration takes them.
 */
#include "ike/ts.h"
#include "tests/support/ike_talk.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static struct talk t;

/* What azure-vpngw offers: suites without PFS first, then with; each with both kinds of sequence numbers. */
static const char *const offered[] = { "aes256-sha256", "aes256gcm16", "aes256-sha256-modp2048",
	"aes256gcm16-ecp384" };

enum ke_payload { NO_KE, EMPTY_KE, WHOLE_KE };

static const struct row {
	const char *esp;
	enum ke_payload ke;
	const char *refusal; /* NULL: taken */
	bool esn;
} rows[] = {
	{ "aes256-sha256-noesn", NO_KE, NULL, false },
	{ "aes256-sha256-esn", NO_KE, NULL, true },
	{ "aes256-sha256-esn", EMPTY_KE, NULL, true }, /* libreswan 4.10 with pfs=no */
	{ "aes256gcm16-noesn", EMPTY_KE, NULL, false },
	{ "aes256-sha256-esn", WHOLE_KE, "ike-bad-answer", false },
	{ "aes256-sha256-modp2048-esn", WHOLE_KE, NULL, true },
	{ "aes256-sha256-modp2048-noesn", WHOLE_KE, NULL, false },
	{ "aes256-sha256-modp2048-esn", NO_KE, "ike-bad-answer", false },
	{ "aes256-sha256-modp2048-esn", EMPTY_KE, "ike-bad-answer", false },
	{ "aes256gcm16-ecp384-esn", WHOLE_KE, "ike-child-no-proposal",
	    false }, /* another group than our value's */
	{ "aes128-sha256-esn", NO_KE, "ike-child-no-proposal", false },
};

static void put_ke(enum ke_payload what)
{
	uint8_t public[CRYPTO_MAX_KE_PUBLIC];
	size_t len = 0;
	struct ke *ke;

	if (what == NO_KE)
		return;
	if (what == WHOLE_KE) {
		ke = ke_new(KE_MODP_2048, &t.net.peer[1].rng);
		assert_non_null(ke);
		assert_int_equal(ke_public(ke, public, sizeof(public), &len), 0);
		ke_free(ke);
	}
	ike_build_ke(&t.b, KE_MODP_2048, public, len);
}

static void test_choices(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct ike_conn_view v;
		struct ike_payloads p;
		struct ike_conn *conn;
		struct ike_child *old;

		print_message("%s, KE %d\n", row->esp, row->ke);
		talk_start(&t, "aes256-sha256");
		conn = ike_conn_find(t.net.peer[0].ike, IKE_NET_CONN);
		old = talk_live(&t);
		conn->cfg.esp_proposals.n = 0;
		for (unsigned j = 0; j < 4; j++)
			assert_int_equal(
			    ike_proposal_parse(offered[j], true,
			        &conn->cfg.esp_proposals.list[conn->cfg.esp_proposals.n++], NULL),
			    0);
		assert_int_equal(ike_conn_rekey_child(t.net.peer[0].ike, IKE_NET_CONN, t.net.now), 0);
		ike_net_drain(&t.net);
		talk_request(&t, IKE_X_CREATE_CHILD_SA, &p);
		assert_non_null(p.ke.data);
		talk_put_child(&t, row->esp, NULL, 0x55);
		put_ke(row->ke);
		talk_reply(&t, IKE_X_CREATE_CHILD_SA);
		ike_net_run(&t.net, mdur_ms(10));
		assert_int_equal(ike_conn_view(t.net.peer[0].ike, IKE_NET_CONN, &v), 0);
		if (row->refusal) {
			assert_ptr_equal(talk_live(&t), old);
			assert_string_equal(v.last_error.id, row->refusal);
		} else {
			assert_ptr_not_equal(talk_live(&t), old);
			assert_int_equal(talk_live(&t)->spi_out, 0x09090955);
			assert_int_equal(talk_live(&t)->in.esn, row->esn);
			assert_string_equal(v.last_error.id, "");
		}
		assert_int_equal(t.net.peer[0].downs, 0);
		talk_finish(&t);
	}
}

static void test_narrower(void **state)
{
	static const struct prefix half = { .addr.family = 4, .len = 1 };

	(void)state;
	for (unsigned allowed = 0; allowed < 2; allowed++) {
		struct ike_ts ts = ike_ts_from_prefix(&half);
		struct ike_conn_view v;
		struct ike_payloads p;
		struct ike_child *old;
		uint8_t nonce[32] = { 3 };
		struct chunk spi = { (const uint8_t *)"\x09\x09\x09\x55", 4 };
		struct ike_proposals offer = { .n = 1 };

		talk_start(&t, "aes256-sha256");
		ike_conn_find(t.net.peer[0].ike, IKE_NET_CONN)->cfg.narrow = allowed;
		old = talk_live(&t);
		assert_int_equal(ike_conn_rekey_child(t.net.peer[0].ike, IKE_NET_CONN, t.net.now), 0);
		ike_net_drain(&t.net);
		talk_request(&t, IKE_X_CREATE_CHILD_SA, &p);
		assert_int_equal(ike_proposal_parse("aes256-sha256-noesn", true, &offer.list[0], NULL), 0);
		ike_build_sa(&t.b, &offer, IKE_PROTO_ESP, &spi, true);
		ike_build_nonce(&t.b, nonce, sizeof(nonce));
		ike_build_ts(&t.b, IKE_P_TSI, &ts, 1);
		ike_build_ts(&t.b, IKE_P_TSR, &ts, 1);
		talk_reply(&t, IKE_X_CREATE_CHILD_SA);
		ike_net_run(&t.net, mdur_ms(10));
		assert_int_equal(ike_conn_view(t.net.peer[0].ike, IKE_NET_CONN, &v), 0);
		assert_int_equal(talk_live(&t) != old, allowed);
		assert_int_equal(ike_ts_eq(&v.ts_remote[0], &ts), allowed);
		if (!allowed)
			assert_string_equal(v.last_error.id, "ike-ts-refused");
		assert_int_equal(t.net.peer[0].downs, 0);
		talk_finish(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_choices), cmocka_unit_test(test_narrower) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

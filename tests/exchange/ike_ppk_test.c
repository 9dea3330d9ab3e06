/* SPDX-License-Identifier: Apache-2.0 */
/* Two IKE peers with post-quantum pre-shared keys (RFC 8784): who has one, who requires it, and what differs.
 */
#include "base/cursor.h"
#include "ike/wire.h"
#include "tests/support/ike_net.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

struct side {
	const char *id, *key;
	bool required;
};
#define NONE                                                                                                 \
	{                                                                                                    \
		"", "", false                                                                                \
	}
#define OPTIONAL                                                                                             \
	{                                                                                                    \
		"ppk-1", "0123456789abcdef0123456789abcdef", false                                           \
	}
#define REQUIRED                                                                                             \
	{                                                                                                    \
		"ppk-1", "0123456789abcdef0123456789abcdef", true                                            \
	}

struct row {
	struct side i, r;
	bool eap;
	const char *initiator, *responder; /* reasons; NULL: it comes up. Then: the warnings, or "" */
	bool up;
};

static const struct row rows[] = {
	{ NONE, NONE, false, "", "", true },
	{ OPTIONAL, OPTIONAL, false, "", "", true },
	{ OPTIONAL, REQUIRED, false, "", "", true },
	{ REQUIRED, OPTIONAL, false, "", "", true },
	{ REQUIRED, REQUIRED, false, "", "", true },
	{ REQUIRED, REQUIRED, true, "", "", true },
	{ OPTIONAL, OPTIONAL, true, "", "", true },
	/* One side has none. */
	{ OPTIONAL, NONE, false, "ike-ppk-unused", "", true },
	{ NONE, OPTIONAL, false, "", "ike-ppk-unused", true },
	{ NONE, OPTIONAL, true, "", "ike-ppk-unused", true },
	{ REQUIRED, NONE, false, "ike-ppk-missing", "", false },
	{ NONE, REQUIRED, false, "ike-auth-failed", "ike-ppk-missing", false },
	/* Another id: without it, where both allow that. */
	{ OPTIONAL, { "ppk-2", "another", false }, false, "ike-ppk-unused", "ike-ppk-unused", true },
	{ OPTIONAL, { "ppk-2", "another", false }, true, "ike-ppk-unused", "ike-ppk-unused", true },
	{ REQUIRED, { "ppk-2", "another", false }, false, "ike-auth-failed", "ike-ppk-unknown", false },
	{ OPTIONAL, { "ppk-2", "another", true }, false, "ike-auth-failed", "ike-ppk-unknown", false },
	{ OPTIONAL, { "ppk-2", "another", true }, true, "ike-auth-failed", "ike-ppk-unknown", false },
	/* Another key under the same id: never without it. */
	{ OPTIONAL, { "ppk-1", "another", false }, false, "ike-auth-failed", "ike-ppk-differs", false },
	{ OPTIONAL, { "ppk-1", "another", false }, true, "ike-auth-failed", "ike-ppk-differs", false },
	{ REQUIRED, { "ppk-1", "another", true }, false, "ike-auth-failed", "ike-auth-failed", false },
};

static void set(struct ike_conn_config *c, const struct side *s)
{
	snprintf(c->ppk.id, sizeof(c->ppk.id), "%s", s->id);
	c->ppk.key = (const uint8_t *)s->key;
	c->ppk.key_len = strlen(s->key);
	c->ppk.required = s->required;
}

static void start(struct ike_net *net, uint64_t seed, const struct row *row)
{
	struct ike_conn_config a, b;

	ike_net_init(net, seed, 2);
	a = ike_net_config(net, 0, 1, "aes256-sha384-curve25519", "aes256gcm16");
	b = ike_net_config(net, 1, 0, "aes256-sha384-curve25519", "aes256gcm16");
	set(&a, &row->i);
	set(&b, &row->r);
	b.role = IKE_ROLE_RESPOND;
	if (row->eap) {
		a.role = IKE_ROLE_INITIATE;
		a.local_auth = b.remote_auth = IKE_AUTH_KIND_EAP_MSCHAPV2;
		snprintf(a.eap.user, sizeof(a.eap.user), "branch1");
		snprintf(b.eap.peer_user, sizeof(b.eap.peer_user), "branch1");
		a.eap.secret = b.eap.peer_secret = (const uint8_t *)"S3cret!";
		a.eap.secret_len = b.eap.peer_secret_len = 7;
	}
	ike_net_add(net, 0, &a);
	ike_net_add(net, 1, &b);
	ike_net_up(net, 1);
	ike_net_up(net, 0);
}

static void expect_reason(unsigned i, const char *who, const struct reason *got, const char *want)
{
	if (strcmp(got->id, want) != 0)
		fail_msg("row %u: the %s says %s (%s), not %s", i, who, got->id, got->text, want);
}

static void test_table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct ike_net net;

		start(&net, i + 1, row);
		if (row->up) {
			if (!ike_net_run_until(&net, mdur_s(20), ike_net_both_up))
				fail_msg("row %u does not come up: %s", i, net.peer[0].why.text);
			ike_net_run(&net, mdur_s(5));
			ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
			/* The key stays in what is derived later. */
			ike_conn_rekey_child(net.peer[1].ike, IKE_NET_CONN, net.now);
			ike_conn_rekey_ike(net.peer[0].ike, IKE_NET_CONN, net.now);
			ike_net_run(&net, mdur_s(20));
			ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
			expect_reason(i, "initiator", &net.peer[0].last_warning, row->initiator);
		} else {
			ike_net_run(&net, mdur_s(8));
			assert_false(net.peer[0].up || net.peer[1].up);
			expect_reason(i, "initiator", &net.peer[0].why, row->initiator);
		}
		expect_reason(i, "responder", &net.peer[1].last_warning, row->responder);
		ike_net_finish(&net);
	}
}

static void test_lossy(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		const struct row *row = &rows[1 + seed % 6];
		struct ike_net net;

		start(&net, seed, row);
		net.loss = 20;
		net.repeat = net.reorder = 20;
		if (!ike_net_run_until(&net, mdur_s(120), ike_net_both_up))
			fail_msg("seed %u does not come up: %s", (unsigned)seed, net.peer[0].why.text);
		net.loss = net.repeat = net.reorder = 0;
		ike_net_run(&net, mdur_s(60));
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		ike_net_finish(&net);
	}
}

/* Somebody takes USE_PPK out of the responder's answer: AUTH covers it, so nothing comes up, and what is
 * required is not done without. */
static bool take_out_use_ppk(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	(void)net;
	(void)ctx;
	if (from == 1 && *len > 28 && data[18] == IKE_X_SA_INIT && data[*len - 2] == (IKE_N_USE_PPK >> 8) &&
	    data[*len - 1] == (IKE_N_USE_PPK & 0xff))
		data[*len - 1]--; /* another status that nobody knows */
	return true;
}

static void test_downgrade(void **state)
{
	(void)state;
	for (unsigned required = 0; required < 2; required++) {
		const struct row *row = &rows[required ? 4 : 1];
		struct ike_net net;

		start(&net, 5, row);
		net.tap = take_out_use_ppk;
		ike_net_run(&net, mdur_s(8));
		assert_false(net.peer[0].up || net.peer[1].up);
		assert_string_equal(net.peer[0].why.id, required ? "ike-ppk-missing" : "ike-auth-failed");
		net.tap = NULL;
		ike_net_finish(&net);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_lossy),
		cmocka_unit_test(test_downgrade),
	};

	if (crypto_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

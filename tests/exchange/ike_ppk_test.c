/* SPDX-License-Identifier: Apache-2.0 */
/* Two IKE peers with post-quantum pre-shared keys (RFC 8784): who has one, who requires it, and what differs.
 */
#include "base/cursor.h"
#include "ike/wire.h"
#include "tests/support/ike_net.h"
#include "tests/support/test_ca.h"

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
	enum { BY_KEY, BY_EAP, BY_CERT } by;
	const char *initiator, *responder; /* reasons; NULL: it comes up. Then: the warnings, or "" */
	bool up;
};

static const struct row rows[] = {
	{ NONE, NONE, BY_KEY, "", "", true },
	{ OPTIONAL, OPTIONAL, BY_KEY, "", "", true },
	{ OPTIONAL, REQUIRED, BY_KEY, "", "", true },
	{ REQUIRED, OPTIONAL, BY_KEY, "", "", true },
	{ REQUIRED, REQUIRED, BY_KEY, "", "", true },
	{ REQUIRED, REQUIRED, BY_EAP, "", "", true },
	{ OPTIONAL, OPTIONAL, BY_EAP, "", "", true },
	{ REQUIRED, REQUIRED, BY_CERT, "", "", true },
	{ OPTIONAL, OPTIONAL, BY_CERT, "", "", true },
	{ OPTIONAL, NONE, BY_CERT, "ike-ppk-unused", "", true },
	{ OPTIONAL, { "ppk-2", "another", false }, BY_CERT, "ike-ppk-unused", "ike-ppk-unused", true },
	{ REQUIRED, NONE, BY_CERT, "ike-ppk-missing", "", false },
	{ OPTIONAL, { "ppk-2", "another", true }, BY_CERT, "ike-auth-failed", "ike-ppk-unknown", false },
	{ OPTIONAL, { "ppk-1", "another", false }, BY_CERT, "ike-auth-failed", "ike-auth-failed", false },
	/* One side has none. */
	{ OPTIONAL, NONE, BY_KEY, "ike-ppk-unused", "", true },
	{ NONE, OPTIONAL, BY_KEY, "", "ike-ppk-unused", true },
	{ NONE, OPTIONAL, BY_EAP, "", "ike-ppk-unused", true },
	{ REQUIRED, NONE, BY_KEY, "ike-ppk-missing", "", false },
	{ NONE, REQUIRED, BY_KEY, "ike-auth-failed", "ike-ppk-missing", false },
	/* Another id: without it, where both allow that. */
	{ OPTIONAL, { "ppk-2", "another", false }, BY_KEY, "ike-ppk-unused", "ike-ppk-unused", true },
	{ OPTIONAL, { "ppk-2", "another", false }, BY_EAP, "ike-ppk-unused", "ike-ppk-unused", true },
	{ REQUIRED, { "ppk-2", "another", false }, BY_KEY, "ike-auth-failed", "ike-ppk-unknown", false },
	{ OPTIONAL, { "ppk-2", "another", true }, BY_KEY, "ike-auth-failed", "ike-ppk-unknown", false },
	{ OPTIONAL, { "ppk-2", "another", true }, BY_EAP, "ike-auth-failed", "ike-ppk-unknown", false },
	/* Another key under the same id: never without it. */
	{ OPTIONAL, { "ppk-1", "another", false }, BY_KEY, "ike-auth-failed", "ike-ppk-differs", false },
	{ OPTIONAL, { "ppk-1", "another", false }, BY_EAP, "ike-auth-failed", "ike-ppk-differs", false },
	{ REQUIRED, { "ppk-1", "another", true }, BY_KEY, "ike-auth-failed", "ike-auth-failed", false },
};

static void set(struct ike_conn_config *c, const struct side *s)
{
	snprintf(c->ppk.id, sizeof(c->ppk.id), "%s", s->id);
	c->ppk.key = (const uint8_t *)s->key;
	c->ppk.key_len = strlen(s->key);
	c->ppk.required = s->required;
}

static const struct test_spec root = { .subject = "CN=Root", .ca = true, .key = TEST_KEY_P256 };
static const struct test_spec branch = { .subject = "CN=branch", .key = TEST_KEY_P384, .by = &root };
static const struct test_spec hq = { .subject = "CN=hq", .key = TEST_KEY_ED25519, .by = &root };

static struct credentials *certified(const struct test_spec *leaf)
{
	const struct test_spec *anchor = &root;

	return test_ca_credentials(&leaf, 1, &anchor, 1);
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
	if (row->by == BY_EAP) {
		a.role = IKE_ROLE_INITIATE;
		a.local_auth = b.remote_auth = IKE_AUTH_KIND_EAP_MSCHAPV2;
		snprintf(a.eap.user, sizeof(a.eap.user), "branch1");
		snprintf(b.eap.peer_user, sizeof(b.eap.peer_user), "branch1");
		a.eap.secret = b.eap.peer_secret = (const uint8_t *)"S3cret!";
		a.eap.secret_len = b.eap.peer_secret_len = 7;
	}
	if (row->by == BY_CERT) {
		a.local_auth = a.remote_auth = b.local_auth = b.remote_auth = IKE_AUTH_KIND_CERT;
		a.credentials = certified(&branch);
		b.credentials = certified(&hq);
	}
	ike_net_add(net, 0, &a);
	ike_net_add(net, 1, &b);
	if (row->by == BY_CERT) { /* the connections have their own references */
		credentials_unref(a.credentials);
		credentials_unref(b.credentials);
	}
	ike_net_up(net, 1);
	ike_net_up(net, 0);
}

static void expect_reason(unsigned i, const char *who, const struct reason *got, const char *want)
{
	if (strcmp(got->id, want) != 0)
		fail_msg("row %u: the %s says %s (%s), not %s", i, who, got->id, got->text, want);
}

/* What a view says of it, after the rekeys, too: used where both have the same, and by either the same said.
 */
static void expect_ppk(unsigned i, const struct ike_net *net)
{
	bool used = rows[i].i.id[0] && !strcmp(rows[i].i.key, rows[i].r.key);

	for (unsigned k = 0; k < 2; k++) {
		struct ike_conn_view v;

		assert_int_equal(ike_conn_view(net->peer[k].ike, IKE_NET_CONN, &v), 0);
		assert_true(v.ike_rekeys > 0);
		if (v.ppk != used)
			fail_msg("row %u: the view of peer %u says %d", i, k, v.ppk);
	}
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
			expect_ppk(i, &net);
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

	int rc;

	if (crypto_init())
		return 1;
	test_ca_policy = CREDENTIALS_OFF;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	test_ca_free();
	return rc;
}

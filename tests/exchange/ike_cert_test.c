/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authentication by certificate between two cores: every kind of key on both sides, a key one way and a
 * certificate the other, chains, what a peer does wrong and the reason that is given on both sides, and peers
 * of before RFC 7427.
 */
#include "tests/support/ike_net.h"
#include "tests/support/test_ca.h"

#include "base/cursor.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define IKE_PROPOSAL "aes256-sha256-ecp256"
#define ESP_PROPOSAL "aes256gcm16"
#define DAY          TEST_CA_DAY

static const struct test_spec root = {
	.subject = "C=DE, O=Example, CN=Root", .ca = true, .key = TEST_KEY_P256
};
static const struct test_spec other = {
	.subject = "C=DE, O=Example, CN=Other", .ca = true, .key = TEST_KEY_P256, .slot = 1
};
static const struct test_spec inter = {
	.subject = "C=DE, O=Example, CN=Issuing", .ca = true, .key = TEST_KEY_P256, .slot = 2, .by = &root
};
static const struct test_spec left = { .subject = "C=DE, O=Example, CN=left",
	.key = TEST_KEY_P256,
	.slot = 3,
	.by = &inter,
	.san = "DNS:left.example.net,IP:10.0.0.1,email:left@example.net" };
static const struct test_spec right = { .subject = "C=DE, O=Example, CN=right",
	.key = TEST_KEY_P256,
	.slot = 4,
	.by = &root,
	.san = "DNS:right.example.net" };

struct side {
	const struct test_spec *chain[3];
	const struct test_spec *anchor;
	const char *local_id, *remote_id;
	enum ike_auth_kind local, remote;
};

static unsigned count(const struct test_spec *const list[], unsigned max)
{
	unsigned n = 0;

	while (n < max && list[n])
		n++;
	return n;
}

/* The configuration of one side; the credentials are the caller's to give up. */
static struct ike_conn_config config_of(
    const struct ike_net *net, unsigned self, const struct side *s, struct credentials **ret_cred)
{
	struct ike_conn_config c = ike_net_config(net, self, 1 - self, IKE_PROPOSAL, ESP_PROPOSAL);

	*ret_cred = test_ca_credentials(s->chain, count(s->chain, 3), &s->anchor, s->anchor ? 1 : 0);
	c.credentials = *ret_cred;
	c.local_auth = s->local;
	c.remote_auth = s->remote;
	if (s->local_id)
		assert_int_equal(ike_identity_parse(s->local_id, &c.local_id), 0);
	if (s->remote_id)
		assert_int_equal(ike_identity_parse(s->remote_id, &c.remote_id), 0);
	if (self)
		c.role = IKE_ROLE_RESPOND;
	return c;
}

static void start(struct ike_net *net, uint64_t seed, const struct side *a, const struct side *b)
{
	const struct side *sides[] = { a, b };

	ike_net_init(net, seed, 2);
	for (unsigned i = 0; i < 2; i++) {
		struct credentials *cred;
		struct ike_conn_config c = config_of(net, i, sides[i], &cred);

		ike_net_add(net, i, &c);
		credentials_unref(cred); /* the connection holds its own */
	}
	ike_net_up(net, 1);
	ike_net_up(net, 0);
}

#define CERTS IKE_AUTH_KIND_CERT, IKE_AUTH_KIND_CERT
static const struct side left_side = { { &left, &inter }, &root, NULL, NULL, CERTS };
static const struct side right_side = { { &right }, &root, NULL, NULL, CERTS };

static void test_every_key(void **state)
{
	static const enum test_key keys[] = { TEST_KEY_RSA, TEST_KEY_RSA_PSS, TEST_KEY_P256, TEST_KEY_P384,
		TEST_KEY_P521, TEST_KEY_ED25519, TEST_KEY_ED448 };
	static struct ike_net net;

	(void)state;
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		for (unsigned j = 0; j < 2; j++) {
			struct test_spec a = left, b = right;
			struct side as = left_side, bs = right_side;
			struct ike_conn_view v;
			char id[IKE_ID_MAX];

			/* This kind on one side, and the next kind on the other. */
			a.key = keys[(i + j) % 7];
			b.key = keys[(i + 1 - j) % 7];
			as.chain[0] = &a;
			bs.chain[0] = &b;
			start(&net, 100 + i, &as, &bs);
			if (!ike_net_run_until(&net, mdur_s(30), ike_net_both_up))
				fail_msg("keys %u and %u: %s / %s", a.key, b.key, net.peer[0].why.text,
				    net.peer[1].report.text);
			ike_net_run(&net, mdur_s(1));
			ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
			ike_conn_view(net.peer[0].ike, IKE_NET_CONN, &v);
			assert_string_equal(
			    ike_identity_str(&v.remote_id, id, sizeof(id)), "C=DE, O=Example, CN=right");
			ike_net_finish(&net);
		}
}

static void test_mixed(void **state)
{
	static const struct {
		const char *name;
		struct side a, b;
	} cases[] = {
		{ "key there, certificate back",
		    { { 0 }, &root, "left.example.net", "right.example.net", IKE_AUTH_KIND_PSK,
		        IKE_AUTH_KIND_CERT },
		    { { &right }, NULL, "right.example.net", "left.example.net", IKE_AUTH_KIND_CERT,
		        IKE_AUTH_KIND_PSK } },
		{ "certificate there, key back",
		    { { &left, &inter }, NULL, NULL, NULL, IKE_AUTH_KIND_CERT, IKE_AUTH_KIND_PSK },
		    { { 0 }, &root, NULL, "C=DE, O=Example, CN=left", IKE_AUTH_KIND_PSK,
		        IKE_AUTH_KIND_CERT } },
		{ "names", { { &left, &inter }, &root, "left@example.net", "@right.example.net", CERTS },
		    { { &right }, &root, "right.example.net", "left@example.net", CERTS } },
		{ "addresses", { { &left, &inter }, &root, "10.0.0.1", "C=DE,O=example,CN=RIGHT", CERTS },
		    { { &right }, &root, "C=DE, O=Example, CN=right", "10.0.0.1", CERTS } },
	};
	static struct ike_net net;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(&net, 200 + i, &cases[i].a, &cases[i].b);
		if (!ike_net_run_until(&net, mdur_s(30), ike_net_both_up))
			fail_msg("%s: %s / %s", cases[i].name, net.peer[0].why.text, net.peer[1].report.text);
		ike_net_run(&net, mdur_s(1));
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		ike_net_finish(&net);
	}
}

/* With loss, repetition and slow jobs. */
static void test_bad_network(void **state)
{
	static struct ike_net net;

	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		const struct side *sides[] = { &left_side, &right_side };

		ike_net_init(&net, seed, 2);
		net.loss = 30;
		net.repeat = net.reorder = 20;
		net.job_delay = mdur_ms(700);
		for (unsigned i = 0; i < 2; i++) {
			struct credentials *cred;
			struct ike_conn_config c = config_of(&net, i, sides[i], &cred);

			c.role = IKE_ROLE_BOTH;
			ike_net_add(&net, i, &c);
			credentials_unref(cred);
			ike_net_up(&net, i);
		}
		if (!ike_net_run_until(&net, mdur_s(300), ike_net_both_up))
			fail_msg("seed %u: %s", (unsigned)seed, net.peer[0].why.text);
		net.loss = net.repeat = net.reorder = 0;
		ike_net_run(&net, mdur_s(120));
		ike_net_assert(&net, ike_net_check_rest(&net, 0, 1));
		ike_net_finish(&net);
	}
}

static void test_refused(void **state)
{
	static const struct test_spec expired = { .subject = "CN=left",
		.key = TEST_KEY_P384,
		.by = &root,
		.not_before = -9 * DAY,
		.not_after = -1 };
	static const struct test_spec mail = {
		.subject = "CN=left", .key = TEST_KEY_P384, .by = &root, .eku = "emailProtection"
	};
	static const struct {
		const char *name;
		struct side a, b;
		const char *at_a, *at_b; /* the reason at each side; NULL: whatever */
	} cases[] = {
		{ "we don't trust the responder", { { &left, &inter }, &other, NULL, NULL, CERTS },
		    { { &right }, &root, NULL, NULL, CERTS }, "certificate-untrusted", NULL },
		{ "the responder doesn't trust us", { { &left, &inter }, &root, NULL, NULL, CERTS },
		    { { &right }, &other, NULL, NULL, CERTS }, "ike-auth-failed", "certificate-untrusted" },
		{ "no intermediate", { { &left }, &root, NULL, NULL, CERTS },
		    { { &right }, &root, NULL, NULL, CERTS }, "ike-auth-failed", "certificate-untrusted" },
		{ "our own has expired", { { &expired }, &root, NULL, NULL, CERTS },
		    { { &right }, &root, NULL, NULL, CERTS }, "certificate-expired", NULL },
		{ "not for this", { { &mail }, &root, NULL, NULL, CERTS },
		    { { &right }, &root, NULL, NULL, CERTS }, "ike-auth-failed", "certificate-usage" },
		{ "the responder wants another", { { &left, &inter }, &root, NULL, NULL, CERTS },
		    { { &right }, &root, NULL, "C=DE, O=Example, CN=middle", CERTS }, "ike-auth-failed",
		    "ike-wrong-identity" },
		{ "we want another", { { &left, &inter }, &root, NULL, "middle.example.net", CERTS },
		    { { &right }, &root, NULL, NULL, CERTS }, "ike-wrong-identity", NULL },
		{ "a key where a certificate is due",
		    { { 0 }, &root, NULL, NULL, IKE_AUTH_KIND_PSK, IKE_AUTH_KIND_CERT },
		    { { &right }, &root, NULL, NULL, CERTS }, "ike-auth-failed", "ike-auth-method" },
		{ "a certificate where a key is due", { { &left, &inter }, &root, NULL, NULL, CERTS },
		    { { &right }, NULL, NULL, NULL, IKE_AUTH_KIND_CERT, IKE_AUTH_KIND_PSK },
		    "ike-auth-failed", "ike-auth-method" },
		{ "a key comes back", { { &left, &inter }, &root, NULL, NULL, CERTS },
		    { { 0 }, &root, NULL, NULL, IKE_AUTH_KIND_PSK, IKE_AUTH_KIND_CERT }, "ike-auth-method",
		    NULL },
	};
	static struct ike_net net;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct reason *a = &net.peer[0].why, *b = &net.peer[1].report;

		start(&net, 300 + i, &cases[i].a, &cases[i].b);
		ike_net_run(&net, mdur_ms(900));
		if (net.peer[0].up || net.peer[1].up || (cases[i].at_a && strcmp(a->id, cases[i].at_a)) ||
		    (cases[i].at_b && strcmp(b->id, cases[i].at_b)))
			fail_msg("%s: %s: %s / %s: %s", cases[i].name, a->id, a->text, b->id, b->text);
		ike_net_finish(&net);
	}
}

/* Takes SIGNATURE_HASH_ALGORITHMS out of IKE_SA_INIT by making its type one that nobody knows. */
static bool forget_7427(struct ike_net *net, unsigned from, uint8_t *data, size_t *len, void *ctx)
{
	(void)net;
	(void)from;
	(void)ctx;
	if (*len > 28 && data[18] == 34)
		for (size_t i = 28; i + 1 < *len; i++)
			if (data[i] == (16431 >> 8) && data[i + 1] == (16431 & 0xff) && data[i - 1] == 0 &&
			    data[i - 2] == 0)
				data[i] = 0x9f; /* 40751: a status type for private use */
	return true;
}

static void test_before_7427(void **state)
{
	static const struct {
		enum test_key key;
		const char *reason; /* NULL: works, and nobody's messages may be changed: AUTH covers them */
	} cases[] = { { TEST_KEY_RSA, "ike-auth-method" }, { TEST_KEY_ED25519, "ike-auth-method" },
		{ TEST_KEY_P256, "ike-auth-failed" } };
	static struct ike_net net;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_spec a = left;
		struct side as = left_side;
		const struct side *sides[] = { &as, &right_side };

		a.key = cases[i].key;
		as.chain[0] = &a;
		ike_net_init(&net, 400 + i, 2);
		net.tap = forget_7427;
		for (unsigned j = 0; j < 2; j++) {
			struct credentials *cred;
			struct ike_conn_config c = config_of(&net, j, sides[j], &cred);

			ike_net_add(&net, j, &c);
			credentials_unref(cred);
		}
		ike_net_up(&net, 1);
		ike_net_up(&net, 0);
		ike_net_run(&net, mdur_ms(900));
		assert_false(net.peer[0].up);
		assert_string_equal(net.peer[0].why.id, cases[i].reason);
		ike_net_finish(&net);
	}
}

static void test_configuration(void **state)
{
	static const struct {
		struct side s;
		const char *reason, *mentions;
	} cases[] = {
		{ { { &left }, &root, "right.example.net", NULL, CERTS }, "certificate-wrong-name",
		    "CN=left" },
		{ { { &left }, NULL, NULL, NULL, CERTS }, "ike-bad-config", "trust anchor" },
		{ { { 0 }, &root, NULL, NULL, CERTS }, "ike-bad-config", "chain" },
	};
	static struct ike_net net;

	(void)state;
	ike_net_init(&net, 1, 2);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct credentials *cred;
		struct ike_conn_config c = config_of(&net, 0, &cases[i].s, &cred);
		struct reason why = { 0 };

		assert_int_equal(ike_conn_add(net.peer[0].ike, 7, &c, &why), -1);
		if (strcmp(why.id, cases[i].reason) || !strstr(why.text, cases[i].mentions))
			fail_msg("%s: %s", why.id, why.text);
		credentials_unref(cred);
	}
	ike_net_free(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_bad_network),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_before_7427),
		cmocka_unit_test(test_configuration),
	};
	int rc;

	if (crypto_init())
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	test_ca_free();
	return rc;
}

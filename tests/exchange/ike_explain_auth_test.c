/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thing is wrong with a certificate, a clock, or the way that one of two cores signs on: the diagnosis
 * must name it, say what it is not, and speak of what is in use: never of keys where there are certificates.
 */
#include "tests/support/ike_net.h"
#include "tests/support/test_ca.h"

#include "ike/diagnose.h"
#include "ike/engine.h"

#include <stdarg.h>
#include <stddef.h>
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
static const struct test_spec old_root = { .subject = "C=DE, O=Example, CN=Old",
	.ca = true,
	.key = TEST_KEY_P256,
	.slot = 5,
	.not_before = -400 * DAY,
	.not_after = -3 * DAY };
static const struct test_spec left = {
	.subject = "C=DE, CN=left", .key = TEST_KEY_P256, .slot = 2, .by = &root
};
static const struct test_spec left_other = {
	.subject = "C=DE, CN=left", .key = TEST_KEY_P256, .slot = 2, .by = &other
};
static const struct test_spec left_new = { .subject = "C=DE, CN=left",
	.key = TEST_KEY_P256,
	.slot = 2,
	.by = &other,
	.not_before = -3600,
	.not_after = DAY };
static const struct test_spec left_expired = { .subject = "C=DE, CN=left",
	.key = TEST_KEY_P256,
	.slot = 2,
	.by = &root,
	.not_before = -9 * DAY,
	.not_after = -DAY };
static const struct test_spec right = {
	.subject = "C=DE, CN=right", .key = TEST_KEY_P256, .slot = 3, .by = &root
};
static const struct test_spec right_expired = { .subject = "C=DE, CN=right",
	.key = TEST_KEY_P256,
	.slot = 3,
	.by = &root,
	.not_before = -9 * DAY,
	.not_after = -DAY };
static const struct test_spec right_early = { .subject = "C=DE, CN=right",
	.key = TEST_KEY_P256,
	.slot = 3,
	.by = &root,
	.not_before = DAY,
	.not_after = 9 * DAY };
static const struct test_spec right_other = {
	.subject = "C=DE, CN=right", .key = TEST_KEY_P256, .slot = 3, .by = &other
};
static const struct test_spec right_of_old = {
	.subject = "C=DE, CN=right", .key = TEST_KEY_P256, .slot = 3, .by = &old_root
};
static const struct test_spec right_revoked = {
	.subject = "C=DE, CN=right", .key = TEST_KEY_P256, .slot = 3, .by = &root, .serial = 77
};
static const struct test_spec right_weak = {
	.subject = "C=DE, CN=right", .key = TEST_KEY_RSA_1024, .by = &root
};
static const struct test_spec right_mail = {
	.subject = "C=DE, CN=right", .key = TEST_KEY_P256, .slot = 3, .by = &root, .eku = "emailProtection"
};

/* One side: what it has and trusts, and its clock. */
struct side {
	const struct test_spec *own, *anchor;
	int64_t late;     /* its clock, relative to TEST_CA_NOW */
	int64_t earliest; /* likewise; 0: not known */
};

struct row {
	const char *name;
	struct side a, b;
	/* At a: */
	const char *id;
	const char *seen, *ruled_out, *not_ruled_out, *cause, *here, *there;
};

static int64_t walls[2];
static struct credentials_world worlds[2];

static struct credentials *credentials_of(unsigned i, const struct side *s)
{
	char *chain = test_ca_chain(&s->own, 1), *key = test_ca_key(s->own, NULL);
	char *anchors = test_ca_chain(&s->anchor, 1), *crl = test_ca_crl(&root, &right_revoked, 10 * DAY);
	struct credentials_source src = { .chain = { "chain.pem", chain, strlen(chain) },
		.key = { "key.pem", key, strlen(key) },
		.anchors = { "anchors.pem", anchors, strlen(anchors) },
		.crl = { { "crl.pem", crl, strlen(crl) } },
		.n_crl = 1,
		.legacy = s->own == &right_weak,
		.world = &worlds[i] };
	struct reason why = { 0 };
	struct credentials *c;

	walls[i] = TEST_CA_NOW + s->late;
	worlds[i] = (struct credentials_world){ .wall = test_ca_wall,
		.earliest = s->earliest ? TEST_CA_NOW + s->earliest : 0,
		.ctx = &walls[i] };
	c = credentials_new(&src, &why);
	if (!c)
		fail_msg("%s: %s", why.id, why.text);
	free(chain);
	free(key);
	free(anchors);
	free(crl);
	return c;
}

static bool among(const char list[][IKE_DIAGNOSIS_TEXT], unsigned n, const char *what)
{
	for (unsigned i = 0; i < n; i++)
		if (strstr(list[i], what))
			return true;
	return false;
}

static void text(const char *row, const char *where, const char *text, const char *what)
{
	if (what && !strstr(text, what))
		fail_msg("%s: %s: no \"%s\" in \"%s\"", row, where, what, text);
}

/* Nothing of keys, where there are none. */
static void no_keys(const char *row, const struct ike_diagnosis *d)
{
	const char *texts[] = { d->cause, d->here, d->there };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strstr(texts[i], "pre-shared") || strstr(texts[i], " secret-file"))
			fail_msg("%s: \"%s\"", row, texts[i]);
	if (!strcmp(d->id, "ike-auth-failed") && !d->keyless)
		fail_msg("%s: the catalogue may speak of keys", row);
	if (among(d->ruled_out, d->n_ruled_out, "own key"))
		fail_msg("%s: a key is ruled out", row);
}

static void check(const struct row *r, const struct ike_diagnosis *d)
{
	if (strcmp(d->id, r->id) != 0)
		fail_msg("%s: %s", r->name, d->id);
	if (r->seen && !among(d->seen, d->n_seen, r->seen))
		fail_msg("%s: not seen: %s", r->name, r->seen);
	if (r->ruled_out && !among(d->ruled_out, d->n_ruled_out, r->ruled_out))
		fail_msg("%s: not ruled out: %s", r->name, r->ruled_out);
	if (r->not_ruled_out && among(d->ruled_out, d->n_ruled_out, r->not_ruled_out))
		fail_msg("%s: ruled out: %s", r->name, r->not_ruled_out);
	assert_true(among(d->ruled_out, d->n_ruled_out, "it is reachable"));
	text(r->name, "cause", d->cause, r->cause);
	text(r->name, "here", d->here, r->here);
	text(r->name, "there", d->there, r->there);
	no_keys(r->name, d);
}

static const struct row certificates[] = {
	{ "theirs has expired", { &left, &root, 0, 0 }, { &right_expired, &root, -4 * DAY, 0 },
	    "certificate-expired", "the peer's certificate \"C=DE, CN=right\"", "holds the private key", NULL,
	    "\"C=DE, CN=right\" was not renewed", "timedatectl", "renew its certificate" },
	{ "ours has expired", { &left_expired, &root, 0, 0 }, { &right, &root, 0, 0 }, "certificate-expired",
	    "our certificate \"C=DE, CN=left\"", NULL, "holds the private key", "was not renewed",
	    "chain-file", "nothing" },
	{ "theirs is not valid yet", { &left, &root, 0, 0 }, { &right_early, &root, 2 * DAY, 0 },
	    "certificate-not-yet-valid", "our clock says", "the CA", NULL, "a clock is wrong", "timedatectl",
	    "clock" },
	{ "our clock is years behind", { &left, &root, -4000 * DAY, 0 }, { &right, &root, 0, 0 },
	    "certificate-not-yet-valid", NULL, NULL, NULL, "our clock is behind", "timedatectl", NULL },
	{ "our clock is years ahead", { &left, &root, 4000 * DAY, 0 }, { &right, &root, 0, 0 },
	    "certificate-expired", NULL, NULL, NULL, "our clock is ahead", "timedatectl", "nothing" },
	{ "our clock is before our files", { &left, &root, 0, 3 * DAY }, { &right_early, &root, 2 * DAY, 0 },
	    "certificate-not-yet-valid", NULL, NULL, NULL, "our clock is wrong", "timedatectl", NULL },
	{ "before our files, and theirs has expired", { &left, &root, 0, 3 * DAY },
	    { &right_expired, &root, -4 * DAY, 0 }, "certificate-expired", NULL, NULL, NULL,
	    "our clock is wrong", "timedatectl", NULL },
	{ "theirs is of another CA", { &left, &root, 0, 0 }, { &right_other, &root, 0, 0 },
	    "certificate-untrusted", NULL, "holds the private key",
	    "the CA: ", "is of \"C=DE, O=Example, CN=Other\"", "trust-anchor-file", "intermediate" },
	{ "the CA has expired", { &left, &old_root, 0, 0 }, { &right_of_old, &root, 0, 0 },
	    "certificate-expired", NULL, "the name: ", NULL, "CA certificate in trust-anchor-file",
	    "new certificate", "nothing" },
	{ "theirs is revoked", { &left, &root, 0, 0 }, { &right_revoked, &root, 0, 0 }, "certificate-revoked",
	    NULL, "the name", NULL, "revoked", "nothing", "new key and certificate" },
	{ "theirs is weak", { &left, &root, 0, 0 }, { &right_weak, &root, 0, 0 }, "certificate-weak",
	    "RSA 1024", "holds the private key", "the CA: ", "RSA 1024", "legacy", "2048" },
	{ "theirs is for mail", { &left, &root, 0, 0 }, { &right_mail, &root, 0, 0 }, "certificate-usage",
	    NULL, "holds the private key", NULL, "something else", NULL, "serverAuth" },
	{ "they don't trust ours", { &left_other, &root, 0, 0 }, { &right, &root, 0, 0 }, "ike-auth-failed",
	    "AUTHENTICATION_FAILED", NULL, "our own", "does not trust the CA of our certificate",
	    "chain-file", "add the root of \"C=DE, O=Example, CN=Other\"" },
	{ "they don't trust ours, which is new", { &left_new, &root, 0, 0 }, { &right, &root, 0, 0 },
	    "ike-auth-failed", NULL, NULL, NULL, "the peer's clock is behind", NULL, "its clock" },
};

static struct ike_net net;

static const struct ike_diagnosis *diagnosis(unsigned peer)
{
	static struct ike_diagnosis d;

	assert_int_equal(ike_conn_diagnosis(net.peer[peer].ike, IKE_NET_CONN, &d), 0);
	return &d;
}

static void start(const struct side *a, const struct side *b, const char *b_id)
{
	const struct side *sides[] = { a, b };

	ike_net_init(&net, 5, 2);
	for (unsigned i = 0; i < 2; i++) {
		struct ike_conn_config c = ike_net_config(&net, i, 1 - i, IKE_PROPOSAL, ESP_PROPOSAL);
		struct credentials *cred = credentials_of(i, sides[i]);

		c.credentials = cred;
		c.local_auth = c.remote_auth = IKE_AUTH_KIND_CERT;
		c.role = i ? IKE_ROLE_RESPOND : IKE_ROLE_INITIATE;
		if (i && b_id)
			assert_int_equal(ike_identity_parse(b_id, &c.local_id), 0);
		ike_net_add(&net, i, &c);
		credentials_unref(cred);
	}
	ike_net_up(&net, 1);
	ike_net_up(&net, 0);
}

static void test_certificates(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(certificates) / sizeof(certificates[0]); i++) {
		const struct row *r = &certificates[i];

		start(&r->a, &r->b, NULL);
		ike_net_run(&net, mdur_ms(900));
		assert_false(net.peer[0].up);
		check(r, diagnosis(0));
		ike_net_finish(&net);
	}
}

/* A peer that goes by what its certificate does not say, as a Causeway never does: its identity is set behind
 * the check. Either end notices, and says it of the other. */
static void test_wrong_name(void **state)
{
	static const struct side a = { &left, &root, 0, 0 }, b = { &right, &root, 0, 0 };
	static const struct row rows[] = {
		{ "the responder's name", { 0 }, { 0 }, "certificate-wrong-name",
		    "calls itself \"gw.example.net\"", "holds the private key",
		    "the name: ", "goes by \"gw.example.net\", which its certificate", "remote-id",
		    "names \"gw.example.net\"" },
		{ "the initiator's name", { 0 }, { 0 }, "certificate-wrong-name",
		    "calls itself \"gw.example.net\"", "the CA: ", "the name: ",
		    "goes by \"gw.example.net\", which its certificate \"C=DE, CN=left\"", "remote-id",
		    "its local identity" },
	};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		start(&a, &b, NULL);
		assert_int_equal(ike_identity_parse("@gw.example.net",
		                     &ike_conn_find(net.peer[1 - i].ike, IKE_NET_CONN)->cfg.local_id),
		    0);
		ike_net_run(&net, mdur_ms(900));
		assert_false(net.peer[0].up || net.peer[1].up);
		check(&rows[i], diagnosis(i));
		/* Who is refused hears only that, whoever began. */
		assert_string_equal(diagnosis(1 - i)->id, "ike-auth-failed");
		assert_true(among(diagnosis(1 - i)->seen, diagnosis(1 - i)->n_seen, "AUTHENTICATION_FAILED"));
		text("refused", "cause", diagnosis(1 - i)->cause, "the CA of our certificate");
		ike_net_finish(&net);
	}
}

/* The same as responder: who began is refused, and told nothing; we know. */
static void test_responder(void **state)
{
	static const struct side a = { &left_other, &root, 0, 0 }, b = { &right, &root, 0, 0 };
	static const struct row r = { "as responder", { 0 }, { 0 }, "certificate-untrusted",
		"began the exchange", "holds the private key", NULL, "CN=Other", "trust-anchor-file", NULL };

	(void)state;
	start(&a, &b, NULL);
	ike_net_run(&net, mdur_ms(900));
	text(r.name, "cause", diagnosis(1)->cause, r.cause);
	assert_string_equal(diagnosis(1)->id, r.id);
	assert_true(among(diagnosis(1)->ruled_out, diagnosis(1)->n_ruled_out, r.ruled_out));
	no_keys(r.name, diagnosis(1));
	ike_net_finish(&net);
}

/* What came up says of certificates, not of keys, what is ruled out when it goes again. */
static void test_proved(void **state)
{
	static const struct side a = { &left, &root, 0, 0 }, b = { &right, &root, 0, 0 };
	const struct ike_diagnosis *d;

	(void)state;
	start(&a, &b, NULL);
	assert_true(ike_net_run_until(&net, mdur_s(3), ike_net_both_up));
	ike_net_down(&net, 1);
	ike_net_run(&net, mdur_s(1));
	d = diagnosis(0);
	assert_string_equal(d->id, "ike-peer-deleted");
	assert_true(among(d->ruled_out, d->n_ruled_out, "our own certificate and identity"));
	assert_true(among(d->ruled_out, d->n_ruled_out, "the peer's certificate"));
	no_keys("proved", d);
	ike_net_finish(&net);
}

static int finish(void **state)
{
	(void)state;
	test_ca_free();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_wrong_name),
		cmocka_unit_test(test_responder),
		cmocka_unit_test(test_proved),
	};

	return cmocka_run_group_tests(tests, NULL, finish);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EAP as two machines that talk to each other: both methods come to the same key, and whatever goes wrong is
 * said on both sides by the same word. Between the two, packets can be looked at and changed.
 */
#include "base/crypto.h"
#include "ike/eap_alert.h"
#include "ike/eap_packet.h"
#include "ike/eap_session.h"
#include "tests/support/rng_seeded.h"
#include "tests/support/test_pki.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

struct talk {
	struct eap *client, *server;
	struct rng rng;
	uint64_t seed;
	struct eap_user known; /* at the server */
	const char *known_name;
	unsigned packets;
	/* may change a packet of either side */
	void (*tap)(bool from_server, uint8_t *data, size_t *len, unsigned n);
	enum eap_outcome client_end, server_end;
};

static struct secret secret_of(const char *text)
{
	struct secret s = { 0 };

	assert_int_equal(secret_set(&s, text, strlen(text)), 0);
	return s;
}

/* The outcome of one side, its users and work seen to. */
static enum eap_outcome settle(struct talk *t, struct eap *e, enum eap_outcome o)
{
	while (o == EAP_USER || o == EAP_WORK) {
		struct eap_user u = t->known;

		if (o == EAP_USER && !eap_name_is(t->known_name, eap_name(e)))
			u.password = NULL;
		o = o == EAP_USER ? eap_user(e, &u, &t->rng) : eap_work(e);
	}
	return o;
}

/* Until both have ended, or one has and has nothing to say. */
static void run(struct talk *t)
{
	bool to_client = true;
	size_t len;
	const uint8_t *p = eap_out(t->server, &len);

	t->client_end = t->server_end = EAP_SEND;
	for (unsigned n = 0; n < 400 && len; n++) {
		uint8_t packet[EAP_OUT_MAX + 64];
		enum eap_outcome *end = to_client ? &t->client_end : &t->server_end;
		struct eap *e = to_client ? t->client : t->server;

		memcpy(packet, p, len);
		if (t->tap)
			t->tap(to_client, packet, &len, n);
		t->packets++;
		*end = settle(t, e, eap_input(e, packet, len, &t->rng));
		p = eap_out(e, &len);
		to_client = !to_client;
	}
}

static void talk_init(struct talk *t, const struct eap_user *client)
{
	struct reason why;

	t->rng = rng_seeded(&t->seed);
	t->client = eap_client_new(client, &why);
	t->server = eap_server_new("causeway", &t->rng);
	assert_non_null(t->client);
	assert_non_null(t->server);
}

static void talk_free(struct talk *t)
{
	eap_free(t->client);
	eap_free(t->server);
}

static void expect_success(struct talk *t)
{
	if (t->client_end != EAP_SUCCESS || t->server_end != EAP_SUCCESS)
		fail_msg("client %d (%s), server %d (%s)", t->client_end, eap_why(t->client)->text,
		    t->server_end, eap_why(t->server)->text);
	assert_memory_equal(eap_msk(t->client), eap_msk(t->server), EAP_MSK_LEN);
}

static void expect_failure(struct talk *t, const char *client_id, const char *server_id)
{
	assert_int_not_equal(t->client_end, EAP_SUCCESS);
	assert_int_not_equal(t->server_end, EAP_SUCCESS);
	assert_string_equal(eap_why(t->client)->id, client_id);
	assert_string_equal(eap_why(t->server)->id, server_id);
}

static void mschap_tap(struct talk *t, const char *user, const char *identity, const char *password,
    const char *known_name, const char *known_password, void (*tap)(bool, uint8_t *, size_t *, unsigned))
{
	struct secret mine = secret_of(password), known = secret_of(known_password);
	struct eap_user u = {
		.method = EAP_METHOD_MSCHAPV2, .name = user, .identity = identity, .password = &mine
	};

	*t = (struct talk){ .seed = 7, .known_name = known_name, .tap = tap };
	t->known = (struct eap_user){ .method = EAP_METHOD_MSCHAPV2, .password = &known };
	talk_init(t, &u);
	run(t);
	secret_clear(&mine);
	secret_clear(&known);
}

static void mschap(struct talk *t, const char *user, const char *password, const char *known_name,
    const char *known_password)
{
	mschap_tap(t, user, NULL, password, known_name, known_password, NULL);
}

static void test_mschapv2(void **state)
{
	static const uint8_t zero[32] = { 0 };
	struct talk t;

	(void)state;
	mschap(&t, "branch1", "S3cret!", "branch1", "S3cret!");
	expect_success(&t);
	assert_memory_equal(eap_msk(t.client) + 32, zero, 32);
	assert_memory_not_equal(eap_msk(t.client), zero, 32);
	assert_int_equal(t.packets, 7); /* identity, challenge, success: two each; EAP-Success */
	talk_free(&t);
	/* Domains and letter case as on Windows; a password beyond ASCII. */
	mschap(&t, "CORP\\Branch1", "Gr\xc3\xbc\xc3\x9f", "branch1", "Gr\xc3\xbc\xc3\x9f");
	expect_success(&t);
	talk_free(&t);
	/* An identity that is not the name: the name decides. */
	mschap_tap(&t, "branch1", "anonymous", "S3cret!", "branch1", "S3cret!", NULL);
	expect_success(&t);
	assert_string_equal(eap_name(t.server), "branch1");
	talk_free(&t);
}

static void test_mschapv2_refused(void **state)
{
	struct talk t;

	(void)state;
	mschap(&t, "branch1", "wrong", "branch1", "S3cret!");
	expect_failure(&t, "ike-eap-password-wrong", "ike-eap-password-wrong");
	assert_int_equal(t.client_end, EAP_FAILED);
	assert_int_equal(t.server_end, EAP_FAILED);
	assert_int_equal(t.packets, 7);
	talk_free(&t);
	/* An unknown user sees the same, packet for packet. */
	mschap(&t, "nobody", "S3cret!", "branch1", "S3cret!");
	expect_failure(&t, "ike-eap-password-wrong", "ike-eap-unknown-user");
	assert_int_equal(t.packets, 7);
	talk_free(&t);
	mschap_tap(&t, "nobody", "branch1", "S3cret!", "branch1", "S3cret!", NULL);
	expect_failure(&t, "ike-eap-password-wrong", "ike-eap-unknown-user");
	talk_free(&t);
}

/* What a server may say instead of Success, in place of its third packet. */
static const char *failure_text;
static void tap_failure(bool from_server, uint8_t *data, size_t *len, unsigned n)
{
	struct wr w = wr_init(data, EAP_OUT_MAX);

	if (!from_server || n != 4)
		return;
	eap_packet_begin(&w, EAP_CODE_REQUEST, data[1], EAP_TYPE_MSCHAPV2);
	wr_u8(&w, 4);
	wr_u8(&w, 0);
	wr_u16(&w, (uint16_t)(4 + strlen(failure_text)));
	wr_bytes(&w, failure_text, strlen(failure_text));
	assert_int_equal(eap_packet_finish(&w, len), 0);
}

static void test_error_codes(void **state)
{
	static const struct {
		const char *text, *id, *says;
	} rows[] = {
		{ "E=646 R=0 V=3", "ike-eap-logon-hours", "646" },
		{ "E=647 R=0 V=3 M=no", "ike-eap-account-disabled", "647" },
		{ "E=648 R=0 C=00112233445566778899AABBCCDDEEFF V=3 M=Password expired",
		    "ike-eap-password-expired", "It says: \"Password expired\"" },
		{ "E=649 R=0 V=3", "ike-eap-no-dialin", "649" },
		{ "E=691 R=1 C=00112233445566778899AABBCCDDEEFF V=3", "ike-eap-password-wrong", "691" },
		{ "E=709 R=0", "ike-eap-refused", "709" },
		{ "", "ike-eap-refused", "error -1" },
		{ "M=E=646 \x01", "ike-eap-refused", "E=646 ?" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct talk t;

		failure_text = rows[i].text;
		mschap_tap(&t, "branch1", NULL, "S3cret!", "branch1", "S3cret!", tap_failure);
		assert_string_equal(eap_why(t.client)->id, rows[i].id);
		assert_non_null(strstr(eap_why(t.client)->text, rows[i].says));
		assert_int_equal(t.client_end, EAP_FAILED);
		assert_int_equal(t.server_end, EAP_FAILED);
		talk_free(&t);
	}
}

static void tap_proof(bool from_server, uint8_t *data, size_t *len, unsigned n)
{
	(void)len;
	if (from_server && n == 4)
		data[11] = data[11] == 'A' ? 'B' : 'A'; /* a digit of S= */
}

static void tap_early_success(bool from_server, uint8_t *data, size_t *len, unsigned n)
{
	if (from_server && n == 4) {
		data[0] = EAP_CODE_SUCCESS;
		data[2] = 0;
		data[3] = EAP_HEADER_LEN;
		*len = EAP_HEADER_LEN;
	}
}

static void tap_wrong_id(bool from_server, uint8_t *data, size_t *len, unsigned n)
{
	(void)len;
	if (!from_server && n == 3)
		data[1]++;
}

static void tap_wrong_success_id(bool from_server, uint8_t *data, size_t *len, unsigned n)
{
	(void)len;
	if (from_server && n == 6)
		data[1] = (uint8_t)(data[1] + 2);
}

static void tap_peap(bool from_server, uint8_t *data, size_t *len, unsigned n)
{
	(void)len;
	if (from_server && n == 2)
		data[4] = EAP_TYPE_PEAP;
}

/* A Nak that names PEAP and EAP-TLS, in the identity's place. */
static void tap_nak(bool from_server, uint8_t *data, size_t *len, unsigned n)
{
	static const uint8_t nak[] = { EAP_TYPE_NAK, EAP_TYPE_PEAP, EAP_TYPE_TLS };

	if (from_server || n != 3)
		return;
	memcpy(&data[4], nak, sizeof(nak));
	data[2] = 0;
	data[3] = 4 + sizeof(nak);
	*len = data[3];
}

static void tap_notification(bool from_server, uint8_t *data, size_t *len, unsigned n)
{
	if (!from_server || n != 2)
		return;
	data[4] = EAP_TYPE_NOTIFICATION;
	(void)len;
}

static void test_hostile_server(void **state)
{
	static const struct {
		void (*tap)(bool, uint8_t *, size_t *, unsigned);
		const char *client, *server;
	} rows[] = {
		{ tap_proof, "ike-eap-server-unproven", "" },
		{ tap_early_success, "ike-eap-early-success", "" },
		{ tap_wrong_id, "ike-eap-refused", "ike-eap-malformed" },
		{ tap_peap, "ike-eap-method", "ike-eap-method" },
		{ tap_nak, "ike-eap-refused", "ike-eap-method" },
		{ tap_wrong_success_id, "ike-eap-malformed", "" },
		{ tap_notification, "ike-eap-refused", "ike-eap-malformed" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct talk t;

		mschap_tap(&t, "branch1", NULL, "S3cret!", "branch1", "S3cret!", rows[i].tap);
		assert_int_equal(t.client_end, EAP_FAILED);
		assert_string_equal(eap_why(t.client)->id, rows[i].client);
		assert_string_equal(eap_why(t.server)->id, rows[i].server);
		if (rows[i].tap == tap_nak)
			assert_non_null(
			    strstr(eap_why(t.server)->text, "it wants PEAP (25) or EAP-TLS (13)."));
		if (rows[i].tap == tap_peap)
			assert_non_null(strstr(eap_why(t.client)->text,
			    "asks for PEAP (25), but local-auth here is EAP-MSCHAPv2 (26)"));
		talk_free(&t);
	}
}

/* Each alert once, and one that is none of them is not nothing. */
static void test_alerts(void **state)
{
	(void)state;
	for (unsigned n = 1; n < 256; n++) {
		const struct eap_alert *a = eap_alert(n);

		assert_true(
		    (!a->number || a->number == n) && a->name[0] && a->means[0] && a->here[0] && a->there[0]);
	}
	assert_string_equal(eap_alert(48)->name, "unknown_ca");
	assert_string_equal(eap_alert(45)->name, "certificate_expired");
	assert_int_equal(eap_alert(99)->number, 0);
}

/* Every packet of a good conversation, cut short at each length: never a success, and memory stays whole. */
static unsigned cut_n;
static size_t cut_to;
static void tap_cut(bool from_server, uint8_t *data, size_t *len, unsigned n)
{
	(void)from_server;
	if (n != cut_n)
		return;
	*len = *len > cut_to ? cut_to : *len;
	if (*len >= EAP_HEADER_LEN && cut_to % 2) {
		data[2] = 0;
		data[3] = (uint8_t)*len;
	}
}

static void test_cut(void **state)
{
	(void)state;
	for (cut_n = 0; cut_n < 7; cut_n++)
		for (cut_to = 1; cut_to < 60; cut_to++) {
			struct talk t;

			mschap_tap(&t, "branch1", NULL, "S3cret!", "branch1", "S3cret!", tap_cut);
			if (t.client_end == EAP_SUCCESS)
				expect_success(
				    &t); /* what was cut off was not needed: the server's message */
			talk_free(&t);
		}
}

/* --- EAP-TLS --- */

static bool only_12;

struct tls_case {
	const struct test_pki_leaf *client, *server;
	const char *client_trusts, *server_trusts;
	int64_t later;
	const char *client_id, *server_id; /* NULL: success */
};

/* policy: the client's, on revocation */
static void run_tls_by(struct talk *t, const struct tls_case *c, enum credentials_revocation policy)
{
	struct credentials *mine, *theirs = test_pki_credentials(c->server, c->server_trusts);
	struct eap_user u = { .method = EAP_METHOD_TLS, .name = "branch1", .only_12 = only_12 };

	test_pki_policy = policy;
	u.credentials = mine = test_pki_credentials(c->client, c->client_trusts);
	test_pki_policy = CREDENTIALS_OFF;
	assert_non_null(mine);
	assert_non_null(theirs);
	test_pki_later = c->later;
	*t = (struct talk){ .seed = 9, .known_name = "branch1" };
	t->known = (struct eap_user){ .method = EAP_METHOD_TLS, .credentials = theirs };
	talk_init(t, &u);
	run(t);
	test_pki_later = 0;
	credentials_unref(mine);
	credentials_unref(theirs);
}

static void run_tls(struct talk *t, const struct tls_case *c)
{
	run_tls_by(t, c, CREDENTIALS_OFF);
}

static void test_tls(void **state)
{
	struct test_pki *pki = *state;
	struct tls_case c = { &pki->leaf[0], &pki->leaf[1], pki->root, pki->root, 0, NULL, NULL };
	struct talk t;

	for (unsigned i = 0; i < 2; i++) {
		only_12 = i;
		run_tls(&t, &c);
		expect_success(&t);
		assert_true(eap_certified(t.server, "BRANCH1.example.net"));
		assert_true(eap_certified(t.client, "hq.example.net"));
		assert_false(eap_certified(t.server, "hq.example.net"));
		assert_true(t.packets > 11); /* both chains take more than one fragment */
		talk_free(&t);
	}
	only_12 = false;
}

static void test_tls_refused(void **state)
{
	struct test_pki *pki = *state;
	const int64_t later = 400 * INT64_C(86400);
	const struct tls_case rows[] = {
		{ &pki->leaf[0], &pki->leaf[1], pki->other_root, pki->root, 0,
		    "ike-eap-certificate-untrusted", "ike-eap-tls-refused" },
		{ &pki->leaf[0], &pki->leaf[1], pki->root, pki->other_root, 0, "ike-eap-tls-refused",
		    "ike-eap-certificate-untrusted" },
		{ &pki->leaf[0], &pki->leaf[1], pki->root, pki->root, later, "ike-eap-certificate-expired",
		    "ike-eap-tls-refused" },
	};

	for (unsigned i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		const struct tls_case *row = &rows[i / 2];
		struct talk t;

		only_12 = i % 2;
		run_tls(&t, row);
		expect_failure(&t, row->client_id, row->server_id);
		assert_int_equal(t.client_end, EAP_FAILED);
		assert_int_equal(t.server_end, EAP_FAILED);
		talk_free(&t);
	}
	only_12 = false;
}

/* A client that learns of the server's revocation, or can't, when TLS is done already: no answer of it may
 * look like a yes, or the server would take it for authenticated. */
static void test_tls_late_refusal(void **state)
{
	struct test_pki *pki = *state;
	const struct tls_case c = { &pki->leaf[0], &pki->leaf[1], pki->root, pki->root, 0, NULL, NULL };

	for (unsigned i = 0; i < 2; i++) {
		struct talk t;

		only_12 = i;
		run_tls_by(&t, &c, CREDENTIALS_STRICT);
		expect_failure(&t, "ike-eap-certificate-untrusted", "");
		assert_int_equal(t.client_end, EAP_FAILED);
		talk_free(&t);
	}
	only_12 = false;
}

/* A client that announces more than we take, goes on for ever, or starts amid. */
static void test_tls_bounds(void **state)
{
	struct test_pki *pki = *state;
	static const struct {
		uint8_t data[16];
		size_t len;
	} rows[] = {
		{ { 0xc0, 0x00, 0x10, 0x00, 0x01, 'x' }, 6 }, /* 1 MiB and one */
		{ { 0xc0, 0x00, 0x00, 0x00, 0x02, 'x', 'y', 'z' }, 8 },
		{ { 0x80, 0x00, 0x00, 0x00, 0x09, 'x' }, 6 },
		{ { 0x80, 0x00, 0x00 }, 3 },
		{ { 0x20 }, 1 },
		{ { 0x40 }, 1 },
		{ { 0 }, 0 },
	};
	struct credentials *config = test_pki_credentials(&pki->leaf[1], pki->root);
	struct eap_user known = { .method = EAP_METHOD_TLS, .credentials = config };

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t seed = 3;
		struct rng rng = rng_seeded(&seed);
		struct eap *e = eap_server_new("causeway", &rng);
		uint8_t packet[64];
		size_t len;
		struct wr w = wr_init(packet, sizeof(packet));

		eap_packet_begin(&w, EAP_CODE_RESPONSE, eap_out(e, &len)[1], EAP_TYPE_IDENTITY);
		wr_bytes(&w, "me", 2);
		eap_packet_finish(&w, &len);
		assert_int_equal(eap_input(e, packet, len, &rng), EAP_USER);
		assert_int_equal(eap_user(e, &known, &rng), EAP_SEND);
		w = wr_init(packet, sizeof(packet));
		eap_packet_begin(&w, EAP_CODE_RESPONSE, eap_out(e, &len)[1], EAP_TYPE_TLS);
		wr_bytes(&w, rows[i].data, rows[i].len);
		eap_packet_finish(&w, &len);
		assert_int_equal(eap_input(e, packet, len, &rng), EAP_FAILED);
		assert_string_equal(eap_why(e)->id, "ike-eap-malformed");
		eap_free(e);
	}
	credentials_unref(config);
}

static void test_names(void **state)
{
	(void)state;
	assert_true(eap_name_is("branch1", "BRANCH1"));
	assert_true(eap_name_is("branch1", "CORP\\branch1"));
	assert_true(eap_name_is("corp\\branch1", "CORP\\branch1"));
	assert_false(eap_name_is("corp\\branch1", "OTHER\\branch1"));
	assert_false(eap_name_is("corp\\branch1", "branch1"));
	assert_false(eap_name_is("branch1", "branch12"));
	assert_false(eap_name_is("branch1", "branch1@corp"));
}

static void test_endless(void **state)
{
	struct secret password = secret_of("x");
	struct eap_user u = { .method = EAP_METHOD_MSCHAPV2, .name = "me", .password = &password };
	struct eap *e = eap_client_new(&u, NULL);
	uint8_t packet[] = { EAP_CODE_REQUEST, 1, 0, 5, EAP_TYPE_NOTIFICATION };
	uint64_t seed = 1;
	struct rng rng = rng_seeded(&seed);

	(void)state;
	for (unsigned i = 0; i < EAP_ROUNDS_MAX; i++, packet[1]++)
		assert_int_equal(eap_input(e, packet, sizeof(packet), &rng), EAP_SEND);
	assert_int_equal(eap_input(e, packet, sizeof(packet), &rng), EAP_FAILED);
	assert_int_equal(eap_input(e, packet, sizeof(packet), &rng), EAP_FAILED);
	eap_free(e);
	secret_clear(&password);
}

static int setup(void **state)
{
	*state = test_pki_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	test_pki_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mschapv2),
		cmocka_unit_test(test_mschapv2_refused),
		cmocka_unit_test(test_error_codes),
		cmocka_unit_test(test_hostile_server),
		cmocka_unit_test(test_alerts),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_tls_refused),
		cmocka_unit_test(test_tls_late_refusal),
		cmocka_unit_test(test_tls_bounds),
	};

	if (crypto_init())
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our side of EAP-TLS against a bare one of the library's: which suites of TLS 1.2 are spoken, and when those
 * who can tell are asked whether the other's certificate was revoked: not before it has proved to hold the
 * key.
 */
#include "base/crypto.h"
#include "base/tls.h"
#include "tests/support/test_ca.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define DAY TEST_CA_DAY

static const struct test_spec root = { .subject = "CN=Root", .ca = true, .key = TEST_KEY_P256 };
static const struct test_spec ours = {
	.subject = "CN=ours", .key = TEST_KEY_P256, .slot = 1, .by = &root, .serial = 8
};
static const struct test_spec ours_rsa = {
	.subject = "CN=ours", .key = TEST_KEY_RSA, .slot = 1, .by = &root, .serial = 8
};
static const struct test_spec theirs = { .subject = "CN=theirs",
	.key = TEST_KEY_P256,
	.slot = 2,
	.by = &root,
	.serial = 9,
	.ocsp_url = "http://ocsp.example.net/" };

/* --- who can tell --- */

enum tells { TELLS_NOTHING, TELLS_GOOD, TELLS_REVOKED };
static struct {
	enum tells tells;
	unsigned asked;
} server;

static int64_t wall(void *ctx)
{
	(void)ctx;
	return TEST_CA_NOW;
}

static mtime steady(void *ctx)
{
	(void)ctx;
	return (mtime){ 0 };
}

static int fetch(void *ctx, const struct credentials_query *q, uint8_t **ret_data, size_t *ret_len)
{
	(void)ctx;
	server.asked++;
	if (server.tells == TELLS_NOTHING)
		return -1;
	*ret_data = test_ca_ocsp(q->body, q->body_len, &root, server.tells == TELLS_REVOKED, DAY, ret_len);
	return 0;
}

static struct credentials *credentials_of(
    const struct test_spec *leaf, bool legacy, enum credentials_revocation policy, char *crl)
{
	static const struct credentials_world world = { .wall = wall, .steady = steady, .fetch = fetch };
	const struct test_spec *anchor = &root;
	char *chain = test_ca_chain(&leaf, 1), *key = test_ca_key(leaf, NULL),
	     *ca = test_ca_chain(&anchor, 1);
	struct credentials_source s = { .chain = { "chain", chain, strlen(chain) },
		.key = { "key", key, strlen(key) },
		.anchors = { "anchors", ca, strlen(ca) },
		.crl = { { "crl", crl, crl ? strlen(crl) : 0 } },
		.n_crl = crl != NULL,
		.revocation = policy,
		.legacy = legacy,
		.world = &world };
	struct credentials *c = credentials_new(&s, NULL);

	assert_non_null(c);
	free(chain);
	free(key);
	free(ca);
	return c;
}

/* --- the other side --- */

struct raw {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out;
};

static BIO *text_bio(char *text)
{
	BIO *b = BIO_new(BIO_s_mem());

	assert_int_equal(BIO_puts(b, text), (int)strlen(text));
	free(text);
	return b;
}

static void raw_identity(SSL_CTX *ctx, const struct test_spec *leaf)
{
	BIO *chain = text_bio(test_ca_chain(&leaf, 1)), *key = text_bio(test_ca_key(leaf, NULL));
	X509 *x = PEM_read_bio_X509(chain, NULL, NULL, NULL);
	EVP_PKEY *k = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);

	assert_int_equal(SSL_CTX_use_certificate(ctx, x), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, k), 1);
	X509_free(x);
	EVP_PKEY_free(k);
	BIO_free(chain);
	BIO_free(key);
}

/* suites: of TLS 1.2, which is all it speaks then; NULL: TLS 1.3. */
static struct raw raw_new(bool is_server, const struct test_spec *leaf, const char *suites)
{
	struct raw r = { .ctx = SSL_CTX_new(TLS_method()) };
	int version = suites ? TLS1_2_VERSION : TLS1_3_VERSION;

	SSL_CTX_set_min_proto_version(r.ctx, version);
	SSL_CTX_set_max_proto_version(r.ctx, version);
	SSL_CTX_set_security_level(r.ctx, 0);
	if (suites)
		assert_int_equal(SSL_CTX_set_cipher_list(r.ctx, suites), 1);
	raw_identity(r.ctx, leaf);
	r.ssl = SSL_new(r.ctx);
	r.in = BIO_new(BIO_s_mem());
	r.out = BIO_new(BIO_s_mem());
	SSL_set_bio(r.ssl, r.in, r.out);
	if (is_server)
		SSL_set_accept_state(r.ssl);
	else
		SSL_set_connect_state(r.ssl);
	return r;
}

static void raw_free(struct raw *r)
{
	SSL_free(r->ssl);
	SSL_CTX_free(r->ctx);
	ERR_clear_error();
}

/* Spoils the signature of a CertificateVerify (TLS 1.2: in clear): its owner has not got the key. */
static void spoil_proof(uint8_t *data, size_t len)
{
	for (size_t at = 0; at + 6 < len; at += 5 + ((size_t)data[at + 3] << 8 | data[at + 4])) {
		size_t record = (size_t)data[at + 3] << 8 | data[at + 4];

		if (data[at] == 22 && data[at + 5] == 15 && at + 5 + record <= len)
			data[at + 5 + record - 1] ^= 1;
	}
}

static size_t last_words; /* octets that ours had ready when it broke off */

/* Until neither has anything to say. */
static enum tls_state talk(struct tls *t, struct raw *r, bool is_server, bool spoil)
{
	enum tls_state state = is_server ? TLS_ON_THE_WAY : tls_step(t, NULL, 0);
	uint8_t data[16384];
	bool said = false, broken = false;

	last_words = 0;

	for (unsigned i = 0; i < 20; i++) {
		size_t n;
		int rc;

		while ((n = tls_take(t, data, sizeof(data))) > 0)
			assert_int_equal(BIO_write(r->in, data, (int)n), (int)n);
		rc = SSL_do_handshake(r->ssl);
		if (rc == 1 && !is_server && !said && SSL_version(r->ssl) == TLS1_3_VERSION)
			said = SSL_write(r->ssl, "", 1) == 1; /* RFC 9190 2.5: content */
		rc = BIO_read(r->out, data, sizeof(data));
		if (rc <= 0)
			break;
		if (spoil)
			spoil_proof(data, (size_t)rc);
		state = tls_step(t, data, (size_t)rc);
		if (state == TLS_BROKEN && !broken)
			last_words = tls_pending(t);
		broken = state == TLS_BROKEN;
	}
	while ((size_t)BIO_ctrl_pending(r->in) && SSL_read(r->ssl, data, sizeof(data)) > 0)
		;
	return state;
}

/* --- suites --- */

static void test_suites(void **state)
{
	static const struct {
		const char *suite;
		const struct test_spec *leaf; /* the server's */
		bool legacy, good;
	} rows[] = {
		{ "ECDHE-ECDSA-AES128-GCM-SHA256", &ours, false, true },
		{ "ECDHE-ECDSA-AES256-GCM-SHA384", &ours, false, true },
		{ "ECDHE-RSA-AES256-GCM-SHA384", &ours_rsa, false, true },
		{ "ECDHE-RSA-CHACHA20-POLY1305", &ours_rsa, false, true },
		{ "ECDHE-RSA-AES256-SHA384", &ours_rsa, false, false },
		{ "ECDHE-RSA-AES256-SHA384", &ours_rsa, true, true },
		{ "ECDHE-ECDSA-AES128-SHA", &ours, false, false },
		{ "ECDHE-ECDSA-AES128-SHA", &ours, true, true },
		{ "AES128-GCM-SHA256", &ours_rsa, false, false },
		{ "AES128-GCM-SHA256", &ours_rsa, true, true },
		{ "DHE-RSA-AES256-GCM-SHA384", &ours_rsa, false, false },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		const bool is_server = i % 2;
		struct credentials *c = credentials_of(
		    is_server ? rows[i / 2].leaf : &ours, rows[i / 2].legacy, CREDENTIALS_OFF, NULL);
		/* The bare one as a server has the key that the suite is for. */
		struct raw r = raw_new(!is_server, is_server ? &theirs : rows[i / 2].leaf, rows[i / 2].suite);
		struct tls *t = tls_new(c, is_server, false);
		enum tls_state end = talk(t, &r, is_server, false);

		if ((end == TLS_ESTABLISHED) != rows[i / 2].good)
			fail_msg("%s, %s: %d", rows[i / 2].suite, is_server ? "server" : "client", end);
		tls_free(t);
		raw_free(&r);
		credentials_unref(c);
	}
}

/* --- revocation --- */

static int heard; /* the reason of the library's last error at the other side */

static struct tls *meet(bool is_server, bool v13, bool spoil, enum credentials_revocation policy, char *crl,
    enum tls_state *ret_end)
{
	struct credentials *c = credentials_of(&ours, false, policy, crl);
	struct raw r = raw_new(!is_server, &theirs, v13 ? NULL : "ECDHE-ECDSA-AES128-GCM-SHA256");
	struct tls *t = tls_new(c, is_server, false);

	if (!is_server)
		SSL_set_verify(r.ssl, SSL_VERIFY_NONE, NULL);
	server.asked = 0;
	*ret_end = talk(t, &r, is_server, spoil);
	heard = ERR_GET_REASON(ERR_peek_last_error());
	raw_free(&r);
	credentials_unref(c);
	return t;
}

static void test_revocation(void **state)
{
	static const struct {
		enum tells tells;
		enum credentials_revocation policy;
		enum tls_state end;
		bool warns;
		const char *says;
	} rows[] = {
		{ TELLS_GOOD, CREDENTIALS_STRICT, TLS_ESTABLISHED, false, NULL },
		{ TELLS_REVOKED, CREDENTIALS_RELAXED, TLS_BROKEN, false, "has been revoked" },
		{ TELLS_NOTHING, CREDENTIALS_RELAXED, TLS_ESTABLISHED, true, NULL },
		{ TELLS_NOTHING, CREDENTIALS_STRICT, TLS_BROKEN, false, "is not known" },
	};

	(void)state;
	for (size_t i = 0; i < 4 * sizeof(rows) / sizeof(rows[0]); i++) {
		size_t row = i / 4;
		const char *text;
		enum tls_state end;
		struct tls *t;

		server.tells = rows[row].tells;
		t = meet(i & 1, i & 2, false, rows[row].policy, NULL, &end);
		tls_why(t, &text);
		if (end != rows[row].end || server.asked != 1 ||
		    reason_is_set(tls_warning(t)) != rows[row].warns ||
		    (rows[row].says && !strstr(text, rows[row].says)))
			fail_msg("row %zu, server %zu, 1.3 %zu: %d, asked %u, %s", row, i & 1, i & 2, end,
			    server.asked, text);
		/* Nothing that the other could take for a yes. */
		assert_int_equal(last_words, 0);
		tls_free(t);
	}
}

/* A certificate alone, without its key, makes us ask nobody. */
static void test_proof_first(void **state)
{
	enum tls_state end;
	const char *text;
	struct tls *t;

	(void)state;
	server.tells = TELLS_GOOD;
	t = meet(true, false, true, CREDENTIALS_STRICT, NULL, &end);
	assert_int_equal(end, TLS_BROKEN);
	assert_int_equal(tls_why(t, &text), TLS_FAULT_PROTOCOL);
	assert_int_equal(server.asked, 0);
	tls_free(t);
}

/* What our own lists tell needs no asking: it is refused in the handshake, by an alert. */
static void test_own_list(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		char *crl = test_ca_crl(&root, &theirs, DAY);
		enum tls_state end;
		const char *text;
		struct tls *t = meet(i & 1, i & 2, false, CREDENTIALS_RELAXED, crl, &end);

		assert_int_equal(end, TLS_BROKEN);
		assert_int_equal(tls_why(t, &text), TLS_FAULT_UNTRUSTED);
		assert_non_null(strstr(text, "has been revoked"));
		assert_int_equal(server.asked, 0);
		assert_int_equal(heard, SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED);
		tls_free(t);
		free(crl);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suites),
		cmocka_unit_test(test_revocation),
		cmocka_unit_test(test_proof_first),
		cmocka_unit_test(test_own_list),
	};
	int rc;

	if (crypto_init())
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	test_ca_free();
	return rc;
}

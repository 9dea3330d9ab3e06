/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS handshake on two memory BIOs. What EAP-TLS adds to plain TLS is small and here too: in TLS 1.3 the
 * server says by one octet of application data that it is content (RFC 9190 2.5), and the client is not done
 * before it has read that; the key comes from the exporter, under a label for each version (RFC 5216 2.3, RFC
 * 9190 2.3).
 */
#include "base/tls.h"

#include "base/secret.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CHAIN_MAX    16 /* certificates of our chain */
#define ANCHORS_MAX  64
#define UPN_OID      "1.3.6.1.4.1.311.20.2.3"
#define EAP_TLS_TYPE 13

static const char label_12[] = "client EAP encryption";
static const char label_13[] = "EXPORTER_EAP_TLS_Key_Material";

struct tls_config {
	unsigned refs; /* by __atomic functions: handshakes end on other threads */
	SSL_CTX *ctx;
};

struct tls {
	SSL *ssl;
	BIO *in, *out; /* owned by ssl */
	bool server;
	enum tls_state state;
	enum tls_fault fault;
	char why[200];
	char names[TLS_NAMES_MAX][TLS_NAME_MAX];
	unsigned n_names;
};

/* --- configuration --- */

/* The next certificate of a PEM text; NULL at its end or when there is none. */
static X509 *next_certificate(BIO *b)
{
	X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);

	ERR_clear_error();
	return x;
}

static int use_chain(SSL_CTX *ctx, const struct tls_material *m)
{
	BIO *b = BIO_new_mem_buf(m->chain, (int)m->chain_len);
	X509 *x = b ? next_certificate(b) : NULL;
	int rc = x && SSL_CTX_use_certificate(ctx, x) == 1 ? 0 : -1;

	for (unsigned i = 0; !rc && i < CHAIN_MAX; i++) {
		X509_free(x);
		x = next_certificate(b);
		if (!x)
			break;
		if (SSL_CTX_add1_chain_cert(ctx, x) != 1)
			rc = -1;
	}
	X509_free(x);
	BIO_free(b);
	return rc;
}

/* No pass phrase is ever asked for. */
static int no_phrase(char *buf, int size, int rwflag, void *u)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)u;
	return -1;
}

static int use_key(SSL_CTX *ctx, const struct tls_material *m)
{
	BIO *b = BIO_new_mem_buf(m->key, (int)m->key_len);
	EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, no_phrase, NULL) : NULL;
	int rc = key && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1 ? 0 : -1;

	EVP_PKEY_free(key);
	BIO_free(b);
	return rc;
}

static int use_anchors(SSL_CTX *ctx, const struct tls_material *m)
{
	BIO *b = BIO_new_mem_buf(m->anchors, (int)m->anchors_len);
	unsigned n = 0;
	int rc = b ? 0 : -1;

	for (; !rc && n < ANCHORS_MAX; n++) {
		X509 *x = next_certificate(b);

		if (!x)
			break;
		if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), x) != 1 ||
		    SSL_CTX_add_client_CA(ctx, x) != 1)
			rc = -1;
		X509_free(x);
	}
	BIO_free(b);
	return n ? rc : -1;
}

static void harden(SSL_CTX *ctx)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

struct tls_config *tls_config_new(const struct tls_material *m, struct reason *ret_reason)
{
	struct tls_config *c = calloc(1, sizeof(*c));
	const char *what = NULL;

	ERR_clear_error();
	if (c)
		c->ctx = SSL_CTX_new(TLS_method());
	if (!c || !c->ctx) {
		free(c);
		reason_set(ret_reason, "tls-memory", "out of memory while certificates were loaded");
		return NULL;
	}
	c->refs = 1;
	harden(c->ctx);
	if (m->only_12)
		SSL_CTX_set_max_proto_version(c->ctx, TLS1_2_VERSION);
	if (use_chain(c->ctx, m))
		what = "the certificate chain has no readable certificate first";
	else if (use_key(c->ctx, m))
		what =
		    "the private key can't be read without a pass phrase, or is not that of the certificate";
	else if (use_anchors(c->ctx, m))
		what = "the trust anchors have no readable certificate";
	ERR_clear_error();
	if (!what)
		return c;
	reason_set(ret_reason, "tls-certificate", "%s", what);
	tls_config_unref(c);
	return NULL;
}

struct tls_config *tls_config_ref(struct tls_config *c)
{
	__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

void tls_config_unref(struct tls_config *c)
{
	if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
		return;
	SSL_CTX_free(c->ctx);
	free(c);
}

/* --- one handshake --- */

struct tls *tls_new(struct tls_config *c, bool server, int64_t unix_now)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->server = server;
	t->ssl = SSL_new(c->ctx);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (!t->ssl || !t->in || !t->out) {
		SSL_free(t->ssl);
		BIO_free(t->in);
		BIO_free(t->out);
		free(t);
		ERR_clear_error();
		return NULL;
	}
	SSL_set_bio(t->ssl, t->in, t->out);
	if (unix_now)
		X509_VERIFY_PARAM_set_time(SSL_get0_param(t->ssl), (time_t)unix_now);
	if (server)
		SSL_set_accept_state(t->ssl);
	else
		SSL_set_connect_state(t->ssl);
	return t;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl); /* and the BIOs */
	cleanse(t, sizeof(*t));
	free(t);
}

static void add_name(struct tls *t, const char *text, size_t len)
{
	if (!len || len >= TLS_NAME_MAX || memchr(text, '\0', len) || t->n_names == TLS_NAMES_MAX)
		return;
	memcpy(t->names[t->n_names++], text, len);
}

static void add_asn1(struct tls *t, const ASN1_STRING *s)
{
	unsigned char *utf8 = NULL;
	int len = s ? ASN1_STRING_to_UTF8(&utf8, s) : -1;

	if (len > 0)
		add_name(t, (const char *)utf8, (size_t)len);
	OPENSSL_free(utf8);
}

static bool is_upn(const ASN1_OBJECT *oid)
{
	char text[64];

	return OBJ_obj2txt(text, sizeof(text), oid, 1) > 0 && !strcmp(text, UPN_OID);
}

/* What the peer's certificate calls it. */
static void collect_names(struct tls *t)
{
	X509 *x = SSL_get0_peer_certificate(t->ssl);
	GENERAL_NAMES *alt = x ? X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL) : NULL;
	X509_NAME *subject = x ? X509_get_subject_name(x) : NULL;
	int at = subject ? X509_NAME_get_index_by_NID(subject, NID_commonName, -1) : -1;

	if (at >= 0)
		add_asn1(t, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	for (int i = 0; alt && i < sk_GENERAL_NAME_num(alt); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(alt, i);

		if (g->type == GEN_DNS || g->type == GEN_EMAIL)
			add_asn1(t, g->d.ia5);
		else if (g->type == GEN_OTHERNAME && is_upn(g->d.otherName->type_id) &&
		         g->d.otherName->value->type == V_ASN1_UTF8STRING)
			add_asn1(t, g->d.otherName->value->value.utf8string);
	}
	GENERAL_NAMES_free(alt);
}

static void put_why(struct tls *t, enum tls_fault fault, const char *text)
{
	t->fault = fault;
	strncpy(t->why, text, sizeof(t->why) - 1);
}

/* What OpenSSL has to say, as something to act on. */
static enum tls_state broken(struct tls *t)
{
	long verify = SSL_get_verify_result(t->ssl);
	unsigned long e = ERR_peek_last_error();
	const char *text = ERR_reason_error_string(e);

	t->state = TLS_BROKEN;
	if (verify == X509_V_ERR_CERT_HAS_EXPIRED || verify == X509_V_ERR_CERT_NOT_YET_VALID)
		put_why(t, TLS_FAULT_EXPIRED, X509_verify_cert_error_string(verify));
	else if (verify != X509_V_OK)
		put_why(t, TLS_FAULT_UNTRUSTED, X509_verify_cert_error_string(verify));
	else if (ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) >= SSL_AD_REASON_OFFSET && text)
		put_why(t, TLS_FAULT_REFUSED, text);
	else
		put_why(t, TLS_FAULT_PROTOCOL, text ? text : "it ends too early");
	ERR_clear_error();
	return TLS_BROKEN;
}

static bool wants_more(const struct tls *t, int rc)
{
	int e = SSL_get_error(t->ssl, rc);

	return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE;
}

/* The handshake is done; in TLS 1.3 the client's part is not yet (RFC 9190 2.5). */
static enum tls_state settle(struct tls *t)
{
	static const uint8_t content = 0;
	uint8_t got;
	int rc;

	if (!t->n_names)
		collect_names(t);
	if (t->server) {
		if (tls_is_13(t) && SSL_write(t->ssl, &content, 1) != 1)
			return broken(t);
		return TLS_ESTABLISHED;
	}
	if (!tls_is_13(t))
		return TLS_ESTABLISHED;
	rc = SSL_read(t->ssl, &got, 1);
	if (rc == 1 && got == content)
		return TLS_ESTABLISHED;
	return rc <= 0 && wants_more(t, rc) ? TLS_ON_THE_WAY : broken(t);
}

enum tls_state tls_step(struct tls *t, const uint8_t *in, size_t len)
{
	int rc;

	if (t->state != TLS_ON_THE_WAY)
		return t->state;
	ERR_clear_error();
	if (len && BIO_write(t->in, in, (int)len) != (int)len)
		return broken(t);
	rc = SSL_do_handshake(t->ssl);
	if (rc == 1)
		t->state = settle(t);
	else if (!wants_more(t, rc))
		t->state = broken(t);
	ERR_clear_error();
	return t->state;
}

size_t tls_pending(const struct tls *t)
{
	return BIO_ctrl_pending(t->out);
}

size_t tls_take(struct tls *t, uint8_t *out, size_t cap)
{
	int n = BIO_read(t->out, out, (int)cap);

	return n > 0 ? (size_t)n : 0;
}

bool tls_is_13(const struct tls *t)
{
	return SSL_version(t->ssl) == TLS1_3_VERSION;
}

int tls_eap_key(struct tls *t, uint8_t *ret_key, size_t len)
{
	static const uint8_t type = EAP_TLS_TYPE;
	bool v13 = tls_is_13(t);
	const char *label = v13 ? label_13 : label_12;
	/* The key is the first half of what is exported; in TLS 1.3 the length is part of the derivation. */
	uint8_t both[128];
	int rc;

	if (t->state != TLS_ESTABLISHED || len > sizeof(both) / 2)
		return -1;
	rc = SSL_export_keying_material(
	    t->ssl, both, sizeof(both), label, strlen(label), &type, v13 ? 1 : 0, v13);
	if (rc == 1)
		memcpy(ret_key, both, len);
	cleanse(both, sizeof(both));
	ERR_clear_error();
	return rc == 1 ? 0 : -1;
}

enum tls_fault tls_why(const struct tls *t, const char **ret_text)
{
	*ret_text = t->why;
	return t->fault;
}

const char *tls_peer_name(const struct tls *t, unsigned i)
{
	return i < t->n_names ? t->names[i] : NULL;
}

bool tls_peer_is(const struct tls *t, const char *name)
{
	for (unsigned i = 0; i < t->n_names; i++)
		if (!strcasecmp(t->names[i], name))
			return true;
	return false;
}

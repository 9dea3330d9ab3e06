/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS handshake on two memory BIOs. What EAP-TLS adds to plain TLS is small and here too: in TLS 1.3 the
 * server says by one octet of application data that it is content (RFC 9190 2.5), and the client is not done
 * before it has read that; the key comes from the exporter, under a label for each version (RFC 5216 2.3, RFC
 * 9190 2.3).
 */
#include "base/tls.h"

#include "base/cert_internal.h"
#include "base/secret.h"
#include "base/sign_internal.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ANCHORS_NAMED_MAX 32 /* of more anchors, a server names none: any will do */
#define UPN_OID           "1.3.6.1.4.1.311.20.2.3"
#define EAP_TLS_TYPE      13

static const char label_12[] = "client EAP encryption";
static const char label_13[] = "EXPORTER_EAP_TLS_Key_Material";

/* Of TLS 1.2 what TLS 1.3 has, too: an ephemeral key on a curve, and AEAD. */
static const char suites_12[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

struct tls {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out; /* owned by ssl */
	bool server;
	enum tls_state state;
	enum tls_fault fault;
	unsigned alert; /* of the other side */
	struct reason why, warning;
	int64_t valid_for;
	struct credentials *credentials;
	struct cert_verdict verdict; /* of the other's chain, until it is asked for that: n 0 */
	char names[TLS_NAMES_MAX][TLS_NAME_MAX];
	unsigned n_names;
};

/* --- whom we are, and whom we trust --- */

static int use_chain(SSL_CTX *ctx, const struct credentials *c)
{
	unsigned n;
	struct cert *const *chain = credentials_chain(c, &n);
	const struct sig_key *key = credentials_key(c);

	if (!n || !key || SSL_CTX_use_certificate(ctx, chain[0]->x) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, key->pkey) != 1)
		return -1;
	for (unsigned i = 1; i < n; i++)
		if (SSL_CTX_add1_chain_cert(ctx, chain[i]->x) != 1)
			return -1;
	return 0;
}

/* A server says whose certificates it wants; verify() below judges them. */
static int use_anchors(SSL_CTX *ctx, const struct credentials *c, bool server)
{
	unsigned n;
	struct cert *const *anchors = credentials_anchors(c, &n);

	if (!n)
		return -1;
	for (unsigned i = 0; server && n <= ANCHORS_NAMED_MAX && i < n; i++)
		if (SSL_CTX_add_client_CA(ctx, anchors[i]->x) != 1)
			return -1;
	return 0;
}

/* The other's chain, as credentials judge it in IKE, too. 0 or -1 with a reason. Nobody is asked whether it
 * was revoked: this is anybody's copy of it, until the handshake is done. */
static int judge(struct tls *t, struct cert *const list[], unsigned n)
{
	cert_verdict_clear(&t->verdict);
	if (credentials_verify(t->credentials, list, n, &t->verdict, &t->why))
		return -1;
	return credentials_check_crls(t->credentials, &t->verdict, &t->why);
}

static unsigned take_list(X509 *leaf, STACK_OF(X509) * rest, struct cert *list[CERT_CHAIN_MAX])
{
	unsigned n = 0;

	if (X509_up_ref(leaf) && (list[0] = cert_wrap(leaf)))
		n = 1;
	for (int i = 0; n && i < sk_X509_num(rest) && n < CERT_CHAIN_MAX; i++) {
		X509 *x = sk_X509_value(rest, i);

		if (x != leaf && X509_up_ref(x) && (list[n] = cert_wrap(x)))
			n++;
	}
	return n;
}

static int alert_for(const struct reason *why)
{
	if (!strcmp(why->id, "certificate-expired") || !strcmp(why->id, "certificate-not-yet-valid"))
		return X509_V_ERR_CERT_HAS_EXPIRED;
	if (!strcmp(why->id, "certificate-revoked"))
		return X509_V_ERR_CERT_REVOKED;
	return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
}

static int verify(X509_STORE_CTX *x, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(x, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls *t = SSL_get_app_data(ssl);
	X509 *leaf = X509_STORE_CTX_get0_cert(x);
	struct cert *list[CERT_CHAIN_MAX];
	unsigned n = take_list(leaf, X509_STORE_CTX_get0_untrusted(x), list);
	int rc = n ? judge(t, list, n) : -1;

	(void)arg;
	/* RFC 5216 5.3: a server's certificate must be for a server where it says what it is for. */
	if (!rc &&
	    X509_check_purpose(leaf, t->server ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER, 0) != 1)
		rc = reason_set(&t->why, "certificate-usage",
		    "its extended key usage is not for TLS %s: it needs %s",
		    t->server ? "clients" : "servers", t->server ? "clientAuth" : "serverAuth");
	cert_unref_all(list, n);
	X509_STORE_CTX_set_error(x, rc ? alert_for(&t->why) : X509_V_OK);
	return !rc;
}

static void harden(SSL_CTX *ctx, bool only_12)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	if (only_12)
		SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	/* Nothing is ever renegotiated here, so a server that doesn't know RFC 5746 (strongSwan's) may be
	 * one. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
	                             SSL_OP_LEGACY_SERVER_CONNECT);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verify, NULL);
}

/* --- one handshake --- */

static int prepare(struct tls *t, const struct credentials *c, bool only_12)
{
	t->ctx = SSL_CTX_new(TLS_method());
	if (!t->ctx)
		return -1;
	if (credentials_legacy(c))
		SSL_CTX_set_security_level(t->ctx, 0);
	else if (SSL_CTX_set_cipher_list(t->ctx, suites_12) != 1)
		return -1;
	harden(t->ctx, only_12);
	if (use_chain(t->ctx, c) || use_anchors(t->ctx, c, t->server))
		return -1;
	t->ssl = SSL_new(t->ctx);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (!t->ssl || !t->in || !t->out) {
		BIO_free(t->in);
		BIO_free(t->out);
		return -1;
	}
	SSL_set_bio(t->ssl, t->in, t->out);
	SSL_set_app_data(t->ssl, t);
	if (t->server)
		SSL_set_accept_state(t->ssl);
	else
		SSL_set_connect_state(t->ssl);
	return 0;
}

struct tls *tls_new(const struct credentials *c, bool server, bool only_12)
{
	struct tls *t = calloc(1, sizeof(*t));
	int rc = -1;

	if (t) {
		t->server = server;
		t->credentials = credentials_ref(c);
		rc = prepare(t, c, only_12);
	}
	ERR_clear_error();
	if (!rc)
		return t;
	tls_free(t);
	return NULL;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl); /* and the BIOs */
	SSL_CTX_free(t->ctx);
	cert_verdict_clear(&t->verdict);
	credentials_unref(t->credentials);
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

/* What went wrong, as something to act on; verify() has said its part. */
static enum tls_state broken(struct tls *t)
{
	unsigned long e = ERR_peek_last_error();
	const char *text = ERR_reason_error_string(e);

	t->state = TLS_BROKEN;
	if (reason_is_set(&t->why)) {
		t->fault = alert_for(&t->why) == X509_V_ERR_CERT_HAS_EXPIRED ? TLS_FAULT_EXPIRED
		                                                             : TLS_FAULT_UNTRUSTED;
	} else {
		t->fault = ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) >= SSL_AD_REASON_OFFSET &&
		                   ERR_GET_REASON(e) < SSL_AD_REASON_OFFSET + 256 && text
		               ? TLS_FAULT_REFUSED
		               : TLS_FAULT_PROTOCOL;
		if (t->fault == TLS_FAULT_REFUSED)
			t->alert = (unsigned)(ERR_GET_REASON(e) - SSL_AD_REASON_OFFSET);
		reason_set(&t->why, "tls-failed", "%s", text ? text : "it ends too early");
	}
	ERR_clear_error();
	return TLS_BROKEN;
}

static bool wants_more(const struct tls *t, int rc)
{
	int e = SSL_get_error(t->ssl, rc);

	return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE;
}

/*
 * The other side has proved that it holds the key of its certificate. Only now those who can tell are asked
 * whether that was revoked. If it was, what the library has ready to send would say that all is well: it is
 * dropped, and there is no way left to make an alert.
 */
static int check_revocation(struct tls *t)
{
	int rc = t->verdict.n
	             ? credentials_verify_revocation(t->credentials, &t->verdict, &t->why, &t->warning)
	             : 0;

	if (t->verdict.n)
		t->valid_for = credentials_valid_for(t->credentials, &t->verdict);
	cert_verdict_clear(&t->verdict);
	if (rc)
		(void)BIO_reset(t->out);
	return rc;
}

/* The handshake is done; in TLS 1.3 the client's part is not yet (RFC 9190 2.5). */
static enum tls_state settle(struct tls *t)
{
	static const uint8_t content = 0;
	uint8_t got;
	int rc;

	if (check_revocation(t))
		return broken(t);
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
	*ret_text = t->why.text;
	return t->fault;
}

unsigned tls_alert(const struct tls *t)
{
	return t->alert;
}

const struct reason *tls_warning(const struct tls *t)
{
	return &t->warning;
}

int64_t tls_valid_for(const struct tls *t)
{
	return t->valid_for;
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

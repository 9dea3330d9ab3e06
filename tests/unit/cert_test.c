/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates: a table of chains, good and bad in one way each; names; distinguished names; credentials and
 * what is refused when they are loaded.
 */
#include "tests/support/test_ca.h"

#include "base/crypto.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define DAY TEST_CA_DAY

static const struct test_spec root = {
	.subject = "C=DE, O=Example, CN=Root", .ca = true, .key = TEST_KEY_P256
};
static const struct test_spec other_root = {
	.subject = "C=DE, O=Example, CN=Other", .ca = true, .key = TEST_KEY_P256, .slot = 1
};
/* The name of the root, but another key. */
static const struct test_spec false_root = {
	.subject = "C=DE, O=Example, CN=Root", .ca = true, .key = TEST_KEY_P256, .slot = 1
};
static const struct test_spec inter = {
	.subject = "C=DE, O=Example, CN=Issuing", .ca = true, .key = TEST_KEY_RSA, .by = &root
};
static const struct test_spec short_inter = {
	.subject = "C=DE, O=Example, CN=Short", .ca = true, .path_len = 1, .key = TEST_KEY_RSA, .by = &root
};
static const struct test_spec below_short = { .subject = "C=DE, O=Example, CN=Below",
	.ca = true,
	.key = TEST_KEY_P256,
	.slot = 2,
	.by = &short_inter };
static const struct test_spec no_ca = {
	.subject = "C=DE, O=Example, CN=No CA", .key = TEST_KEY_RSA, .slot = 1, .by = &root
};
static const struct test_spec constrained = { .subject = "C=DE, O=Example, CN=Constrained",
	.ca = true,
	.key = TEST_KEY_P384,
	.by = &root,
	.nc = "permitted;DNS:example.net" };
static const struct test_spec expired_inter = { .subject = "C=DE, O=Example, CN=Old",
	.ca = true,
	.key = TEST_KEY_P384,
	.by = &root,
	.not_before = -20 * DAY,
	.not_after = -10 * DAY };

#define LEAF .subject = "C=DE, O=Example, CN=gw.example.net", .key = TEST_KEY_P256, .slot = 3
static const struct test_spec leaf = { LEAF, .by = &inter, .san = "DNS:gw.example.net", .serial = 42 };
static const struct test_spec expired = { LEAF, .by = &inter, .not_before = -20 * DAY, .not_after = -1 };
static const struct test_spec future = { LEAF, .by = &inter, .not_before = 1, .not_after = 20 * DAY };
static const struct test_spec direct = { LEAF, .by = &root };
static const struct test_spec by_false = { LEAF, .by = &false_root };
static const struct test_spec by_other = { LEAF, .by = &other_root };
static const struct test_spec too_deep = { LEAF, .by = &below_short };
static const struct test_spec by_no_ca = { LEAF, .by = &no_ca };
static const struct test_spec in_name = { LEAF, .by = &constrained, .san = "DNS:gw.example.net" };
static const struct test_spec out_of_name = { LEAF, .by = &constrained, .san = "DNS:gw.example.org" };
static const struct test_spec by_expired = { LEAF, .by = &expired_inter };
static const struct test_spec eku_server = { LEAF, .by = &root, .eku = "serverAuth" };
static const struct test_spec eku_client = { LEAF, .by = &root, .eku = "clientAuth,codeSigning" };
static const struct test_spec eku_ike = { LEAF, .by = &root, .eku = "1.3.6.1.5.5.8.2.2" };
static const struct test_spec eku_ipsec = { LEAF, .by = &root, .eku = "1.3.6.1.5.5.7.3.17" };
static const struct test_spec eku_any = { LEAF, .by = &root, .eku = "anyExtendedKeyUsage" };
static const struct test_spec eku_mail = { LEAF, .by = &root, .eku = "emailProtection" };
static const struct test_spec ku_sign = { LEAF, .by = &root, .ku = "digitalSignature" };
static const struct test_spec ku_crypt = { LEAF, .by = &root, .ku = "keyEncipherment" };
static const struct test_spec weak_key = { .subject = "CN=weak", .key = TEST_KEY_RSA_1024, .by = &root };
static const struct test_spec weak_hash = { LEAF, .by = &inter, .md = "SHA1" };
static const struct test_spec lone = { .subject = "CN=lone", .key = TEST_KEY_ED25519 };

static const struct chain_case {
	const char *name;
	const struct test_spec *chain[4], *anchors[3];
	unsigned depth; /* certificates of the chain that is found */
	bool legacy;
	const char *reason; /* NULL: good */
	const char *mentions;
} chain_cases[] = {
	{ "direct", { &direct }, { &root }, 2, false, NULL, NULL },
	{ "with its intermediate", { &leaf, &inter }, { &root }, 3, false, NULL, NULL },
	{ "the root sent too", { &leaf, &inter, &root }, { &root }, 3, false, NULL, NULL },
	{ "others in between", { &leaf, &other_root, &inter }, { &other_root, &root }, 3, false, NULL, NULL },
	{ "the intermediate is an anchor", { &leaf }, { &inter }, 2, false, NULL, NULL },
	{ "the peer's own is an anchor", { &lone }, { &lone }, 1, false, NULL, NULL },
	{ "expired", { &expired, &inter }, { &root }, 0, false, "certificate-expired", "CN=gw.example.net" },
	{ "not yet valid", { &future, &inter }, { &root }, 0, false, "certificate-not-yet-valid",
	    "2025-06-15" },
	{ "an expired CA", { &by_expired, &expired_inter }, { &root }, 0, false, "certificate-expired",
	    "CN=Old" },
	{ "another CA", { &by_other }, { &root }, 0, false, "certificate-untrusted", "CN=Other" },
	{ "self-signed, unknown", { &lone }, { &root }, 0, false, "certificate-untrusted", "CN=lone" },
	{ "the root's name, another key", { &by_false }, { &root }, 0, false, "certificate-untrusted",
	    "CN=Root" },
	{ "no intermediate", { &leaf }, { &root }, 0, false, "certificate-untrusted", "CN=Issuing" },
	{ "no anchors", { &direct }, { 0 }, 0, false, "certificate-untrusted", "trust-anchor-file" },
	{ "path length", { &too_deep, &below_short, &short_inter }, { &root }, 0, false,
	    "certificate-invalid", "path length" },
	{ "not a CA", { &by_no_ca, &no_ca }, { &root }, 0, false, "certificate-invalid", "CN=No CA" },
	{ "within name constraints", { &in_name, &constrained }, { &root }, 3, false, NULL, NULL },
	{ "outside name constraints", { &out_of_name, &constrained }, { &root }, 0, false,
	    "certificate-invalid", "permitted subtree" },
	{ "EKU serverAuth", { &eku_server }, { &root }, 2, false, NULL, NULL },
	{ "EKU clientAuth", { &eku_client }, { &root }, 2, false, NULL, NULL },
	{ "EKU ikeIntermediate", { &eku_ike }, { &root }, 2, false, NULL, NULL },
	{ "EKU ipsecIKE", { &eku_ipsec }, { &root }, 2, false, NULL, NULL },
	{ "EKU any", { &eku_any }, { &root }, 2, false, NULL, NULL },
	{ "EKU for mail", { &eku_mail }, { &root }, 0, false, "certificate-usage", "extended key usage" },
	{ "KU digitalSignature", { &ku_sign }, { &root }, 2, false, NULL, NULL },
	{ "KU keyEncipherment", { &ku_crypt }, { &root }, 0, false, "certificate-usage", "digitalSignature" },
	{ "RSA 1024", { &weak_key }, { &root }, 0, false, "certificate-weak", "2048" },
	{ "RSA 1024, legacy", { &weak_key }, { &root }, 2, true, NULL, NULL },
	{ "SHA-1", { &weak_hash, &inter }, { &root }, 0, false, "certificate-weak", "SHA-1" },
	{ "SHA-1, legacy", { &weak_hash, &inter }, { &root }, 3, true, NULL, NULL },
};

static unsigned count(const struct test_spec *const list[], unsigned max)
{
	unsigned n = 0;

	while (n < max && list[n])
		n++;
	return n;
}

static unsigned certs_of(const struct test_spec *const specs[], unsigned n, struct cert *list[])
{
	char *pem = test_ca_chain(specs, n);
	struct reason why = { 0 };
	unsigned got = 0;

	if (n && cert_read_pem(pem, strlen(pem), "test", n + 1, list, &got, &why))
		fail_msg("%s", why.text);
	free(pem);
	assert_int_equal(got, n);
	return n;
}

static void test_chains(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(chain_cases) / sizeof(chain_cases[0]); i++) {
		const struct chain_case *t = &chain_cases[i];
		struct cert *chain[5], *anchors[5];
		unsigned n = certs_of(t->chain, count(t->chain, 4), chain);
		unsigned n_anchors = certs_of(t->anchors, count(t->anchors, 3), anchors);
		struct cert_store *s = cert_store_new(anchors, n_anchors, t->legacy);
		struct cert_verdict v = { 0 };
		struct reason why = { 0 };
		int rc = cert_store_verify(s, chain, n, TEST_CA_NOW, false, &v, &why);

		if (rc != (t->reason ? -1 : 0) ||
		    (t->reason && (strcmp(why.id, t->reason) || !strstr(why.text, t->mentions))) ||
		    v.n != t->depth)
			fail_msg("%s: %d, %u certificates, %s: %s", t->name, rc, v.n, why.id, why.text);
		cert_verdict_clear(&v);
		cert_store_free(s);
		cert_unref_all(chain, n);
		cert_unref_all(anchors, n_anchors);
	}
}

static void test_time(void **state)
{
	static const struct {
		int64_t t;
		const char *text;
	} cases[] = { { 0, "1970-01-01 00:00:00 UTC" }, { 951782399, "2000-02-28 23:59:59 UTC" },
		{ 951782400, "2000-02-29 00:00:00 UTC" }, { 1750000000, "2025-06-15 15:06:40 UTC" },
		{ -1, "1969-12-31 23:59:59 UTC" }, { 4107542400, "2100-03-01 00:00:00 UTC" },
		{ INT64_MIN, "an unknown time" } };
	char buf[40];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(cert_time_str(cases[i].t, buf, sizeof(buf)), cases[i].text);
}

static void test_info(void **state)
{
	const struct test_spec *list[] = { &leaf };
	struct cert *c[2], *again;
	struct cert_info info;
	const uint8_t *der;
	size_t len;

	(void)state;
	certs_of(list, 1, c);
	assert_int_equal(cert_info(c[0], &info), 0);
	assert_string_equal(info.subject, "C=DE, O=Example, CN=gw.example.net");
	assert_string_equal(info.issuer, "C=DE, O=Example, CN=Issuing");
	assert_string_equal(info.serial, "2a");
	assert_string_equal(info.key, "ECDSA P-256");
	assert_int_equal(strlen(info.sha256), 64);
	assert_true(info.not_before == TEST_CA_NOW - 183 * DAY && info.not_after == TEST_CA_NOW + 183 * DAY);
	der = cert_der(c[0], &len);
	again = cert_parse(der, len);
	assert_non_null(again);
	cert_unref(again);
	/* Cut anywhere it is none; neither with something behind it. */
	for (size_t i = 0; i < len; i++)
		assert_null(cert_parse(der, i));
	uint8_t *longer = calloc(1, len + 1);
	memcpy(longer, der, len);
	assert_null(cert_parse(longer, len + 1));
	free(longer);
	cert_unref(c[0]);
}

static const struct name_case {
	const char *san, *subject;
	enum cert_name kind;
	const char *name; /* DN in text; addresses in bytes below */
	size_t len;       /* 0: strlen */
	bool has;
} name_cases[] = {
	{ "DNS:gw.example.net", "CN=x", CERT_NAME_DNS, "gw.example.net", 0, true },
	{ "DNS:gw.example.net", "CN=x", CERT_NAME_DNS, "GW.Example.NET", 0, true },
	{ "DNS:gw.example.net", "CN=x", CERT_NAME_DNS, "gw.example.ne", 0, false },
	{ "DNS:*.example.net", "CN=x", CERT_NAME_DNS, "gw.example.net", 0, false },
	{ "DNS:gw.example.net", "CN=other.example.net", CERT_NAME_DNS, "other.example.net", 0, false },
	{ NULL, "CN=gw.example.net", CERT_NAME_DNS, "gw.example.net", 0, true },
	{ NULL, "CN=gw.example.net", CERT_NAME_DNS, "gw.example.net\0.evil.org", 23, false },
	{ "DNS:gw.example.net", "CN=x", CERT_NAME_DNS, ".example.net", 0, false },
	{ "email:vpn@example.net", "CN=x", CERT_NAME_EMAIL, "vpn@example.net", 0, true },
	{ "email:vpn@example.net", "CN=x", CERT_NAME_EMAIL, "vpn@example.org", 0, false },
	{ NULL, "CN=x, emailAddress=vpn@example.net", CERT_NAME_EMAIL, "vpn@example.net", 0, true },
	{ "IP:192.0.2.1", "CN=x", CERT_NAME_IP, "\xc0\x00\x02\x01", 4, true },
	{ "IP:192.0.2.1", "CN=x", CERT_NAME_IP, "\xc0\x00\x02\x02", 4, false },
	{ "IP:192.0.2.1", "CN=x", CERT_NAME_IP, "\xc0\x00\x02", 3, false },
	{ "IP:2001:db8::1", "CN=x", CERT_NAME_IP, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16, true },
	{ NULL, "CN=192.0.2.1", CERT_NAME_IP, "\xc0\x00\x02\x01", 4, true },
	{ NULL, "CN=192.0.2.1^.evil.org", CERT_NAME_IP, "\xc0\x00\x02\x01", 4, false },
	{ "DNS:x", "CN=192.0.2.1", CERT_NAME_IP, "\xc0\x00\x02\x01", 4, false },
	{ NULL, "C=DE, O=Example, CN=gw", CERT_NAME_DN, "C=DE, O=Example, CN=gw", 0, true },
	{ NULL, "C=DE, O=Example, CN=gw", CERT_NAME_DN, "c=de,o=example,  cn=GW", 0, true },
	{ NULL, "C=DE, O=Example, CN=gw", CERT_NAME_DN, "CN=gw, O=Example, C=DE", 0, false },
	{ NULL, "C=DE, O=Example, CN=gw", CERT_NAME_DN, "C=DE, O=Example", 0, false },
};

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(name_cases) / sizeof(name_cases[0]); i++) {
		const struct name_case *t = &name_cases[i];
		struct test_spec spec = { .subject = t->subject, .key = TEST_KEY_P256, .san = t->san };
		const struct test_spec *list[] = { &spec };
		uint8_t der[300];
		const uint8_t *name = (const uint8_t *)t->name;
		size_t len = t->len ? t->len : strlen(t->name);
		struct cert *c[2];

		certs_of(list, 1, c);
		if (t->kind == CERT_NAME_DN) {
			assert_int_equal(cert_dn_parse(t->name, der, sizeof(der), &len), 0);
			name = der;
		}
		if (cert_has_name(c[0], t->kind, name, len) != t->has)
			fail_msg("%zu: \"%s\" in \"%s\", %s", i, t->name, t->subject, t->san ? t->san : "");
		cert_unref(c[0]);
	}
}

static void test_dn(void **state)
{
	static const struct {
		const char *text, *printed; /* NULL: refused */
	} cases[] = {
		{ "C=DE, O=Example, CN=gw", "C=DE, O=Example, CN=gw" },
		{ "/C=DE/O=Example/CN=gw", "C=DE, O=Example, CN=gw" }, { "cn=gw", "CN=gw" },
		{ "O=Example\\, Inc., CN=gw", "O=Example\\, Inc., CN=gw" },
		{ "DC=net, DC=example, E=a@example.net", "DC=net, DC=example, E=a@example.net" },
		{ "C=DE, O=M\xc3\xbcller", "C=DE, O=M\xc3\xbcller" },
		{ "O=a\xc2\x9bHb\x1b[H\xc2\xa0z", "O=a?Hb?[H\xc2\xa0z" }, { "gw.example.net", NULL },
		{ "XYZ=1", NULL }, { "CN=", NULL }, { "CN", NULL }, { "", NULL },
		{ "C=Germany", NULL }, /* two letters */
	};
	uint8_t der[300];
	char buf[300];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cert_dn_parse(cases[i].text, der, sizeof(der), &len) != (cases[i].printed ? 0 : -1))
			fail_msg("\"%s\"", cases[i].text);
		if (!cases[i].printed)
			continue;
		assert_string_equal(cert_dn_str(der, len, buf, sizeof(buf)), cases[i].printed);
		assert_true(cert_dn_eq(der, len, der, len));
		assert_int_equal(cert_dn_parse(cases[i].text, der, len - 1, &len), -1);
	}
	assert_string_equal(cert_dn_str((const uint8_t *)"xx", 2, buf, sizeof(buf)), "?");
	assert_false(cert_dn_eq((const uint8_t *)"xx", 2, (const uint8_t *)"xx", 2));
	assert_int_equal(cert_dn_parse("C=DE, O=Example, CN=gw", der, sizeof(der), &len), 0);
	assert_string_equal(cert_dn_str(der, len, buf, 8), "C=DE, O"); /* cut to fit */
}

/* --- credentials --- */

struct files {
	const struct test_spec *chain[4], *key, *anchors[2], *crl_of, *revoked;
	int64_t crl_until;
	const char *pass;
	enum credentials_revocation policy;
	const char *garbage; /* in place of: chain, key, anchors, crl */
};

static struct credentials *load(const struct files *f, struct reason *why)
{
	char *text[4] = { f->chain[0] ? test_ca_chain(f->chain, count(f->chain, 4)) : NULL,
		f->key ? test_ca_key(f->key, f->pass) : NULL,
		f->anchors[0] ? test_ca_chain(f->anchors, count(f->anchors, 2)) : NULL,
		f->crl_of ? test_ca_crl(f->crl_of, f->revoked, f->crl_until) : NULL };
	static const char *const names[] = { "chain", "key", "anchors", "crl" };
	struct credentials_file file[4];
	struct credentials_source s = { .revocation = f->policy, .world = &test_ca_world };
	struct credentials *c;

	for (unsigned i = 0; i < 4; i++) {
		if (f->garbage && !strcmp(f->garbage, names[i])) {
			free(text[i]);
			text[i] = strdup("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
		}
		file[i] = (struct credentials_file){ names[i], text[i], text[i] ? strlen(text[i]) : 0 };
	}
	s.chain = file[0];
	s.key = file[1];
	s.anchors = file[2];
	s.crl[0] = file[3];
	s.n_crl = text[3] != NULL;
	c = credentials_new(&s, why);
	for (unsigned i = 0; i < 4; i++)
		free(text[i]);
	return c;
}

static void test_credentials(void **state)
{
	static const struct {
		const char *name;
		struct files files;
		const char *reason, *mentions;
	} cases[] = {
		{ "good", { .chain = { &leaf, &inter }, .key = &leaf, .anchors = { &root } }, NULL, NULL },
		{ "anchors only", { .anchors = { &root } }, NULL, NULL },
		{ "another key", { .chain = { &leaf, &inter }, .key = &root }, "certificate-key-mismatch",
		    "CN=gw.example.net" },
		{ "wrong order", { .chain = { &inter, &leaf }, .key = &leaf }, "certificate-key-mismatch",
		    "certificate 2" },
		{ "a gap", { .chain = { &leaf, &root }, .key = &leaf }, "certificate-chain-order",
		    "CN=Issuing" },
		{ "no key", { .chain = { &leaf } }, "certificate-incomplete", "key-file" },
		{ "passphrase", { .chain = { &leaf }, .key = &leaf, .pass = "x1234" },
		    "certificate-key-encrypted", "openssl pkey" },
		{ "weak", { .chain = { &weak_key }, .key = &weak_key }, "certificate-weak", "1024" },
		{ "no chain in it", { .chain = { &leaf }, .key = &leaf, .garbage = "chain" },
		    "certificate-unreadable", "certificate 1" },
		{ "no key in it", { .chain = { &leaf }, .key = &leaf, .garbage = "key" },
		    "certificate-key-unreadable", "key" },
		{ "no anchor in it", { .anchors = { &root }, .garbage = "anchors" }, "certificate-unreadable",
		    "anchors" },
		{ "a CRL without end",
		    { .anchors = { &root }, .crl_of = &root, .crl_until = TEST_CA_ENDLESS },
		    "certificate-crl-unfit", "next update" },
		{ "no CRL in it", { .anchors = { &root }, .crl_of = &root, .garbage = "crl" },
		    "certificate-crl-unreadable", "crl" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reason why = { 0 };
		struct credentials *c = load(&cases[i].files, &why);

		if ((c != NULL) != !cases[i].reason ||
		    (cases[i].reason &&
		        (strcmp(why.id, cases[i].reason) || !strstr(why.text, cases[i].mentions))))
			fail_msg("%s: %s: %s", cases[i].name, why.id, why.text);
		credentials_unref(c);
	}
}

static void test_revocation(void **state)
{
	static const struct {
		const char *name;
		const struct test_spec *crl_of, *revoked;
		int64_t until;
		enum credentials_revocation policy;
		const char *reason, *warning;
	} cases[] = {
		{ "no CRL, relaxed", NULL, NULL, 0, CREDENTIALS_RELAXED, NULL,
		    "certificate-revocation-unknown" },
		{ "no CRL, strict", NULL, NULL, 0, CREDENTIALS_STRICT, "certificate-revocation-unknown",
		    NULL },
		{ "no CRL, off", NULL, NULL, 0, CREDENTIALS_OFF, NULL, NULL },
		{ "good, strict", &root, NULL, DAY, CREDENTIALS_STRICT, NULL, NULL },
		{ "revoked, relaxed", &root, &direct, DAY, CREDENTIALS_RELAXED, "certificate-revoked", NULL },
		{ "revoked, off", &root, &direct, DAY, CREDENTIALS_OFF, NULL, NULL },
		{ "old CRL, relaxed", &root, NULL, -DAY, CREDENTIALS_RELAXED, NULL,
		    "certificate-revocation-unknown" },
		{ "old CRL, strict", &root, NULL, -DAY, CREDENTIALS_STRICT, "certificate-revocation-unknown",
		    NULL },
		{ "revoked in an old CRL", &root, &direct, -DAY, CREDENTIALS_RELAXED, "certificate-revoked",
		    NULL },
		{ "a CRL of another", &false_root, &direct, DAY, CREDENTIALS_RELAXED, NULL, NULL },
	};
	const struct test_spec *list[] = { &direct };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct files f = { .anchors = { &root },
			.crl_of = cases[i].crl_of,
			.revoked = cases[i].revoked,
			.crl_until = cases[i].until,
			.policy = cases[i].policy };
		struct reason why = { 0 }, warning = { 0 };
		struct credentials *c = load(&f, &why);
		struct cert_verdict v = { 0 };
		struct cert *chain[2];
		int rc;

		assert_non_null(c);
		certs_of(list, 1, chain);
		assert_int_equal(credentials_verify(c, chain, 1, &v, &why), 0);
		rc = credentials_verify_revocation(c, &v, &why, &warning);
		if (cases[i].crl_of ==
		    &false_root) /* its signature is wrong: it says nothing, whatever it says */
			assert_true(strcmp(why.id, "certificate-revoked") != 0);
		else if (rc != (cases[i].reason ? -1 : 0) ||
		         strcmp(why.id, cases[i].reason ? cases[i].reason : "") ||
		         strcmp(warning.id, cases[i].warning ? cases[i].warning : ""))
			fail_msg("%s: %d, %s, warning %s", cases[i].name, rc, why.id, warning.id);
		cert_verdict_clear(&v);
		cert_unref(chain[0]);
		credentials_unref(c);
	}
}

/* --- servers that a certificate names --- */

static const struct test_spec asks = { LEAF, .by = &root, .serial = 9, .ocsp_url = "http://ocsp.example.net/",
	.crl_url = "http://crl.example.net/root.crl" };
static const struct test_spec appointed = {
	.subject = "CN=Responder", .key = TEST_KEY_P256, .slot = 4, .by = &root, .eku = "OCSPSigning"
};
static const struct test_spec appointed_weak = {
	.subject = "CN=Weak responder", .key = TEST_KEY_RSA_1024, .by = &root, .eku = "OCSPSigning"
};
static const struct test_spec appointed_by_sha1 = { .subject = "CN=Old responder",
	.key = TEST_KEY_P256,
	.slot = 4,
	.by = &root,
	.eku = "OCSPSigning",
	.md = "SHA1" };
static const struct test_spec pretender = {
	.subject = "CN=Pretender", .key = TEST_KEY_P256, .slot = 4, .by = &root, .eku = "serverAuth"
};

struct servers {
	const struct test_spec *ocsp_by; /* NULL: does not answer */
	bool ocsp_revoked;
	int64_t ocsp_until;
	const struct test_spec *crl_by, *crl_revoked;
	int64_t crl_until; /* 0: a day */
	int64_t later;     /* than TEST_CA_NOW */
	int64_t made;      /* when, after thisUpdate */
	const char *md;    /* by which they sign; NULL: sha256 */
	bool legacy;
	unsigned asked, kept;
};

static int fetch(void *ctx, const struct credentials_query *q, uint8_t **ret_data, size_t *ret_len)
{
	struct servers *s = ctx;

	s->asked++;
	test_ca_said_md = s->md;
	test_ca_made_later = s->made;
	if (q->type) {
		assert_string_equal(q->url, asks.ocsp_url);
		assert_string_equal(q->type, "application/ocsp-request");
		if (!s->ocsp_by)
			return -1;
		*ret_data =
		    test_ca_ocsp(q->body, q->body_len, s->ocsp_by, s->ocsp_revoked, s->ocsp_until, ret_len);
		return 0;
	}
	assert_string_equal(q->url, asks.crl_url);
	if (!s->crl_by)
		return -1;
	*ret_data = (uint8_t *)test_ca_crl(s->crl_by, s->crl_revoked, s->crl_until ? s->crl_until : DAY);
	*ret_len = strlen((char *)*ret_data);
	return 0;
}

static void keep(void *ctx, const struct credentials_query *q, const uint8_t *data, size_t len, int64_t until)
{
	struct servers *s = ctx;

	(void)q;
	assert_non_null(data);
	assert_true(len && until > TEST_CA_NOW + s->later - 600 && until <= TEST_CA_NOW + s->later + DAY);
	s->kept++;
}

static mtime steady_of_servers(void *ctx)
{
	(void)ctx;
	return (mtime){ 0 };
}

static int64_t wall_of_servers(void *ctx)
{
	return TEST_CA_NOW + ((const struct servers *)ctx)->later;
}

static void test_servers(void **state)
{
	static const struct {
		const char *name;
		struct servers s;
		enum credentials_revocation policy;
		const char *reason;
		unsigned asked, kept;
	} cases[] = {
		{ "the CA says good", { .ocsp_by = &root, .ocsp_until = DAY }, CREDENTIALS_STRICT, NULL, 1,
		    1 },
		{ "the CA says revoked", { .ocsp_by = &root, .ocsp_revoked = true, .ocsp_until = DAY },
		    CREDENTIALS_RELAXED, "certificate-revoked", 1, 1 },
		{ "one it appointed", { .ocsp_by = &appointed, .ocsp_until = DAY }, CREDENTIALS_STRICT, NULL,
		    1, 1 },
		{ "one it didn't", { .ocsp_by = &pretender, .ocsp_until = DAY }, CREDENTIALS_STRICT,
		    "certificate-revocation-unknown", 2, 0 },
		{ "another CA", { .ocsp_by = &other_root, .ocsp_until = DAY }, CREDENTIALS_STRICT,
		    "certificate-revocation-unknown", 2, 0 },
		{ "an old answer", { .ocsp_by = &root, .ocsp_until = -3600 }, CREDENTIALS_STRICT,
		    "certificate-revocation-unknown", 2, 0 },
		{ "an answer without end", { .ocsp_by = &root }, CREDENTIALS_STRICT, NULL, 1, 1 },
		{ "an old one without end", { .ocsp_by = &root, .later = DAY }, CREDENTIALS_STRICT,
		    "certificate-revocation-unknown", 2, 0 },
		{ "good for ten years", { .ocsp_by = &root, .ocsp_until = 3650 * (int64_t)DAY },
		    CREDENTIALS_STRICT, NULL, 1, 1 }, /* kept for a day: `keep` looks */
		{ "an answer of tomorrow",
		    { .ocsp_by = &root, .ocsp_until = DAY, .later = -2 * DAY, .made = -3 * DAY },
		    CREDENTIALS_STRICT, "certificate-revocation-unknown", 2, 0 },
		{ "made tomorrow", { .ocsp_by = &root, .ocsp_until = 9 * DAY, .made = 2 * DAY },
		    CREDENTIALS_STRICT, "certificate-revocation-unknown", 2, 0 },
		{ "it ends before it begins", { .ocsp_by = &root, .ocsp_until = -DAY - 60, .later = -DAY },
		    CREDENTIALS_STRICT, "certificate-revocation-unknown", 2, 0 },
		{ "by SHA-1", { .ocsp_by = &root, .ocsp_until = DAY, .md = "SHA1" }, CREDENTIALS_STRICT,
		    "certificate-revocation-unknown", 2, 0 },
		{ "by SHA-1, legacy", { .ocsp_by = &root, .ocsp_until = DAY, .md = "SHA1", .legacy = true },
		    CREDENTIALS_STRICT, NULL, 1, 1 },
		{ "appointed by SHA-1", { .ocsp_by = &appointed_by_sha1, .ocsp_until = DAY },
		    CREDENTIALS_STRICT, "certificate-revocation-unknown", 2, 0 },
		{ "appointed with RSA 1024", { .ocsp_by = &appointed_weak, .ocsp_until = DAY },
		    CREDENTIALS_STRICT, "certificate-revocation-unknown", 2, 0 },
		{ "the same, legacy", { .ocsp_by = &appointed_weak, .ocsp_until = DAY, .legacy = true },
		    CREDENTIALS_STRICT, NULL, 1, 1 },
		{ "a list by SHA-1", { .crl_by = &root, .md = "SHA1" }, CREDENTIALS_STRICT,
		    "certificate-revocation-unknown", 2, 0 },
		{ "a list by SHA-1, legacy", { .crl_by = &root, .md = "SHA1", .legacy = true },
		    CREDENTIALS_STRICT, NULL, 2, 1 },
		{ "a list without end", { .crl_by = &root, .crl_until = TEST_CA_ENDLESS }, CREDENTIALS_STRICT,
		    "certificate-revocation-unknown", 2, 0 },
		{ "a list by who has only the name", { .crl_by = &false_root }, CREDENTIALS_STRICT,
		    "certificate-revocation-unknown", 2, 0 },
		{ "the same, relaxed", { .crl_by = &false_root }, CREDENTIALS_RELAXED, NULL, 2, 0 },
		{ "a list of another CA", { .crl_by = &other_root }, CREDENTIALS_RELAXED, NULL, 2, 0 },
		{ "no OCSP, a list", { .crl_by = &root }, CREDENTIALS_STRICT, NULL, 2, 1 },
		{ "no OCSP, in a list", { .crl_by = &root, .crl_revoked = &asks }, CREDENTIALS_RELAXED,
		    "certificate-revoked", 2, 1 },
		{ "nobody answers, relaxed", { 0 }, CREDENTIALS_RELAXED, NULL, 2, 0 },
		{ "nobody asks", { 0 }, CREDENTIALS_OFF, NULL, 0, 0 },
	};
	const struct test_spec *list[] = { &asks }, *anchors[] = { &root };
	char *pem = test_ca_chain(anchors, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct servers s = cases[i].s;
		struct credentials_world w = { .wall = wall_of_servers,
			.steady = steady_of_servers,
			.fetch = fetch,
			.keep = keep,
			.ctx = &s };
		struct credentials_source source = { .anchors = { "anchors", pem, strlen(pem) },
			.revocation = cases[i].policy,
			.legacy = s.legacy,
			.world = &w };
		struct reason why = { 0 }, warning = { 0 };
		struct credentials *c = credentials_new(&source, &why);
		struct cert_verdict v = { 0 };
		struct cert *chain[2];
		int rc;

		certs_of(list, 1, chain);
		assert_int_equal(credentials_verify(c, chain, 1, &v, &why), 0);
		rc = credentials_verify_revocation(c, &v, &why, &warning);
		if (rc != (cases[i].reason ? -1 : 0) ||
		    strcmp(why.id, cases[i].reason ? cases[i].reason : "") || s.asked != cases[i].asked ||
		    s.kept != cases[i].kept)
			fail_msg("%s: %d, %s, asked %u, kept %u", cases[i].name, rc, why.id, s.asked, s.kept);
		cert_verdict_clear(&v);
		cert_unref(chain[0]);
		credentials_unref(c);
		test_ca_said_md = NULL;
		test_ca_made_later = 0;
	}
	free(pem);
}

/* --- servers that are many, or slow --- */

#define FOUR_OCSP                                                                                            \
	"http://o.example.net/1,OCSP;URI:http://o.example.net/2,OCSP;URI:http://o.example.net/"              \
	"3,OCSP;URI:http://o.example.net/4"
#define FOUR_CRLS                                                                                            \
	"http://c.example.net/1,URI:http://c.example.net/2,URI:http://c.example.net/3,URI:http://"           \
	"c.example.net/4"
#define MANY .ocsp_url = FOUR_OCSP, .crl_url = FOUR_CRLS

static const struct test_spec many_inter[] = {
	{ .subject = "CN=1", .ca = true, .key = TEST_KEY_P256, .slot = 1, .by = &root, MANY },
	{ .subject = "CN=2", .ca = true, .key = TEST_KEY_P256, .slot = 2, .by = &many_inter[0], MANY },
};
static const struct test_spec many_leaf = { LEAF, .by = &many_inter[1], MANY };

struct crowd {
	mtime now;
	mdur each; /* how long a server keeps silent */
	unsigned asked;
};

static mtime steady_of_crowd(void *ctx)
{
	return ((const struct crowd *)ctx)->now;
}

static int64_t wall_of_crowd(void *ctx)
{
	(void)ctx;
	return TEST_CA_NOW;
}

static int no_answer(void *ctx, const struct credentials_query *q, uint8_t **ret_data, size_t *ret_len)
{
	struct crowd *s = ctx;

	(void)ret_data;
	(void)ret_len;
	s->asked++;
	s->now = mtime_min(mtime_add(s->now, s->each), q->until);
	return -1;
}

/* 3 certificates that name 24 servers: not all are asked, nor is each waited for. */
static void test_patience(void **state)
{
	static const struct {
		mdur each;
		enum credentials_revocation policy;
		unsigned asked, seconds;
		const char *told;
	} cases[] = {
		{ { 0 }, CREDENTIALS_STRICT, 16, 0, "16 documents" },
		{ { 0 }, CREDENTIALS_RELAXED, 16, 0, "16 documents" },
		{ { 4 * (int64_t)1000000000 }, CREDENTIALS_STRICT, 3, 10, "in 10 seconds" },
		{ { 4 * (int64_t)1000000000 }, CREDENTIALS_RELAXED, 3, 10, "in 10 seconds" },
		{ { 60 * (int64_t)1000000000 }, CREDENTIALS_STRICT, 1, 10, "in 10 seconds" },
	};
	const struct test_spec *list[] = { &many_leaf, &many_inter[1], &many_inter[0] },
	                       *anchors[] = { &root };
	char *pem = test_ca_chain(anchors, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct crowd s = { .each = cases[i].each };
		struct credentials_world w = {
			.wall = wall_of_crowd, .steady = steady_of_crowd, .fetch = no_answer, .ctx = &s
		};
		struct credentials_source source = {
			.anchors = { "anchors", pem, strlen(pem) }, .revocation = cases[i].policy, .world = &w
		};
		struct reason why = { 0 }, warning = { 0 };
		struct reason *told = cases[i].policy == CREDENTIALS_STRICT ? &why : &warning;
		struct credentials *c = credentials_new(&source, &why);
		struct cert_verdict v = { 0 };
		struct cert *chain[3];
		int rc;

		certs_of(list, 3, chain);
		assert_int_equal(credentials_verify(c, chain, 3, &v, &why), 0);
		rc = credentials_verify_revocation(c, &v, &why, &warning);
		assert_int_equal(rc, cases[i].policy == CREDENTIALS_STRICT ? -1 : 0);
		if (s.asked != cases[i].asked || mdur_to_s((mdur){ s.now.ns }) != cases[i].seconds ||
		    strcmp(told->id, "certificate-revocation-unknown") || !strstr(told->text, cases[i].told))
			fail_msg("%zu: asked %u in %d s: %s: %s", i, s.asked,
			    (int)mdur_to_s((mdur){ s.now.ns }), told->id, told->text);
		cert_verdict_clear(&v);
		cert_unref_all(chain, 3);
		credentials_unref(c);
	}
	free(pem);
}

static void test_own_and_hashes(void **state)
{
	struct files f = { .chain = { &leaf, &inter }, .key = &leaf, .anchors = { &root, &inter } };
	uint8_t hashes[CREDENTIALS_CA_HASHES_MAX][20], want[20];
	struct reason why = { 0 };
	struct credentials *c = load(&f, &why);
	unsigned n;

	(void)state;
	assert_non_null(c);
	assert_int_equal(credentials_check_own(c, TEST_CA_NOW, &why), 0);
	assert_int_equal(credentials_check_own(c, TEST_CA_NOW + 184 * DAY, &why), -1);
	assert_string_equal(why.id, "certificate-expired");
	assert_int_equal(credentials_check_own(c, TEST_CA_NOW - 184 * DAY, &why), -1);
	assert_string_equal(why.id, "certificate-not-yet-valid");
	assert_int_equal(credentials_ca_hashes(c, hashes), 2);
	assert_int_equal(cert_spki_sha1(credentials_anchors(c, &n)[1], want), 0);
	assert_memory_equal(hashes[1], want, 20);
	credentials_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_dn),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_revocation),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_own_and_hashes),
	};
	int rc;

	if (crypto_init())
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	test_ca_free();
	return rc;
}

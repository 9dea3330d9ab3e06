/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates when memory is out, allocation by allocation, ours and OpenSSL's: what is refused is refused
 * with a reason, nobody is believed who would not be otherwise, and nothing leaks.
 */
#include "base/crypto.h"
#include "base/revocation.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/test_ca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DAY TEST_CA_DAY

static const struct test_spec root = { .subject = "CN=Root", .key = TEST_KEY_P256, .ca = true };
static const struct test_spec other = {
	.subject = "CN=Other", .serial = 11, .key = TEST_KEY_P256, .slot = 1, .ca = true
};
static const struct test_spec leaf = { .subject = "C=DE, CN=gw",
	.key = TEST_KEY_P256,
	.slot = 2,
	.by = &root,
	.serial = 9,
	.san = "DNS:gw.example.net",
	.ocsp_url = "http://ocsp.example.net/",
	.crl_url = "http://crl.example.net/" };

static char *text_of(const struct test_spec *s)
{
	return test_ca_chain(&s, 1);
}

/* As alloc_fail_sweep, with longer and longer steps: a key's decoding alone allocates thousands of times. */
static unsigned sweep(bool (*run)(void *ctx), void *ctx)
{
	unsigned tried = 0;

	for (long n = 0;; n += 1 + n / 40, tried++) {
		bool ok;

		alloc_fail_arm(n);
		ok = run(ctx);
		if (alloc_fail_disarm())
			continue;
		assert_true(ok);
		return tried;
	}
}

/* --- loading --- */

struct files {
	char *chain, *key, *anchors, *crl;
};

static bool run_load(void *ctx)
{
	const struct files *f = ctx;
	struct credentials_source s = { .chain = { "chain", f->chain, strlen(f->chain) },
		.key = { "key", f->key, strlen(f->key) },
		.anchors = { "anchors", f->anchors, strlen(f->anchors) },
		.crl = { { "crl", f->crl, strlen(f->crl) } },
		.n_crl = 1,
		.world = &test_ca_world };
	struct reason why = { 0 };
	struct credentials *c = credentials_new(&s, &why);
	unsigned n = 0;

	assert_true(c || reason_is_set(&why));
	if (c) { /* all of it, or nothing */
		assert_non_null(credentials_key(c));
		assert_non_null(credentials_chain(c, &n));
		assert_int_equal(n, 1);
		credentials_anchors(c, &n);
		assert_int_equal(n, 1);
	}
	credentials_unref(c);
	return c != NULL;
}

static void test_load(void **state)
{
	struct files f = { text_of(&leaf), test_ca_key(&leaf, NULL), text_of(&root),
		test_ca_crl(&root, NULL, DAY) };

	(void)state;
	assert_true(run_load(&f)); /* what OpenSSL sets up once */
	assert_true(sweep(run_load, &f) > 100);
	free(f.chain);
	free(f.key);
	free(f.anchors);
	free(f.crl);
}

/* --- names and facts --- */

static bool run_look(void *ctx)
{
	static const uint8_t name[] = "gw.example.net", wrong[] = "gw.example.org";
	char urls[CERT_URLS_MAX][CERT_URL_MAX];
	struct cert *list[2] = { 0 };
	struct reason why = { 0 };
	struct cert_info info;
	unsigned n = 0;
	bool ok = !cert_read_pem(ctx, strlen(ctx), "leaf", 2, list, &n, &why);

	assert_true(ok || reason_is_set(&why));
	if (!ok)
		return false;
	assert_false(cert_has_name(list[0], CERT_NAME_DNS, wrong, sizeof(wrong) - 1));
	assert_false(cert_has_name(list[0], CERT_NAME_DN, wrong, sizeof(wrong) - 1));
	ok = cert_has_name(list[0], CERT_NAME_DNS, name, sizeof(name) - 1) && !cert_info(list[0], &info) &&
	     !strcmp(info.subject, "C=DE, CN=gw") && info.not_after > TEST_CA_NOW;
	ok = revocation_ocsp_urls(list[0], urls, CERT_URLS_MAX) == 1 && ok;
	ok = revocation_crl_urls(list[0], urls, CERT_URLS_MAX) == 1 && ok;
	cert_unref_all(list, n);
	return ok;
}

static void test_look(void **state)
{
	char *pem = text_of(&leaf);

	(void)state;
	assert_true(run_look(pem));
	assert_true(alloc_fail_sweep(run_look, pem, NULL) > 20);
	free(pem);
}

/* --- judging --- */

struct judgement {
	const struct test_spec *anchor, *crl_revokes; /* crl_revokes: in a CRL file of the anchor's */
	bool ocsp, ocsp_revoked, crl_fetched;         /* what servers say */
	enum credentials_revocation policy;
	const char *expect; /* NULL: accepted */
	bool may_pass;      /* unknown is no obstacle, and without memory it is unknown */
	/* made before */
	struct cert *leaf[2];
	struct credentials *c;
	uint8_t *answer;
	size_t answer_len;
	char *list;
};

static mtime steady(void *ctx)
{
	(void)ctx;
	return (mtime){ 0 };
}

static int64_t wall(void *ctx)
{
	(void)ctx;
	return TEST_CA_NOW;
}

/* The first run makes the answer, for OCSP's is about the request; later ones give it again. */
static int fetch(void *ctx, const struct credentials_query *q, uint8_t **ret_data, size_t *ret_len)
{
	struct judgement *j = ctx;
	const void *data = q->type ? (void *)j->answer : j->list;

	if (q->type && j->ocsp && !j->answer)
		data = j->answer =
		    test_ca_ocsp(q->body, q->body_len, &root, j->ocsp_revoked, DAY, &j->answer_len);
	if (!data)
		return -1;
	*ret_len = q->type ? j->answer_len : strlen(j->list);
	*ret_data = malloc(*ret_len);
	if (!*ret_data)
		return -1;
	memcpy(*ret_data, data, *ret_len);
	return 0;
}

static bool run_judge(void *ctx)
{
	struct judgement *j = ctx;
	struct cert_verdict v = { 0 };
	struct reason why = { 0 }, warning = { 0 };
	int rc = credentials_verify(j->c, j->leaf, 1, &v, &why);

	if (!rc) {
		assert_int_equal(v.n, 2);
		rc = credentials_verify_revocation(j->c, &v, &why, &warning);
		cert_verdict_clear(&v);
	}
	assert_true(!rc || reason_is_set(&why));
	if (!j->expect)
		return !rc && !reason_is_set(&warning);
	if (!rc) { /* believed without memory, though not with it */
		assert_true(j->may_pass);
		assert_true(reason_is_set(&warning));
	}
	return rc && !strcmp(why.id, j->expect);
}

static void judge(struct judgement j)
{
	struct credentials_world w = { .wall = wall, .steady = steady, .fetch = fetch, .ctx = &j };
	char *anchors = text_of(j.anchor), *chain = text_of(&leaf);
	char *crl = j.crl_revokes ? test_ca_crl(&root, j.crl_revokes, DAY) : NULL;
	struct credentials_source s = { .anchors = { "anchors", anchors, strlen(anchors) },
		.crl = { { "crl", crl, crl ? strlen(crl) : 0 } },
		.n_crl = crl != NULL,
		.revocation = j.policy,
		.world = &w };
	unsigned n = 0;

	j.list = j.crl_fetched ? test_ca_crl(&root, &leaf, DAY) : NULL;
	j.c = credentials_new(&s, NULL);
	assert_non_null(j.c);
	assert_int_equal(cert_read_pem(chain, strlen(chain), "chain", 2, j.leaf, &n, NULL), 0);
	assert_true(run_judge(&j));
	assert_true(alloc_fail_sweep(run_judge, &j, NULL) > 10);
	cert_unref_all(j.leaf, n);
	credentials_unref(j.c);
	free(anchors);
	free(chain);
	free(crl);
	free(j.list);
	free(j.answer);
}

static void test_judge(void **state)
{
	(void)state;
	judge((struct judgement){ .anchor = &root, .policy = CREDENTIALS_OFF });
	judge((struct judgement){ .anchor = &other, .expect = "certificate-untrusted" });
	judge((struct judgement){ .anchor = &root, .crl_revokes = &leaf, .expect = "certificate-revoked" });
	judge((struct judgement){ .anchor = &root, .crl_revokes = &other, .policy = CREDENTIALS_STRICT });
	judge((struct judgement){ .anchor = &root, .ocsp = true, .policy = CREDENTIALS_STRICT });
	judge((struct judgement){ .anchor = &root,
	    .ocsp = true,
	    .ocsp_revoked = true,
	    .policy = CREDENTIALS_STRICT,
	    .expect = "certificate-revoked" });
	judge((struct judgement){ .anchor = &root,
	    .ocsp = true,
	    .ocsp_revoked = true,
	    .may_pass = true,
	    .expect = "certificate-revoked" });
	judge((struct judgement){ .anchor = &root,
	    .crl_fetched = true,
	    .policy = CREDENTIALS_STRICT,
	    .expect = "certificate-revoked" });
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_load), cmocka_unit_test(test_look),
		cmocka_unit_test(test_judge) };
	int rc;

	if (alloc_fail_libraries() < 0 || crypto_init())
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	test_ca_free();
	return rc;
}

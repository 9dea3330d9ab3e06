/* SPDX-License-Identifier: Apache-2.0 */
/* The notation of proposals, both ways, and what it refuses; the choice between an offer and what we accept.
 */
#include "ike/sa_payload.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static void test_notation(void **state)
{
	static const struct {
		const char *text, *canonical;
		bool esp;
	} cases[] = {
		{ "aes256-sha256-modp2048", "aes256-sha256-modp2048", false },
		{ "AES256-SHA2_256-DH14", "aes256-sha256-modp2048", false },
		{ "aes256-sha256-group14", "aes256-sha256-modp2048", false },
		{ "aes256gcm16-prfsha384-ecp384", "aes256gcm16-prfsha384-ecp384", false },
		{ "aes256gcm-sha384-dh20", "aes256gcm16-prfsha384-ecp384", false },
		{ "aes128-sha256-curve25519", "aes128-sha256-curve25519", false },
		{ "aes128-aes256-sha256-sha512-x25519-ecp256",
		    "aes128-aes256-sha256-sha512-curve25519-ecp256", false },
		{ "aes128-sha256-prfsha512-dh31", "aes128-sha256-prfsha512-curve25519", false },
		{ "aes-sha-modp1024", "aes128-sha1-modp1024", false },
		{ "3DES-MD5-DH1", "3des-md5-modp768", false },
		{ "aes256gcm16-prfmd5-group2", "aes256gcm16-prfmd5-modp1024", false },
		{ "aes256-sha256", "aes256-sha256", true },
		{ "3des-sha1-modp1024", "3des-sha1-modp1024", true },
		{ "aes256gcm16-modp2048-esn", "aes256gcm16-modp2048-esn", true },
		{ "aes128gcm-noesn-esn", "aes128gcm16-noesn-esn", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ike_proposal p, again;
		struct reason why = { 0 };
		char buf[128];

		if (ike_proposal_parse(cases[i].text, cases[i].esp, &p, &why))
			fail_msg("%s: %s", cases[i].text, why.text);
		assert_string_equal(ike_proposal_str(&p, cases[i].esp, buf, sizeof(buf)), cases[i].canonical);
		assert_int_equal(ike_proposal_parse(buf, cases[i].esp, &again, &why), 0);
		assert_string_equal(
		    ike_proposal_str(&again, cases[i].esp, buf, sizeof(buf)), cases[i].canonical);
		/* Any capacity gives a terminated text. */
		for (size_t cap = 1; cap < sizeof(buf); cap++)
			assert_true(strlen(ike_proposal_str(&p, cases[i].esp, buf, cap)) < cap);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		bool esp;
		const char *says;
	} cases[] = {
		{ "", false, "no algorithm" },
		{ "aes256-sha265-modp2048", false, "\"sha265\" at character 8" },
		{ "aes256--sha256-modp2048", false, "at character 8" },
		{ "aes256-sha256-", false, "at character 15" },
		{ "sha256-modp2048", false, "no encryption" },
		{ "des-sha1-modp1024", false, "not implemented; write aes256" },
		{ "3des-modp1024", false, "without integrity" },
		{ "aes256gcm16-3des-sha256-modp2048", false, "mixes" },
		{ "aes256-modp2048", false, "without integrity" },
		{ "aes256-sha256", false, "no key exchange" },
		{ "aes256gcm16-ecp384", false, "no PRF" },
		{ "aes256-aes256gcm16-sha256-modp2048", false, "mixes" },
		{ "aes256-sha256-modp2048-esn", false, "only ESP" },
		{ "aes256-sha256-dh13", false, "\"dh13\"" },
		{ "aes256-sha256-dh", false, "\"dh\"" },
		{ "aes256-sha256-group9999999999", false, "no algorithm" },
		{ "aes256gcm16-sha256", true, "its own" },
		{ "aes256-sha256-prfsha256", true, "PRF" },
		{ "aes256averyveryverylongwordthatisnoalgorithmatall", true, "no algorithm" },
		{ "aes128-aes128-aes128-aes128-aes128-aes128-aes128-aes128-aes128-sha256", true,
		    "more than 8" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ike_proposal p, before;
		struct reason why = { 0 };

		memset(&p, 0x5a, sizeof(p));
		before = p;
		if (!ike_proposal_parse(cases[i].text, cases[i].esp, &p, &why))
			fail_msg("accepted: %s", cases[i].text);
		assert_string_equal(why.id, "ike-bad-proposal");
		if (!strstr(why.text, cases[i].says))
			fail_msg("%s: \"%s\" is not in \"%s\"", cases[i].text, cases[i].says, why.text);
		assert_memory_equal(&p, &before, sizeof(p));
		assert_int_equal(ike_proposal_parse(cases[i].text, cases[i].esp, &p, NULL), -1);
	}
}

/* What is weak in a proposal, and what to write instead. */
static void test_weak(void **state)
{
	static const struct {
		const char *text;
		bool esp;
		const char *weak[IKE_WEAK_MAX];
	} cases[] = {
		{ "aes256-sha256-modp2048", false, { NULL } },
		{ "aes128gcm16-prfsha256-curve25519", false, { NULL } },
		{ "aes256-sha1-modp1024", false, { "sha1", "modp1024" } },
		{ "aes256-sha1-prfsha256-modp2048", false, { "sha1" } },
		{ "aes256-sha256-prfsha1-modp2048", false, { "prfsha1" } },
		{ "aes256gcm16-sha1-ecp256", false, { "prfsha1" } },
		{ "3des-3des-aes256-md5-sha1-modp768-modp1024", false,
		    { "3des", "md5", "sha1", "modp768", "modp1024" } },
		{ "3des-md5-sha1-prfmd5-prfsha1-prfsha256-modp768-modp1024", false,
		    { "3des", "md5", "sha1", "prfmd5", "prfsha1", "modp768", "modp1024" } },
		{ "3des-sha1", true, { "3des", "sha1" } },
		{ "aes256-sha256-modp1024", true, { "modp1024" } },
		{ "aes256gcm16", true, { NULL } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *names[IKE_WEAK_MAX];
		struct ike_proposal p;
		unsigned n, want = 0;

		assert_int_equal(ike_proposal_parse(cases[i].text, cases[i].esp, &p, NULL), 0);
		n = ike_proposal_weak(&p, cases[i].esp, names);
		while (want < IKE_WEAK_MAX && cases[i].weak[want])
			want++;
		if (n != want)
			fail_msg("%s: %u", cases[i].text, n);
		for (unsigned k = 0; k < n; k++) {
			assert_string_equal(names[k], cases[i].weak[k]);
			assert_non_null(ike_weak_instead(names[k]));
			assert_ptr_equal(ike_weak_name(names[k]), ike_weak_name(cases[i].weak[k]));
		}
	}
	assert_null(ike_weak_instead("sha256"));
	assert_null(ike_weak_name("aes256"));
}

static struct ike_proposals list(bool esp, const char *a, const char *b)
{
	struct ike_proposals p = { 0 };

	assert_int_equal(ike_proposal_parse(a, esp, &p.list[p.n++], NULL), 0);
	if (b)
		assert_int_equal(ike_proposal_parse(b, esp, &p.list[p.n++], NULL), 0);
	return p;
}

/* What `theirs` would send, parsed. */
static void offer_of(
    const struct ike_proposals *theirs, uint8_t protocol, bool with_ke, struct ike_offer *ret)
{
	static uint8_t buf[4096];
	static const uint8_t spi[4] = { 1, 2, 3, 4 };
	struct chunk spi_chunk = { spi, 4 };
	struct ike_build b = ike_build_init(buf, sizeof(buf));
	struct ike_payloads p;
	size_t len;

	ike_build_sa(&b, theirs, protocol, protocol == IKE_PROTO_ESP ? &spi_chunk : NULL, with_ke);
	assert_int_equal(ike_build_finish(&b, &len), 0);
	assert_int_equal(ike_payloads_parse(rd_init(buf, len), b.first, &p), 0);
	assert_int_equal(ike_sa_parse(p.sa, ret), 0);
}

static void test_select(void **state)
{
	static const struct {
		const char *ours1, *ours2, *theirs1, *theirs2;
		bool esp;
		enum ike_ke_mode mode;
		enum ke_id want;
		const char *chosen; /* NULL: nothing fits */
		unsigned number;
	} cases[] = {
		{ "aes256-sha256-modp2048", NULL, "aes256-sha256-modp2048", NULL, false, IKE_KE_LISTED,
		    KE_NONE, "aes256-sha256-modp2048", 1 },
		/* A cipher without a key length: 3DES. */
		{ "3des-sha1-modp1024", NULL, "3des-sha1-modp1024", NULL, false, IKE_KE_LISTED, KE_NONE,
		    "3des-sha1-modp1024", 1 },
		/* A weak group is not taken where none is listed, whatever the peer prefers. */
		{ "aes256-sha256", NULL, "aes256-sha256-modp1024", NULL, true, IKE_KE_ANY, KE_MODP_1024, NULL,
		    0 },
		{ "aes256-sha256", NULL, "aes256-sha256-modp1024", NULL, true, IKE_KE_ANY, KE_NONE, NULL, 0 },
		{ "aes256-sha256", NULL, "aes256-sha256-modp1024-modp2048", NULL, true, IKE_KE_ANY,
		    KE_MODP_1024, "aes256-sha256-modp2048-esn", 1 },
		{ "aes256-sha256-modp1024", NULL, "aes256-sha256-modp1024", NULL, true, IKE_KE_ANY,
		    KE_MODP_1024, "aes256-sha256-modp1024-esn", 1 },
		/* Our order decides. */
		{ "aes256-sha256-modp2048", "aes128-sha256-modp2048", "aes128-sha256-modp2048",
		    "aes256-sha256-modp2048", false, IKE_KE_LISTED, KE_NONE, "aes256-sha256-modp2048", 2 },
		{ "aes128-aes256-sha256-modp2048", NULL, "aes256-aes128-sha256-modp2048", NULL, false,
		    IKE_KE_LISTED, KE_NONE, "aes128-sha256-modp2048", 1 },
		/* The public value that was sent saves a round trip. */
		{ "aes256-sha256-modp2048-ecp256", NULL, "aes256-sha256-ecp256-modp2048", NULL, false,
		    IKE_KE_LISTED, KE_ECP_256, "aes256-sha256-ecp256", 1 },
		{ "aes256-sha256-modp2048", "aes256-sha256-ecp256", "aes256-sha256-ecp256",
		    "aes256-sha256-modp2048", false, IKE_KE_LISTED, KE_ECP_256, "aes256-sha256-ecp256", 1 },
		{ "aes256-sha256-modp2048", NULL, "aes256-sha256-ecp256-modp2048", NULL, false, IKE_KE_LISTED,
		    KE_ECP_256, "aes256-sha256-modp2048", 1 },
		{ "aes256-sha256-modp2048", NULL, "aes256-sha256-ecp256", NULL, false, IKE_KE_LISTED,
		    KE_ECP_256, NULL, 0 },
		{ "aes256-sha256-modp2048", NULL, "aes256-sha384-modp2048", NULL, false, IKE_KE_LISTED,
		    KE_NONE, NULL, 0 },
		{ "aes256-sha256-modp2048", NULL, "aes128-sha256-modp2048", NULL, false, IKE_KE_LISTED,
		    KE_NONE, NULL, 0 },
		{ "aes256-sha256-prfsha384-modp2048", NULL, "aes256-sha256-modp2048", NULL, false,
		    IKE_KE_LISTED, KE_NONE, NULL, 0 },
		/* ESP. */
		{ "aes256-sha256", NULL, "aes256-sha256", NULL, true, IKE_KE_NEVER, KE_NONE,
		    "aes256-sha256-esn", 1 },
		{ "aes256-sha256-noesn", NULL, "aes256-sha256", NULL, true, IKE_KE_NEVER, KE_NONE,
		    "aes256-sha256", 1 },
		{ "aes256-sha256-noesn", NULL, "aes256-sha256-esn", NULL, true, IKE_KE_NEVER, KE_NONE, NULL,
		    0 },
		{ "aes256gcm16", NULL, "aes256gcm16-modp2048", NULL, true, IKE_KE_NEVER, KE_NONE,
		    "aes256gcm16-esn", 1 },
		{ "aes256gcm16-modp2048", NULL, "aes256gcm16", NULL, true, IKE_KE_NEVER, KE_NONE,
		    "aes256gcm16-esn", 1 },
		/* PFS at rekey: what ours list must be there; where ours lists none, the peer may ask. */
		{ "aes256gcm16-modp2048", NULL, "aes256gcm16", NULL, true, IKE_KE_ANY, KE_NONE, NULL, 0 },
		{ "aes256gcm16", NULL, "aes256gcm16-modp2048-ecp256", NULL, true, IKE_KE_ANY, KE_ECP_256,
		    "aes256gcm16-ecp256-esn", 1 },
		{ "aes256gcm16", NULL, "aes256gcm16-modp2048", NULL, true, IKE_KE_LISTED, KE_NONE, NULL, 0 },
		{ "aes256gcm16", NULL, "aes256-sha256", "aes256gcm16", true, IKE_KE_ANY, KE_NONE,
		    "aes256gcm16-esn", 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ike_proposals ours = list(cases[i].esp, cases[i].ours1, cases[i].ours2);
		struct ike_proposals theirs = list(cases[i].esp, cases[i].theirs1, cases[i].theirs2);
		uint8_t protocol = cases[i].esp ? IKE_PROTO_ESP : IKE_PROTO_IKE;
		struct ike_offer offer;
		struct ike_choice c;
		struct ike_proposal p;
		char buf[128];
		int rc;

		offer_of(&theirs, protocol, true, &offer);
		rc = ike_sa_select(&ours, &offer, protocol, cases[i].mode, cases[i].want, &c);
		if (rc != (cases[i].chosen ? 0 : -1))
			fail_msg("case %zu gives %d", i, rc);
		if (rc)
			continue;
		p = ike_suite_proposal(&c.suite, cases[i].esp);
		assert_string_equal(ike_proposal_str(&p, cases[i].esp, buf, sizeof(buf)), cases[i].chosen);
		assert_int_equal(c.number, cases[i].number);
		assert_int_equal(c.spi.len, cases[i].esp ? 4 : 0);
		/* The answer is one proposal with one transform of each type, and both ends understand it
		 * alike. */
		static uint8_t body[256];
		struct ike_build b = ike_build_init(body, sizeof(body));
		struct ike_offer answer;
		struct ike_choice again;
		struct ike_payloads view;
		size_t len;

		ike_build_sa_choice(&b, &c, protocol, NULL);
		assert_int_equal(ike_build_finish(&b, &len), 0);
		assert_int_equal(ike_payloads_parse(rd_init(body, len), b.first, &view), 0);
		assert_int_equal(ike_sa_parse(view.sa, &answer), 0);
		assert_true(ike_sa_is_answer(&answer));
		assert_int_equal(ike_sa_select(&theirs, &answer, protocol,
		                     c.suite.ke ? IKE_KE_LISTED : IKE_KE_NEVER, KE_NONE, &again),
		    0);
		p = ike_suite_proposal(&again.suite, cases[i].esp);
		assert_string_equal(ike_proposal_str(&p, cases[i].esp, buf, sizeof(buf)), cases[i].chosen);
	}
}

/* Offers as other implementations send them. */
static void test_odd_offers(void **state)
{
	struct ike_proposals ours = list(true, "aes256gcm16", NULL);
	static const uint8_t with_none[] = { /* AEAD with "no integrity" spelled out */
		0, 0, 0, 40, 1, 3, 4, 3, 1, 2, 3, 4, 3, 0, 0, 12, 1, 0, 0, 20, 0x80, 14, 1, 0, 3, 0, 0, 8, 3,
		0, 0, 0, 0, 0, 0, 8, 5, 0, 0, 0
	};
	static const uint8_t odd_attribute[] = { /* the same cipher with an attribute we do not know */
		0, 0, 0, 36, 1, 3, 4, 2, 1, 2, 3, 4, 3, 0, 0, 16, 1, 0, 0, 20, 0x80, 14, 1, 0, 0x80, 99, 0, 1,
		0, 0, 0, 8, 5, 0, 0, 0
	};
	static const uint8_t unknown_type[] = { /* an additional key exchange (RFC 9370) */
		0, 0, 0, 40, 1, 3, 4, 3, 1, 2, 3, 4, 3, 0, 0, 12, 1, 0, 0, 20, 0x80, 14, 1, 0, 3, 0, 0, 8, 6,
		0, 0, 36, 0, 0, 0, 8, 5, 0, 0, 0
	};
	static const uint8_t ke_or_none[] = { 0, 0, 0, 48, 1, 3, 4, 4, 1, 2, 3, 4, 3, 0, 0, 12, 1, 0, 0, 20,
		0x80, 14, 1, 0, 3, 0, 0, 8, 4, 0, 0, 14, 3, 0, 0, 8, 4, 0, 0, 0, 0, 0, 0, 8, 5, 0, 0, 0 };
	static const uint8_t no_esn[] = { 0, 0, 0, 24, 1, 3, 4, 1, 1, 2, 3, 4, 0, 0, 0, 12, 1, 0, 0, 20, 0x80,
		14, 1, 0 };
	struct ike_offer o;
	struct ike_choice c;
	uint8_t answer[64];
	struct ike_build b = ike_build_init(answer, sizeof(answer));
	size_t len;

	(void)state;
	/* Key exchange or none: none where no public value came, spelled out in the answer; else what came.
	 */
	assert_int_equal(ike_sa_parse((struct ike_span){ ke_or_none, sizeof(ke_or_none) }, &o), 0);
	assert_int_equal(ike_sa_select(&ours, &o, IKE_PROTO_ESP, IKE_KE_ANY, KE_MODP_2048, &c), 0);
	assert_int_equal(c.suite.ke, KE_MODP_2048);
	assert_false(c.ke_none);
	assert_int_equal(ike_sa_select(&ours, &o, IKE_PROTO_ESP, IKE_KE_ANY, KE_NONE, &c), 0);
	assert_int_equal(c.suite.ke, KE_NONE);
	ike_build_sa_choice(&b, &c, IKE_PROTO_ESP, &(struct chunk){ (const uint8_t *)"\1\2\3\4", 4 });
	assert_int_equal(ike_build_finish(&b, &len), 0);
	assert_int_equal(ike_sa_parse((struct ike_span){ answer + 4, len - 4 }, &o), 0);
	assert_true(ike_sa_is_answer(&o));
	assert_int_equal(o.n_transforms, 3);
	assert_int_equal(o.transform[1].type, 4);
	assert_int_equal(o.transform[1].id, 0);
	assert_int_equal(ike_sa_parse((struct ike_span){ with_none, sizeof(with_none) }, &o), 0);
	assert_int_equal(ike_sa_select(&ours, &o, IKE_PROTO_ESP, IKE_KE_ANY, KE_NONE, &c), 0);
	assert_true(c.integ_none);
	assert_int_equal(ike_sa_parse((struct ike_span){ odd_attribute, sizeof(odd_attribute) }, &o), 0);
	assert_int_equal(ike_sa_select(&ours, &o, IKE_PROTO_ESP, IKE_KE_ANY, KE_NONE, &c), -1);
	assert_int_equal(ike_sa_parse((struct ike_span){ unknown_type, sizeof(unknown_type) }, &o), 0);
	assert_int_equal(ike_sa_select(&ours, &o, IKE_PROTO_ESP, IKE_KE_ANY, KE_NONE, &c), -1);
	assert_int_equal(ike_sa_parse((struct ike_span){ no_esn, sizeof(no_esn) }, &o), 0);
	assert_int_equal(ike_sa_select(&ours, &o, IKE_PROTO_ESP, IKE_KE_ANY, KE_NONE, &c), 0);
	assert_false(c.suite.esn);
	for (size_t cut = 0; cut < sizeof(with_none); cut++)
		assert_int_equal(ike_sa_parse((struct ike_span){ with_none, cut }, &o), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notation),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_weak),
		cmocka_unit_test(test_select),
		cmocka_unit_test(test_odd_offers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

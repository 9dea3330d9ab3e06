/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Presets: every shipped one passes the checker, and every key of every shipped one matters: removed,
 * renamed, given another type or an absurd value, the file is refused with file, path and value. The
 * mutations walk the files themselves, so a key that is added later is tested without a word here.
 */
#include "profiles/profile.h"

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define DIR CW_SOURCE_DIR "/profiles"

static struct profiles *shipped;

static int set_up(void **state)
{
	struct reason why;

	(void)state;
	shipped = profiles_load(DIR, &why);
	if (!shipped)
		fail_msg("%s", why.text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	profiles_free(shipped);
	return 0;
}

static void the_shipped_ones_are_there(void **state)
{
	struct reason why;
	const struct profile *azure = profiles_find(shipped, "azure-vpngw", &why);
	const struct profile *generic = profiles_find(shipped, "generic-ikev2", &why);
	const struct profile *old_azure = profiles_find(shipped, "azure-vpngw-legacy", &why);
	const struct profile *old = profiles_find(shipped, "generic-ikev2-legacy", &why);

	(void)state;
	assert_int_equal(profiles_count(shipped), 4);
	assert_ptr_equal(profiles_at(shipped, 0), azure);
	assert_ptr_equal(profiles_at(shipped, 1), old_azure);
	assert_ptr_equal(profiles_at(shipped, 2), generic);
	assert_ptr_equal(profiles_at(shipped, 3), old);
	assert_null(profiles_at(shipped, 4));
	assert_ptr_equal(profiles_legacy_twin(shipped, azure), old_azure);
	assert_ptr_equal(profiles_legacy_twin(shipped, old_azure), old_azure);
	assert_ptr_equal(profiles_legacy_twin(shipped, generic), old);
	assert_null(profiles_find(shipped, "aws", &why));
	assert_string_equal(why.id, "profile-unknown");
	assert_non_null(strstr(why.text, "azure-vpngw, azure-vpngw-legacy, generic-ikev2"));
}

/* What the reference says of Azure (and the issue asks of the preset). */
static void azure_is_what_azure_wants(void **state)
{
	const struct profile *p = profiles_find(shipped, "azure-vpngw", NULL);
	const struct ike_proposal *ike = &p->ike_proposals.list[0];

	(void)state;
	assert_int_equal(ike->encr[0].id, ENCR_AES_CBC);
	assert_int_equal(ike->encr[0].key_bits, 256);
	assert_int_equal(ike->integ[0], INTEG_HMAC_SHA2_256_128);
	assert_int_equal(ike->ke[0], KE_MODP_2048);
	assert_int_equal(p->esp_proposals.list[0].n_ke, 0); /* no PFS first: Azure's rekeys carry none */
	assert_int_equal(mdur_to_s(p->ike_lifetime), 28800);
	assert_int_equal(mdur_to_s(p->esp_lifetime), 27000);
	assert_int_equal(p->esp_lifekbytes, 102400000);
	assert_int_equal(p->mtu, 1400);
	assert_int_equal(p->mss, 1350);
	assert_int_equal(p->peer_as, 65515);
	assert_int_equal(mdur_to_s(p->keepalive), 60);
	assert_int_equal(mdur_to_s(p->hold_time), 180);
	assert_int_equal(p->max_prefixes_out, 4000);
	assert_true(profile_as_reserved(p, 65515));
	assert_true(profile_as_reserved(p, 65517));
	assert_true(profile_as_reserved(p, 65520));
	assert_true(profile_as_reserved(p, 8075));
	assert_false(profile_as_reserved(p, 65516));
	assert_false(profile_as_reserved(p, 65521));
	assert_false(profile_as_reserved(p, 65001));
	assert_non_null(strstr(p->proposal_hint, "az network vpn-connection ipsec-policy add"));
	assert_non_null(
	    strstr(p->proposal_hint, "--ike-encryption AES256 --ike-integrity SHA256 --dh-group DHGroup14"));
	assert_non_null(strstr(p->proposal_hint, "--pfs-group None"));
}

/* Nothing weak without its twin, and in a twin nothing that it doesn't name. */
static void weak_only_in_twins(void **state)
{
	unsigned twins = 0;

	(void)state;
	for (size_t i = 0; i < profiles_count(shipped); i++) {
		const struct profile *p = profiles_at(shipped, i);
		const bool twin = strstr(p->id, "-legacy") != NULL;
		const char *names[IKE_WEAK_MAX];
		unsigned weak = 0;

		assert_int_equal(twin, p->n_weak > 0);
		for (unsigned k = 0; k < p->ike_proposals.n; k++)
			weak += ike_proposal_weak(&p->ike_proposals.list[k], false, names);
		for (unsigned k = 0; k < p->esp_proposals.n; k++)
			weak += ike_proposal_weak(&p->esp_proposals.list[k], true, names);
		assert_int_equal(twin, weak > 0);
		/* also a twin begins with what is strong */
		assert_int_equal(ike_proposal_weak(&p->ike_proposals.list[0], false, names), 0);
		assert_int_equal(ike_proposal_weak(&p->esp_proposals.list[0], true, names), 0);
		assert_int_equal(profile_admits(p, "sha1"), twin);
		assert_false(profile_admits(p, "sha256"));
		twins += twin;
	}
	assert_int_equal(twins, 2);
	assert_false(profile_admits(profiles_find(shipped, "azure-vpngw-legacy", NULL), "md5"));
}

/* Parses a tree as the file of that profile; it must be refused, and the reason must hold part (may be NULL).
 */
static void expect_refused(const json_t *root, const char *id, const char *what, const char *path)
{
	char file[100], *text = json_dumps(root, 0);
	struct reason why;
	struct profile *p;

	snprintf(file, sizeof(file), "/p/%s.json", id);
	p = profile_parse(text, strlen(text), file, &why);
	if (p)
		fail_msg("%s: %s %s: accepted", id, what, path);
	if (!strstr(why.text, file) || strncmp(why.id, "profile-", 8) != 0)
		fail_msg("%s: %s %s: %s: %s", id, what, path, why.id, why.text);
	/* Rules between values name the other one, so of the path only its group is demanded. */
	if (strcmp(what, "wrong type") == 0 && !strstr(why.text, path))
		fail_msg("%s: %s %s: not named in %s", id, what, path, why.text);
	free(text);
}

static bool is_entry(const json_t *v)
{
	return json_object_get(v, "value") != NULL;
}

/* One key of an object, mutated in each way; root is the whole tree, restored afterwards. */
static void mutate_key(
    json_t *root, json_t *obj, const char *key, const char *id, const char *path, bool optional)
{
	json_t *v = json_incref(json_object_get(obj, key));
	char other[80];

	if (!optional) {
		json_object_del(obj, key);
		expect_refused(root, id, "removed", path);
	}
	json_object_del(obj, key);
	snprintf(other, sizeof(other), "%s-x", key);
	json_object_set(obj, other, v);
	expect_refused(root, id, "renamed", path);
	json_object_del(obj, other);
	json_object_set_new(obj, key, json_null());
	expect_refused(root, id, "wrong type", path);
	json_object_set_new(obj, key, json_real(1.5));
	expect_refused(root, id, "wrong type", path);
	json_object_set(obj, key, v);
	json_decref(v);
}

/* The value of an entry made absurd. */
static void mutate_value(json_t *root, json_t *entry, const char *id, const char *path)
{
	json_t *v = json_incref(json_object_get(entry, "value"));

	if (json_is_integer(v)) {
		json_object_set_new(entry, "value", json_integer(-1));
		expect_refused(root, id, "wrong type", path);
		json_object_set_new(entry, "value", json_integer(INT64_C(1) << 40));
		expect_refused(root, id, "wrong type", path);
	} else if (json_is_string(v) && strcmp(path, "/proposal-hint") != 0) {
		json_object_set_new(entry, "value", json_string("absurd"));
		expect_refused(root, id, "wrong type", path);
	} else if (json_is_array(v)) {
		json_t *list = json_array();

		json_array_append_new(list, json_string("absurd"));
		json_object_set_new(entry, "value", list);
		expect_refused(root, id, "wrong type", path);
	} else if (json_is_boolean(v)) {
		json_object_set_new(entry, "value", json_string("yes"));
		expect_refused(root, id, "wrong type", path);
	}
	json_object_set(entry, "value", v);
	json_decref(v);
}

static void mutate_entry(json_t *root, json_t *obj, const char *key, const char *id, const char *path)
{
	const bool optional = !strcmp(path, "/bgp/as") || !strcmp(path, "/proposal-hint");
	json_t *entry = json_object_get(obj, key);
	char at[120];

	mutate_key(root, obj, key, id, path, optional);
	mutate_key(root, entry, "value", id, path, false);
	mutate_value(root, entry, id, path);
	snprintf(at, sizeof(at), "%s/source", path);
	json_t *source = json_incref(json_object_get(entry, "source"));
	json_object_set_new(entry, "source", json_string("NOWHERE"));
	expect_refused(root, id, "unknown source", at);
	json_object_del(entry, "source");
	expect_refused(root, id, "no source", at);
	json_object_set(entry, "source", source);
	if (!strcmp(json_string_value(source), "own")) {
		json_t *why = json_incref(json_object_get(entry, "why"));

		json_object_del(entry, "why");
		expect_refused(root, id, "own without why", at);
		json_object_set_new(entry, "why", why);
	}
	json_decref(source);
	json_object_set_new(entry, "valu", json_true());
	expect_refused(root, id, "unknown key", path);
	json_object_del(entry, "valu");
}

static void mutate_group(json_t *root, const char *group, const char *id)
{
	json_t *copy = json_deep_copy(json_object_get(root, group)), *v;
	const char *key;
	char path[120];

	json_object_foreach(copy, key, v)
	{
		snprintf(path, sizeof(path), "/%s/%s", group, key);
		if (is_entry(v))
			mutate_entry(root, json_object_get(root, group), key, id, path);
		else
			mutate_key(root, json_object_get(root, group), key, id, path, false);
	}
	json_decref(copy);
	snprintf(path, sizeof(path), "/%s", group);
	mutate_key(root, root, group, id, path, false);
}

static void every_key_matters(void **state)
{
	(void)state;
	for (size_t i = 0; i < profiles_count(shipped); i++) {
		const struct profile *p = profiles_at(shipped, i);
		json_t *root = json_loads(p->json, 0, NULL), *copy = json_deep_copy(root), *v;
		const char *key;
		char path[120];
		struct reason why;
		struct profile *again;
		char *text;

		json_object_foreach(copy, key, v)
		{
			snprintf(path, sizeof(path), "/%s", key);
			if (is_entry(v))
				mutate_entry(root, root, key, p->id, path);
			else if (json_is_object(v))
				mutate_group(root, key, p->id);
			else
				mutate_key(root, root, key, p->id, path, false);
		}
		/* All has been put back: it passes again. */
		text = json_dumps(root, 0);
		again = profile_parse(text, strlen(text), p->id, &why);
		if (!again)
			fail_msg("%s", why.text);
		profile_free(again);
		free(text);
		json_decref(copy);
		json_decref(root);
	}
}

static void expect_change_refused(
    const char *group, const char *key, json_t *value, const char *id, const char *part)
{
	json_t *root = json_loads(profiles_find(shipped, "azure-vpngw", NULL)->json, 0, NULL);
	char *text;
	struct reason why;

	json_object_set_new(json_object_get(json_object_get(root, group), key), "value", value);
	text = json_dumps(root, 0);
	assert_null(profile_parse(text, strlen(text), "azure-vpngw.json", &why));
	assert_string_equal(why.id, id);
	if (!strstr(why.text, part))
		fail_msg("%s", why.text);
	free(text);
	json_decref(root);
}

static void values_must_fit_together(void **state)
{
	json_t *only = json_array(), *weak;

	(void)state;
	json_array_append_new(only, json_string("8074"));
	expect_change_refused(
	    "interface", "mss", json_integer(1380), "profile-wrong-value", "/interface/mss: 1380");
	expect_change_refused(
	    "bgp", "keepalive", json_integer(100), "profile-wrong-value", "/bgp/keepalive: 100");
	expect_change_refused("bgp", "reserved-as", only, "profile-wrong-value", "65515");
	weak = json_pack("[s,s]", "aes256-sha256-modp2048", "aes256-sha1-modp2048");
	expect_change_refused("ike", "proposals", weak, "profile-wrong-value", "sha1 is weak");
	weak = json_pack("[s]", "aes256-sha256-modp1024");
	expect_change_refused("esp", "proposals", weak, "profile-wrong-value", "write modp2048");
}

static void broken_files_are_named(void **state)
{
	static const struct {
		const char *text, *id, *part;
	} cases[] = {
		{ "", "profile-syntax", "line 1" },
		{ "{\n\"id\":\n}", "profile-syntax", "line 3" },
		{ "[]", "profile-wrong-value", "object" },
		{ "{}", "profile-missing-key", "/id" },
		{ "{\"id\":\"a\",\"id\":\"a\"}", "profile-syntax", "id" },
		{ "{\"id\":\"b\",\"cloud\":\"c\",\"title\":\"t\",\"note\":\"n\"}", "profile-wrong-value",
		    "file's name" },
	};
	struct reason why;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(profile_parse(cases[i].text, strlen(cases[i].text), "a.json", &why));
		assert_string_equal(why.id, cases[i].id);
		assert_non_null(strstr(why.text, "a.json"));
		if (!strstr(why.text, cases[i].part))
			fail_msg("%s", why.text);
	}
	assert_null(profile_load_file("/nonexistent/a.json", &why));
	assert_string_equal(why.id, "profile-not-readable");
	assert_null(profile_load_file("/tmp", &why));
	assert_string_equal(why.id, "profile-not-readable");
	assert_null(profiles_load("/nonexistent", &why));
	assert_string_equal(why.id, "profile-not-readable");
	assert_non_null(strstr(why.text, "CAUSEWAY_PROFILES"));
}

static void the_directory_may_be_named(void **state)
{
	char buf[4096];

	(void)state;
	unsetenv("CAUSEWAY_PROFILES");
	assert_string_equal(profiles_dir(buf, sizeof(buf)), DIR); /* this test runs from the build tree */
	setenv("CAUSEWAY_PROFILES", "/nonexistent", 1);
	assert_string_equal(profiles_dir(buf, sizeof(buf)), "/nonexistent");
	unsetenv("CAUSEWAY_PROFILES");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shipped_ones_are_there),
		cmocka_unit_test(azure_is_what_azure_wants),
		cmocka_unit_test(weak_only_in_twins),
		cmocka_unit_test(every_key_matters),
		cmocka_unit_test(values_must_fit_together),
		cmocka_unit_test(broken_files_are_named),
		cmocka_unit_test(the_directory_may_be_named),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checker: from a JSON tree to a struct profile, or to the first thing that is wrong with it.
 *
 * One table says which keys exist, of which type and range, and where their value goes; the walk over the
 * file and the walk over the table together find what is unknown and what is missing. Every value is
 * {"value", "source", "why"?}: a source is a key of the file's own "sources", or "own" for a choice of ours,
 * which must then say why. Last come the rules between values.
 */
#include "profiles/check.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum value_type {
	V_UINT32,
	V_UINT64,
	V_SECONDS,
	V_BOOL,
	V_ROLE,
	V_IKE_PROPOSALS,
	V_ESP_PROPOSALS,
	V_AS_RANGES,
	V_WEAK,
	V_HINT
};

struct key_rule {
	const char *group; /* NULL: at the top */
	const char *key;
	enum value_type type;
	size_t offset; /* in struct profile */
	bool optional, zero_is_none;
	uint32_t min, max;
};

#define AT(field) offsetof(struct profile, field)
#define DAYS_10   864000

static const struct key_rule rules[] = {
	{ NULL, "role", V_ROLE, AT(role), false, false, 0, 0 },
	{ NULL, "proposal-hint", V_HINT, AT(proposal_hint), true, false, 0, 0 },
	{ NULL, "weak", V_WEAK, AT(weak), true, false, 0, 0 },
	{ "ike", "proposals", V_IKE_PROPOSALS, AT(ike_proposals), false, false, 0, 0 },
	{ "ike", "lifetime", V_SECONDS, AT(ike_lifetime), false, true, 300, DAYS_10 },
	{ "ike", "no-fragmentation", V_BOOL, AT(no_ike_fragmentation), true, false, 0, 0 },
	{ "ike", "mobike", V_BOOL, AT(mobike), true, false, 0, 0 },
	{ "esp", "proposals", V_ESP_PROPOSALS, AT(esp_proposals), false, false, 0, 0 },
	{ "esp", "lifetime", V_SECONDS, AT(esp_lifetime), false, true, 300, DAYS_10 },
	{ "esp", "lifekbytes", V_UINT64, AT(esp_lifekbytes), false, true, 1024, UINT32_MAX },
	{ "esp", "no-rehearsal", V_BOOL, AT(no_rehearsal), true, false, 0, 0 },
	{ "esp", "force-encapsulation", V_BOOL, AT(force_encap), false, false, 0, 0 },
	{ "liveness", "interval", V_SECONDS, AT(liveness_interval), false, true, 1, 3600 },
	{ "liveness", "timeout", V_SECONDS, AT(liveness_timeout), false, true, 3, 3600 },
	{ "interface", "mtu", V_UINT32, AT(mtu), false, false, 576, 9216 },
	{ "interface", "mss", V_UINT32, AT(mss), false, true, 500, 9176 },
	{ "bgp", "as", V_UINT32, AT(peer_as), true, false, 1, UINT32_MAX - 1 },
	{ "bgp", "hold-time", V_SECONDS, AT(hold_time), false, false, 3, 65535 },
	{ "bgp", "keepalive", V_SECONDS, AT(keepalive), false, false, 1, 21845 },
	{ "bgp", "connect-retry", V_SECONDS, AT(connect_retry), false, false, 1, 3600 },
	{ "bgp", "max-prefixes", V_UINT32, AT(max_prefixes), false, true, 1, UINT32_MAX },
	{ "bgp", "max-prefixes-out", V_UINT32, AT(max_prefixes_out), false, true, 1, UINT32_MAX },
	{ "bgp", "accept-default", V_BOOL, AT(accept_default), false, false, 0, 0 },
	{ "bgp", "reserved-as", V_AS_RANGES, AT(reserved_as), false, false, 0, 0 },
};
#define N_RULES (sizeof(rules) / sizeof(rules[0]))
/* Plain strings at the top; they describe and need no source. */
static const struct {
	const char *key;
	size_t offset, cap;
} texts[] = {
	{ "id", AT(id), sizeof(((struct profile *)0)->id) },
	{ "cloud", AT(cloud), sizeof(((struct profile *)0)->cloud) },
	{ "title", AT(title), sizeof(((struct profile *)0)->title) },
	{ "note", AT(note), sizeof(((struct profile *)0)->note) },
};
#define N_TEXTS     (sizeof(texts) / sizeof(texts[0]))
#define SOURCES_MAX 64

struct walk {
	const char *file;
	const json_t *sources;
	bool source_used[SOURCES_MAX];
	struct profile *p;
	struct reason *why;
};

/* A value as it stands in the file, shortened, in one of the caller's buffers. */
static const char *show(const json_t *v, char *buf, size_t cap)
{
	char *s = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

	snprintf(buf, cap, "%s%s", s ? s : "(nothing)", s && strlen(s) >= cap ? " ..." : "");
	free(s);
	return buf;
}

static int wrong(const struct walk *w, const char *path, const json_t *v, const char *what)
{
	char buf[80];

	return reason_set(
	    w->why, "profile-wrong-value", "%s: %s: %s: %s", w->file, path, show(v, buf, sizeof(buf)), what);
}

static const char *rule_path(const struct key_rule *r, const char *last, char *buf, size_t cap)
{
	snprintf(buf, cap, "%s%s/%s%s%s", r->group ? "/" : "", r->group ? r->group : "", r->key,
	    last ? "/" : "", last ? last : "");
	return buf;
}

static int take_number(struct walk *w, const struct key_rule *r, const char *path, const json_t *v)
{
	unsigned char *at = (unsigned char *)w->p + r->offset;
	char what[120];
	json_int_t n = json_integer_value(v);

	snprintf(what, sizeof(what), "write a whole number of %s%u to %u",
	    r->zero_is_none ? "0 (none) or " : "", (unsigned)r->min, (unsigned)r->max);
	if (!json_is_integer(v))
		return wrong(w, path, v, what);
	if (!(n == 0 && r->zero_is_none) && (n < (json_int_t)r->min || n > (json_int_t)r->max))
		return wrong(w, path, v, what);
	if (r->type == V_UINT32)
		*(uint32_t *)(void *)at = (uint32_t)n;
	else if (r->type == V_UINT64)
		*(uint64_t *)(void *)at = (uint64_t)n;
	else
		*(mdur *)(void *)at = mdur_s(n);
	return 0;
}

static int take_role(struct walk *w, const char *path, const json_t *v)
{
	static const char *const names[] = { "both", "initiate", "respond" };
	const char *s = json_string_value(v);

	for (unsigned i = 0; s && i < 3; i++) {
		if (!strcmp(s, names[i])) {
			w->p->role = (enum profile_role)i;
			return 0;
		}
	}
	return wrong(w, path, v, "write \"both\", \"initiate\" or \"respond\"");
}

static int take_proposals(struct walk *w, bool esp, const char *path, const json_t *v)
{
	struct ike_proposals *ps = esp ? &w->p->esp_proposals : &w->p->ike_proposals;
	struct reason inner;

	if (!json_is_array(v) || json_array_size(v) < 1 || json_array_size(v) > IKE_PROPOSALS_MAX)
		return wrong(w, path, v, "write an array of 1 to 16 proposals");
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *e = json_array_get(v, i);
		char at[160];

		snprintf(at, sizeof(at), "%s[%zu]", path, i);
		if (!json_is_string(e))
			return wrong(w, at, e, "write a proposal as a string, as \"aes256-sha256-modp2048\"");
		reason_clear(&inner);
		if (ike_proposal_parse(json_string_value(e), esp, &ps->list[i], &inner))
			return wrong(w, at, e, inner.text);
	}
	ps->n = (unsigned)json_array_size(v);
	return 0;
}

/* "65515" or "64496-64511". */
static int parse_as_range(const char *s, struct profile_as_range *ret_range)
{
	unsigned long long first, last;
	char *end;

	if (!isdigit((unsigned char)s[0]))
		return -1;
	first = last = strtoull(s, &end, 10);
	if (*end == '-' && isdigit((unsigned char)end[1]))
		last = strtoull(end + 1, &end, 10);
	if (*end || first > last || last > UINT32_MAX)
		return -1;
	*ret_range = (struct profile_as_range){ (uint32_t)first, (uint32_t)last };
	return 0;
}

static int take_as_ranges(struct walk *w, const char *path, const json_t *v)
{
	if (!json_is_array(v) || json_array_size(v) > PROFILE_AS_RANGES_MAX)
		return wrong(
		    w, path, v, "write an array of at most 32 ranges as \"65515\" or \"64496-64511\"");
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *e = json_array_get(v, i);
		char at[160];

		snprintf(at, sizeof(at), "%s[%zu]", path, i);
		if (!json_is_string(e) || parse_as_range(json_string_value(e), &w->p->reserved_as[i]))
			return wrong(w, at, e, "write a range of AS numbers as \"65515\" or \"64496-64511\"");
	}
	w->p->n_reserved_as = (unsigned)json_array_size(v);
	return 0;
}

static int take_weak(struct walk *w, const char *path, const json_t *v)
{
	static const char what[] =
	    "write an array of weak algorithms, of 3des md5 sha1 prfmd5 prfsha1 modp768 "
	    "modp1024, each once";

	if (!json_is_array(v) || !json_array_size(v) || json_array_size(v) > IKE_WEAK_MAX)
		return wrong(w, path, v, what);
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *e = json_array_get(v, i);
		const char *name = json_is_string(e) ? ike_weak_name(json_string_value(e)) : NULL;

		if (!name || profile_admits(w->p, name))
			return wrong(w, path, v, what);
		w->p->weak[w->p->n_weak++] = name;
	}
	return 0;
}

static int take_value(struct walk *w, const struct key_rule *r, const char *path, const json_t *v)
{
	switch (r->type) {
	case V_UINT32:
	case V_UINT64:
	case V_SECONDS: return take_number(w, r, path, v);
	case V_BOOL:
		if (!json_is_boolean(v))
			return wrong(w, path, v, "write true or false");
		*((bool *)(void *)((unsigned char *)w->p + r->offset)) = json_is_true(v);
		return 0;
	case V_ROLE: return take_role(w, path, v);
	case V_IKE_PROPOSALS: return take_proposals(w, false, path, v);
	case V_ESP_PROPOSALS: return take_proposals(w, true, path, v);
	case V_AS_RANGES: return take_as_ranges(w, path, v);
	case V_WEAK: return take_weak(w, path, v);
	case V_HINT:
		if (!json_is_string(v) || json_string_length(v) >= sizeof(w->p->proposal_hint))
			return wrong(
			    w, path, v, "write the cloud's command as a string of at most 699 characters");
		snprintf(w->p->proposal_hint, sizeof(w->p->proposal_hint), "%s", json_string_value(v));
		return 0;
	}
	return -1;
}

static int check_source(struct walk *w, const struct key_rule *r, const json_t *obj)
{
	const json_t *src = json_object_get(obj, "source"), *why = json_object_get(obj, "why");
	char path[120], shown[80];
	const char *key;
	json_t *v;
	unsigned i = 0;

	if (why && (!json_is_string(why) || !json_string_length(why)))
		return wrong(w, rule_path(r, "why", path, sizeof(path)), why, "write a sentence");
	if (!json_is_string(src))
		return reason_set(w->why, "profile-missing-key",
		    "%s: %s: every value names its public source: add \"source\" with a key of \"sources\", "
		    "or \"own\"",
		    w->file, rule_path(r, "source", path, sizeof(path)));
	if (!strcmp(json_string_value(src), "own")) {
		if (why)
			return 0;
		return reason_set(w->why, "profile-missing-key",
		    "%s: %s: a value of our own choice (\"own\") must say why: add \"why\"", w->file,
		    rule_path(r, "why", path, sizeof(path)));
	}
	json_object_foreach((json_t *)w->sources, key, v)
	{
		if (!strcmp(key, json_string_value(src))) {
			w->source_used[i] = true;
			return 0;
		}
		i++;
	}
	return reason_set(w->why, "profile-unknown-source",
	    "%s: %s: %s is no key of \"sources\"; add it there with title and url", w->file,
	    rule_path(r, "source", path, sizeof(path)), show(src, shown, sizeof(shown)));
}

/* One {"value", "source", "why"?}. */
static int take_entry(struct walk *w, const struct key_rule *r, const json_t *obj)
{
	char path[120];
	const char *key;
	json_t *v;

	rule_path(r, NULL, path, sizeof(path));
	if (!json_is_object(obj))
		return wrong(w, path, obj,
		    "write {\"value\": ..., \"source\": \"...\"}: every value stands beside its public "
		    "source");
	json_object_foreach((json_t *)obj, key, v)
	{
		if (strcmp(key, "value") && strcmp(key, "source") && strcmp(key, "why"))
			return reason_set(w->why, "profile-unknown-key",
			    "%s: %s/%s: unknown key; only value, source and why may stand here", w->file,
			    path, key);
	}
	v = json_object_get(obj, "value");
	if (!v)
		return reason_set(
		    w->why, "profile-missing-key", "%s: %s: \"value\" is missing; add it", w->file, path);
	if (take_value(w, r, path, v))
		return -1;
	return check_source(w, r, obj);
}

static const struct key_rule *find_rule(const char *group, const char *key)
{
	for (size_t i = 0; i < N_RULES; i++) {
		const struct key_rule *r = &rules[i];

		if (!strcmp(r->key, key) && (group ? r->group && !strcmp(r->group, group) : !r->group))
			return r;
	}
	return NULL;
}

static bool is_group(const char *key)
{
	for (size_t i = 0; i < N_RULES; i++)
		if (rules[i].group && !strcmp(rules[i].group, key))
			return true;
	return false;
}

static bool is_text(const char *key)
{
	for (size_t i = 0; i < N_TEXTS; i++)
		if (!strcmp(texts[i].key, key))
			return true;
	return false;
}

static int take_group(struct walk *w, const char *group, const json_t *obj)
{
	char path[80];
	const char *key;
	json_t *v;

	snprintf(path, sizeof(path), "/%s", group);
	if (!json_is_object(obj))
		return wrong(w, path, obj, "write an object");
	json_object_foreach((json_t *)obj, key, v)
	{
		const struct key_rule *r = find_rule(group, key);

		if (!r)
			return reason_set(w->why, "profile-unknown-key",
			    "%s: /%s/%s: unknown key; README.md in the profiles' folder lists those that "
			    "exist",
			    w->file, group, key);
		if (take_entry(w, r, v))
			return -1;
	}
	return 0;
}

static int take_sources(struct walk *w, const json_t *root)
{
	const char *key, *k2;
	json_t *v, *v2;
	char path[160];

	w->sources = json_object_get(root, "sources");
	if (!w->sources)
		return reason_set(w->why, "profile-missing-key",
		    "%s: /sources: missing; list each source with title and url", w->file);
	if (!json_is_object(w->sources) || json_object_size(w->sources) > SOURCES_MAX)
		return wrong(w, "/sources", w->sources, "write an object of at most 64 sources");
	json_object_foreach((json_t *)w->sources, key, v)
	{
		const json_t *title = json_object_get(v, "title"), *url = json_object_get(v, "url");

		snprintf(path, sizeof(path), "/sources/%s", key);
		if (!json_is_object(v) || !json_string_length(title))
			return wrong(w, path, v, "write {\"title\": \"...\", \"url\": \"https://...\"}");
		if (!json_is_string(url) || strncmp(json_string_value(url), "https://", 8))
			return wrong(w, path, v, "\"url\" must be the public page, beginning with https://");
		json_object_foreach(v, k2, v2)
		{
			if (strcmp(k2, "title") && strcmp(k2, "url"))
				return reason_set(w->why, "profile-unknown-key",
				    "%s: %s/%s: unknown key; only title and url may stand here", w->file,
				    path, k2);
		}
	}
	return 0;
}

static int take_texts(struct walk *w, const json_t *root, const char *expected_id)
{
	for (size_t i = 0; i < N_TEXTS; i++) {
		const json_t *v = json_object_get(root, texts[i].key);
		char path[40], what[80];

		snprintf(path, sizeof(path), "/%s", texts[i].key);
		if (!v)
			return reason_set(w->why, "profile-missing-key",
			    "%s: %s: missing; add it as a string", w->file, path);
		snprintf(what, sizeof(what), "write a string of 1 to %zu characters", texts[i].cap - 1);
		if (!json_string_length(v) || json_string_length(v) >= texts[i].cap)
			return wrong(w, path, v, what);
		snprintf((char *)w->p + texts[i].offset, texts[i].cap, "%s", json_string_value(v));
	}
	if (strcmp(w->p->id, expected_id))
		return wrong(w, "/id", json_object_get(root, "id"),
		    "must equal the file's name without .json; rename one of them");
	return 0;
}

static int check_missing(struct walk *w, const json_t *root)
{
	for (size_t i = 0; i < N_RULES; i++) {
		const struct key_rule *r = &rules[i];
		const json_t *in = r->group ? json_object_get(root, r->group) : root;
		char path[80];

		if (!r->optional && !json_object_get(in, r->key))
			return reason_set(w->why, "profile-missing-key",
			    "%s: %s: missing; add it as {\"value\": ..., \"source\": \"...\"}", w->file,
			    rule_path(r, NULL, path, sizeof(path)));
	}
	return 0;
}

/* What is weak in the proposals must be admitted by name, so that nothing weak comes in with a word. */
static int check_weak(const struct walk *w, bool esp)
{
	const struct ike_proposals *ps = esp ? &w->p->esp_proposals : &w->p->ike_proposals;
	const char *names[IKE_WEAK_MAX];

	for (unsigned i = 0; i < ps->n; i++) {
		unsigned n = ike_proposal_weak(&ps->list[i], esp, names);

		for (unsigned k = 0; k < n; k++)
			if (!profile_admits(w->p, names[k]))
				return reason_set(w->why, "profile-wrong-value",
				    "%s: /%s/proposals[%u]: %s is weak and \"weak\" does not admit it; write "
				    "%s, "
				    "or add it there if this is a legacy twin",
				    w->file, esp ? "esp" : "ike", i, names[k], ike_weak_instead(names[k]));
	}
	return 0;
}

/* Rules between values, and sources that nobody names. */
static int check_together(struct walk *w)
{
	const struct profile *p = w->p;
	const char *key;
	json_t *v;
	unsigned i = 0;

	if (p->mss && p->mss > p->mtu - 40)
		return reason_set(w->why, "profile-wrong-value",
		    "%s: /interface/mss: %u: larger than the MTU %u less 40 bytes of headers; lower it",
		    w->file, (unsigned)p->mss, (unsigned)p->mtu);
	if (p->keepalive.ns * 2 > p->hold_time.ns)
		return reason_set(w->why, "profile-wrong-value",
		    "%s: /bgp/keepalive: %lld: more than half the hold time %lld, so one lost message ends "
		    "the session; a third is usual",
		    w->file, (long long)mdur_to_s(p->keepalive), (long long)mdur_to_s(p->hold_time));
	if (p->peer_as && !profile_as_reserved(p, p->peer_as) && p->n_reserved_as)
		return reason_set(w->why, "profile-wrong-value",
		    "%s: /bgp/reserved-as: the gateway's own AS %u is not among them; add it", w->file,
		    (unsigned)p->peer_as);
	json_object_foreach((json_t *)w->sources, key, v)
	{
		if (!w->source_used[i++])
			return reason_set(w->why, "profile-unknown-source",
			    "%s: /sources/%s: no value names this source; remove it", w->file, key);
	}
	return 0;
}

int profile_fill(const json_t *root, const char *file, const char *expected_id, struct profile *p,
    struct reason *ret_reason)
{
	struct walk w = { .file = file, .p = p, .why = ret_reason };
	const char *key;
	json_t *v;

	if (!json_is_object(root))
		return wrong(&w, "/", root, "a profile is a JSON object");
	if (take_texts(&w, root, expected_id) || take_sources(&w, root))
		return -1;
	json_object_foreach((json_t *)root, key, v)
	{
		const struct key_rule *r = find_rule(NULL, key);

		if (r) {
			if (take_entry(&w, r, v))
				return -1;
		} else if (is_group(key)) {
			if (take_group(&w, key, v))
				return -1;
		} else if (!is_text(key) && strcmp(key, "sources")) {
			return reason_set(ret_reason, "profile-unknown-key",
			    "%s: /%s: unknown key; README.md in the profiles' folder lists those that exist",
			    file, key);
		}
	}
	if (check_missing(&w, root) || check_weak(&w, false) || check_weak(&w, true))
		return -1;
	return check_together(&w);
}

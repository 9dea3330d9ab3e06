/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading presets: files into struct profile, a directory into a sorted set. What a file may say is check.c's
 * business. A set is all or nothing: a preset that can't be trusted is better noticed at start than at the
 * tunnel that uses it.
 */
#include "profiles/profile.h"

#include "profiles/check.h"
#include "profiles/datadir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct profiles {
	struct profile *list[PROFILES_MAX];
	size_t n;
};

const char *profiles_dir(char *buf, size_t cap)
{
	return datadir_find("CAUSEWAY_PROFILES", "profiles", "profiles", buf, cap);
}

void profile_free(struct profile *p)
{
	if (!p)
		return;
	free(p->json);
	free(p);
}

bool profile_admits(const struct profile *p, const char *weak)
{
	for (unsigned i = 0; i < p->n_weak; i++)
		if (!strcmp(p->weak[i], weak))
			return true;
	return false;
}

bool profile_as_reserved(const struct profile *p, uint32_t as)
{
	for (unsigned i = 0; i < p->n_reserved_as; i++)
		if (as >= p->reserved_as[i].first && as <= p->reserved_as[i].last)
			return true;
	return false;
}

/* "dir/azure-vpngw.json" -> "azure-vpngw". */
static void id_of(const char *source_name, char *ret_id, size_t cap)
{
	const char *slash = strrchr(source_name, '/');
	size_t n;

	snprintf(ret_id, cap, "%s", slash ? slash + 1 : source_name);
	n = strlen(ret_id);
	if (n > 5 && !strcmp(ret_id + n - 5, ".json"))
		ret_id[n - 5] = '\0';
}

struct profile *profile_parse(
    const char *text, size_t len, const char *source_name, struct reason *ret_reason)
{
	json_error_t err;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &err);
	struct profile *p = NULL;
	char id[256];
	int r;

	reason_clear(ret_reason);
	if (!root) {
		reason_set(ret_reason, "profile-syntax", "%s: line %d, column %d: %s; correct the JSON there",
		    source_name, err.line, err.column, err.text);
		return NULL;
	}
	p = calloc(1, sizeof(*p));
	if (p) {
		id_of(source_name, id, sizeof(id));
		r = profile_fill(root, source_name, id, p, ret_reason);
		if (!r)
			p->json = json_dumps(root, JSON_INDENT(2));
		if (r || !p->json) {
			profile_free(p);
			p = NULL;
		}
	}
	json_decref(root);
	if (!p && !reason_is_set(ret_reason))
		reason_set(ret_reason, "out-of-memory", "%s: out of memory", source_name);
	return p;
}

struct profile *profile_load_file(const char *path, struct reason *ret_reason)
{
	struct profile *p = NULL;
	char *text;
	size_t n = 0;
	FILE *f;

	reason_clear(ret_reason);
	f = fopen(path, "re");
	if (!f) {
		reason_set(ret_reason, "profile-not-readable", "%s: %s; check the name and its permissions",
		    path, strerror(errno));
		return NULL;
	}
	text = malloc(PROFILE_FILE_MAX + 1);
	if (text)
		n = fread(text, 1, PROFILE_FILE_MAX + 1, f);
	if (!text)
		reason_set(ret_reason, "out-of-memory", "%s: out of memory", path);
	else if (ferror(f))
		reason_set(ret_reason, "profile-not-readable", "%s: it can't be read; is it a file?", path);
	else if (n > PROFILE_FILE_MAX)
		reason_set(ret_reason, "profile-not-readable",
		    "%s: larger than %d bytes, so this is no profile", path, PROFILE_FILE_MAX);
	else
		p = profile_parse(text, n, path, ret_reason);
	fclose(f);
	free(text);
	return p;
}

static int only_json(const struct dirent *e)
{
	const size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > 5 && !strcmp(e->d_name + n - 5, ".json");
}

/* By id: a twin comes after its profile, though '-' sorts before the '.' of ".json". */
static int by_id(const struct dirent **a, const struct dirent **b)
{
	char x[PROFILE_NAME_MAX + 200], y[PROFILE_NAME_MAX + 200];

	id_of((*a)->d_name, x, sizeof(x));
	id_of((*b)->d_name, y, sizeof(y));
	return strcmp(x, y);
}

static int load_named(struct profiles *ps, const char *dir, const char *name, struct reason *ret_reason)
{
	char path[DATADIR_MAX + 300];
	struct profile *p;

	if (ps->n == PROFILES_MAX)
		return reason_set(ret_reason, "profile-not-readable",
		    "%s: more than %d profiles; remove some", dir, PROFILES_MAX);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	p = profile_load_file(path, ret_reason);
	if (!p)
		return -1;
	ps->list[ps->n++] = p;
	return 0;
}

struct profiles *profiles_load(const char *dir, struct reason *ret_reason)
{
	struct profiles *ps = calloc(1, sizeof(*ps));
	char buf[DATADIR_MAX];
	struct dirent **names;
	int n, r = 0;

	reason_clear(ret_reason);
	if (!ps) {
		reason_set(ret_reason, "out-of-memory", "out of memory");
		return NULL;
	}
	if (!dir)
		dir = profiles_dir(buf, sizeof(buf));
	n = scandir(dir, &names, only_json, by_id);
	if (n < 0) {
		reason_set(ret_reason, "profile-not-readable",
		    "%s: %s; install the profiles there or set CAUSEWAY_PROFILES", dir, strerror(errno));
		profiles_free(ps);
		return NULL;
	}
	for (int i = 0; i < n; i++) {
		if (!r)
			r = load_named(ps, dir, names[i]->d_name, ret_reason);
		free(names[i]);
	}
	free(names);
	if (!r && !ps->n)
		r = reason_set(ret_reason, "profile-not-readable",
		    "%s: no profile (*.json) in it; install them there or set CAUSEWAY_PROFILES", dir);
	if (r) {
		profiles_free(ps);
		return NULL;
	}
	return ps;
}

void profiles_free(struct profiles *ps)
{
	if (!ps)
		return;
	for (size_t i = 0; i < ps->n; i++)
		profile_free(ps->list[i]);
	free(ps);
}

size_t profiles_count(const struct profiles *ps)
{
	return ps->n;
}

const struct profile *profiles_at(const struct profiles *ps, size_t i)
{
	return i < ps->n ? ps->list[i] : NULL;
}

const struct profile *profiles_find(const struct profiles *ps, const char *id, struct reason *ret_reason)
{
	for (size_t i = 0; i < ps->n; i++)
		if (!strcmp(ps->list[i]->id, id))
			return ps->list[i];
	reason_set(ret_reason, "profile-unknown", "there is no profile \"%.64s\"; there are:", id);
	for (size_t i = 0; i < ps->n && i < 8; i++)
		reason_add(ret_reason, "%s %s", i ? "," : "", ps->list[i]->id);
	return NULL;
}

const struct profile *profiles_legacy_twin(const struct profiles *ps, const struct profile *p)
{
	char id[PROFILE_NAME_MAX + 16];
	const struct profile *twin;

	if (p->n_weak)
		return p;
	snprintf(id, sizeof(id), "%s-legacy", p->id);
	twin = profiles_find(ps, id, NULL);
	return twin ? twin : profiles_find(ps, "generic-ikev2-legacy", NULL);
}

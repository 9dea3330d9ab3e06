/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The YANG module: loading it, and asking libyang whether a whole configuration obeys it (mandatory leaves,
 * keys, counts, references, `must`). libyang's messages become reasons here; where the model carries an
 * error-app-tag of ours, that is the reason's id.
 */
#include "connector/mgmt/cfg_internal.h"

#include "profiles/datadir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libyang stores errors for us to read and prints nothing; the option is process-wide. */
static void quiet_libyang(void)
{
	ly_log_options(LY_LOSTORE_LAST);
	ly_log_level(LY_LLERR);
}

static int load_module(struct cfg_context *c, const char *dir, struct reason *ret_reason)
{
	const struct ly_err_item *err;
	char path[DATADIR_MAX + 32];
	LY_ERR r;

	snprintf(path, sizeof(path), "%s/causeway.yang", dir);
	r = ly_ctx_new(NULL, LY_CTX_NO_YANGLIBRARY | LY_CTX_DISABLE_SEARCHDIRS, &c->ly);
	if (r)
		return reason_set(ret_reason, "yang-not-loaded", "libyang can't start (error %d)", (int)r);
	r = lys_parse_path(c->ly, path, LYS_IN_YANG, (struct lys_module **)&c->module);
	if (!r)
		return 0;
	err = ly_err_last(c->ly);
	return reason_set(ret_reason, "yang-not-loaded",
	    "%s: the YANG module can't be loaded: %s; install it there or set CAUSEWAY_YANG to its directory",
	    path, err && err->msg ? err->msg : "unknown error");
}

struct cfg_context *cfg_context_new(const char *yang_dir, const char *profile_dir, struct reason *ret_reason)
{
	struct cfg_context *c = calloc(1, sizeof(*c));
	char buf[DATADIR_MAX];

	reason_clear(ret_reason);
	if (!c) {
		reason_set(ret_reason, "out-of-memory", "out of memory");
		return NULL;
	}
	c->world = &cfg_default_world;
	quiet_libyang();
	if (!yang_dir)
		yang_dir = datadir_find("CAUSEWAY_YANG", "connector/mgmt/yang", "yang", buf, sizeof(buf));
	if (load_module(c, yang_dir, ret_reason)) {
		cfg_context_free(c);
		return NULL;
	}
	c->profiles = profiles_load(profile_dir, ret_reason);
	if (!c->profiles) {
		cfg_context_free(c);
		return NULL;
	}
	return c;
}

void cfg_context_free(struct cfg_context *c)
{
	if (!c)
		return;
	profiles_free(c->profiles);
	ly_ctx_destroy(c->ly);
	free(c);
}

const struct profiles *cfg_context_profiles(const struct cfg_context *c)
{
	return c->profiles;
}

/* From 'Schema location "...", data location "/causeway:connector/...".' the data location. */
static void data_path(const char *from, char *ret_path, size_t cap)
{
	const char *p = from ? strcasestr(from, "data location \"") : NULL;
	const char *end;

	snprintf(ret_path, cap, "/" CFG_ROOT);
	if (!p)
		return;
	p = strchr(p, '"') + 1;
	end = strrchr(p, '"');
	if (end)
		snprintf(ret_path, cap, "%.*s", (int)(end - p), p);
}

/* What stands between the first two double quotes of a message: the name or value that it is about. */
static void quoted(const char *msg, char *ret_word, size_t cap)
{
	const char *p = strchr(msg, '"'), *end = p ? strchr(p + 1, '"') : NULL;

	snprintf(ret_word, cap, "%.*s", end ? (int)(end - p - 1) : 0, end ? p + 1 : "");
}

/* How libyang begins a message, and what we say after the name that it quotes. */
static const struct {
	const char *begins, *id, *say;
} translations[] = {
	{ "Mandatory node", "config-missing-leaf", "is missing; add it" },
	{ "Too few", "config-missing-leaf", "is missing or empty; add at least one" },
	{ "Too many", "config-count",
	    "has too many entries; docs/configuration.md says how many there may be" },
	{ "Duplicate instance of", "config-duplicate",
	    "stands here twice; keys and list values must be unique, so rename or remove one" },
	{ "Invalid leafref value", "config-dangling-reference",
	    "is named here, but peer[] holds nothing of that name; add it there or correct the name" },
};

static int translate(const struct cfg_load *l, const struct ly_err_item *err)
{
	char path[CFG_PATH_MAX], word[100];
	const char *msg = err && err->msg ? err->msg : "the model does not allow this";

	data_path(err ? err->path : NULL, path, sizeof(path));
	if (err && err->apptag && !strncmp(err->apptag, "config-", 7))
		return cfg_fail(l, err->apptag, path, NULL, "%s", msg);
	quoted(msg, word, sizeof(word));
	for (size_t i = 0; i < sizeof(translations) / sizeof(translations[0]); i++) {
		if (!strncmp(msg, translations[i].begins, strlen(translations[i].begins)))
			return cfg_fail(
			    l, translations[i].id, path, NULL, "\"%s\" %s", word, translations[i].say);
	}
	return cfg_fail(l, "config-invalid", path, NULL, "%s", msg);
}

int cfg_validate(const struct cfg_load *l, const json_t *root, struct lyd_node **ret_tree)
{
	char *text = json_dumps(root, JSON_COMPACT);
	LY_ERR r;

	if (!text)
		return cfg_fail(l, "out-of-memory", NULL, NULL, "out of memory");
	ly_err_clean(l->c->ly, NULL);
	r = lyd_parse_data_mem(l->c->ly, text, LYD_JSON, LYD_PARSE_STRICT | LYD_PARSE_NO_STATE,
	    LYD_VALIDATE_NO_STATE | LYD_VALIDATE_PRESENT, ret_tree);
	free(text);
	if (!r)
		return 0;
	*ret_tree = NULL;
	translate(l, ly_err_last(l->c->ly));
	ly_err_clean(l->c->ly, NULL);
	return -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first look at a configuration: JSON text to a tree, then each name, type and single value against the
 * compiled model. libyang would find the same faults, but reports them before it knows the keys of the list
 * entry it is in, and without the value; here path and value are at hand. Rules over several nodes are left
 * to libyang (cfg_schema.c).
 *
 * The walk recurses as deep as the model does, never as deep as the file: an unknown name ends it.
 */
#include "connector/mgmt/cfg_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The path so far; names are appended and cut off again. */
struct path {
	char s[CFG_PATH_MAX];
	size_t n;
};

static int walk_object(
    const struct cfg_load *l, struct path *at, const struct lysc_node *schema, const json_t *obj);

static size_t path_push(struct path *at, const char *text, const char *text2, const char *text3)
{
	const size_t before = at->n;
	int n = snprintf(at->s + at->n, sizeof(at->s) - at->n, "%s%s%s", text, text2, text3);

	at->n += n < 0 ? 0 : (size_t)n;
	if (at->n >= sizeof(at->s))
		at->n = sizeof(at->s) - 1;
	return before;
}

static void path_pop(struct path *at, size_t before)
{
	at->n = before;
	at->s[before] = '\0';
}

json_t *cfg_parse_json(const struct cfg_load *l, const char *text)
{
	json_error_t err;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &err);
	const char *key;
	json_t *v;

	if (!root) {
		cfg_fail(l, "config-syntax", NULL, NULL, "line %d, column %d: %s; correct the JSON there",
		    err.line, err.column, err.text);
		return NULL;
	}
	if (!json_is_object(root)) {
		cfg_fail(l, "config-wrong-type", "/", NULL, "write an object: { \"" CFG_ROOT "\": { ... } }");
		json_decref(root);
		return NULL;
	}
	json_object_foreach(root, key, v)
	{
		char path[160];

		if (!strcmp(key, CFG_ROOT))
			continue;
		snprintf(path, sizeof(path), "/%s", key);
		cfg_fail(l,
		    !strcmp(key, "causeway:state") ? "config-not-configuration" : "config-unknown-leaf", path,
		    NULL, "a configuration has one member, \"" CFG_ROOT "\"; remove this one");
		json_decref(root);
		return NULL;
	}
	if (!json_object_get(root, CFG_ROOT) && json_object_set_new(root, CFG_ROOT, json_object())) {
		cfg_fail(l, "out-of-memory", NULL, NULL, "out of memory");
		json_decref(root);
		return NULL;
	}
	return root;
}

static const char *type_name(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT: return "an object";
	case JSON_ARRAY: return "an array";
	case JSON_STRING: return "a string";
	case JSON_INTEGER: return "a number";
	case JSON_REAL: return "a fraction";
	case JSON_TRUE:
	case JSON_FALSE: return "true or false";
	case JSON_NULL: return "null";
	}
	return "something else";
}

/* The value as text, as libyang wants it and as the admin wrote it; to be freed. */
static char *value_text(const json_t *v)
{
	return json_is_string(v) ? strdup(json_string_value(v))
	                         : json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
}

static bool is_number_type(LY_DATA_TYPE t)
{
	return t == LY_TYPE_UINT8 || t == LY_TYPE_UINT16 || t == LY_TYPE_UINT32;
}

static int wrong_type(const struct cfg_load *l, const struct path *at, const json_t *v, const char *wanted)
{
	char *text = value_text(v);

	cfg_fail(l, "config-wrong-type", at->s, text, "this is %s; write %s", type_name(v), wanted);
	free(text);
	return -1;
}

/* What an enumeration offers: "write one of both, initiate, respond". */
static void say_enums(const struct cfg_load *l, const struct lysc_type *type)
{
	const struct lysc_type_enum *e = (const struct lysc_type_enum *)type;
	LY_ARRAY_COUNT_TYPE i;

	reason_add(l->why, "write one of");
	LY_ARRAY_FOR(e->enums, i)
	reason_add(l->why, "%s %s", i ? "," : "", e->enums[i].name);
}

/* The model's own words where it has some; libyang's for what no admin could read. */
static const char *say_value(const struct lysc_type *type, const struct ly_err_item *err)
{
	if (is_number_type(type->basetype) && (!err || !err->msg || !strncmp(err->msg, "Value \"", 7)))
		return "the number is too small or too large here; docs/configuration.md has the range";
	return err && err->msg ? err->msg : "the model does not allow this value";
}

static int check_value(
    const struct cfg_load *l, const struct path *at, const struct lysc_node *schema, const char *text)
{
	const struct lysc_type *type = ((const struct lysc_node_leaf *)schema)->type;
	const struct ly_err_item *err;
	LY_ERR r;

	ly_err_clean(l->c->ly, NULL);
	r = lyd_value_validate(l->c->ly, schema, text, strlen(text), NULL, NULL, NULL);
	if (r == LY_SUCCESS || r == LY_EINCOMPLETE)
		return 0;
	err = ly_err_last(l->c->ly);
	if (type->basetype == LY_TYPE_ENUM) {
		cfg_fail(l, "config-wrong-value", at->s, text, "%s", "");
		say_enums(l, type);
	} else {
		cfg_fail(l, "config-wrong-value", at->s, text, "%s", say_value(type, err));
	}
	ly_err_clean(l->c->ly, NULL);
	return -1;
}

static int walk_value(
    const struct cfg_load *l, const struct path *at, const struct lysc_node *schema, const json_t *v)
{
	const LY_DATA_TYPE t = ((const struct lysc_node_leaf *)schema)->type->basetype;
	char *text;
	int r;

	if (is_number_type(t) && !json_is_integer(v))
		return wrong_type(l, at, v, "a whole number without quotes");
	if (t == LY_TYPE_BOOL && !json_is_boolean(v))
		return wrong_type(l, at, v, "true or false, without quotes");
	if (!is_number_type(t) && t != LY_TYPE_BOOL && !json_is_string(v))
		return wrong_type(l, at, v, "a string in quotes");
	text = value_text(v);
	if (!text)
		return cfg_fail(l, "out-of-memory", at->s, NULL, "out of memory");
	r = check_value(l, at, schema, text);
	free(text);
	return r;
}

#define NUMBER_MAX 24 /* characters of a whole number */

/* The key of a list entry as text: a string or a whole number throughout the model. NULL: it has none, or
 * none of these. */
static const char *entry_key(
    const struct lysc_node *schema, const json_t *entry, const char **ret_name, char number[NUMBER_MAX])
{
	const struct lysc_node *child = lysc_node_child(schema); /* libyang puts keys first */
	const json_t *v;

	*ret_name = child ? child->name : "";
	v = json_object_get(entry, *ret_name);
	if (!json_is_integer(v))
		return json_string_value(v);
	snprintf(number, NUMBER_MAX, "%lld", (long long)json_integer_value(v));
	return number;
}

/* Refuses a key or value that its list holds already; seen collects them. */
static int check_once(const struct cfg_load *l, const struct path *at, json_t *seen, const char *text)
{
	if (json_object_get(seen, text))
		return cfg_fail(
		    l, "config-duplicate", at->s, text, "this stands here twice; rename or remove one");
	if (json_object_set_new(seen, text, json_true()))
		return cfg_fail(l, "out-of-memory", at->s, NULL, "out of memory");
	return 0;
}

static int walk_entry(const struct cfg_load *l, struct path *at, const struct lysc_node *schema,
    const json_t *entry, const char *key_name, const char *key, json_t *seen)
{
	if (!json_is_object(entry))
		return wrong_type(l, at, entry, "an object: { ... }");
	if (!json_object_get(entry, key_name))
		return cfg_fail(l, "config-missing-leaf", at->s, NULL, "\"%s\" is missing; add it", key_name);
	if (walk_object(l, at, schema, entry))
		return -1;
	return check_once(l, at, seen, key ? key : "");
}

static int walk_list(
    const struct cfg_load *l, struct path *at, const struct lysc_node *schema, const json_t *v)
{
	json_t *seen, *entry;
	size_t i;
	int r = 0;

	if (!json_is_array(v))
		return wrong_type(l, at, v, "an array of objects: [ { ... } ]");
	seen = json_object();
	json_array_foreach(v, i, entry)
	{
		char number[NUMBER_MAX], place[24];
		const char *key_name, *key = entry_key(schema, entry, &key_name, number);
		size_t before;

		snprintf(place, sizeof(place), "[%zu]", i + 1);
		before = key ? path_push(at, "[", key_name, "='") : path_push(at, place, "", "");
		if (key)
			path_push(at, key, "']", "");
		r = walk_entry(l, at, schema, entry, key_name, key, seen);
		path_pop(at, before);
		if (r)
			break;
	}
	json_decref(seen);
	return r;
}

static int walk_leaf_list(
    const struct cfg_load *l, struct path *at, const struct lysc_node *schema, const json_t *v)
{
	json_t *seen, *entry;
	size_t i;
	int r = 0;

	if (!json_is_array(v))
		return wrong_type(l, at, v, "an array, even of one: [ ... ]");
	seen = json_object();
	json_array_foreach(v, i, entry)
	{
		r = walk_value(l, at, schema, entry);
		if (!r) /* every leaf-list of the model holds strings */
			r = check_once(l, at, seen, json_string_value(entry));
		if (r)
			break;
	}
	json_decref(seen);
	return r;
}

static int unknown(const struct cfg_load *l, const struct path *at, const struct lysc_node *schema)
{
	const struct lysc_node *c = NULL;
	bool first = true;

	cfg_fail(l, "config-unknown-leaf", at->s, NULL, "%s", "the model has no such name;");
	reason_add(l->why, " known here:");
	while ((c = lys_getnext(c, schema, NULL, 0))) {
		reason_add(l->why, "%s %s", first ? "" : ",", c->name);
		first = false;
	}
	return -1;
}

static int walk_member(const struct cfg_load *l, struct path *at, const struct lysc_node *parent,
    const char *key, const json_t *v)
{
	const char *name = strncmp(key, "causeway:", 9) ? key : key + 9;
	const struct lysc_node *schema = lys_find_child(parent, l->c->module, name, 0, 0, 0);

	if (!schema)
		return unknown(l, at, parent);
	switch (schema->nodetype) {
	case LYS_CONTAINER:
		if (!json_is_object(v))
			return wrong_type(l, at, v, "an object: { ... }");
		return walk_object(l, at, schema, v);
	case LYS_LIST: return walk_list(l, at, schema, v);
	case LYS_LEAFLIST: return walk_leaf_list(l, at, schema, v);
	default: return walk_value(l, at, schema, v); /* the model holds leaves beside these */
	}
}

static bool has_member(const json_t *obj, const char *name)
{
	const json_t *v = json_object_get(obj, name);
	char qualified[160];

	if (!v) {
		snprintf(qualified, sizeof(qualified), "causeway:%s", name);
		v = json_object_get(obj, qualified);
	}
	return v && !(json_is_array(v) && !json_array_size(v));
}

static bool is_needed(const struct lysc_node *schema)
{
	if (schema->nodetype == LYS_LIST)
		return ((const struct lysc_node_list *)schema)->min > 0;
	if (schema->nodetype == LYS_LEAFLIST)
		return ((const struct lysc_node_leaflist *)schema)->min > 0;
	return schema->nodetype == LYS_LEAF && schema->flags & LYS_MAND_TRUE;
}

static int check_needed(
    const struct cfg_load *l, const struct path *at, const struct lysc_node *schema, const json_t *obj)
{
	const struct lysc_node *c = NULL;

	while ((c = lys_getnext(c, schema, NULL, 0))) {
		if (is_needed(c) && !has_member(obj, c->name))
			return cfg_fail(l, "config-missing-leaf", at->s, NULL, "\"%s\" is missing%s; add it",
			    c->name, c->nodetype == LYS_LEAF ? "" : " or empty");
	}
	return 0;
}

static int walk_object(
    const struct cfg_load *l, struct path *at, const struct lysc_node *schema, const json_t *obj)
{
	const char *key;
	json_t *v;
	int r;

	json_object_foreach((json_t *)obj, key, v)
	{
		size_t before = path_push(at, "/", key, "");

		r = walk_member(l, at, schema, key, v);
		path_pop(at, before);
		if (r)
			return r;
	}
	return check_needed(l, at, schema, obj);
}

int cfg_walk(const struct cfg_load *l, const json_t *root)
{
	const struct lysc_node *schema = lys_find_child(NULL, l->c->module, "connector", 0, 0, 0);
	const json_t *v = json_object_get(root, CFG_ROOT);
	struct path at = { .n = 0 };

	path_push(&at, "/" CFG_ROOT, "", "");
	if (!json_is_object(v))
		return wrong_type(l, &at, v, "an object: { ... }");
	return walk_object(l, &at, schema, v);
}

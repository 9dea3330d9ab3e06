/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How views become JSON (view_*.c). An object under construction remembers whether something failed, so that
 * a row is either whole or NULL.
 */
#ifndef CW_MGMT_VIEW_BUILD_H
#define CW_MGMT_VIEW_BUILD_H

#include "connector/mgmt/view_json.h"

struct obj {
	json_t *o;
	bool bad;
};

static inline struct obj obj_new(void)
{
	struct obj b = { .o = json_object() };

	b.bad = !b.o;
	return b;
}

/* Takes over v; a NULL v makes the object bad. */
static inline void put(struct obj *b, const char *key, json_t *v)
{
	if (b->bad)
		json_decref(v);
	else if (!v || json_object_set_new_nocheck(b->o, key, v)) /* frees v when it fails */
		b->bad = true;
}

static inline json_t *obj_end(struct obj *b)
{
	if (!b->bad)
		return b->o;
	json_decref(b->o);
	return NULL;
}

static inline json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static inline json_t *address(const struct addr *a)
{
	return addr_is_none(a) ? json_null() : json_string(addr_str(a));
}

static inline json_t *router_id(uint32_t id)
{
	const struct addr a = addr_v4(id);

	return id ? json_string(addr_str(&a)) : json_null();
}

static inline json_t *why(const struct reason *r)
{
	struct obj b;

	if (!reason_is_set(r))
		return json_null();
	b = obj_new();
	put(&b, "id", view_text(r->id));
	put(&b, "text", view_text(r->text));
	return obj_end(&b);
}

/* Appends a new row to an array; takes over v. */
static inline void add(json_t *array, json_t *v, bool *bad)
{
	if (!v || json_array_append_new(array, v))
		*bad = true;
}

static inline json_t *array_end(json_t *array, bool bad)
{
	if (!bad)
		return array;
	json_decref(array);
	return NULL;
}

#endif
